/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands do: the library's functions for each image, and a report on each. */
#include "cli/commands.h"

#include <errno.h>
#include <string.h>

#include "report/json-report.h"
#include "report/phrases.h"
#include "report/plan-file.h"
#include "report/whole-file.h"
#include "util/signals.h"

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
	enum bs_exit status;

	if (settings->output &&
	    whole_file_check(settings->output, &whole_file_plan, &result->error) != 0)
		return not_done(result);
	status = bs_plan(image, &settings->options, NULL, result);
	if (status != BS_EXIT_DONE || !settings->output || !result->plan)
		return status;
	if (plan_file_write(settings->output, image, result->plan, &result->error) != 0)
		return not_done(result);
	return status;
}

enum bs_exit run_fix(const char *image, const struct settings *settings, struct bs_result *result)
{
	struct bs_options options = settings->options;
	struct bs_plan *expected = NULL;
	enum bs_exit status;

	if (settings->plan_file) {
		expected = plan_file_read(settings->plan_file, &result->error);
		if (!expected)
			return not_done(result);
	}
	options.to_be_fixed = settings->dry_run;
	if (settings->dry_run)
		status = bs_plan(image, &options, expected, result);
	else
		status = bs_fix(image, &options, expected, result);
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

/* ---- what is said of them ----------------------------------------------------------------- */

void account_open(struct account *account, const char *name, report_function *report,
		  const struct settings *settings)
{
	/* A plan on standard output is alone there. */
	bool plan_to_stdout = output_is_stdout(settings->output);

	*account = (struct account){
		.settings = settings,
		.report = report,
		.document = settings->json ? report_json_open(name) : NULL,
	};
	output_open(&account->output, plan_to_stdout ? stderr : stdout, settings->colour);
	output_open(&account->errors, stderr, settings->colour);
	account->output.quiet = settings->quiet;
	if (settings->json && !account->document)
		account->output.error = ENOMEM;
}

bool account_is_good(const struct account *account)
{
	return account->output.error != ENOMEM;
}

void account_add(struct account *account, const char *image, const struct bs_result *result)
{
	const struct advice_subject subject = {.image = image,
					       .options = &account->settings->options,
					       .inspection = result->inspection};

	account->done++;
	account->worst = worse_exit(account->worst, bs_code_exit(result->error.code));
	if (!account->document)
		account->report(&account->output, image, account->settings, result);
	else if (report_json_add(account->document, &subject, result) != 0)
		account->output.error = ENOMEM;
	output_flush(&account->output); /* so that what is said on both streams stays in order */
	if (result->error.code != BS_OK)
		advice_print_error(&account->errors, &subject, &result->error);
}

void account_interrupted(struct account *account, unsigned long long left)
{
	print(&account->errors, "bootshift: interrupted by a signal");
	if (left > 0)
		print(&account->errors, "; %llu image%s not looked at", left,
		      left == 1 ? " was" : "s were");
	print_end(&account->errors);
	account->worst = worse_exit(account->worst, BS_EXIT_FAILED);
}

enum bs_exit account_close(struct account *account)
{
	struct output *output = &account->output;

	if (account->document && output->error == 0 &&
	    report_json_write(account->document, stdout) != 0)
		output->error = errno;
	json_decref(account->document);
	return finish_report(account->worst, output, account->done);
}

/* ---- the run ------------------------------------------------------------------------------ */

enum bs_exit command_run(const struct command *command, const struct settings *settings,
			 char *const *images, int count)
{
	bool changes = (command->bit & (COMMAND_FIX | COMMAND_UNDO)) && !settings->dry_run;
	struct account account;

	/* Until the process ends: whatever was changed is reported. */
	if (changes)
		signals_hold_stop();
	account_open(&account, command->name, command->report, settings);
	while (account.done < count && account_is_good(&account) && !signals_stop_pending()) {
		const char *image = images[account.done];
		struct bs_result result = {0};

		if (account.done > 0 && !account.document && command->bit == COMMAND_INSPECT)
			print_end(&account.output);
		command->run(image, settings, &result);
		account_add(&account, image, &result);
		bs_result_free(&result);
	}
	if (signals_stop_pending())
		account_interrupted(&account, (unsigned long long)(count - account.done));
	return account_close(&account);
}
