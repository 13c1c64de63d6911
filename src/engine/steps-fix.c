/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The steps of a fix and of its rehearsal, in their order.  Other commands have some of them, too. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/inspection.h"
#include "engine/proof.h"
#include "engine/relations.h"
#include "engine/steps.h"
#include "transaction/commit.h"
#include "util/appliance-use.h"
#include "util/signals.h"
#include "windows/plan.h"

/* ---- opening ------------------------------------------------------------------------------- */

/*
 * Holds signals from the keyboard or the system until the image is wholly old or wholly new, and
 * only the undo file is left beside it.
 */
int step_hold_signals(struct engine *engine, struct bs_error *err)
{
	(void)engine;
	(void)err;
	signals_hold_for_change();
	return 0;
}

/*
 * Opens and locks the image, and undoes a change that an earlier command left unfinished.  An accept
 * does not: somebody who accepts a fix does not want it to be taken back.
 */
int step_open(struct engine *engine, struct bs_error *err)
{
	bool looks_only =
		engine->command & (ENGINE_INSPECT | ENGINE_PLAN | ENGINE_FORESEE | ENGINE_BOOT |
				   ENGINE_VERIFY | ENGINE_FORESEE_ACCEPT | ENGINE_RETELL);

	/* A batch may be fixing the child at this moment, and then reads the image. */
	if (engine->command == ENGINE_FIX && engine->options->relations &&
	    relations_child(engine->options->relations, engine->image, &engine->child, err) < 0)
		return -1;
	looks_only |= engine->child != NULL;
	return container_lock(&engine->container, engine->image, engine->options,
			      looks_only ? LOCK_FOR_READING : LOCK_FOR_CHANGING,
			      engine->command & (ENGINE_UNDO | ENGINE_FORESEE | ENGINE_VERIFY |
						 ENGINE_ACCEPTS | ENGINE_RETELL),
			      engine->command & ENGINE_ACCEPTS ? NULL : &engine->result->recovered,
			      err);
}

/* Checks the permissions and, for an NBD export, the number of clients. */
int step_check_writable(struct engine *engine, struct bs_error *err)
{
	const struct container *container = &engine->container;

	if (engine->command == ENGINE_PLAN && !engine->options->to_be_fixed)
		return 0;
	if (target_check_writable(container->target, err) < 0)
		return -1;
	return place_check_folder(&container->place, err);
}

static int engine_tell_parents(const struct engine *engine, struct bs_error *err)
{
	const struct chain *chain = &engine->container.chain;
	struct bs_result *result = engine->result;

	result->parents = chain->count > 0 ? calloc(chain->count, sizeof(*result->parents)) : NULL;
	if (chain->count > 0 && !result->parents)
		return fail_memory(err);
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_parent *parent = chain->parents[i];
		struct bs_parent *told = &result->parents[result->parent_count++];

		told->path = strdup(parent->target->name);
		if (!told->path)
			return fail_memory(err);
		told->size = parent->target->status.length;
		snprintf(told->format, sizeof(told->format), "%s", parent->format.name);
	}
	return 0;
}

/*
 * The way out of a differencing image is to merge it into its parent.  If it has children itself,
 * these have to be merged into it before, so the error has to name one.
 */
static int engine_fail_lay(const struct engine *engine, struct bs_error *err)
{
	struct bs_error child;

	if (engine->container.target->kind == TARGET_NBD ||
	    (err->code != BS_VHD_DIFFERENCING && err->code != BS_VHDX_DIFFERENCING &&
	     err->code != BS_VDI_DIFFERENCING && err->code != BS_CONTAINER_DIFFERENCING))
		return -1;
	if (relations_check(engine->options->relations, engine->image,
			    engine->container.target->name, &child) < 0 &&
	    child.code == BS_CONTAINER_HAS_CHILDREN)
		return fail(err, child.code, "%.400s; it also has a parent itself", child.message);
	return -1;
}

int step_lay(struct engine *engine, struct bs_error *err)
{
	if (engine->as_left)
		return 0;
	engine->container.shows_before = engine->command == ENGINE_BEFORE;
	if (container_open_disk(&engine->container, err) < 0)
		return engine_fail_lay(engine, err);
	return engine_tell_parents(engine, err);
}

/* ---- the first worker ---------------------------------------------------------------------- */

int engine_lend_appliance(struct engine *engine, bool needed, struct worker_task *task,
			  struct disk **disk, struct bs_error *err)
{
	*disk = engine->container.disk;
	if (!needed)
		return 0;
	if (appliance_view_open(&engine->view, &engine->container, err) < 0)
		return -1;
	*disk = engine->view.disk;
	task->appliance = engine->view.channel;
	return 0;
}

int step_inspect(struct engine *engine, struct bs_error *err)
{
	bool rehearses = engine->command & (ENGINE_REHEARSE | ENGINE_BEFORE);
	struct worker_task task = {.job = rehearses ? WORKER_REHEARSE : WORKER_INSPECT,
				   .options = *engine->options,
				   .reading = READING_BY_APPLIANCE};
	struct bs_result *result = engine->result;
	struct disk *disk;

	if (engine_lend_appliance(engine, engine->options->engine == BS_ENGINE_LIBGUESTFS, &task,
				  &disk, err) < 0)
		return -1;
	options_tell(engine->options, rehearses ? BS_PHASE_REHEARSING : BS_PHASE_INSPECTING);
	/* A signal that came before now could not end the worker, because there was none. */
	if (engine_check_interruption(err, 0) < 0)
		return -1;
	engine->session =
		session_start(disk, rehearses ? container_counter(&engine->container) : NULL, &task,
			      &engine->findings, err);
	if (!engine->session || session_advance(engine->session, SESSION_INSPECTED, err) < 0)
		return -1;
	result->inspection = engine->findings.inspection;
	engine->findings.inspection = NULL;
	engine_describe_container(engine);
	if (result->inspection->verdict == BS_VERDICT_NOTHING || engine->command == ENGINE_CHANGES)
		engine->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}

/* The worker makes the plan, and proves that no file owns what the boot volume marks as free. */
int step_prove(struct engine *engine, struct bs_error *err)
{
	options_tell(engine->options, BS_PHASE_CHECKING);
	return session_advance(engine->session, SESSION_ALLOWED, err);
}

/* The worker carries out the plan, on the overlay. */
int step_stage(struct engine *engine, struct bs_error *err)
{
	options_tell(engine->options, BS_PHASE_REHEARSING);
	if (session_advance(engine->session, SESSION_STAGED, err) < 0)
		return -1;
	engine->result->plan = engine->findings.plan;
	engine->findings.plan = NULL;
	return engine->result->plan ? 0 : fail(err, BS_WORKER, "the worker process made no plan");
}

int step_end_worker(struct engine *engine, struct bs_error *err)
{
	struct session *session = engine->session;
	int outcome;

	engine->session = NULL;
	outcome = session_end(session, session_advance(session, SESSION_DONE, err), err);
	appliance_view_close(&engine->view);
	return outcome;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Returns whether a fix would change the image, or the advice asks the user to change it. */
static bool engine_is_to_change(const struct engine *engine)
{
	const struct bs_inspection *inspection = engine->result->inspection;

	return inspection_has(inspection, BS_SIGNATURE_CHANGED) || engine_is_fixable(engine);
}

/*
 * Whether the image looks like one of the files of a disk: the first one begins like a disk that
 * was cut short, and the others begin with any bytes of the guest.
 */
static bool engine_looks_like_part(const struct engine *engine)
{
	const struct bs_inspection *inspection = engine->result->inspection;

	return inspection_has(inspection, BS_DISK_CUT_SHORT) ||
	       inspection_has(inspection, BS_NO_PARTITION_TABLE) ||
	       inspection_has(inspection, BS_DISK_EMPTY);
}

/* Checks that no other file depends on the image, unless the image will not be changed. */
int step_relations(struct engine *engine, struct bs_error *err)
{
	const struct target *target = engine->container.target;
	bool to_change = engine_is_to_change(engine);
	struct bs_error why;

	if (target->kind == TARGET_NBD || (!to_change && !engine_looks_like_part(engine)))
		return 0;
	if (to_change && engine->child)
		return relations_fail_child(engine->child, err);
	if (relations_check(engine->options->relations, engine->image, target->name, &why) == 0 ||
	    (!to_change && why.code == BS_CONTAINER_HAS_CHILDREN))
		return 0;
	*err = why;
	return -1;
}

/* Reports the first finding that prevents a fix as the error. */
int step_refuse(struct engine *engine, struct bs_error *err)
{
	const struct bs_inspection *inspection = engine->result->inspection;

	if (inspection->verdict != BS_VERDICT_UNSUITABLE)
		return 0;
	if (inspection_first_refusal(inspection, err))
		return -1;
	return fail(err, BS_WORKER, "the worker process refused the image without a reason");
}

/* ---- what a commit would write ------------------------------------------------------------- */

/* Whether the boot files come from a FAT volume, which only the appliance reads. */
static bool engine_moves_from_fat(const struct engine *engine)
{
	const struct bs_inspection *inspection = engine->result->inspection;

	return engine_is_fixable(engine) && inspection->system_index >= 0 &&
	       inspection->partitions[inspection->system_index].filesystem == BS_FS_FAT;
}

int step_settle(struct engine *engine, struct bs_error *err)
{
	return container_settle(&engine->container, err);
}

/* Starts another worker, which verifies the result on the container's disk. */
int step_verify(struct engine *engine, struct bs_error *err)
{
	struct worker_task task = {.job = WORKER_VERIFY,
				   .options = *engine->options,
				   .plan = engine->result->plan,
				   .clusters = engine->findings.clusters};
	struct session_findings findings;
	struct disk *disk;
	int outcome;

	overlay_take_written_sectors(engine->container.overlay);
	if (engine_lend_appliance(engine, engine_moves_from_fat(engine), &task, &disk, err) < 0)
		return -1;
	outcome = session_run(disk, NULL, &task, &findings, err);
	session_free(&findings);
	appliance_view_close(&engine->view);
	engine->verified = outcome == 0;
	return outcome;
}

/* Has other people's programs look at the staged disk. */
static int engine_ask_opinion(struct engine *engine, struct bs_error *err)
{
	struct worker_task task = {.job = WORKER_VERIFY,
				   .options = *engine->options,
				   .plan = engine->result->plan,
				   .reading = READING_BY_APPLIANCE};
	struct session_findings findings;
	struct disk *disk;
	int outcome;

	if (engine_lend_appliance(engine, true, &task, &disk, err) < 0)
		return -1;
	outcome = session_run(disk, NULL, &task, &findings, err);
	session_free(&findings);
	appliance_view_close(&engine->view);
	return outcome;
}

/* Nothing after this step needs the appliance. */
int step_second_opinion(struct engine *engine, struct bs_error *err)
{
	int outcome = options_use_appliance(engine->options) ? engine_ask_opinion(engine, err) : 0;

	appliance_view_free(&engine->view);
	return outcome;
}

/* ---- starts -------------------------------------------------------------------------------- */

/* A disk without partitions was not started, for the reason that the inspection has found. */
static int engine_fail_unstarted(const struct bs_inspection *inspection, struct bs_error *err)
{
	if (inspection_first_refusal(inspection, err))
		return -1;
	return fail(err, BS_NO_PARTITIONS, "the disk has no partitions");
}

static int engine_boot(struct engine *engine, struct proof *proof, struct bs_error *err)
{
	engine->result->inspection = proof->inspection;
	proof->inspection = NULL;
	engine_describe_container(engine);
	if (!engine->result->start)
		return engine_fail_unstarted(engine->result->inspection, err);
	proof_tell_inspection(engine->result->start, engine->result->inspection);
	if (engine->result->start->proven)
		return 0;
	return fail(err, BS_START_FAILED, "the disk %s: %.400s%s",
		    engine->result->start->limit_reached ? "has not started" : "does not start",
		    engine->result->start->evidence,
		    inspection_has(engine->result->inspection, BS_HIBERNATED)
			    ? "; Windows is hibernated, and is then resumed without its loader"
			    : "");
}

/* Starts the disk as it is. */
int step_start_as_is(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	struct proof proof;
	int outcome;

	if (engine->command != ENGINE_BOOT && !engine->options->prove)
		return 0;
	options_tell(engine->options, BS_PHASE_STARTING);
	outcome = proof_run(engine->container.disk, engine->options, NULL, &proof, err);
	result->start = proof.start;
	proof.start = NULL;
	if (outcome == 0 && engine->command == ENGINE_BOOT)
		outcome = engine_boot(engine, &proof, err);
	else if (outcome == 0 && result->start)
		proof_tell_inspection(result->start, result->inspection);
	proof_free(&proof);
	return outcome;
}

/* Starts the disk of the image without the fix, to tell whether it started before. */
static void engine_start_unfixed(const struct engine *engine, struct bs_start *start)
{
	struct container container;
	struct proof proof = {NULL, NULL};
	struct bs_error ignored;

	if (container_open_target(&container, engine->container.target->name, engine->options,
				  &ignored) == 0 &&
	    container_open_disk(&container, &ignored) == 0 &&
	    proof_run(container.disk, engine->options, NULL, &proof, &ignored) == 0 &&
	    proof.start) {
		start->before_known = true;
		start->before = proof.start->proven;
	}
	proof_free(&proof);
	container_close(&container);
}

static int engine_fail_start(struct engine *engine, struct bs_error *err)
{
	struct bs_start *start = engine->result->start;

	engine_start_unfixed(engine, start);
	return fail(err, BS_START_FAILED, "the disk %s after the fix: %.360s%s",
		    start->readings[BS_PLACE_OLD_SYSTEM].read > 0 ? "still reads the old partition"
		    : start->limit_reached                        ? "has not started"
								  : "does not start",
		    start->evidence,
		    !start->before_known ? ""
		    : start->before      ? "; without the fix it starts"
					 : "; it does not start without the fix either");
}

/* Starts the staged disk.  It must start without a read of the old system partition. */
int step_start(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	struct proof proof;
	int outcome;

	if (!engine->options->prove)
		return 0;
	options_tell(engine->options, BS_PHASE_STARTING);
	outcome = proof_run(engine->container.disk, engine->options, result->plan, &proof, err);
	result->start = proof.start;
	proof.start = NULL;
	proof_free(&proof);
	if (outcome < 0)
		return -1;
	if (!result->start)
		return fail(err, BS_WORKER, "the worker process found no partitions to start");
	if (!result->start->proven)
		return engine_fail_start(engine, err);
	options_tell(engine->options, BS_PHASE_REHEARSING);
	return 0;
}

/* ---- where a commit has to look ------------------------------------------------------------ */

/* The worker told the zones in bytes of the guest's disk; a commit needs bytes of the container. */
int step_locate_zones(struct engine *engine, struct bs_error *err)
{
	struct container *container = &engine->container;

	if (container_locate(container, &engine->findings.zones, &engine->zones, err) < 0)
		return -1;
	container_close_disk(container);
	return 0;
}

/* ---- fixing -------------------------------------------------------------------------------- */

int step_stop(struct engine *engine, struct bs_error *err)
{
	(void)engine;
	return engine_check_interruption(err, 0);
}

int step_compare_plan(struct engine *engine, struct bs_error *err)
{
	char difference[BS_DIFFERENCE_MAX];

	if (!engine->expected ||
	    !plan_difference(engine->expected, engine->result->plan, difference))
		return 0;
	return fail(err, BS_PLAN_STALE, "%s", difference);
}

int step_no_undo_file(struct engine *engine, struct bs_error *err)
{
	return transaction_check_none(&engine->container.place, err);
}

static void engine_tell_written(void *context, uint64_t done, uint64_t total)
{
	options_tell_amount(context, done, total);
}

static struct commit_request engine_commit_request(const struct engine *engine)
{
	return (struct commit_request){
		.place = &engine->container.place,
		.overlay = engine->container.overlay,
		.zones = engine->zones.items,
		.zone_count = engine->zones.count,
		.growths = &engine->container.split.growths,
		.maker = engine->options->maker,
		.tell = engine_tell_written,
		.context = (void *)(uintptr_t)engine->options,
	};
}

int step_check_room(struct engine *engine, struct bs_error *err)
{
	const struct commit_request request = engine_commit_request(engine);

	return engine->options->to_be_fixed ? transaction_check_commit(&request, err) : 0;
}

int step_commit(struct engine *engine, struct bs_error *err)
{
	const struct commit_request request = engine_commit_request(engine);
	struct bs_result *result = engine->result;
	struct commit_result committed;
	uint64_t written = overlay_take_written_sectors(engine->container.overlay);

	assert(result->plan && !engine->container.disk);
	/* The commit compares the image with the overlay that was verified. */
	if (!engine->verified || written != 0)
		return fail(err, BS_VERIFY, "the result was written to after its verification");
	if (chain_check_unchanged(&engine->container.chain, err) < 0)
		return -1;
	options_tell(engine->options, BS_PHASE_COMMITTING);
	result->undo_file = strdup(engine->container.place.journal);
	if (!result->undo_file)
		return fail_memory(err);
	if (transaction_commit(&request, &committed, err) < 0) {
		free(result->undo_file);
		result->undo_file = NULL;
		return -1;
	}
	result->fixed_at = committed.created;
	result->container_bytes = committed.bytes;
	result->container_extents = (uint32_t)committed.extents;
	return 0;
}
