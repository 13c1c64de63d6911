/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * After an error, the file, the process and the connection each know a part of the reason.
 * qemu_driver_explain() puts the parts together.
 */
#include "qemu/qemu-driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "disk/nbd.h"
#include "qemu/qemu-child.h"
#include "qemu/qemu-file.h"
#include "qemu/qemu-process.h"

#define PATIENCE 60000 /* milliseconds of silence after which qemu-nbd is taken for hung */
/* Milliseconds to wait for the end of the process after the connection has failed. */
#define LAST_WORDS 1000

struct qemu_driver {
	struct disk disk;
	const char *name; /* of QEMU's block driver */
	struct qemu_process process;
	struct qemu_file *file;
	struct disk *nbd;
	int patience; /* milliseconds */
};

/* ---- errors ------------------------------------------------------------------------------- */

/*
 * Replaces *err, an error of the connection, with the reason for the error.  If the driver has
 * exited by itself and has given a reason, the container is at fault.  Returns -1.
 */
static int qemu_driver_explain(struct qemu_driver *driver, struct bs_error *err)
{
	struct qemu_process *process = &driver->process;

	if (qemu_file_check(driver->file, err) < 0)
		return -1;
	if (driver->nbd && nbd_is_connected(driver->nbd)) {
		/* The file and the connection work, so the container's content is wrong. */
		if (err->code == BS_IO)
			err->code = BS_CONTAINER_CORRUPT;
		qemu_process_listen(process);
		return process->said[0] ? fail_prefix(err, "%s", process->said) : -1;
	}
	qemu_process_wait(process, LAST_WORDS);
	qemu_process_blame(process, err);
	if (!process->ended || !WIFEXITED(process->status) || !process->said[0])
		return -1;
	return fail(err, BS_CONTAINER_CORRUPT, "qemu's driver %s cannot use it: %s", driver->name,
		    qemu_process_reason(process));
}

/* ---- the disk ----------------------------------------------------------------------------- */

static int qemu_driver_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			    struct bs_error *err)
{
	struct qemu_driver *driver = (struct qemu_driver *)disk;

	return disk_read(driver->nbd, offset, buffer, length, err) < 0
		       ? qemu_driver_explain(driver, err)
		       : 0;
}

static int qemu_driver_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			     struct bs_error *err)
{
	struct qemu_driver *driver = (struct qemu_driver *)disk;

	return disk_write(driver->nbd, offset, buffer, length, err) < 0
		       ? qemu_driver_explain(driver, err)
		       : 0;
}

static int qemu_driver_flush(struct disk *disk, struct bs_error *err)
{
	struct qemu_driver *driver = (struct qemu_driver *)disk;

	return disk_flush(driver->nbd, err) < 0 ? qemu_driver_explain(driver, err) : 0;
}

static const struct disk_operations qemu_driver_operations = {
	.read = qemu_driver_read,
	.write = qemu_driver_write,
	.flush = qemu_driver_flush,
};

struct disk *qemu_driver_disk(struct qemu_driver *driver)
{
	return &driver->disk;
}

/* ---- opening and leaving ------------------------------------------------------------------ */

static int qemu_driver_start(struct qemu_driver *driver, const struct qemu_image *image,
			     const char *program, const char *options, bool writable,
			     struct bs_error *err)
{
	/* "unsafe" means no syncs: the file is the overlay, and nothing of it outlives this process.
	 * The driver still writes its tables when it is told to flush. */
	const char *const arguments[] = {
		program, "--image-opts", options, "--cache=unsafe", writable ? NULL : "--read-only",
		NULL};
	struct qemu_process *process = &driver->process;

	if (qemu_process_start(process, arguments, writable, driver->patience, err) < 0)
		return -1;
	driver->file = qemu_file_serve(image, process->fuse, err);
	process->fuse = -1;
	return driver->file ? 0 : -1;
}

static int qemu_driver_connect(struct qemu_driver *driver, bool writable, struct bs_error *err)
{
	struct qemu_process *process = &driver->process;

	driver->nbd = nbd_open_socket(process->connection, process->name, writable,
				      driver->patience, err);
	process->connection = -1;
	if (!driver->nbd)
		return qemu_driver_explain(driver, err);
	driver->disk.operations = &qemu_driver_operations;
	driver->disk.size = disk_size(driver->nbd);
	return 0;
}

struct qemu_driver *qemu_driver_open_with(const struct qemu_image *image, const char *program,
					  int patience, bool writable, struct bs_error *err)
{
	char *options = qemu_process_image(image, err);
	struct qemu_driver *driver = NULL;

	if (!options)
		return NULL;
	driver = calloc(1, sizeof(*driver));
	if (!driver) {
		fail_memory(err);
		goto out;
	}
	driver->name = image->driver;
	driver->patience = patience;
	if (qemu_driver_start(driver, image, program, options, writable, err) < 0 ||
	    qemu_driver_connect(driver, writable, err) < 0) {
		qemu_driver_close(driver);
		driver = NULL;
	}
out:
	free(options);
	return driver;
}

struct qemu_driver *qemu_driver_open(const struct qemu_image *image, bool writable,
				     struct bs_error *err)
{
	return qemu_driver_open_with(image, "qemu-nbd", PATIENCE, writable, err);
}

int qemu_driver_finish(struct qemu_driver *driver, struct bs_error *err)
{
	struct qemu_process *process = &driver->process;

	if (disk_flush(driver->nbd, err) < 0 || nbd_disconnect(driver->nbd, err) < 0)
		return qemu_driver_explain(driver, err);
	if (!qemu_process_wait(process, driver->patience) || !WIFEXITED(process->status) ||
	    WEXITSTATUS(process->status) != 0)
		return qemu_driver_explain(driver, err);
	/* Only the file knows of failed writes while the driver closed the container. */
	return qemu_file_check(driver->file, err);
}

void qemu_driver_close(struct qemu_driver *driver)
{
	if (!driver)
		return;
	disk_close(driver->nbd);
	qemu_process_end(&driver->process);
	qemu_file_close(driver->file);
	free(driver);
}
