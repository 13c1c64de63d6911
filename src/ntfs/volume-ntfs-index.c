/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume, implemented with libntfs-3g: checks of indexes before the library uses them.
 *
 * An index is a tree.  Its root is in the file's record, and entries lead to blocks.  A bitmap of
 * the index marks the blocks in use.  For a new block, the library takes the first unmarked block
 * and overwrites its content.  So a block that the tree uses, but the bitmap does not mark, would
 * be lost with all its entries.  The library also crashes after it has read a damaged block of
 * $Secure's indexes.
 */
#include "ntfs/volume-ntfs.h"

#include "ntfs/mft-record.h"
#include "ntfs/ntfs-block.h"
#include "util/bytes.h"

#define DEPTH_MAX 32 /* levels of a tree; libntfs-3g supports no more */
#define NAMES_MAX 16 /* indexes of one file; $Secure has two */

/* Receives each entry of an index, except the end entries of the nodes. */
typedef void index_visitor(void *context, const struct ntfs_index_entry *entry);

struct index {
	struct volume_ntfs *volume;
	ntfs_inode *inode;
	ntfschar name[NTFS_MAX_NAME_LEN];
	u32 name_length;
	uint32_t block_size;
	uint32_t unit;     /* bytes for each step of a block number */
	ntfs_attr *blocks; /* NULL: all entries are in the root */
	uint64_t block_count;
	uint8_t *marked, *reached; /* a bit for each block */
	s64 marked_size;           /* bytes */
	index_visitor *visit;      /* may be NULL */
	void *context;
};

static int index_damaged(const struct index *index, const char *what, struct bs_error *err)
{
	char name[64], text[40];

	ntfs_name_to_utf8(index->name, index->name_length, name, sizeof(name));
	return fail(err, BS_NTFS_DAMAGED, "the index %s of %s is damaged: %s", name,
		    ntfs_record_text(index->inode->mft_no, text), what);
}

/* Sets *err for a part of an index that the library cannot read (missing, or makes no sense). */
static int index_unreadable(const struct index *index, struct bs_error *err)
{
	int result = ntfs_fail(index->volume, err, "reading an index");

	if (err->code == BS_NTFS)
		err->code = BS_NTFS_DAMAGED;
	return result;
}

/* Marks a block as reached, and fails if it was reached before.  So the walk ends. */
static int index_reach_block(struct index *index, uint64_t child, uint64_t *position,
			     struct bs_error *err)
{
	uint64_t number;

	if (!mul_u64(child, index->unit, position) || *position % index->block_size != 0)
		return index_damaged(index, "an entry leads to no block", err);
	number = *position / index->block_size;
	if (number >= index->block_count)
		return index_damaged(index, "an entry leads out of it", err);
	if (bit_is_set(index->reached, number))
		return index_damaged(index, "two entries lead to one block", err);
	if (number / 8 >= (uint64_t)index->marked_size || !bit_is_set(index->marked, number))
		return index_damaged(index, "a block that holds entries is marked as free", err);
	bit_set(index->reached, number);
	return 0;
}

static int index_walk_node(struct index *index, struct ntfs_index_node *node, int depth,
			   struct bs_error *err);

static int index_walk_block(struct index *index, uint64_t child, int depth, struct bs_error *err)
{
	uint8_t *block = malloc(index->block_size);
	struct ntfs_index_node node;
	uint64_t position;
	const char *wrong;
	int result = -1;

	if (!block)
		return fail_memory(err);
	if (index_reach_block(index, child, &position, err) < 0)
		goto out;
	/* This read bypasses the device's check, because the messages here name the index. */
	if (ntfs_read_unchecked(index->volume, index->blocks, position, block, index->block_size) !=
	    (s64)index->block_size) {
		index_unreadable(index, err);
		goto out;
	}
	wrong = ntfs_index_block_open(&node, block, index->block_size);
	if (!wrong && ntfs_index_block_number(block) != child)
		wrong = "a block says that it is another one";
	result = wrong ? index_damaged(index, wrong, err)
		       : index_walk_node(index, &node, depth, err);
out:
	free(block);
	return result;
}

static int index_walk_node(struct index *index, struct ntfs_index_node *node, int depth,
			   struct bs_error *err)
{
	struct ntfs_index_entry entry;

	if (depth > DEPTH_MAX)
		return index_damaged(index, "it has too many levels", err);
	while (ntfs_index_node_next(node, &entry)) {
		if (entry.has_child && !index->blocks)
			return index_damaged(index, "it has no blocks", err);
		if (entry.has_child && index_walk_block(index, entry.child, depth + 1, err) < 0)
			return -1;
		if (!entry.is_end && index->visit)
			index->visit(index->context, &entry);
	}
	return 0;
}

/* Opens the index's blocks and their bitmap.  A small index has neither. */
static int index_open_blocks(struct index *index, struct bs_error *err)
{
	s64 size;

	if (!ntfs_attr_exist(index->inode, AT_INDEX_ALLOCATION, index->name, index->name_length))
		return 0;
	index->blocks =
		ntfs_attr_open(index->inode, AT_INDEX_ALLOCATION, index->name, index->name_length);
	index->marked = ntfs_attr_readall(index->inode, AT_BITMAP, index->name, index->name_length,
					  &index->marked_size);
	if (!index->blocks || !index->marked)
		return index_unreadable(index, err);
	size = index->blocks->data_size;
	index->block_count = size > 0 ? (uint64_t)size / index->block_size : 0;
	index->reached = calloc(index->block_count / 8 + 1, 1);
	return index->reached ? 0 : fail_memory(err);
}

/*
 * Walks through an index and passes its entries to index->visit.  Error: BS_NTFS_DAMAGED if a block
 * is damaged, or if an entry leads to a block that is not marked as used.
 */
static int index_check(struct index *index, struct bs_error *err)
{
	uint32_t cluster_size = index->volume->ntfs->cluster_size;
	struct ntfs_index_node node;
	NTFS_BYTES uint8_t *root = NULL;
	s64 size;
	int result = -1;

	root = ntfs_attr_readall(index->inode, AT_INDEX_ROOT, index->name, index->name_length,
				 &size);
	if (!root)
		return index_unreadable(index, err);
	if (size < 16 || ntfs_index_node_open(&node, root + 16, (size_t)size - 16) ||
	    load_le32(root + 8) < NTFS_STRIDE)
		return index_damaged(index, "its root does not fit", err);
	index->block_size = load_le32(root + 8);
	index->unit = cluster_size <= index->block_size ? cluster_size : NTFS_STRIDE;
	if (index_open_blocks(index, err) == 0)
		result = index_walk_node(index, &node, 0, err);
	ntfs_attr_close(index->blocks);
	free(index->marked);
	free(index->reached);
	return result;
}

int volume_ntfs_check_indexes(struct volume_file *base, struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	NTFS_SEARCH *search = ntfs_attr_get_search_ctx(file->inode, NULL);
	struct index indexes[NAMES_MAX];
	size_t count = 0;
	int result = 0;

	if (!search)
		return ntfs_fail(file->volume, err, "reading an index");
	while (count < NAMES_MAX &&
	       ntfs_attr_lookup(AT_INDEX_ROOT, NULL, 0, CASE_SENSITIVE, 0, NULL, 0, search) == 0) {
		struct index *index = &indexes[count++];

		*index = (struct index){.volume = file->volume,
					.inode = file->inode,
					.name_length = search->attr->name_length};
		memcpy(index->name,
		       (const u8 *)search->attr + le16_to_cpu(search->attr->name_offset),
		       index->name_length * sizeof(ntfschar));
	}
	for (size_t i = 0; i < count && result == 0; i++)
		result = index_check(&indexes[i], err);
	return result;
}

/* ---- $Secure ------------------------------------------------------------------------------- */

/*
 * A summary of the security descriptors of all files, which are in $Secure's stream $SDS.  Two
 * indexes lead to them: $SII by number, $SDH by hash.  (Layout: libntfs-3g, layout.h.)
 */
struct secure_summary {
	uint32_t last_number;  /* the highest number of a descriptor */
	uint64_t last_end;     /* where the descriptor with last_number ends, in bytes of $SDS */
	uint64_t rearmost_end; /* the highest end of all descriptors, in bytes of $SDS */
	bool is_contradictory; /* an entry's key differs from its value */
};

/* Visits an entry of $SII.  Its key is the number; its value is hash, number, offset and size. */
static void secure_visit_number(void *context, const struct ntfs_index_entry *entry)
{
	struct secure_summary *summary = context;
	uint32_t number;
	uint64_t end;

	if (entry->length < 40 || load_le32(entry->bytes + 16) != load_le32(entry->bytes + 24)) {
		summary->is_contradictory = true;
		return;
	}
	number = load_le32(entry->bytes + 16);
	if (!add_u64(load_le64(entry->bytes + 28), load_le32(entry->bytes + 36), &end))
		end = UINT64_MAX;
	if (number >= summary->last_number) {
		summary->last_number = number;
		summary->last_end = end;
	}
	summary->rearmost_end = max_u64(summary->rearmost_end, end);
}

/* Visits an entry of $SDH.  Its key is hash and number; its value is the key, offset and size. */
static void secure_visit_hash(void *context, const struct ntfs_index_entry *entry)
{
	struct secure_summary *summary = context;

	summary->is_contradictory |=
		entry->length < 48 || load_le64(entry->bytes + 16) != load_le64(entry->bytes + 24);
}

/*
 * The library adds a new descriptor behind the descriptor with the highest number.  So no other
 * descriptor may end later, and none may end outside of $SDS.
 */
static int secure_judge(struct volume_ntfs *volume, const struct secure_summary *summary,
			struct bs_error *err)
{
	ntfschar sds[] = {const_cpu_to_le16('$'), const_cpu_to_le16('S'), const_cpu_to_le16('D'),
			  const_cpu_to_le16('S')};
	NTFS_ATTRIBUTE *stream = ntfs_attr_open(volume->ntfs->secure_ni, AT_DATA, sds, 4);

	if (!stream)
		return ntfs_fail(volume, err, "reading the security descriptors");
	if (summary->is_contradictory || summary->last_end < summary->rearmost_end ||
	    summary->rearmost_end > (uint64_t)stream->data_size)
		return fail(err, BS_NTFS_DAMAGED,
			    "$Secure is damaged: its account of security descriptors contradicts "
			    "itself");
	return 0;
}

/* Checks one index of $Secure.  `name` is ASCII. */
static int secure_check_index(struct volume_ntfs *volume, const char *name, index_visitor *visit,
			      struct secure_summary *summary, struct bs_error *err)
{
	struct index index = {
		.volume = volume,
		.inode = volume->ntfs->secure_ni,
		.visit = visit,
		.context = summary,
	};

	for (; name[index.name_length] != '\0'; index.name_length++)
		index.name[index.name_length] = cpu_to_le16((uint8_t)name[index.name_length]);
	return index_check(&index, err);
}

int ntfs_check_security(struct volume_ntfs *volume, struct bs_error *err)
{
	struct secure_summary summary = {0};

	if (volume->security_checked || !volume->ntfs->secure_ni)
		return 0;
	if (secure_check_index(volume, "$SII", secure_visit_number, &summary, err) < 0 ||
	    secure_check_index(volume, "$SDH", secure_visit_hash, &summary, err) < 0 ||
	    secure_judge(volume, &summary, err) < 0)
		return -1;
	volume->last_security_id = summary.last_number;
	volume->security_checked = true;
	return 0;
}
