/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The readers: they fill in the facts, each its part, in the order in which survey.c calls them.
 *
 * A reader reports what it found, and judges nothing.  It fails only when the disk cannot be read
 * or memory runs out; whatever is wrong with a volume is a fact as well.
 */
#ifndef BOOTSHIFT_READER_H
#define BOOTSHIFT_READER_H

#include "boot/bcd.h"
#include "survey/facts.h"

struct reader {
	struct disk *disk;
	struct facts *facts;
	struct mount {
		struct disk *window;
		struct volume *volume;
	} mounts[BS_PARTITIONS_MAX]; /* as in facts->partitions; NULL where nothing is mounted */
};

/* ---- reader.c: volumes, and files on them -------------------------------------------------- */

/*
 * The mounted volume of a partition that holds NTFS.  It is mounted for reading at the first call
 * and stays so.  The reader owns it.
 */
MUST_CHECK int reader_mount(struct reader *reader, int32_t index, struct volume **volume,
			    struct bs_error *err);

/*
 * Unmounts one volume, or all of them.  After an error the library goes on telling of it, so what
 * is asked next needs the volume mounted afresh.
 */
void reader_unmount(struct reader *reader, int32_t index);
void reader_close(struct reader *reader);

/* True when the error tells of the image's content and not of the storage or the machine. */
bool reader_is_content(enum bs_code code);

/*
 * Makes such an error, or one of a file that is not supported, a fact, and returns 0.  With another
 * one it returns -1.
 */
MUST_CHECK int reader_keep_error(const struct bs_error *err, struct bs_error *fact);

/* What is on a volume under a path, which may be anybody's. */
MUST_CHECK int reader_find(struct volume *volume, const char *path, struct fact_found *found,
			   struct bs_error *err);

/* *there = whether the partition is a readable NTFS volume with the file, which is not empty. */
MUST_CHECK int reader_has_file(struct reader *reader, int32_t index, const char *path, bool *there,
			       struct bs_error *err);

/* *index = the partition with the file when exactly one has it, else -1; *count = how many do. */
MUST_CHECK int reader_locate(struct reader *reader, const char *path, int32_t *index,
			     uint32_t *count, struct bs_error *err);

/* ---- the parts ----------------------------------------------------------------------------- */

/* partitions.c: the partition table, what each partition holds, and the system volume's choice. */
MUST_CHECK int partitions_read(struct reader *reader, struct bs_error *err);

/* system-volume.c: the boot files and the BCD, with what it leads to. */
MUST_CHECK int system_volume_read(struct reader *reader, struct bs_error *err);

/*
 * boot-files.c: the items that always move, and one more item with the folders on the way to it,
 * unless it moves already.  `path` is as reader_find() gave it.
 */
MUST_CHECK int boot_files_read(struct reader *reader, struct volume *system, struct bs_error *err);
MUST_CHECK int boot_files_add(struct reader *reader, struct volume *system, const char *path,
			      enum boot_item_reason reason, struct bs_error *err);

/* entries.c: the default entry, and the partition of the Windows that it leads to. */
MUST_CHECK int entries_read(struct reader *reader, const struct bcd *bcd, struct bs_error *err);

/* elements.c: the device elements, and what moves because of them. */
MUST_CHECK int elements_read(struct reader *reader, const struct bcd *bcd, struct bs_error *err);

/* legacy-boot.c: an earlier Windows that \\ntldr starts. */
MUST_CHECK int legacy_boot_read(struct reader *reader, struct volume *system, struct bs_error *err);

/* boot-volume.c: the loaders, Windows' name, and what stands where the items go. */
MUST_CHECK int boot_volume_read(struct reader *reader, struct bs_error *err);

/* boot-target.c: what the items meet on the boot volume. */
MUST_CHECK int boot_target_read(struct reader *reader, struct volume *target, struct bs_error *err);

/*
 * hives.c: the name and the build of the Windows on a volume; empty when there is none.  And the
 * signature by which that Windows knows the disk of its drive C:; *known is false when it tells of
 * none.
 */
MUST_CHECK int hives_read_name(struct reader *reader, struct volume *volume, struct bs_error *err);
MUST_CHECK int hives_read_signature(struct volume *volume, uint32_t *signature, bool *known,
				    struct bs_error *err);

#endif
