/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: selects the command, its options and its images. */
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/guess.h"
#include "cli/operand.h"
#include "report/amount.h"
#include "report/phrases.h"
#include "util/shell.h"
#include "util/signals.h"

/* A size without a unit that is smaller than this is probably meant as MiB. */
#define BARE_SIZE_PLAUSIBLE (1u << 20)

static const struct command commands[] = {
	{COMMAND_INSPECT, "IMAGE...", NULL, true, run_inspect, report_inspection, NULL,
	 "Show what is in images and whether they need the fix; writes nothing"},
	{COMMAND_PLAN, "IMAGE", NULL, false, run_plan, report_plan, NULL,
	 "Rehearse a fix and show what it would do; writes nothing to the image"},
	{COMMAND_FIX, "IMAGE...", NULL, true, run_fix, report_fix, NULL,
	 "Move the boot files to the partition with Windows; can be undone"},
	{COMMAND_BOOT, "IMAGE...", NULL, true, run_boot, report_boot, NULL,
	 "Start disks in a virtual machine and show how far they come; writes nothing"},
	{COMMAND_VERIFY, "IMAGE...", NULL, true, run_verify, report_verification, NULL,
	 "Check that an earlier fix is still whole; writes nothing"},
	{COMMAND_UNDO, "IMAGE...", "--from FILE [PATTERN...]", true, run_undo, report_undo, NULL,
	 "Undo fixes bit for bit: of single images, or of a whole batch"},
	{COMMAND_ACCEPT, "IMAGE...", "--from FILE [PATTERN...]", true, run_accept, report_accept,
	 NULL, "End the undo of fixes: check the images, then remove their undo files"},
	{COMMAND_BATCH, "FOLDER|IMAGE...", NULL, true, NULL, NULL, run_batch,
	 "Fix all images in folders, several at a time, and report each outcome"},
	{COMMAND_REPORT, "FILE...", NULL, true, NULL, NULL, run_report,
	 "Report what batches did, from the files that they wrote with --jsonl"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *main_find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, command_name(commands[i].bit)) == 0)
			return &commands[i];
	return NULL;
}

/* ---- help and version ---------------------------------------------------------------------- */

static void main_print_command_help(struct output *output, const struct command *command)
{
	const char *name = command_name(command->bit);

	print_line(output, "Usage: bootshift %s [OPTION...] %s", name, command->operands);
	if (command->also)
		print_line(output, "       bootshift %s [OPTION...] %s", name, command->also);
	print_item(output, 0, "%s.", command->help);
	print_end(output);
	options_help(output, command->bit);
	print_end(output);
	print_line(output, "Manual: man bootshift-%s", name);
}

static void main_print_help(struct output *output)
{
	print_line(output, "Usage: bootshift COMMAND [OPTION...] IMAGE...");
	print_item(output, 0,
		   "Moves the Windows boot files of an offline disk image from the small system "
		   "partition to the partition with Windows.");
	print_end(output);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		print_to(output, 2);
		print(output, "%s", command_name(commands[i].bit));
		print_item(output, 11, "%s", commands[i].help);
	}
	print_end(output);
	print_line(output, "To begin: bootshift inspect IMAGE");
	print_line(output, "Options of a command: bootshift help COMMAND");
	print_line(output, "All codes of results, with advice: bootshift codes [--json] [CODE...]");
	print_line(output, "Manual: man bootshift");
}

/* `command`: NULL for the general help. */
static enum bs_exit main_help(const struct command *command, enum output_colour colour)
{
	struct output output;

	output_open(&output, stdout, colour);
	if (command)
		main_print_command_help(&output, command);
	else
		main_print_help(&output);
	return finish_report(BS_EXIT_DONE, &output, 0);
}

static enum bs_exit main_version(void)
{
	struct output output;

	output_open(&output, stdout, OUTPUT_COLOUR_NEVER);
	print_line(&output, "bootshift %s", bs_version());
	return finish_report(BS_EXIT_DONE, &output, 0);
}

/* ---- errors of the command line ----------------------------------------------------------- */

/* Prints a message and how to get help; `command` may be NULL. */
static enum bs_exit main_usage_error(const struct command *command, const char *message)
{
	struct output errors;

	output_open(&errors, stderr, OUTPUT_COLOUR_NEVER);
	print_line(&errors, "bootshift: %s", message);
	print_line(&errors, "Try 'bootshift %s%s--help'.",
		   command ? command_name(command->bit) : "", command ? " " : "");
	return BS_EXIT_USAGE;
}

/* The user has named an image or a folder, but no command. */
static void main_ask_for_command(const char *path, bool is_folder, struct bs_error *err)
{
	char *word = shell_word(path);

	fail(err, BS_USAGE, "no command is named; to look at this %s: bootshift %s %.300s",
	     is_folder ? "folder" : "file", is_folder ? "batch --dry-run" : "inspect",
	     word ? word : path);
	free(word);
}

static enum bs_exit main_unknown_command(const char *name)
{
	enum command_bit meant = guess_command(name);
	const char *remark = guess_command_remark(name);
	char list[COMMAND_LIST_MAX];
	struct stat status;
	struct bs_error err;

	command_list(COMMAND_ALL, list);
	if (meant != 0)
		fail(&err, BS_USAGE, "unknown command '%.100s'; did you mean '%s'?", name,
		     command_name(meant));
	else if (remark)
		fail(&err, BS_USAGE, "unknown command '%.100s'; %s", name, remark);
	else if (stat(name, &status) == 0)
		main_ask_for_command(name, S_ISDIR(status.st_mode), &err);
	else
		fail(&err, BS_USAGE, "unknown command '%.100s'; the commands are %s", name, list);
	return main_usage_error(NULL, err.message);
}

static enum bs_exit main_wrong_kind(struct operand_problem *problem)
{
	struct output errors;

	output_open(&errors, stderr, OUTPUT_COLOUR_NEVER);
	print_problem(&errors, problem->path, &problem->error,
		      problem->advice ? problem->advice : "");
	free(problem->advice);
	return bs_code_exit(problem->error.code);
}

/* ---- running ------------------------------------------------------------------------------- */

static void main_warn(const struct settings *settings)
{
	struct output errors;

	if (!settings->bare_size || settings->options.needed_room >= BARE_SIZE_PLAUSIBLE ||
	    settings->quiet)
		return;
	output_open(&errors, stderr, OUTPUT_COLOUR_NEVER);
	print_line(&errors,
		   "bootshift: warning: --pe-size %s means %s, because a number without a unit is "
		   "bytes; did you mean %sMiB?",
		   settings->bare_size, count_format(settings->options.needed_room, "byte").text,
		   settings->bare_size);
}

/* Whether more than one file to read is standard input. */
static bool main_repeats_stdin(char *const *operands, int count)
{
	int inputs = 0;

	for (int i = 0; i < count; i++)
		inputs += strcmp(operands[i], "-") == 0;
	return inputs > 1;
}

/* The first operand that names a command, as in "fix undo IMAGE", and no file; NULL: none. */
static const char *main_find_second_command(char *const *operands, int count)
{
	for (int i = 0; i < count; i++)
		if ((main_find_command(operands[i]) || strcmp(operands[i], "help") == 0) &&
		    access(operands[i], F_OK) < 0)
			return operands[i];
	return NULL;
}

static int main_fail_no_operand(const struct command *command, const struct settings *settings,
				struct bs_error *err)
{
	const char *operand = command->bit == COMMAND_REPORT  ? "file of batch results"
			      : command->bit == COMMAND_BATCH ? "folder or image"
							      : "image";
	char *advice = settings->plan_file ? operand_advise_plan(settings->dry_run ? COMMAND_PLAN
										   : command->bit,
								 settings->plan_file)
					   : NULL;

	fail(err, BS_USAGE, "no %s is named%s%.400s", operand, advice ? "; " : "",
	     advice ? advice : "");
	free(advice);
	return -1;
}

/* Checks the words behind the options.  Error: BS_USAGE. */
static int main_check_operands(const struct command *command, const struct settings *settings,
			       char *const *operands, int count, struct bs_error *err)
{
	bool is_report = command->bit == COMMAND_REPORT;
	const char *second;

	for (int i = 0; i < count; i++)
		if (operands[i][0] == '\0')
			return fail(err, BS_USAGE, "%s needs a name that is not empty",
				    command_name(command->bit));
	if (settings->from) /* there may be any number of patterns */
		return 0;
	if (count == 0)
		return main_fail_no_operand(command, settings, err);
	second = main_find_second_command(operands, count);
	if (second)
		return fail(err, BS_USAGE,
			    "two commands are named, %s and %s; if %s is a file, write ./%s",
			    command_name(command->bit), second, second, second);
	if (is_report && main_repeats_stdin(operands, count))
		return fail(err, BS_USAGE, "standard input is named twice");
	if (!command->several && count > 1)
		return fail(err, BS_USAGE, "%s takes one image, not %d", command_name(command->bit),
			    count);
	if (count > 1 && settings->plan_file && strcmp(settings->plan_file, "-") == 0)
		return fail(err, BS_USAGE, "a plan on standard input is for one image, not %d",
			    count);
	return 0;
}

static enum bs_exit main_run_command(const struct command *command, int argc, char **argv)
{
	struct operand_problem problem;
	struct settings settings;
	struct bs_error err;
	int first, count;

	if (options_parse(command->bit, argc, argv, &settings, &first, &err) < 0)
		return main_usage_error(command, err.message);
	if (settings.help)
		return main_help(command, settings.colour);
	if (settings.version)
		return main_version();
	count = argc - first;
	argv += first;
	if (main_check_operands(command, &settings, argv, count, &err) < 0)
		return main_usage_error(command, err.message);
	if (operands_check(command->bit, &settings, argv, count, &problem) < 0)
		return main_wrong_kind(&problem);
	main_warn(&settings);
	if (settings.list)
		return run_undo_list(&settings, argv, count);
	if (settings.from)
		return run_from(command->bit, &settings, argv, count);
	if (command->whole)
		return command->whole(&settings, argv, count);
	return command_run(command, &settings, argv, count);
}

/* "bootshift help codes", "bootshift codes --help" */
static enum bs_exit main_help_codes(void)
{
	struct output output;

	output_open(&output, stdout, OUTPUT_COLOUR_AUTO);
	print_line(&output, "Usage: bootshift codes [--json] [CODE...]");
	print_item(
		&output, 0,
		"Prints all codes of results, each with its exit status and what to do about it. "
		"Of the codes that are named, prints the meaning too.");
	print_end(&output);
	print_line(&output, "Manual: man bootshift-codes");
	return finish_report(BS_EXIT_DONE, &output, 0);
}

/* "bootshift help", "bootshift help COMMAND" */
static enum bs_exit main_help_command(char *const *names)
{
	const char *name = names[0];
	const struct command *command = name && name[0] != '-' ? main_find_command(name) : NULL;

	if (name && strcmp(name, "codes") == 0)
		return main_help_codes();
	if (command && names[1] && names[1][0] != '-')
		return main_usage_error(NULL, "help takes one command, not several");
	if (name && name[0] != '-' && strcmp(name, "help") != 0 && !command)
		return main_unknown_command(name);
	return main_help(command, OUTPUT_COLOUR_AUTO);
}

static enum bs_exit main_codes(char *const *words, int count)
{
	struct bs_error err;
	int status;

	if (count > 0 && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0))
		return main_help_codes();
	status = run_codes(words, count, &err);
	return status < 0 ? main_usage_error(NULL, err.message) : (enum bs_exit)status;
}

/* There are only options. */
static enum bs_exit main_without_command(int argc, char *const *argv)
{
	struct bs_error err;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return main_help(NULL, OUTPUT_COLOUR_AUTO);
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			return main_version();
	}
	(void)options_fail_no_command(argc, argv, &err);
	return main_usage_error(NULL, err.message);
}

/* Options before the command are options of the command: they are moved behind it. */
static enum bs_exit main_run(int argc, char **argv)
{
	int place = options_find_command(argc, argv);
	const struct command *command;
	char *name = argv[place];

	if (!name)
		return main_without_command(argc, argv);
	command = main_find_command(name);
	if (!command && strcmp(name, "help") == 0)
		return main_help_command(argv + place + 1);
	if (!command && strcmp(name, "version") == 0)
		return main_version();
	if (!command && strcmp(name, "codes") == 0)
		return main_codes(argv + place + 1, argc - place - 1);
	if (!command)
		return main_unknown_command(name);
	memmove(&argv[2], &argv[1], (size_t)(place - 1) * sizeof(argv[0]));
	argv[1] = name;
	return main_run_command(command, argc - 1, argv + 1);
}

/*
 * Opens standard streams that are closed.  Otherwise an image could get the number of a stream, and
 * messages would be written to the image.  As with closed streams, reading from the input fails,
 * and so does writing to the outputs.
 */
static bool main_open_missing_streams(void)
{
	for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
		if (fcntl(descriptor, F_GETFD) < 0 &&
		    open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) !=
			    descriptor)
			return false;
	return true;
}

#define OPEN_FILES 4096 /* enough for an image and its parents in hundreds of files */

/* The usual limit is lower, and only meant for programs that use select(2). */
static void main_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= OPEN_FILES)
		return;
	limit.rlim_cur = limit.rlim_max < OPEN_FILES ? limit.rlim_max : OPEN_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	if (!main_open_missing_streams())
		return BS_EXIT_FAILED;
	setlocale(LC_CTYPE, "");
	signals_prepare_command();
	main_raise_limit();
	return main_run(argc, argv);
}
