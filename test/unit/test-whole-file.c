/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that is written whole or not at all. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/whole-file.h"
#include "support/state.h"

Suite *whole_file_suite(void);

static const char *path; /* in a folder of the test's own; there is a file with the word "old" */

static void make_file(void)
{
	char *folder = mkdtemp((char *)text("%s/whole-XXXXXX", images_folder()));
	FILE *file;

	ck_assert_ptr_nonnull(folder);
	path = text("%s/file", folder);
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

START_TEST(a_file_is_replaced_by_a_whole_one)
{
	struct bs_error err;

	ck_assert_int_eq(whole_file_write(path, "file", write_text, (void *)"new", &err), 0);
	assert_content(path, "new");
}
END_TEST

START_TEST(content_that_fails_leaves_the_old_file)
{
	struct bs_error err;

	ck_assert_int_eq(whole_file_write(path, "file", write_and_fail, (void *)"new", &err), -1);
	ck_assert_int_eq(err.code, BS_ROW_INVALID);
	assert_content(path, "old");
}
END_TEST

START_TEST(a_pipe_is_written_to_as_it_is)
{
	const char *pipe = text("%s.pipe", path);
	char bytes[8] = "";
	struct bs_error err;
	int reader;

	ck_assert_int_eq(mkfifo(pipe, 0600), 0);
	reader = open(pipe, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(whole_file_write(pipe, "file", write_text, (void *)"new", &err), 0);
	ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 3);
	ck_assert_str_eq(bytes, "new");
	close(reader);
	unlink(pipe);
	assert_content(path, "old");
}
END_TEST

START_TEST(what_cannot_be_written_says_its_name)
{
	struct bs_error err;

	ck_assert_int_eq(whole_file_write("/dev/full", "list", write_text, (void *)"new", &err),
			 -1);
	ck_assert_int_eq(err.code, BS_NO_SPACE);
	ck_assert_str_eq(err.message,
			 "the list '/dev/full' cannot be written: No space left on device");
	ck_assert_int_eq(
		whole_file_write(text("%s/x", path), "list", write_text, (void *)"new", &err), -1);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}
END_TEST

Suite *whole_file_suite(void)
{
	Suite *suite = suite_create("whole-file");
	TCase *cases = tcase_create("whole-file");

	images_prepare();
	tcase_add_checked_fixture(cases, make_file, NULL);
	tcase_add_test(cases, a_file_is_replaced_by_a_whole_one);
	tcase_add_test(cases, content_that_fails_leaves_the_old_file);
	tcase_add_test(cases, a_pipe_is_written_to_as_it_is);
	tcase_add_test(cases, what_cannot_be_written_says_its_name);
	suite_add_tcase(suite, cases);
	return suite;
}
