/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/container.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/image.h"
#include "transaction/commit.h"

/* Changed bytes that are kept in memory; more goes to a temporary file. */
#define OVERLAY_MEMORY (32u << 20)

/*
 * Finds out before any work whether the image can be changed at the end of it.  A file that
 * nobody may write to is left alone even by root, whom the kernel would let: its owner means it.
 */
static int check_writable(const struct container *container, struct bs_error *err)
{
	if ((container->status.st_mode & 0222) == 0)
		return fail(err, BS_READ_ONLY, "the file is marked read-only");
	if (faccessat(AT_FDCWD, container->path, W_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS)
		return fail(err, BS_READ_ONLY, "the file system is read-only");
	return fail_errno(err, BS_NO_PERMISSION, "the file cannot be written");
}

int container_open_file(struct container *container, const char *path, struct bs_error *err)
{
	*container = (struct container){.path = path, .descriptor = -1};
	return image_open(path, &container->descriptor, &container->status, err);
}

static int recover(struct container *container, const struct bs_options *options,
		   enum lock_purpose purpose, bool *recovered, struct bs_error *err)
{
	enum transaction_state state;

	if (transaction_state(container->path, options->undo_directory, &state, err) < 0)
		return -1;
	if (purpose == LOCK_FOR_READING)
		return state != TRANSACTION_INTERRUPTED
			       ? 0
			       : fail(err, BS_RECOVERY_REQUIRED,
				      "an earlier command was interrupted while it changed the "
				      "image");
	if (transaction_recover(container->path, options->undo_directory, NULL, recovered, err) < 0)
		return -1;
	/* What was recovered may have another length and certainly has other times. */
	if (!*recovered)
		return 0;
	close(container->descriptor);
	container->descriptor = -1;
	return image_open(container->path, &container->descriptor, &container->status, err);
}

int container_lock(struct container *container, const char *path, const struct bs_options *options,
		   enum lock_purpose purpose, bool *recovered, struct bs_error *err)
{
	*recovered = false;
	if (container_open_file(container, path, err) < 0)
		return -1;
	if (purpose == LOCK_FOR_CHANGING && check_writable(container, err) < 0)
		return -1;
	container->lock = lock_image(path, options->undo_directory, purpose, err);
	if (container->lock == NULL)
		return -1;
	return recover(container, options, purpose, recovered, err);
}

int container_open_disk(struct container *container, const struct bs_options *options,
			struct bs_error *err)
{
	container->file = file_open(container->descriptor, err);
	if (container->file == NULL)
		return -1;
	container->overlay =
		overlay_open(container->file, OVERLAY_MEMORY, options->undo_directory, err);
	if (container->overlay == NULL)
		return -1;
	return format_open(overlay_disk(container->overlay), options->format, &container->format,
			   err);
}

void container_close(struct container *container)
{
	disk_close(container->format.disk);
	if (container->overlay != NULL)
		disk_close(overlay_disk(container->overlay));
	disk_close(container->file);
	if (container->descriptor >= 0)
		close(container->descriptor);
	lock_release(container->lock);
	*container = (struct container){.descriptor = -1};
}
