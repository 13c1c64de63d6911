/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/interruption.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

void interruption_hold(void)
{
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		struct sigaction action;

		/* An ignored signal, if held, would stay pending like a real request to stop. */
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&held, signals[i]);
	}
	pthread_sigmask(SIG_BLOCK, &held, NULL);
}

void interruption_held(sigset_t *held)
{
	sigset_t blocked;

	sigemptyset(held);
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (sigismember(&blocked, signals[i]))
			sigaddset(held, signals[i]);
}

bool interruption_pending(void)
{
	sigset_t pending;

	sigpending(&pending);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (sigismember(&pending, signals[i]))
			return true;
	return false;
}
