/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "util/clock.h"
#include "util/signals.h"

/* In milliseconds. */
#define TICK         200     /* between two calls of tick() */
#define GRACE        10000u  /* between SIGTERM at the timeout and SIGKILL */
#define LEFT_OVER    30000u  /* for processes of a killed run or a dead child to end */
#define RECOVERY_MAX 600000u /* enough to write back a fix at 100 KB a second */

/* What a slot is working on. */
struct task {
	bool busy, recovering;
	uint64_t deadline;      /* clock_milliseconds(); 0: none */
	bool timed_out;         /* SIGTERM was sent */
	bool killed;            /* SIGKILL was sent */
	struct bs_error reason; /* while recovering: why the first process died */
	struct attempt attempt;
};

struct running {
	const struct run_request *request;
	struct run_outcome *outcome;
	struct pool *pool;
	size_t busy; /* slots */
	uint64_t failures;
	uint64_t wait_until; /* for the attempts */
	unsigned signals;    /* number of signals that asked to stop */
	bool stopping;       /* begin no more images */
	struct task *tasks;  /* one for each slot */
};

/* ---- beginning ----------------------------------------------------------------------------- */

static int begin_image(struct running *running, size_t slot, struct bs_error *err)
{
	const struct run_request *request = running->request;
	struct task *task = &running->tasks[slot];
	size_t index = running->outcome->begun;

	*task = (struct task){
		.deadline = request->timeout > 0 ? clock_milliseconds() + request->timeout * 1000ull
						 : 0,
		.attempt = {.kind = request->kind,
			    .image = &request->images[index],
			    .options = *request->options,
			    .command = request->command,
			    .begun = request->begun,
			    .resumed = request->resumed,
			    .wait_until = running->wait_until},
	};
	if (request->undo_directories)
		task->attempt.options.undo_directory = request->undo_directories[index];
	if (pool_start(running->pool, slot, attempt_run, &task->attempt, err) < 0)
		return -1;
	task->busy = true;
	running->busy++;
	running->outcome->begun++;
	if (request->watcher.started)
		request->watcher.started(request->watcher.context, slot, task->attempt.image);
	return 0;
}

/* If a process cannot be started while others run, it is tried again when one of them has ended. */
static int fill_slots(struct running *running, struct bs_error *err)
{
	const struct run_request *request = running->request;

	for (size_t i = 0; i < request->slots && !running->stopping; i++)
		if (!running->tasks[i].busy && running->outcome->begun < request->count &&
		    begin_image(running, i, err) < 0)
			return running->busy > 0 ? 0 : -1;
	return 0;
}

/* ---- ending -------------------------------------------------------------------------------- */

/* Frees the slot and reports the row. */
static void finish_image(struct running *running, size_t slot, const struct row *row)
{
	const struct run_request *request = running->request;

	running->tasks[slot].busy = false;
	running->busy--;
	if (row->status == BS_STATUS_FAILED || row->status == BS_STATUS_RECOVERY_REQUIRED)
		running->failures++;
	if (request->failures_max > 0 && running->failures >= request->failures_max &&
	    running->outcome->begun < request->count)
		running->stopping = running->outcome->gave_up = true;
	if (request->watcher.ended &&
	    request->watcher.ended(request->watcher.context, slot, row) < 0)
		running->stopping = true;
}

static void set_timeout(const struct running *running, struct bs_error *reason)
{
	fail(reason, BS_TIMEOUT, "it took longer than %u second%s", running->request->timeout,
	     running->request->timeout == 1 ? "" : "s");
}

/* Why a process ended without sending a row. */
static void explain_death(const struct running *running, const struct task *task, int status,
			  struct bs_error *reason)
{
	if (task->killed && task->timed_out)
		set_timeout(running, reason);
	else if (task->killed)
		fail(reason, BS_INTERRUPTED, "killed by a second signal");
	else if (WIFSIGNALED(status))
		fail(reason, BS_WORKER, "the process for this image was ended by signal %d (%s)",
		     WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fail(reason, BS_WORKER, "the process for this image ended without a result");
}

/* Whether a process that died in this phase may have written to the image. */
static bool may_have_written(enum bs_phase phase)
{
	return phase >= BS_PHASE_COMMITTING && phase < BS_PHASE_COUNT;
}

/* Makes the row here, because no process can. */
static int finish_with_result(struct running *running, size_t slot, struct bs_result *result,
			      struct bs_error *err)
{
	const struct row_subject subject = attempt_subject(&running->tasks[slot].attempt);
	struct row row;

	if (row_make(&subject, result, &row, err) < 0) {
		row_free(&row);
		return -1;
	}
	finish_image(running, slot, &row);
	row_free(&row);
	return 0;
}

/* `why` says why the recovery failed.  The state of the image is unknown. */
static int finish_unrecovered(struct running *running, size_t slot, const char *why,
			      struct bs_error *err)
{
	const struct bs_error *reason = &running->tasks[slot].reason;
	struct bs_result result = {.status = BS_STATUS_RECOVERY_REQUIRED};

	fail(&result.error, BS_RECOVERY_REQUIRED,
	     "%.200s, and the image could not be recovered: %.200s", reason->message, why);
	return finish_with_result(running, slot, &result, err);
}

/*
 * After a process died: starts a recovery if it may have written to the image.  Otherwise there is
 * nothing to recover, and whatever stopped the process, such as storage that hangs, would stop a
 * recovery too.
 *
 * A dead fix may have committed without verifying the result: so the recovery undoes the whole fix.
 */
static int recover_image(struct running *running, const struct pool_event *event,
			 struct bs_error *err)
{
	struct task *task = &running->tasks[event->slot];
	struct bs_result result = {.status = BS_STATUS_FAILED};

	explain_death(running, task, event->status, &task->reason);
	if (!may_have_written(event->phase)) {
		result.error = task->reason;
		return finish_with_result(running, event->slot, &result, err);
	}
	task->attempt.kind = task->attempt.kind == ATTEMPT_FIX ? ATTEMPT_UNDO_FIX : ATTEMPT_RECOVER;
	task->attempt.wait_until = clock_milliseconds() + LEFT_OVER;
	task->recovering = true;
	task->killed = false;
	task->deadline = clock_milliseconds() + RECOVERY_MAX;
	if (pool_start(running->pool, event->slot, attempt_run, &task->attempt, err) < 0)
		return finish_unrecovered(running, event->slot, err->message, err);
	return 0;
}

/* The row of a recovery does not say why the image had to be recovered: add the reason. */
static int finish_recovered(struct running *running, size_t slot, struct row *row,
			    struct bs_error *err)
{
	const struct task *task = &running->tasks[slot];
	bool fixing = running->request->kind == ATTEMPT_FIX;
	struct bs_error reason = task->reason;

	if (row->status == BS_STATUS_RECOVERY_REQUIRED ||
	    (row->status == BS_STATUS_UNDONE && !fixing)) {
		finish_image(running, slot, row);
		return 0;
	}
	if (row->status == BS_STATUS_UNDONE)
		fail(&reason, reason.code, "%s; its changes were taken back", task->reason.message);
	else if (row->status != BS_STATUS_NOTHING_TO_DO)
		return finish_unrecovered(running, slot, row->message, err);
	if (row_fail(row, &reason, err) < 0)
		return -1;
	finish_image(running, slot, row);
	return 0;
}

static int finish_with_row(struct running *running, size_t slot, struct row *row,
			   struct bs_error *err)
{
	const struct task *task = &running->tasks[slot];
	struct bs_error reason;

	if (task->recovering)
		return finish_recovered(running, slot, row, err);
	if (task->timed_out && row->code == BS_INTERRUPTED) {
		set_timeout(running, &reason);
		if (row_fail(row, &reason, err) < 0)
			return -1;
	}
	finish_image(running, slot, row);
	return 0;
}

static int handle_end(struct running *running, const struct pool_event *event, struct bs_error *err)
{
	const struct task *task = &running->tasks[event->slot];
	struct bs_error ignored;
	struct row row = {.object = NULL};
	int result;

	if (event->line && row_parse(event->line, strlen(event->line), &row, &ignored) == 0)
		result = finish_with_row(running, event->slot, &row, err);
	else if (task->recovering)
		result = finish_unrecovered(running, event->slot,
					    task->killed ? "the recovery did not end either"
							 : "the recovery died as well",
					    err);
	else
		result = recover_image(running, event, err);
	row_free(&row);
	return result;
}

/* ---- stopping ------------------------------------------------------------------------------ */

static void kill_task(struct running *running, size_t slot)
{
	running->tasks[slot].killed = true;
	running->tasks[slot].deadline = 0;
	pool_signal(running->pool, slot, SIGKILL);
}

static void stop_run(struct running *running)
{
	running->stopping = running->outcome->interrupted = true;
}

/* See run.h. */
static void handle_signal(struct running *running)
{
	stop_run(running);
	running->signals++;
	for (size_t i = 0; i < running->request->slots; i++) {
		const struct task *task = &running->tasks[i];

		if (!task->busy)
			continue;
		if (running->signals > (task->recovering ? 2 : 1))
			kill_task(running, i);
		else if (!task->recovering)
			pool_signal(running->pool, i, SIGTERM);
	}
}

static void check_deadlines(struct running *running)
{
	for (size_t i = 0; i < running->request->slots; i++) {
		struct task *task = &running->tasks[i];

		if (!task->busy || task->deadline == 0 || clock_milliseconds() < task->deadline)
			continue;
		if (task->timed_out || task->recovering) {
			kill_task(running, i);
			continue;
		}
		task->timed_out = true;
		task->deadline = clock_milliseconds() + GRACE;
		pool_signal(running->pool, i, SIGTERM);
	}
}

/* ---- the run ------------------------------------------------------------------------------- */

static int handle_event(struct running *running, const struct pool_event *event,
			struct bs_error *err)
{
	const struct run_watcher *watcher = &running->request->watcher;

	switch (event->kind) {
	case POOL_NOTHING:
		break;
	case POOL_PHASE:
		if (watcher->phase)
			watcher->phase(watcher->context, event->slot, event->phase);
		break;
	case POOL_ENDED:
		return handle_end(running, event, err);
	case POOL_SIGNAL:
		handle_signal(running);
		break;
	}
	return 0;
}

/* Ends when no slot is busy and no image is left to begin. */
static int run_all(struct running *running, struct bs_error *err)
{
	const struct run_watcher *watcher = &running->request->watcher;
	struct pool_event event;
	int result;

	/* A signal may have come before the run. */
	if (signals_stop_pending())
		stop_run(running);
	result = fill_slots(running, err);
	while (result == 0 && running->busy > 0) {
		result = pool_wait(running->pool, TICK, &event, err);
		if (result == 0)
			result = handle_event(running, &event, err);
		free(event.line);
		check_deadlines(running);
		if (watcher->tick)
			watcher->tick(watcher->context);
		if (result == 0)
			result = fill_slots(running, err);
	}
	return result;
}

int run_images(const struct run_request *request, struct run_outcome *outcome, struct bs_error *err)
{
	struct running running = {.request = request, .outcome = outcome};
	int result = -1;

	if (request->resumed || request->kind == ATTEMPT_UNDO)
		running.wait_until = clock_milliseconds() + LEFT_OVER;
	*outcome = (struct run_outcome){.begun = 0};
	running.tasks = calloc(request->slots, sizeof(*running.tasks));
	if (!running.tasks)
		return fail_memory(err);
	running.pool = pool_open(request->slots, err);
	if (running.pool)
		result = run_all(&running, err);
	pool_close(running.pool);
	free(running.tasks);
	return result;
}
