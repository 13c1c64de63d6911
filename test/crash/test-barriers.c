/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mutants of the barriers: each sync of a fix, an undo and a recovery is left out in turn, and a
 * power cut must then lead to a bad state.  So each sync is needed, and the exploration would notice
 * if the sync were missing.  With $MUTANTS, prints a line for each mutant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/explore.h"
#include "crash/small.h"
#include "support/test.h"

/*
 * An undo and a recovery end with two syncs, of which one is enough: a journal that is marked DONE
 * and a journal that has lost its name mean the same.  So the first is left out together with the
 * second, and the second is not left out alone.
 */
static bool is_sync_of_done(enum action action, const struct event *sync)
{
	return action != ACTION_FIX &&
	       strncmp(sync[-1].text, "write 4096 bytes at 12288 of ", 29) == 0;
}

static bool is_sync_of_removal(enum action action, const struct event *sync)
{
	return action != ACTION_ACCEPT && strncmp(sync[-1].text, "remove ", 7) == 0 &&
	       strcmp(sync->text, "sync the folder") == 0;
}

struct sums {
	int caught, survived;
};

static void explore_mutant(const struct subject *subject, enum action action,
			   const struct recording *recording, struct sums *sums)
{
	struct exploration exploration = {.subject = subject,
					  .seed = explore_seed(),
					  .per_cut = EXPLORE_EVERYDAY,
					  .depth = 1,
					  .stop_at_bad = true,
					  .quiet = true};
	const struct event *sync = &recording->events[recorder_lost_event()];

	explore_states(&exploration, action, recording, recorder_lost_event());
	sums->caught += exploration.bad > 0;
	sums->survived += exploration.bad == 0;
	if (exploration.bad == 0 || getenv("MUTANTS"))
		printf("%s: %s of %s without: %s, after: %s\n",
		       exploration.bad > 0 ? "caught" : "survived", action_title(action),
		       subject->name, sync->text, sync[-1].text);
}

/* Leaves out one sync.  False: the action has fewer syncs. */
static bool leave_out(const struct subject *subject, enum action action, int number,
		      struct sums *sums)
{
	struct recorder_trouble trouble = {TROUBLE_LOST_SYNC, number, 0};
	struct recording *recording = explore_record(subject, action, &trouble);
	bool troubled = recorder_was_troubled();

	if (troubled && is_sync_of_done(action, &recording->events[recorder_lost_event()])) {
		trouble.trouble = TROUBLE_LOST_FROM;
		storage_free(recording);
		recording = explore_record(subject, action, &trouble);
	}
	if (troubled && !is_sync_of_removal(action, &recording->events[recorder_lost_event()]))
		explore_mutant(subject, action, recording, sums);
	storage_free(recording);
	return troubled;
}

TEST_CASE(barriers, "barriers");

TEST_LOOP(barriers, without_any_one_sync_a_power_cut_destroys_an_image, 0,
	  SMALL_TESTS(SMALL_EVERYDAY))
{
	struct sums sums = {0};
	struct subject subject;

	if (!small_open(&subject, (enum small_kind)(_i / ACTIONS)))
		return;
	for (int number = 0; leave_out(&subject, (enum action)(_i % ACTIONS), number, &sums);
	     number++)
		;
	small_close(&subject);
	fflush(stdout);
	ck_assert_int_gt(sums.caught, 0);
	ck_assert_int_eq(sums.survived, 0);
}

TEST_CASE(all_barriers, "barriers of all images", .tags = "mutants");
TEST_ALSO(all_barriers, without_any_one_sync_a_power_cut_destroys_an_image, 0,
	  SMALL_TESTS(SMALL_KINDS));
