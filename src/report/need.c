/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/need.h"

enum conversion_need conversion_need(const struct bs_inspection *inspection)
{
	if (!inspection->room_before_known)
		return NEED_UNKNOWN;
	return inspection->room_before < inspection->needed_room ? NEED_FIX : NEED_NOTHING;
}

const char *need_noun(uint64_t needed_room)
{
	return needed_room == BS_UPGRADE_ROOM ? "feature upgrade" : "conversion";
}

const char *need_order(uint64_t needed_room, bool several)
{
	if (needed_room == BS_UPGRADE_ROOM)
		return several ? "start the disks, and upgrade Windows on them"
			       : "start the disk, and upgrade Windows";
	return several ? "convert the disks" : "convert the disk";
}

const char *need_done(uint64_t needed_room)
{
	return needed_room == BS_UPGRADE_ROOM ? "upgraded" : "converted";
}
