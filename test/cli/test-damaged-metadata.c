/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damage in the metadata of a volume.  Some damage shows only when a fix is rehearsed.  bootshift
 * refuses the image as damaged, and never reports the damage as a bug of bootshift.
 */
#include <stdlib.h>

#include "cli/samples.h"
#include "support/report.h"
#include "util/bytes.h"

#define RECORD_SIZE 1024u
#define BLOCK_SIZE  4096u

/* A volume of the image in memory, and the changed part. */
struct volume_bytes {
	const char *image;
	uint64_t start, size;
	uint8_t *bytes;
};

static struct volume_bytes read_volume(const char *image, uint64_t start, uint64_t size)
{
	struct volume_bytes volume = {image, start, size, malloc(size)};

	ck_assert_ptr_nonnull(volume.bytes);
	file_read(image, start, volume.bytes, size);
	return volume;
}

/* Flips bits of one byte of the image; `place` points into the volume's bytes. */
static void flip(const struct volume_bytes *volume, const uint8_t *place, uint8_t bits)
{
	uint8_t byte = *place ^ bits;

	file_write(volume->image, volume->start + (uint64_t)(place - volume->bytes), &byte, 1);
}

/* Finds an ASCII name, stored as UTF-16, in a record or a block; NULL if it is not there. */
static uint8_t *find_name(uint8_t *bytes, size_t length, const char *name)
{
	size_t characters = strlen(name);

	for (size_t i = 0; i + 2 * characters <= length; i++) {
		size_t same = 0;

		while (same < characters && bytes[i + 2 * same] == (uint8_t)name[same] &&
		       bytes[i + 2 * same + 1] == 0)
			same++;
		if (same == characters)
			return bytes + i;
	}
	return NULL;
}

/* The file record that is in use and has the name. */
static uint8_t *find_record(const struct volume_bytes *volume, const char *name)
{
	for (uint64_t at = 0; at + RECORD_SIZE <= volume->size; at += RECORD_SIZE) {
		uint8_t *record = volume->bytes + at;

		if (memcmp(record, "FILE", 4) == 0 && (record[0x16] & 1) &&
		    find_name(record, RECORD_SIZE, name) != NULL)
			return record;
	}
	ck_abort_msg("no record of %s", name);
}

/* The first attribute of a type in a record ([NTFS] attributes begin with type and length). */
static uint8_t *find_attribute(uint8_t *record, uint32_t type)
{
	uint32_t at = load_le16(record + 0x14);

	while (at + 8 <= RECORD_SIZE && load_le32(record + at) != 0xFFFFFFFF) {
		if (load_le32(record + at) == type)
			return record + at;
		ck_assert_uint_gt(load_le32(record + at + 4), 0);
		at += load_le32(record + at + 4);
	}
	ck_abort_msg("no attribute %x", type);
}

/* ---- the damages --------------------------------------------------------------------------- */

typedef void damage(const struct volume_bytes *system, const struct volume_bytes *boot);

/* Gives the content attribute of a boot file an unknown type, so that the file has no content. */
static void lose_content(const struct volume_bytes *system, const struct volume_bytes *boot)
{
	(void)boot;
	flip(system, find_attribute(find_record(system, "memtest.exe"), 0x80) + 3, 1);
}

/* Makes the name in a boot file's record differ from the name in its folder. */
static void rename_record(const struct volume_bytes *system, const struct volume_bytes *boot)
{
	(void)boot;
	flip(system, find_name(find_record(system, "memtest.exe"), RECORD_SIZE, "memtest.exe"), 1);
}

#define HEADER_SIZE 20u /* of a security descriptor: hash, id, offset (8 bytes), length */

/* The block with the first descriptors: the ids begin with 0x100, at offset 0 of the stream. */
static const uint8_t *find_descriptors(const struct volume_bytes *volume)
{
	for (uint64_t at = 0; at + BLOCK_SIZE <= volume->size; at += BLOCK_SIZE)
		if (load_le32(volume->bytes + at + 4) == 0x100 &&
		    load_le64(volume->bytes + at + 8) == 0)
			return volume->bytes + at;
	ck_abort_msg("no security descriptors");
}

/*
 * $SII leads from the id of a descriptor to its place: an entry has the id as its key, and the
 * descriptor's header, which begins with hash and id, as its value.  The keys become others.
 */
static void mislead_descriptors(const struct volume_bytes *system, const struct volume_bytes *boot)
{
	const uint8_t *block = find_descriptors(boot);
	uint32_t entry = 0;
	unsigned spoilt = 0;

	(void)system;
	while (entry + HEADER_SIZE < BLOCK_SIZE && load_le32(block + entry + 16) > HEADER_SIZE) {
		for (uint64_t at = 4; at + 12 <= boot->size; at += 4) {
			const uint8_t *key = boot->bytes + at;

			/* In $SDH, the index by hashes, the hash stands before the id. */
			if (load_le32(key) == load_le32(block + entry + 4) &&
			    load_le64(key + 4) == load_le64(block + entry) &&
			    load_le32(key - 4) != load_le32(block + entry)) {
				flip(boot, key + 2, 0xFF);
				spoilt++;
			}
		}
		entry += (load_le32(block + entry + 16) + 15) / 16 * 16;
	}
	ck_assert_uint_gt(spoilt, 2);
}

/* A record that the accounting reads does not hold together: the last bytes of its first sector. */
static void tear_record(const struct volume_bytes *system, const struct volume_bytes *boot)
{
	(void)system;
	flip(boot, find_record(boot, "$ObjId") + 510, 0xFF);
}

static void lose_mark_of_record(const struct volume_bytes *system, const struct volume_bytes *boot)
{
	(void)boot;
	flip(system, find_record(system, "memtest.exe"), 0xFF);
}

static const struct {
	damage *spoil;
	bool seen_at_once; /* an inspection already finds the damage */
} damages[] = {
	{lose_content, true}, {rename_record, false},      {mislead_descriptors, false},
	{tear_record, false}, {lose_mark_of_record, true},
};

#define DAMAGES ((int)(sizeof(damages) / sizeof(damages[0])))

TEST_CASE(damaged_metadata, "damages");
TEST_CASE(all_damages, "all damages", .tags = "slow");

TEST_LOOP(damaged_metadata, a_damaged_volume_is_refused_whenever_the_damage_shows, 0, 1)
{
	const char *image = small_image();
	struct volume_bytes system = read_volume(image, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE);
	struct volume_bytes boot = read_volume(image, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	struct outcome outcome;
	struct image_state before;
	json_t *findings;

	damages[_i].spoil(&system, &boot);
	before = state_take(image);
	outcome = BOOTSHIFT("plan", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(ntfs-damaged); ");
	ASSERT_HAS(outcome.errors, "chkdsk");
	if (damages[_i].seen_at_once)
		report_run("inspect", image, 3, "refused", "ntfs-damaged");
	/* The reason is also among the findings, and no fix is said to apply. */
	findings =
		report_object(report_object(report_run("plan", image, 3, "refused", "ntfs-damaged"),
					    "inspection"),
			      "findings");
	ck_assert_uint_gt(json_array_size(findings), 0);
	state_assert_untouched(image, &before);
	outcome = BOOTSHIFT("fix", image);
	ASSERT_STATUS(outcome, 3);
	image_assert_same(image, &before.digest);
	free(system.bytes);
	free(boot.bytes);
}

TEST_ALSO(all_damages, a_damaged_volume_is_refused_whenever_the_damage_shows, 1, DAMAGES);
