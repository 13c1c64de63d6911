/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DOS names, as Windows makes them from long names.
 */
#ifndef IMAGES_SHORT_NAME_H
#define IMAGES_SHORT_NAME_H

#include "recipe.h"

/*
 * The 8.3 name of an entry: the name itself when it is valid already (in whatever case, as Windows
 * keeps it), else like BOOTMG~1.MUI, counted up over the entries of the same folder that come
 * before.  NULL when the recipe says that there is none.  The caller frees it.
 */
char *short_name(const struct recipe *recipe, const struct entry *entry);

#endif
