/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The confinement of QEMU's programs, which parse what a guest has written.
 *
 * A confined program may still compute, within limits of memory and time, read and execute
 * installed files, read and write one file or the files of one folder, and use the descriptors that
 * it inherits.
 *
 * The layers overlap on purpose.  The namespaces that the caller makes hide the network and the
 * mounts.  Landlock, if the kernel has it, forbids all other files.  The filter forbids system
 * calls that could bypass both.  cage_prepare() does all work that allocates memory, because the
 * other functions run between a fork and an exec: they are async-signal-safe, and on error they
 * return -1 with errno.
 */
#ifndef BOOTSHIFT_CAGE_H
#define BOOTSHIFT_CAGE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

/* The caller sets all members but `filter`. */
struct cage {
	const char *program; /* absolute path of the program that is started */
	const char *file;    /* path of the file or folder; skipped if it does not exist */
	uint64_t memory;     /* limit of the address space in bytes */
	uint64_t seconds;    /* limit of the processor time */
	uint64_t file_size;  /* limit of each file that is written, in bytes; UINT64_MAX: none */
	bool alone;          /* in a namespace for processes of its own, so it may send signals */
	bool makes_code;     /* emulates a processor; all others cannot make new code */
	struct sock_fprog filter;
};

/*
 * Finds a program as execvp(3) does, but not in folders relative to the working directory.  Returns
 * its absolute path, which the caller frees; NULL if there is none.
 */
char *cage_find_program(const char *name);

/*
 * Makes the filter.  After success the caller calls cage_free().  Errors: BS_NO_MEMORY, BS_WORKER.
 */
MUST_CHECK int cage_prepare(struct cage *cage, struct bs_error *err);
void cage_free(struct cage *cage);

/*
 * Makes all mounts of this namespace private and read-only, and forbids devices on them.  Later
 * mounts are not affected.  Kernels before 5.12 cannot make a whole namespace read-only; there only
 * Landlock, if present, protects files.
 */
MUST_CHECK int cage_protect_mounts(void);

/*
 * Confines the calling process permanently, also after an exec.  The caller needs CAP_SETPCAP in
 * its user namespace.
 */
MUST_CHECK int cage_enter(const struct cage *cage);

#endif
