/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/split.h"

#include <stdlib.h>

#include "disk/window.h"
#include "format/format.h"

/*
 * Bytes at the start of each file that must not change until an undo.  With the usual grains, the
 * header and the directories of 2 GiB need less.
 */
#define HEAD_SIZE 65536u

/* ---- opening -------------------------------------------------------------------------------- */

/* The descriptor lies in an overlay over nothing: the driver writes a new identifier to it. */
static int split_make_descriptor(struct split *split, struct bs_error *err)
{
	char text[VMDK_COMPOSED_SIZE];

	split->nothing = join_open(NULL, 0, err);
	if (!split->nothing)
		return -1;
	split->descriptor = overlay_open(split->nothing, sizeof(text), NULL, err);
	if (!split->descriptor || overlay_resize(split->descriptor, sizeof(text), err) < 0)
		return -1;
	vmdk_compose(&split->extents, text);
	return disk_write(overlay_disk(split->descriptor), 0, text, sizeof(text), err);
}

int split_open(struct split *split, const struct target *target, struct overlay *overlay,
	       struct bs_error *err)
{
	size_t count = target->parts.count;
	uint64_t start = 0;

	split->parts = calloc(count, sizeof(*split->parts));
	if (!split->parts)
		return fail_memory(err);
	for (size_t i = 0; i < count; i++) {
		const struct target *file = target->parts.items[i];

		split->parts[i] = (struct qemu_part){overlay, start, .room = file->room,
						     .length = file->status.length};
		start += file->room;
	}
	return split_make_descriptor(split, err);
}

void split_free(struct split *split)
{
	if (split->descriptor)
		disk_close(overlay_disk(split->descriptor));
	disk_close(split->nothing);
	free(split->parts);
	vmdk_extents_free(&split->extents);
	range_vector_free(&split->growths);
	*split = (struct split){0};
}

/* ---- the files ------------------------------------------------------------------------------ */

static int split_check_part(const struct split *split, size_t number, struct bs_error *err)
{
	const struct qemu_part *part = &split->parts[number];
	const struct vmdk_extent *extent = &split->extents.items[number];
	const struct format format = {
		.name = "vmdk", .access = FORMAT_DRIVER, .disk_size = extent->length};
	struct disk *window =
		window_open(overlay_disk(part->overlay), part->start, part->length, err);
	int result = -1;

	if (window && vmdk_check_part(window, extent->length, err) == 0)
		result = format_check_tables(window, &format, err);
	disk_close(window);
	return result < 0 ? fail_prefix(err, "%s", extent->name) : 0;
}

int split_check_tables(const struct split *split, struct bs_error *err)
{
	for (size_t i = 0; i < split->extents.count; i++)
		if (split_check_part(split, i, err) < 0)
			return -1;
	return 0;
}

void split_take_away(struct split *split, const struct range_vector *growths)
{
	for (size_t i = 0; i < split->extents.count; i++) {
		struct qemu_part *part = &split->parts[i];
		const struct range *growth = range_vector_find(growths, part->start);

		if (growth && range_has((struct range){part->start, part->room}, growth->offset))
			part->length = growth->offset - part->start;
	}
}

int split_list_growths(struct split *split, const struct target *target, struct bs_error *err)
{
	range_vector_free(&split->growths);
	split->growths = (struct range_vector){0};
	for (size_t i = 0; i < split->extents.count; i++) {
		const struct qemu_part *part = &split->parts[i];
		uint64_t old = target->parts.items[i]->status.length;

		if (part->length < old)
			return fail(err, BS_FORMAT_UNSUPPORTED, "the fix would make %s shorter",
				    split->extents.items[i].name);
		if (part->length > old &&
		    range_vector_append(
			    &split->growths,
			    range_from_to(part->start + old, part->start + part->length), err) < 0)
			return -1;
	}
	return 0;
}

int split_add_heads(const struct split *split, struct range_vector *found, struct bs_error *err)
{
	for (size_t i = 0; i < split->extents.count; i++) {
		const struct qemu_part *part = &split->parts[i];

		if (range_vector_append(
			    found, (struct range){part->start, min_u64(HEAD_SIZE, part->length)},
			    err) < 0)
			return -1;
	}
	return 0;
}
