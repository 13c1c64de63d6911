/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The readers fill in the facts.  Each fills in a part, in the order in which survey.c calls them.
 *
 * A reader reports what it found, and judges nothing.  It fails only when the disk cannot be read
 * or memory runs out.  A fault of a volume is a fact, not an error.
 */
#ifndef BOOTSHIFT_READER_H
#define BOOTSHIFT_READER_H

#include "boot/bcd.h"
#include "survey/facts.h"
#include "volume/tree.h"

struct reader {
	const struct volume_engine *engine;
	struct facts *facts;
	/* The index is the same as in facts->partitions.  NULL: not mounted. */
	struct volume *volumes[BS_PARTITIONS_MAX];
};

/* ---- reader.c: volumes, and files on them -------------------------------------------------- */

/*
 * Gives the volume of an NTFS partition.  The first call mounts the volume for reading.  It stays
 * mounted.  The reader owns it.
 */
MUST_CHECK int reader_mount(struct reader *reader, int32_t index, struct volume **volume,
			    struct bs_error *err);

/*
 * Unmounts one volume, or all of them.  After an error the NTFS library reports the error at each
 * later call, so the caller unmounts the volume before it is used again.
 */
void reader_unmount(struct reader *reader, int32_t index);
void reader_close(struct reader *reader);

/* Whether an error is about the content of the image, not about the storage or the machine. */
bool reader_is_content(enum bs_code code);

/*
 * Copies *err to *fact and returns 0 if it is such an error or BS_BOOT_FILE_UNSUPPORTED.  Returns
 * -1 for any other error.
 */
MUST_CHECK int reader_keep_error(const struct bs_error *err, struct bs_error *fact);

/* Finds the file or folder at a path.  The path may come from the image, so it is not trusted. */
MUST_CHECK int reader_find(struct volume *volume, const char *path, struct fact_found *found,
			   struct bs_error *err);

/* The same on a partition.  Finds nothing if the partition is no volume that can be read. */
MUST_CHECK int reader_find_on(struct reader *reader, int32_t index, const char *path,
			      struct fact_found *found, struct bs_error *err);

/* *there = whether the partition is a readable NTFS volume that has the file, with content. */
MUST_CHECK int reader_has_file(struct reader *reader, int32_t index, const char *path, bool *there,
			       struct bs_error *err);

/* *count = the number of partitions with the file; *index = the partition if *count is 1, or -1. */
MUST_CHECK int reader_locate(struct reader *reader, const char *path, int32_t *index,
			     uint32_t *count, struct bs_error *err);

/* ---- the parts ----------------------------------------------------------------------------- */

/* partitions.c: the partition table, the content of each partition, the choice of system volume. */
MUST_CHECK int partitions_read(struct reader *reader, struct bs_error *err);

/* Finds the primary partitions that have bootmgr and a BCD. */
MUST_CHECK int partitions_find_boot_files(struct reader *reader, struct bs_error *err);

/* system-volume.c: the boot files, the BCD, and the files that the BCD names. */
MUST_CHECK int system_volume_read(struct reader *reader, struct bs_error *err);

/*
 * boot-files.c.  boot_files_read() adds the items that always move.  boot_files_add() adds one more
 * item and its parent folders, unless it moves already; `path` comes from reader_find().
 */
MUST_CHECK int boot_files_read(struct reader *reader, struct volume *system, struct bs_error *err);
MUST_CHECK int boot_files_add(struct reader *reader, struct volume *system, const char *path,
			      enum boot_item_reason reason, struct bs_error *err);

/* Adds a file or folder that will be at `path`.  `visit` is the source of the copy. */
MUST_CHECK int boot_files_add_copy(struct facts *facts, const char *path,
				   const struct tree_visit *visit, struct bs_error *err);

/* entries.c: the default entry, and the partition of the Windows that starts by default. */
MUST_CHECK int entries_read(struct reader *reader, const struct bcd *bcd, struct bs_error *err);

/* elements.c: the device elements, and the files that move because of them. */
MUST_CHECK int elements_read(struct reader *reader, const struct bcd *bcd, struct bs_error *err);

/* The same for boot files that need not move: the elements that name files on other partitions. */
MUST_CHECK int elements_read_elsewhere(struct reader *reader, const struct bcd *bcd,
				       struct bs_error *err);

/* legacy-boot.c: an earlier Windows that \\ntldr starts. */
MUST_CHECK int legacy_boot_read(struct reader *reader, struct volume *system, struct bs_error *err);

/* Reads a bootmgr; its content only if boot code could load the file. */
MUST_CHECK int bootmgr_read(struct volume *volume, const char *path, struct fact_bootmgr *bootmgr,
			    struct bs_error *err);

/*
 * rebuild.c: if the boot files are lost or damaged, what Windows keeps of them.  If a fix makes them
 * anew, the files and items in the facts become the new ones.
 */
MUST_CHECK int rebuild_read(struct reader *reader, struct bs_error *err);

/* boot-volume.c: the loaders, the name of Windows, and the files that the items replace. */
MUST_CHECK int boot_volume_read(struct reader *reader, struct bs_error *err);

/* boot-target.c: the files and folders of the boot volume at the places of the items. */
MUST_CHECK int boot_target_read(struct reader *reader, struct volume *target, struct bs_error *err);

/*
 * hives.c.  hives_read_name() reads the name and the build of the Windows on a volume; they stay
 * empty if there is none.  hives_read_signature() reads the disk signature that this Windows has
 * stored for the drive whose partition starts at byte `start` of its disk: for C:, or for another
 * letter if C: is elsewhere.  *known is false if it has stored none, or several for that place.
 */
MUST_CHECK int hives_read_name(struct reader *reader, struct volume *volume, struct bs_error *err);
MUST_CHECK int hives_read_signature(struct volume *volume, uint64_t start, uint32_t *signature,
				    bool *known, struct bs_error *err);

#endif
