/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/signals.h"

#include <sys/signalfd.h>

static const int signals_stop[] = {SIGINT, SIGTERM, SIGHUP};

#define STOP_COUNT (sizeof(signals_stop) / sizeof(signals_stop[0]))

/* Of the command that runs in this thread. */
static _Thread_local bool signals_cancelled;

/* ---- requests to stop ----------------------------------------------------------------------- */

/* Returns the signals of `set` that are requests to stop. */
static sigset_t signals_filter_stop(const sigset_t *set)
{
	sigset_t found;

	sigemptyset(&found);
	for (size_t i = 0; i < STOP_COUNT; i++)
		if (sigismember(set, signals_stop[i]))
			sigaddset(&found, signals_stop[i]);
	return found;
}

void signals_hold_stop(void)
{
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < STOP_COUNT; i++) {
		struct sigaction action;

		/* If held, an ignored signal would stay pending like a real request to stop. */
		if (sigaction(signals_stop[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&held, signals_stop[i]);
	}
	pthread_sigmask(SIG_BLOCK, &held, NULL);
}

sigset_t signals_held_stop(void)
{
	sigset_t held = signals_mask();

	return signals_filter_stop(&held);
}

bool signals_stop_pending(void)
{
	sigset_t pending;

	sigpending(&pending);
	pending = signals_filter_stop(&pending);
	return !sigisemptyset(&pending) || signals_cancelled;
}

void signals_cancel(void)
{
	signals_cancelled = true;
}

void signals_forget_cancel(void)
{
	signals_cancelled = false;
}

bool signals_is_cancelled(void)
{
	return signals_cancelled;
}

/* ---- the mask of a thread ------------------------------------------------------------------- */

sigset_t signals_mask(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	return mask;
}

void signals_restore(sigset_t mask)
{
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

void signals_hold_for_change(void)
{
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < STOP_COUNT; i++)
		sigaddset(&held, signals_stop[i]);
	sigaddset(&held, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &held, NULL);
}

void signals_hold_all(void)
{
	sigset_t all;

	sigfillset(&all);
	signals_restore(all);
}

void signals_release_all(void)
{
	sigset_t none;

	sigemptyset(&none);
	signals_restore(none);
}

/* ---- what signals do ------------------------------------------------------------------------ */

void signals_reset(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void signals_prepare_command(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

int signals_open(void)
{
	sigset_t watched;

	signals_hold_stop();
	watched = signals_held_stop();
	sigaddset(&watched, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &watched, NULL);
	return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}
