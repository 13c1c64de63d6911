/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements about hives.  A boot configuration store is a hive whose objects and elements
 * have statements of their own, because their keys are long and always alike.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hive.h"
#include "parser.h"

static struct hive *find_hive(const struct recipe *recipe, const char *name)
{
	struct hive *hive;

	STAILQ_FOREACH(hive, &recipe->hives, next)
	{
		if (strcmp(hive->name, name) == 0)
			break;
	}
	return hive;
}

struct hive *recipe_hive(const struct recipe *recipe, const char *name, struct location where)
{
	struct hive *hive = find_hive(recipe, name);

	if (!hive)
		die_at(where, "there is no hive \"%s\"", name);
	return hive;
}

static struct hive *add_hive(struct parser *parser, const char *name)
{
	struct hive *hive = allocate(sizeof *hive);

	hive->name = copy_text(name, strlen(name));
	hive->root = hive->file = hive->name;
	TAILQ_INIT(&hive->lines);
	STAILQ_INSERT_TAIL(&parser->recipe->hives, hive, next);
	return hive;
}

/* from=OTHER: begins as a copy of what OTHER holds so far. */
static void copy_hive(struct hive *hive, const struct hive *other)
{
	const struct hive_line *line;

	hive->root = other->root;
	hive->file = other->file;
	hive->dirty = other->dirty;
	TAILQ_FOREACH(line, &other->lines, next)
	{
		struct hive_line *copy = allocate(sizeof *copy);

		*copy = *line;
		TAILQ_INSERT_TAIL(&hive->lines, copy, next);
	}
}

void parse_hive(struct parser *parser, unsigned count, char *words[])
{
	struct hive *hive;

	if (count < 1)
		die_at(parser->where, "hive NAME");
	hive = find_hive(parser->recipe, words[0]);
	if (!hive)
		hive = add_hive(parser, words[0]);
	parser->hive = hive;
	parser->key = NULL;
	for (unsigned i = 1; i < count; i++) {
		const char *value;

		if ((value = option_value(words[i], "root")))
			hive->root = copy_text(value, strlen(value));
		else if ((value = option_value(words[i], "file")))
			hive->file = copy_text(value, strlen(value));
		else if ((value = option_value(words[i], "dirty")))
			hive->dirty = parse_yes(value, parser->where);
		else if ((value = option_value(words[i], "from")))
			copy_hive(hive, recipe_hive(parser->recipe, value, parser->where));
		else
			die_at(parser->where, "a hive has no \"%s\"", words[i]);
	}
}

static struct hive *current(const struct parser *parser)
{
	if (!parser->hive)
		die_at(parser->where, "in which hive? Say \"hive NAME\" first");
	return parser->hive;
}

static struct hive_line *find_line(const struct hive *hive, const char *key, const char *name)
{
	struct hive_line *line;

	TAILQ_FOREACH(line, &hive->lines, next)
	{
		if (strcasecmp(line->key, key) == 0 && !line->name == !name &&
		    (!name || strcasecmp(line->name, name) == 0))
			break;
	}
	return line;
}

/* Adds a value, or the bare key when `name` is NULL; one that is there already is replaced. */
static void set_line(struct parser *parser, char *key, char *name, unsigned count, char *words[])
{
	struct hive_line *line = find_line(current(parser), key, name);

	if (!line) {
		line = allocate(sizeof *line);
		TAILQ_INSERT_TAIL(&parser->hive->lines, line, next);
	}
	if (count > 1 + HIVE_ARGUMENTS_MAX)
		die_at(parser->where, "too many words");
	line->where = parser->where;
	line->key = key;
	line->name = name;
	line->kind = count > 0 ? copy_text(words[0], strlen(words[0])) : NULL;
	for (unsigned i = 0; i < HIVE_ARGUMENTS_MAX; i++)
		line->arguments[i] =
			i + 1 < count ? copy_text(words[i + 1], strlen(words[i + 1])) : NULL;
}

void parse_key(struct parser *parser, unsigned count, char *words[])
{
	if (count != 1)
		die_at(parser->where, "key PATH");
	parser->key = copy_text(words[0], strlen(words[0]));
	set_line(parser, parser->key, NULL, 0, NULL);
}

void parse_value(struct parser *parser, unsigned count, char *words[])
{
	if (!parser->key || count < 2)
		die_at(parser->where, "value NAME KIND ..., behind a key");
	set_line(parser, parser->key, copy_text(words[0], strlen(words[0])), count - 1, words + 1);
}

/* object GUID [TYPE]: without the type, goes on with an object that is there already. */
void parse_object(struct parser *parser, unsigned count, char *words[])
{
	char *dword[] = {(char[]){"dword"}, NULL};
	char *object, *description;

	if (count < 1 || count > 2)
		die_at(parser->where, "object GUID [TYPE]");
	object = format_text("\\Objects\\%s", well_known_object(words[0]));
	description = format_text("%s\\Description", object);
	parser->key = format_text("%s\\Elements", object);
	if (count == 2) {
		dword[1] = format_text("0x%s", words[1]);
		set_line(parser, description, format_text("Type"), 2, dword);
		set_line(parser, parser->key, NULL, 0, NULL);
	} else if (!find_line(current(parser), description, "Type")) {
		die_at(parser->where, "there is no object %s yet; it needs a type", words[0]);
	}
}

void parse_element(struct parser *parser, unsigned count, char *words[])
{
	if (!parser->key || count < 2)
		die_at(parser->where, "element NUMBER KIND ..., behind an object");
	set_line(parser, format_text("%s\\%s", parser->key, words[0]), format_text("Element"),
		 count - 1, words + 1);
}

/* delete \KEY, element NUMBER of the current object, or a whole object by its GUID. */
void parse_delete(struct parser *parser, unsigned count, char *words[])
{
	struct hive_line *line, *following;
	unsigned deleted = 0;
	char *key;

	if (count != 1)
		die_at(parser->where, "delete \\KEY|NUMBER|{GUID}");
	if (words[0][0] == '\\')
		key = copy_text(words[0], strlen(words[0]));
	else if (words[0][0] == '{')
		key = format_text("\\Objects\\%s", well_known_object(words[0]));
	else
		key = format_text("%s\\%s", parser->key ? parser->key : "", words[0]);
	for (line = TAILQ_FIRST(&current(parser)->lines); line; line = following) {
		following = TAILQ_NEXT(line, next);
		if (path_within(line->key, key)) {
			TAILQ_REMOVE(&parser->hive->lines, line, next);
			deleted++;
		}
	}
	if (deleted == 0)
		die_at(parser->where, "there is no key %s to delete", key);
	free(key);
}
