/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commit, recovery and undo of real files in a folder of their own: the good way, every system
 * call failing in turn, a stop at every system call, and a power cut that loses what was not
 * synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/file.h"
#include "transaction/commit.h"
#include "transaction/journal.h"
#include "transaction/place.h"

#include <check.h> /* last: it has a macro fail() */

Suite *commit_suite(void);

#define KIB        1024u
#define OLD_LENGTH (254u * KIB + 512u) /* not a multiple of the block size */
#define NEW_LENGTH (270u * KIB)
#define SPACE      (300u * KIB)

/* ---- an image and its fix ------------------------------------------------------------------- */

/* Everything that can be seen of a file: its length, its bytes and its holes. */
struct snapshot {
	size_t length;
	uint8_t bytes[SPACE];
	char map[SPACE / 4096 + 1]; /* 'd' or 'h' for each block */
};

struct fixture {
	char folder[64], image[96];
	struct snapshot old, new;
	bool grows;
};

static void take_snapshot(const char *path, struct snapshot *snapshot)
{
	int descriptor = open(path, O_RDONLY);

	memset(snapshot, 0, sizeof(*snapshot));
	ck_assert_int_ge(descriptor, 0);
	snapshot->length = (size_t)lseek(descriptor, 0, SEEK_END);
	ck_assert_uint_le(snapshot->length, SPACE);
	ck_assert_int_eq(pread(descriptor, snapshot->bytes, SPACE, 0), (ssize_t)snapshot->length);
	for (size_t at = 0; at < snapshot->length; at += 4096)
		snapshot->map[at / 4096] =
			lseek(descriptor, (off_t)at, SEEK_DATA) == (off_t)at ? 'd' : 'h';
	close(descriptor);
}

static bool same_bytes(const struct snapshot *a, const struct snapshot *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* True when the image has these bytes and this length. */
static bool image_is(const struct fixture *fixture, const struct snapshot *expected)
{
	static struct snapshot now;

	take_snapshot(fixture->image, &now);
	return same_bytes(&now, expected);
}

static void fill(int descriptor, size_t offset, size_t length)
{
	uint8_t bytes[64 * KIB];

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((offset + i) * 7 + (offset + i) / 256 + 1);
	ck_assert_int_eq(pwrite(descriptor, bytes, length, (off_t)offset), (ssize_t)length);
}

/* Data, hole, data, and a hole up to an end inside of a block. */
static void make_image(const struct fixture *fixture)
{
	int descriptor = open(fixture->image, O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(ftruncate(descriptor, OLD_LENGTH), 0);
	fill(descriptor, 0, 32 * KIB);
	fill(descriptor, 128 * KIB, 48 * KIB);
	close(descriptor);
}

static void fixture_open(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	strcpy(fixture->folder, "/tmp/test-commit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
	snprintf(fixture->image, sizeof(fixture->image), "%s/disk.img", fixture->folder);
	make_image(fixture);
	take_snapshot(fixture->image, &fixture->old);
}

static void fixture_close(const struct fixture *fixture)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
	ck_assert_int_eq(system(command), 0);
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

static const struct guard_zone zones[] = {{0, 512}, {150 * KIB, 3 * KIB}, {OLD_LENGTH - 700, 700}};

static void stage(const struct fixture *fixture, struct overlay *overlay)
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

/* What stands between the staging and the commit, for tests that disturb it. */
typedef void disturbance(const struct fixture *fixture);

static int fix_disturbed(struct fixture *fixture, const struct transaction_io *io,
			 const char *undo_directory, disturbance *disturb, char **undo_file,
			 struct bs_error *err)
{
	int descriptor = open(fixture->image, O_RDONLY);
	struct commit_result result = {0};
	struct disk *file = file_open(descriptor, err);
	struct overlay *overlay = overlay_open(file, 1 << 20, NULL, err);
	struct stat stat;
	int status;

	ck_assert_int_eq(fstat(descriptor, &stat), 0);
	stage(fixture, overlay);
	fixture->new.length = (size_t)disk_size(overlay_disk(overlay));
	ck_assert_int_eq(
		disk_read(overlay_disk(overlay), 0, fixture->new.bytes, fixture->new.length, err),
		0);
	if (disturb)
		disturb(fixture);
	struct commit_request request = {.image = fixture->image,
					 .staged = descriptor,
					 .stat = &stat,
					 .overlay = overlay,
					 .zones = zones,
					 .zone_count = sizeof(zones) / sizeof(zones[0]),
					 .undo_directory = undo_directory};
	status = transaction_commit(&request, io, &result, err);
	if (undo_file)
		*undo_file = result.undo_file;
	else
		free(result.undo_file);
	disk_close(overlay_disk(overlay));
	disk_close(file);
	close(descriptor);
	return status;
}

static int fix(struct fixture *fixture, const struct transaction_io *io, struct bs_error *err)
{
	return fix_disturbed(fixture, io, NULL, NULL, NULL, err);
}

static void fix_well(struct fixture *fixture)
{
	struct bs_error err = {BS_OK, ""};

	ck_assert_msg(fix(fixture, NULL, &err) == 0, "%s", err.message);
}

static enum transaction_state state_of(const struct fixture *fixture)
{
	enum transaction_state state;
	struct bs_error err = {BS_OK, ""};

	ck_assert_msg(transaction_state(fixture->image, NULL, &state, &err) == 0, "%s",
		      err.message);
	return state;
}

/* The image and nothing else. */
static bool folder_is_clean(const struct fixture *fixture)
{
	char command[160];

	snprintf(command, sizeof(command), "test \"$(ls -A '%s')\" = disk.img", fixture->folder);
	return system(command) == 0;
}

static void journal_path(const struct fixture *fixture, char *path, size_t size)
{
	snprintf(path, size, "%s.bootshift-undo", fixture->image);
}

/* Writes one byte into a file. */
static void poke(const char *path, off_t offset, uint8_t byte)
{
	int descriptor = open(path, O_WRONLY);

	ck_assert_int_eq(pwrite(descriptor, &byte, 1, offset), 1);
	close(descriptor);
}

/* ---- a table of system calls that misbehaves ------------------------------------------------- */

enum trouble {
	NONE,      /* counts only */
	FAIL_ONCE, /* the chosen call fails */
	FAIL_FROM, /* the chosen call and all after it fail */
	STOP,      /* the process ends at the chosen call, a write half done */
	POWER_CUT, /* the same, and of what was not synced any sector may be lost */
};

static struct {
	enum trouble trouble;
	int number; /* of the chosen call, from 0 */
	int error;
	int failure;  /* of a call that fails whatever else is planned; -1 for none */
	int count;    /* calls so far */
	int writes;   /* calls of pwrite so far, whichever file */
	bool refused; /* a fault was met */
	unsigned seed;
	const struct fixture *fixture;
	struct snapshot image, journal; /* as last synced, for the power cut */
} plan = {.failure = -1};

static void plan_trouble(const struct fixture *fixture, enum trouble trouble, int number, int error)
{
	plan.trouble = trouble;
	plan.number = number;
	plan.error = error;
	plan.count = 0;
	plan.writes = 0;
	plan.refused = false;
	plan.seed = (unsigned)number * 2654435761u + 1u;
	plan.fixture = fixture;
}

static bool coin(void)
{
	plan.seed = plan.seed * 1103515245u + 12345u;
	return plan.seed >> 16 & 1;
}

static void remember_synced(int descriptor)
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

/* Of each sector that is not as it was when last synced, the old or the new bytes stay. */
static void lose_unsynced(const char *path, const struct snapshot *synced)
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
	close(descriptor);
}

static void stop_here(void)
{
	char path[128];

	if (plan.trouble == POWER_CUT) {
		journal_path(plan.fixture, path, sizeof(path));
		lose_unsynced(plan.fixture->image, &plan.image);
		lose_unsynced(path, &plan.journal);
	}
	_exit(99);
}

/* True when this call is to fail, with errno set. */
static bool refuse(void)
{
	int number = plan.count++;

	if ((plan.trouble == STOP || plan.trouble == POWER_CUT) && number == plan.number)
		stop_here();
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

static int bad_open(const char *path, int flags, mode_t mode)
{
	return refuse() ? -1 : open(path, flags, mode);
}

static ssize_t bad_pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
	plan.writes++;
	if (plan.trouble != NONE && plan.count == plan.number)
		(void)!pwrite(descriptor, bytes, length / 2 / 512 * 512, offset); /* in part */
	return refuse() ? -1 : pwrite(descriptor, bytes, length, offset);
}

/* Syncs nothing: no test cuts the real power. */
static int bad_fsync(int descriptor)
{
	if (refuse())
		return -1;
	remember_synced(descriptor);
	return 0;
}

static int bad_fallocate(int descriptor, int mode, off_t offset, off_t length)
{
	return refuse() ? -1 : fallocate(descriptor, mode, offset, length);
}

static int bad_ftruncate(int descriptor, off_t length)
{
	return refuse() ? -1 : ftruncate(descriptor, length);
}

static int bad_rename(const char *from, const char *to)
{
	return refuse() ? -1 : rename(from, to);
}

static int bad_unlink(const char *path)
{
	return refuse() ? -1 : unlink(path);
}

static const struct transaction_io bad_io = {
	.open = bad_open,
	.pwrite = bad_pwrite,
	.fsync = bad_fsync,
	.fallocate = bad_fallocate,
	.ftruncate = bad_ftruncate,
	.rename = bad_rename,
	.unlink = bad_unlink,
};

/* ---- the good way ---------------------------------------------------------------------------- */

static void check_fix_and_undo(bool grows)
{
	static struct fixture fixture;
	static struct snapshot now;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fixture.grows = grows;
	fix_well(&fixture);
	ck_assert(image_is(&fixture, &fixture.new));
	ck_assert(!image_is(&fixture, &fixture.old));
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	ck_assert_msg(transaction_undo(fixture.image, NULL, NULL, &err) == 0, "%s", err.message);
	ck_assert(image_is(&fixture, &fixture.old));
	take_snapshot(fixture.image, &now);
	ck_assert_str_eq(now.map, fixture.old.map);
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

START_TEST(undo_restores_a_sparse_file_with_its_holes)
{
	check_fix_and_undo(false);
}
END_TEST

START_TEST(undo_restores_the_length_of_a_file_that_grew)
{
	check_fix_and_undo(true);
}
END_TEST

START_TEST(undo_gives_back_the_space_that_the_fix_took)
{
	static struct fixture fixture;
	struct stat before, after;
	struct bs_error err;

	fixture_open(&fixture);
	fixture.grows = true;
	sync();
	ck_assert_int_eq(stat(fixture.image, &before), 0);
	fix_well(&fixture);
	ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert_int_eq(stat(fixture.image, &after), 0);
	/* One block more at most: ext4 keeps the index block that many extents needed. */
	ck_assert_int_le(after.st_blocks, before.st_blocks + 8);
	fixture_close(&fixture);
}
END_TEST

START_TEST(the_undo_file_lies_in_the_undo_directory)
{
	static struct fixture fixture;
	char *undo_file = NULL, folder[96];
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	snprintf(folder, sizeof(folder), "%s/undo", fixture.folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_int_eq(fix_disturbed(&fixture, NULL, folder, NULL, &undo_file, &err), 0);
	ck_assert_int_eq(strncmp(undo_file, folder, strlen(folder)), 0);
	ck_assert_ptr_nonnull(strstr(undo_file, "/disk.img-"));
	ck_assert_int_eq(access(undo_file, F_OK), 0);
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_NONE);
	ck_assert_int_eq(transaction_undo(fixture.image, folder, NULL, &err), 0);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert_int_ne(access(undo_file, F_OK), 0);
	free(undo_file);
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_symbolic_link_leads_to_the_same_undo_file)
{
	static struct fixture fixture;
	char link[128];
	struct bs_error err;

	fixture_open(&fixture);
	fix_well(&fixture);
	snprintf(link, sizeof(link), "%s/link", fixture.folder);
	ck_assert_int_eq(symlink(fixture.image, link), 0);
	ck_assert_int_eq(transaction_undo(link, NULL, NULL, &err), 0);
	ck_assert(image_is(&fixture, &fixture.old));
	fixture_close(&fixture);
}
END_TEST

/* ---- refusals: the image and the journal stay as they are ------------------------------------ */

static void check_fix_refused(disturbance *disturb, enum bs_code code)
{
	static struct fixture fixture;
	static struct snapshot disturbed;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	ck_assert_int_lt(fix_disturbed(&fixture, NULL, NULL, disturb, NULL, &err), 0);
	ck_assert_msg(err.code == code, "%s", err.message);
	take_snapshot(fixture.image, &disturbed);
	ck_assert(!same_bytes(&disturbed, &fixture.new));
	chmod(fixture.image, 0600);
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

static void write_a_byte(const struct fixture *fixture)
{
	poke(fixture->image, 200 * KIB, 1);
}

static void replace(const struct fixture *fixture)
{
	ck_assert_int_eq(unlink(fixture->image), 0);
	make_image(fixture);
}

static void make_read_only(const struct fixture *fixture)
{
	ck_assert_int_eq(chmod(fixture->image, 0400), 0);
}

START_TEST(a_fix_is_refused_when_the_image_was_written_meanwhile)
{
	check_fix_refused(write_a_byte, BS_CHANGED_MEANWHILE);
}
END_TEST

START_TEST(a_fix_is_refused_when_the_image_was_replaced_meanwhile)
{
	check_fix_refused(replace, BS_CHANGED_MEANWHILE);
}
END_TEST

START_TEST(a_fix_of_a_read_only_image_is_refused)
{
	check_fix_refused(make_read_only, BS_READ_ONLY);
}
END_TEST

START_TEST(a_second_fix_does_not_destroy_the_undo_file)
{
	static struct fixture fixture;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fix_well(&fixture);
	ck_assert_int_lt(fix(&fixture, NULL, &err), 0);
	ck_assert_int_eq(err.code, BS_UNDO_FILE_EXISTS);
	ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert(image_is(&fixture, &fixture.old));
	fixture_close(&fixture);
}
END_TEST

START_TEST(undo_without_an_undo_file_says_so)
{
	static struct fixture fixture;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	ck_assert_int_lt(transaction_undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert_int_eq(err.code, BS_NO_UNDO_FILE);
	fixture_close(&fixture);
}
END_TEST

static void check_undo_refused(off_t offset, enum bs_code code)
{
	static struct fixture fixture;
	static struct snapshot changed;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fix_well(&fixture);
	poke(fixture.image, offset, 0x55);
	take_snapshot(fixture.image, &changed);
	plan_trouble(&fixture, NONE, 0, 0);
	if (transaction_undo(fixture.image, NULL, &bad_io, &err) == 0)
		err.code = BS_OK;
	ck_assert_int_eq(err.code, code);
	if (code != BS_OK) {
		ck_assert_int_eq(plan.writes, 0);
		ck_assert(image_is(&fixture, &changed));
		ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	}
	fixture_close(&fixture);
}

START_TEST(undo_is_refused_when_a_changed_range_was_written_since)
{
	check_undo_refused(31 * KIB, BS_CHANGED_SINCE);
}
END_TEST

START_TEST(undo_is_refused_when_a_guard_zone_was_written_since)
{
	check_undo_refused(152 * KIB, BS_CHANGED_SINCE);
}
END_TEST

START_TEST(undo_is_refused_when_the_length_changed_since)
{
	check_undo_refused(OLD_LENGTH, BS_CHANGED_SINCE);
}
END_TEST

START_TEST(undo_leaves_alone_what_neither_the_fix_nor_a_guard_zone_touched)
{
	check_undo_refused(170 * KIB, BS_OK);
}
END_TEST

START_TEST(a_damaged_journal_writes_nothing)
{
	static struct fixture fixture;
	static struct snapshot before;
	struct bs_error err = {BS_OK, ""};
	char journal[128];

	fixture_open(&fixture);
	fix_well(&fixture);
	take_snapshot(fixture.image, &before);
	journal_path(&fixture, journal, sizeof(journal));
	poke(journal, JOURNAL_FIRST_RECORD + 300, 0x55);
	plan_trouble(&fixture, NONE, 0, 0);
	ck_assert_int_lt(transaction_undo(fixture.image, NULL, &bad_io, &err), 0);
	ck_assert_int_eq(err.code, BS_JOURNAL_DAMAGED);
	ck_assert_int_eq(plan.writes, 0);
	ck_assert(image_is(&fixture, &before));
	fixture_close(&fixture);
}
END_TEST

/* ---- every call failing ---------------------------------------------------------------------- */

/* The image is old, and nothing is left beside it, or what is left is taken away by recovery. */
static void check_old_after_recovery(const struct fixture *fixture)
{
	struct bs_error err = {BS_OK, ""};
	bool recovered;

	ck_assert_msg(transaction_recover(fixture->image, NULL, NULL, &recovered, &err) == 0,
		      "call %d: %s", plan.number, err.message);
	ck_assert_msg(image_is(fixture, &fixture->old), "call %d", plan.number);
	ck_assert(folder_is_clean(fixture));
}

START_TEST(a_fix_with_one_failing_call_is_wholly_done_or_not_at_all)
{
	static const int errors[] = {ENOSPC, EIO, EOPNOTSUPP};
	static struct fixture fixture;

	fixture_open(&fixture);
	fixture.grows = true;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};

		make_image(&fixture);
		plan_trouble(&fixture, FAIL_ONCE, number, errors[_i]);
		if (fix(&fixture, &bad_io, &err) == 0) {
			ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
			ck_assert(image_is(&fixture, &fixture.new));
			ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
		} else {
			ck_assert_msg(image_is(&fixture, &fixture.old), "call %d: %s", number,
				      err.message);
			ck_assert_int_eq(err.code, errors[_i] == ENOSPC ? BS_NO_SPACE : BS_IO);
			ck_assert_int_ne(state_of(&fixture), TRANSACTION_INTERRUPTED);
			ck_assert_int_ne(state_of(&fixture), TRANSACTION_APPLIED);
		}
		check_old_after_recovery(&fixture);
		if (!plan.refused)
			break;
	}
	ck_assert_int_gt(plan.count, 20);
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_fix_on_storage_that_fails_for_good_can_be_recovered_later)
{
	static struct fixture fixture;

	fixture_open(&fixture);
	fixture.grows = true;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};

		make_image(&fixture);
		plan_trouble(&fixture, FAIL_FROM, number, EIO);
		if (fix(&fixture, &bad_io, &err) == 0)
			break;
		if (err.code != BS_RECOVERY_REQUIRED)
			ck_assert_msg(image_is(&fixture, &fixture.old), "call %d: %s", number,
				      err.message);
		if (state_of(&fixture) == TRANSACTION_APPLIED) {
			/* Only the sync of the mark failed: it may be durable or not. */
			ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
			ck_assert(image_is(&fixture, &fixture.new));
			ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
		}
		check_old_after_recovery(&fixture);
	}
	fixture_close(&fixture);
}
END_TEST

START_TEST(an_undo_with_a_failing_call_can_be_done_again)
{
	static const enum trouble troubles[] = {FAIL_ONCE, FAIL_FROM};
	static struct fixture fixture;

	fixture_open(&fixture);
	fixture.grows = true;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};
		int status;

		make_image(&fixture);
		fix_well(&fixture);
		plan_trouble(&fixture, troubles[_i], number, EIO);
		status = transaction_undo(fixture.image, NULL, &bad_io, &err);
		if (status == 0)
			ck_assert(image_is(&fixture, &fixture.old));
		else if (err.code != BS_RECOVERY_REQUIRED)
			ck_assert_msg(image_is(&fixture, &fixture.new), "call %d: %s", number,
				      err.message);
		if (state_of(&fixture) == TRANSACTION_APPLIED)
			ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
		check_old_after_recovery(&fixture);
		if (status == 0 && !plan.refused)
			break;
	}
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_write_or_sync_that_failed_in_a_roll_back_asks_for_recovery)
{
	static struct fixture fixture;
	bool seen = false;

	fixture_open(&fixture);
	for (int number = 0; !seen; number++) {
		struct bs_error err = {BS_OK, ""};

		make_image(&fixture);
		plan_trouble(&fixture, FAIL_FROM, number, EIO);
		ck_assert_int_lt(fix(&fixture, &bad_io, &err), 0);
		seen = err.code == BS_RECOVERY_REQUIRED;
		if (seen) {
			ck_assert_int_eq(state_of(&fixture), TRANSACTION_INTERRUPTED);
			ck_assert_int_lt(fix(&fixture, NULL, &err), 0);
			ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
		}
		check_old_after_recovery(&fixture);
	}
	fixture_close(&fixture);
}
END_TEST

/* ---- a stop at every call -------------------------------------------------------------------- */

enum action { FIX, UNDO, RECOVER };

/* In a process of its own, that ends at the chosen call; false when it met no such call. */
static bool stopped(struct fixture *fixture, enum action action, enum trouble trouble, int number)
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
			_exit(fix(fixture, &bad_io, &err) == 0 ? 0 : 1);
		if (action == UNDO)
			_exit(transaction_undo(fixture->image, NULL, &bad_io, &err) == 0 ? 0 : 1);
		_exit(transaction_recover(fixture->image, NULL, &bad_io, &recovered, &err) == 0
			      ? 0
			      : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0 || plan.failure >= 0,
		      "call %d", number);
	return WEXITSTATUS(status) == 99;
}

START_TEST(a_stop_at_any_call_of_a_fix_leaves_old_or_new)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	struct bs_error err;
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	fix_well(&fixture); /* to know what new is */
	ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
	for (int number = 0; more; number++) {
		make_image(&fixture);
		more = stopped(&fixture, FIX, troubles[_i], number);
		plan.number = number;
		if (state_of(&fixture) == TRANSACTION_APPLIED) {
			ck_assert_msg(image_is(&fixture, &fixture.new), "call %d", number);
			ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
		}
		check_old_after_recovery(&fixture);
	}
	fixture_close(&fixture);
}
END_TEST

/* The mark may have reached the storage although its sync failed. */
START_TEST(a_stop_in_the_roll_back_of_a_failed_mark_leaves_old_or_new)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	struct bs_error err;
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	plan_trouble(&fixture, NONE, 0, 0);
	ck_assert_int_eq(fix(&fixture, &bad_io, &err), 0);
	plan.failure = plan.count - 1; /* the sync of the mark is the last call */
	ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
	for (int number = plan.failure + 1; more; number++) {
		make_image(&fixture);
		more = stopped(&fixture, FIX, troubles[_i], number);
		plan.number = number;
		if (state_of(&fixture) == TRANSACTION_APPLIED) {
			ck_assert_msg(image_is(&fixture, &fixture.new), "call %d", number);
			ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
		}
		check_old_after_recovery(&fixture);
	}
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_stop_at_any_call_of_an_undo_leaves_old_or_new)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	struct bs_error err;
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	for (int number = 0; more; number++) {
		make_image(&fixture);
		fix_well(&fixture);
		more = stopped(&fixture, UNDO, troubles[_i], number);
		plan.number = number;
		if (state_of(&fixture) == TRANSACTION_APPLIED) {
			ck_assert_msg(image_is(&fixture, &fixture.new), "call %d", number);
			ck_assert_int_eq(transaction_undo(fixture.image, NULL, NULL, &err), 0);
		}
		check_old_after_recovery(&fixture);
	}
	fixture_close(&fixture);
}
END_TEST

/* Leaves a fix stopped where every range has been written: the most there is to take back. */
static void interrupt(struct fixture *fixture)
{
	struct bs_error err;
	char journal[128];
	int number = 0;

	journal_path(fixture, journal, sizeof(journal));
	fix_well(fixture); /* to know what new is */
	ck_assert_int_eq(transaction_undo(fixture->image, NULL, NULL, &err), 0);
	do {
		unlink(journal);
		make_image(fixture);
		ck_assert(stopped(fixture, FIX, STOP, number++));
	} while (state_of(fixture) != TRANSACTION_INTERRUPTED || !image_is(fixture, &fixture->new));
}

static void copy(const char *from, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "cp -p '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(a_stop_at_any_call_of_a_recovery_can_be_recovered)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	char journal[128], image_copy[160], journal_copy[160];
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	interrupt(&fixture);
	journal_path(&fixture, journal, sizeof(journal));
	snprintf(image_copy, sizeof(image_copy), "%s.image", fixture.folder);
	snprintf(journal_copy, sizeof(journal_copy), "%s.journal", fixture.folder);
	copy(fixture.image, image_copy);
	copy(journal, journal_copy);
	for (int number = 0; more; number++) {
		copy(image_copy, fixture.image);
		copy(journal_copy, journal);
		more = stopped(&fixture, RECOVER, troubles[_i], number);
		plan.number = number;
		check_old_after_recovery(&fixture);
	}
	unlink(image_copy);
	unlink(journal_copy);
	fixture_close(&fixture);
}
END_TEST

START_TEST(recovery_restores_the_holes_as_well)
{
	static struct fixture fixture;
	static struct snapshot now;

	fixture_open(&fixture);
	fixture.grows = true;
	interrupt(&fixture);
	check_old_after_recovery(&fixture);
	take_snapshot(fixture.image, &now);
	ck_assert_str_eq(now.map, fixture.old.map);
	fixture_close(&fixture);
}
END_TEST

static void check_recovery_refused(off_t offset, bool in_journal, enum bs_code code)
{
	static struct fixture fixture;
	static struct snapshot changed;
	struct bs_error err = {BS_OK, ""};
	char journal[128];
	bool recovered;

	fixture_open(&fixture);
	interrupt(&fixture);
	journal_path(&fixture, journal, sizeof(journal));
	poke(in_journal ? journal : fixture.image, offset, 0x55);
	take_snapshot(fixture.image, &changed);
	plan_trouble(&fixture, NONE, 0, 0);
	ck_assert_int_lt(transaction_recover(fixture.image, NULL, &bad_io, &recovered, &err), 0);
	ck_assert_msg(err.code == code, "%s", err.message);
	ck_assert(!recovered);
	ck_assert_int_eq(plan.count, 0);
	ck_assert(image_is(&fixture, &changed));
	ck_assert_int_eq(access(journal, F_OK), 0);
	fixture_close(&fixture);
}

START_TEST(recovery_refuses_an_image_with_foreign_sectors)
{
	check_recovery_refused(31 * KIB, false, BS_CHANGED_SINCE);
}
END_TEST

START_TEST(recovery_refuses_an_image_whose_guard_zone_was_written)
{
	check_recovery_refused(152 * KIB, false, BS_CHANGED_SINCE);
}
END_TEST

START_TEST(recovery_refuses_an_image_of_another_length)
{
	check_recovery_refused(OLD_LENGTH + 100, false, BS_CHANGED_SINCE);
}
END_TEST

START_TEST(recovery_from_a_damaged_journal_writes_nothing)
{
	check_recovery_refused(JOURNAL_FIRST_RECORD + 300, true, BS_JOURNAL_DAMAGED);
}
END_TEST

START_TEST(recovery_removes_a_temporary_journal_and_nothing_else)
{
	static struct fixture fixture;
	struct bs_error err;
	char temporary[128];
	bool recovered = true;
	int descriptor;

	fixture_open(&fixture);
	snprintf(temporary, sizeof(temporary), "%s.bootshift-undo.tmp", fixture.image);
	descriptor = open(temporary, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(descriptor, 0);
	close(descriptor);
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_NONE);
	ck_assert_int_eq(transaction_recover(fixture.image, NULL, NULL, &recovered, &err), 0);
	ck_assert(!recovered);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}
END_TEST

START_TEST(recovery_does_not_touch_a_fix_that_was_applied)
{
	static struct fixture fixture;
	struct bs_error err;
	bool recovered = true;

	fixture_open(&fixture);
	fix_well(&fixture);
	ck_assert_int_eq(transaction_recover(fixture.image, NULL, NULL, &recovered, &err), 0);
	ck_assert(!recovered);
	ck_assert(image_is(&fixture, &fixture.new));
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	fixture_close(&fixture);
}
END_TEST

Suite *commit_suite(void)
{
	Suite *suite = suite_create("commit");
	TCase *good = tcase_create("good"), *refused = tcase_create("refused");
	TCase *failing = tcase_create("failing"), *stop = tcase_create("stopped");

	tcase_add_test(good, undo_restores_a_sparse_file_with_its_holes);
	tcase_add_test(good, undo_restores_the_length_of_a_file_that_grew);
	tcase_add_test(good, undo_gives_back_the_space_that_the_fix_took);
	tcase_add_test(good, the_undo_file_lies_in_the_undo_directory);
	tcase_add_test(good, a_symbolic_link_leads_to_the_same_undo_file);
	suite_add_tcase(suite, good);
	tcase_add_test(refused, a_fix_is_refused_when_the_image_was_written_meanwhile);
	tcase_add_test(refused, a_fix_is_refused_when_the_image_was_replaced_meanwhile);
	tcase_add_test(refused, a_fix_of_a_read_only_image_is_refused);
	tcase_add_test(refused, a_second_fix_does_not_destroy_the_undo_file);
	tcase_add_test(refused, undo_without_an_undo_file_says_so);
	tcase_add_test(refused, undo_is_refused_when_a_changed_range_was_written_since);
	tcase_add_test(refused, undo_is_refused_when_a_guard_zone_was_written_since);
	tcase_add_test(refused, undo_is_refused_when_the_length_changed_since);
	tcase_add_test(refused, undo_leaves_alone_what_neither_the_fix_nor_a_guard_zone_touched);
	tcase_add_test(refused, a_damaged_journal_writes_nothing);
	suite_add_tcase(suite, refused);
	tcase_set_timeout(failing, 120);
	tcase_add_loop_test(failing, a_fix_with_one_failing_call_is_wholly_done_or_not_at_all, 0,
			    3);
	tcase_add_test(failing, a_fix_on_storage_that_fails_for_good_can_be_recovered_later);
	tcase_add_loop_test(failing, an_undo_with_a_failing_call_can_be_done_again, 0, 2);
	tcase_add_test(failing, a_write_or_sync_that_failed_in_a_roll_back_asks_for_recovery);
	suite_add_tcase(suite, failing);
	tcase_set_timeout(stop, 120);
	tcase_add_loop_test(stop, a_stop_at_any_call_of_a_fix_leaves_old_or_new, 0, 2);
	tcase_add_loop_test(stop, a_stop_in_the_roll_back_of_a_failed_mark_leaves_old_or_new, 0, 2);
	tcase_add_loop_test(stop, a_stop_at_any_call_of_an_undo_leaves_old_or_new, 0, 2);
	tcase_add_loop_test(stop, a_stop_at_any_call_of_a_recovery_can_be_recovered, 0, 2);
	tcase_add_test(stop, recovery_restores_the_holes_as_well);
	tcase_add_test(stop, recovery_refuses_an_image_with_foreign_sectors);
	tcase_add_test(stop, recovery_refuses_an_image_whose_guard_zone_was_written);
	tcase_add_test(stop, recovery_refuses_an_image_of_another_length);
	tcase_add_test(stop, recovery_from_a_damaged_journal_writes_nothing);
	tcase_add_test(stop, recovery_removes_a_temporary_journal_and_nothing_else);
	tcase_add_test(stop, recovery_does_not_touch_a_fix_that_was_applied);
	suite_add_tcase(suite, stop);
	return suite;
}
