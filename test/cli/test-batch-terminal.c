/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch on a real terminal: tmux.  If its window gets narrower, tmux wraps lines again.  tmux
 * also keeps the lines that have scrolled away.  One image is on a server that never answers, so
 * the batch waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/samples.h"

static const char *folder;
static int silent; /* a socket on which nobody answers */

static const char *tmux(const char *arguments)
{
	struct outcome outcome = RUN("sh", "-c", text("tmux -S '%s/tmux' %s", folder, arguments));

	ASSERT_STATUS(outcome, 0);
	return outcome.output;
}

/* The server is a child of the test, and ends with it. */
static void begin(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	folder = test_folder();
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/nbd", folder);
	silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(silent, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(silent, 8), 0);
	START("tmux", "-D", "-f", "/dev/null", "-S", text("%s/tmux", folder));
	while (access(text("%s/tmux", folder), F_OK) != 0)
		usleep(1000);
}

/*
 * The screen and the history above it, once they have `part`.  The test's time limit ends the wait.
 */
static const char *screen_with(const char *part)
{
	const char *screen;

	do {
		usleep(20000);
		screen = tmux("capture-pane -p -J -S -");
	} while (!strstr(screen, part));
	return screen;
}

static void resize(unsigned columns, unsigned rows)
{
	tmux(text("resize-window -x %u -y %u", columns, rows));
}

static unsigned count(const char *screen, const char *part)
{
	unsigned number = 0;

	for (; (screen = strstr(screen, part)); screen += strlen(part))
		number++;
	return number;
}

/*
 * Starts a batch of three images: one is refused, one is fixed, one hangs.  The screen is full
 * before the start, as it usually is.  If the screen were not full, tmux would move lines into its
 * history when it wraps lines again, and nothing can erase lines there.
 */
static void start_batch(void)
{
	const char *images = text("%s/images", folder);

	ASSERT_STATUS(RUN("mkdir", images), 0);
	ASSERT_STATUS(RUN("cp", "--sparse=always", image_built("bitlocker", false),
			  text("%s/locked.img", images)),
		      0);
	ASSERT_STATUS(RUN("cp", "--sparse=always", image_recipe("small", SAMPLE_SMALL),
			  text("%s/small.img", images)),
		      0);
	tmux(text("new-session -d -x 100 -y 20 "
		  "\"seq 40; '%s' batch -j 2 '%s' 'nbd+unix:///?socket=%s/nbd'; echo status \\$?; "
		  "cat\"",
		  bootshift_path(), images, folder));
}

TEST_CASE(batch_terminal, "terminal", .setup = begin, .tags = "slow");

TEST(batch_terminal, a_window_that_changes_its_size_keeps_its_lines)
{
	static const unsigned sizes[][2] = {{34, 9},   {20, 7}, {10, 6},
					    {120, 30}, {60, 8}, {90, 20}};
	const char *screen;

	start_batch();
	screen = screen_with("2 of 3 ");
	ck_assert_uint_eq(count(screen, "opening     nbd+unix"), 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		resize(sizes[i][0], sizes[i][1]);
		usleep(300000); /* so that this size is drawn too; nothing depends on it */
	}
	screen = screen_with("66%");
	ck_assert_uint_eq(count(screen, "2 of 3 "), 1);
	ck_assert_uint_eq(count(screen, "locked.img: refused: "), 1);
	close(silent); /* so that the last image fails */
	screen = screen_with("status 1");
	ck_assert_uint_eq(count(screen, " of 3 "), 0);
	ck_assert_uint_eq(count(screen, "opening"), 0);
	ck_assert_uint_eq(count(screen, "locked.img: refused: "), 1);
	ck_assert_uint_eq(count(screen, "small.img: "), 0);
	ck_assert_uint_eq(count(screen, "/nbd: failed: "), 1);
	ck_assert_uint_eq(count(screen, "3 images in "), 1);
}
