/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing HTML.  Escaped is what HTML gives a meaning to in content or in a quoted attribute. */
#include "page/page-html.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "report/text.h"

static void put(struct html *html, const char *bytes)
{
	if (fputs(bytes, html->stream) == EOF && html->error == 0)
		html->error = errno;
}

void html_write(struct html *html, const char *markup)
{
	put(html, markup);
}

static void put_escaped(struct html *html, const char *text)
{
	for (; *text != '\0'; text++) {
		char one[2] = {*text};

		switch (*text) {
		case '&':
			put(html, "&amp;");
			break;
		case '<':
			put(html, "&lt;");
			break;
		case '>':
			put(html, "&gt;");
			break;
		case '"':
			put(html, "&quot;");
			break;
		case '\'':
			put(html, "&#39;");
			break;
		default:
			put(html, one);
		}
	}
}

void html_text(struct html *html, const char *format, ...)
{
	char *text = NULL, *visible = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (text)
		visible = text_visible(text, true);
	if (visible)
		put_escaped(html, visible);
	else if (html->error == 0)
		html->error = ENOMEM;
	free(visible);
	free(text);
}
