/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fix-ups, index nodes and index blocks: correct ones with their exact bytes, and wrong ones. */
#include "support/test.h"
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */

#include "ntfs/ntfs-block.h"
#include "util/bytes.h"

#define SIZE   1024u
#define HEADER INDEX_BLOCK_HEADER
#define FIRST  (HEADER + 0x20u) /* the first entry */

/* clang-format off */
static const uint8_t start[] = {
	'I', 'N', 'D', 'X',
	0x28, 0, 3, 0,                      /* the fix-ups: at 0x28, three numbers */
	0, 0, 0, 0, 0, 0, 0, 0,
	6, 0, 0, 0, 0, 0, 0, 0,             /* number of the block */
	/* the index header; its offsets count from its own start */
	0x20, 0, 0, 0, 0x60, 0, 0, 0,       /* first entry, end of the entries */
	0xE8, 3, 0, 0, 1, 0, 0, 0,          /* room; not a leaf */
	0x05, 0, 0x11, 0x12, 0x21, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* an entry of 40 bytes with a key of 10, and a child */
	1, 0, 0, 0, 0, 0, 2, 0, 0x28, 0, 10, 0, 1, 0, 0, 0,
	'k', 'e', 'y', ' ', 'o', 'f', ' ', 't', 'e', 'n', 0, 0, 0, 0, 0, 0,
	8, 0, 0, 0, 0, 0, 0, 0,
	/* the end, with a child */
	0, 0, 0, 0, 0, 0, 0, 0, 0x18, 0, 0, 0, 3, 0, 0, 0,
	10, 0, 0, 0, 0, 0, 0, 0,
};
/* clang-format on */

static uint8_t bytes[SIZE];

static void make(void)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, start, sizeof(start));
	memcpy(bytes + 510, "\x05\0", 2);
	memcpy(bytes + 1022, "\x05\0", 2);
}

TEST_CASE(ntfs_block, "ntfs-block", .setup = make);

TEST(ntfs_block, fixups_are_taken_out)
{
	ck_assert(ntfs_block_undo_fixups(bytes, SIZE));
	ck_assert_mem_eq(bytes + 510, "\x11\x12", 2);
	ck_assert_mem_eq(bytes + 1022, "\x21\x22", 2);
	ck_assert(!ntfs_block_undo_fixups(bytes, SIZE)); /* the fix-ups are undone already */
}

TEST(ntfs_block, a_block_of_which_a_part_is_old_stays_as_it_is)
{
	uint8_t before[SIZE];

	bytes[1022] = 4;
	memcpy(before, bytes, SIZE);
	ck_assert(!ntfs_block_undo_fixups(bytes, SIZE));
	ck_assert_mem_eq(bytes, before, SIZE);
}

TEST(ntfs_block, fixups_that_do_not_fit_are_none)
{
	ck_assert(!ntfs_block_undo_fixups(bytes, SIZE / 2));
	ck_assert(!ntfs_block_undo_fixups(bytes, SIZE - 1));
	ck_assert(!ntfs_block_undo_fixups(bytes, 0));
	bytes[4] = 0x29;
	ck_assert(!ntfs_block_undo_fixups(bytes, SIZE));
	store_le16(bytes + 4, 506); /* the fix-ups would protect themselves */
	ck_assert(!ntfs_block_undo_fixups(bytes, SIZE));
}

TEST(ntfs_block, an_index_block_is_taken_apart)
{
	struct ntfs_index_node node;
	struct ntfs_index_entry entry;

	ck_assert_ptr_null(ntfs_index_block_open(&node, bytes, SIZE));
	ck_assert_uint_eq(ntfs_index_block_number(bytes), 6);
	ck_assert(ntfs_index_node_next(&node, &entry));
	ck_assert_uint_eq(entry.length, 40);
	ck_assert_uint_eq(entry.key_length, 10);
	ck_assert_ptr_eq(entry.bytes, bytes + FIRST);
	ck_assert(entry.has_child && !entry.is_end);
	ck_assert_uint_eq(entry.child, 8);
	ck_assert(ntfs_index_node_next(&node, &entry));
	ck_assert(entry.has_child && entry.is_end);
	ck_assert_uint_eq(entry.child, 10);
	ck_assert(!ntfs_index_node_next(&node, &entry));
}

TEST(ntfs_block, what_lies_behind_the_end_of_an_index_is_no_entry)
{
	struct ntfs_index_node node;
	struct ntfs_index_entry entry;

	memcpy(bytes + FIRST + 40 + 24, bytes + FIRST, 40); /* an old entry */
	ck_assert_ptr_null(ntfs_index_block_open(&node, bytes, SIZE));
	ck_assert(ntfs_index_node_next(&node, &entry) && ntfs_index_node_next(&node, &entry));
	ck_assert(entry.is_end);
	ck_assert(!ntfs_index_node_next(&node, &entry));
}

static const struct {
	size_t at;
	const char *bytes;
	size_t length;
} damages[] = {
	{0, "B", 1},
	{510, "\x06", 1},
	{HEADER, "\x0F", 1},         /* the first entry is in the header */
	{HEADER, "\x61", 1},         /* the first entry is after the end */
	{HEADER + 4, "\x5F", 1},     /* the last entry is cut off */
	{HEADER + 4, "\xE9\x03", 2}, /* more bytes than there is room */
	{HEADER + 8, "\xE9\x03", 2}, /* the room ends after the block */
	{HEADER + 11, "\x80", 1},    /* much more room */
	{FIRST + 8, "\x00", 1},      /* an entry with length 0 */
	{FIRST + 8, "\x21", 1},      /* too short for the key and the child */
	{FIRST + 9, "\x10", 1},      /* the entry ends after the end */
	{FIRST + 10, "\x11", 1},     /* the key is longer than its entry */
	{FIRST + 11, "\xFF", 1},
	{FIRST + 40 + 8, "\x17", 1},  /* the end entry has no child */
	{FIRST + 40 + 12, "\x01", 1}, /* no end entry */
};

TEST_EACH(ntfs_block, what_does_not_fit_is_noticed, damages)
{
	struct ntfs_index_node node;

	memcpy(bytes + damages[_i].at, damages[_i].bytes, damages[_i].length);
	ck_assert_ptr_nonnull(ntfs_index_block_open(&node, bytes, SIZE));
}

TEST(ntfs_block, a_node_with_too_little_room_is_none)
{
	struct ntfs_index_node node;

	ck_assert_ptr_null(ntfs_index_block_open(&node, bytes, SIZE));
	for (size_t room = 0; room < 0x3E8; room++)
		ck_assert_ptr_nonnull(ntfs_index_node_open(&node, bytes + HEADER, room));
	ck_assert_ptr_null(ntfs_index_node_open(&node, bytes + HEADER, 0x3E8));
}
