/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: which command, with which options, on which images. */
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "report/text.h"
#include "util/signals.h"

static const struct command commands[] = {
	{"inspect", COMMAND_INSPECT, "IMAGE...", true, run_inspect, report_inspection, NULL,
	 "Show what is in images and whether they need the fix; writes nothing"},
	{"plan", COMMAND_PLAN, "IMAGE", false, run_plan, report_plan, NULL,
	 "Show what a fix would do, by a full rehearsal; writes nothing"},
	{"fix", COMMAND_FIX, "IMAGE...", true, run_fix, report_fix, NULL,
	 "Move the boot files to the Windows partition; can be undone"},
	{"undo", COMMAND_UNDO, "IMAGE...|--from FILE [PATTERN...]", true, run_undo, report_undo,
	 NULL, "Take a fix back bit for bit, also an interrupted one, or a whole batch"},
	{"batch", COMMAND_BATCH, "FOLDER|IMAGE...", true, NULL, NULL, run_batch,
	 "Fix all images in folders, several at a time, and tell what became of each"},
	{"report", COMMAND_REPORT, "FILE...", true, NULL, NULL, run_report,
	 "Tell what the rows of batches say together, as a page of HTML, or as rows"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* ---- what is printed instead of doing something -------------------------------------------- */

static void print_usage(struct output *output, const struct command *command)
{
	print(output, "Usage: bootshift %s [OPTION...] %s", command->name, command->operands);
	print_end(output);
}

static void print_command_help(struct output *output, const struct command *command)
{
	print_usage(output, command);
	print_wrapped(output, 0, "%s.", command->help);
	print_end(output);
	print_end(output);
	options_help(output, command->bit);
	print_end(output);
	print(output, "Manual: man bootshift-%s", command->name);
	print_end(output);
}

static void print_help(struct output *output)
{
	print(output, "Usage: bootshift COMMAND [OPTION...] IMAGE...");
	print_end(output);
	print_wrapped(output, 0,
		      "Moves the Windows boot files of an offline disk image from the small system "
		      "partition to the partition with Windows.");
	print_end(output);
	print_end(output);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		print_to(output, 2);
		print(output, "%s", commands[i].name);
		print_to(output, 11);
		print_wrapped(output, 11, "%s", commands[i].help);
		print_end(output);
	}
	print_end(output);
	print(output, "Options of a command: bootshift COMMAND --help");
	print_end(output);
	print(output, "Manual: man bootshift");
	print_end(output);
}

static void print_version(struct output *output)
{
	print(output, "bootshift %s", bs_version());
	print_end(output);
}

/* ---- errors of the command line ----------------------------------------------------------- */

/* Prints a message and where to read more; `command` may be NULL. */
static enum bs_exit usage_error(const struct command *command, const char *message)
{
	struct output errors;

	output_open(&errors, stderr, OUTPUT_COLOUR_NEVER);
	print(&errors, "bootshift: %s", message);
	print_end(&errors);
	print(&errors, "Try 'bootshift %s%s--help'.", command ? command->name : "",
	      command ? " " : "");
	print_end(&errors);
	return BS_EXIT_USAGE;
}

static enum bs_exit unknown_command(const char *name)
{
	struct bs_error err;

	fail(&err, BS_USAGE, "unknown command '%s'", name);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (text_distance(name, commands[i].name) <= 2)
			fail(&err, BS_USAGE, "unknown command '%s'; did you mean '%s'?", name,
			     commands[i].name);
	return usage_error(NULL, err.message);
}

static enum bs_exit run_command(const struct command *command, int argc, char **argv)
{
	struct settings settings;
	struct output output;
	struct bs_error err;
	int first_image;

	if (options_parse(command->bit, argc, argv, &settings, &first_image, &err) != 0)
		return usage_error(command, err.message);
	output_open(&output, stdout, settings.colour);
	if (settings.help || settings.version) {
		if (settings.help)
			print_command_help(&output, command);
		else
			print_version(&output);
		return finish_report(BS_EXIT_DONE, &output, 0);
	}
	if (settings.from)
		return run_undo_from(&settings, argv + first_image, argc - first_image);
	if (first_image == argc)
		return usage_error(command, command->bit == COMMAND_REPORT
						    ? "no file of rows is named"
						    : "no image is named");
	if (!command->several && argc - first_image > 1)
		return usage_error(command, "this command takes one image");
	if (command->whole)
		return command->whole(&settings, argv + first_image, argc - first_image);
	return command_run(command, &settings, argv + first_image, argc - first_image);
}

/*
 * So that no image gets the number of a standard stream that was closed, and a message with it.
 * What is opened instead fails like a closed one: the input cannot be read, nor the others written.
 */
static bool open_missing_streams(void)
{
	for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
		if (fcntl(descriptor, F_GETFD) < 0 &&
		    open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) !=
			    descriptor)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	const struct command *command;
	struct output output;

	if (!open_missing_streams())
		return BS_EXIT_FAILED;
	setlocale(LC_CTYPE, "");
	signals_prepare_command();
	if (argc < 2)
		return usage_error(NULL, "no command is named");
	output_open(&output, stdout, OUTPUT_COLOUR_AUTO);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(&output);
		return finish_report(BS_EXIT_DONE, &output, 0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		print_version(&output);
		return finish_report(BS_EXIT_DONE, &output, 0);
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	return run_command(command, argc - 1, argv + 1);
}
