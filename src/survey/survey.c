/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "survey/survey.h"

#include "survey/reader.h"

/* Reads all facts.  A part is read only if the parts that lead to it were found. */
static int survey_read_facts(struct reader *reader, struct bs_error *err)
{
	const struct facts *facts = reader->facts;

	if (partitions_read(reader, err) < 0)
		return -1;
	if (facts->system_index >= 0 && system_volume_read(reader, err) < 0)
		return -1;
	if (rebuild_read(reader, err) < 0)
		return -1;
	if (facts->boot_index >= 0 && boot_volume_read(reader, err) < 0)
		return -1;
	/* An undo needs the boot files that an earlier fix has left on another partition. */
	if (facts->system_index >= 0 && facts->system_index == facts->boot_index)
		return partitions_find_boot_files(reader, err);
	return 0;
}

static int survey_take_all(const struct volume_engine *engine, const struct bs_options *options,
			   bool anew, struct survey *survey, struct bs_error *err)
{
	struct reader reader = {.engine = engine, .facts = &survey->facts};
	int result;

	facts_begin(&survey->facts, disk_size(engine->disk), options);
	survey->facts.must_rebuild = anew;
	result = survey_read_facts(&reader, err);
	reader_close(&reader);
	if (result == 0)
		judge_facts(&survey->facts, &survey->report);
	return result;
}

int survey_take(const struct volume_engine *engine, const struct bs_options *options,
		struct survey *survey, struct bs_error *err)
{
	return survey_take_all(engine, options, false, survey, err);
}

int survey_take_for_new_files(const struct volume_engine *engine, uint32_t boot_partition,
			      struct survey *survey, struct bs_error *err)
{
	const struct bs_options options = {.rebuild = true, .boot_partition = boot_partition};

	return survey_take_all(engine, &options, true, survey, err);
}

void survey_free(struct survey *survey)
{
	facts_free(&survey->facts);
}
