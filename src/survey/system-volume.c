/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the system volume: the boot files, bootmgr, and the BCD.  entries.c reads the entries of
 * the BCD, and elements.c reads its devices.
 */
#include <stdio.h>
#include <string.h>

#include "boot/regf.h"
#include "survey/reader.h"
#include "util/bytes.h"
#include "volume/scoped.h"
#include "volume/tree.h"

static int system_mount(struct reader *reader, struct volume **system, struct bs_error *err)
{
	return reader_mount(reader, reader->facts->system_index, system, err);
}

int bootmgr_read(struct volume *volume, const char *path, struct fact_bootmgr *bootmgr,
		 struct bs_error *err)
{
	const uint32_t unread =
		FILE_IS_COMPRESSED | FILE_IS_SPARSE | FILE_IS_REPARSE_POINT | FILE_IS_ENCRYPTED;
	SCOPED uint8_t *content = NULL;
	struct volume_metadata metadata;
	size_t size;
	bool found;

	if (tree_stat(volume, path, &found, &metadata, err) < 0)
		return -1;
	*bootmgr = (struct fact_bootmgr){.was_read = true};
	if (!found || metadata.is_folder)
		return 0;
	bootmgr->is_there = true;
	bootmgr->size = metadata.size;
	bootmgr->attributes = metadata.attributes;
	if ((metadata.attributes & unread) || metadata.size > BOOTMGR_SIZE_MAX)
		return 0;
	if (tree_read(volume, path, BOOTMGR_SIZE_MAX, &content, &size, err) < 0)
		return -1;
	bootmgr->is_zeros = content && all_zero(content, size);
	bootmgr->is_program = content && size >= 2 && memcmp(content, "MZ", 2) == 0;
	return 0;
}

/* ---- the boot configuration ---------------------------------------------------------------- */

/* Sets bcd_outdated: whether the log files have changes that the BCD does not have yet. */
static int bcd_read_logs(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	static const char *const logs[] = {BOOT_BCD_PATH ".LOG", BOOT_BCD_PATH ".LOG1",
					   BOOT_BCD_PATH ".LOG2"};
	bool outdated = bcd->dirty;
	struct volume *system;

	if (system_mount(reader, &system, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]) && !outdated; i++) {
		SCOPED uint8_t *bytes = NULL;
		size_t size;

		if (tree_read(system, logs[i], REGF_LOG_SIZE_MAX, &bytes, &size, err) < 0) {
			if (err->code != BS_BOOT_FILE_UNSUPPORTED)
				return -1;
			continue; /* too large to be a log file */
		}
		outdated = bytes && regf_log_is_newer(bytes, size, bcd->sequence);
	}
	reader->facts->bcd_outdated = outdated;
	return 0;
}

static int bcd_read_store(struct reader *reader, const uint8_t *bytes, size_t size,
			  struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct bcd bcd = {0};
	int result = bcd_parse(bytes, size, &bcd, err);

	if (result < 0 && err->code == BS_BCD_DAMAGED) {
		facts->bcd = BCD_UNPARSED;
		snprintf(facts->bcd_error, sizeof(facts->bcd_error), "%s", err->message);
		result = 0;
	} else if (result == 0) {
		facts->bcd = BCD_GOOD;
		facts->bcd_size = size;
		facts->bcd_elements = (uint32_t)bcd.count;
		result = entries_read(reader, &bcd, err);
		if (result == 0 && facts_are_apart(facts))
			result = bcd_read_logs(reader, &bcd, err);
		if (result == 0 && facts_are_apart(facts))
			result = elements_read(reader, &bcd, err);
		if (result == 0 && !facts_are_apart(facts))
			result = elements_read_elsewhere(reader, &bcd, err);
	}
	bcd_free(&bcd);
	return result;
}

static int bcd_read(struct reader *reader, struct volume *system, struct bs_error *err)
{
	SCOPED uint8_t *bytes = NULL;
	size_t size;

	if (tree_read(system, BOOT_BCD_PATH, BCD_SIZE_MAX, &bytes, &size, err) < 0) {
		if (err->code != BS_BOOT_FILE_UNSUPPORTED)
			return -1;
		reader->facts->bcd = BCD_TOO_LARGE;
		return 0;
	}
	if (!bytes) {
		reader->facts->bcd = BCD_MISSING;
		return 0;
	}
	return bcd_read_store(reader, bytes, size, err);
}

int system_volume_read(struct reader *reader, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct volume *system;

	if (!facts_is_readable(facts, facts->system_index))
		return 0;
	if (system_mount(reader, &system, err) < 0 || boot_files_read(reader, system, err) < 0 ||
	    bootmgr_read(system, BOOT_MANAGER, &facts->bootmgr, err) < 0 ||
	    bcd_read(reader, system, err) < 0) {
		reader_unmount(reader, facts->system_index);
		return reader_keep_error(err, &facts->system_error);
	}
	return 0;
}
