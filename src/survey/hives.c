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

static int hive_read_mounted(struct regf *hive, uint32_t *signature, bool *known,
			     struct bs_error *err)
{
	uint8_t data[MOUNTED_SIZE];
	struct regf_value value;
	uint32_t key;
	bool found;

	if (regf_find_path(hive, "MountedDevices", &key, err) < 0)
		return -1;
	if (key == 0)
		return 0;
	if (regf_value(hive, key, "\\DosDevices\\C:", &found, &value, err) < 0)
		return -1;
	if (!found || value.size != MOUNTED_SIZE)
		return 0;
	if (hive->read(hive->source, value.offset, data, sizeof(data), err) < 0)
		return -1;
	*signature = load_le32(data);
	*known = true;
	return 0;
}

int hives_read_signature(struct volume *volume, uint32_t *signature, bool *known,
			 struct bs_error *err)
{
	SCOPED_FILE *file = NULL;
	struct regf hive;

	*known = false;
	if (hive_open(volume, SYSTEM_HIVE, &file, &hive, err) < 0)
		return -1;
	return file ? hive_read_mounted(&hive, signature, known, err) : 0;
}
