/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of an image that is fixed already: when, and how the fix is undone. */
#include <stdlib.h>
#include <string.h>

#include "cli/report-text.h"
#include "report/advice.h"
#include "report/amount.h"
#include "report/moment.h"

#define INDENT  2
#define MISSING " (which is not there, or was made for another file)"

bool report_is_fixed(const struct bs_result *result)
{
	return result->status == BS_STATUS_NOTHING_TO_DO &&
	       (result->undo_file || result->undo_file_named);
}

/* "fixed on 2026-11-22 09:30:00 UTC", without the first word. */
static void fixed_time(struct output *output, const struct bs_result *result)
{
	struct moment_text moment = moment_format(result->fixed_at);

	if (result->fixed_at != 0 && *moment.text)
		print(output, " on %s", moment.text);
	if (!result->undo_file)
		print(output, ", as the image itself says");
}

/* Begins a line that ends with a path or a command, which is not wrapped, so that it can be copied. */
static void fixed_label(struct output *output, unsigned indent, const char *label)
{
	print_to(output, indent);
	print(output, "%s:", label);
	if (output_is_narrow(output)) {
		print_end(output);
		print_to(output, indent + INDENT);
	} else {
		print(output, " ");
	}
}

/* Says which partitions an undo needs: the boot files that the fix has left are there. */
static void fixed_keep(struct output *output, const struct bs_inspection *inspection)
{
	for (uint32_t i = 0; inspection && i < inspection->partition_count; i++) {
		const struct bs_partition *partition = &inspection->partitions[i];

		if (partition->has_boot_files && !partition->is_boot)
			print_item(output, 2 * INDENT, "keep partition %u: an undo needs it",
				   partition->number);
	}
}

void report_fixed(struct output *output, const struct advice_subject *subject,
		  const struct bs_result *result)
{
	const char *file = result->undo_file ? result->undo_file : result->undo_file_named;
	char *command = advice_undo_command(subject, result);

	print_end(output);
	print_to(output, INDENT);
	print_styled(output, STYLE_STRONG, "Fixed");
	fixed_time(output, result);
	if (result->fixed_by[0] != '\0')
		print(output, ", by bootshift %s", result->fixed_by);
	print_end(output);
	fixed_label(output, 2 * INDENT, "undo file");
	print_line(output, "%s%s", file, command ? "" : MISSING);
	if (result->undo_file_size > 0)
		print_item(output, 2 * INDENT, "its size: %s",
			   size_format(result->undo_file_size).text);
	if (command) {
		fixed_label(output, 2 * INDENT, "to undo the fix");
		print_line(output, "%s", command);
		if (!result->fixed_signature_alone)
			fixed_keep(output, result->inspection);
	}
	free(command);
}

void report_fixed_shortly(struct output *output, const struct advice_subject *subject,
			  const struct bs_result *result)
{
	char *command;

	if (output_is_narrow(output)) {
		report_fixed(output, subject, result);
		return;
	}
	command = advice_undo_command(subject, result);
	print(output, "; fixed");
	fixed_time(output, result);
	if (command)
		print(output, "; to undo: %s", command);
	else
		print(output, "; its undo file: %s" MISSING, result->undo_file_named);
	free(command);
}
