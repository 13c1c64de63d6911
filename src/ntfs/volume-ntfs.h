/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the volume-ntfs files share; nobody else includes this. */
#ifndef BOOTSHIFT_VOLUME_NTFS_H
#define BOOTSHIFT_VOLUME_NTFS_H

#include "ntfs/ntfs-device.h"
#include "ntfs/volume.h"

struct volume {
	struct ntfs_disk device;
	ntfs_volume *ntfs;
	enum volume_mode mode;
	/* Of the volume as it was when it was opened. */
	enum bs_code obstacle;
	const char *obstacle_text;
	/* Set by ntfs_check_security(). */
	bool security_checked;
	uint32_t last_security_id; /* the highest one in use when it was checked */
};

struct volume_file {
	struct volume *volume;
	ntfs_inode *inode;
	/* Where it was found: of hard links these tell which one it is. */
	u64 folder; /* its reference */
	char name[VOLUME_NAME_MAX];
};

/* Turns errno, or what the disk below said, into an error: "WHAT failed on the NTFS volume". */
int ntfs_fail(struct volume *volume, struct bs_error *err, const char *what) __attribute__((cold));

/* UTF-8 to UTF-16; *name is freed by the caller.  Returns the length in characters, or -1. */
int ntfs_name_from_utf8(struct volume *volume, const char *text, ntfschar **name,
			struct bs_error *err);

/* `length` characters of UTF-16, of any alignment: names lie in packed records. */
void ntfs_name_to_utf8(const void *name, size_t length, char *text, size_t size);

/*
 * Opens the file that `path` leads to; the caller closes *inode, which is NULL when there is no
 * such file.  *folder, when wanted, is the reference of the folder where it was looked for.
 */
int ntfs_open_path(struct volume *volume, const char *path, ntfs_inode **inode, u64 *folder,
		   struct bs_error *err);

struct ntfs_index_entry;
typedef void ntfs_index_visitor(void *context, const struct ntfs_index_entry *entry);

/*
 * Walks through an index of a file and shows each entry to `visit` (NULL: nobody).  Error:
 * BS_NTFS_DAMAGED when a block of it is damaged, or is reached and not marked as used.
 */
int ntfs_check_index(struct volume *volume, ntfs_inode *inode, const char *name,
		     ntfs_index_visitor *visit, void *context, struct bs_error *err);

/*
 * The same for both indexes of $Secure, and whether a new security descriptor would be added behind
 * all others.  To be called before the library looks for a descriptor; only the first call works.
 */
int ntfs_check_security(struct volume *volume, struct bs_error *err);

#endif
