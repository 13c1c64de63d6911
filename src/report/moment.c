/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NANOSECONDS 1000000000u /* in a second */
#define DIGITS_MAX  9           /* of a fraction of a second */

/* RFC 3339 has years of four digits. */
static bool moment_split(int64_t seconds, struct tm *parts)
{
	time_t time = (time_t)seconds;

	return gmtime_r(&time, parts) && parts->tm_year >= -1900 && parts->tm_year <= 9999 - 1900;
}

struct moment_text moment_format(int64_t seconds)
{
	struct moment_text moment = {""};
	struct tm parts;

	if (moment_split(seconds, &parts))
		strftime(moment.text, sizeof(moment.text), "%Y-%m-%d %H:%M:%S UTC", &parts);
	return moment;
}

struct moment_text moment_rfc3339(int64_t seconds)
{
	struct moment_text moment = {""};
	struct tm parts;

	if (moment_split(seconds, &parts))
		strftime(moment.text, sizeof(moment.text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return moment;
}

struct moment_text moment_exact(uint64_t nanoseconds)
{
	struct moment_text moment = moment_rfc3339((int64_t)(nanoseconds / NANOSECONDS));
	size_t length = strlen(moment.text);

	if (length > 0) /* in place of the Z */
		snprintf(moment.text + length - 1, sizeof(moment.text) - length + 1, ".%09uZ",
			 (unsigned)(nanoseconds % NANOSECONDS));
	return moment;
}

bool moment_parse(const char *text, uint64_t *nanoseconds)
{
	struct tm parts = {.tm_isdst = 0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	time_t seconds = rest ? timegm(&parts) : -1;
	uint64_t fraction = 0, unit = NANOSECONDS;
	char again[sizeof(struct moment_text)];

	/* strptime() also takes shorter numbers and spaces; what is read must be what is written. */
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / NANOSECONDS ||
	    strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%S", &parts) != (size_t)(rest - text) ||
	    strncmp(text, again, (size_t)(rest - text)) != 0)
		return false;
	if (*rest == '.') {
		size_t digits = strspn(++rest, "0123456789");

		if (digits == 0 || digits > DIGITS_MAX)
			return false;
		for (; digits > 0; digits--) {
			unit /= 10;
			fraction += (uint64_t)(*rest++ - '0') * unit;
		}
	}
	*nanoseconds = (uint64_t)seconds * NANOSECONDS + fraction;
	return strcmp(rest, "Z") == 0;
}
