/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan as JSON (bootshift-json(5)), and the plan file that `bootshift plan -o` writes and
 * `bootshift fix --plan` reads.  Reading a plan and its origin, and writing them again, gives the
 * same JSON.
 */
#ifndef BOOTSHIFT_REPORT_PLAN_FILE_H
#define BOOTSHIFT_REPORT_PLAN_FILE_H

#include <jansson.h>

#include "report/replace-file.h"

/*
 * Changes when a field is added, removed or changes its meaning.  Schema 1 has no `location`,
 * `version` and `made`; it can still be read.
 */
#define PLAN_FILE_SCHEMA 2

extern const struct file_kind plan_file_kind;

/* The names of the operations in JSON, by enum bs_operation_kind. */
extern const char *const plan_operation_names[BS_OPERATION_KIND_COUNT];

/* Where a plan comes from: information for people.  Only `image` is known of schema 1. */
struct plan_origin {
	char image[4096];    /* as the user named it */
	char location[4096]; /* its absolute path or its URI; empty: unknown */
	char version[32];    /* of bootshift; empty: unknown */
	char made[32];       /* the time, by RFC 3339 in UTC; empty: unknown */
};

/* The origin of a plan that this bootshift makes now. */
void plan_origin_set(struct plan_origin *origin, const char *image, const char *location);

/* Adds the fields of a plan to an object.  Returns 0, or -1 when out of memory. */
MUST_CHECK int plan_to_json(const struct bs_plan *plan, json_t *object);

/*
 * The document of a plan file.  The caller releases it with json_decref(); NULL when out of memory.
 */
json_t *plan_document(const struct bs_plan *plan, const struct plan_origin *origin);

/*
 * The plan in a document.  The caller frees it with bs_plan_free().  NULL on error: BS_PLAN_INVALID
 * if plan_document() cannot have made the document, BS_NO_MEMORY.
 */
struct bs_plan *plan_from_document(const json_t *document, struct plan_origin *origin,
				   struct bs_error *err);

/* Writes a plan file, as replace_file_write() does. */
MUST_CHECK int plan_file_write(const char *path, const struct plan_origin *origin,
			       const struct bs_plan *plan, struct bs_error *err);

/*
 * Reads a plan file; "-" is standard input.  Errors: those of plan_from_document(), BS_INPUT_NOT_TRUSTED if another user
 * may have written it (trust.h), and those of replace_file_fail().
 */
struct bs_plan *plan_file_read(const char *path, struct plan_origin *origin, struct bs_error *err);

#endif
