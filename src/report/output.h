/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the reports for people go: a stream, and what is known of the terminal behind it.
 *
 * What always holds: everything printed through print() and its relatives is escaped on the way
 * out (see text.h), whoever it came from, so no report can forget it; only the functions below
 * put out line ends and colours.  No line ends with spaces.  The first error is remembered in
 * `error`.
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
	int error;       /* errno of the first thing that could not be printed, or 0 */
	unsigned width;  /* columns, from 60 to 120 */
	unsigned column; /* where the next character goes */
	size_t blanks;   /* spaces before that column which are not put out yet */
};

/* Whether a file that is to be written is "-", which means standard output; NULL is none. */
bool output_is_stdout(const char *path);

/* setlocale() must have been called. */
void output_open(struct output *output, FILE *stream, enum output_colour colour);

/* Prints formatted text at the current column. */
void print(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, and the end of the line. */
void print_line(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints formatted text in a style; STYLE_PLAIN follows. */
void print_styled(struct output *output, enum output_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints formatted text at the current column, cut to at most `columns` columns, of which there is at least one. */
void print_cut(struct output *output, unsigned columns, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, broken at spaces into lines; all but the first begin at column `indent`. */
void print_wrapped(struct output *output, unsigned indent, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same from column `indent` on, and the end of the line. */
void print_item(struct output *output, unsigned indent, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One of two fixed pieces of text, by what the terminal can show. */
void print_symbol(struct output *output, const char *unicode, const char *ascii);

/* Until the next call; STYLE_PLAIN ends it. */
void print_style(struct output *output, enum output_style style);

/* Spaces up to a column. */
void print_to(struct output *output, unsigned column);

/* The end of a line. */
void print_end(struct output *output);

/* Writes out what is buffered; what goes wrong is kept in output->error. */
void output_flush(struct output *output);

#endif
