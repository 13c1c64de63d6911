/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/bcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "boot/regf.h"
#include "util/bytes.h"
#include "util/utf16.h"

/* Objects and elements together.  Large real stores have some hundred; who searches them all for
 * each of them should be done in no time. */
#define KEYS_MAX 8192u

/* Bytes of a list of strings that are looked at: each look counts from its start, and 64 KiB are a
 * menu of more than 800 entries. */
#define LIST_MAX (64u << 10)

/* The class of the objects that start a program, in the high four bits of their type. */
#define APPLICATION_OBJECT 1u

/* A device element: 16 bytes of GUID, then the device descriptor. */
#define DESCRIPTOR_OFFSET 0x10u

/* Offsets in a device descriptor (BL_DEVICE_DESCRIPTOR), and its types. */
enum {
	DESCRIPTOR_TYPE = 0x00,
	DESCRIPTOR_SIZE = 0x08,
	DESCRIPTOR_HEADER = 0x10,

	TYPE_LOCAL = 0,
	TYPE_BOOT = 5,
	TYPE_PARTITION = 6,
	TYPE_LOCATE = 8,

	/* type 6 */
	PARTITION_OFFSET = 0x10,
	PARTITION_CONTAINER = 0x20,
	PARTITION_STYLE = 0x24,
	PARTITION_SIGNATURE = 0x28,
	PARTITION_END = 0x2C,
	CONTAINER_DISK = 0,
	CONTAINER_VHD = 6,
	PARTITION_FILE = 0x48, /* of a virtual disk: the descriptor of its file */
	STYLE_MBR = 1,         /* and 0 GPT: the other way round than in the WMI documentation */

	/* type 0: a local device, of which those are followed that are a file */
	LOCAL_SUBTYPE = 0x10,
	SUBTYPE_RAMDISK = 3,
	SUBTYPE_FILE = 5,
	FILE_PARENT = 0x34, /* a whole descriptor; the file's path follows it, in UTF-16 */
};

/* Elements that hold a device, and the one that names the file on it. */
static const struct {
	uint32_t device, path;
} companions[] = {
	{BCD_DEVICE, BCD_PATH},   {BCD_OSDEVICE, BCD_SYSTEMROOT},
	{0x21000022, 0x22000023}, /* bootmgr: another store, bcddevice and bcdfilepath */
	{0x31000003, 0x32000004}, /* device options: the ramdisk's sdi device and path */
	{0x11000043, 0x12000044}, /* the boot status log's device and path */
};

/* Gets the keys below one; the caller frees *keys.  *left is how many more the store may have. */
static int take_keys(struct regf *hive, uint32_t key, size_t *left, uint32_t **keys, size_t *count,
		     struct bs_error *err)
{
	if (regf_children(hive, key, keys, count, err) < 0)
		return -1;
	if (*count <= *left) {
		*left -= *count;
		return 0;
	}
	free(*keys);
	return fail(err, BS_BCD_DAMAGED, "it has too many objects and elements");
}

static int add_elements(struct bcd *bcd, struct regf *hive, const char *object, uint32_t type,
			uint32_t elements_key, size_t *left, struct bs_error *err)
{
	uint32_t *keys;
	size_t count;
	struct bcd_element *grown;
	int result = 0;

	if (take_keys(hive, elements_key, left, &keys, &count, err) < 0)
		return -1;
	grown = reallocarray(bcd->elements, bcd->count + count + 1, sizeof(*grown));
	if (grown == NULL) {
		result = fail_memory(err);
		goto out;
	}
	bcd->elements = grown;
	for (size_t i = 0; i < count && result == 0; i++) {
		struct bcd_element *element = &grown[bcd->count];
		char name[REGF_NAME_MAX], *end;
		struct regf_value value;
		bool found;

		if (regf_name(hive, keys[i], name, err) < 0 ||
		    regf_value(hive, keys[i], "Element", &found, &value, err) < 0) {
			result = -1;
			break;
		}
		memset(element, 0, sizeof(*element));
		element->id = (uint32_t)strtoul(name, &end, 16);
		if (!found || *end != '\0' || end != name + 8)
			continue;
		snprintf(element->object, sizeof(element->object), "%.39s", object);
		element->object_type = type;
		element->offset = (uint32_t)value.offset;
		element->size = value.size;
		bcd->count++;
	}
out:
	free(keys);
	return result;
}

static int add_object(struct bcd *bcd, struct regf *hive, uint32_t key, size_t *left,
		      struct bs_error *err)
{
	char object[REGF_NAME_MAX];
	uint32_t description, elements, type = 0;
	struct regf_value value;
	bool found = false;

	if (regf_name(hive, key, object, err) < 0 ||
	    regf_find(hive, key, "Description", &description, err) < 0 ||
	    regf_find(hive, key, "Elements", &elements, err) < 0)
		return -1;
	if (strlen(object) != 38 || elements == 0)
		return 0;
	if (description != 0 && regf_value(hive, description, "Type", &found, &value, err) < 0)
		return -1;
	if (found && value.size == 4)
		type = load_le32(bcd->bytes + value.offset);
	return add_elements(bcd, hive, object, type, elements, left, err);
}

int bcd_parse(const uint8_t *bytes, size_t size, struct bcd *bcd, struct bs_error *err)
{
	struct regf hive;
	uint32_t objects_key, *objects = NULL;
	size_t count, left = KEYS_MAX;
	int result = 0;

	*bcd = (struct bcd){.bytes = bytes, .size = size};
	if (size > BCD_SIZE_MAX)
		return fail(err, BS_BCD_DAMAGED, "it is too large");
	regf_from_buffer(&hive, bytes, size);
	if (regf_open(&hive, err) < 0 || regf_find_path(&hive, "Objects", &objects_key, err) < 0)
		return -1;
	if (objects_key == 0)
		return fail(err, BS_BCD_DAMAGED, "it is a registry hive, but no BCD store");
	if (take_keys(&hive, objects_key, &left, &objects, &count, err) < 0)
		return -1;
	bcd->dirty = hive.dirty;
	bcd->sequence = hive.sequence;
	for (size_t i = 0; i < count && result == 0; i++)
		result = add_object(bcd, &hive, objects[i], &left, err);
	free(objects);
	return result;
}

void bcd_free(struct bcd *bcd)
{
	free(bcd->elements);
	*bcd = (struct bcd){0};
}

const struct bcd_element *bcd_find(const struct bcd *bcd, const char *object, uint32_t id)
{
	for (size_t i = 0; i < bcd->count; i++) {
		const struct bcd_element *element = &bcd->elements[i];

		if (element->id == id && strcasecmp(element->object, object) == 0)
			return element;
	}
	return NULL;
}

void bcd_text(const struct bcd *bcd, const struct bcd_element *element, char *text, size_t size)
{
	text[0] = '\0';
	if (element != NULL && element->size != 0)
		utf16_to_utf8(bcd->bytes + element->offset, element->size, text, size);
}

bool bcd_list_text(const struct bcd *bcd, const struct bcd_element *element, size_t index,
		   char *text, size_t size)
{
	uint32_t at = 0, end;

	text[0] = '\0';
	if (element == NULL)
		return false;
	end = (uint32_t)min_u64(element->size, LIST_MAX);
	for (; index > 0; index--) {
		while (at + 2 <= end && load_le16(bcd->bytes + element->offset + at) != 0)
			at += 2;
		at += 2;
		if (at >= end)
			return false;
	}
	utf16_to_utf8(bcd->bytes + element->offset + at, end - at, text, size);
	return text[0] != '\0';
}

uint32_t bcd_application(const struct bcd_element *element)
{
	if (strcasecmp(element->object, BCD_NTLDR) == 0)
		return BCD_APPLICATION_NTLDR;
	return element->object_type >> 28 == APPLICATION_OBJECT ? element->object_type & 0xFFFFF
								: BCD_NO_APPLICATION;
}

bool bcd_default_object(const struct bcd *bcd, char object[40])
{
	bcd_text(bcd, bcd_find(bcd, BCD_BOOTMGR, BCD_DEFAULT), object, 40);
	if (object[0] == '\0')
		bcd_text(bcd, bcd_find(bcd, BCD_BOOTMGR, BCD_DISPLAY_ORDER), object, 40);
	return object[0] != '\0';
}

bool bcd_is_device(uint32_t id)
{
	return (id >> 24 & 0x0F) == 1; /* the element's format: 1 is a device */
}

/* The size that a descriptor states, when it fits in the `size` bytes that hold it; else 0. */
static uint32_t descriptor_size(const uint8_t *descriptor, uint32_t size)
{
	uint32_t stated = size >= DESCRIPTOR_HEADER ? load_le32(descriptor + DESCRIPTOR_SIZE) : 0;

	return stated >= DESCRIPTOR_HEADER && stated <= size ? stated : 0;
}

/* A type 6 descriptor of `size` bytes at `at` of the store: a partition of a real disk. */
static void parse_partition(const struct bcd *bcd, uint32_t at, uint32_t size,
			    struct bcd_device *device)
{
	const uint8_t *descriptor = bcd->bytes + at;

	if (size < PARTITION_END || load_le32(descriptor + PARTITION_CONTAINER) != CONTAINER_DISK ||
	    load_le32(descriptor + PARTITION_STYLE) != STYLE_MBR)
		return;
	device->kind = BCD_DEVICE_PARTITION;
	device->disk_signature = load_le32(descriptor + PARTITION_SIGNATURE);
	device->partition_offset = load_le64(descriptor + PARTITION_OFFSET);
	device->field_offset = at + PARTITION_OFFSET;
}

/* A descriptor that is no file. */
static void parse_plain(const struct bcd *bcd, uint32_t at, uint32_t size,
			struct bcd_device *device)
{
	switch (load_le32(bcd->bytes + at + DESCRIPTOR_TYPE)) {
	case TYPE_BOOT:
		device->kind = BCD_DEVICE_BOOT;
		break;
	case TYPE_LOCATE:
		device->kind = BCD_DEVICE_LOCATE;
		break;
	case TYPE_PARTITION:
		parse_partition(bcd, at, size, device);
		break;
	default:
		break;
	}
}

/* A type 0 descriptor: a file of `subtype` on another device. */
static void parse_file(const struct bcd *bcd, uint32_t at, uint32_t size, uint32_t subtype,
		       struct bcd_device *device)
{
	const uint8_t *descriptor = bcd->bytes + at;
	uint32_t parent_size;

	if (size < FILE_PARENT || load_le32(descriptor + LOCAL_SUBTYPE) != subtype)
		return;
	parent_size = descriptor_size(descriptor + FILE_PARENT, size - FILE_PARENT);
	if (parent_size == 0)
		return;
	parse_plain(bcd, at + FILE_PARENT, parent_size, device);
	if (device->kind == BCD_DEVICE_OTHER)
		return;
	device->file = subtype == SUBTYPE_RAMDISK ? BCD_RAMDISK : BCD_VHD;
	utf16_to_utf8(descriptor + FILE_PARENT + parent_size, size - FILE_PARENT - parent_size,
		      device->path, sizeof(device->path));
}

/* A partition of a virtual disk: the descriptor of the disk's file comes behind it. */
static void parse_vhd(const struct bcd *bcd, uint32_t at, uint32_t size, struct bcd_device *device)
{
	const uint8_t *file = bcd->bytes + at + PARTITION_FILE;
	uint32_t file_size;

	if (size < PARTITION_FILE)
		return;
	file_size = descriptor_size(file, size - PARTITION_FILE);
	if (file_size != 0 && load_le32(file + DESCRIPTOR_TYPE) == TYPE_LOCAL)
		parse_file(bcd, at + PARTITION_FILE, file_size, SUBTYPE_FILE, device);
}

void bcd_device(const struct bcd *bcd, const struct bcd_element *element, struct bcd_device *device)
{
	const uint8_t *descriptor;
	uint32_t size, at;

	*device = (struct bcd_device){.kind = BCD_DEVICE_OTHER};
	if (element == NULL || element->size < DESCRIPTOR_OFFSET)
		return;
	descriptor = bcd->bytes + element->offset + DESCRIPTOR_OFFSET;
	size = descriptor_size(descriptor, element->size - DESCRIPTOR_OFFSET);
	if (size == 0)
		return;
	at = element->offset + DESCRIPTOR_OFFSET;
	if (load_le32(descriptor + DESCRIPTOR_TYPE) == TYPE_LOCAL)
		parse_file(bcd, at, size, SUBTYPE_RAMDISK, device);
	else if (size >= PARTITION_END &&
		 load_le32(descriptor + DESCRIPTOR_TYPE) == TYPE_PARTITION &&
		 load_le32(descriptor + PARTITION_CONTAINER) == CONTAINER_VHD)
		parse_vhd(bcd, at, size, device);
	else
		parse_plain(bcd, at, size, device);
}

void bcd_device_file(const struct bcd *bcd, const struct bcd_element *element,
		     const struct bcd_device *device, char *path, size_t size)
{
	path[0] = '\0';
	if (device->file != BCD_NO_FILE) {
		snprintf(path, size, "%s", device->path);
		return;
	}
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++)
		if (companions[i].device == element->id)
			bcd_text(bcd, bcd_find(bcd, element->object, companions[i].path), path,
				 size);
	if (path[0] != '\0' || element->id != BCD_DEVICE)
		return;
	/* Windows 7 and later do not write down bootmgr's own path. */
	if (strcasecmp(element->object, BCD_BOOTMGR) == 0)
		snprintf(path, size, "\\bootmgr");
	else if (strcasecmp(element->object, BCD_NTLDR) == 0)
		snprintf(path, size, "\\ntldr");
}
