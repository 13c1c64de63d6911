/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several images in one command, and the report on each of them. */
#include "cli/samples.h"
#include "support/report.h"

/* The mark APPLIED of an undo file, see bootshift-journal(5). */
#define APPLIED_START 4096
#define APPLIED_SIZE  4096

/* A fixed image whose fix seems to have been interrupted just before its end. */
static const char *interrupted(void)
{
	static const uint8_t zeros[APPLIED_SIZE];
	const char *image = small_image();

	report_run("fix", image, 0, "fixed", NULL);
	file_write(text("%s.bootshift-undo", image), APPLIED_START, zeros, sizeof(zeros));
	return image;
}

static const char *refused(void)
{
	return image_copy(image_built("no-active", false));
}

static const char *missing(void)
{
	return text("%s/missing", images_folder());
}

TEST_CASE(several, "several");

TEST(several, the_worst_outcome_is_the_exit_status)
{
	const char *four = interrupted(), *one = missing(), *three = refused(),
		   *zero = small_image();

	ASSERT_STATUS(BOOTSHIFT("inspect", zero, one, four, three), 4);
	ASSERT_STATUS(BOOTSHIFT("inspect", four, zero), 4);
	ASSERT_STATUS(BOOTSHIFT("inspect", zero, one, three), 1);
	ASSERT_STATUS(BOOTSHIFT("inspect", three, one, zero), 1);
	ASSERT_STATUS(BOOTSHIFT("inspect", zero, three, zero), 3);
	ASSERT_STATUS(BOOTSHIFT("inspect", zero, zero), 0);
}

TEST(several, each_image_has_its_object_in_the_report)
{
	const char *good = small_image(), *bad = refused(), *none = missing(),
		   *half = interrupted();
	struct outcome outcome = BOOTSHIFT("fix", "--json", good, bad, none, half);
	json_t *images = report_object(report_read(&outcome, "fix"), "images");
	static const struct {
		const char *status, *code;
	} expected[] = {{"fixed", NULL},
			{"refused", "no-active-partition"},
			{"failed", "not-found"},
			{"fixed", NULL}};
	const char *const paths[] = {good, bad, none, half};

	ASSERT_STATUS(outcome, 1);
	ck_assert_uint_eq(json_array_size(images), 4);
	for (size_t i = 0; i < 4; i++) {
		const json_t *image = json_array_get(images, i);

		ck_assert_str_eq(report_text(image, "path"), paths[i]);
		ck_assert_str_eq(report_text(image, "status"), expected[i].status);
		ck_assert_pstr_eq(report_text(image, "code"), expected[i].code);
		ck_assert(json_is_true(json_object_get(image, "recovered")) == (i == 3));
		ck_assert_int_eq(report_text(image, "message") == NULL, expected[i].code == NULL);
	}
	ASSERT_HAS(outcome.errors, "(no-active-partition); ");
	ASSERT_HAS(outcome.errors, "(not-found); ");
}

TEST(several, errors_are_one_line_each_on_standard_error)
{
	const char *good = small_image(), *bad = refused();
	struct outcome outcome = BOOTSHIFT("fix", bad, good);

	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(outcome.errors,
			 text("bootshift: %s: no partition is active (no-active-partition); choose "
			      "the partition with the boot files: bootshift inspect "
			      "--system-partition 1 %s\n",
			      bad, bad));
	ASSERT_HAS(outcome.output, text("%s: fixed: ", good));
	ASSERT_HAS_NOT(outcome.output, bad);
}

TEST(several, quiet_leaves_the_errors_only)
{
	const char *good = small_image(), *bad = refused();
	struct outcome outcome = BOOTSHIFT("inspect", "-q", bad, good);

	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, "(no-active-partition); ");
	outcome = BOOTSHIFT("fix", "--quiet", good);
	ASSERT_STATUS(outcome, 0);
	ck_assert_str_eq(outcome.output, "");
	ck_assert_str_eq(outcome.errors, "");
}

TEST(several, the_same_image_twice_is_fixed_once)
{
	const char *image = small_image();
	struct outcome outcome = BOOTSHIFT("fix", image, image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": fixed: ");
	ASSERT_HAS(outcome.output, ": nothing to do: ");
}

TEST(several, a_report_that_cannot_be_written_is_an_error_and_the_fix_stands)
{
	const char *image = small_image();
	struct outcome outcome =
		RUN("sh", "-c", text("'%s' fix '%s' >/dev/full", bootshift_path(), image));

	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "bootshift: the report cannot be written: ");
	ASSERT_HAS(outcome.errors, "; the command itself was carried out on 1 image\n");
	report_run("inspect", image, 0, "nothing-to-do", NULL);
	report_run("undo", image, 0, "undone", NULL);
}

/* Runs a command whose reader goes at once; prints its status and nothing else on the output. */
static struct outcome run_without_reader(const char *arguments)
{
	return RUN("bash", "-c",
		   text("{ sleep 0.2; '%s' %s; echo $? >&3; } 3>&1 1> >(exec true)",
			bootshift_path(), arguments));
}

TEST(several, a_reader_that_goes_ends_what_only_prints_without_a_word)
{
	static const char *const commands[] = {"inspect", "inspect --json", "plan",
					       "fix --dry-run"};
	const char *image = small_image();
	struct outcome outcome;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		outcome = run_without_reader(text("%s '%s'", commands[i], image));
		ck_assert_str_eq(outcome.output, "0\n");
		ck_assert_str_eq(outcome.errors, "");
	}
	outcome = run_without_reader("--help");
	ck_assert_str_eq(outcome.output, "0\n");
	ck_assert_str_eq(outcome.errors, "");
}

TEST(several, a_reader_that_goes_does_not_stop_fixes)
{
	const char *one = small_image(), *other = small_image();
	struct outcome outcome = run_without_reader(text("fix '%s' '%s'", one, other));

	ck_assert_str_eq(outcome.output, "0\n");
	ASSERT_HAS(outcome.errors, "the command itself was carried out on 2 images\n");
	report_run("undo", one, 0, "undone", NULL);
	report_run("undo", other, 0, "undone", NULL);
}

TEST(several, a_plan_without_a_reader_or_room_has_an_advice_of_its_own)
{
	const char *image = small_image();
	struct outcome outcome = run_without_reader(text("plan -o - '%s'", image));

	ck_assert_str_eq(outcome.output, "1\n");
	ASSERT_HAS(outcome.errors, "its reader has gone (output-failed); ");
	outcome = BOOTSHIFT("plan", "-o", "/dev/full", image);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "No space left on device (output-failed); ");
}

TEST(several, closed_standard_streams_do_an_image_no_harm)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	struct outcome outcome =
		RUN("sh", "-c", text("'%s' fix '%s' <&- >&- 2>&-", bootshift_path(), image));

	ASSERT_STATUS(outcome, 1); /* nobody has read the report */
	report_run("inspect", image, 0, "nothing-to-do", NULL);
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &before);
}

/*
 * The path leads to a file that is not an image (status 3).  Without such a file, the status is 1.
 */
TEST_LOOP(several, no_file_gets_the_number_of_a_closed_standard_stream, 0, 3)
{
	struct outcome outcome = RUN(
		"sh", "-c", text("'%s' inspect /proc/self/fd/%d %d>&-", bootshift_path(), _i, _i));

	ASSERT_STATUS(outcome, 3);
}

/* ---- the command line ---------------------------------------------------------------------- */

TEST(several, a_wrong_command_line_is_told_and_does_nothing)
{
	static const char *const lines[] = {
		"",
		"repair IMAGE",
		"fix",
		"inspect",
		"undo --json",
		"plan IMAGE IMAGE",
		"fix --no-such-option IMAGE",
		"fix --format floppy IMAGE",
		"fix --boot-partition 0 IMAGE",
		"fix --boot-partition two IMAGE",
		"fix --pe-size much IMAGE",
		"fix --pe-size -1 IMAGE",
		"fix --undo-dir '' IMAGE",
		"fix --undo-dir",
		"fix --color sometimes IMAGE",
		"undo --plan x IMAGE",
		"inspect --plan x IMAGE",
		"plan --json -o - IMAGE",
		"batch",
		"batch --json IMAGE",
		"batch --resume IMAGE",
		"batch --resume --jsonl - IMAGE",
		"batch --jsonl - --report - IMAGE",
		"batch -j 0 IMAGE",
		"batch -j two IMAGE",
		"batch --shard 3/2 IMAGE",
		"batch --shard 0/2 IMAGE",
		"batch --shard 1 IMAGE",
		"batch --shard 1/2/3 IMAGE",
		"batch --timeout 0 IMAGE",
		"batch --max-failures -1 IMAGE",
		"batch --format raw IMAGE",
		"undo -j 2 IMAGE",
		"fix --from x IMAGE",
	};
	const char *image = small_image();
	struct image_state before = state_take(image);

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct outcome outcome = RUN(
			"sh", "-c", text("IMAGE='%s'; '%s' %s", image, bootshift_path(), lines[i]));

		ASSERT_STATUS(outcome, 2);
		ck_assert_str_eq(outcome.output, "");
		ASSERT_HAS(outcome.errors, "bootshift: ");
		ASSERT_HAS(outcome.errors, "Try 'bootshift ");
	}
	state_assert_untouched(image, &before);
}

TEST(several, help_and_version_are_answers_and_not_errors)
{
	static const char *const commands[] = {"inspect", "plan", "fix", "undo"};
	struct outcome help = BOOTSHIFT("--help"), version = BOOTSHIFT("--version");

	ASSERT_STATUS(help, 0);
	ASSERT_STATUS(version, 0);
	ck_assert_str_eq(version.output, "bootshift " BOOTSHIFT_VERSION "\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct outcome outcome = BOOTSHIFT(commands[i], "--help");

		ASSERT_HAS(help.output, text("\n  %s ", commands[i]));
		ASSERT_STATUS(outcome, 0);
		ASSERT_HAS(outcome.output, text("Usage: bootshift %s [OPTION...] ", commands[i]));
		ck_assert_str_eq(outcome.errors, "");
	}
}

TEST(several, only_reports_are_apart_by_a_blank_line)
{
	struct outcome outcome = BOOTSHIFT("inspect", "/none", "/dev/null", "/none");

	ck_assert_str_eq(outcome.output, "");
}
