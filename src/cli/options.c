/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of all commands as one table, and how they are read with GNU getopt_long. */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/run.h"
#include "report/size.h"
#include "report/text.h"
#include "report/whole-file.h"

#define LOOKING (COMMAND_INSPECT | COMMAND_PLAN | COMMAND_FIX)
#define EACH    (LOOKING | COMMAND_UNDO) /* go from image to image */
#define IMAGES  (EACH | COMMAND_BATCH)
#define ALL     (IMAGES | COMMAND_REPORT)

#define NUMBER_MAX 1000000000u /* of seconds and of images: more than anybody means */

/* Options without a letter get a value that is no character. */
enum {
	OPTION_JSON = 256,
	OPTION_DRY_RUN,
	OPTION_PLAN,
	OPTION_UNDO_DIR,
	OPTION_FORMAT,
	OPTION_SYSTEM_PARTITION,
	OPTION_BOOT_PARTITION,
	OPTION_PE_SIZE,
	OPTION_INCLUDE,
	OPTION_EXCLUDE,
	OPTION_FOLLOW,
	OPTION_SHARD,
	OPTION_TIMEOUT,
	OPTION_MAX_FAILURES,
	OPTION_JSONL,
	OPTION_RESUME,
	OPTION_REPORT,
	OPTION_FROM,
	OPTION_COLOR,
	OPTION_VERSION,
};

static const struct {
	int value; /* the letter, or one of the above */
	const char *name;
	const char *argument; /* NULL: the option takes none */
	unsigned commands;
	const char *help;
} table[] = {
	/* clang-format off */
	{OPTION_DRY_RUN, "dry-run", NULL, COMMAND_FIX | COMMAND_BATCH, "do everything but write: rehearse and verify"},
	{OPTION_PLAN, "plan", "FILE", COMMAND_FIX, "do exactly what this plan says, or refuse"},
	{'o', "output", "FILE", COMMAND_PLAN, "write the plan to a file; - is standard output"},
	{OPTION_FROM, "from", "FILE", COMMAND_UNDO, "take back what a batch fixed, by its rows"},
	{'j', "jobs", "N", COMMAND_BATCH | COMMAND_UNDO, "images at once; else one for each processor"},
	{OPTION_TIMEOUT, "timeout", "SECONDS", COMMAND_BATCH, "give an image up after that time"},
	{OPTION_MAX_FAILURES, "max-failures", "N", COMMAND_BATCH, "begin no more images after so many have failed"},
	{OPTION_INCLUDE, "include", "PATTERN", COMMAND_BATCH, "only files whose path in the folder matches; repeatable"},
	{OPTION_EXCLUDE, "exclude", "PATTERN", COMMAND_BATCH, "no files or folders whose path matches; repeatable"},
	{OPTION_FOLLOW, "follow", NULL, COMMAND_BATCH, "follow symbolic links in folders"},
	{OPTION_SHARD, "shard", "K/N", COMMAND_BATCH, "only part K of N, by the path in the folder"},
	{OPTION_JSONL, "jsonl", "FILE", COMMAND_BATCH, "add a row of JSON for each image; - is standard output"},
	{OPTION_JSONL, "jsonl", "FILE", COMMAND_REPORT, "write the latest row of each image; - is standard output"},
	{OPTION_RESUME, "resume", NULL, COMMAND_BATCH, "go on: leave out what is done by the rows in FILE"},
	{OPTION_REPORT, "report", "FILE", COMMAND_BATCH, "write a page of HTML; - is standard output"},
	{'o', "output", "FILE", COMMAND_REPORT, "write a page of HTML; - is standard output"},
	{OPTION_UNDO_DIR, "undo-dir", "DIR", IMAGES, "the folder of the undo file, if not the image's own"},
	{OPTION_FORMAT, "format", "FMT", LOOKING, "one of" BS_FORMAT_NAMES "; else found out"},
	{OPTION_SYSTEM_PARTITION, "system-partition", "N", LOOKING, "the partition with the boot files; else the active one"},
	{OPTION_BOOT_PARTITION, "boot-partition", "N", LOOKING, "the partition with Windows; else that of the default entry"},
	{OPTION_PE_SIZE, "pe-size", "SIZE", LOOKING | COMMAND_BATCH, "room needed on the active volume; else 119MiB"},
	{OPTION_JSON, "json", NULL, EACH, "print JSON instead of text"},
	{'v', "verbose", NULL, ALL, "tell more"},
	{'q', "quiet", NULL, ALL, "print nothing but errors"},
	{OPTION_COLOR, "color", "WHEN", ALL, "auto, always or never"},
	{'h', "help", NULL, ALL, "print this help"},
	{OPTION_VERSION, "version", NULL, ALL, "print the version"},
	/* clang-format on */
};

#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))

static int parse_partition(const char *text, uint32_t *number, struct bs_error *err)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > BS_PARTITIONS_MAX)
		return fail(err, BS_USAGE, "'%s' is not the number of a partition, from 1 to %u",
			    text, BS_PARTITIONS_MAX);
	*number = (uint32_t)value;
	return 0;
}

static int parse_format(const char *text, const char **format, struct bs_error *err)
{
#define NAME(id, driver, title, ...) #id,
	static const char *const names[] = {BS_FORMATS(NAME)};
#undef NAME

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*format = text;
			return 0;
		}
	}
	return fail(err, BS_USAGE, "unknown format '%s': it is one of" BS_FORMAT_NAMES, text);
}

static int parse_colour(const char *text, enum output_colour *colour, struct bs_error *err)
{
	static const char *const names[] = {
		[OUTPUT_COLOUR_AUTO] = "auto",
		[OUTPUT_COLOUR_ALWAYS] = "always",
		[OUTPUT_COLOUR_NEVER] = "never",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*colour = (enum output_colour)i;
			return 0;
		}
	}
	return fail(err, BS_USAGE, "--color takes auto, always or never, not '%s'", text);
}

/* A whole number from 1 on. */
static int parse_count(const char *text, const char *name, uint32_t most, uint32_t *number,
		       struct bs_error *err)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > most)
		return fail(err, BS_USAGE, "--%s takes a number from 1 to %u, not '%s'", name, most,
			    text);
	*number = (uint32_t)value;
	return 0;
}

static int parse_shard(const char *text, struct settings *settings, struct bs_error *err)
{
	unsigned shard, shards;
	int end = 0;

	if (strspn(text, "0123456789/") != strlen(text) ||
	    sscanf(text, "%7u/%7u%n", &shard, &shards, &end) != 2 || text[end] != '\0' ||
	    shard == 0 || shard > shards)
		return fail(err, BS_USAGE, "--shard takes K/N, part K of N, not '%s'", text);
	settings->shard = shard;
	settings->shards = shards;
	return 0;
}

static int add_pattern(const char *text, struct find_patterns *patterns, struct bs_error *err)
{
	if (patterns->count == FIND_PATTERNS_MAX)
		return fail(err, BS_USAGE, "more than %d patterns", FIND_PATTERNS_MAX);
	patterns->text[patterns->count++] = text;
	return 0;
}

static int parse_path(const char *text, const char *name, const char **path, struct bs_error *err)
{
	if (*text == '\0')
		return fail(err, BS_USAGE, "--%s needs a name that is not empty", name);
	*path = text;
	return 0;
}

/* Those of batches. */
static int apply_to_batch(struct settings *settings, int value, const char *argument,
			  struct bs_error *err)
{
	switch (value) {
	case 'j':
		return parse_count(argument, "jobs", RUN_SLOTS_MAX, &settings->jobs, err);
	case OPTION_INCLUDE:
		return add_pattern(argument, &settings->include, err);
	case OPTION_EXCLUDE:
		return add_pattern(argument, &settings->exclude, err);
	case OPTION_FOLLOW:
		settings->follow = true;
		return 0;
	case OPTION_SHARD:
		return parse_shard(argument, settings, err);
	case OPTION_TIMEOUT:
		return parse_count(argument, "timeout", NUMBER_MAX, &settings->timeout, err);
	case OPTION_MAX_FAILURES:
		return parse_count(argument, "max-failures", NUMBER_MAX, &settings->failures_max,
				   err);
	case OPTION_JSONL:
		return parse_path(argument, "jsonl", &settings->rows, err);
	case OPTION_RESUME:
		settings->resume = true;
		return 0;
	case OPTION_REPORT:
		return parse_path(argument, "report", &settings->page, err);
	case OPTION_FROM:
		return parse_path(argument, "from", &settings->from, err);
	}
	return fail(err, BS_USAGE, "unknown option");
}

MUST_CHECK static int apply(struct settings *settings, int value, const char *argument,
			    struct bs_error *err)
{
	struct bs_options *options = &settings->options;

	switch (value) {
	case OPTION_DRY_RUN:
		settings->dry_run = true;
		return 0;
	case OPTION_PLAN:
		return parse_path(argument, "plan", &settings->plan_file, err);
	case 'o':
		return parse_path(argument, "output", &settings->output, err);
	case OPTION_UNDO_DIR:
		return parse_path(argument, "undo-dir", &options->undo_directory, err);
	case OPTION_FORMAT:
		return parse_format(argument, &options->format, err);
	case OPTION_SYSTEM_PARTITION:
		return parse_partition(argument, &options->system_partition, err);
	case OPTION_BOOT_PARTITION:
		return parse_partition(argument, &options->boot_partition, err);
	case OPTION_PE_SIZE:
		return size_parse(argument, &options->needed_room, err);
	case OPTION_JSON:
		settings->json = true;
		return 0;
	case 'v':
	case 'q':
		settings->verbose = value == 'v';
		settings->quiet = value == 'q';
		return 0;
	case OPTION_COLOR:
		return parse_colour(argument, &settings->colour, err);
	case 'h':
		settings->help = true;
		return 0;
	case OPTION_VERSION:
		settings->version = true;
		return 0;
	}
	return apply_to_batch(settings, value, argument, err);
}

/* The options of one command in getopt's form: at most OPTION_COUNT and the end. */
static void prepare(enum command_bit command, struct option *longs, char *letters)
{
	*letters++ = ':'; /* tells a missing argument from an unknown option */
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!(table[i].commands & command))
			continue;
		*longs++ = (struct option){
			.name = table[i].name,
			.has_arg = table[i].argument ? required_argument : no_argument,
			.val = table[i].value,
		};
		if (table[i].value < OPTION_JSON) {
			*letters++ = (char)table[i].value;
			if (table[i].argument)
				*letters++ = ':';
		}
	}
	*longs = (struct option){0};
	*letters = '\0';
}

/* Says what is wrong with the option `word`, of which getopt has said only that it is. */
static int fail_unknown(enum command_bit command, const char *word, struct bs_error *err)
{
	size_t length = strcspn(word, "=");
	char name[32];

	if (strncmp(word, "--", 2) != 0 || length - 2 >= sizeof(name))
		return fail(err, BS_USAGE, "unknown option '%s'", word);
	memcpy(name, word + 2, length - 2);
	name[length - 2] = '\0';
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char *argument = table[i].argument;

		if (!(table[i].commands & command))
			continue;
		if (strcmp(name, table[i].name) == 0)
			return fail(err, BS_USAGE, "the option --%s takes no value", name);
		if (text_distance(name, table[i].name) <= 2 ||
		    (length > 2 && strncmp(name, table[i].name, length - 2) == 0))
			return fail(err, BS_USAGE, "unknown option --%s; did you mean --%s%s%s?",
				    name, table[i].name, argument ? " " : "",
				    argument ? argument : "");
	}
	return fail(err, BS_USAGE, "unknown option --%s", name);
}

/*
 * getopt takes the beginning of a name for the name.  We do not: what is short for an option today
 * may be another one's tomorrow, or another command's: --json is one of most, and batch, which has
 * --jsonl FILE, must not take the image behind it for that file.  `word` is as given.
 */
static bool is_spelled_out(const char *word, const struct option *option)
{
	return strcspn(word + 2, "=") == strlen(option->name);
}

static int fail_parse(enum command_bit command, int result, char **argv, struct bs_error *err)
{
	if (result == ':')
		return fail(err, BS_USAGE, "the option %s needs a value", argv[optind - 1]);
	if (optopt != 0 && optopt < OPTION_JSON)
		return fail(err, BS_USAGE, "unknown option -%c", optopt);
	return fail_unknown(command, argv[optind - 1], err);
}

/* Whether the options go together. */
static int check(const struct settings *settings, enum command_bit command, struct bs_error *err)
{
	const char *page = settings->page ? settings->page : settings->output;

	if (settings->json && output_is_stdout(settings->output))
		return fail(err, BS_USAGE, "--json and --output - both want standard output");
	if (settings->rows && page && whole_file_is_same(settings->rows, page))
		return fail(err, BS_USAGE, "--jsonl and --%s both want %s",
			    settings->page ? "report" : "output",
			    output_is_stdout(page) ? "standard output" : page);
	if (settings->resume && (!settings->rows || output_is_stdout(settings->rows)))
		return fail(err, BS_USAGE, "--resume needs the file of --jsonl");
	if (command == COMMAND_UNDO && settings->jobs != 0 && !settings->from)
		return fail(err, BS_USAGE, "--jobs is for --from");
	return 0;
}

int options_parse(enum command_bit command, int argc, char **argv, struct settings *settings,
		  int *first_image, struct bs_error *err)
{
	struct option longs[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 2];
	int value, index = -1; /* of the long option; -1: it is a letter */

	*settings = (struct settings){.colour = OUTPUT_COLOUR_AUTO, .shard = 1, .shards = 1};
	prepare(command, longs, letters);
	opterr = 0;
	optind = 0; /* GNU: start afresh */
	while ((value = getopt_long(argc, argv, letters, longs, &index)) != -1) {
		const char *word = argv[optind - 1];

		if (value == '?' || value == ':')
			return fail_parse(command, value, argv, err);
		if (word == optarg) /* the value, which is a word of its own */
			word = argv[optind - 2];
		if (index >= 0 && !is_spelled_out(word, &longs[index]))
			return fail_unknown(command, word, err);
		index = -1;
		if (apply(settings, value, optarg, err) != 0)
			return -1;
	}
	*first_image = optind;
	return check(settings, command, err);
}

void options_help(struct output *output, enum command_bit command)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!(table[i].commands & command))
			continue;
		print_to(output, 2);
		if (table[i].value < OPTION_JSON)
			print(output, "-%c, ", table[i].value);
		print_to(output, 6);
		print(output, "--%s%s%s", table[i].name, table[i].argument ? " " : "",
		      table[i].argument ? table[i].argument : "");
		print_to(output, 28);
		print_wrapped(output, 28, "%s", table[i].help);
		print_end(output);
	}
}
