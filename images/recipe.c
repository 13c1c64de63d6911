/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a recipe: lines, words, includes, and the statements about the disk and its partitions.
 * The statements about files and hives have parsers of their own.
 */
#include "recipe.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "parser.h"

#define INCLUDE_DEPTH_MAX 16

const char *path_name(const char *path)
{
	const char *separator = strrchr(path, '\\');

	return separator ? separator + 1 : path;
}

bool path_within(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	while (length > 0 && folder[length - 1] == '\\')
		length--;
	return strncasecmp(path, folder, length) == 0 &&
	       (path[length] == 0 || path[length] == '\\');
}

const char *option_value(const char *word, const char *key)
{
	size_t length = strlen(key);

	if (strncmp(word, key, length) != 0)
		return NULL;
	return word[length] == '=' ? word + length + 1 : word[length] == 0 ? "yes" : NULL;
}

bool parse_yes(const char *value, struct location where)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		die_at(where, "\"%s\" is neither yes nor no", value);
	return strcmp(value, "yes") == 0;
}

static struct partition *find_partition(const struct recipe *recipe, const char *name)
{
	struct partition *partition;

	STAILQ_FOREACH(partition, &recipe->partitions, next)
	{
		if (strcmp(partition->name, name) == 0)
			break;
	}
	return partition;
}

struct partition *recipe_partition(const struct recipe *recipe, const char *name,
				   struct location where)
{
	struct partition *partition = find_partition(recipe, name);

	if (!partition)
		die_at(where, "there is no partition \"%s\"", name);
	return partition;
}

static void parse_disk(struct parser *parser, unsigned count, char *words[])
{
	struct recipe *recipe = parser->recipe;

	for (unsigned i = 0; i < count; i++) {
		const char *value;

		if ((value = option_value(words[i], "size")))
			recipe->size = parse_number(value, parser->where);
		else if ((value = option_value(words[i], "signature")))
			recipe->signature = parse_number(value, parser->where);
		else if ((value = option_value(words[i], "gpt")))
			recipe->gpt = parse_yes(value, parser->where);
		else if ((value = option_value(words[i], "boot-code")))
			recipe->boot_code = parse_yes(value, parser->where);
		else
			die_at(parser->where, "a disk has no \"%s\"", words[i]);
	}
}

static struct partition *add_partition(struct parser *parser, const char *name)
{
	struct partition *partition = allocate(sizeof *partition);

	*partition = (struct partition){
		.name = copy_text(name, strlen(name)),
		.type = 0x07,
		.ntfs = true,
		.label = copy_text("", 0),
		.serial = hash_text(name),
		.sector_size = SECTOR_SIZE,
		.cluster_size = 4096,
		.volume_size = UINT64_MAX,
		.hidden_sectors = UINT64_MAX,
		.boot_record = BOOT_RECORD_BOOTMGR,
		.code_to = UINT64_MAX,
	};
	STAILQ_INSERT_TAIL(&parser->recipe->partitions, partition, next);
	return partition;
}

static const char *const boot_record_names[] = {
	[BOOT_RECORD_MKNTFS] = "mkntfs",
	[BOOT_RECORD_BOOTMGR] = "bootmgr",
	[BOOT_RECORD_NTLDR] = "ntldr",
	NULL,
};

static const char *const journal_names[] = {
	[JOURNAL_EMPTY] = "empty",
	[JOURNAL_CLEAN] = "clean",
	[JOURNAL_FAST_STARTUP] = "fast-startup",
	[JOURNAL_OPEN] = "open",
	NULL,
};

/* The index of the name in a list that ends with NULL. */
static unsigned parse_choice(const char *const names[], const char *value, struct location where)
{
	unsigned i = 0;

	while (names[i] && strcmp(names[i], value) != 0)
		i++;
	if (!names[i])
		die_at(where, "there is no \"%s\" here", value);
	return i;
}

/* One option whose value is a number; false when the word is none of them. */
static bool partition_number(struct partition *partition, const char *word, struct location where)
{
	const struct {
		const char *key;
		uint64_t *number;
	} numbers[] = {
		{"start", &partition->start},
		{"size", &partition->size},
		{"type", &partition->type},
		{"fat", &partition->fat},
		{"serial", &partition->serial},
		{"sector-size", &partition->sector_size},
		{"cluster-size", &partition->cluster_size},
		{"volume-size", &partition->volume_size},
		{"hidden-sectors", &partition->hidden_sectors},
		{"boot-code-from", &partition->code_from},
		{"boot-code-to", &partition->code_to},
	};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		const char *value = option_value(word, numbers[i].key);

		if (value) {
			*numbers[i].number = parse_number(value, where);
			return true;
		}
	}
	return false;
}

static void parse_partition(struct parser *parser, unsigned count, char *words[])
{
	struct location where = parser->where;
	struct partition *partition;

	if (count < 1)
		die_at(where, "a partition needs a name");
	partition = find_partition(parser->recipe, words[0]);
	if (!partition)
		partition = add_partition(parser, words[0]);
	partition->where = where;
	for (unsigned i = 1; i < count; i++) {
		const char *value;

		if (partition_number(partition, words[i], where))
			continue;
		if ((value = option_value(words[i], "active")))
			partition->active = parse_yes(value, where);
		else if ((value = option_value(words[i], "logical")))
			partition->logical = parse_yes(value, where);
		else if ((value = option_value(words[i], "ntfs")))
			partition->ntfs = parse_yes(value, where);
		else if ((value = option_value(words[i], "unclean")))
			partition->unclean = parse_yes(value, where);
		else if ((value = option_value(words[i], "label")))
			partition->label = copy_text(value, strlen(value));
		else if ((value = option_value(words[i], "boot-record")))
			partition->boot_record = parse_choice(boot_record_names, value, where);
		else if ((value = option_value(words[i], "journal")))
			partition->journal = parse_choice(journal_names, value, where);
		else
			die_at(where, "a partition has no \"%s\"", words[i]);
	}
}

static void parse_remove_partition(struct parser *parser, unsigned count, char *words[])
{
	struct partition *partition;
	struct entry *entry, *following;

	if (count != 1)
		die_at(parser->where, "remove-partition NAME");
	partition = recipe_partition(parser->recipe, words[0], parser->where);
	STAILQ_REMOVE(&parser->recipe->partitions, partition, partition, next);
	for (entry = TAILQ_FIRST(&parser->recipe->entries); entry; entry = following) {
		following = TAILQ_NEXT(entry, next);
		if (entry->partition == partition)
			TAILQ_REMOVE(&parser->recipe->entries, entry, next);
	}
	if (parser->on == partition)
		parser->on = NULL;
}

static void parse_list(struct parser *parser, unsigned count, char *words[])
{
	struct list *list = allocate(sizeof *list);

	if (count < 2)
		die_at(parser->where, "list NAME WORD...");
	list->name = copy_text(words[0], strlen(words[0]));
	list->count = count - 1;
	for (unsigned i = 1; i < count; i++)
		list->words[i - 1] = copy_text(words[i], strlen(words[i]));
	/* The newest comes first, so that a variant can give a list a new meaning. */
	STAILQ_INSERT_HEAD(&parser->lists, list, next);
}

static void expand_with(struct parser *parser, const char *path, const char *word,
			void (*each)(struct parser *, const char *, char **), char *words[])
{
	const char *open = strchr(path, '<'), *close = strchr(open, '>');
	char *expanded = format_text("%.*s%s%s", (int)(open - path), path, word, close + 1);

	expand_path(parser, expanded, each, words);
	free(expanded);
}

static void expand_range(struct parser *parser, const char *path, unsigned first, unsigned last,
			 void (*each)(struct parser *, const char *, char **), char *words[])
{
	for (unsigned i = first; i <= last; i++) {
		char *number = format_text("%03u", i);

		expand_with(parser, path, number, each, words);
		free(number);
	}
}

void expand_path(struct parser *parser, const char *path,
		 void (*each)(struct parser *, const char *, char **), char *words[])
{
	const char *open = strchr(path, '<'), *close = open ? strchr(open, '>') : NULL;
	unsigned first, last;
	struct list *list;

	if (!close) {
		each(parser, path, words);
		return;
	}
	if (sscanf(open, "<%u-%u>", &first, &last) == 2) {
		expand_range(parser, path, first, last, each, words);
		return;
	}
	STAILQ_FOREACH(list, &parser->lists, next)
	{
		if (strncmp(list->name, open + 1, (size_t)(close - open) - 1) == 0 &&
		    list->name[close - open - 1] == 0)
			break;
	}
	if (!list)
		die_at(parser->where, "\"%s\" names no known list", open);
	for (unsigned i = 0; i < list->count; i++)
		expand_with(parser, path, list->words[i], each, words);
}

/* Splits in place: blanks separate words, quotes keep them together, # begins a comment. */
static unsigned split_words(char *line, char *words[], struct location where)
{
	unsigned count = 0;

	for (;;) {
		bool quoted = false;
		char *to;

		line += strspn(line, " \t\r\n");
		if (*line == 0 || *line == '#')
			break;
		if (count == WORDS_MAX - 1)
			die_at(where, "more than %d words", WORDS_MAX - 1);
		words[count++] = to = line;
		for (; *line && (quoted || !strchr(" \t\r\n", *line)); line++) {
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		}
		if (quoted)
			die_at(where, "a quote is not closed");
		if (*line)
			line++;
		*to = 0;
	}
	words[count] = NULL;
	return count;
}

static void parse_statement(struct parser *parser, unsigned count, char *words[])
{
	static const struct {
		const char *name;
		statement_parser *parse;
	} statements[] = {
		{"disk", parse_disk},
		{"partition", parse_partition},
		{"remove-partition", parse_remove_partition},
		{"list", parse_list},
		{"on", parse_on},
		{"defaults", parse_defaults},
		{"descriptor", parse_descriptor},
		{"folder", parse_folder},
		{"file", parse_file},
		{"stream", parse_stream},
		{"remove", parse_remove},
		{"copy", parse_copy},
		{"patch", parse_patch},
		{"hive", parse_hive},
		{"key", parse_key},
		{"value", parse_value},
		{"object", parse_object},
		{"element", parse_element},
		{"delete", parse_delete},
	};

	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		if (strcmp(statements[i].name, words[0]) == 0) {
			statements[i].parse(parser, count - 1, words + 1);
			return;
		}
	}
	die_at(parser->where, "there is no statement \"%s\"", words[0]);
}

static void parse_file_of_recipes(struct parser *parser, const char *path, unsigned depth);

/* Paths of included recipes are relative to the folder of the one that includes them. */
static void parse_include(struct parser *parser, const char *name, unsigned depth)
{
	struct location where = parser->where;
	char *self = copy_text(where.file, strlen(where.file));

	if (depth == INCLUDE_DEPTH_MAX)
		die_at(where, "more than %d includes in each other", INCLUDE_DEPTH_MAX);
	parse_file_of_recipes(parser, format_text("%s/%s", dirname(self), name), depth + 1);
	parser->where = where;
	free(self);
}

static void parse_file_of_recipes(struct parser *parser, const char *path, unsigned depth)
{
	FILE *file = fopen(path, "re");
	char *words[WORDS_MAX];
	char *line = NULL;
	size_t room = 0;

	if (!file)
		die("%s: %s", path, strerror(errno));
	parser->where = (struct location){.file = path};
	while (getline(&line, &room, file) >= 0) {
		unsigned count;

		parser->where.line++;
		count = split_words(line, words, parser->where);
		if (count == 2 && strcmp(words[0], "include") == 0)
			parse_include(parser, words[1], depth);
		else if (count > 0)
			parse_statement(parser, count, words);
	}
	free(line);
	fclose(file);
}

void recipe_read(const char *path, struct recipe *recipe)
{
	struct parser parser = {.recipe = recipe};

	*recipe = (struct recipe){.boot_code = true};
	STAILQ_INIT(&recipe->partitions);
	STAILQ_INIT(&recipe->descriptors);
	TAILQ_INIT(&recipe->entries);
	STAILQ_INIT(&recipe->hives);
	STAILQ_INIT(&recipe->patches);
	STAILQ_INIT(&parser.lists);
	parser.defaults.content.size = UINT64_MAX;
	parser.defaults.content.size_from = UINT64_MAX;
	parser.defaults.content.free = UINT64_MAX;
	parse_file_of_recipes(&parser, path, 0);
	if (recipe->size == 0 || recipe->size % SECTOR_SIZE)
		die("%s: the disk needs a size of whole sectors", path);
}
