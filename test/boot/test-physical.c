/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A physical machine, as bootshift-machine(7) describes it: a live Linux runs on the machine, fixes
 * the disk with Windows, and keeps the undo file on another disk.  Windows starts afterwards, and
 * the live Linux can take the fix back, bit for bit.
 */
#include <stdlib.h>

#include "support/images.h"
#include "support/machine.h"

static const char *folder;

/* Starts the live system with both disks, and returns what it has said. */
static const char *live_run(const char *command, const char *disk)
{
	char *said = image_run(
		0,
		"timeout 240 qemu-system-x86_64 -accel tcg -m 512 "
		"-nodefaults -display none -no-reboot -serial stdio "
		"-kernel %s/vmlinuz -initrd %s/initrd "
		"-append 'console=ttyS0 quiet panic=-1 no_timer_check cryptomgr.notests RUN=%s' "
		"-drive if=ide,format=raw,file=%s "
		"-drive if=virtio,format=raw,file=%s/undo.img </dev/null",
		folder, folder, command, disk, folder);
	const char *kept = text("%s", said);

	free(said);
	return kept;
}

TEST_CASE(physical, "physical", .tags = "slow");

TEST(physical, a_live_system_fixes_the_disk_of_its_machine_and_takes_that_back)
{
	const char *disk = image_copy(image_built("windows-7", false));
	struct image_digest before = image_digest(disk);
	const char *said;

	folder = text("%s/live", images_folder());
	free(image_run(0,
		       "rm -rf %s && mkdir %s && test/boot/live-system %s %s && "
		       "truncate -s 128M %s/undo.img && mkfs.ext4 -q %s/undo.img",
		       folder, folder, bootshift_path(), folder, folder, folder));
	said = live_run("fix", disk);
	ASSERT_HAS(said, "/dev/sda: fixed: 36 files");
	assert_starts(disk, 2, "Windows 7 from partition 2");
	said = live_run("verify", disk);
	ASSERT_HAS(said, "/dev/sda: whole");
	said = live_run("undo", disk);
	ASSERT_HAS(said, "/dev/sda: undone");
	image_assert_same(disk, &before);
	free(image_run(0, "rm -rf %s", folder));
}
