/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "bootshift codes": the stable codes of results, with the exit status and the advice of each. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "report/json-report.h"

#define ADVICE_COLUMN 34 /* the longest code is shorter */

static enum bs_code code_named(const char *name)
{
	enum bs_code code = BS_OK;

	while (code < BS_CODE_COUNT && strcmp(name, bs_code_name(code)) != 0)
		code++;
	return code;
}

/* Whether the code is asked for: one of `names`, or there are none. */
static bool code_is_wanted(enum bs_code code, char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (code_named(names[i]) == code)
			return true;
	return count == 0;
}

static void codes_print(struct output *output, char *const *names, int count)
{
	for (enum bs_code code = BS_OK; code < BS_CODE_COUNT; code++) {
		if (!code_is_wanted(code, names, count))
			continue;
		print(output, "%d  %s", (int)bs_code_exit(code), bs_code_name(code));
		if (bs_code_advice(code)[0] != '\0')
			print_item(output, ADVICE_COLUMN, "%s", bs_code_advice(code));
		else
			print_end(output);
	}
}

static int codes_write_json(struct output *output, char *const *names, int count)
{
	json_t *list = json_array(), *document = NULL;
	bool failed = !list;
	int status = -1;

	for (enum bs_code code = BS_OK; code < BS_CODE_COUNT && !failed; code++)
		if (code_is_wanted(code, names, count))
			failed = json_array_append_new(list,
						       json_pack("{s:s, s:i, s:s*}", "code",
								 bs_code_name(code), "exit_status",
								 (int)bs_code_exit(code), "advice",
								 bs_code_advice(code)[0] != '\0'
									 ? bs_code_advice(code)
									 : NULL)) < 0;
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
	if (!json)
		codes_print(&output, names, count);
	else if (codes_write_json(&output, names, count) < 0)
		return fail_memory(err);
	return (int)finish_report(BS_EXIT_DONE, &output, 0);
}
