/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compares a sector with its record, piece by piece; see sector.h. */
#include "transaction/sector.h"

#include <string.h>

#define PIECES_MAX (JOURNAL_SECTOR_SIZE / JOURNAL_PIECE_SIZE)

/* Both bits are set for a piece that the fix does not change. */
enum {
	BEFORE = 1,
	AFTER = 2,
};

struct sector {
	const struct journal_record *record;
	const struct journal_range *range;
	const uint8_t *bytes, *before;
	size_t first; /* the number of its first piece in the record */
	size_t count; /* of pieces */
	unsigned states[PIECES_MAX];
};

size_t sector_count(const struct journal_range *range)
{
	return journal_piece_count(range, JOURNAL_SECTOR_SIZE);
}

struct journal_range sector_of(const struct journal_range *range, size_t number)
{
	return journal_piece(range, JOURNAL_SECTOR_SIZE, number);
}

const uint8_t *sector_before(const struct journal_record *record,
			     const struct journal_range *sector)
{
	static const uint8_t zeros[JOURNAL_SECTOR_SIZE];

	return record->before ? record->before + (sector->offset - record->range.offset) : zeros;
}

/* A piece of the sector.  Its offset is in the sector. */
static struct journal_range sector_piece(const struct sector *sector, size_t number)
{
	struct journal_range piece =
		journal_piece(sector->range, sector->record->piece_size, number);

	piece.offset -= sector->range->offset;
	return piece;
}

static unsigned sector_piece_state(const struct sector *sector, size_t number)
{
	struct journal_range piece = sector_piece(sector, number);
	const uint8_t *bytes = sector->bytes + piece.offset;
	unsigned state = 0;

	if (memcmp(bytes, sector->before + piece.offset, (size_t)piece.length) == 0)
		state |= BEFORE;
	if (journal_piece_is_after(sector->record, sector->first + number, bytes))
		state |= AFTER;
	return state;
}

static bool sector_all_are(const struct sector *sector, size_t from, size_t to, unsigned state)
{
	for (size_t i = from; i < to; i++)
		if (!(sector->states[i] & state))
			return false;
	return true;
}

/* Whether this piece, the only one that is neither before nor after, lies where a tear would. */
static bool sector_is_torn_at(const struct sector *sector, size_t number)
{
	struct journal_range piece = sector_piece(sector, number);
	const uint8_t *bytes = sector->bytes + piece.offset;
	const uint8_t *before = sector->before + piece.offset;
	size_t last = (size_t)piece.length - 1;

	if (sector->record->piece_size == JOURNAL_SECTOR_SIZE ||
	    journal_piece_is_after(sector->record, sector->first + number, before))
		return false;
	if (bytes[last] == before[last] && sector_all_are(sector, 0, number, AFTER) &&
	    sector_all_are(sector, number + 1, sector->count, BEFORE))
		return true;
	return bytes[0] == before[0] && sector_all_are(sector, 0, number, BEFORE) &&
	       sector_all_are(sector, number + 1, sector->count, AFTER);
}

bool sector_is_foreign(enum sector_state state)
{
	return state == SECTOR_TORN || state == SECTOR_FOREIGN;
}

enum sector_state sector_look(const struct journal_record *record,
			      const struct journal_range *range, const uint8_t *bytes)
{
	uint32_t piece_size = record->piece_size;
	struct sector sector = {
		.record = record,
		.range = range,
		.bytes = bytes,
		.before = sector_before(record, range),
		.first = (size_t)(range->offset / piece_size - record->range.offset / piece_size),
		.count = journal_piece_count(range, piece_size),
	};
	size_t strange = 0, strange_at = 0;

	for (size_t i = 0; i < sector.count; i++) { /* at most PIECES_MAX: a sector has no more */
		sector.states[i] = sector_piece_state(&sector, i);
		if (sector.states[i] == 0) {
			strange++;
			strange_at = i;
		}
	}
	if (sector_all_are(&sector, 0, sector.count, BEFORE))
		return SECTOR_BEFORE;
	if (sector_all_are(&sector, 0, sector.count, AFTER))
		return SECTOR_AFTER;
	if (strange == 0)
		return SECTOR_MIXED;
	return strange == 1 && sector_is_torn_at(&sector, strange_at) ? SECTOR_TORN
								      : SECTOR_FOREIGN;
}
