/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls the kind of a target, and does what only files can do; see target.h. */
#include "transaction/target.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "disk/block-device.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/path.h"
#include "util/size.h"

#define SIGNPOST_MAX 65536 /* bytes; the longest value that Linux knows (XATTR_SIZE_MAX) */

static const struct target_operations *const target_kinds[] = {
	[TARGET_FILE] = &target_file_operations,
	[TARGET_DEVICE] = &target_file_operations,
	[TARGET_NBD] = &target_nbd_operations,
};

static const struct target_operations *target_operations(const struct target *target)
{
	return target->parts.count > 0 ? &target_set_operations : target_kinds[target->kind];
}

/* ---- opening and closing -------------------------------------------------------------------- */

/* An NBD URI: "nbd", maybe more of a scheme ("s", "+unix", "+vsock"), and "://". */
bool target_is_uri(const char *image)
{
	size_t scheme = strspn(image, "abcdefghijklmnopqrstuvwxyz+");

	return strncmp(image, "nbd", 3) == 0 && strncmp(image + scheme, "://", 3) == 0;
}

/* Returns a group of fanotify(7) that reports writes to the file, or to any part, or -1. */
static int target_open_watch(const struct target *target)
{
	size_t count = target->parts.count > 0 ? target->parts.count : 1;
	/* Only with FAN_REPORT_FID may users other than root ask for events. */
	int watch = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID,
				  O_RDONLY);
	bool marked = watch >= 0;

	for (size_t i = 0; i < count && marked; i++) {
		const struct target *file =
			target->parts.count > 0 ? target->parts.items[i] : target;

		marked =
			fanotify_mark(watch, FAN_MARK_ADD, FAN_MODIFY, file->descriptor, NULL) == 0;
	}
	if (marked || watch < 0)
		return watch;
	close(watch);
	return -1;
}

static struct target *target_make(enum target_kind kind, const char *image,
				  enum target_access access, const struct transaction_io *io,
				  struct bs_error *err)
{
	struct target *target = calloc(1, sizeof(*target));

	if (!target) {
		fail_memory(err);
		return NULL;
	}
	*target = (struct target){.kind = kind, .io = io, .descriptor = -1, .watch = -1};
	if (target_operations(target)->open(target, image, access, err) < 0)
		goto out;
	if (target_look(target, &target->status, err) < 0)
		goto out;
	target->modified = target->status.modified;
	return target;
out:
	target_close(target);
	return NULL;
}

struct target *target_open(const char *image, struct bs_error *err)
{
	return target_make(target_is_uri(image) ? TARGET_NBD : TARGET_FILE, image, TARGET_READ,
			   &transaction_real_io, err);
}

bool target_is_same(const struct target *one, const struct target *other)
{
	return one->status.device == other->status.device &&
	       one->status.inode == other->status.inode;
}

/* A file that replaced a part is another image, whatever its name is. */
static bool target_is_same_part(const struct target *part, const struct target *again)
{
	const struct target_status *then = &part->status, *now = &again->status;
	bool can_grow = part->room > then->length;

	return target_is_same(part, again) &&
	       (can_grow ? now->length <= part->room : now->length == then->length);
}

static struct target *target_reopen_part(const struct target *set, const struct target *part,
					 enum target_access access, struct bs_error *err)
{
	struct target *again = target_make(part->kind, part->name, access, set->io, err);

	if (again && !target_is_same_part(part, again)) {
		fail(err, BS_CHANGED_MEANWHILE, "the file %s was replaced by another one",
		     part->name);
		target_close(again);
		return NULL;
	}
	return again;
}

/* The descriptor file is only read. */
static struct target *target_reopen_set(const struct target *target, enum target_access access,
					struct bs_error *err)
{
	struct target *again =
		target_make(target->kind, target->name, TARGET_READ, target->io, err);
	int result = again ? 0 : -1;

	for (size_t i = 0; i < target->parts.count && result == 0; i++)
		result = target_add_part(
			again, target_reopen_part(target, target->parts.items[i], access, err),
			target->parts.items[i]->room, err);
	if (result == 0 && target_join(again, err) == 0)
		return again;
	target_close(again);
	return NULL;
}

struct target *target_reopen(const struct target *target, enum target_access access,
			     struct bs_error *err)
{
	struct target *again = target->parts.count > 0 ? target_reopen_set(target, access, err)
						       : target_make(target->kind, target->name,
								     access, target->io, err);

	if (again && access == TARGET_WRITE && again->kind == TARGET_FILE)
		again->watch = target_open_watch(again);
	return again;
}

void target_close(struct target *target)
{
	if (!target)
		return;
	target_operations(target)->close(target);
	for (size_t i = 0; i < target->parts.count; i++)
		target_close(target->parts.items[i]);
	target_parts_free(&target->parts);
	free(target->joined);
	if (target->watch >= 0)
		close(target->watch);
	free(target->name);
	free(target);
}

int target_look(const struct target *target, struct target_status *status, struct bs_error *err)
{
	return target_operations(target)->look(target, status, err);
}

int target_check_writable(const struct target *target, struct bs_error *err)
{
	return target_operations(target)->check_writable(target, err);
}

/* Besides the image: what a journal, a folder and an attribute take for a moment. */
#define OTHER_DESCRIPTORS 8u

int target_check_descriptors(const struct target *target, struct bs_error *err)
{
	size_t wanted = target->parts.count + OTHER_DESCRIPTORS, count = 0;
	int *taken, result = 0;

	if (target->descriptor < 0)
		return 0;
	taken = calloc(wanted, sizeof(*taken));
	if (!taken)
		return fail_memory(err);
	while (count < wanted && result == 0) {
		taken[count] = fcntl(target->descriptor, F_DUPFD_CLOEXEC, 0);
		if (taken[count] < 0)
			result = fail_system(err, "the image cannot be opened as often as needed");
		else
			count++;
	}
	while (count > 0)
		close(taken[--count]);
	free(taken);
	return result;
}

char *target_identity(const struct target *target)
{
	char *name, *identity = NULL;

	if (target->kind == TARGET_FILE)
		return strdup(target->name);
	name = target->kind == TARGET_DEVICE ? block_device_name(target->status.device)
					     : strdup(target->name);
	if (name &&
	    asprintf(&identity, "%s %llu", name, (unsigned long long)target->status.length) < 0)
		identity = NULL;
	free(name);
	return identity;
}

/* ---- whether others write ------------------------------------------------------------------- */

/* The time of change must still be that of our own last change. */
static void target_check_time(struct target *target)
{
	struct target_status now;
	struct bs_error ignored;

	if (target->kind == TARGET_FILE &&
	    (target_look(target, &now, &ignored) < 0 ||
	     clock_nanoseconds(&now.modified) != clock_nanoseconds(&target->modified)))
		target->disturbed = true;
}

void target_begin_changes(struct target *target)
{
	if (target->changes++ == 0)
		target_check_time(target);
}

void target_end_changes(struct target *target)
{
	struct target_status now;
	struct bs_error ignored;

	if (--target->changes == 0 && target->kind == TARGET_FILE &&
	    target_look(target, &now, &ignored) == 0)
		target->modified = now.modified;
}

/* Called before each change of ours. */
static void target_begin_change(struct target *target)
{
	assert(!target->sync_failed);
	target->changed = target->unsynced = true;
	target_begin_changes(target);
}

/* Called after each change of ours, also after a failed one.  Returns `result`. */
static int target_end_change(struct target *target, int result)
{
	target_end_changes(target);
	return result;
}

/* The length of an event is not always a multiple of 8 bytes, so the next one must be copied. */
static bool target_has_foreign_event(const char *events, size_t length)
{
	struct fanotify_event_metadata event;

	for (; length >= sizeof(event); events += event.event_len, length -= event.event_len) {
		memcpy(&event, events, sizeof(event));
		if (event.event_len < sizeof(event) || event.event_len > length ||
		    (event.mask & FAN_Q_OVERFLOW) || event.pid != getpid())
			return true;
	}
	return false;
}

/* Whether another process has written since the last call, or events were lost. */
static bool target_saw_others(const struct target *target)
{
	char events[4096];
	ssize_t length;

	/* Ends: the kernel merges the waiting events of one process. */
	while (target->watch >= 0 && (length = read(target->watch, events, sizeof(events))) > 0)
		if (target_has_foreign_event(events, (size_t)length))
			return true;
	return false;
}

bool target_is_disturbed(struct target *target)
{
	target_check_time(target);
	target->disturbed |= target_saw_others(target);
	for (size_t i = 0; i < target->parts.count; i++)
		target->disturbed |= target_is_disturbed(target->parts.items[i]);
	return target->disturbed;
}

/* ---- changing it ---------------------------------------------------------------------------- */

/* Adds the folder to an error about room, so that the user knows where to make it. */
static int target_fail_room(const struct target *target, struct bs_error *err)
{
	char *folder;

	if (err->code != BS_NO_SPACE || target->kind != TARGET_FILE)
		return -1;
	folder = path_folder(target->name);
	if (folder)
		fail_prefix(err, "no room in %s", folder);
	free(folder);
	return -1;
}

/* A file and a device are written through the table of system calls, an export through its disk. */

int target_write(struct target *target, uint64_t offset, const void *bytes, size_t length,
		 struct bs_error *err)
{
	int result;

	target_begin_change(target);
	if (target->parts.count > 0)
		result = set_write(target, offset, bytes, length, err);
	else if (target->kind == TARGET_NBD)
		result = disk_write(target->disk, offset, bytes, length, err);
	else
		result = transaction_write(target->io, target->descriptor, offset, bytes, length,
					   TARGET_WHAT, err);
	if (result < 0 && target->parts.count == 0)
		target_fail_room(target, err);
	return target_end_change(target, result);
}

int target_sync(struct target *target, struct bs_error *err)
{
	int result;

	assert(!target->sync_failed);
	if (target->parts.count > 0)
		result = set_sync(target, err);
	else if (target->kind == TARGET_NBD)
		result = disk_flush(target->disk, err);
	else
		result = transaction_sync(target->io, target->descriptor, TARGET_WHAT, err);
	target->sync_failed = result < 0;
	target->unsynced &= result < 0;
	return result;
}

int target_seek(const struct target *target, uint64_t position, int whence, uint64_t *found,
		struct bs_error *err)
{
	off_t offset = -1;

	if (target->parts.count > 0)
		return set_seek(target, position, whence, found, err);
	errno = EINVAL; /* also what lseek() reports where holes are not known: all is data */
	if (target->kind == TARGET_FILE)
		offset = lseek(target->descriptor, (off_t)position, whence);
	if (offset >= 0)
		*found = (uint64_t)offset;
	else if (errno == ENXIO || (errno == EINVAL && whence == SEEK_HOLE))
		*found = disk_size(target->disk);
	else if (errno == EINVAL)
		*found = position;
	else
		return fail_errno(err, BS_IO, "cannot look for holes in " TARGET_WHAT);
	return 0;
}

static bool target_lacks(int number)
{
	return number == EOPNOTSUPP || number == ENOSYS;
}

/* Calls fallocate().  *done is false, and nothing has changed, where that is not possible. */
static int target_allocate(struct target *target, int mode, uint64_t offset, uint64_t length,
			   bool *done, struct bs_error *err)
{
	int result = 0;

	*done = false;
	if (target->kind != TARGET_FILE)
		return 0;
	target_begin_change(target);
	if (target->parts.count > 0)
		return target_end_change(target,
					 set_allocate(target, mode & FALLOC_FL_PUNCH_HOLE,
						      (struct range){offset, length}, done, err));
	*done = target->io->fallocate(target->descriptor, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset,
				      (off_t)length) == 0;
	if (!*done && !target_lacks(errno)) {
		fail_system(err, mode & FALLOC_FL_PUNCH_HOLE
					 ? "cannot punch a hole into " TARGET_WHAT
					 : "cannot reserve room for " TARGET_WHAT);
		result = target_fail_room(target, err);
	}
	return target_end_change(target, result);
}

int target_reserve(struct target *target, uint64_t offset, uint64_t length, struct bs_error *err)
{
	bool ignored;

	return target_allocate(target, 0, offset, length, &ignored, err);
}

int target_punch(struct target *target, uint64_t offset, uint64_t length, bool *punched,
		 struct bs_error *err)
{
	return target_allocate(target, FALLOC_FL_PUNCH_HOLE, offset, length, punched, err);
}

int target_check_room(const struct target *target, uint64_t growth, struct bs_error *err)
{
	if (target->kind != TARGET_FILE || growth <= io_free_space(target->descriptor))
		return 0;
	fail(err, BS_NO_SPACE, TARGET_WHAT " needs %s (%llu bytes) more", size_format(growth).text,
	     (unsigned long long)growth);
	return target_fail_room(target, err);
}

bool target_has_fixed_length(const struct target *target)
{
	return target->kind != TARGET_FILE || target->parts.count > 0;
}

struct target_span target_file_at(const struct target *target, uint64_t offset)
{
	if (target->parts.count > 0)
		return set_file_at(target, offset);
	return (struct target_span){.end = target->status.length, .room_end = INT64_MAX};
}

int target_set_end(struct target *target, uint64_t end, struct bs_error *err)
{
	int result;

	target_begin_change(target);
	if (target->parts.count > 0)
		return target_end_change(target, set_cut(target, end, err));
	result = target->io->ftruncate(target->descriptor, (off_t)end);
	if (result == 0)
		target->status.length = end;
	else
		fail_system(err, "cannot set the length of " TARGET_WHAT);
	return target_end_change(target, result);
}

/* ---- the signpost --------------------------------------------------------------------------- */

/*
 * A missing signpost is no reason to refuse a fix: without it the user only has to remember
 * --undo-dir.  EPERM and EACCES: the file can be written, but its attributes cannot.
 */
static bool target_has_no_signposts(int number)
{
	return target_lacks(number) || number == ENOSPC || number == EDQUOT || number == E2BIG ||
	       number == EPERM || number == EACCES;
}

int target_set_signpost(struct target *target, const char *journal, struct bs_error *err)
{
	bool set = target->kind == TARGET_FILE && target->parts.count == 0;

	target->changed = true;
	if (set_put_signpost(target, journal, err) < 0)
		return -1;
	if (set && target->io->fsetxattr(target->descriptor, TARGET_SIGNPOST, journal,
					 strlen(journal), 0) < 0) {
		if (!target_has_no_signposts(errno))
			return fail_system(err, "cannot set the attribute " TARGET_SIGNPOST
						" of " TARGET_WHAT);
		set = false;
	}
	if (set && target_sync(target, err) < 0)
		return -1;
	target->signpost = SIGNPOST_UP;
	return 0;
}

/* A signpost means that the image may be half written, so a failed removal is an error. */
int target_remove_signpost(struct target *target, struct bs_error *err)
{
	bool removed = target->kind == TARGET_FILE && target->parts.count == 0;

	target->changed = true;
	if (set_take_signpost(target, err) < 0)
		return -1;
	if (removed && target->io->fremovexattr(target->descriptor, TARGET_SIGNPOST) < 0) {
		if (errno != ENODATA && !target_lacks(errno))
			return fail_system(err, "cannot remove the attribute " TARGET_SIGNPOST
						" of " TARGET_WHAT);
		removed = false;
	}
	if (removed && target_sync(target, err) < 0)
		return -1;
	target->signpost = SIGNPOST_DOWN;
	return 0;
}

int target_read_signpost(const struct target *target, char **journal, struct bs_error *err)
{
	char *value;

	*journal = NULL;
	if (target->parts.count > 0)
		return set_read_signpost(target, journal, err);
	if (target->kind != TARGET_FILE)
		return 0;
	value = calloc(1, SIGNPOST_MAX + 1);
	if (!value)
		return fail_memory(err);
	if (fgetxattr(target->descriptor, TARGET_SIGNPOST, value, SIGNPOST_MAX) >= 0) {
		*journal = value;
		return 0;
	}
	free(value);
	if (errno == ENODATA || target_lacks(errno))
		return 0;
	return fail_errno(err, BS_IO,
			  "cannot read the attribute " TARGET_SIGNPOST " of " TARGET_WHAT);
}
