/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from outside cannot control the terminal, and JSON gets valid UTF-8. */
#include <stdlib.h>

#include "report/text.h"

#include "support/test.h"

static const struct {
	const char *text, *unicode, *ascii;
} visible[] = {
	{"", "", ""},
	{"System Reserved", "System Reserved", "System Reserved"},
	{"C:\\Boot", "C:\\Boot", "C:\\Boot"},
	{"\033[31mred", "\\x1b[31mred", "\\x1b[31mred"},
	{"one\ntwo\r\t\a\x7f", "one\\x0atwo\\x0d\\x09\\x07\\x7f",
	 "one\\x0atwo\\x0d\\x09\\x07\\x7f"},
	{"\xc2\x9b"
	 "31m",
	 "\\u009b31m", "\\u009b31m"}, /* CSI as one character */
	{"a\xe2\x80\xae"
	 "b",
	 "a\\u202eb", "a\\u202eb"}, /* right-to-left override */
	{"Donn\xc3\xa9"
	 "es",
	 "Donn\xc3\xa9"
	 "es",
	 "Donn\\u00e9es"},
	{"\xf0\x9f\x92\xbe", "\xf0\x9f\x92\xbe", "\\U0001f4be"},
	{"\xff", "\\xff", "\\xff"},
	{"\xc3", "\\xc3", "\\xc3"},                                           /* cut short */
	{"\xe2\x82", "\\xe2\\x82", "\\xe2\\x82"},                             /* cut short */
	{"\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf"},                             /* overlong */
	{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"},               /* a surrogate */
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80"}, /* above 10FFFF */
};

TEST_CASE(text_tests, "text");

TEST_EACH(text_tests, nothing_acts_on_the_terminal, visible)
{
	char *unicode = text_visible(visible[_i].text, true);
	char *ascii = text_visible(visible[_i].text, false);

	ck_assert_str_eq(unicode, visible[_i].unicode);
	ck_assert_str_eq(ascii, visible[_i].ascii);
	free(unicode);
	free(ascii);
}

TEST(text_tests, invalid_bytes_become_replacement_characters)
{
	char *valid = text_valid("a\xff\xe2\x82\xc3\xa9");

	ck_assert_str_eq(valid, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
	free(valid);
}

TEST(text_tests, distance_counts_changed_letters)
{
	ck_assert_uint_eq(text_distance("inspect", "inspect"), 0);
	ck_assert_uint_eq(text_distance("inspekt", "inspect"), 1);
	ck_assert_uint_eq(text_distance("jsno", "json"), 1); /* swapped */
	ck_assert_uint_eq(text_distance("fx", "fix"), 1);
	ck_assert_uint_eq(text_distance("", "undo"), 4);
	ck_assert_uint_gt(text_distance("a-word-of-more-than-31-letters-is-not-compared", "fix"),
			  31);
}
