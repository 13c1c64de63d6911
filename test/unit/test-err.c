/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors of the system: the code of each, and the system's text at the end of the message. */
#include "support/test.h"
#undef fail /* an outdated macro of check.h */
#include <errno.h>

#include "util/err.h"

static const struct {
	int number;
	enum bs_code code;
	const char *message;
} errors[] = {
	{ENOENT, BS_NOT_FOUND, "cannot open a: No such file or directory"},
	{ELOOP, BS_NOT_FOUND, "cannot open a: Too many levels of symbolic links"},
	{EACCES, BS_NO_PERMISSION, "cannot open a: Permission denied"},
	{EROFS, BS_READ_ONLY, "cannot open a: Read-only file system"},
	{ETXTBSY, BS_IN_USE, "cannot open a: Text file busy"},
	{ENOSPC, BS_NO_SPACE, "cannot open a: No space left on device"},
	{EDQUOT, BS_NO_SPACE, "cannot open a: Disk quota exceeded"},
	{EFBIG, BS_NO_SPACE, "cannot open a: File too large"},
	{ENOMEM, BS_NO_MEMORY, "cannot open a: Cannot allocate memory"},
	{EMFILE, BS_SYSTEM_LIMIT, "cannot open a: Too many open files"},
	{EIO, BS_IO, "cannot open a: Input/output error"},
	{100000, BS_IO, "cannot open a: unknown error"},
};

TEST_CASE(err_tests, "err");

TEST_EACH(err_tests, an_error_of_the_system_has_its_code_and_its_text, errors)
{
	struct bs_error err;

	errno = errors[_i].number;
	ck_assert_int_eq(fail_system(&err, "cannot open %s", "a"), -1);
	ck_assert_int_eq(err.code, errors[_i].code);
	ck_assert_str_eq(err.message, errors[_i].message);
	ck_assert_int_eq(errno, errors[_i].number);
}

TEST(err_tests, a_long_message_is_cut_at_its_end)
{
	struct bs_error err;

	errno = ENOENT;
	fail_system(&err, "%2000s", "a");
	ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 1);
	fail_prefix(&err, "%2000s", "b");
	ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 1);
}
