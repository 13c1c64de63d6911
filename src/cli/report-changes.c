/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an earlier fix changed: inspect --changes. */
#include "cli/report-text.h"
#include "report/amount.h"
#include "report/moment.h"

#define INDENT     2
#define RANGES_MAX 12u /* that are listed without --verbose */

static void changes_title(struct output *output, const char *title)
{
	print_end(output);
	print_style(output, STYLE_STRONG);
	print_item(output, INDENT, "%s", title);
	print_style(output, STYLE_PLAIN);
}

/* The disk before cannot be shown.  What else is different now is not told, so nobody takes that for
 * the fix's change. */
static void changes_print_unknown(struct output *output, const struct bs_error *why)
{
	if (why->code == BS_CHANGED_SINCE)
		print_item(output, 2 * INDENT,
			   "What the fix wrote was written to since, for example by a start of "
			   "Windows (%s). So only the places are listed; what is there now is not "
			   "the fix's change alone.",
			   why->message);
	else
		print_item(output, 2 * INDENT,
			   "What these bytes are on the disk cannot be told: the disk as it was "
			   "before cannot be fixed again with these options (%s: %s).",
			   bs_code_name(why->code), why->message);
}

/* The elements of a new BCD named no partition before.  The BCD is among the files. */
static void changes_print_elements(struct output *output, const struct bs_plan *plan)
{
	if (plan->element_count == 0 || plan_makes_store(plan))
		return;
	changes_title(output, "BCD elements, with the partition before and after:");
	for (uint32_t i = 0; i < plan->element_count; i++) {
		const struct bs_plan_element *element = &plan->elements[i];

		print_item(output, 2 * INDENT, "%s %08x (%s): byte %llu -> byte %llu of the disk",
			   element->object, element->element, element->path,
			   (unsigned long long)plan->system_start,
			   (unsigned long long)plan->boot_start);
	}
}

static void changes_print_files(struct output *output, const struct bs_plan *plan)
{
	if (plan->file_count == 0)
		return;
	changes_title(output, "Files and folders that it put on the Windows volume:");
	for (uint32_t i = 0; i < plan->file_count; i++) {
		const struct bs_plan_file *file = &plan->files[i];

		if (file->is_folder)
			print_item(output, 2 * INDENT, "%s (folder)", file->path);
		else
			print_item(output, 2 * INDENT, "%s (%s)", file->path,
				   size_format(file->size).text);
	}
}

static void changes_print_ranges(struct output *output, const struct bs_result *result, bool all)
{
	uint32_t count =
		all || result->written_count <= RANGES_MAX ? result->written_count : RANGES_MAX;

	changes_title(output, "Bytes of the image file:");
	print_item(output, 2 * INDENT, "%s in %s", size_format(result->container_bytes).text,
		   count_format(result->written_count, "range").text);
	for (uint32_t i = 0; i < count; i++)
		print_item(output, 2 * INDENT, "%llu bytes at byte %llu",
			   (unsigned long long)result->written[i].length,
			   (unsigned long long)result->written[i].offset);
	if (count < result->written_count)
		print_item(output, 2 * INDENT, "... (--verbose lists all)");
}

static void changes_print_differences(struct output *output, const struct bs_result *result)
{
	if (result->difference_count == 0)
		return;
	changes_title(output, "Not as the fix left it, so not the fix's change:");
	for (uint32_t i = 0; i < result->difference_count; i++) {
		const struct bs_difference *difference = &result->differences[i];

		print_item(output, 2 * INDENT, "%s%s%s", difference->path,
			   difference->path[0] != '\0' ? ": " : "", difference->what);
	}
}

void report_changes(struct output *output, const struct bs_result *result, bool all)
{
	struct moment_text moment = moment_format(result->fixed_at);

	print_end(output);
	print_style(output, STYLE_STRONG);
	print_item(output, INDENT, "What the fix%s%s changed",
		   result->fixed_at != 0 && *moment.text ? " of " : "",
		   result->fixed_at != 0 ? moment.text : "");
	print_style(output, STYLE_PLAIN);
	if (result->plan) {
		report_plan_operations(output, result->plan);
		changes_print_files(output, result->plan);
		changes_print_elements(output, result->plan);
	} else {
		changes_print_unknown(output, &result->unknown);
	}
	changes_print_differences(output, result);
	changes_print_ranges(output, result, all);
}
