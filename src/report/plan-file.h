/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan as JSON, and the plan file that `bootshift plan -o` writes and `bootshift fix --plan`
 * keeps to.  Reading a plan file and writing it again gives the same JSON.
 */
#ifndef BOOTSHIFT_REPORT_PLAN_FILE_H
#define BOOTSHIFT_REPORT_PLAN_FILE_H

#include <jansson.h>

#include "report/replace-file.h"

#define PLAN_FILE_SCHEMA 1 /* changes when a field changes its meaning, comes or goes */

extern const struct file_kind plan_file_kind;

/* The names of the operations in JSON and in text, by enum bs_operation_kind. */
extern const char *const plan_operation_names[BS_OPERATION_KIND_COUNT];

/* Adds the fields of a plan to an object.  Returns 0, or -1 when out of memory. */
MUST_CHECK int plan_to_json(const struct bs_plan *plan, json_t *object);

/*
 * The document of a plan file, to be released with json_decref(); `image` is for the reader's
 * information only.  NULL when out of memory.
 */
json_t *plan_document(const struct bs_plan *plan, const char *image);

/*
 * The plan in a document, to be freed with bs_plan_free().  NULL on error: BS_PLAN_INVALID for
 * anything that plan_document() could not have made, BS_NO_MEMORY.
 */
struct bs_plan *plan_from_document(const json_t *document, struct bs_error *err);

/*
 * Writes a plan file: whole or not at all, under its name only when it is on the storage.  What is
 * there and is no ordinary file, such as a pipe or a device, is written to directly; "-" is
 * standard output.
 */
MUST_CHECK int plan_file_write(const char *path, const char *image, const struct bs_plan *plan,
			       struct bs_error *err);

/*
 * Reads a plan file.  Errors as for plan_from_document(), BS_INPUT_NOT_TRUSTED when somebody else
 * may have made it (trust.h), and BS_NOT_FOUND and its like.
 */
struct bs_plan *plan_file_read(const char *path, struct bs_error *err);

#endif
