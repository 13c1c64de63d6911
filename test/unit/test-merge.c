/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of several files: the merge gives the latest row of each image. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rows/merge.h"

#include "support/test.h"

/* A row with a size by which it is known. */
#define ROW(uri, size)                  ROW_OF(uri, size, "fixed", "null")
#define ROW_OF(uri, size, status, code) ROW_AT("1", uri, size, status, code)
#define ROW_AT(time, uri, size, status, code)                                                      \
	"{\"schema\":1,\"tool\":\"bootshift\",\"version\":\"1\",\"command\":\"batch\","            \
	"\"begun\":1,\"ended\":" time ",\"path\":\"x\",\"uri\":\"" uri                             \
	"\",\"dry_run\":false,\"status\":\"" status "\","                                          \
	"\"code\":" code ",\"message\":" code                                                      \
	",\"advice\":null,\"recovered\":false,\"size\":" #size                                     \
	",\"modified\":1,\"bytes\":0,\"milliseconds\":0,\"undo_file\":null}"

static FILE *file_of(const char *content)
{
	FILE *file = tmpfile();

	ck_assert_int_ge(fputs(content, file), 0);
	return file;
}

/* Adds a file from its beginning on and returns how many lines were no rows. */
static uint64_t add(struct merge *merge, FILE *file)
{
	struct bs_error err;
	uint64_t skipped;

	rewind(file);
	ck_assert_msg(merge_add(merge, file, "rows", &skipped, &err) == 0, "%s", err.message);
	return skipped;
}

static void assert_row(struct merge *merge, size_t index, const char *location, uint64_t size)
{
	struct bs_error err;
	struct row row;

	ck_assert_msg(merge_read(merge, index, &row, &err) == 0, "%s", err.message);
	ck_assert_str_eq(row.location, location);
	ck_assert_uint_eq(row.size, size);
	row_free(&row);
}

TEST_CASE(merge_tests, "merge");

TEST(merge_tests, the_latest_row_of_an_image_counts)
{
	FILE *first =
		file_of(ROW("file:///b", 1) "\n" ROW("file:///a", 2) "\n" ROW("file:///b", 3) "\n");
	FILE *second = file_of(ROW("file:///c", 4) "\n" ROW("file:///a", 5) "\n");
	struct merge *merge = merge_open();

	ck_assert_uint_eq(add(merge, first), 0);
	ck_assert_uint_eq(add(merge, second), 0);
	ck_assert_uint_eq(merge_count(merge), 3);
	assert_row(merge, 2, "/c", 4);
	assert_row(merge, 1, "/b", 3);
	assert_row(merge, 0, "/a", 5);
	merge_close(merge);
	fclose(first);
	fclose(second);
}

static void append(FILE *file, const char *row)
{
	ck_assert_int_gt(fprintf(file, "%s\n", row), 0);
}

static void assert_change(struct merge *merge, size_t index, uint64_t size)
{
	struct bs_error err;
	struct row row;

	ck_assert_msg(merge_read_change(merge, index, &row, &err) == 0, "%s", err.message);
	ck_assert_uint_eq(row.object ? row.size : 0, size);
	row_free(&row);
}

/* The fix is still in place until it is undone, whatever the row of a later batch says. */
TEST(merge_tests, a_fix_is_not_forgotten_until_it_is_undone)
{
	FILE *first = tmpfile(), *second = tmpfile(), *third = tmpfile();
	struct merge *merge = merge_open();

	append(first, ROW("file:///a", 1));
	append(first, ROW("file:///b", 2));
	append(first, ROW("file:///c", 3));
	append(first, ROW_OF("file:///d", 4, "recovery-required", "\"in-use\""));
	append(second, ROW_OF("file:///a", 11, "refused", "\"in-use\""));
	append(second, ROW_OF("file:///b", 12, "undone", "null"));
	append(second, ROW_OF("file:///d", 14, "nothing-to-do", "null"));
	append(third, ROW_OF("file:///a", 21, "nothing-to-do", "null"));
	append(third, ROW_OF("file:///b", 22, "nothing-to-do", "null"));
	append(third, ROW_OF("file:///c", 23, "refused", "\"in-use\""));
	ck_assert_uint_eq(add(merge, first), 0);
	ck_assert_uint_eq(add(merge, second), 0);
	ck_assert_uint_eq(add(merge, third), 0);
	ck_assert_uint_eq(merge_count(merge), 4);
	assert_row(merge, 0, "/a", 1);
	assert_row(merge, 1, "/b", 22);
	assert_row(merge, 2, "/c", 23);
	assert_row(merge, 3, "/d", 14);
	assert_change(merge, 0, 1);
	assert_change(merge, 1, 0);
	assert_change(merge, 2, 3);
	assert_change(merge, 3, 4);
	merge_close(merge);
	fclose(first);
	fclose(second);
	fclose(third);
}

/* Of parts that were divided otherwise the next time, in whatever order they are named. */
TEST(merge_tests, the_order_of_the_files_does_not_matter)
{
	FILE *files[] = {tmpfile(), tmpfile()};

	append(files[0], ROW_AT("10", "file:///a", 1, "refused", "\"hibernated\""));
	append(files[0], ROW_AT("30", "file:///b", 2, "fixed", "null"));
	append(files[0], ROW_AT("50", "file:///c", 3, "fixed", "null"));
	append(files[1], ROW_AT("20", "file:///a", 11, "fixed", "null"));
	append(files[1], ROW_AT("40", "file:///b", 12, "undone", "null"));
	append(files[1], ROW_AT("45", "file:///c", 13, "undone", "null"));
	for (int first = 0; first < 2; first++) {
		struct merge *merge = merge_open();

		ck_assert_uint_eq(add(merge, files[first]), 0);
		ck_assert_uint_eq(add(merge, files[1 - first]), 0);
		ck_assert_uint_eq(merge_count(merge), 3);
		assert_row(merge, 0, "/a", 11);
		assert_row(merge, 1, "/b", 12);
		assert_row(merge, 2, "/c", 3);
		assert_change(merge, 1, 0);
		assert_change(merge, 2, 3);
		merge_close(merge);
	}
	fclose(files[0]);
	fclose(files[1]);
}

/* The machine that undid was not the one that fixed, or its clock was set in between. */
TEST(merge_tests, a_clock_that_is_wrong_does_not_change_the_order_in_a_file)
{
	FILE *first = tmpfile(), *second = tmpfile();
	struct merge *merge = merge_open();

	append(first, ROW_AT("30", "file:///a", 1, "fixed", "null"));
	append(first, ROW_AT("90", "file:///b", 2, "fixed", "null"));
	append(first, ROW_AT("10", "file:///a", 3, "undone", "null"));
	append(second, ROW_AT("20", "file:///a", 4, "refused", "\"in-use\""));
	ck_assert_uint_eq(add(merge, first), 0);
	ck_assert_uint_eq(add(merge, second), 0);
	assert_row(merge, 0, "/a", 3);
	assert_change(merge, 0, 0);
	merge_close(merge);
	fclose(first);
	fclose(second);
}

/* As a report does, which copies all files into one. */
TEST(merge_tests, a_file_is_added_from_its_place_on)
{
	FILE *file = tmpfile();
	struct merge *merge = merge_open();
	struct bs_error err;
	uint64_t skipped;
	long place;

	append(file, ROW_AT("20", "file:///a", 1, "fixed", "null"));
	ck_assert_uint_eq(add(merge, file), 0);
	place = ftell(file);
	append(file, ROW_AT("10", "file:///a", 2, "fixed", "null"));
	append(file, ROW_AT("10", "file:///b", 3, "fixed", "null"));
	ck_assert_int_eq(fseek(file, place, SEEK_SET), 0);
	ck_assert_int_eq(merge_add(merge, file, "rows", &skipped, &err), 0);
	ck_assert_uint_eq(merge_count(merge), 2);
	assert_row(merge, 0, "/a", 1);
	assert_row(merge, 1, "/b", 3);
	merge_close(merge);
	fclose(file);
}

TEST(merge_tests, what_is_no_row_is_passed_over)
{
	FILE *file =
		file_of("\n{}\nnot JSON\n" ROW("file:///a", 1) "\r\n[1]\n" ROW("file:///b", 2));
	struct merge *merge = merge_open();

	/* The last line has no end: it was cut, and is none that is wrong. */
	ck_assert_uint_eq(add(merge, file), 4);
	ck_assert_uint_eq(merge_count(merge), 1);
	assert_row(merge, 0, "/a", 1);
	merge_close(merge);
	fclose(file);
}

TEST(merge_tests, lines_are_rows_up_to_a_length)
{
	const char *row = ROW("file:///a", 1);
	FILE *file = tmpfile();
	struct merge *merge = merge_open();

	/* Blanks may stand behind the object: one line of the greatest length, one longer. */
	fprintf(file, "%-*s\n", (int)ROW_LENGTH_MAX, row);
	fprintf(file, "%-*s\n%s\n", (int)ROW_LENGTH_MAX + 1, row, ROW("file:///b", 2));
	ck_assert_uint_eq(add(merge, file), 1);
	ck_assert_uint_eq(merge_count(merge), 2);
	assert_row(merge, 0, "/a", 1);
	assert_row(merge, 1, "/b", 2);
	merge_close(merge);
	fclose(file);
}

TEST(merge_tests, a_file_that_changed_meanwhile_is_found_out)
{
	FILE *file = file_of(ROW("file:///a", 1) "\n");
	struct merge *merge = merge_open();
	struct bs_error err;
	struct row row;

	/* Far behind, so that it is not in the stream's buffer together with the first one. */
	fprintf(file, "%*s\n%s\n", 65536, "", ROW("file:///b", 2));
	ck_assert_uint_eq(add(merge, file), 1);
	assert_row(merge, 0, "/a", 1);
	ck_assert_int_eq(ftruncate(fileno(file), 65536), 0);
	ck_assert_int_eq(merge_read(merge, 1, &row, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	row_free(&row);
	rewind(file);
	fputs("no row any more", file);
	ck_assert_int_eq(merge_read(merge, 0, &row, &err), -1);
	ck_assert_int_eq(err.code, BS_ROW_INVALID);
	row_free(&row);
	merge_close(merge);
	fclose(file);
}
