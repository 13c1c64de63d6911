/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_folder(const char *path)
{
	char *folder = strdup(strchr(path, '/') ? path : "./");

	if (folder)
		path_cut_name(folder);
	return folder;
}

void path_cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	slash[slash == path] = '\0';
}

char *path_beside(const char *path, const char *name)
{
	char *beside;

	if (asprintf(&beside, "%.*s%s", (int)(path_name(path) - path), path, name) < 0)
		return NULL;
	return beside;
}

const char *guest_path_name(const char *path)
{
	return strrchr(path, '\\') + 1;
}

void guest_path_folder(const char *path, char folder[BS_PATH_MAX])
{
	int length = (int)(guest_path_name(path) - path) - 1;

	snprintf(folder, BS_PATH_MAX, "%.*s", length > 0 ? length : 1, path);
}
