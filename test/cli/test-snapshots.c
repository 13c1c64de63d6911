/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch on machines with snapshots and on disks in several files.  The files that snapshots
 * depend on stay unchanged.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"

/* Runs a shell command in a folder. */
#define IN_FOLDER(folder, format, ...)                                                             \
	free(image_run(0, "cd '%s' && " format, folder, ##__VA_ARGS__))

static const char *small(void)
{
	return image_recipe("small", SAMPLE_SMALL);
}

TEST_CASE(snapshots, "snapshots");

TEST(snapshots, a_snapshot_s_disk_is_the_same_after_a_batch_over_it_and_its_parents)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *base = text("%s/base.qcow2", folder), *link = text("%s/link", folder);
	struct image_digest before;
	json_t *found;

	/*
	 * One child is beside its base, one child is in another folder, and one image has no child.
	 */
	IN_FOLDER(folder,
		  "qemu-img convert -O qcow2 '%s' base.qcow2 && mkdir away far && "
		  "qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 snap.qcow2 && "
		  "cp base.qcow2 far/ && cp base.qcow2 alone.qcow2 && "
		  "qemu-img create -q -f qcow2 -F qcow2 -b ../far/base.qcow2 away/snap.qcow2",
		  small());
	before = image_digest(base);
	ck_assert_int_eq(symlink("base.qcow2", link), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 3);
	found = batch_rows(rows);
	ck_assert_uint_eq(json_array_size(found), 5);
	batch_assert(found, base, "refused", "container-has-children");
	batch_assert(found, text("%s/far/base.qcow2", folder), "refused", "container-has-children");
	batch_assert(found, text("%s/snap.qcow2", folder), "fixed", NULL);
	batch_assert(found, text("%s/away/snap.qcow2", folder), "refused", "parent-refused");
	batch_assert(found, text("%s/alone.qcow2", folder), "fixed", NULL);
	image_assert_same(base, &before);
	image_assert_same(text("%s/far/base.qcow2", folder), &before);
	/*
	 * An image that is named, also through a link, gives the same result.  So does a dry run.
	 */
	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", link), 3);
	ASSERT_STATUS(BOOTSHIFT("batch", base), 3);
	image_assert_same(base, &before);
	/* Without its child, the base is an ordinary image. */
	IN_FOLDER(folder, "rm snap.qcow2");
	ASSERT_STATUS(BOOTSHIFT("batch", base), 0);
}

TEST(snapshots, the_files_of_a_split_disk_are_one_disk)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *part = text("%s/vm-s001.vmdk", folder);
	struct image_state before;
	json_t *found;

	IN_FOLDER(folder, "qemu-img convert -O vmdk -o subformat=twoGbMaxExtentSparse '%s' vm.vmdk",
		  small());
	before = state_take(part);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, part), 3);
	batch_assert(batch_rows(rows), part, "refused", "container-part");
	report_run("fix", part, 3, "refused", "container-part");
	state_assert_untouched(part, &before);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	found = batch_rows(rows);
	batch_assert(found, text("%s/vm.vmdk", folder), "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	state_assert_restored(part, &before);
}
