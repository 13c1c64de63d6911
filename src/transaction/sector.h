/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who wrote the bytes of a sector, as far as a record of the journal can tell.
 *
 * A journal has the bytes before the fix, and of those after it a checksum for each piece of 64
 * bytes.  So each piece of a sector is before, or after, or neither.
 *
 * A power cut can tear the one sector that is being written: a part of it has the new bytes, the
 * rest the old ones.  Pieces that are all before or after, in any mixture, prove that nobody but
 * the fix wrote there.  Of the piece with the cut in it no checksum can be known.  It is accepted
 * where a cut would leave it:
 * - it is the only one of its kind in the sector, and the fix changes this piece;
 * - all pieces in front of it are after and all behind it before (a commit), or the other way
 *   round (a roll-back);
 * - its last byte, or its first one, is the one before, as a cut inside of it leaves it.
 *
 * What this can mistake for a tear is a foreign write to at most 64 bytes, all of which lie in a
 * piece that the fix itself was changing, at the border of what it had changed.  To take the old
 * bytes back there is what a recovery is for; to refuse would mean to lose the image.
 *
 * A journal of version 1 has one checksum for each sector: with it no torn sector is accepted.
 */
#ifndef BOOTSHIFT_TRANSACTION_SECTOR_H
#define BOOTSHIFT_TRANSACTION_SECTOR_H

#include "transaction/journal.h"

enum sector_state {
	SECTOR_BEFORE, /* as before the fix; also when the fix does not change it */
	SECTOR_AFTER,
	SECTOR_MIXED,   /* each piece is before or after */
	SECTOR_TORN,    /* the same, but for a piece that looks like one with a cut in it */
	SECTOR_FOREIGN, /* somebody else wrote it, or the storage damaged it */
};

/* How many sectors a range touches, and what it has of one of them; numbered from 0. */
size_t sector_count(const struct journal_range *range);
struct journal_range sector_of(const struct journal_range *range, size_t number);

/* The bytes of a part of a range of the image before the fix: of a hole zeros.  No guard zone. */
const uint8_t *sector_before(const struct journal_record *record,
			     const struct journal_range *sector);

/* `bytes` are those of the sector, which is one of the record's, as the image has them now. */
enum sector_state sector_look(const struct journal_record *record,
			      const struct journal_range *sector, const uint8_t *bytes);

/*
 * Whether somebody else wrote the sector while a commit ran: no power was cut, so it is not torn.
 */
bool sector_is_foreign(enum sector_state state);

#endif
