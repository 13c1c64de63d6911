/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks that each byte of a container serves one purpose only.  The code for a format claims what
 * its headers and tables lead to.  This module finds two claims that overlap, and a claim to
 * something that is missing at the end of the file.
 *
 * There are two kinds of claims.  Areas are few and of any length: headers, tables, a log.  They
 * come first.  Pieces are many and all of one length: the blocks or grains with the guest's data.
 *
 * Memory: 32 bytes for each area, of which there may be 2 Mi; 4 bytes for each piece for which the
 * file has room, but not more than 512 MiB.  That is 128 MiB for a VMDK of 2 TiB with the usual
 * grains of 64 KiB.
 */
#ifndef BOOTSHIFT_CLAIMS_H
#define BOOTSHIFT_CLAIMS_H

#include <stdint.h>

#include "util/err.h"

struct claims;

/* The number of a claimant of which there is only one. */
#define CLAIMS_NO_NUMBER UINT64_MAX

/* For a container of `size` bytes.  Freed with claims_free().  NULL: BS_NO_MEMORY. */
MUST_CHECK struct claims *claims_new(uint64_t size, struct bs_error *err);

void claims_free(struct claims *claims);

/*
 * Lays claim to an area, `length` bytes at `offset`.  `what` and `number` name the claimant in
 * messages, as in "grain table 12"; `what` must outlive the claims.  An area without bytes claims
 * nothing.  Errors: BS_CONTAINER_CORRUPT (no file is so long), BS_FORMAT_UNSUPPORTED (too many),
 * BS_NO_MEMORY.
 */
MUST_CHECK int claims_add_area(struct claims *claims, const char *what, uint64_t number,
			       uint64_t offset, uint64_t length, struct bs_error *err);

/* Ends the list of areas.  BS_CONTAINER_CORRUPT when two of them overlap. */
MUST_CHECK int claims_close_areas(struct claims *claims, struct bs_error *err);

/*
 * Prepares for pieces of `length` bytes, whole sectors, that begin at sectors; `what` as above.
 * Errors: BS_FORMAT_UNSUPPORTED (pieces so small that the file has room for too many),
 * BS_NO_MEMORY.
 */
MUST_CHECK int claims_begin_pieces(struct claims *claims, const char *what, uint64_t length,
				   struct bs_error *err);

/*
 * Lays claim to a piece.  It must lie on no area and on no other piece, and begin before the end of
 * the container; a part of the last piece may be missing, as `qemu-img check` allows.
 * BS_CONTAINER_CORRUPT.
 */
MUST_CHECK int claims_add_piece(struct claims *claims, uint64_t number, uint64_t offset,
				struct bs_error *err);

#endif
