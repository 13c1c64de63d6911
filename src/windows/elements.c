/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey of all devices in the BCD that lead to the system volume, by its place on the disk or
 * as "wherever bootmgr came from" (`boot`), and of the files there that they name.
 *
 * A file that moves takes the elements that name it by partition along; those by `boot` follow by
 * themselves.  So what is named by `boot` must move, too, or its entry breaks.  What is named by
 * partition can stay, as the recovery environment does; only code that is started like a boot
 * record moves, because it belongs to bootmgr's menu and to nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "windows/survey.h"

static bool leads_to_system(const struct survey *survey, const struct bcd_device *device)
{
	const struct bs_inspection *report = &survey->report;

	if (device->kind == BCD_DEVICE_BOOT)
		return true;
	return device->kind == BCD_DEVICE_PARTITION &&
	       device->disk_signature == report->disk_signature &&
	       device->partition_offset == report->partitions[report->system_index].start;
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
			 const char *path, struct bs_error *err)
{
	if (application == BCD_APPLICATION_NTLDR && strcasecmp(path, "\\ntldr") == 0)
		return survey_legacy_boot(survey, system, err);
	survey_note(survey, BS_NOTE_OTHER_LOADER,
		    "%.300s moves too, an entry of the BCD starts it; what it loads by itself was "
		    "not looked at",
		    path);
	return boot_files_add(survey, system, path, BOOT_ITEM_OTHER_CODE, err);
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
	if (!leads_to_system(survey, &device))
		return 0;
	bcd_device_file(bcd, element, &device, path, sizeof(path));
	if (boot_files_find(survey, path) != NULL)
		return 0;
	if (boot_files_look(system, path, &found, err) < 0)
		return -1;
	if (found.kind == BOOT_FILES_NOTHING)
		return 0; /* it did not start before either */
	if (is_real_mode(application) && device.file == BCD_NO_FILE)
		return add_real_mode(survey, system, application, path, err);
	if (device.kind != BCD_DEVICE_BOOT)
		return 0;
	if (is_windows(application, &device)) {
		if (*broken == NULL || strcmp(*broken, element->object) != 0)
			note_break(survey, bcd, element, path);
		*broken = element->object;
		return 0;
	}
	return found.kind == BOOT_FILES_FILE
		       ? boot_files_add(survey, system, path, BOOT_ITEM_OF_ENTRY, err)
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
	if (device.kind != BCD_DEVICE_PARTITION || !leads_to_system(survey, &device))
		return 0;
	bcd_device_file(bcd, element, &device, path, sizeof(path));
	if (boot_files_find(survey, path) != NULL) {
		if (survey->element_count == BS_ELEMENTS_MAX)
			survey_note(survey, BS_BCD_DAMAGED, "the BCD has too many entries");
		else
			plan_element(survey, element, &device, path);
		return 0;
	}
	if (boot_files_look(system, path, &found, err) < 0)
		return -1;
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

int survey_elements(struct survey *survey, const struct bcd *bcd, struct volume *system,
		    struct bs_error *err)
{
	struct staying staying = {0};
	const char *broken = NULL;

	survey->elements = calloc(BS_ELEMENTS_MAX, sizeof(*survey->elements));
	if (survey->elements == NULL)
		return fail(err, BS_NO_MEMORY, "out of memory");
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
	return 0;
}
