/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/names.h"

#include <stddef.h>
#include <stdio.h>

static const char *const names[] = {"inspect", "plan",  "fix",    "boot",  "verify",
				    "undo",    "batch", "report", "accept"};

const char *command_name(enum command_bit command)
{
	size_t i = 0;

	while (1u << i != command) /* ends: a command is one of the bits */
		i++;
	return names[i];
}

void command_list(unsigned commands, char list[COMMAND_LIST_MAX])
{
	size_t length = 0;

	*list = '\0';
	for (enum command_bit bit = COMMAND_FIRST; bit <= COMMAND_LAST; bit <<= 1) {
		unsigned later = commands & ~(2u * bit - 1);
		const char *separator = later == 0 ? "" : later & (later - 1) ? ", " : " and ";

		if (commands & bit)
			length += (size_t)snprintf(list + length, COMMAND_LIST_MAX - length, "%s%s",
						   command_name(bit), separator);
	}
}
