/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verification: a fixed disk passes, and each kind of tampering with it is noticed. */
#include "ntfs/volume-ntfs.h"
#include "unit/verify-fixture.h"
#include "util/bytes.h"
#include "windows/accounting.h"

#define CLUSTER 4096u
#define MEMTEST "\\Boot\\memtest.exe"

static void setup(void)
{
	sample_open_small(&sample, "stage",
			  "on system\n"
			  "file \"\\Boot\\A long name.html\" size=9000 attributes=a\n"
			  "stream \\Boot\\memtest.exe:stream size=5000\n");
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
}

/* The same with a boot volume that needs boot code. */
static void setup_boot_code(void)
{
	sample_open_small(&sample, "stage-ntldr", "partition windows boot-record=ntldr\n");
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
}

/* The same with a file system that is smaller than its partition. */
#define SMALLER (140ull << 20)

static void setup_smaller(void)
{
	sample_open_small(&sample, "stage-smaller",
			  "partition windows boot-record=ntldr volume-size=140M\n");
}

TEST_CASE(tampering_with_copies, "tampering with copies", .setup = setup, .teardown = teardown);

TEST(tampering_with_copies, an_untouched_disk_is_no_fix)
{
	overlay_reset(sample.overlay);
	assert_noticed("was not copied");
}

/* ---- tampering with copies ----------------------------------------------------------------- */

TEST(tampering_with_copies, a_changed_byte_is_noticed)
{
	write_into(MEMTEST, "", 39999, "\xA5", 1);
	assert_noticed("content differs");
}

TEST(tampering_with_copies, a_changed_byte_of_a_named_stream_is_noticed)
{
	write_into(MEMTEST, "stream", 4999, "\xA5", 1);
	assert_noticed("content differs");
}

TEST(tampering_with_copies, another_stream_is_noticed)
{
	write_into(MEMTEST, "another", 0, "x", 1);
	assert_noticed("set of streams differs");
}

TEST(tampering_with_copies, a_longer_stream_is_noticed)
{
	write_into(MEMTEST, "stream", 5000, "x", 1);
	assert_noticed("set of streams differs");
}

TEST(tampering_with_copies, a_longer_file_is_noticed)
{
	write_into(MEMTEST, "", 40000, "x", 1);
	assert_noticed("size differs");
}

TEST(tampering_with_copies, changed_attributes_are_noticed)
{
	struct volume_metadata before;
	struct volume_file *file = edit("\\bootmgr", &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_attributes(file, before.attributes & ~1u, &err));
	end_edit(file, &before);
	assert_noticed("set of attributes differs");
}

TEST(tampering_with_copies, a_folder_without_the_attributes_of_the_fix_is_noticed)
{
	struct volume_metadata before;
	struct volume_file *file = edit("\\Boot", &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_attributes(file, FILE_IS_HIDDEN | FILE_IS_SYSTEM, &err));
	end_edit(file, &before);
	assert_noticed("set of attributes differs");
}

TEST(tampering_with_copies, a_compressed_copy_is_noticed)
{
	struct volume_metadata before;
	struct volume_file *file = edit("\\bootmgr", &before);

	volume_ntfs_file(file)->inode->flags |= FILE_ATTR_COMPRESSED;
	end_edit(file, &before);
	assert_noticed("set of attributes differs");
}

TEST_LOOP(tampering_with_copies, each_of_four_changed_times_is_noticed, 0, 4)
{
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	uint64_t *const times[] = {&before.created, &before.modified, &before.changed,
				   &before.accessed};

	++*times[_i]; /* by 100 ns */
	end_edit(file, &before);
	assert_noticed("set of times differs");
}

TEST(tampering_with_copies, another_descriptor_is_noticed)
{
	struct volume_metadata before;
	struct volume_file *file, *other;
	struct bs_error err = {0};
	uint8_t *descriptor;
	size_t size;

	file = edit(MEMTEST, &before);
	other = sample_open_file(&target, BOOT_BCD_PATH);
	ASSERT_OK(volume_security(other, &descriptor, &size, &err));
	ASSERT_OK(volume_set_security(file, descriptor, size, &err));
	free(descriptor);
	volume_done_file(other);
	end_edit(file, &before);
	assert_noticed("security descriptor differs");
}

TEST(tampering_with_copies, added_extended_attributes_are_noticed)
{
	static const uint8_t attributes[] = {16,  0,   0,   0,   0, 4, 2, 0,
					     'N', 'A', 'M', 'E', 0, 1, 2, 0};
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_extended_attributes(file, attributes, sizeof(attributes), &err));
	end_edit(file, &before);
	assert_noticed("set of extended attributes differs");
}

TEST(tampering_with_copies, another_short_name_is_noticed)
{
	struct volume_metadata file, folder;
	ntfs_inode *inode, *parent;

	volume_done_file(edit("\\Boot\\A long name.html", &file));
	sample_unmount(&target);
	ck_assert_str_eq(file.short_name, "ALONGN~1.HTM");
	volume_done_file(edit("\\Boot", &folder));
	inode = ntfs_pathname_to_inode(volume_ntfs(target.volume)->ntfs, NULL,
				       "/Boot/A long name.html");
	parent = ntfs_pathname_to_inode(volume_ntfs(target.volume)->ntfs, NULL, "/Boot");
	ck_assert_int_eq(ntfs_set_ntfs_dos_name(inode, parent, "ALONGN~9.HTM", 12, 0), 0);
	end_edit(sample_open_file(&target, "\\Boot"), &folder);
	{
		struct volume_metadata renamed;

		end_edit(edit("\\Boot\\A long name.html", &renamed), &file);
	}
	assert_noticed("name or short name differs");
}

/* Changes the content of \Boot and restores the times of the folder. */
static void change_folder(const char *removed, const char *added)
{
	struct volume_metadata before;
	struct bs_error err = {0};
	uint32_t count;

	volume_done_file(edit("\\Boot", &before));
	if (removed != NULL)
		ASSERT_OK(volume_remove(target.volume, removed, &count, &err));
	if (added != NULL)
		ASSERT_OK(volume_create(target.volume, "\\Boot", added, false, &err));
	end_edit(sample_open_file(&target, "\\Boot"), &before);
}

TEST(tampering_with_copies, a_missing_file_is_noticed)
{
	change_folder(MEMTEST, NULL);
	assert_noticed("memtest.exe was not copied");
}

TEST(tampering_with_copies, a_file_too_many_is_noticed)
{
	change_folder(NULL, "extra");
	assert_noticed("5 files were planned, 6 are there");
}

TEST(tampering_with_copies, a_file_in_anothers_place_is_noticed)
{
	change_folder(MEMTEST, "memtest.exe");
	assert_noticed("memtest.exe: the copy's");
}

/* ---- tampering with what starts the disk --------------------------------------------------- */

static void write_offset(uint32_t at, uint64_t offset)
{
	uint8_t bytes[8];

	store_le64(bytes, offset);
	write_into(BOOT_BCD_PATH, "", at, bytes, sizeof(bytes));
}

TEST_CASE(tampering_with_the_start, "tampering with the start", .setup = setup,
	  .teardown = teardown);

TEST(tampering_with_the_start, an_element_that_was_not_retargeted_is_noticed)
{
	write_offset(plan->elements[1].offset, SAMPLE_SYSTEM_START);
	assert_noticed("is not retargeted");
}

TEST(tampering_with_the_start, an_element_that_was_retargeted_and_should_not_is_noticed)
{
	/* The plan has one element less than the number of retargeted elements. */
	ck_assert_uint_eq(plan->element_count, 2);
	plan->element_count = 1;
	assert_noticed("BCD: the copy's content differs");
}

TEST(tampering_with_the_start, a_boot_record_with_the_wrong_place_is_noticed)
{
	sample_write(&sample, SAMPLE_BOOT_START + 0x1C, "\0\0\0\0", 4);
	assert_noticed("cannot start bootmgr");
}

/* All of it behind the first sector, that of the first one, and a sector of it. */
static const struct {
	uint64_t at;
	size_t length;
} lost[] = {{512, 7680}, {0x54, 0x1FE - 0x54}, {5 * 512, 512}};

TEST_EACH(tampering_with_the_start, a_boot_record_without_its_code_is_noticed, lost)
{
	static const uint8_t zeros[7680];

	sample_write(&sample, SAMPLE_BOOT_START + lost[_i].at, zeros, lost[_i].length);
	assert_noticed("cannot start bootmgr");
}

TEST_CASE(boot_code, "boot code", .setup = setup_boot_code, .teardown = teardown);

TEST(boot_code, replaced_boot_code_is_the_system_volumes_and_has_its_copy)
{
	uint8_t record[8192], donor[8192], backup[512];
	struct bs_error err = {0};

	assert_verified();
	ASSERT_OK(disk_read(sample.disk, SAMPLE_BOOT_START, record, sizeof(record), &err));
	ASSERT_OK(disk_read(sample.disk, SAMPLE_SYSTEM_START, donor, sizeof(donor), &err));
	ASSERT_OK(disk_read(sample.disk, SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 512, backup,
			    sizeof(backup), &err));
	ck_assert_mem_eq(record, backup, sizeof(backup));
	ck_assert_mem_eq(record, donor, 0x0B);
	ck_assert_mem_eq(record + 0x54, donor + 0x54, sizeof(record) - 0x54);
	ck_assert_uint_eq(load_le32(record + 0x1C), SAMPLE_BOOT_START / 512);
	ck_assert_uint_eq(load_le64(record + 0x28), SAMPLE_BOOT_SIZE / 512 - 1);
	sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
}

/* The copy of a replaced boot record; `last`: the partition's last sector has it too. */
static void assert_copies(bool last)
{
	uint8_t record[512], copy[512];
	struct bs_error err = {0};

	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
	assert_verified();
	ASSERT_OK(disk_read(sample.disk, SAMPLE_BOOT_START, record, sizeof(record), &err));
	ASSERT_OK(disk_read(sample.disk, SAMPLE_BOOT_START + SMALLER - 512, copy, sizeof(copy),
			    &err));
	ck_assert_mem_eq(record, copy, sizeof(copy));
	ASSERT_OK(disk_read(sample.disk, SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 512, copy,
			    sizeof(copy), &err));
	ck_assert(last == (memcmp(record, copy, sizeof(copy)) == 0));
	/* ntfsfix looks for the copy at the end of the volume that it is given. */
	sample_check_volume(&sample, SAMPLE_BOOT_START, SMALLER);
	if (last)
		sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
}

TEST_CASE(smaller_file_system, "smaller file system", .setup = setup_smaller, .teardown = teardown);

TEST(smaller_file_system, the_copy_is_where_the_file_system_ends)
{
	assert_copies(false);
	sample_write(&sample, SAMPLE_BOOT_START + SMALLER - 1, "\0", 1);
	assert_noticed("copy differs");
}

TEST(smaller_file_system, what_else_is_in_the_partitions_last_sector_stays)
{
	const char *mine = "something else";
	char there[16];
	struct bs_error err = {0};

	sample_write(&sample, SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 512, mine, strlen(mine));
	assert_copies(false);
	ASSERT_OK(disk_read(sample.disk, SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 512, there,
			    strlen(mine), &err));
	ck_assert_mem_eq(there, mine, strlen(mine));
}

TEST(smaller_file_system, an_older_copy_in_the_partitions_last_sector_is_replaced_too)
{
	uint8_t old[512];
	struct bs_error err = {0};

	ASSERT_OK(disk_read(sample.disk, SAMPLE_BOOT_START, old, sizeof(old), &err));
	store_le64(old + 0x28, SAMPLE_BOOT_SIZE / 512 - 1); /* the value before the volume shrank */
	sample_write(&sample, SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 512, old, sizeof(old));
	assert_copies(true);
	sample_write(&sample, SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 100, "\1", 1);
	assert_noticed("copy differs");
}

TEST(boot_code, a_boot_records_copy_that_differs_is_noticed)
{
	sample_write(&sample, SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 1, "\0", 1);
	assert_noticed("copy differs");
}

TEST(tampering_with_the_start, two_active_partitions_are_noticed)
{
	sample_write(&sample, 0x1BE, "\x80", 1);
	assert_noticed("2 partitions are active");
}

TEST(tampering_with_the_start, no_active_partition_is_noticed)
{
	sample_write(&sample, 0x1CE, "\0", 1);
	assert_noticed("no partition is active");
}

TEST(tampering_with_the_start, the_old_partition_left_active_is_noticed)
{
	sample_write(&sample, 0x1BE, "\x80", 1);
	sample_write(&sample, 0x1CE, "\0", 1);
	assert_noticed("would not start");
}

TEST(tampering_with_the_start, a_loader_that_is_gone_is_noticed)
{
	const struct bs_options options = {0};
	struct accounting without;
	struct sample_volume boot;
	struct bs_error err = {0};
	uint32_t count;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &boot);
	ASSERT_OK(volume_remove(boot.volume, "\\Windows\\System32\\winload.exe", &count, &err));
	ASSERT_OK(accounting_take(boot.volume, plan, &without, &err));
	sample_unmount(&boot);
	ck_assert_int_eq(verify_run(&sample.engine, plan, &options, without.sum, &err), -1);
	ck_assert_int_eq(err.code, BS_VERIFY);
	ck_assert_ptr_nonnull(strstr(err.message, "winload.exe on partition 2 is missing"));
}

/* ---- clusters ------------------------------------------------------------------------------ */

/* Changes the bit of a cluster of the boot volume. */
static void flip_bitmap_bit(uint64_t cluster)
{
	struct range_vector bitmap = {0};
	struct sample_volume boot;
	struct volume_file *file;
	struct bs_error err = {0};
	uint64_t at;
	uint8_t byte;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &boot);
	file = sample_open_file(&boot, "\\$Bitmap");
	ASSERT_OK(volume_locate(file, UINT64_MAX, &bitmap, &err));
	volume_done_file(file);
	sample_unmount(&boot);
	ck_assert_uint_lt(cluster / 8, bitmap.items[0].length);
	at = SAMPLE_BOOT_START + bitmap.items[0].offset + cluster / 8;
	range_vector_free(&bitmap);
	ASSERT_OK(disk_read(sample.disk, at, &byte, 1, &err));
	byte ^= (uint8_t)(1u << cluster % 8);
	sample_write(&sample, at, &byte, 1);
}

static uint64_t last_cluster_of(const char *path)
{
	struct range_vector runs = {0};
	struct sample_volume boot;
	struct volume_file *file;
	struct bs_error err = {0};
	uint64_t cluster;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &boot);
	file = sample_open_file(&boot, path);
	ASSERT_OK(volume_locate(file, UINT64_MAX, &runs, &err));
	ck_assert_uint_gt(runs.count, 0);
	cluster = (runs.items[runs.count - 1].offset + runs.items[runs.count - 1].length - 1) /
		  CLUSTER;
	range_vector_free(&runs);
	volume_done_file(file);
	sample_unmount(&boot);
	return cluster;
}

TEST_CASE(clusters_tests, "clusters", .setup = setup, .teardown = teardown);

TEST(clusters_tests, a_copys_cluster_that_is_marked_as_free_is_noticed)
{
	flip_bitmap_bit(last_cluster_of(MEMTEST));
	assert_noticed("cluster is marked as free");
}

TEST(clusters_tests, a_lost_cluster_is_noticed)
{
	flip_bitmap_bit(SAMPLE_BOOT_SIZE / CLUSTER - 3); /* the end of the volume is free */
	assert_noticed("clusters do not add up");
}

TEST(clusters_tests, a_cluster_that_two_files_hold_is_noticed)
{
	struct sample_volume boot;
	struct bs_error err = {0};
	ntfs_inode *inode;
	ntfs_attr *data;
	struct accounting accounting;

	/*
	 * The third cluster of bootmgr becomes that of memtest.exe.  The run list is restored at
	 * once.
	 */
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &boot);
	ASSERT_OK(accounting_take(boot.volume, plan, &accounting, &err));
	ck_assert_uint_eq(accounting.sum, clusters);
	inode = ntfs_pathname_to_inode(volume_ntfs(boot.volume)->ntfs, NULL, "/bootmgr");
	data = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);
	ck_assert_int_eq(ntfs_attr_map_whole_runlist(data), 0);
	data->rl[0].lcn = (LCN)(last_cluster_of(MEMTEST));
	ck_assert_int_eq(ntfs_attr_update_mapping_pairs(data, 0), 0);
	ntfs_attr_close(data);
	ck_assert_int_eq(ntfs_inode_close(inode), 0);
	ck_assert_int_eq(accounting_take(boot.volume, plan, &accounting, &err), -1);
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
	ck_assert_ptr_nonnull(strstr(err.message, "share a cluster"));
	sample_unmount(&boot);
}
