/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells from a record of the journal who wrote the bytes of a sector.
 *
 * A journal has the bytes before the fix, and a checksum of each piece of 64 bytes after the fix.
 * So each piece of a sector is as before, as after, or neither.
 *
 * A power cut can tear the one sector that is being written: the first part of the sector has the
 * new bytes, the rest the old ones.  If every piece is as before or as after, in any order, nobody
 * but the fix wrote the sector.  A tear inside of a piece leaves a piece that is neither.  Such a
 * piece counts as torn if all of these conditions hold:
 * - it is the only such piece in the sector, and the fix changes this piece;
 * - all pieces in front of it are as after, and all pieces behind it are as before (a power cut
 *   during a commit), or the other way round (a power cut during a roll-back);
 * - its last byte (commit) or its first byte (roll-back) is as before.
 *
 * So one kind of foreign write can look like a tear: a write of at most 64 bytes, all of them in a
 * piece that the fix was changing, next to the last byte that the fix had changed.  Then recovery
 * writes the old bytes over that write.  If recovery refused the image instead, the user would lose
 * the image.
 *
 * A journal of version 1 has one checksum for each sector.  With it no sector counts as torn.
 */
#ifndef BOOTSHIFT_TRANSACTION_SECTOR_H
#define BOOTSHIFT_TRANSACTION_SECTOR_H

#include "transaction/journal.h"

enum sector_state {
	SECTOR_BEFORE, /* as before the fix; also if the fix does not change it */
	SECTOR_AFTER,
	SECTOR_MIXED,   /* each piece is as before or as after */
	SECTOR_TORN,    /* the same, except for one piece that looks like a tear */
	SECTOR_FOREIGN, /* somebody else wrote the sector, or the storage damaged it */
};

/*
 * sector_count() returns how many sectors a range touches.  sector_of() returns the part of the
 * range in one of these sectors.  Their numbers begin at 0.
 */
size_t sector_count(const struct journal_range *range);
struct journal_range sector_of(const struct journal_range *range, size_t number);

/* The bytes of the sector before the fix; zeros in a hole.  Not for guard zones. */
const uint8_t *sector_before(const struct journal_record *record,
			     const struct journal_range *sector);

/* `bytes` are the sector's present bytes.  The sector lies in the record's range. */
enum sector_state sector_look(const struct journal_record *record,
			      const struct journal_range *sector, const uint8_t *bytes);

/* Whether somebody else wrote the sector during a commit: only a power cut tears a sector. */
static inline bool sector_is_foreign(enum sector_state state)
{
	return state == SECTOR_TORN || state == SECTOR_FOREIGN;
}

#endif
