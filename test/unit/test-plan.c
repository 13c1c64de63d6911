/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan: its operations and their order, and the equality of plans. */
#include <stdlib.h>
#include <string.h>

#include "support/sample.h"
#include "windows/plan.h"

static struct sample sample;
static struct bs_plan *plan;

static void teardown(void)
{
	bs_plan_free(plan);
	sample_close(&sample);
}

static void assert_operation(uint32_t index, enum bs_operation_kind kind, const char *path)
{
	ck_assert_uint_lt(index, plan->operation_count);
	ck_assert_int_eq(plan->operations[index].kind, kind);
	ck_assert_str_eq(plan->operations[index].path, path);
}

TEST_CASE(operations_tests, "operations", .teardown = teardown);

TEST(operations_tests, windows_7_takes_five_operations_and_the_flags_come_last)
{
	sample_open(&sample, image_built("windows-7", false));
	plan = sample_plan(&sample);
	ck_assert_uint_eq(plan->operation_count, 5);
	assert_operation(0, BS_OPERATION_COPY, "\\bootmgr");
	assert_operation(1, BS_OPERATION_COPY, "\\Boot");
	assert_operation(2, BS_OPERATION_ATTRIBUTES, "\\Boot");
	assert_operation(3, BS_OPERATION_RETARGET_BCD, "\\Boot\\BCD");
	assert_operation(4, BS_OPERATION_ACTIVATE, "");
	ck_assert_uint_eq(plan->operations[0].files, 1);
	ck_assert_uint_eq(plan->operations[0].bytes, 383786);
	ck_assert_uint_eq(plan->operations[1].files, 35);
	ck_assert_uint_eq(plan->operations[1].folders, 25);
	ck_assert_uint_eq(plan->file_count, 61);
	ck_assert_uint_eq(plan->operations[3].elements, 2);
	ck_assert_uint_eq(plan->element_count, 2);
	ck_assert_uint_eq(plan->operations[3].bytes, 16);
}

TEST(operations_tests, a_plan_names_the_two_partitions_of_the_disk)
{
	sample_open(&sample, image_built("windows-7", false));
	plan = sample_plan(&sample);
	ck_assert_uint_eq(plan->disk_signature, 0xA33B6C03);
	ck_assert_uint_eq(plan->disk_size, 6ull << 30);
	ck_assert_uint_eq(plan->system_number, 1);
	ck_assert_uint_eq(plan->system_start, 1 << 20);
	ck_assert_uint_eq(plan->system_size, 100 << 20);
	ck_assert_uint_eq(plan->boot_number, 2);
	ck_assert_uint_eq(plan->boot_start, 101 << 20);
	ck_assert_uint_eq(plan->boot_size, 6042ull << 20);
}

TEST(operations_tests, windows_10_moves_bootnxt_and_leaves_the_recovery_environment)
{
	sample_open(&sample, image_built("windows-10", false));
	plan = sample_plan(&sample);
	assert_operation(1, BS_OPERATION_COPY, "\\BOOTNXT");
	assert_operation(2, BS_OPERATION_COPY, "\\Boot");
	ck_assert_uint_eq(plan->element_count, 2); /* without the three of the recovery */
	for (uint32_t i = 0; i < plan->file_count; i++)
		ck_assert_ptr_null(strstr(plan->files[i].path, "Recovery"));
}

TEST(operations_tests, boot_code_is_replaced_before_the_partition_becomes_active)
{
	sample_open(&sample, image_built("ntldr-boot-record", false));
	plan = sample_plan(&sample);
	assert_operation(4, BS_OPERATION_BOOT_CODE, "");
	assert_operation(5, BS_OPERATION_ACTIVATE, "");
	ck_assert_uint_eq(plan->operations[4].bytes, 8192 + 512);
}

TEST(operations_tests, what_gives_way_at_the_target_is_counted)
{
	sample_open(&sample, image_built("older-try", false));
	plan = sample_plan(&sample);
	ck_assert_uint_eq(plan->operations[0].replaces, 1);
	/* \Boot, BCD, notes.txt, memtest.exe, Fonts, old_boot.ttf */
	ck_assert_uint_eq(plan->operations[1].replaces, 6);
}

TEST(operations_tests, folders_come_before_what_is_in_them)
{
	sample_open(&sample, image_built("windows-7", false));
	plan = sample_plan(&sample);
	for (uint32_t i = 0; i < plan->file_count; i++) {
		size_t parent = (size_t)(strrchr(plan->files[i].path, '\\') - plan->files[i].path);
		bool before = parent == 0;

		for (uint32_t j = 0; j < i; j++)
			before = before ||
				 (strlen(plan->files[j].path) == parent &&
				  plan->files[j].is_folder &&
				  strncmp(plan->files[j].path, plan->files[i].path, parent) == 0);
		ck_assert_msg(before, "%s", plan->files[i].path);
	}
}

TEST(operations_tests, a_store_that_names_no_moved_file_is_not_retargeted)
{
	sample_open_small(&sample, "no-elements",
			  "object {bootmgr}\ndelete 11000001\nobject {memdiag}\ndelete 11000001\n");
	plan = sample_plan(&sample);
	ck_assert_uint_eq(plan->operation_count, 4);
	assert_operation(3, BS_OPERATION_ACTIVATE, "");
}

/* ---- equality ------------------------------------------------------------------------------ */

TEST_CASE(equality, "equality", .teardown = teardown);

TEST(equality, two_plans_of_one_disk_are_the_same_whatever_it_cost)
{
	char difference[BS_DIFFERENCE_MAX];
	struct bs_plan *other;

	sample_open_small(&sample, "equal", "");
	plan = sample_plan(&sample);
	other = sample_plan(&sample);
	ck_assert(!plan_difference(plan, other, difference));
	other->operations[0].sectors = 12345;
	ck_assert(!plan_difference(plan, other, difference));
	bs_plan_free(other);
}

#define PLAN(member)                                                                               \
	{                                                                                          \
		0, offsetof(struct bs_plan, member)                                                \
	}
#define OPERATION(member)                                                                          \
	{                                                                                          \
		0, offsetof(struct bs_plan, operations[1].member)                                  \
	}
#define FILE_OF(member)                                                                            \
	{                                                                                          \
		1, sizeof(struct bs_plan_file) + offsetof(struct bs_plan_file, member)             \
	}
#define ELEMENT(member)                                                                            \
	{                                                                                          \
		2, sizeof(struct bs_plan_element) + offsetof(struct bs_plan_element, member)       \
	}
static const struct {
	int part;
	size_t offset;
} differences[] = {
	PLAN(disk_signature),  PLAN(disk_size),     PLAN(system_start),  PLAN(system_size),
	PLAN(boot_start),      PLAN(boot_size),     PLAN(system_number), PLAN(boot_number),
	PLAN(operation_count), PLAN(file_count),    PLAN(element_count), OPERATION(kind),
	OPERATION(path),       OPERATION(files),    OPERATION(folders),  OPERATION(elements),
	OPERATION(replaces),   OPERATION(bytes),    FILE_OF(path[1]),    FILE_OF(is_folder),
	FILE_OF(size),         FILE_OF(attributes), FILE_OF(sha256[31]), ELEMENT(object[1]),
	ELEMENT(element),      ELEMENT(offset),     ELEMENT(path[1]),    PLAN(restored_signature),
};

TEST_EACH(equality, plans_with_any_difference_are_not_the_same, differences)
{
	char difference[BS_DIFFERENCE_MAX] = "";
	struct bs_plan *other;
	uint8_t *parts[3];

	sample_open_small(&sample, "different", "");
	plan = sample_plan(&sample);
	other = sample_plan(&sample);
	parts[0] = (uint8_t *)other;
	parts[1] = (uint8_t *)other->files;
	parts[2] = (uint8_t *)other->elements;
	parts[differences[_i].part][differences[_i].offset] ^= 1;
	ck_assert(plan_difference(other, plan, difference));
	ck_assert(plan_difference(plan, other, difference));
	ck_assert_str_ne(difference, "");
	bs_plan_free(other);
}

/* ---- the difference in words --------------------------------------------------------------- */

static struct bs_plan_file earlier_files[] = {
	{.path = "\\bootmgr", .size = 100},
	{.path = "\\Boot", .is_folder = true},
	{.path = "\\Boot\\BCD", .size = 28672},
};

static struct bs_plan_file more_files[] = {
	{.path = "\\bootmgr", .size = 100},
	{.path = "\\Boot", .is_folder = true},
	{.path = "\\Boot\\a", .size = 1},
	{.path = "\\Boot\\BCD", .size = 28672},
};

static struct bs_plan_file renamed_files[] = {
	{.path = "\\bootmgr", .size = 100},
	{.path = "\\Boot", .is_folder = true},
	{.path = "\\Boot\\b", .size = 28672},
};

static struct bs_plan_file larger_files[] = {
	{.path = "\\bootmgr", .size = 101},
	{.path = "\\Boot", .is_folder = true},
	{.path = "\\Boot\\BCD", .size = 28672},
};

static struct bs_plan_file changed_files[] = {
	{.path = "\\bootmgr", .size = 100},
	{.path = "\\Boot", .is_folder = true},
	{.path = "\\Boot\\BCD", .size = 28672, .sha256 = {1}},
};

#define EARLIER                                                                                    \
	.disk_signature = 0xa33b6c03, .boot_number = 2, .boot_start = 1 << 20, .file_count = 3,    \
	.files = earlier_files

static const struct bs_plan earlier_plan = {EARLIER};

/* Later initializers of a member count, so that each plan differs in what follows EARLIER. */
#pragma GCC diagnostic ignored "-Woverride-init"
static const struct {
	struct bs_plan now;
	const char *words;
} changes[] = {
	{{EARLIER, .disk_signature = 0xbad},
	 "the plan is for a disk with the signature a33b6c03, and this disk has the signature "
	 "00000bad"},
	{{EARLIER, .disk_size = 512}, "the plan is for a disk of 0 bytes, and this disk has 512"},
	{{EARLIER, .boot_number = 3},
	 "in the plan the boot volume is partition 2, and now it is partition 3"},
	{{EARLIER, .boot_start = 2 << 20}, "partition 2 has moved from offset 1048576 to 2097152"},
	{{EARLIER, .file_count = 4, .files = more_files},
	 "the plan copies 2 files, and a plan made now 3: \\Boot\\a is new"},
	{{EARLIER, .file_count = 2},
	 "the plan copies 2 files, and a plan made now 1: \\Boot\\BCD is not there any more"},
	{{EARLIER, .files = renamed_files}, "\\Boot\\b is new"},
	{{EARLIER, .files = larger_files}, "\\bootmgr has another size now"},
	{{EARLIER, .files = changed_files}, "\\Boot\\BCD has other content now"},
	{{EARLIER, .element_count = 1},
	 "the plan writes 0 elements of \\Boot\\BCD, and a plan made now 1"},
	{{EARLIER, .operation_count = 1}, "the plan has 0 steps, and a plan made now 1"},
};

TEST_EACH(equality, the_first_difference_of_two_plans_is_told_in_words, changes)
{
	char difference[BS_DIFFERENCE_MAX];

	ck_assert(plan_difference(&earlier_plan, &changes[_i].now, difference));
	ck_assert_str_eq(difference, changes[_i].words);
}
