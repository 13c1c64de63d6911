/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Staging: a staged disk is a fixed disk; a fix writes only where it has to; a disk that is not as
 * planned is not staged; and undo notices later changes by the zones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sample.h"
#include "util/bytes.h"
#include "windows/plan.h"
#include "windows/stage.h"
#include "windows/verify.h"
#include "windows/zones.h"

static struct sample sample;
static struct bs_plan *plan;
static uint64_t clusters;

static void setup(void)
{
	sample_open_small(&sample, "stage",
			  "on system\n"
			  "file \"\\Boot\\A long name.html\" size=9000 attributes=a\n"
			  "stream \\Boot\\memtest.exe:stream size=5000\n");
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
}

static void teardown(void)
{
	bs_plan_free(plan);
	sample_close(&sample);
}

static void assert_verified(void)
{
	const struct bs_options options = {0};
	struct bs_error err = {0};

	ASSERT_OK(verify_run(&sample.engine, plan, &options, clusters, &err));
}

/* ---- the staged disk ----------------------------------------------------------------------- */

TEST_CASE(staged, "staged", .setup = setup, .teardown = teardown);

TEST(staged, a_staged_fix_is_proved_right_and_its_volumes_are_sound)
{
	assert_verified();
	sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	sample_check_volume(&sample, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE);
}

TEST(staged, a_staged_fix_has_the_hashes_of_the_content_in_its_plan)
{
	const char *volume = image_extract(sample.disk, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE);

	for (uint32_t i = 0; i < plan->file_count; i++) {
		const struct bs_plan_file *file = &plan->files[i];
		char digest[65] = "", path[BS_PATH_MAX], *expected;

		if (file->is_folder) {
			ck_assert(all_zero(file->sha256, sizeof(file->sha256)));
			continue;
		}
		for (size_t j = 0; j < sizeof(file->sha256); j++)
			sprintf(digest + 2 * j, "%02x", file->sha256[j]);
		strcpy(path, file->path + 1);
		for (char *c = path; *c != '\0'; c++)
			*c = *c == '\\' ? '/' : *c;
		expected = image_run(0,
				     "icat '%s' $(fls -rp '%s' | grep -F ':\t%s' | grep -v :stream"
				     " | sed 's/^... \\([0-9]*\\)-.*/\\1/;q') | sha256sum",
				     volume, volume, path);
		ck_assert_msg(strncmp(digest, expected, 64) == 0, "%s: %s, not %s", file->path,
			      digest, expected);
		free(expected);
	}
}

static bool is_allowed(const struct range *extent)
{
	return (extent->offset == 0 && extent->length == 512) ||
	       (extent->offset >= SAMPLE_BOOT_START &&
		extent->offset + extent->length <= SAMPLE_BOOT_START + SAMPLE_BOOT_SIZE);
}

TEST(staged, nothing_but_the_flags_and_the_boot_partition_is_changed)
{
	struct range_vector extents;
	struct bs_error err = {0};
	uint8_t before[512], after[512];

	ASSERT_OK(overlay_extents(sample.overlay, 1 << 20, &extents, &err));
	ck_assert_uint_gt(extents.count, 0);
	for (size_t i = 0; i < extents.count; i++)
		ck_assert_msg(is_allowed(&extents.items[i]), "%llu bytes at %llu",
			      (unsigned long long)extents.items[i].length,
			      (unsigned long long)extents.items[i].offset);
	range_vector_free(&extents);
	ASSERT_OK(disk_read(sample.file, 0, before, sizeof(before), &err));
	ASSERT_OK(disk_read(sample.disk, 0, after, sizeof(after), &err));
	for (unsigned i = 0; i < sizeof(before); i++) {
		bool is_flag = i >= 0x1BE && i < 0x1FE && (i - 0x1BE) % 16 == 0;

		ck_assert(is_flag || before[i] == after[i]);
	}
	ck_assert_uint_eq(after[0x1BE], 0);
	ck_assert_uint_eq(after[0x1CE], 0x80);
}

/* ---- files without descriptors ------------------------------------------------------------- */

/* Opens the system volume as if it were FAT: its files have no security descriptors. */
static int open_without_security(const struct volume_engine *engine, uint64_t start, uint64_t size,
				 enum volume_mode mode, struct volume **volume,
				 struct bs_error *err)
{
	static struct volume_operations operations;
	const struct volume_engine ntfs = volume_ntfs_engine(engine->disk);

	if (volume_open(&ntfs, start, size, mode, volume, err) < 0)
		return -1;
	if (start == SAMPLE_SYSTEM_START) {
		operations = *(*volume)->operations;
		operations.security = NULL;
		(*volume)->operations = &operations;
	}
	return 0;
}

/* The builder of the samples makes the expected descriptors from Microsoft's notation. */
static void setup_without_security(void)
{
	sample_open_small(
		&sample, "stage-without-security",
		"descriptor item "
		"O:BAG:SYD:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200A9;;;BU)(A;;0x1200A9;;;AU)\n"
		"descriptor folder O:BAG:SYD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"
		"(A;OICI;0x1200A9;;;BU)(A;OICI;0x1200A9;;;AU)\n"
		"descriptor inner O:BAG:SYD:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200A9;;;BU)"
		"(A;ID;0x1200A9;;;AU)\n"
		"on windows\n"
		"file \\item descriptor=item\nfile \\folder descriptor=folder\n"
		"file \\inner descriptor=inner\n");
	plan = sample_plan(&sample);
	sample.engine.open = open_without_security;
	clusters = sample_stage(&sample, plan);
}

static void assert_same_security(struct sample_volume *volume, const char *path, const char *other)
{
	struct volume_file *files[] = {sample_open_file(volume, path),
				       sample_open_file(volume, other)};
	uint8_t *descriptors[2];
	size_t sizes[2];
	struct bs_error err = {0};

	for (int i = 0; i < 2; i++) {
		ASSERT_OK(volume_security(files[i], &descriptors[i], &sizes[i], &err));
		volume_done_file(files[i]);
	}
	ck_assert_msg(sizes[0] == sizes[1] && memcmp(descriptors[0], descriptors[1], sizes[0]) == 0,
		      "%s", path);
	free(descriptors[0]);
	free(descriptors[1]);
}

TEST_CASE(inherited, "inherited", .setup = setup_without_security, .teardown = teardown);

TEST(inherited, copies_of_files_without_descriptors_inherit_them_and_only_the_harmless_rights)
{
	struct sample_volume boot;

	assert_verified();
	sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &boot);
	assert_same_security(&boot, "\\bootmgr", "\\item");
	assert_same_security(&boot, "\\Boot", "\\folder");
	assert_same_security(&boot, "\\Boot\\BCD", "\\inner");
	sample_unmount(&boot);
}

TEST(inherited, a_copy_with_another_descriptor_is_noticed)
{
	const struct bs_options options = {0};
	struct sample_volume boot;
	struct bs_error err = {0};
	struct volume_file *file, *other;
	struct volume_metadata metadata;
	uint8_t *descriptor;
	size_t size;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &boot);
	other = sample_open_file(&boot, "\\item");
	ASSERT_OK(volume_security(other, &descriptor, &size, &err));
	volume_done_file(other);
	file = sample_open_file(&boot, "\\Boot\\BCD");
	ASSERT_OK(volume_stat(file, &metadata, &err));
	ASSERT_OK(volume_set_security(file, descriptor, size, &err));
	ASSERT_OK(volume_set_times(file, &metadata, &err));
	sample_close_file(file);
	sample_unmount(&boot);
	free(descriptor);
	ck_assert_int_eq(verify_run(&sample.engine, plan, &options, clusters, &err), -1);
	ck_assert_str_eq(err.message, "\\Boot\\BCD: the copy's security descriptor differs");
}

/* ---- scattered free room -------------------------------------------------------------------- */

/* The library gives one write a limited number of pieces, and then says that the volume is full. */
TEST_CASE(scattered, "scattered", .teardown = teardown);

TEST(scattered, a_large_file_is_copied_into_many_small_free_places)
{
	sample_open_small(&sample, "scattered",
			  "partition windows cluster-size=512\non system\n"
			  "file \\Boot\\large.wim size=2M attributes=a\non windows\n"
			  "file \\pagefile.sys free=16M fragments=8000 attributes=hsa\n");
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
	assert_verified();
}

/* ---- a disk that is not as planned --------------------------------------------------------- */

static int count_calls(void *context, uint32_t index, struct bs_error *err)
{
	(void)err;
	ck_assert_uint_eq(index, (*(uint32_t *)context)++);
	return 0;
}

static int fail_at_second(void *context, uint32_t index, struct bs_error *err)
{
	(void)context;
	return index == 1 ? fail(err, BS_WORKER, "told to fail") : 0;
}

TEST(staged, each_operation_is_told_once_in_order_and_an_error_there_ends_it)
{
	struct bs_error err = {0};
	uint32_t calls = 0;

	overlay_reset(sample.overlay);
	ASSERT_OK(stage_run(&sample.engine, plan, count_calls, &calls, &err));
	ck_assert_uint_eq(calls, plan->operation_count);
	overlay_reset(sample.overlay);
	ck_assert_int_eq(stage_run(&sample.engine, plan, fail_at_second, NULL, &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
}

static void assert_staging_fails(void)
{
	struct bs_error err = {0};
	uint32_t calls = 0;

	ck_assert_int_eq(stage_run(&sample.engine, plan, count_calls, &calls, &err), -1);
	ck_assert_int_eq(err.code, BS_CHANGED_MEANWHILE);
}

TEST(staged, a_source_that_has_another_file_than_planned_is_not_staged)
{
	struct sample_volume system;
	struct bs_error err = {0};

	overlay_reset(sample.overlay);
	sample_mount(&sample, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE, VOLUME_WRITE, &system);
	ASSERT_OK(volume_create(system.volume, "\\Boot", "new", false, &err));
	sample_unmount(&system);
	assert_staging_fails();
}

TEST(staged, a_source_with_a_file_of_another_size_is_not_staged)
{
	overlay_reset(sample.overlay);
	plan->files[0].size++;
	assert_staging_fails();
}

TEST(staged, a_store_whose_elements_are_elsewhere_is_not_staged)
{
	overlay_reset(sample.overlay);
	plan->elements[1].offset += 8;
	assert_staging_fails();
}

/* ---- zones --------------------------------------------------------------------------------- */

static bool has_zone(const struct range_vector *zones, uint64_t first, uint64_t length)
{
	for (size_t i = 0; i < zones->count; i++)
		if (zones->items[i].offset <= first &&
		    zones->items[i].offset + zones->items[i].length >= first + length)
			return true;
	return false;
}

static void assert_volume_zones(const struct range_vector *zones, uint64_t start, uint64_t size)
{
	struct bs_error err = {0};
	uint8_t record[512];

	ASSERT_OK(disk_read(sample.disk, start, record, sizeof(record), &err));
	ck_assert(has_zone(zones, start, 8192));
	ck_assert(has_zone(zones, start + size - 512, 512));
	/* The boot record says where $MFT begins. */
	ck_assert(has_zone(zones, start + load_le64(record + 0x30) * 4096, 16384));
}

TEST_CASE(fat_zones, "zones of FAT");

TEST_CASE(zones_tests, "zones", .setup = setup, .teardown = teardown);

TEST(zones_tests, the_zones_are_the_table_the_boot_records_and_the_start_of_the_metadata)
{
	struct range_vector zones = {0};
	struct bs_error err = {0};

	ASSERT_OK(zones_collect(sample.disk, plan, &zones, &err));
	ck_assert(has_zone(&zones, 0, 512));
	assert_volume_zones(&zones, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE);
	assert_volume_zones(&zones, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	for (size_t i = 0; i < zones.count; i++)
		ck_assert(range_within(zones.items[i].offset, zones.items[i].length,
				       disk_size(sample.disk)));
	range_vector_free(&zones);
}

/* The record says how many sectors come before the first file allocation table, and its size. */
TEST(fat_zones, the_zone_of_a_fat_volume_reaches_to_the_end_of_its_first_table)
{
	const struct bs_plan fat = {.operation_count = 1, /* a copy */
				    .system_start = SAMPLE_SYSTEM_START,
				    .system_size = SAMPLE_SYSTEM_SIZE,
				    .boot_start = SAMPLE_BOOT_START,
				    .boot_size = SAMPLE_BOOT_SIZE};
	struct range_vector zones = {0};
	struct bs_error err = {0};
	uint8_t record[512];
	uint32_t sectors;

	sample_open_small(&sample, "zones-fat", "partition system fat=16\n");
	ASSERT_OK(disk_read(sample.disk, SAMPLE_SYSTEM_START, record, sizeof(record), &err));
	sectors = load_le16(record + 0x0E) + load_le16(record + 0x16);
	ck_assert_uint_gt(sectors, 20);
	ASSERT_OK(zones_collect(sample.disk, &fat, &zones, &err));
	ck_assert(has_zone(&zones, SAMPLE_SYSTEM_START, sectors * 512));
	ck_assert(!has_zone(&zones, SAMPLE_SYSTEM_START, sectors * 512 + 1));
	assert_volume_zones(&zones, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	range_vector_free(&zones);
	sample_close(&sample);
}

static bool touches(const struct range_vector *zones, const struct range *extent)
{
	for (size_t i = 0; i < zones->count; i++)
		if (zones->items[i].offset < extent->offset + extent->length &&
		    extent->offset < zones->items[i].offset + zones->items[i].length)
			return true;
	return false;
}

/* An overlay of its own on the staged disk shows the changes of a later program. */
TEST_LOOP(zones_tests, a_file_made_on_either_volume_shows_in_the_zones, 0, 2)
{
	uint64_t starts[] = {SAMPLE_SYSTEM_START, SAMPLE_BOOT_START};
	uint64_t sizes[] = {SAMPLE_SYSTEM_SIZE, SAMPLE_BOOT_SIZE};
	struct range_vector zones = {0};
	struct bs_error err = {0};
	struct range_vector extents;
	struct sample_volume mounted;
	struct sample later = sample;
	struct volume_file *file;
	bool seen = false;

	ASSERT_OK(zones_collect(sample.disk, plan, &zones, &err));
	later.overlay = overlay_open(sample.disk, 64 << 20, NULL, &err);
	later.disk = overlay_disk(later.overlay);
	later.engine = volume_ntfs_engine(later.disk);
	sample_mount(&later, starts[_i], sizes[_i], VOLUME_WRITE, &mounted);
	ASSERT_OK(volume_create(mounted.volume, "\\", "later", false, &err));
	file = sample_open_file(&mounted, "\\later");
	ASSERT_OK(volume_write(file, "", 0, &mounted, sizeof(mounted), &err));
	sample_close_file(file);
	sample_unmount(&mounted);
	ASSERT_OK(overlay_extents(later.overlay, 1 << 20, &extents, &err));
	for (size_t i = 0; i < extents.count; i++)
		seen = seen || touches(&zones, &extents.items[i]);
	ck_assert(seen);
	range_vector_free(&extents);
	range_vector_free(&zones);
	disk_close(later.disk);
}
