/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Generated content: text, bytes, tiny executables, and pseudo-random bytes.
 */
#include "content.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "boot-code.h"
#include "hive.h"
#include "parser.h"

#define PE_HEADER_OFFSET 0x80u

/*
 * The headers of a console program without sections, for programs that look at what kind of
 * executable a file is.  Offsets are those of Microsoft's "PE Format".
 */
static void append_executable(struct bytes *bytes, const char *machine, struct location where)
{
	bool amd64 = strcmp(machine, "amd64") == 0;
	uint16_t optional_size = amd64 ? 0xF0 : 0xE0;
	uint8_t header[0x200] = "MZ";
	uint8_t *pe = header + PE_HEADER_OFFSET, *optional = pe + 24;

	if (!amd64 && strcmp(machine, "x86") != 0)
		die_at(where, "pe=x86 or pe=amd64");
	store_le32(header + 0x3C, PE_HEADER_OFFSET);
	memcpy(pe, "PE\0", 4);
	store_le16(pe + 4, amd64 ? 0x8664 : 0x014C);
	store_le16(pe + 20, optional_size);
	store_le16(pe + 22, amd64 ? 0x0022 : 0x0102); /* executable; large addresses, 32 bit */
	store_le16(optional, amd64 ? 0x020B : 0x010B);
	store_le32(optional + 32, 0x1000);              /* section alignment */
	store_le32(optional + 36, 0x200);               /* file alignment */
	store_le16(optional + 48, 6);                   /* major subsystem version */
	store_le32(optional + 56, 0x1000);              /* size of image */
	store_le32(optional + 60, sizeof header);       /* size of headers */
	store_le16(optional + 68, 3);                   /* console */
	store_le32(optional + optional_size - 132, 16); /* data directories, all empty */
	append(bytes, header, sizeof header);
}

static void append_program(struct bytes *bytes, const char *name, struct location where)
{
	size_t length;
	const uint8_t *code = boot_code(BOOT_CODE_BOOTMGR, &length);

	if (strcmp(name, "bootmgr") != 0)
		die_at(where, "there is no program \"%s\"", name);
	append(bytes, code, length);
}

/* A range like 1000-60000 picks the size by the seed; one number is the size. */
static void parse_size(struct content *content, const char *value, struct location where)
{
	const char *dash = strchr(value, '-');
	char *least = copy_text(value, dash ? (size_t)(dash - value) : strlen(value));

	content->size_from = dash ? parse_number(least, where) : UINT64_MAX;
	content->size = parse_number(dash ? dash + 1 : least, where);
	if (dash && content->size_from > content->size)
		die_at(where, "the range \"%s\" is empty", value);
	free(least);
}

static bool head_option(struct content *content, const char *word, struct location where)
{
	const char *value;

	if ((value = option_value(word, "text"))) {
		append(&content->head, value, strlen(value));
	} else if ((value = option_value(word, "line"))) {
		append(&content->head, value, strlen(value));
		append(&content->head, "\r\n", 2);
	} else if ((value = option_value(word, "hex"))) {
		append_hex(&content->head, value, where);
	} else if ((value = option_value(word, "pe"))) {
		append_executable(&content->head, value, where);
	} else if ((value = option_value(word, "program"))) {
		append_program(&content->head, value, where);
	} else if ((value = option_value(word, "hive"))) {
		content->hive = copy_text(value, strlen(value));
		content->part = HIVE_ITSELF;
	} else if ((value = option_value(word, "stale-log"))) {
		content->hive = copy_text(value, strlen(value));
		content->part = HIVE_LOG_STALE;
	} else if ((value = option_value(word, "newer-log"))) {
		content->hive = copy_text(value, strlen(value));
		content->part = HIVE_LOG_NEWER;
	} else {
		return false;
	}
	return true;
}

bool content_option(struct content *content, const char *word, bool *head_is_new,
		    struct location where)
{
	struct content head = {0};
	const char *value;

	if ((value = option_value(word, "size"))) {
		parse_size(content, value, where);
	} else if ((value = option_value(word, "seed"))) {
		content->seed = parse_number(value, where);
	} else if ((value = option_value(word, "free"))) {
		content->free = parse_number(value, where);
	} else if ((value = option_value(word, "fragments"))) {
		content->fragments = parse_number(value, where);
	} else if (head_option(*head_is_new ? content : &head, word, where)) {
		if (!*head_is_new) {
			content->head = head.head;
			content->hive = head.hive;
			content->part = head.part;
		}
		*head_is_new = true;
	} else {
		return false;
	}
	return true;
}

/* splitmix64, by Sebastiano Vigna (public domain): one 64-bit number a step, any seed will do. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static void append_generated(struct bytes *bytes, size_t length, uint64_t seed)
{
	size_t at = bytes->length;

	append_zeros(bytes, length);
	for (; seed != 0 && at < bytes->length; at += 8) {
		uint8_t random[8];
		size_t left = bytes->length - at;

		store_le64(random, next_random(&seed));
		memcpy(bytes->data + at, random, left < 8 ? left : 8);
	}
}

static uint64_t picked_size(const struct content *content, size_t head)
{
	uint64_t state = content->seed;

	if (content->size == UINT64_MAX)
		return head;
	if (content->size_from == UINT64_MAX)
		return content->size;
	return content->size_from + next_random(&state) % (content->size - content->size_from + 1);
}

static void apply_patches(const struct recipe *recipe, const struct entry *entry,
			  struct bytes *bytes)
{
	const struct patch *patch;

	STAILQ_FOREACH(patch, &recipe->patches, next)
	{
		if (patch->partition != entry->partition || !patch->path || entry->stream ||
		    strcasecmp(patch->path, entry->path) != 0)
			continue;
		if (patch->offset > bytes->length ||
		    patch->bytes.length > bytes->length - patch->offset)
			die_at(patch->where, "\"%s\" has only %zu bytes", patch->path,
			       bytes->length);
		memcpy(bytes->data + patch->offset, patch->bytes.data, patch->bytes.length);
	}
}

void content_make(const struct recipe *recipe, const struct entry *entry, struct bytes *bytes)
{
	const struct content *content = &entry->content;
	uint64_t size;

	*bytes = (struct bytes){0};
	if (content->hive) {
		hive_make(recipe, recipe_hive(recipe, content->hive, entry->where), bytes);
		if (content->part != HIVE_ITSELF)
			hive_log_make(content->part == HIVE_LOG_NEWER, bytes);
	}
	append(bytes, content->head.data, content->head.length);
	size = picked_size(content, bytes->length);
	if (size > bytes->length)
		append_generated(bytes, size - bytes->length, content->seed);
	bytes->length = size;
	apply_patches(recipe, entry, bytes);
}
