/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The main program of a folder of tests: runs every suite of it.  suites.h is made by the Makefile
 * from the file names: test-NAME.c exports Suite *NAME_suite(void).
 */
#include <check.h>
#include <stdlib.h>

#define SUITE(name) Suite *name##_suite(void);
#include "suites.h"
#undef SUITE

int main(void)
{
	SRunner *runner;
	int failed;

	/*
	 * Check's own limit of 4 s a test is one that a busy machine reaches.  This one only ends
	 * a test that hangs.
	 */
	setenv("CK_DEFAULT_TIMEOUT", "900", 0);
	runner = srunner_create(NULL);

#define SUITE(name) srunner_add_suite(runner, name##_suite());
#include "suites.h"
#undef SUITE
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
