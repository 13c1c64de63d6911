/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boot files: what a fix moves from the system volume to the boot volume.
 *
 * They are a list of items, each a file or a whole folder, found by the survey: always bootmgr,
 * BOOTNXT (which came with Windows 8) and \Boot as far as they are there, and then each file
 * elsewhere that an entry of the BCD or of boot.ini has started from wherever bootmgr came from.
 */
#ifndef BOOTSHIFT_BOOT_FILES_H
#define BOOTSHIFT_BOOT_FILES_H

#include "ntfs/volume.h"

#define BOOT_MANAGER   "\\bootmgr"
#define BOOT_FOLDER    "\\Boot"
#define BOOT_BCD_PATH  "\\Boot\\BCD"
#define BOOT_ITEMS_MAX 48

struct survey;

/* Why an item moves. */
enum boot_item_reason {
	BOOT_ITEM_OF_BOOTMGR, /* bootmgr itself and what always goes with it */
	BOOT_ITEM_OF_ENTRY,   /* an entry of the BCD names it */
	BOOT_ITEM_OTHER_CODE, /* the same, and it is the code of a loader that is not Windows' */
	BOOT_ITEM_OF_LEGACY,  /* an earlier Windows is started by it */
};

struct boot_item {
	char path[BS_PATH_MAX]; /* on both volumes */
	char short_name[VOLUME_SHORT_NAME_MAX];
	enum boot_item_reason reason;
	uint32_t replaces; /* files and folders at the target that give way */
};

/* Lists what always moves.  Errors, here and below: those of the volume, and BS_NO_MEMORY. */
MUST_CHECK int boot_files_list(struct survey *survey, struct volume *volume, struct bs_error *err);

/*
 * Adds a file, and the folders on the way to it, to what moves, unless it is there already.  Only
 * by the path that boot_files_look() found; one that cannot be copied is a finding.
 */
MUST_CHECK int boot_files_add(struct survey *survey, struct volume *volume, const char *path,
			      enum boot_item_reason reason, struct bs_error *err);

/*
 * What is on a volume under a path, which may be anybody's: metadata of the volume counts as
 * nothing.  `size` and `attributes` are a file's; `path` is the one spelling that a file has of
 * many, with each name as it is stored, or empty.
 */
enum boot_files_kind { BOOT_FILES_NOTHING, BOOT_FILES_FILE, BOOT_FILES_FOLDER };
struct boot_files_found {
	enum boot_files_kind kind;
	uint64_t size;
	uint32_t attributes;
	char path[BS_PATH_MAX];
};
MUST_CHECK int boot_files_look(struct volume *volume, const char *path,
			       struct boot_files_found *found, struct bs_error *err);

/* Whether a path is that of a file or folder, or of something in it; case ignored. */
bool boot_files_lies_in(const char *path, const char *item);

/* The item that brings, or whose folder takes, the place of that path at the target, or NULL. */
const struct boot_item *boot_files_item(const struct survey *survey, const char *path);

/* The file of that path among those that move, case ignored, or NULL. */
const struct bs_plan_file *boot_files_find(const struct survey *survey, const char *path);

#endif
