/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image that can be fixed, and the judge of what a command or an interruption left of it.
 *
 * A state is good if all of this holds:
 * - The program tells without an error what the state is: nothing happened, interrupted, fixed, or
 *   undone.
 * - An image that is said to be fixed is wholly new; an image to which nothing is said to have
 *   happened, or which is said to be undone, is wholly old.
 * - An image whose bytes are neither old nor new has a signpost, so that a command that does not find
 *   the journal refuses the image.  An image that is said to be fixed or undone has none.
 * - A fix that reported success is found fixed, an undo or a recovery that did is found old.
 * - An image whose fix was being accepted is wholly new.  Either it is fixed, an undo would succeed,
 *   and so does another accept; or it has neither an undo file nor an attribute, as an accept leaves
 *   it that reported success.
 * - Otherwise recovery, and an undo if the image is fixed, succeed.  Then the image is wholly old: bytes,
 *   length, holes and attributes.  No file is left beside the image.
 */
#ifndef BOOTSHIFT_TEST_SUBJECT_H
#define BOOTSHIFT_TEST_SUBJECT_H

#include "crash/storage.h"
#include "util/err.h"

enum action { ACTION_FIX, ACTION_UNDO, ACTION_RECOVER, ACTION_ACCEPT, ACTIONS };

const char *action_title(enum action action);

/*
 * `old` is a copy of the image, `new` a copy of the image after the last fix.  Without the file
 * `new`, only the undo proves that the image is wholly new: QEMU's drivers write random numbers into
 * some formats, so two fixes differ.
 */
struct subject {
	char name[64]; /* for people */
	char folder[STORAGE_PATH_MAX], image[STORAGE_PATH_MAX];
	/*
	 * An image in several files, part0 and so on beside it, has its bytes in these, one after
	 * the other.  `old` and `new` are one file all the same.
	 */
	unsigned part_count;
	uint64_t part_size; /* bytes of each part but the last one, whole blocks */
	/*
	 * Parts that can grow have `part_size` bytes each in `old` and `new`, with zeros behind their
	 * ends.  Behind all parts follow their lengths, 8 bytes each.
	 */
	bool parts_grow;
	const char *undo_directory; /* as in bs_options */
	char old[STORAGE_PATH_MAX], new[STORAGE_PATH_MAX];
	bool hint_may_stay; /* its removal is tried only, and may fail */
	int (*fix)(const struct subject *subject, struct bs_error *err);
	void *context;
};

/*
 * Makes the image a VMDK that describes parts, and the parts of `old`, which has more than count -
 * 1.
 */
void subject_make_parts(struct subject *subject, unsigned count, uint64_t part_size);

/*
 * Makes the image a VMDK that describes parts that can grow, and makes `old` of these parts, which are
 * in the folder.  Each has `capacity` bytes of the disk, and always fewer than `part_size` bytes.
 */
void subject_take_growing_parts(struct subject *subject, unsigned count, uint64_t part_size,
				uint64_t capacity);

/* Copies a file with its holes, or a device. */
void subject_copy(const char *from, const char *to);

/*
 * Makes what the action begins with: an old image; for ACTION_UNDO and ACTION_ACCEPT, a fixed
 * image; for ACTION_RECOVER, an undo that was interrupted before it changed the image.
 */
void subject_prepare(const struct subject *subject, enum action action);

/* The whole command, with its lock. */
int subject_run(const struct subject *subject, enum action action, struct bs_error *err);

/* Recovers, and undoes a fix. */
int subject_make_old(const struct subject *subject, struct bs_error *err);

/* Copies the image to `new` if the action was a fix, which has succeeded. */
void subject_note_new(const struct subject *subject, enum action action);

/*
 * Describes what is wrong with the present state, after making the image old by the commands.  NULL:
 * nothing.  `succeeded`: the action reported success before.  `recording`: what the action touched;
 * NULL: compare all of the image.
 */
const char *subject_judge(const struct subject *subject, enum action action, bool succeeded,
			  const struct recording *recording);

/* What is wrong with the image if the action did nothing to it.  NULL: nothing. */
const char *subject_find_changed(const struct subject *subject, enum action action,
				 const struct recording *recording);

#endif
