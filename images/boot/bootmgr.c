/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stand-in for Windows' boot manager: follows \Boot\BCD on the partition that it came from to the
 * default entry's loader, says so step by step, and instead of starting the loader does what a
 * loader does first, says "BOOT OK DESCRIPTION from partition N" and ends the machine.  Before that
 * it tells of each entry of its menu whether what it would start is there, if somebody listens.
 *
 * It reads the same files as the real one, in the same order, although it needs only some of them.
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

#define TYPE_WINDOWS           0x10200003u
#define TYPE_MEMORY_DIAGNOSTIC 0x10200005u

#define BOOT_SECTORS  16u
#define LOCALE_LENGTH 16u /* more than any has */

/* What every sample's loader has behind its headers, from here on. */
#define MARKER_OFFSET 0x200u
static const char marker[] = "stand-in for ";

/* A path of this program, and how many units it has. */
#define PATH(text) u##text, sizeof(u##text) / 2 - 1

/* Reads a file of the own volume whose content does not matter here. */
static void read_if_there(struct boot *boot, const uint16_t *path, uint32_t length)
{
	struct bytes ignored;

	volume_read_file(&boot->volume, path, length, &ignored);
}

static _Noreturn void stop_at_once(uint32_t status, const char *why)
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

/* The screen for errors has a font of its own. */
static _Noreturn void stop(struct boot *boot, uint32_t status, const char *why)
{
	read_if_there(boot, PATH("\\Boot\\Fonts\\wgl4_boot.ttf"));
	stop_at_once(status, why);
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
	struct bytes content;

	boot->own = (struct place){
		.disk = disk,
		.first_sector = load32((const uint8_t *)BOOT_RECORD + BPB_HIDDEN),
	};
	print_place("bootmgr: from ", &boot->own);
	if (!volume_open(&boot->volume, &boot->memory, disk, boot->own.first_sector) ||
	    volume_read_file(&boot->volume, PATH("\\bootmgr"), &content) != FILE_READ)
		stop_at_once(STATUS_FILE, "\\bootmgr cannot be read again.");
	if (memcmp((const void *)OWN_START, content.data, content.length) != 0)
		stop_at_once(STATUS_NOT_A_PROGRAM,
			     "\\bootmgr was not loaded as it is in its file.");
	print_size("bootmgr: loaded as it is in its file, ", content.length);
}

/* ---- the store ----------------------------------------------------------------------------- */

static void open_store(struct boot *boot)
{
	struct bytes hive;

	read_if_there(boot, PATH("\\Boot\\Fonts\\wgl4_boot.ttf"));
	switch (volume_read_file(&boot->volume, PATH("\\Boot\\BCD"), &hive)) {
	case FILE_READ:
		break;
	case FILE_MISSING:
		stop(boot, STATUS_FILE, "\\Boot\\BCD is missing.");
	case FILE_UNREADABLE:
		stop(boot, STATUS_UNREADABLE, "\\Boot\\BCD cannot be read.");
	}
	if (!store_open(&boot->store, hive))
		stop(boot, STATUS_STORE, "\\Boot\\BCD is damaged.");
	print_size("store: \\Boot\\BCD, ", hive.length);
}

/* The texts in the language of the menu, and the file that tells whether the last start went well. */
static void read_own_files(struct boot *boot)
{
	static const uint16_t folder[] = u"\\Boot\\", file[] = u"\\bootmgr.exe.mui";
	uint16_t path[sizeof(folder) / 2 + LOCALE_LENGTH + sizeof(file) / 2];
	uint32_t length = sizeof(folder) / 2 - 1, locale_length;
	const uint16_t *locale;

	if (store_string(&boot->store, STORE_BOOT_MANAGER, "12000005", &locale, &locale_length) &&
	    locale_length <= LOCALE_LENGTH) {
		memcpy(path, folder, length * 2);
		memcpy(path + length, locale, locale_length * 2);
		length += locale_length;
		memcpy(path + length, file, sizeof(file) - 2);
		read_if_there(boot, path, length + sizeof(file) / 2 - 1);
	}
	read_if_there(boot, PATH("\\Boot\\BOOTSTAT.DAT"));
}

static void find_default_entry(struct boot *boot)
{
	struct line line = {.length = 0};

	if (!store_listed(&boot->store, STORE_BOOT_MANAGER, "23000003", 0, boot->entry))
		stop(boot, STATUS_STORE, "\\Boot\\BCD has no default entry.");
	if (store_type(&boot->store, boot->entry) == 0)
		stop(boot, STATUS_STORE, "The default entry is missing in \\Boot\\BCD.");
	add_text(&line, "entry: ");
	add_text(&line, boot->entry);
	print_line(&line);
}

static _Noreturn void stop_incomplete(struct boot *boot)
{
	stop(boot, STATUS_STORE, "The default entry is incomplete.");
}

static const uint16_t *entry_string(struct boot *boot, const char *element, uint32_t *length)
{
	const uint16_t *units;

	if (!store_string(&boot->store, boot->entry, element, &units, length))
		stop_incomplete(boot);
	return units;
}

/* ---- the loader ---------------------------------------------------------------------------- */

static struct place find_device(struct boot *boot)
{
	struct bytes device;
	struct place place;

	if (!store_element(&boot->store, boot->entry, "11000001", &device))
		stop_incomplete(boot);
	if (!boot_find_device(boot, boot->entry, &device, &place))
		stop(boot, STATUS_DEVICE, "The default entry's device is not here.");
	print_place("device: ", &place);
	return place;
}

static void load(struct boot *boot, const struct place *place, struct bytes *loader)
{
	uint32_t length;
	const uint16_t *path = entry_string(boot, "12000002", &length);
	struct volume volume;

	if (!volume_open(&volume, &boot->memory, place->disk, place->first_sector))
		stop(boot,
		     store_type(&boot->store, boot->entry) == TYPE_MEMORY_DIAGNOSTIC
			     ? STATUS_TOOL
			     : STATUS_DEVICE,
		     "The default entry's device has no NTFS volume.");
	print_wide("loader: ", path, length);
	switch (volume_read_file(&volume, path, length, loader)) {
	case FILE_READ:
		break;
	case FILE_MISSING:
		stop(boot, STATUS_FILE, "The default entry's loader is missing.");
	case FILE_UNREADABLE:
		stop(boot, STATUS_UNREADABLE, "The default entry's loader cannot be read.");
	}
	if (!lies_within(MARKER_OFFSET, sizeof(marker) - 1, loader->length) ||
	    memcmp(loader->data, "MZ", 2) != 0 ||
	    memcmp(loader->data + MARKER_OFFSET, marker, sizeof(marker) - 1) != 0)
		stop(boot, STATUS_NOT_A_PROGRAM, "The default entry's loader is damaged.");
}

/* What a loader does first, once it runs. */
static void run_loader(struct boot *boot, const struct place *place)
{
	uint8_t *sectors = memory_take(&boot->memory, BOOT_SECTORS * SECTOR_SIZE);
	struct volume volume;
	struct bytes hive;

	if (store_type(&boot->store, boot->entry) != TYPE_WINDOWS || sectors == NULL ||
	    !disk_read(place->disk, 0, 1, sectors) ||
	    !disk_read(place->disk, place->first_sector, BOOT_SECTORS, sectors) ||
	    !volume_open(&volume, &boot->memory, place->disk, place->first_sector))
		return;
	volume_read_file(&volume, PATH("\\Windows\\System32\\config\\SYSTEM"), &hive);
}

static _Noreturn void succeed(struct boot *boot, const struct place *place)
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
	read_own_files(&boot);
	find_default_entry(&boot);
	place = find_device(&boot);
	load(&boot, &place, &loader);
	print_size("loader: ", loader.length);
	run_loader(&boot, &place);
	if (somebody_listens()) /* the real one does not read what else its menu leads to */
		menu_print(&boot);
	succeed(&boot, &place);
}
