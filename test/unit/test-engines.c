/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey with both engines.  What they find differently on one disk is a fault in one of them.
 * One appliance looks at one sample after another: the disk below its view is exchanged while it
 * has nothing mounted.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/appliance-engine.h"
#include "appliance/appliance.h"
#include "support/sample.h"
#include "util/bytes.h"

/* The view is as large as the largest sample.  Behind the end of a smaller one it has zeros. */
#define VIEW_SIZE (8ull << 30)

static struct exchanged {
	struct disk disk;
	struct disk *below;
} view;

static int view_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	struct disk *below = ((struct exchanged *)disk)->below;
	uint64_t size = disk_size(below), there = offset < size ? size - offset : 0;

	memset(buffer, 0, length);
	return disk_read(below, offset, buffer, min_u64(length, there), err);
}

static const struct disk_operations view_operations = {.read = view_read};

static void compare_partitions(const char *name, const struct bs_inspection *one,
			       const struct bs_inspection *other)
{
	ck_assert_msg(one->partition_count == other->partition_count, "%s", name);
	for (uint32_t i = 0; i < one->partition_count; i++) {
		const struct bs_partition *a = &one->partitions[i], *b = &other->partitions[i];

		ck_assert_msg(a->filesystem == b->filesystem && a->is_boot == b->is_boot &&
				      a->is_system == b->is_system,
			      "%s: partition %u: %d %d %d, but %d %d %d", name, a->number,
			      a->filesystem, a->is_boot, a->is_system, b->filesystem, b->is_boot,
			      b->is_system);
		ck_assert_msg(a->usage_known == b->usage_known && a->free == b->free &&
				      a->cluster_size == b->cluster_size &&
				      strcmp(a->label, b->label) == 0,
			      "%s: partition %u: %d %llu %u %s, but %d %llu %u %s", name, a->number,
			      a->usage_known, (unsigned long long)a->free, a->cluster_size,
			      a->label, b->usage_known, (unsigned long long)b->free,
			      b->cluster_size, b->label);
	}
}

static void compare_links(const char *name, const struct bs_inspection *one,
			  const struct bs_inspection *other)
{
	ck_assert_msg(one->link_count == other->link_count, "%s", name);
	for (uint32_t i = 0; i < one->link_count; i++)
		ck_assert_msg(one->links[i].state == other->links[i].state &&
				      one->links[i].code == other->links[i].code,
			      "%s: link %u: %s, but %s", name, i, one->links[i].detail,
			      other->links[i].detail);
}

static void compare_findings(const char *name, const struct bs_inspection *one,
			     const struct bs_inspection *other)
{
	for (uint32_t i = 0; i < one->finding_count || i < other->finding_count; i++)
		ck_assert_msg(one->finding_count == other->finding_count &&
				      one->findings[i].code == other->findings[i].code,
			      "%s: %u findings (%s), but %u (%s)", name, one->finding_count,
			      one->findings[i].message, other->finding_count,
			      other->findings[i].message);
}

static void compare(const char *name, const struct bs_inspection *one,
		    const struct bs_inspection *other)
{
	compare_partitions(name, one, other);
	compare_links(name, one, other);
	compare_findings(name, one, other);
	ck_assert_msg(one->verdict == other->verdict &&
			      one->boot_file_count == other->boot_file_count &&
			      one->boot_file_bytes == other->boot_file_bytes &&
			      one->room_after == other->room_after &&
			      strcmp(one->windows_name, other->windows_name) == 0 &&
			      strcmp(one->windows_build, other->windows_build) == 0,
		      "%s: the rest differs", name);
}

static void compare_sample(const char *name, int channel)
{
	const struct bs_options options = {0};
	struct appliance_engine engine;
	struct bs_error err = {0};
	struct survey *own, *others = calloc(1, sizeof(*others));
	struct sample sample;

	sample_open(&sample, image_built(name, false));
	ck_assert_uint_le(disk_size(sample.disk), VIEW_SIZE);
	view.below = sample.disk;
	own = sample_survey(&sample, &options);
	ASSERT_OK(appliance_engine_open(&engine, sample.disk, channel, &err));
	ASSERT_OK(survey_take(&engine.base, &options, others, &err));
	compare(name, &own->report, &others->report);
	survey_free(own);
	survey_free(others);
	free(own);
	free(others);
	sample_close(&sample);
}

static struct sample first;
static struct appliance *appliance;

static void start(void)
{
	struct bs_error err = {0};

	setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 0);
	sample_open(&first, image_built("windows-7", false));
	view = (struct exchanged){
		.disk = {.operations = &view_operations, .size = VIEW_SIZE},
		.below = first.disk,
	};
	appliance = appliance_start(&view.disk, &err);
	ck_assert_msg(appliance != NULL, "%s", err.message);
}

static void end(void)
{
	struct bs_error err = {0};

	ASSERT_OK(appliance_end(appliance, &err));
	sample_close(&first);
}

TEST_CASE(engines, "engines", .setup = start, .teardown = end, .tags = "slow");

TEST(engines, both_find_the_same)
{
	static const char *const names[] = {"windows-10",       "rich-boot-files", "hibernated",
					    "legacy-dual-boot", "journal-open",    "already-fixed",
					    "boot-ram-disk",    "windows-7"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare_sample(names[i], appliance_channel(appliance));
}

TEST_CASE(engines_in_full, "engines in full", .setup = start, .teardown = end, .tags = "engines");

TEST(engines_in_full, both_find_the_same_in_each_sample)
{
	glob_t recipes;

	ck_assert_int_eq(glob("images/*.recipe", 0, NULL, &recipes), 0);
	ck_assert_uint_gt(recipes.gl_pathc, 70);
	for (size_t i = 0; i < recipes.gl_pathc; i++) {
		char name[80];

		ck_assert_int_eq(sscanf(recipes.gl_pathv[i], "images/%79[^.]", name), 1);
		if (strncmp(name, "fat", 3) == 0) /* only libguestfs reads FAT: test-fat.c */
			continue;
		compare_sample(name, appliance_channel(appliance));
	}
	globfree(&recipes);
}
