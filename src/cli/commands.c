/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands do: the library's functions for each image, and a report on each. */
#include "cli/commands.h"

#include <errno.h>
#include <string.h>

#include "report/json-report.h"
#include "report/phrases.h"
#include "report/plan-file.h"
#include "util/interruption.h"

/* ---- one image ---------------------------------------------------------------------------- */

/* Makes the result one of what went wrong here and not in the library; its error is set. */
static enum bs_exit not_done(struct bs_result *result)
{
	enum bs_exit status = bs_code_exit(result->error.code);

	result->status = status == BS_EXIT_REFUSED ? BS_STATUS_REFUSED : BS_STATUS_FAILED;
	return status;
}

enum bs_exit run_inspect(const char *image, const struct settings *settings,
			 struct bs_result *result)
{
	return bs_inspect(image, &settings->options, result);
}

enum bs_exit run_plan(const char *image, const struct settings *settings, struct bs_result *result)
{
	enum bs_exit status = bs_plan(image, &settings->options, NULL, result);

	if (status != BS_EXIT_DONE || !settings->output || !result->plan)
		return status;
	if (plan_file_write(settings->output, image, result->plan, &result->error) != 0)
		return not_done(result);
	return status;
}

enum bs_exit run_fix(const char *image, const struct settings *settings, struct bs_result *result)
{
	struct bs_plan *expected = NULL;
	enum bs_exit status;

	if (settings->plan_file) {
		expected = plan_file_read(settings->plan_file, &result->error);
		if (!expected)
			return not_done(result);
	}
	if (settings->dry_run)
		status = bs_plan(image, &settings->options, expected, result);
	else
		status = bs_fix(image, &settings->options, expected, result);
	bs_plan_free(expected);
	return status;
}

enum bs_exit run_undo(const char *image, const struct settings *settings, struct bs_result *result)
{
	return bs_undo(image, &settings->options, result);
}

/* ---- all images --------------------------------------------------------------------------- */

enum bs_exit worse_exit(enum bs_exit one, enum bs_exit other)
{
	static const int rank[] = {
		[BS_EXIT_DONE] = 0,   [BS_EXIT_REFUSED] = 1,  [BS_EXIT_USAGE] = 2,
		[BS_EXIT_FAILED] = 3, [BS_EXIT_RECOVERY] = 4,
	};

	return rank[one] >= rank[other] ? one : other;
}

/* Reports one result: as JSON into the document if there is one, else as text. */
static int report(const struct command *command, const struct settings *settings, const char *image,
		  const struct bs_result *result, json_t *document, struct output *output,
		  struct output *errors)
{
	int failed = 0;

	if (document)
		failed = report_json_add(document, image, result);
	else
		command->report(output, image, settings, result);
	output_flush(output); /* so that what is said on both streams stays in order */
	if (result->error.code != BS_OK)
		report_error(errors, image, &result->error);
	return failed;
}

enum bs_exit finish_report(enum bs_exit status, struct output *output, int done)
{
	struct output errors;

	output_flush(output);
	if (output->error == 0)
		return status;
	output_open(&errors, stderr, OUTPUT_COLOUR_NEVER);
	print(&errors, "bootshift: the report cannot be written: %s", strerror(output->error));
	if (done > 0)
		print(&errors, "; the command itself was carried out on %d image%s", done,
		      plural((uint64_t)done));
	print_end(&errors);
	return worse_exit(status, BS_EXIT_FAILED);
}

/* What a signal left undone; it counts as a failure also when that is nothing. */
static enum bs_exit report_interruption(enum bs_exit status, int left, struct output *errors)
{
	print(errors, "bootshift: interrupted by a signal");
	if (left > 0)
		print(errors, "; %d image%s not looked at", left, left == 1 ? " was" : "s were");
	print_end(errors);
	return worse_exit(status, BS_EXIT_FAILED);
}

enum bs_exit command_run(const struct command *command, const struct settings *settings,
			 char *const *images, int count)
{
	bool changes = (command->bit & (COMMAND_FIX | COMMAND_UNDO)) && !settings->dry_run;
	/* A plan on standard output is alone there. */
	bool plan_to_stdout = settings->output && strcmp(settings->output, "-") == 0;
	json_t *document = settings->json ? report_json_open(command->name) : NULL;
	struct output output, errors;
	enum bs_exit worst = BS_EXIT_DONE;
	int done = 0;

	/* Until the process ends: whatever was changed is reported. */
	if (changes)
		interruption_hold();
	output_open(&output, plan_to_stdout ? stderr : stdout, settings->colour);
	output_open(&errors, stderr, settings->colour);
	output.quiet = settings->quiet;
	if (settings->json && !document)
		output.error = ENOMEM;
	while (done < count && output.error != ENOMEM && !interruption_pending()) {
		const char *image = images[done++];
		struct bs_result result = {0};

		if (done > 1 && !document && command->bit == COMMAND_INSPECT)
			print_end(&output);
		worst = worse_exit(worst, command->run(image, settings, &result));
		if (report(command, settings, image, &result, document, &output, &errors) != 0)
			output.error = ENOMEM;
		bs_result_free(&result);
	}
	if (document && output.error == 0 && report_json_write(document, stdout) != 0)
		output.error = errno;
	json_decref(document);
	if (interruption_pending())
		worst = report_interruption(worst, count - done, &errors);
	return finish_report(worst, &output, done);
}
