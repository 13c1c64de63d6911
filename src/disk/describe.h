/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function for each format: reads what its codec needs and fills in the description.  That
 * the container is of this format has been decided already, and may be wrong.
 */
#ifndef BOOTSHIFT_DESCRIBE_H
#define BOOTSHIFT_DESCRIBE_H

#include <stddef.h>

#include "disk/format.h"

/*
 * Each fills in all of *format but the names and the disk.  Errors: those of format_detect() that
 * the format has.
 */
MUST_CHECK int describe_raw(struct disk *container, struct format *format, struct bs_error *err);
MUST_CHECK int describe_vhd(struct disk *container, struct format *format, struct bs_error *err);
MUST_CHECK int describe_vhdx(struct disk *container, struct format *format, struct bs_error *err);
MUST_CHECK int describe_qcow2(struct disk *container, struct format *format, struct bs_error *err);
MUST_CHECK int describe_vmdk(struct disk *container, struct format *format, struct bs_error *err);
MUST_CHECK int describe_vdi(struct disk *container, struct format *format, struct bs_error *err);

/*
 * Reads the last bytes, as a VHD's footer of today's length or of the old one; `bytes` has room for
 * VHD_FOOTER_SIZE.  *length is 0 when nothing there looks like a footer.
 */
MUST_CHECK int describe_read_footer(struct disk *container, uint8_t *bytes, size_t *length,
				    struct bs_error *err);

#endif
