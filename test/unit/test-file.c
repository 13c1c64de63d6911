/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files as disks, and opening them by path.  Each path is in a folder of its own. */
#include "support/test.h"
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/image.h"

static char folder[] = "/tmp/bootshift-test-file.XXXXXX";

static void make_folder(void)
{
	if (!mkdtemp(folder))
		abort();
}

static void remove_folder(void)
{
	char command[100];

	/* Also removes files that a failed test has left. */
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		abort();
}

static char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Makes a file without a name, `length` bytes long, that begins with "content". */
static int make_file(off_t length)
{
	int descriptor = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(pwrite(descriptor, "content", 7, 0), 7);
	ck_assert_int_eq(ftruncate(descriptor, length), 0);
	return descriptor;
}

TEST_CASE(file_tests, "file", .once_setup = make_folder, .once_teardown = remove_folder);

TEST(file_tests, a_file_is_a_disk_of_its_size)
{
	struct bs_error err;
	int descriptor = make_file(100000);
	struct disk *disk = file_open(descriptor, &err);
	char found[7];

	ck_assert_ptr_nonnull(disk);
	ck_assert_uint_eq(disk_size(disk), 100000);
	ck_assert_int_eq(disk_read(disk, 0, found, 7, &err), 0);
	ck_assert_mem_eq(found, "content", 7);
	disk_close(disk);
	ck_assert_int_eq(close(descriptor), 0);
}

TEST(file_tests, a_hole_is_told_from_bytes)
{
	struct bs_error err;
	int descriptor = make_file(100000);
	struct disk *disk = file_open(descriptor, &err);

	ck_assert_ptr_nonnull(disk);
	ck_assert_int_eq(pwrite(descriptor, "", 1, 50000), 1); /* a zero, but written */
	ck_assert(!disk_is_hole(disk, 0, 100000));
	ck_assert(!disk_is_hole(disk, 6, 1));
	ck_assert(disk_is_hole(disk, 8192, 32768));
	ck_assert(!disk_is_hole(disk, 8192, 50001 - 8192));
	ck_assert(disk_is_hole(disk, 60000, 40000)); /* up to the end */
	disk_close(disk);
	close(descriptor);
}

TEST(file_tests, a_file_disk_cannot_be_written)
{
	struct bs_error err;
	int descriptor = make_file(1000);
	struct disk *disk = file_open(descriptor, &err);

	ck_assert_int_eq(disk_write(disk, 0, "C", 1, &err), -1);
	ck_assert_int_eq(err.code, BS_READ_ONLY);
	ck_assert_int_eq(disk_flush(disk, &err), 0);
	disk_close(disk);
	close(descriptor);
}

TEST(file_tests, what_has_been_cut_off_since_is_an_error_and_not_zeros)
{
	struct bs_error err;
	int descriptor = make_file(1000);
	struct disk *disk = file_open(descriptor, &err);
	char found[200];

	ck_assert_int_eq(ftruncate(descriptor, 900), 0);
	ck_assert_int_eq(disk_read(disk, 700, found, 200, &err), 0);
	ck_assert_int_eq(disk_read(disk, 800, found, 200, &err), -1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	ck_assert_ptr_nonnull(strstr(err.message, "shorter"));
	disk_close(disk);
	close(descriptor);
}

TEST(file_tests, a_pipe_is_no_disk)
{
	struct bs_error err;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_ptr_null(file_open(ends[0], &err));
	ck_assert_int_eq(err.code, BS_NOT_AN_IMAGE);
	close(ends[0]);
	close(ends[1]);
}

static void assert_refused(const char *path, enum bs_code code, const char *text)
{
	struct bs_error err;
	struct stat status;
	int descriptor = -1;

	ck_assert_int_eq(image_open(path, &descriptor, &status, &err), -1);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.message, text), "%s", err.message);
	ck_assert_int_eq(descriptor, -1);
}

TEST(file_tests, an_image_is_opened_for_reading_only_also_through_a_link)
{
	struct bs_error err;
	struct stat status;
	int descriptor = -1;
	char *target = strdup(path_of("image"));
	FILE *file = fopen(target, "w");

	ck_assert_ptr_nonnull(file);
	fputs("content", file);
	fclose(file);
	ck_assert_int_eq(symlink(target, path_of("link")), 0);
	ck_assert_int_eq(image_open(path_of("link"), &descriptor, &status, &err), 0);
	unlink(path_of("link"));
	unlink(target);
	free(target);
	ck_assert_int_eq(status.st_size, 7);
	ck_assert_int_eq(fcntl(descriptor, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
	close(descriptor);
}

TEST(file_tests, what_is_no_image_is_refused_by_its_kind)
{
	assert_refused(path_of("missing"), BS_NOT_FOUND, "No such file");
	assert_refused("/dev/null/image", BS_NOT_FOUND, "Not a directory");
	assert_refused(folder, BS_NOT_AN_IMAGE, "is a folder");
	assert_refused("/dev/null", BS_NOT_AN_IMAGE, "is a character device");
}

TEST(file_tests, an_empty_file_is_refused)
{
	int descriptor = open(path_of("empty"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(descriptor, 0);
	close(descriptor);
	assert_refused(path_of("empty"), BS_NOT_AN_IMAGE, "is empty");
	unlink(path_of("empty"));
}

TEST(file_tests, a_pipe_without_a_writer_is_refused_at_once)
{
	ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
	assert_refused(path_of("pipe"), BS_NOT_AN_IMAGE, "is a pipe");
	unlink(path_of("pipe"));
}

TEST(file_tests, a_socket_is_refused)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_refused(address.sun_path, BS_NOT_AN_IMAGE, "is a socket");
	unlink(address.sun_path);
	close(descriptor);
}

TEST(file_tests, a_file_without_permission_is_refused)
{
	int descriptor = open(path_of("secret"), O_CREAT | O_WRONLY | O_CLOEXEC, 0000);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(write(descriptor, "content", 7), 7);
	close(descriptor);
	/* Root can read every file, so root becomes another user. */
	if (geteuid() != 0 || (chmod(folder, 0711) == 0 && seteuid(65534) == 0))
		assert_refused(path_of("secret"), BS_NO_PERMISSION, "Permission denied");
	ck_assert_int_eq(seteuid(getuid()), 0);
	unlink(path_of("secret"));
}
