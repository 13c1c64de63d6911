/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the library reports to its caller during a command, and what it stores for the caller. */
#include <string.h>

#include "support/sample.h"
#include "support/state.h"

static struct bs_result result;
static enum bs_phase phases[2 * BS_PHASE_COUNT];
static size_t phase_count;

static void teardown(void)
{
	bs_result_free(&result);
}

static int note_phase(void *context, const struct bs_progress *progress)
{
	ck_assert_ptr_eq(context, phases);
	ck_assert(progress->done <= progress->total || progress->total == 0);
	if (progress->done != 0 || progress->total != 0)
		return 0;
	ck_assert_uint_lt(phase_count, sizeof(phases) / sizeof(phases[0]));
	phases[phase_count++] = progress->phase;
	return 0;
}

/* Fixes an image and notes the phases. */
static void fix(const char *image, const char *maker)
{
	struct bs_options options = {
		.size = sizeof(options), .progress = note_phase, .progress_context = phases};

	if (maker)
		memcpy(options.maker, maker, BS_MAKER_SIZE);
	bs_result_free(&result);
	phase_count = 0;
	ck_assert_msg(bs_fix(image, &options, NULL, &result) == BS_EXIT_DONE, "%s",
		      result.error.message);
}

static void assert_phases(const enum bs_phase *expected, size_t count)
{
	ck_assert_uint_eq(phase_count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(phases[i], expected[i]);
}

/*
 * Makes the undo file look as if the fix was killed before the mark APPLIED, see
 * bootshift-journal(5).
 */
static void interrupt(void)
{
	static const char unmarked[4096];

	file_write(result.undo_file, 4096, unmarked, sizeof(unmarked));
}

TEST_CASE(engine_caller, "engine and caller", .teardown = teardown);

TEST(engine_caller, each_phase_is_told_also_that_something_interrupted_is_taken_back)
{
	static const enum bs_phase plain[] = {BS_PHASE_OPENING, BS_PHASE_REHEARSING,
					      BS_PHASE_CHECKING, BS_PHASE_REHEARSING,
					      BS_PHASE_COMMITTING};
	static const enum bs_phase again[] = {BS_PHASE_OPENING,    BS_PHASE_UNDOING,
					      BS_PHASE_REHEARSING, BS_PHASE_CHECKING,
					      BS_PHASE_REHEARSING, BS_PHASE_COMMITTING};
	const char *image = image_copy(image_small("windows-7", false));

	fix(image, NULL);
	assert_phases(plain, 5);
	interrupt();
	fix(image, NULL);
	ck_assert(result.recovered);
	assert_phases(again, 6);
	image_remove(image);
}

TEST(engine_caller, an_undo_file_is_the_own_one_of_its_maker_alone)
{
	const char *image = image_copy(image_small("windows-7", false));
	static const struct {
		const char *first, *second;
		bool own;
	} cases[] = {
		{"the maker's name", "the maker's name", true},
		{"the maker's name", "the maker's mane", false},
		{"the maker's name", NULL, false},
		{NULL, "the maker's name", false},
		{NULL, NULL, false}, /* no owner */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bs_options options = {.size = sizeof(options)};

		fix(image, cases[i].first);
		ck_assert_int_eq(result.status, BS_STATUS_FIXED);
		fix(image, cases[i].second);
		ck_assert_int_eq(result.status, BS_STATUS_NOTHING_TO_DO);
		ck_assert_ptr_nonnull(result.undo_file);
		ck_assert_int_eq(result.own_undo_file, cases[i].own);
		bs_result_free(&result);
		ck_assert_int_eq(bs_undo(image, &options, &result), BS_EXIT_DONE);
	}
	image_remove(image);
}

/* ---- amounts, and cancelling ----------------------------------------------------------------- */

/* The caller cancels at the first word about this phase. */
struct canceller {
	enum bs_phase phase;
	bool at_amount; /* only when an amount is told */
	struct bs_progress last;
	unsigned calls;
};

static int take_progress(void *context, const struct bs_progress *progress)
{
	struct canceller *canceller = context;

	if (progress->phase == canceller->last.phase && canceller->last.total != 0 &&
	    progress->total != 0)
		ck_assert_uint_ge(progress->done, canceller->last.done);
	canceller->last = *progress;
	canceller->calls++;
	return progress->phase == canceller->phase &&
	       (!canceller->at_amount || progress->total != 0);
}

static enum bs_exit fix_and_cancel(const char *image, struct canceller *canceller)
{
	const struct bs_options options = {
		.size = sizeof(options), .progress = take_progress, .progress_context = canceller};

	bs_result_free(&result);
	return bs_fix(image, &options, NULL, &result);
}

TEST_LOOP(engine_caller, a_cancelled_fix_leaves_the_image_as_it_was, 0, 3)
{
	static const struct canceller cases[] = {
		{.phase = BS_PHASE_OPENING},
		{.phase = BS_PHASE_CHECKING},
		{.phase = BS_PHASE_REHEARSING, .at_amount = true},
	};
	const char *image = image_copy(image_small("windows-7", false));
	struct image_state before = state_take(image);
	struct canceller canceller = cases[_i];

	ck_assert_int_eq(fix_and_cancel(image, &canceller), BS_EXIT_FAILED);
	ck_assert_int_eq(result.status, BS_STATUS_FAILED);
	ck_assert_int_eq(result.error.code, BS_INTERRUPTED);
	ck_assert_str_eq(result.error.message,
			 "cancelled by the calling program before anything was written");
	ck_assert_int_eq(canceller.last.phase, cases[_i].phase);
	state_assert_untouched(image, &before);
	image_remove(image);
}

/* And the next command is not cancelled. */
TEST(engine_caller, a_commit_goes_on_and_tells_how_much_it_has_written)
{
	const char *image = image_copy(image_small("windows-7", false));
	struct canceller canceller = {.phase = BS_PHASE_COMMITTING};

	ck_assert_int_eq(fix_and_cancel(image, &canceller), BS_EXIT_DONE);
	ck_assert_int_eq(result.status, BS_STATUS_FIXED);
	ck_assert_int_eq(canceller.last.phase, BS_PHASE_COMMITTING);
	ck_assert_uint_eq(canceller.last.done, canceller.last.total);
	ck_assert_uint_eq(canceller.last.total, result.container_bytes);
	bs_result_free(&result);
	ck_assert_int_eq(bs_undo(image, NULL, &result), BS_EXIT_DONE);
	image_remove(image);
}
