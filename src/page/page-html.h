/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes HTML: markup comes from this program, text may come from anywhere.
 *
 * What always holds: text never becomes markup, neither in the content of an element nor in a
 * quoted attribute.  Text is also made visible (report/text.h), so that a name can neither reverse
 * the direction of writing nor continue on another line.
 */
#ifndef BOOTSHIFT_PAGE_PAGE_HTML_H
#define BOOTSHIFT_PAGE_PAGE_HTML_H

#include <stdio.h>

struct html {
	FILE *stream; /* borrowed */
	int error;    /* errno of the first write that failed; 0: none */
};

/* html_markup() accepts only a string literal. */
#define html_markup(html, markup) html_write(html, "" markup "")
void html_write(struct html *html, const char *markup);

/* Writes formatted text: visible and escaped. */
void html_text(struct html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
