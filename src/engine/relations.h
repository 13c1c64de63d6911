/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which file is the parent of another, or a part of it: see bs_relations in bootshift.h. */
#ifndef BOOTSHIFT_RELATIONS_H
#define BOOTSHIFT_RELATIONS_H

#include "bootshift.h"

/* The path of a file that holds only the changes to the image; NULL: none is known. */
const char *relations_child(const struct bs_relations *relations, const char *image);

#endif
