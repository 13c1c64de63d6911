/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bs_plan *plan_new(uint32_t files, uint32_t elements)
{
	struct bs_plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return NULL;
	/* One more than needed, so that none of them is an allocation of nothing. */
	plan->files = calloc((size_t)files + 1, sizeof(*plan->files));
	plan->elements = calloc((size_t)elements + 1, sizeof(*plan->elements));
	if (plan->files == NULL || plan->elements == NULL) {
		bs_plan_free(plan);
		return NULL;
	}
	plan->file_count = files;
	plan->element_count = elements;
	return plan;
}

void bs_plan_free(struct bs_plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->files);
	free(plan->elements);
	free(plan);
}

/* Items, and the four kinds of operations that there is one of. */
_Static_assert(BOOT_ITEMS_MAX + 4 <= BS_OPERATIONS_MAX, "a plan has room for all operations");

static struct bs_operation *add(struct bs_plan *plan, enum bs_operation_kind kind, const char *path)
{
	struct bs_operation *operation = &plan->operations[plan->operation_count++];

	operation->kind = kind;
	snprintf(operation->path, sizeof(operation->path), "%s", path);
	return operation;
}

/* The survey lists the files item by item, folders on the way first: the rest is the next one's. */
static void add_copy(struct bs_plan *plan, const struct survey *survey,
		     const struct boot_item *item, uint32_t *cursor)
{
	struct bs_operation *copy = add(plan, BS_OPERATION_COPY, item->path);

	copy->replaces = item->replaces;
	for (; *cursor < survey->file_count; ++*cursor) {
		const struct bs_plan_file *file = &survey->files[*cursor];

		if (!boot_files_lies_in(file->path, item->path) &&
		    !boot_files_lies_in(item->path, file->path))
			break;
		if (file->is_folder) {
			copy->folders++;
		} else {
			copy->files++;
			copy->bytes += file->size;
		}
	}
}

int plan_make(const struct survey *survey, struct bs_plan **out, struct bs_error *err)
{
	const struct bs_inspection *report = &survey->report;
	const struct bs_partition *system = &report->partitions[report->system_index];
	const struct bs_partition *boot = &report->partitions[report->boot_index];
	struct bs_plan *plan = plan_new(survey->file_count, survey->element_count);
	uint32_t cursor = 0;

	*out = plan;
	if (plan == NULL)
		return fail_memory(err);
	plan->disk_signature = report->disk_signature;
	plan->disk_size = report->disk_size;
	plan->system_start = system->start;
	plan->system_size = system->size;
	plan->system_number = system->number;
	plan->boot_start = boot->start;
	plan->boot_size = boot->size;
	plan->boot_number = boot->number;
	memcpy(plan->files, survey->files, survey->file_count * sizeof(*plan->files));
	memcpy(plan->elements, survey->elements, survey->element_count * sizeof(*plan->elements));
	for (uint32_t i = 0; i < survey->item_count; i++)
		add_copy(plan, survey, &survey->items[i], &cursor);
	add(plan, BS_OPERATION_ATTRIBUTES, BOOT_FOLDER);
	if (survey->element_count != 0) {
		struct bs_operation *retarget = add(plan, BS_OPERATION_RETARGET_BCD, BOOT_BCD_PATH);

		retarget->elements = survey->element_count;
		retarget->bytes = (uint64_t)survey->element_count * sizeof(uint64_t);
	}
	if (survey->boot_code_needed)
		add(plan, BS_OPERATION_BOOT_CODE, "")->bytes = VBR_SIZE + SECTOR_SIZE;
	add(plan, BS_OPERATION_ACTIVATE, "")->bytes = MBR_ENTRIES;
	return 0;
}

static bool operation_equal(const struct bs_operation *a, const struct bs_operation *b)
{
	return a->kind == b->kind && strcmp(a->path, b->path) == 0 && a->files == b->files &&
	       a->folders == b->folders && a->elements == b->elements &&
	       a->replaces == b->replaces && a->bytes == b->bytes;
}

static bool file_equal(const struct bs_plan_file *a, const struct bs_plan_file *b)
{
	return strcmp(a->path, b->path) == 0 && a->is_folder == b->is_folder &&
	       a->size == b->size && a->attributes == b->attributes &&
	       memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

static bool element_equal(const struct bs_plan_element *a, const struct bs_plan_element *b)
{
	return strcmp(a->object, b->object) == 0 && a->element == b->element &&
	       a->offset == b->offset && strcmp(a->path, b->path) == 0;
}

bool plan_equal(const struct bs_plan *a, const struct bs_plan *b)
{
	if (a->disk_signature != b->disk_signature || a->disk_size != b->disk_size ||
	    a->system_start != b->system_start || a->system_size != b->system_size ||
	    a->boot_start != b->boot_start || a->boot_size != b->boot_size ||
	    a->system_number != b->system_number || a->boot_number != b->boot_number ||
	    a->operation_count != b->operation_count || a->file_count != b->file_count ||
	    a->element_count != b->element_count)
		return false;
	for (uint32_t i = 0; i < a->operation_count; i++)
		if (!operation_equal(&a->operations[i], &b->operations[i]))
			return false;
	for (uint32_t i = 0; i < a->file_count; i++)
		if (!file_equal(&a->files[i], &b->files[i]))
			return false;
	for (uint32_t i = 0; i < a->element_count; i++)
		if (!element_equal(&a->elements[i], &b->elements[i]))
			return false;
	return true;
}
