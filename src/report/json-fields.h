/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Structs to JSON objects and back, by tables of fields.
 *
 * One table is used for writing and for reading, so the two cannot differ.  Reading is strict: an
 * object has exactly the fields of its table, each with its type and in its range.
 */
#ifndef BOOTSHIFT_REPORT_JSON_FIELDS_H
#define BOOTSHIFT_REPORT_JSON_FIELDS_H

#include <jansson.h>
#include <stddef.h>

#include "util/err.h"

enum field_type {
	FIELD_NUMBER,  /* uint8_t, uint32_t or uint64_t: an integer, up to JSON_NUMBER_MAX */
	FIELD_HEX,     /* uint32_t: a string of eight lower-case hexadecimal digits */
	FIELD_BOOLEAN, /* bool */
	FIELD_TEXT,    /* an array of char: a string; invalid UTF-8 as U+FFFD */
	FIELD_SHA256,  /* uint8_t[32]: a string of 64 lower-case hexadecimal digits */
	/* An array of uint8_t, behind a uint32_t with the number of bytes in use: a string of two
	 * lower-case hexadecimal digits for each. */
	FIELD_BYTES,
	FIELD_CHOICE, /* an enum: one of `choices` */
	FIELD_CODE,   /* enum bs_code: its name, or null for BS_OK; only for writing */
};

struct field {
	const char *name; /* NULL: the end of the table */
	enum field_type type;
	size_t offset, size; /* in the struct; bytes */
	const char *const *choices;
	size_t choice_count;
	/* Only for writing: offset of a bool; if it is false, the field is null; 0: no such bool. */
	size_t known;
	/* The member begins with a uint32_t.  The object has the field only if the number is not 0. */
	bool optional;
};

/* Rows of a table: the struct's type, its member, the type of field. */
#define FIELD(struct_type, member, field_type, ...)                                                \
	{                                                                                          \
		.name = #member, .type = field_type, .offset = offsetof(struct_type, member),      \
		.size = sizeof(((struct_type *)NULL)->member), ##__VA_ARGS__                       \
	}
#define FIELD_ENUM(struct_type, member, field_choices)                                             \
	FIELD(struct_type, member, FIELD_CHOICE, .choices = field_choices,                         \
	      .choice_count = COUNT_OF(field_choices))
#define FIELD_IF(struct_type, known_member, member, field_type)                                    \
	FIELD(struct_type, member, field_type, .known = offsetof(struct_type, known_member))
#define FIELD_END                                                                                  \
	{                                                                                          \
		.name = NULL                                                                       \
	}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A string with invalid UTF-8 as U+FFFD; null for NULL.  A NULL result: out of memory. */
json_t *json_text(const char *text);

/* The largest integer that every reader of JSON keeps exact (RFC 8259, section 6): 2^53 - 1. */
#define JSON_NUMBER_MAX ((1ull << 53) - 1)

/* An integer.  Larger numbers become JSON_NUMBER_MAX; no file or disk is that large. */
json_t *json_number(uint64_t number);

/* Takes over `value`.  Returns 0, or -1 when `object` or `value` is NULL or out of memory. */
MUST_CHECK int json_put(json_t *object, const char *name, json_t *value);

/* Takes over `item`.  Releases *array and sets it to NULL when `item` is NULL or out of memory. */
void json_append(json_t **array, json_t *item);

struct json_member {
	const char *name;
	json_t *value;
};

/* An object.  Takes over all values.  NULL when one of them is NULL or when out of memory. */
json_t *json_members(const struct json_member *members, size_t count);

/* Adds the fields of *record to an object.  Returns 0, or -1 when out of memory. */
MUST_CHECK int fields_write(const struct field *table, const void *record, json_t *object);

/* An array of objects, one for each of `length` records of `size` bytes.  NULL: out of memory. */
json_t *fields_write_array(const struct field *table, const void *records, size_t length,
			   size_t size);

/*
 * Fills in *record.  `more` lists further fields that the object must have and that the caller
 * reads, up to a NULL.  Error: BS_PLAN_INVALID, with what is wrong.
 */
MUST_CHECK int fields_read(const struct field *table, const char *const *more, const json_t *object,
			   void *record, struct bs_error *err);

/*
 * Reads the array `name` of an object, of at most `maximum` objects, into a new array of records of
 * `size` bytes.  The caller frees it; the array of an empty one has room for one record.  NULL on
 * error: BS_PLAN_INVALID, BS_NO_MEMORY.
 */
MUST_CHECK void *fields_read_array(const struct field *table, const json_t *object,
				   const char *name, size_t maximum, size_t size, uint32_t *length,
				   struct bs_error *err);

#endif
