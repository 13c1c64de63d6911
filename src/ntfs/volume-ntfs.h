/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Declarations that the files of the engine over libntfs-3g share.  Only they include this header,
 * and through this header those of libntfs-3g.
 *
 * libntfs-3g's headers need the system's headers before them, and the configuration of the
 * library's own build.
 */
#ifndef BOOTSHIFT_VOLUME_NTFS_H
#define BOOTSHIFT_VOLUME_NTFS_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/device.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/ea.h>
#include <ntfs-3g/index.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/logfile.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#include "ntfs/ntfs-check.h"
#include "volume/obstacle.h"
#include "volume/volume.h"

/* A disk as libntfs-3g's device. */
struct ntfs_disk {
	struct disk *disk;
	/* The last error of the disk or of ntfs_check_read().  The library keeps only its errno. */
	struct bs_error error;
	s64 position; /* for reads and writes without an offset */
	/*
	 * The device checks all bytes that it reads before the library sees them, with two
	 * exceptions: `clusters` is 0, or the caller reads the content of a file, which may be any
	 * bytes.
	 */
	struct ntfs_geometry geometry;
	bool reads_content;
};

extern struct ntfs_device_operations ntfs_disk_operations;

struct volume_ntfs {
	struct volume volume;
	struct ntfs_disk device; /* a window on the engine's disk */
	ntfs_volume *ntfs;
	enum volume_mode mode;
	enum obstacle obstacle; /* found by volume_ntfs_open() */
	/* Set by ntfs_check_security(). */
	bool security_checked;
	uint32_t last_security_id; /* the highest id in use at the time of the check */
};

struct volume_ntfs_file {
	struct volume_file file;
	struct volume_ntfs *volume;
	ntfs_inode *inode;
	/* The folder and name by which the file was opened: they identify one of several hard
	 * links. */
	u64 folder; /* the folder's reference */
	char name[VOLUME_NAME_MAX];
};

static inline struct volume_ntfs *volume_ntfs(struct volume *volume)
{
	return (struct volume_ntfs *)volume;
}

static inline struct volume_ntfs_file *volume_ntfs_file(struct volume_file *file)
{
	return (struct volume_ntfs_file *)file;
}

/* ---- the engine's functions, which volume.h describes --------------------------------------- */

extern const struct volume_operations volume_ntfs_operations;

int volume_ntfs_open(const struct volume_engine *engine, uint64_t start, uint64_t size,
		     enum volume_mode mode, struct volume **volume, struct bs_error *err);
int volume_ntfs_close(struct volume *volume, struct bs_error *err);
int volume_ntfs_state(struct volume *volume, struct volume_state *state, struct bs_error *err);
int volume_ntfs_open_file(struct volume *volume, const char *path, struct volume_file **file,
			  struct bs_error *err);
int volume_ntfs_close_file(struct volume_file *file, struct bs_error *err);
int volume_ntfs_stat(struct volume_file *file, struct volume_metadata *metadata,
		     struct bs_error *err);
int volume_ntfs_security(struct volume_file *file, uint8_t **descriptor, size_t *size,
			 struct bs_error *err);
int volume_ntfs_extended_attributes(struct volume_file *file, uint8_t **attributes, size_t *size,
				    struct bs_error *err);
int volume_ntfs_streams(struct volume_file *file, struct volume_stream **streams, size_t *count,
			struct bs_error *err);
int volume_ntfs_read(struct volume_file *file, const char *stream, uint64_t offset, void *buffer,
		     size_t length, struct bs_error *err);
int volume_ntfs_list(struct volume_file *folder, struct volume_entry **entries, size_t *count,
		     struct bs_error *err);
int volume_ntfs_set_attributes(struct volume_file *file, uint32_t attributes, struct bs_error *err);
int volume_ntfs_set_times(struct volume_file *file, const struct volume_metadata *times,
			  struct bs_error *err);
int volume_ntfs_set_security(struct volume_file *file, const uint8_t *descriptor, size_t size,
			     struct bs_error *err);
int volume_ntfs_set_extended_attributes(struct volume_file *file, const uint8_t *attributes,
					size_t size, struct bs_error *err);
int volume_ntfs_write(struct volume_file *file, const char *stream, uint64_t offset,
		      const void *buffer, size_t length, struct bs_error *err);
int volume_ntfs_create(struct volume *volume, const char *folder, const char *name, bool is_folder,
		       struct bs_error *err);
int volume_ntfs_set_names(struct volume *volume, const char *folder,
			  const struct volume_metadata *names, struct bs_error *err);
int volume_ntfs_remove(struct volume *volume, const char *path, uint32_t *removed,
		       struct bs_error *err);
int volume_ntfs_add_clusters(struct volume_file *file, struct range_vector *clusters,
			     struct bs_error *err);
int volume_ntfs_check_clusters(struct volume *volume, const struct range_vector *clusters,
			       struct bs_error *err);
uint64_t volume_ntfs_record_number(const struct volume_file *file);
int volume_ntfs_check_indexes(struct volume_file *file, struct bs_error *err);
int volume_ntfs_prove_free(struct volume *volume, struct volume_changed *changed,
			   struct bs_error *err);
int volume_ntfs_locate(struct volume_file *file, uint64_t length, struct range_vector *ranges,
		       struct bs_error *err);
int volume_ntfs_locate_record(struct volume_file *file, struct range_vector *ranges,
			      struct bs_error *err);

/* ---- releasing at the end of a scope -------------------------------------------------------- */

static inline void ntfs_free_bytes(void *pointer)
{
	free(*(void **)pointer);
}

static inline void ntfs_free_search(ntfs_attr_search_ctx **search)
{
	if (*search)
		ntfs_attr_put_search_ctx(*search);
}

static inline void ntfs_free_attribute(ntfs_attr **attribute)
{
	ntfs_attr_close(*attribute); /* NULL is allowed */
}

/*
 * Only for objects that were read, or whose release cannot fail.  NTFS_BYTES is for memory from the
 * library: the analyzer does not know the attribute, and would report memory from malloc() as a
 * leak.
 */
#define NTFS_BYTES     __attribute__((cleanup(ntfs_free_bytes)))
#define NTFS_SEARCH    __attribute__((cleanup(ntfs_free_search))) ntfs_attr_search_ctx
#define NTFS_ATTRIBUTE __attribute__((cleanup(ntfs_free_attribute))) ntfs_attr

/* ---- errors and names ----------------------------------------------------------------------- */

/* Sets *err from the disk's error or from errno: "WHAT on the NTFS volume".  Returns -1. */
int ntfs_fail(struct volume_ntfs *volume, struct bs_error *err, const char *what)
	__attribute__((cold));

/* Converts UTF-8 to UTF-16; the caller frees *name.  Returns the length in characters, or -1. */
int ntfs_name_from_utf8(struct volume_ntfs *volume, const char *text, ntfschar **name,
			struct bs_error *err);

/* Converts `length` characters from UTF-16 to UTF-8.  `name` may have any alignment, because names
 * lie in packed records. */
void ntfs_name_to_utf8(const void *name, size_t length, char *text, size_t size);

/* ---- reading -------------------------------------------------------------------------------- */

/*
 * Opens the file at `path`.  The caller closes *inode, which is NULL if there is no such file.
 * Sets *folder (unless it is NULL) to the reference of the last folder that was searched.
 */
int ntfs_open_path(struct volume_ntfs *volume, const char *path, ntfs_inode **inode, u64 *folder,
		   struct bs_error *err);

/*
 * Reads bytes of an attribute without the device's check of metadata.  Returns the number of bytes,
 * or -1 with errno.
 */
s64 ntfs_read_unchecked(struct volume_ntfs *volume, ntfs_attr *attribute, uint64_t offset,
			void *bytes, size_t length);

/* Returns the value of a resident attribute, which is in the record. */
static inline void *ntfs_value(const ATTR_RECORD *record)
{
	return (u8 *)(uintptr_t)record + le16_to_cpu(record->value_offset);
}

/* Returns the next name of the file of `search`, or NULL after the last name. */
static inline FILE_NAME_ATTR *ntfs_next_name(ntfs_attr_search_ctx *search)
{
	if (ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, search) < 0)
		return NULL;
	return ntfs_value(search->attr);
}

/*
 * Checks both indexes of $Secure, and that the library would add a new security descriptor behind
 * all others.  The caller calls this before the library looks for a descriptor.  After one success,
 * later calls do nothing.
 */
int ntfs_check_security(struct volume_ntfs *volume, struct bs_error *err);

#endif
