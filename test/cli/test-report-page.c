/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bootshift report, and its page in a browser without a window: what a person sees on the page and
 * can do with it.
 *
 * The page itself runs no scripts.  So the test measures a copy of the page that differs in two
 * places only: the copy has no security policy, and it has a script that measures.  The copy is
 * shown in a frame as wide as a phone or a desktop.  The script sends its results to the page
 * around the frame, and the browser prints the text of that page.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

#define POLICY                                                                                     \
	"<meta http-equiv=\"Content-Security-Policy\" "                                            \
	"content=\"default-src 'none'; style-src 'unsafe-inline'\">"

/* ---- rows ---------------------------------------------------------------------------------- */

/* A folder for this test only. */
static const char *folder;

static void make_folder(void)
{
	folder = test_folder();
}

static const char *in_folder(const char *name)
{
	return text("%s/%s", folder, name);
}

/*
 * A row of an image named `name`, as a batch writes it.  Each field that may have a text has one.
 */
static const char *row_of(const char *name, const char *uri, const char *status, const char *code)
{
	json_t *row = json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:s, s:s?, s:s?, s:b, s:I, s:I, s:i, s:i,"
		" s:i, s:s?, s:s, s:I, s:s, s:s, s:i}",
		"schema", 1, "tool", "bootshift", "version", "1", "command", "batch", "begun", 1,
		"path", name, "uri", uri, "dry_run", 0, "status", status, "code", code, "message",
		code ? "what is wrong with it" : NULL, "recovered", 0, "size", (json_int_t)8 << 30,
		"modified", (json_int_t)1795327200000000000, "bytes", 16 << 20, "extents", 3,
		"milliseconds", 214, "undo_file", code ? NULL : name, "format", "vhdx", "disk_size",
		(json_int_t)40 << 30, "windows_name", "Windows Server 2008 R2 Enterprise",
		"windows_build", "7601.24545.amd64fre.win7sp1_ldr_escrow.200102-1707",
		"active_after", 2);
	json_t *arrays = json_pack(
		"{s:[{s:i, s:b, s:b, s:I, s:I, s:s, s:s, s:i}, {s:i, s:b, s:I, s:I, s:s, s:s, s:i},"
		" {s:i, s:I, s:I, s:s}, {s:i, s:I, s:I, s:s}, {s:i, s:I, s:I, s:s}],"
		" s:[{s:s, s:s, s:i, s:i}], s:[{s:s, s:s}]}",
		"partitions", "number", 1, "active", 1, "is_system", 1, "start",
		(json_int_t)1 << 20, "size", (json_int_t)100 << 20, "filesystem", "ntfs", "label",
		"System Reserved", "free", 70 << 20, "number", 2, "is_boot", 1, "start",
		(json_int_t)101 << 20, "size", (json_int_t)20 << 30, "filesystem", "ntfs", "label",
		name, "free", 1 << 30, "number", 3, "start", (json_int_t)21 << 30, "size",
		(json_int_t)1 << 30, "filesystem", "ntfs", "number", 5, "start",
		(json_int_t)23 << 30, "size", (json_int_t)4 << 30, "filesystem", "fat", "number", 6,
		"start", (json_int_t)28 << 30, "size", (json_int_t)5 << 30, "filesystem", "unknown",
		"operations", "kind", "copy", "path", "\\Boot", "files", 35, "bytes", 16 << 20,
		"findings", "code", "note-mbr-code", "message",
		"the MBR code is of an unknown kind");
	const char *line;
	char *dumped;

	ck_assert_ptr_nonnull(row);
	ck_assert_int_eq(json_object_update_new(row, arrays), 0);
	dumped = json_dumps(row, JSON_COMPACT);
	line = text("%s\n", dumped);
	free(dumped);
	json_decref(row);
	return line;
}

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static const char *const names[] = {
	"/srv/images/<script>document.title='ran'</script>.vhd",
	"\" onmouseover=\"document.title='ran'",
	"/srv/two\nlines\xe2\x80\xaegnp.img",
	"/srv/a-name-that-is-longer-than-any-screen-is-wide-and-has-no-place-to-break-it-anywhere-"
	"because-somebody-wanted-to-say-it-all-in-the-name-of-the-file-as-one-does.vhdx",
	"/srv/\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.img",
	"plain.img",
};

#define NAME_COUNT 6u

/*
 * Makes the page of six fixed images, and two images each that were refused, failed, had nothing to
 * do, and were undone.
 */
static const char *make_page(void)
{
	const char *rows = in_folder("rows.jsonl"), *page = in_folder("page.html"), *all = "";
	struct outcome outcome;

	for (size_t i = 0; i < NAME_COUNT; i++)
		all = text("%s%s", all, row_of(names[i], text("file:///%zu", i), "fixed", NULL));
	for (size_t i = 0; i < 2; i++)
		all = text("%s%s%s%s%s", all,
			   row_of(names[i], text("file:///u%zu", i), "undone", NULL),
			   row_of(names[i], text("file:///r%zu", i), "refused", "hibernated"),
			   row_of(names[i + 2], text("file:///f%zu", i), "failed", "io-error"),
			   row_of(names[i + 4], text("file:///n%zu", i), "nothing-to-do", NULL));
	write_file(rows, all);
	outcome = BOOTSHIFT("report", "-q", "-o", page, rows);
	ASSERT_STATUS(outcome, 1);
	return page;
}

static const char *read_file(const char *path)
{
	return RUN("cat", path).output;
}

/* The page is too long for a failure message. */
static void assert_page_has(const char *page, const char *part)
{
	ck_assert_msg(strstr(read_file(page), part) != NULL, "no '%s'", part);
}

/* ---- the browser --------------------------------------------------------------------------- */

/* The DOM of a page when its scripts have ended.  `scheme` is 0 for dark, 1 for light. */
static const char *browse(const char *page, int scheme)
{
	struct outcome outcome = RUN(
		"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", text("--user-data-dir=%s/profile", folder),
		text("--blink-settings=preferredColorScheme=%d", scheme), "--window-size=1400,900",
		"--virtual-time-budget=20000", "--dump-dom", text("file://%s", page));

	ASSERT_STATUS(outcome, 0);
	return outcome.output;
}

/* A copy of the page in which `part`, which occurs once, is replaced. */
static const char *replace(const char *content, const char *part, const char *by)
{
	const char *found = strstr(content, part);

	ck_assert_ptr_nonnull(found);
	ck_assert_ptr_null(strstr(found + 1, part));
	return text("%.*s%s%s", (int)(found - content), content, by, found + strlen(part));
}

/*
 * Measures: the number of images that each filter shows, in the order of the filters; the rows;
 * elements that stick out to the right, except those that scroll by themselves; the lowest contrast
 * of text, in hundredths; other files that were loaded; elements with code that a browser would
 * run.
 */
static const char measure[] =
	"<script>\n"
	"addEventListener('load', () => {\n"
	"const shown = () => [...document.querySelectorAll('table[role=table] > tbody')]\n"
	"	.filter(e => e.getClientRects().length > 0 && e.getBoundingClientRect().height > "
	"0);\n"
	"const filters = [...document.querySelectorAll('input[name=show]')].map(input => {\n"
	"	document.querySelector(`label[for=${input.id}]`).click();\n"
	"	return input.id.slice(5) + '=' + shown().length; });\n"
	"document.getElementById('show-all').click();\n"
	"document.querySelectorAll('details').forEach(e => { e.open = true; });\n"
	"const scrolls = e => e && (getComputedStyle(e).overflowX != 'visible' ||\n"
	"	scrolls(e.parentElement));\n"
	"const wide = [...document.body.querySelectorAll('*')].filter(e =>\n"
	"	e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement));\n"
	"const rgb = c => c.match(/[\\d.]+/g).map(Number);\n"
	"const back = e => { const c = rgb(getComputedStyle(e).backgroundColor);\n"
	"	return c.length == 3 || c[3] > 0 || !e.parentElement ? c : back(e.parentElement); "
	"};\n"
	"const light = c => c.slice(0, 3).map(v => v / 255).map(v =>\n"
	"	v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)\n"
	"	.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);\n"
	"const contrast = e => { const a = light(rgb(getComputedStyle(e).color)),\n"
	"	b = light(back(e)); return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); };\n"
	"const texts = [...document.body.querySelectorAll('*')].filter(e =>\n"
	"	e.tagName != 'SCRIPT' && [...e.childNodes].some(n => n.nodeType == 3 && \n"
	"	n.data.trim() != ''));\n"
	"const least = Math.min(...texts.map(contrast));\n"
	"parent.postMessage([filters.join(' '), 'rows=' + document.querySelectorAll(\n"
	"	'table[role=table] > tbody').length, 'wide=' + wide.length, 'scroll=' +\n"
	"	(document.documentElement.scrollWidth - innerWidth), 'contrast=' +\n"
	"	Math.floor(least * 100), 'loaded=' +\n"
	"	performance.getEntriesByType('resource').length, 'handlers=' +\n"
	"	[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a =>\n"
	"	a.name.startsWith('on'))).length].join(' '), '*');\n"
	"});</script>";

/* Measures the page in a frame of this size, in pixels. */
static const char *measure_page(const char *page, int width, int scheme)
{
	const char *copy = in_folder("copy.html"), *frame = in_folder("frame.html");
	const char *content = replace(read_file(page), POLICY, measure);

	write_file(copy, content);
	write_file(frame,
		   text("<!DOCTYPE html><body><iframe src=copy.html width=%d height=800></iframe>"
			"<pre></pre><script>addEventListener('message', e => {\n"
			"document.querySelector('pre').textContent = 'measured ' + e.data; });"
			"</script>",
			width));
	return browse(frame, scheme);
}

static long measured(const char *dom, const char *name)
{
	const char *all = strstr(dom, "<pre>measured "), *found;

	ck_assert_msg(all != NULL, "nothing was measured:\n%s", dom);
	found = strstr(all, text(" %s=", name));
	ck_assert_msg(found != NULL, "no %s in %s", name, all);
	return strtol(found + strlen(name) + 2, NULL, 10);
}

TEST_CASE(browser, "browser", .setup = make_folder, .tags = "slow");

TEST(browser, filters_show_what_they_say)
{
	const char *dom = measure_page(make_page(), 1280, 1);

	ck_assert_int_eq(measured(dom, "rows"), NAME_COUNT + 8);
	ASSERT_HAS(dom, "measured all=14 fixed=6 undone=2 nothing=2 refused=2 failed=2 ");
	ck_assert_int_eq(measured(dom, "handlers"), 0);
	ck_assert_int_eq(measured(dom, "loaded"), 0);
}

TEST_LOOP(browser, a_page_fits_its_window_and_can_be_read, 0, 4)
{
	static const struct {
		int width, scheme;
	} cases[] = {{320, 1}, {1280, 1}, {320, 0}, {1280, 0}};
	const char *dom = measure_page(make_page(), cases[_i].width, cases[_i].scheme);

	ck_assert_int_eq(measured(dom, "wide"), 0);
	ck_assert_int_le(measured(dom, "scroll"), 0);
	ck_assert_int_ge(measured(dom, "contrast"), 450); /* WCAG 2, level AA */
}

TEST(browser, a_page_runs_no_scripts)
{
	const char *page = make_page(), *content = read_file(page), *copy = in_folder("copy.html");
	const char *dom = browse(page, 1);

	ck_assert_ptr_null(strstr(dom, "<script"));
	ck_assert_ptr_nonnull(strstr(dom, "&lt;script&gt;document.title='ran'&lt;/script&gt;.vhd"));
	ck_assert_ptr_nonnull(strstr(dom, "two\\x0alines\\u202egnp.img"));
	/* The policy would stop a script.  Without the policy, the script runs. */
	content = replace(content, "</body>", "<script>document.title = 'ran'</script></body>");
	write_file(copy, content);
	ck_assert_ptr_null(strstr(browse(copy, 1), "<title>ran</title>"));
	write_file(copy, replace(content, POLICY, ""));
	ck_assert_ptr_nonnull(strstr(browse(copy, 1), "<title>ran</title>"));
}

/* ---- the command --------------------------------------------------------------------------- */

TEST_CASE(report, "report", .setup = make_folder);

TEST(report, rows_of_several_files_are_merged)
{
	const char *one = in_folder("one.jsonl"), *two = in_folder("two.jsonl");
	const char *fixed = row_of("b.img", "file:///b", "fixed", NULL);
	const char *cut = row_of("c.img", "file:///c", "fixed", NULL);
	struct outcome merged, all;

	write_file(one,
		   text("%s%s%.*s", row_of("b.img", "file:///b", "failed", "io-error"),
			row_of("a.img", "file:///a", "fixed", NULL), (int)strlen(cut) / 2, cut));
	write_file(two, fixed);
	merged = BOOTSHIFT("report", "--jsonl", "-", one, two);
	ASSERT_STATUS(merged, 0);
	ck_assert_str_eq(merged.output,
			 text("%s%s", row_of("a.img", "file:///a", "fixed", NULL), fixed));
	ASSERT_HAS(merged.errors, "2 images");
	all = BOOTSHIFT("report", two, one);
	ASSERT_STATUS(all, 1);
	ASSERT_HAS(all.output, "1  io-error: check the storage that holds the image");
}

/* Both images are links to themselves.  The first failure ends the batch. */
TEST(report, a_batch_tells_on_its_page_what_is_not_in_its_rows)
{
	const char *rows = in_folder("rows.jsonl"), *page = in_folder("page.html");
	const char *images[] = {in_folder("none-\xfe.img"), in_folder("none-\xff.img")};
	struct outcome outcome;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(symlink(images[i], images[i]), 0);
	write_file(in_folder("empty.vhd"), "");
	outcome = BOOTSHIFT("batch", "-q", "-j1", "--max-failures", "1", "--jsonl", rows,
			    "--report", page, folder, images[0], images[1]);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "none-\\xfe.img: ");
	assert_page_has(page, "<h1>Stopped: 1 of 2 images were begun, 1 needs attention<");
	assert_page_has(page, "<bdi class=\"name\">none-\\xfe.img<");
	assert_page_has(page, "/empty.vhd</bdi>: is empty<");
	ASSERT_STATUS(BOOTSHIFT("report", "-q", "-o", page, rows), 1);
	assert_page_has(page, "<h1>1 of 1 image needs attention<");
	assert_page_has(page, "This page is made from files of batch results");
}

/* The disk has room for some of the rows.  The first row without room ends the batch. */
TEST(report, a_page_tells_of_an_image_without_a_row)
{
	const char *page = in_folder("page.html");
	struct outcome outcome;

	if (!run_with_small_disk(
		    "4k",
		    text("cd %s && for i in 1 2 3 4 5 6 7 8; do ln -s none-$i none-$i; "
			 "done && '%s' batch -j1 --jsonl /mnt/rows --report %s none-*",
			 folder, bootshift_path(), page),
		    &outcome))
		return;
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.output, "\nWithout a result: 1 image; go on with --resume\n");
	assert_page_has(page, "1 image was begun, but left no result");
}

TEST(report, a_fix_that_is_not_the_latest_row_is_merged_too)
{
	const char *rows = in_folder("rows.jsonl");
	const char *fixed = row_of("a.img", "file:///a", "fixed", NULL);
	const char *refused = row_of("a.img", "file:///a", "refused", "hibernated");
	struct outcome merged;

	write_file(rows, text("%s%s", fixed, refused));
	merged = BOOTSHIFT("report", "--jsonl", "-", rows);
	ASSERT_STATUS(merged, 3);
	ck_assert_str_eq(merged.output, text("%s%s", fixed, refused));
	write_file(rows, text("%s%s", refused, fixed));
	merged = BOOTSHIFT("report", "--jsonl", "-", rows);
	ASSERT_STATUS(merged, 0);
	ck_assert_str_eq(merged.output, fixed);
}

/* A batch that adds rows would go on with the old file, which has no name any more. */
TEST(report, no_file_is_replaced_while_a_batch_adds_rows)
{
	const char *rows = in_folder("rows.jsonl");
	struct image_state before;
	struct outcome outcome;

	write_file(rows, row_of("a.img", "file:///a", "fixed", NULL));
	before = state_take(rows);
	outcome = RUN("flock", rows, bootshift_path(), "report", "--jsonl", rows, rows);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(in-use)");
	state_assert_untouched(rows, &before);
	ASSERT_STATUS(BOOTSHIFT("report", "--jsonl", rows, rows), 0);
}

/* The user names the file of another batch, or gives the files in the wrong order. */
TEST(report, no_row_of_another_batch_is_lost)
{
	const char *one = in_folder("one.jsonl"), *two = in_folder("two.jsonl");
	const char *a = row_of("a.img", "file:///a", "fixed", NULL);
	const char *b = row_of("b.img", "file:///b", "fixed", NULL);
	struct image_state before;
	struct outcome outcome;

	write_file(one, a);
	write_file(two, text("%s%s", a, b));
	before = state_take(two);
	outcome = BOOTSHIFT("report", "--jsonl", two, one);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "has 1 line that would be lost; not overwritten (file-exists)");
	state_assert_untouched(two, &before);
	ASSERT_STATUS(BOOTSHIFT("report", "--jsonl", one, two), 0);
	ASSERT_STATUS(BOOTSHIFT("report", "--jsonl", two, two, one), 0);
	/* What this version cannot read is not lost either. */
	write_file(one, text("%s{\"tool\":\"bootshift\",\"schema\":2}\n", a));
	before = state_take(one);
	ASSERT_STATUS(BOOTSHIFT("report", "--jsonl", one, one), 2);
	state_assert_untouched(one, &before);
}

TEST(report, lines_that_are_no_rows_are_told)
{
	const char *rows = in_folder("rows.jsonl");
	struct outcome outcome;

	write_file(rows, text("{}\n%s", row_of("b.img", "file:///b", "fixed", NULL)));
	outcome = BOOTSHIFT("report", rows);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.output, "1 image;");
	ASSERT_HAS(outcome.errors, "bootshift: 1 line was not a batch result and was ignored\n");
}

TEST(report, a_file_that_cannot_be_read_is_an_error)
{
	const char *rows = in_folder("rows.jsonl"), *page = in_folder("page.html");
	struct outcome outcome;

	write_file(rows, row_of("b.img", "file:///b", "fixed", NULL));
	outcome = BOOTSHIFT("report", "-o", page, rows, in_folder("none.jsonl"));
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "none.jsonl' cannot be opened: No such file or directory");
	ck_assert_int_ne(access(page, F_OK), 0);
	outcome = BOOTSHIFT("report", folder);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "this is a folder and not a file of batch results");
	outcome = BOOTSHIFT("report");
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, "no file of batch results is named");
}
