/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images that somebody changed.  A change between the plan and the fix makes the plan stale.  A
 * change between the fix and the undo must not be destroyed by the undo.  Also files that are not
 * plans.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

/* Writes a text into a file of a volume of the image, with a program other than bootshift. */
static void write_guest_file(const char *image, uint64_t start, uint64_t size, const char *path,
			     const char *content)
{
	const char *volume = file_extract(image, "volume.tmp", start, size);
	const char *source = text("%s.text", volume);
	int descriptor = open(source, O_WRONLY | O_CREAT, 0644);

	ck_assert_int_ge(descriptor, 0);
	close(descriptor);
	file_write(source, 0, content, strlen(content));
	ASSERT_STATUS(RUN("ntfscp", "-q", "-f", volume, source, path), 0);
	ASSERT_STATUS(RUN("dd", text("if=%s", volume), text("of=%s", image), "bs=1M",
			  text("seek=%llu", (unsigned long long)(start >> 20)), "conv=notrunc",
			  "status=none"),
		      0);
	ASSERT_STATUS(RUN("rm", volume, source), 0);
}

/* ---- before the fix ------------------------------------------------------------------------ */

static const char *plan_for(const char *image)
{
	const char *plan = text("%s.plan", image);
	struct outcome outcome = BOOTSHIFT("plan", "-o", plan, image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, text("bootshift fix --plan %s %s\n", plan, image));
	return plan;
}

static void assert_refused(const char *plan, const char *image, const char *code)
{
	struct outcome outcome = BOOTSHIFT("fix", "--json", "--plan", plan, image);
	struct outcome rehearsal = BOOTSHIFT("fix", "--dry-run", "--plan", plan, image);

	ASSERT_STATUS(outcome, 3);
	ck_assert_str_eq(report_text(report_only(&outcome, "fix"), "code"), code);
	ASSERT_STATUS(rehearsal, 3);
	ASSERT_HAS(rehearsal.errors, text("(%s); ", code));
}

TEST_CASE(changes, "changes");

TEST(changes, a_plan_is_carried_out_as_it_says)
{
	const char *image = small_image(), *plan = plan_for(image);
	struct image_state before = state_take(image);
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("fix", "--dry-run", "--plan", plan, image), 0);
	state_assert_untouched(image, &before);
	outcome = BOOTSHIFT("fix", "--json", "--plan", plan, image);
	ASSERT_STATUS(outcome, 0);
	ck_assert_str_eq(report_text(report_only(&outcome, "fix"), "status"), "fixed");
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &before);
}

TEST(changes, a_plan_is_read_from_standard_input)
{
	const char *image = small_image(), *plan = plan_for(image);
	struct outcome outcome =
		RUN("sh", "-c", text("cat %s | %s fix --plan - %s", plan, bootshift_path(), image));

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": fixed: ");
	outcome = BOOTSHIFT("fix", "--plan", "-", small_image());
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, ": the plan on standard input: line ");
}

TEST(changes, a_fixed_disk_has_no_use_for_a_plan_and_the_report_says_so)
{
	const char *image = small_image(), *plan = plan_for(image);
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	outcome = BOOTSHIFT("fix", "--plan", plan, image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": nothing to do: ");
	ASSERT_HAS(outcome.output, "the plan was not checked");
	ASSERT_HAS_NOT(BOOTSHIFT("fix", image).output, "plan");
}

TEST(changes, a_plan_on_standard_output_is_alone_there)
{
	const char *image = small_image();
	struct outcome outcome = BOOTSHIFT("plan", "-o", "-", image);
	json_t *plan = json_loads(outcome.output, JSON_REJECT_DUPLICATES, NULL);

	ASSERT_STATUS(outcome, 0);
	ck_assert_ptr_nonnull(plan);
	ck_assert_str_eq(report_text(plan, "kind"), "bootshift-plan");
	ASSERT_HAS(outcome.errors, "Nothing was written.");
	json_decref(plan);
}

TEST(changes, a_plan_is_stale_when_a_boot_file_has_changed)
{
	const char *image = small_image(), *plan = plan_for(image), *errors;
	struct image_state changed;

	write_guest_file(image, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE, "Boot/memtest.exe",
			 "another program");
	changed = state_take(image);
	assert_refused(plan, image, "plan-stale");
	errors = BOOTSHIFT("fix", "--plan", plan, image).errors;
	ASSERT_HAS(errors, ": the plan, made at 20");
	ASSERT_HAS(errors, "Z, is out of date: \\Boot\\memtest.exe has another size now (");
	state_assert_untouched(image, &changed);
}

TEST(changes, a_plan_is_stale_for_another_image)
{
	const char *image = windows_7(), *other = small_image(), *plan = plan_for(other);
	struct image_state before = state_take(image);
	const char *errors = BOOTSHIFT("fix", "--plan", plan, image).errors;

	ASSERT_HAS(errors, text(": the plan was made for %s at 20", real_path(other)));
	ASSERT_HAS(errors, ": the plan is for a disk ");
	assert_refused(plan, image, "plan-stale");
	state_assert_untouched(image, &before);
}

/* What does not look like a plan is of the wrong kind. */
static void assert_no_plan(const char *plan, const char *image)
{
	struct outcome outcome = BOOTSHIFT("fix", "--plan", plan, image);

	ck_assert_int_ge(outcome.status, 2);
	ck_assert_int_le(outcome.status, 3);
	ASSERT_HAS(outcome.errors, outcome.status == 2 ? " (wrong-kind); " : " (plan-invalid); ");
}

TEST(changes, a_text_is_no_plan_file)
{
	const char *image = small_image(), *text_file = text("%s.txt", image);
	struct image_state before;
	struct outcome outcome;

	ASSERT_STATUS(RUN("sh", "-c", text("echo 'no JSON' >'%s'", text_file)), 0);
	before = state_take(image);
	outcome = BOOTSHIFT("fix", "--plan", text_file, image);
	ASSERT_STATUS(outcome, 2);
	ASSERT_HAS(outcome.errors, " (wrong-kind); ");
	state_assert_untouched(image, &before);
	image_remove(image);
}

TEST(changes, a_plan_file_that_is_none_is_refused)
{
	static const struct {
		const char *program; /* the program that turns a good plan into a bad one */
	} ways[] = {
		{"head -c 1000"},
		{"true"},
		{"echo '[]'; true"},
		{"sed 's/\"schema\": 2/\"schema\": 3/'"},
		{"sed 's/\"bootshift-plan\"/\"another-plan\"/'"},
		{"sed 's/\"kind\": \"copy\"/\"kind\": \"move\"/'"},
		{"sed 's/\"disk_size\"/\"disc_size\"/'"},
		{"sed 's/\"boot_number\": 2/\"boot_number\": \"2\"/'"},
		{"sed 's/\"boot_start\": /&-/'"},
		{"sed 's/\"disk_size\": [0-9]*,/&&/'"},
		{"head -c 100000 /dev/zero | tr '\\0' '['; true"},
	};
	const char *image = small_image(), *plan = plan_for(image);
	const char *bad = text("%s.bad", plan);
	struct image_state before;
	FILE *file = fopen(bad, "w");

	ck_assert_ptr_nonnull(file);
	fclose(file);
	before = state_take(image);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		ASSERT_STATUS(
			RUN("sh", "-c", text("{ %s; } <'%s' >'%s'", ways[i].program, plan, bad)),
			0);
		assert_no_plan(bad, image);
	}
	state_assert_untouched(image, &before);
}

TEST(changes, a_plan_file_that_is_missing_is_told)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", "--plan", text("%s.plan", image), image);

	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(not-found); ");
	outcome = BOOTSHIFT("plan", "-o", text("%s/nowhere/plan", images_folder()), image);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(not-found); ");
	state_assert_untouched(image, &before);
}

/* ---- after the fix ------------------------------------------------------------------------- */

static void assert_not_undone(const char *image)
{
	struct image_state changed = state_take(image);

	report_run("undo", image, 3, "refused", "changed-since-fix");
	state_assert_untouched(image, &changed);
}

/* The offset in the disk, in bytes, of an NTFS file of the boot volume.  `inode` is its number. */
static uint64_t guest_file_start(const char *image, const char *inode)
{
	const char *sectors = text("%llu", SAMPLE_BOOT_START / 512);
	struct outcome outcome =
		RUN("sh", "-c",
		    text("istat -o %s '%s' %s | sed -n '/^Type: .DATA/ { n; p; q }'", sectors,
			 image, inode));

	ASSERT_STATUS(outcome, 0);
	return SAMPLE_BOOT_START + strtoull(outcome.output, NULL, 10) * 4096;
}

TEST(changes, undo_is_refused_when_a_byte_that_tells_has_changed)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	uint64_t places[] = {
		0x1b8,                               /* the disk signature */
		SAMPLE_BOOT_START + 0x48,            /* the serial number */
		guest_file_start(image, "0") + 0x30, /* $MFT */
		guest_file_start(image, "2"),        /* $LogFile, restart page */
		guest_file_start(image, "6") + 8,    /* $Bitmap */
		0,                                   /* a file that was copied */
	};

	report_run("fix", image, 0, "fixed", NULL);
	places[5] = guest_file_start(image, RUN("sh", "-c",
						text("fls -o %llu '%s' | sed -n 's/^r.r "
						     "\\([0-9]*\\)-.*bootmgr$/\\1/p' | tr -d '\\n'",
						     SAMPLE_BOOT_START / 512, image))
						    .output);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		file_flip(image, places[i]);
		assert_not_undone(image);
		file_flip(image, places[i]);
	}
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &before);
}

TEST(changes, undo_is_refused_when_a_file_was_written_in_the_guest)
{
	const char *image = small_image();

	report_run("fix", image, 0, "fixed", NULL);
	write_guest_file(image, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, "new.txt", "written later");
	assert_not_undone(image);
}

TEST(changes, undo_is_refused_when_the_image_has_another_length)
{
	const char *image = small_image();
	struct image_state before = state_take(image);

	report_run("fix", image, 0, "fixed", NULL);
	ck_assert_int_eq(truncate(image, before.status.st_size + 512), 0);
	assert_not_undone(image);
}

/* Runs undo.  Returns whether undo reports that the image is exactly the original. */
static bool undo_is_exact(const char *image)
{
	json_t *exact = json_object_get(report_run("undo", image, 0, "undone", NULL), "exact");

	ck_assert(json_is_boolean(exact));
	return json_is_true(exact);
}

TEST(changes, undo_says_that_the_image_is_what_it_was_only_if_nothing_was_written_since)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	uint64_t free_place = SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE - (1 << 20);
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	ck_assert(undo_is_exact(image));
	state_assert_restored(image, &before);

	file_flip(image, free_place);
	before.digest = image_digest(image);
	file_flip(image, free_place);
	for (int i = 0; i < 2; i++) {
		report_run("fix", image, 0, "fixed", NULL);
		file_flip(image, free_place);
		/* The new time differs even if the clock of the file system is coarse. */
		ASSERT_STATUS(RUN("touch", "-d", "2001-09-09", image), 0);
		if (i == 0) {
			ck_assert(!undo_is_exact(image));
		} else {
			outcome = BOOTSHIFT("undo", image);
			ASSERT_STATUS(outcome, 0);
			ASSERT_HAS(outcome.output, ": what the fix changed is as it was "
						   "before; any other change since is kept");
		}
		image_assert_same(image, &before.digest);
		file_flip(image, free_place);
	}
}

TEST(changes, an_image_that_was_restored_is_told_by_undo_and_refused_by_the_others)
{
	const char *image = small_image(), *copy = image_copy(image);
	struct image_state restored;
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	ASSERT_STATUS(RUN("cp", "--sparse=always", copy, image), 0);
	restored = state_take(image);
	report_run("inspect", image, 3, "refused", "undo-file-exists");
	outcome = BOOTSHIFT("inspect", image);
	ASSERT_HAS_NOT(outcome.output, "Next: bootshift fix");
	report_run("plan", image, 3, "refused", "undo-file-exists");
	outcome = BOOTSHIFT("fix", "--dry-run", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(undo-file-exists); ");
	report_run("fix", image, 3, "refused", "undo-file-exists");
	outcome = BOOTSHIFT("undo", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output,
		   text("nothing to do: the fix is undone already; the undo file can be "
			"removed: %s.bootshift-undo\n",
			image));
	state_assert_untouched(image, &restored);
}

TEST(changes, undo_from_rows_says_the_same)
{
	const char *image = small_image(), *copy = image_copy(image);
	const char *rows = text("%s.rows", image);
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, image), 0);
	ASSERT_STATUS(RUN("cp", "-p", image, text("%s.fixed", image)), 0);
	ASSERT_STATUS(RUN("cp", "--sparse=always", copy, image), 0);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "already; the undo file can be removed: ");
	ck_assert_int_eq(rename(text("%s.fixed", image), image), 0);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(
		outcome.output,
		": what the fix changed is as it was before, and nothing else was written since");
}

TEST(changes, a_damaged_undo_file_is_found_out_before_anything_is_written)
{
	const char *image = small_image(), *undo_file = text("%s.bootshift-undo", image);
	struct image_state fixed;
	struct stat status;

	report_run("fix", image, 0, "fixed", NULL);
	ck_assert_int_eq(stat(undo_file, &status), 0);
	fixed = state_take(image);
	/*
	 * The first 16 KiB are the header and the marks, which say in which state the undo file is.
	 */
	for (off_t place = 20; place < status.st_size; place += status.st_size / 7) {
		file_flip(undo_file, (uint64_t)place);
		if (place < 16384) {
			report_run("undo", image, 4, "recovery-required", "journal-damaged");
			report_run("fix", image, 4, "recovery-required", "journal-damaged");
		} else {
			report_run("undo", image, 3, "refused", "undo-file-damaged");
			report_run("fix", image, 0, "nothing-to-do", NULL);
		}
		file_flip(undo_file, (uint64_t)place);
		state_assert_untouched(image, &fixed);
	}
	ck_assert_int_eq(truncate(undo_file, status.st_size - 4096), 0);
	report_run("undo", image, 3, "refused", "undo-file-damaged");
	ck_assert_int_eq(truncate(undo_file, 0), 0);
	report_run("undo", image, 4, "recovery-required", "journal-damaged");
	state_assert_untouched(image, &fixed);
}
