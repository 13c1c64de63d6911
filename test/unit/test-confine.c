/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a confined process can still do, and what ends the process.  The sanitizers need more system
 * calls than the filter allows, so the filter is not loaded with them and the tests do nothing.
 */
#include "support/test.h"
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker/confine.h"

#if !defined(__SANITIZE_ADDRESS__)

static void try_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void try_fork(void)
{
	if (fork() == 0)
		_exit(EXIT_SUCCESS);
}

static void try_kill(void)
{
	kill(getppid(), 0);
}

static void try_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void try_unlink(void)
{
	unlink("/nothing");
}

static void try_descriptor(void)
{
	if (dup(0) < 0)
		_exit(1);
}

static void try_setuid(void)
{
	if (setuid(0) < 0)
		_exit(1);
}

static void (*const forbidden[])(void) = {try_socket, try_fork,       try_kill,  try_exec,
					  try_unlink, try_descriptor, try_setuid};

static int image; /* the descriptor that the process may keep; 0: none */

/* Runs a function in a confined process.  Returns how the process ended. */
static int confined(void (*attempt)(void))
{
	int ends[2], status;
	pid_t child;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	child = fork();
	if (child == 0) {
		const struct confine_limits limits = {.memory = 512u << 20, .seconds = 20};
		struct bs_error own;
		const int kept[CONFINE_KEPT] = {
			[CONFINE_SOCKET] = ends[1], [CONFINE_IMAGE] = image};

		if (confine_self(kept, &limits, &own) < 0)
			_exit(own.code == BS_WORKER ? 98 : 99);
		attempt();
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	close(ends[0]);
	close(ends[1]);
	return status;
}

TEST_CASE(confine, "confinement");

TEST_EACH(confine, what_a_worker_has_no_business_with_ends_it, forbidden)
{
	int status = confined(forbidden[_i]);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %x",
		      (unsigned)status);
}

static void free_twice(void)
{
	void *volatile block = malloc(2000), *volatile barrier = malloc(2000);

	free(block);
	free(block);
	free(barrier);
}

/* An abort(), also one by the C library's memory checks, can be told from a kill by the filter. */
TEST_LOOP(confine, a_process_that_gives_up_ends_by_abort, 0, 2)
{
	int status = confined(_i == 0 ? abort : free_twice);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x",
		      (unsigned)status);
}

static void open_files(void)
{
	/* The C library looks for translations of error texts.  This must not end the process. */
	if (open("/etc/hostname", O_RDONLY) >= 0 || open("/dev/null", O_WRONLY) >= 0)
		_exit(1);
}

/* The filter either ends the process or only lets the call fail. */
TEST(confine, no_file_can_be_opened)
{
	int status = confined(open_files);

	ck_assert_msg(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS),
		      "status %x", (unsigned)status);
}

static void compute(void)
{
	void *small = malloc(1000), *large = malloc(100 << 20);
	struct timespec now;

	if (small == NULL || large == NULL || clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    time(NULL) == 0)
		_exit(1);
	memset(large, 1, 100 << 20);
	free(large);
	free(small);
}

TEST(confine, memory_and_the_clock_are_allowed)
{
	ck_assert_int_eq(confined(compute), 0);
}

static void take_all_memory(void)
{
	void *volatile block = malloc(2u << 30);

	if (block != NULL)
		_exit(1);
}

TEST(confine, memory_has_a_limit)
{
	ck_assert_int_eq(confined(take_all_memory), 0);
}

static void count_descriptors(void)
{
	unsigned open = 0;
	char byte;

	/* Reading 0 bytes is an error only at a place with no data. */
	for (int i = 0; i < 1024; i++)
		open += read(i, &byte, 0) == 0;
	if (open != 1)
		_exit(1);
}

TEST(confine, no_descriptor_but_the_channel_is_left)
{
	int extra = open("/dev/zero", O_RDONLY);

	ck_assert_int_ge(extra, 0);
	ck_assert_int_eq(confined(count_descriptors), 0);
	close(extra);
}

/* The image's bytes can be read, and nothing else can be done with it. */
static void use_the_image(void)
{
	char byte = 1;

	if (pread(image, &byte, 1, 0) != 1 || write(image, &byte, 1) >= 0 ||
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, image, 0) != MAP_FAILED)
		_exit(1);
}

static void truncate_the_image(void)
{
	if (ftruncate(image, 0) < 0)
		_exit(1);
}

static FILE *image_of_one_page(void)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(ftruncate(fileno(file), 4096), 0);
	return file;
}

TEST(confine, an_image_can_only_be_read)
{
	FILE *file = image_of_one_page();
	char path[64];
	int status;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
	image = open(path, O_RDONLY);
	ck_assert_int_gt(image, 0);
	ck_assert_int_eq(confined(use_the_image), 0);
	status = confined(truncate_the_image);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %x",
		      (unsigned)status);
	close(image);
	fclose(file);
}

TEST(confine, no_worker_gets_an_image_that_it_could_write)
{
	FILE *file = image_of_one_page();
	int status;

	image = fileno(file);
	status = confined(use_the_image);
	ck_assert_int_eq(WEXITSTATUS(status), 98);
	fclose(file);
}

#endif
