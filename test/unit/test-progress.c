/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On a terminal, the live lines of a batch leave nothing behind.  Other output has no live lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "batch/progress.h"

#include "support/test.h"

static struct row row_of(const char *path, enum bs_status status, enum bs_code code)
{
	return (struct row){
		.path = path,
		.status = status,
		.code = code,
		.message = code == BS_OK ? NULL : "what is wrong",
		.milliseconds = 210,
	};
}

/* A small batch with one image of each kind. */
static void run_batch(struct progress *progress)
{
	struct row fixed = row_of("good.img", BS_STATUS_FIXED, BS_OK);
	struct row nothing = row_of("done.img", BS_STATUS_NOTHING_TO_DO, BS_OK);
	struct row refused = row_of("bad\033.img", BS_STATUS_REFUSED, BS_HIBERNATED);
	struct row failed = row_of("worse.img", BS_STATUS_FAILED, BS_IO);

	progress_start(progress, 0, "good.img");
	progress_start(progress, 1, "bad.img");
	progress_phase(progress, 0, BS_PHASE_COMMITTING, 0);
	progress_end(progress, 1, &refused);
	progress_start(progress, 1, "done.img");
	progress_tick(progress);
	progress_end(progress, 0, &fixed);
	progress_end(progress, 1, &nothing);
	print(progress_above(progress), "a warning");
	print_end(progress_above(progress));
	progress_tick(progress);
	progress_start(progress, 3, "worse.img");
	progress_end(progress, 3, &failed);
}

static const char *const batch_lines[] = {
	[PROGRESS_QUIET] = "bootshift: bad\\x1b.img: what is wrong (hibernated)\n"
			   "a warning\n"
			   "bootshift: worse.img: what is wrong (io-error)\n",
	[PROGRESS_NORMAL] = "bad\\x1b.img: refused: what is wrong (hibernated)\n"
			    "good.img: fixed in 0.21 s\n"
			    "done.img: nothing to do\n"
			    "a warning\n"
			    "worse.img: failed: what is wrong (io-error)\n",
};

static void assert_batch_on_a_file(enum progress_kind kind, const char *expected)
{
	char *printed = NULL;
	size_t size;
	FILE *stream = tmpfile();
	struct progress *progress = progress_open(stream, OUTPUT_COLOUR_AUTO, kind, 4);

	run_batch(progress);
	ck_assert_int_eq(progress_close(progress), 0);
	rewind(stream);
	ck_assert_int_gt(getdelim(&printed, &size, '\0', stream), 0);
	ck_assert_str_eq(printed, expected);
	free(printed);
	ck_assert_int_eq(fclose(stream), 0);
}

TEST_CASE(progress_tests, "progress");

TEST(progress_tests, elsewhere_there_is_one_line_an_image)
{
	assert_batch_on_a_file(PROGRESS_NORMAL, batch_lines[PROGRESS_NORMAL]);
	assert_batch_on_a_file(PROGRESS_VERBOSE, batch_lines[PROGRESS_NORMAL]);
}

TEST(progress_tests, names_are_shown_with_their_bytes)
{
	struct row row = row_of("x\xef\xbf\xbd.img", BS_STATUS_FIXED, BS_OK);
	char line[64];
	FILE *stream = tmpfile();
	struct progress *progress = progress_open(stream, OUTPUT_COLOUR_AUTO, PROGRESS_NORMAL, 1);

	row.location = (char *)"/srv/x\xff.img";
	progress_start(progress, 0, "x\xff.img");
	progress_end(progress, 0, &row);
	ck_assert_int_eq(progress_close(progress), 0);
	rewind(stream);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), stream));
	ck_assert_str_eq(line, "x\\xff.img: fixed in 0.21 s\n");
	ck_assert_int_eq(fclose(stream), 0);
}

TEST(progress_tests, quiet_leaves_the_problems)
{
	assert_batch_on_a_file(PROGRESS_QUIET, batch_lines[PROGRESS_QUIET]);
}

/*
 * A terminal that wraps lines again when it gets narrower: it stores whole lines, and its cursor
 * stays at its character.  A line that is wider than the window fails the test, because the cursor
 * would then move up by a wrong number of lines.
 */
struct terminal {
	int master;
	FILE *stream;
	char lines[200][256];
	unsigned line, column;
	bool cuts; /* cuts long lines off instead of wrapping them */
};

static void terminal_resize(struct terminal *terminal, unsigned short columns, unsigned short rows)
{
	struct winsize size = {.ws_col = columns, .ws_row = rows};

	ck_assert_int_eq(ioctl(terminal->master, TIOCSWINSZ, &size), 0);
}

static void terminal_open(struct terminal *terminal)
{
	int slave;

	memset(terminal, 0, sizeof(*terminal));
	ck_assert_int_eq(openpty(&terminal->master, &slave, NULL, NULL, NULL), 0);
	ck_assert_int_eq(fcntl(terminal->master, F_SETFL, O_NONBLOCK), 0);
	terminal->stream = fdopen(slave, "w");
	terminal_resize(terminal, 80, 24);
}

static void terminal_close(struct terminal *terminal)
{
	ck_assert_int_eq(fclose(terminal->stream), 0);
	close(terminal->master);
}

/* Executes a control sequence.  Returns the text after it. */
static const char *terminal_control(struct terminal *terminal, const char *sequence)
{
	char *end;
	unsigned long number = strtoul(sequence, &end, 10);

	if (*end == '?') {
		ck_assert_int_eq(strtoul(end + 1, &end, 10), 7);
		terminal->cuts = *end == 'l';
	} else if (*end == 'A') {
		number = number > 0 ? number : 1;
		ck_assert_uint_le(number, terminal->line);
		terminal->line -= (unsigned)number;
	} else if (*end == 'K') {
		terminal->lines[terminal->line][terminal->column] = '\0';
	} else {
		ck_assert_int_eq(*end, 'J');
		/* If the whole screen were erased, terminals would keep a copy of it. */
		ck_assert_uint_gt(terminal->line, 0);
		terminal->lines[terminal->line][terminal->column] = '\0';
		for (unsigned i = terminal->line + 1; i < 200; i++)
			terminal->lines[i][0] = '\0';
	}
	return end + 1;
}

static void terminal_put(struct terminal *terminal, char character)
{
	char *line = terminal->lines[terminal->line];

	ck_assert_uint_lt(terminal->column, 255);
	if (line[terminal->column] == '\0')
		line[terminal->column + 1] = '\0';
	line[terminal->column++] = character;
}

/* Gets the bytes that were written since the last call.  Returns their number. */
static size_t terminal_take(struct terminal *terminal, char bytes[65536])
{
	size_t length = 0;
	ssize_t got;

	while ((got = read(terminal->master, bytes + length, 65535 - length)) > 0)
		length += (size_t)got;
	bytes[length] = '\0';
	return length;
}

/* Executes the output since the last call. */
static void terminal_read(struct terminal *terminal)
{
	char bytes[65536];

	terminal_take(terminal, bytes);
	for (const char *p = bytes; *p != '\0'; p++) {
		if (*p == '\r') {
			terminal->column = 0;
		} else if (*p == '\n') {
			ck_assert_uint_lt(++terminal->line, 200);
		} else if (p[0] == '\033' && p[1] == '[') {
			p = terminal_control(terminal, p + 2) - 1;
		} else {
			terminal_put(terminal, *p);
		}
	}
}

/* Checks the first `count` lines. */
static void assert_lines(const struct terminal *terminal, unsigned count,
			 const char *const *expected)
{
	for (unsigned i = 0; i < count; i++)
		ck_assert_str_eq(terminal->lines[i], expected[i]);
}

/* Checks that the cursor is at the start of this line and that nothing follows. */
static void assert_end(const struct terminal *terminal, unsigned line)
{
	ck_assert_uint_eq(terminal->line, line);
	ck_assert_uint_eq(terminal->column, 0);
	for (unsigned i = line; i < 200; i++)
		ck_assert_str_eq(terminal->lines[i], "");
}

TEST(progress_tests, finished_lines_stay_above_the_live_ones)
{
	static const char *const above[] = {"bad\\x1b.img: refused: what is wrong (hibernated)",
					    "a warning",
					    "worse.img: failed: what is wrong (io-error)"};
	struct progress *progress;
	struct terminal terminal;

	setenv("TERM", "xterm", 1);
	terminal_open(&terminal);
	progress = progress_open(terminal.stream, OUTPUT_COLOUR_NEVER, PROGRESS_NORMAL, 4);
	run_batch(progress);
	terminal_read(&terminal);
	assert_lines(&terminal, 3, above);
	ck_assert_str_eq(terminal.lines[4], "1 failed  1 refused  1 fixed  1 nothing to do");
	ck_assert_uint_eq(terminal.line, 3);
	ck_assert(!terminal.cuts);
	ck_assert_int_eq(progress_close(progress), 0);
	terminal_read(&terminal);
	assert_lines(&terminal, 3, above);
	assert_end(&terminal, 3);
	terminal_close(&terminal);
}

/* An undo of a batch prints its images itself. */
TEST(progress_tests, only_live_lines_leave_nothing_behind)
{
	static const char *const above[] = {"a warning"};
	struct progress *progress;
	struct terminal terminal;

	setenv("TERM", "xterm", 1);
	terminal_open(&terminal);
	progress = progress_open(terminal.stream, OUTPUT_COLOUR_NEVER, PROGRESS_LIVE, 4);
	ck_assert(progress_is_live(progress));
	run_batch(progress);
	terminal_read(&terminal);
	assert_lines(&terminal, 1, above);
	ck_assert_str_eq(terminal.lines[2], "1 failed  1 refused  1 fixed  1 nothing to do");
	ck_assert_int_eq(progress_close(progress), 0);
	terminal_read(&terminal);
	assert_end(&terminal, 1);
	terminal_close(&terminal);
	assert_batch_on_a_file(PROGRESS_LIVE, "a warning\n");
}

TEST(progress_tests, verbose_leaves_a_line_for_each_image)
{
	static const char *const above[] = {"bad\\x1b.img: refused: what is wrong (hibernated)",
					    "good.img: fixed in 0.21 s", "done.img: nothing to do",
					    "a warning",
					    "worse.img: failed: what is wrong (io-error)"};
	struct progress *progress;
	struct terminal terminal;

	setenv("TERM", "xterm", 1);
	terminal_open(&terminal);
	progress = progress_open(terminal.stream, OUTPUT_COLOUR_NEVER, PROGRESS_VERBOSE, 4);
	run_batch(progress);
	ck_assert_int_eq(progress_close(progress), 0);
	terminal_read(&terminal);
	assert_lines(&terminal, 5, above);
	assert_end(&terminal, 5);
	terminal_close(&terminal);
}

TEST(progress_tests, any_change_of_size_is_survived)
{
	static const unsigned short sizes[][2] = {{80, 24}, {20, 24}, {7, 3},  {200, 2},
						  {33, 5},  {0, 0},   {60, 60}};
	struct row refused = row_of("bad.img", BS_STATUS_REFUSED, BS_HIBERNATED);
	struct progress *progress;
	struct terminal terminal;

	setenv("TERM", "xterm", 1);
	terminal_open(&terminal);
	progress = progress_open(terminal.stream, OUTPUT_COLOUR_NEVER, PROGRESS_NORMAL, 1000);
	for (size_t i = 0; i < 70; i++) {
		terminal_resize(&terminal, sizes[i % 7][0], sizes[i % 7][1]);
		progress_start(progress, i % 5, "/srv/images/some/folder/and/an-image.vhdx");
		progress_tick(progress);
		terminal_read(&terminal);
		ck_assert_uint_eq(terminal.line, i);
		progress_end(progress, i % 5, &refused);
	}
	progress_close(progress);
	terminal_read(&terminal);
	for (size_t i = 0; i < 70; i++)
		ck_assert_str_eq(terminal.lines[i], "bad.img: refused: what is wrong (hibernated)");
	assert_end(&terminal, 70);
	terminal_close(&terminal);
}

TEST(progress_tests, nothing_new_is_not_drawn_again)
{
	struct progress *progress;
	struct terminal terminal;
	char bytes[65536];

	setenv("TERM", "xterm", 1);
	terminal_open(&terminal);
	progress = progress_open(terminal.stream, OUTPUT_COLOUR_NEVER, PROGRESS_NORMAL, 4);
	ck_assert_uint_gt(terminal_take(&terminal, bytes), 0);
	progress_tick(progress);
	ck_assert_uint_eq(terminal_take(&terminal, bytes), 0);
	terminal_resize(&terminal, 81, 24);
	progress_tick(progress);
	ck_assert_uint_gt(terminal_take(&terminal, bytes), 0);
	progress_close(progress);
	terminal_close(&terminal);
}

TEST(progress_tests, a_dumb_terminal_is_none)
{
	struct progress *progress;
	struct terminal terminal;
	char bytes[65536];

	setenv("TERM", "dumb", 1);
	terminal_open(&terminal);
	progress = progress_open(terminal.stream, OUTPUT_COLOUR_AUTO, PROGRESS_NORMAL, 4);
	run_batch(progress);
	progress_close(progress);
	ck_assert_uint_gt(terminal_take(&terminal, bytes), 0);
	ck_assert_ptr_null(strchr(bytes, '\033'));
	ck_assert_ptr_nonnull(strstr(bytes, "good.img: fixed in 0.21 s"));
	terminal_close(&terminal);
}

TEST(progress_tests, what_cannot_be_printed_is_told)
{
	FILE *stream = fopen("/dev/full", "w");
	struct progress *progress = progress_open(stream, OUTPUT_COLOUR_AUTO, PROGRESS_NORMAL, 4);

	run_batch(progress);
	ck_assert_int_eq(progress_close(progress), ENOSPC);
	fclose(stream);
}
