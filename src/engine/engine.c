/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library's commands, each on one image.  Here is the order of things: lock, recover, open,
 * let the worker inspect, stage and verify, commit, verify again, report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/container.h"
#include "engine/inspection.h"
#include "engine/session.h"
#include "transaction/commit.h"
#include "transaction/journal-file.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/signals.h"
#include "windows/plan.h"

const char *bs_version(void)
{
	return BOOTSHIFT_VERSION;
}

/* ---- results ------------------------------------------------------------------------------- */

static uint64_t begin(const struct bs_options *options, struct bs_result *result)
{
	memset(result, 0, sizeof(*result));
	container_tell(options, BS_PHASE_OPENING);
	return clock_milliseconds();
}

/* Sets the status of a failure from the class of its code. */
static enum bs_exit finish(struct bs_result *result, uint64_t started, int outcome,
			   enum bs_status success)
{
	enum bs_exit exit = BS_EXIT_DONE;

	result->milliseconds = clock_milliseconds() - started;
	if (outcome == 0) {
		result->status = success;
		result->error = (struct bs_error){.code = BS_OK};
		return exit;
	}
	exit = bs_code_exit(result->error.code);
	switch (exit) {
	case BS_EXIT_REFUSED:
	case BS_EXIT_USAGE:
		result->status = BS_STATUS_REFUSED;
		break;
	case BS_EXIT_RECOVERY:
		result->status = BS_STATUS_RECOVERY_REQUIRED;
		break;
	default:
		result->status = BS_STATUS_FAILED;
		break;
	}
	return exit;
}

void bs_result_free(struct bs_result *result)
{
	free(result->inspection);
	bs_plan_free(result->plan);
	free(result->undo_file);
	memset(result, 0, sizeof(*result));
}

/* ---- inspecting and rehearsing ------------------------------------------------------------- */

/* The first finding that stands in the way, as an error. */
static int refuse(const struct bs_inspection *inspection, struct bs_error *err)
{
	for (uint32_t i = 0; i < inspection->finding_count; i++)
		if (bs_code_exit(inspection->findings[i].code) == BS_EXIT_REFUSED)
			return fail(err, inspection->findings[i].code, "%s",
				    inspection->findings[i].message);
	return fail(err, BS_WORKER, "the worker process refused the image without a reason");
}

/* Has another worker prove what was carried out on the container's disk. */
static int verify(const struct container *container, struct worker_task *task, struct bs_error *err)
{
	struct session_findings findings;
	int outcome;

	task->job = WORKER_VERIFY;
	outcome = session_run(container->disk, NULL, task, &findings, err);
	session_free(&findings);
	return outcome;
}

/*
 * Ends a rehearsal: verifies what a commit would write, and makes the zones, which the worker told
 * in bytes of the guest's disk, ones of the container.
 */
static int settle(struct container *container, const struct bs_options *options,
		  struct session_findings *findings, struct bs_result *result)
{
	struct worker_task task = {
		.options = *options, .plan = result->plan, .clusters = findings->clusters};
	struct guard_zone *located;
	size_t count;

	if (container_settle(container, options, &result->error) < 0 ||
	    verify(container, &task, &result->error) < 0 ||
	    container_locate(container, findings->zones, findings->zone_count, &located, &count,
			     &result->error) < 0)
		return -1;
	container_close_disk(container);
	free(findings->zones);
	findings->zones = located;
	findings->zone_count = count;
	return 0;
}

/*
 * Whether to stop, if the caller holds signals and one has come; else it has acted already.  It may
 * have ended the worker process as well, as those of a terminal do: this is why.
 */
static int check_interruption(int outcome, struct bs_error *err)
{
	return signals_stop_pending() ? fail(err, BS_INTERRUPTED,
					     "interrupted by a signal before anything was written")
				      : outcome;
}

/* Adds the reason of a refusal to the findings, also where the worker has sent no inspection. */
static void complete_inspection(const struct container *container, const struct bs_options *options,
				struct bs_result *result)
{
	if (bs_code_exit(result->error.code) != BS_EXIT_REFUSED)
		return;
	if (result->inspection == NULL)
		result->inspection = inspection_without_worker(container->disk, options);
	if (result->inspection != NULL)
		inspection_refuse(result->inspection, &result->error);
}

static void describe_container(const struct container *container, struct bs_inspection *inspection)
{
	snprintf(inspection->format, sizeof(inspection->format), "%s", container->format.name);
	inspection->container_size = container->target->status.length;
}

/* Runs the worker and moves what it found into the result. */
static int run_worker(struct container *container, const struct bs_options *options,
		      enum worker_job job, struct session_findings *findings,
		      struct bs_result *result)
{
	const struct worker_task task = {.job = job, .options = *options};
	struct overlay *overlay = job == WORKER_REHEARSE ? container->overlay : NULL;
	int outcome = session_run(container->disk, overlay, &task, findings, &result->error);

	result->inspection = findings->inspection;
	result->plan = findings->plan;
	findings->inspection = NULL;
	findings->plan = NULL;
	if (outcome < 0)
		complete_inspection(container, options, result);
	if (result->inspection != NULL)
		describe_container(container, result->inspection);
	if (outcome == 0 && result->inspection == NULL)
		return fail(&result->error, BS_WORKER, "the worker process found nothing");
	return outcome;
}

/* Whether a fix changes the image, or the advice asks the user to do so. */
static bool is_to_be_changed(const struct bs_inspection *inspection)
{
	for (uint32_t i = 0; i < inspection->finding_count; i++)
		if (inspection->findings[i].code == BS_SIGNATURE_CHANGED)
			return true;
	return inspection->verdict == BS_VERDICT_FIXABLE;
}

/* What the survey does not see: the files around the image, and what only a rehearsal shows. */
static int check_further(struct container *container, const struct bs_options *options,
			 enum worker_job job, struct session_findings *findings,
			 struct bs_result *result)
{
	bool fixable = result->inspection->verdict == BS_VERDICT_FIXABLE;

	/* An image that is not going to be changed may have children. */
	if (is_to_be_changed(result->inspection) &&
	    container_check_relations(container, options, &result->error) < 0)
		return -1;
	if (result->inspection->verdict == BS_VERDICT_UNSUITABLE)
		return refuse(result->inspection, &result->error);
	if (job == WORKER_REHEARSE && fixable && result->plan == NULL)
		return fail(&result->error, BS_WORKER, "the worker process made no plan");
	return result->plan != NULL ? settle(container, options, findings, result) : 0;
}

static int look(struct container *container, const struct bs_options *options, enum worker_job job,
		struct session_findings *findings, struct bs_result *result)
{
	container_tell(options, job == WORKER_REHEARSE ? BS_PHASE_REHEARSING : BS_PHASE_INSPECTING);
	/* No worker was there yet to be ended by a signal that has come already. */
	if (check_interruption(0, &result->error) < 0 ||
	    run_worker(container, options, job, findings, result) < 0)
		return -1;
	if (check_further(container, options, job, findings, result) == 0)
		return 0;
	complete_inspection(container, options, result);
	bs_plan_free(result->plan); /* what is refused or cannot be verified is no plan */
	result->plan = NULL;
	return -1;
}

static enum bs_status status_of(const struct bs_result *result)
{
	return result->inspection != NULL && result->inspection->verdict == BS_VERDICT_NOTHING
		       ? BS_STATUS_NOTHING_TO_DO
		       : BS_STATUS_WOULD_FIX;
}

/* By its permissions; an export could tell only by being opened for writing. */
static int check_writable(const struct container *container, struct bs_error *err)
{
	if (container->target->kind != TARGET_NBD &&
	    target_check_writable(container->target, err) < 0)
		return -1;
	return place_check_folder(&container->place, err);
}

/* What inspecting and planning have in common: nothing is ever opened for writing. */
static enum bs_exit look_only(const char *image, const struct bs_options *options,
			      enum worker_job job, const struct bs_plan *expected,
			      struct bs_result *result)
{
	uint64_t started = begin(options, result);
	struct container container;
	struct session_findings findings = {0};
	bool recovered;
	int outcome = container_lock(&container, image, options, LOCK_FOR_READING, &recovered,
				     &result->error);

	if (outcome == 0 && job == WORKER_REHEARSE && options->to_be_fixed)
		outcome = check_writable(&container, &result->error);
	if (outcome == 0)
		outcome = container_open_disk(&container, options, &result->error);
	if (outcome == 0)
		outcome = look(&container, options, job, &findings, result);
	if (outcome == 0 && expected != NULL && result->plan != NULL &&
	    !plan_equal(result->plan, expected))
		outcome = fail(&result->error, BS_PLAN_STALE, "the plan is not for this image");
	if (outcome == 0 && status_of(result) == BS_STATUS_WOULD_FIX)
		outcome = transaction_check_none(&container.place, &result->error);
	session_free(&findings);
	container_close(&container);
	return finish(result, started, outcome, status_of(result));
}

enum bs_exit bs_inspect(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return look_only(image, options, WORKER_INSPECT, NULL, result);
}

enum bs_exit bs_plan(const char *image, const struct bs_options *options,
		     const struct bs_plan *expected, struct bs_result *result)
{
	return look_only(image, options, WORKER_REHEARSE, expected, result);
}

/* ---- fixing -------------------------------------------------------------------------------- */

/*
 * Opens the committed image afresh and proves it once more.  Whatever stands in the way of that,
 * it is no refusal, which would mean that nothing was written.
 */
static int verify_committed(const char *image, const struct bs_options *options,
			    const struct bs_plan *plan, uint64_t clusters, struct bs_error *err)
{
	struct worker_task task = {
		.options = *options, .plan = plan, .clusters = clusters, .committed = true};
	struct container container;
	int outcome = container_open_target(&container, image, options, err);

	if (outcome == 0)
		outcome = container_open_disk(&container, options, err);
	if (outcome == 0)
		outcome = verify(&container, &task, err);
	container_close(&container);
	if (outcome < 0 && bs_code_exit(err->code) != BS_EXIT_FAILED)
		err->code = BS_VERIFY;
	return outcome;
}

static int commit(struct container *container, const struct bs_options *options,
		  const struct session_findings *findings, struct bs_result *result)
{
	const struct commit_request request = {
		.place = &container->place,
		.overlay = container->overlay,
		.zones = findings->zones,
		.zone_count = findings->zone_count,
		.maker = options->maker,
	};
	struct commit_result committed = {.journal = NULL};
	enum undo_outcome undone;
	struct bs_error undo_error;
	int outcome = -1;

	container_tell(options, BS_PHASE_COMMITTING);
	result->undo_file = strdup(container->place.journal);
	if (result->undo_file == NULL)
		return fail_memory(&result->error);
	if (transaction_commit(&request, NULL, &committed, &result->error) < 0)
		goto drop;
	result->container_bytes = committed.bytes;
	result->container_extents = (uint32_t)committed.extents;
	container_tell(options, BS_PHASE_VERIFYING);
	if (verify_committed(container->target->name, options, result->plan, findings->clusters,
			     &result->error) == 0) {
		outcome = 0;
		goto out;
	}
	if (transaction_undo_commit(&container->place, &committed, NULL, &undone, &undo_error) <
	    0) {
		outcome = fail(&result->error, BS_RECOVERY_REQUIRED,
			       "the fix could not be verified, nor be taken back: %s",
			       undo_error.message);
		goto out;
	}
	result->container_bytes = result->container_extents = 0;
	if (undone == UNDO_OF_OURS) {
		result->error.code = BS_CHANGED_MEANWHILE;
		fail_prefix(&result->error,
			    "something else wrote to the image at the same time, and the fix was "
			    "taken back");
	}
drop:
	free(result->undo_file);
	result->undo_file = NULL;
out:
	journal_file_close(committed.journal);
	return outcome;
}

static int compare_maker(const struct place *place, const uint8_t maker[BS_MAKER_SIZE], bool *same,
			 struct bs_error *err)
{
	struct journal_file *journal;

	if (journal_file_open(place->journal, &journal, err) < 0)
		return -1;
	*same = journal != NULL && !all_zero(maker, BS_MAKER_SIZE) &&
		memcmp(journal->header.maker, maker, BS_MAKER_SIZE) == 0;
	journal_file_close(journal);
	return 0;
}

/* An image that needs no fix may have had one: then there is a way back. */
static int find_undo_file(const struct container *container, const struct bs_options *options,
			  struct bs_result *result)
{
	enum transaction_state state;

	if (transaction_state(&container->place, &state, &result->error) < 0)
		return -1;
	if (state != TRANSACTION_APPLIED)
		return 0;
	result->undo_file = strdup(container->place.journal);
	if (result->undo_file == NULL)
		return fail_memory(&result->error);
	return compare_maker(&container->place, options->maker, &result->own_undo_file,
			     &result->error);
}

static int fix(struct container *container, const struct bs_options *options,
	       const struct bs_plan *expected, struct bs_result *result)
{
	struct session_findings findings = {0};
	int outcome = look(container, options, WORKER_REHEARSE, &findings, result);

	outcome = check_interruption(outcome, &result->error);
	signals_hold_for_change();
	if (outcome == 0 && result->plan != NULL) {
		if (expected != NULL && !plan_equal(result->plan, expected))
			outcome = fail(&result->error, BS_PLAN_STALE,
				       "the plan is not for this image as it is now");
		else
			outcome = commit(container, options, &findings, result);
	} else if (outcome == 0) {
		outcome = find_undo_file(container, options, result);
	}
	session_free(&findings);
	return outcome;
}

enum bs_exit bs_fix(const char *image, const struct bs_options *options,
		    const struct bs_plan *expected, struct bs_result *result)
{
	uint64_t started = begin(options, result);
	struct container container;
	sigset_t signals = signals_mask();
	int outcome;

	outcome = container_lock(&container, image, options, LOCK_FOR_CHANGING, &result->recovered,
				 &result->error);
	if (outcome == 0)
		outcome = container_open_disk(&container, options, &result->error);
	if (outcome == 0)
		outcome = fix(&container, options, expected, result);
	container_close(&container);
	signals_restore(signals);
	return finish(result, started, outcome,
		      result->plan != NULL ? BS_STATUS_FIXED : BS_STATUS_NOTHING_TO_DO);
}

/* ---- undoing ------------------------------------------------------------------------------- */

static int undo(const struct container *container, const struct bs_options *options,
		enum bs_status *status, struct bs_result *result)
{
	enum undo_outcome undone;

	container_tell(options, BS_PHASE_UNDOING);
	if (transaction_undo(&container->place, NULL, &undone, &result->error) < 0)
		return -1;
	result->exact = undone == UNDO_EXACT;
	if (undone != UNDO_NOT_NEEDED)
		return 0;
	*status = BS_STATUS_NOTHING_TO_DO;
	return find_undo_file(container, options, result);
}

/* What undoing and recovering have in common: *recovered tells what the lock has taken back. */
static enum bs_exit take_back(const char *image, const struct bs_options *options, bool applied_too,
			      struct bs_result *result)
{
	uint64_t started = begin(options, result);
	enum bs_status status = BS_STATUS_UNDONE;
	struct container container;
	sigset_t signals = signals_mask();
	int outcome;

	signals_hold_for_change();
	outcome = container_lock(&container, image, options, LOCK_FOR_CHANGING, &result->recovered,
				 &result->error);
	if (outcome == 0 && !result->recovered && applied_too)
		outcome = undo(&container, options, &status, result);
	else if (!result->recovered)
		status = BS_STATUS_NOTHING_TO_DO;
	container_close(&container);
	signals_restore(signals);
	return finish(result, started, outcome, status);
}

/* What was interrupted has been taken back when it is locked: that is what was asked for. */
enum bs_exit bs_undo(const char *image, const struct bs_options *options, struct bs_result *result)
{
	return take_back(image, options, true, result);
}

enum bs_exit bs_recover(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return take_back(image, options, false, result);
}
