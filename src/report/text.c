/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-8 is decoded as RFC 3629 says. */
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Bytes of the longest form of a byte or character, \UNNNNNNNN, with the final zero. */
#define VISIBLE_MAX 11

size_t text_decode(const char *text, uint32_t *character)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t minimum; /* a smaller character in this form is overlong */
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	const uint8_t *bytes = (const uint8_t *)text;

	for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
		uint32_t value = bytes[0] & (uint8_t)~forms[form].mask;
		size_t i = 1;

		if ((bytes[0] & forms[form].mask) != forms[form].lead)
			continue;
		/* Stops at the final zero, which is not a continuation byte. */
		for (; i <= form && (bytes[i] & 0xc0) == 0x80; i++)
			value = value << 6 | (bytes[i] & 0x3f);
		if (i <= form || value < forms[form].minimum || value > 0x10ffff ||
		    (value >= 0xd800 && value <= 0xdfff))
			break;
		*character = value;
		return form + 1;
	}
	*character = TEXT_INVALID;
	return 1;
}

/* Whether a character controls the terminal or the text around it. */
static bool text_is_control(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {{0x00, 0x1f},       {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
		      {0x180e, 0x180e},   {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		      {0xfeff, 0xfeff},   {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
		      {0xf0000, 0x10ffff}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

/* Writes the visible form of the character in the `length` bytes at `text`; returns its length. */
static size_t text_show(const char *text, size_t length, uint32_t character, bool unicode,
			char visible[VISIBLE_MAX])
{
	if (character == TEXT_INVALID)
		return (size_t)sprintf(visible, "\\x%02x", (uint8_t)*text);
	if (!text_is_control(character) && (unicode || character < 0x80)) {
		memcpy(visible, text, length);
		return length;
	}
	if (character < 0x80)
		return (size_t)sprintf(visible, "\\x%02x", character);
	if (character < 0x10000)
		return (size_t)sprintf(visible, "\\u%04x", character);
	return (size_t)sprintf(visible, "\\U%08x", character);
}

char *text_visible(const char *text, bool unicode)
{
	char *visible = malloc(strlen(text) * (VISIBLE_MAX - 1) + 1);
	char *end = visible;

	if (!visible)
		return NULL;
	while (*text != '\0') {
		char shown[VISIBLE_MAX];
		uint32_t character;
		size_t length = text_decode(text, &character);
		size_t shown_length = text_show(text, length, character, unicode, shown);

		memcpy(end, shown, shown_length);
		end += shown_length;
		text += length;
	}
	*end = '\0';
	return visible;
}

char *text_valid(const char *text)
{
	char *valid = malloc(strlen(text) * strlen(TEXT_REPLACEMENT) + 1);
	char *end = valid;

	if (!valid)
		return NULL;
	while (*text != '\0') {
		uint32_t character;
		size_t length = text_decode(text, &character);

		if (character == TEXT_INVALID)
			end = stpcpy(end, TEXT_REPLACEMENT);
		else
			end = mempcpy(end, text, length);
		text += length;
	}
	*end = '\0';
	return valid;
}

unsigned text_character_columns(uint32_t character)
{
	int columns = wcwidth((wchar_t)character);

	return columns < 0 ? 1 : (unsigned)columns;
}

unsigned text_columns(const char *visible)
{
	unsigned columns = 0;

	while (*visible != '\0') {
		uint32_t character;

		visible += text_decode(visible, &character);
		columns += text_character_columns(character);
	}
	return columns;
}

static unsigned text_smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Optimal string alignment: rows[i][j] is the distance of the first i letters and the first j. */
unsigned text_distance(const char *one, const char *other)
{
	unsigned rows[32][32];
	size_t length = strlen(one), other_length = strlen(other);

	if (length > 31 || other_length > 31)
		return 99;
	for (size_t i = 0; i <= length; i++)
		rows[i][0] = (unsigned)i;
	for (size_t j = 0; j <= other_length; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= length; i++) {
		for (size_t j = 1; j <= other_length; j++) {
			unsigned changed = one[i - 1] != other[j - 1];

			rows[i][j] = text_smallest(rows[i - 1][j] + 1, rows[i][j - 1] + 1,
						   rows[i - 1][j - 1] + changed);
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			    one[i - 2] == other[j - 1] && rows[i - 2][j - 2] + 1 < rows[i][j])
				rows[i][j] = rows[i - 2][j - 2] + 1;
		}
	}
	return rows[length][other_length];
}
