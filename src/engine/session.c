/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/mbr.h"
#include "disk/guard.h"
#include "engine/container.h"
#include "ntfs/volume.h"
#include "util/bytes.h"
#include "util/signals.h"
#include "windows/plan.h"
#include "worker/budget.h"
#include "worker/message.h"
#include "worker/remote.h"

#define PATIENCE 120000 /* milliseconds of silence after which the worker is taken for hung */
#define GRACE    2000   /* milliseconds for a worker that closed its channel to end by itself */

/* How far a worker has come.  See the rules: each message takes it one step on. */
enum step {
	STEP_BEGUN,
	STEP_INSPECTED,
	STEP_CHECKING, /* the accounts of the boot volume are checked */
	STEP_PLANNED,  /* the operations are carried out */
	STEP_COUNTED,  /* they are done, and the sum of the clusters is known */
	STEP_ZONED,
	STEP_STAGED,
	STEP_DONE,
};

struct session {
	const struct worker_task *task;
	struct guard *guard;
	struct overlay *overlay;
	struct session_findings *findings;
	enum step step;
	struct budget budget;
	bool has_read;               /* or tried to: only then can the image have ended it */
	uint64_t seconds;            /* of processor time that the worker may use so far */
	struct bs_plan *allowed;     /* the plan that is carried out; NULL: none yet */
	uint32_t operations;         /* that are done */
	uint8_t sector[SECTOR_SIZE]; /* the partition table's sector as it must be in the end */
	int socket;
	int patience; /* milliseconds */
	pid_t worker;
};

static int lies(struct bs_error *err, const char *what)
{
	return fail(err, BS_WORKER, "the worker process sent %s", what);
}

/* ---- the guard ----------------------------------------------------------------------------- */

static bool entry_range(const struct mbr_entry *entry, uint64_t *start, uint64_t *size)
{
	*start = (uint64_t)entry->first_lba * SECTOR_SIZE;
	*size = (uint64_t)entry->sectors * SECTOR_SIZE;
	return entry->type != MBR_TYPE_EMPTY && entry->sectors != 0;
}

/*
 * The system partition is never written.  The parent does not look into volumes; it only makes sure
 * that no plan names the system partition as the boot partition.
 */
static bool may_be_boot(const struct mbr *table, uint32_t number, const struct bs_options *options)
{
	const struct mbr_entry *entry = &table->entries[number - 1];

	if (mbr_is_extended(entry->type) ||
	    (options->boot_partition != 0 && number != options->boot_partition))
		return false;
	return options->system_partition != 0 ? number != options->system_partition
					      : entry->flag != MBR_ACTIVE;
}

/*
 * Finds the planned boot partition in the table as the parent reads it.  It must be a primary one
 * that shares no sector with another or with the table.
 */
static int check_partition(const struct mbr *table, const struct bs_plan *plan,
			   const struct bs_options *options, struct bs_error *err)
{
	uint64_t start, size, other_start, other_size;

	if (plan->boot_number < 1 || plan->boot_number > MBR_ENTRIES ||
	    !entry_range(&table->entries[plan->boot_number - 1], &start, &size) ||
	    start != plan->boot_start || size != plan->boot_size || start < SECTOR_SIZE)
		return lies(err, "a boot partition that is not in the partition table");
	if (!may_be_boot(table, plan->boot_number, options))
		return lies(err, "a boot partition that cannot be one");
	for (uint32_t i = 0; i < MBR_ENTRIES; i++)
		if (i + 1 != plan->boot_number &&
		    entry_range(&table->entries[i], &other_start, &other_size) &&
		    start < other_start + other_size && other_start < start + size)
			return lies(err, "a boot partition that overlaps another one");
	return 0;
}

/*
 * The system partition bounds what a fix may copy, so it too must be in the table: a primary one,
 * or a logical one within the extended partition.
 */
static int check_system_partition(const struct mbr *table, const struct bs_plan *plan,
				  struct bs_error *err)
{
	uint64_t start, size;

	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry *entry = &table->entries[i];

		if (!entry_range(entry, &start, &size))
			continue;
		if (mbr_is_extended(entry->type) && plan->system_number > MBR_ENTRIES &&
		    plan->system_start >= start &&
		    range_within(plan->system_start - start, plan->system_size, size))
			return 0;
		if (i + 1 == plan->system_number && plan->system_start == start &&
		    plan->system_size == size)
			return 0;
	}
	return lies(err, "a system partition that is not in the partition table");
}

static int allow_fix(struct session *session, const struct bs_plan *plan, struct bs_error *err)
{
	struct guard_range ranges[MBR_ENTRIES + 1];
	struct mbr table;

	if (disk_read(guard_disk(session->guard), 0, session->sector, SECTOR_SIZE, err) < 0)
		return -1;
	if (!mbr_parse(session->sector, &table))
		return lies(err, "a plan for a disk without a partition table");
	if (check_partition(&table, plan, &session->task->options, err) < 0 ||
	    check_system_partition(&table, plan, err) < 0)
		return -1;
	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		ranges[i] = (struct guard_range){MBR_FLAG_OFFSET(i), 1, GUARD_ACTIVE_FLAG};
		session->sector[MBR_FLAG_OFFSET(i)] = i + 1 == plan->boot_number ? MBR_ACTIVE : 0;
	}
	ranges[MBR_ENTRIES] =
		(struct guard_range){plan->boot_start, plan->boot_size, GUARD_ANY_BYTES};
	return guard_allow(session->guard, ranges, MBR_ENTRIES + 1, err);
}

/* Exactly the boot partition is active now, and nothing else in the table's sector has changed. */
static int check_sector(struct session *session, struct bs_error *err)
{
	uint8_t found[SECTOR_SIZE];

	if (disk_read(guard_disk(session->guard), 0, found, sizeof(found), err) < 0)
		return -1;
	return memcmp(found, session->sector, sizeof(found)) == 0
		       ? 0
		       : lies(err, "a staged plan that leaves another partition active");
}

/* ---- messages ------------------------------------------------------------------------------ */

static int take_inspection(struct session *session, const struct remote_message *message,
			   struct bs_error *err)
{
	struct session_findings *findings = session->findings;

	findings->inspection = malloc(sizeof(*findings->inspection));
	if (findings->inspection == NULL)
		return fail_memory(err);
	if (message_unpack_inspection(message->payload, message->length, findings->inspection,
				      err) == 0)
		return 0;
	free(findings->inspection);
	findings->inspection = NULL;
	return -1;
}

/* Between the survey and the staging; on a large volume this takes the most time. */
static int take_checking(struct session *session, const struct remote_message *message,
			 struct bs_error *err)
{
	if (message->length != 0)
		return lies(err, "a message that is too long");
	container_tell(&session->task->options, BS_PHASE_CHECKING);
	return 0;
}

static int take_plan(struct session *session, const struct remote_message *message,
		     struct bs_error *err)
{
	if (message_unpack_plan(message->payload, message->length, &session->allowed, err) < 0 ||
	    allow_fix(session, session->allowed, err) < 0)
		return -1;
	budget_add_plan(&session->budget, session->task->job, session->allowed);
	overlay_take_written_sectors(session->overlay);
	container_tell(&session->task->options, BS_PHASE_REHEARSING);
	return remote_send_message(session->socket, MESSAGE_PROCEED, NULL, 0, session->patience,
				   err);
}

/*
 * Each operation is told once, in the plan's order, and answered with the sectors it has written.
 */
static int take_operation(struct session *session, const struct remote_message *message,
			  struct bs_error *err)
{
	uint64_t sectors;
	uint32_t index;

	if (message->length != sizeof(index))
		return lies(err, "an operation that is no number");
	memcpy(&index, message->payload, sizeof(index));
	if (index != session->operations || index >= session->allowed->operation_count)
		return lies(err, "an operation that is not the plan's next one");
	session->operations++;
	sectors = overlay_take_written_sectors(session->overlay);
	session->allowed->operations[index].sectors = sectors;
	return remote_send_message(session->socket, MESSAGE_SECTORS, &sectors, sizeof(sectors),
				   session->patience, err);
}

static int take_clusters(struct session *session, const struct remote_message *message,
			 struct bs_error *err)
{
	if (session->operations != session->allowed->operation_count)
		return lies(err, "a sum of clusters before all operations were done");
	if (message->length != sizeof(session->findings->clusters))
		return lies(err, "a sum of clusters that is no number");
	memcpy(&session->findings->clusters, message->payload, message->length);
	return 0;
}

static int take_zones(struct session *session, const struct remote_message *message,
		      struct bs_error *err)
{
	struct session_findings *findings = session->findings;
	size_t count = message->length / sizeof(struct range);

	if (message->length % sizeof(struct range) != 0)
		return lies(err, "guard zones that make no sense");
	findings->zones = calloc(count + 1, sizeof(*findings->zones));
	if (findings->zones == NULL)
		return fail_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct range zone;

		memcpy(&zone, message->payload + i * sizeof(zone), sizeof(zone));
		if (!range_within(zone.offset, zone.length, disk_size(guard_disk(session->guard))))
			return lies(err, "a guard zone outside of the disk");
		if (budget_charge_zone(&session->budget, zone.length, err) < 0)
			return -1;
		findings->zones[findings->zone_count++] =
			(struct guard_zone){.offset = zone.offset, .length = zone.length};
	}
	return 0;
}

/* The staged plan is the allowed one, with the hashes that only the staging tells. */
static int compare_plans(struct bs_plan *allowed, const struct bs_plan *staged,
			 struct bs_error *err)
{
	for (uint32_t i = 0; i < min_u64(staged->file_count, allowed->file_count); i++)
		memcpy(allowed->files[i].sha256, staged->files[i].sha256,
		       sizeof(allowed->files[i].sha256));
	return plan_equal(allowed, staged)
		       ? 0
		       : lies(err, "another plan than the one that was allowed");
}

static int take_staged(struct session *session, const struct remote_message *message,
		       struct bs_error *err)
{
	struct bs_plan *staged;
	int result;

	/* Nothing that comes after this may change what is going to be verified. */
	if (guard_allow(session->guard, NULL, 0, err) < 0 || check_sector(session, err) < 0 ||
	    message_unpack_plan(message->payload, message->length, &staged, err) < 0)
		return -1;
	result = compare_plans(session->allowed, staged, err);
	bs_plan_free(staged);
	if (result < 0)
		return -1;
	session->findings->plan = session->allowed;
	session->allowed = NULL;
	return 0;
}

static int take_done(struct session *session, const struct remote_message *message,
		     struct bs_error *err)
{
	(void)session;
	return message->length == 0 ? 0 : lies(err, "a last message that is too long");
}

#define JOB(job) (1u << (job))

/*
 * Which message a worker may send: in which jobs, and after which step.  One step leads on to the
 * next, so each message comes once, but for the one about operations, which are counted.
 */
static const struct rule {
	enum message_type type;
	unsigned jobs;
	enum step from, to;
	int (*take)(struct session *session, const struct remote_message *message,
		    struct bs_error *err);
} rules[] = {
	{MESSAGE_INSPECTION, JOB(WORKER_INSPECT) | JOB(WORKER_REHEARSE), STEP_BEGUN, STEP_INSPECTED,
	 take_inspection},
	{MESSAGE_CHECKING, JOB(WORKER_REHEARSE), STEP_INSPECTED, STEP_CHECKING, take_checking},
	{MESSAGE_PLAN, JOB(WORKER_REHEARSE), STEP_CHECKING, STEP_PLANNED, take_plan},
	{MESSAGE_OPERATION, JOB(WORKER_REHEARSE), STEP_PLANNED, STEP_PLANNED, take_operation},
	{MESSAGE_CLUSTERS, JOB(WORKER_REHEARSE), STEP_PLANNED, STEP_COUNTED, take_clusters},
	{MESSAGE_ZONES, JOB(WORKER_REHEARSE), STEP_COUNTED, STEP_ZONED, take_zones},
	{MESSAGE_STAGED, JOB(WORKER_REHEARSE), STEP_ZONED, STEP_STAGED, take_staged},
	{MESSAGE_DONE, JOB(WORKER_INSPECT) | JOB(WORKER_REHEARSE), STEP_INSPECTED, STEP_DONE,
	 take_done},
	{MESSAGE_DONE, JOB(WORKER_REHEARSE), STEP_STAGED, STEP_DONE, take_done},
	{MESSAGE_DONE, JOB(WORKER_VERIFY), STEP_BEGUN, STEP_DONE, take_done},
};

static int take(struct session *session, const struct remote_message *message, struct bs_error *err)
{
	bool known = false;

	if (message->type == MESSAGE_ERROR)
		return message_unpack_error(message->payload, message->length, err);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];

		if (message->type != (uint32_t)rule->type)
			continue;
		known = true;
		if (!(rule->jobs & JOB(session->task->job)) || session->step != rule->from)
			continue;
		session->step = rule->to;
		return rule->take(session, message, err);
	}
	return known ? lies(err, "a message that has no place at that point")
		     : lies(err, "a message of an unknown type");
}

/* Charges the budget; what was served adds to the processor time that the worker may use. */
static int charge(void *context, enum remote_use use, uint64_t length, uint64_t waited,
		  struct bs_error *err)
{
	struct session *session = context;
	uint64_t seconds = budget_processor_seconds(session->budget.served);
	struct rlimit limit;

	session->has_read = true;
	if (budget_charge(&session->budget, use, length, waited, err) < 0)
		return -1;
	if (seconds == session->seconds)
		return 0;
	session->seconds = seconds;
	/* Where this does not work, the worker keeps what it has. */
	if (prlimit(session->worker, RLIMIT_CPU, NULL, &limit) == 0) {
		limit.rlim_cur = min_u64(seconds, limit.rlim_max);
		prlimit(session->worker, RLIMIT_CPU, &limit, NULL);
	}
	return 0;
}

static int talk(struct session *session, struct bs_error *err)
{
	const struct remote_meter meter = {charge, session};

	/* Each message leads a step on or counts an operation, so the loop ends. */
	while (session->step != STEP_DONE) {
		struct remote_message message;
		int result;

		if (remote_serve(session->socket, guard_disk(session->guard), MESSAGE_MAX,
				 session->patience, &meter, &message, err) < 0)
			return -1;
		result = take(session, &message, err);
		free(message.payload);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* ---- the process --------------------------------------------------------------------------- */

/*
 * A signal of the terminal ends a rehearsal at once, even if the caller holds it; but what has been
 * committed is verified to the end.
 */
static void arrange_signals(const struct worker_task *task)
{
	if (!task->committed)
		signals_release_all();
}

static int start(struct session *session, session_worker *run, struct bs_error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "making a channel to the worker process");
	session->worker = fork();
	if (session->worker < 0) {
		fail_errno(err, BS_SYSTEM_LIMIT, "starting the worker process");
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (session->worker == 0) {
		arrange_signals(session->task);
		run(ends[1], disk_size(guard_disk(session->guard)), session->task);
	}
	close(ends[1]);
	session->socket = ends[0];
	return 0;
}

/* True when the worker has closed the channel, as its end does: there is nothing more to read. */
static bool has_closed(const struct session *session)
{
	uint8_t byte;
	ssize_t length = recv(session->socket, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

	return length == 0 || (length < 0 && errno != EAGAIN);
}

/* A process closes its channel a moment before its end can be seen. */
static void wait_for_end(const struct session *session)
{
	struct pollfd entry = {.fd = pidfd_open(session->worker, 0), .events = POLLIN};

	if (entry.fd < 0)
		return;
	while (poll(&entry, 1, GRACE) < 0 && errno == EINTR)
		;
	close(entry.fd);
}

/* A process that follows wrong pointers, sizes or numbers ends by one of these signals. */
static bool is_crash(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ||
	       number == SIGABRT;
}

/* Seconds of processor time, rounded: the kernel's account and its timer differ a little. */
static uint64_t processor_time(const struct rusage *used)
{
	uint64_t seconds = (uint64_t)(used->ru_utime.tv_sec + used->ru_stime.tv_sec);
	uint64_t fraction = (uint64_t)(used->ru_utime.tv_usec + used->ru_stime.tv_usec);

	return seconds + (fraction + 500000) / 1000000;
}

/*
 * True when the worker was ended by a limit on processor time that bootshift was started with, not
 * by its budget.  The kernel sends SIGXCPU at a limit, and SIGKILL at one that cannot be raised.
 */
static bool met_inherited_limit(const struct session *session, int number,
				const struct rusage *used)
{
	uint64_t seconds = processor_time(used);
	struct rlimit inherited;

	if (getrlimit(RLIMIT_CPU, &inherited) < 0)
		return false;
	if (number == SIGXCPU)
		return seconds >= inherited.rlim_cur && seconds < session->seconds;
	return number == SIGKILL && seconds >= inherited.rlim_max;
}

/*
 * Tells how a worker ended that sent neither DONE nor an error.  From its first request on it only
 * reads the image, so the image caused a crash after that.
 */
static void explain_end(const struct session *session, int status, const struct rusage *used,
			struct bs_error *err)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) == VOLUME_EXIT_NO_MEMORY)
		fail(err, BS_NO_MEMORY, "out of memory while the volumes were read");
	else if (session->has_read && is_crash(number))
		fail(err, BS_NTFS_DAMAGED,
		     "the volumes' structures are damaged: the process that followed them was "
		     "ended by signal %d (%s)",
		     number, strsignal(number));
	else if (met_inherited_limit(session, number, used))
		fail(err, BS_SYSTEM_LIMIT,
		     "the worker process was ended by the limit on processor time with which "
		     "bootshift was started (ulimit -t), after %llu seconds",
		     (unsigned long long)processor_time(used));
	else if (number == SIGXCPU)
		fail(err, BS_NTFS_DAMAGED,
		     "the volumes' structures lead in circles: the process that follows them "
		     "computes "
		     "more than any sound disk of this size takes (signal %d, %s)",
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

/* Ends the worker.  If the talk failed because the worker had ended by itself, tells how. */
static void end(struct session *session, int result, struct bs_error *err)
{
	bool closed = result < 0 && err->code == BS_WORKER && has_closed(session);
	bool ended_itself = false;
	siginfo_t information = {0};
	struct rusage used;
	int status;

	if (closed) {
		wait_for_end(session);
		ended_itself = waitid(P_PID, (id_t)session->worker, &information,
				      WEXITED | WNOHANG | WNOWAIT) == 0 &&
			       information.si_pid == session->worker;
	}
	close(session->socket);
	/* The worker may still run, and has nothing more to say. */
	kill(session->worker, SIGKILL);
	while (wait4(session->worker, &status, 0, &used) < 0)
		if (errno != EINTR)
			return;
	if (ended_itself)
		explain_end(session, status, &used, err);
}

/*
 * libntfs-3g does not bear all errors of a disk, and hides others: the worker crashes, or finds a
 * volume damaged or a copy wrong.  When the disk has failed for good, that is the cause.
 */
static int blame_disk(struct disk *disk, int result, struct bs_error *err)
{
	struct bs_error cause;
	uint8_t byte;

	if (disk_size(disk) == 0 || disk_read(disk, 0, &byte, sizeof(byte), &cause) == 0)
		return result;
	*err = cause;
	return -1;
}

int session_run_worker(struct disk *disk, struct overlay *overlay, const struct worker_task *task,
		       session_worker *run, int patience, struct session_findings *findings,
		       struct bs_error *err)
{
	struct session session = {
		.task = task,
		.overlay = overlay,
		.findings = findings,
		.budget = budget_for_disk(task->job, disk_size(disk), patience),
		.seconds = budget_processor_seconds(0),
		.patience = patience,
	};
	int result;

	*findings = (struct session_findings){0};
	session.guard = guard_open(disk, err);
	if (session.guard == NULL)
		return -1;
	if (task->job == WORKER_VERIFY)
		budget_add_plan(&session.budget, task->job, task->plan);
	result = start(&session, run, err);
	if (result == 0) {
		result = talk(&session, err);
		end(&session, result, err);
	}
	result = blame_disk(disk, result, err);
	disk_close(guard_disk(session.guard));
	bs_plan_free(session.allowed);
	return result;
}

int session_run(struct disk *disk, struct overlay *overlay, const struct worker_task *task,
		struct session_findings *findings, struct bs_error *err)
{
	return session_run_worker(disk, overlay, task, worker_run, PATIENCE, findings, err);
}

void session_free(struct session_findings *findings)
{
	free(findings->inspection);
	bs_plan_free(findings->plan);
	free(findings->zones);
	*findings = (struct session_findings){0};
}
