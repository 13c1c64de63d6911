/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All numbers are little-endian; sizes and offsets count sectors of 512 bytes.
 *
 * QEMU's driver ignores what the header of a sparse file says about the descriptor.  It reads and
 * writes 10240 bytes right behind the header.  So the descriptor has to be there.
 */
#include "format/vmdk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/tables.h"
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
};

#define FLAG_SECOND_DIRECTORY (1u << 1)
#define FLAG_ZERO_GRAINS      (1u << 2)
#define FLAG_COMPRESSED       (1u << 16)
#define FLAG_MARKERS          (1u << 17)
#define DIRECTORY_AT_END      UINT64_MAX
#define TABLE_ENTRY_SIZE      4u /* bytes, in a grain directory and in a grain table */

/* QEMU's limits. */
#define GRAIN_SECTORS_MAX     (1u << 21)
#define TABLE_ENTRIES_MAX     512u
#define DIRECTORY_ENTRIES_MAX (32u << 20)

/*
 * Bytes behind a text, its final zero included.  QEMU writes a new CID into the text.  If the
 * earlier CID had more digits, of which there are 8 at most, the end of the earlier text stays
 * (vmdk_write_cid() of block/vmdk.c).
 */
#define LEFT_OVER_MAX 8u

/*
 * The tables of a sparse file.  The entries of a directory refer to tables, and the entries of the
 * tables refer to grains.  Both directories lie within the file.
 */
struct vmdk_tables {
	uint64_t directory_offset; /* bytes */
	uint64_t copy_offset;      /* of the second directory, which has its own tables; 0: none */
	uint64_t directory_entries;
	uint32_t table_entries; /* of each table, 1 to 512 */
	uint64_t grain_size;    /* bytes, a power of two */
	uint64_t grains;        /* of the disk */
	bool zero_grains;       /* an entry of 1 stands for a grain of zeros */
};

static int vmdk_check_kind(const uint8_t *bytes, struct bs_error *err)
{
	uint32_t version = load_le32(bytes + VERSION_OFFSET);
	uint32_t flags = load_le32(bytes + FLAGS_OFFSET);

	/* A transfer of the file in text mode changes these bytes, and many more. */
	if (memcmp(bytes + LINE_ENDS_OFFSET, "\n \r\n", 4) != 0)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK header is damaged, perhaps by a transfer as text");
	if (flags & (FLAG_COMPRESSED | FLAG_MARKERS) ||
	    load_le16(bytes + COMPRESSION_OFFSET) != 0 ||
	    load_le64(bytes + DIRECTORY_OFFSET) == DIRECTORY_AT_END)
		return fail(err, BS_CONTAINER_COMPRESSED,
			    "is a compressed VMDK (streamOptimized), which cannot be changed in "
			    "place");
	/* Version 3 is version 1 with tracking of changed blocks.  QEMU only reads it. */
	if (version != 1 && version != 2)
		return fail(err, version == 3 ? BS_FORMAT_UNSUPPORTED : BS_FORMAT_UNREADABLE,
			    "is a VMDK of version %" PRIu32 ", which QEMU does not write", version);
	return 0;
}

static bool vmdk_directory_within(const uint8_t *bytes, size_t field, uint64_t entries,
				  uint64_t file_size)
{
	uint64_t offset;

	return mul_u64(load_le64(bytes + field), SECTOR_SIZE, &offset) && offset != 0 &&
	       range_within(offset, entries * TABLE_ENTRY_SIZE, file_size);
}

static int vmdk_check_layout(const uint8_t *bytes, uint64_t file_size, uint64_t *disk_size,
			     struct vmdk_tables *tables, struct bs_error *err)
{
	uint64_t capacity = load_le64(bytes + CAPACITY_OFFSET);
	uint64_t grain = load_le64(bytes + GRAIN_SIZE_OFFSET);
	uint32_t table_entries = load_le32(bytes + TABLE_ENTRIES_OFFSET);
	uint32_t flags = load_le32(bytes + FLAGS_OFFSET);
	uint64_t directory_entries;

	/* If the capacity is 0, QEMU opens the files that the descriptor names. */
	if (capacity == 0 || !mul_u64(capacity, SECTOR_SIZE, disk_size) || *disk_size > INT64_MAX ||
	    grain == 0 || grain > GRAIN_SECTORS_MAX || (grain & (grain - 1)) != 0 ||
	    table_entries == 0 || table_entries > TABLE_ENTRIES_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK header gives an impossible disk: %" PRIu64
			    " sectors in grains of %" PRIu64,
			    capacity, grain);
	directory_entries = (capacity - 1) / (table_entries * grain) + 1;
	if (directory_entries > DIRECTORY_ENTRIES_MAX ||
	    !vmdk_directory_within(bytes, DIRECTORY_OFFSET, directory_entries, file_size) ||
	    (flags & FLAG_SECOND_DIRECTORY &&
	     !vmdk_directory_within(bytes, SECOND_DIRECTORY_OFFSET, directory_entries,
				    file_size)) ||
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

static int vmdk_fail_split(const struct vmdk_descriptor *descriptor, struct bs_error *err)
{
	return fail(err, BS_CONTAINER_SPLIT, "the disk of the VMDK is in %zu files",
		    descriptor->extents.count);
}

static int vmdk_check_sparse(const struct vmdk_descriptor *descriptor, struct bs_error *err)
{
	if (descriptor->extents.count > 1)
		return vmdk_fail_split(descriptor, err);
	if (strcmp(descriptor->create_type, "monolithicSparse") != 0 ||
	    strcmp(descriptor->extents.items[0].type, "SPARSE") != 0)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "is a VMDK of the type %s, not monolithicSparse",
			    descriptor->create_type);
	return 0;
}

static int vmdk_decode_embedded(const uint8_t *bytes, size_t length, struct format *format,
				struct bs_error *err)
{
	uint64_t sector = load_le64(bytes + DESCRIPTOR_OFFSET), size;
	struct vmdk_descriptor descriptor;
	int result;

	/* VMware writes no descriptor to such a file; QEMU writes an empty one. */
	if (sector == 0 || (sector == 1 && length > HEADER_SIZE && bytes[HEADER_SIZE] == '\0'))
		return fail(err, BS_CONTAINER_PART,
			    "is one of the files of a VMDK that has its descriptor in another");
	if (sector != 1 || !mul_u64(load_le64(bytes + DESCRIPTOR_SIZE_OFFSET), SECTOR_SIZE, &size))
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the descriptor of the VMDK is not right behind its header");
	size = min_u64(size, length - HEADER_SIZE);
	if (!memchr(bytes + HEADER_SIZE, 0, size))
		return fail(err, BS_CONTAINER_CORRUPT, "the descriptor of the VMDK has no end");
	result = vmdk_descriptor_decode(bytes + HEADER_SIZE, size, &descriptor, err);
	if (result == 0)
		result = vmdk_check_sparse(&descriptor, err);
	vmdk_extents_free(&descriptor.extents);
	format->parent = descriptor.parent;
	format->identifier = descriptor.identifier;
	return result;
}

/* Checks the first `length` bytes of a sparse file.  Sets the size of the disk, or of its part. */
static int vmdk_check_header(const uint8_t *bytes, size_t length, uint64_t file_size,
			     uint64_t *disk_size, struct vmdk_tables *tables, struct bs_error *err)
{
	if (length < HEADER_SIZE || memcmp(bytes, "KDMV", 4) != 0)
		return fail(err, BS_CONTAINER_CORRUPT, "there is no VMDK header");
	return vmdk_check_kind(bytes, err) < 0
		       ? -1
		       : vmdk_check_layout(bytes, file_size, disk_size, tables, err);
}

int vmdk_decode_sparse(const uint8_t *bytes, size_t length, uint64_t file_size,
		       struct format *format, struct bs_error *err)
{
	struct vmdk_tables ignored;

	if (length >= 4 && memcmp(bytes, "COWD", 4) == 0)
		return fail(err, BS_CONTAINER_PART,
			    "is the data of a VMDK (COWD) that has its descriptor in another file");
	if (vmdk_check_header(bytes, length, file_size, &format->disk_size, &ignored, err) < 0)
		return -1;
	return vmdk_decode_embedded(bytes, length, format, err);
}

/* Types that bootshift does not change, but qemu-img can convert. */
static bool vmdk_qemu_reads(const char *type)
{
	static const char *const types[] = {"monolithicFlat",       "twoGbMaxExtentFlat",
					    "twoGbMaxExtentSparse", "vmfs",
					    "vmfsSparse",           "seSparse"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

bool vmdk_extent_is_sparse(const struct vmdk_extent *extent)
{
	return strcmp(extent->type, "SPARSE") == 0;
}

/* Whether bootshift knows what the file of such an extent is. */
static bool vmdk_is_known(const char *type, const struct vmdk_extent *extent)
{
	if (strcmp(type, "twoGbMaxExtentSparse") == 0)
		return vmdk_extent_is_sparse(extent) && !extent->has_offset;
	/* A disk of an ESX server always starts at offset 0 of its file. */
	if (strcmp(type, "vmfs") == 0)
		return strcmp(extent->type, "VMFS") == 0;
	return (strcmp(type, "monolithicFlat") == 0 || strcmp(type, "twoGbMaxExtentFlat") == 0) &&
	       strcmp(extent->type, "FLAT") == 0 && extent->has_offset;
}

static int vmdk_check_type(const struct vmdk_descriptor *descriptor, struct bs_error *err)
{
	const char *type = descriptor->create_type;
	const struct vmdk_extents *extents = &descriptor->extents;

	/* Only ESX servers make snapshots of other types. */
	if (descriptor->parent.path[0] != '\0' && strcmp(type, "twoGbMaxExtentSparse") != 0)
		return fail(err, BS_CONTAINER_DIFFERENCING,
			    "is a descriptor of the type %s, and its disk holds only the changes "
			    "to its parent, %s",
			    type, descriptor->parent.path);
	if (strcmp(type, "streamOptimized") == 0)
		return fail(err, BS_CONTAINER_COMPRESSED,
			    "is a compressed VMDK (streamOptimized), which cannot be changed in "
			    "place");
	for (size_t i = 0; i < extents->count; i++)
		if (!vmdk_is_known(type, &extents->items[i]))
			return fail(err,
				    vmdk_qemu_reads(type) ? BS_FORMAT_UNSUPPORTED
							  : BS_FORMAT_UNREADABLE,
				    "is the descriptor of a VMDK of the type %s with an extent of "
				    "the type %s",
				    type, extents->items[i].type);
	return extents->count > VMDK_FILES_MAX ? vmdk_fail_split(descriptor, err) : 0;
}

/* Returns whether `name` is no path: a path could refer to a file outside the folder. */
static bool vmdk_is_plain_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ')
			return false;
	return *name != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Whether an extent before `number` is in the same file. */
static bool vmdk_is_named_twice(const struct vmdk_extents *extents, size_t number)
{
	for (size_t i = 0; i < number; i++)
		if (strcmp(extents->items[i].name, extents->items[number].name) == 0)
			return true;
	return false;
}

static int vmdk_check_extent(const struct vmdk_extents *extents, size_t number, uint64_t *disk_size,
			     struct bs_error *err)
{
	const struct vmdk_extent *extent = &extents->items[number];
	uint64_t end;

	if (!vmdk_is_plain_name(extent->name))
		return fail(err,
			    strchr(extent->name, '\\') ? BS_FORMAT_UNREADABLE
						       : BS_FORMAT_UNSUPPORTED,
			    "the VMDK descriptor names a file of another folder: %s", extent->name);
	if (!add_u64(extent->offset, extent->length, &end) || end > INT64_MAX / 2 ||
	    !add_u64(*disk_size, extent->length, disk_size) || *disk_size > INT64_MAX / 2)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK descriptor has a malformed extent");
	if (vmdk_is_named_twice(extents, number))
		return fail(err, BS_CONTAINER_CORRUPT, "the VMDK descriptor names %s twice",
			    extent->name);
	if (extents->count > 1 && extent->offset != 0)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the disk is in several files, and does not begin at the start of %s",
			    extent->name);
	return 0;
}

static int vmdk_check_extents(const struct vmdk_extents *extents, struct bs_error *err)
{
	uint64_t disk_size = 0;

	for (size_t i = 0; i < extents->count; i++)
		if (vmdk_check_extent(extents, i, &disk_size, err) < 0)
			return -1;
	return 0;
}

/* The caller frees descriptor->extents, also on error. */
static int vmdk_decode_text(const uint8_t *bytes, size_t length, struct vmdk_descriptor *descriptor,
			    struct bs_error *err)
{
	static const char first_line[] = "# Disk DescriptorFile";
	size_t text_length = strnlen((const char *)bytes, length);

	*descriptor = (struct vmdk_descriptor){0};
	/* qemu-img fills the last sector with zeros. */
	while (length != 0 && bytes[length - 1] == 0)
		length--;
	if (length < strlen(first_line) || length > VMDK_DESCRIPTOR_MAX ||
	    memcmp(bytes, first_line, strlen(first_line)) != 0 ||
	    length > text_length + LEFT_OVER_MAX)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "begins like a VMDK descriptor, but is not a text of at most 64 KiB");
	if (vmdk_descriptor_decode(bytes, text_length, descriptor, err) < 0 ||
	    vmdk_check_type(descriptor, err) < 0)
		return -1;
	return vmdk_check_extents(&descriptor->extents, err);
}

int vmdk_decode_descriptor(const uint8_t *bytes, size_t length, struct vmdk_extents *extents,
			   struct bs_error *err)
{
	struct vmdk_descriptor descriptor;
	int result = vmdk_decode_text(bytes, length, &descriptor, err);

	*extents = descriptor.extents;
	return result;
}

/* ---- sparse extents of a disk in several files ------------------------------------------------ */

uint64_t vmdk_extent_room(const struct vmdk_extent *extent)
{
	uint64_t room = extent->length + extent->length / VMDK_ROOM_SHARE + VMDK_ROOM_MORE;

	if (!vmdk_extent_is_sparse(extent))
		return extent->offset + extent->length;
	return (room + VMDK_ROOM_UNIT - 1) / VMDK_ROOM_UNIT * VMDK_ROOM_UNIT;
}

int vmdk_check_part(struct disk *part, uint64_t wanted, uint64_t *grain_size, struct bs_error *err)
{
	struct vmdk_tables tables = {0};
	uint8_t *bytes = NULL;
	size_t length;
	uint64_t size;
	int result = codec_read(part, 0, HEADER_SIZE, &bytes, &length, err);

	if (result == 0)
		result = vmdk_check_header(bytes, length, disk_size(part), &size, &tables, err);
	if (result == 0 && size != wanted)
		result = fail(err, BS_CONTAINER_CORRUPT,
			      "its header states %" PRIu64 " bytes of the disk, the descriptor "
			      "%" PRIu64,
			      size, wanted);
	*grain_size = tables.grain_size;
	free(bytes);
	return result;
}

void vmdk_compose(const struct vmdk_extents *extents, const struct format *format,
		  const char *prefix, char text[VMDK_COMPOSED_SIZE])
{
	const struct format_parent *parent = &format->parent;
	int length = snprintf(text, VMDK_COMPOSED_SIZE,
			      "# Disk DescriptorFile\nversion=1\nCID=%08" PRIx32
			      "\nparentCID=%08" PRIx32 "\ncreateType=\"twoGbMaxExtentSparse\"\n",
			      format->identifier,
			      parent->has_identifier ? parent->identifier : VMDK_NO_PARENT);

	for (size_t i = 0; i < extents->count; i++) {
		const struct vmdk_extent *extent = &extents->items[i];

		length +=
			snprintf(text + length, VMDK_COMPOSED_SIZE - (size_t)length,
				 "RW %" PRIu64 " %s \"%s%zu\"", extent->length / SECTOR_SIZE,
				 vmdk_extent_is_sparse(extent) ? "SPARSE" : "FLAT", prefix, i + 1);
		if (!vmdk_extent_is_sparse(extent))
			length += snprintf(text + length, VMDK_COMPOSED_SIZE - (size_t)length,
					   " %" PRIu64, extent->offset / SECTOR_SIZE);
		length += snprintf(text + length, VMDK_COMPOSED_SIZE - (size_t)length, "\n");
	}
	memset(text + length, 0, VMDK_COMPOSED_SIZE - (size_t)length);
}

/* ---- the whole file ------------------------------------------------------------------------- */

static int vmdk_describe_descriptor(const uint8_t *bytes, size_t length, struct format *format,
				    struct bs_error *err)
{
	struct vmdk_descriptor descriptor;
	const struct vmdk_extents *extents = &descriptor.extents;
	int result = vmdk_decode_text(bytes, length, &descriptor, err);

	format->access = FORMAT_ELSEWHERE;
	if (result == 0) {
		if (vmdk_extent_is_sparse(&extents->items[0]))
			format->access = FORMAT_DRIVER_ELSEWHERE;
		format->parent = descriptor.parent;
		format->identifier = descriptor.identifier;
		format->offset = extents->items[0].offset;
		format->extent_count = (uint32_t)extents->count;
		memcpy(format->extent, extents->items[0].name, sizeof(format->extent));
		for (size_t i = 0; i < extents->count; i++)
			format->length += extents->items[i].length;
		format->disk_size = format->length;
	}
	vmdk_extents_free(&descriptor.extents);
	return result;
}

int vmdk_read_extents(struct disk *container, struct vmdk_extents *extents, struct bs_error *err)
{
	uint8_t *bytes = NULL;
	size_t length;
	int result = codec_read(container, 0, VMDK_DESCRIPTOR_MAX + 1, &bytes, &length, err);

	*extents = (struct vmdk_extents){0};
	if (result == 0)
		result = vmdk_decode_descriptor(bytes, length, extents, err);
	free(bytes);
	return result;
}

static int vmdk_describe(struct disk *container, struct format *format, struct bs_error *err)
{
	uint8_t *bytes = NULL;
	size_t length;
	/* One byte more than a descriptor may have, so that a longer text is refused. */
	int result = codec_read(container, 0, VMDK_DESCRIPTOR_MAX + 1, &bytes, &length, err);

	format->access = FORMAT_DRIVER;
	if (result == 0 && length > 0 && bytes[0] == '#')
		result = vmdk_describe_descriptor(bytes, length, format, err);
	else if (result == 0)
		result = vmdk_decode_sparse(bytes, (size_t)min_u64(length, VMDK_HEAD_SIZE),
					    disk_size(container), format, err);
	free(bytes);
	return result;
}

/*
 * The descriptor in a sparse extent names its own file, perhaps by an older name.  The function
 * does not report this name.
 */
static int vmdk_refer(struct disk *container, const struct reference_taker *taker,
		      struct bs_error *err)
{
	uint8_t *bytes = NULL;
	size_t length;
	int result = codec_read(container, 0, VMDK_DESCRIPTOR_MAX, &bytes, &length, err);

	if (result == 0 && length > 0 && bytes[0] == '#')
		vmdk_descriptor_refer(bytes, length, true, taker);
	else if (result == 0 && length > HEADER_SIZE && load_le64(bytes + DESCRIPTOR_OFFSET) == 1)
		vmdk_descriptor_refer(bytes + HEADER_SIZE, length - HEADER_SIZE, false, taker);
	free(bytes);
	return result;
}

/* ---- the tables ----------------------------------------------------------------------------- */

struct grains {
	struct disk *container;
	struct claims *claims;
	struct vmdk_tables tables;
	uint64_t table_number; /* of the present grain table */
};

static uint64_t vmdk_decode_entry(const uint8_t *entry)
{
	return (uint64_t)load_le32(entry) * SECTOR_SIZE;
}

static int vmdk_claim_table(struct grains *grains, const char *what, uint64_t number,
			    uint64_t place, struct bs_error *err)
{
	uint64_t length = (uint64_t)grains->tables.table_entries * TABLE_ENTRY_SIZE;

	if (!range_within(place, length, disk_size(grains->container)))
		return claims_fail_beyond(grains->claims, what, number, place, err);
	return claims_add_area(grains->claims, what, number, place, length, err);
}

/*
 * The driver reads only the grain tables of the first directory.  It writes to these and also,
 * without a check, to those of the second directory.  An entry of 0 there would be the header.  If
 * the first directory has no table, the driver writes what belongs to its grains to the grain before
 * (vmdk_pwritev() of block/vmdk.c).  Programs make all tables together with the file.
 */
static int vmdk_claim_tables(void *context, uint64_t index, const uint8_t *entry,
			     struct bs_error *err)
{
	struct grains *grains = context;
	const struct vmdk_tables *tables = &grains->tables;
	uint8_t copy[TABLE_ENTRY_SIZE];
	uint64_t place = vmdk_decode_entry(entry);

	if (place == 0)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the VMDK has no grain table %" PRIu64
			    ", and QEMU's driver would write to other grains",
			    index);
	if (vmdk_claim_table(grains, "grain table", index, place, err) < 0)
		return -1;
	if (tables->copy_offset == 0)
		return 0;
	if (disk_read(grains->container, tables->copy_offset + index * sizeof(copy), copy,
		      sizeof(copy), err) < 0)
		return -1;
	return vmdk_claim_table(grains, "copy of grain table", index, vmdk_decode_entry(copy), err);
}

static int vmdk_claim_grain(void *context, uint64_t index, const uint8_t *entry,
			    struct bs_error *err)
{
	const struct grains *grains = context;
	const struct vmdk_tables *tables = &grains->tables;
	uint64_t number = grains->table_number * tables->table_entries + index;
	uint64_t place = vmdk_decode_entry(entry);

	if (place == 0 || (place == SECTOR_SIZE && tables->zero_grains) || number >= tables->grains)
		return 0;
	return claims_add_piece(grains->claims, number, place, err);
}

static int vmdk_claim_grains(void *context, uint64_t index, const uint8_t *entry,
			     struct bs_error *err)
{
	struct grains *grains = context;
	struct table table = {.offset = vmdk_decode_entry(entry),
			      .entries = grains->tables.table_entries,
			      .entry_size = TABLE_ENTRY_SIZE};

	grains->table_number = index;
	return table_walk(grains->container, &table, vmdk_claim_grain, grains, err);
}

/* Grain tables do not share bytes.  So all tables together are at most as long as the file. */
static int vmdk_claim(struct disk *container, struct claims *claims, struct bs_error *err)
{
	struct grains grains = {.container = container, .claims = claims};
	const struct vmdk_tables *tables = &grains.tables;
	struct table directory = {.entry_size = TABLE_ENTRY_SIZE};
	uint8_t header[HEADER_SIZE];
	uint64_t length;

	if (disk_read(container, 0, header, sizeof(header), err) < 0 ||
	    vmdk_check_layout(header, disk_size(container), &length, &grains.tables, err) < 0)
		return -1;
	directory.offset = tables->directory_offset;
	directory.entries = tables->directory_entries;
	length = tables->directory_entries * TABLE_ENTRY_SIZE;
	if (claims_add_area(claims, "header", CLAIMS_NO_NUMBER, 0, VMDK_HEAD_SIZE, err) < 0 ||
	    claims_add_area(claims, "grain directory", CLAIMS_NO_NUMBER, directory.offset, length,
			    err) < 0 ||
	    claims_add_area(claims, "second grain directory", CLAIMS_NO_NUMBER, tables->copy_offset,
			    tables->copy_offset != 0 ? length : 0, err) < 0 ||
	    table_walk(container, &directory, vmdk_claim_tables, &grains, err) < 0 ||
	    claims_close_areas(claims, err) < 0 ||
	    claims_begin_pieces(claims, "grain", tables->grain_size, err) < 0)
		return -1;
	return table_walk(container, &directory, vmdk_claim_grains, &grains, err);
}

const struct format_codec vmdk_codec = {
	.magics = {{0, 4, "KDMV"}, {0, 4, "COWD"}, {0, 21, "# Disk DescriptorFile"}},
	.describe = vmdk_describe,
	.check_tables = vmdk_claim,
	.refer = vmdk_refer,
};
