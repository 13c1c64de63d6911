/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the files of a transaction lie: the journal, its temporary form and the lock file, all in
 * one folder.  Names follow from the image's real path, so a symbolic link to an image leads to
 * the same journal.
 */
#ifndef BOOTSHIFT_TRANSACTION_PLACE_H
#define BOOTSHIFT_TRANSACTION_PLACE_H

#include "util/err.h"

struct place {
	char *image;     /* the real path */
	char *folder;    /* of the three files below */
	char *journal;   /* IMAGE.bootshift-undo */
	char *temporary; /* IMAGE.bootshift-undo.tmp */
	char *lock;      /* IMAGE.bootshift-lock */
};

/*
 * Fills *place.  `undo_directory` may be NULL: then the files lie beside the image; else their
 * names get the first eight hexadecimal digits of the SHA-256 of the image's real path, because
 * images of the same name may come from several folders.  Errors: BS_NOT_FOUND,
 * BS_NO_PERMISSION, BS_NO_MEMORY, BS_IO.  place_free() afterwards in every case.
 */
MUST_CHECK int place_find(const char *image, const char *undo_directory, struct place *place,
			  struct bs_error *err);
void place_free(struct place *place);

/* The image's name without its folder; leads into place->image. */
const char *place_image_name(const struct place *place);

#endif
