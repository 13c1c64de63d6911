/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fix changes only the eight bytes of each device element whose file has moved.  The Sleuth Kit
 * extracts the stores from the volumes.  The tests compare them byte by byte, and as text by
 * hivexregedit.  The tests do not rely on the report of bootshift.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "support/images.h"
#include "support/program.h"
#include "support/report.h"
#include "support/state.h"
#include "util/bytes.h"

#define SECTOR_SIZE  512u
#define STORE_MAX    (1u << 18) /* bytes */
#define ELEMENTS_MAX 4

#define BOOTMGR           "{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\11000001"
#define MEMORY_DIAGNOSTIC "{b2721d73-1db4-4c62-bf78-c548a880142d}\\Elements\\11000001"
#define LEGACY_LOADER     "{466f5a88-0af2-4f76-9038-095b170dc21c}\\Elements\\11000001"

/*
 * The elements besides those two, which always follow their files.  The first elements prove most.
 */
static const struct {
	const char *recipe, *elements[ELEMENTS_MAX];
} fixed[] = {
	{"windows-10", {NULL}}, /* the recovery environment stays */
	{"legacy-dual-boot", {LEGACY_LOADER}},
	{"other-loader", {"{5c4d9f11-cce9-11e5-9d3a-0800279c5f11}\\Elements\\11000001"}},
	{"boot-ram-disk", {NULL}},
	{"windows-7", {NULL}},
	{"log-stale", {NULL}},
	{"legacy-third-partition", {NULL}}, /* "boot" follows without a change */
	{"default-legacy", {LEGACY_LOADER}},
	{"legacy-menu-missing", {LEGACY_LOADER}},
	{"two-windows", {NULL}},
	{"windows-on-system-volume", {NULL}},
	{"default-diagnostic", {NULL}},
	{"foreign-entries", {NULL}},
	{"older-try", {NULL}},
	{"compressed-root", {NULL}},
	{"fragmented-free-space", {NULL}},
	{"rich-boot-files", {NULL}},
	{"system-without-boot-code", {NULL}},
};

#define FIRST_COUNT 2
#define COUNT       ((int)(sizeof(fixed) / sizeof(fixed[0])))

/* The start of a partition in bytes, according to the table. */
static uint64_t start_of(const char *image, int number)
{
	uint8_t table[SECTOR_SIZE];

	file_read(image, 0, table, sizeof(table));
	return (uint64_t)load_le32(table + 0x1BE + 16 * (number - 1) + 8) * SECTOR_SIZE;
}

/* Extracts the store of a partition's volume into a file beside the image. */
static const char *take_store(const char *image, int number)
{
	const char *store = text("%s.store-%d", image, number);
	unsigned long long sector = start_of(image, number) / SECTOR_SIZE;

	free(image_run(0,
		       "inode=$(fls -r -p -o %llu '%s' | "
		       "sed -n 's,^r.r \\([0-9-]*\\):.Boot/BCD$,\\1,p'); "
		       "test -n \"$inode\" && icat -o %llu '%s' \"$inode\" >'%s'",
		       sector, image, sector, image, store));
	return store;
}

/* ---- byte by byte --------------------------------------------------------------------------- */

static size_t read_store(const char *path, uint8_t bytes[STORE_MAX])
{
	struct stat status;

	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_le((size_t)status.st_size, STORE_MAX);
	file_read(path, 0, bytes, (size_t)status.st_size);
	return (size_t)status.st_size;
}

/* The offset near `at` of eight bytes that were `old` and are `new`; SIZE_MAX: not found. */
static size_t find_field(const uint8_t *before, const uint8_t *after, size_t size, size_t at,
			 uint64_t old, uint64_t new)
{
	for (size_t field = at < 7 ? 0 : at - 7; field <= at && field + 8 <= size; field++)
		if (load_le64(before + field) == old && load_le64(after + field) == new)
			return field;
	return SIZE_MAX;
}

/*
 * Checks that only partition offsets differ, from one partition to the other.  Returns their
 * number.
 */
static unsigned count_retargeted(const char *old_store, const char *new_store, uint64_t old_start,
				 uint64_t new_start)
{
	static uint8_t before[STORE_MAX], after[STORE_MAX];
	size_t size = read_store(old_store, before);
	unsigned count = 0;

	ck_assert_uint_eq(read_store(new_store, after), size);
	for (size_t at = 0; at < size; at++) {
		size_t field;

		if (before[at] == after[at])
			continue;
		field = find_field(before, after, size, at, old_start, new_start);
		ck_assert_msg(field != SIZE_MAX, "byte %zu differs", at);
		at = field + 7;
		count++;
	}
	return count;
}

/* ---- as text -------------------------------------------------------------------------------- */

/* One line for each value, with its key in front. */
static const char *export(const char *store)
{
	const char *lines = text("%s.lines", store);

	free(image_run(0,
		       "hivexregedit --export '%s' '\\' | "
		       "awk '/^\\[/ { key = $0; next } { print key, $0 }' >'%s'",
		       store, lines));
	return lines;
}

/* The lines that occur only in `from`. */
static const char *lines_missing(const char *from, const char *in)
{
	return RUN("diff", "--unchanged-line-format=", "--old-line-format=%L",
		   "--new-line-format=", from, in)
		.output;
}

static unsigned count_lines(const char *lines)
{
	unsigned count = 0;

	for (; (lines = strchr(lines, '\n')) != NULL; lines++)
		count++;
	return count;
}

static void assert_changed(const char *lines, const char *element)
{
	ASSERT_HAS(lines, text("\\%s] \"Element\"=hex(3):", element));
}

TEST_CASE(stores, "stores");

TEST_LOOP(stores,
	  a_fix_retargets_the_elements_whose_file_moved_and_changes_nothing_else_in_the_store, 0,
	  FIRST_COUNT)
{
	const char *image = image_copy(image_built(fixed[_i].recipe, false));
	const char *before = take_store(image, 1), *after, *gone;
	unsigned expected = 2;

	report_run("fix", image, 0, "fixed", NULL);
	after = take_store(image, 2);
	gone = lines_missing(export(before), export(after));
	assert_changed(gone, BOOTMGR);
	assert_changed(gone, MEMORY_DIAGNOSTIC);
	for (int i = 0; i < ELEMENTS_MAX && fixed[_i].elements[i] != NULL; i++, expected++)
		assert_changed(gone, fixed[_i].elements[i]);
	ck_assert_uint_eq(count_lines(gone), expected);
	ck_assert_uint_eq(count_lines(lines_missing(export(after), export(before))), expected);
	ck_assert_uint_eq(count_retargeted(before, after, start_of(image, 1), start_of(image, 2)),
			  expected);
	/* The store on the system volume is unchanged. */
	ASSERT_STATUS(RUN("mv", before, text("%s.kept", before)), 0);
	ASSERT_STATUS(RUN("cmp", text("%s.kept", before), take_store(image, 1)), 0);
	image_remove(image);
}

TEST_CASE(stores_of_all_deviations, "stores of all deviations", .tags = "slow");
TEST_ALSO(stores_of_all_deviations,
	  a_fix_retargets_the_elements_whose_file_moved_and_changes_nothing_else_in_the_store,
	  FIRST_COUNT, COUNT);
