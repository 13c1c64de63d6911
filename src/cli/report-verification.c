/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text report of a verification. */
#include "cli/report-text.h"

#include "report/moment.h"

#define INDENT 2

static void verification_print_difference(struct output *output,
					  const struct bs_difference *difference)
{
	print_to(output, 2 * INDENT);
	print_style(output, difference->expected ? STYLE_PLAIN : STYLE_BAD);
	print_symbol(output, difference->expected ? "•" : "✗", difference->expected ? "*" : "X");
	print_style(output, STYLE_PLAIN);
	print(output, " ");
	print_item(output, 3 * INDENT, "%s%s%s", difference->path,
		   difference->path[0] != '\0' ? ": " : "", difference->what);
}

/* What was not compared, see bs_difference. */
static bool verification_is_unseen(const struct bs_difference *difference)
{
	return difference->expected && difference->path[0] == '\0';
}

static const struct bs_difference *verification_find_unseen(const struct bs_result *result)
{
	for (uint32_t i = 0; i < result->difference_count; i++)
		if (verification_is_unseen(&result->differences[i]))
			return &result->differences[i];
	return NULL;
}

/* Lists the differences that break the fix, or the others. */
static void verification_list(struct output *output, const struct bs_result *result, bool expected,
			      const char *title)
{
	bool is_first = true;

	for (uint32_t i = 0; i < result->difference_count; i++) {
		if (result->differences[i].expected != expected ||
		    verification_is_unseen(&result->differences[i]))
			continue;
		if (is_first)
			print_item(output, INDENT, "%s:", title);
		is_first = false;
		verification_print_difference(output, &result->differences[i]);
	}
}

static void verification_print_outcome(struct output *output, const struct bs_result *result)
{
	struct moment_text moment = moment_format(result->fixed_at);
	bool is_partial = verification_find_unseen(result);

	print_styled(output, STYLE_GOOD, "whole");
	print(output, "%s: the disk is as the fix", is_partial ? ", as far as the plan tells" : "");
	if (result->fixed_at != 0 && *moment.text)
		print(output, " of %s", moment.text);
	print_line(output, " left it%s",
		   result->difference_count > is_partial
			   ? ", but for what Windows changes by itself"
		   : result->exact ? "; nothing was written to the image since"
				   : "");
}

void report_verification(struct output *output, const char *image, const struct settings *settings,
			 const struct bs_result *result)
{
	bool whole = result->status == BS_STATUS_WHOLE;
	const struct bs_difference *unseen = verification_find_unseen(result);

	if (!whole && result->error.code != BS_FIX_NOT_WHOLE)
		return;
	print_styled(output, STYLE_STRONG, "%s", image);
	print(output, ": ");
	if (whole) {
		verification_print_outcome(output, result);
	} else {
		print_styled(output, STYLE_BAD, "not whole");
		print_end(output);
	}
	verification_list(output, result, false, "Not as the fix left it");
	verification_list(output, result, true, "Changed since the fix, which does no harm");
	if (unseen)
		print_item(output, INDENT, "Not compared: %s", unseen->what);
	if (whole && settings->options.second_opinion)
		print_item(output, INDENT, "libguestfs finds the same.");
}
