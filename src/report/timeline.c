/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The paths come from the image; output.h makes them safe to show. */
#include "report/timeline.h"

#include <string.h>

#include "report/amount.h"

#define INDENT      4
#define NAME_WIDTH  19 /* columns of a name */
#define WIDTH_RIGHT 31 /* columns behind the bar: the time of the first read, and the amount */

const char *const timeline_ids[BS_PLACE_COUNT] = {
	[BS_PLACE_TABLE] = "partition-table",
	[BS_PLACE_BOOT_RECORD] = "boot-record",
	[BS_PLACE_FILE_SYSTEM] = "file-system",
	[BS_PLACE_BOOTMGR] = "bootmgr",
	[BS_PLACE_FONTS] = "fonts",
	[BS_PLACE_STATUS] = "boot-status",
	[BS_PLACE_BCD] = "bcd",
	[BS_PLACE_MESSAGES] = "messages",
	[BS_PLACE_LOADER] = "loader",
	[BS_PLACE_WINDOWS] = "windows",
	[BS_PLACE_OLD_RECORD] = "old-boot-record",
	[BS_PLACE_OLD_SYSTEM] = "old-system-partition",
	[BS_PLACE_OTHER] = "other",
};

/* ---- what a line says ---------------------------------------------------------------------- */

bool timeline_shows(const struct bs_start *start, enum bs_place place)
{
	bool needed = place == BS_PLACE_TABLE || place == BS_PLACE_BOOT_RECORD ||
		      place == BS_PLACE_BOOTMGR || place == BS_PLACE_BCD ||
		      place == BS_PLACE_LOADER || place == BS_PLACE_OLD_SYSTEM;
	bool is_there = place != BS_PLACE_OLD_SYSTEM || start->readings[place].size > 0;

	return start->readings[place].read > 0 || (needed && is_there);
}

const char *timeline_name(const struct bs_start *start, enum bs_place place)
{
	static const char *const names[BS_PLACE_COUNT] = {
		[BS_PLACE_TABLE] = "partition table",
		[BS_PLACE_BOOT_RECORD] = "boot record",
		[BS_PLACE_FILE_SYSTEM] = "file system",
		[BS_PLACE_BOOTMGR] = "\\bootmgr",
		[BS_PLACE_FONTS] = "\\Boot\\Fonts",
		[BS_PLACE_STATUS] = "\\Boot\\BOOTSTAT.DAT",
		[BS_PLACE_BCD] = "\\Boot\\BCD",
		[BS_PLACE_MESSAGES] = "messages",
		[BS_PLACE_LOADER] = "loader",
		[BS_PLACE_WINDOWS] = "Windows",
		[BS_PLACE_OLD_RECORD] = "old boot record",
		[BS_PLACE_OLD_SYSTEM] = "old partition",
		[BS_PLACE_OTHER] = "other reads",
	};
	const char *path = start->readings[place].path, *last = strrchr(path, '\\');

	if ((place == BS_PLACE_LOADER || place == BS_PLACE_WINDOWS) && last && last[1] != '\0')
		return last + 1;
	return names[place];
}

enum timeline_mark timeline_mark(const struct bs_start *start, enum bs_place place)
{
	if (!start->proven && place == start->stopped_place)
		return TIMELINE_BROKEN;
	if (!start->proven && place == BS_PLACE_OLD_SYSTEM && start->readings[place].read > 0)
		return TIMELINE_BROKEN;
	return start->readings[place].read > 0 ? TIMELINE_READ : TIMELINE_NOT_READ;
}

struct timeline_text timeline_amount(const struct bs_start *start, enum bs_place place)
{
	const struct bs_reading *reading = &start->readings[place];
	struct timeline_text amount;

	if (reading->read == 0)
		snprintf(amount.text, sizeof(amount.text), "%s",
			 reading->size == 0 ? "not there" : "not read");
	else if (reading->read >= reading->size || place == BS_PLACE_FILE_SYSTEM ||
		 place == BS_PLACE_OLD_SYSTEM)
		snprintf(amount.text, sizeof(amount.text), "%s", size_format(reading->read).text);
	else
		snprintf(amount.text, sizeof(amount.text), "%.20s of %.20s",
			 size_format(reading->read).text, size_format(reading->size).text);
	return amount;
}

void timeline_span(const struct bs_start *start, uint32_t *from, uint32_t *to)
{
	bool found = false;

	*from = *to = 0;
	for (unsigned i = 0; i < BS_PLACE_COUNT; i++) {
		const struct bs_reading *reading = &start->readings[i];

		if (reading->read == 0)
			continue;
		if (!found || reading->first < *from)
			*from = reading->first;
		if (!found || reading->last > *to)
			*to = reading->last;
		found = true;
	}
}

size_t timeline_stretches(const struct bs_start *start, enum bs_place place,
			  struct timeline_stretch stretches[TIMELINE_STRETCHES_MAX])
{
	const struct bs_reading *reading = &start->readings[place];
	size_t count = 0;
	bool before = false;

	for (uint32_t i = 0; i < 64; i++) {
		bool active = reading->activity >> i & 1;
		uint32_t from = i * start->slot, to = from + start->slot - 1;

		if (active && !before)
			stretches[count++].from = from < reading->first ? reading->first : from;
		if (active)
			stretches[count - 1].to = to > reading->last ? reading->last : to;
		before = active;
	}
	return count;
}

/* ---- the drawing --------------------------------------------------------------------------- */

/* The column of a time; `from` to `to` is the time of all columns. */
static unsigned timeline_column(uint32_t time, uint32_t from, uint32_t to, unsigned columns)
{
	return (unsigned)((uint64_t)(time - from) * columns / ((uint64_t)to - from + 1));
}

static void timeline_print_bar(struct output *output, const struct bs_start *start,
			       enum bs_place place, unsigned columns)
{
	struct timeline_stretch stretches[TIMELINE_STRETCHES_MAX];
	size_t count = timeline_stretches(start, place, stretches), next = 0;
	uint32_t from, to;

	timeline_span(start, &from, &to);
	for (unsigned column = 0; column < columns; column++) {
		bool active;

		while (next < count &&
		       timeline_column(stretches[next].to, from, to, columns) < column)
			next++;
		active = next < count &&
			 timeline_column(stretches[next].from, from, to, columns) <= column;
		print_symbol(output, active ? "█" : "·", active ? "#" : ".");
	}
}

static void timeline_print_mark(struct output *output, enum timeline_mark mark)
{
	static const struct {
		enum output_style style;
		const char *unicode, *ascii;
	} marks[TIMELINE_MARK_COUNT] = {
		[TIMELINE_READ] = {STYLE_GOOD, "✓", "+"},
		[TIMELINE_NOT_READ] = {STYLE_FAINT, "–", "-"},
		[TIMELINE_BROKEN] = {STYLE_BAD, "✗", "X"},
	};

	print_style(output, marks[mark].style);
	print_symbol(output, marks[mark].unicode, marks[mark].ascii);
	print_style(output, STYLE_PLAIN);
}

/* Prints when a place was first read, or spaces. */
static void timeline_print_time(struct output *output, const struct bs_reading *reading)
{
	if (reading->read > 0)
		print(output, "%6.2f s  ", reading->first / 1000.0);
	else
		print(output, "%10s", "");
}

static void timeline_print_place(struct output *output, const struct bs_start *start,
				 enum bs_place place)
{
	bool narrow = output_is_narrow(output);

	print_to(output, INDENT);
	timeline_print_mark(output, timeline_mark(start, place));
	print(output, " ");
	print_cut(output, NAME_WIDTH, "%s", timeline_name(start, place));
	if (narrow) {
		print(output, "  ");
		print_cut(output, output->width - output->column, "%s",
			  timeline_amount(start, place).text);
		print_end(output);
	}
	print_to(output, INDENT + 2 + (narrow ? 0 : NAME_WIDTH + 1));
	timeline_print_bar(output, start, place,
			   output->width - output->column - (narrow ? 10 : WIDTH_RIGHT));
	timeline_print_time(output, &start->readings[place]);
	if (!narrow)
		print(output, "%s", timeline_amount(start, place).text);
	print_end(output);
}

void timeline_print(struct output *output, const struct bs_start *start)
{
	for (unsigned i = 0; i < BS_PLACE_COUNT; i++)
		if (timeline_shows(start, (enum bs_place)i))
			timeline_print_place(output, start, (enum bs_place)i);
}
