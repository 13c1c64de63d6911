/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry hives, a boot configuration store being one of them.
 */
#ifndef IMAGES_HIVE_H
#define IMAGES_HIVE_H

#include <hivex.h>

#include "recipe.h"

/* The XOR of the first 508 bytes of a hive or a log; 0 and -1 are not used. */
uint32_t base_block_checksum(const uint8_t *block);

#define HIVE_ARGUMENTS_MAX (sizeof((struct hive_line *)NULL)->arguments / sizeof(char *))

/* Appends the bytes of a whole hive file. */
void hive_make(const struct recipe *recipe, const struct hive *hive, struct bytes *bytes);

/*
 * hive-log.c: replaces the bytes of a hive by those of a log of it, as Windows 8.1 and later write
 * them, with two entries: behind the state that the hive is in, or before it.
 */
void hive_log_make(bool newer, struct bytes *hive);

/*
 * hive-value.c: the data of one value, as its kind and arguments say, and its registry type.
 * Partitions are looked up now, so that a variant may have moved them.
 */
hive_type hive_value(const struct recipe *recipe, const struct hive_line *line, struct bytes *data);

/* "{bootmgr}" and its like to "{9dea862c-...}"; anything else stays.  Never NULL. */
const char *well_known_object(const char *name);

#endif
