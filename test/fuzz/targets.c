/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB 1024u

const struct fuzz_target fuzz_targets[] = {
	{"mbr", fuzz_mbr, 512},
	{"vbr", fuzz_vbr, 8 * KIB},
	{"element", fuzz_element, 1 * KIB},
	{"bcd", fuzz_bcd, 32 * KIB},
	{"log", fuzz_log, 8 * KIB},
	{"boot-ini", fuzz_boot_ini, 4 * KIB},
	{"vhd", fuzz_vhd, 8 * KIB},
	{"vhdx", fuzz_vhdx, 4 * KIB},
	{"qcow2", fuzz_qcow2, 4 * KIB},
	{"vmdk", fuzz_vmdk, 4 * KIB},
	{"vdi", fuzz_vdi, 4 * KIB},
	{"packed", fuzz_packed, 4 * KIB},
	{"journal", fuzz_journal, 4 * KIB},
	{"plan", fuzz_plan, 8 * KIB},
	{"row", fuzz_row, 8 * KIB},
	{"message", fuzz_message, 4 * KIB},
	{"to-parent", fuzz_to_parent, 4 * KIB},
	{"to-worker", fuzz_to_worker, 4 * KIB},
	{"nbd", fuzz_nbd, 4 * KIB},
	{"image", fuzz_image, 1 * KIB},
	{NULL, NULL, 0},
};

const struct fuzz_target *fuzz_find(const char *name)
{
	for (const struct fuzz_target *target = fuzz_targets; target->name; target++)
		if (strcmp(target->name, name) == 0)
			return target;
	return NULL;
}

const char *fuzz_input = "";

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: this does not hold: %s  %s\n", file, line, condition, fuzz_input);
	abort();
}
