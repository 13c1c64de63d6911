/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptors and other programs: whole reads and writes, files in memory, sparse copies.
 *
 * Volumes are made in memory files, which cost what is written into them and leave nothing behind
 * however the program ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define COPY_SIZE (1u << 20)

void write_at(int fd, const void *data, size_t length, uint64_t offset)
{
	const uint8_t *from = data;

	while (length > 0) {
		ssize_t written = pwrite(fd, from, length, (off_t)offset);

		if (written < 0)
			die("cannot write: %s", strerror(errno));
		from += written;
		offset += (uint64_t)written;
		length -= (size_t)written;
	}
}

void read_at(int fd, void *data, size_t length, uint64_t offset)
{
	uint8_t *to = data;

	while (length > 0) {
		ssize_t got = pread(fd, to, length, (off_t)offset);

		if (got <= 0)
			die("cannot read: %s", got < 0 ? strerror(errno) : "too short");
		to += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
}

int memory_file(const char *name, uint64_t size)
{
	int fd = memfd_create(name, 0);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die("cannot make a file in memory: %s", strerror(errno));
	return fd;
}

char *descriptor_path(int fd)
{
	return format_text("/proc/self/fd/%d", fd);
}

static void copy_range(int from, int to, uint64_t offset, uint64_t end, uint64_t to_offset)
{
	uint8_t *buffer = allocate(COPY_SIZE);

	while (offset < end) {
		size_t length = end - offset < COPY_SIZE ? (size_t)(end - offset) : COPY_SIZE;

		read_at(from, buffer, length, offset);
		write_at(to, buffer, length, to_offset + offset);
		offset += length;
	}
	free(buffer);
}

void copy_sparsely(int from, int to, uint64_t to_offset)
{
	off_t data = lseek(from, 0, SEEK_DATA);

	while (data >= 0) {
		off_t hole = lseek(from, data, SEEK_HOLE);

		if (hole < 0)
			break;
		copy_range(from, to, (uint64_t)data, (uint64_t)hole, to_offset);
		data = lseek(from, hole, SEEK_DATA);
	}
	if (errno != ENXIO) /* what SEEK_DATA says behind the last data */
		die("cannot look for holes: %s", strerror(errno));
}

/* In the child: gives the program its input, takes its chatter, and becomes it. */
static _Noreturn void become(char *const arguments[], int input, int output)
{
	const char *path = getenv("PATH");

	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(127);
	if (setenv("PATH", format_text("%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin"), 1) < 0)
		_exit(127);
	execvp(arguments[0], arguments);
	_exit(127);
}

static void show(int fd)
{
	off_t length = lseek(fd, 0, SEEK_END);
	char *text = allocate((size_t)length + 1);

	read_at(fd, text, (size_t)length, 0);
	fputs(text, stderr);
	free(text);
}

void run(char *const arguments[], const char *input)
{
	int in = memory_file("input", 0), out = memory_file("output", 0);
	int status;
	pid_t child;

	write_at(in, input, strlen(input), 0);
	child = fork();
	if (child == 0)
		become(arguments, in, out);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		die("cannot run %s: %s", arguments[0], strerror(errno));
	if (status != 0) {
		show(out);
		die("%s failed (is it installed?)", arguments[0]);
	}
	close(in);
	close(out);
}
