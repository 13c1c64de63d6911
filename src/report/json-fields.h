/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Structs to JSON objects and back, by tables of fields.
 *
 * The same table writes and reads, so that the two cannot differ.  Reading is strict: an object
 * has exactly the fields of its table, each of its type and in its range.
 */
#ifndef BOOTSHIFT_REPORT_JSON_FIELDS_H
#define BOOTSHIFT_REPORT_JSON_FIELDS_H

#include <jansson.h>
#include <stddef.h>

#include "util/err.h"

enum field_type {
	FIELD_NUMBER,  /* uint8_t, uint32_t or uint64_t: an integer, up to INT64_MAX */
	FIELD_HEX,     /* uint32_t: a string of eight lower-case hexadecimal digits */
	FIELD_BOOLEAN, /* bool */
	FIELD_TEXT,    /* an array of char: a string; invalid UTF-8 as U+FFFD */
	FIELD_SHA256,  /* uint8_t[32]: a string of 64 lower-case hexadecimal digits */
	FIELD_CHOICE,  /* an enum: one of `choices` */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset, size; /* in the struct; bytes */
	const char *const *choices;
	size_t choice_count;
};

/* Rows of a table: the struct's type, its member, the type of field. */
#define FIELD(struct_type, member, field_type)                                                     \
	{                                                                                          \
		.name = #member, .type = field_type, .offset = offsetof(struct_type, member),      \
		.size = sizeof(((struct_type *)NULL)->member)                                      \
	}
#define FIELD_ENUM(struct_type, member, field_choices)                                             \
	{                                                                                          \
		.name = #member, .type = FIELD_CHOICE, .offset = offsetof(struct_type, member),    \
		.size = sizeof(((struct_type *)NULL)->member), .choices = field_choices,           \
		.choice_count = sizeof(field_choices) / sizeof((field_choices)[0])                 \
	}

#define FIELD_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A string with invalid UTF-8 as U+FFFD; null for NULL.  A NULL result: out of memory. */
json_t *json_text(const char *text);

/* An integer; what lies beyond INT64_MAX is cut to it, as no file or disk is that large. */
json_t *json_number(uint64_t number);

/* Takes over `value`.  Returns 0, or -1 when it is NULL or out of memory. */
MUST_CHECK int json_put(json_t *object, const char *name, json_t *value);

struct json_member {
	const char *name;
	json_t *value;
};

/* An object.  Takes over all values.  NULL when one of them is NULL or when out of memory. */
json_t *json_members(const struct json_member *members, size_t count);

/* Adds the fields of *record to an object.  Returns 0, or -1 when out of memory. */
MUST_CHECK int fields_write(const struct field *table, size_t count, const void *record,
			    json_t *object);

/*
 * An array of objects, one for each of `length` records of `size` bytes.  NULL when out of memory.
 */
json_t *fields_write_array(const struct field *table, size_t count, const void *records,
			   size_t length, size_t size);

/*
 * Fills in *record.  `more` names further fields that the object must have and the caller reads,
 * up to a NULL.  Errors: BS_PLAN_INVALID, with what is wrong.
 */
MUST_CHECK int fields_read(const struct field *table, size_t count, const char *const *more,
			   const json_t *object, void *record, struct bs_error *err);

/*
 * Reads an array of at most `maximum` objects into a new array of records of `size` bytes, which
 * the caller frees; that of an empty array has room for one, not used.  `name` is for the message.
 * NULL on error: BS_PLAN_INVALID, BS_NO_MEMORY.
 */
MUST_CHECK void *fields_read_array(const struct field *table, size_t count, const json_t *array,
				   const char *name, size_t maximum, size_t size, uint32_t *length,
				   struct bs_error *err);

#endif
