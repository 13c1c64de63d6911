/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cuts the power during a fix, an undo or a recovery, in every way that storage.h allows, and has
 * each state judged (subject.h).  Then cuts the power during the recovery of some of the states, and
 * during the recovery of some of those.
 */
#ifndef BOOTSHIFT_TEST_EXPLORE_H
#define BOOTSHIFT_TEST_EXPLORE_H

#include "crash/recorder.h"
#include "crash/subject.h"

/* The everyday tests build so many states for each cut.  The mutants must be found with these. */
#define EXPLORE_EVERYDAY 12

struct exploration {
	const struct subject *subject;
	uint64_t seed;
	unsigned per_cut;        /* states for each cut: all, if there are no more than this */
	unsigned per_nested_cut; /* the same, for each cut of a recovery */
	unsigned nested_one_in;  /* of so many states, the recovery of one is cut; 0: none */
	unsigned deeper_one_in;  /* the same for the recovery of that recovery */
	unsigned cut_one_in;     /* of so many cuts, one is explored; 0 counts as 1 */
	unsigned depth;          /* how often the power is cut at most */
	bool stop_at_bad, quiet;
	/* The result; the cuts are those of the action.  A cut is complete if all its states were built. */
	uint64_t states, bad, cuts, complete_cuts;
};

/* Prepares and records the action.  The caller frees the recording with storage_free(). */
struct recording *explore_record(const struct subject *subject, enum action action,
				 const struct recorder_trouble *trouble);

/* Explores the states after a cut at each call of a recording, from call number `first` on. */
void explore_states(struct exploration *exploration, enum action action,
		    const struct recording *recording, int first);

/* Both. */
void explore(struct exploration *exploration, enum action action);

/* Prints one line with the sums: make crash-test adds them up. */
void explore_print(const struct exploration *exploration, enum action action);

/* $CRASH_SEED, or else the same seed each time. */
uint64_t explore_seed(void);

#endif
