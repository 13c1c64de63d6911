/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/test.h"
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */
#include <stdlib.h>
#include <string.h>

#include "format/claims.h"

#define SIZE  1000000u /* of the container */
#define PIECE 5120u

static struct claims *claims;
static struct bs_error err;

static void setup(void)
{
	claims = claims_new(SIZE, SIZE, &err);
	ck_assert_ptr_nonnull(claims);
}

static void teardown(void)
{
	claims_free(claims);
}

static void assert_corrupt(int result, const char *message)
{
	ck_assert_int_eq(result, -1);
	ck_assert_str_eq(bs_code_name(err.code), "container-corrupt");
	ck_assert_str_eq(err.message, message);
}

static void add(const char *what, uint64_t number, uint64_t offset, uint64_t length)
{
	ck_assert_int_eq(claims_add_area(claims, what, number, offset, length, &err), 0);
}

static void add_header_and_tables(void)
{
	add("table", 1, 3000, 1000);
	add("table", 0, 2000, 1000);
	add("header", CLAIMS_NO_NUMBER, 0, 512);
	add("log", CLAIMS_NO_NUMBER, 100, 0); /* claims nothing */
	ck_assert_int_eq(claims_close_areas(claims, &err), 0);
}

TEST_CASE(claims_tests, "claims", .setup = setup, .teardown = teardown);

TEST(claims_tests, areas_side_by_side_do_not_overlap)
{
	add_header_and_tables();
}

TEST(claims_tests, two_areas_that_overlap_are_named)
{
	add("table", 0, 2000, 1000);
	add("table", 1, 2999, 1000);
	add("header", CLAIMS_NO_NUMBER, 0, 512);
	assert_corrupt(claims_close_areas(claims, &err),
		       "table 1 at byte 2999 overlaps table 0 at byte 2000");
}

TEST(claims_tests, an_area_within_another_is_found)
{
	add("header", CLAIMS_NO_NUMBER, 0, 512);
	add("log", CLAIMS_NO_NUMBER, 1000, 5000);
	add("table", 7, 2000, 10);
	add("footer", CLAIMS_NO_NUMBER, 9000, 512);
	assert_corrupt(claims_close_areas(claims, &err),
		       "table 7 at byte 2000 overlaps the log at byte 1000");
}

TEST(claims_tests, an_area_that_no_file_has_room_for_is_corruption)
{
	assert_corrupt(claims_add_area(claims, "log", CLAIMS_NO_NUMBER, UINT64_MAX - 5, 10, &err),
		       "the log cannot be at byte 18446744073709551610");
}

static void begin_pieces(void)
{
	add_header_and_tables();
	ck_assert_int_eq(claims_begin_pieces(claims, "block", PIECE, &err), 0);
}

TEST(claims_tests, pieces_lie_side_by_side_in_any_order)
{
	begin_pieces();
	for (uint64_t i = 0; i < 150; i++)
		ck_assert_int_eq(claims_add_piece(claims, i, 512 * 10 + i * 77 % 150 * PIECE, &err),
				 0);
	/* The last piece of the disk ends with the disk. */
	ck_assert_int_eq(claims_add_piece(claims, 195, 998400, &err), 0);
}

TEST(claims_tests, a_piece_whose_end_is_missing_is_found)
{
	begin_pieces();
	ck_assert_int_eq(claims_add_piece(claims, 150, SIZE / 512 * 512 - PIECE, &err), 0);
	assert_corrupt(claims_add_piece(claims, 151, SIZE / 512 * 512 - PIECE + 512, &err),
		       "the file is cut short: it ends at byte 1000000, block 151 begins at byte "
		       "995328");
}

/* The result does not depend on the order of the pieces, or on what is between them. */
TEST(claims_tests, two_pieces_that_share_a_sector_are_found)
{
	for (uint64_t first = 5120; first < 5120 + 3 * PIECE; first += 512) {
		for (uint64_t second = 5120; second < 5120 + 5 * PIECE; second += 512) {
			uint64_t apart = first > second ? first - second : second - first;

			teardown();
			setup();
			begin_pieces();
			ck_assert_int_eq(claims_add_piece(claims, 0, first, &err), 0);
			ck_assert_int_eq(claims_add_piece(claims, 1, second, &err),
					 apart < PIECE ? -1 : 0);
		}
	}
}

TEST(claims_tests, a_piece_that_overlaps_is_named)
{
	begin_pieces();
	ck_assert_int_eq(claims_add_piece(claims, 4, 51200, &err), 0);
	assert_corrupt(claims_add_piece(claims, 13, 51200, &err),
		       "block 13 at byte 51200 overlaps another one at byte 51200");
	assert_corrupt(claims_add_piece(claims, 14, 51712, &err),
		       "block 14 at byte 51712 overlaps another one at byte 51200");
	assert_corrupt(claims_add_piece(claims, 15, 46592, &err),
		       "block 15 at byte 46592 overlaps another one at byte 51200");
	assert_corrupt(claims_add_piece(claims, 16, 0, &err),
		       "block 16 at byte 0 overlaps the header at byte 0");
	assert_corrupt(claims_add_piece(claims, 17, 3584, &err),
		       "block 17 at byte 3584 overlaps table 1 at byte 3000");
	assert_corrupt(
		claims_add_piece(claims, 18, 1000448, &err),
		"the file is cut short: it ends at byte 1000000, block 18 begins at byte 1000448");
}

TEST(claims_tests, a_piece_lies_in_a_gap_between_areas)
{
	static const struct {
		uint64_t offset;
		const char *message; /* NULL: no overlap */
	} places[] = {
		{0, "block 1 at byte 0 overlaps the header at byte 0"},
		{512, NULL},
		{1024, NULL},
		{1536, "block 1 at byte 1536 overlaps table 0 at byte 2000"},
		{2560, "block 1 at byte 2560 overlaps table 0 at byte 2000"},
		{3584, "block 1 at byte 3584 overlaps table 1 at byte 3000"},
		{4096, NULL},
		{999424, NULL},
	};
	const size_t count = sizeof(places) / sizeof(places[0]);

	/* Upwards and downwards, because the code remembers the last gap. */
	for (size_t i = 0; i < 2 * count; i++) {
		size_t at = i < count ? i : 2 * count - 1 - i;

		if (i % count == 0) {
			teardown();
			setup();
			add_header_and_tables();
			ck_assert_int_eq(claims_begin_pieces(claims, "block", 512, &err), 0);
		}
		if (places[at].message)
			assert_corrupt(claims_add_piece(claims, 1, places[at].offset, &err),
				       places[at].message);
		else
			ck_assert_int_eq(claims_add_piece(claims, 1, places[at].offset, &err), 0);
	}
}

TEST(claims_tests, without_areas_everything_within_the_file_is_free)
{
	ck_assert_int_eq(claims_close_areas(claims, &err), 0);
	ck_assert_int_eq(claims_begin_pieces(claims, "block", PIECE, &err), 0);
	ck_assert_int_eq(claims_add_piece(claims, 1, 0, &err), 0);
	ck_assert_int_eq(claims_add_piece(claims, 2, 994816, &err), 0);
	assert_corrupt(
		claims_add_piece(claims, 3, 1000448, &err),
		"the file is cut short: it ends at byte 1000000, block 3 begins at byte 1000448");
	ck_assert_int_eq(claims_add_piece(claims, 4, UINT64_MAX, &err), -1);
}

/* No container of a disk of 1 MB has 3 GiB, so the offset is wrong, and the file perhaps whole. */
TEST(claims_tests, an_impossible_offset_is_damage_and_not_a_file_cut_short)
{
	begin_pieces();
	assert_corrupt(claims_add_piece(claims, 3, 3ull << 30, &err),
		       "a table of the image is damaged: it says that block 3 begins at byte "
		       "3221225472");
}

/* A sparse file can have any length, but there is no memory for so many pieces. */
TEST(claims_tests, too_many_pieces_are_not_supported)
{
	teardown();
	claims = claims_new(1ull << 62, 1ull << 62, &err);
	ck_assert_ptr_nonnull(claims);
	ck_assert_int_eq(claims_begin_pieces(claims, "grain", 512, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), "format-unsupported");
	ck_assert_ptr_nonnull(strstr(err.message, "grains"));
}
