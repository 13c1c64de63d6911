/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of a batch.  The file of rows is opened first, so that no image is changed whose row
 * could not be written.  The page is written last, from all rows in the file.
 */
#include "batch/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/resume.h"
#include "batch/run.h"
#include "page/page.h"
#include "report/advice.h"
#include "report/amount.h"
#include "report/outcome.h"
#include "report/phrases.h"
#include "report/replace-file.h"
#include "rows/rows.h"
#include "rows/summary.h"
#include "util/appliance-use.h"
#include "util/clock.h"
#include "util/signals.h"
#include "util/trust.h"
#include "util/vector.h"

#define UNEXPECTED_MAX 1000u /* files that are kept for the page; others are only counted */

DEFINE_VECTOR(summary_files, struct summary_file);

/* A folder of the command line without an image. */
struct barren_folder {
	const char *path; /* borrowed */
	uint64_t left_out[FIND_REASON_COUNT];
};

DEFINE_VECTOR(barren_folders, struct barren_folder);

struct batch {
	const struct batch_request *request;
	struct bs_options options; /* with `maker` for this batch */
	struct output output, errors;
	uint64_t started; /* clock_milliseconds() */
	uint64_t begun;   /* see row.h */
	uint64_t began;   /* when this command began, in nanoseconds since 1970 */
	struct rows *rows;
	struct summary_files unexpected; /* left out although the user may expect them */
	uint64_t unexpected_more;        /* such files that are not kept */
	struct barren_folders barren;
	struct find_result found; /* without images that earlier runs finished */
	struct summary summary;   /* with images that earlier runs finished */
	struct run_outcome outcome;
	struct bs_error stopped;   /* the error that stopped the run; BS_OK: none */
	uint64_t images;           /* all images, with those that earlier runs finished */
	uint64_t rows_written;     /* by this run */
	struct progress *progress; /* during the run */
	bool ignored;              /* a dry run that nobody reads any more */
	bool stopped_in_search;    /* a signal came during the search for images */
	bool failed, usage_failed; /* an error that is not an image's; one of class BS_EXIT_USAGE */
};

/* ---- errors and files that are left out ---------------------------------------------------- */

/* Prints an error that has to do with a file.  The exit status of the batch will not be 0. */
static int batch_error(struct batch *batch, const char *name, const struct bs_error *error)
{
	output_flush(&batch->output);
	report_error(&batch->errors, name, error);
	batch->failed = true;
	batch->usage_failed |= bs_code_exit(error->code) == BS_EXIT_USAGE;
	return -1;
}

/* If memory runs out, the file is only counted. */
static void batch_keep_unexpected(struct batch *batch, const char *path, const char *reason)
{
	struct summary_file file = {.path = strdup(path), .reason = strdup(reason)};
	struct bs_error ignored;

	if (file.path && file.reason && batch->unexpected.count < UNEXPECTED_MAX &&
	    summary_files_append(&batch->unexpected, file, &ignored) == 0)
		return;
	free(file.path);
	free(file.reason);
	batch->unexpected_more++;
}

static void batch_free_unexpected(struct batch *batch)
{
	for (size_t i = 0; i < batch->unexpected.count; i++) {
		free(batch->unexpected.items[i].path);
		free(batch->unexpected.items[i].reason);
	}
	summary_files_free(&batch->unexpected);
}

/* See struct find_request. */
static void batch_report_unexpected(void *context, const char *path, enum find_reason reason,
				    const struct bs_error *error)
{
	struct batch *batch = context;
	const struct advice_subject subject = {.image = path};
	char *advice = reason == FIND_PACKED ? advice_make(error->code, &subject) : NULL;

	batch_keep_unexpected(batch, path, error->message);
	if (reason == FIND_UNREADABLE || reason == FIND_MISSING)
		batch_error(batch, path, error);
	else if (batch->request->kind != PROGRESS_QUIET)
		print_line(&batch->output, "%s: left out: %s%s%s", path, error->message,
			   advice ? "; " : "", advice ? advice : "");
	free(advice);
}

/* ---- what the search did not find ---------------------------------------------------------- */

/* See struct find_request.  If memory runs out, the folder is not named. */
static void batch_keep_barren(void *context, const char *folder,
			      const uint64_t left_out[FIND_REASON_COUNT])
{
	struct batch *batch = context;
	struct barren_folder barren = {.path = folder};
	struct bs_error ignored;

	memcpy(barren.left_out, left_out, sizeof(barren.left_out));
	(void)!barren_folders_append(&batch->barren, barren, &ignored);
}

static void batch_warn_of_patterns(struct batch *batch, const char *option,
				   const struct find_patterns *patterns, const bool *used)
{
	for (size_t i = 0; i < patterns->count; i++) {
		if (used[i])
			continue;
		print(&batch->errors, "bootshift: warning: %s ", option);
		print_shell_word(&batch->errors, patterns->text[i]);
		print_line(&batch->errors, " matches no file%s",
			   strchr(patterns->text[i], '/')
				   ? "; for a file in a folder, a pattern is the path below it"
				   : "");
	}
}

#define BARREN_ADVICE_MAX 128

/* What the files in a folder suggest; an empty text if there are none. */
static void batch_advise_barren(const struct batch *batch, const struct barren_folder *folder,
				char advice[BARREN_ADVICE_MAX])
{
	const uint64_t *left_out = folder->left_out;
	uint64_t packed = left_out[FIND_PACKED], links = left_out[FIND_LINK];

	*advice = '\0';
	if (left_out[FIND_EXCLUDED] > 0)
		snprintf(advice, BARREN_ADVICE_MAX, "the patterns exclude %s in it",
			 count_format(left_out[FIND_EXCLUDED], "name").text);
	else if (packed > 0)
		snprintf(advice, BARREN_ADVICE_MAX, "%s in it %s compressed: unpack %s first",
			 count_format(packed, "file").text, packed == 1 ? "is" : "are",
			 packed == 1 ? "it" : "them");
	else if (links > 0)
		snprintf(advice, BARREN_ADVICE_MAX, "it has %s: %s",
			 count_format(links, "symbolic link").text,
			 !batch->request->find.follow ? "add --follow"
			 : links == 1                 ? "it leads nowhere"
						      : "they lead nowhere");
}

/* An error if the batch has no image at all: an unmounted share must not look like success. */
static void batch_report_barren(struct batch *batch, const struct barren_folder *folder)
{
	char advice[BARREN_ADVICE_MAX];
	struct bs_error error;

	batch_advise_barren(batch, folder, advice);
	fail(&error, BS_NOTHING_FOUND, "no disk image was found in this folder");
	if (batch->found.candidates == 0)
		print_problem(&batch->errors, folder->path, &error,
			      *advice ? advice : bs_code_advice(error.code));
	else
		print_line(&batch->errors, "bootshift: warning: no disk image was found in %s; %s",
			   folder->path, *advice ? advice : "is the share mounted?");
}

/* There is no folder to name: the patterns exclude all images of the command line. */
static void batch_report_all_excluded(struct batch *batch)
{
	struct bs_error error;

	fail(&error, BS_NOTHING_FOUND, "the patterns exclude %s, and no image is left",
	     count_format(batch->found.left_out[FIND_EXCLUDED], "name").text);
	print_line(&batch->errors, "bootshift: %s (%s); check --include and --exclude",
		   error.message, bs_code_name(error.code));
}

static void batch_report_not_found(struct batch *batch)
{
	const struct find_request *find = &batch->request->find;

	output_flush(&batch->output);
	batch_warn_of_patterns(batch, "--include", &find->include, batch->found.include_used);
	batch_warn_of_patterns(batch, "--exclude", &find->exclude, batch->found.exclude_used);
	for (size_t i = 0; i < batch->barren.count; i++)
		batch_report_barren(batch, &batch->barren.items[i]);
	if (batch->found.candidates == 0 && batch->barren.count == 0 &&
	    batch->found.left_out[FIND_EXCLUDED] > 0)
		batch_report_all_excluded(batch);
	batch->failed |= batch->found.candidates == 0;
}

/* ---- before the run: the steps of batch_prepare() ------------------------------------------- */

/* One error here instead of one for each image. */
static int batch_check_undo_directory(struct batch *batch, struct bs_error *err)
{
	const char *path = batch->request->options->undo_directory;
	int folder = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!path)
		return 0;
	if (folder < 0 || close(folder) < 0 ||
	    access(path, batch->request->dry_run ? X_OK : W_OK | X_OK) < 0)
		return fail_system(err, "cannot be used as the folder for undo files");
	return trust_check_folder(path, err);
}

/* Finds out before the run, not after it, that the page cannot be written. */
static int batch_check_page(struct batch *batch, struct bs_error *err)
{
	const char *path = batch->request->page;

	return path ? replace_file_check(path, &page_file_kind, err) : 0;
}

/*
 * A batch that resumes leaves out images that are done according to the rows, so it has to trust
 * the rows.  Other batches do not rely on earlier rows.
 */
static int batch_open_rows(struct batch *batch, struct bs_error *err)
{
	const struct batch_request *request = batch->request;
	int descriptor;

	if (request->resume && request->rows && access(request->rows, F_OK) < 0 && errno == ENOENT)
		return fail(err, BS_NOT_FOUND, "there is no such file of batch results to %s",
			    request->retry.some ? "choose images from" : "continue from");
	batch->rows = rows_open(request->rows, request->page, err);
	if (!batch->rows)
		return -1;
	if (!request->resume || !rows_can_resume(batch->rows))
		return 0;
	descriptor = trust_open_input(rows_file_kind.what, request->rows, O_RDONLY, err);
	return descriptor < 0 ? -1 : close(descriptor);
}

static int batch_find_images(struct batch *batch, struct bs_error *err)
{
	struct find_request request = batch->request->find;
	int result;

	request.unexpected = batch_report_unexpected;
	request.barren = batch_keep_barren;
	request.context = batch;
	result = find_images(&request, &batch->found, err);
	/* The signal is still pending, so the run begins no image. */
	batch->stopped_in_search = result < 0 && err->code == BS_INTERRUPTED;
	if (result == 0)
		batch_report_not_found(batch);
	return batch->stopped_in_search ? 0 : result;
}

static void batch_warn_of_retry(struct batch *batch, const struct retry *seen)
{
	const struct retry *retry = &batch->request->retry;

	for (size_t i = 0; i < BS_STATUS_COUNT; i++)
		if (retry->statuses[i] && !seen->statuses[i])
			print_line(&batch->errors,
				   "bootshift: warning: --retry %s: no image in %s ended so",
				   outcome_of((enum bs_status)i)->name, batch->request->rows);
	for (size_t i = 0; i < BS_CODE_COUNT; i++)
		if (retry->codes[i] && !seen->codes[i] && i != BS_RECOVERY_REQUIRED)
			print_line(&batch->errors,
				   "bootshift: warning: --retry %s: no image in %s ended so",
				   bs_code_name((enum bs_code)i), batch->request->rows);
}

/* Before the search for images, which may take long. */
static int batch_check_earlier_rows(struct batch *batch, struct bs_error *err)
{
	const struct batch_request *request = batch->request;
	struct retry seen = {.some = false};
	const struct resume_request earlier = {.rows = batch->rows,
					       .dry_run = request->dry_run,
					       .retry = &request->retry,
					       .seen = &seen};
	struct find_result none = {.images = NULL};
	uint64_t skipped;

	if (!rows_can_resume(batch->rows))
		return 0;
	if (resume_batch(&earlier, &none, &batch->summary, &batch->begun, &skipped, err) < 0)
		return -1;
	if (skipped > 0)
		print_skipped(&batch->errors, request->rows, skipped);
	batch_warn_of_retry(batch, &seen);
	return resume_name(request->rows, batch->options.maker, err);
}

static int batch_leave_out_done(struct batch *batch, struct bs_error *err)
{
	const struct batch_request *request = batch->request;
	const struct resume_request earlier = {.rows = batch->rows,
					       .dry_run = request->dry_run,
					       .leave_out = true,
					       .retry = &request->retry};
	uint64_t skipped;

	if (!request->resume || !rows_can_resume(batch->rows))
		return 0;
	return resume_batch(&earlier, &batch->found, &batch->summary, &batch->begun, &skipped, err);
}

static int batch_prepare(struct batch *batch)
{
	const struct batch_request *request = batch->request;
	const char *rows = request->rows ? request->rows : request->page;
	const struct {
		int (*run)(struct batch *batch, struct bs_error *err);
		const char *name; /* for the error */
	} steps[] = {
		{batch_check_undo_directory, request->options->undo_directory},
		{batch_check_page, NULL}, /* its errors name the page */
		{batch_open_rows, rows},
		{batch_check_earlier_rows, rows},
		{batch_find_images, request->find.arguments[0]},
		{batch_leave_out_done, rows},
	};
	struct bs_error err;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].run(batch, &err) < 0)
			return batch_error(batch, steps[i].name, &err);
	return 0;
}

/* ---- the run ------------------------------------------------------------------------------- */

/* Whether nobody learns what the batch still does: a dry run, and its only reader has gone. */
static bool batch_is_ignored(const struct batch *batch)
{
	const struct batch_request *request = batch->request;

	return request->dry_run && !request->rows && !request->page && batch->progress &&
	       progress_above(batch->progress)->error == EPIPE;
}

/* See struct run_request. */
static int batch_image_ended(void *context, const struct row *row)
{
	struct batch *batch = context;
	struct bs_error err;

	if (batch->stopped.code == BS_OK && rows_add(batch->rows, row, &err) < 0)
		batch->stopped = err;
	batch->rows_written += batch->stopped.code == BS_OK;
	if (summary_add(&batch->summary, row, &err) < 0 && batch->stopped.code == BS_OK)
		batch->stopped = err;
	batch->ignored |= batch_is_ignored(batch);
	return batch->stopped.code == BS_OK && !batch->ignored ? 0 : -1;
}

/* One appliance looks at all images, so its start is paid once. */
static int batch_run_with_appliance(struct batch *batch, const struct run_request *run,
				    struct bs_error *err)
{
	struct bs_appliance appliance;
	int result;

	if (!options_use_appliance(&batch->options))
		return run_images(run, &batch->outcome, err);
	if (bs_appliance_open(&appliance, err) < 0)
		return -1;
	batch->options.appliance = &appliance;
	result = run_images(run, &batch->outcome, err);
	batch->options.appliance = NULL;
	bs_appliance_close(&appliance);
	return result;
}

static void batch_run_images(struct batch *batch)
{
	const struct batch_request *request = batch->request;
	struct run_request run = {
		.kind = request->dry_run ? ATTEMPT_REHEARSE : ATTEMPT_FIX,
		.command = "batch",
		.begun = batch->begun,
		.resumed = request->resume,
		.options = &batch->options,
		.images = batch->found.images,
		.count = batch->found.count,
		.slots = request->slots,
		.timeout = request->timeout,
		.failures_max = request->failures_max,
		.errors = &batch->errors,
		.ended = batch_image_ended,
		.context = batch,
	};
	struct bs_error err;
	int error;

	batch->images = batch->summary.images + batch->found.count;
	output_flush(&batch->output);
	run.progress = progress_open(batch->output.stream, request->colour, request->kind,
				     batch->found.count);
	if (!run.progress) {
		fail_memory(&batch->stopped);
		return;
	}
	batch->progress = run.progress;
	if (batch_run_with_appliance(batch, &run, &err) < 0 && batch->stopped.code == BS_OK)
		batch->stopped = err;
	error = progress_close(run.progress);
	batch->progress = NULL;
	if (error != 0 && batch->output.error == 0)
		batch->output.error = error;
}

/*
 * Whether a file could not be written only because it is standard output, and its reader has gone,
 * as with "| head".  Then nothing is lost if the batch has changed nothing.
 */
static bool batch_is_unread(const struct batch *batch, const char *path, const struct bs_error *err)
{
	return batch->request->dry_run && err->code == BS_OUTPUT && output_is_stdout(path) &&
	       output_reader_has_gone();
}

/* ---- after the run ------------------------------------------------------------------------- */

static void batch_report_stop(struct batch *batch, const struct summary_facts *facts)
{
	const struct batch_request *request = batch->request;
	const char *name = !request->rows                    ? "the batch"
			   : output_is_stdout(request->rows) ? "standard output"
							     : request->rows;
	const char *why = batch->outcome.interrupted ? "interrupted by a signal"
			  : batch->outcome.gave_up
				  ? "stopped: as many failures as --max-failures allows"
				  : "stopped";

	if (batch_is_unread(batch, request->rows, &batch->stopped) || batch->ignored)
		return;
	if (batch->stopped.code != BS_OK)
		batch_error(batch, name, &batch->stopped);
	if (facts->without_row > 0 && request->rows)
		print_line(&batch->errors, "bootshift: %s: %s %s no result in this file%s", name,
			   count_format(facts->without_row, "image").text,
			   facts->without_row == 1 ? "has" : "have",
			   rows_can_resume(batch->rows) ? "; before an undo, continue with --resume"
							: "");
	if (!batch->outcome.interrupted && !batch->outcome.gave_up && facts->not_begun == 0)
		return;
	batch->failed = true;
	print(&batch->errors, "bootshift: %s", why);
	if (facts->not_begun > 0)
		print(&batch->errors, "; %s %s not begun",
		      count_format(facts->not_begun, "image").text,
		      facts->not_begun == 1 ? "was" : "were");
	if (facts->not_begun > 0 || facts->searching)
		print(&batch->errors, "; to go on, give the same command again%s",
		      facts->rows ? " with --resume" : "");
	print_end(&batch->errors);
}

static int batch_write_page(const struct batch *batch, const struct summary_facts *facts,
			    struct bs_error *err)
{
	const char *path = batch->request->page;
	uint64_t ignored;
	struct merge *merge =
		merge_open_file(rows_open_reader(batch->rows, err), path, &ignored, err);
	int result = merge ? page_write(path, merge, facts, err) : -1;

	merge_close(merge);
	return result;
}

/* Without a page and a file of rows, the results would be lost. */
static void batch_save_rows(struct batch *batch)
{
	struct bs_error err;
	char *path;

	if (batch->request->rows)
		return;
	path = rows_save(batch->rows, &err);
	if (path)
		print_line(&batch->errors, "bootshift: the batch results are saved in %s", path);
	else
		batch_error(batch, batch->request->page, &err);
	free(path);
}

/* Fills in `left_out`; returns the number of its elements. */
static size_t batch_count_left_out(const struct batch *batch,
				   struct summary_left_out left_out[FIND_REASON_COUNT])
{
	static const char *const reasons[FIND_REASON_COUNT] = {
		[FIND_NOT_AN_IMAGE] = "files that are not disk images",
		[FIND_PACKED] = "compressed files",
		[FIND_EXCLUDED] = "excluded files and folders",
		[FIND_OURS] = "undo files and lock files",
		[FIND_HALF_COPIED] = "half-copied files",
		[FIND_DATA_FILE] = "data files of other images",
		[FIND_OTHER_NAME] = "other names of the same file or folder",
		[FIND_LINK] = "symbolic links",
		[FIND_NOT_A_FILE] = "devices, pipes and sockets",
		[FIND_OTHER_SHARD] = "images of other shards",
		[FIND_NO_ROW] = "images that have no result yet (--retry)",
		[FIND_UNREADABLE] = "unreadable folders",
		[FIND_MISSING] = "names that lead to nothing",
	};
	size_t count = 0;

	for (size_t i = 0; i < FIND_REASON_COUNT; i++)
		if (batch->found.left_out[i] > 0)
			left_out[count++] =
				(struct summary_left_out){reasons[i], batch->found.left_out[i]};
	return count;
}

/* If the reader of standard output has gone, a batch that changes images says what it has done. */
static void batch_report_output(struct batch *batch)
{
	int error = batch->output.error;

	if (error == 0 || (error == EPIPE && batch->request->dry_run))
		return;
	if (error != EPIPE) {
		batch->failed = true;
		print_line(&batch->errors, "bootshift: the report cannot be written: %s",
			   strerror(error));
		return;
	}
	print_line(&batch->errors,
		   "bootshift: the reader of the report has gone; the batch was carried out on %s",
		   count_format(batch->outcome.begun, "image").text);
}

static void batch_report(struct batch *batch)
{
	struct summary_left_out left_out[FIND_REASON_COUNT];
	const struct summary_facts facts = {
		.words = batch->request->words,
		.word_count = batch->request->word_count,
		.begun_at = batch->began,
		.milliseconds = clock_milliseconds() - batch->started,
		.searching = batch->stopped_in_search,
		.images = batch->images,
		.begun = batch->outcome.begun,
		.not_begun = batch->found.count - batch->outcome.begun,
		.without_row = batch->outcome.begun - batch->rows_written,
		.rows = rows_can_resume(batch->rows) ? batch->request->rows : NULL,
		.undo_by_name = !batch->request->rows,
		.undo_directory = batch->request->options->undo_directory,
		.left_out = left_out,
		.left_out_count = batch_count_left_out(batch, left_out),
		.unexpected = batch->unexpected.items,
		.unexpected_count = batch->unexpected.count,
		.unexpected_more = batch->unexpected_more,
	};
	struct bs_error err;

	if (batch->request->kind != PROGRESS_QUIET)
		summary_print(&batch->output, &batch->summary, &facts);
	output_flush(&batch->output);
	batch_report_stop(batch, &facts);
	if (batch->request->page && batch_write_page(batch, &facts, &err) < 0 &&
	    !batch_is_unread(batch, batch->request->page, &err)) {
		batch_error(batch, NULL, &err);
		batch_save_rows(batch);
	}
	batch_report_output(batch);
}

/* ---- the batch ----------------------------------------------------------------------------- */

static enum bs_exit batch_exit_status(const struct batch *batch)
{
	enum bs_exit status = summary_exit(&batch->summary);

	if (batch->usage_failed)
		return BS_EXIT_USAGE;
	return batch->failed && status != BS_EXIT_RECOVERY ? BS_EXIT_FAILED : status;
}

enum bs_exit batch_run(const struct batch_request *request)
{
	bool use_stderr = request->kind == PROGRESS_QUIET || output_is_stdout(request->rows) ||
			  output_is_stdout(request->page);
	struct batch batch = {
		.request = request,
		.options = *request->options,
		.started = clock_milliseconds(),
		.begun = clock_file_time(),
	};
	enum bs_exit status;

	batch.began = batch.begun;
	signals_hold_stop();
	output_open(&batch.output, use_stderr ? stderr : stdout, request->colour);
	output_open(&batch.errors, stderr, request->colour);
	if (batch_prepare(&batch) == 0) {
		batch_run_images(&batch);
		batch_report(&batch);
	}
	status = batch_exit_status(&batch);
	summary_free(&batch.summary);
	find_free(&batch.found);
	batch_free_unexpected(&batch);
	barren_folders_free(&batch.barren);
	rows_close(batch.rows);
	return status;
}
