/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A location says where an image is, whoever asks from where: a file's absolute path, of whatever
 * bytes the kernel takes, or the URI of an NBD export.  Written down it is a URI in either case
 * (RFC 8089 for files), which is ASCII and loses nothing.
 */
#ifndef BOOTSHIFT_ROWS_LOCATION_H
#define BOOTSHIFT_ROWS_LOCATION_H

#include <stdbool.h>

/* What stands behind the last slash, or all of it when nothing does.  Within `path`. */
const char *location_name(const char *path);

/*
 * The location of an image as the user has named it: with all links resolved; what is not there is
 * taken to be in the working directory.  The caller frees it; NULL when memory runs out.
 */
char *location_of(const char *image);

/*
 * The path of an image as it was found, for people.  `path` has U+FFFD in the place of each invalid
 * byte; those bytes are taken from the location, and where the two do not fit together, as with
 * symbolic links, it is the location that is returned.  The caller frees it; NULL when memory runs
 * out.
 */
char *location_as_found(const char *location, const char *path);

/* The caller frees it; NULL when memory runs out. */
char *location_to_uri(const char *location);

/* Turns a URI into a location in place.  False when it cannot be one. */
bool location_from_uri(char *uri);

#endif
