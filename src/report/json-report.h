/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report for scripts: one JSON document for each call of the command, with the same fields for
 * all commands (bootshift-json(5)).
 */
#ifndef BOOTSHIFT_REPORT_JSON_REPORT_H
#define BOOTSHIFT_REPORT_JSON_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "report/advice.h"

#define REPORT_SCHEMA 1 /* rises when a field is removed or changes its meaning */

/* A document without images.  The caller releases it with json_decref(); NULL: out of memory. */
json_t *report_json_open(const char *command);

/* The outcome of an image.  The caller releases the object; NULL when out of memory. */
json_t *report_json_image(const struct advice_subject *subject, const struct bs_result *result);

/* Sets code, message and advice of an object (null for BS_OK).  Returns -1 when out of memory. */
MUST_CHECK int report_json_put_error(json_t *object, const struct bs_error *error,
				     const struct advice_subject *subject);

/* Adds the outcome of an image to a document.  Returns 0, or -1 when out of memory. */
MUST_CHECK int report_json_add(json_t *document, const struct advice_subject *subject,
			       const struct bs_result *result);

/* Writes the document and a newline, in ASCII.  Returns 0, or -1 with errno. */
MUST_CHECK int report_json_write(const json_t *document, FILE *stream);

#endif
