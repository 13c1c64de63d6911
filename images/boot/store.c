/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

/* The format of hives: "Windows registry file format specification" by Maxim Suhanov. */
#define BASE_SIZE      0x1000u /* cells are counted from its end */
#define BASE_ROOT      0x24
#define BASE_HIVE_SIZE 0x28
#define BASE_CHECKSUM  0x1FC

#define KEY_SUBKEY_COUNT 0x14
#define KEY_SUBKEYS      0x1C
#define KEY_VALUE_COUNT  0x24
#define KEY_VALUES       0x28
#define KEY_NAME_LENGTH  0x48
#define KEY_NAME         0x4Cu

#define VALUE_NAME_LENGTH 0x02
#define VALUE_LENGTH      0x04
#define VALUE_INLINE      0x80000000u
#define VALUE_DATA        0x08
#define VALUE_NAME        0x14u

#define LIST_ENTRIES 4u

/* A cell of at least `least` bytes; NULL when there is none.  *length is what it has. */
static const uint8_t *cell(const struct store *store, uint32_t offset, uint32_t least,
			   uint32_t *length)
{
	uint32_t at = BASE_SIZE + offset, size;

	if (at < offset || offset % 8 != 0 || !lies_within(at, 4, store->hive.length))
		return NULL;
	size = 0u - load32(store->hive.data + at); /* negative: in use */
	if (size < 4 || !lies_within(at, size, store->hive.length) || size - 4 < least)
		return NULL;
	*length = size - 4;
	return store->hive.data + at + 4;
}

static const uint8_t *cell_of(const struct store *store, uint32_t offset, const char *magic,
			      uint32_t least)
{
	uint32_t length;
	const uint8_t *found = cell(store, offset, least, &length);

	return found != NULL && memcmp(found, magic, 2) == 0 ? found : NULL;
}

static bool equal_names(const uint8_t *name, uint32_t length, const char *other)
{
	for (uint32_t i = 0; i < length; i++)
		if (other[i] == '\0' || upper(name[i]) != upper((uint8_t)other[i]))
			return false;
	return other[length] == '\0';
}

static bool is_key(const struct store *store, uint32_t offset, const char *name)
{
	uint32_t length;
	const uint8_t *key = cell(store, offset, KEY_NAME, &length);
	uint32_t name_length;

	if (key == NULL || memcmp(key, "nk", 2) != 0)
		return false;
	name_length = load16(key + KEY_NAME_LENGTH);
	return lies_within(KEY_NAME, name_length, length) &&
	       equal_names(key + KEY_NAME, name_length, name);
}

/* Offset of the key in a list of keys, 0 when it is not there; `levels` of lists of lists. */
static uint32_t find_in_list(const struct store *store, uint32_t offset, const char *name,
			     unsigned levels)
{
	uint32_t length, found = 0, step;
	const uint8_t *list = cell(store, offset, LIST_ENTRIES, &length);
	bool of_lists;

	if (list == NULL)
		return 0;
	of_lists = memcmp(list, "ri", 2) == 0;
	step = of_lists || memcmp(list, "li", 2) == 0 ? 4 : 8;
	for (uint32_t i = 0; i < load16(list + 2) && found == 0; i++) {
		uint32_t at = LIST_ENTRIES + i * step, key;

		if (!lies_within(at, 4, length))
			return 0;
		key = load32(list + at);
		if (of_lists)
			found = levels > 0 ? find_in_list(store, key, name, levels - 1) : 0;
		else if (is_key(store, key, name))
			found = key;
	}
	return found;
}

static uint32_t find_key(const struct store *store, uint32_t parent, const char *name)
{
	const uint8_t *key = cell_of(store, parent, "nk", KEY_NAME);

	if (key == NULL || load32(key + KEY_SUBKEY_COUNT) == 0)
		return 0;
	return find_in_list(store, load32(key + KEY_SUBKEYS), name, 1);
}

static bool value_data(const struct store *store, const uint8_t *value, struct bytes *data)
{
	uint32_t length = load32(value + VALUE_LENGTH), room;

	if (length & VALUE_INLINE) {
		*data = (struct bytes){.data = value + VALUE_DATA, .length = length & 7};
		return data->length <= 4;
	}
	data->data = cell(store, load32(value + VALUE_DATA), length, &room);
	data->length = length;
	return data->data != NULL;
}

static bool find_value(const struct store *store, uint32_t offset, const char *name,
		       struct bytes *data)
{
	const uint8_t *key = cell_of(store, offset, "nk", KEY_NAME), *list;
	uint32_t length;

	if (key == NULL || load32(key + KEY_VALUE_COUNT) == 0)
		return false;
	list = cell(store, load32(key + KEY_VALUES), 4, &length);
	for (uint32_t i = 0; list != NULL && i < load32(key + KEY_VALUE_COUNT); i++) {
		const uint8_t *value;
		uint32_t room, name_length;

		if (!lies_within(4 * i, 4, length))
			return false;
		value = cell(store, load32(list + 4 * i), VALUE_NAME, &room);
		if (value == NULL || memcmp(value, "vk", 2) != 0)
			return false;
		name_length = load16(value + VALUE_NAME_LENGTH);
		if (lies_within(VALUE_NAME, name_length, room) &&
		    equal_names(value + VALUE_NAME, name_length, name))
			return value_data(store, value, data);
	}
	return false;
}

/* Of the base block: all its 32-bit words before the checksum, one xor the other. */
static bool checksum_is_right(const uint8_t *base)
{
	uint32_t sum = 0;

	for (unsigned at = 0; at < BASE_CHECKSUM; at += 4)
		sum ^= load32(base + at);
	sum = sum == 0 ? 1 : sum == 0xFFFFFFFF ? 0xFFFFFFFE : sum;
	return sum == load32(base + BASE_CHECKSUM);
}

bool store_open(struct store *store, struct bytes hive)
{
	*store = (struct store){.hive = hive};
	if (hive.length < BASE_SIZE || memcmp(hive.data, "regf", 4) != 0 ||
	    !checksum_is_right(hive.data) ||
	    !lies_within(BASE_SIZE, load32(hive.data + BASE_HIVE_SIZE), hive.length))
		return false;
	store->objects = find_key(store, load32(hive.data + BASE_ROOT), "Objects");
	return store->objects != 0;
}

bool store_element(const struct store *store, const char *object, const char *element,
		   struct bytes *data)
{
	uint32_t key = find_key(store, store->objects, object);

	key = key != 0 ? find_key(store, key, "Elements") : 0;
	key = key != 0 ? find_key(store, key, element) : 0;
	return key != 0 && find_value(store, key, "Element", data);
}

bool store_string(const struct store *store, const char *object, const char *element,
		  const uint16_t **units, uint32_t *length)
{
	struct bytes data;

	if (!store_element(store, object, element, &data))
		return false;
	*units = (const uint16_t *)(const void *)data.data; /* aligned, as every cell is */
	*length = wide_length(*units, data.length / 2);
	return true;
}

bool store_listed(const struct store *store, const char *object, const char *element,
		  uint32_t index, char guid[GUID_LENGTH + 1])
{
	uint32_t at = index * 2 * (GUID_LENGTH + 1);
	struct bytes data;

	if (!store_element(store, object, element, &data) || index > data.length ||
	    !lies_within(at, 2 * GUID_LENGTH, data.length))
		return false;
	for (uint32_t i = 0; i < GUID_LENGTH; i++)
		guid[i] = (char)data.data[at + 2 * i];
	guid[GUID_LENGTH] = '\0';
	return true;
}

uint32_t store_type(const struct store *store, const char *object)
{
	uint32_t key = find_key(store, store->objects, object);
	struct bytes data;

	key = key != 0 ? find_key(store, key, "Description") : 0;
	if (key == 0 || !find_value(store, key, "Type", &data) || data.length < 4)
		return 0;
	return load32(data.data);
}
