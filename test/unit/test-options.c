/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: the options that each command takes, and the messages about other options. */
#include <string.h>

#include "cli/options.h"

#include "support/test.h"

#define WORDS_MAX 16

/* Splits a line at spaces and parses it; the words go to argv, which has room for WORDS_MAX. */
static int parse(enum command_bit command, char *line, char **argv, struct settings *settings,
		 int *first_image, struct bs_error *err)
{
	char *rest = NULL;
	int argc = 0;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		ck_assert_int_lt(argc, WORDS_MAX - 1);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return options_parse(command, argc, argv, settings, first_image, err);
}

TEST_CASE(options_tests, "options");

TEST(options_tests, options_and_images_may_be_mixed)
{
	char line[] = "fix a.vhd --system-partition 1 --boot-partition=3 b.vhd --pe-size 0.5G -v "
		      "--undo-dir /u --dry-run --format vhd --json";
	char *argv[WORDS_MAX];
	struct settings settings;
	struct bs_error err = {0};
	int first_image;

	ck_assert_int_eq(parse(COMMAND_FIX, line, argv, &settings, &first_image, &err), 0);
	ck_assert_str_eq(argv[first_image], "a.vhd");
	ck_assert_str_eq(argv[first_image + 1], "b.vhd");
	ck_assert_ptr_null(argv[first_image + 2]);
	ck_assert_uint_eq(settings.options.system_partition, 1);
	ck_assert_uint_eq(settings.options.boot_partition, 3);
	ck_assert_uint_eq(settings.options.needed_room, 512 << 20);
	ck_assert_str_eq(settings.options.undo_directory, "/u");
	ck_assert_str_eq(settings.options.format, "vhd");
	ck_assert(settings.verbose && settings.dry_run && settings.json && !settings.quiet);
}

TEST(options_tests, the_last_of_verbose_and_quiet_counts)
{
	char line[] = "inspect -vq a";
	char *argv[WORDS_MAX];
	struct settings settings;
	struct bs_error err = {0};
	int first_image;

	ck_assert_int_eq(parse(COMMAND_INSPECT, line, argv, &settings, &first_image, &err), 0);
	ck_assert(settings.quiet && !settings.verbose);
}

static const struct {
	enum command_bit command;
	const char *line, *message; /* the message must contain `message` */
} wrong[] = {
	{COMMAND_INSPECT, "inspect --dry-run a", "--dry-run"},
	{COMMAND_UNDO, "undo --plan p a", "--plan"},
	{COMMAND_PLAN, "plan --plan p a", "--plan"},
	{COMMAND_FIX, "fix -o p a", "-o"},
	{COMMAND_UNDO, "undo --format raw a", "--format"},
	{COMMAND_FIX, "fix --dry-rnu a", "did you mean --dry-run?"},
	{COMMAND_FIX, "fix --dry a", "unknown option --dry; did you mean --dry-run?"},
	{COMMAND_FIX, "fix --boot=2 a", "did you mean --boot-partition N?"},
	{COMMAND_FIX, "fix --pla p a", "did you mean --plan FILE?"},
	{COMMAND_BATCH, "batch --json a b", "unknown option --json; did you mean --jsonl FILE?"},
	{COMMAND_BATCH, "batch --json=a b", "did you mean --jsonl FILE?"},
	{COMMAND_BATCH, "batch --jsonl x --report ././x a", "both want ././x"},
	{COMMAND_BATCH, "batch --jsonl - --report - a", "both want standard output"},
	{COMMAND_REPORT, "report --jsonl x -o x a", "--jsonl and --output both want x"},
	{COMMAND_FIX, "fix --json=yes a", "takes no value"},
	{COMMAND_FIX, "fix --plan", "--plan needs a value"},
	{COMMAND_PLAN, "plan -o", "-o needs a value"},
	{COMMAND_FIX, "fix --plan= a", "--plan"},
	{COMMAND_FIX, "fix --format ova a", "ova"},
	{COMMAND_FIX, "fix --system-partition 0 a", "'0'"},
	{COMMAND_FIX, "fix --system-partition 33 a", "'33'"},
	{COMMAND_FIX, "fix --system-partition 1x a", "'1x'"},
	{COMMAND_FIX, "fix --boot-partition -1 a", "'-1'"},
	{COMMAND_FIX, "fix --pe-size many a", "'many'"},
	{COMMAND_FIX, "fix --color sometimes a", "'sometimes'"},
	{COMMAND_PLAN, "plan --json -o - a", "standard output"},
	{COMMAND_FIX, "fix --an-option-that-is-longer-than-any-other a", "--an-option"},
};

TEST_EACH(options_tests, a_wrong_command_line_is_refused, wrong)
{
	char line[128];
	char *argv[WORDS_MAX];
	struct settings settings;
	struct bs_error err = {0};
	int first_image;

	strcpy(line, wrong[_i].line);
	ck_assert_int_eq(parse(wrong[_i].command, line, argv, &settings, &first_image, &err), -1);
	ck_assert_int_eq(err.code, BS_USAGE);
	ck_assert_msg(strstr(err.message, wrong[_i].message) != NULL, "%s", err.message);
}
