/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/bcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "boot/regf.h"
#include "util/bytes.h"
#include "util/utf16.h"

/* The most objects and elements that a store may have.  Large real stores have some hundred.  With
 * 8192, a search of all elements for each element still takes almost no time. */
#define KEYS_MAX 8192u

/* At most this many bytes of a list of strings are read.  Each search reads the list from its
 * beginning.  A list of 64 KiB is a menu of more than 800 entries. */
#define LIST_MAX (64u << 10)

/* The class of objects that start a program, in the high four bits of their type. */
#define APPLICATION_OBJECT 1u

/* A device element has 16 bytes of GUID before the device descriptor. */
#define DESCRIPTOR_OFFSET 0x10u

/* Offsets in a device descriptor (BL_DEVICE_DESCRIPTOR), and its types; the source is in bcd.h. */
enum {
	DESCRIPTOR_TYPE = 0x00,
	DESCRIPTOR_FLAGS = 0x04,
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
	STYLE_MBR = 1, /* 0 is GPT; the WMI documentation says the opposite */

	/* type 0: a local device; bootshift understands only these */
	LOCAL_SUBTYPE = 0x10,
	SUBTYPE_RAMDISK = 3,
	SUBTYPE_FILE = 5,
	SUBTYPE_VIRTUAL_DISK = 6,
	RAMDISK_FILE_VERSION = 0x28,
	RAMDISK_FILE_LENGTH = 0x2C, /* of the file's descriptor: from its version to the end */
	RAMDISK_FILE_TYPE = 0x30,
	FILE_OF_PATH = 5,
	/* a full descriptor of the device with the file, then the path in UTF-16 */
	RAMDISK_PARENT = 0x34,
	FILE_PARENT = 0x20,
	VIRTUAL_DISK_FILE = 0x28, /* the descriptor of the file with the virtual disk */

	/* type 8: the volume that has a path */
	LOCATE_BY = 0x10,
	BY_ELEMENT = 0, /* another element of the same object has the path */
	BY_PATH = 1,
	LOCATE_ELEMENT = 0x14,
	LOCATE_PARENT = 0x18, /* where the descriptor of the disk with the volumes begins; 0: any */
	LOCATE_PATH = 0x1C,
};

/* Pairs of elements: the first holds a device, the second the path of a file on this device. */
static const struct {
	uint32_t device, path;
} companions[] = {
	{BCD_DEVICE, BCD_PATH},   {BCD_OSDEVICE, BCD_SYSTEMROOT},
	{0x21000022, 0x22000023}, /* bootmgr: another store, bcddevice and bcdfilepath */
	{0x31000003, 0x32000004}, /* device options: the ramdisk's sdi device and path */
	{0x11000043, 0x12000044}, /* the boot status log's device and path */
};

DEFINE_VECTOR(bcd_elements, struct bcd_element);
DEFINE_VECTOR(bcd_objects, struct bcd_object);

/* A store that is being parsed. */
struct bcd_parser {
	struct regf hive;
	const uint8_t *bytes;
	struct bcd_elements elements;
	struct bcd_objects objects;
	size_t keys_left; /* number of keys that the store may still have */
};

/* Gets the subkeys of a key; the caller frees *keys, also on error. */
static int bcd_subkeys(struct bcd_parser *parser, uint32_t key, struct regf_keys *keys,
		       struct bs_error *err)
{
	if (regf_subkeys(&parser->hive, key, keys, err) < 0)
		return -1;
	if (keys->count > parser->keys_left)
		return fail(err, BS_BCD_DAMAGED, "it has too many objects and elements");
	parser->keys_left -= keys->count;
	return 0;
}

/* Adds the element that a key holds.  Skips a key that does not look like an element. */
static int bcd_add_element(struct bcd_parser *parser, const char *object, uint32_t type,
			   uint32_t key, struct bs_error *err)
{
	char name[REGF_NAME_MAX], *end;
	struct bcd_element element = {.object_type = type};
	struct regf_value value;
	bool found;

	if (regf_name(&parser->hive, key, name, err) < 0 ||
	    regf_value(&parser->hive, key, "Element", &found, &value, err) < 0)
		return -1;
	element.id = (uint32_t)strtoul(name, &end, 16);
	if (!found || *end != '\0' || end != name + 8)
		return 0;
	snprintf(element.object, sizeof(element.object), "%.39s", object);
	element.offset = (uint32_t)value.offset;
	element.size = value.size;
	return bcd_elements_append(&parser->elements, element, err);
}

static int bcd_add_object(struct bcd_parser *parser, uint32_t key, struct bs_error *err)
{
	struct regf *hive = &parser->hive;
	struct regf_keys keys = {0};
	char object[REGF_NAME_MAX];
	uint32_t description, elements, type = 0;
	struct bcd_object added = {.type = 0};
	struct regf_value value;
	bool found = false;
	int result;

	if (regf_name(hive, key, object, err) < 0 ||
	    regf_find(hive, key, "Description", &description, err) < 0 ||
	    regf_find(hive, key, "Elements", &elements, err) < 0)
		return -1;
	if (strlen(object) != 38 || elements == 0)
		return 0;
	if (description != 0 && regf_value(hive, description, "Type", &found, &value, err) < 0)
		return -1;
	if (found && value.size == 4)
		type = load_le32(parser->bytes + value.offset);
	added.type = type;
	snprintf(added.object, sizeof(added.object), "%.39s", object);
	if (bcd_objects_append(&parser->objects, added, err) < 0)
		return -1;
	result = bcd_subkeys(parser, elements, &keys, err);
	for (size_t i = 0; i < keys.count && result == 0; i++)
		result = bcd_add_element(parser, object, type, keys.items[i], err);
	regf_keys_free(&keys);
	return result;
}

int bcd_parse(const uint8_t *bytes, size_t size, struct bcd *bcd, struct bs_error *err)
{
	struct bcd_parser parser = {.bytes = bytes, .keys_left = KEYS_MAX};
	struct regf *hive = &parser.hive;
	struct regf_keys objects = {0};
	uint32_t objects_key;
	int result;

	*bcd = (struct bcd){.bytes = bytes, .size = size};
	if (size > BCD_SIZE_MAX)
		return fail(err, BS_BCD_DAMAGED, "it is too large");
	regf_from_buffer(hive, bytes, size);
	if (regf_open(hive, err) < 0 || regf_find_path(hive, "Objects", &objects_key, err) < 0)
		return -1;
	if (objects_key == 0)
		return fail(err, BS_BCD_DAMAGED, "it is a registry hive, but not a BCD store");
	result = bcd_subkeys(&parser, objects_key, &objects, err);
	bcd->dirty = hive->dirty;
	bcd->sequence = hive->sequence;
	for (size_t i = 0; i < objects.count && result == 0; i++)
		result = bcd_add_object(&parser, objects.items[i], err);
	regf_keys_free(&objects);
	bcd->elements = parser.elements.items;
	bcd->count = parser.elements.count;
	bcd->objects = parser.objects.items;
	bcd->object_count = parser.objects.count;
	return result;
}

void bcd_free(struct bcd *bcd)
{
	free(bcd->elements);
	free(bcd->objects);
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
	if (element && element->size != 0)
		utf16_to_utf8(bcd->bytes + element->offset, element->size, text, size);
}

bool bcd_list_text(const struct bcd *bcd, const struct bcd_element *element, size_t index,
		   char *text, size_t size)
{
	uint32_t at = 0, end;

	text[0] = '\0';
	if (!element)
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
	return (id >> 24 & 0x0F) == 1; /* this digit is the element's format; 1 means device */
}

/* A device descriptor in the store. */
struct descriptor {
	const uint8_t *bytes;
	uint32_t offset; /* in the store */
	uint32_t size;
};

/*
 * Opens the descriptor at `offset` of the store, which has at most `room` bytes.  Returns false if
 * the size in the descriptor is too small or larger than `room`.
 */
static bool descriptor_open(const struct bcd *bcd, uint32_t offset, uint32_t room,
			    struct descriptor *descriptor)
{
	*descriptor = (struct descriptor){.bytes = bcd->bytes + offset, .offset = offset};
	if (room < DESCRIPTOR_HEADER)
		return false;
	descriptor->size = load_le32(descriptor->bytes + DESCRIPTOR_SIZE);
	return descriptor->size >= DESCRIPTOR_HEADER && descriptor->size <= room;
}

/* Returns the number at `field`, or UINT32_MAX if the descriptor ends before this field. */
static uint32_t descriptor_number(const struct descriptor *descriptor, uint32_t field)
{
	return field + 4 <= descriptor->size ? load_le32(descriptor->bytes + field) : UINT32_MAX;
}

/* The element whose descriptors are parsed. */
struct descriptor_owner {
	const struct bcd *bcd;
	const struct bcd_element *element;
};

static void descriptor_parse_partition(const struct descriptor *descriptor,
				       struct bcd_device *device)
{
	if (descriptor->size < PARTITION_END ||
	    descriptor_number(descriptor, PARTITION_CONTAINER) != CONTAINER_DISK ||
	    descriptor_number(descriptor, PARTITION_STYLE) != STYLE_MBR)
		return;
	device->kind = BCD_DEVICE_PARTITION;
	device->disk_signature = descriptor_number(descriptor, PARTITION_SIGNATURE);
	device->partition_offset = load_le64(descriptor->bytes + PARTITION_OFFSET);
	device->field_offset = descriptor->offset + PARTITION_OFFSET;
}

/* Parses a device that leaves it to bootmgr to find the volume among all volumes. */
static void descriptor_parse_locate(const struct descriptor_owner *owner,
				    const struct descriptor *descriptor, struct bcd_device *device)
{
	uint32_t by = descriptor_number(descriptor, LOCATE_BY);

	if (descriptor->size < LOCATE_PATH || (by != BY_ELEMENT && by != BY_PATH) ||
	    descriptor_number(descriptor, LOCATE_PARENT) != 0)
		return;
	device->kind = BCD_DEVICE_LOCATE;
	if (by == BY_PATH)
		utf16_to_utf8(descriptor->bytes + LOCATE_PATH, descriptor->size - LOCATE_PATH,
			      device->path, sizeof(device->path));
	else
		bcd_text(owner->bcd,
			 bcd_find(owner->bcd, owner->element->object,
				  descriptor_number(descriptor, LOCATE_ELEMENT)),
			 device->path, sizeof(device->path));
}

/* Parses a descriptor that is no file. */
static void descriptor_parse_plain(const struct descriptor_owner *owner,
				   const struct descriptor *descriptor, struct bcd_device *device)
{
	switch (descriptor_number(descriptor, DESCRIPTOR_TYPE)) {
	case TYPE_BOOT:
		device->kind = BCD_DEVICE_BOOT;
		break;
	case TYPE_LOCATE:
		descriptor_parse_locate(owner, descriptor, device);
		break;
	case TYPE_PARTITION:
		descriptor_parse_partition(descriptor, device);
		break;
	default:
		break;
	}
}

static bool descriptor_is_local(const struct descriptor *descriptor, uint32_t subtype)
{
	return descriptor_number(descriptor, DESCRIPTOR_TYPE) == TYPE_LOCAL &&
	       descriptor_number(descriptor, LOCAL_SUBTYPE) == subtype;
}

/* Opens the descriptor that lies at `field` of another one. */
static bool descriptor_open_inner(const struct descriptor_owner *owner,
				  const struct descriptor *outer, uint32_t field,
				  struct descriptor *inner)
{
	return field <= outer->size &&
	       descriptor_open(owner->bcd, outer->offset + field, outer->size - field, inner);
}

/* Parses a file on another device, whose descriptor lies at `parent_field`. */
static void descriptor_parse_file(const struct descriptor_owner *owner,
				  const struct descriptor *descriptor, uint32_t parent_field,
				  enum bcd_file_kind file, struct bcd_device *device)
{
	struct descriptor parent;
	uint32_t end;

	if (!descriptor_open_inner(owner, descriptor, parent_field, &parent))
		return;
	descriptor_parse_plain(owner, &parent, device);
	if (device->kind == BCD_DEVICE_OTHER)
		return;
	end = parent_field + parent.size;
	device->file = file;
	utf16_to_utf8(descriptor->bytes + end, descriptor->size - end, device->path,
		      sizeof(device->path));
}

/* Parses the volume of a virtual disk, in which bootmgr finds it by a path. */
static void descriptor_parse_virtual_disk(const struct descriptor_owner *owner,
					  const struct descriptor *locate,
					  struct bcd_device *device)
{
	struct descriptor disk, file;

	if (descriptor_open_inner(owner, locate, descriptor_number(locate, LOCATE_PARENT), &disk) &&
	    descriptor_is_local(&disk, SUBTYPE_VIRTUAL_DISK) &&
	    descriptor_open_inner(owner, &disk, VIRTUAL_DISK_FILE, &file) &&
	    descriptor_is_local(&file, SUBTYPE_FILE))
		descriptor_parse_file(owner, &file, FILE_PARENT, BCD_VHD, device);
}

void bcd_device(const struct bcd *bcd, const struct bcd_element *element, struct bcd_device *device)
{
	const struct descriptor_owner owner = {bcd, element};
	struct descriptor descriptor;

	*device = (struct bcd_device){.kind = BCD_DEVICE_OTHER};
	if (!element || element->size < DESCRIPTOR_OFFSET ||
	    !descriptor_open(bcd, element->offset + DESCRIPTOR_OFFSET,
			     element->size - DESCRIPTOR_OFFSET, &descriptor))
		return;
	if (descriptor_is_local(&descriptor, SUBTYPE_RAMDISK))
		descriptor_parse_file(&owner, &descriptor, RAMDISK_PARENT, BCD_RAMDISK, device);
	else if (descriptor_number(&descriptor, DESCRIPTOR_TYPE) == TYPE_LOCATE &&
		 descriptor_number(&descriptor, LOCATE_PARENT) != 0)
		descriptor_parse_virtual_disk(&owner, &descriptor, device);
	else
		descriptor_parse_plain(&owner, &descriptor, device);
}

void bcd_device_file(const struct bcd *bcd, const struct bcd_element *element,
		     const struct bcd_device *device, char *path, size_t size)
{
	path[0] = '\0';
	if (device->file != BCD_NO_FILE || device->path[0] != '\0') {
		snprintf(path, size, "%s", device->path);
		return;
	}
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++)
		if (companions[i].device == element->id)
			bcd_text(bcd, bcd_find(bcd, element->object, companions[i].path), path,
				 size);
	if (path[0] != '\0' || element->id != BCD_DEVICE)
		return;
	/* Windows 7 and later do not store bootmgr's own path. */
	if (strcasecmp(element->object, BCD_BOOTMGR) == 0)
		snprintf(path, size, "\\bootmgr");
	else if (strcasecmp(element->object, BCD_NTLDR) == 0)
		snprintf(path, size, "\\ntldr");
}

/* ---- new devices --------------------------------------------------------------------------- */

/* The first three fields of a GUID are numbers, so their bytes are stored the other way round. */
static const uint8_t guid_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
static const char guid_form[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";

void bcd_options_object(const struct bcd *bcd, const struct bcd_element *element, char object[40])
{
	const uint8_t *guid = bcd->bytes + element->offset;
	size_t digit = 0;

	memcpy(object, guid_form, sizeof(guid_form));
	for (char *c = object; *c != '\0' && element->size >= sizeof(guid_order); c++) {
		if (*c != 'x')
			continue;
		*c = "0123456789abcdef"[guid[guid_order[digit / 2]] >> (digit % 2 == 0 ? 4 : 0) &
					0x0F];
		digit++;
	}
}

/* Stores a GUID that is given as text. */
static void guid_put(uint8_t guid[16], const char *object)
{
	size_t digit = 0;

	memset(guid, 0, 16);
	for (const char *c = object; *c != '\0' && digit < 32; c++) {
		const char pair[2] = {*c, '\0'};

		if (strchr("{}-", *c))
			continue;
		guid[guid_order[digit / 2]] |=
			(uint8_t)(strtoul(pair, NULL, 16) << (digit % 2 == 0 ? 4 : 0));
		digit++;
	}
}

static void descriptor_put_partition(uint8_t *descriptor, uint64_t offset, uint32_t signature)
{
	memset(descriptor, 0, BCD_PARTITION_SIZE - DESCRIPTOR_OFFSET);
	store_le32(descriptor + DESCRIPTOR_TYPE, TYPE_PARTITION);
	store_le32(descriptor + DESCRIPTOR_SIZE, BCD_PARTITION_SIZE - DESCRIPTOR_OFFSET);
	store_le64(descriptor + PARTITION_OFFSET, offset);
	store_le32(descriptor + PARTITION_STYLE, STYLE_MBR);
	store_le32(descriptor + PARTITION_SIGNATURE, signature);
}

void bcd_put_partition(uint8_t value[BCD_PARTITION_SIZE], uint64_t offset, uint32_t signature)
{
	memset(value, 0, DESCRIPTOR_OFFSET);
	descriptor_put_partition(value + DESCRIPTOR_OFFSET, offset, signature);
}

uint32_t bcd_put_ramdisk(uint8_t *value, uint32_t size, uint64_t offset, uint32_t signature,
			 const char *path, const char *options)
{
	const uint32_t parent = BCD_PARTITION_SIZE - DESCRIPTOR_OFFSET;
	uint32_t text = 2 * ((uint32_t)strlen(path) + 1);
	uint32_t length = DESCRIPTOR_OFFSET + RAMDISK_PARENT + parent + text;
	uint8_t *descriptor = value + DESCRIPTOR_OFFSET;

	if (length > size)
		return 0;
	memset(value, 0, length);
	guid_put(value, options);
	store_le32(descriptor + DESCRIPTOR_TYPE, TYPE_LOCAL);
	store_le32(descriptor + DESCRIPTOR_FLAGS, 1); /* has options */
	store_le32(descriptor + DESCRIPTOR_SIZE, length - DESCRIPTOR_OFFSET);
	store_le32(descriptor + LOCAL_SUBTYPE, SUBTYPE_RAMDISK);
	store_le32(descriptor + RAMDISK_FILE_VERSION, 1);
	store_le32(descriptor + RAMDISK_FILE_LENGTH,
		   length - DESCRIPTOR_OFFSET - RAMDISK_FILE_VERSION);
	store_le32(descriptor + RAMDISK_FILE_TYPE, FILE_OF_PATH);
	descriptor_put_partition(descriptor + RAMDISK_PARENT, offset, signature);
	for (uint32_t i = 0; path[i] != '\0'; i++) /* ASCII only */
		store_le16(descriptor + RAMDISK_PARENT + parent + 2 * i, (uint8_t)path[i]);
	return length;
}
