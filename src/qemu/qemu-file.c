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
#include <fuse_log.h>
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
#include "util/debug.h"
#include "util/signals.h"
#include "util/vector.h"

#define FOREVER 3600.0 /* seconds of caching attributes; the kernel sees every change of them */

/* The number of the first file of the folder.  The others follow. */
#define FIRST_FILE (FUSE_ROOT_ID + 1)

/* A file of the folder, as a program sees it. */
struct qemu_view {
	const char *name;
	struct overlay *overlay; /* NULL: the file can only be read */
	struct disk *disk;       /* of the overlay, or another one; NULL: there is no such file */
	struct qemu_part *part;  /* NULL: the file is all of the disk */
	uint64_t start, length;  /* the bytes of the file in the disk */
};

DEFINE_VECTOR(qemu_views, struct qemu_view);

struct qemu_file {
	struct qemu_views views;      /* without `start` and `length` */
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

static struct qemu_view qemu_file_view(const struct qemu_file *file, fuse_ino_t inode)
{
	struct qemu_view view = {0};

	if (inode >= FIRST_FILE && inode - FIRST_FILE < file->views.count)
		view = file->views.items[inode - FIRST_FILE];
	if (view.part) {
		view.start = view.part->start;
		view.length = view.part->length;
	} else if (view.disk) {
		view.length = disk_size(view.disk);
	}
	return view;
}

/*
 * Sets the length of a file that has an overlay.  What is cut off a part becomes zeros.  A part never
 * fills its room: a file that does would count as one of a fixed length.
 */
static int qemu_file_resize(struct qemu_view *view, uint64_t length, struct bs_error *err)
{
	struct qemu_part *part = view->part;

	if (!part && overlay_resize(view->overlay, length, err) < 0)
		return -1;
	if (part && length >= part->room)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "a file of the disk would become longer than such a file can be");
	if (part && length < part->length &&
	    overlay_zero(part->overlay, part->start + length, part->length - length, err) < 0)
		return -1;
	if (part)
		part->length = length;
	view->length = length;
	return 0;
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
	struct qemu_view view = qemu_file_view(file, inode);

	return (struct stat){
		.st_ino = inode,
		.st_mode = !view.disk     ? S_IFDIR | 0500
			   : view.overlay ? S_IFREG | 0600
					  : S_IFREG | 0400,
		.st_nlink = 1,
		.st_size = (off_t)view.length,
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
	for (size_t i = 0; i < file->views.count; i++)
		if (strcmp(file->views.items[i].name, name) == 0)
			return FIRST_FILE + i;
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
	struct qemu_view view = qemu_file_view(qemu_file_of(request), inode);
	struct bs_error err;

	(void)info;
	if (!view.overlay)
		fuse_reply_err(request, EACCES);
	else if ((which & FUSE_SET_ATTR_SIZE) &&
		 qemu_file_resize(&view, (uint64_t)wanted->st_size, &err) < 0)
		qemu_file_reply_error(request, &err);
	else
		qemu_file_reply_attributes(request, inode);
}

/*
 * A file without an overlay is never open for writing, so the requests that change bytes are only for
 * the others.  direct_io: the kernel passes on every request of the program and does not use its cache.
 */
static void qemu_file_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	if (!qemu_file_view(qemu_file_of(request), inode).overlay &&
	    (info->flags & O_ACCMODE) != O_RDONLY) {
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
	struct qemu_view view = qemu_file_view(file, inode);
	uint64_t start = (uint64_t)offset;
	struct bs_error err;

	(void)info;
	length = start < view.length ? (size_t)min_u64(length, view.length - start) : 0;
	if (qemu_file_reserve(file, length, &err) < 0 ||
	    (length > 0 &&
	     disk_read(view.disk, view.start + start, file->buffer, length, &err) < 0))
		qemu_file_reply_error(request, &err);
	else
		fuse_reply_buf(request, (const char *)file->buffer, length);
}

/* Makes the file longer if it ends before `end`. */
static int qemu_file_reach(struct qemu_view *view, uint64_t end, struct bs_error *err)
{
	return end > view->length ? qemu_file_resize(view, end, err) : 0;
}

static void qemu_file_write(fuse_req_t request, fuse_ino_t inode, const char *bytes, size_t length,
			    off_t offset, struct fuse_file_info *info)
{
	struct qemu_view view = qemu_file_view(qemu_file_of(request), inode);
	uint64_t start = (uint64_t)offset;
	struct bs_error err;

	(void)info;
	if (qemu_file_reach(&view, start + length, &err) < 0 ||
	    disk_write(view.disk, view.start + start, bytes, length, &err) < 0)
		qemu_file_reply_error(request, &err);
	else
		fuse_reply_write(request, length);
}

/* No space is reserved: a plain fallocate only lengthens the file, and a hole becomes zeros. */
static void qemu_file_allocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset,
			       off_t length, struct fuse_file_info *info)
{
	struct qemu_view view = qemu_file_view(qemu_file_of(request), inode);
	uint64_t start = (uint64_t)offset, end = start + (uint64_t)length;
	struct bs_error err;
	int result = 0;

	(void)info;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
		fuse_reply_err(request, EOPNOTSUPP);
		return;
	}
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		result = qemu_file_reach(&view, end, &err);
	end = min_u64(end, view.length);
	if (result == 0 && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) && start < end)
		result = overlay_zero(view.overlay, view.start + start, end - start, &err);
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
	qemu_views_free(&file->views);
	free(file->buffer);
	free(file);
}

/* ---- the files of an image ----------------------------------------------------------------- */

static int qemu_file_add_parts(struct qemu_views *views, struct qemu_part *parts, size_t count,
			       struct bs_error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct qemu_part *part = &parts[i];

		if (qemu_views_append(views,
				      (struct qemu_view){.name = part->name,
							 .overlay = part->overlay,
							 .disk = part->disk,
							 .part = part},
				      err) < 0)
			return -1;
	}
	return 0;
}

static int qemu_file_list(struct qemu_views *views, const struct qemu_image *image,
			  struct bs_error *err)
{
	const struct qemu_view top = {.name = QEMU_FILE_IMAGE,
				      .overlay = image->overlay,
				      .disk = overlay_disk(image->overlay)};

	if (qemu_views_append(views, top, err) < 0 ||
	    qemu_file_add_parts(views, image->parts, image->part_count, err) < 0)
		return -1;
	for (size_t i = 0; i < image->parent_count; i++) {
		const struct qemu_parent *parent = &image->parents[i];

		if (qemu_views_append(
			    views, (struct qemu_view){.name = parent->name, .disk = parent->disk},
			    err) < 0 ||
		    qemu_file_add_parts(views, parent->parts, parent->part_count, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- starting and ending ------------------------------------------------------------------- */

/*
 * libfuse would tell on standard error that the mount has ended, which may happen between the poll and
 * the read.
 */
__attribute__((format(printf, 2, 0))) static void
qemu_file_log(enum fuse_log_level level, const char *format, va_list arguments)
{
	char *message;

	(void)level;
	if (vasprintf(&message, format, arguments) < 0)
		return;
	debug_print(DEBUG_STEPS, "libfuse: %.*s", (int)strcspn(message, "\n"), message);
	free(message);
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
	fuse_set_log_func(qemu_file_log);
	pthread_mutex_init(&file->lock, NULL);
	file->stop = eventfd(0, EFD_CLOEXEC);
	if (file->stop < 0)
		fail_errno(err, BS_SYSTEM_LIMIT, "cannot make an eventfd");
	if (file->stop < 0 || qemu_file_list(&file->views, image, err) < 0 ||
	    qemu_file_start_session(file, descriptor, err) < 0) {
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
