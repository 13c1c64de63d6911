/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing HTML: markup, which is written down in this program, and text, which is not.
 *
 * What always holds: what is written as text stays text, in the content of an element and in a
 * quoted attribute alike; and it is fit for a person's eyes (see report/text.h), so that a name
 * cannot turn around the direction of writing, or hide its end in a line of its own.
 */
#ifndef BOOTSHIFT_PAGE_PAGE_HTML_H
#define BOOTSHIFT_PAGE_PAGE_HTML_H

#include <stdio.h>

struct html {
	FILE *stream; /* borrowed */
	int error;    /* errno of the first thing that could not be written, or 0 */
};

/* Takes nothing but a string literal. */
#define html_markup(html, markup) html_write(html, "" markup "")
void html_write(struct html *html, const char *markup);

/* Formatted text, escaped. */
void html_text(struct html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
