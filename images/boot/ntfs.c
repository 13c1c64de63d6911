/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs.h"

/* The structures are those of layout.h of ntfs-3g. */
#define BPB_SECTORS_PER_CLUSTER 0x0D
#define BPB_MFT_CLUSTER         0x30
#define BPB_RECORD_SIZE         0x40
#define BPB_INDEX_SIZE          0x44

#define RECORD_ATTRIBUTES 0x14
#define RECORD_FLAGS      0x16
#define RECORD_IN_USE     1u
#define RECORD_IS_FOLDER  2u
#define RECORD_SIZE_MAX   4096u

#define ATTRIBUTE_LENGTH          0x04
#define ATTRIBUTE_IS_NON_RESIDENT 0x08
#define ATTRIBUTE_NAME_LENGTH     0x09
#define ATTRIBUTE_FLAGS           0x0C /* compressed, encrypted, sparse */
#define ATTRIBUTE_INSTANCE        0x0E
#define ATTRIBUTE_VALUE_LENGTH    0x10
#define ATTRIBUTE_VALUE_OFFSET    0x14
#define ATTRIBUTE_LOWEST_VCN      0x10
#define ATTRIBUTE_RUNS_OFFSET     0x20
#define ATTRIBUTE_DATA_SIZE       0x30
#define ATTRIBUTE_HEADER_SIZE     0x18

#define TYPE_ATTRIBUTE_LIST   0x20u
#define TYPE_DATA             0x80u
#define TYPE_INDEX_ROOT       0x90u
#define TYPE_INDEX_ALLOCATION 0xA0u
#define TYPE_END              0xFFFFFFFFu
#define ANY_INSTANCE          0xFFFFFFFFu

#define LIST_ENTRY_LENGTH   0x04
#define LIST_ENTRY_RECORD   0x10
#define LIST_ENTRY_INSTANCE 0x18
#define LIST_ENTRY_SIZE     0x1A

#define INDEX_ROOT_HEADER  0x10u
#define INDEX_BLOCK_HEADER 0x18u
#define INDEX_USED         0x04 /* bytes from the header on */
#define INDEX_HEADER_SIZE  0x10u

#define ENTRY_LENGTH      0x08
#define ENTRY_FLAGS       0x0C
#define ENTRY_HAS_CHILD   1u
#define ENTRY_IS_LAST     2u
#define ENTRY_SIZE        0x10u
#define ENTRY_NAME_LENGTH 0x50
#define ENTRY_NAME        0x52u

#define MFT_ROOT   5u
#define RUNS_MAX   4096u
#define DEPTH_MAX  16u         /* levels of an index */
#define STREAM_MAX (32u << 20) /* bytes of a file or an index that are taken seriously */

/* ---- runs ---------------------------------------------------------------------------------- */

/* A little-endian number of up to eight bytes; signed when `is_signed`. */
static uint64_t number(const uint8_t *bytes, unsigned count, bool is_signed)
{
	uint64_t value = is_signed && count > 0 && (bytes[count - 1] & 0x80) ? ~0ull : 0;

	while (count-- > 0)
		value = value << 8 | bytes[count];
	return value;
}

/* Ends because each run takes at least two bytes of the attribute. */
static bool add_runs(const struct volume *volume, struct stream *stream, const uint8_t *attribute)
{
	uint32_t at = load16(attribute + ATTRIBUTE_RUNS_OFFSET);
	uint32_t end = load32(attribute + ATTRIBUTE_LENGTH);
	uint64_t cluster = 0;

	while (at < end && attribute[at] != 0) {
		unsigned length_bytes = attribute[at] & 0xF, start_bytes = attribute[at] >> 4;
		const uint8_t *bytes = attribute + at + 1;
		uint64_t length;

		at += 1 + length_bytes + start_bytes;
		if (length_bytes > 8 || start_bytes > 8 || start_bytes == 0 || at > end)
			return false;
		length = number(bytes, length_bytes, false) * volume->cluster_sectors;
		cluster += number(bytes + length_bytes, start_bytes, true);
		if (length > UINT32_MAX || cluster > UINT32_MAX / volume->cluster_sectors ||
		    stream->run_count == RUNS_MAX)
			return false;
		stream->runs[stream->run_count++] = (struct run){
			.first = volume->first_sector + (uint32_t)cluster * volume->cluster_sectors,
			.length = (uint32_t)length,
		};
	}
	return true;
}

/* Reads whole sectors; both numbers are in bytes and multiples of a sector's. */
static bool read_runs(const struct volume *volume, const struct stream *stream, uint32_t offset,
		      uint32_t length, uint8_t *to)
{
	uint32_t first = offset / SECTOR_SIZE, count = length / SECTOR_SIZE;

	for (uint32_t i = 0; i < stream->run_count && count > 0; i++) {
		const struct run *run = &stream->runs[i];
		uint32_t part;

		if (first >= run->length) {
			first -= run->length;
			continue;
		}
		part = run->length - first < count ? run->length - first : count;
		if (!disk_read(volume->disk, run->first + first, part, to))
			return false;
		to += part * SECTOR_SIZE;
		count -= part;
		first = 0;
	}
	return count == 0;
}

/* ---- records ------------------------------------------------------------------------------- */

/* Puts back the last two bytes of each sector. */
static bool apply_fixups(uint8_t *block, uint32_t size, const char *magic)
{
	uint32_t offset = load16(block + 4), sectors = size / SECTOR_SIZE;

	if (memcmp(block, magic, 4) != 0 || load16(block + 6) != sectors + 1 ||
	    !lies_within(offset, 2 * (sectors + 1), SECTOR_SIZE - 2))
		return false;
	for (uint32_t i = 0; i < sectors; i++) {
		uint8_t *end = block + (i + 1) * SECTOR_SIZE - 2;

		if (memcmp(end, block + offset, 2) != 0)
			return false;
		memcpy(end, block + offset + 2 * (i + 1), 2);
	}
	return true;
}

static uint8_t *read_record(const struct volume *volume, uint32_t index)
{
	uint8_t *record = memory_take(volume->memory, volume->record_size);

	if (record == NULL || index > UINT32_MAX / volume->record_size ||
	    !read_runs(volume, &volume->mft, index * volume->record_size, volume->record_size,
		       record) ||
	    !apply_fixups(record, volume->record_size, "FILE") ||
	    (load16(record + RECORD_FLAGS) & RECORD_IN_USE) == 0)
		return NULL;
	return record;
}

static bool is_named(const uint8_t *attribute, const char *name)
{
	const uint8_t *own = attribute + load16(attribute + ATTRIBUTE_NAME_LENGTH + 1);
	unsigned length = attribute[ATTRIBUTE_NAME_LENGTH];

	for (unsigned i = 0; i < length; i++)
		if (name[i] == '\0' || load16(own + 2 * i) != (uint8_t)name[i])
			return false;
	return name[length] == '\0';
}

/* NULL when there is none.  Ends because each attribute has a length and lies in the record. */
static const uint8_t *find_attribute(const struct volume *volume, const uint8_t *record,
				     uint32_t type, const char *name, uint32_t instance)
{
	uint32_t at = load16(record + RECORD_ATTRIBUTES);

	while (lies_within(at, ATTRIBUTE_HEADER_SIZE, volume->record_size)) {
		const uint8_t *attribute = record + at;
		uint32_t length = load32(attribute + ATTRIBUTE_LENGTH);

		if (load32(attribute) == TYPE_END || length < ATTRIBUTE_HEADER_SIZE ||
		    !lies_within(at, length, volume->record_size))
			break;
		if (load32(attribute) == type && is_named(attribute, name) &&
		    (instance == ANY_INSTANCE ||
		     instance == load16(attribute + ATTRIBUTE_INSTANCE)))
			return attribute;
		at += length;
	}
	return NULL;
}

/* ---- streams ------------------------------------------------------------------------------- */

/* Adds an attribute, or a part of one that is spread over several records. */
static bool add_attribute(const struct volume *volume, struct stream *stream,
			  const uint8_t *attribute)
{
	uint32_t length = load32(attribute + ATTRIBUTE_LENGTH);

	if (!attribute[ATTRIBUTE_IS_NON_RESIDENT]) {
		uint32_t offset = load16(attribute + ATTRIBUTE_VALUE_OFFSET);

		stream->size = load32(attribute + ATTRIBUTE_VALUE_LENGTH);
		stream->value = attribute + offset;
		return lies_within(offset, stream->size, length);
	}
	/* A resident one may be marked as compressed, as a folder's index is, and is not. */
	if (load16(attribute + ATTRIBUTE_FLAGS) != 0)
		return false;
	if (load64(attribute + ATTRIBUTE_LOWEST_VCN) == 0) {
		if (load64(attribute + ATTRIBUTE_DATA_SIZE) > UINT32_MAX)
			return false;
		stream->size = load32(attribute + ATTRIBUTE_DATA_SIZE);
	}
	return add_runs(volume, stream, attribute);
}

static const uint8_t *stream_read(const struct volume *volume, const struct stream *stream)
{
	uint32_t size = (stream->size + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE;
	uint8_t *content;

	if (stream->value != NULL)
		return stream->value;
	content = stream->size > STREAM_MAX ? NULL : memory_take(volume->memory, size);
	if (content == NULL || !read_runs(volume, stream, 0, size, content))
		return NULL;
	return content;
}

/* The parts of an attribute that the list says are in other records. */
static bool add_listed(const struct volume *volume, struct stream *stream, const uint8_t *record,
		       uint32_t type, const char *name, const struct stream *list)
{
	const uint8_t *bytes = stream_read(volume, list);
	uint32_t length, at = 0;

	if (bytes == NULL)
		return false;
	for (; lies_within(at, LIST_ENTRY_SIZE, list->size); at += length) {
		const uint8_t *entry = bytes + at, *own = record, *attribute;
		uint32_t index = load32(entry + LIST_ENTRY_RECORD);

		length = load16(entry + LIST_ENTRY_LENGTH);
		if (length < LIST_ENTRY_SIZE)
			return false;
		if (load32(entry) != type)
			continue;
		if (index != load32(record + 0x2C))
			own = read_record(volume, index);
		if (own == NULL)
			return false;
		attribute = find_attribute(volume, own, type, name,
					   load16(entry + LIST_ENTRY_INSTANCE));
		if (attribute != NULL && !add_attribute(volume, stream, attribute))
			return false;
	}
	return true;
}

/*
 * Opens an attribute of a file, and only in the end fills *stream: but for $MFT's own, whose first
 * part tells where the records with the others are.
 */
static bool open_stream(const struct volume *volume, const uint8_t *record, uint32_t type,
			const char *name, struct stream *stream)
{
	const uint8_t *attribute = find_attribute(volume, record, type, name, ANY_INSTANCE);
	const uint8_t *list = find_attribute(volume, record, TYPE_ATTRIBUTE_LIST, "", ANY_INSTANCE);
	struct stream listed = {0};

	*stream = (struct stream){0};
	stream->runs = memory_take(volume->memory, RUNS_MAX * sizeof(struct run));
	if (stream->runs == NULL)
		return false;
	if (list == NULL)
		return attribute != NULL && add_attribute(volume, stream, attribute);
	listed.runs = memory_take(volume->memory, RUNS_MAX * sizeof(struct run));
	return listed.runs != NULL && add_attribute(volume, &listed, list) &&
	       add_listed(volume, stream, record, type, name, &listed);
}

/* ---- folders ------------------------------------------------------------------------------- */

/* Less than, equal to, or greater than zero, as `name` stands before, at or behind the entry. */
static int compare_name(const uint16_t *name, uint32_t length, const uint8_t *entry)
{
	uint32_t own_length = entry[ENTRY_NAME_LENGTH];

	for (uint32_t i = 0; i < length && i < own_length; i++) {
		uint16_t left = upper(name[i]), right = upper(load16(entry + ENTRY_NAME + 2 * i));

		if (left != right)
			return left < right ? -1 : 1;
	}
	return length < own_length ? -1 : length > own_length;
}

/*
 * The entry of that name, or the one whose child would have it; NULL when the node is damaged.
 * `header` is the index header, with `room` bytes from it on.
 */
static const uint8_t *search_node(const uint8_t *header, uint32_t room, const uint16_t *name,
				  uint32_t length, bool *found)
{
	uint32_t used = room < INDEX_HEADER_SIZE ? 0 : load32(header + INDEX_USED);
	uint32_t at = used == 0 ? 0 : load32(header);

	*found = false;
	if (used > room)
		return NULL;
	while (lies_within(at, ENTRY_SIZE, used)) {
		const uint8_t *entry = header + at;
		uint32_t own_length = load16(entry + ENTRY_LENGTH);
		int order;

		if (own_length < ENTRY_SIZE || !lies_within(at, own_length, used))
			return NULL;
		if (load16(entry + ENTRY_FLAGS) & ENTRY_IS_LAST)
			return entry;
		if (own_length < ENTRY_NAME + 2u * entry[ENTRY_NAME_LENGTH])
			return NULL;
		order = compare_name(name, length, entry);
		*found = order == 0;
		if (order <= 0)
			return entry;
		at += own_length;
	}
	return NULL;
}

static const uint8_t *read_index_block(const struct volume *volume, const struct stream *blocks,
				       uint64_t child, uint8_t *block)
{
	uint32_t cluster_size = volume->cluster_sectors * SECTOR_SIZE;
	/* Children are counted in clusters, unless a cluster is larger than a block. */
	uint32_t unit = volume->index_size >= cluster_size ? cluster_size : SECTOR_SIZE;

	if (child > STREAM_MAX / unit ||
	    !read_runs(volume, blocks, (uint32_t)child * unit, volume->index_size, block) ||
	    !apply_fixups(block, volume->index_size, "INDX"))
		return NULL;
	return block + INDEX_BLOCK_HEADER;
}

/* The record number of a name in the folder whose record this is. */
static enum file_state find_in_folder(const struct volume *volume, const uint8_t *record,
				      const uint16_t *name, uint32_t length, uint32_t *index)
{
	uint8_t *block = memory_take(volume->memory, volume->index_size);
	struct stream root, blocks;
	const uint8_t *header;
	uint32_t room;

	if (block == NULL || !open_stream(volume, record, TYPE_INDEX_ROOT, "$I30", &root) ||
	    root.value == NULL || root.size < INDEX_ROOT_HEADER)
		return FILE_UNREADABLE;
	header = root.value + INDEX_ROOT_HEADER;
	room = root.size - INDEX_ROOT_HEADER;
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		bool found;
		const uint8_t *entry = search_node(header, room, name, length, &found);

		if (entry == NULL)
			return FILE_UNREADABLE;
		if (found) {
			*index = load32(entry);
			return FILE_READ;
		}
		if ((load16(entry + ENTRY_FLAGS) & ENTRY_HAS_CHILD) == 0)
			return FILE_MISSING;
		if (depth == 0 &&
		    !open_stream(volume, record, TYPE_INDEX_ALLOCATION, "$I30", &blocks))
			return FILE_UNREADABLE;
		header = read_index_block(volume, &blocks,
					  load64(entry + load16(entry + ENTRY_LENGTH) - 8), block);
		if (header == NULL)
			return FILE_UNREADABLE;
		room = volume->index_size - INDEX_BLOCK_HEADER;
	}
	return FILE_UNREADABLE;
}

/* ---- files --------------------------------------------------------------------------------- */

/* A size as the BPB has it, in bytes. */
static uint32_t size_of(uint8_t byte, uint32_t cluster_sectors)
{
	if (byte < 0x80)
		return byte * cluster_sectors * SECTOR_SIZE;
	return byte > 0xE0 ? 1u << (0x100 - byte) : 0;
}

bool volume_open(struct volume *volume, struct memory *memory, uint8_t disk, uint32_t first_sector)
{
	uint8_t sector[SECTOR_SIZE], *record;
	uint32_t clusters;

	if (!disk_read(disk, first_sector, 1, sector) || memcmp(sector + 3, "NTFS    ", 8) != 0)
		return false;
	clusters = sector[BPB_SECTORS_PER_CLUSTER];
	if (clusters > 0x80)
		clusters = clusters >= 0xF0 ? 1u << (0x100 - clusters) : 0;
	*volume = (struct volume){
		.disk = disk,
		.first_sector = first_sector,
		.cluster_sectors = clusters,
		.record_size = size_of(sector[BPB_RECORD_SIZE], clusters),
		.index_size = size_of(sector[BPB_INDEX_SIZE], clusters),
		.memory = memory,
	};
	if (clusters == 0 || volume->record_size < SECTOR_SIZE ||
	    volume->record_size > RECORD_SIZE_MAX || volume->index_size < SECTOR_SIZE ||
	    volume->index_size > 1u << 16)
		return false;
	record = memory_take(memory, volume->record_size);
	return record != NULL &&
	       disk_read(disk, first_sector + load32(sector + BPB_MFT_CLUSTER) * clusters,
			 volume->record_size / SECTOR_SIZE, record) &&
	       apply_fixups(record, volume->record_size, "FILE") &&
	       open_stream(volume, record, TYPE_DATA, "", &volume->mft);
}

static enum file_state read_content(const struct volume *volume, const uint8_t *record,
				    struct bytes *content)
{
	struct stream data;

	if (load16(record + RECORD_FLAGS) & RECORD_IS_FOLDER)
		return FILE_MISSING;
	if (!open_stream(volume, record, TYPE_DATA, "", &data))
		return FILE_UNREADABLE;
	content->length = data.size;
	content->data = stream_read(volume, &data);
	return content->data != NULL ? FILE_READ : FILE_UNREADABLE;
}

enum file_state volume_read_file(struct volume *volume, const uint16_t *path, uint32_t length,
				 struct bytes *content)
{
	uint32_t index = MFT_ROOT, at = 0;
	const uint8_t *record = read_record(volume, index);

	while (record != NULL && at < length) {
		uint32_t start = ++at; /* behind the backslash */
		enum file_state state;

		while (at < length && path[at] != '\\')
			at++;
		if ((load16(record + RECORD_FLAGS) & RECORD_IS_FOLDER) == 0)
			return FILE_MISSING;
		state = find_in_folder(volume, record, path + start, at - start, &index);
		if (state != FILE_READ)
			return state;
		record = read_record(volume, index);
	}
	return record != NULL ? read_content(volume, record, content) : FILE_UNREADABLE;
}
