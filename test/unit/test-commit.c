/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commit and undo of real files without failures: what they do, and what they refuse. */
#include "commit-fixture.h"

/* ---- success --------------------------------------------------------------------------------- */

static void check_fix_and_undo(bool grows)
{
	static struct fixture fixture;
	static struct snapshot now;
	enum undo_outcome outcome;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fixture.grows = grows;
	fix_well(&fixture);
	ck_assert(image_is(&fixture, &fixture.new));
	ck_assert(!image_is(&fixture, &fixture.old));
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	ck_assert_msg(undo_telling(fixture.image, NULL, NULL, &outcome, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(outcome, UNDO_EXACT);
	ck_assert(image_is(&fixture, &fixture.old));
	take_snapshot(fixture.image, &now);
	ck_assert_str_eq(now.map, fixture.old.map);
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

TEST_CASE(good, "good");

TEST(good, undo_restores_a_sparse_file_with_its_holes)
{
	check_fix_and_undo(false);
}

TEST(good, undo_restores_the_length_of_a_file_that_grew)
{
	check_fix_and_undo(true);
}

TEST(good, undo_gives_back_the_space_that_the_fix_took)
{
	static struct fixture fixture;
	struct stat before, after;
	struct bs_error err;

	fixture_open(&fixture);
	fixture.grows = true;
	sync();
	ck_assert_int_eq(stat(fixture.image, &before), 0);
	fix_well(&fixture);
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert_int_eq(stat(fixture.image, &after), 0);
	/* At most one more block: ext4 keeps the index block that many extents needed. */
	ck_assert_int_le(after.st_blocks, before.st_blocks + 8);
	fixture_close(&fixture);
}

TEST(good, the_undo_file_lies_in_the_undo_directory)
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
	ck_assert_int_eq(undo(fixture.image, folder, NULL, &err), 0);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert_int_ne(access(undo_file, F_OK), 0);
	free(undo_file);
	fixture_close(&fixture);
}

TEST(good, a_symbolic_link_leads_to_the_same_undo_file)
{
	static struct fixture fixture;
	char link[128];
	struct bs_error err;

	fixture_open(&fixture);
	fix_well(&fixture);
	snprintf(link, sizeof(link), "%s/link", fixture.folder);
	ck_assert_int_eq(symlink(fixture.image, link), 0);
	ck_assert_int_eq(undo(link, NULL, NULL, &err), 0);
	ck_assert(image_is(&fixture, &fixture.old));
	fixture_close(&fixture);
}

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

TEST_CASE(refused, "refused");

TEST(refused, a_fix_is_refused_when_the_image_was_written_meanwhile)
{
	check_fix_refused(write_a_byte, BS_CHANGED_MEANWHILE);
}

static const char *written_while_syncing, *written_while_renaming;
static int renames;

static int fsync_and_write(int descriptor)
{
	if (written_while_syncing)
		poke(written_while_syncing, 200 * KIB, 1);
	written_while_syncing = NULL;
	return fsync(descriptor);
}

static int rename_and_write(const char *from, const char *to)
{
	if (written_while_renaming)
		poke(written_while_renaming, 31 * KIB, 0x55);
	renames++;
	return rename(from, to);
}

TEST(refused, a_fix_is_refused_when_the_image_is_written_while_the_journal_is)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	io.fsync = fsync_and_write;
	io.rename = rename_and_write;
	renames = 0;
	written_while_syncing = fixture.image;
	ck_assert_int_lt(fix(&fixture, &io, &err), 0);
	ck_assert_int_eq(err.code, BS_CHANGED_MEANWHILE);
	ck_assert_int_eq(renames, 0);
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

/* The write changes bytes that the fix changes too.  The journal has the older bytes. */
TEST(refused, a_fix_is_refused_when_the_image_is_written_while_the_journal_is_renamed)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	io.rename = rename_and_write;
	written_while_renaming = fixture.image;
	ck_assert_int_lt(fix(&fixture, &io, &err), 0);
	written_while_renaming = NULL;
	ck_assert_int_eq(err.code, BS_CHANGED_MEANWHILE);
	fixture.old.bytes[31 * KIB] = 0x55;
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

static const struct fixture *replaced;

static int ftruncate_and_replace(int descriptor, off_t length)
{
	if (replaced)
		replace(replaced);
	replaced = NULL;
	return ftruncate(descriptor, length);
}

TEST(refused, an_image_that_replaced_the_other_during_a_fix_is_not_written)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fixture.grows = true;
	io.ftruncate = ftruncate_and_replace;
	replaced = &fixture;
	ck_assert_int_lt(fix(&fixture, &io, &err), 0);
	ck_assert_ptr_null(replaced);
	ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
	ck_assert_ptr_nonnull(strstr(err.message, "replaced"));
	ck_assert(image_is(&fixture, &fixture.old) && !has_signpost(&fixture));
	fixture_close(&fixture);
}

/* ---- a storage that loses a write ------------------------------------------------------------ */

static const char *losing; /* the image that loses its next write, or NULL */

static bool pwrite_is_of_image(int descriptor)
{
	struct stat image, this;

	return losing && stat(losing, &image) == 0 && fstat(descriptor, &this) == 0 &&
	       image.st_ino == this.st_ino;
}

static ssize_t pwrite_or_lose(int descriptor, const void *bytes, size_t length, off_t offset)
{
	if (pwrite_is_of_image(descriptor)) {
		losing = NULL;
		return (ssize_t)length;
	}
	return pwrite(descriptor, bytes, length, offset);
}

TEST(refused, a_fix_that_does_not_read_back_is_taken_back)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	io.pwrite = pwrite_or_lose;
	losing = fixture.image;
	ck_assert_int_lt(fix(&fixture, &io, &err), 0);
	ck_assert_ptr_null(losing);
	ck_assert_int_eq(err.code, BS_VERIFY);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

/* Changes a byte in the middle of what is written to another file than the image. */
static ssize_t pwrite_or_spoil(int descriptor, const void *bytes, size_t length, off_t offset)
{
	uint8_t *spoiled;
	ssize_t written;

	if (pwrite_is_of_image(descriptor))
		return pwrite(descriptor, bytes, length, offset);
	spoiled = malloc(length);
	ck_assert_ptr_nonnull(spoiled);
	memcpy(spoiled, bytes, length);
	spoiled[length / 2] ^= 1;
	written = pwrite(descriptor, spoiled, length, offset);
	free(spoiled);
	return written;
}

TEST(refused, a_fix_whose_undo_file_does_not_read_back_writes_nothing)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	io.pwrite = pwrite_or_spoil;
	losing = fixture.image;
	ck_assert_int_lt(fix(&fixture, &io, &err), 0);
	ck_assert_int_eq(err.code, BS_VERIFY);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert(folder_is_clean(&fixture));
	losing = NULL;
	fixture_close(&fixture);
}

TEST(refused, an_undo_that_does_not_read_back_is_not_done)
{
	static struct fixture fixture;
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};
	bool recovered;

	fixture_open(&fixture);
	fix_well(&fixture);
	io.pwrite = pwrite_or_lose;
	losing = fixture.image;
	ck_assert_int_lt(undo(fixture.image, NULL, &io, &err), 0);
	ck_assert_ptr_null(losing);
	ck_assert_int_eq(err.code, BS_RECOVERY_REQUIRED);
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_INTERRUPTED);
	ck_assert_int_eq(recover(fixture.image, NULL, NULL, &recovered, &err), 0);
	ck_assert(recovered && image_is(&fixture, &fixture.old));
	fixture_close(&fixture);
}

TEST(refused, a_fix_is_refused_when_the_image_was_replaced_meanwhile)
{
	check_fix_refused(replace, BS_CHANGED_MEANWHILE);
}

TEST(refused, a_fix_of_a_read_only_image_is_refused)
{
	check_fix_refused(make_read_only, BS_READ_ONLY);
}

TEST(refused, a_second_fix_does_not_destroy_the_undo_file)
{
	static struct fixture fixture;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fix_well(&fixture);
	ck_assert_int_lt(fix(&fixture, NULL, &err), 0);
	ck_assert_int_eq(err.code, BS_UNDO_FILE_EXISTS);
	ck_assert_int_eq(undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert(image_is(&fixture, &fixture.old));
	fixture_close(&fixture);
}

TEST(refused, undo_without_an_undo_file_says_so)
{
	static struct fixture fixture;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	ck_assert_int_lt(undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert_int_eq(err.code, BS_NO_UNDO_FILE);
	fixture_close(&fixture);
}

static void check_undo_refused(off_t offset, enum bs_code code)
{
	static struct fixture fixture;
	static struct snapshot changed;
	enum undo_outcome outcome;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fix_well(&fixture);
	poke(fixture.image, offset, 0x55);
	set_time_to_past(fixture.image); /* differs from the time at the end of the fix */
	take_snapshot(fixture.image, &changed);
	plan_trouble(&fixture, NONE, 0, 0);
	if (undo_telling(fixture.image, NULL, &bad_io, &outcome, &err) == 0) {
		ck_assert_int_eq(outcome, UNDO_OF_THE_FIX);
		err.code = BS_OK;
	}
	ck_assert_int_eq(err.code, code);
	if (code != BS_OK) {
		ck_assert_int_eq(plan.writes, 0);
		ck_assert(image_is(&fixture, &changed));
		ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	}
	fixture_close(&fixture);
}

TEST(refused, undo_is_refused_when_a_changed_range_was_written_since)
{
	check_undo_refused(31 * KIB, BS_CHANGED_SINCE);
}

TEST(refused, undo_is_refused_when_a_guard_zone_was_written_since)
{
	check_undo_refused(152 * KIB, BS_CHANGED_SINCE);
}

TEST(refused, undo_is_refused_when_the_length_changed_since)
{
	check_undo_refused(OLD_LENGTH, BS_CHANGED_SINCE);
}

TEST(refused, undo_leaves_alone_what_neither_the_fix_nor_a_guard_zone_touched)
{
	check_undo_refused(170 * KIB, BS_OK);
}

TEST(refused, a_damaged_journal_writes_nothing)
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
	ck_assert_int_lt(undo(fixture.image, NULL, &bad_io, &err), 0);
	ck_assert_int_eq(err.code, BS_UNDO_FILE_DAMAGED);
	ck_assert_int_eq(plan.writes, 0);
	ck_assert(image_is(&fixture, &before));
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	fixture_close(&fixture);
}

TEST(refused, a_journal_cut_behind_its_marks_still_tells_that_the_fix_is_finished)
{
	static struct fixture fixture;
	struct bs_error err = {BS_OK, ""};
	char journal[128];

	fixture_open(&fixture);
	fix_well(&fixture);
	journal_path(&fixture, journal, sizeof(journal));
	ck_assert_int_eq(truncate(journal, JOURNAL_FIRST_RECORD), 0);
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	ck_assert_int_lt(undo(fixture.image, NULL, NULL, &err), 0);
	ck_assert_int_eq(err.code, BS_UNDO_FILE_DAMAGED);
	ck_assert(image_is(&fixture, &fixture.new));
	fixture_close(&fixture);
}

TEST_LOOP(refused, undo_writes_nothing_to_an_image_that_is_the_old_one_already, 0, 2)
{
	static struct fixture fixture;
	enum undo_outcome outcome;
	struct bs_error err = {BS_OK, ""};

	fixture_open(&fixture);
	fixture.grows = _i == 1;
	fix_well(&fixture);
	make_image(&fixture);
	plan_trouble(&fixture, NONE, 0, 0);
	ck_assert_int_eq(undo_telling(fixture.image, NULL, &bad_io, &outcome, &err), 0);
	ck_assert_int_eq(outcome, UNDO_NOT_NEEDED);
	ck_assert_int_eq(plan.writes, 0);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert_int_eq(state_of(&fixture), TRANSACTION_APPLIED);
	fixture_close(&fixture);
}

TEST(refused, what_an_undo_file_fits_is_not_told_without_an_undo_file)
{
	static struct fixture fixture;
	struct bs_error err = {BS_OK, ""};
	struct target *target;
	struct place place;
	bool fits;

	fixture_open(&fixture);
	target = find(fixture.image, NULL, &place);
	ck_assert_int_eq(transaction_fits(&place, &fits, &err), -1);
	ck_assert_int_eq(err.code, BS_NO_UNDO_FILE);
	find_end(target, &place);
	fixture_close(&fixture);
}

TEST(refused, a_fix_that_would_make_the_image_shorter_is_refused)
{
	static struct fixture fixture;
	struct commit_result result = {0};
	struct bs_error err = {BS_OK, ""};
	struct overlay *overlay;
	struct target *target;
	struct place place;

	fixture_open(&fixture);
	target = find(fixture.image, NULL, &place);
	overlay = overlay_open(target->disk, 1 << 20, NULL, &err);
	ck_assert_int_eq(overlay_resize(overlay, OLD_LENGTH - 4096, &err), 0);
	ck_assert_int_lt(
		transaction_check_commit(
			&(struct commit_request){.place = &place, .overlay = overlay}, &err),
		0);
	ck_assert_int_eq(err.code, BS_FORMAT_UNSUPPORTED);
	ck_assert_int_lt(
		transaction_commit(&(struct commit_request){.place = &place, .overlay = overlay},
				   &result, &err),
		0);
	ck_assert_int_eq(err.code, BS_FORMAT_UNSUPPORTED);
	disk_close(overlay_disk(overlay));
	find_end(target, &place);
	ck_assert(image_is(&fixture, &fixture.old));
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}
