/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commit, recovery and undo of targets that are not regular files: a loop device, and NBD exports
 * of servers that behave well or badly.  The image of the fixture is behind each of them.  The
 * tests read the image directly.
 */
#include <signal.h>

#include "support/loop.h"
#include "support/server.h"
#include "transaction/lock.h"

#include "commit-fixture.h"

/* Returns a fixture whose image has another name: the name of a device, or a URI. */
static struct fixture named(const struct fixture *fixture, const char *name)
{
	struct fixture other = *fixture;

	ck_assert_uint_lt(strlen(name), sizeof(other.image));
	strcpy(other.image, name);
	return other;
}

/* Commits.  The undo file is in the fixture's folder, where undo and recovery look for it. */
static int fix_named(struct fixture *other, const struct transaction_io *io, struct bs_error *err)
{
	return fix_disturbed(other, io, other->folder, NULL, NULL, err);
}

static void assert_fixed_and_undone(struct fixture *fixture, const char *name)
{
	static struct fixture other;
	enum undo_outcome outcome;
	struct bs_error err = {BS_OK, ""};

	other = named(fixture, name);
	ck_assert_msg(fix_named(&other, NULL, &err) == 0, "%s", err.message);
	ck_assert(image_is(fixture, &other.new));
	ck_assert(!image_is(fixture, &fixture->old));
	ck_assert_msg(undo_telling(name, fixture->folder, NULL, &outcome, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(outcome, UNDO_OF_THE_FIX); /* there is no time, so undo cannot know more */
	ck_assert(image_is(fixture, &fixture->old));
}

static void assert_unchanged_after_recovery(const struct fixture *fixture, const char *name)
{
	struct bs_error err = {BS_OK, ""};
	bool recovered;

	ck_assert_msg(recover(name, fixture->folder, NULL, &recovered, &err) == 0, "%s",
		      err.message);
	ck_assert(image_is(fixture, &fixture->old));
}

/* ---- block devices -------------------------------------------------------------------------- */

TEST_CASE(device_tests, "device");

TEST(device_tests, undo_restores_a_block_device)
{
	static struct fixture fixture;
	char loop[LOOP_PATH_MAX];
	int device;

	fixture_open(&fixture);
	device = loop_attach(fixture.image, false, loop);
	if (device >= 0) {
		assert_fixed_and_undone(&fixture, loop);
		close(device);
		ck_assert(folder_is_clean(&fixture));
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_fix_of_a_device_with_one_failing_call_is_wholly_done_or_not_at_all)
{
	static struct fixture fixture, other;
	char loop[LOOP_PATH_MAX];
	int device;

	fixture_open(&fixture);
	device = loop_attach(fixture.image, false, loop);
	other = named(&fixture, loop);
	for (int number = 0; device >= 0; number++) {
		struct bs_error err = {BS_OK, ""};

		plan_trouble(&fixture, FAIL_ONCE, number, EIO);
		if (fix_named(&other, &bad_io, &err) == 0)
			ck_assert_int_eq(undo(loop, fixture.folder, NULL, &err), 0);
		assert_unchanged_after_recovery(&fixture, loop);
		if (!plan.refused)
			break;
	}
	if (device >= 0) {
		ck_assert_int_gt(plan.count, 15);
		close(device);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_device_does_not_grow)
{
	static struct fixture fixture, other;
	struct bs_error err = {BS_OK, ""};
	char loop[LOOP_PATH_MAX];
	int device;

	fixture_open(&fixture);
	device = loop_attach(fixture.image, false, loop);
	if (device >= 0) {
		other = named(&fixture, loop);
		other.grows = true;
		ck_assert_int_lt(fix_named(&other, NULL, &err), 0);
		ck_assert_int_eq(err.code, BS_FORMAT_UNSUPPORTED);
		ck_assert(image_is(&fixture, &fixture.old));
		close(device);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_read_only_device_is_refused_for_changing)
{
	static struct fixture fixture;
	struct bs_error err = {BS_OK, ""};
	char loop[LOOP_PATH_MAX];
	struct place place;
	int device;

	fixture_open(&fixture);
	device = loop_attach(fixture.image, true, loop);
	if (device >= 0) {
		struct target *target = find(loop, fixture.folder, &place);

		ck_assert_int_lt(target_check_writable(target, &err), 0);
		ck_assert_int_eq(err.code, BS_READ_ONLY);
		find_end(target, &place);
		close(device);
	}
	fixture_close(&fixture);
}

TEST(device_tests, a_loop_device_is_known_again_by_its_file)
{
	static struct fixture fixture;
	char one[LOOP_PATH_MAX], two[LOOP_PATH_MAX];
	int first, second;

	fixture_open(&fixture);
	first = loop_attach(fixture.image, false, one);
	second = loop_attach(fixture.image, false, two);
	if (first >= 0 && second >= 0) {
		struct place place, other;
		struct target *target = find(one, fixture.folder, &place);
		struct target *again = find(two, fixture.folder, &other);

		ck_assert_str_ne(one, two);
		ck_assert_str_eq(place.journal, other.journal);
		find_end(target, &place);
		find_end(again, &other);
	}
	if (first >= 0)
		close(first);
	if (second >= 0)
		close(second);
	fixture_close(&fixture);
}

/* ---- NBD: servers that behave well ----------------------------------------------------------- */

static const char *const servers[] = {"nbdkit", "qemu-nbd"};

static void serve(struct server *server, const struct fixture *fixture, const char *program)
{
	if (strcmp(program, "nbdkit") == 0)
		SERVER_START(server, fixture->folder, "nbdkit", "file", fixture->image);
	else
		SERVER_START(server, fixture->folder, "qemu-nbd", "--format=raw", fixture->image);
}

TEST_CASE(nbd, "nbd");

TEST_LOOP(nbd, undo_restores_an_nbd_export, 0, 2)
{
	static struct fixture fixture;
	struct server server;

	if (!test_needs_program(servers[_i]))
		return;
	fixture_open(&fixture);
	serve(&server, &fixture, servers[_i]);
	assert_fixed_and_undone(&fixture, server.uri);
	server_stop(&server);
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

TEST(nbd, a_stop_at_any_call_of_an_accept_leaves_an_export_that_can_be_undone_or_is_accepted)
{
	static struct fixture fixture, other;
	struct bs_error err = {BS_OK, ""};
	enum transaction_state state;
	struct server server;
	bool more = true, kept = false, accepted = false;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	serve(&server, &fixture, "nbdkit");
	for (int number = 0; more; number++) {
		other = named(&fixture, server.uri);
		ck_assert_msg(fix_named(&other, NULL, &err) == 0, "%s", err.message);
		more = stopped(&other, other.folder, ACCEPT, STOP, number);
		ck_assert_int_eq(find_state(server.uri, other.folder, &state, &err), 0);
		ck_assert(state == TRANSACTION_APPLIED || state == TRANSACTION_NONE);
		ck_assert(image_is(&fixture, &other.new));
		if (state == TRANSACTION_APPLIED)
			ck_assert_int_eq(undo(server.uri, other.folder, NULL, &err), 0);
		else
			make_image(&fixture);
		ck_assert(image_is(&fixture, &fixture.old));
		kept |= state == TRANSACTION_APPLIED;
		accepted |= state == TRANSACTION_NONE;
	}
	ck_assert(kept && accepted);
	server_stop(&server);
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

TEST(nbd, the_files_of_an_export_lie_in_the_state_directory)
{
	static struct fixture fixture;
	char state[96], folder[128];
	struct server server;
	struct place place, other;
	struct bs_error err = {BS_OK, ""};
	struct image_lock *lock;
	struct target *target, *again;
	struct stat stat;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	snprintf(state, sizeof(state), "%s/a/b", fixture.folder);
	snprintf(folder, sizeof(folder), "%s/bootshift", state);
	ck_assert_int_eq(setenv("XDG_STATE_HOME", state, 1), 0);
	serve(&server, &fixture, "nbdkit");
	target = find(server.uri, NULL, &place);
	ck_assert_int_eq(strncmp(place.journal, folder, strlen(folder)), 0);
	lock = lock_image(&place, LOCK_FOR_READING, &err);
	ck_assert_ptr_nonnull(lock);
	lock_release(lock);
	ck_assert_int_ne(access(folder, F_OK), 0);
	lock = lock_image(&place, LOCK_FOR_CHANGING, &err);
	ck_assert_msg(lock != NULL, "%s", err.message);
	ck_assert_ptr_null(lock_image(&place, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	lock_release(lock);
	ck_assert_int_eq(lstat(folder, &stat), 0);
	ck_assert_int_eq(stat.st_mode & 07777, 0700);
	server_stop(&server);

	/* An export with another size is another image. */
	ck_assert_int_eq(truncate(fixture.image, NEW_LENGTH), 0);
	serve(&server, &fixture, "nbdkit");
	again = find(server.uri, NULL, &other);
	ck_assert_str_ne(place.journal, other.journal);
	find_end(target, &place);
	find_end(again, &other);
	server_stop(&server);
	fixture_close(&fixture);
}

/* ---- NBD: servers that behave badly ---------------------------------------------------------- */

static void assert_cannot_be_changed(const char *uri, enum bs_code code, const char *message)
{
	struct bs_error err = {BS_OK, ""};
	struct target *target = target_open(uri, &err);

	/* The server may still count the client that checked whether it listens. */
	for (int i = 0; i < 2000 && target == NULL; i++) {
		usleep(5000);
		target = target_open(uri, &err);
	}
	ck_assert_msg(target != NULL, "%s", err.message);
	ck_assert_int_lt(target_check_writable(target, &err), 0);
	ck_assert_msg(err.code == code && strstr(err.message, message), "%s", err.message);
	target_close(target);
}

TEST(nbd, a_read_only_export_is_refused_for_changing)
{
	static struct fixture fixture;
	struct server server;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	SERVER_START(&server, fixture.folder, "nbdkit", "--readonly", "file", fixture.image);
	assert_cannot_be_changed(server.uri, BS_READ_ONLY, "lets nobody write");
	server_stop(&server);
	fixture_close(&fixture);
}

TEST(nbd, an_export_for_too_few_clients_is_refused_for_changing)
{
	static struct fixture fixture;
	struct server server;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	for (int clients = 1; clients <= 2; clients++) {
		SERVER_START(&server, fixture.folder, "nbdkit", "--filter=limit", "file",
			     fixture.image, clients == 1 ? "limit=1" : "limit=2");
		assert_cannot_be_changed(server.uri, BS_SERVER_UNSUITABLE,
					 clients == 1 ? "only one: " : "only two: ");
		server_stop(&server);
	}
	fixture_close(&fixture);
}

/* The second client of such a server waits for a greeting.  The message says for how long. */
TEST(nbd, a_server_that_leaves_the_second_client_waiting_is_soon_given_up)
{
	static struct fixture fixture;
	struct server server;

	if (!test_needs_program("qemu-nbd"))
		return;
	fixture_open(&fixture);
	SERVER_START(&server, fixture.folder, "qemu-nbd", "--format=raw", "--shared=1",
		     fixture.image);
	assert_cannot_be_changed(server.uri, BS_SERVER_UNSUITABLE,
				 "it has been silent for 5000 milliseconds");
	server_stop(&server);
	fixture_close(&fixture);
}

/*
 * Serves the image with shell commands: `flush` and `write` are the commands for these requests.
 * In them, $4 is the offset and $3 the length.
 */
static void serve_by_shell(struct server *server, const struct fixture *fixture, const char *flush,
			   const char *write)
{
	char size[256], read[256], writing[512];

	snprintf(size, sizeof(size), "get_size=stat -c %%s '%s'", fixture->image);
	snprintf(read, sizeof(read),
		 "pread=dd if='%s' iflag=skip_bytes,count_bytes skip=$4 count=$3 status=none",
		 fixture->image);
	snprintf(writing, sizeof(writing),
		 "pwrite=dd of='%s' oflag=seek_bytes seek=$4 conv=notrunc status=none; %s",
		 fixture->image, write);
	SERVER_START(server, fixture->folder, "nbdkit", "eval", size, read, writing, flush);
}

TEST(nbd, an_export_that_cannot_be_flushed_is_refused_for_changing)
{
	static struct fixture fixture;
	struct server server;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	serve_by_shell(&server, &fixture, "can_flush=exit 3", "true");
	assert_cannot_be_changed(server.uri, BS_SERVER_UNSUITABLE, "cannot flush");
	server_stop(&server);
	fixture_close(&fixture);
}

TEST(nbd, a_failed_flush_leaves_the_export_to_be_recovered)
{
	static struct fixture fixture, other;
	struct bs_error err = {BS_OK, ""};
	struct server server;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	serve_by_shell(&server, &fixture, "flush=echo EIO >&2; exit 1", "true");
	other = named(&fixture, server.uri);
	ck_assert_int_lt(fix_named(&other, NULL, &err), 0);
	ck_assert_msg(err.code == BS_RECOVERY_REQUIRED, "%s", err.message);
	server_stop(&server);
	serve(&server, &fixture, "nbdkit");
	assert_unchanged_after_recovery(&fixture, server.uri);
	server_stop(&server);
	ck_assert(folder_is_clean(&fixture));
	fixture_close(&fixture);
}

/* The server dies after the write with this number, counted from 1. */
TEST_LOOP(nbd, a_server_that_dies_in_a_commit_leaves_the_export_to_be_recovered, 1, 6)
{
	static struct fixture fixture, other;
	char fatal[256];
	struct bs_error err = {BS_OK, ""};
	struct server server;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	snprintf(fatal, sizeof(fatal),
		 "echo >>%1$s/writes; [ $(wc -l <%1$s/writes) -ne %2$d ] || kill -9 $PPID",
		 fixture.folder, _i);
	serve_by_shell(&server, &fixture, "flush=true", fatal);
	other = named(&fixture, server.uri);
	ck_assert_int_lt(fix_named(&other, NULL, &err), 0);
	ck_assert_msg(err.code == BS_RECOVERY_REQUIRED, "%s", err.message);
	ck_assert(!image_is(&fixture, &fixture.old));
	server_stop(&server);
	serve(&server, &fixture, "nbdkit");
	assert_unchanged_after_recovery(&fixture, server.uri);
	server_stop(&server);
	fixture_close(&fixture);
}

TEST(nbd, errors_of_a_server_leave_the_export_old_or_to_be_recovered)
{
	static struct fixture fixture, other;
	struct bs_error err = {BS_OK, ""};
	struct server server;
	int errors = 0;

	if (!test_needs_program("nbdkit"))
		return;
	fixture_open(&fixture);
	/* The errors are random.  The loop continues until one has occurred. */
	for (int turn = 0; turn < 8 || (errors == 0 && turn < 40); turn++) {
		int result;

		SERVER_START(&server, fixture.folder, "nbdkit", "--filter=error", "file",
			     fixture.image, "error-pwrite-rate=15%");
		other = named(&fixture, server.uri);
		result = fix_named(&other, NULL, &err);
		server_stop(&server);
		serve(&server, &fixture, "nbdkit");
		errors += result != 0;
		if (result == 0)
			ck_assert_int_eq(undo(server.uri, fixture.folder, NULL, &err), 0);
		else if (err.code != BS_RECOVERY_REQUIRED)
			ck_assert(image_is(&fixture, &fixture.old));
		assert_unchanged_after_recovery(&fixture, server.uri);
		server_stop(&server);
	}
	ck_assert_int_gt(errors, 0);
	fixture_close(&fixture);
}
