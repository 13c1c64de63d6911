/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch on a folder of images: what happens to each image, what the batch reports, and a second
 * batch on the same folder.
 */
#include <stdlib.h>
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

/* A disk on which no partition is active. */
static const char *unsuitable(void)
{
	return image_recipe("unsuitable", SAMPLE_SMALL "partition system active=no\n");
}

static const char *hibernated(void)
{
	return image_recipe(
		"hibernated", SAMPLE_SMALL
		"on windows\n"
		"file \\hiberfil.sys text=hibr size=1M seed=0 attributes=hsa descriptor=system\n");
}

struct mixture {
	const char *folder, *rows;
	const char *good[3], *fixed, *hibernated, *broken;
	struct image_digest good_digest, fixed_digest, hibernated_digest;
};

/* Images that can be fixed, one that is fixed already, and others that are refused or left out. */
static struct mixture mix(void)
{
	struct mixture mixture = {.folder = batch_folder()};
	const char *folder = mixture.folder;

	mixture.rows = text("%s.jsonl", folder);
	ck_assert_int_eq(mkdir(text("%s/sub", folder), 0755), 0);
	mixture.good[0] = batch_put(folder, "a good one.img", small());
	mixture.good[1] = batch_put(folder, "b.raw", small());
	mixture.good[2] = batch_put(folder, "sub/c", small());
	mixture.fixed = batch_put(folder, "fixed.img", small());
	report_run("fix", mixture.fixed, 0, "fixed", NULL);
	mixture.hibernated = batch_put(folder, "hibernated.img", hibernated());
	/* A VHD of which only the beginning has been copied. */
	mixture.broken = batch_write(folder, "broken.vhd", "conectix and then no more");
	batch_write(folder, "empty.img", "");
	batch_write(folder, "notes.txt", "not a disk\n");
	mixture.good_digest = image_digest(small());
	mixture.fixed_digest = image_digest(mixture.fixed);
	mixture.hibernated_digest = image_digest(mixture.hibernated);
	return mixture;
}

static void check_rows(const struct mixture *mixture, size_t count)
{
	json_t *rows = batch_rows(mixture->rows);

	ck_assert_uint_eq(json_array_size(rows), count);
	for (int i = 0; i < 3; i++)
		batch_assert(rows, mixture->good[i], "fixed", NULL);
	batch_assert(rows, mixture->fixed, "nothing-to-do", NULL);
	ck_assert_ptr_null(report_text(batch_row(rows, mixture->fixed), "undo_file"));
	batch_assert(rows, mixture->hibernated, "refused", "hibernated");
	batch_assert(rows, mixture->broken, "refused", "vhd-corrupt");
}

static void check_undone(const struct mixture *mixture)
{
	for (int i = 0; i < 3; i++)
		image_assert_same(mixture->good[i], &mixture->good_digest);
	image_assert_same(mixture->fixed, &mixture->fixed_digest);
	image_assert_same(mixture->hibernated, &mixture->hibernated_digest);
}

TEST_CASE(batch, "batch");

TEST(batch, every_image_of_a_folder_gets_what_it_needs_and_all_of_it_can_be_taken_back)
{
	struct mixture mixture = mix();
	struct outcome outcome = BOOTSHIFT("batch", "--jsonl", mixture.rows, mixture.folder);

	ASSERT_STATUS(outcome, 3);
	check_rows(&mixture, 6);
	ASSERT_HAS(outcome.output, text("%s: fixed in ", mixture.good[0]));
	ASSERT_HAS(outcome.output, "(hibernated)");
	ASSERT_HAS_NOT(outcome.output, "\033");
	for (int i = 0; i < 3; i++)
		report_run("inspect", mixture.good[i], 0, "nothing-to-do", NULL);
	outcome = BOOTSHIFT("undo", "--from", mixture.rows);
	ASSERT_STATUS(outcome, 0);
	check_undone(&mixture);
}

TEST(batch, a_second_run_does_nothing_that_is_done)
{
	struct mixture mixture = mix();
	struct image_state before;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", mixture.rows, mixture.folder), 3);
	before = state_take(mixture.rows);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", mixture.rows, "--resume", mixture.folder), 3);
	state_assert_untouched(mixture.rows, &before);
	ASSERT_STATUS(BOOTSHIFT("batch", mixture.folder), 3); /* without its rows too */
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", mixture.rows), 0);
	check_undone(&mixture);
}

TEST(batch, rows_are_never_overwritten)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	const char *rows = text("%s.jsonl", folder);
	struct image_digest before = image_digest(image);
	struct image_state rows_before, image_before;
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, image), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, image), 0);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 2);
	rows_before = state_take(rows);
	image_before = state_take(image);
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--dry-run", image);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "(rows-exist)");
	state_assert_untouched(rows, &rows_before);
	state_assert_untouched(image, &image_before);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &before);
}

/* The existing file was not written by this program. */
TEST(batch, another_file_is_not_taken_for_rows)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	const char *file = batch_write(folder, "notes", "the first line\nand one that has no end");
	struct image_state before = state_take(file), image_before = state_take(image);
	struct outcome outcome = BOOTSHIFT("batch", "--jsonl", file, "--resume", image);

	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "(file-exists)");
	state_assert_untouched(file, &before);
	state_assert_untouched(image, &image_before);
	file = batch_write(folder, "notes", "the first line\nand another one\n");
	before = state_take(file);
	outcome = BOOTSHIFT("batch", "--jsonl", file, image);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "(file-exists)");
	state_assert_untouched(file, &before);
	state_assert_untouched(image, &image_before);
	outcome = BOOTSHIFT("undo", "--from", file);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "this is not a file of batch results (wrong-kind)");
	ck_assert_ptr_eq(strchr(outcome.errors, '\n'), strrchr(outcome.errors, '\n'));
	outcome = BOOTSHIFT("batch", "--jsonl", folder, image);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "this is a folder and not a file of batch results (wrong-kind)");
}

/* The user names all images where one file is expected. */
TEST(batch, no_image_is_written_over_with_rows_or_a_page)
{
	static const char *const options[][2] = {
		{"--report", "file-exists"}, {"--jsonl", "wrong-kind"}, {"--json", "--jsonl FILE"}};
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small()),
		   *other = batch_put(folder, "b.img", small());
	struct image_state before = state_take(image), other_before = state_take(other);

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct outcome outcome = BOOTSHIFT("batch", options[i][0], image, other);

		ASSERT_STATUS(outcome, 2);
		ASSERT_HAS(outcome.errors, options[i][1]);
		state_assert_untouched(image, &before);
		state_assert_untouched(other, &other_before);
	}
	ASSERT_STATUS(BOOTSHIFT("plan", "-o", image, other), 2);
	state_assert_untouched(image, &before);
}

TEST(batch, a_page_that_cannot_be_written_is_known_before_anything_is_done)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("batch", "--report", "/none/page.html", folder);

	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(not-found)");
	state_assert_untouched(image, &before);
}

/* The failure could not be known before the run. */
TEST(batch, rows_of_a_page_that_could_not_be_written_are_kept)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small()), *rows;
	struct image_digest before = image_digest(image);
	struct outcome outcome;

	ck_assert_int_eq(setenv("TMPDIR", batch_folder(), 1), 0);
	outcome = BOOTSHIFT("batch", "--report", "/dev/full", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(output-failed); write the output to a file");
	rows = strstr(outcome.errors, getenv("TMPDIR"));
	ck_assert_msg(rows != NULL, "%s", outcome.errors);
	rows = text("%.*s", (int)strcspn(rows, "\n"), rows);
	batch_assert(batch_rows(rows), image, "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &before);
	/* Rows that the user has already are not saved again. */
	rows = text("%s.jsonl", folder);
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--report", "/dev/full", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS_NOT(outcome.errors, "are saved in");
	batch_assert(batch_rows(rows), image, "fixed", NULL);
}

TEST(batch, a_dry_run_changes_nothing_and_only_another_one_goes_on_with_it)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	const char *rows = text("%s.jsonl", folder);
	struct image_state before = state_take(image);
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--jsonl", rows, folder), 0);
	batch_assert(batch_rows(rows), image, "would-fix", NULL);
	state_assert_untouched(image, &before);
	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--jsonl", rows, "--resume", folder), 0);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 1);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	state_assert_untouched(image, &before);
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "(rows-exist)");
	state_assert_untouched(image, &before);
}

TEST(batch, what_is_named_and_exists_has_its_row_whatever_it_is)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *notes = batch_write(folder, "notes.txt", "not a disk\n"),
		   *empty = batch_write(folder, "empty", ""), *none = text("%s/none", folder),
		   *pipe = text("%s/pipe", folder);

	ck_assert_int_eq(mkfifo(pipe, 0600), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, notes, empty, none, pipe, "/dev/null"),
		      1);
	batch_assert(batch_rows(rows), notes, "refused", "not-an-image");
	batch_assert(batch_rows(rows), empty, "refused", "not-an-image");
	ck_assert_ptr_null(batch_row(batch_rows(rows), none));
	batch_assert(batch_rows(rows), pipe, "refused", "not-an-image");
	batch_assert(batch_rows(rows), "/dev/null", "refused", "not-an-image");
}

/* The name is mistyped: there is no image, and with --resume no row may stay for ever. */
TEST(batch, a_name_that_leads_to_nothing_is_an_error_without_a_row)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct outcome outcome =
		BOOTSHIFT("batch", "-q", "--jsonl", rows, text("%s/b", folder), image);

	ASSERT_STATUS(outcome, 1);
	ck_assert_str_eq(outcome.errors, text("bootshift: %s/b: there is no such file or folder "
					      "(not-found); %s\n",
					      folder, bs_code_advice(BS_NOT_FOUND)));
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 1);
	batch_assert(batch_rows(rows), image, "fixed", NULL);
}

TEST(batch, a_folder_with_nothing_but_links_or_packed_files_says_so)
{
	const char *folder = batch_folder(), *links = batch_folder();
	struct outcome outcome;

	ck_assert_int_eq(symlink(batch_put(batch_folder(), "a.img", small()), text("%s/a", links)),
			 0);
	outcome = BOOTSHIFT("batch", "-q", "--dry-run", links);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "it has 1 symbolic link: add --follow\n");
	batch_write(folder, "a.img.gz", "\x1f\x8b\x08 packed");
	batch_write(folder, "b.img", "\x28\xb5\x2f\xfd packed");
	outcome = BOOTSHIFT("batch", "-q", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "2 files in it are compressed: unpack them first\n");
}

TEST(batch, patterns_that_exclude_all_named_images_are_told)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "c2.img", small());
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("batch", "--exclude", "c[2-9]*", image);

	ASSERT_STATUS(outcome, 1);
	ck_assert_str_eq(outcome.errors, "bootshift: the patterns exclude 1 name, and no image is "
					 "left (nothing-found); check --include and --exclude\n");
	state_assert_untouched(image, &before);
}

TEST(batch, names_of_any_bytes_are_fixed_told_and_undone)
{
	static const char *const names[] = {
		"with space", "new\nline",        "escape \033[31m",
		"%41 100%",   "no text \xff\xfe", "\xe2\x80\xae right to left",
		"-v"};
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct image_digest before = image_digest(small());
	struct outcome outcome;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		batch_put(folder, names[i], small());
	outcome = BOOTSHIFT("batch", "--jsonl", rows, folder);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "new\\x0aline: fixed");
	ASSERT_HAS(outcome.output, "escape \\x1b[31m: fixed");
	ASSERT_HAS(outcome.output, "no text \\xff\\xfe: fixed");
	ASSERT_HAS_NOT(outcome.output, "\033");
	ck_assert_str_eq(
		report_text(batch_row(batch_rows(rows), text("%s/%%41 100%%", folder)), "uri"),
		text("file://%s/%%2541%%20100%%25", folder));
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS_NOT(outcome.output, "\033");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		image_assert_same(text("%s/%s", folder, names[i]), &before);
	/* The rows lead to all images: the batch fixes each of them again. */
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder), 0);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 3 * sizeof(names) / sizeof(names[0]));
}

TEST(batch, rows_on_standard_output_are_alone_there)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	struct outcome outcome = BOOTSHIFT("batch", "--jsonl", "-", folder);
	const char *copy = batch_write(folder, "copy.jsonl", outcome.output);

	ASSERT_STATUS(outcome, 0);
	ck_assert_uint_eq(json_array_size(batch_rows(copy)), 1);
	ASSERT_HAS(outcome.errors, ": fixed in ");
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", copy), 0);
	report_run("inspect", image, 0, "would-fix", NULL);
}

TEST(batch, quiet_leaves_what_went_wrong)
{
	const char *folder = batch_folder(), *bad = batch_put(folder, "bad.img", unsuitable());
	struct outcome outcome;

	batch_put(folder, "good.img", small());
	outcome = BOOTSHIFT("batch", "-q", folder);
	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, text("bootshift: %s: ", bad));
	ASSERT_HAS(outcome.errors, "(no-active-partition); ");
	ASSERT_HAS_NOT(outcome.errors, "good.img");
}

TEST(batch, what_has_the_name_of_an_image_and_is_none_is_named)
{
	const char *folder = batch_folder();
	struct outcome outcome;

	batch_write(folder, "empty.vhd", "");
	batch_write(folder, "notes.txt", "not a disk\n");
	batch_put(folder, "a.img", small());
	outcome = BOOTSHIFT("batch", folder);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, text("%s/empty.vhd: left out: is empty\n", folder));
	ASSERT_HAS_NOT(outcome.output, "notes.txt");
	/* The rows go to standard output, so all text for people goes to standard error. */
	outcome = BOOTSHIFT("batch", "--jsonl", "-", folder);
	ASSERT_HAS_NOT(outcome.output, "empty.vhd");
	ASSERT_HAS(outcome.errors, "empty.vhd: left out");
	outcome = BOOTSHIFT("batch", "-q", folder);
	ck_assert_str_eq(outcome.errors, "");
}

TEST(batch, the_page_names_the_first_thousand_files_that_were_left_out)
{
	const char *folder = batch_folder();
	struct outcome outcome;

	for (unsigned i = 0; i < 1003; i++)
		batch_write(folder, text("%04u.img", i), "");
	outcome = BOOTSHIFT("batch", "-q", "--report", "-", folder);
	ASSERT_STATUS(outcome, 1); /* there is no image at all */
	ASSERT_HAS(outcome.output, "/0999.img</bdi>: is empty");
	ASSERT_HAS_NOT(outcome.output, "/1000.img</bdi>");
	ASSERT_HAS(outcome.output, "And 3 more.");
}

/* An unmounted share must not look like success. */
TEST(batch, a_batch_that_finds_nothing_is_an_error)
{
	const char *folder = batch_folder(), *full = batch_folder();
	struct outcome outcome = BOOTSHIFT("batch", folder);

	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors,
		   text("bootshift: %s: no disk image was found in this folder (nothing-found)",
			folder));
	ASSERT_HAS(outcome.errors, "its share is mounted");
	ASSERT_STATUS(BOOTSHIFT("batch", "-q", folder), 1);
	/* One of two folders: a warning. */
	batch_put(full, "a.img", small());
	outcome = BOOTSHIFT("batch", "-q", folder, full);
	ASSERT_STATUS(outcome, 0);
	ck_assert_str_eq(outcome.errors,
			 text("bootshift: warning: no disk image was found in %s; is the share "
			      "mounted?\n",
			      folder));
}

TEST(batch, a_pattern_that_matches_nothing_is_named)
{
	const char *folder = batch_folder();
	struct outcome outcome;

	batch_put(folder, "a.img", small());
	outcome =
		BOOTSHIFT("batch", "--dry-run", "--include", "*.img", "--exclude", "old *", folder);
	ASSERT_STATUS(outcome, 0);
	ck_assert_str_eq(outcome.errors, "bootshift: warning: --exclude 'old *' matches no file\n");
	outcome = BOOTSHIFT("batch", "--include", "*.vdh", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "--include '*.vdh' matches no file");
	ASSERT_HAS(outcome.errors, "(nothing-found); the patterns exclude 1 name in it");
	ASSERT_HAS_NOT(outcome.errors, "no image is left"); /* it is told of the folder */
	outcome = BOOTSHIFT("batch", text("%s/b", folder));
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS_NOT(outcome.errors, "the patterns exclude");
}

TEST(batch, a_retry_does_only_what_its_words_say)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *locked = batch_put(folder, "locked.img", small()),
		   *bad = batch_put(folder, "bad.img", unsuitable()),
		   *asleep = batch_put(folder, "asleep.img", hibernated()), *later;
	struct image_digest before = image_digest(small());
	struct outcome outcome;

	ck_assert_int_eq(chmod(locked, 0444), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 3);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 3);
	ck_assert_int_eq(chmod(locked, 0644), 0);
	later = batch_put(folder, "later.img", small());
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--retry", "read-only", "--retry",
			    "hibernated", folder);
	ASSERT_STATUS(outcome, 3);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 5);
	batch_assert(batch_rows(rows), locked, "fixed", NULL);
	batch_assert(batch_rows(rows), asleep, "refused", "hibernated");
	ASSERT_HAS(outcome.output, "Left out, images that have no result yet (--retry): 1\n");
	ASSERT_HAS(outcome.output, "3 images: 2 processed now");
	image_assert_same(later, &before);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--retry", "refused", folder), 3);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 7);
	batch_assert(batch_rows(rows), bad, "refused", "no-active-partition");
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--retry", "failed", folder), 3);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 7);
}

TEST(batch, a_retry_needs_rows_and_a_word_that_exists)
{
	struct outcome outcome = BOOTSHIFT("batch", "--retry", "failed", "/none");

	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "--retry needs the file of --jsonl");
	outcome = BOOTSHIFT("batch", "--jsonl", "rows", "--retry", "refussed", "/none");
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "not 'refussed'; did you mean 'refused'?");
	outcome = BOOTSHIFT("batch", "--jsonl", "rows", "--retry", "fixed", "/none");
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "images that ended as 'fixed' are not done again");
	ASSERT_HAS_NOT(outcome.errors, "did you mean");
	outcome = BOOTSHIFT("batch", "--jsonl", "rows", "--retry", "refused,failed", "/none");
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "give it several times: --retry refused --retry ...");
	outcome = BOOTSHIFT("batch", "--jsonl", "-", "--retry", "refused", "/none");
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "--retry needs the file of --jsonl, and - is not a file");
	outcome = BOOTSHIFT("batch", "--jsonl", batch_write(batch_folder(), "rows", ""), "--retry",
			    "failed", "/none");
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors,
		   "it has no results that --retry could choose from (row-invalid)");
}

/* A mistyped name must not begin a new batch. */
TEST(batch, nothing_is_continued_without_its_file)
{
	static const char *const options[][2] = {{"--resume", "--verbose"}, {"--retry", "failed"}};
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct image_state before = state_take(image);

	for (size_t i = 0; i < 2; i++) {
		struct outcome outcome =
			BOOTSHIFT("batch", "--jsonl", rows, options[i][0], options[i][1], folder);

		ASSERT_STATUS(outcome, 1);
		ASSERT_HAS(outcome.errors, "there is no such file of batch results to ");
		ASSERT_HAS(outcome.errors, "(not-found)");
		ck_assert_int_ne(access(rows, F_OK), 0);
		state_assert_untouched(image, &before);
	}
}

TEST(batch, rows_that_do_not_fit_are_told_before_the_search)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct outcome outcome;

	batch_put(folder, "a.img", unsuitable());
	batch_write(folder, "empty.vhd", "");
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 3);
	outcome = BOOTSHIFT("batch", "--dry-run", "--jsonl", rows, folder);
	ASSERT_STATUS(outcome, 2);
	ck_assert_str_eq(outcome.output, "");
	outcome = BOOTSHIFT("batch", "-q", "--jsonl", rows, "--retry", "hibernated", "--retry",
			    "no-active-partition", folder);
	ASSERT_HAS(outcome.errors, text("bootshift: warning: --retry hibernated: no image in %s "
					"ended so\n",
					rows));
	ASSERT_HAS_NOT(outcome.errors, "--retry no-active");
}

/* The reader is gone from the start, which is the worst case of "| head -1". */
static struct outcome run_unread(const char *command)
{
	return RUN(
		"bash", "-c",
		text("set -o pipefail; { sleep 0.3; %s %s; } | true", bootshift_path(), command));
}

TEST(batch, a_reader_that_goes_ends_a_dry_run_without_a_word)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *commands[] = {
		text("batch --dry-run %s", folder), text("batch --dry-run --jsonl - %s", folder),
		text("batch --dry-run --report - %s", folder), text("report -o - %s", rows)};

	batch_put(folder, "a.img", small());
	batch_put(folder, "b.img", small());
	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--jsonl", rows, folder), 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct outcome outcome = run_unread(commands[i]);

		ASSERT_STATUS(outcome, 0);
		ASSERT_HAS_NOT(outcome.errors, "bootshift:");
	}
}

TEST(batch, a_reader_that_goes_does_not_end_a_batch)
{
	const char *folder = batch_folder(), *first = batch_put(folder, "a.img", small());
	struct outcome outcome = run_unread(text("batch %s", folder));

	ASSERT_STATUS(outcome, 0);
	ck_assert_str_eq(outcome.errors, "bootshift: the reader of the report has gone; the batch "
					 "was carried out on 1 image\n");
	report_run("inspect", first, 0, "nothing-to-do", NULL);
	/* Without their reader, the rows of further images would be lost. */
	batch_put(folder, "b.img", small());
	batch_put(folder, "c.img", small());
	outcome = run_unread(text("batch -j1 --jsonl - %s/b.img %s/c.img", folder, folder));
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "bootshift: standard output: the reader of the batch results "
				   "has gone (output-failed); write the output to a file");
	report_run("inspect", text("%s/c.img", folder), 0, "would-fix", NULL);
}

TEST(batch, without_rows_the_end_says_how_to_undo)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a b.img", small());
	struct image_digest before = image_digest(image);
	struct outcome outcome = BOOTSHIFT("batch", folder);
	const char *command = strstr(outcome.output, "bootshift undo ");

	ASSERT_STATUS(outcome, 0);
	ck_assert_msg(command != NULL, "%s", outcome.output);
	ASSERT_STATUS(RUN("sh", "-c", text("%s %s", bootshift_path(), command + 10)), 0);
	image_assert_same(image, &before);
}

/* Two machines, with the folder at different paths, divide the images without communication. */
TEST(batch, shards_are_a_partition_wherever_the_folder_lies)
{
	const char *folder = batch_folder(), *other = text("%s-moved", folder);
	const char *rows = text("%s.jsonl", folder);
	int done = 0;

	for (int i = 0; i < 12; i++)
		batch_put(folder, text("%d.img", i), small());
	for (int i = 1; i <= 3; i++) {
		ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--shard", text("%d/3", i), "--jsonl",
					text("%s-%d.jsonl", folder, i), folder),
			      0);
		done += (int)json_array_size(batch_rows(text("%s-%d.jsonl", folder, i)));
	}
	ck_assert_int_eq(done, 12);
	ck_assert_int_eq(rename(folder, other), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--shard", "2/3", "--jsonl", rows, other), 0);
	done = 0;
	for (int i = 0; i < 12; i++) {
		json_t *here = batch_row(batch_rows(text("%s-2.jsonl", folder)),
					 text("%s/%d.img", folder, i));
		json_t *there = batch_row(batch_rows(rows), text("%s/%d.img", other, i));

		ck_assert_int_eq(here != NULL, there != NULL);
		done += here != NULL;
	}
	ck_assert(done > 0 && done < 12); /* otherwise the test proves nothing */
}

TEST(batch, too_many_failures_end_a_batch)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct image_state before;
	const char *loops[3];
	struct outcome outcome;

	for (int i = 0; i < 3; i++) {
		loops[i] = text("%s/loop-%d", folder, i);
		ck_assert_int_eq(symlink(loops[i], loops[i]), 0);
	}
	before = state_take(image);
	outcome = BOOTSHIFT("batch", "-j1", "--max-failures", "2", "--jsonl", rows, loops[0],
			    loops[1], loops[2], image);
	ASSERT_STATUS(outcome, 1);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 2);
	ASSERT_HAS(outcome.errors, "2 images were not begun");
	state_assert_untouched(image, &before);
}

TEST(batch, a_folder_for_undo_files_that_is_not_there_is_told_once)
{
	const char *folder = batch_folder();
	const char *images[] = {batch_put(folder, "a.img", small()),
				batch_put(folder, "b.img", small())};
	struct image_state before = state_take(images[0]);
	struct outcome outcome =
		BOOTSHIFT("batch", "--undo-dir", text("%s/none", folder), images[0], images[1]);

	ASSERT_STATUS(outcome, 1);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, "(not-found)");
	ck_assert_ptr_eq(strchr(outcome.errors, '\n'), strrchr(outcome.errors, '\n'));
	state_assert_untouched(images[0], &before);
}

TEST(batch, a_folder_for_undo_files_that_may_not_be_written_to_is_told_once)
{
	const char *folder = batch_folder(), *elsewhere = batch_folder();
	struct outcome outcome;

	if (!test_needs_root())
		return; /* only root can become another user */
	ck_assert_int_eq(chmod(batch_put(folder, "a.img", small()), 0666), 0);
	ck_assert_int_eq(chmod(batch_put(folder, "b.img", small()), 0666), 0);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(chmod(elsewhere, 0555), 0);
	outcome = RUN("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
		      bootshift_for_everyone(), "batch", "--undo-dir", elsewhere, folder);
	ASSERT_STATUS(outcome, 1);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, "cannot be used as the folder for undo files");
	ck_assert_ptr_eq(strchr(outcome.errors, '\n'), strrchr(outcome.errors, '\n'));
}

TEST(batch, undo_files_of_a_batch_may_lie_elsewhere)
{
	const char *folder = batch_folder(), *elsewhere = batch_folder();
	const char *rows = text("%s.jsonl", folder), *image = batch_put(folder, "a.img", small());
	struct image_digest before = image_digest(image);

	ASSERT_STATUS(BOOTSHIFT("batch", "--undo-dir", elsewhere, "--jsonl", rows, folder), 0);
	ck_assert_int_ne(access(text("%s.bootshift-undo", image), F_OK), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &before);
	ck_assert_int_eq(rmdir(elsewhere), 0);
}

/* Somebody would delete the old partition after the fix. */
TEST(batch, what_stays_on_the_old_partition_is_told)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *page = text("%s.html", folder);
	struct outcome outcome;

	batch_put(folder, "a.img", image_built("windows-10", false));
	batch_put(folder, "b.img", small());
	outcome = BOOTSHIFT("batch", "--dry-run", folder);
	ASSERT_HAS(outcome.output, "Keep the old partition of 1 disk for good: something that "
				   "Windows needs would\n");
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--report", page, folder);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "Keep the old partition of 1 disk for good");
	ASSERT_HAS(outcome.output, text("\n  %s/a.img\nNext: convert the disks; ", folder));
	outcome = RUN("cat", page);
	ASSERT_HAS(outcome.output, "<p class=\"note\">keep partition 1: ");
	outcome = BOOTSHIFT("report", "-o", "-", rows);
	ASSERT_HAS(outcome.output, text("bootshift undo --from %s</code>", rows));
	ASSERT_HAS(outcome.output, "The batch was begun 20");
}
