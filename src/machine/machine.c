/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two threads work: the NBD server's thread notes the accesses, and the caller's thread takes them
 * to the watcher.  Accesses from before the start are QEMU's own, and are not noted.
 */
#include "machine/machine.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/nbd-server.h"
#include "machine/machine-disk.h"
#include "machine/machine-monitor.h"
#include "machine/machine-process.h"
#include "machine/machine-slot.h"
#include "util/clock.h"
#include "util/debug.h"
#include "util/signals.h"

#define WRITES_MAX (64ull << 20) /* bytes that the guest may write */
#define PULSE      100           /* milliseconds between two calls of the watcher */
#define PATIENCE   120000        /* milliseconds to wait for other machines */
#define IDLE       1000000       /* microseconds without an access, until a key is pressed */

struct machine {
	const struct machine_request *request;
	struct machine_process process;
	struct monitor monitor;
	struct disk *view;
	struct nbd_server *server;
	uint64_t start;       /* clock_microseconds() */
	uint64_t last_change; /* when the guest last used the disk or got a key; since the start */
	bool used_disk;

	int noted; /* eventfd: there are new accesses */
	pthread_mutex_t lock;
	bool starts; /* these three are used by both threads, under the lock */
	bool out_of_memory;
	struct machine_trace accesses; /* that the watcher has not seen */
};

/* ---- accesses ------------------------------------------------------------------------------ */

static uint64_t machine_now(const struct machine *machine)
{
	return clock_microseconds() - machine->start;
}

/* An nbd_server_observer. */
static void machine_note(void *context, uint64_t offset, uint32_t length, bool writes)
{
	struct machine *machine = context;
	struct bs_error ignored;

	pthread_mutex_lock(&machine->lock);
	if (machine->starts && machine_trace_append(&machine->accesses,
						    (struct machine_access){
							    .microseconds = machine_now(machine),
							    .offset = offset,
							    .length = length,
							    .writes = writes,
						    },
						    &ignored) < 0)
		machine->out_of_memory = true;
	pthread_mutex_unlock(&machine->lock);
	/* Cannot fail: the counter is far from its end. */
	eventfd_write(machine->noted, 1);
}

/* Moves the new accesses to `new`, which the caller frees. */
static int machine_take(struct machine *machine, struct machine_trace *new, struct bs_error *err)
{
	eventfd_t ignored;
	bool out_of_memory;

	(void)!eventfd_read(machine->noted, &ignored);
	pthread_mutex_lock(&machine->lock);
	*new = machine->accesses;
	machine->accesses = (struct machine_trace){NULL, 0, 0};
	out_of_memory = machine->out_of_memory;
	pthread_mutex_unlock(&machine->lock);
	if (!out_of_memory)
		return 0;
	machine_trace_free(new);
	return fail_memory(err);
}

static int machine_keep(struct machine_trace *trace, const struct machine_trace *new,
			struct bs_error *err)
{
	if (!trace || trace->count >= MACHINE_TRACE_MAX)
		return 0;
	if (machine_trace_reserve(trace, new->count, err) < 0)
		return -1;
	for (size_t i = 0; i < new->count && trace->count < MACHINE_TRACE_MAX; i++)
		trace->items[trace->count++] = new->items[i];
	return 0;
}

/* Shows the new accesses to the watcher, and appends them to the trace. */
static int machine_tell(struct machine *machine, struct machine_trace *trace,
			enum machine_wish *wish, struct bs_error *err)
{
	const struct machine_request *request = machine->request;
	struct machine_trace new;
	int result;

	if (machine_take(machine, &new, err) < 0)
		return -1;
	if (new.count > 0) {
		machine->used_disk = true;
		machine->last_change = new.items[new.count - 1].microseconds;
	}
	*wish = request->watch ? request->watch(request->context, new.items, new.count,
						machine_now(machine))
			       : MACHINE_GOES_ON;
	result = machine_keep(trace, &new, err);
	machine_trace_free(&new);
	return result;
}

/* ---- running ------------------------------------------------------------------------------- */

static int machine_serve(struct machine *machine, struct bs_error *err)
{
	int disk = machine->process.disk;

	machine->view = machine_disk_open(machine->request->disk, WRITES_MAX, err);
	if (!machine->view)
		return -1;
	machine->process.disk = -1;
	machine->server =
		nbd_server_start_writable(machine->view, disk, machine_note, machine, err);
	return machine->server ? 0 : -1;
}

/* Starts the processor.  The accesses count from now on. */
static int machine_begin(struct machine *machine, struct machine_outcome *outcome,
			 struct bs_error *err)
{
	if (monitor_begin(&machine->monitor, machine->process.monitor, err) < 0 ||
	    monitor_ask(&machine->monitor, "{\"execute\": \"query-kvm\"}", err) < 0)
		return -1;
	outcome->kvm = strstr(machine->monitor.answer, "\"enabled\": true") != NULL;
	pthread_mutex_lock(&machine->lock);
	machine->start = clock_microseconds();
	machine->starts = true;
	pthread_mutex_unlock(&machine->lock);
	return monitor_ask(&machine->monitor, "{\"execute\": \"cont\"}", err);
}

/*
 * A guest that does not use its disk may wait for a key.  No key is pressed before the BIOS has
 * begun to start the disk.
 */
static void machine_press_key(struct machine *machine, struct machine_outcome *outcome)
{
	uint64_t now = machine_now(machine);

	if (!machine->used_disk || now < machine->last_change + IDLE)
		return;
	monitor_send(&machine->monitor, "{\"execute\": \"send-key\", \"arguments\": {\"keys\": "
					"[{\"type\": \"qcode\", \"data\": \"ret\"}]}}");
	outcome->keys++;
	machine->last_change = now;
}

static void machine_wait(struct machine *machine)
{
	struct pollfd waiting[] = {
		{.fd = machine->noted, .events = POLLIN},
		{.fd = machine->process.monitor, .events = POLLIN},
	};

	if (poll(waiting, 2, PULSE) > 0 && waiting[1].revents)
		monitor_listen(&machine->monitor);
}

/* Looks for a reason to end.  QEMU has told the accesses before the event. */
static bool machine_has_ended(const struct machine *machine, enum machine_wish wish,
			      struct machine_outcome *outcome)
{
	if (wish == MACHINE_ENDS)
		outcome->end = MACHINE_ENDED_BY_WATCHER;
	else if (machine->monitor.event == MONITOR_RESTARTED)
		outcome->end = MACHINE_RESET_LOOP;
	else if (machine->monitor.event == MONITOR_STOPPED)
		outcome->end = MACHINE_STOPPED;
	else if (machine_now(machine) >= machine->request->seconds * 1000000ull)
		outcome->end = MACHINE_TIMED_OUT;
	else
		return false;
	return true;
}

static int machine_watch(struct machine *machine, struct machine_trace *trace,
			 struct machine_outcome *outcome, struct bs_error *err)
{
	enum machine_wish wish;

	for (;;) { /* ends: the time is up */
		machine_wait(machine);
		if (machine_tell(machine, trace, &wish, err) < 0)
			return -1;
		if (machine_has_ended(machine, wish, outcome))
			break;
		if (machine->monitor.event == MONITOR_ENDED)
			return machine_process_blame(&machine->process, err);
		if (signals_stop_pending())
			return signals_fail_stopped(err);
		machine_press_key(machine, outcome);
	}
	outcome->microseconds = machine_now(machine);
	return 0;
}

/* ---- the picture --------------------------------------------------------------------------- */

static int machine_read_picture(const struct machine *machine, struct machine_outcome *outcome,
				struct bs_error *err)
{
	static const uint8_t signature[8] = "\x89PNG\r\n\x1a\n";
	struct stat status;

	if (fstat(machine->process.picture, &status) < 0 ||
	    (size_t)status.st_size < sizeof(signature))
		return fail(err, BS_MACHINE_UNUSABLE, "QEMU has not saved the screen");
	outcome->picture_length = (size_t)status.st_size;
	outcome->picture = malloc(outcome->picture_length);
	if (!outcome->picture)
		return fail_memory(err);
	if (file_read_at(machine->process.picture, 0, outcome->picture, outcome->picture_length,
			 err) < 0)
		return -1;
	if (memcmp(outcome->picture, signature, sizeof(signature)) != 0)
		return fail(err, BS_MACHINE_UNUSABLE, "QEMU has not saved the screen as a PNG");
	return 0;
}

/* QEMU before 7.1, or built without libpng, cannot save the screen.  That is no reason to fail. */
static void machine_take_picture(struct machine *machine, struct machine_outcome *outcome)
{
	struct bs_error err;

	if (!machine->request->takes_picture)
		return;
	if (monitor_ask(&machine->monitor,
			"{\"execute\": \"screendump\", \"arguments\": "
			"{\"filename\": \"/dev/fdset/1\", \"format\": \"png\"}}",
			&err) == 0 &&
	    machine_read_picture(machine, outcome, &err) == 0)
		return;
	machine_outcome_free(outcome);
	debug_print(DEBUG_STEPS, "no picture of the screen: %s", err.message);
}

/* ---- all together -------------------------------------------------------------------------- */

/* If QEMU has ended, its own words say more than the error. */
static int machine_start_and_watch(struct machine *machine, struct machine_trace *trace,
				   struct machine_outcome *outcome, struct bs_error *err)
{
	if (machine_process_start(&machine->process, err) < 0 || machine_serve(machine, err) < 0)
		return -1;
	if (machine_begin(machine, outcome, err) == 0 &&
	    machine_watch(machine, trace, outcome, err) == 0) {
		machine_take_picture(machine, outcome);
		return 0;
	}
	if (machine->monitor.event == MONITOR_ENDED && machine->process.pid != 0)
		return machine_process_blame(&machine->process, err);
	return -1;
}

static void machine_tell_stage(const struct machine_request *request, enum machine_stage stage)
{
	if (request->tell)
		request->tell(request->context, stage);
}

static int machine_run_in_turn(const struct machine_request *request, struct machine_trace *trace,
			       struct machine_outcome *outcome, struct bs_error *err)
{
	struct machine machine = {
		.request = request,
		.noted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct bs_error of_disk;
	int result;

	if (machine.noted < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make an eventfd");
	result = machine_start_and_watch(&machine, trace, outcome, err);
	machine_process_end(&machine.process);
	if (nbd_server_stop(machine.server, &of_disk) < 0) {
		*err = of_disk;
		result = -1;
	}
	disk_close(machine.view);
	machine_trace_free(&machine.accesses);
	close(machine.noted);
	return result;
}

int machine_run(const struct machine_request *request, struct machine_trace *trace,
		struct machine_outcome *outcome, struct bs_error *err)
{
	int slot, result;

	*outcome = (struct machine_outcome){.picture = NULL};
	machine_tell_stage(request, MACHINE_WAITS);
	slot = machine_slot_take(PATIENCE, err);
	if (slot < 0)
		return -1;
	machine_tell_stage(request, MACHINE_STARTS);
	result = machine_run_in_turn(request, trace, outcome, err);
	machine_slot_free(slot);
	if (result < 0)
		machine_outcome_free(outcome);
	debug_print(DEBUG_STEPS, "the machine ran for %llu ms%s",
		    (unsigned long long)(outcome->microseconds / 1000),
		    outcome->kvm ? ", with KVM" : "");
	return result;
}

void machine_outcome_free(struct machine_outcome *outcome)
{
	free(outcome->picture);
	outcome->picture = NULL;
}
