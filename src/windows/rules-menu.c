/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on the boot menu: the BCD, its entries, and what they lead to. */
#include <string.h>

#include "windows/rules.h"

static uint32_t system_number(const struct facts *facts)
{
	return facts->partitions[facts->system_index].is.number;
}

/* ---- the BCD ------------------------------------------------------------------------------- */

bool rule_bcd_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return facts->bcd == BCD_MISSING && say_link(ruling, "missing") &&
	       say(ruling, "the system volume (partition %u) has no " BOOT_BCD_PATH,
		   system_number(facts));
}

bool rule_bcd_is_damaged(const struct facts *facts, struct ruling *ruling)
{
	const char *what =
		facts->bcd == BCD_TOO_LARGE ? "it is too large to be a BCD" : facts->bcd_error;

	return (facts->bcd == BCD_TOO_LARGE || facts->bcd == BCD_UNPARSED) &&
	       say_link(ruling, "%.200s", what) && say(ruling, BOOT_BCD_PATH ": %.460s", what);
}

bool rule_bcd_is_good(const struct facts *facts, struct ruling *ruling)
{
	return facts->bcd == BCD_GOOD &&
	       say_link(ruling, "%llu bytes, %u elements", (unsigned long long)facts->bcd_size,
			facts->bcd_elements);
}

bool rule_bcd_is_outdated(const struct facts *facts, struct ruling *ruling)
{
	return facts->bcd_outdated &&
	       say(ruling, BOOT_BCD_PATH " was not written back fully: newer "
					 "data waits in its log files");
}

/* ---- the default entry --------------------------------------------------------------------- */

static bool has_default(const struct facts *facts)
{
	return facts->bcd == BCD_GOOD && facts->first.has_device;
}

static const char *default_name(const struct facts *facts)
{
	return facts->first.description[0] != '\0' ? facts->first.description : facts->first.object;
}

/* Whether the default entry starts a tool or an earlier Windows, whose file could be looked for. */
static bool default_is_tool(const struct facts *facts)
{
	const struct fact_entry *first = &facts->first;

	return has_default(facts) && !first->is_windows && first->device.file == BCD_NO_FILE &&
	       (first->index < 0 || facts_is_readable(facts, first->index));
}

bool rule_default_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return facts->bcd == BCD_GOOD && !has_default(facts) && say_link(ruling, "none") &&
	       say(ruling, "the BCD has no default entry");
}

bool rule_default_was_not_looked_at(const struct facts *facts, struct ruling *ruling)
{
	return has_default(facts) && !facts->first.is_windows && !default_is_tool(facts) &&
	       say_link(ruling, "%s, which was not looked at", default_name(facts));
}

/* No finding: the boot volume, which is not found either, has one. */
bool rule_default_has_old_signature(const struct facts *facts, struct ruling *ruling)
{
	return default_is_tool(facts) && facts->first.signature_changed &&
	       say_link(ruling, "%s", default_name(facts));
}

bool rule_default_lacks_file(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_entry *first = &facts->first;

	if (!default_is_tool(facts) || first->is_there || first->signature_changed)
		return false;
	if (first->index >= 0)
		say(ruling,
		    "the default entry (%s) starts %.200s, which is missing or empty on partition "
		    "%u",
		    default_name(facts), first->path, facts->partitions[first->index].is.number);
	else
		say(ruling, "the default entry (%s) starts %.200s, from no partition of this image",
		    default_name(facts), first->path);
	return say_link(ruling, "%s", default_name(facts));
}

/* After the rules on what is wrong with it. */
bool rule_default_is_good(const struct facts *facts, struct ruling *ruling)
{
	return has_default(facts) && say_link(ruling, "%s", default_name(facts));
}

/* ---- the Windows that starts by default ---------------------------------------------------- */

bool rules_is_unresolved(const struct facts *facts)
{
	return has_default(facts) && facts->starts.index < 0;
}

bool rules_is_on_other_disk(const struct facts *facts)
{
	const struct bcd_device *device = &facts->starts.device;

	return rules_is_unresolved(facts) && !facts->starts.signature_changed &&
	       device->file == BCD_NO_FILE && device->kind == BCD_DEVICE_PARTITION &&
	       device->disk_signature != facts->disk_signature;
}

bool rule_windows_misfits(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_partition *partition;

	if (!has_default(facts) || facts->starts.index < 0)
		return false;
	partition = &facts->partitions[facts->starts.index];
	return partition->is.filesystem == BS_FS_NTFS &&
	       vbr_sector_misfit(&partition->boot_record) &&
	       say_link(ruling, "partition %u, which has %s", partition->is.number,
			vbr_sector_misfit(&partition->boot_record));
}

bool rule_windows_is_found(const struct facts *facts, struct ruling *ruling)
{
	return has_default(facts) && facts->starts.index >= 0 &&
	       say_link(ruling, "partition %u", facts->partitions[facts->starts.index].is.number);
}

/* The next three are findings only when no boot partition was chosen. */
bool rule_signature_was_changed(const struct facts *facts, struct ruling *ruling)
{
	if (!rules_is_unresolved(facts) || !facts->starts.signature_changed)
		return false;
	if (facts->wanted_boot == 0)
		say(ruling,
		    "the disk's signature was changed: the boot menu names this disk by %08x, it "
		    "has %08x",
		    facts->starts.device.disk_signature, facts->disk_signature);
	return say_link(ruling, "not found by the signature of its disk");
}

bool rule_windows_is_on_other_disk(const struct facts *facts, struct ruling *ruling)
{
	if (!rules_is_on_other_disk(facts))
		return false;
	if (facts->wanted_boot == 0)
		say(ruling,
		    "the default entry starts Windows from another disk, with the signature %08x; "
		    "this one has %08x",
		    facts->starts.device.disk_signature, facts->disk_signature);
	return say_link(ruling, "not in this image");
}

/* Why a device that names no other disk leads to no partition of this one. */
static bool say_unresolved(const struct bcd_device *device, struct ruling *ruling)
{
	if (device->file == BCD_VHD)
		return say(ruling,
			   "the default entry starts Windows from the virtual disk %.200s (native "
			   "boot), not from a partition",
			   device->path);
	if (device->file == BCD_RAMDISK)
		return say(ruling, "the default entry starts the RAM disk %.200s, not Windows",
			   device->path);
	if (device->kind == BCD_DEVICE_PARTITION)
		return say(ruling,
			   "the default entry starts Windows from a partition at byte %llu of the "
			   "disk, where there is none",
			   (unsigned long long)device->partition_offset);
	return say(ruling,
		   "the default entry does not start Windows from a partition of this disk");
}

bool rule_windows_is_not_found(const struct facts *facts, struct ruling *ruling)
{
	if (!rules_is_unresolved(facts) || facts->starts.signature_changed ||
	    rules_is_on_other_disk(facts))
		return false;
	if (facts->wanted_boot == 0)
		say_unresolved(&facts->starts.device, ruling);
	return say_link(ruling, "not in this image");
}

bool rule_wanted_boot_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return has_default(facts) && facts->wanted_boot != 0 && facts->boot_index < 0 &&
	       say(ruling, "there is no partition %u", facts->wanted_boot);
}

/* ---- what else the menu leads to ----------------------------------------------------------- */

/* Several elements of one entry lead to one Windows: the entry is named once. */
bool rule_element_would_break(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_element *element = &facts->elements[ruling->on];

	if (element->fate != FATE_BREAKS)
		return false;
	for (uint32_t j = ruling->on; j > 0; j--)
		if (facts->elements[j - 1].fate == FATE_BREAKS) {
			if (strcmp(facts->elements[j - 1].object, element->object) == 0)
				return false;
			break;
		}
	return say(ruling,
		   "the entry %s (%s) starts %.200s from wherever bootmgr came from, and that "
		   "stays on partition %u",
		   element->object, element->name[0] != '\0' ? element->name : "without a name",
		   element->found.path, system_number(facts));
}

bool rule_element_starts_other_code(const struct facts *facts, struct ruling *ruling)
{
	return facts->elements[ruling->on].fate == FATE_OTHER_CODE &&
	       say(ruling,
		   "%.300s moves too, an entry of the BCD starts it; what it loads by itself was "
		   "not looked at",
		   facts->elements[ruling->on].found.path);
}

bool rule_items_are_too_many(const struct facts *facts, struct ruling *ruling)
{
	return facts->items_left_out &&
	       say(ruling, "the BCD and boot.ini name too many files outside of \\Boot");
}

bool rule_elements_are_too_many(const struct facts *facts, struct ruling *ruling)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < facts->element_count; i++)
		count += facts_is_retargeted(facts, &facts->elements[i]);
	return (count > BS_ELEMENTS_MAX || facts->elements_left_out) &&
	       say(ruling, "the BCD has too many entries");
}

/* Elements that name the system volume, and whose files do not move. */
bool rule_elements_stay(const struct facts *facts, struct ruling *ruling)
{
	const char *named = NULL;
	uint32_t count = 0;

	for (uint32_t i = 0; i < facts->element_count; i++) {
		const struct fact_element *element = &facts->elements[i];

		if (!element->on_system || facts_is_retargeted(facts, element) ||
		    (element->named[0] != '\0' && element->found.kind == FOUND_NOTHING))
			continue;
		if (count++ == 0)
			named = element->named[0] != '\0' ? element->named : "what they name";
	}
	return count != 0 && facts->system_error.code == BS_OK &&
	       say(ruling,
		   "%u BCD element%s keep%s pointing to partition %u, where %.300s stays%s: keep "
		   "that partition",
		   count, count == 1 ? "" : "s", count == 1 ? "s" : "", system_number(facts), named,
		   count == 1 ? "" : " too");
}

/*
 * What an entry starts from the boot volume must not give way to what moves.  The files that come
 * with bootmgr do the same whichever copy of them is used.
 */
bool rule_element_would_lose_file(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_element *element = &facts->elements[ruling->on];
	const struct boot_item *item = facts_item(facts, element->found.path);

	if (!element->on_boot || element->found.kind != FOUND_FILE || !item ||
	    (item->reason == BOOT_ITEM_OF_BOOTMGR && facts_find_file(facts, element->found.path)))
		return false;
	return say(ruling,
		   "the entry %s needs %.300s of partition %u, which would give way to what moves "
		   "there",
		   element->object, element->found.path,
		   facts->partitions[facts->boot_index].is.number);
}

/* ---- an earlier Windows -------------------------------------------------------------------- */

bool rule_legacy_file_is_unfit(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_found *found = &facts->legacy.files[ruling->on];
	bool is_folder = found->kind == FOUND_FOLDER;

	return facts_is_unfit(&facts->legacy, ruling->on) &&
	       say(ruling, "%s on partition %u is %s, so the earlier Windows does not start",
		   fact_legacy_names[ruling->on].path, system_number(facts),
		   is_folder ? "a folder" : "empty");
}

bool rule_boot_ini_is_unreadable(const struct facts *facts, struct ruling *ruling)
{
	return facts->legacy.menu_error.code != BS_OK &&
	       say(ruling, BOOT_INI_PATH " on partition %u: %.400s", system_number(facts),
		   facts->legacy.menu_error.message);
}

/*
 * The partition that ntldr counts as the `wanted`th, from 1 on: all but empty entries and extended
 * partitions.  -1: there is none.
 */
static int32_t counted_partition(const struct facts *facts, uint32_t wanted)
{
	for (uint32_t i = 0; i < facts->partition_count; i++)
		if (facts->partitions[i].is.filesystem != BS_FS_EXTENDED && --wanted == 0)
			return (int32_t)i;
	return -1;
}

static bool choice_is_of_this_disk(const struct fact_choice *choice)
{
	return choice->ini.kind == BOOT_INI_WINDOWS && choice->ini.disk == 0;
}

bool rule_choice_stays(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_choice *choice = &facts->legacy.choices[ruling->on];

	return choice_is_of_this_disk(choice) &&
	       counted_partition(facts, choice->ini.partition) == facts->system_index &&
	       say(ruling,
		   "the Windows that boot.ini starts from %s stays on partition %u: keep that "
		   "partition",
		   choice->ini.text, system_number(facts));
}

bool rule_choice_leads_nowhere(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_choice *choice = &facts->legacy.choices[ruling->on];

	return choice_is_of_this_disk(choice) &&
	       counted_partition(facts, choice->ini.partition) < 0 &&
	       say(ruling,
		   "boot.ini%s names partition %u of this disk, which there is not: %s did not "
		   "start before either",
		   choice->ini.is_default ? "'s default" : "", choice->ini.partition,
		   choice->ini.text);
}

bool rule_choice_reads_system_volume(const struct facts *facts, struct ruling *ruling)
{
	const struct fact_choice *choice = &facts->legacy.choices[ruling->on];

	return choice->reads_system &&
	       say(ruling,
		   "%.300s, which boot.ini names, moves too, but goes on reading partition %u: "
		   "keep that partition",
		   choice->ini.path, system_number(facts));
}

bool rule_boot_ini_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return facts->legacy.menu_missing &&
	       say(ruling,
		   "there is no " BOOT_INI_PATH " on partition %u, by which the earlier Windows "
		   "would start",
		   system_number(facts));
}
