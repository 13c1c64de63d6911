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

/* Adds the path of an image, unless `most` paths are there. */
static int summary_add_name(struct summary_names *names, size_t most, const struct row *row,
			    struct bs_error *err)
{
	char *path;

	if (names->count >= most)
		return 0;
	path = location_as_found(row->location, row->path);
	if (!path)
		return fail_memory(err);
	if (summary_names_append(names, path, err) == 0)
		return 0;
	free(path);
	return -1;
}

static void summary_free_names(struct summary_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	summary_names_free(names);
}

static bool summary_counts_stays(const struct row *row)
{
	return (row->status == BS_STATUS_FIXED || row->status == BS_STATUS_WOULD_FIX) &&
	       row_has_finding(row, BS_NOTE_STAYS);
}

/* Whether the disk does not start although it has room enough, or did not before the fix. */
static bool summary_is_stopped(const struct row *row)
{
	return row->need == NEED_NOTHING && json_is_false(json_object_get(row->object, "starts"));
}

int summary_add(struct summary *summary, const struct row *row, struct bs_error *err)
{
	struct summary_code *code = &summary->codes[row->code];
	size_t most = summary->all_names ? SIZE_MAX : SUMMARY_NAMED;
	bool signature = row->status == BS_STATUS_FIXED && row_is_signature_alone(row);
	bool stopped = summary_is_stopped(row);

	if (row->code != BS_OK && summary_add_name(&code->names, most, row, err) < 0)
		return -1;
	if (row->status == BS_STATUS_FIXED &&
	    summary_add_name(&summary->fixed, SUMMARY_NAMED, row, err) < 0)
		return -1;
	if (summary_counts_stays(row)) {
		if (summary_add_name(&summary->stays.names, most, row, err) < 0)
			return -1;
		summary->stays.count++;
	}
	summary->left_alone += row_has_finding(row, BS_NOTE_NOT_NEEDED);
	if (summary->images == 0 || row->begun < summary->earliest)
		summary->earliest = row->begun;
	if (row->begun > summary->latest)
		summary->latest = row->begun;
	code->count++;
	summary->images++;
	summary->statuses[row->status]++;
	if (stopped)
		summary->stopped[row->status]++;
	else
		summary->needs[row->status][row->need]++;
	summary->signatures += signature;
	summary->repaired += signature || (row->status == BS_STATUS_FIXED && stopped);
	summary->upgrades += row->need != NEED_UNKNOWN && row_needed_room(row) == BS_UPGRADE_ROOM;
	summary->bytes += row->bytes;
	return 0;
}

void summary_free(struct summary *summary)
{
	for (size_t i = 0; i < BS_CODE_COUNT; i++)
		summary_free_names(&summary->codes[i].names);
	summary_free_names(&summary->fixed);
	summary_free_names(&summary->stays.names);
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

/* What is said of images that need the fix, and of those that have room enough. */
struct need_words {
	const char *needs[2], *enough[2], *stopped[2]; /* of one image, of several */
};

static const struct need_words *need_words_of(enum bs_status status)
{
	static const struct need_words past = {{"needed it", "needed it"},
					       {"had room enough", "had room enough"},
					       {"did not start", "did not start"}};
	static const struct need_words would = {{"needs it", "need it"},
						{"has room enough", "have room enough"},
						{"does not start", "do not start"}};
	static const struct need_words other = {{"needs a fix", "need a fix"},
						{"has room enough", "have room enough"},
						{"does not start", "do not start"}};
	static const struct need_words nothing = {{"has too little room", "have too little room"},
						  {"has room enough", "have room enough"},
						  {"does not start", "do not start"}};

	switch (status) {
	case BS_STATUS_FIXED:
		return &past;
	case BS_STATUS_WOULD_FIX:
		return &would;
	case BS_STATUS_NOTHING_TO_DO:
		return &nothing;
	default:
		return &other;
	}
}

/* What needs the room.  The reports of a page may come from batches for different purposes. */
static const char *summary_noun(const struct summary *summary)
{
	uint64_t known = 0;

	for (size_t i = 0; i < BS_STATUS_COUNT; i++)
		known += summary->needs[i][NEED_FIX] + summary->needs[i][NEED_NOTHING];
	return summary->upgrades > 0 && summary->upgrades < known
		       ? "conversion or feature upgrade"
		       : need_noun(summary->upgrades > 0 ? BS_UPGRADE_ROOM : BS_DEFAULT_PE_SIZE);
}

bool summary_describe_need(const struct summary *summary, enum bs_status status,
			   char text[SUMMARY_NEED_MAX])
{
	const struct need_words *words = need_words_of(status);
	unsigned long long needs = summary->needs[status][NEED_FIX];
	unsigned long long enough = summary->needs[status][NEED_NOTHING];
	unsigned long long stopped = summary->stopped[status];
	int length = 0;

	if (needs > 0)
		length = snprintf(text, SUMMARY_NEED_MAX, "%llu %s for the %s", needs,
				  words->needs[needs > 1], summary_noun(summary));
	if (enough > 0)
		length += snprintf(text + length, SUMMARY_NEED_MAX - (size_t)length,
				   "%s%llu %s%s%s", needs > 0 ? ", " : "", enough,
				   words->enough[enough > 1], needs > 0 ? "" : " for the ",
				   needs > 0 ? "" : summary_noun(summary));
	if (stopped > 0)
		snprintf(text + length, SUMMARY_NEED_MAX - (size_t)length, "%s%llu %s",
			 length > 0 ? ", " : "", stopped, words->stopped[stopped > 1]);
	return needs + enough + stopped > 0;
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

/*
 * Prints the images of a code: all if they are few, otherwise the first and how to list the rest;
 * `elsewhere` says where they are if there are no rows.
 */
static void summary_print_names(struct output *output, const struct summary_code *code,
				unsigned indent, const struct summary_facts *facts,
				const char *elsewhere)
{
	bool all = code->names.count == code->count;
	size_t count = all ? code->names.count : 1;

	for (size_t i = 0; i < count; i++) {
		print_to(output, indent);
		print_styled(output, STYLE_FAINT, "%s", code->names.items[i]);
		print_end(output);
	}
	if (all)
		return;
	print_to(output, indent);
	print(output, "and %llu more", (unsigned long long)(code->count - count));
	if (facts->rows) {
		print(output, "; all: bootshift report -v ");
		print_shell_word(output, facts->rows);
	} else {
		print(output, "%s", facts->rows_only ? "; -v names all" : elsewhere);
	}
	print_end(output);
}

/* Prints a code, its count, its advice, and its images. */
static void summary_print_code(struct output *output, const struct summary_code *code, int end,
			       enum bs_code number, const struct summary_facts *facts)
{
	unsigned indent = (unsigned)end + GAP;

	summary_print_count(output, end, code->count);
	print_styled(output, STYLE_STRONG, "%s", bs_code_name(number));
	print(output, ": ");
	print_wrapped(output, indent, "%s", bs_code_advice(number));
	print_end(output);
	summary_print_names(output, code, indent, facts, "; all are named above");
}

static void summary_print_codes(struct output *output, const struct summary *summary,
				enum bs_exit class, int column, const struct summary_facts *facts)
{
	enum bs_code order[BS_CODE_COUNT];
	size_t count = summary_order(summary, class, order);
	/* The first code has the largest count. */
	int end = column + (count > 0 ? summary_digits(summary->codes[order[0]].count) : 0);

	for (size_t i = 0; i < count; i++)
		summary_print_code(output, &summary->codes[order[i]], end, order[i], facts);
}

static void summary_print_need(struct output *output, unsigned indent, const char *need)
{
	print(output, " ");
	print_wrapped(output, indent, "(%s)", need);
}

static void summary_print_outcomes(struct output *output, const struct summary *summary,
				   const struct summary_facts *facts)
{
	int end = GAP + summary_digits(summary->images);
	char need[SUMMARY_NEED_MAX];

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
		if (summary_describe_need(summary, outcome->status, need))
			summary_print_need(output, (unsigned)end + GAP, need);
		print_end(output);
		if (outcome->exit != BS_EXIT_DONE)
			summary_print_codes(output, summary, outcome->exit, end + GAP, facts);
	}
}

static void summary_print_totals(struct output *output, const struct summary *summary,
				 const struct summary_facts *facts)
{
	bool timed = facts->milliseconds > 0;
	bool partly = timed && facts->begun < summary->images;
	double rate = summary_rate(facts);

	if (summary->images + facts->not_begun == 0) {
		print_line(output, "No images");
		return;
	}
	print_styled(output, STYLE_STRONG, "%s", count_format(summary->images, "image").text);
	if (partly)
		print(output, ": %llu processed now", (unsigned long long)facts->begun);
	if (timed && facts->begun > 0)
		print(output, " in %s", duration_format(facts->milliseconds).text);
	if (rate > 0 && facts->begun > 0)
		print(output, ", %.0f a minute", rate);
	if (partly)
		print(output, ", %llu earlier",
		      (unsigned long long)(summary->images - facts->begun));
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

/* Somebody would delete that partition after the fix. */
static void summary_print_stays(struct output *output, const struct summary *summary,
				const struct summary_facts *facts)
{
	uint64_t count = summary->stays.count;
	bool fixed = summary->statuses[BS_STATUS_FIXED] > 0;

	if (count == 0)
		return;
	print_wrapped(output, GAP,
		      "Keep the old partition of %s for good: something that Windows needs %s "
		      "there, such as the recovery environment",
		      count_format(count, "disk").text, fixed ? "stays" : "would stay");
	print_end(output);
	summary_print_names(output, &summary->stays, GAP, facts, "; inspect tells which");
}

static void summary_print_left_alone(struct output *output, const struct summary *summary)
{
	if (summary->left_alone > 0)
		print_line(output, "Left alone, because they need no fix (--only-needed): %s",
			   count_format(summary->left_alone, "disk").text);
}

static void summary_print_next(struct output *output, const struct summary *summary)
{
	uint64_t room = summary->upgrades > 0 ? BS_UPGRADE_ROOM : BS_DEFAULT_PE_SIZE;

	if (summary->repaired == summary->statuses[BS_STATUS_FIXED]) {
		print_wrapped(
			output, GAP,
			"Next: start the disks; keep the undo files%s until they have started",
			summary->signatures == summary->repaired ? "" : " and the old partitions");
		print_end(output);
		return;
	}
	print_wrapped(output, GAP,
		      "Next: %s; until the %s machines have started, keep the undo files and the "
		      "old partitions",
		      need_order(room, true), need_done(room));
	print_end(output);
}

/* Prints "undo" with its option, and all fixed images, or IMAGE if there are many. */
static void summary_print_undo_by_name(struct output *output, const struct summary *summary,
				       const char *directory)
{
	bool all = summary->fixed.count == summary->statuses[BS_STATUS_FIXED];

	print(output, "undo");
	if (directory) {
		print(output, " --undo-dir ");
		print_shell_word(output, directory);
	}
	for (size_t i = 0; all && i < summary->fixed.count; i++) {
		print(output, " ");
		print_shell_word(output, summary->fixed.items[i]);
	}
	if (all)
		return;
	print_line(output, " IMAGE, for each image");
	print(output, "(With --jsonl FILE, one command undoes the whole batch.)");
}

static void summary_print_undo(struct output *output, const struct summary *summary,
			       const struct summary_facts *facts)
{
	if (summary->statuses[BS_STATUS_FIXED] == 0 || (!facts->rows && !facts->undo_by_name))
		return;
	summary_print_next(output, summary);
	print(output, "To undo the fixes: bootshift ");
	if (facts->rows) {
		print(output, "undo --from ");
		print_shell_word(output, facts->rows);
	} else {
		summary_print_undo_by_name(output, summary, facts->undo_directory);
	}
	print_end(output);
}

/* That images were not begun is an error, which the command prints in any case. */
static void summary_print_unfinished(struct output *output, const struct summary_facts *facts)
{
	const char *go_on = facts->rows ? "; go on with --resume" : "";

	if (facts->searching)
		print_line(output, "Stopped while searching for images");
	if (facts->without_row > 0)
		print_line(output, "Without a result: %s%s",
			   count_format(facts->without_row, "image").text, go_on);
}

void summary_print(struct output *output, const struct summary *summary,
		   const struct summary_facts *facts)
{
	/* The worst outcomes come last, because the end of the output stays on the screen. */
	summary_print_left_out(output, facts);
	summary_print_totals(output, summary, facts);
	summary_print_outcomes(output, summary, facts);
	summary_print_unfinished(output, facts);
	summary_print_left_alone(output, summary);
	summary_print_stays(output, summary, facts);
	summary_print_undo(output, summary, facts);
}
