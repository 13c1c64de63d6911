/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page of a batch: it has everything that is in the rows, as text and as nothing else.  The
 * file of the page is complete or does not exist.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page/page.h"
#include "support/state.h"

/* ---- rows ---------------------------------------------------------------------------------- */

/* A row with a text in every field that can have a text from outside; see row.h. */
static json_t *sample_row(const char *word, const char *status, const char *code)
{
	json_t *row = json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:s, s:s?, s:s?, s:s?, s:b}", "schema", 1,
		"tool", "bootshift", "version", word, "command", "batch", "begun", 1, "path", word,
		"uri", "file:///image", "dry_run", 0, "status", status, "code", code, "message",
		code ? word : NULL, "advice", code ? word : NULL, "recovered", 0);
	json_t *more = json_pack(
		"{s:i, s:I, s:i, s:i, s:i, s:s, s:s, s:I, s:s, s:s, s:i, s:i, s:i, s:i}", "size",
		1 << 30, "modified", (json_int_t)1795327200000000000, "bytes", 16 << 20, "extents",
		119, "milliseconds", 214, "undo_file", word, "format", word, "disk_size",
		(json_int_t)40 << 30, "windows_name", word, "windows_build", word, "active_after",
		2, "room_before", 70 << 20, "room_after", 1 << 30, "needed_room", 119 << 20);
	json_t *arrays = json_pack(
		"{s:[{s:i, s:b, s:b, s:b, s:i, s:i, s:s, s:s, s:n},"
		"    {s:i, s:b, s:b, s:b, s:i, s:I, s:s, s:s, s:i}],"
		" s:[{s:s, s:s, s:i, s:i}, {s:s, s:s}], s:[{s:s, s:s}]}",
		"partitions", "number", 1, "active", 1, "is_system", 1, "is_boot", 0, "start",
		1 << 20, "size", 100 << 20, "filesystem", word, "label", word, "free", "number", 2,
		"active", 0, "is_system", 0, "is_boot", 1, "start", 101 << 20, "size",
		(json_int_t)20 << 30, "filesystem", "ntfs", "label", word, "free", 1 << 30,
		"operations", "kind", "copy", "path", word, "files", 35, "bytes", 1 << 20, "kind",
		word, "path", word, "findings", "code", word, "message", word);

	ck_assert_ptr_nonnull(row);
	ck_assert_int_eq(json_object_update_new(row, more), 0);
	ck_assert_int_eq(json_object_update_new(row, arrays), 0);
	return row;
}

/* The rows for a page. */
struct rows {
	FILE *file;
	struct merge *merge;
};

static void rows_begin(struct rows *rows)
{
	rows->file = tmpfile();
	rows->merge = merge_open();
}

/* Adds a row for an image of its own, and releases the row. */
static void rows_put(struct rows *rows, const char *name, json_t *row)
{
	char *line, uri[64];

	snprintf(uri, sizeof(uri), "file:///%s", name);
	ck_assert_int_eq(json_object_set_new(row, "uri", json_string(uri)), 0);
	line = json_dumps(row, JSON_COMPACT);
	fprintf(rows->file, "%s\n", line);
	free(line);
	json_decref(row);
}

/* A folder for this test only. */
static const char *folder;

static void make_folder(void)
{
	folder = test_folder();
}

static const struct summary_left_out left_out[] = {{"undo files", 3}};
static const struct summary_facts all_facts = {
	.milliseconds = 1000, .begun = 1, .left_out = left_out, .left_out_count = 1};

static int write_page(struct rows *rows, const struct summary_facts *facts, const char *path,
		      struct bs_error *err)
{
	uint64_t skipped;

	rewind(rows->file);
	ck_assert_int_eq(merge_add(rows->merge, rows->file, "rows", &skipped, err), 0);
	ck_assert_uint_eq(skipped, 0);
	return page_write(path, rows->merge, facts, err);
}

static void rows_end(struct rows *rows)
{
	merge_close(rows->merge);
	fclose(rows->file);
}

static char *read_whole(const char *path)
{
	char *content = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(getdelim(&content, &size, '\0', file), 0);
	fclose(file);
	return content;
}

/* Makes the page of these rows and ends the rows.  The caller frees the page. */
static char *page_with(struct rows *rows, const struct summary_facts *facts)
{
	const char *path = text("%s/page.html", folder);
	struct bs_error err;

	ck_assert_msg(write_page(rows, facts, path, &err) == 0, "%s", err.message);
	rows_end(rows);
	return read_whole(path);
}

static char *page_of(struct rows *rows)
{
	return page_with(rows, &all_facts);
}

static size_t count(const char *page, const char *part)
{
	size_t number = 0;

	while ((page = strstr(page, part))) {
		page += strlen(part);
		number++;
	}
	return number;
}

/* The page is too long for a failure message. */
static void assert_has(const char *page, const char *part)
{
	ck_assert_msg(strstr(page, part) != NULL, "no '%s'", part);
}

static void assert_has_not(const char *page, const char *part)
{
	ck_assert_msg(strstr(page, part) == NULL, "a '%s'", part);
}

/* ---- the content of the page --------------------------------------------------------------- */

TEST_CASE(page_tests, "page", .setup = make_folder);

TEST(page_tests, a_page_has_every_image_and_its_disk)
{
	struct rows rows;
	char *page;

	rows_begin(&rows);
	rows_put(&rows, "a", sample_row("/x/name", "fixed", NULL));
	rows_put(&rows, "b", sample_row("b", "refused", "hibernated"));
	rows_put(&rows, "c", sample_row("c", "refused", "hibernated"));
	rows_put(&rows, "d", sample_row("d", "failed", "io-error"));
	page = page_of(&rows);
	ck_assert_uint_eq(count(page, "<tbody "), 4);
	assert_has(page, "<h1>3 of 4 images need attention</h1>");
	assert_has(page, ">1 image took 1.00 s; the others were done earlier. In all, 64 MiB");
	assert_has(page, "<bdi class=\"name\">name</bdi>");
	assert_has(page, ", in <bdi>/x/</bdi>");
	assert_has(page, "aria-label=\"before: partition 1 System, active, 100 MiB; "
			 "partition 2 Windows, 20 GiB; unallocated, 19.9 GiB\"");
	assert_has(page, "aria-label=\"now: partition 1, 100 MiB; "
			 "partition 2 System + Windows, active, 20 GiB; unallocated, 19.9 GiB\"");
	assert_has(page, "<li>Copy <bdi>/x/name</bdi>: 35 files, 1 MiB");
	assert_has(page, "16 MiB in 119 places");
	assert_has(page, "70 MiB, with the fix 1 GiB; needed 119 MiB");
	assert_has(page, "2026-11-22 06:00:00 UTC");
	assert_has(page, "<code>hibernated</code> <span class=\"count\">2 images</span>");
	assert_has(page,
		   "<p>Start Windows, run <code class=\"option\">powercfg /h off</code>, shut "
		   "it down and try again.</p>");
	assert_has(page, "<li><a href=\"#image-3\"><bdi>c</bdi></a>");
	assert_has(page, "for=\"show-refused\">Refused 2</label>");
	assert_has_not(page, "for=\"show-nothing\"");
	assert_has(page, "<li>undo files: 3</li>");
	assert_has(page, "refused or have failed are as they were before");
	assert_has(page, "What was fixed can be taken back");
	free(page);
}

TEST(page_tests, commands_and_options_in_advice_are_code)
{
	static const struct {
		const char *advice, *shown;
	} cases[] = {
		{"unpack it first: gunzip <'the a b.gz' >NEW",
		 "What to do: unpack it first: <code>gunzip &lt;&#39;the a b.gz&#39; "
		 "&gt;NEW</code></p>"},
		{"decrypt it: manage-bde -off X:",
		 "decrypt it: <code class=\"option\">manage-bde -off X:</code></p>"},
		{"run chkdsk X: /f on the volume",
		 "run <code class=\"option\">chkdsk X: /f</code> on the volume.</p>"},
		{"see the signature: bootshift inspect the-image.img tells how",
		 "<code>bootshift inspect the-image.img</code> tells how.</p>"},
		{"name it with --undo-dir, or not",
		 "with <code class=\"option\">--undo-dir</code>, or not.</p>"},
		{"make it writable", "What to do: make it writable.</p>"},
	};
	struct rows rows;
	char *page;

	rows_begin(&rows);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *row = sample_row("x", "refused", "hibernated");

		ck_assert_int_eq(json_object_set_new(row, "advice", json_string(cases[i].advice)),
				 0);
		rows_put(&rows, text("%zu", i), row);
	}
	page = page_of(&rows);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_has(page, cases[i].shown);
	free(page);
}

TEST(page_tests, who_made_the_page_and_where_the_images_are_is_told)
{
	static char *words[] = {(char *)"batch", (char *)"--report", (char *)"a b.html"};
	const struct summary_facts facts = {
		.words = words, .word_count = 3, .begun_at = 1795327200000000000};
	json_t *row = sample_row("x", "fixed", NULL);
	struct rows rows;
	char *page, host[256] = "";

	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	ck_assert_int_eq(json_object_set_new(row, "host", json_string("<srv>")), 0);
	rows_begin(&rows);
	rows_put(&rows, "a%20b%C3%A4.img", row);
	page = page_with(&rows, &facts);
	assert_has(page,
		   "Made by <code>bootshift batch --report &#39;a b.html&#39;</code> in <bdi>");
	assert_has(page, text("</bdi> on <bdi>%s</bdi>, begun 2026-11-22 06:00:00 UTC.</p>", host));
	assert_has(page, "<dt>Location<dd><bdi>/a b\xc3\xa4.img</bdi> on <bdi>&lt;srv&gt;</bdi>");
	free(page);
}

TEST(page_tests, a_page_counts_the_images_that_needed_the_fix)
{
	struct rows rows;
	char *page;

	rows_begin(&rows);
	for (int i = 0; i < 3; i++) {
		json_t *row = sample_row("x", "fixed", NULL);

		ck_assert_int_eq(
			json_object_set_new(row, "conversion_needs_fix", json_boolean(i < 2)), 0);
		rows_put(&rows, text("%d", i), row);
	}
	page = page_of(&rows);
	assert_has(page, "<span class=\"need\">2 needed it for the conversion, 1 had room enough<");
	assert_has(page, "<dt>Conversion<dd>needed the fix: there was too little room");
	assert_has(page, "<dt>Conversion<dd>did not need the fix: there was room enough");
	free(page);
}

/* -1: unknown. */
static json_t *told(int starts)
{
	return starts < 0 ? json_null() : json_boolean(starts);
}

TEST_LOOP(page_tests, it_is_told_whether_a_disk_starts, 0, 10)
{
	static const struct {
		const char *status, *code;
		int before, after;
		const char *told;
	} cases[] = {
		{"fixed", NULL, true, true, ">starts, as before<"},
		{"fixed", NULL, false, true, ">starts, did not before<"},
		{"fixed", NULL, false, false, ">broken: the disk would not start<"},
		{"would-fix", NULL, true, true, ">starts, as now<"},
		{"would-fix", NULL, false, true, ">would start, does not now<"},
		{"refused", "hibernated", true, true, ">starts<"},
		{"refused", "bcd-missing", false, false, ">broken: the disk would not start<"},
		{"refused", "bitlocker", -1, -1, ">unknown whether it starts<"},
		{"fixed", NULL, -1, -1, ">unknown whether it starts<"},
		{"fixed", NULL, false, -1, ">unknown whether it starts<"},
	};
	json_t *row = sample_row("x", cases[_i].status, cases[_i].code);
	struct rows rows;
	char *page;

	ck_assert_int_eq(json_object_set_new(row, "starts", told(cases[_i].before)), 0);
	ck_assert_int_eq(json_object_set_new(row, "starts_after", told(cases[_i].after)), 0);
	if (cases[_i].code)
		ck_assert_int_eq(json_object_set_new(row, "active_after", json_null()), 0);
	rows_begin(&rows);
	rows_put(&rows, "a", row);
	page = page_of(&rows);
	assert_has(page, cases[_i].told);
	free(page);
}

TEST(page_tests, more_than_three_images_of_a_code_unfold)
{
	struct rows rows;
	char name[24], *page;

	rows_begin(&rows);
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "%d", i);
		rows_put(&rows, name,
			 sample_row(name, "refused", i < 3 ? "boot-volume-missing" : "hibernated"));
	}
	page = page_of(&rows);
	assert_has(page, "<details><summary>The 4 images</summary><ul");
	assert_has(page, "the partition with Windows: <code>bootshift inspect --boot-partition N "
			 "IMAGE</code></p><ul class=\"names\">"
			 "<li><a href=\"#image-1\">");
	assert_has_not(page, "What was fixed can be taken back");
	free(page);
}

TEST_LOOP(page_tests, each_headline_is_true, 0, 9)
{
	static const struct {
		size_t images;
		const char *status, *code, *headline;
	} cases[] = {
		{0, NULL, NULL, "No images"},
		{1, "fixed", NULL, "The image is done"},
		{2, "nothing-to-do", NULL, "All 2 images are done"},
		{1, "refused", "gpt-disk", "1 of 1 image needs attention"},
		{2, "recovery-required", "recovery-required", "2 of 2 images need attention"},
		{2, "would-fix", NULL, "All 2 images passed the rehearsal"},
		{1, "would-fix", NULL, "Images that would be fixed were only rehearsed"},
		{1, "undone", NULL, "The image was taken back"},
		{3, "undone", NULL, "All 3 images were taken back"},
	};
	struct rows rows;
	char *page, name[24];

	rows_begin(&rows);
	for (size_t i = 0; i < cases[_i].images; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		rows_put(&rows, name, sample_row("x", cases[_i].status, cases[_i].code));
	}
	page = page_of(&rows);
	assert_has(page, cases[_i].headline);
	free(page);
}

TEST_LOOP(page_tests, what_is_missing_is_told_first, 0, 5)
{
	static const struct {
		struct summary_facts facts;
		const char *status, *code, *headline, *told;
	} cases[] = {
		{{.images = 6, .not_begun = 4},
		 "fixed",
		 NULL,
		 "<h1>Stopped: 2 of 6 images were begun</h1>",
		 "<p>4 images were not begun. To go on, give the same command again.</p>"},
		{{.images = 6, .not_begun = 1, .rows = "r"},
		 "failed",
		 "io-error",
		 "<h1>Stopped: 5 of 6 images were begun, 2 need attention</h1>",
		 "<p>1 image was not begun. To go on, give the same command again, with "
		 "<code class=\"option\">--resume</code>.</p>"},
		{{.images = 3, .without_row = 1, .rows = "r"},
		 "fixed",
		 NULL,
		 "<h1>1 of 3 images is missing here</h1>",
		 "<p>1 image was begun, but left no result: this page does not show"},
		{{.images = 9, .without_row = 2, .not_begun = 5},
		 "fixed",
		 NULL,
		 "<h1>Stopped: 4 of 9 images were begun</h1>",
		 "<p>5 images were not begun. 2 images were begun, but left no result"},
		{{.images = 2, .searching = true, .rows = "r"},
		 "fixed",
		 NULL,
		 "<h1>Stopped while searching for images</h1>",
		 "some images may not have been found. To go on"},
	};
	struct rows rows;
	char *page;

	rows_begin(&rows);
	rows_put(&rows, "1", sample_row("x", cases[_i].status, cases[_i].code));
	rows_put(&rows, "2", sample_row("x", cases[_i].status, cases[_i].code));
	page = page_with(&rows, &cases[_i].facts);
	assert_has(page, cases[_i].headline);
	assert_has(page, cases[_i].told);
	free(page);
}

TEST(page_tests, what_was_taken_back_is_told_as_that)
{
	json_t *undone = sample_row("u", "undone", NULL);
	struct rows rows;
	char *page;

	/* As in the row of an undo. */
	ck_assert_int_eq(json_object_set_new(undone, "partitions", json_array()), 0);
	ck_assert_int_eq(json_object_set_new(undone, "operations", json_array()), 0);
	ck_assert_int_eq(json_object_set_new(undone, "active_after", json_null()), 0);
	rows_begin(&rows);
	rows_put(&rows, "a", sample_row("a", "fixed", NULL));
	rows_put(&rows, "b", sample_row("b", "nothing-to-do", NULL));
	rows_put(&rows, "u", undone);
	page = page_of(&rows);
	assert_has(page, "<h1>1 of 3 images was taken back</h1>");
	assert_has(page, "<div class=\"undone\"><dt>Undone</dt><dd>1</dd></div>");
	assert_has(page, "<div class=\"fixed\"><dt>Fixed</dt><dd>1</dd></div>");
	assert_has(page, "for=\"show-undone\">Undone 1</label>");
	assert_has(page, "<summary>Taken back in 0.21 s</summary>");
	ck_assert_uint_eq(count(page, "<div class=\"disks\">"), 2);
	assert_has_not(page, "id=\"to-do\"");
	free(page);
}

TEST(page_tests, files_that_may_have_been_meant_are_named)
{
	const struct summary_file meant[] = {
		{(char *)"x/<b>\xff.vhd", (char *)"is empty"},
		{(char *)"locked", (char *)"the folder cannot be read: Permission denied"}};
	const struct summary_facts facts = {.left_out = left_out,
					    .left_out_count = 1,
					    .unexpected = meant,
					    .unexpected_count = 2,
					    .unexpected_more = 7};
	struct rows rows;
	char *page;

	rows_begin(&rows);
	page = page_with(&rows, &facts);
	assert_has(page, "<li><bdi>x/&lt;b&gt;\\xff.vhd</bdi>: is empty</li><li><bdi>locked</bdi>: "
			 "the folder cannot be read: Permission denied</li></ul>"
			 "<p>And 7 more.</p>");
	assert_has(page, "See also what was <a href=\"#left-out\">");
	assert_has(page, " id=\"left-out\"");
	free(page);
}

TEST(page_tests, rows_do_not_tell_what_was_left_out)
{
	const struct summary_facts facts = {.rows_only = true};
	struct rows rows;
	char *page;

	rows_begin(&rows);
	page = page_with(&rows, &facts);
	assert_has(page, "This page is made from files of batch results");
	free(page);
	rows_begin(&rows);
	page = page_of(&rows);
	assert_has_not(page, "This page is made from files of batch results");
	free(page);
}

TEST_LOOP(page_tests, the_way_back_leads_to_the_undo_files, 0, 4)
{
	static const struct {
		struct summary_facts facts;
		const char *told;
	} cases[] = {
		{{.rows = "/no/the 'night'", .undo_directory = "/u"},
		 "all by <code>bootshift undo --from &#39;/no/the &#39;\\&#39;&#39;night&#39;\\"
		 "&#39;&#39;&#39;</code>, an image by <code>bootshift undo --from "
		 "&#39;/no/the &#39;\\&#39;&#39;night&#39;\\&#39;&#39;&#39; IMAGE</code>.</p>"},
		{{.undo_directory = "/no/a b"},
		 "taken back: an image by <code>bootshift undo --undo-dir &#39;/no/a b&#39; "
		 "IMAGE</code>.</p>"},
		{{.milliseconds = 1}, "taken back: an image by <code>bootshift undo IMAGE</code>."},
		{{.rows_only = true},
		 "all by <code>bootshift undo --from FILE</code>, an image by <code>bootshift undo "
		 "--from FILE IMAGE</code>, where FILE has the result of IMAGE.</p>"},
	};
	struct rows rows;
	char *page;

	rows_begin(&rows);
	rows_put(&rows, "a", sample_row("a", "fixed", NULL));
	page = page_with(&rows, &cases[_i].facts);
	assert_has(page, cases[_i].told);
	free(page);
}

/* ---- text stays text ----------------------------------------------------------------------- */

TEST_LOOP(page_tests, what_comes_from_an_image_stays_text, 0, 9)
{
	static const struct {
		const char *text, *never, *shown;
	} cases[] = {
		{"<script>alert(1)</script>", "<script", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"\" onload=\"x", "\" onload=", "&quot; onload=&quot;x"},
		{"' onload='x", "' onload=", "&#39; onload=&#39;x"},
		{"&lt;b&gt;", " &lt;b", "&amp;lt;b&amp;gt;"},
		{"</style><b>", "</style><b", "&lt;/style&gt;&lt;b&gt;"},
		{"a\nb\tc", "a\n", "a\\x0ab\\x09c"},
		{"\xe2\x80\xaegpj.exe", "\xe2\x80\xae", "\\u202egpj.exe"},
		{"\033[31m", "\033", "\\x1b[31m"},
		{"%s%n", "(null)", "%s%n"},
	};
	struct rows rows;
	char *page;

	rows_begin(&rows);
	rows_put(&rows, "a", sample_row(cases[_i].text, "fixed", NULL));
	rows_put(&rows, "b", sample_row(cases[_i].text, "failed", "io-error"));
	page = page_of(&rows);
	assert_has_not(page, cases[_i].never);
	/*
	 * Twice: path (except a path with a slash, whose name is shown separately), name and build
	 * of Windows, format, both labels, file system, undo file, copied path, finding and its
	 * code. Once: the message, the advice, and the name in the list of what to do.
	 */
	ck_assert_uint_eq(count(page, cases[_i].shown),
			  strchr(cases[_i].text, '/') ? 2 * 10 + 2 : 2 * 11 + 3);
	free(page);
}

TEST(page_tests, names_are_shown_with_their_bytes)
{
	struct rows rows;
	char *page;

	rows_begin(&rows);
	rows_put(&rows, "srv/x%FF.img", sample_row("./x\xef\xbf\xbd.img", "fixed", NULL));
	rows_put(&rows, "srv/x%FE.img", sample_row("./x\xef\xbf\xbd.img", "failed", "io-error"));
	page = page_of(&rows);
	assert_has(page, "<bdi class=\"name\">x\\xff.img</bdi>");
	assert_has(page, "<bdi class=\"name\">x\\xfe.img</bdi>");
	assert_has(page, "<a href=\"#image-1\"><bdi>x\\xfe.img</bdi>");
	free(page);
}

TEST(page_tests, fields_of_other_types_are_left_out)
{
	static const char *const required[] = {
		"schema", "tool",     "version", "command",      "begun",    "path",
		"uri",    "dry_run",  "status",  "code",         "message",  "recovered",
		"size",   "modified", "bytes",   "milliseconds", "undo_file"};
	json_t *values[] = {json_null(),
			    json_true(),
			    json_integer(-1),
			    json_real(0.5),
			    json_string("<i>"),
			    json_object(),
			    json_pack("[n,i,s,{s:s},[]]", 1, "x", "label", "y")};
	json_t *model = sample_row("x", "fixed", NULL), *value;
	struct rows rows;
	const char *name;
	size_t images = 0;
	char *page, image[32];

	rows_begin(&rows);
	json_object_foreach (model, name, value) {
		bool is_required = false;

		for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
			is_required |= strcmp(name, required[i]) == 0;
		for (size_t i = 0; !is_required && i < sizeof(values) / sizeof(values[0]); i++) {
			json_t *row = json_deep_copy(model);

			ck_assert_int_eq(json_object_set(row, name, values[i]), 0);
			snprintf(image, sizeof(image), "%zu", images++);
			rows_put(&rows, image, row);
		}
	}
	page = page_of(&rows);
	ck_assert_uint_eq(count(page, "<tbody "), images);
	ck_assert_uint_gt(images, 50);
	assert_has_not(page, "<i>");
	free(page);
	json_decref(model);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		json_decref(values[i]);
}

TEST(page_tests, nothing_is_asked_of_the_network)
{
	struct rows rows;
	char *page;

	rows_begin(&rows);
	rows_put(&rows, "a", sample_row("https://example.org/", "fixed", NULL));
	page = page_of(&rows);
	assert_has(page, "content=\"default-src 'none'; style-src 'unsafe-inline'\"");
	assert_has_not(page, "src=");
	assert_has_not(page, "url(");
	assert_has_not(page, "@import");
	assert_has_not(page, "<script");
	assert_has_not(page, "<link");
	ck_assert_uint_eq(count(page, "href="), count(page, "href=\"#"));
	free(page);
}

TEST(page_tests, a_thousand_images_make_a_page_below_three_megabytes)
{
	struct rows rows;
	char name[24], *page;

	rows_begin(&rows);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		rows_put(&rows, name,
			 sample_row("/srv/images/a folder/an-image.vhdx", "fixed", NULL));
	}
	page = page_of(&rows);
	ck_assert_uint_eq(count(page, "<tbody "), 1000);
	ck_assert_uint_lt(strlen(page), 3 << 20);
	free(page);
}

/* ---- the file ------------------------------------------------------------------------------ */

TEST(page_tests, a_page_that_fails_leaves_the_old_one)
{
	struct bs_error err;
	struct rows rows;
	const char *path = text("%s/page.html", folder);
	char *page;

	rows_begin(&rows);
	rows_put(&rows, "a", sample_row("a", "fixed", NULL));
	free(page_of(&rows));
	rows_begin(&rows);
	for (int i = 0; i < 100; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%d", i);
		rows_put(&rows, name, sample_row("b", "fixed", NULL));
	}
	ck_assert_uint_eq(merge_count(rows.merge), 0);
	ck_assert_int_eq(write_page(&rows, &all_facts, path, &err), 0);
	/* The rows are gone when the page is made the second time. */
	ck_assert_int_eq(ftruncate(fileno(rows.file), 200), 0);
	ck_assert_int_eq(page_write(path, rows.merge, &(struct summary_facts){0}, &err), -1);
	rows_end(&rows);
	ck_assert_str_eq(state_folder(path), ".\n..\npage.html\n");
	page = read_whole(path);
	ck_assert_uint_eq(count(page, "<tbody "), 100);
	assert_has(page, "</html>");
	free(page);
}

TEST(page_tests, a_page_that_cannot_be_written_is_an_error)
{
	struct bs_error err;
	struct rows rows;

	rows_begin(&rows);
	rows_put(&rows, "a", sample_row("a", "fixed", NULL));
	ck_assert_int_eq(write_page(&rows, &all_facts, "/dev/full", &err), -1);
	ck_assert_int_eq(err.code, BS_OUTPUT);
	ck_assert_str_eq(err.message,
			 "the page '/dev/full' cannot be written: No space left on device");
	ck_assert_int_eq(write_page(&rows, &all_facts, "/nonexistent/page.html", &err), -1);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
	rows_end(&rows);
}
