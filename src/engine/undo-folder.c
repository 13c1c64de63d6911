/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In which folder the undo file of a half-written image belongs, by the mark on the image. */
#include <stdlib.h>
#include <string.h>

#include "engine/container.h"

/* Whether the undo file with the path `journal` is the one that a command finds by `folder`. */
static bool leads_to(const struct target *target, const char *folder, const char *journal)
{
	struct bs_error ignored;
	struct place place;
	bool same = place_find(target, folder, &place, &ignored) == 0 &&
		    strcmp(place.journal, journal) == 0;

	place_free(&place);
	return same;
}

/* The folder of the path `journal`, which is shortened to it; NULL when that is no such path. */
static char *cut_name(char *journal)
{
	char *slash = strrchr(journal, '/');

	if (journal[0] != '/' || !slash)
		return NULL;
	slash[slash == journal] = '\0';
	return journal;
}

bool bs_undo_folder(const char *image, char **folder)
{
	const struct bs_options options = {0};
	struct container container = {0};
	struct bs_error ignored;
	char *journal = NULL, *name = NULL;
	bool found = false;

	*folder = NULL;
	if (target_is_uri(image) ||
	    container_open_target(&container, image, &options, &ignored) < 0 ||
	    target_read_signpost(container.target, &journal, &ignored) < 0 || !journal)
		goto out;
	found = leads_to(container.target, NULL, journal);
	name = strdup(journal);
	if (found || !name || !cut_name(journal) || !leads_to(container.target, journal, name))
		goto out;
	*folder = journal;
	journal = NULL;
	found = true;
out:
	free(name);
	free(journal);
	container_close(&container);
	return found;
}
