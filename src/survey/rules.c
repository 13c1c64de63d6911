/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The helpers of the rules in rules.def, and the table of these rules. */
#include "survey/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/bytes.h"
#include "util/size.h"

/* ---- words --------------------------------------------------------------------------------- */

static bool rule_say(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool rule_say(char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return true;
}

/* The words of a rule, in rules.def and below.  All three return true, so && can join them. */
#define LINK(...)  rule_say(ruling->link, sizeof(ruling->link), __VA_ARGS__)
#define NOTE(...)  rule_say(ruling->finding, sizeof(ruling->finding), __VA_ARGS__)
#define BOTH(text) (LINK(text) && NOTE(text))

/* ---- partitions ---------------------------------------------------------------------------- */

static const struct bs_partition *partition_at(const struct facts *facts, uint32_t i)
{
	return &facts->partitions[i].is;
}

/* Whether the image ends before the partition does. */
static bool is_cut(const struct facts *facts, uint32_t i)
{
	return !range_within(partition_at(facts, i)->start, partition_at(facts, i)->size,
			     facts->disk_size);
}

static uint32_t number_of(const struct facts *facts, int32_t index)
{
	return facts->partitions[index].is.number;
}

static uint32_t system_number(const struct facts *facts)
{
	return number_of(facts, facts->system_index);
}

static uint32_t boot_number(const struct facts *facts)
{
	return number_of(facts, facts->boot_index);
}

static bool has_mbr(const struct facts *facts)
{
	return facts->table >= TABLE_LARGE_SECTORS;
}

static bool pair_overlaps(const struct facts *facts, uint32_t first, uint32_t second)
{
	const struct bs_partition *a = partition_at(facts, first);
	const struct bs_partition *b = partition_at(facts, second);

	if (first >= second) /* test each pair once */
		return false;
	/* A logical partition lies within the extended one. */
	if ((a->filesystem == BS_FS_EXTENDED && b->number > MBR_ENTRIES) ||
	    (b->filesystem == BS_FS_EXTENDED && a->number > MBR_ENTRIES))
		return false;
	return a->start < b->start + b->size && b->start < a->start + a->size;
}

/* A word for a volume that the user has chosen by the number of its partition. */
static const char *chosen(uint32_t wanted)
{
	return wanted != 0 ? "chosen " : "";
}

/* The number of the partition at an index, if the user can choose that partition; else 0. */
static uint32_t choosable(const struct facts *facts, uint32_t i, bool primary)
{
	const struct bs_partition *partition = partition_at(facts, i);

	if (partition->filesystem == BS_FS_EXTENDED)
		return 0;
	return primary && partition->number > MBR_ENTRIES ? 0 : partition->number;
}

/* Says that a chosen partition does not exist, and which ones do: ", only 1, 2 and 5". */
static bool tell_no_partition(const struct facts *facts, uint32_t wanted, bool primary,
			      struct ruling *ruling)
{
	char list[256] = ""; /* enough for 32 numbers of at most three digits */
	uint32_t left = 0;

	for (uint32_t i = 0; i < facts->partition_count; i++)
		left += choosable(facts, i, primary) != 0;
	for (uint32_t i = 0; i < facts->partition_count; i++) {
		uint32_t number = choosable(facts, i, primary);
		size_t length = strlen(list);

		if (number != 0)
			rule_say(list + length, sizeof(list) - length, "%s%u",
				 length == 0 ? ", only "
				 : left == 1 ? " and "
					     : ", ",
				 number);
		left -= number != 0;
	}
	return NOTE("there is no %spartition %u%s", primary ? "primary " : "", wanted, list);
}

/* ---- boot records -------------------------------------------------------------------------- */

static const struct vbr *record_of(const struct facts *facts, int32_t index)
{
	return &facts->partitions[index].boot_record;
}

static unsigned long long first_sector(const struct facts *facts, int32_t index)
{
	return facts->partitions[index].is.start / SECTOR_SIZE;
}

static bool tells_its_place(const struct facts *facts, int32_t index)
{
	return record_of(facts, index)->hidden_sectors == first_sector(facts, index);
}

static bool system_record_is(const struct facts *facts, enum vbr_kind kind)
{
	return facts->system_index >= 0 && record_of(facts, facts->system_index)->kind == kind;
}

static bool system_record_starts_bootmgr(const struct facts *facts)
{
	return system_record_is(facts, VBR_BOOTMGR) || system_record_is(facts, VBR_FAT_BOOTMGR);
}

/* Whether the boot files move to a volume whose boot record does not start bootmgr. */
static bool boot_lacks_boot_code(const struct facts *facts)
{
	return facts_give_files(facts) && facts_is_readable(facts, facts->boot_index) &&
	       record_of(facts, facts->boot_index)->kind != VBR_BOOTMGR;
}

/* ---- files and bootmgr --------------------------------------------------------------------- */

/* The kind of a reparse point; the tags are those of [MS-FSCC] 2.1.2.1. */
static const char *reparse_text(uint32_t tag)
{
	switch (tag) {
	case 0x80000017:
		return "compressed by the Windows Overlay Filter (WOF, as compact /exe does it)";
	case 0xA0000003:
		return "a mount point or junction";
	case 0xA000000C:
		return "a symbolic link";
	case 0x80000013:
		return "deduplicated";
	default:
		return "a reparse point";
	}
}

/* What is wrong with the files of which Windows' boot files are to be made. */
static bool tell_unfit_source(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_rebuild *rebuild = &facts->rebuild;
	const char *damage = facts_bootmgr_damage(&rebuild->bootmgr);

	if (!rebuild->bootmgr.is_there)
		return NOTE("the boot files cannot be made anew: " KEPT_BOOTMGR
			    " is missing on partition %u",
			    number_of(facts, rebuild->index));
	if (damage || !facts_is_ordinary(&rebuild->bootmgr))
		return NOTE("the boot files cannot be made anew: " KEPT_BOOTMGR
			    " on partition %u is %s",
			    number_of(facts, rebuild->index),
			    damage ? damage : "not an ordinary file");
	if (rebuild->template_kind == TEMPLATE_MISSING)
		return NOTE("the boot files cannot be made anew: " KEPT_TEMPLATE
			    " is missing on partition %u",
			    number_of(facts, rebuild->index));
	if (rebuild->template_kind == TEMPLATE_BAD)
		return NOTE("the boot files cannot be made anew: " KEPT_TEMPLATE
			    " on partition %u: %.200s",
			    number_of(facts, rebuild->index), rebuild->template_error);
	return NOTE(
		"the boot files cannot be made anew: the Windows on partition %u is not for a PC "
		"with a BIOS: its loader is for the machine 0x%04x",
		number_of(facts, rebuild->index), rebuild->machine);
}

/* ---- the boot menu ------------------------------------------------------------------------- */

static const char *default_name(const struct facts *facts)
{
	return facts->first.description[0] != '\0' ? facts->first.description : facts->first.object;
}

/* Whether the default entry starts a tool or an earlier Windows, and its file was not found.  The
 * loader of Windows has rules of its own. */
static bool default_lacks_file(const struct facts *facts)
{
	return facts_has_default(facts) && !facts->first.is_windows && !facts->first.is_there;
}

/* Whether that file could not be looked for. */
static bool default_is_unread(const struct facts *facts)
{
	const struct fact_entry *first = &facts->first;

	return first->device.file != BCD_NO_FILE ||
	       (first->index >= 0 && !facts_is_readable(facts, first->index));
}

/* Why bootmgr cannot read the volume of the Windows that starts by default; NULL if it can. */
static const char *windows_misfit(const struct facts *facts)
{
	int32_t index = facts->starts.index;

	return index >= 0 && facts->partitions[index].is.filesystem == BS_FS_NTFS
		       ? vbr_sector_misfit(record_of(facts, index))
		       : NULL;
}

static const char *witness_text(enum fact_testimony testimony)
{
	return testimony == TESTIMONY_BOTH   ? "the boot menu and the registry of Windows name"
	       : testimony == TESTIMONY_MENU ? "the boot menu names"
					     : "the registry of Windows names";
}

/* Says how the witnesses contradict each other. */
static bool tell_dispute(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_entry *starts = &facts->starts;

	if (starts->witness == starts->device.disk_signature)
		return NOTE(
			"the boot menu contradicts itself: the default entry, and the registry of "
			"its Windows, name this disk by the signature %08x, but other entries by "
			"%08x, which the disk now has",
			starts->witness, facts->found_signature);
	return NOTE("the boot menu names this disk by the signature %08x, and the registry of the "
		    "Windows on it by %08x, but the disk now has %08x",
		    starts->device.disk_signature, starts->witness, facts->found_signature);
}

/* What the default entry of Windows leaves to bootmgr to find, and several partitions have. */
static const struct fact_located *located_by_several(const struct facts *facts)
{
	const struct fact_entry *starts = &facts->starts;

	return starts->located.count > 1      ? &starts->located
	       : starts->os_located.count > 1 ? &starts->os_located
					      : NULL;
}

/* Lists the partitions: "2 and 3", "2, 3 and others". */
static void name_located(const struct facts *facts, const struct fact_located *located, char *text,
			 size_t size)
{
	char more[16] = " and others";

	if (located->count <= FACT_LOCATED_MAX)
		rule_say(more, sizeof(more), " and %u",
			 number_of(facts, located->indexes[located->count - 1]));
	rule_say(text, size, "%u", number_of(facts, located->indexes[0]));
	for (uint32_t i = 1; i < FACT_LOCATED_MAX && i + 1 < located->count; i++)
		rule_say(text + strlen(text), size - strlen(text), ", %u",
			 number_of(facts, located->indexes[i]));
	rule_say(text + strlen(text), size - strlen(text), "%s", more);
}

static bool tell_located(const struct facts *facts, const struct fact_located *located,
			 struct ruling *ruling)
{
	char partitions[64];

	name_located(facts, located, partitions, sizeof(partitions));
	return NOTE("the boot menu names no partition for Windows: bootmgr searches for %.200s and "
		    "takes the first partition that has it, but partitions %s have it",
		    located->path, partitions);
}

static bool tell_ambiguous(const struct facts *facts, struct ruling *ruling)
{
	char partitions[64];

	name_located(facts, &facts->starts.located, partitions, sizeof(partitions));
	return LINK("the first of the partitions %s that bootmgr finds", partitions) &&
	       tell_located(facts, &facts->starts.located, ruling);
}

/* Says why a device that does not name another disk names no partition of this disk. */
static bool tell_lost(const struct fact_entry *entry, struct ruling *ruling)
{
	const struct bcd_device *device = &entry->device;

	if (entry->located.path[0] != '\0')
		return NOTE("the default entry starts Windows from the volume that has %.200s, but "
			    "no partition that could be read has it",
			    entry->located.path);
	if (device->file == BCD_VHD)
		return NOTE("the default entry starts Windows from the virtual disk %.200s (native "
			    "boot), not from a partition",
			    device->path);
	if (device->file == BCD_RAMDISK)
		return NOTE("the default entry starts the RAM disk %.200s, not Windows",
			    device->path);
	if (device->kind == BCD_DEVICE_PARTITION)
		return NOTE("the default entry starts Windows from a partition at byte %llu of the "
			    "disk, but no partition begins there",
			    (unsigned long long)device->partition_offset);
	return NOTE("the default entry does not start Windows from a partition of this disk");
}

static const char *element_name(const struct facts *facts, uint32_t i)
{
	return facts->elements.items[i].name[0] != '\0' ? facts->elements.items[i].name
							: "without a name";
}

/* Whether an element would break, and the last such element belongs to another entry. */
static bool would_break_first(const struct facts *facts, uint32_t i)
{
	const struct fact_element *elements = facts->elements.items;

	if (elements[i].fate != FATE_BREAKS)
		return false;
	for (uint32_t j = i; j > 0; j--)
		if (elements[j - 1].fate == FATE_BREAKS)
			return strcmp(elements[j - 1].object, elements[i].object) != 0;
	return true;
}

static uint32_t retargeted_count(const struct facts *facts)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < facts->elements.count; i++)
		count += facts_is_retargeted(facts, &facts->elements.items[i]);
	return count;
}

/* Names what stays, for people: most often it is the recovery environment. */
static void name_staying(const char *path, char *text, size_t size)
{
	bool recovery = strcasestr(path, "\\Winre.wim") || strcasestr(path, "\\boot.sdi");

	if (path[0] == '\0')
		rule_say(text, size, "something that the boot menu uses");
	else
		rule_say(text, size, "%s%.300s%s", recovery ? "the recovery environment (" : "",
			 path, recovery ? ")" : "");
}

/* Makes the finding about elements that still name the system volume after a fix. */
static bool tell_staying(const struct facts *facts, struct ruling *ruling)
{
	char named[340];
	uint32_t count = 0;

	for (uint32_t i = 0; i < facts->elements.count; i++) {
		const struct fact_element *element = &facts->elements.items[i];

		if (!element->on_system || facts_is_retargeted(facts, element) ||
		    (element->named[0] != '\0' && element->found.kind == FOUND_NOTHING))
			continue;
		if (count++ == 0)
			name_staying(element->named, named, sizeof(named));
	}
	return count != 0 &&
	       NOTE("keep partition %u: %s stays there, and %u BCD element%s still point%s to it",
		    system_number(facts), named, count, count == 1 ? "" : "s",
		    count == 1 ? "s" : "");
}

/*
 * Makes the finding about elements that need files on partition `i`, although the boot files are with
 * Windows already.  Nothing needs the bootmgr that an earlier fix has left there.
 */
static bool tell_needed_elsewhere(const struct facts *facts, uint32_t i, struct ruling *ruling)
{
	uint32_t number = partition_at(facts, i)->number, count = 0;
	char named[340];

	for (uint32_t j = 0; j < facts->elements.count; j++) {
		const struct fact_element *element = &facts->elements.items[j];

		if (element->elsewhere != number || element->found.kind == FOUND_NOTHING ||
		    strcasecmp(element->found.path, BOOT_MANAGER) == 0)
			continue;
		if (count++ == 0)
			name_staying(element->named, named, sizeof(named));
	}
	return count != 0 &&
	       NOTE("keep partition %u: %s is there, and %u BCD element%s point%s to it", number,
		    named, count, count == 1 ? "" : "s", count == 1 ? "s" : "");
}

static bool would_give_way(const struct facts *facts, const struct fact_found *found)
{
	const struct boot_item *item = facts_item(facts, found->path);

	return found->kind == FOUND_FILE && item &&
	       (item->reason != BOOT_ITEM_OF_BOOTMGR || !facts_find_file(facts, found->path));
}

/*
 * The index of the partition of this disk that a choice in boot.ini names.  Like ntldr, counts from
 * 1, without empty entries and extended partitions.
 */
#define CHOICE_NOWHERE (-1) /* there is no such partition */
#define CHOICE_OTHER   (-2) /* the choice names no partition of this disk */

static int32_t choice_partition(const struct facts *facts, uint32_t choice)
{
	const struct boot_ini_choice *ini = &facts->legacy.choices[choice].ini;
	uint32_t wanted = ini->partition;

	if (ini->kind != BOOT_INI_WINDOWS || ini->disk != 0)
		return CHOICE_OTHER;
	for (uint32_t i = 0; i < facts->partition_count; i++)
		if (partition_at(facts, i)->filesystem != BS_FS_EXTENDED && --wanted == 0)
			return (int32_t)i;
	return CHOICE_NOWHERE;
}

/* ---- volumes ------------------------------------------------------------------------------- */

static bool is_of_file(const struct bs_error *error)
{
	return error->code == BS_BOOT_FILE_UNSUPPORTED;
}

static bool is_damage(const struct bs_error *error)
{
	return error->code != BS_OK && !is_of_file(error);
}

#define VOLUME_ERROR(role, index, error)                                                           \
	NOTE("the %s volume (partition %u): %.400s", role, number_of(facts, index), (error).message)

/* Why a fix cannot write to the boot volume or cannot trust the system volume. */
enum problem {
	PROBLEM_NONE,
	PROBLEM_ENCRYPTED,
	PROBLEM_NOT_NTFS,
	PROBLEM_FAT, /* the engine does not read FAT */
	PROBLEM_GEOMETRY,
	PROBLEM_LARGER, /* the volume is larger than its partition */
	PROBLEM_OBSTACLE,
};

#define ROLE_NAME(role) ((role) == 0 ? "system" : "Windows")

static int32_t role_index(const struct facts *facts, uint32_t role)
{
	return role == 0 ? facts->system_index : facts->boot_index;
}

static uint32_t role_number(const struct facts *facts, uint32_t role)
{
	return number_of(facts, role_index(facts, role));
}

/* Whether a partition has a fault that explains every fault of the volume on it. */
static bool is_no_volume(const struct facts *facts, int32_t index)
{
	const struct bs_partition *partition = partition_at(facts, (uint32_t)index);

	return partition->start == 0 || is_cut(facts, (uint32_t)index) ||
	       partition->type == MBR_TYPE_DYNAMIC || partition->type == MBR_TYPE_SPACES ||
	       partition->type == MBR_TYPE_SPACES_DATA;
}

/* The first problem of a system volume that is FAT.  The volume is only read, by libguestfs. */
static enum problem problem_of_fat(const struct fact_partition *partition)
{
	if (partition->obstacle != BS_OK)
		return PROBLEM_OBSTACLE;
	if (!partition->is.usage_known)
		return PROBLEM_FAT;
	return partition->boot_record.sectors > partition->is.size / SECTOR_SIZE ? PROBLEM_LARGER
										 : PROBLEM_NONE;
}

/*
 * The first problem of a volume.  Volumes are judged only if boot files move.  A system volume that
 * cannot be read is judged in any case, because nothing else is known of it.
 */
static enum problem problem_of(const struct facts *facts, uint32_t role)
{
	bool apart = facts_give_files(facts);
	const struct fact_partition *partition;

	if (facts->rebuilds && role == 0) /* nothing of it is used but its boot code */
		return PROBLEM_NONE;
	if (!apart &&
	    (role != 0 || facts->system_index < 0 || facts_is_readable(facts, facts->system_index)))
		return PROBLEM_NONE;
	if (is_no_volume(facts, role_index(facts, role)))
		return PROBLEM_NONE;
	partition = &facts->partitions[role_index(facts, role)];
	if (partition->is.filesystem == BS_FS_BITLOCKER)
		return PROBLEM_ENCRYPTED;
	if (partition->is.filesystem == BS_FS_FAT && role == 0)
		return problem_of_fat(partition);
	if (partition->is.filesystem != BS_FS_NTFS)
		return PROBLEM_NOT_NTFS;
	if (apart && vbr_misfit(&partition->boot_record))
		return PROBLEM_GEOMETRY;
	if (apart && partition->boot_record.sectors >= partition->is.size / SECTOR_SIZE)
		return PROBLEM_LARGER;
	return partition->obstacle != BS_OK ? PROBLEM_OBSTACLE : PROBLEM_NONE;
}

static bool has_obstacle(const struct facts *facts, uint32_t role, enum bs_code code)
{
	return problem_of(facts, role) == PROBLEM_OBSTACLE &&
	       facts->partitions[role_index(facts, role)].obstacle == code;
}

#define OBSTACLE(role)                                                                             \
	NOTE("the %s volume (partition %u): %s", ROLE_NAME(role), role_number(facts, role),        \
	     facts->partitions[role_index(facts, role)].obstacle_text)

static const char *room_user(const struct facts *facts)
{
	return facts->needed_room == BS_UPGRADE_ROOM ? "feature upgrade" : "conversion";
}

/* Says that `room` bytes on the Windows volume are too few. */
static bool tell_short_room(const struct facts *facts, uint64_t room, struct ruling *ruling)
{
	return NOTE(
		"%spartition %u has %s free, and the %s needs %s there: free some space in Windows "
		"before the %s",
		facts_give_files(facts) ? "after the fix, " : "", boot_number(facts),
		size_format(room).text, room_user(facts), size_format(facts->needed_room).text,
		room_user(facts));
}

/* ---- the target ---------------------------------------------------------------------------- */

/* Whether an item would replace a file in the folder of Windows.  This is the top folder in the
 * path of the loader. */
static bool meets_windows(const struct facts *facts, const struct boot_item *item)
{
	const char *loader = facts->loader_path;
	size_t length = 1 + strcspn(loader + 1, "\\");

	return item->there.kind == FOUND_FILE && loader[length] == '\\' &&
	       strncasecmp(item->there.path, loader, length + 1) == 0;
}

static bool is_of_entry(const struct boot_item *item)
{
	return item->reason == BOOT_ITEM_OF_ENTRY || item->reason == BOOT_ITEM_OTHER_CODE;
}

/* Whether the file that was found by a name of the item has another path than the item. */
static bool is_anothers(const struct fact_found *there, const struct boot_item *item)
{
	return there->kind != FOUND_NOTHING && strcasecmp(there->path, item->path) != 0;
}

#define MEETS_FOLDER                                                                               \
	NOTE("%.300s on partition %u is a folder, but a file that moves needs this name",          \
	     facts->items[i].path, boot_number(facts))
#define NAME_TAKEN(name, there)                                                                    \
	NOTE("%.300s on partition %u is also called %.300s, a name that %.300s needs",             \
	     (there).path, boot_number(facts), name, facts->items[i].path)

/* ---- the table ----------------------------------------------------------------------------- */

#define RULE(priority, code, subject, link, name, when, words)                                     \
	static bool rule_##name(const struct facts *facts, uint32_t i, struct ruling *ruling)      \
	{                                                                                          \
		(void)i;                                                                           \
		return (when) && (words);                                                          \
	}
#include "survey/rules.def"
#undef RULE

/* The link that a rule sets, and its state. */
#define NO_LINK       -1, BS_LINK_UNKNOWN
#define GOOD(kind)    BS_LINK_##kind, BS_LINK_GOOD
#define BROKEN(kind)  BS_LINK_##kind, BS_LINK_BROKEN
#define UNKNOWN(kind) BS_LINK_##kind, BS_LINK_UNKNOWN

static const struct rule rules[] = {
#define RULE(priority, code, subject, link, name, when, words)                                     \
	{priority, code, subject, link, rule_##name, #name},
#include "survey/rules.def"
#undef RULE
};

const struct rule *rules_all(size_t *count)
{
	*count = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

/* Flags, partitions and pairs of partitions are tried only if the table is TABLE_GOOD. */
uint32_t rules_count_subjects(const struct facts *facts, enum rule_subject subject)
{
	bool good = facts->table == TABLE_GOOD;
	const uint32_t counts[RULE_SUBJECT_COUNT] = {
		[ON_DISK] = 1,
		[ON_FLAG] = good ? MBR_ENTRIES : 0,
		[ON_PARTITION] = good ? facts->partition_count : 0,
		[ON_PAIR] = good ? facts->partition_count * BS_PARTITIONS_MAX : 0,
		[ON_ROLE] = 2,
		[ON_FILE] = facts->files.count,
		[ON_ELEMENT] = facts->elements.count,
		[ON_LEGACY] = facts->legacy.was_read ? LEGACY_FILES : 0,
		[ON_CHOICE] = facts->legacy.choice_count,
		[ON_ITEM] = facts->item_count,
		[ON_TARGET] = facts->target_count,
	};

	return counts[subject];
}
