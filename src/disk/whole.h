/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is all of a container there?  What was cut off, say by a copy that was broken off, reads as zeros
 * to QEMU's driver; and a driver that writes makes the file longer again, so that nobody could tell
 * any more.
 */
#ifndef BOOTSHIFT_WHOLE_H
#define BOOTSHIFT_WHOLE_H

#include "disk/format.h"

/*
 * Each succeeds when nothing that is in use begins at or behind the container's end, which is what
 * `qemu-img check` asks for, too: the last cluster or grain may be there only in part.  Errors:
 * BS_CONTAINER_CORRUPT, and those of reading the container.
 */
MUST_CHECK int whole_check_qcow2(struct disk *container, const struct format *format,
				 struct bs_error *err);
MUST_CHECK int whole_check_vmdk(struct disk *container, const struct format *format,
				struct bs_error *err);

#endif
