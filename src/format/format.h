/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the container to the guest's disk.  The format is decided once, here, from bytes that the
 * guest cannot write, wherever there are such bytes (see format.c), and described without a driver.
 *
 * Each format has a file of its own, which defines its struct format_codec; the list of formats is
 * BS_FORMATS in bootshift.h.
 */
#ifndef BOOTSHIFT_FORMAT_H
#define BOOTSHIFT_FORMAT_H

#include <stdbool.h>

#include "disk/disk.h"
#include "format/claims.h"

enum format_access {
	FORMAT_DIRECT,    /* the guest's disk is a window of the container */
	FORMAT_DRIVER,    /* it takes QEMU's driver */
	FORMAT_ELSEWHERE, /* the container is a description: the disk is a window of another file */
};

#define FORMAT_EXTENT_NAME_MAX 255

struct format {
	const char *name;           /* of BS_FORMATS */
	const char *driver;         /* QEMU's name for it */
	const char *driver_options; /* what its driver has to be told, "key=value", or NULL */
	enum format_access access;
	/* `qemu-img check` has to check the container; see struct format_codec. */
	bool needs_check;
	/* A VHDX whose log has to be replayed, because the last program that wrote to it was
	 * interrupted.  QEMU's driver does that when it opens the container for writing. */
	bool unfinished;
	uint64_t offset, length; /* the window, bytes; not of FORMAT_DRIVER */
	uint64_t disk_size;      /* bytes that the guest sees; 0 when only the driver knows */
	/* FORMAT_ELSEWHERE: the file's name, in the container's folder.  What is in it is the
	 * guest's, and must not be asked for a format. */
	char extent[FORMAT_EXTENT_NAME_MAX + 1];
};

/*
 * Describes what is in `container`.  `forced` is NULL, to decide by its content, or one of the
 * names, to believe the caller: raw is then not looked at at all, the others must have a good
 * header of theirs.  Errors: BS_USAGE (no such name), BS_NOT_AN_IMAGE (not whole sectors),
 * BS_FORMAT_AMBIGUOUS (it could be of two formats), BS_FORMAT_UNSUPPORTED (qemu-img can convert
 * it), BS_FORMAT_UNREADABLE (it cannot), the codes of other files that are known by their mark
 * (BS_HOLDS_NO_DISK, BS_PACKED_*, BS_EWF, BS_AFF), those of the refusals of each format (BS_VHD_*,
 * BS_VHDX_*, BS_VMDK_*, BS_VDI_*, BS_CONTAINER_*), BS_READ_ONLY (described as that), BS_NO_MEMORY,
 * and those of reading the container.
 */
MUST_CHECK int format_detect(struct disk *container, const char *forced, struct format *format,
			     struct bs_error *err);

/*
 * Succeeds when the tables of a container that format_detect() has described are complete and
 * sound:
 *
 * - Nothing is missing at the end, as after a copy that was broken off.  QEMU's driver reads what
 *   is missing as zeros, and makes the file longer again when it writes, so that nobody could tell
 *   any more.  A part of the last block may be missing, as `qemu-img check` allows.
 * - No byte serves two purposes: no two blocks share bytes, and none lies on a header or a table.
 *   The driver does not look for that.  A write to one part of the guest's disk would change
 *   another part, or the container, below the guard.
 *
 * Where the format `needs_check`, this holds only if `qemu-img check` succeeds as well.  A VHDX
 * that is `unfinished` passes unchecked, because its log may change everything.  `container` is the
 * file with the disk: the other one, where the format says FORMAT_ELSEWHERE.  Errors:
 * BS_CONTAINER_CORRUPT, BS_FORMAT_UNSUPPORTED (more blocks than can be checked), BS_NO_MEMORY, and
 * those of reading it.
 */
MUST_CHECK int format_check_tables(struct disk *container, const struct format *format,
				   struct bs_error *err);

/*
 * Sets *marked to whether `container` has the mark of a format of disks, even if it is damaged or
 * not supported.  Without a mark it may still be a raw disk.  Reads only some hundred bytes.
 * Errors: BS_NOT_AN_IMAGE (an archive or the like), and those of reading the container.
 */
MUST_CHECK int format_recognise(struct disk *container, bool *marked, struct bs_error *err);

/* ---- what a container says of the files that belong together with it ----------------------- */

enum reference_kind {
	REFERENCE_PARENT,      /* a path: the container holds only the changes to that file */
	REFERENCE_PARENT_UUID, /* the UUID of that file */
	REFERENCE_UUID,        /* the container's own */
	REFERENCE_PART,        /* a path: that file holds the disk, or a part of it */
};

/* `text` is UTF-8 if the container is well made, never empty, and only valid during the call.  A
 * path is as the program that made the container wrote it, on any system. */
struct reference_taker {
	void (*take)(void *context, enum reference_kind kind, const char *text);
	void *context;
};

/*
 * Tells what `container` says of the files that belong together with it.  Its format is decided by
 * its content.  A file that is no container, or a damaged one, tells nothing.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int format_refer(struct disk *container, const struct reference_taker *taker,
			    struct bs_error *err);

/* ---- what the file of each format provides ------------------------------------------------- */

struct magic {
	uint16_t offset; /* in the container */
	uint8_t length;  /* at most MAGIC_LENGTH_MAX; 0: there is none */
	const char *bytes;
};

#define MAGIC_LENGTH_MAX 24u

struct format_codec {
	/* By which a container is recognised at its start; those that QEMU's driver goes by. */
	struct magic magics[3];
	/*
	 * The container says which part of it is free: a qcow2 by the counts of its clusters, a VDI
	 * by the number of its blocks.  The driver takes that part when it needs room, and writes
	 * over data if it is wrong; so `qemu-img check` has to check it.  In a VHD, VHDX and VMDK
	 * the driver takes room only behind everything that is there.
	 */
	bool needs_check;
	/*
	 * Fills in the rest of *format: all of it was zeros.  That the container is of this format
	 * has been decided already, and may be wrong.  Errors: those of format_detect() that the
	 * format has.
	 */
	int (*describe)(struct disk *container, struct format *format, struct bs_error *err);
	/*
	 * Checks the tables of a FORMAT_DRIVER that is not `unfinished`, see format_check_tables():
	 * claims what its headers and tables lead to.  NULL where there are no tables.
	 */
	int (*check_tables)(struct disk *container, struct claims *claims, struct bs_error *err);
	/*
	 * See format_refer().  NULL where there are no references.  Errors: those of reading and
	 * decoding, BS_NO_MEMORY.
	 */
	int (*refer)(struct disk *container, const struct reference_taker *taker,
		     struct bs_error *err);
};

#define DECLARE_CODEC(id, driver, title, ...) extern const struct format_codec id##_codec;
BS_FORMATS(DECLARE_CODEC)
#undef DECLARE_CODEC

/*
 * Reads up to `most` bytes at `offset` of a container, as many as there are, into *bytes, which the
 * caller frees, also on error.  Errors: BS_NO_MEMORY, those of reading.
 */
MUST_CHECK int format_read(struct disk *container, uint64_t offset, uint64_t most, uint8_t **bytes,
			   size_t *length, struct bs_error *err);

/* Describes a disk that is the first `size` bytes of its container. */
void format_describe_window(struct format *format, uint64_t size);

#endif
