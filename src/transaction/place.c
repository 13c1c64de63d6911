/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the names of a transaction's files; see place.h. */
#include "transaction/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transaction/io.h"
#include "transaction/journal.h"

const char *place_image_name(const struct place *place)
{
	return strrchr(place->image, '/') + 1; /* a real path is absolute */
}

/* The common beginning of the three names; the caller frees it. */
static char *name_stem(const struct place *place, const char *undo_directory)
{
	uint8_t hash[JOURNAL_HASH_SIZE];
	char *stem;

	if (!undo_directory)
		return strdup(place->image);
	journal_hash((const uint8_t *)place->image, strlen(place->image), hash);
	if (asprintf(&stem, "%s/%s-%02x%02x%02x%02x", place->folder, place_image_name(place),
		     hash[0], hash[1], hash[2], hash[3]) < 0)
		return NULL;
	return stem;
}

/* stem + suffix, or NULL; the caller frees it. */
static char *join(const char *stem, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", stem, suffix) < 0 ? NULL : name;
}

static char *folder_of(const char *path)
{
	size_t length = (size_t)(strrchr(path, '/') - path);

	return strndup(path, length > 0 ? length : 1);
}

int place_find(const char *image, const char *undo_directory, struct place *place,
	       struct bs_error *err)
{
	char *stem = NULL;
	int result = -1;

	memset(place, 0, sizeof(*place));
	place->image = realpath(image, NULL);
	if (!place->image) {
		fail_errno(err, transaction_code(errno), "cannot find the image");
		goto out;
	}
	place->folder = undo_directory ? realpath(undo_directory, NULL) : folder_of(place->image);
	if (!place->folder) {
		fail_errno(err, transaction_code(errno), "cannot find the folder of the undo file");
		goto out;
	}
	stem = name_stem(place, undo_directory);
	if (stem) {
		place->journal = join(stem, ".bootshift-undo");
		place->temporary = join(stem, ".bootshift-undo.tmp");
		place->lock = join(stem, ".bootshift-lock");
	}
	if (!place->journal || !place->temporary || !place->lock) {
		fail(err, BS_NO_MEMORY, "out of memory");
		goto out;
	}
	result = 0;
out:
	free(stem);
	return result;
}

void place_free(struct place *place)
{
	free(place->image);
	free(place->folder);
	free(place->journal);
	free(place->temporary);
	free(place->lock);
	memset(place, 0, sizeof(*place));
}
