/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* Intel, "Software Developer's Manual" 2A, CPUID; AMD, "Architecture Programmer's Manual" 3, E. */
#define FEATURES     0x00000001u
#define VMX          (1u << 5) /* in ECX */
#define AMD_FEATURES 0x80000001u
#define SVM          (1u << 2) /* in ECX */

bool cpu_virtualizes(void)
{
	unsigned a, b, c, d;

	return (__get_cpuid(FEATURES, &a, &b, &c, &d) && (c & VMX)) ||
	       (__get_cpuid(AMD_FEATURES, &a, &b, &c, &d) && (c & SVM));
}
#else
bool cpu_virtualizes(void)
{
	return false; /* QEMU does not use the processor of one kind for a machine of another */
}
#endif
