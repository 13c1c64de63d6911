/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text from outside, such as volume labels, paths and file names, made fit to be shown.
 *
 * Such text is what somebody else put into an image: it may hold escape sequences for the
 * terminal, characters that reverse the direction of writing, or bytes that are no text at all.
 */
#ifndef BOOTSHIFT_REPORT_TEXT_H
#define BOOTSHIFT_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_INVALID     UINT32_MAX
#define TEXT_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * The character at the start of `text`, which is not at its end, and the number of its bytes.
 * Where there is no well-formed UTF-8: one byte, and TEXT_INVALID for the character.
 */
size_t text_decode(const char *text, uint32_t *character);

/*
 * A copy for a person's eyes: invalid bytes as \xNN; characters that control a terminal or the
 * direction of writing, and without `unicode` everything beyond ASCII, as \xNN, \uNNNN or
 * \UNNNNNNNN.  Line ends are control characters, too.  The caller frees it; NULL without memory.
 */
char *text_visible(const char *text, bool unicode);

/* A copy in which each invalid byte is U+FFFD.  The caller frees it; NULL without memory. */
char *text_valid(const char *text);

/* The columns that a character takes on the terminal; 1 where the locale does not know. */
unsigned text_character_columns(uint32_t character);

/* The columns that a text made by text_visible() takes. */
unsigned text_columns(const char *visible);

/* The number of changes of one letter (other, missing, extra, swapped) from one word to the other;
 * for words of up to 31 bytes, and a large number for longer ones. */
unsigned text_distance(const char *one, const char *other);

#endif
