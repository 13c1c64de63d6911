/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot.h"

#include "partitions.h"

#define PARTITIONS_MAX 36u /* of a disk */

static bool has_file(struct boot *boot, const struct place *place, const uint16_t *path,
		     uint32_t length)
{
	struct memory before = boot->memory;
	struct volume volume;
	struct bytes content;
	bool is_there = volume_open(&volume, &boot->memory, place->disk, place->first_sector) &&
			volume_read_file(&volume, path, length, &content) == FILE_READ;

	boot->memory = before;
	return is_there;
}

static bool search(struct boot *boot, const char *guid, uint32_t element, struct place *place)
{
	char name[9];
	const uint16_t *path;
	uint32_t length;

	for (unsigned i = 0; i < 8; i++)
		name[i] = "0123456789abcdef"[element >> (28 - 4 * i) & 0xF];
	name[8] = '\0';
	if (!store_string(&boot->store, guid, name, &path, &length))
		return false;
	for (uint8_t disk = FIRST_DISK; disk < FIRST_DISK + DISKS; disk++)
		for (uint32_t number = 1; number <= PARTITIONS_MAX; number++) {
			*place = (struct place){disk, partition_of_arc_number(disk, number)};
			if (place->first_sector != 0 && has_file(boot, place, path, length))
				return true;
		}
	return false;
}

bool boot_find_device(struct boot *boot, const char *guid, const struct bytes *device,
		      struct place *place)
{
	uint32_t element;

	return device_locate(device, &element) ? search(boot, guid, element, place)
					       : device_find(device, &boot->own, place);
}

static const char *state_name(enum file_state state)
{
	return state == FILE_READ ? "there" : state == FILE_MISSING ? "missing" : "unreadable";
}

void boot_begin_line(struct line *line, const char *guid)
{
	add_text(line, "entry ");
	add_text(line, guid);
	add_text(line, ": ");
}

bool boot_print_file(struct boot *boot, const char *guid, const struct place *place,
		     const uint16_t *path, uint32_t length, struct bytes *content)
{
	struct line line = {.length = 0};
	enum file_state state = FILE_UNREADABLE;
	struct volume volume;

	if (volume_open(&volume, &boot->memory, place->disk, place->first_sector))
		state = volume_read_file(&volume, path, length, content);
	boot_begin_line(&line, guid);
	add_wide(&line, path, length);
	add_text(&line, " on ");
	add_place(&line, place);
	add_text(&line, ": ");
	add_text(&line, state_name(state));
	print_line(&line);
	return state == FILE_READ;
}
