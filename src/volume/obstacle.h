/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a volume must not be written to, as every engine says it. */
#ifndef BOOTSHIFT_OBSTACLE_H
#define BOOTSHIFT_OBSTACLE_H

#include <stdbool.h>

#include "util/err.h"

enum obstacle {
	OBSTACLE_NONE,
	OBSTACLE_HIBERNATED,   /* hiberfil.sys holds a Windows that can be resumed */
	OBSTACLE_FAST_STARTUP, /* Windows keeps metadata of the volume in its hibernation file */
	OBSTACLE_JOURNAL,      /* $LogFile holds changes that are not on the volume yet */
	OBSTACLE_MARKED,       /* $Volume says that chkdsk has to run */
	OBSTACLE_COUNT
};

enum bs_code obstacle_code(enum obstacle obstacle);
const char *obstacle_text(enum obstacle obstacle);

/*
 * Whether hiberfil.sys, which begins with these four bytes, holds a Windows that can be resumed.
 * (Sources: Comae's Hibr2Bin and libhibr's specification.)
 */
bool obstacle_can_resume(const char mark[4]);

#endif
