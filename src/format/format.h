/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the container to the guest's disk.  The format is decided once, here, from bytes that the
 * guest cannot write, wherever there are such bytes (see format.c), and described without a driver.
 */
#ifndef BOOTSHIFT_FORMAT_H
#define BOOTSHIFT_FORMAT_H

#include <stdbool.h>

#include "disk/disk.h"
#include "format/reference.h"
#include "format/vmdk.h"

enum format_access {
	FORMAT_DIRECT,    /* the guest's disk is a window of the container */
	FORMAT_CAPTURED,  /* it takes QEMU's driver */
	FORMAT_ELSEWHERE, /* the container is a description: the disk is a window of another file */
};

struct format {
	const char *name;           /* what --format takes: raw vhd vhdx qcow2 vmdk vdi */
	const char *driver;         /* QEMU's name for it */
	const char *driver_options; /* what its driver has to be told, "key=value", or NULL */
	enum format_access access;
	/* The container keeps an account of what in it is free: the counts of clusters of a qcow2,
	 * the number of blocks of a VDI.  The driver goes by it when it needs room, and writes over
	 * data if it is wrong: it is to be checked.  For VHD, VHDX and VMDK the driver takes room
	 * only behind all that is there. */
	bool has_account;
	/* Who wrote to the container last was interrupted.  The driver finishes that when it opens
	 * the container for writing: it replays the log of a VHDX, and counts the clusters of a
	 * qcow2 that is marked dirty. */
	bool unfinished;
	uint64_t offset, length; /* the window, bytes; not of FORMAT_CAPTURED */
	uint64_t disk_size;      /* bytes that the guest sees; 0 when only the driver knows */
	/* FORMAT_ELSEWHERE: the file's name, in the container's folder.  What is in it is the
	 * guest's, and must not be asked for a format. */
	char extent[VMDK_EXTENT_NAME_MAX + 1];
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
 * Succeeds when none of what format_detect() has described is missing at the end, as after a copy
 * that was broken off, and when what is written in place lies on nothing else: no two blocks share
 * bytes, and none lies on a header or a table.  What a log changes that has to be replayed cannot
 * be told: a VHDX that is `unfinished` passes.  `container` is the file with the disk: the other
 * one, where the format says FORMAT_ELSEWHERE.  Errors: BS_CONTAINER_CORRUPT, BS_FORMAT_UNSUPPORTED
 * (more blocks than can be checked), BS_NO_MEMORY, and those of reading it.
 */
MUST_CHECK int format_check_whole(struct disk *container, const struct format *format,
				  struct bs_error *err);

/*
 * Tells what `container` says of the files that belong together with it.  It is believed by its
 * content only; what is none, or is damaged, tells nothing.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int format_refer(struct disk *container, const struct reference_taker *taker,
			    struct bs_error *err);

/*
 * Tells at first sight whether `container` is one, from some hundred bytes of it: *marked when it
 * has the mark of a format of disks, be it damaged or one that is not supported; else only the disk
 * in it, which would be a raw one, can tell.  Errors: BS_NOT_AN_IMAGE (an archive or the like), and
 * those of reading the container.
 */
MUST_CHECK int format_recognise(struct disk *container, bool *marked, struct bs_error *err);

#endif
