/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The output of bootshift --json, read with a parser that is not bootshift's own. */
#ifndef BOOTSHIFT_TEST_REPORT_H
#define BOOTSHIFT_TEST_REPORT_H

#include <jansson.h>

#include "support/program.h"

/* The whole document.  Fails unless it has the known schema and is of this command. */
json_t *report_read(const struct outcome *outcome, const char *command);

/* The result of the only image. */
json_t *report_only(const struct outcome *outcome, const char *command);

/* A field, which must exist and have this type.  report_text() returns NULL for null. */
const char *report_text(const json_t *object, const char *field);
long long report_number(const json_t *object, const char *field);
json_t *report_object(const json_t *object, const char *field);

/* Runs a command on an image with --json and checks the exit status, status and code (or NULL). */
json_t *report_run(const char *command, const char *image, int exit_status, const char *status,
		   const char *code);

#endif
