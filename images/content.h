/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What generated files hold.
 */
#ifndef IMAGES_CONTENT_H
#define IMAGES_CONTENT_H

#include "recipe.h"

/*
 * Takes one option of a file.  False when the word is none.  The first option of a statement that
 * says what the file begins with replaces what an earlier statement said; *head_is_new keeps that
 * in mind between calls and begins as false.
 */
bool content_option(struct content *content, const char *word, bool *head_is_new,
		    struct location where);

/*
 * The bytes of a file or stream, patches applied; the caller frees bytes->data.  The same recipe
 * always gives the same bytes.
 */
void content_make(const struct recipe *recipe, const struct entry *entry, struct bytes *bytes);

#endif
