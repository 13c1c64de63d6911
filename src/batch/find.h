/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the images of a batch: those that are named, and those in the folders that are named.
 *
 * What always holds: the order is that of the command line, and within a folder bytewise by path.
 * The same file under several names is an image once, under the first of them.  What is in a folder
 * is an image by its content (bs_recognise()), never by its name alone; what is named is one in any
 * case.  Nothing but files is opened.  Kept in memory are the paths of the images.
 */
#ifndef BOOTSHIFT_BATCH_FIND_H
#define BOOTSHIFT_BATCH_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define FIND_PATTERNS_MAX 64

/* Shell patterns (fnmatch(3)) for paths below a named folder; a `*` stands for slashes, too. */
struct find_patterns {
	const char *text[FIND_PATTERNS_MAX]; /* borrowed */
	size_t count;
};

/* Why something in a folder is not an image of the batch. */
enum find_reason {
	FIND_NOT_AN_IMAGE, /* a file, also an empty one, with other content */
	FIND_EXCLUDED,     /* by the patterns */
	FIND_OURS,         /* undo files and lock files */
	FIND_HALF_COPIED,  /* temporary files of programs that copy, by their names */
	FIND_DATA_FILE,    /* of an image that is described in another file */
	FIND_OTHER_NAME,   /* of an image that is in the batch, or of a folder that was walked */
	FIND_LINK,         /* a symbolic link that is not followed, or leads nowhere */
	FIND_NOT_A_FILE,   /* a device, a pipe, a socket */
	FIND_OTHER_SHARD,  /* an image that another part of the batch looks after */
	FIND_UNREADABLE,   /* a folder that cannot be read, or not to its end */
	FIND_REASON_COUNT
};

struct find_request {
	struct bs_relations *relations; /* gets what the folders of all images tell */
	char *const *arguments;         /* files, folders, devices, URIs */
	int count;
	bool follow; /* symbolic links in folders; those that are named are always followed */
	struct find_patterns include, exclude; /* no pattern to include: all */
	uint32_t shard, shards;                /* 1 to shards, of 1 and up */
	/*
	 * Told of what was left out though it may have been meant: unreadable folders, and what has
	 * the name of an image but is none.
	 */
	void (*tell)(void *context, const char *path, enum find_reason reason,
		     const struct bs_error *error);
	void *context;
};

struct find_image {
	char *path;              /* as found */
	char *location;          /* see location.h */
	char *file;              /* with the image's bytes, where it is one; else NULL */
	uint64_t size, modified; /* of that file when it was found; see row_look() */
	bool was_there;          /* whether the two hold */
};

struct find_result {
	struct find_image *images;
	size_t count;
	uint64_t left_out[FIND_REASON_COUNT];
};

/*
 * Freed with find_free() in every case.  Errors: BS_NO_MEMORY; BS_INTERRUPTED, when a signal is
 * held that asks to stop, and nothing is found then.
 */
MUST_CHECK int find_images(const struct find_request *request, struct find_result *result,
			   struct bs_error *err);

/* Takes off those images for which `done`, an array as long as theirs, says so. */
void find_drop(struct find_result *result, const bool *done);

/* What an image consists of, not the struct itself. */
void find_free_image(struct find_image *image);

void find_free(struct find_result *result);

#endif
