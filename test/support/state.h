/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state of an image file and of its folder: all that a command could change.  With it a test
 * shows that a command changed nothing.  Any error here fails the test.
 */
#ifndef BOOTSHIFT_TEST_STATE_H
#define BOOTSHIFT_TEST_STATE_H

#include <sys/stat.h>

#include "support/images.h"
#include "support/program.h"

struct image_state {
	struct image_digest digest;
	struct stat status;
	const char *data;       /* the places of the data between the holes */
	const char *folder;     /* the names in its folder, one a line, sorted */
	const char *attributes; /* the names of its extended attributes */
};

struct image_state state_take(const char *image);

/* Checks that nothing wrote to the file, not even the same bytes, or made a file beside it. */
void state_assert_untouched(const char *image, const struct image_state *before);

/* Checks that bytes, holes, extended attributes, and names in the folder are the same.  Times may
 * differ. */
void state_assert_restored(const char *image, const struct image_state *before);

/* The names in the folder of the image, one a line, sorted. */
const char *state_folder(const char *image);

/* Reads or writes bytes of a file in place. */
void file_read(const char *path, uint64_t offset, void *bytes, size_t length);
void file_write(const char *path, uint64_t offset, const void *bytes, size_t length);

/* Changes one byte to another value. */
void file_flip(const char *path, uint64_t offset);

/* Copies a part of a file, with holes, to a new file in its folder.  Returns the new path. */
const char *file_extract(const char *path, const char *name, uint64_t start, uint64_t size);

#endif
