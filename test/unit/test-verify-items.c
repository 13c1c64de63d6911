/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that move although they are neither in \Boot nor in the root folder: they are staged and
 * verified together with the folders on their path, and boot code must be able to read all of them.
 */
#include <sys/stat.h>

#include "unit/verify-fixture.h"
#include "windows/accounting.h"

static void stat_target(const char *path, struct volume_metadata *metadata)
{
	struct volume_file *file = sample_open_file(&target, path);
	struct bs_error err = {0};

	ASSERT_OK(volume_stat(file, metadata, &err));
	volume_done_file(file);
}

/* ---- files in folders that may be missing -------------------------------------------------- */

/*
 * Makes two files in a folder that is missing at the target; one file has a short name.  Makes two
 * more files below an existing folder with so many files that its index has clusters of its own.
 */
static void setup_items(void)
{
	sample_open_small(&sample, "stage-items",
			  "on system\n"
			  "folder \\NST attributes=h descriptor=admins times=2012-03-04T05:06:07Z\n"
			  "file \\NST\\a.mbr size=8192 attributes=r descriptor=system\n"
			  "file \"\\NST\\a long name.mbr\" size=512\n"
			  "folder \\Tools attributes=s descriptor=admins\n"
			  "file \\Tools\\t.wim size=70000\n"
			  "folder \\Tools\\sub attributes=i descriptor=admins\n"
			  "file \\Tools\\sub\\t.wim size=70000\n"
			  "on windows\n"
			  "folder \\tools descriptor=windows-folder times=2013-03-04T05:06:07Z\n"
			  "file \\tools\\mine.txt size=5\n"
			  "file \\tools\\my-file-<100-199>.txt size=5\n"
			  "hive bcd\n"
			  "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} 10400008\n"
			  "element 11000001 boot\n"
			  "element 12000002 string \\NST\\a.mbr\n"
			  "object {2f5b0a99-cce8-11e5-9d3a-0800279c5f11} 10400008\n"
			  "element 11000001 partition system\n"
			  "element 12000002 string \"\\nst\\a long name.mbr\"\n"
			  "object {2f5b0a9a-cce8-11e5-9d3a-0800279c5f11} 10200005\n"
			  "element 11000001 boot\n"
			  "element 12000002 string \\Tools\\t.wim\n"
			  "object {2f5b0a9b-cce8-11e5-9d3a-0800279c5f11} 10200005\n"
			  "element 11000001 boot\n"
			  "element 12000002 string \\Tools\\sub\\t.wim\n");
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
}

TEST_CASE(files_elsewhere, "files elsewhere", .setup = setup_items, .teardown = teardown);

TEST(files_elsewhere, files_elsewhere_are_copied_with_the_folders_on_the_way)
{
	static const char *const paths[] = {
		"\\NST",          "\\NST\\a.mbr", "\\NST\\a long name.mbr",
		"\\Tools\\t.wim", "\\Tools\\sub", "\\Tools\\sub\\t.wim"};
	static const uint32_t folders[] = {1, 0, 0, 1}; /* of the operations from the third on */

	ck_assert_uint_eq(plan->element_count, 3);
	ck_assert_uint_eq(plan->file_count, 4 + 6);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_str_eq(plan->files[4 + i].path, paths[i]);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(plan->operations[2 + i].folders, folders[i]);
	assert_verified();
	sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
}

TEST(files_elsewhere, a_folder_that_is_there_stays_with_what_is_in_it)
{
	struct volume_metadata folder, file;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &target);
	stat_target("\\Tools", &folder);
	stat_target("\\Tools\\mine.txt", &file);
	sample_unmount(&target);
	ck_assert_str_eq(folder.name, "tools");
	ck_assert_uint_eq(folder.attributes & FILE_ATTRIBUTES_COPIED, 0);
	ck_assert_uint_eq(folder.created, 130068471670000000);
	ck_assert_uint_eq(file.size, 5);
}

TEST(files_elsewhere, a_folder_on_the_way_has_its_own_times_though_two_files_were_put_in_it)
{
	struct volume_metadata folder;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &target);
	stat_target("\\NST", &folder);
	sample_unmount(&target);
	ck_assert_uint_eq(folder.modified, 129753111670000000);
	ck_assert_uint_eq(folder.attributes & FILE_ATTRIBUTES_COPIED, FILE_IS_HIDDEN);
}

static uint64_t clusters_of(const char *path)
{
	struct volume_file *file = sample_open_file(&target, path);
	struct range_vector runs = {0};
	struct bs_error err = {0};
	uint64_t count = 0;

	ASSERT_OK(volume_add_clusters(file, &runs, &err));
	for (size_t i = 0; i < runs.count; i++)
		count += runs.items[i].length;
	range_vector_free(&runs);
	volume_done_file(file);
	return count;
}

/* The index of the folder can grow, so its clusters are part of the accounting. */
TEST(files_elsewhere, a_folder_that_is_there_counts_with_its_index)
{
	struct accounting none, one;
	struct bs_error err = {0};
	uint64_t index;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &target);
	index = clusters_of("\\Tools");
	ck_assert_uint_gt(index, 0);
	plan->operations[0] = plan->operations[4];
	plan->operation_count = 1;
	ASSERT_OK(accounting_take(target.volume, plan, &one, &err));
	plan->operation_count = 0;
	ASSERT_OK(accounting_take(target.volume, plan, &none, &err));
	ck_assert_uint_eq(one.sum, none.sum + index + clusters_of("\\Tools\\t.wim"));
	sample_unmount(&target);
}

TEST(files_elsewhere, a_folder_on_the_way_that_is_not_as_its_source_is_noticed)
{
	struct volume_metadata before;
	struct volume_file *file = edit("\\NST", &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_attributes(file, 0, &err));
	end_edit(file, &before);
	assert_noticed("\\NST: the copy's set of attributes");
}

TEST(files_elsewhere, a_file_elsewhere_that_is_missing_is_noticed)
{
	struct volume_metadata before;
	struct bs_error err = {0};
	uint32_t count;

	volume_done_file(edit("\\NST", &before));
	ASSERT_OK(volume_remove(target.volume, "\\NST\\a.mbr", &count, &err));
	end_edit(sample_open_file(&target, "\\NST"), &before);
	assert_noticed("\\NST\\a.mbr was not copied");
}

/* ---- reach --------------------------------------------------------------------------------- */

#define REACH_MIB (2048u * 1024u) /* offset of sector 2^32 */

/* Makes SAMPLE_SMALL with a boot volume of 1 GiB, of which `below` MiB are below sector 2^32. */
static const char *build_straddling(unsigned below)
{
	char name[32], *recipe;
	const char *image;

	snprintf(name, sizeof(name), "straddling-%u", below);
	ck_assert_int_gt(asprintf(&recipe,
				  "%sdisk size=2050G\npartition windows start=%uM size=1G "
				  "cluster-size=65536\n",
				  SAMPLE_SMALL, REACH_MIB - below),
			 0);
	image = image_recipe(name, recipe);
	free(recipe);
	return image;
}

static void open_straddling(unsigned below)
{
	sample_open(&sample, build_straddling(below));
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
}

TEST_CASE(reach, "reach", .teardown = teardown);

TEST(reach, boot_files_where_boot_code_cannot_read_them_are_refused)
{
	const struct bs_options options = {.size = sizeof(options)};
	struct bs_error err = {0};

	open_straddling(64);
	ck_assert_int_eq(verify_run(&sample.engine, plan, &options, clusters, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), "beyond-reach");
}

TEST_CASE(refused_while_rehearsing, "refused while rehearsing");

TEST(refused_while_rehearsing, a_fix_that_finds_that_while_rehearsing_is_refused_and_writes_nothing)
{
	const struct bs_options options = {.size = sizeof(options)};
	const char *image = image_copy(build_straddling(64));
	struct bs_result result;
	struct stat before, after;
	char *names;

	ck_assert_int_eq(stat(image, &before), 0);
	ck_assert_int_eq(bs_fix(image, &options, NULL, &result), BS_EXIT_REFUSED);
	ck_assert_int_eq(stat(image, &after), 0);
	ck_assert_int_eq(result.status, BS_STATUS_REFUSED);
	ck_assert_int_eq(result.error.code, BS_BEYOND_REACH);
	ck_assert_ptr_null(result.undo_file);
	ck_assert_int_eq(result.inspection->verdict, BS_VERDICT_UNSUITABLE);
	ck_assert_int_eq(result.inspection->findings[result.inspection->finding_count - 1].code,
			 BS_BEYOND_REACH);
	ck_assert_mem_eq(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	names = image_run(0, "ls -A \"$(dirname '%s')\" | wc -l", image);
	ck_assert_str_eq(names, "1\n");
	free(names);
	bs_result_free(&result);
	image_remove(image);
}

TEST(reach, a_volume_that_ends_beyond_reach_is_fixed_when_its_boot_files_do_not)
{
	open_straddling(960);
	assert_verified();
}
