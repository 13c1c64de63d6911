/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks where an undo file may be; see undo-search.h. */
#include "transaction/undo-search.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "transaction/hint.h"
#include "transaction/place.h"
#include "transaction/state.h"
#include "util/path.h"

#define NAMES_MAX 10000 /* looked at in one folder */

enum undo_likeness {
	UNLIKE,
	SAME_NAME,  /* the image may have been copied here */
	SAME_INODE, /* the image was renamed or moved, or the undo file was */
};

static enum undo_likeness undo_compare(const struct target *target, const char *path)
{
	struct journal_file *journal;
	struct bs_error ignored;
	enum undo_likeness likeness = UNLIKE;
	enum transaction_state state;

	if (journal_file_open(path, &journal, &ignored) < 0 || !journal)
		return UNLIKE;
	state = state_of(journal);
	if (state == TRANSACTION_APPLIED || state == TRANSACTION_INTERRUPTED) {
		if (journal->header.inode == target->status.inode)
			likeness = SAME_INODE;
		else if (strcmp(journal->header.image_name, path_name(target->name)) == 0)
			likeness = SAME_NAME;
	}
	journal_file_close(journal);
	return likeness;
}

bool undo_search_is_own(const struct target *target, const char *undo_file)
{
	return undo_compare(target, undo_file) == SAME_INODE;
}

/* Keeps the path in *found if it is more like the undo file of the image than what is there. */
static void undo_consider(const struct target *target, char *path, char **found,
			  enum undo_likeness *best)
{
	enum undo_likeness likeness = undo_compare(target, path);

	if (likeness > *best) {
		*best = likeness;
		free(*found);
		*found = path;
	} else {
		free(path);
	}
}

static void undo_search_folder(const struct target *target, const char *folder, char **found,
			       enum undo_likeness *best)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	for (int i = 0; directory && *best < SAME_INODE && i < NAMES_MAX; i++) {
		char *path;

		entry = readdir(directory);
		if (!entry)
			break;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			continue;
		if (place_is_undo_file(path))
			undo_consider(target, path, found, best);
		else
			free(path);
	}
	if (directory)
		closedir(directory);
}

void undo_search(const struct target *target, const char *folder, struct undo_search *search)
{
	enum undo_likeness best = UNLIKE;
	struct stat status;
	char *own;

	*search = (struct undo_search){.hint = hint_read(target)};
	if (search->hint && lstat(search->hint, &status) == 0 && S_ISREG(status.st_mode)) {
		search->found = search->hint;
		return;
	}
	if (target->kind != TARGET_FILE)
		return;
	own = path_folder(target->name);
	undo_search_folder(target, folder, &search->found, &best);
	if (own && strcmp(own, folder) != 0)
		undo_search_folder(target, own, &search->found, &best);
	free(own);
}

void undo_search_free(struct undo_search *search)
{
	if (search->found != search->hint)
		free(search->found);
	free(search->hint);
	*search = (struct undo_search){0};
}
