/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/report-findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 4

bool finding_is_note(const struct bs_finding *finding)
{
	return bs_code_exit(finding->code) == BS_EXIT_DONE;
}

/* Prints a command on a line of its own, not wrapped, so that the user can copy it. */
static void findings_print_advice(struct output *output, const char *advice)
{
	const char *command = advice_command(advice);
	size_t length = command ? (size_t)(command - advice) - strlen(" ") : strlen(advice);

	if (*advice == '\0')
		return;
	print_to(output, INDENT + 2);
	print_symbol(output, "→ ", "> ");
	print_wrapped(output, INDENT + 4, "%.*s", (int)length, advice);
	print_end(output);
	if (!command)
		return;
	print_to(output, INDENT + 4);
	print_line(output, "%s", command);
}

static void findings_print(struct output *output, const struct advice_subject *subject,
			   const struct bs_finding *finding)
{
	bool note = finding_is_note(finding);
	char *advice = advice_make(finding->code, subject);

	print_to(output, INDENT);
	print_style(output, note ? STYLE_WARNING : STYLE_BAD);
	print_symbol(output, note ? "•" : "✗", note ? "*" : "X");
	print_style(output, STYLE_PLAIN);
	print(output, " ");
	print_item(output, INDENT + 2, "%s (%s)", finding->message, bs_code_name(finding->code));
	if (advice)
		findings_print_advice(output, advice);
	else
		output->error = ENOMEM;
	free(advice);
}

void report_findings(struct output *output, const struct advice_subject *subject, bool notes_only)
{
	const struct bs_inspection *inspection = subject->inspection;

	for (uint32_t i = 0; inspection && i < inspection->finding_count; i++)
		if (!notes_only || finding_is_note(&inspection->findings[i]))
			findings_print(output, subject, &inspection->findings[i]);
}
