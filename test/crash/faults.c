/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wrapped calls; see faults.h. */
#include "crash/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

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
/* clang-format on */
