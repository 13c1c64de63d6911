/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Containers: the decision about the format, headers, tables, and references to other files. */
#include <string.h>

#include "format/format.h"
#include "format/vhd.h"
#include "fuzz/fuzz.h"
#include "fuzz/patches.h"
#include "util/bytes.h"
#include "util/crc32c.h"

#define MIB      (1u << 20)
#define MEND_MAX 65536u /* bytes; the longest structure with a checksum */

static void reference_take(void *context, enum reference_kind kind, const char *text)
{
	(void)context;
	FUZZ_CHECK((unsigned)kind <= REFERENCE_PART && text[0] != '\0');
}

/* What must hold for a container whose format was detected, or forced. */
static void format_verify(struct disk *container, const struct format *format)
{
	struct bs_error err = {.code = BS_OK};

	FUZZ_CHECK(format->name && format->driver);
	FUZZ_CHECK(strnlen(format->extent, sizeof(format->extent)) < sizeof(format->extent));
	FUZZ_CHECK(format->disk_size % SECTOR_SIZE == 0);
	if (format_access_is_elsewhere(format->access)) {
		FUZZ_CHECK(format->extent[0] != '\0' && !strchr(format->extent, '/'));
		return;
	}
	if (format_check_tables(container, format, &err) < 0)
		FUZZ_CHECK(err.code == BS_CONTAINER_CORRUPT || err.code == BS_FORMAT_UNSUPPORTED ||
			   err.code == BS_NO_MEMORY);
	else if (format->access == FORMAT_DIRECT)
		FUZZ_CHECK(range_within(format->offset, format->length, disk_size(container)));
}

static void container_check(struct disk *container, const char *name)
{
	static const struct reference_taker taker = {.take = reference_take};
	struct format format = {0}, again = {0};
	struct bs_error err = {.code = BS_OK}, other = {.code = BS_OK};
	bool marked = false;
	int result = format_detect(container, NULL, &format, &err);

	FUZZ_CHECK(format_detect(container, NULL, &again, &other) == result);
	FUZZ_CHECK(err.code == other.code && strcmp(err.message, other.message) == 0);
	if (result == 0) {
		FUZZ_CHECK(format.name == again.name && format.offset == again.offset &&
			   format.length == again.length && format.disk_size == again.disk_size);
		format_verify(container, &format);
		FUZZ_CHECK(format_recognise(container, &marked, &err) == 0);
		FUZZ_CHECK(marked || strcmp(format.name, "raw") == 0);
	}
	FUZZ_CHECK(format_refer(container, &taker, &err) == 0 || err.code == BS_NO_MEMORY);
	if (result == 0 && strcmp(format.name, name) == 0)
		return; /* forcing the same format gives the same */
	if (format_detect(container, name, &format, &err) == 0) {
		FUZZ_CHECK(strcmp(format.name, name) == 0);
		format_verify(container, &format);
	}
}

/* ---- checksums ----------------------------------------------------------------------------- */

/* Sets the checksum of a part.  Does nothing if it is right. */
static void mend_add(struct patches *patches, uint64_t offset, const uint8_t checksum[4])
{
	uint8_t now[4];

	patches_read(patches, offset, now, sizeof(now));
	if (memcmp(now, checksum, sizeof(now)) != 0)
		patches_add(patches, offset, checksum, sizeof(now));
}

static void vhd_mend_part(struct patches *patches, uint64_t offset, size_t length, size_t field)
{
	uint8_t bytes[VHD_DYNAMIC_HEADER_SIZE];
	uint32_t sum = 0;

	if (!range_within(offset, length, disk_size(&patches->disk)))
		return;
	patches_read(patches, offset, bytes, length);
	memset(bytes + field, 0, 4);
	for (size_t i = 0; i < length; i++)
		sum += bytes[i];
	store_be32(bytes, ~sum);
	mend_add(patches, offset + field, bytes);
}

/* The footer at the end, its copy at the start, and the dynamic header that the footer names. */
static void vhd_mend(struct patches *patches)
{
	uint64_t size = disk_size(&patches->disk);
	uint8_t field[8];

	if (size < VHD_FOOTER_SIZE)
		return;
	patches_read(patches, size - VHD_FOOTER_SIZE + 16, field, sizeof(field));
	vhd_mend_part(patches, size - VHD_FOOTER_SIZE, VHD_FOOTER_SIZE, 64);
	vhd_mend_part(patches, 0, VHD_FOOTER_SIZE, 64);
	vhd_mend_part(patches, load_be64(field), VHD_DYNAMIC_HEADER_SIZE, 36);
}

/* Both headers and both region tables ([MS-VHDX] 2.2). */
static void vhdx_mend(struct patches *patches)
{
	static const struct {
		uint32_t offset, length;
	} parts[] = {{64 << 10, 4096}, {128 << 10, 4096}, {192 << 10, 65536}, {256 << 10, 65536}};
	static uint8_t bytes[MEND_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint8_t checksum[4];

		patches_read(patches, parts[i].offset, bytes, parts[i].length);
		memset(bytes + 4, 0, 4);
		store_le32(checksum, crc32c(0, bytes, parts[i].length));
		mend_add(patches, parts[i].offset + 4, checksum);
	}
}

/* ---- the targets --------------------------------------------------------------------------- */

/*
 * `most`: bytes of the file.  It is enough for each structure of the format; longer tables take longer
 * and show no more.
 */
static void container_run(const uint8_t *bytes, size_t size, const char *name, uint64_t most,
			  void (*mend)(struct patches *patches))
{
	static struct patches patches;

	if (!patches_open(&patches, bytes, size, most, NULL, 0))
		return;
	container_check(&patches.disk, name);
	if (!mend)
		return;
	mend(&patches);
	if (patches.added > 0)
		container_check(&patches.disk, name);
}

void fuzz_vhd(const uint8_t *bytes, size_t size)
{
	container_run(bytes, size, "vhd", 3 * MIB, vhd_mend);
}

void fuzz_vhdx(const uint8_t *bytes, size_t size)
{
	container_run(bytes, size, "vhdx", 10 * MIB, vhdx_mend);
}

void fuzz_qcow2(const uint8_t *bytes, size_t size)
{
	container_run(bytes, size, "qcow2", MIB, NULL);
}

void fuzz_vmdk(const uint8_t *bytes, size_t size)
{
	container_run(bytes, size, "vmdk", MIB, NULL);
}

void fuzz_vdi(const uint8_t *bytes, size_t size)
{
	container_run(bytes, size, "vdi", 3 * MIB, NULL);
}

/* Archives and compressed files, which are refused with a list of the disks in them. */
void fuzz_packed(const uint8_t *bytes, size_t size)
{
	container_run(bytes, size, "raw", MIB / 4, NULL);
}
