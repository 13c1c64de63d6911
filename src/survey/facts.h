/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The facts: what the readers found on a disk, before anybody judges.
 *
 * Plain data.  The readers (reader.h) fill in the facts from the top of the struct to its end, and
 * stop where there is nothing more to read.  Whatever was not read is zero, empty or -1.  The judge
 * (judge.h) and the plan (plan.h) get the facts as const, and need no disk.
 *
 * A few facts are choices that decide what the readers read next: which partition is the system
 * volume, which partition is the boot volume, and which files move.  The functions below that make
 * these choices use the facts only.
 */
#ifndef BOOTSHIFT_FACTS_H
#define BOOTSHIFT_FACTS_H

#include "boot/bcd.h"
#include "boot/boot-ini.h"
#include "boot/mbr.h"
#include "boot/vbr.h"
#include "util/vector.h"
#include "volume/volume.h"

#define BOOT_MANAGER   "\\bootmgr"
#define BOOT_FOLDER    "\\Boot"
#define BOOT_BCD_PATH  "\\Boot\\BCD"
#define BOOT_INI_PATH  "\\boot.ini"
#define USUAL_LOADER   "\\Windows\\System32\\winload.exe"
#define BOOT_ITEMS_MAX 48

/* Bytes.  The boot record loads all of bootmgr to the address 0x20000.  The data of the BIOS begins
 * at 0x9F000. */
#define BOOTMGR_SIZE_MAX (508u << 10)

/* Bytes.  The smallest bootmgr, from Windows Vista, has 325 KiB.  A much smaller file is a part
 * of a bootmgr, or another file. */
#define BOOTMGR_SIZE_MIN (128u << 10)

/* The readers read at most this many device elements.  Real stores have a few dozen. */
#define FACT_ELEMENTS_MAX 2048

/* ---- the partition table ------------------------------------------------------------------- */

enum fact_table {
	TABLE_NONE,          /* the first sector is not a master boot record */
	TABLE_LUKS,          /* LUKS: the whole disk is encrypted */
	TABLE_ONE_VOLUME,    /* a volume begins at the first sector */
	TABLE_GPT_ONLY,      /* a GPT without a master boot record */
	TABLE_ZEROS,         /* nothing but zeros */
	TABLE_LARGE_SECTORS, /* a table that counts in sectors of 4096 bytes */
	TABLE_PROTECTIVE,    /* a table that stands for a GPT */
	TABLE_NO_PARTITIONS, /* a table without partitions */
	TABLE_GOOD,          /* the readers look into partitions of these tables only */
};

struct fact_partition {
	struct bs_partition is; /* the judge sets is_system and is_boot */
	struct vbr boot_record;
	enum bs_code obstacle; /* to a write: BS_OK, BS_HIBERNATED, BS_UNCLEAN, BS_NTFS_DAMAGED */
	char obstacle_text[160];
};

/* ---- files --------------------------------------------------------------------------------- */

/* A file or folder of the system volume that moves. */
struct fact_file {
	struct bs_plan_file file;
	uint32_t reparse_tag; /* IO_REPARSE_TAG_* */
	bool twice;           /* another file has the same name, apart from upper and lower case */
	bool bad_stream_name; /* the name of one of its streams is not valid Unicode */
	bool stays;           /* a parent folder of an item; the boot volume already has it */
};

DEFINE_VECTOR(fact_files, struct fact_file);

/*
 * The file or folder at a path.  The metadata files of the volume count as FOUND_NOTHING.  `path`
 * has the names as the volume stores them.  It is empty for FOUND_NOTHING.
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
	BOOT_ITEM_OTHER_CODE, /* the same; it is code of a loader that is not from Windows */
	BOOT_ITEM_OF_LEGACY,  /* an earlier Windows needs it to start */
};

/* A file or a whole folder that a fix copies, and what the boot volume (the target) has there. */
struct boot_item {
	char path[BS_PATH_MAX]; /* on both volumes */
	char short_name[VOLUME_SHORT_NAME_MAX];
	enum boot_item_reason reason;
	uint32_t replaces;             /* files and folders of the target that it replaces */
	struct fact_found there;       /* on the target, at the item's path */
	struct fact_found short_there; /* on the target, at short_path */
	char short_path[BS_PATH_MAX];
	uint32_t names; /* entries of the target's folder with this name, in any case */
};

/* A file or folder on the target that prevents the copying of an item. */
enum fact_in_the_way { NOT_A_FOLDER, HARD_LINKED };
struct fact_target {
	enum fact_in_the_way what;
	char path[BS_PATH_MAX];
};

/* A bootmgr: the one that starts the disk, or the one that Windows keeps. */
struct fact_bootmgr {
	bool was_read; /* true also if there is none */
	bool is_there; /* as a file */
	uint64_t size;
	uint32_t attributes;
	bool is_zeros, is_program;
};

/* ---- the boot menu ------------------------------------------------------------------------- */

enum fact_bcd { BCD_UNREAD, BCD_MISSING, BCD_TOO_LARGE, BCD_UNPARSED, BCD_GOOD };

/*
 * The partitions that a `locate` device leads to.  bootmgr searches the volumes for a path, and takes
 * the first volume that has it.  In which order it searches is not documented.
 */
#define FACT_LOCATED_MAX 4
struct fact_located {
	char path[BS_PATH_MAX];            /* empty: the device is of another kind */
	uint32_t count;                    /* the partitions with this file or folder */
	int32_t indexes[FACT_LOCATED_MAX]; /* the first ones of them */
};

/* An entry of the boot menu, and the place of its program. */
struct fact_entry {
	char object[40];
	char description[96];
	struct bcd_device device;
	char path[BS_PATH_MAX];
	bool has_device;
	bool is_windows;
	int32_t index;                  /* of the partition that the device names, or -1 */
	struct fact_located located;    /* by the device */
	struct fact_located os_located; /* by the osdevice, if the entry starts Windows */
	struct bcd_device osdevice;     /* where Windows is; BCD_DEVICE_OTHER: not known */
	char systemroot[BS_PATH_MAX];   /* Windows' folder there; empty: not known */
	bool is_there; /* the program exists; only set if the entry does not start Windows */
	/* The device names a disk with another signature, but this disk's partition at the same offset
	 * has the program. */
	bool is_at_place;
	/* The disk signature that the Windows there has stored for its partition in MountedDevices.
	 * Read if is_at_place is true, or if the device names no partition. */
	bool witness_known;
	uint32_t witness;
};

/*
 * Which witnesses say that the disk had another signature.  The boot menu is a witness by the device
 * of the Windows that starts by default, and the registry of that Windows by MountedDevices.
 */
enum fact_testimony {
	TESTIMONY_NONE, /* the signature is right, or that Windows is on another disk */
	TESTIMONY_BOTH, /* both name the same signature */
	TESTIMONY_MENU, /* only the boot menu; the registry has no signature for that partition */
	TESTIMONY_REGISTRY, /* only the registry; the boot menu finds Windows without a signature */
	TESTIMONY_DISPUTED, /* they contradict each other */
};

/* What a fix does with the file on the system volume that a device element names. */
enum fact_fate {
	FATE_OPEN,       /* nothing, or the file moves for another reason */
	FATE_MOVES,      /* the file moves as an item */
	FATE_OTHER_CODE, /* the same; the file is code that bootmgr starts like a boot record */
	FATE_LEGACY,     /* \ntldr and the files that it needs move */
	FATE_BREAKS,     /* Windows cannot move, but bootmgr looks for it on bootmgr's volume */
};

/* A device element of the BCD that names a partition of this disk. */
struct fact_element {
	char object[40];
	char name[96]; /* the description of its entry */
	uint32_t id, offset;
	uint32_t application; /* enum bcd_application */
	enum bcd_file_kind file;
	bool by_boot;            /* the device is `boot`, the volume that bootmgr came from */
	bool on_system, on_boot; /* the device gives the offset of that partition */
	uint32_t elsewhere;      /* number of another partition that it names; 0: none */
	char named[BS_PATH_MAX]; /* path of the file, as the BCD has it */
	struct fact_found found; /* at that path */
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
	struct fact_found found; /* for BOOT_INI_FILE, on the system volume */
	bool reads_system;       /* the file is a boot sector that reads the system volume */
};
struct fact_legacy {
	bool was_read;
	struct fact_found files[LEGACY_FILES];
	bool menu_missing;
	struct bs_error menu_error; /* why boot.ini could not be parsed */
	uint32_t choice_count;
	struct fact_choice choices[BOOT_INI_CHOICES_MAX];
};

/* ---- the boot volume ----------------------------------------------------------------------- */

enum fact_loader_kind { LOADER_UNREAD, LOADER_MISSING, LOADER_NO_PROGRAM, LOADER_GOOD };
struct fact_loader {
	enum fact_loader_kind kind;
	uint64_t size;
};

/* ---- what Windows keeps of the boot files --------------------------------------------------- */

/*
 * The boot files that a fix can make anew, and what Windows keeps of each: a file, or a folder with
 * all its content.  They are in the order in which they are made.  The new BCD is made of the
 * template and gets the times and the descriptor of the template.  (Microsoft, "BCDBoot
 * Command-Line Options"; Microsoft, "Modify the BCD Store Template".)
 */
#define FACT_KEPT     6u
#define KEPT_BOOTMGR  "\\Windows\\Boot\\PCAT\\bootmgr"
#define KEPT_TEMPLATE "\\Windows\\System32\\config\\BCD-Template"
extern const struct fact_kept {
	const char *path, *source;
} fact_kept[FACT_KEPT];

enum fact_template { TEMPLATE_UNREAD, TEMPLATE_MISSING, TEMPLATE_BAD, TEMPLATE_GOOD };

DEFINE_VECTOR(fact_store, struct bs_plan_element);

/* Read only if the boot files are lost or damaged. */
struct fact_rebuild {
	uint32_t
		windows_count; /* partitions with the usual loader, if none was chosen or started */
	int32_t index;         /* the partition to make boot files on, or -1 */
	uint16_t machine;      /* of the loader there; see PE_MACHINE_X86 */
	struct fact_bootmgr bootmgr; /* KEPT_BOOTMGR */
	enum fact_template template_kind;
	char template_error[240];   /* TEMPLATE_BAD */
	struct fact_store template; /* its elements, without devices */

	/* Read only if the boot files are made anew. */
	char locale[24];         /* the language of Windows, such as "de-DE"; empty: unknown */
	bool has_resume;         /* there is a winresume.exe */
	int32_t recovery_index;  /* the partition with the usual recovery environment, or -1 */
	char windows_object[40]; /* the entry of that Windows in the old BCD; empty: none */
	/* What the old BCD has of bootmgr, of that entry, and of entries whose files are there. */
	struct fact_store kept;
};

/* The machine in the header of a program.  (Microsoft, "PE Format".) */
#define PE_MACHINE_X86   0x014C
#define PE_MACHINE_AMD64 0x8664

/* The recovery environment of Windows 8 and later. */
#define RECOVERY_IMAGE "\\Recovery\\WindowsRE\\Winre.wim"
#define RECOVERY_SDI   "\\Recovery\\WindowsRE\\boot.sdi"

/* ---- all facts ----------------------------------------------------------------------------- */

struct facts {
	/* From the options: partition numbers (0: not given), and bytes. */
	uint32_t wanted_system, wanted_boot;
	uint64_t needed_room;
	bool only_needed;  /* leave a disk alone that starts and has room enough */
	bool may_restore;  /* one witness is enough to give the disk its signature back */
	bool may_rebuild;  /* make boot files anew if they are lost or damaged */
	bool must_rebuild; /* even if they are not */

	uint64_t disk_size;
	enum fact_table table;
	enum mbr_code mbr_code;
	uint32_t found_signature; /* the disk's */
	/* By which the devices of the BCD are resolved: the disk's, or the one that a fix gives back.
	 * See facts_choose_signature(). */
	uint32_t disk_signature;
	uint8_t flags[MBR_ENTRIES];
	uint32_t partition_count;
	struct fact_partition partitions[BS_PARTITIONS_MAX];
	uint32_t active_count; /* active partitions */
	int32_t active_index;  /* the last one of them, or -1 */
	int32_t system_index;  /* facts_choose_system() */

	/* The boot files. */
	struct bs_error system_error; /* the code is BS_OK if there was no error */
	struct fact_files files;      /* a folder comes before its content */
	uint64_t stream_bytes;        /* of all streams of `files` */
	uint32_t item_count;
	struct boot_item items[BOOT_ITEMS_MAX]; /* in the order in which they are copied */
	bool items_left_out;                    /* there are more items than BOOT_ITEMS_MAX */
	struct fact_bootmgr bootmgr;

	/* The boot menu. */
	enum fact_bcd bcd;
	char bcd_error[480]; /* BCD_UNPARSED */
	uint64_t bcd_size;
	uint32_t bcd_elements;
	bool bcd_outdated;        /* the log files have newer data */
	bool store_names_disk;    /* a device of the BCD names this disk by found_signature */
	struct fact_entry first;  /* the default entry */
	struct fact_entry starts; /* the Windows that starts by default, if any */
	/* The number of partitions with the usual loader, and the index of the partition if there is
	 * only one, else -1.  Set only if `starts` has no partition. */
	uint32_t windows_count;
	int32_t windows_index;
	int32_t boot_index;            /* the boot volume: the chosen one, or the one of `starts` */
	char loader_path[BS_PATH_MAX]; /* of the Windows on the boot volume */

	/* The files that BCD elements name.  If the boot files need not move, only elements that name
	 * other partitions are read. */
	struct fact_elements elements; /* those that name the system volume first */
	bool elements_left_out;
	struct fact_legacy legacy;
	struct bs_error elements_error; /* of the boot volume, while elements were read */

	/*
	 * Whether a fix makes the boot files anew.  `files` and `items` are then the new ones, and the
	 * facts above tell how the old ones are.
	 */
	bool rebuilds;
	struct fact_rebuild rebuild;

	/* The boot volume. */
	struct bs_error boot_error;
	struct fact_loader default_loader; /* of the Windows that starts by default */
	struct fact_loader loader;         /* of the Windows on the boot volume */
	char windows_name[128], windows_build[64];
	uint64_t replaced_bytes; /* a fix frees at least so many on the boot volume */
	uint32_t target_count;
	struct fact_target targets[BS_FINDINGS_MAX]; /* the report has no room for more */
};

/* Sets the facts of a disk that was not read yet.  The caller frees them with facts_free(). */
void facts_begin(struct facts *facts, uint64_t disk_size, const struct bs_options *options);
void facts_free(struct facts *facts);

/* Makes the partition of a table entry.  `base_lba` is added to the entry's first sector. */
struct bs_partition facts_partition(uint32_t number, const struct mbr_entry *entry,
				    uint64_t base_lba);

/* ---- questions about the facts ------------------------------------------------------------- */

/* The index of the system volume: the chosen or the active partition.  -1 if there is none. */
int32_t facts_choose_system(const struct facts *facts);

/* The index of the partition with a number.  -1 if there is none, or if it is extended. */
int32_t facts_index(const struct facts *facts, uint32_t number);

/* The index of the partition that a device of the BCD names, or -1. */
int32_t facts_resolve(const struct facts *facts, const struct bcd_device *device);

/* Whether the partition holds an NTFS or FAT volume that could be read. */
bool facts_is_readable(const struct facts *facts, int32_t index);

/* Whether the boot files have to move: system volume and boot volume are different partitions. */
bool facts_are_apart(const struct facts *facts);

/* Whether a fix gives the boot volume boot files: they move there, or are made anew. */
bool facts_give_files(const struct facts *facts);

/* Whether the boot files have to move from a FAT volume. */
bool facts_move_from_fat(const struct facts *facts);

/*
 * Whether the boot volume's boot record cannot start bootmgr now, but a fix can repair it: with the
 * code of the system volume, unless that is FAT, whose code cannot read NTFS.
 */
bool facts_need_boot_code(const struct facts *facts);

/* Whether boot code could start a bootmgr, if it were a sound one: it is an ordinary file. */
bool facts_is_ordinary(const struct fact_bootmgr *bootmgr);

/* Why boot code cannot start an ordinary file as bootmgr: "it is ..."; NULL: it can. */
const char *facts_bootmgr_damage(const struct fact_bootmgr *bootmgr);

/*
 * Whether the disk lacks boot files that could start it: there is no system volume, or bootmgr or
 * the BCD is missing or damaged.  False if the volume could not be read for another reason.
 */
bool facts_lack_boot_files(const struct facts *facts);

/* Whether boot files are to be made anew, but there is no Windows to do so for, or several. */
bool facts_lack_windows(const struct facts *facts);

/* Whether boot files can be made anew from what Windows keeps.  The judge tells why not. */
bool facts_can_rebuild(const struct facts *facts);

/*
 * Whether a fix may make boot files on the active partition, or on the one that the user chose as the
 * system partition.  Other fixes never write there, and the parent checks that (permit.h).  So the
 * user must have chosen that partition, unless the disk has no other primary partition.
 */
bool facts_may_write_active(const struct facts *facts);

/* Sets `source` to the path of what a new boot file is made of. */
void facts_source(const char *path, char source[BS_PATH_MAX]);

/* Whether the BCD has a default entry with a device. */
bool facts_has_default(const struct facts *facts);

/* Whether there is a default entry, but no Windows that starts by default was found. */
bool facts_is_lost(const struct facts *facts);

/*
 * Who says that the signature of this disk was changed.  Windows gives a disk a new signature if
 * another attached disk has the same one, for example a clone and its original.  The boot menu of
 * the disk then still names the old signature, and bootmgr finds no such disk.  (Microsoft, "Fixing
 * Disk Signature Collisions".)  The registry of the Windows on it names the old signature, too.
 */
enum fact_testimony facts_testimony(const struct facts *facts);

/* The signature that the disk has to have, by the witnesses and the options. */
uint32_t facts_choose_signature(const struct facts *facts);

/* Whether a fix gives the disk another signature. */
bool facts_restores_signature(const struct facts *facts);

/* Whether an entry does not find its file because the signature of this disk was changed. */
bool facts_signature_changed(const struct facts *facts, const struct fact_entry *entry);

/* Whether facts_is_lost() is true because several partitions have what bootmgr searches for. */
bool facts_is_ambiguous(const struct facts *facts);

/* Whether facts_is_lost() is true because that Windows is on another disk. */
bool facts_is_on_other_disk(const struct facts *facts);

/*
 * The room on the boot volume, in bytes: needed by the boot files (with a reserve), available (with
 * the room of the files that they replace), and left after the fix.
 */
struct fact_room {
	bool is_known; /* false also if nothing moves */
	uint64_t needed, available, after;
};
struct fact_room facts_room(const struct facts *facts);

/* Finds a path among the files and folders that move; ignores case.  NULL if it is not there. */
const struct fact_file *facts_find(const struct facts *facts, const char *path);

/* The same, but finds only files.  NULL also for a folder. */
const struct bs_plan_file *facts_find_file(const struct facts *facts, const char *path);

/* Whether `path` is `item`, or lies in the folder `item`.  Ignores case. */
bool facts_lies_in(const char *path, const char *item);

/* The item that is `path`, or whose folder contains `path`; NULL if there is none. */
const struct boot_item *facts_item(const struct facts *facts, const char *path);

/* Whether a file of an earlier Windows exists, but ntldr cannot use it: a folder, or empty. */
bool facts_is_unfit(const struct fact_legacy *legacy, uint32_t index);

/* The fate of an element's file, given the files that are known to move so far. */
enum fact_fate facts_fate(const struct facts *facts, const struct fact_element *element);

/* Whether a fix retargets an element: the element names the system volume, and its file moves. */
bool facts_is_retargeted(const struct facts *facts, const struct fact_element *element);

#endif
