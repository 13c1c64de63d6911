/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a program of QEMU can still do in its cage, if an image has taken it over. */
#include "support/test.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cage/cage.h"

#define GET_MDWE 66 /* of prctl(2); older kernel headers lack it */

static struct cage cage;
static struct bs_error err;

static void setup(void)
{
	cage = (struct cage){
		.program = "/bin/sleep",
		.file = "/nothing",
		.memory = 1u << 30,
		.seconds = 20,
		.file_size = UINT64_MAX,
	};
}

/* Runs a function in the cage, in a process of its own.  Returns the status of its end. */
static int caged(int (*attempt)(void))
{
	int status;
	pid_t child;

	ck_assert_msg(cage_prepare(&cage, &err) == 0, "%s", err.message);
	child = fork();
	if (child == 0)
		_exit(cage_enter(&cage) < 0 ? 99 : attempt());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	cage_free(&cage);
	return status;
}

TEST_CASE(cage_tests, "cage", .setup = setup);

/* The others are needed before the program runs, by the C library, or by QEMU. */
static const char *const forbidden[] = {
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_open",
	"pidfd_getfd",
	"pidfd_send_signal",
	"kcmp",
	"fork",
	"vfork",
	"socket",
	"socketpair",
	"connect",
	"bind",
	"unshare",
	"setns",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"open_tree",
	"move_mount",
	"mount_setattr",
	"fsopen",
	"fsmount",
	"swapon",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"memfd_create",
	"keyctl",
	"io_uring_setup",
	"add_key",
	"request_key",
	"kexec_load",
	"init_module",
	"finit_module",
	"reboot",
	"acct",
	"syslog",
	"iopl",
	"ioperm",
	"modify_ldt",
	"personality",
	"quotactl",
	"kill",
	"tkill",
	"tgkill",
	"rt_sigqueueinfo",
	"open_by_handle_at",
};

static long call;

static int make_the_call(void)
{
	/* Arguments that do no harm if the call is made. */
	long result = syscall(call, -1L, -1L, -1L, -1L, -1L, -1L);

	return result == -1 && errno == EPERM ? 0 : 1;
}

TEST(cage_tests, a_system_call_that_no_program_of_qemu_needs_fails)
{
	size_t tried = 0;

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		call = seccomp_syscall_resolve_name(forbidden[i]);
		ck_assert_msg(call != __NR_SCMP_ERROR, "%s is no system call", forbidden[i]);
		if (call < 0) /* not on this processor */
			continue;
		ck_assert_msg(caged(make_the_call) == 0, "%s", forbidden[i]);
		tried++;
	}
	ck_assert_uint_ge(tried, 40);
}

#if !defined(                                                                                      \
	__SANITIZE_ADDRESS__) /* it has more address space than a cage allows: nothing can be mapped */
static int map_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 0 : 1;
}

static int make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 2;
	return mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 ? 0 : 1;
}

TEST(cage_tests, only_an_emulated_processor_makes_code)
{
	if (!test_needs_kernel(prctl(GET_MDWE, 0, 0, 0, 0) >= 0, "memory that is not executable"))
		return;
	ck_assert_int_eq(caged(map_code), 0);
	ck_assert_int_eq(caged(make_code), 0);
	cage.makes_code = true;
	ck_assert_int_eq(WEXITSTATUS(caged(map_code)), 1);
	ck_assert_int_eq(WEXITSTATUS(caged(make_code)), 1);
}
#endif

/* Waits until the process has executed the program, and returns its status; the caller frees it. */
static char *status_after_exec(pid_t process)
{
	char path[64], *text = calloc(1, 8192);

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	while (strncmp(text, "Name:\tsleep\n", 12) != 0) { /* ends: see the limit of the test */
		FILE *file = fopen(path, "r");

		ck_assert_ptr_nonnull(file);
		text[fread(text, 1, 8191, file)] = '\0';
		fclose(file);
		ck_assert_msg(strstr(text, "State:\tZ") == NULL, "the program has ended");
		usleep(1000);
	}
	return text;
}

TEST(cage_tests, a_program_in_the_cage_has_no_capabilities)
{
	char name[] = "sleep", seconds[] = "100", *arguments[] = {name, seconds, NULL}, *status;
	pid_t child;

	if (!test_needs_root())
		return;
	ck_assert_msg(cage_prepare(&cage, &err) == 0, "%s", err.message);
	child = fork();
	if (child == 0) {
		if (cage_enter(&cage) == 0)
			execv(cage.program, arguments);
		_exit(99);
	}
	status = status_after_exec(child);
	ck_assert_ptr_nonnull(strstr(status, "\nCapPrm:\t0000000000000000\n"));
	ck_assert_ptr_nonnull(strstr(status, "\nCapEff:\t0000000000000000\n"));
	ck_assert_ptr_nonnull(strstr(status, "\nCapAmb:\t0000000000000000\n"));
	ck_assert_ptr_nonnull(strstr(status, "\nNoNewPrivs:\t1\n"));
	ck_assert_ptr_nonnull(strstr(status, "\nSeccomp:\t2\n"));
	free(status);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	cage_free(&cage);
}
