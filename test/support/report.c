/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/report.h"

/* All documents.  They live until the test's process ends.  Thus referenced, they are no leak. */
static json_t *held;

json_t *report_read(const struct outcome *outcome, const char *command)
{
	json_error_t error;
	json_t *document =
		json_loadb(outcome->output, outcome->output_length, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(document != NULL, "line %d: %s\n%s", error.line, error.text, outcome->output);
	if (held == NULL)
		held = json_array();
	ck_assert_int_eq(json_array_append_new(held, document), 0);
	ck_assert_int_eq(report_number(document, "schema"), 1);
	ck_assert_str_eq(report_text(document, "tool"), "bootshift");
	ck_assert_str_eq(report_text(document, "command"), command);
	return document;
}

json_t *report_only(const struct outcome *outcome, const char *command)
{
	json_t *images = report_object(report_read(outcome, command), "images");

	ck_assert_uint_eq(json_array_size(images), 1);
	return json_array_get(images, 0);
}

const char *report_text(const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	ck_assert_msg(json_is_string(value) || json_is_null(value), "%s is no text", field);
	return json_string_value(value);
}

long long report_number(const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	ck_assert_msg(json_is_integer(value), "%s is no number", field);
	return json_integer_value(value);
}

json_t *report_object(const json_t *object, const char *field)
{
	json_t *value = json_object_get(object, field);

	ck_assert_msg(json_is_object(value) || json_is_array(value), "%s is no object", field);
	return value;
}

json_t *report_run(const char *command, const char *image, int exit_status, const char *status,
		   const char *code)
{
	struct outcome outcome = BOOTSHIFT(command, "--json", image);
	json_t *result;

	ASSERT_STATUS(outcome, exit_status);
	result = report_only(&outcome, command);
	ck_assert_str_eq(report_text(result, "path"), image);
	ck_assert_str_eq(report_text(result, "status"), status);
	ck_assert_pstr_eq(report_text(result, "code"), code);
	return result;
}
