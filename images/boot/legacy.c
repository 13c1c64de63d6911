/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy.h"

#include "partitions.h"

#define PATH_MAX 128u /* units */

/* The names that ntldr knows. */
static const uint16_t detector[] = u"\\NTDETECT.COM";
static const uint16_t settings[] = u"\\boot.ini";
static const char kernel[] = "\\system32\\ntoskrnl.exe";
static const char usual_system[] = "multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS"; /* no boot.ini */

/* A text that is taken from its beginning. */
struct text {
	const char *at;
	uint32_t length;
};

/* Takes the word, in any case; false when something else comes. */
static bool take(struct text *text, const char *word)
{
	uint32_t length = 0;

	for (; word[length] != '\0'; length++)
		if (length == text->length ||
		    upper((uint8_t)text->at[length]) != upper((uint8_t)word[length]))
			return false;
	text->at += length;
	text->length -= length;
	return true;
}

/* Goes behind the next word of that kind; false when there is none. */
static bool find(struct text *text, const char *word)
{
	while (text->length > 0 && !take(text, word)) {
		text->at++;
		text->length--;
	}
	return text->length > 0;
}

static uint32_t take_number(struct text *text)
{
	uint32_t number = 0;

	for (; text->length > 0 && *text->at >= '0' && *text->at <= '9'; text->at++, text->length--)
		number = number * 10 + (uint32_t)(*text->at - '0');
	return number;
}

/* Takes a line without its end; false behind the last one. */
static bool take_line(struct text *text, struct text *line)
{
	uint32_t length = 0;

	while (length < text->length && text->at[length] != '\r' && text->at[length] != '\n')
		length++;
	*line = (struct text){.at = text->at, .length = length};
	while (length < text->length && (text->at[length] == '\r' || text->at[length] == '\n'))
		length++;
	text->at += length;
	text->length -= length;
	return length > 0;
}

/* Appends up to an equals sign. */
static void append_path(uint16_t path[PATH_MAX], uint32_t *length, const struct text *text)
{
	for (uint32_t i = 0; i < text->length && text->at[i] != '=' && *length < PATH_MAX; i++)
		path[(*length)++] = (uint8_t)text->at[i];
}

/* The kernel of what a line like usual_system names. */
static void print_system(struct boot *boot, const char *guid, struct text system)
{
	const struct text name = {.at = kernel, .length = sizeof(kernel) - 1};
	uint16_t path[PATH_MAX];
	uint32_t length = 0;
	struct bytes content;
	struct place place;

	if (!find(&system, "rdisk("))
		return;
	place.disk = (uint8_t)(FIRST_DISK + take_number(&system));
	if (!find(&system, "partition("))
		return;
	place.first_sector = partition_of_arc_number(place.disk, take_number(&system));
	if (!find(&system, ")"))
		return;
	append_path(path, &length, &system);
	append_path(path, &length, &name);
	boot_print_file(boot, guid, &place, path, length, &content);
}

/* The boot sector of a line like C:\BOOTSECT.DAT="..."; C: is where ntldr is. */
static void print_boot_sector(struct boot *boot, const char *guid, const struct place *place,
			      const struct text *line)
{
	uint16_t path[PATH_MAX] = {'\\'};
	uint32_t length = 1;
	struct bytes content;

	append_path(path, &length, line);
	boot_print_file(boot, guid, place, path, length, &content);
}

void legacy_print(struct boot *boot, const char *guid, const struct place *place)
{
	struct text rest = {0}, line,
		    system = {.at = usual_system, .length = sizeof(usual_system) - 1};
	struct bytes content;

	boot_print_file(boot, guid, place, detector, sizeof(detector) / 2 - 1, &content);
	if (boot_print_file(boot, guid, place, settings, sizeof(settings) / 2 - 1, &content))
		rest = (struct text){.at = (const char *)content.data, .length = content.length};
	while (take_line(&rest, &line)) {
		if (take(&line, "default="))
			system = line;
		else if (take(&line, "C:\\"))
			print_boot_sector(boot, guid, place, &line);
	}
	print_system(boot, guid, system);
}
