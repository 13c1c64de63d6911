/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts disks in QEMU, small guests of a few instructions among them; and starts scripts instead
 * of QEMU, which try what the cage forbids or speak wrongly.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/file.h"
#include "machine/machine-disk.h"
#include "machine/machine.h"
#include "support/images.h"
#include "support/program.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define SIZE (1u << 20)

static struct memory_disk *memory;
static struct machine_trace trace;
static struct machine_outcome result;
static struct bs_error err;

static void setup(void)
{
	memory = memory_disk_open(SIZE);
	trace = (struct machine_trace){NULL, 0, 0};
	result = (struct machine_outcome){.picture = NULL};
}

static void teardown(void)
{
	machine_outcome_free(&result);
	machine_trace_free(&trace);
	disk_close(&memory->disk);
}

/* ---- the view of the disk ------------------------------------------------------------------ */

TEST_CASE(view, "view", .setup = setup, .teardown = teardown);

/* Blocks have 4096 bytes. */
TEST(view, writes_stay_above_the_disk_until_they_are_too_many)
{
	struct disk *disk = machine_disk_open(&memory->disk, 3 * 4096, &err);
	uint8_t byte, first = memory->bytes[4095];

	ck_assert_ptr_nonnull(disk);
	ck_assert_uint_eq(disk_size(disk), SIZE);
	ck_assert_int_eq(disk_write(disk, 4095, "ab", 2, &err), 0); /* two blocks */
	ck_assert_int_eq(disk_write(disk, 4095, "c", 1, &err), 0);
	ck_assert_int_eq(disk_write(disk, 4095, "d", 1, &err), -1);
	ck_assert_int_eq(err.code, BS_NO_SPACE);
	ck_assert_int_eq(disk_read(disk, 4095, &byte, 1, &err), 0);
	ck_assert_uint_eq(byte, 'c');
	ck_assert_uint_eq(memory->bytes[4095], first);
	ck_assert_uint_eq(memory->writes, 0);
	disk_close(disk);
}

/* ---- guests -------------------------------------------------------------------------------- */

/* The watcher ends the machine when a guest has read this sector. */
#define LAST_SECTOR 9

static enum machine_wish until_last_sector(void *context, const struct machine_access *accesses,
					   size_t count, uint64_t now)
{
	bool *seen = context;

	(void)now;
	for (size_t i = 0; i < count; i++)
		*seen |= !accesses[i].writes && accesses[i].offset == LAST_SECTOR * SECTOR_SIZE;
	return *seen ? MACHINE_ENDS : MACHINE_GOES_ON;
}

#define LOOP "\xEB\xFE"

/* Transfers AL sectors from sector CL - 1 on; AH: 2 reads, 3 writes. */
#define TRANSFER(ah, al, cl) "\xB4" ah "\xB0" al "\xB9" cl "\x00\xBB\x00\x7E\xB6\x00\xCD\x13"
#define READ(cl)             TRANSFER("\x02", "\x01", cl)
#define READ_LAST            READ("\x0A")

/* Starts a guest, which the BIOS loads from the first sector. */
static int run_guest(const char *code, size_t length, unsigned seconds, bool *seen)
{
	const struct machine_request request = {
		.disk = &memory->disk,
		.seconds = seconds,
		.watch = until_last_sector,
		.context = seen,
	};

	ck_assert_uint_lt(length, 446);
	memset(memory->bytes, 0, SECTOR_SIZE);
	memcpy(memory->bytes, code, length);
	store_le16(memory->bytes + 510, 0xAA55);
	return machine_run(&request, &trace, &result, &err);
}

#define RUN_GUEST(code, seconds, seen)                                                             \
	ck_assert_msg(run_guest(code, sizeof(code) - 1, seconds, seen) == 0, "%s", err.message)

TEST_CASE(guests, "guests", .setup = setup, .teardown = teardown);

TEST(guests, what_a_guest_writes_is_told_and_vanishes)
{
	bool seen = false;

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	RUN_GUEST(TRANSFER("\x03", "\x02", "\x05") READ_LAST LOOP, 60, &seen);
	ck_assert(seen);
	ck_assert_int_eq(result.end, MACHINE_ENDED_BY_WATCHER);
	ck_assert_uint_eq(memory->writes, 0);
	ck_assert_uint_ge(trace.count, 3);
	ck_assert_uint_eq(trace.items[0].offset, 0);
	ck_assert(!trace.items[0].writes);
	ck_assert(trace.items[trace.count - 2].writes);
	ck_assert_uint_eq(trace.items[trace.count - 2].offset, 4 * SECTOR_SIZE);
	ck_assert_uint_eq(trace.items[trace.count - 2].length, 2 * SECTOR_SIZE);
	ck_assert_uint_eq(trace.items[trace.count - 1].offset, LAST_SECTOR * SECTOR_SIZE);
	for (size_t i = 1; i < trace.count; i++)
		ck_assert_uint_ge(trace.items[i].microseconds, trace.items[i - 1].microseconds);
}

/* The guest writes 127 sectors again and again until the BIOS reports an error. */
TEST(guests, a_guest_that_writes_without_end_gets_an_error)
{
	bool seen = false;

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	RUN_GUEST(TRANSFER("\x03", "\x7F", "\x02") "\x73\xF0" READ_LAST LOOP, 60, &seen);
	ck_assert(seen);
	ck_assert_uint_gt(trace.count, 500);
	ck_assert_uint_eq(memory->writes, 0);
}

/* The guest asks for a key (INT 16h), and then for the last sector. */
TEST(guests, a_guest_that_waits_for_a_key_gets_one)
{
	bool seen = false;

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	RUN_GUEST("\x52\xB4\x00\xCD\x16\x5A\x3C\x0D\x75\xFE" READ_LAST LOOP, 60, &seen);
	ck_assert(seen);
	ck_assert_uint_ge(result.keys, 1);
}

static const struct {
	const char *what, *code;
	size_t length;
	enum machine_end end;
} ends[] = {
#define END(what, code, end)                                                                       \
	{                                                                                          \
		what, code, sizeof(code) - 1, end                                                  \
	}
	END("a loop", LOOP, MACHINE_TIMED_OUT),
	END("the keyboard's controller restarts", "\xB0\xFE\xE6\x64" LOOP, MACHINE_RESET_LOOP),
	END("a triple fault", "\xFA\x0F\x01\x1E\x10\x7C\xCD\x03" LOOP "\0\0\0\0\0\0\0\0",
	    MACHINE_RESET_LOOP),
	END("ACPI switches off", "\xBA\x04\x06\xB8\x00\x20\xEF" LOOP, MACHINE_STOPPED),
};

TEST_EACH(guests, a_machine_ends_as_the_guest_ends, ends)
{
	unsigned seconds = ends[_i].end == MACHINE_TIMED_OUT ? 1 : 60;
	bool seen = false;

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	ck_assert_int_eq(run_guest(ends[_i].code, ends[_i].length, seconds, &seen), 0);
	ck_assert_msg(result.end == ends[_i].end, "%s: %d", ends[_i].what, result.end);
	ck_assert(!seen);
	ck_assert_uint_le(result.microseconds, 60 * 1000000ull);
}

TEST(guests, an_error_of_the_disk_is_told)
{
	bool seen = false;

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	memory->failure = BS_IO;
	ck_assert_int_eq(run_guest(LOOP, 2, 1, &seen), -1);
	ck_assert_int_eq(err.code, BS_IO);
}

/* ---- a sample ------------------------------------------------------------------------------ */

TEST_CASE(sample, "sample", .setup = setup, .teardown = teardown);

static enum machine_wish until_sleep(void *context, const struct machine_access *accesses,
				     size_t count, uint64_t now)
{
	uint64_t *last = context;

	if (count > 0)
		*last = accesses[count - 1].microseconds;
	return *last > 0 && now > *last + 500000 ? MACHINE_ENDS : MACHINE_GOES_ON;
}

/* The start of partition 1, which is the system volume. */
#define SYSTEM_START (1u << 20)

TEST(sample, a_start_reads_the_boot_chain_in_its_order_and_shows_the_screen)
{
	struct disk *disk =
		file_open(open(image_built("windows-7", false), O_RDONLY | O_CLOEXEC), &err);
	uint64_t last = 0, furthest = 0;
	const struct machine_request request = {
		.disk = disk,
		.seconds = 60,
		.takes_picture = true,
		.watch = until_sleep,
		.context = &last,
	};

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	ck_assert_ptr_nonnull(disk);
	ck_assert_msg(machine_run(&request, &trace, &result, &err) == 0, "%s", err.message);
	ck_assert_uint_gt(trace.count, 20);
	ck_assert_uint_eq(trace.items[0].offset, 0);
	ck_assert_uint_eq(trace.items[1].offset, SYSTEM_START);
	ck_assert_uint_eq(trace.items[2].offset, SYSTEM_START + SECTOR_SIZE);
	for (size_t i = 0; i < trace.count; i++) {
		ck_assert(!trace.items[i].writes);
		furthest = max_u64(furthest, trace.items[i].offset);
	}
	ck_assert_uint_gt(furthest, 101 * SYSTEM_START); /* the loader, on the other partition */
	ck_assert_uint_gt(result.picture_length, 1000);
	ck_assert_mem_eq(result.picture, "\x89PNG\r\n\x1a\n", 8);
	disk_close(disk);
}

/* ---- nothing is left ----------------------------------------------------------------------- */

/* Returns a descriptor for the first child of a process, which waits until it is there. */
static int open_child_of(pid_t parent)
{
	const char *path = text("/proc/%d/task/%d/children", (int)parent, (int)parent);
	int child = 0;

	for (int tries = 0; tries < 1000 && child == 0; tries++) {
		FILE *file = fopen(path, "re");

		if (file == NULL || fscanf(file, "%d", &child) != 1)
			usleep(10000);
		if (file != NULL)
			fclose(file);
	}
	ck_assert_int_ne(child, 0);
	return pidfd_open(child, 0);
}

static enum machine_wish tell_and_go_on(void *context, const struct machine_access *accesses,
					size_t count, uint64_t now)
{
	const int *channel = context;

	(void)accesses;
	(void)now;
	if (count > 0)
		ck_assert_int_eq(write(*channel, "x", 1), 1);
	return MACHINE_GOES_ON;
}

TEST_CASE(nothing_left, "nothing is left", .setup = setup, .teardown = teardown);

TEST(nothing_left, when_the_parent_is_killed_qemu_ends)
{
	int channel[2], qemu;
	struct pollfd waiting = {.events = POLLIN};
	const struct machine_request request = {
		.disk = &memory->disk,
		.seconds = 600,
		.watch = tell_and_go_on,
		.context = &channel[1],
	};
	pid_t parent;
	char byte;

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	ck_assert_int_eq(pipe(channel), 0);
	parent = fork();
	if (parent == 0) {
		(void)!machine_run(&request, NULL, &result, &err);
		_exit(0);
	}
	ck_assert_int_eq(read(channel[0], &byte, 1), 1); /* the guest runs */
	qemu = open_child_of(parent);
	ck_assert_int_ge(qemu, 0);
	waiting.fd = qemu;
	ck_assert_int_eq(poll(&waiting, 1, 0), 0);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	ck_assert_int_eq(poll(&waiting, 1, 10000), 1);
	close(qemu);
}

/* ---- scripts instead of QEMU --------------------------------------------------------------- */

/* The cage runs programs as a user without rights, who has to find the script. */
static void install_script(const char *content)
{
	const char *folder = test_folder(), *path = text("%s/qemu-system-x86_64", folder);
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/bash\n%s\n", content);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(chmod(folder, 0711), 0);
	ck_assert_int_eq(chmod(images_folder(), 0711), 0);
	setenv("PATH", folder, 1);
}

static int run_script(const char *content)
{
	const struct machine_request request = {.disk = &memory->disk, .seconds = 1};

	install_script(content);
	return machine_run(&request, NULL, &result, &err);
}

TEST_CASE(cage, "cage", .setup = setup, .teardown = teardown);

/* Anybody may read /etc/passwd and write to /tmp, but not in the cage. */
static const struct {
	const char *attempt, *reason;
} attempts[] = {
	{": </etc/passwd", "/etc/passwd: Permission denied"},
	{": >/tmp/bootshift-test", "/tmp/bootshift-test: Read-only file system"},
	{": >/dev/shm/bootshift-test", "/dev/shm/bootshift-test: Read-only file system"},
	{": 9<>/dev/tcp/127.0.0.1/1", "Operation not permitted"},
	{"(:)", "fork: Operation not permitted"},
	{"ulimit -f unlimited", "cannot modify limit"},
	{"ulimit -v unlimited", "cannot modify limit"},
	{"ulimit -t unlimited", "cannot modify limit"},
	{"kill -0 2", "No such process"},
	{"echo \"user $EUID, process $$\" >&2; false", "user 65534, process 1"},
	{"[[ -e /dev/fd/6 ]]", "status 1"},
};

TEST_EACH(cage, a_program_in_it_cannot_do_what_qemu_does_not_need, attempts)
{
	ck_assert_int_eq(run_script(text("%s && echo succeeded >&2\nexit 1", attempts[_i].attempt)),
			 -1);
	ck_assert_int_eq(err.code, BS_MACHINE_UNUSABLE);
	ASSERT_HAS(err.message, attempts[_i].reason);
	ASSERT_HAS_NOT(err.message, "succeeded");
}

TEST(cage, a_machine_whose_qemu_is_not_installed_is_refused)
{
	const struct machine_request request = {.disk = &memory->disk, .seconds = 1};

	setenv("PATH", test_folder(), 1);
	ck_assert_int_eq(machine_run(&request, NULL, &result, &err), -1);
	ck_assert_int_eq(err.code, BS_MACHINE_UNUSABLE);
	ck_assert_str_eq(err.message, "qemu-system-x86_64 is not installed");
}

/* ---- conversations ------------------------------------------------------------------------- */

/* Parts of scripts: the greeting, an answer to a command, an event. */
#define SAY(words)   "printf '" words "\\n' >&4\n"
#define GREETING     SAY("{\"QMP\": {}}")
#define HEAR         "read -r -u 4 command\n"
#define ANSWER       HEAR SAY("{\"return\": {\"enabled\": true}}")
#define BEGIN        GREETING ANSWER ANSWER ANSWER
#define EVENT(words) SAY("{\"timestamp\": {}, \"event\": " words "}")
#define STAY         "while read -r -u 4 command; do " SAY("{\"return\": {}}") "done\n"

TEST_CASE(conversation, "conversation", .setup = setup, .teardown = teardown);

static const struct {
	const char *script, *message;
} failures[] = {
	{"echo 'cannot load the BIOS' >&2\nexit 1",
	 "QEMU ended with status 1: cannot load the BIOS"},
	{GREETING ANSWER HEAR SAY("{\"error\": {\"desc\": \"not so\"}}") STAY,
	 "QEMU refuses a command: {\"error\": {\"desc\": \"not so\"}}"},
	{BEGIN "echo 'out of memory' >&2\nexit 3", "QEMU ended with status 3: out of memory"},
	{BEGIN "exec 4>&-\nexec 4<&-\nwhile :; do :; done", "QEMU does not answer"},
};

TEST_EACH(conversation, a_failure_of_qemu_is_told_in_its_words, failures)
{
	ck_assert_int_eq(run_script(failures[_i].script), -1);
	ck_assert_int_eq(err.code, BS_MACHINE_UNUSABLE);
	ck_assert_str_eq(err.message, failures[_i].message);
}

static const struct {
	const char *script;
	enum machine_end end;
} events[] = {
	{BEGIN STAY, MACHINE_TIMED_OUT},
	{BEGIN EVENT("\"SHUTDOWN\", \"data\": {\"reason\": \"guest-reset\"}") STAY,
	 MACHINE_RESET_LOOP},
	{BEGIN EVENT("\"SHUTDOWN\", \"data\": {\"reason\": \"guest-shutdown\"}") STAY,
	 MACHINE_STOPPED},
	{BEGIN EVENT("\"GUEST_PANICKED\"") STAY, MACHINE_STOPPED},
	/* An event before the start counts as well; what is no line of QMP does not. */
	{GREETING SAY("nonsense \\001\\377 {{{") ANSWER ANSWER EVENT("\"GUEST_PANICKED\"")
		 ANSWER STAY,
	 MACHINE_STOPPED},
	/* The words of an event behind a long text are not seen, and the next line is. */
	{BEGIN "x=xxxxxxxxxxxxxxxx; x=$x$x$x$x; x=$x$x$x$x; x=$x$x$x$x\n"
	       "printf '%s \"event\": \"SHUTDOWN\"\\n' $x >&4\n" EVENT("\"RESUME\"") STAY,
	 MACHINE_TIMED_OUT},
};

static void note_stage(void *context, enum machine_stage stage)
{
	enum machine_stage *next = context;

	ck_assert_int_eq(stage, *next);
	(*next)++;
}

TEST(conversation, a_machine_waits_for_its_turn_and_then_starts)
{
	enum machine_stage next = MACHINE_WAITS;
	const struct machine_request request = {
		.disk = &memory->disk,
		.seconds = 60,
		.tell = note_stage,
		.context = &next,
	};

	install_script(BEGIN EVENT("\"GUEST_PANICKED\"") STAY);
	ck_assert_msg(machine_run(&request, NULL, &result, &err) == 0, "%s", err.message);
	ck_assert_int_eq(next, MACHINE_STARTS + 1);
}

TEST_EACH(conversation, an_event_ends_the_machine, events)
{
	ck_assert_msg(run_script(events[_i].script) == 0, "%s", err.message);
	ck_assert_int_eq(result.end, events[_i].end);
	ck_assert(result.kvm);
	ck_assert_uint_eq(result.keys, 0);
}
