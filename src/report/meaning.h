/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each stable code means, for people. */
#ifndef BOOTSHIFT_REPORT_MEANING_H
#define BOOTSHIFT_REPORT_MEANING_H

#include "bootshift.h"

/* The meaning of a code, in whole sentences.  Static memory; never NULL. */
const char *code_meaning(enum bs_code code);

#endif
