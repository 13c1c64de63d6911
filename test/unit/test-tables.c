/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The claims of table entries on parts of the file, in containers that qemu-img makes.  An unused
 * entry claims nothing.  A used entry claims its part wherever the part is.
 */
#include "unit/container-file.h"
#include "util/bytes.h"

#define MIB 1048576u

static struct memory_disk *memory;

static void load(const char *name)
{
	memory = container_load(name);
	memory_assert_good(memory);
}

static void assert_corrupt(const char *part)
{
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, part);
}

static void teardown(void)
{
	if (memory != NULL)
		disk_close(&memory->disk);
	memory = NULL;
}

/* ---- VHD ---------------------------------------------------------------------------------- */

#define VHD_TABLE 1536u

TEST_CASE(tables, "tables", .teardown = teardown);

/* Some programs leave zeros in them. */
TEST(tables, vhd_entries_that_the_disk_does_not_need_claim_nothing)
{
	IN_FOLDER("qemu-img create -q -f vpc -o force_size=on a.vhd 100M"); /* 50 blocks */
	load("a.vhd");
	memset(memory->bytes + VHD_TABLE + 50 * 4, 0, 512 - 50 * 4);
	memory_assert_good(memory);
	memset(memory->bytes + VHD_TABLE + 49 * 4, 0, 4);
	assert_corrupt("block 49 at byte 0 overlaps the footer's copy at byte 0");
}

/* An entry of zeros leads to sector 0. */
TEST(tables, a_vhd_table_of_nothing_but_zeros_is_corrupt)
{
	IN_FOLDER("qemu-img create -q -f vpc -o force_size=on a.vhd 512G");
	load("a.vhd");
	memset(memory->bytes + VHD_TABLE, 0, 1 * MIB);
	assert_corrupt("block 0 at byte 0 overlaps the footer's copy at byte 0");
}

TEST(tables, a_vhd_block_behind_the_footer_is_missing)
{
	IN_FOLDER("qemu-img create -q -f vpc -o force_size=on a.vhd 100M");
	load("a.vhd");
	store_be32(memory->bytes + VHD_TABLE + 3 * 4, 5);
	assert_corrupt("the file is cut short: it ends at byte 2560, block 3 begins at byte 2560");
}

/* ---- VHDX --------------------------------------------------------------------------------- */

#define VHDX_TABLE (2 * MIB)
#define PRESENT    6u

static uint8_t *vhdx_entry(uint64_t index)
{
	return memory->bytes + VHDX_TABLE + index * 8;
}

/* Of 1 MiB each, with an entry for a bitmap after 4096 of them. */
static void load_vhdx(void)
{
	IN_FOLDER("qemu-img create -q -f vhdx -o block_size=1M a.vhdx 6G && "
		  "qemu-io -f vhdx -c 'write 0 64K' -c 'write 5G 64K' a.vhdx");
	load("a.vhdx");
	ck_assert_uint_eq(load_le64(vhdx_entry(0)) & 7, PRESENT);
	ck_assert_uint_eq(load_le64(vhdx_entry(5121)) & 7, PRESENT);
}

TEST(tables, vhdx_entries_without_a_block_in_use_claim_nothing)
{
	load_vhdx();
	for (uint64_t state = 0; state < PRESENT; state++)
		store_le64(vhdx_entry(1 + state), (load_le64(vhdx_entry(0)) & ~7ull) | state);
	memory_assert_good(memory);
	store_le64(vhdx_entry(7), load_le64(vhdx_entry(0)) | 1); /* present in a part */
	assert_corrupt("block 7 at byte ");
}

TEST(tables, vhdx_entries_for_bitmaps_claim_nothing_and_are_not_counted)
{
	load_vhdx();
	memcpy(vhdx_entry(4096), vhdx_entry(0), 8);
	memory_assert_good(memory);
	memcpy(vhdx_entry(4097), vhdx_entry(0), 8);
	assert_corrupt("block 4096 at byte ");
}

TEST(tables, a_vhdx_block_behind_the_end_is_missing)
{
	load_vhdx();
	store_le64(vhdx_entry(9), 0xfffffffffff00000u | PRESENT);
	assert_corrupt("block 9 begins at byte 18446744073708503040");
}

TEST(tables, vhdx_entries_that_the_disk_does_not_need_claim_nothing)
{
	load_vhdx();
	memcpy(vhdx_entry(6144 + 1), vhdx_entry(0), 8);
	memory_assert_good(memory);
	memcpy(vhdx_entry(6144), vhdx_entry(0), 8);
	assert_corrupt("block 6143 at byte ");
}

/* ---- VMDK --------------------------------------------------------------------------------- */

static uint8_t *vmdk_entry(uint64_t grain)
{
	uint8_t *directory = memory->bytes + load_le64(memory->bytes + 56) * 512;
	uint64_t table = load_le32(directory + grain / 512 * 4);

	return memory->bytes + table * 512 + grain % 512 * 4;
}

static void load_vmdk(const char *options)
{
	IN_FOLDER("qemu-img create -q -f vmdk -o %s a.vmdk 65M && "
		  "qemu-io -f vmdk -c 'write 0 64K' a.vmdk",
		  options);
	load("a.vmdk");
}

TEST(tables, a_vmdk_grain_of_zeros_claims_nothing)
{
	load_vmdk("zeroed_grain=on");
	store_le32(vmdk_entry(7), 1);
	store_le32(vmdk_entry(8), 1);
	memory_assert_good(memory);
}

/* Where the header does not say so, 1 is the sector with the descriptor. */
TEST(tables, an_entry_of_one_is_a_place_in_a_vmdk_without_grains_of_zeros)
{
	load_vmdk("zeroed_grain=off");
	store_le32(vmdk_entry(7), 1);
	assert_corrupt("grain 7 at byte 512 overlaps the header at byte 0");
}

TEST(tables, vmdk_entries_that_the_disk_does_not_need_claim_nothing)
{
	load_vmdk("zeroed_grain=off");
	store_le32(vmdk_entry(1040), load_le32(vmdk_entry(0)));
	memory_assert_good(memory);
	store_le32(vmdk_entry(1039), load_le32(vmdk_entry(0)));
	assert_corrupt("grain 1039 at byte ");
}

/* The header says whether there is one. */
TEST(tables, a_second_vmdk_directory_that_is_not_in_use_claims_nothing)
{
	load_vmdk("zeroed_grain=off");
	store_le64(memory->bytes + 48, 1);
	assert_corrupt("");
	memory->bytes[8] &= (uint8_t)~2u;
	memory_assert_good(memory);
}

/* ---- VDI ---------------------------------------------------------------------------------- */

TEST(tables, vdi_blocks_that_are_given_up_claim_nothing)
{
	uint8_t *map;

	IN_FOLDER("qemu-img create -q -f vdi a.vdi 5M && qemu-io -f vdi -c 'write 4M 64K' a.vdi");
	load("a.vdi");
	map = memory->bytes + load_le32(memory->bytes + 340);
	store_le32(map, 0xfffffffe);
	store_le32(map + 4, 0xfffffffe);
	memory_assert_good(memory);
	store_le32(map, 0);
	assert_corrupt("block 4 at byte ");
	store_le32(map, 1);
	assert_corrupt("block 0 begins at byte ");
}

/* ---- all of them -------------------------------------------------------------------------- */

TEST(tables, damage_anywhere_in_a_table_is_survived)
{
	IN_FOLDER("qemu-img create -q -f vpc -o force_size=on a.vhd 100M && "
		  "qemu-io -f vpc -c 'write 0 64K' a.vhd");
	load("a.vhd");
	memory_damage(memory, NULL, VHD_TABLE, VHD_TABLE + 512);
	teardown();
	load_vhdx();
	memory_damage(memory, NULL, VHDX_TABLE, VHDX_TABLE + 64);
	teardown();
	IN_FOLDER("qemu-img create -q -f vdi a.vdi 5M && qemu-io -f vdi -c 'write 4M 64K' a.vdi");
	load("a.vdi");
	memory_damage(memory, NULL, 512, 512 + 32);
}
