/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey: everything that a plan needs to know about a disk, and the report about the disk.
 *
 * Readers fill in the facts (reader.h); then the judge gives the links, the findings and the
 * verdict (judge.h).  Nothing in an image makes a survey fail.  It fails only when the disk cannot
 * be read or memory runs out.
 */
#ifndef BOOTSHIFT_SURVEY_H
#define BOOTSHIFT_SURVEY_H

#include "survey/facts.h"
#include "survey/judge.h"

struct survey {
	struct facts facts;
	struct bs_inspection report;
};

/*
 * Takes the survey of the engine's disk.  The caller frees it with survey_free(), also after an
 * error.
 */
MUST_CHECK int survey_take(const struct volume_engine *engine, const struct bs_options *options,
			   struct survey *survey, struct bs_error *err);

/*
 * The same, as if the boot files of the Windows on a partition had to be made anew: the facts tell what
 * a fix would make.
 */
MUST_CHECK int survey_take_for_new_files(const struct volume_engine *engine,
					 uint32_t boot_partition, struct survey *survey,
					 struct bs_error *err);

void survey_free(struct survey *survey);

#endif
