/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overlay with a memory limit of two blocks, so that almost all blocks go through the temporary
 * file.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/overlay.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define BLOCK      OVERLAY_BLOCK_SIZE
#define SECTOR     SECTOR_SIZE
#define BELOW_SIZE (40 * BLOCK + 3 * SECTOR + 100) /* neither whole blocks nor whole sectors */

static struct memory_disk *memory;
static uint8_t *original; /* the first content of the disk below */
static struct overlay *overlay;
static struct disk *view;

static void setup(void)
{
	struct bs_error err;

	memory = memory_disk_open(BELOW_SIZE);
	original = malloc(BELOW_SIZE);
	memcpy(original, memory->bytes, BELOW_SIZE);
	overlay = overlay_open(&memory->disk, 2 * BLOCK, NULL, &err);
	ck_assert_ptr_nonnull(overlay);
	view = overlay_disk(overlay);
}

/* No test may change the disk below. */
static void teardown(void)
{
	ck_assert_mem_eq(memory->bytes, original, BELOW_SIZE);
	ck_assert_uint_eq(memory->writes, 0);
	free(original);
	disk_close(view);
	disk_close(&memory->disk);
}

static void write_bytes(uint64_t offset, int value, size_t length)
{
	struct bs_error err;
	uint8_t *bytes = malloc(length);

	memset(bytes, value, length);
	ck_assert_int_eq(disk_write(view, offset, bytes, length, &err), 0);
	free(bytes);
}

static void assert_bytes(uint64_t offset, int value, size_t length)
{
	struct bs_error err;
	uint8_t *found = malloc(length);

	ck_assert_int_eq(disk_read(view, offset, found, length, &err), 0);
	/* All bytes are equal if the first byte is right and each byte equals the byte before. */
	ck_assert_int_eq(found[0], value);
	ck_assert_mem_eq(found, found + 1, length - 1);
	free(found);
}

static void assert_as_below(uint64_t offset, size_t length)
{
	struct bs_error err;
	uint8_t *found = malloc(length);

	ck_assert_int_eq(disk_read(view, offset, found, length, &err), 0);
	ck_assert_mem_eq(found, original + offset, length);
	free(found);
}

static void resize(uint64_t size)
{
	struct bs_error err;

	ck_assert_int_eq(overlay_resize(overlay, size, &err), 0);
	ck_assert_uint_eq(disk_size(view), size);
}

static void assert_extents(uint64_t maximum_length, const struct range *expected,
			   size_t expected_count)
{
	struct bs_error err;
	struct range_vector extents;

	ck_assert_int_eq(overlay_extents(overlay, maximum_length, &extents, &err), 0);
	ck_assert_uint_eq(extents.count, expected_count);
	for (size_t i = 0; i < extents.count; i++) {
		ck_assert_uint_eq(extents.items[i].offset, expected[i].offset);
		ck_assert_uint_eq(extents.items[i].length, expected[i].length);
	}
	range_vector_free(&extents);
}

TEST_CASE(overlay_tests, "overlay", .setup = setup, .teardown = teardown);

TEST(overlay_tests, a_write_shows_above_and_not_below)
{
	write_bytes(BLOCK - 10, 0xee, 20);
	assert_bytes(BLOCK - 10, 0xee, 20);
	assert_as_below(0, BLOCK - 10);
	assert_as_below(BLOCK + 10, BELOW_SIZE - BLOCK - 10);
}

TEST(overlay_tests, the_odd_end_of_the_disk_can_be_written)
{
	write_bytes(BELOW_SIZE - 1, 0xee, 1);
	assert_as_below(0, BELOW_SIZE - 1);
	assert_bytes(BELOW_SIZE - 1, 0xee, 1);
}

TEST(overlay_tests, what_has_not_changed_is_read_in_one_go)
{
	struct bs_error err;
	static uint8_t found[BELOW_SIZE];

	ck_assert_int_eq(disk_read(view, 100, found, BELOW_SIZE - 100, &err), 0);
	ck_assert_uint_eq(memory->reads, 1);
	write_bytes(20 * BLOCK, 0xee, BLOCK);
	ck_assert_uint_eq(memory->reads, 1); /* a whole block needs no read from below */
	ck_assert_int_eq(disk_read(view, 100, found, BELOW_SIZE - 100, &err), 0);
	ck_assert_uint_eq(memory->reads, 2);
}

TEST(overlay_tests, an_error_from_below_comes_through_and_changes_nothing)
{
	struct bs_error err;
	uint8_t byte = 0;

	memory->failure = BS_IO;
	ck_assert_int_eq(disk_read(view, 0, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ck_assert_int_eq(disk_write(view, 0, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	memory->failure = BS_OK;
	assert_as_below(0, BELOW_SIZE);
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 0);
}

TEST(overlay_tests, a_missing_folder_for_the_temporary_file_is_an_error_once_it_is_needed)
{
	struct bs_error err;
	struct overlay *spilling = overlay_open(&memory->disk, BLOCK, "/nonexistent", &err);
	uint8_t byte = 0;

	ck_assert_int_eq(disk_write(overlay_disk(spilling), 0, &byte, 1, &err), 0);
	ck_assert_int_eq(disk_write(overlay_disk(spilling), BLOCK, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent"));
	disk_close(overlay_disk(spilling));
}

/* Cuts off the temporary file of the overlay: the only file without a name of this length. */
static void cut_temporary_file(off_t length)
{
	struct stat status;
	int cut = 0;

	for (int descriptor = 3; descriptor < 100; descriptor++)
		if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
		    status.st_nlink == 0 && status.st_size == length)
			cut += ftruncate(descriptor, 0) == 0;
	ck_assert_int_eq(cut, 1);
}

TEST(overlay_tests, a_temporary_file_that_cannot_be_read_is_an_error)
{
	struct bs_error err = {0};
	uint8_t byte;

	write_bytes(0, 0xee, 20 * BLOCK);
	cut_temporary_file(18 * BLOCK);
	ck_assert_int_eq(disk_read(view, 19 * BLOCK, &byte, 1, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "temporary file"));
	assert_bytes(0, 0xee, 2 * BLOCK); /* in memory */
}

TEST(overlay_tests, no_view_is_longer_than_a_file_can_be)
{
	struct bs_error err = {0};

	ck_assert_int_eq(overlay_resize(overlay, (uint64_t)INT64_MAX + 1, &err), -1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	ck_assert_uint_eq(disk_size(view), BELOW_SIZE);
	resize(INT64_MAX);
}

/* Blocks in memory, blocks in the file, and both. */
TEST_LOOP(overlay_tests, thousands_of_blocks_are_kept_apart, 0, 3)
{
	static const uint64_t limits[] = {0, 1000 * BLOCK, 100000 * BLOCK};
	const uint64_t count = 3001; /* 7 is not a divisor, so i * 7 % count reaches every block */
	struct bs_error err;
	struct overlay *big = overlay_open(&memory->disk, limits[_i], NULL, &err);
	uint64_t bad = 0, found;

	ck_assert_int_eq(overlay_resize(big, count * BLOCK, &err), 0);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t block = i * 7 % count;

		bad += disk_write(overlay_disk(big), block * BLOCK, &block, 8, &err) != 0;
	}
	for (uint64_t block = 0; block < count; block++) {
		bad += disk_read(overlay_disk(big), block * BLOCK, &found, 8, &err) != 0;
		bad += found != block;
	}
	ck_assert_uint_eq(bad, 0);
	ck_assert_uint_eq(overlay_take_written_sectors(big), count);
	disk_close(overlay_disk(big));
}

TEST(overlay_tests, extents_hold_only_sectors_that_differ)
{
	struct bs_error err;

	assert_extents(BLOCK, NULL, 0);
	write_bytes(BLOCK + SECTOR + 5, 0xee, 1);
	write_bytes(BLOCK + 2 * SECTOR, 0xee, SECTOR);
	write_bytes(3 * BLOCK - SECTOR, 0xee, 2 * SECTOR); /* across blocks */
	ck_assert_int_eq(disk_write(view, 10 * BLOCK, original + 10 * BLOCK, BLOCK, &err), 0);
	write_bytes(BELOW_SIZE - 1, 0xee, 1);
	assert_extents(64 * BLOCK,
		       (struct range[]){
			       {BLOCK + SECTOR, 2 * SECTOR},
			       {3 * BLOCK - SECTOR, 2 * SECTOR},
			       {BELOW_SIZE - 100, 100},
		       },
		       3);
}

TEST(overlay_tests, extents_are_no_longer_than_asked)
{
	write_bytes(BLOCK, 0, 5 * BLOCK);
	assert_extents(2 * BLOCK,
		       (struct range[]){
			       {BLOCK, 2 * BLOCK},
			       {3 * BLOCK, 2 * BLOCK},
			       {5 * BLOCK, BLOCK},
		       },
		       3);
}

TEST(overlay_tests, zeros_beyond_the_end_of_the_disk_below_are_no_change)
{
	resize(60 * BLOCK);
	assert_bytes(BELOW_SIZE, 0, 60 * BLOCK - BELOW_SIZE);
	write_bytes(BELOW_SIZE, 0, 60 * BLOCK - BELOW_SIZE);
	assert_extents(64 * BLOCK, NULL, 0);
	write_bytes(50 * BLOCK + SECTOR, 0xee, 1);
	assert_extents(64 * BLOCK, &(struct range){50 * BLOCK + SECTOR, SECTOR}, 1);
}

TEST(overlay_tests, a_range_made_zero_is_written_only_where_something_is)
{
	struct bs_error err;

	resize(60 * BLOCK);
	write_bytes(50 * BLOCK, 0xee, BLOCK);
	overlay_take_written_sectors(overlay);
	ck_assert_int_eq(overlay_zero(overlay, 40 * BLOCK - 10, 20 * BLOCK + 10, &err), 0);
	assert_as_below(0, 40 * BLOCK - 10);
	assert_bytes(40 * BLOCK - 10, 0, 20 * BLOCK + 10);
	/* The sector before, the block with the end of the disk below, and the written block. */
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 1 + 8 + 8);
	ck_assert_int_eq(overlay_zero(overlay, 60 * BLOCK, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
}

static void read_view(uint64_t offset, size_t length)
{
	struct bs_error err;
	uint8_t *bytes = malloc(length);

	ck_assert_int_eq(disk_read(view, offset, bytes, length, &err), 0);
	free(bytes);
}

TEST(overlay_tests, what_is_read_is_recorded_while_watched)
{
	struct range_vector ranges;

	read_view(0, 100);
	overlay_watch(overlay, true);
	read_view(9000, 10);
	read_view(100, 10);
	read_view(110, 10);
	read_view(105, 20);
	write_bytes(20 * BLOCK + 1, 0xee, 1); /* reads the block below, but is no read */
	overlay_take_watched(overlay, &ranges);
	ck_assert_uint_eq(ranges.count, 2);
	ck_assert_uint_eq(ranges.items[0].offset, 100);
	ck_assert_uint_eq(ranges.items[0].length, 25);
	ck_assert_uint_eq(ranges.items[1].offset, 9000);
	ck_assert_uint_eq(ranges.items[1].length, 10);
	range_vector_free(&ranges);
	read_view(5, 1);
	overlay_take_watched(overlay, &ranges);
	ck_assert_uint_eq(ranges.count, 1);
	range_vector_free(&ranges);
	overlay_watch(overlay, false);
	read_view(5, 1);
	overlay_take_watched(overlay, &ranges);
	ck_assert_uint_eq(ranges.count, 0);
	range_vector_free(&ranges);
}

TEST(overlay_tests, what_was_cut_off_is_zeros_when_the_view_grows_again)
{
	write_bytes(10 * BLOCK, 0xee, 2 * BLOCK);
	resize(10 * BLOCK + 700);
	assert_bytes(10 * BLOCK, 0xee, 700);
	resize(12 * BLOCK);
	assert_as_below(0, 10 * BLOCK);
	assert_bytes(10 * BLOCK, 0xee, 700);
	assert_bytes(10 * BLOCK + 700, 0, 2 * BLOCK - 700);
	/*
	 * Without another write, the overlay differs from the disk below, which has no zeros there.
	 */
	assert_extents(64 * BLOCK, &(struct range){10 * BLOCK, 2 * BLOCK}, 1);
}

TEST(overlay_tests, what_was_cut_off_below_is_zeros_too)
{
	resize(5 * BLOCK + 700);
	resize(BELOW_SIZE);
	assert_as_below(0, 5 * BLOCK + 700);
	assert_bytes(5 * BLOCK + 700, 0, BELOW_SIZE - 5 * BLOCK - 700);
	write_bytes(5 * BLOCK + 1000, 0xee, 1);
	assert_as_below(0, 5 * BLOCK + 700);
	assert_bytes(5 * BLOCK + 700, 0, 300);
}

TEST(overlay_tests, written_sectors_are_counted_once_between_two_questions)
{
	struct bs_error err;

	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 0);
	write_bytes(100, 0xee, 1);
	write_bytes(200, 0xee, 1);
	write_bytes(SECTOR - 1, 0xee, 2);
	ck_assert_int_eq(disk_write(view, BLOCK, original + BLOCK, BLOCK, &err), 0);
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 2 + 8);
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 0);
	write_bytes(100, 0xee, 1);
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 1);
}

TEST(overlay_tests, what_was_written_is_copied_by_whole_sectors_and_nothing_else)
{
	struct memory_disk *copy = memory_disk_open(BELOW_SIZE);
	uint8_t *expected = malloc(BELOW_SIZE);
	uint64_t odd = BELOW_SIZE - 100; /* the last sector ends with the disk */
	struct bs_error err;

	/* Elsewhere, the other disk differs from the view, and must keep its bytes. */
	memset(copy->bytes, 0x11, BELOW_SIZE);
	memset(expected, 0x11, BELOW_SIZE);
	write_bytes(3 * BLOCK + SECTOR - 1, 0xee, 2);
	memcpy(expected + 3 * BLOCK, original + 3 * BLOCK, 2 * SECTOR);
	memset(expected + 3 * BLOCK + SECTOR - 1, 0xee, 2);
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 2); /* counting changes nothing */
	write_bytes(odd + 50, 0xee, 50);
	memcpy(expected + odd, original + odd, 50);
	memset(expected + odd + 50, 0xee, 50);
	/* Bytes that are the same as below count, too. */
	ck_assert_int_eq(disk_write(view, BLOCK, original + BLOCK, SECTOR, &err), 0);
	memcpy(expected + BLOCK, original + BLOCK, SECTOR);

	ck_assert_int_eq(overlay_copy_written(overlay, SECTOR, &copy->disk, &err), 0);
	ck_assert_mem_eq(copy->bytes, expected, BELOW_SIZE);
	ck_assert_uint_eq(copy->writes, 3);
	free(expected);
	disk_close(&copy->disk);
}

TEST(overlay_tests, small_writes_are_copied_in_one_request)
{
	struct memory_disk *copy = memory_disk_open(BELOW_SIZE);
	struct bs_error err;

	for (int i = 30; i-- > 0;)
		write_bytes((uint64_t)i * BLOCK, i, BLOCK);
	ck_assert_int_eq(overlay_copy_written(overlay, SECTOR, &copy->disk, &err), 0);
	ck_assert_uint_eq(copy->writes, 1);
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(copy->bytes[i * BLOCK + 7], i);
	disk_close(&copy->disk);
}

/* The last unit ends with the disk. */
TEST(overlay_tests, whole_units_are_copied)
{
	const uint64_t unit = 4 * BLOCK, last = (BELOW_SIZE - 1) / unit * unit;
	struct memory_disk *copy = memory_disk_open(BELOW_SIZE);
	uint8_t *expected = calloc(1, BELOW_SIZE);
	struct bs_error err;

	memset(copy->bytes, 0, BELOW_SIZE);
	write_bytes(unit + 5, 0xee, 1);
	write_bytes(2 * unit - 1, 0xee, 1);
	write_bytes(BELOW_SIZE - 1, 0xee, 1);
	memcpy(expected + unit, original + unit, unit);
	memcpy(expected + last, original + last, BELOW_SIZE - last);
	expected[unit + 5] = expected[2 * unit - 1] = expected[BELOW_SIZE - 1] = 0xee;
	ck_assert_int_eq(overlay_copy_written(overlay, unit, &copy->disk, &err), 0);
	ck_assert_mem_eq(copy->bytes, expected, BELOW_SIZE);
	ck_assert_uint_eq(copy->writes, 2);
	free(expected);
	disk_close(&copy->disk);
}

TEST(overlay_tests, an_error_of_the_other_disk_ends_the_copying)
{
	struct memory_disk *copy = memory_disk_open(BELOW_SIZE);
	struct bs_error err;

	write_bytes(0, 0xee, BLOCK);
	copy->failure = BS_NO_SPACE;
	ck_assert_int_eq(overlay_copy_written(overlay, SECTOR, &copy->disk, &err), -1);
	ck_assert_int_eq(err.code, BS_NO_SPACE);
	disk_close(&copy->disk);
}

TEST(overlay_tests, after_a_reset_the_view_is_the_disk_below)
{
	write_bytes(0, 0xee, 30 * BLOCK);
	resize(3 * BLOCK);
	overlay_reset(overlay);
	ck_assert_uint_eq(disk_size(view), BELOW_SIZE);
	assert_as_below(0, BELOW_SIZE);
	assert_extents(BLOCK, NULL, 0);
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), 0);
	write_bytes(0, 0xee, 30 * BLOCK);
	assert_bytes(0, 0xee, 30 * BLOCK);
}

/* ---- what was written --------------------------------------------------------------------- */

/* The disk below after a commit that wrote the view, except for one byte. */
static void assert_check_finds(uint64_t size, uint64_t flipped, const char *text)
{
	struct memory_disk *image = memory_disk_open(size);
	struct bs_error err = {0};

	ck_assert_int_eq(disk_read(view, 0, image->bytes, min_u64(size, disk_size(view)), &err), 0);
	if (flipped < size)
		image->bytes[flipped] ^= 1;
	if (!text) {
		ck_assert_msg(overlay_check_written(overlay, &image->disk, &err) == 0, "%s",
			      err.message);
	} else {
		ck_assert_int_eq(overlay_check_written(overlay, &image->disk, &err), -1);
		ck_assert_int_eq(err.code, BS_VERIFY);
		ck_assert_msg(strstr(err.message, text), "%s", err.message);
	}
	disk_close(&image->disk);
}

TEST(overlay_tests, a_written_disk_that_differs_from_the_view_is_noticed)
{
	write_bytes(5 * BLOCK + 100, 7, 3 * BLOCK);
	resize(20 * BLOCK + 10);
	resize(BELOW_SIZE + 2 * BLOCK);
	assert_check_finds(BELOW_SIZE + 2 * BLOCK, UINT64_MAX, NULL);
	assert_check_finds(BELOW_SIZE + 2 * BLOCK, 5 * BLOCK + 100, "bytes at 20480 are");
	assert_check_finds(BELOW_SIZE + 2 * BLOCK, 8 * BLOCK + 99, "bytes at 32768 are");
	assert_check_finds(BELOW_SIZE + 2 * BLOCK, 25 * BLOCK, "bytes at 102400 are"); /* cut off */
	assert_check_finds(BELOW_SIZE, UINT64_MAX, "another length");
}

TEST(overlay_tests, a_block_that_was_written_without_a_change_is_compared_too)
{
	write_bytes(30 * BLOCK, memory->bytes[30 * BLOCK], 1);
	assert_check_finds(BELOW_SIZE, UINT64_MAX, NULL);
	assert_check_finds(BELOW_SIZE, 30 * BLOCK + 600, "bytes at 123392 are");
}

/* ---- against a plain array ---------------------------------------------------------------- */

#define MODEL_SIZE (BELOW_SIZE + 20 * BLOCK)

static struct {
	uint8_t bytes[MODEL_SIZE]; /* zeros from `size` on */
	bool written[MODEL_SIZE / SECTOR + 1];
	size_t size;
} model;

static void model_reset(void)
{
	memset(&model, 0, sizeof(model));
	memcpy(model.bytes, original, BELOW_SIZE);
	model.size = BELOW_SIZE;
}

static void model_resize(size_t size)
{
	size_t blocks_end = (size + BLOCK - 1) / BLOCK * BLOCK;

	if (size < model.size)
		memset(model.bytes + size, 0, MODEL_SIZE - size);
	for (size_t sector = blocks_end / SECTOR; sector <= MODEL_SIZE / SECTOR; sector++)
		model.written[sector] = false;
	model.size = size;
	resize(size);
}

static void model_write(size_t offset, int value, size_t length)
{
	write_bytes(offset, value, length);
	memset(model.bytes + offset, value, length);
	for (size_t i = offset; i < offset + length; i++)
		model.written[i / SECTOR] = true;
}

static void assert_view_is_model(size_t offset, size_t length)
{
	static uint8_t found[MODEL_SIZE];
	struct bs_error err;

	ck_assert_int_eq(disk_read(view, offset, found, length, &err), 0);
	ck_assert_mem_eq(found, model.bytes + offset, length);
}

static bool sector_is_well_listed(size_t at, bool listed)
{
	static const uint8_t zeros[SECTOR];
	size_t length = model.size - at < SECTOR ? model.size - at : SECTOR;
	size_t common = at > BELOW_SIZE ? 0 : BELOW_SIZE - at;
	bool differs;

	common = common < length ? common : length;
	differs = memcmp(model.bytes + at, original + at, common) != 0 ||
		  memcmp(model.bytes + at + common, zeros, length - common) != 0;
	return listed == differs;
}

/* Checks that exactly the sectors that differ are in extents. */
static void assert_extents_are_model(uint64_t maximum_length)
{
	static bool listed[MODEL_SIZE / SECTOR + 1];
	struct bs_error err;
	struct range_vector extents;
	uint64_t end = 0;

	memset(listed, 0, sizeof(listed));
	ck_assert_int_eq(overlay_extents(overlay, maximum_length, &extents, &err), 0);
	for (size_t i = 0; i < extents.count; i++) {
		ck_assert_uint_gt(extents.items[i].length, 0);
		ck_assert_uint_le(extents.items[i].length, maximum_length);
		ck_assert_uint_ge(extents.items[i].offset, end);
		if (i > 0 && extents.items[i].offset == end)
			ck_assert_uint_eq(extents.items[i - 1].length, maximum_length);
		end = extents.items[i].offset + extents.items[i].length;
		ck_assert_uint_le(end, model.size);
		ck_assert(extents.items[i].offset % SECTOR == 0);
		ck_assert(end % SECTOR == 0 || end == model.size);
		for (uint64_t at = extents.items[i].offset; at < end; at += SECTOR)
			listed[at / SECTOR] = true;
	}
	for (size_t at = 0; at < model.size; at += SECTOR)
		if (!sector_is_well_listed(at, listed[at / SECTOR]))
			ck_abort_msg("sector at %zu, listed %d", at, listed[at / SECTOR]);
	range_vector_free(&extents);
}

static void assert_written_is_model(void)
{
	uint64_t count = 0;

	for (size_t sector = 0; sector <= MODEL_SIZE / SECTOR; sector++)
		count += model.written[sector];
	ck_assert_uint_eq(overlay_take_written_sectors(overlay), count);
	memset(model.written, 0, sizeof(model.written));
}

static void random_step(unsigned *seed)
{
	int choice = rand_r(seed) % 100;
	size_t offset, length;

	if (choice < 2) {
		model_reset();
		overlay_reset(overlay);
	} else if (choice < 8 || model.size == 0) {
		model_resize((size_t)rand_r(seed) % (MODEL_SIZE + 1));
	} else if (choice < 14) {
		assert_extents_are_model((uint64_t)(rand_r(seed) % 70 + 1) * BLOCK);
	} else if (choice < 20) {
		assert_written_is_model();
	} else {
		offset = (size_t)rand_r(seed) % model.size;
		length = (size_t)rand_r(seed) % (choice % 2 ? 2 * SECTOR : 9 * BLOCK) + 1;
		length = length < model.size - offset ? length : model.size - offset;
		if (choice < 70)
			model_write(offset, rand_r(seed) % 3, length);
		else
			assert_view_is_model(offset, length);
	}
}

TEST_LOOP(overlay_tests, random_steps_are_those_of_a_plain_array, 0, 20)
{
	unsigned seed = (unsigned)_i + 1;

	model_reset();
	for (int step = 0; step < 1000; step++)
		random_step(&seed);
	assert_view_is_model(0, model.size);
	assert_extents_are_model(64 * BLOCK);
	assert_written_is_model();
}

TEST(overlay_tests, a_changed_block_need_not_be_readable_below)
{
	struct bs_error err;
	uint8_t bytes[3 * BLOCK];

	write_bytes(BLOCK, 5, BLOCK);
	memory->bad = BLOCK + 1000;
	ck_assert_int_eq(disk_read(view, 0, bytes, sizeof(bytes), &err), 0);
	ck_assert_mem_eq(bytes, original, BLOCK);
	ck_assert_int_eq(bytes[BLOCK], 5);
	ck_assert_mem_eq(bytes + 2 * (size_t)BLOCK, original + 2 * (size_t)BLOCK, BLOCK);
	memory->bad = 2 * BLOCK;
	ck_assert_int_eq(disk_read(view, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
}
