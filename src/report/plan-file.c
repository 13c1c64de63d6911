/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/plan-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/json-fields.h"
#include "report/moment.h"
#include "util/trust.h"

#define KIND "bootshift-plan"

const struct file_kind plan_file_kind = {"plan file", "{", "\"kind\": \"" KIND "\""};

/* ASCII only, so that no control character of Unicode reaches a terminal. */
#define DUMP_FLAGS (JSON_INDENT(2) | JSON_ENSURE_ASCII)

const char *const plan_operation_names[BS_OPERATION_KIND_COUNT] = {
	[BS_OPERATION_COPY] = "copy",
	[BS_OPERATION_ATTRIBUTES] = "attributes",
	[BS_OPERATION_RETARGET_BCD] = "retarget-bcd",
	[BS_OPERATION_BOOT_CODE] = "boot-code",
	[BS_OPERATION_ACTIVATE] = "activate",
	[BS_OPERATION_SIGNATURE] = "signature",
	[BS_OPERATION_STORE] = "store",
};

static const struct field plan_fields[] = {
	FIELD(struct bs_plan, disk_signature, FIELD_HEX),
	FIELD(struct bs_plan, restored_signature, FIELD_HEX, .optional = true),
	FIELD(struct bs_plan, disk_size, FIELD_NUMBER),
	FIELD(struct bs_plan, system_number, FIELD_NUMBER),
	FIELD(struct bs_plan, system_start, FIELD_NUMBER),
	FIELD(struct bs_plan, system_size, FIELD_NUMBER),
	FIELD(struct bs_plan, boot_number, FIELD_NUMBER),
	FIELD(struct bs_plan, boot_start, FIELD_NUMBER),
	FIELD(struct bs_plan, boot_size, FIELD_NUMBER),
	FIELD_END,
};

static const struct field operation_fields[] = {
	FIELD_ENUM(struct bs_operation, kind, plan_operation_names),
	FIELD(struct bs_operation, path, FIELD_TEXT),
	FIELD(struct bs_operation, files, FIELD_NUMBER),
	FIELD(struct bs_operation, folders, FIELD_NUMBER),
	FIELD(struct bs_operation, elements, FIELD_NUMBER),
	FIELD(struct bs_operation, replaces, FIELD_NUMBER),
	FIELD(struct bs_operation, bytes, FIELD_NUMBER),
	FIELD(struct bs_operation, sectors, FIELD_NUMBER),
	FIELD_END,
};

static const struct field file_fields[] = {
	FIELD(struct bs_plan_file, path, FIELD_TEXT),
	FIELD(struct bs_plan_file, is_folder, FIELD_BOOLEAN),
	FIELD(struct bs_plan_file, size, FIELD_NUMBER),
	FIELD(struct bs_plan_file, attributes, FIELD_NUMBER),
	FIELD(struct bs_plan_file, sha256, FIELD_SHA256),
	FIELD_END,
};

static const struct field element_fields[] = {
	FIELD(struct bs_plan_element, object, FIELD_TEXT),
	FIELD(struct bs_plan_element, element, FIELD_HEX),
	FIELD(struct bs_plan_element, offset, FIELD_NUMBER),
	FIELD(struct bs_plan_element, path, FIELD_TEXT),
	FIELD(struct bs_plan_element, object_type, FIELD_HEX, .optional = true),
	{
		.name = "value",
		.type = FIELD_BYTES,
		.offset = offsetof(struct bs_plan_element, value_size),
		.size = BS_VALUE_MAX,
		.optional = true,
	},
	FIELD_END,
};

_Static_assert(offsetof(struct bs_plan_element, value) ==
		       offsetof(struct bs_plan_element, value_size) + sizeof(uint32_t),
	       "FIELD_BYTES: the bytes lie behind their number");

static const struct field origin_fields[] = {
	FIELD(struct plan_origin, image, FIELD_TEXT),
	FIELD(struct plan_origin, location, FIELD_TEXT),
	FIELD(struct plan_origin, version, FIELD_TEXT),
	FIELD(struct plan_origin, made, FIELD_TEXT),
	FIELD_END,
};

/* The fields of a plan file that are not in plan_fields. */
static const char *const further_fields[] = {"schema", "kind",     "image",    "operations",
					     "files",  "elements", "location", "version",
					     "made",   NULL};
static const char *const further_fields_1[] = {"schema", "kind",     "image", "operations",
					       "files",  "elements", NULL};

/* ---- writing ------------------------------------------------------------------------------ */

int plan_to_json(const struct bs_plan *plan, json_t *object)
{
	json_t *operations = fields_write_array(operation_fields, plan->operations,
						plan->operation_count, sizeof(plan->operations[0]));
	json_t *files = fields_write_array(file_fields, plan->files, plan->file_count,
					   sizeof(plan->files[0]));
	json_t *elements = fields_write_array(element_fields, plan->elements, plan->element_count,
					      sizeof(plan->elements[0]));
	int failed = fields_write(plan_fields, plan, object);
	failed |= json_put(object, "operations", operations);
	failed |= json_put(object, "files", files);
	failed |= json_put(object, "elements", elements);
	return failed;
}

void plan_origin_set(struct plan_origin *origin, const char *image, const char *location)
{
	snprintf(origin->image, sizeof(origin->image), "%s", image);
	snprintf(origin->location, sizeof(origin->location), "%s", location);
	snprintf(origin->version, sizeof(origin->version), "%s", bs_version());
	snprintf(origin->made, sizeof(origin->made), "%s", moment_rfc3339(time(NULL)).text);
}

json_t *plan_document(const struct bs_plan *plan, const struct plan_origin *origin)
{
	json_t *document = json_object();

	if (json_put(document, "schema", json_number(PLAN_FILE_SCHEMA)) < 0 ||
	    json_put(document, "kind", json_text(KIND)) < 0 ||
	    fields_write(origin_fields, origin, document) < 0 || plan_to_json(plan, document) < 0) {
		json_decref(document);
		return NULL;
	}
	return document;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Checks the fields "kind" and "schema".  Called before other fields are read. */
static int plan_read_heading(const json_t *document, struct bs_error *err)
{
	const json_t *schema = json_object_get(document, "schema");
	const char *kind = json_string_value(json_object_get(document, "kind"));

	if (!kind || strcmp(kind, KIND) != 0)
		return fail(err, BS_PLAN_INVALID, "this is not a plan of bootshift");
	if (!json_is_integer(schema))
		return fail(err, BS_PLAN_INVALID, "field 'schema' is not a number");
	if (json_integer_value(schema) < 1 || json_integer_value(schema) > PLAN_FILE_SCHEMA)
		return fail(err, BS_PLAN_INVALID,
			    "the plan has schema %lld, but this bootshift reads only schemas 1 to "
			    "%d",
			    (long long)json_integer_value(schema), PLAN_FILE_SCHEMA);
	return 0;
}

static int plan_read_text(const json_t *document, const char *name, char *text, size_t size,
			  struct bs_error *err)
{
	const char *value = json_string_value(json_object_get(document, name));

	if (!value)
		return fail(err, BS_PLAN_INVALID, "field '%s' is not a string", name);
	snprintf(text, size, "%s", value);
	return 0;
}

static int plan_read_origin(const json_t *document, bool image_only, struct plan_origin *origin,
			    struct bs_error *err)
{
	for (const struct field *field = origin_fields; field->name; field++) {
		char *text = (char *)origin + field->offset;

		text[0] = '\0';
		if ((!image_only || field == origin_fields) &&
		    plan_read_text(document, field->name, text, field->size, err) < 0)
			return -1;
	}
	return 0;
}

static int plan_read_operations(const json_t *document, struct bs_plan *plan, struct bs_error *err)
{
	struct bs_operation *operations =
		fields_read_array(operation_fields, document, "operations", BS_OPERATIONS_MAX,
				  sizeof(operations[0]), &plan->operation_count, err);

	if (!operations)
		return -1;
	memcpy(plan->operations, operations, plan->operation_count * sizeof(operations[0]));
	free(operations);
	return 0;
}

static int plan_read(const json_t *document, struct bs_plan *plan, struct plan_origin *origin,
		     struct bs_error *err)
{
	bool old;

	if (plan_read_heading(document, err) < 0)
		return -1;
	old = json_integer_value(json_object_get(document, "schema")) == 1;
	if (fields_read(plan_fields, old ? further_fields_1 : further_fields, document, plan, err) <
		    0 ||
	    plan_read_origin(document, old, origin, err) < 0 ||
	    plan_read_operations(document, plan, err) < 0)
		return -1;
	plan->files = fields_read_array(file_fields, document, "files", BS_PLAN_FILES_MAX,
					sizeof(plan->files[0]), &plan->file_count, err);
	if (!plan->files)
		return -1;
	plan->elements = fields_read_array(element_fields, document, "elements", BS_ELEMENTS_MAX,
					   sizeof(plan->elements[0]), &plan->element_count, err);
	return plan->elements ? 0 : -1;
}

struct bs_plan *plan_from_document(const json_t *document, struct plan_origin *origin,
				   struct bs_error *err)
{
	struct bs_plan *plan = calloc(1, sizeof(*plan));

	if (!plan) {
		fail_memory(err);
		return NULL;
	}
	if (plan_read(document, plan, origin, err) < 0) {
		bs_plan_free(plan);
		return NULL;
	}
	return plan;
}

/* ---- files -------------------------------------------------------------------------------- */

/* A replace_file_content: `context` is the document. */
static int plan_file_dump(FILE *stream, void *context, struct bs_error *err)
{
	if (json_dumpf(context, stream, DUMP_FLAGS) == 0)
		fputc('\n', stream);
	else if (!ferror(stream))
		return fail_memory(err);
	return 0;
}

int plan_file_write(const char *path, const struct plan_origin *origin, const struct bs_plan *plan,
		    struct bs_error *err)
{
	json_t *document = plan_document(plan, origin);
	int result;

	if (!document)
		return fail_memory(err);
	result = replace_file_write(path, plan_file_kind.what, plan_file_dump, document, err);
	json_decref(document);
	return result;
}

/* Standard input needs no check, because nobody else can have put it there. */
static FILE *plan_file_open(const char *path, bool is_stdin, struct bs_error *err)
{
	int descriptor = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
				  : trust_open_input(plan_file_kind.what, path, O_RDONLY, err);
	FILE *stream = descriptor >= 0 ? fdopen(descriptor, "r") : NULL;

	if (!stream && (is_stdin || descriptor >= 0))
		replace_file_fail(path, plan_file_kind.what, "cannot be opened", err);
	if (!stream && descriptor >= 0)
		close(descriptor);
	return stream;
}

struct bs_plan *plan_file_read(const char *path, struct plan_origin *origin, struct bs_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *stream = plan_file_open(path, is_stdin, err);
	struct bs_plan *plan = NULL;
	json_error_t problem;
	json_t *document;

	if (!stream)
		return NULL;
	document = json_loadf(stream, JSON_REJECT_DUPLICATES, &problem);
	if (document)
		plan = plan_from_document(document, origin, err);
	else
		fail(err, BS_PLAN_INVALID, "line %d: %s", problem.line, problem.text);
	if (!plan && is_stdin)
		fail_prefix(err, "the plan on standard input");
	else if (!plan)
		fail_prefix(err, "the plan file '%s'", path);
	json_decref(document);
	fclose(stream);
	return plan;
}
