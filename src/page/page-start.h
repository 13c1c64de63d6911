/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The values with which the page draws a start in a virtual machine. */
#ifndef BOOTSHIFT_PAGE_START_H
#define BOOTSHIFT_PAGE_START_H

#include <jansson.h>

/*
 * Makes the values from the field "start" of a row, which may be NULL or null.  The caller releases
 * the object; json_null() if the disk was not started; NULL when memory runs out.
 */
json_t *page_start(const json_t *start);

#endif
