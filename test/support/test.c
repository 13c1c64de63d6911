/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The main program of a folder of tests.  $T, if it is set, picks the tests whose names contain it.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/images.h"

#define SUITES_MAX 100

/* Constructors fill these before main(). */
static struct {
	char name[64];
	Suite *suite;
} suites[SUITES_MAX];
static size_t suite_count;

/* The suite of test/unit/test-some-thing.c is some_thing. */
static Suite *suite_of(const char *file)
{
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	char name[sizeof(suites[0].name)];

	base += strncmp(base, "test-", 5) == 0 ? 5 : 0;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	for (size_t i = 0; i < suite_count; i++)
		if (strcmp(suites[i].name, name) == 0)
			return suites[i].suite;
	if (suite_count == SUITES_MAX)
		abort();
	memcpy(suites[suite_count].name, name, sizeof(name));
	suites[suite_count].suite = suite_create(suites[suite_count].name);
	return suites[suite_count++].suite;
}

static TCase *make_case(const struct test_case *wanted)
{
	TCase *made = tcase_create(wanted->name);

	/*
	 * Check's own limit of 4 s a test is one that a busy machine reaches.  This one only ends
	 * a test that hangs.
	 */
	if (!getenv("CK_DEFAULT_TIMEOUT"))
		tcase_set_timeout(made, 900);
	if (wanted->setup || wanted->teardown)
		tcase_add_checked_fixture(made, wanted->setup, wanted->teardown);
	if (wanted->once_setup || wanted->once_teardown)
		tcase_add_unchecked_fixture(made, wanted->once_setup, wanted->once_teardown);
	if (wanted->tags)
		tcase_set_tags(made, wanted->tags);
	suite_add_tcase(suite_of(wanted->file), made);
	return made;
}

void test_register(struct test_case *in, const TTest *test, int from, int to)
{
	const char *wanted = getenv("T");

	if (wanted && !strstr(test->name, wanted))
		return;
	if (!in->made)
		in->made = make_case(in);
	tcase_add_loop_test(in->made, test, from, to);
}

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	images_prepare();
	for (size_t i = 0; i < suite_count; i++)
		srunner_add_suite(runner, suites[i].suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
