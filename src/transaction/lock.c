/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QEMU announces what it does with an image by shared locks on single bytes of the image: byte
 * 100 + p when it uses permission p, byte 200 + p when it does not let others use it.  Then it
 * checks whether another process holds a byte that conflicts with these (block/file-posix.c,
 * raw_apply_lock_bytes() and raw_check_lock_bytes(); the numbers are RAW_LOCK_PERM_BASE,
 * RAW_LOCK_SHARED_BASE, BLK_PERM_*).  All locks are shared, so a read-only descriptor can take
 * them.  Each side locks before it checks: two that come at the same time may both give up, but
 * never both go on.
 *
 * Between several bootshifts the lock file decides who comes first: it is locked before the bytes.
 */
#include "transaction/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/block-device.h"
#include "disk/file.h"
#include "disk/holder.h"
#include "util/trust.h"

#define USED_BASE       100
#define NOT_SHARED_BASE 200

/* A reader locks the lock file for a moment, to see whether that is possible. */
#define READER_TURNS 20
#define READER_PAUSE 25000 /* microseconds */

#define DEVICE_TURNS 20
#define DEVICE_PAUSE 100000 /* microseconds */

enum permission {
	CONSISTENT_READ = 1 << 0,
	WRITE = 1 << 1,
	WRITE_UNCHANGED = 1 << 2,
	RESIZE = 1 << 3,
	PERMISSION_COUNT = 4,
};

struct image_lock {
	char *path;  /* of the lock file */
	int file;    /* the lock file; -1 when reading */
	int *images; /* descriptors that hold the locks on the files of the image */
	size_t image_count;
};

/* The permissions that each purpose uses, and those that it does not let others use. */
static const struct {
	unsigned used, not_shared;
} lock_permissions[] = {
	[LOCK_FOR_READING] = {CONSISTENT_READ, WRITE | RESIZE},
	[LOCK_FOR_CHANGING] = {CONSISTENT_READ | WRITE | RESIZE,
			       CONSISTENT_READ | WRITE | WRITE_UNCHANGED | RESIZE},
};

/* ---- byte locks ----------------------------------------------------------------------------- */

static bool lock_lacks_bytes(int number)
{
	return number == EINVAL || number == ENOTSUP || number == ENOLCK || number == ENOSYS;
}

static int lock_fail_in_use(int image, const char *how, struct bs_error *err)
{
	struct holder holder;

	if (!holder_find(image, &holder))
		return fail(err, BS_IN_USE, "QEMU or another program, maybe another bootshift, %s",
			    how);
	fail(err, BS_IN_USE, "%s (process %ld) %s", holder.name, (long)holder.process, how);
	if (holder.device[0] != '\0')
		fail(err, BS_IN_USE, "%s (process %ld) %s as %s (to detach it: qemu-nbd -d %s)",
		     holder.name, (long)holder.process, how, holder.device, holder.device);
	return -1;
}

/* Takes the bytes of these permissions, or fails if another process holds one of them. */
static int lock_bytes(int image, bool take, int base, unsigned permissions, const char *how,
		      struct bs_error *err)
{
	for (int i = 0; i < PERMISSION_COUNT; i++) {
		struct flock lock = {.l_type = take ? F_RDLCK : F_WRLCK,
				     .l_whence = SEEK_SET,
				     .l_start = base + i,
				     .l_len = 1};

		if (!(permissions & 1u << i))
			continue;
		if (fcntl(image, take ? F_OFD_SETLK : F_OFD_GETLK, &lock) < 0) {
			if (lock_lacks_bytes(errno))
				continue;
			if (take && (errno == EAGAIN || errno == EACCES))
				return lock_fail_in_use(image, how, err);
			return fail_system(err, "cannot lock the image");
		}
		if (!take && lock.l_type != F_UNLCK)
			return lock_fail_in_use(image, how, err);
	}
	return 0;
}

static int lock_all_bytes(int image, enum lock_purpose purpose, struct bs_error *err)
{
	const unsigned changing = WRITE | RESIZE;
	unsigned used = lock_permissions[purpose].used;
	unsigned not_shared = lock_permissions[purpose].not_shared;

	if (lock_bytes(image, true, USED_BASE, used, "has locked the image", err) < 0 ||
	    lock_bytes(image, true, NOT_SHARED_BASE, not_shared, "has locked the image", err) < 0 ||
	    lock_bytes(image, false, USED_BASE, not_shared & changing,
		       "has the image open for writing", err) < 0 ||
	    lock_bytes(image, false, USED_BASE, not_shared & ~changing, "has the image open", err) <
		    0)
		return -1;
	return lock_bytes(image, false, NOT_SHARED_BASE, used, "keeps the image to itself", err);
}

/* ---- the lock file -------------------------------------------------------------------------- */

static int lock_fail_bootshift(struct bs_error *err)
{
	return fail(err, BS_IN_USE, "another bootshift is changing the image");
}

/* Adds the process, which is searched for only once the lock was given up. */
static int lock_fail_locked(int descriptor, struct bs_error *err)
{
	struct holder holder;

	if (err->code == BS_IN_USE && holder_find(descriptor, &holder))
		fail(err, BS_IN_USE, "another bootshift (process %ld) is changing the image",
		     (long)holder.process);
	return -1;
}

/*
 * Creates the lock file, or else opens the existing one.  Only a new file is opened with O_CREAT:
 * in a sticky folder the kernel may refuse O_CREAT for a file of another user, and then the error
 * would not say whose file it is.  No other user can open the file, so no other user can lock it.
 */
static int lock_open_file(const char *path, bool *created)
{
	int descriptor = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*created = descriptor >= 0;
	if (descriptor >= 0 || errno != EEXIST)
		return descriptor;
	descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0 && errno == ENOENT)
		errno = EAGAIN; /* removed since: now it can be created */
	return descriptor;
}

static int lock_flock_file(int descriptor, const char *path, struct bs_error *err)
{
	if (trust_check_file(descriptor, "lock file", path, err) < 0)
		return -1;
	if (flock(descriptor, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return lock_fail_bootshift(err);
	return fail_errno(err, BS_IO, "cannot lock %s", path);
}

static int lock_take_file(struct image_lock *lock, struct bs_error *err)
{
	const char *path = lock->path;

	/* Each turn but the last means that another bootshift came and went. */
	for (int turn = 0, locked = 0; turn < 100; turn++) {
		bool created;
		int descriptor = lock_open_file(path, &created);

		if (descriptor < 0 && errno == EAGAIN)
			continue;
		if (descriptor < 0)
			return fail_system(err, "cannot open the lock file %s", path);
		if (lock_flock_file(descriptor, path, err) < 0) {
			/* If another bootshift has locked the file, it also removes the file. */
			if (created && err->code != BS_IN_USE)
				unlink(path);
			if (err->code != BS_IN_USE || ++locked == READER_TURNS) {
				lock_fail_locked(descriptor, err);
				close(descriptor);
				return -1;
			}
			close(descriptor);
			usleep(READER_PAUSE);
			continue;
		}
		/* The last holder may have removed the file between our opening and locking. */
		if (file_has_name(descriptor, path)) {
			lock->file = descriptor;
			return 0;
		}
		close(descriptor);
	}
	return lock_fail_bootshift(err);
}

/* A reader creates no file, so it needs no writable folder, and keeps no lock. */
static int lock_check_file(const char *path, struct bs_error *err)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int result;

	if (descriptor < 0)
		return 0; /* there is none, or it cannot be seen: the byte locks have to do */
	result = trust_check_file(descriptor, "lock file", path, err);
	if (result == 0 && flock(descriptor, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		result = lock_fail_bootshift(err);
	if (result < 0)
		lock_fail_locked(descriptor, err);
	close(descriptor);
	return result;
}

/* ---- the image itself ----------------------------------------------------------------------- */

/*
 * flock() on a device is between us and udev.  Each time that a device was open for writing, udev
 * probes it for a moment, under a shared lock (systemd's BLOCK_DEVICE_LOCKING).  So this waits.
 */
static int lock_device(int descriptor, enum lock_purpose purpose, struct bs_error *err)
{
	int operation = (purpose == LOCK_FOR_CHANGING ? LOCK_EX : LOCK_SH) | LOCK_NB;

	for (int turn = 0; turn < DEVICE_TURNS; turn++) {
		if (flock(descriptor, operation) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return fail_errno(err, BS_IO, "cannot lock the device");
		usleep(DEVICE_PAUSE);
	}
	return lock_fail_in_use(descriptor, "has locked the device", err);
}

/*
 * For changing, a device is opened with O_EXCL.  The kernel refuses that while the device or one of
 * its partitions is mounted, swapped to, or a part of another device; afterwards it refuses these.
 */
static int lock_path(struct image_lock *lock, const struct target *target,
		     enum lock_purpose purpose, struct bs_error *err)
{
	bool changing = purpose == LOCK_FOR_CHANGING, device = target->kind == TARGET_DEVICE;
	int exclusive = changing && device ? O_EXCL : 0, image;

	if (block_device_check_free(target->name, changing, err) < 0)
		return -1;
	image = open(target->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | exclusive);
	if (image < 0 && errno == EBUSY)
		return fail(err, BS_IN_USE,
			    "the system or another program uses the device exclusively");
	if (image < 0)
		return fail_system(err, "cannot open the image");
	lock->images[lock->image_count++] = image;
	if (device && lock_device(image, purpose, err) < 0)
		return -1;
	return lock_all_bytes(image, purpose, err);
}

/* Locks each file of an image in several files, and the one that describes it. */
static int lock_paths(struct image_lock *lock, const struct target *target,
		      enum lock_purpose purpose, struct bs_error *err)
{
	lock->images = calloc(1 + target->parts.count, sizeof(*lock->images));
	if (!lock->images)
		return fail_memory(err);
	if (lock_path(lock, target, purpose, err) < 0)
		return -1;
	for (size_t i = 0; i < target->parts.count; i++)
		if (lock_path(lock, target->parts.items[i], purpose, err) < 0)
			return fail_prefix(err, "%s", target->parts.items[i]->name);
	return 0;
}

/* The locks belong to the descriptor of the target. */
int lock_parent(const struct target *parent, struct bs_error *err)
{
	if (block_device_check_free(parent->name, false, err) < 0)
		return -1;
	return lock_all_bytes(parent->descriptor, LOCK_FOR_READING, err);
}

/* ---- both ----------------------------------------------------------------------------------- */

struct image_lock *lock_image(const struct place *place, enum lock_purpose purpose,
			      struct bs_error *err)
{
	struct image_lock *lock = calloc(1, sizeof(*lock));
	int result;

	if (!lock) {
		fail_memory(err);
		return NULL;
	}
	lock->file = -1;
	lock->path = strdup(place->lock);
	if (!lock->path)
		result = fail_memory(err);
	else if (purpose == LOCK_FOR_READING)
		result = lock_check_file(lock->path, err);
	else if (place_make_folder(place, err) < 0)
		result = -1;
	else
		result = lock_take_file(lock, err);
	if (result == 0 && place->target->kind != TARGET_NBD)
		result = lock_paths(lock, place->target, purpose, err);
	if (result == 0)
		return lock;
	lock_release(lock);
	return NULL;
}

void lock_release(struct image_lock *lock)
{
	if (!lock)
		return;
	for (size_t i = 0; i < lock->image_count; i++)
		close(lock->images[i]);
	free(lock->images);
	if (lock->file >= 0) {
		unlink(lock->path); /* while it is locked: it is not the file of another one */
		close(lock->file);
	}
	free(lock->path);
	free(lock);
}
