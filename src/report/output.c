/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/output.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/text.h"

#define WIDTH_MIN     40
#define WIDTH_NARROW  60  /* less is too narrow for drawings and tables */
#define WIDTH_MAX     120 /* longer lines are hard to read */
#define WIDTH_DEFAULT 80

static unsigned terminal_width(int descriptor)
{
	const char *columns = getenv("COLUMNS");
	long width = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize size;

	if (width <= 0 && ioctl(descriptor, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0)
		width = WIDTH_DEFAULT;
	if (width < WIDTH_MIN)
		return WIDTH_MIN;
	return width > WIDTH_MAX ? WIDTH_MAX : (unsigned)width;
}

static bool terminal_has_colour(int descriptor)
{
	const char *no_color = getenv("NO_COLOR"); /* see no-color.org: any value but "" */
	const char *terminal = getenv("TERM");

	return isatty(descriptor) && (!no_color || *no_color == '\0') && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

bool output_is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

bool output_reader_has_gone(void)
{
	struct pollfd standard = {.fd = STDOUT_FILENO};

	return poll(&standard, 1, 0) == 1 && (standard.revents & (POLLERR | POLLHUP));
}

void output_open(struct output *output, FILE *stream, enum output_colour colour)
{
	*output = (struct output){
		.stream = stream,
		.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.width = terminal_width(fileno(stream)),
	};
	if (colour == OUTPUT_COLOUR_AUTO)
		output->colour = terminal_has_colour(fileno(stream));
	else
		output->colour = colour == OUTPUT_COLOUR_ALWAYS;
}

bool output_is_narrow(const struct output *output)
{
	return output->width < WIDTH_NARROW;
}

static void output_write(struct output *output, const char *bytes, size_t length)
{
	if (!output->quiet && fwrite(bytes, 1, length, output->stream) < length &&
	    output->error == 0)
		output->error = errno;
}

/* Spaces are written when other text follows them in the line. */
static void output_put(struct output *output, const char *visible, size_t length, unsigned columns)
{
	size_t end = length;

	while (end > 0 && visible[end - 1] == ' ')
		end--;
	if (end > 0) {
		for (; output->blanks > 0; output->blanks--)
			output_write(output, " ", 1);
		output_write(output, visible, end);
	}
	output->blanks += length - end;
	output->column += columns;
}

/* The visible text, which the caller frees; NULL, and output->error set, when memory runs out. */
static char *output_format(struct output *output, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static char *output_format(struct output *output, const char *format, va_list arguments)
{
	char *text = NULL, *visible = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	if (text)
		visible = text_visible(text, output->unicode);
	if (!visible)
		output->error = ENOMEM;
	free(text);
	return visible;
}

static void output_print(struct output *output, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void output_print(struct output *output, const char *format, va_list arguments)
{
	char *visible = output_format(output, format, arguments);

	if (visible)
		output_put(output, visible, strlen(visible), text_columns(visible));
	free(visible);
}

void print(struct output *output, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	output_print(output, format, arguments);
	va_end(arguments);
}

void print_line(struct output *output, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	output_print(output, format, arguments);
	va_end(arguments);
	print_end(output);
}

void print_styled(struct output *output, enum output_style style, const char *format, ...)
{
	va_list arguments;

	print_style(output, style);
	va_start(arguments, format);
	output_print(output, format, arguments);
	va_end(arguments);
	print_style(output, STYLE_PLAIN);
}

/* The number of bytes of `visible` that fit in `columns`; *taken is the number of their columns. */
static size_t output_fit(const char *visible, unsigned columns, unsigned *taken)
{
	const char *p = visible;

	*taken = 0;
	while (*p != '\0') {
		uint32_t character;
		size_t length = text_decode(p, &character);
		unsigned wide = text_character_columns(character);

		if (*taken + wide > columns)
			break;
		*taken += wide;
		p += length;
	}
	return (size_t)(p - visible);
}

void print_cut(struct output *output, unsigned columns, const char *format, ...)
{
	const char *mark = output->unicode ? "\u2026" : "~"; /* ellipsis */
	va_list arguments;
	char *visible;

	va_start(arguments, format);
	visible = output_format(output, format, arguments);
	va_end(arguments);
	if (visible) {
		bool whole = text_columns(visible) <= columns;
		unsigned taken;
		size_t length = output_fit(visible, whole ? columns : columns - 1, &taken);

		output_put(output, visible, length, taken);
		if (!whole)
			output_put(output, mark, strlen(mark), 1);
	}
	free(visible);
}

static void output_wrap(struct output *output, unsigned indent, const char *format,
			va_list arguments) __attribute__((format(printf, 3, 0)));

static void output_wrap(struct output *output, unsigned indent, const char *format,
			va_list arguments)
{
	char *visible = output_format(output, format, arguments), *rest, *word;
	bool first = true;

	for (word = visible ? strtok_r(visible, " ", &rest) : NULL; word;
	     word = strtok_r(NULL, " ", &rest)) {
		unsigned columns = text_columns(word);

		if (output->column + !first + columns > output->width && output->column > indent) {
			print_end(output);
			print_to(output, indent);
		} else if (!first) {
			output_put(output, " ", 1, 1);
		}
		output_put(output, word, strlen(word), columns);
		first = false;
	}
	free(visible);
}

void print_wrapped(struct output *output, unsigned indent, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	output_wrap(output, indent, format, arguments);
	va_end(arguments);
}

void print_item(struct output *output, unsigned indent, const char *format, ...)
{
	va_list arguments;

	print_to(output, indent);
	va_start(arguments, format);
	output_wrap(output, indent, format, arguments);
	va_end(arguments);
	print_end(output);
}

void print_symbol(struct output *output, const char *unicode, const char *ascii)
{
	const char *symbol = output->unicode ? unicode : ascii;

	output_put(output, symbol, strlen(symbol), text_columns(symbol));
}

void print_style(struct output *output, enum output_style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m",   [STYLE_STRONG] = "\033[1m",
		[STYLE_FAINT] = "\033[2m",   [STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[1;31m",  [STYLE_WARNING] = "\033[33m",
		[STYLE_SYSTEM] = "\033[33m", [STYLE_BOOT] = "\033[36m",
	};

	if (output->colour)
		output_write(output, sequences[style], strlen(sequences[style]));
}

void print_to(struct output *output, unsigned column)
{
	while (output->column < column)
		output_put(output, " ", 1, 1);
}

void print_end(struct output *output)
{
	output_write(output, "\n", 1);
	output->blanks = 0;
	output->column = 0;
}

void output_flush(struct output *output)
{
	if (fflush(output->stream) < 0 && output->error == 0)
		output->error = errno;
}
