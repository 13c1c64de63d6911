/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The power is cut at each call of a fix, an undo, a recovery and an accept of small images, and then at each
 * call of the recovery, and once more.  Whatever the storage keeps, the image is wholly old or wholly
 * new, or a command makes it wholly old.
 *
 * $CRASH_SEED chooses other states where there are too many to build them all.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crash/explore.h"
#include "crash/small.h"
#include "support/test.h"

/* The tests of one kind: one for each action. */
static void explore_kind(struct exploration *exploration, enum small_kind kind, int action)
{
	struct subject subject;

	if (!small_open(&subject, kind))
		return;
	exploration->subject = &subject;
	exploration->seed = explore_seed();
	explore(exploration, (enum action)action);
	small_close(&subject);
	ck_assert_uint_eq(exploration->bad, 0);
}

TEST_CASE(some, "some power cuts");

TEST_LOOP(some, a_power_cut_leaves_old_or_new_or_what_a_command_makes_old, 0,
	  SMALL_TESTS(SMALL_KINDS))
{
	struct exploration exploration = {
		.per_cut = EXPLORE_EVERYDAY, .nested_one_in = 20, .per_nested_cut = 2, .depth = 2};

	explore_kind(&exploration, (enum small_kind)(_i / ACTIONS), _i % ACTIONS);
	ck_assert_uint_gt(exploration.states, _i % ACTIONS == ACTION_ACCEPT ? 2 : 30);
}

/* ---- all states of small images --------------------------------------------------------------- */

static void explore_all(enum small_kind kind, int action, unsigned per_cut)
{
	struct exploration exploration = {.per_cut = per_cut,
					  .nested_one_in = 100,
					  .per_nested_cut = 8,
					  .deeper_one_in = 100,
					  .depth = 3};

	explore_kind(&exploration, kind, action);
	explore_print(&exploration, (enum action)action);
}

/* A case for each kind, so that they run side by side. */
#define ALL_POWER_CUTS(kind, title, per_cut)                                                       \
	TEST_CASE(all_##kind, title, .tags = "crash");                                             \
	TEST_LOOP(all_##kind, every_power_cut_leaves_old_or_new_##kind, 0, ACTIONS)                \
	{                                                                                          \
		explore_all(kind, _i, per_cut);                                                    \
	}

ALL_POWER_CUTS(SMALL_GROWS, "all power cuts, growing", 4096)
ALL_POWER_CUTS(SMALL_DEVICE, "all power cuts, device", 4096)
ALL_POWER_CUTS(SMALL_DATA, "all power cuts, data", 4096)
ALL_POWER_CUTS(SMALL_SET, "all power cuts, set", 512)
ALL_POWER_CUTS(SMALL_GROWING_SET, "all power cuts, growing set", 512)
ALL_POWER_CUTS(SMALL_PIECES, "all power cuts, pieces", 512)
