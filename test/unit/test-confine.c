/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a confined process can still do, and what ends the process.  The sanitizers need more system
 * calls than the filter allows, so the filter is not loaded with them and the tests do nothing.
 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/process.h"
#include "worker/confine.h"

#if !defined(__SANITIZE_ADDRESS__)

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

/*
 * What a process that was taken over would call next.  The filter must stop a call before its
 * arguments count, so most have none.
 */
static const char *const forbidden[] = {
	/* files */
	"open",
	"openat",
	"openat2",
	"creat",
	"open_by_handle_at",
	"name_to_handle_at",
	"stat",
	"lstat",
	"statx",
	"access",
	"readlink",
	"readlinkat",
	"getdents64",
	"chdir",
	"fchdir",
	"rename",
	"renameat2",
	"unlink",
	"unlinkat",
	"rmdir",
	"mkdir",
	"mkdirat",
	"link",
	"linkat",
	"symlink",
	"chmod",
	"fchmod",
	"fchmodat",
	"chown",
	"fchown",
	"truncate",
	"ftruncate",
	"fallocate",
	"mknod",
	"setxattr",
	"fsetxattr",
	"utimensat",
	"pwrite64",
	"fsync",
	"sendfile",
	"splice",
	"vmsplice",
	"tee",
	"copy_file_range",
	"flock",
	"inotify_init1",
	"fanotify_init",
	/* descriptors */
	"dup",
	"dup2",
	"dup3",
	"fcntl",
	"ioctl",
	"pipe",
	"pipe2",
	"eventfd2",
	"signalfd4",
	"timerfd_create",
	"epoll_create1",
	"memfd_create",
	"memfd_secret",
	"close_range",
	"select",
	/* sockets */
	"socket",
	"socketpair",
	"connect",
	"bind",
	"listen",
	"accept",
	"accept4",
	"sendto",
	"recvfrom",
	"sendmmsg",
	"recvmmsg",
	"getsockopt",
	"setsockopt",
	"shutdown",
	/* processes */
	"fork",
	"vfork",
	"clone",
	"clone3",
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"kcmp",
	"kill",
	"tkill",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"pidfd_open",
	"pidfd_getfd",
	"pidfd_send_signal",
	"wait4",
	"waitid",
	"getppid",
	"setsid",
	"setpgid",
	"sched_setaffinity",
	"sched_setscheduler",
	"setpriority",
	"rt_sigaction",
	"sigaltstack",
	"timer_create",
	"setitimer",
	"alarm",
	/* rights, limits and the filter itself */
	"setuid",
	"setresuid",
	"setreuid",
	"setgid",
	"setresgid",
	"setgroups",
	"setfsuid",
	"capset",
	"prctl",
	"arch_prctl",
	"seccomp",
	"personality",
	"setrlimit",
	"prlimit64",
	"keyctl",
	"add_key",
	"request_key",
	"landlock_create_ruleset",
	/* memory in other ways */
	"pkey_mprotect",
	"remap_file_pages",
	"userfaultfd",
	"shmget",
	"shmat",
	"mq_open",
	"mbind",
	"move_pages",
	"mlock",
	"mlockall",
	"mincore",
	/* the kernel and the machine */
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"io_setup",
	"io_submit",
	"bpf",
	"perf_event_open",
	"init_module",
	"finit_module",
	"kexec_load",
	"reboot",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"open_tree",
	"move_mount",
	"fsopen",
	"swapon",
	"acct",
	"syslog",
	"iopl",
	"ioperm",
	"modify_ldt",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"sethostname",
	"quotactl",
	"uname",
};

static long call; /* its number */

static void make_the_call(void)
{
	syscall(call, 0, 0, 0, 0, 0, 0);
}

static void assert_the_filter_ends(void (*attempt)(void), const char *what)
{
	int status = confined(attempt);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: status %x", what,
		      (unsigned)status);
}

TEST(confine, a_system_call_that_a_worker_has_no_business_with_ends_it)
{
	size_t tried = 0;

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		call = seccomp_syscall_resolve_name(forbidden[i]);
		ck_assert_msg(call != __NR_SCMP_ERROR, "%s is no system call", forbidden[i]);
		if (call < 0) /* not on this processor */
			continue;
		assert_the_filter_ends(make_the_call, forbidden[i]);
		tried++;
	}
	ck_assert_uint_ge(tried, 100);
}

static pid_t tests; /* the process of the test */

static void signal_the_parent(void)
{
	syscall(SYS_tgkill, tests, tests, SIGABRT);
}

static void signal_itself_otherwise(void)
{
	syscall(SYS_tgkill, getpid(), getpid(), SIGCONT);
}

TEST(confine, a_worker_can_send_the_signal_of_abort_and_that_only_to_itself)
{
	tests = getpid();
	assert_the_filter_ends(signal_the_parent, "SIGABRT to the parent");
	assert_the_filter_ends(signal_itself_otherwise, "SIGCONT to itself");
}

#if defined(__x86_64__)
/* The numbers of these calls mean other calls in the filter's own list. */
static void call_as_a_32_bit_program(void)
{
	long result = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
}

static void call_as_an_x32_program(void)
{
	syscall(0x40000000 | SYS_getpid);
}

TEST(confine, the_other_ways_into_the_kernel_are_closed)
{
	int status = confined(call_as_a_32_bit_program);

	/* SIGSEGV: this kernel has no such calls. */
	ck_assert_msg(WIFSIGNALED(status) &&
			      (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV),
		      "int 0x80: status %x", (unsigned)status);
	assert_the_filter_ends(call_as_an_x32_program, "x32");
}
#endif

/* ---- memory -------------------------------------------------------------------------------- */

static int protection;

static void *map(int flags)
{
	return mmap(NULL, 4096, flags, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void map_it(void)
{
	if (map(protection) == MAP_FAILED)
		_exit(1);
}

static void protect_it(void)
{
	if (mprotect(map(PROT_READ | PROT_WRITE), 4096, protection) < 0)
		_exit(1);
}

static const int executable[] = {
	PROT_EXEC,
	PROT_READ | PROT_EXEC,
	PROT_WRITE | PROT_EXEC,
	PROT_READ | PROT_WRITE | PROT_EXEC,
};

TEST_EACH(confine, a_worker_cannot_make_memory_executable, executable)
{
	protection = executable[_i];
	assert_the_filter_ends(map_it, "mmap");
	assert_the_filter_ends(protect_it, "mprotect");
	protection &= ~PROT_EXEC;
	ck_assert_int_eq(confined(map_it), 0);
	ck_assert_int_eq(confined(protect_it), 0);
}

/* ---- rights -------------------------------------------------------------------------------- */

/* Starts a confined process that waits; *end is the other end of its channel. */
static pid_t start_confined(int *end)
{
	const struct confine_limits limits = {.memory = 512u << 20, .seconds = 20};
	struct bs_error own;
	int ends[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	child = fork();
	if (child == 0) {
		const int kept[CONFINE_KEPT] = {[CONFINE_SOCKET] = ends[1]};

		if (confine_self(kept, &limits, &own) < 0)
			_exit(99);
		while (write(ends[1], "", 1) == 1) /* the end of the channel does not end it */
			poll(NULL, 0, -1);
		_exit(EXIT_SUCCESS);
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	*end = ends[0];
	return child;
}

/* Returns the line of the process's status that begins with this name; the caller frees it. */
static char *status_of(pid_t process, const char *name)
{
	char path[64], *line = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (getline(&line, &size, file) > 0 && strncmp(line, name, strlen(name)) != 0)
		;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static bool file_has_line(const char *path, const char *start)
{
	char line[128] = "";
	bool found = false;
	FILE *file = fopen(path, "r");

	ck_assert_ptr_nonnull(file);
	while (!found && fgets(line, sizeof(line), file))
		found = strncmp(line, start, strlen(start)) == 0;
	fclose(file);
	return found;
}

static void assert_status(pid_t process, const char *expected)
{
	char name[16], *line;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(expected, "\t"), expected);
	line = status_of(process, name);
	ck_assert_str_eq(line, expected);
	free(line);
}

static void end_confined(pid_t child, int end)
{
	close(end);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

TEST(confine, a_worker_has_no_capability_and_cannot_get_one)
{
	int end;
	pid_t child = start_confined(&end);

	assert_status(child, "CapInh:\t0000000000000000");
	assert_status(child, "CapPrm:\t0000000000000000");
	assert_status(child, "CapEff:\t0000000000000000");
	assert_status(child, "CapAmb:\t0000000000000000");
	assert_status(child, "NoNewPrivs:\t1");
	assert_status(child, "Seccomp:\t2");
	end_confined(child, end);
}

/* A process that starts a confined one, and waits. */
struct family {
	pid_t parent, worker;
};

static _Noreturn void be_parent(int told, int tell)
{
	char byte;
	int end;
	pid_t worker;

	if (read(told, &byte, 1) != 1)
		_exit(EXIT_FAILURE);
	worker = start_confined(&end);
	if (write(tell, &worker, sizeof(worker)) != sizeof(worker))
		_exit(EXIT_FAILURE);
	for (;;)
		pause();
}

static bool write_file(pid_t process, const char *name, const char *text)
{
	char path[64];
	int file;
	bool written;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)process, name);
	file = open(path, O_WRONLY);
	written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
	close(file);
	return written;
}

/*
 * Starts the parent as root of a user namespace with all users, where root has all capabilities.
 * In a container, the root of the tests may lack some.  False: namespaces are not permitted.
 */
static bool start_family(struct family *family)
{
	int down[2], up[2];
	pid_t none = -1;
	bool mapped;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert(pipe(down) == 0 && pipe(up) == 0);
	family->parent = fork();
	if (family->parent == 0) {
		if (unshare(CLONE_NEWUSER) < 0 || write(up[1], &none, sizeof(none)) < 0)
			_exit(EXIT_FAILURE);
		be_parent(down[0], up[1]);
	}
	close(up[1]);
	if (read(up[0], &none, sizeof(none)) != sizeof(none))
		return false;
	mapped = write_file(family->parent, "uid_map", "0 0 65536") &&
		 write_file(family->parent, "gid_map", "0 0 65536");
	ck_assert_int_eq(write(down[1], "", 1), 1);
	ck_assert_int_eq(read(up[0], &family->worker, sizeof(pid_t)), sizeof(pid_t));
	return mapped;
}

/* Checks that the kernel ends the worker when its parent ends. */
static void end_parent(const struct family *family)
{
	int status;

	ck_assert_int_eq(kill(family->parent, SIGKILL), 0);
	ck_assert_int_eq(waitpid(family->parent, NULL, 0), family->parent);
	ck_assert_msg(process_wait(family->worker, 20000), "the worker lives on");
	ck_assert_int_eq(waitpid(family->worker, &status, 0), family->worker);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x",
		      (unsigned)status);
}

/* The kernel forgets the wish to end with the parent when a process becomes another user. */
TEST(confine, a_worker_of_root_is_nobody_and_ends_with_its_parent)
{
	struct family family;

	if (!test_needs_root() ||
	    !test_needs_kernel(start_family(&family), "user namespaces with all users"))
		return;
	assert_status(family.parent, "Uid:\t0\t0\t0\t0");
	assert_status(family.worker, "Uid:\t65534\t65534\t65534\t65534");
	assert_status(family.worker, "Gid:\t65534\t65534\t65534\t65534");
	assert_status(family.worker, "Groups:\t ");
	assert_status(family.worker, "CapEff:\t0000000000000000");
	assert_status(family.worker, "CapPrm:\t0000000000000000");
	end_parent(&family);
}

/*
 * Without these capabilities, a container's root could not end a process of another user, or raise
 * its limit of processor time.
 */
static const char *const needed[] = {"kill", "sys_resource"};

TEST_EACH(confine, a_worker_that_its_parent_could_not_reach_keeps_its_user, needed)
{
	const int number = _i == 0 ? CAP_KILL : CAP_SYS_RESOURCE;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	int end;
	pid_t child;

	if (!test_needs_root())
		return;
	ck_assert_int_eq(syscall(SYS_capget, &header, sets), 0);
	sets[0].effective &= ~(1u << number);
	sets[0].permitted = sets[0].effective;
	ck_assert_int_eq(syscall(SYS_capset, &header, sets), 0);
	child = start_confined(&end);
	assert_status(child, "Uid:\t0\t0\t0\t0");
	assert_status(child, "CapEff:\t0000000000000000");
	end_confined(child, end);
}

TEST(confine, a_worker_leaves_no_core_and_cannot_be_traced)
{
	char path[64];
	int end;
	pid_t child = start_confined(&end);
	struct stat owner;

	/* The kernel gives these files of a process that cannot be dumped to root. */
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)child);
	ck_assert_int_eq(stat(path, &owner), 0);
	ck_assert_uint_eq(owner.st_uid, 0);
	snprintf(path, sizeof(path), "/proc/%d/limits", (int)child);
	ck_assert(file_has_line(path, "Max core file size        0                    0"));
	ck_assert(file_has_line(path, "Max open files            0                    0"));
	ck_assert(file_has_line(path, "Max processes             0                    0"));
	ck_assert(file_has_line(path, "Max file size             0                    0"));
	end_confined(child, end);
}

TEST(confine, its_parent_can_give_a_worker_more_processor_time)
{
	struct rlimit own, limit;
	int end;
	pid_t child = start_confined(&end);

	ck_assert_int_eq(getrlimit(RLIMIT_CPU, &own), 0);
	ck_assert_int_eq(prlimit(child, RLIMIT_CPU, NULL, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, 20);
	ck_assert_uint_eq(limit.rlim_max, own.rlim_max);
	limit.rlim_cur = 30;
	ck_assert_int_eq(prlimit(child, RLIMIT_CPU, &limit, NULL), 0);
	end_confined(child, end);
}

TEST(confine, a_worker_ends_with_its_parent)
{
	struct family family;
	int up[2], down[2];

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert(pipe(down) == 0 && pipe(up) == 0);
	family.parent = fork();
	if (family.parent == 0)
		be_parent(down[0], up[1]);
	ck_assert_int_eq(write(down[1], "", 1), 1);
	ck_assert_int_eq(read(up[0], &family.worker, sizeof(pid_t)), sizeof(pid_t));
	end_parent(&family);
}

/* ---- what is left -------------------------------------------------------------------------- */

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

/* From now on, this process and its children can load no other filter. */
static void forbid_filters(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	ck_assert_ptr_nonnull(filter);
	ck_assert_int_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0), 0);
	ck_assert_int_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
					  SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)),
			 0);
	ck_assert_int_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

TEST(confine, a_worker_that_gets_no_filter_does_not_begin)
{
	int status;

	forbid_filters();
	status = confined(compute);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 99);
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
