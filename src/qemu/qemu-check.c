/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks the tables of a container with qemu-img. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qemu/qemu-driver.h"
#include "qemu/qemu-file.h"
#include "qemu/qemu-process.h"

#define START_PATIENCE 60000 /* milliseconds until qemu-img runs */
/* Milliseconds until qemu-img has read all tables.  A full 2 TiB qcow2 disk has 256 MiB of them. */
#define PATIENCE 600000

/* Exit statuses of "qemu-img check", see qemu-img(1). */
enum {
	SOUND = 0,
	DAMAGED = 2,
	LEAKING = 3,
};

/* If qemu-img finds errors, its report begins with their number. */
static unsigned long long qemu_check_count_errors(const struct qemu_process *process)
{
	char report[256];
	ssize_t length = read(process->output, report, sizeof(report) - 1);

	report[length > 0 ? length : 0] = '\0';
	return strtoull(report, NULL, 10);
}

static int qemu_check_judge(struct qemu_process *process, struct qemu_file *file,
			    struct bs_error *err)
{
	unsigned long long errors;

	if (qemu_file_check(file, err) < 0)
		return -1;
	if (!process->ended || !WIFEXITED(process->status))
		return qemu_process_blame(process, err);
	switch (WEXITSTATUS(process->status)) {
	case SOUND:
	case LEAKING:
		return 0;
	case DAMAGED:
		errors = qemu_check_count_errors(process);
		return fail(err, BS_CONTAINER_CORRUPT, "qemu-img finds %llu error%s in its tables",
			    errors, errors == 1 ? "" : "s");
	default:
		qemu_process_listen(process);
		return fail(err,
			    strstr(qemu_process_reason(process), "Cannot allocate memory")
				    ? BS_NO_MEMORY
				    : BS_CONTAINER_CORRUPT,
			    "qemu-img cannot check its tables: %s", qemu_process_reason(process));
	}
}

int qemu_check(const struct qemu_image *image, struct bs_error *err)
{
	char *options = qemu_process_image(image, err);
	const char *const arguments[] = {"qemu-img", "check", "--image-opts", options, NULL};
	struct qemu_file *file;
	struct qemu_process process;
	int result = -1;

	if (!options || qemu_process_start(&process, arguments, false, START_PATIENCE, err) < 0)
		goto out;
	file = qemu_file_serve(image, process.fuse, err);
	process.fuse = -1;
	if (file) {
		qemu_process_wait(&process, PATIENCE);
		result = qemu_check_judge(&process, file, err);
	}
	qemu_process_end(&process);
	qemu_file_close(file);
out:
	free(options);
	return result;
}
