/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second opinion, and how an appliance is lent.  One appliance looks at one disk after another.
 * bootshift's own verification does not run here.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/engines-fixture.h"
#include "unit/verify-fixture.h"
#include "util/bytes.h"
#include "util/process.h"
#include "windows/opinion.h"

#define MEMTEST "\\Boot\\memtest.exe"

/* What libguestfs' inspection needs to recognise Windows, and a stream. */
static const char more[] =
	"on system\n"
	"file \"\\Boot\\A long name.html\" size=9000 attributes=a\n"
	"stream \\Boot\\memtest.exe:stream size=5000\n"
	"on windows\n"
	"file \\Windows\\explorer.exe pe=amd64 size=2616 attributes=a descriptor=windows\n"
	"file \\Windows\\System32\\cmd.exe pe=amd64 size=2616 descriptor=windows\n"
	"folder \\Windows\\System32\\config descriptor=system\n"
	"file \\Windows\\System32\\config\\SOFTWARE hive=software attributes=a descriptor=system\n"
	"file \\Windows\\System32\\config\\SYSTEM hive=system attributes=a descriptor=system\n"
	"hive software root=CMI-CreateHive file=\\SystemRoot\\System32\\Config\\SOFTWARE\n"
	"key \"\\Microsoft\\Windows NT\\CurrentVersion\"\n"
	"value ProductName string \"Windows 7 Enterprise\"\n"
	"value CurrentVersion string 6.1\n"
	"value SystemRoot string C:\\Windows\n"
	"hive system root=CMI-CreateHive file=\\SystemRoot\\System32\\Config\\SYSTEM\n"
	"key \\Select\n"
	"value Current dword 1\n"
	"key \\MountedDevices\n";

static void stage(void)
{
	sample_open_small(&sample, "opinion", more);
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
}

/* ---- wrong stagings ------------------------------------------------------------------------- */

static void do_nothing(void)
{
}

static void change_descriptor(void)
{
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	struct volume_file *other = sample_open_file(&target, "\\Boot\\BCD");
	struct bs_error err = {0};
	uint8_t *descriptor;
	size_t size;

	ASSERT_OK(volume_security(other, &descriptor, &size, &err));
	ASSERT_OK(volume_set_security(file, descriptor, size, &err));
	free(descriptor);
	volume_done_file(other);
	end_edit(file, &before);
}

static void change_content(void)
{
	write_into("\\bootmgr", "", 1234, "x", 1);
}

static void change_stream(void)
{
	write_into(MEMTEST, "stream", 4999, "\1\2", 1);
}

static void add_stream(void)
{
	write_into(MEMTEST, "another", 0, "x", 1);
}

static void change_attributes(void)
{
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_attributes(file, before.attributes ^ FILE_IS_SYSTEM, &err));
	end_edit(file, &before);
}

static void change_time(void)
{
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);

	before.accessed++; /* by 100 ns */
	end_edit(file, &before);
}

static void add_extended_attributes(void)
{
	static const uint8_t attributes[] = {16,  0,   0,   0,   0, 4, 2, 0,
					     'N', 'A', 'M', 'E', 0, 1, 2, 0};
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_extended_attributes(file, attributes, sizeof(attributes), &err));
	end_edit(file, &before);
}

static void drop_short_name(void)
{
	struct volume_metadata before, folder;
	struct bs_error err = {0};
	struct volume_file *file;
	uint32_t count;

	volume_done_file(edit("\\Boot\\A long name.html", &before));
	sample_unmount(&target);
	volume_done_file(edit("\\Boot", &folder));
	ASSERT_OK(volume_remove(target.volume, "\\Boot\\A long name.html", &count, &err));
	ASSERT_OK(volume_create(target.volume, "\\Boot", "A long name.html", false, &err));
	file = sample_open_file(&target, "\\Boot\\A long name.html");
	ASSERT_OK(volume_set_attributes(file, before.attributes, &err));
	sample_close_file(file);
	end_edit(sample_open_file(&target, "\\Boot"), &folder);
}

static void undo_retargeting(void)
{
	uint8_t bytes[8];

	store_le64(bytes, plan->system_start);
	write_into("\\Boot\\BCD", "", plan->elements[0].offset, bytes, sizeof(bytes));
}

static void retarget_too_much(void)
{
	plan->element_count--;
}

static void activate_two(void)
{
	sample_write(&sample, 0x1BE, "\x80", 1);
}

static void activate_none(void)
{
	sample_write(&sample, 0x1BE + 16, "\0", 1);
}

/* Marks the clusters of the copy of bootmgr as free. */
static void free_clusters(void)
{
	struct range_vector bitmap = {0};
	struct bs_error err = {0};
	struct volume_file *file;
	uint8_t zeros[64] = {0};

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &target);
	file = sample_open_file(&target, "\\$Bitmap");
	ASSERT_OK(volume_locate(file, 64, &bitmap, &err));
	volume_done_file(file);
	sample_unmount(&target);
	ck_assert_uint_ge(bitmap.items[0].length, sizeof(zeros));
	sample_write(&sample, SAMPLE_BOOT_START + bitmap.items[0].offset, zeros, sizeof(zeros));
	range_vector_free(&bitmap);
}

static const struct {
	const char *name;
	void (*act)(void);
	const char *said; /* a part of the message; NULL: the appliance agrees */
} stagings[] = {
	{"as it should be", do_nothing, NULL},
	{"another descriptor", change_descriptor, "security descriptor differs"},
	{"other content", change_content, "content differs"},
	{"other content of a stream", change_stream, "content differs"},
	{"one more stream", add_stream, "set of streams differs"},
	{"other attributes", change_attributes, "set of attributes differs"},
	{"another time", change_time, "set of times differs"},
	{"extended attributes", add_extended_attributes, "set of extended attributes differs"},
	{"another short name", drop_short_name, "differs"},
	{"an element that was not retargeted", undo_retargeting, "is not retargeted"},
	{"one retargeted element too many", retarget_too_much, "is not as it was"},
	{"two active partitions", activate_two, "partition 1 is active"},
	{"no active partition", activate_none, "partition 2 is not active"},
	{"used clusters marked as free", free_clusters, "ntfsresize is not content"},
	{"as it should be, after the others", do_nothing, NULL},
};

TEST_CASE(opinion, "opinion", .once_setup = open_appliance, .once_teardown = close_appliance,
	  .tags = "slow");

/* Nearly all content is the same in all stagings: what is left of one would hide the next. */
TEST(opinion, the_appliance_alone_notices_each_wrong_staging)
{
	const struct bs_options options = {0};

	for (size_t i = 0; i < sizeof(stagings) / sizeof(stagings[0]); i++) {
		struct appliance_engine engine;
		struct bs_error err = {0};
		int result;

		stage();
		stagings[i].act();
		borrow(sample.disk, &engine);
		result = opinion_run(&engine, plan, &options, &err);
		give_back();
		if (stagings[i].said == NULL) {
			ck_assert_msg(result == 0, "%s: %s", stagings[i].name, err.message);
		} else {
			ck_assert_msg(result < 0, "%s: not noticed", stagings[i].name);
			ck_assert_msg(err.code == BS_SECOND_OPINION &&
					      strstr(err.message, stagings[i].said),
				      "%s: %s: %s", stagings[i].name, bs_code_name(err.code),
				      err.message);
		}
		teardown();
	}
}

/* The samples differ in their sizes, partitions and file systems. */
TEST(opinion, both_engines_find_the_same)
{
	static const char *const names[] = {"windows-10",       "rich-boot-files", "hibernated",
					    "legacy-dual-boot", "journal-open",    "already-fixed",
					    "boot-ram-disk",    "windows-7"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare_sample(names[i]);
}

/* ---- processes that are killed -------------------------------------------------------------- */

/* A process that has ended stays until its parent asks for its status. */
static bool has_ended(int process)
{
	char path[32], line[256] = "", *name_end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", process);
	file = fopen(path, "re");
	if (file) {
		(void)!fgets(line, sizeof(line), file);
		fclose(file);
	}
	name_end = strrchr(line, ')');
	return !name_end || name_end[2] == 'Z';
}

/* The number of processes in the session of a keeper, which are the appliance's. */
static unsigned count_processes(pid_t keeper)
{
	DIR *folder = opendir("/proc");
	unsigned count = 0;

	for (struct dirent *entry; (entry = readdir(folder));) {
		int process = atoi(entry->d_name);

		count += process > 0 && getsid(process) == keeper && !has_ended(process);
	}
	closedir(folder);
	return count;
}

/* The kernel ends the processes one after the other, and then somebody has to reap them. */
static void assert_nothing_left(pid_t keeper)
{
	for (int i = 0; i < 3000 && count_processes(keeper) > 0; i++)
		usleep(10000);
	ck_assert_uint_eq(count_processes(keeper), 0);
}

static _Noreturn void borrow_and_wait(int borrowed)
{
	struct appliance_engine engine;

	borrow(sample.disk, &engine);
	(void)!write(borrowed, "", 1);
	for (;;)
		pause();
}

/* The next borrower gets another virtual machine, and the same answers. */
TEST(opinion, a_borrower_that_is_killed_does_not_harm_the_next)
{
	const struct bs_options options = {0};
	struct appliance_engine engine;
	struct bs_error err = {0};
	int borrowed[2];
	pid_t borrower;
	char byte;

	stage();
	ck_assert_int_eq(pipe(borrowed), 0);
	borrower = fork();
	if (borrower == 0)
		borrow_and_wait(borrowed[1]);
	ck_assert_int_eq(read(borrowed[0], &byte, 1), 1);
	process_end(borrower, 0);
	borrow(sample.disk, &engine);
	ASSERT_OK(opinion_run(&engine, plan, &options, &err));
	give_back();
	teardown();
}

TEST(opinion, nothing_is_left_of_a_keeper_that_is_killed)
{
	struct appliance_engine engine;
	struct bs_error err = {0};
	struct appliance_loan next;

	stage();
	borrow(sample.disk, &engine);
	ck_assert_uint_gt(count_processes(appliance.keeper), 3);
	kill(appliance.keeper, SIGKILL);
	assert_nothing_left(appliance.keeper);
	ck_assert_int_eq(appliance_engine_open(&engine, sample.disk, loan.channel, &err), -1);
	give_back();
	ck_assert_int_eq(appliance_borrow(&next, &appliance, sample.disk, NULL, NULL, &err), -1);
	ck_assert_int_eq(err.code, BS_APPLIANCE_UNUSABLE);
	ASSERT_OK(appliance_return(&next, &err));
	teardown();
}

static void tell_start(void *context, unsigned percent)
{
	(void)!write(*(int *)context, &percent, sizeof(percent));
}

/* Killed while the virtual machine starts. */
TEST(opinion, nothing_is_left_of_a_parent_that_is_killed)
{
	struct bs_error err = {0};
	int told[2], keeper;
	unsigned percent;
	pid_t parent;

	stage();
	ck_assert_int_eq(pipe(told), 0);
	parent = fork();
	if (parent == 0) {
		ASSERT_OK(bs_appliance_open(&appliance, &err));
		(void)!write(told[1], &appliance.keeper, sizeof(appliance.keeper));
		(void)!appliance_borrow(&loan, &appliance, sample.disk, tell_start, &told[1], &err);
		_exit(1);
	}
	ck_assert_int_eq(read(told[0], &keeper, sizeof(keeper)), sizeof(keeper));
	do
		ck_assert_int_eq(read(told[0], &percent, sizeof(percent)), sizeof(percent));
	while (percent == 0);
	ck_assert_uint_gt(count_processes(keeper), 3);
	process_end(parent, 0);
	assert_nothing_left(keeper);
	teardown();
}
