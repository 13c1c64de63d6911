/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers that qemu-img makes from raw disks, with changes that make them look like those of
 * other programs; and checks by qemu-img.  Every error here fails the test.
 */
#ifndef BOOTSHIFT_TEST_CONTAINERS_H
#define BOOTSHIFT_TEST_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container_kind {
	const char *format;  /* bootshift's name of the format */
	const char *driver;  /* QEMU's name of the format */
	const char *options; /* options of qemu-img convert */
	bool can_check;      /* whether qemu-img check knows the format */
	const char *creator; /* for the footer of a VHD of about 200 MiB; NULL: QEMU's */
};

/*
 * Makes disk.FORMAT from a raw disk, in a folder of its own that may also get undo and lock files.
 * Space that qemu-img only reserves becomes a hole.  The caller removes it with image_remove().
 */
const char *container_make(const struct container_kind *kind, const char *raw);

/* The same for a dynamic VHD with blocks of 512 KiB, which no option of qemu-img can make. */
const char *container_make_vhd_with_small_blocks(const char *raw);

/*
 * The same for a VHDX whose user was killed: the block table lacks the last write, 64 KiB of the
 * byte 0x5a at `offset`.  Only the log has this write.
 */
const char *container_make_vhdx_with_log(const char *raw, unsigned long long offset);

/*
 * Makes a file of a VMDK in several sparse files, beside a raw disk: the part of the disk with these
 * bytes.  Returns the path.
 */
const char *container_make_sparse_part(const char *raw, const char *name, uint64_t start,
				       uint64_t size);

/* Corrects the checksum of a VHD's footer or header.  `checksum` is its offset in `bytes`. */
void container_seal_vhd(uint8_t *bytes, size_t length, size_t checksum);

/* Changes one byte of a VHD's footer, and of its copy at the start, and corrects the checksums. */
void container_change_vhd_footer(const char *path, unsigned offset, unsigned char value);

/*
 * Checks that the guest's disk has the bytes of the raw disk.  If `length` (bytes) is not 0, only
 * so many bytes are compared.  Otherwise the longer disk may have zeros at its end.
 */
void container_assert_holds(const char *path, const struct container_kind *kind, const char *raw,
			    unsigned long long length);

/* Checks that qemu-img check finds no error. */
void container_check(const char *path, const struct container_kind *kind);

#endif
