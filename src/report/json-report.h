/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a script sees: one JSON document for each call of the command, of one shape for all
 * commands.  Its fields are documented in bootshift-json(5).
 */
#ifndef BOOTSHIFT_REPORT_JSON_REPORT_H
#define BOOTSHIFT_REPORT_JSON_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "report/advice.h"

#define REPORT_SCHEMA 1 /* changes when a field changes its meaning or goes; new ones may come */

/* A document without images, to be released with json_decref(); NULL when out of memory. */
json_t *report_json_open(const char *command);

/* What became of an image, as an object to be released; NULL when out of memory. */
json_t *report_json_image(const struct advice_subject *subject, const struct bs_result *result);

/* Puts code, message and advice into an object; null with BS_OK.  -1 when out of memory. */
MUST_CHECK int report_json_put_error(json_t *object, const struct bs_error *error,
				     const struct advice_subject *subject);

/* Adds what became of an image.  Returns 0, or -1 when out of memory. */
MUST_CHECK int report_json_add(json_t *document, const struct advice_subject *subject,
			       const struct bs_result *result);

/* Writes the document and a line end, in ASCII.  Returns 0, or -1 with errno. */
MUST_CHECK int report_json_write(const json_t *document, FILE *stream);

#endif
