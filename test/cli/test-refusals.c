/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What no fix applies to: images with something wrong in them, and files that are no images.  Each
 * is refused with its code, and left as it was.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
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
	{"bootmgr-empty", "bootmgr-damaged"},
	{"bootmgr-missing", "bootmgr-missing"},
	{"default-other-disk", "default-entry-on-other-disk"},
	{"gpt", "gpt-disk"},
	{"hibernated", "hibernated"},
	{"logical", "boot-volume-logical"},
	{"no-active", "no-active-partition"},
	{"no-boot-volume", "boot-volume-missing"},
	{"no-partition-table", "no-partition-table"},
	{"no-partitions", "no-partitions"},
	{"no-room", "no-room"},
	{"two-active", "several-active-partitions"},
	{"unclean", "unclean-volume"},
	{"winload-missing", "winload-missing"},
};

START_TEST(an_unsuitable_image_is_refused_and_left_alone)
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
	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, text("bootshift: %s: ", image));
	ASSERT_HAS(outcome.errors, text(" (%s); ", images[_i].code));
	state_assert_untouched(image, &before);
}
END_TEST

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

/* The same ones each time: what xorshift64 makes of 1. */
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

/* The first partition alone, as somebody may have copied it. */
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

/* ---- VHDs ---------------------------------------------------------------------------------- */

#define FOOTER_START (6ll << 30)
#define FOOTER_SIZE  512

/* Offsets in the footer; its numbers are big-endian. */
#define FOOTER_TYPE        63
#define FOOTER_CHECKSUM    64
#define FOOTER_SAVED_STATE 84

static void make_vhd_with(const char *path, size_t offset, uint8_t value)
{
	uint8_t footer[FOOTER_SIZE];
	uint32_t sum = 0;

	copy_sample(path, true);
	file_read(path, FOOTER_START, footer, sizeof(footer));
	footer[offset] = value;
	memset(footer + FOOTER_CHECKSUM, 0, 4);
	for (size_t i = 0; i < sizeof(footer); i++)
		sum += footer[i];
	for (int i = 0; i < 4; i++)
		footer[FOOTER_CHECKSUM + i] = (uint8_t)(~sum >> (24 - 8 * i));
	file_write(path, FOOTER_START, footer, sizeof(footer));
}

static void make_saved_vhd(const char *path)
{
	make_vhd_with(path, FOOTER_SAVED_STATE, 1);
}

static void make_differencing_vhd(const char *path)
{
	make_vhd_with(path, FOOTER_TYPE, 4);
}

static void make_corrupt_vhd(const char *path)
{
	copy_sample(path, true);
	file_flip(path, FOOTER_START + FOOTER_CHECKSUM);
}

/* ---- other formats ------------------------------------------------------------------------- */

static void make_format(const char *path, const char *format)
{
	ASSERT_STATUS(RUN("qemu-img", "create", "-q", "-f", format, path, "64M"), 0);
}

static void make_dynamic_vhd(const char *path)
{
	make_format(path, "vpc");
}

static void make_vhdx(const char *path)
{
	make_format(path, "vhdx");
}

static void make_qcow2(const char *path)
{
	make_format(path, "qcow2");
}

static void make_vmdk(const char *path)
{
	make_format(path, "vmdk");
}

static void make_vdi(const char *path)
{
	make_format(path, "vdi");
}

static const struct {
	file_maker *make;
	int exit_status;
	const char *status, *code;
} files[] = {
	{make_empty, 3, "refused", "not-an-image"},
	{make_text, 3, "refused", "not-an-image"},
	{make_zeros, 3, "refused", "no-partition-table"},
	{make_noise, 3, "refused", "no-partition-table"},
	{make_folder, 3, "refused", "not-an-image"},
	{make_pipe, 3, "refused", "not-an-image"},
	{make_link_to_device, 3, "refused", "not-an-image"},
	{make_nothing, 1, "failed", "not-found"},
	{make_dangling_link, 1, "failed", "not-found"},
	{make_cut_short, 3, "refused", "partition-table-invalid"},
	{make_one_partition, 3, "refused", "no-partition-table"},
	{make_corrupt_vhd, 3, "refused", "vhd-corrupt"},
	{make_saved_vhd, 3, "refused", "vhd-saved-state"},
	{make_differencing_vhd, 3, "refused", "vhd-differencing"},
	{make_dynamic_vhd, 3, "refused", "format-unsupported"},
	{make_vhdx, 3, "refused", "format-unsupported"},
	{make_qcow2, 3, "refused", "format-unsupported"},
	{make_vmdk, 3, "refused", "format-unsupported"},
	{make_vdi, 3, "refused", "format-unsupported"},
};

static const char *new_file(const char *name)
{
	const char *folder = text("%s/files-%d-%s", images_folder(), (int)getpid(), name);

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	return text("%s/%s", folder, name);
}

START_TEST(a_file_that_is_no_suitable_image_is_refused_and_left_alone)
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
END_TEST

START_TEST(an_image_that_nobody_may_write_to_can_be_looked_at_and_is_not_fixed)
{
	const char *file = new_file("disk");
	struct image_state before;

	make_read_only(file);
	before = state_take(file);
	report_run("inspect", file, 0, "would-fix", NULL);
	report_run("plan", file, 0, "would-fix", NULL);
	report_run("fix", file, 3, "refused", "read-only");
	state_assert_untouched(file, &before);
}
END_TEST

START_TEST(the_format_asked_for_is_the_one_that_counts)
{
	const char *image = windows_7();
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", "--format", "vhd", image);

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(vhd-corrupt)");
	outcome = BOOTSHIFT("fix", "--format", "raw", "--dry-run", image);
	ASSERT_STATUS(outcome, 0);
	state_assert_untouched(image, &before);
}
END_TEST

START_TEST(partitions_can_be_chosen)
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
END_TEST

Suite *refusals_suite(void);

Suite *refusals_suite(void)
{
	Suite *suite = suite_create("refusals");
	TCase *tests = tcase_create("refusals");

	images_prepare();
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, an_unsuitable_image_is_refused_and_left_alone, 0,
			    sizeof(images) / sizeof(images[0]));
	tcase_add_loop_test(tests, a_file_that_is_no_suitable_image_is_refused_and_left_alone, 0,
			    sizeof(files) / sizeof(files[0]));
	tcase_add_test(tests, an_image_that_nobody_may_write_to_can_be_looked_at_and_is_not_fixed);
	tcase_add_test(tests, the_format_asked_for_is_the_one_that_counts);
	tcase_add_test(tests, partitions_can_be_chosen);
	suite_add_tcase(suite, tests);
	return suite;
}
