/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows are read twice: first for the totals at the top of the page, then for the images.
 *
 * The filter is a group of radio buttons before the table.  Rules in page.html hide the images that
 * do not belong to the chosen button.  This needs no scripts and works in all browsers.
 */
#include "page/page.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "page/page-advice.h"
#include "page/page-image.h"
#include "page/template.h"
#include "report/amount.h"
#include "report/json-fields.h"
#include "rows/location.h"
#include "util/shell.h"

#define LISTED_MAX  3    /* a longer list of images is folded */
#define COMMAND_MAX 2000 /* bytes of the command; more would hide the rest of the page */

/*
 * The content of page.html, with a final zero.  The Makefile tells the assembler the folder of the
 * file.
 */
extern const char page_template[] __attribute__((visibility("hidden")));
__asm__(".pushsection .rodata\n"
	".globl page_template\n.hidden page_template\npage_template:\n"
	".incbin \"page.html\"\n.byte 0\n"
	".popsection\n");

const struct file_kind page_file_kind = {"page", "<!DOCTYPE html>", " - bootshift</title>"};

struct page {
	struct merge *rows;
	const struct summary_facts *facts;
	struct summary summary;
	json_t *problems; /* by name of the code: an array of the images with that code */
	json_t *values;   /* for page.html */
};

/* ---- the totals ---------------------------------------------------------------------------- */

static int page_add_problem(struct page *page, const struct row *row, size_t index,
			    struct bs_error *err)
{
	const char *code = bs_code_name(row->code);
	json_t *images = json_object_get(page->problems, code);
	char *path = location_as_found(row->location, row->path);
	int result = -1;

	if (!images) {
		images = json_array();
		if (json_put(page->problems, code, images) < 0)
			images = NULL;
	}
	if (path && images)
		result = json_array_append_new(images,
					       json_pack("{s:I, s:o}", "id", (json_int_t)index + 1,
							 "name", page_bytes(location_name(path))));
	free(path);
	return result < 0 ? fail_memory(err) : 0;
}

/* A merge_function. */
static int page_add_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	struct page *page = context;

	if (summary_add(&page->summary, row, err) < 0)
		return -1;
	return row->code == BS_OK ? 0 : page_add_problem(page, row, index, err);
}

/* ---- the top of the page ------------------------------------------------------------------- */

/* Text, or null if a condition does not hold. */
static json_t *page_text_if(bool condition, const char *text)
{
	return condition ? json_text(text) : json_null();
}

/* Whether images of the batch are missing on the page. */
static bool page_is_incomplete(const struct summary_facts *facts)
{
	return facts->searching || facts->not_begun > 0 || facts->without_row > 0;
}

static json_t *page_headline_incomplete(const struct summary_facts *facts, const char *attention)
{
	const struct amount_text images = count_format(facts->images, "image");

	if (facts->searching)
		return json_sprintf("Stopped while searching for images%s", attention);
	if (facts->not_begun > 0)
		return json_sprintf("Stopped: %llu of %s were begun%s",
				    (unsigned long long)(facts->images - facts->not_begun),
				    images.text, attention);
	return json_sprintf("%llu of %s %s missing here%s", (unsigned long long)facts->without_row,
			    images.text, facts->without_row == 1 ? "is" : "are", attention);
}

/* The most important fact as one sentence. */
static json_t *page_headline(const struct summary *summary, const struct summary_facts *facts)
{
	unsigned long long images = summary->images, problems = 0;
	unsigned long long undone = summary->statuses[BS_STATUS_UNDONE];
	bool rehearsed = summary->statuses[BS_STATUS_WOULD_FIX] > 0;
	const char *attention, *done = rehearsed ? "passed the rehearsal" : "are done";
	char also[64] = "";

	for (size_t i = 0; i < BS_STATUS_COUNT; i++)
		if (outcome_is_problem(outcomes[i].status))
			problems += summary->statuses[outcomes[i].status];
	attention = problems == 1 ? "needs attention" : "need attention";
	if (undone > 0)
		done = undone == 1 ? "was taken back" : "were taken back";
	else if (images == 1 && !rehearsed)
		done = "is done";
	if (page_is_incomplete(facts)) {
		if (problems > 0)
			snprintf(also, sizeof(also), ", %llu %s", problems, attention);
		return page_headline_incomplete(facts, also);
	}
	if (images == 0)
		return json_string("No images");
	if (problems > 0)
		return json_sprintf("%llu of %s %s", problems, count_format(images, "image").text,
				    attention);
	if (undone > 0 && undone < images)
		return json_sprintf("%llu of %llu images %s", undone, images, done);
	if (images == 1)
		return json_sprintf("The image %s", done);
	return json_sprintf("All %llu images %s", images, done);
}

/* "1 image was"; null for none. */
static json_t *page_images_were(uint64_t count)
{
	if (count == 0)
		return json_null();
	return json_sprintf("%s %s", count_format(count, "image").text,
			    count == 1 ? "was" : "were");
}

/* The outcomes that occur. */
static json_t *page_outcomes(const struct summary *summary)
{
	json_t *array = json_array();
	char need[SUMMARY_NEED_MAX];

	for (size_t i = 0; i < BS_STATUS_COUNT; i++) {
		uint64_t count = summary->statuses[outcomes[i].status];
		bool known = summary_describe_need(summary, outcomes[i].status, need);
		const struct json_member members[] = {
			{"class", json_text(outcomes[i].class)},
			{"word", page_word(&outcomes[i])},
			{"count", json_number(count)},
			{"need", page_text_if(known, need)},
		};
		json_t *outcome = json_members(members, COUNT_OF(members));

		if (count > 0)
			json_append(&array, outcome);
		else
			json_decref(outcome);
	}
	return array;
}

/* ---- what to do ---------------------------------------------------------------------------- */

static json_t *page_code(const struct page *page, enum bs_code code)
{
	uint64_t count = page->summary.codes[code].count;
	json_t *images = json_object_get(page->problems, bs_code_name(code));
	const struct json_member members[] = {
		{"class", json_text(bs_code_exit(code) == BS_EXIT_REFUSED ? "refused" : "failed")},
		{"code", json_text(bs_code_name(code))},
		{"images", json_text(count_format(count, "image").text)},
		{"sentence", page_advice(bs_code_advice(code), true)},
		{"many", json_boolean(count > LISTED_MAX)},
		{"names", json_incref(images)},
	};

	return json_members(members, COUNT_OF(members));
}

/* What to do about each code, the worst first. */
static json_t *page_codes(const struct page *page)
{
	json_t *array = json_array();

	for (size_t i = BS_STATUS_COUNT; i > 0 && outcomes[i - 1].exit != BS_EXIT_DONE; i--) {
		enum bs_code order[BS_CODE_COUNT];
		size_t count = summary_order(&page->summary, outcomes[i - 1].exit, order);

		for (size_t j = 0; j < count; j++)
			json_append(&array, page_code(page, order[j]));
	}
	return array;
}

/* ---- the end of the page ------------------------------------------------------------------- */

/* The reasons for which the batch left out files. */
static json_t *page_reasons(const struct summary_facts *facts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < facts->left_out_count; i++)
		json_append(&array, json_pack("{s:s, s:I}", "reason", facts->left_out[i].reason,
					      "count", (json_int_t)facts->left_out[i].count));
	return array;
}

/* Files that were left out although the user may expect them in the batch. */
static json_t *page_unexpected(const struct summary_facts *facts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < facts->unexpected_count; i++)
		json_append(&array,
			    json_pack("{s:o, s:s}", "path", page_bytes(facts->unexpected[i].path),
				      "reason", facts->unexpected[i].reason));
	return array;
}

/* A path as a word of a shell command, absolute, so that the command works in any folder. */
static json_t *page_shell_path(const char *path)
{
	char *location = location_of(path), *word = location ? shell_word(location) : NULL;
	json_t *value = word ? page_bytes(word) : NULL;

	free(word);
	free(location);
	return value;
}

/* When the batches of rows began, for a page that another command has made. */
static json_t *page_rows_begun(const struct page *page)
{
	const struct summary *summary = &page->summary;
	json_t *first = page_time(summary->earliest), *last = page_time(summary->latest), *text;

	if (!page->facts->rows_only || !json_is_string(first))
		text = json_null();
	else if (json_equal(first, last))
		text = json_sprintf("The batch was begun %s", json_string_value(first));
	else
		text = json_sprintf("The batches were begun from %s to %s",
				    json_string_value(first), json_string_value(last));
	json_decref(first);
	json_decref(last);
	return text;
}

/* ---- who has made the page ----------------------------------------------------------------- */

static json_t *page_host(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) < 0)
		return json_null();
	return page_bytes(name);
}

static json_t *page_working_folder(void)
{
	char *folder = getcwd(NULL, 0);
	json_t *value = folder ? page_bytes(folder) : json_null();

	free(folder);
	return value;
}

/*
 * The command as it can be typed in its working folder; null if it is not known.  A command with
 * very many names is cut.
 */
static json_t *page_command(const struct summary_facts *facts)
{
	char *command = NULL;
	size_t length;
	FILE *stream = facts->word_count > 0 ? open_memstream(&command, &length) : NULL;
	json_t *value;

	if (!stream)
		return json_null();
	fputs("bootshift", stream);
	for (int i = 0; i < facts->word_count; i++) {
		char *word;

		if (ftello(stream) > COMMAND_MAX) {
			fputs(" ...", stream);
			break;
		}
		word = shell_word(facts->words[i]);
		fprintf(stream, " %s", word ? word : "");
		free(word);
	}
	if (fclose(stream) != 0)
		return NULL;
	value = page_bytes(command);
	free(command);
	return value;
}

/* ---- the page ------------------------------------------------------------------------------ */

static json_t *page_values(const struct page *page)
{
	const struct summary *summary = &page->summary;
	const struct summary_facts *facts = page->facts;
	const uint64_t *statuses = summary->statuses;
	double rate = summary_rate(facts);
	bool timed = facts->milliseconds > 0;
	bool partly = timed && facts->begun < summary->images;
	bool unchanged = statuses[BS_STATUS_REFUSED] + statuses[BS_STATUS_FAILED] > 0;
	const struct json_member members[] = {
		{"headline", page_headline(summary, facts)},
		{"missing", json_boolean(page_is_incomplete(facts))},
		{"searching", json_boolean(facts->searching)},
		{"not_begun", page_images_were(facts->not_begun)},
		{"without_row", page_images_were(facts->without_row)},
		{"them", json_text(facts->without_row == 1 ? "it" : "them")},
		{"resume", json_boolean(facts->rows)},
		{"written", page_time((uint64_t)time(NULL) * 1000000000)},
		{"host", page_host()},
		{"working_folder", page_working_folder()},
		{"command", page_command(facts)},
		{"begun_at", page_time(facts->begun_at)},
		{"rows_begun", page_rows_begun(page)},
		{"duration", page_text_if(timed, duration_format(facts->milliseconds).text)},
		{"partly", json_boolean(partly)},
		{"begun", page_text_if(facts->begun > 0, count_format(facts->begun, "image").text)},
		{"rate", rate > 0 ? json_sprintf("%.0f", rate) : json_null()},
		{"changed", page_text_if(summary->bytes > 0, size_format(summary->bytes).text)},
		{"rehearsed", json_boolean(statuses[BS_STATUS_WOULD_FIX] > 0)},
		{"outcomes", page_outcomes(summary)},
		{"count", json_number(summary->images)},
		{"unchanged", json_boolean(unchanged)},
		{"codes", page_codes(page)},
		{"rows_only", json_boolean(facts->rows_only)},
		{"left_out", json_boolean(facts->rows_only || facts->left_out_count > 0)},
		{"reasons", page_reasons(facts)},
		{"unexpected", page_unexpected(facts)},
		{"unexpected_more", json_number(facts->unexpected_more)},
		{"undo", json_boolean(statuses[BS_STATUS_FIXED] > 0)},
		/* Rows lead to the undo files; without rows, a command needs their folder. */
		{"from", facts->rows ? page_shell_path(facts->rows)
				     : page_text_if(facts->rows_only, "FILE")},
		{"from_any", json_boolean(facts->rows_only && !facts->rows)},
		{"undo_folder",
		 facts->undo_directory ? page_shell_path(facts->undo_directory) : json_null()},
		{"version", json_text(bs_version())},
	};

	return json_members(members, COUNT_OF(members));
}

/* A template_item. */
static int page_item(void *context, size_t index, json_t **item, struct bs_error *err)
{
	const struct page *page = context;
	struct row row;
	int result;

	if (index == merge_count(page->rows))
		return 0;
	result = merge_read(page->rows, index, &row, err);
	if (result == 0) {
		*item = page_image(&row, index);
		result = *item ? 0 : fail_memory(err);
	}
	row_free(&row);
	return result;
}

/* A replace_file_content. */
static int page_write_content(FILE *stream, void *context, struct bs_error *err)
{
	struct page *page = context;

	return template_write(page_template, page->values, page_item, page, stream, err);
}

int page_write(const char *path, struct merge *rows, const struct summary_facts *facts,
	       struct bs_error *err)
{
	struct page page = {.rows = rows, .facts = facts, .problems = json_object()};
	int result = merge_each(rows, page_add_row, &page, err);

	if (result == 0) {
		page.values = page_values(&page);
		result = page.values ? 0 : fail_memory(err);
	}
	if (result == 0)
		result = replace_file_write(path, page_file_kind.what, page_write_content, &page,
					    err);
	json_decref(page.values);
	json_decref(page.problems);
	summary_free(&page.summary);
	return result;
}
