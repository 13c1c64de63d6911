/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume over libntfs-3g: checks of indexes before the library works with them.
 *
 * An index is a tree: a root in the file's record, and blocks that its entries lead to.  A bitmap
 * of its own says which blocks are in use.  The library takes the first one that is not, and writes
 * over what is there: so a block that is reached but not marked would be lost with all its entries.
 * And the library crashes after it has met a damaged block of $Secure's indexes.
 */
#include "ntfs/volume-ntfs.h"

#include "ntfs/mft-record.h"
#include "ntfs/ntfs-block.h"
#include "util/bytes.h"

#define DEPTH_MAX 32 /* levels of a tree; libntfs-3g follows no more */
#define NAMES_MAX 16 /* indexes of one file; $Secure has two */

struct index {
	struct volume *volume;
	ntfs_inode *inode;
	ntfschar name[NTFS_MAX_NAME_LEN];
	u32 name_length;
	uint32_t block_size;
	uint32_t unit; /* bytes: what the numbers of blocks count */
	ntfs_attr *blocks;
	uint64_t block_count;
	uint8_t *marked, *reached; /* a bit for each block */
	s64 marked_size;           /* bytes */
	ntfs_index_visitor *visit;
	void *context;
};

static int damaged(const struct index *index, const char *what, struct bs_error *err)
{
	char name[64], text[40];

	ntfs_name_to_utf8(index->name, index->name_length, name, sizeof(name));
	return fail(err, BS_NTFS_DAMAGED, "the index %s of %s is damaged: %s", name,
		    ntfs_record_text(index->inode->mft_no, text), what);
}

/* The library cannot read a part of it: it is missing, or does not make sense. */
static int unreadable(const struct index *index, struct bs_error *err)
{
	int result = ntfs_fail(index->volume, err, "reading an index");

	if (err->code == BS_NTFS)
		err->code = BS_NTFS_DAMAGED;
	return result;
}

static bool bit_is_set(const uint8_t *bits, uint64_t bit)
{
	return (bits[bit / 8] >> bit % 8 & 1) != 0;
}

static int read_block(const struct index *index, uint64_t position, uint8_t *block,
		      struct bs_error *err)
{
	s64 done;

	/* What is wrong with the block is told here, with the name of the index. */
	index->volume->device.reads_content = true;
	done = ntfs_attr_pread(index->blocks, (s64)position, index->block_size, block);
	index->volume->device.reads_content = false;
	return done == (s64)index->block_size ? 0 : unreadable(index, err);
}

/* Notes that a block is reached.  Each is reached once, so the walk ends. */
static int reach(struct index *index, uint64_t child, uint64_t *position, struct bs_error *err)
{
	uint64_t number;

	if (!mul_u64(child, index->unit, position) || *position % index->block_size != 0)
		return damaged(index, "an entry leads to no block", err);
	number = *position / index->block_size;
	if (number >= index->block_count)
		return damaged(index, "an entry leads out of it", err);
	if (bit_is_set(index->reached, number))
		return damaged(index, "two entries lead to one block", err);
	if (number / 8 >= (uint64_t)index->marked_size || !bit_is_set(index->marked, number))
		return damaged(index, "a block that holds entries is marked as free", err);
	index->reached[number / 8] |= (uint8_t)(1u << number % 8);
	return 0;
}

static int walk_node(struct index *index, struct ntfs_index_node *node, int depth,
		     struct bs_error *err);

static int walk_block(struct index *index, uint64_t child, int depth, struct bs_error *err)
{
	uint8_t *block = malloc(index->block_size);
	struct ntfs_index_node node;
	uint64_t position;
	const char *wrong;
	int result = -1;

	if (block == NULL)
		return fail_memory(err);
	if (reach(index, child, &position, err) < 0 || read_block(index, position, block, err) < 0)
		goto out;
	wrong = ntfs_index_block_open(&node, block, index->block_size);
	if (wrong == NULL && ntfs_index_block_number(block) != child)
		wrong = "a block says that it is another one";
	result = wrong == NULL ? walk_node(index, &node, depth, err) : damaged(index, wrong, err);
out:
	free(block);
	return result;
}

static int walk_node(struct index *index, struct ntfs_index_node *node, int depth,
		     struct bs_error *err)
{
	struct ntfs_index_entry entry;

	if (depth > DEPTH_MAX)
		return damaged(index, "it has too many levels", err);
	while (ntfs_index_node_next(node, &entry)) {
		if (entry.has_child && index->blocks == NULL)
			return damaged(index, "it has no blocks", err);
		if (entry.has_child && walk_block(index, entry.child, depth + 1, err) < 0)
			return -1;
		if (!entry.is_end && index->visit != NULL)
			index->visit(index->context, &entry);
	}
	return 0;
}

/* Opens the blocks and their bitmap; a small index has none. */
static int open_blocks(struct index *index, struct bs_error *err)
{
	s64 size;

	if (!ntfs_attr_exist(index->inode, AT_INDEX_ALLOCATION, index->name, index->name_length))
		return 0;
	index->blocks =
		ntfs_attr_open(index->inode, AT_INDEX_ALLOCATION, index->name, index->name_length);
	index->marked = ntfs_attr_readall(index->inode, AT_BITMAP, index->name, index->name_length,
					  &index->marked_size);
	if (index->blocks == NULL || index->marked == NULL)
		return unreadable(index, err);
	size = index->blocks->data_size;
	index->block_count = size > 0 ? (uint64_t)size / index->block_size : 0;
	index->reached = calloc(index->block_count / 8 + 1, 1);
	return index->reached != NULL ? 0 : fail_memory(err);
}

static int check_index(struct index *index, struct bs_error *err)
{
	uint32_t cluster_size = index->volume->ntfs->cluster_size;
	struct ntfs_index_node node;
	uint8_t *root;
	s64 size;
	int result = -1;

	root = ntfs_attr_readall(index->inode, AT_INDEX_ROOT, index->name, index->name_length,
				 &size);
	if (root == NULL)
		return unreadable(index, err);
	if (size < 16 || ntfs_index_node_open(&node, root + 16, (size_t)size - 16) != NULL ||
	    load_le32(root + 8) < NTFS_STRIDE) {
		damaged(index, "its root does not fit", err);
		goto out;
	}
	index->block_size = load_le32(root + 8);
	index->unit = cluster_size <= index->block_size ? cluster_size : NTFS_STRIDE;
	if (open_blocks(index, err) == 0)
		result = walk_node(index, &node, 0, err);
out:
	if (index->blocks != NULL)
		ntfs_attr_close(index->blocks);
	free(index->marked);
	free(index->reached);
	free(root);
	return result;
}

int ntfs_check_index(struct volume *volume, ntfs_inode *inode, const char *name,
		     ntfs_index_visitor *visit, void *context, struct bs_error *err)
{
	struct index index = {.volume = volume, .inode = inode, .visit = visit, .context = context};

	for (; name[index.name_length] != '\0'; index.name_length++)
		index.name[index.name_length] = cpu_to_le16((uint8_t)name[index.name_length]);
	return check_index(&index, err);
}

int volume_check_indexes(struct volume_file *file, struct bs_error *err)
{
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(file->inode, NULL);
	struct index indexes[NAMES_MAX];
	size_t count = 0;
	int result = 0;

	if (search == NULL)
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
	ntfs_attr_put_search_ctx(search);
	for (size_t i = 0; i < count && result == 0; i++)
		result = check_index(&indexes[i], err);
	return result;
}

/* ---- $Secure ------------------------------------------------------------------------------- */

/* Of the descriptors: the last one's number and end, and where the rearmost ends. */
struct descriptors {
	uint32_t last_number;
	uint64_t last_end, rearmost_end; /* bytes of $SDS */
	bool contradictory;              /* an entry whose key is not that of its value */
};

/* An entry of $SII: a number as its key; then the hash, number, offset and size. */
static void look_at_number(void *context, const struct ntfs_index_entry *entry)
{
	struct descriptors *own = context;
	uint32_t number;
	uint64_t end;

	if (entry->length < 40 || load_le32(entry->bytes + 16) != load_le32(entry->bytes + 24)) {
		own->contradictory = true;
		return;
	}
	number = load_le32(entry->bytes + 16);
	if (!add_u64(load_le64(entry->bytes + 28), load_le32(entry->bytes + 36), &end))
		end = UINT64_MAX;
	if (number >= own->last_number) {
		own->last_number = number;
		own->last_end = end;
	}
	if (end > own->rearmost_end)
		own->rearmost_end = end;
}

/* An entry of $SDH: hash and number as its key; then the same again, offset and size. */
static void look_at_hash(void *context, const struct ntfs_index_entry *entry)
{
	struct descriptors *own = context;

	own->contradictory |=
		entry->length < 48 || load_le64(entry->bytes + 16) != load_le64(entry->bytes + 24);
}

/*
 * The library adds a descriptor behind the one with the highest number: there must not be another
 * one, and no place outside of $SDS.
 */
static int check_descriptors(struct volume *volume, const struct descriptors *descriptors,
			     struct bs_error *err)
{
	ntfs_inode *inode = volume->ntfs->secure_ni;
	ntfschar sds[] = {const_cpu_to_le16('$'), const_cpu_to_le16('S'), const_cpu_to_le16('D'),
			  const_cpu_to_le16('S')};
	ntfs_attr *stream = ntfs_attr_open(inode, AT_DATA, sds, 4);
	s64 size;

	if (stream == NULL)
		return ntfs_fail(volume, err, "reading the security descriptors");
	size = stream->data_size;
	ntfs_attr_close(stream);
	if (descriptors->contradictory || descriptors->last_end < descriptors->rearmost_end ||
	    descriptors->rearmost_end > (uint64_t)size)
		return fail(err, BS_NTFS_DAMAGED,
			    "$Secure is damaged: its account of security descriptors contradicts "
			    "itself");
	return 0;
}

int ntfs_check_security(struct volume *volume, struct bs_error *err)
{
	struct descriptors descriptors = {0};
	ntfs_inode *inode = volume->ntfs->secure_ni;

	if (volume->security_checked || inode == NULL)
		return 0;
	if (ntfs_check_index(volume, inode, "$SII", look_at_number, &descriptors, err) < 0 ||
	    ntfs_check_index(volume, inode, "$SDH", look_at_hash, &descriptors, err) < 0 ||
	    check_descriptors(volume, &descriptors, err) < 0)
		return -1;
	volume->last_security_id = descriptors.last_number;
	volume->security_checked = true;
	return 0;
}
