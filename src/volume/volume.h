/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A volume: the mounted file system of a partition.  An engine opens it (struct volume_engine).
 * This header shows nothing of the engines, so callers work with each of them.  A new engine fills
 * in the tables at the end.
 *
 * What a volume can do has three parts.  Every engine's volumes can be read.  Only a volume that
 * was opened for writing has the functions that write, and only one with volume_has_internals() has
 * the functions that ask for clusters and file records.
 *
 * Rules for all functions:
 * - Names and paths are UTF-8.  A path starts with a backslash, and backslashes separate its parts.
 *   Case is ignored, as in Windows.
 * - Times are FILETIME: units of 100 ns since 1601-01-01 UTC.  Attributes are FILE_ATTRIBUTE_*.
 * - A read or a write transfers all bytes, or fails.
 * - volume_open() never opens a hibernated or unclean volume for writing.
 * - The caller closes a written file with volume_close_file() and checks the result: only the
 *   closing of a file updates sizes and names in the folder's index.
 * Errors: BS_NTFS (BS_NTFS_DAMAGED for a volume that is open for reading), BS_VOLUME_FULL,
 * BS_NO_MEMORY, and the errors of the disk.
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
/* The attributes that bootshift copies.  All other attributes describe how the content is
 * stored. */
#define FILE_ATTRIBUTES_COPIED                                                                     \
	((uint32_t)FILE_IS_READ_ONLY | FILE_IS_HIDDEN | FILE_IS_SYSTEM | FILE_IS_ARCHIVE |         \
	 FILE_IS_TEMPORARY | FILE_IS_OFFLINE | FILE_IS_NOT_INDEXED)

#define VOLUME_NAME_MAX       768u /* bytes of a UTF-8 name (255 UTF-16 units) with its zero */
#define VOLUME_SHORT_NAME_MAX 40u  /* bytes of an 8.3 name in UTF-8 with its zero */
#define VOLUME_DEPTH_MAX      32   /* the most levels of folders in a walk */

struct volume;
struct volume_file; /* an open file or folder */

enum volume_mode { VOLUME_READ, VOLUME_WRITE };

struct volume_state {
	char label[132];
	uint32_t cluster_size; /* bytes */
	uint64_t free;         /* bytes in all free clusters */
	/* BS_HIBERNATED or BS_UNCLEAN if the volume must not be written to, otherwise BS_OK. */
	enum bs_code obstacle;
	char obstacle_text[120];
};

/*
 * An engine ends its process with this status when memory runs out, if its library does not report
 * that.  libntfs-3g treats unread data as damaged or missing, or crashes.
 */
#define VOLUME_EXIT_NO_MEMORY 12

/*
 * Opens the volumes of one disk.  Whoever made an engine closes its volumes first, then ends the
 * engine.
 */
struct volume_engine {
	struct disk *disk; /* where the survey and the verification read all other sectors */
	bool reads_fat;    /* opens FAT volumes, too */
	/* As volume_open().  *volume is NULL before the call. */
	int (*open)(const struct volume_engine *engine, uint64_t start, uint64_t size,
		    enum volume_mode mode, struct volume **volume, struct bs_error *err);
};

/*
 * Opens the volume of a partition: `size` bytes at `start` of the engine's disk.  Sets *volume to
 * NULL on error.
 */
MUST_CHECK int volume_open(const struct volume_engine *engine, uint64_t start, uint64_t size,
			   enum volume_mode mode, struct volume **volume, struct bs_error *err);

/* The caller closes all files first.  Frees the volume also on error.  NULL is allowed. */
MUST_CHECK int volume_close(struct volume *volume, struct bs_error *err);

MUST_CHECK int volume_state(struct volume *volume, struct volume_state *state,
			    struct bs_error *err);

/* Sets *file to NULL if there is no such file; this is no error. */
MUST_CHECK int volume_open_file(struct volume *volume, const char *path, struct volume_file **file,
				struct bs_error *err);

/* Writes back pending changes.  Frees the file also on error.  NULL is allowed. */
MUST_CHECK int volume_close_file(struct volume_file *file, struct bs_error *err);

/* The namespace of a stored name.  (Linux, fs/ntfs3/ntfs.h; [MS-FSCC] does not describe it.) */
enum volume_namespace {
	NAMESPACE_POSIX = 0,         /* only tools on Unix make such names */
	NAMESPACE_WIN32 = 1,         /* the file has no 8.3 name, or a separate one */
	NAMESPACE_WIN32_AND_DOS = 3, /* the name is its own 8.3 name */
};

/* These close a volume or a file that was only read, so errors do not matter.  NULL is allowed. */
void volume_done(struct volume *volume);
void volume_done_file(struct volume_file *file);

/* The properties of a file, without its content. */
struct volume_metadata {
	bool is_folder;
	bool is_metadata; /* one of the volume's own files, such as \$MFT and the root folder */
	uint32_t attributes;
	uint32_t reparse_tag; /* IO_REPARSE_TAG_*; 0 if it is no reparse point */
	uint64_t created, modified, changed, accessed;
	uint64_t size;              /* bytes of the unnamed stream */
	uint32_t links;             /* number of names (hard links), without 8.3 names */
	char name[VOLUME_NAME_MAX]; /* spelled as the volume stores it */
	enum volume_namespace name_space;
	char short_name[VOLUME_SHORT_NAME_MAX]; /* the separate 8.3 name; empty: none */
};

MUST_CHECK int volume_stat(struct volume_file *file, struct volume_metadata *metadata,
			   struct bs_error *err);

/* Whether the files of a volume have security descriptors.  Those of a FAT volume have none. */
bool volume_has_security(const struct volume_file *file);

/*
 * Reads the self-relative security descriptor.  The caller frees *descriptor.  Only on a volume with
 * volume_has_security().
 */
MUST_CHECK int volume_security(struct volume_file *file, uint8_t **descriptor, size_t *size,
			       struct bs_error *err);

/* Reads the extended attributes as stored in $EA; size 0: none.  The caller frees them. */
MUST_CHECK int volume_extended_attributes(struct volume_file *file, uint8_t **attributes,
					  size_t *size, struct bs_error *err);

struct volume_stream {
	char name[VOLUME_NAME_MAX]; /* "" for the unnamed stream */
	uint64_t size;              /* bytes */
};

/* Lists the data streams, including the unnamed stream.  The caller frees *streams. */
MUST_CHECK int volume_streams(struct volume_file *file, struct volume_stream **streams,
			      size_t *count, struct bs_error *err);

MUST_CHECK int volume_read(struct volume_file *file, const char *stream, uint64_t offset,
			   void *buffer, size_t length, struct bs_error *err);

struct volume_entry {
	char name[VOLUME_NAME_MAX];
};

/* Lists the entries of a folder in the order of its index, without 8.3 names and metadata files.
 * The caller frees *entries. */
MUST_CHECK int volume_list(struct volume_file *folder, struct volume_entry **entries, size_t *count,
			   struct bs_error *err);

/* Joins a folder's path and a name.  Returns false if the path is too long. */
bool volume_join(char path[BS_PATH_MAX], const char *folder, const char *name);

/* ---- writing: only on a volume that was opened with VOLUME_WRITE --------------------------- */

/* Sets the attributes of FILE_ATTRIBUTES_COPIED and keeps the others. */
MUST_CHECK int volume_set_attributes(struct volume_file *file, uint32_t attributes,
				     struct bs_error *err);

/* Sets the four times.  A later change of a folder's entries changes the folder's times again. */
MUST_CHECK int volume_set_times(struct volume_file *file, const struct volume_metadata *times,
				struct bs_error *err);

MUST_CHECK int volume_set_security(struct volume_file *file, const uint8_t *descriptor, size_t size,
				   struct bs_error *err);
MUST_CHECK int volume_set_extended_attributes(struct volume_file *file, const uint8_t *attributes,
					      size_t size, struct bs_error *err);

/* Creates a missing stream, and extends a stream that is too short. */
MUST_CHECK int volume_write(struct volume_file *file, const char *stream, uint64_t offset,
			    const void *buffer, size_t length, struct bs_error *err);

/* Creates an empty file or folder, which is not compressed even in a compressed folder. */
MUST_CHECK int volume_create(struct volume *volume, const char *folder, const char *name,
			     bool is_folder, struct bs_error *err);

/* Gives a new file, which must not be open, the namespace and the separate 8.3 name of `names`. */
MUST_CHECK int volume_set_names(struct volume *volume, const char *folder,
				const struct volume_metadata *names, struct bs_error *err);

/* Removes a file, or a folder with all its content.  *removed counts files and folders. */
MUST_CHECK int volume_remove(struct volume *volume, const char *path, uint32_t *removed,
			     struct bs_error *err);

/* ---- internals: only on a volume with volume_has_internals() -------------------------------- */

/* Whether the volume can answer questions about its clusters and file records. */
bool volume_has_internals(const struct volume *volume);

/* Adds to *clusters the clusters of the file's streams, index and other attributes. */
MUST_CHECK int volume_add_clusters(struct volume_file *file, struct range_vector *clusters,
				   struct bs_error *err);

/*
 * Checks that the volume's bitmap marks each of the clusters as used.  The caller makes sure that
 * the ranges lie within the volume.  Error: BS_NTFS_DAMAGED.
 */
MUST_CHECK int volume_check_clusters(struct volume *volume, const struct range_vector *clusters,
				     struct bs_error *err);

/* Returns the number of the file's record. */
uint64_t volume_record_number(const struct volume_file *file);

/*
 * Checks the indexes of a folder or of a metadata file: no block is damaged, and each block with
 * entries is marked as used.  So the library overwrites no block when it adds an entry.  Error:
 * BS_NTFS_DAMAGED.
 */
MUST_CHECK int volume_check_indexes(struct volume_file *file, struct bs_error *err);

DEFINE_VECTOR(volume_records, uint64_t); /* numbers of file records */

/* The clusters and the records of the files that a fix changes. */
struct volume_changed {
	struct range_vector clusters;
	struct volume_records records;
};

/*
 * Reads $MFT once from beginning to end and proves that no file uses clusters that the volume's
 * bitmap calls free: each cluster of each file is marked as used, no other file occupies a cluster
 * of a changed file, and no record that may list clusters is unreadable.  The caller sorts the
 * clusters of `changed`, which must not overlap; the function sorts the records.  Errors:
 * BS_NTFS_DAMAGED with the record and the cluster.
 */
MUST_CHECK int volume_prove_free(struct volume *volume, struct volume_changed *changed,
				 struct bs_error *err);

/*
 * Adds to *ranges the places of the first `length` bytes of a file's unnamed stream (fewer if the
 * stream is shorter), in bytes of the partition.  Adds nothing for a folder, for a hole, and for a
 * stream in the file's record.
 */
MUST_CHECK int volume_locate(struct volume_file *file, uint64_t length, struct range_vector *ranges,
			     struct bs_error *err);

/* The same for the file's record, which also has the content of a small file. */
MUST_CHECK int volume_locate_record(struct volume_file *file, struct range_vector *ranges,
				    struct bs_error *err);

/* ---- what an engine provides ----------------------------------------------------------------- */

/* The functions that write.  Each one is described above, as volume_NAME(). */
struct volume_writing {
	int (*set_attributes)(struct volume_file *file, uint32_t attributes, struct bs_error *err);
	int (*set_times)(struct volume_file *file, const struct volume_metadata *times,
			 struct bs_error *err);
	int (*set_security)(struct volume_file *file, const uint8_t *descriptor, size_t size,
			    struct bs_error *err);
	int (*set_extended_attributes)(struct volume_file *file, const uint8_t *attributes,
				       size_t size, struct bs_error *err);
	int (*write)(struct volume_file *file, const char *stream, uint64_t offset,
		     const void *buffer, size_t length, struct bs_error *err);
	int (*create)(struct volume *volume, const char *folder, const char *name, bool is_folder,
		      struct bs_error *err);
	int (*set_names)(struct volume *volume, const char *folder,
			 const struct volume_metadata *names, struct bs_error *err);
	int (*remove)(struct volume *volume, const char *path, uint32_t *removed,
		      struct bs_error *err);
};

/* The functions that ask for clusters and file records. */
struct volume_internals {
	int (*add_clusters)(struct volume_file *file, struct range_vector *clusters,
			    struct bs_error *err);
	int (*check_clusters)(struct volume *volume, const struct range_vector *clusters,
			      struct bs_error *err);
	uint64_t (*record_number)(const struct volume_file *file);
	int (*check_indexes)(struct volume_file *file, struct bs_error *err);
	int (*prove_free)(struct volume *volume, struct volume_changed *changed,
			  struct bs_error *err);
	int (*locate)(struct volume_file *file, uint64_t length, struct range_vector *ranges,
		      struct bs_error *err);
	int (*locate_record)(struct volume_file *file, struct range_vector *ranges,
			     struct bs_error *err);
};

/* The functions that read, and the other two tables.  `read` gets only lengths greater than 0. */
struct volume_operations {
	int (*close)(struct volume *volume, struct bs_error *err);
	int (*state)(struct volume *volume, struct volume_state *state, struct bs_error *err);
	int (*open_file)(struct volume *volume, const char *path, struct volume_file **file,
			 struct bs_error *err);
	int (*close_file)(struct volume_file *file, struct bs_error *err);
	int (*stat)(struct volume_file *file, struct volume_metadata *metadata,
		    struct bs_error *err);
	int (*security)(struct volume_file *file, uint8_t **descriptor, size_t *size,
			struct bs_error *err); /* NULL: the files have no descriptors */
	int (*extended_attributes)(struct volume_file *file, uint8_t **attributes, size_t *size,
				   struct bs_error *err);
	int (*streams)(struct volume_file *file, struct volume_stream **streams, size_t *count,
		       struct bs_error *err);
	int (*read)(struct volume_file *file, const char *stream, uint64_t offset, void *buffer,
		    size_t length, struct bs_error *err);
	int (*list)(struct volume_file *folder, struct volume_entry **entries, size_t *count,
		    struct bs_error *err);
	const struct volume_writing *writing;     /* NULL: the engine cannot write */
	const struct volume_internals *internals; /* NULL: the engine does not know them */
};

/* Every engine's own structs begin with these two. */
struct volume {
	const struct volume_operations *operations;
};
struct volume_file {
	const struct volume_operations *operations;
};

#endif
