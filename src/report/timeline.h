/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A start of a disk, as a drawing of its reads over time: a line for each place of the disk. */
#ifndef BOOTSHIFT_REPORT_TIMELINE_H
#define BOOTSHIFT_REPORT_TIMELINE_H

#include <stddef.h>

#include "report/output.h"

/* The names of the places in JSON. */
extern const char *const timeline_ids[BS_PLACE_COUNT];

/* Whether a place says something about the start: it was read, or the start needs it. */
bool timeline_shows(const struct bs_start *start, enum bs_place place);

/* The name of a place for people, such as "boot record" and "winload.exe". */
const char *timeline_name(const struct bs_start *start, enum bs_place place);

/* How a place is marked. */
enum timeline_mark {
	TIMELINE_READ,
	TIMELINE_NOT_READ,
	TIMELINE_BROKEN, /* the start stopped here */
	TIMELINE_MARK_COUNT
};
enum timeline_mark timeline_mark(const struct bs_start *start, enum bs_place place);

/* "375 KiB", "12 KiB of 375 KiB", "not read", "not there" */
struct timeline_text {
	char text[48];
};
struct timeline_text timeline_amount(const struct bs_start *start, enum bs_place place);

/* The milliseconds from the first to the last read of all places; from 0 to 0 if there was none. */
void timeline_span(const struct bs_start *start, uint32_t *from, uint32_t *to);

/* A stretch of time with reads of one place, in milliseconds.  Both ends belong to it. */
struct timeline_stretch {
	uint32_t from, to;
};

#define TIMELINE_STRETCHES_MAX 32

/* Lists the stretches of a place in the order of time.  Returns their number. */
size_t timeline_stretches(const struct bs_start *start, enum bs_place place,
			  struct timeline_stretch stretches[TIMELINE_STRETCHES_MAX]);

/* Prints the drawing. */
void timeline_print(struct output *output, const struct bs_start *start);

#endif
