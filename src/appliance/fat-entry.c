/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/fat-entry.h"

#include <string.h>
#include <strings.h>

#include "util/bytes.h"

/* Offsets in the entry. */
#define NAME_SIZE     11u /* eight bytes and the three of the extension, padded with blanks */
#define ATTRIBUTES    0x0Bu
#define CREATED_TENTH 0x0Du /* units of 10 ms, up to 199 */
#define CREATED_TIME  0x0Eu
#define CREATED_DATE  0x10u
#define ACCESSED_DATE 0x12u
#define CHANGED_TIME  0x16u
#define CHANGED_DATE  0x18u

/* Attributes.  Read-only, hidden, system and archive have the same bits as on NTFS. */
#define IS_LABEL  0x08u /* also of each part of a long name */
#define IS_FOLDER 0x10u

#define FREE           0xE5u
#define ESCAPED_FREE   0x05u       /* the first byte of a name that begins with 0xE5 */
#define TICKS          10000000ull /* FILETIME units in a second */
#define DAYS_1601_1980 138426u

/* ---- times --------------------------------------------------------------------------------- */

/* Days from 1980-01-01 to the first day of a month; `year` and `month` count from 0. */
static uint32_t fat_days(uint32_t year, uint32_t month)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint32_t leap_days = (year + 3) / 4 + (year % 4 == 0 && month > 1);

	/* The only year in FAT's range that is divisible by four and has no leap day is 2100. */
	leap_days -= year > 120 || (year == 120 && month > 1);
	return year * 365 + leap_days + before[month];
}

/* Returns the FILETIME, or 0 if the date or the time is not valid. */
static uint64_t fat_time(uint16_t date, uint16_t time, uint32_t tenths)
{
	uint32_t year = date >> 9, month = date >> 5 & 15u, day = date & 31u;
	uint32_t hour = time >> 11, minute = time >> 5 & 63u, second = 2 * (time & 31u);
	uint64_t days;

	if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 ||
	    tenths > 199)
		return 0;
	days = DAYS_1601_1980 + fat_days(year, month - 1) + day - 1;
	return (days * 86400 + hour * 3600 + minute * 60 + second) * TICKS + tenths * (TICKS / 100);
}

static void fat_entry_times(const uint8_t *entry, struct volume_metadata *metadata)
{
	uint64_t modified =
		fat_time(load_le16(entry + CHANGED_DATE), load_le16(entry + CHANGED_TIME), 0);
	uint64_t created = fat_time(load_le16(entry + CREATED_DATE),
				    load_le16(entry + CREATED_TIME), entry[CREATED_TENTH]);
	uint64_t accessed = fat_time(load_le16(entry + ACCESSED_DATE), 0, 0);

	if (modified == 0)
		modified = DAYS_1601_1980 * 86400ull * TICKS;
	metadata->modified = metadata->changed = modified;
	metadata->created = created != 0 ? created : modified;
	metadata->accessed = accessed != 0 ? accessed : modified;
}

/* ---- names --------------------------------------------------------------------------------- */

/* Copies up to `size` bytes without the blanks at their end.  Returns the number of bytes. */
static size_t fat_copy_part(char *to, const uint8_t *part, size_t size)
{
	while (size > 0 && part[size - 1] == ' ')
		size--;
	memcpy(to, part, size);
	return size;
}

/* Makes "NAME.EXT" of the short name.  Returns false for a name with bytes outside of ASCII: which
 * characters they are depends on a code page that FAT does not tell. */
static bool fat_short_name(const uint8_t *entry, char name[VOLUME_SHORT_NAME_MAX])
{
	size_t length = fat_copy_part(name, entry, 8);
	size_t extension;

	if (entry[0] == ESCAPED_FREE)
		return false;
	name[length] = '.';
	extension = fat_copy_part(name + length + 1, entry + 8, 3);
	length += extension != 0 ? 1 + extension : 0;
	name[length] = '\0';
	for (size_t i = 0; i < length; i++)
		if ((uint8_t)name[i] <= ' ' || (uint8_t)name[i] > '~')
			return false;
	return length != 0;
}

static void fat_entry_names(const uint8_t *entry, struct volume_metadata *metadata)
{
	char short_name[VOLUME_SHORT_NAME_MAX];

	metadata->short_name[0] = '\0';
	metadata->name_space = NAMESPACE_WIN32;
	if (!fat_short_name(entry, short_name))
		return;
	if (strcasecmp(short_name, metadata->name) == 0)
		metadata->name_space = NAMESPACE_WIN32_AND_DOS;
	else
		memcpy(metadata->short_name, short_name, sizeof(short_name));
}

/* ---- the entry ----------------------------------------------------------------------------- */

bool fat_entry_describe(const uint8_t *entry, struct volume_metadata *metadata)
{
	if (entry[0] == 0 || entry[0] == FREE || entry[ATTRIBUTES] & IS_LABEL)
		return false;
	metadata->is_folder = entry[ATTRIBUTES] & IS_FOLDER;
	metadata->attributes = entry[ATTRIBUTES] & (FILE_IS_READ_ONLY | FILE_IS_HIDDEN |
						    FILE_IS_SYSTEM | FILE_IS_ARCHIVE);
	metadata->links = 1;
	fat_entry_times(entry, metadata);
	fat_entry_names(entry, metadata);
	return true;
}
