/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stack of disks on an image of a format with tables. */
#include "engine/container.h"
#include "unit/qemu-fixture.h"

TEST_CASE(container_tests, "container", .setup = images_prepare);

/* Otherwise its place would not be guarded: an undo would not see that Windows has changed it. */
TEST(container_tests, a_zone_that_cannot_be_read_is_an_error)
{
	struct range places[] = {{0, 512}, {GUEST_SIZE, 512}};
	struct range_vector zones = {.items = places, .count = 1}, found = {0};
	const struct bs_options options = {0};
	struct container container;
	struct bs_error err = {0};

	ck_assert_int_eq(
		container_open_target(&container, make_container("qcow2", ""), &options, &err), 0);
	ck_assert_msg(container_open_disk(&container, &err) == 0, "%s", err.message);
	ck_assert_msg(container_locate(&container, &zones, &found, &err) == 0, "%s", err.message);
	ck_assert_uint_gt(found.count, 2);
	range_vector_free(&found);
	zones.count = 2; /* the second one lies behind the end of the disk */
	ck_assert_int_eq(container_locate(&container, &zones, &found, &err), -1);
	range_vector_free(&found);
	container_close(&container);
}
