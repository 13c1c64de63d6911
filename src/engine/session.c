/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/mbr.h"
#include "disk/guard.h"
#include "engine/options.h"
#include "engine/permit.h"
#include "util/bytes.h"
#include "util/debug.h"
#include "util/process.h"
#include "util/signals.h"
#include "volume/volume.h"
#include "windows/plan.h"
#include "worker/budget.h"
#include "worker/message.h"
#include "worker/remote.h"

#define PATIENCE           120000 /* milliseconds of silence after which the worker counts as hung */
#define APPLIANCE_PATIENCE 1200000    /* milliseconds, if the worker asks an appliance */
#define TOLD               (1u << 20) /* bytes between two amounts that the caller is told */
#define GRACE              2000 /* milliseconds for a worker that closed its channel to end by itself */

struct session {
	struct worker_task task;
	struct guard *guard;
	struct disk *disk; /* the guard's disk, which the worker reads and writes */
	struct overlay *overlay;
	struct session_findings *findings;
	enum session_state state;
	struct budget budget;
	bool has_read;            /* or tried to read; before, the image is not to blame */
	uint64_t seconds;         /* limit of the worker's processor time so far */
	struct bs_plan *allowed;  /* the plan that is carried out; NULL: none yet */
	uint32_t operations;      /* how many operations of that plan are done */
	uint64_t planned, staged; /* bytes that the plan writes, and that the worker has written */
	uint64_t read;            /* bytes that the worker has read */
	uint8_t sector[SECTOR_SIZE]; /* the partition table's sector as it must be in the end */
	struct {
		uint64_t count, bytes;
	} traffic[REMOTE_USE_COUNT];
	struct remote_end end;
	int patience; /* milliseconds */
	pid_t worker;
};

static int session_distrust(struct bs_error *err, const char *what)
{
	return fail(err, BS_WORKER, "the worker process sent %s", what);
}

/* ---- messages ------------------------------------------------------------------------------ */

static int session_take_inspection(struct session *session, const struct remote_message *message,
				   struct bs_error *err)
{
	return message_unpack_inspection(message->payload, message->length,
					 &session->findings->inspection, err);
}

static int session_take_plan(struct session *session, const struct remote_message *message,
			     struct bs_error *err)
{
	if (message_unpack_plan(message->payload, message->length, &session->allowed, err) < 0 ||
	    permit_open(session->guard, session->allowed, &session->task.options, session->sector,
			err) < 0)
		return -1;
	budget_add_plan(&session->budget, session->task.job, session->allowed);
	for (uint32_t i = 0; i < session->allowed->operation_count; i++)
		session->planned += session->allowed->operations[i].bytes;
	overlay_take_written_sectors(session->overlay);
	debug_print(DEBUG_MESSAGES, "worker %d <- proceed, 0 bytes", (int)session->worker);
	return remote_send_message(session->end.socket, MESSAGE_PROCEED, NULL, 0, session->patience,
				   err);
}

/* The worker reports each operation once, in the plan's order, after all its writes. */
static int session_take_operation(struct session *session, const struct remote_message *message,
				  struct bs_error *err)
{
	uint32_t index;

	memcpy(&index, message->payload, sizeof(index));
	if (index != session->operations || index >= session->allowed->operation_count)
		return session_distrust(err, "an operation that is not the plan's next one");
	session->allowed->operations[index].sectors =
		overlay_take_written_sectors(session->overlay);
	session->operations++;
	return 0;
}

static int session_take_clusters(struct session *session, const struct remote_message *message,
				 struct bs_error *err)
{
	if (session->operations != session->allowed->operation_count)
		return session_distrust(err, "a sum of clusters before all operations were done");
	memcpy(&session->findings->clusters, message->payload, message->length);
	return 0;
}

static int session_take_zones(struct session *session, const struct remote_message *message,
			      struct bs_error *err)
{
	struct range_vector *zones = &session->findings->zones;

	if (message_unpack_zones(message->payload, message->length, disk_size(session->disk), zones,
				 err) < 0)
		return -1;
	for (size_t i = 0; i < zones->count; i++)
		if (budget_charge_zone(&session->budget, zones->items[i].length, err) < 0)
			return -1;
	return 0;
}

/* Checks that the staged plan is the allowed plan plus the hashes, which the staging adds. */
static int session_compare_plans(struct bs_plan *allowed, const struct bs_plan *staged,
				 struct bs_error *err)
{
	char difference[BS_DIFFERENCE_MAX];

	for (uint32_t i = 0; i < min_u64(staged->file_count, allowed->file_count); i++)
		memcpy(allowed->files[i].sha256, staged->files[i].sha256,
		       sizeof(allowed->files[i].sha256));
	return plan_difference(allowed, staged, difference)
		       ? session_distrust(err, "another plan than the one that was allowed")
		       : 0;
}

static int session_take_staged(struct session *session, const struct remote_message *message,
			       struct bs_error *err)
{
	struct bs_plan *staged;
	int result;

	if (permit_close(session->guard, session->sector, err) < 0 ||
	    message_unpack_plan(message->payload, message->length, &staged, err) < 0)
		return -1;
	result = session_compare_plans(session->allowed, staged, err);
	bs_plan_free(staged);
	if (result < 0)
		return -1;
	session->findings->plan = session->allowed;
	session->allowed = NULL;
	return 0;
}

/* Whether the table has the flags that the plan sets.  A plan that moves no files sets none. */
static bool session_has_flags(const struct mbr *table, const struct bs_plan *plan)
{
	for (uint32_t i = 0; plan_moves_files(plan) && i < MBR_ENTRIES; i++)
		if (table->entries[i].flag != (i + 1 == plan->boot_number ? MBR_ACTIVE : 0))
			return false;
	return true;
}

/*
 * The parent cannot see whether a verification was thorough, but it can see the active flags and the
 * signature.
 */
static int session_take_verified(struct session *session, const struct remote_message *message,
				 struct bs_error *err)
{
	const struct bs_plan *plan = session->task.plan;
	uint8_t sector[SECTOR_SIZE];
	struct mbr table;

	(void)message;
	if (disk_read(session->disk, 0, sector, sizeof(sector), err) < 0)
		return -1;
	if (!mbr_parse(sector, &table))
		return session_distrust(err, "a verification of a disk without a partition table");
	if (!session_has_flags(&table, plan))
		return session_distrust(err,
					"a verification of a disk with another active partition");
	if (table.disk_signature != plan_signature_after(plan))
		return session_distrust(err, "a verification of a disk with another signature");
	return 0;
}

static int session_take_map(struct session *session, const struct remote_message *message,
			    struct bs_error *err)
{
	return message_unpack_map(message->payload, message->length, disk_size(session->disk),
				  &session->findings->places, err);
}

static int session_take_differences(struct session *session, const struct remote_message *message,
				    struct bs_error *err)
{
	return message_unpack_differences(message->payload, message->length,
					  &session->findings->differences, err);
}

#define ANY_LENGTH SIZE_MAX /* checked when the message is unpacked */

#define INSPECT  (1u << WORKER_INSPECT)
#define REHEARSE (1u << WORKER_REHEARSE)
#define VERIFY   (1u << WORKER_VERIFY)
#define MAP      (1u << WORKER_MAP)
#define RECHECK  (1u << WORKER_RECHECK)

/*
 * The messages that a worker may send, with their jobs and states.  Each message leads to a later
 * state, so each comes once.  The exception is MESSAGE_OPERATION, which is counted.
 */
static const struct session_rule {
	enum message_type type;
	unsigned jobs;
	enum session_state from, to;
	size_t length; /* of the payload, bytes */
	int (*take)(struct session *session, const struct remote_message *message,
		    struct bs_error *err);
} session_rules[] = {
	/* clang-format off */
	{MESSAGE_INSPECTION, INSPECT | REHEARSE | MAP | RECHECK, SESSION_STARTED, SESSION_INSPECTED, sizeof(struct bs_inspection), session_take_inspection},
	{MESSAGE_PLAN, REHEARSE, SESSION_INSPECTED, SESSION_ALLOWED, ANY_LENGTH, session_take_plan},
	{MESSAGE_OPERATION, REHEARSE, SESSION_ALLOWED, SESSION_ALLOWED, sizeof(uint32_t), session_take_operation},
	{MESSAGE_CLUSTERS, REHEARSE, SESSION_ALLOWED, SESSION_COUNTED, sizeof(uint64_t), session_take_clusters},
	{MESSAGE_ZONES, REHEARSE, SESSION_COUNTED, SESSION_ZONED, ANY_LENGTH, session_take_zones},
	{MESSAGE_STAGED, REHEARSE, SESSION_ZONED, SESSION_STAGED, ANY_LENGTH, session_take_staged},
	{MESSAGE_DONE, INSPECT | REHEARSE, SESSION_INSPECTED, SESSION_DONE, 0, NULL},
	{MESSAGE_DONE, REHEARSE, SESSION_STAGED, SESSION_DONE, 0, NULL},
	{MESSAGE_MAP, MAP, SESSION_INSPECTED, SESSION_MAPPED, ANY_LENGTH, session_take_map},
	{MESSAGE_DONE, MAP, SESSION_MAPPED, SESSION_DONE, 0, NULL},
	{MESSAGE_DIFFERENCES, RECHECK, SESSION_INSPECTED, SESSION_RECHECKED, ANY_LENGTH, session_take_differences},
	{MESSAGE_DONE, RECHECK, SESSION_RECHECKED, SESSION_DONE, 0, NULL},
	{MESSAGE_DONE, VERIFY, SESSION_STARTED, SESSION_DONE, 0, session_take_verified},
	/* clang-format on */
};

static int session_find_rule(const struct session *session, uint32_t type,
			     const struct session_rule **found, struct bs_error *err)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(session_rules) / sizeof(session_rules[0]); i++) {
		*found = &session_rules[i];
		if (type != (uint32_t)(*found)->type)
			continue;
		known = true;
		if ((*found)->jobs & 1u << session->task.job && session->state == (*found)->from)
			return 0;
	}
	return session_distrust(err, known ? "a message that has no place at that point"
					   : "a message of an unknown type");
}

static int session_take(struct session *session, const struct remote_message *message,
			struct bs_error *err)
{
	const struct session_rule *rule;

	debug_print(DEBUG_MESSAGES, "worker %d -> %s, %zu bytes", (int)session->worker,
		    message_name(message->type), message->length);
	if (message->type == MESSAGE_ERROR)
		return message_unpack_error(message->payload, message->length, err);
	if (session_find_rule(session, message->type, &rule, err) < 0)
		return -1;
	if (rule->length != ANY_LENGTH && message->length != rule->length)
		return session_distrust(err, "a message of the wrong length");
	assert(rule->to > session->state || rule->type == MESSAGE_OPERATION);
	session->state = rule->to;
	return rule->take ? rule->take(session, message, err) : 0;
}

/* ---- what the worker uses up --------------------------------------------------------------- */

/*
 * Tells the caller about each MiB: how much of the plan is staged, and otherwise how much was read.
 * Fails if the caller then wants to stop.
 */
static int session_tell(struct session *session, enum remote_use use, uint64_t length,
			struct bs_error *err)
{
	bool stages = session->state == SESSION_ALLOWED;
	uint64_t *sum = use == REMOTE_USE_WRITE ? &session->staged : &session->read;
	uint64_t before = *sum;

	*sum += length;
	if (stages == (use == REMOTE_USE_WRITE) && before / TOLD != *sum / TOLD)
		options_tell_amount(&session->task.options, *sum, stages ? session->planned : 0);
	return signals_is_cancelled() ? signals_fail_stopped(err) : 0;
}

/* Charges the budget.  The bytes served add to the processor time that the worker may use. */
static int session_charge(void *context, enum remote_use use, uint64_t length, uint64_t waited,
			  struct bs_error *err)
{
	static const char *const names[] = {[REMOTE_USE_READ] = "read",
					    [REMOTE_USE_WRITE] = "write",
					    [REMOTE_USE_MESSAGE] = ""};
	struct session *session = context;
	uint64_t seconds = budget_processor_seconds(session->budget.served);
	struct rlimit limit;

	session->traffic[use].count++;
	session->traffic[use].bytes += length;
	if (use != REMOTE_USE_MESSAGE)
		debug_print(DEBUG_MESSAGES, "worker %d -> %s, %llu bytes", (int)session->worker,
			    names[use], (unsigned long long)length);
	session->has_read = true;
	if (budget_charge(&session->budget, use, length, waited, err) < 0 ||
	    session_tell(session, use, length, err) < 0)
		return -1;
	if (seconds == session->seconds)
		return 0;
	session->seconds = seconds;
	/* If the system refuses this, the worker keeps the limit that it has. */
	if (prlimit(session->worker, RLIMIT_CPU, NULL, &limit) == 0) {
		limit.rlim_cur = min_u64(seconds, limit.rlim_max);
		prlimit(session->worker, RLIMIT_CPU, &limit, NULL);
	}
	return 0;
}

int session_advance(struct session *session, enum session_state state, struct bs_error *err)
{
	const struct remote_meter meter = {session_charge, session};

	/* Each message leads to a later state or counts an operation, so the loop ends. */
	while (session->state < state && session->state != SESSION_DONE) {
		struct remote_message message;
		int result;

		if (remote_serve(session->end, session->disk, MESSAGE_MAX, session->patience,
				 &meter, &message, err) < 0)
			return -1;
		result = session_take(session, &message, err);
		free(message.payload);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* ---- the process --------------------------------------------------------------------------- */

static int session_fork(struct session *session, session_worker *run, struct bs_error *err)
{
	struct remote_end worker;

	if (remote_make_channel(&session->end, &worker, err) < 0)
		return -1;
	/* After the fork, the first use of a page of free memory would copy the page. */
	(void)malloc_trim(0);
	session->worker = fork();
	if (session->worker < 0) {
		fail_errno(err, BS_SYSTEM_LIMIT, "starting the worker process");
		close(worker.socket);
		remote_close_end(&session->end);
		return -1;
	}
	if (session->worker == 0) {
		/* A signal of the terminal ends a rehearsal at once, even if the caller holds it. */
		signals_release_all();
		debug_stop("the worker process");
		worker.local = disk_descriptor(session->disk) > 0 ? session->disk : NULL;
		run(worker, disk_size(session->disk), &session->task);
	}
	close(worker.socket);
	return 0;
}

/* Returns true when the worker has closed the channel or ended, and nothing is left to read. */
static bool session_has_closed(const struct session *session)
{
	uint8_t byte;
	ssize_t length = recv(session->end.socket, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

	return length == 0 || (length < 0 && errno != EAGAIN);
}

/* Wrong pointers, sizes and numbers end a process by one of these signals. */
static bool session_is_crash(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ||
	       number == SIGABRT;
}

/* Seconds of processor time, rounded: the kernel's account and its timer differ a little. */
static uint64_t session_processor_time(const struct rusage *used)
{
	uint64_t seconds = (uint64_t)(used->ru_utime.tv_sec + used->ru_stime.tv_sec);
	uint64_t fraction = (uint64_t)(used->ru_utime.tv_usec + used->ru_stime.tv_usec);

	return seconds + (fraction + 500000) / 1000000;
}

/*
 * Returns true when a limit on processor time that bootshift was started with, not the budget,
 * ended the worker.  The kernel sends SIGXCPU at a soft limit, and SIGKILL at a hard limit.
 */
static bool session_met_inherited_limit(const struct session *session, int number,
					const struct rusage *used)
{
	uint64_t seconds = session_processor_time(used);
	struct rlimit inherited;

	if (getrlimit(RLIMIT_CPU, &inherited) < 0)
		return false;
	if (number == SIGXCPU)
		return seconds >= inherited.rlim_cur && seconds < session->seconds;
	return number == SIGKILL && seconds >= inherited.rlim_max;
}

/*
 * Sets the error for a worker that ended without a last message.  After its first request, a worker
 * only follows the image's data, so the image is the cause of a later crash.
 */
static void session_explain_end(const struct session *session, int status,
				const struct rusage *used, struct bs_error *err)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) == VOLUME_EXIT_NO_MEMORY)
		fail(err, BS_NO_MEMORY, "out of memory while the volumes were read");
	else if (session->has_read && session_is_crash(number))
		fail(err, BS_NTFS_DAMAGED,
		     "the volumes' structures are damaged: the worker process that read them was "
		     "ended by signal %d (%s)",
		     number, strsignal(number));
	else if (session_met_inherited_limit(session, number, used))
		fail(err, BS_SYSTEM_LIMIT,
		     "the worker process was ended by the limit on processor time with which "
		     "bootshift was started (ulimit -t), after %llu seconds",
		     (unsigned long long)session_processor_time(used));
	else if (number == SIGXCPU)
		fail(err, BS_NTFS_DAMAGED,
		     "the volumes' structures form a loop: the worker process computes more "
		     "than for any sound disk of this size (signal %d, %s)",
		     number, strsignal(number));
	else if (number == SIGKILL)
		fail(err, BS_NO_MEMORY,
		     "the worker process was killed from outside (signal %d), as the system does "
		     "when memory runs out",
		     number);
	else if (number != 0)
		fail_prefix(err, "the worker process was ended by signal %d (%s)", number,
			    strsignal(number));
}

/* Prints how the worker ended, for BOOTSHIFT_DEBUG.  A worker that is done may have been killed. */
static void session_show_end(const struct session *session, int status)
{
	static const char *const names[] = {
		[REMOTE_USE_READ] = "reads",
		[REMOTE_USE_WRITE] = "writes and flushes",
		[REMOTE_USE_MESSAGE] = "messages",
	};

	for (size_t i = 0; i < REMOTE_USE_COUNT; i++)
		debug_print(DEBUG_STEPS, "worker %d: %llu %s, %llu bytes", (int)session->worker,
			    (unsigned long long)session->traffic[i].count, names[i],
			    (unsigned long long)session->traffic[i].bytes);
	debug_print(DEBUG_STEPS, "worker %d: waited %llu ms for it; ended with %s %d",
		    (int)session->worker, (unsigned long long)session->budget.waited,
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Ends the worker.  If the session failed because the worker ended by itself, *err says how. */
static void session_end_worker(struct session *session, int outcome, struct bs_error *err)
{
	bool closed = outcome < 0 && err->code == BS_WORKER && session_has_closed(session);
	bool ended_itself = false;
	siginfo_t information = {0};
	struct rusage used;
	int status;

	if (closed) {
		/* The channel of a process closes a moment before waitid() reports its end. */
		process_wait(session->worker, GRACE);
		ended_itself = waitid(P_PID, (id_t)session->worker, &information,
				      WEXITED | WNOHANG | WNOWAIT) == 0 &&
			       information.si_pid == session->worker;
	}
	remote_close_end(&session->end);
	/* The worker may still run, but nothing that it does matters any more. */
	kill(session->worker, SIGKILL);
	while (wait4(session->worker, &status, 0, &used) < 0)
		if (errno != EINTR)
			return;
	session_show_end(session, status);
	if (ended_itself)
		session_explain_end(session, status, &used, err);
}

/*
 * Reports an error of the disk as the cause: if the worker failed after that error, or if the disk
 * has failed for good.  libntfs-3g crashes on some errors of a disk, and hides others: then the
 * worker reports a damaged volume or a wrong copy.
 */
static int session_blame_disk(const struct session *session, int outcome, struct bs_error *err)
{
	const struct bs_error *failure = guard_failure(session->guard);
	struct bs_error cause;
	uint8_t byte;

	if (outcome < 0 && failure) {
		*err = *failure;
		return -1;
	}
	if (disk_size(session->disk) == 0 ||
	    disk_read(session->disk, 0, &byte, sizeof(byte), &cause) == 0)
		return outcome;
	*err = cause;
	return -1;
}

static void session_close(struct session *session)
{
	if (session->guard)
		disk_close(guard_disk(session->guard));
	bs_plan_free(session->allowed);
	free(session);
}

static struct session *session_start_worker(struct disk *disk, struct overlay *overlay,
					    const struct worker_task *task, session_worker *run,
					    int patience, struct session_findings *findings,
					    struct bs_error *err)
{
	struct session *session = calloc(1, sizeof(*session));

	assert(task->job != WORKER_REHEARSE || overlay);
	assert(task->job != WORKER_VERIFY || task->plan);
	*findings = (struct session_findings){0};
	if (!session) {
		(void)fail_memory(err);
		return NULL;
	}
	session->guard = guard_open(disk, err);
	if (!session->guard)
		goto fail;
	assert(guard_is_closed(session->guard));
	session->task = *task;
	session->disk = guard_disk(session->guard);
	session->overlay = overlay;
	session->findings = findings;
	session->patience = debug_waits() ? REMOTE_FOREVER : patience;
	session->budget = budget_for_disk(task->job, disk_size(disk), session->patience);
	session->seconds = budget_processor_seconds(0);
	if (task->plan)
		budget_add_plan(&session->budget, task->job, task->plan);
	if (session_fork(session, run, err) == 0)
		return session;
fail:
	session_close(session);
	return NULL;
}

/* An emulated virtual machine answers slowly, and one answer may need many reads of the disk. */
static int session_patience(const struct worker_task *task)
{
	return task->appliance ? APPLIANCE_PATIENCE : PATIENCE;
}

struct session *session_start(struct disk *disk, struct overlay *overlay,
			      const struct worker_task *task, struct session_findings *findings,
			      struct bs_error *err)
{
	return session_start_worker(disk, overlay, task, worker_run, session_patience(task),
				    findings, err);
}

int session_end(struct session *session, int outcome, struct bs_error *err)
{
	assert(outcome < 0 || session->state == SESSION_DONE);
	assert(!session->findings->plan || guard_is_closed(session->guard));
	session_end_worker(session, outcome, err);
	outcome = session_blame_disk(session, outcome, err);
	session_close(session);
	return outcome;
}

int session_run_worker(struct disk *disk, struct overlay *overlay, const struct worker_task *task,
		       session_worker *run, int patience, struct session_findings *findings,
		       struct bs_error *err)
{
	struct session *session =
		session_start_worker(disk, overlay, task, run, patience, findings, err);

	return session ? session_end(session, session_advance(session, SESSION_DONE, err), err)
		       : -1;
}

int session_run(struct disk *disk, struct overlay *overlay, const struct worker_task *task,
		struct session_findings *findings, struct bs_error *err)
{
	return session_run_worker(disk, overlay, task, worker_run, session_patience(task), findings,
				  err);
}

void session_free(struct session_findings *findings)
{
	free(findings->inspection);
	bs_plan_free(findings->plan);
	range_vector_free(&findings->zones);
	places_free(&findings->places);
	differences_free(&findings->differences);
	*findings = (struct session_findings){0};
}
