/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey of all devices in the BCD that lead to the system volume, by its place on the disk or
 * as "wherever bootmgr came from" (`boot`), and of the files there that they name.
 *
 * A file that moves takes the elements that name it by partition along; those by `boot` follow by
 * themselves.  So what is named by `boot` must move, too, or its entry breaks.  What is named by
 * partition can stay, as the recovery environment does; only code that is started like a boot
 * record moves, because it belongs to bootmgr's menu and to nothing else.  And what an entry starts
 * from the boot volume must not give way to what moves.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "windows/survey.h"

static bool is_on(const struct survey *survey, const struct bcd_device *device, int32_t index)
{
	const struct bs_inspection *report = &survey->report;

	return device->kind == BCD_DEVICE_PARTITION &&
	       device->disk_signature == report->disk_signature &&
	       device->partition_offset == report->partitions[index].start;
}

/* ---- what has to move besides -------------------------------------------------------------- */

static bool is_real_mode(uint32_t application)
{
	return application == BCD_APPLICATION_NTLDR || application == BCD_APPLICATION_SETUPLDR ||
	       application == BCD_APPLICATION_BOOT_SECTOR || application == BCD_APPLICATION_STARTUP;
}

/* Windows itself does not move: what starts it from a `boot` device would look in vain. */
static bool is_windows(uint32_t application, const struct bcd_device *device)
{
	return device->file == BCD_VHD ||
	       (device->file == BCD_NO_FILE &&
		(application == BCD_APPLICATION_WINDOWS || application == BCD_APPLICATION_RESUME));
}

static void note_break(struct survey *survey, const struct bcd *bcd,
		       const struct bcd_element *element, const char *path)
{
	char name[96];

	bcd_text(bcd, bcd_find(bcd, element->object, BCD_DESCRIPTION), name, sizeof(name));
	survey_note(survey, BS_ENTRY_WOULD_BREAK,
		    "the entry %s (%s) starts %.200s from wherever bootmgr came from, and that "
		    "stays on partition %u",
		    element->object, name[0] != '\0' ? name : "without a name", path,
		    survey->report.partitions[survey->report.system_index].number);
}

static int add_real_mode(struct survey *survey, struct volume *system, uint32_t application,
			 const struct boot_files_found *found, struct bs_error *err)
{
	if (application == BCD_APPLICATION_NTLDR && strcasecmp(found->path, "\\ntldr") == 0)
		return survey_legacy_boot(survey, system, err);
	if (found->kind != BOOT_FILES_FILE)
		return 0; /* it did not start before either */
	survey_note(survey, BS_NOTE_OTHER_LOADER,
		    "%.300s moves too, an entry of the BCD starts it; what it loads by itself was "
		    "not looked at",
		    found->path);
	return boot_files_add(survey, system, found->path, BOOT_ITEM_OTHER_CODE, err);
}

/* *broken is the object that the last finding of that kind names. */
static int follow(struct survey *survey, const struct bcd *bcd, struct volume *system,
		  const struct bcd_element *element, const char **broken, struct bs_error *err)
{
	uint32_t application = bcd_application(element);
	struct boot_files_found found;
	struct bcd_device device;
	char path[BS_PATH_MAX];

	bcd_device(bcd, element, &device);
	if (device.kind != BCD_DEVICE_BOOT && !is_on(survey, &device, survey->report.system_index))
		return 0;
	bcd_device_file(bcd, element, &device, path, sizeof(path));
	if (boot_files_look(system, path, &found, err) < 0)
		return -1;
	if (found.kind == BOOT_FILES_NOTHING || boot_files_find(survey, found.path) != NULL)
		return 0; /* it did not start before either, or it moves */
	if (is_real_mode(application) && device.file == BCD_NO_FILE)
		return add_real_mode(survey, system, application, &found, err);
	if (device.kind != BCD_DEVICE_BOOT)
		return 0;
	if (is_windows(application, &device)) {
		if (*broken == NULL || strcmp(*broken, element->object) != 0)
			note_break(survey, bcd, element, found.path);
		*broken = element->object;
		return 0;
	}
	return found.kind == BOOT_FILES_FILE
		       ? boot_files_add(survey, system, found.path, BOOT_ITEM_OF_ENTRY, err)
		       : 0;
}

/* ---- what is retargeted -------------------------------------------------------------------- */

struct staying {
	uint32_t count;
	char path[BS_PATH_MAX]; /* of the first */
};

static void plan_element(struct survey *survey, const struct bcd_element *element,
			 const struct bcd_device *device, const char *path)
{
	struct bs_plan_element *planned = &survey->elements[survey->element_count++];

	memcpy(planned->object, element->object, sizeof(planned->object));
	planned->element = element->id;
	planned->offset = device->field_offset;
	memcpy(planned->path, path, sizeof(planned->path));
}

static int retarget(struct survey *survey, const struct bcd *bcd, struct volume *system,
		    const struct bcd_element *element, struct staying *staying,
		    struct bs_error *err)
{
	struct bcd_device device;
	struct boot_files_found found;
	char path[BS_PATH_MAX];

	bcd_device(bcd, element, &device);
	if (!is_on(survey, &device, survey->report.system_index))
		return 0;
	bcd_device_file(bcd, element, &device, path, sizeof(path));
	if (boot_files_look(system, path, &found, err) < 0)
		return -1;
	if (boot_files_find(survey, found.path) != NULL) {
		if (survey->element_count == BS_ELEMENTS_MAX)
			survey_note(survey, BS_BCD_DAMAGED, "the BCD has too many entries");
		else
			plan_element(survey, element, &device, found.path);
		return 0;
	}
	if (path[0] != '\0' && found.kind == BOOT_FILES_NOTHING)
		return 0; /* nothing that could stay */
	if (staying->count++ == 0)
		memcpy(staying->path, path, sizeof(staying->path));
	return 0;
}

static void note_staying(struct survey *survey, const struct staying *staying)
{
	bool one = staying->count == 1;

	if (staying->count != 0)
		survey_note(survey, BS_NOTE_STAYS,
			    "%u BCD element%s keep%s pointing to partition %u, where %.300s "
			    "stays%s: keep that partition",
			    staying->count, one ? "" : "s", one ? "s" : "",
			    survey->report.partitions[survey->report.system_index].number,
			    staying->path[0] != '\0' ? staying->path : "what they name",
			    one ? "" : " too");
}

/* ---- what gives way at the target ----------------------------------------------------------- */

/* The files that come with bootmgr do the same whichever copy of them it is. */
static bool is_displaced(const struct survey *survey, const char *path)
{
	const struct boot_item *item = boot_files_item(survey, path);

	return item != NULL &&
	       (item->reason != BOOT_ITEM_OF_BOOTMGR || boot_files_find(survey, path) == NULL);
}

static int check_displaced(struct survey *survey, const struct bcd *bcd, struct volume *target,
			   const struct bcd_element *element, struct bs_error *err)
{
	struct bcd_device device;
	struct boot_files_found found;
	char path[BS_PATH_MAX];

	bcd_device(bcd, element, &device);
	if (!is_on(survey, &device, survey->report.boot_index))
		return 0;
	bcd_device_file(bcd, element, &device, path, sizeof(path));
	if (boot_files_look(target, path, &found, err) < 0)
		return -1;
	if (found.kind == BOOT_FILES_FILE && is_displaced(survey, found.path))
		survey_note(survey, BS_ENTRY_WOULD_BREAK,
			    "the entry %s needs %.300s of partition %u, which would give way to "
			    "what moves there",
			    element->object, found.path,
			    survey->report.partitions[survey->report.boot_index].number);
	return 0;
}

static int survey_displaced(struct survey *survey, const struct bcd *bcd, struct bs_error *err)
{
	int32_t target_index = survey->report.boot_index;
	struct disk *window;
	struct volume *target;
	int result;

	if (!survey_is_readable(survey, target_index))
		return 0; /* a refusal of its own */
	result = survey_open_volume(survey, target_index, &window, &target, err);
	for (size_t i = 0; i < bcd->count && result == 0; i++)
		if (bcd_is_device(bcd->elements[i].id))
			result = check_displaced(survey, bcd, target, &bcd->elements[i], err);
	volume_done(target);
	disk_close(window);
	return result < 0 ? survey_blame(survey, "boot",
					 survey->report.partitions[target_index].number, err)
			  : 0;
}

int survey_elements(struct survey *survey, const struct bcd *bcd, struct volume *system,
		    struct bs_error *err)
{
	struct staying staying = {0};
	const char *broken = NULL;

	survey->elements = calloc(BS_ELEMENTS_MAX, sizeof(*survey->elements));
	if (survey->elements == NULL)
		return fail_memory(err);
	for (size_t i = 0; i < bcd->count; i++)
		if (bcd_is_device(bcd->elements[i].id) &&
		    follow(survey, bcd, system, &bcd->elements[i], &broken, err) < 0)
			return -1;
	/* Only now is it known all that moves. */
	for (size_t i = 0; i < bcd->count; i++)
		if (bcd_is_device(bcd->elements[i].id) &&
		    retarget(survey, bcd, system, &bcd->elements[i], &staying, err) < 0)
			return -1;
	note_staying(survey, &staying);
	return survey_displaced(survey, bcd, err);
}
