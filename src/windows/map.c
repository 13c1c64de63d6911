/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/map.h"

#include <stdio.h>
#include <string.h>

#include "survey/reader.h"
#include "volume/scoped.h"
#include "windows/plan.h"

/* Files in Windows' folder that only a running loader reads. */
static const char *const map_windows_files[] = {
	"\\System32\\config\\SYSTEM",
	"\\System32\\ntoskrnl.exe",
};

/* The folder, if the boot menu does not name it. */
#define USUAL_SYSTEMROOT "\\Windows"

#define FONTS_FOLDER       BOOT_FOLDER "\\Fonts"
#define STATUS_FILE        BOOT_FOLDER "\\BOOTSTAT.DAT"
#define MESSAGES_FILE      "bootmgr.exe.mui"
#define FOLDER_ENTRIES_MAX 1024u /* in \\Boot and \\Boot\\Fonts; Windows has some dozens */
#define RUNS_OF_MFT_MAX    4096u /* pieces of a fragmented $MFT; a start reads its first records */

struct map {
	struct reader reader;      /* mounts each volume once */
	const struct facts *facts; /* the reader's */
	struct places *places;
};

/* Adds the part of a range that lies within the disk: a partition may be cut short. */
static int map_add(struct map *map, enum bs_place place, struct range range, struct bs_error *err)
{
	const struct range disk = {0, map->facts->disk_size};

	return places_add(map->places, place, range_intersect(disk, range), err);
}

static const struct bs_partition *map_partition(const struct map *map, int32_t index)
{
	return &map->facts->partitions[index].is;
}

/* Names a place after a file, unless it has a name already. */
static void map_name(struct map *map, enum bs_place place, int32_t index, const char *path)
{
	struct place_subject *subject = &map->places->subjects[place];

	if (subject->partition != 0)
		return;
	subject->partition = map_partition(map, index)->number;
	snprintf(subject->path, sizeof(subject->path), "%s", path);
}

/* ---- files --------------------------------------------------------------------------------- */

/* Adds ranges of a partition, in units of `unit` bytes. */
static int map_add_ranges(struct map *map, enum bs_place place, int32_t index,
			  const struct range_vector *ranges, uint64_t unit, struct bs_error *err)
{
	uint64_t start = map_partition(map, index)->start;

	for (size_t i = 0; i < ranges->count; i++) {
		const struct range range = {start + ranges->items[i].offset * unit,
					    ranges->items[i].length * unit};

		if (map_add(map, place, range, err) < 0)
			return -1;
	}
	return 0;
}

/* The clusters of all of a file's streams and indexes. */
static int map_add_clusters(struct map *map, enum bs_place place, int32_t index,
			    struct volume_file *file, size_t *count, struct bs_error *err)
{
	struct range_vector clusters = {0};
	int result = volume_add_clusters(file, &clusters, err);

	if (result == 0)
		result =
			map_add_ranges(map, place, index, &clusters,
				       map->facts->partitions[index].boot_record.cluster_size, err);
	*count = clusters.count;
	range_vector_free(&clusters);
	return result;
}

static int map_add_content(struct map *map, enum bs_place place, int32_t index,
			   struct volume_file *file, size_t *count, struct bs_error *err)
{
	struct range_vector ranges = {0};
	int result = volume_locate(file, UINT64_MAX, &ranges, err);

	if (result == 0)
		result = map_add_ranges(map, place, index, &ranges, 1, err);
	*count = ranges.count;
	range_vector_free(&ranges);
	return result;
}

static int map_add_record(struct map *map, enum bs_place place, int32_t index,
			  struct volume_file *file, struct bs_error *err)
{
	struct range_vector ranges = {0};
	int result = volume_locate_record(file, &ranges, err);

	if (result == 0)
		result = map_add_ranges(map, place, index, &ranges, 1, err);
	range_vector_free(&ranges);
	return result;
}

/*
 * Adds the places of a file's content.  If the unnamed stream has no clusters, Windows keeps the
 * content in another stream (WOF), or in the file's record; then *resident becomes true.
 */
static int map_add_open_file(struct map *map, enum bs_place place, int32_t index,
			     struct volume_file *file, bool *resident, struct bs_error *err)
{
	size_t count;

	if (map_add_content(map, place, index, file, &count, err) < 0)
		return -1;
	if (count == 0 && map_add_clusters(map, place, index, file, &count, err) < 0)
		return -1;
	*resident |= count == 0;
	return count == 0 ? map_add_record(map, place, index, file, err) : 0;
}

static int map_add_found(struct map *map, enum bs_place place, int32_t index, struct volume *volume,
			 const char *path, bool *resident, struct bs_error *err)
{
	struct fact_found found;
	SCOPED_FILE *file = NULL;

	if (reader_find(volume, path, &found, err) < 0)
		return -1;
	if (found.kind != FOUND_FILE || found.size == 0)
		return 0;
	if (volume_open_file(volume, found.path, &file, err) < 0)
		return -1;
	if (!file)
		return 0;
	map_name(map, place, index, found.path);
	return map_add_open_file(map, place, index, file, resident, err);
}

/* Mounts a volume.  *volume is NULL if it cannot be read, or if its engine knows no clusters. */
static int map_mount(struct map *map, int32_t index, struct volume **volume, struct bs_error *err)
{
	*volume = NULL;
	if (!facts_is_readable(map->facts, index))
		return 0;
	if (reader_mount(&map->reader, index, volume, err) < 0) {
		*volume = NULL;
		return reader_is_content(err->code) ? 0 : -1;
	}
	if (!volume_has_internals(*volume))
		*volume = NULL;
	return 0;
}

/* The same for a partition that may not be readable.  Damage is no error: the file is missing. */
static int map_add_file(struct map *map, enum bs_place place, int32_t index, const char *path,
			bool *resident, struct bs_error *err)
{
	struct volume *volume;

	if (map_mount(map, index, &volume, err) < 0)
		return -1;
	if (!volume || map_add_found(map, place, index, volume, path, resident, err) == 0)
		return 0;
	reader_unmount(&map->reader, index);
	return reader_is_content(err->code) ? 0 : -1;
}

/* ---- the active partition ------------------------------------------------------------------ */

/* Lists a folder; a folder that is missing or damaged has no entries. */
static int map_list(struct map *map, int32_t index, const char *folder,
		    struct volume_entry **entries, size_t *count, struct bs_error *err)
{
	struct volume *volume;
	SCOPED_FILE *file = NULL;

	*entries = NULL;
	*count = 0;
	if (map_mount(map, index, &volume, err) < 0)
		return -1;
	if (volume && (volume_open_file(volume, folder, &file, err) < 0 ||
		       (file && volume_list(file, entries, count, err) < 0)))
		return reader_is_content(err->code) ? 0 : -1;
	return 0;
}

/* Adds the files in a folder; with `name`, the files of this name in the folders in it. */
static int map_add_folder(struct map *map, enum bs_place place, int32_t index, const char *folder,
			  const char *name, struct bs_error *err)
{
	SCOPED struct volume_entry *entries = NULL;
	bool ignored = false;
	size_t count;

	if (map_list(map, index, folder, &entries, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < min_u64(count, FOLDER_ENTRIES_MAX); i++) {
		char path[BS_PATH_MAX], inner[BS_PATH_MAX];

		if (!volume_join(path, folder, entries[i].name) ||
		    (name && !volume_join(inner, path, name)))
			continue;
		if (map_add_file(map, place, index, name ? inner : path, &ignored, err) < 0)
			return -1;
	}
	return 0;
}

static int map_add_root(struct map *map, enum bs_place place, int32_t index, struct volume *volume,
			struct bs_error *err)
{
	SCOPED_FILE *root = NULL;
	size_t ignored;

	if (volume_open_file(volume, "\\", &root, err) < 0)
		return -1;
	return root ? map_add_clusters(map, place, index, root, &ignored, err) : 0;
}

static int map_add_mft(struct map *map, enum bs_place place, int32_t index, struct volume *volume,
		       struct bs_error *err)
{
	struct range_vector runs = {0};
	SCOPED_FILE *mft = NULL;
	int result;

	if (volume_open_file(volume, "\\$MFT", &mft, err) < 0)
		return -1;
	result = mft ? volume_locate(mft, UINT64_MAX, &runs, err) : 0;
	runs.count = min_u64(runs.count, RUNS_OF_MFT_MAX);
	if (result == 0)
		result = map_add_ranges(map, place, index, &runs, 1, err);
	range_vector_free(&runs);
	return result;
}

/* Adds what is read of a volume to look for a file in its root folder. */
static int map_add_file_system(struct map *map, enum bs_place place, int32_t index,
			       struct bs_error *err)
{
	struct volume *volume;

	if (map_mount(map, index, &volume, err) < 0)
		return -1;
	if (!volume || (map_add_mft(map, place, index, volume, err) == 0 &&
			map_add_root(map, place, index, volume, err) == 0))
		return 0;
	reader_unmount(&map->reader, index);
	return reader_is_content(err->code) ? 0 : -1;
}

int32_t map_first_active(const struct facts *facts)
{
	for (int32_t i = 0; i < (int32_t)facts->partition_count; i++)
		if (facts->partitions[i].is.active)
			return i;
	return -1;
}

static int map_add_active(struct map *map, struct bs_error *err)
{
	int32_t index = map_first_active(map->facts);
	bool ignored = false;

	map->places->has_active = map->facts->active_count == 1;
	if (index < 0)
		return 0;
	map_name(map, BS_PLACE_BOOT_RECORD, index, "");
	map_name(map, BS_PLACE_FILE_SYSTEM, index, "\\$MFT");
	map_name(map, BS_PLACE_BOOTMGR, index, BOOT_MANAGER);
	map_name(map, BS_PLACE_BCD, index, BOOT_BCD_PATH);
	if (map_add(map, BS_PLACE_BOOT_RECORD,
		    (struct range){map_partition(map, index)->start, VBR_SIZE}, err) < 0 ||
	    map_add_file_system(map, BS_PLACE_FILE_SYSTEM, index, err) < 0 ||
	    map_add_file(map, BS_PLACE_BOOTMGR, index, BOOT_MANAGER, &ignored, err) < 0 ||
	    map_add_file(map, BS_PLACE_BCD, index, BOOT_BCD_PATH, &ignored, err) < 0 ||
	    map_add_file(map, BS_PLACE_STATUS, index, STATUS_FILE, &ignored, err) < 0 ||
	    map_add_folder(map, BS_PLACE_FONTS, index, FONTS_FOLDER, NULL, err) < 0)
		return -1;
	return map_add_folder(map, BS_PLACE_MESSAGES, index, BOOT_FOLDER, MESSAGES_FILE, err);
}

/* ---- what the default entry starts --------------------------------------------------------- */

/*
 * The partition on which the loader looks for Windows: the osdevice of its entry.  If the loader has to
 * search, its own partition counts if it is one of those that it may find.
 */
static int32_t map_windows_index(const struct map *map, const struct fact_entry *first)
{
	const struct fact_located *located = &first->os_located;
	int32_t index = facts_resolve(map->facts, &first->osdevice);

	if (index >= 0)
		return index;
	for (uint32_t i = 0; i < located->count && i < FACT_LOCATED_MAX; i++)
		if (located->indexes[i] == first->index)
			return first->index;
	return located->count > 0 ? located->indexes[0] : first->index;
}

static int map_has_windows(struct map *map, int32_t index, struct bs_error *err)
{
	struct fact_found found = {.kind = FOUND_NOTHING};
	struct volume *volume;

	if (map_mount(map, index, &volume, err) < 0)
		return -1;
	if (volume && reader_find(volume, USUAL_SYSTEMROOT, &found, err) < 0) {
		reader_unmount(&map->reader, index);
		return reader_is_content(err->code) ? 0 : -1;
	}
	map->places->has_windows = found.kind == FOUND_FOLDER;
	return 0;
}

/* A loader of Windows goes on to files of Windows.  Another program counts by itself. */
static int map_add_windows(struct map *map, const struct fact_entry *first, struct bs_error *err)
{
	const char *folder = first->systemroot[0] == '\\' ? first->systemroot : USUAL_SYSTEMROOT;
	int32_t index = map_windows_index(map, first);
	bool resident = false;

	for (size_t i = 0; i < sizeof(map_windows_files) / sizeof(map_windows_files[0]); i++) {
		char path[BS_PATH_MAX];

		if (!volume_join(path, folder, map_windows_files[i] + 1))
			continue;
		if (map_add_file(map, BS_PLACE_WINDOWS, index, path, &resident, err) < 0)
			return -1;
	}
	map->places->windows_resident = resident;
	return map_has_windows(map, first->index, err);
}

/* A RAM disk is loaded as one file, and what is in it cannot be followed. */
static int map_add_default(struct map *map, struct bs_error *err)
{
	const struct fact_entry *first = &map->facts->first;
	const char *path = first->device.file == BCD_NO_FILE ? first->path : first->device.path;
	struct places *places = map->places;
	struct place_subject *loader = &places->subjects[BS_PLACE_LOADER];

	places->has_default = first->has_device;
	if (!first->has_device)
		return 0;
	places->is_tool = !first->is_windows || first->device.file == BCD_RAMDISK;
	snprintf(loader->path, sizeof(loader->path), "%s", path);
	if (first->index < 0)
		return 0;
	loader->partition = map_partition(map, first->index)->number;
	places->loader_volume = map_partition(map, first->index)->start;
	if (map_add_file(map, BS_PLACE_LOADER, first->index, path, &places->loader_resident, err) <
	    0)
		return -1;
	return map_add_windows(map, first, err);
}

/* ---- the old system partition -------------------------------------------------------------- */

static int map_add_old_partition(struct map *map, int32_t index, struct bs_error *err)
{
	const struct bs_partition *partition = map_partition(map, index);
	const struct range record = {partition->start, min_u64(partition->size, VBR_SIZE)};

	map_name(map, BS_PLACE_OLD_RECORD, index, "");
	map_name(map, BS_PLACE_OLD_SYSTEM, index, "");
	if (map_add(map, BS_PLACE_OLD_RECORD, record, err) < 0)
		return -1;
	/* If bootmgr has to search for the loader, it may look for the file there, too. */
	if (map->facts->first.located.path[0] != '\0' &&
	    map_add_file_system(map, BS_PLACE_OLD_RECORD, index, err) < 0)
		return -1;
	return map_add(map, BS_PLACE_OLD_SYSTEM,
		       range_from_to(range_end(record), partition->start + partition->size), err);
}

static int map_add_old(struct map *map, const struct bs_plan *plan, struct bs_error *err)
{
	for (int32_t i = 0; i < (int32_t)map->facts->partition_count; i++) {
		const struct bs_partition *partition = map_partition(map, i);
		bool is_old = plan ? plan->system_start != plan->boot_start &&
					      partition->start == plan->system_start
				   : partition->has_boot_files && !partition->active;

		if (is_old && map_add_old_partition(map, i, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all ----------------------------------------------------------------------------------- */

static int map_add_all(struct map *map, const struct bs_plan *plan, struct bs_error *err)
{
	if (map_add(map, BS_PLACE_TABLE, (struct range){0, SECTOR_SIZE}, err) < 0 ||
	    map_add_default(map, err) < 0 || map_add_active(map, err) < 0)
		return -1;
	return map_add_old(map, plan, err);
}

int map_make(const struct volume_engine *engine, struct facts *facts, const struct bs_plan *plan,
	     struct places *places, struct bs_error *err)
{
	struct map map = {
		.reader = {.engine = engine, .facts = facts}, .facts = facts, .places = places};
	int result = map_add_all(&map, plan, err);

	reader_close(&map.reader);
	return result;
}
