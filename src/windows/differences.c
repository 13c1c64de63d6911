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

static bool differences_is_same(const struct bs_difference *one, const struct bs_difference *other)
{
	return strcmp(one->path, other->path) == 0 && strcmp(one->what, other->what) == 0 &&
	       one->expected == other->expected;
}

size_t differences_compare(const struct differences *one, const struct differences *other)
{
	size_t i = 0;

	while (i < one->count && i < other->count &&
	       differences_is_same(&one->items[i], &other->items[i]))
		i++;
	return i;
}

struct difference_text differences_describe(const struct bs_difference *item)
{
	struct difference_text text;
	bool is_file = item->path[0] != '\0';

	snprintf(text.text, sizeof(text.text), is_file ? "%.200s (%.200s)" : "%s%.200s", item->path,
		 item->what);
	return text;
}

struct difference_text differences_describe_at(const struct differences *differences, size_t index)
{
	static const struct bs_difference nothing = {.what = "nothing more"};

	return differences_describe(index < differences->count ? &differences->items[index]
							       : &nothing);
}
