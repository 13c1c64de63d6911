/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the conversion needs a fix.  This is another question than whether a fix is possible: a
 * disk with room enough on its active volume can be fixed too.
 */
#ifndef BOOTSHIFT_REPORT_NEED_H
#define BOOTSHIFT_REPORT_NEED_H

#include "bootshift.h"

enum conversion_need {
	NEED_UNKNOWN, /* the room on the active volume is unknown */
	NEED_FIX,     /* the active volume has too little room: the conversion would fail */
	NEED_NOTHING, /* the active volume has room enough */
	NEED_COUNT
};

/* The answer for the room on the active volume as it was when the image was inspected. */
enum conversion_need conversion_need(const struct bs_inspection *inspection);

/* What needs the room: "conversion" or "feature upgrade", for the words of a report. */
const char *need_noun(uint64_t needed_room);

/* What the user does with one fixed disk, or with several: "convert the disk". */
const char *need_order(uint64_t needed_room, bool several);

/* What was done to a machine: "converted" or "upgraded". */
const char *need_done(uint64_t needed_room);

#endif
