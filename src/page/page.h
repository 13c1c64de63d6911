/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of a batch as one HTML page, without scripts, other files or network.
 *
 * page.html is the template of the page, page.c and page-image.c make its values.  What always
 * holds: everything that comes from an image, a file name or a row is a value of the template, so it
 * is text on the page and nothing else (template.h).  The content security policy of the page
 * forbids everything except its own style.  In memory are one row at a time, and the names of the
 * images that were refused, failed, or need recovery.
 */
#ifndef BOOTSHIFT_PAGE_PAGE_H
#define BOOTSHIFT_PAGE_PAGE_H

#include "report/replace-file.h"
#include "rows/merge.h"
#include "rows/summary.h"

extern const struct file_kind page_file_kind;

/*
 * Writes the page of all images of `rows`.  A file appears under its name only when it is complete
 * and on the storage.  "-" is standard output.  Errors: BS_IO and other errors of files, with the
 * name of the page in the message; those of merge_read().
 */
MUST_CHECK int page_write(const char *path, struct merge *rows, const struct summary_facts *facts,
			  struct bs_error *err);

#endif
