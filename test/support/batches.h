/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folders of images for batches, and the rows that tell of them, read with a parser that is not
 * that of the program.  Whatever goes wrong here fails the test; nobody frees anything.
 */
#ifndef BOOTSHIFT_TEST_BATCHES_H
#define BOOTSHIFT_TEST_BATCHES_H

#include <jansson.h>

#include "support/images.h"

/* A new folder. */
const char *batch_folder(void);

/* A copy of an image in a folder, with its holes; returns its path. */
const char *batch_put(const char *folder, const char *name, const char *image);

/* A file with a text in a folder; returns its path. */
const char *batch_write(const char *folder, const char *name, const char *content);

/* All rows of a file, one a line, as an array; fails unless each has the fields of its schema. */
json_t *batch_rows(const char *file);

/* The last row of an image, by its path as found; NULL when there is none. */
json_t *batch_row(const json_t *rows, const char *path);

/* The status and the code (or NULL) of the last row of an image. */
void batch_assert(const json_t *rows, const char *path, const char *status, const char *code);

#endif
