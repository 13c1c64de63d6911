/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of a batch as one HTML page.  The rows are gone through twice: for the sums, which
 * stand on top, and for the images.
 *
 * The filter is a group of radio buttons before the table, and rules of page.css for the table's
 * parts behind the one that is chosen: it works with any browser and without scripts.
 */
#include "page/page.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "page/page-parts.h"
#include "page/page-style.h"
#include "report/duration.h"
#include "report/phrases.h"
#include "report/size.h"
#include "report/whole-file.h"

/* ---- the sums ------------------------------------------------------------------------------ */

struct sums {
	struct summary summary;
	struct page_problems problems;
};

static int add_problem(struct page_problems *problems, enum bs_code code, size_t index,
		       struct bs_error *err)
{
	struct page_problem *list;

	/* Twice as much whenever the number is a power of two. */
	if ((problems->count & (problems->count - 1)) == 0) {
		list = reallocarray(problems->list, problems->count > 0 ? 2 * problems->count : 1,
				    sizeof(*list));
		if (!list)
			return fail(err, BS_NO_MEMORY, "out of memory");
		problems->list = list;
	}
	problems->list[problems->count++] = (struct page_problem){code, index};
	return 0;
}

/* A merge_function. */
static int add_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	struct sums *sums = context;

	if (summary_add(&sums->summary, row, err) != 0)
		return -1;
	return row->code == BS_OK ? 0 : add_problem(&sums->problems, row->code, index, err);
}

/* ---- the top of the page ------------------------------------------------------------------- */

static uint64_t problem_count(const struct summary *summary)
{
	return summary->statuses[BS_STATUS_REFUSED] + summary->statuses[BS_STATUS_FAILED] +
	       summary->statuses[BS_STATUS_RECOVERY_REQUIRED];
}

/* Whether there are images of the batch that are not on the page. */
static bool has_gap(const struct summary_facts *facts)
{
	return facts->searching || facts->not_begun > 0 || facts->without_row > 0;
}

static void write_gap(struct html *html, const struct summary_facts *facts)
{
	unsigned long long images = facts->images;

	if (facts->searching)
		html_markup(html, "Stopped while searching for images");
	else if (facts->not_begun > 0)
		html_text(html, "Stopped: %llu of %llu image%s were begun",
			  images - facts->not_begun, images, plural(images));
	else
		html_text(html, "%llu of %llu image%s %s missing here",
			  (unsigned long long)facts->without_row, images, plural(images),
			  facts->without_row == 1 ? "is" : "are");
}

/* The one sentence that says it all. */
static void write_headline(struct html *html, const struct summary *summary,
			   const struct summary_facts *facts)
{
	unsigned long long images = summary->images, problems = problem_count(summary);
	unsigned long long undone = summary->statuses[BS_STATUS_UNDONE];
	bool rehearsed = summary->statuses[BS_STATUS_WOULD_FIX] > 0;
	const char *attention = problems == 1 ? "needs attention" : "need attention";
	const char *done = rehearsed     ? "passed the rehearsal"
			   : images == 1 ? "is done"
					 : "are done";

	if (undone > 0)
		done = undone == 1 ? "was taken back" : "were taken back";
	if (has_gap(facts)) {
		write_gap(html, facts);
		if (problems > 0)
			html_text(html, ", %llu %s", problems, attention);
	} else if (images == 0) {
		html_markup(html, "No images");
	} else if (problems > 0) {
		html_text(html, "%llu of %llu image%s %s", problems, images, plural(images),
			  attention);
	} else if (undone > 0 && undone < images) {
		html_text(html, "%llu of %llu images %s", undone, images, done);
	} else if (images == 1) {
		html_text(html, "The image %s", done);
	} else {
		html_text(html, "All %llu images %s", images, done);
	}
}

static void write_head(struct html *html, const struct summary *summary,
		       const struct summary_facts *facts)
{
	html_markup(html,
		    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" "
		    "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		    "<meta name=\"color-scheme\" content=\"light dark\">\n"
		    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	write_headline(html, summary, facts);
	html_markup(html, " - bootshift</title>\n<style>\n");
	html_write(html, page_style);
	html_markup(html, "</style>\n</head>\n<body>\n");
}

static void write_meta(struct html *html, const struct summary *summary,
		       const struct summary_facts *facts)
{
	double rate = summary_rate(facts);

	html_markup(html, "<p class=\"faint\">Written ");
	page_time(html, (uint64_t)time(NULL) * 1000000000);
	if (facts->milliseconds > 0)
		html_text(html, ", after %s", duration_format(facts->milliseconds).text);
	if (facts->milliseconds > 0 && facts->begun < summary->images)
		html_text(html, " with %llu of the images", (unsigned long long)facts->begun);
	if (rate > 0)
		html_text(html, ", %.0f images a minute", rate);
	if (summary->bytes > 0)
		html_text(html, ". In all, %s of the images changed",
			  size_format(summary->bytes).text);
	html_markup(html, ".");
	if (summary->statuses[BS_STATUS_WOULD_FIX] > 0)
		html_text(html, " What would be fixed was only rehearsed: nothing was written.");
	if (facts->unexpected_count > 0)
		html_markup(html, " See also what was <a href=\"#left-out\">left out</a>.");
	html_markup(html, "</p>\n");
}

/* What is missing, and how to go on. */
static void write_missing(struct html *html, const struct summary_facts *facts)
{
	unsigned long long not_begun = facts->not_begun, untold = facts->without_row;

	if (!has_gap(facts))
		return;
	html_markup(html, "<p>");
	if (facts->searching)
		html_markup(html,
			    "No image was begun, and there may be some that were not found. ");
	if (not_begun > 0)
		html_text(html, "%llu image%s not begun. ", not_begun,
			  not_begun == 1 ? " was" : "s were");
	if (untold > 0)
		html_text(html,
			  "%llu image%s begun and left no row: not on this page, and not found by "
			  "an undo of the batch. ",
			  untold, untold == 1 ? " was" : "s were");
	html_markup(html, "To go on, give the same command again");
	if (facts->rows)
		html_markup(html, ", with <code class=\"option\">--resume</code>");
	html_markup(html, ".</p>\n");
}

/* The outcomes as a bar to scale, and as numbers. */
static void write_totals(struct html *html, const struct summary *summary)
{
	html_markup(html, "<div class=\"share\" aria-hidden=\"true\">");
	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		uint64_t count = summary->statuses[page_order[i]];

		if (count == 0)
			continue;
		html_markup(html, "<span class=\"");
		html_text(html, "%s", page_outcomes[page_order[i]].class);
		html_markup(html, "\" style=\"flex-grow:");
		html_text(html, "%llu", (unsigned long long)count);
		html_markup(html, "\"></span>");
	}
	html_markup(html, "</div>\n<dl class=\"totals\">");
	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		const struct page_outcome *outcome = &page_outcomes[page_order[i]];
		uint64_t count = summary->statuses[page_order[i]];

		if (count == 0)
			continue;
		html_markup(html, "<div class=\"");
		html_text(html, "%s", outcome->class);
		html_markup(html, "\"><dt>");
		html_text(html, "%s", outcome->word);
		html_markup(html, "</dt><dd>");
		html_text(html, "%llu", (unsigned long long)count);
		html_markup(html, "</dd></div>");
	}
	html_markup(html, "</dl>\n");
}

/* ---- the images ---------------------------------------------------------------------------- */

static void write_choice(struct html *html, const char *class, const char *word, uint64_t count,
			 bool chosen)
{
	html_markup(html, "<input type=\"radio\" name=\"show\" id=\"show-");
	html_text(html, "%s", class);
	html_markup(html, "\"");
	if (chosen)
		html_markup(html, " checked");
	html_markup(html, "><label for=\"show-");
	html_text(html, "%s", class);
	html_markup(html, "\">");
	html_text(html, "%s %llu", word, (unsigned long long)count);
	html_markup(html, "</label>\n");
}

static void write_filter(struct html *html, const struct summary *summary)
{
	write_choice(html, "all", "All", summary->images, true);
	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		const struct page_outcome *outcome = &page_outcomes[page_order[i]];
		uint64_t count = summary->statuses[page_order[i]];

		if (count > 0)
			write_choice(html, outcome->class, outcome->word, count, false);
	}
}

/* A merge_function. */
static int write_image(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	(void)err; /* what goes wrong is kept in the context */
	page_image(context, row, index);
	return 0;
}

static int write_images(struct html *html, struct merge *rows, struct bs_error *err)
{
	html_markup(html, "<table class=\"images\" role=\"table\"><thead role=\"rowgroup\">"
			  "<tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Image</th>"
			  "<th role=\"columnheader\" scope=\"col\">Windows</th>"
			  "<th role=\"columnheader\" scope=\"col\">Disk</th>"
			  "<th role=\"columnheader\" scope=\"col\">Outcome</th></tr></thead>\n");
	if (merge_each(rows, write_image, html, err) != 0)
		return -1;
	html_markup(html, "</table>\n");
	return 0;
}

static int write_list(struct html *html, struct merge *rows, const struct summary *summary,
		      struct bs_error *err)
{
	int result;

	html_markup(html,
		    "<section class=\"list\" aria-labelledby=\"images\">"
		    "<h2 id=\"images\">Images</h2>\n"
		    "<p class=\"legend\"><span class=\"system\">System</span> "
		    "has the boot files, <span class=\"boot\">Windows</span> has Windows, "
		    "<b>●</b> is active: the BIOS starts it. Widths are to scale; what is very "
		    "small is drawn wider.</p>\n");
	write_filter(html, summary);
	result = write_images(html, rows, err);
	html_markup(html, "</section>\n");
	return result;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int write_body(struct html *html, struct merge *rows, const struct sums *sums,
		      const struct summary_facts *facts, struct bs_error *err)
{
	html_markup(html, "<header><p class=\"tool\">bootshift</p><h1>");
	write_headline(html, &sums->summary, facts);
	html_markup(html, "</h1>\n");
	write_missing(html, facts);
	write_meta(html, &sums->summary, facts);
	write_totals(html, &sums->summary);
	html_markup(html, "</header>\n<main>\n");
	if (page_advice(html, rows, &sums->summary, &sums->problems, err) != 0 ||
	    write_list(html, rows, &sums->summary, err) != 0)
		return -1;
	page_left_out(html, facts);
	html_markup(html, "</main>\n<footer class=\"faint\">");
	if (sums->summary.statuses[BS_STATUS_FIXED] > 0)
		page_way_back(html, facts);
	html_markup(html, "Made by bootshift ");
	html_text(html, "%s", bs_version());
	html_markup(html, ". Times are in UTC.</footer>\n</body>\n</html>\n");
	return 0;
}

struct request {
	struct merge *rows;
	const struct summary_facts *facts;
	const struct sums *sums;
};

/* A whole_file_content. */
static int write_page(FILE *stream, void *context, struct bs_error *err)
{
	const struct request *request = context;
	struct html html = {.stream = stream};
	int result;

	write_head(&html, &request->sums->summary, request->facts);
	result = write_body(&html, request->rows, request->sums, request->facts, err);
	if (result == 0 && html.error == ENOMEM)
		return fail(err, BS_NO_MEMORY, "out of memory");
	errno = html.error;
	return result;
}

int page_write(const char *path, struct merge *rows, const struct summary_facts *facts,
	       struct bs_error *err)
{
	struct sums sums = {.problems = {.list = NULL}};
	struct request request = {rows, facts, &sums};
	int result = merge_each(rows, add_row, &sums, err);

	if (result == 0)
		result = whole_file_write(path, "report", write_page, &request, err);
	free(sums.problems.list);
	summary_free(&sums.summary);
	return result;
}
