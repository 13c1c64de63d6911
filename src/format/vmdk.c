/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All numbers are little-endian; sizes and offsets count sectors of 512 bytes.
 *
 * QEMU's driver takes the descriptor of a sparse file to lie right behind the header and to have
 * 10240 bytes, whatever the header says, and writes it back like that.  So it has to be there.
 */
#include "format/vmdk.h"

#include <inttypes.h>

#include "format/vmdk-descriptor.h"
#include "util/bytes.h"

enum {
	VERSION_OFFSET = 4,
	FLAGS_OFFSET = 8,
	CAPACITY_OFFSET = 12,
	GRAIN_SIZE_OFFSET = 20,
	DESCRIPTOR_OFFSET = 28,
	DESCRIPTOR_SIZE_OFFSET = 36,
	TABLE_ENTRIES_OFFSET = 44,
	SECOND_DIRECTORY_OFFSET = 48,
	DIRECTORY_OFFSET = 56,
	OVERHEAD_OFFSET = 64, /* sectors before the first grain */
	LINE_ENDS_OFFSET = 73,
	COMPRESSION_OFFSET = 77,
	HEADER_SIZE = 512,
	SECTOR_SIZE = 512,
};

#define FLAG_SECOND_DIRECTORY (1u << 1)
#define FLAG_ZERO_GRAINS      (1u << 2)
#define FLAG_COMPRESSED       (1u << 16)
#define FLAG_MARKERS          (1u << 17)
#define DIRECTORY_AT_END      UINT64_MAX

/* QEMU's limits. */
#define GRAIN_SECTORS_MAX     (1u << 21)
#define TABLE_ENTRIES_MAX     512u
#define DIRECTORY_ENTRIES_MAX (32u << 20)

static int check_kind(const uint8_t *bytes, struct bs_error *err)
{
	uint32_t version = load_le32(bytes + VERSION_OFFSET);
	uint32_t flags = load_le32(bytes + FLAGS_OFFSET);

	/* A transfer that takes it for text changes these bytes, and many more. */
	if (memcmp(bytes + LINE_ENDS_OFFSET, "\n \r\n", 4) != 0)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK header is damaged, perhaps by a transfer as text");
	if (flags & (FLAG_COMPRESSED | FLAG_MARKERS) ||
	    load_le16(bytes + COMPRESSION_OFFSET) != 0 ||
	    load_le64(bytes + DIRECTORY_OFFSET) == DIRECTORY_AT_END)
		return fail(err, BS_CONTAINER_COMPRESSED,
			    "is a compressed VMDK (streamOptimized), which cannot be changed in "
			    "place");
	/* Version 3 is 1 with changed blocks tracked, which QEMU reads. */
	if (version != 1 && version != 2)
		return fail(err, version == 3 ? BS_FORMAT_UNSUPPORTED : BS_FORMAT_UNREADABLE,
			    "is a VMDK of version %" PRIu32 ", which QEMU does not write", version);
	return 0;
}

static bool directory_within(const uint8_t *bytes, size_t field, uint64_t entries,
			     uint64_t file_size)
{
	uint64_t offset;

	return mul_u64(load_le64(bytes + field), SECTOR_SIZE, &offset) && offset != 0 &&
	       range_within(offset, entries * VMDK_TABLE_ENTRY_SIZE, file_size);
}

static int check_layout(const uint8_t *bytes, uint64_t file_size, uint64_t *disk_size,
			struct vmdk_tables *tables, struct bs_error *err)
{
	uint64_t capacity = load_le64(bytes + CAPACITY_OFFSET);
	uint64_t grain = load_le64(bytes + GRAIN_SIZE_OFFSET);
	uint32_t table_entries = load_le32(bytes + TABLE_ENTRIES_OFFSET);
	uint32_t flags = load_le32(bytes + FLAGS_OFFSET);
	uint64_t directory_entries;

	/* With no capacity, QEMU would look for the disk in the files that the descriptor names. */
	if (capacity == 0 || !mul_u64(capacity, SECTOR_SIZE, disk_size) || *disk_size > INT64_MAX ||
	    grain == 0 || grain > GRAIN_SECTORS_MAX || (grain & (grain - 1)) != 0 ||
	    table_entries == 0 || table_entries > TABLE_ENTRIES_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK header gives an impossible disk: %" PRIu64
			    " sectors in grains of %" PRIu64,
			    capacity, grain);
	directory_entries = (capacity - 1) / (table_entries * grain) + 1;
	if (directory_entries > DIRECTORY_ENTRIES_MAX ||
	    !directory_within(bytes, DIRECTORY_OFFSET, directory_entries, file_size) ||
	    (flags & FLAG_SECOND_DIRECTORY &&
	     !directory_within(bytes, SECOND_DIRECTORY_OFFSET, directory_entries, file_size)) ||
	    load_le64(bytes + OVERHEAD_OFFSET) > file_size / SECTOR_SIZE)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the tables of the VMDK lie beyond the file's end");
	*tables = (struct vmdk_tables){
		.directory_offset = load_le64(bytes + DIRECTORY_OFFSET) * SECTOR_SIZE,
		.copy_offset = flags & FLAG_SECOND_DIRECTORY
				       ? load_le64(bytes + SECOND_DIRECTORY_OFFSET) * SECTOR_SIZE
				       : 0,
		.directory_entries = directory_entries,
		.table_entries = table_entries,
		.grain_size = grain * SECTOR_SIZE,
		.grains = (capacity - 1) / grain + 1,
		.zero_grains = flags & FLAG_ZERO_GRAINS,
	};
	return 0;
}

static int check_embedded(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	uint64_t sector = load_le64(bytes + DESCRIPTOR_OFFSET), size;
	struct vmdk_descriptor descriptor;

	/* VMware leaves none; QEMU an empty one. */
	if (sector == 0 || (sector == 1 && length > HEADER_SIZE && bytes[HEADER_SIZE] == '\0'))
		return fail(err, BS_CONTAINER_PART,
			    "is one of the files of a VMDK that has its descriptor in another");
	if (sector != 1 || !mul_u64(load_le64(bytes + DESCRIPTOR_SIZE_OFFSET), SECTOR_SIZE, &size))
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the descriptor of the VMDK is not right behind its header");
	size = min_u64(size, length - HEADER_SIZE);
	if (memchr(bytes + HEADER_SIZE, 0, size) == NULL)
		return fail(err, BS_CONTAINER_CORRUPT, "the descriptor of the VMDK has no end");
	if (vmdk_descriptor_decode(bytes + HEADER_SIZE, size, &descriptor, err) != 0)
		return -1;
	if (strcmp(descriptor.create_type, "monolithicSparse") != 0 ||
	    strcmp(descriptor.extent_type, "SPARSE") != 0)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "is a VMDK of the type %s, not monolithicSparse",
			    descriptor.create_type);
	return 0;
}

int vmdk_decode_sparse(const uint8_t *bytes, size_t length, uint64_t file_size, uint64_t *disk_size,
		       struct bs_error *err)
{
	struct vmdk_tables ignored;

	if (length >= 4 && memcmp(bytes, "COWD", 4) == 0)
		return fail(err, BS_CONTAINER_PART,
			    "is the data of a VMDK (COWD) that has its descriptor in another file");
	if (length < HEADER_SIZE || memcmp(bytes, "KDMV", 4) != 0)
		return fail(err, BS_CONTAINER_CORRUPT, "there is no VMDK header");
	if (check_kind(bytes, err) != 0 ||
	    check_layout(bytes, file_size, disk_size, &ignored, err) != 0)
		return -1;
	return check_embedded(bytes, length, err);
}

int vmdk_decode_tables(const uint8_t *bytes, size_t length, uint64_t file_size,
		       struct vmdk_tables *tables, struct bs_error *err)
{
	uint64_t ignored;

	if (length < HEADER_SIZE)
		return fail(err, BS_CONTAINER_CORRUPT, "there is no VMDK header");
	return check_layout(bytes, file_size, &ignored, tables, err);
}

/* Types that are not changed here, but can be converted. */
static bool qemu_reads(const char *type)
{
	static const char *const types[] = {"monolithicFlat", "vmfs", "vmfsSparse", "seSparse"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static int check_flat(const struct vmdk_descriptor *descriptor, struct bs_error *err)
{
	const char *type = descriptor->create_type;
	bool flat = strcmp(type, "monolithicFlat") == 0 &&
		    strcmp(descriptor->extent_type, "FLAT") == 0 && descriptor->has_offset;
	/* An ESX server's disk, which always starts with its file. */
	bool vmfs = strcmp(type, "vmfs") == 0 && strcmp(descriptor->extent_type, "VMFS") == 0;

	if (strncmp(type, "twoGbMaxExtent", 14) == 0)
		return fail(err, BS_CONTAINER_SPLIT,
			    "is a VMDK of the type %s, made for many files", type);
	if (strcmp(type, "streamOptimized") == 0)
		return fail(err, BS_CONTAINER_COMPRESSED,
			    "is a compressed VMDK (streamOptimized), which cannot be changed in "
			    "place");
	if (!flat && !vmfs)
		return fail(err, qemu_reads(type) ? BS_FORMAT_UNSUPPORTED : BS_FORMAT_UNREADABLE,
			    "is the descriptor of a VMDK of the type %s with an extent of the "
			    "type %s",
			    type, descriptor->extent_type);
	return 0;
}

/* A path could lead out of the descriptor's folder, to any file. */
static bool is_plain_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ')
			return false;
	return *name != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int vmdk_decode_descriptor(const uint8_t *bytes, size_t length, struct vmdk_extent *extent,
			   struct bs_error *err)
{
	static const char first_line[] = "# Disk DescriptorFile";
	struct vmdk_descriptor descriptor;
	uint64_t end;

	/* qemu-img fills the last sector with zeros. */
	while (length != 0 && bytes[length - 1] == 0)
		length--;
	if (length < strlen(first_line) || length > VMDK_DESCRIPTOR_MAX ||
	    memcmp(bytes, first_line, strlen(first_line)) != 0 || memchr(bytes, 0, length) != NULL)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "begins like a VMDK descriptor, but is not a text of at most 64 KiB");
	if (vmdk_descriptor_decode(bytes, length, &descriptor, err) != 0 ||
	    check_flat(&descriptor, err) != 0)
		return -1;
	if (!is_plain_name(descriptor.extent.name))
		return fail(err,
			    strchr(descriptor.extent.name, '\\') == NULL ? BS_FORMAT_UNSUPPORTED
									 : BS_FORMAT_UNREADABLE,
			    "the VMDK descriptor names a file of another folder: %s",
			    descriptor.extent.name);
	if (!add_u64(descriptor.extent.offset, descriptor.extent.length, &end) || end > INT64_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK descriptor has a malformed extent");
	*extent = descriptor.extent;
	return 0;
}

void vmdk_refer(const uint8_t *bytes, size_t length, const struct reference_taker *taker)
{
	if (length > 0 && bytes[0] == '#')
		vmdk_descriptor_refer(bytes, length, true, taker);
	else if (length > HEADER_SIZE && load_le64(bytes + DESCRIPTOR_OFFSET) == 1)
		vmdk_descriptor_refer(bytes + HEADER_SIZE, length - HEADER_SIZE, false, taker);
}
