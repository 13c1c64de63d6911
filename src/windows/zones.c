/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/zones.h"

#include "boot/vbr.h"
#include "disk/window.h"
#include "ntfs/ntfs-engine.h"
#include "util/bytes.h"
#include "volume/scoped.h"
#include "windows/plan.h"

/* A file of the volume's metadata, and the length of the zone at its start. */
static const struct {
	const char *path;
	uint64_t length; /* bytes */
} metadata_zones[] = {
	{"\\$MFT", 16 * 1024},     /* 16 records of 1 KiB, as on nearly every volume */
	{"\\$LogFile", 2 * 4096},  /* two restart pages */
	{"\\$Bitmap", UINT64_MAX}, /* all of it */
};

#define FAT_ZONE_MAX ((uint64_t)512 << 10) /* bytes */

static int zones_add_metadata(struct volume *volume, uint64_t start, struct range_vector *zones,
			      struct bs_error *err)
{
	for (size_t i = 0; i < sizeof(metadata_zones) / sizeof(metadata_zones[0]); i++) {
		size_t before = zones->count;
		SCOPED_FILE *file = NULL;

		if (volume_open_file(volume, metadata_zones[i].path, &file, err) < 0 ||
		    (file && volume_locate(file, metadata_zones[i].length, zones, err) < 0))
			return -1;
		for (size_t j = before; j < zones->count; j++)
			zones->items[j].offset += start;
	}
	return 0;
}

/*
 * Adds the start of a FAT volume: the boot record and the sector with the number of free clusters,
 * which both change whenever the volume is used, and the first file allocation table.
 */
static int zones_add_fat(const struct vbr *record, uint64_t start, uint64_t size,
			 struct range_vector *zones, struct bs_error *err)
{
	uint64_t length = min_u64(min_u64(record->fat_end, FAT_ZONE_MAX), size);

	return range_vector_append(zones, (struct range){start, length}, err);
}

/* Adds the boot record and each place that may hold the copy of its first sector. */
static int zones_add_boot_record(struct disk *window, const struct vbr *record, uint64_t start,
				 struct range_vector *zones, struct bs_error *err)
{
	uint64_t offsets[VBR_COPIES_MAX];
	size_t count = vbr_copy_offsets(record, disk_size(window), offsets);

	if (range_vector_append(zones, (struct range){start, VBR_SIZE}, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (range_vector_append(zones, (struct range){start + offsets[i], SECTOR_SIZE},
					err) < 0)
			return -1;
	return 0;
}

static int zones_add_volume(struct disk *disk, uint64_t start, uint64_t size,
			    struct range_vector *zones, struct bs_error *err)
{
	const struct volume_engine ntfs = volume_ntfs_engine(disk);
	SCOPED_DISK *window = window_open(disk, start, size, err);
	SCOPED_VOLUME *volume = NULL;
	uint8_t bytes[VBR_SIZE];
	struct vbr record;

	if (!window || disk_read(window, 0, bytes, sizeof(bytes), err) < 0)
		return -1;
	vbr_parse(bytes, &record);
	if (vbr_is_fat(record.kind))
		return zones_add_fat(&record, start, size, zones, err);
	if (zones_add_boot_record(window, &record, start, zones, err) < 0 ||
	    volume_open(&ntfs, start, size, VOLUME_READ, &volume, err) < 0)
		return -1;
	return zones_add_metadata(volume, start, zones, err);
}

int zones_collect(struct disk *disk, const struct bs_plan *plan, struct range_vector *zones,
		  struct bs_error *err)
{
	if (range_vector_append(zones, (struct range){0, SECTOR_SIZE}, err) < 0)
		return -1;
	/* Where boot files were made anew, there may be no old system volume any more. */
	if (!plan_rebuilds(plan) &&
	    zones_add_volume(disk, plan->system_start, plan->system_size, zones, err) < 0)
		return -1;
	return plan_moves_files(plan)
		       ? zones_add_volume(disk, plan->boot_start, plan->boot_size, zones, err)
		       : 0;
}
