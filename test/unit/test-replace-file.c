/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replacing a file: the new file is written completely or not at all. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page/page.h"
#include "report/plan-file.h"
#include "rows/rows.h"
#include "support/loop.h"
#include "support/state.h"

static const char *path; /* in a folder for this test; the file has the word "old" */

static void make_file(void)
{
	FILE *file;

	path = text("%s/file", test_folder());
	file = fopen(path, "w");
	fputs("old", file);
	ck_assert_int_eq(fclose(file), 0);
}

static void assert_content(const char *name, const char *expected)
{
	ck_assert_str_eq(RUN("cat", name).output, expected);
	ck_assert_str_eq(state_folder(path), ".\n..\nfile\n");
}

/* Contents. */
static int write_text(FILE *stream, void *context, struct bs_error *err)
{
	(void)err;
	fputs(context, stream);
	return 0;
}

static int write_and_fail(FILE *stream, void *context, struct bs_error *err)
{
	fputs(context, stream);
	return fail(err, BS_ROW_INVALID, "no more");
}

TEST_CASE(replace_file, "replace-file", .setup = make_file);

TEST(replace_file, a_file_is_replaced_by_a_whole_one)
{
	struct bs_error err;

	ck_assert_int_eq(replace_file_write(path, "file", write_text, (void *)"new", &err), 0);
	assert_content(path, "new");
}

TEST(replace_file, content_that_fails_leaves_the_old_file)
{
	struct bs_error err;

	ck_assert_int_eq(replace_file_write(path, "file", write_and_fail, (void *)"new", &err), -1);
	ck_assert_int_eq(err.code, BS_ROW_INVALID);
	assert_content(path, "old");
}

TEST(replace_file, a_pipe_is_written_to_as_it_is)
{
	const char *pipe = text("%s.pipe", path);
	char bytes[8] = "";
	struct bs_error err;
	int reader;

	ck_assert_int_eq(mkfifo(pipe, 0600), 0);
	reader = open(pipe, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(replace_file_write(pipe, "file", write_text, (void *)"new", &err), 0);
	ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 3);
	ck_assert_str_eq(bytes, "new");
	close(reader);
	unlink(pipe);
	assert_content(path, "old");
}

TEST(replace_file, what_cannot_be_written_says_its_name)
{
	struct bs_error err;

	ck_assert_int_eq(replace_file_write("/dev/full", "list", write_text, (void *)"new", &err),
			 -1);
	ck_assert_int_eq(err.code, BS_OUTPUT);
	ck_assert_str_eq(err.message,
			 "the list '/dev/full' cannot be written: No space left on device");
	ck_assert_int_eq(
		replace_file_write(text("%s/x", path), "list", write_text, (void *)"new", &err),
		-1);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}

/* ---- before it is written ------------------------------------------------------------------ */

static void write_file(const char *content, size_t length)
{
	FILE *file = fopen(path, "w");

	ck_assert_uint_eq(fwrite(content, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

#define PAGE "<!DOCTYPE html>\n<title>All - bootshift</title>"
#define PLAN "{\n  \"schema\": 1,\n  \"kind\": \"bootshift-plan\",\n"
#define ROWS "{\"schema\":1,\"tool\":\"bootshift\",\n"

static const struct {
	const struct file_kind *kind;
	const char *content;
	bool replaced;
} contents[] = {
	{&page_file_kind, "", true},
	{&page_file_kind, PAGE, true},
	{&page_file_kind, "<!DOCTYPE html>\n<title>My shop</title>", false},
	{&page_file_kind, "see the title - bootshift</title>", false},
	{&page_file_kind, ROWS, false},
	{&plan_file_kind, PLAN, true},
	{&plan_file_kind, "{\"kind\": \"bill\"}", false},
	{&plan_file_kind, PAGE, false},
	{&rows_file_kind, ROWS, true},
	{&rows_file_kind, PLAN, false},
};

TEST_EACH(replace_file, what_a_file_replaces_is_empty_or_of_its_kind, contents)
{
	const struct file_kind *kind = contents[_i].kind;
	const char *content = contents[_i].content;
	struct bs_error err;

	write_file(content, strlen(content));
	ck_assert_int_eq(replace_file_check(path, kind, &err), contents[_i].replaced ? 0 : -1);
	if (!contents[_i].replaced)
		ck_assert_int_eq(err.code, BS_FILE_EXISTS);
	assert_content(path, content);
}

TEST(replace_file, an_image_is_not_replaced)
{
	static const char sectors[8192];
	struct bs_error err;

	write_file(sectors, sizeof(sectors));
	ck_assert_int_eq(replace_file_check(path, &page_file_kind, &err), -1);
	ck_assert_int_eq(err.code, BS_FILE_EXISTS);
	ck_assert_int_eq(replace_file_check(images_folder(), &page_file_kind, &err), -1);
	ck_assert_int_eq(err.code, BS_FILE_EXISTS);
}

TEST(replace_file, what_cannot_be_created_is_known_before)
{
	struct bs_error err;

	ck_assert_int_eq(replace_file_check(text("%s/x", path), &plan_file_kind, &err), -1);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
	ck_assert_str_eq(err.message, text("the plan file '%s/x' cannot be created: "
					   "Not a directory",
					   path));
	ck_assert_int_eq(replace_file_check("/none/x", &plan_file_kind, &err), -1);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
	ck_assert_int_eq(replace_file_check(text("%s.new", path), &plan_file_kind, &err), 0);
	ck_assert_int_eq(replace_file_check("/dev/null", &plan_file_kind, &err), 0);
	ck_assert_int_eq(replace_file_check("-", &plan_file_kind, &err), 0);
	assert_content(path, "old");
}

TEST(replace_file, a_block_device_is_not_written_over)
{
	char device[LOOP_PATH_MAX];
	static const char sectors[8192];
	struct bs_error err;
	int descriptor;

	write_file(sectors, sizeof(sectors));
	descriptor = loop_attach(path, false, device);
	if (descriptor < 0)
		return;
	ck_assert_int_eq(replace_file_check(device, &page_file_kind, &err), -1);
	ck_assert_int_eq(err.code, BS_FILE_EXISTS);
	close(descriptor);
}

TEST(replace_file, two_names_of_one_file_are_known)
{
	const char *other = text("%s.other", path);
	const char *folder = text("%.*s", (int)(strrchr(path, '/') - path), path);

	ck_assert_int_eq(symlink(path, other), 0);
	ck_assert(replace_file_is_same(path, other));
	ck_assert_int_eq(unlink(other), 0);
	ck_assert(!replace_file_is_same(path, other));
	/* Neither path exists. */
	ck_assert(replace_file_is_same(text("%s/new", folder), text("%s/./new", folder)));
	ck_assert(!replace_file_is_same(text("%s/new", folder), text("%s/newer", folder)));
	ck_assert(!replace_file_is_same(text("%s/new", folder), "new"));
	ck_assert(replace_file_is_same("new", "./new"));
	ck_assert(replace_file_is_same("-", "-"));
	ck_assert(!replace_file_is_same("-", "./-"));
}
