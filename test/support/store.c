/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/bytes.h"

#define BASE_BLOCK    4096u
#define BIN           4096u
#define ROOT          0x20u /* the root key's cell, which is the first cell of the bin */
#define ROOT_SIZE     96u
#define SECURITY      (ROOT + ROOT_SIZE) /* the security descriptor's cell; hivex needs one */
#define SECURITY_SIZE 48u
#define FREE          (SECURITY + SECURITY_SIZE)
#define NO_CELL       0xFFFFFFFFu

void store_fix_checksum(uint8_t *bytes)
{
	uint32_t checksum = 0;

	for (unsigned i = 0; i < 508; i += 4)
		checksum ^= load_le32(bytes + i);
	store_le32(bytes + 508, checksum);
}

static void put_root(uint8_t *cell)
{
	uint8_t *key = cell + 4;

	store_le32(cell, 0u - ROOT_SIZE);
	memcpy(key, "nk", 2);
	store_le16(key + 2, 0x2C); /* root of a hive, cannot be deleted, name in one byte each */
	store_le32(key + 28, NO_CELL);
	store_le32(key + 32, NO_CELL);
	store_le32(key + 40, NO_CELL);
	store_le32(key + 44, SECURITY);
	store_le32(key + 48, NO_CELL);
	store_le16(key + 72, 4);
	memcpy(key + 76, "root", 4);
}

/* An empty descriptor. */
static void put_security(uint8_t *cell)
{
	uint8_t *security = cell + 4;

	store_le32(cell, 0u - SECURITY_SIZE);
	memcpy(security, "sk", 2);
	store_le32(security + 4, SECURITY); /* a ring of one descriptor */
	store_le32(security + 8, SECURITY);
	store_le32(security + 12, 1); /* used once */
	store_le32(security + 16, 20);
	security[20] = 1;
	store_le16(security + 22, 0x8000); /* self-relative */
}

static void make_empty(uint8_t hive[BASE_BLOCK + BIN])
{
	uint8_t *bin = hive + BASE_BLOCK;

	memset(hive, 0, BASE_BLOCK + BIN);
	memcpy(hive, "regf", 4);
	store_le32(hive + 4, 1);
	store_le32(hive + 8, 1);
	store_le32(hive + 20, 1); /* version 1.5 */
	store_le32(hive + 24, 5);
	store_le32(hive + 32, 1);
	store_le32(hive + 36, ROOT);
	store_le32(hive + 40, BIN);
	store_le32(hive + 44, 1);
	store_fix_checksum(hive);
	memcpy(bin, "hbin", 4);
	store_le32(bin + 8, BIN);
	put_root(bin + ROOT);
	put_security(bin + SECURITY);
	store_le32(bin + FREE, BIN - FREE);
}

static void open_store(struct store *store, const uint8_t *bytes, size_t size, int flags)
{
	store->descriptor = memfd_create("store", MFD_CLOEXEC);
	ck_assert_int_ge(store->descriptor, 0);
	ck_assert_int_eq(pwrite(store->descriptor, bytes, size, 0), (ssize_t)size);
	snprintf(store->path, sizeof(store->path), "/proc/self/fd/%d", store->descriptor);
	store->handle = hivex_open(store->path, flags);
	ck_assert_ptr_nonnull(store->handle);
}

void store_begin(struct store *store)
{
	uint8_t empty[BASE_BLOCK + BIN];

	make_empty(empty);
	open_store(store, empty, sizeof(empty), HIVEX_OPEN_WRITE);
}

void store_open(struct store *store, const uint8_t *bytes, size_t size)
{
	open_store(store, bytes, size, HIVEX_OPEN_WRITE);
}

uint8_t *store_end(struct store *store, size_t *size)
{
	uint8_t *bytes;

	ck_assert_int_eq(hivex_commit(store->handle, store->path, 0), 0);
	ck_assert_int_eq(hivex_close(store->handle), 0);
	*size = (size_t)lseek(store->descriptor, 0, SEEK_END);
	bytes = malloc(*size);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(pread(store->descriptor, bytes, *size, 0), (ssize_t)*size);
	close(store->descriptor);
	return bytes;
}

hive_node_h store_key(struct store *store, const char *path)
{
	hive_node_h key = hivex_root(store->handle);
	char *copy = strdup(path), *rest = copy, *name;

	while ((name = strsep(&rest, "\\")) != NULL) {
		hive_node_h child = hivex_node_get_child(store->handle, key, name);

		key = child != 0 ? child : hivex_node_add_child(store->handle, key, name);
		ck_assert(key != 0);
	}
	free(copy);
	return key;
}

void store_set(struct store *store, hive_node_h key, const char *name, hive_type type,
	       const void *data, size_t length)
{
	hive_set_value value = {.key = (char *)(uintptr_t)name,
				.t = type,
				.len = length,
				.value = (char *)(uintptr_t)data};

	ck_assert_int_eq(hivex_node_set_value(store->handle, key, &value, 0), 0);
}

/* ---- the data of elements ------------------------------------------------------------------ */

void store_add(struct store_bytes *bytes, uint64_t number, size_t width)
{
	ck_assert(bytes->length + width <= sizeof(bytes->data));
	for (size_t i = 0; i < width; i++)
		bytes->data[bytes->length++] = i < 8 ? (uint8_t)(number >> 8 * i) : 0;
}

void store_add_text(struct store_bytes *bytes, const char *ascii)
{
	do
		store_add(bytes, (uint8_t)*ascii, 2);
	while (*ascii++ != '\0');
}

void store_add_partition(struct store_bytes *bytes, uint64_t offset, uint32_t signature)
{
	store_add(bytes, 6, 4); /* a partition */
	store_add(bytes, 0, 4);
	store_add(bytes, 0x48, 8); /* size */
	store_add(bytes, offset, 16);
	store_add(bytes, 0, 4); /* on a disk */
	store_add(bytes, 1, 4); /* with an MBR */
	store_add(bytes, signature, 32);
}

static hive_node_h element_key(struct store *store, const char *object, uint32_t element)
{
	char path[96];

	snprintf(path, sizeof(path), "Objects\\%s\\Elements\\%08x", object, element);
	return store_key(store, path);
}

void store_object(struct store *store, const char *object, uint32_t type)
{
	struct store_bytes bytes = {.length = 0};
	char path[96];

	snprintf(path, sizeof(path), "Objects\\%s\\Elements", object);
	store_key(store, path);
	snprintf(path, sizeof(path), "Objects\\%s\\Description", object);
	store_add(&bytes, type, 4);
	store_set(store, store_key(store, path), "Type", hive_t_REG_DWORD, bytes.data,
		  bytes.length);
}

void store_text(struct store *store, const char *object, uint32_t element, const char *ascii)
{
	struct store_bytes bytes = {.length = 0};

	store_add_text(&bytes, ascii);
	store_set(store, element_key(store, object, element), "Element", hive_t_REG_SZ, bytes.data,
		  bytes.length);
}

void store_device(struct store *store, const char *object, uint32_t element,
		  const struct store_bytes *descriptor)
{
	struct store_bytes bytes = {.length = 16};

	ck_assert(descriptor->length + 16 <= sizeof(bytes.data));
	memcpy(bytes.data + 16, descriptor->data, descriptor->length);
	store_set(store, element_key(store, object, element), "Element", hive_t_REG_BINARY,
		  bytes.data, descriptor->length + 16);
}

void store_partition(struct store *store, const char *object, uint32_t element, uint64_t offset,
		     uint32_t signature)
{
	struct store_bytes bytes = {.length = 0};

	store_add_partition(&bytes, offset, signature);
	store_device(store, object, element, &bytes);
}

void store_ramdisk(struct store *store, const char *object, uint32_t element, uint64_t offset,
		   uint32_t signature, const char *path)
{
	uint32_t path_size = 12 + 0x48 + 2 * ((uint32_t)strlen(path) + 1);
	struct store_bytes bytes = {.length = 0};

	store_add(&bytes, 0, 4);                /* a local device */
	store_add(&bytes, 1, 4);                /* has further options */
	store_add(&bytes, 0x28 + path_size, 8); /* size */
	store_add(&bytes, 3, 24);               /* a RAM disk; its address is not known yet */
	store_add(&bytes, 1, 4);
	store_add(&bytes, path_size, 4);
	store_add(&bytes, 5, 4);
	store_add_partition(&bytes, offset, signature);
	store_add_text(&bytes, path);
	store_device(store, object, element, &bytes);
}
