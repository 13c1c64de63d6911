/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/moment.h"

#include <stdbool.h>
#include <time.h>

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
