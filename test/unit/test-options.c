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

TEST(options_tests, a_format_is_accepted_in_either_case)
{
	char line[] = "inspect --format VHDX a";
	char *argv[WORDS_MAX];
	struct settings settings;
	struct bs_error err = {0};
	int first_image;

	ck_assert_int_eq(parse(COMMAND_INSPECT, line, argv, &settings, &first_image, &err), 0);
	ck_assert_str_eq(settings.options.format, "vhdx");
}

TEST(options_tests, a_time_limit_has_a_unit)
{
	char line[] = "batch --timeout 1h30m a";
	char *argv[WORDS_MAX];
	struct settings settings;
	struct bs_error err = {0};
	int first_image;

	ck_assert_int_eq(parse(COMMAND_BATCH, line, argv, &settings, &first_image, &err), 0);
	ck_assert_uint_eq(settings.timeout, 5400);
}

TEST(options_tests, a_value_in_the_word_of_its_option_may_begin_with_a_dash)
{
	char line[] = "batch --jsonl=--dry-run --report ./--page --exclude=-v a";
	char *argv[WORDS_MAX];
	struct settings settings;
	struct bs_error err = {0};
	int first_image;

	ck_assert_int_eq(parse(COMMAND_BATCH, line, argv, &settings, &first_image, &err), 0);
	ck_assert_str_eq(settings.rows, "--dry-run");
	ck_assert_str_eq(settings.page, "./--page");
	ck_assert_str_eq(settings.find.exclude.text[0], "-v");
	ck_assert(!settings.dry_run);
}

TEST(options_tests, patterns_and_flags_may_be_repeated)
{
	char line[] = "batch --include a --include b --retry failed --retry refused --jsonl=x -v "
		      "-q --dry-run --dry-run e";
	char *argv[WORDS_MAX];
	struct settings settings;
	struct bs_error err = {0};
	int first_image;

	ck_assert_int_eq(parse(COMMAND_BATCH, line, argv, &settings, &first_image, &err), 0);
	ck_assert_uint_eq(settings.find.include.count, 2);
}

static const struct {
	const char *line;
	int index; /* of the command */
} places[] = {
	{"bootshift inspect a", 1},
	{"bootshift --json inspect a", 2},
	{"bootshift -v --format vhd inspect a", 4},
	{"bootshift --format=vhd inspect a", 2},
	{"bootshift -vo plan.json plan a", 3},
	{"bootshift -oplan.json plan a", 2},
	{"bootshift -o - plan a", 3},
	{"bootshift --unknown inspect a", 2},
	{"bootshift -- inspect a", 2},
	{"bootshift --json", 2},
	{"bootshift --format", 2},
	{"bootshift", 1},
};

TEST_EACH(options_tests, a_command_is_found_behind_options, places)
{
	char line[128], *argv[WORDS_MAX], *rest = NULL;
	int argc = 0;

	strcpy(line, places[_i].line);
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	ck_assert_int_eq(options_find_command(argc, argv), places[_i].index);
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
	{COMMAND_BATCH, "batch --json a b",
	 "batch does not take --json, only inspect, plan, fix, boot, verify, undo and accept do; "
	 "did you "
	 "mean "
	 "--jsonl "
	 "FILE?"},
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
	{COMMAND_FIX, "fix --boot-partition=-1 a", "'-1'"},
	{COMMAND_FIX, "fix --pe-size many a", "'many'"},
	{COMMAND_FIX, "fix --color sometimes a", "'sometimes'"},
	{COMMAND_PLAN, "plan --json -o - a", "standard output"},
	{COMMAND_FIX, "fix -o p a", "fix does not take -o, only plan and report do"},
	{COMMAND_FIX, "fix --jobs 2 a", "fix does not take --jobs, only undo, batch and accept do"},
	{COMMAND_FIX, "fix --jsonl x a", "; did you mean --json?"},
	{COMMAND_FIX, "fix -n a", "unknown option -n; did you mean --dry-run?"},
	{COMMAND_FIX, "fix -vn a", "unknown option -n; did you mean --dry-run?"},
	{COMMAND_PLAN, "plan -n a", "unknown option -n; this command never writes to the image"},
	{COMMAND_INSPECT, "inspect -f vpc a", "unknown option -f; did you mean --format vhd?"},
	{COMMAND_INSPECT, "inspect a -f VHD", "did you mean --format vhd?"},
	{COMMAND_INSPECT, "inspect --type vdi a", "did you mean --format vdi?"},
	{COMMAND_FIX, "fix -f a", "; the format is --format FMT; nothing can be forced"},
	{COMMAND_UNDO, "undo -f a", "; did you mean --from FILE?"},
	{COMMAND_FIX, "fix -a a", "; for all images in a folder, use bootshift batch FOLDER"},
	{COMMAND_FIX, "fix --force a", "; no option overrides a refusal"},
	{COMMAND_FIX, "fix --yes a", "; no command asks questions"},
	{COMMAND_BATCH, "batch --format vhd a", "; batch detects the format of each image; "},
	{COMMAND_FIX, "fix --format vpc a", "; 'vpc' is called vhd"},
	{COMMAND_FIX, "fix --format img a", "; 'img' is called raw"},
	{COMMAND_BATCH, "batch --timeout soon a", "--timeout: 'soon' is not a time"},
	{COMMAND_FIX, "fix a -q=3", "unknown option -="},
	{COMMAND_FIX, "fix a --pla", "unknown option --pla; did you mean --plan FILE?"},
	{COMMAND_FIX, "fix -dry-run a", "unknown option -dry-run; did you mean --dry-run?"},
	{COMMAND_FIX, "fix a -verbose", "unknown option -verbose; did you mean --verbose?"},
	{COMMAND_PLAN, "plan -vo", "-o needs a value: --output FILE"},
	{COMMAND_BATCH, "batch --jsonl --dry-run a",
	 "the option --jsonl needs a value; if --dry-run is"},
	{COMMAND_BATCH, "batch --report --dry-run a", "--report needs a value"},
	{COMMAND_BATCH, "batch --include --dry-run a", "--include needs a value"},
	{COMMAND_BATCH, "batch --exclude -v a", "--exclude needs a value"},
	{COMMAND_BATCH, "batch --undo-dir --dry-run a", "--undo-dir needs a value"},
	{COMMAND_BATCH, "batch --retry --dry-run a", "--retry needs a value"},
	{COMMAND_BATCH, "batch --jsonl -- a", "--jsonl needs a value"},
	{COMMAND_BATCH, "batch -j --dry-run a", "--jobs needs a value"},
	{COMMAND_FIX, "fix --plan --dry-run a", "--plan needs a value"},
	{COMMAND_PLAN, "plan -o --json a", "--output needs a value"},
	{COMMAND_PLAN, "plan -vo --json a", "--output needs a value"},
	{COMMAND_UNDO, "undo --from --dry-run a", "--from needs a value"},
	{COMMAND_UNDO, "undo --undo-file --dry-run a", "--undo-file needs a value"},
	{COMMAND_UNDO, "undo --from a --from b", "the option --from is given twice"},
	{COMMAND_PLAN, "plan -o a --output b c", "--output is given twice"},
	{COMMAND_BATCH, "batch --jsonl a --jsonl=b c", "--jsonl is given twice"},
	{COMMAND_FIX, "fix --undo-dir a --undo-dir b c", "--undo-dir is given twice"},
	{COMMAND_FIX, "fix --system-partition 1 --system-partition 2 a", "is given twice"},
	{COMMAND_FIX, "fix --format raw --format vhd a", "--format is given twice"},
	{COMMAND_FIX, "fix --pe-size 1G --pe-size 2G a", "--pe-size is given twice"},
	{COMMAND_BATCH, "batch --shard 1/2 --shard 2/2 a", "--shard is given twice"},
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
