/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of paths, and writing and temporary files. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "util/io.h"
#include "util/path.h"

TEST_CASE(path_tests, "path");

static const struct {
	const char *path, *folder, *name, *beside;
} paths[] = {
	{"/a/b", "/a", "b", "/a/x"}, {"/b", "/", "b", "/x"},       {"b", ".", "b", "x"},
	{"a/b", "a", "b", "a/x"},    {"./b/", "./b", "", "./b/x"}, {"/", "/", "", "/x"},
};

TEST_EACH(path_tests, a_path_is_a_folder_and_a_name, paths)
{
	char *folder = path_folder(paths[_i].path), *beside = path_beside(paths[_i].path, "x");

	ck_assert_str_eq(folder, paths[_i].folder);
	ck_assert_str_eq(path_name(paths[_i].path), paths[_i].name);
	ck_assert_str_eq(beside, paths[_i].beside);
	free(folder);
	free(beside);
}

TEST(path_tests, a_path_is_cut_up_to_the_root)
{
	char path[] = "/a/b";

	path_cut_name(path);
	ck_assert_str_eq(path, "/a");
	path_cut_name(path);
	ck_assert_str_eq(path, "/");
	path_cut_name(path);
	ck_assert_str_eq(path, "/");
}

TEST(path_tests, a_path_of_the_guest_is_a_folder_and_a_name)
{
	char folder[BS_PATH_MAX];

	ck_assert_str_eq(guest_path_name("\\Boot\\BCD"), "BCD");
	ck_assert_str_eq(guest_path_name("\\bootmgr"), "bootmgr");
	guest_path_folder("\\Boot\\BCD", folder);
	ck_assert_str_eq(folder, "\\Boot");
	guest_path_folder("\\bootmgr", folder);
	ck_assert_str_eq(folder, "\\");
}

/* ---- writing -------------------------------------------------------------------------------- */

TEST_CASE(io_tests, "io");

TEST(io_tests, a_file_without_a_name_takes_what_is_written)
{
	char bytes[8] = "";
	struct stat status;
	int descriptor = io_open_unnamed("/tmp", O_APPEND);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(io_write_all(descriptor, "shift", 5), 0);
	ck_assert_int_eq(pread(descriptor, bytes, sizeof(bytes), 0), 5);
	ck_assert_mem_eq(bytes, "shift", 5);
	ck_assert_int_eq(fstat(descriptor, &status), 0);
	ck_assert_uint_eq(status.st_nlink, 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	ck_assert_int_ne(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_ne(fcntl(descriptor, F_GETFL) & O_APPEND, 0);
	close(descriptor);
	ck_assert_int_eq(io_open_unnamed("/nowhere", 0), -1);
}

/* A pipe takes 64 KiB at a time; the child reads slowly. */
TEST(io_tests, all_is_written_however_many_calls_it_takes)
{
	static char bytes[1 << 18];
	size_t length = 0;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	if (fork() == 0) {
		close(ends[0]);
		_exit(io_write_all(ends[1], bytes, sizeof(bytes)) < 0);
	}
	close(ends[1]);
	for (;;) { /* ends: the child closes the pipe */
		ssize_t part = read(ends[0], bytes, 5000);

		if (part <= 0)
			break;
		length += (size_t)part;
	}
	ck_assert_uint_eq(length, sizeof(bytes));
	close(ends[0]);
}

TEST(io_tests, an_error_of_writing_is_told)
{
	int descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(io_write_all(descriptor, "x", 1), -1);
	close(descriptor);
}

TEST(io_tests, the_temporary_folder_is_that_of_the_user)
{
	setenv("TMPDIR", "/var/tmp", 1);
	ck_assert_str_eq(io_temporary_folder(), "/var/tmp");
	setenv("TMPDIR", "", 1);
	ck_assert_str_eq(io_temporary_folder(), "/tmp");
	unsetenv("TMPDIR");
	ck_assert_str_eq(io_temporary_folder(), "/tmp");
}
