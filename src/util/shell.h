/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words for a shell. */
#ifndef BOOTSHIFT_UTIL_SHELL_H
#define BOOTSHIFT_UTIL_SHELL_H

/* A word as a shell would have to be given it.  The caller frees it; NULL when memory runs out. */
char *shell_word(const char *word);

#endif
