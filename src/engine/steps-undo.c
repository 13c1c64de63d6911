/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The steps of an undo, and what the other commands learn from an undo file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/relations.h"
#include "engine/steps.h"
#include "transaction/commit.h"
#include "transaction/hint.h"
#include "transaction/undo-search.h"

/* ---- the undo file ------------------------------------------------------------------------- */

int engine_read_undo_file(const struct engine *engine, const char *path, struct bs_error *err)
{
	const uint8_t *maker = engine->options->maker;
	struct bs_result *result = engine->result;
	struct journal_file *journal;

	if (journal_file_open(path, &journal, err) < 0)
		return -1;
	if (journal) {
		result->fixed_at = journal->header.created;
		snprintf(result->fixed_by, sizeof(result->fixed_by), "%.31s",
			 journal->header.tool_version);
		result->undo_file_size = journal->header.journal_size;
		result->own_undo_file = !all_zero(maker, BS_MAKER_SIZE) &&
					memcmp(journal->header.maker, maker, BS_MAKER_SIZE) == 0;
	}
	journal_file_close(journal);
	return 0;
}

/* The image itself names its undo file.  Nothing is done because of that file, so errors are ignored. */
static void engine_read_named_undo_file(struct engine *engine)
{
	const struct target *target = engine->container.place.target;
	struct bs_result *result = engine->result;
	struct bs_error ignored;

	result->undo_file_named = hint_read(target);
	if (result->undo_file_named && undo_search_is_own(target, result->undo_file_named) &&
	    engine_read_undo_file(engine, result->undo_file_named, &ignored) == 0)
		result->own_undo_file = false;
}

int engine_look_for_signature(struct engine *engine, struct differences *found,
			      struct bs_error *err)
{
	struct range sector = {0, SECTOR_SIZE};
	const struct range_vector zones = {.items = &sector, .count = 1};
	struct range_vector places = {0};
	bool intact = false;
	int outcome = -1;

	if (!engine->result->undo_file)
		return 0;
	if (container_locate(&engine->container, &zones, &places, err) == 0) {
		range_vector_merge(&places);
		outcome = transaction_look_at_writes(&engine->container.place, &places,
						     &engine->signature_alone, &intact, err);
	}
	range_vector_free(&places);
	if (outcome < 0 || !engine->signature_alone || intact)
		return outcome;
	return differences_note(found, "",
				"the fix gave the disk its signature back, and its first sector "
				"was written to since",
				false, err);
}

/* Whether the fix only gave the signature back.  If that cannot be found out, it counts as a move. */
static bool engine_fixed_signature_alone(struct engine *engine)
{
	struct differences ignored = {0};
	struct bs_error err;
	bool found = engine_look_for_signature(engine, &ignored, &err) == 0;

	differences_free(&ignored);
	return found && engine->signature_alone;
}

/* Finds the undo file: an image that needs no fix may have been fixed earlier. */
int step_undo_file(struct engine *engine, struct bs_error *err)
{
	const struct place *place = &engine->container.place;
	enum transaction_state state;

	/* The rows of a batch that only rehearses must not lead to an undo file. */
	if (engine->command == ENGINE_PLAN && !all_zero(engine->options->maker, BS_MAKER_SIZE))
		return 0;
	if (transaction_state(place, &state, err) < 0)
		return -1;
	if (state != TRANSACTION_APPLIED) {
		engine_read_named_undo_file(engine);
		return 0;
	}
	engine->result->undo_file = strdup(place->journal);
	if (!engine->result->undo_file)
		return fail_memory(err);
	if (engine->command == ENGINE_INSPECT)
		engine->result->fixed_signature_alone = engine_fixed_signature_alone(engine);
	return engine_read_undo_file(engine, place->journal, err);
}

/* Surveys the image.  Returns whether it is found to be as before a fix. */
static bool engine_finds_unfixed(struct engine *engine)
{
	struct worker_task task = {.job = WORKER_INSPECT, .options = *engine->options};
	struct session_findings findings = {0};
	struct bs_error ignored;
	bool unfixed;

	/* The fix may have needed these.  Where it did not need them, they change nothing. */
	task.options.rebuild = task.options.restore_signature = true;

	options_tell(engine->options, BS_PHASE_INSPECTING);
	if (container_open_disk(&engine->container, &ignored) < 0)
		return false;
	unfixed = session_run(engine->container.disk, NULL, &task, &findings, &ignored) == 0 &&
		  findings.inspection && findings.inspection->verdict == BS_VERDICT_FIXABLE;
	session_free(&findings);
	return unfixed;
}

/*
 * The undo has failed with *err.  If there is no undo file because the image is not fixed, there is
 * nothing to do.
 */
static int engine_fail_undo(struct engine *engine, const struct bs_error *err)
{
	if (err->code != BS_NO_UNDO_FILE || !engine_finds_unfixed(engine))
		return -1;
	engine->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}

/*
 * An undo would spoil an image that holds only the changes to this one, because it was made of the fixed
 * image.  An interrupted change was taken back before: then the image was half written.
 */
int step_no_children(struct engine *engine, struct bs_error *err)
{
	const struct target *target = engine->container.target;
	enum transaction_state state;

	if (target->kind == TARGET_NBD || engine->result->recovered)
		return 0;
	if (transaction_state(&engine->container.place, &state, err) < 0)
		return -1;
	if (state != TRANSACTION_APPLIED ||
	    relations_check(engine->options->relations, engine->image, target->name, err) == 0)
		return 0;
	return err->code == BS_CONTAINER_PART ? 0 : -1;
}

/* Reports an undo that was made, or would be made. */
static int engine_report_undo(struct engine *engine, enum undo_outcome undone, struct bs_error *err)
{
	engine->result->exact = undone == UNDO_EXACT;
	if (undone != UNDO_NOT_NEEDED)
		return 0;
	engine->success = BS_STATUS_NOTHING_TO_DO;
	return step_undo_file(engine, err);
}

int step_foresee_undo(struct engine *engine, struct bs_error *err)
{
	enum undo_outcome outcome;

	if (transaction_foresee_undo(&engine->container.place, &outcome, err) < 0)
		return engine_fail_undo(engine, err);
	return engine_report_undo(engine, outcome, err);
}

/* If the transaction was interrupted, opening the image has already undone it. */
int step_undo(struct engine *engine, struct bs_error *err)
{
	enum undo_outcome undone;

	if (engine->result->recovered)
		return 0;
	options_tell(engine->options, BS_PHASE_UNDOING);
	if (transaction_undo(&engine->container.place, &undone, err) < 0)
		return engine_fail_undo(engine, err);
	return engine_report_undo(engine, undone, err);
}

int step_recovered(struct engine *engine, struct bs_error *err)
{
	(void)err;
	if (!engine->result->recovered)
		engine->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}
