/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same disk in containers of each format.  After a fix, the guest's disk has the same bytes as
 * after a fix of a raw image.  After undo, the container has its original bytes.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/containers.h"
#include "support/loop.h"
#include "support/report.h"
#include "support/server.h"

/*
 * A container may grow by so many bytes more than a raw image: for its tables, and for clusters
 * that are unpacked or copied.
 */
#define GROWTH_TOLERANCE (1 << 20)

/* The formats with QEMU's default options, and variants of them. */
enum { VHD, VHDX, QCOW2, VMDK, VDI, FORMAT_COUNT };

static const struct container_kind kinds[] = {
	[VHD] = {"vhd", "vpc", "", false, NULL},
	[VHDX] = {"vhdx", "vhdx", "", true, NULL},
	[QCOW2] = {"qcow2", "qcow2", "", true, NULL},
	[VMDK] = {"vmdk", "vmdk", "", true, NULL},
	[VDI] = {"vdi", "vdi", "", true, NULL},
	{"vhd", "vpc", "-o force_size=on", false, NULL},
	{"vhd", "vpc", "-o force_size=on", false, "win "}, /* Hyper-V */
	{"vhd", "vpc", "-o force_size=on", false, "d2v "}, /* disk2vhd */
	{"vhd", "vpc", "-o force_size=on", false, "vpc "}, /* Virtual PC */
	{"vhd", "vpc", "-o subformat=fixed", false, NULL},
	{"vhd", "vpc", "-o subformat=fixed,force_size=on", false, NULL},
	{"vhdx", "vhdx", "-o subformat=fixed", true, NULL},
	{"vhdx", "vhdx", "-o block_size=1M", true, NULL},
	{"qcow2", "qcow2", "-o cluster_size=512", true, NULL},
	{"qcow2", "qcow2", "-o cluster_size=2M", true, NULL},
	{"qcow2", "qcow2", "-o compat=0.10", true, NULL},
	{"qcow2", "qcow2", "-o extended_l2=on", true, NULL},
	{"qcow2", "qcow2", "-o refcount_bits=1", true, NULL},
	{"qcow2", "qcow2", "-o preallocation=metadata", true, NULL},
	{"qcow2", "qcow2", "-c", true, NULL},
	{"qcow2", "qcow2", "-c -o compression_type=zstd", true, NULL},
	{"vmdk", "vmdk", "-o zeroed_grain=on", true, NULL},
	{"vdi", "vdi", "-o static=on", true, NULL},
};

#define KIND_COUNT ((int)(sizeof(kinds) / sizeof(kinds[0])))

static const struct container_kind vmdk_flat = {"vmdk", "vmdk", "-o subformat=monolithicFlat",
						false, NULL};

static const char *raw_disk(void)
{
	return image_recipe("small", SAMPLE_SMALL);
}

/* The raw disk after a fix.  The first call makes it. */
static const char *fixed_raw_disk(void)
{
	const char *fixed = text("%s/small-fixed.img", images_folder());

	if (access(fixed, F_OK) != 0) {
		const char *image = small_image();

		report_run("fix", image, 0, "fixed", NULL);
		ck_assert_int_eq(rename(image, fixed), 0);
		image_remove(image);
	}
	return fixed;
}

/* Bytes on disk.  stat() counts units of 512 bytes. */
static long long allocated(const char *path)
{
	struct stat status;

	ck_assert_int_eq(stat(path, &status), 0);
	return (long long)status.st_blocks * 512;
}

/* ---- each format ---------------------------------------------------------------------------- */

static void assert_no_larger_than_needed(const char *container, const struct image_state *before)
{
	long long grown = allocated(container) - before->status.st_blocks * 512;
	long long raw_grown = allocated(fixed_raw_disk()) - allocated(raw_disk());

	ck_assert_int_le(grown, raw_grown + GROWTH_TOLERANCE);
}

static void assert_fixed(const char *container, const struct container_kind *kind)
{
	json_t *result = report_run("fix", container, 0, "fixed", NULL);
	const json_t *inspection = report_object(result, "inspection");

	ck_assert_str_eq(report_text(inspection, "format"), kind->format);
	ck_assert_int_ge(report_number(inspection, "disk_size"), 200 << 20);
	ck_assert_int_gt(report_number(result, "container_bytes"), 0);
	container_assert_holds(container, kind, fixed_raw_disk(), 0);
	container_check(container, kind);
}

static void assert_nothing_more_to_do(const char *container)
{
	struct image_state before = state_take(container);

	report_run("inspect", container, 0, "nothing-to-do", NULL);
	report_run("fix", container, 0, "nothing-to-do", NULL);
	state_assert_untouched(container, &before);
}

static void assert_fixed_and_undone(const char *container, const struct container_kind *kind)
{
	struct image_state before = state_take(container);

	container_check(container, kind);
	assert_fixed(container, kind);
	assert_no_larger_than_needed(container, &before);
	assert_nothing_more_to_do(container);
	report_run("undo", container, 0, "undone", NULL);
	state_assert_restored(container, &before);
	image_remove(container);
}

TEST_CASE(containers, "containers");
TEST_CASE(variants, "variants", .tags = "slow");

TEST_LOOP(containers, a_container_is_fixed_as_a_raw_image_is_and_undone, 0, FORMAT_COUNT)
{
	assert_fixed_and_undone(container_make(&kinds[_i], raw_disk()), &kinds[_i]);
}

TEST_ALSO(variants, a_container_is_fixed_as_a_raw_image_is_and_undone, FORMAT_COUNT, KIND_COUNT);

TEST(containers, a_vhd_with_small_blocks_is_fixed_as_a_raw_image_is_and_undone)
{
	assert_fixed_and_undone(container_make_vhd_with_small_blocks(raw_disk()), &kinds[VHD]);
}

/* Removes the last seventh of the file, as an interrupted copy would. */
static void cut_short(const char *path)
{
	free(image_run(0, "truncate -s $(($(stat -c %%s %s) / 7 * 6 / 512 * 512)) %s", path, path));
}

/* A fix would make the file longer, and then nobody could see that its end is missing. */
TEST_LOOP(containers, a_container_that_is_cut_short_is_refused_and_left_alone, 0, FORMAT_COUNT)
{
	const char *container = container_make(&kinds[_i], raw_disk());
	const char *code = "container-corrupt";
	struct image_state before;

	if (strcmp(kinds[_i].format, "vhd") == 0)
		code = "vhd-corrupt";
	cut_short(container);
	before = state_take(container);
	report_run("inspect", container, 3, "refused", code);
	report_run("fix", container, 3, "refused", code);
	state_assert_untouched(container, &before);
	image_remove(container);
}

TEST_ALSO(variants, a_container_that_is_cut_short_is_refused_and_left_alone, FORMAT_COUNT,
	  KIND_COUNT);

TEST_LOOP(containers, looking_leaves_a_container_alone, 0, FORMAT_COUNT)
{
	const char *container = container_make(&kinds[_i], raw_disk());
	struct image_state before = state_take(container);
	struct outcome rehearsal = BOOTSHIFT("fix", "--dry-run", container);

	ASSERT_STATUS(rehearsal, 0);
	report_run("inspect", container, 0, "would-fix", NULL);
	report_run("plan", container, 0, "would-fix", NULL);
	state_assert_untouched(container, &before);
	image_remove(container);
}

TEST_CASE(larger_containers, "larger containers", .tags = "slow");

/* The disk has all files and folders of a Windows 7.  Only the times of some folders may differ. */
TEST_LOOP(larger_containers, a_larger_container_takes_no_more_room_than_its_new_content, 0,
	  FORMAT_COUNT)
{
	const char *raw = image_small("windows-7", false);
	const char *container = container_make(&kinds[_i], raw);
	const char *copy = image_copy(raw);
	struct image_state before = state_take(container);

	report_run("fix", copy, 0, "fixed", NULL);
	report_run("fix", container, 0, "fixed", NULL);
	ck_assert_int_le(allocated(container) - before.status.st_blocks * 512,
			 allocated(copy) - allocated(raw) + GROWTH_TOLERANCE);
	container_check(container, &kinds[_i]);
	report_run("undo", container, 0, "undone", NULL);
	state_assert_restored(container, &before);
	image_remove(container);
	image_remove(copy);
}

/* ---- more cases of single formats ----------------------------------------------------------- */

/* The undo file is beside the file with the disk, not beside the text file that describes it. */
TEST(containers, a_vmdk_descriptor_leads_to_its_disk)
{
	const char *descriptor = container_make(&vmdk_flat, raw_disk());
	const char *disk = text("%.*s-flat.vmdk", (int)strlen(descriptor) - 5, descriptor);
	struct image_state text_before = state_take(descriptor), before = state_take(disk);
	json_t *result;

	report_run("plan", descriptor, 0, "would-fix", NULL);
	state_assert_untouched(disk, &before);
	result = report_run("fix", descriptor, 0, "fixed", NULL);
	ck_assert_str_eq(report_text(result, "undo_file"), text("%s.bootshift-undo", disk));
	container_assert_holds(descriptor, &vmdk_flat, fixed_raw_disk(), 0);
	report_run("fix", descriptor, 0, "nothing-to-do", NULL);
	report_run("undo", descriptor, 0, "undone", NULL);
	state_assert_restored(disk, &before);
	state_assert_untouched(descriptor, &text_before);
	cut_short(disk);
	report_run("fix", descriptor, 3, "refused", "container-corrupt");
	image_remove(descriptor);
}

TEST(containers, an_internal_snapshot_keeps_its_content)
{
	const char *container = container_make(&kinds[QCOW2], raw_disk());
	const char *content = text("%s.snapshot", container);
	struct image_state before;
	char *list, *list_after;

	free(image_run(0, "qemu-img snapshot -c before %s", container));
	list = image_run(0, "qemu-img snapshot -l %s", container);
	ASSERT_HAS(list, "before");
	before = state_take(container);
	report_run("fix", container, 0, "fixed", NULL);
	container_assert_holds(container, &kinds[QCOW2], fixed_raw_disk(), 0);
	container_check(container, &kinds[QCOW2]);
	list_after = image_run(0, "qemu-img snapshot -l %s", container);
	ck_assert_str_eq(list_after, list);
	free(image_run(0,
		       "qemu-img convert -l before -f qcow2 -O raw %s %s && "
		       "qemu-img compare -f raw -F raw %s %s && rm %s",
		       container, content, raw_disk(), content, content));
	report_run("undo", container, 0, "undone", NULL);
	state_assert_restored(container, &before);
	image_remove(container);
	free(list);
	free(list_after);
}

/* This place is after the last partition, so that it does not disturb the comparison. */
#define LOGGED (195ll << 20)

TEST(containers, the_log_of_a_vhdx_is_replayed_and_undo_brings_it_back)
{
	const char *container = container_make_vhdx_with_log(raw_disk(), LOGGED);
	struct image_state before = state_take(container);
	char *read;

	report_run("plan", container, 0, "would-fix", NULL);
	state_assert_untouched(container, &before);
	report_run("fix", container, 0, "fixed", NULL);
	container_check(container, &kinds[VHDX]);
	container_assert_holds(container, &kinds[VHDX],
			       file_extract(fixed_raw_disk(), "head", 0, LOGGED), LOGGED);
	read = image_run(0, "qemu-io -r -f vhdx -c 'read -P 0x5a %lld 64k' %s", LOGGED, container);
	ASSERT_HAS_NOT(read, "verification failed");
	free(read);
	report_run("undo", container, 0, "undone", NULL);
	state_assert_restored(container, &before);
	image_remove(container);
}

/* The program that used the image was killed, and left the refcounts to the next program. */
TEST(containers, a_qcow2_that_was_not_closed_is_refused_until_it_is_repaired)
{
	const char *container = container_make(&kinds[QCOW2], raw_disk());
	struct image_state before;

	free(image_run(134,
		       "qemu-img amend -f qcow2 -o lazy_refcounts=on %s && ulimit -c 0; "
		       "qemu-io -f qcow2 -c 'write -P 0 195M 64k' -c abort %s",
		       container, container));
	free(image_run(0, "qemu-img info --output=json %s | grep '\"dirty-flag\": true'",
		       container));
	before = state_take(container);
	report_run("inspect", container, 3, "refused", "container-unclean");
	report_run("fix", container, 3, "refused", "container-unclean");
	state_assert_untouched(container, &before);
	free(image_run(0, "qemu-img check -r all %s", container));
	before = state_take(container);
	report_run("fix", container, 0, "fixed", NULL);
	container_check(container, &kinds[QCOW2]);
	container_assert_holds(container, &kinds[QCOW2], fixed_raw_disk(), 0);
	report_run("undo", container, 0, "undone", NULL);
	state_assert_restored(container, &before);
	image_remove(container);
}

/* ---- sizes ---------------------------------------------------------------------------------- */

static const struct {
	const char *size;
	struct container_kind kind;
} sizes[] = {
	{"2T", {"vhdx", "vhdx", "", true, NULL}},
	{"127G", {"vhd", "vpc", "", false, NULL}},
	/* the largest VHD; no geometry can express its size */
	{"2040G", {"vhd", "vpc", "-o force_size=on", false, NULL}},
	{"2T", {"qcow2", "qcow2", "", true, NULL}},
	{"2T", {"vmdk", "vmdk", "", true, NULL}},
	{"2T", {"vdi", "vdi", "", true, NULL}},
};

#define QUICK_SIZES 3 /* the first elements; the others have the tag `slow` */

TEST_LOOP(containers, a_large_disk_is_fixed_and_undone, 0, QUICK_SIZES)
{
	const struct container_kind *kind = &sizes[_i].kind;
	const char *raw = small_image(), *container;
	struct image_state before;

	free(image_run(0, "truncate -s %s %s", sizes[_i].size, raw));
	container = container_make(kind, raw);
	before = state_take(container);
	report_run("fix", container, 0, "fixed", NULL);
	container_assert_holds(container, kind, fixed_raw_disk(), 200 << 20);
	container_check(container, kind);
	report_run("fix", container, 0, "nothing-to-do", NULL);
	report_run("undo", container, 0, "undone", NULL);
	state_assert_restored(container, &before);
	image_remove(container);
	image_remove(raw);
}

/* ---- containers that are not in a file ------------------------------------------------------ */

/* The server reads the format, so its export is a raw disk. */
TEST(containers, a_container_behind_qemu_nbd_is_fixed_as_a_raw_image_is)
{
	const char *container = container_make(&kinds[QCOW2], raw_disk());
	const char *folder = text("%.*s", (int)(strrchr(container, '/') - container), container);
	struct server server;

	ck_assert_int_eq(setenv("XDG_STATE_HOME", folder, 1), 0);
	SERVER_START(&server, folder, "qemu-nbd", "--format=qcow2", container);
	report_run("fix", server.uri, 0, "fixed", NULL);
	report_run("fix", server.uri, 0, "nothing-to-do", NULL);
	server_stop(&server);
	container_assert_holds(container, &kinds[QCOW2], fixed_raw_disk(), 0);
	container_check(container, &kinds[QCOW2]);
	SERVER_START(&server, folder, "qemu-nbd", "--format=qcow2", container);
	report_run("undo", server.uri, 0, "undone", NULL);
	server_stop(&server);
	container_assert_holds(container, &kinds[QCOW2], raw_disk(), 0);
	container_check(container, &kinds[QCOW2]);
	image_remove(container);
}

/* Volumes of a storage server often are like this.  A device keeps its length. */
TEST_LOOP(containers, a_container_on_a_device_is_fixed_when_there_is_room_behind_it, 0, 2)
{
	static const struct {
		const char *length;
		int exit_status;
		const char *status, *code;
	} devices[] = {
		{"%1M", 3, "refused", "format-unsupported"},
		{"+16M", 0, "fixed", NULL},
	};
	const char *container = container_make(&kinds[QCOW2], raw_disk());
	struct image_digest before;
	char device[LOOP_PATH_MAX];
	int descriptor;

	free(image_run(0, "truncate -s %s %s", devices[_i].length, container));
	before = image_digest(container);
	ck_assert_int_eq(setenv("XDG_STATE_HOME", images_folder(), 1), 0);
	descriptor = loop_attach(container, false, device);
	if (descriptor >= 0) {
		report_run("fix", device, devices[_i].exit_status, devices[_i].status,
			   devices[_i].code);
		if (devices[_i].exit_status == 0) {
			container_assert_holds(device, &kinds[QCOW2], fixed_raw_disk(), 0);
			report_run("undo", device, 0, "undone", NULL);
		}
		close(descriptor);
	}
	image_assert_same(container, &before);
	image_remove(container);
}

TEST_ALSO(larger_containers, a_large_disk_is_fixed_and_undone, QUICK_SIZES,
	  sizeof(sizes) / sizeof(sizes[0]));
