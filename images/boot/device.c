/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "device.h"

#include "partitions.h"

/* A device element: boot/environ/include/bl.h of ReactOS. */
#define DEVICE_TYPE      0x10u
#define DEVICE_LENGTH    0x18u /* from the type on */
#define DEVICE_LOCAL     0u
#define DEVICE_BOOT      5u
#define DEVICE_PARTITION 6u
#define DEVICE_LOCATE    8u

/* A partition. */
#define PARTITION_OFFSET    0x20u
#define PARTITION_CONTAINER 0x30u
#define PARTITION_STYLE     0x34u
#define PARTITION_SIGNATURE 0x38u
#define PARTITION_SIZE      0x3Cu
#define CONTAINER_DISK      0u
#define STYLE_MBR           1u

/* A local device that is a RAM disk: the parent's type is here, and the path behind the parent. */
#define LOCAL_KIND     0x20u
#define LOCAL_RAM_DISK 3u
#define LOCAL_PARENT   0x44u

/* A volume that has the path which another element of the object holds. */
#define LOCATE_BY         0x20u
#define LOCATE_BY_ELEMENT 0u
#define LOCATE_ELEMENT    0x24u
#define LOCATE_PARENT     0x28u /* 0: the volume can be on any disk */
#define LOCATE_SIZE       0x2Cu

void add_place(struct line *line, const struct place *place)
{
	add_text(line, "partition ");
	add_number(line, partition_at(place->disk, place->first_sector));
	add_text(line, " of disk ");
	add_hexadecimal(line, place->disk, 2);
}

static bool is_device(const struct bytes *device, uint32_t type, uint32_t size)
{
	return device->length >= size && load32(device->data + DEVICE_TYPE) == type;
}

bool device_find(const struct bytes *device, const struct place *own, struct place *place)
{
	uint64_t offset;

	*place = *own;
	if (is_device(device, DEVICE_BOOT, DEVICE_TYPE + 4))
		return true;
	if (!is_device(device, DEVICE_PARTITION, PARTITION_SIZE) ||
	    load32(device->data + PARTITION_CONTAINER) != CONTAINER_DISK ||
	    load32(device->data + PARTITION_STYLE) != STYLE_MBR)
		return false;
	offset = load64(device->data + PARTITION_OFFSET);
	place->disk = disk_with_signature(load32(device->data + PARTITION_SIGNATURE));
	place->first_sector = (uint32_t)(offset / SECTOR_SIZE);
	return place->disk != 0 && offset / SECTOR_SIZE <= UINT32_MAX &&
	       partition_at(place->disk, place->first_sector) != 0;
}

bool device_locate(const struct bytes *device, uint32_t *element)
{
	if (!is_device(device, DEVICE_LOCATE, LOCATE_SIZE) ||
	    load32(device->data + LOCATE_PARENT) != 0)
		return false;
	*element = load32(device->data + LOCATE_BY) == LOCATE_BY_ELEMENT
			   ? load32(device->data + LOCATE_ELEMENT)
			   : 0;
	return true;
}

bool device_ram_disk(const struct bytes *device, struct ram_disk *ram_disk)
{
	uint32_t size, path;

	if (!is_device(device, DEVICE_LOCAL, LOCAL_PARENT + DEVICE_LENGTH) ||
	    load32(device->data + LOCAL_KIND) != LOCAL_RAM_DISK)
		return false;
	size = load32(device->data + LOCAL_PARENT + DEVICE_LENGTH - DEVICE_TYPE);
	path = LOCAL_PARENT + size;
	if (!lies_within(LOCAL_PARENT, size, device->length))
		return false;
	*ram_disk = (struct ram_disk){
		.parent.data = device->data + LOCAL_PARENT - DEVICE_TYPE,
		.parent.length = DEVICE_TYPE + size,
		.path = (const uint16_t *)(const void *)(device->data + path),
	};
	ram_disk->path_length = wide_length(ram_disk->path, (device->length - path) / 2);
	return true;
}
