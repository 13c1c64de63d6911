/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/find-name.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "bootshift.h"

/* Letters and digits that rsync appends to .NAME. for its temporary file. */
#define RSYNC_RANDOM 6

static bool ends_with(const char *name, const char *const *endings)
{
	size_t length = strlen(name);

	for (; *endings; endings++) {
		size_t ending = strlen(*endings);

		if (length > ending && strcasecmp(name + length - ending, *endings) == 0)
			return true;
	}
	return false;
}

bool find_name_is_ours(const char *name)
{
	static const char *const endings[] = {BS_UNDO_SUFFIX, BS_UNDO_SUFFIX ".tmp",
					      ".bootshift-lock", NULL};

	return ends_with(name, endings);
}

/* ".NAME.XXXXXX" */
static bool is_of_rsync(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789";
	const char *random = strrchr(name, '.');

	return name[0] == '.' && random > name + 1 && strlen(random + 1) == RSYNC_RANDOM &&
	       strspn(random + 1, letters) == RSYNC_RANDOM;
}

bool find_name_is_half_copied(const char *name)
{
	static const char *const endings[] = {".part",     ".partial", ".filepart", ".crdownload",
					      ".download", ".tmp",     NULL};

	return ends_with(name, endings) || is_of_rsync(name);
}

bool find_name_is_like_an_image(const char *name)
{
	static const char *const endings[] = {".img",   ".raw",   ".dd",   ".vhd", ".vhdx",
					      ".avhd",  ".avhdx", ".vmdk", ".vdi", ".qcow",
					      ".qcow2", ".qed",   ".hdd",  NULL};

	return ends_with(name, endings);
}
