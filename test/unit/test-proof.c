/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A staged fix is started in a real virtual machine.  The proof notices what bootshift's own
 * verification would have to believe.
 */
#include "engine/proof.h"

#include <stdlib.h>
#include <string.h>

#include "support/sample.h"
#include "support/test.h"
#include "util/bytes.h"
#include "windows/map.h"

static struct sample sample;
static struct bs_plan *plan;
static struct proof proof;
static const struct bs_options no_options;

static void stage(const char *recipe)
{
	sample_open(&sample, image_built(recipe, false));
	plan = sample_plan(&sample);
	sample_stage(&sample, plan);
}

static void teardown(void)
{
	proof_free(&proof);
	bs_plan_free(plan);
	sample_close(&sample);
}

static const struct bs_start *prove(void)
{
	struct bs_error err;

	ASSERT_OK(proof_run(sample.disk, &no_options, plan, &proof, &err));
	ck_assert_ptr_nonnull(proof.start);
	return proof.start;
}

/* Where the staged \Boot\BCD lies on the disk; it is in one piece. */
static uint64_t find_store(void)
{
	struct survey *survey = sample_survey(&sample, &no_options);
	struct places places = {0};
	struct bs_error err;
	uint64_t offset;

	ASSERT_OK(map_make(&sample.engine, &survey->facts, plan, &places, &err));
	ck_assert(places_seal(&places));
	offset = places.ranges.items[places.start[BS_PLACE_BCD]].range.offset;
	places_free(&places);
	survey_free(survey);
	free(survey);
	return offset;
}

TEST_CASE(proofs, "proof", .teardown = teardown, .tags = "slow");

static const char *const good[] = {"windows-7", "windows-10", "default-diagnostic"};

TEST_EACH(proofs, a_staged_fix_starts_without_the_old_partition, good)
{
	const struct bs_start *start;

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	stage(good[_i]);
	start = prove();
	ck_assert_msg(start->proven, "%s", start->evidence);
	ck_assert_uint_eq(start->readings[BS_PLACE_OLD_SYSTEM].read, 0);
	ck_assert_uint_eq(start->readings[BS_PLACE_LOADER].partition, 2);
	ck_assert_uint_eq(start->readings[BS_PLACE_BOOTMGR].read,
			  start->readings[BS_PLACE_BOOTMGR].size);
	ck_assert_int_eq(memcmp(start->picture, "\x89PNG", 4), 0);
}

TEST(proofs, an_element_that_still_points_to_the_old_partition_is_noticed)
{
	const struct bs_start *start;
	uint64_t store;
	uint8_t place[8];

	if (!test_needs_program("qemu-system-x86_64"))
		return;
	stage("default-diagnostic");
	store = find_store();
	store_le64(place, plan->system_start);
	for (uint32_t i = 0; i < plan->element_count; i++)
		sample_write(&sample, store + plan->elements[i].offset, place, sizeof(place));
	start = prove();
	ck_assert(!start->proven);
	ck_assert_msg(strstr(start->evidence, "should not be needed any more"), "%s",
		      start->evidence);
}
