/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows are made of what `fix --json` tells of an image, so that the two cannot differ. */
#include "rows/row.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/json-fields.h"
#include "report/json-report.h"
#include "rows/location.h"
#include "util/clock.h"

/* ---- making -------------------------------------------------------------------------------- */

/* Where a row's field comes from: the image's object of bootshift-json(5), or a part of it. */
enum part { IMAGE, INSPECTION, PLAN };

static const struct {
	const char *name;
	enum part part;
	const char *source;
	bool is_array; /* empty where there is no such part; other fields are null then */
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

static int out_of_memory(struct bs_error *err)
{
	return fail(err, BS_NO_MEMORY, "out of memory");
}

bool row_look(const char *file, uint64_t *size, uint64_t *modified)
{
	struct stat status;

	if (stat(file, &status) != 0)
		return false;
	*size = *modified = 0;
	if (S_ISREG(status.st_mode)) {
		*size = (uint64_t)status.st_size;
		*modified = clock_nanoseconds(&status.st_mtim);
	}
	return true;
}

/* Today's size and time of the image's file; of what is no file, the size that was found in it. */
static int put_look(json_t *object, const struct row_subject *subject,
		    const struct bs_result *result)
{
	uint64_t size, modified;

	if (!subject->file || !row_look(subject->file, &size, &modified) || modified == 0) {
		size = result->inspection ? result->inspection->container_size : 0;
		modified = 0;
	}
	if (json_put(object, "size", size > 0 ? json_number(size) : json_null()) != 0)
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

static int put_subject(json_t *object, const struct row_subject *subject)
{
	if (json_put(object, "schema", json_number(ROW_SCHEMA)) != 0 ||
	    json_put(object, "tool", json_text("bootshift")) != 0 ||
	    json_put(object, "version", json_text(bs_version())) != 0 ||
	    json_put(object, "command", json_text(subject->command)) != 0 ||
	    json_put(object, "begun", json_number(subject->begun)) != 0 ||
	    json_put(object, "ended", json_number(clock_file_time())) != 0 ||
	    json_put(object, "path", json_text(subject->path)) != 0 ||
	    json_put(object, "uri", json_uri(subject->location)) != 0)
		return -1;
	return json_put(object, "dry_run", json_boolean(subject->dry_run));
}

static int put_fields(json_t *object, json_t *image)
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
		if (json_put(object, fields[i].name, value) != 0)
			return -1;
	}
	return 0;
}

/* The path of the undo file without any loss. */
static int put_undo_uri(json_t *object, const struct bs_result *result)
{
	return json_put(object, "undo_uri",
			result->undo_file ? json_uri(result->undo_file) : json_null());
}

/* Which partition is active with the fix, be it one that was only rehearsed. */
static int put_active_after(json_t *object, const struct bs_result *result)
{
	bool fits = result->plan &&
		    (result->status == BS_STATUS_FIXED || result->status == BS_STATUS_WOULD_FIX);

	return json_put(object, "active_after",
			fits ? json_number(result->plan->boot_number) : json_null());
}

static json_t *make_object(const struct row_subject *subject, const struct bs_result *result)
{
	const struct advice_subject advised = {.image = subject->path,
					       .options = subject->options,
					       .inspection = result->inspection};
	json_t *image = report_json_image(&advised, result), *object = json_object();

	if (!image || put_subject(object, subject) != 0 || put_fields(object, image) != 0 ||
	    put_undo_uri(object, result) != 0 || put_look(object, subject, result) != 0 ||
	    put_active_after(object, result) != 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(image);
	return object;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int invalid(struct bs_error *err, const char *name)
{
	return fail(err, BS_ROW_INVALID, "the line is no row: '%s' is missing or not what it is",
		    name);
}

/* Sets *text to a string, or to NULL for null, which is allowed only where `optional`. */
static int read_text(const json_t *object, const char *name, bool optional, const char **text,
		     struct bs_error *err)
{
	const json_t *value = json_object_get(object, name);

	*text = json_string_value(value);
	return *text || (optional && json_is_null(value)) ? 0 : invalid(err, name);
}

/* Null, for what is not known, is 0. */
static int read_number(const json_t *object, const char *name, uint64_t *number,
		       struct bs_error *err)
{
	const json_t *value = json_object_get(object, name);
	json_int_t integer = json_integer_value(value);

	*number = (uint64_t)integer;
	return (json_is_integer(value) && integer >= 0) || json_is_null(value) ? 0
									       : invalid(err, name);
}

static int read_flag(const json_t *object, const char *name, bool *flag, struct bs_error *err)
{
	const json_t *value = json_object_get(object, name);

	*flag = json_is_true(value);
	return json_is_boolean(value) ? 0 : invalid(err, name);
}

static int read_status(const json_t *object, enum bs_status *status, struct bs_error *err)
{
	const char *name;

	if (read_text(object, "status", false, &name, err) != 0)
		return -1;
	for (int i = 0; i < BS_STATUS_COUNT; i++) {
		*status = (enum bs_status)i;
		if (strcmp(name, report_status_name(*status)) == 0)
			return 0;
	}
	return invalid(err, "status");
}

bool row_is_problem(enum bs_status status)
{
	return status == BS_STATUS_REFUSED || status == BS_STATUS_FAILED ||
	       status == BS_STATUS_RECOVERY_REQUIRED;
}

/* There is a code if, and only if, the status is one of those that have a reason. */
static int read_code(const json_t *object, struct row *row, struct bs_error *err)
{
	bool has_reason = row_is_problem(row->status);
	const char *name;

	row->code = BS_OK;
	if (read_text(object, "code", !has_reason, &name, err) != 0 ||
	    read_text(object, "message", !has_reason, &row->message, err) != 0)
		return -1;
	if (!has_reason)
		return !name && !row->message ? 0 : invalid(err, "code");
	for (int i = BS_OK + 1; i < BS_CODE_COUNT; i++) {
		row->code = (enum bs_code)i;
		if (strcmp(name, bs_code_name(row->code)) == 0)
			return 0;
	}
	return invalid(err, "code");
}

/* Sets *location to what a field with a URI stands for; the caller frees it. */
static int read_uri(const json_t *object, const char *name, char **location, struct bs_error *err)
{
	const char *uri;

	if (read_text(object, name, false, &uri, err) != 0)
		return -1;
	*location = strdup(uri);
	if (!*location)
		return out_of_memory(err);
	return location_from_uri(*location) ? 0 : invalid(err, name);
}

/* Without a URI, as in rows of a time before there was one, the path has to do. */
static int read_undo_file(const json_t *object, struct row *row, struct bs_error *err)
{
	const json_t *uri = json_object_get(object, "undo_uri");

	if (read_text(object, "undo_file", true, &row->undo_file, err) != 0)
		return -1;
	if (uri && !json_is_null(uri))
		return read_uri(object, "undo_uri", &row->undo_location, err);
	if (!row->undo_file)
		return 0;
	row->undo_location = strdup(row->undo_file);
	return row->undo_location ? 0 : out_of_memory(err);
}

/* Rows of that time do not tell when they were made, but do tell when the batch began. */
static int read_times(const json_t *object, struct row *row, struct bs_error *err)
{
	if (read_number(object, "begun", &row->begun, err) != 0)
		return -1;
	row->ended = row->begun;
	return json_object_get(object, "ended") ? read_number(object, "ended", &row->ended, err)
						: 0;
}

static int read_head(const json_t *object, struct bs_error *err)
{
	const json_t *schema = json_object_get(object, "schema");
	const char *tool, *command;

	if (json_integer_value(schema) != ROW_SCHEMA)
		return invalid(err, "schema");
	if (read_text(object, "tool", false, &tool, err) != 0 ||
	    read_text(object, "command", false, &command, err) != 0)
		return -1;
	return strcmp(tool, "bootshift") == 0 ? 0 : invalid(err, "tool");
}

/* Fills in all of *row from its object. */
static int read_object(struct row *row, struct bs_error *err)
{
	const json_t *object = row->object;

	if (read_head(object, err) != 0 || read_text(object, "path", false, &row->path, err) != 0 ||
	    read_uri(object, "uri", &row->location, err) != 0 ||
	    read_status(object, &row->status, err) != 0 || read_code(object, row, err) != 0 ||
	    read_undo_file(object, row, err) != 0 ||
	    read_flag(object, "dry_run", &row->dry_run, err) != 0 ||
	    read_flag(object, "recovered", &row->recovered, err) != 0 ||
	    read_times(object, row, err) != 0 ||
	    read_number(object, "size", &row->size, err) != 0 ||
	    read_number(object, "modified", &row->modified, err) != 0 ||
	    read_number(object, "bytes", &row->bytes, err) != 0)
		return -1;
	row->exact = json_is_true(json_object_get(object, "exact")); /* a later field */
	return read_number(object, "milliseconds", &row->milliseconds, err);
}

static void free_locations(struct row *row)
{
	free(row->location);
	free(row->undo_location);
	row->location = row->undo_location = NULL;
}

/* ---- the interface ------------------------------------------------------------------------- */

int row_make(const struct row_subject *subject, const struct bs_result *result, struct row *row,
	     struct bs_error *err)
{
	*row = (struct row){.object = make_object(subject, result)};
	return row->object ? read_object(row, err) : out_of_memory(err);
}

int row_parse(const char *line, size_t length, struct row *row, struct bs_error *err)
{
	json_error_t error;

	*row = (struct row){.object = NULL};
	if (length > ROW_LENGTH_MAX)
		return fail(err, BS_ROW_INVALID, "the line is longer than any row");
	row->object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (!row->object && json_error_code(&error) == json_error_out_of_memory)
		return out_of_memory(err);
	if (!row->object)
		return fail(err, BS_ROW_INVALID, "the line is no row: %s", error.text);
	return read_object(row, err);
}

int row_fail(struct row *row, const struct bs_error *reason, struct bs_error *err)
{
	const char *status = report_status_name(BS_STATUS_FAILED);
	const struct advice_subject advised = {.image = row->path};

	if (json_put(row->object, "status", json_text(status)) != 0 ||
	    report_json_put_error(row->object, reason, &advised) != 0)
		return out_of_memory(err);
	free_locations(row);
	return read_object(row, err);
}

int row_set_undone(struct row *row, struct bs_error *err)
{
	row->status = BS_STATUS_UNDONE;
	if (json_put(row->object, "status", json_text(report_status_name(row->status))) != 0)
		return out_of_memory(err);
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
	free_locations(row);
	*row = (struct row){.object = NULL};
}
