/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Torn sectors and foreign sectors: how the record of a journal tells them apart. */
#include <stdlib.h>
#include <string.h>

#include "transaction/sector.h"

#include "support/test.h"

#define SECTOR JOURNAL_SECTOR_SIZE

/* A record of one sector or of a part of it.  All bytes before and after differ. */
static struct {
	struct journal_header header;
	struct journal_range range;
	uint8_t before[SECTOR], after[SECTOR], now[SECTOR];
	uint8_t buffer[8 * JOURNAL_BLOCK_SIZE];
	struct journal_record record;
} fixture;

static void make_record(enum journal_kind kind, uint32_t piece_size)
{
	struct bs_error err;

	fixture.range.kind = kind;
	fixture.header.piece_size = piece_size;
	ck_assert_uint_le(journal_record_size(&fixture.range, piece_size), sizeof(fixture.buffer));
	journal_encode_record(&fixture.header, &fixture.range, 0, fixture.before, fixture.after,
			      fixture.buffer);
	ck_assert_int_eq(journal_decode_record(&fixture.header, fixture.buffer,
					       journal_record_size(&fixture.range, piece_size),
					       &fixture.record, &err),
			 0);
}

static void setup(void)
{
	memset(&fixture, 0, sizeof(fixture));
	fixture.range = (struct journal_range){JOURNAL_DATA, 8 * SECTOR, SECTOR};
	for (size_t i = 0; i < SECTOR; i++) {
		fixture.before[i] = (uint8_t)(i * 7 + 1);
		fixture.after[i] = (uint8_t)~fixture.before[i];
	}
	make_record(JOURNAL_DATA, JOURNAL_PIECE_SIZE);
}

static enum sector_state look(void)
{
	struct journal_range sector = sector_of(&fixture.range, 0);

	return sector_look(&fixture.record, &sector, fixture.now);
}

/* If the cut is between two pieces, all pieces are proved. */
static void check_torn(size_t cut)
{
	enum sector_state state = look();

	ck_assert_msg(state == (cut % JOURNAL_PIECE_SIZE == 0 ? SECTOR_MIXED : SECTOR_TORN),
		      "cut at %zu: %d", cut, state);
}

/* Combines the first `cut` bytes of one sector with the rest of another. */
static void tear(const uint8_t *front, const uint8_t *rest, size_t cut)
{
	memcpy(fixture.now, rest, SECTOR);
	memcpy(fixture.now, front, cut);
}

TEST_CASE(sector_tests, "sector", .setup = setup);

TEST(sector_tests, whole_sectors_are_before_or_after)
{
	memcpy(fixture.now, fixture.before, SECTOR);
	ck_assert_int_eq(look(), SECTOR_BEFORE);
	memcpy(fixture.now, fixture.after, SECTOR);
	ck_assert_int_eq(look(), SECTOR_AFTER);
	memset(fixture.now, 0x55, SECTOR);
	ck_assert_int_eq(look(), SECTOR_FOREIGN);
}

TEST(sector_tests, a_sector_torn_anywhere_is_known)
{
	for (size_t cut = 1; cut < SECTOR; cut++) {
		tear(fixture.after, fixture.before, cut); /* an interrupted commit */
		check_torn(cut);
		tear(fixture.before, fixture.after, cut); /* an interrupted roll-back */
		check_torn(cut);
	}
}

TEST_LOOP(sector_tests, a_sector_of_a_hole_torn_anywhere_is_known, 0, 2)
{
	memset(fixture.before, 0, SECTOR);
	make_record(_i == 0 ? JOURNAL_HOLE : JOURNAL_BEYOND, JOURNAL_PIECE_SIZE);
	for (size_t cut = 1; cut < SECTOR; cut++) {
		tear(fixture.after, fixture.before, cut);
		check_torn(cut);
		tear(fixture.before, fixture.after, cut);
		check_torn(cut);
	}
}

TEST(sector_tests, a_range_that_is_less_than_a_sector_torn_anywhere_is_known)
{
	fixture.range = (struct journal_range){JOURNAL_DATA, 8 * SECTOR + 100, 300};
	make_record(JOURNAL_DATA, JOURNAL_PIECE_SIZE);
	for (size_t cut = 1; cut < 300; cut++) {
		tear(fixture.after, fixture.before, cut);
		check_torn(cut + 100);
		tear(fixture.before, fixture.after, cut);
		check_torn(cut + 100);
	}
}

/*
 * All pieces are proved, but in an order that no cut makes.  A device may write pieces in any
 * order.
 */
TEST(sector_tests, pieces_before_and_after_in_any_order_are_ours)
{
	memcpy(fixture.now, fixture.before, SECTOR);
	for (size_t at = 64; at < SECTOR; at += 128)
		memcpy(fixture.now + at, fixture.after + at, 64);
	ck_assert_int_eq(look(), SECTOR_MIXED);
}

/*
 * A foreign byte, in a sector that the fix had not reached or had written, does not count as a
 * tear, unless the byte is exactly at the border.
 */
TEST(sector_tests, a_foreign_byte_is_seen)
{
	for (size_t at = 64; at < SECTOR - 64; at++) {
		memcpy(fixture.now, fixture.before, SECTOR);
		fixture.now[at] ^= 0x10;
		ck_assert_msg(look() == SECTOR_FOREIGN, "byte %zu", at);
		memcpy(fixture.now, fixture.after, SECTOR);
		fixture.now[at] ^= 0x10;
		ck_assert_msg(look() == SECTOR_FOREIGN, "byte %zu", at);
	}
}

TEST(sector_tests, foreign_bytes_beside_a_tear_are_seen)
{
	for (size_t cut = 1; cut < SECTOR; cut++) {
		tear(fixture.after, fixture.before, cut);
		fixture.now[(cut + 256) % SECTOR] ^= 0x10;
		ck_assert_msg(look() == SECTOR_FOREIGN, "cut at %zu", cut);
	}
}

/* A piece that the fix does not change cannot be torn. */
TEST(sector_tests, a_foreign_byte_where_the_fix_changes_nothing_is_seen)
{
	memcpy(fixture.after, fixture.before, SECTOR);
	fixture.after[200] ^= 0xff;
	make_record(JOURNAL_DATA, JOURNAL_PIECE_SIZE);
	for (size_t at = 0; at < SECTOR; at++) {
		if (at >= 192 && at < 256)
			continue;
		memcpy(fixture.now, fixture.before, SECTOR);
		fixture.now[at] ^= 0x10;
		ck_assert_msg(look() == SECTOR_FOREIGN, "byte %zu", at);
	}
}

TEST(sector_tests, a_journal_of_version_1_proves_no_tear)
{
	make_record(JOURNAL_DATA, JOURNAL_SECTOR_SIZE);
	memcpy(fixture.now, fixture.before, SECTOR);
	ck_assert_int_eq(look(), SECTOR_BEFORE);
	memcpy(fixture.now, fixture.after, SECTOR);
	ck_assert_int_eq(look(), SECTOR_AFTER);
	for (size_t cut = 1; cut < SECTOR; cut++) {
		tear(fixture.after, fixture.before, cut);
		ck_assert_msg(look() == SECTOR_FOREIGN, "cut at %zu", cut);
	}
}
