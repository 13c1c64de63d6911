/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/outcome.h"

const struct outcome outcomes[BS_STATUS_COUNT] = {
	{BS_STATUS_FIXED, BS_EXIT_DONE, STYLE_GOOD, "fixed", "fixed", "fixed", "✓"},
	{BS_STATUS_WOULD_FIX, BS_EXIT_DONE, STYLE_GOOD, "would-fix", "would be fixed", "would",
	 "○"},
	{BS_STATUS_WOULD_UNDO, BS_EXIT_DONE, STYLE_GOOD, "would-undo", "would be undone",
	 "would-undo", "○"},
	{BS_STATUS_WHOLE, BS_EXIT_DONE, STYLE_GOOD, "whole", "whole", "whole", "✓"},
	{BS_STATUS_ACCEPTED, BS_EXIT_DONE, STYLE_GOOD, "accepted", "accepted", "accepted", "✓"},
	{BS_STATUS_WOULD_ACCEPT, BS_EXIT_DONE, STYLE_GOOD, "would-accept", "would be accepted",
	 "would-accept", "○"},
	{BS_STATUS_UNDONE, BS_EXIT_DONE, STYLE_GOOD, "undone", "undone", "undone", "↶"},
	{BS_STATUS_STARTED, BS_EXIT_DONE, STYLE_GOOD, "started", "started", "started", "✓"},
	{BS_STATUS_NOTHING_TO_DO, BS_EXIT_DONE, STYLE_PLAIN, "nothing-to-do", "nothing to do",
	 "nothing", "–"},
	{BS_STATUS_REFUSED, BS_EXIT_REFUSED, STYLE_WARNING, "refused", "refused", "refused", "!"},
	{BS_STATUS_FAILED, BS_EXIT_FAILED, STYLE_BAD, "failed", "failed", "failed", "×"},
	{BS_STATUS_RECOVERY_REQUIRED, BS_EXIT_RECOVERY, STYLE_BAD, "recovery-required",
	 "to be recovered", "recover", "×"},
};

const struct outcome *outcome_of(enum bs_status status)
{
	const struct outcome *outcome = outcomes;

	while (outcome->status != status) /* ends: each status has a row */
		outcome++;
	return outcome;
}

bool outcome_is_problem(enum bs_status status)
{
	return outcome_of(status)->exit != BS_EXIT_DONE;
}
