/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libbootshift: moves the Windows boot files of an offline disk image from the small system
 * partition to the partition with Windows, and can undo this change bit for bit.
 *
 * The structs are plain data.  Where a struct has a pointer, a comment says who frees the memory.
 * Strings are UTF-8 and always end with a zero byte.  Sizes and offsets are in bytes.  Functions
 * print nothing, never exit, and change only their arguments, the image and its undo file.
 *
 * What later versions with the same soname keep:
 * - No value of an enumeration changes, and no value is used again.  New values may come: treat a
 *   value that you do not know as "other".  The names that end with _COUNT are the numbers of values
 *   in this version of the header.
 * - No struct changes its length, except struct bs_options, which says how long it is.  `reserved`
 *   is zero in what the library fills in.  A later version may have new fields there: zero always
 *   means that nothing is known.
 * - New functions may come; no function changes.
 *
 * Threads: each function may be called by several threads at once, with different arguments and for
 * different images.  A second call for the same image fails with BS_IN_USE.  The functions for one
 * struct bs_relations are for one thread at a time.
 *
 * Processes: bs_recognise(), bs_find_undo_file(), bs_look_at_undo_file() and the functions for codes,
 * plans and relations start no process.  bs_appliance_open() starts one.  All commands that work on
 * an image do: workers that are confined, and programs of QEMU.  They end before the command
 * returns, or when the thread ends that called it.  So a caller must not ignore SIGCHLD, nor wait
 * for children that it does not know (waitpid(-1)), and should ignore SIGPIPE.
 */
#ifndef BOOTSHIFT_H
#define BOOTSHIFT_H

#include <stdbool.h>
#include <stddef.h>
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
	BS_EXIT_RECOVERY = 4, /* an interrupted change has to be undone first */
};

/*
 * The stable codes: X(symbol, value, name, exit class, advice).  A name and a value never change
 * their meaning, and those of a removed code are not used again.  A new code gets the value of
 * BS_CODE_COUNT, wherever it stands in the table.
 *
 * The advice says in one line what to do about the problem.  It may end with ": " and a command.
 * The user can type the command after replacing these words: IMAGE, the image; NEW and FILE, names
 * of files; N, the number of a partition; {ID}, an entry of the boot menu.  S: and X: are drive
 * letters in Windows.
 */
#define BS_CODES(X)                                                                                \
	X(BS_OK, 0, "ok", BS_EXIT_DONE, "")                                                        \
	/* usage */                                                                                \
	X(BS_USAGE, 1, "usage", BS_EXIT_USAGE, "see bootshift --help")                             \
	X(BS_ROWS_EXIST, 2, "rows-exist", BS_EXIT_USAGE, "name another file with --jsonl")         \
	X(BS_FILE_EXISTS, 3, "file-exists", BS_EXIT_USAGE, "name another file")                    \
	X(BS_WRONG_KIND, 4, "wrong-kind", BS_EXIT_USAGE, "name an image of a disk")                \
	X(BS_FORMAT_DIFFERS, 5, "format-differs", BS_EXIT_USAGE,                                   \
	  "leave out --format; the format is then detected")                                       \
	/* the machine or the storage, not the image */                                            \
	X(BS_NOT_FOUND, 6, "not-found", BS_EXIT_FAILED,                                            \
	  "check the name, and the targets of symbolic links in it")                               \
	X(BS_NO_PERMISSION, 7, "no-permission", BS_EXIT_REFUSED,                                   \
	  "run bootshift as a user who may read and write that file")                              \
	X(BS_READ_ONLY, 8, "read-only", BS_EXIT_REFUSED, "make it writable and try again")         \
	X(BS_IN_USE, 9, "in-use", BS_EXIT_REFUSED, "stop that use of the image and try again")     \
	X(BS_IO, 10, "io-error", BS_EXIT_FAILED, "check the storage that holds the image")         \
	X(BS_NO_CONNECTION, 11, "no-connection", BS_EXIT_FAILED,                                   \
	  "check the URI, and that the NBD server runs, has the export and accepts clients")       \
	X(BS_NO_MEMORY, 12, "no-memory", BS_EXIT_FAILED, "free some memory and try again")         \
	X(BS_SYSTEM_LIMIT, 13, "system-limit", BS_EXIT_FAILED,                                     \
	  "raise the limit of the shell, service or container in which bootshift runs")            \
	X(BS_NO_SPACE, 14, "no-space", BS_EXIT_FAILED, "make room there and try again")            \
	X(BS_OUT_OF_RANGE, 15, "out-of-range", BS_EXIT_FAILED,                                     \
	  "copy the image again: it is damaged, or it was cut short")                              \
	X(BS_WORKER, 16, "worker-failed", BS_EXIT_FAILED,                                          \
	  "please report this, with the output of: bootshift inspect --json IMAGE")                \
	X(BS_GUARD, 17, "guard-violation", BS_EXIT_FAILED,                                         \
	  "please report this, with the output of: bootshift inspect --json IMAGE")                \
	X(BS_VERIFY, 18, "verification-failed", BS_EXIT_FAILED,                                    \
	  "please report this, with the output of: bootshift inspect --json IMAGE")                \
	X(BS_APPLIANCE_UNUSABLE, 19, "appliance-unusable", BS_EXIT_FAILED,                         \
	  "install libguestfs and a kernel for it (packages libguestfs0 and linux-image-amd64)")   \
	X(BS_SECOND_OPINION, 20, "second-opinion-differs", BS_EXIT_FAILED,                         \
	  "do not fix this image without finding out who is right; please report the difference")  \
	X(BS_MACHINE_UNUSABLE, 21, "machine-unusable", BS_EXIT_FAILED,                             \
	  "install QEMU (package qemu-system-x86), and run bootshift as a user who may make "      \
	  "namespaces")                                                                            \
	X(BS_CHANGED_MEANWHILE, 22, "changed-meanwhile", BS_EXIT_FAILED,                           \
	  "make sure that nothing else writes to the image, then try again")                       \
	X(BS_UNDO_FILE_LOST, 23, "undo-file-lost", BS_EXIT_FAILED,                                 \
	  "make sure that nothing else removes, moves or replaces undo files, then try again")     \
	X(BS_NTFS, 24, "ntfs-error", BS_EXIT_FAILED,                                               \
	  "run chkdsk X: /f on the volume in Windows, shut it down fully and try again")           \
	X(BS_INTERRUPTED, 25, "interrupted", BS_EXIT_FAILED, "run the same command again")         \
	X(BS_TIMEOUT, 26, "timeout", BS_EXIT_FAILED,                                               \
	  "find out whether the machine or its storage is slow; batch --timeout sets another "     \
	  "limit")                                                                                 \
	X(BS_ROW_INVALID, 27, "row-invalid", BS_EXIT_FAILED,                                       \
	  "name a file that bootshift batch has written with --jsonl")                             \
	X(BS_OUTPUT, 28, "output-failed", BS_EXIT_FAILED,                                          \
	  "write the output to a file on storage with room enough")                                \
	X(BS_NOTHING_FOUND, 29, "nothing-found", BS_EXIT_FAILED,                                   \
	  "check the name of the folder, and that its share is mounted")                           \
	/* recovery required */                                                                    \
	X(BS_RECOVERY_REQUIRED, 30, "recovery-required", BS_EXIT_RECOVERY,                         \
	  "make sure that the undo file is in its place, then run: bootshift undo IMAGE")          \
	X(BS_JOURNAL_DAMAGED, 31, "journal-damaged", BS_EXIT_RECOVERY,                             \
	  "restore the undo file or the image from a copy; "                                       \
	  "if you know that no change was interrupted, move the undo file away")                   \
	/* refused: undo */                                                                        \
	X(BS_NO_UNDO_FILE, 32, "no-undo-file", BS_EXIT_REFUSED,                                    \
	  "if you have the undo file elsewhere, name it: "                                         \
	  "bootshift undo --undo-file FILE.bootshift-undo IMAGE")                                  \
	X(BS_UNDO_FILE_EXISTS, 33, "undo-file-exists", BS_EXIT_REFUSED,                            \
	  "if the image was replaced after that fix, move the undo file away; otherwise: "         \
	  "bootshift undo IMAGE")                                                                  \
	X(BS_CHANGED_SINCE, 34, "changed-since-fix", BS_EXIT_REFUSED,                              \
	  "an undo would destroy the later changes; if you need the old state, restore a backup")  \
	X(BS_UNDO_FILE_DAMAGED, 35, "undo-file-damaged", BS_EXIT_REFUSED,                          \
	  "the fix is complete; to undo it, restore the undo file or the image from a copy")       \
	X(BS_UNDO_FILE_OF_OTHER, 36, "undo-file-of-other", BS_EXIT_REFUSED,                        \
	  "copy the undo file to NEW.bootshift-undo, and undo with the copy: "                     \
	  "bootshift undo --undo-file NEW.bootshift-undo IMAGE")                                   \
	X(BS_UNDO_FILE_UNRELATED, 37, "undo-file-unrelated", BS_EXIT_REFUSED,                      \
	  "name the undo file of this image, or the image of that undo file")                      \
	/* refused: verify */                                                                      \
	X(BS_NOT_FIXED, 38, "not-fixed", BS_EXIT_REFUSED, "fix it first: bootshift fix IMAGE")     \
	X(BS_FIX_NOT_WHOLE, 39, "fix-not-whole", BS_EXIT_REFUSED,                                  \
	  "restore a copy of the image, or undo the fix; only changed contents of files can come " \
	  "from an update of Windows")                                                             \
	X(BS_NO_RECORD, 40, "no-record", BS_EXIT_REFUSED,                                          \
	  "name the undo file of the fix, or the plan that was carried out: "                      \
	  "bootshift verify --plan FILE IMAGE")                                                    \
	X(BS_PLAN_UNRELATED, 41, "plan-unrelated", BS_EXIT_REFUSED,                                \
	  "name the plan that was carried out on this image: "                                     \
	  "bootshift verify --plan FILE IMAGE")                                                    \
	/* refused: the name and the folder of the undo file */                                    \
	X(BS_UNDO_FILE_UNUSABLE, 42, "undo-file-unusable", BS_EXIT_REFUSED,                        \
	  "move it away; if it is a link to the undo file, put the undo file itself in its place") \
	X(BS_NAME_TOO_LONG, 43, "name-too-long", BS_EXIT_REFUSED,                                  \
	  "shorten the image's name by that much")                                                 \
	X(BS_UNDO_FOLDER, 44, "undo-folder-unwritable", BS_EXIT_REFUSED,                           \
	  "name another folder for the undo file with --undo-dir, or make this one writable")      \
	X(BS_FOLDER_NOT_TRUSTED, 45, "folder-not-trusted", BS_EXIT_REFUSED,                        \
	  "name a folder for the undo file that only you can write to: --undo-dir FOLDER")         \
	/* refused: files that another user may have written */                                    \
	X(BS_NOT_TRUSTED, 46, "not-trusted", BS_EXIT_REFUSED,                                      \
	  "if you trust the file, make it yours (chown, chmod go-w) or run as its owner; "         \
	  "otherwise move it away")                                                                \
	X(BS_INPUT_NOT_TRUSTED, 47, "input-not-trusted", BS_EXIT_REFUSED,                          \
	  "if you trust the file, copy it to a folder that only you can write to, and name the "   \
	  "copy")                                                                                  \
	/* refused: the plan file */                                                               \
	X(BS_PLAN_STALE, 48, "plan-stale", BS_EXIT_REFUSED,                                        \
	  "make a new plan and read it: bootshift plan -o FILE IMAGE")                             \
	X(BS_PLAN_INVALID, 49, "plan-invalid", BS_EXIT_REFUSED,                                    \
	  "make a new plan: bootshift plan -o FILE IMAGE")                                         \
	/* refused: the container */                                                               \
	X(BS_NOT_AN_IMAGE, 50, "not-an-image", BS_EXIT_REFUSED,                                    \
	  "name a file that holds a whole disk")                                                   \
	X(BS_FORMAT_UNSUPPORTED, 51, "format-unsupported", BS_EXIT_REFUSED,                        \
	  "convert it first: qemu-img convert -O raw IMAGE NEW")                                   \
	X(BS_FORMAT_UNREADABLE, 52, "format-unreadable", BS_EXIT_REFUSED,                          \
	  "export it as a raw disk, VHD or VHDX with the program that made it")                    \
	X(BS_FORMAT_AMBIGUOUS, 53, "format-ambiguous", BS_EXIT_REFUSED,                            \
	  "if it is a raw disk, say so: bootshift inspect --format raw IMAGE")                     \
	X(BS_DRIVER_UNUSABLE, 54, "driver-unusable", BS_EXIT_REFUSED,                              \
	  "run bootshift as root on a machine with /dev/fuse and qemu-nbd (package qemu-utils)")   \
	X(BS_SERVER_UNSUITABLE, 55, "nbd-server-unsuitable", BS_EXIT_REFUSED,                      \
	  "serve the disk like this: qemu-nbd --persistent --shared=3 -f raw FILE")                \
	X(BS_HOLDS_NO_DISK, 56, "holds-no-disk", BS_EXIT_REFUSED,                                  \
	  "name the image of the disk that Windows is installed on")                               \
	X(BS_PACKED_GZIP, 57, "packed-gzip", BS_EXIT_REFUSED,                                      \
	  "unpack it first: gunzip <IMAGE >NEW")                                                   \
	X(BS_PACKED_BZIP2, 58, "packed-bzip2", BS_EXIT_REFUSED,                                    \
	  "unpack it first: bunzip2 <IMAGE >NEW")                                                  \
	X(BS_PACKED_XZ, 59, "packed-xz", BS_EXIT_REFUSED, "unpack it first: xz -d <IMAGE >NEW")    \
	X(BS_PACKED_ZSTD, 60, "packed-zstd", BS_EXIT_REFUSED,                                      \
	  "unpack it first: zstd -d <IMAGE >NEW")                                                  \
	X(BS_PACKED_ZIP, 61, "packed-zip", BS_EXIT_REFUSED, "unpack it first: unzip IMAGE")        \
	X(BS_PACKED_7Z, 62, "packed-7z", BS_EXIT_REFUSED, "unpack it first: 7z x IMAGE")           \
	X(BS_PACKED_TAR, 63, "packed-tar", BS_EXIT_REFUSED, "unpack it first: tar -xf IMAGE")      \
	X(BS_EWF, 64, "ewf-image", BS_EXIT_REFUSED,                                                \
	  "export it to NEW.raw first: ewfexport -u -f raw -t NEW IMAGE")                          \
	X(BS_AFF, 65, "aff-image", BS_EXIT_REFUSED, "export it first: affcat IMAGE >NEW")          \
	X(BS_VHD_CORRUPT, 66, "vhd-corrupt", BS_EXIT_REFUSED,                                      \
	  "copy it again, or restore a backup: it is damaged, or it was cut short")                \
	X(BS_VHD_SAVED_STATE, 67, "vhd-saved-state", BS_EXIT_REFUSED,                              \
	  "start the virtual machine, shut it down fully and try again")                           \
	X(BS_VHD_DIFFERENCING, 68, "vhd-differencing", BS_EXIT_REFUSED,                            \
	  "merge it into its parent first, in PowerShell: Merge-VHD -Path IMAGE")                  \
	X(BS_VHDX_DIFFERENCING, 69, "vhdx-differencing", BS_EXIT_REFUSED,                          \
	  "merge it into its parent first, in PowerShell: Merge-VHD -Path IMAGE")                  \
	X(BS_VDI_DIFFERENCING, 70, "vdi-differencing", BS_EXIT_REFUSED,                            \
	  "make one image of it and its parent: VBoxManage clonemedium disk IMAGE NEW")            \
	X(BS_CONTAINER_CORRUPT, 71, "container-corrupt", BS_EXIT_REFUSED,                          \
	  "copy it again, or restore a backup: it is damaged, or it was cut short")                \
	X(BS_CONTAINER_UNCLEAN, 72, "container-unclean", BS_EXIT_REFUSED,                          \
	  "repair it first: qemu-img check -r all IMAGE")                                          \
	X(BS_CONTAINER_DIFFERENCING, 73, "container-differencing", BS_EXIT_REFUSED,                \
	  "make one image of it and its parent: qemu-img convert -O qcow2 IMAGE NEW")              \
	X(BS_PARENT_MISSING, 74, "parent-missing", BS_EXIT_REFUSED,                                \
	  "put the parent where the image expects it, into the image's folder")                    \
	X(BS_PARENT_DAMAGED, 75, "parent-damaged", BS_EXIT_REFUSED,                                \
	  "restore that parent, as it was when the image was made from it, from a backup")         \
	X(BS_PARENT_REFUSED, 76, "parent-refused", BS_EXIT_REFUSED,                                \
	  "if you trust the image, make one image of the chain: qemu-img convert -O qcow2 IMAGE "  \
	  "NEW")                                                                                   \
	X(BS_CONTAINER_ENCRYPTED, 77, "container-encrypted", BS_EXIT_REFUSED,                      \
	  "write the passphrase to FILE, then decrypt it: qemu-img convert -O qcow2 --object "     \
	  "secret,id=s,file=FILE --image-opts encrypt.key-secret=s,file.filename=IMAGE NEW")       \
	X(BS_VMDK_ENCRYPTED, 78, "vmdk-encrypted", BS_EXIT_REFUSED,                                \
	  "remove the encryption of the virtual machine in VMware first")                          \
	X(BS_CONTAINER_SPLIT, 79, "container-split", BS_EXIT_REFUSED,                              \
	  "make one file of it first: qemu-img convert -O qcow2 IMAGE NEW")                        \
	X(BS_CONTAINER_COMPRESSED, 80, "container-compressed", BS_EXIT_REFUSED,                    \
	  "unpack it first: qemu-img convert -O vmdk IMAGE NEW")                                   \
	X(BS_CONTAINER_HAS_CHILDREN, 81, "container-has-children", BS_EXIT_REFUSED,                \
	  "merge the snapshots into it first, with the program that made them; in a chain of "     \
	  "qcow2 or VMDK, you can fix the last snapshot instead")                                  \
	X(BS_CONTAINER_PART, 82, "container-part", BS_EXIT_REFUSED,                                \
	  "name the file that describes the whole disk instead")                                   \
	/* refused: the partitions */                                                              \
	X(BS_NO_PARTITION_TABLE, 83, "no-partition-table", BS_EXIT_REFUSED,                        \
	  "name an image of the whole disk, which begins with its partition table")                \
	X(BS_DISK_EMPTY, 84, "disk-empty", BS_EXIT_REFUSED,                                        \
	  "name the image of the disk with Windows, copied from its first sector on")              \
	X(BS_DISK_ENCRYPTED, 85, "disk-encrypted", BS_EXIT_REFUSED,                                \
	  "decrypt it: cryptsetup open IMAGE decrypted && bootshift fix /dev/mapper/decrypted")    \
	X(BS_SECTOR_SIZE, 86, "sector-size-unsupported", BS_EXIT_REFUSED,                          \
	  "restore a backup of Windows to a disk with 512-byte sectors: a BIOS starts only those") \
	X(BS_DISK_CUT_SHORT, 87, "disk-cut-short", BS_EXIT_REFUSED, "copy it again, in full")      \
	X(BS_NO_PARTITIONS, 88, "no-partitions", BS_EXIT_REFUSED,                                  \
	  "name an image of a disk with Windows on it")                                            \
	X(BS_PARTITION_TABLE_INVALID, 89, "partition-table-invalid", BS_EXIT_REFUSED,              \
	  "repair the partition table first, for example with TestDisk")                           \
	X(BS_GPT, 90, "gpt-disk", BS_EXIT_REFUSED,                                                 \
	  "a disk that starts by UEFI keeps its boot files on its EFI partition: no fix applies")  \
	X(BS_DYNAMIC_DISK, 91, "dynamic-disk", BS_EXIT_REFUSED,                                    \
	  "restore a backup of Windows to a basic disk: Windows converts only empty disks back")   \
	X(BS_STORAGE_SPACES, 92, "storage-spaces", BS_EXIT_REFUSED,                                \
	  "restore a backup of Windows to a basic disk: only Windows reads Storage Spaces")        \
	X(BS_NO_ACTIVE_PARTITION, 93, "no-active-partition", BS_EXIT_REFUSED,                      \
	  "choose the partition with the boot files: bootshift inspect --system-partition N "      \
	  "IMAGE")                                                                                 \
	X(BS_SEVERAL_ACTIVE, 94, "several-active-partitions", BS_EXIT_REFUSED,                     \
	  "choose the partition with the boot files: bootshift inspect --system-partition N "      \
	  "IMAGE")                                                                                 \
	X(BS_SYSTEM_PARTITION, 95, "system-partition-unsuitable", BS_EXIT_REFUSED,                 \
	  "choose the partition with the boot files: bootshift inspect --system-partition N "      \
	  "IMAGE")                                                                                 \
	X(BS_BOOT_VOLUME_MISSING, 96, "boot-volume-missing", BS_EXIT_REFUSED,                      \
	  "choose the partition with Windows: bootshift inspect --boot-partition N IMAGE")         \
	X(BS_SEVERAL_WINDOWS, 97, "several-windows", BS_EXIT_REFUSED,                              \
	  "choose the partition with Windows: bootshift inspect --boot-partition N IMAGE")         \
	X(BS_BOOT_VOLUME_LOGICAL, 98, "boot-volume-logical", BS_EXIT_REFUSED,                      \
	  "make it a primary partition first, for example with TestDisk")                          \
	X(BS_SIGNATURE_CHANGED, 99, "disk-signature-changed", BS_EXIT_REFUSED,                     \
	  "if the boot menu is right, give the disk its signature back: bootshift fix "            \
	  "--restore-signature IMAGE")                                                             \
	X(BS_SIGNATURE_DISPUTED, 100, "disk-signature-disputed", BS_EXIT_REFUSED,                  \
	  "restore a backup, or make a new boot menu for the disk as it is, in the recovery "      \
	  "environment: bcdboot C:\\Windows /s S:")                                                \
	X(BS_OTHER_DISK, 101, "default-entry-on-other-disk", BS_EXIT_REFUSED,                      \
	  "in that Windows, put boot files on its own disk: bcdboot C:\\Windows /s C:")            \
	/* refused: the volumes */                                                                 \
	X(BS_NOT_NTFS, 102, "not-ntfs", BS_EXIT_REFUSED,                                           \
	  "convert the volume in Windows first: convert X: /fs:ntfs")                              \
	X(BS_FAT_SYSTEM_VOLUME, 103, "fat-system-volume", BS_EXIT_REFUSED,                         \
	  "have libguestfs read it: bootshift fix --engine libguestfs IMAGE")                      \
	X(BS_BITLOCKER, 104, "bitlocker", BS_EXIT_REFUSED,                                         \
	  "suspending is not enough; decrypt the volume in Windows first: manage-bde -off X:")     \
	X(BS_HIBERNATED, 105, "hibernated", BS_EXIT_REFUSED,                                       \
	  "start Windows, run powercfg /h off, shut it down and try again")                        \
	X(BS_UNCLEAN, 106, "unclean-volume", BS_EXIT_REFUSED,                                      \
	  "start Windows, let it check the disk, run shutdown /s /t 0 and try again")              \
	X(BS_NTFS_DAMAGED, 107, "ntfs-damaged", BS_EXIT_REFUSED,                                   \
	  "run chkdsk X: /f on the volume in Windows, shut it down fully and try again")           \
	X(BS_VOLUME_FULL, 108, "no-room", BS_EXIT_REFUSED,                                         \
	  "free some space on that volume in Windows and try again")                               \
	X(BS_NTFS_GEOMETRY, 109, "ntfs-geometry", BS_EXIT_REFUSED,                                 \
	  "restore a backup of the volume to a volume with 512-byte sectors and 4096-byte "        \
	  "clusters")                                                                              \
	X(BS_BEYOND_REACH, 110, "beyond-reach", BS_EXIT_REFUSED,                                   \
	  "free some space in the part of the volume that is within the first 2 TiB of the disk")  \
	/* refused: the boot files */                                                              \
	X(BS_BOOTMGR_MISSING, 111, "bootmgr-missing", BS_EXIT_REFUSED,                             \
	  "in Windows' recovery environment (S: the system volume): bcdboot C:\\Windows /s S:")    \
	X(BS_BOOTMGR_DAMAGED, 112, "bootmgr-damaged", BS_EXIT_REFUSED,                             \
	  "in the recovery environment: del /f /a S:\\bootmgr && bcdboot C:\\Windows /s S:")       \
	X(BS_BOOT_CODE_MISSING, 113, "boot-code-missing", BS_EXIT_REFUSED,                         \
	  "from Windows' installation medium (C: the Windows volume): bootsect /nt60 C:")          \
	X(BS_BCD_MISSING, 114, "bcd-missing", BS_EXIT_REFUSED,                                     \
	  "in Windows' recovery environment (S: the system volume): bcdboot C:\\Windows /s S:")    \
	X(BS_BCD_DAMAGED, 115, "bcd-damaged", BS_EXIT_REFUSED,                                     \
	  "in the recovery environment: del /f /a S:\\Boot\\BCD && bcdboot C:\\Windows /s S:")     \
	X(BS_BCD_DIRTY, 116, "bcd-dirty", BS_EXIT_REFUSED,                                         \
	  "start Windows, run shutdown /s /t 0 and try again")                                     \
	X(BS_NO_DEFAULT_ENTRY, 117, "no-default-entry", BS_EXIT_REFUSED,                           \
	  "in the recovery environment, find the ID with bcdedit /enum all, then: bcdedit "        \
	  "/default {ID}")                                                                         \
	X(BS_DEFAULT_ENTRY_BROKEN, 118, "default-entry-broken", BS_EXIT_REFUSED,                   \
	  "make Windows the default entry, in Windows: bcdedit /default {current}")                \
	X(BS_WINLOAD_MISSING, 119, "winload-missing", BS_EXIT_REFUSED,                             \
	  "in the recovery environment: sfc /scannow /offbootdir=C:\\ /offwindir=C:\\Windows")     \
	X(BS_BOOT_FILE_UNSUPPORTED, 120, "boot-file-unsupported", BS_EXIT_REFUSED,                 \
	  "in Windows, remove that file or folder, or replace it with an ordinary one")            \
	X(BS_ENTRY_WOULD_BREAK, 121, "entry-would-break", BS_EXIT_REFUSED,                         \
	  "remove that entry in Windows: bcdedit /delete {ID}")                                    \
	X(BS_LEGACY_UNSUPPORTED, 122, "legacy-boot-unsupported", BS_EXIT_REFUSED,                  \
	  "remove the entry of the earlier Windows: bcdedit /delete {ntldr} /f")                   \
	/* refused: boot files are to be made anew */                                              \
	X(BS_MBR_CODE_MISSING, 123, "mbr-code-missing", BS_EXIT_REFUSED,                           \
	  "from Windows' installation medium (C: the Windows volume): bootsect /nt60 C: /mbr")     \
	X(BS_REBUILD_SOURCE, 124, "rebuild-source-unsuitable", BS_EXIT_REFUSED,                    \
	  "in the recovery environment: sfc /scannow /offbootdir=C:\\ /offwindir=C:\\Windows")     \
	X(BS_REBUILD_UNCHOSEN, 125, "rebuild-needs-choice", BS_EXIT_REFUSED,                       \
	  "choose the partition with Windows: bootshift fix --rebuild --boot-partition N IMAGE")   \
	/* refused: the disk was started in a virtual machine */                                   \
	X(BS_START_FAILED, 126, "start-failed", BS_EXIT_REFUSED,                                   \
	  "look at the picture of the last screen, and at the boot chain: bootshift inspect "      \
	  "IMAGE")                                                                                 \
	/* notes: findings that do not prevent a fix */                                            \
	X(BS_NOTE_BOOT_CODE, 127, "note-boot-code", BS_EXIT_DONE, "")                              \
	X(BS_NOTE_MBR_CODE, 128, "note-mbr-code", BS_EXIT_DONE, "")                                \
	X(BS_NOTE_HIDDEN_SECTORS, 129, "note-hidden-sectors", BS_EXIT_DONE, "")                    \
	X(BS_NOTE_WINLOAD, 130, "note-winload", BS_EXIT_DONE, "")                                  \
	X(BS_NOTE_OTHER_LOADER, 131, "note-other-loader", BS_EXIT_DONE, "")                        \
	X(BS_NOTE_LEGACY, 132, "note-legacy-boot", BS_EXIT_DONE, "")                               \
	X(BS_NOTE_STAYS, 133, "note-stays-on-system-volume", BS_EXIT_DONE, "")                     \
	X(BS_NOTE_REPLACES, 134, "note-replaces-files", BS_EXIT_DONE, "")                          \
	X(BS_NOTE_FAT, 135, "note-fat-system-volume", BS_EXIT_DONE, "")                            \
	X(BS_NOTE_ROOM, 136, "note-room", BS_EXIT_DONE, "")                                        \
	X(BS_NOTE_SIGNATURE, 137, "note-signature", BS_EXIT_DONE, "")                              \
	X(BS_NOTE_LOCATE, 138, "note-locate", BS_EXIT_DONE, "")                                    \
	X(BS_NOTE_NOT_NEEDED, 139, "note-not-needed", BS_EXIT_DONE, "")                            \
	X(BS_NOTE_REBUILD, 140, "note-rebuild", BS_EXIT_DONE, "")

enum bs_code {
#define BS_CODE(symbol, value, name, exit, advice) symbol = (value),
	BS_CODES(BS_CODE)
#undef BS_CODE
	/* The number of codes, which is also the value of the next one. */
	BS_CODE_COUNT = 141
};

BS_API const char *bs_code_name(enum bs_code code);
BS_API enum bs_exit bs_code_exit(enum bs_code code);
BS_API const char *bs_code_advice(enum bs_code code);
/* Whether `rebuild` in the options removes the reason for a refusal, if it can be done. */
BS_API bool bs_code_is_cured(enum bs_code code);

/*
 * The container formats: X(name in options and results, QEMU's name, name in messages to people,
 * usual endings of file names).
 */
#define BS_FORMATS(X)                                                                              \
	X(raw, "raw", "raw", ".img", ".raw", ".dd")                                                \
	X(vhd, "vpc", "VHD", ".vhd", ".avhd")                                                      \
	X(vhdx, "vhdx", "VHDX", ".vhdx", ".avhdx")                                                 \
	X(qcow2, "qcow2", "qcow2", ".qcow2", ".qcow")                                              \
	X(vmdk, "vmdk", "VMDK", ".vmdk")                                                           \
	X(vdi, "vdi", "VDI", ".vdi")

/* All names in one string for messages: " raw vhd ...". */
#define BS_FORMAT_NAMES                        BS_FORMATS(BS_FORMAT_NAME)
#define BS_FORMAT_NAME(id, driver, title, ...) " " #id

/* This struct is complete: no later version adds anything. */
struct bs_error {
	enum bs_code code;
	char message[480]; /* what is wrong, without the image's name and the advice */
};

/* ---- inspection: what is in an image ------------------------------------------------------ */

#define BS_PARTITIONS_MAX 32
#define BS_FINDINGS_MAX   32
#define BS_LINKS_MAX      12
#define BS_PLACES_MAX     24
#define BS_PATH_MAX       768 /* bytes of a path inside a volume, with the final zero byte */

enum bs_filesystem {
	BS_FS_UNKNOWN = 0,
	BS_FS_NTFS = 1,
	BS_FS_BITLOCKER = 2,
	BS_FS_FAT = 3,
	BS_FS_EXTENDED = 4, /* no file system: the extended partition, with the logical ones */
	BS_FS_COUNT = 5,
};

struct bs_partition {
	uint32_t number; /* 1 to 4: primary, in the order of the table; from 5 on: logical */
	uint8_t type;    /* the type byte of the partition table */
	bool active;
	bool is_system; /* the system volume: its boot record, bootmgr and BCD start the disk */
	bool is_boot;   /* the boot volume: it has \Windows */
	uint64_t start, size; /* start: offset on the disk */
	enum bs_filesystem filesystem;
	char label[132];  /* the volume's label; empty: none */
	bool usage_known; /* `free` and `cluster_size` are valid */
	uint64_t free;    /* free bytes on the volume */
	uint32_t cluster_size;
	/* Has bootmgr and a BCD.  Set only if there is no system volume, or if the system volume is the
	 * boot volume: an undo may need the boot files on another partition. */
	bool has_boot_files;
	uint64_t reserved[4];
};

/* A link of the boot chain, in the order in which the BIOS follows the chain. */
enum bs_link_kind {
	BS_LINK_MBR_CODE = 0,
	BS_LINK_ACTIVE = 1,
	BS_LINK_BOOT_RECORD = 2,
	BS_LINK_BOOTMGR = 3,
	BS_LINK_BCD = 4,
	BS_LINK_DEFAULT_ENTRY = 5,
	BS_LINK_BOOT_VOLUME = 6,
	BS_LINK_WINLOAD = 7,
	BS_LINK_KIND_COUNT = 8,
};

enum bs_link_state {
	BS_LINK_GOOD = 0,
	BS_LINK_BROKEN = 1,   /* the disk does not start because of this link */
	BS_LINK_REPAIRED = 2, /* broken, and a fix repairs it */
	BS_LINK_UNKNOWN = 3,  /* cannot be checked, or an earlier link is broken */
	BS_LINK_STATE_COUNT = 4,
};

struct bs_link {
	enum bs_link_kind kind;
	enum bs_link_state state;
	enum bs_code code; /* why the link is not good; BS_OK: it is good, or was not checked */
	char detail[240];  /* what was found, in one line */
	uint64_t reserved[4];
};

struct bs_finding {
	enum bs_code code; /* class BS_EXIT_REFUSED: it prevents a fix; BS_EXIT_DONE: a note */
	char message[480];
	uint64_t reserved[4];
};

enum bs_verdict {
	/* A fix applies: the boot files are on a partition of their own, or have to be made anew, or the
	 * disk's signature was changed. */
	BS_VERDICT_FIXABLE = 0,
	BS_VERDICT_NOTHING = 1,    /* the boot volume is the system volume already */
	BS_VERDICT_UNSUITABLE = 2, /* a finding prevents a fix */
	BS_VERDICT_COUNT = 3,
};

struct bs_inspection {
	char format[16];         /* as in bs_options */
	uint64_t container_size; /* size of the file, device or export */
	uint64_t disk_size;      /* size of the disk in the container */
	uint32_t disk_signature;
	uint32_t partition_count;
	struct bs_partition partitions[BS_PARTITIONS_MAX];
	int32_t system_index, boot_index; /* into `partitions`; -1: not found */
	/* From the SOFTWARE hive on the boot volume; empty: unknown. */
	char windows_name[128];
	char windows_build[64];
	/*
	 * The path of the loader in the BCD entry that starts the Windows on the boot volume: the
	 * default entry, or the first entry for the partition that the options name.
	 */
	char loader_path[BS_PATH_MAX];
	/* Values for the advice; 0: unknown. */
	uint32_t advised_partition; /* number of the partition that the user should choose */
	/* The disk's, when the BCD was written.  If a fix applies, the fix gives it back. */
	uint32_t earlier_signature;
	bool no_windows; /* no boot volume was found, and no partition has a Windows */
	/*
	 * The boot files are lost or damaged, and a fix makes them anew.  `can_rebuild`: it would, with
	 * `rebuild` in the options.
	 */
	bool rebuilds, can_rebuild;
	uint32_t link_count;
	struct bs_link links[BS_LINKS_MAX];
	/*
	 * Whether every link of the boot chain is good, now and after a fix (if no fix applies,
	 * both are the same).  `*_known` is false if no link is broken but at least one is unknown;
	 * the other field is then false too.
	 */
	bool starts, starts_known;
	bool starts_after, starts_after_known;
	/* Number and total size of the files that a fix would copy.  Folders do not count. */
	uint32_t boot_file_count;
	uint64_t boot_file_bytes;
	uint64_t needed_room; /* the conversion's need on the active volume; see bs_options */
	/* Room on the active volume, now and after a fix. */
	bool room_before_known, room_after_known; /* the next two fields are valid */
	uint64_t room_before, room_after;
	enum bs_verdict verdict;
	uint32_t finding_count;
	struct bs_finding findings[BS_FINDINGS_MAX];
	uint64_t reserved[32];
};

/* ---- plan: what a fix does ---------------------------------------------------------------- */

enum bs_operation_kind {
	/* Copies a file or a whole folder of the system volume.  In a plan with BS_OPERATION_STORE: of
	 * what Windows keeps in \Windows\Boot. */
	BS_OPERATION_COPY = 0,
	BS_OPERATION_ATTRIBUTES = 1,   /* makes a copied file or folder read-only, hidden, system */
	BS_OPERATION_RETARGET_BCD = 2, /* points BCD elements of moved files to the boot volume */
	BS_OPERATION_BOOT_CODE = 3, /* gives the boot volume the boot code of the system volume */
	BS_OPERATION_ACTIVATE = 4,  /* makes the boot partition the only active partition */
	BS_OPERATION_SIGNATURE = 5, /* gives the disk the signature back that it had */
	BS_OPERATION_STORE = 6,     /* makes a new BCD, of the plan's elements */
	BS_OPERATION_KIND_COUNT = 7,
};

#define BS_OPERATIONS_MAX 64
#define BS_PLAN_FILES_MAX 16384
#define BS_ELEMENTS_MAX   512
#define BS_VALUE_MAX      1024 /* bytes of an element of a new BCD */

struct bs_operation {
	enum bs_operation_kind kind;
	char path[BS_PATH_MAX];  /* copy, attributes, retarget-bcd: the path on both volumes */
	uint32_t files, folders; /* copy: how many are copied */
	uint32_t elements;       /* retarget-bcd: how many are changed; store: how many it has */
	uint32_t replaces;       /* copy: files and folders on the boot volume that are replaced */
	/* Bytes written.  copy, store: to files; retarget-bcd: to elements; else: sectors. */
	uint64_t bytes;
	uint64_t sectors; /* number of different 512-byte sectors that the rehearsal wrote */
	uint64_t reserved[4];
};

struct bs_plan_file {
	char path[BS_PATH_MAX]; /* with a leading backslash */
	bool is_folder;
	uint64_t size;
	uint32_t attributes; /* FILE_ATTRIBUTE_* of the source */
	uint8_t sha256[32];  /* hash of the content, from the rehearsal; zeros for a folder */
	uint64_t reserved[4];
};

/* An element of the BCD: one that is retargeted, or one of a new BCD. */
struct bs_plan_element {
	char object[40];        /* "{guid}" */
	uint32_t element;       /* the element's type, such as 0x11000001 */
	uint32_t offset;        /* where the BCD file has the partition's offset (8 bytes) */
	char path[BS_PATH_MAX]; /* the moved file that the element names */
	/*
	 * Only of a new BCD.  Each object has a first element with the type 0 and no value, which
	 * stands for the object itself.
	 */
	uint32_t object_type; /* such as 0x10200003; 0: the element is retargeted */
	uint32_t value_size;  /* bytes */
	uint8_t value[BS_VALUE_MAX];
	uint64_t reserved[4];
};

/* The caller frees a plan from this library with bs_plan_free(). */
struct bs_plan {
	uint32_t disk_signature;     /* as it is before the fix */
	uint32_t restored_signature; /* the one that a fix gives back; 0: the signature stays */
	uint64_t disk_size;
	uint64_t system_start, system_size; /* the system partition: offset on the disk, size */
	uint64_t boot_start, boot_size;     /* the boot partition */
	/* Equal if only the signature is given back, or if a BCD is made on a disk without another
	 * system partition. */
	uint32_t system_number, boot_number;
	uint32_t operation_count;
	struct bs_operation operations[BS_OPERATIONS_MAX];
	uint32_t file_count;
	struct bs_plan_file *files;
	uint32_t element_count;
	struct bs_plan_element *elements;
	uint64_t reserved[16];
};

/* NULL is allowed. */
BS_API void bs_plan_free(struct bs_plan *plan);

/*
 * Writes a plan file (bootshift-json(5)) for somebody to read, and for bs_plan_read(); `bootshift fix
 * --plan` reads it, too.  `image` is the path or the URI for which the plan was made.  An existing
 * file is replaced only if it is a plan.  Returns 0, or -1: BS_FILE_EXISTS, BS_NOT_FOUND,
 * BS_NO_PERMISSION, BS_READ_ONLY, BS_NO_SPACE, BS_IO, BS_NO_MEMORY.
 */
BS_API int bs_plan_write(const char *path, const char *image, const struct bs_plan *plan,
			 struct bs_error *err);

/*
 * Reads a plan file; "-" is standard input.  Returns NULL on error: BS_PLAN_INVALID,
 * BS_INPUT_NOT_TRUSTED if another user may have written the file, BS_NOT_FOUND, BS_NO_PERMISSION,
 * BS_IO, BS_NO_MEMORY.
 */
BS_API struct bs_plan *bs_plan_read(const char *path, struct bs_error *err);

#define BS_DIFFERENCE_MAX 320 /* bytes of the words, with the final zero byte */

/*
 * Compares two rehearsed plans, as bs_fix() does with `expected`.  Returns whether they change the
 * image differently.  `words` (may be NULL) then tells the first difference: "\Boot\BCD has other
 * content now".  The numbers of sectors do not count.
 */
BS_API bool bs_plan_differs(const struct bs_plan *earlier, const struct bs_plan *now,
			    char words[BS_DIFFERENCE_MAX]);

/* ---- start: what a disk did in a virtual machine ------------------------------------------ */

/* What the sectors of a disk are for a start, mostly in the order in which a start reads them. */
enum bs_place {
	BS_PLACE_TABLE = 0,       /* the first sector: the MBR's code and the partition table */
	BS_PLACE_BOOT_RECORD = 1, /* of the active partition */
	BS_PLACE_FILE_SYSTEM = 2, /* of the active partition: $MFT, and the root folder's index */
	BS_PLACE_BOOTMGR = 3,
	BS_PLACE_FONTS = 4,  /* \Boot\Fonts: for a menu, or for an error screen */
	BS_PLACE_STATUS = 5, /* \Boot\BOOTSTAT.DAT */
	BS_PLACE_BCD = 6,
	BS_PLACE_MESSAGES = 7, /* \Boot\LANGUAGE\bootmgr.exe.mui */
	BS_PLACE_LOADER = 8,   /* the program of the default entry */
	BS_PLACE_WINDOWS = 9, /* the hive SYSTEM and the kernel: only a running loader reads them */
	/* The partition that a fix moved the boot files away from: its boot record, all else. */
	BS_PLACE_OLD_RECORD = 10,
	BS_PLACE_OLD_SYSTEM = 11,
	BS_PLACE_OTHER = 12, /* everything else */
	BS_PLACE_COUNT = 13,
};

struct bs_reading {
	uint32_t partition;     /* the partition's number; 0: none, or several */
	char path[BS_PATH_MAX]; /* of the file, or of the first of several; empty: no file */
	uint64_t size; /* bytes on the disk; 0: not on the disk.  Not for BS_PLACE_OTHER. */
	/* Bytes that were read.  Except in the last two places, each byte counts once. */
	uint64_t read;
	uint32_t first, last; /* when, in milliseconds; valid if `read` is not 0 */
	uint64_t activity; /* bit i: there was a read in [i * slot, (i + 1) * slot), see bs_start */
	uint64_t reserved[4];
};

/*
 * A start of a disk in a virtual machine.  Times are in milliseconds since the machine was started.
 * It is proven if the default entry's program was read in full, and then something that only a
 * running loader reads.  Reading the program is enough if it is not a loader of Windows, and for a
 * prepared disk (bs_plan(), bs_fix()), whose old system partition must not be read.
 */
struct bs_start {
	bool proven;
	/* Valid if not proven: the link of the boot chain that failed, and what it should have read. */
	enum bs_link_kind stopped_at;
	enum bs_place stopped_place;
	char evidence[480]; /* in one line: what was read that proves it, or where it stopped */
	struct bs_reading readings[BS_PLACES_MAX]; /* by enum bs_place */
	uint32_t slot;                             /* milliseconds; see bs_reading */
	uint32_t milliseconds;                     /* how long the machine ran */
	uint32_t keys;         /* how often Enter was pressed to leave a menu or a prompt */
	bool kvm;              /* the processor was not emulated */
	bool limit_reached;    /* the machine was stopped by the time limit */
	bool restarted;        /* the guest wanted to restart or to switch off */
	uint8_t *picture;      /* of the last screen, a PNG file; NULL: none */
	uint64_t picture_size; /* bytes */
	char *picture_path; /* where the caller has stored the picture; from malloc(); NULL: nowhere */
	/* A fix that was not proven: whether the image starts as it is, without the fix. */
	bool before_known, before;
	uint64_t reserved[32];
};

/* ---- what has changed since a fix --------------------------------------------------------- */

#define BS_DIFFERENCES_MAX 1024

/* What is not as the fix left it. */
struct bs_difference {
	char path[BS_PATH_MAX]; /* on the Windows volume; empty: the disk as a whole */
	char what[256];         /* "content, times", or what is wrong with the disk */
	/*
	 * Windows changes this by itself, or nothing depends on it: the fix is still whole.  For
	 * the disk as a whole: says what was not compared.
	 */
	bool expected;
	uint64_t reserved[4];
};

/* ---- the commands ------------------------------------------------------------------------- */

#define BS_DEFAULT_PE_SIZE (119ull << 20) /* a boot.wim of 112 MB and a scvmm_boot of 7 MB */
/*
 * What a feature upgrade of Windows 10 or 11 needs on the active volume.  With less, the upgrade
 * says: "We couldn't update the system reserved partition".  (Microsoft Support, '"We couldn't
 * update system reserved partition" error installing Windows 10': 15 MB for an upgrade.)
 */
#define BS_UPGRADE_ROOM          (15ull << 20)
#define BS_DEFAULT_START_SECONDS 60u

/* What the library is doing to an image.  bs_fix() passes through the phases in this order. */
enum bs_phase {
	BS_PHASE_OPENING = 0,    /* opens and locks the image */
	BS_PHASE_INSPECTING = 1, /* bs_inspect(): reads the disk */
	BS_PHASE_REHEARSING = 2, /* reads the disk, and makes and verifies the changes in memory */
	/*
	 * In the middle of the rehearsal: checks all file records of the boot volume against the
	 * volume's bitmap of free clusters.  Then BS_PHASE_REHEARSING begins again.
	 */
	BS_PHASE_CHECKING = 3,
	/* Writes the undo file and the image.  From here on the fix cannot be interrupted. */
	BS_PHASE_COMMITTING = 4,
	BS_PHASE_VERIFYING = 5, /* bs_verify(), bs_accept(): compares the disk with a fix */
	BS_PHASE_UNDOING = 6, /* undoes a fix or, while opening the image, an interrupted change */
	BS_PHASE_ASKING = 7,  /* asks libguestfs' appliance */
	/* Waits for its turn at the appliance, for the appliance's start, or for other machines. */
	BS_PHASE_WAITING = 8,
	BS_PHASE_STARTING = 9, /* starts the disk in a virtual machine */
	BS_PHASE_COUNT = 10,
};

/*
 * How far a phase is.  The unit of `done` and `total` is bytes; in BS_PHASE_WAITING, percent of the
 * start of the appliance; in BS_PHASE_STARTING, milliseconds of the time limit.  `done` never
 * decreases within a phase, and is at most `total`.
 */
struct bs_progress {
	enum bs_phase phase;
	uint64_t done, total; /* total is 0 if the amount is not known, as when a phase begins */
	uint64_t reserved[8];
};

/* What reads the volumes.  Only libntfs-3g writes, and only libguestfs reads FAT. */
enum bs_engine {
	BS_ENGINE_NTFS_3G = 0,
	BS_ENGINE_LIBGUESTFS = 1, /* the tools in libguestfs' appliance, a virtual machine */
	BS_ENGINE_COUNT = 2,
};

#define BS_UNDO_SUFFIX ".bootshift-undo"    /* the name of every undo file ends with it */
#define BS_UNDO_MAGIC  "bootshift-undo\r\n" /* the first bytes of every undo file */
#define BS_MAKER_SIZE  16                   /* bytes */

/*
 * libguestfs' appliance, which looks at one image after another.  Starting it takes from 3 seconds
 * to a minute, so a caller that works on many images opens one appliance for all of them.  It starts
 * when the first image needs it.  The caller's child processes may use it too, if they keep the
 * descriptor `door` open.
 */
struct bs_appliance {
	int door;
	int keeper; /* the number of a child process */
	int reserved[6];
};

/* Returns 0, or -1 with BS_SYSTEM_LIMIT.  The appliance ends when the calling thread does. */
BS_API int bs_appliance_open(struct bs_appliance *appliance, struct bs_error *err);

BS_API void bs_appliance_close(struct bs_appliance *appliance);

/*
 * What a command is to do.  Instead of options, each command also takes NULL: the defaults.  All
 * members but `size` are 0 by default:
 *
 *	struct bs_options options = {.size = sizeof(options), .rebuild = true};
 *
 * With `size`, a program may be older or newer than the library.  A member that the program does not
 * have yet has its default.  A member that the library does not have yet must have its default;
 * otherwise the command fails with BS_USAGE, as it does if `size` is 0.  The caller keeps the
 * ownership of all pointers.
 */
struct bs_options {
	size_t size;               /* of this struct, in bytes: sizeof(struct bs_options) */
	const char *format;        /* raw vhd vhdx qcow2 vmdk vdi; NULL: the content decides */
	uint32_t system_partition; /* its number; 0: the active partition */
	uint32_t boot_partition;   /* its number; 0: the partition of the default entry */
	uint64_t needed_room;      /* bytes; 0: BS_DEFAULT_PE_SIZE */
	/*
	 * Leave a disk alone that starts and has `needed_room` bytes free on the active volume: the
	 * verdict is then BS_VERDICT_NOTHING, with the finding BS_NOTE_NOT_NEEDED.
	 */
	bool only_needed;
	/*
	 * If the disk's signature was changed, give it back also if only one witness names the
	 * earlier one: the boot menu, or the registry of Windows.
	 */
	bool restore_signature;
	/* If the boot files are lost or damaged, make them anew from what Windows keeps. */
	bool rebuild;
	const char *undo_directory; /* NULL: the image's own folder */
	/*
	 * bs_undo(), bs_verify(), bs_accept(), bs_changes(): the undo file, wherever it is.  NULL:
	 * the one in the folder above.
	 */
	const char *undo_file;
	/* Children and parents of the image; NULL: the library searches the image's folder. */
	const struct bs_relations *relations;
	enum bs_engine engine; /* what reads the volumes */
	/*
	 * bs_plan(), bs_fix(): after bootshift's own verification and before anything is written,
	 * libguestfs' appliance must agree with the result.  bs_verify(): the appliance must find
	 * the same.
	 */
	bool second_opinion;
	const struct bs_appliance *appliance; /* NULL: the command opens its own if it needs one */
	/*
	 * bs_plan(), bs_fix(): before anything is written, the prepared disk is started in a virtual
	 * machine, and must reach Windows' loader without a read of the old system partition.
	 * Otherwise the error is BS_START_FAILED.  bs_inspect(): the disk is started as it is, and
	 * `starts` in the inspection says what happened.  The machine is QEMU.
	 */
	bool prove;
	uint32_t start_seconds; /* time limit of a start; 0: BS_DEFAULT_START_SECONDS */
	/* bs_plan(): also fail if the fix could not be written: permissions, room, NBD clients. */
	bool to_be_fixed;
	/*
	 * bs_undo(), bs_accept(): write nothing; check that the undo file is there, trusted and
	 * whole, that the image still matches it, and that both may be written.
	 */
	bool rehearse_undo;
	/*
	 * bs_fix(): identifies the job to which the fix belongs, for example a batch.  It is stored
	 * in the undo file; see `own_undo_file` in bs_result.  All zeros: no job.
	 */
	uint8_t maker[BS_MAKER_SIZE];
	/*
	 * The library calls this in the caller's thread when a phase begins, and as the phase goes
	 * on.  The function returns 0 to go on.  With any other value it cancels the command, which
	 * then fails with BS_INTERRUPTED, and leaves the image as it was.  In the phases
	 * BS_PHASE_COMMITTING and BS_PHASE_UNDOING the value does not count, because the library
	 * must not leave the image half written.  May be NULL.
	 */
	int (*progress)(void *context, const struct bs_progress *progress);
	void *progress_context;
};

enum bs_status {
	BS_STATUS_FIXED = 0,
	BS_STATUS_WOULD_FIX = 1,
	BS_STATUS_NOTHING_TO_DO = 2,
	BS_STATUS_UNDONE = 3,
	BS_STATUS_REFUSED = 4,
	BS_STATUS_FAILED = 5,
	BS_STATUS_RECOVERY_REQUIRED = 6,
	BS_STATUS_WOULD_UNDO = 7,
	BS_STATUS_STARTED = 8,   /* bs_boot() */
	BS_STATUS_WHOLE = 9,     /* bs_verify(): the fix is whole */
	BS_STATUS_ACCEPTED = 10, /* bs_accept() */
	BS_STATUS_WOULD_ACCEPT = 11,
	BS_STATUS_COUNT = 12,
};

/* A range of a container that a fix wrote, in bytes.  This struct is complete. */
struct bs_written {
	uint64_t offset, length;
};

/* A file that the image needs, because the image holds only the changes to it. */
struct bs_parent {
	char *path;
	char format[16]; /* as in bs_options */
	uint64_t size;   /* of the file */
	uint64_t reserved[8];
};

/* The outcome for one image.  The caller frees it with bs_result_free(). */
struct bs_result {
	enum bs_status status;
	/* The cause if the status is refused, failed or recovery-required; BS_OK otherwise. */
	struct bs_error error;
	bool recovered; /* an interrupted change was undone first */
	/*
	 * UNDONE, WOULD_UNDO, WHOLE, ACCEPTED, WOULD_ACCEPT: as far as can be known, nothing else
	 * was written to the image since the fix.
	 */
	bool exact;
	struct bs_inspection *inspection; /* of the image before any change; may be NULL */
	struct bs_plan *plan;             /* the rehearsed plan; may be NULL */
	struct bs_start *start;           /* of the disk in a virtual machine; may be NULL */
	/*
	 * The parent of the image, the parent of this parent, and so on.  They are only read.  An undo
	 * needs none of them, so it does not list them.
	 */
	struct bs_parent *parents;
	uint32_t parent_count;
	/* Path of the undo file; may be NULL.  After an undo with nothing to do: obsolete. */
	char *undo_file;
	/*
	 * The fix that this undo file takes back: seconds since 1970, and the version that made it.
	 * If there is none, and the file in `undo_file_named` was made for this very image: of
	 * that file.  0 and empty: unknown.
	 */
	int64_t fixed_at;
	char fixed_by[32];
	uint64_t undo_file_size; /* bytes of that file */
	/*
	 * NOTHING_TO_DO of bs_inspect() and bs_fix() without an undo file: the path of the undo
	 * file that the image itself names; may be NULL.  Anybody who can write to the image may
	 * have set it, and the file may not exist.
	 */
	char *undo_file_named;
	bool own_undo_file; /* NOTHING_TO_DO: the undo file has the `maker` of the options */
	/*
	 * bs_verify(), bs_accept(): what is not as the fix left it.  If there are more than BS_DIFFERENCES_MAX
	 * differences, expected ones are left out first.
	 */
	struct bs_difference *differences;
	uint32_t difference_count;
	/*
	 * bs_changes(): the ranges of the container that the fix wrote, in their order.  `unknown` is
	 * why the plan is NULL, so that what the fix did on the guest's disk is not known; else BS_OK.
	 * bs_accept(): `unknown` is BS_CHANGED_SINCE if what the fix wrote was written to since.
	 */
	struct bs_written *written;
	uint32_t written_count;
	struct bs_error unknown;
	uint64_t container_bytes;   /* changed bytes of the container */
	uint32_t container_extents; /* ranges of changed bytes */
	uint64_t freed;             /* ACCEPTED, WOULD_ACCEPT: bytes that the undo file took */
	uint64_t milliseconds;      /* the time taken */
	/*
	 * bs_inspect() with `undo_file`: that fix only gave the disk its signature back, so an undo
	 * needs no partition.
	 */
	bool fixed_signature_alone;
	uint64_t reserved[31];
};

/*
 * Each of these functions works on one image: the path of a file or of a block device, or the URI
 * of an NBD export.  It returns the exit class of result->status and fills in *result in every
 * case.
 *
 * bs_inspect: reads the image and sets result->inspection.  The status says what a fix would do:
 *   WOULD_FIX, NOTHING_TO_DO, or REFUSED with the first finding that prevents a fix.
 * bs_plan: a full rehearsal.  All changes are made and verified in memory, then dropped.  The
 *   statuses are those of bs_inspect().
 * bs_fix: rehearses the fix, then writes it.  FIXED or NOTHING_TO_DO.
 * bs_undo: undoes a fix or an interrupted change: UNDONE.  NOTHING_TO_DO if the image is not fixed:
 *   with result->undo_file if the undo file is still there, but the image is as it was before the
 *   fix; without it if there is no undo file, and an inspection finds that the image can be fixed.
 *   REFUSED with BS_CONTAINER_HAS_CHILDREN if another image holds only the changes to this one.
 *   With `rehearse_undo`: WOULD_UNDO instead of UNDONE, and an interrupted change is an error, as it
 *   is for bs_inspect().
 * bs_boot: starts the disk in a virtual machine, and sets result->start: STARTED if the start is
 *   proven, otherwise REFUSED with BS_START_FAILED.  What the guest writes is dropped.
 * bs_recover: undoes an interrupted change, but no complete fix: UNDONE with result->recovered, or
 *   NOTHING_TO_DO.
 * bs_verify: checks that a fix that was made earlier is still whole: WHOLE, or REFUSED with
 *   BS_FIX_NOT_WHOLE.  Both set result->differences.  `made` is the plan that was carried out.  If
 *   it is NULL, the copies are compared with the boot files that are still on the partition that
 *   they came from: `system_partition`, or the only one that can be.  There must be an undo file
 *   then, or a `system_partition`.  Other refusals: BS_NOT_FIXED; BS_NO_RECORD if it is not
 *   known what the fix did; BS_PLAN_UNRELATED.
 * bs_changes: an inspection that also tells what an earlier fix changed, by the undo file:
 *   NOTHING_TO_DO, with `written`.  The disk as it was before is shown by the bytes in the undo file
 *   on top of the image; `plan` is the fix of that disk, rehearsed again, and `differences` is what
 *   the image has otherwise.  If what the fix wrote was written to since, for example by a start of
 *   Windows, the disk before cannot be shown, and the plan is NULL.  Refusals: those of bs_undo().
 * bs_accept: ends the undo of a fix: checks that the image is as the fix left it, or that all
 *   differences are expected (bs_verify()), then removes the undo file: ACCEPTED.  NOTHING_TO_DO if
 *   there is no undo file, the image names none, and the boot files are with Windows.  Refusals:
 *   those of bs_undo() and of bs_verify().  An interrupted change is an error: BS_RECOVERY_REQUIRED.
 *   With `rehearse_undo`: WOULD_ACCEPT instead of ACCEPTED.
 *
 * bs_inspect(), bs_changes(), bs_plan(), bs_boot() and bs_verify() never open the image for writing.  If
 * `expected` is not NULL, the rehearsed plan must equal it; otherwise the result is REFUSED with
 * BS_PLAN_STALE.
 *
 * While the library changes an image, it blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT in the calling
 * thread.  A caller can block the first three itself and so stop bs_fix(): if one of them is
 * pending before anything was written, bs_fix() fails with BS_INTERRUPTED.  A program with a loop
 * of its own should cancel a command by `progress` in the options.
 */
BS_API enum bs_exit bs_inspect(const char *image, const struct bs_options *options,
			       struct bs_result *result);
BS_API enum bs_exit bs_plan(const char *image, const struct bs_options *options,
			    const struct bs_plan *expected, struct bs_result *result);
BS_API enum bs_exit bs_fix(const char *image, const struct bs_options *options,
			   const struct bs_plan *expected, struct bs_result *result);
BS_API enum bs_exit bs_undo(const char *image, const struct bs_options *options,
			    struct bs_result *result);
BS_API enum bs_exit bs_boot(const char *image, const struct bs_options *options,
			    struct bs_result *result);
BS_API enum bs_exit bs_recover(const char *image, const struct bs_options *options,
			       struct bs_result *result);
BS_API enum bs_exit bs_verify(const char *image, const struct bs_options *options,
			      const struct bs_plan *made, struct bs_result *result);
BS_API enum bs_exit bs_accept(const char *image, const struct bs_options *options,
			      struct bs_result *result);
BS_API enum bs_exit bs_changes(const char *image, const struct bs_options *options,
			       struct bs_result *result);

/* Frees the members of a result, not the struct itself. */
BS_API void bs_result_free(struct bs_result *result);

/*
 * How image files depend on each other: a child stores only its differences from a parent file (a
 * snapshot or a clone), and a part is one of several files of a disk.  The library refuses to
 * change a file that has children, or a part on its own.
 *
 * A caller that works on many images collects the relations here, so that each folder is read only
 * once.  The caller starts with all zeros and ends with bs_relations_free().
 */
struct bs_relations {
	void *tree;
};

/*
 * Reads the image's folder, and the folder "Snapshots" in it, where VirtualBox keeps snapshots.
 * Folders that were read before are skipped.  Files that cannot be read are ignored.  Returns 0, or
 * -1 with BS_NO_MEMORY.
 */
BS_API int bs_relations_look(struct bs_relations *relations, const char *image,
			     struct bs_error *err);

/*
 * If the image is a part of a disk, returns the path of the file that describes the whole disk.
 * Returns NULL if no such file is known.  `relations` owns the string.
 */
BS_API const char *bs_relations_whole(const struct bs_relations *relations, const char *image);

BS_API void bs_relations_free(struct bs_relations *relations);

struct bs_recognition {
	char format[16]; /* as in bs_options; empty: unknown without a full inspection */
	/*
	 * If the file only describes a disk (VMDK): the name of the file with the disk's data, in
	 * the same folder; of the first one if there are several.  Otherwise empty.
	 */
	char data_file[256];
	uint64_t reserved[8];
};

/*
 * Checks quickly whether a path leads to a disk image, by the magic of a container format or by the
 * partition table of a raw disk.  Reads little, never blocks, and opens only regular files and
 * block devices.  The URI of an NBD export is not checked: it counts as an image.
 *
 * Returns BS_EXIT_DONE for an image.  Otherwise *reason is BS_NOT_AN_IMAGE, BS_PACKED_* for a file
 * that may hold an image and has to be unpacked first, BS_CONTAINER_CORRUPT for a damaged archive,
 * or the error that prevented the check.
 */
BS_API enum bs_exit bs_recognise(const char *image, struct bs_recognition *recognition,
				 struct bs_error *reason);

/*
 * Finds what bs_undo() has to be told to find the undo file of an image.  An image whose change was
 * interrupted stores the path of its undo file, and a fixed image does, too.  For a fixed image, the
 * function also looks in the folder of `options` (may be NULL) and in the image's folder.
 *
 * Returns true if bs_undo() finds the undo file with *folder as `undo_directory` and *file as
 * `undo_file`.  At most one of them is not NULL.  The caller frees it.  *file was made for this very
 * file: for a copy of an image, the function does not return the undo file that the original needs.
 */
BS_API bool bs_find_undo_file(const char *image, const struct bs_options *options, char **folder,
			      char **file);

/* What is cheaply known of the image beside an undo file.  No bytes are compared. */
enum bs_image_state {
	BS_IMAGE_UNKNOWN = 0,    /* the undo file does not have the image's time */
	BS_IMAGE_AS_LEFT = 1,    /* it has the length and the time of change that the fix left */
	BS_IMAGE_WRITTEN_TO = 2, /* it has not */
	BS_IMAGE_NOT_BESIDE = 3, /* there is no image beside the undo file */
	BS_IMAGE_STATE_COUNT = 4,
};

/* What an undo file says of itself. */
struct bs_undo_file {
	int64_t fixed_at;     /* seconds since 1970 */
	char fixed_by[32];    /* the version that made the fix */
	char image_name[256]; /* without its folder */
	uint64_t size;        /* bytes of the undo file */
	bool interrupted;     /* the image may be half written */
	bool obsolete;        /* the fix is undone */
	enum bs_image_state image;
	uint64_t reserved[8];
};

/*
 * Reads the header of an undo file.  Its records are not checked.  Errors: BS_USAGE for another
 * name, BS_NOT_FOUND, BS_NOT_TRUSTED, BS_JOURNAL_DAMAGED, BS_NO_PERMISSION, BS_NO_MEMORY, BS_IO.
 */
BS_API enum bs_exit bs_look_at_undo_file(const char *path, struct bs_undo_file *file,
					 struct bs_error *err);

/* The version of the library, such as "1.2".  A constant string. */
BS_API const char *bs_version(void);

#ifdef __cplusplus
}
#endif

#endif
