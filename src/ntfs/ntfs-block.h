/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks of NTFS metadata: the fix-ups of their sectors, and the entries of an index.  A codec on
 * buffers, which does no I/O and uses nothing of libntfs-3g.
 *
 * A block ("FILE", "INDX") has an update sequence array: a number, then the last two bytes of each
 * 512 bytes of the block.  On the disk, the number replaces these two bytes.  So a reader notices a
 * partly written block.  (Layout: Linux, fs/ntfs3/ntfs.h; libntfs-3g, layout.h.)
 */
#ifndef BOOTSHIFT_NTFS_BLOCK_H
#define BOOTSHIFT_NTFS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTFS_STRIDE 512u /* bytes for each fix-up, for any sector size */

/*
 * Puts the last two bytes of each 512 bytes back.  Returns false, with the block unchanged, if the
 * array does not fit the block, or if a part of the block was not written.
 */
bool ntfs_block_undo_fixups(uint8_t *block, size_t size);

/* An entry of an index.  `bytes` points into the block. */
struct ntfs_index_entry {
	const uint8_t *bytes;
	uint16_t length;     /* bytes, including the entry's header of 16 bytes */
	uint16_t key_length; /* bytes; the key follows the header */
	bool is_end;         /* the last entry, which has no key */
	bool has_child;
	/* The number of the block below, which counts clusters, or units of 512 bytes if a block is
	 * smaller than a cluster. */
	uint64_t child;
};

/* The entries of an index root or of an index block. */
struct ntfs_index_node {
	const uint8_t *header; /* the index header; offsets count from here */
	size_t room;           /* bytes from `header` on */
	size_t next;           /* offset of the next entry */
	bool ended;
};

/*
 * Checks the header of an index node and all its entries: they lie within `room` bytes, and one of
 * them is the end.  Returns the defect, or NULL.
 */
const char *ntfs_index_node_open(struct ntfs_index_node *node, const uint8_t *header, size_t room);

/* Reads the next entry of a checked node, including the end entry.  Returns false after the end. */
bool ntfs_index_node_next(struct ntfs_index_node *node, struct ntfs_index_entry *entry);

#define INDEX_BLOCK_HEADER 24u /* bytes of an index block before its index header */

/* Removes the fix-ups of an index block and checks its node.  Returns the defect, or NULL. */
const char *ntfs_index_block_open(struct ntfs_index_node *node, uint8_t *block, size_t size);

/* Returns the block's own number, which an index block stores.  Units as for `child`. */
uint64_t ntfs_index_block_number(const uint8_t *block);

#endif
