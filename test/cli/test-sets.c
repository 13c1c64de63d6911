/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMware's disks in several files: the files are one disk, are fixed together, and get their bytes and
 * their lengths back together.  qemu-img reads the result.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/containers.h"
#include "support/report.h"

#define PARTS 3
#define MIB   (1ull << 20)

static const struct container_kind vmdk = {"vmdk", "vmdk", "", false, NULL};

/* How a disk is cut into files. */
static const struct cut {
	const char *type, *extent, *offset; /* words of the descriptor */
	uint64_t ends[PARTS - 1];           /* bytes */
} cuts[] = {
	{"twoGbMaxExtentFlat", "FLAT", " 0", {120 * MIB, 160 * MIB}},
	{"vmfs",
	 "VMFS",
	 "",
	 {100 * MIB, 104 * MIB + 4096}}, /* ESX has one file, and may have more */
	{"monolithicFlat", "FLAT", " 0", {80 * MIB + 4096, 103 * MIB + 8192}},
	/* Ends of files lie in the volume of Windows, and the first file has both volumes. */
	{"twoGbMaxExtentSparse", "SPARSE", "", {60 * MIB, 104 * MIB + 65536}},
	{"twoGbMaxExtentSparse", "SPARSE", "", {43 * MIB, 120 * MIB}},
};

/* What tests do with flat and with sparse files. */
static const struct cut *const kinds[] = {&cuts[0], &cuts[3]};

struct set {
	const char *text, *parts[PARTS];
	struct image_state text_before, before[PARTS];
};

static void set_take(struct set *set)
{
	set->text_before = state_take(set->text);
	for (int i = 0; i < PARTS; i++)
		set->before[i] = state_take(set->parts[i]);
}

static void set_assert_untouched(const struct set *set)
{
	state_assert_untouched(set->text, &set->text_before);
	for (int i = 0; i < PARTS; i++)
		state_assert_untouched(set->parts[i], &set->before[i]);
}

/* qemu-img takes longer than all else in most tests, so each sparse part is made once and copied. */
static const char *make_sparse_part(const char *raw, const struct cut *cut, const char *name,
				    uint64_t start, uint64_t size)
{
	const char *path = text("%.*s/%s", (int)(strrchr(raw, '/') - raw), raw, name);
	const char *kept = text("%s/%d-%s", images_folder(), (int)(cut - cuts), name);
	int lock = open(text("%s.lock", kept), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert(lock >= 0 && flock(lock, LOCK_EX) == 0);
	if (access(kept, F_OK) != 0)
		free(image_run(0, "mv '%s' '%s'",
			       container_make_sparse_part(raw, name, start, size), kept));
	close(lock);
	free(image_run(0, "cp --sparse=always '%s' '%s'", kept, path));
	return path;
}

/* Makes disk.vmdk and its parts of a copy of a raw disk, in a folder of their own. */
static struct set set_make(const char *raw, const struct cut *cut)
{
	uint64_t size, start = 0;
	struct stat status;
	struct set set;
	FILE *file;

	ck_assert_int_eq(stat(raw, &status), 0);
	size = (uint64_t)status.st_size;
	set.text = text("%.*s/disk.vmdk", (int)(strrchr(raw, '/') - raw), raw);
	file = fopen(set.text, "we");
	ck_assert_ptr_nonnull(file);
	fprintf(file,
		"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
		"createType=\"%s\"\n\n# Extent description\n",
		cut->type);
	for (int i = 0; i < PARTS; i++) {
		uint64_t end = i < PARTS - 1 ? cut->ends[i] : size;
		const char *name = text("disk-f00%d.vmdk", i + 1);

		set.parts[i] = strcmp(cut->extent, "SPARSE") == 0
				       ? make_sparse_part(raw, cut, name, start, end - start)
				       : file_extract(raw, name, start, end - start);
		fprintf(file, "RW %llu %s \"%s\"%s\n", (unsigned long long)(end - start) / 512,
			cut->extent, name, cut->offset);
		start = end;
	}
	fprintf(file, "\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"8\"\n");
	fclose(file);
	ck_assert_int_eq(unlink(raw), 0);
	set_take(&set);
	return set;
}

TEST_CASE(sets, "sets");

TEST_EACH(sets, a_disk_in_several_files_is_fixed_as_a_raw_image_is_and_undone, cuts)
{
	const char *raw = small_image();
	struct set set = set_make(small_image(), &cuts[_i]);
	json_t *result;
	int changed = 0;

	report_run("inspect", set.text, 0, "would-fix", NULL);
	report_run("plan", set.text, 0, "would-fix", NULL);
	set_assert_untouched(&set);
	report_run("fix", raw, 0, "fixed", NULL);
	result = report_run("fix", set.text, 0, "fixed", NULL);
	ck_assert_str_eq(report_text(result, "undo_file"), text("%s.bootshift-undo", set.text));
	container_assert_holds(set.text, &vmdk, raw, 0);
	for (int i = 0; i < PARTS; i++) {
		struct image_state now = state_take(set.parts[i]);

		changed += memcmp(&now.digest, &set.before[i].digest, sizeof(now.digest)) != 0;
	}
	ck_assert_int_ge(changed, 2);
	ck_assert_str_eq(state_take(set.text).attributes, set.text_before.attributes);
	report_run("fix", set.text, 0, "nothing-to-do", NULL);
	report_run("verify", set.text, 0, "whole", NULL);
	ASSERT_HAS(BOOTSHIFT("inspect", "--changes", set.text).output, "\\bootmgr");
	result = report_run("undo", set.text, 0, "undone", NULL);
	ck_assert(json_is_true(json_object_get(result, "exact")));
	state_assert_untouched(set.text, &set.text_before);
	for (int i = 0; i < PARTS; i++)
		state_assert_restored(set.parts[i], &set.before[i]);
	report_run("inspect", set.text, 0, "would-fix", NULL);
	image_remove(set.text);
	image_remove(raw);
}

/* The time of each file shows whether anything was written since. */
TEST(sets, a_write_to_any_file_since_the_fix_is_noticed)
{
	struct set set = set_make(small_image(), &cuts[0]);
	const char *list;
	json_t *result;

	report_run("fix", set.text, 0, "fixed", NULL);
	list = text("%.*s", (int)(strrchr(set.text, '/') - set.text), set.text);
	ASSERT_HAS(BOOTSHIFT("undo", "--list", list).output, "the image is as the fix left it");
	file_flip(set.parts[2], 1 << 20);
	ASSERT_HAS(BOOTSHIFT("undo", "--list", list).output, "written to since the fix");
	result = report_run("undo", set.text, 0, "undone", NULL);
	ck_assert(json_is_false(json_object_get(result, "exact")));
	file_flip(set.parts[2], 1 << 20);
	for (int i = 0; i < PARTS; i++)
		image_assert_same(set.parts[i], &set.before[i].digest);
	image_remove(set.text);
}

TEST_EACH(sets, an_undo_needs_all_files, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]), fixed;
	const char *away = text("%s.away", set.parts[1]);
	struct outcome outcome;

	report_run("fix", set.text, 0, "fixed", NULL);
	fixed = set;
	set_take(&fixed);
	ck_assert_int_eq(rename(set.parts[1], away), 0);
	outcome = BOOTSHIFT("undo", set.text);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "disk-f002.vmdk");
	ASSERT_HAS(outcome.errors, "(not-found); ");
	ck_assert_int_eq(rename(away, set.parts[1]), 0);
	for (int i = 0; i < PARTS; i++)
		image_assert_same(set.parts[i], &fixed.before[i].digest);
	report_run("undo", set.text, 0, "undone", NULL);
	for (int i = 0; i < PARTS; i++)
		state_assert_restored(set.parts[i], &set.before[i]);
	image_remove(set.text);
}

/* The copies have other inodes, but the same times. */
TEST_EACH(sets, a_copy_of_the_folder_is_undone_in_its_place, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]);
	int folder = (int)(strrchr(set.text, '/') - set.text);
	const char *copy = text("%.*s-copy/disk.vmdk", folder, set.text);
	json_t *result;

	report_run("fix", set.text, 0, "fixed", NULL);
	free(image_run(0, "cp -a '%.*s' '%.*s-copy'", folder, set.text, folder, set.text));
	result = report_run("undo", copy, 0, "undone", NULL);
	ck_assert(json_is_true(json_object_get(result, "exact")));
	for (int i = 0; i < PARTS; i++)
		image_assert_same(text("%.*s-copy/disk-f00%d.vmdk", folder, set.text, i + 1),
				  &set.before[i].digest);
	report_run("undo", set.text, 0, "undone", NULL);
	image_remove(copy);
	image_remove(set.text);
}

/* An undo that only finds the descriptor file does not claim that somebody has written to the disk. */
TEST_EACH(sets, a_text_that_is_refused_since_the_fix_is_told_before_anything_else, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]);
	struct outcome outcome;

	report_run("fix", set.text, 0, "fixed", NULL);
	free(image_run(0, "cp -p '%s' '%s.good' && echo 'changeTrackPath = \"x\"' >> '%s'",
		       set.text, set.text, set.text));
	report_run("undo", set.text, 3, "refused", "format-unsupported");
	/* Without its mark APPLIED, the undo file is one of an interrupted fix. */
	free(image_run(0,
		       "dd if=/dev/zero of='%s.bootshift-undo' bs=4096 seek=1 count=1 "
		       "conv=notrunc status=none",
		       set.text));
	outcome = BOOTSHIFT("undo", set.text);
	ASSERT_STATUS(outcome, 4);
	ASSERT_HAS(outcome.errors, "the VMDK has its changed blocks tracked");
	ASSERT_HAS_NOT(outcome.errors, "move its undo file away");
	free(image_run(0, "mv '%s.good' '%s'", set.text, set.text));
	report_run("undo", set.text, 0, "undone", NULL);
	for (int i = 0; i < PARTS; i++)
		image_assert_same(set.parts[i], &set.before[i].digest);
	image_remove(set.text);
}

/* An editor gives the descriptor file another inode, and the journal knows no other file by its inode. */
TEST(sets, an_undo_of_a_copy_leaves_the_undo_file_of_an_edited_original)
{
	struct set set = set_make(small_image(), &cuts[0]);
	int folder = (int)(strrchr(set.text, '/') - set.text);
	const char *copy = text("%.*s-copy/disk.vmdk", folder, set.text);
	const char *undo_file = text("%s.bootshift-undo", set.text);
	struct outcome outcome;

	report_run("fix", set.text, 0, "fixed", NULL);
	free(image_run(0,
		       "sed -i 's/HWVersion = \"8\"/HWVersion = \"9\"/' '%s' && "
		       "cp -a '%.*s' '%.*s-copy' && rm '%s.bootshift-undo'",
		       set.text, folder, set.text, folder, set.text, copy));
	outcome = BOOTSHIFT("undo", "--undo-file", undo_file, copy);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(undo-file-of-other)");
	report_run("undo", set.text, 0, "undone", NULL);
	image_remove(copy);
	image_remove(set.text);
}

/* The text has no mark that could be removed. */
TEST(sets, a_mark_without_an_undo_file_is_one_of_each_file)
{
	struct set set = set_make(small_image(), &cuts[0]);
	struct outcome outcome;

	if (setxattr(set.parts[1], "user.bootshift.undo", "/gone.bootshift-undo", 20, 0) < 0)
		return;
	outcome = BOOTSHIFT("inspect", set.text);
	ASSERT_STATUS(outcome, 4);
	ASSERT_HAS(outcome.errors, "setfattr -x user.bootshift.undo FILE, for each file");
	image_remove(set.text);
}

/* A part cannot be taken back alone, so the command to copy names the whole disk. */
TEST_EACH(sets, a_half_written_part_leads_to_the_undo_of_the_whole_disk, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]);
	const char *undo_file = text("%s.bootshift-undo", set.text);
	struct outcome outcome;

	report_run("fix", set.text, 0, "fixed", NULL);
	free(image_run(0, "dd if=/dev/zero of='%s' bs=4096 seek=1 count=1 conv=notrunc status=none",
		       undo_file));
	if (setxattr(set.parts[1], "user.bootshift.undo", undo_file, strlen(undo_file), 0) < 0)
		return;
	outcome = BOOTSHIFT("inspect", set.parts[1]);
	ASSERT_STATUS(outcome, 4);
	ASSERT_HAS(outcome.errors, text("bootshift undo %s\n", set.text));
	report_run("undo", set.text, 0, "undone", NULL);
	for (int i = 0; i < PARTS; i++)
		state_assert_restored(set.parts[i], &set.before[i]);
	image_remove(set.text);
}

TEST_EACH(sets, a_fix_is_accepted, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]);

	report_run("fix", set.text, 0, "fixed", NULL);
	report_run("accept", set.text, 0, "accepted", NULL);
	for (int i = 0; i < PARTS; i++)
		ck_assert_str_eq(state_take(set.parts[i]).attributes, set.before[i].attributes);
	report_run("fix", set.text, 0, "nothing-to-do", NULL);
	report_run("undo", set.text, 3, "refused", "no-undo-file");
	image_remove(set.text);
}

/* Too few open files may never be noticed when the image is half written. */
TEST(sets, a_limit_on_open_files_is_noticed_before_the_image_is_changed)
{
	struct set set = set_make(small_image(), kinds[0]);
	struct outcome outcome;
	unsigned limit = 10;

	do {
		outcome = RUN("bash", "-c",
			      text("ulimit -n %u; exec '%s' fix '%s'", limit++, bootshift_path(),
				   set.text));
		ck_assert_msg(outcome.status == 0 || outcome.status == 1, "%u: status %d: %s",
			      limit - 1, outcome.status, outcome.errors);
		if (outcome.status == 1)
			set_assert_untouched(&set);
	} while (outcome.status == 1 && limit < 100);
	ASSERT_STATUS(outcome, 0);
	ck_assert_uint_gt(limit, 20);
	image_remove(set.text);
}

/* ---- what is no disk ------------------------------------------------------------------------ */

static const struct {
	const char *command, *status, *code; /* a shell command in the folder of the set */
	int exit_status;
} troubles[] = {
	{"mv disk-f003.vmdk away", "failed", "not-found", 1},
	{"truncate -s -512 disk-f002.vmdk", "refused", "container-corrupt", 3},
	{"truncate -s +512 disk-f002.vmdk", "refused", "container-corrupt", 3},
	/* A block of 4096 bytes lies in two files. */
	{"truncate -s +512 disk-f002.vmdk && sed -i '/f002/s/81920/81921/' disk.vmdk", "refused",
	 "format-unsupported", 3},
	{"mv disk-f003.vmdk away && ln -s away disk-f003.vmdk", "refused", "format-unsupported", 3},
	{"mv disk-f003.vmdk away && mkdir disk-f003.vmdk", "refused", "format-unsupported", 3},
	/* The second and the third file have one length, and are one file. */
	{"sed -i 's/RW [0-9]* FLAT \"disk-f003/RW 81920 FLAT \"disk-f003/' disk.vmdk && "
	 "ln -f disk-f002.vmdk disk-f003.vmdk",
	 "refused", "container-corrupt", 3},
	{"sed -i 's/disk-f003/disk-f002/' disk.vmdk", "refused", "container-corrupt", 3},
	{"sed -i 's/disk-f003/..\\/disk-f003/' disk.vmdk", "refused", "format-unsupported", 3},
	{"sed -i '/f003/s/RW/RDONLY/' disk.vmdk", "refused", "read-only", 3},
	{"sed -i '/f003/s/ 0$/ 8/' disk.vmdk", "refused", "format-unsupported", 3},
	{"sed -i '/f002/s/.*/NOACCESS 81920 ZERO/' disk.vmdk", "refused", "format-unreadable", 3},
	{"chmod a-w disk-f002.vmdk", "refused", "read-only", 3},
};

#define LIST "cd '%.*s' && stat -c '%%n %%s %%y' *"

TEST_EACH(sets, files_that_are_no_whole_disk_are_refused_and_left_alone, troubles)
{
	struct set set = set_make(small_image(), &cuts[0]);
	int folder = (int)(strrchr(set.text, '/') - set.text);
	struct image_digest first;
	char *before, *after;

	free(image_run(0, "cd '%.*s' && %s", folder, set.text, troubles[_i].command));
	before = image_run(0, LIST, folder, set.text);
	first = image_digest(set.parts[0]);
	report_run("fix", set.text, troubles[_i].exit_status, troubles[_i].status,
		   troubles[_i].code);
	after = image_run(0, LIST, folder, set.text);
	image_assert_same(set.parts[0], &first);
	ck_assert_str_eq(after, before);
	free(before);
	free(after);
	image_remove(set.text);
}

/* Otherwise anybody could have root write to files of others, by a text in the same folder. */
TEST_EACH(sets, a_file_to_which_the_owner_of_the_text_may_not_write_is_no_part, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]);

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(set.text, 3, 3), 0);
	for (int i = 0; i < PARTS; i++)
		ck_assert_int_eq(chown(set.parts[i], 3, 3), 0);
	ck_assert_int_eq(chown(set.parts[1], 4, 3), 0);
	ck_assert_int_eq(chmod(set.parts[1], 0644), 0);
	report_run("fix", set.text, 3, "refused", "not-trusted");
	ck_assert_int_eq(chmod(set.parts[1], 0664), 0);
	report_run("plan", set.text, 0, "would-fix", NULL);
	image_remove(set.text);
}

#define OTHER_PART "qemu-img create -q -f vmdk -o subformat="

static const struct {
	const char *command, *code; /* a shell command in the folder of the set */
	int exit_status;
} sparse_troubles[] = {
	{"rm disk-f002.vmdk", "not-found", 1},
	{"mv disk-f002.vmdk x && mv disk-f003.vmdk disk-f002.vmdk && mv x disk-f003.vmdk",
	 "container-corrupt", 3},
	{"truncate -s 30G disk-f002.vmdk", "container-corrupt", 3},
	{"truncate -s 60K disk-f002.vmdk", "container-corrupt", 3},
	{"truncate -s 100 disk-f002.vmdk", "container-corrupt", 3},
	{"truncate -s 0 disk-f002.vmdk", "not-an-image", 3},
	{"truncate -s 0 disk-f002.vmdk && truncate -s 44M disk-f002.vmdk", "container-corrupt", 3},
	{OTHER_PART "streamOptimized disk-f002.vmdk 46141440", "container-compressed", 3},
	/* The first grain is where the tables are. */
	{"dd if=disk-f001.vmdk of=disk-f001.vmdk conv=notrunc status=none bs=4 count=1 "
	 "skip=14 seek=$(( $(od -An -tu4 -j56 -N4 disk-f001.vmdk) * 128 ))",
	 "container-corrupt", 3},
	/* The directory has no table for the first grains. */
	{"dd if=/dev/zero of=disk-f001.vmdk conv=notrunc status=none bs=4 count=1 "
	 "seek=$(( $(od -An -tu4 -j56 -N4 disk-f001.vmdk) * 128 ))",
	 "format-unsupported", 3},
	{"sed -i 's/SPARSE \"disk-f003.vmdk\"/FLAT \"disk-f003.vmdk\" 0/' disk.vmdk",
	 "format-unsupported", 3},
	{"sed -i 's/parentCID=.*/parentCID=5a89970f/' disk.vmdk && "
	 "echo 'parentFileNameHint=\"base.vmdk\"' >>disk.vmdk",
	 "parent-missing", 3},
	/* The driver would not find the first bytes of the third file. */
	{"truncate -s 46141440 x && "
	 "qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse x y.vmdk && "
	 "mv y-s001.vmdk disk-f002.vmdk && sed -i '/f002/s/RW [0-9]*/RW 90120/' disk.vmdk",
	 "format-unreadable", 3},
	{"chmod a-w disk-f003.vmdk", "read-only", 3},
};

TEST_EACH(sets, sparse_files_that_are_no_whole_disk_are_refused_and_left_alone, sparse_troubles)
{
	struct set set = set_make(small_image(), kinds[1]);
	int folder = (int)(strrchr(set.text, '/') - set.text);
	struct image_digest first;
	char *before, *after;

	free(image_run(0, "cd '%.*s' && %s", folder, set.text, sparse_troubles[_i].command));
	before = image_run(0, LIST, folder, set.text);
	first = image_digest(set.parts[0]);
	report_run("fix", set.text, sparse_troubles[_i].exit_status,
		   sparse_troubles[_i].exit_status == 3 ? "refused" : "failed",
		   sparse_troubles[_i].code);
	after = image_run(0, LIST, folder, set.text);
	image_assert_same(set.parts[0], &first);
	ck_assert_str_eq(after, before);
	free(before);
	free(after);
	image_remove(set.text);
}

/* The next program takes new room behind all that is there, so an undo must know where that was. */
TEST(sets, a_sparse_file_that_became_longer_since_the_fix_is_not_undone)
{
	struct set set = set_make(small_image(), kinds[1]);

	report_run("fix", set.text, 0, "fixed", NULL);
	for (int i = 0; i < PARTS; i++) {
		struct stat status;

		ck_assert_int_eq(stat(set.parts[i], &status), 0);
		ck_assert_int_eq(truncate(set.parts[i], status.st_size + 65536), 0);
		report_run("undo", set.text, 3, "refused", "changed-since-fix");
		ck_assert_int_eq(truncate(set.parts[i], status.st_size), 0);
	}
	report_run("undo", set.text, 0, "undone", NULL);
	for (int i = 0; i < PARTS; i++)
		state_assert_restored(set.parts[i], &set.before[i]);
	image_remove(set.text);
}

/* Otherwise nothing would tell a full file from one of a fixed length. */
TEST(sets, a_sparse_file_never_fills_its_room)
{
	const off_t room = 63 * MIB; /* of the second file, which has 44 MiB of the disk */
	struct set set = set_make(small_image(), kinds[1]);
	struct stat before, after;

	ck_assert_int_eq(stat(set.parts[1], &before), 0);
	report_run("fix", set.text, 0, "fixed", NULL);
	ck_assert_int_eq(stat(set.parts[1], &after), 0);
	report_run("undo", set.text, 0, "undone", NULL);
	after.st_size -= before.st_size;
	ck_assert_int_gt(after.st_size, 0);
	ck_assert_int_eq(truncate(set.parts[1], room), 0);
	report_run("fix", set.text, 3, "refused", "container-corrupt");
	ck_assert_int_eq(truncate(set.parts[1], room - after.st_size), 0);
	set_take(&set);
	report_run("fix", set.text, 3, "refused", "format-unsupported");
	set_assert_untouched(&set);
	ck_assert_int_eq(truncate(set.parts[1], room - after.st_size - 65536), 0);
	set_take(&set);
	report_run("fix", set.text, 0, "fixed", NULL);
	report_run("undo", set.text, 0, "undone", NULL);
	for (int i = 0; i < PARTS; i++)
		state_assert_restored(set.parts[i], &set.before[i]);
	image_remove(set.text);
}

/* The offsets in an undo file count the room of all files. */
TEST(sets, files_with_other_room_are_not_those_of_the_undo_file)
{
	struct set set = set_make(small_image(), kinds[1]);

	report_run("fix", set.text, 0, "fixed", NULL);
	free(image_run(
		0,
		"cp -p '%s' '%s.good' && "
		"sed -i 's/RW [0-9]* SPARSE \"disk-f003/RW 9999999 SPARSE \"disk-f003/' '%s'",
		set.text, set.text, set.text));
	report_run("undo", set.text, 3, "refused", "changed-since-fix");
	free(image_run(0, "mv '%s.good' '%s'", set.text, set.text));
	report_run("undo", set.text, 0, "undone", NULL);
	for (int i = 0; i < PARTS; i++)
		state_assert_restored(set.parts[i], &set.before[i]);
	image_remove(set.text);
}

/* What was before the fix is shown by its undo file, which also shortens the files in that view. */
TEST(sets, the_changes_of_a_fix_of_sparse_files_are_shown)
{
	struct set set = set_make(small_image(), kinds[1]), fixed;
	struct outcome outcome;

	report_run("fix", set.text, 0, "fixed", NULL);
	fixed = set;
	set_take(&fixed);
	outcome = BOOTSHIFT("inspect", "--changes", set.text);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "\\bootmgr");
	set_assert_untouched(&fixed);
	image_remove(set.text);
}

/* A link beside the descriptor file could lead to a file of somebody else. */
TEST(sets, the_only_file_of_a_disk_is_no_link_either)
{
	static const struct container_kind flat = {"vmdk", "vmdk", "-o subformat=monolithicFlat",
						   false, NULL};
	const char *image = container_make(&flat, image_recipe("small", SAMPLE_SMALL));
	const char *disk = text("%.*s-flat.vmdk", (int)strlen(image) - 5, image);
	const char *away = text("%s.away", disk);

	ck_assert_int_eq(rename(disk, away), 0);
	ck_assert_int_eq(symlink(away, disk), 0);
	report_run("inspect", image, 3, "refused", "format-unsupported");
	image_remove(image);
}

/* As QEMU does that writes to the file; see src/transaction/lock.c. */
TEST_EACH(sets, a_file_that_another_program_writes_to_is_not_changed, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]);
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
	int descriptor = open(set.parts[1], O_RDONLY);
	struct outcome outcome;

	ck_assert_int_eq(fcntl(descriptor, F_OFD_SETLK, &lock), 0);
	report_run("inspect", set.text, 3, "refused", "in-use");
	outcome = BOOTSHIFT("fix", set.text);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "disk-f002.vmdk");
	close(descriptor);
	set_assert_untouched(&set);
	image_remove(set.text);
}

TEST_EACH(sets, a_part_alone_is_refused_and_a_batch_counts_the_disk_once, kinds)
{
	struct set set = set_make(small_image(), kinds[_i]);
	const char *folder = text("%.*s", (int)(strrchr(set.text, '/') - set.text), set.text);
	const char *rows = text("%s/rows.jsonl", test_folder());
	json_t *found;

	for (int i = 0; i < PARTS; i++)
		report_run("fix", set.parts[i], 3, "refused", "container-part");
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	found = batch_rows(rows);
	ck_assert_uint_eq(json_array_size(found), 1);
	batch_assert(found, set.text, "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	for (int i = 0; i < PARTS; i++)
		state_assert_restored(set.parts[i], &set.before[i]);
	image_remove(set.text);
}
