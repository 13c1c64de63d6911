/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot.h"

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
