/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader of registry hives: it reads back what hivex wrote, in each kind of list of keys, and
 * reports everything that is broken in a hive as an error.
 */
#include <stdio.h>

#include "boot/regf.h"
#include "support/store.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define BASE_BLOCK 4096u
#define MANY       600u /* keys in one list */

static uint8_t *bytes;
static size_t size;

static void teardown(void)
{
	free(bytes);
	bytes = NULL;
}

/* Makes a few keys and one value of each kind. */
static void make_small(void)
{
	struct store store;
	struct store_bytes text = {.length = 0};
	hive_node_h key;

	store_begin(&store);
	key = store_key(&store, "Microsoft\\Windows NT\\CurrentVersion");
	store_add_text(&text, "Windows 7");
	store_set(&store, key, "ProductName", hive_t_REG_SZ, text.data, text.length);
	store_set(&store, key, "Empty", hive_t_REG_SZ, "", 0);
	store_set(&store, key, "Dword", hive_t_REG_DWORD, "\1\2\3\4", 4);
	store_set(&store, key, "Five", hive_t_REG_BINARY, "12345", 5);
	store_key(&store, "Microsoft\\Other");
	bytes = store_end(&store, &size);
}

static void make_many(void)
{
	struct store store;
	char path[32];

	store_begin(&store);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "Many\\Key %03u", i);
		store_key(&store, path);
	}
	bytes = store_end(&store, &size);
}

static void open_hive(struct regf *hive)
{
	struct bs_error err = {0};

	regf_from_buffer(hive, bytes, size);
	ck_assert_msg(regf_open(hive, &err) == 0, "%s", err.message);
}

static uint32_t find(struct regf *hive, const char *path)
{
	struct bs_error err = {0};
	uint32_t key;

	ck_assert_msg(regf_find_path(hive, path, &key, &err) == 0, "%s", err.message);
	return key;
}

static void assert_damaged(const char *text)
{
	struct bs_error err = {0};
	struct regf hive;

	regf_from_buffer(&hive, bytes, size);
	ck_assert_int_eq(regf_open(&hive, &err), -1);
	ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
	ck_assert_msg(strstr(err.message, text) != NULL, "%s", err.message);
}

/* ---- reading ------------------------------------------------------------------------------- */

TEST_CASE(reading, "reading", .teardown = teardown);

TEST(reading, a_path_is_found_in_any_case_and_a_missing_one_is_no_error)
{
	struct regf hive;

	make_small();
	open_hive(&hive);
	ck_assert_uint_eq(find(&hive, ""), hive.root);
	ck_assert_uint_ne(find(&hive, "Microsoft\\Windows NT\\CurrentVersion"), 0);
	ck_assert_uint_eq(find(&hive, "MICROSOFT\\windows nt\\currentversion"),
			  find(&hive, "Microsoft\\Windows NT\\CurrentVersion"));
	ck_assert_uint_eq(find(&hive, "Microsoft\\Windows"), 0);
	ck_assert_uint_eq(find(&hive, "Nothing\\At all"), 0);
}

TEST(reading, values_are_found_where_their_data_lies_in_the_file)
{
	static const struct {
		const char *name;
		uint32_t type, size;
		const char *data;
	} values[] = {
		{"productname", REGF_SZ, 20, "W\0i\0n\0d\0o\0w\0s\0 \0007\0\0"},
		{"Empty", REGF_SZ, 0, ""},
		{"Dword", REGF_DWORD, 4, "\1\2\3\4"}, /* in the value's own cell */
		{"Five", REGF_BINARY, 5, "12345"},
	};
	struct regf hive;
	struct bs_error err;
	uint32_t key;

	make_small();
	open_hive(&hive);
	key = find(&hive, "Microsoft\\Windows NT\\CurrentVersion");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct regf_value value;
		bool found;

		ck_assert_int_eq(regf_value(&hive, key, values[i].name, &found, &value, &err), 0);
		ck_assert(found);
		ck_assert_uint_eq(value.type, values[i].type);
		ck_assert_uint_eq(value.size, values[i].size);
		ck_assert_mem_eq(bytes + value.offset, values[i].data, value.size);
	}
}

TEST(reading, a_string_is_text_and_anything_else_is_empty)
{
	struct regf hive;
	struct bs_error err;
	char text[8];
	uint32_t key;

	make_small();
	open_hive(&hive);
	key = find(&hive, "Microsoft\\Windows NT\\CurrentVersion");
	ck_assert_int_eq(regf_string(&hive, key, "ProductName", text, sizeof(text), &err), 0);
	ck_assert_str_eq(text, "Windows"); /* cut to fit */
	ck_assert_int_eq(regf_string(&hive, key, "Dword", text, sizeof(text), &err), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(regf_string(&hive, key, "Missing", text, sizeof(text), &err), 0);
	ck_assert_str_eq(text, "");
}

/* ---- lists of keys ------------------------------------------------------------------------- */

static uint8_t *cell(uint32_t offset)
{
	return bytes + BASE_BLOCK + offset + 4;
}

/* The cell of the list of the key "Many". */
static uint32_t list_of_many(void)
{
	struct regf hive;

	open_hive(&hive);
	return load_le32(cell(find(&hive, "Many")) + 28);
}

static void assert_all_are_there(void)
{
	struct regf hive;
	struct bs_error err = {0};
	struct regf_keys keys;

	open_hive(&hive);
	ck_assert_msg(regf_subkeys(&hive, find(&hive, "Many"), &keys, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(keys.count, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		char name[REGF_NAME_MAX], expected[16];

		snprintf(expected, sizeof(expected), "Key %03u", i);
		ck_assert_int_eq(regf_name(&hive, keys.items[i], name, &err), 0);
		ck_assert_str_eq(name, expected);
	}
	regf_keys_free(&keys);
	ck_assert_uint_ne(find(&hive, "Many\\key 599"), 0);
}

TEST_CASE(lists_of_keys, "lists of keys", .teardown = teardown);

TEST(lists_of_keys, a_list_as_hivex_makes_it_is_read)
{
	make_many();
	ck_assert_mem_eq(cell(list_of_many()), "lh", 2);
	assert_all_are_there();
}

TEST(lists_of_keys, a_list_with_names_in_place_of_hashes_is_read)
{
	make_many();
	memcpy(cell(list_of_many()), "lf", 2);
	assert_all_are_there();
}

/* Removes the hashes from a list. */
static void make_li(uint32_t list)
{
	uint8_t *record = cell(list);

	memcpy(record, "li", 2);
	for (unsigned i = 0; i < load_le16(record + 2); i++)
		store_le32(record + 4 + (size_t)i * 4, load_le32(record + 4 + (size_t)i * 8));
}

TEST(lists_of_keys, a_list_without_hashes_is_read)
{
	make_many();
	make_li(list_of_many());
	assert_all_are_there();
}

/*
 * Replaces the list of 600 keys by a list of three lists: one with hashes, two without.  All four
 * lists are in the cell of the old list, which had room for its 600 hashes.
 */
static uint32_t make_ri(void)
{
	uint32_t list = list_of_many(), offsets[MANY], at = list;
	static const unsigned counts[] = {100, 1, 499};
	uint32_t leaves[3], cell_size = 0u - load_le32(cell(list) - 4), end = list + cell_size;
	unsigned next = 0;

	for (unsigned i = 0; i < MANY; i++)
		offsets[i] = load_le32(cell(list) + 4 + (size_t)i * 8);
	memset(cell(list), 0, cell_size - 4);
	store_le32(cell(at) - 4, 0u - 24u);
	at += 24;
	for (unsigned leaf = 0; leaf < 3; leaf++) {
		unsigned width = leaf == 0 ? 8 : 4;
		uint32_t length = (8 + counts[leaf] * width + 7) & ~7u;

		ck_assert_uint_lt(at + length, end);
		leaves[leaf] = at;
		store_le32(cell(at) - 4, 0u - length);
		memcpy(cell(at), leaf == 0 ? "lh" : "li", 2);
		store_le16(cell(at) + 2, (uint16_t)counts[leaf]);
		for (unsigned i = 0; i < counts[leaf]; i++)
			store_le32(cell(at) + 4 + (size_t)i * width, offsets[next++]);
		at += length;
	}
	store_le32(cell(at) - 4, end - at); /* free */
	memcpy(cell(list), "ri", 2);
	store_le16(cell(list) + 2, 3);
	for (unsigned leaf = 0; leaf < 3; leaf++)
		store_le32(cell(list) + 4 + (size_t)leaf * 4, leaves[leaf]);
	return list;
}

TEST(lists_of_keys, a_list_of_lists_is_read)
{
	make_many();
	make_ri();
	assert_all_are_there();
}

static void assert_list_fails(const char *text)
{
	struct regf hive;
	struct bs_error err = {0};
	struct regf_keys keys;

	open_hive(&hive);
	ck_assert_int_eq(regf_subkeys(&hive, find(&hive, "Many"), &keys, &err), -1);
	ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
	ck_assert_msg(strstr(err.message, text) != NULL, "%s", err.message);
	regf_keys_free(&keys);
}

TEST(lists_of_keys, a_list_of_lists_of_lists_is_damage)
{
	uint32_t list;

	make_many();
	list = make_ri();
	store_le32(cell(list) + 8, list); /* the list points to itself */
	assert_list_fails("not a list of keys");
}

TEST(lists_of_keys, a_list_that_claims_more_than_its_cell_holds_is_damage)
{
	uint32_t list;

	make_many();
	list = list_of_many();
	store_le16(cell(list) + 2, 0xFFFF);
	assert_list_fails("too long a list");
	store_le16(cell(list) + 2, MANY);
	make_li(list);
	store_le16(cell(list) + 2, 0xFFFF);
	assert_list_fails("too long a list");
	memcpy(cell(list), "ri", 2);
	assert_list_fails("not a list of keys");
	memcpy(cell(list), "xx", 2);
	assert_list_fails("not a list of keys");
}

/*
 * All 65535 entries of the list of lists are the same leaf, in a cell of almost 1 MiB: 64 GiB in
 * all.
 */
TEST(lists_of_keys, a_small_hive_that_describes_a_huge_one_is_damage_and_no_hang)
{
	const uint32_t big = 1u << 20, start = BASE_BLOCK;
	struct regf hive;
	uint32_t list, leaf;

	make_small();
	bytes = realloc(bytes, size + 2 * big);
	memset(bytes + size, 0, 2 * big);
	list = (uint32_t)size - start;
	leaf = list + 4 * 65536 + 16;
	size += 2 * big;
	store_le32(bytes + 40, (uint32_t)size - start);
	store_fix_checksum(bytes);
	store_le32(cell(list) - 4, 0u - (leaf - list));
	memcpy(cell(list), "ri", 2);
	store_le16(cell(list) + 2, 65535);
	for (unsigned i = 0; i < 65535; i++)
		store_le32(cell(list) + 4 + (size_t)i * 4, leaf);
	store_le32(cell(leaf) - 4, 0u - big);
	memcpy(cell(leaf), "li", 2); /* a list without keys */
	open_hive(&hive);
	store_le32(cell(hive.root) + 28, list);
	{
		struct bs_error err = {0};
		struct regf_keys keys;

		ck_assert_int_eq(regf_subkeys(&hive, hive.root, &keys, &err), -1);
		ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
		ck_assert_msg(strstr(err.message, "too often") != NULL, "%s", err.message);
		regf_keys_free(&keys);
	}
}

/* ---- broken hives -------------------------------------------------------------------------- */

TEST_CASE(broken_hives, "broken hives", .teardown = teardown);

TEST(broken_hives, a_hive_with_two_sequence_numbers_is_dirty)
{
	struct regf hive;

	make_small();
	open_hive(&hive);
	ck_assert(!hive.dirty);
	store_le32(bytes + 4, load_le32(bytes + 8) + 1);
	store_fix_checksum(bytes);
	open_hive(&hive);
	ck_assert(hive.dirty);
}

TEST(broken_hives, a_broken_header_is_damage)
{
	make_small();
	bytes[20] ^= 1;
	assert_damaged("checksum");
	bytes[20] ^= 1;
	store_le32(bytes + 40, (uint32_t)size - BASE_BLOCK + 1);
	store_fix_checksum(bytes);
	assert_damaged("cut short");
	bytes[0] = 'R';
	assert_damaged("not a registry hive");
	size = BASE_BLOCK - 1;
	assert_damaged("shorter than its header");
}

TEST(broken_hives, the_two_checksums_that_are_never_stored_are_replaced)
{
	struct regf hive;

	make_small();
	/* The spare word at 60 changes the sum to 0 or to all ones. */
	store_le32(bytes + 60, load_le32(bytes + 60) ^ load_le32(bytes + 508));
	store_le32(bytes + 508, 1);
	open_hive(&hive);
	store_le32(bytes + 60, ~load_le32(bytes + 60));
	store_le32(bytes + 508, 0xFFFFFFFE);
	open_hive(&hive);
}

TEST(broken_hives, a_root_that_is_no_key_is_damage)
{
	static const uint32_t roots[] = {0xFFFFFFFF, 0, 1, 0x24, 0x7FFFFFF8, 0xFFFFFFF8};

	make_small();
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		store_le32(bytes + 36, roots[i]);
		store_fix_checksum(bytes);
		assert_damaged("damaged");
	}
}

TEST(broken_hives, a_cell_that_is_free_or_reaches_out_is_damage)
{
	static const uint32_t sizes[] = {0, 96, 0x80000000, 0u - 4u, 0x80000008, 0u - 0x100000u};
	uint32_t root;

	make_small();
	root = load_le32(bytes + 36);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		store_le32(cell(root) - 4, sizes[i]);
		assert_damaged("bad size");
	}
	store_le32(cell(root) - 4, 0u - 8u);
	assert_damaged("too short");
}

/* The key has four values. */
TEST(broken_hives, a_list_with_one_value_more_than_its_cell_holds_is_damage)
{
	struct bs_error err = {0};
	struct regf_value value;
	struct regf hive;
	uint32_t key, room;
	bool found;

	make_small();
	open_hive(&hive);
	key = find(&hive, "Microsoft\\Windows NT\\CurrentVersion");
	room = (0u - load_le32(cell(load_le32(cell(key) + 40)) - 4) - 4) / 4;
	store_le32(cell(key) + 36, room + 1);
	ck_assert_int_eq(regf_value(&hive, key, "Missing", &found, &value, &err), -1);
	ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
	ck_assert_msg(strstr(err.message, "too long a list of values") != NULL, "%s", err.message);
}

static int failing_read(void *source, uint64_t offset, void *buffer, size_t length,
			struct bs_error *err)
{
	(void)source;
	(void)offset;
	(void)buffer;
	(void)length;
	return fail(err, BS_IO, "told to fail");
}

TEST(broken_hives, an_error_of_the_source_is_passed_on)
{
	struct regf hive = {.read = failing_read, .size = 1 << 20};
	struct bs_error err = {0};

	ck_assert_int_eq(regf_open(&hive, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
}
