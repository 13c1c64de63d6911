/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The paths of a transaction's files: the journal, its temporary file and the lock file.  All three
 * are in one folder, never on the image itself.  Their names are made from the image's identity
 * (target.h), so a symbolic link to an image leads to the same journal.  An undo can also name its
 * journal (--undo-file).
 */
#ifndef BOOTSHIFT_TRANSACTION_PLACE_H
#define BOOTSHIFT_TRANSACTION_PLACE_H

#include "transaction/target.h"

struct place {
	const struct target *target; /* owned by the caller, open for reading; outlives the place */
	char *folder;                /* the folder of the files below; a real path */
	char *lock_folder;           /* the folder of the lock file; NULL: `folder` */
	bool folder_is_given;        /* the lock file's: the image's or --undo-dir; else the state
				      * directory */
	char *journal;               /* IMAGE.bootshift-undo */
	char *temporary;             /* IMAGE.bootshift-undo.tmp */
	char *lock;                  /* IMAGE.bootshift-lock */
};

/*
 * Fills *place.  The caller calls place_free(), also on error.  If `undo_directory` is NULL, the
 * three files lie beside an image file.  For a device or an export they lie in the state directory,
 * which may not exist yet: $XDG_STATE_HOME/bootshift, or else /var/lib/bootshift for root and
 * ~/.local/state/bootshift for other users.  Except beside a file, the names contain the first 8
 * hexadecimal digits of the SHA-256 of the image's identity, because images of the same name may
 * come from several folders.  Errors: BS_NAME_TOO_LONG; BS_UNDO_FILE_UNUSABLE when one of the paths
 * is not a regular file; BS_NOT_TRUSTED when another user may have made one of the files (trust.h);
 * BS_NOT_FOUND, BS_NO_PERMISSION, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int place_find(const struct target *target, const char *undo_directory,
			  struct place *place, struct bs_error *err);

/*
 * Like place_find(), for an undo file that is `undo_file`, wherever that lies.  The lock file is
 * that of a command without --undo-dir, so that such a command is kept out.  If no file can be made
 * in that folder, the lock file lies beside the undo file.  Errors: also BS_USAGE if the name is not
 * that of an undo file.
 */
MUST_CHECK int place_find_file(const struct target *target, const char *undo_file,
			       struct place *place, struct bs_error *err);

/*
 * For an undo with --undo-dir: if there is no journal, but the folder has one with the name that it
 * would have beside the image, uses that one.  Does nothing if the folder also has another image of
 * this name, because the journal belongs to that image then.  Errors: those of place_find().
 */
MUST_CHECK int place_use_plain_name(struct place *place, struct bs_error *err);

void place_free(struct place *place);

/* Returns whether a path is absolute and ends like the name of an undo file. */
bool place_is_undo_file(const char *path);

/*
 * Creates a file without a name, to find out whether files can be made in the folder and can be
 * trusted later.  If the folder does not exist, uses the nearest folder above it that exists.
 * Errors: BS_UNDO_FOLDER, BS_FOLDER_NOT_TRUSTED, BS_NO_SPACE, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int place_check_folder(const struct place *place, struct bs_error *err);

/*
 * Checks that the folder has room for an undo file of `size` bytes and, on the same file system,
 * for `image_growth` more bytes of the image.  Reserves the room on a file without a name, as a fix
 * would, and releases it at once.  Errors: BS_NO_SPACE, and those of place_check_folder().
 */
MUST_CHECK int place_check_room(const struct place *place, uint64_t size, uint64_t image_growth,
				struct bs_error *err);

/* Sets the error, by errno, for an undo file of `size` bytes that cannot be written; returns -1. */
int place_fail_room(const struct place *place, uint64_t size, struct bs_error *err);

/*
 * Creates the state directory and missing folders above it, for this user only, and makes their
 * names durable.  Does nothing if place->folder_is_given.  Errors: BS_FOLDER_NOT_TRUSTED,
 * BS_NO_PERMISSION, BS_READ_ONLY, BS_NO_SPACE, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int place_make_folder(const struct place *place, struct bs_error *err);

/* Returns a file's name without its folder, else the image's whole name.  The target owns it. */
const char *place_image_name(const struct place *place);

#endif
