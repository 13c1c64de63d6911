/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a batch's live lines, at any size of the terminal. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "batch/progress.h"
#include "report/text.h"

#include "support/test.h"

static struct progress_slot slots[3];

/* The state after a minute, of 500 images.  The last 63 of 120 images took 31.5 seconds. */
static struct progress_state halfway(void)
{
	struct progress_state state = {
		.now = 61000,
		.total = 500,
		.done = 120,
		.statuses = {[BS_STATUS_FIXED] = 100,
			     [BS_STATUS_NOTHING_TO_DO] = 8,
			     [BS_STATUS_REFUSED] = 11,
			     [BS_STATUS_FAILED] = 1},
		.slots = {.items = slots, .count = 3},
	};

	for (size_t i = 0; i < 120; i++)
		state.ends[i % PROGRESS_RATE_IMAGES] = 1500 + i * 500;
	slots[0] = (struct progress_slot){(char *)"/srv/images/berlin/kiosk-17.vhd",
					  BS_PHASE_REHEARSING, 60000, 0};
	slots[1] = (struct progress_slot){NULL, BS_PHASE_OPENING, 0, 0};
	slots[2] = (struct progress_slot){(char *)"/srv/images/porto/lab-3.vhdx",
					  BS_PHASE_COMMITTING, 40000, 0};
	return state;
}

/* Returns the text of the live lines.  The caller frees it. */
static char *frame(const struct progress_state *state, unsigned columns, unsigned rows,
		   bool unicode)
{
	char *drawn = NULL;
	size_t size;
	FILE *stream = open_memstream(&drawn, &size);
	struct output output = {.stream = stream, .unicode = unicode};
	unsigned lines = progress_frame(&output, state, columns, rows), ends = 0;

	ck_assert_int_eq(output.error, 0);
	ck_assert_int_eq(fclose(stream), 0);
	for (const char *p = drawn; *p != '\0'; p++)
		ends += *p == '\n';
	ck_assert_uint_eq(lines, ends);
	return drawn;
}

static void assert_frame(const struct progress_state *state, unsigned columns, unsigned rows,
			 const char *expected)
{
	char *drawn = frame(state, columns, rows, false);

	ck_assert_str_eq(drawn, expected);
	free(drawn);
}

TEST_CASE(progress_frame_tests, "progress-frame");

TEST(progress_frame_tests, a_frame_tells_how_far_it_is)
{
	struct progress_state state = halfway();

	assert_frame(
		&state, 80, 24,
		"120 of 500  =========-------------------------------  24%  120/min  3 min left\n"
		"1 failed  11 refused  100 fixed  8 nothing to do\n"
		"  rehearsing  /srv/images/berlin/kiosk-17.vhd\n"
		"  writing     /srv/images/porto/lab-3.vhdx (21 s)\n");
}

TEST(progress_frame_tests, the_start_of_the_appliance_tells_how_far_it_is)
{
	struct progress_state state = halfway();
	char *drawn;

	slots[0].phase = BS_PHASE_WAITING;
	slots[0].percent = 40;
	slots[2].phase = BS_PHASE_ASKING;
	drawn = frame(&state, 80, 24, false);
	ck_assert_ptr_nonnull(
		strstr(drawn, "  starting libguestfs: 40 % /srv/images/berlin/kiosk-17.vhd\n"));
	ck_assert_ptr_nonnull(
		strstr(drawn, "  asking libguestfs /srv/images/porto/lab-3.vhdx (21 s)\n"));
	free(drawn);
}

TEST(progress_frame_tests, a_narrow_frame_keeps_what_matters)
{
	struct progress_state state = halfway();

	assert_frame(&state, 20, 24,
		     "120 of 500  24%\n"
		     "1 failed  100 fixed\n"
		     "  /srv~kiosk-17.vhd\n"
		     "  /srv~o/lab-3.vhdx\n");
}

TEST(progress_frame_tests, a_low_frame_has_fewer_running_images)
{
	struct progress_state state = halfway();

	assert_frame(&state, 40, 2, "120 of 500  24%  120/min  3 min left\n");
	assert_frame(&state, 40, 4,
		     "120 of 500  24%  120/min  3 min left\n"
		     "1 failed  11 refused  100 fixed\n"
		     "  2 running\n");
}

TEST(progress_frame_tests, what_is_not_known_is_not_guessed)
{
	struct progress_state state = {.now = 5000, .total = 3, .slots = {.items = slots}};

	assert_frame(&state, 60, 24,
		     "0 of 3  ------------------------------  0%  --/min  -- left\n");
}

TEST(progress_frame_tests, no_images_at_all_are_all_of_them)
{
	struct progress_state state = {.now = 5000, .slots = {.items = slots}};

	assert_frame(&state, 30, 24, "0 of 0  100%  --/min  -- left\n");
}

TEST(progress_frame_tests, a_batch_that_hangs_slows_down)
{
	struct progress_state state = halfway();
	char *drawn;

	state.now += 600000;
	drawn = frame(&state, 80, 24, false);
	ck_assert_ptr_nonnull(strstr(drawn, "6.0/min"));
	ck_assert_ptr_nonnull(strstr(drawn, "63 min left"));
	free(drawn);
	state.now += 36000000;
	drawn = frame(&state, 80, 24, false);
	ck_assert_ptr_nonnull(strstr(drawn, "0.1/min"));
	ck_assert_ptr_nonnull(strstr(drawn, " h "));
	free(drawn);
}

/* Images that take no time, such as those fixed before, must not raise the rate of the others. */
TEST(progress_frame_tests, the_rate_is_that_of_the_last_images)
{
	struct progress_state state = {
		.now = 640000, .total = 1000, .done = 464, .slots = {.items = slots}};
	char *drawn;

	for (size_t i = 0; i < PROGRESS_RATE_IMAGES; i++) /* 400 at once, then one in ten seconds */
		state.ends[(400 + i) % PROGRESS_RATE_IMAGES] = 10000 * (i + 1);
	drawn = frame(&state, 80, 24, false);
	ck_assert_msg(strstr(drawn, " 6.0/min  89 min left") != NULL, "%s", drawn);
	free(drawn);
}

static unsigned widest(const char *drawn)
{
	unsigned columns = 0, most = 0;

	while (*drawn != '\0') {
		uint32_t character;

		drawn += text_decode(drawn, &character);
		columns = character == '\n' ? 0 : columns + text_character_columns(character);
		most = columns > most ? columns : most;
	}
	return most;
}

TEST_LOOP(progress_frame_tests, frames_fit_any_terminal, 0, 2)
{
	struct progress_state state = halfway();
	bool unicode = _i != 0;

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	slots[1] = (struct progress_slot){
		(char *)"/\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac/"
			"\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac.img",
		BS_PHASE_VERIFYING, 0, 0};
	for (unsigned columns = 20; columns <= 200; columns++) {
		for (unsigned rows = 2; rows <= 40; rows++) {
			char *drawn = frame(&state, columns, rows, unicode);
			unsigned lines = 0;

			for (const char *p = drawn; *p != '\0'; p++)
				lines += *p == '\n';
			ck_assert_uint_ge(lines, 1);
			ck_assert_uint_lt(lines, rows);
			ck_assert_msg(widest(drawn) < columns, "%u columns:\n%s", columns, drawn);
			free(drawn);
		}
	}
}

TEST(progress_frame_tests, names_cannot_act_on_the_terminal)
{
	struct progress_state state = {.total = 1, .slots = {.items = slots, .count = 1}};

	slots[0] = (struct progress_slot){(char *)"/a\n\033[2Jb\xff", BS_PHASE_OPENING, 0, 0};
	assert_frame(&state, 40, 24,
		     "0 of 1  ----------  0%  --/min  -- left\n"
		     "  opening     /a\\x0a\\x1b[2Jb\\xff\n");
}
