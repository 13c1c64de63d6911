/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images that cannot be fixed because something is wrong in them, and files that are not images.
 * Each is refused with its code, and stays unchanged.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/containers.h"
#include "support/report.h"

/* ---- images -------------------------------------------------------------------------------- */

static const struct {
	const char *recipe, *code;
} images[] = {
	{"bcd-cut", "bcd-damaged"},
	{"bcd-dirty", "bcd-dirty"},
	{"bcd-missing", "bcd-missing"},
	{"bcd-not-a-hive", "bcd-damaged"},
	{"bitlocker", "bitlocker"},
	{"bitlocker-suspended", "bitlocker"},
	{"bitlocker-system", "bitlocker"},
	{"bootmgr-empty", "bootmgr-damaged"},
	{"bootmgr-missing", "bootmgr-missing"},
	{"bootmgr-too-large", "bootmgr-damaged"},
	{"clusters-128k", "ntfs-geometry"},
	{"compressed-bootmgr", "bootmgr-damaged"},
	{"default-other-disk", "default-entry-on-other-disk"},
	{"dynamic-disk", "dynamic-disk"},
	{"default-diagnostic-missing", "default-entry-broken"},
	{"default-legacy-missing", "default-entry-broken"},
	{"encrypted-boot-folder", "boot-file-unsupported"},
	{"fast-startup", "hibernated"},
	{"fast-startup-system", "hibernated"},
	{"fat-system-volume", "fat-system-volume"},
	{"fat16-system-volume", "fat-system-volume"},
	{"gpt", "gpt-disk"},
	{"hibernated", "hibernated"},
	{"hibernated-10", "hibernated"},
	{"hibernated-system", "hibernated"},
	{"journal-open", "unclean-volume"},
	{"journal-open-system", "unclean-volume"},
	{"legacy-loader-empty", "legacy-boot-unsupported"},
	{"locate-two-windows", "several-windows"},
	{"log-newer", "bcd-dirty"},
	{"logical", "boot-volume-logical"},
	{"lost-bootmgr", "bootmgr-missing"},
	{"lost-system-volume", "not-ntfs"},
	{"lost-system-partition", "no-active-partition"},
	{"no-active", "no-active-partition"},
	{"no-boot-code", "boot-code-missing"},
	{"no-boot-volume", "boot-volume-missing"},
	{"no-partition-table", "disk-empty"},
	{"no-partitions", "no-partitions"},
	{"no-room", "no-room"},
	{"sectors-4096", "ntfs-geometry"},
	{"sparse-bootmgr", "bootmgr-damaged"},
	{"signature-disputed", "disk-signature-disputed"},
	{"signature-hive-cut", "disk-signature-changed"},
	{"signature-one-witness", "disk-signature-changed"},
	{"storage-spaces", "storage-spaces"},
	{"two-active", "several-active-partitions"},
	{"unclean", "unclean-volume"},
	{"unclean-system", "unclean-volume"},
	{"vhd-boot", "boot-volume-missing"},
	{"windows-on-boot-device", "entry-would-break"},
	{"winload-missing", "winload-missing"},
	{"wof-bootmgr", "boot-file-unsupported"},
};

static bool each_differs(json_t *findings)
{
	for (size_t i = 0; i < json_array_size(findings); i++)
		for (size_t j = i + 1; j < json_array_size(findings); j++)
			if (json_equal(json_array_get(findings, i), json_array_get(findings, j)))
				return false;
	return true;
}

TEST_CASE(every_unsuitable_sample, "every unsuitable sample", .tags = "slow");

TEST_EACH(every_unsuitable_sample, an_unsuitable_image_is_refused_and_left_alone, images)
{
	const char *image =
		image_built(images[_i].recipe, false); /* shared: nobody may change it */
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", image);
	json_t *result = report_run("inspect", image, 3, "refused", images[_i].code);
	json_t *findings = report_object(report_object(result, "inspection"), "findings");
	size_t i;
	json_t *finding;
	bool found = false;

	json_array_foreach (findings, i, finding)
		found |= strcmp(report_text(finding, "code"), images[_i].code) == 0 &&
			 json_is_true(json_object_get(finding, "blocks")) &&
			 *report_text(finding, "advice") != '\0';
	ck_assert(found);
	ck_assert_msg(each_differs(findings), "a finding is told twice");
	report_run("plan", image, 3, "refused", images[_i].code);
	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, text("bootshift: %s: ", image));
	ASSERT_HAS(outcome.errors, text(" (%s); ", images[_i].code));
	state_assert_untouched(image, &before);
}

/* ---- files --------------------------------------------------------------------------------- */

/* Makes the file; `path` is in a folder of its own. */
typedef void file_maker(const char *path);

static void make_with(const char *path, const char *bytes, size_t length, off_t size)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(ftruncate(descriptor, size), 0);
	close(descriptor);
	if (length > 0)
		file_write(path, 0, bytes, length);
}

static void make_empty(const char *path)
{
	make_with(path, "", 0, 0);
}

static void make_text(const char *path)
{
	make_with(path, "Not an image.\n", 14, 14);
}

static void make_zeros(const char *path)
{
	make_with(path, "", 0, 1 << 20);
}

/* Noise that is the same each time: xorshift64 with the seed 1. */
static void make_noise(const char *path)
{
	static uint64_t words[1 << 14];
	uint64_t word = 1;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		word ^= word << 13;
		word ^= word >> 7;
		word ^= word << 17;
		words[i] = word;
	}
	make_with(path, (const char *)words, sizeof(words), sizeof(words));
}

static void make_folder(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void make_pipe(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0644), 0);
}

static void make_nothing(const char *path)
{
	(void)path;
}

static void make_dangling_link(const char *path)
{
	ck_assert_int_eq(symlink("nowhere", path), 0);
}

static void make_link_to_device(const char *path)
{
	ck_assert_int_eq(symlink("/dev/null", path), 0);
}

static void copy_sample(const char *path, bool vhd)
{
	ASSERT_STATUS(RUN("cp", image_built("windows-7", vhd), path), 0);
}

static void make_read_only(const char *path)
{
	copy_sample(path, false);
	ck_assert_int_eq(chmod(path, 0444), 0);
}

static void make_cut_short(const char *path)
{
	copy_sample(path, false);
	ck_assert_int_eq(truncate(path, 3ll << 30), 0);
}

/* Only the first partition, as somebody may have copied it. */
static void make_partition(const char *path)
{
	const char *volume =
		file_extract(path, "volume", 1 << 20, 100 << 20); /* see windows-7.recipe */

	ck_assert_int_eq(rename(volume, path), 0);
}

static void make_one_partition(const char *path)
{
	copy_sample(path, false);
	make_partition(path);
}

static void make_saved_vhd(const char *path)
{
	copy_sample(path, true);
	container_change_vhd_footer(path, 84, 1); /* the flag of a saved state */
}

static void make_corrupt_vhd(const char *path)
{
	copy_sample(path, true);
	file_flip(path, (6ll << 30) + 64); /* the checksum in the footer after the disk */
}

static void make_differencing_vhd(const char *path)
{
	ASSERT_STATUS(RUN("qemu-img", "create", "-q", "-f", "vpc", path, "64M"), 0);
	container_change_vhd_footer(path, 63, 4); /* the disk type */
}

static const struct {
	file_maker *make;
	int exit_status;
	const char *status, *code;
} files[] = {
	{make_empty, 3, "refused", "not-an-image"},
	{make_text, 3, "refused", "not-an-image"},
	{make_zeros, 3, "refused", "disk-empty"},
	{make_noise, 3, "refused", "no-partition-table"},
	{make_folder, 2, "failed", "wrong-kind"},
	{make_pipe, 3, "refused", "not-an-image"},
	{make_link_to_device, 3, "refused", "not-an-image"},
	{make_nothing, 1, "failed", "not-found"},
	{make_dangling_link, 1, "failed", "not-found"},
	{make_cut_short, 3, "refused", "disk-cut-short"},
	{make_one_partition, 3, "refused", "no-partition-table"},
	{make_corrupt_vhd, 3, "refused", "vhd-corrupt"},
	{make_saved_vhd, 3, "refused", "vhd-saved-state"},
	{make_differencing_vhd, 3, "refused", "vhd-differencing"},
};

static const char *new_file(const char *name)
{
	const char *folder = text("%s/files-%d-%s", images_folder(), (int)getpid(), name);

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	return text("%s/%s", folder, name);
}

TEST_CASE(refusals, "refusals");

TEST_EACH(refusals, a_file_that_is_no_suitable_image_is_refused_and_left_alone, files)
{
	const char *file = new_file("disk");
	struct image_state before = {0};
	struct stat status;
	bool regular;

	files[_i].make(file);
	regular = stat(file, &status) == 0 && S_ISREG(status.st_mode);
	if (regular)
		before = state_take(file);
	else
		before.folder = state_folder(file);
	report_run("inspect", file, files[_i].exit_status, files[_i].status, files[_i].code);
	report_run("plan", file, files[_i].exit_status, files[_i].status, files[_i].code);
	report_run("fix", file, files[_i].exit_status, files[_i].status, files[_i].code);
	if (regular)
		state_assert_untouched(file, &before);
	else
		ck_assert_str_eq(state_folder(file), before.folder);
	image_remove(file);
}

/* ---- containers ----------------------------------------------------------------------------- */

/* Writes a byte.  `value` is octal. */
#define SET_BYTE(offset, value) " && printf '\\" value "' | dd of=disk bs=1 seek=" offset QUIETLY
/* Makes pages of 4 KiB zeros. */
#define CLEAR(page, count) " && dd if=/dev/zero of=disk bs=4k seek=" page " count=" count QUIETLY
#define QUIETLY            " conv=notrunc status=none"

/*
 * Shell commands that make a container named "disk" in an empty folder.  Before the test, space
 * that they only reserve becomes a hole, because reading could turn it into data.
 */
static const struct {
	const char *command, *code;
} containers[] = {
	/* the containers are correct, but contain no disk */
	{"qemu-img create -q -f vpc disk 64M", "disk-empty"},
	{"qemu-img create -q -f vhdx disk 64M", "disk-empty"},
	{"qemu-img create -q -f qcow2 disk 64M", "disk-empty"},
	{"qemu-img create -q -f vmdk disk 64M", "disk-empty"},
	{"qemu-img create -q -f vdi disk 64M", "disk-empty"},
	/* a part of the content is in another file; nothing but the content says that it is no raw disk */
	{"qemu-img create -q base 64M && qemu-img create -q -f qcow2 -b base -F raw disk",
	 "format-ambiguous"},
	{"qemu-img create -q -f vmdk base 64M && qemu-img create -q -f vmdk -b base -F vmdk disk",
	 "format-ambiguous"},
	{"qemu-img create -q -f vhdx disk 64M" /* HasParent, where QEMU puts its metadata */
	 SET_BYTE("$((0x310004))", "2"),
	 "vhdx-differencing"},
	{"qemu-img create -q -f vdi disk 64M" SET_BYTE("76", "4") /* u32Type */,
	 "vdi-differencing"},
	{"qemu-img create -q -f qcow2 -o data_file=data disk 64M", "container-split"},
	{"qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse disk.vmdk 3G && "
	 "mv disk.vmdk disk",
	 "disk-empty"},
	{"qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse disk.vmdk 3G && "
	 "mv disk-s001.vmdk disk",
	 "container-part"},
	{"qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentFlat disk.vmdk 3G && "
	 "mv disk.vmdk disk",
	 "disk-empty"},
	/* cannot be read, or cannot be changed in place */
	{"qemu-img create -q -f qcow2 --object secret,id=s,data=s "
	 "-o encrypt.format=aes,encrypt.key-secret=s disk 64M",
	 "container-encrypted"},
	{"qemu-img create -q base 64M && "
	 "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized base disk",
	 "container-compressed"},
	{"qemu-img create -q -f qcow2 disk 64M" SET_BYTE("7", "11") /* the version */,
	 "format-unreadable"},
	{"qemu-img create -q -f qed disk 64M", "format-unsupported"},
	{"qemu-img create -q -f parallels disk 64M", "format-unsupported"},
	{"qemu-img create -q base 64M && gzip -c base >disk", "packed-gzip"},
	/* damaged containers */
	{"qemu-img create -q -f vpc disk 64M && truncate -s -512 disk", "vhd-corrupt"},
	{"qemu-img create -q -f vpc disk 64M" SET_BYTE("512", "0"), "vhd-corrupt"},
	{"qemu-img create -q -f vhdx disk 64M && truncate -s 2M disk", "container-corrupt"},
	{"qemu-img create -q -f vhdx disk 64M" CLEAR("16", "17"), "container-corrupt"},
	{"qemu-img create -q -f qcow2 disk 64M && truncate -s 64k disk", "container-corrupt"},
	{"qemu-img create -q -f qcow2 disk 64M" /* the only table names byte 1 as the next table */
	 SET_BYTE("$((0x30006))", "2"),
	 "container-corrupt"},
	{"qemu-img create -q -f vmdk disk 64M && truncate -s 4k disk", "container-corrupt"},
	{"qemu-img create -q -f vdi disk 64M && truncate -s 512 disk", "container-corrupt"},
};

TEST_EACH(refusals, a_container_that_cannot_be_fixed_is_refused_and_left_alone, containers)
{
	const char *code = containers[_i].code, *disk = new_file("disk");
	struct outcome outcome;
	struct image_state before;

	free(image_run(0, "cd '%.*s' && %s && cp --sparse=always disk new && mv new disk",
		       (int)(strrchr(disk, '/') - disk), disk, containers[_i].command));
	before = state_take(disk);
	outcome = BOOTSHIFT("fix", disk);
	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, text(" (%s); ", code));
	report_run("inspect", disk, 3, "refused", code);
	report_run("plan", disk, 3, "refused", code);
	state_assert_untouched(disk, &before);
	image_remove(disk);
}

/* The text file is useless without the file that it names. */
TEST(refusals, a_vmdk_descriptor_without_its_disk_tells_what_is_missing)
{
	const char *disk = new_file("disk.vmdk");
	struct outcome outcome;

	free(image_run(0,
		       "qemu-img create -q -f vmdk -o subformat=monolithicFlat %s 64M && "
		       "rm %.*s-flat.vmdk",
		       disk, (int)(strrchr(disk, '.') - disk), disk));
	outcome = BOOTSHIFT("fix", disk);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "disk-flat.vmdk");
	ASSERT_HAS(outcome.errors, "(not-found); ");
	image_remove(disk);
}

TEST(refusals, an_image_that_nobody_may_write_to_can_be_looked_at_and_is_not_fixed)
{
	const char *file = new_file("disk");
	struct image_state before;

	make_read_only(file);
	before = state_take(file);
	report_run("inspect", file, 0, "would-fix", NULL);
	report_run("plan", file, 0, "would-fix", NULL);
	report_run("fix", file, 3, "refused", "read-only");
	ASSERT_STATUS(BOOTSHIFT("fix", "--dry-run", file), 3);
	state_assert_untouched(file, &before);
}

TEST(refusals, the_format_asked_for_is_the_one_that_counts)
{
	const char *image = windows_7();
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", "--format", "vhd", image);

	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "the format is raw, not vhd (format-differs); ");
	outcome = BOOTSHIFT("fix", "--format", "raw", "--dry-run", image);
	ASSERT_STATUS(outcome, 0);
	state_assert_untouched(image, &before);
}

TEST(refusals, partitions_can_be_chosen)
{
	const char *image = image_copy(image_built("two-active", false));
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", "--system-partition", "1", image);

	ASSERT_STATUS(outcome, 0);
	report_run("undo", image, 0, "undone", NULL);
	outcome = BOOTSHIFT("fix", "--system-partition", "4", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(system-partition-unsuitable)");
	state_assert_restored(image, &before);
}
