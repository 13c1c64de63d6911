/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers made of raw disks by qemu-img and changed to what other programs make, and what
 * qemu-img says of them.  Whatever goes wrong here fails the test.
 */
#ifndef BOOTSHIFT_TEST_CONTAINERS_H
#define BOOTSHIFT_TEST_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container_kind {
	const char *format;  /* as bootshift calls it */
	const char *driver;  /* as QEMU does */
	const char *options; /* of qemu-img convert */
	bool can_check;      /* whether qemu-img check knows the format */
	const char *creator; /* for the footer of a VHD of about 200 MiB; NULL: QEMU */
};

/*
 * Makes disk.FORMAT of a raw disk, in a folder of its own, where undo and lock files may lie
 * beside it; what qemu-img only reserves is a hole.  Removed with image_remove().
 */
const char *container_make(const struct container_kind *kind, const char *raw);

/* The same for a dynamic VHD with blocks of 512 KiB, for which qemu-img has no option. */
const char *container_make_vhd_with_small_blocks(const char *raw);

/*
 * The same for a VHDX whose user was killed: the block table lacks what was written to it last,
 * 64 KiB of the byte 0x5a at `offset`, which only its log has.
 */
const char *container_make_vhdx_with_log(const char *raw, unsigned long long offset);

/* Gets the checksum right of a VHD's footer or header, which has it at offset `checksum`. */
void container_seal_vhd(uint8_t *bytes, size_t length, size_t checksum);

/* Changes one byte of a VHD's footer, and of its copy at the start, and gets the checksum right. */
void container_change_vhd_footer(const char *path, unsigned offset, unsigned char value);

/*
 * The guest's disk is the raw one, byte by byte: all of it, but for zeros at the end of the longer
 * one; or, with a `length` in bytes that is not 0, so much of it.
 */
void container_assert_holds(const char *path, const struct container_kind *kind, const char *raw,
			    unsigned long long length);

/* qemu-img check has nothing to complain of. */
void container_check(const char *path, const struct container_kind *kind);

#endif
