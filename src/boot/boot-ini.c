/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/boot-ini.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum ini_section { INI_OTHER, INI_LOADER, INI_SYSTEMS };

/* A part of a line, without a final zero. */
struct ini_text {
	const char *start;
	size_t length;
};

static bool ini_is_blank(char c)
{
	return strchr(" \t\r\"", c);
}

static struct ini_text ini_trim(struct ini_text text)
{
	for (; text.length > 0 && ini_is_blank(*text.start); text.length--)
		text.start++;
	while (text.length > 0 && ini_is_blank(text.start[text.length - 1]))
		text.length--;
	return text;
}

static bool ini_equals(struct ini_text text, const char *other)
{
	return text.length == strlen(other) && strncasecmp(text.start, other, text.length) == 0;
}

/* Reads "NAME(NUMBER)" at *text and moves *text behind it.  Returns false if the text differs. */
static bool ini_read_number(const char **text, const char *name, uint32_t *number)
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

static bool ini_is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static void ini_parse_choice(const char *text, struct boot_ini_choice *choice)
{
	uint32_t adapter, unit;

	if (isalpha((unsigned char)text[0]) && text[1] == ':' && ini_is_ascii(text)) {
		const char *path = text + 2 + (text[2] == '\\');

		choice->kind = BOOT_INI_FILE;
		snprintf(choice->path, sizeof(choice->path), "\\%s",
			 *path != '\0' ? path : "BOOTSECT.DOS");
	} else if (ini_read_number(&text, "multi", &adapter) &&
		   ini_read_number(&text, "disk", &unit) &&
		   ini_read_number(&text, "rdisk", &choice->disk) &&
		   ini_read_number(&text, "partition", &choice->partition)) {
		choice->kind = BOOT_INI_WINDOWS;
	} else {
		choice->kind = BOOT_INI_OTHER;
	}
}

static int ini_add(struct boot_ini *ini, struct ini_text what, bool is_default,
		   struct bs_error *err)
{
	struct boot_ini_choice *choice = &ini->choices[ini->count];
	char text[sizeof(choice->path)];

	if (ini->count == BOOT_INI_CHOICES_MAX)
		return fail(err, BS_LEGACY_UNSUPPORTED, "it has too many lines");
	if (what.length >= sizeof(text) - 1)
		return fail(err, BS_LEGACY_UNSUPPORTED, "it has a line that is too long");
	memcpy(text, what.start, what.length);
	text[what.length] = '\0';
	*choice = (struct boot_ini_choice){.is_default = is_default};
	snprintf(choice->text, sizeof(choice->text), "%.63s", text);
	ini_parse_choice(text, choice);
	for (uint32_t i = 0; i < ini->count; i++)
		if (strcasecmp(ini->choices[i].text, choice->text) == 0 &&
		    strcasecmp(ini->choices[i].path, choice->path) == 0)
			return 0;
	ini->count++;
	return 0;
}

static enum ini_section ini_section(struct ini_text line)
{
	if (ini_equals(line, "[boot loader]"))
		return INI_LOADER;
	return ini_equals(line, "[operating systems]") ? INI_SYSTEMS : INI_OTHER;
}

static int ini_read_line(struct boot_ini *ini, enum ini_section *section, struct ini_text line,
			 struct bs_error *err)
{
	const char *equal;
	struct ini_text name, value;

	line = ini_trim(line);
	if (line.length == 0 || *line.start == ';')
		return 0;
	if (*line.start == '[') {
		*section = ini_section(line);
		return 0;
	}
	equal = memchr(line.start, '=', line.length);
	if (!equal)
		return 0;
	name = ini_trim((struct ini_text){line.start, (size_t)(equal - line.start)});
	value = ini_trim(
		(struct ini_text){equal + 1, line.length - (size_t)(equal - line.start) - 1});
	if (*section == INI_LOADER && ini_equals(name, "default"))
		return ini_add(ini, value, true, err);
	return *section == INI_SYSTEMS ? ini_add(ini, name, false, err) : 0;
}

int boot_ini_parse(const uint8_t *bytes, size_t size, struct boot_ini *ini, struct bs_error *err)
{
	enum ini_section section = INI_OTHER;
	const char *text = (const char *)bytes;

	*ini = (struct boot_ini){0};
	if (size > BOOT_INI_SIZE_MAX)
		return fail(err, BS_LEGACY_UNSUPPORTED, "it is too large");
	if (size > 0 && memchr(bytes, 0, size))
		return fail(err, BS_LEGACY_UNSUPPORTED, "it is not text");
	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;

		if (ini_read_line(ini, &section, (struct ini_text){text + at, length}, err) < 0)
			return -1;
		at += length + 1;
	}
	return 0;
}
