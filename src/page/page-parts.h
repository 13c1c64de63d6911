/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of the page.  They take a row as somebody may have changed it: what is missing, or of
 * another type than it ought to be, is left out of the page.
 */
#ifndef BOOTSHIFT_PAGE_PAGE_PARTS_H
#define BOOTSHIFT_PAGE_PAGE_PARTS_H

#include "page/page-html.h"
#include "rows/merge.h"
#include "rows/summary.h"

/* How an outcome is told; none by its colour alone. */
struct page_outcome {
	const char *class; /* of the element, in page.css */
	const char *symbol, *word;
};

extern const struct page_outcome page_outcomes[BS_STATUS_COUNT];

/* The outcomes in the order in which the page has them. */
extern const enum bs_status page_order[BS_STATUS_COUNT];

/* A field of an object: an empty text, 0 or false where there is none. */
const char *page_field(const json_t *object, const char *name);
uint64_t page_number(const json_t *object, const char *name);
bool page_flag(const json_t *object, const char *name);
bool page_known(const json_t *object, const char *name); /* there, and not null */

/* The image's path as it was found; the caller frees it.  NULL, and an error, without memory. */
char *page_path(struct html *html, const struct row *row);

/* "2026-11-22 06:12:05 UTC" */
void page_time(struct html *html, uint64_t nanoseconds);

/* The images that were refused, failed, or need recovery, in the order of the merged rows. */
struct page_problems {
	struct page_problem {
		enum bs_code code;
		size_t index; /* in the merged rows */
	} * list;
	size_t count;
};

/* What to do about each code, and the images with it, which lead to those of page_image(). */
MUST_CHECK int page_advice(struct html *html, struct merge *rows, const struct summary *summary,
			   const struct page_problems *problems, struct bs_error *err);

/* An image; `index` is that in the merged rows. */
void page_image(struct html *html, const struct row *row, size_t index);

/* Its disk, to scale: now, and with the fix, if there is one. */
void page_disk(struct html *html, const struct row *row);

/* Its partitions as a table. */
void page_partitions(struct html *html, const struct row *row);

/* The files that the batch left out. */
void page_left_out(struct html *html, const struct summary_facts *facts);

/* How to take back what was fixed; to be told when something was. */
void page_way_back(struct html *html, const struct summary_facts *facts);

#endif
