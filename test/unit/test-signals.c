/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The signals that a thread blocks.  Requests to stop: see test-interruption.c. */
#include <sys/signalfd.h>
#include <unistd.h>

#include "support/test.h"
#include "util/signals.h"

TEST_CASE(signals_tests, "signals");

TEST(signals_tests, what_is_held_for_a_change_is_let_go_again)
{
	sigset_t before = signals_mask();

	ck_assert_int_eq(sigismember(&before, SIGQUIT), 0);
	signal(SIGQUIT, SIG_IGN); /* held, even if it is ignored */
	signals_hold_for_change();
	for (int number = 1; number < 32; number++) {
		sigset_t mask = signals_mask();
		bool asked = number == SIGINT || number == SIGTERM || number == SIGHUP ||
			     number == SIGQUIT;

		ck_assert_int_eq(sigismember(&mask, number), asked || sigismember(&before, number));
	}
	signals_restore(before);
	before = signals_mask();
	ck_assert_int_eq(sigismember(&before, SIGQUIT), 0);
}

TEST(signals_tests, all_and_none_are_held)
{
	sigset_t mask;

	signals_hold_all();
	mask = signals_mask();
	ck_assert_int_eq(sigismember(&mask, SIGTERM) & sigismember(&mask, SIGUSR1), 1);
	signals_release_all();
	mask = signals_mask();
	ck_assert(sigisemptyset(&mask));
}

TEST(signals_tests, a_reset_signal_has_its_effect)
{
	struct sigaction action;
	sigset_t mask;

	signal(SIGXCPU, SIG_IGN);
	signals_hold_all();
	signals_reset(SIGXCPU);
	mask = signals_mask();
	ck_assert_int_eq(sigismember(&mask, SIGXCPU), 0);
	ck_assert_int_eq(sigaction(SIGXCPU, NULL, &action), 0);
	ck_assert(action.sa_handler == SIG_DFL);
}

TEST(signals_tests, a_descriptor_gives_requests_to_stop_and_ended_children)
{
	struct signalfd_siginfo info;
	int descriptor;

	signal(SIGINT, SIG_DFL);
	descriptor = signals_open();
	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(read(descriptor, &info, sizeof(info)), -1);
	raise(SIGINT);
	ck_assert_int_eq(read(descriptor, &info, sizeof(info)), sizeof(info));
	ck_assert_uint_eq(info.ssi_signo, SIGINT);
	raise(SIGCHLD);
	ck_assert_int_eq(read(descriptor, &info, sizeof(info)), sizeof(info));
	ck_assert_uint_eq(info.ssi_signo, SIGCHLD);
	close(descriptor);
}
