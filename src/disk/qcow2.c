/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All numbers are big-endian.  Offsets are in bytes, of the image. */
#include "disk/qcow2.h"

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
	VERSION_2_LENGTH = 72,
	INCOMPATIBLE_OFFSET = 72, /* from version 3 on */
	HEADER_LENGTH_OFFSET = 100,
	VERSION_3_LENGTH = 104,
	SECTOR_SIZE = 512,
};

enum {
	CLUSTER_BITS_MIN = 9,
	CLUSTER_BITS_MAX = 21, /* QEMU's limit */
	L1_ENTRY_SIZE = 8,
	EXTENSION_HEADER_SIZE = 8,
	FILE_NAME_MAX = 1023, /* of a backing or data file */
};

#define EXTENSION_DATA_FILE 0x44415441u

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
	uint32_t l1_entries, refcount_clusters;
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
	header->length = VERSION_2_LENGTH;
	if (header->version == 2)
		return 0;
	if (header->version != 3)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "is a qcow image of version %" PRIu32 ", not 2 or 3", header->version);
	if (length < VERSION_3_LENGTH)
		return fail(err, BS_CONTAINER_CORRUPT, "the qcow2 header is cut short");
	header->incompatible = load_be64(bytes + INCOMPATIBLE_OFFSET);
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
	uint64_t entry_bytes, refcount_bytes, needed;
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
	/* An entry of the L1 table stands for the clusters in one cluster of L2 entries. */
	l2_bits = header->cluster_bits - (header->incompatible & FEATURE_EXTENDED_L2 ? 4 : 3);
	entry_bytes = 1ull << (l2_bits + header->cluster_bits);
	needed = (header->disk_size - 1) / entry_bytes + 1;
	refcount_bytes = (uint64_t)header->refcount_clusters << header->cluster_bits;
	if (header->l1_entries < needed ||
	    !table_within(header->l1_offset, (uint64_t)header->l1_entries * L1_ENTRY_SIZE, header,
			  file_size) ||
	    refcount_bytes == 0 ||
	    !table_within(header->refcount_offset, refcount_bytes, header, file_size))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "a table of the qcow2 image is too short or lies beyond its end");
	return 0;
}

/* What is shown of a file name that should lie at `offset`. */
static const char *name_at(const uint8_t *bytes, size_t length, uint64_t offset,
			   uint64_t name_length, char name[FILE_NAME_MAX + 1])
{
	if (name_length == 0 || name_length > FILE_NAME_MAX ||
	    !range_within(offset, name_length, length))
		return "another file";
	memcpy(name, bytes + offset, name_length);
	name[name_length] = '\0';
	return name;
}

/* The loop ends because each extension moves `at` on by at least its own header. */
static const char *data_file_name(const uint8_t *bytes, size_t length, const struct header *header,
				  char name[FILE_NAME_MAX + 1])
{
	uint64_t at = header->length;

	while (range_within(at, EXTENSION_HEADER_SIZE, length)) {
		uint32_t type = load_be32(bytes + at);
		uint32_t size = load_be32(bytes + at + 4);

		at += EXTENSION_HEADER_SIZE;
		if (type == 0)
			break;
		if (type == EXTENSION_DATA_FILE)
			return name_at(bytes, length, at, size, name);
		at += ((uint64_t)size + 7) / 8 * 8;
	}
	return "another file";
}

static int check_features(const uint8_t *bytes, size_t length, const struct header *header,
			  struct bs_error *err)
{
	uint64_t unknown = header->incompatible & ~FEATURES_KNOWN;
	char name[FILE_NAME_MAX + 1];

	if (unknown != 0)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the qcow2 image has unknown features (%#" PRIx64 ")", unknown);
	if (header->incompatible & FEATURE_CORRUPT)
		return fail(err, BS_CONTAINER_CORRUPT, "the qcow2 image is marked corrupt");
	if (header->encryption != 0)
		return fail(err, BS_CONTAINER_ENCRYPTED, "the qcow2 image is encrypted");
	if (header->incompatible & FEATURE_DATA_FILE)
		return fail(err, BS_CONTAINER_SPLIT,
			    "the qcow2 image keeps its data in another file: %s",
			    data_file_name(bytes, length, header, name));
	if (header->backing_offset != 0)
		return fail(err, BS_CONTAINER_DIFFERENCING,
			    "the qcow2 image holds only the changes to its backing file, %s",
			    name_at(bytes, length, header->backing_offset, header->backing_length,
				    name));
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
