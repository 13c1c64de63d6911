/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The signpost on an image: who looks for the undo file of an interrupted fix or undo in the wrong
 * place is told where it is, and nothing of it stays when all is done.
 */
#include "commit-fixture.h"

Suite *commit_signpost_suite(void);

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
	bool has = setxattr(fixture.image, "user.bootshift.undo", "/", 1, 0) == 0;

	(void)!removexattr(fixture.image, "user.bootshift.undo");
	return has;
}

static void put_up_signpost(const char *journal)
{
	ck_assert_int_eq(
		setxattr(fixture.image, "user.bootshift.undo", journal, strlen(journal), 0), 0);
}

static char *undo_file_in(const char *undo_directory)
{
	struct place place;
	struct target *target = find(fixture.image, undo_directory, &place);
	char *path = strdup(place.journal);

	find_end(target, &place);
	return path;
}

/* ---- what was interrupted -------------------------------------------------------------------- */

/* Under this name, with this folder, the image is refused, and the undo file is named. */
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

/* After a stop: unless it is wholly old or marked as wholly new, every way to the image tells. */
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
	} else if (state != TRANSACTION_APPLIED) {
		ck_assert_msg(image_is(&fixture, &fixture.old), "call %d", plan.number);
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

START_TEST(a_fix_stopped_at_any_call_is_seen_under_another_name)
{
	check_stops(FIX, NULL);
}
END_TEST

START_TEST(a_fix_stopped_at_any_call_is_seen_without_its_undo_directory)
{
	check_stops(FIX, folder);
}
END_TEST

START_TEST(an_undo_stopped_at_any_call_is_seen_under_another_name)
{
	check_stops(UNDO, NULL);
}
END_TEST

START_TEST(an_undo_stopped_at_any_call_is_seen_without_its_undo_directory)
{
	check_stops(UNDO, folder);
}
END_TEST

/* ---- the order of calls ---------------------------------------------------------------------- */

static struct {
	bool up, durable, early; /* early: a byte of the image was written before it was durable */
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
	order.up = fsetxattr(descriptor, name, value, size, flags) == 0;
	return order.up ? 0 : -1;
}

static int order_fsync(int descriptor)
{
	order.durable |= order.up && is_image(descriptor);
	return 0;
}

static ssize_t order_pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
	order.early |= is_image(descriptor) && !order.durable;
	return pwrite(descriptor, bytes, length, offset);
}

START_TEST(the_signpost_is_durable_before_the_first_byte_is_written)
{
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	if (!file_system_has_signposts())
		return;
	io.fsetxattr = order_fsetxattr;
	io.fsync = order_fsync;
	io.pwrite = order_pwrite;
	ck_assert_int_eq(fix(&fixture, &io, &err), 0);
	ck_assert(order.durable && !order.early);
	ck_assert(!has_signpost(&fixture));
	memset(&order, 0, sizeof(order));
	ck_assert_int_eq(undo(fixture.image, NULL, &io, &err), 0);
	ck_assert(order.durable && !order.early);
	ck_assert(!has_signpost(&fixture));
}
END_TEST

/* ---- file systems without, and signposts that lead nowhere ------------------------------------
 */

static int no_room; /* errno */

static int fail_to_set(int descriptor, const char *name, const void *value, size_t size, int flags)
{
	(void)descriptor, (void)name, (void)value, (void)size, (void)flags;
	errno = no_room;
	return -1;
}

START_TEST(a_file_system_without_signposts_is_no_reason_to_fail)
{
	static const int errors[] = {ENOTSUP, ENOSPC, EDQUOT, E2BIG};
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	no_room = errors[_i];
	io.fsetxattr = fail_to_set;
	ck_assert_msg(fix(&fixture, &io, &err) == 0, "%s", err.message);
	ck_assert_msg(undo(fixture.image, NULL, &io, &err) == 0, "%s", err.message);
	ck_assert(image_is(&fixture, &fixture.old));
}
END_TEST

START_TEST(a_signpost_that_leads_to_nothing_interrupted_is_ignored_and_removed)
{
	static const char *const wrong[] = {"/nowhere/disk.img.bootshift-undo", "relative",
					    "/dev/null", ""};
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	char *undo_file;
	bool recovered;

	if (!file_system_has_signposts())
		return;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		put_up_signpost(wrong[i]);
		ck_assert_int_eq(find_state(fixture.image, NULL, &state, &err), 0);
		ck_assert_int_eq(state, TRANSACTION_NONE);
		ck_assert_int_eq(recover(fixture.image, NULL, NULL, &recovered, &err), 0);
		ck_assert(!recovered && !has_signpost(&fixture));
	}
	ck_assert_int_eq(fix_disturbed(&fixture, NULL, folder, NULL, &undo_file, &err), 0);
	put_up_signpost(undo_file);
	ck_assert_int_eq(find_state(fixture.image, NULL, &state, &err), 0);
	ck_assert_int_eq(state, TRANSACTION_NONE);
	ck_assert_int_eq(undo(fixture.image, folder, NULL, &err), 0);
	ck_assert(!has_signpost(&fixture));
	free(undo_file);
}
END_TEST

START_TEST(a_signpost_to_a_damaged_undo_file_is_not_ignored)
{
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	char *undo_file;

	if (!file_system_has_signposts())
		return;
	ck_assert_int_eq(fix_disturbed(&fixture, NULL, folder, NULL, &undo_file, &err), 0);
	put_up_signpost(undo_file);
	poke(undo_file, 40, 0x55);
	ck_assert_int_lt(find_state(fixture.image, NULL, &state, &err), 0);
	ck_assert_int_eq(err.code, BS_JOURNAL_DAMAGED);
	ck_assert_ptr_nonnull(strstr(err.message, undo_file));
	free(undo_file);
}
END_TEST

Suite *commit_signpost_suite(void)
{
	Suite *suite = suite_create("commit-signpost");
	TCase *interrupted = tcase_create("interrupted"), *whole = tcase_create("whole");

	tcase_add_checked_fixture(interrupted, setup, teardown);
	tcase_add_test(interrupted, a_fix_stopped_at_any_call_is_seen_under_another_name);
	tcase_add_test(interrupted, a_fix_stopped_at_any_call_is_seen_without_its_undo_directory);
	tcase_add_test(interrupted, an_undo_stopped_at_any_call_is_seen_under_another_name);
	tcase_add_test(interrupted, an_undo_stopped_at_any_call_is_seen_without_its_undo_directory);
	suite_add_tcase(suite, interrupted);
	tcase_add_checked_fixture(whole, setup, teardown);
	tcase_add_test(whole, the_signpost_is_durable_before_the_first_byte_is_written);
	tcase_add_loop_test(whole, a_file_system_without_signposts_is_no_reason_to_fail, 0, 4);
	tcase_add_test(whole, a_signpost_that_leads_to_nothing_interrupted_is_ignored_and_removed);
	tcase_add_test(whole, a_signpost_to_a_damaged_undo_file_is_not_ignored);
	suite_add_tcase(suite, whole);
	return suite;
}
