/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stable codes: what each means, for people, and the code that a name stands for. */
#ifndef BOOTSHIFT_REPORT_MEANING_H
#define BOOTSHIFT_REPORT_MEANING_H

#include "bootshift.h"

/* The meaning of a code, in whole sentences.  Static memory; never NULL. */
const char *code_meaning(enum bs_code code);

/* The code with this name; BS_CODE_COUNT: none. */
enum bs_code code_named(const char *name);

#endif
