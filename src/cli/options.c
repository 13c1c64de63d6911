/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of all commands as one table, and how they are read with GNU getopt_long. */
#include "cli/options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/run.h"
#include "report/amount.h"
#include "report/replace-file.h"
#include "report/text.h"

#define LOOKING (COMMAND_INSPECT | COMMAND_PLAN | COMMAND_FIX)
#define EACH    (LOOKING | COMMAND_UNDO) /* these commands go from image to image */
#define IMAGES  (EACH | COMMAND_BATCH)
#define ALL     (IMAGES | COMMAND_REPORT)

#define NUMBER_MAX 1000000000u /* of seconds and of images: more than anybody needs */

struct option_row;

/* Stores the value of an option in `field`, a member of struct settings.  -1: BS_USAGE. */
typedef int option_parser(const struct option_row *option, const char *text, void *field,
			  struct bs_error *err);

struct option_row {
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* NULL: the option takes no value */
	unsigned commands;
	option_parser *parse;
	size_t field;  /* offset in struct settings */
	uint32_t most; /* the largest number */
	const char *help;
};

/* ---- values -------------------------------------------------------------------------------- */

static int option_parse_flag(const struct option_row *option, const char *text, void *field,
			     struct bs_error *err)
{
	bool *flag = field;

	(void)option, (void)text, (void)err;
	*flag = true;
	return 0;
}

static int option_parse_path(const struct option_row *option, const char *text, void *field,
			     struct bs_error *err)
{
	const char **path = field;

	if (*text == '\0')
		return fail(err, BS_USAGE, "--%s needs a name that is not empty", option->name);
	*path = text;
	return 0;
}

/* A whole number from 1 on. */
static int option_parse_number(const struct option_row *option, const char *text, void *field,
			       struct bs_error *err)
{
	uint32_t *number = field;
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > option->most)
		return fail(err, BS_USAGE, "--%s takes a number from 1 to %u, not '%s'",
			    option->name, option->most, text);
	*number = (uint32_t)value;
	return 0;
}

static int option_parse_size(const struct option_row *option, const char *text, void *field,
			     struct bs_error *err)
{
	(void)option;
	return size_parse(text, field, err);
}

/* The index of a word in `words`, which ends with NULL; -1 with an error that has `list`. */
static int option_find_word(const struct option_row *option, const char *const *words,
			    const char *list, const char *text, struct bs_error *err)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return fail(err, BS_USAGE, "--%s takes %s, not '%s'", option->name, list, text);
}

static int option_parse_format(const struct option_row *option, const char *text, void *field,
			       struct bs_error *err)
{
#define NAME(id, driver, title, ...) #id,
	static const char *const formats[] = {BS_FORMATS(NAME) NULL};
#undef NAME
	const char **format = field;

	*format = text;
	return option_find_word(option, formats, "one of" BS_FORMAT_NAMES, text, err);
}

static int option_parse_colour(const struct option_row *option, const char *text, void *field,
			       struct bs_error *err)
{
	static const char *const colours[] = {
		[OUTPUT_COLOUR_AUTO] = "auto",
		[OUTPUT_COLOUR_ALWAYS] = "always",
		[OUTPUT_COLOUR_NEVER] = "never",
		[OUTPUT_COLOUR_NEVER + 1] = NULL,
	};
	int found = option_find_word(option, colours, "auto, always or never", text, err);
	enum output_colour *colour = field;

	*colour = found < 0 ? OUTPUT_COLOUR_AUTO : (enum output_colour)found;
	return found;
}

static int option_parse_shard(const struct option_row *option, const char *text, void *field,
			      struct bs_error *err)
{
	struct find_request *find = field;
	unsigned shard, shards;
	int end = 0;

	if (strspn(text, "0123456789/") != strlen(text) ||
	    sscanf(text, "%7u/%7u%n", &shard, &shards, &end) != 2 || text[end] != '\0' ||
	    shard == 0 || shard > shards)
		return fail(err, BS_USAGE, "--%s takes K/N, part K of N, not '%s'", option->name,
			    text);
	find->shard = shard;
	find->shards = shards;
	return 0;
}

static int option_parse_pattern(const struct option_row *option, const char *text, void *field,
				struct bs_error *err)
{
	struct find_patterns *patterns = field;

	if (patterns->count == FIND_PATTERNS_MAX)
		return fail(err, BS_USAGE, "--%s is given more than %d times", option->name,
			    FIND_PATTERNS_MAX);
	patterns->text[patterns->count++] = text;
	return 0;
}

static int option_parse_retry(const struct option_row *option, const char *text, void *field,
			      struct bs_error *err)
{
	struct settings *settings = field;

	(void)option;
	settings->resume = true;
	return retry_add(&settings->retry, text, err);
}

/* -v or -q: the last option wins. */
static int option_parse_verbosity(const struct option_row *option, const char *text, void *field,
				  struct bs_error *err)
{
	struct settings *settings = field;

	(void)text, (void)err;
	settings->verbose = option->letter == 'v';
	settings->quiet = option->letter == 'q';
	return 0;
}

/* Sets the variable for this process and its children, unless the user has set it. */
static int option_parse_debug(const struct option_row *option, const char *text, void *field,
			      struct bs_error *err)
{
	(void)option, (void)text, (void)field;
	return setenv("BOOTSHIFT_DEBUG", "1", 0) == 0 ? 0 : fail_memory(err);
}

/* ---- the table ----------------------------------------------------------------------------- */

#define FIELD(member) offsetof(struct settings, member)

static const struct option_row table[] = {
	/* clang-format off */
	{0, "dry-run", NULL, COMMAND_FIX | COMMAND_BATCH, option_parse_flag, FIELD(dry_run), 0,
	 "rehearse and verify, but write nothing"},
	{0, "dry-run", NULL, COMMAND_UNDO, option_parse_flag, FIELD(dry_run), 0,
	 "check what would be undone, but write nothing"},
	{0, "plan", "FILE", COMMAND_FIX, option_parse_path, FIELD(plan_file), 0,
	 "do exactly what this plan says, or refuse"},
	{'o', "output", "FILE", COMMAND_PLAN, option_parse_path, FIELD(output), 0,
	 "write the plan to a file; - is standard output"},
	{0, "from", "FILE", COMMAND_UNDO, option_parse_path, FIELD(from), 0,
	 "undo the fixes of a batch; FILE has its rows"},
	{'j', "jobs", "N", COMMAND_BATCH | COMMAND_UNDO, option_parse_number, FIELD(jobs), RUN_SLOTS_MAX,
	 "images at the same time; default: one for each processor"},
	{0, "timeout", "SECONDS", COMMAND_BATCH, option_parse_number, FIELD(timeout), NUMBER_MAX,
	 "give up on an image after this time"},
	{0, "max-failures", "N", COMMAND_BATCH, option_parse_number, FIELD(failures_max), NUMBER_MAX,
	 "begin no more images after N failures"},
	{0, "include", "PATTERN", COMMAND_BATCH, option_parse_pattern, FIELD(find.include), 0,
	 "only files whose path in the folder matches; repeatable"},
	{0, "exclude", "PATTERN", COMMAND_BATCH, option_parse_pattern, FIELD(find.exclude), 0,
	 "no files or folders whose path matches; repeatable"},
	{0, "follow", NULL, COMMAND_BATCH, option_parse_flag, FIELD(find.follow), 0,
	 "follow symbolic links in folders"},
	{0, "shard", "K/N", COMMAND_BATCH, option_parse_shard, FIELD(find), 0,
	 "only part K of N, by the path in the folder"},
	{0, "jsonl", "FILE", COMMAND_BATCH, option_parse_path, FIELD(rows), 0,
	 "add a row of JSON for each image; - is standard output"},
	{0, "jsonl", "FILE", COMMAND_REPORT, option_parse_path, FIELD(rows), 0,
	 "write the latest row of each image; - is standard output"},
	{0, "resume", NULL, COMMAND_BATCH, option_parse_flag, FIELD(resume), 0,
	 "continue: skip images that are done by the rows in FILE"},
	{0, "retry", "WHICH", COMMAND_BATCH, option_parse_retry, 0, 0,
	 "continue: only images that ended so: failed, refused or a code; repeatable"},
	{0, "report", "FILE", COMMAND_BATCH, option_parse_path, FIELD(page), 0,
	 "write a page of HTML; - is standard output"},
	{'o', "output", "FILE", COMMAND_REPORT, option_parse_path, FIELD(output), 0,
	 "write a page of HTML; - is standard output"},
	{0, "undo-dir", "DIR", IMAGES, option_parse_path, FIELD(options.undo_directory), 0,
	 "folder of the undo file; default: the image's own"},
	{0, "undo-file", "FILE", COMMAND_UNDO, option_parse_path, FIELD(options.undo_file), 0,
	 "undo with this undo file, wherever it lies"},
	{0, "format", "FMT", LOOKING, option_parse_format, FIELD(options.format), 0,
	 "one of" BS_FORMAT_NAMES "; default: by content"},
	{0, "system-partition", "N", LOOKING, option_parse_number, FIELD(options.system_partition),
	 BS_PARTITIONS_MAX, "partition with the boot files; default: the active one"},
	{0, "boot-partition", "N", LOOKING, option_parse_number, FIELD(options.boot_partition),
	 BS_PARTITIONS_MAX, "partition with Windows; default: of the default entry"},
	{0, "pe-size", "SIZE", LOOKING | COMMAND_BATCH, option_parse_size, FIELD(options.needed_room), 0,
	 "room needed on the active volume; default: 119MiB"},
	{0, "json", NULL, EACH, option_parse_flag, FIELD(json), 0, "print JSON instead of text"},
	{'v', "verbose", NULL, ALL, option_parse_verbosity, 0, 0, "print more"},
	{'q', "quiet", NULL, ALL, option_parse_verbosity, 0, 0, "print only errors"},
	{0, "color", "WHEN", ALL, option_parse_colour, FIELD(colour), 0, "auto, always or never"},
	{0, "debug", NULL, IMAGES, option_parse_debug, 0, 0, "print each step and its time on standard error"},
	{'h', "help", NULL, ALL, option_parse_flag, FIELD(help), 0, "print this help"},
	{0, "version", NULL, ALL, option_parse_flag, FIELD(version), 0, "print the version"},
	/* clang-format on */
};

#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))
#define OPTION_VALUE 256 /* getopt's value of an option: this plus its index in the table */

/* ---- reading ------------------------------------------------------------------------------- */

/* The options of one command in getopt's form: at most OPTION_COUNT and the end. */
static void options_prepare(enum command_bit command, struct option *longs, char *letters)
{
	*letters++ = ':'; /* so that getopt tells a missing value from an unknown option */
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!(table[i].commands & command))
			continue;
		*longs++ = (struct option){
			.name = table[i].name,
			.has_arg = table[i].argument ? required_argument : no_argument,
			.val = OPTION_VALUE + (int)i,
		};
		if (table[i].letter) {
			*letters++ = table[i].letter;
			if (table[i].argument)
				*letters++ = ':';
		}
	}
	*longs = (struct option){0};
	*letters = '\0';
}

/* The option for a value of getopt: a letter, or OPTION_VALUE and more. */
static const struct option_row *options_find(enum command_bit command, int value)
{
	size_t i = value >= OPTION_VALUE ? (size_t)(value - OPTION_VALUE) : 0;

	if (value < OPTION_VALUE) /* ends: getopt knows the letter from the table */
		while (table[i].letter != value || !(table[i].commands & command))
			i++;
	return &table[i];
}

/* Sets the error for a word that is not an option of the command. */
static int option_fail_unknown(enum command_bit command, const char *word, struct bs_error *err)
{
	size_t length = strcspn(word, "=");
	char name[32];

	if (strncmp(word, "--", 2) != 0 || length - 2 >= sizeof(name))
		return fail(err, BS_USAGE, "unknown option '%s'", word);
	memcpy(name, word + 2, length - 2);
	name[length - 2] = '\0';
	for (const struct option_row *option = table; option < table + OPTION_COUNT; option++) {
		const char *argument = option->argument;

		if (!(option->commands & command))
			continue;
		if (strcmp(name, option->name) == 0)
			return fail(err, BS_USAGE, "the option --%s takes no value", name);
		if (text_distance(name, option->name) <= 2 ||
		    (length > 2 && strncmp(name, option->name, length - 2) == 0))
			return fail(err, BS_USAGE, "unknown option --%s; did you mean --%s%s%s?",
				    name, option->name, argument ? " " : "",
				    argument ? argument : "");
	}
	return fail(err, BS_USAGE, "unknown option --%s", name);
}

static int option_fail(enum command_bit command, int result, char **argv, struct bs_error *err)
{
	if (result == ':')
		return fail(err, BS_USAGE, "the option %s needs a value", argv[optind - 1]);
	if (optopt != 0 && optopt < OPTION_VALUE)
		return fail(err, BS_USAGE, "unknown option -%c", optopt);
	return option_fail_unknown(command, argv[optind - 1], err);
}

/* An undo file belongs to one image, and lies in its own folder. */
static int options_check_undo_file(const struct settings *settings, int images,
				   struct bs_error *err)
{
	if (!settings->options.undo_file)
		return 0;
	if (settings->from)
		return fail(err, BS_USAGE, "--undo-file and --from contradict each other");
	if (settings->options.undo_directory)
		return fail(err, BS_USAGE, "--undo-file and --undo-dir contradict each other");
	if (images > 1)
		return fail(err, BS_USAGE, "--undo-file is for one image, not for %d", images);
	return 0;
}

/* Checks that the options do not contradict each other. */
static int options_check(const struct settings *settings, enum command_bit command, int images,
			 struct bs_error *err)
{
	const char *page = settings->page ? settings->page : settings->output;

	if (settings->json && output_is_stdout(settings->output))
		return fail(err, BS_USAGE, "--json and --output - both want standard output");
	if (settings->rows && page && replace_file_is_same(settings->rows, page))
		return fail(err, BS_USAGE, "--jsonl and --%s both want %s",
			    settings->page ? "report" : "output",
			    output_is_stdout(page) ? "standard output" : page);
	if (settings->resume && (!settings->rows || output_is_stdout(settings->rows)))
		return fail(err, BS_USAGE, "%s needs the file of --jsonl",
			    settings->retry.some ? "--retry" : "--resume");
	if (command == COMMAND_UNDO && settings->jobs != 0 && !settings->from)
		return fail(err, BS_USAGE, "--jobs needs --from");
	return options_check_undo_file(settings, images, err);
}

int options_parse(enum command_bit command, int argc, char **argv, struct settings *settings,
		  int *first_image, struct bs_error *err)
{
	struct option longs[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 2];
	int value;

	*settings = (struct settings){
		.colour = OUTPUT_COLOUR_AUTO,
		.find = {.shard = 1, .shards = 1},
		.words = argv,
		.word_count = argc,
	};
	options_prepare(command, longs, letters);
	opterr = 0;
	optind = 0; /* GNU: start from the beginning */
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const char *word = argv[optind - 1];
		const struct option_row *option;

		if (value == '?' || value == ':')
			return option_fail(command, value, argv, err);
		if (word == optarg) /* the value is a word of its own */
			word = argv[optind - 2];
		option = options_find(command, value);
		/*
		 * getopt accepts the beginning of a name.  We do not: the same beginning may belong
		 * to an option of another command, or of a later version.  For example, batch must
		 * not take `--json IMAGE` for `--jsonl FILE`.
		 */
		if (value >= OPTION_VALUE && strcspn(word + 2, "=") != strlen(option->name))
			return option_fail_unknown(command, word, err);
		if (option->parse(option, optarg, (char *)settings + option->field, err) < 0)
			return -1;
	}
	*first_image = optind;
	return options_check(settings, command, argc - optind, err);
}

void options_help(struct output *output, enum command_bit command)
{
	for (const struct option_row *option = table; option < table + OPTION_COUNT; option++) {
		if (!(option->commands & command))
			continue;
		print_to(output, 2);
		if (option->letter)
			print(output, "-%c, ", option->letter);
		print_to(output, 6);
		print(output, "--%s%s%s", option->name, option->argument ? " " : "",
		      option->argument ? option->argument : "");
		if (output_is_narrow(output))
			print_end(output);
		print_item(output, output_is_narrow(output) ? 10 : 28, "%s", option->help);
	}
}
