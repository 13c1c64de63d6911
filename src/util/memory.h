/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory for long buffers. */
#ifndef BOOTSHIFT_UTIL_MEMORY_H
#define BOOTSHIFT_UTIL_MEMORY_H

#include <stddef.h>

/*
 * Allocates at least `size` bytes for a buffer of half a MiB or more; the caller frees it with
 * free().  The bytes are undefined.  NULL: no memory.
 *
 * The kernel is asked for pages of 2 MiB.  With pages of 4 KiB, the first use of each page is a page
 * fault.  In a virtual machine, the faults took more time than all work on the bytes.
 */
void *memory_large(size_t size) __attribute__((malloc));

#endif
