/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advice for one image: the text of its code, with commands that can be typed as they are. */
#ifndef BOOTSHIFT_REPORT_ADVICE_H
#define BOOTSHIFT_REPORT_ADVICE_H

#include "report/output.h"

/* What an advice is for.  Everything is borrowed, and all but the image may be NULL. */
struct advice_subject {
	const char *image;                      /* as the user names it */
	const struct bs_options *options;       /* those that the user gave */
	const struct bs_inspection *inspection; /* what was found */
};

/*
 * The advice of a code.  In its commands the image, the numbers and the options of the user stand
 * where bs_code_advice() has words in capitals; for another shell than the user's own the image's
 * name is quoted.  The caller frees it; NULL when memory runs out.
 */
char *advice_make(enum bs_code code, const struct advice_subject *subject);

/* Where the command begins with which an advice ends; NULL when it ends with none. */
const char *advice_command(const char *advice);

/* "bootshift: IMAGE: what is wrong (code); what to do" */
void advice_print_error(struct output *output, const struct advice_subject *subject,
			const struct bs_error *error);

#endif
