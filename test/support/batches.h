/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folders of images for batches, and the rows of the batches, read with a parser that is not the
 * parser of the program.  Every error here fails the test.  Callers free nothing.
 */
#ifndef BOOTSHIFT_TEST_BATCHES_H
#define BOOTSHIFT_TEST_BATCHES_H

#include <jansson.h>

#include "support/images.h"

/* Makes a new folder. */
const char *batch_folder(void);

/* Copies an image, with its holes, into a folder.  Returns the path of the copy. */
const char *batch_put(const char *folder, const char *name, const char *image);

/* Writes a file with a text into a folder.  Returns its path. */
const char *batch_write(const char *folder, const char *name, const char *content);

/*
 * Returns all rows of a file (one a line) as an array.  Fails unless each has the fields of its
 * schema.
 */
json_t *batch_rows(const char *file);

/* The last row of an image; NULL: none.  `path` is the path as found. */
json_t *batch_row(const json_t *rows, const char *path);

/* Checks the status and the code (or NULL) of the last row of an image. */
void batch_assert(const json_t *rows, const char *path, const char *status, const char *code);

#endif
