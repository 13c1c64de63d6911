/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Undo of a batch by its rows: which images are undone, in what order, and what the rows say then.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"

/* The image that small_image() copies. */
static const char *small(void)
{
	return image_recipe("small", SAMPLE_SMALL);
}

TEST_CASE(batch_undo, "batch-undo");

TEST(batch_undo, those_images_of_a_batch_are_taken_back_that_match)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *web = batch_put(folder, "web-1.img", small()),
		   *mail = batch_put(folder, "mail.img", small()),
		   *other = batch_put(folder, "other.img", small());
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	outcome = BOOTSHIFT("undo", "--from", rows, "web-*", "none-*");
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "matches none-*");
	report_run("inspect", web, 0, "nothing-to-do", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows, "web-*", mail), 0);
	report_run("inspect", web, 0, "would-fix", NULL);
	report_run("inspect", mail, 0, "would-fix", NULL);
	report_run("inspect", other, 0, "nothing-to-do", NULL);
}

/* As a pattern, the name would match "disk1.img". */
TEST(batch_undo, a_name_with_the_signs_of_a_pattern_is_also_a_name)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "disk[1].img", small());

	ASSERT_STATUS(BOOTSHIFT("batch", "-q", "--jsonl", rows, folder), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows, "disk[1].img"), 0);
	report_run("inspect", image, 0, "would-fix", NULL);
}

TEST(batch_undo, taking_back_says_of_each_image_what_an_undo_says)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *good = batch_put(folder, "good.img", small()),
		   *undone = batch_put(folder, "undone.img", small()),
		   *changed = batch_put(folder, "changed.img", small()),
		   *gone = batch_put(folder, "gone.img", small()),
		   *lost = batch_put(folder, "lost.img", small());
	const char *const paths[] = {good, undone, changed, gone, lost};
	static const char *const statuses[] = {"undone", "nothing-to-do", "refused", "failed",
					       "refused"};
	struct outcome outcome;
	json_t *images;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	report_run("undo", undone, 0, "undone", NULL);
	file_flip(changed, 100); /* in the first sector, as a start of Windows could */
	ck_assert_int_eq(unlink(gone), 0);
	ck_assert_int_eq(unlink(text("%s.bootshift-undo", lost)), 0);
	outcome = BOOTSHIFT("undo", "--json", "--from", rows);
	ASSERT_STATUS(outcome, 1);
	images = report_object(report_read(&outcome, "undo"), "images");
	ck_assert_uint_eq(json_array_size(images), 5);
	for (size_t i = 0; i < 5; i++) {
		const json_t *image = batch_row(images, paths[i]);

		ck_assert_ptr_nonnull(image);
		ck_assert_msg(strcmp(report_text(image, "status"), statuses[i]) == 0, "%s: %s",
			      paths[i], report_text(image, "status"));
	}
	ck_assert_str_eq(report_text(batch_row(images, changed), "code"), "changed-since-fix");
	ck_assert_str_eq(report_text(batch_row(images, gone), "code"), "not-found");
	ck_assert_str_eq(report_text(batch_row(images, lost), "code"), "no-undo-file");
	outcome = BOOTSHIFT("undo", "--from", rows, "good.img");
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": nothing to do: ");
}

TEST(batch_undo, a_later_fix_is_told_with_its_undo)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "disk.img", small());
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_HAS(outcome.output, "disk.img: nothing to do: this batch's fix is undone already\n");
	report_run("fix", image, 0, "fixed", NULL);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "this batch's fix is undone already; a later fix stays; to undo "
				   "that one: bootshift undo ");
	report_run("inspect", image, 0, "nothing-to-do", NULL);
	report_run("undo", image, 0, "undone", NULL);
}

TEST(batch_undo, a_dry_run_checks_every_undo_file_and_writes_nothing)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *good = batch_put(folder, "good.img", small()),
		   *changed = batch_put(folder, "changed.img", small()),
		   *damaged = batch_put(folder, "damaged.img", small()),
		   *undone = batch_put(folder, "undone.img", small()), *journal;
	struct image_state good_before, rows_before, journal_before;
	struct outcome outcome;
	json_t *images;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	report_run("undo", undone, 0, "undone", NULL);
	file_flip(changed, 100);
	file_flip(text("%s.bootshift-undo", damaged), 20000); /* in the first record */
	journal = text("%s.bootshift-undo", good);
	good_before = state_take(good);
	rows_before = state_take(rows);
	journal_before = state_take(journal);
	outcome = BOOTSHIFT("undo", "--json", "--dry-run", "--from", rows);
	ASSERT_STATUS(outcome, 3);
	images = report_object(report_read(&outcome, "undo"), "images");
	ck_assert_uint_eq(json_array_size(images), 4);
	batch_assert(images, good, "would-undo", NULL);
	batch_assert(images, changed, "refused", "changed-since-fix");
	batch_assert(images, damaged, "refused", "undo-file-damaged");
	batch_assert(images, undone, "nothing-to-do", NULL);
	outcome = BOOTSHIFT("undo", "--dry-run", "--from", rows);
	ASSERT_HAS(outcome.output, "good.img: would be undone: the undo file is whole");
	ASSERT_HAS(outcome.output, "\n  1  would be undone\n");
	report_run("inspect", good, 0, "nothing-to-do", NULL);
	state_assert_untouched(good, &good_before);
	state_assert_untouched(rows, &rows_before);
	state_assert_untouched(journal, &journal_before);
	/* What the dry run said comes true. */
	ASSERT_STATUS(BOOTSHIFT("undo", "--dry-run", good), 0);
	state_assert_untouched(good, &good_before);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows, "good.img"), 0);
	report_run("inspect", good, 0, "would-fix", NULL);
}

TEST(batch_undo, rows_without_a_fix_are_told)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct outcome outcome;

	batch_put(folder, "a.img", small());
	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--jsonl", rows, folder), 0);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ck_assert_str_eq(outcome.output,
			 text("%s: nothing to do: these are results of a dry run\n", rows));
	outcome = BOOTSHIFT("undo", "--from", rows, "a.img");
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors,
		   "a.img is not fixed: its result in this file is 'would be fixed'");
	outcome = BOOTSHIFT("undo", "--from", batch_write(folder, "empty.jsonl", ""));
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "nothing to do: the file has no results\n");
}

TEST(batch_undo, an_undo_of_a_batch_ends_with_a_sum)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *changed;
	struct outcome outcome;

	batch_put(folder, "a.img", small());
	batch_put(folder, "b.img", small());
	changed = batch_put(folder, "c.img", small());
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	file_flip(changed, 100);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.output, "\n3 images in ");
	ASSERT_HAS(outcome.output, "\n  2  undone\n  1  refused, and not changed\n"
				   "     1  changed-since-fix: ");
	ASSERT_HAS(outcome.output, text("\n        %s\n", changed));
	outcome = BOOTSHIFT("undo", "-q", "--from", rows);
	ck_assert_str_eq(outcome.output, "");
}

TEST(batch_undo, the_latest_fix_is_taken_back_first)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct outcome outcome;
	const char *lines[3];

	for (int i = 0; i < 3; i++)
		batch_put(folder, text("%d.img", i), small());
	ASSERT_STATUS(BOOTSHIFT("batch", "-j1", "--jsonl", rows, folder), 0);
	outcome = BOOTSHIFT("undo", "-j1", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	for (int i = 0; i < 3; i++)
		lines[i] = strstr(outcome.output, text("%d.img: undone", i));
	ck_assert(lines[2] && lines[2] < lines[1] && lines[1] < lines[0]);
}

/* The file has the rows of two nights.  In the second night, the image was missing at first. */
TEST(batch_undo, what_is_said_later_does_not_keep_a_fix_from_being_taken_back)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	const char *first = text("%s.1.jsonl", folder), *second = text("%s.2.jsonl", folder);
	const char *both = text("%s.jsonl", folder);
	struct image_digest before = image_digest(image);
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", first, folder), 0);
	ck_assert_int_eq(chmod(image, 0444), 0);
	ASSERT_STATUS(RUN("touch", image), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", first, "--resume", folder), 3);
	batch_assert(batch_rows(first), image, "refused", "read-only");
	ck_assert_int_eq(chmod(image, 0644), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", second, folder), 0);
	batch_assert(batch_rows(second), image, "nothing-to-do", NULL);
	ASSERT_STATUS(
		RUN("sh", "-c", text("(cat %s; echo no row; cat %s) >%s", first, second, both)), 0);
	outcome = BOOTSHIFT("undo", "--from", both);
	/* The line that is not a row may belong to another fix. */
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "1 line was not a batch result and was ignored");
	image_assert_same(image, &before);
}

TEST(batch_undo, a_report_tells_what_was_taken_back)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct image_state before;
	struct outcome outcome;

	batch_put(folder, "b.img", small());
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows, "a.img"), 0);
	batch_assert(batch_rows(rows), image, "undone", NULL);
	outcome = BOOTSHIFT("report", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "1  fixed");
	ASSERT_HAS(outcome.output, "1  undone");
	/* A second undo reports the same and adds no rows. */
	before = state_take(rows);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows, "a.img"), 0);
	state_assert_untouched(rows, &before);
	/* A resumed batch fixes the images that are not fixed. */
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder), 0);
	batch_assert(batch_rows(rows), image, "fixed", NULL);
}

TEST(batch_undo, what_somebody_else_fixed_since_is_not_taken_back)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct image_digest fixed;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	report_run("fix", image, 0, "fixed", NULL);
	fixed = image_digest(image);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &fixed);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	batch_assert(batch_rows(rows), image, "nothing-to-do", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &fixed);
}

TEST(batch_undo, rows_that_cannot_be_added_to_are_no_reason_not_to_undo)
{
	const char *folder = batch_folder(), *rows = text("%s/rows", batch_folder());
	const char *image = batch_put(folder, "a.img", small());
	struct image_digest before = image_digest(image);
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	/* The file system is read-only, in a mount namespace of its own. */
	outcome = RUN("unshare", "--mount", "sh", "-c",
		      text("mount --bind %.*s /mnt && mount -o remount,bind,ro /mnt || exit 77;"
			   "'%s' undo --from /mnt/rows",
			   (int)(strrchr(rows, '/') - rows), rows, bootshift_path()));
	if (!test_needs(outcome.status != 77, "the right to mount"))
		return;
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "1 undone image is still recorded as fixed");
	ASSERT_HAS(outcome.errors, "(read-only)");
	image_assert_same(image, &before);
	batch_assert(batch_rows(rows), image, "fixed", NULL);
}

/* The batch ran in the folder of the image, the undo runs beside it. */
TEST(batch_undo, an_image_is_named_as_it_is_found_now)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct image_digest before = image_digest(image);
	struct outcome outcome;

	batch_write(folder, "b.img", "no disk");
	ASSERT_STATUS(RUN("sh", "-c",
			  text("cd %s && %s batch --jsonl %s a.img b.img", folder, bootshift_path(),
			       rows)),
		      3);
	outcome = RUN("sh", "-c",
		      text("cd %s && %s undo --from %s ./b.img", folder, bootshift_path(), rows));
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "./b.img is not fixed: its result in this file is 'refused' "
				   "(not-an-image)");
	outcome = RUN("sh", "-c",
		      text("cd %s/.. && %s undo --from %s ./%s/a.img", folder, bootshift_path(),
			   rows, strrchr(folder, '/') + 1));
	ASSERT_STATUS(outcome, 0);
	image_assert_same(image, &before);
}

TEST(batch_undo, results_of_a_dry_run_and_pages_are_told)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *page = text("%s.html", folder);
	struct outcome outcome;

	batch_put(folder, "a.img", small());
	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--jsonl", rows, "--report", page, folder),
		      0);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "nothing to do: these are results of a dry run\n");
	outcome = BOOTSHIFT("undo", "--from", page);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "this is a page (HTML) of batch results and not");
	ASSERT_HAS(outcome.errors, "name the file that the batch wrote with --jsonl");
}

TEST(batch_undo, nothing_is_taken_back_while_a_batch_adds_rows)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct image_digest fixed;
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	fixed = image_digest(image);
	outcome = RUN("flock", rows, bootshift_path(), "undo", "--from", rows);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(in-use)");
	image_assert_same(image, &fixed);
}

TEST(batch_undo, names_are_shown_with_their_bytes)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct outcome outcome;

	batch_put(folder, "x\xfe.img", small());
	batch_put(folder, "x\xff.img", small());
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	for (int i = 0; i < 2; i++) { /* the second time, the images are undone already */
		outcome = BOOTSHIFT("undo", "--from", rows);
		ASSERT_STATUS(outcome, 0);
		ASSERT_HAS(outcome.output, "/x\\xfe.img: ");
		ASSERT_HAS(outcome.output, "/x\\xff.img: ");
	}
}

/* The undo files are beside the image, beside its data file, and in another folder. */
TEST(batch_undo, undo_files_in_folders_of_any_bytes_are_found)
{
	const char *folder = text("%s/\xff", batch_folder()), *elsewhere = text("%s/\xfe", folder);
	const char *rows = text("%s.jsonl", batch_folder()), *image, *disk;
	struct image_digest before, disk_before;

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	ck_assert_int_eq(mkdir(elsewhere, 0755), 0);
	image = batch_put(folder, "a.img", small());
	disk = text("%s/b-flat.vmdk", folder);
	ASSERT_STATUS(RUN("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=monolithicFlat",
			  small(), text("%s/b.vmdk", folder)),
		      0);
	before = image_digest(image);
	disk_before = image_digest(disk);
	for (int i = 0; i < 2; i++) {
		ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder, "--undo-dir",
					i == 0 ? folder : elsewhere),
			      0);
		ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
		image_assert_same(image, &before);
		image_assert_same(disk, &disk_before);
	}
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &before);
	image_assert_same(disk, &disk_before);
}
