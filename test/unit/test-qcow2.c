/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of qcow2 images, written out and as qemu-img makes it. */
#include "format/qcow2.h"
#include "unit/container-file.h"
#include "util/bytes.h"

#define FILE_SIZE 262144u

/* Version 3, clusters of 64 KiB, a disk of 1 MiB; the field names of qcow2.txt. */
static const uint8_t good[512] = {
	[0] = 'Q', 'F', 'I', 0xfb,                /* magic */
	[4] = 0,   0,   0,   3,                   /* version */
	[20] = 0,  0,   0,   16,                  /* cluster_bits */
	[24] = 0,  0,   0,   0,    0, 0x10, 0, 0, /* size */
	[36] = 0,  0,   0,   1,                   /* l1_size */
	[40] = 0,  0,   0,   0,    0, 3,    0, 0, /* l1_table_offset */
	[48] = 0,  0,   0,   0,    0, 1,    0, 0, /* refcount_table_offset */
	[56] = 0,  0,   0,   1,                   /* refcount_table_clusters */
	[96] = 0,  0,   0,   4,                   /* refcount_order */
	[100] = 0, 0,   0,   112,                 /* header_length */
};

static uint8_t bytes[512];

static void setup(void)
{
	memcpy(bytes, good, sizeof(bytes));
}

static void assert_good(uint64_t size)
{
	struct bs_error err = {0};
	uint64_t found = 0;

	ck_assert_msg(qcow2_decode(bytes, sizeof(bytes), FILE_SIZE, &found, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(found, size);
}

static void assert_bad(enum bs_code code, const char *part)
{
	struct bs_error err = {0};
	uint64_t found;

	ck_assert_int_eq(qcow2_decode(bytes, sizeof(bytes), FILE_SIZE, &found, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

TEST_CASE(qcow2, "qcow2", .setup = setup);
TEST_CASE(damage, "damage", .setup = setup, .tags = "slow damage");

TEST(qcow2, a_header_gives_the_size_of_the_disk)
{
	assert_good(1 << 20);
	bytes[7] = 2;
	memset(bytes + 72, 0xee, 32); /* not of version 2 */
	assert_good(1 << 20);
}

TEST(qcow2, another_version_is_not_supported)
{
	bytes[7] = 1;
	assert_bad(BS_FORMAT_UNSUPPORTED, "version 1");
	bytes[7] = 4;
	assert_bad(BS_FORMAT_UNREADABLE, "version 4");
}

TEST(qcow2, a_backing_file_is_named)
{
	bytes[15] = 200;
	bytes[19] = 9;
	memcpy(bytes + 200, "base.imgX", 9);
	assert_bad(BS_CONTAINER_DIFFERENCING, "base.imgX");
	bytes[14] = 0xff; /* beyond what is there */
	assert_bad(BS_CONTAINER_DIFFERENCING, "another file");
}

TEST(qcow2, a_data_file_is_named)
{
	bytes[79] = 4;
	assert_bad(BS_CONTAINER_SPLIT, "another file");
	memcpy(bytes + 112, "\x68\x03\xf8\x57\0\0\0\3xyz\0\0\0\0\0", 16);
	memcpy(bytes + 128, "DATA\0\0\0\7img.raw", 15);
	assert_bad(BS_CONTAINER_SPLIT, "img.raw");
	memset(bytes + 116, 0xff, 4); /* an extension without an end */
	assert_bad(BS_CONTAINER_SPLIT, "another file");
}

TEST(qcow2, encryption_is_refused)
{
	bytes[35] = 1; /* AES */
	assert_bad(BS_CONTAINER_ENCRYPTED, "encrypted");
	bytes[35] = 2; /* LUKS */
	assert_bad(BS_CONTAINER_ENCRYPTED, "encrypted");
}

TEST(qcow2, features_that_the_driver_deals_with_pass_and_others_do_not)
{
	bytes[79] = 0x01; /* dirty */
	assert_good(1 << 20);
	bytes[79] = 0x08; /* compression type */
	assert_good(1 << 20);
	bytes[79] = 0x10; /* extended L2 */
	assert_good(1 << 20);
	bytes[79] = 0x02;
	assert_bad(BS_CONTAINER_CORRUPT, "marked corrupt");
	bytes[79] = 0x20;
	assert_bad(BS_FORMAT_UNREADABLE, "0x20");
	bytes[79] = 0;
	bytes[72] = 0x80;
	assert_bad(BS_FORMAT_UNREADABLE, "0x8000000000000000");
}

TEST(qcow2, numbers_that_cannot_be_are_corruption)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *part;
	} changes[] = {
		{23, 8, "clusters"},     {23, 22, "clusters"},     {20, 1, "clusters"},
		{103, 96, "own length"}, {103, 113, "own length"}, {101, 2, "own length"},
		{29, 0, "disk size"},    {24, 0x80, "disk size"},  {26, 1, "table"},
		{39, 0, "table"},        {36, 0xff, "table"},      {47, 1, "table"},
		{45, 0, "table"},        {40, 0xff, "table"},      {53, 0, "table"},
		{59, 0, "table"},        {56, 0xff, "table"},      {48, 0xff, "table"},
		{99, 7, "counts"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		setup();
		bytes[changes[i].at] = changes[i].value;
		assert_bad(BS_CONTAINER_CORRUPT, changes[i].part);
	}
}

TEST(qcow2, a_disk_is_whole_sectors)
{
	bytes[31] = 1;
	assert_bad(BS_NOT_AN_IMAGE, "512");
}

TEST(qcow2, a_header_that_is_cut_short_is_corruption)
{
	struct bs_error err;
	uint64_t size;

	FOR_EACH_LENGTH(good, 104u, exact, length, {
		int result = qcow2_decode(exact, length, FILE_SIZE, &size, &err);

		ck_assert_int_eq(result, length < 104 ? -1 : 0);
		if (length < 104)
			ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	})
}

TEST(qcow2, what_qemu_makes_is_described)
{
	static const char *const options[] = {
		"compat=0.10",
		"compat=1.1",
		"cluster_size=512",
		"cluster_size=2M",
		"cluster_size=2M,extended_l2=on",
		"cluster_size=16K,extended_l2=on",
		"compression_type=zstd",
		"lazy_refcounts=on",
		"refcount_bits=1",
		"refcount_bits=64",
		"preallocation=metadata",
		"preallocation=falloc",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		IN_FOLDER("qemu-img create -q -f qcow2 -o %s a.qcow2 100M", options[i]);
		container_assert("a.qcow2", "qcow2", FORMAT_CAPTURED, 100 << 20);
	}
	IN_FOLDER("qemu-img create -q -f qcow2 a.qcow2 2T");
	container_assert("a.qcow2", "qcow2", FORMAT_CAPTURED, 2ull << 40);
	IN_FOLDER("qemu-img snapshot -c one a.qcow2");
	container_assert("a.qcow2", "qcow2", FORMAT_CAPTURED, 2ull << 40);
	IN_FOLDER("qemu-img bitmap --add a.qcow2 changes");
	container_assert("a.qcow2", "qcow2", FORMAT_CAPTURED, 2ull << 40);
	IN_FOLDER("head -c 1M /dev/urandom >a.img && qemu-img convert -c -O qcow2 a.img a.qcow2");
	container_assert("a.qcow2", "qcow2", FORMAT_CAPTURED, 1 << 20);
}

/* ---- what is missing ---------------------------------------------------------------------- */

/* Makes a.qcow2 of a disk with text at its start and its end, which can be compressed a little. */
static void make_filled(const char *options, const char *of_convert)
{
	IN_FOLDER("head -c 240K /dev/urandom | base64 -w 0 >text && cp text a.img && "
		  "truncate -s 3M a.img && cat text >>a.img && "
		  "qemu-img convert %s -f raw -O qcow2 -o %s a.img a.qcow2",
		  of_convert, options);
}

TEST(damage, whatever_is_cut_off_is_missed)
{
	static const struct {
		const char *options, *of_convert;
		uint64_t cluster;
	} kinds[] = {
		{"compat=1.1", "", 65536},
		{"compat=0.10", "", 65536},
		{"cluster_size=512", "", 512},
		{"cluster_size=2M", "", 2 << 20},
		{"cluster_size=16K,extended_l2=on", "", 16384},
		{"refcount_bits=1", "", 65536},
		{"cluster_size=512,refcount_bits=2", "", 512},
		{"cluster_size=512,refcount_bits=64", "", 512},
		{"lazy_refcounts=on", "", 65536},
		{"preallocation=metadata", "", 65536},
		{"preallocation=full", "", 65536},
		{"cluster_size=4K", "-c", 4096},
		{"compression_type=zstd,cluster_size=4K", "-c", 4096},
	};
	struct memory_disk *memory;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		make_filled(kinds[i].options, kinds[i].of_convert);
		memory = container_load("a.qcow2");
		memory_assert_cuts_refused(memory, kinds[i].cluster, 512 * 11);
		disk_close(&memory->disk);
	}
}

/* Its L1 and L2 tables take the place of clusters that were given up before. */
TEST(qcow2, a_cut_that_takes_only_data_of_a_snapshot_is_missed)
{
	struct memory_disk *memory;

	make_filled("compat=1.1", "");
	IN_FOLDER("qemu-io -f qcow2 -c 'discard 0 64K' -c 'discard 128K 64K' -c 'discard 256K 64K' "
		  "-c 'discard 3M 64K' -c 'discard 3200K 64K' -c 'discard 3328K 64K' a.qcow2");
	IN_FOLDER("qemu-img snapshot -c one a.qcow2 && "
		  "qemu-io -f qcow2 -c 'write -P 7 1M 1M' a.qcow2 && "
		  "qemu-img snapshot -c two a.qcow2 && "
		  "qemu-io -f qcow2 -c 'discard 1M 1M' a.qcow2");
	memory = container_load("a.qcow2");
	memory_assert_good(memory);
	memory->disk.size -= 65536;
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, "the file is cut short");
	memset(memory->bytes + 60, 0, 4); /* without the snapshots, nothing is missing */
	memory_assert_good(memory);
	disk_close(&memory->disk);
}

TEST(qcow2, a_cut_that_takes_the_table_of_the_snapshots_is_missed)
{
	struct memory_disk *memory;

	make_filled("compat=1.1", "");
	IN_FOLDER("qemu-img snapshot -c one a.qcow2");
	memory = container_load("a.qcow2");
	memory_assert_cuts_refused(memory, 65536, 65536);
	disk_close(&memory->disk);
}

/* Four clusters are counted in a byte: some behind the end, and some before it. */
TEST(qcow2, counts_of_a_few_bits_are_understood)
{
	make_filled("refcount_bits=2", "");
	IN_FOLDER("qemu-img snapshot -c one a.qcow2");
	for (int i = 0; i < 4; i++) {
		container_assert("a.qcow2", "qcow2", FORMAT_CAPTURED, (3 << 20) + (320 << 10));
		IN_FOLDER("truncate -s +64K a.qcow2");
	}
}

TEST(qcow2, counts_beyond_the_end_are_missed)
{
	struct memory_disk *memory;

	make_filled("cluster_size=512", "");
	memory = container_load("a.qcow2");
	/* The first entry of the table leads to the counts of the first clusters. */
	store_le64(memory->bytes + load_be64(memory->bytes + 48),
		   __builtin_bswap64((memory->disk.size + 511) / 512 * 512));
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, "a table is at");
	disk_close(&memory->disk);
}

/* Its user was killed, and left the counting of what it wrote last to the next one. */
TEST(qcow2, what_is_not_counted_yet_is_missed)
{
	struct memory_disk *memory;

	make_filled("lazy_refcounts=on", "");
	free(image_run(134,
		       "cd %s && ulimit -c 0; "
		       "qemu-io -f qcow2 -c 'write -P 7 1M 256K' -c abort a.qcow2",
		       images_folder()));
	memory = container_load("a.qcow2");
	ck_assert_uint_eq(memory->bytes[79] & 1, 1);
	memory_assert_cuts_refused(memory, 65536, 65536);
	disk_close(&memory->disk);
}

/* A program that was killed can leave them; they are counted, but nothing refers to them. */
TEST(qcow2, lost_clusters_beyond_the_end_are_not_missed)
{
	static const struct {
		const char *options, *of_convert;
	} kinds[] = {
		{"compat=1.1", ""},
		{"extended_l2=on", ""},
		{"compat=1.1", "-c"},
	};
	struct memory_disk *memory;
	uint64_t block;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		make_filled(kinds[i].options, kinds[i].of_convert);
		memory = container_load("a.qcow2");
		block = load_be64(memory->bytes + load_be64(memory->bytes + 48));
		memory->bytes[block + 2 * (memory->disk.size / 65536 + 5) + 1] = 1;
		memory_assert_good(memory);
		disk_close(&memory->disk);
	}
}

static struct memory_disk *load_with_many_l1_entries(void)
{
	struct memory_disk *memory;

	IN_FOLDER("qemu-img create -q -f qcow2 -o cluster_size=512,lazy_refcounts=on a.qcow2 100M");
	IN_FOLDER("qemu-io -f qcow2 -c 'write 0 64K' a.qcow2 && truncate -s +8K a.qcow2");
	memory = container_load("a.qcow2");
	memory->bytes[79] |= 1; /* dirty */
	memory_assert_good(memory);
	return memory;
}

TEST(qcow2, a_table_is_gone_through_once_however_many_entries_lead_to_it)
{
	struct memory_disk *memory = load_with_many_l1_entries();
	uint64_t l1 = load_be64(memory->bytes + 40);

	for (size_t i = 8; i < 3200 * 8; i += 8)
		memcpy(memory->bytes + l1 + i, memory->bytes + l1, 8);
	memory->reads = 0;
	memory_assert_good(memory);
	ck_assert_uint_lt(memory->reads, 100);
	disk_close(&memory->disk);
}

TEST(qcow2, snapshots_that_share_an_l1_table_are_corruption)
{
	struct memory_disk *memory = load_with_many_l1_entries();
	uint64_t at = memory->disk.size - 8192;

	for (size_t i = 0; i < 100; i++) {
		store_le64(memory->bytes + at + i * 40, __builtin_bswap64(at + 4096));
		store_be32(memory->bytes + at + i * 40 + 8, 512); /* entries, all of them zeros */
	}
	memory->bytes[63] = 100;
	store_le64(memory->bytes + 64, __builtin_bswap64(at));
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, "more tables");
	disk_close(&memory->disk);
}

TEST(damage, damage_anywhere_in_the_tables_is_survived)
{
	struct memory_disk *memory;

	IN_FOLDER("qemu-img create -q -f qcow2 -o cluster_size=512,refcount_bits=2 a.qcow2 64K");
	IN_FOLDER("qemu-io -f qcow2 -c 'write 0 2K' a.qcow2");
	IN_FOLDER("qemu-img snapshot -c one a.qcow2");
	memory = container_load("a.qcow2");
	memory_damage(memory, "qcow2", 512, memory->disk.size);
	memory->bytes[79] |= 1; /* dirty */
	memory_damage(memory, "qcow2", 512, memory->disk.size);
	disk_close(&memory->disk);
}

TEST(qcow2, what_qemu_makes_of_several_files_is_refused)
{
	IN_FOLDER("qemu-img create -q -f qcow2 base.qcow2 100M");
	IN_FOLDER("qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2");
	container_assert_refused("top.qcow2", BS_CONTAINER_DIFFERENCING, "base.qcow2");
	IN_FOLDER("qemu-img create -q -f qcow2 -o data_file=data.img a.qcow2 100M");
	container_assert_refused("a.qcow2", BS_CONTAINER_SPLIT, "data.img");
}

TEST(qcow2, what_qemu_encrypts_is_refused)
{
	IN_FOLDER("qemu-img create -q -f qcow2 --object secret,id=s,data=secret "
		  "-o encrypt.key-secret=s,encrypt.format=aes a.qcow2 1M");
	container_assert_refused("a.qcow2", BS_CONTAINER_ENCRYPTED, "encrypted");
}

TEST(qcow2, damage_anywhere_in_a_header_is_survived)
{
	struct memory_disk *memory;

	IN_FOLDER("qemu-img create -q -f qcow2 base.qcow2 1M");
	IN_FOLDER("qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2");
	memory = container_load("top.qcow2");
	memory_damage(memory, "qcow2", 0, 600);
	memory_damage(memory, NULL, 0, 600);
	disk_close(&memory->disk);
}
