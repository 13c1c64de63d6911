/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs/ntfs-block.h"

#include "util/bytes.h"

#define ENTRY_HEADER 16u
#define INDEX_HEADER 16u

enum { ENTRY_HAS_CHILD = 1, ENTRY_IS_END = 2 };

bool ntfs_block_undo_fixups(uint8_t *block, size_t size)
{
	size_t array = load_le16(block + 4), count = load_le16(block + 6);
	uint8_t number[2];

	/* The array must end before the first two bytes that the fix-ups replace. */
	if (size == 0 || size % NTFS_STRIDE != 0 || array % 2 != 0 ||
	    count != size / NTFS_STRIDE + 1 || !range_within(array, 2 * count, NTFS_STRIDE - 2))
		return false;
	memcpy(number, block + array, sizeof(number));
	for (size_t i = 1; i < count; i++)
		if (memcmp(block + i * NTFS_STRIDE - 2, number, sizeof(number)) != 0)
			return false;
	for (size_t i = 1; i < count; i++)
		memcpy(block + i * NTFS_STRIDE - 2, block + array + 2 * i, 2);
	return true;
}

/* ---- index nodes --------------------------------------------------------------------------- */

/* Reads the entry at `offset`.  Returns false if the entry does not end by `end`. */
static bool index_read_entry(const struct ntfs_index_node *node, size_t offset, size_t end,
			     struct ntfs_index_entry *entry)
{
	const uint8_t *bytes = node->header + offset;
	uint16_t flags;
	size_t least;

	if (!range_within(offset, ENTRY_HEADER, end))
		return false;
	flags = load_le16(bytes + 12);
	*entry = (struct ntfs_index_entry){
		.bytes = bytes,
		.length = load_le16(bytes + 8),
		.is_end = (flags & ENTRY_IS_END) != 0,
		.has_child = (flags & ENTRY_HAS_CHILD) != 0,
	};
	if (!entry->is_end)
		entry->key_length = load_le16(bytes + 10);
	least = ENTRY_HEADER + entry->key_length + (entry->has_child ? sizeof(uint64_t) : 0);
	if (entry->length < least || !range_within(offset, entry->length, end))
		return false;
	if (entry->has_child)
		entry->child = load_le64(bytes + entry->length - sizeof(uint64_t));
	return true;
}

const char *ntfs_index_node_open(struct ntfs_index_node *node, const uint8_t *header, size_t room)
{
	struct ntfs_index_entry entry;
	size_t first, end;

	*node = (struct ntfs_index_node){.header = header, .room = room};
	if (room < INDEX_HEADER)
		return "an index header that is cut off";
	first = load_le32(header);
	end = load_le32(header + 4);
	if (first < INDEX_HEADER || first > end || end > load_le32(header + 8) ||
	    load_le32(header + 8) > room)
		return "an index whose sizes do not fit";
	/* The loop ends, because each entry is at least as long as its header. */
	for (size_t offset = first;; offset += entry.length) {
		if (!index_read_entry(node, offset, end, &entry))
			return "an index entry that does not fit";
		if (entry.is_end)
			break;
	}
	node->next = first;
	return NULL;
}

bool ntfs_index_node_next(struct ntfs_index_node *node, struct ntfs_index_entry *entry)
{
	if (node->ended || !index_read_entry(node, node->next, node->room, entry))
		return false;
	node->next += entry->length;
	node->ended = entry->is_end;
	return true;
}

/* ---- index blocks -------------------------------------------------------------------------- */

const char *ntfs_index_block_open(struct ntfs_index_node *node, uint8_t *block, size_t size)
{
	if (size < NTFS_STRIDE || memcmp(block, "INDX", 4) != 0)
		return "a block has no index";
	if (!ntfs_block_undo_fixups(block, size))
		return "an index block of which only a part was written";
	return ntfs_index_node_open(node, block + INDEX_BLOCK_HEADER, size - INDEX_BLOCK_HEADER);
}

uint64_t ntfs_index_block_number(const uint8_t *block)
{
	return load_le64(block + 16);
}
