/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structs to JSON objects and back, by tables of fields. */
#include "report/json-fields.h"

#include <stdlib.h>
#include <string.h>

#include "report/text.h"
#include "util/bytes.h"

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
	return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number);
}

int json_put(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

json_t *json_members(const struct json_member *members, size_t count)
{
	json_t *object = json_object();
	bool complete = object != NULL;

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

/* Unsigned members of any width and enums, which are unsigned int to the compilers used. */
static uint64_t load_number(const void *member, size_t size)
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

static json_t *write_sha256(const uint8_t *sha256)
{
	static const char digits[] = "0123456789abcdef";
	char text[65];

	for (size_t i = 0; i < 32; i++) {
		text[2 * i] = digits[sha256[i] >> 4];
		text[2 * i + 1] = digits[sha256[i] & 15];
	}
	text[64] = '\0';
	return json_string(text);
}

static json_t *write_value(const struct field *field, const void *member)
{
	uint64_t choice;

	switch (field->type) {
	case FIELD_NUMBER:
		return json_number(load_number(member, field->size));
	case FIELD_HEX:
		return json_sprintf("%08x", (uint32_t)load_number(member, field->size));
	case FIELD_BOOLEAN:
		return json_boolean(*(const bool *)member);
	case FIELD_TEXT:
		return json_text(member);
	case FIELD_SHA256:
		return write_sha256(member);
	case FIELD_CHOICE:
		choice = load_number(member, field->size);
		return json_string(choice < field->choice_count ? field->choices[choice]
								: "unknown");
	}
	return NULL;
}

int fields_write(const struct field *table, size_t count, const void *record, json_t *object)
{
	for (size_t i = 0; i < count; i++)
		if (json_put(object, table[i].name,
			     write_value(&table[i], (const char *)record + table[i].offset)) != 0)
			return -1;
	return 0;
}

json_t *fields_write_array(const struct field *table, size_t count, const void *records,
			   size_t length, size_t size)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < length; i++) {
		json_t *object = json_object();

		if (json_array_append_new(array, object) != 0 ||
		    fields_write(table, count, (const char *)records + i * size, object) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

/* ---- reading ------------------------------------------------------------------------------ */

static int read_number(const struct field *field, const json_t *value, void *member,
		       struct bs_error *err)
{
	uint64_t maximum = field->size >= 8 ? INT64_MAX : (1ull << 8 * field->size) - 1;
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || (uint64_t)number > maximum)
		return fail(err, BS_PLAN_INVALID, "'%s' is not a whole number from 0 to %llu",
			    field->name, (unsigned long long)maximum);
	if (field->size == 1) {
		*(uint8_t *)member = (uint8_t)number;
	} else if (field->size == 4) {
		uint32_t four = (uint32_t)number;

		memcpy(member, &four, sizeof(four));
	} else {
		memcpy(member, &number, sizeof(number));
	}
	return 0;
}

/* Reads exactly 2 * length lower-case digits. */
static int read_hex(const struct field *field, const json_t *value, uint8_t *bytes, size_t length,
		    struct bs_error *err)
{
	static const char digits[] = "0123456789abcdef";
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) != 2 * length || strspn(text, digits) != 2 * length)
		return fail(err, BS_PLAN_INVALID, "'%s' is not a string of %zu hexadecimal digits",
			    field->name, 2 * length);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
				     (strchr(digits, text[2 * i + 1]) - digits));
	return 0;
}

static int read_text(const struct field *field, const json_t *value, char *text,
		     struct bs_error *err)
{
	/* jansson refuses strings with U+0000 in them, unless asked to let them through. */
	if (!json_is_string(value) || json_string_length(value) >= field->size)
		return fail(err, BS_PLAN_INVALID, "'%s' is not a string of less than %zu bytes",
			    field->name, field->size);
	strcpy(text, json_string_value(value));
	return 0;
}

static int read_choice(const struct field *field, const json_t *value, void *member,
		       struct bs_error *err)
{
	const char *text = json_string_value(value);

	for (uint32_t choice = 0; text && choice < field->choice_count; choice++) {
		if (strcmp(text, field->choices[choice]) == 0) {
			memcpy(member, &choice, sizeof(choice));
			return 0;
		}
	}
	return fail(err, BS_PLAN_INVALID, "'%s' is none of the values that it can have",
		    field->name);
}

static int read_value(const struct field *field, const json_t *value, void *member,
		      struct bs_error *err)
{
	uint8_t hex[4];

	switch (field->type) {
	case FIELD_NUMBER:
		return read_number(field, value, member, err);
	case FIELD_HEX:
		if (read_hex(field, value, hex, sizeof(hex), err) != 0)
			return -1;
		*(uint32_t *)member = load_be32(hex);
		return 0;
	case FIELD_BOOLEAN:
		if (!json_is_boolean(value))
			return fail(err, BS_PLAN_INVALID, "'%s' is neither true nor false",
				    field->name);
		*(bool *)member = json_is_true(value);
		return 0;
	case FIELD_TEXT:
		return read_text(field, value, member, err);
	case FIELD_SHA256:
		return read_hex(field, value, member, field->size, err);
	case FIELD_CHOICE:
		return read_choice(field, value, member, err);
	}
	return fail(err, BS_PLAN_INVALID, "'%s' is of no known type", field->name);
}

static bool is_known(const struct field *table, size_t count, const char *const *more,
		     const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, table[i].name) == 0)
			return true;
	for (; *more; more++)
		if (strcmp(name, *more) == 0)
			return true;
	return false;
}

int fields_read(const struct field *table, size_t count, const char *const *more,
		const json_t *object, void *record, struct bs_error *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return fail(err, BS_PLAN_INVALID, "this is not an object");
	json_object_foreach ((json_t *)object, name, value) {
		if (!is_known(table, count, more, name))
			return fail(err, BS_PLAN_INVALID, "there is an unknown field '%.80s'",
				    name);
	}
	for (; *more; more++)
		if (!json_object_get(object, *more))
			return fail(err, BS_PLAN_INVALID, "'%s' is missing", *more);
	for (size_t i = 0; i < count; i++) {
		value = json_object_get(object, table[i].name);
		if (!value)
			return fail(err, BS_PLAN_INVALID, "'%s' is missing", table[i].name);
		if (read_value(&table[i], value, (char *)record + table[i].offset, err) != 0)
			return -1;
	}
	return 0;
}

void *fields_read_array(const struct field *table, size_t count, const json_t *array,
			const char *name, size_t maximum, size_t size, uint32_t *length,
			struct bs_error *err)
{
	static const char *const no_more[] = {NULL};
	size_t entries = json_array_size(array);
	char *records = NULL;

	if (!json_is_array(array)) {
		fail(err, BS_PLAN_INVALID, "'%s' is not an array", name);
		return NULL;
	}
	if (entries > maximum) {
		fail(err, BS_PLAN_INVALID, "'%s' has %zu entries, more than the %zu allowed", name,
		     entries, maximum);
		return NULL;
	}
	records = calloc(entries > 0 ? entries : 1, size);
	if (!records)
		fail_memory(err);
	for (size_t i = 0; records && i < entries; i++) {
		if (fields_read(table, count, no_more, json_array_get(array, i), records + i * size,
				err) != 0) {
			fail_prefix(err, "%s[%zu]", name, i);
			free(records);
			records = NULL;
		}
	}
	*length = (uint32_t)entries;
	return records;
}
