/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text report of a start in a virtual machine. */
#include "cli/report-text.h"
#include "report/amount.h"
#include "report/timeline.h"

#define INDENT 2

/* "In QEMU with an emulated processor; Enter was pressed 2 times." */
static void start_machine(struct output *output, const struct bs_start *start)
{
	print_to(output, INDENT);
	print_style(output, STYLE_FAINT);
	print_wrapped(output, INDENT, "The machine ran %s, %s",
		      duration_format(start->milliseconds).text,
		      start->kvm ? "with KVM" : "with an emulated processor");
	if (start->keys > 0)
		print_wrapped(output, INDENT, "; Enter was pressed %s",
			      count_format(start->keys, "time").text);
	print(output, ".");
	print_style(output, STYLE_PLAIN);
	print_end(output);
}

void report_start(struct output *output, const struct bs_start *start)
{
	if (!start)
		return;
	timeline_print(output, start);
	start_machine(output, start);
	if (start->picture_path) {
		print_to(output, INDENT);
		print_line(output, "Picture of the last screen: %s", start->picture_path);
	}
}

void report_boot(struct output *output, const char *image, const struct settings *settings,
		 const struct bs_result *result)
{
	const struct bs_start *start = result->start;

	(void)settings;
	if (!start)
		return;
	print_styled(output, STYLE_STRONG, "%s", image);
	print(output, ": ");
	print_styled(output, start->proven ? STYLE_GOOD : STYLE_BAD, "%s",
		     start->proven ? "starts" : "does not start");
	print(output, ": ");
	print_wrapped(output, INDENT, "%s", start->evidence);
	print_end(output);
	report_start(output, start);
}
