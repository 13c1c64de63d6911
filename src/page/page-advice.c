/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page/page-advice.h"

#include <string.h>

#include "report/advice.h"
#include "report/json-fields.h"

/* The end of a command that an advice names, and does not ask to type. */
#define TELLS " tells how"

#define SHORT 24 /* bytes of code that page.html keeps on one line */

/* Returns the length of a command for Windows at the start of `text`; 0: there is none. */
static size_t advice_inner_command(const char *text)
{
	static const char *const commands[] = {"powercfg /h off", "shutdown /s /t 0",
					       "chkdsk X: /f"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strncmp(text, commands[i], strlen(commands[i])) == 0)
			return strlen(commands[i]);
	return 0;
}

/* Returns the length of the command at the end of an advice. */
static size_t advice_last_command(const char *command)
{
	size_t length = strlen(command), tells = strlen(TELLS);

	if (length > tells && strcmp(command + length - tells, TELLS) == 0)
		return length - tells;
	return length;
}

/* Returns the length of an option at the start of `text`; 0: there is none. */
static size_t advice_option(const char *text)
{
	return strncmp(text, "--", 2) == 0 ? strcspn(text, " ,;:)") : 0;
}

/* Words of code after a text. */
static json_t *advice_piece(const char *text, const char *code, size_t length)
{
	bool is_short = length <= SHORT;

	return json_pack("{s:s%, s:s%, s:n}", "text", text, (size_t)(code - text),
			 is_short ? "short" : "long", code, length, is_short ? "long" : "short");
}

json_t *page_advice(const char *advice, bool capital)
{
	const char *last = advice_command(advice), *text = advice, *at = advice;
	char first = *advice >= 'a' && *advice <= 'z' ? (char)(*advice - 'a' + 'A') : *advice;
	json_t *array = json_array();

	if (capital && *advice != '\0') {
		json_append(&array, json_pack("{s:s%, s:n, s:n}", "text", &first, (size_t)1,
					      "short", "long"));
		text = ++at;
	}
	while (*at != '\0') { /* ends: `at` moves on with each turn */
		size_t length = at == last ? advice_last_command(at) : advice_inner_command(at);

		if (length == 0)
			length = advice_option(at);
		if (length == 0) {
			at++;
			continue;
		}
		json_append(&array, advice_piece(text, at, length));
		text = at += length;
	}
	if (at > advice)
		json_append(&array, json_pack("{s:s+, s:n, s:n}", "text", text,
					      last && *text == '\0' ? "" : ".", "short", "long"));
	return array;
}
