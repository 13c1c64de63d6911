/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sample images for tests.  Each recipe is built once, when a test first needs the image, in a
 * folder of this run of the test program.  The folder is removed at the end of the run in any case.
 *
 * Tests run side by side and share the images of image_built(), image_small() and image_recipe().
 * They must not change these images, only copies from image_copy().  Everything else in
 * images_folder() belongs to one test case.  Any error here fails the test.
 */
#ifndef BOOTSHIFT_TEST_IMAGES_H
#define BOOTSHIFT_TEST_IMAGES_H

#include "support/test.h"
#undef fail /* an old macro of check.h, which hides the function in util/err.h */
#include <stdbool.h>
#include <stdint.h>

#include "disk/disk.h"

#define IMAGE_PATH_MAX 128

/* Makes the folder for all tests.  Called before the tests run. */
void images_prepare(void);

/* Makes the folder of a test case.  The process that forks the tests calls it before they run. */
void images_enter(void);

/* The folder of the test case.  All paths that functions return are valid until the test ends. */
const char *images_folder(void);

/* Makes a new folder in images_folder(), for a test or a part of a test. */
const char *test_folder(void);

/* The image of images/RECIPE.recipe, as a raw image or as a fixed VHD. */
const char *image_built(const char *recipe, bool vhd);

/*
 * The same, but the Windows partition has 490 MiB instead of 6 GiB, where $LogFile alone has 64
 * MiB.  Only for recipes that have this partition.
 */
const char *image_small(const char *recipe, bool vhd);

/*
 * The image of a recipe that is given as text.  The text includes other recipes as "images/NAME".
 * `name` is the name of the image.  No two texts have the same name.
 */
const char *image_recipe(const char *name, const char *content);

/* Copies an image, with holes, into a new folder, which can also hold undo and lock files. */
const char *image_copy(const char *image);

/* Copies an image, with zeros in the first partition, which is the samples' system partition. */
const char *image_without_first_partition(const char *image);

/* Removes the folder of a copy with its content, so that a long test needs little room. */
void image_remove(const char *copy);

/* A hash of the length and of all bytes.  Holes count as zeros. */
struct image_digest {
	uint8_t bytes[32];
};
struct image_digest image_digest(const char *image);
void image_assert_same(const char *image, const struct image_digest *expected);

/* Writes a part of a disk to a new file, for other programs.  Returns the path of the file. */
const char *image_extract(struct disk *disk, uint64_t start, uint64_t size);

/*
 * Runs a shell command with /usr/sbin and /sbin in $PATH.  Fails unless the exit status is
 * `status`.  Returns the text that the command printed, also on standard error.  The caller frees
 * the text.
 */
char *image_run(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
