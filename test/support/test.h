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
 * TEST_LOOP() is called once for each number from `from` up to, but not including, `to`; the number
 * is `_i`.  TEST_EACH() is TEST_LOOP() over the indices of an array.  TEST_ALSO() puts a test, with other numbers, into one more case.
 */
#ifndef BOOTSHIFT_TEST_TEST_H
#define BOOTSHIFT_TEST_TEST_H

#include <check.h>
#undef fail /* of Check's old interface; ours is in util/err.h */

struct test_case {
	const char *file; /* of the source */
	const char *name;
	void (*setup)(void), (*teardown)(void);           /* around each test */
	void (*once_setup)(void), (*once_teardown)(void); /* around all of them */
	const char *tags;                                 /* separated by spaces; may be NULL */
	TCase *made;                                      /* NULL until the first test is there */
};

/* Called before main(), in the order of the tests in a file, by the macros below. */
void test_register(struct test_case *in, const TTest *test, int from, int to);

#define TEST_CASE(variable, title, ...)                                                            \
	static struct test_case variable = {.file = __FILE__, .name = (title), ##__VA_ARGS__}

#define TEST_LOOP(in, title, from, to)                                                             \
	static void title##_fn(int _i CK_ATTRIBUTE_UNUSED);                                        \
	static const TTest title = {#title, title##_fn, __FILE__, __LINE__};                       \
	__attribute__((constructor)) static void title##_register(void)                            \
	{                                                                                          \
		test_register(&(in), &(title), (from), (to));                                      \
	}                                                                                          \
	static void title##_fn(int _i CK_ATTRIBUTE_UNUSED)

#define TEST(in, title) TEST_LOOP(in, title, 0, 1)
#define TEST_EACH(in, title, array)                                                                \
	TEST_LOOP(in, title, 0, (int)(sizeof(array) / sizeof((array)[0])))

#define TEST_ALSO(in, title, from, to)                                                             \
	__attribute__((constructor)) static void in##_##title##_register(void)                     \
	{                                                                                          \
		test_register(&(in), &(title), (from), (to));                                      \
	}                                                                                          \
	struct test_case /* so that the macro ends with a semicolon */

#endif
