/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows may come from other machines, so every number is checked before it is used. */
#include "page/page-start.h"

#include <stdio.h>
#include <string.h>

#include "report/amount.h"
#include "report/json-fields.h"

/* The time of the drawing, in milliseconds: from the first read to the last one. */
struct span {
	json_int_t from, to;
};

static bool start_read_stretch(const json_t *pair, struct span *stretch)
{
	stretch->from = json_integer_value(json_array_get(pair, 0));
	stretch->to = json_integer_value(json_array_get(pair, 1));
	return stretch->from >= 0 && stretch->to >= stretch->from && stretch->to <= UINT32_MAX;
}

static struct span start_span(const json_t *places)
{
	struct span span = {0, 0}, stretch;
	const json_t *place, *pair;
	bool found = false;
	size_t i, j;

	json_array_foreach (places, i, place)
		json_array_foreach (json_object_get(place, "activity"), j, pair) {
			if (!start_read_stretch(pair, &stretch))
				continue;
			span.from = found && span.from < stretch.from ? span.from : stretch.from;
			span.to = found && span.to > stretch.to ? span.to : stretch.to;
			found = true;
		}
	return span;
}

/* Percent of the width; a stretch is at least wide enough to be seen. */
static json_t *start_bar(const struct span *stretch, const struct span *span)
{
	double length = (double)(span->to - span->from + 1);
	double left = (double)(stretch->from - span->from) * 100 / length;
	double width = (double)(stretch->to - stretch->from + 1) * 100 / length;
	char left_text[16], width_text[16];

	snprintf(left_text, sizeof(left_text), "%.1f", left > 99 ? 99 : left);
	snprintf(width_text, sizeof(width_text), "%.1f", width < 1 ? 1 : width);
	return json_pack("{s:s, s:s}", "left", left_text, "width", width_text);
}

static json_t *start_bars(const json_t *activity, const struct span *span)
{
	json_t *array = json_array();
	struct span stretch;
	const json_t *pair;
	size_t i;

	json_array_foreach (activity, i, pair)
		if (start_read_stretch(pair, &stretch))
			json_append(&array, start_bar(&stretch, span));
	return array;
}

/* "\Boot\BCD", or "boot record" for a place that is no file. */
static json_t *start_name(const json_t *place)
{
	const char *path = json_string_value(json_object_get(place, "path"));
	const char *id = json_string_value(json_object_get(place, "place"));
	char name[40];

	if (path)
		return json_text(path);
	snprintf(name, sizeof(name), "%s", id ? id : "");
	for (char *dash = name; (dash = strchr(dash, '-'));)
		*dash = ' ';
	return json_text(name);
}

static json_t *start_place(const json_t *place, const struct span *span)
{
	json_int_t read = json_integer_value(json_object_get(place, "read"));
	json_int_t first = json_integer_value(
		json_array_get(json_array_get(json_object_get(place, "activity"), 0), 0));
	char when[24];

	snprintf(when, sizeof(when), "%.2f s", (double)first / 1000);
	const struct json_member members[] = {
		{"place", start_name(place)},
		{"when", json_text(when)},
		{"amount", json_text(size_format(read < 0 ? 0 : (uint64_t)read).text)},
		{"bars", start_bars(json_object_get(place, "activity"), span)},
	};

	return json_members(members, COUNT_OF(members));
}

static json_t *start_places(const json_t *places)
{
	struct span span = start_span(places);
	json_t *array = json_array();
	const json_t *place;
	size_t i;

	json_array_foreach (places, i, place)
		if (json_array_size(json_object_get(place, "activity")) > 0)
			json_append(&array, start_place(place, &span));
	return array;
}

json_t *page_start(const json_t *start)
{
	if (!json_is_object(start))
		return json_null();
	const struct json_member members[] = {
		{"proven", json_boolean(json_is_true(json_object_get(start, "proven")))},
		{"evidence", json_text(json_string_value(json_object_get(start, "evidence")))},
		{"picture", json_text(json_string_value(json_object_get(start, "picture")))},
		{"places", start_places(json_object_get(start, "places"))},
	};

	return json_members(members, COUNT_OF(members));
}
