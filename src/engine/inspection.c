/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/inspection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/mbr.h"
#include "survey/judge.h"
#include "util/err.h"

/* Returns whether the survey has already added this refusal to the findings. */
static bool inspection_has_finding(const struct bs_inspection *inspection,
				   const struct bs_error *refusal)
{
	for (uint32_t i = 0; i < inspection->finding_count; i++) {
		const struct bs_finding *finding = &inspection->findings[i];

		if (finding->code == refusal->code &&
		    strncmp(finding->message, refusal->message, sizeof(finding->message) - 1) == 0)
			return true;
	}
	return false;
}

static void inspection_add_finding(struct bs_inspection *inspection, const struct bs_error *refusal)
{
	struct bs_finding *finding;

	if (inspection->finding_count < BS_FINDINGS_MAX)
		inspection->finding_count++;
	finding = &inspection->findings[inspection->finding_count - 1];
	finding->code = refusal->code;
	snprintf(finding->message, sizeof(finding->message), "%s", refusal->message);
}

bool inspection_has(const struct bs_inspection *inspection, enum bs_code code)
{
	for (uint32_t i = 0; i < inspection->finding_count; i++)
		if (inspection->findings[i].code == code)
			return true;
	return false;
}

void inspection_refuse(struct bs_inspection *inspection, const struct bs_error *refusal)
{
	if (!inspection_has_finding(inspection, refusal))
		inspection_add_finding(inspection, refusal);
	inspection->verdict = BS_VERDICT_UNSUITABLE;
	inspection->starts_after = inspection->starts;
	inspection->starts_after_known = inspection->starts_known;
	for (uint32_t i = 0; i < inspection->link_count; i++)
		if (inspection->links[i].state == BS_LINK_REPAIRED)
			inspection->links[i].state = BS_LINK_BROKEN;
}

struct bs_inspection *inspection_without_worker(struct disk *disk, const struct bs_options *options)
{
	struct bs_inspection *inspection;
	uint8_t sector[SECTOR_SIZE];
	struct bs_error ignored;
	struct mbr table;

	if (disk_size(disk) < sizeof(sector) ||
	    disk_read(disk, 0, sector, sizeof(sector), &ignored) < 0)
		return NULL;
	inspection = calloc(1, sizeof(*inspection));
	if (!inspection)
		return NULL;
	judge_begin(inspection, disk_size(disk), options);
	inspection->verdict = BS_VERDICT_UNSUITABLE;
	if (!mbr_parse(sector, &table))
		return inspection;
	inspection->disk_signature = table.disk_signature;
	for (uint32_t i = 0; i < MBR_ENTRIES; i++)
		if (table.entries[i].type != MBR_TYPE_EMPTY && table.entries[i].sectors != 0)
			inspection->partitions[inspection->partition_count++] =
				facts_partition(i + 1, &table.entries[i], 0);
	return inspection;
}

bool inspection_first_refusal(const struct bs_inspection *inspection, struct bs_error *err)
{
	for (uint32_t i = 0; i < inspection->finding_count; i++) {
		const struct bs_finding *finding = &inspection->findings[i];

		if (bs_code_exit(finding->code) != BS_EXIT_REFUSED)
			continue;
		(void)!fail(err, finding->code, "%s", finding->message);
		return true;
	}
	return false;
}
