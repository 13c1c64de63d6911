/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advice on the page, with its commands and options in code type. */
#ifndef BOOTSHIFT_PAGE_PAGE_ADVICE_H
#define BOOTSHIFT_PAGE_PAGE_ADVICE_H

#include <jansson.h>
#include <stdbool.h>

/*
 * An advice as a sentence: a list of pieces for page.html.  Each piece has a "text", followed by
 * "short" or "long" code (an option or a command), or by neither (null).  An advice that does not end with a command gets a
 * full stop, because a full stop is no part of a command.  `capital`: the sentence begins with a
 * capital letter.  An empty advice is an empty list.  The caller releases it.
 */
json_t *page_advice(const char *advice, bool capital);

#endif
