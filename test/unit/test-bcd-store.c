/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New stores: hivex and our own reader find in them what was written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/bcd-store.h"
#include "boot/bcd.h"
#include "support/store.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define OPTIONS "{2f5b0a99-cce8-11e5-9d3a-0800279c5f11}"

static struct bs_plan_element *elements;
static uint32_t count;
static uint8_t *bytes;
static size_t size;

static void setup(void)
{
	elements = calloc(BS_ELEMENTS_MAX, sizeof(*elements));
	ck_assert_ptr_nonnull(elements);
	count = 0;
}

static void teardown(void)
{
	free(elements);
	free(bytes);
}

static void add(unsigned object, uint32_t type, uint32_t element, uint32_t length)
{
	struct bs_plan_element *added = &elements[count++];

	snprintf(added->object, sizeof(added->object), "{%08x-cce8-11e5-9d3a-0800279c5f11}",
		 object);
	added->object_type = type;
	added->element = element;
	added->value_size = length;
	for (uint32_t i = 0; i < length; i++)
		added->value[i] = (uint8_t)(object + element + 7 * i);
}

/* As many elements as there may be, in objects with none, one and many, with values of any length. */
static void add_many(void)
{
	for (unsigned object = 40; count < BS_ELEMENTS_MAX - 40; object--) {
		add(object, 0x10200000 + object, 0, 0);
		for (unsigned i = object % 32; i > 0; i--)
			add(object, 0x10200000 + object, 0x15000000 + i,
			    (object * 131 + i * 37) % (BS_VALUE_MAX + 1));
	}
}

static void write_store(void)
{
	struct bs_error err = {0};

	bcd_store_sort(elements, count);
	ck_assert_int_eq(bcd_store_write(elements, count, &bytes, &size, &err), 0);
}

static hive_node_h child(struct store *store, hive_node_h node, const char *name)
{
	hive_node_h found = hivex_node_get_child(store->handle, node, name);

	ck_assert_msg(found != 0, "%s", name);
	return found;
}

TEST_CASE(new_store, "new store", .setup = setup, .teardown = teardown);

TEST(new_store, hivex_finds_each_element)
{
	struct store store;
	hive_node_h objects;
	uint32_t found = 0;
	size_t length;

	add_many();
	write_store();
	store_open(&store, bytes, size);
	objects = child(&store, hivex_root(store.handle), "Objects");
	for (uint32_t i = 0; i < count; i++) {
		hive_node_h object = child(&store, objects, elements[i].object), key;
		char name[12], *value;
		hive_type type;

		snprintf(name, sizeof(name), "%08x", elements[i].element);
		if (elements[i].element == 0) {
			key = child(&store, object, "Description");
			ck_assert_int_eq(
				hivex_value_dword(store.handle,
						  hivex_node_get_value(store.handle, key, "Type")),
				(int)elements[i].object_type);
			found += hivex_node_nr_children(store.handle,
							child(&store, object, "Elements")) +
				 1;
			continue;
		}
		key = child(&store, child(&store, object, "Elements"), name);
		value = hivex_value_value(store.handle,
					  hivex_node_get_value(store.handle, key, "Element"), &type,
					  &length);
		ck_assert_uint_eq(length, elements[i].value_size);
		ck_assert_mem_eq(value, elements[i].value, length);
		ck_assert_int_eq(type, hive_t_REG_BINARY);
		free(value);
	}
	ck_assert_uint_eq(found, count);
	free(store_end(&store, &length));
}

TEST(new_store, our_reader_finds_each_element)
{
	struct bs_error err = {0};
	struct bcd bcd;
	uint32_t objects = 0;

	add_many();
	write_store();
	ck_assert_int_eq(bcd_parse(bytes, size, &bcd, &err), 0);
	for (uint32_t i = 0; i < count; i++) {
		const struct bcd_element *found =
			bcd_find(&bcd, elements[i].object, elements[i].element);

		objects += elements[i].element == 0;
		if (elements[i].element == 0)
			continue;
		ck_assert_ptr_nonnull(found);
		ck_assert_uint_eq(found->size, elements[i].value_size);
		ck_assert_mem_eq(bytes + found->offset, elements[i].value, found->size);
	}
	ck_assert_uint_eq(bcd.count, count - objects);
	ck_assert_uint_eq(bcd.object_count, objects);
	ck_assert(!bcd.dirty);
	bcd_free(&bcd);
}

/* Cells and bins fill the hive without a gap, as Windows checks it. */
TEST(new_store, each_bin_is_full_of_cells)
{
	uint32_t end;

	add_many();
	write_store();
	ck_assert_uint_eq(load_le32(bytes + 40), size - 4096);
	for (uint32_t bin = 4096; bin < size; bin = end) {
		ck_assert_mem_eq(bytes + bin, "hbin", 4);
		ck_assert_uint_eq(load_le32(bytes + bin + 4), bin - 4096);
		end = bin + load_le32(bytes + bin + 8);
		ck_assert_uint_eq(end % 4096, 0);
		for (uint32_t cell = bin + 32, length; cell < end; cell += length) {
			int32_t signed_length = (int32_t)load_le32(bytes + cell);

			length = (uint32_t)(signed_length < 0 ? -signed_length : signed_length);
			ck_assert_uint_gt(length, 4);
			ck_assert_uint_eq(length % 8, 0);
			ck_assert_uint_le(cell + length, end);
		}
	}
	ck_assert_uint_eq(end, size);
}

TEST(new_store, new_devices_are_read_as_they_were_made)
{
	struct bs_error err = {0};
	struct bcd_device device;
	struct bcd bcd;
	char options[40];

	add(1, 0x10200003, 0, 0);
	add(1, 0x10200003, BCD_DEVICE, BCD_PARTITION_SIZE);
	bcd_put_partition(elements[1].value, 0x1F500000, 0xCA1C6102);
	add(1, 0x10200003, BCD_OSDEVICE, 0);
	elements[2].value_size = bcd_put_ramdisk(elements[2].value, BS_VALUE_MAX, 0x100000, 7,
						 "\\Recovery\\Winre.wim", OPTIONS);
	write_store();
	ck_assert_int_eq(bcd_parse(bytes, size, &bcd, &err), 0);
	bcd_device(&bcd, bcd_find(&bcd, elements[0].object, BCD_DEVICE), &device);
	ck_assert_int_eq(device.kind, BCD_DEVICE_PARTITION);
	ck_assert_uint_eq(device.partition_offset, 0x1F500000);
	ck_assert_uint_eq(device.disk_signature, 0xCA1C6102);
	bcd_device(&bcd, bcd_find(&bcd, elements[0].object, BCD_OSDEVICE), &device);
	ck_assert_int_eq(device.file, BCD_RAMDISK);
	ck_assert_uint_eq(device.partition_offset, 0x100000);
	ck_assert_str_eq(device.path, "\\Recovery\\Winre.wim");
	bcd_options_object(&bcd, bcd_find(&bcd, elements[0].object, BCD_OSDEVICE), options);
	ck_assert_str_eq(options, OPTIONS);
	ck_assert_uint_eq(bcd_put_ramdisk(elements[2].value, 100, 0, 7, "\\x", OPTIONS), 0);
	bcd_free(&bcd);
}
