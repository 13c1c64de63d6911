/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A volume: a mounted NTFS file system on a disk (a partition).  Nothing of the library that does
 * the work shows here, so that another implementation can take its place.
 *
 * What always holds:
 * - Names and paths are UTF-8.  A path starts with a backslash, and backslashes separate its parts.
 *   Case is ignored, as in Windows.
 * - Times are FILETIME: units of 100 ns since 1601-01-01 UTC.  Attributes are FILE_ATTRIBUTE_*.
 * - A read or a write is whole or an error.
 * - A hibernated or unclean volume is never opened for writing.
 * - A file that was written to is closed with volume_close_file(), and its result is checked: only
 *   the closing updates sizes and names in the folder's index.
 * Errors: BS_NTFS (BS_NTFS_DAMAGED for a volume that is only read), BS_VOLUME_FULL, BS_NO_MEMORY,
 * and errors of the disk below.
 */
#ifndef BOOTSHIFT_VOLUME_H
#define BOOTSHIFT_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/disk.h"
#include "util/err.h"
#include "util/range.h"

/* [MS-FSCC] 2.6 */
enum file_attribute {
	FILE_IS_READ_ONLY = 0x0001,
	FILE_IS_HIDDEN = 0x0002,
	FILE_IS_SYSTEM = 0x0004,
	FILE_IS_ARCHIVE = 0x0020,
	FILE_IS_TEMPORARY = 0x0100,
	FILE_IS_SPARSE = 0x0200,
	FILE_IS_REPARSE_POINT = 0x0400,
	FILE_IS_COMPRESSED = 0x0800,
	FILE_IS_OFFLINE = 0x1000,
	FILE_IS_NOT_INDEXED = 0x2000,
	FILE_IS_ENCRYPTED = 0x4000,
};
/* The attributes that are copied; the others describe how the content is stored. */
#define FILE_ATTRIBUTES_COPIED                                                                     \
	((uint32_t)FILE_IS_READ_ONLY | FILE_IS_HIDDEN | FILE_IS_SYSTEM | FILE_IS_ARCHIVE |         \
	 FILE_IS_TEMPORARY | FILE_IS_OFFLINE | FILE_IS_NOT_INDEXED)

#define VOLUME_NAME_MAX       768u /* bytes of a name in UTF-8 (255 UTF-16 units), with its zero */
#define VOLUME_SHORT_NAME_MAX 40u  /* bytes of an 8.3 name in UTF-8, with its zero */
#define VOLUME_DEPTH_MAX      32   /* levels of folders that are followed */

struct volume;
struct volume_file; /* an open file or folder */

enum volume_mode { VOLUME_READ, VOLUME_WRITE };

struct volume_state {
	char label[132];
	uint32_t cluster_size; /* bytes */
	uint64_t free;         /* bytes, whole clusters */
	/* Why the volume must not be written to: BS_HIBERNATED or BS_UNCLEAN; or BS_OK. */
	enum bs_code obstacle;
	char obstacle_text[120];
};

/*
 * A process that works on a volume exits with this status as soon as memory runs out, because the
 * library does not report that: it takes what it could not read for damaged or missing, or crashes.
 */
#define VOLUME_EXIT_NO_MEMORY 12

/* `partition` must outlive the volume. */
MUST_CHECK int volume_open(struct disk *partition, enum volume_mode mode, struct volume **volume,
			   struct bs_error *err);

/* All files must have been closed.  Frees the volume also on error.  NULL is allowed. */
MUST_CHECK int volume_close(struct volume *volume, struct bs_error *err);

MUST_CHECK int volume_state(struct volume *volume, struct volume_state *state,
			    struct bs_error *err);

/* Sets *file to NULL if there is no such file: that is no error. */
MUST_CHECK int volume_open_file(struct volume *volume, const char *path, struct volume_file **file,
				struct bs_error *err);

/* Writes back pending changes.  Frees the file also on error.  NULL is allowed. */
MUST_CHECK int volume_close_file(struct volume_file *file, struct bs_error *err);

/* How a name is stored.  (Linux, fs/ntfs3/ntfs.h; [MS-FSCC] does not describe it.) */
enum volume_namespace {
	NAMESPACE_POSIX = 0,         /* made by tools on Unix only */
	NAMESPACE_WIN32 = 1,         /* without an 8.3 name, or with a separate one */
	NAMESPACE_WIN32_AND_DOS = 3, /* the name is its own 8.3 name */
};

/* Close a volume or a file that was only read: errors do not matter.  NULL is allowed. */
void volume_done(struct volume *volume);
void volume_done_file(struct volume_file *file);

/* Everything about a file but its content. */
struct volume_metadata {
	bool is_folder;
	bool is_metadata; /* one of the volume's own files, such as \$MFT and the root folder */
	uint32_t attributes;
	uint32_t reparse_tag; /* IO_REPARSE_TAG_*; 0 if it is no reparse point */
	uint64_t created, modified, changed, accessed;
	uint64_t size;              /* bytes of the unnamed stream */
	uint32_t links;             /* names in folders; several names are hard links */
	char name[VOLUME_NAME_MAX]; /* as stored */
	enum volume_namespace name_space;
	char short_name[VOLUME_SHORT_NAME_MAX]; /* the separate 8.3 name; empty: none */
};

MUST_CHECK int volume_stat(struct volume_file *file, struct volume_metadata *metadata,
			   struct bs_error *err);

/* Sets the attributes of FILE_ATTRIBUTES_COPIED; the others stay. */
MUST_CHECK int volume_set_attributes(struct volume_file *file, uint32_t attributes,
				     struct bs_error *err);

/* Sets the four times.  A later change to a folder's entries changes its times again. */
MUST_CHECK int volume_set_times(struct volume_file *file, const struct volume_metadata *times,
				struct bs_error *err);

/* The self-relative security descriptor.  The caller frees *descriptor. */
MUST_CHECK int volume_security(struct volume_file *file, uint8_t **descriptor, size_t *size,
			       struct bs_error *err);
MUST_CHECK int volume_set_security(struct volume_file *file, const uint8_t *descriptor, size_t size,
				   struct bs_error *err);

/* The extended attributes as stored ($EA); size 0 when there are none.  The caller frees. */
MUST_CHECK int volume_extended_attributes(struct volume_file *file, uint8_t **attributes,
					  size_t *size, struct bs_error *err);
MUST_CHECK int volume_set_extended_attributes(struct volume_file *file, const uint8_t *attributes,
					      size_t size, struct bs_error *err);

struct volume_stream {
	char name[VOLUME_NAME_MAX]; /* "" for the unnamed one */
	uint64_t size;              /* bytes */
};

/* The data streams, the unnamed one included.  The caller frees *streams. */
MUST_CHECK int volume_streams(struct volume_file *file, struct volume_stream **streams,
			      size_t *count, struct bs_error *err);
MUST_CHECK int volume_read(struct volume_file *file, const char *stream, uint64_t offset,
			   void *buffer, size_t length, struct bs_error *err);
/* Makes a missing stream, and makes a stream longer if necessary. */
MUST_CHECK int volume_write(struct volume_file *file, const char *stream, uint64_t offset,
			    const void *buffer, size_t length, struct bs_error *err);

struct volume_entry {
	char name[VOLUME_NAME_MAX];
};

/* The entries of a folder in the order of its index, without 8.3 names and metadata files.  The
 * caller frees *entries. */
MUST_CHECK int volume_list(struct volume_file *folder, struct volume_entry **entries, size_t *count,
			   struct bs_error *err);

/* Makes an empty file or folder, not compressed even in a compressed folder. */
MUST_CHECK int volume_create(struct volume *volume, const char *folder, const char *name,
			     bool is_folder, struct bs_error *err);

/* Gives a new file, which is not open, the namespace and the separate 8.3 name of `names`. */
MUST_CHECK int volume_set_names(struct volume *volume, const char *folder,
				const struct volume_metadata *names, struct bs_error *err);

/* Removes a file, or a folder with all its content.  *removed counts files and folders. */
MUST_CHECK int volume_remove(struct volume *volume, const char *path, uint32_t *removed,
			     struct bs_error *err);

/* Adds the clusters that the file's streams, index and other attributes occupy. */
MUST_CHECK int volume_add_clusters(struct volume_file *file, struct range_vector *clusters,
				   struct bs_error *err);

/*
 * Checks that each of the clusters is marked as used in the volume's bitmap.  The ranges lie
 * within the volume.  Errors: BS_NTFS_DAMAGED.
 */
MUST_CHECK int volume_check_clusters(struct volume *volume, const struct range_vector *clusters,
				     struct bs_error *err);

/* The number of the file's record. */
uint64_t volume_record_number(const struct volume_file *file);

/*
 * Checks the indexes of a folder or of a metadata file: no block is damaged, and each block with
 * entries is marked as used, so that adding an entry writes over no block.  Error: BS_NTFS_DAMAGED.
 */
MUST_CHECK int volume_check_indexes(struct volume_file *file, struct bs_error *err);

DEFINE_VECTOR(volume_records, uint64_t); /* numbers of file records */

/* The files that a fix changes: the clusters that they occupy, and their records. */
struct volume_changed {
	struct range_vector clusters;
	struct volume_records records;
};

/*
 * Reads $MFT once from beginning to end and proves that nothing uses what the volume calls free:
 * each cluster of each file is marked as used, no other file occupies a cluster of a changed file,
 * and no record that may list clusters is unreadable.  The clusters of `changed` are sorted and do
 * not overlap; the function sorts the records.  Errors: BS_NTFS_DAMAGED with the record and the
 * cluster.
 */
MUST_CHECK int volume_prove_free(struct volume *volume, struct volume_changed *changed,
				 struct bs_error *err);

/*
 * Adds where the first `length` bytes (fewer if the stream is shorter) of a file's unnamed stream
 * lie, as ranges in bytes of the partition.
 */
MUST_CHECK int volume_locate(struct volume_file *file, uint64_t length, struct range_vector *ranges,
			     struct bs_error *err);

/* Joins a folder's path and a name; false if the path is too long. */
bool volume_join(char path[BS_PATH_MAX], const char *folder, const char *name);

#endif
