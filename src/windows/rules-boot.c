/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on the boot volume, on what moves there, and on both volumes. */
#include <string.h>
#include <strings.h>

#include "util/bytes.h"
#include "windows/rules.h"

/* Bytes.  The clusters that copies take beyond their content: index blocks, records,
 * descriptors. */
#define ROOM_MARGIN (1u << 20)

static const struct bs_partition *boot_partition(const struct facts *facts)
{
	return &facts->partitions[facts->boot_index].is;
}

/* ---- errors of the volumes ----------------------------------------------------------------- */

/* A file that cannot be handled has a code of its own; all else is damage to the volume. */
static bool say_error(const struct facts *facts, const struct bs_error *error, bool is_file,
		      const char *role, int32_t index, struct ruling *ruling)
{
	return error->code != BS_OK && (error->code == BS_BOOT_FILE_UNSUPPORTED) == is_file &&
	       say(ruling, "the %s volume (partition %u): %.400s", role,
		   facts->partitions[index].is.number, error->message);
}

bool rule_menu_target_cannot_be_read(const struct facts *facts, struct ruling *ruling)
{
	return say_error(facts, &facts->elements_error, true, "boot", facts->boot_index, ruling);
}

bool rule_menu_target_is_damaged(const struct facts *facts, struct ruling *ruling)
{
	return say_error(facts, &facts->elements_error, false, "boot", facts->boot_index, ruling);
}

bool rule_system_cannot_be_read(const struct facts *facts, struct ruling *ruling)
{
	return say_error(facts, &facts->system_error, true, "system", facts->system_index, ruling);
}

bool rule_system_is_damaged(const struct facts *facts, struct ruling *ruling)
{
	return say_error(facts, &facts->system_error, false, "system", facts->system_index, ruling);
}

bool rule_boot_cannot_be_read(const struct facts *facts, struct ruling *ruling)
{
	return say_error(facts, &facts->boot_error, true, "boot", facts->boot_index, ruling);
}

bool rule_boot_is_damaged(const struct facts *facts, struct ruling *ruling)
{
	return say_error(facts, &facts->boot_error, false, "boot", facts->boot_index, ruling);
}

/* ---- loaders ------------------------------------------------------------------------------- */

#define LOADER_IS_MISSING    "missing or empty"
#define LOADER_IS_NO_PROGRAM "no program: it does not begin like one"

bool rule_default_loader_is_good(const struct facts *facts, struct ruling *ruling)
{
	return facts->default_loader.kind == LOADER_GOOD &&
	       say_link(ruling, "%.180s, %llu bytes", facts->starts.path,
			(unsigned long long)facts->default_loader.size);
}

bool rule_default_loader_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return facts->default_loader.kind == LOADER_MISSING &&
	       say_link(ruling, "%.180s is " LOADER_IS_MISSING, facts->starts.path);
}

bool rule_default_loader_is_no_program(const struct facts *facts, struct ruling *ruling)
{
	return facts->default_loader.kind == LOADER_NO_PROGRAM &&
	       say_link(ruling, "%.180s is " LOADER_IS_NO_PROGRAM, facts->starts.path);
}

bool rule_loader_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return facts->loader.kind == LOADER_MISSING &&
	       say(ruling, "%.300s on partition %u is " LOADER_IS_MISSING, facts->loader_path,
		   boot_partition(facts)->number);
}

bool rule_loader_is_no_program(const struct facts *facts, struct ruling *ruling)
{
	return facts->loader.kind == LOADER_NO_PROGRAM &&
	       say(ruling, "%.300s on partition %u is " LOADER_IS_NO_PROGRAM, facts->loader_path,
		   boot_partition(facts)->number);
}

/* ---- the boot record ----------------------------------------------------------------------- */

bool rule_no_boot_code_anywhere(const struct facts *facts, struct ruling *ruling)
{
	return facts_are_apart(facts) && facts_is_readable(facts, facts->boot_index) &&
	       facts->partitions[facts->boot_index].boot_record.kind != VBR_BOOTMGR &&
	       facts->partitions[facts->system_index].boot_record.kind != VBR_BOOTMGR &&
	       say(ruling, "neither the system nor the boot volume has boot code that starts "
			   "bootmgr");
}

bool rule_boot_code_is_replaced(const struct facts *facts, struct ruling *ruling)
{
	enum vbr_kind kind;

	if (!facts_need_boot_code(facts))
		return false;
	kind = facts->partitions[facts->boot_index].boot_record.kind;
	return kind != VBR_BOOTMGR &&
	       say(ruling, "the boot volume's boot record (%s) is replaced by the system volume's",
		   vbr_kind_text(kind));
}

bool rule_hidden_sectors_are_corrected(const struct facts *facts, struct ruling *ruling)
{
	const struct vbr *record;

	if (!facts_need_boot_code(facts))
		return false;
	record = &facts->partitions[facts->boot_index].boot_record;
	return record->kind == VBR_BOOTMGR &&
	       say(ruling,
		   "the boot volume's boot record says that it starts at sector %u: corrected to "
		   "%llu",
		   record->hidden_sectors,
		   (unsigned long long)boot_partition(facts)->start / SECTOR_SIZE);
}

/* ---- what stands where the items go -------------------------------------------------------- */

/*
 * Only \Boot, which is nobody else's, gives way as a folder with all that is in it.  What an entry
 * starts takes the place of a file of its own kind, not of one of Windows.
 */
static bool meets_folder(const struct boot_item *item, struct ruling *ruling,
			 const struct facts *facts)
{
	return item->reason != BOOT_ITEM_OF_BOOTMGR && item->there.kind == FOUND_FOLDER &&
	       say(ruling, "%.300s on partition %u is a folder, in the place of a file that moves",
		   item->path, boot_partition(facts)->number);
}

bool rule_legacy_item_meets_folder(const struct facts *facts, struct ruling *ruling)
{
	const struct boot_item *item = &facts->items[ruling->on];

	return item->reason == BOOT_ITEM_OF_LEGACY && meets_folder(item, ruling, facts);
}

bool rule_item_meets_folder(const struct facts *facts, struct ruling *ruling)
{
	const struct boot_item *item = &facts->items[ruling->on];

	return item->reason != BOOT_ITEM_OF_LEGACY && meets_folder(item, ruling, facts);
}

/* Whether a file is in the folder of the Windows that starts, which is the loader's top one. */
static bool is_of_windows(const struct facts *facts, const char *path)
{
	const char *loader = facts->loader_path;
	size_t length = 1 + strcspn(loader + 1, "\\");

	return loader[length] == '\\' && strncasecmp(path, loader, length + 1) == 0;
}

bool rule_item_meets_windows(const struct facts *facts, struct ruling *ruling)
{
	const struct boot_item *item = &facts->items[ruling->on];

	return item->reason != BOOT_ITEM_OF_BOOTMGR && item->there.kind == FOUND_FILE &&
	       is_of_windows(facts, item->there.path) &&
	       say(ruling,
		   "%.300s, which an entry starts, would replace a file of Windows on partition %u",
		   item->path, boot_partition(facts)->number);
}

/* A name of the item, its own or its 8.3 name, that is another file's there. */
static bool is_taken(const struct facts *facts, const struct boot_item *item, const char *name,
		     const struct fact_found *there, struct ruling *ruling)
{
	return there->kind != FOUND_NOTHING && strcasecmp(there->path, item->path) != 0 &&
	       say(ruling, "%.300s on partition %u is also called %.300s, a name that %.300s needs",
		   there->path, boot_partition(facts)->number, name, item->path);
}

bool rule_name_is_taken(const struct facts *facts, struct ruling *ruling)
{
	const struct boot_item *item = &facts->items[ruling->on];

	return is_taken(facts, item, item->path, &item->there, ruling);
}

bool rule_short_name_is_taken(const struct facts *facts, struct ruling *ruling)
{
	const struct boot_item *item = &facts->items[ruling->on];

	return is_taken(facts, item, item->short_path, &item->short_there, ruling);
}

/* Only tools on Unix make two files whose names differ in case alone. */
bool rule_name_is_there_twice(const struct facts *facts, struct ruling *ruling)
{
	const struct boot_item *item = &facts->items[ruling->on];

	return item->names > 1 &&
	       say(ruling, "%.300s is on partition %u %u times, in upper and lower case",
		   item->path, boot_partition(facts)->number, item->names);
}

bool rule_item_replaces(const struct facts *facts, struct ruling *ruling)
{
	return facts->items[ruling->on].replaces != 0 &&
	       say(ruling,
		   "%.300s stands on partition %u already: it is replaced, and undo brings it back",
		   facts->items[ruling->on].path, boot_partition(facts)->number);
}

bool rule_target_is_no_folder(const struct facts *facts, struct ruling *ruling)
{
	return facts->targets[ruling->on].what == NOT_A_FOLDER &&
	       say(ruling, "%.300s on partition %u is not the folder that is needed there",
		   facts->targets[ruling->on].path, boot_partition(facts)->number);
}

/* Replacing one of several names of a file parts it from the others, and frees no room. */
bool rule_target_is_linked(const struct facts *facts, struct ruling *ruling)
{
	return facts->targets[ruling->on].what == HARD_LINKED &&
	       say(ruling, "%.400s on partition %u has several names (hard links)",
		   facts->targets[ruling->on].path, boot_partition(facts)->number);
}

/* ---- the two volumes ----------------------------------------------------------------------- */

/* What stands in the way of writing to the boot volume or of trusting the system volume. */
enum problem {
	PROBLEM_NONE,
	PROBLEM_ENCRYPTED,
	PROBLEM_NOT_NTFS,
	PROBLEM_GEOMETRY,
	PROBLEM_LARGER,
	PROBLEM_OBSTACLE,
};

#define SYSTEM_ROLE 0u

static const struct fact_partition *role_partition(const struct facts *facts, uint32_t role)
{
	return &facts->partitions[role == SYSTEM_ROLE ? facts->system_index : facts->boot_index];
}

/*
 * The first problem of a volume.  Of a system volume that cannot be read nothing more is known, so
 * it is judged although no boot volume was found.
 */
static enum problem problem_of(const struct facts *facts, uint32_t role)
{
	bool apart = facts_are_apart(facts);
	const struct fact_partition *partition;

	if (!apart && (role != SYSTEM_ROLE || facts->system_index < 0 ||
		       facts_is_readable(facts, facts->system_index)))
		return PROBLEM_NONE;
	partition = role_partition(facts, role);
	if (partition->is.filesystem == BS_FS_BITLOCKER)
		return PROBLEM_ENCRYPTED;
	if (partition->is.filesystem != BS_FS_NTFS)
		return PROBLEM_NOT_NTFS;
	if (apart && vbr_misfit(&partition->boot_record))
		return PROBLEM_GEOMETRY;
	if (apart && partition->boot_record.sectors >= partition->is.size / SECTOR_SIZE)
		return PROBLEM_LARGER;
	return partition->obstacle != BS_OK ? PROBLEM_OBSTACLE : PROBLEM_NONE;
}

static const char *role_name(uint32_t role)
{
	return role == SYSTEM_ROLE ? "system" : "boot";
}

bool rule_volume_is_encrypted(const struct facts *facts, struct ruling *ruling)
{
	return problem_of(facts, ruling->on) == PROBLEM_ENCRYPTED &&
	       say(ruling, "the %s volume (partition %u) is encrypted", role_name(ruling->on),
		   role_partition(facts, ruling->on)->is.number);
}

bool rule_volume_is_not_ntfs(const struct facts *facts, struct ruling *ruling)
{
	return problem_of(facts, ruling->on) == PROBLEM_NOT_NTFS &&
	       say(ruling, "the %s volume (partition %u) is not NTFS", role_name(ruling->on),
		   role_partition(facts, ruling->on)->is.number);
}

bool rule_volume_misfits(const struct facts *facts, struct ruling *ruling)
{
	return problem_of(facts, ruling->on) == PROBLEM_GEOMETRY &&
	       say(ruling, "the %s volume (partition %u) has %s", role_name(ruling->on),
		   role_partition(facts, ruling->on)->is.number,
		   vbr_misfit(&role_partition(facts, ruling->on)->boot_record));
}

bool rule_volume_is_larger(const struct facts *facts, struct ruling *ruling)
{
	return problem_of(facts, ruling->on) == PROBLEM_LARGER &&
	       say(ruling, "partition %u is smaller than the %s volume on it",
		   role_partition(facts, ruling->on)->is.number, role_name(ruling->on));
}

static bool say_obstacle(const struct facts *facts, uint32_t role, enum bs_code code,
			 struct ruling *ruling)
{
	const struct fact_partition *partition;

	if (problem_of(facts, role) != PROBLEM_OBSTACLE)
		return false;
	partition = role_partition(facts, role);
	return partition->obstacle == code &&
	       say(ruling, "the %s volume (partition %u): %s", role_name(role),
		   partition->is.number, partition->obstacle_text);
}

bool rule_volume_is_hibernated(const struct facts *facts, struct ruling *ruling)
{
	return say_obstacle(facts, ruling->on, BS_HIBERNATED, ruling);
}

bool rule_volume_is_unclean(const struct facts *facts, struct ruling *ruling)
{
	return say_obstacle(facts, ruling->on, BS_UNCLEAN, ruling);
}

bool rule_volume_is_damaged(const struct facts *facts, struct ruling *ruling)
{
	return say_obstacle(facts, ruling->on, BS_NTFS_DAMAGED, ruling);
}

bool rule_boot_is_logical(const struct facts *facts, struct ruling *ruling)
{
	return facts_are_apart(facts) && boot_partition(facts)->number > MBR_ENTRIES &&
	       say(ruling, "the boot volume is the logical partition %u",
		   boot_partition(facts)->number);
}

/* ---- room ---------------------------------------------------------------------------------- */

bool rules_room(const struct facts *facts, struct room *room)
{
	const struct bs_partition *boot;
	uint64_t clusters = 0, copies;

	if (!facts_are_apart(facts) || !boot_partition(facts)->usage_known)
		return false;
	boot = boot_partition(facts);
	for (uint32_t i = 0; i < facts->file_count; i++)
		clusters += facts->files[i].stays ? 0 : boot->cluster_size;
	/* The lengths of streams are the image's word: nothing may overflow. */
	if (!add_u64(facts->stream_bytes, clusters, &copies))
		copies = UINT64_MAX;
	if (!add_u64(copies, ROOM_MARGIN, &room->needed))
		room->needed = UINT64_MAX;
	if (!add_u64(boot->free, facts->replaced_bytes, &room->available) ||
	    room->available > boot->size)
		room->available = boot->size;
	room->after = room->available > copies ? room->available - copies : 0;
	return true;
}

bool rule_boot_is_full(const struct facts *facts, struct ruling *ruling)
{
	struct room room;

	return rules_room(facts, &room) && room.available < room.needed &&
	       say(ruling,
		   "the boot volume (partition %u) has %llu KiB free, the boot files need %llu "
		   "KiB, with a reserve",
		   boot_partition(facts)->number, (unsigned long long)room.available / 1024,
		   (unsigned long long)room.needed / 1024);
}

bool rule_room_is_short(const struct facts *facts, struct ruling *ruling)
{
	struct room room;

	return rules_room(facts, &room) && room.available >= room.needed &&
	       room.after < facts->needed_room &&
	       say(ruling, "the boot volume too has less room than the conversion needs: free some "
			   "space on it before the conversion");
}
