/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests of commit, recovery and undo: a sparse image in a folder of its own and its fix,
 * and a table of system calls.  At a chosen call, the table can fail, stop, or lose unsynced data.
 *
 * Each suite includes this file once, so each suite has its own copy of the static data.
 */
#ifndef TEST_COMMIT_FIXTURE_H
#define TEST_COMMIT_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "transaction/commit.h"
#include "transaction/journal.h"

#include "support/test.h"

#define KIB        1024u
#define OLD_LENGTH (254u * KIB + 512u) /* not a multiple of the block size */
#define NEW_LENGTH (270u * KIB)
#define SPACE      (300u * KIB)

/* ---- an image and its fix ------------------------------------------------------------------- */

#define SIGNPOST "user.bootshift.undo"

/*
 * Everything that can be seen of a file: its length, its bytes, its holes and its signpost.  The
 * bytes are not in the structure.  If they were static data, the leak check of every test would
 * search them for pointers, and every test would take ten times as long.
 */
struct snapshot {
	size_t length;
	char signpost[256];         /* empty: no signpost */
	uint8_t *bytes;             /* SPACE of them; NULL before snapshot_make() */
	char map[SPACE / 4096 + 1]; /* 'd' or 'h' for each block */
};

struct fixture {
	char folder[64], image[96];
	struct snapshot old, new;
	bool grows;
};

/* Makes an empty snapshot. */
static inline void snapshot_make(struct snapshot *snapshot)
{
	uint8_t *bytes = snapshot->bytes ? snapshot->bytes : malloc(SPACE);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 0, SPACE);
	*snapshot = (struct snapshot){.bytes = bytes};
}

static inline void take_snapshot(const char *path, struct snapshot *snapshot)
{
	int descriptor = open(path, O_RDONLY);

	snapshot_make(snapshot);
	ck_assert_int_ge(descriptor, 0);
	snapshot->length = (size_t)lseek(descriptor, 0, SEEK_END);
	ck_assert_uint_le(snapshot->length, SPACE);
	ck_assert_int_eq(pread(descriptor, snapshot->bytes, SPACE, 0), (ssize_t)snapshot->length);
	for (size_t at = 0; at < snapshot->length; at += 4096)
		snapshot->map[at / 4096] =
			lseek(descriptor, (off_t)at, SEEK_DATA) == (off_t)at ? 'd' : 'h';
	(void)!fgetxattr(descriptor, SIGNPOST, snapshot->signpost, sizeof(snapshot->signpost) - 1);
	close(descriptor);
}

static inline bool same_bytes(const struct snapshot *a, const struct snapshot *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* Whether the image has these bytes and this length. */
static inline bool image_is(const struct fixture *fixture, const struct snapshot *expected)
{
	static struct snapshot now;

	take_snapshot(fixture->image, &now);
	return same_bytes(&now, expected);
}

static inline void fill(int descriptor, size_t offset, size_t length)
{
	uint8_t bytes[64 * KIB];

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((offset + i) * 7 + (offset + i) / 256 + 1);
	ck_assert_int_eq(pwrite(descriptor, bytes, length, (off_t)offset), (ssize_t)length);
}

/* Sets a time that differs from now, even if the clock of the file system is coarse. */
static inline void set_time_to_past(const char *path)
{
	static const struct timespec past[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, past, 0), 0);
}

/*
 * Makes an image of data, a hole, data, and a hole whose end is inside a block, without a signpost.
 * The time of change is in the past, so that a write shows even if the file system keeps whole
 * seconds.
 */
static inline void make_image(const struct fixture *fixture)
{
	int descriptor = open(fixture->image, O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(ftruncate(descriptor, OLD_LENGTH), 0);
	fill(descriptor, 0, 32 * KIB);
	fill(descriptor, 128 * KIB, 48 * KIB);
	(void)!fremovexattr(descriptor, SIGNPOST);
	close(descriptor);
	set_time_to_past(fixture->image);
}

/*
 * Makes the folder in memory if files in memory can have extended attributes.  On a disk, reading
 * with O_DIRECT has to write the data out first, which takes minutes in all.
 */
static inline void make_folder(struct fixture *fixture)
{
	strcpy(fixture->folder, "/dev/shm/test-commit-XXXXXX");
	if (mkdtemp(fixture->folder)) {
		if (setxattr(fixture->folder, "user.test", "", 0, 0) == 0)
			return;
		ck_assert_int_eq(rmdir(fixture->folder), 0);
	}
	strcpy(fixture->folder, "/tmp/test-commit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
}

static inline void fixture_open(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	make_folder(fixture);
	snprintf(fixture->image, sizeof(fixture->image), "%s/disk.img", fixture->folder);
	make_image(fixture);
	take_snapshot(fixture->image, &fixture->old);
	snapshot_make(&fixture->new);
}

static inline void fixture_close(const struct fixture *fixture)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
	ck_assert_int_eq(system(command), 0);
	free(fixture->old.bytes);
	free(fixture->new.bytes);
}

static const struct {
	uint32_t offset, length;
} changes[] = {
	{0, 512},                /* a sector of data */
	{30 * KIB, 6 * KIB},     /* from data into a hole */
	{64 * KIB + 512, 512},   /* a sector in a hole */
	{64 * KIB + 2048, 512},  /* another one in the same block */
	{127 * KIB, 2 * KIB},    /* from a hole into data */
	{140 * KIB + 3, 10},     /* less than a sector */
	{OLD_LENGTH - 512, 512}, /* the end, in a hole */
};

static const struct range zones[] = {{0, 512}, {150 * KIB, 3 * KIB}, {OLD_LENGTH - 700, 700}};

static inline void stage(const struct fixture *fixture, struct overlay *overlay)
{
	uint8_t bytes[8 * KIB];
	struct bs_error err;

	memset(bytes, 0xee, sizeof(bytes));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		ck_assert_int_eq(disk_write(overlay_disk(overlay), changes[i].offset, bytes,
					    changes[i].length, &err),
				 0);
	if (!fixture->grows)
		return;
	ck_assert_int_eq(overlay_resize(overlay, NEW_LENGTH, &err), 0);
	ck_assert_int_eq(
		disk_write(overlay_disk(overlay), NEW_LENGTH - 8 * KIB, bytes, 8 * KIB, &err), 0);
}

/* The real calls, except the syncs: they take long, and no test cuts the real power. */
static inline int no_fsync(int descriptor)
{
	(void)descriptor;
	return 0;
}

static inline const struct transaction_io *quick(const struct transaction_io *io)
{
	static struct transaction_io quick_io;

	quick_io = transaction_real_io;
	quick_io.fsync = no_fsync;
	return io ? io : &quick_io;
}

/* Runs between the staging and the commit, in tests that disturb them. */
typedef void disturbance(const struct fixture *fixture);

static inline struct target *find(const char *image, const char *undo_directory,
				  struct place *place)
{
	struct bs_error err = {BS_OK, ""};
	struct target *target = target_open(image, &err);

	ck_assert_msg(target != NULL, "%s", err.message);
	ck_assert_msg(place_find(target, undo_directory, place, &err) == 0, "%s", err.message);
	return target;
}

static inline void find_end(struct target *target, struct place *place)
{
	place_free(place);
	target_close(target);
}

static inline int fix_disturbed(struct fixture *fixture, const struct transaction_io *io,
				const char *undo_directory, disturbance *disturb, char **undo_file,
				struct bs_error *err)
{
	struct place place;
	struct target *target = find(fixture->image, undo_directory, &place);
	struct commit_result result = {0};
	struct overlay *overlay = overlay_open(target->disk, 1 << 20, NULL, err);
	int status;

	stage(fixture, overlay);
	fixture->new.length = (size_t)disk_size(overlay_disk(overlay));
	ck_assert_int_eq(
		disk_read(overlay_disk(overlay), 0, fixture->new.bytes, fixture->new.length, err),
		0);
	if (disturb)
		disturb(fixture);
	struct commit_request request = {.place = &place,
					 .overlay = overlay,
					 .zones = zones,
					 .zone_count = sizeof(zones) / sizeof(zones[0])};
	target->io = quick(io);
	status = transaction_commit(&request, &result, err);
	if (undo_file)
		*undo_file = strdup(place.journal);
	disk_close(overlay_disk(overlay));
	find_end(target, &place);
	return status;
}

static inline int fix(struct fixture *fixture, const struct transaction_io *io,
		      struct bs_error *err)
{
	return fix_disturbed(fixture, io, NULL, NULL, NULL, err);
}

static inline void fix_well(struct fixture *fixture)
{
	struct bs_error err = {BS_OK, ""};

	ck_assert_msg(fix(fixture, NULL, &err) == 0, "%s", err.message);
}

/* Does what a command does to an image: finds the image, and calls the transaction. */
static inline int undo_telling(const char *image, const char *undo_directory,
			       const struct transaction_io *io, enum undo_outcome *outcome,
			       struct bs_error *err)
{
	struct place place;
	struct target *target = find(image, undo_directory, &place);
	int result;

	target->io = quick(io);
	result = transaction_undo(&place, outcome, err);
	find_end(target, &place);
	return result;
}

static inline int undo(const char *image, const char *undo_directory,
		       const struct transaction_io *io, struct bs_error *err)
{
	enum undo_outcome outcome;

	return undo_telling(image, undo_directory, io, &outcome, err);
}

static inline int recover(const char *image, const char *undo_directory,
			  const struct transaction_io *io, bool *recovered, struct bs_error *err)
{
	struct place place;
	struct target *target = find(image, undo_directory, &place);
	int result;

	target->io = quick(io);
	result = transaction_recover(&place, recovered, err);
	find_end(target, &place);
	return result;
}

static inline int find_state(const char *image, const char *undo_directory,
			     enum transaction_state *state, struct bs_error *err)
{
	struct place place;
	struct target *target = find(image, undo_directory, &place);
	int result = transaction_state(&place, state, err);

	find_end(target, &place);
	return result;
}

static inline enum transaction_state state_of(const struct fixture *fixture)
{
	enum transaction_state state;
	struct bs_error err = {BS_OK, ""};

	ck_assert_msg(find_state(fixture->image, NULL, &state, &err) == 0, "%s", err.message);
	return state;
}

/* Whether the folder has only the image. */
static inline bool folder_is_clean(const struct fixture *fixture)
{
	char command[160];

	snprintf(command, sizeof(command), "test \"$(ls -A '%s')\" = disk.img", fixture->folder);
	return system(command) == 0;
}

static inline void journal_path(const struct fixture *fixture, char *path, size_t size)
{
	snprintf(path, size, "%s.bootshift-undo", fixture->image);
}

/* Whether the image says where the journal of its unfinished transaction is. */
static inline bool has_signpost(const struct fixture *fixture)
{
	return getxattr(fixture->image, SIGNPOST, NULL, 0) > 0;
}

/* Writes one byte into a file. */
static inline void poke(const char *path, off_t offset, uint8_t byte)
{
	int descriptor = open(path, O_WRONLY);

	ck_assert_int_eq(pwrite(descriptor, &byte, 1, offset), 1);
	close(descriptor);
}

/* ---- a table of system calls that misbehaves ------------------------------------------------- */

enum trouble {
	NONE,      /* counts only */
	FAIL_ONCE, /* the chosen call fails; later calls succeed */
	FAIL_FROM, /* the chosen call and all after it fail */
	STOP,      /* the process ends at the chosen call; a write is half done */
	POWER_CUT, /* like STOP, and any sector that was not synced may be lost */
	MEDDLE,    /* before the chosen call, another program does something */
};

static struct {
	enum trouble trouble;
	int number; /* of the chosen call, from 0 */
	int error;
	int failure;  /* index of a call that fails in any case; -1: none */
	int count;    /* calls so far */
	int writes;   /* calls of pwrite so far, on all files */
	bool refused; /* a fault occurred, or another program interfered */
	void (*meddle)(const struct fixture *fixture);
	bool unlinking; /* the chosen call is one of unlink */
	unsigned seed;
	const struct fixture *fixture;
	struct snapshot image, journal; /* as last synced, for POWER_CUT */
} plan = {.failure = -1};

static inline void plan_trouble(const struct fixture *fixture, enum trouble trouble, int number,
				int error)
{
	plan.trouble = trouble;
	plan.number = number;
	plan.error = error;
	plan.count = 0;
	plan.writes = 0;
	plan.refused = plan.unlinking = false;
	plan.seed = (unsigned)number * 2654435761u + 1u;
	plan.fixture = fixture;
	if (trouble == POWER_CUT) {
		snapshot_make(&plan.image);
		snapshot_make(&plan.journal);
	}
}

static inline bool coin(void)
{
	plan.seed = plan.seed * 1103515245u + 12345u;
	return plan.seed >> 16 & 1;
}

static inline void remember_synced(int descriptor)
{
	struct stat image, this;
	struct snapshot *snapshot;

	if (plan.trouble != POWER_CUT || fstat(descriptor, &this) < 0 || !S_ISREG(this.st_mode) ||
	    stat(plan.fixture->image, &image) < 0)
		return;
	snapshot = this.st_ino == image.st_ino ? &plan.image : &plan.journal;
	snapshot->length = (size_t)this.st_size;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	take_snapshot(path, snapshot);
}

/* For each sector, and for the signpost, either the synced or the latest content stays. */
static inline void lose_unsynced(const char *path, const struct snapshot *synced)
{
	static struct snapshot now;
	int descriptor = open(path, O_RDWR);

	if (descriptor < 0)
		return;
	take_snapshot(path, &now);
	for (size_t at = 0; at < SPACE; at += 512)
		if (coin())
			memcpy(now.bytes + at, synced->bytes + at, 512);
	if (coin())
		now.length = synced->length;
	(void)!ftruncate(descriptor, (off_t)now.length);
	(void)!pwrite(descriptor, now.bytes, now.length, 0);
	if (coin() && synced->signpost[0])
		(void)!fsetxattr(descriptor, SIGNPOST, synced->signpost, strlen(synced->signpost),
				 0);
	else if (coin() && !synced->signpost[0])
		(void)!fremovexattr(descriptor, SIGNPOST);
	close(descriptor);
}

static inline void stop_here(void)
{
	char path[128];

	if (plan.trouble == POWER_CUT) {
		journal_path(plan.fixture, path, sizeof(path));
		lose_unsynced(plan.fixture->image, &plan.image);
		lose_unsynced(path, &plan.journal);
	}
	_exit(99);
}

/* Whether this call has to fail; sets errno then. */
static inline bool refuse(void)
{
	int number = plan.count++;

	if ((plan.trouble == STOP || plan.trouble == POWER_CUT) && number == plan.number)
		stop_here();
	if (plan.trouble == MEDDLE && number == plan.number) {
		plan.meddle(plan.fixture);
		plan.refused = true;
	}
	if (number == plan.failure) {
		errno = EIO;
		return true;
	}
	if ((plan.trouble != FAIL_ONCE || number != plan.number) &&
	    (plan.trouble != FAIL_FROM || number < plan.number))
		return false;
	plan.refused = true;
	errno = plan.error;
	return true;
}

static inline int bad_open(const char *path, int flags, mode_t mode)
{
	return refuse() ? -1 : open(path, flags, mode);
}

static inline ssize_t bad_pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
	plan.writes++;
	if (plan.trouble != NONE && plan.trouble != MEDDLE && plan.count == plan.number)
		(void)!pwrite(descriptor, bytes, length / 2 / 512 * 512, offset); /* in part */
	return refuse() ? -1 : pwrite(descriptor, bytes, length, offset);
}

/* Syncs nothing: no test cuts the real power. */
static inline int bad_fsync(int descriptor)
{
	if (refuse())
		return -1;
	remember_synced(descriptor);
	return 0;
}

static inline int bad_fallocate(int descriptor, int mode, off_t offset, off_t length)
{
	return refuse() ? -1 : fallocate(descriptor, mode, offset, length);
}

static inline int bad_ftruncate(int descriptor, off_t length)
{
	return refuse() ? -1 : ftruncate(descriptor, length);
}

static inline int bad_rename(const char *from, const char *to)
{
	return refuse() ? -1 : rename(from, to);
}

static inline int bad_unlink(const char *path)
{
	plan.unlinking |= plan.count == plan.number;
	return refuse() ? -1 : unlink(path);
}

static inline int bad_fsetxattr(int descriptor, const char *name, const void *value, size_t size,
				int flags)
{
	return refuse() ? -1 : fsetxattr(descriptor, name, value, size, flags);
}

static inline int bad_fremovexattr(int descriptor, const char *name)
{
	return refuse() ? -1 : fremovexattr(descriptor, name);
}

static const struct transaction_io bad_io = {
	.open = bad_open,
	.pwrite = bad_pwrite,
	.fsync = bad_fsync,
	.fallocate = bad_fallocate,
	.ftruncate = bad_ftruncate,
	.rename = bad_rename,
	.unlink = bad_unlink,
	.fsetxattr = bad_fsetxattr,
	.fremovexattr = bad_fremovexattr,
};

static inline int accept_fix(const char *image, const char *undo_directory,
			     const struct transaction_io *io, struct bs_error *err)
{
	struct place place;
	struct target *target = find(image, undo_directory, &place);
	uint64_t room;
	int result;

	target->io = quick(io);
	result = transaction_accept(&place, false, &room, err);
	find_end(target, &place);
	return result;
}

/* ---- a stop at a call ------------------------------------------------------------------------ */

enum action { FIX, UNDO, RECOVER, ACCEPT };

/*
 * Runs the action in a process that ends at the chosen call.  False: the action made fewer calls.
 */
static inline bool stopped(struct fixture *fixture, const char *undo_directory, enum action action,
			   enum trouble trouble, int number)
{
	struct bs_error err;
	bool recovered;
	pid_t child = fork();
	int status = 0;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		plan_trouble(fixture, trouble, number, 0);
		if (trouble == POWER_CUT) {
			char journal[128];

			take_snapshot(fixture->image, &plan.image);
			journal_path(fixture, journal, sizeof(journal));
			if (access(journal, F_OK) == 0)
				take_snapshot(journal, &plan.journal);
		}
		if (action == FIX)
			_exit(fix_disturbed(fixture, &bad_io, undo_directory, NULL, NULL, &err) == 0
				      ? 0
				      : 1);
		if (action == UNDO)
			_exit(undo(fixture->image, undo_directory, &bad_io, &err) == 0 ? 0 : 1);
		if (action == ACCEPT)
			_exit(accept_fix(fixture->image, undo_directory, &bad_io, &err) == 0 ? 0
											     : 1);
		_exit(recover(fixture->image, undo_directory, &bad_io, &recovered, &err) == 0 ? 0
											      : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0 || plan.failure >= 0,
		      "call %d", number);
	return WEXITSTATUS(status) == 99;
}

#endif
