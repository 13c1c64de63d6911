/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Archives and compressed files: what they hold, as far as it can be told without unpacking.
 *
 * The names and sizes come from the list of a zip, from the headers of a tar, and from the header of
 * a gzip file.  The other formats keep no name, or keep it compressed.
 *
 * (Layouts: PKWARE, "APPNOTE.TXT", 4.3 and 4.5.3; POSIX.1-1988, "ustar", and GNU tar's manual,
 * "Basic Tar Format"; RFC 1952.)
 */
#ifndef BOOTSHIFT_PACKED_H
#define BOOTSHIFT_PACKED_H

#include "disk/disk.h"

/*
 * Refuses a file of the kind that `code` tells; `what` is the kind's name with its article.  The
 * message names the files in it that can be disk images.  Always returns -1.  Errors: `code`;
 * BS_HOLDS_NO_DISK (none of the files in it can be one); BS_CONTAINER_CORRUPT (the archive is
 * damaged or cut short); those of reading the container.
 */
int packed_refuse(struct disk *container, enum bs_code code, const char *what,
		  struct bs_error *err);

#endif
