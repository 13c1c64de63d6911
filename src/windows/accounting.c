/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/accounting.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "windows/tree.h"

/* The metadata files that making, removing and describing files can make longer. */
static const char *const metadata_files[] = {
	"\\", "\\$MFT", "\\$Bitmap", "\\$Secure", "\\$Extend\\$ObjId", "\\$Extend\\$Reparse"};

static int add_runs(void *context, const char *path, struct volume_file *file,
		    const struct volume_metadata *metadata, struct bs_error *err)
{
	(void)path;
	(void)metadata;
	return volume_add_runs(file, context, err);
}

static int add_metadata(struct volume *volume, struct volume_runs *runs, struct bs_error *err)
{
	for (size_t i = 0; i < sizeof(metadata_files) / sizeof(metadata_files[0]); i++) {
		struct volume_file *file;
		int result;

		if (volume_open_file(volume, metadata_files[i], &file, err) < 0)
			return -1;
		if (file == NULL)
			continue;
		result = volume_add_runs(file, runs, err);
		volume_done_file(file);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int by_first(const void *left, const void *right)
{
	const struct volume_run *a = left, *b = right;

	return (a->first > b->first) - (a->first < b->first);
}

/* *held = how many clusters the runs have together. */
static int count_once(struct volume_runs *runs, uint64_t *held, struct bs_error *err)
{
	*held = 0;
	if (runs->count != 0)
		qsort(runs->runs, runs->count, sizeof(*runs->runs), by_first);
	for (size_t i = 0; i < runs->count; i++) {
		const struct volume_run *run = &runs->runs[i];

		if (i != 0 && run[-1].first + run[-1].length > run->first)
			return fail(err, BS_NTFS_DAMAGED, "two files share a cluster");
		*held += run->length;
	}
	return 0;
}

/* A folder on the way to several items is counted for the first. */
struct parents {
	const struct bs_plan *plan;
	uint32_t operation; /* the one whose parents are walked */
	struct volume_runs *runs;
};

static int add_parent_runs(void *context, const char *path, struct volume_file *file,
			   const struct volume_metadata *metadata, struct bs_error *err)
{
	const struct parents *parents = context;
	size_t length = strlen(path);

	(void)metadata;
	for (uint32_t i = 0; i < parents->operation; i++) {
		const struct bs_operation *before = &parents->plan->operations[i];

		if (before->kind == BS_OPERATION_COPY && before->path[length] == '\\' &&
		    strncasecmp(before->path, path, length) == 0)
			return 0;
	}
	return volume_add_runs(file, parents->runs, err);
}

static int add_plan_runs(struct volume *volume, const struct bs_plan *plan,
			 struct volume_runs *runs, struct bs_error *err)
{
	for (uint32_t i = 0; i < plan->operation_count; i++) {
		struct parents parents = {.plan = plan, .operation = i, .runs = runs};
		const char *path = plan->operations[i].path;
		bool found;

		if (plan->operations[i].kind != BS_OPERATION_COPY)
			continue;
		if (tree_walk_parents(volume, path, add_parent_runs, &parents, err) < 0 ||
		    tree_walk(volume, path, add_runs, runs, &found, err) < 0)
			return -1;
	}
	return 0;
}

/* count_once() has sorted the runs. */
static uint64_t end_of(const struct volume_runs *runs)
{
	const struct volume_run *last = runs->count != 0 ? &runs->runs[runs->count - 1] : NULL;

	return last != NULL ? last->first + last->length : 0;
}

int accounting_take(struct volume *volume, const struct bs_plan *plan,
		    struct accounting *accounting, struct bs_error *err)
{
	struct volume_runs runs = {0};
	struct volume_state state;
	uint64_t held;
	int result = -1;

	if (volume_state(volume, &state, err) < 0 || add_metadata(volume, &runs, err) < 0 ||
	    add_plan_runs(volume, plan, &runs, err) < 0 || count_once(&runs, &held, err) < 0 ||
	    volume_check_runs(volume, &runs, err) < 0)
		goto out;
	accounting->sum = state.free / state.cluster_size + held;
	accounting->end = end_of(&runs) * state.cluster_size;
	result = 0;
out:
	free(runs.runs);
	return result;
}
