/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows: from a result to a line and back, and lines that are not rows. */
#include <stdlib.h>
#include <string.h>

#include "report/json-report.h"
#include "rows/location.h"
#include "rows/row.h"

#include "support/test.h"

static struct bs_error err;

static const struct row_subject subject = {
	.command = "batch",
	.path = "folder/no text \xff",
	.location = "/folder/no text \xff%",
	.begun = 1795355524979656436,
};

static char *make_line(const struct bs_result *result)
{
	struct row row;
	char *line;

	ck_assert_msg(row_make(&subject, result, &row, &err) == 0, "%s", err.message);
	line = row_line(&row);
	ck_assert_ptr_nonnull(line);
	row_free(&row);
	return line;
}

static char *fixed_line(void)
{
	struct bs_result result = {
		.status = BS_STATUS_FIXED,
		.undo_file = (char *)"/folder/undo \xff",
		.container_bytes = 381952,
		.milliseconds = 42,
	};

	return make_line(&result);
}

TEST_CASE(row_tests, "row");

TEST(row_tests, a_row_that_is_written_and_read_tells_the_same)
{
	char *line = fixed_line();
	struct row row;

	ck_assert_int_eq(strncmp(line, "{\"schema\":2,\"tool\":\"bootshift\",", 31), 0);
	ck_assert_msg(row_parse(line, strlen(line), &row, &err) == 0, "%s", err.message);
	ck_assert_str_eq(row.path, "folder/no text \xef\xbf\xbd");
	ck_assert_str_eq(row.location, subject.location);
	ck_assert_int_eq(row.status, BS_STATUS_FIXED);
	ck_assert_int_eq(row.code, BS_OK);
	ck_assert_ptr_null(row.message);
	ck_assert_str_eq(row.undo_file, "/folder/undo \xef\xbf\xbd");
	ck_assert_str_eq(row.undo_location, "/folder/undo \xff");
	ck_assert_uint_eq(row.begun, subject.begun);
	ck_assert_uint_gt(row.ended, 0);
	ck_assert_uint_eq(row.bytes, 381952);
	ck_assert_uint_eq(row.milliseconds, 42);
	ck_assert_uint_eq(row.modified, 0);
	row_free(&row);
	free(line);
}

TEST(row_tests, a_row_can_fail_for_another_reason)
{
	const struct bs_error reason = {BS_TIMEOUT, "it took too long"};
	char *line = fixed_line();
	struct row row, again;

	ck_assert_int_eq(row_parse(line, strlen(line), &row, &err), 0);
	free(line);
	ck_assert_int_eq(row_fail(&row, &reason, &err), 0);
	ck_assert_int_eq(row.status, BS_STATUS_FAILED);
	line = row_line(&row);
	ck_assert_int_eq(row_parse(line, strlen(line), &again, &err), 0);
	ck_assert_int_eq(again.code, BS_TIMEOUT);
	ck_assert_str_eq(again.message, "it took too long");
	free(line);
	row_free(&row);
	row_free(&again);
}

/* Changes of one field that make a good row invalid. */
static const struct {
	const char *field, *value; /* JSON; NULL: the field is removed */
} bad[] = {
	{"schema", NULL},
	{"tool", "\"another\""},
	{"command", NULL},
	{"path", "null"},
	{"path", "17"},
	{"uri", "\"folder/relative\""},
	{"uri", "\"file://host/path\""},
	{"uri", "\"file:///a%00b\""},
	{"uri", "\"file:///a%4\""},
	{"uri", "\"file:///a%zz\""},
	{"status", "\"good\""},
	{"status", "\"failed\""}, /* no code */
	{"code", "\"io-error\""}, /* this status has no code */
	{"dry_run", "1"},
	{"recovered", "null"},
	{"size", "-1"},
	{"bytes", "\"many\""},
	{"begun", "1.5"},
	{"begun", "\"2026-11-29\""},
	{"schema", "0"},
	{"schema", "3"},
	{"undo_file", "{}"},
	{"undo_uri", "\"undo\""},
	{"undo_uri", "1"},
	{"ended", "\"never\""},
	{"host", "1"},
	{"conversion_needs_fix", "\"yes\""},
};

TEST_EACH(row_tests, what_no_batch_could_have_written_is_not_a_row, bad)
{
	char *line = fixed_line(), *changed;
	json_t *object = json_loads(line, 0, NULL);
	struct row row;

	if (bad[_i].value)
		json_object_set_new(object, bad[_i].field,
				    json_loads(bad[_i].value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(object, bad[_i].field);
	changed = json_dumps(object, 0);
	ck_assert_int_eq(row_parse(changed, strlen(changed), &row, &err), -1);
	ck_assert_int_eq(err.code, BS_ROW_INVALID);
	row_free(&row);
	json_decref(object);
	free(changed);
	free(line);
}

/* A row of an older version lacks some fields. */
TEST(row_tests, an_older_row_goes_by_what_there_is)
{
	char *line = fixed_line(), *older;
	json_t *object = json_loads(line, 0, NULL);
	struct row row;

	json_object_del(object, "undo_uri");
	json_object_del(object, "ended");
	json_object_del(object, "host");
	json_object_del(object, "conversion_needs_fix");
	json_object_set_new(object, "schema", json_integer(1));
	json_object_set_new(object, "begun", json_integer((json_int_t)subject.begun));
	json_object_set_new(object, "modified", json_integer(1795327200000000001));
	older = json_dumps(object, 0);
	ck_assert_msg(row_parse(older, strlen(older), &row, &err) == 0, "%s", err.message);
	ck_assert_str_eq(row.undo_location, row.undo_file);
	ck_assert_uint_eq(row.ended, subject.begun);
	ck_assert_uint_eq(row.modified, 1795327200000000001);
	ck_assert_ptr_null(row.host);
	ck_assert_int_eq(row.need, NEED_UNKNOWN);
	row_free(&row);
	json_decref(object);
	free(older);
	free(line);
}

TEST(row_tests, a_row_that_was_cut_anywhere_is_not_a_row)
{
	char *line = fixed_line();
	struct row row;

	for (size_t length = 0; length + 1 < strlen(line); length++) {
		ck_assert_int_eq(row_parse(line, length, &row, &err), -1);
		row_free(&row);
	}
	free(line);
}

/* A row with any code can be read back. */
TEST(row_tests, a_row_of_each_code_is_read)
{
	for (int i = BS_OK + 1; i < BS_CODE_COUNT; i++) {
		struct bs_result result = {.status = BS_STATUS_REFUSED,
					   .error = {(enum bs_code)i, "message"}};
		char *line = make_line(&result);
		struct row row;

		ck_assert_int_eq(row_parse(line, strlen(line), &row, &err), 0);
		ck_assert_int_eq(row.code, (enum bs_code)i);
		row_free(&row);
		free(line);
	}
}

/* A row with the longest value of every field still fits into a line. */
TEST(row_tests, no_row_is_too_long)
{
	struct bs_inspection *inspection = calloc(1, sizeof(*inspection));
	struct bs_result result = {.status = BS_STATUS_FAILED, .inspection = inspection};
	char path[4096], *line;
	struct row_subject longest = {.command = "batch", .path = path, .location = path};
	struct row row;

	memset(path, 0xff, sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	result.error.code = BS_IO;
	memset(result.error.message, 0xff, sizeof(result.error.message) - 1);
	result.undo_file = path;
	inspection->system_index = inspection->boot_index = -1;
	inspection->partition_count = BS_PARTITIONS_MAX;
	for (int i = 0; i < BS_PARTITIONS_MAX; i++)
		memset(inspection->partitions[i].label, 0xff,
		       sizeof(inspection->partitions[i].label) - 1);
	inspection->finding_count = BS_FINDINGS_MAX;
	for (int i = 0; i < BS_FINDINGS_MAX; i++)
		memset(inspection->findings[i].message, 0xff,
		       sizeof(inspection->findings[i].message) - 1);
	result.plan = calloc(1, sizeof(*result.plan));
	result.plan->operation_count = BS_OPERATIONS_MAX;
	for (int i = 0; i < BS_OPERATIONS_MAX; i++)
		memset(result.plan->operations[i].path, 0xff, BS_PATH_MAX - 1);
	ck_assert_int_eq(row_make(&longest, &result, &row, &err), 0);
	line = row_line(&row);
	ck_assert_uint_lt(strlen(line), ROW_LENGTH_MAX);
	row_free(&row);
	free(line);
	free(result.plan);
	free(inspection);
}

TEST(row_tests, a_location_survives_as_a_uri)
{
	static const char *const locations[] = {
		"/",    "/a b",          "/\xff\xfe\n\033",
		"/%41", "/\xc3\xa4/?#&", "nbd+unix:///x?socket=/a%20b"};

	for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
		char *uri = location_to_uri(locations[i]);

		for (const char *c = uri; *c; c++)
			ck_assert(*c > ' ' && *c < 0x7f);
		ck_assert(location_from_uri(uri));
		ck_assert_str_eq(uri, locations[i]);
		free(uri);
	}
}
