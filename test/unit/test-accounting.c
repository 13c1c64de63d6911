/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wrong accounting of free space: of clusters, file records, index blocks, or security descriptors.
 * Such a volume is refused before anything is staged, because a fix would write over the data of
 * other files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ntfs/mft-record.h"
#include "ntfs/volume-ntfs.h"
#include "support/sample.h"
#include "util/bytes.h"
#include "windows/accounting.h"
#include "windows/plan.h"
#include "windows/verify.h"

#include <ntfs-3g/bitmap.h>

#define CLUSTER 4096u
#define STREAMS 40u  /* streams of one file: their run lists do not fit into one record */
#define MANY    200u /* files in one folder: its index needs blocks of its own */
#define LOADER  "\\Windows\\System32\\winload.exe"

static struct sample sample;
static struct sample_volume boot;

static void setup(void)
{
	sample_open_small(&sample, "accounting", "on windows\nfile \\bootmgr size=9000\n");
}

static void teardown(void)
{
	sample_close(&sample);
}

static void mount_boot(enum volume_mode mode)
{
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, mode, &boot);
}

static ntfs_inode *open_inode(const char *path)
{
	ntfs_inode *inode = ntfs_pathname_to_inode(volume_ntfs(boot.volume)->ntfs, NULL, path);

	ck_assert_ptr_nonnull(inode);
	return inode;
}

/* ---- what is said of it -------------------------------------------------------------------- */

static void assert_trusted(void)
{
	struct bs_plan *plan = sample_plan(&sample);
	struct bs_error err = {0};
	uint64_t sum;

	ASSERT_OK(accounting_prove(sample.disk, plan, &sum, &err));
	bs_plan_free(plan);
}

static void assert_damaged(const char *words)
{
	struct bs_plan *plan = sample_plan(&sample);
	struct bs_error err = {0};
	uint64_t sum;

	ck_assert_int_eq(accounting_prove(sample.disk, plan, &sum, &err), -1);
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
	ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(err.message, "the Windows volume (partition 2)"));
	bs_plan_free(plan);
}

/* Checks that a fix succeeds and that its result passes the verification. */
static void assert_fixed(void)
{
	const struct bs_options options = {0};
	struct bs_plan *plan = sample_plan(&sample);
	struct bs_error err = {0};
	uint64_t clusters = sample_stage(&sample, plan);

	ASSERT_OK(verify_run(&sample.engine, plan, &options, clusters, &err));
	bs_plan_free(plan);
}

TEST_CASE(accounting, "accounting", .setup = setup, .teardown = teardown);

TEST(accounting, a_sound_volume_is_trusted)
{
	assert_fixed();
}

/* ---- clusters ------------------------------------------------------------------------------ */

/* The last cluster of a stream. */
static uint64_t last_cluster_of(const char *path, ntfschar *stream, u32 length)
{
	ntfs_inode *inode;
	ntfs_attr *data;
	uint64_t cluster = 0;

	mount_boot(VOLUME_READ);
	inode = open_inode(path);
	data = ntfs_attr_open(inode, AT_DATA, stream, length);
	ck_assert_ptr_nonnull(data);
	ck_assert_int_eq(ntfs_attr_map_whole_runlist(data), 0);
	for (const runlist *run = data->rl; run->length != 0; run++)
		cluster = (uint64_t)(run->lcn + run->length - 1);
	ntfs_attr_close(data);
	ntfs_inode_close(inode);
	sample_unmount(&boot);
	ck_assert_uint_ne(cluster, 0);
	return cluster;
}

/* Changes a bit of the unnamed bitmap of a metadata file. */
static void change_bit(const char *path, ATTR_TYPES type, uint64_t bit, bool set)
{
	ntfs_inode *inode;
	ntfs_attr *bitmap;
	uint8_t byte;

	mount_boot(VOLUME_WRITE);
	inode = open_inode(path);
	bitmap = ntfs_attr_open(inode, type, AT_UNNAMED, 0);
	ck_assert_ptr_nonnull(bitmap);
	ck_assert_int_eq(ntfs_attr_pread(bitmap, (s64)bit / 8, 1, &byte), 1);
	ck_assert_int_eq((byte >> bit % 8 & 1) != 0, !set);
	byte ^= (uint8_t)(1u << bit % 8);
	ck_assert_int_eq(ntfs_attr_pwrite(bitmap, (s64)bit / 8, 1, &byte), 1);
	ntfs_attr_close(bitmap);
	ck_assert_int_eq(ntfs_inode_close(inode), 0);
	sample_unmount(&boot);
}

static void free_cluster(uint64_t cluster)
{
	change_bit("/$Bitmap", AT_DATA, cluster, false);
}

TEST(accounting, a_files_cluster_that_is_called_free_is_noticed)
{
	uint64_t cluster = last_cluster_of("/Windows/System32/winload.exe", AT_UNNAMED, 0);
	char words[80];

	free_cluster(cluster);
	snprintf(words, sizeof(words), "has cluster %llu, which the volume's bitmap calls free",
		 (unsigned long long)cluster);
	assert_damaged(words);
	assert_damaged("winload.exe (file record ");
}

static const char *const metadata[] = {"/$MFTMirr", "/$LogFile", "/$AttrDef",
				       "/$Bitmap",  "/$Boot",    "/$UpCase"};

TEST_EACH(accounting, a_cluster_of_metadata_that_is_called_free_is_noticed, metadata)
{
	free_cluster(last_cluster_of(metadata[_i], AT_UNNAMED, 0));
	assert_damaged(metadata[_i] + 1);
}

/* Gives the loader so many streams that most of them are in extension records. */
static void spread(void)
{
	static const uint8_t content[CLUSTER];
	struct volume_file *file;
	struct bs_error err = {0};
	char name[32];

	mount_boot(VOLUME_WRITE);
	file = sample_open_file(&boot, LOADER);
	for (unsigned i = 0; i < STREAMS; i++) {
		snprintf(name, sizeof(name), "s%02u", i);
		ASSERT_OK(volume_write(file, name, 0, content, sizeof(content), &err));
	}
	ck_assert_int_ge(volume_ntfs_file(file)->inode->nr_extents, 1);
	sample_close_file(file);
	sample_unmount(&boot);
}

TEST(accounting, a_cluster_in_an_extension_record_is_seen)
{
	ntfschar last[] = {const_cpu_to_le16('s'), const_cpu_to_le16('3'), const_cpu_to_le16('9')};

	spread();
	assert_fixed();
	overlay_reset(sample.overlay);
	spread();
	free_cluster(last_cluster_of("/Windows/System32/winload.exe", last, 3));
	assert_damaged("which the volume's bitmap calls free");
}

/* The loader's first cluster becomes that of the file that a fix replaces, and marked as it is. */
TEST(accounting, a_file_that_gives_way_and_shares_a_cluster_is_noticed)
{
	uint64_t shared = last_cluster_of("/bootmgr", AT_UNNAMED, 0);
	ntfs_inode *inode;
	ntfs_attr *data;
	char words[80];

	mount_boot(VOLUME_WRITE);
	inode = open_inode("/Windows/System32/winload.exe");
	data = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);
	ck_assert_int_eq(ntfs_attr_map_whole_runlist(data), 0);
	data->rl[0].lcn = (LCN)shared - 1;
	ck_assert_int_eq(ntfs_attr_update_mapping_pairs(data, 0), 0);
	ntfs_attr_close(data);
	ck_assert_int_eq(ntfs_inode_close(inode), 0);
	for (uint64_t i = shared + 1; i < shared + 15; i++)
		(void)ntfs_bitmap_set_run(volume_ntfs(boot.volume)->ntfs->lcnbmp_na, (s64)i, 1);
	sample_unmount(&boot);
	snprintf(words, sizeof(words), "has cluster %llu, which also belongs to",
		 (unsigned long long)shared - 1);
	assert_damaged(words);
}

/*
 * Zero bits after the last cluster's bit do not stand for clusters, so no such cluster may be
 * taken.
 */
TEST(accounting, bits_behind_the_last_cluster_are_of_no_effect)
{
	uint64_t clusters, bits;

	mount_boot(VOLUME_READ);
	clusters = (uint64_t)volume_ntfs(boot.volume)->ntfs->nr_clusters;
	bits = (uint64_t)volume_ntfs(boot.volume)->ntfs->lcnbmp_na->data_size * 8;
	sample_unmount(&boot);
	ck_assert_uint_lt(clusters, bits);
	for (; clusters < bits; clusters++)
		free_cluster(clusters);
	assert_fixed();
}

/* ---- file records -------------------------------------------------------------------------- */

static uint64_t record_of(const char *path)
{
	ntfs_inode *inode;
	uint64_t number;

	mount_boot(VOLUME_READ);
	inode = open_inode(path);
	number = inode->mft_no;
	ntfs_inode_close(inode);
	sample_unmount(&boot);
	return number;
}

/* Writes a byte of a record on the disk, without fix-ups.  Returns the previous byte. */
static uint8_t patch_record(uint64_t number, size_t at, uint8_t byte)
{
	uint8_t before;

	mount_boot(VOLUME_WRITE);
	volume_ntfs(boot.volume)->device.reads_content = true;
	ck_assert_int_eq(ntfs_attr_pread(volume_ntfs(boot.volume)->ntfs->mft_na,
					 (s64)(number * 1024 + at), 1, &before),
			 1);
	ck_assert_int_eq(ntfs_attr_pwrite(volume_ntfs(boot.volume)->ntfs->mft_na,
					  (s64)(number * 1024 + at), 1, &byte),
			 1);
	sample_unmount(&boot);
	return before;
}

static void make_file(const char *name)
{
	struct bs_error err = {0};

	mount_boot(VOLUME_WRITE);
	ASSERT_OK(volume_create(boot.volume, "\\", name, false, &err));
	sample_unmount(&boot);
}

/* The library checks the record itself before it takes the record.  A record in use stays. */
TEST(accounting, a_record_in_use_that_is_called_free_is_not_taken)
{
	uint64_t number;

	make_file("mine");
	number = record_of("/mine");
	change_bit("/$MFT", AT_BITMAP, number, false);
	assert_fixed();
	ck_assert_uint_eq(record_of("/mine"), number);
}

/* If the record is half written, the library does not notice that the record is in use. */
TEST(accounting, a_half_written_record_is_noticed)
{
	uint64_t number;
	char words[80];

	make_file("mine");
	number = record_of("/mine");
	patch_record(number, 1023, 0xEE);
	change_bit("/$MFT", AT_BITMAP, number, false);
	snprintf(words, sizeof(words), "file record %llu is damaged: only a part of it was written",
		 (unsigned long long)number);
	assert_damaged(words);
}

TEST(accounting, a_record_in_use_that_is_none_is_noticed)
{
	uint64_t number;

	make_file("mine");
	number = record_of("/mine");
	patch_record(number, 0, 'f');
	assert_damaged("is marked as used and cannot be read");
	patch_record(number, 0, 'F');
	assert_trusted();
}

/* NTFS marks the records up to 23 as used before they hold anything. */
TEST(accounting, a_reserved_record_may_be_none)
{
	patch_record(20, 0, 'f');
	change_bit("/$MFT", AT_BITMAP, 20, true);
	assert_trusted();
	assert_fixed();
}

/*
 * The bitmap calls the extension record free, so a fix would take its clusters and the record
 * itself.
 */
TEST(accounting, an_attribute_list_that_leads_to_a_free_record_is_noticed)
{
	ntfs_inode *inode;
	uint64_t number;

	spread();
	mount_boot(VOLUME_READ);
	inode = open_inode("/Windows/System32/winload.exe");
	ck_assert_int_eq(ntfs_inode_attach_all_extents(inode), 0);
	ck_assert_int_ge(inode->nr_extents, 1);
	number = inode->extent_nis[0]->mft_no;
	ntfs_inode_close(inode);
	sample_unmount(&boot);
	ck_assert_uint_eq(patch_record(number, 22, 0), 1);
	{
		/* The survey does not notice this, because it does not read the streams. */
		char words[80];

		snprintf(words, sizeof(words), "file record %llu is not in use",
			 (unsigned long long)number);
		assert_damaged(words);
	}
}

/* ---- indexes ------------------------------------------------------------------------------- */

static void make_many(void)
{
	struct bs_error err = {0};
	char name[80];

	mount_boot(VOLUME_WRITE);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "a file with quite a long name, number %u", i);
		ASSERT_OK(volume_create(boot.volume, "\\", name, false, &err));
	}
	sample_unmount(&boot);
}

TEST(accounting, an_index_block_that_is_called_free_is_noticed)
{
	ntfs_inode *root;
	ntfs_attr *bitmap;
	uint8_t bits;

	make_many();
	assert_fixed();
	overlay_reset(sample.overlay);
	make_many();
	mount_boot(VOLUME_WRITE);
	root = ntfs_inode_open(volume_ntfs(boot.volume)->ntfs, FILE_root);
	bitmap = ntfs_attr_open(root, AT_BITMAP, NTFS_INDEX_I30, 4);
	ck_assert_int_eq(ntfs_attr_pread(bitmap, 0, 1, &bits), 1);
	ck_assert_uint_eq(bits & 3, 3);
	bits &= (uint8_t)~2u;
	ck_assert_int_eq(ntfs_attr_pwrite(bitmap, 0, 1, &bits), 1);
	ntfs_attr_close(bitmap);
	ck_assert_int_eq(ntfs_inode_close(root), 0);
	sample_unmount(&boot);
	assert_damaged(
		"the index $I30 of the root folder is damaged: a block that holds entries is "
		"marked as free");
}

/* $Secure's indexes: by numbers, and by hashes. */
static ntfschar sii[] = {const_cpu_to_le16('$'), const_cpu_to_le16('S'), const_cpu_to_le16('I'),
			 const_cpu_to_le16('I')};
static ntfschar sdh[] = {const_cpu_to_le16('$'), const_cpu_to_le16('S'), const_cpu_to_le16('D'),
			 const_cpu_to_le16('H')};

/* Changes a byte of the value of the last entry in one of $Secure's indexes. */
static void patch_last_descriptor(ntfschar *index, size_t at, uint8_t byte)
{
	ntfs_attr *blocks;
	uint8_t block[4096];
	size_t offset, last = 0;

	mount_boot(VOLUME_WRITE);
	blocks = ntfs_attr_open(volume_ntfs(boot.volume)->ntfs->secure_ni, AT_INDEX_ALLOCATION,
				index, 4);
	ck_assert_ptr_nonnull(blocks);
	ck_assert_int_eq(ntfs_attr_pread(blocks, 0, sizeof(block), block), sizeof(block));
	offset = 24 + load_le32(block + 24);
	while (!(load_le16(block + offset + 12) & 2)) {
		last = offset;
		offset += load_le16(block + offset + 8);
	}
	ck_assert_uint_ne(last, 0);
	ck_assert_uint_lt((last + at) % 512, 510); /* the byte is not a fix-up */
	ck_assert_int_eq(ntfs_attr_pwrite(blocks, (s64)(last + at), 1, &byte), 1);
	ntfs_attr_close(blocks);
	sample_unmount(&boot);
}

static void make_descriptors(void)
{
	struct bs_error err = {0};
	uint8_t *descriptor;
	size_t size;
	struct volume_file *file;

	mount_boot(VOLUME_WRITE);
	for (unsigned i = 0; i < 8; i++) {
		file = sample_open_file(&boot, LOADER);
		ASSERT_OK(volume_security(file, &descriptor, &size, &err));
		descriptor[size - 4] = (uint8_t)(descriptor[size - 4] + 1); /* another user */
		ASSERT_OK(volume_set_security(file, descriptor, size, &err));
		free(descriptor);
		sample_close_file(file);
	}
	sample_unmount(&boot);
}

/* The next descriptor would be written over other descriptors. */
TEST(accounting, a_descriptor_that_does_not_lie_behind_the_others_is_noticed)
{
	make_descriptors();
	assert_trusted();
	patch_last_descriptor(sii, 28, 0);
	patch_last_descriptor(sii, 29, 0);
	assert_damaged("$Secure is damaged");
}

TEST(accounting, a_descriptor_of_two_numbers_is_noticed)
{
	make_descriptors();
	patch_last_descriptor(sii, 24, 0xEE);
	assert_damaged("$Secure is damaged");
}

/* The library may crash after a damaged entry of the index by hashes, too. */
TEST(accounting, a_descriptor_of_two_hashes_is_noticed)
{
	make_descriptors();
	patch_last_descriptor(sdh, 24, 0xEE);
	assert_damaged("$Secure is damaged");
}

/* The next descriptor would get a number that a file uses already. */
TEST(accounting, a_file_with_a_descriptor_that_nobody_knows_is_noticed)
{
	ntfs_attr_search_ctx *search;
	ntfs_inode *inode;

	mount_boot(VOLUME_WRITE);
	inode = open_inode("/Windows");
	search = ntfs_attr_get_search_ctx(inode, NULL);
	ck_assert_int_eq(ntfs_attr_lookup(AT_STANDARD_INFORMATION, AT_UNNAMED, 0, CASE_SENSITIVE, 0,
					  NULL, 0, search),
			 0);
	store_le32((uint8_t *)search->attr + le16_to_cpu(search->attr->value_offset) + 52, 0x4711);
	ntfs_inode_mark_dirty(search->ntfs_ino);
	inode->security_id = cpu_to_le32(0x4711);
	ntfs_attr_put_search_ctx(search);
	ck_assert_int_eq(ntfs_inode_close(inode), 0);
	sample_unmount(&boot);
	assert_damaged("a file has security descriptor 18193, which $Secure does not know");
}
