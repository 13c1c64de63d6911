/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the blocks of NTFS metadata have in common: the fix-ups of their sectors, and the entries of
 * an index.  A codec on buffers, no I/O, nothing of libntfs-3g.
 *
 * A block ("FILE", "INDX") has an update sequence array: a number, and for each 512 bytes the two
 * bytes that belong at their end.  On the disk the number stands there instead, so that a block of
 * which only a part was written is noticed.  (Layout: Linux, fs/ntfs3/ntfs.h; libntfs-3g,
 * layout.h.)
 */
#ifndef BOOTSHIFT_NTFS_BLOCK_H
#define BOOTSHIFT_NTFS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTFS_STRIDE 512u /* bytes that one fix-up guards, whatever the sector size */

/*
 * Puts the guarded bytes of a block back in their places.  False when the array does not fit the
 * block, or a part of the block was not written; the block is then as it was.
 */
bool ntfs_block_undo_fixups(uint8_t *block, size_t size);

/* An entry of an index; the pointers lead into the block. */
struct ntfs_index_entry {
	const uint8_t *bytes;
	uint16_t length;     /* bytes, the 16 of the entry's header included */
	uint16_t key_length; /* bytes; the key comes behind the header */
	bool is_end;         /* the last one, which has no key */
	bool has_child;
	uint64_t
		child; /* virtual cluster (or 512 bytes, see index_block_size) of the block below */
};

/* The entries of an index root or of an index block. */
struct ntfs_index_node {
	const uint8_t *header; /* the index header, from which its offsets count */
	size_t room;           /* bytes from there on */
	size_t next;           /* where the next entry is read */
	bool ended;
};

/*
 * Looks at the header of an index node and at all its entries: they lie within `room` and one of
 * them is the end.  NULL, or what is wrong.  Only of such a node the next function is called.
 */
const char *ntfs_index_node_open(struct ntfs_index_node *node, const uint8_t *header, size_t room);

/* The next entry, the end included; false after it. */
bool ntfs_index_node_next(struct ntfs_index_node *node, struct ntfs_index_entry *entry);

#define INDEX_BLOCK_HEADER 24u /* bytes of an index block before its index header */

/*
 * Looks at an index block as it is on the disk, and takes its fix-ups out.  NULL, or what is wrong;
 * *node then makes no sense.
 */
const char *ntfs_index_block_open(struct ntfs_index_node *node, uint8_t *block, size_t size);

/* The virtual cluster that a block says it is. */
uint64_t ntfs_index_block_number(const uint8_t *block);

#endif
