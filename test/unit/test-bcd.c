/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Boot configuration stores: the reader agrees with hivex, takes devices apart, and does not crash
 * whatever a store contains.
 */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "boot/bcd.h"
#include "support/store.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define MEMDIAG   "{b2721d73-1db4-4c62-bf78-c548a880142d}"
#define LOADER    "{2f5b0a97-cce8-11e5-9d3a-0800279c5f11}"
#define RECOVERY  "{2f5b0a98-cce8-11e5-9d3a-0800279c5f11}"
#define OPTIONS   "{2f5b0a99-cce8-11e5-9d3a-0800279c5f11}"
#define TOOL      "{2f5b0a9a-cce8-11e5-9d3a-0800279c5f11}"
#define VHD       "{2f5b0a9b-cce8-11e5-9d3a-0800279c5f11}"
#define GOLDEN    "{2f5b0a9c-cce8-11e5-9d3a-0800279c5f11}"
#define NTLDR     "{466f5a88-0af2-4f76-9038-095b170dc21c}"
#define SIGNATURE 0xA33B6C03u
#define SYSTEM    0x100000ull
#define BOOT      0x6500000ull
#define WINRE     "\\Recovery\\WindowsRE\\Winre.wim"

static uint8_t *bytes;
static size_t size;
static struct bcd bcd;

static void add_bytes(struct store_bytes *data, const struct store_bytes *more)
{
	memcpy(data->data + data->length, more->data, more->length);
	data->length += more->length;
}

/* A path on another device. */
static void add_path(struct store_bytes *data, const struct store_bytes *parent, const char *path)
{
	struct store_bytes text = {.length = 0};

	store_add_text(&text, path);
	store_add(data, 1, 4);
	store_add(data, 12 + parent->length + text.length, 4);
	store_add(data, 5, 4);
	add_bytes(data, parent);
	add_bytes(data, &text);
}

static void add_local(struct store_bytes *data, uint64_t kind, const struct store_bytes *rest)
{
	store_add(data, 0, 8);
	store_add(data, 0x14 + rest->length, 8);
	store_add(data, kind, 4);
	add_bytes(data, rest);
}

static void add_ram_disk(struct store_bytes *data, const struct store_bytes *parent,
			 const char *path)
{
	struct store_bytes rest = {.length = 20};

	add_path(&rest, parent, path);
	add_local(data, 3, &rest);
}

/* The volume that has the path in `element`, or has `path` if `element` is 0. */
static void add_locate(struct store_bytes *data, uint32_t element, const char *path,
		       const struct store_bytes *parent)
{
	struct store_bytes text = {.length = 0};

	store_add_text(&text, path);
	store_add(data, 8, 8);
	store_add(data, 0x1C + text.length + parent->length, 8);
	store_add(data, element == 0, 4);
	store_add(data, element, 4);
	store_add(data, parent->length != 0 ? 0x1C + text.length : 0, 4);
	add_bytes(data, &text);
	add_bytes(data, parent);
}

/* The volume with the loader in a virtual disk, as bcdedit writes it. */
static void add_vhd(struct store_bytes *data, const struct store_bytes *parent, const char *path)
{
	struct store_bytes path_of_file = {.length = 0}, disk = {.length = 20}, vhd = {.length = 0};

	add_path(&path_of_file, parent, path);
	add_local(&disk, 5, &path_of_file);
	add_local(&vhd, 6, &disk);
	add_locate(data, BCD_PATH, "", &vhd);
}

static void setup(void)
{
	struct store store;
	struct bs_error err = {0};
	static const struct store_bytes nothing;
	struct store_bytes boot = {.length = 0}, tool = {.length = 0}, vhd = {.length = 0};
	struct store_bytes volume = {.length = 0}, device = {.length = 0}, os = {.length = 0};

	store_begin(&store);
	store_object(&store, BCD_BOOTMGR, 0x10100002);
	store_partition(&store, BCD_BOOTMGR, 0x11000001, SYSTEM, SIGNATURE);
	store_text(&store, BCD_BOOTMGR, 0x23000003, LOADER);
	store_object(&store, MEMDIAG, 0x10200005);
	store_partition(&store, MEMDIAG, 0x11000001, SYSTEM, SIGNATURE);
	store_text(&store, MEMDIAG, 0x12000002, "\\boot\\memtest.exe");
	store_object(&store, LOADER, 0x10200003);
	store_partition(&store, LOADER, 0x11000001, BOOT, SIGNATURE);
	store_text(&store, LOADER, 0x12000002, "\\Windows\\system32\\winload.exe");
	store_text(&store, LOADER, 0x12000004, "Windows 7");
	store_partition(&store, LOADER, 0x21000001, BOOT, SIGNATURE);
	store_object(&store, RECOVERY, 0x10200003);
	store_ramdisk(&store, RECOVERY, 0x11000001, SYSTEM, SIGNATURE, WINRE);
	store_object(&store, OPTIONS, 0x30000000);
	store_partition(&store, OPTIONS, 0x31000003, SYSTEM, SIGNATURE);
	store_text(&store, OPTIONS, 0x32000004, "\\Recovery\\WindowsRE\\boot.sdi");
	store_object(&store, NTLDR, 0x10300006);
	store_add(&boot, 5, 8);
	store_add(&boot, 0x48, 8);
	store_add(&boot, 0, 0x38);
	store_device(&store, NTLDR, 0x11000001, &boot);
	add_ram_disk(&tool, &boot, "\\Tools\\tool.wim");
	store_object(&store, TOOL, 0x10200003);
	store_device(&store, TOOL, 0x11000001, &tool);
	store_partition(&store, TOOL, 0x21000001, SYSTEM, SIGNATURE);
	store_text(&store, TOOL, 0x22000002, "\\Windows");
	store_add_partition(&volume, BOOT, SIGNATURE);
	add_vhd(&vhd, &volume, "\\VHD\\win.vhd");
	store_object(&store, VHD, 0x10200003);
	store_device(&store, VHD, 0x11000001, &vhd);
	store_object(&store, GOLDEN, 0x10200003);
	add_locate(&device, BCD_PATH, "", &nothing);
	store_device(&store, GOLDEN, 0x11000001, &device);
	store_text(&store, GOLDEN, 0x12000002, "\\Windows\\system32\\winload.exe");
	add_locate(&os, 0, "\\Windows", &nothing);
	store_device(&store, GOLDEN, 0x21000001, &os);
	bytes = store_end(&store, &size);
	ck_assert_msg(bcd_parse(bytes, size, &bcd, &err) == 0, "%s", err.message);
}

static void teardown(void)
{
	bcd_free(&bcd);
	free(bytes);
}

static struct bcd_device device_of(const char *object, uint32_t element)
{
	struct bcd_device device;

	bcd_device(&bcd, bcd_find(&bcd, object, element), &device);
	return device;
}

/* ---- elements ------------------------------------------------------------------------------ */

/* Compares every element that hivex sees with the bytes at the offset that the reader returns. */
static size_t compare_object(struct store *store, hive_node_h object)
{
	hive_node_h elements = hivex_node_get_child(store->handle, object, "Elements");
	hive_node_h *keys = hivex_node_children(store->handle, elements);
	char *name = hivex_node_name(store->handle, object);
	size_t count = 0;

	for (; keys[count] != 0; count++) {
		char *number = hivex_node_name(store->handle, keys[count]);
		hive_value_h value = hivex_node_get_value(store->handle, keys[count], "Element");
		const struct bcd_element *found =
			bcd_find(&bcd, name, (uint32_t)strtoul(number, NULL, 16));
		hive_type type;
		size_t length;
		char *data = hivex_value_value(store->handle, value, &type, &length);

		ck_assert_msg(found != NULL, "%s of %s", number, name);
		ck_assert_uint_eq(found->size, length);
		ck_assert_mem_eq(bytes + found->offset, data, length);
		free(data);
		free(number);
	}
	free(name);
	free(keys);
	return count;
}

TEST_CASE(elements_tests, "elements", .setup = setup, .teardown = teardown);

TEST(elements_tests, every_element_is_where_hivex_finds_it)
{
	struct store store;
	hive_node_h objects, *each;
	size_t count = 0, ignored;

	store_open(&store, bytes, size);
	objects = hivex_node_get_child(store.handle, hivex_root(store.handle), "Objects");
	each = hivex_node_children(store.handle, objects);
	for (size_t i = 0; each[i] != 0; i++)
		count += compare_object(&store, each[i]);
	ck_assert_uint_eq(count, bcd.count);
	ck_assert_uint_eq(count, 19);
	free(each);
	free(store_end(&store, &ignored));
}

TEST(elements_tests, an_element_knows_the_type_of_its_object)
{
	ck_assert_uint_eq(bcd_find(&bcd, BCD_BOOTMGR, BCD_DEVICE)->object_type, 0x10100002);
	ck_assert_uint_eq(bcd_find(&bcd, LOADER, BCD_DEVICE)->object_type, 0x10200003);
}

static const struct {
	uint32_t type, application;
} types[] = {
	{0x10100002, BCD_APPLICATION_BOOTMGR},     {0x10200003, BCD_APPLICATION_WINDOWS},
	{0x10200004, BCD_APPLICATION_RESUME},      {0x10300006, BCD_APPLICATION_NTLDR},
	{0x10400008, BCD_APPLICATION_BOOT_SECTOR}, {0x10400009, BCD_APPLICATION_STARTUP},
	{0x20200003, BCD_NO_APPLICATION},          {0x30000000, BCD_NO_APPLICATION},
};

TEST_EACH(elements_tests, a_type_tells_what_kind_of_program_an_object_starts, types)
{
	struct bcd_element element = {.object = LOADER, .object_type = types[_i].type};

	ck_assert_uint_eq(bcd_application(&element), types[_i].application);
	strcpy(element.object, NTLDR); /* some tools give that another type */
	ck_assert_uint_eq(bcd_application(&element), BCD_APPLICATION_NTLDR);
}

TEST(elements_tests, each_string_of_a_list_is_found_by_its_place)
{
	static const uint8_t list[] = "a\0b\0\0\0c\0\0\0\0"; /* then the zero of the literal */
	const struct bcd one = {.bytes = list, .size = sizeof(list)};
	struct bcd_element element = {.size = sizeof(list)};
	char text[8];

	ck_assert(bcd_list_text(&one, &element, 0, text, sizeof(text)));
	ck_assert_str_eq(text, "ab");
	ck_assert(bcd_list_text(&one, &element, 1, text, sizeof(text)));
	ck_assert_str_eq(text, "c");
	ck_assert(!bcd_list_text(&one, &element, 2, text, sizeof(text)));
	ck_assert(!bcd_list_text(&one, &element, 1000, text, sizeof(text)));
	ck_assert(!bcd_list_text(&one, NULL, 0, text, sizeof(text)));
	element.size = 4; /* not terminated */
	ck_assert(bcd_list_text(&one, &element, 0, text, sizeof(text)));
	ck_assert_str_eq(text, "ab");
	ck_assert(!bcd_list_text(&one, &element, 1, text, sizeof(text)));
}

TEST(elements_tests, a_list_of_megabytes_is_looked_at_only_as_far_as_a_menu_can_be)
{
	const size_t length = 4 << 20;
	uint8_t *list = calloc(1, length);
	const struct bcd one = {.bytes = list, .size = length};
	const struct bcd_element element = {.size = (uint32_t)length};
	char text[8];

	for (size_t i = 0; i < length; i += 4)
		list[i] = 'a';
	ck_assert(bcd_list_text(&one, &element, 2000, text, sizeof(text)));
	ck_assert(!bcd_list_text(&one, &element, length / 4 - 1, text, sizeof(text)));
	free(list);
}

TEST(elements_tests, objects_are_found_in_any_case)
{
	char upper[] = LOADER;

	for (char *c = upper; *c != '\0'; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
	ck_assert_ptr_eq(bcd_find(&bcd, upper, BCD_PATH), bcd_find(&bcd, LOADER, BCD_PATH));
	ck_assert_ptr_null(bcd_find(&bcd, MEMDIAG, BCD_OSDEVICE));
}

TEST(elements_tests, the_default_is_bootmgrs_or_the_first_of_its_display_order)
{
	struct store store;
	struct bs_error err = {0};
	char object[40];

	ck_assert(bcd_default_object(&bcd, object));
	ck_assert_str_eq(object, LOADER);

	teardown();
	store_begin(&store);
	store_object(&store, BCD_BOOTMGR, 0x10100002);
	store_text(&store, BCD_BOOTMGR, BCD_DISPLAY_ORDER, MEMDIAG);
	bytes = store_end(&store, &size);
	ck_assert_int_eq(bcd_parse(bytes, size, &bcd, &err), 0);
	ck_assert(bcd_default_object(&bcd, object));
	ck_assert_str_eq(object, MEMDIAG);
}

TEST(elements_tests, a_store_without_bootmgr_has_no_default)
{
	struct store store;
	struct bs_error err = {0};
	char object[40];

	teardown();
	store_begin(&store);
	store_object(&store, LOADER, 0x10200003);
	bytes = store_end(&store, &size);
	ck_assert_int_eq(bcd_parse(bytes, size, &bcd, &err), 0);
	ck_assert(!bcd_default_object(&bcd, object));
	ck_assert_str_eq(object, "");
}

/* ---- devices ------------------------------------------------------------------------------- */

TEST_CASE(devices, "devices", .setup = setup, .teardown = teardown);

TEST(devices, a_partition_device_is_taken_apart_to_the_datathat_name_the_partition)
{
	struct bcd_device device = device_of(BCD_BOOTMGR, BCD_DEVICE);

	ck_assert_int_eq(device.kind, BCD_DEVICE_PARTITION);
	ck_assert_uint_eq(device.disk_signature, SIGNATURE);
	ck_assert_uint_eq(device.partition_offset, SYSTEM);
	ck_assert_uint_eq(load_le64(bytes + device.field_offset), SYSTEM);
	ck_assert_uint_eq(device.field_offset,
			  bcd_find(&bcd, BCD_BOOTMGR, BCD_DEVICE)->offset + 0x20);
}

TEST(devices, a_ram_disks_partition_and_path_are_found_in_it)
{
	struct bcd_device device = device_of(RECOVERY, BCD_DEVICE);

	ck_assert_int_eq(device.kind, BCD_DEVICE_PARTITION);
	ck_assert_int_eq(device.file, BCD_RAMDISK);
	ck_assert_uint_eq(device.disk_signature, SIGNATURE);
	ck_assert_uint_eq(device.partition_offset, SYSTEM);
	ck_assert_uint_eq(load_le64(bytes + device.field_offset), SYSTEM);
	ck_assert_str_eq(device.path, WINRE);
	ck_assert_uint_eq(device.field_offset, bcd_find(&bcd, RECOVERY, BCD_DEVICE)->offset + 0x54);
}

TEST(devices, a_ram_disk_can_be_wherever_bootmgr_came_from)
{
	struct bcd_device device = device_of(TOOL, BCD_DEVICE);

	ck_assert_int_eq(device.kind, BCD_DEVICE_BOOT);
	ck_assert_int_eq(device.file, BCD_RAMDISK);
	ck_assert_str_eq(device.path, "\\Tools\\tool.wim");
}

/* A RAM disk is of the kind 3. */
TEST(devices, what_is_neither_a_ram_disk_nor_a_virtual_disk_is_left_alone)
{
	uint32_t ram_disk = bcd_find(&bcd, TOOL, BCD_DEVICE)->offset;

	ck_assert_uint_eq(load_le32(bytes + ram_disk + 0x20), 3);
	for (uint32_t kind = 0; kind < 8; kind++) {
		store_le32(bytes + ram_disk + 0x20, kind);
		ck_assert_int_eq(device_of(TOOL, BCD_DEVICE).kind,
				 kind == 3 ? BCD_DEVICE_BOOT : BCD_DEVICE_OTHER);
	}
}

TEST(devices, a_virtual_disks_file_and_where_that_is_are_found_behind_it)
{
	struct bcd_device device = device_of(VHD, BCD_DEVICE);

	ck_assert_int_eq(device.kind, BCD_DEVICE_PARTITION);
	ck_assert_int_eq(device.file, BCD_VHD);
	ck_assert_uint_eq(device.partition_offset, BOOT);
	ck_assert_uint_eq(load_le64(bytes + device.field_offset), BOOT);
	ck_assert_str_eq(device.path, "\\VHD\\win.vhd");
}

TEST(devices, a_volume_is_located_by_the_path_in_another_element_or_by_a_path)
{
	struct bcd_device loader = device_of(GOLDEN, BCD_DEVICE);
	struct bcd_device os = device_of(GOLDEN, BCD_OSDEVICE);

	ck_assert_int_eq(loader.kind, BCD_DEVICE_LOCATE);
	ck_assert_int_eq(loader.file, BCD_NO_FILE);
	ck_assert_str_eq(loader.path, "\\Windows\\system32\\winload.exe");
	ck_assert_int_eq(os.kind, BCD_DEVICE_LOCATE);
	ck_assert_str_eq(os.path, "\\Windows");
}

/* The device of GOLDEN with one changed number. */
static const struct {
	uint32_t offset, value; /* in the element */
} locate_variants[] = {
	{0x18, 0x1B}, {0x20, 2}, {0x28, 0x1E}, {0x28, 0x10}, {0x28, 0xFFFFFFFF},
};

TEST_EACH(devices, a_locate_that_is_not_understood_is_left_alone, locate_variants)
{
	uint32_t start = bcd_find(&bcd, GOLDEN, BCD_DEVICE)->offset;

	store_le32(bytes + start + locate_variants[_i].offset, locate_variants[_i].value);
	ck_assert_int_eq(device_of(GOLDEN, BCD_DEVICE).kind, BCD_DEVICE_OTHER);
}

TEST(devices, boot_is_wherever_bootmgr_came_from)
{
	ck_assert_int_eq(device_of(NTLDR, BCD_DEVICE).kind, BCD_DEVICE_BOOT);
}

/* The device of bootmgr with one changed number. */
static const struct {
	uint32_t offset, value; /* in the element */
	enum bcd_device_kind kind;
} variants[] = {
	{0x10, 8, BCD_DEVICE_OTHER}, /* a locate by something else */
	{0x34, 0, BCD_DEVICE_OTHER}, /* GPT */
	{0x30, 1, BCD_DEVICE_OTHER}, /* on a device that is not a disk */
	{0x10, 0, BCD_DEVICE_OTHER}, /* a file: a VHD */
	{0x10, 2, BCD_DEVICE_OTHER},          {0x10, 4, BCD_DEVICE_OTHER},
	{0x10, 77, BCD_DEVICE_OTHER},         {0x18, 0, BCD_DEVICE_OTHER},
	{0x18, 0x49, BCD_DEVICE_OTHER},       {0x18, 0x2B, BCD_DEVICE_OTHER},
	{0x18, 0xFFFFFFFF, BCD_DEVICE_OTHER},
};

TEST_EACH(devices, a_device_that_is_not_understood_is_left_alone, variants)
{
	uint32_t start = bcd_find(&bcd, BCD_BOOTMGR, BCD_DEVICE)->offset;

	store_le32(bytes + start + variants[_i].offset, variants[_i].value);
	ck_assert_int_eq(device_of(BCD_BOOTMGR, BCD_DEVICE).kind, variants[_i].kind);
}

static const char *const whole_elements[] = {RECOVERY, TOOL, VHD, GOLDEN};

TEST_LOOP(devices, an_element_of_any_length_is_taken_apart_without_a_look_behind_it, 0, 4)
{
	const struct bcd_element *whole = bcd_find(&bcd, whole_elements[_i], BCD_DEVICE);

	for (uint32_t length = 0; length < whole->size; length++) {
		/* The store has only this element, so the sanitizer sees a read beyond it. */
		struct bcd_element element = {.id = BCD_DEVICE, .size = length};
		struct bcd_device device;
		uint8_t *exact = malloc(length + (length == 0));
		struct bcd one = {.bytes = exact, .size = length};

		memcpy(exact, bytes + whole->offset, length);
		bcd_device(&one, &element, &device);
		ck_assert_int_eq(device.kind, BCD_DEVICE_OTHER);
		/* The same if the element itself gives this length. */
		if (length >= 0x20) {
			store_le32(exact + 0x18, length - 0x10);
			bcd_device(&one, &element, &device);
		}
		free(exact);
	}
}

TEST(devices, a_missing_element_is_no_device)
{
	struct bcd_device device;

	bcd_device(&bcd, NULL, &device);
	ck_assert_int_eq(device.kind, BCD_DEVICE_OTHER);
}

static void assert_leads_to(const char *object, uint32_t id, const char *expected)
{
	const struct bcd_element *element = bcd_find(&bcd, object, id);
	struct bcd_device device;
	char path[BS_PATH_MAX];

	bcd_device(&bcd, element, &device);
	bcd_device_file(&bcd, element, &device, path, sizeof(path));
	ck_assert_str_eq(path, expected);
}

TEST(devices, a_device_leads_to_the_file_that_the_element_next_to_it_names)
{
	assert_leads_to(MEMDIAG, BCD_DEVICE, "\\boot\\memtest.exe");
	assert_leads_to(LOADER, BCD_DEVICE, "\\Windows\\system32\\winload.exe");
	assert_leads_to(OPTIONS, 0x31000003, "\\Recovery\\WindowsRE\\boot.sdi");
	assert_leads_to(RECOVERY, BCD_DEVICE, WINRE);
	assert_leads_to(LOADER, BCD_OSDEVICE, "");
	assert_leads_to(TOOL, BCD_OSDEVICE, "\\Windows");
	assert_leads_to(TOOL, BCD_DEVICE, "\\Tools\\tool.wim");
}

TEST(devices, the_paths_of_bootmgr_and_ntldr_go_without_saying)
{
	assert_leads_to(BCD_BOOTMGR, BCD_DEVICE, "\\bootmgr");
	assert_leads_to(NTLDR, BCD_DEVICE, "\\ntldr");
}

TEST(devices, the_format_of_an_element_tells_devices)
{
	ck_assert(bcd_is_device(BCD_DEVICE));
	ck_assert(bcd_is_device(BCD_OSDEVICE));
	ck_assert(bcd_is_device(0x31000003));
	ck_assert(!bcd_is_device(BCD_PATH));
	ck_assert(!bcd_is_device(BCD_DISPLAY_ORDER));
	ck_assert(!bcd_is_device(0x15000011));
}

/* ---- broken stores ------------------------------------------------------------------------- */

static volatile size_t looked_at;

/* Uses a store in every way that the program does. */
static void use(const uint8_t *store, size_t length)
{
	struct bcd parsed;
	struct bs_error err = {0};
	char text[40];

	if (bcd_parse(store, length, &parsed, &err) < 0) {
		ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
		ck_assert_str_ne(err.message, "");
	}
	bcd_default_object(&parsed, text);
	for (size_t i = 0; i < parsed.count; i++) {
		const struct bcd_element *element = &parsed.elements[i];
		struct bcd_device device;
		char path[BS_PATH_MAX];

		ck_assert(range_within(element->offset, element->size, length));
		bcd_text(&parsed, element, path, sizeof(path));
		bcd_device(&parsed, element, &device);
		bcd_device_file(&parsed, element, &device, path, sizeof(path));
		if (device.kind == BCD_DEVICE_PARTITION)
			ck_assert(range_within(device.field_offset, 8, length));
		looked_at++;
	}
	bcd_free(&parsed);
}

TEST_CASE(broken_stores, "broken stores", .setup = setup, .teardown = teardown);

TEST(broken_stores, every_truncation_is_an_error_and_no_crash)
{
	for (size_t length = 0; length < size; length += 16) {
		uint8_t *exact = malloc(length + (length == 0));
		struct bcd cut;
		struct bs_error err = {0};

		memcpy(exact, bytes, length);
		ck_assert_int_eq(bcd_parse(exact, length, &cut, &err), -1);
		ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
		bcd_free(&cut);
		/* Corrects the length in the header, so that the rest is read. */
		if (length >= 4096) {
			store_le32(exact + 40, (uint32_t)length - 4096);
			store_fix_checksum(exact);
			use(exact, length);
		}
		free(exact);
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

TEST_LOOP(broken_stores, random_damage_is_an_error_or_a_result_and_no_crash, 0, 4)
{
	uint64_t state = (uint64_t)_i + 1;
	uint8_t *copy = malloc(size);

	for (unsigned round = 0; round < 1500; round++) {
		unsigned changes = 1 + (unsigned)next_random(&state) % 8;

		memcpy(copy, bytes, size);
		while (changes-- > 0) {
			/*
			 * Most changes are where the cells are.  The end of the bin is free space.
			 */
			size_t at = 4096 + next_random(&state) % (size - 4096);

			if (next_random(&state) % 4 == 0)
				at = next_random(&state) % 4096;
			copy[at] = next_random(&state) % 2 == 0
					   ? (uint8_t)next_random(&state)
					   : copy[at] ^ (uint8_t)(1u << next_random(&state) % 8);
		}
		store_fix_checksum(copy);
		use(copy, size);
	}
	ck_assert_uint_gt(looked_at, 1500); /* most of them are still stores */
	free(copy);
}

TEST(broken_stores, a_dirty_store_is_seen)
{
	struct bs_error err = {0};

	ck_assert(!bcd.dirty);
	bcd_free(&bcd);
	store_le32(bytes + 8, load_le32(bytes + 8) - 1);
	store_fix_checksum(bytes);
	ck_assert_int_eq(bcd_parse(bytes, size, &bcd, &err), 0);
	ck_assert(bcd.dirty);
}

/* Slightly below and slightly above the limit: 128 objects of `elements` elements each. */
TEST_LOOP(broken_stores, a_store_with_very_many_elements_is_refused, 0, 2)
{
	static const uint32_t elements[] = {63, 64};
	struct bs_error err = {0};
	struct store store;
	int result;

	teardown();
	store_begin(&store);
	for (uint32_t i = 0; i < 128; i++) {
		char object[40];

		snprintf(object, sizeof(object), "{%08x-cce8-11e5-9d3a-0800279c5f11}", i);
		store_object(&store, object, 0x10200003);
		for (uint32_t j = 0; j < elements[_i]; j++)
			store_text(&store, object, 0x12000002 + j, "");
	}
	bytes = store_end(&store, &size);
	result = bcd_parse(bytes, size, &bcd, &err);
	ck_assert_int_eq(result, _i == 0 ? 0 : -1);
	if (result < 0)
		ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
	else
		ck_assert_uint_eq(bcd.count, 128 * 63);
}

TEST(broken_stores, a_hive_that_is_no_store_is_an_error)
{
	struct store store;
	struct bs_error err = {0};

	teardown();
	store_begin(&store);
	store_key(&store, "Microsoft\\Windows");
	bytes = store_end(&store, &size);
	ck_assert_int_eq(bcd_parse(bytes, size, &bcd, &err), -1);
	ck_assert_int_eq(err.code, BS_BCD_DAMAGED);
	ck_assert_ptr_nonnull(strstr(err.message, "not a BCD store"));
}
