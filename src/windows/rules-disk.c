/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on the disk as a whole: the partition table, and which partition is active. */
#include "util/bytes.h"
#include "windows/rules.h"

static const struct bs_partition *partition_at(const struct facts *facts, uint32_t index)
{
	return &facts->partitions[index].is;
}

/* ---- disks without a table that can be worked with ----------------------------------------- */

bool rule_disk_is_luks(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_LUKS && say_both(ruling, "the whole disk is encrypted (LUKS)");
}

bool rule_disk_is_one_volume(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_ONE_VOLUME &&
	       say_both(ruling, "it is the image of a single volume");
}

bool rule_disk_has_only_gpt(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_GPT_ONLY &&
	       say_both(ruling, "the disk has a GUID partition table (GPT), without a protective "
				"master boot record");
}

bool rule_disk_starts_empty(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_ZEROS &&
	       say_both(ruling, "the disk is empty where its partition table should be");
}

bool rule_disk_has_no_table(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_NONE &&
	       say_both(ruling, "the first sector is no master boot record");
}

bool rule_disk_has_large_sectors(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_LARGE_SECTORS &&
	       say_both(ruling, "the disk has sectors of 4096 bytes (4Kn)");
}

bool rule_table_is_protective(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_PROTECTIVE &&
	       say(ruling, "the disk has a GUID partition table (GPT)");
}

bool rule_table_has_no_partitions(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_NO_PARTITIONS &&
	       say_both(ruling, "the disk has no partitions");
}

/* ---- the code of the master boot record ---------------------------------------------------- */

static bool has_mbr(const struct facts *facts)
{
	return facts->table >= TABLE_LARGE_SECTORS;
}

bool rule_mbr_code_is_standard(const struct facts *facts, struct ruling *ruling)
{
	return has_mbr(facts) && facts->mbr_code == MBR_CODE_STANDARD &&
	       say_link(ruling, "%s", mbr_code_text(facts->mbr_code));
}

bool rule_mbr_code_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return has_mbr(facts) && facts->mbr_code == MBR_CODE_NONE &&
	       say_link(ruling, "%s", mbr_code_text(facts->mbr_code)) &&
	       say(ruling, "the master boot record has no code: the disk starts neither before nor "
			   "after a fix");
}

/* Code that may start something else leaves open what starts.  A fix does not touch it. */
bool rule_mbr_code_is_another(const struct facts *facts, struct ruling *ruling)
{
	const char *text = mbr_code_text(facts->mbr_code);

	return has_mbr(facts) && facts->mbr_code != MBR_CODE_STANDARD &&
	       facts->mbr_code != MBR_CODE_NONE && say_link(ruling, "%s", text) &&
	       say(ruling, "the master boot record's code is %s", text);
}

/* ---- the table's entries ------------------------------------------------------------------- */

bool rule_flag_is_invalid(const struct facts *facts, struct ruling *ruling)
{
	return facts->flags[ruling->on] != 0 && facts->flags[ruling->on] != MBR_ACTIVE &&
	       say(ruling, "partition %u has the flag byte 0x%02x, neither active nor not",
		   ruling->on + 1, facts->flags[ruling->on]);
}

bool rule_partition_is_dynamic(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *partition = partition_at(facts, ruling->on);

	return partition->type == MBR_TYPE_DYNAMIC &&
	       say(ruling, "partition %u belongs to a dynamic disk", partition->number);
}

bool rule_partition_is_of_pool(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *partition = partition_at(facts, ruling->on);

	return (partition->type == MBR_TYPE_SPACES || partition->type == MBR_TYPE_SPACES_DATA) &&
	       say(ruling, "partition %u belongs to a pool of Storage Spaces", partition->number);
}

bool rule_partition_is_on_table(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *partition = partition_at(facts, ruling->on);

	return partition->start == 0 &&
	       say(ruling, "partition %u starts at sector 0, where the partition table is",
		   partition->number);
}

bool rule_partition_is_cut(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *partition = partition_at(facts, ruling->on);

	return !range_within(partition->start, partition->size, facts->disk_size) &&
	       say(ruling, "partition %u does not end within the disk: the image was cut short",
		   partition->number);
}

bool rule_partitions_overlap(const struct facts *facts, struct ruling *ruling)
{
	uint32_t i = ruling->on / BS_PARTITIONS_MAX, j = ruling->on % BS_PARTITIONS_MAX;
	const struct bs_partition *a = partition_at(facts, j), *b = partition_at(facts, i);

	if (j >= i) /* each pair once */
		return false;
	/* A logical partition lies within the extended one. */
	if ((a->filesystem == BS_FS_EXTENDED && b->number > MBR_ENTRIES) ||
	    (b->filesystem == BS_FS_EXTENDED && a->number > MBR_ENTRIES))
		return false;
	return a->start < b->start + b->size && b->start < a->start + a->size &&
	       say(ruling, "partitions %u and %u overlap", a->number, b->number);
}

/* ---- the active partition ------------------------------------------------------------------ */

/* How many partitions are active; 0xFFFF when the table was not looked into. */
#define TABLE_UNREAD 0xFFFFu

static uint32_t count_active(const struct facts *facts, const struct bs_partition **partition)
{
	int32_t index;
	uint32_t count = facts_active(facts, &index);

	*partition = index >= 0 ? partition_at(facts, (uint32_t)index) : NULL;
	return facts->table == TABLE_GOOD ? count : TABLE_UNREAD;
}

bool rule_wanted_system_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return facts->table == TABLE_GOOD && facts->wanted_system != 0 && facts->system_index < 0 &&
	       say(ruling, "there is no primary partition %u", facts->wanted_system);
}

bool rule_none_is_active(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *active;

	if (count_active(facts, &active) != 0)
		return false;
	if (facts->wanted_system == 0)
		say(ruling, "no partition is active");
	return say_link(ruling, "no partition is active");
}

bool rule_several_are_active(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *active;
	uint32_t count = count_active(facts, &active);

	if (count < 2 || count == TABLE_UNREAD)
		return false;
	if (facts->wanted_system == 0)
		say(ruling, "%u partitions are active", count);
	return say_link(ruling, "more than one partition is active");
}

bool rule_extended_is_active(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *active;

	if (count_active(facts, &active) != 1 || active->filesystem != BS_FS_EXTENDED)
		return false;
	if (facts->wanted_system == 0)
		say(ruling, "the active partition %u is an extended one, which holds no boot files",
		    active->number);
	return say_link(ruling, "partition %u, an extended one, which starts nothing",
			active->number);
}

/* The extended partition, which has a rule of its own, comes before. */
bool rule_another_is_active(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *active;

	return count_active(facts, &active) == 1 && facts->system_index >= 0 &&
	       partition_at(facts, (uint32_t)facts->system_index) != active &&
	       say_link(ruling, "partition %u, and not the chosen one", active->number);
}

bool rule_one_is_active(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_partition *active;

	return count_active(facts, &active) == 1 &&
	       say_link(ruling, "partition %u", active->number);
}
