/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A path whose bytes are not valid text is shown with these bytes, although its row has it as text.
 */
#include <stdlib.h>

#include "rows/location.h"

#include "support/state.h"

static void assert_found(const char *location, const char *path, const char *expected)
{
	char *found = location_as_found(location, path);

	ck_assert_str_eq(found, expected);
	free(found);
}

TEST_CASE(location_tests, "location");

TEST(location_tests, bytes_of_a_name_come_from_its_location)
{
	static const struct {
		const char *location, *path, *found;
	} cases[] = {
		{"/srv/a.img", "a.img", "a.img"},
		{"/srv/x\xff.img", "x\xef\xbf\xbd.img", "x\xff.img"},
		{"/srv/x\xff.img", "./x\xef\xbf\xbd.img", "./x\xff.img"},
		{"/srv/x\xff.img", "/link/x\xef\xbf\xbd.img", "/link/x\xff.img"},
		{"/srv/\xfe/a/x\xff", "srv/\xef\xbf\xbd/a/x\xef\xbf\xbd", "srv/\xfe/a/x\xff"},
		/* One U+FFFD for each invalid byte, and a path that has U+FFFD itself. */
		{"/\xe2\x82.img", "/\xef\xbf\xbd\xef\xbf\xbd.img", "/\xe2\x82.img"},
		{"/\xef\xbf\xbd", "/\xef\xbf\xbd", "/\xef\xbf\xbd"},
		/* A symbolic link, or rows of somebody else. */
		{"/srv/other.img", "x\xef\xbf\xbd.img", "/srv/other.img"},
		{"/x\xff", "a/b\xef\xbf\xbd/c", "/x\xff"},
		{"nbd://host/x", "\xef\xbf\xbd", "nbd://host/x"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_found(cases[i].location, cases[i].path, cases[i].found);
}
