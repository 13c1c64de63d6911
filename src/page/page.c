/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows are read twice: first for the totals at the top of the page, then for the images.
 *
 * The filter is a group of radio buttons before the table.  Rules in page.css hide the images that
 * do not belong to the chosen button.  This needs no scripts and works in all browsers.
 */
#include "page/page.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "page/page-parts.h"
#include "report/amount.h"
#include "report/phrases.h"
#include "report/whole-file.h"

/*
 * The content of page.css, with a final zero.  The Makefile tells the assembler the folder of the
 * file.  The content must not end the <style> element.
 */
extern const char page_style[] __attribute__((visibility("hidden")));
__asm__(".pushsection .rodata\n"
	".globl page_style\n.hidden page_style\npage_style:\n"
	".incbin \"page.css\"\n.byte 0\n"
	".popsection\n");

/* ---- the totals ---------------------------------------------------------------------------- */

struct totals {
	struct summary summary;
	struct page_problems problems;
};

static int add_problem(struct page_problems *problems, enum bs_code code, size_t index,
		       struct bs_error *err)
{
	struct page_problem *list;

	/* A power of two: the list is full, so double it. */
	if ((problems->count & (problems->count - 1)) == 0) {
		list = reallocarray(problems->list, problems->count > 0 ? 2 * problems->count : 1,
				    sizeof(*list));
		if (!list)
			return fail_memory(err);
		problems->list = list;
	}
	problems->list[problems->count++] = (struct page_problem){code, index};
	return 0;
}

/* A merge_function. */
static int totals_add_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	struct totals *totals = context;

	if (summary_add(&totals->summary, row, err) < 0)
		return -1;
	return row->code == BS_OK ? 0 : add_problem(&totals->problems, row->code, index, err);
}

/* ---- the top of the page ------------------------------------------------------------------- */

static uint64_t problem_count(const struct summary *summary)
{
	return summary->statuses[BS_STATUS_REFUSED] + summary->statuses[BS_STATUS_FAILED] +
	       summary->statuses[BS_STATUS_RECOVERY_REQUIRED];
}

/* Whether images of the batch are missing on the page. */
static bool is_incomplete(const struct summary_facts *facts)
{
	return facts->searching || facts->not_begun > 0 || facts->without_row > 0;
}

static void write_incomplete_headline(struct html *html, const struct summary_facts *facts)
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

/* The most important fact as one sentence. */
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
	if (is_incomplete(facts)) {
		write_incomplete_headline(html, facts);
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
		html_text(html, " Images that would be fixed were only rehearsed: nothing was "
				"written to them.");
	if (facts->unexpected_count > 0)
		html_markup(html, " See also what was <a href=\"#left-out\">left out</a>.");
	html_markup(html, "</p>\n");
}

/* Which images are missing, and how to go on. */
static void write_missing(struct html *html, const struct summary_facts *facts)
{
	unsigned long long not_begun = facts->not_begun;
	unsigned long long without_row = facts->without_row;

	if (!is_incomplete(facts))
		return;
	html_markup(html, "<p>");
	if (facts->searching)
		html_markup(html, "No image was begun, and some images may not have been found. ");
	if (not_begun > 0)
		html_text(html, "%llu image%s not begun. ", not_begun,
			  not_begun == 1 ? " was" : "s were");
	if (without_row > 0)
		html_text(
			html,
			"%llu image%s begun and left no row: not on this page, and an undo of the "
			"batch does not find %s. ",
			without_row, without_row == 1 ? " was" : "s were",
			without_row == 1 ? "it" : "them");
	html_markup(html, "To go on, give the same command again");
	if (facts->rows)
		html_markup(html, ", with <code class=\"option\">--resume</code>");
	html_markup(html, ".</p>\n");
}

/* A bar that shows the shares of the outcomes, and their numbers. */
static void write_totals(struct html *html, const struct summary *summary)
{
	html_markup(html, "<div class=\"share\" aria-hidden=\"true\">");
	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		uint64_t count = summary->statuses[outcomes[i].status];

		if (count == 0)
			continue;
		html_markup(html, "<span class=\"");
		html_text(html, "%s", outcomes[i].class);
		html_markup(html, "\" style=\"flex-grow:");
		html_text(html, "%llu", (unsigned long long)count);
		html_markup(html, "\"></span>");
	}
	html_markup(html, "</div>\n<dl class=\"totals\">");
	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		const struct outcome *outcome = &outcomes[i];
		uint64_t count = summary->statuses[outcomes[i].status];

		if (count == 0)
			continue;
		html_markup(html, "<div class=\"");
		html_text(html, "%s", outcome->class);
		html_markup(html, "\"><dt>");
		page_word(html, outcome);
		html_markup(html, "</dt><dd>");
		html_text(html, "%llu", (unsigned long long)count);
		html_markup(html, "</dd></div>");
	}
	html_markup(html, "</dl>\n");
}

/* ---- the images ---------------------------------------------------------------------------- */

static void write_choice(struct html *html, const struct outcome *outcome, uint64_t count)
{
	const char *class = outcome ? outcome->class : "all";

	html_markup(html, "<input type=\"radio\" name=\"show\" id=\"show-");
	html_text(html, "%s", class);
	html_markup(html, "\"");
	if (!outcome)
		html_markup(html, " checked");
	html_markup(html, "><label for=\"show-");
	html_text(html, "%s", class);
	html_markup(html, "\">");
	if (outcome)
		page_word(html, outcome);
	else
		html_markup(html, "All");
	html_text(html, " %llu", (unsigned long long)count);
	html_markup(html, "</label>\n");
}

static void write_filter(struct html *html, const struct summary *summary)
{
	write_choice(html, NULL, summary->images);
	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		uint64_t count = summary->statuses[outcomes[i].status];

		if (count > 0)
			write_choice(html, &outcomes[i], count);
	}
}

/* A merge_function. */
static int write_table_image(void *context, size_t index, const struct row *row,
			     struct bs_error *err)
{
	(void)err; /* html->error keeps errors */
	page_image(context, row, index);
	return 0;
}

static int write_image_table(struct html *html, struct merge *rows, struct bs_error *err)
{
	html_markup(html, "<table class=\"images\" role=\"table\"><thead role=\"rowgroup\">"
			  "<tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Image</th>"
			  "<th role=\"columnheader\" scope=\"col\">Windows</th>"
			  "<th role=\"columnheader\" scope=\"col\">Disk</th>"
			  "<th role=\"columnheader\" scope=\"col\">Outcome</th></tr></thead>\n");
	if (merge_each(rows, write_table_image, html, err) < 0)
		return -1;
	html_markup(html, "</table>\n");
	return 0;
}

static int write_image_section(struct html *html, struct merge *rows, const struct summary *summary,
			       struct bs_error *err)
{
	int result;

	html_markup(html,
		    "<section class=\"list\" aria-labelledby=\"images\">"
		    "<h2 id=\"images\">Images</h2>\n"
		    "<p class=\"legend\"><span class=\"system\">System</span> "
		    "has the boot files, <span class=\"boot\">Windows</span> has Windows, "
		    "<b>●</b> is active: the BIOS starts it. Widths are to scale, except that very "
		    "small partitions are drawn wider.</p>\n");
	write_filter(html, summary);
	result = write_image_table(html, rows, err);
	html_markup(html, "</section>\n");
	return result;
}

/* ---- the page ------------------------------------------------------------------------------ */

static int write_body(struct html *html, struct merge *rows, const struct totals *totals,
		      const struct summary_facts *facts, struct bs_error *err)
{
	html_markup(html, "<header><p class=\"tool\">bootshift</p><h1>");
	write_headline(html, &totals->summary, facts);
	html_markup(html, "</h1>\n");
	write_missing(html, facts);
	write_meta(html, &totals->summary, facts);
	write_totals(html, &totals->summary);
	html_markup(html, "</header>\n<main>\n");
	if (page_advice(html, rows, &totals->summary, &totals->problems, err) < 0 ||
	    write_image_section(html, rows, &totals->summary, err) < 0)
		return -1;
	page_left_out(html, facts);
	html_markup(html, "</main>\n<footer class=\"faint\">");
	if (totals->summary.statuses[BS_STATUS_FIXED] > 0)
		page_undo_commands(html, facts);
	html_markup(html, "Made by bootshift ");
	html_text(html, "%s", bs_version());
	html_markup(html, ". Times are in UTC.</footer>\n</body>\n</html>\n");
	return 0;
}

struct request {
	struct merge *rows;
	const struct summary_facts *facts;
	const struct totals *totals;
};

/* A whole_file_content. */
static int write_page(FILE *stream, void *context, struct bs_error *err)
{
	const struct request *request = context;
	struct html html = {.stream = stream};
	int result;

	write_head(&html, &request->totals->summary, request->facts);
	result = write_body(&html, request->rows, request->totals, request->facts, err);
	if (result == 0 && html.error == ENOMEM)
		return fail_memory(err);
	errno = html.error;
	return result;
}

int page_write(const char *path, struct merge *rows, const struct summary_facts *facts,
	       struct bs_error *err)
{
	struct totals totals = {.problems = {.list = NULL}};
	struct request request = {rows, facts, &totals};
	int result = merge_each(rows, totals_add_row, &totals, err);

	if (result == 0)
		result = whole_file_write(path, "report", write_page, &request, err);
	free(totals.problems.list);
	summary_free(&totals.summary);
	return result;
}
