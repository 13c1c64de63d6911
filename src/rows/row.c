/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows are made from the JSON of `fix --json`, so that the two cannot differ. */
#include "rows/row.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/json-fields.h"
#include "report/json-report.h"
#include "report/meaning.h"
#include "report/moment.h"
#include "report/outcome.h"
#include "rows/location.h"
#include "util/clock.h"

/* ---- the fields ---------------------------------------------------------------------------- */

/* Reads a value into a member of struct row.  False if it is missing (NULL) or invalid. */
typedef bool row_reader(const json_t *value, void *member);

static bool row_read_schema(const json_t *value, void *member)
{
	(void)member;
	return json_integer_value(value) >= 1 && json_integer_value(value) <= ROW_SCHEMA;
}

static bool row_read_tool(const json_t *value, void *member)
{
	(void)member;
	return json_is_string(value) && strcmp(json_string_value(value), "bootshift") == 0;
}

static bool row_read_text(const json_t *value, void *member)
{
	*(const char **)member = json_string_value(value);
	return json_is_string(value);
}

static bool row_read_text_or_null(const json_t *value, void *member)
{
	return row_read_text(value, member) || json_is_null(value);
}

/* Reads a number; null means 0, unknown. */
static bool row_read_number(const json_t *value, void *member)
{
	*(uint64_t *)member = (uint64_t)json_integer_value(value);
	return json_is_null(value) || (json_is_integer(value) && json_integer_value(value) >= 0);
}

/* Reads a time; null means 0, unknown.  Rows with schema 1 have nanoseconds since 1970. */
static bool row_read_time(const json_t *value, void *member)
{
	if (json_is_string(value))
		return moment_parse(json_string_value(value), member);
	return row_read_number(value, member);
}

static bool row_read_flag(const json_t *value, void *member)
{
	*(bool *)member = json_is_true(value);
	return json_is_boolean(value);
}

/* Reads whether the conversion needs a fix; null means unknown. */
static bool row_read_need(const json_t *value, void *member)
{
	*(enum conversion_need *)member = json_is_true(value)    ? NEED_FIX
					  : json_is_false(value) ? NEED_NOTHING
								 : NEED_UNKNOWN;
	return json_is_null(value) || json_is_boolean(value);
}

static bool row_read_status(const json_t *value, void *member)
{
	for (size_t i = 0; json_is_string(value) && i < BS_STATUS_COUNT; i++) {
		*(enum bs_status *)member = outcomes[i].status;
		if (strcmp(json_string_value(value), outcomes[i].name) == 0)
			return true;
	}
	return false;
}

static bool row_read_code(const json_t *value, void *member)
{
	enum bs_code code = json_is_string(value) ? code_named(json_string_value(value)) : BS_OK;

	*(enum bs_code *)member = code;
	return code == BS_OK ? json_is_null(value) : code < BS_CODE_COUNT;
}

/* The object with the value of a field: made here, or the image's object of bootshift-json(5). */
enum row_part { OWN, IMAGE, INSPECTION, PLAN };

#define READ(reader, member) .read = row_read_##reader, .offset = offsetof(struct row, member)

static const struct row_field {
	const char *name;
	enum row_part part;
	const char *source; /* its name in the part; NULL: the same name */
	bool is_list;       /* [] if there is no value; null for other fields */
	bool is_new;        /* not in rows of old versions */
	row_reader *read;   /* NULL: not in struct row */
	size_t offset;      /* in struct row */
} row_fields[] = {
	{"schema", .part = OWN, .read = row_read_schema},
	{"tool", .part = OWN, .read = row_read_tool},
	{"version", .part = OWN},
	{"command", .part = OWN, READ(text, command)},
	{"begun", .part = OWN, READ(time, begun)},
	{"ended", .part = OWN, READ(time, ended), .is_new = true},
	{"host", .part = OWN, READ(text_or_null, host), .is_new = true},
	{"path", .part = OWN, READ(text, path)},
	{"uri", .part = OWN, READ(text, uri)},
	{"dry_run", .part = OWN, READ(flag, dry_run)},
	{"status", .part = IMAGE, READ(status, status)},
	{"code", .part = IMAGE, READ(code, code)},
	{"message", .part = IMAGE, READ(text_or_null, message)},
	{"advice", .part = IMAGE},
	{"recovered", .part = IMAGE, READ(flag, recovered)},
	{"exact", .part = IMAGE, READ(flag, exact), .is_new = true},
	{"bytes", .part = IMAGE, READ(number, bytes), .source = "container_bytes"},
	{"extents", .part = IMAGE, .source = "container_extents"},
	{"freed", .part = IMAGE, READ(number, freed), .is_new = true},
	{"milliseconds", .part = IMAGE, READ(number, milliseconds)},
	{"undo_file", .part = IMAGE, READ(text_or_null, undo_file)},
	{"format", .part = INSPECTION},
	{"disk_size", .part = INSPECTION},
	{"windows_name", .part = INSPECTION},
	{"windows_build", .part = INSPECTION},
	{"starts", .part = INSPECTION},
	{"starts_after", .part = INSPECTION},
	{"system_partition", .part = INSPECTION},
	{"boot_partition", .part = INSPECTION},
	{"room_before", .part = INSPECTION},
	{"room_after", .part = INSPECTION},
	{"needed_room", .part = INSPECTION},
	{"conversion_needs_fix", .part = OWN, READ(need, need), .is_new = true},
	{"parents", .part = IMAGE, .is_list = true},
	{"partitions", .part = INSPECTION, .is_list = true},
	{"findings", .part = INSPECTION, .is_list = true},
	{"operations", .part = PLAN, .is_list = true},
	{"start", .part = IMAGE},
	{"undo_uri", .part = OWN, READ(text_or_null, undo_uri), .is_new = true},
	{"size", .part = OWN, READ(number, size)},
	{"modified", .part = OWN, READ(time, modified)},
	{"active_after", .part = OWN},
};

/* ---- making -------------------------------------------------------------------------------- */

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

/* A number as JSON; null for 0, which means unknown. */
static json_t *row_json_known(uint64_t number)
{
	return number > 0 ? json_number(number) : json_null();
}

/* A time as JSON; null for 0, which means unknown. */
static json_t *row_json_time(uint64_t nanoseconds)
{
	return nanoseconds > 0 ? json_text(moment_exact(nanoseconds).text) : json_null();
}

/* The URI of a location as JSON; null for NULL. */
static json_t *row_json_uri(const char *location)
{
	char *uri = location ? location_to_uri(location) : NULL;
	json_t *value = uri || !location ? json_text(uri) : NULL;

	free(uri);
	return value;
}

/* Whether the conversion needs a fix, as JSON; null: unknown. */
static json_t *row_json_need(const struct bs_inspection *inspection)
{
	enum conversion_need need = inspection ? conversion_need(inspection) : NEED_UNKNOWN;

	return need == NEED_UNKNOWN ? json_null() : json_boolean(need == NEED_FIX);
}

/* The name of this machine as JSON; null: unknown. */
static json_t *row_json_host(void)
{
	char name[256];

	if (gethostname(name, sizeof(name)) < 0)
		return json_null();
	name[sizeof(name) - 1] = '\0';
	return json_text(name);
}

/* The fields of the row that the image's object does not have. */
static json_t *row_make_own(const struct row_subject *subject, const struct bs_result *result)
{
	bool fixes = result->plan &&
		     (result->status == BS_STATUS_FIXED || result->status == BS_STATUS_WOULD_FIX);
	uint64_t size, modified;

	/* For a device or an export: the size that the inspection found, and no time. */
	if (!subject->file || !row_stat(subject->file, &size, &modified) || modified == 0) {
		size = result->inspection ? result->inspection->container_size : 0;
		modified = 0;
	}
	const struct json_member members[] = {
		{"schema", json_number(ROW_SCHEMA)},
		{"tool", json_text("bootshift")},
		{"version", json_text(bs_version())},
		{"command", json_text(subject->command)},
		{"begun", row_json_time(subject->begun)},
		{"ended", row_json_time(clock_file_time())},
		{"host", row_json_host()},
		{"path", json_text(subject->path)},
		{"uri", row_json_uri(subject->location)},
		{"dry_run", json_boolean(subject->dry_run)},
		/* Unlike "undo_file", a URI keeps every byte of the path. */
		{"undo_uri", row_json_uri(result->undo_file)},
		{"conversion_needs_fix", row_json_need(result->inspection)},
		{"size", row_json_known(size)},
		{"modified", row_json_time(modified)},
		/* The partition that is active after the fix, which may only have been rehearsed. */
		{"active_after", row_json_known(fixes ? result->plan->boot_number : 0)},
	};

	return json_members(members, COUNT_OF(members));
}

static json_t *row_make_object(const struct row_subject *subject, const struct bs_result *result)
{
	/* Rows are read in other folders: a command in an advice needs the whole path. */
	const struct advice_subject advised = {.image = subject->location,
					       .options = subject->options,
					       .inspection = result->inspection};
	json_t *own = row_make_own(subject, result), *image = report_json_image(&advised, result);
	json_t *const parts[] = {
		[OWN] = own,
		[IMAGE] = image,
		[INSPECTION] = json_object_get(image, "inspection"),
		[PLAN] = json_object_get(image, "plan"),
	};
	json_t *object = json_object();
	bool complete = own && image;

	for (size_t i = 0; i < COUNT_OF(row_fields); i++) {
		const struct row_field *field = &row_fields[i];
		const char *source = field->source ? field->source : field->name;
		json_t *value = json_incref(json_object_get(parts[field->part], source));

		if (!value)
			value = field->is_list ? json_array() : json_null();
		if (json_put(object, field->name, value) < 0)
			complete = false;
	}
	json_decref(own);
	json_decref(image);
	if (!complete) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int row_invalid(struct bs_error *err, const char *name)
{
	return fail(err, BS_ROW_INVALID, "the line is not a row: field '%s' is missing or invalid",
		    name);
}

/* Rows of old versions have no "undo_uri": use the path. */
static int row_read_locations(struct row *row, struct bs_error *err)
{
	const char *undo = row->undo_uri ? row->undo_uri : row->undo_file;

	row->location = strdup(row->uri);
	row->undo_location = undo ? strdup(undo) : NULL;
	if (!row->location || (undo && !row->undo_location))
		return fail_memory(err);
	if (!location_from_uri(row->location))
		return row_invalid(err, "uri");
	if (row->undo_uri && !location_from_uri(row->undo_location))
		return row_invalid(err, "undo_uri");
	return 0;
}

/* Sets all other members of *row from row->object. */
static int row_read_object(struct row *row, struct bs_error *err)
{
	bool is_problem;

	for (size_t i = 0; i < COUNT_OF(row_fields); i++) {
		const struct row_field *field = &row_fields[i];
		const json_t *value = json_object_get(row->object, field->name);

		if (!field->read || (!value && field->is_new))
			continue;
		if (!field->read(value, (char *)row + field->offset))
			return row_invalid(err, field->name);
	}
	if (!json_object_get(row->object, "ended"))
		row->ended = row->begun;
	is_problem = outcome_is_problem(row->status);
	if ((row->code != BS_OK) != is_problem || (row->message != NULL) != is_problem)
		return row_invalid(err, "code");
	return row_read_locations(row, err);
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
	const struct advice_subject advised = {.image = row->location};

	if (json_put(row->object, "status", json_text(status)) < 0 ||
	    report_json_put_error(row->object, reason, &advised) < 0)
		return fail_memory(err);
	row_free_locations(row);
	return row_read_object(row, err);
}

int row_set_status(struct row *row, enum bs_status status, struct bs_error *err)
{
	row->status = status;
	if (json_put(row->object, "status", json_text(outcome_of(row->status)->name)) < 0)
		return fail_memory(err);
	return 0;
}

uint64_t row_needed_room(const struct row *row)
{
	json_int_t room = json_integer_value(json_object_get(row->object, "needed_room"));

	return room > 0 ? (uint64_t)room : 0;
}

bool row_is_signature_alone(const struct row *row)
{
	const json_t *system = json_object_get(row->object, "system_partition");
	const json_t *boot = json_object_get(row->object, "boot_partition");

	return json_is_integer(system) && json_is_integer(boot) &&
	       json_integer_value(system) == json_integer_value(boot);
}

bool row_has_finding(const struct row *row, enum bs_code code)
{
	const json_t *findings = json_object_get(row->object, "findings"), *finding;
	size_t i;

	json_array_foreach (findings, i, finding) {
		const char *name = json_string_value(json_object_get(finding, "code"));

		if (name && strcmp(name, bs_code_name(code)) == 0)
			return true;
	}
	return false;
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
