/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker that an image has taken over.  It knows everything that the real worker knows, and does
 * what it can to change what it must not change, to keep its parent busy, or to pass a lie off as a
 * result.
 *
 * In the first part the act comes within a whole fix of an image: nothing may be left of it.  The
 * test program is linked with another worker_run() (--wrap, in the Makefile).  In the second part
 * only a session runs, so that a test sees what reached the disk.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/session.h"
#include "support/sample.h"
#include "support/state.h"
#include "util/bytes.h"
#include "windows/plan.h"
#include "worker/budget.h"
#include "worker/confine.h"
#include "worker/message.h"
#include "worker/remote-wire.h"

/* What the worker knows; set before the fork. */
static struct sample sample;
static struct survey *survey;
static struct bs_plan *plan;

static struct bs_error ignored;

/* ---- the other worker_run() ----------------------------------------------------------------- */

static session_worker *hostile; /* NULL: the real worker */
static enum worker_job hostile_job;

_Noreturn void __real_worker_run(struct remote_end end, uint64_t size,
				 const struct worker_task *task);
_Noreturn void __wrap_worker_run(struct remote_end end, uint64_t size,
				 const struct worker_task *task);

_Noreturn void __wrap_worker_run(struct remote_end end, uint64_t size,
				 const struct worker_task *task)
{
	if (!hostile || task->job != hostile_job)
		__real_worker_run(end, size, task);
	hostile(end, size, task);
	/* The channel stays open, so the parent has to end this process. */
	for (;;)
		pause();
}

/* ---- what a hostile worker says -------------------------------------------------------------- */

static void say(int socket, uint32_t type, const void *payload, size_t length)
{
	(void)!remote_send_message(socket, type, payload, length, REMOTE_FOREVER, &ignored);
}

static void say_inspection(int socket)
{
	say(socket, MESSAGE_INSPECTION, &survey->report, sizeof(survey->report));
}

static void say_plan(int socket, uint32_t type)
{
	uint8_t *bytes;
	size_t length;

	if (message_pack_plan(plan, &bytes, &length, &ignored) < 0)
		_exit(EXIT_FAILURE);
	say(socket, type, bytes, length);
	free(bytes);
}

static void hear_proceed(int socket)
{
	struct remote_message message;

	if (remote_receive_message(socket, 64, REMOTE_FOREVER, &message, &ignored) < 0)
		_exit(EXIT_FAILURE);
	free(message.payload);
}

static void say_operation(int socket, uint32_t index)
{
	say(socket, MESSAGE_OPERATION, &index, sizeof(index));
}

static void say_clusters(int socket)
{
	const uint64_t clusters = 1;

	say(socket, MESSAGE_CLUSTERS, &clusters, sizeof(clusters));
}

static void say_zones(int socket)
{
	const struct range zone = {.length = 512};

	say(socket, MESSAGE_ZONES, &zone, sizeof(zone));
}

/* Sends what a good worker sends in a rehearsal, until the parent is in this state. */
static void say_until(int socket, enum session_state state)
{
	if (state >= SESSION_INSPECTED)
		say_inspection(socket);
	if (state >= SESSION_ALLOWED) {
		say_plan(socket, MESSAGE_PLAN);
		hear_proceed(socket);
	}
	for (uint32_t i = 0; i < plan->operation_count && state >= SESSION_COUNTED; i++)
		say_operation(socket, i);
	if (state >= SESSION_COUNTED)
		say_clusters(socket);
	if (state >= SESSION_ZONED)
		say_zones(socket);
	if (state >= SESSION_STAGED)
		say_plan(socket, MESSAGE_STAGED);
}

/* Returns what became of the write: BS_OK, or why the parent refused it. */
static enum bs_code try_write(struct remote_end end, uint64_t offset, const void *bytes,
			      size_t length)
{
	/* As this end sees it, the disk has no end. */
	struct disk *disk = remote_open(end, UINT64_MAX, &ignored);
	struct bs_error own = {.code = BS_OK};

	if (disk_write(disk, offset, bytes, length, &own) == 0)
		(void)!remote_send_writes(disk, &own);
	disk_close(disk);
	return own.code;
}

static void write_planned_flags(struct remote_end end)
{
	for (uint32_t i = 0; i < 4; i++)
		try_write(end, 0x1BE + 16 * i, i + 1 == plan->boot_number ? "\x80" : "", 1);
}

/* ---- acts within a fix ----------------------------------------------------------------------- */

static uint8_t piece[REMOTE_READ_MAX];

/* "For ever" has an end, so that a test of a parent without a budget fails, and does not hang. */
#define TURNS 300000

#define ACT(name)                                                                                  \
	static void name(struct remote_end end, uint64_t size, const struct worker_task *own)
#define UNUSED (void)end, (void)size, (void)own

ACT(reads_for_ever)
{
	struct disk *disk = remote_open(end, UINT64_MAX, &ignored);

	UNUSED;
	/* A read beyond the end costs the same, and is faster. */
	for (int i = 0; i < TURNS && disk_read(disk, size, piece, sizeof(piece), &ignored) < 0 &&
			ignored.code == BS_OUT_OF_RANGE;
	     i++)
		;
	_exit(EXIT_SUCCESS);
}

ACT(writes_for_ever)
{
	UNUSED;
	say_until(end.socket, SESSION_ALLOWED);
	for (int i = 0;
	     i < TURNS && try_write(end, plan->boot_start, piece, REMOTE_WRITE_MAX) == BS_OK; i++)
		;
	_exit(EXIT_SUCCESS);
}

ACT(is_refused_for_ever)
{
	UNUSED;
	for (int i = 0; i < TURNS && try_write(end, plan->system_start, piece, 512) == BS_GUARD;
	     i++)
		;
	_exit(EXIT_SUCCESS);
}

/* Each request is answered, and none has a byte. */
static _Noreturn void ask_for_nothing(int socket, enum remote_kind kind, int turns)
{
	const struct remote_header request = {.kind = kind};
	struct remote_header answer;

	for (int i = 0; i < turns; i++)
		if (remote_send(socket, &request, NULL, 0, REMOTE_FOREVER, &ignored) < 0 ||
		    remote_receive_header(socket, &answer, REMOTE_FOREVER, &ignored) < 0)
			break;
	_exit(EXIT_SUCCESS);
}

ACT(writes_nothing_for_ever)
{
	UNUSED;
	ask_for_nothing(end.socket, REMOTE_WRITES, 1000);
}

ACT(reads_nothing_for_ever)
{
	UNUSED;
	ask_for_nothing(end.socket, REMOTE_READ, TURNS);
}

ACT(has_zones_for_ever)
{
	const size_t length = MESSAGE_MAX / sizeof(struct range) * sizeof(struct range);
	struct range *zones = calloc(1, length);

	UNUSED;
	say_until(end.socket, SESSION_COUNTED);
	say(end.socket, MESSAGE_ZONES, zones, length);
}

ACT(has_the_disk_as_a_zone)
{
	const struct range zone = {.length = size};

	UNUSED;
	say_until(end.socket, SESSION_COUNTED);
	say(end.socket, MESSAGE_ZONES, &zone, sizeof(zone));
}

ACT(announces_a_message_without_end)
{
	const struct remote_header header = {
		.kind = REMOTE_MESSAGE, .detail = MESSAGE_PLAN, .length = UINT64_MAX};

	UNUSED;
	say_inspection(end.socket);
	(void)!remote_send(end.socket, &header, NULL, 0, REMOTE_FOREVER, &ignored);
}

ACT(announces_a_message_that_is_just_too_long)
{
	const struct remote_header header = {
		.kind = REMOTE_MESSAGE, .detail = MESSAGE_PLAN, .length = MESSAGE_MAX + 1};

	UNUSED;
	say_inspection(end.socket);
	(void)!remote_send(end.socket, &header, NULL, 0, REMOTE_FOREVER, &ignored);
}

ACT(closes_in_a_header)
{
	UNUSED;
	(void)!write(end.socket, "bBSR", 4);
	close(end.socket);
}

ACT(closes_in_a_payload)
{
	const struct remote_header header = {.kind = REMOTE_MESSAGE,
					     .detail = MESSAGE_INSPECTION,
					     .length = sizeof(survey->report)};

	UNUSED;
	(void)!remote_send(end.socket, &header, &survey->report, 100, REMOTE_FOREVER, &ignored);
	close(end.socket);
}

ACT(closes_between_messages)
{
	UNUSED;
	say_until(end.socket, SESSION_ZONED);
	close(end.socket);
}

ACT(stages_nothing)
{
	UNUSED;
	say_until(end.socket, SESSION_STAGED);
	say(end.socket, MESSAGE_DONE, "", 0);
}

/* The parent sees the flags, but not the files. */
ACT(stages_flags_alone)
{
	UNUSED;
	say_until(end.socket, SESSION_ZONED);
	write_planned_flags(end);
	say_plan(end.socket, MESSAGE_STAGED);
	say(end.socket, MESSAGE_DONE, "", 0);
}

ACT(stages_another_plan)
{
	UNUSED;
	say_until(end.socket, SESSION_ZONED);
	write_planned_flags(end);
	plan->operation_count--;
	say_plan(end.socket, MESSAGE_STAGED);
}

ACT(plans_to_write_to_the_system_partition)
{
	UNUSED;
	plan->boot_number = plan->system_number;
	plan->boot_start = plan->system_start;
	plan->boot_size = plan->system_size;
	say_until(end.socket, SESSION_ALLOWED);
}

ACT(plans_to_write_everywhere)
{
	UNUSED;
	plan->boot_start = 0;
	plan->boot_size = size;
	say_until(end.socket, SESSION_ALLOWED);
}

ACT(plans_a_partition_that_wraps_around)
{
	UNUSED;
	plan->boot_size = UINT64_MAX - plan->boot_start + 2;
	say_until(end.socket, SESSION_ALLOWED);
}

/* The process needs the channel alone, so the parent never gets a descriptor. */
ACT(sends_descriptors)
{
	struct remote_header header = {.kind = REMOTE_MESSAGE, .detail = 99, .length = 0};
	union {
		char bytes[CMSG_SPACE(200 * sizeof(int))];
		struct cmsghdr alignment;
	} control = {0};
	uint8_t bytes[REMOTE_HEADER_SIZE];
	struct iovec part = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	UNUSED;
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(200 * sizeof(int));
	for (size_t i = 0; i < 200; i++)
		memcpy(CMSG_DATA(rights) + i * sizeof(int), &end.socket, sizeof(int));
	remote_encode_header(&header, bytes);
	if (sendmsg(end.socket, &message, MSG_NOSIGNAL) < 0)
		_exit(EXIT_FAILURE);
}

ACT(says_that_all_is_well)
{
	UNUSED;
	say(end.socket, MESSAGE_DONE, "", 0);
}

ACT(says_that_an_interrupted_commit_is_there)
{
	const struct bs_error lie = {.code = BS_RECOVERY_REQUIRED, .message = "undo it"};

	UNUSED;
	say(end.socket, MESSAGE_ERROR, &lie, sizeof(lie));
}

#if !defined(__SANITIZE_ADDRESS__) /* they are not confined */
static void confine(const struct remote_end *end, uint64_t size, uint64_t seconds)
{
	const struct confine_limits limits = {.memory = budget_memory(size), .seconds = seconds};
	const int kept[CONFINE_KEPT] = {[CONFINE_SOCKET] = end->socket};

	if (confine_self(kept, &limits, &ignored) < 0)
		_exit(EXIT_FAILURE);
}

ACT(takes_all_memory)
{
	uint64_t taken = 0;

	confine(&end, size, 10);
	(void)own;
	while (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED)
		taken += 1 << 20;
	_exit(taken <= budget_memory(size) ? VOLUME_EXIT_NO_MEMORY : EXIT_FAILURE);
}

ACT(opens_a_file)
{
	confine(&end, size, 10);
	(void)own;
	(void)!open("/etc/passwd", O_RDONLY);
}

ACT(makes_code)
{
	confine(&end, size, 10);
	(void)own;
	(void)mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

ACT(computes_for_ever)
{
	confine(&end, size, budget_processor_seconds(0));
	(void)own;
	for (volatile int turn = 0;; turn = !turn)
		;
}
#endif

static const struct act {
	const char *name;
	session_worker *run;
	enum worker_job job;
	enum bs_code code;
	const char *text; /* a part of the message */
} acts[] = {
#define STAGING(act, code, text)                                                                   \
	{                                                                                          \
#act, act, WORKER_REHEARSE, code, text                                             \
	}
	STAGING(reads_for_ever, BS_NTFS_DAMAGED, "reads more"),
	STAGING(is_refused_for_ever, BS_NTFS_DAMAGED, "writes more"),
	STAGING(writes_nothing_for_ever, BS_WORKER, "an empty list"),
	STAGING(has_zones_for_ever, BS_NTFS_DAMAGED, "in more pieces"),
	STAGING(has_the_disk_as_a_zone, BS_NTFS_DAMAGED, "in more pieces"),
	STAGING(announces_a_message_without_end, BS_WORKER, "more than"),
	STAGING(announces_a_message_that_is_just_too_long, BS_WORKER, "more than"),
	STAGING(closes_in_a_header, BS_WORKER, "ended unexpectedly"),
	STAGING(closes_in_a_payload, BS_WORKER, "ended unexpectedly"),
	STAGING(closes_between_messages, BS_WORKER, "ended unexpectedly"),
	STAGING(stages_nothing, BS_WORKER, "another partition active"),
	STAGING(stages_flags_alone, BS_VERIFY, ""),
	STAGING(stages_another_plan, BS_WORKER, "another plan"),
	STAGING(plans_to_write_to_the_system_partition, BS_WORKER, "cannot be one"),
	STAGING(plans_to_write_everywhere, BS_WORKER, "not in the partition table"),
	STAGING(plans_a_partition_that_wraps_around, BS_WORKER, "not in the partition table"),
	STAGING(sends_descriptors, BS_WORKER, "unknown type"),
	STAGING(says_that_all_is_well, BS_WORKER, "no place"),
	STAGING(says_that_an_interrupted_commit_is_there, BS_WORKER, "no sense"),
#if !defined(__SANITIZE_ADDRESS__)
	STAGING(takes_all_memory, BS_NO_MEMORY, "out of memory"),
	STAGING(opens_a_file, BS_WORKER, "signal 31"),
	STAGING(makes_code, BS_WORKER, "signal 31"),
#endif
	{"speaks in a verification", stages_nothing, WORKER_VERIFY, BS_WORKER, "no place"},
	{"writes in a verification", is_refused_for_ever, WORKER_VERIFY, BS_NTFS_DAMAGED,
	 "writes more"},
};

/* These use up their whole budget, and take seconds. */
static const struct act long_acts[] = {
	STAGING(writes_for_ever, BS_NTFS_DAMAGED, "writes more"),
	STAGING(reads_nothing_for_ever, BS_NTFS_DAMAGED, "reads more"),
	{"reads in a verification", reads_for_ever, WORKER_VERIFY, BS_NTFS_DAMAGED, "reads more"},
#if !defined(__SANITIZE_ADDRESS__)
	STAGING(computes_for_ever, BS_NTFS_DAMAGED, "form a loop"),
#endif
};

static const char *image;
static struct bs_result result;

static void fix_setup(void)
{
	image = image_copy(image_recipe("hostile", SAMPLE_SMALL));
	sample_open(&sample, image);
	survey = sample_survey(&sample, &(struct bs_options){0});
	plan = sample_plan(&sample);
}

static void fix_teardown(void)
{
	hostile = NULL;
	bs_result_free(&result);
	bs_plan_free(plan);
	survey_free(survey);
	free(survey);
	sample_close(&sample);
}

/* The most memory that this process has had, in bytes. */
static uint64_t peak_memory(void)
{
	struct rusage used;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &used), 0);
	return (uint64_t)used.ru_maxrss << 10;
}

static void assert_fix_fails(const struct act *act)
{
	const struct bs_options options = {.size = sizeof(options)};
	struct image_state before = state_take(image);
	int descriptors = open_descriptors();
	uint64_t memory = peak_memory();
	enum bs_exit exit;

	hostile = act->run;
	hostile_job = act->job;
	exit = bs_fix(image, &options, NULL, &result);
	ck_assert_msg(exit == (enum bs_exit)bs_code_exit(act->code) &&
			      result.error.code == act->code &&
			      strstr(result.error.message, act->text) != NULL,
		      "%s: exit %d, %s: %s", act->name, exit, bs_code_name(result.error.code),
		      result.error.message);
	state_assert_untouched(image, &before);
	ck_assert_int_eq(open_descriptors(), descriptors);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	/* The longest message, twice, and the longest staging that has a budget. */
	ck_assert_uint_le(peak_memory() - memory, 2 * MESSAGE_MAX + (96u << 20));
}

TEST_CASE(hostile_fix, "hostile worker in a fix", .setup = fix_setup, .teardown = fix_teardown);

TEST_EACH(hostile_fix, nothing_is_left_of_a_fix_whose_worker_is_hostile, acts)
{
	assert_fix_fails(&acts[_i]);
}

TEST_CASE(hostile_slow, "hostile worker that has time", .setup = fix_setup,
	  .teardown = fix_teardown, .tags = "slow");

TEST_EACH(hostile_slow, a_worker_that_uses_up_its_budget_is_ended, long_acts)
{
	assert_fix_fails(&long_acts[_i]);
}

/* ---- a session: which message has its place where --------------------------------------------- */

static struct worker_task task;
static struct session_findings findings;
static struct bs_error err;

static void session_setup(void)
{
	sample_open_small(&sample, "hostile-session", "");
	survey = sample_survey(&sample, &(struct bs_options){0});
	plan = sample_plan(&sample);
	task = (struct worker_task){.job = WORKER_REHEARSE};
}

static void session_teardown(void)
{
	session_free(&findings);
	bs_plan_free(plan);
	survey_free(survey);
	free(survey);
	sample_close(&sample);
}

static int run(session_worker *worker)
{
	session_free(&findings);
	hostile = worker;
	hostile_job = task.job;
	return session_run(sample.disk, sample.overlay, &task, &findings, &err);
}

TEST_CASE(hostile_session, "hostile worker in a session", .setup = session_setup,
	  .teardown = session_teardown);

/* What a worker may say next, beside an error; nothing else. */
static const struct point {
	enum worker_job job;
	enum session_state state;
	bool operations_done;
	uint32_t next[3]; /* 0: no more */
} points[] = {
	{WORKER_INSPECT, SESSION_STARTED, false, {MESSAGE_INSPECTION}},
	{WORKER_INSPECT, SESSION_INSPECTED, false, {MESSAGE_DONE}},
	{WORKER_REHEARSE, SESSION_STARTED, false, {MESSAGE_INSPECTION}},
	{WORKER_REHEARSE, SESSION_INSPECTED, false, {MESSAGE_PLAN, MESSAGE_DONE}},
	{WORKER_REHEARSE, SESSION_ALLOWED, false, {MESSAGE_OPERATION}},
	{WORKER_REHEARSE, SESSION_ALLOWED, true, {MESSAGE_CLUSTERS}},
	{WORKER_REHEARSE, SESSION_COUNTED, true, {MESSAGE_ZONES}},
	{WORKER_REHEARSE, SESSION_ZONED, true, {MESSAGE_STAGED}},
	{WORKER_REHEARSE, SESSION_STAGED, true, {MESSAGE_DONE}},
	{WORKER_MAP, SESSION_STARTED, false, {MESSAGE_INSPECTION}},
	{WORKER_MAP, SESSION_INSPECTED, false, {MESSAGE_MAP}},
	{WORKER_MAP, SESSION_MAPPED, false, {MESSAGE_DONE}},
	{WORKER_RECHECK, SESSION_STARTED, false, {MESSAGE_INSPECTION}},
	{WORKER_RECHECK, SESSION_INSPECTED, false, {MESSAGE_DIFFERENCES}},
	{WORKER_RECHECK, SESSION_RECHECKED, false, {MESSAGE_DONE}},
	{WORKER_VERIFY, SESSION_STARTED, false, {MESSAGE_DONE}},
};

static const struct point *point;
static uint32_t next_type;

static void say_map(int socket)
{
	struct places places = {0};
	uint8_t *bytes;
	size_t length;

	if (message_pack_map(&places, &bytes, &length, &ignored) < 0)
		_exit(EXIT_FAILURE);
	say(socket, MESSAGE_MAP, bytes, length);
	free(bytes);
}

/* Says it with a sound payload, so that only its place can be wrong. */
static void say_type(int socket, uint32_t type)
{
	switch (type) {
	case MESSAGE_INSPECTION:
		say_inspection(socket);
		break;
	case MESSAGE_PLAN:
	case MESSAGE_STAGED:
		say_plan(socket, type);
		break;
	case MESSAGE_OPERATION:
		say_operation(socket, point->operations_done ? plan->operation_count - 1 : 0);
		break;
	case MESSAGE_CLUSTERS:
		say_clusters(socket);
		break;
	case MESSAGE_ZONES:
		say_zones(socket);
		break;
	case MESSAGE_MAP:
		say_map(socket);
		break;
	default:
		say(socket, type, "", 0);
	}
}

static void reach_point(struct remote_end end)
{
	if (point->job == WORKER_REHEARSE)
		say_until(end.socket, min_u64(point->state, SESSION_ZONED));
	else if (point->state != SESSION_STARTED)
		say_inspection(end.socket);
	if (point->job == WORKER_REHEARSE && point->state >= SESSION_ZONED)
		write_planned_flags(end);
	if (point->state == SESSION_STAGED)
		say_plan(end.socket, MESSAGE_STAGED);
	for (uint32_t i = 0;
	     point->state == SESSION_ALLOWED && point->operations_done && i < plan->operation_count;
	     i++)
		say_operation(end.socket, i);
	if (point->state == SESSION_MAPPED)
		say_map(end.socket);
	if (point->state == SESSION_RECHECKED)
		say(end.socket, MESSAGE_DIFFERENCES, "", 0);
}

/* After the message, and its answer if it has its place, nothing more comes. */
ACT(says_next)
{
	UNUSED;
	reach_point(end);
	say_type(end.socket, next_type);
	if (next_type == MESSAGE_PLAN && point->state == SESSION_INSPECTED)
		hear_proceed(end.socket);
	close(end.socket);
	_exit(EXIT_SUCCESS);
}

static bool has_its_place(uint32_t type)
{
	for (size_t i = 0; i < 3; i++)
		if (type != 0 && point->next[i] == type)
			return true;
	return false;
}

TEST_EACH(hostile_session, each_message_has_its_place_and_no_other, points)
{
	point = &points[_i];
	task = (struct worker_task){.job = point->job, .plan = plan};
	for (next_type = 0; next_type <= MESSAGE_PROCEED + 1; next_type++) {
		bool done = next_type == MESSAGE_DONE, placed = has_its_place(next_type);
		int outcome;

		if (next_type == MESSAGE_ERROR)
			continue;
		if (point->job == WORKER_VERIFY)
			sample_write(&sample, 0x1BE, "\0", 1);
		if (point->job == WORKER_VERIFY)
			sample_write(&sample, 0x1BE + 16 * (plan->boot_number - 1), "\x80", 1);
		outcome = run(says_next);
		overlay_reset(sample.overlay);
		if (placed && done) {
			ck_assert_msg(outcome == 0, "done at %d: %s", _i, err.message);
			continue;
		}
		ck_assert_int_eq(outcome, -1);
		ck_assert_int_eq(err.code, BS_WORKER);
		ck_assert_msg(placed == (strstr(err.message, "ended unexpectedly") != NULL),
			      "point %d, %s: %s", _i, message_name(next_type), err.message);
	}
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- a session: a verification that lies ------------------------------------------------------- */

static const struct {
	uint8_t flags[4];
	bool good;
} flags_after[] = {
	{{0x00, 0x80, 0x00, 0x00}, true},  {{0x80, 0x00, 0x00, 0x00}, false},
	{{0x80, 0x80, 0x00, 0x00}, false}, {{0x00, 0x00, 0x00, 0x00}, false},
	{{0x00, 0x80, 0x00, 0x80}, false}, {{0x00, 0x81, 0x00, 0x00}, false},
	{{0x01, 0x80, 0x00, 0x00}, false},
};

TEST_EACH(hostile_session, a_verification_is_not_believed_if_the_active_flags_are_wrong,
	  flags_after)
{
	task = (struct worker_task){.job = WORKER_VERIFY, .plan = plan};
	ck_assert_uint_eq(plan->boot_number, 2);
	for (size_t i = 0; i < 4; i++)
		sample_write(&sample, 0x1BE + 16 * i, &flags_after[_i].flags[i], 1);
	ck_assert_int_eq(run(says_that_all_is_well), flags_after[_i].good ? 0 : -1);
	ck_assert_msg(flags_after[_i].good ||
			      (err.code == BS_WORKER &&
			       strstr(err.message, "another active partition") != NULL),
		      "%s", err.message);
}

/* ---- a session: what reaches the disk ----------------------------------------------------------- */

/*
 * Nothing outside of the boot partition has changed but the four flags, and each of these is 00 or
 * 80.
 */
static void assert_only_the_allowed_has_changed(void)
{
	uint8_t before[1 << 16], after[1 << 16];
	const uint64_t size = disk_size(sample.disk);

	for (uint64_t at = 0; at < size; at += sizeof(before)) {
		if (at >= plan->boot_start && at < plan->boot_start + plan->boot_size)
			continue;
		ASSERT_OK(disk_read(sample.file, at, before, sizeof(before), &err));
		ASSERT_OK(disk_read(sample.disk, at, after, sizeof(after), &err));
		for (size_t i = 0; at == 0 && i < 4; i++) {
			ck_assert_int_eq(after[0x1BE + 16 * i] & 0x7f, 0);
			after[0x1BE + 16 * i] = before[0x1BE + 16 * i];
		}
		ck_assert_msg(memcmp(before, after, sizeof(before)) == 0, "changed near %llu",
			      (unsigned long long)at);
	}
}

/* Offsets and lengths whose sum is beyond the end of the disk, or beyond the numbers. */
static const struct {
	uint64_t offset;
	uint64_t length; /* as the list of writes says */
} wrapping[] = {
	{UINT64_MAX, 1},
	{UINT64_MAX - 510, 512},
	{UINT64_MAX - SAMPLE_BOOT_START + 1, 512},
	{(200ull << 20), 1},
	{(200ull << 20) - 1, 2},
	{SAMPLE_BOOT_START, UINT64_MAX},
	{SAMPLE_BOOT_START, UINT64_MAX - SAMPLE_BOOT_START + 513},
	{SAMPLE_BOOT_START, REMOTE_WRITE_MAX + 1},
	{SAMPLE_BOOT_START, 513}, /* more than the list has */
};

static int write_index;

/* The list lies behind the bytes of a read, where the worker places it, too. */
static void ask_for_writes(struct remote_end end, uint64_t length)
{
	const struct remote_header request = {
		.kind = REMOTE_WRITES, .offset = REMOTE_READ_MAX, .length = length};
	struct remote_header answer;
	char text[sizeof(ignored.message)];

	(void)!remote_send(end.socket, &request, NULL, 0, REMOTE_FOREVER, &ignored);
	if (remote_receive_header(end.socket, &answer, REMOTE_FOREVER, &ignored) < 0)
		_exit(EXIT_FAILURE);
	if (answer.kind == REMOTE_FAILURE)
		(void)!remote_receive(end.socket, text, (size_t)answer.length, REMOTE_FOREVER,
				      &ignored);
}

ACT(writes_beyond_the_numbers)
{
	uint8_t *list = end.window + REMOTE_READ_MAX;

	UNUSED;
	say_until(end.socket, SESSION_ALLOWED);
	memset(list, 0x80, REMOTE_WRITES_MAX);
	store_le64(list, wrapping[write_index].offset);
	store_le64(list + 8, wrapping[write_index].length);
	ask_for_writes(end, REMOTE_WRITE_HEAD + 512);
	close(end.socket);
	_exit(EXIT_SUCCESS);
}

TEST_EACH(hostile_session, a_write_beyond_the_end_or_beyond_the_numbers_changes_nothing, wrapping)
{
	struct range_vector extents;

	write_index = _i;
	ck_assert_int_eq(run(writes_beyond_the_numbers), -1);
	ck_assert_int_eq(overlay_extents(sample.overlay, 1 << 20, &extents, &err), 0);
	for (size_t i = 0; i < extents.count; i++)
		ck_assert_msg(extents.items[i].offset >= SAMPLE_BOOT_START &&
				      range_end(extents.items[i]) <=
					      SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE,
			      "changed at %llu", (unsigned long long)extents.items[i].offset);
	range_vector_free(&extents);
}

/* ---- a session: bytes that change while the parent looks at them ---------------------------------- */

#define RACES 1500 /* writes; the budget has more */

/* Changes a write in the window between what is allowed and what is not, without end. */
static void *flip(void *context)
{
	uint8_t *list = context;

	for (;;) {
		uint64_t turn = 0;

		for (; turn < 64; turn++) {
			__atomic_store_n(list + REMOTE_WRITE_HEAD, turn % 2 ? 0x80 : 0x7f,
					 __ATOMIC_RELAXED);
			__atomic_store_n((uint64_t *)(void *)list,
					 turn % 4 < 2 ? 0x1BEu : plan->system_start,
					 __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

ACT(changes_a_write_meanwhile)
{
	struct disk *disk = remote_open(end, size, &ignored);
	uint8_t *list = end.window + REMOTE_READ_MAX, flag = 0;
	pthread_t thread;

	UNUSED;
	say_until(end.socket, SESSION_ALLOWED);
	store_le64(list + 8, 1);
	if (pthread_create(&thread, NULL, flip, list) != 0)
		_exit(EXIT_FAILURE);
	/* A later write would hide a wrong byte, so the worker stops at the first. */
	for (int i = 0; i < RACES && (flag & 0x7f) == 0; i++) {
		ask_for_writes(end, REMOTE_WRITE_HEAD + 1);
		if (disk_read(disk, 0x1BE, &flag, 1, &ignored) < 0)
			break;
	}
	_exit(EXIT_SUCCESS);
}

TEST(hostile_session, a_write_that_changes_while_it_is_checked_is_written_as_it_was_checked)
{
	ck_assert_int_eq(run(changes_a_write_meanwhile), -1);
	assert_only_the_allowed_has_changed();
}

/* ---- a channel: the same, but at the worst moments ------------------------------------------------ */

/* A disk that changes the window before it takes the bytes of a write, as a worker could. */
struct spy {
	struct disk disk;
	uint8_t *window;
	uint64_t offset; /* of the last write */
	size_t length;
	uint8_t bytes[16];
};

static int spy_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		     struct bs_error *error)
{
	struct spy *spy = (struct spy *)disk;

	(void)error;
	memset(spy->window, 0x7f, REMOTE_WINDOW_SIZE);
	spy->offset = offset;
	spy->length = length;
	memcpy(spy->bytes, buffer, min_u64(length, sizeof(spy->bytes)));
	return 0;
}

/* Once a write is charged, its offset and its length cannot change any more. */
static int spy_charge(void *context, enum remote_use use, uint64_t length, uint64_t waited,
		      struct bs_error *error)
{
	struct spy *spy = context;

	(void)length, (void)waited, (void)error;
	if (use == REMOTE_USE_WRITE)
		memset(spy->window + REMOTE_READ_MAX, 0x7f, REMOTE_WRITE_HEAD);
	return 0;
}

static _Noreturn void write_four_bytes(struct remote_end end)
{
	static const uint8_t four[4] = {'a', 'b', 'c', 'd'};
	uint8_t *list = end.window + REMOTE_READ_MAX;

	store_le64(list, 1000);
	store_le64(list + 8, 4);
	memcpy(list + REMOTE_WRITE_HEAD, four, sizeof(four));
	ask_for_writes(end, REMOTE_WRITE_HEAD + 4);
	say(end.socket, MESSAGE_DONE, "", 0);
	_exit(EXIT_SUCCESS);
}

TEST_CASE(hostile_channel, "hostile worker at a channel");

TEST(hostile_channel, the_parent_reads_a_write_from_the_window_once)
{
	static const struct disk_operations operations = {.write = spy_write};
	struct spy spy = {.disk = {.operations = &operations, .size = 1 << 20}};
	const struct remote_meter meter = {spy_charge, &spy};
	struct remote_end parent, worker;
	struct remote_message message;
	pid_t child;

	ASSERT_OK(remote_make_channel(&parent, &worker, &err));
	spy.window = parent.window;
	child = fork();
	if (child == 0)
		write_four_bytes(worker);
	close(worker.socket);
	ASSERT_OK(remote_serve(parent, &spy.disk, 64, 60000, &meter, &message, &err));
	ck_assert_uint_eq(spy.offset, 1000);
	ck_assert_uint_eq(spy.length, 4);
	ck_assert_mem_eq(spy.bytes, "abcd", 4);
	free(message.payload);
	remote_close_end(&parent);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
