/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that a command shows while it waits for the appliance. */
#include <stdlib.h>
#include <string.h>

#include "cli/live.h"
#include "support/test.h"

TEST_CASE(live, "live");

TEST(live, the_appliance_is_shown_and_its_line_is_erased)
{
	static const struct bs_progress told[] = {
		{.phase = BS_PHASE_REHEARSING},
		{.phase = BS_PHASE_WAITING},
		{.phase = BS_PHASE_WAITING, .done = 40, .total = 100},
		{.phase = BS_PHASE_ASKING},
		{.phase = BS_PHASE_STARTING},
		{.phase = BS_PHASE_STARTING, .done = 200, .total = 60000},
		{.phase = BS_PHASE_COMMITTING},
	};
	struct bs_options options = {0};
	char *shown = NULL;
	size_t size;
	FILE *stream = open_memstream(&shown, &size);
	struct live line;

	live_begin_on(&line, stream, &options);
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		ck_assert_int_eq(options.progress(options.progress_context, &told[i]), 0);
	live_end(&line);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_str_eq(shown, "waiting\r\033[K"
				"starting libguestfs: 40 %\r\033[K"
				"asking libguestfs\r\033[K"
				"starting the disk in a virtual machine\r\033[K");
	free(shown);
}

/* The tests have no terminal. */
TEST(live, nothing_is_shown_without_a_terminal)
{
	struct bs_options options = {0};
	struct live line;

	live_begin(&line, &options);
	ck_assert_ptr_null(options.progress);
	live_end(&line);
}
