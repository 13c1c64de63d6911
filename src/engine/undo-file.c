/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an undo file says of itself, and whether its image still is as the fix left it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/container.h"
#include "format/vmdk.h"
#include "transaction/state.h"
#include "util/clock.h"
#include "util/path.h"

/* Sets what the files of the image have together, if the image is in several files. */
static void undo_file_look_at_parts(const char *image, uint64_t *length, uint64_t *modified)
{
	const struct bs_options options = {0};
	struct container container;
	struct bs_error ignored;

	if (container_open_target(&container, image, &options, &ignored) == 0 &&
	    container.target->parts.count > 0) {
		*length = container.target->status.length;
		*modified = clock_nanoseconds(&container.target->status.modified);
	}
	container_close(&container);
}

/*
 * The image lies beside its undo file, and has its name without the suffix.  Only the length and the
 * time of change are compared, which takes no time for an image of any size.
 */
static enum bs_image_state undo_file_compare(const struct journal_file *journal, const char *image)
{
	uint64_t length, modified;
	struct stat status;

	if (stat(image, &status) < 0 || !S_ISREG(status.st_mode))
		return BS_IMAGE_NOT_BESIDE;
	if (journal->image_modified == 0)
		return BS_IMAGE_UNKNOWN;
	length = (uint64_t)status.st_size;
	modified = clock_nanoseconds(&status.st_mtim);
	/* A file so short may describe a disk in several files. */
	if (length <= VMDK_DESCRIPTOR_MAX)
		undo_file_look_at_parts(image, &length, &modified);
	return length == journal->header.new_length && modified == journal->image_modified
		       ? BS_IMAGE_AS_LEFT
		       : BS_IMAGE_WRITTEN_TO;
}

static int undo_file_describe(const char *path, const struct journal_file *journal,
			      struct bs_undo_file *file, struct bs_error *err)
{
	char *image = strdup(path);

	if (!image)
		return fail_memory(err);
	image[strlen(path) - strlen(BS_UNDO_SUFFIX)] = '\0';
	file->fixed_at = journal->header.created;
	file->size = journal->header.journal_size;
	snprintf(file->fixed_by, sizeof(file->fixed_by), "%.31s", journal->header.tool_version);
	snprintf(file->image_name, sizeof(file->image_name), "%.255s", journal->header.image_name);
	file->interrupted = state_of(journal) == TRANSACTION_INTERRUPTED;
	file->obsolete = state_of(journal) == TRANSACTION_DONE;
	file->image = undo_file_compare(journal, image);
	free(image);
	return 0;
}

enum bs_exit bs_look_at_undo_file(const char *path, struct bs_undo_file *file, struct bs_error *err)
{
	struct journal_file *journal = NULL;
	size_t length = strlen(path);
	int result = -1;

	*file = (struct bs_undo_file){0};
	if (length <= strlen(BS_UNDO_SUFFIX) ||
	    strcmp(path + length - strlen(BS_UNDO_SUFFIX), BS_UNDO_SUFFIX) != 0)
		fail(err, BS_USAGE, "its name does not end with " BS_UNDO_SUFFIX);
	else if (journal_file_open(path, &journal, err) == 0)
		result = journal ? undo_file_describe(path, journal, file, err)
				 : fail(err, BS_NOT_FOUND, "does not exist");
	journal_file_close(journal);
	return result == 0 ? BS_EXIT_DONE : bs_code_exit(err->code);
}
