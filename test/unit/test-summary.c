/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The summary of a batch: the counts, the text, and the exit status of the batch. */
#include <stdlib.h>
#include <string.h>

#include "report/amount.h"
#include "rows/summary.h"

#include "support/program.h"

static void add(struct summary *summary, const char *path, enum bs_status status, enum bs_code code)
{
	struct row row = {.path = path,
			  .location = (char *)"/srv/b\xff.vhd",
			  .status = status,
			  .code = code,
			  .bytes = 1 << 20};
	struct bs_error err;

	ck_assert_int_eq(summary_add(summary, &row, &err), 0);
}

TEST_CASE(summary_tests, "summary");

TEST(summary_tests, the_worst_outcome_decides_the_exit_status)
{
	struct summary summary = {0};

	ck_assert_int_eq(summary_exit(&summary), BS_EXIT_DONE);
	add(&summary, "a", BS_STATUS_FIXED, BS_OK);
	add(&summary, "b", BS_STATUS_NOTHING_TO_DO, BS_OK);
	add(&summary, "c", BS_STATUS_WOULD_FIX, BS_OK);
	add(&summary, "d", BS_STATUS_UNDONE, BS_OK);
	ck_assert_int_eq(summary_exit(&summary), BS_EXIT_DONE);
	add(&summary, "e", BS_STATUS_REFUSED, BS_GPT);
	ck_assert_int_eq(summary_exit(&summary), BS_EXIT_REFUSED);
	add(&summary, "f", BS_STATUS_FAILED, BS_IO);
	ck_assert_int_eq(summary_exit(&summary), BS_EXIT_FAILED);
	add(&summary, "g", BS_STATUS_RECOVERY_REQUIRED, BS_RECOVERY_REQUIRED);
	ck_assert_int_eq(summary_exit(&summary), BS_EXIT_RECOVERY);
	summary_free(&summary);
}

/* The rows of an earlier batch may be read last. */
TEST(summary_tests, the_time_of_all_batches_is_that_of_the_earliest_and_of_the_latest)
{
	static const uint64_t begun[] = {2000, 3000, 1000};
	struct summary summary = {0};
	struct bs_error err;

	for (size_t i = 0; i < 3; i++) {
		struct row row = {.path = "a", .location = (char *)"/a", .begun = begun[i]};

		ck_assert_int_eq(summary_add(&summary, &row, &err), 0);
	}
	ck_assert_uint_eq(summary.earliest, 1000);
	ck_assert_uint_eq(summary.latest, 3000);
	summary_free(&summary);
}

/* Returns the text at 60 columns of ASCII.  The caller frees it. */
static char *printed(const struct summary *summary, const struct summary_facts *facts)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	struct output output = {.stream = stream, .width = 60};

	summary_print(&output, summary, facts);
	ck_assert_int_eq(output.error, 0);
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

TEST(summary_tests, outcomes_and_codes_are_told_with_what_to_do)
{
	static const struct summary_left_out left_out[] = {{"files that are not disk images", 2},
							   {"links", 1}};
	const struct summary_facts facts = {.milliseconds = 90000,
					    .begun = 6,
					    .not_begun = 3,
					    .without_row = 1,
					    .rows = "the night.jsonl",
					    .left_out = left_out,
					    .left_out_count = 2};
	struct summary summary = {0};
	char *text;

	for (int i = 0; i < 9; i++)
		add(&summary, "ok", BS_STATUS_FIXED, BS_OK);
	add(&summary, "gpt.img", BS_STATUS_REFUSED, BS_GPT);
	add(&summary, "a\n.vhd", BS_STATUS_REFUSED, BS_HIBERNATED);
	add(&summary, "b.vhd", BS_STATUS_REFUSED, BS_HIBERNATED);
	text = printed(&summary, &facts);
	ck_assert_str_eq(text, "Left out, files that are not disk images: 2\n"
			       "Left out, links: 1\n"
			       "12 images: 6 processed now in 1 min 30 s, 4 a minute, 6 earlier; "
			       "12 MiB changed\n"
			       "   9  fixed\n"
			       "   3  refused, and not changed\n"
			       "      2  hibernated: start Windows, run powercfg /h off,\n"
			       "         shut it down and try again\n"
			       "         a\\x0a.vhd\n"
			       "         b.vhd\n"
			       "      1  gpt-disk: a disk that starts by UEFI keeps its boot\n"
			       "         files on its EFI partition: no fix applies\n"
			       "         gpt.img\n"
			       "Without a result: 1 image; go on with --resume\n"
			       "Next: convert the disks; until the converted machines have\n"
			       "  started, keep the undo files and the old partitions\n"
			       "To undo the fixes: bootshift undo --from 'the "
			       "night.jsonl'\n");
	free(text);
	summary_free(&summary);
}

/* Adds so many images with one code: "1.img", "2.img" ... */
static void add_hibernated(struct summary *summary, int count)
{
	for (int i = 1; i <= count; i++)
		add(summary, text("%d.img", i), BS_STATUS_REFUSED, BS_HIBERNATED);
}

TEST_LOOP(summary_tests, of_many_images_one_is_named_and_how_to_list_all, 0, 4)
{
	static const struct {
		struct summary_facts facts;
		bool all_names;
		const char *more;
	} cases[] = {
		{{.rows = "the rows"},
		 false,
		 "        1.img\n        and 3 more; all: bootshift report -v 'the rows'\n"},
		{{0}, false, "        1.img\n        and 3 more; all are named above\n"},
		{{.rows_only = true}, false, "        1.img\n        and 3 more; -v names all\n"},
		{{.rows_only = true},
		 true,
		 "        1.img\n        2.img\n        3.img\n        4.img\n"},
	};
	struct summary summary = {.all_names = cases[_i].all_names};
	char *told;

	add_hibernated(&summary, 4);
	told = printed(&summary, &cases[_i].facts);
	ck_assert_msg(strstr(told, cases[_i].more) != NULL, "%s", told);
	free(told);
	summary_free(&summary);
}

TEST(summary_tests, three_images_of_a_code_are_all_named)
{
	const struct summary_facts facts = {0};
	struct summary summary = {0};
	char *text;

	add_hibernated(&summary, 3);
	text = printed(&summary, &facts);
	ck_assert_ptr_nonnull(strstr(text, "        1.img\n        2.img\n        3.img\n"));
	free(text);
	summary_free(&summary);
}

static void add_need(struct summary *summary, enum bs_status status, enum conversion_need need)
{
	struct row row = {.path = "a.img", .location = (char *)"/a.img", .status = status};
	struct bs_error err;

	row.need = need;
	ck_assert_int_eq(summary_add(summary, &row, &err), 0);
}

TEST(summary_tests, images_that_the_conversion_needs_fixed_are_counted)
{
	struct summary summary = {0};
	const struct summary_facts facts = {0};
	char *text;

	for (int i = 0; i < 3; i++)
		add_need(&summary, BS_STATUS_FIXED, NEED_FIX);
	add_need(&summary, BS_STATUS_FIXED, NEED_NOTHING);
	add_need(&summary, BS_STATUS_FIXED, NEED_UNKNOWN);
	add_need(&summary, BS_STATUS_WOULD_FIX, NEED_FIX);
	add_need(&summary, BS_STATUS_NOTHING_TO_DO, NEED_NOTHING);
	add_need(&summary, BS_STATUS_UNDONE, NEED_UNKNOWN);
	text = printed(&summary, &facts);
	ck_assert_str_eq(text, "8 images\n"
			       "  5  fixed (3 needed it for the conversion, 1 had room\n"
			       "     enough)\n"
			       "  1  would be fixed (1 needs it for the conversion)\n"
			       "  1  undone\n"
			       "  1  nothing to do (1 has room enough for the conversion)\n");
	free(text);
	summary_free(&summary);
}

/* Whatever the room, such a disk needed the fix, and is not to be converted unseen. */
TEST(summary_tests, a_disk_that_did_not_start_is_not_counted_among_those_with_room)
{
	struct summary summary = {0};
	const struct summary_facts facts = {.undo_by_name = true};
	struct row row = {.path = "a.img",
			  .location = (char *)"/a.img",
			  .status = BS_STATUS_FIXED,
			  .need = NEED_NOTHING,
			  .object = json_pack("{s:b}", "starts", 0)};
	struct bs_error err;
	char *text;

	ck_assert_int_eq(summary_add(&summary, &row, &err), 0);
	text = printed(&summary, &facts);
	ck_assert_ptr_nonnull(strstr(text, "  1  fixed (1 did not start)\n"));
	ck_assert_msg(strstr(text, "Next: start the disks; keep the undo files and the old\n"
				   "  partitions until they have started\n") != NULL,
		      "%s", text);
	free(text);
	add_need(&summary, BS_STATUS_FIXED, NEED_FIX);
	text = printed(&summary, &facts);
	ck_assert_ptr_nonnull(strstr(text, "(1 needed it for the conversion, 1 did not"));
	ck_assert_ptr_nonnull(strstr(text, "Next: convert the disks"));
	free(text);
	json_decref(row.object);
	summary_free(&summary);
}

TEST(summary_tests, without_rows_the_fixed_images_are_named_to_undo_them)
{
	struct summary summary = {0};
	struct summary_facts facts = {.undo_by_name = true, .undo_directory = "/un do"};
	char *text;

	add(&summary, "a b.img", BS_STATUS_FIXED, BS_OK);
	add(&summary, "c.img", BS_STATUS_FIXED, BS_OK);
	text = printed(&summary, &facts);
	ck_assert_ptr_nonnull(strstr(text, "To undo the fixes: bootshift undo --undo-dir "
					   "'/un do' 'a b.img' c.img\n"));
	free(text);
	add(&summary, "d.img", BS_STATUS_FIXED, BS_OK);
	add(&summary, "e.img", BS_STATUS_FIXED, BS_OK);
	facts.undo_directory = NULL;
	text = printed(&summary, &facts);
	ck_assert_ptr_nonnull(strstr(text,
				     "bootshift undo IMAGE, for each image\n"
				     "(With --jsonl FILE, one command undoes the whole batch.)\n"));
	free(text);
	facts.undo_by_name = false; /* the rows went to a pipe */
	text = printed(&summary, &facts);
	ck_assert_ptr_null(strstr(text, "undo"));
	free(text);
	summary_free(&summary);
}

/* A resumed batch that finds everything done. */
TEST(summary_tests, a_run_that_had_nothing_left_to_do_says_so)
{
	struct summary summary = {0};
	const struct summary_facts facts = {.milliseconds = 4};
	char *text;

	for (int i = 0; i < 3; i++)
		add_need(&summary, BS_STATUS_FIXED, NEED_UNKNOWN);
	text = printed(&summary, &facts);
	ck_assert_str_eq(text, "3 images: 0 processed now, 3 earlier\n  3  fixed\n");
	free(text);
	summary_free(&summary);
}

TEST(summary_tests, an_example_is_shown_with_the_bytes_of_its_name)
{
	const struct summary_facts facts = {0};
	struct summary summary = {0};
	char *text;

	add(&summary, "b\xef\xbf\xbd.vhd", BS_STATUS_REFUSED, BS_CONTAINER_SPLIT);
	text = printed(&summary, &facts);
	ck_assert_ptr_nonnull(strstr(text, "\n        b\\xff.vhd\n"));
	free(text);
	summary_free(&summary);
}

TEST(summary_tests, what_was_undone_is_neither_fixed_nor_failed)
{
	const struct summary_facts facts = {.rows = "rows.jsonl"};
	struct summary summary = {0};
	char *text;

	add(&summary, "a", BS_STATUS_UNDONE, BS_OK);
	text = printed(&summary, &facts);
	ck_assert_str_eq(text, "1 image; 1 MiB changed\n"
			       "  1  undone\n");
	free(text);
	summary_free(&summary);
}

/* No file has the rows, so the batch cannot be resumed. */
TEST(summary_tests, a_search_that_was_stopped_is_told)
{
	const struct summary_facts facts = {.searching = true};
	struct summary summary = {0};
	char *text = printed(&summary, &facts);

	ck_assert_str_eq(text, "No images\nStopped while searching for images\n");
	free(text);
}

TEST(summary_tests, an_empty_batch_is_told_as_that)
{
	const struct summary_facts facts = {0};
	struct summary summary = {0};
	char *text = printed(&summary, &facts);

	ck_assert_str_eq(text, "No images\n");
	free(text);
}

TEST(summary_tests, durations_are_rounded_to_what_is_shown)
{
	static const struct {
		uint64_t milliseconds;
		const char *text;
	} cases[] = {
		{0, "0.00 s"},
		{214, "0.21 s"},
		{9994, "9.99 s"},
		{9995, "10.0 s"},
		{59949, "59.9 s"},
		{59950, "1 min 0 s"},
		{151400, "2 min 31 s"},
		{3599499, "59 min 59 s"},
		{3599500, "1 h 0 min"},
		{11130000, "3 h 6 min"},
		{UINT64_MAX, "5124095576030 h 26 min"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(duration_format(cases[i].milliseconds).text, cases[i].text);
}
