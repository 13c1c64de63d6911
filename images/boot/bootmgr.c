/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stand-in for Windows' boot manager: follows \Boot\BCD on the partition that it came from to the
 * default entry's loader, says so step by step, and instead of starting the loader says
 * "BOOT OK DESCRIPTION from partition N" and ends the machine.  Before that it tells of each entry
 * of its menu whether what it would start is there.
 *
 * What is wrong ends in the same status as with the real one.  Before all else it compares itself
 * in memory with its file, so a boot record that loads only a part of it is found out.
 */
#include "bios.h"
#include "bytes.h"
#include "menu.h"

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

/* What every sample's loader has behind its headers, from here on. */
#define MARKER_OFFSET 0x200u
static const char marker[] = "stand-in for ";

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

	if (!store_listed(&boot->store, STORE_BOOT_MANAGER, "23000003", 0, boot->entry))
		stop(STATUS_STORE, "\\Boot\\BCD has no default entry.");
	if (store_type(&boot->store, boot->entry) == 0)
		stop(STATUS_STORE, "The default entry is missing in \\Boot\\BCD.");
	add_text(&line, "entry: ");
	add_text(&line, boot->entry);
	print_line(&line);
}

static _Noreturn void stop_incomplete(void)
{
	stop(STATUS_STORE, "The default entry is incomplete.");
}

static const uint16_t *entry_string(const struct boot *boot, const char *element, uint32_t *length)
{
	const uint16_t *units;

	if (!store_string(&boot->store, boot->entry, element, &units, length))
		stop_incomplete();
	return units;
}

/* ---- the loader ---------------------------------------------------------------------------- */

static struct place find_device(const struct boot *boot)
{
	struct bytes device;
	struct place place;

	if (!store_element(&boot->store, boot->entry, "11000001", &device))
		stop_incomplete();
	if (!device_find(&device, &boot->own, &place))
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
	menu_print(&boot);
	succeed(&boot, &place);
}
