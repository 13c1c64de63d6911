/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of the page: what the batch left out, and how to undo the fixes. */
#include <errno.h>
#include <stdlib.h>

#include "page/page-parts.h"
#include "report/phrases.h"
#include "rows/location.h"

/* See left-out.h. */
static void write_unexpected(struct html *html, const struct summary_facts *facts)
{
	if (facts->unexpected_count == 0)
		return;
	html_markup(html, "<p>Please check whether these should have been left out:</p>"
			  "<ul class=\"names\">");
	for (size_t i = 0; i < facts->unexpected_count; i++) {
		html_markup(html, "<li><bdi>");
		html_text(html, "%s", facts->unexpected[i].path);
		html_markup(html, "</bdi>: ");
		html_text(html, "%s", facts->unexpected[i].reason);
		html_markup(html, "</li>");
	}
	html_markup(html, "</ul>");
	if (facts->unexpected_more > 0) {
		html_markup(html, "<p>");
		html_text(html, "And %llu more.", (unsigned long long)facts->unexpected_more);
		html_markup(html, "</p>");
	}
}

void page_left_out(struct html *html, const struct summary_facts *facts)
{
	if (facts->left_out_count == 0 && !facts->rows_only)
		return;
	html_markup(html, "<section aria-labelledby=\"left-out\">"
			  "<h2 id=\"left-out\">Left out</h2>");
	if (facts->rows_only) {
		html_markup(html,
			    "<p class=\"faint\">This page is made from rows. A batch writes a "
			    "row for each image that it begins. Files that it left out have "
			    "no row, and neither have images that it had not begun when it "
			    "was stopped.</p>");
	} else {
		html_markup(html, "<ul>");
		for (size_t i = 0; i < facts->left_out_count; i++) {
			html_markup(html, "<li>");
			html_text(html, "%s: %llu", facts->left_out[i].reason,
				  (unsigned long long)facts->left_out[i].count);
			html_markup(html, "</li>");
		}
		html_markup(html, "</ul>");
		write_unexpected(html, facts);
	}
	html_markup(html, "</section>\n");
}

/* Writes a path as a word of a shell command, absolute, so that the command works in any folder. */
static void write_shell_word(struct html *html, const char *path)
{
	char *location = location_of(path), *word = location ? shell_word(location) : NULL;

	if (word)
		html_text(html, "%s", word);
	else if (html->error == 0)
		html->error = ENOMEM;
	free(word);
	free(location);
}

static void write_undo_from(struct html *html, const struct summary_facts *facts)
{
	html_markup(html, "<code>bootshift undo --from ");
	if (facts->rows)
		write_shell_word(html, facts->rows);
	else
		html_markup(html, "FILE");
}

/* Rows lead to the undo files.  Without rows, the command needs the folder of the undo files. */
void page_undo_commands(struct html *html, const struct summary_facts *facts)
{
	html_markup(html, "<p>What was fixed can be taken back: ");
	if (facts->rows || facts->rows_only) {
		html_markup(html, "all by ");
		write_undo_from(html, facts);
		html_markup(html, "</code>, an image by ");
		write_undo_from(html, facts);
	} else {
		html_markup(html, "an image by <code>bootshift undo");
		if (facts->undo_directory) {
			html_markup(html, " --undo-dir ");
			write_shell_word(html, facts->undo_directory);
		}
	}
	html_markup(html, " IMAGE</code>");
	html_write(html, facts->rows_only ? ", where FILE has the row of IMAGE.</p>" : ".</p>");
}
