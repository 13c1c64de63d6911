/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a container says of the files that belong together with it, as its codec hands it on. */
#ifndef BOOTSHIFT_REFERENCE_H
#define BOOTSHIFT_REFERENCE_H

enum reference_kind {
	REFERENCE_PARENT,      /* a path: the container holds only the changes to that file */
	REFERENCE_PARENT_UUID, /* the UUID of that file */
	REFERENCE_UUID,        /* the container's own */
	REFERENCE_PART,        /* a path: that file holds the disk, or a part of it */
};

/* `text` is UTF-8 if the container is well made, never empty, and gone after the call.  A path is
 * as whoever made the container wrote it, on whatever system that was. */
struct reference_taker {
	void (*take)(void *context, enum reference_kind kind, const char *text);
	void *context;
};

#endif
