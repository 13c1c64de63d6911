/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advice for one image: the replacements of the words in capitals. */
#include "support/test.h"
#undef fail /* an outdated macro of check.h */
#include <stdlib.h>
#include <string.h>

#include "report/advice.h"

static const struct bs_options none, all = {.format = "vhd",
					    .system_partition = 3,
					    .boot_partition = 4,
					    .undo_directory = "/a b"};
static const struct bs_inspection unknown = {.format = "raw"};
static const struct bs_inspection advised = {
	.format = "vhd", .advised_partition = 2, .earlier_signature = 0x1A2B3C4D};

static const struct bs_inspection without_windows = {.format = "raw", .no_windows = true};

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
static const struct {
	enum bs_code code;
	struct advice_subject subject;
	const char *end; /* the end of the advice */
} cases[] = {
	/* no image: the advice of the manual */
	{BS_NO_ACTIVE_PARTITION,
	 {NULL, NULL, NULL},
	 ": bootshift inspect --system-partition N IMAGE"},
	{BS_SIGNATURE_CHANGED, {NULL, NULL, NULL}, ": bootshift fix --restore-signature IMAGE"},
	/* the name of the image */
	{BS_NO_ACTIVE_PARTITION,
	 {"a.img", &none, &unknown},
	 ": bootshift inspect --system-partition N a.img"},
	{BS_NO_ACTIVE_PARTITION,
	 {"it's", NULL, NULL},
	 ": bootshift inspect --system-partition N 'it'\\''s'"},
	{BS_WORKER, {"-a", NULL, NULL}, ": bootshift inspect --json ./-a"},
	{BS_WORKER, {"a:b", NULL, NULL}, ": bootshift inspect --json ./a:b"},
	{BS_WORKER, {"/a:b", NULL, NULL}, ": bootshift inspect --json /a:b"},
	{BS_WORKER, {"nbd://host/x", NULL, NULL}, ": bootshift inspect --json nbd://host/x"},
	/* the options that the user gave, except the option that the advice contains */
	{BS_NO_ACTIVE_PARTITION,
	 {"a", &all, &advised},
	 ": bootshift inspect --format vhd --boot-partition 4 --undo-dir '/a b' --system-partition "
	 "2 "
	 "a"},
	{BS_BOOT_VOLUME_MISSING,
	 {"a", &all, &advised},
	 "(partition 2 is then used), or choose another partition; to see them: bootshift inspect "
	 "--format vhd --undo-dir '/a b' a"},
	{BS_PLAN_STALE,
	 {"a", &all, NULL},
	 ": bootshift plan --format vhd --system-partition 3 --boot-partition 4 "
	 "--undo-dir '/a b' -o FILE a"},
	/* a plan says where the boot files came from */
	{BS_NO_RECORD,
	 {"a", &all, NULL},
	 ": bootshift verify --format vhd --boot-partition 4 --undo-dir '/a b' --plan FILE a"},
	/* values that were found */
	{BS_SIGNATURE_CHANGED, {"a", &none, &advised}, ": bootshift fix --restore-signature a"},
	{BS_DISK_ENCRYPTED,
	 {"a", &none, &unknown},
	 ": cryptsetup open a decrypted && bootshift fix /dev/mapper/decrypted"},
	{BS_DISK_ENCRYPTED,
	 {"nbd://x", &none, &unknown},
	 ": qemu-img convert -f raw -O raw nbd://x NEW && cryptsetup open NEW decrypted && "
	 "bootshift fix /dev/mapper/decrypted"},
	{BS_DISK_ENCRYPTED,
	 {"a", &none, &advised},
	 ": qemu-img convert -f vpc -O raw a NEW && cryptsetup open NEW decrypted && "
	 "bootshift fix /dev/mapper/decrypted"},
	{BS_BOOT_VOLUME_MISSING,
	 {"a", &none, &without_windows},
	 "name an image of the disk that has Windows"},
	/* other words in capitals */
	{BS_NO_CONNECTION, {"a", &all, &advised}, "accepts clients"},
};

TEST_CASE(advice_tests, "advice");

TEST_EACH(advice_tests, an_advice_has_what_is_known, cases)
{
	char *advice = advice_make(cases[_i].code, &cases[_i].subject);
	size_t length, end = strlen(cases[_i].end);

	ck_assert_ptr_nonnull(advice);
	length = strlen(advice);
	ck_assert_uint_ge(length, end);
	ck_assert_str_eq(advice + length - end, cases[_i].end);
	free(advice);
}

TEST(advice_tests, a_code_without_advice_has_none_for_an_image_either)
{
	const struct advice_subject subject = {"a", &all, &advised};
	char *advice = advice_make(BS_NOTE_ROOM, &subject);

	ck_assert_str_eq(advice, "");
	free(advice);
}

TEST(advice_tests, the_command_of_an_advice_is_found)
{
	static const char ours[] = "do this: bootshift fix a", other[] = "do: this: sfc /scannow";

	ck_assert_ptr_eq(advice_command(ours), ours + strlen("do this: "));
	ck_assert_ptr_eq(advice_command(other), other + strlen("do: this: "));
	ck_assert_ptr_null(advice_command("run bootshift as root: it may"));
	ck_assert_ptr_null(advice_command(""));
}
