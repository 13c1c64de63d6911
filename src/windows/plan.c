/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bs_plan *plan_new(uint32_t files, uint32_t elements)
{
	struct bs_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	/* One element more than needed: calloc() of 0 elements may return NULL. */
	plan->files = calloc((size_t)files + 1, sizeof(*plan->files));
	plan->elements = calloc((size_t)elements + 1, sizeof(*plan->elements));
	if (!plan->files || !plan->elements) {
		bs_plan_free(plan);
		return NULL;
	}
	plan->file_count = files;
	plan->element_count = elements;
	return plan;
}

void bs_plan_free(struct bs_plan *plan)
{
	if (!plan)
		return;
	free(plan->files);
	free(plan->elements);
	free(plan);
}

/* One operation for each item, and four kinds of operations that occur once. */
_Static_assert(BOOT_ITEMS_MAX + 4 <= BS_OPERATIONS_MAX, "a plan has room for all operations");

static struct bs_operation *plan_add(struct bs_plan *plan, enum bs_operation_kind kind,
				     const char *path)
{
	struct bs_operation *operation = &plan->operations[plan->operation_count++];

	operation->kind = kind;
	snprintf(operation->path, sizeof(operation->path), "%s", path);
	return operation;
}

/*
 * The plan's files are sorted by item; each item's parent folders come first.  The first file that
 * does not belong to the item belongs to the next one.
 */
static void plan_add_copy(struct bs_plan *plan, const struct boot_item *item, uint32_t *cursor)
{
	struct bs_operation *copy = plan_add(plan, BS_OPERATION_COPY, item->path);

	copy->replaces = item->replaces;
	for (; *cursor < plan->file_count; ++*cursor) {
		const struct bs_plan_file *file = &plan->files[*cursor];

		if (!facts_lies_in(file->path, item->path) &&
		    !facts_lies_in(item->path, file->path))
			break;
		if (file->is_folder) {
			copy->folders++;
		} else {
			copy->files++;
			copy->bytes += file->size;
		}
	}
}

/* Adds the files to copy, without the folders that the boot volume already has. */
static void plan_add_files(struct bs_plan *plan, const struct facts *facts)
{
	plan->file_count = 0;
	for (uint32_t i = 0; i < facts->files.count; i++)
		if (!facts->files.items[i].stays)
			plan->files[plan->file_count++] = facts->files.items[i].file;
}

static void plan_add_elements(struct bs_plan *plan, const struct facts *facts)
{
	plan->element_count = 0;
	for (uint32_t i = 0; i < facts->elements.count; i++) {
		const struct fact_element *element = &facts->elements.items[i];
		struct bs_plan_element *planned = &plan->elements[plan->element_count];

		if (!facts_is_retargeted(facts, element))
			continue;
		memcpy(planned->object, element->object, sizeof(planned->object));
		planned->element = element->id;
		planned->offset = element->offset;
		memcpy(planned->path, element->found.path, sizeof(planned->path));
		plan->element_count++;
	}
}

int plan_make(const struct facts *facts, struct bs_plan **out, struct bs_error *err)
{
	const struct bs_partition *system = &facts->partitions[facts->system_index].is;
	const struct bs_partition *boot = &facts->partitions[facts->boot_index].is;
	struct bs_plan *plan = plan_new(facts->files.count, facts->elements.count);
	uint32_t cursor = 0;

	*out = plan;
	if (!plan)
		return fail_memory(err);
	plan->disk_signature = facts->disk_signature;
	plan->disk_size = facts->disk_size;
	plan->system_start = system->start;
	plan->system_size = system->size;
	plan->system_number = system->number;
	plan->boot_start = boot->start;
	plan->boot_size = boot->size;
	plan->boot_number = boot->number;
	plan_add_files(plan, facts);
	plan_add_elements(plan, facts);
	for (uint32_t i = 0; i < facts->item_count; i++)
		plan_add_copy(plan, &facts->items[i], &cursor);
	plan_add(plan, BS_OPERATION_ATTRIBUTES, BOOT_FOLDER);
	if (plan->element_count != 0) {
		struct bs_operation *retarget =
			plan_add(plan, BS_OPERATION_RETARGET_BCD, BOOT_BCD_PATH);

		retarget->elements = plan->element_count;
		retarget->bytes = (uint64_t)plan->element_count * sizeof(uint64_t);
	}
	if (facts_need_boot_code(facts))
		plan_add(plan, BS_OPERATION_BOOT_CODE, "")->bytes = VBR_SIZE + SECTOR_SIZE;
	plan_add(plan, BS_OPERATION_ACTIVATE, "")->bytes = MBR_ENTRIES;
	return 0;
}

static bool plan_operation_equal(const struct bs_operation *a, const struct bs_operation *b)
{
	return a->kind == b->kind && strcmp(a->path, b->path) == 0 && a->files == b->files &&
	       a->folders == b->folders && a->elements == b->elements &&
	       a->replaces == b->replaces && a->bytes == b->bytes;
}

static bool plan_file_equal(const struct bs_plan_file *a, const struct bs_plan_file *b)
{
	return strcmp(a->path, b->path) == 0 && a->is_folder == b->is_folder &&
	       a->size == b->size && a->attributes == b->attributes &&
	       memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

static bool plan_element_equal(const struct bs_plan_element *a, const struct bs_plan_element *b)
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
		if (!plan_operation_equal(&a->operations[i], &b->operations[i]))
			return false;
	for (uint32_t i = 0; i < a->file_count; i++)
		if (!plan_file_equal(&a->files[i], &b->files[i]))
			return false;
	for (uint32_t i = 0; i < a->element_count; i++)
		if (!plan_element_equal(&a->elements[i], &b->elements[i]))
			return false;
	return true;
}
