/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "disk/file.h"
#include "util/bytes.h"
#include "util/path.h"
#include "util/trust.h"

/*
 * Checks an open file that the VMDK names: `path` may have led elsewhere when the file was
 * opened.
 */
static int parts_check_named(const struct target *vmdk, const struct target *named,
			     const char *path, mode_t access, struct bs_error *err)
{
	struct stat vmdk_status, status;

	if (!file_has_name(named->descriptor, path))
		return fail(err, BS_CHANGED_MEANWHILE, "was replaced by another file");
	if (fstat(vmdk->descriptor, &vmdk_status) < 0 || fstat(named->descriptor, &status) < 0)
		return fail_errno(err, BS_IO, "cannot be looked at");
	if (!trust_owner_may(&vmdk_status, &status, access))
		return fail(err, BS_NOT_TRUSTED,
			    "belongs to another user, and the owner of the descriptor file may not "
			    "%s it",
			    access == S_IWOTH ? "write to" : "read");
	return 0;
}

/* A link could lead to a file that nobody wants to change, and opening a device can have effects. */
struct target *parts_open_named(const struct target *vmdk, const char *name, mode_t access,
				struct bs_error *err)
{
	char *path = path_beside(vmdk->name, name);
	struct target *named = NULL;
	struct stat status;

	if (!path)
		fail_memory(err);
	else if (lstat(path, &status) < 0)
		fail_system(err, "cannot be found");
	else if (!S_ISREG(status.st_mode))
		fail(err, BS_FORMAT_UNSUPPORTED, "is a link or a device, not a file");
	else
		named = target_open(path, err);
	if (named && parts_check_named(vmdk, named, path, access, err) < 0) {
		target_close(named);
		named = NULL;
	}
	free(path);
	if (!named)
		fail_prefix(err, "the disk %s that it describes", name);
	return named;
}

/* Two names may lead to one file. */
static int parts_check_once(const struct target *set, const struct target *part,
			    struct bs_error *err)
{
	for (size_t i = 0; i <= set->parts.count; i++) {
		const struct target *other = i > 0 ? set->parts.items[i - 1] : set;

		if (target_is_same(other, part))
			return fail(err, BS_CONTAINER_CORRUPT, "the disk is in %s twice",
				    path_name(part->name));
	}
	return 0;
}

static int parts_check_length(const struct target *set, const struct target *part,
			      const struct vmdk_extent *extent, uint64_t room, struct bs_error *err)
{
	uint64_t length = part->status.length;
	bool can_grow = vmdk_extent_is_sparse(extent);

	if (can_grow ? length >= room : length != room)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "%s has %" PRIu64 " bytes, and should have %s%" PRIu64, extent->name,
			    length, can_grow ? "less than " : "", room);
	return parts_check_once(set, part, err);
}

int parts_open(struct target *target, const struct vmdk_extents *extents, mode_t access,
	       struct bs_error *err)
{
	int result = 0;

	for (size_t i = 0; i < extents->count && result == 0; i++) {
		const struct vmdk_extent *extent = &extents->items[i];
		struct target *part = parts_open_named(target, extent->name, access, err);
		uint64_t room = vmdk_extent_room(extent);

		/* A single flat file may be longer. */
		if (part && extents->count == 1 && !vmdk_extent_is_sparse(extent))
			room = max_u64(room, part->status.length);
		if (part && parts_check_length(target, part, extent, room, err) < 0) {
			target_close(part);
			part = NULL;
		}
		result = target_add_part(target, part, room, err);
	}
	return result < 0 ? -1 : target_join(target, err);
}
