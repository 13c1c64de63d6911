/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A quick check whether a file is a disk image, for programs that look through folders with files
 * of all kinds.  A damaged image counts as an image: the commands say what is wrong with it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot/mbr.h"
#include "disk/file.h"
#include "disk/image.h"
#include "format/format.h"
#include "transaction/target.h"

/* "EFI PART" in the second sector (UEFI 2.10, table 5.5). */
#define GPT_SIGNATURE      "EFI PART"
#define GPT_SIGNATURE_SIZE 8u

/*
 * Returns whether the four entries look like a partition table.  Boot records of volumes and
 * diskettes have the boot signature, too, but they have code or text instead of the entries.
 */
static bool recognise_believes(const struct mbr *table, uint64_t disk_size)
{
	unsigned partitions = 0;

	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry *entry = &table->entries[i];

		if (entry->flag != 0 && entry->flag != MBR_ACTIVE)
			return false;
		if (entry->type != MBR_TYPE_EMPTY && entry->sectors != 0 && entry->first_lba != 0 &&
		    entry->first_lba < disk_size / SECTOR_SIZE)
			partitions++;
	}
	return partitions > 0;
}

static int recognise_raw(struct disk *container, struct bs_error *reason)
{
	uint8_t bytes[2 * SECTOR_SIZE];
	struct mbr table;

	if (disk_size(container) < sizeof(bytes))
		return fail(reason, BS_NOT_AN_IMAGE, "is too short for a disk");
	if (disk_read(container, 0, bytes, sizeof(bytes), reason) < 0)
		return -1;
	if ((mbr_parse(bytes, &table) && recognise_believes(&table, disk_size(container))) ||
	    memcmp(bytes + SECTOR_SIZE, GPT_SIGNATURE, GPT_SIGNATURE_SIZE) == 0)
		return 0;
	return fail(reason, BS_NOT_AN_IMAGE,
		    "has neither the mark of a known format nor a partition table");
}

/* Fills in the details of a container that has a mark, unless the container is damaged. */
static void recognise_describe(struct disk *container, struct bs_recognition *recognition)
{
	struct format format;
	struct bs_error ignored;

	if (format_detect(container, NULL, &format, &ignored) < 0)
		return;
	snprintf(recognition->format, sizeof(recognition->format), "%s", format.name);
	if (format_access_is_elsewhere(format.access))
		snprintf(recognition->data_file, sizeof(recognition->data_file), "%s",
			 format.extent);
}

static int recognise_container(struct disk *container, struct bs_recognition *recognition,
			       struct bs_error *reason)
{
	bool marked;

	if (format_recognise(container, &marked, reason) < 0)
		return -1;
	if (marked)
		recognise_describe(container, recognition);
	else if (recognise_raw(container, reason) == 0)
		snprintf(recognition->format, sizeof(recognition->format), "raw");
	else
		return -1;
	return 0;
}

enum bs_exit bs_recognise(const char *image, struct bs_recognition *recognition,
			  struct bs_error *reason)
{
	struct disk *container;
	struct stat status;
	int descriptor = -1, result = -1;

	*recognition = (struct bs_recognition){0};
	if (target_is_uri(image))
		return BS_EXIT_DONE;
	if (image_open(image, &descriptor, &status, reason) < 0)
		return bs_code_exit(reason->code);
	container = file_open(descriptor, reason);
	if (container)
		result = recognise_container(container, recognition, reason);
	disk_close(container);
	close(descriptor);
	return result == 0 ? BS_EXIT_DONE : bs_code_exit(reason->code);
}
