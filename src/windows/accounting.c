/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/accounting.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ntfs/ntfs-engine.h"
#include "volume/scoped.h"
#include "volume/tree.h"

/* The metadata files that making, removing and describing files can make longer. */
static const char *const growing_files[] = {
	"\\", "\\$MFT", "\\$Bitmap", "\\$Secure", "\\$Extend\\$ObjId", "\\$Extend\\$Reparse", NULL};

/* Other metadata files that a fix writes. */
static const char *const written_files[] = {"\\$MFTMirr", "\\$Boot", NULL};

/* The clusters of the counted files and, for the proof, also their records. */
struct held {
	struct volume_changed files;
	bool with_records;
};

static void accounting_free(struct held *held)
{
	range_vector_free(&held->files.clusters);
	volume_records_free(&held->files.records);
}

/* Adds a file's record, and checks its indexes, because a fix is going to change them. */
static int account_record(struct held *held, struct volume_file *file, struct bs_error *err)
{
	if (volume_records_append(&held->files.records, volume_record_number(file), err) < 0)
		return -1;
	return volume_check_indexes(file, err);
}

static int account_file(struct held *held, struct volume_file *file, struct bs_error *err)
{
	if (held->with_records && account_record(held, file, err) < 0)
		return -1;
	return volume_add_clusters(file, &held->files.clusters, err);
}

static int account_visited(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	return account_file(context, visit->file, err);
}

static int account_metadata(struct volume *volume, const char *const *paths, struct held *held,
			    struct bs_error *err)
{
	for (; *paths != NULL; paths++) {
		SCOPED_FILE *file = NULL;

		if (volume_open_file(volume, *paths, &file, err) < 0 ||
		    (file && account_file(held, file, err) < 0))
			return -1;
	}
	return 0;
}

static int accounting_by_offset(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Sets *held to the number of clusters in the runs.  No cluster may be in two runs. */
static int account_once(struct range_vector *runs, uint64_t *held, struct bs_error *err)
{
	*held = 0;
	if (runs->count != 0)
		qsort(runs->items, runs->count, sizeof(*runs->items), accounting_by_offset);
	for (size_t i = 0; i < runs->count; i++) {
		const struct range *run = &runs->items[i];

		if (i != 0 && range_end(run[-1]) > run->offset)
			return fail(err, BS_NTFS_DAMAGED, "two files share a cluster");
		*held += run->length;
	}
	return 0;
}

/* For the walk over the folders above an item.  A folder above several items counts only once. */
struct parents {
	const struct bs_plan *plan;
	uint32_t operation; /* the index of the operation that copies the item */
	struct held *held;
};

static int account_parent(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	const struct parents *parents = context;
	size_t length = strlen(visit->path);

	for (uint32_t i = 0; i < parents->operation; i++) {
		const struct bs_operation *before = &parents->plan->operations[i];

		if (before->kind == BS_OPERATION_COPY && before->path[length] == '\\' &&
		    strncasecmp(before->path, visit->path, length) == 0)
			return 0;
	}
	return account_file(parents->held, visit->file, err);
}

static int account_plan_files(struct volume *volume, const struct bs_plan *plan, struct held *held,
			      struct bs_error *err)
{
	for (uint32_t i = 0; i < plan->operation_count; i++) {
		struct parents parents = {.plan = plan, .operation = i, .held = held};
		const char *path = plan->operations[i].path;
		bool found;

		if (plan->operations[i].kind != BS_OPERATION_COPY)
			continue;
		if (tree_walk_parents(volume, path, account_parent, &parents, err) < 0 ||
		    tree_walk(volume, path, account_visited, held, &found, err) < 0)
			return -1;
	}
	return 0;
}

/* Returns the end of the last run, in clusters.  account_once() has sorted the runs. */
static uint64_t accounting_end(const struct range_vector *runs)
{
	return runs->count > 0 ? range_end(runs->items[runs->count - 1]) : 0;
}

/* Fills `held` and *accounting. */
static int account_volume(struct volume *volume, const struct bs_plan *plan, struct held *held,
			  struct accounting *accounting, struct bs_error *err)
{
	struct volume_state state;
	uint64_t clusters;

	if (volume_state(volume, &state, err) < 0 ||
	    account_metadata(volume, growing_files, held, err) < 0 ||
	    account_plan_files(volume, plan, held, err) < 0 ||
	    account_once(&held->files.clusters, &clusters, err) < 0)
		return -1;
	accounting->sum = state.free / state.cluster_size + clusters;
	accounting->end = accounting_end(&held->files.clusters) * state.cluster_size;
	return 0;
}

int accounting_take(struct volume *volume, const struct bs_plan *plan,
		    struct accounting *accounting, struct bs_error *err)
{
	struct held held = {0};
	int result = account_volume(volume, plan, &held, accounting, err);

	if (result == 0)
		result = volume_check_clusters(volume, &held.files.clusters, err);
	accounting_free(&held);
	return result;
}

static int accounting_prove_volume(struct volume *volume, const struct bs_plan *plan, uint64_t *sum,
				   struct bs_error *err)
{
	struct held held = {.with_records = true};
	struct accounting accounting;
	uint64_t ignored;
	int result = -1;

	if (account_volume(volume, plan, &held, &accounting, err) < 0 ||
	    account_metadata(volume, written_files, &held, err) < 0 ||
	    account_once(&held.files.clusters, &ignored, err) < 0)
		goto out;
	*sum = accounting.sum;
	result = volume_prove_free(volume, &held.files, err);
out:
	accounting_free(&held);
	return result;
}

int accounting_prove(struct disk *disk, const struct bs_plan *plan, uint64_t *sum,
		     struct bs_error *err)
{
	const struct volume_engine ntfs = volume_ntfs_engine(disk);
	SCOPED_VOLUME *volume = NULL;

	if (volume_open(&ntfs, plan->boot_start, plan->boot_size, VOLUME_READ, &volume, err) == 0 &&
	    accounting_prove_volume(volume, plan, sum, err) == 0)
		return 0;
	if (err->code == BS_NTFS_DAMAGED)
		fail_prefix(err, "the Windows volume (partition %u)", plan->boot_number);
	return -1;
}
