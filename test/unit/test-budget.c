/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The budget of a worker: enough for every job, but limited. */
#include "support/test.h"
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */
#include <string.h>

#include "worker/budget.h"

#define MIB      (1ull << 20)
#define GIB      (1ull << 30)
#define TIB      (1ull << 40)
#define PATIENCE 1000 /* milliseconds */

static struct bs_error err;

/* Number of requests of this length that are served before the budget is used up. */
static uint64_t count_requests(struct budget budget, enum remote_use use, uint64_t length)
{
	uint64_t count = 0;

	while (budget_charge(&budget, use, length, 0, &err) == 0)
		count++;
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
	return count;
}

static struct bs_plan usual_plan(uint64_t boot_size)
{
	struct bs_plan plan = {
		.system_size = 100 * MIB,
		.boot_size = boot_size,
		.file_count = 100,
		.operation_count = 2,
	};

	plan.operations[0] = (struct bs_operation){.kind = BS_OPERATION_COPY, .bytes = 20 * MIB};
	plan.operations[1] = (struct bs_operation){.kind = BS_OPERATION_ACTIVATE, .bytes = 4};
	return plan;
}

TEST_CASE(budget_tests, "budget");

TEST(budget_tests, short_requests_count_as_longer_ones)
{
	const struct budget budget = budget_for_disk(WORKER_INSPECT, GIB, PATIENCE);

	ck_assert_uint_eq(count_requests(budget, REMOTE_USE_READ, 1),
			  count_requests(budget, REMOTE_USE_READ, 32768));
	ck_assert_uint_gt(count_requests(budget, REMOTE_USE_READ, 1),
			  count_requests(budget, REMOTE_USE_READ, 65536));
	ck_assert_uint_eq(count_requests(budget, REMOTE_USE_WRITE, 0),
			  count_requests(budget, REMOTE_USE_WRITE, 4096));
}

TEST(budget_tests, the_last_bytes_of_a_budget_can_be_used)
{
	struct budget budget = budget_for_disk(WORKER_INSPECT, GIB, PATIENCE);

	budget.read = 65536;
	ck_assert_uint_eq(count_requests(budget, REMOTE_USE_READ, 65536), 1);
	budget.read = 65535;
	ck_assert_uint_eq(count_requests(budget, REMOTE_USE_READ, 65536), 0);
}

TEST(budget_tests, a_look_reads_every_bitmap_and_writes_next_to_nothing)
{
	/* 2 TiB in clusters of 512 bytes. */
	const struct budget budget = budget_for_disk(WORKER_INSPECT, 2 * TIB, PATIENCE);

	ck_assert_uint_ge(budget.read, 2 * TIB / 512 / 8 * 4);
	ck_assert_uint_le(budget.write, MIB);
	ck_assert_uint_eq(budget.zones, 0);
}

TEST(budget_tests, a_plan_adds_what_staging_writes)
{
	struct budget budget = budget_for_disk(WORKER_REHEARSE, TIB, PATIENCE);
	const struct bs_plan plan = usual_plan(500 * GIB);

	budget_add_plan(&budget, WORKER_REHEARSE, &plan);
	/* The files, a journal ($LogFile) of the usual size, and the bitmap. */
	ck_assert_uint_ge(budget.write, 20 * MIB + 64 * MIB + 500 * GIB / 4096 / 8);
	ck_assert_uint_le(budget.write, 8 * GIB);
	/* The zones of the disk: two bitmaps, in clusters of 4 KiB. */
	ck_assert_uint_ge(budget.zone_bytes, 500 * GIB / 4096 / 8 + 100 * MIB / 4096 / 8);
	ck_assert_uint_le(budget.zone_bytes, GIB);
}

TEST(budget_tests, a_rehearsal_reads_the_whole_mft)
{
	ck_assert_uint_ge(budget_for_disk(WORKER_REHEARSE, TIB, PATIENCE).read, TIB);
	ck_assert_uint_lt(budget_for_disk(WORKER_INSPECT, TIB, PATIENCE).read, TIB);
}

TEST(budget_tests, a_verification_reads_the_files_and_writes_nothing)
{
	struct budget budget = budget_for_disk(WORKER_VERIFY, TIB, PATIENCE);
	const struct bs_plan plan = usual_plan(500 * GIB);

	budget_add_plan(&budget, WORKER_VERIFY, &plan);
	ck_assert_uint_ge(budget.read, 2 * 20 * MIB * 64);
	ck_assert_uint_le(budget.write, MIB);
	ck_assert_uint_eq(budget.zones, 0);
}

TEST(budget_tests, a_check_of_a_fix_writes_nothing_either)
{
	struct budget budget = budget_for_disk(WORKER_RECHECK, TIB, PATIENCE);
	const struct bs_plan plan = usual_plan(500 * GIB);

	budget_add_plan(&budget, WORKER_RECHECK, &plan);
	ck_assert_uint_ge(budget.read, TIB + 2 * 20 * MIB * 64); /* the MFT, too */
	ck_assert_uint_le(budget.write, MIB);
	ck_assert_uint_eq(budget.zones, 0);
}

TEST(budget_tests, numbers_that_lie_make_no_endless_budget)
{
	struct bs_plan plan = usual_plan(10 * GIB);
	struct budget honest = budget_for_disk(WORKER_REHEARSE, 20 * GIB, PATIENCE), lied = honest;

	budget_add_plan(&honest, WORKER_REHEARSE, &plan);
	for (uint32_t i = 0; i < plan.operation_count; i++) {
		plan.operations[i].bytes = UINT64_MAX;
		plan.operations[i].replaces = UINT32_MAX;
	}
	budget_add_plan(&lied, WORKER_REHEARSE, &plan);
	ck_assert_uint_lt(lied.read, honest.read + 32 * GIB);
	ck_assert_uint_lt(lied.write, honest.write + 8 * GIB);
	ck_assert_uint_eq(lied.zone_bytes, honest.zone_bytes);
}

TEST(budget_tests, sums_do_not_overflow)
{
	struct bs_plan plan = usual_plan(UINT64_MAX);
	struct budget budget = budget_for_disk(WORKER_REHEARSE, UINT64_MAX, PATIENCE);

	plan.system_size = UINT64_MAX;
	plan.operations[0].bytes = UINT64_MAX;
	budget_add_plan(&budget, WORKER_VERIFY, &plan);
	ck_assert_uint_eq(budget.read, UINT64_MAX);
	budget_add_plan(&budget, WORKER_REHEARSE, &plan);
	ck_assert_uint_eq(budget.read, UINT64_MAX);
	ck_assert_uint_eq(budget.write, UINT64_MAX);
}

TEST(budget_tests, time_is_limited_in_all_and_grows_with_what_is_served)
{
	struct budget budget = budget_for_disk(WORKER_REHEARSE, GIB, PATIENCE);

	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(budget_charge(&budget, REMOTE_USE_READ, 1, PATIENCE, &err), 0);
	ck_assert_int_eq(budget_charge(&budget, REMOTE_USE_READ, MIB, 0, &err), 0);
	ck_assert_int_eq(budget_charge(&budget, REMOTE_USE_READ, 1, 1000, &err), 0);
	ck_assert_int_eq(budget_charge(&budget, REMOTE_USE_READ, 1, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_TIMEOUT);
}

TEST(budget_tests, messages_take_time_and_no_bytes)
{
	struct budget budget = budget_for_disk(WORKER_REHEARSE, GIB, PATIENCE);
	const struct budget before = budget;

	ck_assert_int_eq(budget_charge(&budget, REMOTE_USE_MESSAGE, 32 * MIB, 1, &err), 0);
	ck_assert_uint_eq(budget.read, before.read);
	ck_assert_uint_eq(budget.write, before.write);
	ck_assert_uint_eq(budget.served, 0);
	ck_assert_int_eq(budget_charge(&budget, REMOTE_USE_MESSAGE, 0, 5 * PATIENCE, &err), -1);
}

TEST(budget_tests, without_patience_there_is_no_end_of_time)
{
	struct budget budget = budget_for_disk(WORKER_REHEARSE, GIB, -1);

	ck_assert_int_eq(budget_charge(&budget, REMOTE_USE_READ, 1, UINT64_MAX, &err), 0);
}

TEST(budget_tests, zones_are_counted_and_so_are_their_bytes)
{
	struct budget budget = budget_for_disk(WORKER_REHEARSE, GIB, PATIENCE);
	const struct bs_plan plan = usual_plan(GIB);
	size_t count = 0;

	ck_assert_int_eq(budget_charge_zone(&budget, 512, &err), -1); /* there is no plan yet */
	budget_add_plan(&budget, WORKER_REHEARSE, &plan);
	ck_assert_int_eq(budget_charge_zone(&budget, budget.zone_bytes + 1, &err), -1);
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
	while (budget_charge_zone(&budget, 0, &err) == 0)
		count++;
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
	ck_assert_uint_gt(count, 16);
	ck_assert_uint_lt(count, 10000);
}

TEST(budget_tests, processor_time_and_memory_follow_from_the_work)
{
	ck_assert_uint_gt(budget_processor_seconds(0), 0);
	ck_assert_uint_gt(budget_processor_seconds(GIB), budget_processor_seconds(0));
	ck_assert_uint_ge(budget_memory(2 * TIB), budget_memory(0) + 64 * MIB);
	ck_assert_uint_lt(budget_memory(2 * TIB), 2 * GIB);
}
