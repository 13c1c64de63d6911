/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parsers of the statements have in common.
 *
 * A statement that names something already known changes it, option by option; that is how a
 * variant overrides the recipe that it includes.
 */
#ifndef IMAGES_PARSER_H
#define IMAGES_PARSER_H

#include "recipe.h"

#define WORDS_MAX 128

/* A named list of words: `<name>` in a path stands for each of them in turn. */
struct list {
	STAILQ_ENTRY(list) next;
	char *name;
	unsigned count;
	char *words[WORDS_MAX];
};
STAILQ_HEAD(lists, list);

struct parser {
	struct recipe *recipe;
	struct location where;
	struct partition *on;  /* the partition that files are put on; NULL before the first `on` */
	struct entry defaults; /* what a new folder or file begins with */
	struct lists lists;
	struct hive *hive; /* the hive that keys are put into */
	char *key;         /* the key that values are put into */
};

/* `words` are those behind the statement's name; behind the last one stands a NULL. */
typedef void statement_parser(struct parser *parser, unsigned count, char *words[]);

statement_parser parse_on, parse_defaults, parse_descriptor, parse_folder, parse_file, parse_stream,
	parse_remove, parse_copy, parse_patch;
statement_parser parse_hive, parse_key, parse_value, parse_object, parse_element, parse_delete;

/*
 * If the word is KEY or KEY=VALUE, returns VALUE ("yes" when there is none), else NULL.
 */
const char *option_value(const char *word, const char *key);
bool parse_yes(const char *value, struct location where);

/* Calls `each` with every path that a path with `<...>` in it stands for. */
void expand_path(struct parser *parser, const char *path,
		 void (*each)(struct parser *parser, const char *path, char *words[]),
		 char *words[]);

#endif
