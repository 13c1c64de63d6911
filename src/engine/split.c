/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/split.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "disk/window.h"
#include "format/format.h"
#include "util/bytes.h"

/*
 * Bytes at the start of each file that must not change until an undo.  With the usual grains, the
 * header and the directories of 2 GiB need less.
 */
#define HEAD_SIZE 65536u

/* ---- opening -------------------------------------------------------------------------------- */

/* The descriptor lies in an overlay over nothing: the driver writes a new identifier to it. */
static int split_make_descriptor(struct split *split, const struct format *format,
				 const char *prefix, struct bs_error *err)
{
	char text[VMDK_COMPOSED_SIZE];

	split->nothing = join_open(NULL, 0, err);
	if (!split->nothing)
		return -1;
	split->descriptor = overlay_open(split->nothing, sizeof(text), NULL, err);
	if (!split->descriptor || overlay_resize(split->descriptor, sizeof(text), err) < 0)
		return -1;
	vmdk_compose(&split->extents, format, prefix, text);
	return disk_write(overlay_disk(split->descriptor), 0, text, sizeof(text), err);
}

int split_open(struct split *split, const struct target *target, const struct format *format,
	       struct overlay *overlay, const char *prefix, struct bs_error *err)
{
	size_t count = target->parts.count;
	uint64_t start = 0;

	split->parts = calloc(count, sizeof(*split->parts));
	if (!split->parts)
		return fail_memory(err);
	for (size_t i = 0; i < count; i++) {
		const struct target *file = target->parts.items[i];
		struct qemu_part *part = &split->parts[i];

		*part = (struct qemu_part){.overlay = overlay,
					   .disk = overlay ? overlay_disk(overlay) : target->disk,
					   .start = start,
					   .room = file->room,
					   .length = file->status.length};
		snprintf(part->name, sizeof(part->name), "%s%zu", prefix, i + 1);
		start += file->room;
	}
	return split_make_descriptor(split, format, prefix, err);
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

static int split_check_part(struct split *split, size_t number, struct bs_error *err)
{
	const struct qemu_part *part = &split->parts[number];
	const struct vmdk_extent *extent = &split->extents.items[number];
	const struct format format = {
		.name = "vmdk", .access = FORMAT_DRIVER, .disk_size = extent->length};
	struct disk *window;
	uint64_t grain_size;
	int result = -1;

	if (!vmdk_extent_is_sparse(extent))
		return 0;
	window = window_open(part->disk, part->start, part->length, err);
	if (window && vmdk_check_part(window, extent->length, &grain_size, err) == 0)
		result = format_check_tables(window, &format, err);
	disk_close(window);
	if (result < 0)
		return fail_prefix(err, "%s", extent->name);
	split->grain_size = max_u64(split->grain_size, grain_size);
	/*
	 * If a file ends within a grain, QEMU's driver also uses the rest of the grain, and takes it for
	 * the first bytes of the next file.
	 */
	if (number + 1 < split->extents.count && extent->length % grain_size != 0)
		return fail(err, BS_FORMAT_UNREADABLE,
			    "%s does not end with a whole grain, though other files follow",
			    extent->name);
	return 0;
}

int split_check_tables(struct split *split, struct bs_error *err)
{
	split->grain_size = 0;
	for (size_t i = 0; i < split->extents.count; i++)
		if (split_check_part(split, i, err) < 0)
			return -1;
	return 0;
}

int split_check_grains(const struct split *split, struct bs_error *err)
{
	const struct vmdk_extents *extents = &split->extents;

	if (split->grain_size > OVERLAY_COPY_SIZE)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "it has a parent, and grains of more than %u bytes", OVERLAY_COPY_SIZE);
	for (size_t i = 0; i + 1 < extents->count; i++)
		if (extents->items[i].length % split->grain_size != 0)
			return fail(
				err, BS_FORMAT_UNSUPPORTED,
				"it has a parent, and the part of the disk in %s does not consist "
				"of whole grains of %" PRIu64 " bytes",
				extents->items[i].name, split->grain_size);
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
