/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image on the page. */
#ifndef BOOTSHIFT_PAGE_PAGE_IMAGE_H
#define BOOTSHIFT_PAGE_PAGE_IMAGE_H

#include "report/outcome.h"
#include "rows/row.h"

/*
 * The values of page.html for an image: the fields of its row, and more.  `index` is its index in
 * the merged rows.  Accepts a row that somebody has edited: a field that is missing or has the wrong
 * type is left out of the page.  The caller releases the object; NULL when memory runs out.
 */
json_t *page_image(const struct row *row, size_t index);

/* Text that keeps its bytes, which may be invalid UTF-8: the template shows them as \xNN. */
#define page_bytes(text) json_string_nocheck(text)

/* A time: "2026-11-22 06:12:05 UTC"; null for 0. */
json_t *page_time(uint64_t nanoseconds);

/* The word of an outcome, with a capital letter. */
json_t *page_word(const struct outcome *outcome);

#endif
