/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the free space is needed for, and disks that are left alone because they have it. */
#include <string.h>

#include "cli/samples.h"
#include "support/report.h"

#define UPGRADE "We couldn't update the system reserved"

TEST_CASE(needed, "needed");

/* The small disk has some 37 MiB free: enough for an upgrade, not for a conversion. */
TEST(needed, a_disk_with_the_room_that_is_needed_is_left_alone_and_counted)
{
	const char *image = small_image(), *rows = text("%s/rows", test_folder());
	const struct image_digest digest = image_digest(image);
	struct outcome outcome =
		BOOTSHIFT("batch", "--only-needed", "--need", "upgrade", "--jsonl", rows, image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": nothing to do\n");
	ASSERT_HAS(outcome.output, "need no fix (--only-needed): 1 disk\n");
	ASSERT_HAS(RUN("cat", rows).output, "\"note-not-needed\"");
	image_assert_same(image, &digest);
	ASSERT_HAS(BOOTSHIFT("batch", "--only-needed", image).output, ": fixed in ");
	image_remove(image);
}

TEST(needed, a_changed_signature_needs_a_fix_whatever_the_room)
{
	const char *image = image_copy(
		image_recipe("needed-signature", SAMPLE_SMALL "patch disk 0x1B8 hex=55667788\n"));

	ASSERT_HAS(BOOTSHIFT("batch", "--only-needed", "--need", "1M", "--restore-signature", image)
			   .output,
		   ": fixed in ");
	image_remove(image);
}

TEST(needed, each_purpose_has_its_verdict)
{
	const char *image = small_image();
	struct outcome outcome = BOOTSHIFT("inspect", image);

	ASSERT_HAS(outcome.output, "It would fail with error 3140: it needs 119 MiB");
	ASSERT_HAS(outcome.output, "It should not fail with \"" UPGRADE);
	outcome = BOOTSHIFT("plan", "--need", "upgrade", image);
	ASSERT_HAS(outcome.output, "feature upgrade needs 15 MiB");
	ASSERT_STATUS(BOOTSHIFT("plan", "--need", "much", image), 2);
	ASSERT_HAS(BOOTSHIFT("fix", "--need", "upgrade", image).output, "upgrade Windows. Until");
	image_remove(image);
}

TEST(needed, a_batch_for_an_upgrade_does_not_speak_of_a_conversion)
{
	const char *image = small_image(), *page = text("%s/page", test_folder());
	struct outcome outcome = BOOTSHIFT("batch", "--need", "upgrade", "--report", page, image);

	ASSERT_HAS(outcome.output, "(1 had room enough for the feature upgrade)");
	ck_assert_ptr_null(strstr(outcome.output, "conver"));
	ASSERT_HAS(RUN("cat", page).output, "<dt>Feature upgrade<dd>did not need the fix");
	image_remove(image);
}
