/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Holds a sector against its record, piece by piece; see sector.h. */
#include "transaction/sector.h"

#include <string.h>

#define PIECES_MAX (JOURNAL_SECTOR_SIZE / JOURNAL_PIECE_SIZE)

/* Both hold for a piece that the fix does not change. */
enum {
	BEFORE = 1,
	AFTER = 2,
};

struct look {
	const struct journal_record *record;
	const struct journal_range *sector;
	const uint8_t *bytes, *before; /* of the sector */
	size_t first;                  /* number of its first piece in the record */
	size_t count;
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

/* A piece of the sector, with its offset inside of it. */
static struct journal_range piece_of(const struct look *look, size_t number)
{
	struct journal_range piece = journal_piece(look->sector, look->record->piece_size, number);

	piece.offset -= look->sector->offset;
	return piece;
}

static unsigned piece_state(const struct look *look, size_t number)
{
	struct journal_range piece = piece_of(look, number);
	const uint8_t *bytes = look->bytes + piece.offset;
	unsigned state = 0;

	if (memcmp(bytes, look->before + piece.offset, (size_t)piece.length) == 0)
		state |= BEFORE;
	if (journal_piece_is_after(look->record, look->first + number, bytes))
		state |= AFTER;
	return state;
}

static bool all_are(const struct look *look, size_t from, size_t to, unsigned state)
{
	for (size_t i = from; i < to; i++)
		if (!(look->states[i] & state))
			return false;
	return true;
}

/* Is this piece, the only one that is neither before nor after, where a cut would be? */
static bool is_cut(const struct look *look, size_t number)
{
	struct journal_range piece = piece_of(look, number);
	const uint8_t *bytes = look->bytes + piece.offset, *before = look->before + piece.offset;
	size_t last = (size_t)piece.length - 1;

	if (look->record->piece_size == JOURNAL_SECTOR_SIZE ||
	    journal_piece_is_after(look->record, look->first + number, before))
		return false;
	if (bytes[last] == before[last] && all_are(look, 0, number, AFTER) &&
	    all_are(look, number + 1, look->count, BEFORE))
		return true;
	return bytes[0] == before[0] && all_are(look, 0, number, BEFORE) &&
	       all_are(look, number + 1, look->count, AFTER);
}

/* Without a power cut nothing is torn. */
bool sector_is_foreign(enum sector_state state)
{
	return state == SECTOR_TORN || state == SECTOR_FOREIGN;
}

enum sector_state sector_look(const struct journal_record *record,
			      const struct journal_range *sector, const uint8_t *bytes)
{
	uint32_t piece_size = record->piece_size;
	struct look look = {
		.record = record,
		.sector = sector,
		.bytes = bytes,
		.before = sector_before(record, sector),
		.first = (size_t)(sector->offset / piece_size - record->range.offset / piece_size),
		.count = journal_piece_count(sector, piece_size),
	};
	size_t strange = 0, strange_at = 0;

	for (size_t i = 0; i < look.count; i++) { /* at most PIECES_MAX: a sector has no more */
		look.states[i] = piece_state(&look, i);
		if (look.states[i] == 0) {
			strange++;
			strange_at = i;
		}
	}
	if (all_are(&look, 0, look.count, BEFORE))
		return SECTOR_BEFORE;
	if (all_are(&look, 0, look.count, AFTER))
		return SECTOR_AFTER;
	if (strange == 0)
		return SECTOR_MIXED;
	return strange == 1 && is_cut(&look, strange_at) ? SECTOR_TORN : SECTOR_FOREIGN;
}
