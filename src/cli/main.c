/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: selects the command, its options and its images. */
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
	 "Move the boot files to the partition with Windows; can be undone"},
	{"undo", COMMAND_UNDO, "IMAGE...|--from FILE [PATTERN...]", true, run_undo, report_undo,
	 NULL, "Undo a fix bit for bit, an interrupted change, or a whole batch"},
	{"batch", COMMAND_BATCH, "FOLDER|IMAGE...", true, NULL, NULL, run_batch,
	 "Fix all images in folders, several at a time, and report each outcome"},
	{"report", COMMAND_REPORT, "FILE...", true, NULL, NULL, run_report,
	 "Report the outcomes of batches, from their rows, as a page of HTML or as rows"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *main_find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* ---- help and version ---------------------------------------------------------------------- */

static void main_print_command_help(struct output *output, const struct command *command)
{
	print_line(output, "Usage: bootshift %s [OPTION...] %s", command->name, command->operands);
	print_item(output, 0, "%s.", command->help);
	print_end(output);
	options_help(output, command->bit);
	print_end(output);
	print_line(output, "Manual: man bootshift-%s", command->name);
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
		print(output, "%s", commands[i].name);
		print_item(output, 11, "%s", commands[i].help);
	}
	print_end(output);
	print_line(output, "Options of a command: bootshift COMMAND --help");
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
	print_line(&errors, "Try 'bootshift %s%s--help'.", command ? command->name : "",
		   command ? " " : "");
	return BS_EXIT_USAGE;
}

static enum bs_exit main_unknown_command(const char *name)
{
	struct bs_error err;

	fail(&err, BS_USAGE, "unknown command '%s'", name);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (text_distance(name, commands[i].name) <= 2)
			fail(&err, BS_USAGE, "unknown command '%s'; did you mean '%s'?", name,
			     commands[i].name);
	return main_usage_error(NULL, err.message);
}

/* ---- running ------------------------------------------------------------------------------- */

static enum bs_exit main_run_command(const struct command *command, int argc, char **argv)
{
	struct settings settings;
	struct bs_error err;
	int first_image;

	if (options_parse(command->bit, argc, argv, &settings, &first_image, &err) < 0)
		return main_usage_error(command, err.message);
	if (settings.help)
		return main_help(command, settings.colour);
	if (settings.version)
		return main_version();
	if (settings.from)
		return run_undo_from(&settings, argv + first_image, argc - first_image);
	if (first_image == argc)
		return main_usage_error(command, command->bit == COMMAND_REPORT
							 ? "no file of rows is named"
							 : "no image is named");
	if (!command->several && argc - first_image > 1)
		return main_usage_error(command, "this command takes one image");
	if (command->whole)
		return command->whole(&settings, argv + first_image, argc - first_image);
	return command_run(command, &settings, argv + first_image, argc - first_image);
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

int main(int argc, char **argv)
{
	const struct command *command;

	if (!main_open_missing_streams())
		return BS_EXIT_FAILED;
	setlocale(LC_CTYPE, "");
	signals_prepare_command();
	if (argc < 2)
		return main_usage_error(NULL, "no command is named");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return main_help(NULL, OUTPUT_COLOUR_AUTO);
	if (strcmp(argv[1], "--version") == 0)
		return main_version();
	command = main_find_command(argv[1]);
	if (!command)
		return main_unknown_command(argv[1]);
	return main_run_command(command, argc - 1, argv + 1);
}
