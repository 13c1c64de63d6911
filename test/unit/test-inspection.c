/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The content of an inspection that the worker could not finish. */
#include <stdlib.h>
#include <string.h>

#include "boot/mbr.h"
#include "engine/inspection.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"
#include "util/err.h"

#define SIZE (64u << 10)

static struct memory_disk *memory;
static struct bs_inspection *inspection;
static const struct bs_options options;
static struct bs_error refusal;

static void setup(void)
{
	memory = memory_disk_open(SIZE);
	memset(memory->bytes, 0, SIZE);
	inspection = NULL;
	(fail)(&refusal, BS_NTFS_DAMAGED, "the volume is damaged");
}

static void teardown(void)
{
	free(inspection);
	disk_close(&memory->disk);
}

static void write_entry(unsigned index, uint8_t flag, uint8_t type, uint32_t first, uint32_t count)
{
	uint8_t *entry = memory->bytes + MBR_FLAG_OFFSET(index);

	entry[0] = flag;
	entry[4] = type;
	store_le32(entry + 8, first);
	store_le32(entry + 12, count);
	memory->bytes[510] = 0x55;
	memory->bytes[511] = 0xAA;
}

static void look(void)
{
	inspection = inspection_without_worker(&memory->disk, &options);
	ck_assert_ptr_nonnull(inspection);
}

TEST_CASE(inspection_tests, "inspection", .setup = setup, .teardown = teardown);

TEST(inspection_tests, the_table_tells_the_partitions_and_nothing_else_is_known)
{
	write_entry(0, 0x80, 0x07, 8, 16);
	write_entry(2, 0x00, 0x0F, 32, 64);
	look();
	ck_assert_uint_eq(inspection->disk_size, SIZE);
	ck_assert_uint_eq(inspection->partition_count, 2);
	ck_assert_uint_eq(inspection->partitions[0].number, 1);
	ck_assert(inspection->partitions[0].active);
	ck_assert_uint_eq(inspection->partitions[0].start, 8 * 512);
	ck_assert_uint_eq(inspection->partitions[0].size, 16 * 512);
	ck_assert_int_eq(inspection->partitions[0].filesystem, BS_FS_UNKNOWN);
	ck_assert_uint_eq(inspection->partitions[1].number, 3);
	ck_assert_int_eq(inspection->partitions[1].filesystem, BS_FS_EXTENDED);
	ck_assert_int_eq(inspection->system_index, -1);
	ck_assert_int_eq(inspection->boot_index, -1);
	ck_assert_int_eq(inspection->verdict, BS_VERDICT_UNSUITABLE);
	ck_assert_uint_eq(inspection->link_count, BS_LINK_KIND_COUNT);
	for (uint32_t i = 0; i < inspection->link_count; i++)
		ck_assert_int_eq(inspection->links[i].state, BS_LINK_UNKNOWN);
	ck_assert(!inspection->starts_known && !inspection->starts_after_known);
}

TEST(inspection_tests, a_disk_without_a_table_has_no_partitions)
{
	look();
	ck_assert_uint_eq(inspection->partition_count, 0);
}

TEST(inspection_tests, a_refusal_becomes_a_finding_and_no_fix_applies)
{
	look();
	inspection->verdict = BS_VERDICT_FIXABLE;
	inspection->starts_after = inspection->starts_after_known = true;
	inspection->links[BS_LINK_ACTIVE].state = BS_LINK_REPAIRED;
	inspection_refuse(inspection, &refusal);
	ck_assert_uint_eq(inspection->finding_count, 1);
	ck_assert_int_eq(inspection->findings[0].code, BS_NTFS_DAMAGED);
	ck_assert_str_eq(inspection->findings[0].message, "the volume is damaged");
	ck_assert_int_eq(inspection->verdict, BS_VERDICT_UNSUITABLE);
	ck_assert_int_eq(inspection->links[BS_LINK_ACTIVE].state, BS_LINK_BROKEN);
	ck_assert(!inspection->starts_after);
}

TEST(inspection_tests, a_refusal_that_is_a_finding_already_is_not_told_twice)
{
	look();
	inspection_refuse(inspection, &refusal);
	inspection_refuse(inspection, &refusal);
	ck_assert_uint_eq(inspection->finding_count, 1);
}

TEST(inspection_tests, of_too_many_findings_the_refusal_stays)
{
	look();
	for (int i = 0; i < BS_FINDINGS_MAX; i++)
		inspection->findings[i].code = BS_NOTE_ROOM;
	inspection->finding_count = BS_FINDINGS_MAX;
	inspection_refuse(inspection, &refusal);
	ck_assert_uint_eq(inspection->finding_count, BS_FINDINGS_MAX);
	ck_assert_int_eq(inspection->findings[BS_FINDINGS_MAX - 1].code, BS_NTFS_DAMAGED);
}
