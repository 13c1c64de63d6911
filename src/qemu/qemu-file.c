/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel handles the requests that this file does not implement.  flush and fsync succeed,
 * which is right because the overlay does not outlive the process.  Programs cannot find holes.
 *
 * The thread waits for requests, and for an eventfd that tells it to stop.  The thread does not
 * wait for the unmount, which another process in the mount namespace can delay.
 */
#define FUSE_USE_VERSION 35
#include "qemu/qemu-file.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/signals.h"

#define FOREVER 3600.0 /* seconds of caching attributes; the kernel sees every change of them */

/* The numbers of the files.  Parent N has the number FIRST_PARENT + N - 1. */
enum {
	IMAGE = FUSE_ROOT_ID + 1,
	FIRST_PARENT,
};

struct qemu_file {
	struct qemu_image image;
	struct fuse_session *session; /* owns the descriptor of /dev/fuse */
	int stop;                     /* eventfd */
	pthread_t thread;
	uint8_t *buffer; /* for reads; the thread's */
	size_t buffer_size;
	pthread_mutex_t lock;
	struct bs_error error; /* the first error, or code BS_OK; protected by `lock` */
};

/* ---- requests ----------------------------------------------------------------------------- */

static struct qemu_file *qemu_file_of(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

/* The bytes of a file; NULL: there is no file with this number. */
static struct disk *qemu_file_disk(const struct qemu_file *file, fuse_ino_t inode)
{
	if (inode == IMAGE)
		return overlay_disk(file->image.overlay);
	if (inode >= FIRST_PARENT && inode - FIRST_PARENT < file->image.parent_count)
		return file->image.parents[inode - FIRST_PARENT].disk;
	return NULL;
}

static uint64_t qemu_file_size(const struct qemu_file *file)
{
	return disk_size(overlay_disk(file->image.overlay));
}

/* Answers with the errno for an error of the overlay.  Keeps the first error for its reason. */
static void qemu_file_reply_error(fuse_req_t request, const struct bs_error *err)
{
	struct qemu_file *file = qemu_file_of(request);

	pthread_mutex_lock(&file->lock);
	if (file->error.code == BS_OK)
		file->error = *err;
	pthread_mutex_unlock(&file->lock);
	fuse_reply_err(request, err->code == BS_NO_SPACE ? ENOSPC : EIO);
}

/* The owner is user 0: in the mount's user namespace, the user who mounted the folder. */
static struct stat qemu_file_status(const struct qemu_file *file, fuse_ino_t inode)
{
	const struct disk *disk = qemu_file_disk(file, inode);

	return (struct stat){
		.st_ino = inode,
		.st_mode = !disk            ? S_IFDIR | 0500
			   : inode == IMAGE ? S_IFREG | 0600
					    : S_IFREG | 0400,
		.st_nlink = 1,
		.st_size = disk ? (off_t)disk_size(disk) : 0,
	};
}

static void qemu_file_reply_attributes(fuse_req_t request, fuse_ino_t inode)
{
	struct stat status = qemu_file_status(qemu_file_of(request), inode);

	fuse_reply_attr(request, &status, FOREVER);
}

/* Returns the number of the file with this name; 0: there is none. */
static fuse_ino_t qemu_file_find(const struct qemu_file *file, const char *name)
{
	char parent[32];

	if (strcmp(name, QEMU_FILE_IMAGE) == 0)
		return IMAGE;
	for (size_t i = 0; i < file->image.parent_count; i++) {
		snprintf(parent, sizeof(parent), QEMU_FILE_PARENT "%zu", i + 1);
		if (strcmp(name, parent) == 0)
			return FIRST_PARENT + i;
	}
	return 0;
}

static void qemu_file_lookup(fuse_req_t request, fuse_ino_t folder, const char *name)
{
	const struct qemu_file *file = qemu_file_of(request);
	fuse_ino_t inode = folder == FUSE_ROOT_ID ? qemu_file_find(file, name) : 0;
	struct fuse_entry_param entry = {
		.ino = inode,
		.attr_timeout = FOREVER,
		.entry_timeout = FOREVER,
	};

	if (inode == 0) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	entry.attr = qemu_file_status(file, inode);
	fuse_reply_entry(request, &entry);
}

static void qemu_file_get_attributes(fuse_req_t request, fuse_ino_t inode,
				     struct fuse_file_info *info)
{
	(void)info;
	qemu_file_reply_attributes(request, inode);
}

/* Sets the length.  Changes of other attributes are ignored. */
static void qemu_file_set_attributes(fuse_req_t request, fuse_ino_t inode, struct stat *wanted,
				     int which, struct fuse_file_info *info)
{
	struct bs_error err;

	(void)info;
	if (inode != IMAGE)
		fuse_reply_err(request, EACCES);
	else if ((which & FUSE_SET_ATTR_SIZE) &&
		 overlay_resize(qemu_file_of(request)->image.overlay, (uint64_t)wanted->st_size,
				&err) < 0)
		qemu_file_reply_error(request, &err);
	else
		qemu_file_reply_attributes(request, inode);
}

/*
 * A parent is never open for writing, so the requests that change bytes are only for the image.
 * direct_io: the kernel passes on every request of the program and does not use its cache.
 */
static void qemu_file_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	if (inode != IMAGE && (info->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(request, EACCES);
		return;
	}
	info->direct_io = 1;
	fuse_reply_open(request, info);
}

static int qemu_file_reserve(struct qemu_file *file, size_t size, struct bs_error *err)
{
	void *grown;

	if (size <= file->buffer_size)
		return 0;
	grown = realloc(file->buffer, size);
	if (!grown)
		return fail_memory(err);
	file->buffer = grown;
	file->buffer_size = size;
	return 0;
}

static void qemu_file_read(fuse_req_t request, fuse_ino_t inode, size_t length, off_t offset,
			   struct fuse_file_info *info)
{
	struct qemu_file *file = qemu_file_of(request);
	struct disk *disk = qemu_file_disk(file, inode);
	uint64_t start = (uint64_t)offset, size = disk ? disk_size(disk) : 0;
	struct bs_error err;

	(void)info;
	length = start < size ? (size_t)min_u64(length, size - start) : 0;
	if (qemu_file_reserve(file, length, &err) < 0 ||
	    (length > 0 && disk_read(disk, start, file->buffer, length, &err) < 0))
		qemu_file_reply_error(request, &err);
	else
		fuse_reply_buf(request, (const char *)file->buffer, length);
}

/* Makes the file longer if it ends before `end`. */
static int qemu_file_reach(struct qemu_file *file, uint64_t end, struct bs_error *err)
{
	return end > qemu_file_size(file) ? overlay_resize(file->image.overlay, end, err) : 0;
}

static void qemu_file_write(fuse_req_t request, fuse_ino_t inode, const char *bytes, size_t length,
			    off_t offset, struct fuse_file_info *info)
{
	struct qemu_file *file = qemu_file_of(request);
	uint64_t start = (uint64_t)offset;
	struct bs_error err;

	(void)inode;
	(void)info;
	if (qemu_file_reach(file, start + length, &err) < 0 ||
	    disk_write(overlay_disk(file->image.overlay), start, bytes, length, &err) < 0)
		qemu_file_reply_error(request, &err);
	else
		fuse_reply_write(request, length);
}

/* No space is reserved: a plain fallocate only lengthens the file, and a hole becomes zeros. */
static void qemu_file_allocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset,
			       off_t length, struct fuse_file_info *info)
{
	struct qemu_file *file = qemu_file_of(request);
	uint64_t start = (uint64_t)offset, end = start + (uint64_t)length;
	struct bs_error err;
	int result = 0;

	(void)inode;
	(void)info;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
		fuse_reply_err(request, EOPNOTSUPP);
		return;
	}
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		result = qemu_file_reach(file, end, &err);
	end = min_u64(end, qemu_file_size(file));
	if (result == 0 && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) && start < end)
		result = overlay_zero(file->image.overlay, start, end - start, &err);
	if (result < 0)
		qemu_file_reply_error(request, &err);
	else
		fuse_reply_err(request, 0);
}

static const struct fuse_lowlevel_ops qemu_file_operations = {
	.lookup = qemu_file_lookup,
	.getattr = qemu_file_get_attributes,
	.setattr = qemu_file_set_attributes,
	.open = qemu_file_open,
	.read = qemu_file_read,
	.write = qemu_file_write,
	.fallocate = qemu_file_allocate,
};

/* ---- the thread --------------------------------------------------------------------------- */

/* Serves requests until qemu_file_close() writes to `stop`, or until the file is unmounted. */
static void *qemu_file_loop(void *argument)
{
	struct qemu_file *file = argument;
	struct pollfd waiting[2] = {
		{.fd = fuse_session_fd(file->session), .events = POLLIN},
		{.fd = file->stop, .events = POLLIN},
	};
	struct fuse_buf request = {0};

	while (!fuse_session_exited(file->session)) {
		if (poll(waiting, 2, -1) < 0)
			continue;
		if (waiting[1].revents)
			break;
		/* There is no request if the kernel withdrew it between the poll and the read. */
		if (fuse_session_receive_buf(file->session, &request) > 0)
			fuse_session_process_buf(file->session, &request);
	}
	free(request.mem);
	return NULL;
}

/* The new thread blocks all signals, so that the other threads get them. */
static int qemu_file_start_thread(struct qemu_file *file, struct bs_error *err)
{
	sigset_t before = signals_mask();
	int number;

	signals_hold_all();
	number = pthread_create(&file->thread, NULL, qemu_file_loop, file);
	signals_restore(before);
	if (number == 0)
		return 0;
	errno = number;
	return fail_errno(err, BS_SYSTEM_LIMIT, "cannot start a thread");
}

/* After success the session owns the descriptor. */
static int qemu_file_start_session(struct qemu_file *file, int descriptor, struct bs_error *err)
{
	char name[] = "bootshift", *arguments[] = {name, NULL};
	struct fuse_args options = FUSE_ARGS_INIT(1, arguments);
	char mount_point[32]; /* "/dev/fd/N" tells libfuse that descriptor N is mounted already */

	file->session = fuse_session_new(&options, &qemu_file_operations,
					 sizeof(qemu_file_operations), file);
	fuse_opt_free_args(&options);
	if (!file->session)
		return fail_memory(err);
	snprintf(mount_point, sizeof(mount_point), "/dev/fd/%d", descriptor);
	/* Not blocking: if the kernel withdraws a request after the poll, the thread must not
	 * wait in the read, because it could not stop there. */
	if (fcntl(descriptor, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ||
	    fuse_session_mount(file->session, mount_point) != 0)
		return fail_errno(err, BS_WORKER, "cannot serve the image by FUSE");
	return 0;
}

static void qemu_file_free(struct qemu_file *file)
{
	if (file->session)
		fuse_session_destroy(file->session);
	if (file->stop >= 0)
		close(file->stop);
	pthread_mutex_destroy(&file->lock);
	free(file->buffer);
	free(file);
}

struct qemu_file *qemu_file_serve(const struct qemu_image *image, int descriptor,
				  struct bs_error *err)
{
	struct qemu_file *file = calloc(1, sizeof(*file));

	if (!file) {
		fail_memory(err);
		close(descriptor);
		return NULL;
	}
	file->image = *image;
	pthread_mutex_init(&file->lock, NULL);
	file->stop = eventfd(0, EFD_CLOEXEC);
	if (file->stop < 0)
		fail_errno(err, BS_SYSTEM_LIMIT, "cannot make an eventfd");
	if (file->stop < 0 || qemu_file_start_session(file, descriptor, err) < 0) {
		qemu_file_free(file);
		close(descriptor);
		return NULL;
	}
	if (qemu_file_start_thread(file, err) < 0) {
		qemu_file_free(file);
		return NULL;
	}
	return file;
}

int qemu_file_check(struct qemu_file *file, struct bs_error *err)
{
	int result = 0;

	pthread_mutex_lock(&file->lock);
	if (file->error.code != BS_OK) {
		*err = file->error;
		result = -1;
	}
	pthread_mutex_unlock(&file->lock);
	return result;
}

void qemu_file_close(struct qemu_file *file)
{
	if (!file)
		return;
	/* Cannot fail: the counter of the eventfd is 0. */
	eventfd_write(file->stop, 1);
	pthread_join(file->thread, NULL);
	qemu_file_free(file);
}
