/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Detects other users of an image: loop devices that the image is attached to, mounts of a device
 * and of its partitions, and programs that hold a device exclusively.  Without the right to attach
 * loop devices, the tests do nothing.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/loop.h"
#include "transaction/lock.h"

#include "support/test.h"

#define MIB (1u << 20)

struct fixture {
	char folder[64], image[96], mount[96];
	char loop[LOOP_PATH_MAX];
	int device; /* -1: not possible here */
};

static void fixture_open(struct fixture *fixture, bool read_only)
{
	int descriptor;

	strcpy(fixture->folder, "/tmp/test-lock-device-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
	snprintf(fixture->image, sizeof(fixture->image), "%s/disk.img", fixture->folder);
	snprintf(fixture->mount, sizeof(fixture->mount), "%s/mount", fixture->folder);
	descriptor = open(fixture->image, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(descriptor, 8 * MIB), 0);
	close(descriptor);
	ck_assert_int_eq(mkdir(fixture->mount, 0700), 0);
	fixture->device = loop_attach(fixture->image, read_only, fixture->loop);
}

static void fixture_close(const struct fixture *fixture)
{
	if (fixture->device >= 0)
		close(fixture->device);
	unlink(fixture->image);
	rmdir(fixture->mount);
	ck_assert_int_eq(rmdir(fixture->folder), 0);
}

/* Mounts a new file system on a device, in a mount namespace that ends with the test. */
static bool mount_new(const struct fixture *fixture, const char *device, unsigned long flags)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q '%s' >/dev/null 2>&1", device);
	return test_needs(system(command) == 0 && unshare(CLONE_NEWNS) == 0 &&
				  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
				  mount(device, fixture->mount, "ext4", flags, NULL) == 0,
			  "the right to mount");
}

static struct image_lock *lock(const struct fixture *fixture, const char *image,
			       enum lock_purpose purpose, struct bs_error *err)
{
	struct target *target = target_open(image, err);
	struct image_lock *taken = NULL;
	struct place place = {0};

	if (target && place_find(target, fixture->folder, &place, err) == 0)
		taken = lock_image(&place, purpose, err);
	place_free(&place);
	target_close(target);
	return taken;
}

static void assert_free(const struct fixture *fixture, const char *image, enum lock_purpose purpose)
{
	struct bs_error err = {BS_OK, ""};
	struct image_lock *taken = lock(fixture, image, purpose, &err);

	ck_assert_msg(taken != NULL, "%s", err.message);
	lock_release(taken);
}

static void assert_in_use(const struct fixture *fixture, const char *image,
			  enum lock_purpose purpose, const char *by)
{
	struct bs_error err = {BS_OK, ""};

	ck_assert_ptr_null(lock(fixture, image, purpose, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	ck_assert_msg(strstr(err.message, by), "%s", err.message);
}

/* ---- a file -------------------------------------------------------------------------------- */

TEST_CASE(file_tests, "file");

TEST(file_tests, a_file_behind_a_writable_loop_device_is_in_use)
{
	struct fixture fixture;

	fixture_open(&fixture, false);
	if (fixture.device >= 0) {
		assert_in_use(&fixture, fixture.image, LOCK_FOR_CHANGING, fixture.loop);
		assert_in_use(&fixture, fixture.image, LOCK_FOR_READING, fixture.loop);
	}
	fixture_close(&fixture);
}

TEST(file_tests, a_file_behind_a_read_only_loop_device_may_be_read)
{
	struct fixture fixture;

	fixture_open(&fixture, true);
	if (fixture.device >= 0) {
		assert_in_use(&fixture, fixture.image, LOCK_FOR_CHANGING, fixture.loop);
		assert_free(&fixture, fixture.image, LOCK_FOR_READING);
	}
	fixture_close(&fixture);
}

TEST(file_tests, the_name_of_a_loop_devices_file_does_not_matter)
{
	struct fixture fixture;
	char other[128];

	fixture_open(&fixture, false);
	snprintf(other, sizeof(other), "%s/other", fixture.folder);
	ck_assert_int_eq(rename(fixture.image, other), 0);
	if (fixture.device >= 0)
		assert_in_use(&fixture, other, LOCK_FOR_CHANGING, fixture.loop);
	ck_assert_int_eq(rename(other, fixture.image), 0);
	fixture_close(&fixture);
}

/* ---- a device ------------------------------------------------------------------------------ */

TEST_CASE(device_tests, "device");

TEST(device_tests, a_free_device_can_be_locked)
{
	struct fixture fixture;

	fixture_open(&fixture, false);
	if (fixture.device >= 0) {
		assert_free(&fixture, fixture.loop, LOCK_FOR_READING);
		assert_free(&fixture, fixture.loop, LOCK_FOR_CHANGING);
	}
	fixture_close(&fixture);
}

TEST(device_tests, two_readers_share_a_device_and_keep_out_a_changer)
{
	struct fixture fixture;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture, false);
	if (fixture.device >= 0) {
		struct image_lock *reader = lock(&fixture, fixture.loop, LOCK_FOR_READING, &err);

		ck_assert_ptr_nonnull(reader);
		assert_free(&fixture, fixture.loop, LOCK_FOR_READING);
		assert_in_use(&fixture, fixture.loop, LOCK_FOR_CHANGING, "locked the device");
		lock_release(reader);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_device_that_somebody_has_alone_is_in_use)
{
	struct fixture fixture;

	fixture_open(&fixture, false);
	if (fixture.device >= 0) {
		int alone = open(fixture.loop, O_RDONLY | O_EXCL | O_CLOEXEC);

		ck_assert_int_ge(alone, 0);
		assert_in_use(&fixture, fixture.loop, LOCK_FOR_CHANGING,
			      "uses the device exclusively");
		close(alone);
		assert_free(&fixture, fixture.loop, LOCK_FOR_CHANGING);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_device_being_changed_cannot_be_mounted)
{
	struct fixture fixture;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture, false);
	if (fixture.device >= 0) {
		struct image_lock *changer = lock(&fixture, fixture.loop, LOCK_FOR_CHANGING, &err);

		ck_assert_ptr_nonnull(changer);
		ck_assert_int_lt(open(fixture.loop, O_RDONLY | O_EXCL | O_CLOEXEC), 0);
		lock_release(changer);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_mounted_device_is_in_use)
{
	struct fixture fixture;

	fixture_open(&fixture, false);
	if (fixture.device >= 0 && mount_new(&fixture, fixture.loop, 0)) {
		assert_in_use(&fixture, fixture.loop, LOCK_FOR_CHANGING, fixture.mount);
		assert_in_use(&fixture, fixture.loop, LOCK_FOR_READING, fixture.mount);
		assert_in_use(&fixture, fixture.loop, LOCK_FOR_CHANGING, "(to unmount it: umount ");
		/* The loop device could not be detached yet. */
		assert_in_use(&fixture, fixture.image, LOCK_FOR_CHANGING, "umount ");
		ck_assert_int_eq(umount(fixture.mount), 0);
		assert_in_use(&fixture, fixture.image, LOCK_FOR_CHANGING,
			      "(to detach it: losetup -d /dev/loop");
		assert_free(&fixture, fixture.loop, LOCK_FOR_CHANGING);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_device_that_is_mounted_for_reading_may_be_read)
{
	struct fixture fixture;

	fixture_open(&fixture, false);
	if (fixture.device >= 0 && mount_new(&fixture, fixture.loop, MS_RDONLY)) {
		assert_in_use(&fixture, fixture.loop, LOCK_FOR_CHANGING, fixture.mount);
		assert_free(&fixture, fixture.loop, LOCK_FOR_READING);
		ck_assert_int_eq(umount(fixture.mount), 0);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_device_with_a_mounted_partition_is_in_use)
{
	struct fixture fixture;
	char partition[LOOP_PATH_MAX + 2];

	fixture_open(&fixture, false);
	snprintf(partition, sizeof(partition), "%sp1", fixture.loop);
	if (fixture.device >= 0) {
		loop_add_partition(fixture.device, MIB, 4 * MIB);
		if (mount_new(&fixture, partition, 0)) {
			assert_in_use(&fixture, fixture.loop, LOCK_FOR_CHANGING, "partition loop");
			assert_in_use(&fixture, fixture.loop, LOCK_FOR_READING, fixture.mount);
			ck_assert_int_eq(umount(fixture.mount), 0);
		}
		assert_free(&fixture, fixture.loop, LOCK_FOR_CHANGING);
		loop_remove_partition(fixture.device);
	}
	fixture_close(&fixture);
}
