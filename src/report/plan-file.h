/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan as JSON (bootshift-json(5)), and the plan file that `bootshift plan -o` writes and
 * `bootshift fix --plan` reads.  Reading a plan file and writing it again gives the same JSON.
 */
#ifndef BOOTSHIFT_REPORT_PLAN_FILE_H
#define BOOTSHIFT_REPORT_PLAN_FILE_H

#include <jansson.h>

#include "report/replace-file.h"

#define PLAN_FILE_SCHEMA 1 /* changes when a field is added, removed or changes its meaning */

extern const struct file_kind plan_file_kind;

/* The names of the operations in JSON, by enum bs_operation_kind. */
extern const char *const plan_operation_names[BS_OPERATION_KIND_COUNT];

/* Adds the fields of a plan to an object.  Returns 0, or -1 when out of memory. */
MUST_CHECK int plan_to_json(const struct bs_plan *plan, json_t *object);

/*
 * The document of a plan file.  `image` is only information for people.  The caller releases the
 * document with json_decref(); NULL when out of memory.
 */
json_t *plan_document(const struct bs_plan *plan, const char *image);

/*
 * The plan in a document.  The caller frees it with bs_plan_free().  NULL on error: BS_PLAN_INVALID
 * if plan_document() cannot have made the document, BS_NO_MEMORY.
 */
struct bs_plan *plan_from_document(const json_t *document, struct bs_error *err);

/* Writes a plan file, as replace_file_write() does. */
MUST_CHECK int plan_file_write(const char *path, const char *image, const struct bs_plan *plan,
			       struct bs_error *err);

/*
 * Reads a plan file.  Errors: those of plan_from_document(), BS_INPUT_NOT_TRUSTED if another user
 * may have written it (trust.h), and those of replace_file_fail().
 */
struct bs_plan *plan_file_read(const char *path, struct bs_error *err);

#endif
