/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry hives, a boot configuration store being one of them.
 */
#ifndef IMAGES_HIVE_H
#define IMAGES_HIVE_H

#include <hivex.h>

#include "recipe.h"

#define HIVE_ARGUMENTS_MAX (sizeof((struct hive_line *)NULL)->arguments / sizeof(char *))

/* Appends the bytes of a whole hive file. */
void hive_make(const struct recipe *recipe, const struct hive *hive, struct bytes *bytes);

/*
 * hive-value.c: the data of one value, as its kind and arguments say, and its registry type.
 * Partitions are looked up now, so that a variant may have moved them.
 */
hive_type hive_value(const struct recipe *recipe, const struct hive_line *line, struct bytes *data);

/* "{bootmgr}" and its like to "{9dea862c-...}"; anything else stays.  Never NULL. */
const char *well_known_object(const char *name);

#endif
