/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rows/summary.h"

#include <stdlib.h>
#include <string.h>

#include "report/amount.h"
#include "report/outcome.h"
#include "report/phrases.h"
#include "rows/location.h"

#define GAP          2     /* columns */
#define RATE_MINIMUM 10000 /* milliseconds; the rate of a shorter batch says nothing */

int summary_add(struct summary *summary, const struct row *row, struct bs_error *err)
{
	struct summary_code *code = &summary->codes[row->code];

	if (row->code != BS_OK && !code->example) {
		code->example = location_as_found(row->location, row->path);
		if (!code->example)
			return fail_memory(err);
	}
	code->count++;
	summary->images++;
	summary->statuses[row->status]++;
	summary->bytes += row->bytes;
	return 0;
}

void summary_free(struct summary *summary)
{
	for (size_t i = 0; i < BS_CODE_COUNT; i++)
		free(summary->codes[i].example);
}

enum bs_exit summary_exit(const struct summary *summary)
{
	for (size_t i = BS_STATUS_COUNT; i-- > 0;)
		if (summary->statuses[outcomes[i].status] > 0)
			return outcomes[i].exit;
	return BS_EXIT_DONE;
}

size_t summary_order(const struct summary *summary, enum bs_exit class,
		     enum bs_code order[BS_CODE_COUNT])
{
	size_t length = 0;

	for (unsigned code = BS_OK + 1; code < BS_CODE_COUNT; code++) {
		uint64_t count = summary->codes[code].count;
		size_t place = length;

		if (count == 0 || bs_code_exit(code) != class)
			continue;
		for (; place > 0 && summary->codes[order[place - 1]].count < count; place--)
			order[place] = order[place - 1];
		order[place] = code;
		length++;
	}
	return length;
}

double summary_rate(const struct summary_facts *facts)
{
	if (facts->milliseconds < RATE_MINIMUM)
		return 0;
	return (double)facts->begun * 60000 / (double)facts->milliseconds;
}

/* ---- printing ------------------------------------------------------------------------------ */

static int summary_digits(uint64_t number)
{
	return snprintf(NULL, 0, "%llu", (unsigned long long)number);
}

/* Prints a number at the start of a line.  Its last digit is just before column `end`. */
static void summary_print_count(struct output *output, int end, uint64_t number)
{
	print(output, "%*llu%*s", end, (unsigned long long)number, GAP, "");
}

/* Prints a code, its count, its advice, and an image as an example. */
static void summary_print_code(struct output *output, const struct summary_code *code, int end,
			       enum bs_code number)
{
	unsigned indent = (unsigned)end + GAP;

	summary_print_count(output, end, code->count);
	print_styled(output, STYLE_STRONG, "%s", bs_code_name(number));
	print(output, ": ");
	print_wrapped(output, indent, "%s", bs_code_advice(number));
	print_end(output);
	print_to(output, indent);
	print_styled(output, STYLE_FAINT, "%s%s", code->count > 1 ? "for example " : "",
		     code->example);
	print_end(output);
}

static void summary_print_codes(struct output *output, const struct summary *summary,
				enum bs_exit class, int column)
{
	enum bs_code order[BS_CODE_COUNT];
	size_t count = summary_order(summary, class, order);
	/* The first code has the largest count. */
	int end = column + (count > 0 ? summary_digits(summary->codes[order[0]].count) : 0);

	for (size_t i = 0; i < count; i++)
		summary_print_code(output, &summary->codes[order[i]], end, order[i]);
}

static void summary_print_outcomes(struct output *output, const struct summary *summary)
{
	int end = GAP + summary_digits(summary->images);

	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		const struct outcome *outcome = &outcomes[i];
		uint64_t count = summary->statuses[outcome->status];
		bool unchanged =
			outcome->exit == BS_EXIT_REFUSED || outcome->exit == BS_EXIT_FAILED;

		if (count == 0)
			continue;
		summary_print_count(output, end, count);
		print_styled(output, outcome->style, "%s%s", outcome->word,
			     unchanged ? ", and not changed" : "");
		print_end(output);
		if (outcome->exit != BS_EXIT_DONE)
			summary_print_codes(output, summary, outcome->exit, end + GAP);
	}
}

static void summary_print_totals(struct output *output, const struct summary *summary,
				 const struct summary_facts *facts)
{
	double rate = summary_rate(facts);

	if (summary->images + facts->not_begun == 0) {
		print_line(output, "No images");
		return;
	}
	print_styled(output, STYLE_STRONG, "%s", count_format(summary->images, "image").text);
	if (facts->milliseconds > 0 && facts->begun < summary->images)
		print(output, ", %llu of them", (unsigned long long)facts->begun);
	if (facts->milliseconds > 0)
		print(output, " in %s", duration_format(facts->milliseconds).text);
	if (rate > 0)
		print(output, ", %.0f a minute", rate);
	if (summary->bytes > 0)
		print(output, "; %s changed", size_format(summary->bytes).text);
	print_end(output);
}

static void summary_print_left_out(struct output *output, const struct summary_facts *facts)
{
	for (size_t i = 0; i < facts->left_out_count; i++)
		print_line(output, "Left out, %s: %llu", facts->left_out[i].reason,
			   (unsigned long long)facts->left_out[i].count);
}

static void summary_print_undo(struct output *output, const struct summary *summary,
			       const char *rows)
{
	if (!rows || summary->statuses[BS_STATUS_FIXED] == 0)
		return;
	print(output, "To take back what was fixed: bootshift undo --from ");
	print_shell_word(output, rows);
	print_end(output);
}

static void summary_print_unfinished(struct output *output, const struct summary_facts *facts)
{
	const char *go_on = facts->rows ? "; go on with --resume" : "";

	if (facts->searching)
		print_line(output, "Stopped while searching for images%s", go_on);
	if (facts->not_begun > 0)
		print_line(output, "Stopped before the end: %s %s not begun%s",
			   count_format(facts->not_begun, "image").text,
			   facts->not_begun == 1 ? "was" : "were", go_on);
	if (facts->without_row > 0)
		print_line(output, "Without a row: %s%s",
			   count_format(facts->without_row, "image").text, go_on);
}

void summary_print(struct output *output, const struct summary *summary,
		   const struct summary_facts *facts)
{
	/* The worst outcomes come last, because the end of the output stays on the screen. */
	summary_print_left_out(output, facts);
	summary_print_totals(output, summary, facts);
	summary_print_outcomes(output, summary);
	summary_print_unfinished(output, facts);
	summary_print_undo(output, summary, facts->rows);
}
