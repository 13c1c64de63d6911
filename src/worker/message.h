/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages between the worker and its parent.
 *
 * Both processes run the same program, forked, so a message is a struct as it lies in memory.  The
 * worker reads untrusted bytes and may have been taken over.  So nothing that comes from the worker
 * is used before the functions here have checked that every string is terminated, every number is
 * in its range, and every flag is 0 or 1.
 */
#ifndef BOOTSHIFT_MESSAGE_H
#define BOOTSHIFT_MESSAGE_H

#include <stddef.h>

#include "start/places.h"
#include "util/range.h"
#include "windows/differences.h"

enum message_type {
	/* from the worker */
	MESSAGE_INSPECTION = 1, /* struct bs_inspection */
	MESSAGE_PLAN,           /* a plan: may it be staged? */
	MESSAGE_OPERATION,      /* uint32_t: this operation of the plan is done */
	MESSAGE_CLUSTERS,       /* uint64_t: the sum of clusters before the staging, see stage.h */
	MESSAGE_STAGED,         /* the plan with the hashes of the files; the staging is over */
	MESSAGE_ZONES,          /* struct range[], in bytes of the disk */
	MESSAGE_MAP,            /* struct places, then its ranges */
	MESSAGE_DIFFERENCES,    /* struct bs_difference[]: what is not as a fix left it */
	MESSAGE_DONE,           /* nothing more to come */
	MESSAGE_ERROR,          /* struct bs_error; nothing more to come */
	/* to the worker */
	MESSAGE_PROCEED, /* the plan may be staged */
};

/* Returns the name of a message type, for debugging.  `type` may be any number. */
const char *message_name(uint32_t type);

#define MESSAGE_MAX (32u << 20) /* bytes; a plan with as many files as are allowed has 14 MiB */

/* Packs a plan into one block of bytes; the caller frees *bytes. */
MUST_CHECK int message_pack_plan(const struct bs_plan *plan, uint8_t **bytes, size_t *length,
				 struct bs_error *err);

/* Unpacks a plan from untrusted bytes; the caller frees *plan.  Errors: BS_WORKER, BS_NO_MEMORY. */
MUST_CHECK int message_unpack_plan(const uint8_t *bytes, size_t length, struct bs_plan **plan,
				   struct bs_error *err);

/*
 * Copies an untrusted inspection.  The caller frees *inspection, which is NULL on error: BS_WORKER,
 * BS_NO_MEMORY.
 */
MUST_CHECK int message_unpack_inspection(const uint8_t *bytes, size_t length,
					 struct bs_inspection **inspection, struct bs_error *err);

/*
 * Copies untrusted ranges of a disk of `disk_size` bytes into an empty vector.  The caller frees
 * the vector, also on error.  Errors: BS_WORKER, BS_NO_MEMORY.
 */
MUST_CHECK int message_unpack_zones(const uint8_t *bytes, size_t length, uint64_t disk_size,
				    struct range_vector *zones, struct bs_error *err);

/* Packs a map into one block of bytes; the caller frees *bytes. */
MUST_CHECK int message_pack_map(const struct places *places, uint8_t **bytes, size_t *length,
				struct bs_error *err);

/*
 * Copies an untrusted map of a disk of `disk_size` bytes, and seals it.  *places is empty before the
 * call.  The caller frees it with places_free(), also on error.  Errors: BS_WORKER, BS_NO_MEMORY,
 * BS_NTFS_DAMAGED if the map is too large.
 */
MUST_CHECK int message_unpack_map(const uint8_t *bytes, size_t length, uint64_t disk_size,
				  struct places *places, struct bs_error *err);

/*
 * Copies untrusted differences into an empty list.  The caller frees the list, also on error.
 * Errors: BS_WORKER, BS_NO_MEMORY.
 */
MUST_CHECK int message_unpack_differences(const uint8_t *bytes, size_t length,
					  struct differences *differences, struct bs_error *err);

/*
 * Validates an error from the worker.  If the bytes are no error, or an error that no worker can
 * meet, *err becomes BS_WORKER.  Returns -1 always.
 */
int message_unpack_error(const uint8_t *bytes, size_t length, struct bs_error *err);

#endif
