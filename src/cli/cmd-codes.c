/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "bootshift codes": the stable codes of results, with the exit status, meaning and advice of each. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "report/advice.h"
#include "report/json-report.h"
#include "report/meaning.h"

#define ADVICE_COLUMN  34 /* the longest code is shorter */
#define COMMAND_COLUMN 6

/* Whether the code is asked for: one of `names`, or there are none. */
static bool code_is_wanted(enum bs_code code, char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (code_named(names[i]) == code)
			return true;
	return count == 0;
}

/* One line for each code. */
static void codes_list(struct output *output)
{
	for (enum bs_code code = BS_OK; code < BS_CODE_COUNT; code++) {
		print(output, "%d  %s", (int)bs_code_exit(code), bs_code_name(code));
		if (bs_code_advice(code)[0] != '\0')
			print_item(output, ADVICE_COLUMN, "%s", bs_code_advice(code));
		else
			print_end(output);
	}
}

/* Prints an advice.  The command at its end gets a line of its own, so that it can be copied. */
static void advice_explain(struct output *output, const char *advice)
{
	const char *command = advice_command(advice);

	print_item(output, 2, "What to do: %.*s",
		   (int)(command ? command - advice - 1 : (ptrdiff_t)strlen(advice)), advice);
	if (command) {
		print_to(output, COMMAND_COLUMN);
		print_line(output, "%s", command);
	}
}

/* Prints everything about each of the `count` codes.  scripts/codes-page reads this. */
static void codes_explain(struct output *output, char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		enum bs_code code = code_named(names[i]);

		if (i > 0)
			print_end(output);
		print_line(output, "%s (exit status %d)", bs_code_name(code),
			   (int)bs_code_exit(code));
		print_item(output, 2, "%s", code_meaning(code));
		if (bs_code_advice(code)[0] != '\0')
			advice_explain(output, bs_code_advice(code));
	}
}

static json_t *code_to_json(enum bs_code code)
{
	const char *advice = bs_code_advice(code);

	return json_pack("{s:s, s:i, s:s, s:s*}", "code", bs_code_name(code), "exit_status",
			 (int)bs_code_exit(code), "meaning", code_meaning(code), "advice",
			 advice[0] != '\0' ? advice : NULL);
}

static int codes_write_json(struct output *output, char *const *names, int count)
{
	json_t *list = json_array(), *document = NULL;
	bool failed = !list;
	int status = -1;

	for (enum bs_code code = BS_OK; code < BS_CODE_COUNT && !failed; code++)
		if (code_is_wanted(code, names, count))
			failed = json_array_append_new(list, code_to_json(code)) < 0;
	if (!failed)
		document = json_pack("{s:i, s:O}", "schema", REPORT_SCHEMA, "codes", list);
	if (document)
		status = report_json_write(document, output->stream);
	json_decref(document);
	json_decref(list);
	return status;
}

int run_codes(char *const *words, int count, struct bs_error *err)
{
	char *const *names = words;
	bool json = count > 0 && strcmp(words[0], "--json") == 0;
	struct output output;

	if (json)
		names++, count--;
	for (int i = 0; i < count; i++)
		if (code_named(names[i]) == BS_CODE_COUNT)
			return fail(err, BS_USAGE,
				    "unknown code '%.100s'; all codes: bootshift codes", names[i]);
	output_open(&output, stdout, OUTPUT_COLOUR_NEVER);
	if (!json && count == 0)
		codes_list(&output);
	else if (!json)
		codes_explain(&output, names, count);
	else if (codes_write_json(&output, names, count) < 0)
		return fail_memory(err);
	return (int)finish_report(BS_EXIT_DONE, &output, 0);
}
