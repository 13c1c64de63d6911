/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line as a user types it, right and wrong: what is accepted, and what is named. */
#include "cli/samples.h"

/* Words of a command line, up to a NULL.  "IMAGE" stands for an image that can be fixed. */
#define WORDS_MAX 8

static struct outcome type_words(const char *const *words, const char *image)
{
	const char *arguments[WORDS_MAX + 2] = {bootshift_path()};
	struct program program;

	for (size_t i = 0; words[i] != NULL; i++)
		arguments[i + 1] = strcmp(words[i], "IMAGE") == 0 ? image : words[i];
	program = program_start(arguments);
	return program_wait(&program);
}

TEST_CASE(commands_tests, "commands");

static const struct {
	const char *words[WORDS_MAX];
	const char *output;
} right[] = {
	{{"help"}, "Usage: bootshift COMMAND "},
	{{"-h"}, "Usage: bootshift COMMAND "},
	{{"--help"}, "Usage: bootshift COMMAND "},
	{{"help", "fix"}, "Usage: bootshift fix "},
	{{"--help", "fix"}, "Usage: bootshift fix "},
	{{"version"}, "bootshift 0"},
	{{"-V"}, "bootshift 0"},
	{{"--version"}, "bootshift 0"},
	{{"fix", "-V"}, "bootshift 0"},
	{{"--json", "inspect", "IMAGE"}, "\"would-fix\""},
	{{"-v", "--format", "RAW", "inspect", "IMAGE"}, "raw, "},
	{{"-o", "-", "plan", "IMAGE"}, "\"bootshift-plan\""},
	{{"codes"}, "\n3  no-room "},
	{{"codes", "no-room"}, "no-room (exit status 3)\n  The Windows volume has no room"},
	{{"codes", "ok", "recovery-required"}, "\n      bootshift undo IMAGE\n"},
	{{"codes", "--help"}, "Usage: bootshift codes "},
	{{"help", "codes"}, "Usage: bootshift codes "},
	{{"codes", "--json", "usage"}, "\"meaning\": \"The command line is wrong.\""},
};

TEST_EACH(commands_tests, help_version_and_options_before_the_command_are_accepted, right)
{
	const char *image = image_recipe("small", SAMPLE_SMALL);
	struct outcome outcome = type_words(right[_i].words, image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, right[_i].output);
}

static const struct {
	const char *words[WORDS_MAX];
	const char *errors;
} wrong[] = {
	{{NULL}, "no command is named"},
	{{"--json"},
	 "no command is named; --json is an option of inspect, plan, fix, boot, verify, undo and "
	 "accept"},
	{{"--nonsense"}, "unknown option --nonsense, and no command is named"},
	{{"--from", "a.jsonl"}, "no command is named; --from is an option of undo"},
	{{"-v"}, "no command is named; the commands are inspect, "},
	{{"help", "fix", "batch"}, "help takes one command, not several"},
	{{"inspect", ""}, "inspect needs a name that is not empty"},
	{{"batch", ""}, "batch needs a name that is not empty"},
	{{"report", "x", ""}, "report needs a name that is not empty"},
	{{"revert", "x"}, "unknown command 'revert'; the commands are inspect, "},
	{{"apply", "x"}, "'apply'; a plan is carried out by bootshift fix --plan FILE IMAGE"},
	{{"resume", "x"}, "'resume'; a batch is continued if it is typed again with --resume "},
	{{"undo-from", "x"}, "'undo-from'; a batch is undone by bootshift undo --from FILE"},
	{{"report", "--report", "x", "y"}, "; did you mean --output FILE?"},
	{{"fix", "-o", "x", "y"}, "; a plan is written by bootshift plan -o FILE IMAGE"},
	{{"batch", "--plan", "x", "y"}, "; a plan is for one image; "},
	{{"batch", "--from", "x", "y"}, "; a batch is undone by bootshift undo --from FILE, "},
	{{"undo", "--include", "c1", "--from", "g"}, "; name the images, or patterns "},
	{{"undo", "--undo-dir", "X", "--undo-file", "Y", "x"}, ": leave out --undo-dir"},
	{{"info", "IMAGE"}, "unknown command 'info'; did you mean 'inspect'?"},
	{{"convert", "IMAGE"},
	 "; the commands are inspect, plan, fix, boot, verify, undo, batch, report and accept"},
	{{"IMAGE"}, "no command is named; to look at this file: bootshift inspect /"},
	{{"/"}, "no command is named; to look at this folder: bootshift batch --dry-run /\n"},
	{{"help", "info"}, "unknown command 'info'"},
	{{"codes", "no-rooms"}, "unknown code 'no-rooms'; all codes: bootshift codes"},
	{{"--bogus", "inspect", "IMAGE"}, "unknown option --bogus"},
	{{"plan", "IMAGE", "IMAGE"}, "plan takes one image, not 2"},
	{{"inspect"}, "no image is named"},
	{{"batch"}, "no folder or image is named"},
	{{"fix", "undo", "IMAGE"},
	 "two commands are named, fix and undo; if undo is a file, write ./undo"},
	{{"inspect", "help"}, "two commands are named, inspect and help"},
	{{"report"}, "no file of batch results is named"},
};

TEST_EACH(commands_tests, a_wrong_command_line_has_one_status_and_names_the_right_words, wrong)
{
	const char *image = image_recipe("small", SAMPLE_SMALL);
	struct outcome outcome = type_words(wrong[_i].words, image);

	ASSERT_STATUS(outcome, 2);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, wrong[_i].errors);
}

TEST(commands_tests, a_size_without_a_unit_that_is_meant_as_mebibytes_is_told)
{
	const char *image = image_recipe("small", SAMPLE_SMALL);
	struct outcome outcome = BOOTSHIFT("inspect", "--pe-size", "119", image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.errors, "bootshift: warning: --pe-size 119 means 119 bytes");
	ASSERT_HAS(outcome.errors, "did you mean 119MiB?");
	ck_assert_str_eq(BOOTSHIFT("inspect", "--pe-size", "119M", image).errors, "");
	ck_assert_str_eq(BOOTSHIFT("inspect", "--pe-size", "124780544", image).errors, "");
}
