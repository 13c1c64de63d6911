/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells a disk whose signature was changed from a disk that starts the Windows of another one.
 *
 * Windows gives a disk another signature when a disk with the same one is attached already: a clone
 * beside its original.  The boot menu of the disk then still names the old signature, and bootmgr
 * finds no such disk.  (Microsoft, "Fixing Disk Signature Collisions".)
 */
#ifndef BOOTSHIFT_DISK_SIGNATURE_H
#define BOOTSHIFT_DISK_SIGNATURE_H

#include "windows/reader.h"

/*
 * *changed = whether `device` names this disk by an earlier signature: another one than it has, but
 * the place of a partition that has the file `path`.
 */
MUST_CHECK int disk_signature_changed(struct reader *reader, const struct bcd *bcd,
				      const struct bcd_device *device, const char *path,
				      bool *changed, struct bs_error *err);

#endif
