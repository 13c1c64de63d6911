/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs other programs, above all bootshift, and returns what they write.
 *
 * Every program gets the same environment: a UTF-8 locale, no terminal, empty standard input.  If a
 * program does not end, it is killed together with the test when the time of the test is up.  Texts
 * are valid until the test ends.  Callers do not free them.
 */
#ifndef BOOTSHIFT_TEST_PROGRAM_H
#define BOOTSHIFT_TEST_PROGRAM_H

#include "support/test.h"
#include <stdbool.h>
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct outcome {
	int status;                  /* the exit status, or 128 + the signal that ended it */
	const char *output, *errors; /* what the program wrote to the two streams */
	size_t output_length;
};

/* A running program, and the files that get its output. */
struct program {
	pid_t process;
	int output, errors;
};

/*
 * Path of the bootshift under test: $BOOTSHIFT, or the bootshift beside the program with the tests.
 */
const char *bootshift_path(void);

/*
 * Adds the JSON documents in an output to the file $BOOTSHIFT_DOCUMENTS, each as one line, for
 * scripts/check-schema.  Other output is left out, and so are documents of another version.
 */
void keep_documents(const char *output, size_t length);

/* The list ends with NULL.  Its first element is the program, searched in $PATH and sbin. */
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

/* The real path of a file that exists, valid until the test ends. */
const char *real_path(const char *path);

#define ASSERT_STATUS(outcome, expected)                                                           \
	ck_assert_msg((outcome).status == (expected), "status %d instead of %d\n%s%s",             \
		      (outcome).status, (int)(expected), (outcome).output, (outcome).errors)

#define ASSERT_HAS(whole, part)                                                                    \
	ck_assert_msg(strstr(whole, part) != NULL, "\"%s\" is not in:\n%s", part, whole)

#define ASSERT_HAS_NOT(whole, part)                                                                \
	ck_assert_msg(strstr(whole, part) == NULL, "\"%s\" is in:\n%s", part, whole)

/*
 * Runs a shell command in which /mnt is an empty file system of `size`.  Other processes do not see
 * the file system, and it ends with the command.  Returns false if the kernel does not allow this.
 */
bool run_with_small_disk(const char *size, const char *command, struct outcome *outcome);

#endif
