/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judge: turns facts into the links of the boot chain, the findings and the verdict.
 *
 * It is pure: it reads no disk and no image, and the same facts always give the same inspection.
 * What it goes by are the rules of rules.h.
 */
#ifndef BOOTSHIFT_JUDGE_H
#define BOOTSHIFT_JUDGE_H

#include "survey/facts.h"

/* An inspection in which no link was reached and nothing was found. */
void judge_begin(struct bs_inspection *report, uint64_t disk_size,
		 const struct bs_options *options);

/* Fills in the whole inspection but what the container says (its format and size). */
void judge_facts(const struct facts *facts, struct bs_inspection *report);

#endif
