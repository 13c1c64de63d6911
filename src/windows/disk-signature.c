/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells a disk whose signature was changed from a disk that starts the Windows of another one.
 *
 * Windows gives a disk another signature when a disk with the same one is attached already: a clone
 * beside its original.  The boot menu of the disk then still names the old signature, and bootmgr
 * finds no such disk.  (Microsoft, "Fixing Disk Signature Collisions".)
 */
#include <string.h>

#include "boot/regf.h"
#include "util/bytes.h"
#include "windows/survey.h"

#define SYSTEM_HIVE "\\Windows\\System32\\config\\SYSTEM"

/* What MountedDevices has for a volume of an MBR disk: the signature, and the partition's start. */
#define MOUNTED_SIZE 12u

static int read_hive(void *source, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	return volume_read(source, "", offset, buffer, length, err);
}

/* *signature = that of the disk of drive C:, as the Windows in a hive knows it; else *known is
 * false. */
static int read_mounted(struct regf *hive, uint32_t *signature, bool *known, struct bs_error *err)
{
	uint8_t data[MOUNTED_SIZE];
	struct regf_value value;
	uint32_t key;
	bool found;

	if (regf_open(hive, err) < 0 || regf_find_path(hive, "MountedDevices", &key, err) < 0)
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

static int read_witness(struct volume *volume, uint32_t *signature, bool *known,
			struct bs_error *err)
{
	struct volume_metadata metadata;
	struct volume_file *file;
	int result = volume_open_file(volume, SYSTEM_HIVE, &file, err);

	if (result < 0 || file == NULL)
		return result;
	result = volume_stat(file, &metadata, err);
	if (result == 0) {
		struct regf hive = {.read = read_hive, .source = file, .size = metadata.size};

		result = read_mounted(&hive, signature, known, err);
	}
	volume_done_file(file);
	return result;
}

/* Whether a device of the store names this disk by the signature that it has. */
static bool store_names_disk(const struct survey *survey, const struct bcd *bcd)
{
	for (size_t i = 0; i < bcd->count; i++) {
		struct bcd_device device;

		if (!bcd_is_device(bcd->elements[i].id))
			continue;
		bcd_device(bcd, &bcd->elements[i], &device);
		if (device.kind == BCD_DEVICE_PARTITION &&
		    device.disk_signature == survey->report.disk_signature)
			return true;
	}
	return false;
}

/*
 * The Windows at the place that the boot menu names says by which signature it knows its drive C:.
 * One that says nothing leaves that to the rest of the store.
 */
static int judge(const struct survey *survey, const struct bcd *bcd, int32_t index, uint32_t named,
		 bool *changed, struct bs_error *err)
{
	struct disk *window;
	struct volume *volume;
	uint32_t signature = 0;
	bool known = false;
	int result = survey_open_volume(survey, index, &window, &volume, err);

	if (result == 0) {
		result = read_witness(volume, &signature, &known, err);
		volume_done(volume);
		disk_close(window);
	}
	if (result < 0 && !survey_is_content(err->code))
		return -1;
	*changed = known ? signature == named : !store_names_disk(survey, bcd);
	return 0;
}

int survey_signature_changed(const struct survey *survey, const struct bcd *bcd,
			     const struct bcd_device *device, const char *path, bool *changed,
			     struct bs_error *err)
{
	const struct bs_inspection *report = &survey->report;
	bool there = false;

	*changed = false;
	if (device->file != BCD_NO_FILE || device->kind != BCD_DEVICE_PARTITION ||
	    device->disk_signature == report->disk_signature)
		return 0;
	for (uint32_t i = 0; i < report->partition_count; i++) {
		if (report->partitions[i].start != device->partition_offset)
			continue;
		if (survey_has_file(survey, (int32_t)i, path, &there, err) < 0)
			return -1;
		return there ? judge(survey, bcd, (int32_t)i, device->disk_signature, changed, err)
			     : 0;
	}
	return 0;
}
