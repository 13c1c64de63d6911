/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The facts: what the readers found on a disk, before anybody judges.
 *
 * Plain data.  The readers (reader.h) fill in the facts from the top of the struct to its end, and
 * stop where there is nothing more to read.  Whatever was not read is zero, empty or -1.  The judge
 * (judge.h) and the plan (plan.h) get the facts as const, and need no disk.
 *
 * A few facts are choices that decide what is read next: which partition is the system volume,
 * which one the boot volume, which files move.  The functions below that make these choices look at
 * the facts only.
 */
#ifndef BOOTSHIFT_FACTS_H
#define BOOTSHIFT_FACTS_H

#include "boot/bcd.h"
#include "boot/boot-ini.h"
#include "boot/mbr.h"
#include "boot/vbr.h"
#include "ntfs/volume.h"
#include "util/vector.h"

#define BOOT_MANAGER   "\\bootmgr"
#define BOOT_FOLDER    "\\Boot"
#define BOOT_BCD_PATH  "\\Boot\\BCD"
#define BOOT_INI_PATH  "\\boot.ini"
#define USUAL_LOADER   "\\Windows\\System32\\winload.exe"
#define BOOT_ITEMS_MAX 48

/* Bytes.  The boot record loads bootmgr whole to 0x20000, and from 0x9F000 on the BIOS has its
 * data. */
#define BOOTMGR_SIZE_MAX (508u << 10)

/* More device elements than this are not read.  Real stores have some dozen. */
#define FACT_ELEMENTS_MAX 2048

/* ---- the partition table ------------------------------------------------------------------- */

enum fact_table {
	TABLE_NONE,          /* the first sector is no master boot record */
	TABLE_LUKS,          /* LUKS: the whole disk is encrypted */
	TABLE_ONE_VOLUME,    /* a volume begins at the first sector */
	TABLE_GPT_ONLY,      /* a GPT without a master boot record */
	TABLE_ZEROS,         /* nothing but zeros */
	TABLE_LARGE_SECTORS, /* a table that counts in sectors of 4096 bytes */
	TABLE_PROTECTIVE,    /* a table that stands for a GPT */
	TABLE_NO_PARTITIONS, /* a table without partitions */
	TABLE_GOOD,          /* only of these the partitions were looked into */
};

struct fact_partition {
	struct bs_partition is; /* is_system and is_boot are left to the judge */
	struct vbr boot_record;
	enum bs_code obstacle; /* to writing: BS_OK, BS_HIBERNATED, BS_UNCLEAN, BS_NTFS_DAMAGED */
	char obstacle_text[160];
	bool has_boot_files; /* bootmgr and a BCD; looked for when there is no system volume */
};

/* ---- files --------------------------------------------------------------------------------- */

/* A file or folder of the system volume that moves. */
struct fact_file {
	struct bs_plan_file file;
	uint32_t reparse_tag; /* IO_REPARSE_TAG_* */
	bool twice;           /* another file has the same name but for upper and lower case */
	bool bad_stream_name; /* of a stream: no valid Unicode */
	bool stays; /* a folder on the way to an item, which the boot volume has already */
};

DEFINE_VECTOR(fact_files, struct fact_file);

/*
 * What is under a path.  The volume's own metadata counts as nothing.  `size` and `attributes` are
 * a file's.  `path` is as the names are stored, or empty.
 */
enum fact_found_kind { FOUND_NOTHING, FOUND_FILE, FOUND_FOLDER };
struct fact_found {
	enum fact_found_kind kind;
	uint64_t size;
	uint32_t attributes;
	char path[BS_PATH_MAX];
};

/* Why an item moves. */
enum boot_item_reason {
	BOOT_ITEM_OF_BOOTMGR, /* bootmgr itself and what always goes with it */
	BOOT_ITEM_OF_ENTRY,   /* an entry of the BCD names it */
	BOOT_ITEM_OTHER_CODE, /* the same, and it is the code of a loader that is not Windows' */
	BOOT_ITEM_OF_LEGACY,  /* an earlier Windows is started by it */
};

/* A file or a whole folder that is copied in one go, and what stands in its place at the target. */
struct boot_item {
	char path[BS_PATH_MAX]; /* on both volumes */
	char short_name[VOLUME_SHORT_NAME_MAX];
	enum boot_item_reason reason;
	uint32_t replaces;             /* files and folders at the target that give way */
	struct fact_found there;       /* at the target under the item's path */
	struct fact_found short_there; /* under the item's short name */
	char short_path[BS_PATH_MAX];
	uint32_t names; /* entries of the target's folder with this name, in any case */
};

/* Something on the target that is in the way of an item. */
enum fact_in_the_way { NOT_A_FOLDER, HARD_LINKED };
struct fact_target {
	enum fact_in_the_way what;
	char path[BS_PATH_MAX];
};

/* ---- the boot menu ------------------------------------------------------------------------- */

enum fact_bcd { BCD_UNREAD, BCD_MISSING, BCD_TOO_LARGE, BCD_UNPARSED, BCD_GOOD };

/* An entry of the boot menu, and where its program is. */
struct fact_entry {
	char object[40];
	char description[96];
	struct bcd_device device;
	char path[BS_PATH_MAX];
	bool has_device;
	bool is_windows;
	int32_t index; /* of the partition that the device leads to, or -1 */
	bool is_there; /* the program, if the entry is no Windows and could be read */
	/* Of a device that names another disk: whether the partition at its place has the program,
	 * and the signature by which the Windows there knows its disk (MountedDevices), if known. */
	bool is_at_place, witness_known;
	uint32_t witness;
};

/* What becomes of a file that a device element leads to on the system volume. */
enum fact_fate {
	FATE_OPEN,       /* nothing is to be done, or its file moves anyway */
	FATE_MOVES,      /* it moves as an item */
	FATE_OTHER_CODE, /* the same: code that is started like a boot record */
	FATE_LEGACY,     /* \ntldr and what belongs to it moves */
	FATE_BREAKS,     /* Windows, which cannot move but is looked for where bootmgr is */
};

/* A device element of the BCD that leads to the system or to the boot volume. */
struct fact_element {
	char object[40];
	char name[96]; /* the description of its entry */
	uint32_t id, offset;
	uint32_t application; /* enum bcd_application */
	enum bcd_file_kind file;
	bool by_boot;            /* as "wherever bootmgr came from" */
	bool on_system, on_boot; /* by the place of the partition */
	char named[BS_PATH_MAX]; /* the file that it leads to, as the store has it */
	struct fact_found found; /* what is there */
	enum fact_fate fate;
};
DEFINE_VECTOR(fact_elements, struct fact_element);

/* The files of an earlier Windows (NT to XP) and its menu. */
#define LEGACY_FILES 5u
extern const struct fact_legacy_name {
	const char *path;
	bool may_be_empty;
} fact_legacy_names[LEGACY_FILES];
struct fact_choice {
	struct boot_ini_choice ini;
	struct fact_found found; /* BOOT_INI_FILE: on the system volume */
	bool reads_system;       /* a boot sector that reads the system volume */
};
struct fact_legacy {
	bool was_read;
	struct fact_found files[LEGACY_FILES];
	bool menu_missing;
	struct bs_error menu_error; /* boot.ini could not be understood */
	uint32_t choice_count;
	struct fact_choice choices[BOOT_INI_CHOICES_MAX];
};

/* ---- the boot volume ----------------------------------------------------------------------- */

enum fact_loader_kind { LOADER_UNREAD, LOADER_MISSING, LOADER_NO_PROGRAM, LOADER_GOOD };
struct fact_loader {
	enum fact_loader_kind kind;
	uint64_t size;
};

/* ---- all of them --------------------------------------------------------------------------- */

struct facts {
	/* What was asked for: numbers of partitions, 0 for none, and bytes. */
	uint32_t wanted_system, wanted_boot;
	uint64_t needed_room;

	uint64_t disk_size;
	enum fact_table table;
	enum mbr_code mbr_code;
	uint32_t disk_signature;
	uint8_t flags[MBR_ENTRIES];
	uint32_t partition_count;
	struct fact_partition partitions[BS_PARTITIONS_MAX];
	uint32_t active_count; /* active partitions */
	int32_t active_index;  /* the last one of them, or -1 */
	int32_t system_index;  /* facts_choose_system() */

	/* The boot files.  Of the system volume's error the code is BS_OK when there was none. */
	struct bs_error system_error;
	struct fact_files files; /* folders before what is in them */
	uint64_t stream_bytes;   /* of all streams */
	uint32_t item_count;
	struct boot_item items[BOOT_ITEMS_MAX]; /* in the order in which they are copied */
	bool items_left_out;                    /* there was no room for all items */
	bool bootmgr_was_read;                  /* or looked for in vain */
	bool bootmgr_is_zeros, bootmgr_is_program;

	/* The boot menu. */
	enum fact_bcd bcd;
	char bcd_error[480]; /* BCD_UNPARSED */
	uint64_t bcd_size;
	uint32_t bcd_elements;
	bool bcd_outdated;        /* newer data waits in the log files */
	bool store_names_disk;    /* a device of the BCD names this disk by its signature */
	struct fact_entry first;  /* the default entry */
	struct fact_entry starts; /* the Windows that starts by default, if any */
	uint32_t windows_count;   /* partitions with the usual loader; looked for when nothing */
	int32_t windows_index;    /* starts.  The only one, or -1 */
	int32_t boot_index;       /* the boot volume: that of `starts`, or the chosen one */
	char loader_path[BS_PATH_MAX]; /* of the Windows on the boot volume */

	/* The files that other entries of the menu name; read if the boot files have to move. */
	struct fact_elements elements; /* those on the system volume first */
	bool elements_left_out;
	struct fact_legacy legacy;
	struct bs_error elements_error; /* of the boot volume, when elements were looked at */

	/* The boot volume. */
	struct bs_error boot_error;
	struct fact_loader default_loader; /* of the Windows that starts by default */
	struct fact_loader loader;         /* of the Windows on the boot volume */
	char windows_name[128], windows_build[64];
	uint64_t replaced_bytes; /* at least so many become free where the files go */
	uint32_t target_count;
	struct fact_target targets[BS_FINDINGS_MAX]; /* more cannot be told */
};

/* The facts of a disk of which nothing was read yet.  Freed with facts_free(). */
void facts_begin(struct facts *facts, uint64_t disk_size, const struct bs_options *options);
void facts_free(struct facts *facts);

/* The partition of a table's entry, whose record lies at `base_lba`. */
struct bs_partition facts_partition(uint32_t number, const struct mbr_entry *entry,
				    uint64_t base_lba);

/* ---- questions that the facts answer ------------------------------------------------------- */

/* The partition with the boot files: the chosen one, or the active one.  -1 when there is none. */
int32_t facts_choose_system(const struct facts *facts);

/* The partition, not an extended one, with a number; else -1. */
int32_t facts_index(const struct facts *facts, uint32_t number);

/* The partition that a device of the BCD leads to, or -1. */
int32_t facts_resolve(const struct facts *facts, const struct bcd_device *device);

/* Whether the partition holds an NTFS volume that could be read. */
bool facts_is_readable(const struct facts *facts, int32_t index);

/* Whether the boot files have to move: there are two volumes, and not one. */
bool facts_are_apart(const struct facts *facts);

/* Whether the boot volume's boot record cannot start bootmgr as it is, and can be repaired. */
bool facts_need_boot_code(const struct facts *facts);

/* Whether there is a default entry; whether the Windows that it leads to was not found; and whether
 * that is because it is on another disk. */
bool facts_has_default(const struct facts *facts);
bool facts_is_lost(const struct facts *facts);

/*
 * Tells a disk whose signature was changed from a disk that starts the Windows of another one.
 * Windows gives a disk another signature when a disk with the same one is attached already: a clone
 * beside its original.  The boot menu of the disk then still names the old signature, and bootmgr
 * finds no such disk.  (Microsoft, "Fixing Disk Signature Collisions".)
 */
bool facts_signature_changed(const struct facts *facts, const struct fact_entry *entry);
bool facts_is_on_other_disk(const struct facts *facts);

/*
 * The room on the boot volume once the boot files are there, in bytes: what they need with a
 * reserve, what is available with what gives way, and what is left after.
 */
struct fact_room {
	bool is_known; /* false also if nothing moves */
	uint64_t needed, available, after;
};
struct fact_room facts_room(const struct facts *facts);

/* The file or folder of that path among those that move, case ignored, or NULL. */
const struct fact_file *facts_find(const struct facts *facts, const char *path);

/* The same, but only a file. */
const struct bs_plan_file *facts_find_file(const struct facts *facts, const char *path);

/* Whether a path is that of a file or folder, or of something in it; case ignored. */
bool facts_lies_in(const char *path, const char *item);

/* The item that brings, or whose folder takes, the place of that path at the target, or NULL. */
const struct boot_item *facts_item(const struct facts *facts, const char *path);

/* Whether a file of an earlier Windows is there, but cannot be what ntldr looks for. */
bool facts_is_unfit(const struct fact_legacy *legacy, uint32_t index);

/* What becomes of an element's file, with what is known to move so far. */
enum fact_fate facts_fate(const struct facts *facts, const struct fact_element *element);

/* Whether an element names the system volume, and its file moves: then it is retargeted. */
bool facts_is_retargeted(const struct facts *facts, const struct fact_element *element);

#endif
