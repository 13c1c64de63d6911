/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commit, recovery and undo of real files with failures: each system call fails in turn, the
 * process stops at each call, and a power cut loses unsynced data.
 */
#include <limits.h>

#include "commit-fixture.h"

/* ---- every call fails ------------------------------------------------------------------------ */

/* The image is old.  Nothing is left beside it, or recovery removes what is left. */
static void check_old_after_recovery(const struct fixture *fixture)
{
	struct bs_error err = {BS_OK, ""};
	bool recovered;

	ck_assert_msg(recover(fixture->image, NULL, NULL, &recovered, &err) == 0, "call %d: %s",
		      plan.number, err.message);
	ck_assert_msg(image_is(fixture, &fixture->old), "call %d", plan.number);
	ck_assert(folder_is_clean(fixture));
	ck_assert_msg(!has_signpost(fixture), "call %d", plan.number);
}

TEST_CASE(failing, "failing");

TEST_LOOP(failing, a_fix_with_one_failing_call_is_wholly_done_or_not_at_all, 0, 3)
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
			ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
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

TEST(failing, a_fix_on_storage_that_fails_for_good_can_be_recovered_later)
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
			/* Only the sync of the mark failed, so the mark may be durable or not. */
			ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
			ck_assert(image_is(&fixture, &fixture.new));
			ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
		}
		check_old_after_recovery(&fixture);
	}
	fixture_close(&fixture);
}

TEST_LOOP(failing, an_undo_with_a_failing_call_can_be_done_again, 0, 2)
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
		status = undo(fixture.image, NULL, &bad_io, &err);
		if (status == 0)
			ck_assert(image_is(&fixture, &fixture.old));
		else if (err.code != BS_RECOVERY_REQUIRED)
			ck_assert_msg(image_is(&fixture, &fixture.new), "call %d: %s", number,
				      err.message);
		if (state_of(&fixture) == TRANSACTION_APPLIED)
			ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
		check_old_after_recovery(&fixture);
		if (status == 0 && !plan.refused)
			break;
	}
	fixture_close(&fixture);
}

TEST(failing, a_write_or_sync_that_failed_in_a_roll_back_asks_for_recovery)
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

static int good_syncs;      /* how many syncs succeed before all fail */
static int syncs_at_unlink; /* how many of these were left at the last removal of a file */

static int sync_for_a_while(int descriptor)
{
	(void)descriptor;
	errno = EIO;
	return good_syncs-- > 0 ? 0 : -1;
}

static int unlink_and_note(const char *path)
{
	syncs_at_unlink = good_syncs;
	return unlink(path);
}

/*
 * An undo ends with two syncs: of the mark DONE, and of the folder after the removal of the undo file.
 * One of them is enough.
 */
TEST(failing, an_undo_that_makes_neither_its_mark_nor_the_removal_durable_is_not_done)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};
	int before_removal;

	fixture_open(&fixture);
	io.fsync = sync_for_a_while;
	io.unlink = unlink_and_note;
	fix_well(&fixture);
	good_syncs = INT_MAX;
	ck_assert_int_eq(undo(fixture.image, NULL, &io, &err), 0);
	before_removal = INT_MAX - syncs_at_unlink;
	for (int lost = 1; lost <= 2; lost++) {
		fix_well(&fixture);
		good_syncs = before_removal + 1 - lost;
		ck_assert_int_eq(undo(fixture.image, NULL, &io, &err), lost == 1 ? 0 : -1);
		ck_assert(image_is(&fixture, &fixture.old));
	}
	ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
	fixture_close(&fixture);
}

#define LARGE (3u << 20) /* the undo file of such a fix is written piece by piece */

static int writes_left;

static ssize_t write_without_room(int descriptor, const void *bytes, size_t length, off_t offset)
{
	if (writes_left-- != 0)
		return pwrite(descriptor, bytes, length, offset);
	errno = ENOSPC;
	return -1;
}

/* Returns the code of a fix that changes all of an image; each write but one succeeds. */
static enum bs_code fix_large(const char *image, int good_writes)
{
	struct bs_error err = {BS_OK, ""};
	struct commit_result ignored;
	struct place place;
	struct target *target = find(image, NULL, &place);
	struct overlay *overlay = overlay_open(target->disk, 2 * LARGE, NULL, &err);
	struct commit_request request = {.place = &place, .overlay = overlay};
	struct transaction_io io = transaction_real_io;
	uint8_t *bytes = calloc(1, LARGE);

	io.pwrite = write_without_room;
	writes_left = good_writes;
	target->io = quick(&io);
	ck_assert_int_eq(disk_write(overlay_disk(overlay), 0, bytes, LARGE, &err), 0);
	(void)!transaction_commit(&request, &ignored, &err);
	free(bytes);
	disk_close(overlay_disk(overlay));
	find_end(target, &place);
	return err.code;
}

TEST(failing, no_room_for_a_piece_of_a_long_undo_file_is_told_as_that)
{
	static struct fixture fixture;
	char command[160];
	int number = 0;

	fixture_open(&fixture);
	snprintf(command, sizeof(command), "head -c %u /dev/zero | tr '\\0' x >'%s'", LARGE,
		 fixture.image);
	for (enum bs_code code = BS_NO_SPACE; code != BS_OK; number++) {
		ck_assert_int_eq(system(command), 0);
		code = fix_large(fixture.image, number);
		ck_assert(code == BS_NO_SPACE || code == BS_OK);
	}
	ck_assert_int_gt(number, 4);
	fixture_close(&fixture);
}

static ssize_t write_nothing(int descriptor, const void *bytes, size_t length, off_t offset)
{
	(void)descriptor, (void)bytes, (void)length, (void)offset;
	errno = ENOSPC; /* of an earlier call */
	return 0;
}

TEST(failing, a_write_that_makes_no_progress_is_an_error_of_its_own)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	io.pwrite = write_nothing;
	ck_assert_int_eq(fix(&fixture, &io, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	check_old_after_recovery(&fixture);
	fixture_close(&fixture);
}

static int open_no_folder(const char *path, int flags, mode_t mode)
{
	if (!(flags & O_DIRECTORY))
		return open(path, flags, mode);
	errno = EIO;
	return -1;
}

/* The name of the undo file might be lost in a power cut, and the image could not be made old again. */
TEST(failing, a_fix_is_taken_back_if_the_folder_of_its_undo_file_cannot_be_synced)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	io.open = open_no_folder;
	ck_assert_int_eq(fix(&fixture, &io, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ck_assert(strstr(err.message, "cannot open folder"));
	check_old_after_recovery(&fixture);
	fixture_close(&fixture);
}

/* ---- a stop at every call -------------------------------------------------------------------- */

TEST_CASE(stopped_tests, "stopped", .tags = "stops");

/*
 * Stops at a call, checks that the image is old or new, and undoes.  False: there is no such call.
 */
static bool stop_and_recover(struct fixture *fixture, enum action action, enum trouble trouble,
			     int number)
{
	bool more = stopped(fixture, NULL, action, trouble, number);
	struct bs_error err;

	plan.number = number;
	if (state_of(fixture) == TRANSACTION_APPLIED) {
		ck_assert_msg(image_is(fixture, &fixture->new), "call %d", number);
		ck_assert_int_eq(undo(fixture->image, NULL, NULL, &err), 0);
	}
	check_old_after_recovery(fixture);
	return more;
}

TEST_LOOP(stopped_tests, a_stop_at_any_call_of_a_fix_leaves_old_or_new, 0, 2)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	struct bs_error err;
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	fix_well(&fixture); /* to know the new image */
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
	for (int number = 0; more; number++) {
		make_image(&fixture);
		more = stop_and_recover(&fixture, FIX, troubles[_i], number);
	}
	fixture_close(&fixture);
}

/* The mark may have reached the storage although its sync failed. */
TEST_LOOP(stopped_tests, a_stop_in_the_roll_back_of_a_failed_mark_leaves_old_or_new, 0, 2)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	struct bs_error err;
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	plan_trouble(&fixture, NONE, 0, 0);
	ck_assert_int_eq(fix(&fixture, &bad_io, &err), 0);
	plan.failure = plan.count - 1; /* the sync of the mark */
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
	for (int number = plan.failure + 1; more; number++) {
		make_image(&fixture);
		more = stop_and_recover(&fixture, FIX, troubles[_i], number);
	}
	fixture_close(&fixture);
}

TEST_LOOP(stopped_tests, a_stop_at_any_call_of_an_undo_leaves_old_or_new, 0, 2)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	for (int number = 0; more; number++) {
		make_image(&fixture);
		fix_well(&fixture);
		more = stop_and_recover(&fixture, UNDO, troubles[_i], number);
	}
	fixture_close(&fixture);
}

/* Stops a fix after all ranges have been written, so that recovery has most to undo. */
static void interrupt(struct fixture *fixture)
{
	struct bs_error err;
	char journal[128];
	int number = 0;

	journal_path(fixture, journal, sizeof(journal));
	fix_well(fixture); /* to know the new image */
	ck_assert_int_eq(undo(fixture->image, NULL, NULL, &err), 0);
	do {
		unlink(journal);
		make_image(fixture);
		ck_assert(stopped(fixture, NULL, FIX, STOP, number++));
	} while (state_of(fixture) != TRANSACTION_INTERRUPTED || !image_is(fixture, &fixture->new));
}

static void copy(const char *from, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "cp -p '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
}

/* A copy of an interrupted fix, so that a test can recover it many times. */
struct saved {
	char image[128], journal[128];
	char image_copy[160], journal_copy[160];
};

static void saved_take(struct saved *saved, const struct fixture *fixture)
{
	strcpy(saved->image, fixture->image);
	journal_path(fixture, saved->journal, sizeof(saved->journal));
	snprintf(saved->image_copy, sizeof(saved->image_copy), "%s.image", fixture->folder);
	snprintf(saved->journal_copy, sizeof(saved->journal_copy), "%s.journal", fixture->folder);
	copy(saved->image, saved->image_copy);
	copy(saved->journal, saved->journal_copy);
}

static void saved_put_back(const struct saved *saved)
{
	copy(saved->image_copy, saved->image);
	copy(saved->journal_copy, saved->journal);
}

static void saved_remove(const struct saved *saved)
{
	unlink(saved->image_copy);
	unlink(saved->journal_copy);
}

TEST_LOOP(stopped_tests, a_stop_at_any_call_of_a_recovery_can_be_recovered, 0, 2)
{
	static const enum trouble troubles[] = {STOP, POWER_CUT};
	static struct fixture fixture;
	struct saved saved;
	bool more = true;

	fixture_open(&fixture);
	fixture.grows = true;
	interrupt(&fixture);
	saved_take(&saved, &fixture);
	for (int number = 0; more; number++) {
		saved_put_back(&saved);
		more = stopped(&fixture, NULL, RECOVER, troubles[_i], number);
		plan.number = number;
		check_old_after_recovery(&fixture);
	}
	saved_remove(&saved);
	fixture_close(&fixture);
}

TEST(stopped_tests, recovery_restores_the_holes_as_well)
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

static void put_bytes(const char *path, const uint8_t *bytes, size_t offset, size_t length)
{
	int descriptor = open(path, O_WRONLY);

	ck_assert_int_eq(pwrite(descriptor, bytes + offset, length, (off_t)offset),
			 (ssize_t)length);
	close(descriptor);
}

/*
 * The rest of the sector was lost in a fix, or its beginning in a roll-back.  The journal has the
 * bytes.
 */
TEST_LOOP(stopped_tests, a_sector_that_is_torn_inside_is_taken_back, 0, 8)
{
	static const size_t sectors[] = {0, 31 * KIB, 32 * KIB, NEW_LENGTH - 4 * KIB};
	static const size_t cuts[] = {1, 8, 63, 64, 200, 256, 449, 511};
	static struct fixture fixture;
	struct saved saved;

	fixture_open(&fixture);
	fixture.grows = true;
	interrupt(&fixture);
	saved_take(&saved, &fixture);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		size_t sector = sectors[_i / 2], cut = cuts[i];

		saved_put_back(&saved);
		plan.number = (int)cut;
		put_bytes(fixture.image, fixture.old.bytes, sector + (_i % 2 == 0 ? cut : 0),
			  _i % 2 == 0 ? 512 - cut : cut);
		check_old_after_recovery(&fixture);
	}
	saved_remove(&saved);
	fixture_close(&fixture);
}

/* The byte is in the middle of a sector that had been written, or of a sector that had not. */
TEST_LOOP(stopped_tests, a_foreign_byte_in_a_sector_that_is_not_torn_is_not_taken_back, 0, 2)
{
	static struct fixture fixture;
	static struct snapshot changed;
	struct bs_error err = {BS_OK, ""};
	bool recovered;

	fixture_open(&fixture);
	interrupt(&fixture);
	if (_i == 1)
		put_bytes(fixture.image, fixture.old.bytes, 31 * KIB, 512);
	poke(fixture.image, 31 * KIB + 300, 0x55);
	take_snapshot(fixture.image, &changed);
	ck_assert_int_lt(recover(fixture.image, NULL, NULL, &recovered, &err), 0);
	ck_assert_int_eq(err.code, BS_CHANGED_SINCE);
	ck_assert(image_is(&fixture, &changed));
	fixture_close(&fixture);
}

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
	ck_assert_int_lt(recover(fixture.image, NULL, &bad_io, &recovered, &err), 0);
	ck_assert_msg(err.code == code, "%s", err.message);
	ck_assert(!recovered);
	ck_assert_int_eq(plan.count, 0);
	ck_assert(image_is(&fixture, &changed));
	ck_assert_int_eq(access(journal, F_OK), 0);
	fixture_close(&fixture);
}

TEST(stopped_tests, recovery_refuses_an_image_with_foreign_sectors)
{
	check_recovery_refused(31 * KIB, false, BS_CHANGED_SINCE);
}

TEST(stopped_tests, recovery_refuses_an_image_whose_guard_zone_was_written)
{
	check_recovery_refused(152 * KIB, false, BS_CHANGED_SINCE);
}

TEST(stopped_tests, recovery_refuses_an_image_of_another_length)
{
	check_recovery_refused(OLD_LENGTH + 100, false, BS_CHANGED_SINCE);
}

TEST(stopped_tests, recovery_from_a_damaged_journal_writes_nothing)
{
	check_recovery_refused(JOURNAL_FIRST_RECORD + 300, true, BS_JOURNAL_DAMAGED);
}

TEST(stopped_tests, recovery_removes_a_temporary_journal_and_nothing_else)
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
	ck_assert_int_eq(recover(fixture.image, NULL, NULL, &recovered, &err), 0);
	ck_assert(!recovered);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

TEST(stopped_tests, recovery_does_not_touch_a_fix_that_was_applied)
{
	static struct fixture fixture;
	struct bs_error err;
	bool recovered = true;

	fixture_open(&fixture);
	fix_well(&fixture);
	ck_assert_int_eq(recover(fixture.image, NULL, NULL, &recovered, &err), 0);
	ck_assert(!recovered);
	ck_assert(image_is(&fixture, &fixture.new));
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	fixture_close(&fixture);
}
