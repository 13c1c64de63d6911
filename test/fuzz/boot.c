/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guest has on its disk, without the file system: the files of src/boot. */
#include <stdlib.h>
#include <string.h>

#include "boot/bcd.h"
#include "boot/boot-ini.h"
#include "boot/regf.h"
#include "boot/vbr.h"
#include "fuzz/fuzz.h"
#include "util/bytes.h"

#define LOOKUPS_MAX 64u /* elements whose file is looked up; each look-up visits all elements */

void fuzz_mbr(const uint8_t *bytes, size_t size)
{
	uint8_t sector[SECTOR_SIZE] = {0};
	struct mbr mbr, again;

	memcpy(sector, bytes, min_u64(size, sizeof(sector)));
	(void)mbr_code_reads(bytes, size);
	for (unsigned i = 0; i < 2; i++) {
		if (mbr_parse(sector, &mbr)) {
			FUZZ_CHECK(mbr_code_text(mbr.code) != NULL);
			FUZZ_CHECK(mbr.disk_signature == load_le32(sector + MBR_CODE_SIZE));
			FUZZ_CHECK(mbr_parse(sector, &again));
			FUZZ_CHECK(mbr.code == again.code);
			for (unsigned entry = 0; entry < MBR_ENTRIES; entry++)
				FUZZ_CHECK(mbr.entries[entry].flag ==
					   sector[MBR_FLAG_OFFSET(entry)]);
		} else {
			FUZZ_CHECK(load_le16(sector + 510) != 0xAA55);
		}
		store_le16(sector + 510, 0xAA55);
	}
}

/* What must hold for a record. */
static void vbr_check(const uint8_t *record, struct vbr *vbr)
{
	uint64_t offsets[VBR_COPIES_MAX];
	uint64_t partition = 100 << 20;
	size_t count;

	memset(vbr, 0, sizeof(*vbr));
	vbr_parse(record, vbr);
	FUZZ_CHECK((unsigned)vbr->kind < VBR_KIND_COUNT);
	FUZZ_CHECK(vbr_kind_text(vbr->kind) != NULL);
	if (vbr->kind != VBR_BOOTMGR && vbr->kind != VBR_NTLDR && vbr->kind != VBR_OTHER)
		return;
	(void)vbr_sector_misfit(vbr);
	(void)vbr_misfit(vbr);
	count = vbr_copy_offsets(vbr, partition, offsets);
	FUZZ_CHECK(count >= 1 && count <= VBR_COPIES_MAX);
	for (size_t i = 0; i < count; i++)
		FUZZ_CHECK(range_within(offsets[i], SECTOR_SIZE, partition) &&
			   offsets[i] % SECTOR_SIZE == 0);
}

/* The input is a record, and a second record whose code is put into the first one. */
void fuzz_vbr(const uint8_t *bytes, size_t size)
{
	uint8_t record[VBR_SIZE] = {0}, donor[VBR_SIZE] = {0}, before[SECTOR_SIZE];
	struct vbr vbr, given, result;

	memcpy(record, bytes, size / 2);
	memcpy(donor, bytes + size / 2, size - size / 2);
	vbr_check(record, &vbr);
	vbr_check(donor, &given);
	memcpy(before, record, sizeof(before));
	vbr_transplant(record, donor, 83968);
	FUZZ_CHECK(load_le32(record + VBR_HIDDEN_SECTORS_OFFSET) == 83968);
	FUZZ_CHECK(memcmp(record + 0x24, before + 0x24, 0x54 - 0x24) == 0);
	vbr_parse(record, &result);
	if (vbr.kind == VBR_OTHER && given.kind == VBR_BOOTMGR)
		FUZZ_CHECK(result.kind == VBR_BOOTMGR && result.sectors == vbr.sectors &&
			   result.cluster_size == vbr.cluster_size &&
			   result.bytes_per_sector == vbr.bytes_per_sector);
}

/* ---- the BCD ------------------------------------------------------------------------------- */

/* A device that is retargeted in place is the same device, but for the offset of its partition. */
static void element_check(const struct bcd *bcd, const struct bcd_element *element)
{
	struct bcd_device device, moved;
	struct bcd changed = *bcd;
	uint8_t *copy;

	bcd_device(bcd, element, &device);
	FUZZ_CHECK(strnlen(device.path, sizeof(device.path)) < sizeof(device.path));
	if (device.kind != BCD_DEVICE_PARTITION)
		return;
	FUZZ_CHECK(device.field_offset >= element->offset &&
		   range_within(device.field_offset, 8, element->offset + element->size));
	FUZZ_CHECK(load_le64(bcd->bytes + device.field_offset) == device.partition_offset);
	copy = malloc(bcd->size);
	if (!copy)
		return;
	memcpy(copy, bcd->bytes, bcd->size);
	store_le64(copy + device.field_offset, 0x2900000);
	changed.bytes = copy;
	bcd_device(&changed, element, &moved);
	FUZZ_CHECK(moved.partition_offset == 0x2900000 && moved.kind == device.kind &&
		   moved.file == device.file && moved.disk_signature == device.disk_signature &&
		   moved.field_offset == device.field_offset &&
		   strcmp(moved.path, device.path) == 0);
	free(copy);
}

void fuzz_element(const uint8_t *bytes, size_t size)
{
	struct bcd_element element = {
		.object = BCD_BOOTMGR, .id = BCD_DEVICE, .size = (uint32_t)size};
	const struct bcd bcd = {
		.bytes = bytes, .size = size, .elements = &element, .count = size > 0};
	struct bcd_device device;
	char text[64];

	element_check(&bcd, &element);
	bcd_device(&bcd, &element, &device);
	bcd_device_file(&bcd, &element, &device, text, sizeof(text));
	bcd_text(&bcd, &element, text, sizeof(text));
	FUZZ_CHECK(strnlen(text, sizeof(text)) < sizeof(text));
	for (size_t i = 0; bcd_list_text(&bcd, &element, i, text, sizeof(text)); i++)
		FUZZ_CHECK(i < size && strnlen(text, sizeof(text)) < sizeof(text));
}

static void bcd_check(const uint8_t *bytes, size_t size)
{
	struct bs_error err = {.code = BS_OK};
	char path[BS_PATH_MAX], object[40];
	struct bcd bcd;

	if (bcd_parse(bytes, size, &bcd, &err) < 0) {
		FUZZ_CHECK(err.code == BS_BCD_DAMAGED && err.message[0] != '\0');
		bcd_free(&bcd);
		return;
	}
	(void)bcd_default_object(&bcd, object);
	for (size_t i = 0; i < min_u64(bcd.count, LOOKUPS_MAX); i++) {
		const struct bcd_element *element = &bcd.elements[i];
		struct bcd_device device;

		FUZZ_CHECK(range_within(element->offset, element->size, size));
		FUZZ_CHECK(strnlen(element->object, sizeof(element->object)) <
			   sizeof(element->object));
		FUZZ_CHECK(bcd_find(&bcd, element->object, element->id) != NULL);
		(void)bcd_application(element);
		bcd_text(&bcd, element, path, sizeof(path));
		(void)bcd_list_text(&bcd, element, 1, path, sizeof(path));
		bcd_device(&bcd, element, &device);
		bcd_device_file(&bcd, element, &device, path, sizeof(path));
		element_check(&bcd, element);
	}
	bcd_free(&bcd);
}

/* The checksum of a base block covers its first 508 bytes (regf.h has the specification). */
static void base_block_mend(uint8_t *bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < 508; i += 4)
		sum ^= load_le32(bytes + i);
	store_le32(bytes + 508, sum == 0 ? 1 : sum == UINT32_MAX ? UINT32_MAX - 1 : sum);
}

void fuzz_bcd(const uint8_t *bytes, size_t size)
{
	uint8_t *copy;

	bcd_check(bytes, size);
	if (size < SECTOR_SIZE || regf_is_base_block(bytes))
		return;
	copy = malloc(size);
	if (!copy)
		return;
	memcpy(copy, bytes, size);
	memcpy(copy, "regf", 4);
	base_block_mend(copy);
	FUZZ_CHECK(regf_is_base_block(copy));
	bcd_check(copy, size);
	free(copy);
}

/* Sets the hashes of all entries of a log. */
static void log_mend(uint8_t *log, size_t size)
{
	size_t offset = SECTOR_SIZE, length;

	base_block_mend(log);
	for (; range_within(offset, 40, size); offset += length) {
		length = load_le32(log + offset + 4);
		if (length < 40 || !range_within(offset, length, size))
			return;
		store_le64(log + offset + 24, regf_log_hash(log + offset + 40, length - 40));
		store_le64(log + offset + 32, regf_log_hash(log + offset, 32));
	}
}

/* The input is the hive's sequence number, and the log. */
void fuzz_log(const uint8_t *bytes, size_t size)
{
	uint32_t sequence;
	uint8_t *copy;

	if (size < 4 + SECTOR_SIZE)
		return;
	sequence = load_le32(bytes);
	size -= 4;
	copy = malloc(size); /* so that the sanitizer sees the log's end */
	if (!copy)
		return;
	memcpy(copy, bytes + 4, size);
	(void)regf_log_is_newer(copy, size, sequence);
	log_mend(copy, size);
	/* A log whose first entry is not valid holds nothing. */
	if (regf_log_is_newer(copy, size, sequence))
		FUZZ_CHECK(size >= SECTOR_SIZE + 40 && memcmp(copy + SECTOR_SIZE, "HvLE", 4) == 0);
	free(copy);
}

void fuzz_boot_ini(const uint8_t *bytes, size_t size)
{
	struct bs_error err = {.code = BS_OK};
	struct boot_ini ini;

	if (boot_ini_parse(bytes, size, &ini, &err) < 0) {
		FUZZ_CHECK(err.code == BS_LEGACY_UNSUPPORTED && err.message[0] != '\0');
		return;
	}
	FUZZ_CHECK(ini.count <= BOOT_INI_CHOICES_MAX);
	for (uint32_t i = 0; i < ini.count; i++) {
		const struct boot_ini_choice *choice = &ini.choices[i];

		FUZZ_CHECK((unsigned)choice->kind <= BOOT_INI_OTHER);
		FUZZ_CHECK(strnlen(choice->text, sizeof(choice->text)) < sizeof(choice->text));
		if (choice->kind != BOOT_INI_FILE)
			continue;
		FUZZ_CHECK(choice->path[0] == '\\');
		FUZZ_CHECK(strnlen(choice->path, sizeof(choice->path)) < sizeof(choice->path));
		for (const char *c = choice->path; *c; c++)
			FUZZ_CHECK((*c & 0x80) == 0);
	}
}
