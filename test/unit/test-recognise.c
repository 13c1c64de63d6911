/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recognising disk images without opening them fully, and the command that only recovers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/program.h"
#include "support/sample.h"

static struct bs_recognition recognition;
static struct bs_error err;

static const char *make(const char *name, const char *command)
{
	const char *path = text("%s/%s", images_folder(), name);

	free(image_run(0, "cd '%s' && path=%s && %s", images_folder(), path, command));
	return path;
}

static const struct {
	const char *name, *format, *command; /* a shell command */
} images[] = {
	{"r.vhd", "vhd", "qemu-img create -q -f vpc $path 20M"},
	{"r.vhdx", "vhdx", "qemu-img create -q -f vhdx $path 20M"},
	{"r.qcow2", "qcow2", "qemu-img create -q -f qcow2 $path 20M"},
	{"r.vmdk", "vmdk", "qemu-img create -q -f vmdk $path 20M"},
	{"r.vdi", "vdi", "qemu-img create -q -f vdi $path 20M"},
	{"cut.qcow2", "", "head -c 20 r.qcow2 >$path"},
	{"r.qed", "", "printf 'QED\\0' >$path && truncate -s 1M $path"},
	{"r-gpt.img", "raw",
	 "truncate -s 1M $path && printf 'EFI PART' | dd of=$path seek=1 conv=notrunc status=none"},
};

TEST_CASE(recognise, "recognise");

TEST(recognise, a_container_is_recognised_by_its_mark)
{
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		const char *path = make(images[i].name, images[i].command);

		ck_assert_msg(bs_recognise(path, &recognition, &err) == BS_EXIT_DONE, "%s: %s",
			      path, err.message);
		ck_assert_str_eq(recognition.format, images[i].format);
		ck_assert_str_eq(recognition.data_file, "");
	}
}

TEST(recognise, a_disk_with_a_table_is_recognised)
{
	static const char *const recipes[] = {"windows-7", "gpt", "no-active"};

	for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++) {
		ck_assert_msg(bs_recognise(image_built(recipes[i], false), &recognition, &err) ==
				      BS_EXIT_DONE,
			      "%s: %s", recipes[i], err.message);
		ck_assert_str_eq(recognition.format, "raw");
	}
	ck_assert_int_eq(bs_recognise("nbd://host/export", &recognition, &err), BS_EXIT_DONE);
}

static const struct {
	const char *name, *command, *message;
} others[] = {
	{"empty", ": >$path", "is empty"},
	{"short", "printf words >$path", "too short"},
	{"zeros", "truncate -s 1M $path", "neither"},
	{"archive", "printf x >$path.x && tar -Pcf $path $path.x", "tar archive"},
	/* The boot record of a volume ends with the same signature as that of a disk. */
	{"volume", "truncate -s 8M $path && mkntfs -Fq $path >/dev/null 2>&1", "neither"},
	{"folder", "mkdir $path", "is a folder"},
	{"pipe", "mkfifo $path", "is a pipe"},
};

TEST(recognise, what_is_something_else_is_not_recognised)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *path = make(others[i].name, others[i].command);

		ck_assert_int_eq(bs_recognise(path, &recognition, &err), BS_EXIT_REFUSED);
		ck_assert_int_eq(err.code, BS_NOT_AN_IMAGE);
		ASSERT_HAS(err.message, others[i].message);
	}
	ck_assert_int_eq(
		bs_recognise(make("packed", "printf words | gzip >$path"), &recognition, &err),
		BS_EXIT_REFUSED);
	ck_assert_int_eq(err.code, BS_PACKED_GZIP);
	ck_assert_int_eq(bs_recognise("/nowhere", &recognition, &err), BS_EXIT_FAILED);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}

/* ---- recovering ---------------------------------------------------------------------------- */

static void recover(const char *image, enum bs_status status, bool recovered)
{
	const struct bs_options options = {.size = sizeof(options)};
	struct bs_result result;

	ck_assert_int_eq(bs_recover(image, &options, &result), BS_EXIT_DONE);
	ck_assert_int_eq(result.status, status);
	ck_assert_int_eq(result.recovered, recovered);
	bs_result_free(&result);
}

TEST(recognise, recovering_takes_back_what_was_interrupted_and_nothing_else)
{
	const char *image = image_copy(image_recipe("small", SAMPLE_SMALL));
	const struct bs_options options = {.size = sizeof(options)};
	struct image_digest before = image_digest(image), fixed;
	struct bs_result result;

	recover(image, BS_STATUS_NOTHING_TO_DO, false);
	ck_assert_int_eq(bs_fix(image, &options, NULL, &result), BS_EXIT_DONE);
	bs_result_free(&result);
	fixed = image_digest(image);
	recover(image, BS_STATUS_NOTHING_TO_DO, false);
	image_assert_same(image, &fixed);
	/*
	 * Removes the mark APPLIED, see bootshift-journal(5), as if the fix was killed before it.
	 */
	free(image_run(0,
		       "dd if=/dev/zero of='%s.bootshift-undo' bs=4096 seek=1 count=1 "
		       "conv=notrunc status=none",
		       image));
	recover(image, BS_STATUS_UNDONE, true);
	image_assert_same(image, &before);
}

TEST(recognise, a_fixed_image_tells_of_its_undo_file)
{
	const char *image = image_copy(image_recipe("small", SAMPLE_SMALL));
	const struct bs_options options = {.size = sizeof(options)};
	struct bs_result result;

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(bs_fix(image, &options, NULL, &result), BS_EXIT_DONE);
		ck_assert_int_eq(result.status, i == 0 ? BS_STATUS_FIXED : BS_STATUS_NOTHING_TO_DO);
		ck_assert_str_eq(result.undo_file, text("%s.bootshift-undo", image));
		bs_result_free(&result);
	}
	ck_assert_int_eq(unlink(text("%s.bootshift-undo", image)), 0);
	ck_assert_int_eq(bs_fix(image, &options, NULL, &result), BS_EXIT_DONE);
	ck_assert_ptr_null(result.undo_file);
	bs_result_free(&result);
}

/* ---- phases -------------------------------------------------------------------------------- */

static int note(void *context, const struct bs_progress *progress)
{
	char *phases = context;

	if (progress->done == 0 && progress->total == 0)
		phases[strlen(phases)] = (char)('0' + progress->phase);
	return 0;
}

TEST(recognise, phases_are_told_in_their_order)
{
	const char *image = image_copy(image_recipe("small", SAMPLE_SMALL));
	char phases[16] = "";
	const struct bs_options options = {
		.size = sizeof(options), .progress = note, .progress_context = phases};
	struct bs_result result;

	bs_inspect(image, &options, &result);
	ck_assert_str_eq(phases, "01");
	bs_result_free(&result);
	memset(phases, 0, sizeof(phases));
	bs_fix(image, &options, NULL, &result);
	ck_assert_str_eq(phases, "02324");
	bs_result_free(&result);
	memset(phases, 0, sizeof(phases));
	bs_undo(image, &options, &result);
	ck_assert_str_eq(phases, "06");
	bs_result_free(&result);
}
