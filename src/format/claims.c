/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The areas are sorted.  If any two areas overlap, two neighbours overlap.
 *
 * For the pieces, the file is divided into cells.  A cell is as long as a piece.  Two pieces that
 * begin in the same cell overlap, so a cell stores the beginning of one piece only.  A new piece
 * can overlap only the pieces that begin in its own cell and in the two cells beside that cell.
 */
#include "format/claims.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/bytes.h"
#include "util/vector.h"

#define AREAS_MAX (2u << 20) /* a VMDK of 32 TiB has 2 grain tables for each 32 MiB */
#define CELLS_MAX (128u << 20)
#define NAME_SIZE 64u

/* A container holds each byte of its disk once, and few others.  This is more than enough. */
#define LIMIT_FACTOR 2u
#define LIMIT_MORE   (1ull << 30)

struct area {
	uint64_t offset, end; /* bytes */
	const char *what;
	uint64_t number;
};

DEFINE_VECTOR(area_vector, struct area);

struct claims {
	uint64_t size; /* of the container, bytes */
	uint64_t disk_size;
	uint64_t limit; /* no container of this disk is longer */
	struct area_vector areas;
	uint64_t gap_start, gap_end; /* no area lies here; the last search found this gap */
	const char *piece_name;
	uint64_t piece_length; /* bytes; a cell has the same length */
	/* For each cell: the sector of the cell at which a piece begins, counted from 1; 0: no
	 * piece begins in the cell.  The first cell of the file has the index 1. */
	uint32_t *begins;
};

struct claims *claims_new(uint64_t size, uint64_t disk_size, struct bs_error *err)
{
	struct claims *claims = calloc(1, sizeof(*claims));

	if (!claims) {
		fail_memory(err);
		return NULL;
	}
	claims->size = size;
	claims->disk_size = disk_size;
	if (!mul_u64(disk_size, LIMIT_FACTOR, &claims->limit) ||
	    !add_u64(claims->limit, LIMIT_MORE, &claims->limit))
		claims->limit = UINT64_MAX;
	return claims;
}

void claims_free(struct claims *claims)
{
	if (!claims)
		return;
	area_vector_free(&claims->areas);
	free(claims->begins);
	free(claims);
}

static const char *claims_print_name(char name[NAME_SIZE], const char *what, uint64_t number)
{
	if (number == CLAIMS_NO_NUMBER)
		snprintf(name, NAME_SIZE, "the %s", what);
	else
		snprintf(name, NAME_SIZE, "%s %" PRIu64, what, number);
	return name;
}

static int claims_fail_overlap(const char *what, uint64_t number, uint64_t offset,
			       const struct area *other, struct bs_error *err)
{
	char name[NAME_SIZE], other_name[NAME_SIZE];

	return fail(err, BS_CONTAINER_CORRUPT,
		    "%s at byte %" PRIu64 " overlaps %s at byte %" PRIu64,
		    claims_print_name(name, what, number), offset,
		    claims_print_name(other_name, other->what, other->number), other->offset);
}

int claims_fail_beyond(const struct claims *claims, const char *what, uint64_t number,
		       uint64_t offset, struct bs_error *err)
{
	char name[NAME_SIZE];

	claims_print_name(name, what, number);
	if (offset > claims->limit)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "a table of the image is damaged: it says that %s begins at byte "
			    "%" PRIu64,
			    name, offset);
	return fail(err, BS_CONTAINER_CORRUPT,
		    "the file is cut short: it ends at byte %" PRIu64
		    ", %s begins at byte %" PRIu64,
		    claims->size, name, offset);
}

/* ---- areas ---------------------------------------------------------------------------------- */

int claims_add_area(struct claims *claims, const char *what, uint64_t number, uint64_t offset,
		    uint64_t length, struct bs_error *err)
{
	char name[NAME_SIZE];
	uint64_t end;

	if (length == 0)
		return 0;
	if (!add_u64(offset, length, &end))
		return fail(err, BS_CONTAINER_CORRUPT, "%s cannot be at byte %" PRIu64,
			    claims_print_name(name, what, number), offset);
	if (claims->areas.count >= AREAS_MAX)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the image has more than %u tables, too many to be checked", AREAS_MAX);
	return area_vector_append(&claims->areas, (struct area){offset, end, what, number}, err);
}

static int claims_compare_areas(const void *left, const void *right)
{
	const struct area *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

int claims_close_areas(struct claims *claims, struct bs_error *err)
{
	struct area *areas = claims->areas.items;

	if (claims->areas.count == 0)
		return 0;
	qsort(areas, claims->areas.count, sizeof(*areas), claims_compare_areas);
	for (size_t i = 1; i < claims->areas.count; i++)
		if (areas[i].offset < areas[i - 1].end)
			return claims_fail_overlap(areas[i].what, areas[i].number, areas[i].offset,
						   &areas[i - 1], err);
	return 0;
}

/* Returns the index of the first area that ends behind `offset`, or the count of areas. */
static size_t claims_find_area(const struct claims *claims, uint64_t offset)
{
	size_t low = 0, high = claims->areas.count;

	while (low < high) { /* ends: each turn halves what is left */
		size_t middle = low + (high - low) / 2;

		if (claims->areas.items[middle].end > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* How many bytes of a piece the file must have.  The last one of the disk may be shorter. */
static uint64_t claims_needed(const struct claims *claims, uint64_t number)
{
	uint64_t start;

	if (!mul_u64(number, claims->piece_length, &start) || start >= claims->disk_size)
		return claims->piece_length;
	return min_u64(claims->disk_size - start, claims->piece_length);
}

/* Checks that a piece begins before the end of the container and overlaps no area. */
static int claims_check_place(struct claims *claims, uint64_t number, uint64_t offset,
			      struct bs_error *err)
{
	const struct area *areas = claims->areas.items;
	uint64_t end;
	size_t next;

	if (offset >= claims->size || !add_u64(offset, claims->piece_length, &end))
		return claims_fail_beyond(claims, claims->piece_name, number, offset, err);
	if (offset < claims->gap_start || end > claims->gap_end) {
		next = claims_find_area(claims, offset);
		if (next < claims->areas.count && areas[next].offset < end)
			return claims_fail_overlap(claims->piece_name, number, offset, &areas[next],
						   err);
		claims->gap_start = next > 0 ? areas[next - 1].end : 0;
		claims->gap_end = next < claims->areas.count ? areas[next].offset : UINT64_MAX;
	}
	return range_within(offset, claims_needed(claims, number), claims->size)
		       ? 0
		       : claims_fail_beyond(claims, claims->piece_name, number, offset, err);
}

/* ---- pieces --------------------------------------------------------------------------------- */

int claims_begin_pieces(struct claims *claims, const char *what, uint64_t length,
			struct bs_error *err)
{
	/* One extra cell before the first and one after the last: each cell has two neighbours. */
	uint64_t cells = claims->size / length + 3;

	if (cells > CELLS_MAX)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the image has room for %" PRIu64 " %ss, too many to be checked", cells,
			    what);
	claims->piece_name = what;
	claims->piece_length = length;
	/* The kernel allocates a page of this memory only when the first piece is stored in it. */
	claims->begins = calloc(cells, sizeof(*claims->begins));
	return claims->begins ? 0 : fail_memory(err);
}

static int claims_fail_pieces(const struct claims *claims, uint64_t number, uint64_t offset,
			      uint64_t cell, uint32_t begin, struct bs_error *err)
{
	return fail(err, BS_CONTAINER_CORRUPT,
		    "%s %" PRIu64 " at byte %" PRIu64 " overlaps another one at byte %" PRIu64,
		    claims->piece_name, number, offset,
		    cell * claims->piece_length + (uint64_t)(begin - 1) * SECTOR_SIZE);
}

int claims_add_piece(struct claims *claims, uint64_t number, uint64_t offset, struct bs_error *err)
{
	const uint64_t length = claims->piece_length, cell = offset / length;
	const uint32_t begin = (uint32_t)(offset % length / SECTOR_SIZE) + 1;
	uint32_t *begins;

	if (claims_check_place(claims, number, offset, err) < 0)
		return -1;
	begins = &claims->begins[cell + 1];
	if (begins[0] != 0)
		return claims_fail_pieces(claims, number, offset, cell, begins[0], err);
	if (begins[-1] > begin)
		return claims_fail_pieces(claims, number, offset, cell - 1, begins[-1], err);
	if (begins[1] != 0 && begins[1] < begin)
		return claims_fail_pieces(claims, number, offset, cell + 1, begins[1], err);
	begins[0] = begin;
	return 0;
}
