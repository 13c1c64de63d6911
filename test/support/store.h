/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Boot configuration stores and other registry hives, made with hivex in memory.  Any error here
 * fails the test.
 */
#ifndef BOOTSHIFT_TEST_STORE_H
#define BOOTSHIFT_TEST_STORE_H

#include "support/test.h"
#undef fail /* an old macro of check.h, which hides the function in util/err.h */
#include <stddef.h>
#include <stdint.h>

#include <hivex.h>

struct store {
	hive_h *handle;
	int descriptor;
	char path[40];
};

/* Begins a hive that has only a root key. */
void store_begin(struct store *store);

/* Commits and ends the store.  The caller frees the bytes.  Called once for each store. */
uint8_t *store_end(struct store *store, size_t *size);

/* Opens a hive with hivex, only for reading.  The caller ends the store with store_end(). */
void store_open(struct store *store, const uint8_t *bytes, size_t size);

/* Finds the key of a path with backslashes.  Makes missing keys. */
hive_node_h store_key(struct store *store, const char *path);
void store_set(struct store *store, hive_node_h key, const char *name, hive_type type,
	       const void *data, size_t length);

/* Bytes of a device or a string.  All zeros at first; the functions below append. */
struct store_bytes {
	uint8_t data[1024];
	size_t length;
};
void store_add(struct store_bytes *bytes, uint64_t number, size_t width);
void store_add_text(struct store_bytes *bytes, const char *ascii); /* UTF-16 with its zero */
/* Appends the device descriptor of a partition on an MBR disk, without the GUID before it. */
void store_add_partition(struct store_bytes *bytes, uint64_t offset, uint32_t signature);

/* Set the type and the elements of an object.  A device gets a GUID of zeros before it. */
void store_object(struct store *store, const char *object, uint32_t type);
void store_text(struct store *store, const char *object, uint32_t element, const char *ascii);
void store_device(struct store *store, const char *object, uint32_t element,
		  const struct store_bytes *descriptor);
void store_partition(struct store *store, const char *object, uint32_t element, uint64_t offset,
		     uint32_t signature);
/* Sets a device that is a file on a partition, like the RAM disk of the recovery environment. */
void store_ramdisk(struct store *store, const char *object, uint32_t element, uint64_t offset,
		   uint32_t signature, const char *path);

/* Corrects the checksum of the base block. */
void store_fix_checksum(uint8_t *bytes);

#endif
