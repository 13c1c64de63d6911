/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What would be lost if a new file of rows replaced an old one. */
#ifndef BOOTSHIFT_ROWS_LOST_H
#define BOOTSHIFT_ROWS_LOST_H

#include <stdint.h>
#include <stdio.h>

#include "util/err.h"

/*
 * Counts the lines of `old` that would be lost if the rows of `all` replaced it: rows that `all`
 * does not have, and lines that are not valid rows.  Both are read from their beginning; an
 * incomplete last line does not count.  Memory holds a digest of each row.  Errors: BS_IO,
 * BS_NO_MEMORY.
 */
MUST_CHECK int lost_count(FILE *old, FILE *all, uint64_t *lost, struct bs_error *err);

#endif
