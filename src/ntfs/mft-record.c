/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs/mft-record.h"

#include "ntfs/ntfs-block.h"
#include "util/bytes.h"

/* Sizes in bytes, and flags; the sources are in mft-record.h. */
#define RECORD_HEADER    42u /* since Windows XP, the header has six bytes more */
#define RECORD_IN_USE    1u
#define RECORD_IS_FOLDER 2u
#define ATTRIBUTE_HEADER 16u
#define RESIDENT_HEADER  24u
#define RUNS_HEADER      64u
#define LIST_ENTRY       26u
#define END_MARK         0xFFFFFFFFu
#define ATTRIBUTE_THIN   0x80FFu /* sparse, or compressed by any method */

bool mft_record_is_file(const uint8_t *bytes)
{
	return memcmp(bytes, "FILE", 4) == 0;
}

bool mft_record_is_torn(const uint8_t *bytes)
{
	return memcmp(bytes, "BAAD", 4) == 0;
}

bool mft_record_is_in_use(const uint8_t *bytes)
{
	return (load_le16(bytes + 22) & RECORD_IN_USE) != 0;
}

bool mft_record_is_folder(const uint8_t *bytes)
{
	return (load_le16(bytes + 22) & RECORD_IS_FOLDER) != 0;
}

/* ---- attributes ---------------------------------------------------------------------------- */

static bool record_read_resident(struct mft_attribute *attribute)
{
	const uint8_t *bytes = attribute->bytes;
	uint16_t offset;

	if (attribute->length < RESIDENT_HEADER)
		return false;
	offset = load_le16(bytes + 20);
	attribute->value_length = load_le32(bytes + 16);
	attribute->value = bytes + offset;
	return range_within(offset, attribute->value_length, attribute->length);
}

static bool record_read_sizes(struct mft_attribute *attribute)
{
	const uint8_t *bytes = attribute->bytes;
	uint16_t offset;

	if (attribute->length < RUNS_HEADER)
		return false;
	attribute->first_cluster = load_le64(bytes + 16);
	attribute->last_cluster = load_le64(bytes + 24);
	attribute->allocated = load_le64(bytes + 40);
	attribute->size = load_le64(bytes + 48);
	attribute->initialized = load_le64(bytes + 56);
	offset = load_le16(bytes + 32);
	if (offset < RUNS_HEADER || offset > attribute->length)
		return false;
	attribute->pairs = bytes + offset;
	attribute->pairs_length = attribute->length - offset;
	return true;
}

/* Reads the attribute at record->next.  Returns false if there is no valid attribute. */
static bool record_read_attribute(const struct mft_record *record, struct mft_attribute *attribute)
{
	const uint8_t *bytes = record->bytes + record->next;
	uint16_t name;

	if (!range_within(record->next, ATTRIBUTE_HEADER, record->end))
		return false;
	*attribute = (struct mft_attribute){
		.type = load_le32(bytes),
		.bytes = bytes,
		.length = load_le32(bytes + 4),
		.is_resident = bytes[8] == 0,
		.name_length = bytes[9],
		.is_thin = (load_le16(bytes + 12) & ATTRIBUTE_THIN) != 0,
	};
	name = load_le16(bytes + 10);
	attribute->name = bytes + name;
	if (attribute->length < ATTRIBUTE_HEADER ||
	    !range_within(record->next, attribute->length, record->end) ||
	    (attribute->name_length != 0 &&
	     !range_within(name, 2u * attribute->name_length, attribute->length)))
		return false;
	return attribute->is_resident ? record_read_resident(attribute)
				      : record_read_sizes(attribute);
}

/* Returns whether the next word is the end mark. */
static bool record_is_at_end(const struct mft_record *record)
{
	return range_within(record->next, sizeof(uint32_t), record->end) &&
	       load_le32(record->bytes + record->next) == END_MARK;
}

const char *mft_record_open(struct mft_record *record, uint8_t *bytes, size_t size)
{
	struct mft_attribute attribute;
	uint64_t first;

	*record = (struct mft_record){.bytes = bytes};
	if (size < NTFS_STRIDE || !ntfs_block_undo_fixups(bytes, size))
		return "only a part of it was written";
	record->end = load_le32(bytes + 24);
	record->base = load_le64(bytes + 32);
	first = load_le16(bytes + 20);
	if (record->end > size || first < RECORD_HEADER || load_le32(bytes + 28) > size)
		return "its sizes do not fit";
	record->next = first;
	/* The loop ends, because each attribute is at least as long as its header. */
	while (!record_is_at_end(record)) {
		if (!record_read_attribute(record, &attribute))
			return "one of its attributes does not fit";
		record->next += attribute.length;
	}
	record->next = first;
	return NULL;
}

bool mft_record_next(struct mft_record *record, struct mft_attribute *attribute)
{
	if (record_is_at_end(record) || !record_read_attribute(record, attribute))
		return false;
	record->next += attribute->length;
	return true;
}

bool mft_attribute_is(const struct mft_attribute *attribute, uint32_t type, const char *name)
{
	size_t length = strlen(name);

	if (attribute->type != type || attribute->name_length != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (load_le16(attribute->name + 2 * i) != (uint8_t)name[i])
			return false;
	return true;
}

/* ---- run lists ----------------------------------------------------------------------------- */

void mft_runs_open(struct mft_runs *runs, const struct mft_attribute *attribute)
{
	*runs = (struct mft_runs){.next = attribute->pairs,
				  .end = attribute->pairs + attribute->pairs_length};
}

/* Loads a signed little-endian number of 1 to 8 bytes. */
static int64_t runs_load_signed(const uint8_t *bytes, unsigned length)
{
	uint64_t value = bytes[length - 1] & 0x80 ? UINT64_MAX : 0;

	while (length > 0)
		value = value << 8 | bytes[--length];
	return (int64_t)value;
}

enum mft_run_kind mft_runs_next(struct mft_runs *runs, struct range *clusters)
{
	unsigned length_bytes, offset_bytes;
	int64_t length;

	if (runs->next == runs->end || *runs->next == 0)
		return MFT_RUN_END;
	length_bytes = *runs->next & 0x0F;
	offset_bytes = *runs->next >> 4;
	if (length_bytes < 1 || length_bytes > 8 || offset_bytes > 8 ||
	    (size_t)(runs->end - runs->next) < 1 + length_bytes + offset_bytes)
		return MFT_RUN_DAMAGED;
	length = runs_load_signed(runs->next + 1, length_bytes);
	if (length <= 0)
		return MFT_RUN_DAMAGED;
	clusters->length = (uint64_t)length;
	if (offset_bytes != 0 &&
	    __builtin_add_overflow(runs->cluster,
				   runs_load_signed(runs->next + 1 + length_bytes, offset_bytes),
				   &runs->cluster))
		return MFT_RUN_DAMAGED;
	runs->next += 1 + length_bytes + offset_bytes;
	/* Windows NT wrote holes as runs at -1. */
	if (offset_bytes == 0 || runs->cluster == -1)
		return MFT_RUN_HOLE;
	if (runs->cluster < 0)
		return MFT_RUN_DAMAGED;
	clusters->offset = (uint64_t)runs->cluster;
	return MFT_RUN;
}

/* ---- attribute lists ----------------------------------------------------------------------- */

bool mft_list_next(const uint8_t *list, size_t length, size_t *offset, uint64_t *reference)
{
	const uint8_t *entry = list + *offset;
	uint16_t entry_length;

	if (!range_within(*offset, LIST_ENTRY, length))
		return false;
	entry_length = load_le16(entry + 4);
	if (entry_length < LIST_ENTRY || !range_within(*offset, entry_length, length) ||
	    (entry[6] != 0 && !range_within(entry[7], 2u * entry[6], entry_length)))
		return false;
	*reference = load_le64(entry + 16);
	*offset += entry_length;
	return true;
}
