/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of the page.  They accept rows that somebody has edited: a field that is missing or has
 * the wrong type is left out of the page.
 */
#ifndef BOOTSHIFT_PAGE_PAGE_PARTS_H
#define BOOTSHIFT_PAGE_PAGE_PARTS_H

#include "page/page-html.h"
#include "report/outcome.h"
#include "rows/merge.h"
#include "rows/summary.h"

/* Writes the word of an outcome, with a capital letter. */
void page_word(struct html *html, const struct outcome *outcome);

/* A field of an object; an empty string, 0 or false if there is no such field. */
const char *page_string(const json_t *object, const char *name);
uint64_t page_number(const json_t *object, const char *name);
bool page_flag(const json_t *object, const char *name);

/* Whether an object has a field that is not null. */
bool page_has(const json_t *object, const char *name);

/*
 * The path of an image as it was found; the caller frees it.  NULL, and html->error set, when memory
 * runs out.
 */
char *page_path(struct html *html, const struct row *row);

/* Writes a time: "2026-11-22 06:12:05 UTC". */
void page_time(struct html *html, uint64_t nanoseconds);

/* All images that were refused, failed, or need recovery, in the order of the merged rows. */
struct page_problems {
	struct page_problem {
		enum bs_code code;
		size_t index; /* in the merged rows */
	} * list;
	size_t count;
};

/* Writes what to do about each code, with links to the images that have the code. */
MUST_CHECK int page_advice(struct html *html, struct merge *rows, const struct summary *summary,
			   const struct page_problems *problems, struct bs_error *err);

/* Writes an image; `index` is its index in the merged rows. */
void page_image(struct html *html, const struct row *row, size_t index);

/*
 * Draws the disk of an image to scale.  If the image was or would be fixed, there are two drawings:
 * before the fix and with it.
 */
void page_disk(struct html *html, const struct row *row);

/* Writes a table of the partitions. */
void page_partitions(struct html *html, const struct row *row);

/* Writes which files the batch left out. */
void page_left_out(struct html *html, const struct summary_facts *facts);

/* Writes how to undo the fixes. */
void page_undo_commands(struct html *html, const struct summary_facts *facts);

#endif
