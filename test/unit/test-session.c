/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent's side of the session with a worker.  The findings of a good worker arrive.  A worker
 * that crashes, hangs, lies or writes at a place where a fix does not write causes an error and
 * changes nothing there.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/session.h"
#include "support/sample.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"
#include "windows/plan.h"
#include "worker/budget.h"
#include "worker/message.h"
#include "worker/remote-wire.h"
#include "worker/remote.h"

#define PATIENCE 60000 /* milliseconds: enough for a busy machine */
#define SHORT    300   /* for tests that wait until a silence is too long */

/* Set before the fork: the worker has a copy of them. */
static struct sample sample;
static struct bs_plan *plan;
static struct worker_task task;

static struct session_findings findings;
static struct bs_error err;

static void setup(void)
{
	sample_open_small(&sample, "session", "");
	plan = sample_plan(&sample);
	task = (struct worker_task){.job = WORKER_REHEARSE};
	err = (struct bs_error){0};
}

static void teardown(void)
{
	session_free(&findings);
	bs_plan_free(plan);
	sample_close(&sample);
}

static int run(session_worker *worker, int patience)
{
	return session_run_worker(sample.disk, sample.overlay, &task, worker, patience, &findings,
				  &err);
}

static void assert_error(int result, enum bs_code code, const char *text)
{
	ck_assert_int_eq(result, -1);
	ck_assert_msg(err.code == code && strstr(err.message, text) != NULL, "%s: %s",
		      bs_code_name(err.code), err.message);
}

static void assert_nothing_changed(void)
{
	struct range_vector extents;
	struct bs_error ignored;

	ck_assert_int_eq(overlay_extents(sample.overlay, 1 << 20, &extents, &ignored), 0);
	ck_assert_uint_eq(extents.count, 0);
}

/* ---- the real worker ----------------------------------------------------------------------- */

TEST_CASE(good_worker, "good worker", .setup = setup, .teardown = teardown);

TEST(good_worker, a_rehearsal_brings_an_inspection_a_plan_and_zones)
{
	ck_assert_msg(session_run(sample.disk, sample.overlay, &task, &findings, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(findings.inspection->verdict, BS_VERDICT_FIXABLE);
	ck_assert_ptr_nonnull(findings.plan);
	for (uint32_t i = 0; i < findings.plan->operation_count; i++)
		ck_assert_uint_gt(findings.plan->operations[i].sectors, 0);
	ck_assert_uint_eq(findings.plan->operations[findings.plan->operation_count - 1].sectors, 1);
	ck_assert_uint_ge(findings.zones.count, 11);
	ck_assert_uint_eq(findings.zones.items[0].offset, 0);
	ck_assert_uint_gt(findings.clusters, 0);
}

TEST(good_worker, a_rehearsal_of_an_unsuitable_disk_brings_the_inspection_alone)
{
	sample_write(&sample, 0x1BE, "\0", 1);
	overlay_take_written_sectors(sample.overlay);
	ck_assert_int_eq(session_run(sample.disk, sample.overlay, &task, &findings, &err), 0);
	ck_assert_int_eq(findings.inspection->verdict, BS_VERDICT_UNSUITABLE);
	ck_assert_ptr_null(findings.plan);
	ck_assert_uint_eq(findings.zones.count, 0);
	ck_assert_uint_eq(overlay_take_written_sectors(sample.overlay), 0);
}

TEST(good_worker, an_inspection_writes_nothing)
{
	task.job = WORKER_INSPECT;
	ck_assert_int_eq(session_run(sample.disk, NULL, &task, &findings, &err), 0);
	ck_assert_ptr_nonnull(findings.inspection);
	ck_assert_ptr_null(findings.plan);
	assert_nothing_changed();
}

TEST(good_worker, a_verification_passes_a_fixed_disk_and_fails_another)
{
	task.job = WORKER_VERIFY;
	task.plan = plan;
	task.clusters = sample_stage(&sample, plan);
	ck_assert_msg(session_run(sample.disk, NULL, &task, &findings, &err) == 0, "%s",
		      err.message);
	task.clusters--;
	assert_error(session_run(sample.disk, NULL, &task, &findings, &err), BS_VERIFY, "add up");
	task.clusters++;
	plan->disk_signature++;
	assert_error(session_run(sample.disk, NULL, &task, &findings, &err), BS_WORKER,
		     "another signature");
	plan->disk_signature--;
	sample_write(&sample, 0x1BE, "\x80", 1);
	assert_error(session_run(sample.disk, NULL, &task, &findings, &err), BS_VERIFY, "active");
}

TEST(good_worker, a_session_leaves_no_process_and_no_descriptor_behind)
{
	int before = open_descriptors();

	ck_assert_int_eq(session_run(sample.disk, sample.overlay, &task, &findings, &err), 0);
	ck_assert_int_eq(open_descriptors(), before);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- the confinement of the real worker ---------------------------------------------------- */

#if !defined(__SANITIZE_ADDRESS__) /* they are not confined */

static int given; /* the descriptor that a worker gets of the watched disk; -1: none */
static unsigned watched_reads, unconfined_reads;

static bool is_confined(pid_t worker)
{
	char path[64], line[128] = "";
	bool is_filtered = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", worker);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (!is_filtered && fgets(line, sizeof(line), file))
		is_filtered = strcmp(line, "Seccomp:\t2\n") == 0;
	fclose(file);
	return is_filtered;
}

static int watched_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			struct bs_error *error)
{
	pid_t worker = only_child();

	(void)disk;
	if (worker != 0) { /* the parent reads the partition table before */
		watched_reads++;
		unconfined_reads += !is_confined(worker);
	}
	return disk_read(sample.disk, offset, buffer, length, error);
}

static int watched_descriptor(const struct disk *disk)
{
	(void)disk;
	return given;
}

static const struct disk_operations watched_operations = {.read = watched_read,
							  .descriptor = watched_descriptor};

/* Inspects the sample's disk, and watches the worker meanwhile. */
static int inspect_watched(int descriptor)
{
	struct disk watched = {&watched_operations, disk_size(sample.disk)};

	given = descriptor;
	watched_reads = unconfined_reads = 0;
	task.job = WORKER_INSPECT;
	return session_run(&watched, NULL, &task, &findings, &err);
}

TEST(good_worker, it_is_confined_before_it_gets_the_first_byte)
{
	ck_assert_msg(inspect_watched(-1) == 0, "%s", err.message);
	ck_assert_uint_gt(watched_reads, 0);
	ck_assert_uint_eq(unconfined_reads, 0);
}

TEST(good_worker, one_that_cannot_be_confined_does_not_begin)
{
	int writable = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_gt(writable, 0);
	assert_error(inspect_watched(writable), BS_WORKER, "a descriptor that can write");
	ck_assert_uint_eq(watched_reads, 0);
	ck_assert_ptr_null(findings.inspection);
	close(writable);
}

#endif

/* ---- wrong messages of bad workers --------------------------------------------------------- */

static void say(int socket, enum message_type type, const void *payload, size_t length)
{
	struct bs_error ignored;

	if (remote_send_message(socket, type, payload, length, REMOTE_FOREVER, &ignored) < 0)
		_exit(EXIT_FAILURE);
}

static void say_plan(int socket, enum message_type type)
{
	struct bs_error ignored;
	uint8_t *bytes;
	size_t length;

	if (message_pack_plan(plan, &bytes, &length, &ignored) < 0)
		_exit(EXIT_FAILURE);
	say(socket, type, bytes, length);
	free(bytes);
}

static void hear(int socket, enum message_type type)
{
	struct remote_message message;
	struct bs_error ignored;

	if (remote_receive_message(socket, 64, REMOTE_FOREVER, &message, &ignored) < 0 ||
	    message.type != (uint32_t)type)
		_exit(EXIT_FAILURE);
	free(message.payload);
}

static void say_inspection(int socket)
{
	static const struct bs_inspection inspection = {
		.verdict = BS_VERDICT_UNSUITABLE, .system_index = -1, .boot_index = -1};

	say(socket, MESSAGE_INSPECTION, &inspection, sizeof(inspection));
}

static void say_operation(int socket, uint32_t index)
{
	say(socket, MESSAGE_OPERATION, &index, sizeof(index));
}

static void say_zones(int socket)
{
	const struct range zone = {.length = 512};

	say(socket, MESSAGE_ZONES, &zone, sizeof(zone));
}

/* Sends the messages of a good worker, up to and including a message of this type. */
static void say_until(int socket, enum message_type last)
{
	static const uint64_t clusters = 1;

	if (last == MESSAGE_INSPECTION) {
		say_inspection(socket);
		return;
	}
	say_inspection(socket);
	say_plan(socket, MESSAGE_PLAN);
	hear(socket, MESSAGE_PROCEED);
	for (uint32_t i = 0; i < plan->operation_count && last != MESSAGE_PLAN; i++)
		say_operation(socket, i);
	if (last == MESSAGE_PLAN || last == MESSAGE_OPERATION)
		return;
	say(socket, MESSAGE_CLUSTERS, &clusters, sizeof(clusters));
	if (last == MESSAGE_CLUSTERS)
		return;
	say_zones(socket);
}

/* Writes, and does not wait until more writes can be sent together. */
static int write_at_once(struct remote_end end, uint64_t size, uint64_t offset,
			 const uint8_t *bytes, size_t length, struct bs_error *own)
{
	struct disk *disk = remote_open(end, size, own);
	int result = disk_write(disk, offset, bytes, length, own);

	if (result == 0)
		result = remote_send_writes(disk, own);
	disk_close(disk);
	return result;
}

/* Writes the four flags as planned, except the flag at `index`. */
static void write_flags(struct remote_end end, uint64_t size, uint32_t index, uint8_t flag)
{
	struct bs_error own = {0};

	for (uint32_t i = 0; i < 4; i++) {
		uint8_t byte = i + 1 == plan->boot_number ? 0x80 : 0;

		if (i == index)
			byte = flag;
		(void)!write_at_once(end, size, 0x1BE + 16 * i, &byte, 1, &own);
	}
}
#define AS_PLANNED 4 /* no flag differs */

/* Sends another message, and then stays until the parent gives up. */
#define WORKER(name)                                                                               \
	static void name(struct remote_end end, uint64_t size, const struct worker_task *own_task) \
	{                                                                                          \
		(void)size;                                                                        \
		(void)own_task;                                                                    \
		name##_says(end.socket);                                                           \
		for (;;)                                                                           \
			pause();                                                                   \
	}

static void unknown_type_says(int socket)
{
	say(socket, (enum message_type)99, "", 0);
}
WORKER(unknown_type)

static void answer_of_a_parent_says(int socket)
{
	say(socket, MESSAGE_PROCEED, "", 0);
}
WORKER(answer_of_a_parent)

static void short_inspection_says(int socket)
{
	say(socket, MESSAGE_INSPECTION, "short", 5);
}
WORKER(short_inspection)

static void bad_inspection_says(int socket)
{
	static struct bs_inspection inspection;

	memset(&inspection, 0xFF, sizeof(inspection));
	say(socket, MESSAGE_INSPECTION, &inspection, sizeof(inspection));
}
WORKER(bad_inspection)

static void two_inspections_says(int socket)
{
	say_inspection(socket);
	say_inspection(socket);
}
WORKER(two_inspections)

static void short_plan_says(int socket)
{
	say_inspection(socket);
	say(socket, MESSAGE_PLAN, "short", 5);
}
WORKER(short_plan)

static void huge_plan_says(int socket)
{
	say_inspection(socket);
	plan->file_count = 3; /* of what is sent; the header says more */
	plan->element_count = 0;
	{
		struct bs_plan header = *plan;

		header.file_count = UINT32_MAX;
		say(socket, MESSAGE_PLAN, &header, sizeof(header));
	}
}
WORKER(huge_plan)

static void system_as_boot_says(int socket)
{
	say_inspection(socket);
	plan->boot_number = plan->system_number;
	plan->boot_start = plan->system_start;
	plan->boot_size = plan->system_size;
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(system_as_boot)

static void whole_disk_as_boot_says(int socket)
{
	say_inspection(socket);
	plan->boot_start = 0;
	plan->boot_size = plan->disk_size;
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(whole_disk_as_boot)

static void boot_number_0_says(int socket)
{
	say_inspection(socket);
	plan->boot_number = 0;
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(boot_number_0)

static void boot_number_5_says(int socket)
{
	say_inspection(socket);
	plan->boot_number = 5;
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(boot_number_5)

static void two_plans_says(int socket)
{
	say_until(socket, MESSAGE_PLAN);
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(two_plans)

static void odd_zones_says(int socket)
{
	say_until(socket, MESSAGE_CLUSTERS);
	say(socket, MESSAGE_ZONES, "0123456789", 10);
}
WORKER(odd_zones)

static void zone_outside_says(int socket)
{
	const struct range zone = {.offset = 512, .length = UINT64_MAX};

	say_until(socket, MESSAGE_CLUSTERS);
	say(socket, MESSAGE_ZONES, &zone, sizeof(zone));
}
WORKER(zone_outside)

static void zones_twice_says(int socket)
{
	say_until(socket, MESSAGE_ZONES);
	say_zones(socket);
}
WORKER(zones_twice)

static void odd_clusters_says(int socket)
{
	say_until(socket, MESSAGE_OPERATION);
	say(socket, MESSAGE_CLUSTERS, "0123", 4);
}
WORKER(odd_clusters)

static void clusters_twice_says(int socket)
{
	static const uint64_t clusters = 1;

	say_until(socket, MESSAGE_CLUSTERS);
	say(socket, MESSAGE_CLUSTERS, &clusters, sizeof(clusters));
}
WORKER(clusters_twice)

static void plan_without_inspection_says(int socket)
{
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(plan_without_inspection)

static void staged_without_zones_says(int socket)
{
	say_until(socket, MESSAGE_CLUSTERS);
	say_plan(socket, MESSAGE_STAGED);
}
WORKER(staged_without_zones)

static void operation_without_plan_says(int socket)
{
	say_inspection(socket);
	say_operation(socket, 0);
}
WORKER(operation_without_plan)

static void operation_twice_says(int socket)
{
	say_until(socket, MESSAGE_PLAN);
	say_operation(socket, 0);
	say_operation(socket, 0);
}
WORKER(operation_twice)

static void second_operation_first_says(int socket)
{
	say_until(socket, MESSAGE_PLAN);
	say_operation(socket, 1);
}
WORKER(second_operation_first)

static void one_operation_too_many_says(int socket)
{
	say_until(socket, MESSAGE_OPERATION);
	say_operation(socket, plan->operation_count);
}
WORKER(one_operation_too_many)

static void odd_operation_says(int socket)
{
	say_until(socket, MESSAGE_PLAN);
	say(socket, MESSAGE_OPERATION, "01234567", 8);
}
WORKER(odd_operation)

static void clusters_too_early_says(int socket)
{
	static const uint64_t clusters = 1;

	say_until(socket, MESSAGE_PLAN);
	say_operation(socket, 0);
	say(socket, MESSAGE_CLUSTERS, &clusters, sizeof(clusters));
}
WORKER(clusters_too_early)

static void done_in_the_middle_says(int socket)
{
	say_until(socket, MESSAGE_ZONES);
	say(socket, MESSAGE_DONE, "", 0);
}
WORKER(done_in_the_middle)

static void done_at_once_says(int socket)
{
	say(socket, MESSAGE_DONE, "", 0);
}
WORKER(done_at_once)

static void system_elsewhere_says(int socket)
{
	plan->system_size += 512;
	say_inspection(socket);
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(system_elsewhere)

static void error_without_code_says(int socket)
{
	const struct bs_error none = {.code = BS_OK};

	say(socket, MESSAGE_ERROR, &none, sizeof(none));
}
WORKER(error_without_code)

static void error_of_success_says(int socket)
{
	const struct bs_error note = {.code = BS_NOTE_ROOM, .message = "fine"};

	say(socket, MESSAGE_ERROR, &note, sizeof(note));
}
WORKER(error_of_success)

static const struct {
	session_worker *worker;
	const char *text;
} liars[] = {
	{unknown_type, "unknown type"},
	{answer_of_a_parent, "unknown type"},
	{short_inspection, "wrong length"},
	{bad_inspection, "no sense"},
	{two_inspections, "no place"},
	{short_plan, "no sense"},
	{huge_plan, "no sense"},
	{system_as_boot, "cannot be one"},
	{whole_disk_as_boot, "not in the partition table"},
	{boot_number_0, "not in the partition table"},
	{boot_number_5, "not in the partition table"},
	{two_plans, "no place"},
	{system_elsewhere, "system partition that is not in the partition table"},
	{odd_zones, "no sense"},
	{zone_outside, "outside of the disk"},
	{zones_twice, "no place"},
	{odd_clusters, "wrong length"},
	{clusters_twice, "no place"},
	{plan_without_inspection, "no place"},
	{staged_without_zones, "no place"},
	{operation_without_plan, "no place"},
	{operation_twice, "next one"},
	{second_operation_first, "next one"},
	{one_operation_too_many, "next one"},
	{odd_operation, "wrong length"},
	{clusters_too_early, "before all operations"},
	{done_in_the_middle, "no place"},
	{done_at_once, "no place"},
	{error_without_code, "no sense"},
	{error_of_success, "no sense"},
};

TEST_CASE(bad_workers, "bad workers", .setup = setup, .teardown = teardown);

TEST_EACH(bad_workers, a_worker_that_lies_is_an_error, liars)
{
	assert_error(run(liars[_i].worker, PATIENCE), BS_WORKER, liars[_i].text);
	assert_nothing_changed();
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(bad_workers, a_plan_that_nobody_asked_for_is_an_error)
{
	int result;

	task.job = WORKER_INSPECT;
	result = session_run_worker(sample.disk, NULL, &task, whole_disk_as_boot, PATIENCE,
				    &findings, &err);
	assert_error(result, BS_WORKER, "no place");
}

static void write_entry(unsigned index, uint8_t type, uint32_t first, uint32_t count)
{
	uint8_t entry[16] = {[4] = type};

	store_le32(entry + 8, first);
	store_le32(entry + 12, count);
	sample_write(&sample, 0x1BE + 16 * index, entry, sizeof(entry));
}

static void sends_plan_says(int socket)
{
	say_inspection(socket);
	say_plan(socket, MESSAGE_PLAN);
}
WORKER(sends_plan)

TEST_LOOP(bad_workers, a_boot_partition_that_is_not_the_chosen_one_is_an_error, 0, 2)
{
	if (_i == 0)
		task.options.boot_partition = 3;
	else
		task.options.system_partition = 2;
	assert_error(run(sends_plan, PATIENCE), BS_WORKER, "cannot be one");
}

TEST(bad_workers, an_extended_partition_as_the_boot_partition_is_an_error)
{
	write_entry(2, 0x0F, 195 * 2048, 2048);
	plan->boot_number = 3;
	plan->boot_start = 195ull << 20;
	plan->boot_size = 1 << 20;
	assert_error(run(sends_plan, PATIENCE), BS_WORKER, "cannot be one");
}

TEST(bad_workers, a_boot_partition_that_overlaps_another_is_an_error)
{
	write_entry(2, 0x07, 190 * 2048, 4 * 2048);
	assert_error(run(sends_plan, PATIENCE), BS_WORKER, "overlaps another");
}

TEST(bad_workers, a_boot_partition_with_the_sector_of_the_table_is_an_error)
{
	write_entry(2, 0x07, 0, 2048);
	plan->boot_number = 3;
	plan->boot_start = 0;
	plan->boot_size = 1 << 20;
	assert_error(run(sends_plan, PATIENCE), BS_WORKER, "not in the partition table");
}

TEST(bad_workers, a_place_in_the_extended_partition_is_no_primary_system_partition)
{
	write_entry(2, 0x0F, 195 * 2048, 2048);
	plan->system_start = (195ull << 20) + 512;
	plan->system_size = 512;
	assert_error(run(sends_plan, PATIENCE), BS_WORKER,
		     "system partition that is not in the partition table");
}

TEST(bad_workers, a_plan_for_a_disk_with_another_signature_is_an_error)
{
	plan->disk_signature++;
	assert_error(run(sends_plan, PATIENCE), BS_WORKER, "another signature");
}

TEST(bad_workers, a_plan_for_a_disk_without_a_table_is_an_error)
{
	sample_write(&sample, 510, "\0", 1);
	assert_error(run(sends_plan, PATIENCE), BS_WORKER, "without a partition table");
}

/* ---- how bad workers end ------------------------------------------------------------------- */

/* The signal that ends the worker in the next test. */
static int deadly;

static void crash_says(int socket)
{
	(void)socket;
	signal(deadly, SIG_DFL); /* not the handler of the sanitizer */
	raise(deadly);
}
WORKER(crash)

static void crash_after_a_read(struct remote_end end, uint64_t size,
			       const struct worker_task *own_task)
{
	struct bs_error own;
	uint8_t byte;

	(void)own_task;
	if (disk_read(remote_open(end, size, &own), 0, &byte, 1, &own) == 0)
		crash_says(end.socket);
	_exit(EXIT_FAILURE);
}

#define BAD 4096 /* the offset of a byte that cannot be read */

static void crash_after_a_failed_read(struct remote_end end, uint64_t size,
				      const struct worker_task *own_task)
{
	struct bs_error own;
	uint8_t byte;

	(void)own_task;
	if (disk_read(remote_open(end, size, &own), BAD, &byte, 1, &own) < 0)
		crash_says(end.socket);
	_exit(EXIT_FAILURE);
}

static void crash_after_a_plan_says(int socket)
{
	say_until(socket, MESSAGE_PLAN);
	signal(deadly, SIG_DFL);
	raise(deadly);
}
WORKER(crash_after_a_plan)

static void out_of_memory_says(int socket)
{
	(void)socket;
	_exit(VOLUME_EXIT_NO_MEMORY);
}
WORKER(out_of_memory)

/* The worker stays alive, so the parent has to end it. */
static void closes_says(int socket)
{
	close(socket);
}
WORKER(closes)

static void end_at_once_says(int socket)
{
	(void)socket;
	_exit(EXIT_SUCCESS);
}
WORKER(end_at_once)

static void silence_says(int socket)
{
	(void)socket;
}
WORKER(silence)

static void silence_after_a_plan_says(int socket)
{
	say_until(socket, MESSAGE_PLAN);
}
WORKER(silence_after_a_plan)

static void done_says(int socket)
{
	signal(SIGTERM, SIG_IGN);
	say_inspection(socket);
	say(socket, MESSAGE_DONE, "", 0);
}
WORKER(done)

static const struct {
	int number;
	enum bs_code code;
	const char *text;
} deaths[] = {
	{SIGSEGV, BS_NTFS_DAMAGED, "signal 11"}, {SIGBUS, BS_NTFS_DAMAGED, "signal 7"},
	{SIGFPE, BS_NTFS_DAMAGED, "signal 8"},   {SIGILL, BS_NTFS_DAMAGED, "signal 4"},
	{SIGABRT, BS_NTFS_DAMAGED, "signal 6"},  {SIGXCPU, BS_NTFS_DAMAGED, "form a loop"},
	{SIGSYS, BS_WORKER, "signal 31"}, /* the filter: it did what no worker does */
	{SIGTERM, BS_WORKER, "signal 15"},       {SIGKILL, BS_NO_MEMORY, "killed from outside"},
};

TEST_EACH(bad_workers, a_worker_that_dies_of_the_image_tells_of_a_damaged_one, deaths)
{
	deadly = deaths[_i].number;
	assert_error(run(crash_after_a_read, PATIENCE), deaths[_i].code, deaths[_i].text);
	assert_error(run(crash_after_a_plan, PATIENCE), deaths[_i].code, deaths[_i].text);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

/* Uses more than half a second of processor time, which is rounded to one second. */
static void compute_says(int socket)
{
	(void)socket;
	while (clock() < CLOCKS_PER_SEC * 6 / 10)
		;
	raise(SIGXCPU);
}
WORKER(compute)

TEST(bad_workers, a_limit_of_the_shell_is_no_fault_of_the_image)
{
	struct rlimit before, low;
	int result;

	ck_assert_int_eq(getrlimit(RLIMIT_CPU, &before), 0);
	low = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_CPU, &low), 0);
	result = run(compute, PATIENCE);
	ck_assert_int_eq(setrlimit(RLIMIT_CPU, &before), 0);
	assert_error(result, BS_SYSTEM_LIMIT, "ulimit -t");
}

/* The limit is restored before the test ends, because the leak check opens a file. */
TEST(bad_workers, a_worker_that_cannot_be_started_is_no_bug)
{
	struct rlimit before, none;
	int result;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = run(end_at_once, PATIENCE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_error(result, BS_SYSTEM_LIMIT, "channel");
}

TEST(bad_workers, a_worker_that_dies_before_it_reads_tells_nothing_of_the_image)
{
	deadly = SIGSEGV;
	assert_error(run(crash, PATIENCE), BS_WORKER, "signal 11");
}

TEST(bad_workers, a_worker_that_dies_of_a_failed_read_tells_of_the_disk_and_not_of_damage)
{
	struct memory_disk *memory = memory_disk_open(64 << 10);

	memory->bad = BAD;
	deadly = SIGSEGV;
	task.job = WORKER_INSPECT;
	assert_error(session_run_worker(&memory->disk, NULL, &task, crash_after_a_failed_read,
					PATIENCE, &findings, &err),
		     BS_IO, "a bad sector");
	disk_close(&memory->disk);
}

TEST(bad_workers, a_worker_without_memory_is_no_damaged_image)
{
	assert_error(run(out_of_memory, PATIENCE), BS_NO_MEMORY, "out of memory");
}

TEST(bad_workers, a_worker_that_closes_its_channel_and_lives_is_ended)
{
	assert_error(run(closes, PATIENCE), BS_WORKER, "ended unexpectedly");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(bad_workers, a_worker_that_ends_without_a_word_is_an_error)
{
	assert_error(run(end_at_once, PATIENCE), BS_WORKER, "ended");
}

TEST_LOOP(bad_workers, a_worker_that_hangs_is_ended_and_an_error, 0, 2)
{
	assert_error(run(_i == 0 ? silence : silence_after_a_plan, SHORT), BS_TIMEOUT, "silent");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(bad_workers, a_worker_that_is_done_and_does_not_end_is_ended)
{
	ck_assert_int_eq(run(done, PATIENCE), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- where bad workers write --------------------------------------------------------------- */

static const struct {
	uint64_t offset;
	size_t length;
	bool allowed;
} writes[] = {
	{0, 1, false},     /* boot code */
	{0x1B8, 4, false}, /* disk signature */
	{0x1BE, 1, true},  /* the four flags */
	{0x1CE, 1, true},
	{0x1DE, 1, true},
	{0x1EE, 1, true},
	{0x1BE, 2, false},
	{0x1CE + 4, 1, false}, /* a type */
	{0x1FE, 2, false},     /* signature */
	{512, 512, false},     /* behind the table */
	{SAMPLE_SYSTEM_START, 512, false},
	{SAMPLE_SYSTEM_START + SAMPLE_SYSTEM_SIZE - 1, 1, false},
	{SAMPLE_BOOT_START - 1, 2, false},
	{SAMPLE_BOOT_START, 512, true},
	{SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 512, 512, true},
	{SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - 1, 2, false},
	{SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE, 1, false},
	{(200ull << 20) - 1, 1, false}, /* the disk's last byte */
};
#define WRITES (sizeof(writes) / sizeof(writes[0]))

/* Tries every write.  Returns how many had the result that `allow` and the table say. */
static size_t try_writes(struct remote_end end, uint64_t size, bool allow)
{
	static const uint8_t bytes[512] = {0x80}; /* also a flag byte */
	struct bs_error own = {0};
	size_t expected = 0;

	for (size_t i = 0; i < WRITES; i++) {
		int result =
			write_at_once(end, size, writes[i].offset, bytes, writes[i].length, &own);

		if (allow && writes[i].allowed)
			expected += result == 0;
		else
			expected += result == -1 && own.code == BS_GUARD;
	}
	return expected;
}

static _Noreturn void tell_how_many(int socket, size_t expected)
{
	struct bs_error own = {.code = BS_NTFS};

	snprintf(own.message, sizeof(own.message), "%zu as expected", expected);
	say(socket, MESSAGE_ERROR, &own, sizeof(own));
	_exit(EXIT_SUCCESS);
}

static void writes_without_a_plan(struct remote_end end, uint64_t size,
				  const struct worker_task *own_task)
{
	(void)own_task;
	tell_how_many(end.socket, try_writes(end, size, false));
}

static void writes_with_a_plan(struct remote_end end, uint64_t size,
			       const struct worker_task *own_task)
{
	(void)own_task;
	say_until(end.socket, MESSAGE_PLAN);
	tell_how_many(end.socket, try_writes(end, size, true));
}

static void writes_when_staged(struct remote_end end, uint64_t size,
			       const struct worker_task *own_task)
{
	(void)own_task;
	say_until(end.socket, MESSAGE_ZONES);
	write_flags(end, size, AS_PLANNED, 0);
	say_plan(end.socket, MESSAGE_STAGED);
	tell_how_many(end.socket, try_writes(end, size, false));
}

TEST_LOOP(bad_workers, no_worker_writes_before_its_plan_or_after_the_staging, 0, 2)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu as expected", WRITES);
	assert_error(run(_i == 0 ? writes_without_a_plan : writes_when_staged, PATIENCE), BS_NTFS,
		     text);
	if (_i == 0)
		assert_nothing_changed();
}

TEST(bad_workers, a_worker_with_a_plan_writes_the_flags_and_the_boot_partition_and_nothing_else)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu as expected", WRITES);
	assert_error(run(writes_with_a_plan, PATIENCE), BS_NTFS, text);
}

/* ---- the signature ------------------------------------------------------------------------- */

static const uint8_t announced[4] = {0x0D, 0x0C, 0x0B, 0x0A}, another[4] = {0x0D, 0x0C, 0x0B, 0x0B};

static void plan_signature(bool alone)
{
	struct bs_operation *operation = &plan->operations[plan->operation_count++];

	*operation = (struct bs_operation){.kind = BS_OPERATION_SIGNATURE, .bytes = 4};
	plan->restored_signature = 0x0A0B0C0D;
	if (!alone)
		return;
	plan->operations[0] = *operation;
	plan->operation_count = 1;
	plan->file_count = plan->element_count = 0;
	plan->system_start = plan->boot_start;
	plan->system_size = plan->boot_size;
	plan->system_number = plan->boot_number;
}

static bool alone;

/* Tells how many of seven writes went as they must. */
static void signs(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	static const uint8_t active = 0x80;
	struct bs_error own = {0};
	size_t expected = 0;

	(void)own_task;
	plan_signature(alone);
	say_until(end.socket, MESSAGE_PLAN);
	expected += write_at_once(end, size, 0x1B8, another, 4, &own) < 0;
	expected += write_at_once(end, size, 0x1B8, announced, 3, &own) < 0;
	expected += write_at_once(end, size, 0x1BC, announced, 4, &own) < 0;
	expected += write_at_once(end, size, 0x1B8, announced, 4, &own) == 0;
	expected += write_at_once(end, size, 0x1BE, &active, 1, &own) == (alone ? -1 : 0);
	expected +=
		write_at_once(end, size, SAMPLE_BOOT_START, announced, 4, &own) == (alone ? -1 : 0);
	expected += write_at_once(end, size, SAMPLE_SYSTEM_START, announced, 4, &own) < 0;
	tell_how_many(end.socket, expected);
}

TEST_LOOP(bad_workers, a_worker_writes_no_signature_but_the_announced_one, 0, 2)
{
	alone = _i == 1;
	assert_error(run(signs, PATIENCE), BS_NTFS, "7 as expected");
}

/* ---- boot files that are made anew --------------------------------------------------------- */

/* Makes boot files on the active partition.  Tells how many of two writes went as they must. */
static void rebuilds(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	struct bs_operation *operation = &plan->operations[plan->operation_count++];
	struct bs_error own = {0};
	size_t expected = 0;

	(void)own_task;
	*operation = (struct bs_operation){.kind = BS_OPERATION_STORE};
	plan->boot_number = plan->system_number;
	plan->boot_start = plan->system_start;
	plan->boot_size = plan->system_size;
	say_until(end.socket, MESSAGE_PLAN);
	expected += write_at_once(end, size, SAMPLE_SYSTEM_START, announced, 4, &own) == 0;
	expected += write_at_once(end, size, SAMPLE_BOOT_START, announced, 4, &own) < 0;
	tell_how_many(end.socket, expected);
}

static const struct {
	bool rebuild;
	uint32_t boot_partition; /* the chosen one; 0: none */
	enum bs_code code;
	const char *text;
} choices[] = {
	{false, 0, BS_WORKER, "cannot be one"}, {false, 1, BS_WORKER, "cannot be one"},
	{true, 0, BS_WORKER, "cannot be one"},  {true, 2, BS_WORKER, "cannot be one"},
	{true, 1, BS_NTFS, "2 as expected"},
};

/* The active partition of a disk with two. */
TEST_EACH(bad_workers, only_the_users_choice_opens_the_active_partition, choices)
{
	task.options.rebuild = choices[_i].rebuild;
	task.options.boot_partition = choices[_i].boot_partition;
	assert_error(run(rebuilds, PATIENCE), choices[_i].code, choices[_i].text);
}

/* The choice is for boot files that are made anew, not for files that are copied. */
TEST(bad_workers, a_plan_that_makes_nothing_anew_does_not_open_the_active_partition)
{
	task.options.rebuild = true;
	task.options.boot_partition = 1;
	plan->boot_number = plan->system_number;
	plan->boot_start = plan->system_start;
	plan->boot_size = plan->system_size;
	assert_error(run(sends_plan, PATIENCE), BS_WORKER, "cannot be one");
}

/* A plan for the signature alone; nothing else limits the budget of its worker. */
static const struct {
	uint64_t system_size, boot_size; /* bytes; 0: as it is */
	const char *text;
} sizes_alone[] = {
	{1ull << 60, 1ull << 60, "not in the partition table"},
	{0, 1ull << 60, "not the system partition"},
};

static void plans_the_signature_alone(struct remote_end end, uint64_t size,
				      const struct worker_task *own_task)
{
	(void)size, (void)own_task;
	say_until(end.socket, MESSAGE_PLAN);
	_exit(EXIT_SUCCESS);
}

TEST_EACH(bad_workers, a_plan_for_the_signature_alone_names_a_partition_of_the_table, sizes_alone)
{
	plan_signature(true);
	if (sizes_alone[_i].system_size != 0)
		plan->system_size = sizes_alone[_i].system_size;
	plan->boot_size = sizes_alone[_i].boot_size;
	assert_error(run(plans_the_signature_alone, PATIENCE), BS_WORKER, sizes_alone[_i].text);
}

static void says_done(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	(void)size, (void)own_task;
	say(end.socket, MESSAGE_DONE, "", 0);
	_exit(EXIT_SUCCESS);
}

/* A plan for the signature alone leaves the active flags as they are, so any are good. */
TEST_LOOP(bad_workers, a_verification_is_believed_only_with_the_planned_signature, 0, 2)
{
	plan_signature(true);
	task = (struct worker_task){.job = WORKER_VERIFY, .plan = plan};
	if (_i == 0) {
		assert_error(run(says_done, PATIENCE), BS_WORKER, "another signature");
		return;
	}
	sample_write(&sample, 0x1B8, announced, sizeof(announced));
	ASSERT_OK(run(says_done, PATIENCE));
}

/* The plan announces a signature, but the worker leaves the old one. */
static void signs_not(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	(void)own_task;
	plan_signature(false);
	say_until(end.socket, MESSAGE_ZONES);
	write_flags(end, size, AS_PLANNED, 0);
	say_plan(end.socket, MESSAGE_STAGED);
	for (;;)
		pause();
}

TEST(bad_workers, a_planned_signature_must_be_there_in_the_end)
{
	assert_error(run(signs_not, PATIENCE), BS_WORKER, "or another signature");
}

/* ---- the final state of the flags ---------------------------------------------------------- */

/* The flag that differs from the plan, and its value. */
static uint32_t odd_index;
static uint8_t odd_flag;

static void sends_all(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	(void)own_task;
	say_until(end.socket, MESSAGE_ZONES);
	write_flags(end, size, odd_index, odd_flag);
	say_plan(end.socket, MESSAGE_STAGED);
	say(end.socket, MESSAGE_DONE, "", 0);
	_exit(EXIT_SUCCESS);
}

TEST(bad_workers, a_worker_that_says_all_in_its_order_is_believed)
{
	odd_index = AS_PLANNED;
	ck_assert_msg(run(sends_all, PATIENCE) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(findings.plan);
	ck_assert_uint_eq(findings.plan->operation_count, plan->operation_count);
}

static const struct {
	uint32_t index;
	uint8_t flag;
} odd_flags[] = {
	{1, 0x00}, /* none is active */
	{0, 0x80}, /* two are */
	{3, 0x80}, /* an empty entry is */
	{1, 0x81}, /* XP's boot code stops at these */
	{0, 0x01}, {1, 0xFF},
};

TEST_EACH(bad_workers, no_worker_leaves_other_flags_than_those_of_the_plan, odd_flags)
{
	uint8_t sector[512];

	odd_index = odd_flags[_i].index;
	odd_flag = odd_flags[_i].flag;
	assert_error(run(sends_all, PATIENCE), BS_WORKER, "another partition active");
	ck_assert_ptr_null(findings.plan);
	ck_assert_int_eq(disk_read(sample.disk, 0, sector, sizeof(sector), &err), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_msg(sector[0x1BE + 16 * i] == 0 || sector[0x1BE + 16 * i] == 0x80,
			      "flag %zu is %02x", i, sector[0x1BE + 16 * i]);
}

static void stages_another_plan(struct remote_end end, uint64_t size,
				const struct worker_task *own_task)
{
	(void)own_task;
	say_until(end.socket, MESSAGE_ZONES);
	write_flags(end, size, AS_PLANNED, 0);
	plan->boot_start += 512;
	say_plan(end.socket, MESSAGE_STAGED);
	_exit(EXIT_SUCCESS);
}

TEST(bad_workers, the_staged_plan_is_the_one_that_was_allowed)
{
	assert_error(run(stages_another_plan, PATIENCE), BS_WORKER, "another plan");
	ck_assert_ptr_null(findings.plan);
}

static void speaks_after_the_staging(struct remote_end end, uint64_t size,
				     const struct worker_task *own_task)
{
	(void)own_task;
	say_until(end.socket, MESSAGE_ZONES);
	write_flags(end, size, AS_PLANNED, 0);
	say_plan(end.socket, MESSAGE_STAGED);
	say_plan(end.socket, MESSAGE_STAGED);
	_exit(EXIT_SUCCESS);
}

TEST(bad_workers, after_the_staging_a_worker_has_only_its_end_to_tell)
{
	assert_error(run(speaks_after_the_staging, PATIENCE), BS_WORKER, "no place");
}

/* ---- workers without end ------------------------------------------------------------------- */

#define PIECE (1u << 19)

/* Number of bytes that the parent has answered to the worker; shared with the test. */
static uint64_t *answered;
static uint8_t piece[PIECE];

static struct disk *open_remote(struct remote_end end, uint64_t size)
{
	struct bs_error own;

	return remote_open(end, size, &own);
}

static void reads_for_ever(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	struct disk *disk = open_remote(end, size);
	struct bs_error own;

	(void)own_task;
	/*
	 * Reads until the parent ends the worker.  Reads beyond the end are faster, and count the
	 * same.
	 */
	while (disk_read(disk, 0, piece, PIECE, &own) == 0 && *answered < 64ull * PIECE)
		*answered += PIECE;
	disk->size = UINT64_MAX;
	while (disk_read(disk, size, piece, PIECE, &own) < 0 && own.code == BS_OUT_OF_RANGE &&
	       *answered < 1ull << 36)
		*answered += PIECE;
	pause();
}

/* The same of bytes that the worker cannot read by itself. */
static void asks_for_ever(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	end.local = NULL;
	reads_for_ever(end, size, own_task);
}

static void writes_for_ever(struct remote_end end, uint64_t size,
			    const struct worker_task *own_task)
{
	struct disk *disk = open_remote(end, size);
	struct bs_error own;

	(void)own_task;
	say_until(end.socket, MESSAGE_PLAN);
	while (disk_write(disk, SAMPLE_BOOT_START, piece, PIECE, &own) == 0 &&
	       remote_send_writes(disk, &own) == 0)
		*answered += PIECE;
	pause();
}

static void is_refused_for_ever(struct remote_end end, uint64_t size,
				const struct worker_task *own_task)
{
	struct bs_error own;

	(void)own_task;
	while (write_at_once(end, size, SAMPLE_SYSTEM_START, piece, 512, &own) < 0 &&
	       own.code == BS_GUARD)
		*answered += 512;
	pause();
}

static void flushes_for_ever(struct remote_end end, uint64_t size,
			     const struct worker_task *own_task)
{
	struct disk *disk = open_remote(end, size);
	struct bs_error own;

	(void)own_task;
	while (disk_flush(disk, &own) == 0)
		*answered += 1;
	pause();
}

static const struct {
	session_worker *worker;
	const char *text;
	bool with_plan;
} endless[] = {
	{reads_for_ever, "reads more", false},    {asks_for_ever, "reads more", false},
	{writes_for_ever, "writes more", true},   {is_refused_for_ever, "writes more", false},
	{flushes_for_ever, "writes more", false},
};

static uint64_t *share(void)
{
	void *page = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
	return page;
}

TEST_CASE(endless_workers, "endless workers", .setup = setup, .teardown = teardown);

TEST_EACH(endless_workers, a_worker_that_asks_without_end_has_a_budget, endless)
{
	struct budget budget = budget_for_disk(task.job, disk_size(sample.disk), PATIENCE);

	answered = share();
	if (endless[_i].with_plan)
		budget_add_plan(&budget, WORKER_REHEARSE, plan);
	assert_error(run(endless[_i].worker, PATIENCE), BS_NTFS_DAMAGED, endless[_i].text);
	ck_assert_uint_gt(*answered, 0);
	ck_assert_uint_le(*answered, strcmp(endless[_i].text, "reads more") == 0
					     ? budget.read + REMOTE_ACCOUNT_MAX
					     : budget.write);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

static void drips(struct remote_end end, uint64_t size, const struct worker_task *own_task)
{
	struct disk *disk = open_remote(end, size);
	struct bs_error own;

	(void)own_task;
	while (disk_read(disk, 0, piece, 1, &own) == 0) {
		*answered += 1;
		usleep(1000ul * SHORT / 20);
	}
	pause();
}

TEST(endless_workers, a_worker_that_asks_now_and_then_has_a_time_for_all)
{
	answered = share();
	assert_error(run(drips, SHORT), BS_TIMEOUT, "");
	ck_assert_uint_gt(*answered, 1);
}

#define MILLION 1000000u

static void sends_a_million_zones_says(int socket)
{
	struct range *zones = calloc(MILLION, sizeof(*zones));

	say_until(socket, MESSAGE_CLUSTERS);
	say(socket, MESSAGE_ZONES, zones, MILLION * sizeof(*zones));
	free(zones);
}
WORKER(sends_a_million_zones)

static void sends_the_disk_as_a_zone(struct remote_end end, uint64_t size,
				     const struct worker_task *own_task)
{
	const struct range zone = {.offset = 0, .length = size};

	(void)own_task;
	say_until(end.socket, MESSAGE_CLUSTERS);
	say(end.socket, MESSAGE_ZONES, &zone, sizeof(zone));
	pause();
}

TEST_LOOP(endless_workers, zones_are_no_more_than_two_volumes_can_have, 0, 2)
{
	assert_error(run(_i == 0 ? sends_a_million_zones : sends_the_disk_as_a_zone, PATIENCE),
		     BS_NTFS_DAMAGED, "in more pieces");
}
