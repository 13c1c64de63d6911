/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a journal under its temporary name, makes it durable, and gives it its name.  Until
 * publish_rename() has returned 0 the image has not been touched and must not be.
 */
#ifndef BOOTSHIFT_TRANSACTION_PUBLISH_H
#define BOOTSHIFT_TRANSACTION_PUBLISH_H

#include "transaction/place.h"
#include "transaction/ranges.h"

/*
 * Writes and syncs the temporary file, after all of its space was reserved.  The bytes before are
 * read from the place's target, the bytes after from the disk `after`.  The caller has filled
 * *header; the numbers that follow from the ranges are set here.  On error the file is removed.
 */
MUST_CHECK int publish_write(const struct place *place, const struct range_list *list,
			     struct disk *after, struct journal_header *header,
			     struct bs_error *err);

/*
 * Renames the temporary file.  *published: the journal has its name, also on error; if it does not,
 * the temporary file is removed.
 */
MUST_CHECK int publish_rename(const struct place *place, bool *published, struct bs_error *err);

#endif
