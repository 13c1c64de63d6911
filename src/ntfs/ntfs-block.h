/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks of NTFS metadata: the fix-ups of their sectors, and the entries of an index.  A codec on
 * buffers: no I/O, nothing of libntfs-3g.
 *
 * A block ("FILE", "INDX") has an update sequence array: a number, and for each 512 bytes of the
 * block their last two bytes.  On the disk the number stands in the place of these two bytes, so
 * that a partly written block is noticed.  (Layout: Linux, fs/ntfs3/ntfs.h; libntfs-3g, layout.h.)
 */
#ifndef BOOTSHIFT_NTFS_BLOCK_H
#define BOOTSHIFT_NTFS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTFS_STRIDE 512u /* bytes for each fix-up, whatever the sector size */

/*
 * Puts the last two bytes of each 512 back in their places.  False if the array does not fit the
 * block, or if a part of the block was not written; the block is then unchanged.
 */
bool ntfs_block_undo_fixups(uint8_t *block, size_t size);

/* An entry of an index; the pointers lead into the block. */
struct ntfs_index_entry {
	const uint8_t *bytes;
	uint16_t length;     /* bytes, the 16 of the entry's header included */
	uint16_t key_length; /* bytes; the key comes behind the header */
	bool is_end;         /* the last one, which has no key */
	bool has_child;
	/* The block below: its virtual cluster, or its place in units of 512 bytes if a block is
	 * smaller than a cluster. */
	uint64_t child;
};

/* The entries of an index root or of an index block. */
struct ntfs_index_node {
	const uint8_t *header; /* the index header, from which its offsets count */
	size_t room;           /* bytes from there on */
	size_t next;           /* where the next entry is read */
	bool ended;
};

/*
 * Checks the header of an index node and all its entries: they lie within `room` bytes, and one of
 * them is the end.  Returns what is wrong, or NULL.
 */
const char *ntfs_index_node_open(struct ntfs_index_node *node, const uint8_t *header, size_t room);

/* Reads the next entry of a checked node, also the end; false behind the end. */
bool ntfs_index_node_next(struct ntfs_index_node *node, struct ntfs_index_entry *entry);

#define INDEX_BLOCK_HEADER 24u /* bytes of an index block before its index header */

/* Removes the fix-ups of an index block and checks it as above.  What is wrong, or NULL. */
const char *ntfs_index_block_open(struct ntfs_index_node *node, uint8_t *block, size_t size);

/* The number that is stored in an index block: its own, in the units of `child`. */
uint64_t ntfs_index_block_number(const uint8_t *block);

#endif
