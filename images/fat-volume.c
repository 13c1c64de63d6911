/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes FAT volumes: mkfs.fat formats, mtools write.  FAT has neither descriptors nor streams nor
 * extended attributes, so a recipe's are left out.  All times are the one at which the clock stands.
 */
#include "volume.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content.h"

/* 2010-11-20 21:29:06 UTC, which FAT can hold. */
#define CLOCK_STANDS_AT "1290288546"

#define READ_ONLY 0x01u
#define HIDDEN    0x02u
#define SYSTEM    0x04u
#define ARCHIVE   0x20u

static void fat_format(const struct partition *partition, char *path)
{
	char *bits = format_text("%u", (unsigned)partition->fat);
	char *serial = format_text("%08x", (unsigned)(partition->serial & 0xFFFFFFFFu));
	char *hidden = format_text("%llu", (unsigned long long)(partition->start / SECTOR_SIZE));
	char *label = partition->label[0] ? partition->label : (char[]){"NO NAME"};
	char *const arguments[] = {(char[]){"mkfs.fat"},
				   (char[]){"--invariant"},
				   (char[]){"-F"},
				   bits,
				   (char[]){"-i"},
				   serial,
				   (char[]){"-h"},
				   hidden,
				   (char[]){"-n"},
				   label,
				   path,
				   NULL};

	run(arguments, "");
	free(bits);
	free(serial);
	free(hidden);
}

/* A path as mtools write it: "::/Boot/BCD". */
static char *fat_path(const struct entry *entry)
{
	char *path = format_text("::%s", entry->path);

	for (char *c = path; *c; c++) {
		if (*c == '\\')
			*c = '/';
	}
	return path;
}

static void fat_write_file(const struct recipe *recipe, const struct entry *entry, char *volume,
			   char *path)
{
	int content = memory_file("content", 0);
	char *from = descriptor_path(content);
	char *const arguments[] = {(char[]){"mcopy"}, (char[]){"-i"}, volume, from, path, NULL};
	struct bytes bytes;

	content_make(recipe, entry, &bytes);
	write_at(content, bytes.data, bytes.length, 0);
	run(arguments, "");
	free(bytes.data);
	free(from);
	close(content);
}

static void fat_set_attributes(const struct entry *entry, char *volume, char *path)
{
	uint32_t set = entry->attributes;
	char *const arguments[] = {(char[]){"mattrib"},
				   (char[]){"-i"},
				   volume,
				   set & READ_ONLY ? (char[]){"+r"} : (char[]){"-r"},
				   set & HIDDEN ? (char[]){"+h"} : (char[]){"-h"},
				   set & SYSTEM ? (char[]){"+s"} : (char[]){"-s"},
				   set & ARCHIVE ? (char[]){"+a"} : (char[]){"-a"},
				   path,
				   NULL};

	run(arguments, "");
}

static void fat_write_entry(const struct recipe *recipe, const struct entry *entry, char *volume)
{
	char *path = fat_path(entry);
	char *const arguments[] = {(char[]){"mmd"}, (char[]){"-i"}, volume, path, NULL};

	if (entry->kind == ENTRY_FOLDER)
		run(arguments, "");
	else
		fat_write_file(recipe, entry, volume, path);
	if (entry->attributes != (entry->kind == ENTRY_FOLDER ? 0 : ARCHIVE))
		fat_set_attributes(entry, volume, path);
	free(path);
}

int fat_volume_make(const struct recipe *recipe, const struct partition *partition)
{
	int fd = memory_file(partition->name, partition->size);
	char *path = descriptor_path(fd);
	const struct entry *entry;

	setenv("SOURCE_DATE_EPOCH", CLOCK_STANDS_AT, 1);
	setenv("TZ", "UTC", 1);
	setenv("MTOOLS_SKIP_CHECK", "1", 1);
	fat_format(partition, path);
	TAILQ_FOREACH(entry, &recipe->entries, next)
	{
		if (entry->partition == partition && entry->kind != ENTRY_STREAM &&
		    strcmp(entry->path, "\\") != 0)
			fat_write_entry(recipe, entry, path);
	}
	free(path);
	return fd;
}
