/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The functions of libguestfs that the appliance's process calls.  The library is loaded when it is
 * asked for, so bootshift does without it otherwise.
 */
#ifndef BOOTSHIFT_APPLIANCE_GUESTFS_H
#define BOOTSHIFT_APPLIANCE_GUESTFS_H

#include <guestfs.h>

#include "util/err.h"

/* X(name): the function guestfs_NAME. */
#define GUESTFS_FUNCTIONS(X)                                                                       \
	X(create)                                                                                  \
	X(launch)                                                                                  \
	X(last_error)                                                                              \
	X(last_errno)                                                                              \
	X(set_error_handler)                                                                       \
	X(set_event_callback)                                                                      \
	X(delete_event_callback)                                                                   \
	X(set_verbose)                                                                             \
	X(set_trace)                                                                               \
	X(set_tmpdir)                                                                              \
	X(add_drive_opts_argv)                                                                     \
	X(part_list)                                                                               \
	X(free_partition_list)                                                                     \
	X(part_get_bootable)                                                                       \
	X(inspect_os)                                                                              \
	X(inspect_get_product_name)                                                                \
	X(vfs_label)                                                                               \
	X(ntfs_3g_probe)                                                                           \
	X(vfs_type)                                                                                \
	X(mkmountpoint)                                                                            \
	X(mount_vfs)                                                                               \
	X(umount)                                                                                  \
	X(umount_all)                                                                              \
	X(statvfs)                                                                                 \
	X(free_statvfs)                                                                            \
	X(lstatns)                                                                                 \
	X(free_statns)                                                                             \
	X(case_sensitive_path)                                                                     \
	X(readdir)                                                                                 \
	X(free_dirent_list)                                                                        \
	X(lgetxattr)                                                                               \
	X(pread)                                                                                   \
	X(debug)                                                                                   \
	X(hivex_open)                                                                              \
	X(hivex_close)                                                                             \
	X(hivex_root)                                                                              \
	X(hivex_node_name)                                                                         \
	X(hivex_node_get_child)                                                                    \
	X(hivex_node_children)                                                                     \
	X(free_hivex_node_list)                                                                    \
	X(hivex_node_get_value)                                                                    \
	X(hivex_value_value)

#define GUESTFS_POINTER(name) __typeof__(guestfs_##name) *name;

struct guestfs {
	guestfs_h *handle;
	/*
	 * The device of the disk in the appliance, for guestfs_debug().  The other functions call it
	 * /dev/sda, and translate: the kernel may find the disks in another order.
	 */
	char disk[32];
	GUESTFS_FUNCTIONS(GUESTFS_POINTER)
};

/* Loads the library.  Error: BS_APPLIANCE_UNUSABLE, with the reason. */
MUST_CHECK int guestfs_load(struct guestfs *guestfs, struct bs_error *err);

#endif
