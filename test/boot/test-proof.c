/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `bootshift boot` and --prove say about disks that start, and about disks that do not. */
#include <string.h>

#include "support/images.h"
#include "support/report.h"

static json_t *boot(const char *image, int exit_status, const char *status)
{
	json_t *result = report_run("boot", image, exit_status, status,
				    exit_status == 0 ? NULL : "start-failed");

	return report_object(result, "start");
}

TEST_CASE(boots, "bootshift boot");

static const char *const starting[] = {"windows-7", "windows-10", "already-fixed"};

TEST_EACH(boots, a_disk_that_starts_is_proven, starting)
{
	json_t *start = boot(image_built(starting[_i], false), 0, "started");

	ck_assert(json_is_true(json_object_get(start, "proven")));
	ck_assert_ptr_null(report_text(start, "stopped_at"));
}

/* The name of a recipe or of lines that change windows-7, and the link at which it stops. */
static const struct {
	const char *name, *more, *link;
} stopping[] = {
	{"no-boot-code", NULL, "boot-record"},
	{"wrong-hidden-sectors-system", NULL, "boot-record"},
	{"compressed-bootmgr", NULL, "bootmgr"},
	{"bcd-missing", NULL, "bcd"},
	{"proof-old-entry",
	 "hive bcd\nobject {2f5b0a97-cce8-11e5-9d3a-0800279c5f11}\n"
	 "element 11000001 partition system\n",
	 "default-entry"},
	{"winload-missing", NULL, "winload"},
};

TEST_EACH(boots, a_broken_disk_stops_at_its_own_link, stopping)
{
	const char *image = stopping[_i].more
				    ? image_recipe(stopping[_i].name,
						   text("include images/windows-7.recipe\n%s",
							stopping[_i].more))
				    : image_built(stopping[_i].name, false);
	json_t *start = boot(image, 3, "refused");

	ck_assert_str_eq(report_text(start, "stopped_at"), stopping[_i].link);
}

TEST(boots, a_proven_fix_is_written_and_a_disk_that_does_not_start_is_left_alone)
{
	const char *good = image_copy(image_built("windows-7", false));
	const char *bad = image_copy(image_built("no-mbr-code", false));
	struct image_digest before = image_digest(bad);
	struct outcome outcome = BOOTSHIFT("fix", "--prove", good);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "Proven by a start in a virtual machine");
	outcome = BOOTSHIFT("fix", "--prove", bad);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "without the fix either");
	ASSERT_HAS(outcome.errors, "start-failed");
	image_assert_same(bad, &before);
}

/* Only the top of the chain has the changed files, and its parent has Windows. */
TEST(boots, a_fixed_snapshot_starts_with_its_parent)
{
	const char *base = image_copy(image_built("windows-7", false)),
		   *top = text("%s.qcow2", base);
	struct image_digest before = image_digest(base);
	struct outcome outcome;

	free(image_run(0, "qemu-img create -q -f qcow2 -F raw -b '%s' '%s'", base, top));
	outcome = BOOTSHIFT("fix", "--prove", top);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "Proven by a start in a virtual machine");
	image_assert_same(base, &before);
}
