/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs other programs, above all bootshift, and reads their output.
 *
 * Every program gets the same environment: a UTF-8 locale, no terminal, empty standard input.  If a
 * program hangs, it is killed with the test at the test's time limit.  Texts are valid until the
 * test ends; the caller does not free them.
 */
#ifndef BOOTSHIFT_TEST_PROGRAM_H
#define BOOTSHIFT_TEST_PROGRAM_H

#include "support/test.h"
#include <stdbool.h>
#undef fail /* an old macro of check.h, which hides the function in util/err.h */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct outcome {
	int status;                  /* the exit status, or 128 and the signal that ended it */
	const char *output, *errors; /* the text on standard output and standard error */
	size_t output_length;
};

/* A running program, and the descriptors that its output goes to. */
struct program {
	pid_t process;
	int output, errors;
};

/* Path of the bootshift under test: $BOOTSHIFT, or bootshift in the folder of the test program. */
const char *bootshift_path(void);

/* The first argument is the program, searched in $PATH and the sbin folders; NULL is the last. */
struct program program_start(const char *const *arguments);
struct outcome program_wait(struct program *program);
bool program_has_ended(const struct program *program);

#define START(...) program_start((const char *const[]){__VA_ARGS__, NULL})
#define RUN(...)   program_finish(START(__VA_ARGS__))

#define BOOTSHIFT(...)       RUN(bootshift_path(), __VA_ARGS__)
#define START_BOOTSHIFT(...) START(bootshift_path(), __VA_ARGS__)

static inline struct outcome program_finish(struct program program)
{
	return program_wait(&program);
}

/* Formats a text that is valid until the test ends. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define ASSERT_STATUS(outcome, expected)                                                           \
	ck_assert_msg((outcome).status == (expected), "status %d instead of %d\n%s%s",             \
		      (outcome).status, (int)(expected), (outcome).output, (outcome).errors)

#define ASSERT_HAS(whole, part)                                                                    \
	ck_assert_msg(strstr(whole, part) != NULL, "\"%s\" is not in:\n%s", part, whole)

#define ASSERT_HAS_NOT(whole, part)                                                                \
	ck_assert_msg(strstr(whole, part) == NULL, "\"%s\" is in:\n%s", part, whole)

/*
 * Runs a shell command for which /mnt is an empty file system of `size`.  Only the command sees
 * that file system, which ends with the command.  Returns false if the kernel does not permit this.
 */
bool run_with_small_disk(const char *size, const char *command, struct outcome *outcome);

#endif
