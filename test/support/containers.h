/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers that qemu-img makes of raw disks, changes to make them like those of other programs,
 * and checks by qemu-img.  Any error here fails the test.
 */
#ifndef BOOTSHIFT_TEST_CONTAINERS_H
#define BOOTSHIFT_TEST_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container_kind {
	const char *format;  /* bootshift's name of it */
	const char *driver;  /* QEMU's name of it */
	const char *options; /* of qemu-img convert */
	bool can_check;      /* whether qemu-img check knows the format */
	const char *creator; /* in the footer of a VHD of about 200 MiB; NULL: QEMU's */
};

/*
 * Makes disk.FORMAT from a raw disk, in a new folder, which can also hold undo and lock files.
 * Space that qemu-img only reserves is a hole.  The caller removes the container with
 * image_remove().
 */
const char *container_make(const struct container_kind *kind, const char *raw);

/* The same for a dynamic VHD with blocks of 512 KiB, for which qemu-img has no option. */
const char *container_make_vhd_with_small_blocks(const char *raw);

/*
 * The same for a VHDX that a killed program has left.  The last write was 64 KiB of the byte 0x5a
 * at `offset`.  Only the log has the block table's entry for these bytes.
 */
const char *container_make_vhdx_with_log(const char *raw, unsigned long long offset);

/* Corrects the checksum in a VHD's footer or header; `checksum` is the offset of the checksum. */
void container_seal_vhd(uint8_t *bytes, size_t length, size_t checksum);

/* Changes one byte in a VHD's footer and in its copy at the start, and corrects the checksums. */
void container_change_vhd_footer(const char *path, unsigned offset, unsigned char value);

/*
 * Checks that the guest's disk is equal to the raw disk.  The longer of the two may end with more
 * zeros.  If `length` is not 0, only so many bytes are compared.
 */
void container_assert_holds(const char *path, const struct container_kind *kind, const char *raw,
			    unsigned long long length);

/* Checks that `qemu-img check` finds no error. */
void container_check(const char *path, const struct container_kind *kind);

#endif
