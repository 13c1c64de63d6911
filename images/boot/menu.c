/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "menu.h"

#include "legacy.h"

#define TYPE_LEGACY_LOADER 0x10300006u

static void print_nothing(const char *guid, const char *why)
{
	struct line line = {.length = 0};

	boot_begin_line(&line, guid);
	add_text(&line, why);
	print_line(&line);
}

/* A file on a device, as elements give both. */
static void print_device(struct boot *boot, const char *guid, const struct bytes *device,
			 const uint16_t *path, uint32_t length)
{
	struct bytes content;
	struct place place;

	if (!boot_find_device(boot, guid, device, &place))
		print_nothing(guid, "its device is not here");
	else if (boot_print_file(boot, guid, &place, path, length, &content) &&
		 store_type(&boot->store, guid) == TYPE_LEGACY_LOADER)
		legacy_print(boot, guid, &place);
}

/* A GUID as text; its first three fields are stored the other way round. */
static void write_guid(const uint8_t *bytes, char guid[GUID_LENGTH + 1])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	char *to = guid;

	*to++ = '{';
	for (unsigned i = 0; i < sizeof(order); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = "0123456789abcdef"[bytes[order[i]] >> 4];
		*to++ = "0123456789abcdef"[bytes[order[i]] & 0xF];
	}
	*to++ = '}';
	*to = '\0';
}

/* The file that the RAM disk is made of, and the one that says how, of its further options. */
static void print_ram_disk(struct boot *boot, const char *guid, const struct bytes *device,
			   const struct ram_disk *ram_disk)
{
	char options[GUID_LENGTH + 1];
	const uint16_t *path;
	struct bytes parent;
	uint32_t length;

	print_device(boot, guid, &ram_disk->parent, ram_disk->path, ram_disk->path_length);
	write_guid(device->data, options);
	if (store_element(&boot->store, options, "31000003", &parent) &&
	    store_string(&boot->store, options, "32000004", &path, &length))
		print_device(boot, guid, &parent, path, length);
}

static void print_entry(struct boot *boot, const char *guid)
{
	struct bytes device;
	struct ram_disk ram_disk;
	const uint16_t *path;
	uint32_t length;

	if (!store_element(&boot->store, guid, "11000001", &device) ||
	    !store_string(&boot->store, guid, "12000002", &path, &length))
		print_nothing(guid, "it is incomplete");
	else if (device_ram_disk(&device, &ram_disk))
		print_ram_disk(boot, guid, &device, &ram_disk);
	else
		print_device(boot, guid, &device, path, length);
}

void menu_print(struct boot *boot)
{
	static const char *const lists[] = {"24000001", "24000010"}; /* systems, tools */
	char guid[GUID_LENGTH + 1];

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (uint32_t j = 0;
		     store_listed(&boot->store, STORE_BOOT_MANAGER, lists[i], j, guid); j++)
			print_entry(boot, guid);
}
