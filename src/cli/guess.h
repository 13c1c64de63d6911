/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user may have meant by a command or an option that does not exist.
 *
 * A guess is safe to type: for a word that means "look", it is never a command that writes.  A
 * command that writes is named only if the word is clearly this command.
 */
#ifndef BOOTSHIFT_CLI_GUESS_H
#define BOOTSHIFT_CLI_GUESS_H

#include <stddef.h>

#include "cli/names.h"

/*
 * The distance of a typed word to a name, in letters and in either case; a large number if the word
 * is not like the name.
 */
unsigned guess_distance(const char *word, const char *name);

/* The command that is meant by a word; 0: unknown. */
enum command_bit guess_command(const char *word);

/* A sentence about a word that is no command, such as "apply"; NULL: none. */
const char *guess_command_remark(const char *word);

/*
 * The name of the option that another program calls `word`, such as "-n" for "dry-run".  A word may
 * have several meanings: `index` is from 0 on, until the result is NULL.
 */
const char *guess_option(const char *word, size_t index);

/* A sentence about an option that no name here is like, such as "--force"; NULL: none. */
const char *guess_remark(enum command_bit command, const char *word);

#endif
