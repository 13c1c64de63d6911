/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* This file defines the functions, so it removes the analyzer's macros of the same names. */
#undef fail
#undef fail_errno
#undef fail_system
#undef fail_memory
#undef fail_prefix

int fail(struct bs_error *err, enum bs_code code, const char *format, ...)
{
	va_list arguments;

	err->code = code;
	va_start(arguments, format);
	vsnprintf(err->message, sizeof(err->message), format, arguments);
	va_end(arguments);
	return -1;
}

__attribute__((format(printf, 3, 0))) static void
err_format_errno(struct bs_error *err, enum bs_code code, const char *format, va_list arguments)
{
	int number = errno;
	/* strerror() would open a file with translations, which would end a confined worker. */
	const char *description = strerrordesc_np(number);
	size_t length;

	err->code = code;
	vsnprintf(err->message, sizeof(err->message), format, arguments);
	length = strlen(err->message);
	snprintf(err->message + length, sizeof(err->message) - length, ": %s",
		 description ? description : "unknown error");
	errno = number;
}

int fail_errno(struct bs_error *err, enum bs_code code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	err_format_errno(err, code, format, arguments);
	va_end(arguments);
	return -1;
}

static enum bs_code err_code_of(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return BS_NOT_FOUND;
	case EACCES:
	case EPERM:
		return BS_NO_PERMISSION;
	case EROFS:
		return BS_READ_ONLY;
	case ETXTBSY:
		return BS_IN_USE;
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* the file would exceed a limit of the file system or the process */
		return BS_NO_SPACE;
	case ENOMEM:
		return BS_NO_MEMORY;
	case EMFILE:
	case ENFILE:
		return BS_SYSTEM_LIMIT;
	default:
		return BS_IO;
	}
}

int fail_system(struct bs_error *err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	err_format_errno(err, err_code_of(errno), format, arguments);
	va_end(arguments);
	return -1;
}

int fail_memory(struct bs_error *err)
{
	return fail(err, BS_NO_MEMORY, "out of memory");
}

int fail_prefix(struct bs_error *err, const char *format, ...)
{
	char message[sizeof(err->message)];
	va_list arguments;
	size_t length;

	memcpy(message, err->message, sizeof(message));
	va_start(arguments, format);
	vsnprintf(err->message, sizeof(err->message), format, arguments);
	va_end(arguments);
	length = strlen(err->message);
	snprintf(err->message + length, sizeof(err->message) - length, ": %s", message);
	return -1;
}
