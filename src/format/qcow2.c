/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All numbers are big-endian.  Offsets are in bytes, of the image. */
#include "format/qcow2.h"

#include <inttypes.h>
#include <stdbool.h>

#include "util/bytes.h"

enum {
	VERSION_OFFSET = 4,
	BACKING_NAME_OFFSET = 8,
	BACKING_NAME_LENGTH = 16,
	CLUSTER_BITS_OFFSET = 20,
	DISK_SIZE_OFFSET = 24,
	ENCRYPTION_OFFSET = 32,
	L1_ENTRIES_OFFSET = 36,
	L1_TABLE_OFFSET = 40,
	REFCOUNT_TABLE_OFFSET = 48,
	REFCOUNT_CLUSTERS_OFFSET = 56,
	SNAPSHOTS_OFFSET = 60, /* how many */
	SNAPSHOT_TABLE_OFFSET = 64,
	VERSION_2_LENGTH = 72,
	INCOMPATIBLE_OFFSET = 72, /* from version 3 on */
	REFCOUNT_ORDER_OFFSET = 96,
	HEADER_LENGTH_OFFSET = 100,
	VERSION_3_LENGTH = 104,
	SECTOR_SIZE = 512,
};

enum {
	CLUSTER_BITS_MIN = 9,
	CLUSTER_BITS_MAX = 21,  /* QEMU's limit */
	REFCOUNT_ORDER_MAX = 6, /* counts of 2^6 bits */
	REFCOUNT_ORDER_VERSION_2 = 4,
	EXTENSION_HEADER_SIZE = 8,
	FILE_NAME_MAX = 1023, /* of a backing or data file */
};

/* The extension of the header that leads to the dirty bitmaps. */
enum {
	BITMAPS_LENGTH = 8,
	BITMAPS_OFFSET = 16,
	BITMAPS_SIZE = 24,
};

#define L1_TABLE_MAX       (32u << 20) /* QEMU's limits, bytes */
#define REFCOUNT_TABLE_MAX (8u << 20)
#define SNAPSHOTS_MAX      65536u /* how many, QEMU's limit, too */
/* An entry of the snapshot table, whose parts of variable length fill it up to a multiple of 8. */
enum {
	SNAPSHOT_L1_OFFSET = 0,
	SNAPSHOT_L1_ENTRIES = 8,
	SNAPSHOT_NAME_LENGTHS = 12, /* of two names, 16 bits each */
	SNAPSHOT_EXTRA_LENGTH = 36,
};

#define EXTENSION_DATA_FILE 0x44415441u
#define EXTENSION_BITMAPS   0x23852875u

/* Incompatible features: a program that does not know one must not open the image. */
#define FEATURE_DIRTY       (1ull << 0) /* reference counts are behind; the driver repairs them */
#define FEATURE_CORRUPT     (1ull << 1)
#define FEATURE_DATA_FILE   (1ull << 2)
#define FEATURE_COMPRESSION (1ull << 3) /* a compression type other than deflate */
#define FEATURE_EXTENDED_L2 (1ull << 4)
#define FEATURES_KNOWN                                                                             \
	(FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_DATA_FILE | FEATURE_COMPRESSION |               \
	 FEATURE_EXTENDED_L2)

struct header {
	uint32_t version, cluster_bits, encryption;
	uint64_t backing_offset;
	uint32_t backing_length;
	uint64_t disk_size;
	uint64_t l1_offset, refcount_offset;
	uint32_t l1_entries, refcount_clusters, refcount_order;
	uint64_t incompatible;
	uint32_t length; /* of the header itself; the extensions follow */
};

static int decode_header(const uint8_t *bytes, size_t length, struct header *header,
			 struct bs_error *err)
{
	if (length < VERSION_2_LENGTH || memcmp(bytes, "QFI\xfb", 4) != 0)
		return fail(err, BS_CONTAINER_CORRUPT, "there is no qcow2 header");
	header->version = load_be32(bytes + VERSION_OFFSET);
	header->backing_offset = load_be64(bytes + BACKING_NAME_OFFSET);
	header->backing_length = load_be32(bytes + BACKING_NAME_LENGTH);
	header->cluster_bits = load_be32(bytes + CLUSTER_BITS_OFFSET);
	header->disk_size = load_be64(bytes + DISK_SIZE_OFFSET);
	header->encryption = load_be32(bytes + ENCRYPTION_OFFSET);
	header->l1_entries = load_be32(bytes + L1_ENTRIES_OFFSET);
	header->l1_offset = load_be64(bytes + L1_TABLE_OFFSET);
	header->refcount_offset = load_be64(bytes + REFCOUNT_TABLE_OFFSET);
	header->refcount_clusters = load_be32(bytes + REFCOUNT_CLUSTERS_OFFSET);
	header->refcount_order = REFCOUNT_ORDER_VERSION_2;
	header->length = VERSION_2_LENGTH;
	if (header->version == 2)
		return 0;
	if (header->version != 3)
		return fail(err,
			    header->version == 1 ? BS_FORMAT_UNSUPPORTED : BS_FORMAT_UNREADABLE,
			    "is a qcow image of version %" PRIu32 ", not 2 or 3", header->version);
	if (length < VERSION_3_LENGTH)
		return fail(err, BS_CONTAINER_CORRUPT, "the qcow2 header is cut short");
	header->incompatible = load_be64(bytes + INCOMPATIBLE_OFFSET);
	header->refcount_order = load_be32(bytes + REFCOUNT_ORDER_OFFSET);
	header->length = load_be32(bytes + HEADER_LENGTH_OFFSET);
	return 0;
}

static bool table_within(uint64_t offset, uint64_t length, const struct header *header,
			 uint64_t file_size)
{
	return offset != 0 && offset % (1ull << header->cluster_bits) == 0 &&
	       range_within(offset, length, file_size);
}

/* The numbers by which the driver finds its way. */
static int check_layout(const struct header *header, uint64_t file_size, struct bs_error *err)
{
	uint64_t entry_bytes, l1_bytes, refcount_bytes, needed;
	uint32_t l2_bits;

	if (header->cluster_bits < CLUSTER_BITS_MIN || header->cluster_bits > CLUSTER_BITS_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the qcow2 header gives clusters of 2^%" PRIu32 " bytes",
			    header->cluster_bits);
	if (header->version == 3 && (header->length < VERSION_3_LENGTH || header->length % 8 != 0 ||
				     header->length > 1u << header->cluster_bits))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the qcow2 header gives its own length as %" PRIu32, header->length);
	if (header->disk_size == 0 || header->disk_size > INT64_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the qcow2 header gives the impossible disk size %" PRIu64,
			    header->disk_size);
	if (header->refcount_order > REFCOUNT_ORDER_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the qcow2 header gives counts of 2^%" PRIu32 " bits",
			    header->refcount_order);
	/* An entry of the L1 table stands for the clusters in one cluster of L2 entries. */
	l2_bits = header->cluster_bits - (header->incompatible & FEATURE_EXTENDED_L2 ? 4 : 3);
	entry_bytes = 1ull << (l2_bits + header->cluster_bits);
	needed = (header->disk_size - 1) / entry_bytes + 1;
	l1_bytes = (uint64_t)header->l1_entries * QCOW2_L1_ENTRY_SIZE;
	refcount_bytes = (uint64_t)header->refcount_clusters << header->cluster_bits;
	if (header->l1_entries < needed || l1_bytes > L1_TABLE_MAX || refcount_bytes == 0 ||
	    refcount_bytes > REFCOUNT_TABLE_MAX ||
	    !table_within(header->l1_offset, l1_bytes, header, file_size) ||
	    !table_within(header->refcount_offset, refcount_bytes, header, file_size))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "a table of the qcow2 image has an impossible size or lies beyond its "
			    "end");
	return 0;
}

/* The file name that should lie at `offset`; NULL when it does not. */
static const char *name_at(const uint8_t *bytes, size_t length, uint64_t offset,
			   uint64_t name_length, char name[FILE_NAME_MAX + 1])
{
	if (name_length == 0 || name_length > FILE_NAME_MAX ||
	    !range_within(offset, name_length, length) || bytes[offset] == '\0')
		return NULL;
	memcpy(name, bytes + offset, name_length);
	name[name_length] = '\0';
	return name;
}

/*
 * Finds an extension of the header: `*size` bytes at `*at`, of which the first ones may not be
 * among those given.  The loop ends because each extension moves `at` on by at least its own
 * header.
 */
static bool find_extension(const uint8_t *bytes, size_t length, const struct header *header,
			   uint32_t wanted, uint64_t *at, uint32_t *size)
{
	*at = header->length;
	while (range_within(*at, EXTENSION_HEADER_SIZE, length)) {
		uint32_t type = load_be32(bytes + *at);

		*size = load_be32(bytes + *at + 4);
		*at += EXTENSION_HEADER_SIZE;
		if (type == 0 || type == wanted)
			return type == wanted;
		*at += ((uint64_t)*size + 7) / 8 * 8;
	}
	return false;
}

static const char *data_file(const uint8_t *bytes, size_t length, const struct header *header,
			     char name[FILE_NAME_MAX + 1])
{
	uint64_t at;
	uint32_t size;

	if (!find_extension(bytes, length, header, EXTENSION_DATA_FILE, &at, &size))
		return NULL;
	return name_at(bytes, length, at, size, name);
}

static const char *backing_file(const uint8_t *bytes, size_t length, const struct header *header,
				char name[FILE_NAME_MAX + 1])
{
	return header->backing_offset == 0 ? NULL
					   : name_at(bytes, length, header->backing_offset,
						     header->backing_length, name);
}

static const char *shown(const char *name)
{
	return name != NULL ? name : "another file";
}

static int check_features(const uint8_t *bytes, size_t length, const struct header *header,
			  struct bs_error *err)
{
	uint64_t unknown = header->incompatible & ~FEATURES_KNOWN;
	char name[FILE_NAME_MAX + 1];

	if (unknown != 0)
		return fail(err, BS_FORMAT_UNREADABLE,
			    "the qcow2 image has unknown features (%#" PRIx64 ")", unknown);
	if (header->incompatible & FEATURE_CORRUPT)
		return fail(err, BS_CONTAINER_CORRUPT, "the qcow2 image is marked corrupt");
	if (header->encryption != 0)
		return fail(err, BS_CONTAINER_ENCRYPTED, "the qcow2 image is encrypted");
	if (header->incompatible & FEATURE_DATA_FILE)
		return fail(err, BS_CONTAINER_SPLIT,
			    "the qcow2 image keeps its data in another file: %s",
			    shown(data_file(bytes, length, header, name)));
	if (header->backing_offset != 0)
		return fail(err, BS_CONTAINER_DIFFERENCING,
			    "the qcow2 image holds only the changes to its backing file, %s",
			    shown(backing_file(bytes, length, header, name)));
	return 0;
}

int qcow2_decode(const uint8_t *bytes, size_t length, uint64_t file_size, uint64_t *disk_size,
		 struct bs_error *err)
{
	struct header header = {0};

	if (decode_header(bytes, length, &header, err) != 0 ||
	    check_layout(&header, file_size, err) != 0 ||
	    check_features(bytes, length, &header, err) != 0)
		return -1;
	if (header.disk_size % SECTOR_SIZE != 0)
		return fail(err, BS_NOT_AN_IMAGE,
			    "the disk's size of %" PRIu64
			    " bytes is not a multiple of 512, the sector",
			    header.disk_size);
	*disk_size = header.disk_size;
	return 0;
}

static void decode_bitmaps(const uint8_t *bytes, size_t length, const struct header *header,
			   struct qcow2_tables *tables)
{
	uint64_t at;
	uint32_t size;

	if (!find_extension(bytes, length, header, EXTENSION_BITMAPS, &at, &size) ||
	    !range_within(at, BITMAPS_SIZE, length))
		return;
	tables->bitmaps_length = load_be64(bytes + at + BITMAPS_LENGTH);
	tables->bitmaps_offset = load_be64(bytes + at + BITMAPS_OFFSET);
}

int qcow2_decode_tables(const uint8_t *bytes, size_t length, uint64_t file_size,
			struct qcow2_tables *tables, struct bs_error *err)
{
	struct header header = {0};

	if (decode_header(bytes, length, &header, err) != 0 ||
	    check_layout(&header, file_size, err) != 0)
		return -1;
	*tables = (struct qcow2_tables){
		.cluster_size = 1u << header.cluster_bits,
		.l1_offset = header.l1_offset,
		.l1_entries = header.l1_entries,
		.l2_entry_size = header.incompatible & FEATURE_EXTENDED_L2 ? 16 : 8,
		.compressed_places = (1ull << (70 - header.cluster_bits)) - 1,
		.refcount_offset = header.refcount_offset,
		.refcount_entries = ((uint64_t)header.refcount_clusters << header.cluster_bits) /
				    QCOW2_REFCOUNT_ENTRY_SIZE,
		.counts_behind = header.incompatible & FEATURE_DIRTY,
		.snapshots_offset = load_be64(bytes + SNAPSHOT_TABLE_OFFSET),
		.snapshots = load_be32(bytes + SNAPSHOTS_OFFSET),
	};
	decode_bitmaps(bytes, length, &header, tables);
	if (tables->snapshots > SNAPSHOTS_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the qcow2 header gives %" PRIu32 " snapshots", tables->snapshots);
	return 0;
}

void qcow2_decode_snapshot(const uint8_t *bytes, struct qcow2_snapshot *snapshot)
{
	/* No sum can overflow: one term has 32 bits, the others fewer. */
	uint32_t names = load_be32(bytes + SNAPSHOT_NAME_LENGTHS);
	uint64_t length = QCOW2_SNAPSHOT_SIZE + (uint64_t)load_be32(bytes + SNAPSHOT_EXTRA_LENGTH) +
			  (names >> 16) + (names & 0xffff);

	snapshot->l1_offset = load_be64(bytes + SNAPSHOT_L1_OFFSET);
	snapshot->l1_entries = load_be32(bytes + SNAPSHOT_L1_ENTRIES);
	snapshot->length = (length + 7) / 8 * 8;
}

static void tell(const char *name, enum reference_kind kind, const struct reference_taker *taker)
{
	if (name != NULL)
		taker->take(taker->context, kind, name);
}

void qcow2_refer(const uint8_t *bytes, size_t length, const struct reference_taker *taker)
{
	struct header header = {0};
	char name[FILE_NAME_MAX + 1];
	struct bs_error ignored;

	if (decode_header(bytes, length, &header, &ignored) != 0)
		return;
	tell(backing_file(bytes, length, &header, name), REFERENCE_PARENT, taker);
	if (header.incompatible & FEATURE_DATA_FILE)
		tell(data_file(bytes, length, &header, name), REFERENCE_PART, taker);
}
