/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verification: opens a fixed disk afresh, staged or committed, and compares the result with the
 * plan and with the system volume, which a fix never writes.
 */
#ifndef BOOTSHIFT_VERIFY_H
#define BOOTSHIFT_VERIFY_H

#include "volume/tree.h"

/* A verification of the copies on the boot volume. */
struct verification {
	const struct bs_plan *plan;
	bool hashed;     /* the plan has the hashes of its files */
	uint32_t cursor; /* index of the next of the plan's files */
	struct volume *target;
	struct volume_metadata copied; /* of the copy that is compared */
	uint8_t *left, *right;         /* buffers for a piece of both files */
};

/*
 * Compares one aspect of a copy with the original, of which own->copied is known.  Errors:
 * BS_VERIFY when they differ; those of the volumes.
 */
typedef int verify_compare(struct verification *own, const struct tree_visit *original,
			   struct volume_file *copy, struct bs_error *err);

#define VERIFY_ATTRIBUTES "attributes" /* also whether it is a folder */
#define VERIFY_SIZE       "size"
#define VERIFY_TIMES      "times"
#define VERIFY_CONTENT    "content" /* of all streams */

/* Attributes that no copy has: bootmgr, or boot code, could not read such a file. */
#define VERIFY_UNBOOTABLE                                                                          \
	((uint32_t)FILE_IS_COMPRESSED | FILE_IS_ENCRYPTED | FILE_IS_SPARSE | FILE_IS_REPARSE_POINT)

/* All that a copy has in common with its original.  The last name is NULL. */
extern const struct verify_aspect {
	const char *name;
	verify_compare *compare;
} verify_aspects[];

/* Opens the boot volume of the plan.  The caller ends with verify_end(), also on error. */
MUST_CHECK int verify_begin(struct verification *own, const struct volume_engine *engine,
			    const struct bs_plan *plan, struct bs_error *err);
void verify_end(struct verification *own);

/* Whether a path is that of a BCD that the plan makes anew: it has no original with its content. */
bool verify_is_new_store(const struct bs_plan *plan, const char *path);

/* Compares the hash of a copy with the plan's file at own->cursor.  Errors as above. */
MUST_CHECK int verify_hash(struct verification *own, struct volume_file *copy,
			   struct bs_error *err);

/* Compares the hash of an original with the same file of the plan.  Errors as above. */
MUST_CHECK int verify_original(struct verification *own, struct volume_file *original,
			       struct bs_error *err);

/*
 * Checks the boot record of the boot volume, which is the whole `boot_window`.  Errors: BS_VERIFY,
 * those of the disk.
 */
MUST_CHECK int verify_boot_record(struct disk *boot_window, const struct bs_plan *plan,
				  struct bs_error *err);

/* What messages call a link of the boot chain.  The text is constant. */
const char *verify_link_label(enum bs_link_kind kind);

/*
 * Verifies the engine's disk.  `clusters` is the sum of the cluster accounting before the fix; it
 * is compared only if the engine's volumes have internals.  Errors: BS_VERIFY with what is wrong;
 * BS_NTFS_DAMAGED when a volume's own structures are wrong; BS_BEYOND_REACH when all is right, but
 * lies where boot code cannot read it; the errors of the disk.
 */
MUST_CHECK int verify_run(const struct volume_engine *engine, const struct bs_plan *plan,
			  const struct bs_options *options, uint64_t clusters,
			  struct bs_error *err);

#endif
