/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands on many images at once: batch, and undo --from. */
#include <sched.h>
#include <stdlib.h>

#include "batch/batch-undo.h"
#include "batch/batch.h"
#include "batch/run.h"
#include "cli/commands.h"
#include "report/phrases.h"

/* As asked for, or one for each processor that this process may use. */
static size_t slots(const struct settings *settings)
{
	cpu_set_t processors;
	int count = 1;

	if (settings->jobs > 0)
		return settings->jobs;
	if (sched_getaffinity(0, sizeof(processors), &processors) == 0)
		count = CPU_COUNT(&processors);
	return count < (int)RUN_SLOTS_MAX ? (size_t)count : RUN_SLOTS_MAX;
}

static enum progress_kind kind(const struct settings *settings)
{
	if (settings->quiet)
		return PROGRESS_QUIET;
	return settings->verbose ? PROGRESS_VERBOSE : PROGRESS_NORMAL;
}

enum bs_exit run_batch(const struct settings *settings, char *const *operands, int count)
{
	struct bs_relations relations = {NULL};
	struct bs_options options = settings->options;
	const struct batch_request request = {
		.find = {.relations = &relations,
			 .arguments = operands,
			 .count = count,
			 .follow = settings->follow,
			 .include = settings->include,
			 .exclude = settings->exclude,
			 .shard = settings->shard,
			 .shards = settings->shards},
		.options = &options,
		.dry_run = settings->dry_run,
		.resume = settings->resume,
		.rows = settings->rows,
		.page = settings->page,
		.slots = slots(settings),
		.timeout = settings->timeout,
		.failures_max = settings->failures_max,
		.kind = kind(settings),
		.colour = settings->colour,
	};
	enum bs_exit status;

	options.relations = &relations;
	status = batch_run(&request);
	bs_relations_free(&relations);
	return status;
}

/* ---- undo --from --------------------------------------------------------------------------- */

static void report(void *context, const char *path, const struct bs_result *result)
{
	account_add(context, path, result);
}

/* What is not told of an image may be that it was fixed. */
static void report_skipped(struct account *account, uint64_t skipped)
{
	print(&account->errors, "bootshift: %s: %llu line%s no row%s and passed over",
	      account->settings->from, (unsigned long long)skipped, skipped == 1 ? " is" : "s are",
	      plural(skipped));
	print_end(&account->errors);
	account->worst = worse_exit(account->worst, BS_EXIT_FAILED);
}

/* By these rows they would be undone once more, and with them what was fixed since. */
static void report_untold(struct account *account, struct batch_undo_outcome *outcome)
{
	fail_prefix(&outcome->unwritten, "%llu image%s undone that it goes on to tell as fixed",
		    (unsigned long long)outcome->untold, outcome->untold == 1 ? " is" : "s are");
	report_error(&account->errors, account->settings->from, &outcome->unwritten);
	account->worst = worse_exit(account->worst, BS_EXIT_FAILED);
}

enum bs_exit run_undo_from(const struct settings *settings, char *const *operands, int count)
{
	struct account account;
	struct batch_undo_outcome outcome;
	struct bs_error err;
	const struct batch_undo_request request = {
		.rows = settings->from,
		.patterns = operands,
		.pattern_count = count,
		.options = &settings->options,
		.slots = slots(settings),
		.report = report,
		.context = &account,
	};

	account_open(&account, "undo", report_undo, settings);
	if (!account_is_good(&account))
		return account_close(&account);
	if (batch_undo(&request, &outcome, &err) != 0) {
		report_error(&account.errors, settings->from, &err);
		account.worst = worse_exit(account.worst, bs_code_exit(err.code));
	}
	if (outcome.skipped > 0)
		report_skipped(&account, outcome.skipped);
	if (outcome.untold > 0)
		report_untold(&account, &outcome);
	if (outcome.interrupted)
		account_interrupted(&account, outcome.not_begun);
	return account_close(&account);
}
