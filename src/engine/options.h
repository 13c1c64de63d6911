/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of a command, as the caller gave them and as the library uses them, and the way back:
 * what the command tells its caller.
 */
#ifndef BOOTSHIFT_ENGINE_OPTIONS_H
#define BOOTSHIFT_ENGINE_OPTIONS_H

#include "util/err.h"

/* What a running command has told its caller. */
struct teller {
	int (*progress)(void *context, const struct bs_progress *progress);
	void *context;
	struct bs_progress last;
};

/*
 * Copies the options of a caller, who may have a shorter or a longer struct; NULL means the defaults.
 * The copy tells the caller by way of `teller`, which must outlive the copy.  Errors: BS_USAGE if the
 * caller's struct has no size, or asks for what this version does not have.
 */
MUST_CHECK int options_take(const struct bs_options *given, struct teller *teller,
			    struct bs_options *taken, struct bs_error *err);

/*
 * Tells the caller that a phase begins.  If the caller then wants to cancel the command, the stop is
 * pending from here on (signals.h).  The options are a copy from options_take(), or have no progress
 * function.
 */
void options_tell(const struct bs_options *options, enum bs_phase phase);

/*
 * Tells how far the phase is.  `total` is 0 if it is not known; then an amount that was known before
 * is told again, so that the caller can cancel.  A `done` above `total` counts as `total`.
 */
void options_tell_amount(const struct bs_options *options, uint64_t done, uint64_t total);

#endif
