/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that work on several images at the same time: batch, undo --from, accept --from. */
#include <sched.h>
#include <stdlib.h>

#include "batch/batch.h"
#include "batch/run.h"
#include "cli/commands.h"
#include "report/amount.h"
#include "report/phrases.h"

/*
 * Returns the number that the user chose; otherwise two slots for each processor of this process.
 * A fix waits for the storage several times, and while it waits, another one can use the processor.
 */
static size_t batch_slots(const struct settings *settings)
{
	cpu_set_t processors;
	int count = 1;

	if (settings->jobs > 0)
		return settings->jobs;
	if (sched_getaffinity(0, sizeof(processors), &processors) == 0)
		count = CPU_COUNT(&processors);
	return 2 * count < (int)RUN_SLOTS_MAX ? 2 * (size_t)count : RUN_SLOTS_MAX;
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

/* ---- undo --from, accept --from --------------------------------------------------------------------------- */

/* See struct batch_undo_request. */
static void undo_report_image(void *context, const char *path, const struct bs_result *result)
{
	results_add(context, path, result);
}

/* The next undo with these rows would undo the images again, even if they were fixed meanwhile. */
static void undo_report_unwritten(struct results *results, bool accepts,
				  struct batch_undo_outcome *outcome)
{
	fail_prefix(&outcome->unwritten, "%llu %s image%s still recorded as fixed",
		    (unsigned long long)outcome->untold, accepts ? "accepted" : "undone",
		    outcome->untold == 1 ? " is" : "s are");
	report_error(&results->errors, results->settings->from, &outcome->unwritten);
	results_fail(results, BS_EXIT_FAILED);
}

/* If a pattern matches no image, the file itself was found. */
static void undo_report_failure(struct results *results, bool accepts,
				const struct batch_undo_outcome *outcome,
				const struct bs_error *err)
{
	bool pattern = err->code == BS_NOT_FOUND && outcome->rows > 0;

	print_problem(&results->errors, results->settings->from, err,
		      outcome->not_fixed && accepts ? "there is nothing to accept; do not name it"
		      : outcome->not_fixed          ? "there is nothing to undo; do not name it"
		      : pattern ? "name an image by its path or its name, or a part of it with *"
				: bs_code_advice(err->code));
	results_fail(results, bs_code_exit(err->code));
}

/* Says so if there was nothing to undo, otherwise prints the sum. */
static void undo_report_sum(struct results *results, const struct batch_undo_outcome *outcome)
{
	const struct summary_facts facts = {.milliseconds = outcome->milliseconds,
					    .begun = outcome->begun,
					    .not_begun = outcome->not_begun};
	struct output *output = &results->output;

	if (outcome->summary.images + outcome->not_begun > 0)
		summary_print(output, &outcome->summary, &facts);
	else if (outcome->dry_run)
		print_line(output, "%s: nothing to do: these are results of a dry run",
			   results->settings->from);
	else if (outcome->rows == 0)
		print_line(output, "%s: nothing to do: the file has no results",
			   results->settings->from);
	else
		print_line(output, "%s: nothing to do: the file has %s, but no fix",
			   results->settings->from, count_format(outcome->rows, "result").text);
}

enum bs_exit run_from(enum command_bit command, const struct settings *settings,
		      char *const *operands, int count)
{
	struct results results;
	struct batch_undo_outcome outcome;
	struct bs_error err;
	const struct batch_undo_request request = {
		.accepts = command == COMMAND_ACCEPT,
		.rows = settings->from,
		.patterns = operands,
		.pattern_count = count,
		.dry_run = settings->dry_run,
		.options = &settings->options,
		.slots = batch_slots(settings),
		.live = settings->json || settings->quiet ? NULL : stdout,
		.colour = settings->colour,
		.verbose = settings->verbose,
		.errors = &results.errors,
		.report = undo_report_image,
		.context = &results,
	};

	results_open(&results, command_name(command), request.accepts ? report_accept : report_undo,
		     settings);
	results.changes = !settings->dry_run;
	if (!results_are_good(&results))
		return results_close(&results);
	if (batch_undo(&request, &outcome, &err) < 0) {
		undo_report_failure(&results, request.accepts, &outcome, &err);
	} else if (!settings->json) {
		undo_report_sum(&results, &outcome);
	}
	/* An image of a skipped line may be fixed.  A file without any row was reported above. */
	if (outcome.skipped > 0 && outcome.rows > 0) {
		print_skipped(&results.errors, settings->from, outcome.skipped);
		results_fail(&results, BS_EXIT_FAILED);
	}
	if (outcome.untold > 0)
		undo_report_unwritten(&results, request.accepts, &outcome);
	if (outcome.interrupted)
		results_interrupted(&results, outcome.not_begun);
	summary_free(&outcome.summary);
	return results_close(&results);
}
