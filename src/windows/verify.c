/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/verify.h"

#include <string.h>
#include <strings.h>

#include <nettle/sha2.h>

#include "disk/window.h"
#include "survey/reader.h"
#include "survey/survey.h"
#include "util/bytes.h"
#include "util/memory.h"
#include "volume/scoped.h"
#include "volume/tree.h"
#include "windows/accounting.h"
#include "windows/copy.h"
#include "windows/plan.h"
#include "windows/rebuild.h"

#define CHUNK ((size_t)1 << 20) /* bytes compared at a time */

/* Boot code reads only these bytes of the disk, because it counts sectors in 32 bits. */
#define REACH (0x100000000ull * SECTOR_SIZE)

static int verify_differs(struct bs_error *err, const char *path, const char *what)
{
	return fail(err, BS_VERIFY, "%s: the copy's %s differs", path, what);
}

int verify_begin(struct verification *own, const struct volume_engine *engine,
		 const struct bs_plan *plan, struct bs_error *err)
{
	*own = (struct verification){.plan = plan};
	if (volume_open(engine, plan->boot_start, plan->boot_size, VOLUME_READ, &own->target, err) <
	    0)
		return -1;
	own->left = memory_large(2 * CHUNK);
	if (!own->left)
		return fail_memory(err);
	own->right = own->left + CHUNK;
	return 0;
}

void verify_end(struct verification *own)
{
	free(own->left);
	volume_done(own->target);
}

/* ---- content ------------------------------------------------------------------------------- */

/* Checks the retargeting in a piece of the copied BCD, and reverts it there for the comparison. */
static int verify_undo_retargeting(const struct bs_plan *plan, const char *path, uint64_t start,
				   uint8_t *piece, size_t length, struct bs_error *err)
{
	if (strcasecmp(path, BOOT_BCD_PATH) != 0 || plan_rebuilds(plan))
		return 0;
	for (uint32_t i = 0; i < plan->element_count; i++) {
		uint64_t offset = plan->elements[i].offset;

		/* No store is so long that an element lies across two pieces.  If one did, it would
		 * not be reverted, and the comparison would fail. */
		if (offset < start || !range_within(offset - start, 8, length))
			continue;
		if (load_le64(piece + (offset - start)) != plan->boot_start)
			return fail(err, BS_VERIFY, "%s: element %08x of %s is not retargeted",
				    path, plan->elements[i].element, plan->elements[i].object);
		store_le64(piece + (offset - start), plan->system_start);
	}
	return 0;
}

/*
 * Compares the bytes with those of the original.  If `source` is NULL, only the plan says how the copy
 * has to be, and the hashes of the unnamed stream are compared.
 */
static int verify_stream(struct verification *own, const char *path, struct volume_file *source,
			 struct volume_file *copy, const struct volume_stream *stream,
			 struct bs_error *err)
{
	bool unnamed = stream->name[0] == '\0';
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx hash;

	sha256_init(&hash);
	for (uint64_t offset = 0; offset < stream->size; offset += CHUNK) {
		size_t length = min_u64(stream->size - offset, CHUNK);

		if ((source &&
		     volume_read(source, stream->name, offset, own->left, length, err) < 0) ||
		    volume_read(copy, stream->name, offset, own->right, length, err) < 0)
			return -1;
		if (unnamed &&
		    verify_undo_retargeting(own->plan, path, offset, own->right, length, err) < 0)
			return -1;
		if (source && memcmp(own->left, own->right, length) != 0)
			return verify_differs(err, path, "content");
		if (!source)
			sha256_update(&hash, length, own->right);
	}
	if (source)
		return 0;
	sha256_digest(&hash, sizeof(digest), digest);
	return memcmp(digest, own->plan->files[own->cursor].sha256, sizeof(digest)) == 0
		       ? 0
		       : verify_differs(err, path, "SHA-256");
}

int verify_hash(struct verification *own, struct volume_file *copy, struct bs_error *err)
{
	const struct bs_plan_file *planned = &own->plan->files[own->cursor];
	const struct volume_stream unnamed = {.size = planned->size};

	return verify_stream(own, planned->path, NULL, copy, &unnamed, err);
}

int verify_original(struct verification *own, struct volume_file *original, struct bs_error *err)
{
	const struct volume_stream unnamed = {.size = own->plan->files[own->cursor].size};

	/* Only a copy is retargeted.  Without its path, the store is hashed as it is. */
	return verify_stream(own, "", NULL, original, &unnamed, err);
}

static int verify_streams(struct verification *own, const struct tree_visit *original,
			  struct volume_file *copy, struct bs_error *err)
{
	const char *path = original->path;
	struct volume_file *source = original->file;
	SCOPED struct volume_stream *sources = NULL;
	SCOPED struct volume_stream *copies = NULL;
	size_t source_count, copy_count;

	if (volume_streams(source, &sources, &source_count, err) < 0 ||
	    volume_streams(copy, &copies, &copy_count, err) < 0)
		return -1;
	if (source_count != copy_count)
		return verify_differs(err, path, "set of streams");
	for (size_t i = 0; i < source_count; i++) {
		/* The file system sorts streams by name, so both lists have the same order. */
		if (strcmp(sources[i].name, copies[i].name) != 0 ||
		    sources[i].size != copies[i].size)
			return verify_differs(err, path, "set of streams");
		if (verify_stream(own, path, source, copy, &sources[i], err) < 0)
			return -1;
	}
	return 0;
}

/* ---- what describes a file ----------------------------------------------------------------- */

static int verify_attributes(struct verification *own, const struct tree_visit *original,
			     struct volume_file *file, struct bs_error *err)
{
	const struct volume_metadata *source = original->metadata, *copy = &own->copied;
	const char *path = original->path;
	uint32_t attributes = source->attributes & FILE_ATTRIBUTES_COPIED;

	(void)file;
	attributes |= plan_added_attributes(own->plan, path);
	if (source->is_folder != copy->is_folder)
		return verify_differs(err, path, "kind");
	if ((copy->attributes & FILE_ATTRIBUTES_COPIED) != attributes ||
	    (copy->attributes & VERIFY_UNBOOTABLE) != 0)
		return verify_differs(err, path, "set of attributes");
	return 0;
}

static int verify_size(struct verification *own, const struct tree_visit *original,
		       struct volume_file *file, struct bs_error *err)
{
	(void)file;
	return original->metadata->size == own->copied.size
		       ? 0
		       : verify_differs(err, original->path, "size");
}

static int verify_times(struct verification *own, const struct tree_visit *original,
			struct volume_file *file, struct bs_error *err)
{
	const struct volume_metadata *source = original->metadata, *copy = &own->copied;

	(void)file;
	if (source->created != copy->created || source->modified != copy->modified ||
	    source->changed != copy->changed || source->accessed != copy->accessed)
		return verify_differs(err, original->path, "set of times");
	return 0;
}

static int verify_names(struct verification *own, const struct tree_visit *original,
			struct volume_file *file, struct bs_error *err)
{
	const struct volume_metadata *source = original->metadata, *copy = &own->copied;

	(void)file;
	if (strcmp(source->name, copy->name) != 0 ||
	    strcmp(source->short_name, copy->short_name) != 0 ||
	    source->name_space != copy->name_space)
		return verify_differs(err, original->path, "name or short name");
	return 0;
}

static int verify_equal(const char *path, const uint8_t *left, size_t left_size,
			const uint8_t *right, size_t right_size, const char *what,
			struct bs_error *err)
{
	if (left_size != right_size || (left_size != 0 && memcmp(left, right, left_size) != 0))
		return verify_differs(err, path, what);
	return 0;
}

static int verify_security(struct verification *own, const struct tree_visit *original,
			   struct volume_file *copy, struct bs_error *err)
{
	SCOPED uint8_t *left = NULL;
	SCOPED uint8_t *right = NULL;
	size_t left_size, right_size;

	if (copy_find_security(original, own->target, &left, &left_size, err) < 0 ||
	    volume_security(copy, &right, &right_size, err) < 0)
		return -1;
	return verify_equal(original->path, left, left_size, right, right_size,
			    "security descriptor", err);
}

static int verify_extended(struct verification *own, const struct tree_visit *original,
			   struct volume_file *copy, struct bs_error *err)
{
	SCOPED uint8_t *left = NULL;
	SCOPED uint8_t *right = NULL;
	size_t left_size, right_size;

	(void)own;
	if (volume_extended_attributes(original->file, &left, &left_size, err) < 0 ||
	    volume_extended_attributes(copy, &right, &right_size, err) < 0)
		return -1;
	return verify_equal(original->path, left, left_size, right, right_size,
			    "set of extended attributes", err);
}

const struct verify_aspect verify_aspects[] = {
	{VERIFY_ATTRIBUTES, verify_attributes},
	{VERIFY_SIZE, verify_size},
	{VERIFY_TIMES, verify_times},
	{"names", verify_names},
	{"security descriptor", verify_security},
	{"extended attributes", verify_extended},
	{VERIFY_CONTENT, verify_streams},
	{NULL, NULL},
};

bool verify_is_new_store(const struct bs_plan *plan, const char *path)
{
	return plan_rebuilds(plan) && strcasecmp(path, BOOT_BCD_PATH) == 0;
}

/* Whether a new BCD has this in common with the template. */
static bool verify_is_of_template(const char *aspect)
{
	return strcmp(aspect, VERIFY_SIZE) != 0 && strcmp(aspect, VERIFY_CONTENT) != 0;
}

static int verify_file(struct verification *own, const struct tree_visit *source,
		       struct volume_file *copy, struct bs_error *err)
{
	bool is_new = verify_is_new_store(own->plan, source->path);

	if (volume_stat(copy, &own->copied, err) < 0)
		return -1;
	for (const struct verify_aspect *aspect = verify_aspects; aspect->name; aspect++)
		if ((!is_new || verify_is_of_template(aspect->name)) &&
		    aspect->compare(own, source, copy, err) < 0)
			return -1;
	return 0;
}

static bool verify_is_next(const struct verification *own, const char *path)
{
	return own->cursor != own->plan->file_count &&
	       strcmp(own->plan->files[own->cursor].path, path) == 0;
}

static int verify_visited(void *context, const struct tree_visit *source, struct bs_error *err)
{
	struct verification *own = context;
	SCOPED_FILE *copy = NULL;

	if (!verify_is_next(own, source->path))
		return fail(err, BS_VERIFY, "%s is not in the plan", source->path);
	if (volume_open_file(own->target, source->path, &copy, err) < 0)
		return -1;
	if (!copy)
		return fail(err, BS_VERIFY, "%s was not copied", source->path);
	if (verify_file(own, source, copy, err) < 0)
		return -1;
	own->cursor++;
	return 0;
}

/* Compares a folder above the item if the plan has it next.  The other folders existed before. */
static int verify_parent(void *context, const struct tree_visit *source, struct bs_error *err)
{
	return verify_is_next(context, source->path) ? verify_visited(context, source, err) : 0;
}

/* Checks that the target has every file of the plan with equal content, and no others instead. */
static int verify_files(struct verification *own, struct volume *source, struct bs_error *err)
{
	uint32_t there = 0;

	for (uint32_t i = 0; i < own->plan->operation_count; i++) {
		const struct bs_operation *operation = &own->plan->operations[i];
		uint32_t count, before = own->cursor;
		bool found;

		if (operation->kind != BS_OPERATION_COPY)
			continue;
		if (tree_walk_parents(source, operation->path, verify_parent, own, err) < 0)
			return -1;
		there += own->cursor - before;
		if (tree_walk(source, operation->path, verify_visited, own, &found, err) < 0 ||
		    tree_count(own->target, operation->path, &count, err) < 0)
			return -1;
		there += count;
	}
	if (own->cursor != own->plan->file_count || there != own->plan->file_count)
		return fail(err, BS_VERIFY, "%u files were planned, %u are there",
			    own->plan->file_count, there);
	return 0;
}

/* ---- new boot files ------------------------------------------------------------------------ */

/* Compares the new BCD with the plan: its hash, and each element, as bcd.c reads it. */
static int verify_store(struct verification *own, struct bs_error *err)
{
	const struct bs_plan_file *planned;
	SCOPED uint8_t *bytes = NULL;
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx hash;
	size_t size;

	/* The plan comes from another worker. */
	if (own->plan->file_count == 0)
		return verify_differs(err, BOOT_BCD_PATH, "plan");
	planned = &own->plan->files[own->plan->file_count - 1];
	if (tree_read(own->target, BOOT_BCD_PATH, BCD_SIZE_MAX, &bytes, &size, err) < 0)
		return -1;
	if (!bytes || size != planned->size || strcasecmp(planned->path, BOOT_BCD_PATH) != 0)
		return verify_differs(err, BOOT_BCD_PATH, VERIFY_SIZE);
	sha256_init(&hash);
	sha256_update(&hash, size, bytes);
	sha256_digest(&hash, sizeof(digest), digest);
	if (memcmp(digest, planned->sha256, sizeof(digest)) != 0)
		return verify_differs(err, BOOT_BCD_PATH, "SHA-256");
	return rebuild_compare(own->plan, bytes, size, err);
}

/* Checks that the volume has every new file as the plan and the originals say, and no others. */
static int verify_new_files(struct verification *own, struct bs_error *err)
{
	const struct bs_plan *plan = own->plan;
	uint32_t there = 0, count;

	while (own->cursor < plan->file_count)
		if (rebuild_visit(own->target, plan->files[own->cursor].path, verify_visited, own,
				  err) < 0)
			return -1;
	for (uint32_t i = 0; i < plan->operation_count; i++) {
		if (plan->operations[i].kind != BS_OPERATION_COPY)
			continue;
		if (tree_count(own->target, plan->operations[i].path, &count, err) < 0)
			return -1;
		there += count;
	}
	if (there != plan->file_count)
		return fail(err, BS_VERIFY, "%u files were planned, %u are there", plan->file_count,
			    there);
	return verify_store(own, err);
}

/* ---- what starts the disk ------------------------------------------------------------------ */

/* Checks that the file system's copy of the first sector is equal, and an older copy, too. */
static int verify_copies(struct disk *boot_window, const uint8_t *record, const struct vbr *own,
			 struct bs_error *err)
{
	uint64_t offsets[VBR_COPIES_MAX];
	size_t count = vbr_copy_offsets(own, disk_size(boot_window), offsets);
	uint8_t copy[SECTOR_SIZE];

	for (size_t i = 0; i < count; i++) {
		if (disk_read(boot_window, offsets[i], copy, sizeof(copy), err) < 0)
			return -1;
		if ((i == 0 || vbr_is_copy(copy, record)) &&
		    memcmp(record, copy, sizeof(copy)) != 0)
			return fail(err, BS_VERIFY, "the boot record's copy differs from it");
	}
	return 0;
}

int verify_boot_record(struct disk *boot_window, const struct bs_plan *plan, struct bs_error *err)
{
	uint8_t record[VBR_SIZE];
	struct vbr own;

	if (disk_read(boot_window, 0, record, sizeof(record), err) < 0)
		return -1;
	vbr_parse(record, &own);
	if (own.kind != VBR_BOOTMGR || own.hidden_sectors != plan->boot_start / SECTOR_SIZE)
		return fail(err, BS_VERIFY,
			    "the boot record of the Windows volume cannot start bootmgr");
	for (uint32_t i = 0; i < plan->operation_count; i++)
		if (plan->operations[i].kind == BS_OPERATION_BOOT_CODE)
			return verify_copies(boot_window, record, &own, err);
	return 0;
}

/*
 * Checks that no cluster is lost or held twice, and that boot code can reach all that it reads.
 * Checks nothing if the volume cannot say which clusters it uses.
 */
static int verify_clusters(struct volume *target, const struct bs_plan *plan, uint64_t before,
			   struct bs_error *err)
{
	struct accounting after;

	if (!volume_has_internals(target))
		return 0;
	if (accounting_take(target, plan, &after, err) < 0) {
		/* The same check succeeded before the fix, so the fix is at fault. */
		if (err->code == BS_NTFS_DAMAGED)
			err->code = BS_VERIFY;
		return -1;
	}
	if (before != after.sum)
		return fail(err, BS_VERIFY,
			    "clusters do not add up: %llu before the fix, %llu after it",
			    (unsigned long long)before, (unsigned long long)after.sum);
	if (!range_within(plan->boot_start, after.end, REACH))
		return fail(err, BS_BEYOND_REACH,
			    "on the Windows volume (partition %u) the boot files or what leads to "
			    "them would lie beyond sector 2^32 of the disk, where boot code cannot "
			    "read them",
			    plan->boot_number);
	return 0;
}

const char *verify_link_label(enum bs_link_kind kind)
{
	static const char *const labels[BS_LINK_KIND_COUNT] = {
		[BS_LINK_MBR_CODE] = "MBR code",
		[BS_LINK_ACTIVE] = "active partition",
		[BS_LINK_BOOT_RECORD] = "boot record",
		[BS_LINK_BOOTMGR] = "bootmgr",
		[BS_LINK_BCD] = BOOT_BCD_PATH,
		[BS_LINK_DEFAULT_ENTRY] = "default entry",
		[BS_LINK_BOOT_VOLUME] = "Windows partition",
		[BS_LINK_WINLOAD] = "Windows loader",
	};

	return labels[kind];
}

/* Whether a fix leaves this link as it was, so that it may still be bad. */
static bool verify_is_as_it_was(enum bs_link_kind kind, const struct bs_plan *plan,
				const struct bs_options *options)
{
	if (!plan_moves_files(plan))
		return kind != BS_LINK_BOOT_VOLUME;
	return kind == BS_LINK_MBR_CODE || kind == BS_LINK_WINLOAD ||
	       (kind == BS_LINK_BOOT_VOLUME && options->boot_partition != 0);
}

/*
 * The disk would not start.  If a volume is damaged, the image is at fault (BS_NTFS_DAMAGED),
 * otherwise the fix is (BS_VERIFY).
 */
static int verify_no_start(const struct bs_inspection *report, struct bs_error *err)
{
	for (uint32_t i = 0; i < report->finding_count; i++)
		if (report->findings[i].code == BS_NTFS_DAMAGED)
			return fail(err, BS_NTFS_DAMAGED, "%s", report->findings[i].message);
	return fail(err, BS_VERIFY, "the disk would not start: %s",
		    report->finding_count != 0 ? report->findings[0].message
					       : "not from the Windows volume");
}

/* Surveys the disk again: nothing is left to fix, and all links that a fix makes are good. */
static int verify_chain(const struct volume_engine *engine, const struct bs_plan *plan,
			const struct bs_options *options, struct bs_error *err)
{
	/* After the fix, the survey must find without options what the user chose before it. */
	const struct bs_options found_by_itself = {
		.needed_room = options->needed_room,
		.boot_partition = options->boot_partition,
		.system_partition = plan_moves_files(plan) ? 0 : options->system_partition,
	};
	SCOPED struct survey *survey = calloc(1, sizeof(*survey));
	const struct bs_inspection *report;
	int result;

	if (!survey)
		return fail_memory(err);
	report = &survey->report;
	result = survey_take(engine, &found_by_itself, survey, err);
	survey_free(survey);
	if (result < 0)
		return -1;
	if (report->verdict != BS_VERDICT_NOTHING ||
	    report->partitions[report->boot_index].number != plan->boot_number)
		return verify_no_start(report, err);
	for (uint32_t i = 0; i < report->link_count; i++)
		if (report->links[i].state != BS_LINK_GOOD &&
		    !verify_is_as_it_was(report->links[i].kind, plan, options))
			return fail(err, BS_VERIFY, "the disk would not start: %s: %s",
				    verify_link_label(report->links[i].kind),
				    report->links[i].detail);
	return 0;
}

static int verify_volumes(const struct volume_engine *engine, const struct bs_plan *plan,
			  uint64_t clusters, struct bs_error *err)
{
	SCOPED_VOLUME *source = NULL;
	struct verification own;
	bool is_new = plan_rebuilds(plan);
	int result = is_new ? 0
			    : volume_open(engine, plan->system_start, plan->system_size,
					  VOLUME_READ, &source, err);

	if (result < 0)
		return -1;
	result = verify_begin(&own, engine, plan, err);
	if (result == 0)
		result = is_new ? verify_new_files(&own, err) : verify_files(&own, source, err);
	if (result == 0)
		result = verify_clusters(own.target, plan, clusters, err);
	verify_end(&own);
	return result;
}

int verify_run(const struct volume_engine *engine, const struct bs_plan *plan,
	       const struct bs_options *options, uint64_t clusters, struct bs_error *err)
{
	SCOPED_DISK *window = window_open(engine->disk, plan->boot_start, plan->boot_size, err);

	/* The parent compares the sector with the signature. */
	if (!plan_moves_files(plan))
		return verify_chain(engine, plan, options, err);
	if (window && verify_volumes(engine, plan, clusters, err) == 0 &&
	    verify_boot_record(window, plan, err) == 0 &&
	    verify_chain(engine, plan, options, err) == 0)
		return 0;
	/* On a sound volume, these steps cannot fail, whatever a fix does. */
	if (reader_is_content(err->code))
		err->code = BS_NTFS_DAMAGED;
	return -1;
}
