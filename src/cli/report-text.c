/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text report of a plan, a fix and an undo. */
#include "cli/report-text.h"

#include <string.h>

#include "report/amount.h"
#include "report/phrases.h"
#include "report/plan-file.h"

#define INDENT 2

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

static void report_nothing_to_do(struct output *output, const char *image,
				 const struct bs_result *result)
{
	report_image(output, image, result->recovered);
	print_line(output, "nothing to do: the boot files are on the partition with Windows");
}

/* ---- plan --------------------------------------------------------------------------------- */

static void report_plan_copy(struct output *output, const struct bs_operation *operation)
{
	print(output, "copy ");
	print_wrapped(output, 5 + INDENT, "%s: %s", operation->path,
		      count_format(operation->files, "file").text);
	if (operation->folders > 0)
		print(output, ", %s", count_format(operation->folders, "folder").text);
	print(output, ", %s", size_format(operation->bytes).text);
	if (operation->replaces > 0)
		print(output, ", replacing %u existing ones", operation->replaces);
}

static void report_plan_operation(struct output *output, const struct bs_plan *plan,
				  const struct bs_operation *operation)
{
	switch (operation->kind) {
	case BS_OPERATION_COPY:
		report_plan_copy(output, operation);
		break;
	case BS_OPERATION_ATTRIBUTES:
		print(output, "make %s read-only, hidden, system", operation->path);
		break;
	case BS_OPERATION_RETARGET_BCD:
		print(output, "point %s of %s to partition %u",
		      count_format(operation->elements, "element").text, operation->path,
		      plan->boot_number);
		break;
	case BS_OPERATION_BOOT_CODE:
		print(output, "make the boot record of partition %u start bootmgr",
		      plan->boot_number);
		break;
	case BS_OPERATION_ACTIVATE:
		print(output, "make partition %u the only active one", plan->boot_number);
		break;
	case BS_OPERATION_KIND_COUNT:
		break;
	}
	if (operation->sectors > 0)
		print(output, " (%s written)", count_format(operation->sectors, "sector").text);
}

static void report_plan_operations(struct output *output, const struct bs_plan *plan)
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

static void report_plan_details(struct output *output, const struct bs_plan *plan)
{
	print_item(output, INDENT, "Files:");
	for (uint32_t i = 0; i < plan->file_count; i++) {
		const struct bs_plan_file *file = &plan->files[i];

		print_to(output, 2 * INDENT);
		report_plan_attributes(output, file->attributes);
		print_line(output, "%11s  %s",
			   file->is_folder ? "folder" : size_format(file->size).text, file->path);
	}
	print_item(output, INDENT, "BCD elements:");
	for (uint32_t i = 0; i < plan->element_count; i++) {
		const struct bs_plan_element *element = &plan->elements[i];

		print_to(output, 2 * INDENT);
		print_line(output, "%s %08x  %s", element->object, element->element, element->path);
	}
}

static void report_plan_room(struct output *output, const struct bs_inspection *inspection)
{
	if (inspection && inspection->room_before_known && inspection->room_after_known)
		print_item(output, INDENT, "Room on the active volume: %s now, %s after the fix.",
			   size_format(inspection->room_before).text,
			   size_format(inspection->room_after).text);
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
	print_fix_option(output, "--undo-dir", options->undo_directory);
	print(output, image[0] == '-' ? " -- " : " ");
	print_shell_word(output, image);
}

void report_plan(struct output *output, const char *image, const struct settings *settings,
		 const struct bs_result *result)
{
	const struct bs_plan *plan = result->plan;

	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		report_nothing_to_do(output, image, result);
		return;
	}
	if (result->status != BS_STATUS_WOULD_FIX || !plan)
		return;
	report_image(output, image, result->recovered);
	print_line(output, "move the boot files from partition %u to partition %u",
		   plan->system_number, plan->boot_number);
	report_plan_operations(output, plan);
	if (settings->verbose)
		report_plan_details(output, plan);
	report_plan_room(output, result->inspection);
	if (settings->output && strcmp(settings->output, "-") != 0) {
		print_to(output, INDENT);
		print(output, "To do exactly this: ");
		print_fix_command(output, image, &settings->options, settings->output);
		print_end(output);
	}
	print_item(output, INDENT,
		   "The plan was rehearsed and verified in %s. Nothing was written.",
		   duration_format(result->milliseconds).text);
}

/* ---- fix and undo ------------------------------------------------------------------------- */

/* "36 files, 15.2 MiB" */
static void report_fix_files(struct output *output, const struct bs_plan *plan)
{
	uint64_t files = 0, bytes = 0;

	for (uint32_t i = 0; plan && i < plan->operation_count; i++) {
		if (plan->operations[i].kind != BS_OPERATION_COPY)
			continue;
		files += plan->operations[i].files;
		bytes += plan->operations[i].bytes;
	}
	print(output, "%s, %s", count_format(files, "file").text, size_format(bytes).text);
}

void report_fix(struct output *output, const char *image, const struct settings *settings,
		const struct bs_result *result)
{
	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		report_nothing_to_do(output, image, result);
		if (settings->plan_file)
			print_item(output, INDENT,
				   "There is nothing to carry out, so the plan was not checked.");
		return;
	}
	if (result->status != BS_STATUS_FIXED && result->status != BS_STATUS_WOULD_FIX)
		return;
	report_image(output, image, result->recovered);
	print_styled(output, STYLE_GOOD,
		     result->status == BS_STATUS_FIXED ? "fixed" : "would be fixed");
	print(output, ": ");
	report_fix_files(output, result->plan);
	print(output, ", in %s", duration_format(result->milliseconds).text);
	if (result->status == BS_STATUS_WOULD_FIX)
		print(output, "; verified, and nothing was written");
	if (result->undo_file)
		print(output, "; undo file: %s", result->undo_file);
	print_end(output);
	if (settings->verbose && result->plan)
		report_plan_operations(output, result->plan);
}

void report_undo(struct output *output, const char *image, const struct settings *settings,
		 const struct bs_result *result)
{
	(void)settings; /* there are no more details */
	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		report_image(output, image, false);
		print(output, "nothing to do: the fix is undone already");
		if (result->undo_file)
			print(output, "; the undo file can be removed: %s", result->undo_file);
		print_end(output);
		return;
	}
	if (result->status != BS_STATUS_UNDONE)
		return;
	report_image(output, image, false);
	print_styled(output, STYLE_GOOD, "undone");
	print(output, " in %s: ", duration_format(result->milliseconds).text);
	if (result->recovered)
		print_line(output, "the interrupted change is undone");
	else
		print_line(output, "what the fix changed is as it was before%s",
			   result->exact ? ", and nothing else was written since"
					 : "; any other change since is kept");
}
