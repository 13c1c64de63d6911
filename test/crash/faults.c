/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wrapped calls; see faults.h. */
#include "crash/faults.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include "support/test.h"

static struct {
	bool on;
	pid_t process; /* that called faults_begin() */
	struct fault fault;
	int count;
} faults;

static bool *faults_shared; /* whether a fault occurred, in memory that all processes share */

void faults_begin(const struct fault *fault)
{
	if (!faults_shared)
		faults_shared = mmap(NULL, sizeof(*faults_shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*faults_shared = false;
	faults.fault = *fault;
	faults.count = 0;
	faults.process = getpid();
	faults.on = true;
}

int faults_end(void)
{
	faults.on = false;
	return faults.count;
}

bool faults_occurred(void)
{
	return *faults_shared;
}

bool faults_refuse(enum fault_kind kind)
{
	const struct fault *fault = &faults.fault;
	int number;

	if (!faults.on || kind != fault->kind || (faults.process != getpid()) != fault->in_worker)
		return false;
	number = faults.count++;
	if (fault->number < 0 || number < fault->number ||
	    (number > fault->number && !fault->and_later))
		return false;
	*faults_shared = true;
	errno = kind == FAULT_ALLOCATION ? ENOMEM : fault->error;
	return true;
}

/* The linker's names: __real_X is the function of the C library, __wrap_X is called instead. */
#define WRAPPED(kind, failure, result, name, parameters, ...)                                      \
	result __real_##name parameters;                                                           \
	result __wrap_##name parameters;                                                           \
	result __wrap_##name parameters                                                            \
	{                                                                                          \
		return faults_refuse(kind) ? (failure) : __real_##name(__VA_ARGS__);               \
	}

/* clang-format off */
WRAPPED(FAULT_ALLOCATION, NULL, void *, malloc, (size_t size), size)
WRAPPED(FAULT_ALLOCATION, NULL, void *, calloc, (size_t count, size_t size), count, size)
WRAPPED(FAULT_ALLOCATION, NULL, void *, realloc, (void *memory, size_t size), memory, size)
WRAPPED(FAULT_ALLOCATION, NULL, void *, aligned_alloc, (size_t multiple, size_t size),
	multiple, size)
WRAPPED(FAULT_ALLOCATION, NULL, char *, strdup, (const char *text), text)
WRAPPED(FAULT_ALLOCATION, NULL, char *, strndup, (const char *text, size_t size), text, size)
WRAPPED(FAULT_READ, -1, ssize_t, pread64,
	(int descriptor, void *bytes, size_t size, off_t offset), descriptor, bytes, size, offset)
WRAPPED(FAULT_READ, -1, int, fstat64, (int descriptor, struct stat *status), descriptor, status)
WRAPPED(FAULT_READ, -1, int, lstat64, (const char *path, struct stat *status), path, status)
WRAPPED(FAULT_READ, -1, off_t, lseek64, (int descriptor, off_t offset, int whence),
	descriptor, offset, whence)
WRAPPED(FAULT_READ, -1, ssize_t, fgetxattr,
	(int descriptor, const char *name, void *value, size_t size), descriptor, name, value, size)
WRAPPED(FAULT_READ, -1, int, flock, (int descriptor, int operation), descriptor, operation)
WRAPPED(FAULT_READ, -1, int, stat64, (const char *path, struct stat *status), path, status)
WRAPPED(FAULT_READ, -1, int, fstatvfs64, (int descriptor, struct statvfs *status),
	descriptor, status)
WRAPPED(FAULT_READ, -1, int, access, (const char *path, int mode), path, mode)
WRAPPED(FAULT_READ, -1, int, faccessat, (int folder, const char *path, int mode, int flags),
	folder, path, mode, flags)
WRAPPED(FAULT_READ, -1, ssize_t, getxattr,
	(const char *path, const char *name, void *value, size_t size), path, name, value, size)
WRAPPED(FAULT_READ, NULL, char *, realpath, (const char *path, char *real), path, real)
WRAPPED(FAULT_READ, NULL, DIR *, opendir, (const char *path), path)
WRAPPED(FAULT_READ, NULL, struct dirent *, readdir64, (DIR *names), names)
WRAPPED(FAULT_READ, NULL, FILE *, fopen64, (const char *path, const char *mode), path, mode)
WRAPPED(FAULT_CHANNEL, -1, ssize_t, sendmsg,
	(int socket, const struct msghdr *message, int flags), socket, message, flags)
WRAPPED(FAULT_CHANNEL, -1, ssize_t, recvmsg, (int socket, struct msghdr *message, int flags),
	socket, message, flags)
WRAPPED(FAULT_START, -1, int, socketpair, (int domain, int type, int protocol, int ends[2]),
	domain, type, protocol, ends)
WRAPPED(FAULT_START, -1, int, setsockopt,
	(int socket, int level, int name, const void *value, socklen_t size),
	socket, level, name, value, size)
WRAPPED(FAULT_CHANNEL, -1, int, poll, (struct pollfd *entries, nfds_t count, int timeout),
	entries, count, timeout)
WRAPPED(FAULT_START, -1, pid_t, fork, (void))
/* clang-format on */

/* The C library allocates what asprintf() makes; the second name is that of a hardened build. */
static int faults_print(char **text, const char *format, va_list arguments)
{
	return faults_refuse(FAULT_ALLOCATION) ? -1 : vasprintf(text, format, arguments);
}

#define WRAPPED_PRINT(name, ...)                                                                   \
	int __wrap_##name(__VA_ARGS__, ...);                                                       \
	int __wrap_##name(__VA_ARGS__, ...)                                                        \
	{                                                                                          \
		va_list arguments;                                                                 \
		int length;                                                                        \
                                                                                                   \
		va_start(arguments, format);                                                       \
		length = faults_print(text, format, arguments);                                    \
		va_end(arguments);                                                                 \
		return length;                                                                     \
	}

/* clang-format off */
WRAPPED_PRINT(asprintf, char **text, const char *format)
WRAPPED_PRINT(__asprintf_chk, char **text, int flag CK_ATTRIBUTE_UNUSED, const char *format)
/* clang-format on */
