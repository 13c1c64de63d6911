/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of an undo: which fixes are accepted, what is removed, and what is left alone. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/containers.h"
#include "support/report.h"

#define HINT     "user.bootshift.undo-file"
#define BOOTSTAT "\\Boot\\BOOTSTAT.DAT"

/* An image that Windows can write to: with \Boot\BOOTSTAT.DAT. */
static const char *sample_image(void)
{
	return image_recipe("small-accept",
			    SAMPLE_SMALL "on system\n"
					 "file \\Boot\\BOOTSTAT.DAT size=65536 attributes=a\n");
}

static const char *fixed_image(void)
{
	const char *image = image_copy(sample_image());

	report_run("fix", image, 0, "fixed", NULL);
	return image;
}

static bool has_undo_file(const char *image)
{
	return access(text("%s.bootshift-undo", image), F_OK) == 0;
}

static bool has_hint(const char *image)
{
	return getxattr(image, HINT, NULL, 0) >= 0;
}

/* Writes to a file on the volume with Windows. */
static void write_into(const char *image, const char *path)
{
	struct sample sample;
	struct sample_volume windows;
	struct volume_file *file;
	struct bs_error err = {0};

	sample_open(&sample, image);
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &windows);
	file = sample_open_file(&windows, path);
	ASSERT_OK(volume_write(file, "", 0, "\x5A\xA5", 2, &err));
	sample_close_file(file);
	sample_unmount(&windows);
	sample_keep(&sample, image);
	sample_close(&sample);
}

TEST_CASE(accept, "accept");

TEST(accept, an_accept_removes_the_undo_file_and_says_how_much_room_that_gives)
{
	const char *image = image_copy(sample_image()), *undo = text("%s.bootshift-undo", image);
	struct image_state before = state_take(image);
	struct image_digest digest;
	struct stat status;
	json_t *result;

	report_run("fix", image, 0, "fixed", NULL);
	digest = image_digest(image);
	ck_assert_int_eq(stat(undo, &status), 0);
	result = report_run("accept", image, 0, "accepted", NULL);
	ck_assert_int_eq(report_number(result, "freed"), (long long)status.st_blocks * 512);
	ck_assert_str_eq(report_text(result, "undo_file"), undo);
	ck_assert(json_is_true(json_object_get(result, "exact")));
	ck_assert(!has_undo_file(image) && !has_hint(image));
	image_assert_same(image, &digest);
	ck_assert_str_eq(state_folder(image), before.folder);
	report_run("accept", image, 0, "nothing-to-do", NULL);
	report_run("undo", image, 3, "refused", "no-undo-file");
	report_run("fix", image, 0, "nothing-to-do", NULL);
}

TEST(accept, a_dry_run_removes_nothing)
{
	const char *image = fixed_image();
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("accept", "--dry-run", image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "would be accepted: nothing was written to the image since the "
				   "fix; the undo file would be removed (");
	state_assert_untouched(image, &before);
	report_run("undo", image, 0, "undone", NULL);
}

TEST(accept, an_image_that_was_only_started_is_accepted)
{
	const char *image = fixed_image();
	struct outcome outcome;

	write_into(image, BOOTSTAT);
	report_run("undo", image, 3, "refused", "changed-since-fix");
	outcome = BOOTSHIFT("accept", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": accepted: Windows was started since the fix, which is whole; "
				   "the undo file is removed (");
	ck_assert(!has_undo_file(image) && !has_hint(image));
}

/* The two bytes behind the signature of the disk: the fix wrote them, and nothing depends on them. */
TEST(accept, a_write_that_harms_nothing_is_told)
{
	const char *image = fixed_image();

	file_write(image, 0x1BC, "ZZ", 2);
	report_run("undo", image, 3, "refused", "changed-since-fix");
	ASSERT_HAS(BOOTSHIFT("accept", image).output,
		   ": accepted: the image was written to since the fix, which is whole; ");
}

TEST(accept, a_fix_that_is_not_whole_is_not_accepted)
{
	const char *image = fixed_image();
	struct image_state before;
	json_t *result;

	write_into(image, "\\Boot\\memtest.exe");
	before = state_take(image);
	result = report_run("accept", image, 3, "refused", "fix-not-whole");
	ck_assert_uint_gt(json_array_size(report_object(result, "differences")), 0);
	state_assert_untouched(image, &before);
	ck_assert(has_undo_file(image) && has_hint(image));
}

TEST(accept, an_image_without_a_fix_is_not_accepted)
{
	const char *image = image_copy(sample_image());
	struct image_state before = state_take(image);

	report_run("accept", image, 3, "refused", "not-fixed");
	state_assert_untouched(image, &before);
}

TEST(accept, an_image_that_was_restored_from_a_backup_is_not_accepted)
{
	const char *image = image_copy(sample_image());
	const char *backup = text("%s.backup", image);

	ASSERT_STATUS(RUN("cp", "--sparse=always", image, backup), 0);
	report_run("fix", image, 0, "fixed", NULL);
	ASSERT_STATUS(RUN("cp", "--sparse=always", backup, image), 0);
	report_run("accept", image, 3, "refused", "not-fixed");
	ck_assert(has_undo_file(image));
}

TEST(accept, a_half_written_image_is_not_accepted)
{
	const char *image = fixed_image(), *undo = text("%s.bootshift-undo", image);
	static const uint8_t no_mark[4096];
	struct image_state before;
	struct outcome outcome;

	/* Without the mark APPLIED, the undo file is that of a fix that was interrupted. */
	file_write(undo, 4096, no_mark, sizeof(no_mark));
	before = state_take(image);
	outcome = BOOTSHIFT("accept", image);
	ASSERT_STATUS(outcome, 4);
	ASSERT_HAS(outcome.errors, text("(recovery-required); make sure that the undo file is in "
					"its place, then run: bootshift undo %s\n",
					image));
	state_assert_untouched(image, &before);
	report_run("undo", image, 0, "undone", NULL);
}

TEST(accept, an_undo_file_that_another_user_could_have_written_is_refused)
{
	const char *image = fixed_image(), *undo = text("%s.bootshift-undo", image);

	ck_assert_int_eq(chmod(undo, 0666), 0);
	report_run("accept", image, 3, "refused", "not-trusted");
	ck_assert(has_undo_file(image) && has_hint(image));
}

TEST(accept, a_damaged_undo_file_is_refused)
{
	const char *image = fixed_image(), *undo = text("%s.bootshift-undo", image);

	file_flip(undo, 5 * 4096);
	report_run("accept", image, 3, "refused", "undo-file-damaged");
	ck_assert(has_undo_file(image) && has_hint(image));
}

TEST(accept, the_undo_file_of_another_image_is_not_removed)
{
	const char *image = fixed_image(), *copy = text("%s.copy", image);
	const char *undo = text("%s.bootshift-undo", image);
	struct outcome outcome;

	ASSERT_STATUS(RUN("cp", "--sparse=always", "--preserve=all", image, copy), 0);
	outcome = BOOTSHIFT("accept", copy); /* has the hint of the original */
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, undo);
	ASSERT_HAS(outcome.errors, "(no-undo-file); if you have the undo file elsewhere, name it "
				   "with --undo-file");
	outcome = BOOTSHIFT("accept", "--undo-file", undo, copy);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(undo-file-of-other)");
	ck_assert(has_undo_file(image));
	report_run("undo", image, 0, "undone", NULL);
}

TEST(accept, an_undo_file_elsewhere_is_found_by_its_folder_or_its_name)
{
	for (int by_name = 0; by_name < 2; by_name++) {
		const char *image = image_copy(sample_image()), *folder = test_folder(), *undo;
		struct outcome outcome = BOOTSHIFT("fix", "--json", "--undo-dir", folder, image);

		undo = report_text(report_only(&outcome, "fix"), "undo_file");
		report_run("accept", image, 3, "refused", "no-undo-file");
		outcome = by_name ? BOOTSHIFT("accept", "--undo-file", undo, image)
				  : BOOTSHIFT("accept", "--undo-dir", folder, image);
		ASSERT_STATUS(outcome, 0);
		ck_assert_int_eq(rmdir(folder), 0);
		ck_assert(!has_hint(image));
	}
}

TEST(accept, a_container_is_accepted)
{
	static const struct container_kind qcow2 = {"qcow2", "qcow2", "", true, NULL};
	const char *image = container_make(&qcow2, sample_image());

	report_run("fix", image, 0, "fixed", NULL);
	report_run("accept", image, 0, "accepted", NULL);
	ck_assert(!has_undo_file(image));
}

/* ---- batches -------------------------------------------------------------------------------- */

TEST(accept, the_fixes_of_a_batch_are_accepted_once)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *one = batch_put(folder, "one.img", sample_image()),
		   *other = batch_put(folder, "other.img", sample_image());
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	outcome = BOOTSHIFT("accept", "--dry-run", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "2  would be accepted");
	ck_assert(has_undo_file(one) && has_undo_file(other));
	ASSERT_STATUS(BOOTSHIFT("accept", "--from", rows, "one.img"), 0);
	ck_assert(!has_undo_file(one) && has_undo_file(other));
	outcome = BOOTSHIFT("accept", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "one.img: nothing to do: this batch's fix is accepted");
	ASSERT_HAS(outcome.output, "other.img: accepted: the undo file is removed (");
	ck_assert(!has_undo_file(other));
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "nothing to do: the file has 4 results, but no fix");
	outcome = BOOTSHIFT("report", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "2  accepted");
}

TEST(accept, an_image_that_a_batch_did_not_fix_any_more_is_told)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *undone = batch_put(folder, "undone.img", sample_image());
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	report_run("undo", undone, 0, "undone", NULL);
	outcome = BOOTSHIFT("accept", "--from", rows);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(not-fixed)");
}
