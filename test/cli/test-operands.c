/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The right command for the wrong object: a folder, or a file that bootshift itself has written,
 * where the command needs something else.  The message names what to type, with one exit status.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"

/* A folder with the image "disk.img", its undo file and one file of each kind that we write. */
static const char *objects(void)
{
	const char *folder = batch_folder();
	const char *image = batch_put(folder, "disk.img", image_recipe("small", SAMPLE_SMALL));

	ASSERT_STATUS(BOOTSHIFT("plan", "-o", text("%s/plan", folder), image), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", text("%s/rows", folder), "--report",
				text("%s/page", folder), image),
		      0);
	return folder;
}

/* Types a command in a folder. */
static struct outcome type_in(const char *folder, const char *words)
{
	return RUN("sh", "-c", text("cd '%s' && '%s' %s", folder, bootshift_path(), words));
}

TEST_CASE(operands_tests, "operands");

/* In `advice`, "DIR" stands for the folder. */
static const struct {
	const char *words, *is, *advice;
} wrong[] = {
	{"fix .", "a folder", "for all images in it: bootshift batch .\n"},
	{"fix --dry-run .", "a folder", "for all images in it: bootshift batch --dry-run .\n"},
	{"fix --undo-dir .. .", "a folder",
	 "for all images in it: bootshift batch --undo-dir .. .\n"},
	{"inspect .", "a folder", "for all images in it: bootshift batch --dry-run .\n"},
	{"plan .", "a folder", "for all images in it: bootshift batch --dry-run .\n"},
	{"undo .", "a folder", ": bootshift undo --from FILE\n"},
	{"report .", "a folder", ": bootshift report FILE\n"},
	{"undo disk.img.bootshift-undo", "the undo file of an image",
	 "name the image itself: bootshift undo disk.img\n"},
	{"fix disk.img.bootshift-undo", "the undo file of an image",
	 "name the image itself: bootshift inspect disk.img\n"},
	{"undo moved", "the undo file of an image", ": bootshift undo --undo-file moved IMAGE\n"},
	{"undo rows", "a file of batch results", ": bootshift undo --from rows\n"},
	{"fix rows", "a file of batch results", ": bootshift report rows\n"},
	{"batch rows", "a file of batch results", " --resume --jsonl rows\n"},
	{"fix plan", "a plan file", ": bootshift fix --plan plan DIR/disk.img\n"},
	{"inspect plan", "a plan file", ": bootshift fix --dry-run --plan plan DIR/disk.img\n"},
	{"report page", "a page (HTML) of batch results", "; a page is for a browser\n"},
	{"report disk.img", "an image of a disk", ": bootshift inspect disk.img\n"},
	{"undo --from disk.img", "an image of a disk", ": bootshift undo disk.img\n"},
	{"fix --plan disk.img disk.img", "an image of a disk",
	 ": bootshift plan -o FILE disk.img\n"},
	{"fix --plan . disk.img", "a folder", "name the file that bootshift plan -o wrote\n"},
	{"fix --plan rows disk.img", "a file of batch results",
	 "name the file that bootshift plan -o wrote\n"},
	{"batch --jsonl disk.img .", "an image of a disk", "name another file with --jsonl\n"},
	{"inspect -", "standard input", "write it to a file and name the file\n"},
};

TEST_EACH(operands_tests, a_file_of_another_kind_is_told_with_what_to_type, wrong)
{
	const char *folder = objects(), *advice = wrong[_i].advice, *place;
	const char *undo_file = text("%s/disk.img.bootshift-undo", folder);
	struct outcome outcome;
	const char *before;

	ASSERT_STATUS(RUN("cp", undo_file, text("%s/moved", folder)), 0);
	before = state_folder(undo_file);
	place = strstr(advice, "DIR");
	if (place)
		advice = text("%.*s%s%s", (int)(place - advice), advice, real_path(folder),
			      place + 3);
	outcome = type_in(folder, wrong[_i].words);
	ASSERT_STATUS(outcome, 2);
	ck_assert_str_eq(outcome.output, "");
	ASSERT_HAS(outcome.errors, text(": this is %s and not ", wrong[_i].is));
	ASSERT_HAS(outcome.errors, " (wrong-kind); ");
	ASSERT_HAS(outcome.errors, advice);
	ck_assert_str_eq(state_folder(undo_file), before);
}

TEST(operands_tests, the_results_in_a_folder_are_named)
{
	const char *folder = objects();

	batch_write(folder, "a.jsonl", "{}\n");
	ASSERT_STATUS(RUN("mv", text("%s/rows", folder), text("%s/my night.jsonl", folder)), 0);
	ASSERT_HAS(type_in(folder, "undo .").errors,
		   ": bootshift undo --from './my night.jsonl'\n");
	ASSERT_HAS(type_in(folder, "report ./").errors, ": bootshift report './my night.jsonl'\n");
}

TEST(operands_tests, the_images_beside_a_wrong_file_are_worked_on)
{
	const char *folder = objects();
	struct outcome outcome = type_in(folder, "inspect rows disk.img");

	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.output, "disk.img: raw");
}

/* A batch changes many images, so all of its command line is checked first. */
TEST(operands_tests, a_batch_begins_nothing_if_a_file_is_of_the_wrong_kind)
{
	const char *folder = objects();
	struct image_state before = state_take(text("%s/disk.img", folder));
	struct outcome outcome = type_in(folder, "batch disk.img rows");

	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "rows: this is a file of batch results and not a folder or an "
				   "image (wrong-kind); do not name it");
	ck_assert_str_eq(outcome.output, "");
	state_assert_untouched(text("%s/disk.img", folder), &before);
	outcome = type_in(folder, "batch -");
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "| xargs -0 bootshift batch\n");
}

TEST(operands_tests, a_plan_names_the_image_that_was_forgotten)
{
	const char *folder = objects();
	struct outcome outcome = type_in(folder, "fix --plan plan");

	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, text("no image is named; to carry it out: bootshift fix --plan "
					"plan %s/disk.img\n",
					real_path(folder)));
}

TEST(operands_tests, the_advice_is_in_the_document_too)
{
	const char *folder = objects();
	json_t *result = report_run("fix", folder, 2, "failed", "wrong-kind");

	ck_assert_str_eq(report_text(result, "advice"),
			 text("for all images in it: bootshift batch %s", folder));
}

TEST(operands_tests, a_batch_is_undone_with_rows_from_standard_input)
{
	const char *folder = objects();
	struct outcome outcome = type_in(folder, "undo --from - <rows");

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "disk.img: undone in ");
	outcome = type_in(folder, "undo --from - <rows");
	ASSERT_STATUS(outcome, 0);
	ASSERT_STATUS(type_in(folder, "undo --from - <plan"), 1);
	outcome = type_in(folder, "undo --from - </dev/null");
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "nothing came from standard input (row-invalid)");
	outcome = type_in(folder, "report - </dev/null");
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "nothing came from standard input (row-invalid)");
}

static const struct {
	const char *words, *errors;
} foreign[] = {
	{"report noise", "noise: this is not a file of batch results (wrong-kind); name a file "},
	{"undo --from noise", "this is not a file of batch results (wrong-kind); name a file "},
	{"fix --plan noise disk.img", "this is not a plan file (wrong-kind); name the file that "},
	{"fix --plan document disk.img",
	 "this is what a command printed with --json and not a plan file (wrong-kind); name the "
	 "file that bootshift plan -o wrote\n"},
	{"report document", " printed with --json and not a file of batch results (wrong-kind); "},
	{"inspect document", " printed with --json and not an image of a disk (wrong-kind); "},
};

TEST_EACH(operands_tests, a_text_instead_of_our_file_has_one_status, foreign)
{
	const char *folder = objects();
	struct outcome outcome;

	batch_write(folder, "noise", "neither rows nor a plan\n");
	ASSERT_STATUS(type_in(folder, "undo disk.img"), 0);
	ASSERT_STATUS(type_in(folder, "plan --json disk.img >document"), 0);
	outcome = type_in(folder, foreign[_i].words);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, foreign[_i].errors);
}

TEST(operands_tests, a_damaged_file_of_the_right_kind_is_no_wrong_kind)
{
	const char *folder = objects();

	ASSERT_STATUS(RUN("sh", "-c",
			  text("cd '%s' && (echo noise; cat rows) >rows2 && "
			       "head -c 200 plan >plan2",
			       folder)),
		      0);
	ASSERT_STATUS(type_in(folder, "report rows2"), 1);
	ASSERT_STATUS(type_in(folder, "fix --plan plan2 disk.img"), 3);
}

static const char *const twice[] = {"report - - <rows", "fix --plan - disk.img disk.img <plan",
				    "batch --jsonl - --report - .", "plan --json -o - disk.img"};

TEST_EACH(operands_tests, one_stream_cannot_be_used_twice, twice)
{
	ASSERT_STATUS(type_in(objects(), twice[_i]), 2);
}

static const char *const results[] = {"batch --jsonl noise .", "batch --report noise .",
				      "report --output noise rows", "report --jsonl noise rows",
				      "plan -o noise other.img"};

TEST_EACH(operands_tests, a_file_of_another_kind_is_never_overwritten_with_one_status, results)
{
	const char *folder = objects();
	const char *noise = batch_write(folder, "noise", "neither rows nor a page");
	struct image_state before;

	batch_put(folder, "other.img", image_recipe("small", SAMPLE_SMALL));
	before = state_take(noise);
	ASSERT_STATUS(type_in(folder, results[_i]), 2);
	state_assert_untouched(noise, &before);
}

static const char *const swallowed[] = {
	"batch --jsonl --dry-run disk.img",    "batch --report --dry-run disk.img",
	"batch --include --dry-run .",         "batch --undo-dir --dry-run disk.img",
	"--jsonl --dry-run batch disk.img",    "fix --plan --dry-run disk.img",
	"fix --undo-dir --dry-run disk.img",   "undo --from --dry-run disk.img",
	"undo --undo-file --dry-run disk.img",
};

/* Otherwise the dry run would write. */
TEST_EACH(operands_tests, a_missing_value_swallows_no_option, swallowed)
{
	const char *folder = objects(), *image = text("%s/disk.img", folder);
	struct image_state before;
	struct outcome outcome;
	const char *names;

	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	before = state_take(image);
	names = state_folder(image);
	outcome = type_in(folder, swallowed[_i]);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, " needs a value; if --dry-run is the value, write --");
	ck_assert_str_eq(state_folder(image), names);
	state_assert_untouched(image, &before);
}
