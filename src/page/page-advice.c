/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What to do: a block for each code that images were refused or failed with. */
#include <stdlib.h>
#include <string.h>

#include "page/page-parts.h"
#include "report/advice.h"
#include "report/phrases.h"
#include "rows/location.h"

#define LISTED_MAX 3 /* so many images are named at once; more unfold */

/* An image by its name, which leads to its line in the table. */
static int write_image(struct html *html, struct merge *rows, size_t index, struct bs_error *err)
{
	struct row row;
	int result = merge_read(rows, index, &row, err);
	char *path = result == 0 ? page_path(html, &row) : NULL;

	if (path) {
		html_markup(html, "<li><a href=\"#image-");
		html_text(html, "%zu", index + 1);
		html_markup(html, "\"><bdi>");
		html_text(html, "%s", location_name(path));
		html_markup(html, "</bdi></a>");
	}
	free(path);
	row_free(&row);
	return result;
}

static int write_list(struct html *html, struct merge *rows, const struct page_problems *problems,
		      enum bs_code code, struct bs_error *err)
{
	html_markup(html, "<ul class=\"names\">");
	for (size_t i = 0; i < problems->count; i++)
		if (problems->list[i].code == code &&
		    write_image(html, rows, problems->list[i].index, err) != 0)
			return -1;
	html_markup(html, "</ul>");
	return 0;
}

static int write_images(struct html *html, struct merge *rows, const struct page_problems *problems,
			enum bs_code code, uint64_t count, struct bs_error *err)
{
	int result;

	if (count <= LISTED_MAX)
		return write_list(html, rows, problems, code, err);
	html_markup(html, "<details><summary>");
	html_text(html, "The %llu images", (unsigned long long)count);
	html_markup(html, "</summary>");
	result = write_list(html, rows, problems, code, err);
	html_markup(html, "</details>");
	return result;
}

/* The advice begins a sentence.  Its options are marked, because a browser breaks lines in them. */
static void write_sentence(struct html *html, const char *advice)
{
	char first = *advice >= 'a' && *advice <= 'z' ? (char)(*advice - 'a' + 'A') : *advice;
	const char *option;
	bool command = advice_command(advice) != NULL; /* a full stop is no part of one */

	html_text(html, "%c", first);
	advice++;
	while ((option = strstr(advice, "--"))) {
		int length = (int)strcspn(option, " ,;:)");

		html_text(html, "%.*s", (int)(option - advice), advice);
		html_markup(html, "<code class=\"option\">");
		html_text(html, "%.*s", length, option);
		html_markup(html, "</code>");
		advice = option + length;
	}
	html_text(html, "%s%s", advice, command ? "" : ".");
}

static int write_code(struct html *html, struct merge *rows, const struct summary_code *code,
		      const struct page_problems *problems, enum bs_code number,
		      struct bs_error *err)
{
	int result;

	html_markup(html, "<section class=\"advice ");
	html_text(html, "%s", bs_code_exit(number) == BS_EXIT_REFUSED ? "refused" : "failed");
	html_markup(html, "\"><h3><code>");
	html_text(html, "%s", bs_code_name(number));
	html_markup(html, "</code> <span class=\"count\">");
	html_text(html, "%llu image%s", (unsigned long long)code->count, plural(code->count));
	html_markup(html, "</span></h3><p>");
	write_sentence(html, bs_code_advice(number));
	html_markup(html, "</p>");
	result = write_images(html, rows, problems, number, code->count, err);
	html_markup(html, "</section>\n");
	return result;
}

int page_advice(struct html *html, struct merge *rows, const struct summary *summary,
		const struct page_problems *problems, struct bs_error *err)
{
	static const enum bs_exit classes[] = {BS_EXIT_RECOVERY, BS_EXIT_FAILED, BS_EXIT_REFUSED};

	if (problems->count == 0)
		return 0;
	html_markup(html, "<section aria-labelledby=\"to-do\"><h2 id=\"to-do\">What to do</h2>");
	if (summary->statuses[BS_STATUS_REFUSED] + summary->statuses[BS_STATUS_FAILED] > 0)
		html_markup(html, "<p class=\"faint\">Images that were refused or have failed are "
				  "as they were before.</p>");
	html_markup(html, "<div class=\"advices\">\n");
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		enum bs_code order[BS_CODE_COUNT];
		size_t count = summary_order(summary, classes[i], order);

		for (size_t j = 0; j < count; j++)
			if (write_code(html, rows, &summary->codes[order[j]], problems, order[j],
				       err) != 0)
				return -1;
	}
	html_markup(html, "</div></section>\n");
	return 0;
}
