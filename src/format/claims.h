/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks that each byte of a container serves one purpose only.  The code of a format claims all
 * bytes that the headers and tables of the container refer to.  This module finds claims that
 * overlap, and claims to bytes beyond the end of the file.
 *
 * There are two kinds of claims.  Areas are few and of any length: headers, tables, a log.  The
 * caller claims all areas before the first piece.  Pieces are many and have one length: the blocks
 * or grains with the guest's data.
 *
 * Memory: each area takes 32 bytes, and there may be 2 Mi areas.  Each piece for which the file has
 * room takes 4 bytes; all of them take at most 512 MiB.  A VMDK of 2 TiB with the usual grains of
 * 64 KiB takes 128 MiB.
 */
#ifndef BOOTSHIFT_CLAIMS_H
#define BOOTSHIFT_CLAIMS_H

#include <stdint.h>

#include "util/err.h"

struct claims;

/* The number of an area that has no number, because there is only one such area. */
#define CLAIMS_NO_NUMBER UINT64_MAX

/*
 * For a container of `size` bytes with a disk of `disk_size` bytes.  NULL: BS_NO_MEMORY.  The
 * caller calls claims_free().
 */
MUST_CHECK struct claims *claims_new(uint64_t size, uint64_t disk_size, struct bs_error *err);

void claims_free(struct claims *claims);

/*
 * Claims an area of `length` bytes at `offset`.  `what` and `number` name the area in messages, as
 * in "grain table 12".  `what` must outlive the claims.  An area of 0 bytes is ignored.  Errors:
 * BS_CONTAINER_CORRUPT (the end of the area overflows), BS_FORMAT_UNSUPPORTED (too many areas),
 * BS_NO_MEMORY.
 */
MUST_CHECK int claims_add_area(struct claims *claims, const char *what, uint64_t number,
			       uint64_t offset, uint64_t length, struct bs_error *err);

/*
 * Sets the error for something that lies beyond the end of the container: it was cut short, or the
 * offset is damaged, if no container of such a disk is that long.  Returns -1.
 */
int claims_fail_beyond(const struct claims *claims, const char *what, uint64_t number,
		       uint64_t offset, struct bs_error *err);

/* Ends the list of areas.  Error: BS_CONTAINER_CORRUPT when two areas overlap. */
MUST_CHECK int claims_close_areas(struct claims *claims, struct bs_error *err);

/*
 * Begins the list of pieces.  Each piece has `length` bytes, in whole sectors, and begins at a
 * sector.  `what` names the pieces in messages.  Errors: BS_FORMAT_UNSUPPORTED (the pieces are so
 * small that the file has room for too many), BS_NO_MEMORY.
 */
MUST_CHECK int claims_begin_pieces(struct claims *claims, const char *what, uint64_t length,
				   struct bs_error *err);

/*
 * Claims a piece, with the part of the disk that begins at `number` times its length.  The piece
 * must not overlap an area or another piece, and must end before the end of the container; of the
 * last piece of the disk, only the part that the disk has.  Error: BS_CONTAINER_CORRUPT.
 */
MUST_CHECK int claims_add_piece(struct claims *claims, uint64_t number, uint64_t offset,
				struct bs_error *err);

#endif
