/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets, removes and reads the attribute with the path of the undo file; see hint.h. */
#include "transaction/hint.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "transaction/place.h"

void hint_set(const struct target *image, const char *undo_file)
{
	for (size_t i = 0; i < image->parts.count; i++)
		hint_set(image->parts.items[i], undo_file);
	if (image->kind == TARGET_FILE && image->parts.count == 0)
		(void)!image->io->fsetxattr(image->descriptor, HINT_ATTRIBUTE, undo_file,
					    strlen(undo_file), 0);
}

void hint_remove(const struct target *image)
{
	for (size_t i = 0; i < image->parts.count; i++)
		hint_remove(image->parts.items[i]);
	if (image->kind == TARGET_FILE && image->parts.count == 0)
		(void)!image->io->fremovexattr(image->descriptor, HINT_ATTRIBUTE);
}

char *hint_read(const struct target *target)
{
	char *value;
	ssize_t length;

	if (target->kind != TARGET_FILE)
		return NULL;
	if (target->parts.count > 0)
		return hint_read(target->parts.items[0]);
	value = calloc(1, PATH_MAX);
	if (!value)
		return NULL;
	/* A longer value fails: no path is longer. */
	length = fgetxattr(target->descriptor, HINT_ATTRIBUTE, value, PATH_MAX - 1);
	if (length >= 0 && strlen(value) == (size_t)length && place_is_undo_file(value))
		return value;
	free(value);
	return NULL;
}
