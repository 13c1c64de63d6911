/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both engines find on one sample.  A difference is a fault in one of them. */
#ifndef BOOTSHIFT_TEST_ENGINES_FIXTURE_H
#define BOOTSHIFT_TEST_ENGINES_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "support/sample.h"
#include "unit/appliance-fixture.h"

static inline void compare_partitions(const char *name, const struct bs_inspection *one,
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

static inline void compare_links(const char *name, const struct bs_inspection *one,
				 const struct bs_inspection *other)
{
	ck_assert_msg(one->link_count == other->link_count, "%s", name);
	for (uint32_t i = 0; i < one->link_count; i++)
		ck_assert_msg(one->links[i].state == other->links[i].state &&
				      one->links[i].code == other->links[i].code,
			      "%s: link %u: %s, but %s", name, i, one->links[i].detail,
			      other->links[i].detail);
}

static inline void compare_findings(const char *name, const struct bs_inspection *one,
				    const struct bs_inspection *other)
{
	for (uint32_t i = 0; i < one->finding_count || i < other->finding_count; i++)
		ck_assert_msg(one->finding_count == other->finding_count &&
				      one->findings[i].code == other->findings[i].code,
			      "%s: %u findings (%s), but %u (%s)", name, one->finding_count,
			      one->findings[i].message, other->finding_count,
			      other->findings[i].message);
}

static inline void compare(const char *name, const struct bs_inspection *one,
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

/* Takes the survey of a sample with both engines. */
static inline void compare_sample(const char *name)
{
	const struct bs_options options = {0};
	struct appliance_engine engine;
	struct bs_error err = {0};
	struct survey *own, *others = calloc(1, sizeof(*others));
	struct sample sample;

	sample_open(&sample, image_built(name, false));
	own = sample_survey(&sample, &options);
	borrow(sample.disk, &engine);
	ASSERT_OK(survey_take(&engine.base, &options, others, &err));
	give_back();
	compare(name, &own->report, &others->report);
	survey_free(own);
	survey_free(others);
	free(own);
	free(others);
	sample_close(&sample);
}

#endif
