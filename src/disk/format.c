/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose bytes are the container's own?
 *
 * A fixed VHD gives its guest everything but the footer, so the footer decides before anything at
 * the front is looked at: else a guest could turn its VHD into, say, a qcow2 with a backing file of
 * its choice by writing to its first sector (CVE-2010-3851).  In a raw image every byte is the
 * guest's.  There a guest can make its disk look like something else, which is then refused, or
 * like a fixed VHD, which makes its own disk smaller; it cannot reach another file.  The owner of
 * the image can always overrule this with an explicit format.
 *
 * Something that begins like a footer but has a wrong checksum is refused rather than taken for
 * raw: it is far more often a damaged VHD than a guest's joke.
 */
#include "disk/format.h"

#include <inttypes.h>

#include "disk/vhd.h"
#include "disk/window.h"
#include "util/bytes.h"

#define SECTOR_SIZE   512u
#define LONGEST_MAGIC 24u

struct magic {
	uint16_t offset; /* in the container */
	uint8_t length;
	bool not_on_mbr; /* an older use of the disk may have left it: a boot signature outweighs it
			  */
	const char *bytes;
	const char *what; /* "this is ..." */
};

/* The bytes are those that file(1) and qemu's block drivers go by. */
static const struct magic magics[] = {
	{0, 4, false, "QFI\xfb", "a qcow2 image"},
	{0, 4, false, "QED\0", "a QED image"},
	{0, 8, false, "vhdxfile", "a VHDX image"},
	{0, 4, false, "KDMV", "a VMDK image"},
	{0, 4, false, "COWD", "a VMDK image"},
	{0, 21, false, "# Disk DescriptorFile", "a VMDK descriptor"},
	{64, 4, false, "\xbe\xda\x10\x7f", "a VDI image"},
	{0, 16, false, "WithoutFreeSpace", "a Parallels image"},
	{0, 16, false, "WithouFreSpacExt", "a Parallels image"},
	{0, 8, false, "MSWIM\0\0\0", "a WIM archive of files, not a disk"},
	{0, 8, false, "EVF\x09\x0d\x0a\xff\x00", "an EWF (EnCase) image"},
	{0, 7, false, "AFF10\r\n", "an AFF image"},
	{0, 3, false, "\x1f\x8b\x08", "a compressed file (gzip); unpack it first"},
	{0, 6, false,
	 "\xfd"
	 "7zXZ\0",
	 "a compressed file (xz); unpack it first"},
	{0, 4, false, "PK\x03\x04", "a compressed file (zip); unpack it first"},
	{0, 6, false, "7z\xbc\xaf\x27\x1c", "a compressed file (7z); unpack it first"},
	{32769, 5, true, "CD001", "an image of a CD or DVD (ISO 9660), not of a disk"},
};

/* Sets *matches to whether the container has these bytes there; one that ends earlier has not. */
static int compare_at(struct disk *container, uint64_t offset, const void *bytes, size_t length,
		      bool *matches, struct bs_error *err)
{
	uint8_t found[LONGEST_MAGIC];

	*matches = false;
	if (!range_within(offset, length, disk_size(container)))
		return 0;
	if (disk_read(container, offset, found, length, err) != 0)
		return -1;
	*matches = memcmp(found, bytes, length) == 0;
	return 0;
}

static int refuse_known_magic(struct disk *container, struct bs_error *err)
{
	bool has_mbr, matches;

	if (compare_at(container, 510, "\x55\xaa", 2, &has_mbr, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		const struct magic *magic = &magics[i];

		if (compare_at(container, magic->offset, magic->bytes, magic->length, &matches,
			       err) != 0)
			return -1;
		if (matches && !(magic->not_on_mbr && has_mbr))
			return fail(err, BS_FORMAT_UNSUPPORTED, "is %s", magic->what);
	}
	return 0;
}

/* Both kinds of disk are windows, so that closing the format never closes the container. */
static int open_window(struct disk *container, const char *name, uint64_t size,
		       struct format *format, struct bs_error *err)
{
	format->name = name;
	format->disk = window_open(container, 0, size, err);
	return format->disk ? 0 : -1;
}

static int open_raw(struct disk *container, struct format *format, struct bs_error *err)
{
	uint64_t size = disk_size(container);

	if (size == 0)
		return fail(err, BS_NOT_AN_IMAGE, "is empty");
	if (size % SECTOR_SIZE != 0)
		return fail(err, BS_NOT_AN_IMAGE,
			    "the size of %" PRIu64 " bytes is not a multiple of 512, the sector",
			    size);
	return open_window(container, "raw", size, format, err);
}

/*
 * Reads the last bytes, as a footer of today's length or of the old one.  A container of whole
 * sectors has no old footer: the disk before it would not be whole sectors.  *length is 0 when
 * nothing there looks like a footer.
 */
static int read_footer(struct disk *container, uint8_t *bytes, size_t *length, struct bs_error *err)
{
	uint64_t size = disk_size(container);
	size_t expected =
		size % SECTOR_SIZE == VHD_OLD_FOOTER_SIZE ? VHD_OLD_FOOTER_SIZE : VHD_FOOTER_SIZE;

	*length = 0;
	if (size < expected)
		return 0;
	if (disk_read(container, size - expected, bytes, expected, err) != 0)
		return -1;
	if (vhd_looks_like_footer(bytes, expected))
		*length = expected;
	return 0;
}

static int open_vhd(struct disk *container, const uint8_t *bytes, size_t length,
		    struct format *format, struct bs_error *err)
{
	struct vhd_footer footer;

	if (vhd_decode_footer(bytes, length, &footer, err) != 0 ||
	    vhd_check_fixed(&footer, disk_size(container) - length, err) != 0)
		return -1;
	return open_window(container, "vhd", footer.current_size, format, err);
}

/*
 * A copy of the footer in front is what a dynamic or differencing VHD has; one with nothing at its
 * end was cut short.
 */
static int refuse_front_footer(struct disk *container, struct bs_error *err)
{
	uint8_t bytes[VHD_FOOTER_SIZE];
	struct vhd_footer footer;

	if (disk_size(container) < sizeof(bytes))
		return 0;
	if (disk_read(container, 0, bytes, sizeof(bytes), err) != 0)
		return -1;
	if (!vhd_looks_like_footer(bytes, sizeof(bytes)))
		return 0;
	if (vhd_decode_footer(bytes, sizeof(bytes), &footer, err) == 0 &&
	    footer.type == VHD_DIFFERENCING)
		return vhd_check_fixed(&footer, 0, err);
	return fail(err, BS_FORMAT_UNSUPPORTED, "dynamic VHD is not supported yet");
}

int format_open(struct disk *container, const char *forced, struct format *format,
		struct bs_error *err)
{
	uint8_t footer[VHD_FOOTER_SIZE];
	size_t footer_length;

	if (forced && strcmp(forced, "raw") == 0)
		return open_raw(container, format, err);
	if (forced && strcmp(forced, "vhd") != 0)
		return fail(err, BS_USAGE, "there is no format %s, only raw and vhd", forced);
	if (read_footer(container, footer, &footer_length, err) != 0)
		return -1;
	if (forced || footer_length > 0)
		return open_vhd(container, footer, footer_length, format, err);
	if (refuse_front_footer(container, err) != 0 || refuse_known_magic(container, err) != 0)
		return -1;
	return open_raw(container, format, err);
}
