/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boot configuration: elements of objects in a registry hive in memory.
 */
#ifndef BOOT_STORE_H
#define BOOT_STORE_H

#include "bytes.h"

#define GUID_LENGTH 38u /* with its braces */

#define STORE_BOOT_MANAGER "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"

struct store {
	struct bytes hive;
	uint32_t objects; /* the key that holds all objects */
};

/* False when the hive is damaged. */
bool store_open(struct store *store, struct bytes hive);

/*
 * The data of an object's element, both as the store names them: {GUID} and eight digits.  False
 * when there is none.
 */
bool store_element(const struct store *store, const char *object, const char *element,
		   struct bytes *data);

/* A string element: its units, without the final zero.  The same. */
bool store_string(const struct store *store, const char *object, const char *element,
		  const uint16_t **units, uint32_t *length);

/* The `index`th string of an element that is a list of objects; false behind the last one. */
bool store_listed(const struct store *store, const char *object, const char *element,
		  uint32_t index, char guid[GUID_LENGTH + 1]);

/* The object's type; 0 when there is no such object. */
uint32_t store_type(const struct store *store, const char *object);

#endif
