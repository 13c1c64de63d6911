/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state directory is made for one user, with durable names.  One of another user is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transaction/place.h"

#include "support/test.h"

static char top[] = "/tmp/test-place-XXXXXX";
static char paths[3][64]; /* of the folders to be made, the state directory last */
static struct target target;
static struct place place;

static void make_top(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(paths[0], sizeof(paths[0]), "%s/a", top);
	snprintf(paths[1], sizeof(paths[1]), "%s/a/b", top);
	snprintf(paths[2], sizeof(paths[2]), "%s/a/b/bootshift", top);
	target.io = &transaction_real_io;
	place = (struct place){.folder = paths[2], .target = &target};
}

static void remove_top(void)
{
	for (int i = 2; i >= 0; i--)
		rmdir(paths[i]);
	ck_assert_int_eq(rmdir(top), 0);
}

/* ---- calls that are recorded, and fail when they are told to --------------------------------- */

static struct {
	int count, failing; /* syncs; the number of the one that fails, from 0, or -1 */
	char opened[64];    /* the last folder */
	bool synced[3];     /* whether the name of each folder was, when it was there */
} calls;

static int recording_open(const char *path, int flags, mode_t mode)
{
	snprintf(calls.opened, sizeof(calls.opened), "%s", path);
	return open(path, flags, mode);
}

static int recording_fsync(int descriptor)
{
	(void)descriptor;
	if (calls.count++ == calls.failing) {
		errno = EIO;
		return -1;
	}
	for (int i = 0; i < 3; i++) {
		size_t length = (size_t)(strrchr(paths[i], '/') - paths[i]);

		if (strncmp(paths[i], calls.opened, length) == 0 && calls.opened[length] == '\0' &&
		    access(paths[i], F_OK) == 0)
			calls.synced[i] = true;
	}
	return 0;
}

static const struct transaction_io recording = {.open = recording_open, .fsync = recording_fsync};

static int make(int failing, struct bs_error *err)
{
	memset(&calls, 0, sizeof(calls));
	calls.failing = failing;
	target.io = &recording;
	return place_make_folder(&place, err);
}

/* ---- the tests ------------------------------------------------------------------------------- */

TEST_CASE(place_tests, "state directory", .setup = make_top, .teardown = remove_top);

TEST(place_tests, each_folder_that_is_made_has_a_durable_name)
{
	struct bs_error err = {BS_OK, ""};
	struct stat status;

	ck_assert_msg(make(-1, &err) == 0, "%s", err.message);
	for (int i = 0; i < 3; i++) {
		ck_assert_msg(calls.synced[i], "%s", paths[i]);
		ck_assert_int_eq(stat(paths[i], &status), 0);
		ck_assert_int_eq(status.st_mode & 07777, 0700);
	}
}

TEST(place_tests, a_name_that_cannot_be_made_durable_is_an_error)
{
	struct bs_error err = {BS_OK, ""};
	int failing = 0;

	while (make(failing, &err) != 0) {
		ck_assert_int_eq(err.code, BS_IO);
		for (int i = 2; i >= 0; i--)
			rmdir(paths[i]);
		failing++;
	}
	ck_assert_int_ge(failing, 3);
}

/* The process that made it may have been killed before its name was durable. */
TEST(place_tests, a_folder_that_is_there_gets_a_durable_name_too)
{
	struct bs_error err = {BS_OK, ""};

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mkdir(paths[i], 0700), 0);
	ck_assert_msg(make(-1, &err) == 0, "%s", err.message);
	ck_assert(calls.synced[2]);
	ck_assert_int_eq(rmdir(paths[2]), 0);
	ck_assert_msg(make(-1, &err) == 0, "%s", err.message);
	ck_assert(calls.synced[1] && calls.synced[2]);
}

TEST(place_tests, a_folder_that_was_given_is_left_as_it_is)
{
	struct bs_error err = {BS_OK, ""};

	place.folder_is_given = true;
	ck_assert_int_eq(make(-1, &err), 0);
	ck_assert_int_eq(calls.count, 0);
	ck_assert_int_ne(access(paths[0], F_OK), 0);
}

TEST(place_tests, a_folder_that_somebody_else_made_first_is_not_taken)
{
	struct bs_error err = {BS_OK, ""};

	ck_assert_int_eq(place_check_folder(&place, &err), 0); /* could be made by us */
	ck_assert_int_eq(mkdir(paths[0], 0700), 0);
	ck_assert_int_eq(chmod(paths[0], 0777), 0);
	ck_assert_int_lt(make(-1, &err), 0);
	ck_assert_int_eq(err.code, BS_FOLDER_NOT_TRUSTED);
	ck_assert_int_lt(place_check_folder(&place, &err), 0);
	ck_assert_int_eq(err.code, BS_FOLDER_NOT_TRUSTED);
	ck_assert_ptr_nonnull(strstr(err.message, paths[0]));
}
