/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Another program interferes with a fix or an undo, at each call in turn: it removes, moves or
 * replaces the undo file, or writes to the image.
 */
#include "commit-fixture.h"

#include "transaction/check.h"
#include "transaction/journal-file.h"

static struct fixture fixture;

static void setup(void)
{
	fixture_open(&fixture);
	fixture.grows = true;
}

static void teardown(void)
{
	fixture_close(&fixture);
}

/* ---- the undo file --------------------------------------------------------------------------- */

static char journal[128], away[160];

static bool met; /* there was an undo file */

static void remove_journal(const struct fixture *unused)
{
	(void)unused;
	met = unlink(journal) == 0;
}

static void move_journal(const struct fixture *unused)
{
	(void)unused;
	met = rename(journal, away) == 0;
}

static void replace_journal(const struct fixture *unused)
{
	int descriptor;

	(void)unused;
	met = rename(journal, away) == 0;
	if (!met)
		return;
	descriptor = open(journal, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_eq(write(descriptor, "somebody's", 10), 10);
	close(descriptor);
}

static void (*const meddlers[])(const struct fixture *) = {remove_journal, move_journal,
							   replace_journal};

static void find_paths(void)
{
	journal_path(&fixture, journal, sizeof(journal));
	snprintf(away, sizeof(away), "%s.away", journal);
}

/*
 * Checks that a file of another program with the undo file's name is unchanged, and then removes
 * it.
 */
static void clean_up(void)
{
	struct stat stat;

	if (plan.meddle == replace_journal && met && !plan.unlinking) { /* else it is too late */
		ck_assert_int_eq(lstat(journal, &stat), 0);
		ck_assert_int_eq(stat.st_size, 10);
	}
	(void)!unlink(journal);
	(void)!unlink(away);
}

/* A journal that was moved away says that its image is old, and the image is old. */
static void check_moved_journal(void)
{
	struct journal_file *file = NULL;
	struct bs_error err = {BS_OK, ""};

	if (access(away, F_OK) != 0)
		return;
	ck_assert_int_eq(journal_file_open(away, &file, &err), 0);
	ck_assert_msg(file->done, "call %d", plan.number);
	journal_file_close(file);
}

TEST_CASE(undo_file, "undo file", .setup = setup, .teardown = teardown, .tags = "stops");

TEST_LOOP(undo_file, a_fix_whose_undo_file_vanishes_at_any_call_is_taken_back, 0, 3)
{
	int lost = 0;

	find_paths();
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};

		make_image(&fixture);
		met = false;
		plan.meddle = meddlers[_i];
		plan_trouble(&fixture, MEDDLE, number, 0);
		if (fix(&fixture, &bad_io, &err) == 0) {
			ck_assert_msg(!met, "call %d", number);
			ck_assert(image_is(&fixture, &fixture.new));
			ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
		} else {
			ck_assert_int_eq(err.code, BS_UNDO_FILE_LOST);
			ck_assert(met);
			check_moved_journal();
			lost++;
		}
		ck_assert_msg(image_is(&fixture, &fixture.old), "call %d", number);
		ck_assert_msg(!has_signpost(&fixture), "call %d", number);
		clean_up();
		if (!plan.refused)
			break;
	}
	ck_assert_int_gt(lost, 10);
}

/* Makes the whole undo file of another fix of the image, and leaves the image old. */
static void make_other_journal(const char *other)
{
	fixture.grows = false;
	make_image(&fixture);
	fix_well(&fixture);
	ck_assert_int_eq(rename(journal, other), 0);
	fixture.grows = true;
	make_image(&fixture);
}

static char unfinished[160];

static void replace_unfinished(const struct fixture *unused)
{
	(void)unused;
	met = access(unfinished, F_OK) == 0 && rename(away, unfinished) == 0;
}

TEST(undo_file, a_fix_does_not_use_another_undo_file_that_took_the_place_of_its_own)
{
	bool met_once = false;

	find_paths();
	snprintf(unfinished, sizeof(unfinished), "%s.tmp", journal);
	plan.refused = true;
	for (int number = 0; plan.refused; number++) {
		struct bs_error err = {BS_OK, ""};

		make_other_journal(away);
		plan.meddle = replace_unfinished;
		plan_trouble(&fixture, MEDDLE, number, 0);
		ck_assert_msg((fix(&fixture, &bad_io, &err) < 0) == met, "call %d", number);
		ck_assert_int_eq(err.code, met ? BS_UNDO_FILE_LOST : BS_OK);
		ck_assert(image_is(&fixture, met ? &fixture.old : &fixture.new));
		met_once |= met;
		(void)!unlink(journal);
		(void)!unlink(unfinished);
	}
	ck_assert(met_once);
}

/* The roll-back cannot be carried out, so the signpost stays on the image. */
TEST(undo_file, a_fix_without_undo_file_and_roll_back_leaves_the_signpost)
{
	struct bs_error err = {BS_OK, ""};
	int seen = 0;

	find_paths();
	(void)!setxattr(fixture.image, SIGNPOST, "/", 1, 0);
	if (!test_needs(has_signpost(&fixture), "extended attributes"))
		return;
	for (int number = 0;; number++) {
		make_image(&fixture);
		plan_trouble(&fixture, FAIL_FROM, number, EIO);
		if (fix(&fixture, &bad_io, &err) == 0)
			break;
		(void)!unlink(journal);
		if (err.code == BS_RECOVERY_REQUIRED && has_signpost(&fixture)) {
			seen++;
			ck_assert_int_lt(undo(fixture.image, NULL, NULL, &err), 0);
			ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
			ck_assert_ptr_nonnull(strstr(err.message, journal));
		} else {
			ck_assert_msg(image_is(&fixture, &fixture.old) ||
					      image_is(&fixture, &fixture.new),
				      "call %d", number);
		}
	}
	ck_assert_int_gt(seen, 0);
}

TEST_LOOP(undo_file, an_undo_whose_undo_file_vanishes_at_any_call_is_done_or_not_begun, 0, 3)
{
	int done = 0;

	find_paths();
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};

		make_image(&fixture);
		fix_well(&fixture);
		met = false;
		plan.meddle = meddlers[_i];
		plan_trouble(&fixture, MEDDLE, number, 0);
		if (undo(fixture.image, NULL, &bad_io, &err) == 0) {
			ck_assert_msg(image_is(&fixture, &fixture.old), "call %d", number);
			check_moved_journal();
			done += met;
		} else {
			ck_assert_msg(err.code == BS_UNDO_FILE_LOST, "call %d: %s", number,
				      err.message);
			ck_assert_msg(image_is(&fixture, &fixture.new), "call %d", number);
		}
		ck_assert_msg(!has_signpost(&fixture), "call %d", number);
		clean_up();
		if (!plan.refused)
			break;
	}
	ck_assert_int_gt(done, 10);
}

/* ---- the image ------------------------------------------------------------------------------- */

#define FOREIGN_OUTSIDE (170 * KIB) /* neither written nor guarded by the fix */
#define FOREIGN_INSIDE  (31 * KIB)  /* in data that the fix writes */
#define FOREIGN_HOLE    (34 * KIB)  /* in a hole that the fix fills */

static off_t foreign_at;

static void write_foreign(const struct fixture *of)
{
	static const char sector[512] = "written by somebody else";
	pid_t other = fork();
	int status;

	if (other == 0) {
		int descriptor = open(of->image, O_WRONLY);

		_exit(pwrite(descriptor, sector, sizeof(sector), foreign_at) == 512 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(status, 0);
}

static bool foreign_is_there(void)
{
	static struct snapshot now;

	take_snapshot(fixture.image, &now);
	return strcmp((char *)now.bytes + foreign_at, "written by somebody else") == 0;
}

/* Some kernels do not report who writes.  Then a write during a call of ours is not noticed. */
static bool can_watch(void)
{
	struct bs_error err;
	struct target *target = target_open(fixture.image, &err);
	struct target *writing = target ? target_reopen(target, TARGET_WRITE, &err) : NULL;
	bool watched;

	ck_assert_ptr_nonnull(writing);
	watched = writing->watch >= 0;
	target_close(writing);
	target_close(target);
	return test_needs(watched, "fanotify");
}

/* The image is old, except for the sector of the other program. */
static bool rest_is_old(void)
{
	static struct snapshot now;

	take_snapshot(fixture.image, &now);
	memcpy(now.bytes + foreign_at, fixture.old.bytes + foreign_at, 512);
	return same_bytes(&now, &fixture.old);
}

TEST_CASE(image_tests, "image", .setup = setup, .teardown = teardown);

TEST(image_tests, an_undo_does_not_claim_an_image_that_was_written_to_during_the_fix)
{
	int told = 0;

	if (!can_watch())
		return;
	find_paths();
	foreign_at = FOREIGN_OUTSIDE;
	plan.meddle = write_foreign;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};
		enum undo_outcome outcome;

		make_image(&fixture);
		plan_trouble(&fixture, MEDDLE, number, 0);
		if (fix(&fixture, &bad_io, &err) == 0) {
			bool meddled = plan.refused;

			ck_assert_int_eq(undo_telling(fixture.image, NULL, NULL, &outcome, &err),
					 0);
			ck_assert_msg(outcome == (meddled ? UNDO_OF_THE_FIX : UNDO_EXACT),
				      "call %d", number);
			told += meddled;
		} else {
			ck_assert_msg(err.code == BS_CHANGED_MEANWHILE, "call %d: %s", number,
				      err.message);
		}
		ck_assert_msg(rest_is_old(), "call %d", number);
		ck_assert(!plan.refused || foreign_is_there());
		if (!plan.refused)
			break;
	}
	ck_assert_int_gt(told, 10);
}

/*
 * Either the other program wrote first and we wrote over that, or it wrote after us, and undo
 * notices.
 */
static void check_undo_tells(void)
{
	struct bs_error err = {BS_OK, ""};

	if (!image_is(&fixture, &fixture.new)) {
		int descriptor = open(fixture.image, O_WRONLY);

		ck_assert(foreign_is_there());
		ck_assert_int_lt(undo(fixture.image, NULL, NULL, &err), 0);
		ck_assert_int_eq(err.code, BS_CHANGED_SINCE);
		ck_assert(foreign_is_there());
		ck_assert_int_eq(
			pwrite(descriptor, fixture.new.bytes + foreign_at, 512, foreign_at), 512);
		close(descriptor);
	}
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
}

/* A call at which the other's sector is not overwritten by the fix: that is not ours either. */
TEST_LOOP(image_tests, a_foreign_write_into_the_fix_is_told_and_kept, 0, 2)
{
	static const off_t places[] = {FOREIGN_INSIDE, FOREIGN_HOLE};
	int kept = 0;

	if (!can_watch())
		return;
	find_paths();
	foreign_at = places[_i];
	plan.meddle = write_foreign;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};

		make_image(&fixture);
		plan_trouble(&fixture, MEDDLE, number, 0);
		if (fix(&fixture, &bad_io, &err) == 0) {
			check_undo_tells();
		} else {
			ck_assert_msg(err.code == BS_CHANGED_MEANWHILE, "call %d: %s", number,
				      err.message);
			ck_assert_msg(foreign_is_there(), "call %d: %s", number, err.message);
			kept++;
		}
		ck_assert_msg(rest_is_old(), "call %d", number);
		ck_assert(!has_signpost(&fixture) && access(journal, F_OK) != 0);
		if (!plan.refused)
			break;
	}
	ck_assert_int_gt(kept, 3);
}

/* What the fix wrote does not count as written by others. */
TEST(image_tests, an_image_is_not_old_while_it_has_a_sector_of_the_fix)
{
	struct bs_error err = {BS_OK, ""};
	struct target *target;
	struct journal_file *file;

	find_paths();
	fix_well(&fixture);
	ck_assert_int_eq(journal_file_open(journal, &file, &err), 0);
	for (off_t at = 30 * KIB; at < 36 * KIB; at += 512) {
		int descriptor;

		make_image(&fixture);
		descriptor = open(fixture.image, O_WRONLY);
		ck_assert_int_eq(pwrite(descriptor, fixture.new.bytes + at, 512, at), 512);
		close(descriptor);
		target = target_open(fixture.image, &err);
		ck_assert_msg(check_old(file, target, true, &err) < 0, "byte %d", (int)at);
		target_close(target);
	}
	journal_file_close(file);
}

TEST(image_tests, an_undo_during_which_somebody_writes_does_not_claim_the_image)
{
	int told = 0;

	if (!can_watch())
		return;
	foreign_at = FOREIGN_OUTSIDE;
	plan.meddle = write_foreign;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};
		enum undo_outcome outcome;

		make_image(&fixture);
		fix_well(&fixture);
		plan_trouble(&fixture, MEDDLE, number, 0);
		ck_assert_int_eq(undo_telling(fixture.image, NULL, &bad_io, &outcome, &err), 0);
		ck_assert(rest_is_old());
		if (!plan.refused)
			break;
		told += outcome == UNDO_OF_THE_FIX;
	}
	ck_assert_int_gt(told, 10);
}
