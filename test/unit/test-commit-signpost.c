/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The signpost on an image says that the image may be half written, and where the undo file is.  A
 * command that looks for the undo file in the wrong place, or cannot find it, is told so.  When all
 * is done, no signpost is left.
 */
#include <time.h>

#include "commit-fixture.h"

#include "transaction/hint.h"
#include "transaction/journal-file.h"

static struct fixture fixture;
static char folder[96], other_name[96];

/* The image also has a second name, and there is a folder for undo files. */
static void setup(void)
{
	fixture_open(&fixture);
	fixture.grows = true;
	snprintf(folder, sizeof(folder), "%s/undo", fixture.folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	snprintf(other_name, sizeof(other_name), "%s/other.img", fixture.folder);
	ck_assert_int_eq(link(fixture.image, other_name), 0);
}

static void teardown(void)
{
	fixture_close(&fixture);
}

static bool file_system_has_signposts(void)
{
	bool has = setxattr(fixture.image, SIGNPOST, "/", 1, 0) == 0;

	(void)!removexattr(fixture.image, SIGNPOST);
	return test_needs(has, "extended attributes");
}

static void put_up_signpost(const char *journal)
{
	ck_assert_int_eq(setxattr(fixture.image, SIGNPOST, journal, strlen(journal), 0), 0);
}

static char *undo_file_in(const char *undo_directory)
{
	struct place place;
	struct target *target = find(fixture.image, undo_directory, &place);
	char *path = strdup(place.journal);

	find_end(target, &place);
	return path;
}

/* ---- interrupted fixes ----------------------------------------------------------------------- */

/*
 * The image is refused under this name and with this folder, and the message names the undo file.
 */
static void check_told(const char *image, const char *undo_directory, const char *undo_file)
{
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	bool recovered;

	ck_assert_int_lt(find_state(image, undo_directory, &state, &err), 0);
	ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
	ck_assert_msg(strstr(err.message, undo_file), "%s", err.message);
	plan_trouble(&fixture, NONE, 0, 0);
	ck_assert_int_lt(recover(image, undo_directory, &bad_io, &recovered, &err), 0);
	ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
	ck_assert_int_eq(plan.count, 0);
}

/* Checks that the image is wholly old or wholly new. */
static void check_whole(void)
{
	ck_assert_msg(image_is(&fixture, &fixture.old) || image_is(&fixture, &fixture.new),
		      "call %d", plan.number);
}

/*
 * After a stop, the image is wholly old, or marked as wholly new, or it is refused under each name
 * and with each folder.
 */
static void check_seen_everywhere(const char *undo_directory)
{
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	char *undo_file = undo_file_in(undo_directory);

	ck_assert_int_eq(find_state(fixture.image, undo_directory, &state, &err), 0);
	if (state == TRANSACTION_INTERRUPTED && has_signpost(&fixture)) {
		check_told(other_name, NULL, undo_file);
		check_told(other_name, folder, undo_file);
		if (undo_directory)
			check_told(fixture.image, NULL, undo_file);
	} else {
		check_whole();
	}
	free(undo_file);
}

static void take_back(const char *undo_directory)
{
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	bool recovered;

	ck_assert_msg(recover(fixture.image, undo_directory, NULL, &recovered, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(find_state(fixture.image, undo_directory, &state, &err), 0);
	if (state == TRANSACTION_APPLIED)
		ck_assert_int_eq(undo(fixture.image, undo_directory, NULL, &err), 0);
	ck_assert_msg(image_is(&fixture, &fixture.old), "call %d", plan.number);
	ck_assert_msg(!has_signpost(&fixture), "call %d", plan.number);
}

static void check_stops(enum action action, const char *undo_directory)
{
	struct bs_error err = {BS_OK, ""};
	bool more = true;

	if (!file_system_has_signposts())
		return;
	ck_assert_int_eq(fix_disturbed(&fixture, NULL, undo_directory, NULL, NULL, &err), 0);
	ck_assert_int_eq(undo(fixture.image, undo_directory, NULL, &err), 0);
	for (int number = 0; more; number++) {
		make_image(&fixture);
		if (action == UNDO)
			ck_assert_int_eq(
				fix_disturbed(&fixture, NULL, undo_directory, NULL, NULL, &err), 0);
		more = stopped(&fixture, undo_directory, action, STOP, number);
		plan.number = number;
		check_seen_everywhere(undo_directory);
		take_back(undo_directory);
	}
}

TEST_CASE(interrupted, "interrupted", .setup = setup, .teardown = teardown, .tags = "stops");

TEST(interrupted, a_fix_stopped_at_any_call_is_seen_under_another_name)
{
	check_stops(FIX, NULL);
}

TEST(interrupted, a_fix_stopped_at_any_call_is_seen_without_its_undo_directory)
{
	check_stops(FIX, folder);
}

TEST(interrupted, an_undo_stopped_at_any_call_is_seen_under_another_name)
{
	check_stops(UNDO, NULL);
}

TEST(interrupted, an_undo_stopped_at_any_call_is_seen_without_its_undo_directory)
{
	check_stops(UNDO, folder);
}

/* ---- without its undo file ------------------------------------------------------------------- */

/* Checks that every call refuses the image, names the undo file, and changes nothing. */
static void check_refused(const char *undo_directory, enum bs_code code, const char *named)
{
	static struct snapshot before;
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	bool recovered;

	take_snapshot(fixture.image, &before);
	ck_assert_int_lt(find_state(fixture.image, undo_directory, &state, &err), 0);
	ck_assert_msg(err.code == code, "call %d: %s", plan.number, err.message);
	ck_assert_msg(strstr(err.message, named), "%s", err.message);
	plan_trouble(&fixture, NONE, 0, 0);
	ck_assert_int_lt(recover(fixture.image, undo_directory, &bad_io, &recovered, &err), 0);
	ck_assert_int_eq(err.code, code);
	ck_assert_int_lt(undo(fixture.image, undo_directory, &bad_io, &err), 0);
	ck_assert_int_eq(err.code, code);
	ck_assert_int_lt(fix_disturbed(&fixture, &bad_io, undo_directory, NULL, NULL, &err), 0);
	ck_assert_int_eq(err.code, code);
	ck_assert_int_eq(plan.count, 0);
	ck_assert(image_is(&fixture, &before));
	ck_assert(has_signpost(&fixture));
}

/* Moves the journal of a stopped fix away.  A half-written image must have a signpost. */
static void check_without_journal(void)
{
	char *undo_file = undo_file_in(NULL), away[160];

	snprintf(away, sizeof(away), "%s.away", undo_file);
	if (rename(undo_file, away) == 0) {
		int number = plan.number;

		if (has_signpost(&fixture))
			check_refused(NULL, BS_RECOVERY_REQUIRED, undo_file);
		else
			check_whole();
		plan.number = number;
		ck_assert_int_eq(rename(away, undo_file), 0);
	} else {
		ck_assert_msg(!has_signpost(&fixture), "call %d", plan.number);
		check_whole();
	}
	free(undo_file);
}

/* Stops a fix after all ranges have been written. */
static void interrupt_fix(void)
{
	for (int number = 0;; number++) {
		make_image(&fixture);
		ck_assert(stopped(&fixture, NULL, FIX, STOP, number));
		if (image_is(&fixture, &fixture.new))
			return;
		take_back(NULL);
	}
}

static void learn_what_new_is(void)
{
	struct bs_error err = {BS_OK, ""};

	make_image(&fixture);
	fix_well(&fixture);
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
}

TEST_CASE(lost, "lost", .setup = setup, .teardown = teardown);
TEST_CASE(lost_at_any_call, "lost at any call", .setup = setup, .teardown = teardown,
	  .tags = "slow");

TEST_LOOP(lost, a_half_written_image_without_its_undo_file_is_refused, 0, 1)
{
	static const enum action actions[] = {FIX, UNDO, RECOVER};
	static const enum trouble troubles[] = {POWER_CUT, STOP};
	enum action action = actions[_i / 2];
	bool more = true;

	if (!file_system_has_signposts())
		return;
	learn_what_new_is();
	for (int number = 0; more; number++) {
		make_image(&fixture);
		if (action == UNDO)
			fix_well(&fixture);
		if (action == RECOVER)
			interrupt_fix();
		more = stopped(&fixture, NULL, action, troubles[_i % 2], number);
		plan.number = number;
		check_without_journal();
		take_back(NULL);
	}
}

TEST_ALSO(lost_at_any_call, a_half_written_image_without_its_undo_file_is_refused, 1, 6);

/* The fix fails at one call, and its roll-back is stopped at each call. */
TEST_LOOP(lost_at_any_call, a_roll_back_that_stops_without_its_undo_file_is_refused, 0, 2)
{
	int calls;

	if (!file_system_has_signposts())
		return;
	learn_what_new_is();
	plan_trouble(&fixture, NONE, 0, 0);
	make_image(&fixture);
	ck_assert_int_eq(fix(&fixture, &bad_io, &(struct bs_error){0}), 0);
	calls = plan.count;
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &(struct bs_error){0}), 0);
	for (int failure = calls - 12; failure < calls; failure++) {
		bool more = true;

		plan.failure = failure;
		for (int number = failure + 1; more; number++) {
			make_image(&fixture);
			more = stopped(&fixture, NULL, FIX, _i == 0 ? STOP : POWER_CUT, number);
			plan.number = number;
			check_without_journal();
			take_back(NULL);
		}
	}
}

TEST(lost, the_way_out_is_told_as_a_command_that_works)
{
	const char *const names[] = {"disk.img", "it's a disk.img"};
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	char path[128];
	const char *command;

	if (!file_system_has_signposts() || !test_needs_program("setfattr"))
		return;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture.folder, names[i]);
		ck_assert_int_eq(rename(fixture.image, path), 0);
		strcpy(fixture.image, path);
		put_up_signpost("/nowhere/disk.img.bootshift-undo");
		ck_assert_int_lt(find_state(fixture.image, NULL, &state, &err), 0);
		command = strstr(err.message, "setfattr");
		ck_assert_ptr_nonnull(command);
		ck_assert_msg(system(command) == 0, "%s", command);
		ck_assert_int_eq(find_state(fixture.image, NULL, &state, &err), 0);
	}
}

/* ---- the order of calls ---------------------------------------------------------------------- */

/* The state of the image that would be left after a power cut. */
static struct {
	bool up, up_durable, down_durable;
	bool early; /* bytes were written without a durable signpost, or a mark with one */
} order;

static bool is_image(int descriptor)
{
	struct stat one, other;

	return fstat(descriptor, &one) == 0 && stat(fixture.image, &other) == 0 &&
	       one.st_ino == other.st_ino;
}

static int order_fsetxattr(int descriptor, const char *name, const void *value, size_t size,
			   int flags)
{
	if (strcmp(name, SIGNPOST) == 0) {
		order.up = true;
		order.down_durable = false;
	}
	return fsetxattr(descriptor, name, value, size, flags);
}

static int order_fremovexattr(int descriptor, const char *name)
{
	if (strcmp(name, SIGNPOST) == 0)
		order.up = order.up_durable = false;
	return fremovexattr(descriptor, name);
}

static int order_fsync(int descriptor)
{
	if (is_image(descriptor)) {
		order.up_durable = order.up;
		order.down_durable = !order.up;
	}
	return 0;
}

/*
 * A mark is written to a block after the header.  The mark UNDOING is written before the signpost.
 */
static bool is_end_mark(off_t offset)
{
	return offset == JOURNAL_APPLIED * (off_t)JOURNAL_BLOCK_SIZE ||
	       offset == JOURNAL_DONE * (off_t)JOURNAL_BLOCK_SIZE;
}

static ssize_t order_pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
	if (is_image(descriptor))
		order.early |= !order.up_durable;
	else if (is_end_mark(offset) && ((const char *)bytes)[0] == 'B') /* not a block of zeros */
		order.early |= !order.down_durable;
	return pwrite(descriptor, bytes, length, offset);
}

TEST_CASE(whole, "whole", .setup = setup, .teardown = teardown);

TEST(whole, the_signpost_is_durable_as_long_as_the_image_may_be_half_written)
{
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};
	bool recovered;

	if (!file_system_has_signposts())
		return;
	io.fsetxattr = order_fsetxattr;
	io.fremovexattr = order_fremovexattr;
	io.fsync = order_fsync;
	io.pwrite = order_pwrite;
	ck_assert_int_eq(fix(&fixture, &io, &err), 0);
	ck_assert(order.down_durable && !order.early && !has_signpost(&fixture));
	memset(&order, 0, sizeof(order));
	ck_assert_int_eq(undo(fixture.image, NULL, &io, &err), 0);
	ck_assert(order.down_durable && !order.early && !has_signpost(&fixture));
	interrupt_fix();
	memset(&order, 0, sizeof(order));
	ck_assert_int_eq(recover(fixture.image, NULL, &io, &recovered, &err), 0);
	ck_assert(order.down_durable && !order.early && !has_signpost(&fixture));
}

/* ---- file systems without signposts, and signposts that lead nowhere ------------------------- */

static int no_room; /* errno */

static int fail_to_set(int descriptor, const char *name, const void *value, size_t size, int flags)
{
	(void)descriptor, (void)name, (void)value, (void)size, (void)flags;
	errno = no_room;
	return -1;
}

TEST_LOOP(whole, a_file_system_without_signposts_is_no_reason_to_fail, 0, 6)
{
	static const int errors[] = {ENOTSUP, ENOSPC, EDQUOT, E2BIG, EPERM, EACCES};
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	no_room = errors[_i];
	io.fsetxattr = fail_to_set;
	ck_assert_msg(fix(&fixture, &io, &err) == 0, "%s", err.message);
	ck_assert_msg(undo(fixture.image, NULL, &io, &err) == 0, "%s", err.message);
	ck_assert(image_is(&fixture, &fixture.old));
}

TEST_CASE(table, "table", .setup = setup, .teardown = teardown);

TEST(table, a_signpost_that_leads_nowhere_refuses_the_image)
{
	static const char *const wrong[] = {"/nowhere/disk.img.bootshift-undo", "relative",
					    "/dev/null", "/"};

	if (!file_system_has_signposts())
		return;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		put_up_signpost(wrong[i]);
		check_refused(NULL, BS_RECOVERY_REQUIRED, wrong[i]);
		check_refused(folder, BS_RECOVERY_REQUIRED, wrong[i]);
	}
}

/* A signpost may come from anybody, and opening a file may have effects. */
TEST(table, a_file_that_has_not_the_name_of_an_undo_file_is_not_opened)
{
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	char path[160], *undo_file;

	if (!file_system_has_signposts())
		return;
	ck_assert_int_eq(fix_disturbed(&fixture, NULL, folder, NULL, &undo_file, &err), 0);
	snprintf(path, sizeof(path), "%s/whatever", folder);
	ck_assert_int_eq(rename(undo_file, path), 0);
	put_up_signpost(path);
	ck_assert_int_lt(find_state(fixture.image, NULL, &state, &err), 0);
	ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
	ck_assert_msg(strstr(err.message, "is missing") != NULL, "%s", err.message);
	free(undo_file);
}

/* ---- beside each state of a journal ---------------------------------------------------------- */

/* The state of the journal in a folder (NULL: beside the image). */
enum journal_state { MISSING, DAMAGED, UNREADABLE, INTERRUPTED, APPLIED, DONE };

static void set_mark(const char *undo_file, enum journal_mark mark)
{
	struct journal_file *journal;
	struct bs_error err = {BS_OK, ""};

	ck_assert_int_eq(journal_file_open(undo_file, &journal, &err), 0);
	ck_assert_int_eq(journal_file_open_marks(journal, undo_file, &transaction_real_io, &err),
			 0);
	ck_assert_int_eq(journal_file_mark(journal, mark, 0, &err), 0);
	journal_file_close(journal);
}

/*
 * Makes a journal in this state and an image without a signpost.  Returns the path of the journal.
 */
static char *make_state(enum journal_state state, const char *undo_directory)
{
	struct bs_error err = {BS_OK, ""};
	char *undo_file;

	make_image(&fixture);
	ck_assert_int_eq(fix_disturbed(&fixture, NULL, undo_directory, NULL, &undo_file, &err), 0);
	if (state == MISSING)
		ck_assert_int_eq(unlink(undo_file), 0);
	if (state == DAMAGED)
		poke(undo_file, 40, 0x55);
	if (state == UNREADABLE) { /* also for root: a socket cannot be opened */
		ck_assert_int_eq(unlink(undo_file), 0);
		ck_assert_int_eq(mknod(undo_file, S_IFSOCK | 0600, 0), 0);
	}
	if (state == INTERRUPTED || state == DONE)
		set_mark(undo_file, JOURNAL_UNDOING);
	if (state == DONE) {
		set_mark(undo_file, JOURNAL_DONE);
		make_image(&fixture);
	}
	return undo_file;
}

static void check_goes_on(const char *undo_directory, enum transaction_state expected,
			  bool recovers)
{
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	bool recovered;

	ck_assert_msg(find_state(fixture.image, undo_directory, &state, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(state, expected);
	ck_assert_msg(recover(fixture.image, undo_directory, NULL, &recovered, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(recovered, recovers);
	ck_assert(!has_signpost(&fixture));
	ck_assert(
		image_is(&fixture, expected == TRANSACTION_APPLIED ? &fixture.new : &fixture.old));
}

TEST(table, no_signpost_beside_a_journal_that_is_done_means_an_old_image)
{
	char *undo_file = make_state(DONE, NULL);

	check_goes_on(NULL, TRANSACTION_DONE, true);
	ck_assert_int_ne(access(undo_file, F_OK), 0);
	free(undo_file);
}

TEST_LOOP(table, a_signpost_to_the_own_journal, MISSING, DONE + 1)
{
	char *undo_file;

	if (!file_system_has_signposts())
		return;
	undo_file = make_state((enum journal_state)_i, NULL);
	put_up_signpost(undo_file);
	switch ((enum journal_state)_i) {
	case MISSING:
		check_refused(NULL, BS_RECOVERY_REQUIRED, undo_file);
		break;
	case DAMAGED:
		check_refused(NULL, BS_JOURNAL_DAMAGED, "undo file");
		break;
	case UNREADABLE: /* the place is refused before */
		break;
	case INTERRUPTED:
		check_goes_on(NULL, TRANSACTION_INTERRUPTED, true);
		break;
	case APPLIED: /* earlier versions may leave this */
		check_goes_on(NULL, TRANSACTION_APPLIED, false);
		break;
	case DONE: /* earlier versions may leave this */
		check_goes_on(NULL, TRANSACTION_DONE, true);
		break;
	}
	free(undo_file);
}

static int fail_to_remove(int descriptor, const char *name)
{
	(void)descriptor;
	(void)name;
	errno = EIO;
	return -1;
}

/* Without its undo file, the image would count as half written for ever. */
TEST(table, the_undo_file_stays_while_its_signpost_cannot_be_removed)
{
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};
	char *undo_file;
	bool recovered;

	if (!file_system_has_signposts())
		return;
	undo_file = make_state(DONE, NULL);
	put_up_signpost(undo_file);
	io.fremovexattr = fail_to_remove;
	ck_assert_int_eq(recover(fixture.image, NULL, &io, &recovered, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	check_goes_on(NULL, TRANSACTION_DONE, true);
	free(undo_file);
}

TEST_LOOP(table, a_signpost_to_the_journal_of_another_place, 2 * MISSING, 2 * DONE + 2)
{
	static const char *const places[] = {NULL, folder};
	const char *own = places[_i % 2], *others = places[1 - _i % 2];
	char *undo_file;

	if (!file_system_has_signposts())
		return;
	undo_file = make_state((enum journal_state)(_i / 2), others);
	put_up_signpost(undo_file);
	check_refused(own, BS_RECOVERY_REQUIRED, undo_file);
	free(undo_file);
}

TEST_LOOP(table, another_signpost_beside_the_own_completed_journal_is_refused, 0, 2)
{
	static const enum journal_state states[] = {APPLIED, DONE};
	char other[160];

	if (!file_system_has_signposts())
		return;
	free(make_state(states[_i], NULL));
	snprintf(other, sizeof(other), "%s/other" BS_UNDO_SUFFIX, folder);
	put_up_signpost(other);
	check_refused(NULL, BS_RECOVERY_REQUIRED, other);
}

/* A copy that was made while the original was being written replaces the fixed original. */
TEST_LOOP(table, a_half_written_copy_over_the_fixed_original_is_refused, 0, 2)
{
	static const enum journal_state states[] = {APPLIED, DONE};
	char *undo_file, copy[160], command[512];

	if (!file_system_has_signposts())
		return;
	undo_file = make_state(states[_i], NULL);
	snprintf(copy, sizeof(copy), "%s.copy", fixture.image);
	snprintf(command, sizeof(command), "cp -a '%s' '%s'", fixture.image, copy);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(rename(copy, fixture.image), 0);
	put_up_signpost(undo_file);
	check_refused(NULL, BS_RECOVERY_REQUIRED, undo_file); /* another inode */
	ck_assert_int_eq(unlink(undo_file), 0);
	free(undo_file);
	undo_file = make_state(states[_i], NULL);
	poke(fixture.image, 31 * KIB, 0x55);
	put_up_signpost(undo_file);
	check_refused(NULL, BS_RECOVERY_REQUIRED, undo_file); /* other bytes */
	free(undo_file);
}

/* The image and the journal were renamed together. */
TEST(table, an_image_moved_with_its_interrupted_journal_is_recovered)
{
	char *undo_file;

	if (!file_system_has_signposts())
		return;
	undo_file = make_state(INTERRUPTED, NULL);
	put_up_signpost("/elsewhere/disk.img.bootshift-undo");
	check_goes_on(NULL, TRANSACTION_INTERRUPTED, true);
	free(undo_file);
}

TEST(table, of_two_interrupted_journals_that_of_the_signpost_comes_first)
{
	char *own, *others;
	time_t begun;

	if (!file_system_has_signposts())
		return;
	others = make_state(INTERRUPTED, folder);
	begun = time(NULL);
	while (time(NULL) == begun) /* otherwise both journals have the same header */
		usleep(1000);
	own = make_state(INTERRUPTED, NULL);
	put_up_signpost(others);
	check_refused(NULL, BS_RECOVERY_REQUIRED, others);
	check_goes_on(folder, TRANSACTION_INTERRUPTED, true);
	check_goes_on(NULL, TRANSACTION_INTERRUPTED, true);
	free(own);
	free(others);
}

/* ---- the hint on a fixed image --------------------------------------------------------------- */

/* Whether the image says that it has this undo file.  NULL: that it has none. */
static bool hint_is(const char *expected)
{
	struct place place;
	struct target *target = find(fixture.image, NULL, &place);
	char *hint = hint_read(target);
	bool same = hint && expected ? strcmp(hint, expected) == 0 : !hint && !expected;

	free(hint);
	find_end(target, &place);
	return same;
}

TEST_CASE(hints, "hints", .setup = setup, .teardown = teardown);

TEST(hints, a_fixed_image_says_where_its_undo_file_is_until_it_is_undone)
{
	struct bs_error err = {BS_OK, ""};
	char *undo_file;

	if (!file_system_has_signposts())
		return;
	ck_assert_int_eq(fix_disturbed(&fixture, NULL, folder, NULL, &undo_file, &err), 0);
	ck_assert(hint_is(undo_file));
	ck_assert_int_eq(undo(fixture.image, folder, NULL, &err), 0);
	ck_assert(hint_is(NULL));
	ck_assert(image_is(&fixture, &fixture.old));
	free(undo_file);
}

/* The image is opened for writing after the undo file was found. */
static int move_undo_file_and_open(const char *path, int flags, mode_t mode)
{
	char from[128], to[160];

	journal_path(&fixture, from, sizeof(from));
	snprintf(to, sizeof(to), "%s.moved", from);
	(void)!rename(from, to);
	return open(path, flags, mode);
}

TEST(hints, an_accept_whose_undo_file_was_moved_leaves_the_hint)
{
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};
	char path[128];

	if (!file_system_has_signposts())
		return;
	fix_well(&fixture);
	journal_path(&fixture, path, sizeof(path));
	io.open = move_undo_file_and_open;
	ck_assert_int_lt(accept_fix(fixture.image, NULL, &io, &err), 0);
	ck_assert_int_eq(err.code, BS_UNDO_FILE_LOST);
	ck_assert(hint_is(path));
}

/* The journal keeps the time of the last write. */
TEST(hints, a_hint_does_not_count_as_a_change_since_the_fix)
{
	struct bs_error err = {BS_OK, ""};
	enum undo_outcome outcome;

	fix_well(&fixture);
	ck_assert_int_eq(undo_telling(fixture.image, NULL, NULL, &outcome, &err), 0);
	ck_assert_int_eq(outcome, UNDO_EXACT);
}

static int fail_hint_set(int descriptor, const char *name, const void *value, size_t size,
			 int flags)
{
	errno = EIO;
	return strcmp(name, HINT_ATTRIBUTE) == 0 ? -1
						 : fsetxattr(descriptor, name, value, size, flags);
}

static int fail_hint_remove(int descriptor, const char *name)
{
	errno = EIO;
	return strcmp(name, HINT_ATTRIBUTE) == 0 ? -1 : fremovexattr(descriptor, name);
}

TEST(hints, a_hint_that_cannot_be_set_or_removed_is_no_reason_to_fail)
{
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};
	char undo_file[128];

	if (!file_system_has_signposts())
		return;
	io.fsetxattr = fail_hint_set;
	io.fremovexattr = fail_hint_remove;
	ck_assert_msg(fix(&fixture, &io, &err) == 0, "%s", err.message);
	ck_assert(hint_is(NULL));
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
	fix_well(&fixture);
	ck_assert_msg(undo(fixture.image, NULL, &io, &err) == 0, "%s", err.message);
	journal_path(&fixture, undo_file, sizeof(undo_file));
	ck_assert(hint_is(undo_file)); /* and is harmless: */
	ck_assert(image_is(&fixture, &fixture.old));
	fix_well(&fixture);
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert(hint_is(NULL));
}

TEST_LOOP(hints, only_what_can_be_the_path_of_an_undo_file_is_a_hint, 0, 6)
{
	static const struct {
		const char *value;
		size_t length; /* 0: that of the string */
		bool counts;
	} values[] = {
		{"/x.bootshift-undo", 0, true},
		{"x.bootshift-undo", 0, false},
		{"/.bootshift-undo", 0, false},
		{"/x.bootshift-undo.tmp", 0, false},
		{"/x.bootshift-undo", sizeof("/x.bootshift-undo"), false}, /* with the zero byte */
		{"/etc/passwd\0.bootshift-undo", 27, false},
	};
	const char *value = values[_i].value;
	size_t length = values[_i].length ? values[_i].length : strlen(value);

	if (!file_system_has_signposts())
		return;
	ck_assert_int_eq(setxattr(fixture.image, HINT_ATTRIBUTE, value, length, 0), 0);
	ck_assert(hint_is(values[_i].counts ? value : NULL));
}

TEST(hints, a_longer_value_than_a_path_is_no_hint)
{
	char value[5000];

	if (!file_system_has_signposts())
		return;
	memset(value, 'x', sizeof(value));
	value[0] = '/';
	memcpy(value + sizeof(value) - strlen(BS_UNDO_SUFFIX), BS_UNDO_SUFFIX,
	       strlen(BS_UNDO_SUFFIX));
	if (setxattr(fixture.image, HINT_ATTRIBUTE, value, sizeof(value), 0) == 0)
		ck_assert(hint_is(NULL));
}

/* The message of an undo that finds no undo file. */
static void assert_undo_says(const char *part)
{
	struct bs_error err = {BS_OK, ""};

	ck_assert_int_lt(undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert_int_eq(err.code, BS_NO_UNDO_FILE);
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

TEST(hints, only_a_file_is_told_as_the_undo_file_that_the_image_names)
{
	char path[160];

	if (!file_system_has_signposts())
		return;
	snprintf(path, sizeof(path), "%s/x.bootshift-undo", folder);
	ck_assert_int_eq(setxattr(fixture.image, HINT_ATTRIBUTE, path, strlen(path), 0), 0);
	assert_undo_says("nor the undo file that the image names");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	assert_undo_says("nor the undo file that the image names");
	ck_assert_int_eq(rmdir(path), 0);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_undo_says("the image itself names the undo file");
}

/* ---- an undo file that the user names -------------------------------------------------------- */

TEST_CASE(places, "places", .setup = setup, .teardown = teardown);

static int undo_named(const char *undo_file, const struct transaction_io *io, struct bs_error *err)
{
	struct target *target = target_open(fixture.image, err);
	enum undo_outcome outcome;
	struct place place;
	int result;

	ck_assert_ptr_nonnull(target);
	result = place_find_file(target, undo_file, &place, err);
	if (result == 0) {
		char usual[160];

		/* A command without the option is kept out. */
		snprintf(usual, sizeof(usual), "%s.bootshift-lock", fixture.image);
		ck_assert_str_eq(place.lock, usual);
		ck_assert_str_eq(place.journal, undo_file);
		target->io = quick(io);
		result = transaction_undo(&place, &outcome, err);
	}
	find_end(target, &place);
	return result;
}

/* A stop leaves a signpost to the named undo file, and every other command is told of it. */
TEST(places, an_undo_with_a_named_undo_file_can_stop_at_any_call)
{
	char *undo_file, moved[160];
	bool more = true;

	if (!file_system_has_signposts())
		return;
	snprintf(moved, sizeof(moved), "%s/moved.bootshift-undo", folder);
	for (int number = 0; more; number++) {
		struct bs_error err = {BS_OK, ""};
		int status = 0;
		pid_t child;

		make_image(&fixture);
		ck_assert_int_eq(fix_disturbed(&fixture, NULL, NULL, NULL, &undo_file, &err), 0);
		ck_assert_int_eq(rename(undo_file, moved), 0);
		free(undo_file);
		child = fork();
		if (child == 0) {
			plan_trouble(&fixture, STOP, number, 0);
			_exit(undo_named(moved, &bad_io, &err) == 0 ? 0 : 1);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		more = WEXITSTATUS(status) == 99;
		plan.number = number;
		if (has_signpost(&fixture))
			check_told(fixture.image, NULL, moved);
		else
			check_whole();
		if (access(moved, F_OK) == 0) {
			struct target *target = target_open(fixture.image, &err);
			struct place place;
			bool recovered;

			ck_assert_int_eq(place_find_file(target, moved, &place, &err), 0);
			target->io = quick(NULL);
			ck_assert_int_eq(transaction_recover(&place, &recovered, &err), 0);
			find_end(target, &place);
			if (!recovered)
				ck_assert_int_eq(undo_named(moved, NULL, &err), 0);
		}
		ck_assert_msg(image_is(&fixture, &fixture.old), "call %d", number);
		ck_assert(!has_signpost(&fixture) && hint_is(NULL));
	}
}

TEST(places, where_no_lock_file_can_be_made_it_lies_beside_the_named_undo_file)
{
	struct bs_error err = {BS_OK, ""};
	struct target *target = target_open(fixture.image, &err);
	struct place place;
	char undo_file[160], lock[160];

	snprintf(undo_file, sizeof(undo_file), "%s/x.bootshift-undo", folder);
	snprintf(lock, sizeof(lock), "%s/x.bootshift-lock", folder);
	ck_assert_int_eq(chmod(fixture.folder, 0777), 0); /* others could replace it */
	ck_assert_ptr_nonnull(target);
	/* The undo file does not exist yet, so nothing has to be trusted. */
	ck_assert_msg(place_find_file(target, undo_file, &place, &err) == 0, "%s", err.message);
	ck_assert_str_eq(place.lock, lock);
	ck_assert_int_eq(chmod(fixture.folder, 0700), 0);
	find_end(target, &place);
}
