/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guesses: what a command that does not exist may have meant, and that no guess is dangerous. */
#include "cli/guess.h"

#include "support/test.h"

TEST_CASE(guess_tests, "guess");

static const struct {
	const char *word;
	enum command_bit command; /* 0: none is named */
} words[] = {
	{"info", COMMAND_INSPECT},
	{"show", COMMAND_INSPECT},
	{"list", COMMAND_INSPECT},
	{"ls", COMMAND_INSPECT},
	{"INSPECT", COMMAND_INSPECT},
	{"inspct", COMMAND_INSPECT},
	{"isnpect", COMMAND_INSPECT},
	{"simulate", COMMAND_PLAN},
	{"dry-run", COMMAND_PLAN},
	{"pln", COMMAND_PLAN},
	{"unod", COMMAND_UNDO},
	{"fxi", COMMAND_FIX},
	{"FIX", COMMAND_FIX},
	{"bacth", COMMAND_BATCH},
	{"repotr", COMMAND_REPORT},
	/* A word that is not clearly one of the commands that write. */
	{"file", 0},
	{"run", 0},
	{"rollback", 0},
	{"revert", 0},
	{"restore", 0},
	{"repair", 0},
	{"convert", 0},
	{"find", 0},
	{"do", 0},
	{"patch", 0},
	{"", 0},
	{"a-word-that-is-longer-than-any-command-of-ours", 0},
};

TEST_EACH(guess_tests, a_command_is_guessed_only_where_that_is_safe, words)
{
	ck_assert_int_eq(guess_command(words[_i].word), words[_i].command);
}

TEST(guess_tests, a_word_of_another_program_may_have_several_meanings)
{
	ck_assert_str_eq(guess_option("-f", 0), "from");
	ck_assert_str_eq(guess_option("-f", 1), "format");
	ck_assert_ptr_null(guess_option("-f", 2));
	ck_assert_ptr_null(guess_option("-", 0));
	ck_assert_ptr_null(guess_option("--dry", 0)); /* not a part of a word */
}
