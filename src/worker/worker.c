/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/worker.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "boot/vbr.h"
#include "disk/cache.h"
#include "ntfs/ntfs-engine.h"
#include "survey/survey.h"
#include "util/range.h"
#include "windows/accounting.h"
#include "windows/map.h"
#include "windows/opinion.h"
#include "windows/plan.h"
#include "windows/recheck.h"
#include "windows/stage.h"
#include "windows/verify.h"
#include "windows/zones.h"
#include "worker/budget.h"
#include "worker/confine.h"
#include "worker/message.h"
#include "worker/remote.h"

#define KEPT_MEMORY (32 << 20) /* bytes; the most that glibc takes for M_MMAP_THRESHOLD */

/* Opens FAT volumes with the appliance's engine, and all other volumes with libntfs-3g's. */
struct mixed_engine {
	struct volume_engine base;
	const struct volume_engine *ntfs, *appliance;
};

struct worker {
	struct remote_end end;
	struct disk *remote;
	struct disk *disk; /* `remote` with a cache; only this process writes to the disk */
	struct volume_engine ntfs;
	struct appliance_engine appliance;
	struct mixed_engine mixed;
	const struct volume_engine *engine; /* one of the three */
	const struct worker_task *task;
};

/* The parent carries out all writes before it gets the message. */
static int worker_tell(const struct worker *worker, enum message_type type, const void *payload,
		       size_t length, struct bs_error *err)
{
	if (worker->remote && remote_send_writes(worker->remote, err) < 0)
		return -1;
	return remote_send_message(worker->end.socket, type, payload, length, REMOTE_FOREVER, err);
}

static int worker_send_plan(const struct worker *worker, enum message_type type,
			    const struct bs_plan *plan, struct bs_error *err)
{
	uint8_t *bytes;
	size_t length;
	int result;

	if (message_pack_plan(plan, &bytes, &length, err) < 0)
		return -1;
	result = worker_tell(worker, type, bytes, length, err);
	free(bytes);
	return result;
}

static int worker_await_proceed(const struct worker *worker, struct bs_error *err)
{
	struct remote_message answer;

	if (remote_receive_message(worker->end.socket, 0, REMOTE_FOREVER, &answer, err) < 0)
		return -1;
	free(answer.payload);
	return answer.type == MESSAGE_PROCEED
		       ? 0
		       : fail(err, BS_WORKER, "the parent process gave another answer");
}

/* ---- rehearsing ---------------------------------------------------------------------------- */

/* Tells the parent that an operation is done, so that the parent counts the written sectors. */
static int worker_tell_operation(void *worker, uint32_t index, struct bs_error *err)
{
	return worker_tell(worker, MESSAGE_OPERATION, &index, sizeof(index), err);
}

static int worker_send_zones(const struct worker *worker, const struct bs_plan *plan,
			     struct bs_error *err)
{
	struct range_vector zones = {0};
	int result = zones_collect(worker->disk, plan, &zones, err);

	if (result == 0)
		result = worker_tell(worker, MESSAGE_ZONES, zones.items,
				     zones.count * sizeof(*zones.items), err);
	range_vector_free(&zones);
	return result;
}

static int worker_rehearse(struct worker *worker, struct bs_plan *plan, struct bs_error *err)
{
	uint64_t clusters = 0;

	if ((plan_moves_files(plan) && accounting_prove(worker->disk, plan, &clusters, err) < 0) ||
	    worker_send_plan(worker, MESSAGE_PLAN, plan, err) < 0 ||
	    worker_await_proceed(worker, err) < 0 ||
	    stage_run(worker->engine, plan, worker_tell_operation, worker, err) < 0 ||
	    worker_tell(worker, MESSAGE_CLUSTERS, &clusters, sizeof(clusters), err) < 0 ||
	    worker_send_zones(worker, plan, err) < 0)
		return -1;
	return worker_send_plan(worker, MESSAGE_STAGED, plan, err);
}

/* ---- mapping ------------------------------------------------------------------------------- */

static int worker_send_map(const struct worker *worker, const struct places *places,
			   struct bs_error *err)
{
	uint8_t *bytes;
	size_t length;
	int result;

	if (message_pack_map(places, &bytes, &length, err) < 0)
		return -1;
	result = worker_tell(worker, MESSAGE_MAP, bytes, length, err);
	free(bytes);
	return result;
}

static int worker_map(const struct worker *worker, struct facts *facts, struct bs_error *err)
{
	struct places *places = calloc(1, sizeof(*places));
	int result;

	if (!places)
		return fail_memory(err);
	result = map_make(worker->engine, facts, worker->task->plan, places, err);
	if (result == 0)
		result = worker_send_map(worker, places, err);
	places_free(places);
	free(places);
	return result;
}

/*
 * If several partitions are active, a survey follows none of them.  The machine does, so the map is
 * that of a survey that follows the same one.
 */
static int worker_map_first(const struct worker *worker, const struct facts *facts,
			    struct bs_error *err)
{
	struct bs_options options = worker->task->options;
	struct survey *survey = calloc(1, sizeof(*survey));
	int result;

	if (!survey)
		return fail_memory(err);
	options.system_partition = facts->partitions[map_first_active(facts)].is.number;
	result = survey_take(worker->engine, &options, survey, err);
	if (result == 0)
		result = worker_map(worker, &survey->facts, err);
	survey_free(survey);
	free(survey);
	return result;
}

/* ---- the jobs ------------------------------------------------------------------------------ */

static int worker_inspect(struct worker *worker, struct bs_error *err)
{
	struct survey *survey = calloc(1, sizeof(*survey));
	struct bs_plan *plan = NULL;
	int result;

	if (!survey)
		return fail_memory(err);
	result = survey_take(worker->engine, &worker->task->options, survey, err);
	if (result == 0)
		result = worker_tell(worker, MESSAGE_INSPECTION, &survey->report,
				     sizeof(survey->report), err);
	if (result == 0 && worker->task->job == WORKER_REHEARSE &&
	    survey->report.verdict == BS_VERDICT_FIXABLE) {
		result = plan_make(&survey->facts, &plan, err);
		if (result == 0)
			result = worker_rehearse(worker, plan, err);
	}
	if (result == 0 && worker->task->job == WORKER_MAP)
		result = survey->facts.active_count > 1 &&
					 worker->task->options.system_partition == 0
				 ? worker_map_first(worker, &survey->facts, err)
				 : worker_map(worker, &survey->facts, err);
	bs_plan_free(plan);
	survey_free(survey);
	free(survey);
	return result;
}

static int worker_verify(struct worker *worker, struct bs_error *err)
{
	const struct worker_task *task = worker->task;

	if (task->reading == READING_BY_APPLIANCE)
		return opinion_run(&worker->appliance, task->plan, &task->options, err);
	return verify_run(worker->engine, task->plan, &task->options, task->clusters, err);
}

/* ---- checking an earlier fix ---------------------------------------------------------------- */

static int worker_recheck_plan(struct worker *worker, const struct bs_plan *plan,
			       const struct survey *survey, struct differences *found,
			       struct bs_error *err)
{
	const struct worker_task *task = worker->task;

	if (recheck_run(worker->engine, plan, survey, &task->options, found, err) < 0 ||
	    (task->reading == READING_BY_APPLIANCE &&
	     opinion_of_earlier_fix(&worker->appliance, plan, found, err) < 0))
		return -1;
	return worker_tell(worker, MESSAGE_DIFFERENCES, found->items,
			   found->count * sizeof(*found->items), err);
}

static int worker_recheck_surveyed(struct worker *worker, const struct survey *survey,
				   struct bs_error *err)
{
	const struct worker_task *task = worker->task;
	struct differences found = {0};
	struct bs_plan *made = NULL;
	int result = worker_tell(worker, MESSAGE_INSPECTION, &survey->report,
				 sizeof(survey->report), err);

	if (result == 0 && !task->plan)
		result = recheck_make_plan(worker->engine, survey, &task->options, &made, err);
	if (result == 0)
		result = worker_recheck_plan(worker, task->plan ? task->plan : made, survey, &found,
					     err);
	bs_plan_free(made);
	differences_free(&found);
	return result;
}

static int worker_recheck(struct worker *worker, struct bs_error *err)
{
	/* What the user chose before the fix must be found without a choice after it. */
	const struct bs_options found_by_itself = {.needed_room = worker->task->options.needed_room,
						   .boot_partition =
							   worker->task->options.boot_partition};
	struct survey *survey = calloc(1, sizeof(*survey));
	int result;

	if (!survey)
		return fail_memory(err);
	result = survey_take(worker->engine, &found_by_itself, survey, err);
	if (result == 0)
		result = worker_recheck_surveyed(worker, survey, err);
	survey_free(survey);
	free(survey);
	return result;
}

/* ---- the engines --------------------------------------------------------------------------- */

static int mixed_open_volume(const struct volume_engine *base, uint64_t start, uint64_t size,
			     enum volume_mode mode, struct volume **volume, struct bs_error *err)
{
	const struct mixed_engine *engine = (const struct mixed_engine *)base;
	uint8_t record[VBR_SIZE];
	struct vbr parsed;

	if (disk_read(base->disk, start, record, sizeof(record), err) < 0)
		return -1;
	vbr_parse(record, &parsed);
	return volume_open(vbr_is_fat(parsed.kind) ? engine->appliance : engine->ntfs, start, size,
			   mode, volume, err);
}

static int worker_choose_engine(struct worker *worker, struct bs_error *err)
{
	const struct worker_task *task = worker->task;

	worker->ntfs = volume_ntfs_engine(worker->disk);
	worker->engine = &worker->ntfs;
	if (!task->appliance)
		return 0;
	if (appliance_engine_open(&worker->appliance, worker->disk, task->appliance, err) < 0)
		return -1;
	worker->mixed = (struct mixed_engine){
		.base = {.disk = worker->disk, .reads_fat = true, .open = mixed_open_volume},
		.ntfs = &worker->ntfs,
		.appliance = &worker->appliance.base,
	};
	worker->engine = task->reading == READING_BY_APPLIANCE ? &worker->appliance.base
							       : &worker->mixed.base;
	return 0;
}

static int worker_work(struct worker *worker, struct bs_error *err)
{
	if (worker_choose_engine(worker, err) < 0)
		return -1;
	if (worker->task->job == WORKER_RECHECK)
		return worker_recheck(worker, err);
	return worker->task->job == WORKER_VERIFY ? worker_verify(worker, err)
						  : worker_inspect(worker, err);
}

/*
 * libntfs-3g allocates and frees tables of many pages all the time.  The process keeps such memory:
 * each new page costs more than what is done with the page.
 */
static void worker_keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, KEPT_MEMORY);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
	(void)mallopt(M_TOP_PAD, KEPT_MEMORY / 32);
}

static int worker_do(struct worker *worker, uint64_t size, struct bs_error *err)
{
	const struct confine_limits limits = {
		.memory = budget_memory(size),
		.seconds = budget_processor_seconds(0),
	};
	const int kept[CONFINE_KEPT] = {
		[CONFINE_SOCKET] = worker->end.socket,
		[CONFINE_APPLIANCE] = worker->task->appliance,
		[CONFINE_IMAGE] = worker->end.local ? disk_descriptor(worker->end.local) : 0,
	};
	int result;

	if (confine_self(kept, &limits, err) < 0)
		return -1;
	worker_keep_memory();
	worker->remote = remote_open(worker->end, size, err);
	if (!worker->remote)
		return -1;
	worker->disk = cache_open(worker->remote, err);
	result = worker->disk ? worker_work(worker, err) : -1;
	/* The survey has read the volumes without an error, so a later NTFS error means damage. */
	if (result < 0 && err->code == BS_NTFS)
		err->code = BS_NTFS_DAMAGED;
	/* Closing drops the writes that were not sent. */
	if (result == 0)
		result = remote_send_writes(worker->remote, err);
	disk_close(worker->disk);
	disk_close(worker->remote);
	worker->remote = NULL;
	return result;
}

_Noreturn void worker_run(struct remote_end end, uint64_t size, const struct worker_task *task)
{
	struct worker worker = {.end = end, .task = task};
	struct bs_error error = {0}, ignored;
	int result = worker_do(&worker, size, &error);

	/* If this message cannot be sent either, the parent sees the channel end. */
	if (result == 0)
		result = worker_tell(&worker, MESSAGE_DONE, NULL, 0, &ignored);
	else
		result = worker_tell(&worker, MESSAGE_ERROR, &error, sizeof(error), &ignored);
	_exit(result == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
