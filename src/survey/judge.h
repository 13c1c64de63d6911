/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judge: turns facts into the links of the boot chain, the findings and the verdict.
 *
 * The judge reads no disk and no image.  The same facts always give the same inspection.  The judge
 * applies the rules of rules.h.
 */
#ifndef BOOTSHIFT_JUDGE_H
#define BOOTSHIFT_JUDGE_H

#include "survey/facts.h"

/* Sets *report to an inspection without findings, in which no link was reached. */
void judge_begin(struct bs_inspection *report, uint64_t disk_size,
		 const struct bs_options *options);

/* Fills in the whole inspection, except the format and the size of the container. */
void judge_facts(const struct facts *facts, struct bs_inspection *report);

#endif
