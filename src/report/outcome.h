/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outcomes of an image, and how each of them is reported. */
#ifndef BOOTSHIFT_REPORT_OUTCOME_H
#define BOOTSHIFT_REPORT_OUTCOME_H

#include "report/output.h"

struct outcome {
	enum bs_status status;
	enum bs_exit exit;       /* exit status of the command if no outcome is worse */
	enum output_style style; /* colour on a terminal */
	const char *name;        /* in JSON and in rows */
	const char *word;        /* for people, in lower case: "3 would be fixed" */
	/* On the page.  The symbol and the word repeat the colour for readers who cannot see it. */
	const char *class; /* in page.html */
	const char *symbol;
};

/* In the order of reports: the worst outcome is the last one. */
extern const struct outcome outcomes[BS_STATUS_COUNT];

const struct outcome *outcome_of(enum bs_status status);

/* Whether an image with this outcome has a code and a message: refused, failed, to be recovered. */
bool outcome_is_problem(enum bs_status status);

#endif
