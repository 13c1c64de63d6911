/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing arrays.  DEFINE_VECTOR(names, struct name) at file level defines a type and its functions:
 *
 *   struct names { struct name *items; size_t count, capacity; };
 *
 *   int names_reserve(struct names *vector, size_t extra, err)
 *       Makes room for `extra` more items, so that the caller can fill items[count] and count up.
 *   int names_append(struct names *vector, struct name item, err)
 *       Adds a copy of an item.
 *   struct name *names_add(struct names *vector, err)
 *       Adds an item of zero bytes and returns its place; NULL on error.
 *   void names_free(struct names *vector)
 *       Frees the array, not what the items point to.  Leaves an empty vector.
 *
 * A vector of zero bytes is empty.  The array may move whenever it grows.  The only error is
 * BS_NO_MEMORY; the vector is then as it was.
 */
#ifndef BOOTSHIFT_UTIL_VECTOR_H
#define BOOTSHIFT_UTIL_VECTOR_H

#include <stdlib.h>
#include <string.h>

#include "util/err.h"

#define VECTOR_FUNCTION MUST_CHECK __attribute__((unused)) static inline

/*
 * The capacity of an array for `count` items and `extra` more: at least twice the old one, so that
 * adding many items one by one takes linear time.  0 on overflow.
 */
static inline size_t vector_capacity(size_t count, size_t extra, size_t capacity)
{
	size_t needed, doubled;

	if (__builtin_add_overflow(count, extra, &needed))
		return 0;
	if (__builtin_mul_overflow(capacity, 2, &doubled) || doubled < needed)
		return needed < 16 ? 16 : needed;
	return doubled;
}

/* reallocarray() checks the product of capacity and size. */
#define DEFINE_VECTOR(name, type)                                                                  \
	struct name {                                                                              \
		type *items;                                                                       \
		size_t count, capacity;                                                            \
	};                                                                                         \
                                                                                                   \
	VECTOR_FUNCTION int name##_reserve(struct name *vector, size_t extra,                      \
					   struct bs_error *err)                                   \
	{                                                                                          \
		size_t capacity;                                                                   \
		type *items;                                                                       \
                                                                                                   \
		if (vector->items && extra <= vector->capacity - vector->count)                    \
			return 0;                                                                  \
		capacity = vector_capacity(vector->count, extra, vector->capacity);                \
		items = capacity > 0 ? reallocarray(vector->items, capacity, sizeof(type)) : NULL; \
		if (!items)                                                                        \
			return fail_memory(err);                                                   \
		vector->items = items;                                                             \
		vector->capacity = capacity;                                                       \
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
