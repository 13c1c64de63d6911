/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rows/row.h"
#include "util/signals.h"
#include "util/vector.h"

#define READ_SIZE 4096u /* bytes */

DEFINE_VECTOR(bytes, char);

struct slot {
	pid_t process; /* 0: the slot is free */
	int channel;   /* -1: closed */
	enum bs_phase phase;
	unsigned percent;
	struct bytes line; /* the part that has been received */
	bool line_lost;    /* too long, or memory ran out */
};

struct pool {
	int signals;       /* a signalfd */
	bool some_may_end; /* SIGCHLD came, and not all ended children have been found yet */
	int kept;          /* a descriptor that children keep; -1: none */
	size_t count;
	struct pollfd *polls; /* the signals, then one for each slot */
	struct slot slots[];
};

static void slot_close_channel(struct slot *slot)
{
	if (slot->channel >= 0)
		close(slot->channel);
	slot->channel = -1;
}

/* ---- opening and closing ------------------------------------------------------------------- */

struct pool *pool_open(size_t slots, int kept, struct bs_error *err)
{
	struct pool *pool = calloc(1, sizeof(*pool) + slots * sizeof(pool->slots[0]));

	if (pool) {
		pool->signals = -1;
		pool->kept = kept;
		pool->count = slots;
		pool->polls = calloc(slots + 1, sizeof(*pool->polls));
	}
	if (!pool || !pool->polls) {
		fail_memory(err);
		free(pool);
		return NULL;
	}
	for (size_t i = 0; i < slots; i++)
		pool->slots[i].channel = -1;
	pool->signals = signals_open();
	if (pool->signals < 0) {
		fail_errno(err, BS_WORKER, "cannot wait for signals");
		pool_close(pool);
		return NULL;
	}
	return pool;
}

void pool_close(struct pool *pool)
{
	if (!pool)
		return;
	for (size_t i = 0; i < pool->count; i++) {
		struct slot *slot = &pool->slots[i];

		if (slot->process > 0) {
			pool_signal(pool, i, SIGKILL);
			waitpid(slot->process, NULL, 0);
		}
		slot_close_channel(slot);
		bytes_free(&slot->line);
	}
	if (pool->signals >= 0)
		close(pool->signals);
	free(pool->polls);
	free(pool);
}

/* ---- a child ------------------------------------------------------------------------------- */

/*
 * SIGTERM asks a child to stop, so it is held even if the user ignores it.  If the parent has died
 * before prctl(), the child sends SIGTERM to itself.
 */
static void child_hold_signals(pid_t parent)
{
	sigset_t held = signals_held_stop();

	signal(SIGTERM, SIG_DFL);
	sigaddset(&held, SIGTERM);
	signals_restore(held);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		raise(SIGTERM);
}

/* Closes all descriptors but the standard ones, `channel` and `kept`, which may be -1. */
static void child_close_others(int channel, int kept)
{
	const int lower = channel < kept ? channel : kept, higher = channel < kept ? kept : channel;
	unsigned first = STDERR_FILENO + 1;

	if (lower > STDERR_FILENO) {
		if ((unsigned)lower > first)
			close_range(first, (unsigned)lower - 1, 0);
		first = (unsigned)lower + 1;
	}
	if ((unsigned)higher > first)
		close_range(first, (unsigned)higher - 1, 0);
	close_range((unsigned)higher + 1, ~0u, 0);
}

static _Noreturn void child_run(const struct pool *pool, pool_work *work, void *task, int channel,
				pid_t parent)
{
	setpgid(0, 0);
	child_hold_signals(parent);
	child_close_others(channel, pool->kept);
	work(task, channel);
	_exit(EXIT_SUCCESS);
}

int pool_start(struct pool *pool, size_t index, pool_work *work, void *task, struct bs_error *err)
{
	struct slot *slot = &pool->slots[index];
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(err, BS_WORKER, "cannot make a pipe to a process");
	slot->process = fork();
	if (slot->process < 0) {
		slot->process = 0;
		fail_errno(err, BS_WORKER, "cannot start a process");
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (slot->process == 0)
		child_run(pool, work, task, ends[1], parent);
	/* The parent does this too, because either process may run first. */
	setpgid(slot->process, slot->process);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	slot->channel = ends[0];
	slot->phase = BS_PHASE_COUNT;
	slot->percent = 0;
	slot->line_lost = false;
	return 0;
}

void pool_signal(const struct pool *pool, size_t slot, int signal)
{
	kill(-pool->slots[slot].process, signal);
}

/* ---- what a child sends -------------------------------------------------------------------- */

/*
 * Stores the phases and amounts before the line and returns their number.  No line begins with such
 * a byte.
 */
static size_t slot_store_phases(struct slot *slot, const char *bytes, size_t length)
{
	size_t count = 0;

	for (; slot->line.count == 0 && count < length; count++) {
		unsigned char byte = (unsigned char)bytes[count];

		if (byte < BS_PHASE_COUNT) {
			slot->phase = (enum bs_phase)byte;
			slot->percent = 0;
		} else if (byte >= POOL_AMOUNT && byte <= POOL_AMOUNT + 100) {
			slot->percent = byte - POOL_AMOUNT;
		} else {
			break;
		}
	}
	return count;
}

static void slot_store_line(struct slot *slot, const char *bytes, size_t length)
{
	struct bs_error ignored;

	if (length == 0)
		return;
	if (slot->line.count + length > ROW_LENGTH_MAX ||
	    bytes_reserve(&slot->line, length, &ignored) < 0)
		slot->line_lost = true;
	if (slot->line_lost)
		return;
	memcpy(slot->line.items + slot->line.count, bytes, length);
	slot->line.count += length;
}

/*
 * Reads up to READ_SIZE bytes.  Returns false if no bytes are ready, or at the end of the channel.
 */
static bool slot_read(struct slot *slot)
{
	char bytes[READ_SIZE];
	ssize_t length = slot->channel >= 0 ? read(slot->channel, bytes, sizeof(bytes)) : 0;
	size_t phases;

	if (length <= 0) {
		if (length == 0 || errno != EAGAIN)
			slot_close_channel(slot);
		return false;
	}
	phases = slot_store_phases(slot, bytes, (size_t)length);
	slot_store_line(slot, bytes + phases, (size_t)length - phases);
	return true;
}

/*
 * Returns the line as a string, or NULL if it is not exactly one line of text.  The caller frees
 * it.
 */
static char *slot_finish_line(struct slot *slot)
{
	struct bytes line = slot->line;
	bool valid = line.count > 0 && !slot->line_lost &&
		     memchr(line.items, '\n', line.count) == line.items + line.count - 1 &&
		     !memchr(line.items, '\0', line.count);

	slot->line = (struct bytes){.items = NULL};
	if (valid)
		line.items[line.count - 1] = '\0';
	else
		bytes_free(&line);
	return line.items;
}

/* ---- events -------------------------------------------------------------------------------- */

static bool slot_has_ended(const struct slot *slot)
{
	siginfo_t info = {.si_pid = 0};

	/* WNOWAIT: the zombie stays, so no other process group can get the same number yet. */
	return slot->process > 0 &&
	       waitid(P_PID, (id_t)slot->process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == slot->process;
}

/* The loop ends because the pipe holds a limited amount, and all its writers are dead. */
static void pool_end_child(struct pool *pool, size_t index, struct pool_event *event)
{
	struct slot *slot = &pool->slots[index];

	pool_signal(pool, index, SIGKILL);
	while (slot_read(slot))
		;
	slot_close_channel(slot);
	*event = (struct pool_event){.kind = POOL_ENDED, .slot = index, .phase = slot->phase};
	waitpid(slot->process, &event->status, 0);
	event->line = slot_finish_line(slot);
	slot->process = 0;
}

static bool pool_find_ended(struct pool *pool, struct pool_event *event)
{
	for (size_t i = 0; pool->some_may_end && i < pool->count; i++) {
		if (slot_has_ended(&pool->slots[i])) {
			pool_end_child(pool, i, event);
			return true;
		}
	}
	pool->some_may_end = false;
	return false;
}

static void pool_read_signal(struct pool *pool, struct pool_event *event)
{
	struct signalfd_siginfo info;

	if (read(pool->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		pool->some_may_end = true;
	else
		event->kind = POOL_SIGNAL;
}

static void pool_read_channels(struct pool *pool, struct pool_event *event)
{
	for (size_t i = 0; i < pool->count && event->kind == POOL_NOTHING; i++) {
		struct slot *slot = &pool->slots[i];
		enum bs_phase before = slot->phase;
		unsigned percent = slot->percent;

		if (!pool->polls[i + 1].revents)
			continue;
		slot_read(slot);
		if (slot->phase != before || slot->percent != percent)
			*event = (struct pool_event){.kind = POOL_PHASE,
						     .slot = i,
						     .phase = slot->phase,
						     .percent = slot->percent};
	}
}

/*
 * Returns the number of elements up to the last open channel, because poll(2) refuses more elements
 * than the limit of open files.
 */
static nfds_t pool_fill_polls(struct pool *pool)
{
	nfds_t count = 1;

	pool->polls[0] = (struct pollfd){.fd = pool->signals, .events = POLLIN};
	for (size_t i = 0; i < pool->count; i++) {
		pool->polls[i + 1] =
			(struct pollfd){.fd = pool->slots[i].channel, .events = POLLIN};
		if (pool->slots[i].channel >= 0)
			count = i + 2;
	}
	return count;
}

int pool_wait(struct pool *pool, int milliseconds, struct pool_event *event, struct bs_error *err)
{
	*event = (struct pool_event){.kind = POOL_NOTHING};
	if (pool_find_ended(pool, event))
		return 0;
	if (poll(pool->polls, pool_fill_polls(pool), milliseconds) < 0)
		return errno == EINTR ? 0
				      : fail_errno(err, BS_WORKER, "cannot wait for the processes");
	if (pool->polls[0].revents)
		pool_read_signal(pool, event);
	pool_read_channels(pool, event);
	return 0;
}
