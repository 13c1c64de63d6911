/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/options.h"

#include <string.h>

#include "util/bytes.h"
#include "util/signals.h"

/* A shorter struct could have a member in what is padding here. */
_Static_assert(offsetof(struct bs_options, progress_context) + sizeof(void *) ==
		       sizeof(struct bs_options),
	       "struct bs_options ends with padding");

static int teller_pass_on(void *context, const struct bs_progress *progress)
{
	const struct teller *teller = context;

	return teller->progress(teller->context, progress);
}

/* Fails if the caller asks for something that only a later version has. */
static int options_check_rest(const struct bs_options *given, struct bs_error *err)
{
	if (given->size <= sizeof(*given) || all_zero(given + 1, given->size - sizeof(*given)))
		return 0;
	return fail(err, BS_USAGE,
		    "the options ask for something that version %s of the library does not have",
		    bs_version());
}

int options_take(const struct bs_options *given, struct teller *teller, struct bs_options *taken,
		 struct bs_error *err)
{
	*taken = (struct bs_options){.size = sizeof(*taken)};
	*teller = (struct teller){NULL, NULL, {.phase = BS_PHASE_OPENING}};
	if (!given)
		return 0;
	if (given->size < sizeof(given->size))
		return fail(err, BS_USAGE, "the options do not say their size");
	memcpy(taken, given, min_u64(given->size, sizeof(*taken)));
	taken->size = sizeof(*taken);
	teller->progress = taken->progress;
	teller->context = taken->progress_context;
	taken->progress = teller->progress ? teller_pass_on : NULL;
	taken->progress_context = teller;
	return options_check_rest(given, err);
}

/* While an image is being changed, the library must go on. */
static void teller_tell(struct teller *teller, const struct bs_options *options,
			const struct bs_progress *progress)
{
	bool goes_on =
		progress->phase == BS_PHASE_COMMITTING || progress->phase == BS_PHASE_UNDOING;

	teller->last = *progress;
	if (options->progress(teller, progress) != 0 && !goes_on)
		signals_cancel();
}

void options_tell(const struct bs_options *options, enum bs_phase phase)
{
	const struct bs_progress progress = {.phase = phase};

	if (options->progress)
		teller_tell(options->progress_context, options, &progress);
}

void options_tell_amount(const struct bs_options *options, uint64_t done, uint64_t total)
{
	struct teller *teller = options->progress_context;
	struct bs_progress progress;

	if (!options->progress)
		return;
	progress = teller->last;
	if (total != 0 || progress.total == 0) {
		progress.total = total;
		progress.done = max_u64(progress.done, total != 0 ? min_u64(done, total) : done);
	}
	teller_tell(teller, options, &progress);
}
