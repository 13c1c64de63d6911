/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20) /* bytes; true of x86-64, and of ARMv8 with pages of 4 KiB */

void *memory_large(size_t size)
{
	size_t whole = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	void *memory = aligned_alloc(LARGE_PAGE, whole);

	if (memory)
		(void)madvise(memory, whole, MADV_HUGEPAGE); /* advice only */
	return memory;
}
