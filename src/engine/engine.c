/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library's commands, each on one image, as one list of steps.  ARCHITECTURE.md explains the
 * steps of a fix; the other commands have some of the same steps, and few of their own.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/container.h"
#include "engine/inspection.h"
#include "engine/relations.h"
#include "engine/session.h"
#include "transaction/commit.h"
#include "util/clock.h"
#include "util/debug.h"
#include "util/signals.h"
#include "windows/plan.h"

enum command_kind {
	INSPECT = 1,
	PLAN = 2,
	FIX = 4,
	UNDO = 8,
	RECOVER = 16,
};

/* A command at work. */
struct command {
	enum command_kind kind;
	const char *image;
	const struct bs_options *options;
	const struct bs_plan *expected; /* NULL: any plan will do */
	struct bs_result *result;
	enum bs_status success; /* the result's status if no step fails */
	struct container container;
	struct session *session; /* while the first worker is at work */
	struct session_findings findings;
	struct range *zones; /* in bytes of the container */
	size_t zone_count;
	bool verified;                  /* what a commit would write */
	struct commit_result committed; /* its journal stays open until the command ends */
};

/* Returns 0, or sets *err, which is that of the result, and returns -1. */
typedef int step_function(struct command *command, struct bs_error *err);

static step_function step_hold_signals, step_open, step_check_writable, step_lay, step_inspect,
	step_prove, step_stage, step_end_worker, step_relations, step_refuse, step_settle,
	step_verify, step_locate_zones, step_stop, step_compare_plan, step_no_undo_file,
	step_commit, step_verify_committed, step_undo_file, step_undo, step_recovered;

/* ---- the steps ----------------------------------------------------------------------------- */

#define LOOK      (INSPECT | PLAN | FIX)
#define REHEARSE  (PLAN | FIX)
#define TAKE_BACK (UNDO | RECOVER)
#define ALL       (LOOK | TAKE_BACK)

enum step_condition {
	ALWAYS,
	IF_FIXABLE, /* the worker has found that a fix applies */
	IF_NOTHING, /* the worker has found that no fix is needed */
};

#define LOOKS true

static const struct step {
	const char *name;
	step_function *act;
	unsigned commands; /* that have the step */
	enum step_condition condition;
	bool looks; /* LOOKS: looks at the guest's disk, so a refusal here is a finding, too */
} steps[] = {
	/* clang-format off */
	{"hold signals",                   step_hold_signals,      TAKE_BACK,      ALWAYS,     false},
	{"open",                           step_open,              ALL,            ALWAYS,     false},
	{"check that it could be written", step_check_writable,    PLAN,           ALWAYS,     false},
	{"lay the stack",                  step_lay,               LOOK,           ALWAYS,     false},
	{"inspect",                        step_inspect,           LOOK,           ALWAYS,     LOOKS},
	{"plan and prove",                 step_prove,             REHEARSE,       IF_FIXABLE, LOOKS},
	{"stage",                          step_stage,             REHEARSE,       IF_FIXABLE, LOOKS},
	{"end the worker",                 step_end_worker,        LOOK,           ALWAYS,     LOOKS},
	{"check relations",                step_relations,         LOOK,           ALWAYS,     LOOKS},
	{"refuse",                         step_refuse,            LOOK,           ALWAYS,     LOOKS},
	{"settle",                         step_settle,            REHEARSE,       IF_FIXABLE, LOOKS},
	{"verify",                         step_verify,            REHEARSE,       IF_FIXABLE, LOOKS},
	{"locate zones",                   step_locate_zones,      REHEARSE,       IF_FIXABLE, LOOKS},
	{"stop if interrupted",            step_stop,              FIX,            ALWAYS,     false},
	{"hold signals",                   step_hold_signals,      FIX,            ALWAYS,     false},
	{"compare the plan",               step_compare_plan,      REHEARSE,       IF_FIXABLE, false},
	{"check for another undo file",    step_no_undo_file,      INSPECT | PLAN, IF_FIXABLE, false},
	{"commit",                         step_commit,            FIX,            IF_FIXABLE, false},
	{"verify the committed image",     step_verify_committed,  FIX,            IF_FIXABLE, false},
	{"find the undo file",             step_undo_file,         FIX,            IF_NOTHING, false},
	{"undo",                           step_undo,              UNDO,           ALWAYS,     false},
	{"see what was recovered",         step_recovered,         RECOVER,        ALWAYS,     false},
	/* clang-format on */
};

static bool command_is_fixable(const struct command *command)
{
	const struct bs_inspection *inspection = command->result->inspection;

	return inspection && inspection->verdict == BS_VERDICT_FIXABLE;
}

static bool command_has_step(const struct command *command, const struct step *step)
{
	return step->commands & command->kind &&
	       (step->condition == ALWAYS ||
		command_is_fixable(command) == (step->condition == IF_FIXABLE));
}

static int command_step(struct command *command, const struct step *step)
{
	struct bs_error *err = &command->result->error;
	uint64_t started = clock_milliseconds();
	int outcome = step->act(command, err);
	unsigned long long milliseconds = clock_milliseconds() - started;

	if (outcome < 0)
		debug_print(DEBUG_STEPS, "%s: failed after %llu ms: %s: %s", step->name,
			    milliseconds, bs_code_name(err->code), err->message);
	else
		debug_print(DEBUG_STEPS, "%s: %llu ms", step->name, milliseconds);
	return outcome;
}

/* ---- results ------------------------------------------------------------------------------- */

const char *bs_version(void)
{
	return BOOTSHIFT_VERSION;
}

void bs_result_free(struct bs_result *result)
{
	free(result->inspection);
	bs_plan_free(result->plan);
	free(result->undo_file);
	memset(result, 0, sizeof(*result));
}

static void command_describe_container(const struct command *command)
{
	struct bs_inspection *inspection = command->result->inspection;

	snprintf(inspection->format, sizeof(inspection->format), "%s",
		 command->container.format.name);
	inspection->container_size = command->container.target->status.length;
}

/*
 * If the caller holds signals and one has come, that is the error.  Such a signal may have ended
 * the worker process as well, as those of a terminal do.
 */
static int command_check_interruption(struct bs_error *err, int outcome)
{
	return signals_stop_pending() ? fail(err, BS_INTERRUPTED,
					     "interrupted by a signal before anything was written")
				      : outcome;
}

/*
 * A step has failed that looks at the guest's disk.  If the image is refused, the reason becomes a
 * finding, also where the worker has sent no inspection.
 */
static void command_fail_look(struct command *command)
{
	struct bs_result *result = command->result;

	if (command->session)
		(void)!session_end(command->session, -1, &result->error);
	command->session = NULL;
	if (bs_code_exit(result->error.code) == BS_EXIT_REFUSED) {
		if (!result->inspection)
			result->inspection = inspection_without_worker(command->container.disk,
								       command->options);
		if (result->inspection)
			inspection_refuse(result->inspection, &result->error);
	}
	if (result->inspection)
		command_describe_container(command);
	bs_plan_free(result->plan); /* what is refused or cannot be verified is no plan */
	result->plan = NULL;
	if (command->kind == FIX)
		(void)!command_check_interruption(&result->error, -1);
}

/* Sets the result's status; for a failure by the class of its code. */
static enum bs_exit command_finish(struct command *command, int outcome)
{
	struct bs_result *result = command->result;
	enum bs_exit exit;

	if (outcome == 0) {
		result->status = command->success;
		result->error = (struct bs_error){.code = BS_OK};
		return BS_EXIT_DONE;
	}
	exit = bs_code_exit(result->error.code);
	if (exit == BS_EXIT_REFUSED || exit == BS_EXIT_USAGE)
		result->status = BS_STATUS_REFUSED;
	else if (exit == BS_EXIT_RECOVERY)
		result->status = BS_STATUS_RECOVERY_REQUIRED;
	else
		result->status = BS_STATUS_FAILED;
	return exit;
}

/* ---- the commands -------------------------------------------------------------------------- */

static void command_tell(const struct command *command, enum bs_phase phase)
{
	container_tell(command->options, phase);
}

static enum bs_exit command_run(enum command_kind kind, const char *image,
				const struct bs_options *options, const struct bs_plan *expected,
				struct bs_result *result)
{
	struct command command = {
		.kind = kind,
		.image = image,
		.options = options,
		.expected = expected,
		.result = result,
		.success = kind == FIX        ? BS_STATUS_FIXED
			   : kind & TAKE_BACK ? BS_STATUS_UNDONE
					      : BS_STATUS_WOULD_FIX,
	};
	uint64_t started;
	sigset_t signals = signals_mask();
	int outcome = 0;

	memset(result, 0, sizeof(*result));
	command_tell(&command, BS_PHASE_OPENING);
	started = clock_milliseconds();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && outcome == 0; i++) {
		if (!command_has_step(&command, &steps[i]))
			continue;
		outcome = command_step(&command, &steps[i]);
		if (outcome < 0 && steps[i].looks)
			command_fail_look(&command);
	}
	assert(!command.session);
	free(command.zones);
	session_free(&command.findings);
	journal_file_close(command.committed.journal);
	container_close(&command.container);
	signals_restore(signals);
	result->milliseconds = clock_milliseconds() - started;
	return command_finish(&command, outcome);
}

enum bs_exit bs_inspect(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return command_run(INSPECT, image, options, NULL, result);
}

enum bs_exit bs_plan(const char *image, const struct bs_options *options,
		     const struct bs_plan *expected, struct bs_result *result)
{
	return command_run(PLAN, image, options, expected, result);
}

enum bs_exit bs_fix(const char *image, const struct bs_options *options,
		    const struct bs_plan *expected, struct bs_result *result)
{
	return command_run(FIX, image, options, expected, result);
}

enum bs_exit bs_undo(const char *image, const struct bs_options *options, struct bs_result *result)
{
	return command_run(UNDO, image, options, NULL, result);
}

enum bs_exit bs_recover(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return command_run(RECOVER, image, options, NULL, result);
}

/* ---- opening ------------------------------------------------------------------------------- */

/*
 * A signal from the keyboard or the system waits until the image is old or new, and nothing of ours
 * but the undo file lies beside it.
 */
static int step_hold_signals(struct command *command, struct bs_error *err)
{
	(void)command;
	(void)err;
	signals_hold_for_change();
	return 0;
}

/* Opens and locks the image, and takes back what an earlier command left unfinished. */
static int step_open(struct command *command, struct bs_error *err)
{
	bool looks_only = command->kind & (INSPECT | PLAN);

	return container_lock(&command->container, command->image, command->options,
			      looks_only ? LOCK_FOR_READING : LOCK_FOR_CHANGING,
			      &command->result->recovered, err);
}

/* By its permissions: an NBD export tells only when it is opened for writing. */
static int step_check_writable(struct command *command, struct bs_error *err)
{
	const struct container *container = &command->container;

	if (!command->options->to_be_fixed)
		return 0;
	if (container->target->kind != TARGET_NBD &&
	    target_check_writable(container->target, err) < 0)
		return -1;
	return place_check_folder(&container->place, err);
}

static int step_lay(struct command *command, struct bs_error *err)
{
	return container_open_disk(&command->container, err);
}

/* ---- the first worker ---------------------------------------------------------------------- */

static int step_inspect(struct command *command, struct bs_error *err)
{
	bool rehearses = command->kind & REHEARSE;
	const struct worker_task task = {.job = rehearses ? WORKER_REHEARSE : WORKER_INSPECT,
					 .options = *command->options};
	struct bs_result *result = command->result;

	command_tell(command, rehearses ? BS_PHASE_REHEARSING : BS_PHASE_INSPECTING);
	/* No worker was there yet to be ended by a signal that has come already. */
	if (command_check_interruption(err, 0) < 0)
		return -1;
	command->session = session_start(command->container.disk,
					 rehearses ? command->container.overlay : NULL, &task,
					 &command->findings, err);
	if (!command->session || session_advance(command->session, SESSION_INSPECTED, err) < 0)
		return -1;
	result->inspection = command->findings.inspection;
	command->findings.inspection = NULL;
	command_describe_container(command);
	if (result->inspection->verdict == BS_VERDICT_NOTHING)
		command->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}

/* The worker makes the plan, and proves that what the boot volume calls free belongs to nobody. */
static int step_prove(struct command *command, struct bs_error *err)
{
	command_tell(command, BS_PHASE_CHECKING);
	return session_advance(command->session, SESSION_ALLOWED, err);
}

/* The worker carries the plan out, on the overlay. */
static int step_stage(struct command *command, struct bs_error *err)
{
	command_tell(command, BS_PHASE_REHEARSING);
	if (session_advance(command->session, SESSION_STAGED, err) < 0)
		return -1;
	command->result->plan = command->findings.plan;
	command->findings.plan = NULL;
	return command->result->plan ? 0 : fail(err, BS_WORKER, "the worker process made no plan");
}

static int step_end_worker(struct command *command, struct bs_error *err)
{
	struct session *session = command->session;

	command->session = NULL;
	return session_end(session, session_advance(session, SESSION_DONE, err), err);
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Whether a fix changes the image, or the advice asks the user to do so. */
static bool command_is_to_change(const struct command *command)
{
	const struct bs_inspection *inspection = command->result->inspection;

	for (uint32_t i = 0; i < inspection->finding_count; i++)
		if (inspection->findings[i].code == BS_SIGNATURE_CHANGED)
			return true;
	return command_is_fixable(command);
}

/* An image that is not going to be changed may be the parent or a part of other files. */
static int step_relations(struct command *command, struct bs_error *err)
{
	const struct target *target = command->container.target;

	if (target->kind == TARGET_NBD || !command_is_to_change(command))
		return 0;
	return relations_check(command->options->relations, command->image, target->name, err);
}

/* The first finding that stands in the way of a fix is the error. */
static int step_refuse(struct command *command, struct bs_error *err)
{
	const struct bs_inspection *inspection = command->result->inspection;

	if (inspection->verdict != BS_VERDICT_UNSUITABLE)
		return 0;
	for (uint32_t i = 0; i < inspection->finding_count; i++)
		if (bs_code_exit(inspection->findings[i].code) == BS_EXIT_REFUSED)
			return fail(err, inspection->findings[i].code, "%s",
				    inspection->findings[i].message);
	return fail(err, BS_WORKER, "the worker process refused the image without a reason");
}

/* ---- what a commit would write ------------------------------------------------------------- */

static int step_settle(struct command *command, struct bs_error *err)
{
	return container_settle(&command->container, err);
}

/* Has another worker prove what was carried out on the container's disk. */
static int command_verify(const struct command *command, const struct container *container,
			  bool committed, struct bs_error *err)
{
	const struct worker_task task = {.job = WORKER_VERIFY,
					 .options = *command->options,
					 .plan = command->result->plan,
					 .clusters = command->findings.clusters,
					 .committed = committed};
	struct session_findings findings;
	int outcome = session_run(container->disk, NULL, &task, &findings, err);

	session_free(&findings);
	return outcome;
}

static int step_verify(struct command *command, struct bs_error *err)
{
	overlay_take_written_sectors(command->container.overlay);
	if (command_verify(command, &command->container, false, err) < 0)
		return -1;
	command->verified = true;
	return 0;
}

/* The worker told the zones in bytes of the guest's disk; a commit needs bytes of the container. */
static int step_locate_zones(struct command *command, struct bs_error *err)
{
	struct container *container = &command->container;

	if (container_locate(container, &command->findings.zones, &command->zones,
			     &command->zone_count, err) < 0)
		return -1;
	container_close_disk(container);
	return 0;
}

/* ---- fixing -------------------------------------------------------------------------------- */

static int step_stop(struct command *command, struct bs_error *err)
{
	(void)command;
	return command_check_interruption(err, 0);
}

static int step_compare_plan(struct command *command, struct bs_error *err)
{
	if (!command->expected || plan_equal(command->result->plan, command->expected))
		return 0;
	return fail(err, BS_PLAN_STALE, "the plan is not for this image as it is now");
}

static int step_no_undo_file(struct command *command, struct bs_error *err)
{
	return transaction_check_none(&command->container.place, err);
}

static void command_drop_undo_file(struct command *command)
{
	free(command->result->undo_file);
	command->result->undo_file = NULL;
}

static int step_commit(struct command *command, struct bs_error *err)
{
	const struct commit_request request = {
		.place = &command->container.place,
		.overlay = command->container.overlay,
		.zones = command->zones,
		.zone_count = command->zone_count,
		.maker = command->options->maker,
	};
	struct bs_result *result = command->result;

	assert(command->verified && result->plan && !command->container.disk);
	/* Nothing was written between the verification and the commit. */
	assert(overlay_take_written_sectors(command->container.overlay) == 0);
	command_tell(command, BS_PHASE_COMMITTING);
	result->undo_file = strdup(command->container.place.journal);
	if (!result->undo_file)
		return fail_memory(err);
	if (transaction_commit(&request, &command->committed, err) < 0) {
		command_drop_undo_file(command);
		return -1;
	}
	result->container_bytes = command->committed.bytes;
	result->container_extents = (uint32_t)command->committed.extents;
	return 0;
}

/* Takes back a commit that cannot be verified, for the reason in *err.  Always -1. */
static int command_undo_commit(struct command *command, struct bs_error *err)
{
	struct bs_result *result = command->result;
	enum undo_outcome undone;
	struct bs_error undo_error;

	if (transaction_undo_commit(&command->container.place, &command->committed, &undone,
				    &undo_error) < 0)
		return fail(err, BS_RECOVERY_REQUIRED,
			    "the fix could not be verified, nor be taken back: %s",
			    undo_error.message);
	result->container_bytes = result->container_extents = 0;
	command_drop_undo_file(command);
	if (undone == UNDO_OF_OURS) {
		err->code = BS_CHANGED_MEANWHILE;
		fail_prefix(err, "something else wrote to the image at the same time, and the fix "
				 "was taken back");
	}
	return -1;
}

/*
 * Opens the committed image afresh and proves it once more.  An error here is no refusal, which
 * would mean that nothing was written.
 */
static int step_verify_committed(struct command *command, struct bs_error *err)
{
	struct container container;
	int outcome;

	assert(command->committed.journal);
	command_tell(command, BS_PHASE_VERIFYING);
	outcome = container_open_target(&container, command->container.target->name,
					command->options, err);
	if (outcome == 0)
		outcome = container_open_disk(&container, err);
	if (outcome == 0)
		outcome = command_verify(command, &container, true, err);
	container_close(&container);
	if (outcome == 0)
		return 0;
	if (bs_code_exit(err->code) != BS_EXIT_FAILED)
		err->code = BS_VERIFY;
	return command_undo_commit(command, err);
}

/* ---- the undo file ------------------------------------------------------------------------- */

/* Sets *same to whether the undo file has the caller's name for what the fix belongs to. */
static int command_compare_maker(const struct command *command, bool *same, struct bs_error *err)
{
	const uint8_t *maker = command->options->maker;
	struct journal_file *journal;

	if (journal_file_open(command->container.place.journal, &journal, err) < 0)
		return -1;
	*same = journal && !all_zero(maker, BS_MAKER_SIZE) &&
		memcmp(journal->header.maker, maker, BS_MAKER_SIZE) == 0;
	journal_file_close(journal);
	return 0;
}

/* An image that needs no fix may have had one, and then it has an undo file. */
static int step_undo_file(struct command *command, struct bs_error *err)
{
	const struct place *place = &command->container.place;
	enum transaction_state state;

	if (transaction_state(place, &state, err) < 0)
		return -1;
	if (state != TRANSACTION_APPLIED)
		return 0;
	command->result->undo_file = strdup(place->journal);
	if (!command->result->undo_file)
		return fail_memory(err);
	return command_compare_maker(command, &command->result->own_undo_file, err);
}

/* A transaction that was interrupted has been taken back already, when the image was opened. */
static int step_undo(struct command *command, struct bs_error *err)
{
	enum undo_outcome undone;

	if (command->result->recovered)
		return 0;
	command_tell(command, BS_PHASE_UNDOING);
	if (transaction_undo(&command->container.place, &undone, err) < 0)
		return -1;
	command->result->exact = undone == UNDO_EXACT;
	if (undone != UNDO_NOT_NEEDED)
		return 0;
	command->success = BS_STATUS_NOTHING_TO_DO;
	return step_undo_file(command, err);
}

static int step_recovered(struct command *command, struct bs_error *err)
{
	(void)err;
	if (!command->result->recovered)
		command->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}
