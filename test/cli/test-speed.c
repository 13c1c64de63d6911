/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much a fix asks of the system.  The times depend on the machine, but not the number of system
 * calls, apart from some for each folder above the image.  A test here fails if the number grows by
 * a sixth.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/samples.h"

#define CALLS    3600 /* of all processes; 15,490 in version 0.1.0 */
#define MESSAGES 750  /* sent by the parent and by the workers; 3,480 in version 0.1.0 */

TEST_CASE(speed, "speed");

/* Returns how often a fix made a call, in all processes, from strace's table; 0: not at all. */
static long calls_of(const char *table, const char *name)
{
	char line[64];
	long count;

	for (const char *at = table; at && *at; at = strchr(at, '\n'), at += at != NULL)
		if (sscanf(at, " %ld %63s", &count, line) == 2 && strcmp(line, name) == 0)
			return count;
	return 0;
}

#if !defined(__SANITIZE_ADDRESS__) /* sanitizers make system calls of their own */
TEST(speed, a_fix_makes_no_more_system_calls_than_it_did)
{
	const char *image = windows_7(), *table = text("%s.calls", image);
	struct outcome traced;

	if (!test_needs_program("strace"))
		return;
	traced = RUN("strace", "-f", "-c", "-q", "-U", "calls,name", "-o", table, bootshift_path(),
		     "fix", "-q", image);
	if (!test_needs_kernel(strstr(traced.errors, "ptrace") == NULL, "tracing of processes"))
		return;
	ASSERT_STATUS(traced, 0);
	traced = RUN("cat", table);
	ck_assert_int_gt(calls_of(traced.output, "total"), 0);
	ck_assert_msg(calls_of(traced.output, "total") <= CALLS, "%s", traced.output);
	ck_assert_int_gt(calls_of(traced.output, "sendmsg"), 0);
	ck_assert_msg(calls_of(traced.output, "sendmsg") <= MESSAGES, "%s", traced.output);
	ck_assert_int_eq(remove(table), 0);
}
#endif
