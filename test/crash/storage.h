/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A model of what a power cut may leave of an image and of the files in a folder.
 *
 * A recording (recorder.h) is a list of numbered calls, and a history of each thing that the calls
 * changed: each sector, each block's allocation, each length, each attribute, each change of a name.
 * A file's history up to a sync of the file is durable, and the names are durable up to a sync of
 * the folder.  After a power cut each thing has its durable version or any later one, whatever the
 * others have.  So writes may be lost, reordered and torn at each sector.  In addition, one sector
 * may be torn at any byte.  Real storage never leaves more than that, and mostly less.
 *
 * A rename is one change: it is there, or it is not.
 */
#ifndef BOOTSHIFT_TEST_STORAGE_H
#define BOOTSHIFT_TEST_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A check that costs nothing: Check's own asserts write to a pipe each time. */
#define MUST(condition)                                                                            \
	((condition) ? (void)0 : ck_abort_msg("%s:%d: %s", __FILE__, __LINE__, #condition))

#define STORAGE_SECTOR     512u
#define STORAGE_BLOCK      4096u
#define STORAGE_ATTRIBUTES 2
#define STORAGE_NAME_MAX   256 /* bytes of a file's name */
#define STORAGE_PATH_MAX   512

/* The names of the parts of an image in several files begin with this. */
#define STORAGE_PART "part"

extern const char *const storage_attributes[STORAGE_ATTRIBUTES]; /* their names */

struct version {
	int event;       /* the number of the call; -1: before the recording */
	uint64_t number; /* a length; 1: allocated, set, or changed */
	uint8_t *bytes;  /* a sector, or the value of an attribute; NULL: zeros, or none */
};

struct history {
	int count;
	struct version *versions; /* in the order of their events */
};

struct stored_file {
	dev_t device;
	ino_t inode;
	bool is_image, is_device;
	bool is_part; /* of an image in several files: the file has attributes, and is full of data */
	uint8_t *base; /* the bytes before the recording; NULL: an image, or a new file */
	size_t base_length;
	struct history length, attributes[STORAGE_ATTRIBUTES];
	struct history *sectors; /* by number */
	struct history *blocks;  /* the allocation, by number; of an image that is a file */
	size_t sector_limit;     /* of both tables, in sectors */
	uint32_t *touched;       /* the numbers of the sectors that have a history */
	size_t touched_count;
	int *syncs; /* the numbers of the calls */
	size_t sync_count;
};

enum naming_kind { NAMING_MAKE, NAMING_RENAME, NAMING_REMOVE };

struct naming {
	enum naming_kind kind;
	int file; /* NAMING_MAKE */
	char from[STORAGE_NAME_MAX], to[STORAGE_NAME_MAX];
	struct history history; /* 0 before the change, 1 after it */
};

struct stored_name {
	char name[STORAGE_NAME_MAX];
	int file;
};

struct event {
	char text[256]; /* for people */
	bool is_sync;
};

/* What was recorded.  Files, names and changes of names are in the order of their recording. */
struct recording {
	char folder[STORAGE_PATH_MAX]; /* a real path */
	char image[STORAGE_PATH_MAX];  /* of a file in the folder, or of a device */
	dev_t folder_device;
	ino_t folder_inode;
	struct stored_file *files; /* the first is the image */
	size_t file_count;
	struct stored_name *names; /* before the recording, without the image's */
	size_t name_count;
	struct naming *namings;
	size_t naming_count;
	int *folder_syncs;
	size_t folder_sync_count;
	struct event *events;
	int event_count;
};

/* Starts a recording: all that the folder and the image have now is durable. */
struct recording *storage_begin(const char *folder, const char *image);
void storage_free(struct recording *recording);

/* Returns the recorded file behind a descriptor, or NULL. */
struct stored_file *storage_find(struct recording *recording, int descriptor);
bool storage_is_folder(const struct recording *recording, int descriptor);

/* Adds a call.  Returns its number. */
int storage_event(struct recording *recording, bool is_sync, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * To be called before a change of these bytes of a file: notes the sectors and the blocks as they
 * are.  `descriptor` is the file's.
 */
void storage_keep(struct stored_file *file, int descriptor, uint64_t offset, uint64_t length);

/* What call number `event` did. */
void storage_wrote(struct stored_file *file, int event, uint64_t offset, const void *bytes,
		   uint64_t length);
void storage_zeroed(struct stored_file *file, int event, uint64_t offset, uint64_t length);
void storage_allocated(struct stored_file *file, int event, uint64_t offset, uint64_t length,
		       bool allocated);
void storage_lengthened(struct stored_file *file, int event, uint64_t length);
void storage_set(struct stored_file *file, int event, const char *attribute, const void *value,
		 size_t size); /* NULL: removed */
void storage_synced(struct recording *recording, struct stored_file *file, int event);
void storage_named(struct recording *recording, int event, enum naming_kind kind, const char *from,
		   const char *to, int descriptor);
uint64_t storage_length(const struct stored_file *file);

/* ---- states after a power cut ---------------------------------------------------------------- */

/* One thing that a power cut may leave in several versions. */
struct loose {
	const struct history *history;
	int first, count; /* of the versions that differ from the one before them */
	int pick;         /* the chosen version, from 0 */
	bool is_sector;
};

/* A power cut before call number `event`. */
struct cut {
	const struct recording *recording;
	int event;
	struct loose *loose;
	size_t loose_count;
	const struct history *torn; /* the sector that is torn, or NULL */
	size_t torn_at;             /* so many bytes of the next version, the rest of the chosen */
};

/* Lists what is loose.  Each pick is 0, so everything that was not synced is lost. */
void cut_open(const struct recording *recording, int event, struct cut *cut);
void cut_close(struct cut *cut);

/*
 * Makes the folder and the image what the picks say.  The image's bytes that the recording did not
 * touch are left as they are.
 */
void cut_build(const struct cut *cut);

#endif
