/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commit, recovery and undo of a disk in three files, while another program replaces or writes to
 * one of them.  test/crash has the interruptions.
 */
#include <dirent.h>

#include "engine/container.h"
#include "transaction/ends.h"
#include "transaction/lock.h"

#include "commit-fixture.h"

#define PARTS     3
#define PART_SIZE (8u * KIB)
#define SET_SIZE  (PARTS * PART_SIZE)

/* One change reaches from one file into the next. */
static const struct range set_changes[] = {
	{0, 512}, {PART_SIZE - 512, KIB}, {12 * KIB, 512}, {20 * KIB, 512}};
static const struct range set_zone = {17 * KIB, 512};

#define FOREIGN 2048u /* in each file: neither changed nor in a zone */

static struct fixture set; /* only the folder, and the image: the text */
static char paths[PARTS + 1][96];
static int files[PARTS]; /* the files themselves, whatever their names are now */
static uint8_t old[SET_SIZE], new[SET_SIZE];

/* Writes a text of VMware that describes the parts in an order; `extent` is the type of the extents. */
static void write_text_of(const char *type, const char *extent, const char *offset,
			  const int order[PARTS])
{
	FILE *text = fopen(set.image, "we");

	fprintf(text,
		"# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
		"createType=\"%s\"\n",
		type);
	for (int i = 0; i < PARTS; i++)
		fprintf(text, "RW %u %s \"part%d\"%s\n", PART_SIZE / 512, extent, order[i], offset);
	ck_assert_int_eq(fclose(text), 0);
	set_time_to_past(set.image);
}

static void write_text(const int order[PARTS])
{
	write_text_of("twoGbMaxExtentFlat", "FLAT", " 0", order);
}

static void make_file(const char *path, const uint8_t *bytes)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_eq(pwrite(file, bytes, PART_SIZE, 0), PART_SIZE);
	close(file);
	set_time_to_past(path);
}

static void make_set(void)
{
	static const int order[PARTS] = {0, 1, 2};
	DIR *folder = opendir(set.folder);
	const struct dirent *entry;

	while ((entry = readdir(folder)))
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	write_text(order);
	for (int i = 0; i < PARTS; i++) {
		make_file(paths[i], old + i * PART_SIZE);
		if (files[i] > 0)
			close(files[i]);
		files[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
		ck_assert_int_gt(files[i], 0);
	}
}

static void setup(void)
{
	memset(&set, 0, sizeof(set));
	make_folder(&set);
	snprintf(set.image, sizeof(set.image), "%s/disk.vmdk", set.folder);
	for (int i = 0; i < PARTS; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/part%d", set.folder, i);
	snprintf(paths[PARTS], sizeof(paths[PARTS]), "%s", set.image);
	for (unsigned i = 0; i < SET_SIZE; i++)
		old[i] = new[i] = (uint8_t)(i * 7 + i / 256 + 1);
	for (size_t i = 0; i < sizeof(set_changes) / sizeof(set_changes[0]); i++)
		memset(new + set_changes[i].offset, 0xee, set_changes[i].length);
	make_set();
}

static void teardown(void)
{
	for (int i = 0; i < PARTS; i++)
		close(files[i]);
	fixture_close(&set);
}

static void read_set(uint8_t bytes[SET_SIZE])
{
	for (int i = 0; i < PARTS; i++)
		ck_assert_int_eq(pread(files[i], bytes + i * PART_SIZE, PART_SIZE, 0), PART_SIZE);
}

/* Whether the files have these bytes, apart from a byte of another program; -1: there is none. */
static bool set_is(const uint8_t *expected, int foreign_in)
{
	static uint8_t now[SET_SIZE];

	read_set(now);
	if (foreign_in >= 0 && foreign_in < PARTS)
		now[foreign_in * PART_SIZE + FOREIGN] = expected[foreign_in * PART_SIZE + FOREIGN];
	return memcmp(now, expected, SET_SIZE) == 0;
}

static int commit_set(struct target *target, struct place *place, struct bs_error *err)
{
	struct overlay *overlay = overlay_open(target->disk, 1 << 20, NULL, err);
	struct commit_request request = {
		.place = place, .overlay = overlay, .zones = &set_zone, .zone_count = 1};
	struct commit_result ignored;
	int result = 0;

	for (size_t i = 0; i < sizeof(set_changes) / sizeof(set_changes[0]) && result == 0; i++)
		result = disk_write(overlay_disk(overlay), set_changes[i].offset,
				    new + set_changes[i].offset, set_changes[i].length, err);
	ck_assert_int_eq(result, 0);
	result = transaction_commit(&request, &ignored, err);
	disk_close(overlay_disk(overlay));
	return result;
}

/* Does what a command does, with a table of calls. */
static int run(enum action action, const struct transaction_io *io, enum undo_outcome *outcome,
	       struct bs_error *err)
{
	const struct bs_options options = {0};
	struct container container;
	struct place place = {0};
	struct image_lock *lock = NULL;
	bool recovered;
	int result = -1;

	if (container_open_target(&container, set.image, &options, err) == 0 &&
	    place_find(container.target, NULL, &place, err) == 0)
		lock = lock_image(&place, LOCK_FOR_CHANGING, err);
	if (lock) {
		container.target->io = quick(io);
		result = action == FIX    ? commit_set(container.target, &place, err)
			 : action == UNDO ? transaction_undo(&place, outcome, err)
					  : transaction_recover(&place, &recovered, err);
	}
	lock_release(lock);
	place_free(&place);
	container_close(&container);
	return result;
}

static void run_well(enum action action)
{
	enum undo_outcome outcome;
	struct bs_error err = {BS_OK, ""};

	ck_assert_msg(run(action, NULL, &outcome, &err) == 0, "%s", err.message);
}

/* ---- what another program does -------------------------------------------------------------- */

static int chosen; /* the number of a part; PARTS: the text */

/* The file gets another name, and a file of the same length has its name. */
static void replace_chosen(const struct fixture *fixture)
{
	uint8_t other[PART_SIZE];
	char away[128];

	(void)fixture;
	memset(other, 0x55, sizeof(other));
	snprintf(away, sizeof(away), "%s.away", paths[chosen]);
	ck_assert_int_eq(rename(paths[chosen], away), 0);
	make_file(paths[chosen], other);
}

/* Whether the other file is as it was made. */
static bool other_is_untouched(void)
{
	uint8_t now[PART_SIZE];
	int file = open(paths[chosen], O_RDONLY | O_CLOEXEC);
	bool same = pread(file, now, sizeof(now), 0) == PART_SIZE;

	for (size_t i = 0; i < sizeof(now); i++)
		same &= now[i] == 0x55;
	same &= fgetxattr(file, SIGNPOST, NULL, 0) < 0;
	close(file);
	return same;
}

static void put_back_chosen(void)
{
	char away[128];

	snprintf(away, sizeof(away), "%s.away", paths[chosen]);
	ck_assert_int_eq(rename(away, paths[chosen]), 0);
}

TEST_CASE(set_tests, "set", .setup = setup, .teardown = teardown);

/* Then the set is old, or new, or can be made old once it has its own file again. */
static void assert_recoverable(const char *what, int number)
{
	struct bs_error err = {BS_OK, ""};
	enum undo_outcome outcome;

	ck_assert_msg(run(RECOVER, NULL, &outcome, &err) == 0, "%s: call %d: %s", what, number,
		      err.message);
	if (!set_is(old, -1)) {
		ck_assert_msg(set_is(new, -1), "%s: call %d", what, number);
		run_well(UNDO);
	}
	ck_assert_msg(set_is(old, -1), "%s: call %d", what, number);
}

TEST_LOOP(set_tests, a_file_that_replaced_a_part_at_any_call_is_never_written, 0, 2 * PARTS)
{
	enum action action = _i < PARTS ? FIX : UNDO;
	int failures = 0;

	chosen = _i % PARTS;
	plan.meddle = replace_chosen;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};
		enum undo_outcome outcome;

		make_set();
		if (action == UNDO)
			run_well(FIX);
		plan_trouble(&set, MEDDLE, number, 0);
		failures += run(action, &bad_io, &outcome, &err) < 0;
		if (!plan.refused)
			break;
		ck_assert_msg(other_is_untouched(), "call %d", number);
		put_back_chosen();
		assert_recoverable("replaced", number);
	}
	ck_assert_int_gt(failures, 8);
}

/* ---- the text ------------------------------------------------------------------------------- */

static void reverse_text(const struct fixture *fixture)
{
	static const int order[PARTS] = {2, 1, 0};

	(void)fixture;
	write_text(order);
}

/* A command goes on with the files that it has opened, or does nothing. */
TEST_LOOP(set_tests, a_text_that_changes_at_any_call_leaves_old_or_new, FIX, RECOVER)
{
	static const int order[PARTS] = {0, 1, 2};
	int failures = 0;

	plan.meddle = reverse_text;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};
		enum undo_outcome outcome;

		make_set();
		if (_i == UNDO)
			run_well(FIX);
		plan_trouble(&set, MEDDLE, number, 0);
		failures += run((enum action)_i, &bad_io, &outcome, &err) < 0;
		if (!plan.refused)
			break;
		ck_assert_msg(set_is(old, -1) || set_is(new, -1), "call %d", number);
		write_text(order);
		assert_recoverable("text", number);
	}
	ck_assert_int_ge(failures, _i == FIX ? 3 : 0);
}

/* The bytes of the files do not fit the journal in this order. */
TEST(set_tests, files_in_another_order_are_not_undone)
{
	enum undo_outcome outcome;
	struct bs_error err = {BS_OK, ""};

	run_well(FIX);
	reverse_text(NULL);
	ck_assert_int_lt(run(UNDO, NULL, &outcome, &err), 0);
	ck_assert_int_eq(err.code, BS_CHANGED_SINCE);
	ck_assert(set_is(new, -1));
}

/* ---- writes of others ----------------------------------------------------------------------- */

static void write_foreign(const struct fixture *fixture)
{
	(void)fixture;
	poke(paths[chosen], FOREIGN, 0x99);
}

/* The kernel tells of a write by another process. */
static void write_foreign_from_another_process(const struct fixture *fixture)
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		write_foreign(fixture);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

TEST_LOOP(set_tests, a_foreign_write_to_any_part_at_any_call_is_noticed_and_kept, 0, PARTS)
{
	int told = 0;

	chosen = _i;
	plan.meddle = write_foreign_from_another_process;
	for (int number = 0;; number++) {
		struct bs_error err = {BS_OK, ""};
		enum undo_outcome outcome;
		uint8_t byte;

		make_set();
		plan_trouble(&set, MEDDLE, number, 0);
		if (run(FIX, &bad_io, &outcome, &err) == 0) {
			bool meddled = plan.refused;

			ck_assert_int_eq(run(UNDO, NULL, &outcome, &err), 0);
			ck_assert_msg(outcome == (meddled ? UNDO_OF_THE_FIX : UNDO_EXACT),
				      "call %d", number);
			told += meddled;
		} else {
			ck_assert_msg(err.code == BS_CHANGED_MEANWHILE, "call %d: %s", number,
				      err.message);
		}
		ck_assert_msg(set_is(old, chosen), "call %d", number);
		if (!plan.refused)
			break;
		ck_assert_int_eq(pread(files[chosen], &byte, 1, FOREIGN), 1);
		ck_assert_uint_eq(byte, 0x99);
	}
	ck_assert_int_gt(told, 8);
}

TEST_LOOP(set_tests, a_part_that_was_written_to_since_the_fix_is_not_undone, 0, PARTS)
{
	static const uint32_t places[PARTS] = {100, PART_SIZE + 100, 17 * KIB + 100}; /* a zone */
	uint32_t place = places[_i];
	enum undo_outcome outcome;
	struct bs_error err = {BS_OK, ""};

	run_well(FIX);
	poke(paths[_i], place % PART_SIZE, 0x99);
	new[place] = 0x99;
	ck_assert_int_lt(run(UNDO, NULL, &outcome, &err), 0);
	ck_assert_int_eq(err.code, BS_CHANGED_SINCE);
	ck_assert(set_is(new, -1));
}

/* The kernel does not report each write, for example those to a file of a network. */
TEST_LOOP(set_tests, a_write_to_a_part_between_writes_to_others_is_noticed_without_reports, 0,
	  PARTS)
{
	const struct bs_options options = {0};
	struct bs_error err = {BS_OK, ""};
	struct container container;
	struct target *writing;

	ck_assert_int_eq(container_open_target(&container, set.image, &options, &err), 0);
	writing = target_reopen(container.target, TARGET_WRITE, &err);
	ck_assert_ptr_nonnull(writing);
	close(writing->watch);
	writing->watch = -1;
	target_begin_changes(writing);
	poke(paths[_i], FOREIGN, 0x99);
	ck_assert_int_eq(target_write(writing, (_i + 1) % PARTS * PART_SIZE, new, 512, &err), 0);
	target_end_changes(writing);
	ck_assert(target_is_disturbed(writing));
	target_close(writing);
	container_close(&container);
}

/* ---- files that grow ------------------------------------------------------------------------ */

#define GROWTH 4096u

static bool lengthens; /* the next sync of a part that has grown makes this part longer still */

static int sync_and_lengthen(int descriptor)
{
	struct stat status;

	if (lengthens && fstat(descriptor, &status) == 0 && status.st_size == PART_SIZE + GROWTH) {
		lengthens = false;
		ck_assert_int_eq(ftruncate(descriptor, status.st_size + 512), 0);
	}
	return fsync(descriptor);
}

/* Adds zeros at the end of part 1. */
static int lengthen_part(const struct transaction_io *io, struct bs_error *err)
{
	const struct bs_options options = {0};
	struct container container;
	struct place place = {0};
	struct image_lock *lock;
	struct range_vector growths = {0};
	struct commit_request request = {.place = &place, .growths = &growths};
	struct commit_result ignored;
	uint64_t room;
	int result;

	ck_assert_int_eq(container_open_target(&container, set.image, &options, err), 0);
	ck_assert_int_eq(place_find(container.target, NULL, &place, err), 0);
	lock = lock_image(&place, LOCK_FOR_CHANGING, err);
	container.target->io = io;
	request.overlay = overlay_open(container.target->disk, 1 << 20, NULL, err);
	room = container.target->parts.items[0]->room;
	ck_assert_int_eq(
		range_vector_append(&growths, (struct range){room + PART_SIZE, GROWTH}, err), 0);
	result = transaction_commit(&request, &ignored, err);
	range_vector_free(&growths);
	disk_close(overlay_disk(request.overlay));
	lock_release(lock);
	place_free(&place);
	container_close(&container);
	return result;
}

/* Behind the end there are zeros, in the image as in what was verified. */
TEST(set_tests, a_part_that_has_not_its_new_end_is_taken_back)
{
	struct transaction_io io = transaction_real_io;
	struct bs_error err = {BS_OK, ""};
	static const int order[PARTS] = {0, 1, 2};

	write_text_of("twoGbMaxExtentSparse", "SPARSE", "", order);
	io.fsync = sync_and_lengthen;
	lengthens = true;
	ck_assert_int_eq(lengthen_part(&io, &err), -1);
	ck_assert(!lengthens);
	ck_assert_int_eq(err.code, BS_CHANGED_MEANWHILE); /* by the time of the part */
	ck_assert_int_eq(lseek(files[1], 0, SEEK_END), PART_SIZE);
	ck_assert_int_eq(lengthen_part(&io, &err), 0);
	ck_assert_int_eq(lseek(files[1], 0, SEEK_END), PART_SIZE + GROWTH);
	run_well(UNDO);
	ck_assert_int_eq(lseek(files[1], 0, SEEK_END), PART_SIZE);
	ck_assert(set_is(old, -1));
}

/* Only a journal that was not made by a fix says so. */
TEST(set_tests, no_part_was_empty_before_a_fix)
{
	const struct bs_options options = {0};
	struct bs_error err = {BS_OK, ""};
	struct range growth = {PART_SIZE, PART_SIZE};
	struct range_vector growths = {.items = &growth, .count = 1};
	struct journal_header header = {.old_length = SET_SIZE - PART_SIZE, .new_length = SET_SIZE};
	struct container container;

	ck_assert_int_eq(container_open_target(&container, set.image, &options, &err), 0);
	ck_assert_int_eq(
		ends_check(container.target, &header, &growths, ENDS_EITHER, BS_VERIFY, &err), -1);
	growth = (struct range){PART_SIZE + 512, PART_SIZE - 512};
	header.old_length += 512;
	ck_assert_int_eq(
		ends_check(container.target, &header, &growths, ENDS_EITHER, BS_VERIFY, &err), 0);
	container_close(&container);
}

/* ---- errors ---------------------------------------------------------------------------------- */

TEST(set_tests, the_folder_without_room_is_named_once_and_so_is_the_file)
{
	struct bs_error err = {BS_OK, ""};
	enum undo_outcome outcome;
	int told = 0, parts = 0;

	for (int number = 0;; number++) {
		const char *first;

		plan_trouble(&set, FAIL_ONCE, number, ENOSPC);
		if (run(FIX, &bad_io, &outcome, &err) == 0 && !plan.refused)
			break;
		first = strstr(err.message, "no room in ");
		told += first != NULL;
		for (int i = 0; i < PARTS; i++) {
			char name[24];

			snprintf(name, sizeof(name), "part%d: ", i);
			parts += strncmp(err.message, name, strlen(name)) == 0;
		}
		ck_assert_msg(!first || !strstr(first + 1, "no room in "), "%s", err.message);
		make_set();
	}
	ck_assert_int_gt(told, 2);
	ck_assert_int_gt(parts, 2);
}

TEST(set_tests, a_fix_with_a_failing_call_leaves_no_signpost_if_it_is_done)
{
	struct bs_error err = {BS_OK, ""};
	enum undo_outcome outcome;
	bool more = true;

	for (int number = 0; more; number++) {
		make_set();
		plan_trouble(&set, FAIL_ONCE, number, EIO);
		more = run(FIX, &bad_io, &outcome, &err) < 0 || plan.refused;
		for (int i = 0; i < PARTS && set_is(new, -1); i++)
			ck_assert_msg(fgetxattr(files[i], SIGNPOST, NULL, 0) < 0, "call %d",
				      number);
	}
}

/* ---- two texts with one file ---------------------------------------------------------------- */

TEST(set_tests, each_part_of_a_half_written_set_leads_to_its_undo_file)
{
	struct bs_error err = {BS_OK, ""};
	enum undo_outcome outcome;
	char journal[160];
	journal_path(&set, journal, sizeof(journal));
	for (int number = 0;; number++) {
		int status = 0, up = 0;
		bool half;
		pid_t child;

		make_set();
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			plan_trouble(&set, STOP, number, 0);
			_exit(run(FIX, &bad_io, &outcome, &err) == 0 ? 0 : 1);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		half = !set_is(old, -1) && !set_is(new, -1);
		for (int i = 0; i < PARTS; i++) {
			enum transaction_state state;
			struct bs_error why = {BS_OK, ""};

			up += fgetxattr(files[i], SIGNPOST, NULL, 0) > 0;
			if (half && find_state(paths[i], NULL, &state, &why) == 0)
				ck_abort_msg("part %d is taken for a whole image", i);
			ck_assert(!half || strstr(why.message, journal));
		}
		ck_assert(!half || up == PARTS);
		if (WEXITSTATUS(status) == 0)
			break;
		assert_recoverable("stopped", number);
	}
}
