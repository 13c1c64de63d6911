/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of a batch as one HTML page that needs nothing else: no scripts, no other files, no
 * network.
 *
 * What always holds: whatever comes from an image, a file name or a row goes through the escaping
 * of page-html.h, so that it is text on the page and nothing else, and the page's own content
 * security policy forbids everything but its style.  One row is in memory at a time.
 */
#ifndef BOOTSHIFT_PAGE_PAGE_H
#define BOOTSHIFT_PAGE_PAGE_H

#include "rows/merge.h"
#include "rows/summary.h"

/*
 * Writes the page of all images of `rows`: whole or not at all, under its name only when it is on
 * the storage; "-" is standard output.  Errors: BS_IO and its like, with the page's name in the
 * message; those of merge_read().
 */
MUST_CHECK int page_write(const char *path, struct merge *rows, const struct summary_facts *facts,
			  struct bs_error *err);

#endif
