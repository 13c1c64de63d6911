/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record of $MFT: a file, or a part of one (an extension record).  A codec on buffers, no I/O,
 * nothing of libntfs-3g, all arithmetic checked.
 *
 * A record has a header, then attributes one behind the other, then an end mark.  The value of an
 * attribute is in the record, or in clusters that its run list names.  An attribute whose run list
 * is long is continued in extension records; an attribute list in the base record then says where.
 * (Layout: Linux, fs/ntfs3/ntfs.h; libntfs-3g, layout.h.)
 */
#ifndef BOOTSHIFT_MFT_RECORD_H
#define BOOTSHIFT_MFT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mft_attribute_type {
	MFT_STANDARD_INFORMATION = 0x10,
	MFT_ATTRIBUTE_LIST = 0x20,
	MFT_FILE_NAME = 0x30,
	MFT_VOLUME_INFORMATION = 0x70,
	MFT_DATA = 0x80,
	MFT_INDEX_ROOT = 0x90,
	MFT_INDEX_ALLOCATION = 0xA0,
	MFT_BITMAP = 0xB0,
};

#define MFT_NUMBER(reference) ((reference)&0xFFFFFFFFFFFFull) /* the rest: how often used */

enum mft_record_number { /* those that always are the same file's */
			 MFT_RECORD_BITMAP = 6,
			 MFT_RECORD_BAD_CLUSTERS = 8,
			 MFT_RECORD_FIRST_FREE = 24, /* those before are the volume's own */
};

/* What can be told of a record without its fix-ups. */
bool mft_record_is_file(const uint8_t *bytes);   /* it begins with FILE */
bool mft_record_is_torn(const uint8_t *bytes);   /* with BAAD: somebody found it half written */
bool mft_record_is_in_use(const uint8_t *bytes); /* its flag */

struct mft_record {
	const uint8_t *bytes;
	size_t end;    /* where its used part ends */
	uint64_t base; /* reference of the base record; 0: it is one itself */
	uint64_t next; /* where the next attribute is read */
};

struct mft_attribute {
	uint32_t type;
	const uint8_t *bytes;
	uint32_t length;
	const uint8_t *name; /* UTF-16 */
	uint8_t name_length; /* characters */
	bool is_resident;
	bool is_thin; /* compressed or sparse: its allocated size is no number of clusters */
	/* resident */
	const uint8_t *value;
	uint32_t value_length;
	/* not resident; the sizes hold when first_cluster is 0 */
	uint64_t first_cluster, last_cluster; /* virtual; the last may be one less than the first */
	uint64_t allocated, size, initialized; /* bytes */
	const uint8_t *pairs;                  /* the run list, to the end of the attribute */
	size_t pairs_length;
};

/*
 * Takes out the fix-ups of a record that begins with FILE, and checks its header and that all
 * attributes lie within it and begin with sizes that make sense.  NULL, or what is wrong.
 */
const char *mft_record_open(struct mft_record *record, uint8_t *bytes, size_t size);

/* The next attribute; false after the last. */
bool mft_record_next(struct mft_record *record, struct mft_attribute *attribute);

/* True for an attribute of this type whose name is `name` (ASCII; "": unnamed). */
bool mft_attribute_is(const struct mft_attribute *attribute, uint32_t type, const char *name);

struct mft_runs {
	const uint8_t *next, *end;
	int64_t cluster; /* where the run before began */
};

enum mft_run_kind { MFT_RUN, MFT_RUN_HOLE, MFT_RUN_END, MFT_RUN_DAMAGED };

/* Begins at the first run of an attribute that is not resident. */
void mft_runs_open(struct mft_runs *runs, const struct mft_attribute *attribute);

/* Of a hole only *length is set.  Both in clusters, *length is not 0. */
enum mft_run_kind mft_runs_next(struct mft_runs *runs, uint64_t *first, uint64_t *length);

/*
 * An entry of an attribute list: where a part of an attribute is.  `list` has `length` bytes;
 * *offset is moved on.  False at the end and where an entry does not fit: then *offset is less than
 * `length`.
 */
bool mft_list_next(const uint8_t *list, size_t length, size_t *offset, uint64_t *reference);

#endif
