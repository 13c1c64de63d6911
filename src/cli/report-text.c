/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a person sees of a plan, a fix and an undo, and of errors. */
#include "cli/report-text.h"

#include <string.h>

#include "report/amount.h"
#include "report/phrases.h"
#include "report/plan-file.h"

#define INDENT 2

static void print_image(struct output *output, const char *image)
{
	print_style(output, STYLE_STRONG);
	print(output, "%s", image);
	print_style(output, STYLE_PLAIN);
	print(output, ": ");
}

/* "IMAGE: " and, when something was taken back before, a line on that first. */
static void print_heading(struct output *output, const char *image, const struct bs_result *result)
{
	if (result->recovered) {
		print_image(output, image);
		print(output, "an interrupted change was taken back first");
		print_end(output);
	}
	print_image(output, image);
}

static void print_seconds(struct output *output, const struct bs_result *result)
{
	print(output, " in %llu.%02u s", (unsigned long long)(result->milliseconds / 1000),
	      (unsigned)(result->milliseconds % 1000 / 10));
}

static void print_nothing_to_do(struct output *output, const char *image,
				const struct bs_result *result)
{
	print_heading(output, image, result);
	print(output, "nothing to do: the boot files are on the partition with Windows");
	print_end(output);
}

/* ---- plan --------------------------------------------------------------------------------- */

static void print_copy(struct output *output, const struct bs_operation *operation)
{
	print(output, "copy ");
	print_wrapped(output, 5 + INDENT, "%s: %u file%s", operation->path, operation->files,
		      plural(operation->files));
	if (operation->folders > 0)
		print(output, ", %u folder%s", operation->folders, plural(operation->folders));
	print(output, ", %s", size_format(operation->bytes).text);
	if (operation->replaces > 0)
		print(output, ", in place of %u at the target", operation->replaces);
}

static void print_operation(struct output *output, const struct bs_plan *plan,
			    const struct bs_operation *operation)
{
	switch (operation->kind) {
	case BS_OPERATION_COPY:
		print_copy(output, operation);
		break;
	case BS_OPERATION_ATTRIBUTES:
		print(output, "make %s read-only, hidden, system", operation->path);
		break;
	case BS_OPERATION_RETARGET_BCD:
		print(output, "point %u element%s of %s to partition %u", operation->elements,
		      plural(operation->elements), operation->path, plan->boot_number);
		break;
	case BS_OPERATION_BOOT_CODE:
		print(output, "make the boot record of partition %u start bootmgr from there",
		      plan->boot_number);
		break;
	case BS_OPERATION_ACTIVATE:
		print(output, "make partition %u active, and no other one", plan->boot_number);
		break;
	case BS_OPERATION_KIND_COUNT:
		break;
	}
	if (operation->sectors > 0)
		print(output, " (%llu sector%s written)", (unsigned long long)operation->sectors,
		      plural(operation->sectors));
}

static void print_operations(struct output *output, const struct bs_plan *plan)
{
	for (uint32_t i = 0; i < plan->operation_count; i++) {
		print(output, "%4u. ", i + 1);
		print_operation(output, plan, &plan->operations[i]);
		print_end(output);
	}
}

/* FILE_ATTRIBUTE_READONLY, _HIDDEN, _SYSTEM and _ARCHIVE of winnt.h, as attrib shows them. */
static void print_attributes(struct output *output, uint32_t attributes)
{
	print(output, "%c%c%c%c", attributes & 0x20 ? 'A' : '-', attributes & 4 ? 'S' : '-',
	      attributes & 2 ? 'H' : '-', attributes & 1 ? 'R' : '-');
}

static void print_details(struct output *output, const struct bs_plan *plan)
{
	print_to(output, INDENT);
	print(output, "Files:");
	print_end(output);
	for (uint32_t i = 0; i < plan->file_count; i++) {
		const struct bs_plan_file *file = &plan->files[i];

		print_to(output, 2 * INDENT);
		print_attributes(output, file->attributes);
		print(output, "%11s  %s", file->is_folder ? "folder" : size_format(file->size).text,
		      file->path);
		print_end(output);
	}
	print_to(output, INDENT);
	print(output, "BCD elements:");
	print_end(output);
	for (uint32_t i = 0; i < plan->element_count; i++) {
		const struct bs_plan_element *element = &plan->elements[i];

		print_to(output, 2 * INDENT);
		print(output, "%s %08x  %s", element->object, element->element, element->path);
		print_end(output);
	}
}

static void print_room(struct output *output, const struct bs_inspection *inspection)
{
	if (!inspection || !inspection->room_before_known || !inspection->room_after_known)
		return;
	print_to(output, INDENT);
	print_wrapped(output, INDENT, "Room on the active volume: %s now, %s after the fix.",
		      size_format(inspection->room_before).text,
		      size_format(inspection->room_after).text);
	print_end(output);
}

static void print_word_option(struct output *output, const char *name, const char *value)
{
	if (!value)
		return;
	print(output, " %s ", name);
	print_shell_word(output, value);
}

void print_fix_command(struct output *output, const char *image, const struct settings *settings)
{
	const struct bs_options *options = &settings->options;

	print(output, "bootshift fix");
	print_word_option(output, "--plan", settings->output);
	print_word_option(output, "--format", options->format);
	if (options->system_partition != 0)
		print(output, " --system-partition %u", options->system_partition);
	if (options->boot_partition != 0)
		print(output, " --boot-partition %u", options->boot_partition);
	print_word_option(output, "--undo-dir", options->undo_directory);
	print(output, image[0] == '-' ? " -- " : " ");
	print_shell_word(output, image);
}

void report_plan(struct output *output, const char *image, const struct settings *settings,
		 const struct bs_result *result)
{
	const struct bs_plan *plan = result->plan;

	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		print_nothing_to_do(output, image, result);
		return;
	}
	if (result->status != BS_STATUS_WOULD_FIX || !plan)
		return;
	print_heading(output, image, result);
	print(output, "move the boot files from partition %u to partition %u", plan->system_number,
	      plan->boot_number);
	print_end(output);
	print_operations(output, plan);
	if (settings->verbose)
		print_details(output, plan);
	print_room(output, result->inspection);
	if (settings->output && strcmp(settings->output, "-") != 0) {
		print_to(output, INDENT);
		print(output, "To do exactly this: ");
		print_fix_command(output, image, settings);
		print_end(output);
	}
	print_to(output, INDENT);
	print(output, "The plan was rehearsed and verified");
	print_seconds(output, result);
	print(output, ". Nothing was written.");
	print_end(output);
}

/* ---- fix and undo ------------------------------------------------------------------------- */

/* "36 files, 15.2 MiB" */
static void print_moved(struct output *output, const struct bs_plan *plan)
{
	uint64_t files = 0, bytes = 0;

	for (uint32_t i = 0; plan && i < plan->operation_count; i++) {
		if (plan->operations[i].kind != BS_OPERATION_COPY)
			continue;
		files += plan->operations[i].files;
		bytes += plan->operations[i].bytes;
	}
	print(output, "%llu file%s, %s", (unsigned long long)files, plural(files),
	      size_format(bytes).text);
}

void report_fix(struct output *output, const char *image, const struct settings *settings,
		const struct bs_result *result)
{
	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		print_nothing_to_do(output, image, result);
		return;
	}
	if (result->status != BS_STATUS_FIXED && result->status != BS_STATUS_WOULD_FIX)
		return;
	print_heading(output, image, result);
	print_style(output, STYLE_GOOD);
	print(output, result->status == BS_STATUS_FIXED ? "fixed" : "would fix");
	print_style(output, STYLE_PLAIN);
	print(output, ": ");
	print_moved(output, result->plan);
	print(output, ",");
	print_seconds(output, result);
	if (result->status == BS_STATUS_WOULD_FIX)
		print(output, "; verified, and nothing was written");
	if (result->undo_file)
		print(output, "; undo file: %s", result->undo_file);
	print_end(output);
	if (settings->verbose && result->plan)
		print_operations(output, result->plan);
}

static const char *what_is_back(const struct bs_result *result)
{
	if (result->recovered)
		return "what was interrupted is taken back";
	if (result->exact)
		return "what the fix changed is as it was before, and nothing else was written "
		       "since";
	return "what the fix changed is as it was before; any other change since is kept";
}

void report_undo(struct output *output, const char *image, const struct settings *settings,
		 const struct bs_result *result)
{
	(void)settings; /* there is no more to tell */
	if (result->status == BS_STATUS_NOTHING_TO_DO) {
		print_image(output, image);
		print(output, "nothing to do: the fix is taken back already");
		if (result->undo_file)
			print(output, "; the undo file can be removed: %s", result->undo_file);
		print_end(output);
		return;
	}
	if (result->status != BS_STATUS_UNDONE)
		return;
	print_image(output, image);
	print_style(output, STYLE_GOOD);
	print(output, "undone");
	print_style(output, STYLE_PLAIN);
	print(output, ": %s,", what_is_back(result));
	print_seconds(output, result);
	print_end(output);
}
