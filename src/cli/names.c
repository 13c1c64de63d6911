/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/names.h"

#include <stddef.h>

static const char *const names[] = {"inspect", "plan", "fix", "undo", "batch", "report"};

const char *command_name(enum command_bit command)
{
	size_t i = 0;

	while (1u << i != command) /* ends: a command is one of the bits */
		i++;
	return names[i];
}
