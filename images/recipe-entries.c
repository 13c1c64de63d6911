/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements about folders, files, streams and raw bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "content.h"
#include "parser.h"
#include "security.h"

/* Windows' root folders are hidden and system. */
#define ROOT_ATTRIBUTES 0x6u
/* 1601 to 1970, in seconds; an NTFS time counts 100 ns. */
#define NTFS_EPOCH       11644473600u
#define TICKS_PER_SECOND 10000000u

static struct partition *current(const struct parser *parser)
{
	if (!parser->on)
		die_at(parser->where, "on which partition? Say \"on NAME\" first");
	return parser->on;
}

void parse_on(struct parser *parser, unsigned count, char *words[])
{
	if (count != 1)
		die_at(parser->where, "on PARTITION");
	parser->on = recipe_partition(parser->recipe, words[0], parser->where);
}

static const struct security_descriptor *find_descriptor(const struct parser *parser,
							 const char *name)
{
	struct security_descriptor *descriptor;

	STAILQ_FOREACH(descriptor, &parser->recipe->descriptors, next)
	{
		if (strcmp(descriptor->name, name) == 0)
			return descriptor;
	}
	die_at(parser->where, "there is no descriptor \"%s\"", name);
}

void parse_descriptor(struct parser *parser, unsigned count, char *words[])
{
	struct security_descriptor *descriptor = allocate(sizeof *descriptor);

	if (count != 2)
		die_at(parser->where, "descriptor NAME SDDL");
	descriptor->name = copy_text(words[0], strlen(words[0]));
	security_descriptor_from_sddl(words[1], &descriptor->bytes, parser->where);
	STAILQ_INSERT_HEAD(&parser->recipe->descriptors, descriptor, next);
}

/*
 * The letters of the attrib command, C for compressed and E for encrypted; "none" for no attribute
 * at all.
 */
static uint32_t parse_attributes(const char *letters, struct location where)
{
	static const struct {
		char letter;
		uint32_t attribute;
	} known[] = {
		{'r', 0x1},    /* read-only */
		{'h', 0x2},    /* hidden */
		{'s', 0x4},    /* system */
		{'a', 0x20},   /* archive */
		{'p', 0x200},  /* sparse */
		{'c', 0x800},  /* compressed */
		{'i', 0x2000}, /* not content indexed */
		{'e', 0x4000}, /* encrypted */
	};
	uint32_t attributes = 0;

	if (strcmp(letters, "none") == 0)
		return 0;
	for (; *letters; letters++) {
		size_t i = 0;

		while (i < sizeof known / sizeof *known && known[i].letter != *letters)
			i++;
		if (i == sizeof known / sizeof *known)
			die_at(where, "there is no attribute '%c'", *letters);
		attributes |= known[i].attribute;
	}
	return attributes;
}

/* 2009-07-14T01:14:26.1234567Z, all in UTC; the fraction may be missing. */
static uint64_t parse_time(const char *text, struct location where)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t fraction = 0, unit = TICKS_PER_SECOND;

	if (rest && *rest == '.') {
		for (rest++; *rest >= '0' && *rest <= '9' && unit > 1; rest++) {
			unit /= 10;
			fraction += (uint64_t)(*rest - '0') * unit;
		}
	}
	if (!rest || strcmp(rest, "Z") != 0)
		die_at(where, "\"%s\" is not a time like 2009-07-14T01:14:26Z", text);
	return ((uint64_t)timegm(&tm) + NTFS_EPOCH) * TICKS_PER_SECOND + fraction;
}

/* Four times, or one for all four. */
static void parse_times(const char *list, uint64_t times[4], struct location where)
{
	char *texts = copy_text(list, strlen(list)), *rest = texts;
	unsigned count = 0;

	while (rest && count < 4)
		times[count++] = parse_time(strsep(&rest, ","), where);
	if (rest || (count != 1 && count != 4))
		die_at(where, "one time or four");
	for (; count < 4; count++)
		times[count] = times[0];
	free(texts);
}

/* NAME:HEX to one FILE_FULL_EA_INFORMATION (MS-FSCC 2.4.15), the only one. */
static void parse_extended_attribute(const char *text, struct bytes *bytes, struct location where)
{
	const char *colon = strchr(text, ':');
	size_t name_length = colon ? (size_t)(colon - text) : 0;
	struct bytes value = {0};

	if (name_length == 0 || name_length > UINT8_MAX)
		die_at(where, "ea=NAME:HEX");
	append_hex(&value, colon + 1, where);
	*bytes = (struct bytes){0};
	append_le32(bytes, ((uint32_t)(8 + name_length + 1 + value.length) + 3) & ~3u);
	append(bytes, (const uint8_t[]){0, (uint8_t)name_length}, 2);
	append_le16(bytes, (uint16_t)value.length);
	append(bytes, text, name_length);
	append_zeros(bytes, 1);
	append(bytes, value.data, value.length);
	append_zeros(bytes, load_le32(bytes->data) - bytes->length);
	free(value.data);
}

/* TAG:HEX to a REPARSE_DATA_BUFFER (MS-FSCC 2.1.2.2); the tag is one of Microsoft's. */
static void parse_reparse_point(const char *text, struct bytes *bytes, struct location where)
{
	const char *colon = strchr(text, ':');
	struct bytes data = {0};

	if (!colon)
		die_at(where, "reparse=TAG:HEX");
	append_hex(&data, colon + 1, where);
	*bytes = (struct bytes){0};
	append_le32(bytes, (uint32_t)parse_number(copy_text(text, (size_t)(colon - text)), where));
	append_le16(bytes, (uint16_t)data.length);
	append_le16(bytes, 0);
	append(bytes, data.data, data.length);
	free(data.data);
}

static void entry_options(struct parser *parser, struct entry *entry, char *words[])
{
	bool head_is_new = false;

	for (; *words; words++) {
		const char *value;

		if ((value = option_value(*words, "attributes")))
			entry->attributes = parse_attributes(value, parser->where);
		else if ((value = option_value(*words, "short")))
			entry->short_name = copy_text(value, strlen(value));
		else if ((value = option_value(*words, "descriptor")))
			entry->descriptor = find_descriptor(parser, value);
		else if ((value = option_value(*words, "times")))
			parse_times(value, entry->times, parser->where);
		else if ((value = option_value(*words, "ea")))
			parse_extended_attribute(value, &entry->extended_attributes, parser->where);
		else if ((value = option_value(*words, "reparse")))
			parse_reparse_point(value, &entry->reparse_point, parser->where);
		else if (entry->kind == ENTRY_FOLDER ||
			 !content_option(&entry->content, *words, &head_is_new, parser->where))
			die_at(parser->where, "there is no \"%s\" here", *words);
	}
	entry->where = parser->where;
}

static struct entry *find_entry(const struct recipe *recipe, const struct partition *partition,
				const char *path, const char *stream)
{
	struct entry *entry;

	TAILQ_FOREACH(entry, &recipe->entries, next)
	{
		if (entry->partition == partition && strcasecmp(entry->path, path) == 0 &&
		    !entry->stream == !stream &&
		    (!stream || strcasecmp(entry->stream, stream) == 0))
			break;
	}
	return entry;
}

static struct entry *add_entry(struct parser *parser, enum entry_kind kind, const char *path,
			       const char *stream);

/* Folders that a path goes through and that nobody has described. */
static void add_parents(struct parser *parser, const char *path)
{
	const char *name = path_name(path);
	char *folder = copy_text(path, name - path > 1 ? (size_t)(name - path) - 1 : 1);

	if (*name && !find_entry(parser->recipe, current(parser), folder, NULL))
		add_entry(parser, ENTRY_FOLDER, folder, NULL);
	free(folder);
}

static struct entry *add_entry(struct parser *parser, enum entry_kind kind, const char *path,
			       const char *stream)
{
	struct entry *entry = allocate(sizeof *entry);

	if (path[0] != '\\')
		die_at(parser->where, "\"%s\" does not begin with a backslash", path);
	if (!parser->defaults.descriptor)
		die_at(parser->where, "a file needs a descriptor; give one with \"defaults\"");
	add_parents(parser, path);
	*entry = parser->defaults;
	entry->kind = kind;
	entry->partition = current(parser);
	entry->path = copy_text(path, strlen(path));
	entry->stream = stream ? copy_text(stream, strlen(stream)) : NULL;
	entry->content.seed = hash_text(stream ? stream : path);
	if (kind != ENTRY_FILE)
		entry->attributes = strcmp(path, "\\") == 0 ? ROOT_ATTRIBUTES : 0;
	TAILQ_INSERT_TAIL(&parser->recipe->entries, entry, next);
	return entry;
}

static void parse_entry(struct parser *parser, enum entry_kind kind, const char *path,
			const char *stream, char *words[])
{
	struct entry *entry = find_entry(parser->recipe, current(parser), path, stream);

	if (entry && entry->kind != kind)
		die_at(parser->where, "\"%s\" is already something else", path);
	if (!entry)
		entry = add_entry(parser, kind, path, stream);
	entry_options(parser, entry, words);
}

void parse_defaults(struct parser *parser, unsigned count, char *words[])
{
	(void)count;
	parser->defaults.kind = ENTRY_FOLDER; /* content is never a default */
	entry_options(parser, &parser->defaults, words);
}

static void each_folder(struct parser *parser, const char *path, char *words[])
{
	parse_entry(parser, ENTRY_FOLDER, path, NULL, words);
}

static void each_file(struct parser *parser, const char *path, char *words[])
{
	parse_entry(parser, ENTRY_FILE, path, NULL, words);
}

static void each_stream(struct parser *parser, const char *path, char *words[])
{
	const char *colon = strrchr(path, ':');
	char *file;

	if (!colon)
		die_at(parser->where, "stream PATH:NAME");
	file = copy_text(path, (size_t)(colon - path));
	parse_entry(parser, ENTRY_STREAM, file, colon + 1, words);
	free(file);
}

static void parse_entries(struct parser *parser, unsigned count, char *words[],
			  void (*each)(struct parser *, const char *, char **))
{
	if (count < 1)
		die_at(parser->where, "a path is missing");
	expand_path(parser, words[0], each, words + 1);
}

void parse_folder(struct parser *parser, unsigned count, char *words[])
{
	parse_entries(parser, count, words, each_folder);
}

void parse_file(struct parser *parser, unsigned count, char *words[])
{
	parse_entries(parser, count, words, each_file);
}

void parse_stream(struct parser *parser, unsigned count, char *words[])
{
	parse_entries(parser, count, words, each_stream);
}

void parse_remove(struct parser *parser, unsigned count, char *words[])
{
	struct entry *entry, *following;

	if (count != 1 || !find_entry(parser->recipe, current(parser), words[0], NULL))
		die_at(parser->where, "remove PATH, of something that is there");
	for (entry = TAILQ_FIRST(&parser->recipe->entries); entry; entry = following) {
		following = TAILQ_NEXT(entry, next);
		if (entry->partition == parser->on && path_within(entry->path, words[0]))
			TAILQ_REMOVE(&parser->recipe->entries, entry, next);
	}
}

/* From another partition to the current one, with all that lies below. */
void parse_copy(struct parser *parser, unsigned count, char *words[])
{
	const struct partition *from;
	struct entry *entry, *last;
	unsigned copied = 0;

	if (count != 2)
		die_at(parser->where, "copy PARTITION PATH");
	from = recipe_partition(parser->recipe, words[0], parser->where);
	last = TAILQ_LAST(&parser->recipe->entries, entries);
	TAILQ_FOREACH(entry, &parser->recipe->entries, next)
	{
		if (entry->partition == from && path_within(entry->path, words[1])) {
			struct entry *copy = allocate(sizeof *copy);

			*copy = *entry;
			copy->partition = current(parser);
			TAILQ_INSERT_TAIL(&parser->recipe->entries, copy, next);
			copied++;
		}
		if (entry == last)
			break;
	}
	if (copied == 0)
		die_at(parser->where, "there is no \"%s\" to copy", words[1]);
}

/* patch disk|volume|\PATH OFFSET hex=..|text=.. */
void parse_patch(struct parser *parser, unsigned count, char *words[])
{
	struct patch *patch = allocate(sizeof *patch);
	struct content bytes = {0};
	bool head_is_new = false;

	if (count != 3 || !content_option(&bytes, words[2], &head_is_new, parser->where) ||
	    !bytes.head.data)
		die_at(parser->where, "patch disk|volume|\\PATH OFFSET hex=..|text=..");
	if (strcmp(words[0], "disk") != 0)
		patch->partition = current(parser);
	if (words[0][0] == '\\')
		patch->path = copy_text(words[0], strlen(words[0]));
	else if (patch->partition && strcmp(words[0], "volume") != 0)
		die_at(parser->where, "\"%s\" cannot be patched", words[0]);
	patch->offset = parse_number(words[1], parser->where);
	patch->bytes = bytes.head;
	patch->where = parser->where;
	STAILQ_INSERT_TAIL(&parser->recipe->patches, patch, next);
}
