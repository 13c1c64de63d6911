/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The steps that check an earlier fix, and those that accept it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/steps.h"
#include "transaction/commit.h"
#include "transaction/undo-search.h"
#include "windows/recheck.h"

/* ---- checking an earlier fix --------------------------------------------------------------- */

/*
 * Whether the undo file may be of another image: nothing is as the fix left it.  A fix that only gave
 * the signature back wrote a few bytes, and any program may have changed them since.
 */
static int engine_check_fits(const struct engine *engine, struct bs_error *err)
{
	return !engine->fits_nothing || engine->signature_alone
		       ? 0
		       : fail(err, BS_NO_RECORD, "the undo file %.300s is of another image",
			      engine->container.place.journal);
}

/*
 * Reads what the undo file says of the fix.  If there is none, and the user does not say where the
 * boot files came from, the image is surveyed all the same: the survey tells whether there was a
 * fix at all.
 */
int step_read_record(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	enum undo_outcome outcome = UNDO_OF_THE_FIX;
	bool fits = true;

	if (engine->expected)
		return 0;
	if (transaction_foresee_undo(&engine->container.place, &outcome, err) < 0) {
		if (engine->command == ENGINE_CHANGES && err->code == BS_NO_UNDO_FILE)
			return -1;
		if (err->code == BS_NO_UNDO_FILE) {
			if (engine->command & ENGINE_ACCEPTS ||
			    engine->options->system_partition == 0)
				engine->no_record = *err;
			return 0;
		}
		if (err->code != BS_CHANGED_SINCE ||
		    transaction_fits(&engine->container.place, &fits, err) < 0)
			return -1;
		engine->fits_nothing = !fits;
		result->unknown = *err;
		if (engine->command == ENGINE_CHANGES && engine_check_fits(engine, err) < 0)
			return -1;
	} else {
		engine->as_left = engine->command & ENGINE_ACCEPTS;
	}
	result->exact = outcome == UNDO_EXACT;
	result->undo_file = strdup(engine->container.place.journal);
	if (!result->undo_file)
		return fail_memory(err);
	if (engine_read_undo_file(engine, result->undo_file, err) < 0)
		return -1;
	return outcome == UNDO_NOT_NEEDED
		       ? fail(err, BS_NOT_FIXED, "the image is as it was before its fix")
		       : 0;
}

/* Returns a task that checks the fix; if no boot file was moved, the task is an inspection. */
static struct worker_task engine_recheck_task(const struct engine *engine)
{
	struct worker_task task = {
		.job = engine->no_record.code == BS_OK && !engine->signature_alone ? WORKER_RECHECK
										   : WORKER_INSPECT,
		.options = *engine->options,
		.plan = engine->expected,
	};

	/* What the user chose before the fix must be found without a choice after it. */
	if (engine->signature_alone)
		task.options.system_partition = 0;
	return task;
}

/* Has a worker look at the disk.  Unless only the signature was given back, it lists the differences. */
static int engine_recheck(struct engine *engine, struct bs_error *err)
{
	struct worker_task task = engine_recheck_task(engine);
	struct session_findings *findings = &engine->findings;
	struct bs_result *result = engine->result;
	struct disk *disk;
	int outcome;

	if (engine_lend_appliance(engine, engine->options->engine == BS_ENGINE_LIBGUESTFS, &task,
				  &disk, err) < 0)
		return -1;
	options_tell(engine->options, BS_PHASE_VERIFYING);
	outcome = session_run(disk, NULL, &task, findings, err);
	appliance_view_close(&engine->view);
	result->inspection = findings->inspection;
	findings->inspection = NULL;
	if (outcome < 0)
		return -1;
	engine_describe_container(engine);
	return 0;
}

int step_recheck(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	struct differences found = {0};

	if (engine->as_left)
		return 0;
	if (engine_look_for_signature(engine, &found, err) < 0 ||
	    engine_check_fits(engine, err) < 0 || engine_recheck(engine, err) < 0 ||
	    (engine->signature_alone && recheck_chain(result->inspection, &found, err) < 0)) {
		differences_free(&found);
		return -1;
	}
	if (!engine->signature_alone) {
		found = engine->findings.differences;
		engine->findings.differences = (struct differences){0};
	}
	result->differences = found.items;
	result->difference_count = (uint32_t)found.count;
	return 0;
}

/* Says why an image without an undo file can be fixed, so that no fix is on it. */
static int engine_fail_not_fixed(const struct bs_inspection *inspection, struct bs_error *err)
{
	if (inspection->rebuilds)
		return fail(err, BS_NOT_FIXED, "the boot files are lost or damaged");
	if (inspection->system_index == inspection->boot_index)
		return fail(err, BS_NOT_FIXED,
			    "the disk's signature was changed, and a fix would give it %08x back",
			    inspection->earlier_signature);
	return fail(err, BS_NOT_FIXED, "the boot files are on partition %u, not with Windows",
		    inspection->partitions[inspection->system_index].number);
}

/* There is no undo file and no plan: says what the survey can still tell. */
static int engine_judge_without_record(struct engine *engine, struct bs_error *err)
{
	const struct bs_inspection *inspection = engine->result->inspection;

	if (step_refuse(engine, err) < 0)
		return -1;
	if (inspection->verdict == BS_VERDICT_FIXABLE)
		return engine_fail_not_fixed(inspection, err);
	return fail(err, BS_NO_RECORD, "%s, but what a fix did is not known: %.300s",
		    inspection->starts ? "the boot chain is complete"
				       : "the boot files are with Windows",
		    engine->no_record.message);
}

int step_judge_fix(struct engine *engine, struct bs_error *err)
{
	const struct bs_result *result = engine->result;
	const struct differences found = {.items = result->differences,
					  .count = result->difference_count};
	const struct bs_difference *first = differences_first_broken(&found);
	size_t count = differences_count_broken(&found);
	struct difference_text text;
	char others[40] = "";

	if (engine->no_record.code != BS_OK)
		return engine_judge_without_record(engine, err);
	/* Only what was surveyed can be judged. */
	if (!first)
		return engine->signature_alone && !result->inspection->starts
			       ? step_refuse(engine, err)
			       : 0;
	if (count > 1)
		snprintf(others, sizeof(others), ", and %zu more", count - 1);
	text = differences_describe(first);
	return fail(err, BS_FIX_NOT_WHOLE, "not as the fix left it: %s%s", text.text, others);
}

/* Has the appliance find the same as libntfs-3g. */
static int engine_compare_findings(const struct bs_result *result,
				   const struct differences *appliance, struct bs_error *err)
{
	const struct differences ours = {.items = result->differences,
					 .count = result->difference_count};

	size_t i = differences_compare(&ours, appliance);

	if (i == ours.count && i == appliance->count)
		return 0;
	return fail(err, BS_SECOND_OPINION,
		    "not as the fix left it: libguestfs finds %s, libntfs-3g finds %s",
		    differences_describe_at(appliance, i).text,
		    differences_describe_at(&ours, i).text);
}

int step_second_recheck(struct engine *engine, struct bs_error *err)
{
	struct worker_task task = engine_recheck_task(engine);
	struct session_findings findings;
	struct disk *disk;
	int outcome;

	if (!engine->options->second_opinion)
		return 0;
	task.reading = READING_BY_APPLIANCE;
	if (engine_lend_appliance(engine, true, &task, &disk, err) < 0)
		return -1;
	outcome = session_run(disk, NULL, &task, &findings, err);
	if (outcome == 0)
		outcome = engine_compare_findings(engine->result, &findings.differences, err);
	session_free(&findings);
	appliance_view_close(&engine->view);
	return outcome;
}

/* ---- accepting a fix ------------------------------------------------------------------------- */

/*
 * There is no undo file.  That is right if the fix was accepted before, but not if the undo file may
 * lie elsewhere, or if the image is not fixed.
 */
static int engine_accept_without_record(struct engine *engine, struct bs_error *err)
{
	const struct place *place = &engine->container.place;
	struct undo_search search;
	bool elsewhere;

	undo_search(place->target, place->folder, &search);
	elsewhere = search.hint || search.found;
	undo_search_free(&search);
	if (elsewhere || engine->options->undo_file) {
		*err = engine->no_record;
		return -1;
	}
	if (step_refuse(engine, err) < 0)
		return -1;
	if (engine->result->inspection->verdict == BS_VERDICT_FIXABLE)
		return engine_judge_without_record(engine, err);
	engine->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}

/* An image that was only started since the fix has nothing but expected differences. */
int step_judge_accept(struct engine *engine, struct bs_error *err)
{
	if (engine->no_record.code != BS_OK)
		return engine_accept_without_record(engine, err);
	return step_judge_fix(engine, err);
}

int step_accept(struct engine *engine, struct bs_error *err)
{
	if (engine->success == BS_STATUS_NOTHING_TO_DO)
		return 0;
	return transaction_accept(&engine->container.place,
				  engine->command == ENGINE_FORESEE_ACCEPT, &engine->result->freed,
				  err);
}
