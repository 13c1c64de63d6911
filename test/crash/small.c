/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes small images and their fixes; see small.h. */
#include "crash/small.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/container.h"
#include "support/images.h"
#include "support/loop.h"
#include "transaction/commit.h"
#include "transaction/lock.h"

#define KIB 1024u

struct extent {
	uint32_t offset, length;
};

/* What a fix of the kind is; lengths are in bytes, an extent of length 0 ends a list. */
static const struct small {
	const char *title;
	uint32_t old_length, new_length;
	struct extent data[4], changes[8];
} smalls[] = {
	[SMALL_DATA] = {"data", 16 * KIB, 16 * KIB, {{0, 16 * KIB}}, {{0, 512}, {9 * KIB, 512}}},
	[SMALL_GROWS] = {"growing",
			 20 * KIB + 512,
			 26 * KIB,
			 {{0, 8 * KIB}, {16 * KIB, 4 * KIB + 512}},
			 {{0, 512}, {13 * KIB, 512}, {20 * KIB, 512}, {22 * KIB, 512}}},
	[SMALL_PIECES] = {"pieces",
			  120 * KIB,
			  120 * KIB,
			  {{0, 24 * KIB}, {40 * KIB, 80 * KIB}},
			  {{0, 512},
			   {6 * KIB, 4 * KIB},
			   {23 * KIB, 2 * KIB},
			   {32 * KIB, 512},
			   {39 * KIB, 8 * KIB},
			   {70 * KIB, 512},
			   {119 * KIB, KIB}}},
	/* One change reaches from one file into the next, and one fills a hole. */
	[SMALL_SET] = {"set",
		       23 * KIB,
		       23 * KIB,
		       {{0, 12 * KIB}, {16 * KIB, 7 * KIB}},
		       {{0, 512}, {8 * KIB - 512, KIB}, {12 * KIB, 512}, {20 * KIB, 512}}},
	/* In parts of 16 KiB with room between them.  A change of one also fills a hole. */
	[SMALL_GROWING_SET] =
		{"growing set",
		 0,
		 0,
		 {{0}},
		 {{0, 512}, {6 * KIB, 3 * KIB}, {17 * KIB, 512}, {27 * KIB, 512}, {37 * KIB, 512}}},
	[SMALL_DEVICE] =
		{"device", 16 * KIB, 16 * KIB, {{0, 16 * KIB}}, {{0, 512}, {9 * KIB, 512}}},
};

/* The lengths of the parts of the growing set.  Behind the last change of part 1 there are zeros. */
#define GROWING_PARTS 3u
#define GROWING_SLOT  (16u * KIB)
static const uint64_t growing_old[GROWING_PARTS] = {6 * KIB + 512, 8 * KIB, 7 * KIB + 512};
static const uint64_t growing_new[GROWING_PARTS] = {9 * KIB, 13 * KIB, 7 * KIB + 512};

struct small_context {
	const struct small *small;
	int device; /* the descriptor of the loop device, or -1 */
};

static void small_write(const char *path, uint64_t length, const struct extent *extents,
			unsigned factor)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	uint8_t bytes[KIB];

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(ftruncate(descriptor, (off_t)length), 0);
	for (; extents->length > 0; extents++)
		for (uint32_t done = 0; done < extents->length; done += 512) {
			for (uint32_t i = 0; i < 512; i++)
				bytes[i] = (uint8_t)((extents->offset + done + i) * factor +
						     (extents->offset + done) / 256 + 1);
			ck_assert_int_eq(
				pwrite(descriptor, bytes, 512, (off_t)(extents->offset + done)),
				512);
		}
	close(descriptor);
}

/* Where in the image a byte of `old` is: growing parts have more room there. */
static uint64_t small_place(const struct subject *subject, const struct target *target,
			    uint32_t offset)
{
	if (!subject->parts_grow)
		return offset;
	return offset / GROWING_SLOT * target->parts.items[0]->room + offset % GROWING_SLOT;
}

static int small_list_growths(const struct subject *subject, const struct target *target,
			      struct range_vector *growths, struct bs_error *err)
{
	for (unsigned i = 0; subject->parts_grow && i < GROWING_PARTS; i++) {
		uint64_t start = small_place(subject, target, i * GROWING_SLOT);

		if (growing_new[i] > growing_old[i] &&
		    range_vector_append(
			    growths, range_from_to(start + growing_old[i], start + growing_new[i]),
			    err) < 0)
			return -1;
	}
	return 0;
}

static int small_commit(const struct subject *subject, struct target *target, struct place *place,
			struct bs_error *err)
{
	static const struct range zone = {4 * KIB, KIB};
	const struct small *small = ((struct small_context *)subject->context)->small;
	struct overlay *overlay = overlay_open(target->disk, 1 << 20, NULL, err);
	struct range_vector growths = {0};
	struct commit_request request = {.place = place,
					 .overlay = overlay,
					 .growths = &growths,
					 .zones = &zone,
					 .zone_count = 1};
	struct commit_result result = {0};
	uint8_t bytes[8 * KIB];
	int status = -1;

	if (!overlay)
		return -1;
	memset(bytes, 0xee, sizeof(bytes));
	if (small_list_growths(subject, target, &growths, err) < 0 ||
	    (!subject->parts_grow && overlay_resize(overlay, small->new_length, err) < 0))
		goto out;
	for (const struct extent *change = small->changes; change->length > 0; change++)
		if (disk_write(overlay_disk(overlay), small_place(subject, target, change->offset),
			       bytes, change->length, err) < 0)
			goto out;
	status = transaction_commit(&request, &result, err);
out:
	range_vector_free(&growths);
	disk_close(overlay_disk(overlay));
	return status;
}

static int small_fix(const struct subject *subject, struct bs_error *err)
{
	const struct bs_options options = {0};
	struct container container;
	struct place place = {0};
	struct image_lock *lock = NULL;
	int status = -1;

	if (container_open_target(&container, subject->image, &options, err) == 0 &&
	    place_find(container.target, subject->undo_directory, &place, err) == 0)
		lock = lock_image(&place, LOCK_FOR_CHANGING, err);
	if (lock)
		status = small_commit(subject, container.target, &place, err);
	lock_release(lock);
	place_free(&place);
	container_close(&container);
	return status;
}

static void small_make_growing_parts(struct subject *subject)
{
	static const struct extent data[GROWING_PARTS][2] = {
		{{0, 6 * KIB + 512}}, {{0, 8 * KIB}}, {{0, 4 * KIB}}};
	char path[STORAGE_PATH_MAX + sizeof(STORAGE_PART) + 4];

	for (unsigned i = 0; i < GROWING_PARTS; i++) {
		snprintf(path, sizeof(path), "%s/" STORAGE_PART "%u", subject->folder, i);
		small_write(path, growing_old[i], data[i], 7 + i);
	}
	subject_take_growing_parts(subject, GROWING_PARTS, GROWING_SLOT, 8 * KIB);
}

bool small_open(struct subject *subject, enum small_kind kind)
{
	const struct small *small = &smalls[kind];
	struct small_context *context = calloc(1, sizeof(*context));
	const char *folder = test_folder();
	char path[2 * STORAGE_PATH_MAX];

	ck_assert_ptr_nonnull(context);
	*context = (struct small_context){small, -1};
	*subject = (struct subject){.fix = small_fix, .context = context};
	snprintf(subject->name, sizeof(subject->name), "small, %s", small->title);
	snprintf(subject->folder, sizeof(subject->folder), "%s/folder", folder);
	ck_assert_int_eq(mkdir(subject->folder, 0700), 0);
	snprintf(subject->old, sizeof(subject->old), "%s/old", folder);
	snprintf(subject->new, sizeof(subject->new), "%s/new", folder);
	if (kind != SMALL_GROWING_SET)
		small_write(subject->old, small->old_length, small->data, 7);
	snprintf(path, sizeof(path), "%s/disk.img",
		 kind == SMALL_DEVICE ? folder : subject->folder);
	if (kind != SMALL_SET && kind != SMALL_GROWING_SET)
		subject_copy(subject->old, path);
	if (kind == SMALL_DEVICE) {
		context->device = loop_attach(path, false, subject->image);
		subject->undo_directory = subject->folder;
		if (context->device < 0)
			return false;
	} else {
		memcpy(subject->image, path, strlen(path) + 1);
	}
	if (kind == SMALL_SET)
		subject_make_parts(subject, 3, 8 * KIB);
	if (kind == SMALL_GROWING_SET)
		small_make_growing_parts(subject);
	return true;
}

void small_close(struct subject *subject)
{
	struct small_context *context = subject->context;

	if (context->device >= 0)
		close(context->device);
	free(context);
}
