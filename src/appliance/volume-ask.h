/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume and the file of the appliance's engine, and the questions about them. */
#ifndef BOOTSHIFT_VOLUME_ASK_H
#define BOOTSHIFT_VOLUME_ASK_H

#include "appliance/request.h"
#include "ntfs/mft-record.h"
#include "volume/obstacle.h"
#include "volume/volume.h"

struct volume_appliance {
	struct volume volume;
	int channel;
	struct disk *disk;    /* the engine's */
	uint64_t start, size; /* of the partition, in bytes of the disk */
	uint32_t partition;   /* number */
	uint32_t record_size; /* bytes of a record of $MFT */
	struct appliance_volume found;
	enum obstacle obstacle;
	char label[132];
	/* The folder of the file that was opened last, and the number of its record. */
	char folder[APPLIANCE_PATH_MAX];
	uint64_t folder_record;
};

struct volume_appliance_file {
	struct volume_file file;
	struct volume_appliance *volume;
	char path[APPLIANCE_PATH_MAX]; /* spelled as stored, with slashes */
	uint64_t record, folder;       /* numbers of the file's record and of its folder's */
	uint64_t size;                 /* bytes of the unnamed stream */
	bool is_folder;
};

/* volume-appliance.c: functions for NTFS that serve FAT as well. */
int volume_appliance_close(struct volume *volume, struct bs_error *err);
int volume_appliance_state(struct volume *volume, struct volume_state *state, struct bs_error *err);
int volume_appliance_open_file(struct volume *volume, const char *path, struct volume_file **file,
			       struct bs_error *err);
int volume_appliance_close_file(struct volume_file *file, struct bs_error *err);
int volume_appliance_read(struct volume_file *file, const char *stream, uint64_t offset,
			  void *buffer, size_t length, struct bs_error *err);
int volume_appliance_list(struct volume_file *folder, struct volume_entry **entries, size_t *count,
			  struct bs_error *err);

/* volume-appliance-fat.c: the functions for FAT. */
extern const struct volume_operations volume_appliance_fat_operations;

/*
 * Asks about a path on the volume.  Returns the answer, also if it is an error; the caller frees it.
 * NULL: the process of the appliance has ended, or memory has run out.
 */
MUST_CHECK struct appliance_answer *volume_ask(const struct volume_appliance *volume,
					       enum appliance_operation operation, const char *path,
					       const char *name, uint64_t offset, uint32_t length,
					       struct bs_error *err);

/* The answer is an error: the volume is damaged.  Returns -1. */
int volume_ask_fail(const struct appliance_answer *answer, struct bs_error *err);

/* Like volume_ask(), but an answer that is an error, or shorter than `least`, fails. */
MUST_CHECK struct appliance_answer *volume_ask_surely(const struct volume_appliance *volume,
						      enum appliance_operation operation,
						      const char *path, uint64_t offset,
						      uint32_t length, size_t least,
						      struct bs_error *err);

/*
 * Reads an extended attribute as the caller's memory, with a zero byte behind it.  *value is NULL
 * if the file has none.  Fails if the attribute is shorter than `least`.
 */
MUST_CHECK int volume_ask_attribute(const struct volume_appliance_file *file, const char *name,
				    size_t least, uint8_t **value, size_t *size,
				    struct bs_error *err);

/* Reads file record `number` and removes its fix-ups.  The caller frees *bytes. */
MUST_CHECK int volume_ask_record(const struct volume_appliance *volume, uint64_t number,
				 uint8_t **bytes, struct mft_record *record, struct bs_error *err);

#endif
