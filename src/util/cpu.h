/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the processor of this machine can do. */
#ifndef BOOTSHIFT_CPU_H
#define BOOTSHIFT_CPU_H

#include <stdbool.h>

/*
 * Whether the processor can run virtual machines (Intel's VMX, AMD's SVM).  There are kernels that have
 * a /dev/kvm without that: then the kernel stands in for the processor, and the code of a BIOS does not
 * run as it should.
 */
bool cpu_virtualizes(void);

#endif
