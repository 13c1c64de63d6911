/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stand-in for Windows' boot manager: follows \Boot\BCD on the partition that it came from to the
 * default entry's loader, says so step by step, and instead of starting the loader says
 * "BOOT OK DESCRIPTION from partition N" and ends the machine.
 *
 * What is wrong ends in the same status as with the real one.  Before all else it compares itself
 * in memory with its file, so a boot record that loads only a part of it is found out.
 */
#include "bios.h"
#include "bytes.h"
#include "ntfs.h"
#include "partitions.h"
#include "store.h"

#define OWN_START            0x20000u
#define BOOT_RECORD          0x7C00u /* still there; its BPB tells the partition */
#define BPB_HIDDEN           0x1Cu
#define STATUS_TOOL          0xC0000001u /* a tool's device cannot be opened */
#define STATUS_DEVICE        0xC000000Eu /* there is no such device */
#define STATUS_FILE          0xC000000Fu /* there is no such file */
#define STATUS_NOT_A_PROGRAM 0xC000007Bu
#define STATUS_STORE         0xC0000098u /* the store is damaged, or lacks what it must have */
#define STATUS_UNREADABLE    0xC00000E9u /* an I/O error */

#define TYPE_MEMORY_DIAGNOSTIC 0x10200005u

/* A device element: boot/environ/include/bl.h of ReactOS. */
#define DEVICE_TYPE      0x10u
#define DEVICE_OFFSET    0x20u
#define DEVICE_STYLE     0x34u
#define DEVICE_SIGNATURE 0x38u
#define DEVICE_SIZE      0x3Cu
#define DEVICE_BOOT      5u
#define DEVICE_PARTITION 6u
#define STYLE_MBR        1u

static const char boot_manager_object[] = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";

/* What every sample's loader has behind its headers, from here on. */
#define MARKER_OFFSET 0x200u
static const char marker[] = "stand-in for ";

struct place {
	uint8_t disk;
	uint32_t first_sector;
};

struct boot {
	struct memory memory;
	struct place own;     /* where this program came from */
	struct volume volume; /* the same */
	struct store store;
	char entry[GUID_LENGTH + 1]; /* the default one */
};

static _Noreturn void stop(uint32_t status, const char *why)
{
	struct line line = {.length = 0};

	add_text(&line, "Windows failed to start. ");
	add_text(&line, why);
	print_line(&line);
	add_text(&line, "Status: ");
	add_hexadecimal(&line, status, 8);
	print_line(&line);
	machine_stop(MACHINE_FAILED);
}

static void add_place(struct line *line, const struct place *place)
{
	add_text(line, "partition ");
	add_number(line, partition_at(place->disk, place->first_sector));
	add_text(line, " of disk ");
	add_hexadecimal(line, place->disk, 2);
}

static void print_place(const char *what, const struct place *place)
{
	struct line line = {.length = 0};

	add_text(&line, what);
	add_place(&line, place);
	print_line(&line);
}

static void print_size(const char *what, uint32_t size)
{
	struct line line = {.length = 0};

	add_text(&line, what);
	add_number(&line, size);
	add_text(&line, " bytes");
	print_line(&line);
}

static void print_wide(const char *what, const uint16_t *units, uint32_t length)
{
	struct line line = {.length = 0};

	add_text(&line, what);
	add_wide(&line, units, length);
	print_line(&line);
}

/* ---- itself -------------------------------------------------------------------------------- */

static void find_itself(struct boot *boot, uint8_t disk)
{
	static const uint16_t path[] = u"\\bootmgr";
	struct bytes content;

	boot->own = (struct place){
		.disk = disk,
		.first_sector = load32((const uint8_t *)BOOT_RECORD + BPB_HIDDEN),
	};
	print_place("bootmgr: from ", &boot->own);
	if (!volume_open(&boot->volume, &boot->memory, disk, boot->own.first_sector) ||
	    volume_read_file(&boot->volume, path, sizeof(path) / 2 - 1, &content) != FILE_READ)
		stop(STATUS_FILE, "\\bootmgr cannot be read again.");
	if (memcmp((const void *)OWN_START, content.data, content.length) != 0)
		stop(STATUS_NOT_A_PROGRAM, "\\bootmgr was not loaded as it is in its file.");
	print_size("bootmgr: loaded as it is in its file, ", content.length);
}

/* ---- the store ----------------------------------------------------------------------------- */

static void open_store(struct boot *boot)
{
	static const uint16_t path[] = u"\\Boot\\BCD";
	struct bytes hive;

	switch (volume_read_file(&boot->volume, path, sizeof(path) / 2 - 1, &hive)) {
	case FILE_READ:
		break;
	case FILE_MISSING:
		stop(STATUS_FILE, "\\Boot\\BCD is missing.");
	case FILE_UNREADABLE:
		stop(STATUS_UNREADABLE, "\\Boot\\BCD cannot be read.");
	}
	if (!store_open(&boot->store, hive))
		stop(STATUS_STORE, "\\Boot\\BCD is damaged.");
	print_size("store: \\Boot\\BCD, ", hive.length);
}

static void find_default_entry(struct boot *boot)
{
	struct line line = {.length = 0};
	struct bytes guid;

	if (!store_element(&boot->store, boot_manager_object, "23000003", &guid) ||
	    guid.length < 2 * GUID_LENGTH)
		stop(STATUS_STORE, "\\Boot\\BCD has no default entry.");
	for (uint32_t i = 0; i < GUID_LENGTH; i++)
		boot->entry[i] = (char)guid.data[2 * i];
	boot->entry[GUID_LENGTH] = '\0';
	if (store_type(&boot->store, boot->entry) == 0)
		stop(STATUS_STORE, "The default entry is missing in \\Boot\\BCD.");
	add_text(&line, "entry: ");
	add_text(&line, boot->entry);
	print_line(&line);
}

static struct bytes entry_element(const struct boot *boot, const char *element)
{
	struct bytes data;

	if (!store_element(&boot->store, boot->entry, element, &data))
		stop(STATUS_STORE, "The default entry is incomplete.");
	return data;
}

/* A string element: its units, without the final zero; they are aligned, as every cell is. */
static const uint16_t *entry_string(const struct boot *boot, const char *element, uint32_t *length)
{
	struct bytes data = entry_element(boot, element);
	const uint16_t *units = (const uint16_t *)(const void *)data.data;

	for (*length = 0; *length < data.length / 2 && units[*length] != 0;)
		++*length;
	return units;
}

/* ---- the loader ---------------------------------------------------------------------------- */

static bool find_partition(const struct bytes *device, struct place *place)
{
	uint64_t offset;

	if (device->length < DEVICE_SIZE ||
	    load32(device->data + DEVICE_TYPE) != DEVICE_PARTITION ||
	    load32(device->data + DEVICE_STYLE) != STYLE_MBR)
		return false;
	offset = load64(device->data + DEVICE_OFFSET);
	place->disk = disk_with_signature(load32(device->data + DEVICE_SIGNATURE));
	place->first_sector = (uint32_t)(offset / SECTOR_SIZE);
	return place->disk != 0 && offset / SECTOR_SIZE <= UINT32_MAX &&
	       partition_at(place->disk, place->first_sector) != 0;
}

static struct place find_device(const struct boot *boot)
{
	struct bytes device = entry_element(boot, "11000001");
	struct place place = boot->own;

	if ((device.length < DEVICE_TYPE + 4 || load32(device.data + DEVICE_TYPE) != DEVICE_BOOT) &&
	    !find_partition(&device, &place))
		stop(STATUS_DEVICE, "The default entry's device is not here.");
	print_place("device: ", &place);
	return place;
}

static void load(struct boot *boot, const struct place *place, struct bytes *loader)
{
	uint32_t length;
	const uint16_t *path = entry_string(boot, "12000002", &length);
	struct volume volume;

	if (!volume_open(&volume, &boot->memory, place->disk, place->first_sector))
		stop(store_type(&boot->store, boot->entry) == TYPE_MEMORY_DIAGNOSTIC
			     ? STATUS_TOOL
			     : STATUS_DEVICE,
		     "The default entry's device has no NTFS volume.");
	print_wide("loader: ", path, length);
	switch (volume_read_file(&volume, path, length, loader)) {
	case FILE_READ:
		break;
	case FILE_MISSING:
		stop(STATUS_FILE, "The default entry's loader is missing.");
	case FILE_UNREADABLE:
		stop(STATUS_UNREADABLE, "The default entry's loader cannot be read.");
	}
	if (!lies_within(MARKER_OFFSET, sizeof(marker) - 1, loader->length) ||
	    memcmp(loader->data, "MZ", 2) != 0 ||
	    memcmp(loader->data + MARKER_OFFSET, marker, sizeof(marker) - 1) != 0)
		stop(STATUS_NOT_A_PROGRAM, "The default entry's loader is damaged.");
}

static _Noreturn void succeed(const struct boot *boot, const struct place *place)
{
	struct line line = {.length = 0};
	uint32_t length;
	const uint16_t *description = entry_string(boot, "12000004", &length);

	add_text(&line, "BOOT OK ");
	add_wide(&line, description, length);
	add_text(&line, " from ");
	add_place(&line, place);
	print_line(&line);
	machine_stop(MACHINE_BOOTED);
}

/* Called by entry.asm; the disk is the one that the BIOS started. */
_Noreturn void boot_manager(uint8_t disk);

_Noreturn void boot_manager(uint8_t disk)
{
	struct boot boot = {.memory = memory_all()};
	struct bytes loader;
	struct place place;

	find_itself(&boot, disk);
	open_store(&boot);
	find_default_entry(&boot);
	place = find_device(&boot);
	load(&boot, &place, &loader);
	print_size("loader: ", loader.length);
	succeed(&boot, &place);
}
