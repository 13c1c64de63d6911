/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libguestfs as the second engine, asked for on the command line. */
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/containers.h"
#include "support/report.h"
#include "support/state.h"

TEST_CASE(second_opinion_missing, "second opinion without libguestfs");

/* The loader finds a file of the library's name that is no library. */
TEST(second_opinion_missing, without_libguestfs_nothing_is_written_and_the_packages_are_named)
{
	const char *image = small_image(), *folder = test_folder();
	struct image_state before = state_take(image);
	struct outcome outcome;

	ASSERT_STATUS(RUN("sh", "-c", text("echo >'%s/libguestfs.so.0'", folder)), 0);
	setenv("LD_LIBRARY_PATH", folder, 1);
	outcome = BOOTSHIFT("fix", "--second-opinion", image);
	unsetenv("LD_LIBRARY_PATH");
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "libguestfs cannot be loaded: ");
	ASSERT_HAS(outcome.errors, " (appliance-unusable); install libguestfs");
	state_assert_untouched(image, &before);
	image_remove(image);
}

TEST_CASE(second_opinion, "second opinion", .tags = "slow");

static unsigned count(const char *whole, const char *part)
{
	unsigned number = 0;

	for (; (whole = strstr(whole, part)) != NULL; whole += strlen(part))
		number++;
	return number;
}

TEST(second_opinion, one_appliance_agrees_with_all_images_of_a_batch)
{
	static const struct container_kind vhdx = {"vhdx", "vhdx", "-o subformat=dynamic", false,
						   NULL};
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *large = container_make(&vhdx, image_built("windows-10", false));
	const char *one = batch_put(folder, "1.vhdx", large);
	const char *two = batch_put(folder, "2.img", image_small("windows-7", false));
	struct image_state before = state_take(one);
	struct outcome outcome;

	image_remove(large);
	setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 0);
	outcome = BOOTSHIFT("batch", "--debug", "-j2", "--engine", "libguestfs", "--jsonl", rows,
			    folder);
	ASSERT_STATUS(outcome, 0);
	batch_assert(batch_rows(rows), one, "fixed", NULL);
	batch_assert(batch_rows(rows), two, "fixed", NULL);
	ck_assert_uint_eq(count(outcome.errors, "trace: launch = 0"), 1);
	ck_assert_uint_eq(count(outcome.errors, "trace: inspect_os = ["), 2);
	outcome = BOOTSHIFT("verify", "--second-opinion", one);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "; nothing was written to the image since\n"
				   "  libguestfs finds the same.\n");
	ASSERT_STATUS(BOOTSHIFT("undo", one, two), 0);
	state_assert_restored(one, &before);
}
