/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts - the file, the process, the connection - each know a different piece of why something
 * went wrong: explain() puts them together, for the layer of the stack that this is.
 */
#include "qemu/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "disk/nbd.h"
#include "qemu/capture-child.h"
#include "qemu/capture-file.h"
#include "qemu/capture-server.h"

#define PATIENCE 60000 /* milliseconds of silence after which qemu-nbd is taken for hung */
/* After the connection has failed, for the process to end if it is about to; milliseconds. */
#define LAST_WORDS 1000

struct capture {
	struct disk disk;
	const char *driver;
	struct capture_server server;
	struct capture_file *file;
	struct disk *nbd;
	int patience; /* milliseconds */
};

/* ---- errors ------------------------------------------------------------------------------- */

/*
 * Finds the reason for an error of the connection; *err has the connection's view of it.  An end
 * that the driver has chosen itself, with a reason, is its word on the container.
 */
static int explain(struct capture *capture, struct bs_error *err)
{
	struct capture_server *server = &capture->server;

	if (capture_file_check(capture->file, err) < 0)
		return -1;
	if (capture->nbd && nbd_is_connected(capture->nbd)) {
		/* The bytes came and went well, so it is their meaning that is wrong. */
		if (err->code == BS_IO)
			err->code = BS_CONTAINER_CORRUPT;
		capture_server_listen(server);
		return server->said[0] ? fail_prefix(err, "%s", server->said) : -1;
	}
	capture_server_wait(server, LAST_WORDS);
	capture_server_blame(server, err);
	if (!server->ended || !WIFEXITED(server->status) || !server->said[0])
		return -1;
	return fail(err, BS_CONTAINER_CORRUPT, "qemu's driver %s cannot use it: %s",
		    capture->driver, capture_server_reason(server));
}

/* ---- the disk ----------------------------------------------------------------------------- */

static int capture_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			struct bs_error *err)
{
	struct capture *capture = (struct capture *)disk;

	return disk_read(capture->nbd, offset, buffer, length, err) < 0 ? explain(capture, err) : 0;
}

static int capture_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			 struct bs_error *err)
{
	struct capture *capture = (struct capture *)disk;

	return disk_write(capture->nbd, offset, buffer, length, err) < 0 ? explain(capture, err)
									 : 0;
}

static int capture_flush(struct disk *disk, struct bs_error *err)
{
	struct capture *capture = (struct capture *)disk;

	return disk_flush(capture->nbd, err) < 0 ? explain(capture, err) : 0;
}

static const struct disk_operations capture_operations = {
	.read = capture_read,
	.write = capture_write,
	.flush = capture_flush,
};

struct disk *capture_disk(struct capture *capture)
{
	return &capture->disk;
}

/* ---- opening and leaving ------------------------------------------------------------------ */

static int start(struct capture *capture, struct overlay *overlay, const char *program,
		 const char *image, bool writable, struct bs_error *err)
{
	const char *const arguments[] = {program, "--image-opts", image,
					 writable ? NULL : "--read-only", NULL};
	struct capture_server *server = &capture->server;

	if (capture_server_start(server, arguments, writable, capture->patience, err) < 0)
		return -1;
	capture->file = capture_file_serve(overlay, server->fuse, err);
	server->fuse = -1;
	return capture->file ? 0 : -1;
}

static int connect_disk(struct capture *capture, bool writable, struct bs_error *err)
{
	struct capture_server *server = &capture->server;

	capture->nbd =
		nbd_open_socket(server->connection, server->name, writable, capture->patience, err);
	server->connection = -1;
	if (!capture->nbd)
		return explain(capture, err);
	capture->disk.operations = &capture_operations;
	capture->disk.size = disk_size(capture->nbd);
	return 0;
}

struct capture *capture_open_with(struct overlay *overlay, const char *program, int patience,
				  const char *driver, const char *driver_options, bool writable,
				  struct bs_error *err)
{
	char *image = capture_server_image(driver, driver_options, err);
	struct capture *capture = NULL;

	if (!image)
		return NULL;
	capture = calloc(1, sizeof(*capture));
	if (!capture) {
		fail(err, BS_NO_MEMORY, "no memory to open the image");
		goto out;
	}
	capture->driver = driver;
	capture->patience = patience;
	if (start(capture, overlay, program, image, writable, err) < 0 ||
	    connect_disk(capture, writable, err) < 0) {
		capture_close(capture);
		capture = NULL;
	}
out:
	free(image);
	return capture;
}

struct capture *capture_open(struct overlay *overlay, const char *driver,
			     const char *driver_options, bool writable, struct bs_error *err)
{
	return capture_open_with(overlay, "qemu-nbd", PATIENCE, driver, driver_options, writable,
				 err);
}

int capture_finish(struct capture *capture, struct bs_error *err)
{
	struct capture_server *server = &capture->server;

	if (disk_flush(capture->nbd, err) < 0 || nbd_disconnect(capture->nbd, err) < 0)
		return explain(capture, err);
	if (!capture_server_wait(server, capture->patience) || !WIFEXITED(server->status) ||
	    WEXITSTATUS(server->status) != 0)
		return explain(capture, err);
	/* What could not be written while the driver closed the container, nobody else says. */
	return capture_file_check(capture->file, err);
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	disk_close(capture->nbd);
	capture_server_end(&capture->server);
	capture_file_close(capture->file);
	free(capture);
}
