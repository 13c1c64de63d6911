/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All numbers are big-endian.  All offsets count bytes from the start of the image. */
#include "format/qcow2.h"

#include <inttypes.h>
#include <stdlib.h>

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
	VERSION_2_LENGTH = 72,
	INCOMPATIBLE_OFFSET = 72, /* this field and the fields below exist since version 3 */
	AUTOCLEAR_OFFSET = 88,
	REFCOUNT_ORDER_OFFSET = 96,
	HEADER_LENGTH_OFFSET = 100,
	VERSION_3_LENGTH = 104,
};

enum {
	CLUSTER_BITS_MIN = 9,
	CLUSTER_BITS_MAX = 21,  /* QEMU's limit */
	REFCOUNT_ORDER_MAX = 6, /* counts of 2^6 bits */
	REFCOUNT_ORDER_VERSION_2 = 4,
	EXTENSION_HEADER_SIZE = 8,
	FILE_NAME_MAX = FORMAT_PARENT_MAX, /* bytes, the name of a backing or data file */
};

/* The header extension that says where the list of dirty bitmaps is. */
enum {
	BITMAPS_LENGTH = 8,
	BITMAPS_OFFSET = 16,
	BITMAPS_SIZE = 24,
};

#define L1_TABLE_MAX       (32u << 20) /* QEMU's limits, bytes */
#define REFCOUNT_TABLE_MAX (8u << 20)
#define BITMAPS_MAX        (64u << 20)
#define FILE_SIZE_MAX      (1ull << 50) /* bytes; no file that exists is longer */
#define L1_ENTRY_SIZE      8u
#define COUNT_ENTRY_SIZE   8u                  /* of the refcount table */
#define COUNT_ENTRY_PLACE  0xfffffffffffffe00u /* the bits with the offset of a refcount block */

#define EXTENSION_PARENT    0xe2792acau /* the format of the backing file */
#define EXTENSION_DATA_FILE 0x44415441u
#define EXTENSION_BITMAPS   0x23852875u

/* Incompatible features: a program that does not know one must not open the image. */
#define FEATURE_DIRTY       (1ull << 0) /* the reference counts may be wrong */
#define FEATURE_CORRUPT     (1ull << 1)
#define FEATURE_DATA_FILE   (1ull << 2)
#define FEATURE_COMPRESSION (1ull << 3) /* a compression type other than deflate */
#define FEATURE_EXTENDED_L2 (1ull << 4)
#define FEATURES_KNOWN                                                                             \
	(FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_DATA_FILE | FEATURE_COMPRESSION |               \
	 FEATURE_EXTENDED_L2)

/* Autoclear features: a program that does not know one clears its bit when it writes. */
#define AUTOCLEAR_BITMAPS (1ull << 0)

struct qcow2_header {
	uint32_t version, cluster_bits, encryption;
	uint64_t backing_offset;
	uint32_t backing_length;
	uint64_t disk_size;
	uint64_t l1_offset, refcount_offset;
	uint32_t l1_entries, refcount_clusters, refcount_order;
	uint64_t incompatible, autoclear;
	uint32_t length; /* of the header, without the extensions behind it */
};

static int qcow2_decode_header(const uint8_t *bytes, size_t length, struct qcow2_header *header,
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
	header->autoclear = load_be64(bytes + AUTOCLEAR_OFFSET);
	header->refcount_order = load_be32(bytes + REFCOUNT_ORDER_OFFSET);
	header->length = load_be32(bytes + HEADER_LENGTH_OFFSET);
	return 0;
}

static bool qcow2_table_within(uint64_t offset, uint64_t length, const struct qcow2_header *header,
			       uint64_t file_size)
{
	return offset != 0 && offset % (1ull << header->cluster_bits) == 0 &&
	       range_within(offset, length, file_size);
}

/* Checks the sizes and places from which the driver computes all offsets. */
static int qcow2_check_layout(const struct qcow2_header *header, uint64_t file_size,
			      struct bs_error *err)
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
	/* An entry of the L1 table leads to a cluster of L2 entries, each of these to a cluster. */
	l2_bits = header->cluster_bits - (header->incompatible & FEATURE_EXTENDED_L2 ? 4 : 3);
	entry_bytes = 1ull << (l2_bits + header->cluster_bits);
	needed = (header->disk_size - 1) / entry_bytes + 1;
	l1_bytes = (uint64_t)header->l1_entries * L1_ENTRY_SIZE;
	refcount_bytes = (uint64_t)header->refcount_clusters << header->cluster_bits;
	if (header->l1_entries < needed || l1_bytes > L1_TABLE_MAX || refcount_bytes == 0 ||
	    refcount_bytes > REFCOUNT_TABLE_MAX ||
	    !qcow2_table_within(header->l1_offset, l1_bytes, header, file_size) ||
	    !qcow2_table_within(header->refcount_offset, refcount_bytes, header, file_size))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "a table of the qcow2 image has an impossible size or lies beyond its "
			    "end");
	return 0;
}

/* Copies the file name at `offset` to `name` and returns it; NULL when no valid name is there. */
static const char *qcow2_name_at(const uint8_t *bytes, size_t length, uint64_t offset,
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
 * Finds an extension of the header.  The extension has `*size` bytes at `*at`; it may lie partly or
 * wholly beyond the `length` bytes.  The loop ends because each extension moves `*at` by at least
 * EXTENSION_HEADER_SIZE.
 */
static bool qcow2_find_extension(const uint8_t *bytes, size_t length,
				 const struct qcow2_header *header, uint32_t wanted, uint64_t *at,
				 uint32_t *size)
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

static const char *qcow2_data_file(const uint8_t *bytes, size_t length,
				   const struct qcow2_header *header, char name[FILE_NAME_MAX + 1])
{
	uint64_t at;
	uint32_t size;

	if (!qcow2_find_extension(bytes, length, header, EXTENSION_DATA_FILE, &at, &size))
		return NULL;
	return qcow2_name_at(bytes, length, at, size, name);
}

static const char *qcow2_backing_file(const uint8_t *bytes, size_t length,
				      const struct qcow2_header *header,
				      char name[FILE_NAME_MAX + 1])
{
	return header->backing_offset == 0 ? NULL
					   : qcow2_name_at(bytes, length, header->backing_offset,
							   header->backing_length, name);
}

static int qcow2_check_features(const uint8_t *bytes, size_t length,
				const struct qcow2_header *header, struct bs_error *err)
{
	uint64_t unknown = header->incompatible & ~FEATURES_KNOWN;
	char buffer[FILE_NAME_MAX + 1];
	const char *name;

	if (unknown != 0)
		return fail(err, BS_FORMAT_UNREADABLE,
			    "the qcow2 image has unknown features (%#" PRIx64 ")", unknown);
	if (header->incompatible & FEATURE_CORRUPT)
		return fail(err, BS_CONTAINER_CORRUPT, "the qcow2 image is marked corrupt");
	if (header->encryption != 0)
		return fail(err, BS_CONTAINER_ENCRYPTED, "the qcow2 image is encrypted");
	if (header->incompatible & FEATURE_DATA_FILE) {
		name = qcow2_data_file(bytes, length, header, buffer);
		return fail(err, BS_CONTAINER_SPLIT,
			    "the qcow2 image keeps its data in another file: %s",
			    name ? name : "another file");
	}
	if (header->incompatible & FEATURE_DIRTY)
		return fail(err, BS_CONTAINER_UNCLEAN,
			    "the qcow2 image is marked dirty: the program that wrote to it last "
			    "was interrupted");
	return 0;
}

/* Takes the name of the backing file and, if the image has it, the name of its format. */
static int qcow2_decode_parent(const uint8_t *bytes, size_t length,
			       const struct qcow2_header *header, struct format_parent *parent,
			       struct bs_error *err)
{
	uint64_t at;
	uint32_t size;

	if (header->backing_offset == 0)
		return 0;
	if (!qcow2_backing_file(bytes, length, header, parent->path))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the qcow2 image has a backing file, but its name is damaged");
	if (!qcow2_find_extension(bytes, length, header, EXTENSION_PARENT, &at, &size))
		return 0;
	if (size >= sizeof(parent->driver) || !range_within(at, size, length))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the qcow2 image names no known format of its backing file");
	memcpy(parent->driver, bytes + at, size);
	return 0;
}

int qcow2_decode(const uint8_t *bytes, size_t length, uint64_t file_size, struct format *format,
		 struct bs_error *err)
{
	struct qcow2_header header = {0};

	if (qcow2_decode_header(bytes, length, &header, err) < 0 ||
	    qcow2_check_layout(&header, file_size, err) < 0 ||
	    qcow2_check_features(bytes, length, &header, err) < 0 ||
	    qcow2_decode_parent(bytes, length, &header, &format->parent, err) < 0)
		return -1;
	if (header.disk_size % SECTOR_SIZE != 0)
		return fail(err, BS_NOT_AN_IMAGE,
			    "the disk's size of %" PRIu64
			    " bytes is not a multiple of the sector size, 512",
			    header.disk_size);
	format->disk_size = header.disk_size;
	return 0;
}

static int qcow2_describe(struct disk *container, struct format *format, struct bs_error *err)
{
	uint8_t *bytes = NULL;
	size_t length;
	int result = codec_read(container, 0, QCOW2_HEADER_MAX, &bytes, &length, err);

	if (result == 0)
		result = qcow2_decode(bytes, length, disk_size(container), format, err);
	format->access = FORMAT_DRIVER;
	free(bytes);
	return result;
}

/* ---- the counts ----------------------------------------------------------------------------- */

/*
 * `qemu-img check` finds every cluster that has more references than its count says, and every
 * cluster beyond the end of the file.  A cluster with a count above 1 is shared: the driver copies
 * the cluster before it writes to it.  But the driver writes to the header and to some tables in
 * place, whatever their counts are.  If other data overlaps one of these, the counts of the shared
 * clusters are either above 1, which this code finds, or too low, which `qemu-img check` finds.
 */

/* A refcount block lies beyond the end.  With snapshots a file can be much longer than its disk. */
static int qcow2_fail_beyond(struct disk *container, const struct qcow2_header *header,
			     uint64_t block, struct bs_error *err)
{
	if (block % (1ull << header->cluster_bits) != 0 || block > FILE_SIZE_MAX)
		return fail(
			err, BS_CONTAINER_CORRUPT,
			"the refcount table of the qcow2 image is damaged: it says that a table "
			"begins at byte %" PRIu64,
			block);
	return fail(err, BS_CONTAINER_CORRUPT,
		    "the file is cut short: it ends at byte %" PRIu64
		    ", a table begins at byte %" PRIu64,
		    disk_size(container), block);
}

/* Reads the reference count of a cluster; 0 if the cluster has no count. */
static int qcow2_read_count(struct disk *container, const struct qcow2_header *header,
			    uint64_t cluster, uint64_t *count, struct bs_error *err)
{
	uint64_t entries =
		((uint64_t)header->refcount_clusters << header->cluster_bits) / COUNT_ENTRY_SIZE;
	uint64_t per_block = 8ull << header->cluster_bits >> header->refcount_order;
	uint64_t bit = cluster % per_block << header->refcount_order, block;
	unsigned bits = 1u << header->refcount_order, length = bits < 8 ? 1 : bits / 8;
	uint8_t bytes[8];

	*count = 0;
	if (cluster / per_block >= entries)
		return 0;
	if (disk_read(container, header->refcount_offset + cluster / per_block * COUNT_ENTRY_SIZE,
		      bytes, COUNT_ENTRY_SIZE, err) < 0)
		return -1;
	block = load_be64(bytes) & COUNT_ENTRY_PLACE;
	if (block == 0)
		return 0;
	if (!range_within(block, 1ull << header->cluster_bits, disk_size(container)))
		return qcow2_fail_beyond(container, header, block, err);
	if (disk_read(container, block + bit / 8, bytes, length, err) < 0)
		return -1;
	for (unsigned i = 0; i < length; i++)
		*count = *count << 8 | bytes[i];
	if (bits < 8)
		*count = *count >> bit % 8 & ((1u << bits) - 1);
	return 0;
}

static int qcow2_check_counts(struct disk *container, const struct qcow2_header *header,
			      const char *what, uint64_t offset, uint64_t length,
			      struct bs_error *err)
{
	uint64_t first = offset >> header->cluster_bits, count;
	uint64_t last = (offset + length - 1) >> header->cluster_bits;

	for (uint64_t cluster = first; length > 0 && cluster <= last; cluster++) {
		if (qcow2_read_count(container, header, cluster, &count, err) < 0)
			return -1;
		if (count != 1)
			return fail(err, BS_CONTAINER_CORRUPT,
				    "the %s of the qcow2 image is counted %" PRIu64
				    " times at byte %" PRIu64 ": something else may lie on it",
				    what, count, cluster << header->cluster_bits);
	}
	return 0;
}

/* Finds the list of bitmaps.  *list_length is 0 when the driver uses no bitmaps. */
static int qcow2_find_bitmaps(const uint8_t *bytes, size_t length, uint64_t file_size,
			      const struct qcow2_header *header, uint64_t *list_offset,
			      uint64_t *list_length, struct bs_error *err)
{
	uint64_t at;
	uint32_t size;

	*list_offset = *list_length = 0;
	if (!(header->autoclear & AUTOCLEAR_BITMAPS) ||
	    !qcow2_find_extension(bytes, length, header, EXTENSION_BITMAPS, &at, &size) ||
	    !range_within(at, BITMAPS_SIZE, length))
		return 0;
	*list_length = load_be64(bytes + at + BITMAPS_LENGTH);
	*list_offset = load_be64(bytes + at + BITMAPS_OFFSET);
	if (*list_length > BITMAPS_MAX || !range_within(*list_offset, *list_length, file_size))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the list of bitmaps of the qcow2 image is too long or lies beyond "
			    "its end");
	return 0;
}

static int qcow2_check_tables(struct disk *container, struct claims *claims, struct bs_error *err)
{
	uint64_t size = disk_size(container), bitmaps_offset, bitmaps_length;
	struct qcow2_header header = {0};
	uint8_t *bytes = NULL;
	size_t length;
	int result = -1;

	(void)claims; /* not used: clusters may be shared */
	if (codec_read(container, 0, QCOW2_HEADER_MAX, &bytes, &length, err) < 0 ||
	    qcow2_decode_header(bytes, length, &header, err) < 0 ||
	    qcow2_check_layout(&header, size, err) < 0 ||
	    qcow2_find_bitmaps(bytes, length, size, &header, &bitmaps_offset, &bitmaps_length,
			       err) < 0)
		goto out;
	if (qcow2_check_counts(container, &header, "header", 0, 1, err) < 0 ||
	    qcow2_check_counts(container, &header, "L1 table", header.l1_offset,
			       (uint64_t)header.l1_entries * L1_ENTRY_SIZE, err) < 0 ||
	    qcow2_check_counts(container, &header, "refcount table", header.refcount_offset,
			       (uint64_t)header.refcount_clusters << header.cluster_bits,
			       err) < 0 ||
	    qcow2_check_counts(container, &header, "list of bitmaps", bitmaps_offset,
			       bitmaps_length, err) < 0)
		goto out;
	result = 0;
out:
	free(bytes);
	return result;
}

/* ---- other files ---------------------------------------------------------------------------- */

static void qcow2_refer_name(const char *name, enum reference_kind kind,
			     const struct reference_taker *taker)
{
	if (name)
		taker->take(taker->context, kind, name);
}

/*
 * Reports the names of the backing file and of the data file.  These are names for QEMU, which may
 * begin with "file:" or "json:".
 */
static int qcow2_refer(struct disk *container, const struct reference_taker *taker,
		       struct bs_error *err)
{
	struct qcow2_header header = {0};
	char name[FILE_NAME_MAX + 1];
	uint8_t *bytes = NULL;
	size_t length;
	int result = codec_read(container, 0, QCOW2_HEADER_MAX, &bytes, &length, err);

	if (result == 0)
		result = qcow2_decode_header(bytes, length, &header, err);
	if (result == 0) {
		qcow2_refer_name(qcow2_backing_file(bytes, length, &header, name), REFERENCE_PARENT,
				 taker);
		if (header.incompatible & FEATURE_DATA_FILE)
			qcow2_refer_name(qcow2_data_file(bytes, length, &header, name),
					 REFERENCE_PART, taker);
	}
	free(bytes);
	return result;
}

const struct format_codec qcow2_codec = {
	.magics = {{0, 4, "QFI\xfb"}},
	.needs_check = true,
	.describe = qcow2_describe,
	.check_tables = qcow2_check_tables,
	.refer = qcow2_refer,
};
