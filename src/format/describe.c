/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "format/describe.h"

#include <inttypes.h>
#include <stdlib.h>

#include "format/qcow2.h"
#include "format/vdi.h"
#include "util/bytes.h"
#include "util/utf16.h"

#define SECTOR_SIZE 512u
#define PATH_BYTES  4096u /* of a VHD's parent, as far as it is read */

/* Reads up to `most` bytes at `offset`, as many as there are, into *bytes; the caller frees it. */
static int read_some(struct disk *container, uint64_t offset, uint64_t most, uint8_t **bytes,
		     size_t *length, struct bs_error *err)
{
	uint64_t size = disk_size(container);

	*length = offset < size ? (size_t)min_u64(most, size - offset) : 0;
	*bytes = malloc(*length + 1); /* not NULL for nothing */
	if (*bytes == NULL)
		return fail(err, BS_NO_MEMORY, "no memory for the header of the image");
	return disk_read(container, offset, *bytes, *length, err);
}

static void describe_window(struct format *format, uint64_t size)
{
	format->access = FORMAT_DIRECT;
	format->offset = 0;
	format->length = size;
	format->disk_size = size;
}

int describe_raw(struct disk *container, struct format *format, struct bs_error *err)
{
	uint64_t size = disk_size(container);

	if (size == 0)
		return fail(err, BS_NOT_AN_IMAGE, "is empty");
	if (size % SECTOR_SIZE != 0)
		return fail(err, BS_NOT_AN_IMAGE,
			    "the size of %" PRIu64 " bytes is not a multiple of 512, the sector",
			    size);
	describe_window(format, size);
	return 0;
}

/* A container of whole sectors has no old footer: the disk before it would not be whole sectors. */
int describe_read_footer(struct disk *container, uint8_t *bytes, size_t *length,
			 struct bs_error *err)
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

/* A dynamic or differencing VHD has a copy of its footer in front, and a header. */
int describe_vhd_header(struct disk *container, const struct vhd_footer *footer,
			struct vhd_dynamic_header *header, struct bs_error *err)
{
	uint64_t at = footer->dynamic_header_offset;
	uint8_t bytes[VHD_DYNAMIC_HEADER_SIZE];
	struct vhd_footer front;

	if (!range_within(at, sizeof(bytes), disk_size(container)))
		return fail(err, BS_VHD_CORRUPT,
			    "the header of the dynamic VHD lies beyond the file's end");
	if (disk_read(container, 0, bytes, VHD_FOOTER_SIZE, err) != 0)
		return -1;
	if (vhd_decode_footer(bytes, VHD_FOOTER_SIZE, &front, err) != 0)
		return fail_prefix(err, "the copy at the start of the file");
	if (disk_read(container, at, bytes, sizeof(bytes), err) != 0 ||
	    vhd_decode_dynamic_header(bytes, sizeof(bytes), header, err) != 0)
		return -1;
	return vhd_check_dynamic(&front, footer, header, disk_size(container), err);
}

static int describe_dynamic_vhd(struct disk *container, const struct vhd_footer *footer,
				struct format *format, struct bs_error *err)
{
	struct vhd_dynamic_header header;

	if (describe_vhd_header(container, footer, &header, err) != 0)
		return -1;
	format->access = FORMAT_CAPTURED;
	format->disk_size = footer->current_size;
	/* Else the driver would go by the geometry for some creators; see vhd.h. */
	format->driver_options = "force_size_calc=current_size";
	return 0;
}

int describe_vhd(struct disk *container, struct format *format, struct bs_error *err)
{
	uint8_t bytes[VHD_FOOTER_SIZE];
	struct vhd_footer footer;
	size_t length;

	if (describe_read_footer(container, bytes, &length, err) != 0)
		return -1;
	if (length == 0)
		return fail(err, BS_VHD_CORRUPT, "there is no VHD footer at the end of the file");
	if (vhd_decode_footer(bytes, length, &footer, err) != 0)
		return -1;
	if (footer.type != VHD_FIXED)
		return describe_dynamic_vhd(container, &footer, format, err);
	if (vhd_check_fixed(&footer, disk_size(container) - length, err) != 0)
		return -1;
	describe_window(format, footer.current_size);
	return 0;
}

/* The caller frees *metadata, also on error. */
static int read_metadata(struct disk *container, struct vhdx_layout *layout, uint8_t **metadata,
			 size_t *length, struct bs_error *err)
{
	uint8_t *headers = NULL;
	int result = read_some(container, 0, VHDX_HEADERS_SIZE, &headers, length, err);

	*metadata = NULL;
	if (result == 0)
		result = vhdx_decode_headers(headers, *length, disk_size(container), layout, err);
	if (result == 0)
		result = read_some(container, layout->metadata_offset,
				   min_u64(layout->metadata_size, VHDX_METADATA_MAX), metadata,
				   length, err);
	free(headers);
	return result;
}

int describe_vhdx_layout(struct disk *container, struct vhdx_layout *layout, struct vhdx_disk *disk,
			 struct bs_error *err)
{
	uint8_t *metadata;
	size_t length;
	int result = read_metadata(container, layout, &metadata, &length, err);

	if (result == 0)
		result = vhdx_decode_metadata(metadata, length, layout, disk, err);
	free(metadata);
	return result;
}

/* While the log has not been replayed, the size in the metadata may be an old one. */
int describe_vhdx(struct disk *container, struct format *format, struct bs_error *err)
{
	struct vhdx_layout layout;
	struct vhdx_disk disk;

	if (describe_vhdx_layout(container, &layout, &disk, err) != 0)
		return -1;
	format->access = FORMAT_CAPTURED;
	format->unfinished = layout.log_in_use;
	format->disk_size = layout.log_in_use ? 0 : disk.size;
	return 0;
}

typedef int decode_function(const uint8_t *bytes, size_t length, uint64_t file_size,
			    uint64_t *disk_size, struct bs_error *err);

/* Those whose first `most` bytes tell everything. */
static int describe_by_head(struct disk *container, uint64_t most, decode_function *decode,
			    struct format *format, struct bs_error *err)
{
	uint8_t *bytes = NULL;
	size_t length;
	int result = read_some(container, 0, most, &bytes, &length, err);

	if (result == 0)
		result = decode(bytes, length, disk_size(container), &format->disk_size, err);
	format->access = FORMAT_CAPTURED;
	free(bytes);
	return result;
}

/* An account that is marked as behind is legal. */
static int decode_qcow2_account(const uint8_t *bytes, size_t length, uint64_t file_size,
				struct format *format, struct bs_error *err)
{
	struct qcow2_tables tables;

	if (qcow2_decode_tables(bytes, length, file_size, &tables, err) != 0)
		return -1;
	format->has_account = true;
	format->unfinished = tables.counts_behind;
	return 0;
}

int describe_qcow2(struct disk *container, struct format *format, struct bs_error *err)
{
	uint64_t size = disk_size(container);
	uint8_t *bytes = NULL;
	size_t length;
	int result = read_some(container, 0, QCOW2_HEADER_MAX, &bytes, &length, err);

	if (result == 0)
		result = qcow2_decode(bytes, length, size, &format->disk_size, err);
	if (result == 0)
		result = decode_qcow2_account(bytes, length, size, format, err);
	format->access = FORMAT_CAPTURED;
	free(bytes);
	return result;
}

int describe_vdi(struct disk *container, struct format *format, struct bs_error *err)
{
	format->has_account = true;
	return describe_by_head(container, VDI_HEADER_SIZE, vdi_decode, format, err);
}

static int describe_vmdk_descriptor(struct disk *container, struct format *format,
				    struct bs_error *err)
{
	struct vmdk_extent extent;
	uint8_t *bytes = NULL;
	size_t length;
	int result = -1;

	/* One byte more tells a file that is too long. */
	if (read_some(container, 0, VMDK_DESCRIPTOR_MAX + 1, &bytes, &length, err) != 0 ||
	    vmdk_decode_descriptor(bytes, length, &extent, err) != 0)
		goto out;
	format->access = FORMAT_ELSEWHERE;
	format->offset = extent.offset;
	format->length = extent.length;
	format->disk_size = extent.length;
	memcpy(format->extent, extent.name, sizeof(format->extent));
	result = 0;
out:
	free(bytes);
	return result;
}

int describe_vmdk(struct disk *container, struct format *format, struct bs_error *err)
{
	uint8_t first = 0;

	if (disk_size(container) > 0 && disk_read(container, 0, &first, 1, err) != 0)
		return -1;
	if (first == '#')
		return describe_vmdk_descriptor(container, format, err);
	return describe_by_head(container, VMDK_HEAD_SIZE, vmdk_decode_sparse, format, err);
}

/* ---- what belongs together ----------------------------------------------------------------- */

static int refer_locator(struct disk *container, const struct vhd_locator *locator,
			 const struct reference_taker *taker, struct bs_error *err)
{
	char path[PATH_BYTES / 2 * 3 + 1];
	uint8_t *bytes = NULL;
	size_t length;
	int result = read_some(container, locator->offset, min_u64(locator->length, PATH_BYTES),
			       &bytes, &length, err);

	if (result == 0 && utf16_to_utf8(bytes, length, path, sizeof(path)) > 0)
		taker->take(taker->context, REFERENCE_PARENT, path);
	free(bytes);
	return result;
}

/* The copy of the footer at the start is the one that QEMU goes by, and the one of a torn file. */
int refer_vhd(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	uint8_t bytes[VHD_DYNAMIC_HEADER_SIZE];
	struct vhd_dynamic_header header;
	struct vhd_locator locator;
	struct vhd_footer footer;

	if (disk_read(container, 0, bytes, VHD_FOOTER_SIZE, err) != 0 ||
	    vhd_decode_footer(bytes, VHD_FOOTER_SIZE, &footer, err) != 0)
		return -1;
	if (footer.type != VHD_DIFFERENCING)
		return 0;
	if (disk_read(container, footer.dynamic_header_offset, bytes, sizeof(bytes), err) != 0 ||
	    vhd_decode_dynamic_header(bytes, sizeof(bytes), &header, err) != 0)
		return -1;
	if (header.parent_name[0] != '\0')
		taker->take(taker->context, REFERENCE_PARENT, header.parent_name);
	for (uint32_t i = 0; i < VHD_LOCATORS; i++)
		if (vhd_decode_locator(bytes, i, &locator) &&
		    refer_locator(container, &locator, taker, err) != 0)
			return -1;
	return 0;
}

int refer_vhdx(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	struct vhdx_layout layout;
	uint8_t *metadata;
	size_t length;
	int result = read_metadata(container, &layout, &metadata, &length, err);

	if (result == 0)
		vhdx_refer(metadata, length, taker);
	free(metadata);
	return result;
}

typedef void refer_function(const uint8_t *bytes, size_t length,
			    const struct reference_taker *taker);

static int refer_by_head(struct disk *container, uint64_t most, refer_function *refer,
			 const struct reference_taker *taker, struct bs_error *err)
{
	uint8_t *bytes = NULL;
	size_t length;
	int result = read_some(container, 0, most, &bytes, &length, err);

	if (result == 0)
		refer(bytes, length, taker);
	free(bytes);
	return result;
}

int refer_qcow2(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	return refer_by_head(container, QCOW2_HEADER_MAX, qcow2_refer, taker, err);
}

int refer_vmdk(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	return refer_by_head(container, VMDK_DESCRIPTOR_MAX, vmdk_refer, taker, err);
}

int refer_vdi(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	return refer_by_head(container, VDI_HEADER_SIZE, vdi_refer, taker, err);
}
