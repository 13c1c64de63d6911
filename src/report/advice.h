/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advice for one image: what to do about a code, with commands that can be copied to a shell. */
#ifndef BOOTSHIFT_REPORT_ADVICE_H
#define BOOTSHIFT_REPORT_ADVICE_H

#include "report/output.h"

/* The image that the advice is for.  Pointers are borrowed; all except `image` may be NULL. */
struct advice_subject {
	const char *image;                      /* as the user names it */
	const struct bs_options *options;       /* the options of the user */
	const struct bs_inspection *inspection; /* of the image */
	const char *advice;                     /* fits better than the advice of the code */
};

/*
 * The advice of a code: the text of bs_code_advice() with the options of the user.  The image's
 * name (quoted for a shell) and numbers replace the words in capitals.  The caller frees the
 * advice; NULL when memory runs out.
 */
char *advice_make(enum bs_code code, const struct advice_subject *subject);

/*
 * The command that undoes the fix of an image that is fixed already.  The caller frees it.  NULL: the
 * undo file that the image names is not there, or memory runs out.
 */
char *advice_undo_command(const struct advice_subject *subject, const struct bs_result *result);

/* The command at the end of an advice.  Points into `advice`; NULL if there is no command. */
const char *advice_command(const char *advice);

/* Prints "bootshift: IMAGE: what is wrong (code); what to do". */
void advice_print_error(struct output *output, const struct advice_subject *subject,
			const struct bs_error *error);

#endif
