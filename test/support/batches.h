/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folders of images for batches, and the rows about the images.  The rows are read with another
 * parser than the program's.  Any error here fails the test.  The caller frees nothing.
 */
#ifndef BOOTSHIFT_TEST_BATCHES_H
#define BOOTSHIFT_TEST_BATCHES_H

#include <jansson.h>

#include "support/images.h"

/* Makes a new folder. */
const char *batch_folder(void);

/* Copies an image, with its holes, into a folder.  Returns the path of the copy. */
const char *batch_put(const char *folder, const char *name, const char *image);

/* Makes a text file in a folder.  Returns the path of the file. */
const char *batch_write(const char *folder, const char *name, const char *content);

/* All rows of a file as an array.  Fails if a row lacks a field of its schema. */
json_t *batch_rows(const char *file);

/* The last row with a field "path"; NULL if there is none. */
json_t *batch_row(const json_t *rows, const char *path);

/* Checks the status and the code (or NULL) of the last row of an image. */
void batch_assert(const json_t *rows, const char *path, const char *status, const char *code);

#endif
