/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a fix changed, as bs_changes() tells it.  A fix of the disk as it was before is rehearsed again,
 * and its plan is compared with the disk as it is now.
 */
#include <stdlib.h>

#include "engine/steps.h"
#include "transaction/commit.h"
#include "util/signals.h"
#include "windows/plan.h"

int step_list_writes(struct engine *engine, struct bs_error *err)
{
	struct bs_result *result = engine->result;
	struct range_vector ranges = {0};
	int outcome = transaction_list_writes(&engine->container.place, &ranges, err);

	result->written = outcome == 0 ? calloc(ranges.count + 1, sizeof(*result->written)) : NULL;
	if (outcome == 0 && !result->written)
		outcome = fail_memory(err);
	for (size_t i = 0; outcome == 0 && i < ranges.count; i++) {
		result->written[i] =
			(struct bs_written){ranges.items[i].offset, ranges.items[i].length};
		result->container_bytes += ranges.items[i].length;
	}
	if (outcome == 0)
		result->container_extents = result->written_count = (uint32_t)ranges.count;
	range_vector_free(&ranges);
	return outcome;
}

/*
 * Takes the plan of the disk before, if the image has all that the plan says.  A plan that moves
 * nothing only gives the signature back.
 */
static void changes_prove(const char *image, const struct bs_options *options,
			  struct bs_result *before, struct bs_result *result)
{
	struct bs_result now = {.status = BS_STATUS_WHOLE};
	struct bs_plan *plan = before->plan;

	if (plan_moves_files(plan))
		(void)!engine_run(ENGINE_VERIFY, image, options, plan, &now);
	else if (result->inspection->disk_signature != plan->restored_signature)
		(void)!fail(&now.error, BS_FIX_NOT_WHOLE, "the disk has another signature");
	result->differences = now.differences;
	result->difference_count = now.difference_count;
	now.differences = NULL;
	if (now.error.code == BS_OK || now.error.code == BS_FIX_NOT_WHOLE) {
		result->plan = plan;
		before->plan = NULL;
	} else {
		result->unknown = now.error;
	}
	bs_result_free(&now);
}

/* The number of the only active partition, which the fix has made active; 0: none. */
static uint32_t changes_active_partition(const struct bs_inspection *inspection)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < inspection->partition_count; i++) {
		if (inspection->partitions[i].active && number != 0)
			return 0;
		if (inspection->partitions[i].active)
			number = inspection->partitions[i].number;
	}
	return number;
}

enum bs_exit bs_changes(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	struct bs_options taken, plain;
	struct teller teller;
	struct bs_result before;
	enum bs_exit exit;

	if (!engine_take_options(options, &teller, &taken, result))
		return engine_fail(result);
	exit = engine_run(ENGINE_CHANGES, image, &taken, NULL, result);
	if (exit != BS_EXIT_DONE || result->unknown.code != BS_OK)
		return exit;
	/* What the fix did may have needed these.  Where it did not need them, they change nothing. */
	plain = taken;
	plain.rebuild = plain.restore_signature = true;
	plain.only_needed = plain.prove = false;
	(void)!engine_run(ENGINE_BEFORE, image, &plain, NULL, &before);
	/* The fix was made with --boot-partition.  What it chose is the active partition now. */
	if (!before.plan && plain.boot_partition == 0 &&
	    changes_active_partition(result->inspection) != 0) {
		bs_result_free(&before);
		plain.boot_partition = changes_active_partition(result->inspection);
		(void)!engine_run(ENGINE_BEFORE, image, &plain, NULL, &before);
	}
	if (before.plan)
		changes_prove(image, &taken, &before, result);
	else
		result->unknown = before.error;
	bs_result_free(&before);
	if (!signals_is_cancelled())
		return exit;
	signals_fail_stopped(&result->error);
	return engine_fail(result);
}
