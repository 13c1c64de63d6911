/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tests that register themselves.
 *
 *	TEST_CASE(guard, "guard", .setup = setup, .teardown = teardown, .tags = "slow");
 *
 *	TEST(guard, nothing_may_be_written_at_first)
 *	{
 *		...
 *	}
 *
 * A case stands before its tests.  The suite is named after the file: test-NAME.c.
 * TEST_LOOP() runs a test once for each number `_i` from `from` up to, but not including, `to`.
 * TEST_EACH() is TEST_LOOP() over the indices of an array.  TEST_ALSO() adds a test, with other
 * numbers, to one more case.
 *
 * Each test runs in its own process, and several cases run side by side.  So tests of different
 * cases share only the images that support/images.h describes.
 *
 *	make test T=guard                       the tests whose names contain "guard"
 *	CK_RUN_SUITE=lock build/unit-tests      the tests of test/unit/test-lock.c
 *	TEST_JOBS=1 build/unit-tests            one case at a time; the default is 2 for each processor
 *	CK_FORK=no T=NAME gdb build/unit-tests  all in one process, for a debugger
 *	CK_VERBOSITY=verbose                    also prints the tests that pass
 *	TEST_SHARE=3 TEST_SEED=a1 build/...     each third test; the seed, hexadecimal, says which
 *	TEST_TIMES=FILE                         adds the processor time of each test to FILE
 *
 * With CK_FORK=no, or with a log file of Check, cases do not run side by side.
 *
 * If a program or a right is missing, the test calls test_needs() and returns.  Such a test is
 * listed as skipped at the end of the run.  With BOOTSHIFT_TESTS_SKIP=fail, as in CI, the test
 * fails.
 */
#ifndef BOOTSHIFT_TEST_TEST_H
#define BOOTSHIFT_TEST_TEST_H

#include <check.h>
#undef fail /* a macro of Check's old interface; ours is in util/err.h */
#include <stdbool.h>

struct test_case {
	const char *file; /* of the source */
	const char *name;
	void (*setup)(void), (*teardown)(void);           /* before and after each test */
	void (*once_setup)(void), (*once_teardown)(void); /* before and after all tests */
	const char *tags;                                 /* separated by spaces; may be NULL */

	/* Set when tests are registered. */
	char suite[64];
	struct test_case *next;
	struct test *tests, *last_test;
};

struct test {
	const TTest *test;
	int from, to;
	struct test *next;
};

/* Registers a test.  The macros below call it before main(), in the order of the file. */
void test_register(struct test_case *in, struct test *test);

/* Called at the start of each test, by the macros below, so that a skipped test has a name. */
void test_begin(const struct test_case *in, const char *name);

/*
 * Returns whether the test can continue.  If not, the function notes the test as skipped, with what
 * the test needs, and the test must return.  test_needs() returns `there`.  A program is searched
 * on the path and in the sbin folders.
 */
bool test_needs(bool there, const char *what);
bool test_needs_program(const char *program);
bool test_needs_root(void);

/* The same for a feature that no package and no right can add: such a skip never fails. */
bool test_needs_kernel(bool there, const char *feature);

/* Returns how many descriptors this process has. */
int open_descriptors(void);

/* Returns the only child of this process; 0: it has none. */
pid_t only_child(void);

#define TEST_CASE(variable, title, ...)                                                            \
	static struct test_case variable = {.file = __FILE__, .name = (title), ##__VA_ARGS__}

#define TEST_REGISTER(in, title, label, from, to)                                                  \
	__attribute__((constructor)) static void label##_register(void)                            \
	{                                                                                          \
		static struct test label##_test;                                                   \
		label##_test = (struct test){&(title), (from), (to), NULL};                        \
		test_register(&(in), &label##_test);                                               \
	}

#define TEST_LOOP(in, title, from, to)                                                             \
	static void title##_body(int _i CK_ATTRIBUTE_UNUSED);                                      \
	static void title##_fn(int _i)                                                             \
	{                                                                                          \
		test_begin(&(in), #title);                                                         \
		title##_body(_i);                                                                  \
	}                                                                                          \
	static const TTest title = {#title, title##_fn, __FILE__, __LINE__};                       \
	TEST_REGISTER(in, title, title, from, to)                                                  \
	static void title##_body(int _i CK_ATTRIBUTE_UNUSED)

#define TEST(in, title) TEST_LOOP(in, title, 0, 1)
#define TEST_EACH(in, title, array)                                                                \
	TEST_LOOP(in, title, 0, (int)(sizeof(array) / sizeof((array)[0])))

#define TEST_ALSO(in, title, from, to)                                                             \
	TEST_REGISTER(in, title, in##_##title, from, to)                                           \
	struct test_case /* so that the macro ends with a semicolon */

#endif
