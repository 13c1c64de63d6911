/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The image that a transaction is about: a regular file, a block device, or an NBD export.
 *
 * What always holds:
 * - Whatever the kind, a target is bytes with a length that are read, written and made durable.
 *   What only files have (holes, space to reserve, another length) is asked for and may be absent.
 * - A target is opened for one access.  Reading goes through its disk; writing through the
 *   functions below and the caller's table of system calls, so that a test can make each of them
 *   fail.
 * - While a file is being changed it carries a signpost, where its file system can: an extended
 *   attribute that says where the journal lies.  So whoever looks for the journal in another
 *   folder, or under another name of the file, learns of it.
 * - Nothing here locks: lock.h does, and whoever changes a target holds its lock.
 */
#ifndef BOOTSHIFT_TRANSACTION_TARGET_H
#define BOOTSHIFT_TRANSACTION_TARGET_H

#include <sys/types.h>
#include <time.h>

#include "disk/disk.h"
#include "transaction/io.h"

enum target_kind {
	TARGET_FILE,
	TARGET_DEVICE,
	TARGET_NBD,
};

enum target_access {
	TARGET_READ,   /* as cached */
	TARGET_REREAD, /* from the storage, past what was cached by those who wrote it */
	TARGET_WRITE,
};

/* What tells whether a target is the same one, and unchanged. */
struct target_status {
	uint64_t length;        /* bytes */
	uint64_t device, inode; /* a device: its number and 0; NBD: 0 and 0 */
	/* A file's times of change; zeros for the others, which have none that can be trusted. */
	struct timespec modified, changed;
	mode_t mode; /* permissions; a journal of a file gets as much of them as makes sense */
};

struct target {
	const struct target_operations *operations;
	const struct transaction_io *io;
	enum target_kind kind;
	char *name;                  /* the real path, or the URI as the caller wrote it */
	struct target_status status; /* when it was opened */
	struct disk *disk;           /* for reading; of an open target never NULL */
	/* Of target_is_disturbed(): */
	struct timespec modified; /* after our own last change, or when it was opened */
	bool disturbed;
};

/* What a kind implements; NULL where it has no such thing. */
struct target_operations {
	int (*look)(const struct target *target, struct target_status *status,
		    struct bs_error *err);
	int (*check_writable)(const struct target *target, struct bs_error *err);
	char *(*identity)(const struct target *target); /* the caller frees it; NULL: no memory */
	int (*write)(struct target *target, uint64_t offset, const void *bytes, size_t length,
		     struct bs_error *err);
	int (*sync)(struct target *target, struct bs_error *err);
	/* NULL: all is data */
	int (*seek)(const struct target *target, uint64_t position, int whence, uint64_t *found,
		    struct bs_error *err);
	/* NULL: there is no space to reserve */
	int (*reserve)(struct target *target, uint64_t offset, uint64_t length,
		       struct bs_error *err);
	/* NULL: holes cannot be made */
	int (*punch)(struct target *target, uint64_t offset, uint64_t length, bool *punched,
		     struct bs_error *err);
	/* NULL: the length is fixed */
	int (*set_length)(struct target *target, uint64_t length, struct bs_error *err);
	/* These three: NULL where there are no signposts */
	int (*set_signpost)(struct target *target, const char *journal, struct bs_error *err);
	int (*remove_signpost)(struct target *target, struct bs_error *err);
	int (*read_signpost)(const struct target *target, char **journal, struct bs_error *err);
	/* NULL: there are no times, and nothing can be watched */
	bool (*others_wrote)(struct target *target);
	void (*close)(struct target *target); /* what the kind has of its own, and the target */
};

/*
 * Opens an image for reading: the path of a file (links are followed) or of a block device, or an
 * NBD URI (nbd://, nbds://, nbd+unix:// and so on).  Nothing is changed by it, and a path is never
 * waited for.  Freed with target_close().  NULL on error: BS_NOT_FOUND, BS_NO_PERMISSION,
 * BS_IN_USE, BS_NOT_AN_IMAGE, BS_NO_MEMORY, BS_IO, and those of nbd_open_uri().
 */
MUST_CHECK struct target *target_open(const char *image, struct bs_error *err);

/* Whether target_open() would take it for the URI of an NBD export. */
bool target_is_uri(const char *image);

/*
 * Opens the same image once more, with descriptors or a connection of its own.  `io` is for writing
 * only and outlives what is opened.  A file or a device without any write permission is read-only
 * to everybody, also to root, who could open it.  NULL on error: the above, and BS_READ_ONLY.
 */
MUST_CHECK struct target *target_reopen(const struct target *target, enum target_access access,
					const struct transaction_io *io, struct bs_error *err);

/* NULL is allowed.  What was written and not synced may be lost. */
void target_close(struct target *target);

/* The status as it is now.  Error: BS_IO. */
MUST_CHECK int target_look(const struct target *target, struct target_status *status,
			   struct bs_error *err);

/*
 * Finds out, without changing anything, whether the image can be opened for writing.  Errors:
 * BS_READ_ONLY, BS_NO_PERMISSION, those of target_reopen().
 */
MUST_CHECK int target_check_writable(const struct target *target, struct bs_error *err);

/*
 * A text that stays the same for this image as long as it is the same, and that no other image has:
 * a file's real path; a device's name in /dev/disk/by-id, a loop device's file, or a device's
 * number, and its size; an NBD export's URI and size.  The caller frees it.  NULL: no memory.
 */
char *target_identity(const struct target *target);

/* Writes all bytes or fails.  Errors: those of transaction_write() and of disk_write(). */
MUST_CHECK int target_write(struct target *target, uint64_t offset, const void *bytes,
			    size_t length, struct bs_error *err);

/* Makes it durable.  After an error it must not be called again on this target (see io.h). */
MUST_CHECK int target_sync(struct target *target, struct bs_error *err);

/*
 * The first data (SEEK_DATA) or hole (SEEK_HOLE) at or after `position`, which lies within the
 * image; its length when there is none.  Error: BS_IO.
 */
MUST_CHECK int target_seek(const struct target *target, uint64_t position, int whence,
			   uint64_t *found, struct bs_error *err);

/* Takes space without changing bytes or length, where that can be done; else does nothing. */
MUST_CHECK int target_reserve(struct target *target, uint64_t offset, uint64_t length,
			      struct bs_error *err);

/* Makes the range a hole; *punched is false, and nothing is changed, where that cannot be done. */
MUST_CHECK int target_punch(struct target *target, uint64_t offset, uint64_t length, bool *punched,
			    struct bs_error *err);

bool target_has_fixed_length(const struct target *target);

/* Cuts or lengthens, with zeros.  Only where the length is not fixed. */
MUST_CHECK int target_set_length(struct target *target, uint64_t length, struct bs_error *err);

/*
 * Whether somebody else has written to the image since it was opened for writing, as far as can be
 * known: the kernel is asked (watch.h), and the time of change is looked at before and after each
 * call of ours that changes the image.  Where the kernel tells nothing, a write during one of these
 * calls, or in the same tick of the file system's clock, is not seen.  Of a device and an export
 * nothing is known: false.
 */
bool target_is_disturbed(struct target *target);

#define TARGET_SIGNPOST "user.bootshift.undo" /* the attribute's name */

/*
 * Puts up a signpost to `journal`, an absolute path, and makes it durable; one that is there gives
 * way.  Where the file system has no room or no such thing, does nothing.  After an error of
 * target_sync() the target must not be synced again.
 */
MUST_CHECK int target_set_signpost(struct target *target, const char *journal,
				   struct bs_error *err);

/*
 * Takes the signpost away, if there is one, and makes that durable.  After an error of
 * target_sync() the target must not be synced again.
 */
MUST_CHECK int target_remove_signpost(struct target *target, struct bs_error *err);

/*
 * Where the signpost leads, or NULL when there is none; the caller frees *journal.  The text may
 * come from anybody who could write to the file.  Errors: BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK int target_read_signpost(const struct target *target, char **journal,
				    struct bs_error *err);

/* ---- for the kinds ------------------------------------------------------------------------- */

#define TARGET_WHAT "the image" /* in messages */

MUST_CHECK struct target *target_file_open(const char *path, struct bs_error *err);
MUST_CHECK struct target *target_file_reopen(const struct target *target, enum target_access access,
					     const struct transaction_io *io, struct bs_error *err);
MUST_CHECK struct target *target_nbd_open(const char *uri, bool writable, struct bs_error *err);

#endif
