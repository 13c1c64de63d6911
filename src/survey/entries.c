/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the entries of the boot menu: which entry starts Windows, and from which partition.  This
 * partition is the boot volume, unless the user chose another one.
 */
#include <stdio.h>
#include <string.h>

#include "survey/reader.h"

/* ---- a device that names another disk ------------------------------------------------------ */

static bool store_names_disk(const struct facts *facts, const struct bcd *bcd)
{
	for (size_t i = 0; i < bcd->count; i++) {
		struct bcd_device device;

		if (!bcd_is_device(bcd->elements[i].id))
			continue;
		bcd_device(bcd, &bcd->elements[i], &device);
		if (device.kind == BCD_DEVICE_PARTITION &&
		    device.disk_signature == facts->found_signature)
			return true;
	}
	return false;
}

static int entry_read_witness(struct reader *reader, struct fact_entry *entry, int32_t index,
			      struct bs_error *err)
{
	struct volume *volume;

	if (reader_mount(reader, index, &volume, err) == 0 &&
	    hives_read_signature(volume, reader->facts->partitions[index].is.start, &entry->witness,
				 &entry->witness_known, err) == 0)
		return 0;
	reader_unmount(reader, index);
	return reader_is_content(err->code) ? 0 : -1;
}

/* If a device names another disk: looks for the program at the same offset of this disk. */
static int entry_look_at_place(struct reader *reader, struct fact_entry *entry,
			       struct bs_error *err)
{
	const struct facts *facts = reader->facts;
	const struct bcd_device *device = &entry->device;
	int32_t index = -1;

	if (device->file != BCD_NO_FILE || device->kind != BCD_DEVICE_PARTITION ||
	    device->disk_signature == facts->disk_signature)
		return 0;
	for (uint32_t i = facts->partition_count; i > 0; i--)
		if (facts->partitions[i - 1].is.start == device->partition_offset)
			index = (int32_t)i - 1;
	if (index < 0)
		return 0;
	if (reader_has_file(reader, index, entry->path, &entry->is_at_place, err) < 0)
		return -1;
	return entry->is_at_place ? entry_read_witness(reader, entry, index, err) : 0;
}

/* ---- a device that leaves it to bootmgr to find the volume ----------------------------------- */

/* Sets the path for which bootmgr searches: the device's, or else the one of its file. */
static void entry_read_search(const struct bcd *bcd, const struct bcd_element *element,
			      const struct bcd_device *device, struct fact_located *located)
{
	if (device->file == BCD_NO_FILE && device->kind == BCD_DEVICE_LOCATE)
		bcd_device_file(bcd, element, device, located->path, sizeof(located->path));
}

/* Finds the partitions that have the path. */
static int entry_search(struct reader *reader, struct fact_located *located, struct bs_error *err)
{
	struct fact_found found;

	for (uint32_t i = 0; located->path[0] != '\0' && i < reader->facts->partition_count; i++) {
		if (reader_find_on(reader, (int32_t)i, located->path, &found, err) < 0)
			return -1;
		if (found.kind == FOUND_NOTHING || (found.kind == FOUND_FILE && found.size == 0))
			continue;
		if (located->count < FACT_LOCATED_MAX)
			located->indexes[located->count] = (int32_t)i;
		located->count++;
	}
	return 0;
}

/*
 * Chooses one of the partitions: the only one, or the one that the user chose.  For Windows nothing
 * else decides.  A tool is the same wherever bootmgr finds it.
 */
static int32_t entry_choose_located(const struct facts *facts, const struct fact_entry *entry)
{
	const struct fact_located *located = &entry->located;
	int32_t wanted = facts->wanted_boot != 0 ? facts_index(facts, facts->wanted_boot) : -1;

	for (uint32_t i = 0; i < located->count && i < FACT_LOCATED_MAX; i++)
		if (located->indexes[i] == wanted)
			return wanted;
	return located->count == 1 || (located->count > 1 && (wanted >= 0 || !entry->is_windows))
		       ? located->indexes[0]
		       : -1;
}

/* ---- entries ------------------------------------------------------------------------------- */

static void entry_read(const struct bcd *bcd, const char *object, struct fact_entry *entry)
{
	const struct bcd_element *device = bcd_find(bcd, object, BCD_DEVICE);
	const struct bcd_element *osdevice = bcd_find(bcd, object, BCD_OSDEVICE);

	*entry = (struct fact_entry){.has_device = device != NULL, .index = -1};
	entry->is_windows = device && bcd_application(device) == BCD_APPLICATION_WINDOWS;
	snprintf(entry->object, sizeof(entry->object), "%s", object);
	bcd_device(bcd, device, &entry->device);
	bcd_text(bcd, bcd_find(bcd, object, BCD_DESCRIPTION), entry->description,
		 sizeof(entry->description));
	bcd_text(bcd, bcd_find(bcd, object, BCD_PATH), entry->path, sizeof(entry->path));
	if (entry->path[0] == '\0')
		snprintf(entry->path, sizeof(entry->path), USUAL_LOADER);
	entry_read_search(bcd, device, &entry->device, &entry->located);
	if (!entry->is_windows)
		return;
	bcd_device(bcd, osdevice, &entry->osdevice);
	bcd_text(bcd, bcd_find(bcd, object, BCD_SYSTEMROOT), entry->systemroot,
		 sizeof(entry->systemroot));
	entry_read_search(bcd, osdevice, &entry->osdevice, &entry->os_located);
}

/* Whether an entry starts Windows from a partition; -1: from any partition of this disk. */
static bool entry_suits(const struct facts *facts, const struct fact_entry *entry,
			int32_t partition)
{
	int32_t index = facts_resolve(facts, &entry->device);

	if (!entry->is_windows)
		return false;
	return partition < 0 ? index >= 0 || entry->located.path[0] != '\0' : index == partition;
}

/* Finds the first entry that suits: first in the menu, then among the entries not in the menu. */
static bool entry_find(const struct facts *facts, const struct bcd *bcd, int32_t partition,
		       struct fact_entry *entry)
{
	const struct bcd_element *order = bcd_find(bcd, BCD_BOOTMGR, BCD_DISPLAY_ORDER);
	char object[40];

	for (size_t i = 0; bcd_list_text(bcd, order, i, object, sizeof(object)); i++) {
		entry_read(bcd, object, entry);
		if (entry_suits(facts, entry, partition))
			return true;
	}
	for (size_t i = 0; i < bcd->count; i++) {
		if (bcd->elements[i].id != BCD_DEVICE)
			continue;
		entry_read(bcd, bcd->elements[i].object, entry);
		if (entry_suits(facts, entry, partition))
			return true;
	}
	return false;
}

/* Finds the partition of an entry, also if bootmgr has to search for it. */
static int entry_follow(struct reader *reader, struct fact_entry *entry, struct bs_error *err)
{
	if (entry_search(reader, &entry->located, err) < 0 ||
	    entry_search(reader, &entry->os_located, err) < 0)
		return -1;
	entry->index = entry->located.path[0] != '\0'
			       ? entry_choose_located(reader->facts, entry)
			       : facts_resolve(reader->facts, &entry->device);
	if (entry->index < 0)
		return entry_look_at_place(reader, entry, err);
	/* Such an entry finds its Windows by any signature.  Only the registry tells the right one. */
	return entry->is_windows && entry->device.kind != BCD_DEVICE_PARTITION
		       ? entry_read_witness(reader, entry, entry->index, err)
		       : 0;
}

/* Reads the default entry.  If it starts a tool or an earlier Windows, also looks for its file. */
static int entry_read_default(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	struct fact_entry *first = &reader->facts->first;
	char object[40];

	if (!bcd_default_object(bcd, object))
		return 0;
	entry_read(bcd, object, first);
	if (!first->has_device)
		return 0;
	if (entry_follow(reader, first, err) < 0)
		return -1;
	if (first->is_windows || first->index < 0 || first->device.file != BCD_NO_FILE)
		return 0;
	return reader_has_file(reader, first->index, first->path, &first->is_there, err);
}

/*
 * Finds the first entry that starts Windows from this disk: by the disk's signature, or else by the
 * signature that the default entry names, because the disk may have had that one.
 */
static bool entry_find_windows(struct facts *facts, const struct bcd *bcd, struct fact_entry *entry)
{
	uint32_t own = facts->disk_signature;
	bool found = entry_find(facts, bcd, -1, entry);

	if (found || facts->first.device.kind != BCD_DEVICE_PARTITION)
		return found;
	facts->disk_signature = facts->first.device.disk_signature;
	found = entry_find(facts, bcd, -1, entry);
	facts->disk_signature = own;
	return found;
}

/*
 * Reads the Windows that starts by default: the one of the default entry.  If that entry starts a
 * tool or an earlier Windows: the one of the first entry that starts Windows from this disk.
 */
static int entry_read_windows(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct fact_entry *starts = &facts->starts;

	if (facts->first.is_windows || !entry_find_windows(facts, bcd, starts)) {
		*starts = facts->first;
		if (!starts->is_windows)
			starts->index = -1; /* no Windows, so it has no boot volume */
	} else if (entry_follow(reader, starts, err) < 0) {
		return -1;
	}
	if (starts->index >= 0)
		return 0;
	return reader_locate(reader, USUAL_LOADER, &facts->windows_index, &facts->windows_count,
			     err);
}

static void entries_choose_boot(struct facts *facts, const struct bcd *bcd)
{
	const char *path = facts->starts.path;
	struct fact_entry chosen;

	facts->boot_index = facts->starts.index;
	if (facts->wanted_boot != 0)
		facts->boot_index = facts_index(facts, facts->wanted_boot);
	if (facts->boot_index >= 0 && facts->boot_index != facts->starts.index)
		path = entry_find(facts, bcd, facts->boot_index, &chosen) ? chosen.path
									  : USUAL_LOADER;
	snprintf(facts->loader_path, sizeof(facts->loader_path), "%s", path);
}

static int entries_follow(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	if (entry_read_default(reader, bcd, err) < 0)
		return -1;
	return reader->facts->first.has_device ? entry_read_windows(reader, bcd, err) : 0;
}

/* Follows the entries again, by the signature that a fix gives back.  Keeps what witnesses said. */
static int entries_follow_restored(struct reader *reader, const struct bcd *bcd, uint32_t signature,
				   struct bs_error *err)
{
	struct facts *facts = reader->facts;
	const struct fact_entry before = facts->starts;

	facts->disk_signature = signature;
	if (entries_follow(reader, bcd, err) < 0)
		return -1;
	facts->starts.is_at_place = before.is_at_place;
	facts->starts.witness_known = before.witness_known;
	facts->starts.witness = before.witness;
	return 0;
}

int entries_read(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	uint32_t signature;

	facts->store_names_disk = store_names_disk(facts, bcd);
	if (entries_follow(reader, bcd, err) < 0)
		return -1;
	signature = facts_choose_signature(facts);
	if (signature != facts->disk_signature &&
	    entries_follow_restored(reader, bcd, signature, err) < 0)
		return -1;
	if (facts->first.has_device)
		entries_choose_boot(facts, bcd);
	return 0;
}
