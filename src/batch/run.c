/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "report/amount.h"
#include "util/clock.h"
#include "util/signals.h"

/* In milliseconds. */
#define TICK         200     /* between two calls of progress_tick() */
#define GRACE        10000u  /* between SIGTERM at the timeout and SIGKILL */
#define LEFT_OVER    30000u  /* for processes of a killed run or a dead child to end */
#define RECOVERY_MAX 600000u /* enough to write back a fix at 100 KB a second */

/* What a slot is working on. */
struct task {
	bool busy, recovering;
	struct deadline deadline;
	uint64_t left;          /* while the image waits: milliseconds to the deadline; 0: none */
	bool timed_out;         /* SIGTERM was sent */
	bool killed;            /* SIGKILL was sent */
	struct bs_error reason; /* while recovering: why the first process died */
	enum bs_phase phase;    /* the latest; BS_PHASE_OPENING before the first */
	struct attempt attempt;
};

struct running {
	const struct run_request *request;
	struct run_outcome *outcome;
	struct pool *pool;
	size_t busy; /* slots */
	uint64_t failures;
	struct deadline wait; /* for the attempts */
	unsigned signals;     /* number of signals that asked to stop */
	bool stopping;        /* begin no more images */
	struct task *tasks;   /* one for each slot */
};

/* ---- beginning ----------------------------------------------------------------------------- */

static int run_begin_image(struct running *running, size_t slot, struct bs_error *err)
{
	const struct run_request *request = running->request;
	struct task *task = &running->tasks[slot];
	size_t index = running->outcome->begun;

	*task = (struct task){
		.attempt = {.kind = request->kind,
			    .image = &request->images[index],
			    .options = *request->options,
			    .command = request->command,
			    .begun = request->begun,
			    .resumed = request->resumed,
			    .wait = running->wait},
	};
	if (request->timeout > 0)
		task->deadline = deadline_after(request->timeout * 1000ull);
	if (task->attempt.image->undo_directory)
		task->attempt.options.undo_directory = task->attempt.image->undo_directory;
	if (pool_start(running->pool, slot, attempt_run, &task->attempt, err) < 0)
		return -1;
	task->busy = true;
	running->busy++;
	running->outcome->begun++;
	if (request->progress)
		progress_start(request->progress, slot, task->attempt.image->path);
	return 0;
}

/*
 * If a process cannot be started while others run, the start is tried again after one of them has
 * ended.
 */
static int run_fill_slots(struct running *running, struct bs_error *err)
{
	const struct run_request *request = running->request;

	for (size_t i = 0; i < request->slots && !running->stopping; i++)
		if (!running->tasks[i].busy && running->outcome->begun < request->count &&
		    run_begin_image(running, i, err) < 0)
			return running->busy > 0 ? 0 : -1;
	return 0;
}

/* ---- ending -------------------------------------------------------------------------------- */

/* Frees the slot and reports the row. */
static void run_finish_image(struct running *running, size_t slot, const struct row *row)
{
	const struct run_request *request = running->request;

	running->tasks[slot].busy = false;
	running->busy--;
	if (row->status == BS_STATUS_FAILED || row->status == BS_STATUS_RECOVERY_REQUIRED)
		running->failures++;
	if (request->failures_max > 0 && running->failures >= request->failures_max &&
	    running->outcome->begun < request->count)
		running->stopping = running->outcome->gave_up = true;
	if (request->progress)
		progress_end(request->progress, slot, row);
	if (request->ended(request->context, row) < 0)
		running->stopping = true;
}

static void run_explain_timeout(const struct running *running, struct bs_error *reason)
{
	fail(reason, BS_TIMEOUT, "the image took longer than %s",
	     count_format(running->request->timeout, "second").text);
}

/* Explains why a process ended without sending a row. */
static void run_explain_death(const struct running *running, const struct task *task, int status,
			      struct bs_error *reason)
{
	if (task->killed && task->timed_out)
		run_explain_timeout(running, reason);
	else if (task->killed)
		fail(reason, BS_INTERRUPTED, "killed by a second signal");
	else if (WIFSIGNALED(status))
		fail(reason, BS_WORKER, "the process for this image was ended by signal %d (%s)",
		     WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fail(reason, BS_WORKER, "the process for this image ended without a result");
}

/* Whether a process that died in this phase may have written to the image. */
static bool run_may_have_written(enum bs_phase phase)
{
	return phase == BS_PHASE_COMMITTING || phase == BS_PHASE_UNDOING;
}

/* Makes the row here, because no process can.  `why` says why the recovery failed. */
static int run_make_unrecovered(const struct task *task, const char *why, struct row *row,
				struct bs_error *err)
{
	const struct row_subject subject = attempt_subject(&task->attempt);
	struct bs_result result = {.status = BS_STATUS_RECOVERY_REQUIRED};

	fail(&result.error, BS_RECOVERY_REQUIRED,
	     "%.200s, and the image could not be recovered: %.200s", task->reason.message, why);
	row_free(row);
	return row_make(&subject, &result, row, err);
}

/*
 * After a process died: starts a recovery if it may have written to the image.  Otherwise there is
 * nothing to recover, and whatever stopped the process, such as storage that hangs, would stop a
 * recovery too: makes a row.
 *
 * A dead fix may have committed, but nobody has its result: so the recovery undoes the whole fix.
 */
static int run_recover(struct running *running, const struct pool_event *event, struct row *row,
		       struct bs_error *err)
{
	struct task *task = &running->tasks[event->slot];
	const struct row_subject subject = attempt_subject(&task->attempt);

	run_explain_death(running, task, event->status, &task->reason);
	if (!run_may_have_written(event->phase)) {
		const struct bs_result result = {.status = BS_STATUS_FAILED, .error = task->reason};

		return row_make(&subject, &result, row, err);
	}
	task->attempt.kind = task->attempt.kind == ATTEMPT_FIX ? ATTEMPT_UNDO_FIX : ATTEMPT_RECOVER;
	task->attempt.wait = deadline_after(LEFT_OVER);
	task->recovering = true;
	task->killed = false;
	task->left = 0; /* what is left of the image's time does not limit the recovery */
	task->deadline = deadline_after(RECOVERY_MAX);
	if (pool_start(running->pool, event->slot, attempt_run, &task->attempt, err) < 0)
		return run_make_unrecovered(task, err->message, row, err);
	return 0;
}

/* The row of a recovery does not say why the image had to be recovered: adds the reason. */
static int run_explain_recovery(const struct running *running, const struct task *task,
				struct row *row, struct bs_error *err)
{
	bool fixing = running->request->kind == ATTEMPT_FIX;
	struct bs_error reason = task->reason;

	if (row->status == BS_STATUS_RECOVERY_REQUIRED ||
	    (row->status == BS_STATUS_UNDONE && !fixing))
		return 0;
	if (row->status == BS_STATUS_UNDONE)
		fail(&reason, reason.code, "%s; its changes were undone", task->reason.message);
	else if (row->status != BS_STATUS_NOTHING_TO_DO)
		return run_make_unrecovered(task, row->message, row, err);
	return row_fail(row, &reason, err);
}

/* Replaces the reason of a row if the process was stopped because of the timeout. */
static int run_explain_row(const struct running *running, const struct task *task, struct row *row,
			   struct bs_error *err)
{
	struct bs_error reason;

	if (!task->timed_out || row->code != BS_INTERRUPTED)
		return 0;
	run_explain_timeout(running, &reason);
	return row_fail(row, &reason, err);
}

/* A process has ended: its image gets a row, unless it has to be recovered first. */
static int run_handle_end(struct running *running, const struct pool_event *event,
			  struct bs_error *err)
{
	const struct task *task = &running->tasks[event->slot];
	struct bs_error ignored;
	struct row row = {.object = NULL};
	int result;

	if (event->line && row_parse(event->line, strlen(event->line), &row, &ignored) < 0)
		row_free(&row);
	if (row.object)
		result = task->recovering ? run_explain_recovery(running, task, &row, err)
					  : run_explain_row(running, task, &row, err);
	else if (task->recovering)
		result = run_make_unrecovered(task,
					      task->killed ? "the recovery did not end either"
							   : "the recovery died as well",
					      &row, err);
	else
		result = run_recover(running, event, &row, err);
	if (result == 0 && row.object)
		run_finish_image(running, event->slot, &row);
	row_free(&row);
	return result;
}

/* ---- stopping ------------------------------------------------------------------------------ */

static void run_kill_task(struct running *running, size_t slot)
{
	running->tasks[slot].killed = true;
	running->tasks[slot].deadline = (struct deadline){0};
	pool_signal(running->pool, slot, SIGKILL);
}

static void run_stop(struct running *running)
{
	running->stopping = running->outcome->interrupted = true;
}

/* The images that are being written.  What is only rehearsed ends at the first signal. */
static size_t run_count_written(const struct running *running)
{
	size_t count = 0;

	for (size_t i = 0; i < running->request->slots; i++)
		count += running->tasks[i].busy && (running->tasks[i].recovering ||
						    run_may_have_written(running->tasks[i].phase));
	return count;
}

/* Says what the first signal does, because the images in hand may take long. */
static void run_tell_stop(const struct running *running)
{
	const struct run_request *request = running->request;
	size_t written = run_count_written(running);

	if (!request->errors || written == 0)
		return;
	if (request->progress)
		output_flush(progress_above(request->progress));
	print_line(request->errors, "bootshift: finishing %s; once more ends %s now",
		   count_format(written, "image").text, written == 1 ? "it" : "them");
	output_flush(request->errors);
}

/* See run.h. */
static void run_handle_signal(struct running *running)
{
	run_stop(running);
	running->signals++;
	if (running->signals == 1)
		run_tell_stop(running);
	for (size_t i = 0; i < running->request->slots; i++) {
		const struct task *task = &running->tasks[i];

		if (!task->busy)
			continue;
		if (running->signals > (task->recovering ? 2 : 1))
			run_kill_task(running, i);
		else if (!task->recovering)
			pool_signal(running->pool, i, SIGTERM);
	}
}

static void run_check_deadlines(struct running *running)
{
	for (size_t i = 0; i < running->request->slots; i++) {
		struct task *task = &running->tasks[i];

		if (!task->busy || !deadline_has_passed(task->deadline))
			continue;
		if (task->timed_out || task->recovering) {
			run_kill_task(running, i);
			continue;
		}
		task->timed_out = true;
		task->deadline = deadline_after(GRACE);
		pool_signal(running->pool, i, SIGTERM);
	}
}

/* ---- the run ------------------------------------------------------------------------------- */

/* While an image waits for others, or for something that all share, its time does not run. */
static void run_begin_phase(struct task *task, enum bs_phase phase)
{
	bool counts = deadline_is_set(task->deadline) && !task->timed_out && !task->recovering;

	if (phase == BS_PHASE_WAITING && counts) {
		task->left = (uint64_t)deadline_poll_timeout(task->deadline) + 1;
		task->deadline = (struct deadline){0};
	} else if (phase != BS_PHASE_WAITING && task->left > 0) {
		task->deadline = deadline_after(task->left);
		task->left = 0;
	}
	task->phase = phase;
}

static int run_handle_event(struct running *running, const struct pool_event *event,
			    struct bs_error *err)
{
	struct progress *progress = running->request->progress;

	switch (event->kind) {
	case POOL_NOTHING:
		break;
	case POOL_PHASE:
		run_begin_phase(&running->tasks[event->slot], event->phase);
		if (progress)
			progress_phase(progress, event->slot, event->phase, event->percent);
		break;
	case POOL_ENDED:
		return run_handle_end(running, event, err);
	case POOL_SIGNAL:
		run_handle_signal(running);
		break;
	}
	return 0;
}

/* Ends when no slot is busy and no image is left to begin. */
static int run_all(struct running *running, struct bs_error *err)
{
	struct pool_event event;
	int result;

	/* A signal may have come before the run. */
	if (signals_stop_pending())
		run_stop(running);
	result = run_fill_slots(running, err);
	while (result == 0 && running->busy > 0) {
		result = pool_wait(running->pool, TICK, &event, err);
		if (result == 0)
			result = run_handle_event(running, &event, err);
		free(event.line);
		run_check_deadlines(running);
		if (running->request->progress)
			progress_tick(running->request->progress);
		if (result == 0)
			result = run_fill_slots(running, err);
	}
	return result;
}

int run_images(const struct run_request *request, struct run_outcome *outcome, struct bs_error *err)
{
	struct running running = {.request = request, .outcome = outcome};
	int result = -1;

	if (request->resumed || (request->kind != ATTEMPT_FIX && request->kind != ATTEMPT_REHEARSE))
		running.wait = deadline_after(LEFT_OVER);
	*outcome = (struct run_outcome){.begun = 0};
	running.tasks = calloc(request->slots, sizeof(*running.tasks));
	if (!running.tasks)
		return fail_memory(err);
	running.pool = pool_open(
		request->slots,
		request->options->appliance ? request->options->appliance->door : -1, err);
	if (running.pool)
		result = run_all(&running, err);
	pool_close(running.pool);
	free(running.tasks);
	return result;
}
