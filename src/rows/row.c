/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows are made from the JSON of `fix --json`, so that the two cannot differ. */
#include "rows/row.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/json-fields.h"
#include "report/json-report.h"
#include "report/outcome.h"
#include "rows/location.h"
#include "util/clock.h"

/* ---- making -------------------------------------------------------------------------------- */

/* The source of a field: the image's object of bootshift-json(5), or one of its members. */
enum part { IMAGE, INSPECTION, PLAN };

static const struct {
	const char *name;
	enum part part;
	const char *source;
	bool is_array; /* without a source: an empty array; other fields become null */
} fields[] = {
	{"status", IMAGE, "status", false},
	{"code", IMAGE, "code", false},
	{"message", IMAGE, "message", false},
	{"advice", IMAGE, "advice", false},
	{"recovered", IMAGE, "recovered", false},
	{"exact", IMAGE, "exact", false},
	{"bytes", IMAGE, "container_bytes", false},
	{"extents", IMAGE, "container_extents", false},
	{"milliseconds", IMAGE, "milliseconds", false},
	{"undo_file", IMAGE, "undo_file", false},
	{"format", INSPECTION, "format", false},
	{"disk_size", INSPECTION, "disk_size", false},
	{"windows_name", INSPECTION, "windows_name", false},
	{"windows_build", INSPECTION, "windows_build", false},
	{"starts", INSPECTION, "starts", false},
	{"starts_after", INSPECTION, "starts_after", false},
	{"system_partition", INSPECTION, "system_partition", false},
	{"boot_partition", INSPECTION, "boot_partition", false},
	{"room_before", INSPECTION, "room_before", false},
	{"room_after", INSPECTION, "room_after", false},
	{"needed_room", INSPECTION, "needed_room", false},
	{"partitions", INSPECTION, "partitions", true},
	{"findings", INSPECTION, "findings", true},
	{"operations", PLAN, "operations", true},
};

bool row_stat(const char *file, uint64_t *size, uint64_t *modified)
{
	struct stat status;

	if (stat(file, &status) < 0)
		return false;
	*size = *modified = 0;
	if (S_ISREG(status.st_mode)) {
		*size = (uint64_t)status.st_size;
		*modified = clock_nanoseconds(&status.st_mtim);
	}
	return true;
}

/* For a device or an export: the size that the inspection found, and no time. */
static int row_put_file_state(json_t *object, const struct row_subject *subject,
			      const struct bs_result *result)
{
	uint64_t size, modified;

	if (!subject->file || !row_stat(subject->file, &size, &modified) || modified == 0) {
		size = result->inspection ? result->inspection->container_size : 0;
		modified = 0;
	}
	if (json_put(object, "size", size > 0 ? json_number(size) : json_null()) < 0)
		return -1;
	return json_put(object, "modified", modified > 0 ? json_number(modified) : json_null());
}

static json_t *json_uri(const char *location)
{
	char *uri = location_to_uri(location);
	json_t *value = uri ? json_text(uri) : NULL;

	free(uri);
	return value;
}

static int row_put_subject(json_t *object, const struct row_subject *subject)
{
	if (json_put(object, "schema", json_number(ROW_SCHEMA)) < 0 ||
	    json_put(object, "tool", json_text("bootshift")) < 0 ||
	    json_put(object, "version", json_text(bs_version())) < 0 ||
	    json_put(object, "command", json_text(subject->command)) < 0 ||
	    json_put(object, "begun", json_number(subject->begun)) < 0 ||
	    json_put(object, "ended", json_number(clock_file_time())) < 0 ||
	    json_put(object, "path", json_text(subject->path)) < 0 ||
	    json_put(object, "uri", json_uri(subject->location)) < 0)
		return -1;
	return json_put(object, "dry_run", json_boolean(subject->dry_run));
}

static int row_put_fields(json_t *object, json_t *image)
{
	json_t *const parts[] = {
		[IMAGE] = image,
		[INSPECTION] = json_object_get(image, "inspection"),
		[PLAN] = json_object_get(image, "plan"),
	};

	for (size_t i = 0; i < FIELD_COUNT(fields); i++) {
		json_t *value = json_object_get(parts[fields[i].part], fields[i].source);

		if (!value)
			value = fields[i].is_array ? json_array() : json_null();
		else
			json_incref(value);
		if (json_put(object, fields[i].name, value) < 0)
			return -1;
	}
	return 0;
}

/* Unlike "undo_file", a URI keeps every byte of the path. */
static int row_put_undo_uri(json_t *object, const struct bs_result *result)
{
	return json_put(object, "undo_uri",
			result->undo_file ? json_uri(result->undo_file) : json_null());
}

/* The partition that is active after the fix, which may only have been rehearsed. */
static int row_put_active_after(json_t *object, const struct bs_result *result)
{
	bool known = result->plan &&
		     (result->status == BS_STATUS_FIXED || result->status == BS_STATUS_WOULD_FIX);

	return json_put(object, "active_after",
			known ? json_number(result->plan->boot_number) : json_null());
}

static json_t *row_make_object(const struct row_subject *subject, const struct bs_result *result)
{
	const struct advice_subject advised = {.image = subject->path,
					       .options = subject->options,
					       .inspection = result->inspection};
	json_t *image = report_json_image(&advised, result), *object = json_object();

	if (!image || row_put_subject(object, subject) < 0 || row_put_fields(object, image) < 0 ||
	    row_put_undo_uri(object, result) < 0 ||
	    row_put_file_state(object, subject, result) < 0 ||
	    row_put_active_after(object, result) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(image);
	return object;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int row_invalid(struct bs_error *err, const char *name)
{
	return fail(err, BS_ROW_INVALID, "the line is not a row: field '%s' is missing or invalid",
		    name);
}

/* Sets *text to NULL for null, which is allowed only if `optional`. */
static int row_read_text(const json_t *object, const char *name, bool optional, const char **text,
			 struct bs_error *err)
{
	const json_t *value = json_object_get(object, name);

	*text = json_string_value(value);
	return *text || (optional && json_is_null(value)) ? 0 : row_invalid(err, name);
}

/* Sets *number to 0 for null, which means unknown. */
static int row_read_number(const json_t *object, const char *name, uint64_t *number,
			   struct bs_error *err)
{
	const json_t *value = json_object_get(object, name);
	json_int_t integer = json_integer_value(value);

	*number = (uint64_t)integer;
	return (json_is_integer(value) && integer >= 0) || json_is_null(value)
		       ? 0
		       : row_invalid(err, name);
}

static int row_read_flag(const json_t *object, const char *name, bool *flag, struct bs_error *err)
{
	const json_t *value = json_object_get(object, name);

	*flag = json_is_true(value);
	return json_is_boolean(value) ? 0 : row_invalid(err, name);
}

static int row_read_status(const json_t *object, enum bs_status *status, struct bs_error *err)
{
	const char *name;

	if (row_read_text(object, "status", false, &name, err) < 0)
		return -1;
	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		*status = outcomes[i].status;
		if (strcmp(name, outcomes[i].name) == 0)
			return 0;
	}
	return row_invalid(err, "status");
}

/* A row has a code and a message if, and only if, its status is a problem. */
static int row_read_code(const json_t *object, struct row *row, struct bs_error *err)
{
	bool has_reason = outcome_is_problem(row->status);
	const char *name;

	row->code = BS_OK;
	if (row_read_text(object, "code", !has_reason, &name, err) < 0 ||
	    row_read_text(object, "message", !has_reason, &row->message, err) < 0)
		return -1;
	if (!has_reason)
		return !name && !row->message ? 0 : row_invalid(err, "code");
	for (int i = BS_OK + 1; i < BS_CODE_COUNT; i++) {
		row->code = (enum bs_code)i;
		if (strcmp(name, bs_code_name(row->code)) == 0)
			return 0;
	}
	return row_invalid(err, "code");
}

/* Sets *location from a field with a URI; the caller frees it. */
static int row_read_uri(const json_t *object, const char *name, char **location,
			struct bs_error *err)
{
	const char *uri;

	if (row_read_text(object, name, false, &uri, err) < 0)
		return -1;
	*location = strdup(uri);
	if (!*location)
		return fail_memory(err);
	return location_from_uri(*location) ? 0 : row_invalid(err, name);
}

/* Rows of old versions have no "undo_uri": use the path. */
static int row_read_undo_file(const json_t *object, struct row *row, struct bs_error *err)
{
	const json_t *uri = json_object_get(object, "undo_uri");

	if (row_read_text(object, "undo_file", true, &row->undo_file, err) < 0)
		return -1;
	if (uri && !json_is_null(uri))
		return row_read_uri(object, "undo_uri", &row->undo_location, err);
	if (!row->undo_file)
		return 0;
	row->undo_location = strdup(row->undo_file);
	return row->undo_location ? 0 : fail_memory(err);
}

/* Rows of old versions have no "ended": use "begun". */
static int row_read_times(const json_t *object, struct row *row, struct bs_error *err)
{
	if (row_read_number(object, "begun", &row->begun, err) < 0)
		return -1;
	row->ended = row->begun;
	return json_object_get(object, "ended") ? row_read_number(object, "ended", &row->ended, err)
						: 0;
}

static int row_read_header(const json_t *object, struct bs_error *err)
{
	const json_t *schema = json_object_get(object, "schema");
	const char *tool, *command;

	if (json_integer_value(schema) != ROW_SCHEMA)
		return row_invalid(err, "schema");
	if (row_read_text(object, "tool", false, &tool, err) < 0 ||
	    row_read_text(object, "command", false, &command, err) < 0)
		return -1;
	return strcmp(tool, "bootshift") == 0 ? 0 : row_invalid(err, "tool");
}

/* Sets all other fields of *row from row->object. */
static int row_read_object(struct row *row, struct bs_error *err)
{
	const json_t *object = row->object;

	if (row_read_header(object, err) < 0 ||
	    row_read_text(object, "path", false, &row->path, err) < 0 ||
	    row_read_uri(object, "uri", &row->location, err) < 0 ||
	    row_read_status(object, &row->status, err) < 0 || row_read_code(object, row, err) < 0 ||
	    row_read_undo_file(object, row, err) < 0 ||
	    row_read_flag(object, "dry_run", &row->dry_run, err) < 0 ||
	    row_read_flag(object, "recovered", &row->recovered, err) < 0 ||
	    row_read_times(object, row, err) < 0 ||
	    row_read_number(object, "size", &row->size, err) < 0 ||
	    row_read_number(object, "modified", &row->modified, err) < 0 ||
	    row_read_number(object, "bytes", &row->bytes, err) < 0)
		return -1;
	row->exact = json_is_true(json_object_get(object, "exact")); /* old rows: absent */
	return row_read_number(object, "milliseconds", &row->milliseconds, err);
}

static void row_free_locations(struct row *row)
{
	free(row->location);
	free(row->undo_location);
	row->location = row->undo_location = NULL;
}

/* ---- public functions ---------------------------------------------------------------------- */

int row_make(const struct row_subject *subject, const struct bs_result *result, struct row *row,
	     struct bs_error *err)
{
	*row = (struct row){.object = row_make_object(subject, result)};
	return row->object ? row_read_object(row, err) : fail_memory(err);
}

int row_parse(const char *line, size_t length, struct row *row, struct bs_error *err)
{
	json_error_t error;

	*row = (struct row){.object = NULL};
	if (length > ROW_LENGTH_MAX)
		return fail(err, BS_ROW_INVALID, "the line is too long for a row");
	row->object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (!row->object && json_error_code(&error) == json_error_out_of_memory)
		return fail_memory(err);
	if (!row->object)
		return fail(err, BS_ROW_INVALID, "the line is not a row: %s", error.text);
	return row_read_object(row, err);
}

int row_fail(struct row *row, const struct bs_error *reason, struct bs_error *err)
{
	const char *status = outcome_of(BS_STATUS_FAILED)->name;
	const struct advice_subject advised = {.image = row->path};

	if (json_put(row->object, "status", json_text(status)) < 0 ||
	    report_json_put_error(row->object, reason, &advised) < 0)
		return fail_memory(err);
	row_free_locations(row);
	return row_read_object(row, err);
}

int row_set_undone(struct row *row, struct bs_error *err)
{
	row->status = BS_STATUS_UNDONE;
	if (json_put(row->object, "status", json_text(outcome_of(row->status)->name)) < 0)
		return fail_memory(err);
	return 0;
}

char *row_line(const struct row *row)
{
	size_t length = json_dumpb(row->object, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII);
	char *line = length > 0 ? malloc(length + 2) : NULL;

	if (!line)
		return NULL;
	json_dumpb(row->object, line, length, JSON_COMPACT | JSON_ENSURE_ASCII);
	strcpy(line + length, "\n");
	return line;
}

void row_free(struct row *row)
{
	json_decref(row->object);
	row_free_locations(row);
	*row = (struct row){.object = NULL};
}
