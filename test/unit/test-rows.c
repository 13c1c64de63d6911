/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of rows: which files a batch adds rows to, and which it leaves alone. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rows/rows.h"
#include "support/loop.h"
#include "support/state.h"

static struct bs_error err;
static const char *path; /* in a folder for this test; the file does not exist */

static void make_folder(void)
{
	path = text("%s/rows", test_folder());
}

static void write_file(const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");

	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

static struct row make_row(void)
{
	const struct row_subject subject = {.command = "batch", .path = "a", .location = "/a"};
	const struct bs_result result = {.status = BS_STATUS_NOTHING_TO_DO};
	struct row row;

	ck_assert_int_eq(row_make(&subject, &result, &row, &err), 0);
	return row;
}

static void add_row(struct rows *rows)
{
	struct row row = make_row();

	ck_assert_int_eq(rows_add(rows, &row, &err), 0);
	row_free(&row);
}

static const char *make_line(void)
{
	struct row row = make_row();
	char *line = row_line(&row);
	const char *kept = text("%s", line);

	free(line);
	row_free(&row);
	return kept;
}

/* Content after the last complete row: a part of another row, zeros, or both. */
static const struct {
	size_t part, zeros;
} tails[] = {{1, 0}, {40, 0}, {0, 1}, {0, 9000}, {1, 10}, {20, 5000}, {300, 5000}};

TEST_CASE(rows_tests, "rows", .setup = make_folder);

TEST_EACH(rows_tests, what_a_crash_has_left_of_a_row_is_cut_off, tails)
{
	const char *line = make_line();
	size_t length = strlen(line), part = tails[_i].part, zeros = tails[_i].zeros;
	char *bytes = calloc(1, length + part + zeros);
	struct rows *rows;
	struct stat status;

	memcpy(bytes, line, length);
	memcpy(bytes + length, line, part);
	write_file(bytes, length + part + zeros);
	free(bytes);
	rows = rows_open(path, false, &err);
	ck_assert_msg(rows != NULL, "%s", err.message);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq((uint64_t)status.st_size, length);
	add_row(rows);
	rows_close(rows);
	ck_assert_uint_eq(strlen(RUN("cat", path).output), 2 * length);
}

/* Files of other programs.  They may contain a row and a newline. */
static const struct {
	const char *start;
	size_t zeros;
	const char *end;
} others[] = {
	{"", 1, ""},
	{"", 100000, ""},
	{"text\n", 0, "{"},
	{"text\n", 5000, ""},
	{"{\"name\":1}\n", 0, "{\"schema\":1,"},
	{"{\"schema\":9,\"tool\":\"bootshift\",}\n", 0, "{"},
	{"{\"schema\":2,\"tool\":\"bootshift\",}\n", 0, "text"},
	{"", 5000, "\n{"},
};

TEST_EACH(rows_tests, what_is_not_rows_is_left_alone, others)
{
	size_t start = strlen(others[_i].start), zeros = others[_i].zeros,
	       end = strlen(others[_i].end);
	char *bytes = calloc(1, start + zeros + end + 1);
	struct image_state before;

	memcpy(bytes, others[_i].start, start);
	memcpy(bytes + start + zeros, others[_i].end, end);
	write_file(bytes, start + zeros + end);
	free(bytes);
	before = state_take(path);
	ck_assert_ptr_null(rows_open(path, false, &err));
	ck_assert_int_eq(err.code, BS_FILE_EXISTS);
	state_assert_untouched(path, &before);
}

TEST(rows_tests, a_block_device_gets_no_rows)
{
	static const char sectors[8192];
	char device[LOOP_PATH_MAX];
	int descriptor;

	write_file(sectors, sizeof(sectors));
	descriptor = loop_attach(path, false, device);
	if (descriptor < 0)
		return;
	ck_assert_ptr_null(rows_open(device, true, &err));
	ck_assert_int_eq(err.code, BS_FILE_EXISTS);
	close(descriptor);
}

TEST(rows_tests, one_at_a_time_adds_rows)
{
	struct rows *rows = rows_open(path, false, &err);

	ck_assert_ptr_nonnull(rows);
	ck_assert_ptr_null(rows_open(path, false, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	rows_close(rows);
	rows = rows_open(path, false, &err);
	ck_assert_ptr_nonnull(rows);
	rows_close(rows);
}

TEST(rows_tests, rows_without_a_name_can_get_one)
{
	char *kept;
	struct rows *rows;

	ck_assert_int_eq(setenv("TMPDIR", text("%.*s", (int)(strlen(path) - 5), path), 1), 0);
	rows = rows_open(NULL, true, &err);
	ck_assert_ptr_nonnull(rows);
	ck_assert(!rows_can_resume(rows));
	add_row(rows);
	ck_assert_str_eq(state_folder(path), ".\n..\n");
	kept = rows_save(rows, &err);
	ck_assert_msg(kept != NULL, "%s", err.message);
	rows_close(rows);
	ck_assert_uint_eq(strlen(RUN("cat", kept).output), strlen(make_line()));
	free(kept);
}
