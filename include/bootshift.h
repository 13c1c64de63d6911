/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libbootshift: moves the Windows boot files of an offline disk image from the small system
 * partition to the partition that holds Windows, and can take that back bit for bit.
 *
 * The structs are plain data without pointers to share or to follow, except where a comment says
 * who frees what.  Strings are UTF-8 and always terminated.  Sizes and offsets are in bytes.
 * No function prints, exits, or changes state outside of its arguments and the image.
 */
#ifndef BOOTSHIFT_H
#define BOOTSHIFT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BS_API __attribute__((visibility("default")))

/* The exit status of the command; also the class of an error. */
enum bs_exit {
	BS_EXIT_DONE = 0,     /* done, or nothing to do */
	BS_EXIT_FAILED = 1,   /* failed; the image is unchanged or was rolled back */
	BS_EXIT_USAGE = 2,    /* the command line is wrong */
	BS_EXIT_REFUSED = 3,  /* the image is unsuitable; nothing was written */
	BS_EXIT_RECOVERY = 4, /* a transaction was interrupted and has to be recovered first */
};

/*
 * The stable codes: X(symbol, name, exit class, advice).  A name never changes its meaning and is
 * never used again for something else.  The advice says what to do, in one line: one way out.  It
 * may end with a command, behind ": ", that can be typed, with these words replaced: IMAGE, the
 * image; NEW and FILE, the name of a file; N, the number of a partition; SECONDS, a time; {ID}, an
 * entry of the boot menu.  S: and X: are letters of volumes in Windows.
 */
#define BS_CODES(X)                                                                                \
	X(BS_OK, "ok", BS_EXIT_DONE, "")                                                           \
	/* usage */                                                                                \
	X(BS_USAGE, "usage", BS_EXIT_USAGE, "see bootshift --help")                                \
	X(BS_ROWS_EXIST, "rows-exist", BS_EXIT_USAGE, "name another file with --jsonl")            \
	X(BS_FILE_EXISTS, "file-exists", BS_EXIT_USAGE, "name another file")                       \
	/* failed: the machine or the storage, not the image */                                    \
	X(BS_NOT_FOUND, "not-found", BS_EXIT_FAILED, "check the name, and where links in it lead") \
	X(BS_NO_PERMISSION, "no-permission", BS_EXIT_REFUSED,                                      \
	  "run bootshift as a user who may read and write that file")                              \
	X(BS_READ_ONLY, "read-only", BS_EXIT_REFUSED, "make it writable and try again")            \
	X(BS_IN_USE, "in-use", BS_EXIT_REFUSED,                                                    \
	  "close, detach or unmount it there, then try again")                                     \
	X(BS_IO, "io-error", BS_EXIT_FAILED, "check the storage that holds the image")             \
	X(BS_NO_CONNECTION, "no-connection", BS_EXIT_FAILED,                                       \
	  "check the URI, and that the NBD server runs, has the export, takes three clients")      \
	X(BS_NO_MEMORY, "no-memory", BS_EXIT_FAILED, "free some memory and try again")             \
	X(BS_SYSTEM_LIMIT, "system-limit", BS_EXIT_FAILED,                                         \
	  "raise the limit of the shell, service or container in which bootshift runs")            \
	X(BS_NO_SPACE, "no-space", BS_EXIT_FAILED, "make room there and try again")                \
	X(BS_OUT_OF_RANGE, "out-of-range", BS_EXIT_FAILED,                                         \
	  "copy the image again: it is damaged, or it was cut short")                              \
	X(BS_WORKER, "worker-failed", BS_EXIT_FAILED,                                              \
	  "please report this, with the output of: bootshift inspect --json IMAGE")                \
	X(BS_GUARD, "guard-violation", BS_EXIT_FAILED,                                             \
	  "please report this, with the output of: bootshift inspect --json IMAGE")                \
	X(BS_VERIFY, "verification-failed", BS_EXIT_FAILED,                                        \
	  "please report this, with the output of: bootshift inspect --json IMAGE")                \
	X(BS_CHANGED_MEANWHILE, "changed-meanwhile", BS_EXIT_FAILED,                               \
	  "make sure that nothing else writes to the image, then try again")                       \
	X(BS_UNDO_FILE_LOST, "undo-file-lost", BS_EXIT_FAILED,                                     \
	  "make sure that nothing else removes, moves or replaces undo files, then try again")     \
	X(BS_NTFS, "ntfs-error", BS_EXIT_FAILED,                                                   \
	  "run chkdsk X: /f on the volume in Windows, shut it down fully and try again")           \
	X(BS_INTERRUPTED, "interrupted", BS_EXIT_FAILED, "run the same command again")             \
	X(BS_TIMEOUT, "timeout", BS_EXIT_FAILED,                                                   \
	  "look at what is slow, the machine or its storage; a batch has also --timeout")          \
	X(BS_ROW_INVALID, "row-invalid", BS_EXIT_FAILED,                                           \
	  "name a file that bootshift batch has written with --jsonl")                             \
	/* recovery required */                                                                    \
	X(BS_RECOVERY_REQUIRED, "recovery-required", BS_EXIT_RECOVERY,                             \
	  "with the undo file in its place, take back what was begun: bootshift undo IMAGE")       \
	X(BS_JOURNAL_DAMAGED, "journal-damaged", BS_EXIT_RECOVERY,                                 \
	  "restore that file or the image from a copy; if nothing was interrupted, move it away")  \
	/* refused: undo */                                                                        \
	X(BS_NO_UNDO_FILE, "no-undo-file", BS_EXIT_REFUSED,                                        \
	  "name the folder of the undo file with --undo-dir, if it is not beside the image")       \
	X(BS_UNDO_FILE_EXISTS, "undo-file-exists", BS_EXIT_REFUSED,                                \
	  "if the image was replaced since, move that file away; else: bootshift undo IMAGE")      \
	X(BS_CHANGED_SINCE, "changed-since-fix", BS_EXIT_REFUSED,                                  \
	  "undo would destroy those changes; restore from a backup if the old state is needed")    \
	X(BS_UNDO_FILE_DAMAGED, "undo-file-damaged", BS_EXIT_REFUSED,                              \
	  "the fix was finished; to take it back, restore that file or the image from a copy")     \
	/* refused: the names and the folder of the undo file */                                   \
	X(BS_UNDO_FILE_UNUSABLE, "undo-file-unusable", BS_EXIT_REFUSED,                            \
	  "move it away; if it leads to the undo file, put that file itself in its place")         \
	X(BS_NAME_TOO_LONG, "name-too-long", BS_EXIT_REFUSED,                                      \
	  "give the image a shorter name: that of its undo file has up to 28 bytes more")          \
	X(BS_UNDO_FOLDER, "undo-folder-unwritable", BS_EXIT_REFUSED,                               \
	  "name another folder for the undo file with --undo-dir, or make this one writable")      \
	X(BS_FOLDER_NOT_TRUSTED, "folder-not-trusted", BS_EXIT_REFUSED,                            \
	  "name a folder for the undo file that only you can write to: --undo-dir FOLDER")         \
	/* refused: files that somebody else may have made */                                      \
	X(BS_NOT_TRUSTED, "not-trusted", BS_EXIT_REFUSED,                                          \
	  "if you trust it, chown it and chmod it go-w, or run as its owner; else move it away")   \
	X(BS_INPUT_NOT_TRUSTED, "input-not-trusted", BS_EXIT_REFUSED,                              \
	  "if you trust it, copy it to a folder that only you can write to, and name the copy")    \
	/* refused: the plan file */                                                               \
	X(BS_PLAN_STALE, "plan-stale", BS_EXIT_REFUSED,                                            \
	  "make a new plan and read it: bootshift plan -o FILE IMAGE")                             \
	X(BS_PLAN_INVALID, "plan-invalid", BS_EXIT_REFUSED,                                        \
	  "make a new plan: bootshift plan -o FILE IMAGE")                                         \
	/* refused: the container */                                                               \
	X(BS_NOT_AN_IMAGE, "not-an-image", BS_EXIT_REFUSED, "name a file that holds a whole disk") \
	X(BS_FORMAT_UNSUPPORTED, "format-unsupported", BS_EXIT_REFUSED,                            \
	  "convert it first: qemu-img convert -O raw IMAGE NEW")                                   \
	X(BS_FORMAT_UNREADABLE, "format-unreadable", BS_EXIT_REFUSED,                              \
	  "export it as a raw disk, VHD or VHDX with the program that made it")                    \
	X(BS_FORMAT_AMBIGUOUS, "format-ambiguous", BS_EXIT_REFUSED,                                \
	  "if it is a raw disk, say so: bootshift fix --format raw IMAGE")                         \
	X(BS_DRIVER_UNUSABLE, "driver-unusable", BS_EXIT_REFUSED,                                  \
	  "run bootshift as root where /dev/fuse and qemu-nbd are (package qemu-utils)")           \
	X(BS_SERVER_UNSUITABLE, "nbd-server-unsuitable", BS_EXIT_REFUSED,                          \
	  "serve the disk with QEMU instead: qemu-nbd --persistent --shared=3 -f raw FILE")        \
	X(BS_HOLDS_NO_DISK, "holds-no-disk", BS_EXIT_REFUSED,                                      \
	  "name the image of the disk that Windows is installed on")                               \
	X(BS_PACKED_GZIP, "packed-gzip", BS_EXIT_REFUSED, "unpack it first: gunzip <IMAGE >NEW")   \
	X(BS_PACKED_BZIP2, "packed-bzip2", BS_EXIT_REFUSED,                                        \
	  "unpack it first: bunzip2 <IMAGE >NEW")                                                  \
	X(BS_PACKED_XZ, "packed-xz", BS_EXIT_REFUSED, "unpack it first: xz -d <IMAGE >NEW")        \
	X(BS_PACKED_ZSTD, "packed-zstd", BS_EXIT_REFUSED, "unpack it first: zstd -d <IMAGE >NEW")  \
	X(BS_PACKED_ZIP, "packed-zip", BS_EXIT_REFUSED, "unpack it first: unzip IMAGE")            \
	X(BS_PACKED_7Z, "packed-7z", BS_EXIT_REFUSED, "unpack it first: 7z x IMAGE")               \
	X(BS_PACKED_TAR, "packed-tar", BS_EXIT_REFUSED, "unpack it first: tar -xf IMAGE")          \
	X(BS_EWF, "ewf-image", BS_EXIT_REFUSED,                                                    \
	  "export it to NEW.raw first: ewfexport -u -f raw -t NEW IMAGE")                          \
	X(BS_AFF, "aff-image", BS_EXIT_REFUSED, "export it first: affcat IMAGE >NEW")              \
	X(BS_VHD_CORRUPT, "vhd-corrupt", BS_EXIT_REFUSED,                                          \
	  "restore it from a copy: it is damaged, or it was cut short")                            \
	X(BS_VHD_SAVED_STATE, "vhd-saved-state", BS_EXIT_REFUSED,                                  \
	  "start the virtual machine, shut it down fully and try again")                           \
	X(BS_VHD_DIFFERENCING, "vhd-differencing", BS_EXIT_REFUSED,                                \
	  "merge it into its parent first, in PowerShell: Merge-VHD -Path IMAGE")                  \
	X(BS_VHDX_DIFFERENCING, "vhdx-differencing", BS_EXIT_REFUSED,                              \
	  "merge it into its parent first, in PowerShell: Merge-VHD -Path IMAGE")                  \
	X(BS_VDI_DIFFERENCING, "vdi-differencing", BS_EXIT_REFUSED,                                \
	  "make one image of it and its parent: VBoxManage clonemedium disk IMAGE NEW")            \
	X(BS_CONTAINER_CORRUPT, "container-corrupt", BS_EXIT_REFUSED,                              \
	  "restore it from a copy: it is damaged, or it was cut short")                            \
	X(BS_CONTAINER_UNCLEAN, "container-unclean", BS_EXIT_REFUSED,                              \
	  "repair it first: qemu-img check -r all IMAGE")                                          \
	X(BS_CONTAINER_DIFFERENCING, "container-differencing", BS_EXIT_REFUSED,                    \
	  "make one image of it and its parent: qemu-img convert -O qcow2 IMAGE NEW")              \
	X(BS_CONTAINER_ENCRYPTED, "container-encrypted", BS_EXIT_REFUSED,                          \
	  "decrypt it, with the passphrase in FILE: qemu-img convert -O qcow2 --object "           \
	  "secret,id=s,file=FILE --image-opts encrypt.key-secret=s,file.filename=IMAGE NEW")       \
	X(BS_VMDK_ENCRYPTED, "vmdk-encrypted", BS_EXIT_REFUSED,                                    \
	  "remove the encryption of the virtual machine in VMware first")                          \
	X(BS_CONTAINER_SPLIT, "container-split", BS_EXIT_REFUSED,                                  \
	  "make one file of it first: qemu-img convert -O qcow2 IMAGE NEW")                        \
	X(BS_CONTAINER_COMPRESSED, "container-compressed", BS_EXIT_REFUSED,                        \
	  "unpack it first: qemu-img convert -O vmdk IMAGE NEW")                                   \
	X(BS_CONTAINER_HAS_CHILDREN, "container-has-children", BS_EXIT_REFUSED,                    \
	  "merge the snapshots into it first, with the program that made them")                    \
	X(BS_CONTAINER_PART, "container-part", BS_EXIT_REFUSED,                                    \
	  "name the file that describes the whole disk instead")                                   \
	/* refused: the partitions */                                                              \
	X(BS_NO_PARTITION_TABLE, "no-partition-table", BS_EXIT_REFUSED,                            \
	  "name an image of the whole disk, which begins with its partition table")                \
	X(BS_DISK_EMPTY, "disk-empty", BS_EXIT_REFUSED,                                            \
	  "name the image that Windows is in, copied from its first sector on")                    \
	X(BS_DISK_ENCRYPTED, "disk-encrypted", BS_EXIT_REFUSED,                                    \
	  "decrypt it: cryptsetup open IMAGE decrypted && bootshift fix /dev/mapper/decrypted")    \
	X(BS_SECTOR_SIZE, "sector-size-unsupported", BS_EXIT_REFUSED,                              \
	  "restore a backup of Windows to a disk of 512-byte sectors: a BIOS starts no other")     \
	X(BS_DISK_CUT_SHORT, "disk-cut-short", BS_EXIT_REFUSED, "copy the disk again in full")     \
	X(BS_NO_PARTITIONS, "no-partitions", BS_EXIT_REFUSED,                                      \
	  "name an image of a disk with Windows on it")                                            \
	X(BS_PARTITION_TABLE_INVALID, "partition-table-invalid", BS_EXIT_REFUSED,                  \
	  "repair the partition table first, for example with TestDisk")                           \
	X(BS_GPT, "gpt-disk", BS_EXIT_REFUSED,                                                     \
	  "a disk that starts by UEFI keeps its boot files on its EFI partition: no fix applies")  \
	X(BS_DYNAMIC_DISK, "dynamic-disk", BS_EXIT_REFUSED,                                        \
	  "restore a backup of Windows to a basic disk: Windows converts only empty disks back")   \
	X(BS_STORAGE_SPACES, "storage-spaces", BS_EXIT_REFUSED,                                    \
	  "restore a backup of Windows to a basic disk: only Windows reads Storage Spaces")        \
	X(BS_NO_ACTIVE_PARTITION, "no-active-partition", BS_EXIT_REFUSED,                          \
	  "choose the partition with the boot files: bootshift fix --system-partition N IMAGE")    \
	X(BS_SEVERAL_ACTIVE, "several-active-partitions", BS_EXIT_REFUSED,                         \
	  "choose the partition with the boot files: bootshift fix --system-partition N IMAGE")    \
	X(BS_SYSTEM_PARTITION, "system-partition-unsuitable", BS_EXIT_REFUSED,                     \
	  "choose the partition with the boot files: bootshift fix --system-partition N IMAGE")    \
	X(BS_BOOT_VOLUME_MISSING, "boot-volume-missing", BS_EXIT_REFUSED,                          \
	  "choose the partition with Windows: bootshift fix --boot-partition N IMAGE")             \
	X(BS_BOOT_VOLUME_LOGICAL, "boot-volume-logical", BS_EXIT_REFUSED,                          \
	  "make it a primary partition first, for example with TestDisk")                          \
	X(BS_SIGNATURE_CHANGED, "disk-signature-changed", BS_EXIT_REFUSED,                         \
	  "give the disk its signature back: bootshift inspect IMAGE tells how")                   \
	X(BS_OTHER_DISK, "default-entry-on-other-disk", BS_EXIT_REFUSED,                           \
	  "in that Windows, give its own disk boot files: bcdboot C:\\Windows /s C:")              \
	/* refused: the volumes */                                                                 \
	X(BS_NOT_NTFS, "not-ntfs", BS_EXIT_REFUSED,                                                \
	  "convert the volume in Windows first: convert X: /fs:ntfs")                              \
	X(BS_BITLOCKER, "bitlocker", BS_EXIT_REFUSED,                                              \
	  "decrypt the volume in Windows first, suspending is not enough: manage-bde -off X:")     \
	X(BS_HIBERNATED, "hibernated", BS_EXIT_REFUSED,                                            \
	  "start Windows, run powercfg /h off, shut it down and try again")                        \
	X(BS_UNCLEAN, "unclean-volume", BS_EXIT_REFUSED,                                           \
	  "start Windows, let it check the disk, run shutdown /s /t 0 and try again")              \
	X(BS_NTFS_DAMAGED, "ntfs-damaged", BS_EXIT_REFUSED,                                        \
	  "run chkdsk X: /f on the volume in Windows, shut it down fully and try again")           \
	X(BS_VOLUME_FULL, "no-room", BS_EXIT_REFUSED,                                              \
	  "free some space on that volume in Windows and try again")                               \
	X(BS_NTFS_GEOMETRY, "ntfs-geometry", BS_EXIT_REFUSED,                                      \
	  "restore a backup of it to a volume with 512-byte sectors, clusters of 4096 bytes")      \
	X(BS_BEYOND_REACH, "beyond-reach", BS_EXIT_REFUSED,                                        \
	  "free some space in the part of the volume that is within the first 2 TiB of the disk")  \
	/* refused: the boot files */                                                              \
	X(BS_BOOTMGR_MISSING, "bootmgr-missing", BS_EXIT_REFUSED,                                  \
	  "in Windows' recovery environment (S: the system volume): bcdboot C:\\Windows /s S:")    \
	X(BS_BOOTMGR_DAMAGED, "bootmgr-damaged", BS_EXIT_REFUSED,                                  \
	  "in the recovery environment: del /f /a S:\\bootmgr && bcdboot C:\\Windows /s S:")       \
	X(BS_BOOT_CODE_MISSING, "boot-code-missing", BS_EXIT_REFUSED,                              \
	  "from Windows' installation medium (S: the system volume): bootsect /nt60 S:")           \
	X(BS_BCD_MISSING, "bcd-missing", BS_EXIT_REFUSED,                                          \
	  "in Windows' recovery environment (S: the system volume): bcdboot C:\\Windows /s S:")    \
	X(BS_BCD_DAMAGED, "bcd-damaged", BS_EXIT_REFUSED,                                          \
	  "in the recovery environment: del /f /a S:\\Boot\\BCD && bcdboot C:\\Windows /s S:")     \
	X(BS_BCD_DIRTY, "bcd-dirty", BS_EXIT_REFUSED,                                              \
	  "start Windows, run shutdown /s /t 0 and try again")                                     \
	X(BS_NO_DEFAULT_ENTRY, "no-default-entry", BS_EXIT_REFUSED,                                \
	  "in the recovery environment, an ID of bcdedit /enum all: bcdedit /default {ID}")        \
	X(BS_DEFAULT_ENTRY_BROKEN, "default-entry-broken", BS_EXIT_REFUSED,                        \
	  "make Windows the default entry, in Windows: bcdedit /default {current}")                \
	X(BS_WINLOAD_MISSING, "winload-missing", BS_EXIT_REFUSED,                                  \
	  "in the recovery environment: sfc /scannow /offbootdir=C:\\ /offwindir=C:\\Windows")     \
	X(BS_BOOT_FILE_UNSUPPORTED, "boot-file-unsupported", BS_EXIT_REFUSED,                      \
	  "remove what is named, or turn it into an ordinary file, in Windows")                    \
	X(BS_ENTRY_WOULD_BREAK, "entry-would-break", BS_EXIT_REFUSED,                              \
	  "remove that entry in Windows: bcdedit /delete {ID}")                                    \
	X(BS_LEGACY_UNSUPPORTED, "legacy-boot-unsupported", BS_EXIT_REFUSED,                       \
	  "remove the entry of the earlier Windows: bcdedit /delete {ntldr} /f")                   \
	/* notes: findings that do not stand in the way */                                         \
	X(BS_NOTE_BOOT_CODE, "note-boot-code", BS_EXIT_DONE, "")                                   \
	X(BS_NOTE_MBR_CODE, "note-mbr-code", BS_EXIT_DONE, "")                                     \
	X(BS_NOTE_HIDDEN_SECTORS, "note-hidden-sectors", BS_EXIT_DONE, "")                         \
	X(BS_NOTE_WINLOAD, "note-winload", BS_EXIT_DONE, "")                                       \
	X(BS_NOTE_OTHER_LOADER, "note-other-loader", BS_EXIT_DONE, "")                             \
	X(BS_NOTE_LEGACY, "note-legacy-boot", BS_EXIT_DONE, "")                                    \
	X(BS_NOTE_STAYS, "note-stays-on-system-volume", BS_EXIT_DONE, "")                          \
	X(BS_NOTE_REPLACES, "note-replaces-files", BS_EXIT_DONE, "")                               \
	X(BS_NOTE_ROOM, "note-room", BS_EXIT_DONE, "")

enum bs_code {
#define BS_CODE(symbol, name, exit, advice) symbol,
	BS_CODES(BS_CODE)
#undef BS_CODE
		BS_CODE_COUNT
};

BS_API const char *bs_code_name(enum bs_code code);
BS_API enum bs_exit bs_code_exit(enum bs_code code);
BS_API const char *bs_code_advice(enum bs_code code);

/*
 * The formats of containers: X(the name in options and results, QEMU's name, how people write it,
 * the usual endings of the names of its files).
 */
#define BS_FORMATS(X)                                                                              \
	X(raw, "raw", "raw", ".img", ".raw", ".dd")                                                \
	X(vhd, "vpc", "VHD", ".vhd", ".avhd")                                                      \
	X(vhdx, "vhdx", "VHDX", ".vhdx", ".avhdx")                                                 \
	X(qcow2, "qcow2", "qcow2", ".qcow2", ".qcow")                                              \
	X(vmdk, "vmdk", "VMDK", ".vmdk")                                                           \
	X(vdi, "vdi", "VDI", ".vdi")

/* " raw vhd ...": all names, for a message. */
#define BS_FORMAT_NAMES                        BS_FORMATS(BS_FORMAT_NAME)
#define BS_FORMAT_NAME(id, driver, title, ...) " " #id

struct bs_error {
	enum bs_code code;
	char message[480]; /* what is wrong; not the image's name, not the advice */
};

/* ---- inspection: what is in an image ------------------------------------------------------ */

#define BS_PARTITIONS_MAX 32
#define BS_FINDINGS_MAX   32
#define BS_LINKS_MAX      12
#define BS_PATH_MAX       768 /* a path inside a volume, UTF-8, with the final zero */

enum bs_filesystem {
	BS_FS_UNKNOWN,
	BS_FS_NTFS,
	BS_FS_BITLOCKER,
	BS_FS_FAT,
	BS_FS_EXTENDED, /* not a file system: the extended partition that holds the logical ones */
	BS_FS_COUNT
};

struct bs_partition {
	uint32_t number; /* 1-4 primary, in the order of the table; 5 and up logical */
	uint8_t type;    /* the MBR's type byte */
	bool active;
	bool is_system; /* the system volume: its boot record, bootmgr and BCD start the disk */
	bool is_boot;   /* the boot volume: the one with \Windows */
	uint64_t start, size;
	enum bs_filesystem filesystem;
	char label[132];  /* the volume's label; empty when there is none */
	bool usage_known; /* whether the next two hold */
	uint64_t free;    /* free bytes on the volume */
	uint32_t cluster_size;
};

/* A link of the boot chain, in the order in which the BIOS follows it. */
enum bs_link_kind {
	BS_LINK_MBR_CODE,
	BS_LINK_ACTIVE,
	BS_LINK_BOOT_RECORD,
	BS_LINK_BOOTMGR,
	BS_LINK_BCD,
	BS_LINK_DEFAULT_ENTRY,
	BS_LINK_BOOT_VOLUME,
	BS_LINK_WINLOAD,
	BS_LINK_KIND_COUNT
};

enum bs_link_state {
	BS_LINK_GOOD,
	BS_LINK_BROKEN,   /* the disk does not start because of it */
	BS_LINK_REPAIRED, /* the same, and the fix repairs it */
	BS_LINK_UNKNOWN,  /* cannot be told, or an earlier link is broken */
	BS_LINK_STATE_COUNT
};

struct bs_link {
	enum bs_link_kind kind;
	enum bs_link_state state;
	enum bs_code code; /* why it is not good; BS_OK when it is, or was not reached */
	char detail[240];  /* what was found, one line */
};

struct bs_finding {
	enum bs_code code; /* BS_EXIT_REFUSED class: stands in the way of a fix; else a note */
	char message[480];
};

enum bs_verdict {
	BS_VERDICT_FIXABLE,    /* boot files on a partition of their own; the fix applies */
	BS_VERDICT_NOTHING,    /* the boot volume is the system volume already */
	BS_VERDICT_UNSUITABLE, /* a finding stands in the way */
	BS_VERDICT_COUNT
};

struct bs_inspection {
	char format[16]; /* as in bs_options */
	uint64_t container_size, disk_size;
	uint32_t disk_signature;
	uint32_t partition_count;
	struct bs_partition partitions[BS_PARTITIONS_MAX];
	int32_t system_index, boot_index; /* into partitions; -1 when not found */
	char windows_name[128];           /* from the SOFTWARE hive, empty when there is none */
	char windows_build[64];
	/* What starts the Windows on the boot volume, as in the BCD: of the default entry, or of
	 * the first one on the partition that was chosen. */
	char loader_path[BS_PATH_MAX];
	/* For advice, and 0 when not known: the number of the partition that should be chosen, and
	 * the signature that the disk had when its boot menu was made. */
	uint32_t advised_partition, earlier_signature;
	bool no_windows; /* the boot volume was not found, and no partition has a Windows */
	uint32_t link_count;
	struct bs_link links[BS_LINKS_MAX];
	/* Every link is good; and after the fix, if one applies, else the same.  Not known when no
	 * link is broken, but of one it cannot be told: then false. */
	bool starts, starts_known;
	bool starts_after, starts_after_known;
	uint32_t boot_file_count; /* files that a fix would copy, folders not counted */
	uint64_t boot_file_bytes;
	uint64_t needed_room; /* what the conversion needs on the active volume (--pe-size) */
	/* Room on the active volume, today and after a fix.  Valid when the flags say so. */
	bool room_before_known, room_after_known;
	uint64_t room_before, room_after;
	enum bs_verdict verdict;
	uint32_t finding_count;
	struct bs_finding findings[BS_FINDINGS_MAX];
};

/* ---- plan: what a fix does ---------------------------------------------------------------- */

enum bs_operation_kind {
	BS_OPERATION_COPY,         /* a file or a whole folder of the system volume */
	BS_OPERATION_ATTRIBUTES,   /* makes the copied folder read-only, hidden, system */
	BS_OPERATION_RETARGET_BCD, /* points the BCD elements whose file moved to the boot volume */
	BS_OPERATION_BOOT_CODE,    /* gives the boot volume the system volume's boot code */
	BS_OPERATION_ACTIVATE,     /* makes the boot partition active, every other one inactive */
	BS_OPERATION_KIND_COUNT
};

#define BS_OPERATIONS_MAX 64
#define BS_PLAN_FILES_MAX 16384
#define BS_ELEMENTS_MAX   256

struct bs_operation {
	enum bs_operation_kind kind;
	char path[BS_PATH_MAX];  /* copy, attributes, retarget-bcd: the path on both volumes */
	uint32_t files, folders; /* copy: what is copied */
	uint32_t elements;       /* retarget-bcd: how many */
	uint32_t replaces;       /* copy: files and folders at the target that give way */
	uint64_t bytes;   /* content written: of files and streams, of elements, of sectors */
	uint64_t sectors; /* different 512-byte sectors written, from the rehearsal */
};

struct bs_plan_file {
	char path[BS_PATH_MAX]; /* with a leading backslash */
	bool is_folder;
	uint64_t size;
	uint32_t attributes; /* FILE_ATTRIBUTE_* as on the source */
	uint8_t sha256[32];  /* of the content (of all zeros for a folder); from the rehearsal */
};

struct bs_plan_element {
	char object[40];        /* {guid} */
	uint32_t element;       /* 11000001 and so on */
	uint32_t offset;        /* of the partition offset (8 bytes) in the BCD file */
	char path[BS_PATH_MAX]; /* the moved file that the element leads to */
};

/* Owned by whoever got it; freed with bs_plan_free(). */
struct bs_plan {
	uint32_t disk_signature;
	uint64_t disk_size;
	uint64_t system_start, system_size; /* the partitions, in bytes of the disk */
	uint64_t boot_start, boot_size;
	uint32_t system_number, boot_number;
	uint32_t operation_count;
	struct bs_operation operations[BS_OPERATIONS_MAX];
	uint32_t file_count;
	struct bs_plan_file *files;
	uint32_t element_count;
	struct bs_plan_element *elements;
};

BS_API void bs_plan_free(struct bs_plan *plan);

/* ---- the commands ------------------------------------------------------------------------- */

#define BS_DEFAULT_PE_SIZE (119ull << 20) /* boot.wim of 112 MB and scvmm_boot of 7 MB */

/* What is being done to an image, in the order in which it comes to it. */
enum bs_phase {
	BS_PHASE_OPENING,    /* opened and locked */
	BS_PHASE_INSPECTING, /* read, by bs_inspect() */
	BS_PHASE_REHEARSING, /* read, staged and verified on a view of it */
	BS_PHASE_CHECKING,   /* between reading and staging: all file records of the boot volume are
				held against its account of free clusters; then it is rehearsed on */
	BS_PHASE_COMMITTING, /* the undo file and the image are written: from here on it is finished
			      */
	BS_PHASE_VERIFYING,  /* opened afresh and verified */
	BS_PHASE_UNDOING,    /* put back; also, while it is opened, what was interrupted */
	BS_PHASE_COUNT
};

#define BS_UNDO_SUFFIX ".bootshift-undo" /* of the name of every undo file */
#define BS_MAKER_SIZE  16                /* bytes */

struct bs_options {
	const char *format;         /* raw vhd vhdx qcow2 vmdk vdi; NULL: by content */
	uint32_t system_partition;  /* 0: the active one */
	uint32_t boot_partition;    /* 0: the default entry's */
	uint64_t needed_room;       /* bytes; 0: BS_DEFAULT_PE_SIZE */
	const char *undo_directory; /* NULL: the image's own folder */
	/* What is known of the files around it, borrowed; NULL: what its folder tells. */
	const struct bs_relations *relations;
	/* bs_plan: refuse also when the image or the undo file's folder may not be written to */
	bool to_be_fixed;
	/* bs_fix: a name of the caller's own for what the fix belongs to.  It is kept in the undo
	 * file, and found again there; all zeros: none. */
	uint8_t maker[BS_MAKER_SIZE];
	/* Told of each phase as it begins, in the calling thread; NULL: nobody is.  The context is
	 * the caller's own. */
	void (*progress)(void *context, enum bs_phase phase);
	void *progress_context;
};

enum bs_status {
	BS_STATUS_FIXED,
	BS_STATUS_WOULD_FIX,
	BS_STATUS_NOTHING_TO_DO,
	BS_STATUS_UNDONE,
	BS_STATUS_REFUSED,
	BS_STATUS_FAILED,
	BS_STATUS_RECOVERY_REQUIRED,
	BS_STATUS_COUNT
};

/*
 * What became of one image.  Freed with bs_result_free(); `error` tells the cause for the last
 * three statuses and is BS_OK otherwise.
 */
struct bs_result {
	enum bs_status status;
	struct bs_error error;
	bool recovered; /* an interrupted transaction was taken back first */
	bool exact;     /* undone, and nobody else was seen to write since the fix began */
	struct bs_inspection *inspection; /* before; NULL when it did not come that far */
	struct bs_plan *plan;             /* as rehearsed; NULL when it did not come that far */
	/* Path of the one that leads back from what the image is now, or, when an undo had nothing
	 * to do, of the one that is of no use any more; or NULL. */
	char *undo_file;
	bool own_undo_file;       /* NOTHING_TO_DO: it is there, and has the maker of the options */
	uint64_t container_bytes; /* bytes of the container that changed */
	uint32_t container_extents;
	uint64_t milliseconds;
};

/*
 * Each looks after one image and returns the exit class, which is also that of result->status.
 * *result is filled in every case.  `inspect` and `plan` never open the image for writing.
 * An image is the path of a file or of a block device, or the URI of an NBD export.
 *
 * bs_inspect: result->inspection; the status tells what a fix would do: WOULD_FIX, NOTHING_TO_DO,
 *   or REFUSED with the first finding that stands in the way.
 * bs_plan: a full rehearsal: staged, verified, and thrown away.  The same statuses.
 * bs_fix: carries it out.  `expected`, here and in bs_plan, when not NULL, must equal the plan as
 *   rehearsed, or it is refused as stale.
 * bs_undo: takes back a fix, or recovers an interrupted transaction.  NOTHING_TO_DO when what the
 *   fix had changed is as before already, though the undo file is still there.
 *
 * While an image is being changed, SIGINT, SIGTERM, SIGHUP and SIGQUIT are held in the calling
 * thread.  A caller that holds the first three itself can have bs_fix stopped: one that has come
 * makes it fail as long as nothing was written.
 */
BS_API enum bs_exit bs_inspect(const char *image, const struct bs_options *options,
			       struct bs_result *result);
BS_API enum bs_exit bs_plan(const char *image, const struct bs_options *options,
			    const struct bs_plan *expected, struct bs_result *result);
BS_API enum bs_exit bs_fix(const char *image, const struct bs_options *options,
			   const struct bs_plan *expected, struct bs_result *result);
BS_API enum bs_exit bs_undo(const char *image, const struct bs_options *options,
			    struct bs_result *result);

/*
 * Takes back an interrupted transaction, and does nothing else: UNDONE, and result->recovered, or
 * NOTHING_TO_DO.  Signals as for bs_undo().
 */
BS_API enum bs_exit bs_recover(const char *image, const struct bs_options *options,
			       struct bs_result *result);

/*
 * What files say of each other: that one holds only the changes to another, its parent, as with
 * snapshots and clones, or that one is a part of the disk that another describes.  An image is not
 * changed under its children, nor a part on its own.  For whoever works on many images and looks
 * through each folder only once.  Starts as all zeros; ends with bs_relations_free().
 */
struct bs_relations {
	void *tree;
};

/*
 * Looks through the image's folder, and through the one in it in which VirtualBox keeps snapshots,
 * unless that was done before.  What cannot be read says nothing.  Error: BS_NO_MEMORY.
 */
BS_API int bs_relations_look(struct bs_relations *relations, const char *image,
			     struct bs_error *err);

/* The path of a file that describes a disk of which the image is a part; NULL: none is known. */
BS_API const char *bs_relations_whole(const struct bs_relations *relations, const char *image);

BS_API void bs_relations_free(struct bs_relations *relations);

struct bs_recognition {
	char format[16]; /* as in bs_options; empty when that cannot be told at first sight */
	/* The name, in the same folder, of the file that has the disk; empty unless what was looked
	 * at only describes it (VMDK). */
	char data_file[256];
};

/*
 * Tells whether a path is that of a disk image, at first sight: by the mark of a container's
 * format, or by the partition table of a raw disk.  It reads little, never blocks, and opens
 * nothing but files and block devices; the URI of an NBD export is believed.  BS_EXIT_DONE if it
 * is; else *reason says why not, with BS_NOT_AN_IMAGE, or why that cannot be told.
 */
BS_API enum bs_exit bs_recognise(const char *image, struct bs_recognition *recognition,
				 struct bs_error *reason);

/*
 * Where the undo file of an image belongs that was interrupted while it was being changed: the
 * image is marked with its path.  True when it is known: with *folder as undo_directory, or with
 * NULL, bs_undo() looks in that place.  The caller frees *folder.
 */
BS_API bool bs_undo_folder(const char *image, char **folder);

BS_API void bs_result_free(struct bs_result *result);

BS_API const char *bs_version(void);

#ifdef __cplusplus
}
#endif

#endif
