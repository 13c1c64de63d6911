/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks for a file on the volumes of a disk. */
#include "windows/survey.h"

int survey_has_file(const struct survey *survey, int32_t index, const char *path, bool *there,
		    struct bs_error *err)
{
	struct disk *window;
	struct volume *volume;
	struct boot_files_found found = {.kind = BOOT_FILES_NOTHING};
	int result;

	*there = false;
	if (!survey_is_readable(survey, index))
		return 0;
	result = survey_open_volume(survey, index, &window, &volume, err);
	if (result == 0) {
		result = boot_files_look(volume, path, &found, err);
		volume_done(volume);
		disk_close(window);
	}
	if (result < 0 && !survey_is_content(err->code))
		return -1;
	*there = found.kind == BOOT_FILES_FILE && found.size != 0;
	return 0;
}

int survey_locate(const struct survey *survey, const char *path, int32_t *index, uint32_t *count,
		  struct bs_error *err)
{
	*index = -1;
	*count = 0;
	for (uint32_t i = 0; i < survey->report.partition_count; i++) {
		bool there;

		if (survey_has_file(survey, (int32_t)i, path, &there, err) < 0)
			return -1;
		if (!there)
			continue;
		*index = (int32_t)i;
		++*count;
	}
	if (*count != 1)
		*index = -1;
	return 0;
}
