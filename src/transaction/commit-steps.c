/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of steps, and the check of what must hold in them; see commit-steps.h. */
#include "transaction/commit-steps.h"

#include <assert.h>

enum commit_fact {
	NAMED = 1 << 0,       /* the journal has had its name, durably, and is open for marks */
	VALID = 1 << 1,       /* all of the journal was read, and its checksums match */
	APPLIED = 1 << 2,     /* the mark is set */
	NOT_APPLIED = 1 << 3, /* the mark cannot be set, or UNDOING or DONE outweighs it */
	UNTOUCHED = 1 << 4,   /* this command has not changed the image */
	PROVED = 1 << 5,      /* the image is untouched, or synced and read back */
	SIGNPOST = 1 << 6,    /* the signpost is up */
	NO_SIGNPOST = 1 << 7, /* the signpost is down, or the image is untouched */
};

#define STEP(name) (1u << COMMIT_##name)

static const struct {
	unsigned facts;        /* what holds in the whole step */
	enum commit_step next; /* the step after it; itself: none */
	unsigned back;         /* the steps that may take it back */
} commit_steps[] = {
	/* clang-format off */
	[COMMIT_PREPARING] =   {UNTOUCHED, COMMIT_PUBLISHED, STEP(DISCARDING)},
	[COMMIT_PUBLISHED] =   {NAMED | NOT_APPLIED | UNTOUCHED, COMMIT_RESERVING, STEP(DISCARDING)},
	[COMMIT_RESERVING] =   {NAMED | NOT_APPLIED, COMMIT_WRITING, STEP(RELEASING) | STEP(RESTORING)},
	[COMMIT_WRITING] =     {NAMED | NOT_APPLIED | SIGNPOST, COMMIT_WRITTEN, STEP(RESTORING)},
	[COMMIT_WRITTEN] =     {NAMED | NOT_APPLIED | PROVED, COMMIT_MARKING, STEP(RESTORING)},
	[COMMIT_MARKING] =     {NAMED | PROVED | NO_SIGNPOST, COMMIT_APPLIED, STEP(RESTORING)},
	[COMMIT_APPLIED] =     {NAMED | APPLIED | PROVED | NO_SIGNPOST, COMMIT_APPLIED, STEP(RESTORING)},
	[COMMIT_INTERRUPTED] = {NAMED | NOT_APPLIED | UNTOUCHED, COMMIT_INTERRUPTED, STEP(RESTORING)},
	[COMMIT_RELEASING] =   {NAMED | NOT_APPLIED | VALID, COMMIT_RESTORED, 0},
	[COMMIT_RESTORING] =   {NAMED | NOT_APPLIED | VALID | SIGNPOST, COMMIT_RESTORED, 0},
	[COMMIT_RESTORED] =    {NAMED | NOT_APPLIED | VALID | PROVED, COMMIT_DISCARDING, 0},
	[COMMIT_DISCARDING] =  {NOT_APPLIED | PROVED | NO_SIGNPOST, COMMIT_DISCARDING, 0},
	/* clang-format on */
};

/* The facts that hold now: a set of enum commit_fact. */
static unsigned commit_facts(const struct transaction *transaction)
{
	const struct journal_file *journal = transaction->journal;
	const struct target *image = transaction->image;
	bool untouched = !image || !image->changed;
	unsigned facts = 0;

	if (journal && journal->marks >= 0 && transaction->named)
		facts |= NAMED;
	if (journal && journal->validated)
		facts |= VALID;
	if (journal && journal->applied)
		facts |= APPLIED;
	if (journal && (!journal->applied || journal->undoing || journal->done))
		facts |= NOT_APPLIED;
	if (untouched)
		facts |= UNTOUCHED;
	if (image &&
	    (untouched || (!image->unsynced && !image->sync_failed && transaction->read_back)))
		facts |= PROVED;
	if (image && image->signpost == SIGNPOST_UP)
		facts |= SIGNPOST;
	if (untouched || image->signpost == SIGNPOST_DOWN)
		facts |= NO_SIGNPOST;
	return facts;
}

void commit_check(const struct transaction *transaction)
{
	unsigned missing = commit_steps[transaction->step].facts & ~commit_facts(transaction);

	(void)missing; /* without assertions */
	assert(!(missing & NAMED));
	assert(!(missing & VALID));
	assert(!(missing & APPLIED));
	assert(!(missing & NOT_APPLIED));
	assert(!(missing & UNTOUCHED));
	assert(!(missing & PROVED));
	assert(!(missing & SIGNPOST));
	assert(!(missing & NO_SIGNPOST));
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
