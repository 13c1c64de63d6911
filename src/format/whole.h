/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is all of a container there, and does each byte of it serve one purpose only?
 *
 * What was cut off, say by a copy that was broken off, reads as zeros to QEMU's driver; and a
 * driver that writes makes the file longer again, so that nobody could tell any more.
 *
 * A table that leads to one block twice, or to a block on top of a table, lets a write to one part
 * of the guest's disk change another part, or the container.  The driver does not see that, and
 * what the guard forbids is changed all the same.
 */
#ifndef BOOTSHIFT_WHOLE_H
#define BOOTSHIFT_WHOLE_H

#include "format/format.h"

/*
 * Each succeeds when nothing that is in use begins at or behind the container's end, which is what
 * `qemu-img check` asks for, too: the last cluster or grain may be there only in part; and when no
 * block shares bytes with another one, with a header or with a table.  Clusters of a qcow2 image
 * may be shared, as snapshots do: `qemu-img check` finds those that the driver would not copy
 * before it writes to them.  Errors: BS_CONTAINER_CORRUPT, BS_FORMAT_UNSUPPORTED (more blocks than
 * can be checked), BS_NO_MEMORY, and those of reading the container.
 */
MUST_CHECK int whole_check_vhd(struct disk *container, const struct format *format,
			       struct bs_error *err);
MUST_CHECK int whole_check_vhdx(struct disk *container, const struct format *format,
				struct bs_error *err);
MUST_CHECK int whole_check_vdi(struct disk *container, const struct format *format,
			       struct bs_error *err);
MUST_CHECK int whole_check_qcow2(struct disk *container, const struct format *format,
				 struct bs_error *err);
MUST_CHECK int whole_check_vmdk(struct disk *container, const struct format *format,
				struct bs_error *err);

#endif
