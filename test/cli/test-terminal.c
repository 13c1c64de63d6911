/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All output is safe for a terminal: names and labels from outside cannot control it, only
 * terminals get colours, and lines are not longer than the terminal is wide.
 */
#include <locale.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/samples.h"
#include "support/report.h"

static const char *named(const char *name)
{
	const char *image = small_image();
	const char *path = text("%.*s%s", (int)(strrchr(image, '/') + 1 - image), image, name);

	ck_assert_int_eq(rename(image, path), 0);
	return path;
}

/* The output has no control characters except newlines, and is valid UTF-8. */
static void assert_harmless(const char *bytes)
{
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	for (const char *p = bytes; *p != '\0'; p++)
		ck_assert_msg((unsigned char)*p >= ' ' ? *p != 0x7f : *p == '\n',
			      "byte %02x in\n%s", (unsigned char)*p, bytes);
	ck_assert_msg(mbstowcs(NULL, bytes, 0) != (size_t)-1, "not UTF-8:\n%s", bytes);
}

TEST_CASE(terminal, "terminal");

TEST_LOOP(terminal, any_name_of_an_image_will_do, 0, 11)
{
	static const struct {
		const char *name, *shown;
	} names[] = {
		{"with a blank.img", "with a blank.img"},
		{"line\nbreak.img", "line\\x0abreak.img"},
		{"red\033[31m.img", "red\\x1b[31m.img"},
		{"title\033]0;gotcha\a.img", "title\\x1b]0;gotcha\\x07.img"},
		{"invalid\xff\xfe.img", "invalid\\xff\\xfe.img"},
		{"cut\xe2\x82", "cut\\xe2\\x82"},
		{"c1\xc2\x9b.img", "c1\\u009b.img"},
		{"over\xe2\x80\xaeride.img", "over\\u202eride.img"},
		{"quote'\"$(id)`id`.img", "quote'\"$(id)`id`.img"},
		{"\xe6\x9c\xac.img", "\xe6\x9c\xac.img"},
		{"%s%n.img", "%s%n.img"},
	};
	const char *image = named(names[_i].name);
	struct image_state before = state_take(image);
	struct outcome inspection = BOOTSHIFT("inspect", image), fix = BOOTSHIFT("fix", image);
	struct outcome json = BOOTSHIFT("inspect", "--json", image), undo, again;

	ASSERT_STATUS(inspection, 0);
	assert_harmless(inspection.output);
	ASSERT_HAS(inspection.output, names[_i].shown);
	ASSERT_STATUS(fix, 0);
	assert_harmless(fix.output);
	ASSERT_HAS(fix.output, text("%s: fixed: ", names[_i].shown));
	ASSERT_HAS(fix.output, text("%s.bootshift-undo\n", names[_i].shown));
	report_text(report_only(&json, "inspect"), "path");
	assert_harmless(json.output);
	undo = BOOTSHIFT("undo", image);
	ASSERT_STATUS(undo, 0);
	assert_harmless(undo.output);
	again = BOOTSHIFT("undo", image);
	ASSERT_STATUS(again, 0);
	assert_harmless(again.output);
	ASSERT_HAS(again.output, text("%s: ", names[_i].shown));
	state_assert_restored(image, &before);
}

TEST(terminal, a_name_that_begins_with_a_hyphen_goes_behind_two)
{
	const char *image = named("--json");
	const char *folder = text("%.*s", (int)(strrchr(image, '/') - image), image);
	struct outcome outcome = RUN(
		"sh", "-c", text("cd '%s' && '%s' inspect -- --json", folder, bootshift_path()));

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "--json: raw, ");
}

/* A shell runs the command that the plan shows. */
TEST(terminal, the_command_that_a_plan_shows_does_what_was_planned)
{
	const char *image = image_copy(image_built("two-active", false));
	const char *folder = text("%s/undo files", images_folder());
	const char *command;
	struct outcome outcome;

	ck_assert_int_eq(mkdir(folder, 0700), 0);
	outcome = BOOTSHIFT("plan", "-o", text("%s.plan", image), "--system-partition", "1",
			    "--undo-dir", folder, "--format", "raw", image);
	ASSERT_STATUS(outcome, 0);
	command = strstr(outcome.output, "bootshift fix ");
	ck_assert_ptr_nonnull(command);
	outcome = RUN("sh", "-c",
		      text("'%s'%.*s", bootshift_path(),
			   (int)(strcspn(command, "\n") - strlen("bootshift")),
			   command + strlen("bootshift")));
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": fixed: ");
	ASSERT_HAS(state_folder(text("%s/any", folder)), ".bootshift-undo");
	image_remove(image);
}

TEST(terminal, a_label_cannot_act_on_the_terminal)
{
	const char *image =
		image_recipe("label", SAMPLE_SMALL "partition system label=\"a\033[31mb\007c\"\n"
						   "partition windows label=\"d\xe2\x80\xae"
						   "e\xc2\x9b"
						   "f\"\n");
	struct outcome outcome = BOOTSHIFT("inspect", "-v", image);
	struct outcome json = BOOTSHIFT("inspect", "--json", image);
	json_t *partitions = report_object(
		report_object(report_only(&json, "inspect"), "inspection"), "partitions");

	ASSERT_STATUS(outcome, 0);
	assert_harmless(outcome.output);
	ASSERT_HAS(outcome.output, "a\\x1b[31mb\\x07c");
	assert_harmless(json.output);
	ck_assert_str_eq(report_text(json_array_get(partitions, 0), "label"), "a\033[31mb\007c");
}

TEST(terminal, other_locales_get_ascii)
{
	struct outcome outcome = RUN("env", "LC_ALL=C", bootshift_path(), "inspect",
				     image_built("windows-10", false));

	ASSERT_STATUS(outcome, 0);
	for (const char *p = outcome.output; *p != '\0'; p++)
		ck_assert_uint_lt((unsigned char)*p, 0x80);
}

/* ---- colours and width --------------------------------------------------------------------- */

/* Runs the command on a terminal of its own.  A name for the image avoids quoting. */
static struct outcome on_terminal(const char *environment, const char *arguments)
{
	const char *image = image_recipe("small", SAMPLE_SMALL);

	return RUN("script", "-qec",
		   text("env %s '%s' inspect %s '%s'", environment, bootshift_path(), arguments,
			image),
		   "/dev/null");
}

TEST(terminal, colours_are_for_terminals)
{
	const char *image = image_recipe("small", SAMPLE_SMALL);

	ASSERT_HAS(on_terminal("", "").output, "\033[");
	ASSERT_HAS_NOT(on_terminal("NO_COLOR=1", "").output, "\033[");
	ASSERT_HAS(on_terminal("NO_COLOR=", "").output, "\033[");
	ASSERT_HAS_NOT(on_terminal("TERM=dumb", "").output, "\033[");
	ASSERT_HAS_NOT(on_terminal("", "--color never").output, "\033[");
	ASSERT_HAS(on_terminal("NO_COLOR=1", "--color always").output, "\033[");
	ASSERT_HAS_NOT(BOOTSHIFT("inspect", image).output, "\033[");
	ASSERT_HAS(BOOTSHIFT("inspect", "--color", "always", image).output, "\033[");
	ASSERT_HAS_NOT(BOOTSHIFT("inspect", "--json", "--color", "always", image).output, "\033[");
}

static int columns(char *line)
{
	wchar_t wide[1024];
	size_t length = mbstowcs(wide, line, 1024);

	ck_assert_uint_lt(length, 1024);
	return wcswidth(wide, length);
}

/* Runs a command on an image "w.img" in a terminal with so many columns. */
static struct outcome run_in_columns(const char *image, const char *command, int width)
{
	return RUN("sh", "-c",
		   text("cd '%.*s' && mv '%s' w.img && COLUMNS=%d '%s' %s w.img; status=$?; "
			"mv w.img '%s'; exit $status",
			(int)(strrchr(image, '/') - image), image, image, width, bootshift_path(),
			command, image));
}

static const char *const wide_commands[] = {"inspect",
					    "inspect --system-partition 3",
					    "inspect -v --pe-size 10GB",
					    "plan",
					    "plan -v",
					    "fix --dry-run"};

TEST_EACH(terminal, lines_fit_any_width, wide_commands)
{
	const char *image = image_copy(image_built("windows-10", false));

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	for (int width = 40; width <= 200; width += 20) {
		struct outcome outcome = run_in_columns(image, wide_commands[_i], width);
		char *rest, *line = strtok_r((char *)outcome.output, "\n", &rest);

		ck_assert_ptr_nonnull(line);
		for (; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
			/* Nothing breaks a command, a path, or the line with the outcome. */
			if (strstr(line, "bootshift fix") ||
			    !strchr(line + strspn(line, " "), ' ') ||
			    (width >= 60 && strncmp(line, "w.img: ", 7) == 0))
				continue;
			ck_assert_msg(columns(line) <= width, "width %d: %s", width, line);
			ck_assert_msg(line[strlen(line) - 1] != ' ', "%s|", line);
		}
	}
	image_remove(image);
}

TEST(terminal, an_error_is_wrapped_on_a_narrow_terminal_and_its_command_is_not)
{
	const char *image = image_copy(image_built("no-active", false));
	struct outcome outcome = run_in_columns(image, "fix", 40);

	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(outcome.errors, "bootshift: w.img: no partition is active\n"
					 "  (no-active-partition);\n"
					 "  choose the partition with the boot\n"
					 "  files:\n"
					 "    bootshift inspect --system-partition 1 w.img\n");
	ASSERT_HAS(run_in_columns(image, "fix", 60).errors,
		   "w.img: no partition is active (no-active-partition); choose ");
	image_remove(image);
}

TEST(terminal, a_narrow_terminal_gets_a_list_instead_of_a_drawing_and_a_table)
{
	const char *image = windows_7();
	struct outcome narrow = run_in_columns(image, "inspect", 59);
	struct outcome wide = run_in_columns(image, "inspect", 60);

	ASSERT_HAS_NOT(narrow.output, "\u250c");
	ASSERT_HAS(narrow.output,
		   "  1 System, Active\n    NTFS, 100 MiB, 82.9 MiB free\n"
		   "    label: System Reserved\n  2 Windows\n    NTFS, 5.9 GiB, 5.9 GiB free\n");
	ASSERT_HAS(wide.output, "\u250c");
	ASSERT_HAS(wide.output, " No Roles ");
	image_remove(image);
}
