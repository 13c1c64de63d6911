/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk with a FAT system volume: fixed through libguestfs, started, and undone. */
#include <stdlib.h>

#include "cli/samples.h"
#include "support/machine.h"
#include "support/report.h"

TEST_CASE(fat_system_volume, "FAT system volume", .tags = "slow");

TEST(fat_system_volume, it_is_refused_with_the_command_that_fixes_it_and_then_the_disk_starts)
{
	const char *image = image_copy(image_built("fat-system-volume", false)), *alone;
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", image);

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, text("(fat-system-volume); have libguestfs read it: "
					"bootshift fix --engine libguestfs %s\n",
					image));
	state_assert_untouched(image, &before);
	assert_shows(image, "This is not a bootable disk");
	setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 0);
	outcome = BOOTSHIFT("fix", "--engine", "libguestfs", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "fixed: 36 files, ");
	ASSERT_HAS(outcome.output, "(note-fat-system-volume)");
	ASSERT_STATUS(BOOTSHIFT("verify", image), 3);
	ASSERT_STATUS(BOOTSHIFT("verify", "--engine", "libguestfs", image), 0);
	alone = image_without_first_partition(image);
	assert_starts(alone, 2, "Windows 7 from partition 2");
	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	state_assert_restored(image, &before);
	image_remove(alone);
	image_remove(image);
}
