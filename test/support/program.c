/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/program.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Texts stay valid until the process of the test ends.  They are held here, so that none is a leak.
 */
static struct held {
	struct held *next;
	char *text;
} * held;

static const char *hold(char *bytes)
{
	struct held *one = malloc(sizeof(*one));

	ck_assert(one != NULL && bytes != NULL);
	*one = (struct held){.next = held, .text = bytes};
	held = one;
	return bytes;
}

const char *text(const char *format, ...)
{
	va_list arguments;
	char *formatted = NULL;

	va_start(arguments, format);
	ck_assert_int_ge(vasprintf(&formatted, format, arguments), 0);
	va_end(arguments);
	return hold(formatted);
}

const char *real_path(const char *path)
{
	char *real = realpath(path, NULL);

	ck_assert_ptr_nonnull(real);
	return hold(real);
}

const char *bootshift_path(void)
{
	const char *named = getenv("BOOTSHIFT");
	char self[4096];
	ssize_t length;

	if (named != NULL)
		return named;
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	ck_assert_int_gt(length, 0);
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	return text("%s/bootshift", self);
}

/* Check's signal handlers end the test.  A signal for the program must not reach these handlers. */
static void forget_handlers(const sigset_t *mask)
{
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

static _Noreturn void become(const char *const *arguments, int output, int errors)
{
	const char *path = getenv("PATH");
	int input = open("/dev/null", O_RDONLY);

	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	setenv("PATH", text("%s:/usr/sbin:/sbin", path != NULL ? path : "/usr/bin:/bin"), 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TERM", "xterm", 1);
	unsetenv("COLUMNS");
	unsetenv("NO_COLOR");
	execvp(arguments[0], (char *const *)arguments);
	perror(arguments[0]);
	_exit(127);
}

struct program program_start(const char *const *arguments)
{
	struct program program = {
		.output = memfd_create("output", MFD_CLOEXEC),
		.errors = memfd_create("errors", MFD_CLOEXEC),
	};

	sigset_t all, mask;

	ck_assert(program.output >= 0 && program.errors >= 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	program.process = fork();
	if (program.process == 0) {
		forget_handlers(&mask);
		become(arguments, program.output, program.errors);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	ck_assert_int_ge(program.process, 0);
	return program;
}

static const char *take(int descriptor, size_t *length)
{
	struct stat status;
	char *bytes;

	ck_assert_int_eq(fstat(descriptor, &status), 0);
	bytes = calloc(1, (size_t)status.st_size + 1);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(pread(descriptor, bytes, (size_t)status.st_size, 0), status.st_size);
	close(descriptor);
	*length = (size_t)status.st_size;
	return hold(bytes);
}

/*
 * Whether this version of bootshift wrote the document.  A test makes rows of another version, and
 * bootshift only passes these on.
 */
static bool is_own_document(const json_t *document)
{
	const char *version = json_string_value(json_object_get(document, "version"));

	return !version || strcmp(version, BOOTSHIFT_VERSION) == 0;
}

/* Appends the document in one write, because other processes append to the file, too. */
static void keep_document(const char *path, const json_t *document)
{
	char *compact = json_dumps(document, JSON_COMPACT);
	const char *line = text("%s\n", compact);
	int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

	ck_assert(compact != NULL && file >= 0);
	ck_assert_int_eq(write(file, line, strlen(line)), strlen(line));
	close(file);
	free(compact);
}

void keep_documents(const char *output, size_t length)
{
	const char *path = getenv("BOOTSHIFT_DOCUMENTS");
	FILE *from = path && length > 0 && output[0] == '{'
			     ? fmemopen((char *)(uintptr_t)output, length, "r")
			     : NULL;
	json_t *document;

	while (from && (document = json_loadf(from, JSON_DISABLE_EOF_CHECK, NULL))) {
		if (is_own_document(document))
			keep_document(path, document);
		json_decref(document);
	}
	if (from)
		fclose(from);
}

bool program_has_ended(const struct program *program)
{
	siginfo_t info = {0};

	ck_assert_int_eq(waitid(P_PID, (id_t)program->process, &info, WEXITED | WNOHANG | WNOWAIT),
			 0);
	return info.si_pid != 0;
}

struct outcome program_wait(struct program *program)
{
	struct outcome outcome;
	size_t length;
	int status;

	ck_assert_int_eq(waitpid(program->process, &status, 0), program->process);
	outcome.output = take(program->output, &outcome.output_length);
	outcome.errors = take(program->errors, &length);
	keep_documents(outcome.output, outcome.output_length);
	outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return outcome;
}

bool run_with_small_disk(const char *size, const char *command, struct outcome *outcome)
{
	static const char mount[] = "mount -t tmpfs -o size=%s tmpfs /mnt && exec sh -c \"$0\"";
	/* In a name space of another user the root folder would belong to nobody known. */
	bool possible = geteuid() == 0 && RUN("unshare", "--map-root-user", "--mount", "mount",
					      "-t", "tmpfs", "none", "/mnt")
							  .status == 0;

	if (test_needs(possible, "root and a mount namespace"))
		*outcome = RUN("unshare", "--map-root-user", "--mount", "sh", "-c",
			       text(mount, size), command);
	return possible;
}
