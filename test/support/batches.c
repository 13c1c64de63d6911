/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/batches.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/program.h"
#include "support/report.h"

/*
 * Rows stay valid until the process of the test ends.  They are held here, so that none is a leak.
 */
static json_t *held;

const char *batch_folder(void)
{
	return test_folder();
}

const char *batch_put(const char *folder, const char *name, const char *image)
{
	const char *path = text("%s/%s", folder, name);

	ASSERT_STATUS(RUN("cp", "--sparse=always", image, path), 0);
	return path;
}

const char *batch_write(const char *folder, const char *name, const char *content)
{
	const char *path = text("%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}

static void check_row(const json_t *row)
{
	static const char *const fields[] = {
		"version",          "dry_run",        "advice",
		"recovered",        "format",         "size",
		"modified",         "operations",     "bytes",
		"extents",          "milliseconds",   "undo_file",
		"windows_name",     "windows_build",  "disk_size",
		"partitions",       "active_after",   "starts",
		"room_before",      "room_after",     "needed_room",
		"findings",         "begun",          "starts_after",
		"system_partition", "boot_partition", "ended",
		"undo_uri",         "host",           "conversion_needs_fix",
	};
	const char *command = report_text(row, "command");

	ck_assert_int_eq(report_number(row, "schema"), 2);
	ck_assert_str_eq(report_text(row, "tool"), "bootshift");
	ck_assert(strcmp(command, "batch") == 0 || strcmp(command, "undo") == 0);
	ck_assert_ptr_nonnull(report_text(row, "path"));
	ck_assert_ptr_nonnull(report_text(row, "uri"));
	ck_assert_int_eq(report_text(row, "code") == NULL, report_text(row, "message") == NULL);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		ck_assert_msg(json_object_get(row, fields[i]) != NULL, "%s is missing", fields[i]);
}

json_t *batch_rows(const char *file)
{
	FILE *stream = fopen(file, "r");
	json_t *rows = json_array();
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	ck_assert_ptr_nonnull(stream);
	while ((length = getline(&line, &size, stream)) > 0) {
		json_t *row = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, NULL);

		ck_assert_msg(row != NULL && line[length - 1] == '\n', "no row: %s", line);
		for (ssize_t i = 0; i < length; i++)
			ck_assert_msg((signed char)line[i] > 0, "not ASCII: %s", line);
		check_row(row);
		keep_documents(line, (size_t)length);
		json_array_append_new(rows, row);
	}
	free(line);
	fclose(stream);
	if (held == NULL)
		held = json_array();
	json_array_append_new(held, rows);
	return rows;
}

json_t *batch_row(const json_t *rows, const char *path)
{
	for (size_t i = json_array_size(rows); i > 0; i--) {
		json_t *row = json_array_get(rows, i - 1);

		if (strcmp(report_text(row, "path"), path) == 0)
			return row;
	}
	return NULL;
}

void batch_assert(const json_t *rows, const char *path, const char *status, const char *code)
{
	const json_t *row = batch_row(rows, path);

	ck_assert_msg(row != NULL, "no row of %s", path);
	ck_assert_msg(strcmp(report_text(row, "status"), status) == 0, "%s: %s (%s)", path,
		      report_text(row, "status"), report_text(row, "code"));
	ck_assert_pstr_eq(report_text(row, "code"), code);
}
