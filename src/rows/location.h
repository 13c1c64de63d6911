/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A location identifies an image, whatever the working directory: the absolute path of a file, in
 * the bytes that the kernel uses, or the URI of an NBD export.
 *
 * Rows store it as a URI in both cases (RFC 8089 for files), in ASCII and without loss.
 */
#ifndef BOOTSHIFT_ROWS_LOCATION_H
#define BOOTSHIFT_ROWS_LOCATION_H

#include <stdbool.h>

/*
 * The part of a path after the last slash; the whole path if there is no such part.  Points into
 * `path`.
 */
const char *location_name(const char *path);

/*
 * The location of an image that the user names.  Symbolic links are resolved.  A relative path
 * that does not exist is taken as below the working directory.  The caller frees it; NULL when
 * memory runs out.
 */
char *location_of(const char *image);

/*
 * The path of an image as it was found, with its original bytes.
 *
 * `path` comes from JSON and has U+FFFD in place of each invalid byte.  The original bytes are
 * taken from the end of `location`.  If the ends differ, for example because of a symbolic link,
 * the result is `location`.  The caller frees it; NULL when memory runs out.
 */
char *location_as_found(const char *location, const char *path);

/* The URI of a location.  The caller frees it; NULL when memory runs out. */
char *location_to_uri(const char *location);

/* Turns a URI into a location, in place.  False if the URI names neither a file nor an export. */
bool location_from_uri(char *uri);

#endif
