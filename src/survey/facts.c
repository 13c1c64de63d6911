/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "survey/facts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/bytes.h"

/* Bytes.  Copies need clusters for more than their content: index blocks, file records and security
 * descriptors. */
#define ROOM_MARGIN (1u << 20)

void facts_begin(struct facts *facts, uint64_t disk_size, const struct bs_options *options)
{
	*facts = (struct facts){
		.wanted_system = options->system_partition,
		.wanted_boot = options->boot_partition,
		.needed_room =
			options->needed_room != 0 ? options->needed_room : BS_DEFAULT_PE_SIZE,
		.only_needed = options->only_needed,
		.may_restore = options->restore_signature,
		.may_rebuild = options->rebuild,
		.disk_size = disk_size,
		.active_index = -1,
		.system_index = -1,
		.starts.index = -1,
		.windows_index = -1,
		.boot_index = -1,
		.rebuild = {.index = -1, .recovery_index = -1},
	};
}

void facts_free(struct facts *facts)
{
	fact_files_free(&facts->files);
	fact_elements_free(&facts->elements);
	fact_store_free(&facts->rebuild.template);
	fact_store_free(&facts->rebuild.kept);
}

/* ---- partitions ---------------------------------------------------------------------------- */

struct bs_partition facts_partition(uint32_t number, const struct mbr_entry *entry,
				    uint64_t base_lba)
{
	return (struct bs_partition){
		.number = number,
		.type = entry->type,
		.active = number <= MBR_ENTRIES && entry->flag == MBR_ACTIVE,
		.start = (base_lba + entry->first_lba) * SECTOR_SIZE,
		.size = (uint64_t)entry->sectors * SECTOR_SIZE,
		.filesystem = mbr_is_extended(entry->type) ? BS_FS_EXTENDED : BS_FS_UNKNOWN,
	};
}

int32_t facts_index(const struct facts *facts, uint32_t number)
{
	for (uint32_t i = 0; i < facts->partition_count; i++)
		if (facts->partitions[i].is.number == number &&
		    facts->partitions[i].is.filesystem != BS_FS_EXTENDED)
			return (int32_t)i;
	return -1;
}

int32_t facts_choose_system(const struct facts *facts)
{
	uint32_t wanted = facts->wanted_system;

	if (wanted != 0) /* only a primary partition can be active */
		return wanted <= MBR_ENTRIES ? facts_index(facts, wanted) : -1;
	if (facts->active_count != 1 ||
	    facts->partitions[facts->active_index].is.filesystem == BS_FS_EXTENDED)
		return -1;
	return facts->active_index;
}

int32_t facts_resolve(const struct facts *facts, const struct bcd_device *device)
{
	if (device->file != BCD_NO_FILE)
		return -1;
	if (device->kind == BCD_DEVICE_BOOT)
		return facts->system_index;
	if (device->kind != BCD_DEVICE_PARTITION || device->disk_signature != facts->disk_signature)
		return -1;
	for (uint32_t i = 0; i < facts->partition_count; i++)
		if (facts->partitions[i].is.start == device->partition_offset &&
		    facts->partitions[i].is.filesystem != BS_FS_EXTENDED)
			return (int32_t)i;
	return -1;
}

bool facts_is_readable(const struct facts *facts, int32_t index)
{
	const struct bs_partition *partition = &facts->partitions[index].is;

	return (partition->filesystem == BS_FS_NTFS || partition->filesystem == BS_FS_FAT) &&
	       partition->usage_known;
}

bool facts_are_apart(const struct facts *facts)
{
	return facts->system_index >= 0 && facts->boot_index >= 0 &&
	       facts->system_index != facts->boot_index;
}

bool facts_give_files(const struct facts *facts)
{
	return facts->rebuilds || facts_are_apart(facts);
}

bool facts_move_from_fat(const struct facts *facts)
{
	return facts_are_apart(facts) && !facts->rebuilds &&
	       facts->partitions[facts->system_index].is.filesystem == BS_FS_FAT;
}

bool facts_need_boot_code(const struct facts *facts)
{
	const struct fact_partition *boot;

	if (!facts_give_files(facts) || !facts_is_readable(facts, facts->boot_index))
		return false;
	boot = &facts->partitions[facts->boot_index];
	if (boot->boot_record.kind != VBR_BOOTMGR)
		return facts->system_index >= 0 &&
		       facts->partitions[facts->system_index].boot_record.kind == VBR_BOOTMGR;
	return boot->boot_record.hidden_sectors != boot->is.start / SECTOR_SIZE;
}

bool facts_has_default(const struct facts *facts)
{
	return facts->bcd == BCD_GOOD && facts->first.has_device;
}

bool facts_is_lost(const struct facts *facts)
{
	return facts_has_default(facts) && facts->starts.index < 0;
}

bool facts_is_ambiguous(const struct facts *facts)
{
	return facts_is_lost(facts) && facts->starts.located.count > 1;
}

/*
 * A device of the BCD that names the disk as it is contradicts the others: with another signature,
 * its entry would break.  If the registry of Windows has the disk's signature or none, such a device
 * means that the default entry is for another disk.
 */
static enum fact_testimony facts_of_menu(const struct facts *facts)
{
	const struct fact_entry *starts = &facts->starts;
	uint32_t named = starts->device.disk_signature;

	if (named == 0) /* no Windows gives a disk this signature */
		return TESTIMONY_NONE;
	if (!starts->witness_known)
		return facts->store_names_disk ? TESTIMONY_NONE : TESTIMONY_MENU;
	if (starts->witness == facts->found_signature)
		return TESTIMONY_NONE;
	return starts->witness == named && !facts->store_names_disk ? TESTIMONY_BOTH
								    : TESTIMONY_DISPUTED;
}

enum fact_testimony facts_testimony(const struct facts *facts)
{
	const struct fact_entry *starts = &facts->starts;

	if (starts->is_at_place)
		return facts_of_menu(facts);
	if (!starts->witness_known || starts->witness == 0 ||
	    starts->witness == facts->found_signature || facts->store_names_disk)
		return TESTIMONY_NONE;
	return TESTIMONY_REGISTRY;
}

uint32_t facts_choose_signature(const struct facts *facts)
{
	enum fact_testimony testimony = facts_testimony(facts);

	if (testimony == TESTIMONY_BOTH || (testimony == TESTIMONY_MENU && facts->may_restore))
		return facts->starts.device.disk_signature;
	if (testimony == TESTIMONY_REGISTRY && facts->may_restore)
		return facts->starts.witness;
	return facts->found_signature;
}

bool facts_restores_signature(const struct facts *facts)
{
	return facts->disk_signature != facts->found_signature;
}

bool facts_signature_changed(const struct facts *facts, const struct fact_entry *entry)
{
	enum fact_testimony testimony = facts_testimony(facts);

	return entry->is_at_place && (testimony == TESTIMONY_BOTH || testimony == TESTIMONY_MENU);
}

bool facts_is_on_other_disk(const struct facts *facts)
{
	const struct bcd_device *device = &facts->starts.device;

	return facts_is_lost(facts) && facts_testimony(facts) == TESTIMONY_NONE &&
	       device->file == BCD_NO_FILE && device->kind == BCD_DEVICE_PARTITION &&
	       device->disk_signature != facts->disk_signature;
}

struct fact_room facts_room(const struct facts *facts)
{
	struct fact_room room = {.is_known = false};
	const struct bs_partition *boot;
	uint64_t copies = facts->stream_bytes;

	if (!facts_give_files(facts) || !facts->partitions[facts->boot_index].is.usage_known)
		return room;
	boot = &facts->partitions[facts->boot_index].is;
	room.is_known = true;
	/* The lengths of streams come from the image and can be any number.  So check for overflow. */
	for (uint32_t i = 0; i < facts->files.count; i++)
		if (!facts->files.items[i].stays && !add_u64(copies, boot->cluster_size, &copies))
			copies = UINT64_MAX;
	if (!add_u64(copies, ROOM_MARGIN, &room.needed))
		room.needed = UINT64_MAX;
	if (!add_u64(boot->free, facts->replaced_bytes, &room.available) ||
	    room.available > boot->size)
		room.available = boot->size;
	room.after = room.available > copies ? room.available - copies : 0;
	return room;
}

/* ---- bootmgr, and what Windows keeps of the boot files --------------------------------------- */

bool facts_is_ordinary(const struct fact_bootmgr *bootmgr)
{
	return bootmgr->is_there &&
	       !(bootmgr->attributes & (FILE_IS_REPARSE_POINT | FILE_IS_ENCRYPTED));
}

const char *facts_bootmgr_damage(const struct fact_bootmgr *bootmgr)
{
	if (!facts_is_ordinary(bootmgr))
		return NULL;
	if (bootmgr->attributes & FILE_IS_COMPRESSED)
		return "compressed"; /* the boot record says so and stops */
	if (bootmgr->attributes & FILE_IS_SPARSE)
		return "sparse";
	if (bootmgr->size == 0)
		return "empty";
	if (bootmgr->size < BOOTMGR_SIZE_MIN)
		return "too small";
	if (bootmgr->size > BOOTMGR_SIZE_MAX)
		return "too large";
	if (bootmgr->is_zeros)
		return "nothing but zeros";
	if (bootmgr->is_program) /* bootmgr.exe or bootmgfw.efi, renamed */
		return "a program of Windows or UEFI, which boot code cannot start";
	return NULL;
}

/*
 * Whether the system volume is lost: no volume is where it should be, or the volume is damaged.  If
 * none is active, another one may still have the boot files.
 */
static bool facts_lack_system_volume(const struct facts *facts)
{
	const struct fact_partition *system;

	for (uint32_t i = 0; facts->system_index < 0 && i < facts->partition_count; i++)
		if (facts->partitions[i].is.has_boot_files)
			return false;
	if (facts->system_index < 0)
		return facts->wanted_system == 0;
	system = &facts->partitions[facts->system_index];
	return system->is.filesystem == BS_FS_UNKNOWN || system->obstacle == BS_NTFS_DAMAGED ||
	       facts->system_error.code == BS_NTFS_DAMAGED;
}

bool facts_lack_boot_files(const struct facts *facts)
{
	if (facts->table != TABLE_GOOD)
		return false;
	if (facts->must_rebuild || facts_lack_system_volume(facts))
		return true;
	if (!facts->bootmgr.was_read)
		return false;
	return !facts_is_ordinary(&facts->bootmgr) || facts_bootmgr_damage(&facts->bootmgr) ||
	       facts->bcd != BCD_GOOD || facts->bcd_outdated || !facts->first.has_device;
}

bool facts_lack_windows(const struct facts *facts)
{
	return facts->may_rebuild && !facts->rebuilds && facts_lack_boot_files(facts);
}

bool facts_can_rebuild(const struct facts *facts)
{
	const struct fact_rebuild *rebuild = &facts->rebuild;

	return rebuild->index >= 0 && facts_is_ordinary(&rebuild->bootmgr) &&
	       !facts_bootmgr_damage(&rebuild->bootmgr) &&
	       rebuild->template_kind == TEMPLATE_GOOD &&
	       (rebuild->machine == PE_MACHINE_X86 || rebuild->machine == PE_MACHINE_AMD64);
}

bool facts_may_write_active(const struct facts *facts)
{
	const struct bs_partition *boot = &facts->partitions[facts->boot_index].is;
	bool is_system =
		facts->wanted_system != 0 ? boot->number == facts->wanted_system : boot->active;
	uint32_t others = 0;

	if (facts->wanted_boot != 0 || !is_system)
		return true;
	for (int32_t i = 0; i < (int32_t)facts->partition_count; i++)
		others += i != facts->boot_index && facts->partitions[i].is.number <= MBR_ENTRIES;
	return others == 0;
}

const struct fact_kept fact_kept[FACT_KEPT] = {
	{BOOT_MANAGER, KEPT_BOOTMGR},
	{"\\BOOTNXT", "\\Windows\\Boot\\PCAT\\bootnxt"},
	{BOOT_FOLDER, "\\Windows\\Boot\\PCAT"},
	{BOOT_FOLDER "\\Fonts", "\\Windows\\Boot\\Fonts"},
	{BOOT_FOLDER "\\Resources", "\\Windows\\Boot\\Resources"},
	{BOOT_BCD_PATH, KEPT_TEMPLATE},
};

/* What lies in another folder comes later in the list than the folder. */
void facts_source(const char *path, char source[BS_PATH_MAX])
{
	size_t i = FACT_KEPT;

	while (i > 1 && !facts_lies_in(path, fact_kept[i - 1].path))
		i--;
	snprintf(source, BS_PATH_MAX, "%s%s", fact_kept[i - 1].source,
		 path + strlen(fact_kept[i - 1].path));
}

/* ---- files --------------------------------------------------------------------------------- */

const struct fact_file *facts_find(const struct facts *facts, const char *path)
{
	for (uint32_t i = 0; i < facts->files.count; i++)
		if (strcasecmp(facts->files.items[i].file.path, path) == 0)
			return &facts->files.items[i];
	return NULL;
}

const struct bs_plan_file *facts_find_file(const struct facts *facts, const char *path)
{
	const struct fact_file *found = facts_find(facts, path);

	return found && !found->file.is_folder ? &found->file : NULL;
}

bool facts_lies_in(const char *path, const char *item)
{
	size_t length = strlen(item);

	return strncasecmp(path, item, length) == 0 &&
	       (path[length] == '\0' || path[length] == '\\');
}

const struct boot_item *facts_item(const struct facts *facts, const char *path)
{
	for (uint32_t i = 0; i < facts->item_count; i++)
		if (facts_lies_in(path, facts->items[i].path))
			return &facts->items[i];
	return NULL;
}

/* ---- elements ------------------------------------------------------------------------------ */

static bool element_is_real_mode(const struct fact_element *element)
{
	return element->file == BCD_NO_FILE &&
	       (element->application == BCD_APPLICATION_NTLDR ||
		element->application == BCD_APPLICATION_SETUPLDR ||
		element->application == BCD_APPLICATION_BOOT_SECTOR ||
		element->application == BCD_APPLICATION_STARTUP);
}

/* Windows itself does not move, so an entry that starts it from a `boot` device would break. */
static bool element_is_windows(const struct fact_element *element)
{
	return element->file == BCD_VHD ||
	       (element->file == BCD_NO_FILE && (element->application == BCD_APPLICATION_WINDOWS ||
						 element->application == BCD_APPLICATION_RESUME));
}

/*
 * If a file moves, the fix retargets the elements that name it by partition.  After the fix, `boot`
 * means the boot volume.  So a file that an element names by `boot` must move, or its entry breaks.
 * A file named by partition can stay, for example the recovery environment.  But code that bootmgr
 * starts like a boot record moves in any case, because only the boot menu uses it.
 */
enum fact_fate facts_fate(const struct facts *facts, const struct fact_element *element)
{
	bool is_file = element->found.kind == FOUND_FILE;

	if (!element->by_boot && !element->on_system)
		return FATE_OPEN;
	/* Without the file, the entry did not start before the fix either. */
	if (element->found.kind == FOUND_NOTHING || facts_find_file(facts, element->found.path))
		return FATE_OPEN;
	if (element_is_real_mode(element)) {
		if (element->application == BCD_APPLICATION_NTLDR &&
		    strcasecmp(element->found.path, "\\ntldr") == 0)
			return FATE_LEGACY;
		return is_file ? FATE_OTHER_CODE : FATE_OPEN;
	}
	if (!element->by_boot)
		return FATE_OPEN;
	if (element_is_windows(element))
		return FATE_BREAKS;
	return is_file ? FATE_MOVES : FATE_OPEN;
}

bool facts_is_retargeted(const struct facts *facts, const struct fact_element *element)
{
	return element->on_system && facts_find_file(facts, element->found.path);
}

/* ---- an earlier Windows -------------------------------------------------------------------- */

/* ntldr, and the files that it loads or reads.  \\ntldr exists when these files are looked for. */
const struct fact_legacy_name fact_legacy_names[LEGACY_FILES] = {
	{"\\ntldr", false},       {"\\NTDETECT.COM", false}, {BOOT_INI_PATH, false},
	{"\\bootfont.bin", true}, {"\\NTBOOTDD.SYS", true},
};

bool facts_is_unfit(const struct fact_legacy *legacy, uint32_t index)
{
	const struct fact_found *found = &legacy->files[index];

	return found->kind == FOUND_FOLDER || (found->kind == FOUND_FILE && found->size == 0 &&
					       !fact_legacy_names[index].may_be_empty);
}
