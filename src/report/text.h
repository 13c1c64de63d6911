/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes text safe to show: volume labels, paths, file names.
 *
 * Anybody may have put such text into an image.  It may contain escape sequences for the terminal,
 * characters that reverse the direction of writing, or bytes that are not UTF-8.
 */
#ifndef BOOTSHIFT_REPORT_TEXT_H
#define BOOTSHIFT_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_INVALID     UINT32_MAX
#define TEXT_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * Decodes the first character of `text`, which is not empty.  Returns the number of its bytes.  If
 * the bytes are not well-formed UTF-8, *character is TEXT_INVALID and the result is 1.
 */
size_t text_decode(const char *text, uint32_t *character);

/*
 * A copy for people.  Invalid bytes become \xNN.  Characters that control a terminal or the
 * direction of writing become \xNN, \uNNNN or \UNNNNNNNN, and without `unicode` all characters that
 * are not ASCII do, too.  A newline is a control character.  The caller frees the copy; NULL when
 * memory runs out.
 */
char *text_visible(const char *text, bool unicode);

/* A copy in which each invalid byte is U+FFFD.  The caller frees it; NULL when memory runs out. */
char *text_valid(const char *text);

/* The columns of a character on the terminal; 1 if the locale does not know. */
unsigned text_character_columns(uint32_t character);

/* The columns of a text that text_visible() has made. */
unsigned text_columns(const char *visible);

/*
 * The number of changes of one letter (replaced, missing, extra, or swapped with its neighbour)
 * between two words; a large number if a word is longer than 31 bytes.
 */
unsigned text_distance(const char *one, const char *other);

#endif
