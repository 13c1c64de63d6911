/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the commands. */
#ifndef BOOTSHIFT_CLI_NAMES_H
#define BOOTSHIFT_CLI_NAMES_H

/* The commands as bits, so that a set of them says which commands take an option. */
enum command_bit {
	COMMAND_INSPECT = 1,
	COMMAND_PLAN = 2,
	COMMAND_FIX = 4,
	COMMAND_BOOT = 8,
	COMMAND_VERIFY = 16,
	COMMAND_UNDO = 32,
	COMMAND_BATCH = 64,
	COMMAND_REPORT = 128,
	COMMAND_ACCEPT = 256,
	COMMAND_FIRST = COMMAND_INSPECT,
	COMMAND_LAST = COMMAND_ACCEPT,
	COMMAND_ALL = 2 * COMMAND_LAST - 1,
};

/* The name of one command. */
const char *command_name(enum command_bit command);

#define COMMAND_LIST_MAX 72

/* Writes the names of a set of commands: "inspect, plan and fix". */
void command_list(unsigned commands, char list[COMMAND_LIST_MAX]);

#endif
