/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "util/clock.h"
#include "util/interruption.h"

/* All of these are milliseconds. */
#define TICK 200 /* between two */
/* From the end of the time for an image to the end of patience. */
#define GRACE 10000u
/* For what another run, or a process that died, has left to end. */
#define LEFT_OVER 30000u
/* For taking back, which writes as much as a fix: even at 100 KB a second that is enough. */
#define RECOVERY 600000u

/* An image in hand. */
struct hand {
	bool busy, recovering;
	size_t index;           /* of the image */
	uint64_t deadline;      /* milliseconds; 0: none */
	bool asked, killed;     /* to end, because the time was up; for good */
	struct bs_error reason; /* of its death, while it is recovered */
	struct attempt attempt;
};

struct running {
	const struct run_request *request;
	struct run_outcome *outcome;
	struct pool *pool;
	size_t busy;
	uint64_t failures;
	uint64_t patience; /* of the attempts */
	unsigned signals;  /* that have asked to stop */
	bool stopping;     /* no image is begun any more */
	struct hand *hands;
};

/* ---- beginning ----------------------------------------------------------------------------- */

static int begin(struct running *running, size_t slot, struct bs_error *err)
{
	const struct run_request *request = running->request;
	struct hand *hand = &running->hands[slot];
	size_t index = running->outcome->begun;

	*hand = (struct hand){
		.index = index,
		.deadline = request->timeout > 0 ? clock_milliseconds() + request->timeout * 1000ull
						 : 0,
		.attempt = {.kind = request->kind,
			    .image = &request->images[index],
			    .options = *request->options,
			    .command = request->command,
			    .begun = request->begun,
			    .resumed = request->resumed,
			    .patience = running->patience},
	};
	if (request->undo_directories)
		hand->attempt.options.undo_directory = request->undo_directories[index];
	if (pool_start(running->pool, slot, attempt_run, &hand->attempt, err) != 0)
		return -1;
	hand->busy = true;
	running->busy++;
	running->outcome->begun++;
	if (request->watcher.started)
		request->watcher.started(request->watcher.context, slot, hand->attempt.image);
	return 0;
}

/* As long as others run, there may be room for one more process later. */
static int fill_slots(struct running *running, struct bs_error *err)
{
	const struct run_request *request = running->request;

	for (size_t i = 0; i < request->slots && !running->stopping; i++)
		if (!running->hands[i].busy && running->outcome->begun < request->count &&
		    begin(running, i, err) != 0)
			return running->busy > 0 ? 0 : -1;
	return 0;
}

/* ---- ending -------------------------------------------------------------------------------- */

static void finish(struct running *running, size_t slot, const struct row *row)
{
	const struct run_request *request = running->request;

	running->hands[slot].busy = false;
	running->busy--;
	if (row->status == BS_STATUS_FAILED || row->status == BS_STATUS_RECOVERY_REQUIRED)
		running->failures++;
	if (request->failures_max > 0 && running->failures >= request->failures_max &&
	    running->outcome->begun < request->count)
		running->stopping = running->outcome->gave_up = true;
	if (request->watcher.ended && request->watcher.ended(request->watcher.context, slot, row))
		running->stopping = true;
}

static void time_is_up(const struct running *running, struct bs_error *reason)
{
	fail(reason, BS_TIMEOUT, "it was not done after %u second%s", running->request->timeout,
	     running->request->timeout == 1 ? "" : "s");
}

/* Why a process ended that has told nothing. */
static void explain_death(const struct running *running, const struct hand *hand, int status,
			  struct bs_error *reason)
{
	if (hand->killed && hand->asked)
		time_is_up(running, reason);
	else if (hand->killed)
		fail(reason, BS_INTERRUPTED, "killed by a second signal");
	else if (WIFSIGNALED(status))
		fail(reason, BS_WORKER, "the process that worked on it was ended by signal %d (%s)",
		     WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fail(reason, BS_WORKER, "the process that worked on it has told nothing");
}

/* Whether one that died in this phase may have left an image half written. */
static bool has_written(enum bs_phase phase)
{
	return phase >= BS_PHASE_COMMITTING && phase < BS_PHASE_COUNT;
}

/* Tells of an image of which no process can tell. */
static int tell_outcome(struct running *running, size_t slot, struct bs_result *result,
			struct bs_error *err)
{
	const struct row_subject subject = attempt_subject(&running->hands[slot].attempt);
	struct row row;

	if (row_make(&subject, result, &row, err) != 0) {
		row_free(&row);
		return -1;
	}
	finish(running, slot, &row);
	row_free(&row);
	return 0;
}

/* Nobody knows what the image is like; `why` it could not be recovered. */
static int give_up(struct running *running, size_t slot, const char *why, struct bs_error *err)
{
	const struct bs_error *reason = &running->hands[slot].reason;
	struct bs_result result = {.status = BS_STATUS_RECOVERY_REQUIRED};

	fail(&result.error, BS_RECOVERY_REQUIRED, "%.200s, and it could not be recovered: %.200s",
	     reason->message, why);
	return tell_outcome(running, slot, &result, err);
}

/*
 * A fix that has written may have come to its end, but not to that of its verification.  One that
 * has not is over: what it died of, such as storage that hangs, would only stop a recovery, too.
 */
static int recover(struct running *running, const struct pool_event *event, struct bs_error *err)
{
	struct hand *hand = &running->hands[event->slot];
	struct bs_result result = {.status = BS_STATUS_FAILED};

	explain_death(running, hand, event->status, &hand->reason);
	if (!has_written(event->phase)) {
		result.error = hand->reason;
		return tell_outcome(running, event->slot, &result, err);
	}
	hand->attempt.kind =
		hand->attempt.kind == ATTEMPT_FIX ? ATTEMPT_TAKE_BACK : ATTEMPT_RECOVER;
	hand->attempt.patience = clock_milliseconds() + LEFT_OVER;
	hand->recovering = true;
	hand->killed = false;
	hand->deadline = clock_milliseconds() + RECOVERY;
	if (pool_start(running->pool, event->slot, attempt_run, &hand->attempt, err) != 0)
		return give_up(running, event->slot, err->message, err);
	return 0;
}

/* The row of a recovery says what the image is now; what is missing is why it was needed. */
static int tell_recovered(struct running *running, size_t slot, struct row *row,
			  struct bs_error *err)
{
	const struct hand *hand = &running->hands[slot];
	bool fixing = running->request->kind == ATTEMPT_FIX;
	struct bs_error reason = hand->reason;

	if (row->status == BS_STATUS_RECOVERY_REQUIRED ||
	    (row->status == BS_STATUS_UNDONE && !fixing)) {
		finish(running, slot, row);
		return 0;
	}
	if (row->status == BS_STATUS_UNDONE)
		fail(&reason, reason.code, "%s; what it had begun was taken back",
		     hand->reason.message);
	else if (row->status != BS_STATUS_NOTHING_TO_DO)
		return give_up(running, slot, row->message, err);
	if (row_fail(row, &reason, err) != 0)
		return -1;
	finish(running, slot, row);
	return 0;
}

static int tell(struct running *running, size_t slot, struct row *row, struct bs_error *err)
{
	const struct hand *hand = &running->hands[slot];
	struct bs_error reason;

	if (hand->recovering)
		return tell_recovered(running, slot, row, err);
	if (hand->asked && row->code == BS_INTERRUPTED) {
		time_is_up(running, &reason);
		if (row_fail(row, &reason, err) != 0)
			return -1;
	}
	finish(running, slot, row);
	return 0;
}

static int take_end(struct running *running, const struct pool_event *event, struct bs_error *err)
{
	const struct hand *hand = &running->hands[event->slot];
	struct bs_error ignored;
	struct row row = {.object = NULL};
	int result;

	if (event->line && row_parse(event->line, strlen(event->line), &row, &ignored) == 0)
		result = tell(running, event->slot, &row, err);
	else if (hand->recovering)
		result = give_up(running, event->slot,
				 hand->killed ? "that did not end either"
					      : "that process died as well",
				 err);
	else
		result = recover(running, event, err);
	row_free(&row);
	return result;
}

/* ---- stopping ------------------------------------------------------------------------------ */

static void kill_hand(struct running *running, size_t slot)
{
	running->hands[slot].killed = true;
	running->hands[slot].deadline = 0;
	pool_signal(running->pool, slot, SIGKILL);
}

static void stop(struct running *running)
{
	running->stopping = running->outcome->interrupted = true;
}

/* The second signal kills, the third also those that take back what the second has left. */
static void take_signal(struct running *running)
{
	stop(running);
	running->signals++;
	for (size_t i = 0; i < running->request->slots; i++) {
		const struct hand *hand = &running->hands[i];

		if (!hand->busy)
			continue;
		if (running->signals > (hand->recovering ? 2 : 1))
			kill_hand(running, i);
		else if (!hand->recovering)
			pool_signal(running->pool, i, SIGTERM);
	}
}

static void look_at_time(struct running *running)
{
	for (size_t i = 0; i < running->request->slots; i++) {
		struct hand *hand = &running->hands[i];

		if (!hand->busy || hand->deadline == 0 || clock_milliseconds() < hand->deadline)
			continue;
		if (hand->asked || hand->recovering) {
			kill_hand(running, i);
			continue;
		}
		hand->asked = true;
		hand->deadline = clock_milliseconds() + GRACE;
		pool_signal(running->pool, i, SIGTERM);
	}
}

/* ---- the run ------------------------------------------------------------------------------- */

static int take(struct running *running, const struct pool_event *event, struct bs_error *err)
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
		return take_end(running, event, err);
	case POOL_SIGNAL:
		take_signal(running);
		break;
	}
	return 0;
}

/* Ends when nothing runs and nothing is begun any more. */
static int run(struct running *running, struct bs_error *err)
{
	const struct run_watcher *watcher = &running->request->watcher;
	struct pool_event event;
	int result;

	/* One that came before anything was begun. */
	if (interruption_pending())
		stop(running);
	result = fill_slots(running, err);
	while (result == 0 && running->busy > 0) {
		result = pool_wait(running->pool, TICK, &event, err);
		if (result == 0)
			result = take(running, &event, err);
		free(event.line);
		look_at_time(running);
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
		running.patience = clock_milliseconds() + LEFT_OVER;
	*outcome = (struct run_outcome){.begun = 0};
	running.hands = calloc(request->slots, sizeof(*running.hands));
	if (!running.hands)
		return fail(err, BS_NO_MEMORY, "out of memory");
	running.pool = pool_open(request->slots, err);
	if (running.pool)
		result = run(&running, err);
	pool_close(running.pool);
	free(running.hands);
	return result;
}
