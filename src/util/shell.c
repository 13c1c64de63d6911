/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/shell.h"

#include <stdlib.h>
#include <string.h>

char *shell_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./:=@_";
	char *quoted, *end;

	if (*word != '\0' && word[strspn(word, plain)] == '\0')
		return strdup(word);
	quoted = malloc(strlen("'\\''") * strlen(word) + sizeof("''"));
	if (!quoted)
		return NULL;
	end = stpcpy(quoted, "'");
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			end = stpcpy(end, "'\\''");
		else
			*end++ = *word;
	}
	strcpy(end, "'");
	return quoted;
}
