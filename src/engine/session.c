/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/guard.h"
#include "disk/remote.h"
#include "engine/container.h"
#include "util/bytes.h"
#include "windows/mbr.h"
#include "windows/volume.h"
#include "worker/message.h"

#define PATIENCE 120000 /* milliseconds of silence after which the worker is taken for hung */

struct session {
	const struct worker_task *task;
	struct guard *guard;
	struct overlay *overlay;
	struct session_findings *findings;
	bool checking; /* the worker has said that it checks the volume's accounts */
	bool allowed;  /* a plan has been allowed: there is no second one */
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

/* The system partition is never written: that it may not be called the boot partition is all that
 * can be told without a look at what is in it. */
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

static int allow_fix(struct session *session, const struct bs_plan *plan, struct bs_error *err)
{
	struct guard_range ranges[MBR_ENTRIES + 1];
	uint8_t sector[SECTOR_SIZE];
	struct mbr table;

	if (disk_read(guard_disk(session->guard), 0, sector, sizeof(sector), err) < 0)
		return -1;
	if (!mbr_parse(sector, &table))
		return lies(err, "a plan for a disk without a partition table");
	if (check_partition(&table, plan, &session->task->options, err) < 0)
		return -1;
	for (uint32_t i = 0; i < MBR_ENTRIES; i++)
		ranges[i] = (struct guard_range){MBR_FLAG_OFFSET(i), 1};
	ranges[MBR_ENTRIES] = (struct guard_range){plan->boot_start, plan->boot_size};
	return guard_allow(session->guard, ranges, MBR_ENTRIES + 1, err);
}

/* ---- messages ------------------------------------------------------------------------------ */

static int take_inspection(struct session *session, const struct remote_message *message,
			   struct bs_error *err)
{
	struct session_findings *findings = session->findings;

	if (findings->inspection != NULL)
		return lies(err, "two inspections");
	findings->inspection = malloc(sizeof(*findings->inspection));
	if (findings->inspection == NULL)
		return fail(err, BS_NO_MEMORY, "out of memory");
	if (message_unpack_inspection(message->payload, message->length, findings->inspection,
				      err) == 0)
		return 0;
	free(findings->inspection);
	findings->inspection = NULL;
	return -1;
}

/* Between the survey and the staging; on a large volume it takes the most time. */
static int take_checking(struct session *session, struct bs_error *err)
{
	if (session->checking)
		return lies(err, "the same message twice");
	session->checking = true;
	container_tell(&session->task->options, BS_PHASE_CHECKING);
	return 0;
}

static int take_plan(struct session *session, const struct remote_message *message,
		     struct bs_error *err)
{
	struct bs_plan *plan;
	int result;

	if (session->overlay == NULL)
		return lies(err, "a plan that nobody asked for");
	if (session->allowed)
		return lies(err, "two plans");
	if (message_unpack_plan(message->payload, message->length, &plan, err) < 0)
		return -1;
	result = allow_fix(session, plan, err);
	bs_plan_free(plan);
	if (result < 0)
		return -1;
	session->allowed = true;
	overlay_take_written_sectors(session->overlay);
	container_tell(&session->task->options, BS_PHASE_REHEARSING);
	return remote_send_message(session->socket, MESSAGE_PROCEED, NULL, 0, session->patience,
				   err);
}

static int answer_sectors(struct session *session, struct bs_error *err)
{
	uint64_t sectors =
		session->overlay != NULL ? overlay_take_written_sectors(session->overlay) : 0;

	return remote_send_message(session->socket, MESSAGE_SECTORS, &sectors, sizeof(sectors),
				   session->patience, err);
}

static int take_zones(struct session *session, const struct remote_message *message,
		      struct bs_error *err)
{
	struct session_findings *findings = session->findings;
	size_t count = message->length / sizeof(struct volume_run);

	if (message->length % sizeof(struct volume_run) != 0 || findings->zones != NULL)
		return lies(err, "guard zones that make no sense");
	findings->zones = calloc(count + 1, sizeof(*findings->zones));
	if (findings->zones == NULL)
		return fail(err, BS_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++) {
		struct volume_run run;

		memcpy(&run, message->payload + i * sizeof(run), sizeof(run));
		if (!range_within(run.first, run.length, disk_size(guard_disk(session->guard))))
			return lies(err, "a guard zone outside of the disk");
		findings->zones[findings->zone_count++] =
			(struct guard_zone){.offset = run.first, .length = run.length};
	}
	return 0;
}

static int take_clusters(struct session *session, const struct remote_message *message,
			 struct bs_error *err)
{
	if (message->length != sizeof(session->findings->clusters))
		return lies(err, "a sum of clusters that is no number");
	memcpy(&session->findings->clusters, message->payload, message->length);
	return 0;
}

static int take_staged(struct session *session, const struct remote_message *message,
		       struct bs_error *err)
{
	/* Nothing that comes after this may change what is going to be verified. */
	if (guard_allow(session->guard, NULL, 0, err) < 0)
		return -1;
	if (session->findings->plan != NULL)
		return lies(err, "two plans");
	if (session->findings->zones == NULL)
		return lies(err, "a staged plan without guard zones");
	return message_unpack_plan(message->payload, message->length, &session->findings->plan,
				   err);
}

/* *done is set by the last message. */
static int take(struct session *session, const struct remote_message *message, bool *done,
		struct bs_error *err)
{
	switch (message->type) {
	case MESSAGE_INSPECTION:
		return take_inspection(session, message, err);
	case MESSAGE_CHECKING:
		return take_checking(session, err);
	case MESSAGE_PLAN:
		return take_plan(session, message, err);
	case MESSAGE_OPERATION:
		return answer_sectors(session, err);
	case MESSAGE_CLUSTERS:
		return take_clusters(session, message, err);
	case MESSAGE_ZONES:
		return take_zones(session, message, err);
	case MESSAGE_STAGED:
		return take_staged(session, message, err);
	case MESSAGE_ERROR:
		return message_unpack_error(message->payload, message->length, err);
	case MESSAGE_DONE:
		*done = true;
		return 0;
	default:
		return lies(err, "a message of an unknown type");
	}
}

static int talk(struct session *session, struct bs_error *err)
{
	bool done = false;

	while (!done) {
		struct remote_message message;
		int result;

		if (remote_serve(session->socket, guard_disk(session->guard), MESSAGE_MAX,
				 session->patience, &message, err) < 0)
			return -1;
		result = take(session, &message, &done, err);
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
	sigset_t none;

	sigemptyset(&none);
	if (!task->committed)
		pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static int start(struct session *session, session_worker *run, struct bs_error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail_errno(err, BS_WORKER, "making a channel to the worker process");
	session->worker = fork();
	if (session->worker < 0) {
		fail_errno(err, BS_WORKER, "starting the worker process");
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

/* Ends the process, whatever it does, and adds to a BS_WORKER error how it ended. */
static void end(struct session *session, int result, struct bs_error *err)
{
	int status;

	close(session->socket);
	/* It has nothing more to say, and might never end; of no effect when it has ended. */
	kill(session->worker, SIGKILL);
	while (waitpid(session->worker, &status, 0) < 0)
		if (errno != EINTR)
			return;
	if (result < 0 && err->code == BS_WORKER && WIFSIGNALED(status) &&
	    WTERMSIG(status) != SIGKILL)
		fail_prefix(err, "the worker process was ended by signal %d (%s)", WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
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
		.task = task, .overlay = overlay, .findings = findings, .patience = patience};
	int result;

	*findings = (struct session_findings){0};
	session.guard = guard_open(disk, err);
	if (session.guard == NULL)
		return -1;
	result = start(&session, run, err);
	if (result == 0) {
		result = talk(&session, err);
		end(&session, result, err);
	}
	result = blame_disk(disk, result, err);
	disk_close(guard_disk(session.guard));
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
