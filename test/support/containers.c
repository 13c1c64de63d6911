/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/containers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/state.h"
#include "util/bytes.h"
#include "util/crc32c.h"

static const struct container_kind vhdx = {"vhdx", "vhdx", "", true, NULL};

static off_t size_of(const char *path)
{
	struct stat status;

	ck_assert_int_eq(stat(path, &status), 0);
	return status.st_size;
}

/* qemu-img makes a descriptor and one file of a disk of at most 2 GiB. */
const char *container_make_sparse_part(const char *raw, const char *name, uint64_t start,
				       uint64_t size)
{
	const char *slice = file_extract(raw, "slice", start, size);
	const char *vmdk = text("%s.vmdk", slice), *part = text("%s-s001.vmdk", slice);
	const char *path = text("%.*s/%s", (int)(strrchr(raw, '/') - raw), raw, name);

	ck_assert_int_eq(RUN("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o",
			     "subformat=twoGbMaxExtentSparse", slice, vmdk)
				 .status,
			 0);
	ck_assert_int_eq(rename(part, path), 0);
	ck_assert_int_eq(unlink(vmdk), 0);
	ck_assert_int_eq(unlink(slice), 0);
	return path;
}

/* ---- VHD ------------------------------------------------------------------------------------ */

/*
 * "Virtual Hard Disk Image Format Specification": a footer at the end, its copy at the start, then
 * the dynamic header, then the table of blocks.  All numbers are big-endian.
 */
enum {
	FOOTER_SIZE = 512,
	FOOTER_CREATOR = 28,
	FOOTER_SIZE_OF_DISK = 48,
	FOOTER_GEOMETRY = 56, /* cylinders (16 bits), heads, sectors per track */
	FOOTER_CHECKSUM = 64,
	HEADER_START = 512,
	HEADER_SIZE = 1024,
	HEADER_TABLE_ENTRIES = 28,
	HEADER_BLOCK_SIZE = 32,
	HEADER_CHECKSUM = 36,
	TABLE_START = 1536, /* QEMU's choice */
};

void container_seal_vhd(uint8_t *bytes, size_t length, size_t checksum)
{
	uint32_t sum = 0;

	store_be32(bytes + checksum, 0);
	for (size_t i = 0; i < length; i++)
		sum += bytes[i];
	store_be32(bytes + checksum, ~sum);
}

void container_change_vhd_footer(const char *path, unsigned offset, unsigned char value)
{
	const uint64_t places[] = {0, (uint64_t)size_of(path) - FOOTER_SIZE};
	uint8_t footer[FOOTER_SIZE];

	for (int i = 0; i < 2; i++) {
		file_read(path, places[i], footer, sizeof(footer));
		if (memcmp(footer, "conectix", 8) != 0)
			continue; /* a fixed VHD has no copy of the footer */
		footer[offset] = value;
		container_seal_vhd(footer, sizeof(footer), FOOTER_CHECKSUM);
		file_write(path, places[i], footer, sizeof(footer));
	}
}

/*
 * Changes the footer to what other programs write: their geometry is the size rounded down to whole
 * cylinders.  QEMU writes the largest geometry, as a mark that the size counts.
 */
static void set_creator(const char *path, const char *creator)
{
	const unsigned heads = 16, sectors = 31; /* for a disk of about 200 MiB */
	unsigned cylinders;
	uint8_t size[8];

	file_read(path, (uint64_t)size_of(path) - FOOTER_SIZE + FOOTER_SIZE_OF_DISK, size,
		  sizeof(size));
	cylinders = (unsigned)(load_be64(size) / (512 * heads * sectors));
	for (unsigned i = 0; i < 4; i++)
		container_change_vhd_footer(path, FOOTER_CREATOR + i, (uint8_t)creator[i]);
	container_change_vhd_footer(path, FOOTER_GEOMETRY, (uint8_t)(cylinders >> 8));
	container_change_vhd_footer(path, FOOTER_GEOMETRY + 1, (uint8_t)cylinders);
	container_change_vhd_footer(path, FOOTER_GEOMETRY + 2, (uint8_t)heads);
	container_change_vhd_footer(path, FOOTER_GEOMETRY + 3, (uint8_t)sectors);
}

/* No block is allocated yet, so only the header and the length of the table change. */
static void make_blocks_smaller(const char *path, uint64_t disk_size)
{
	const uint32_t block_size = 512 << 10;
	uint8_t footer[FOOTER_SIZE], header[HEADER_SIZE], table[2048];

	ck_assert_uint_le(disk_size / block_size * 4, sizeof(table));
	file_read(path, 0, footer, sizeof(footer));
	file_read(path, HEADER_START, header, sizeof(header));
	store_be32(header + HEADER_TABLE_ENTRIES, (uint32_t)(disk_size / block_size));
	store_be32(header + HEADER_BLOCK_SIZE, block_size);
	container_seal_vhd(header, sizeof(header), HEADER_CHECKSUM);
	memset(table, 0xff, sizeof(table)); /* no block is allocated */
	file_write(path, HEADER_START, header, sizeof(header));
	file_write(path, TABLE_START, table, sizeof(table));
	file_write(path, TABLE_START + sizeof(table), footer, sizeof(footer));
}

const char *container_make_vhd_with_small_blocks(const char *raw)
{
	const char *path = text("%s/disk.vhd", test_folder());
	unsigned long long disk_size = (unsigned long long)size_of(raw);

	free(image_run(0, "qemu-img create -q -f vpc -o force_size=on %s %llu", path, disk_size));
	make_blocks_smaller(path, disk_size);
	free(image_run(0, "qemu-img convert -n -f raw -O vpc %s %s", raw, path));
	return path;
}

/* ---- VHDX ----------------------------------------------------------------------------------- */

/* [MS-VHDX] 2.2.2 and 2.3.  The places of the log and of the table are QEMU's choice. */
enum {
	VHDX_HEADERS = 65536, /* there are two headers, at 64 KiB and 128 KiB */
	VHDX_HEADER_SIZE = 4096,
	VHDX_CHECKSUM = 4,
	VHDX_LOG_GUID = 48, /* in a header */
	VHDX_LOG = 1 << 20,
	VHDX_ENTRY_GUID = 32, /* in an entry of the log */
	VHDX_TABLE = 2 << 20,
	VHDX_PAGE = 4096, /* unit of the data in the log */
};

static void set_log_guid(const char *path, const uint8_t guid[16])
{
	for (uint64_t place = VHDX_HEADERS; place <= 2 * VHDX_HEADERS; place += VHDX_HEADERS) {
		uint8_t header[VHDX_HEADER_SIZE];

		file_read(path, place, header, sizeof(header));
		memcpy(header + VHDX_LOG_GUID, guid, 16);
		store_le32(header + VHDX_CHECKSUM, 0);
		store_le32(header + VHDX_CHECKSUM, crc32c(0, header, sizeof(header)));
		file_write(path, place, header, sizeof(header));
	}
}

const char *container_make_vhdx_with_log(const char *raw, unsigned long long offset)
{
	const char *path = container_make(&vhdx, raw);
	uint8_t page[VHDX_PAGE], guid[16];

	file_read(path, VHDX_TABLE, page, sizeof(page));
	/* QEMU flushes its log at once, and leaves the entry in the log. */
	free(image_run(134, "ulimit -c 0; qemu-io -f vhdx -c 'write -P 0x5a %llu 64k' -c abort %s",
		       offset, path));
	file_write(path, VHDX_TABLE, page, sizeof(page));
	file_read(path, VHDX_LOG + VHDX_ENTRY_GUID, guid, sizeof(guid));
	set_log_guid(path, guid);
	free(image_run(1, "qemu-img info %s", path)); /* it may not write, so it refuses */
	return path;
}

/* ---- all of them ---------------------------------------------------------------------------- */

const char *container_make(const struct container_kind *kind, const char *raw)
{
	const char *folder = test_folder();
	const char *path = text("%s/disk.%s", folder, kind->format);

	/* In a folder, because in some formats one file names another file. */
	free(image_run(0,
		       "cd %s && mkdir new && "
		       "qemu-img convert -f raw -O %s %s %s new/disk.%s && "
		       "cp --sparse=always new/* . && rm -r new",
		       folder, kind->driver, kind->options, raw, kind->format));
	if (kind->creator)
		set_creator(path, kind->creator);
	return path;
}

void container_assert_holds(const char *path, const struct container_kind *kind, const char *raw,
			    unsigned long long length)
{
	bool is_vhd = strcmp(kind->driver, "vpc") == 0;
	const char *prefix = length > 0 ? "file." : "";
	const char *window = length > 0 ? text("driver=raw,size=%llu,", length) : "";
	/* For VHDs of some creators, QEMU takes the size of the disk from the geometry. */
	const char *size = is_vhd ? text("%sforce_size_calc=current_size,", prefix) : "";
	const char *disk = text("%s%sdriver=%s,%s%sfile.filename=%s", window, prefix, kind->driver,
				size, prefix, path);

	free(image_run(0, "qemu-img compare --image-opts driver=raw,file.filename=%s %s", raw,
		       disk));
}

void container_check(const char *path, const struct container_kind *kind)
{
	if (kind->can_check)
		free(image_run(0, "qemu-img check -f %s %s", kind->driver, path));
}
