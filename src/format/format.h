/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the container to the guest's disk.  The format is decided once, here, from bytes that the
 * guest cannot write, wherever there are such bytes (see format.c), and described without a driver.
 */
#ifndef BOOTSHIFT_FORMAT_H
#define BOOTSHIFT_FORMAT_H

#include "format/codec.h"

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

/*
 * Tells what `container` says of the files that belong together with it.  Its format is decided by
 * its content.  A file that is no container, or a damaged one, tells nothing.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int format_refer(struct disk *container, const struct reference_taker *taker,
			    struct bs_error *err);

#endif
