/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes are rounded in whole numbers, because floating point may round differently. */
#include "report/amount.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/bytes.h"

static const struct {
	const char *name;
	uint64_t bytes;
} units[] = {
	{"", 1},
	{"B", 1},
	{"K", 1ull << 10},
	{"KiB", 1ull << 10},
	{"KB", 1000},
	{"M", 1ull << 20},
	{"MiB", 1ull << 20},
	{"MB", 1000 * 1000},
	{"G", 1ull << 30},
	{"GiB", 1ull << 30},
	{"GB", 1000 * 1000 * 1000},
	{"T", 1ull << 40},
	{"TiB", 1ull << 40},
	{"TB", 1000ull * 1000 * 1000 * 1000},
};

/* With six digits, fraction * unit stays below 10^6 * 2^40 and cannot overflow. */
#define FRACTION_DIGITS_MAX 6

static bool size_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits and moves *text after them.  False if there is no digit, or the number overflows. */
static bool size_read_digits(const char **text, uint64_t *value)
{
	const char *p = *text;

	*value = 0;
	for (; size_is_digit(*p); p++)
		if (!mul_u64(*value, 10, value) || !add_u64(*value, (uint64_t)(*p - '0'), value))
			return false;
	if (p == *text)
		return false;
	*text = p;
	return true;
}

/* The bytes of a unit; 0 if there is no such unit. */
static uint64_t size_unit(const char *name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcasecmp(name, units[i].name) == 0)
			return units[i].bytes;
	return 0;
}

int size_parse(const char *text, uint64_t *bytes, struct bs_error *err)
{
	const char *p = text;
	uint64_t whole, unit, fraction = 0, scale = 1;
	bool well_formed = size_read_digits(&p, &whole);

	if (well_formed && *p == '.') {
		const char *start = ++p;

		well_formed = size_read_digits(&p, &fraction) && p - start <= FRACTION_DIGITS_MAX;
		for (; well_formed && start < p; start++)
			scale *= 10;
	}
	unit = well_formed ? size_unit(p) : 0;
	if (unit == 0 || (unit == 1 && scale > 1))
		return fail(err, BS_USAGE,
			    "'%s' is not a size: write it like 119M, 119MiB, 125MB or 0.5G", text);
	if (!mul_u64(whole, unit, &whole) || !add_u64(whole, fraction * unit / scale, bytes) ||
	    *bytes > INT64_MAX)
		return fail(err, BS_USAGE, "the size '%s' is too large", text);
	if (*bytes == 0)
		return fail(err, BS_USAGE, "the size '%s' is not greater than zero", text);
	return 0;
}

static const struct {
	const char *name;
	uint32_t seconds;
} duration_units[] = {
	{"d", 86400}, {"h", 3600}, {"min", 60}, {"m", 60}, {"sec", 1}, {"s", 1},
};

#define DURATION_UNITS (sizeof(duration_units) / sizeof(duration_units[0]))

/* Reads a unit and moves *text after it.  Returns its seconds; 0 if there is no such unit. */
static uint32_t duration_read_unit(const char **text)
{
	for (size_t i = 0; i < DURATION_UNITS; i++) {
		size_t length = strlen(duration_units[i].name);

		if (strncasecmp(*text, duration_units[i].name, length) != 0)
			continue;
		*text += length;
		return duration_units[i].seconds;
	}
	return 0;
}

/* Reads numbers with units, each unit smaller than the one before.  The loop moves *text on. */
static bool duration_read(const char *text, uint64_t *seconds)
{
	uint32_t last = UINT32_MAX;
	const char *start = text;

	*seconds = 0;
	while (*text != '\0') {
		bool is_first = text == start;
		uint64_t number;
		uint32_t unit;

		if (!size_read_digits(&text, &number))
			return false;
		unit = is_first && *text == '\0' ? 1 : duration_read_unit(&text);
		if (unit == 0 || unit >= last || !mul_u64(number, unit, &number) ||
		    !add_u64(*seconds, number, seconds))
			return false;
		last = unit;
	}
	return text > start;
}

int duration_parse(const char *text, uint32_t most, uint32_t *seconds, struct bs_error *err)
{
	uint64_t value;

	if (!duration_read(text, &value))
		return fail(err, BS_USAGE, "'%s' is not a time: write it like 90, 90s, 5m or 1h30m",
			    text);
	if (value == 0 || value > most)
		return fail(err, BS_USAGE, "the time '%s' is not from 1 to %u seconds", text, most);
	*seconds = (uint32_t)value;
	return 0;
}

/* Each number is rounded once, to the digits that are shown. */
struct amount_text duration_format(uint64_t milliseconds)
{
	struct amount_text duration;
	uint64_t seconds = milliseconds / 1000 + (milliseconds % 1000 >= 500);
	uint64_t minutes = seconds / 60 + (seconds % 60 >= 30);

	if (milliseconds < 9995)
		snprintf(duration.text, sizeof(duration.text), "%.2f s",
			 (double)milliseconds / 1000);
	else if (milliseconds < 59950)
		snprintf(duration.text, sizeof(duration.text), "%.1f s",
			 (double)milliseconds / 1000);
	else if (seconds < 3600)
		snprintf(duration.text, sizeof(duration.text), "%u min %u s",
			 (unsigned)(seconds / 60), (unsigned)(seconds % 60));
	else
		snprintf(duration.text, sizeof(duration.text), "%llu h %u min",
			 (unsigned long long)(minutes / 60), (unsigned)(minutes % 60));
	return duration;
}

struct amount_text count_format(uint64_t count, const char *noun)
{
	struct amount_text text;

	snprintf(text.text, sizeof(text.text), "%llu %.24s%s", (unsigned long long)count, noun,
		 count == 1 ? "" : "s");
	return text;
}
