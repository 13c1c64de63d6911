/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times as people read them; each is rounded once, to what is shown of it. */
#include "report/duration.h"

#include <stdio.h>

struct duration_text duration_format(uint64_t milliseconds)
{
	struct duration_text duration;
	uint64_t seconds = milliseconds / 1000 + (milliseconds % 1000 >= 500);
	uint64_t minutes = seconds / 60 + (seconds % 60 >= 30);

	if (milliseconds < 9995)
		snprintf(duration.text, DURATION_TEXT, "%.2f s", (double)milliseconds / 1000);
	else if (milliseconds < 59950)
		snprintf(duration.text, DURATION_TEXT, "%.1f s", (double)milliseconds / 1000);
	else if (seconds < 3600)
		snprintf(duration.text, DURATION_TEXT, "%u min %u s", (unsigned)(seconds / 60),
			 (unsigned)(seconds % 60));
	else
		snprintf(duration.text, DURATION_TEXT, "%llu h %u min",
			 (unsigned long long)(minutes / 60), (unsigned)(minutes % 60));
	return duration;
}
