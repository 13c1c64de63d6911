/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter allows no call that names a file, makes a process or opens a socket.  So a set of
 * rules for the file system (Landlock) would have nothing left to forbid.
 */
#include "worker/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/debug.h"
#include "util/signals.h"

#if !defined(__has_feature) /* gcc has a macro of its own instead */
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED 1 /* the sanitizers need memory and system calls of their own, and stderr */
#else
#define SANITIZED 0
#endif

/* The system calls for memory management, the channel, the clock and the end of the process. */
static const int allowed[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(poll),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(pread64), /* the image, if the worker reads it by itself */
	SCMP_SYS(sysinfo), /* qsort() asks how much memory there is before it sorts a long array */
};

/* ---- user and capabilities ----------------------------------------------------------------- */

#define NOBODY 65534u /* Linux shows this number for users and groups that it cannot name */

/* What the change needs, and what the parent needs to end a process of another user (CAP_KILL) and
 * to give it more processor time (CAP_SYS_RESOURCE).  The parent has what this process has. */
#define CHANGE_NEEDS (1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL | 1u << CAP_SYS_RESOURCE)

/*
 * Becomes the user and the group "nobody", without other groups.  In a user namespace without such
 * a user, the process keeps its own.  glibc's functions would wait for the other threads of the
 * parent, which this process does not have.
 */
static int confine_become_nobody(void)
{
	if (syscall(SYS_setgroups, 0, NULL) == 0 &&
	    syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) == 0 &&
	    syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0)
		return 0;
	return errno == EPERM || errno == EINVAL ? 0 : -1;
}

/*
 * Gives up all rights that a process can have.  The bounding set stays: it matters only for an exec,
 * which the filter forbids, and to empty it would take a system call for each capability.
 */
static int confine_drop_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, sets) < 0)
		return -1;
	if ((sets[0].effective & CHANGE_NEEDS) == CHANGE_NEEDS && confine_become_nobody() < 0)
		return -1;
	memset(sets, 0, sizeof(sets));
	return (int)syscall(SYS_capset, &header, sets);
}

/* ---- limits -------------------------------------------------------------------------------- */

/* Returns the address space that the process has from its parent, in bytes; 0 if unknown. */
static uint64_t confine_memory_in_use(void)
{
	char text[64] = "";
	int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t length = file >= 0 ? read(file, text, sizeof(text) - 1) : 0;

	if (file >= 0)
		close(file);
	return length > 0 ? strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int confine_limit(int resource, uint64_t value, struct bs_error *err)
{
	struct rlimit both = {0};

	if (value > 0 && getrlimit(resource, &both) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "limiting the worker process");
	both.rlim_cur = min_u64(value, both.rlim_cur);
	if (resource != RLIMIT_CPU) /* the parent raises this limit later */
		both.rlim_max = both.rlim_cur;
	if (setrlimit(resource, &both) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "limiting the worker process");
	return 0;
}

static int confine_set_limits(const struct confine_limits *limits, uint64_t in_use,
			      struct bs_error *err)
{
	signals_reset(SIGXCPU); /* it ends the process when its processor time is used up */
	if (confine_limit(RLIMIT_CORE, 0, err) < 0 || confine_limit(RLIMIT_FSIZE, 0, err) < 0 ||
	    confine_limit(RLIMIT_CPU, limits->seconds, err) < 0)
		return -1;
	if (SANITIZED)
		return 0;
	if (confine_limit(RLIMIT_NOFILE, 0, err) < 0 || confine_limit(RLIMIT_NPROC, 0, err) < 0)
		return -1;
	return confine_limit(RLIMIT_AS, limits->memory + in_use, err);
}

/* ---- the filter ---------------------------------------------------------------------------- */

/* Memory can be mapped and protected in each way but one: nothing becomes executable. */
static int confine_allow_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable);

	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					  not_executable);
	return result;
}

/*
 * The C library calls abort() when it finds its memory damaged.  abort() first writes a message,
 * although no stream is open, and then sends SIGABRT to its own thread.
 */
static int confine_allow_abort(scmp_filter_ctx filter)
{
	int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EBADF), SCMP_SYS(writev), 0);

	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2,
					  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0),
					  SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0));
	return result;
}

/* Returns whether to name the system call that the filter stops: in debug builds, on request. */
static bool confine_tells(void)
{
	return DEBUG_BUILD && debug_shows(DEBUG_STEPS);
}

/*
 * Names the system call that the filter stopped, and makes another forbidden call.  This handler
 * cannot run twice at the same time, so the kernel then ends the process by SIGSYS.
 */
static void confine_tell_call(int number, siginfo_t *information, void *context)
{
	char *name =
		seccomp_syscall_resolve_num_arch(information->si_arch, information->si_syscall);

	(void)number;
	(void)context;
	debug_print(DEBUG_STEPS, "the filter stopped the system call %s (%d)", name ? name : "?",
		    information->si_syscall);
	syscall(SYS_getppid);
}

static int confine_load_filter(struct bs_error *err)
{
	const struct sigaction tell = {.sa_sigaction = confine_tell_call, .sa_flags = SA_SIGINFO};
	scmp_filter_ctx filter =
		seccomp_init(confine_tells() ? SCMP_ACT_TRAP : SCMP_ACT_KILL_PROCESS);
	int result = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (result == 0)
		result = confine_allow_memory(filter);
	/* stdio asks once whether a stream is a terminal.  The process has no stream. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EBADF), SCMP_SYS(newfstatat), 0);
	if (result == 0)
		result = confine_allow_abort(filter);
	if (confine_tells() && sigaction(SIGSYS, &tell, NULL) < 0)
		result = -errno;
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result == 0)
		return 0;
	if (result == -ENOMEM)
		return fail_memory(err);
	errno = -result;
	return fail_errno(err, BS_SYSTEM_LIMIT, "confining the worker process");
}

/* ---- descriptors --------------------------------------------------------------------------- */

/* Returns the lowest of the kept descriptors from `first` on, or ~0U. */
static unsigned confine_next_kept(const int kept[CONFINE_KEPT], unsigned first)
{
	unsigned next = ~0U;

	for (size_t i = 0; i < CONFINE_KEPT; i++)
		if (kept[i] > 0 && (unsigned)kept[i] >= first && (unsigned)kept[i] < next)
			next = (unsigned)kept[i];
	return next;
}

/* Closes all descriptors from `first` on, but the kept ones. */
static int confine_close_others(unsigned first, const int kept[CONFINE_KEPT])
{
	unsigned next;

	for (; (next = confine_next_kept(kept, first)) != ~0U; first = next + 1)
		if (next > first && close_range(first, next - 1, 0) < 0)
			return -1;
	return close_range(first, ~0U, 0);
}

/* Nobody can make a descriptor writable that was opened for reading. */
static int confine_check_image(int image, struct bs_error *err)
{
	int flags = image > 0 ? fcntl(image, F_GETFL) : O_RDONLY;

	if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
		return 0;
	return fail(err, BS_WORKER, "the worker process would get a descriptor that can write");
}

int confine_self(const int kept[CONFINE_KEPT], const struct confine_limits *limits,
		 struct bs_error *err)
{
	unsigned first_closed = SANITIZED || confine_tells() ? STDERR_FILENO + 1 : 0;
	uint64_t in_use = confine_memory_in_use();

	/* A sanitizer could not read /proc/self as another user.  A change of the user clears the
	 * parent's death signal, so it comes first. */
	if (!SANITIZED && confine_drop_rights() < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "confining the worker process");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "confining the worker process");
	if (confine_check_image(kept[CONFINE_IMAGE], err) < 0)
		return -1;
	/* This closes the parent's end of the channel, too.  Otherwise the channel would stay open
	 * if the parent ended before the request for the signal above. */
	if (confine_close_others(first_closed, kept) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "closing the worker's descriptors");
	if (confine_set_limits(limits, in_use, err) < 0)
		return -1;
	return SANITIZED ? 0 : confine_load_filter(err);
}
