/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compares a plan with the partition table, and arms the guard for it; see permit.h. */
#include "engine/permit.h"

#include <assert.h>
#include <string.h>

#include "util/bytes.h"
#include "util/range.h"
#include "windows/plan.h"

static int permit_refuse(struct bs_error *err, const char *what)
{
	return fail(err, BS_WORKER, "the worker process sent %s", what);
}

/* Returns the entry's partition in bytes of the disk; the length is 0 for an unused entry. */
static struct range permit_entry_range(const struct mbr_entry *entry)
{
	return (struct range){
		.offset = (uint64_t)entry->first_lba * SECTOR_SIZE,
		.length =
			entry->type != MBR_TYPE_EMPTY ? (uint64_t)entry->sectors * SECTOR_SIZE : 0,
	};
}

/* Whether the disk has no other primary partition. */
static bool permit_is_only_primary(const struct mbr *table, uint32_t number)
{
	for (uint32_t i = 0; i < MBR_ENTRIES; i++)
		if (i + 1 != number && permit_entry_range(&table->entries[i]).length != 0)
			return false;
	return true;
}

/*
 * The system partition must never be written.  The parent does not read volumes, so it only checks
 * that no plan names the system partition as the boot partition.  A plan that makes boot files anew
 * may do so if the user asked for that, and if either the user chose the partition, or there is no
 * other one.
 */
static bool permit_may_be_boot(const struct mbr *table, const struct bs_plan *plan,
			       const struct bs_options *options)
{
	uint32_t number = plan->boot_number;
	const struct mbr_entry *entry = &table->entries[number - 1];

	if (mbr_is_extended(entry->type) ||
	    (options->boot_partition != 0 && number != options->boot_partition))
		return false;
	if (options->rebuild && plan_rebuilds(plan) &&
	    (options->boot_partition != 0 || permit_is_only_primary(table, number)))
		return true;
	return options->system_partition != 0 ? number != options->system_partition
					      : entry->flag != MBR_ACTIVE;
}

/*
 * Finds the planned boot partition in the partition table that the parent has read.  It must be a
 * primary partition that shares no sector with another partition or with the table.
 */
static int permit_check_boot(const struct mbr *table, const struct bs_plan *plan,
			     const struct bs_options *options, struct bs_error *err)
{
	struct range boot = {0};

	if (plan->boot_number >= 1 && plan->boot_number <= MBR_ENTRIES)
		boot = permit_entry_range(&table->entries[plan->boot_number - 1]);
	if (boot.length == 0 || boot.offset != plan->boot_start || boot.length != plan->boot_size ||
	    boot.offset < SECTOR_SIZE)
		return permit_refuse(err, "a boot partition that is not in the partition table");
	if (!permit_may_be_boot(table, plan, options))
		return permit_refuse(err, "a boot partition that cannot be one");
	for (uint32_t i = 0; i < MBR_ENTRIES; i++)
		if (i + 1 != plan->boot_number &&
		    range_overlaps(boot, permit_entry_range(&table->entries[i])))
			return permit_refuse(err, "a boot partition that overlaps another one");
	return 0;
}

/*
 * The size of the system partition limits what a fix may copy.  So that partition must be in the
 * table, too: as a primary partition, or as a logical one within the extended partition.
 */
static int permit_check_system(const struct mbr *table, const struct bs_plan *plan,
			       struct bs_error *err)
{
	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		const struct range range = permit_entry_range(&table->entries[i]);

		if (range.length == 0 || plan->system_start < range.offset)
			continue;
		if (mbr_is_extended(table->entries[i].type) && plan->system_number > MBR_ENTRIES &&
		    range_within(plan->system_start - range.offset, plan->system_size,
				 range.length))
			return 0;
		if (i + 1 == plan->system_number && plan->system_start == range.offset &&
		    plan->system_size == range.length)
			return 0;
	}
	return permit_refuse(err, "a system partition that is not in the partition table");
}

/* Allows what a plan that moves files may write, and sets the flags that the sector must have. */
static int permit_move(struct guard *guard, const struct mbr *table, const struct bs_plan *plan,
		       const struct bs_options *options, uint8_t sector[SECTOR_SIZE],
		       struct bs_error *err)
{
	struct guard_range ranges[MBR_ENTRIES + 1];

	if (permit_check_boot(table, plan, options, err) < 0 ||
	    permit_check_system(table, plan, err) < 0)
		return -1;
	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		ranges[i] = (struct guard_range){MBR_FLAG_OFFSET(i), 1, GUARD_ACTIVE_FLAG};
		sector[MBR_FLAG_OFFSET(i)] = i + 1 == plan->boot_number ? MBR_ACTIVE : 0;
	}
	ranges[MBR_ENTRIES] =
		(struct guard_range){plan->boot_start, plan->boot_size, GUARD_ANY_BYTES};
	return guard_allow(guard, ranges, MBR_ENTRIES + 1, err);
}

/*
 * A plan that only gives the signature back names one partition, as the system partition and as the
 * boot partition.  Its size limits the budget, as in a plan that moves files.
 */
static int permit_check_only(const struct mbr *table, const struct bs_plan *plan,
			     struct bs_error *err)
{
	if (plan->boot_number != plan->system_number || plan->boot_size != plan->system_size)
		return permit_refuse(err, "a boot partition that is not the system partition");
	return permit_check_system(table, plan, err);
}

/*
 * Allows the four bytes of the signature, with the value that the plan announces.  The worker decides
 * on that value before it can write anything, and no other value gets through.
 */
static void permit_signature(struct guard *guard, const struct bs_plan *plan,
			     uint8_t sector[SECTOR_SIZE])
{
	uint8_t *place = sector + MBR_SIGNATURE_OFFSET;

	store_le32(place, plan->restored_signature);
	guard_allow_exact(guard, MBR_SIGNATURE_OFFSET, place, MBR_SIGNATURE_SIZE);
}

int permit_open(struct guard *guard, const struct bs_plan *plan, const struct bs_options *options,
		uint8_t sector[SECTOR_SIZE], struct bs_error *err)
{
	struct mbr table;

	if (disk_read(guard_disk(guard), 0, sector, SECTOR_SIZE, err) < 0)
		return -1;
	if (!mbr_parse(sector, &table))
		return permit_refuse(err, "a plan for a disk without a partition table");
	if (table.disk_signature != plan->disk_signature)
		return permit_refuse(err, "a plan for a disk with another signature");
	if (plan_moves_files(plan) || plan->restored_signature == 0
		    ? permit_move(guard, &table, plan, options, sector, err) < 0
		    : permit_check_only(&table, plan, err) < 0)
		return -1;
	if (plan->restored_signature != 0)
		permit_signature(guard, plan, sector);
	return 0;
}

int permit_close(struct guard *guard, const uint8_t sector[SECTOR_SIZE], struct bs_error *err)
{
	uint8_t found[SECTOR_SIZE];

	if (guard_allow(guard, NULL, 0, err) < 0 ||
	    disk_read(guard_disk(guard), 0, found, sizeof(found), err) < 0)
		return -1;
	assert(guard_is_closed(guard));
	return memcmp(found, sector, sizeof(found)) == 0
		       ? 0
		       : permit_refuse(err,
				       "a staged plan that leaves another partition active, or "
				       "another signature");
}
