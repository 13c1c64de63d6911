/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of things of a batch.  The file of rows is opened first, so that nothing is done that
 * could not be told; the page is made last, of all its rows.
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
#include "util/interruption.h"
#include "util/trust.h"

struct batch {
	const struct batch_request *request;
	struct bs_options options;    /* with the name of the batch */
	struct output output, errors; /* for people; what went wrong besides the images */
	uint64_t started;             /* milliseconds, monotonic */
	uint64_t begun;               /* see row.h */
	struct rows *rows;
	struct left_out meant;    /* what may have been meant to be an image */
	struct find_result found; /* without those that were done before */
	struct summary summary;   /* with those */
	struct progress *progress;
	struct run_outcome outcome;
	struct bs_error stopped; /* why no more images were begun; BS_OK: for no such reason */
	uint64_t images;         /* also those that were done before */
	uint64_t told;           /* images that have ended with a row */
	bool searching;          /* for images, when a signal came */
	bool failed;             /* something besides an image */
	bool misused;            /* in a way that is for the command line to put right */
};

/* ---- what is told of files ----------------------------------------------------------------- */

/* Says what went wrong with a file; a batch that says so does not end with status 0. */
static int complain(struct batch *batch, const char *name, const struct bs_error *error)
{
	output_flush(&batch->output);
	report_error(&batch->errors, name, error);
	batch->failed = true;
	batch->misused |= bs_code_exit(error->code) == BS_EXIT_USAGE;
	return -1;
}

static void tell_left_out(void *context, const char *path, enum find_reason reason,
			  const struct bs_error *error)
{
	struct batch *batch = context;

	left_out_add(&batch->meant, path, error->message);
	if (reason == FIND_UNREADABLE) {
		complain(batch, path, error);
		return;
	}
	if (batch->request->kind == PROGRESS_QUIET)
		return;
	print(&batch->output, "%s: left out: %s", path, error->message);
	print_end(&batch->output);
}

/* ---- before the run ------------------------------------------------------------------------ */

/* Once, instead of once for each image. */
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
								   : complain(batch, path, &err);
		if (!S_ISDIR(status.st_mode))
			errno = ENOTDIR;
	}
	fail_system(&err, "cannot be the folder of the undo files");
	return complain(batch, path, &err);
}

/* What can be known now is not left to be found out when all is done. */
static int check_page(struct batch *batch)
{
	const char *path = batch->request->page;
	struct bs_error err;

	if (!path || whole_file_check(path, &whole_file_page, &err) == 0)
		return 0;
	return complain(batch, path, &err);
}

/*
 * A batch that goes on leaves out what the rows tell as done, so it must be able to trust them. One
 * that only adds rows believes none of those that are there.
 */
static int check_earlier_rows(struct batch *batch)
{
	const char *path = batch->request->rows;
	struct bs_error err;
	int descriptor;

	if (!batch->request->resume || !rows_are_kept(batch->rows))
		return 0;
	descriptor = trust_open_input(whole_file_rows.what, path, O_RDONLY, &err);
	if (descriptor < 0)
		return complain(batch, path, &err);
	close(descriptor);
	return 0;
}

static int open_rows(struct batch *batch)
{
	const struct batch_request *request = batch->request;
	struct bs_error err;

	batch->rows = rows_open(request->rows, request->page != NULL, &err);
	if (!batch->rows)
		return complain(batch, request->rows ? request->rows : request->page, &err);
	return check_earlier_rows(batch);
}

static int find(struct batch *batch)
{
	struct find_request request = batch->request->find;
	struct bs_error err;

	request.tell = tell_left_out;
	request.context = batch;
	if (find_images(&request, &batch->found, &err) == 0)
		return 0;
	/* The run sees the signal, too, and begins nothing. */
	batch->searching = err.code == BS_INTERRUPTED;
	return batch->searching ? 0 : complain(batch, request.arguments[0], &err);
}

static int look_at_earlier_rows(struct batch *batch)
{
	const struct batch_request *request = batch->request;
	const struct resume_request earlier = {
		.rows = batch->rows, .dry_run = request->dry_run, .leave_out = request->resume};
	uint64_t skipped;
	struct bs_error err;

	if (!rows_are_kept(batch->rows))
		return 0;
	if (resume_batch(&earlier, &batch->found, &batch->summary, &batch->begun, &skipped, &err) !=
		    0 ||
	    resume_name(request->rows, batch->options.maker, &err) != 0)
		return complain(batch, request->rows, &err);
	if (skipped > 0) {
		print(&batch->errors, "bootshift: %s: %llu line%s passed over, no row%s",
		      request->rows, (unsigned long long)skipped, plural(skipped), plural(skipped));
		print_end(&batch->errors);
	}
	return 0;
}

/* ---- the run ------------------------------------------------------------------------------- */

static void started(void *context, size_t slot, const struct find_image *image)
{
	const struct batch *batch = context;

	progress_start(batch->progress, slot, image->path);
}

static void phase(void *context, size_t slot, enum bs_phase phase)
{
	const struct batch *batch = context;

	progress_phase(batch->progress, slot, phase);
}

static int ended(void *context, size_t slot, const struct row *row)
{
	struct batch *batch = context;
	struct bs_error err;

	progress_end(batch->progress, slot, row);
	if (batch->stopped.code == BS_OK && rows_add(batch->rows, row, &err) != 0)
		batch->stopped = err;
	batch->told += batch->stopped.code == BS_OK;
	if (summary_add(&batch->summary, row, &err) != 0 && batch->stopped.code == BS_OK)
		batch->stopped = err;
	return batch->stopped.code == BS_OK ? 0 : -1;
}

static void tick(void *context)
{
	const struct batch *batch = context;

	progress_tick(batch->progress);
}

static void run(struct batch *batch)
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
		.watcher = {started, phase, ended, tick, batch},
	};
	struct bs_error err;
	int error;

	batch->images = batch->summary.images + batch->found.count;
	output_flush(&batch->output);
	batch->progress = progress_open(batch->output.stream, request->colour, request->kind,
					batch->found.count);
	if (!batch->progress) {
		fail(&batch->stopped, BS_NO_MEMORY, "out of memory");
		return;
	}
	if (run_images(&run, &batch->outcome, &err) != 0 && batch->stopped.code == BS_OK)
		batch->stopped = err;
	error = progress_close(batch->progress);
	if (error != 0 && batch->output.error == 0)
		batch->output.error = error;
}

/* ---- after it ------------------------------------------------------------------------------ */

static void tell_end(struct batch *batch, const struct summary_facts *facts)
{
	const struct batch_request *request = batch->request;
	const char *name = request->rows ? request->rows : "the batch";

	if (batch->stopped.code != BS_OK)
		complain(batch, name, &batch->stopped);
	if (facts->untold > 0 && request->rows) {
		print(&batch->errors, "bootshift: %s: %llu image%s no row in it", name,
		      (unsigned long long)facts->untold, facts->untold == 1 ? " has" : "s have");
		if (rows_are_kept(batch->rows))
			print(&batch->errors, "; go on with --resume before it is undone");
		print_end(&batch->errors);
	}
	if (batch->outcome.interrupted)
		print(&batch->errors, "bootshift: interrupted by a signal");
	else if (batch->outcome.gave_up)
		print(&batch->errors, "bootshift: stopped, as --max-failures says");
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

static int make_page(const struct batch *batch, const struct summary_facts *facts,
		     struct bs_error *err)
{
	FILE *file = rows_read(batch->rows, err);
	struct merge *merge = merge_open();
	uint64_t ignored;
	int result = -1;

	if (!merge)
		fail(err, BS_NO_MEMORY, "out of memory");
	else if (file && merge_add(merge, file, batch->request->page, &ignored, err) == 0)
		result = page_write(batch->request->page, merge, facts, err);
	if (merge)
		merge_close(merge);
	if (file)
		fclose(file);
	return result;
}

/* Without a page nothing else would be left of them where no file was named for them. */
static void keep_rows(struct batch *batch)
{
	struct bs_error err;
	char *path;

	if (batch->request->rows)
		return;
	path = rows_keep(batch->rows, &err);
	if (path) {
		print(&batch->errors, "bootshift: the rows for it are kept in %s", path);
		print_end(&batch->errors);
	} else {
		complain(batch, batch->request->page, &err);
	}
	free(path);
}

/* Fills in what was left out, by reason; returns the number of reasons. */
static size_t count_left_out(const struct batch *batch,
			     struct summary_left_out left_out[FIND_REASON_COUNT])
{
	static const char *const reasons[FIND_REASON_COUNT] = {
		[FIND_NOT_AN_IMAGE] = "files that are no disk images",
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

static void finish(struct batch *batch)
{
	struct summary_left_out left_out[FIND_REASON_COUNT];
	const struct summary_facts facts = {
		.milliseconds = clock_milliseconds() - batch->started,
		.searching = batch->searching,
		.images = batch->images,
		.begun = batch->outcome.begun,
		.not_begun = batch->found.count - batch->outcome.begun,
		.untold = batch->outcome.begun - batch->told,
		.rows = rows_are_kept(batch->rows) ? batch->request->rows : NULL,
		.undo_directory = batch->request->options->undo_directory,
		.left_out = left_out,
		.left_out_count = count_left_out(batch, left_out),
		.meant = batch->meant.files,
		.meant_count = batch->meant.count,
		.meant_more = batch->meant.more,
	};
	struct bs_error err;

	if (batch->request->kind != PROGRESS_QUIET)
		summary_print(&batch->output, &batch->summary, &facts);
	output_flush(&batch->output);
	tell_end(batch, &facts);
	if (batch->request->page && make_page(batch, &facts, &err) != 0) {
		complain(batch, batch->request->page, &err);
		keep_rows(batch);
	}
	if (batch->output.error != 0) {
		print(&batch->errors, "bootshift: the report cannot be written: %s",
		      strerror(batch->output.error));
		print_end(&batch->errors);
		batch->failed = true;
	}
}

/* ---- the whole ----------------------------------------------------------------------------- */

static enum bs_exit status_of(const struct batch *batch)
{
	enum bs_exit status = summary_exit(&batch->summary);

	if (batch->misused)
		return BS_EXIT_USAGE;
	return batch->failed && status != BS_EXIT_RECOVERY ? BS_EXIT_FAILED : status;
}

enum bs_exit batch_run(const struct batch_request *request)
{
	bool elsewhere = request->kind == PROGRESS_QUIET || output_is_stdout(request->rows) ||
			 output_is_stdout(request->page);
	struct batch batch = {
		.request = request,
		.options = *request->options,
		.started = clock_milliseconds(),
		.begun = clock_file_time(),
	};
	enum bs_exit status;

	interruption_hold();
	output_open(&batch.output, elsewhere ? stderr : stdout, request->colour);
	output_open(&batch.errors, stderr, request->colour);
	if (check_undo_directory(&batch) == 0 && check_page(&batch) == 0 &&
	    open_rows(&batch) == 0 && find(&batch) == 0 && look_at_earlier_rows(&batch) == 0) {
		run(&batch);
		finish(&batch);
	}
	status = status_of(&batch);
	summary_free(&batch.summary);
	find_free(&batch.found);
	left_out_free(&batch.meant);
	rows_close(batch.rows);
	return status;
}
