/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter has a list of forbidden system calls, not of allowed ones.  The system calls that a
 * program of QEMU makes depend on its build; the system calls that it never needs are always the
 * same.
 */
#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "disk/file.h"

/* ---- system calls ------------------------------------------------------------------------- */

static const int forbidden[] = {
	/* other processes */
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(kcmp),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	/* new sockets: the program gets its sockets from the parent */
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	/* namespaces and mounts */
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(open_tree),
	SCMP_SYS(move_mount),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(quotactl),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	/* the kernel */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(memfd_create), /* a file that Landlock does not see, and that could be executed */
	SCMP_SYS(io_uring_setup), /* operations in a ring would bypass this filter */
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(reboot),
	SCMP_SYS(acct),
	SCMP_SYS(syslog),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(personality),
};

/* Forbidden too, unless the program sees no other process that it could signal. */
static const int signals[] = {
	SCMP_SYS(kill),
	SCMP_SYS(tkill),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo),
};

static int cage_forbid(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	return result;
}

static int cage_add_rules(scmp_filter_ctx filter, bool alone)
{
	int result = cage_forbid(filter, forbidden, sizeof(forbidden) / sizeof(forbidden[0]));

	if (result == 0 && !alone)
		result = cage_forbid(filter, signals, sizeof(signals) / sizeof(signals[0]));
	/* Allows new threads but no new processes.  A filter cannot read the flags of clone3, which
	 * lie in memory.  If clone3 fails with ENOSYS, the C library calls clone instead. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	/* prlimit64 only for the limits of the process itself (pid 0), not of other processes. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
					  SCMP_A0(SCMP_CMP_NE, 0, 0));
	return result;
}

/* Exports the filter through a memfd, because libseccomp writes programs only to descriptors. */
static int cage_export(scmp_filter_ctx filter, struct sock_fprog *program, struct bs_error *err)
{
	int descriptor = memfd_create("filter", MFD_CLOEXEC);
	struct stat status;
	int result = -1;

	if (descriptor < 0 || seccomp_export_bpf(filter, descriptor) < 0 ||
	    fstat(descriptor, &status) < 0) {
		fail_errno(err, BS_WORKER, "cannot make the filter for a program of QEMU");
		goto out;
	}
	program->len = (unsigned short)((size_t)status.st_size / sizeof(*program->filter));
	program->filter = malloc((size_t)status.st_size);
	if (!program->filter) {
		fail_memory(err);
		goto out;
	}
	result = file_read_at(descriptor, 0, program->filter, (size_t)status.st_size, err);
	if (result < 0)
		free(program->filter);
out:
	if (descriptor >= 0)
		close(descriptor);
	return result;
}

int cage_prepare(struct cage *cage, struct bs_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = filter ? cage_add_rules(filter, cage->alone) : -ENOMEM;

	if (result == 0) {
		result = cage_export(filter, &cage->filter, err);
	} else {
		errno = -result;
		result = fail_errno(err, BS_WORKER, "cannot make the filter for a program of QEMU");
	}
	seccomp_release(filter);
	return result;
}

void cage_free(struct cage *cage)
{
	free(cage->filter.filter);
}

/* ---- programs and mounts ------------------------------------------------------------------ */

char *cage_find_program(const char *name)
{
	const char *folder = getenv("PATH"), *end;
	char *path, *found = NULL;

	if (strchr(name, '/'))
		return realpath(name, NULL);
	for (; folder && !found; folder = *end ? end + 1 : NULL) {
		end = strchrnul(folder, ':');
		if (end == folder || *folder != '/') /* relative to the working directory */
			continue;
		if (asprintf(&path, "%.*s/%s", (int)(end - folder), folder, name) < 0)
			return NULL;
		if (access(path, X_OK) == 0)
			found = realpath(path, NULL);
		free(path);
	}
	return found;
}

int cage_protect_mounts(void)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
	};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (syscall(SYS_mount_setattr, -1, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
		return errno == ENOSYS ? 0 : -1;
	return 0;
}

/* ---- files -------------------------------------------------------------------------------- */

/* Older kernel headers lack these rights of Landlock's versions 3 and 5. */
#define ACCESS_TRUNCATE     (1ull << 14)
#define ACCESS_IOCTL_DEVICE (1ull << 15)

#define ACCESS_PROGRAM (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define ACCESS_FILE                                                                                \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE |          \
	 ACCESS_IOCTL_DEVICE)

/* Paths of programs and libraries.  Paths that do not exist are skipped. */
static const char *const installed[] = {
	"/usr", "/bin", "/lib", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache",
};

/* Returns every right that this version of Landlock knows. */
static uint64_t cage_known_rights(int version)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (version >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		rights |= ACCESS_TRUNCATE;
	if (version >= 5)
		rights |= ACCESS_IOCTL_DEVICE;
	return rights;
}

static int cage_allow_path(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};
	long result;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT ? 0 : -1;
	result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return (int)result;
}

static int cage_restrict_files(const struct cage *cage)
{
	struct landlock_ruleset_attr attributes = {0};
	int version =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset;

	if (version < 1) /* this kernel has no Landlock, or does not use it */
		return 0;
	attributes.handled_access_fs = cage_known_rights(version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return -1;
	for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++)
		if (cage_allow_path(ruleset, installed[i], ACCESS_PROGRAM) < 0)
			return -1;
	if (cage_allow_path(ruleset, cage->program, ACCESS_PROGRAM) < 0 ||
	    cage_allow_path(ruleset, cage->file, ACCESS_FILE & cage_known_rights(version)) < 0)
		return -1;
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* ---- memory ------------------------------------------------------------------------------- */

/* Older kernel headers lack these numbers of prctl(2). */
#define SET_MDWE              65
#define MDWE_REFUSE_EXEC_GAIN 1ul

/*
 * From now on, memory that is or was writable cannot become executable, also after an exec.  Kernels
 * before 6.3 do not know this (include/uapi/linux/prctl.h).
 */
static int cage_refuse_new_code(void)
{
	if (prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0 || errno == EINVAL)
		return 0;
	return -1;
}

/* ---- all together ------------------------------------------------------------------------- */

static int cage_limit(int resource, rlim_t value)
{
	return setrlimit(resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value});
}

int cage_enter(const struct cage *cage)
{
	/* Without SECBIT_NOROOT the exec would give user 0 its capabilities back. */
	if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (cage_limit(RLIMIT_CORE, 0) < 0 || cage_limit(RLIMIT_CPU, cage->seconds) < 0 ||
	    cage_limit(RLIMIT_AS, cage->memory) < 0 ||
	    cage_limit(RLIMIT_FSIZE, cage->file_size) < 0)
		return -1;
	if (!cage->makes_code && cage_refuse_new_code() < 0)
		return -1;
	if (cage_restrict_files(cage) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &cage->filter);
}
