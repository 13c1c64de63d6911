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

/* Together with the compiler's warning of a code that is initialized twice: no value is left out. */
#define BS_CODE(symbol, value, name, exit, advice)                                                 \
	_Static_assert((value) < BS_CODE_COUNT, "BS_CODE_COUNT is too small");
BS_CODES(BS_CODE)
#undef BS_CODE
#define BS_CODE(symbol, value, name, exit, advice) char symbol##_;
struct err_one_byte_each {
	BS_CODES(BS_CODE)
};
#undef BS_CODE
_Static_assert(sizeof(struct err_one_byte_each) == BS_CODE_COUNT, "BS_CODE_COUNT is wrong");

static const struct {
	const char *name;
	enum bs_exit exit;
	const char *advice;
} err_codes[] = {
#define BS_CODE(symbol, value, name, exit, advice) [symbol] = {name, exit, advice},
	BS_CODES(BS_CODE)
#undef BS_CODE
};

const char *bs_code_name(enum bs_code code)
{
	return (unsigned)code < BS_CODE_COUNT ? err_codes[code].name : "unknown";
}

enum bs_exit bs_code_exit(enum bs_code code)
{
	return (unsigned)code < BS_CODE_COUNT ? err_codes[code].exit : BS_EXIT_FAILED;
}

const char *bs_code_advice(enum bs_code code)
{
	return (unsigned)code < BS_CODE_COUNT ? err_codes[code].advice : "";
}

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

bool bs_code_is_cured(enum bs_code code)
{
	static const enum bs_code cured[] = {BS_NO_ACTIVE_PARTITION, BS_SEVERAL_ACTIVE,
					     BS_SYSTEM_PARTITION,    BS_BOOTMGR_MISSING,
					     BS_BOOTMGR_DAMAGED,     BS_BCD_MISSING,
					     BS_BCD_DAMAGED,         BS_BCD_DIRTY,
					     BS_NO_DEFAULT_ENTRY,    BS_DEFAULT_ENTRY_BROKEN};

	for (size_t i = 0; i < sizeof(cured) / sizeof(cured[0]); i++)
		if (cured[i] == code)
			return true;
	return false;
}
