/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a journal under its temporary name, makes it durable, and gives it its name.  Until
 * publish_rename() has returned 0 the image has not been touched and must not be.
 */
#ifndef BOOTSHIFT_TRANSACTION_PUBLISH_H
#define BOOTSHIFT_TRANSACTION_PUBLISH_H

#include "transaction/io.h"
#include "transaction/place.h"
#include "transaction/ranges.h"

/*
 * Writes the temporary file: all of its space is reserved first, all of it is synced last.
 * The bytes before are those of the place's target, `after` is the staged disk; *header is as the
 * caller filled it but for the numbers that follow from the ranges, which are set.  On error the
 * file is removed.
 */
MUST_CHECK int publish_write(const struct place *place, const struct range_list *list,
			     struct disk *after, const struct transaction_io *io,
			     struct journal_header *header, struct bs_error *err);

/*
 * Renames it; *published says, also on error, whether the journal has its name.  When it has not,
 * the temporary file is removed.
 */
MUST_CHECK int publish_rename(const struct place *place, const struct transaction_io *io,
			      bool *published, struct bs_error *err);

#endif
