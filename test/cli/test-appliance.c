/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libguestfs and, if there is one, the kernel's NTFS driver find in an image in a virtual
 * machine, before and after a fix: the same Windows, and the same bytes in each file that was
 * moved.  These tests take a minute or more, so they have the tag `slow`.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

/* The images as the virtual machine sees them. */
enum { OLD_7, NEW_7, OLD_10, NEW_10, IMAGE_COUNT };

static const char *device(int image, int partition)
{
	return text("/dev/sd%c%d", 'a' + image, partition);
}

/*
 * The appliance uses the host's kernel.  If the kernel has no NTFS driver, the appliance uses
 * ntfs-3g.
 */
static const char *driver(void)
{
	static const char modules[] = "ls /lib/modules/*/kernel/fs/ntfs3/ntfs3.ko*";

	return RUN("sh", "-c", modules).status == 0 ? "ntfs3" : "ntfs-3g";
}

/* Checksums of all boot files of a volume.  `name` is the name of the output files. */
static const char *read_checksums(const char *device_name, const char *name)
{
	return text("mount-vfs ro %s %s /\n"
		    "checksums-out sha256 /Boot %s/%s-Boot\n"
		    "checksum sha256 /bootmgr | cat >%s/%s-bootmgr\n"
		    "umount /\n",
		    driver(), device_name, images_folder(), name, images_folder(), name);
}

static const char *script(void)
{
	const char *commands = "run\ninspect-os\n";

	for (int image = 0; image < IMAGE_COUNT; image++)
		commands = text("%secho %s\ninspect-get-product-name %s\n", commands,
				device(image, 2), device(image, 2));
	return text("%s%s%s%s%s", commands, read_checksums(device(NEW_7, 1), "old-7"),
		    read_checksums(device(NEW_7, 2), "new-7"),
		    read_checksums(device(NEW_10, 1), "old-10"),
		    read_checksums(device(NEW_10, 2), "new-10"));
}

static const char *in_folder(const char *name)
{
	return text("%s/%s", images_folder(), name);
}

static void assert_same_checksums(const char *version)
{
	const char *old = text("old-%s", version), *new = text("new-%s", version);
	struct outcome outcome =
		RUN("sh", "-c",
		    text("cd '%s' && cmp %s-bootmgr %s-bootmgr && for i in %s %s; do "
			 "grep -v ' ./BCD$' $i-Boot | sort >$i-sorted; done; "
			 "cmp %s-sorted %s-sorted && wc -l <%s-sorted",
			 images_folder(), old, new, old, new, old, new, new));

	ASSERT_STATUS(outcome, 0);
	ck_assert_int_ge(atoi(outcome.output), 30);
}

TEST_CASE(appliance, "appliance", .tags = "slow");

TEST(appliance, a_virtual_machine_reads_what_was_moved_and_knows_the_same_windows)
{
	const char *new_7 = windows_7(), *new_10 = image_copy(image_built("windows-10", false));
	const char *commands = in_folder("commands");
	struct outcome outcome;
	FILE *file = fopen(commands, "w");

	ck_assert(file != NULL && fputs(script(), file) >= 0 && fclose(file) == 0);
	report_run("fix", new_7, 0, "fixed", NULL);
	report_run("fix", new_10, 0, "fixed", NULL);
	setenv("LIBGUESTFS_BACKEND", "direct", 1);
	setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1);
	outcome = RUN("guestfish", "--ro", "--format=raw", "-a", image_built("windows-7", false),
		      "-a", new_7, "-a", image_built("windows-10", false), "-a", new_10, "-f",
		      commands);
	ASSERT_STATUS(outcome, 0);
	for (int image = 0; image < IMAGE_COUNT; image++)
		ASSERT_HAS(outcome.output, text("%s\nWindows %s Enterprise\n", device(image, 2),
						image < OLD_10 ? "7" : "10"));
	assert_same_checksums("7");
	assert_same_checksums("10");
}
