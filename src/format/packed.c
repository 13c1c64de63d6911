/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "format/packed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "disk/cache.h"
#include "format/codec.h"
#include "util/bytes.h"
#include "util/size.h"

/* At most so many files of an archive are looked at.  Those that hold a disk have a few. */
#define MEMBERS_MAX 4096u
#define NAMED_MAX   3u

/* Bytes.  A file without the name of an image can be one if it is as large as this.  No Windows
 * that bootshift can fix fits on a smaller disk. */
#define UNNAMED_DISK_MIN (64u << 20)

#define MEMBER_NAME_MAX 255

/* What is in an archive. */
struct contents {
	char named[320];      /* those that can be disks, with their sizes */
	unsigned named_count; /* at most NAMED_MAX */
	unsigned disks, members;
};

/* ---- names --------------------------------------------------------------------------------- */

#define ENDINGS(id, driver, title, ...) __VA_ARGS__,
static const char *const image_endings[] = {BS_FORMATS(ENDINGS) ".bin", ".ima", ".qed", ".hdd"};
#undef ENDINGS
static const char *const packed_endings[] = {".gz",  ".tgz", ".xz", ".txz", ".zst",
					     ".bz2", ".zip", ".7z", ".tar", ".ova"};

static bool packed_has_ending(const char *name, const char *const *endings, size_t count)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < count; i++) {
		size_t ending = strlen(endings[i]);

		if (length > ending && strcasecmp(name + length - ending, endings[i]) == 0)
			return true;
	}
	return false;
}

/* Whether a file can hold a disk, by its name and its size in bytes. */
static bool packed_may_be_disk(const char *name, uint64_t size)
{
	size_t images = sizeof(image_endings) / sizeof(image_endings[0]);
	size_t packed = sizeof(packed_endings) / sizeof(packed_endings[0]);

	return size >= UNNAMED_DISK_MIN ||
	       (size != 0 && (packed_has_ending(name, image_endings, images) ||
			      packed_has_ending(name, packed_endings, packed)));
}

static void contents_add(struct contents *contents, const char *name, uint64_t size)
{
	size_t length = strlen(contents->named);

	contents->members++;
	if (!packed_may_be_disk(name, size))
		return;
	contents->disks++;
	if (contents->named_count == NAMED_MAX)
		return;
	contents->named_count++;
	snprintf(contents->named + length, sizeof(contents->named) - length, "%s%.80s (%s)",
		 length == 0 ? "" : ", ", name, size_format(size).text);
}

static int contents_tell(const struct contents *contents, enum bs_code code, const char *what,
			 struct bs_error *err)
{
	unsigned more = contents->members - contents->named_count;
	char others[48] = "";

	if (contents->members == 0)
		return fail(err, BS_HOLDS_NO_DISK, "is %s without any file in it", what);
	if (contents->disks == 0)
		return fail(
			err, BS_HOLDS_NO_DISK,
			"is %s, but none of the files in it (%u) can be the image of a disk, by "
			"their names and sizes",
			what, contents->members);
	if (more != 0)
		snprintf(others, sizeof(others), " and %u more file%s", more, more == 1 ? "" : "s");
	return fail(err, code, "is %s; in it: %s%s", what, contents->named, others);
}

static int packed_fail(const char *what, const char *why, struct bs_error *err)
{
	return fail(err, BS_CONTAINER_CORRUPT, "is %s, but %s: it is damaged, or it was cut short",
		    what, why);
}

/* ---- zip ----------------------------------------------------------------------------------- */

#define ZIP_END_SIZE       22u
#define ZIP_COMMENT_MAX    65535u
#define ZIP_LOCATOR_SIZE   20u
#define ZIP64_END_SIZE     56u
#define ZIP_ENTRY_SIZE     46u
#define ZIP_LIST_MAX       (4u << 20) /* bytes; the list of 4096 files is shorter */
#define ZIP64_EXTRA        1u         /* the extra field with the sizes that need 64 bits */
#define ZIP_IN_ZIP64_EXTRA UINT32_MAX

/* The list of files, which is at the end of a zip. */
struct zip_list {
	uint64_t offset, size; /* bytes */
};

/* Replaces the list by the one of a zip64, if there is one; `end` is where the short one ends. */
static int zip_read_long_end(struct disk *container, uint64_t end, struct zip_list *list,
			     struct bs_error *err)
{
	uint8_t locator[ZIP_LOCATOR_SIZE], bytes[ZIP64_END_SIZE];
	uint64_t offset;

	if (end < sizeof(locator))
		return 0;
	if (disk_read(container, end - sizeof(locator), locator, sizeof(locator), err) < 0)
		return -1;
	offset = load_le64(locator + 8);
	if (memcmp(locator, "PK\x06\x07", 4) != 0 ||
	    !range_within(offset, sizeof(bytes), disk_size(container)))
		return 0;
	if (disk_read(container, offset, bytes, sizeof(bytes), err) < 0)
		return -1;
	if (memcmp(bytes, "PK\x06\x06", 4) == 0)
		*list = (struct zip_list){load_le64(bytes + 48), load_le64(bytes + 40)};
	return 0;
}

/* Finds the list by the record at the end, which is followed only by a comment. */
static int zip_find_list(struct disk *container, struct zip_list *list, bool *found,
			 struct bs_error *err)
{
	uint64_t size = disk_size(container);
	uint64_t start = size - min_u64(size, ZIP_END_SIZE + ZIP_COMMENT_MAX);
	uint8_t *bytes = NULL;
	size_t length;
	int result = codec_read(container, start, size - start, &bytes, &length, err);

	*found = false;
	for (size_t i = length; result == 0 && !*found && i >= ZIP_END_SIZE; i--) {
		const uint8_t *record = bytes + i - ZIP_END_SIZE;

		*found = memcmp(record, "PK\x05\x06", 4) == 0 &&
			 load_le16(record + 20) == length - i;
		if (!*found)
			continue;
		*list = (struct zip_list){load_le32(record + 16), load_le32(record + 12)};
		result = zip_read_long_end(container, start + i - ZIP_END_SIZE, list, err);
	}
	free(bytes);
	*found = *found && list->size != 0 && range_within(list->offset, list->size, size);
	return result;
}

/* The size of a file, which may be in an extra field of its entry. */
static uint64_t zip_file_size(const uint8_t *entry, const uint8_t *extra, size_t length)
{
	uint32_t size = load_le32(entry + 24);

	for (size_t at = 0; size == ZIP_IN_ZIP64_EXTRA && at + 12 <= length;
	     at += 4 + (size_t)load_le16(extra + at + 2))
		if (load_le16(extra + at) == ZIP64_EXTRA)
			return load_le64(extra + at + 4);
	return size;
}

/* Adds the files of a list; returns false if the list is damaged. */
static bool zip_add_files(const uint8_t *list, size_t length, struct contents *contents)
{
	size_t at = 0;

	while (at < length && contents->members < MEMBERS_MAX) {
		const uint8_t *entry = list + at;
		size_t name_length, extra_length, rest;
		char name[MEMBER_NAME_MAX + 1];

		if (length - at < ZIP_ENTRY_SIZE || memcmp(entry, "PK\x01\x02", 4) != 0)
			return false;
		name_length = load_le16(entry + 28);
		extra_length = load_le16(entry + 30);
		rest = name_length + extra_length + load_le16(entry + 32);
		if (rest > length - at - ZIP_ENTRY_SIZE)
			return false;
		snprintf(name, sizeof(name), "%.*s", (int)name_length,
			 (const char *)entry + ZIP_ENTRY_SIZE);
		if (name_length > 0 &&
		    entry[ZIP_ENTRY_SIZE + name_length - 1] != '/') /* a folder */
			contents_add(contents, name,
				     zip_file_size(entry, entry + ZIP_ENTRY_SIZE + name_length,
						   extra_length));
		at += ZIP_ENTRY_SIZE + rest;
	}
	return true;
}

static int zip_list_files(struct disk *container, const char *what, struct contents *contents,
			  struct bs_error *err)
{
	struct zip_list list = {0};
	uint8_t *bytes = NULL;
	size_t length;
	bool found, good = false;
	int result = zip_find_list(container, &list, &found, err);

	if (result == 0 && found) {
		result = codec_read(container, list.offset, min_u64(list.size, ZIP_LIST_MAX),
				    &bytes, &length, err);
		good = result == 0 &&
		       (zip_add_files(bytes, length, contents) || list.size > ZIP_LIST_MAX);
		free(bytes);
	}
	return result < 0 || good ? result : packed_fail(what, "has no list of its files", err);
}

/* ---- tar ----------------------------------------------------------------------------------- */

#define TAR_BLOCK       512u
#define TAR_NAME        100u
#define TAR_SIZE        124u
#define TAR_CHECKSUM    148u
#define TAR_TYPE        156u
#define TAR_PREFIX      345u
#define TAR_PREFIX_SIZE 155u
/* GNU's sparse files: the size of the file itself, and whether a block with holes follows. */
#define TAR_REAL_SIZE  483u
#define TAR_HAS_MORE   482u
#define TAR_MORE_AGAIN 504u

/* A number in octal digits, or, if its first bit is set, the number itself (GNU). */
static uint64_t tar_number(const uint8_t *field, size_t length)
{
	uint64_t number = 0;
	bool binary = field[0] & 0x80;

	for (size_t i = binary ? length - 8 : 0; i < length; i++) {
		if (binary)
			number = number << 8 | field[i];
		else if (field[i] >= '0' && field[i] <= '7')
			number = number << 3 | (uint64_t)(field[i] - '0');
	}
	return number;
}

/* The checksum is that of the block with blanks in the place of the checksum. */
static bool tar_is_header(const uint8_t *block)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= TAR_CHECKSUM && i < TAR_CHECKSUM + 8 ? ' ' : block[i];
	return sum == tar_number(block + TAR_CHECKSUM, 8);
}

static void tar_add_file(const uint8_t *block, struct contents *contents)
{
	const char *prefix = (const char *)block + TAR_PREFIX;
	bool sparse = block[TAR_TYPE] == 'S';
	/* GNU's headers have other fields in the place of the prefix; "ustar\0" is POSIX'. */
	bool has_prefix = block[262] == '\0' && prefix[0] != '\0';
	char name[MEMBER_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%.*s%s%.*s", has_prefix ? (int)TAR_PREFIX_SIZE : 0, prefix,
		 has_prefix ? "/" : "", (int)TAR_NAME, (const char *)block);
	contents_add(contents, name, tar_number(block + (sparse ? TAR_REAL_SIZE : TAR_SIZE), 12));
}

/* Skips the blocks with the holes of a sparse file. */
static int tar_skip_holes(struct disk *container, const uint8_t *header, uint64_t *at,
			  struct bs_error *err)
{
	uint8_t more = header[TAR_TYPE] == 'S' ? header[TAR_HAS_MORE] : 0;

	while (more != 0 && range_within(*at, TAR_BLOCK, disk_size(container))) {
		if (disk_read(container, *at + TAR_MORE_AGAIN, &more, 1, err) < 0)
			return -1;
		*at += TAR_BLOCK;
	}
	return 0;
}

/* Sets *end after the last header; ends because each turn moves *at on. */
static int tar_read_header(struct disk *container, uint64_t *at, bool *end,
			   struct contents *contents, const char *what, struct bs_error *err)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint8_t block[TAR_BLOCK];
	uint64_t size;

	if (disk_read(container, *at, block, sizeof(block), err) < 0)
		return -1;
	*end = memcmp(block, zeros, sizeof(block)) == 0;
	if (*end)
		return 0;
	if (!tar_is_header(block))
		return packed_fail(what, "one of its headers is wrong", err);
	if (block[TAR_TYPE] == '0' || block[TAR_TYPE] == '\0' || block[TAR_TYPE] == 'S')
		tar_add_file(block, contents);
	*at += TAR_BLOCK;
	if (tar_skip_holes(container, block, at, err) < 0)
		return -1;
	size = tar_number(block + TAR_SIZE, 12);
	if (*at > disk_size(container) || size > disk_size(container) - *at)
		return packed_fail(what, "a file in it does not end within the archive", err);
	*at += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	return 0;
}

static int tar_list_files(struct disk *container, const char *what, struct contents *contents,
			  struct bs_error *err)
{
	uint64_t at = 0;
	bool end = false;

	while (!end && contents->members < MEMBERS_MAX &&
	       range_within(at, TAR_BLOCK, disk_size(container))) {
		if (tar_read_header(container, &at, &end, contents, what, err) < 0)
			return -1;
	}
	if (!end && at < disk_size(container) && contents->members < MEMBERS_MAX)
		return packed_fail(what, "it ends within a header", err);
	return 0;
}

/* ---- gzip ---------------------------------------------------------------------------------- */

#define GZIP_HEADER    10u
#define GZIP_HAS_EXTRA 0x04
#define GZIP_HAS_NAME  0x08

/* The name that the file had before it was compressed; empty if the header does not give it. */
static int gzip_name(struct disk *container, char name[MEMBER_NAME_MAX + 1], struct bs_error *err)
{
	uint8_t *bytes = NULL;
	size_t length, at = GZIP_HEADER;
	int result = codec_read(container, 0, CACHE_BLOCK_SIZE, &bytes, &length, err);

	name[0] = '\0';
	if (result == 0 && length > at + 2 && bytes[3] & GZIP_HAS_EXTRA)
		at += 2 + (size_t)load_le16(bytes + at);
	if (result == 0 && at < length && bytes[3] & GZIP_HAS_NAME)
		snprintf(name, MEMBER_NAME_MAX + 1, "%.*s",
			 (int)min_u64(length - at, MEMBER_NAME_MAX), (const char *)bytes + at);
	free(bytes);
	return result;
}

/* ---- all ----------------------------------------------------------------------------------- */

static int packed_refuse_gzip(struct disk *container, const char *what, struct bs_error *err)
{
	char name[MEMBER_NAME_MAX + 1];

	if (gzip_name(container, name, err) < 0)
		return -1;
	return name[0] != '\0' ? fail(err, BS_PACKED_GZIP, "is %s; in it: %s", what, name)
			       : fail(err, BS_PACKED_GZIP, "is %s", what);
}

int packed_refuse(struct disk *container, enum bs_code code, const char *what, struct bs_error *err)
{
	struct contents contents = {.members = 0};

	if (code == BS_PACKED_GZIP)
		return packed_refuse_gzip(container, what, err);
	if (code != BS_PACKED_ZIP && code != BS_PACKED_TAR)
		return fail(err, code, "is %s", what);
	if ((code == BS_PACKED_ZIP ? zip_list_files : tar_list_files)(container, what, &contents,
								      err) < 0)
		return -1;
	return contents_tell(&contents, code, what, err);
}
