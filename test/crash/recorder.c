/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wrapped calls; see recorder.h. */
#include "crash/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/faults.h"
#include "support/test.h"

static struct {
	struct recording *recording; /* NULL: nothing is recorded */
	pid_t process;
	struct recorder_trouble trouble;
	int calls, syncs, lost_event;
	bool troubled, dead;
} recorder;

void recorder_start(const char *folder, const char *image, const struct recorder_trouble *trouble)
{
	recorder.process = getpid();
	recorder.trouble = trouble ? *trouble : (struct recorder_trouble){TROUBLE_NONE, 0, 0};
	recorder.calls = recorder.syncs = 0;
	recorder.troubled = recorder.dead = false;
	recorder.recording = storage_begin(folder, image);
}

struct recording *recorder_stop(void)
{
	struct recording *recording = recorder.recording;

	if (recorder.dead)
		faults_end();
	recorder.recording = NULL;
	return recording;
}

bool recorder_was_troubled(void)
{
	return recorder.troubled;
}

int recorder_calls(void)
{
	return recorder.calls;
}

int recorder_lost_event(void)
{
	return recorder.lost_event;
}

/* ---- what is recorded ------------------------------------------------------------------------ */

static bool recorder_is_on(void)
{
	return recorder.recording && recorder.process == getpid();
}

static struct stored_file *recorder_file(int descriptor)
{
	int number = errno;
	struct stored_file *file =
		recorder_is_on() ? storage_find(recorder.recording, descriptor) : NULL;

	errno = number;
	return file;
}

/* Returns the name of a file in the folder, or NULL. */
static const char *recorder_name(const char *path)
{
	size_t length;

	if (!recorder_is_on())
		return NULL;
	length = strlen(recorder.recording->folder);
	if (strncmp(path, recorder.recording->folder, length) != 0 || path[length] != '/' ||
	    strchr(path + length + 1, '/'))
		return NULL;
	return path + length + 1;
}

/* For the text of an event: files keep the name with which they were made. */
static const char *recorder_title(const struct stored_file *file)
{
	const struct recording *recording = recorder.recording;
	int number = (int)(file - recording->files);

	if (number == 0)
		return "the image";
	for (size_t i = 0; i < recording->naming_count; i++)
		if (recording->namings[i].kind == NAMING_MAKE &&
		    recording->namings[i].file == number)
			return recording->namings[i].to;
	for (size_t i = 0; i < recording->name_count; i++)
		if (recording->names[i].file == number)
			return recording->names[i].name;
	return "?";
}

/* From now on nothing can be read.  Nothing is recorded any more either: see recorder_is_dead(). */
static void recorder_die(void)
{
	faults_begin(&(struct fault){
		.kind = FAULT_READ, .and_later = true, .error = recorder.trouble.error});
	recorder.dead = true;
}

/* Whether the present call must fail, whatever it changes; errno is set then. */
static bool recorder_is_dead(void)
{
	if (!recorder_is_on() || !recorder.dead)
		return false;
	errno = recorder.trouble.error;
	return true;
}

/* Whether the present call is the chosen one, or must fail with those after it. */
static bool recorder_meets_trouble(void)
{
	int number = recorder.calls++;
	const struct recorder_trouble *trouble = &recorder.trouble;

	if (trouble->trouble <= TROUBLE_LOST_FROM)
		return false;
	if (recorder.dead)
		return true;
	if (number != trouble->number &&
	    !(trouble->trouble == TROUBLE_FAIL_FROM && number > trouble->number))
		return false;
	recorder.troubled = true;
	if (trouble->trouble == TROUBLE_DIES)
		recorder_die();
	return true;
}

/* Ends the process, or returns whether the present call must fail; errno is set then. */
static bool recorder_refuses(void)
{
	if (!recorder_meets_trouble())
		return false;
	if (recorder.trouble.trouble == TROUBLE_KILL)
		kill(getpid(), SIGKILL);
	if (recorder.trouble.trouble >= TROUBLE_SHORT)
		return false;
	errno = recorder.trouble.error;
	return true;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* The linker's names: __real_X is the function of the C library, __wrap_X is called instead. */
#define WRAPPED(result, name, ...)                                                                 \
	result __real_##name(__VA_ARGS__);                                                         \
	result __wrap_##name(__VA_ARGS__);                                                         \
	result __wrap_##name(__VA_ARGS__)

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	const char *name = flags & O_CREAT ? recorder_name(path) : NULL;
	struct stat status;
	mode_t mode = 0;
	va_list arguments;
	int descriptor;

	va_start(arguments, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	if (!(flags & O_CREAT) && faults_refuse(FAULT_READ))
		return -1;
	if (!name || lstat(path, &status) == 0)
		return __real_open64(path, flags, mode);
	MUST(!(flags & O_TRUNC));
	if (recorder_refuses())
		return -1;
	descriptor = __real_open64(path, flags, mode);
	if (descriptor >= 0)
		storage_named(recorder.recording,
			      storage_event(recorder.recording, false, "create %s", name),
			      NAMING_MAKE, "", name, descriptor);
	return descriptor;
}

WRAPPED(ssize_t, pwrite64, int descriptor, const void *bytes, size_t length, off_t offset)
{
	struct stored_file *file = recorder_file(descriptor);
	bool last;
	ssize_t written;

	if (!file)
		return recorder_is_dead() ? -1 : __real_pwrite64(descriptor, bytes, length, offset);
	last = recorder.calls == recorder.trouble.number;
	if (last && recorder.trouble.trouble == TROUBLE_KILL)
		(void)!__real_pwrite64(descriptor, bytes, length / 2, offset);
	if (recorder_refuses())
		return -1;
	if (last && recorder.trouble.trouble == TROUBLE_INTERRUPT) {
		errno = EINTR;
		return -1;
	}
	if (last && recorder.trouble.trouble == TROUBLE_SHORT && length > 1)
		length /= 2;
	storage_keep(file, descriptor, (uint64_t)offset, length);
	written = __real_pwrite64(descriptor, bytes, length, offset);
	if (written > 0)
		storage_wrote(file,
			      storage_event(recorder.recording, false,
					    "write %zu bytes at %lld of %s", length,
					    (long long)offset, recorder_title(file)),
			      (uint64_t)offset, bytes, (uint64_t)written);
	return written;
}

/* Nothing of a folder or an image is written at the descriptor's position. */
WRAPPED(ssize_t, write, int descriptor, const void *bytes, size_t length)
{
	MUST(!recorder_file(descriptor));
	return __real_write(descriptor, bytes, length);
}

static bool recorder_loses_sync(int event)
{
	int number = recorder.syncs++;

	if (recorder.trouble.trouble == TROUBLE_LOST_FROM && number > recorder.trouble.number)
		return true;
	if (number != recorder.trouble.number || (recorder.trouble.trouble != TROUBLE_LOST_SYNC &&
						  recorder.trouble.trouble != TROUBLE_LOST_FROM))
		return false;
	recorder.troubled = true;
	recorder.lost_event = event;
	return true;
}

static int recorder_sync(int descriptor, int (*sync)(int descriptor))
{
	struct stored_file *file = recorder_file(descriptor);
	int number = errno, event;
	bool is_folder =
		recorder_is_on() && !file && storage_is_folder(recorder.recording, descriptor);

	errno = number;
	if (!file && !is_folder)
		return recorder_is_dead() ? -1 : sync(descriptor);
	if (recorder_refuses())
		return -1;
	event = storage_event(recorder.recording, true, "sync %s",
			      file ? recorder_title(file) : "the folder");
	/* The real call would only take time: nothing here cuts the real power. */
	if (!recorder_loses_sync(event))
		storage_synced(recorder.recording, file, event);
	return 0;
}

WRAPPED(int, fsync, int descriptor)
{
	return recorder_sync(descriptor, __real_fsync);
}

WRAPPED(int, fdatasync, int descriptor)
{
	return recorder_sync(descriptor, __real_fdatasync);
}

WRAPPED(int, fallocate64, int descriptor, int mode, off_t offset, off_t length)
{
	struct stored_file *file = recorder_file(descriptor);
	bool punches = mode & FALLOC_FL_PUNCH_HOLE;
	uint64_t start = (uint64_t)offset, size = (uint64_t)length;
	int result, event;

	if (!file)
		return recorder_is_dead() ? -1
					  : __real_fallocate64(descriptor, mode, offset, length);
	if (recorder_refuses())
		return -1;
	storage_keep(file, descriptor, start, size);
	result = __real_fallocate64(descriptor, mode, offset, length);
	if (result < 0)
		return result;
	event = storage_event(recorder.recording, false, "%s %lld bytes at %lld of %s",
			      punches ? "punch" : "reserve", (long long)length, (long long)offset,
			      recorder_title(file));
	if (punches)
		storage_zeroed(file, event, start, size);
	storage_allocated(file, event, start, size, !punches);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && start + size > storage_length(file))
		storage_lengthened(file, event, start + size);
	return result;
}

WRAPPED(int, ftruncate64, int descriptor, off_t length)
{
	struct stored_file *file = recorder_file(descriptor);
	uint64_t end = (uint64_t)length;
	int result, event;

	if (!file)
		return recorder_is_dead() ? -1 : __real_ftruncate64(descriptor, length);
	if (recorder_refuses())
		return -1;
	if (storage_length(file) > end)
		storage_keep(file, descriptor, end, storage_length(file) - end);
	result = __real_ftruncate64(descriptor, length);
	if (result < 0)
		return result;
	event = storage_event(recorder.recording, false, "set the length of %s to %lld",
			      recorder_title(file), (long long)length);
	if (storage_length(file) > end) {
		storage_zeroed(file, event, end, storage_length(file) - end);
		storage_allocated(file, event, end, storage_length(file) - end + STORAGE_BLOCK - 1,
				  false);
	}
	storage_lengthened(file, event, end);
	return result;
}

WRAPPED(int, rename, const char *from, const char *to)
{
	const char *name = recorder_name(from);
	int result;

	if (!name)
		return recorder_is_dead() ? -1 : __real_rename(from, to);
	MUST(recorder_name(to));
	if (recorder_refuses())
		return -1;
	result = __real_rename(from, to);
	if (result == 0)
		storage_named(recorder.recording,
			      storage_event(recorder.recording, false, "rename %s to %s", name,
					    recorder_name(to)),
			      NAMING_RENAME, name, recorder_name(to), -1);
	return result;
}

WRAPPED(int, unlink, const char *path)
{
	const char *name = recorder_name(path);
	int result;

	if (!name)
		return recorder_is_dead() ? -1 : __real_unlink(path);
	if (recorder_refuses())
		return -1;
	result = __real_unlink(path);
	if (result == 0)
		storage_named(recorder.recording,
			      storage_event(recorder.recording, false, "remove %s", name),
			      NAMING_REMOVE, name, "", -1);
	return result;
}

WRAPPED(int, fsetxattr, int descriptor, const char *name, const void *value, size_t size, int flags)
{
	struct stored_file *file = recorder_file(descriptor);
	int result;

	if (!file)
		return recorder_is_dead() ? -1
					  : __real_fsetxattr(descriptor, name, value, size, flags);
	if (recorder_refuses())
		return -1;
	result = __real_fsetxattr(descriptor, name, value, size, flags);
	if (result == 0)
		storage_set(file,
			    storage_event(recorder.recording, false, "set the attribute %s of %s",
					  name, recorder_title(file)),
			    name, value, size);
	return result;
}

WRAPPED(int, fremovexattr, int descriptor, const char *name)
{
	struct stored_file *file = recorder_file(descriptor);
	int result;

	if (!file)
		return recorder_is_dead() ? -1 : __real_fremovexattr(descriptor, name);
	if (recorder_refuses())
		return -1;
	result = __real_fremovexattr(descriptor, name);
	if (result == 0)
		storage_set(file,
			    storage_event(recorder.recording, false,
					  "remove the attribute %s of %s", name,
					  recorder_title(file)),
			    name, NULL, 0);
	return result;
}

/* Without its reports a target compares times.  Closing its group would take milliseconds. */
int __wrap_fanotify_init(unsigned flags, unsigned event_flags);
int __wrap_fanotify_init(unsigned flags, unsigned event_flags)
{
	(void)flags, (void)event_flags;
	errno = ENOSYS;
	return -1;
}
