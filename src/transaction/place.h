/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the files of a transaction lie: the journal, its temporary form and the lock file, all in
 * one folder, and never on the image itself.  Names follow from the image's identity (target.h), so
 * a symbolic link to an image leads to the same journal.
 */
#ifndef BOOTSHIFT_TRANSACTION_PLACE_H
#define BOOTSHIFT_TRANSACTION_PLACE_H

#include "transaction/target.h"

struct place {
	const struct target *target; /* the caller's, open for reading; outlives the place */
	char *folder;                /* of the three files below; a real path */
	bool folder_is_given;        /* the image's or --undo-dir; else the state directory */
	char *journal;               /* IMAGE.bootshift-undo */
	char *temporary;             /* IMAGE.bootshift-undo.tmp */
	char *lock;                  /* IMAGE.bootshift-lock */
};

/*
 * Fills *place.  `undo_directory` may be NULL: then a file's lie beside it, and those of a device
 * or an NBD export in the state directory, which may not exist yet: $XDG_STATE_HOME/bootshift, or
 * else /var/lib/bootshift for root and ~/.local/state/bootshift for others.  Elsewhere than beside
 * a file the names get the first eight hexadecimal digits of the SHA-256 of the image's identity,
 * because images of the same name may come from several folders.  Errors: BS_NAME_TOO_LONG;
 * BS_UNDO_FILE_UNUSABLE when something is there that is no regular file; BS_NOT_TRUSTED when a file
 * is there that somebody else may have made (trust.h); BS_NOT_FOUND, BS_NO_PERMISSION,
 * BS_NO_MEMORY, BS_IO.  place_free() afterwards in every case.
 */
MUST_CHECK int place_find(const struct target *target, const char *undo_directory,
			  struct place *place, struct bs_error *err);
void place_free(struct place *place);

/*
 * Finds out whether files can be made in the folder, or in the one in which it is to be made, by
 * making one without a name, and whether what is made there can be trusted later.  Errors:
 * BS_UNDO_FOLDER, BS_FOLDER_NOT_TRUSTED, BS_NO_SPACE, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int place_check_folder(const struct place *place, struct bs_error *err);

/*
 * Makes the state directory if it is not there yet, and the folders above it, for this user alone,
 * each with a durable name.  Does nothing where the folder is another one, which is there.  Errors:
 * BS_FOLDER_NOT_TRUSTED, BS_NO_PERMISSION, BS_READ_ONLY, BS_NO_SPACE, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int place_make_folder(const struct place *place, struct bs_error *err);

/* A file's name without its folder, else the image's whole name; leads into the target's. */
const char *place_image_name(const struct place *place);

#endif
