/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey of the boot menu: which entry starts Windows, and from which partition.  That is the
 * boot volume, unless another one was chosen.
 */
#include <stdio.h>
#include <string.h>

#include "windows/survey.h"

#define USUAL_LOADER "\\Windows\\System32\\winload.exe"

/* The partition that a device leads to, or -1.  `boot` leads to where bootmgr came from. */
static int32_t resolve(const struct survey *survey, const struct bcd_device *device)
{
	const struct bs_inspection *report = &survey->report;

	if (device->file != BCD_NO_FILE)
		return -1;
	if (device->kind == BCD_DEVICE_BOOT)
		return report->system_index;
	if (device->kind != BCD_DEVICE_PARTITION ||
	    device->disk_signature != report->disk_signature)
		return -1;
	for (uint32_t i = 0; i < report->partition_count; i++)
		if (report->partitions[i].start == device->partition_offset &&
		    report->partitions[i].filesystem != BS_FS_EXTENDED)
			return (int32_t)i;
	return -1;
}

/* ---- entries ------------------------------------------------------------------------------- */

/* One entry of the boot menu: the object, where its program is and which. */
struct entry {
	char object[40];
	char description[96];
	struct bcd_device device;
	char path[BS_PATH_MAX];
	bool has_device;
	bool is_windows;
};

static void read_entry(const struct bcd *bcd, const char *object, struct entry *entry)
{
	const struct bcd_element *device = bcd_find(bcd, object, BCD_DEVICE);

	*entry = (struct entry){.has_device = device != NULL};
	entry->is_windows = device != NULL && bcd_application(device) == BCD_APPLICATION_WINDOWS;
	snprintf(entry->object, sizeof(entry->object), "%s", object);
	bcd_device(bcd, device, &entry->device);
	bcd_text(bcd, bcd_find(bcd, object, BCD_DESCRIPTION), entry->description,
		 sizeof(entry->description));
	bcd_text(bcd, bcd_find(bcd, object, BCD_PATH), entry->path, sizeof(entry->path));
	if (entry->path[0] == '\0')
		snprintf(entry->path, sizeof(entry->path), USUAL_LOADER);
}

/* Whether an entry starts Windows from that partition, or for -1 from any of this disk. */
static bool suits(const struct survey *survey, const struct entry *entry, int32_t partition)
{
	int32_t index = resolve(survey, &entry->device);

	return entry->is_windows && index >= 0 && (partition < 0 || index == partition);
}

/* The first entry that suits: in the order of the menu, then of those that are not in it. */
static bool find_first(const struct survey *survey, const struct bcd *bcd, int32_t partition,
		       struct entry *entry)
{
	const struct bcd_element *order = bcd_find(bcd, BCD_BOOTMGR, BCD_DISPLAY_ORDER);
	char object[40];

	for (size_t i = 0; bcd_list_text(bcd, order, i, object, sizeof(object)); i++) {
		read_entry(bcd, object, entry);
		if (suits(survey, entry, partition))
			return true;
	}
	for (size_t i = 0; i < bcd->count; i++) {
		if (bcd->elements[i].id != BCD_DEVICE)
			continue;
		read_entry(bcd, bcd->elements[i].object, entry);
		if (suits(survey, entry, partition))
			return true;
	}
	return false;
}

/* Why the default entry, which names no other disk, leads to no partition of this one. */
static void tell_unresolved(const struct entry *entry, char *text, size_t size)
{
	const struct bcd_device *device = &entry->device;

	if (device->file == BCD_VHD)
		snprintf(text, size,
			 "the default entry starts Windows from the virtual disk %.200s (native "
			 "boot), not from a partition",
			 device->path);
	else if (device->file == BCD_RAMDISK)
		snprintf(text, size, "the default entry starts the RAM disk %.200s, not Windows",
			 device->path);
	else if (device->kind == BCD_DEVICE_PARTITION)
		snprintf(text, size,
			 "the default entry starts Windows from a partition at byte %llu of the "
			 "disk, where there is none",
			 (unsigned long long)device->partition_offset);
	else
		snprintf(text, size,
			 "the default entry does not start Windows from a partition of this disk");
}

/* For advice: the only partition with a Windows, or that there is none. */
static int advise_boot(struct survey *survey, struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;
	int32_t index;
	uint32_t count;

	if (survey_locate(survey, USUAL_LOADER, &index, &count, err) < 0)
		return -1;
	report->advised_partition = index >= 0 ? report->partitions[index].number : 0;
	report->no_windows = count == 0;
	return 0;
}

/* The same for each entry, with the code, and what the advice needs to know. */
static int explain_unresolved(struct survey *survey, const struct bcd *bcd,
			      const struct entry *entry, enum bs_code *code, char *text,
			      size_t size, struct bs_error *err)
{
	const struct bcd_device *device = &entry->device;
	struct bs_inspection *report = &survey->report;
	bool changed;

	if (survey_signature_changed(survey, bcd, device, entry->path, &changed, err) < 0)
		return -1;
	if (changed) {
		*code = BS_SIGNATURE_CHANGED;
		report->earlier_signature = device->disk_signature;
		snprintf(text, size,
			 "the disk's signature was changed: the boot menu names this disk by %08x, "
			 "it has %08x",
			 device->disk_signature, report->disk_signature);
	} else if (device->file == BCD_NO_FILE && device->kind == BCD_DEVICE_PARTITION &&
		   device->disk_signature != report->disk_signature) {
		*code = BS_OTHER_DISK;
		snprintf(text, size,
			 "the default entry starts Windows from another disk, with the signature "
			 "%08x; this one has %08x",
			 device->disk_signature, report->disk_signature);
	} else {
		*code = BS_BOOT_VOLUME_MISSING;
		tell_unresolved(entry, text, size);
		return advise_boot(survey, err);
	}
	return 0;
}

/* ---- the boot volume ----------------------------------------------------------------------- */

/* The partition of a device that may also be "where the program is"; -1 when it cannot be told. */
static int find_partition(struct survey *survey, const struct entry *entry, int32_t *index,
			  struct bs_error *err)
{
	uint32_t count;

	*index = resolve(survey, &entry->device);
	return entry->device.file == BCD_NO_FILE && entry->device.kind == BCD_DEVICE_LOCATE
		       ? survey_locate(survey, entry->path, index, &count, err)
		       : 0;
}

/*
 * The link of a default entry that starts a tool or an earlier Windows: its file has to be there.
 */
static int judge_tool(struct survey *survey, const struct bcd *bcd, const struct entry *entry,
		      const char *name, struct bs_error *err)
{
	int32_t index;
	bool there = false, changed;

	if (find_partition(survey, entry, &index, err) < 0)
		return -1;
	if (entry->device.file != BCD_NO_FILE ||
	    (index >= 0 && !survey_is_readable(survey, index))) {
		survey_unknown(survey, BS_LINK_DEFAULT_ENTRY, BS_OK, "%s, which was not looked at",
			       name);
		return 0;
	}
	if (index >= 0 && survey_has_file(survey, index, entry->path, &there, err) < 0)
		return -1;
	if (there) {
		survey_good(survey, BS_LINK_DEFAULT_ENTRY, "%s", name);
		return 0;
	}
	if (survey_signature_changed(survey, bcd, &entry->device, entry->path, &changed, err) < 0)
		return -1;
	survey_broken(survey, BS_LINK_DEFAULT_ENTRY,
		      changed ? BS_SIGNATURE_CHANGED : BS_DEFAULT_ENTRY_BROKEN, "%s", name);
	if (changed)
		return 0; /* noted with the boot volume, which is not found either */
	if (index >= 0)
		survey_note(survey, BS_DEFAULT_ENTRY_BROKEN,
			    "the default entry (%s) starts %.200s, which is missing or empty on "
			    "partition %u",
			    name, entry->path, survey->report.partitions[index].number);
	else
		survey_note(survey, BS_DEFAULT_ENTRY_BROKEN,
			    "the default entry (%s) starts %.200s, from no partition of this image",
			    name, entry->path);
	return 0;
}

/* Reads the default entry and sets its link; *found is false when there is none. */
static int read_default(struct survey *survey, const struct bcd *bcd, struct entry *entry,
			bool *found, struct bs_error *err)
{
	char object[40];
	const char *name;

	*found = false;
	if (bcd_default_object(bcd, object)) {
		read_entry(bcd, object, entry);
		*found = entry->has_device;
	}
	if (!*found) {
		survey_broken(survey, BS_LINK_DEFAULT_ENTRY, BS_NO_DEFAULT_ENTRY, "none");
		survey_note(survey, BS_NO_DEFAULT_ENTRY, "the BCD has no default entry");
		return 0;
	}
	name = entry->description[0] != '\0' ? entry->description : entry->object;
	if (!entry->is_windows)
		return judge_tool(survey, bcd, entry, name, err);
	survey_good(survey, BS_LINK_DEFAULT_ENTRY, "%s", name);
	return 0;
}

static void link_boot_volume(struct survey *survey, int32_t index)
{
	const struct bs_partition *partition = &survey->report.partitions[index];
	const struct vbr *record = &survey->partitions[index].boot_record;

	if (partition->filesystem == BS_FS_NTFS && vbr_sector_misfit(record) != NULL)
		survey_broken(survey, BS_LINK_BOOT_VOLUME, BS_NTFS_GEOMETRY,
			      "partition %u, which has %s", partition->number,
			      vbr_sector_misfit(record));
	else
		survey_good(survey, BS_LINK_BOOT_VOLUME, "partition %u", partition->number);
}

/*
 * Finds the Windows that starts by default: the default entry's, or, when that is a tool or an
 * earlier Windows, that of the first entry with a partition of this disk.  Sets the boot volume's
 * link; when there is none, *code and `text` say why.
 */
static int follow_default(struct survey *survey, const struct bcd *bcd, const struct entry *first,
			  enum bs_code *code, char *text, size_t size, struct bs_error *err)
{
	struct entry entry = *first;

	*code = BS_OK;
	if (!first->is_windows && !find_first(survey, bcd, -1, &entry))
		entry = *first;
	memcpy(survey->default_path, entry.path, sizeof(survey->default_path));
	if (entry.is_windows && find_partition(survey, &entry, &survey->default_index, err) < 0)
		return -1;
	if (survey->default_index >= 0) {
		link_boot_volume(survey, survey->default_index);
		return 0;
	}
	if (explain_unresolved(survey, bcd, &entry, code, text, size, err) < 0)
		return -1;
	survey_broken(survey, BS_LINK_BOOT_VOLUME, *code, "%s",
		      *code == BS_SIGNATURE_CHANGED ? "not found by the signature of its disk"
						    : "not in this image");
	return 0;
}

/* A partition was chosen that there is not.  That of the default entry can be advised instead. */
static int note_wrong_choice(struct survey *survey, uint32_t wanted, struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;

	survey_note(survey, BS_BOOT_VOLUME_MISSING, "there is no partition %u", wanted);
	if (survey->default_index < 0)
		return advise_boot(survey, err);
	report->advised_partition = report->partitions[survey->default_index].number;
	return 0;
}

int survey_entries(struct survey *survey, const struct bcd *bcd, uint32_t wanted_partition,
		   struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;
	struct entry first, chosen;
	char text[400];
	enum bs_code code;
	bool found;

	if (read_default(survey, bcd, &first, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	if (follow_default(survey, bcd, &first, &code, text, sizeof(text), err) < 0)
		return -1;
	memcpy(report->loader_path, survey->default_path, sizeof(report->loader_path));
	if (wanted_partition == 0) {
		report->boot_index = survey->default_index;
		if (code != BS_OK)
			survey_note(survey, code, "%s", text);
	} else {
		report->boot_index = survey_partition_index(report, wanted_partition);
		if (report->boot_index < 0 && note_wrong_choice(survey, wanted_partition, err) < 0)
			return -1;
		if (report->boot_index >= 0 && report->boot_index != survey->default_index)
			snprintf(report->loader_path, sizeof(report->loader_path), "%s",
				 find_first(survey, bcd, report->boot_index, &chosen)
					 ? chosen.path
					 : USUAL_LOADER);
	}
	if (report->boot_index >= 0)
		report->partitions[report->boot_index].is_boot = true;
	return 0;
}
