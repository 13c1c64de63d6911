/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DOS names.  The rules are those that Microsoft documents for 8.3 names: no blanks, no further
 * dots, six characters and a tilde, three of the extension.  Windows goes over to a hash
 * after four names alike; here the number goes on, which is as valid.
 */
#include "short-name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool valid_part(const char *part, size_t length, size_t longest)
{
	if (length > longest)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)part[i]) && !strchr("$%'-_@~`!(){}^#&", part[i]))
			return false;
	}
	return true;
}

static bool is_short(const char *name)
{
	size_t length = strlen(name), base = strcspn(name, ".");

	if (base == 0 || !valid_part(name, base, 8))
		return false;
	return base == length ||
	       (length - base > 1 && valid_part(name + base + 1, length - base - 1, 3));
}

/* Copies at most `most` valid characters in upper case; others are dropped or become '_'. */
static size_t shorten(const char *from, size_t length, char *to, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < length && count < most; i++) {
		if (from[i] != ' ' && from[i] != '.')
			to[count++] = valid_part(from + i, 1, 1)
					      ? (char)toupper((unsigned char)from[i])
					      : '_';
	}
	return count;
}

static char *numbered(const char *name, unsigned number)
{
	const char *dot = strrchr(name, '.');
	char base[7] = "", extension[4] = "";
	size_t length = shorten(name, dot && dot > name ? (size_t)(dot - name) : strlen(name), base,
				number > 99  ? 4
				: number > 9 ? 5
					     : 6);

	base[length] = 0;
	if (dot && dot > name)
		extension[shorten(dot + 1, strlen(dot + 1), extension, 3)] = 0;
	return format_text("%s~%u%s%s", base, number, *extension ? "." : "", extension);
}

static bool same_folder(const struct entry *a, const struct entry *b)
{
	size_t length = (size_t)(path_name(a->path) - a->path);

	return a->partition == b->partition && (size_t)(path_name(b->path) - b->path) == length &&
	       strncasecmp(a->path, b->path, length) == 0;
}

/* How many names of the same folder, up to this one, come to the same first short name. */
static unsigned ordinal(const struct recipe *recipe, const struct entry *entry)
{
	char *mine = numbered(path_name(entry->path), 1);
	const struct entry *other;
	unsigned number = 1;

	TAILQ_FOREACH(other, &recipe->entries, next)
	{
		const char *name = path_name(other->path);
		char *its;

		if (other == entry)
			break;
		if (other->kind == ENTRY_STREAM || !same_folder(entry, other) || is_short(name))
			continue;
		its = numbered(name, 1);
		number += strcmp(its, mine) == 0;
		free(its);
	}
	free(mine);
	return number;
}

char *short_name(const struct recipe *recipe, const struct entry *entry)
{
	const char *name = path_name(entry->path);

	if (entry->short_name && strcmp(entry->short_name, "none") == 0)
		return NULL;
	if (entry->short_name)
		return format_text("%s", entry->short_name);
	if (is_short(name))
		return format_text("%s", name);
	return numbered(name, ordinal(recipe, entry));
}
