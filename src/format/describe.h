/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two functions for each format that read what its codec needs: one fills in the description, one
 * tells of the files that belong together with this one.  That the container is of this format has
 * been decided already, and may be wrong.
 */
#ifndef BOOTSHIFT_DESCRIBE_H
#define BOOTSHIFT_DESCRIBE_H

#include <stddef.h>

#include "format/format.h"
#include "format/reference.h"
#include "format/vhd.h"
#include "format/vhdx.h"

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
 * Reads what tells where in a dynamic or differencing VHD its parts lie; `footer` is the one at the
 * end.  Errors: those of describe_vhd().
 */
MUST_CHECK int describe_vhd_header(struct disk *container, const struct vhd_footer *footer,
				   struct vhd_dynamic_header *header, struct bs_error *err);

/* Reads what tells where in a VHDX its parts lie.  Errors: those of describe_vhdx(). */
MUST_CHECK int describe_vhdx_layout(struct disk *container, struct vhdx_layout *layout,
				    struct vhdx_disk *disk, struct bs_error *err);

/*
 * Each tells what it finds; what is damaged tells nothing.  A raw disk has none of this.  Errors:
 * those of reading and decoding, BS_NO_MEMORY.
 */
MUST_CHECK int refer_vhd(struct disk *container, const struct reference_taker *taker,
			 struct bs_error *err);
MUST_CHECK int refer_vhdx(struct disk *container, const struct reference_taker *taker,
			  struct bs_error *err);
MUST_CHECK int refer_qcow2(struct disk *container, const struct reference_taker *taker,
			   struct bs_error *err);
MUST_CHECK int refer_vmdk(struct disk *container, const struct reference_taker *taker,
			  struct bs_error *err);
MUST_CHECK int refer_vdi(struct disk *container, const struct reference_taker *taker,
			 struct bs_error *err);

/*
 * Reads the last bytes, as a VHD's footer of today's length or of the old one; `bytes` has room for
 * VHD_FOOTER_SIZE.  *length is 0 when nothing there looks like a footer.
 */
MUST_CHECK int describe_read_footer(struct disk *container, uint8_t *bytes, size_t *length,
				    struct bs_error *err);

#endif
