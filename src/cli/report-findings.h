/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text report of findings, for all commands. */
#ifndef BOOTSHIFT_CLI_REPORT_FINDINGS_H
#define BOOTSHIFT_CLI_REPORT_FINDINGS_H

#include "report/advice.h"

/* Whether a finding is a note: something to know that does not prevent a fix. */
bool finding_is_note(const struct bs_finding *finding);

/* Prints each finding and its advice.  `notes_only`: without those that prevent a fix. */
void report_findings(struct output *output, const struct advice_subject *subject, bool notes_only);

#endif
