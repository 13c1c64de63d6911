/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much a fix asks of the system.  The times depend on the machine, but not the number of system
 * calls, apart from some for each folder above the image.  A test here fails if the number grows by
 * a sixth.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/samples.h"
#include "support/containers.h"

/* Requests to qemu-nbd during a fix of a dynamic VHD; 2,650 in version 0.1.0. */
#define REQUESTS 550

/* For each image of a batch. */
#define IDLE_CALLS                                                                                 \
	640     /* system calls if there is nothing to do; 540 with a share of the program's */
#define SYNCS 6 /* journal, its name, signpost, image, end of the signpost, mark */

#define SMALL  "include images/windows-7.recipe\n"
#define LARGE  SMALL "disk size=256G\npartition windows size=261000M\n"
#define PIECES 16 /* of 512 KiB, of the large disk's bitmap of clusters */

/* The system calls of all processes, and how many messages the processes send. */
static const struct {
	const char *command;
	long calls, messages;
} limits[] = {
	/* In version 0.1.0, a fix made 15,490 calls and sent 3,480 messages. */
	{"inspect", 370, 8},
	{"plan", 940, 104},
	{"fix", 1500, 104},
	{"undo", 940, 0}, /* it also looks for children of the image */
};

/* The sanitizers make system calls of their own. */
TEST_CASE(speed, "speed", .tags = "counts");

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

/*
 * Runs `bootshift COMMAND -q OPERAND`.  Returns strace's table of the system calls, or NULL if nothing
 * can be traced.
 */
static const char *trace(const char *command, const char *operand)
{
	const char *table = text("%s/calls", test_folder());
	struct outcome traced;

	if (!test_needs_program("strace"))
		return NULL;
	traced = RUN("strace", "-f", "-c", "-q", "-U", "calls,name", "-o", table, bootshift_path(),
		     command, "-q", operand);
	if (!test_needs_kernel(strstr(traced.errors, "ptrace") == NULL, "tracing of processes"))
		return NULL;
	ASSERT_STATUS(traced, 0);
	traced = RUN("cat", table);
	ck_assert_int_gt(calls_of(traced.output, "total"), 0);
	ck_assert_int_eq(remove(table), 0);
	return traced.output;
}

TEST(speed, no_command_makes_more_system_calls_than_it_did)
{
	const char *image = windows_7();

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const char *table = trace(limits[i].command, image);

		if (!table)
			return;
		ck_assert_msg(calls_of(table, "total") <= limits[i].calls, "%s: %s",
			      limits[i].command, table);
		ck_assert_msg(calls_of(table, "sendmsg") <= limits[i].messages, "%s: %s",
			      limits[i].command, table);
	}
}

/* A large disk has a large bitmap of clusters.  An inspection reads it once, in long pieces. */
TEST(speed, a_large_disk_needs_few_more_reads_than_a_small_one)
{
	const char *small = trace("inspect", image_copy(image_recipe("six", SMALL)));
	const char *large = trace("inspect", image_copy(image_recipe("large", LARGE)));

	/* The other calls also depend on what else the machine does. */
	if (small && large)
		ck_assert_msg(calls_of(large, "pread64") + calls_of(large, "sendmsg") <=
				      calls_of(small, "pread64") + calls_of(small, "sendmsg") +
					      3 * PIECES / 2,
			      "%s%s", small, large);
}

/* The staging writes 4 KiB at a time.  A driver that gets each write alone takes most of a fix. */
TEST(speed, the_driver_of_a_container_gets_few_requests)
{
	static const struct container_kind vhd = {"vhd", "vpc", "-o force_size=on", false, NULL};
	const char *table = trace("fix", container_make(&vhd, windows_7()));

	if (!table)
		return;
	/* Nothing but the client of NBD calls sendto. */
	ck_assert_int_gt(calls_of(table, "sendto"), 0);
	ck_assert_msg(calls_of(table, "sendto") <= REQUESTS, "%s", table);
	/* Nothing but the driver would call fdatasync, and nothing that it writes outlives the fix. */
	ck_assert_msg(calls_of(table, "fdatasync") == 0, "%s", table);
}

/* Each image has one process of its own, and each of its workers is one. */
TEST(speed, a_batch_makes_few_processes_and_syncs_for_each_image)
{
	enum { IMAGES = 3 };
	const char *folder = test_folder(), *table;

	for (int i = 0; i < IMAGES; i++)
		ck_assert_int_eq(rename(small_image(), text("%s/%d.img", folder, i)), 0);
	table = trace("batch", folder);
	if (!table)
		return;
	ck_assert_msg(calls_of(table, "fsync") == IMAGES * SYNCS, "%s", table);
	ck_assert_msg(calls_of(table, "clone") == 3L * IMAGES, "%s", table);
	table = trace("batch", folder);
	ck_assert_int_eq(calls_of(table, "fsync"), 0);
	ck_assert_msg(calls_of(table, "clone") == 2L * IMAGES, "%s", table);
	ck_assert_msg(calls_of(table, "total") <= IMAGES * IDLE_CALLS, "%s", table);
}
