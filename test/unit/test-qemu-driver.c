/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Captures of each format: data that is written through the driver is in the container after the
 * commit.
 */
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

#include "support/containers.h"
#include "support/state.h"
#include "unit/qemu-fixture.h"
#include "util/bytes.h"

static const struct {
	const char *driver, *options; /* options of qemu-img convert */
	bool can_check;               /* whether qemu-img check knows the format */
} formats[] = {
	{"vpc", "", false},
	{"vhdx", "", true},
	{"qcow2", "", true},
	{"vmdk", "-o subformat=monolithicSparse", true},
	{"vdi", "", true},
	{"vpc", "-o force_size=on", false},
	{"vhdx", "-o block_size=1M", true},
	{"qcow2", "-o cluster_size=512", true},
	{"qcow2", "-o cluster_size=2M", true},
	{"qcow2", "-o compat=0.10", true},
	{"qcow2", "-c", true},
	{"qcow2", "-o extended_l2=on,cluster_size=128k", true},
};

#define FORMAT_COUNT ((int)(sizeof(formats) / sizeof(formats[0])))
#define PLAIN_COUNT  5 /* the first elements; they have QEMU's default options */

static void assert_staged_well(struct qemu_fixture *fixture, const char *driver, bool can_check)
{
	const char *copy = commit_to_copy(fixture);

	assert_holds_model(fixture, driver, copy);
	if (can_check)
		free(image_run(0, "qemu-img check -f %s %s", driver, copy));
	unlink(copy);
}

TEST_CASE(qemu_driver, "qemu-driver");
TEST_CASE(other_formats, "other formats", .tags = "slow");

TEST_LOOP(qemu_driver, what_is_written_is_in_the_container_after_the_commit, 0, PLAIN_COUNT)
{
	const char *driver = formats[_i].driver;
	const char *path = make_container(driver, formats[_i].options);
	struct image_state before = state_take(path);
	struct qemu_fixture fixture;

	stage(&fixture, path);
	open_driver(&fixture, driver, NULL);
	ck_assert_uint_ge(disk_size(qemu_driver_disk(fixture.driver)), GUEST_SIZE);
	use_disk(&fixture, (unsigned)_i, 60);
	finish(&fixture);
	state_assert_untouched(path, &before);
	assert_staged_well(&fixture, driver, formats[_i].can_check);
	leave(&fixture);
	state_assert_untouched(path, &before);
}

TEST_ALSO(other_formats, what_is_written_is_in_the_container_after_the_commit, PLAIN_COUNT,
	  FORMAT_COUNT);

TEST(qemu_driver, a_driver_that_only_reads_changes_nothing_of_the_guests)
{
	struct qemu_fixture fixture;
	struct bs_error err;
	uint8_t sector[512];

	stage(&fixture, make_container("qcow2", ""));
	open_driver(&fixture, "qcow2", NULL);
	ck_assert_int_eq(disk_read(qemu_driver_disk(fixture.driver), 3u << 20, sector, 512, &err),
			 0);
	finish(&fixture);
	ck_assert_int_eq(disk_read(qemu_driver_disk(fixture.driver), 0, sector, 512, &err), -1);
	assert_staged_well(&fixture, "qcow2", true);
	leave(&fixture);
}

/* A dynamic VHD with the block size of other programs.  qemu-img has no option for this. */
static const char *make_vhd_with_small_blocks(void)
{
	const char *path = text("%s/small-blocks.vpc", images_folder());
	uint8_t header[1024], table[512];

	free(image_run(0, "qemu-img create -f vpc -o force_size=on %s %u", path, GUEST_SIZE));
	file_read(path, 512, header, sizeof(header));
	store_be32(header + 28, GUEST_SIZE / (512 << 10)); /* entries of the block table */
	store_be32(header + 32, 512 << 10);                /* size of a block */
	container_seal_vhd(header, sizeof(header), 36);
	file_write(path, 512, header, sizeof(header));
	memset(table, 0xff, sizeof(table)); /* no block is allocated */
	file_write(path, 1536, table, sizeof(table));
	return path;
}

TEST(qemu_driver, a_vhd_with_small_blocks_is_written_as_well)
{
	struct qemu_fixture fixture;

	stage(&fixture, make_vhd_with_small_blocks());
	memset(fixture.model, 0, GUEST_SIZE);
	open_driver(&fixture, "vpc", "force_size_calc=current_size");
	ck_assert_uint_eq(disk_size(qemu_driver_disk(fixture.driver)), GUEST_SIZE);
	use_disk(&fixture, 1, 40);
	finish(&fixture);
	assert_staged_well(&fixture, "vpc", false);
	leave(&fixture);
}

/* Staged content is verified with such a driver before the commit. */
TEST_LOOP(qemu_driver, a_driver_for_reading_cannot_write, 0, PLAIN_COUNT)
{
	const char *driver = formats[_i].driver;
	struct qemu_fixture fixture;
	struct bs_error err;
	uint8_t *found = malloc(GUEST_SIZE);

	stage(&fixture, make_container(driver, formats[_i].options));
	open_driver(&fixture, driver, NULL);
	use_disk(&fixture, 8, 10);
	finish(&fixture);
	qemu_driver_close(fixture.driver);
	overlay_take_written_sectors(fixture.overlay);
	fixture.driver = qemu_driver_open(IMAGE_OF(fixture.overlay, driver), false, &err);
	ck_assert_msg(fixture.driver != NULL, "%s", err.message);
	free(image_run(0, "grep ' /tmp ro,' /proc/%d/mountinfo", only_child()));
	ck_assert_int_eq(disk_read(qemu_driver_disk(fixture.driver), 0, found, GUEST_SIZE, &err),
			 0);
	ck_assert(memcmp(found, fixture.model, GUEST_SIZE) == 0);
	ck_assert_int_eq(disk_write(qemu_driver_disk(fixture.driver), 0, found, 512, &err), -1);
	ck_assert_int_eq(err.code, BS_READ_ONLY);
	ck_assert_uint_eq(overlay_take_written_sectors(fixture.overlay), 0);
	free(found);
	leave(&fixture);
}

TEST_ALSO(other_formats, a_driver_for_reading_cannot_write, PLAIN_COUNT, FORMAT_COUNT);

TEST(qemu_driver, an_internal_snapshot_stays_what_it_was)
{
	const char *path = make_container("qcow2", "");
	struct qemu_fixture fixture;
	const char *copy;

	free(image_run(0, "qemu-img snapshot -c before %s", path));
	stage(&fixture, path);
	open_driver(&fixture, "qcow2", NULL);
	use_disk(&fixture, 2, 40);
	finish(&fixture);
	assert_staged_well(&fixture, "qcow2", true);
	copy = commit_to_copy(&fixture);
	free(image_run(0, "qemu-img convert -l before -O raw %s %s.raw", copy, copy));
	free(fixture.model);
	fixture.model = new_model();
	assert_holds_model(&fixture, "raw", text("%s.raw", copy));
	leave(&fixture);
}

TEST(qemu_driver, zeros_of_a_longer_container_are_left_out)
{
	struct qemu_fixture fixture;
	struct range_vector extents;
	struct bs_error err;
	uint8_t sector[512];
	uint64_t changed = 0, size_before;

	stage(&fixture, make_container("vhdx", "-o block_size=8M"));
	size_before = disk_size(fixture.file);
	open_driver(&fixture, "vhdx", NULL);
	fill_random(sector, sizeof(sector), 1);
	ck_assert_int_eq(
		disk_write(qemu_driver_disk(fixture.driver), (15u << 20) + 512, sector, 512, &err),
		0);
	memcpy(fixture.model + (15u << 20) + 512, sector, 512);
	finish(&fixture);
	ck_assert_int_eq(overlay_extents(fixture.overlay, 1 << 20, &extents, &err), 0);
	for (size_t i = 0; i < extents.count; i++)
		changed += extents.items[i].length;
	range_vector_free(&extents);
	ck_assert_uint_ge(disk_size(overlay_disk(fixture.overlay)), size_before);
	ck_assert_uint_le(changed, 1 << 20);
	assert_staged_well(&fixture, "vhdx", true);
	leave(&fixture);
}

/* The engine finds the place of the guest's guard zones in the container in this way. */
TEST_LOOP(qemu_driver, watching_the_overlay_tells_where_a_part_of_the_disk_lies, 0, PLAIN_COUNT)
{
	const char *driver = formats[_i].driver;
	struct qemu_fixture fixture;
	struct range_vector ranges;
	struct bs_error err;
	uint8_t sector[512];
	size_t holding = 0;
	bool is_compressed = strcmp(formats[_i].options, "-c") == 0;

	stage(&fixture, make_container(driver, formats[_i].options));
	open_driver(&fixture, driver, NULL);
	/*
	 * Reads the tables first, so that only the content remains to be read.  It begins at 12 MiB
	 * + 3108.
	 */
	ck_assert_int_eq(
		disk_read(qemu_driver_disk(fixture.driver), (12u << 20) + 8192, sector, 512, &err),
		0);
	overlay_watch(fixture.overlay, true);
	ck_assert_int_eq(
		disk_read(qemu_driver_disk(fixture.driver), (12u << 20) + 16384, sector, 512, &err),
		0);
	overlay_take_watched(fixture.overlay, &ranges);
	for (size_t i = 0; i < ranges.count && ranges.items[i].length == 512; i++) {
		uint8_t found[512];

		ck_assert_int_eq(disk_read(fixture.file, ranges.items[i].offset, found, 512, &err),
				 0);
		holding += memcmp(found, sector, 512) == 0;
	}
	ck_assert_uint_ge(ranges.count, 1);
	range_vector_free(&ranges);
	ck_assert(memcmp(sector, fixture.model + (12u << 20) + 16384, 512) == 0);
	ck_assert_uint_eq(holding, is_compressed ? 0 : 1);
	leave(&fixture);
}

TEST_ALSO(other_formats, watching_the_overlay_tells_where_a_part_of_the_disk_lies, PLAIN_COUNT,
	  FORMAT_COUNT);

TEST(qemu_driver, two_drivers_at_once_do_not_meet)
{
	struct qemu_fixture one, other;

	stage(&one, make_container("qcow2", ""));
	stage(&other, make_container("vhdx", ""));
	open_driver(&one, "qcow2", NULL);
	open_driver(&other, "vhdx", NULL);
	use_disk(&one, 3, 20);
	use_disk(&other, 4, 20);
	finish(&one);
	use_disk(&other, 5, 20);
	finish(&other);
	assert_staged_well(&one, "qcow2", true);
	assert_staged_well(&other, "vhdx", true);
	leave(&one);
	leave(&other);
}

/* Gives this process a /dev/fuse for all users, as distributions do.  False: not possible. */
static bool share_fuse_device(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("test", "/mnt", "tmpfs", 0, NULL) == 0 &&
	       mknod("/mnt/fuse", S_IFCHR, makedev(10, 229)) == 0 &&
	       chmod("/mnt/fuse", 0666) == 0 &&
	       mount("/mnt/fuse", "/dev/fuse", NULL, MS_BIND, NULL) == 0;
}

TEST(qemu_driver, it_takes_no_privileges)
{
	const char *path = make_container("qcow2", "");
	struct qemu_fixture fixture;
	struct bs_error err;

	if (!test_needs(share_fuse_device(), "root and a mount namespace"))
		return;
	/* Sticky, because the other tests trust this folder. */
	ck_assert_int_eq(chmod(images_folder(), 01777), 0);
	ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	/* As after the exec() that starts a program for a user. */
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
	stage(&fixture, path);
	fixture.driver = qemu_driver_open(IMAGE_OF(fixture.overlay, "qcow2"), true, &err);
	if (fixture.driver) {
		use_disk(&fixture, 6, 20);
		finish(&fixture);
		assert_staged_well(&fixture, "qcow2", true);
	} else { /* only root may do this here: an error says so */
		ck_assert_int_eq(err.code, BS_DRIVER_UNUSABLE);
		ASSERT_HAS(err.message, "this user may not");
	}
	leave(&fixture);
}
