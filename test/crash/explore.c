/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the states, and has each of them judged; see explore.h. */
#include "crash/explore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#define PRINTED_MAX    5 /* bad states that are described */
#define DEPTH_MAX      3
#define EXHAUSTIVE_MAX (1u << 20)

/* ---- states ---------------------------------------------------------------------------------- */

/* The cuts that lead to a state, one after another. */
struct trail {
	struct exploration *exploration;
	const struct recording *root; /* the first recording */
	enum action action;           /* that was cut first */
	struct cut cuts[DEPTH_MAX];
	unsigned depth;
	uint64_t random;
};

static void explore_recording(struct trail *trail, const struct recording *recording, int first);

/* xorshift64*; Sebastiano Vigna, "An experimental exploration of Marsaglia's xorshift generators" */
static uint32_t trail_random(struct trail *trail, uint32_t limit)
{
	trail->random ^= trail->random >> 12;
	trail->random ^= trail->random << 25;
	trail->random ^= trail->random >> 27;
	return (uint32_t)((trail->random * 2685821657736338717ull) >> 33) % limit;
}

static void trail_print(const struct trail *trail, const char *problem)
{
	const struct exploration *exploration = trail->exploration;

	printf("bad: %s, seed %" PRIu64 ": %s\n", exploration->subject->name, exploration->seed,
	       problem);
	for (unsigned i = 0; i < trail->depth; i++) {
		const struct cut *cut = &trail->cuts[i];
		const struct recording *recording = cut->recording;

		printf("  %s cut before call %d (%s), %zu things loose%s, kept:",
		       i == 0 ? action_title(trail->action) : "recovery", cut->event,
		       cut->event < recording->event_count ? recording->events[cut->event].text
							   : "its end",
		       cut->loose_count, cut->torn ? ", a sector torn" : "");
		for (size_t k = 0; k < cut->loose_count && k < 32; k++)
			printf(" %d", cut->loose[k].pick);
		printf("\n");
	}
	fflush(stdout);
}

static void trail_build(const struct trail *trail)
{
	for (unsigned i = 0; i < trail->depth; i++)
		cut_build(&trail->cuts[i]);
}

static bool trail_is_over(const struct trail *trail)
{
	return trail->exploration->stop_at_bad && trail->exploration->bad > 0;
}

/* Cuts the recovery of the present state as well.  Nobody recovers from an accept. */
static void trail_go_deeper(struct trail *trail)
{
	const struct subject *subject = trail->exploration->subject;
	struct recording *recording;
	struct bs_error err;
	int result;

	if (trail->action == ACTION_ACCEPT)
		return;
	trail_build(trail);
	recorder_start(subject->folder, subject->image, NULL);
	result = subject_make_old(subject, &err);
	recording = recorder_stop();
	if (result == 0)
		explore_recording(trail, recording, 0);
	storage_free(recording);
}

/* Builds the state, and judges it. */
static void trail_visit(struct trail *trail)
{
	struct exploration *exploration = trail->exploration;
	const struct cut *last = &trail->cuts[trail->depth - 1];
	/* The end of a recovery of a fix is a success as well, and leaves an old image. */
	bool succeeded = last->event == last->recording->event_count;
	enum action action = trail->depth == 1 ? trail->action : ACTION_RECOVER;
	unsigned deeper_one_in;
	const char *problem;

	trail_build(trail);
	problem = subject_judge(exploration->subject, action, succeeded, trail->root);
	exploration->states++;
	if (problem && ++exploration->bad <= PRINTED_MAX && !exploration->quiet)
		trail_print(trail, problem);
	deeper_one_in = trail->depth == 1 ? exploration->nested_one_in : exploration->deeper_one_in;
	if (!problem && trail->depth < exploration->depth && deeper_one_in > 0 &&
	    trail_random(trail, deeper_one_in) == 0)
		trail_go_deeper(trail);
}

/* ---- choices --------------------------------------------------------------------------------- */

/* The number of states without a tear; EXHAUSTIVE_MAX if there are more. */
static uint32_t cut_count_states(const struct cut *cut)
{
	uint32_t count = 1;

	for (size_t i = 0; i < cut->loose_count && count < EXHAUSTIVE_MAX; i++)
		count *= (uint32_t)cut->loose[i].count;
	return count < EXHAUSTIVE_MAX ? count : EXHAUSTIVE_MAX;
}

static void cut_pick_number(struct cut *cut, uint32_t number)
{
	for (size_t i = 0; i < cut->loose_count; i++) {
		cut->loose[i].pick = (int)(number % (uint32_t)cut->loose[i].count);
		number /= (uint32_t)cut->loose[i].count;
	}
}

/* Few, half or most of the loose things stay, or all but one, or only one. */
static void cut_pick_randomly(struct trail *trail, struct cut *cut)
{
	uint32_t style = trail_random(trail, 5), one;

	if (cut->loose_count == 0)
		return;
	one = trail_random(trail, (uint32_t)cut->loose_count);
	for (size_t i = 0; i < cut->loose_count; i++) {
		struct loose *loose = &cut->loose[i];
		bool stays = style < 3 ? trail_random(trail, 8) < 1 + 3 * style
				       : (i == one) == (style == 3);

		if (!stays)
			loose->pick = 0;
		else if (loose->count > 2)
			loose->pick = (int)trail_random(trail, (uint32_t)loose->count);
		else
			loose->pick = loose->count - 1;
	}
}

/* All of the loose things stay, except for one; -1: all. */
static void cut_keep(struct cut *cut, int except)
{
	for (size_t i = 0; i < cut->loose_count; i++)
		cut->loose[i].pick = (int)i == except ? 0 : cut->loose[i].count - 1;
}

/* State number `number` of a cut that has too many to build them all. */
static void cut_pick_some(struct trail *trail, struct cut *cut, uint32_t number)
{
	if (number == 1)
		cut_keep(cut, -1);
	else if (number == 2)
		cut_keep(cut, cut->event % (int)cut->loose_count);
	else if (number > 2)
		cut_pick_randomly(trail, cut);
}

/* Tears a sector, if one is loose. */
static void cut_tear(struct trail *trail, struct cut *cut)
{
	uint32_t start;

	cut->torn = NULL;
	if (cut->loose_count == 0)
		return;
	start = trail_random(trail, (uint32_t)cut->loose_count);
	for (size_t i = 0; i < cut->loose_count && !cut->torn; i++) {
		const struct loose *loose = &cut->loose[(start + i) % cut->loose_count];

		if (loose->is_sector && loose->pick + 1 < loose->count)
			cut->torn = loose->history;
	}
	cut->torn_at = 1 + trail_random(trail, STORAGE_SECTOR - 1);
}

/* The same sector is torn once only: see SECURITY.md. */
static bool trail_may_tear(const struct trail *trail)
{
	for (unsigned i = 0; i + 1 < trail->depth; i++)
		if (trail->cuts[i].torn)
			return false;
	return true;
}

static void explore_cut(struct trail *trail, struct cut *cut)
{
	struct exploration *exploration = trail->exploration;
	unsigned most = trail->depth == 1 ? exploration->per_cut : exploration->per_nested_cut;
	uint32_t count = cut_count_states(cut);
	bool all = count <= most;

	if (trail->depth == 1) {
		exploration->cuts++;
		exploration->complete_cuts += all;
	}
	for (uint32_t i = 0; i < (all ? count : most) && !trail_is_over(trail); i++) {
		if (all)
			cut_pick_number(cut, i);
		else
			cut_pick_some(trail, cut, i);
		cut->torn = NULL;
		if (!all && i % 4 == 3 && trail_may_tear(trail))
			cut_tear(trail, cut);
		trail_visit(trail);
	}
	/* What was explored exhaustively is also torn in some ways. */
	for (uint32_t i = 0; all && count > 1 && i < most / 8 && !trail_is_over(trail); i++) {
		cut_pick_randomly(trail, cut);
		if (trail_may_tear(trail))
			cut_tear(trail, cut);
		trail_visit(trail);
	}
}

static void explore_recording(struct trail *trail, const struct recording *recording, int first)
{
	uint32_t one_in = trail->exploration->cut_one_in ? trail->exploration->cut_one_in : 1;
	struct cut *cut = &trail->cuts[trail->depth++];

	for (int event = first; event <= recording->event_count && !trail_is_over(trail); event++) {
		if (event < recording->event_count && one_in > 1 && trail_random(trail, one_in) > 0)
			continue;
		cut_open(recording, event, cut);
		explore_cut(trail, cut);
		cut_close(cut);
	}
	trail->depth--;
}

/* ---- all of it ------------------------------------------------------------------------------- */

uint64_t explore_seed(void)
{
	const char *seed = getenv("CRASH_SEED");

	return seed ? strtoull(seed, NULL, 10) : 1;
}

struct recording *explore_record(const struct subject *subject, enum action action,
				 const struct recorder_trouble *trouble)
{
	struct recording *recording;
	struct bs_error err;
	int result;

	subject_prepare(subject, action);
	recorder_start(subject->folder, subject->image, trouble);
	result = subject_run(subject, action, &err);
	recording = recorder_stop();
	ck_assert_msg(result == 0, "%s", err.message);
	subject_note_new(subject, action);
	return recording;
}

void explore_states(struct exploration *exploration, enum action action,
		    const struct recording *recording, int first)
{
	struct trail trail = {.exploration = exploration,
			      .action = action,
			      .root = recording,
			      .random = exploration->seed * 2654435761u + (uint64_t)action + 1};

	explore_recording(&trail, recording, first);
}

void explore(struct exploration *exploration, enum action action)
{
	struct recording *recording = explore_record(exploration->subject, action, NULL);

	explore_states(exploration, action, recording, 0);
	storage_free(recording);
}

void explore_print(const struct exploration *exploration, enum action action)
{
	printf("states: %" PRIu64 ", bad: %" PRIu64 " (%s, %s; all states of %" PRIu64
	       " of %" PRIu64 " cuts, some of the others; seed %" PRIu64 ")\n",
	       exploration->states, exploration->bad, exploration->subject->name,
	       action_title(action), exploration->complete_cuts, exploration->cuts,
	       exploration->seed);
	fflush(stdout);
}
