/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that are quoted for a shell: what the terminal shows can be pasted. */
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "report/text.h"
#include "util/shell.h"

#include "support/program.h"
#include "support/test.h"

static const struct {
	const char *word, *unicode, *ascii;
} words[] = {
	{"disk.img", "disk.img", "disk.img"},
	{"", "''", "''"},
	{"two words", "'two words'", "'two words'"},
	{"it's", "'it'\\''s'", "'it'\\''s'"},
	{"\xe6\x97\xa5.img", "'\xe6\x97\xa5.img'", "$'\\346\\227\\245.img'"},
	{"\xe6\x97\xa5 it's\\1", "'\xe6\x97\xa5 it'\\''s\\1'", "$'\\346\\227\\245 it\\'s\\\\1'"},
	{"a\nb", "$'a\\012b'", "$'a\\012b'"},
	{"\xff\xe6\x97\xa5", "$'\\377\xe6\x97\xa5'", "$'\\377\\346\\227\\245'"},
	{"a\xe2\x80\xae", "$'a\\342\\200\\256'", "$'a\\342\\200\\256'"},
};

static void use_unicode(bool unicode)
{
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, unicode ? "C.UTF-8" : "C"));
}

TEST_CASE(shell, "shell");

TEST_EACH(shell, a_word_is_quoted_for_the_terminal, words)
{
	for (int unicode = 0; unicode < 2; unicode++) {
		char *quoted;

		use_unicode(unicode);
		quoted = shell_word(words[_i].word);
		ck_assert_str_eq(quoted, unicode ? words[_i].unicode : words[_i].ascii);
		free(quoted);
	}
}

TEST_EACH(shell, a_shell_reads_the_word_as_it_was, words)
{
	for (int unicode = 0; unicode < 2; unicode++) {
		struct outcome outcome;
		char *quoted;

		use_unicode(unicode);
		quoted = shell_word(words[_i].word);
		outcome = RUN("bash", "-c", text("printf %%s %s", quoted));
		ck_assert_str_eq(outcome.output, words[_i].word);
		free(quoted);
	}
}

/* Otherwise the terminal would show something else than the shell has to read. */
TEST(shell, no_quoted_character_is_shown_in_another_form)
{
	mbstate_t state = {0};
	char word[MB_LEN_MAX + 1];

	use_unicode(true);
	for (wchar_t character = 1; character < 0x110000; character++) {
		size_t length = wcrtomb(word, character, &state);
		char *quoted, *visible;

		if (length == (size_t)-1)
			continue; /* a surrogate */
		word[length] = '\0';
		quoted = shell_word(word);
		visible = text_visible(quoted, true);
		ck_assert_msg(strcmp(quoted, visible) == 0, "U+%04X", (unsigned)character);
		free(quoted);
		free(visible);
	}
}
