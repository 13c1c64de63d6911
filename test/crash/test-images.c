/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The power is cut during fixes of real images, in each format and on a device.  There are far too
 * many states to build them all, so these tests choose some; $CRASH_SEED chooses others.
 */
#include <stdio.h>
#include <string.h>

#include <bootshift.h>
#include <unistd.h>

#include "crash/explore.h"
#include "crash/real.h"
#include "support/test.h"

static void explore_real(enum real_kind kind, struct exploration *exploration, bool prints)
{
	struct subject subject;

	if (!real_open(&subject, kind))
		return;
	exploration->subject = &subject;
	exploration->seed = explore_seed();
	for (int action = 0; action < ACTIONS; action++) {
		exploration->states = exploration->cuts = exploration->complete_cuts = 0;
		explore(exploration, (enum action)action);
		if (prints)
			explore_print(exploration, (enum action)action);
		ck_assert_uint_eq(exploration->bad, 0);
	}
	real_close(&subject);
}

TEST_CASE(images, "power cuts of real images");

TEST(images, a_power_cut_during_a_fix_of_a_real_image_leaves_old_or_new)
{
	struct exploration exploration = {.per_cut = 2, .cut_one_in = 40, .depth = 1};

	explore_real(REAL_RAW, &exploration, false);
}

TEST_CASE(all_images, "power cuts of real images in each format", .tags = "crash slow");

TEST_LOOP(all_images, a_power_cut_leaves_an_image_of_each_format_old_or_new, 0, REAL_KINDS)
{
	struct exploration exploration = {.per_cut = 3,
					  .cut_one_in = 3,
					  .nested_one_in = 60,
					  .per_nested_cut = 1,
					  .depth = 2};

	explore_real((enum real_kind)_i, &exploration, true);
}
