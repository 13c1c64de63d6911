/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/survey.h"

#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"

static bool has_refusal(const struct bs_inspection *report)
{
	for (uint32_t i = 0; i < report->finding_count; i++)
		if (bs_code_exit(report->findings[i].code) == BS_EXIT_REFUSED)
			return true;
	return false;
}

/* Whether every link is good; with none broken, one of which it cannot be told leaves that open. */
static bool chain_is_good(const struct bs_inspection *report, bool after, bool *known)
{
	bool broken = false, unknown = false;

	for (uint32_t i = 0; i < report->link_count; i++) {
		enum bs_link_state state = report->links[i].state;

		broken |= state == BS_LINK_BROKEN || (state == BS_LINK_REPAIRED && !after);
		unknown |= state == BS_LINK_UNKNOWN;
	}
	*known = broken || !unknown;
	return !broken && !unknown;
}

/*
 * The two links that a fix makes anew: one partition is active after it, and that has a boot record
 * which starts bootmgr, or the fix is refused.
 */
static void mark_repaired(struct bs_inspection *report)
{
	static const enum bs_link_kind made_anew[] = {BS_LINK_ACTIVE, BS_LINK_BOOT_RECORD};

	for (size_t i = 0; i < sizeof(made_anew) / sizeof(made_anew[0]); i++)
		if (report->links[made_anew[i]].state == BS_LINK_BROKEN)
			report->links[made_anew[i]].state = BS_LINK_REPAIRED;
}

/* What stands in the way of writing to the boot volume or of trusting the system volume. */
static void judge_volume(struct survey *survey, int32_t index, const char *role)
{
	const struct bs_partition *partition = &survey->report.partitions[index];
	const struct survey_partition *own = &survey->partitions[index];

	if (partition->filesystem == BS_FS_BITLOCKER)
		survey_note(survey, BS_BITLOCKER, "the %s volume (partition %u) is encrypted", role,
			    partition->number);
	else if (partition->filesystem != BS_FS_NTFS)
		survey_note(survey, BS_NOT_NTFS, "the %s volume (partition %u) is not NTFS", role,
			    partition->number);
	else if (vbr_misfit(&own->boot_record) != NULL)
		survey_note(survey, BS_NTFS_GEOMETRY, "the %s volume (partition %u) has %s", role,
			    partition->number, vbr_misfit(&own->boot_record));
	else if (own->boot_record.sectors >= partition->size / SECTOR_SIZE)
		survey_note(survey, BS_PARTITION_TABLE_INVALID,
			    "partition %u is smaller than the %s volume on it", partition->number,
			    role);
	else if (own->obstacle != BS_OK)
		survey_note(survey, own->obstacle, "the %s volume (partition %u): %s", role,
			    partition->number, own->obstacle_text);
}

/* The room on the volume that is active after the fix. */
static void judge_room(struct survey *survey)
{
	struct bs_inspection *report = &survey->report;
	const struct bs_partition *boot = &report->partitions[report->boot_index];
	uint64_t clusters = (uint64_t)survey->file_count * boot->cluster_size;
	uint64_t copies, needed, available;

	report->room_after_known = boot->usage_known;
	report->room_after = boot->free;
	if (report->system_index == report->boot_index || !boot->usage_known)
		return;
	/* The lengths of streams are the image's word: nothing may overflow. */
	if (!add_u64(survey->stream_bytes, clusters, &copies))
		copies = UINT64_MAX;
	if (!add_u64(copies, ROOM_MARGIN, &needed))
		needed = UINT64_MAX;
	if (!add_u64(boot->free, survey->replaced_bytes, &available) || available > boot->size)
		available = boot->size;
	report->room_after = available > copies ? available - copies : 0;
	if (available < needed)
		survey_note(survey, BS_VOLUME_FULL,
			    "the boot volume (partition %u) has %llu KiB free, the boot files need "
			    "%llu KiB, with a reserve",
			    boot->number, (unsigned long long)available / 1024,
			    (unsigned long long)needed / 1024);
	else if (report->room_after < report->needed_room)
		survey_note(
			survey, BS_NOTE_ROOM,
			"the boot volume too has less room than the conversion needs: free some "
			"space on it before the conversion");
}

/* The volume that is active now: the system volume, unless another one was chosen as such. */
static int32_t active_index(const struct bs_inspection *report)
{
	int32_t found = -1;

	for (uint32_t i = 0; i < report->partition_count; i++)
		if (report->partitions[i].active && found >= 0)
			return report->system_index;
		else if (report->partitions[i].active)
			found = (int32_t)i;
	return found >= 0 ? found : report->system_index;
}

static void judge(struct survey *survey)
{
	struct bs_inspection *report = &survey->report;
	int32_t active = active_index(report);
	const struct bs_partition *boot;

	if (active >= 0) {
		report->room_before_known = report->partitions[active].usage_known;
		report->room_before = report->partitions[active].free;
	}
	if (report->system_index >= 0 && report->boot_index >= 0) {
		if (report->system_index != report->boot_index) {
			judge_volume(survey, report->system_index, "system");
			judge_volume(survey, report->boot_index, "boot");
			boot = &report->partitions[report->boot_index];
			if (boot->number > MBR_ENTRIES)
				survey_note(survey, BS_BOOT_VOLUME_LOGICAL,
					    "the boot volume is the logical partition %u",
					    boot->number);
		}
		judge_room(survey);
	}
	if (has_refusal(report))
		report->verdict = BS_VERDICT_UNSUITABLE;
	else if (report->system_index == report->boot_index)
		report->verdict = BS_VERDICT_NOTHING;
	else
		report->verdict = BS_VERDICT_FIXABLE;
	if (report->verdict == BS_VERDICT_FIXABLE)
		mark_repaired(report);
	report->starts = chain_is_good(report, false, &report->starts_known);
	report->starts_after = chain_is_good(report, true, &report->starts_after_known);
}

void survey_begin(struct bs_inspection *report, uint64_t size, const struct bs_options *options)
{
	*report = (struct bs_inspection){
		.disk_size = size,
		.system_index = -1,
		.boot_index = -1,
		.needed_room =
			options->needed_room != 0 ? options->needed_room : BS_DEFAULT_PE_SIZE,
		.link_count = BS_LINK_KIND_COUNT,
	};
	for (uint32_t i = 0; i < BS_LINK_KIND_COUNT; i++)
		report->links[i] = (struct bs_link){
			.kind = (enum bs_link_kind)i,
			.state = BS_LINK_UNKNOWN,
			.detail = "not reached",
		};
}

int survey_take(struct disk *disk, const struct bs_options *options, struct survey *survey,
		struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;

	memset(survey, 0, sizeof(*survey));
	survey->disk = disk;
	survey->default_index = -1;
	survey_begin(report, disk_size(disk), options);
	if (survey_partitions(survey, options, err) < 0)
		return -1;
	if (report->system_index >= 0 && survey_system_volume(survey, options, err) < 0)
		return -1;
	if (report->boot_index >= 0 && survey_boot_volume(survey, err) < 0)
		return -1;
	judge(survey);
	return 0;
}

void survey_free(struct survey *survey)
{
	free(survey->files);
	free(survey->elements);
	survey->files = NULL;
	survey->elements = NULL;
}
