/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests of the survey: a sample, the survey of the sample, and unusual partition tables.
 */
#ifndef BOOTSHIFT_TEST_SURVEY_FIXTURE_H
#define BOOTSHIFT_TEST_SURVEY_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sample.h"
#include "util/bytes.h"

static struct sample sample;
static struct survey *survey;
static const struct bs_options no_options;

static inline void teardown(void)
{
	survey_free(survey);
	free(survey);
	sample_close(&sample);
}

static inline void look(const struct bs_options *options)
{
	survey = sample_survey(&sample, options);
}

static inline void look_at(const char *name, const char *more)
{
	sample_open_small(&sample, name, more);
	look(&no_options);
}

/* The code of the first finding that refuses a fix; BS_OK if there is none. */
static inline enum bs_code refusal(void)
{
	for (uint32_t i = 0; i < survey->report.finding_count; i++)
		if (bs_code_exit(survey->report.findings[i].code) == BS_EXIT_REFUSED)
			return survey->report.findings[i].code;
	return BS_OK;
}

static inline bool has_finding(enum bs_code code)
{
	for (uint32_t i = 0; i < survey->report.finding_count; i++)
		if (survey->report.findings[i].code == code)
			return true;
	return false;
}

static inline void assert_refused(enum bs_code code)
{
	ck_assert_int_eq(survey->report.verdict, BS_VERDICT_UNSUITABLE);
	ck_assert_str_eq(bs_code_name(refusal()), bs_code_name(code));
}

static inline void assert_fixable(void)
{
	ck_assert_str_eq(bs_code_name(refusal()), "ok");
	ck_assert_int_eq(survey->report.verdict, BS_VERDICT_FIXABLE);
}

static inline const char *message_of(enum bs_code code)
{
	for (uint32_t i = 0; i < survey->report.finding_count; i++)
		if (survey->report.findings[i].code == code)
			return survey->report.findings[i].message;
	ck_abort_msg("no finding %s", bs_code_name(code));
}

static inline void assert_link(enum bs_link_kind kind, enum bs_link_state state, enum bs_code code)
{
	ck_assert_int_eq(survey->report.links[kind].state, state);
	ck_assert_str_eq(bs_code_name(survey->report.links[kind].code), bs_code_name(code));
}

/* The number of BCD elements that a fix would retarget. */
static inline uint32_t retargeted(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < survey->facts.elements.count; i++)
		count += facts_is_retargeted(&survey->facts, &survey->facts.elements.items[i]);
	return count;
}

static inline void write_entry(unsigned index, uint8_t flag, uint8_t type, uint32_t first,
			       uint32_t count)
{
	uint8_t entry[16] = {flag, 0, 0, 0, type};

	store_le32(entry + 8, first);
	store_le32(entry + 12, count);
	sample_write(&sample, 0x1BE + 16 * index, entry, sizeof(entry));
}

#define MIB 2048u /* sectors */

/* A record of an extended partition: one logical partition, and the next record. */
static inline void write_extended(uint64_t lba, uint32_t first, uint32_t count, uint32_t next)
{
	uint8_t sector[512] = {0};

	sector[0x1BE + 4] = count != 0 ? 0x07 : 0;
	store_le32(sector + 0x1BE + 8, first);
	store_le32(sector + 0x1BE + 12, count);
	sector[0x1CE + 4] = next != 0 ? 0x05 : 0;
	store_le32(sector + 0x1CE + 8, next);
	store_le32(sector + 0x1CE + 12, 1);
	sector[0x1FE] = 0x55;
	sector[0x1FF] = 0xAA;
	sample_write(&sample, lba * 512, sector, sizeof(sector));
}

#endif
