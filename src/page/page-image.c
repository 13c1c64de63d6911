/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image on the page: a line of the table, and below it the details, which unfold. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "page/page-parts.h"
#include "report/advice.h"
#include "report/amount.h"
#include "report/phrases.h"
#include "rows/location.h"

/* ---- reading a row ------------------------------------------------------------------------- */

const char *page_string(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

uint64_t page_number(const json_t *object, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(object, name));

	return number < 0 ? 0 : (uint64_t)number;
}

bool page_flag(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

bool page_has(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return value && !json_is_null(value);
}

char *page_path(struct html *html, const struct row *row)
{
	char *path = location_as_found(row->location, row->path);

	if (!path && html->error == 0)
		html->error = ENOMEM;
	return path;
}

void page_time(struct html *html, uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	struct tm parts;
	char text[64] = "";

	if (gmtime_r(&seconds, &parts))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
	html_text(html, "%s", text);
}

void page_word(struct html *html, const struct outcome *outcome)
{
	html_text(html, "%c%s", outcome->word[0] - 'a' + 'A', outcome->word + 1);
}

/* ---- the line ------------------------------------------------------------------------------ */

static void write_name(struct html *html, const struct row *row)
{
	char *path = page_path(html, row);
	const char *name = path ? location_name(path) : "";
	const char *format = page_string(row->object, "format");

	html_markup(html, "<th scope=\"row\" role=\"rowheader\"><bdi class=\"name\">");
	html_text(html, "%s", name);
	html_markup(html, "</bdi><span class=\"faint\">");
	html_text(html, "%s", format);
	if (row->size > 0)
		html_text(html, "%s%s", *format ? ", " : "", size_format(row->size).text);
	if (path && name != path) {
		html_text(html, "%s", *format || row->size > 0 ? ", in " : "in ");
		html_markup(html, "<bdi>");
		html_text(html, "%.*s", (int)(name - path), path);
		html_markup(html, "</bdi>");
	}
	html_markup(html, "</span></th>");
	free(path);
}

static void write_windows(struct html *html, const struct row *row)
{
	const char *build = page_string(row->object, "windows_build");

	html_markup(html, "<td role=\"cell\" class=\"windows\">");
	html_text(html, "%s", page_string(row->object, "windows_name"));
	if (*build) {
		html_markup(html, "<span class=\"faint\">");
		html_text(html, "%s", build);
		html_markup(html, "</span>");
	}
	html_markup(html, "</td>");
}

/* Whether the disk starts; if it was or would be fixed, also whether it started before. */
static const char *describe_start(const struct row *row)
{
	bool before = page_flag(row->object, "starts");
	bool planned = page_has(row->object, "active_after");
	const char *field = planned ? "starts_after" : "starts";

	if (!page_has(row->object, field)) /* without a format the image was not inspected */
		return page_has(row->object, "format") ? "unknown whether it starts" : NULL;
	if (!page_flag(row->object, field))
		return "boot chain not complete";
	if (!planned)
		return "starts";
	if (row->status == BS_STATUS_FIXED)
		return before ? "starts, as before" : "starts, did not before";
	return before ? "starts, as now" : "would start, does not now";
}

static void write_outcome(struct html *html, const struct row *row)
{
	const char *start = describe_start(row);
	const struct outcome *outcome = outcome_of(row->status);

	html_markup(html, "<td role=\"cell\" class=\"outcome\"><span class=\"pill\">"
			  "<span aria-hidden=\"true\">");
	html_text(html, "%s", outcome->symbol);
	html_markup(html, "</span> ");
	page_word(html, outcome);
	html_markup(html, "</span>");
	if (row->code != BS_OK) {
		html_markup(html, "<code>");
		html_text(html, "%s", bs_code_name(row->code));
		html_markup(html, "</code>");
	}
	if (start) {
		html_markup(html, "<span class=\"faint\">");
		html_text(html, "%s", start);
		html_markup(html, "</span>");
	}
	html_markup(html, "</td>");
}

/* ---- the details --------------------------------------------------------------------------- */

/* The line that is visible while the details are folded. */
static void write_summary(struct html *html, const struct row *row)
{
	if (row->message)
		html_text(html, "%s", row->message);
	else if (row->status == BS_STATUS_UNDONE)
		html_text(html, "Taken back in %s", duration_format(row->milliseconds).text);
	else if (row->bytes > 0)
		html_text(html, "%s changed in %s", size_format(row->bytes).text,
			  duration_format(row->milliseconds).text);
	else
		html_text(html, "%s in %s",
			  row->status == BS_STATUS_WOULD_FIX ? "Rehearsed" : "Inspected",
			  duration_format(row->milliseconds).text);
}

static void write_operation(struct html *html, const json_t *operation)
{
	static const struct {
		const char *kind, *before, *after; /* text before and after the path */
	} kinds[] = {
		{"copy", "Copy ", ""},
		{"attributes", "Make ", " read-only, hidden and system"},
		{"retarget-bcd", "Point ", " to the partition with Windows"},
		{"boot-code", "Give the partition with Windows its boot code", ""},
		{"activate", "Make the partition with Windows the active one", ""},
	};
	const char *kind = page_string(operation, "kind");
	uint64_t files = page_number(operation, "files"), bytes = page_number(operation, "bytes");
	size_t i = 0;

	while (i < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kind, kinds[i].kind) != 0)
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return;
	html_markup(html, "<li>");
	html_text(html, "%s", kinds[i].before);
	html_markup(html, "<bdi>");
	html_text(html, "%s", page_string(operation, "path"));
	html_markup(html, "</bdi>");
	html_text(html, "%s", kinds[i].after);
	if (files > 0)
		html_text(html, ": %llu file%s, %s", (unsigned long long)files, plural(files),
			  size_format(bytes).text);
}

static void write_operations(struct html *html, const struct row *row)
{
	const json_t *operations = json_object_get(row->object, "operations");
	const json_t *operation;
	size_t i;

	if (json_array_size(operations) == 0)
		return;
	html_markup(html, "<div><h3>");
	html_text(html, "%s", row->status == BS_STATUS_FIXED ? "What was done" : "What a fix does");
	html_markup(html, "</h3><ol>");
	json_array_foreach (operations, i, operation)
		write_operation(html, operation);
	html_markup(html, "</ol></div>");
}

static void write_image_findings(struct html *html, const struct row *row)
{
	const json_t *findings = json_object_get(row->object, "findings");
	const json_t *finding;
	size_t i;

	if (json_array_size(findings) == 0)
		return;
	html_markup(html, "<div><h3>Findings</h3><ul>");
	json_array_foreach (findings, i, finding) {
		html_markup(html, "<li>");
		html_text(html, "%s ", page_string(finding, "message"));
		html_markup(html, "<code>");
		html_text(html, "%s", page_string(finding, "code"));
		html_markup(html, "</code>");
	}
	html_markup(html, "</ul></div>");
}

/* Writes a term of the list and the start of its description. */
static void begin_fact(struct html *html, const char *term)
{
	html_markup(html, "<dt>");
	html_text(html, "%s", term);
	html_markup(html, "<dd>");
}

static void write_room(struct html *html, const json_t *object)
{
	if (!page_has(object, "room_before"))
		return;
	begin_fact(html, "Room on the active volume");
	html_text(html, "%s", size_format(page_number(object, "room_before")).text);
	if (page_has(object, "active_after") && page_has(object, "room_after"))
		html_text(html, ", with the fix %s",
			  size_format(page_number(object, "room_after")).text);
	if (page_has(object, "needed_room"))
		html_text(html, "; needed %s",
			  size_format(page_number(object, "needed_room")).text);
}

static void write_facts(struct html *html, const struct row *row)
{
	html_markup(html, "<dl>");
	begin_fact(html, "Location");
	html_text(html, "%s", page_string(row->object, "uri"));
	if (row->modified > 0) {
		begin_fact(html, "Last changed");
		page_time(html, row->modified);
	}
	if (row->bytes > 0) {
		uint64_t places = page_number(row->object, "extents");

		begin_fact(html, "Changed");
		html_text(html, "%s in %llu place%s", size_format(row->bytes).text,
			  (unsigned long long)places, plural(places));
	}
	if (row->undo_file) {
		begin_fact(html, "Undo file");
		html_markup(html, "<bdi>");
		html_text(html, "%s", row->undo_location);
		html_markup(html, "</bdi>");
	}
	write_room(html, row->object);
	html_markup(html, "</dl>");
}

static void write_details(struct html *html, const struct row *row)
{
	const char *advice = page_string(row->object, "advice");

	html_markup(html, "<tr role=\"row\"><td role=\"cell\" colspan=\"4\"><details><summary>");
	write_summary(html, row);
	html_markup(html, "</summary><div class=\"details\">");
	if (*advice) {
		html_markup(html, "<p>What to do: ");
		html_text(html, "%s%s", advice, advice_command(advice) ? "" : ".");
		html_markup(html, "</p>");
	}
	if (row->recovered)
		html_markup(html, "<p>An interrupted change was taken back first.</p>");
	write_operations(html, row);
	write_image_findings(html, row);
	page_partitions(html, row);
	write_facts(html, row);
	html_markup(html, "</div></details></td></tr>");
}

void page_image(struct html *html, const struct row *row, size_t index)
{
	html_markup(html, "<tbody role=\"rowgroup\" id=\"image-");
	html_text(html, "%zu", index + 1);
	html_markup(html, "\" class=\"image ");
	html_text(html, "%s", outcome_of(row->status)->class);
	html_markup(html, "\"><tr role=\"row\">");
	write_name(html, row);
	write_windows(html, row);
	html_markup(html, "<td role=\"cell\">");
	page_disk(html, row);
	html_markup(html, "</td>");
	write_outcome(html, row);
	html_markup(html, "</tr>");
	write_details(html, row);
	html_markup(html, "</tbody>\n");
}
