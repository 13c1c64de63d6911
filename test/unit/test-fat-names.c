/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that the appliance's kernel would find on a FAT volume, and Windows would not. */
#include "appliance/volume-ask.h"
#include "support/test.h"

TEST_CASE(fat_names, "FAT names");

/* The names are refused before the appliance is asked: there is none. */
TEST(fat_names, a_name_that_ends_with_a_dot_or_a_blank_is_refused_anywhere_in_a_path)
{
	static const char *const paths[] = {"\\Boot.", "\\Boot ", "\\Boot.\\BCD", "\\Boot \\BCD",
					    "\\Boot\\de-DE. \\bootmgr.exe.mui"};
	struct volume_appliance volume = {.channel = -1};
	struct bs_error err;
	struct volume_file *file;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ck_assert_int_eq(volume_appliance_fat_operations.open_file(&volume.volume, paths[i],
									   &file, &err),
				 -1);
		ck_assert_int_eq(err.code, BS_BOOT_FILE_UNSUPPORTED);
	}
	ck_assert_int_eq(volume_appliance_fat_operations.open_file(
				 &volume.volume, "\\Boot\\de.DE\\a b", &file, &err),
			 -1);
	ck_assert_int_ne(err.code, BS_BOOT_FILE_UNSUPPORTED);
}
