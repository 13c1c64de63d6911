/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads facts about a Windows from its registry. */
#include <stdio.h>

#include "boot/regf.h"
#include "survey/reader.h"
#include "util/bytes.h"
#include "volume/scoped.h"

#define SOFTWARE_HIVE "\\Windows\\System32\\config\\SOFTWARE"
#define SYSTEM_HIVE   "\\Windows\\System32\\config\\SYSTEM"

/* Bytes of a MountedDevices value for a volume of an MBR disk: disk signature, partition start. */
#define MOUNTED_SIZE 12u

static int hive_read_bytes(void *source, uint64_t offset, void *buffer, size_t length,
			   struct bs_error *err)
{
	return volume_read(source, "", offset, buffer, length, err);
}

/* Opens a hive of a volume.  *file is NULL if there is no such hive.  The caller closes *file. */
static int hive_open(struct volume *volume, const char *path, struct volume_file **file,
		     struct regf *hive, struct bs_error *err)
{
	struct volume_metadata metadata;

	if (volume_open_file(volume, path, file, err) < 0)
		return -1;
	if (!*file)
		return 0;
	if (volume_stat(*file, &metadata, err) < 0)
		return -1;
	*hive = (struct regf){.read = hive_read_bytes, .source = *file, .size = metadata.size};
	return regf_open(hive, err);
}

static int hive_read_names(struct regf *hive, struct facts *facts, struct bs_error *err)
{
	char build[24], service_pack[32];
	uint32_t key;

	if (regf_find_path(hive, "Microsoft\\Windows NT\\CurrentVersion", &key, err) < 0)
		return -1;
	if (key == 0)
		return 0;
	if (regf_string(hive, key, "ProductName", facts->windows_name, sizeof(facts->windows_name),
			err) < 0 ||
	    regf_string(hive, key, "CurrentBuildNumber", build, sizeof(build), err) < 0 ||
	    regf_string(hive, key, "CSDVersion", service_pack, sizeof(service_pack), err) < 0)
		return -1;
	snprintf(facts->windows_build, sizeof(facts->windows_build), "%s%s%s", build,
		 service_pack[0] != '\0' ? " " : "", service_pack);
	return 0;
}

int hives_read_name(struct reader *reader, struct volume *volume, struct bs_error *err)
{
	SCOPED_FILE *file = NULL;
	struct regf hive;

	if (hive_open(volume, SOFTWARE_HIVE, &file, &hive, err) < 0)
		return -1;
	return file ? hive_read_names(&hive, reader->facts, err) : 0;
}

/* Whether a drive letter stands for a partition at `start`; *signature is then that of its disk. */
static int hive_read_letter(struct regf *hive, uint32_t key, char letter, uint64_t start,
			    uint32_t *signature, bool *found, struct bs_error *err)
{
	char name[] = "\\DosDevices\\?:";
	uint8_t data[MOUNTED_SIZE];
	struct regf_value value;

	name[sizeof(name) - 3] = letter;
	if (regf_value(hive, key, name, found, &value, err) < 0)
		return -1;
	if (!*found || value.size != MOUNTED_SIZE) {
		*found = false;
		return 0;
	}
	if (hive->read(hive->source, value.offset, data, sizeof(data), err) < 0)
		return -1;
	*signature = load_le32(data);
	*found = load_le64(data + 4) == start;
	return 0;
}

/*
 * Nearly every Windows calls its own volume C:.  So C: decides if it lies at `start`.  Otherwise the
 * other letters decide, if all of them at `start` have one signature: Windows keeps the letters of
 * disks that were attached once, and partitions of other disks often start at the same offset.
 */
static int hive_read_mounted(struct regf *hive, uint64_t start, uint32_t *signature, bool *known,
			     struct bs_error *err)
{
	uint32_t key, another;
	bool found, is_c;

	if (regf_find_path(hive, "MountedDevices", &key, err) < 0)
		return -1;
	if (key == 0)
		return 0;
	if (hive_read_letter(hive, key, 'C', start, signature, known, err) < 0)
		return -1;
	is_c = *known;
	for (char letter = 'A'; letter <= 'Z' && !is_c; letter++) {
		if (hive_read_letter(hive, key, letter, start, &another, &found, err) < 0)
			return -1;
		if (found && *known && another != *signature) {
			*known = false;
			return 0;
		}
		if (found) {
			*signature = another;
			*known = true;
		}
	}
	return 0;
}

/*
 * A hive with unwritten changes is read all the same.  What a MountedDevices value says was true of
 * this disk at some time, and newer changes in the logs do not make that untrue.
 */
int hives_read_signature(struct volume *volume, uint64_t start, uint32_t *signature, bool *known,
			 struct bs_error *err)
{
	SCOPED_FILE *file = NULL;
	struct regf hive;
	int result;

	*known = false;
	if (hive_open(volume, SYSTEM_HIVE, &file, &hive, err) < 0)
		return -1;
	result = file ? hive_read_mounted(&hive, start, signature, known, err) : 0;
	*known &= result == 0;
	return result;
}
