/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the file of each format provides: its struct format_codec.  The list of formats is
 * BS_FORMATS in bootshift.h.
 */
#ifndef BOOTSHIFT_CODEC_H
#define BOOTSHIFT_CODEC_H

#include <stdbool.h>

#include "disk/disk.h"
#include "format/claims.h"

/* ---- the description of a container --------------------------------------------------------- */

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

/* ---- a format ------------------------------------------------------------------------------- */

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
MUST_CHECK int codec_read(struct disk *container, uint64_t offset, uint64_t most, uint8_t **bytes,
			  size_t *length, struct bs_error *err);

/* Describes a disk that is the first `size` bytes of its container. */
void codec_describe_window(struct format *format, uint64_t size);

#endif
