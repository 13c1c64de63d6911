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
#include <sys/stat.h>
#include <unistd.h>

#include "batch/left-out.h"
#include "batch/resume.h"
#include "batch/run.h"
#include "page/page.h"
#include "report/phrases.h"
#include "report/whole-file.h"
#include "rows/rows.h"
#include "rows/summary.h"
#include "util/clock.h"
#include "util/signals.h"
#include "util/trust.h"

struct batch {
	const struct batch_request *request;
	struct bs_options options; /* with `maker` for this batch */
	struct output output, errors;
	uint64_t started; /* clock_milliseconds() */
	uint64_t begun;   /* see row.h */
	struct rows *rows;
	struct left_out unexpected; /* see left-out.h */
	struct find_result found;   /* without images that earlier runs finished */
	struct summary summary;     /* with images that earlier runs finished */
	struct progress *progress;
	struct run_outcome outcome;
	struct bs_error stopped;   /* the error that stopped the run; BS_OK: none */
	uint64_t images;           /* all images, with those that earlier runs finished */
	uint64_t rows_written;     /* by this run */
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

/* See struct find_request. */
static void report_unexpected(void *context, const char *path, enum find_reason reason,
			      const struct bs_error *error)
{
	struct batch *batch = context;

	left_out_add(&batch->unexpected, path, error->message);
	if (reason == FIND_UNREADABLE) {
		batch_error(batch, path, error);
		return;
	}
	if (batch->request->kind == PROGRESS_QUIET)
		return;
	print(&batch->output, "%s: left out: %s", path, error->message);
	print_end(&batch->output);
}

/* ---- before the run ------------------------------------------------------------------------ */

/* One error here instead of one for each image. */
static int check_undo_directory(struct batch *batch)
{
	const char *path = batch->request->options->undo_directory;
	struct bs_error err;
	struct stat status;

	if (!path)
		return 0;
	if (stat(path, &status) == 0) {
		if (S_ISDIR(status.st_mode) &&
		    access(path, batch->request->dry_run ? X_OK : W_OK | X_OK) == 0)
			return trust_check_folder(path, &err) == 0 ? 0
								   : batch_error(batch, path, &err);
		if (!S_ISDIR(status.st_mode))
			errno = ENOTDIR;
	}
	fail_system(&err, "cannot be used as the folder for undo files");
	return batch_error(batch, path, &err);
}

/* Finds out before the run, not after it, that the page cannot be written. */
static int check_page(struct batch *batch)
{
	const char *path = batch->request->page;
	struct bs_error err;

	if (!path || whole_file_check(path, &whole_file_page, &err) == 0)
		return 0;
	return batch_error(batch, path, &err);
}

/*
 * A batch that goes on leaves out what the rows tell as done, so it must be able to trust them. One
 * that only adds rows believes none of those that are there.
 */
static int batch_check_earlier_rows(struct batch *batch)
{
	const char *path = batch->request->rows;
	struct bs_error err;
	int descriptor;

	if (!batch->request->resume || !rows_can_resume(batch->rows))
		return 0;
	descriptor = trust_open_input(whole_file_rows.what, path, O_RDONLY, &err);
	if (descriptor < 0)
		return batch_error(batch, path, &err);
	close(descriptor);
	return 0;
}

static int batch_open_rows(struct batch *batch)
{
	const struct batch_request *request = batch->request;
	struct bs_error err;

	batch->rows = rows_open(request->rows, request->page, &err);
	if (!batch->rows)
		return batch_error(batch, request->rows ? request->rows : request->page, &err);
	return batch_check_earlier_rows(batch);
}

static int batch_find_images(struct batch *batch)
{
	struct find_request request = batch->request->find;
	struct bs_error err;

	request.unexpected = report_unexpected;
	request.context = batch;
	if (find_images(&request, &batch->found, &err) == 0)
		return 0;
	/* The signal is still pending, so the run begins no image. */
	batch->stopped_in_search = err.code == BS_INTERRUPTED;
	return batch->stopped_in_search ? 0 : batch_error(batch, request.arguments[0], &err);
}

static int read_earlier_rows(struct batch *batch)
{
	const struct batch_request *request = batch->request;
	const struct resume_request earlier = {
		.rows = batch->rows, .dry_run = request->dry_run, .leave_out = request->resume};
	uint64_t skipped;
	struct bs_error err;

	if (!rows_can_resume(batch->rows))
		return 0;
	if (resume_batch(&earlier, &batch->found, &batch->summary, &batch->begun, &skipped, &err) <
		    0 ||
	    resume_name(request->rows, batch->options.maker, &err) < 0)
		return batch_error(batch, request->rows, &err);
	if (skipped > 0) {
		print(&batch->errors, "bootshift: %s: %llu line%s skipped: not %s", request->rows,
		      (unsigned long long)skipped, plural(skipped),
		      skipped == 1 ? "a valid row" : "valid rows");
		print_end(&batch->errors);
	}
	return 0;
}

/* ---- the run ------------------------------------------------------------------------------- */

/* The functions of struct run_watcher. */

static void watch_started(void *context, size_t slot, const struct find_image *image)
{
	const struct batch *batch = context;

	progress_start(batch->progress, slot, image->path);
}

static void watch_phase(void *context, size_t slot, enum bs_phase phase)
{
	const struct batch *batch = context;

	progress_phase(batch->progress, slot, phase);
}

static int watch_ended(void *context, size_t slot, const struct row *row)
{
	struct batch *batch = context;
	struct bs_error err;

	progress_end(batch->progress, slot, row);
	if (batch->stopped.code == BS_OK && rows_add(batch->rows, row, &err) < 0)
		batch->stopped = err;
	batch->rows_written += batch->stopped.code == BS_OK;
	if (summary_add(&batch->summary, row, &err) < 0 && batch->stopped.code == BS_OK)
		batch->stopped = err;
	return batch->stopped.code == BS_OK ? 0 : -1;
}

static void watch_tick(void *context)
{
	const struct batch *batch = context;

	progress_tick(batch->progress);
}

static void batch_run_images(struct batch *batch)
{
	const struct batch_request *request = batch->request;
	const struct run_request run = {
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
		.watcher = {watch_started, watch_phase, watch_ended, watch_tick, batch},
	};
	struct bs_error err;
	int error;

	batch->images = batch->summary.images + batch->found.count;
	output_flush(&batch->output);
	batch->progress = progress_open(batch->output.stream, request->colour, request->kind,
					batch->found.count);
	if (!batch->progress) {
		fail_memory(&batch->stopped);
		return;
	}
	if (run_images(&run, &batch->outcome, &err) < 0 && batch->stopped.code == BS_OK)
		batch->stopped = err;
	error = progress_close(batch->progress);
	if (error != 0 && batch->output.error == 0)
		batch->output.error = error;
}

/* ---- after the run ------------------------------------------------------------------------- */

static void report_stop(struct batch *batch, const struct summary_facts *facts)
{
	const struct batch_request *request = batch->request;
	const char *name = request->rows ? request->rows : "the batch";

	if (batch->stopped.code != BS_OK)
		batch_error(batch, name, &batch->stopped);
	if (facts->without_row > 0 && request->rows) {
		print(&batch->errors, "bootshift: %s: %llu image%s no row in it", name,
		      (unsigned long long)facts->without_row,
		      facts->without_row == 1 ? " has" : "s have");
		if (rows_can_resume(batch->rows))
			print(&batch->errors, "; go on with --resume before an undo");
		print_end(&batch->errors);
	}
	if (batch->outcome.interrupted)
		print(&batch->errors, "bootshift: interrupted by a signal");
	else if (batch->outcome.gave_up)
		print(&batch->errors,
		      "bootshift: stopped: as many failures as --max-failures allows");
	else if (facts->not_begun > 0)
		print(&batch->errors, "bootshift: stopped");
	else
		return;
	batch->failed = true;
	if (facts->not_begun > 0)
		print(&batch->errors, "; %llu image%s not begun",
		      (unsigned long long)facts->not_begun,
		      facts->not_begun == 1 ? " was" : "s were");
	print_end(&batch->errors);
}

static int write_batch_page(const struct batch *batch, const struct summary_facts *facts,
			    struct bs_error *err)
{
	FILE *file = rows_open_reader(batch->rows, err);
	struct merge *merge = merge_open();
	uint64_t ignored;
	int result = -1;

	if (!merge)
		fail_memory(err);
	else if (file && merge_add(merge, file, batch->request->page, &ignored, err) == 0)
		result = page_write(batch->request->page, merge, facts, err);
	if (merge)
		merge_close(merge);
	if (file)
		fclose(file);
	return result;
}

/* Without a page and a file of rows, the results would be lost. */
static void save_rows(struct batch *batch)
{
	struct bs_error err;
	char *path;

	if (batch->request->rows)
		return;
	path = rows_save(batch->rows, &err);
	if (path) {
		print(&batch->errors, "bootshift: the rows are saved in %s", path);
		print_end(&batch->errors);
	} else {
		batch_error(batch, batch->request->page, &err);
	}
	free(path);
}

/* Fills in `left_out`; returns the number of its elements. */
static size_t count_left_out(const struct batch *batch,
			     struct summary_left_out left_out[FIND_REASON_COUNT])
{
	static const char *const reasons[FIND_REASON_COUNT] = {
		[FIND_NOT_AN_IMAGE] = "files that are not disk images",
		[FIND_EXCLUDED] = "excluded files and folders",
		[FIND_OURS] = "undo files and lock files",
		[FIND_HALF_COPIED] = "half-copied files",
		[FIND_DATA_FILE] = "data files of other images",
		[FIND_OTHER_NAME] = "other names of the same file or folder",
		[FIND_LINK] = "symbolic links",
		[FIND_NOT_A_FILE] = "devices, pipes and sockets",
		[FIND_OTHER_SHARD] = "images of other shards",
		[FIND_UNREADABLE] = "unreadable folders",
	};
	size_t count = 0;

	for (size_t i = 0; i < FIND_REASON_COUNT; i++)
		if (batch->found.left_out[i] > 0)
			left_out[count++] =
				(struct summary_left_out){reasons[i], batch->found.left_out[i]};
	return count;
}

static void batch_report(struct batch *batch)
{
	struct summary_left_out left_out[FIND_REASON_COUNT];
	const struct summary_facts facts = {
		.milliseconds = clock_milliseconds() - batch->started,
		.searching = batch->stopped_in_search,
		.images = batch->images,
		.begun = batch->outcome.begun,
		.not_begun = batch->found.count - batch->outcome.begun,
		.without_row = batch->outcome.begun - batch->rows_written,
		.rows = rows_can_resume(batch->rows) ? batch->request->rows : NULL,
		.undo_directory = batch->request->options->undo_directory,
		.left_out = left_out,
		.left_out_count = count_left_out(batch, left_out),
		.unexpected = batch->unexpected.files,
		.unexpected_count = batch->unexpected.count,
		.unexpected_more = batch->unexpected.more,
	};
	struct bs_error err;

	if (batch->request->kind != PROGRESS_QUIET)
		summary_print(&batch->output, &batch->summary, &facts);
	output_flush(&batch->output);
	report_stop(batch, &facts);
	if (batch->request->page && write_batch_page(batch, &facts, &err) < 0) {
		batch_error(batch, batch->request->page, &err);
		save_rows(batch);
	}
	if (batch->output.error != 0) {
		print(&batch->errors, "bootshift: the report cannot be written: %s",
		      strerror(batch->output.error));
		print_end(&batch->errors);
		batch->failed = true;
	}
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

	signals_hold_stop();
	output_open(&batch.output, use_stderr ? stderr : stdout, request->colour);
	output_open(&batch.errors, stderr, request->colour);
	if (check_undo_directory(&batch) == 0 && check_page(&batch) == 0 &&
	    batch_open_rows(&batch) == 0 && batch_find_images(&batch) == 0 &&
	    read_earlier_rows(&batch) == 0) {
		batch_run_images(&batch);
		batch_report(&batch);
	}
	status = batch_exit_status(&batch);
	summary_free(&batch.summary);
	find_free(&batch.found);
	left_out_free(&batch.unexpected);
	rows_close(batch.rows);
	return status;
}
