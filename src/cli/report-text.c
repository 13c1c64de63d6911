/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text report of a plan, a fix and an undo. */
#include "cli/report-text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/report-findings.h"
#include "report/advice.h"
#include "report/amount.h"
#include "report/need.h"
#include "report/phrases.h"
#include "report/plan-file.h"
#include "util/path.h"

#define INDENT     2
#define PIECE_SIZE 80 /* bytes of a short text */
#define DETAIL     6  /* the column at which an operation begins */

/* Prints "IMAGE: ", and before that a line if an interrupted change was undone first. */
static void report_image(struct output *output, const char *image, bool recovered)
{
	if (recovered) {
		print_styled(output, STYLE_STRONG, "%s", image);
		print_line(output, ": an interrupted change was undone first");
	}
	print_styled(output, STYLE_STRONG, "%s", image);
	print(output, ": ");
}

/*
 * Ends the line with the outcome of an image.  The line is wrapped on narrow terminals only, so that
 * a script finds it in one piece.
 */
static void report_outcome(struct output *output, const char *text)
{
	if (output_is_narrow(output))
		print_wrapped(output, INDENT, "%s", text);
	else
		print(output, "%s", text);
	print_end(output);
}

static void report_notes(struct output *output, const char *image, const struct settings *settings,
			 const struct bs_result *result)
{
	const struct advice_subject subject = {
		.image = image, .options = &settings->options, .inspection = result->inspection};

	report_findings(output, &subject, true);
}

static bool report_has_note(const struct bs_inspection *inspection, enum bs_code code)
{
	for (uint32_t i = 0; inspection && i < inspection->finding_count; i++)
		if (inspection->findings[i].code == code)
			return true;
	return false;
}

static void report_nothing_to_do(struct output *output, const char *image,
				 const struct settings *settings, const struct bs_result *result)
{
	const char *text =
		report_has_note(result->inspection, BS_NOTE_NOT_NEEDED)
			? "nothing to do: no fix is needed"
			: "nothing to do: the boot files are on the partition with Windows";
	const struct advice_subject subject = {.image = image, .options = &settings->options};

	report_image(output, image, result->recovered);
	if (report_is_fixed(result)) {
		if (output_is_narrow(output))
			print_wrapped(output, INDENT, "%s", text);
		else
			print(output, "%s", text);
		report_fixed_shortly(output, &subject, result);
		if (!output_is_narrow(output))
			print_end(output);
	} else {
		report_outcome(output, text);
	}
	report_notes(output, image, settings, result);
}

/* All parents are in the image's folder, so their names are enough. */
void report_parents(struct output *output, const struct bs_result *result)
{
	if (result->parent_count == 0)
		return;
	print_to(output, INDENT);
	print(output,
	      "%s: ", result->parent_count == 1 ? "Parent, only read" : "Parents, only read");
	for (uint32_t i = 0; i < result->parent_count; i++) {
		const struct bs_parent *parent = &result->parents[i];

		print_wrapped(output, 2 * INDENT, "%s%s (%s, %s)", i > 0 ? ", " : "",
			      path_name(parent->path), parent->format,
			      size_format(parent->size).text);
	}
	print_end(output);
}

/* ---- plan --------------------------------------------------------------------------------- */

/* Writes " (12 sectors written)", or nothing. */
static void plan_format_sectors(const struct bs_operation *operation, char text[PIECE_SIZE])
{
	text[0] = '\0';
	if (operation->sectors > 0)
		snprintf(text, PIECE_SIZE, " (%s written)",
			 count_format(operation->sectors, "sector").text);
}

bool plan_makes_store(const struct bs_plan *plan)
{
	for (uint32_t i = 0; i < plan->operation_count; i++)
		if (plan->operations[i].kind == BS_OPERATION_STORE)
			return true;
	return false;
}

static void report_plan_copy(struct output *output, const struct bs_operation *operation,
			     bool is_new, const char *sectors)
{
	char folders[PIECE_SIZE] = "", replaced[PIECE_SIZE] = "";

	if (operation->folders > 0)
		snprintf(folders, sizeof(folders), ", %s",
			 count_format(operation->folders, "folder").text);
	if (operation->replaces > 0)
		snprintf(replaced, sizeof(replaced), ", replacing %u that %s there",
			 operation->replaces, operation->replaces == 1 ? "is" : "are");
	print_wrapped(output, DETAIL, "copy %s%s: %s%s, %s%s%s", operation->path,
		      is_new ? " from what Windows keeps" : "",
		      count_format(operation->files, "file").text, folders,
		      size_format(operation->bytes).text, replaced, sectors);
}

static void report_plan_operation(struct output *output, const struct bs_plan *plan,
				  const struct bs_operation *operation)
{
	char sectors[PIECE_SIZE];

	plan_format_sectors(operation, sectors);
	switch (operation->kind) {
	case BS_OPERATION_COPY:
		report_plan_copy(output, operation, plan_makes_store(plan), sectors);
		break;
	case BS_OPERATION_ATTRIBUTES:
		print_wrapped(output, DETAIL, "make %s read-only, hidden, system%s",
			      operation->path, sectors);
		break;
	case BS_OPERATION_RETARGET_BCD:
		print_wrapped(output, DETAIL, "point %s of %s to partition %u%s",
			      count_format(operation->elements, "element").text, operation->path,
			      plan->boot_number, sectors);
		break;
	case BS_OPERATION_BOOT_CODE:
		print_wrapped(output, DETAIL,
			      "make the boot record of partition %u start bootmgr%s",
			      plan->boot_number, sectors);
		break;
	case BS_OPERATION_ACTIVATE:
		print_wrapped(output, DETAIL, "make partition %u the only active one%s",
			      plan->boot_number, sectors);
		break;
	case BS_OPERATION_SIGNATURE:
		print_wrapped(output, DETAIL, "give the disk its signature %08x back%s",
			      plan->restored_signature, sectors);
		break;
	case BS_OPERATION_STORE:
		print_wrapped(output, DETAIL, "make %s with %s: %s%s", operation->path,
			      count_format(operation->elements, "element").text,
			      size_format(operation->bytes).text, sectors);
		break;
	case BS_OPERATION_KIND_COUNT:
		break;
	}
}

void report_plan_operations(struct output *output, const struct bs_plan *plan)
{
	for (uint32_t i = 0; i < plan->operation_count; i++) {
		print(output, "%4u. ", i + 1);
		report_plan_operation(output, plan, &plan->operations[i]);
		print_end(output);
	}
}

/* FILE_ATTRIBUTE_READONLY, _HIDDEN, _SYSTEM and _ARCHIVE of winnt.h, as attrib shows them. */
static void report_plan_attributes(struct output *output, uint32_t attributes)
{
	print(output, "%c%c%c%c", attributes & 0x20 ? 'A' : '-', attributes & 4 ? 'S' : '-',
	      attributes & 2 ? 'H' : '-', attributes & 1 ? 'R' : '-');
}

static void report_plan_file(struct output *output, const struct bs_plan_file *file)
{
	struct amount_text size = size_format(file->size);
	const char *what = file->is_folder ? "folder" : size.text;

	print_to(output, 2 * INDENT);
	report_plan_attributes(output, file->attributes);
	if (!output_is_narrow(output)) {
		print_line(output, "%11s  %s", what, file->path);
		return;
	}
	print(output, " %s ", what);
	print_wrapped(output, DETAIL, "%s", file->path);
	print_end(output);
}

static void report_plan_details(struct output *output, const struct bs_plan *plan)
{
	print_item(output, INDENT, "Files:");
	for (uint32_t i = 0; i < plan->file_count; i++)
		report_plan_file(output, &plan->files[i]);
	print_item(output, INDENT, "BCD elements:");
	for (uint32_t i = 0; i < plan->element_count; i++) {
		const struct bs_plan_element *element = &plan->elements[i];

		print_item(output, 2 * INDENT, "%s %08x %s", element->object, element->element,
			   element->path);
	}
}

static void report_plan_room(struct output *output, const struct bs_inspection *inspection)
{
	if (!inspection || !inspection->room_before_known || !inspection->room_after_known)
		return;
	print_item(
		output, INDENT,
		"Free space on the active partition: %s now, %s after the fix. The %s needs %s%s.",
		size_format(inspection->room_before).text, size_format(inspection->room_after).text,
		need_noun(inspection->needed_room), size_format(inspection->needed_room).text,
		conversion_need(inspection) == NEED_NOTHING && inspection->starts
			? ", so it does not need the fix"
			: "");
}

/* Begins a line that ends with a path or a command.  Such a line is not wrapped, so that the user
 * can copy the path. */
static void report_label(struct output *output, const char *label)
{
	print_to(output, INDENT);
	print(output, "%s:", label);
	if (output_is_narrow(output)) {
		print_end(output);
		print_to(output, 2 * INDENT);
	} else {
		print(output, " ");
	}
}

static void print_fix_option(struct output *output, const char *name, const char *value)
{
	if (!value)
		return;
	print(output, " %s ", name);
	print_shell_word(output, value);
}

void print_fix_command(struct output *output, const char *image, const struct bs_options *options,
		       const char *plan_file)
{
	print(output, "bootshift fix");
	print_fix_option(output, "--plan", plan_file);
	print_fix_option(output, "--format", options->format);
	if (options->system_partition != 0)
		print(output, " --system-partition %u", options->system_partition);
	if (options->boot_partition != 0)
		print(output, " --boot-partition %u", options->boot_partition);
	if (options->restore_signature)
		print(output, " --restore-signature");
	if (options->rebuild)
		print(output, " --rebuild");
	print_fix_option(output, "--undo-dir", options->undo_directory);
	print(output, image[0] == '-' ? " -- " : " ");
	print_shell_word(output, image);
}

/* Whether the plan is in a file now: not on standard output, and not in /dev/null. */
static bool report_has_plan_file(const struct settings *settings)
{
	struct stat status;

	return settings->output && strcmp(settings->output, "-") != 0 &&
	       stat(settings->output, &status) == 0 && S_ISREG(status.st_mode);
}

/* What the start of the prepared disk has proven. */
static void report_proof(struct output *output, const struct bs_plan *plan,
			 const struct bs_start *start)
{
	bool moves = !plan || plan->system_number != plan->boot_number;

	if (!start)
		return;
	print_item(output, INDENT, "Proven by a start in a virtual machine: %s.%s", start->evidence,
		   moves ? " The old system partition was not needed." : "");
	report_start(output, start);
}

void report_plan(struct output *output, const char *image, const struct settings *settings,
		 const struct bs_result *result)
{
	const struct bs_plan *plan = result->plan;
	char text[PIECE_SIZE];

	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		report_nothing_to_do(output, image, settings, result);
		if (settings->output)
			print_item(output, INDENT,
				   "There is nothing to carry out, so no plan was written.");
		return;
	}
	if (result->status != BS_STATUS_WOULD_FIX || !plan)
		return;
	report_image(output, image, result->recovered);
	if (plan_makes_store(plan))
		snprintf(text, sizeof(text), "make the boot files of partition %u anew",
			 plan->boot_number);
	else if (plan->system_number != plan->boot_number)
		snprintf(text, sizeof(text),
			 "move the boot files from partition %u to partition %u",
			 plan->system_number, plan->boot_number);
	else
		snprintf(text, sizeof(text), "give the disk its signature back");
	report_outcome(output, text);
	report_parents(output, result);
	report_plan_operations(output, plan);
	if (settings->verbose)
		report_plan_details(output, plan);
	report_plan_room(output, result->inspection);
	report_notes(output, image, settings, result);
	report_proof(output, result->plan, result->start);
	if (report_has_plan_file(settings)) {
		report_label(output, "To do exactly this");
		print_fix_command(output, image, &settings->options, settings->output);
		print_end(output);
	}
	print_item(output, INDENT,
		   "The plan was rehearsed and verified in %s. Nothing was written.",
		   duration_format(result->milliseconds).text);
}

/* ---- fix and undo ------------------------------------------------------------------------- */

/*
 * Says that the conversion, or the upgrade, would have had room without the fix.  A disk that does not
 * start needs the fix whatever the room.
 */
static void report_fix_need(struct output *output, const struct bs_result *result)
{
	const struct bs_inspection *inspection = result->inspection;
	bool fixed = result->status == BS_STATUS_FIXED;

	if (!inspection || conversion_need(inspection) != NEED_NOTHING ||
	    (inspection->starts_known && !inspection->starts))
		return;
	print_item(output, INDENT,
		   "The %s %s not need the fix: it needs %s on the active partition, which "
		   "%s %s free.",
		   need_noun(inspection->needed_room), fixed ? "did" : "does",
		   size_format(inspection->needed_room).text, fixed ? "had" : "has",
		   size_format(inspection->room_before).text);
}

/* Sets the number and the size of the files that a fix has copied. */
static void fix_count_files(const struct bs_plan *plan, uint64_t *files, uint64_t *bytes)
{
	*files = *bytes = 0;
	for (uint32_t i = 0; plan && i < plan->operation_count; i++) {
		if (plan->operations[i].kind != BS_OPERATION_COPY)
			continue;
		*files += plan->operations[i].files;
		*bytes += plan->operations[i].bytes;
	}
}

/* "srv01.img: fixed: 36 files, 15.2 MiB, in 0.41 s" */
static void report_fix_outcome(struct output *output, const char *image,
			       const struct bs_result *result)
{
	bool fixed = result->status == BS_STATUS_FIXED;
	uint64_t files, bytes;
	char what[2 * PIECE_SIZE], text[4 * PIECE_SIZE];

	fix_count_files(result->plan, &files, &bytes);
	report_image(output, image, result->recovered);
	print_styled(output, STYLE_GOOD, fixed ? "fixed" : "would be fixed");
	print(output, ": ");
	if (files == 0)
		snprintf(what, sizeof(what), "the disk's signature");
	else
		snprintf(what, sizeof(what), "%s, %s", count_format(files, "file").text,
			 size_format(bytes).text);
	snprintf(text, sizeof(text), "%s%s in %s%s", what, fixed ? "," : "; rehearsed and verified",
		 duration_format(result->milliseconds).text,
		 fixed ? "" : ", and nothing was written");
	report_outcome(output, text);
}

void report_fix(struct output *output, const char *image, const struct settings *settings,
		const struct bs_result *result)
{
	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		report_nothing_to_do(output, image, settings, result);
		if (settings->plan_file)
			print_item(output, INDENT,
				   "There is nothing to carry out, so the plan was not checked.");
		return;
	}
	if (result->status != BS_STATUS_FIXED && result->status != BS_STATUS_WOULD_FIX)
		return;
	report_fix_outcome(output, image, result);
	if (settings->verbose && result->plan)
		report_plan_operations(output, result->plan);
	report_fix_need(output, result);
	report_notes(output, image, settings, result);
	report_proof(output, result->plan, result->start);
	if (!result->undo_file)
		return;
	report_label(output, "Undo file");
	print_line(output, "%s", result->undo_file);
}

static void report_fix_undo(struct output *output, const char *image,
			    const struct settings *settings, const struct bs_result *result)
{
	const struct advice_subject subject = {.image = image, .options = &settings->options};
	char *command = advice_undo_command(&subject, result);

	report_label(output, "To undo the fix");
	print_line(output, "%s", command ? command : "bootshift undo");
	free(command);
}

/* Whether the disk does not start even after the fix, which only gave the signature back. */
static bool report_still_stops(const struct bs_inspection *inspection)
{
	return inspection && inspection->starts_after_known && !inspection->starts_after;
}

void report_fix_next(struct output *output, const char *image, const struct settings *settings,
		     const struct bs_result *result)
{
	const struct bs_plan *plan = result->plan;
	uint32_t partition = plan ? plan->system_number : 0;
	uint64_t room = settings->options.needed_room;

	print_to(output, INDENT);
	print_styled(output, STYLE_STRONG, "Next: ");
	if (report_has_note(result->inspection, BS_NOTE_ROOM)) {
		print_wrapped(output, INDENT, "free the space that the note above asks for, then");
		print(output, " ");
	}
	if (plan && plan_makes_store(plan))
		print_wrapped(
			output, INDENT,
			"start the disk. Keep the undo file until Windows has started. In Windows, "
			"bcdedit shows the new boot menu.");
	else if (plan && plan->system_number == plan->boot_number)
		print_wrapped(
			output, INDENT,
			"%sstart the disk. Keep the undo file until it has started. Do not "
			"attach the disk beside another disk with the signature %08x: Windows "
			"would change it again.",
			report_still_stops(result->inspection)
				? "the disk does not start yet: repair the broken links of its "
				  "boot "
				  "chain, which bootshift inspect shows, then "
				: "",
			plan->restored_signature);
	else if (report_has_note(result->inspection, BS_NOTE_STAYS))
		print_wrapped(
			output, INDENT,
			"%s. Keep the undo file until the %s machine "
			"has started. Never delete partition %u: it is still used, as the note "
			"above says, and an undo needs it.",
			need_order(room, false), need_done(room), partition);
	else
		print_wrapped(
			output, INDENT,
			"%s. Until the %s machine has started, keep the "
			"undo file and partition %u: an undo needs both. Windows does not start "
			"from partition %u any more. Before you delete that partition later, "
			"check what else is on it.",
			need_order(room, false), need_done(room), partition, partition);
	print_end(output);
	report_fix_undo(output, image, settings, result);
}

void report_fixes_next(struct output *output, const struct settings *settings)
{
	char any_file[] = "";
	const struct bs_result fixed = {.undo_file = any_file};
	const struct advice_subject subject = {.image = "IMAGE", .options = &settings->options};
	char *command = advice_undo_command(&subject, &fixed);

	print_styled(output, STYLE_STRONG, "Next: ");
	print_wrapped(output, INDENT,
		      "%s. Keep each undo file, and the partition that the boot files came from, "
		      "until the %s machine has started: an undo needs both. A note above says if "
		      "such a partition has to stay for good.",
		      need_order(settings->options.needed_room, true),
		      need_done(settings->options.needed_room));
	print_end(output);
	/* Not wrapped, so that the user can copy it. */
	print_line(output, "To undo a fix: %s", command ? command : "bootshift undo IMAGE");
	free(command);
}

/* An image of a batch may have been fixed again after the batch was undone. */
static void report_batch_undone(struct output *output, const char *image,
				const struct bs_result *result)
{
	const struct advice_subject subject = {.image = image};
	char *command = advice_undo_command(&subject, result);

	print(output, "nothing to do: this batch's fix is undone already");
	if (command)
		print(output, "; a later fix stays; to undo that one: %s", command);
	print_end(output);
	free(command);
}

void report_undo(struct output *output, const char *image, const struct settings *settings,
		 const struct bs_result *result)
{
	char text[3 * PIECE_SIZE];

	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		report_image(output, image, false);
		if (result->undo_file)
			print_line(output,
				   "nothing to do: the fix is undone already; the undo file can be "
				   "removed: %s",
				   result->undo_file);
		else if (settings->from)
			report_batch_undone(output, image, result);
		else
			print_line(output, "nothing to do: the image is not fixed, or its fix is "
					   "undone already");
		return;
	}
	if (result->status == BS_STATUS_WOULD_UNDO) {
		report_image(output, image, false);
		print_styled(output, STYLE_GOOD, "would be undone");
		print_line(output, ": the undo file is whole, and the image matches it%s",
			   result->exact ? "; nothing else was written since the fix" : "");
		return;
	}
	if (result->status != BS_STATUS_UNDONE)
		return;
	snprintf(text, sizeof(text), "in %s: %s", duration_format(result->milliseconds).text,
		 result->recovered ? "the interrupted change is undone"
		 : result->exact ? "what the fix changed is as it was before, and nothing else was "
				   "written since"
				 : "what the fix changed is as it was before; any other change "
				   "since is kept");
	report_image(output, image, false);
	print_styled(output, STYLE_GOOD, "undone");
	print(output, " ");
	report_outcome(output, text);
}

/* ---- accept ------------------------------------------------------------------------------- */

static void report_nothing_to_accept(struct output *output, const struct settings *settings)
{
	print_line(output, "nothing to do: %s",
		   settings->from ? "this batch's fix is accepted, or undone, already"
				  : "there is no undo file, so no fix can be undone");
}

/* Whether the image is wholly as the fix left it, or was started since. */
static const char *accept_evidence(const struct bs_result *result)
{
	return result->difference_count > 0 ? "Windows was started since the fix, which is whole"
	       : result->exact              ? "nothing was written to the image since the fix"
					    : "what the fix wrote is as it left it";
}

void report_accept(struct output *output, const char *image, const struct settings *settings,
		   const struct bs_result *result)
{
	bool accepted = result->status == BS_STATUS_ACCEPTED;

	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		report_image(output, image, false);
		report_nothing_to_accept(output, settings);
		return;
	}
	if (!accepted && result->status != BS_STATUS_WOULD_ACCEPT)
		return;
	report_image(output, image, false);
	print_styled(output, STYLE_GOOD, accepted ? "accepted" : "would be accepted");
	/* From a batch, the row does not tell what was found. */
	print_line(output, ": %s%sthe undo file %s (%s)",
		   settings->from ? "" : accept_evidence(result), settings->from ? "" : "; ",
		   accepted ? "is removed" : "would be removed", size_format(result->freed).text);
	if (accepted || !result->undo_file)
		return;
	report_label(output, "Undo file");
	print_line(output, "%s", result->undo_file);
}
