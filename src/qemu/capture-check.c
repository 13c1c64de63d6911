/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check of a container's own tables, by qemu-img: a program that says little and ends. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qemu/capture-file.h"
#include "qemu/capture-server.h"
#include "qemu/capture.h"

#define START_PATIENCE 60000 /* milliseconds until it runs */
/* And until it has read all tables, of which a full disk of 2 TiB has 256 MiB in qcow2. */
#define PATIENCE 600000

/* qemu-img(1), "check": its exit status. */
enum {
	SOUND = 0,
	DAMAGED = 2,
	LEAKING = 3,
};

/* The first thing in its report is a number, when there is anything to report. */
static unsigned long long count_errors(const struct capture_server *server)
{
	char report[256];
	ssize_t length = read(server->output, report, sizeof(report) - 1);

	report[length > 0 ? length : 0] = '\0';
	return strtoull(report, NULL, 10);
}

static int judge(struct capture_server *server, struct capture_file *file, struct bs_error *err)
{
	unsigned long long errors;

	if (capture_file_check(file, err) < 0)
		return -1;
	if (!server->ended || !WIFEXITED(server->status))
		return capture_server_blame(server, err);
	switch (WEXITSTATUS(server->status)) {
	case SOUND:
	case LEAKING:
		return 0;
	case DAMAGED:
		errors = count_errors(server);
		return fail(err, BS_CONTAINER_CORRUPT, "qemu-img finds %llu error%s in its tables",
			    errors, errors == 1 ? "" : "s");
	default:
		capture_server_listen(server);
		return fail(err,
			    strstr(capture_server_reason(server), "Cannot allocate memory") != NULL
				    ? BS_NO_MEMORY
				    : BS_CONTAINER_CORRUPT,
			    "qemu-img cannot check its tables: %s", capture_server_reason(server));
	}
}

int capture_check(struct overlay *overlay, const char *driver, const char *driver_options,
		  struct bs_error *err)
{
	char *image = capture_server_image(driver, driver_options, err);
	const char *const arguments[] = {"qemu-img", "check", "--image-opts", image, NULL};
	struct capture_file *file;
	struct capture_server server;
	int result = -1;

	if (!image || capture_server_start(&server, arguments, false, START_PATIENCE, err) < 0)
		goto out;
	file = capture_file_serve(overlay, server.fuse, err);
	server.fuse = -1;
	if (file) {
		capture_server_wait(&server, PATIENCE);
		result = judge(&server, file, err);
	}
	capture_server_end(&server);
	capture_file_close(file);
out:
	free(image);
	return result;
}
