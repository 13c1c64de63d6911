/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/copy.h"

#include <string.h>
#include <strings.h>

#include <nettle/sha2.h>

#include "boot/bcd-store.h"
#include "survey/facts.h"
#include "util/bytes.h"
#include "util/memory.h"
#include "util/path.h"
#include "volume/scoped.h"
#include "volume/tree.h"
#include "windows/inherit.h"
#include "windows/plan.h"
#include "windows/rebuild.h"

#define CHUNK (1u << 20) /* bytes copied at a time */
/*
 * libntfs-3g allocates a limited number of runs for each write, so on a volume whose free space is
 * in small pieces, a large write fails as if the volume were full.  The copy repeats a failed write
 * in pieces of this many bytes.
 */
#define SMALL_CHUNK 16384u

struct copy {
	struct volume *target;
	struct bs_plan *plan;
	uint32_t *cursor;
	uint8_t *chunk;
	const uint8_t *content; /* of the file, if it is not that of the original; else NULL */
};

static int copy_write_chunk(struct volume_file *to, const char *stream, uint64_t offset,
			    const uint8_t *chunk, size_t length, struct bs_error *err)
{
	int result = volume_write(to, stream, offset, chunk, length, err);

	if (result == 0 || err->code != BS_VOLUME_FULL)
		return result;
	result = 0;
	for (size_t done = 0; done < length && result == 0; done += SMALL_CHUNK)
		result = volume_write(to, stream, offset + done, chunk + done,
				      min_u64(SMALL_CHUNK, length - done), err);
	return result;
}

/* Copies a stream, and hashes the unnamed stream. */
static int copy_stream(const struct copy *copy, struct volume_file *from, struct volume_file *to,
		       const struct volume_stream *stream, struct bs_error *err)
{
	bool unnamed = stream->name[0] == '\0';
	struct sha256_ctx hash;
	uint64_t offset = 0;

	sha256_init(&hash);
	do { /* once at least, so that an empty stream is made */
		size_t length = min_u64(stream->size - offset, CHUNK);

		if (volume_read(from, stream->name, offset, copy->chunk, length, err) < 0 ||
		    copy_write_chunk(to, stream->name, offset, copy->chunk, length, err) < 0)
			return -1;
		if (unnamed)
			sha256_update(&hash, length, copy->chunk);
		offset += length;
	} while (offset < stream->size);
	if (unnamed)
		sha256_digest(&hash, SHA256_DIGEST_SIZE, copy->plan->files[*copy->cursor].sha256);
	return 0;
}

/* Writes the content of the planned file, and hashes it. */
static int copy_write_content(const struct copy *copy, struct volume_file *to, struct bs_error *err)
{
	struct bs_plan_file *planned = &copy->plan->files[*copy->cursor];
	struct sha256_ctx hash;

	sha256_init(&hash);
	sha256_update(&hash, planned->size, copy->content);
	sha256_digest(&hash, SHA256_DIGEST_SIZE, planned->sha256);
	return copy_write_chunk(to, "", 0, copy->content, planned->size, err);
}

static int copy_streams(const struct copy *copy, struct volume_file *from, struct volume_file *to,
			struct bs_error *err)
{
	SCOPED struct volume_stream *streams = NULL;
	size_t count;

	if (copy->content)
		return copy_write_content(copy, to, err);
	if (volume_streams(from, &streams, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (copy_stream(copy, from, to, &streams[i], err) < 0)
			return -1;
	return 0;
}

/*
 * Checks that the volume returns the descriptor that was set.  If $Secure is damaged, it returns
 * another file's descriptor, or none.
 */
static int copy_check_security(struct volume_file *to, const uint8_t *descriptor, size_t size,
			       struct bs_error *err)
{
	SCOPED uint8_t *found = NULL;
	size_t found_size;

	if (volume_security(to, &found, &found_size, err) < 0)
		return -1;
	if (found_size != size || (size != 0 && memcmp(found, descriptor, size) != 0))
		return fail(
			err, BS_NTFS_DAMAGED,
			"$Secure of the Windows volume is damaged: a security descriptor that was "
			"written there reads as another one");
	return 0;
}

/* Reads the descriptor of the folder that `path` lies in. */
static int copy_read_folder_security(struct volume *target, const char *path, uint8_t **descriptor,
				     size_t *size, struct bs_error *err)
{
	SCOPED_FILE *folder = NULL;
	char folder_path[BS_PATH_MAX];

	guest_path_folder(path, folder_path);
	if (volume_open_file(target, folder_path, &folder, err) < 0)
		return -1;
	if (!folder)
		return fail(err, BS_NTFS, "%s is missing", folder_path);
	return volume_security(folder, descriptor, size, err);
}

int copy_find_security(const struct tree_visit *source, struct volume *target, uint8_t **descriptor,
		       size_t *size, struct bs_error *err)
{
	SCOPED uint8_t *folder = NULL;
	size_t folder_size;

	*descriptor = NULL;
	if (volume_has_security(source->file))
		return volume_security(source->file, descriptor, size, err);
	if (copy_read_folder_security(target, source->path, &folder, &folder_size, err) < 0)
		return -1;
	return inherit_descriptor(folder, folder_size, source->metadata->is_folder, descriptor,
				  size, err);
}

static int copy_set_security(struct volume_file *to, const uint8_t *descriptor, size_t size,
			     struct bs_error *err)
{
	if (volume_set_security(to, descriptor, size, err) < 0)
		return -1;
	return copy_check_security(to, descriptor, size, err);
}

static int copy_extended_attributes(struct volume_file *from, struct volume_file *to,
				    struct bs_error *err)
{
	SCOPED uint8_t *attributes = NULL;
	size_t size;

	if (volume_extended_attributes(from, &attributes, &size, err) < 0)
		return -1;
	return size != 0 ? volume_set_extended_attributes(to, attributes, size, err) : 0;
}

/* Opens a file that the copy has made on the target. */
static int copy_open(struct volume *target, const char *path, struct volume_file **to,
		     struct bs_error *err)
{
	if (volume_open_file(target, path, to, err) < 0)
		return -1;
	return *to ? 0 : fail(err, BS_NTFS, "%s was made and is missing", path);
}

/* Closes the file after an error, and ignores further errors: the volume is discarded anyway. */
static int copy_give_up(struct volume_file *to)
{
	volume_done_file(to);
	return -1;
}

/* Sets the times, which is the last change, and closes the file. */
static int copy_finish(struct volume_file *to, const struct volume_metadata *metadata,
		       struct bs_error *err)
{
	if (volume_set_times(to, metadata, err) < 0)
		return copy_give_up(to);
	return volume_close_file(to, err);
}

static int copy_fill(const struct copy *copy, const struct tree_visit *from, struct bs_error *err)
{
	SCOPED uint8_t *descriptor = NULL;
	struct volume_file *to;
	size_t size;

	/* Before the copy is opened: no folder is open while a file in it is written. */
	if (copy_find_security(from, copy->target, &descriptor, &size, err) < 0 ||
	    copy_open(copy->target, from->path, &to, err) < 0)
		return -1;
	if (copy_streams(copy, from->file, to, err) < 0 ||
	    copy_set_security(to, descriptor, size, err) < 0 ||
	    copy_extended_attributes(from->file, to, err) < 0 ||
	    volume_set_attributes(to, from->metadata->attributes, err) < 0)
		return copy_give_up(to);
	return copy_finish(to, from->metadata, err);
}

static int copy_one(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	const struct copy *copy = context;
	const struct bs_plan_file *planned = &copy->plan->files[*copy->cursor];
	char folder[BS_PATH_MAX];

	if (*copy->cursor == copy->plan->file_count || strcmp(planned->path, visit->path) != 0 ||
	    planned->size != visit->metadata->size ||
	    planned->is_folder != visit->metadata->is_folder)
		return fail(err, BS_CHANGED_MEANWHILE, "%s is not as it was planned", visit->path);
	guest_path_folder(visit->path, folder);
	if (volume_create(copy->target, folder, visit->metadata->name, visit->metadata->is_folder,
			  err) < 0 ||
	    volume_set_names(copy->target, folder, visit->metadata, err) < 0 ||
	    copy_fill(copy, visit, err) < 0)
		return fail_prefix(err, "copying %s", visit->path);
	++*copy->cursor;
	return 0;
}

/* Sets a folder's times after its content is complete, because new files change the times. */
static int copy_stamp_folder(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	struct volume_file *to;

	if (!visit->metadata->is_folder)
		return 0;
	if (copy_open(context, visit->path, &to, err) < 0)
		return -1;
	return copy_finish(to, visit->metadata, err);
}

/* Copies a folder above the item if it is the next file of the plan. */
static int copy_parent(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	const struct copy *copy = context;
	uint32_t next = *copy->cursor;

	if (next == copy->plan->file_count ||
	    strcmp(copy->plan->files[next].path, visit->path) != 0)
		return 0;
	return copy_one(context, visit, err);
}

/* Sets the times of a copied folder above the item again, because the item has changed them. */
static int copy_stamp_parent(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	const struct copy *copy = context;

	for (uint32_t i = 0; i < *copy->cursor; i++)
		if (strcasecmp(copy->plan->files[i].path, visit->path) == 0)
			return copy_stamp_folder(copy->target, visit, err);
	return 0;
}

int copy_item(struct volume *source, struct volume *target, const char *item, struct bs_plan *plan,
	      uint32_t *cursor, struct bs_error *err)
{
	SCOPED uint8_t *chunk = memory_large(CHUNK);
	struct copy copy = {.target = target, .plan = plan, .cursor = cursor, .chunk = chunk};
	uint32_t removed;
	bool found;

	if (!chunk)
		return fail_memory(err);
	if (tree_walk_parents(source, item, copy_parent, &copy, err) < 0 ||
	    volume_remove(target, item, &removed, err) < 0 ||
	    tree_walk(source, item, copy_one, &copy, &found, err) < 0 ||
	    tree_walk(source, item, copy_stamp_folder, target, &found, err) < 0)
		return -1;
	return tree_walk_parents(source, item, copy_stamp_parent, &copy, err);
}

/* ---- new boot files ------------------------------------------------------------------------ */

/* Whether the next file of the plan belongs to the item.  The BCD is not copied. */
static bool copy_is_next(const struct copy *copy, const char *item)
{
	const char *path;

	if (*copy->cursor == copy->plan->file_count)
		return false;
	path = copy->plan->files[*copy->cursor].path;
	return facts_lies_in(path, item) && strcasecmp(path, BOOT_BCD_PATH) != 0;
}

int copy_new_item(struct volume *volume, const char *item, struct bs_plan *plan, uint32_t *cursor,
		  struct bs_error *err)
{
	SCOPED uint8_t *chunk = memory_large(CHUNK);
	struct copy copy = {.target = volume, .plan = plan, .cursor = cursor, .chunk = chunk};
	uint32_t removed, first = *cursor;

	if (!chunk)
		return fail_memory(err);
	if (volume_remove(volume, item, &removed, err) < 0)
		return -1;
	while (copy_is_next(&copy, item))
		if (rebuild_visit(volume, plan->files[*cursor].path, copy_one, &copy, err) < 0)
			return -1;
	for (uint32_t i = first; i < *cursor; i++)
		if (rebuild_visit(volume, plan->files[i].path, copy_stamp_folder, volume, err) < 0)
			return -1;
	return 0;
}

/* The template gives the new BCD all but its content and its attributes. */
static int copy_template(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	const struct copy *copy = context;
	struct volume_metadata metadata = *visit->metadata;
	const struct tree_visit store = {
		.path = visit->path, .file = visit->file, .metadata = &metadata};

	metadata.size = copy->plan->files[*copy->cursor].size;
	metadata.attributes |= plan_added_attributes(copy->plan, visit->path);
	return copy_one(context, &store, err);
}

int copy_new_store(struct volume *volume, struct bs_plan *plan, uint32_t *cursor,
		   struct bs_error *err)
{
	SCOPED uint8_t *content = NULL;
	struct copy copy = {.target = volume, .plan = plan, .cursor = cursor};
	size_t size;

	if (bcd_store_write(plan->elements, plan->element_count, &content, &size, err) < 0)
		return -1;
	if (*cursor == plan->file_count || plan->files[*cursor].size != size)
		return fail(err, BS_CHANGED_MEANWHILE, "the new BCD is not as it was planned");
	copy.content = content;
	if (rebuild_visit(volume, BOOT_BCD_PATH, copy_template, &copy, err) < 0)
		return -1;
	return rebuild_visit(volume, BOOT_FOLDER, copy_stamp_folder, volume, err);
}
