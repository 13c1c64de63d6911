/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The image that a transaction changes: a regular file, a block device, or an NBD export.  A regular
 * file may also describe a disk in several files; then these are changed.
 *
 * What always holds:
 * - Every target is a row of bytes that can be read, written and made durable.  Only files have
 *   holes, space to reserve, a length that can change, times, and a signpost.
 * - A target is opened for one kind of access.  Reads go through its disk.  Writes go through the
 *   functions below, which use the target's table of system calls, so that a test can make each of
 *   them fail.
 * - After a failed sync the target must only be closed: the kernel reports a lost write once and
 *   then forgets it.
 * - While a file is being changed it carries a signpost, if its file system allows one: an extended
 *   attribute with the path of the journal.  So a command that looks for the journal in another
 *   folder, or under another name of the file, still finds it.
 * - Nothing here locks.  The caller that changes a target holds its lock (lock.h).
 */
#ifndef BOOTSHIFT_TRANSACTION_TARGET_H
#define BOOTSHIFT_TRANSACTION_TARGET_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "disk/disk.h"
#include "disk/join.h"
#include "transaction/io.h"
#include "util/range.h"

enum target_kind {
	TARGET_FILE,
	TARGET_DEVICE,
	TARGET_NBD,
};

enum target_access {
	TARGET_READ,   /* through the page cache */
	TARGET_REREAD, /* from the storage, past the page cache */
	TARGET_WRITE,
};

/* This data shows whether a target is still the same image, and unchanged. */
struct target_status {
	uint64_t length;        /* bytes; of a disk in several files, of all these together */
	uint64_t device, inode; /* a device: its number and 0; NBD: 0 and 0 */
	/* The times of a file; zeros for the others, which have no reliable times. */
	struct timespec modified, changed;
	mode_t mode; /* permissions; the journal of a file gets a part of them */
};

enum target_signpost {
	SIGNPOST_AS_FOUND, /* not touched since the target was opened */
	SIGNPOST_UP,       /* durable, or this target cannot have one */
	SIGNPOST_DOWN,     /* durably removed, or this target cannot have one */
};

struct target;

DEFINE_VECTOR(target_parts, struct target *);

struct target {
	enum target_kind kind;
	char *name;                      /* the real path, or the URI as the caller wrote it */
	struct target_status status;     /* when the target was opened */
	struct disk *disk;               /* for reading; never NULL in an open target */
	const struct transaction_io *io; /* for writing; tests replace the real one */
	int descriptor;                  /* of a file or a device, else -1 */
	/* What commit_check() looks at: */
	bool changed;     /* something was changed since the target was opened */
	bool unsynced;    /* something was changed since the last sync */
	bool sync_failed; /* the target must only be closed */
	enum target_signpost signpost;
	/*
	 * A disk in several files: the name and the descriptor are those of the file that describes
	 * it, which is only read.  The bytes are those of the parts, one after the other, each with
	 * the room that it has for more: behind the end of a part there are zeros.
	 */
	struct target_parts parts; /* empty: the image is one file, a device or an export */
	struct join_part *joined;  /* the disks of the same parts */
	uint64_t room; /* of a part: bytes of the image that belong to it; at least its length */
	/* For target_is_disturbed(): */
	int watch;                /* the descriptor of a fanotify(7) group, or -1 */
	struct timespec modified; /* file time after our own last change, or at the opening */
	unsigned changes;         /* target_begin_changes() without their end */
	bool disturbed;
};

/*
 * Opens an image for reading: the path of a file or of a block device (symbolic links are
 * followed), or an NBD URI (nbd://, nbds://, nbd+unix:// and so on).  Opening changes nothing, and
 * does not wait for a pipe or a lease.  The caller frees the target with target_close().  NULL on
 * error: BS_NOT_FOUND, BS_NO_PERMISSION, BS_IN_USE, BS_NOT_AN_IMAGE, BS_NO_MEMORY, BS_IO, and those
 * of nbd_open_uri().
 */
MUST_CHECK struct target *target_open(const char *image, struct bs_error *err);

/* Whether target_open() takes the text for the URI of an NBD export. */
bool target_is_uri(const char *image);

/*
 * Opens the same image again, with a descriptor or a connection of its own and the same table of
 * system calls.  If the permissions of a file or a device let nobody write, it is read-only also
 * for root.  NULL on error: those of target_open(), and BS_READ_ONLY.
 */
MUST_CHECK struct target *target_reopen(const struct target *target, enum target_access access,
					struct bs_error *err);

/*
 * Adds a part to an open file that describes a disk in several files.  The part is a regular file
 * that is open for one kind of access; NULL, which fails, has set *err.  `room` is at least its
 * length; if it is more, the part can grow.  The target owns the part, also after an error.  Error:
 * BS_NO_MEMORY.
 */
MUST_CHECK int target_add_part(struct target *target, struct target *part, uint64_t room,
			       struct bs_error *err);

/*
 * Makes the parts, at least one, the bytes of the target.  Until this has succeeded, the target may
 * only be closed.  Errors: BS_FORMAT_UNSUPPORTED for a part whose room does not end with a whole
 * block of JOURNAL_BLOCK_SIZE bytes, unless the part is the last one; those of join_open() and
 * target_look().
 */
MUST_CHECK int target_join(struct target *target, struct bs_error *err);

/* Whether the target is in several files, and one of them can grow. */
bool target_has_room(const struct target *target);

/* Where a file of the image lies in the image, bytes. */
struct target_span {
	uint64_t start;
	uint64_t end;      /* as it was when the target was opened, or as target_set_end() set it */
	uint64_t room_end; /* where the next file begins; INT64_MAX: there is none */
};

/* Returns the span of the file that has the byte at `offset`, or has room for it. */
struct target_span target_file_at(const struct target *target, uint64_t offset);

/* Whether both are the same file or device, as they were opened. */
bool target_is_same(const struct target *one, const struct target *other);

/* NULL is allowed.  Writes that were not synced may be lost. */
void target_close(struct target *target);

/* Sets *status to the present status.  Error: BS_IO. */
MUST_CHECK int target_look(const struct target *target, struct target_status *status,
			   struct bs_error *err);

/*
 * Finds out, without changing anything, whether the image can be opened for writing.  Errors:
 * BS_READ_ONLY, BS_NO_PERMISSION, those of target_reopen().
 */
MUST_CHECK int target_check_writable(const struct target *target, struct bs_error *err);

/*
 * Checks that this process may open the image once more, with some other files, and closes everything
 * again.  Without this check, the limit could be noticed when the image is half written.  Errors:
 * BS_SYSTEM_LIMIT, BS_NO_MEMORY.
 */
MUST_CHECK int target_check_descriptors(const struct target *target, struct bs_error *err);

/*
 * Returns a text that belongs to this image only and stays the same as long as the image does.  For
 * a file: its real path.  For a device: block_device_name() and the size.  For an NBD export: the
 * URI and the size.  The caller frees the text.  NULL: no memory.
 */
char *target_identity(const struct target *target);

/*
 * Around several changes of ours that follow each other, with no other work than reading a journal.
 * They count as one call for target_is_disturbed(), so writes among them have no more bytes in all than
 * the longest single one.
 */
void target_begin_changes(struct target *target);
void target_end_changes(struct target *target);

/* Writes all bytes or fails.  Errors: those of transaction_write() and of disk_write(). */
MUST_CHECK int target_write(struct target *target, uint64_t offset, const void *bytes,
			    size_t length, struct bs_error *err);

/* Makes everything that was written durable. */
MUST_CHECK int target_sync(struct target *target, struct bs_error *err);

/*
 * Sets *found to the first data (whence SEEK_DATA) or hole (SEEK_HOLE) at or after `position`,
 * which lies within the image, or to the image's length if there is none.  Error: BS_IO.
 */
MUST_CHECK int target_seek(const struct target *target, uint64_t position, int whence,
			   uint64_t *found, struct bs_error *err);

/* Allocates space without changing bytes or length.  Does nothing if the target cannot do this. */
MUST_CHECK int target_reserve(struct target *target, uint64_t offset, uint64_t length,
			      struct bs_error *err);

/*
 * Checks that the file system has room for this many more bytes of the image, as far as it tells.
 * Error: BS_NO_SPACE.
 */
MUST_CHECK int target_check_room(const struct target *target, uint64_t growth,
				 struct bs_error *err);

/*
 * Makes the range a hole.  If the target cannot do this, *punched is false and nothing has changed.
 */
MUST_CHECK int target_punch(struct target *target, uint64_t offset, uint64_t length, bool *punched,
			    struct bs_error *err);

/*
 * Whether the number of bytes of the target's disk is fixed.  That is so for an image in several
 * files, too: its disk has all the room in which the files can grow.
 */
bool target_has_fixed_length(const struct target *target);

/*
 * Makes the file that has the last byte before `end`, or has room for it, end there: cuts the file,
 * or lengthens it with zeros.  For an image in one file, `end` is its length.  Not for devices and
 * exports, nor for files without room.
 */
MUST_CHECK int target_set_end(struct target *target, uint64_t end, struct bs_error *err);

/*
 * Returns whether another process has written to the image since the image was opened for writing.
 * The kernel reports such writes (fanotify).  The target also compares the file's time before each
 * change of ours with the time after the last one.  If the kernel reports nothing, a write during
 * one of our calls, or in the same tick of the file system's clock, goes unnoticed.  For a device
 * and an export the function always returns false.
 */
bool target_is_disturbed(struct target *target);

#define TARGET_SIGNPOST "user.bootshift.undo" /* the name of the attribute */

/*
 * Sets the signpost to `journal`, an absolute path, and makes it durable.  An older signpost is
 * replaced.  Does nothing if the file system has no room for attributes, or does not allow them.
 */
MUST_CHECK int target_set_signpost(struct target *target, const char *journal,
				   struct bs_error *err);

/* Removes the signpost, if there is one, and makes the removal durable. */
MUST_CHECK int target_remove_signpost(struct target *target, struct bs_error *err);

/*
 * Sets *journal to the path in the signpost, or to NULL if there is no signpost.  The caller frees
 * *journal.  Anybody who can write to the file can set the path.  Errors: BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK int target_read_signpost(const struct target *target, char **journal,
				    struct bs_error *err);

/* ---- for the kinds: target-file.c, target-nbd.c, target-set.c ------------------------------- */

#define TARGET_WHAT "the image" /* in messages */

/* The operations that differ between the kinds.  Only target.c calls them. */
struct target_operations {
	/*
	 * Fills in name and disk, for a file or a device also the kind and the descriptor.  On
	 * error the caller calls close().
	 */
	int (*open)(struct target *target, const char *image, enum target_access access,
		    struct bs_error *err);
	void (*close)(struct target *target); /* closes the disk and the descriptor */
	/* The functions of the same names in target.h. */
	int (*look)(const struct target *target, struct target_status *status,
		    struct bs_error *err);
	int (*check_writable)(const struct target *target, struct bs_error *err);
};

extern const struct target_operations target_file_operations, target_nbd_operations,
	target_set_operations;

MUST_CHECK int target_file_look(const struct target *target, struct target_status *status,
				struct bs_error *err);
void target_file_close(struct target *target);

/*
 * What the functions of similar names do, done to the parts; nothing if there are none.
 * set_allocate() makes holes if `punch` is true, and reserves space otherwise.
 */
struct target_span set_file_at(const struct target *target, uint64_t offset);
MUST_CHECK int set_write(const struct target *target, uint64_t offset, const void *bytes,
			 size_t length, struct bs_error *err);
MUST_CHECK int set_sync(const struct target *target, struct bs_error *err);
MUST_CHECK int set_seek(const struct target *target, uint64_t position, int whence, uint64_t *found,
			struct bs_error *err);
MUST_CHECK int set_cut(const struct target *target, uint64_t end, struct bs_error *err);
MUST_CHECK int set_allocate(const struct target *target, bool punch, struct range range, bool *done,
			    struct bs_error *err);
MUST_CHECK int set_put_signpost(const struct target *target, const char *journal,
				struct bs_error *err);
MUST_CHECK int set_take_signpost(const struct target *target, struct bs_error *err);
MUST_CHECK int set_read_signpost(const struct target *target, char **journal, struct bs_error *err);

#endif
