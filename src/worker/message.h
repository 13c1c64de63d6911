/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the worker and its parent tell each other.
 *
 * Both are one program, forked, so a message is a struct as it lies in memory.  The worker reads
 * what other people made and may have been taken over by it: nothing that comes from it is used
 * before the functions here have found every string terminated, every number in its range and
 * every flag a flag.
 */
#ifndef BOOTSHIFT_MESSAGE_H
#define BOOTSHIFT_MESSAGE_H

#include <stddef.h>

#include "util/err.h"

enum message_type {
	/* from the worker */
	MESSAGE_INSPECTION = 1, /* struct bs_inspection */
	MESSAGE_CHECKING,       /* a fix applies; now the volume's accounts are checked */
	MESSAGE_PLAN,           /* a plan: may it be staged? */
	MESSAGE_OPERATION,      /* uint32_t: this operation is done; how many sectors was it? */
	MESSAGE_CLUSTERS,       /* uint64_t: the sum before the staging, see stage.h */
	MESSAGE_STAGED,         /* the plan with what the rehearsal told; nothing more is staged */
	MESSAGE_ZONES,          /* struct range[] */
	MESSAGE_DONE,           /* nothing more to come */
	MESSAGE_ERROR,          /* struct bs_error; nothing more to come */
	/* to the worker */
	MESSAGE_PROCEED, /* it may be staged */
	MESSAGE_SECTORS, /* uint64_t */
};

#define MESSAGE_MAX (32u << 20) /* bytes; a plan with as many files as are allowed has 14 MiB */

/* A plan as one block of bytes; the caller frees *bytes. */
MUST_CHECK int message_pack_plan(const struct bs_plan *plan, uint8_t **bytes, size_t *length,
				 struct bs_error *err);

/* The reverse, for untrusted bytes.  Errors: BS_WORKER, BS_NO_MEMORY. */
MUST_CHECK int message_unpack_plan(const uint8_t *bytes, size_t length, struct bs_plan **plan,
				   struct bs_error *err);

/* Copies an untrusted inspection.  Errors: BS_WORKER. */
MUST_CHECK int message_unpack_inspection(const uint8_t *bytes, size_t length,
					 struct bs_inspection *inspection, struct bs_error *err);

/*
 * Makes an untrusted error one's own; what is no error, or none that a worker can meet, becomes
 * BS_WORKER.  Always -1.
 */
int message_unpack_error(const uint8_t *bytes, size_t length, struct bs_error *err);

#endif
