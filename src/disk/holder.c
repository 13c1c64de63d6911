/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/holder.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "util/path.h"

/* Reads the start of /proc/PID/`name` as text.  Returns the number of bytes. */
static size_t holder_read(pid_t process, const char *name, char *text, size_t size)
{
	char path[96];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)process, name);
	file = fopen(path, "re");
	if (file) {
		length = fread(text, 1, size - 1, file);
		fclose(file);
	}
	text[length] = '\0';
	return length;
}

/* Whether a descriptor of a process, /proc/PID/fd/N, is the file and has a lock. */
static bool holder_has_lock(const char *path, pid_t process, const struct stat *wanted)
{
	char name[32], information[4096];
	struct stat found;

	if (stat(path, &found) < 0 || !file_is_same(&found, wanted))
		return false;
	snprintf(name, sizeof(name), "fdinfo/%.16s", path_name(path));
	holder_read(process, name, information, sizeof(information));
	return strstr(information, "\nlock:") != NULL;
}

/* "qemu-nbd -c /dev/nbd0 IMAGE": finds the device among the arguments. */
static void holder_find_device(struct holder *holder)
{
	char arguments[4096];
	size_t length = holder_read(holder->process, "cmdline", arguments, sizeof(arguments));

	holder->device[0] = '\0';
	if (strcmp(holder->name, "qemu-nbd") != 0)
		return;
	for (size_t at = 0; at < length; at += strlen(arguments + at) + 1) {
		const char *device = strstr(arguments + at, "/dev/nbd");
		size_t digits = device ? strspn(device + 8, "0123456789") : 0;

		if (digits > 0 && digits < 8 && device[8 + digits] == '\0')
			snprintf(holder->device, sizeof(holder->device), "%s", device);
	}
}

static void holder_describe(struct holder *holder, pid_t process)
{
	holder->process = process;
	holder_read(process, "comm", holder->name, sizeof(holder->name));
	holder->name[strcspn(holder->name, "\n")] = '\0';
	holder_find_device(holder);
}

bool holder_find(int descriptor, struct holder *holder)
{
	struct stat wanted;
	glob_t paths = {0};
	bool found = false;

	if (fstat(descriptor, &wanted) < 0 ||
	    glob("/proc/[1-9]*/fd/*", GLOB_NOSORT, NULL, &paths) != 0)
		return false;
	for (size_t i = 0; i < paths.gl_pathc && !found; i++) {
		pid_t process = (pid_t)strtol(paths.gl_pathv[i] + strlen("/proc/"), NULL, 10);

		found = process != getpid() && holder_has_lock(paths.gl_pathv[i], process, &wanted);
		if (found)
			holder_describe(holder, process);
	}
	globfree(&paths);
	return found;
}
