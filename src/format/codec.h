/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The interface between format.c and the code of each format: struct format_codec.  BS_FORMATS in
 * bootshift.h is the list of formats.
 */
#ifndef BOOTSHIFT_CODEC_H
#define BOOTSHIFT_CODEC_H

#include <stdbool.h>

#include "disk/disk.h"
#include "format/claims.h"

/* ---- the description of a container --------------------------------------------------------- */

enum format_access {
	FORMAT_DIRECT, /* the guest's disk is a range of bytes of the container */
	FORMAT_DRIVER, /* only QEMU's driver can access the disk */
	/*
	 * The container describes a disk in a range of another file, or in several.  Also set if the
	 * description is refused.
	 */
	FORMAT_ELSEWHERE,
	FORMAT_DRIVER_ELSEWHERE, /* the same, and only QEMU's driver can access the disk in them */
};

static inline bool format_access_is_elsewhere(enum format_access access)
{
	return access == FORMAT_ELSEWHERE || access == FORMAT_DRIVER_ELSEWHERE;
}

static inline bool format_access_needs_driver(enum format_access access)
{
	return access == FORMAT_DRIVER || access == FORMAT_DRIVER_ELSEWHERE;
}

#define FORMAT_EXTENT_NAME_MAX 255
#define FORMAT_PARENT_MAX      1023 /* bytes; QEMU's limit for the name of a parent */

/*
 * What a container says of its parent.  All of it is only a claim: a guest or somebody else may
 * have written it.  Unused bytes are zeros.
 */
struct format_parent {
	char path[FORMAT_PARENT_MAX + 1]; /* as the container has it; empty: there is no parent */
	char driver[16]; /* QEMU's name of the parent's format; empty: the container does not say */
	bool has_identifier; /* VMDK */
	uint32_t identifier; /* VMDK: the identifier that the parent had */
};

struct format {
	const char *name;           /* from BS_FORMATS */
	const char *driver;         /* the name of QEMU's driver */
	const char *driver_options; /* "key=value" for the driver, or NULL */
	enum format_access access;
	/* The caller must run `qemu-img check` on the container; see struct format_codec. */
	bool needs_check;
	/* The log of this VHDX has to be replayed, because the last program that wrote to the file
	 * was interrupted.  QEMU's driver replays the log when it opens the file for writing. */
	bool unfinished;
	/* The range with the disk, bytes; unused if only a driver can access the disk. */
	uint64_t offset, length;
	uint64_t disk_size; /* bytes that the guest sees; 0: only the driver knows the size */
	/*
	 * FORMAT_ELSEWHERE and FORMAT_DRIVER_ELSEWHERE: the name of the other file, which is in the
	 * container's folder.  In the first case the guest writes all of that file, so the caller
	 * must not detect a format in it.  If there are several files, this is the first one, and
	 * the disk is all of them, one after the other (vmdk_read_extents() of vmdk.h).
	 */
	char extent[FORMAT_EXTENT_NAME_MAX + 1];
	uint32_t extent_count;
	/* Only if a driver is needed.  The container holds only the changes to its parent, which the
	 * caller has to open (engine/chain.h). */
	struct format_parent parent;
	uint32_t identifier; /* VMDK: of the present content; a program that writes changes it */
};

/* ---- references from a container to other files -------------------------------------------- */

enum reference_kind {
	REFERENCE_PARENT,      /* the path of the parent; the container holds only changes to it */
	REFERENCE_PARENT_UUID, /* the UUID of the parent */
	REFERENCE_UUID,        /* the UUID of the container itself */
	REFERENCE_PART,        /* the path of a file that holds the disk or a part of it */
};

/* `text` is never empty, and valid only during the call.  It is UTF-8 unless the container is
 * malformed.  A path is not converted: it follows the rules of the system that wrote it. */
struct reference_taker {
	void (*take)(void *context, enum reference_kind kind, const char *text);
	void *context;
};

/* ---- a format ------------------------------------------------------------------------------- */

struct magic {
	uint16_t offset; /* in the container, bytes */
	uint8_t length;  /* at most MAGIC_LENGTH_MAX; 0: no magic */
	const char *bytes;
};

#define MAGIC_LENGTH_MAX 24u

struct format_codec {
	/* The bytes near the start by which format.c and QEMU's driver recognise a container. */
	struct magic magics[3];
	/*
	 * The container says which of its bytes are free: a qcow2 by the counts of its clusters, a
	 * VDI by the number of its blocks.  When the driver needs room, it writes to these bytes.
	 * If they are not free, it overwrites data.  So `qemu-img check` has to check the counts.
	 * In a VHD, VHDX and VMDK the driver takes new room only behind all existing data.
	 */
	bool needs_check;
	/*
	 * Fills in the remaining fields of *format, which are zero.  The caller has decided that
	 * the container is of this format; this decision may be wrong.  Errors: those of
	 * format_detect() that apply to the format.
	 */
	int (*describe)(struct disk *container, struct format *format, struct bs_error *err);
	/*
	 * Checks the tables of a FORMAT_DRIVER container that is not `unfinished`: claims all bytes
	 * that its headers and tables refer to; see format_check_tables().  NULL: no tables.
	 */
	int (*check_tables)(struct disk *container, struct claims *claims, struct bs_error *err);
	/*
	 * Reports the references of the container; see format_refer().  NULL: the format has no
	 * references.  Errors: those of reading and decoding, BS_NO_MEMORY.
	 */
	int (*refer)(struct disk *container, const struct reference_taker *taker,
		     struct bs_error *err);
};

#define DECLARE_CODEC(id, driver, title, ...) extern const struct format_codec id##_codec;
BS_FORMATS(DECLARE_CODEC)
#undef DECLARE_CODEC

/*
 * Reads `most` bytes at `offset` of a container into *bytes, or fewer if the container ends before.
 * The caller frees *bytes, also on error.  Errors: BS_NO_MEMORY, those of reading.
 */
MUST_CHECK int codec_read(struct disk *container, uint64_t offset, uint64_t most, uint8_t **bytes,
			  size_t *length, struct bs_error *err);

/* Describes a disk that is the first `size` bytes of its container. */
void codec_describe_window(struct format *format, uint64_t size);

#endif
