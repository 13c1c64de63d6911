/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/differences.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct bs_difference *differences_find(const struct differences *differences,
					      const char *path)
{
	for (size_t i = 0; i < differences->count; i++)
		if (strcasecmp(differences->items[i].path, path) == 0)
			return &differences->items[i];
	return NULL;
}

/* The item that a full list gives up; NULL: all of them matter. */
static struct bs_difference *differences_last_expected(struct differences *differences)
{
	for (size_t i = differences->count; i > 0; i--)
		if (differences->items[i - 1].expected)
			return &differences->items[i - 1];
	return NULL;
}

static void differences_append_words(struct bs_difference *item, const char *what, bool expected)
{
	size_t length = strlen(item->what);

	snprintf(item->what + length, sizeof(item->what) - length, ", %s", what);
	item->expected &= expected;
}

int differences_note(struct differences *differences, const char *path, const char *what,
		     bool expected, struct bs_error *err)
{
	struct bs_difference *item = path[0] != '\0' ? differences_find(differences, path) : NULL;

	if (item) {
		differences_append_words(item, what, expected);
		return 0;
	}
	if (differences->count == BS_DIFFERENCES_MAX) {
		item = expected ? NULL : differences_last_expected(differences);
		if (!item)
			return 0;
	} else {
		item = differences_add(differences, err);
		if (!item)
			return -1;
	}
	*item = (struct bs_difference){.expected = expected};
	snprintf(item->path, sizeof(item->path), "%s", path);
	snprintf(item->what, sizeof(item->what), "%s", what);
	return 0;
}

const struct bs_difference *differences_first_broken(const struct differences *differences)
{
	for (size_t i = 0; i < differences->count; i++)
		if (!differences->items[i].expected)
			return &differences->items[i];
	return NULL;
}

size_t differences_count_broken(const struct differences *differences)
{
	size_t count = 0;

	for (size_t i = 0; i < differences->count; i++)
		count += !differences->items[i].expected;
	return count;
}

bool differences_have(const struct differences *differences, const char *path)
{
	return differences_find(differences, path);
}

bool differences_are_equal(const struct differences *one, const struct differences *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (strcmp(one->items[i].path, other->items[i].path) != 0 ||
		    strcmp(one->items[i].what, other->items[i].what) != 0 ||
		    one->items[i].expected != other->items[i].expected)
			return false;
	return true;
}
