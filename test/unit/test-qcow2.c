/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of qcow2 images: its exact bytes, and headers that qemu-img makes. */
#include "format/qcow2.h"
#include "qemu/qemu-driver.h"
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
	struct format found = {0};
	struct bs_error err = {0};

	ck_assert_msg(qcow2_decode(bytes, sizeof(bytes), FILE_SIZE, &found, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(found.disk_size, size);
}

static void assert_bad(enum bs_code code, const char *part)
{
	struct format found = {0};
	struct bs_error err = {0};

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
	memset(bytes + 72, 0xee, 32); /* version 2 does not have these */
	assert_good(1 << 20);
}

TEST(qcow2, another_version_is_not_supported)
{
	bytes[7] = 1;
	assert_bad(BS_FORMAT_UNSUPPORTED, "version 1");
	bytes[7] = 4;
	assert_bad(BS_FORMAT_UNREADABLE, "version 4");
}

static void assert_backing_file(const char *path, const char *driver)
{
	struct format found = {0};
	struct bs_error err = {0};

	ck_assert_msg(qcow2_decode(bytes, sizeof(bytes), FILE_SIZE, &found, &err) == 0, "%s",
		      err.message);
	ck_assert_str_eq(found.parent.path, path);
	ck_assert_str_eq(found.parent.driver, driver);
	ck_assert(!found.parent.has_identifier);
}

TEST(qcow2, a_backing_file_is_named)
{
	assert_backing_file("", "");
	bytes[15] = 200;
	bytes[19] = 8;
	memcpy(bytes + 200, "base.imgX", 9);
	assert_backing_file("base.img", "");
	memcpy(bytes + 112, "\xe2\x79\x2a\xca\0\0\0\5qcow2\0\0\0", 16);
	assert_backing_file("base.img", "qcow2");
	bytes[119] = 16; /* a name that no driver has */
	assert_bad(BS_CONTAINER_CORRUPT, "format of its backing file");
	bytes[14] = 0xff; /* after the end of the bytes */
	assert_bad(BS_CONTAINER_CORRUPT, "its name is damaged");
	bytes[14] = 0;
	bytes[19] = 0;
	assert_bad(BS_CONTAINER_CORRUPT, "its name is damaged");
}

TEST(qcow2, a_format_of_the_backing_file_beyond_the_bytes_is_corruption)
{
	struct format found = {0};
	struct bs_error err = {0};

	bytes[15] = 120;
	bytes[19] = 4;
	memcpy(bytes + 112, "\xe2\x79\x2a\xca\0\0\0\5base", 12);
	ck_assert_int_eq(qcow2_decode(bytes, 125, FILE_SIZE, &found, &err), 0);
	ck_assert_int_eq(qcow2_decode(bytes, 124, FILE_SIZE, &found, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
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
	bytes[79] = 0x08; /* compression type */
	assert_good(1 << 20);
	bytes[79] = 0x10; /* extended L2 */
	assert_good(1 << 20);
	bytes[79] = 0x02;
	assert_bad(BS_CONTAINER_CORRUPT, "marked corrupt");
	bytes[79] = 0x01;
	assert_bad(BS_CONTAINER_UNCLEAN, "marked dirty");
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
	struct format format = {0};
	struct bs_error err;

	FOR_EACH_LENGTH(good, 104u, exact, length, {
		int result = qcow2_decode(exact, length, FILE_SIZE, &format, &err);

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
		container_assert("a.qcow2", "qcow2", FORMAT_DRIVER, 100 << 20);
	}
	IN_FOLDER("qemu-img create -q -f qcow2 a.qcow2 2T");
	container_assert("a.qcow2", "qcow2", FORMAT_DRIVER, 2ull << 40);
	IN_FOLDER("qemu-img snapshot -c one a.qcow2");
	container_assert("a.qcow2", "qcow2", FORMAT_DRIVER, 2ull << 40);
	IN_FOLDER("qemu-img bitmap --add a.qcow2 changes");
	container_assert("a.qcow2", "qcow2", FORMAT_DRIVER, 2ull << 40);
	IN_FOLDER("head -c 1M /dev/urandom >a.img && qemu-img convert -c -O qcow2 a.img a.qcow2");
	container_assert("a.qcow2", "qcow2", FORMAT_DRIVER, 1 << 20);
}

/* ---- missing clusters, and clusters at the place of others ----------------------------------- */

/* The checks that the engine makes of an image: that of this program, and that of qemu-img. */
static int judge(struct memory_disk *memory, struct bs_error *err)
{
	struct overlay *overlay;
	struct format format;
	int result;

	if (container_judge(&memory->disk, NULL, &format, err) < 0)
		return -1;
	ck_assert(format.needs_check);
	overlay = overlay_open(&memory->disk, 0, images_folder(), err);
	ck_assert_ptr_nonnull(overlay);
	result = qemu_check(&(struct qemu_image){.overlay = overlay, .driver = format.driver}, err);
	disk_close(overlay_disk(overlay));
	return result;
}

static void assert_sound(struct memory_disk *memory)
{
	struct bs_error err = {0};

	ck_assert_msg(judge(memory, &err) == 0, "%s", err.message);
}

static void assert_corrupt(struct memory_disk *memory, const char *part)
{
	struct bs_error err = {0};

	ck_assert_int_eq(judge(memory, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), "container-corrupt");
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

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
	uint64_t size;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		make_filled(kinds[i].options, kinds[i].of_convert);
		memory = container_load("a.qcow2");
		assert_sound(memory);
		size = memory->disk.size;
		memory->disk.size = size - kinds[i].cluster;
		assert_corrupt(memory, "");
		memory->disk.size = size / 2;
		assert_corrupt(memory, "");
		memory->disk.size = size;
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
	assert_sound(memory);
	memory->disk.size -= 65536;
	assert_corrupt(memory, "qemu-img finds ");
	memset(memory->bytes + 60, 0, 4); /* without the snapshots, nothing is missing */
	assert_sound(memory);
	disk_close(&memory->disk);
}

TEST(qcow2, a_cut_that_takes_the_table_of_the_snapshots_is_missed)
{
	struct memory_disk *memory;

	make_filled("compat=1.1", "");
	IN_FOLDER("qemu-img snapshot -c one a.qcow2");
	memory = container_load("a.qcow2");
	for (int i = 0; i < 3; i++) {
		memory->disk.size -= 65536;
		assert_corrupt(memory, "");
	}
	disk_close(&memory->disk);
}

#define COPIED (1ull << 63)

static uint64_t field(const struct memory_disk *memory, uint64_t offset)
{
	return load_be64(memory->bytes + offset) & ~COPIED;
}

static void put(struct memory_disk *memory, uint64_t offset, uint64_t value)
{
	store_le64(memory->bytes + offset, __builtin_bswap64(value));
}

TEST(qcow2, counts_beyond_the_end_are_missed)
{
	struct memory_disk *memory;

	make_filled("cluster_size=512", "");
	memory = container_load("a.qcow2");
	/* The first entry of the table points to the counts of the first clusters. */
	put(memory, field(memory, 48), (memory->disk.size + 511) / 512 * 512);
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, "the file is cut short: ");
	disk_close(&memory->disk);
}

TEST_LOOP(qcow2, a_random_table_of_counts_is_damage_and_not_a_file_cut_short, 0, 2)
{
	static const uint64_t entries[] = {0x9a70ab5ca2d1d000, 0x123200};
	struct memory_disk *memory;

	make_filled("cluster_size=4096", "");
	memory = container_load("a.qcow2");
	put(memory, field(memory, 48), entries[_i]);
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT,
			      "the refcount table of the qcow2 image is damaged");
	disk_close(&memory->disk);
}

/* A killed program can leave such clusters: they are counted, but nothing refers to them. */
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
		block = field(memory, field(memory, 48));
		memory->bytes[block + 2 * (memory->disk.size / 65536 + 5) + 1] = 1;
		assert_sound(memory);
		disk_close(&memory->disk);
	}
}

/* Sets the count of a cluster.  One block has all counts. */
static void set_count(struct memory_disk *memory, uint64_t cluster, unsigned bits, uint8_t count)
{
	uint64_t block = field(memory, field(memory, 48));
	uint8_t *byte = memory->bytes + block + ((cluster + 1) * bits - 1) / 8;

	if (bits >= 8) {
		*byte = count;
		return;
	}
	byte = memory->bytes + block + cluster * bits / 8;
	*byte = (uint8_t)((*byte & ~(((1u << bits) - 1) << cluster * bits % 8)) |
			  (unsigned)count << cluster * bits % 8);
}

/* The driver writes in place to the structures that these header fields point to. */
static const struct {
	size_t field; /* 0: the header itself */
	const char *what;
} in_place[] = {{0, "header"}, {40, "L1 table"}, {48, "refcount table"}};

/*
 * A cluster of data is at the same place.  If it is counted once, qemu-img finds the fault.  If it
 * is counted twice, as shared clusters are, only this program finds it.
 */
TEST_EACH(qcow2, a_cluster_lies_on_nothing_that_is_written_in_place, in_place)
{
	static const unsigned bits[] = {2, 8, 16, 64};
	struct memory_disk *memory;
	char options[64];
	uint64_t place;

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		snprintf(options, sizeof(options), "refcount_bits=%u", bits[i]);
		make_filled(options, "");
		memory = container_load("a.qcow2");
		place = in_place[_i].field != 0 ? field(memory, in_place[_i].field) : 0;
		if (place != 0) {
			put(memory, field(memory, field(memory, 40)) + 16 * 8, place);
			assert_corrupt(memory, "qemu-img finds ");
		}
		set_count(memory, place / 65536, bits[i], 2);
		assert_corrupt(memory, in_place[_i].what);
		assert_corrupt(memory, "is counted 2 times at byte ");
		set_count(memory, place / 65536, bits[i], 0);
		assert_corrupt(memory, "is counted 0 times at byte ");
		disk_close(&memory->disk);
	}
}

TEST(qcow2, a_compressed_cluster_lies_on_nothing_that_is_written_in_place)
{
	struct memory_disk *memory;
	uint64_t l1_table;

	make_filled("compat=1.1", "-c");
	memory = container_load("a.qcow2");
	l1_table = field(memory, 40);
	put(memory, field(memory, l1_table) + 16 * 8, 1ull << 62 | (l1_table + 65536 - 600));
	assert_corrupt(memory, "qemu-img finds ");
	set_count(memory, l1_table / 65536, 16, 2);
	assert_corrupt(memory, "L1 table of the qcow2 image is counted 2 times");
	disk_close(&memory->disk);
}

TEST(qcow2, nothing_lies_on_the_list_of_bitmaps_that_the_driver_uses)
{
	struct memory_disk *memory;
	uint64_t list;

	make_filled("compat=1.1", "");
	IN_FOLDER("qemu-img bitmap --add a.qcow2 changes");
	memory = container_load("a.qcow2");
	assert_sound(memory);
	ck_assert_uint_eq(load_be32(memory->bytes + 112 + 8 + 384), 0x23852875);
	list = field(memory, 112 + 8 + 384 + 8 + 16);
	set_count(memory, list / 65536, 16, 2);
	assert_corrupt(memory, "list of bitmaps of the qcow2 image is counted 2 times");
	/*
	 * A program that does not know bitmaps wrote to the image, so the driver ignores the list.
	 */
	memory->bytes[95] &= (uint8_t)~1u;
	assert_sound(memory);
	memory->bytes[95] |= 1;
	put(memory, 112 + 8 + 384 + 8 + 16, memory->disk.size);
	assert_corrupt(memory, "list of bitmaps of the qcow2 image is too long");
	put(memory, 112 + 8 + 384 + 8 + 16, list);
	put(memory, 112 + 8 + 384 + 8 + 8, UINT64_MAX);
	assert_corrupt(memory, "list of bitmaps of the qcow2 image is too long");
	disk_close(&memory->disk);
}

TEST(qcow2, a_block_of_counts_and_a_table_share_no_cluster)
{
	struct memory_disk *memory;

	make_filled("compat=1.1", "");
	memory = container_load("a.qcow2");
	put(memory, field(memory, 48) + 8, field(memory, field(memory, 48)));
	assert_corrupt(memory, "qemu-img finds ");
	put(memory, field(memory, 48) + 8, 0);
	put(memory, field(memory, 40), field(memory, 48));
	assert_corrupt(memory, "qemu-img finds ");
	set_count(memory, field(memory, 48) / 65536, 16, 2);
	assert_corrupt(memory, "refcount table of the qcow2 image is counted 2 times");
	disk_close(&memory->disk);
}

TEST(qcow2, snapshots_share_clusters_but_no_l1_table)
{
	struct memory_disk *memory;

	make_filled("compat=1.1", "");
	IN_FOLDER("qemu-img snapshot -c one a.qcow2 && qemu-img snapshot -c two a.qcow2 && "
		  "qemu-io -f qcow2 -c 'write 64K 64K' a.qcow2");
	memory = container_load("a.qcow2");
	assert_sound(memory);
	put(memory, field(memory, 64), field(memory, 40));
	assert_corrupt(memory, "qemu-img finds ");
	set_count(memory, field(memory, 40) / 65536, 16, 2);
	assert_corrupt(memory, "L1 table of the qcow2 image is counted 2 times");
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
	disk_close(&memory->disk);
}

TEST(qcow2, what_qemu_makes_of_several_files_is_refused)
{
	IN_FOLDER("qemu-img create -q -f qcow2 base.qcow2 100M");
	IN_FOLDER("qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2");
	container_assert_child("top.qcow2", "base.qcow2", "qcow2");
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
