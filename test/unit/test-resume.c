/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The identifier of a batch, which is computed from its file of rows. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/resume.h"
#include "util/bytes.h"

#include "support/test.h"

static char folder[] = "/tmp/test-resume-XXXXXX";
static char rows[64], other[64], link_to_rows[64];

struct name {
	uint8_t bytes[BS_MAKER_SIZE];
};

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "a");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(rows, sizeof(rows), "%s/rows", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	snprintf(link_to_rows, sizeof(link_to_rows), "%s/link", folder);
	write_file(rows, "");
}

static void teardown(void)
{
	unlink(rows);
	unlink(other);
	unlink(link_to_rows);
	rmdir(folder);
}

static struct name name_of(const char *path)
{
	struct name name;
	struct bs_error err;

	ck_assert_msg(resume_name(path, name.bytes, &err) == 0, "%s", err.message);
	ck_assert(!all_zero(name.bytes, sizeof(name.bytes)));
	return name;
}

static bool is_same(const struct name *a, const struct name *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

TEST_CASE(resume, "resume", .setup = setup, .teardown = teardown);

TEST(resume, a_file_keeps_its_name_whatever_is_added_and_whoever_leads_to_it)
{
	struct name before = name_of(rows), after, linked;

	write_file(rows, "a row\n");
	after = name_of(rows);
	ck_assert(is_same(&before, &after));
	ck_assert_int_eq(symlink(rows, link_to_rows), 0);
	linked = name_of(link_to_rows);
	ck_assert(is_same(&before, &linked));
}

TEST(resume, another_file_has_another_name)
{
	struct name one = name_of(rows), two;

	write_file(other, "");
	two = name_of(other);
	ck_assert(!is_same(&one, &two));
}

TEST(resume, a_later_file_of_the_same_path_has_another_name)
{
	struct name earlier = name_of(rows), later;
	struct statx status;

	/* The new file gets another creation time, which only some file systems store. */
	usleep(50000);
	write_file(other, "");
	ck_assert_int_eq(rename(other, rows), 0);
	later = name_of(rows);
	ck_assert_int_eq(statx(AT_FDCWD, rows, 0, STATX_BTIME, &status), 0);
	ck_assert_int_eq(is_same(&earlier, &later), (status.stx_mask & STATX_BTIME) == 0);
}

TEST(resume, a_file_that_is_gone_has_none)
{
	uint8_t name[BS_MAKER_SIZE];
	struct bs_error err;

	ck_assert_int_eq(resume_name(other, name, &err), -1);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}
