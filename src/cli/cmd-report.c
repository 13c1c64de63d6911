/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bootshift report: what files of rows say together, as a page, as rows, and in sum.
 *
 * All files are copied into one without a name first: so there may be any number of them, pipes
 * too, and a batch may go on writing to its own meanwhile.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "page/page.h"
#include "report/phrases.h"
#include "report/whole-file.h"

struct report {
	const struct settings *settings;
	struct output output, errors;
	FILE *copy;
	struct merge *merge;
	struct summary summary;
	uint64_t skipped; /* lines that are no rows */
};

/* ---- reading ------------------------------------------------------------------------------- */

/* Appends the whole lines of a file to the copy, whose place is then in front of them. */
static int copy_lines(FILE *file, const char *path, FILE *copy, struct bs_error *err)
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
		return whole_file_fail(path, whole_file_rows.what, "cannot be read", err);
	if (ferror(copy) || fflush(copy) != 0 || ftruncate(fileno(copy), whole) != 0 ||
	    fseeko(copy, start, SEEK_SET) != 0)
		return whole_file_fail(path, whole_file_rows.what, "cannot be copied to be read",
				       err);
	return 0;
}

static int copy_file(const char *path, FILE *copy, struct bs_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	int result;

	if (!file)
		return whole_file_fail(path, whole_file_rows.what, "cannot be opened", err);
	result = copy_lines(file, path, copy, err);
	if (!is_stdin)
		fclose(file);
	return result;
}

/* Adds the rows of a file, which are read to the end of the copy. */
static int add_file(struct report *report, const char *path, struct bs_error *err)
{
	uint64_t skipped;

	if (copy_file(path, report->copy, err) != 0 ||
	    merge_add(report->merge, report->copy, path, &skipped, err) != 0)
		return -1;
	report->skipped += skipped;
	return 0;
}

/* A merge_function. */
static int add_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	(void)index;
	return summary_add(context, row, err);
}

static int read_rows(struct report *report, char *const *files, int count, struct bs_error *err)
{
	report->copy = tmpfile();
	if (!report->copy)
		return fail_errno(err, BS_IO, "there is no place for a temporary file");
	report->merge = merge_open();
	if (!report->merge)
		return fail_memory(err);
	for (int i = 0; i < count; i++)
		if (add_file(report, files[i], err) != 0)
			return -1;
	return merge_each(report->merge, add_row, &report->summary, err);
}

/* ---- writing ------------------------------------------------------------------------------- */

static int write_row(FILE *stream, const struct row *row, struct bs_error *err)
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

/* A merge_function.  The row that leads to the undo file goes first when it is not the latest. */
static int write_image(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	const struct rows_writer *writer = context;
	struct row change;
	int result = merge_read_change(writer->merge, index, &change, err);

	if (result == 0 && change.object && !json_equal(change.object, row->object))
		result = write_row(writer->stream, &change, err);
	row_free(&change);
	return result == 0 ? write_row(writer->stream, row, err) : -1;
}

/* A whole_file_content. */
static int write_rows(FILE *stream, void *context, struct bs_error *err)
{
	struct rows_writer writer = {.merge = context, .stream = stream};

	return merge_each(context, write_image, &writer, err);
}

/* Before anything is read, which may take its time. */
static int check_files(const struct settings *settings, struct bs_error *err)
{
	if (settings->rows && whole_file_check(settings->rows, &whole_file_rows, err) != 0)
		return -1;
	return settings->output ? whole_file_check(settings->output, &whole_file_page, err) : 0;
}

static int write_report(struct report *report, struct bs_error *err)
{
	const struct settings *settings = report->settings;
	const struct summary_facts facts = {.rows_only = true};

	if (settings->rows && whole_file_write(settings->rows, whole_file_rows.what, write_rows,
					       report->merge, err) != 0)
		return -1;
	if (settings->output && page_write(settings->output, report->merge, &facts, err) != 0)
		return -1;
	summary_print(&report->output, &report->summary, &facts);
	return 0;
}

/* ---- the command --------------------------------------------------------------------------- */

/* What is not told of an image may be what is wrong with it. */
static enum bs_exit report_skipped(struct report *report)
{
	if (report->skipped == 0)
		return BS_EXIT_DONE;
	print(&report->errors, "bootshift: %llu line%s no row and passed over",
	      (unsigned long long)report->skipped, report->skipped == 1 ? " is" : "s are");
	print_end(&report->errors);
	return BS_EXIT_FAILED;
}

static enum bs_exit report_failure(struct report *report, const struct bs_error *err)
{
	print(&report->errors, "bootshift: %s (%s); %s", err->message, bs_code_name(err->code),
	      bs_code_advice(err->code));
	print_end(&report->errors);
	return bs_code_exit(err->code) == BS_EXIT_USAGE ? BS_EXIT_USAGE : BS_EXIT_FAILED;
}

enum bs_exit run_report(const struct settings *settings, char *const *operands, int count)
{
	bool elsewhere = output_is_stdout(settings->output) || output_is_stdout(settings->rows);
	struct report report = {.settings = settings};
	struct bs_error err;
	enum bs_exit status;

	output_open(&report.output, elsewhere ? stderr : stdout, settings->colour);
	output_open(&report.errors, stderr, settings->colour);
	report.output.quiet = settings->quiet;
	if (check_files(settings, &err) == 0 && read_rows(&report, operands, count, &err) == 0 &&
	    write_report(&report, &err) == 0)
		status = worse_exit(summary_exit(&report.summary), report_skipped(&report));
	else
		status = report_failure(&report, &err);
	if (report.merge)
		merge_close(report.merge);
	if (report.copy)
		fclose(report.copy);
	summary_free(&report.summary);
	return finish_report(status, &report.output, 0);
}
