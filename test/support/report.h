/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the output of bootshift --json, with another parser than bootshift's. */
#ifndef BOOTSHIFT_TEST_REPORT_H
#define BOOTSHIFT_TEST_REPORT_H

#include <jansson.h>

#include "support/program.h"

/* The whole document.  Fails if the schema is unknown or the document is of another command. */
json_t *report_read(const struct outcome *outcome, const char *command);

/* The object of the only image in the document. */
json_t *report_only(const struct outcome *outcome, const char *command);

/* A field.  Fails if it is missing or of another type.  report_text() returns NULL for null. */
const char *report_text(const json_t *object, const char *field);
long long report_number(const json_t *object, const char *field);
json_t *report_object(const json_t *object, const char *field);

/* Runs a command on an image with --json and checks the exit status, status and code (or NULL). */
json_t *report_run(const char *command, const char *image, int exit_status, const char *status,
		   const char *code);

#endif
