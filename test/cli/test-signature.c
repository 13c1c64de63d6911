/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk whose signature was changed gets it back, by each command. */
#include <string.h>

#include "cli/samples.h"
#include "support/report.h"

/* The boot menu and the registry of the Windows at byte 41 MiB name 11223344; the disk has another. */
#define CHANGED                                                                                    \
	SAMPLE_SMALL "patch disk 0x1B8 hex=55667788\n"                                             \
		     "on windows\nfile \\Windows\\System32\\config\\SYSTEM hive=system\n"          \
		     "hive system root=x file=SYSTEM\nkey \\MountedDevices\n"                      \
		     "value \\DosDevices\\C: mounted windows\n"

/* Windows and its boot files are on one partition, so that only the signature is wrong. */
#define ONE_PARTITION                                                                              \
	CHANGED "partition system active=no\npartition windows active\non windows\n"               \
		"copy system \\bootmgr\ncopy system \\Boot\nremove-partition system\n"             \
		"hive bcd\nobject {bootmgr}\nelement 11000001 partition windows\n"                 \
		"object {memdiag}\nelement 11000001 partition windows\n"

static const struct {
	const char *name, *recipe, *unfixed, *words;
} disks[] = {
	{"signature-and-files", CHANGED, "the boot files are on partition 1, not with Windows",
	 "fixed: 3 files, "},
	{"signature-alone", ONE_PARTITION,
	 "the disk's signature was changed, and a fix would give it 11223344 back",
	 "fixed: the disk's signature, in "},
};

TEST_CASE(signature, "signature");
TEST_CASE(containers, "containers", .tags = "slow");

static void assert_signature(const char *image, const char *digits)
{
	ASSERT_HAS(BOOTSHIFT("inspect", "-v", image).output, text("disk signature %s;", digits));
}

TEST_EACH(signature, a_changed_signature_is_given_back_and_an_undo_takes_it_away, disks)
{
	const char *image = image_copy(image_recipe(disks[_i].name, disks[_i].recipe));
	const char *plan = text("%s/plan", test_folder());
	const struct image_digest digest = image_digest(image);
	struct outcome outcome;

	assert_signature(image, "88776655");
	ASSERT_HAS(BOOTSHIFT("verify", image).errors, disks[_i].unfixed);
	ASSERT_STATUS(BOOTSHIFT("plan", "-o", plan, image), 0);
	image_assert_same(image, &digest);
	outcome = BOOTSHIFT("fix", "--plan", plan, image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, disks[_i].words);
	assert_signature(image, "11223344");
	ASSERT_HAS(BOOTSHIFT("fix", image).output, "nothing to do");
	ASSERT_HAS(BOOTSHIFT("verify", "--plan", plan, image).output, "whole");
	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	image_assert_same(image, &digest);
	image_remove(image);
}

/* A later change of the signature is found, and the plan is not for that disk any more. */
TEST(signature, a_signature_that_was_changed_again_is_not_whole)
{
	const char *image = image_copy(image_recipe(disks[0].name, disks[0].recipe));

	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	file_write(image, 0x1B8, "xyz", 3);
	ASSERT_HAS(BOOTSHIFT("verify", image).errors, "(fix-not-whole)");
	image_remove(image);
}

TEST(signature, an_undo_of_the_signature_alone_needs_no_old_boot_files)
{
	const char *image = image_copy(image_recipe(disks[0].name, disks[0].recipe));
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, "an undo needs it");
	ASSERT_STATUS(BOOTSHIFT("accept", image), 0);
	file_write(image, 0x1B8, "xyz", 3);
	ASSERT_HAS(BOOTSHIFT("fix", image).output, disks[1].words);
	outcome = BOOTSHIFT("inspect", image);
	ASSERT_HAS(outcome.output, "to undo the fix: ");
	ASSERT_HAS_NOT(outcome.output, "an undo needs it");
	image_remove(image);
}

/* The undo file says that nothing but the signature was written, so no copies are compared. */
TEST(signature, a_fix_of_the_signature_alone_is_verified_and_accepted)
{
	const char *image = image_copy(image_recipe(disks[1].name, disks[1].recipe));

	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	ASSERT_HAS(BOOTSHIFT("verify", image).output, "nothing was written to the image since");
	file_write(image, 0x1B8, "xyz", 3);
	ASSERT_HAS(BOOTSHIFT("verify", image).output, "its first sector was written");
	ASSERT_HAS(BOOTSHIFT("accept", image).errors, "(fix-not-whole)");
	file_write(image, 0x1B8, "\x44\x33\x22", 3);
	ASSERT_HAS(BOOTSHIFT("verify", image).output, " left it\n");
	ASSERT_HAS(BOOTSHIFT("accept", image).output, "accepted");
	file_write(image, 0x1B8, "xyz", 3);
	ASSERT_HAS(BOOTSHIFT("accept", image).errors, "a fix would give it 11223344 back");
	image_remove(image);
}

/* The same in a container, whose driver decides where the first sector lies. */
TEST(containers, a_fix_of_the_signature_alone_is_verified_in_a_container)
{
	const char *raw = image_recipe(disks[1].name, disks[1].recipe);
	const char *image = text("%s/signature.qcow2", test_folder());

	ASSERT_STATUS(RUN("qemu-img", "convert", "-O", "qcow2", raw, image), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	ASSERT_STATUS(BOOTSHIFT("verify", image), 0);
	ASSERT_STATUS(RUN("qemu-io", "-c", "write -P 120 440 3", image), 0);
	ASSERT_HAS(BOOTSHIFT("verify", image).output, "its first sector was written");
	image_remove(image);
}

/* A fix that moves no files leaves the active flags as they are, whatever they are. */
TEST(signature, no_flag_is_asked_for_if_only_the_signature_is_wrong)
{
	const char *image = image_copy(
		image_recipe("signature-inactive", CHANGED
			     "hive bcd\nobject {bootmgr}\nelement 11000001 partition windows\n"
			     "object {memdiag}\nelement 11000001 partition windows\non windows\n"
			     "copy system \\bootmgr\ncopy system \\Boot\n"));
	struct outcome outcome = BOOTSHIFT("fix", "--system-partition", "2", image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "fixed: the disk's signature, in ");
	assert_signature(image, "11223344");
	image_remove(image);
}

TEST(signature, a_batch_gives_signatures_back)
{
	const char *image = image_copy(image_recipe(disks[1].name, disks[1].recipe));
	struct outcome outcome = BOOTSHIFT("batch", image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": fixed in ");
	assert_signature(image, "11223344");
	image_remove(image);
}

/* Without MountedDevices, only the boot menu names the earlier signature. */
TEST(signature, one_witness_is_enough_only_if_the_user_says_so)
{
	const char *image = image_copy(
		image_recipe("signature-one", CHANGED "hive system\ndelete \\MountedDevices\n"));
	struct outcome outcome = BOOTSHIFT("fix", image);

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "only the boot menu says so");
	ASSERT_HAS(outcome.errors, "(disk-signature-changed)");
	assert_signature(image, "88776655");
	ASSERT_STATUS(BOOTSHIFT("plan", "--restore-signature", image), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", "--restore-signature", image), 0);
	assert_signature(image, "11223344");
	image_remove(image);
}

TEST(signature, no_option_decides_between_witnesses_that_contradict_each_other)
{
	const char *image = image_copy(
		image_recipe("signature-third",
			     CHANGED "hive system\nkey \\MountedDevices\n"
				     "value \\DosDevices\\C: binary 010203040000900200000000\n"));

	ASSERT_HAS(BOOTSHIFT("fix", image).errors, "(disk-signature-disputed)");
	ASSERT_HAS(BOOTSHIFT("fix", "--restore-signature", image).errors,
		   "(disk-signature-disputed)");
	assert_signature(image, "88776655");
	image_remove(image);
}
