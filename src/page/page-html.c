/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page/page-html.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "report/text.h"

static void html_put(struct html *html, const char *bytes)
{
	if (fputs(bytes, html->stream) == EOF && html->error == 0)
		html->error = errno;
}

void html_write(struct html *html, const char *markup)
{
	html_put(html, markup);
}

/* Escapes all characters with a meaning in content or in a quoted attribute. */
static void html_put_escaped(struct html *html, const char *text)
{
	for (; *text != '\0'; text++) {
		char one[2] = {*text};

		switch (*text) {
		case '&':
			html_put(html, "&amp;");
			break;
		case '<':
			html_put(html, "&lt;");
			break;
		case '>':
			html_put(html, "&gt;");
			break;
		case '"':
			html_put(html, "&quot;");
			break;
		case '\'':
			html_put(html, "&#39;");
			break;
		default:
			html_put(html, one);
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
		html_put_escaped(html, visible);
	else if (html->error == 0)
		html->error = ENOMEM;
	free(visible);
	free(text);
}
