/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads an image from its storage, as far as that can be had: through a descriptor of its own,
 * with O_DIRECT, and where that is not possible after telling the kernel to forget what it cached.
 * A check that reads back what the cache still holds would only prove that memory works.
 */
#ifndef BOOTSHIFT_TRANSACTION_REREAD_H
#define BOOTSHIFT_TRANSACTION_REREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "util/err.h"

struct reread {
	int descriptor;
	struct stat stat; /* when it was opened */
	bool direct;
	uint8_t *buffer; /* aligned for O_DIRECT */
};

/* Errors: BS_NOT_FOUND, BS_NO_PERMISSION, BS_NO_MEMORY, BS_IO. */
MUST_CHECK int reread_open(const char *path, struct reread *reread, struct bs_error *err);

/*
 * Reads 1 to JOURNAL_RANGE_MAX bytes.  *bytes is valid until the next call.  Errors: BS_IO,
 * BS_OUT_OF_RANGE when the file ends before the range does.
 */
MUST_CHECK int reread_range(struct reread *reread, uint64_t offset, uint64_t length,
			    const uint8_t **bytes, struct bs_error *err);

/* Also after a failed open, and again. */
void reread_close(struct reread *reread);

#endif
