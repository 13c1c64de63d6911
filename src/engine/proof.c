/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/container.h"
#include "engine/inspection.h"
#include "engine/options.h"
#include "engine/session.h"
#include "machine/machine.h"
#include "start/watch.h"
#include "util/debug.h"

void proof_free_start(struct bs_start *start)
{
	if (!start)
		return;
	free(start->picture);
	free(start->picture_path);
	free(start);
}

void proof_free(struct proof *proof)
{
	free(proof->inspection);
	proof_free_start(proof->start);
	*proof = (struct proof){NULL, NULL};
}

/* ---- the machine --------------------------------------------------------------------------- */

/* The context of the machine's functions. */
struct proof_run {
	const struct bs_options *options;
	struct watch *watch;
	unsigned seconds; /* time limit */
};

static void proof_tell_stage(void *context, enum machine_stage stage)
{
	const struct proof_run *run = context;

	options_tell(run->options, stage == MACHINE_WAITS ? BS_PHASE_WAITING : BS_PHASE_STARTING);
}

static enum machine_wish proof_watch(void *context, const struct machine_access *accesses,
				     size_t count, uint64_t microseconds_now)
{
	const struct proof_run *run = context;
	struct watch *watch = run->watch;

	for (size_t i = 0; i < count; i++) {
		const struct watch_access access = {
			.microseconds = accesses[i].microseconds,
			.offset = accesses[i].offset,
			.length = accesses[i].length,
			.writes = accesses[i].writes,
		};

		debug_print(DEBUG_MESSAGES, "start: %llu us: %s %llu + %u",
			    (unsigned long long)access.microseconds,
			    access.writes ? "write" : "read", (unsigned long long)access.offset,
			    accesses[i].length);
		watch_take(watch, &access);
	}
	options_tell_amount(run->options, microseconds_now / 1000, run->seconds * 1000ull);
	return watch_judge(watch, microseconds_now) == WATCH_OPEN ? MACHINE_GOES_ON : MACHINE_ENDS;
}

/* Says how the machine ended, if that is not how a machine ends whose disk does not start. */
static void proof_tell_end(struct bs_start *start, enum machine_end end)
{
	size_t length = strlen(start->evidence);
	const char *what = end == MACHINE_TIMED_OUT    ? " (until the time limit)"
			   : end == MACHINE_RESET_LOOP ? "; then the machine restarted"
			   : end == MACHINE_STOPPED    ? "; then the machine stopped"
						       : "";

	start->limit_reached = end == MACHINE_TIMED_OUT;
	start->restarted = end == MACHINE_RESET_LOOP || end == MACHINE_STOPPED;
	if (!start->proven)
		snprintf(start->evidence + length, sizeof(start->evidence) - length, "%s", what);
}

static int proof_run_machine(struct disk *disk, const struct bs_options *options,
			     struct watch *watch, struct bs_start *start, struct bs_error *err)
{
	struct proof_run run = {options, watch,
				options->start_seconds != 0 ? options->start_seconds
							    : BS_DEFAULT_START_SECONDS};
	const struct machine_request request = {
		.disk = disk,
		.seconds = run.seconds,
		.takes_picture = true,
		.watch = proof_watch,
		.tell = proof_tell_stage,
		.context = &run,
	};
	struct machine_outcome outcome;

	if (machine_run(&request, NULL, &outcome, err) < 0)
		return -1;
	watch_finish(watch);
	proof_tell_end(start, outcome.end);
	start->milliseconds = (uint32_t)(outcome.microseconds / 1000);
	start->keys = outcome.keys;
	start->kvm = outcome.kvm;
	start->picture = outcome.picture;
	start->picture_size = outcome.picture_length;
	outcome.picture = NULL;
	machine_outcome_free(&outcome);
	return 0;
}

static int proof_start(struct disk *disk, const struct bs_options *options, bool strict,
		       const struct places *places, struct bs_start **out, struct bs_error *err)
{
	struct bs_start *start = calloc(1, sizeof(*start));
	struct watch *watch = start ? watch_open(places, strict, start, err) : NULL;
	int result = -1;

	if (!start)
		(void)fail_memory(err);
	if (watch)
		result = proof_run_machine(disk, options, watch, start, err);
	watch_free(watch);
	if (result == 0) {
		*out = start;
		debug_print(DEBUG_STEPS, "start: %sproven: %s", start->proven ? "" : "not ",
			    start->evidence);
		return 0;
	}
	proof_free_start(start);
	return -1;
}

int proof_run(struct disk *disk, const struct bs_options *options, const struct bs_plan *plan,
	      struct proof *proof, struct bs_error *err)
{
	/* The BIOS starts the active partition, whatever the user has chosen. */
	struct worker_task task = {.job = WORKER_MAP, .options = *options, .plan = plan};
	struct session_findings findings;
	int result;

	*proof = (struct proof){NULL, NULL};
	task.options.system_partition = task.options.boot_partition = 0;
	result = session_run(disk, NULL, &task, &findings, err);
	proof->inspection = findings.inspection;
	findings.inspection = NULL;
	/* Without partitions there is nothing that a BIOS could start. */
	if (result == 0 && proof->inspection->partition_count > 0)
		result = proof_start(disk, options, plan != NULL, &findings.places, &proof->start,
				     err);
	session_free(&findings);
	return result;
}

/* ---- what a start says about the boot chain ------------------------------------------------ */

static void proof_settle_link(struct bs_link *link)
{
	size_t length = strlen(link->detail);

	if (link->state != BS_LINK_UNKNOWN)
		return;
	link->state = BS_LINK_GOOD;
	link->code = BS_OK;
	snprintf(link->detail + length, sizeof(link->detail) - length, "%s", ", proven by a start");
}

void proof_tell_inspection(const struct bs_start *start, struct bs_inspection *inspection)
{
	bool all_good = true;

	/* bootmgr resumes a hibernated Windows without its loader, and an end by the time limit
	 * says nothing. */
	if (!start->proven && (start->limit_reached || inspection_has(inspection, BS_HIBERNATED)))
		return;
	for (uint32_t i = 0; i < inspection->link_count; i++) {
		if (start->proven)
			proof_settle_link(&inspection->links[i]);
		all_good &= inspection->links[i].state == BS_LINK_GOOD ||
			    inspection->links[i].state == BS_LINK_REPAIRED;
	}
	inspection->starts = start->proven;
	inspection->starts_known = true;
	if (inspection->verdict != BS_VERDICT_FIXABLE) {
		inspection->starts_after = inspection->starts;
		inspection->starts_after_known = true;
	} else if (all_good) {
		inspection->starts_after = inspection->starts_after_known = true;
	}
}
