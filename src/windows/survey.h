/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey: everything that a plan needs to know of a disk, read and not judged by position or
 * drive letter but by content.
 *
 * It never fails because of what an image contains: what is wrong with an image is a finding, and
 * what it would take to start it a link of the boot chain.  It fails only when the disk cannot be
 * read or memory runs out.
 */
#ifndef BOOTSHIFT_SURVEY_H
#define BOOTSHIFT_SURVEY_H

#include "boot/bcd.h"
#include "boot/vbr.h"
#include "disk/disk.h"
#include "windows/boot-files.h"

/* The clusters that copies take beyond their content: index blocks, records, descriptors. */
#define ROOM_MARGIN (1u << 20) /* bytes */

struct survey_partition {
	struct vbr boot_record;
	enum bs_code obstacle; /* to writing: BS_OK, BS_HIBERNATED, BS_UNCLEAN, BS_NTFS_DAMAGED */
	char obstacle_text[160];
};

struct survey {
	struct disk *disk;
	struct bs_inspection report;
	struct survey_partition partitions[BS_PARTITIONS_MAX]; /* as in report.partitions */
	/* What a fix would copy; folders before what is in them. */
	struct bs_plan_file *files;
	uint32_t file_count;
	uint64_t stream_bytes;   /* of all streams */
	uint64_t replaced_bytes; /* at least so many become free where the files go */
	/* The same as items, in the order in which they are copied. */
	struct boot_item items[BOOT_ITEMS_MAX];
	uint32_t item_count;
	/* Where the Windows is that starts by default, which need not be the boot volume when that
	 * was chosen: index of the partition or -1, and the loader's path. */
	int32_t default_index;
	char default_path[BS_PATH_MAX];
	/* The BCD elements that lead to a file that moves. */
	struct bs_plan_element *elements;
	uint32_t element_count;
	bool boot_code_needed; /* the boot volume's boot record cannot start bootmgr as it is */
};

/* `disk` must outlive the survey.  Freed with survey_free(), also after an error. */
MUST_CHECK int survey_take(struct disk *disk, const struct bs_options *options,
			   struct survey *survey, struct bs_error *err);
void survey_free(struct survey *survey);

/* An inspection of a disk of `size` bytes before anything of the disk has been read. */
void survey_begin(struct bs_inspection *report, uint64_t size, const struct bs_options *options);

/*
 * Adds the partition of a table's entry, whose record lies at `base_lba`, to a report.  NULL when
 * the report has no more room.
 */
struct bs_partition *survey_add_partition(struct bs_inspection *report, uint32_t number,
					  const struct mbr_entry *entry, uint64_t base_lba);

/* ---- for the parts of the survey only (findings.c) ----------------------------------------- */

/* Adds a finding; of too many the first ones stay, and refusals rather than notes. */
void survey_note(struct survey *survey, enum bs_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets a link of the boot chain: good, or broken and why. */
void survey_good(struct survey *survey, enum bs_link_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void survey_broken(struct survey *survey, enum bs_link_kind kind, enum bs_code code,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for one of which it cannot be told; `code` may be BS_OK. */
void survey_unknown(struct survey *survey, enum bs_link_kind kind, enum bs_code code,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True when the error tells of the image's content and not of the storage or the machine. */
bool survey_is_content(enum bs_code code);

/*
 * Makes such an error, met while the system or the boot volume was read, a finding.  Another one
 * stays: -1.
 */
MUST_CHECK int survey_blame(struct survey *survey, const char *role, uint32_t partition,
			    const struct bs_error *err);

/* partitions.c: the index of the partition, not an extended one, with a number; else -1. */
int32_t survey_partition_index(const struct bs_inspection *report, uint32_t number);

/*
 * partitions.c: opens the volume of a partition for reading.  Only for one of which
 * survey_is_readable(), which is what the look at all partitions has shown.  Both are the
 * caller's; the window is closed after the volume.
 */
bool survey_is_readable(const struct survey *survey, int32_t index);
MUST_CHECK int survey_open_volume(const struct survey *survey, int32_t index, struct disk **window,
				  struct volume **volume, struct bs_error *err);

/*
 * locate.c: *there = whether the partition is a readable NTFS volume with the file, which is not
 * empty.
 */
MUST_CHECK int survey_has_file(const struct survey *survey, int32_t index, const char *path,
			       bool *there, struct bs_error *err);

/*
 * locate.c: *index = the partition with the file, when exactly one has it, else -1; *count = how
 * many have it.
 */
MUST_CHECK int survey_locate(const struct survey *survey, const char *path, int32_t *index,
			     uint32_t *count, struct bs_error *err);

/*
 * disk-signature.c: *changed = whether `device` names this disk by an earlier signature: another
 * one than it has, but the place of a partition that has the file `path`.
 */
MUST_CHECK int survey_signature_changed(const struct survey *survey, const struct bcd *bcd,
					const struct bcd_device *device, const char *path,
					bool *changed, struct bs_error *err);

/* partitions.c: fills report.partitions and the links MBR_CODE and ACTIVE. */
MUST_CHECK int survey_partitions(struct survey *survey, const struct bs_options *options,
				 struct bs_error *err);

/* system-volume.c: the boot record, bootmgr, the boot files and the BCD. */
MUST_CHECK int survey_system_volume(struct survey *survey, const struct bs_options *options,
				    struct bs_error *err);

/* entries.c: follows the default entry, or the chosen partition's, to the boot volume. */
MUST_CHECK int survey_entries(struct survey *survey, const struct bcd *bcd,
			      uint32_t wanted_partition, struct bs_error *err);

/* elements.c: the files that entries name on the system volume, and the elements that move. */
MUST_CHECK int survey_elements(struct survey *survey, const struct bcd *bcd, struct volume *system,
			       struct bs_error *err);

/* legacy-boot.c: an earlier Windows that \\ntldr starts. */
MUST_CHECK int survey_legacy_boot(struct survey *survey, struct volume *system,
				  struct bs_error *err);

/* boot-volume.c: the loader, Windows' name, what stands at the target. */
MUST_CHECK int survey_boot_volume(struct survey *survey, struct bs_error *err);

#endif
