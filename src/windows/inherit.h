/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The security descriptor that a new file inherits from its folder: buffers in and out, no I/O.
 *
 * The rules are those of Windows ([MS-DTYP] 2.5.3.4, "Algorithm for Creating a Security Descriptor",
 * without a descriptor of the creator; Microsoft, "ACE Inheritance Rules").  The creator is
 * LocalSystem: the owner is the group Administrators, and the group is SYSTEM.
 *
 * One rule is stricter.  C:\ usually lets each authenticated user change new files and folders.  A
 * user who can change bootmgr rules the machine.  So all but Windows and the administrators
 * inherit only the rights to read and to execute.  The result is then protected, so that a change to
 * the folder's descriptor does not bring the other rights back.
 */
#ifndef BOOTSHIFT_INHERIT_H
#define BOOTSHIFT_INHERIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/*
 * Makes the self-relative descriptor of a new file, or of a new folder, from the self-relative
 * descriptor of its folder.  If nothing can be inherited, only SYSTEM and the administrators have
 * access.  The SACL of the folder is not inherited.  The caller frees *descriptor.  Errors:
 * BS_NTFS_DAMAGED if the folder's descriptor makes no sense, BS_NO_MEMORY.
 */
MUST_CHECK int inherit_descriptor(const uint8_t *folder, size_t folder_size, bool is_folder,
				  uint8_t **descriptor, size_t *size, struct bs_error *err);

#endif
