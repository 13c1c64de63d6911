/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library's commands, as one list of steps.  Each command works on one image.  ARCHITECTURE.md
 * explains the steps of a fix; the other commands share some of them, and have few of their own.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/inspection.h"
#include "engine/proof.h"
#include "engine/steps.h"
#include "util/clock.h"
#include "util/debug.h"
#include "util/signals.h"

/* ---- the steps ----------------------------------------------------------------------------- */

enum step_condition {
	ALWAYS,
	IF_FIXABLE, /* the worker has found that a fix applies */
	IF_NOTHING, /* the worker has found that no fix is needed */
};

#define LOOKS true

static const struct step {
	const char *name;
	step_function *act;
	enum step_condition condition;
	bool looks; /* LOOKS: the step reads the guest's disk, so its refusal is a finding, too */
	unsigned commands; /* the commands that have the step */
} steps[] = {
	/* clang-format off */
	{"hold signals",                   step_hold_signals,   ALWAYS,     false, ENGINE_TAKE_BACK},
	{"open",                           step_open,           ALWAYS,     false, ENGINE_ALL},
	{"check that it could be written", step_check_writable, ALWAYS,     false, ENGINE_PLAN | ENGINE_FORESEE | ENGINE_FORESEE_ACCEPT},
	{"read the undo file",             step_read_record,    ALWAYS,     false, ENGINE_VERIFY | ENGINE_ACCEPTS | ENGINE_CHANGES},
	{"list what the fix wrote",        step_list_writes,    ALWAYS,     false, ENGINE_CHANGES},
	{"lay the stack",                  step_lay,            ALWAYS,     false, ENGINE_LOOK | ENGINE_BOOT | ENGINE_VERIFY | ENGINE_ACCEPTS | ENGINE_RETELL},
	{"check the fix",                  step_recheck,        ALWAYS,     LOOKS, ENGINE_VERIFY | ENGINE_ACCEPTS},
	{"judge the fix",                  step_judge_fix,      ALWAYS,     false, ENGINE_VERIFY},
	{"judge whether to accept it",     step_judge_accept,   ALWAYS,     false, ENGINE_ACCEPTS},
	{"check the fix with libguestfs",  step_second_recheck, ALWAYS,     false, ENGINE_VERIFY},
	{"inspect",                        step_inspect,        ALWAYS,     LOOKS, ENGINE_LOOK | ENGINE_RETELL},
	{"plan and prove",                 step_prove,          IF_FIXABLE, LOOKS, ENGINE_REHEARSE | ENGINE_BEFORE},
	{"stage",                          step_stage,          IF_FIXABLE, LOOKS, ENGINE_REHEARSE | ENGINE_BEFORE},
	{"end the worker",                 step_end_worker,     ALWAYS,     LOOKS, ENGINE_LOOK | ENGINE_RETELL},
	{"start the disk as it is",        step_start_as_is,    ALWAYS,     LOOKS, ENGINE_INSPECT | ENGINE_CHANGES | ENGINE_BOOT},
	{"check relations",                step_relations,      ALWAYS,     LOOKS, ENGINE_LOOK},
	{"refuse",                         step_refuse,         ALWAYS,     LOOKS, ENGINE_LOOK | ENGINE_BEFORE},
	{"settle",                         step_settle,         IF_FIXABLE, LOOKS, ENGINE_REHEARSE | ENGINE_BEFORE},
	{"verify",                         step_verify,         IF_FIXABLE, LOOKS, ENGINE_REHEARSE | ENGINE_BEFORE},
	{"ask for a second opinion",       step_second_opinion, IF_FIXABLE, LOOKS, ENGINE_REHEARSE},
	{"start the disk",                 step_start,          IF_FIXABLE, LOOKS, ENGINE_REHEARSE},
	{"locate zones",                   step_locate_zones,   IF_FIXABLE, LOOKS, ENGINE_REHEARSE},
	{"stop if interrupted",            step_stop,           ALWAYS,     false, ENGINE_FIX | ENGINE_ACCEPT},
	{"hold signals",                   step_hold_signals,   ALWAYS,     false, ENGINE_FIX | ENGINE_ACCEPT},
	{"compare the plan",               step_compare_plan,   IF_FIXABLE, false, ENGINE_REHEARSE},
	{"check for another undo file",    step_no_undo_file,   IF_FIXABLE, false, ENGINE_INSPECT | ENGINE_PLAN},
	{"check the room",                 step_check_room,     IF_FIXABLE, false, ENGINE_PLAN},
	{"commit",                         step_commit,         IF_FIXABLE, false, ENGINE_FIX},
	{"find the undo file",             step_undo_file,      IF_NOTHING, false, ENGINE_LOOK},
	{"check for children",             step_no_children,    ALWAYS,     false, ENGINE_UNDO | ENGINE_FORESEE},
	{"undo",                           step_undo,           ALWAYS,     false, ENGINE_UNDO},
	{"foresee the undo",               step_foresee_undo,   ALWAYS,     false, ENGINE_FORESEE},
	{"see what was recovered",         step_recovered,      ALWAYS,     false, ENGINE_RECOVER},
	{"end the undo",                   step_accept,         ALWAYS,     false, ENGINE_ACCEPTS},
	/* clang-format on */
};

bool engine_is_fixable(const struct engine *engine)
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

void engine_describe_container(const struct engine *engine)
{
	struct bs_inspection *inspection = engine->result->inspection;

	snprintf(inspection->format, sizeof(inspection->format), "%s",
		 engine->container.format.name);
	inspection->container_size = engine->container.target->status.length;
}

int engine_check_interruption(struct bs_error *err, int outcome)
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
	if (engine->command == ENGINE_FIX)
		(void)!engine_check_interruption(&result->error, -1);
}

enum bs_exit engine_fail(struct bs_result *result)
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

enum bs_exit engine_run(enum engine_command command, const char *image,
			const struct bs_options *options, const struct bs_plan *expected,
			struct bs_result *result)
{
	struct engine engine = {
		.command = command,
		.image = image,
		.options = options,
		.expected = expected,
		.result = result,
		.success = command == ENGINE_FIX              ? BS_STATUS_FIXED
			   : command == ENGINE_FORESEE        ? BS_STATUS_WOULD_UNDO
			   : command == ENGINE_BOOT           ? BS_STATUS_STARTED
			   : command == ENGINE_VERIFY         ? BS_STATUS_WHOLE
			   : command == ENGINE_ACCEPT         ? BS_STATUS_ACCEPTED
			   : command == ENGINE_FORESEE_ACCEPT ? BS_STATUS_WOULD_ACCEPT
			   : command == ENGINE_CHANGES        ? BS_STATUS_NOTHING_TO_DO
			   : command & ENGINE_TAKE_BACK       ? BS_STATUS_UNDONE
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

bool engine_take_options(const struct bs_options *given, struct teller *teller,
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
	if (options.rehearse_undo && command == ENGINE_UNDO)
		command = ENGINE_FORESEE;
	if (options.rehearse_undo && command == ENGINE_ACCEPT)
		command = ENGINE_FORESEE_ACCEPT;
	return engine_run(command, image, &options, expected, result);
}

enum bs_exit bs_inspect(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return engine_call(ENGINE_INSPECT, image, options, NULL, result);
}

enum bs_exit bs_plan(const char *image, const struct bs_options *options,
		     const struct bs_plan *expected, struct bs_result *result)
{
	return engine_call(ENGINE_PLAN, image, options, expected, result);
}

enum bs_exit bs_fix(const char *image, const struct bs_options *options,
		    const struct bs_plan *expected, struct bs_result *result)
{
	return engine_call(ENGINE_FIX, image, options, expected, result);
}

enum bs_exit bs_undo(const char *image, const struct bs_options *options, struct bs_result *result)
{
	return engine_call(ENGINE_UNDO, image, options, NULL, result);
}

enum bs_exit bs_boot(const char *image, const struct bs_options *options, struct bs_result *result)
{
	return engine_call(ENGINE_BOOT, image, options, NULL, result);
}

enum bs_exit bs_recover(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return engine_call(ENGINE_RECOVER, image, options, NULL, result);
}

enum bs_exit bs_verify(const char *image, const struct bs_options *options,
		       const struct bs_plan *made, struct bs_result *result)
{
	return engine_call(ENGINE_VERIFY, image, options, made, result);
}

enum bs_exit bs_accept(const char *image, const struct bs_options *options,
		       struct bs_result *result)
{
	return engine_call(ENGINE_ACCEPT, image, options, NULL, result);
}
