/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/phrases.h"

#include <string.h>

const char *plural(uint64_t number)
{
	return number == 1 ? "" : "s";
}

void print_shell_word(struct output *output, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./:=@_";

	if (*word != '\0' && word[strspn(word, plain)] == '\0') {
		print(output, "%s", word);
		return;
	}
	print(output, "'");
	while (*word != '\0') {
		int length = (int)strcspn(word, "'");

		print(output, "%.*s", length, word);
		word += length;
		if (*word == '\'') {
			print(output, "'\\''");
			word++;
		}
	}
	print(output, "'");
}

void report_error(struct output *output, const char *image, const struct bs_error *error)
{
	const char *advice = bs_code_advice(error->code);

	print(output, "bootshift: %s: ", image);
	print_style(output, STYLE_BAD);
	print(output, "%s", error->message);
	print_style(output, STYLE_PLAIN);
	print(output, " (%s)%s%s", bs_code_name(error->code), *advice ? "; " : "", advice);
	print_end(output);
}
