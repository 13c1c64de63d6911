/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-16LE to UTF-8: characters of each length, broken pairs, and results that are cut off. */
#include "unit/memory-disk.h"
#include "util/utf16.h"

static void assert_converts(const char *utf16, size_t bytes, const char *expected)
{
	char text[64];

	memset(text, '!', sizeof(text));
	ck_assert_uint_eq(utf16_to_utf8((const uint8_t *)utf16, bytes, text, sizeof(text)),
			  strlen(expected));
	ck_assert_str_eq(text, expected);
}

TEST_CASE(utf16_tests, "conversion");

TEST(utf16_tests, characters_of_one_to_four_bytes_are_converted)
{
	assert_converts("A\0\x7F\0", 4, "A\x7F");
	assert_converts("\x80\0\xFF\x07", 4, "\xC2\x80\xDF\xBF");
	assert_converts("\0\x08\xFF\xFF", 4, "\xE0\xA0\x80\xEF\xBF\xBF");
	assert_converts("\0\xD8\0\xDC\xFF\xDB\xFF\xDF", 8, "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
}

TEST(utf16_tests, unpaired_surrogates_become_the_replacement_character)
{
	assert_converts("\0\xD8", 2, "\xEF\xBF\xBD");
	assert_converts("\0\xDC\x41\0", 4, "\xEF\xBF\xBD\x41");
	assert_converts("\0\xD8\x41\0", 4, "\xEF\xBF\xBD\x41");
	assert_converts("\0\xD8\0\xD8\0\xDC", 6, "\xEF\xBF\xBD\xF0\x90\x80\x80");
}

TEST(utf16_tests, the_first_zero_and_half_a_character_end_the_text)
{
	assert_converts("A\0\0\0B\0", 6, "A");
	assert_converts("A\0B", 3, "A");
	assert_converts("", 0, "");
	assert_converts("\0\xD8\0", 3, "\xEF\xBF\xBD");
}

TEST(utf16_tests, a_text_is_cut_before_a_character_that_does_not_fit)
{
	static const uint8_t utf16[] = "A\0\xAC\x20"
				       "B\0"; /* A, the euro sign, B */
	static const char *const expected[] = {"",
					       "",
					       "A",
					       "A",
					       "A",
					       "A\xE2\x82\xAC",
					       ("A\xE2\x82\xAC"
						"B")};

	for (size_t size = 1; size <= 6; size++) {
		char *text = malloc(size); /* exactly: the sanitizer sees one byte more */

		ck_assert_uint_eq(utf16_to_utf8(utf16, 6, text, size), strlen(expected[size]));
		ck_assert_str_eq(text, expected[size]);
		free(text);
	}
}

TEST(utf16_tests, an_odd_address_is_as_good_as_any)
{
	static const uint8_t bytes[] = "xA\0B\0";
	char text[8];

	ck_assert_uint_eq(utf16_to_utf8(bytes + 1, 4, text, sizeof(text)), 2);
	ck_assert_str_eq(text, "AB");
}
