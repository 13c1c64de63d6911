/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The output of reports for people: a stream, and the properties of its terminal.
 *
 * The functions below make all text visible before they print it (text.h), so that no report can
 * forget to.  Only these functions print line ends and colours.  No line ends with spaces.  `error`
 * keeps the first error.
 */
#ifndef BOOTSHIFT_REPORT_OUTPUT_H
#define BOOTSHIFT_REPORT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "util/err.h"

enum output_colour {
	OUTPUT_COLOUR_AUTO, /* on a terminal, unless NO_COLOR is set */
	OUTPUT_COLOUR_ALWAYS,
	OUTPUT_COLOUR_NEVER,
};

enum output_style {
	STYLE_PLAIN,
	STYLE_STRONG,
	STYLE_FAINT,
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_WARNING,
	STYLE_SYSTEM, /* the system volume */
	STYLE_BOOT,   /* the boot volume */
};

struct output {
	FILE *stream; /* borrowed */
	bool unicode; /* the locale is a UTF-8 one */
	bool colour;
	bool quiet;      /* nothing is printed */
	int error;       /* errno of the first error; 0: none */
	unsigned width;  /* columns, from 40 to 120 */
	unsigned column; /* of the next character */
	size_t blanks;   /* spaces before that column that are not written yet */
};

/* Whether `path` is "-", which stands for standard output.  `path` may be NULL. */
bool output_is_stdout(const char *path);

/* Whether standard output is a pipe or a terminal that nobody reads any more, as after "| head". */
bool output_reader_has_gone(void);

/* Sets *output for a stream.  The caller must have called setlocale(). */
void output_open(struct output *output, FILE *stream, enum output_colour colour);

/* Whether the terminal has no room for drawings and tables. */
bool output_is_narrow(const struct output *output);

/* Prints formatted text at the current column. */
void print(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, then ends the line. */
void print_line(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints formatted text in a style, then sets STYLE_PLAIN. */
void print_styled(struct output *output, enum output_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints formatted text at the current column, cut to at most `columns` columns (1 or more). */
void print_cut(struct output *output, unsigned columns, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints formatted text, broken at spaces into lines.  Later lines begin at column `indent`. */
void print_wrapped(struct output *output, unsigned indent, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints as print_wrapped(), but starts at column `indent` and ends the line. */
void print_item(struct output *output, unsigned indent, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints `unicode` if the terminal can show it, else `ascii`. */
void print_symbol(struct output *output, const char *unicode, const char *ascii);

/* Sets the style of all text until the next call. */
void print_style(struct output *output, enum output_style style);

/* Prints spaces up to a column. */
void print_to(struct output *output, unsigned column);

/* Ends the line. */
void print_end(struct output *output);

/* Writes buffered text to the stream.  output->error keeps an error. */
void output_flush(struct output *output);

#endif
