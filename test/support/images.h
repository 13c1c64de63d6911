/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sample images for tests: each recipe is built once, when a test first asks for it, below a folder
 * of this run of the test program, which is removed at its end, however the tests ended.
 *
 * What image_built(), image_small() and image_recipe() return is shared by all tests, which run
 * side by side, and is only read; image_copy() makes what may be changed.  All else in
 * images_folder() belongs to one test case.  Whatever goes wrong here fails the test.
 */
#ifndef BOOTSHIFT_TEST_IMAGES_H
#define BOOTSHIFT_TEST_IMAGES_H

#include "support/test.h"
#undef fail /* an outdated macro of check.h, in the way of the function in util/err.h */
#include <stdbool.h>
#include <stdint.h>

#include "disk/disk.h"

#define IMAGE_PATH_MAX 128

/* Makes the folder for all tests; called before they run. */
void images_prepare(void);

/* Makes the folder of a test case; called before its tests run, in the process that forks them. */
void images_enter(void);

/* The folder of the test case.  Paths below are valid until the test ends; nobody frees them. */
const char *images_folder(void);

/* The image of images/RECIPE.recipe, as a raw one or as a fixed VHD. */
const char *image_built(const char *recipe, bool vhd);

/*
 * The same with 490 MiB for Windows in place of 6 GiB: $LogFile alone takes 64 MiB there.  Only for
 * recipes that have the partition.
 */
const char *image_small(const char *recipe, bool vhd);

/*
 * The image of a recipe given as text, which includes others as "images/NAME".  `name` is that of
 * the image, and no other text has it.
 */
const char *image_recipe(const char *name, const char *content);

/* A copy in a folder of its own, where undo and lock files may lie beside it; holes stay holes. */
const char *image_copy(const char *image);

/* A copy whose first partition in the table, the samples' system partition, reads as zeros. */
const char *image_without_first_partition(const char *image);

/* Removes a copy, its folder and all that is in it, so that a long test takes little room. */
void image_remove(const char *copy);

/* A hash of the length and of all bytes; holes count as the zeros that they read as. */
struct image_digest {
	uint8_t bytes[32];
};
struct image_digest image_digest(const char *image);
void image_assert_same(const char *image, const struct image_digest *expected);

/* Writes a part of a disk into a file of its own, for other programs; returns its path. */
const char *image_extract(struct disk *disk, uint64_t start, uint64_t size);

/*
 * Runs a shell command with /usr/sbin and /sbin on its path and returns what it printed, errors
 * too.  It must end with `status`.  The caller frees the text.
 */
char *image_run(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
