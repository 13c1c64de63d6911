/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the device elements of the BCD that name the system or the boot volume, and finds the files
 * that they name.  A device names the system volume by its offset on the disk or as `boot`,
 * the volume that bootmgr came from.  Files that move because of an element become boot files.
 */
#include <string.h>

#include "survey/reader.h"

static bool element_is_on(const struct facts *facts, const struct bcd_device *device, int32_t index)
{
	return device->kind == BCD_DEVICE_PARTITION &&
	       device->disk_signature == facts->disk_signature &&
	       device->partition_offset == facts->partitions[index].is.start;
}

static void element_describe(const struct facts *facts, const struct bcd *bcd,
			     const struct bcd_element *element, const struct bcd_device *device,
			     struct fact_element *added)
{
	*added = (struct fact_element){
		.id = element->id,
		.offset = device->field_offset,
		.application = bcd_application(element),
		.file = device->file,
		.by_boot = device->kind == BCD_DEVICE_BOOT,
		.on_system = element_is_on(facts, device, facts->system_index),
		.on_boot = element_is_on(facts, device, facts->boot_index),
	};
	memcpy(added->object, element->object, sizeof(added->object));
	bcd_text(bcd, bcd_find(bcd, element->object, BCD_DESCRIPTION), added->name,
		 sizeof(added->name));
	bcd_device_file(bcd, element, device, added->named, sizeof(added->named));
}

/* Whether a device names a partition.  `boot` names the system volume. */
static bool element_leads_to(const struct facts *facts, const struct bcd_device *device,
			     int32_t index)
{
	return element_is_on(facts, device, index) ||
	       (index == facts->system_index && device->kind == BCD_DEVICE_BOOT);
}

static int element_move_file(struct reader *reader, struct volume *system,
			     const struct fact_element *element, struct bs_error *err)
{
	const char *path = element->found.path;

	switch (element->fate) {
	case FATE_MOVES:
		return boot_files_add(reader, system, path, BOOT_ITEM_OF_ENTRY, err);
	case FATE_OTHER_CODE:
		return boot_files_add(reader, system, path, BOOT_ITEM_OTHER_CODE, err);
	case FATE_LEGACY:
		return legacy_boot_read(reader, system, err);
	case FATE_OPEN:
	case FATE_BREAKS:
		break;
	}
	return 0;
}

/* Reads the elements that name a partition, and finds the files there that they name. */
static int elements_read_on(struct reader *reader, const struct bcd *bcd, int32_t index,
			    struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct volume *volume;

	if (reader_mount(reader, index, &volume, err) < 0)
		return -1;
	for (size_t i = 0; i < bcd->count; i++) {
		struct fact_element *element;
		struct bcd_device device;

		if (!bcd_is_device(bcd->elements[i].id))
			continue;
		bcd_device(bcd, &bcd->elements[i], &device);
		if (!element_leads_to(facts, &device, index))
			continue;
		facts->elements_left_out = facts->elements.count == FACT_ELEMENTS_MAX;
		if (facts->elements_left_out)
			break;
		element = fact_elements_add(&facts->elements, err);
		if (!element)
			return -1;
		element_describe(facts, bcd, &bcd->elements[i], &device, element);
		if (reader_find(volume, element->named, &element->found, err) < 0)
			return -1;
		if (index == facts->system_index)
			element->fate = facts_fate(facts, element);
		if (element_move_file(reader, volume, element, err) < 0)
			return -1;
	}
	return 0;
}

int elements_read(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	struct facts *facts = reader->facts;

	if (elements_read_on(reader, bcd, facts->system_index, err) < 0)
		return -1;
	if (!facts_is_readable(facts, facts->boot_index) ||
	    elements_read_on(reader, bcd, facts->boot_index, err) == 0)
		return 0;
	reader_unmount(reader, facts->boot_index);
	return reader_keep_error(err, &facts->elements_error);
}

/* ---- boot files that need not move --------------------------------------------------------- */

/* Adds an element that names a partition, if its file is there. */
static int element_read_elsewhere(struct reader *reader, const struct bcd *bcd,
				  const struct bcd_element *named, int32_t index,
				  struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct fact_element *element;
	struct volume *volume;
	struct bcd_device device;

	bcd_device(bcd, named, &device);
	if (!element_is_on(facts, &device, index) || facts->elements.count == FACT_ELEMENTS_MAX)
		return 0;
	if (reader_mount(reader, index, &volume, err) < 0)
		return -1;
	element = fact_elements_add(&facts->elements, err);
	if (!element)
		return -1;
	element_describe(facts, bcd, named, &device, element);
	element->elsewhere = facts->partitions[index].is.number;
	return reader_find(volume, element->named, &element->found, err);
}

static int elements_read_of(struct reader *reader, const struct bcd *bcd, int32_t index,
			    struct bs_error *err)
{
	for (size_t i = 0; i < bcd->count; i++) {
		if (!bcd_is_device(bcd->elements[i].id) ||
		    element_read_elsewhere(reader, bcd, &bcd->elements[i], index, err) == 0)
			continue;
		if (!reader_is_content(err->code))
			return -1;
		reader_unmount(reader, index);
	}
	return 0;
}

int elements_read_elsewhere(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	const struct facts *facts = reader->facts;

	if (facts->boot_index < 0)
		return 0;
	for (int32_t i = 0; i < (int32_t)facts->partition_count; i++)
		if (i != facts->boot_index && facts_is_readable(facts, i) &&
		    elements_read_of(reader, bcd, i, err) < 0)
			return -1;
	return 0;
}
