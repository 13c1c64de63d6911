/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey's third part: the boot volume.  Its loader and Windows' name, its boot record, and
 * what stands at the places to which the boot files go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/regf.h"
#include "windows/boot-target.h"
#include "windows/survey.h"
#include "windows/tree.h"

/* ---- Windows' name ------------------------------------------------------------------------- */

static int read_hive(void *source, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	return volume_read(source, "", offset, buffer, length, err);
}

static int read_names(struct regf *hive, struct bs_inspection *report, struct bs_error *err)
{
	char build[24], service_pack[32];
	uint32_t key;

	if (regf_open(hive, err) < 0 ||
	    regf_find_path(hive, "Microsoft\\Windows NT\\CurrentVersion", &key, err) < 0)
		return -1;
	if (key == 0)
		return 0;
	if (regf_string(hive, key, "ProductName", report->windows_name,
			sizeof(report->windows_name), err) < 0 ||
	    regf_string(hive, key, "CurrentBuildNumber", build, sizeof(build), err) < 0 ||
	    regf_string(hive, key, "CSDVersion", service_pack, sizeof(service_pack), err) < 0)
		return -1;
	snprintf(report->windows_build, sizeof(report->windows_build), "%s%s%s", build,
		 service_pack[0] != '\0' ? " " : "", service_pack);
	return 0;
}

/* Best effort: a disk without a readable SOFTWARE hive is fixed like any other. */
static int name_windows(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	struct volume_file *file;
	struct volume_metadata metadata;
	int result;

	result = volume_open_file(volume, "\\Windows\\System32\\config\\SOFTWARE", &file, err);
	if (result == 0 && file != NULL) {
		result = volume_stat(file, &metadata, err);
		if (result == 0) {
			struct regf hive = {
				.read = read_hive, .source = file, .size = metadata.size};

			result = read_names(&hive, &survey->report, err);
		}
		volume_done_file(file);
	}
	return result < 0 && !survey_is_content(err->code) ? -1 : 0;
}

/* ---- the loader ---------------------------------------------------------------------------- */

struct loader {
	enum bs_code code; /* what is wrong with it */
	uint64_t size;
};

/*
 * Whether it begins like a program.  Of what a filter of Windows' own has to unpack (WOF) the bytes
 * are not there.
 */
static int judge_content(struct volume_file *file, const struct volume_metadata *metadata,
			 struct loader *loader, struct bs_error *err)
{
	uint8_t magic[2];

	if (metadata->attributes & FILE_IS_REPARSE_POINT)
		return 0;
	if (metadata->size < sizeof(magic)) {
		loader->code = BS_NOTE_WINLOAD;
		return 0;
	}
	if (volume_read(file, "", 0, magic, sizeof(magic), err) < 0)
		return -1;
	if (memcmp(magic, "MZ", sizeof(magic)) != 0)
		loader->code = BS_NOTE_WINLOAD;
	return 0;
}

static int look_at_loader(struct volume *volume, const char *path, struct loader *loader,
			  struct bs_error *err)
{
	struct volume_file *file;
	struct volume_metadata metadata;
	int result;

	*loader = (struct loader){.code = BS_WINLOAD_MISSING};
	if (volume_open_file(volume, path, &file, err) < 0)
		return -1;
	if (file == NULL)
		return 0;
	result = volume_stat(file, &metadata, err);
	if (result == 0 && !metadata.is_folder && metadata.size != 0) {
		*loader = (struct loader){.code = BS_OK, .size = metadata.size};
		result = judge_content(file, &metadata, loader, err);
	}
	volume_done_file(file);
	return result;
}

static const char *loader_text(const struct loader *loader)
{
	return loader->code == BS_WINLOAD_MISSING ? "missing or empty"
						  : "no program: it does not begin like one";
}

/* The link of the loader that starts by default. */
static void link_loader(struct survey *survey, const struct loader *loader)
{
	if (loader->code == BS_OK)
		survey_good(survey, BS_LINK_WINLOAD, "%.180s, %llu bytes", survey->default_path,
			    (unsigned long long)loader->size);
	else
		survey_broken(survey, BS_LINK_WINLOAD, loader->code, "%.180s is %s",
			      survey->default_path, loader_text(loader));
}

/* When another Windows than the one that starts by default was chosen, the chain is still its. */
static int check_default_loader(struct survey *survey, struct bs_error *err)
{
	struct disk *window;
	struct volume *volume;
	struct loader loader;
	int result;

	if (survey->default_index < 0 || survey->default_index == survey->report.boot_index ||
	    !survey_is_readable(survey, survey->default_index))
		return 0;
	if (survey_open_volume(survey, survey->default_index, &window, &volume, err) < 0)
		return survey_is_content(err->code) ? 0 : -1;
	result = look_at_loader(volume, survey->default_path, &loader, err);
	if (result == 0)
		link_loader(survey, &loader);
	volume_done(volume);
	disk_close(window);
	return result < 0 && !survey_is_content(err->code) ? -1 : 0;
}

static int check_loader(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	const struct bs_inspection *report = &survey->report;
	struct loader loader;

	if (look_at_loader(volume, report->loader_path, &loader, err) < 0)
		return -1;
	if (survey->default_index == report->boot_index)
		link_loader(survey, &loader);
	if (loader.code != BS_OK)
		survey_note(survey, loader.code, "%.300s on partition %u is %s",
			    report->loader_path, report->partitions[report->boot_index].number,
			    loader_text(&loader));
	return 0;
}

/* ---- what a fix meets there ---------------------------------------------------------------- */

static void check_boot_record(struct survey *survey)
{
	const struct bs_inspection *report = &survey->report;
	const struct bs_partition *boot = &report->partitions[report->boot_index];
	const struct vbr *own = &survey->partitions[report->boot_index].boot_record;
	const struct vbr *donor = &survey->partitions[report->system_index].boot_record;

	if (own->kind == VBR_BITLOCKER || own->kind == VBR_NOT_NTFS)
		return; /* a refusal of its own */
	if (own->kind != VBR_BOOTMGR && donor->kind != VBR_BOOTMGR) {
		survey_note(survey, BS_BOOT_CODE_MISSING,
			    "neither the system nor the boot volume has boot code that starts "
			    "bootmgr");
	} else if (own->kind != VBR_BOOTMGR) {
		survey->boot_code_needed = true;
		survey_note(survey, BS_NOTE_BOOT_CODE,
			    "the boot volume's boot record (%s) is replaced by the system volume's",
			    vbr_kind_text(own->kind));
	} else if (own->hidden_sectors != boot->start / SECTOR_SIZE) {
		survey->boot_code_needed = true;
		survey_note(survey, BS_NOTE_BOOT_CODE,
			    "the boot volume's boot record says that it starts at sector %u: "
			    "corrected to %llu",
			    own->hidden_sectors, (unsigned long long)boot->start / SECTOR_SIZE);
	}
}

int survey_boot_volume(struct survey *survey, struct bs_error *err)
{
	const struct bs_inspection *report = &survey->report;
	bool fix = report->boot_index != report->system_index;
	struct disk *window;
	struct volume *volume;
	int result;

	if (check_default_loader(survey, err) < 0)
		return -1;
	if (!survey_is_readable(survey, report->boot_index))
		return 0; /* a refusal of its own */
	if (fix)
		check_boot_record(survey);
	result = survey_open_volume(survey, report->boot_index, &window, &volume, err);
	if (result == 0)
		result = check_loader(survey, volume, err);
	if (result == 0)
		result = name_windows(survey, volume, err);
	if (result == 0 && fix)
		result = boot_target_meet(survey, volume, err);
	volume_done(volume);
	disk_close(window);
	return result < 0 ? survey_blame(survey, "boot",
					 report->partitions[report->boot_index].number, err)
			  : 0;
}
