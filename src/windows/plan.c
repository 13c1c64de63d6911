/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "windows/rebuild.h"

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

static bool plan_has(const struct bs_plan *plan, enum bs_operation_kind kind)
{
	for (uint32_t i = 0; i < plan->operation_count; i++)
		if (plan->operations[i].kind == kind)
			return true;
	return false;
}

bool plan_moves_files(const struct bs_plan *plan)
{
	return plan_has(plan, BS_OPERATION_COPY);
}

bool plan_rebuilds(const struct bs_plan *plan)
{
	return plan_has(plan, BS_OPERATION_STORE);
}

/* The copied files get these attributes, as in the published fix (attrib +r +h +s). */
#define ADDED_ATTRIBUTES (FILE_IS_READ_ONLY | FILE_IS_HIDDEN | FILE_IS_SYSTEM)

uint32_t plan_added_attributes(const struct bs_plan *plan, const char *path)
{
	for (uint32_t i = 0; i < plan->operation_count; i++) {
		const struct bs_operation *operation = &plan->operations[i];

		if (strcasecmp(operation->path, path) != 0)
			continue;
		if (operation->kind == BS_OPERATION_ATTRIBUTES)
			return ADDED_ATTRIBUTES;
		if (operation->kind == BS_OPERATION_STORE) /* Windows writes to it */
			return FILE_IS_HIDDEN | FILE_IS_SYSTEM;
	}
	return 0;
}

uint32_t plan_signature_after(const struct bs_plan *plan)
{
	return plan->restored_signature != 0 ? plan->restored_signature : plan->disk_signature;
}

void bs_plan_free(struct bs_plan *plan)
{
	if (!plan)
		return;
	free(plan->files);
	free(plan->elements);
	free(plan);
}

/* One operation for each item, and five kinds of operations that occur once.  New boot files are
 * fewer. */
_Static_assert(BOOT_ITEMS_MAX + 5 <= BS_OPERATIONS_MAX, "a plan has room for all operations");

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
 * does not belong to the item belongs to the next one.  `store` is not copied; NULL: there is none.
 */
static void plan_add_copy(struct bs_plan *plan, const struct boot_item *item,
			  const struct bs_plan_file *store, uint32_t *cursor)
{
	struct bs_operation *copy = plan_add(plan, BS_OPERATION_COPY, item->path);

	copy->replaces = item->replaces;
	for (; *cursor < plan->file_count; ++*cursor) {
		const struct bs_plan_file *file = &plan->files[*cursor];

		if (store && file == store)
			break;
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

/* Adds the operations that make the boot volume start the disk. */
static void plan_add_start(struct bs_plan *plan, const struct facts *facts)
{
	if (facts_need_boot_code(facts))
		plan_add(plan, BS_OPERATION_BOOT_CODE, "")->bytes = VBR_SIZE + SECTOR_SIZE;
	plan_add(plan, BS_OPERATION_ACTIVATE, "")->bytes = MBR_ENTRIES;
}

/* Adds the operations that move the boot files to the boot volume, and make it start the disk. */
static void plan_add_move(struct bs_plan *plan, const struct facts *facts)
{
	uint32_t cursor = 0;

	plan_add_files(plan, facts);
	plan_add_elements(plan, facts);
	for (uint32_t i = 0; i < facts->item_count; i++)
		plan_add_copy(plan, &facts->items[i], NULL, &cursor);
	plan_add(plan, BS_OPERATION_ATTRIBUTES, BOOT_FOLDER);
	if (plan->element_count != 0) {
		struct bs_operation *retarget =
			plan_add(plan, BS_OPERATION_RETARGET_BCD, BOOT_BCD_PATH);

		retarget->elements = plan->element_count;
		retarget->bytes = (uint64_t)plan->element_count * sizeof(uint64_t);
	}
	plan_add_start(plan, facts);
}

/* Adds the operations that make the boot files anew.  The last file in the facts is the BCD. */
static int plan_add_rebuild(struct bs_plan *plan, const struct facts *facts, struct bs_error *err)
{
	struct bs_plan_file *store = &plan->files[facts->files.count - 1];
	struct bs_operation *operation;
	uint32_t cursor = 0;

	plan_add_files(plan, facts);
	if (rebuild_make_elements(facts, plan, &store->size, err) < 0)
		return -1;
	for (uint32_t i = 0; i < facts->item_count; i++)
		plan_add_copy(plan, &facts->items[i], store, &cursor);
	for (uint32_t i = 0; i < facts->item_count; i++)
		plan_add(plan, BS_OPERATION_ATTRIBUTES, facts->items[i].path);
	operation = plan_add(plan, BS_OPERATION_STORE, BOOT_BCD_PATH);
	operation->elements = plan->element_count;
	operation->bytes = store->size;
	plan_add_start(plan, facts);
	return 0;
}

int plan_make(const struct facts *facts, struct bs_plan **out, struct bs_error *err)
{
	const struct bs_partition *boot = &facts->partitions[facts->boot_index].is;
	const struct bs_partition *system =
		facts->system_index >= 0 ? &facts->partitions[facts->system_index].is : boot;
	struct bs_plan *plan = plan_new(facts->files.count,
					facts->rebuilds ? BS_ELEMENTS_MAX : facts->elements.count);

	*out = plan;
	if (!plan)
		return fail_memory(err);
	plan->disk_signature = facts->found_signature;
	plan->disk_size = facts->disk_size;
	plan->system_start = system->start;
	plan->system_size = system->size;
	plan->system_number = system->number;
	plan->boot_start = boot->start;
	plan->boot_size = boot->size;
	plan->boot_number = boot->number;
	if (facts_restores_signature(facts)) {
		plan->restored_signature = facts->disk_signature;
		plan_add(plan, BS_OPERATION_SIGNATURE, "")->bytes = MBR_SIGNATURE_SIZE;
	}
	if (facts->rebuilds)
		return plan_add_rebuild(plan, facts, err);
	if (facts_are_apart(facts))
		plan_add_move(plan, facts);
	else
		plan->file_count = plan->element_count = 0;
	return 0;
}

/* ---- the difference of two plans ------------------------------------------------------------ */

/* Writes a difference.  Returns true always, so that a caller can end with it. */
static bool plan_tell(char words[BS_DIFFERENCE_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool plan_tell(char words[BS_DIFFERENCE_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, BS_DIFFERENCE_MAX, format, arguments);
	va_end(arguments);
	return true;
}

static bool plan_disk_differs(const struct bs_plan *earlier, const struct bs_plan *now, char *words)
{
	if (earlier->disk_signature != now->disk_signature)
		return plan_tell(words,
				 "the plan is for a disk with the signature %08x, and this disk "
				 "has the signature %08x",
				 earlier->disk_signature, now->disk_signature);
	if (earlier->restored_signature != now->restored_signature)
		return plan_tell(words,
				 "the plan gives the disk the signature %08x, and a plan made now "
				 "gives it %08x",
				 plan_signature_after(earlier), plan_signature_after(now));
	if (earlier->disk_size != now->disk_size)
		return plan_tell(words,
				 "the plan is for a disk of %" PRIu64
				 " bytes, and this disk has %" PRIu64,
				 earlier->disk_size, now->disk_size);
	return false;
}

struct plan_volume {
	const char *name;
	uint32_t number;
	uint64_t start, size;
};

static bool plan_volume_differs(const struct plan_volume *earlier, const struct plan_volume *now,
				char *words)
{
	if (earlier->number != now->number)
		return plan_tell(words,
				 "in the plan the %s volume is partition %u, and now it is "
				 "partition %u",
				 now->name, earlier->number, now->number);
	if (earlier->start != now->start)
		return plan_tell(words,
				 "partition %u has moved from offset %" PRIu64 " to %" PRIu64,
				 now->number, earlier->start, now->start);
	if (earlier->size != now->size)
		return plan_tell(words,
				 "partition %u had %" PRIu64 " bytes, and has %" PRIu64 " now",
				 now->number, earlier->size, now->size);
	return false;
}

static bool plan_volumes_differ(const struct bs_plan *a, const struct bs_plan *b, char *words)
{
	const struct plan_volume systems[] = {
		{"system", a->system_number, a->system_start, a->system_size},
		{"system", b->system_number, b->system_start, b->system_size},
	};
	const struct plan_volume boots[] = {
		{"boot", a->boot_number, a->boot_start, a->boot_size},
		{"boot", b->boot_number, b->boot_start, b->boot_size},
	};

	return plan_volume_differs(&systems[0], &systems[1], words) ||
	       plan_volume_differs(&boots[0], &boots[1], words);
}

/* The number of files; folders do not count. */
static uint32_t plan_count_files(const struct bs_plan *plan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->file_count; i++)
		count += !plan->files[i].is_folder;
	return count;
}

static bool plan_has_file(const struct bs_plan *plan, const char *path)
{
	for (uint32_t i = 0; i < plan->file_count; i++)
		if (strcmp(plan->files[i].path, path) == 0)
			return true;
	return false;
}

/* Tells that the lists have other files.  `index` is the first place where the lists differ. */
static bool plan_tell_lists(const struct bs_plan *earlier, const struct bs_plan *now,
			    uint32_t index, char *words)
{
	bool is_new = index < now->file_count && !plan_has_file(earlier, now->files[index].path);
	const struct bs_plan_file *file = is_new || index >= earlier->file_count
						  ? &now->files[index]
						  : &earlier->files[index];
	uint32_t before = plan_count_files(earlier), after = plan_count_files(now);

	if (before == after)
		return plan_tell(words, "%.160s is %s", file->path,
				 is_new ? "new" : "not where it was");
	return plan_tell(words, "the plan copies %u files, and a plan made now %u: %.160s is %s",
			 before, after, file->path, is_new ? "new" : "not there any more");
}

/* What differs in a file of both lists; NULL: nothing. */
static const char *plan_file_difference(const struct bs_plan_file *a, const struct bs_plan_file *b)
{
	if (a->is_folder != b->is_folder)
		return b->is_folder ? "is a folder now" : "is a file now";
	if (a->size != b->size)
		return "has another size now";
	if (memcmp(a->sha256, b->sha256, sizeof(a->sha256)) != 0)
		return "has other content now";
	return a->attributes != b->attributes ? "has other attributes now" : NULL;
}

static bool plan_files_differ(const struct bs_plan *earlier, const struct bs_plan *now, char *words)
{
	uint32_t most =
		earlier->file_count > now->file_count ? earlier->file_count : now->file_count;

	for (uint32_t i = 0; i < most; i++) {
		const struct bs_plan_file *a = &earlier->files[i], *b = &now->files[i];
		const char *difference;

		if (i >= earlier->file_count || i >= now->file_count ||
		    strcmp(a->path, b->path) != 0)
			return plan_tell_lists(earlier, now, i, words);
		difference = plan_file_difference(a, b);
		if (difference)
			return plan_tell(words, "%.200s %s", b->path, difference);
	}
	return false;
}

static bool plan_element_equal(const struct bs_plan_element *a, const struct bs_plan_element *b)
{
	return strcmp(a->object, b->object) == 0 && a->element == b->element &&
	       a->offset == b->offset && strcmp(a->path, b->path) == 0 &&
	       a->object_type == b->object_type && a->value_size == b->value_size &&
	       memcmp(a->value, b->value, a->value_size) == 0;
}

static bool plan_elements_differ(const struct bs_plan *earlier, const struct bs_plan *now,
				 char *words)
{
	if (earlier->element_count != now->element_count)
		return plan_tell(words,
				 "the plan writes %u elements of " BOOT_BCD_PATH
				 ", and a plan made now %u",
				 earlier->element_count, now->element_count);
	for (uint32_t i = 0; i < now->element_count; i++)
		if (!plan_element_equal(&earlier->elements[i], &now->elements[i]))
			return plan_tell(words,
					 "a plan made now writes another element of " BOOT_BCD_PATH
					 ": %08x of %.40s",
					 now->elements[i].element, now->elements[i].object);
	return false;
}

/* The numbers of sectors depend on the version of the NTFS library, not on the image. */
static bool plan_operation_equal(const struct bs_operation *a, const struct bs_operation *b)
{
	return a->kind == b->kind && strcmp(a->path, b->path) == 0 && a->files == b->files &&
	       a->folders == b->folders && a->elements == b->elements &&
	       a->replaces == b->replaces && a->bytes == b->bytes;
}

static bool plan_operations_differ(const struct bs_plan *earlier, const struct bs_plan *now,
				   char *words)
{
	if (earlier->operation_count != now->operation_count)
		return plan_tell(words, "the plan has %u steps, and a plan made now %u",
				 earlier->operation_count, now->operation_count);
	for (uint32_t i = 0; i < now->operation_count; i++) {
		const struct bs_operation *a = &earlier->operations[i], *b = &now->operations[i];

		if (a->replaces != b->replaces)
			return plan_tell(words,
					 "step %u of the plan replaces %u files and folders, and "
					 "would now replace %u",
					 i + 1, a->replaces, b->replaces);
		if (!plan_operation_equal(a, b))
			return plan_tell(words, "step %u of a plan made now is another one", i + 1);
	}
	return false;
}

bool plan_difference(const struct bs_plan *earlier, const struct bs_plan *now,
		     char words[BS_DIFFERENCE_MAX])
{
	return plan_disk_differs(earlier, now, words) || plan_volumes_differ(earlier, now, words) ||
	       plan_files_differ(earlier, now, words) ||
	       plan_elements_differ(earlier, now, words) ||
	       plan_operations_differ(earlier, now, words);
}
