/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A word is shown on a terminal, and pasted from there.  Characters that the terminal would not
 * show as they are, or at all, are written as bytes in $'...', which bash, zsh and ksh know and
 * POSIX has since 2024.  report/text.h would make them visible, but a shell would not read that.
 */
#include "util/shell.h"

#include <langinfo.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define BYTE_MAX 4 /* characters of a byte: \ooo */

/* Unlike wcwidth(), text_visible() does not show these. */
static bool shell_is_hidden(wchar_t character)
{
	return character == 0xad || character >= 0xe0000;
}

/* The length of the character at `word`, or 0 if it is not shown as it is. */
static size_t shell_shown_length(const char *word, bool unicode)
{
	unsigned char byte = (unsigned char)*word;
	mbstate_t state = {0};
	wchar_t character;
	size_t length;

	if (byte < 0x80)
		return byte >= ' ' && byte < 0x7f;
	length = unicode ? mbrtowc(&character, word, strlen(word), &state) : 0;
	return length > 0 && length <= strlen(word) && wcwidth(character) > 0 &&
			       !shell_is_hidden(character)
		       ? length
		       : 0;
}

static bool shell_is_shown(const char *word, bool unicode)
{
	size_t length;

	while (*word != '\0' && (length = shell_shown_length(word, unicode)) > 0)
		word += length;
	return *word == '\0';
}

static char *shell_quote_shown(const char *word)
{
	char *quoted = malloc(strlen("'\\''") * strlen(word) + sizeof("''"));
	char *end = quoted;

	if (!quoted)
		return NULL;
	end = stpcpy(end, "'");
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			end = stpcpy(end, "'\\''");
		else
			*end++ = *word;
	}
	strcpy(end, "'");
	return quoted;
}

static char *shell_quote_bytes(const char *word, bool unicode)
{
	char *quoted = malloc(BYTE_MAX * strlen(word) + sizeof("$''"));
	char *end = quoted;

	if (!quoted)
		return NULL;
	end = stpcpy(end, "$'");
	while (*word != '\0') {
		size_t length = shell_shown_length(word, unicode);

		if (*word == '\'' || *word == '\\')
			end += sprintf(end, "\\%c", *word);
		else if (length == 0)
			end += sprintf(end, "\\%03o", (unsigned char)*word);
		else
			end = mempcpy(end, word, length);
		word += length > 0 ? length : 1;
	}
	strcpy(end, "'");
	return quoted;
}

char *shell_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./:=@_";
	bool unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

	if (*word != '\0' && word[strspn(word, plain)] == '\0')
		return strdup(word);
	return shell_is_shown(word, unicode) ? shell_quote_shown(word)
					     : shell_quote_bytes(word, unicode);
}
