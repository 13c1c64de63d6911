/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/message.h"

#include <stdlib.h>
#include <string.h>

#include "windows/plan.h"

const char *message_name(uint32_t type)
{
	static const char *const names[] = {
		[MESSAGE_INSPECTION] = "inspection",
		[MESSAGE_PLAN] = "plan",
		[MESSAGE_OPERATION] = "operation",
		[MESSAGE_CLUSTERS] = "clusters",
		[MESSAGE_STAGED] = "staged",
		[MESSAGE_ZONES] = "zones",
		[MESSAGE_MAP] = "map",
		[MESSAGE_DIFFERENCES] = "differences",
		[MESSAGE_DONE] = "done",
		[MESSAGE_ERROR] = "error",
		[MESSAGE_PROCEED] = "proceed",
	};

	return type > 0 && type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

static int message_distrust(struct bs_error *err)
{
	return fail(err, BS_WORKER, "the worker process sent something that makes no sense");
}

/* True if the string in a fixed array ends within the array. */
#define TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

/* Whether an array of numbers that later versions may use is all zeros. */
#define UNUSED(array) all_zero((array), sizeof(array))

/* Returns whether the byte is 0 or 1.  Reading any other byte as a bool is undefined behaviour. */
static bool message_is_flag(const bool *flag)
{
	uint8_t byte;

	memcpy(&byte, flag, sizeof(byte));
	return byte <= 1;
}

/* ---- plans --------------------------------------------------------------------------------- */

int message_pack_plan(const struct bs_plan *plan, uint8_t **bytes, size_t *length,
		      struct bs_error *err)
{
	size_t files = plan->file_count * sizeof(*plan->files);
	size_t elements = plan->element_count * sizeof(*plan->elements);
	struct bs_plan header = *plan;

	header.files = NULL; /* pointers are not valid in the other process */
	header.elements = NULL;
	*length = sizeof(header) + files + elements;
	*bytes = malloc(*length);
	if (!*bytes)
		return fail_memory(err);
	memcpy(*bytes, &header, sizeof(header));
	memcpy(*bytes + sizeof(header), plan->files, files);
	memcpy(*bytes + sizeof(header) + files, plan->elements, elements);
	return 0;
}

/* A plan that gives the disk a signature has one operation for that, and no other plan has one. */
static bool message_signature_makes_sense(const struct bs_plan *plan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->operation_count; i++)
		count += plan->operations[i].kind == BS_OPERATION_SIGNATURE;
	if (plan->restored_signature == 0)
		return count == 0;
	return count == 1 && plan->restored_signature != plan->disk_signature;
}

static bool message_plan_makes_sense(const struct bs_plan *plan)
{
	for (uint32_t i = 0; i < plan->operation_count; i++)
		if ((unsigned)plan->operations[i].kind >= BS_OPERATION_KIND_COUNT ||
		    !TERMINATED(plan->operations[i].path) || !UNUSED(plan->operations[i].reserved))
			return false;
	for (uint32_t i = 0; i < plan->file_count; i++)
		if (!TERMINATED(plan->files[i].path) ||
		    !message_is_flag(&plan->files[i].is_folder) || !UNUSED(plan->files[i].reserved))
			return false;
	for (uint32_t i = 0; i < plan->element_count; i++)
		if (!TERMINATED(plan->elements[i].object) || !TERMINATED(plan->elements[i].path) ||
		    plan->elements[i].value_size > BS_VALUE_MAX ||
		    !UNUSED(plan->elements[i].reserved))
			return false;
	return UNUSED(plan->reserved) && message_signature_makes_sense(plan);
}

int message_unpack_plan(const uint8_t *bytes, size_t length, struct bs_plan **out,
			struct bs_error *err)
{
	struct bs_plan header, *plan;
	size_t files, elements;

	*out = NULL;
	if (length < sizeof(header))
		return message_distrust(err);
	memcpy(&header, bytes, sizeof(header));
	if (header.operation_count > BS_OPERATIONS_MAX || header.file_count > BS_PLAN_FILES_MAX ||
	    header.element_count > BS_ELEMENTS_MAX)
		return message_distrust(err);
	files = header.file_count * sizeof(*plan->files);
	elements = header.element_count * sizeof(*plan->elements);
	if (length != sizeof(header) + files + elements)
		return message_distrust(err);
	plan = plan_new(header.file_count, header.element_count);
	if (!plan)
		return fail_memory(err);
	header.files = plan->files;
	header.elements = plan->elements;
	*plan = header;
	memcpy(plan->files, bytes + sizeof(header), files);
	memcpy(plan->elements, bytes + sizeof(header) + files, elements);
	if (!message_plan_makes_sense(plan)) {
		bs_plan_free(plan);
		return message_distrust(err);
	}
	*out = plan;
	return 0;
}

/* ---- inspections --------------------------------------------------------------------------- */

static bool message_partition_makes_sense(const struct bs_partition *partition)
{
	return message_is_flag(&partition->active) && message_is_flag(&partition->is_system) &&
	       message_is_flag(&partition->is_boot) && message_is_flag(&partition->usage_known) &&
	       message_is_flag(&partition->has_boot_files) &&
	       (unsigned)partition->filesystem < BS_FS_COUNT && TERMINATED(partition->label) &&
	       UNUSED(partition->reserved);
}

static bool message_index_makes_sense(int32_t index, uint32_t count)
{
	return index >= -1 && (index < 0 || (uint32_t)index < count);
}

/*
 * If a fix applies, the receiver uses both partitions, so both must be valid.  A disk whose boot files
 * are made anew may have no system partition.
 */
static bool message_verdict_makes_sense(const struct bs_inspection *inspection)
{
	if ((unsigned)inspection->verdict >= BS_VERDICT_COUNT)
		return false;
	if (inspection->verdict == BS_VERDICT_UNSUITABLE)
		return true;
	return inspection->boot_index >= 0 &&
	       (inspection->system_index >= 0 ||
		(inspection->rebuilds && inspection->verdict == BS_VERDICT_FIXABLE));
}

/* A finding is a refusal or a note: no worker says that a command failed or must be recovered. */
static bool message_finding_makes_sense(const struct bs_finding *finding)
{
	return (unsigned)finding->code < BS_CODE_COUNT && finding->code != BS_OK &&
	       (bs_code_exit(finding->code) == BS_EXIT_REFUSED ||
		bs_code_exit(finding->code) == BS_EXIT_DONE) &&
	       TERMINATED(finding->message) && UNUSED(finding->reserved);
}

static bool message_inspection_makes_sense(const struct bs_inspection *inspection)
{
	if (inspection->partition_count > BS_PARTITIONS_MAX ||
	    inspection->link_count > BS_LINKS_MAX || inspection->finding_count > BS_FINDINGS_MAX ||
	    !message_verdict_makes_sense(inspection) ||
	    !message_index_makes_sense(inspection->system_index, inspection->partition_count) ||
	    !message_index_makes_sense(inspection->boot_index, inspection->partition_count) ||
	    !message_is_flag(&inspection->starts) || !message_is_flag(&inspection->starts_known) ||
	    !message_is_flag(&inspection->starts_after) ||
	    !message_is_flag(&inspection->starts_after_known) ||
	    !message_is_flag(&inspection->no_windows) || !message_is_flag(&inspection->rebuilds) ||
	    !message_is_flag(&inspection->can_rebuild) ||
	    !message_is_flag(&inspection->room_before_known) ||
	    !message_is_flag(&inspection->room_after_known) || !TERMINATED(inspection->format) ||
	    !TERMINATED(inspection->windows_name) || !TERMINATED(inspection->windows_build) ||
	    !TERMINATED(inspection->loader_path) || !UNUSED(inspection->reserved))
		return false;
	for (uint32_t i = 0; i < inspection->partition_count; i++)
		if (!message_partition_makes_sense(&inspection->partitions[i]))
			return false;
	for (uint32_t i = 0; i < inspection->link_count; i++)
		if ((unsigned)inspection->links[i].kind >= BS_LINK_KIND_COUNT ||
		    (unsigned)inspection->links[i].state >= BS_LINK_STATE_COUNT ||
		    (unsigned)inspection->links[i].code >= BS_CODE_COUNT ||
		    !TERMINATED(inspection->links[i].detail) ||
		    !UNUSED(inspection->links[i].reserved))
			return false;
	for (uint32_t i = 0; i < inspection->finding_count; i++)
		if (!message_finding_makes_sense(&inspection->findings[i]))
			return false;
	return true;
}

int message_unpack_inspection(const uint8_t *bytes, size_t length,
			      struct bs_inspection **inspection, struct bs_error *err)
{
	*inspection = NULL;
	if (length != sizeof(**inspection))
		return message_distrust(err);
	*inspection = malloc(sizeof(**inspection));
	if (!*inspection)
		return fail_memory(err);
	memcpy(*inspection, bytes, sizeof(**inspection));
	if (message_inspection_makes_sense(*inspection))
		return 0;
	free(*inspection);
	*inspection = NULL;
	return message_distrust(err);
}

/* ---- maps ---------------------------------------------------------------------------------- */

int message_pack_map(const struct places *places, uint8_t **bytes, size_t *length,
		     struct bs_error *err)
{
	size_t count = min_u64(places->ranges.count, PLACE_RANGES_MAX);
	size_t ranges = count * sizeof(*places->ranges.items);
	struct places header = *places;

	header.ranges = (struct place_ranges){.count = count};
	*length = sizeof(header) + ranges;
	*bytes = malloc(*length);
	if (!*bytes)
		return fail_memory(err);
	memcpy(*bytes, &header, sizeof(header));
	if (ranges > 0)
		memcpy(*bytes + sizeof(header), places->ranges.items, ranges);
	return 0;
}

static bool message_map_makes_sense(const struct places *places, uint64_t disk_size)
{
	if (!message_is_flag(&places->has_active) || !message_is_flag(&places->has_default) ||
	    !message_is_flag(&places->is_tool) || !message_is_flag(&places->has_windows) ||
	    !message_is_flag(&places->loader_resident) ||
	    !message_is_flag(&places->windows_resident))
		return false;
	for (size_t i = 0; i < BS_PLACE_COUNT; i++)
		if (!TERMINATED(places->subjects[i].path))
			return false;
	for (size_t i = 0; i < places->ranges.count; i++) {
		const struct place_range *range = &places->ranges.items[i];

		if (range->place >= BS_PLACE_OTHER || range->range.length == 0 ||
		    range->range.offset % SECTOR_SIZE != 0 ||
		    !range_within(range->range.offset, range->range.length, disk_size))
			return false;
	}
	return true;
}

int message_unpack_map(const uint8_t *bytes, size_t length, uint64_t disk_size,
		       struct places *places, struct bs_error *err)
{
	struct places header;

	if (length < sizeof(header))
		return message_distrust(err);
	memcpy(&header, bytes, sizeof(header));
	if (header.ranges.count > PLACE_RANGES_MAX ||
	    length - sizeof(header) != header.ranges.count * sizeof(*places->ranges.items))
		return message_distrust(err);
	*places = header;
	places->ranges = (struct place_ranges){NULL, 0, 0};
	for (size_t i = 0; i < header.ranges.count; i++) {
		struct place_range range;

		memcpy(&range, bytes + sizeof(header) + i * sizeof(range), sizeof(range));
		if (place_ranges_append(&places->ranges, range, err) < 0)
			return -1;
	}
	if (!message_map_makes_sense(places, disk_size))
		return message_distrust(err);
	if (!places_seal(places))
		return fail(
			err, BS_NTFS_DAMAGED,
			"the files of the boot chain are larger, or in more pieces, than on any "
			"sound disk");
	return 0;
}

/* ---- the rest ------------------------------------------------------------------------------ */

int message_unpack_zones(const uint8_t *bytes, size_t length, uint64_t disk_size,
			 struct range_vector *zones, struct bs_error *err)
{
	size_t count = length / sizeof(*zones->items);

	if (length % sizeof(*zones->items) != 0)
		return message_distrust(err);
	if (range_vector_reserve(zones, count, err) < 0)
		return -1;
	if (count > 0)
		memcpy(zones->items, bytes, length);
	zones->count = count;
	for (size_t i = 0; i < count; i++)
		if (!range_within(zones->items[i].offset, zones->items[i].length, disk_size))
			return fail(err, BS_WORKER,
				    "the worker process sent a guard zone outside of the disk");
	return 0;
}

int message_unpack_differences(const uint8_t *bytes, size_t length, struct differences *differences,
			       struct bs_error *err)
{
	size_t count = length / sizeof(*differences->items);

	if (length % sizeof(*differences->items) != 0 || count > BS_DIFFERENCES_MAX)
		return message_distrust(err);
	if (differences_reserve(differences, count, err) < 0)
		return -1;
	if (count > 0)
		memcpy(differences->items, bytes, length);
	for (size_t i = 0; i < count; i++)
		if (!TERMINATED(differences->items[i].path) ||
		    !TERMINATED(differences->items[i].what) ||
		    !message_is_flag(&differences->items[i].expected) ||
		    !UNUSED(differences->items[i].reserved))
			return message_distrust(err);
	differences->count = count;
	return 0;
}

int message_unpack_error(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	if (length != sizeof(*err))
		return message_distrust(err);
	memcpy(err, bytes, sizeof(*err));
	if ((unsigned)err->code >= BS_CODE_COUNT || !TERMINATED(err->message) ||
	    (bs_code_exit(err->code) != BS_EXIT_FAILED &&
	     bs_code_exit(err->code) != BS_EXIT_REFUSED))
		return message_distrust(err);
	return -1;
}
