/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is refused of a disk in several files; test-sets.c and test-snapshots.c fix real ones. */
#include <stdio.h>

#include "engine/split.h"
#include "support/program.h"

#define GRAIN (64u << 10) /* bytes */

static struct vmdk_extent files[2];
static struct qemu_part parts[2];
static struct target first, second, *both[] = {&first, &second};
static struct split split;

static void setup(void)
{
	for (int i = 0; i < 2; i++) {
		snprintf(files[i].name, sizeof(files[i].name), "s00%d.vmdk", i + 1);
		files[i].length = 16 * GRAIN;
		parts[i] = (struct qemu_part){.start = i * 64u * GRAIN, .length = 9 * GRAIN};
		both[i]->status.length = 9 * GRAIN;
	}
	split = (struct split){
		.extents = {.items = files, .count = 2}, .parts = parts, .grain_size = GRAIN};
}

TEST_CASE(split_tests, "split", .setup = setup);

static void assert_grains_refused(const char *words)
{
	struct bs_error err = {0};

	ck_assert_int_eq(split_check_grains(&split, &err), -1);
	ck_assert_int_eq(err.code, BS_FORMAT_UNSUPPORTED);
	ASSERT_HAS(err.message, words);
}

/* QEMU's driver would take the rest of a grain from a wrong place of the parent. */
TEST(split_tests, only_whole_grains_of_each_file_but_the_last_are_written)
{
	struct bs_error err = {0};

	ck_assert_int_eq(split_check_grains(&split, &err), 0);
	files[1].length -= 512;
	ck_assert_int_eq(split_check_grains(&split, &err), 0);
	files[0].length -= 512;
	assert_grains_refused("in s001.vmdk does not consist of whole grains of 65536 bytes");
}

TEST(split_tests, grains_are_written_whole_only_if_they_fit_the_buffer)
{
	struct bs_error err = {0};

	files[0].length = files[1].length = 64u << 20;
	split.grain_size = 2u << 20;
	ck_assert_int_eq(split_check_grains(&split, &err), 0);
	split.grain_size = 4u << 20;
	assert_grains_refused("grains of more than 2097152 bytes");
}

TEST(split_tests, what_each_file_has_grown_by_is_listed_and_a_shorter_file_refused)
{
	const struct target target = {.parts = {.items = both, .count = 2}};
	struct bs_error err = {0};

	ck_assert_int_eq(split_list_growths(&split, &target, &err), 0);
	ck_assert_uint_eq(split.growths.count, 0);
	parts[1].length += GRAIN;
	ck_assert_int_eq(split_list_growths(&split, &target, &err), 0);
	ck_assert_uint_eq(split.growths.count, 1);
	ck_assert_uint_eq(split.growths.items[0].offset, (64 + 9) * GRAIN);
	ck_assert_uint_eq(split.growths.items[0].length, GRAIN);
	parts[0].length -= 512;
	ck_assert_int_eq(split_list_growths(&split, &target, &err), -1);
	ASSERT_HAS(err.message, "would make s001.vmdk shorter");
	range_vector_free(&split.growths);
}
