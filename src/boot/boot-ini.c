/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/boot-ini.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum section { SECTION_OTHER, SECTION_LOADER, SECTION_SYSTEMS };

/* A piece of a line; nothing in the buffer is terminated. */
struct piece {
	const char *start;
	size_t length;
};

static struct piece trim(struct piece piece)
{
	while (piece.length != 0 && strchr(" \t\r\"", *piece.start) != NULL) {
		piece.start++;
		piece.length--;
	}
	while (piece.length != 0 && strchr(" \t\r\"", piece.start[piece.length - 1]) != NULL)
		piece.length--;
	return piece;
}

static bool equals(struct piece piece, const char *text)
{
	return piece.length == strlen(text) && strncasecmp(piece.start, text, piece.length) == 0;
}

/* Takes "NAME(NUMBER)" off the front; false when something else is there. */
static bool take_number(const char **text, const char *name, uint32_t *number)
{
	size_t length = strlen(name);
	char *end;

	if (strncasecmp(*text, name, length) != 0 || (*text)[length] != '(' ||
	    !isdigit((unsigned char)(*text)[length + 1]))
		return false;
	*number = (uint32_t)strtoul(*text + length + 1, &end, 10);
	if (*end != ')')
		return false;
	*text = end + 1;
	return true;
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static void understand(const char *text, struct boot_ini_choice *choice)
{
	uint32_t adapter, unit;

	if (isalpha((unsigned char)text[0]) && text[1] == ':' && is_ascii(text)) {
		const char *path = text + 2 + (text[2] == '\\');

		choice->kind = BOOT_INI_FILE;
		snprintf(choice->path, sizeof(choice->path), "\\%s",
			 *path != '\0' ? path : "BOOTSECT.DOS");
	} else if (take_number(&text, "multi", &adapter) && take_number(&text, "disk", &unit) &&
		   take_number(&text, "rdisk", &choice->disk) &&
		   take_number(&text, "partition", &choice->partition)) {
		choice->kind = BOOT_INI_WINDOWS;
	} else {
		choice->kind = BOOT_INI_OTHER;
	}
}

static int add(struct boot_ini *ini, struct piece what, bool is_default, struct bs_error *err)
{
	struct boot_ini_choice *choice = &ini->choices[ini->count];
	char text[sizeof(choice->path)];

	if (ini->count == BOOT_INI_CHOICES_MAX)
		return fail(err, BS_LEGACY_UNSUPPORTED, "it has too many lines");
	if (what.length >= sizeof(text) - 1)
		return fail(err, BS_LEGACY_UNSUPPORTED, "it has too long a line");
	memcpy(text, what.start, what.length);
	text[what.length] = '\0';
	*choice = (struct boot_ini_choice){.is_default = is_default};
	snprintf(choice->text, sizeof(choice->text), "%.63s", text);
	understand(text, choice);
	for (uint32_t i = 0; i < ini->count; i++)
		if (strcasecmp(ini->choices[i].text, choice->text) == 0 &&
		    strcasecmp(ini->choices[i].path, choice->path) == 0)
			return 0;
	ini->count++;
	return 0;
}

static enum section section_of(struct piece line)
{
	if (equals(line, "[boot loader]"))
		return SECTION_LOADER;
	return equals(line, "[operating systems]") ? SECTION_SYSTEMS : SECTION_OTHER;
}

static int read_line(struct boot_ini *ini, enum section *section, struct piece line,
		     struct bs_error *err)
{
	const char *equal;
	struct piece name, value;

	line = trim(line);
	if (line.length == 0 || *line.start == ';')
		return 0;
	if (*line.start == '[') {
		*section = section_of(line);
		return 0;
	}
	equal = memchr(line.start, '=', line.length);
	if (equal == NULL)
		return 0;
	name = trim((struct piece){line.start, (size_t)(equal - line.start)});
	value = trim((struct piece){equal + 1, line.length - (size_t)(equal - line.start) - 1});
	if (*section == SECTION_LOADER && equals(name, "default"))
		return add(ini, value, true, err);
	return *section == SECTION_SYSTEMS ? add(ini, name, false, err) : 0;
}

int boot_ini_parse(const uint8_t *bytes, size_t size, struct boot_ini *ini, struct bs_error *err)
{
	enum section section = SECTION_OTHER;
	const char *text = (const char *)bytes;

	*ini = (struct boot_ini){0};
	if (size > BOOT_INI_SIZE_MAX)
		return fail(err, BS_LEGACY_UNSUPPORTED, "it is too large");
	if (size != 0 && memchr(bytes, 0, size) != NULL)
		return fail(err, BS_LEGACY_UNSUPPORTED, "it is no text");
	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end != NULL ? (size_t)(end - text) - at : size - at;

		if (read_line(ini, &section, (struct piece){text + at, length}, err) < 0)
			return -1;
		at += length + 1;
	}
	return 0;
}
