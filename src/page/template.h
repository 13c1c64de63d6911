/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Templates: a text with tags, which are replaced by values of a JSON object.  The tags are a
 * subset of those of Mustache (mustache(5)), and two more:
 *
 *   {{name}}               the value: a string or a whole number; nothing for other values
 *   {{#name}}...{{/name}}  a section: written for each item of a list, else once; not written if
 *                          the value is empty: null, false, 0, "", [], or no value at all
 *   {{^name}}...{{/name}}  written once if the value is empty
 *   {{?name}}...{{/name}}  written once if the value is not empty
 *   {{*name}}...{{/name}}  the long list: written for each item that the caller makes
 *
 * In the section of an object, or of a list of objects, names stand for members of that object.  A
 * name that the object does not have stands for a member of the object around it, and so on.
 *
 * A line that begins with a tab continues the line before it: neither the newline nor the tabs are
 * written.  So the source of a template can be indented as a program is.
 *
 * What always holds: a value never becomes markup of HTML, neither in the content of an element nor
 * in a quoted attribute.  A value is also made visible (report/text.h), so that a name can neither
 * reverse the direction of writing nor continue on another line.
 *
 * The template itself is part of the program: an error in it fails an assertion.
 */
#ifndef BOOTSHIFT_PAGE_TEMPLATE_H
#define BOOTSHIFT_PAGE_TEMPLATE_H

#include <jansson.h>
#include <stdio.h>

#include "util/err.h"

/*
 * Makes item `index` of the long list.  Sets *item to a new object, which the template releases, or
 * to NULL after the last item.
 */
typedef int template_item(void *context, size_t index, json_t **item, struct bs_error *err);

/*
 * Writes a template with the values of an object.  `item` may be NULL if there is no long list.
 * Errors: those of `item`, and BS_NO_MEMORY.  Errors of the stream are left to ferror(), with errno.
 */
MUST_CHECK int template_write(const char *template, const json_t *values, template_item *item,
			      void *context, FILE *stream, struct bs_error *err);

#endif
