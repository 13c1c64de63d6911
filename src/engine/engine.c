/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library's commands, as one list of steps.  Each command works on one image.  ARCHITECTURE.md
 * explains the steps of a fix; the other commands share some of them, and have few of their own.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/appliance-view.h"
#include "engine/container.h"
#include "engine/inspection.h"
#include "engine/options.h"
#include "engine/proof.h"
#include "engine/relations.h"
#include "engine/session.h"
#include "transaction/commit.h"
#include "transaction/hint.h"
#include "transaction/undo-search.h"
#include "util/appliance-use.h"
#include "util/clock.h"
#include "util/debug.h"
#include "util/signals.h"
#include "windows/plan.h"
#include "windows/recheck.h"

enum engine_command {
	INSPECT = 1,
	PLAN = 2,
	FIX = 4,
	UNDO = 8,
	RECOVER = 16,
	FORESEE = 32, /* rehearses an undo */
	BOOT = 64,
	VERIFY = 128,
	ACCEPT = 256,
	FORESEE_ACCEPT = 512, /* rehearses an accept */
	CHANGES = 1024,       /* what a fix wrote */
	BEFORE = 2048,        /* rehearses a fix of the disk as it was before its fix */
};

/* A command on one image. */
struct engine {
	enum engine_command command;
	const char *image;
	const struct bs_options *options;
	const struct bs_plan *expected; /* the only plan to carry out, or to verify; NULL: any */
	struct bs_result *result;
	enum bs_status success; /* the result's status if no step fails */
	const char *child; /* FIX: a child of the image, which is therefore not changed; or NULL */
	struct container container;
	struct session *session;    /* of the first worker; NULL before and after */
	struct appliance_view view; /* what an appliance sees; all zeros without one */
	struct session_findings findings;
	struct range_vector zones; /* in bytes of the container */
	bool verified;             /* what a commit would write */
	bool as_left; /* ACCEPT: the image's bytes are proven to be those that the fix left */
	bool signature_alone;      /* the fix wrote only to the first sector of the guest's disk */
	bool fits_nothing;         /* nothing of what the fix wrote is in the image */
	struct bs_error no_record; /* why nothing is known of a fix; BS_OK: it is known */
};

/* Returns 0, or -1 with *err set.  `err` is the error in the result. */
typedef int step_function(struct engine *engine, struct bs_error *err);

static step_function step_hold_signals, step_open, step_check_writable, step_lay, step_inspect,
	step_prove, step_stage, step_end_worker, step_relations, step_refuse, step_settle,
	step_verify, step_second_opinion, step_start, step_start_as_is, step_locate_zones,
	step_stop, step_compare_plan, step_no_undo_file, step_check_room, step_commit,
	step_undo_file, step_no_children, step_undo, step_foresee_undo, step_recovered,
	step_read_record, step_recheck, step_second_recheck, step_judge_fix, step_judge_accept,
	step_accept, step_list_writes;

/* ---- the steps ----------------------------------------------------------------------------- */

#define LOOK      (INSPECT | PLAN | FIX)
#define REHEARSE  (PLAN | FIX)
#define TAKE_BACK (UNDO | RECOVER)
#define ACCEPTS   (ACCEPT | FORESEE_ACCEPT)
#define RETELL    (CHANGES | BEFORE)
#define ALL       (LOOK | TAKE_BACK | FORESEE | BOOT | VERIFY | ACCEPTS | RETELL)

enum step_condition {
	ALWAYS,
	IF_FIXABLE, /* the worker has found that a fix applies */
	IF_NOTHING, /* the worker has found that no fix is needed */
};

#define LOOKS true

static const struct step {
	const char *name;
	step_function *act;
	unsigned commands; /* the commands that have the step */
	enum step_condition condition;
	bool looks; /* LOOKS: the step reads the guest's disk, so its refusal is a finding, too */
} steps[] = {
	/* clang-format off */
	{"hold signals",                   step_hold_signals,      TAKE_BACK,      ALWAYS,     false},
	{"open",                           step_open,              ALL,            ALWAYS,     false},
	{"check that it could be written", step_check_writable,    PLAN | FORESEE | FORESEE_ACCEPT, ALWAYS, false},
	{"read the undo file",             step_read_record,       VERIFY | ACCEPTS | CHANGES, ALWAYS, false},
	{"list what the fix wrote",        step_list_writes,       CHANGES,        ALWAYS,     false},
	{"lay the stack",                  step_lay,               LOOK | BOOT | VERIFY | ACCEPTS | RETELL, ALWAYS, false},
	{"check the fix",                  step_recheck,           VERIFY | ACCEPTS, ALWAYS,   LOOKS},
	{"judge the fix",                  step_judge_fix,         VERIFY,         ALWAYS,     false},
	{"judge whether to accept it",     step_judge_accept,      ACCEPTS,        ALWAYS,     false},
	{"check the fix with libguestfs",  step_second_recheck,    VERIFY,         ALWAYS,     false},
	{"inspect",                        step_inspect,           LOOK | RETELL,  ALWAYS,     LOOKS},
	{"plan and prove",                 step_prove,             REHEARSE | BEFORE, IF_FIXABLE, LOOKS},
	{"stage",                          step_stage,             REHEARSE | BEFORE, IF_FIXABLE, LOOKS},
	{"end the worker",                 step_end_worker,        LOOK | RETELL,  ALWAYS,     LOOKS},
	{"start the disk as it is",        step_start_as_is,       INSPECT | CHANGES | BOOT, ALWAYS,     LOOKS},
	{"check relations",                step_relations,         LOOK,           ALWAYS,     LOOKS},
	{"refuse",                         step_refuse,            LOOK | BEFORE,  ALWAYS,     LOOKS},
	{"settle",                         step_settle,            REHEARSE | BEFORE, IF_FIXABLE, LOOKS},
	{"verify",                         step_verify,            REHEARSE | BEFORE, IF_FIXABLE, LOOKS},
	{"ask for a second opinion",       step_second_opinion,    REHEARSE,       IF_FIXABLE, LOOKS},
	{"start the disk",                 step_start,             REHEARSE,       IF_FIXABLE, LOOKS},
	{"locate zones",                   step_locate_zones,      REHEARSE,       IF_FIXABLE, LOOKS},
	{"stop if interrupted",            step_stop,              FIX | ACCEPT,   ALWAYS,     false},
	{"hold signals",                   step_hold_signals,      FIX | ACCEPT,   ALWAYS,     false},
	{"compare the plan",               step_compare_plan,      REHEARSE,       IF_FIXABLE, false},
	{"check for another undo file",    step_no_undo_file,      INSPECT | PLAN, IF_FIXABLE, false},
	{"check the room",                 step_check_room,        PLAN,           IF_FIXABLE, false},
	{"commit",                         step_commit,            FIX,            IF_FIXABLE, false},
	{"find the undo file",             step_undo_file,         LOOK,           IF_NOTHING, false},
	{"check for children",             step_no_children,       UNDO | FORESEE, ALWAYS,     false},
	{"undo",                           step_undo,              UNDO,           ALWAYS,     false},
	{"foresee the undo",               step_foresee_undo,      FORESEE,        ALWAYS,     false},
	{"see what was recovered",         step_recovered,         RECOVER,        ALWAYS,     false},
	{"end the undo",                   step_accept,            ACCEPTS,        ALWAYS,     false},
	/* clang-format on */
};

static bool engine_is_fixable(const struct engine *engine)
{
	const struct bs_inspection *inspection = engine->result->inspection;

	return inspection && inspection->verdict == BS_VERDICT_FIXABLE;
}

static bool engine_has_step(const struct engine *engine, const struct step *step)
{
	return step->commands & engine->command &&
	       (step->condition == ALWAYS ||
		engine_is_fixable(engine) == (step->condition == IF_FIXABLE));
}

static int engine_step(struct engine *engine, const struct step *step)
{
	struct bs_error *err = &engine->result->error;
	uint64_t started = clock_milliseconds();
	int outcome = step->act(engine, err);
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
	proof_free_start(result->start);
	free(result->undo_file);
	free(result->undo_file_named);
	free(result->differences);
	free(result->written);
	for (uint32_t i = 0; i < result->parent_count; i++)
		free(result->parents[i].path);
	free(result->parents);
	memset(result, 0, sizeof(*result));
}

static void engine_describe_container(const struct engine *engine)
{
	struct bs_inspection *inspection = engine->result->inspection;

	snprintf(inspection->format, sizeof(inspection->format), "%s",
		 engine->container.format.name);
	inspection->container_size = engine->container.target->status.length;
}

/*
 * Returns -1 with BS_INTERRUPTED if the caller has cancelled the command, or holds signals and one has
 * come, otherwise `outcome`.
 * The same signal may have ended the worker process: a terminal sends signals to both.
 */
static int engine_check_interruption(struct bs_error *err, int outcome)
{
	return signals_stop_pending() ? signals_fail_stopped(err) : outcome;
}

/*
 * Completes the result after a failed step that reads the guest's disk.  If the image is refused,
 * the reason becomes a finding, also if the worker has sent no inspection.
 */
static void engine_fail_look(struct engine *engine)
{
	struct bs_result *result = engine->result;

	if (engine->session)
		(void)!session_end(engine->session, -1, &result->error);
	engine->session = NULL;
	appliance_view_close(&engine->view);
	if (bs_code_exit(result->error.code) == BS_EXIT_REFUSED) {
		if (!result->inspection)
			result->inspection =
				inspection_without_worker(engine->container.disk, engine->options);
		if (result->inspection)
			inspection_refuse(result->inspection, &result->error);
	}
	if (result->inspection)
		engine_describe_container(engine);
	bs_plan_free(result->plan); /* a refused or unverified plan is not reported */
	result->plan = NULL;
	if (engine->command == FIX)
		(void)!engine_check_interruption(&result->error, -1);
}

/* Sets the result's status after a failure: the class of the error code decides. */
static enum bs_exit engine_fail(struct bs_result *result)
{
	enum bs_exit exit = bs_code_exit(result->error.code);

	if (exit == BS_EXIT_REFUSED || exit == BS_EXIT_USAGE)
		result->status = BS_STATUS_REFUSED;
	else if (exit == BS_EXIT_RECOVERY)
		result->status = BS_STATUS_RECOVERY_REQUIRED;
	else
		result->status = BS_STATUS_FAILED;
	return exit;
}

static enum bs_exit engine_finish(struct engine *engine, int outcome)
{
	struct bs_result *result = engine->result;

	if (outcome < 0)
		return engine_fail(result);
	result->status = engine->success;
	result->error = (struct bs_error){.code = BS_OK};
	return BS_EXIT_DONE;
}

/* ---- the commands -------------------------------------------------------------------------- */

static enum bs_exit engine_run(enum engine_command command, const char *image,
			       const struct bs_options *options, const struct bs_plan *expected,
			       struct bs_result *result)
{
	struct engine engine = {
		.command = command,
		.image = image,
		.options = options,
		.expected = expected,
		.result = result,
		.success = command == FIX              ? BS_STATUS_FIXED
			   : command == FORESEE        ? BS_STATUS_WOULD_UNDO
			   : command == BOOT           ? BS_STATUS_STARTED
			   : command == VERIFY         ? BS_STATUS_WHOLE
			   : command == ACCEPT         ? BS_STATUS_ACCEPTED
			   : command == FORESEE_ACCEPT ? BS_STATUS_WOULD_ACCEPT
			   : command == CHANGES        ? BS_STATUS_NOTHING_TO_DO
			   : command & TAKE_BACK       ? BS_STATUS_UNDONE
						       : BS_STATUS_WOULD_FIX,
	};
	uint64_t started;
	sigset_t signals = signals_mask();
	int outcome = 0;

	memset(result, 0, sizeof(*result));
	options_tell(options, BS_PHASE_OPENING);
	started = clock_milliseconds();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && outcome == 0; i++) {
		if (!engine_has_step(&engine, &steps[i]))
			continue;
		outcome = signals_is_cancelled() ? signals_fail_stopped(&result->error)
						 : engine_step(&engine, &steps[i]);
		if (outcome < 0 && steps[i].looks)
			engine_fail_look(&engine);
	}
	assert(!engine.session);
	appliance_view_free(&engine.view);
	range_vector_free(&engine.zones);
	session_free(&engine.findings);
	container_close(&engine.container);
	signals_restore(signals);
	result->milliseconds = clock_milliseconds() - started;
	return engine_finish(&engine, outcome);
}

/* Begins a call.  On error, the result has it. */
static bool engine_take_options(const struct bs_options *given, struct teller *teller,
				struct bs_options *taken, struct bs_result *result)
{
	memset(result, 0, sizeof(*result));
	signals_forget_cancel();
	return options_take(given, teller, taken, &result->error) == 0;
}

/* Takes the caller's options and runs the command; `rehearse_undo` chooses another one. */
static enum bs_exit engine_call(enum engine_command command, const char *image,
				const struct bs_options *given, const struct bs_plan *expected,
				struct bs_result *result)
{
	struct bs_options options;
	struct teller teller;

	if (!engine_take_options(given, &teller, &options, result))
		return engine_fail(result);
	if (options.rehearse_undo && command == UNDO)
		command = FORESEE;
	if (options.rehearse_undo && command == ACCEPT)
		command = FORESEE_ACCEPT;
	return engine_run(command, image, &options, expected, result);
}

enum bs_exit bs_inspect(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return engine_call(INSPECT, image, options, NULL, result);
}

enum bs_exit bs_plan(const char *image, const struct bs_options *options,
		     const struct bs_plan *expected, struct bs_result *result)
{
	return engine_call(PLAN, image, options, expected, result);
}

enum bs_exit bs_fix(const char *image, const struct bs_options *options,
		    const struct bs_plan *expected, struct bs_result *result)
{
	return engine_call(FIX, image, options, expected, result);
}

enum bs_exit bs_undo(const char *image, const struct bs_options *options, struct bs_result *result)
{
	return engine_call(UNDO, image, options, NULL, result);
}

enum bs_exit bs_boot(const char *image, const struct bs_options *options, struct bs_result *result)
{
	return engine_call(BOOT, image, options, NULL, result);
}

enum bs_exit bs_recover(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return engine_call(RECOVER, image, options, NULL, result);
}

enum bs_exit bs_verify(const char *image, const struct bs_options *options,
		       const struct bs_plan *made, struct bs_result *result)
{
	return engine_call(VERIFY, image, options, made, result);
}

enum bs_exit bs_accept(const char *image, const struct bs_options *options,
		       struct bs_result *result)
{
	return engine_call(ACCEPT, image, options, NULL, result);
}

/* ---- opening ------------------------------------------------------------------------------- */

/*
 * Holds signals from the keyboard or the system until the image is wholly old or wholly new, and
 * only the undo file is left beside it.
 */
static int step_hold_signals(struct engine *engine, struct bs_error *err)
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
static int step_open(struct engine *engine, struct bs_error *err)
{
	bool looks_only = engine->command &
			  (INSPECT | PLAN | FORESEE | BOOT | VERIFY | FORESEE_ACCEPT | RETELL);

	/* A batch may be fixing the child at this moment, and then reads the image. */
	if (engine->command == FIX && engine->options->relations &&
	    relations_child(engine->options->relations, engine->image, &engine->child, err) < 0)
		return -1;
	looks_only |= engine->child != NULL;
	return container_lock(&engine->container, engine->image, engine->options,
			      looks_only ? LOCK_FOR_READING : LOCK_FOR_CHANGING,
			      engine->command & (UNDO | FORESEE | VERIFY | ACCEPTS | RETELL),
			      engine->command & ACCEPTS ? NULL : &engine->result->recovered, err);
}

/* Checks the permissions and, for an NBD export, the number of clients. */
static int step_check_writable(struct engine *engine, struct bs_error *err)
{
	const struct container *container = &engine->container;

	if (engine->command == PLAN && !engine->options->to_be_fixed)
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

static int step_lay(struct engine *engine, struct bs_error *err)
{
	if (engine->as_left)
		return 0;
	engine->container.shows_before = engine->command == BEFORE;
	if (container_open_disk(&engine->container, err) < 0)
		return engine_fail_lay(engine, err);
	return engine_tell_parents(engine, err);
}

/* ---- the first worker ---------------------------------------------------------------------- */

/*
 * Sets *disk to the container's disk for a task and, if `needed` is true, gives the task the
 * appliance, which is started if there is none yet.  After the task, the caller closes the view.
 */
static int engine_lend_appliance(struct engine *engine, bool needed, struct worker_task *task,
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

static int step_inspect(struct engine *engine, struct bs_error *err)
{
	bool rehearses = engine->command & (REHEARSE | BEFORE);
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
	if (result->inspection->verdict == BS_VERDICT_NOTHING || engine->command == CHANGES)
		engine->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}

/* The worker makes the plan, and proves that no file owns what the boot volume marks as free. */
static int step_prove(struct engine *engine, struct bs_error *err)
{
	options_tell(engine->options, BS_PHASE_CHECKING);
	return session_advance(engine->session, SESSION_ALLOWED, err);
}

/* The worker carries out the plan, on the overlay. */
static int step_stage(struct engine *engine, struct bs_error *err)
{
	options_tell(engine->options, BS_PHASE_REHEARSING);
	if (session_advance(engine->session, SESSION_STAGED, err) < 0)
		return -1;
	engine->result->plan = engine->findings.plan;
	engine->findings.plan = NULL;
	return engine->result->plan ? 0 : fail(err, BS_WORKER, "the worker process made no plan");
}

static int step_end_worker(struct engine *engine, struct bs_error *err)
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
static int step_relations(struct engine *engine, struct bs_error *err)
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
static int step_refuse(struct engine *engine, struct bs_error *err)
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

static int step_settle(struct engine *engine, struct bs_error *err)
{
	return container_settle(&engine->container, err);
}

/* Starts another worker, which verifies the result on the container's disk. */
static int step_verify(struct engine *engine, struct bs_error *err)
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
static int step_second_opinion(struct engine *engine, struct bs_error *err)
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
static int step_start_as_is(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	struct proof proof;
	int outcome;

	if (engine->command != BOOT && !engine->options->prove)
		return 0;
	options_tell(engine->options, BS_PHASE_STARTING);
	outcome = proof_run(engine->container.disk, engine->options, NULL, &proof, err);
	result->start = proof.start;
	proof.start = NULL;
	if (outcome == 0 && engine->command == BOOT)
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
static int step_start(struct engine *engine, struct bs_error *err)
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
static int step_locate_zones(struct engine *engine, struct bs_error *err)
{
	struct container *container = &engine->container;

	if (container_locate(container, &engine->findings.zones, &engine->zones, err) < 0)
		return -1;
	container_close_disk(container);
	return 0;
}

/* ---- fixing -------------------------------------------------------------------------------- */

static int step_stop(struct engine *engine, struct bs_error *err)
{
	(void)engine;
	return engine_check_interruption(err, 0);
}

static int step_compare_plan(struct engine *engine, struct bs_error *err)
{
	char difference[BS_DIFFERENCE_MAX];

	if (!engine->expected ||
	    !plan_difference(engine->expected, engine->result->plan, difference))
		return 0;
	return fail(err, BS_PLAN_STALE, "%s", difference);
}

static int step_no_undo_file(struct engine *engine, struct bs_error *err)
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

static int step_check_room(struct engine *engine, struct bs_error *err)
{
	const struct commit_request request = engine_commit_request(engine);

	return engine->options->to_be_fixed ? transaction_check_commit(&request, err) : 0;
}

static int step_commit(struct engine *engine, struct bs_error *err)
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

/* ---- the undo file ------------------------------------------------------------------------- */

/* Tells what the header of an undo file says: when it was made, by which version, and for whom. */
static int engine_read_undo_file(const struct engine *engine, const char *path,
				 struct bs_error *err)
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

/*
 * Finds out from the undo file whether the fix moved no files.  Such a fix wrote only to the first
 * sector of the guest's disk.  Notes if that sector is not as the fix left it.
 */
static int engine_look_for_signature(struct engine *engine, struct differences *found,
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
static int step_undo_file(struct engine *engine, struct bs_error *err)
{
	const struct place *place = &engine->container.place;
	enum transaction_state state;

	/* The rows of a batch that only rehearses must not lead to an undo file. */
	if (engine->command == PLAN && !all_zero(engine->options->maker, BS_MAKER_SIZE))
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
	if (engine->command == INSPECT)
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
static int step_no_children(struct engine *engine, struct bs_error *err)
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

static int step_foresee_undo(struct engine *engine, struct bs_error *err)
{
	enum undo_outcome outcome;

	if (transaction_foresee_undo(&engine->container.place, &outcome, err) < 0)
		return engine_fail_undo(engine, err);
	return engine_report_undo(engine, outcome, err);
}

/* If the transaction was interrupted, opening the image has already undone it. */
static int step_undo(struct engine *engine, struct bs_error *err)
{
	enum undo_outcome undone;

	if (engine->result->recovered)
		return 0;
	options_tell(engine->options, BS_PHASE_UNDOING);
	if (transaction_undo(&engine->container.place, &undone, err) < 0)
		return engine_fail_undo(engine, err);
	return engine_report_undo(engine, undone, err);
}

static int step_recovered(struct engine *engine, struct bs_error *err)
{
	(void)err;
	if (!engine->result->recovered)
		engine->success = BS_STATUS_NOTHING_TO_DO;
	return 0;
}

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
static int step_read_record(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	enum undo_outcome outcome = UNDO_OF_THE_FIX;
	bool fits = true;

	if (engine->expected)
		return 0;
	if (transaction_foresee_undo(&engine->container.place, &outcome, err) < 0) {
		if (engine->command == CHANGES && err->code == BS_NO_UNDO_FILE)
			return -1;
		if (err->code == BS_NO_UNDO_FILE) {
			if (engine->command & ACCEPTS || engine->options->system_partition == 0)
				engine->no_record = *err;
			return 0;
		}
		if (err->code != BS_CHANGED_SINCE ||
		    transaction_fits(&engine->container.place, &fits, err) < 0)
			return -1;
		engine->fits_nothing = !fits;
		result->unknown = *err;
		if (engine->command == CHANGES && engine_check_fits(engine, err) < 0)
			return -1;
	} else {
		engine->as_left = engine->command & ACCEPTS;
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

static int step_recheck(struct engine *engine, struct bs_error *err)
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

static int step_judge_fix(struct engine *engine, struct bs_error *err)
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

static int step_second_recheck(struct engine *engine, struct bs_error *err)
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

/* ---- what a fix changed ---------------------------------------------------------------------- */

static int step_list_writes(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	struct range_vector ranges = {0};
	int outcome = transaction_list_writes(&engine->container.place, &ranges, err);

	result->written = outcome == 0 ? calloc(ranges.count + 1, sizeof(*result->written)) : NULL;
	if (outcome == 0 && !result->written)
		outcome = fail_memory(err);
	for (size_t i = 0; outcome == 0 && i < ranges.count; i++) {
		result->written[i] =
			(struct bs_written){ranges.items[i].offset, ranges.items[i].length};
		result->container_bytes += ranges.items[i].length;
	}
	if (outcome == 0)
		result->container_extents = result->written_count = (uint32_t)ranges.count;
	range_vector_free(&ranges);
	return outcome;
}

/*
 * Takes the plan of the disk before, if the image has all that the plan says.  A plan that moves
 * nothing only gives the signature back.
 */
static void changes_prove(const char *image, const struct bs_options *options,
			  struct bs_result *before, struct bs_result *result)
{
	struct bs_result now = {.status = BS_STATUS_WHOLE};
	struct bs_plan *plan = before->plan;

	if (plan_moves_files(plan))
		(void)!engine_run(VERIFY, image, options, plan, &now);
	else if (result->inspection->disk_signature != plan->restored_signature)
		(void)!fail(&now.error, BS_FIX_NOT_WHOLE, "the disk has another signature");
	result->differences = now.differences;
	result->difference_count = now.difference_count;
	now.differences = NULL;
	if (now.error.code == BS_OK || now.error.code == BS_FIX_NOT_WHOLE) {
		result->plan = plan;
		before->plan = NULL;
	} else {
		result->unknown = now.error;
	}
	bs_result_free(&now);
}

/* The number of the only active partition, which the fix has made active; 0: none. */
static uint32_t changes_active_partition(const struct bs_inspection *inspection)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < inspection->partition_count; i++) {
		if (inspection->partitions[i].active && number != 0)
			return 0;
		if (inspection->partitions[i].active)
			number = inspection->partitions[i].number;
	}
	return number;
}

enum bs_exit bs_changes(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	struct bs_options taken, plain;
	struct teller teller;
	struct bs_result before;
	enum bs_exit exit;

	if (!engine_take_options(options, &teller, &taken, result))
		return engine_fail(result);
	exit = engine_run(CHANGES, image, &taken, NULL, result);
	if (exit != BS_EXIT_DONE || result->unknown.code != BS_OK)
		return exit;
	/* What the fix did may have needed these.  Where it did not need them, they change nothing. */
	plain = taken;
	plain.rebuild = plain.restore_signature = true;
	plain.only_needed = plain.prove = false;
	(void)!engine_run(BEFORE, image, &plain, NULL, &before);
	/* The fix was made with --boot-partition.  What it chose is the active partition now. */
	if (!before.plan && plain.boot_partition == 0 &&
	    changes_active_partition(result->inspection) != 0) {
		bs_result_free(&before);
		plain.boot_partition = changes_active_partition(result->inspection);
		(void)!engine_run(BEFORE, image, &plain, NULL, &before);
	}
	if (before.plan)
		changes_prove(image, &taken, &before, result);
	else
		result->unknown = before.error;
	bs_result_free(&before);
	if (!signals_is_cancelled())
		return exit;
	signals_fail_stopped(&result->error);
	return engine_fail(result);
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
static int step_judge_accept(struct engine *engine, struct bs_error *err)
{
	if (engine->no_record.code != BS_OK)
		return engine_accept_without_record(engine, err);
	return step_judge_fix(engine, err);
}

static int step_accept(struct engine *engine, struct bs_error *err)
{
	if (engine->success == BS_STATUS_NOTHING_TO_DO)
		return 0;
	return transaction_accept(&engine->container.place, engine->command == FORESEE_ACCEPT,
				  &engine->result->freed, err);
}
