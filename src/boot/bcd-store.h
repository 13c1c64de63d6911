/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a new BCD store: elements in, a registry hive in a buffer out, no I/O.
 *
 * hivex writes hives only through a path.  A worker can open no path, and here is no hive to change:
 * a new store has few kinds of keys and values.  What the store holds is the caller's business.
 * bcd.h reads the result.
 *
 * The hive has the version 1.3, as the stores of Windows 7 and 10 have it.  Its keys have no time,
 * so the same elements always give the same bytes.  (Layout: github.com/msuhanov/regf, "Windows
 * registry file format specification".)
 */
#ifndef BOOTSHIFT_BCD_STORE_H
#define BOOTSHIFT_BCD_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/*
 * Makes a store.  bcd_store_sort() has sorted the elements, no two of them are equal, and each object
 * begins with the element 0, which stands for the object.  The caller frees *bytes.  Error:
 * BS_NO_MEMORY.
 */
MUST_CHECK int bcd_store_write(const struct bs_plan_element *elements, uint32_t count,
			       uint8_t **bytes, size_t *size, struct bs_error *err);

/* Sorts elements by object, then by number, as a hive has them. */
void bcd_store_sort(struct bs_plan_element *elements, uint32_t count);

#endif
