/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live.h"
#include "cli/operand.h"
#include "report/amount.h"
#include "report/json-report.h"
#include "report/picture.h"
#include "report/plan-file.h"
#include "report/replace-file.h"
#include "rows/location.h"
#include "util/appliance-use.h"
#include "util/signals.h"

/* ---- one image ---------------------------------------------------------------------------- */

/* Completes a result whose error was set here and not by the library. */
static enum bs_exit command_fail(struct bs_result *result)
{
	enum bs_exit status = bs_code_exit(result->error.code);

	result->status = status == BS_EXIT_REFUSED ? BS_STATUS_REFUSED : BS_STATUS_FAILED;
	return status;
}

enum bs_exit run_inspect(const char *image, const struct settings *settings,
			 struct bs_result *result)
{
	return settings->changes ? bs_changes(image, &settings->options, result)
				 : bs_inspect(image, &settings->options, result);
}

/* The URI of an export, or the absolute path of a file.  NULL when memory runs out. */
static char *command_location(const char *image)
{
	return strstr(image, "://") ? strdup(image) : location_of(image);
}

static int plan_write(const char *path, const char *image, const struct bs_plan *plan,
		      struct bs_error *err)
{
	char *location = command_location(image);
	struct plan_origin origin;
	int result;

	if (!location)
		return fail_memory(err);
	plan_origin_set(&origin, image, location);
	result = plan_file_write(path, &origin, plan, err);
	free(location);
	return result;
}

enum bs_exit run_plan(const char *image, const struct settings *settings, struct bs_result *result)
{
	enum bs_exit status;

	if (settings->output &&
	    replace_file_check(settings->output, &plan_file_kind, &result->error) < 0)
		return command_fail(result);
	status = bs_plan(image, &settings->options, NULL, result);
	if (status != BS_EXIT_DONE || !settings->output || !result->plan)
		return status;
	if (plan_write(settings->output, image, result->plan, &result->error) < 0)
		return command_fail(result);
	return status;
}

/* Adds to the message about a plan that does not fit when it was made, and for which image. */
static void plan_tell_origin(const char *image, const struct plan_origin *origin,
			     struct bs_error *err)
{
	char *location = command_location(image);
	bool is_same = location && strcmp(location, origin->location) == 0;

	free(location);
	if (is_same)
		fail_prefix(err, "the plan, made at %s, is out of date", origin->made);
	else if (origin->location[0] != '\0')
		fail_prefix(err, "the plan was made for %.120s at %s", origin->location,
			    origin->made);
	else
		fail_prefix(err, "the plan was made for %.120s", origin->image);
}

static enum bs_exit fix_run(const char *image, const struct bs_options *options,
			    const struct settings *settings, const struct bs_plan *expected,
			    struct bs_result *result)
{
	return settings->dry_run ? bs_plan(image, options, expected, result)
				 : bs_fix(image, options, expected, result);
}

enum bs_exit run_fix(const char *image, const struct settings *settings, struct bs_result *result)
{
	struct bs_options options = settings->options;
	struct plan_origin origin;
	struct bs_plan *expected;
	enum bs_exit status;

	options.to_be_fixed = settings->dry_run;
	if (!settings->plan_file)
		return fix_run(image, &options, settings, NULL, result);
	expected = plan_file_read(settings->plan_file, &origin, &result->error);
	if (!expected)
		return command_fail(result);
	status = fix_run(image, &options, settings, expected, result);
	if (result->error.code == BS_PLAN_STALE)
		plan_tell_origin(image, &origin, &result->error);
	bs_plan_free(expected);
	return status;
}

enum bs_exit run_boot(const char *image, const struct settings *settings, struct bs_result *result)
{
	if (settings->picture &&
	    replace_file_check(settings->picture, &picture_kind, &result->error) < 0)
		return command_fail(result);
	return bs_boot(image, &settings->options, result);
}

enum bs_exit run_verify(const char *image, const struct settings *settings,
			struct bs_result *result)
{
	struct plan_origin origin;
	struct bs_plan *made;
	enum bs_exit status;

	if (!settings->plan_file)
		return bs_verify(image, &settings->options, NULL, result);
	made = plan_file_read(settings->plan_file, &origin, &result->error);
	if (!made)
		return command_fail(result);
	status = bs_verify(image, &settings->options, made, result);
	if (result->error.code == BS_PLAN_UNRELATED)
		plan_tell_origin(image, &origin, &result->error);
	bs_plan_free(made);
	return status;
}

enum bs_exit run_undo(const char *image, const struct settings *settings, struct bs_result *result)
{
	struct bs_options options = settings->options;

	options.rehearse_undo = settings->dry_run;
	return bs_undo(image, &options, result);
}

enum bs_exit run_accept(const char *image, const struct settings *settings,
			struct bs_result *result)
{
	struct bs_options options = settings->options;

	options.rehearse_undo = settings->dry_run;
	return bs_accept(image, &options, result);
}

/* ---- the exit status ----------------------------------------------------------------------- */

enum bs_exit worse_exit(enum bs_exit one, enum bs_exit other)
{
	static const int rank[] = {
		[BS_EXIT_DONE] = 0,   [BS_EXIT_REFUSED] = 1,  [BS_EXIT_USAGE] = 2,
		[BS_EXIT_FAILED] = 3, [BS_EXIT_RECOVERY] = 4,
	};

	return rank[one] >= rank[other] ? one : other;
}

enum bs_exit finish_report(enum bs_exit status, struct output *output, int done)
{
	struct output errors;

	output_flush(output);
	if (output->error == 0 || (output->error == EPIPE && done == 0))
		return status;
	output_open(&errors, stderr, OUTPUT_COLOUR_NEVER);
	if (output->error == EPIPE)
		print(&errors, "bootshift: the reader of the report has gone");
	else
		print(&errors, "bootshift: the report cannot be written: %s",
		      strerror(output->error));
	if (done > 0)
		print(&errors, "; the command itself was carried out on %s",
		      count_format((uint64_t)done, "image").text);
	print_end(&errors);
	return output->error == EPIPE ? status : worse_exit(status, BS_EXIT_FAILED);
}

/* ---- results ------------------------------------------------------------------------------- */

void results_open(struct results *results, const char *name, report_function *report,
		  const struct settings *settings)
{
	/* If the plan goes to standard output, nothing else does. */
	bool plan_to_stdout = output_is_stdout(settings->output);

	*results = (struct results){
		.settings = settings,
		.report = report,
		.document = settings->json ? report_json_open(name) : NULL,
	};
	output_open(&results->output, plan_to_stdout ? stderr : stdout, settings->colour);
	output_open(&results->errors, stderr, settings->colour);
	results->output.quiet = settings->quiet;
	if (settings->json && !results->document)
		results->output.error = ENOMEM;
}

bool results_are_good(const struct results *results)
{
	return results->output.error != ENOMEM &&
	       (results->changes || results->output.error != EPIPE);
}

/* Prints the text report of an image; for a single image, also what comes next after a fix. */
static void results_report(struct results *results, const char *image,
			   const struct bs_result *result)
{
	/* A blank line between two reports of inspect: not beside an image that has only an error. */
	if (results->report == report_inspection && result->inspection && results->inspected++ > 0)
		print_end(&results->output);
	results->report(&results->output, image, results->settings, result);
	if (result->status != BS_STATUS_FIXED)
		return;
	results->fixed++;
	if (results->images == 1)
		report_fix_next(&results->output, image, results->settings, result);
}

void results_add(struct results *results, const char *image, const struct bs_result *result)
{
	const struct advice_subject subject = {.image = image,
					       .options = &results->settings->options,
					       .inspection = result->inspection,
					       .advice = results->advice};

	results->done++;
	results_fail(results, bs_code_exit(result->error.code));
	if (!results->document)
		results_report(results, image, result);
	else if (report_json_add(results->document, &subject, result) < 0)
		results->output.error = ENOMEM;
	output_flush(&results->output); /* keeps the order of both streams on a terminal */
	if (result->error.code != BS_OK)
		advice_print_error(&results->errors, &subject, &result->error);
}

void results_fail(struct results *results, enum bs_exit status)
{
	results->worst = worse_exit(results->worst, status);
}

void results_interrupted(struct results *results, uint64_t not_begun)
{
	print(&results->errors, "bootshift: interrupted by a signal");
	if (not_begun > 0)
		print(&results->errors, "; %s %s not begun", count_format(not_begun, "image").text,
		      not_begun == 1 ? "was" : "were");
	print_end(&results->errors);
	results_fail(results, BS_EXIT_FAILED);
}

enum bs_exit results_close(struct results *results)
{
	struct output *output = &results->output;

	if (results->fixed > 0 && results->images > 1)
		report_fixes_next(output, results->settings);
	if (results->document && output->error == 0 &&
	    report_json_write(results->document, stdout) < 0)
		output->error = errno;
	json_decref(results->document);
	return finish_report(results->worst, output, results->changes ? results->done : 0);
}

/* ---- the run ------------------------------------------------------------------------------ */

static void command_run_image(const struct command *command, const char *image,
			      const struct settings *settings, struct results *results)
{
	struct settings shown = *settings;
	struct bs_result result = {0};
	struct bs_error error;
	struct live live;
	char *advice;

	live_begin(&live, &shown.options);
	if (operand_check_image(command->bit, settings, image, &advice, &result.error) < 0)
		command_fail(&result);
	else
		command->run(image, &shown, &result);
	live_end(&live);
	/* The advice of the code is for an undo. */
	if (!advice && result.error.code == BS_NO_UNDO_FILE && command->bit == COMMAND_ACCEPT)
		advice = strdup("if you have the undo file elsewhere, name it with --undo-file; if "
				"somebody has removed it, nothing is left to do");
	else if (!advice && result.error.code == BS_NO_UNDO_FILE && shown.changes)
		advice = strdup("if you have the undo file elsewhere, name it with --undo-file");
	if (picture_store(&result, settings->picture, &error) < 0 && result.error.code == BS_OK) {
		result.error = error;
		command_fail(&result);
	}
	results->advice = advice;
	results_add(results, image, &result);
	results->advice = NULL;
	free(advice);
	bs_result_free(&result);
}

/* If the command asks libguestfs about several images, opens one appliance for all of them. */
static bool command_open_appliance(struct settings *settings, struct bs_appliance *appliance,
				   int count)
{
	const struct bs_options *options = &settings->options;
	struct bs_error ignored; /* each image then tries on its own, and reports the error */

	if (count < 2 || !options_use_appliance(options) ||
	    bs_appliance_open(appliance, &ignored) < 0)
		return false;
	settings->options.appliance = appliance;
	return true;
}

enum bs_exit command_run(const struct command *command, const struct settings *given,
			 char *const *images, int count)
{
	struct settings with_appliance = *given;
	const struct settings *settings = &with_appliance;
	bool changes =
		(command->bit & (COMMAND_FIX | COMMAND_UNDO | COMMAND_ACCEPT)) && !given->dry_run;
	struct bs_appliance appliance;
	bool has_appliance;
	struct results results;

	/* The signals are held until the process ends, so that every change is reported. */
	if (changes)
		signals_hold_stop();
	results_open(&results, command_name(command->bit), command->report, settings);
	results.images = count;
	results.changes = changes;
	has_appliance = command_open_appliance(&with_appliance, &appliance, count);
	while (results.done < count && results_are_good(&results) && !signals_stop_pending())
		command_run_image(command, images[results.done], settings, &results);
	if (has_appliance)
		bs_appliance_close(&appliance);
	if (signals_stop_pending())
		results_interrupted(&results, (uint64_t)(count - results.done));
	return results_close(&results);
}
