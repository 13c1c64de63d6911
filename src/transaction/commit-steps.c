/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of steps, and the check of what must hold in them; see commit-steps.h. */
#include "transaction/commit-steps.h"

#include <assert.h>

enum commit_fact {
	JOURNAL_NAMED = 1 << 0,   /* durably, and the journal is open for marks */
	JOURNAL_PROVED = 1 << 1,  /* all of it was read, and its checksums match */
	APPLIED = 1 << 2,         /* the mark is set */
	NOT_APPLIED = 1 << 3,     /* the mark cannot be set, or UNDOING outweighs it */
	IMAGE_UNTOUCHED = 1 << 4, /* by this command */
	IMAGE_PROVED = 1 << 5,    /* untouched, or synced and read back */
	SIGNPOST_IS_UP = 1 << 6,
	SIGNPOST_IS_DOWN = 1 << 7, /* or the image is untouched */
};

#define STEP(name) (1u << COMMIT_##name)

static const struct {
	unsigned facts;        /* what holds in the whole step */
	enum commit_step next; /* when it has succeeded; itself: nothing follows */
	unsigned back;         /* the steps that may take it back */
} commit_steps[] = {
	[COMMIT_PREPARING] = {IMAGE_UNTOUCHED, COMMIT_PUBLISHED, STEP(DISCARDING)},
	[COMMIT_PUBLISHED] = {JOURNAL_NAMED | NOT_APPLIED | IMAGE_UNTOUCHED, COMMIT_RESERVING,
			      STEP(DISCARDING)},
	[COMMIT_RESERVING] = {JOURNAL_NAMED | NOT_APPLIED, COMMIT_WRITING,
			      STEP(RELEASING) | STEP(RESTORING)},
	[COMMIT_WRITING] = {JOURNAL_NAMED | NOT_APPLIED | SIGNPOST_IS_UP, COMMIT_WRITTEN,
			    STEP(RESTORING)},
	[COMMIT_WRITTEN] = {JOURNAL_NAMED | NOT_APPLIED | IMAGE_PROVED, COMMIT_MARKING,
			    STEP(RESTORING)},
	[COMMIT_MARKING] = {JOURNAL_NAMED | IMAGE_PROVED | SIGNPOST_IS_DOWN, COMMIT_APPLIED,
			    STEP(RESTORING)},
	[COMMIT_APPLIED] = {JOURNAL_NAMED | IMAGE_PROVED | SIGNPOST_IS_DOWN | APPLIED,
			    COMMIT_APPLIED, STEP(RESTORING)},
	[COMMIT_INTERRUPTED] = {JOURNAL_NAMED | NOT_APPLIED | IMAGE_UNTOUCHED, COMMIT_INTERRUPTED,
				STEP(RESTORING)},
	[COMMIT_RELEASING] = {JOURNAL_NAMED | JOURNAL_PROVED | NOT_APPLIED, COMMIT_RESTORED, 0},
	[COMMIT_RESTORING] = {JOURNAL_NAMED | JOURNAL_PROVED | NOT_APPLIED | SIGNPOST_IS_UP,
			      COMMIT_RESTORED, 0},
	[COMMIT_RESTORED] = {JOURNAL_NAMED | JOURNAL_PROVED | NOT_APPLIED | IMAGE_PROVED,
			     COMMIT_DISCARDING, 0},
	[COMMIT_DISCARDING] = {NOT_APPLIED | IMAGE_PROVED | SIGNPOST_IS_DOWN, COMMIT_DISCARDING, 0},
};

/* The facts that hold now: a set of enum commit_fact. */
static unsigned commit_facts(const struct transaction *transaction)
{
	const struct journal_file *journal = transaction->journal;
	const struct target *image = transaction->image;
	bool untouched = !image || !image->changed;
	unsigned facts = 0;

	if (journal && journal->marks >= 0 && transaction->named)
		facts |= JOURNAL_NAMED;
	if (journal && journal->validated)
		facts |= JOURNAL_PROVED;
	if (journal && journal->applied)
		facts |= APPLIED;
	if (journal && (!journal->applied || journal->undoing || journal->done))
		facts |= NOT_APPLIED;
	if (untouched)
		facts |= IMAGE_UNTOUCHED;
	if (image &&
	    (untouched || (!image->unsynced && !image->sync_failed && transaction->read_back)))
		facts |= IMAGE_PROVED;
	if (image && image->signpost == SIGNPOST_UP)
		facts |= SIGNPOST_IS_UP;
	if (untouched || image->signpost == SIGNPOST_DOWN)
		facts |= SIGNPOST_IS_DOWN;
	return facts;
}

void commit_check(const struct transaction *transaction)
{
	unsigned missing = commit_steps[transaction->step].facts & ~commit_facts(transaction);

	(void)missing; /* without assertions */
	assert(!(missing & JOURNAL_NAMED));
	assert(!(missing & JOURNAL_PROVED));
	assert(!(missing & APPLIED));
	assert(!(missing & NOT_APPLIED));
	assert(!(missing & IMAGE_UNTOUCHED));
	assert(!(missing & IMAGE_PROVED));
	assert(!(missing & SIGNPOST_IS_UP));
	assert(!(missing & SIGNPOST_IS_DOWN));
}

void commit_enter(struct transaction *transaction, enum commit_step step)
{
	if (step == commit_steps[transaction->step].next)
		commit_check(transaction);
	else
		assert(commit_steps[transaction->step].back & 1u << step);
	transaction->step = step;
	commit_check(transaction);
}
