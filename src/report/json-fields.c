/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/json-fields.h"

#include <stdlib.h>
#include <string.h>

#include "report/text.h"
#include "util/bytes.h"

static const char hex_digits[] = "0123456789abcdef";

json_t *json_text(const char *text)
{
	json_t *value = NULL;
	char *valid;

	if (!text)
		return json_null();
	valid = text_valid(text);
	if (valid)
		value = json_string(valid);
	free(valid);
	return value;
}

json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)(number > JSON_NUMBER_MAX ? JSON_NUMBER_MAX : number));
}

int json_put(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

void json_append(json_t **array, json_t *item)
{
	if (json_array_append_new(*array, item) < 0) {
		json_decref(*array);
		*array = NULL;
	}
}

json_t *json_members(const struct json_member *members, size_t count)
{
	json_t *object = json_object();
	bool complete = object;

	for (size_t i = 0; i < count; i++)
		if (json_put(object, members[i].name, members[i].value) < 0)
			complete = false;
	if (!complete) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Reads an unsigned member of 1, 4 or 8 bytes.  An enum is an unsigned int of 4 bytes. */
static uint64_t field_load(const void *member, size_t size)
{
	uint64_t eight;
	uint32_t four;

	switch (size) {
	case 1:
		return *(const uint8_t *)member;
	case 4:
		memcpy(&four, member, size);
		return four;
	default:
		memcpy(&eight, member, sizeof(eight));
		return eight;
	}
}

static json_t *json_hex(const uint8_t *bytes, size_t length)
{
	char *text = malloc(2 * length + 1);
	json_t *value;

	if (!text)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		text[2 * i] = hex_digits[bytes[i] >> 4];
		text[2 * i + 1] = hex_digits[bytes[i] & 15];
	}
	text[2 * length] = '\0';
	value = json_string(text);
	free(text);
	return value;
}

static json_t *field_value(const struct field *field, const void *record)
{
	const char *member = (const char *)record + field->offset;
	uint64_t choice;

	if (field->known != 0 && !*((const bool *)((const char *)record + field->known)))
		return json_null();
	switch (field->type) {
	case FIELD_NUMBER:
		return json_number(field_load(member, field->size));
	case FIELD_HEX:
		return json_sprintf("%08x", (uint32_t)field_load(member, field->size));
	case FIELD_BOOLEAN:
		return json_boolean(*(const bool *)member);
	case FIELD_TEXT:
		return json_text(member);
	case FIELD_SHA256:
		return json_hex((const uint8_t *)member, field->size);
	case FIELD_BYTES:
		return json_hex((const uint8_t *)member + sizeof(uint32_t),
				min_u64(field_load(member, sizeof(uint32_t)), field->size));
	case FIELD_CHOICE:
		choice = field_load(member, field->size);
		return json_string(choice < field->choice_count ? field->choices[choice]
								: "unknown");
	case FIELD_CODE:
		choice = field_load(member, field->size);
		return json_text(choice != BS_OK ? bs_code_name((enum bs_code)choice) : NULL);
	}
	return NULL;
}

static bool field_is_left_out(const struct field *field, const void *record)
{
	uint32_t number = 0;

	if (field->optional)
		memcpy(&number, (const char *)record + field->offset, sizeof(number));
	return field->optional && number == 0;
}

int fields_write(const struct field *table, const void *record, json_t *object)
{
	for (; table->name; table++)
		if (!field_is_left_out(table, record) &&
		    json_put(object, table->name, field_value(table, record)) < 0)
			return -1;
	return 0;
}

json_t *fields_write_array(const struct field *table, const void *records, size_t length,
			   size_t size)
{
	json_t *array = json_array();

	for (size_t i = 0; i < length; i++) {
		json_t *object = json_object();

		if (fields_write(table, (const char *)records + i * size, object) < 0) {
			json_decref(object);
			object = NULL;
		}
		json_append(&array, object);
	}
	return array;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool field_read_number(const struct field *field, const json_t *value, void *member)
{
	uint64_t maximum = field->size >= 8 ? JSON_NUMBER_MAX : (1ull << 8 * field->size) - 1;
	json_int_t number = json_integer_value(value);
	uint32_t four = (uint32_t)number;

	if (!json_is_integer(value) || number < 0 || (uint64_t)number > maximum)
		return false;
	if (field->size == 1)
		*(uint8_t *)member = (uint8_t)number;
	else if (field->size == 4)
		memcpy(member, &four, sizeof(four));
	else
		memcpy(member, &number, sizeof(number));
	return true;
}

/* Reads exactly 2 * length lower-case digits. */
static bool field_read_hex(const json_t *value, uint8_t *bytes, size_t length)
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) != 2 * length ||
	    strspn(text, hex_digits) != 2 * length)
		return false;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((strchr(hex_digits, text[2 * i]) - hex_digits) << 4 |
				     (strchr(hex_digits, text[2 * i + 1]) - hex_digits));
	return true;
}

static bool field_read_bytes(const struct field *field, const json_t *value, uint8_t *member)
{
	size_t length = json_is_string(value) ? json_string_length(value) / 2 : 0;
	uint32_t number = (uint32_t)length;

	if (length == 0 || length > field->size ||
	    !field_read_hex(value, member + sizeof(number), length))
		return false;
	memcpy(member, &number, sizeof(number));
	return true;
}

static bool field_read_choice(const struct field *field, const json_t *value, void *member)
{
	const char *text = json_string_value(value);

	for (uint32_t choice = 0; text && choice < field->choice_count; choice++) {
		if (strcmp(text, field->choices[choice]) == 0) {
			memcpy(member, &choice, sizeof(choice));
			return true;
		}
	}
	return false;
}

/* False if the value is missing (NULL), or has the wrong type, or is out of range. */
static bool field_read(const struct field *field, const json_t *value, void *member)
{
	uint8_t hex[4];

	switch (field->type) {
	case FIELD_NUMBER:
		return field_read_number(field, value, member);
	case FIELD_HEX:
		if (!field_read_hex(value, hex, sizeof(hex)))
			return false;
		*(uint32_t *)member = load_be32(hex);
		return true;
	case FIELD_BOOLEAN:
		*(bool *)member = json_is_true(value);
		return json_is_boolean(value);
	case FIELD_TEXT:
		/* jansson refuses strings with U+0000, unless told to accept them. */
		if (!json_is_string(value) || json_string_length(value) >= field->size)
			return false;
		strcpy(member, json_string_value(value));
		return true;
	case FIELD_SHA256:
		return field_read_hex(value, member, field->size);
	case FIELD_BYTES:
		return field_read_bytes(field, value, member);
	case FIELD_CHOICE:
		return field_read_choice(field, value, member);
	case FIELD_CODE:
		break;
	}
	return false;
}

static bool field_is_known(const struct field *table, const char *const *more, const char *name)
{
	for (; table->name; table++)
		if (strcmp(name, table->name) == 0)
			return true;
	for (; *more; more++)
		if (strcmp(name, *more) == 0)
			return true;
	return false;
}

int fields_read(const struct field *table, const char *const *more, const json_t *object,
		void *record, struct bs_error *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return fail(err, BS_PLAN_INVALID, "this is not an object");
	json_object_foreach ((json_t *)object, name, value) {
		if (!field_is_known(table, more, name))
			return fail(err, BS_PLAN_INVALID, "field '%.80s' is unknown", name);
	}
	for (; *more; more++)
		if (!json_object_get(object, *more))
			return fail(err, BS_PLAN_INVALID, "field '%s' is missing", *more);
	for (; table->name; table++)
		if (!(table->optional && !json_object_get(object, table->name)) &&
		    !field_read(table, json_object_get(object, table->name),
				(char *)record + table->offset))
			return fail(err, BS_PLAN_INVALID,
				    "field '%s' is missing, or has the wrong type or value",
				    table->name);
	return 0;
}

void *fields_read_array(const struct field *table, const json_t *object, const char *name,
			size_t maximum, size_t size, uint32_t *length, struct bs_error *err)
{
	static const char *const no_more[] = {NULL};
	const json_t *array = json_object_get(object, name);
	size_t entries = json_array_size(array);
	char *records;

	if (!json_is_array(array) || entries > maximum) {
		fail(err, BS_PLAN_INVALID, "field '%s' is not an array of at most %zu entries",
		     name, maximum);
		return NULL;
	}
	records = calloc(entries > 0 ? entries : 1, size);
	if (!records)
		fail_memory(err);
	for (size_t i = 0; records && i < entries; i++) {
		if (fields_read(table, no_more, json_array_get(array, i), records + i * size, err) <
		    0) {
			fail_prefix(err, "%s[%zu]", name, i);
			free(records);
			records = NULL;
		}
	}
	*length = (uint32_t)entries;
	return records;
}
