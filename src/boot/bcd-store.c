/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/bcd-store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "boot/regf.h"
#include "util/bytes.h"

#define BASE_BLOCK_SIZE 4096u
#define BIN_SIZE        4096u /* a bin is a multiple of it */
#define BIN_HEADER      32u
#define CELL_HEADER     4u
#define KEY_SIZE        76u /* a key without its name */
#define VALUE_SIZE      20u /* the same for a value */
#define NO_CELL         UINT32_MAX
#define SEQUENCE        1u

/* Bits of a key or a value. */
#define KEY_OF_ASCII   0x0020u
#define KEY_OF_ROOT    0x000Cu /* the root of a hive, which cannot be deleted */
#define VALUE_OF_ASCII 0x0001u
#define DATA_IN_VALUE  0x80000000u

#define STORE_ROOT "NewStoreRoot"
#define STORE_NAME "BCD00000000" /* under which Windows mounts the store in its registry */

/*
 * The descriptor of all keys: owner Administrators, group SYSTEM, full control for both.
 * ([MS-DTYP] 2.4.6; O:BAG:SYD:P(A;CI;KA;;;BA)(A;CI;KA;;;SY))
 */
static const uint8_t store_security[] = {
	1, 0, 0x04, 0x90, 0x48, 0, 0, 0, 0x58, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0,
	/* the list of two rights */
	2, 0, 0x34, 0, 2, 0, 0, 0, 0, 2, 0x18, 0, 0x3F, 0, 0x0F, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0,
	0, 0, 0x20, 2, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
	/* the owner and the group */
	1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};

/* A hive that is being written.  Offsets of cells count from the end of the base block. */
struct store {
	uint8_t *bytes;
	uint32_t size, room; /* of the bins: used, and allocated */
	uint32_t next;       /* where the next cell begins in the last bin */
	uint32_t security;
	uint32_t keys;
};

/* ---- cells --------------------------------------------------------------------------------- */

/* Writes a text without a zero byte at its end. */
static void store_put(uint8_t *at, const char *text)
{
	while (*text != '\0')
		*at++ = (uint8_t)*text++;
}

static uint32_t store_round(uint32_t number, uint32_t unit)
{
	return (number + unit - 1) / unit * unit;
}

static uint8_t *store_at(struct store *store, uint32_t cell)
{
	return store->bytes + BASE_BLOCK_SIZE + cell + CELL_HEADER;
}

/* Marks the rest of the last bin as one free cell. */
static void store_end_bin(struct store *store)
{
	if (store->next < store->size)
		store_le32(store->bytes + BASE_BLOCK_SIZE + store->next, store->size - store->next);
}

static void store_begin_bin(struct store *store, uint32_t size)
{
	uint8_t *bin = store->bytes + BASE_BLOCK_SIZE + store->size;

	store_end_bin(store);
	store_put(bin, "hbin");
	store_le32(bin + 4, store->size);
	store_le32(bin + 8, size);
	store->next = store->size + BIN_HEADER;
	store->size += size;
}

/* Adds a cell of zeros with room for `length` bytes.  store_room() has counted all of them. */
static uint32_t store_cell(struct store *store, uint32_t length)
{
	uint32_t size = store_round(CELL_HEADER + length, 8), cell;

	if (size > store->size - store->next)
		store_begin_bin(store, store_round(BIN_HEADER + size, BIN_SIZE));
	cell = store->next;
	store_le32(store->bytes + BASE_BLOCK_SIZE + cell, 0u - size); /* negative: in use */
	store->next += size;
	return cell;
}

static uint32_t store_data(struct store *store, const void *data, uint32_t length)
{
	uint32_t cell = store_cell(store, length);

	if (length != 0)
		memcpy(store_at(store, cell), data, length);
	return cell;
}

/* ---- keys and values ----------------------------------------------------------------------- */

static uint32_t store_add_security(struct store *store)
{
	uint32_t cell = store_cell(store, 20 + sizeof(store_security));
	uint8_t *at = store_at(store, cell);

	store_put(at, "sk");
	store_le32(at + 4, cell); /* a ring of one */
	store_le32(at + 8, cell);
	store_le32(at + 16, sizeof(store_security));
	memcpy(at + 20, store_security, sizeof(store_security));
	return cell;
}

static uint32_t store_key(struct store *store, uint32_t parent, const char *name)
{
	uint32_t length = (uint32_t)strlen(name);
	uint32_t cell = store_cell(store, KEY_SIZE + length);
	uint8_t *at = store_at(store, cell);

	store_put(at, "nk");
	store_le16(at + 2, KEY_OF_ASCII | (store->keys == 0 ? KEY_OF_ROOT : 0));
	store_le32(at + 16, parent);
	store_le32(at + 28, NO_CELL);
	store_le32(at + 32, NO_CELL);
	store_le32(at + 40, NO_CELL);
	store_le32(at + 44, store->security);
	store_le32(at + 48, NO_CELL);
	store_le16(at + 72, (uint16_t)length);
	store_put(at + KEY_SIZE, name);
	store->keys++;
	return cell;
}

/* Gives a key its subkeys, sorted by name. */
static void store_set_subkeys(struct store *store, uint32_t key, const uint32_t *subkeys,
			      uint32_t count)
{
	uint32_t list = store_cell(store, 4 + 8 * count), longest = 0;
	uint8_t *at = store_at(store, list);

	store_put(at, "lf");
	store_le16(at + 2, (uint16_t)count);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *subkey = store_at(store, subkeys[i]);
		uint32_t length = load_le16(subkey + 72);

		store_le32(at + 4 + 8 * i, subkeys[i]);
		memcpy(at + 8 + 8 * i, subkey + KEY_SIZE, min_u64(length, 4));
		longest = (uint32_t)max_u64(longest, 2 * length);
	}
	at = store_at(store, key);
	store_le32(at + 20, count);
	store_le32(at + 28, list);
	store_le32(at + 52, longest);
}

/* Adds a value; up to four bytes lie in the value's own cell. */
static uint32_t store_value(struct store *store, const char *name, uint32_t type, const void *data,
			    uint32_t length)
{
	uint32_t data_cell = length > 4 ? store_data(store, data, length) : 0;
	uint32_t cell = store_cell(store, VALUE_SIZE + (uint32_t)strlen(name));
	uint8_t *at = store_at(store, cell);

	store_put(at, "vk");
	store_le16(at + 2, (uint16_t)strlen(name));
	store_le32(at + 4, length > 4 ? length : length | DATA_IN_VALUE);
	store_le32(at + 8, data_cell);
	if (length <= 4 && length != 0)
		memcpy(at + 8, data, length);
	store_le32(at + 12, type);
	store_le16(at + 16, VALUE_OF_ASCII);
	store_put(at + VALUE_SIZE, name);
	return cell;
}

static void store_set_values(struct store *store, uint32_t key, const uint32_t *values,
			     uint32_t count)
{
	uint32_t list = store_cell(store, 4 * count), name = 0, data = 0;
	uint8_t *at;

	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *value = store_at(store, values[i]);

		store_le32(store_at(store, list) + 4 * i, values[i]);
		name = (uint32_t)max_u64(name, 2 * load_le16(value + 2));
		data = (uint32_t)max_u64(data, load_le32(value + 4) & ~DATA_IN_VALUE);
	}
	at = store_at(store, key);
	store_le32(at + 36, count);
	store_le32(at + 40, list);
	store_le32(at + 60, name);
	store_le32(at + 64, data);
}

static void store_set_number(struct store *store, uint32_t key, const char *name, uint32_t number)
{
	uint8_t data[4];
	uint32_t value;

	store_le32(data, number);
	value = store_value(store, name, REGF_DWORD, data, sizeof(data));
	store_set_values(store, key, &value, 1);
}

/* ---- the store ----------------------------------------------------------------------------- */

/* The type of an element's value, by the digit of the element's number that gives the format. */
static uint32_t store_value_type(uint32_t element)
{
	switch (element >> 24 & 0x0F) {
	case 2: /* a string */
	case 3: /* an object */
		return REGF_SZ;
	case 4: /* a list of objects */
		return REGF_MULTI_SZ;
	default:
		return REGF_BINARY;
	}
}

/* Marks the store as one of a system. */
static uint32_t store_add_description(struct store *store, uint32_t root)
{
	static const uint8_t one[4] = {1, 0, 0, 0};
	uint8_t name[2 * sizeof(STORE_NAME)] = {0};
	uint32_t key = store_key(store, root, "Description"), values[3];

	for (size_t i = 0; i < sizeof(STORE_NAME); i++)
		store_le16(name + 2 * i, (uint16_t)STORE_NAME[i]);
	values[0] = store_value(store, "KeyName", REGF_SZ, name, sizeof(name));
	values[1] = store_value(store, "System", REGF_DWORD, one, sizeof(one));
	values[2] = store_value(store, "TreatAsSystem", REGF_DWORD, one, sizeof(one));
	store_set_values(store, key, values, 3);
	return key;
}

static uint32_t store_add_element(struct store *store, uint32_t parent,
				  const struct bs_plan_element *element)
{
	char name[12];
	uint32_t key, value;

	snprintf(name, sizeof(name), "%08x", element->element);
	key = store_key(store, parent, name);
	value = store_value(store, "Element", store_value_type(element->element), element->value,
			    element->value_size);
	store_set_values(store, key, &value, 1);
	return key;
}

/* Adds the object of elements[0], which stands for the object, and `count` elements behind it. */
static uint32_t store_add_object(struct store *store, uint32_t parent,
				 const struct bs_plan_element *elements, uint32_t count,
				 uint32_t *keys)
{
	uint32_t object = store_key(store, parent, elements[0].object), parts[2];

	parts[0] = store_key(store, object, "Description");
	store_set_number(store, parts[0], "Type", elements[0].object_type);
	parts[1] = store_key(store, object, "Elements");
	for (uint32_t i = 0; i < count; i++)
		keys[i] = store_add_element(store, parts[1], &elements[1 + i]);
	if (count != 0)
		store_set_subkeys(store, parts[1], keys, count);
	store_set_subkeys(store, object, parts, 2);
	return object;
}

/* `keys` has room for twice as many keys as there are elements. */
static void store_add_objects(struct store *store, uint32_t parent,
			      const struct bs_plan_element *elements, uint32_t count,
			      uint32_t *keys)
{
	uint32_t objects = 0, end;

	for (uint32_t first = 0; first < count; first = end) {
		for (end = first + 1; end < count && elements[end].element != 0; end++)
			;
		keys[objects++] = store_add_object(store, parent, &elements[first], end - first - 1,
						   keys + count);
	}
	if (objects != 0)
		store_set_subkeys(store, parent, keys, objects);
}

/*
 * Bytes that are enough for the bins.  A key with one value takes less than 256 bytes without its
 * data, and an object less than 512.  The end of a bin stays free if the next cell is longer: that is
 * less than half of the bins.
 */
static uint32_t store_room(const struct bs_plan_element *elements, uint32_t count)
{
	uint32_t sum = 4 * BIN_SIZE;

	for (uint32_t i = 0; i < count; i++)
		sum += elements[i].element != 0 ? 256 + elements[i].value_size : 512;
	return store_round(2 * sum, BIN_SIZE);
}

static void store_write_base_block(struct store *store, uint32_t root)
{
	uint8_t *block = store->bytes;
	uint32_t sum = 0;

	store_put(block, "regf");
	store_le32(block + 4, SEQUENCE);
	store_le32(block + 8, SEQUENCE);
	store_le32(block + 20, 1); /* version 1.3 */
	store_le32(block + 24, 3);
	store_le32(block + 32, 1); /* a hive that can be loaded */
	store_le32(block + 36, root);
	store_le32(block + 40, store->size);
	store_le32(block + 44, 1);
	for (size_t i = 0; i < 508; i += 4)
		sum ^= load_le32(block + i);
	/* Two sums have a meaning of their own, so two other ones stand for them. */
	store_le32(block + 508, sum == 0 ? 1 : sum == UINT32_MAX ? UINT32_MAX - 1 : sum);
}

int bcd_store_write(const struct bs_plan_element *elements, uint32_t count, uint8_t **bytes,
		    size_t *size, struct bs_error *err)
{
	struct store store = {.room = store_room(elements, count)};
	uint32_t *keys = calloc(2 * (size_t)count + 2, sizeof(*keys));
	uint32_t root, parts[2];

	store.bytes = calloc(1, BASE_BLOCK_SIZE + (size_t)store.room);
	*bytes = store.bytes;
	if (!keys || !store.bytes) {
		free(keys);
		free(store.bytes);
		*bytes = NULL;
		return fail_memory(err);
	}
	store_begin_bin(&store, BIN_SIZE);
	store.security = store_add_security(&store);
	root = store_key(&store, NO_CELL, STORE_ROOT);
	parts[0] = store_add_description(&store, root);
	parts[1] = store_key(&store, root, "Objects");
	store_add_objects(&store, parts[1], elements, count, keys);
	store_set_subkeys(&store, root, parts, 2);
	store_end_bin(&store);
	store_le32(store_at(&store, store.security) + 12, store.keys);
	store_write_base_block(&store, root);
	*size = BASE_BLOCK_SIZE + (size_t)store.size;
	free(keys);
	return 0;
}

/* ---- the order of elements ----------------------------------------------------------------- */

static int store_compare(const void *left, const void *right)
{
	const struct bs_plan_element *a = left, *b = right;
	int order = strcasecmp(a->object, b->object);

	return order != 0 ? order : (a->element > b->element) - (a->element < b->element);
}

void bcd_store_sort(struct bs_plan_element *elements, uint32_t count)
{
	qsort(elements, count, sizeof(*elements), store_compare);
}
