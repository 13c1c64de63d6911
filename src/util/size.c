/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The size is rounded in whole numbers, because floating point may round differently. */
#include "util/size.h"

#include <stdio.h>

struct amount_text size_format(uint64_t bytes)
{
	static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	struct amount_text size;
	size_t power = 0;
	uint64_t unit = 1024, whole, tenths;

	if (bytes < 1024) {
		snprintf(size.text, sizeof(size.text), "%u byte%s", (unsigned)bytes,
			 bytes == 1 ? "" : "s");
		return size;
	}
	/* 1023.5 and more would be shown as 1024: use the next unit. */
	while (power + 1 < sizeof(names) / sizeof(names[0]) && bytes >= 1024 * unit - unit / 2) {
		unit *= 1024;
		power++;
	}
	whole = bytes / unit;
	tenths = whole * 10 + ((bytes % unit) * 10 + unit / 2) / unit;
	if (tenths >= 1000 || tenths % 10 == 0)
		snprintf(size.text, sizeof(size.text), "%u %s", (unsigned)((tenths + 5) / 10),
			 names[power]);
	else
		snprintf(size.text, sizeof(size.text), "%u.%u %s", (unsigned)(tenths / 10),
			 (unsigned)(tenths % 10), names[power]);
	return size;
}
