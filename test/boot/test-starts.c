/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks that start before a fix, after the fix, after the fix without the system partition, and
 * after undo.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/containers.h"
#include "support/images.h"
#include "support/machine.h"
#include "support/report.h"

#define WINDOWS_7  "Windows 7 from partition 2"
#define WINDOWS_10 "Windows 10 from partition 2"

/* The name of a recipe, or a text that includes the recipe of that name. */
static const struct {
	const char *recipe, *more;
	bool vhd;
	const char *entry;
} samples[] = {
	{"windows-7", NULL, false, WINDOWS_7},
	{"windows-7", NULL, true, WINDOWS_7},
	{"windows-10", NULL, false, WINDOWS_10},
	{"older-try", NULL, false, WINDOWS_7},
	{"compressed-root", NULL, false, WINDOWS_7},
	{"mkntfs-boot-record", NULL, false, WINDOWS_7},
	{"mkntfs-boot-sector", NULL, false, WINDOWS_7},
	{"boot-code-cut", NULL, false, WINDOWS_7},
	{"ntldr-boot-record", NULL, false, WINDOWS_7},
	{"wrong-hidden-sectors", NULL, false, WINDOWS_7},
	{"log-stale", NULL, false, WINDOWS_10},
	{"hibernation-ended", NULL, false, WINDOWS_7},
	{"foreign-entries", NULL, false, WINDOWS_7},
	{"grub-mbr", NULL, false, WINDOWS_7},
	{"rich-boot-files", NULL, false, WINDOWS_7},
	{"fragmented-free-space", NULL, false, WINDOWS_7},
	{"bootmgr-in-pieces", "on system\nfile \\bootmgr fragments=40\n", false, WINDOWS_7},
	/* The runs of the file are so many that they take three records. */
	{"bootmgr-in-many-pieces",
	 "partition system cluster-size=512\non system\nfile \\bootmgr fragments=400\n", false,
	 WINDOWS_7},
	{"loader-in-pieces",
	 "on windows\nfile \\Windows\\System32\\winload.exe size=2M fragments=500\n", false,
	 WINDOWS_7},
	{"names-in-many-blocks",
	 "on system\nfile \\<1-400>.txt text=x\non windows\nfile \\<1-400>.txt text=x\n"
	 "file \\Windows\\System32\\w<1-400>.dll text=x\n",
	 false, WINDOWS_7},
	{"large-clusters", "partition windows cluster-size=65536\n", false, WINDOWS_7},
	{"small-clusters",
	 "partition system cluster-size=512\npartition windows cluster-size=512\n", false,
	 WINDOWS_7},
};

#define PLAIN_SAMPLES 3

static const char *sample(int i)
{
	const char *image = samples[i].more == NULL
				    ? image_built(samples[i].recipe, samples[i].vhd)
				    : image_recipe(samples[i].recipe,
						   text("include images/windows-7.recipe\n%s",
							samples[i].more));

	return image_copy(image);
}

TEST_CASE(starts, "starts");

TEST_EACH(starts, a_sample_starts_before_a_fix_after_it_without_the_system_partition_and_after_undo,
	  samples)
{
	const char *image = sample(_i), *alone;
	struct image_digest before = image_digest(image);

	assert_starts(image, 1, samples[_i].entry);
	report_run("fix", image, 0, "fixed", NULL);
	assert_starts(image, 2, samples[_i].entry);
	alone = image_without_first_partition(image);
	assert_starts(alone, 2, samples[_i].entry);
	report_run("undo", image, 0, "undone", NULL);
	image_assert_same(image, &before);
	if (_i < PLAIN_SAMPLES) /* other tests start the other samples with the same bytes */
		assert_starts(image, 1, samples[_i].entry);
	image_remove(alone);
	image_remove(image);
}

/* QEMU reads the files itself. */
TEST(starts, a_disk_in_several_sparse_files_starts_after_a_fix)
{
	const char *raw = image_copy(image_small("windows-7", false));
	int folder = (int)(strrchr(raw, '/') - raw);
	const char *disk = text("%.*s/disk.vmdk", folder, raw);
	FILE *descriptor = fopen(disk, "we");

	fputs("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
	      "createType=\"twoGbMaxExtentSparse\"\n",
	      descriptor);
	for (unsigned i = 0; i < 3; i++) {
		const char *name = text("disk-s00%u.vmdk", i + 1);

		container_make_sparse_part(raw, name, i * (200ull << 20), 200ull << 20);
		fprintf(descriptor, "RW 409600 SPARSE \"%s\"\n", name);
	}
	ck_assert_int_eq(fclose(descriptor), 0);
	report_run("fix", disk, 0, "fixed", NULL);
	free(image_run(0, "qemu-img convert -f vmdk -O raw '%s' '%s'", disk, raw));
	assert_starts(raw, 2, WINDOWS_7);
	image_remove(raw);
}

/* A disk that needs no fix starts as it is. */
static const struct {
	const char *recipe;
	int partition;
	const char *entry;
} complete[] = {
	{"already-fixed", 2, WINDOWS_7},
	{"single-partition", 1, "Windows 7 from partition 1"},
};

TEST_EACH(starts, a_disk_with_nothing_to_fix_starts, complete)
{
	assert_starts(image_built(complete[_i].recipe, false), complete[_i].partition,
		      complete[_i].entry);
}

/*
 * Faults of the system volume only.  They no longer matter when the boot volume is started instead.
 */
static const struct {
	const char *recipe;
	void (*assert_broken)(const char *disk, const char *words);
	const char *words;
} repaired[] = {
	{"system-without-boot-code", assert_shows, "This is not a bootable disk"},
	{"wrong-hidden-sectors-system", assert_stops, "A disk read error occurred"},
};

TEST_EACH(starts, a_disk_that_does_not_start_by_its_system_volume_starts_after_a_fix, repaired)
{
	const char *image = image_copy(image_built(repaired[_i].recipe, false));

	repaired[_i].assert_broken(image, repaired[_i].words);
	report_run("fix", image, 0, "fixed", NULL);
	assert_starts(image_without_first_partition(image), 2, WINDOWS_7);
}

static const char *const signed_samples[] = {"signature-changed", "signature-changed-fixed"};

/* The samples' bootmgr finds a disk by its signature only, as Microsoft's does. */
TEST_EACH(starts, a_disk_whose_signature_was_changed_starts_after_a_fix, signed_samples)
{
	const char *image = image_copy(image_built(signed_samples[_i], false));
	struct image_digest before = image_digest(image);

	assert_stops(image, "The default entry's device is not here.");
	report_run("fix", image, 0, "fixed", NULL);
	assert_starts(image, 2, WINDOWS_7);
	report_run("undo", image, 0, "undone", NULL);
	image_assert_same(image, &before);
	image_remove(image);
}

/* Boot files that are lost, and the entry that starts when they were made anew. */
static const struct {
	const char *recipe;
	int partition;
	const char *entry;
} lost[] = {
	{"lost-bootmgr", 2, WINDOWS_10},
	{"lost-system-volume", 2, "Windows 10 Enterprise from partition 2"},
	{"lost-system-partition", 1, "Windows 10 Enterprise from partition 1"},
};

TEST_EACH(starts, a_disk_without_its_boot_files_starts_when_they_were_made_anew, lost)
{
	const char *image = image_copy(image_built(lost[_i].recipe, false));
	struct image_digest before = image_digest(image);

	ASSERT_STATUS(BOOTSHIFT("fix", "--rebuild", image), 0);
	assert_starts(image, lost[_i].partition, lost[_i].entry);
	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	image_assert_same(image, &before);
	image_remove(image);
}

TEST(starts, code_of_the_mbr_that_is_not_known_is_left_as_it_is)
{
	static const char words[] = "Not a system disk";
	const char *image = image_copy(image_built("unknown-mbr", false));

	assert_shows(image, words);
	report_run("fix", image, 0, "fixed", NULL);
	assert_shows(image, words);
}

TEST(starts, windows_on_a_logical_partition_starts)
{
	assert_starts(image_built("logical", false), 1, "Windows 7 from partition 5");
}

TEST(starts, windows_on_the_second_disk_starts)
{
	struct spoken spoken = machine_speaks(
		image_built("default-other-disk", false),
		image_recipe("second-disk",
			     "include images/windows-7.recipe\ndisk signature=0x5D4F2B11\n"),
		NULL);

	ASSERT_HAS(spoken.serial, "bootmgr: from partition 1 of disk 0x80\r\n");
	ASSERT_HAS(spoken.serial, "BOOT OK Windows 7 from partition 2 of disk 0x81\r\n");
}
