/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the images of a batch, in the files and folders that the command line names.
 *
 * What always holds:
 * - The order of the images is that of the command line, and bytewise by path within a folder.
 * - A file with several names is one image, under its first name.
 * - A file in a folder is an image because of its content (bs_recognise()), never because of its
 *   name alone.  A file that the command line names is an image, unless the patterns exclude it.
 * - In folders, only regular files are opened.
 * - Memory holds the paths of the images, not those of all files.
 */
#ifndef BOOTSHIFT_BATCH_FIND_H
#define BOOTSHIFT_BATCH_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define FIND_PATTERNS_MAX 64

/*
 * Shell patterns (fnmatch(3)) for paths below a folder of the command line.  For a file that the
 * command line names: for its path as given, and for its name.  A `*` also matches slashes.
 */
struct find_patterns {
	const char *text[FIND_PATTERNS_MAX]; /* borrowed */
	size_t count;
};

/* Why a batch leaves out a file or folder. */
enum find_reason {
	FIND_NOT_AN_IMAGE, /* a file with other content, or an empty file */
	FIND_PACKED,       /* a compressed file, or an archive that may hold an image */
	FIND_EXCLUDED,     /* by the patterns */
	FIND_OURS,         /* an undo file or a lock file */
	FIND_HALF_COPIED,  /* the name is that of an unfinished copy */
	FIND_DATA_FILE,    /* the data of an image whose description is another file */
	FIND_OTHER_NAME,   /* another name of an image or folder of the batch */
	FIND_LINK,         /* a symbolic link that is not followed or leads nowhere */
	FIND_NOT_A_FILE,   /* a device, a pipe, a socket */
	FIND_OTHER_SHARD,  /* an image of another shard */
	FIND_NO_ROW,       /* --retry: an image that has no row yet; set by resume_batch() */
	FIND_UNREADABLE,   /* a folder that cannot be read completely */
	FIND_MISSING,      /* a name on the command line that leads to nothing */
	FIND_REASON_COUNT
};

struct find_request {
	struct bs_relations *relations; /* gets the relations in the folders of all images */
	char *const *arguments;         /* files, folders, devices, URIs */
	int count;
	bool follow; /* symbolic links in folders; arguments are always followed */
	struct find_patterns include, exclude; /* no pattern in `include`: all files */
	uint32_t shard, shards;                /* `shard` is from 1 to `shards` */
	/*
	 * Called for each file or folder that is left out although the user may expect it in the
	 * batch: an unreadable folder, a name that leads to nothing, or a file that has the name of
	 * an image or of an archive, but is not an image.  May be NULL.
	 */
	void (*unexpected)(void *context, const char *path, enum find_reason reason,
			   const struct bs_error *error);
	/*
	 * Called for each folder of the command line without an image, unless the folder was
	 * reported as unreadable or is another name of one before.  `left_out`: what was left out in
	 * the folder.  May be NULL.
	 */
	void (*barren)(void *context, const char *folder,
		       const uint64_t left_out[FIND_REASON_COUNT]);
	void *context;
};

struct find_image {
	char *path;              /* as found */
	char *location;          /* see location.h */
	char *file;              /* the path of the file with the image's bytes; NULL: not a file */
	char *undo_directory;    /* of the undo file; NULL: that of the options */
	uint64_t size, modified; /* of that file when it was found; see row_stat() */
	bool was_there;          /* the file existed: `size` and `modified` are valid */
	bool has_row;            /* of an earlier run */
	bool done;               /* by an earlier run; see find_drop_done() */
};

struct find_result {
	struct find_image *images;
	size_t count;
	size_t candidates; /* images of all shards, and files that are the data of other images */
	bool include_used[FIND_PATTERNS_MAX], exclude_used[FIND_PATTERNS_MAX]; /* matched a path */
	uint64_t left_out[FIND_REASON_COUNT];
};

/*
 * The caller frees *result with find_free() in every case.  Errors: BS_NO_MEMORY; BS_INTERRUPTED if
 * a signal that asks to stop is pending (signals.h); *result has no images then.
 */
MUST_CHECK int find_images(const struct find_request *request, struct find_result *result,
			   struct bs_error *err);

/* Removes the images that are done. */
void find_drop_done(struct find_result *result);

/* Frees the members of an image, not the struct itself. */
void find_free_image(struct find_image *image);

void find_free(struct find_result *result);

#endif
