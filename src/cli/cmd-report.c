/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bootshift report: reports the outcomes in files of rows as a page, as rows and as a summary.
 *
 * All files are copied into one temporary file first.  So any number of files can be read, also
 * pipes, and a batch may still be writing to its file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "page/page.h"
#include "report/amount.h"
#include "report/phrases.h"
#include "rows/lost.h"
#include "rows/rows.h"

struct report {
	const struct settings *settings;
	struct output output, errors;
	FILE *copy;
	struct merge *merge;
	struct summary summary;
	uint64_t skipped; /* lines that are not valid rows */
	const char *only; /* the file with all rows that are reported; NULL: none */
	int lock;         /* of the file of --jsonl; -1: none */
	bool made;        /* the file was made empty, for its lock */
};

/* ---- reading ------------------------------------------------------------------------------- */

/* Appends the complete lines of a file to the copy, and sets its position to the first of them. */
static int report_copy_lines(FILE *file, const char *path, FILE *copy, struct bs_error *err)
{
	const off_t start = ftello(copy);
	off_t whole = start, end = start;
	int byte;

	while ((byte = getc_unlocked(file)) != EOF && putc_unlocked(byte, copy) != EOF) {
		end++;
		if (byte == '\n')
			whole = end;
	}
	if (ferror(file))
		return replace_file_fail(path, rows_file_kind.what, "cannot be read", err);
	if (file == stdin && end == start) /* the program that writes the rows may have failed */
		return fail(err, BS_ROW_INVALID, "nothing came from standard input");
	if (ferror(copy) || fflush(copy) != 0 || ftruncate(fileno(copy), whole) != 0 ||
	    fseeko(copy, start, SEEK_SET) != 0)
		return replace_file_fail(path, rows_file_kind.what,
					 "cannot be copied to a temporary file", err);
	return 0;
}

static int report_copy_file(const char *path, FILE *copy, struct bs_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	struct stat status;
	int result;

	if (!file)
		return replace_file_fail(path, rows_file_kind.what, "cannot be opened", err);
	if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode))
		result = fail(err, BS_ROW_INVALID, "%s is a folder", path);
	else
		result = report_copy_lines(file, path, copy, err);
	if (!is_stdin)
		fclose(file);
	return result;
}

static int report_add_file(struct report *report, const char *path, struct bs_error *err)
{
	uint64_t skipped;

	if (report_copy_file(path, report->copy, err) < 0 ||
	    merge_add(report->merge, report->copy, path, &skipped, err) < 0)
		return -1;
	report->skipped += skipped;
	return 0;
}

/* A merge_function. */
static int report_add_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	(void)index;
	return summary_add(context, row, err);
}

/* The file that leads to all undo files: the new one, or the only one that was read. */
static const char *report_only_file(const struct settings *settings, char *const *files, int count)
{
	struct stat status;

	if (settings->rows && !output_is_stdout(settings->rows))
		return settings->rows;
	return count == 1 && stat(files[0], &status) == 0 && S_ISREG(status.st_mode) ? files[0]
										     : NULL;
}

static int report_read(struct report *report, char *const *files, int count, struct bs_error *err)
{
	report->copy = tmpfile();
	if (!report->copy)
		return fail_errno(err, BS_IO, "no temporary file can be made");
	report->merge = merge_open();
	if (!report->merge)
		return fail_memory(err);
	for (int i = 0; i < count; i++)
		if (report_add_file(report, files[i], err) < 0)
			return -1;
	return merge_each(report->merge, report_add_row, &report->summary, err);
}

/* ---- writing ------------------------------------------------------------------------------- */

static int report_write_row(FILE *stream, const struct row *row, struct bs_error *err)
{
	char *line = row_line(row);

	if (!line)
		return fail_memory(err);
	fputs(line, stream);
	free(line);
	return 0;
}

struct rows_writer {
	struct merge *merge;
	FILE *stream;
};

/* A merge_function.  If the latest row has no undo file, the row with the undo file comes first. */
static int report_write_image(void *context, size_t index, const struct row *row,
			      struct bs_error *err)
{
	const struct rows_writer *writer = context;
	struct row change;
	int result = merge_read_change(writer->merge, index, &change, err);

	if (result == 0 && change.object && !json_equal(change.object, row->object))
		result = report_write_row(writer->stream, &change, err);
	row_free(&change);
	return result == 0 ? report_write_row(writer->stream, row, err) : -1;
}

/* A replace_file_content. */
static int report_write_rows(FILE *stream, void *context, struct bs_error *err)
{
	struct rows_writer writer = {.merge = context, .stream = stream};

	return merge_each(context, report_write_image, &writer, err);
}

/*
 * Checks the files before reading the rows, because reading may take long.  The lock keeps a batch
 * from adding rows to the file between the reading and the writing.
 */
static int report_check_files(struct report *report, struct bs_error *err)
{
	const struct settings *settings = report->settings;

	if (settings->rows && (replace_file_check(settings->rows, &rows_file_kind, err) < 0 ||
			       rows_lock_old(settings->rows, &report->lock, err) < 0))
		return -1;
	return settings->output ? replace_file_check(settings->output, &page_file_kind, err) : 0;
}

/* The file of --jsonl may be that of another batch: nothing in it may be lost. */
static int report_check_lost(struct report *report, struct bs_error *err)
{
	const char *path = report->settings->rows;
	FILE *old = report->lock >= 0 ? fopen(path, "re") : NULL;
	uint64_t lost;
	int result;

	if (report->lock < 0)
		return 0;
	if (!old)
		return replace_file_fail(path, rows_file_kind.what, "cannot be read", err);
	result = lost_count(old, report->copy, &lost, err);
	fclose(old);
	if (result == 0 && lost > 0)
		result = fail(err, BS_FILE_EXISTS,
			      "the file '%s' has %s that would be lost; not overwritten", path,
			      count_format(lost, "line").text);
	return result;
}

static int report_replace_rows(struct report *report, struct bs_error *err)
{
	const char *path = report->settings->rows;

	if (report->lock < 0) {
		if (rows_lock_new(path, &report->lock, err) < 0)
			return -1;
		report->made = report->lock >= 0;
	}
	if (replace_file_write(path, rows_file_kind.what, report_write_rows, report->merge, err) ==
	    0)
		return 0;
	if (report->made)
		unlink(path);
	return -1;
}

/* Whether only the page is missing that somebody has stopped to read: nothing is lost. */
static bool report_page_is_unread(const struct report *report, const struct bs_error *err)
{
	return err->code == BS_OUTPUT && output_is_stdout(report->settings->output) &&
	       output_reader_has_gone();
}

static int report_write(struct report *report, struct bs_error *err)
{
	const struct settings *settings = report->settings;
	const struct summary_facts facts = {.rows_only = true,
					    .words = settings->words,
					    .word_count = settings->word_count,
					    .rows = report->only};

	if (settings->rows && report_replace_rows(report, err) < 0)
		return -1;
	if (settings->output && page_write(settings->output, report->merge, &facts, err) < 0 &&
	    !report_page_is_unread(report, err))
		return -1;
	summary_print(&report->output, &report->summary, &facts);
	return 0;
}

/* ---- the command --------------------------------------------------------------------------- */

static enum bs_exit report_failure(struct report *report, const struct bs_error *err)
{
	print_line(&report->errors, "bootshift: %s (%s); %s", err->message, bs_code_name(err->code),
		   bs_code_advice(err->code));
	return bs_code_exit(err->code) == BS_EXIT_USAGE ? BS_EXIT_USAGE : BS_EXIT_FAILED;
}

static enum bs_exit report_success(struct report *report)
{
	enum bs_exit status = summary_exit(&report->summary);

	/* An image of a skipped line may have a problem. */
	if (report->skipped == 0)
		return status;
	print_skipped(&report->errors, NULL, report->skipped);
	return worse_exit(status, BS_EXIT_FAILED);
}

enum bs_exit run_report(const struct settings *settings, char *const *operands, int count)
{
	bool use_stderr = output_is_stdout(settings->output) || output_is_stdout(settings->rows);
	struct report report = {
		.settings = settings, .summary = {.all_names = settings->verbose}, .lock = -1};
	struct bs_error err;
	enum bs_exit status;

	report.only = report_only_file(settings, operands, count);
	output_open(&report.output, use_stderr ? stderr : stdout, settings->colour);
	output_open(&report.errors, stderr, settings->colour);
	report.output.quiet = settings->quiet;
	if (report_check_files(&report, &err) == 0 &&
	    report_read(&report, operands, count, &err) == 0 &&
	    report_check_lost(&report, &err) == 0 && report_write(&report, &err) == 0)
		status = report_success(&report);
	else
		status = report_failure(&report, &err);
	if (report.lock >= 0)
		close(report.lock);
	merge_close(report.merge);
	if (report.copy)
		fclose(report.copy);
	summary_free(&report.summary);
	return finish_report(status, &report.output, 0);
}
