/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing arrays.  DEFINE_VECTOR(names, struct name) at file level defines a type and its functions:
 *
 *   struct names { struct name *items; size_t count, capacity; };
 *
 *   int names_reserve(struct names *vector, size_t extra, err)
 *       Makes room for `extra` more items.  The caller may fill items[count] and increase count.
 *   int names_append(struct names *vector, struct name item, err)
 *       Adds a copy of an item.
 *   struct name *names_add(struct names *vector, err)
 *       Adds an item of zero bytes and returns a pointer to it; NULL on error.
 *   void names_free(struct names *vector)
 *       Frees the array, but no memory that the items point to.  The vector is then empty.
 *
 * A vector of zero bytes is empty.  The array may move when it grows.  The only error is
 * BS_NO_MEMORY, which leaves the vector unchanged.
 */
#ifndef BOOTSHIFT_UTIL_VECTOR_H
#define BOOTSHIFT_UTIL_VECTOR_H

#include <stdlib.h>
#include <string.h>

#include "util/err.h"

#define VECTOR_FUNCTION MUST_CHECK __attribute__((unused)) static inline

/*
 * Makes room for `extra` more items in an array of `count` items.  Returns the array, or NULL if
 * memory runs out.  The capacity at least doubles, so that adding n items takes linear time.
 */
static inline void *vector_grow(void *items, size_t count, size_t extra, size_t size,
				size_t *capacity)
{
	size_t wanted, doubled, bytes;

	if (__builtin_add_overflow(count, extra, &wanted))
		return NULL;
	if (!__builtin_mul_overflow(*capacity, 2, &doubled) && doubled > wanted)
		wanted = doubled;
	if (wanted < 16)
		wanted = 16;
	if (__builtin_mul_overflow(wanted, size, &bytes))
		return NULL;
	items = realloc(items, bytes);
	if (items)
		*capacity = wanted;
	return items;
}

#define DEFINE_VECTOR(name, type)                                                                  \
	struct name {                                                                              \
		type *items;                                                                       \
		size_t count, capacity;                                                            \
	};                                                                                         \
                                                                                                   \
	VECTOR_FUNCTION int name##_reserve(struct name *vector, size_t extra,                      \
					   struct bs_error *err)                                   \
	{                                                                                          \
		type *items;                                                                       \
                                                                                                   \
		if (vector->items && extra <= vector->capacity - vector->count)                    \
			return 0;                                                                  \
		items = vector_grow(vector->items, vector->count, extra, sizeof(type),             \
				    &vector->capacity);                                            \
		if (!items)                                                                        \
			return fail_memory(err);                                                   \
		vector->items = items;                                                             \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	VECTOR_FUNCTION type *name##_add(struct name *vector, struct bs_error *err)                \
	{                                                                                          \
		if (name##_reserve(vector, 1, err) < 0)                                            \
			return NULL;                                                               \
		memset(&vector->items[vector->count], 0, sizeof(type));                            \
		return &vector->items[vector->count++];                                            \
	}                                                                                          \
                                                                                                   \
	VECTOR_FUNCTION int name##_append(struct name *vector, type item, struct bs_error *err)    \
	{                                                                                          \
		if (name##_reserve(vector, 1, err) < 0)                                            \
			return -1;                                                                 \
		vector->items[vector->count++] = item;                                             \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	__attribute__((unused)) static inline void name##_free(struct name *vector)                \
	{                                                                                          \
		free(vector->items);                                                               \
		*vector = (struct name){0};                                                        \
	}                                                                                          \
	struct name

#endif
