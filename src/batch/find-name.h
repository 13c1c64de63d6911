/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the name of a file in a folder tells; it has no slash. */
#ifndef BOOTSHIFT_BATCH_FIND_NAME_H
#define BOOTSHIFT_BATCH_FIND_NAME_H

#include <stdbool.h>

/* An undo file, also an incomplete one, or a lock file. */
bool find_name_is_ours(const char *name);

/* What browsers, file managers, rsync and others call a file until they have copied it whole. */
bool find_name_is_half_copied(const char *name);

/* One that people expect to be a disk image. */
bool find_name_is_like_an_image(const char *name);

#endif
