/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/phrases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/amount.h"

void print_shell_word(struct output *output, const char *word)
{
	char *quoted = shell_word(word);

	if (quoted)
		print(output, "%s", quoted);
	else
		output->error = ENOMEM;
	free(quoted);
}

void report_error(struct output *output, const char *name, const struct bs_error *error)
{
	print_problem(output, name, error, bs_code_advice(error->code));
}

/* Wraps the rest of the message.  The command of the advice gets a line of its own. */
static void problem_print_narrow(struct output *output, const struct bs_error *error,
				 const char *advice, const char *command)
{
	size_t length = command ? (size_t)(command - advice) : strlen(advice);

	print_style(output, STYLE_BAD);
	print_wrapped(output, 2, "%s", error->message);
	print_style(output, STYLE_PLAIN);
	print(output, " ");
	print_wrapped(output, 2, "(%s)%s", bs_code_name(error->code), length > 0 ? ";" : "");
	print_end(output);
	if (length > 0)
		print_item(output, 2, "%.*s", (int)length, advice);
	if (!command)
		return;
	print_to(output, 4);
	print_line(output, "%s", command);
}

void print_problem(struct output *output, const char *name, const struct bs_error *error,
		   const char *advice)
{
	print_problem_and_command(output, name, error, advice, NULL);
}

void print_problem_and_command(struct output *output, const char *name,
			       const struct bs_error *error, const char *advice,
			       const char *command)
{
	print(output, "bootshift: %s%s", name ? name : "", name ? ": " : "");
	if (output_is_narrow(output)) {
		problem_print_narrow(output, error, advice, command);
		return;
	}
	print_style(output, STYLE_BAD);
	print(output, "%s", error->message);
	print_style(output, STYLE_PLAIN);
	print(output, " (%s)%s%s", bs_code_name(error->code), *advice ? "; " : "", advice);
	print_end(output);
}

void print_skipped(struct output *output, const char *name, uint64_t lines)
{
	print_line(output, "bootshift: %s%s%s %s ignored", name ? name : "", name ? ": " : "",
		   count_format(lines, "line").text,
		   lines == 1 ? "was not a batch result and was"
			      : "were not batch results and were");
}
