/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images that are not regular files: a Windows disk on a block device, and behind an NBD server.
 * The tests check the file behind the device or the server.
 */
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/loop.h"
#include "support/report.h"
#include "support/server.h"

enum kind { DEVICE, NBD, KIND_COUNT };

/* An image and the name under which it is shown.  `name` is NULL if this system cannot show it. */
struct shown {
	enum kind kind;
	const char *file, *folder, *name;
	char loop[LOOP_PATH_MAX];
	int device;
	struct server server;
};

static const char *folder_of(const char *path)
{
	return text("%.*s", (int)(strrchr(path, '/') - path), path);
}

/* `filter` is an nbdkit filter that makes the NBD server slow, or NULL. */
static void show(struct shown *shown, enum kind kind, const char *file, const char *filter)
{
	*shown =
		(struct shown){.kind = kind, .file = file, .folder = folder_of(file), .device = -1};
	ck_assert_int_eq(setenv("XDG_STATE_HOME", shown->folder, 1), 0);
	if (kind == DEVICE) {
		shown->device = loop_attach(file, false, shown->loop);
		shown->name = shown->device >= 0 ? shown->loop : NULL;
	} else if (test_needs_program("nbdkit")) {
		if (filter)
			SERVER_START(&shown->server, shown->folder, "nbdkit", "--filter=delay",
				     "file", file, filter);
		else
			SERVER_START(&shown->server, shown->folder, "nbdkit", "file", file);
		shown->name = shown->server.uri;
	}
}

static void hide(struct shown *shown)
{
	if (shown->device >= 0)
		close(shown->device);
	if (shown->kind == NBD && shown->name)
		server_stop(&shown->server);
}

/* The undo file in the state directory, or NULL. */
static const char *find_undo_file(const struct shown *shown)
{
	glob_t found;
	const char *path = NULL;

	if (glob(text("%s/bootshift/*.bootshift-undo", shown->folder), 0, NULL, &found) == 0) {
		path = text("%s", found.gl_pathv[0]);
		globfree(&found);
	}
	return path;
}

TEST_CASE(targets, "targets");

TEST_LOOP(targets, undo_gives_back_every_byte_behind_a_device_or_an_export, 0, KIND_COUNT)
{
	const char *file = image_copy(image_built("windows-7", false));
	struct image_digest before = image_digest(file);
	struct shown shown;

	show(&shown, (enum kind)_i, file, NULL);
	if (shown.name) {
		json_t *result = report_run("fix", shown.name, 0, "fixed", NULL);

		ck_assert_str_eq(report_text(result, "path"), shown.name);
		ck_assert_str_eq(report_text(result, "undo_file"), find_undo_file(&shown));
		report_run("inspect", shown.name, 0, "nothing-to-do", NULL);
		report_run("fix", shown.name, 0, "nothing-to-do", NULL);
		report_run("undo", shown.name, 0, "undone", NULL);
		ck_assert_ptr_null(find_undo_file(&shown));
		report_run("undo", shown.name, 0, "nothing-to-do", NULL);
	}
	hide(&shown);
	image_assert_same(file, &before);
	image_remove(file);
}

TEST_LOOP(targets, a_rehearsal_touches_neither_a_device_nor_an_export, 0, KIND_COUNT)
{
	const char *file = small_image();
	struct image_digest before = image_digest(file);
	struct shown shown;

	show(&shown, (enum kind)_i, file, NULL);
	if (shown.name) {
		report_run("plan", shown.name, 0, "would-fix", NULL);
		ck_assert_int_ne(access(text("%s/bootshift", shown.folder), F_OK), 0);
	}
	hide(&shown);
	image_assert_same(file, &before);
	image_remove(file);
}

TEST_CASE(killed, "killed", .tags = "slow");

TEST_LOOP(killed, a_fix_that_was_killed_is_taken_back_by_undo, 0, KIND_COUNT)
{
	const char *file = image_copy(image_built("windows-7", false));
	struct image_digest before = image_digest(file);
	struct shown shown;

	show(&shown, (enum kind)_i, file, "wdelay=50ms");
	if (shown.name) {
		struct program program = START_BOOTSHIFT("fix", shown.name);

		while (!find_undo_file(&shown) && kill(program.process, 0) == 0)
			usleep(100);
		usleep(shown.kind == NBD ? 200000 : 2000);
		kill(program.process, SIGKILL);
		program_wait(&program);
		if (shown.kind == NBD) /* slow, so that the fix is certainly in the middle */
			report_run("inspect", shown.name, 4, "recovery-required",
				   "recovery-required");
		report_run("undo", shown.name, 0, "undone", NULL);
		ck_assert_ptr_null(find_undo_file(&shown));
	}
	hide(&shown);
	image_assert_same(file, &before);
	image_remove(file);
}

TEST(targets, an_image_that_is_attached_to_a_loop_device_is_refused)
{
	const char *file = small_image();
	struct shown shown;

	show(&shown, DEVICE, file, NULL);
	if (shown.name) {
		report_run("inspect", file, 3, "refused", "in-use");
		report_run("fix", file, 3, "refused", "in-use");
		ASSERT_HAS(BOOTSHIFT("fix", file).errors,
			   text("is attached to %s (to detach it: losetup -d %s) (in-use); ",
				shown.name, shown.name));
	}
	hide(&shown);
	image_remove(file);
}
