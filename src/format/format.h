/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the guest's disk in a container.  This module decides the format, once and for all callers.
 * It uses bytes that the guest cannot write, if the format has such bytes (see format.c).  It
 * describes the container without a driver.
 */
#ifndef BOOTSHIFT_FORMAT_H
#define BOOTSHIFT_FORMAT_H

#include "format/codec.h"

/*
 * Describes `container`.  If `forced` is NULL, the function decides the format by the content.
 * Otherwise `forced` is the name of the format.  A forced raw disk may have any content with a boot
 * signature; for any other format the container must have a good header.  Errors: BS_USAGE (unknown
 * name), BS_FORMAT_DIFFERS (the container clearly has another format than the forced one),
 * BS_NOT_AN_IMAGE (not whole sectors), BS_FORMAT_AMBIGUOUS (two formats are possible),
 * BS_FORMAT_UNSUPPORTED (qemu-img can convert the image), BS_FORMAT_UNREADABLE (qemu-img cannot),
 * the codes of other known kinds of files (BS_HOLDS_NO_DISK, BS_PACKED_*, BS_EWF, BS_AFF), the
 * codes of each format (BS_VHD_*, BS_VHDX_*, BS_VMDK_*, BS_VDI_*, BS_CONTAINER_*), BS_READ_ONLY
 * (the VMDK descriptor says read-only), BS_NO_MEMORY, and those of reading the container.
 */
MUST_CHECK int format_detect(struct disk *container, const char *forced, struct format *format,
			     struct bs_error *err);

/*
 * Checks the tables of a container.  format_detect() has set *format.  The tables are sound if:
 *
 * - No bytes are missing at the end, as after an interrupted copy.  QEMU's driver reads missing
 *   bytes as zeros.  When it writes, it makes the file longer again, and hides the damage.  A part
 *   of the last block may be missing, as `qemu-img check` allows.
 * - No byte serves two purposes: blocks do not share bytes, and no block overlaps a header or a
 *   table.  The driver does not check this.  A write to one part of the guest's disk would change
 *   another part, or the container itself, and the guard would not see the change.
 *
 * If the format `needs_check`, the caller must also run `qemu-img check`.  An `unfinished` VHDX
 * passes unchecked, because its log may change everything.  `container` is the file with the disk;
 * for FORMAT_ELSEWHERE, that is the other file.  The files of FORMAT_DRIVER_ELSEWHERE are checked
 * one by one, as FORMAT_DRIVER.  Errors: BS_CONTAINER_CORRUPT, BS_FORMAT_UNSUPPORTED (more blocks
 * than can be checked), BS_NO_MEMORY, and those of reading `container`.
 */
MUST_CHECK int format_check_tables(struct disk *container, const struct format *format,
				   struct bs_error *err);

/* Returns the name of the format for which QEMU has a driver of this name; NULL: there is none. */
const char *format_of_driver(const char *driver);

/*
 * Sets *marked to true if `container` has the magic bytes of a disk format, even if the container
 * is damaged or its format is not supported.  A raw disk has no magic bytes.  The function reads
 * only a few hundred bytes, or the list of an archive.  Errors: BS_NOT_AN_IMAGE (such as a WIM, or
 * an archive without a disk), BS_PACKED_* (what has to be unpacked first), BS_CONTAINER_CORRUPT (a
 * damaged archive), those of reading.
 */
MUST_CHECK int format_recognise(struct disk *container, bool *marked, struct bs_error *err);

/*
 * Calls `taker` for each reference of `container` to another file.  The function decides the format
 * by the content.  It ignores a file that is damaged or is not a container.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int format_refer(struct disk *container, const struct reference_taker *taker,
			    struct bs_error *err);

#endif
