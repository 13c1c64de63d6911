/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of all commands as one table, and how they are read with GNU getopt_long. */
#include "cli/options.h"

#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "batch/run.h"
#include "cli/guess.h"
#include "report/amount.h"
#include "report/replace-file.h"
#include "report/text.h"

#define LOOKING (COMMAND_INSPECT | COMMAND_PLAN | COMMAND_FIX)
/* These commands go from image to image. */
#define EACH   (LOOKING | COMMAND_BOOT | COMMAND_VERIFY | COMMAND_UNDO | COMMAND_ACCEPT)
#define IMAGES (EACH | COMMAND_BATCH)
#define ALL    (IMAGES | COMMAND_REPORT)

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
	if (size_parse(text, field, err) < 0)
		return fail_prefix(err, "--%s", option->name);
	return 0;
}

/* Also keeps a number without a unit, which may be meant as MiB. */
static int option_parse_room(const struct option_row *option, const char *text, void *field,
			     struct bs_error *err)
{
	struct settings *settings = field;

	settings->bare_size = text[strspn(text, "0123456789")] == '\0' ? text : NULL;
	return option_parse_size(option, text, &settings->options.needed_room, err);
}

/* --need says what the room is for.  A size is that of a conversion, as with --pe-size. */
static int option_parse_need(const struct option_row *option, const char *text, void *field,
			     struct bs_error *err)
{
	struct settings *settings = field;

	settings->bare_size = NULL;
	if (strcasecmp(text, "conversion") == 0)
		settings->options.needed_room = BS_DEFAULT_PE_SIZE;
	else if (strcasecmp(text, "upgrade") == 0)
		settings->options.needed_room = BS_UPGRADE_ROOM;
	else
		return option_parse_size(option, text, &settings->options.needed_room, err);
	return 0;
}

static int option_parse_duration(const struct option_row *option, const char *text, void *field,
				 struct bs_error *err)
{
	if (duration_parse(text, option->most, field, err) < 0)
		return fail_prefix(err, "--%s", option->name);
	return 0;
}

/* The index of a word, in either case, in `words`, which ends with NULL; -1 with an error that has `list`. */
static int option_find_word(const struct option_row *option, const char *const *words,
			    const char *list, const char *text, struct bs_error *err)
{
	for (int i = 0; words[i]; i++)
		if (strcasecmp(text, words[i]) == 0)
			return i;
	return fail(err, BS_USAGE, "--%s takes %s, not '%s'", option->name, list, text);
}

#define FORMAT(id, driver, title, ...) {#id, driver, {__VA_ARGS__}},
static const struct {
	const char *name, *driver;
	const char *endings[4];
} formats[] = {BS_FORMATS(FORMAT)};
#undef FORMAT

#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

static const char *format_find(const char *text)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (strcasecmp(text, formats[i].name) == 0)
			return formats[i].name;
	return NULL;
}

/* The format that QEMU calls so, or whose files usually end so; NULL: none. */
static const char *format_guess(const char *text)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		if (strcasecmp(text, formats[i].driver) == 0)
			return formats[i].name;
		for (const char *const *ending = formats[i].endings; *ending; ending++)
			if (strcasecmp(text, *ending) == 0 || strcasecmp(text, *ending + 1) == 0)
				return formats[i].name;
	}
	return NULL;
}

static int option_parse_format(const struct option_row *option, const char *text, void *field,
			       struct bs_error *err)
{
	const char **format = field, *meant = format_guess(text);

	*format = format_find(text);
	if (*format)
		return 0;
	if (meant)
		return fail(err, BS_USAGE,
			    "--%s takes one of" BS_FORMAT_NAMES "; '%s' is called %s", option->name,
			    text, meant);
	return fail(err, BS_USAGE, "--%s takes one of" BS_FORMAT_NAMES ", not '%s'", option->name,
		    text);
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

static int option_parse_engine(const struct option_row *option, const char *text, void *field,
			       struct bs_error *err)
{
	static const char *const engines[] = {
		[BS_ENGINE_NTFS_3G] = "ntfs-3g",
		[BS_ENGINE_LIBGUESTFS] = "libguestfs",
		[BS_ENGINE_COUNT] = NULL,
	};
	int found = option_find_word(option, engines, "ntfs-3g or libguestfs", text, err);
	enum bs_engine *engine = field;

	*engine = found < 0 ? BS_ENGINE_NTFS_3G : (enum bs_engine)found;
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
	{0, "dry-run", NULL, COMMAND_ACCEPT, option_parse_flag, FIELD(dry_run), 0,
	 "check what would be accepted, but remove nothing"},
	{0, "plan", "FILE", COMMAND_FIX, option_parse_path, FIELD(plan_file), 0,
	 "do exactly what this plan says, or refuse; - is standard input"},
	{0, "plan", "FILE", COMMAND_VERIFY, option_parse_path, FIELD(plan_file), 0,
	 "the plan that was carried out, instead of the undo file; - is standard input"},
	{'o', "output", "FILE", COMMAND_PLAN, option_parse_path, FIELD(output), 0,
	 "also write the plan to a file; - is standard output"},
	{0, "from", "FILE", COMMAND_UNDO, option_parse_path, FIELD(from), 0,
	 "undo a batch: FILE has its results, from --jsonl; - is standard input"},
	{0, "from", "FILE", COMMAND_ACCEPT, option_parse_path, FIELD(from), 0,
	 "accept the fixes of a batch: FILE has its results, from --jsonl; - is standard input"},
	{0, "list", NULL, COMMAND_UNDO, option_parse_flag, FIELD(list), 0,
	 "list the undo files in folders, and undo nothing"},
	{'j', "jobs", "N", COMMAND_BATCH | COMMAND_UNDO | COMMAND_ACCEPT, option_parse_number, FIELD(jobs), RUN_SLOTS_MAX,
	 "work on N images at the same time; default: two for each processor"},
	{0, "timeout", "TIME", COMMAND_BATCH, option_parse_duration, FIELD(timeout), NUMBER_MAX,
	 "stop working on an image after this time: 90s, 5m, 1h30m"},
	{0, "timeout", "TIME", COMMAND_BOOT, option_parse_duration, FIELD(options.start_seconds), NUMBER_MAX,
	 "stop the machine after this time: 90s, 5m; default: 1m"},
	{0, "screenshot", "FILE", COMMAND_BOOT, option_parse_path, FIELD(picture), 0,
	 "save a picture (PNG) of the last screen"},
	{0, "max-failures", "N", COMMAND_BATCH, option_parse_number, FIELD(failures_max), NUMBER_MAX,
	 "after N failures, start no more images"},
	{0, "include", "PATTERN", COMMAND_BATCH, option_parse_pattern, FIELD(find.include), 0,
	 "take only files whose path in the folder matches PATTERN; repeatable"},
	{0, "exclude", "PATTERN", COMMAND_BATCH, option_parse_pattern, FIELD(find.exclude), 0,
	 "leave out files and folders whose path in the folder matches PATTERN; repeatable"},
	{0, "changes", NULL, COMMAND_INSPECT, option_parse_flag, FIELD(changes), 0,
	 "also tell what an earlier fix changed, by its undo file"},
	{0, "follow", NULL, COMMAND_BATCH, option_parse_flag, FIELD(find.follow), 0,
	 "follow symbolic links in folders"},
	{0, "shard", "K/N", COMMAND_BATCH, option_parse_shard, FIELD(find), 0,
	 "take only part K of N parts, for N machines that share a folder"},
	{0, "jsonl", "FILE", COMMAND_BATCH, option_parse_path, FIELD(rows), 0,
	 "add the result of each image to FILE as a line of JSON; - is standard output"},
	{0, "jsonl", "FILE", COMMAND_REPORT, option_parse_path, FIELD(rows), 0,
	 "write the latest result of each image as JSON; - is standard output"},
	{0, "resume", NULL, COMMAND_BATCH, option_parse_flag, FIELD(resume), 0,
	 "continue a batch: skip the images that are done in the file of --jsonl"},
	{0, "retry", "WHICH", COMMAND_BATCH, option_parse_retry, 0, 0,
	 "continue: only images with this outcome: failed, refused or a code; repeatable"},
	{0, "report", "FILE", COMMAND_BATCH, option_parse_path, FIELD(page), 0,
	 "write a page of HTML; - is standard output"},
	{'o', "output", "FILE", COMMAND_REPORT, option_parse_path, FIELD(output), 0,
	 "write a page of HTML; - is standard output"},
	{0, "undo-dir", "DIR", IMAGES & ~(unsigned)COMMAND_BOOT, option_parse_path, FIELD(options.undo_directory), 0,
	 "folder of the undo file; default: the folder of the image"},
	{0, "undo-file", "FILE", COMMAND_INSPECT | COMMAND_VERIFY | COMMAND_UNDO | COMMAND_ACCEPT, option_parse_path, FIELD(options.undo_file), 0,
	 "use this undo file, wherever it is"},
	{0, "format", "FMT", LOOKING | COMMAND_BOOT | COMMAND_VERIFY | COMMAND_ACCEPT, option_parse_format, FIELD(options.format), 0,
	 "one of" BS_FORMAT_NAMES "; default: detected"},
	{0, "system-partition", "N", LOOKING, option_parse_number, FIELD(options.system_partition),
	 BS_PARTITIONS_MAX, "partition with the boot files; default: the active one"},
	{0, "system-partition", "N", COMMAND_VERIFY | COMMAND_ACCEPT, option_parse_number, FIELD(options.system_partition),
	 BS_PARTITIONS_MAX, "partition the boot files came from; default: the only one that has some"},
	{0, "boot-partition", "N", LOOKING | COMMAND_VERIFY | COMMAND_ACCEPT, option_parse_number, FIELD(options.boot_partition),
	 BS_PARTITIONS_MAX, "partition with Windows; default: the one the boot menu starts"},
	{0, "restore-signature", NULL, LOOKING | COMMAND_BATCH, option_parse_flag, FIELD(options.restore_signature), 0,
	 "give a disk its earlier signature back, even if only the boot menu or only the registry names it"},
	{0, "rebuild", NULL, LOOKING | COMMAND_BATCH, option_parse_flag, FIELD(options.rebuild), 0,
	 "if boot files are lost or damaged, make them anew from what Windows keeps"},
	{0, "pe-size", "SIZE", LOOKING | COMMAND_BATCH, option_parse_room, 0, 0,
	 "free space the conversion needs (default 119MiB); only affects messages"},
	{0, "need", "WHAT", LOOKING | COMMAND_BATCH, option_parse_need, 0, 0,
	 "what needs free space: conversion (the default), upgrade, or a size"},
	{0, "only-needed", NULL, COMMAND_BATCH, option_parse_flag, FIELD(options.only_needed), 0,
	 "leave disks alone that start and have the free space that --need says"},
	{0, "engine", "NAME", LOOKING | COMMAND_BATCH, option_parse_engine, FIELD(options.engine), 0,
	 "what reads the volumes: ntfs-3g (the default) or libguestfs, which also reads FAT"},
	{0, "engine", "NAME", COMMAND_VERIFY | COMMAND_ACCEPT, option_parse_engine, FIELD(options.engine), 0,
	 "what reads the volumes: ntfs-3g (the default); libguestfs reads FAT in addition"},
	{0, "second-opinion", NULL, COMMAND_PLAN | COMMAND_FIX | COMMAND_BATCH, option_parse_flag, FIELD(options.second_opinion), 0,
	 "have libguestfs verify the result, too, before it is written"},
	{0, "prove", NULL, COMMAND_PLAN | COMMAND_FIX | COMMAND_BATCH, option_parse_flag, FIELD(options.prove), 0,
	 "start the prepared disk in a virtual machine before it is written"},
	{0, "prove", NULL, COMMAND_INSPECT, option_parse_flag, FIELD(options.prove), 0,
	 "start the disk in a virtual machine to find out whether it starts"},
	{0, "second-opinion", NULL, COMMAND_VERIFY, option_parse_flag, FIELD(options.second_opinion), 0,
	 "libguestfs has to find the same"},
	{0, "json", NULL, EACH, option_parse_flag, FIELD(json), 0, "print JSON instead of text"},
	{'v', "verbose", NULL, ALL, option_parse_verbosity, 0, 0, "print more"},
	{'q', "quiet", NULL, ALL, option_parse_verbosity, 0, 0, "print only errors"},
	{0, "color", "WHEN", ALL, option_parse_colour, FIELD(colour), 0, "use colours: auto, always or never"},
	{0, "debug", NULL, IMAGES, option_parse_debug, 0, 0, "print each step and its time on standard error"},
	{'h', "help", NULL, ALL, option_parse_flag, FIELD(help), 0, "print this help"},
	{'V', "version", NULL, ALL, option_parse_flag, FIELD(version), 0, "print the version"},
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

/* ---- words that are not an option of the command -------------------------------------------- */

/* The row of an option by its name, without "--"; `commands`: of one of these. */
static const struct option_row *option_named(unsigned commands, const char *name)
{
	for (const struct option_row *option = table; option < table + OPTION_COUNT; option++)
		if ((option->commands & commands) && strcmp(name, option->name) == 0)
			return option;
	return NULL;
}

/* All commands that have an option: "-o" or "--output". */
static unsigned option_commands(const char *word)
{
	unsigned commands = 0;

	for (const struct option_row *option = table; option < table + OPTION_COUNT; option++)
		if (word[1] == '-' ? strcmp(word + 2, option->name) == 0
				   : word[1] == option->letter)
			commands |= option->commands;
	return commands;
}

/* Sets the beginning of the message: that the command does not have the option. */
static void option_fail_missing(enum command_bit command, const char *word, struct bs_error *err)
{
	unsigned others = option_commands(word);
	char list[COMMAND_LIST_MAX];

	if (others == 0) {
		fail(err, BS_USAGE, "unknown option %s", word);
		return;
	}
	command_list(others, list);
	fail(err, BS_USAGE, "%s does not take %s, only %s %s", command_name(command), word, list,
	     others & (others - 1) ? "do" : "does");
}

/* The option of the command that is most like a name, or begins with it; NULL: none. */
static const struct option_row *option_nearest(enum command_bit command, const char *name)
{
	const struct option_row *nearest = NULL;
	unsigned least = UINT_MAX;

	for (const struct option_row *option = table; option < table + OPTION_COUNT; option++) {
		bool begins = name[0] != '\0' && strncmp(option->name, name, strlen(name)) == 0;
		unsigned distance = begins ? 0 : guess_distance(name, option->name);

		if (!(option->commands & command) || distance >= least || distance > 2)
			continue;
		nearest = option;
		least = distance;
	}
	return nearest;
}

/* The option of the command that may be meant by `word`; NULL: unknown. */
static const struct option_row *option_meant(enum command_bit command, const char *word)
{
	const struct option_row *option = word[1] == '-' ? option_nearest(command, word + 2) : NULL;
	const char *name;

	for (size_t i = 0; !option && (name = guess_option(word, i)); i++)
		option = option_named(command, name);
	return option;
}

/* `value` is what the user gave as the value, or the next word; it may be NULL. */
static void option_suggest(enum command_bit command, const char *word, const char *value,
			   struct bs_error *err)
{
	const struct option_row *option = option_meant(command, word);
	const char *remark = guess_remark(command, word), *argument = NULL;
	char message[sizeof(err->message)];

	memcpy(message, err->message, sizeof(message));
	if (option)
		argument = option->argument;
	if (value && (format_find(value) || format_guess(value)) &&
	    option_named(command, "format") &&
	    (strcmp(word, "-f") == 0 || (argument && strcmp(argument, "FMT") == 0))) {
		option = option_named(command, "format");
		argument = format_find(value) ? format_find(value) : format_guess(value);
		remark = NULL;
	}
	if (remark)
		fail(err, BS_USAGE, "%.200s; %s", message, remark);
	else if (option)
		fail(err, BS_USAGE, "%.200s; did you mean --%s%s%s?", message, option->name,
		     argument ? " " : "", argument ? argument : "");
}

/* Sets the error for "-x", "--name" or "--name=value"; `next` is the next word or NULL. */
static int option_fail_unknown(enum command_bit command, const char *word, const char *next,
			       struct bs_error *err)
{
	size_t length = word[1] == '-' ? strcspn(word, "=") : strlen(word);
	const char *value = word[length] == '=' ? word + length + 1 : next;
	char name[34];

	if (length >= sizeof(name))
		return fail(err, BS_USAGE, "unknown option '%s'", word);
	memcpy(name, word, length);
	name[length] = '\0';
	if (option_commands(name) & command)
		return fail(err, BS_USAGE, "the option %s takes no value", name);
	option_fail_missing(command, name, err);
	option_suggest(command, name, value, err);
	return -1;
}

/* `word` is the last word of the command line: "--plan", "-o" or "-vo". */
static int option_fail_no_value(enum command_bit command, const char *word, struct bs_error *err)
{
	const char letter[] = {'-', word[strlen(word) - 1], '\0'};
	const struct option_row *option =
		word[1] == '-' ? option_named(command, word + 2) : options_find(command, letter[1]);

	if (!option) /* getopt took the beginning of a name for the name */
		return option_fail_unknown(command, word, NULL, err);
	return fail(err, BS_USAGE, "the option %s needs a value: --%s %s",
		    word[1] == '-' ? word : letter, option->name, option->argument);
}

/* "-json" is not "--json": getopt takes each letter for an option. */
static bool option_lacks_dash(enum command_bit command, const char *word)
{
	return word && word[0] == '-' && word[1] != '-' && word[1] != '\0' && word[2] != '\0' &&
	       option_named(command, word + 1);
}

static int option_fail(enum command_bit command, int result, char **argv, struct bs_error *err)
{
	const char letter[] = {'-', (char)optopt, '\0'};
	const char *word = argv[optind - 1];

	if (result == ':')
		return option_fail_no_value(command, word, err);
	if (optopt == 0 || optopt >= OPTION_VALUE)
		return option_fail_unknown(command, word, argv[optind], err);
	for (int i = optind - 1; i <= optind; i++)
		if (option_lacks_dash(command, argv[i]))
			return fail(err, BS_USAGE, "unknown option %s; did you mean -%s?", argv[i],
				    argv[i]);
	/* getopt goes on to the next word only after the last letter of a word. */
	return option_fail_unknown(command, letter,
				   word[0] == '-' && word[1] != '-' ? argv[optind] : word, err);
}

/* An undo file belongs to one image, and lies in its own folder. */
static int options_check_undo_file(const struct settings *settings, int images,
				   struct bs_error *err)
{
	if (!settings->options.undo_file)
		return 0;
	if (settings->from)
		return fail(err, BS_USAGE,
			    "--undo-file is for one image: leave it out, or leave out --from");
	if (settings->options.undo_directory)
		return fail(err, BS_USAGE,
			    "--undo-file names the undo file itself: leave out --undo-dir");
	if (images > 1)
		return fail(err, BS_USAGE, "--undo-file is for one image, not for %d", images);
	return 0;
}

/* A plan says all that these options say. */
static int options_check_verified_plan(const struct settings *settings, struct bs_error *err)
{
	const struct bs_options *options = &settings->options;
	const char *other = options->system_partition != 0 ? "--system-partition"
			    : options->undo_file           ? "--undo-file"
							   : NULL;

	return settings->plan_file && other
		       ? fail(err, BS_USAGE, "--plan says what was done: leave out %s", other)
		       : 0;
}

/* Checks that the options do not contradict each other. */
static int options_check(const struct settings *settings, enum command_bit command, int images,
			 struct bs_error *err)
{
	const char *page = settings->page ? settings->page : settings->output;

	if (command == COMMAND_INSPECT && settings->options.undo_file && !settings->changes)
		return fail(err, BS_USAGE, "--undo-file is for inspect --changes");
	if (settings->json && output_is_stdout(settings->output))
		return fail(err, BS_USAGE, "--json and --output - both want standard output");
	if (settings->rows && page && replace_file_is_same(settings->rows, page))
		return fail(err, BS_USAGE, "--jsonl and --%s both want %s",
			    settings->page ? "report" : "output",
			    output_is_stdout(page) ? "standard output" : page);
	if (settings->resume && (!settings->rows || output_is_stdout(settings->rows)))
		return fail(err, BS_USAGE, "%s needs the file of --jsonl%s",
			    settings->retry.some ? "--retry" : "--resume",
			    settings->rows ? ", and - is not a file" : "");
	if (settings->picture && images > 1)
		return fail(err, BS_USAGE, "--screenshot is for one image, not for %d", images);
	if ((command & (COMMAND_UNDO | COMMAND_ACCEPT)) && settings->jobs != 0 && !settings->from)
		return fail(err, BS_USAGE, "--jobs needs --from");
	if (settings->list && (settings->from || settings->options.undo_file ||
			       settings->options.undo_directory || settings->dry_run))
		return fail(err, BS_USAGE, "--list takes only folders, --json, -q and --color");
	if (command == COMMAND_VERIFY && options_check_verified_plan(settings, err) < 0)
		return -1;
	return options_check_undo_file(settings, images, err);
}

/* Only the last of several values would count.  A flag may be repeated, because that changes nothing. */
static bool option_repeats(const struct option_row *option)
{
	return !option->argument || option->parse == option_parse_pattern ||
	       option->parse == option_parse_retry;
}

/*
 * Stores the value of an option.  `is_word`: the value is a word of its own.  Then it is no option: a
 * value that was forgotten must not swallow the next option, for example --dry-run.
 */
static int option_take(const struct option_row *option, const char *value, bool is_word,
		       bool *given, struct settings *settings, struct bs_error *err)
{
	if (is_word && value[0] == '-' && value[1] != '\0')
		return fail(err, BS_USAGE,
			    "the option --%s needs a value; if %s is the value, write --%s=%s",
			    option->name, value, option->name, value);
	if (*given && !option_repeats(option))
		return fail(err, BS_USAGE, "the option --%s is given twice", option->name);
	*given = true;
	return option->parse(option, value, (char *)settings + option->field, err);
}

int options_parse(enum command_bit command, int argc, char **argv, struct settings *settings,
		  int *first_image, struct bs_error *err)
{
	struct option longs[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 2];
	bool given[OPTION_COUNT] = {false};
	int value;

	*settings = (struct settings){
		.options = {.size = sizeof(settings->options)},
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
		bool is_word = word == optarg; /* the value is a word of its own */

		if (value == '?' || value == ':')
			return option_fail(command, value, argv, err);
		if (is_word)
			word = argv[optind - 2];
		option = options_find(command, value);
		/*
		 * getopt accepts the beginning of a name.  We do not: the same beginning may belong
		 * to an option of another command, or of a later version.  For example, batch must
		 * not take `--json IMAGE` for `--jsonl FILE`.
		 */
		if (value >= OPTION_VALUE && strcspn(word + 2, "=") != strlen(option->name))
			return option_fail_unknown(command, word, argv[optind], err);
		if (option_take(option, optarg, is_word, &given[option - table], settings, err) < 0)
			return -1;
	}
	*first_image = optind;
	return options_check(settings, command, argc - optind, err);
}

/* Whether the value of an option that does not have one in its own word is the next word. */
static bool option_takes_next(const char *word)
{
	const struct option_row *option;

	if (word[1] == '-') {
		option = strchr(word, '=') ? NULL : option_named(ALL, word + 2);
		return option && option->argument;
	}
	while (*++word != '\0')
		for (option = table; option < table + OPTION_COUNT; option++)
			if (option->letter == *word && option->argument)
				return word[1] == '\0';
	return false;
}

int options_find_command(int argc, char *const *argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		bool is_end = strcmp(argv[i], "--") == 0;

		i += is_end || !option_takes_next(argv[i]) ? 1 : 2;
		if (is_end)
			break;
	}
	return i < argc ? i : argc;
}

int options_fail_no_command(int argc, char *const *argv, struct bs_error *err)
{
	char list[COMMAND_LIST_MAX], name[34];
	unsigned commands;

	snprintf(name, sizeof(name), "%.*s", argc > 1 ? (int)strcspn(argv[1], "=") : 0,
		 argc > 1 ? argv[1] : "");
	commands = name[0] == '-' && name[1] != '\0' && strcmp(name, "--") != 0
			   ? option_commands(name)
			   : ALL;
	command_list(commands == 0 ? ALL : commands, list);
	if (commands == 0)
		return fail(err, BS_USAGE,
			    "unknown option %s, and no command is named; the commands are %s", name,
			    list);
	if (commands != ALL)
		return fail(err, BS_USAGE, "no command is named; %s is an option of %s", name,
			    list);
	return fail(err, BS_USAGE, "no command is named; the commands are %s", list);
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
