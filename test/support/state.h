/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that a command could change of an image file and of the folder it lies in, so that a test can
 * say that it did not.  Whatever goes wrong here fails the test.
 */
#ifndef BOOTSHIFT_TEST_STATE_H
#define BOOTSHIFT_TEST_STATE_H

#include <sys/stat.h>

#include "support/images.h"
#include "support/program.h"

struct image_state {
	struct image_digest digest;
	struct stat status;
	const char *data;       /* where the file has data between its holes */
	const char *folder;     /* the names in its folder, one a line, sorted */
	const char *attributes; /* the names of its extended attributes */
};

struct image_state state_take(const char *image);

/* The file was not written to, not even with the bytes it had, and nothing came beside it. */
void state_assert_untouched(const char *image, const struct image_state *before);

/* The same bytes, holes and extended attributes, the same names beside it; only the times may
 * differ. */
void state_assert_restored(const char *image, const struct image_state *before);

/* The names in the folder of the image, one a line, sorted. */
const char *state_folder(const char *image);

/* Reads or writes bytes of a file in place. */
void file_read(const char *path, uint64_t offset, void *bytes, size_t length);
void file_write(const char *path, uint64_t offset, const void *bytes, size_t length);

/* Changes one byte into another one, whatever it is. */
void file_flip(const char *path, uint64_t offset);

/* Copies a part of a file into a new file beside it, holes kept; returns its path. */
const char *file_extract(const char *path, const char *name, uint64_t start, uint64_t size);

#endif
