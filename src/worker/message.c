/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/message.h"

#include <stdlib.h>
#include <string.h>

#include "windows/plan.h"

static int nonsense(struct bs_error *err)
{
	return fail(err, BS_WORKER, "the worker process sent something that makes no sense");
}

/* A string in a fixed array is terminated in it. */
#define TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

/* A bool that holds anything but 0 or 1 must not even be looked at as a bool. */
static bool is_flag(const bool *flag)
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

	header.files = NULL; /* pointers mean nothing on the other side */
	header.elements = NULL;
	*length = sizeof(header) + files + elements;
	*bytes = malloc(*length);
	if (*bytes == NULL)
		return fail_memory(err);
	memcpy(*bytes, &header, sizeof(header));
	memcpy(*bytes + sizeof(header), plan->files, files);
	memcpy(*bytes + sizeof(header) + files, plan->elements, elements);
	return 0;
}

static bool plan_makes_sense(const struct bs_plan *plan)
{
	for (uint32_t i = 0; i < plan->operation_count; i++)
		if ((unsigned)plan->operations[i].kind >= BS_OPERATION_KIND_COUNT ||
		    !TERMINATED(plan->operations[i].path))
			return false;
	for (uint32_t i = 0; i < plan->file_count; i++)
		if (!TERMINATED(plan->files[i].path) || !is_flag(&plan->files[i].is_folder))
			return false;
	for (uint32_t i = 0; i < plan->element_count; i++)
		if (!TERMINATED(plan->elements[i].object) || !TERMINATED(plan->elements[i].path))
			return false;
	return true;
}

int message_unpack_plan(const uint8_t *bytes, size_t length, struct bs_plan **out,
			struct bs_error *err)
{
	struct bs_plan header, *plan;
	size_t files, elements;

	*out = NULL;
	if (length < sizeof(header))
		return nonsense(err);
	memcpy(&header, bytes, sizeof(header));
	if (header.operation_count > BS_OPERATIONS_MAX || header.file_count > BS_PLAN_FILES_MAX ||
	    header.element_count > BS_ELEMENTS_MAX)
		return nonsense(err);
	files = header.file_count * sizeof(*plan->files);
	elements = header.element_count * sizeof(*plan->elements);
	if (length != sizeof(header) + files + elements)
		return nonsense(err);
	plan = plan_new(header.file_count, header.element_count);
	if (plan == NULL)
		return fail_memory(err);
	header.files = plan->files;
	header.elements = plan->elements;
	*plan = header;
	memcpy(plan->files, bytes + sizeof(header), files);
	memcpy(plan->elements, bytes + sizeof(header) + files, elements);
	if (!plan_makes_sense(plan)) {
		bs_plan_free(plan);
		return nonsense(err);
	}
	*out = plan;
	return 0;
}

/* ---- inspections --------------------------------------------------------------------------- */

static bool partition_makes_sense(const struct bs_partition *partition)
{
	return is_flag(&partition->active) && is_flag(&partition->is_system) &&
	       is_flag(&partition->is_boot) && is_flag(&partition->usage_known) &&
	       (unsigned)partition->filesystem < BS_FS_COUNT && TERMINATED(partition->label);
}

static bool index_makes_sense(int32_t index, uint32_t count)
{
	return index >= -1 && (index < 0 || (uint32_t)index < count);
}

/* Whoever is told that a fix applies looks at both partitions. */
static bool verdict_makes_sense(const struct bs_inspection *inspection)
{
	if ((unsigned)inspection->verdict >= BS_VERDICT_COUNT)
		return false;
	return inspection->verdict == BS_VERDICT_UNSUITABLE ||
	       (inspection->system_index >= 0 && inspection->boot_index >= 0);
}

static bool inspection_makes_sense(const struct bs_inspection *inspection)
{
	if (inspection->partition_count > BS_PARTITIONS_MAX ||
	    inspection->link_count > BS_LINKS_MAX || inspection->finding_count > BS_FINDINGS_MAX ||
	    !verdict_makes_sense(inspection) ||
	    !index_makes_sense(inspection->system_index, inspection->partition_count) ||
	    !index_makes_sense(inspection->boot_index, inspection->partition_count) ||
	    !is_flag(&inspection->starts) || !is_flag(&inspection->starts_known) ||
	    !is_flag(&inspection->starts_after) || !is_flag(&inspection->starts_after_known) ||
	    !is_flag(&inspection->no_windows) || !is_flag(&inspection->room_before_known) ||
	    !is_flag(&inspection->room_after_known) || !TERMINATED(inspection->format) ||
	    !TERMINATED(inspection->windows_name) || !TERMINATED(inspection->windows_build) ||
	    !TERMINATED(inspection->loader_path))
		return false;
	for (uint32_t i = 0; i < inspection->partition_count; i++)
		if (!partition_makes_sense(&inspection->partitions[i]))
			return false;
	for (uint32_t i = 0; i < inspection->link_count; i++)
		if ((unsigned)inspection->links[i].kind >= BS_LINK_KIND_COUNT ||
		    (unsigned)inspection->links[i].state >= BS_LINK_STATE_COUNT ||
		    (unsigned)inspection->links[i].code >= BS_CODE_COUNT ||
		    !TERMINATED(inspection->links[i].detail))
			return false;
	for (uint32_t i = 0; i < inspection->finding_count; i++)
		if ((unsigned)inspection->findings[i].code >= BS_CODE_COUNT ||
		    !TERMINATED(inspection->findings[i].message))
			return false;
	return true;
}

int message_unpack_inspection(const uint8_t *bytes, size_t length, struct bs_inspection *inspection,
			      struct bs_error *err)
{
	if (length != sizeof(*inspection))
		return nonsense(err);
	memcpy(inspection, bytes, sizeof(*inspection));
	return inspection_makes_sense(inspection) ? 0 : nonsense(err);
}

int message_unpack_error(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	if (length != sizeof(*err))
		return nonsense(err);
	memcpy(err, bytes, sizeof(*err));
	if ((unsigned)err->code >= BS_CODE_COUNT || !TERMINATED(err->message) ||
	    (bs_code_exit(err->code) != BS_EXIT_FAILED &&
	     bs_code_exit(err->code) != BS_EXIT_REFUSED))
		return nonsense(err);
	return -1;
}
