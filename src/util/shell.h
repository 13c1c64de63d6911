/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BOOTSHIFT_UTIL_SHELL_H
#define BOOTSHIFT_UTIL_SHELL_H

/*
 * Quotes a word for a shell if necessary.  What a terminal of this locale shows of the result can
 * be pasted into a shell.  The caller frees it; NULL when memory runs out.
 */
char *shell_word(const char *word);

#endif
