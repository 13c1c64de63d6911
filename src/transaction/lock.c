/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QEMU says what it does with an image by shared locks on single bytes of it: byte 100 + p when it
 * uses permission p, byte 200 + p when it does not let others use it.  Then it looks whether
 * anybody holds a byte that is at odds with these (block/file-posix.c, raw_apply_lock_bytes() and
 * raw_check_lock_bytes(); the numbers are RAW_LOCK_PERM_BASE, RAW_LOCK_SHARED_BASE, BLK_PERM_*).
 * All locks are shared, so a read-only descriptor can take them; as each side locks before it
 * looks, two that come at the same time may both give way, but never both go on.
 *
 * The lock file settles who goes first among bootshifts: it is locked before the bytes.
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
#include "util/trust.h"

#define USED_BASE       100
#define NOT_SHARED_BASE 200

/* A reader locks the lock file for a moment, to see whether that can be done. */
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
	char *path; /* of the lock file */
	int image;  /* the locks on the image itself hang on it; -1 for NBD */
	int file;   /* the lock file; -1 when reading */
};

/* What each purpose uses, and what it does not let others use. */
static const struct {
	unsigned used, not_shared;
} permissions[] = {
	[LOCK_FOR_READING] = {CONSISTENT_READ, WRITE | RESIZE},
	[LOCK_FOR_CHANGING] = {CONSISTENT_READ | WRITE | RESIZE,
			       CONSISTENT_READ | WRITE | WRITE_UNCHANGED | RESIZE},
};

/* ---- byte locks ----------------------------------------------------------------------------- */

static bool without_byte_locks(int number)
{
	return number == EINVAL || number == ENOTSUP || number == ENOLCK || number == ENOSYS;
}

static int in_use(struct bs_error *err, const char *how, pid_t process)
{
	/* The kernel names the process of a classic lock, not that of one like QEMU's. */
	if (process > 0)
		return fail(err, BS_IN_USE, "process %ld %s", (long)process, how);
	return fail(err, BS_IN_USE, "QEMU or another program, maybe another bootshift, %s", how);
}

static int lock_bytes(int descriptor, int base, unsigned bits, struct bs_error *err)
{
	for (int i = 0; i < PERMISSION_COUNT; i++) {
		struct flock lock = {
			.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = base + i, .l_len = 1};

		if (!(bits & 1u << i) || fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ||
		    without_byte_locks(errno))
			continue;
		if (errno == EAGAIN || errno == EACCES)
			return in_use(err, "has locked the image", 0);
		return fail_system(err, "cannot lock the image");
	}
	return 0;
}

/* Fails when another holds one of the bytes. */
static int check_bytes(int descriptor, int base, unsigned bits, const char *how,
		       struct bs_error *err)
{
	for (int i = 0; i < PERMISSION_COUNT; i++) {
		struct flock lock = {
			.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = base + i, .l_len = 1};

		if (!(bits & 1u << i))
			continue;
		if (fcntl(descriptor, F_OFD_GETLK, &lock) < 0) {
			if (without_byte_locks(errno))
				return 0;
			return fail_errno(err, BS_IO, "cannot see the image's locks");
		}
		if (lock.l_type != F_UNLCK)
			return in_use(err, how, lock.l_pid);
	}
	return 0;
}

static int lock_image_bytes(const struct image_lock *lock, enum lock_purpose purpose,
			    struct bs_error *err)
{
	unsigned used = permissions[purpose].used, not_shared = permissions[purpose].not_shared;

	if (lock_bytes(lock->image, USED_BASE, used, err) < 0 ||
	    lock_bytes(lock->image, NOT_SHARED_BASE, not_shared, err) < 0 ||
	    check_bytes(lock->image, USED_BASE, not_shared & (WRITE | RESIZE),
			"has the image open for writing", err) < 0 ||
	    check_bytes(lock->image, USED_BASE, not_shared & ~(unsigned)(WRITE | RESIZE),
			"has the image open", err) < 0)
		return -1;
	return check_bytes(lock->image, NOT_SHARED_BASE, used, "keeps the image to itself", err);
}

/* ---- the lock file -------------------------------------------------------------------------- */

static int another_bootshift(struct bs_error *err)
{
	return fail(err, BS_IN_USE, "another bootshift is changing the image");
}

/*
 * Creates the lock file, or else opens the one that is there.  Only a new one is created with
 * O_CREAT: the kernel may refuse that flag for a file of somebody else in a sticky folder, and then
 * nobody would say whose file it is.  Nobody else can open it, so nobody else can lock it.
 */
static int open_lock_file(const char *path, bool *created)
{
	int descriptor = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*created = descriptor >= 0;
	if (descriptor >= 0 || errno != EEXIST)
		return descriptor;
	descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0 && errno == ENOENT)
		errno = EAGAIN; /* removed since: it can be created now */
	return descriptor;
}

static int lock_open_file(int descriptor, const char *path, struct bs_error *err)
{
	if (trust_check_file(descriptor, "lock file", path, err) < 0)
		return -1;
	if (flock(descriptor, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return another_bootshift(err);
	return fail_errno(err, BS_IO, "cannot lock %s", path);
}

static int take_lock_file(struct image_lock *lock, struct bs_error *err)
{
	const char *path = lock->path;

	/*
	 * Each turn but the last means that another bootshift came and went; it gives up some time.
	 */
	for (int turn = 0, locked = 0; turn < 100; turn++) {
		bool created;
		int descriptor = open_lock_file(path, &created);

		if (descriptor < 0 && errno == EAGAIN)
			continue;
		if (descriptor < 0)
			return fail_system(err, "cannot open the lock file %s", path);
		if (lock_open_file(descriptor, path, err) < 0) {
			/* A changer that has locked the file also removes the file. */
			if (created && err->code != BS_IN_USE)
				unlink(path);
			close(descriptor);
			if (err->code != BS_IN_USE || ++locked == READER_TURNS)
				return -1;
			usleep(READER_PAUSE);
			continue;
		}
		/* The holder before us may have removed the file between our opening and locking. */
		if (file_has_name(descriptor, path)) {
			lock->file = descriptor;
			return 0;
		}
		close(descriptor);
	}
	return another_bootshift(err);
}

/* A reader makes no file, so that it needs no writable folder, and holds nothing. */
static int check_lock_file(const struct image_lock *lock, struct bs_error *err)
{
	int descriptor = open(lock->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int result = 0;

	if (descriptor < 0)
		return 0; /* none, or not ours to see: the byte locks have to do */
	if (trust_check_file(descriptor, "lock file", lock->path, err) < 0)
		result = -1;
	else if (flock(descriptor, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		result = another_bootshift(err);
	close(descriptor);
	return result;
}

/* ---- the image itself ----------------------------------------------------------------------- */

/*
 * On a device flock() is between us and udev, which probes a device, for a moment and with a shared
 * lock, after each time that it was open for writing (systemd's BLOCK_DEVICE_LOCKING): so it is
 * worth some patience.
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
	return fail(err, BS_IN_USE,
		    "another program, maybe another bootshift, has locked the "
		    "device");
}

/*
 * For changing, O_EXCL on a device asks the kernel for it alone: it is refused while the device or
 * a partition of it is mounted, swapped to, or a part of another device, and then so are these.
 */
static int lock_path(struct image_lock *lock, const struct target *target,
		     enum lock_purpose purpose, struct bs_error *err)
{
	bool changing = purpose == LOCK_FOR_CHANGING, device = target->kind == TARGET_DEVICE;
	int exclusive = changing && device ? O_EXCL : 0;

	if (block_device_check_free(target->name, changing, err) < 0)
		return -1;
	lock->image = open(target->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | exclusive);
	if (lock->image < 0 && errno == EBUSY)
		return fail(err, BS_IN_USE,
			    "the system or another program has the device for "
			    "itself alone");
	if (lock->image < 0)
		return fail_system(err, "cannot open the image");
	if (device && lock_device(lock->image, purpose, err) < 0)
		return -1;
	return lock_image_bytes(lock, purpose, err);
}

/* ---- both ----------------------------------------------------------------------------------- */

struct image_lock *lock_image(const struct place *place, enum lock_purpose purpose,
			      struct bs_error *err)
{
	struct image_lock *lock = calloc(1, sizeof(*lock));
	int result;

	if (lock) {
		lock->image = lock->file = -1;
		lock->path = strdup(place->lock);
	}
	if (!lock || !lock->path) {
		free(lock);
		fail_memory(err);
		return NULL;
	}
	if (purpose == LOCK_FOR_CHANGING)
		result = place_make_folder(place, err) < 0 ? -1 : take_lock_file(lock, err);
	else
		result = check_lock_file(lock, err);
	if (result == 0 && place->target->kind != TARGET_NBD)
		result = lock_path(lock, place->target, purpose, err);
	if (result < 0) {
		lock_release(lock);
		return NULL;
	}
	return lock;
}

void lock_release(struct image_lock *lock)
{
	if (!lock)
		return;
	if (lock->image >= 0)
		close(lock->image);
	if (lock->file >= 0) {
		unlink(lock->path); /* while it is locked, so nobody else's is removed */
		close(lock->file);
	}
	free(lock->path);
	free(lock);
}
