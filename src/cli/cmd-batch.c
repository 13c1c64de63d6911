/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that work on several images at the same time: batch, and undo --from. */
#include <sched.h>
#include <stdlib.h>

#include "batch/batch.h"
#include "batch/run.h"
#include "cli/commands.h"
#include "report/phrases.h"

/* Returns the number that the user chose; otherwise one slot for each processor of this process. */
static size_t batch_slots(const struct settings *settings)
{
	cpu_set_t processors;
	int count = 1;

	if (settings->jobs > 0)
		return settings->jobs;
	if (sched_getaffinity(0, sizeof(processors), &processors) == 0)
		count = CPU_COUNT(&processors);
	return count < (int)RUN_SLOTS_MAX ? (size_t)count : RUN_SLOTS_MAX;
}

enum bs_exit run_batch(const struct settings *settings, char *const *operands, int count)
{
	struct bs_relations relations = {NULL};
	struct bs_options options = settings->options;
	struct batch_request request = {
		.find = settings->find,
		.options = &options,
		.dry_run = settings->dry_run,
		.resume = settings->resume,
		.retry = settings->retry,
		.words = settings->words,
		.word_count = settings->word_count,
		.rows = settings->rows,
		.page = settings->page,
		.slots = batch_slots(settings),
		.timeout = settings->timeout,
		.failures_max = settings->failures_max,
		.kind = settings->quiet     ? PROGRESS_QUIET
			: settings->verbose ? PROGRESS_VERBOSE
					    : PROGRESS_NORMAL,
		.colour = settings->colour,
	};
	enum bs_exit status;

	options.relations = &relations;
	request.find.relations = &relations;
	request.find.arguments = operands;
	request.find.count = count;
	status = batch_run(&request);
	bs_relations_free(&relations);
	return status;
}

/* ---- undo --from --------------------------------------------------------------------------- */

/* See struct batch_undo_request. */
static void undo_report_image(void *context, const char *path, const struct bs_result *result)
{
	results_add(context, path, result);
}

/* The next undo with these rows would undo the images again, even if they were fixed meanwhile. */
static void undo_report_unwritten(struct results *results, struct batch_undo_outcome *outcome)
{
	fail_prefix(&outcome->unwritten, "%llu undone image%s still recorded as fixed",
		    (unsigned long long)outcome->untold, outcome->untold == 1 ? " is" : "s are");
	report_error(&results->errors, results->settings->from, &outcome->unwritten);
	results_fail(results, BS_EXIT_FAILED);
}

enum bs_exit run_undo_from(const struct settings *settings, char *const *operands, int count)
{
	struct results results;
	struct batch_undo_outcome outcome;
	struct bs_error err;
	const struct batch_undo_request request = {
		.rows = settings->from,
		.patterns = operands,
		.pattern_count = count,
		.options = &settings->options,
		.slots = batch_slots(settings),
		.report = undo_report_image,
		.context = &results,
	};

	results_open(&results, "undo", report_undo, settings);
	if (!results_are_good(&results))
		return results_close(&results);
	if (batch_undo(&request, &outcome, &err) < 0) {
		report_error(&results.errors, settings->from, &err);
		results_fail(&results, bs_code_exit(err.code));
	}
	/* An image of a skipped line may be fixed. */
	if (outcome.skipped > 0) {
		print_skipped(&results.errors, settings->from, outcome.skipped);
		results_fail(&results, BS_EXIT_FAILED);
	}
	if (outcome.untold > 0)
		undo_report_unwritten(&results, &outcome);
	if (outcome.interrupted)
		results_interrupted(&results, outcome.not_begun);
	return results_close(&results);
}
