/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "volume/obstacle.h"

#include <stddef.h>
#include <strings.h>

static const struct {
	enum bs_code code;
	const char *text;
} obstacles[OBSTACLE_COUNT] = {
	[OBSTACLE_NONE] = {BS_OK, ""},
	[OBSTACLE_HIBERNATED] = {BS_HIBERNATED, "Windows is hibernated on it"},
	[OBSTACLE_FAST_STARTUP] = {BS_HIBERNATED, "Windows was shut down with Fast Startup"},
	[OBSTACLE_JOURNAL] = {BS_UNCLEAN,
			      "its journal holds changes that are not on the volume yet"},
	[OBSTACLE_MARKED] = {BS_UNCLEAN, "it is marked to be checked by chkdsk"},
};

enum bs_code obstacle_code(enum obstacle obstacle)
{
	return obstacles[obstacle].code;
}

const char *obstacle_text(enum obstacle obstacle)
{
	return obstacles[obstacle].text;
}

/*
 * "rstr" is a resume that did not end, "brkp" a resume that a debugger stopped, "horm" a Windows
 * that is resumed again and again, and "link" a file that is elsewhere.  After a completed resume
 * the mark is "wake".  A new file has zeros.
 */
bool obstacle_can_resume(const char mark[4])
{
	static const char *const marks[] = {"hibr", "rstr", "brkp", "horm", "link"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strncasecmp(mark, marks[i], 4) == 0)
			return true;
	return false;
}
