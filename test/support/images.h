/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sample images for tests.  Each recipe is built once, when a test first asks for it, in a folder
 * of this run of the test program.  The folder is removed at the end of the run, even if tests
 * fail.
 *
 * All tests, which run side by side, share the images of image_built(), image_small() and
 * image_recipe(), and only read them.  image_copy() makes an image that a test may change.  All
 * other files in images_folder() belong to one test case.  Every error here fails the test.
 */
#ifndef BOOTSHIFT_TEST_IMAGES_H
#define BOOTSHIFT_TEST_IMAGES_H

#include "support/test.h"
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */
#include <stdbool.h>
#include <stdint.h>

#include "disk/disk.h"

#define IMAGE_PATH_MAX 128

/* Makes the folder for all tests.  Called before the tests run. */
void images_prepare(void);

/* Makes the folder of a test case.  Called before its tests run, in the process that forks them. */
void images_enter(void);

/*
 * The folder of the test case.  The paths that the functions below return are valid until the test
 * ends.  Callers do not free them.
 */
const char *images_folder(void);

/*
 * Copies bootshift and its library into images_folder(), lets every user read that folder, and returns
 * the path of the copy.  The user of a test need not have access to the build folder.
 */
const char *bootshift_for_everyone(void);

/* Makes a new folder in images_folder(), for one test or a part of it. */
const char *test_folder(void);

/* The image of images/RECIPE.recipe, as a raw image or as a fixed VHD. */
const char *image_built(const char *recipe, bool vhd);

/*
 * The same, but the partition of Windows has 490 MiB instead of 6 GiB ($LogFile alone takes 64 MiB
 * there).  Only for recipes that have this partition.
 */
const char *image_small(const char *recipe, bool vhd);

/*
 * The image of a recipe that is given as text.  The text includes other recipes as "images/NAME".
 * `name` is the name of the image.  Each text must have a name of its own.
 */
const char *image_recipe(const char *name, const char *content);

/*
 * Copies an image, with its holes, into a folder of its own that may also get undo and lock files.
 */
const char *image_copy(const char *image);

/*
 * A copy in which the first partition of the table, the system partition of the samples, is zeros.
 */
const char *image_without_first_partition(const char *image);

/* Removes a copy and its folder with all content, so that a long test needs little space. */
void image_remove(const char *copy);

/* A hash of the length and of all bytes.  Holes count as zeros. */
struct image_digest {
	uint8_t bytes[32];
};
struct image_digest image_digest(const char *image);
void image_assert_same(const char *image, const struct image_digest *expected);

/* Writes a part of a disk into a file of its own, for other programs.  Returns the path. */
const char *image_extract(struct disk *disk, uint64_t start, uint64_t size);

/*
 * Runs a shell command, with /usr/sbin and /sbin on its path.  Returns its output, with its error
 * messages.  The command must end with `status`.  The caller frees the text.
 */
char *image_run(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
