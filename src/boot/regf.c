/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/regf.h"

#include <stdlib.h>
#include <strings.h>

#include "util/bytes.h"
#include "util/utf16.h"

#define BASE_BLOCK_SIZE 4096u
#define NO_CELL         0xFFFFFFFFu
#define CELL_MAX        (1u << 20)  /* bytes; limit for cells read whole; lists are far smaller */
#define KEY_SIZE        76u         /* bytes of a key node before its name */
#define KEY_COMP_NAME   0x20u       /* flag of a key: its name has one byte per character */
#define VALUE_SIZE      20u         /* bytes of a key value before its name */
#define VALUE_COMP_NAME 0x01u       /* flag of a value: its name has one byte per character */
#define INLINE_DATA     0x80000000u /* flag of a size: the data are in the record itself */
#define SUBKEYS_MAX     65536u
#define EFFORT_MAX      (256u << 20) /* bytes; no real store needs so much; spent within seconds */
#define CELL_EFFORT     64u          /* the cost of each cell, in addition to its bytes */

static int regf_damaged(struct bs_error *err, const char *what, uint32_t offset)
{
	return fail(err, BS_BCD_DAMAGED, "the registry hive is damaged: %s at cell 0x%x", what,
		    offset);
}

static int regf_spend(struct regf *hive, uint32_t effort, struct bs_error *err)
{
	if (effort > hive->effort)
		return fail(
			err, BS_BCD_DAMAGED,
			"the registry hive is damaged: its cells refer to each other too often");
	hive->effort -= effort;
	return 0;
}

/* Finds the payload of a cell that is in use: its offset in the hive and its size in bytes. */
static int cell_locate(struct regf *hive, uint32_t cell, uint64_t *offset, uint32_t *size,
		       struct bs_error *err)
{
	uint8_t header[4];
	int32_t stored;
	uint64_t start = (uint64_t)BASE_BLOCK_SIZE + cell;

	if (regf_spend(hive, CELL_EFFORT, err) < 0)
		return -1;
	if (cell == NO_CELL || cell % 8 != 0 || !range_within(start, sizeof(header), hive->size))
		return regf_damaged(err, "an offset outside of it", cell);
	if (hive->read(hive->source, start, header, sizeof(header), err) < 0)
		return -1;
	stored = (int32_t)load_le32(header);
	if (stored >= -4 || stored == INT32_MIN ||
	    !range_within(start, (uint64_t) - (int64_t)stored, hive->size))
		return regf_damaged(err, "a bad size", cell);
	*offset = start + sizeof(header);
	*size = (uint32_t)-stored - (uint32_t)sizeof(header);
	return 0;
}

/* Reads the first `length` bytes of a cell's payload. */
static int cell_read(struct regf *hive, uint32_t cell, void *buffer, size_t length,
		     struct bs_error *err)
{
	uint64_t offset;
	uint32_t size;

	if (cell_locate(hive, cell, &offset, &size, err) < 0)
		return -1;
	if (size < length)
		return regf_damaged(err, "too short a record", cell);
	return hive->read(hive->source, offset, buffer, length, err);
}

/* Reads the whole payload of a cell; the caller frees *payload. */
static int cell_load(struct regf *hive, uint32_t cell, uint8_t **payload, uint32_t *size,
		     struct bs_error *err)
{
	uint64_t offset;

	if (cell_locate(hive, cell, &offset, size, err) < 0)
		return -1;
	if (*size > CELL_MAX)
		return regf_damaged(err, "too large a record", cell);
	if (regf_spend(hive, *size, err) < 0)
		return -1;
	*payload = malloc(*size);
	if (!*payload)
		return fail_memory(err);
	if (hive->read(hive->source, offset, *payload, *size, err) < 0) {
		free(*payload);
		return -1;
	}
	return 0;
}

static int key_read(struct regf *hive, uint32_t key, uint8_t node[KEY_SIZE], struct bs_error *err)
{
	if (cell_read(hive, key, node, KEY_SIZE, err) < 0)
		return -1;
	return memcmp(node, "nk", 2) == 0 ? 0 : regf_damaged(err, "not a key", key);
}

static int regf_read_buffer(void *source, uint64_t offset, void *buffer, size_t length,
			    struct bs_error *err)
{
	(void)err; /* the reader stays within hive->size */
	memcpy(buffer, (const uint8_t *)source + offset, length);
	return 0;
}

void regf_from_buffer(struct regf *hive, const uint8_t *buffer, size_t size)
{
	*hive = (struct regf){
		.read = regf_read_buffer, .source = (void *)(uintptr_t)buffer, .size = size};
}

static uint32_t regf_checksum(const uint8_t *bytes)
{
	uint32_t checksum = 0;

	for (unsigned i = 0; i < 508; i += 4)
		checksum ^= load_le32(bytes + i);
	/* The format never stores these two values. */
	if (checksum == 0)
		return 1;
	return checksum == 0xFFFFFFFF ? 0xFFFFFFFE : checksum;
}

static bool regf_has_signature(const uint8_t *bytes)
{
	return memcmp(bytes, "regf", 4) == 0;
}

bool regf_is_base_block(const uint8_t *bytes)
{
	return regf_has_signature(bytes) && regf_checksum(bytes) == load_le32(bytes + 508);
}

int regf_open(struct regf *hive, struct bs_error *err)
{
	uint8_t base[512];
	uint8_t node[KEY_SIZE];

	if (hive->size < BASE_BLOCK_SIZE)
		return fail(err, BS_BCD_DAMAGED,
			    "it is not a registry hive: shorter than its header");
	if (hive->read(hive->source, 0, base, sizeof(base), err) < 0)
		return -1;
	if (!regf_has_signature(base))
		return fail(err, BS_BCD_DAMAGED, "it is not a registry hive");
	if (!regf_is_base_block(base))
		return fail(err, BS_BCD_DAMAGED,
			    "the registry hive's header is damaged (checksum)");
	if (!range_within(BASE_BLOCK_SIZE, load_le32(base + 40), hive->size))
		return fail(err, BS_BCD_DAMAGED, "the registry hive is cut short");
	hive->sequence = load_le32(base + 8);
	hive->dirty = load_le32(base + 4) != hive->sequence;
	hive->root = load_le32(base + 36);
	hive->effort = EFFORT_MAX;
	return key_read(hive, hive->root, node, err);
}

/* Adds the keys of a list that holds no lists (lf, lh or li). */
static int list_add_leaf(const uint8_t *list, uint32_t size, struct regf_keys *keys, uint32_t cell,
			 struct bs_error *err)
{
	uint32_t width = list[1] == 'i' ? 4 : 8; /* li has no hash behind each offset */
	uint32_t entries = load_le16(list + 2);

	if (entries > (size - 4) / width || keys->count + entries > SUBKEYS_MAX)
		return regf_damaged(err, "too long a list", cell);
	if (regf_keys_reserve(keys, entries, err) < 0)
		return -1;
	for (uint32_t i = 0; i < entries; i++)
		keys->items[keys->count++] = load_le32(list + 4 + (size_t)i * width);
	return 0;
}

/* Adds the keys of a list of keys or, unless `nested` is true, of a list of lists (ri). */
static int list_add(struct regf *hive, uint32_t cell, bool nested, struct regf_keys *keys,
		    struct bs_error *err)
{
	uint8_t *list;
	uint32_t size;
	int result = 0;

	if (cell_load(hive, cell, &list, &size, err) < 0)
		return -1;
	if (size < 4)
		result = regf_damaged(err, "too short a list", cell);
	else if (memcmp(list, "lf", 2) == 0 || memcmp(list, "lh", 2) == 0 ||
		 memcmp(list, "li", 2) == 0)
		result = list_add_leaf(list, size, keys, cell, err);
	else if (memcmp(list, "ri", 2) == 0 && !nested && load_le16(list + 2) <= (size - 4) / 4)
		for (uint32_t i = 0; i < load_le16(list + 2) && result == 0; i++)
			result = list_add(hive, load_le32(list + 4 + (size_t)i * 4), true, keys,
					  err);
	else
		result = regf_damaged(err, "not a list of keys", cell);
	free(list);
	return result;
}

int regf_subkeys(struct regf *hive, uint32_t key, struct regf_keys *subkeys, struct bs_error *err)
{
	uint8_t node[KEY_SIZE];

	*subkeys = (struct regf_keys){0};
	if (key_read(hive, key, node, err) < 0)
		return -1;
	if (load_le32(node + 20) == 0)
		return 0;
	return list_add(hive, load_le32(node + 28), false, subkeys, err);
}

int regf_name(struct regf *hive, uint32_t key, char name[REGF_NAME_MAX], struct bs_error *err)
{
	uint8_t *node;
	uint32_t size, length;
	unsigned width;

	if (cell_load(hive, key, &node, &size, err) < 0)
		return -1;
	if (size < KEY_SIZE || memcmp(node, "nk", 2) != 0 ||
	    load_le16(node + 72) > size - KEY_SIZE) {
		free(node);
		return regf_damaged(err, "not a key", key);
	}
	width = load_le16(node + 2) & KEY_COMP_NAME ? 1 : 2;
	length = (uint32_t)min_u64(load_le16(node + 72) / width, REGF_NAME_MAX - 1);
	for (uint32_t i = 0; i < length; i++) {
		const uint8_t *c = node + KEY_SIZE + (size_t)i * width;
		bool ascii = *c > 0 && *c < 0x80 && (width == 1 || c[1] == 0);

		name[i] = ascii ? (char)*c : '?';
	}
	name[length] = '\0';
	free(node);
	return 0;
}

int regf_find(struct regf *hive, uint32_t key, const char *name, uint32_t *subkey,
	      struct bs_error *err)
{
	char found[REGF_NAME_MAX];
	struct regf_keys keys;
	int result = regf_subkeys(hive, key, &keys, err);

	*subkey = 0;
	for (size_t i = 0; i < keys.count && *subkey == 0 && result == 0; i++) {
		result = regf_name(hive, keys.items[i], found, err);
		if (result == 0 && strcasecmp(found, name) == 0)
			*subkey = keys.items[i];
	}
	regf_keys_free(&keys);
	return result;
}

int regf_find_path(struct regf *hive, const char *path, uint32_t *key, struct bs_error *err)
{
	char part[REGF_NAME_MAX];

	*key = hive->root;
	while (*path != '\0' && *key != 0) {
		size_t length = strcspn(path, "\\");

		if (length >= sizeof(part))
			return fail(err, BS_BCD_DAMAGED, "too long a key name");
		memcpy(part, path, length);
		part[length] = '\0';
		if (regf_find(hive, *key, part, key, err) < 0)
			return -1;
		path += length + (path[length] != '\0');
	}
	return 0;
}

/* Finds the data of a value.  `record` is the value's record, which is in `cell`. */
static int value_locate(struct regf *hive, uint32_t cell, const uint8_t *record,
			struct regf_value *value, struct bs_error *err)
{
	bool is_inline = (load_le32(record + 4) & INLINE_DATA) != 0;
	uint32_t available = 0;

	*value = (struct regf_value){
		.type = load_le32(record + 12),
		.size = load_le32(record + 4) & ~INLINE_DATA,
	};
	if (value->size == 0 && !is_inline)
		return 0;
	/* Data of more than 16344 bytes are in several cells.  bootshift reads no such value. */
	if (cell_locate(hive, is_inline ? cell : load_le32(record + 8), &value->offset, &available,
			err) < 0)
		return -1;
	if (value->size > (is_inline ? 4 : available))
		return regf_damaged(err, "too long a value", cell);
	if (is_inline)
		value->offset += 8;
	return 0;
}

/* Sets *match to whether the value in `cell` has the name `name`.  Then also sets *value. */
static int value_match(struct regf *hive, uint32_t cell, const char *name, bool *match,
		       struct regf_value *value, struct bs_error *err)
{
	uint8_t *record;
	uint32_t size, length;
	int result = 0;

	*match = false;
	if (cell_load(hive, cell, &record, &size, err) < 0)
		return -1;
	if (size < VALUE_SIZE || memcmp(record, "vk", 2) != 0) {
		result = regf_damaged(err, "not a value", cell);
		goto out;
	}
	length = load_le16(record + 2);
	/* The searched names are ASCII.  Windows and hivex store ASCII in one byte each. */
	*match = length == strlen(name) && length <= size - VALUE_SIZE &&
		 (load_le16(record + 16) & VALUE_COMP_NAME) != 0 &&
		 strncasecmp((const char *)record + VALUE_SIZE, name, length) == 0;
	if (*match)
		result = value_locate(hive, cell, record, value, err);
out:
	free(record);
	return result;
}

int regf_value(struct regf *hive, uint32_t key, const char *name, bool *found,
	       struct regf_value *value, struct bs_error *err)
{
	uint8_t node[KEY_SIZE];
	uint8_t *list = NULL;
	uint32_t count, size;
	int result = 0;

	*found = false;
	if (key_read(hive, key, node, err) < 0)
		return -1;
	count = load_le32(node + 36);
	if (count == 0)
		return 0;
	if (cell_load(hive, load_le32(node + 40), &list, &size, err) < 0)
		return -1;
	if (count > size / 4)
		result = regf_damaged(err, "too long a list of values", key);
	for (uint32_t i = 0; i < count && !*found && result == 0; i++)
		result =
			value_match(hive, load_le32(list + (size_t)i * 4), name, found, value, err);
	free(list);
	return result;
}

int regf_string(struct regf *hive, uint32_t key, const char *name, char *text, size_t size,
		struct bs_error *err)
{
	uint8_t buffer[1024];
	struct regf_value value;
	bool found;
	size_t length;

	text[0] = '\0';
	if (regf_value(hive, key, name, &found, &value, err) < 0)
		return -1;
	if (!found || (value.type != REGF_SZ && value.type != REGF_EXPAND_SZ) || value.size == 0)
		return 0;
	length = min_u64(value.size, sizeof(buffer));
	if (hive->read(hive->source, value.offset, buffer, length, err) < 0)
		return -1;
	utf16_to_utf8(buffer, length, text, size);
	return 0;
}
