/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record of $MFT: a file, or a part of a file (an extension record).  A codec on buffers: no I/O,
 * nothing of libntfs-3g, all arithmetic checked.
 *
 * A record has a header, attributes one behind the other, and an end mark.  The value of an
 * attribute is in the record ("resident"), or in clusters that the attribute's run list names.  An
 * attribute with a long run list is continued in extension records; then an attribute list in the
 * base record names these.  (Layout: Linux, fs/ntfs3/ntfs.h; libntfs-3g, layout.h.)
 */
#ifndef BOOTSHIFT_MFT_RECORD_H
#define BOOTSHIFT_MFT_RECORD_H

#include "util/range.h"

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

/* Offsets in the value of a FILE_NAME attribute: the number of characters, and the characters. */
#define FILE_NAME_LENGTH 64u
#define FILE_NAME_TEXT   66u

/* A reference has a record's number in its low 48 bits, and how often the record was used above. */
#define MFT_NUMBER(reference) ((reference)&0xFFFFFFFFFFFFull)

/* Records of the volume's own files. */
enum mft_record_number {
	MFT_RECORD_BITMAP = 6,
	MFT_RECORD_BAD_CLUSTERS = 8,
	MFT_RECORD_FIRST_FREE = 24, /* all before this one are the volume's own */
};

/* These need only the start of a record, and no fix-ups. */
bool mft_record_is_file(const uint8_t *bytes);   /* it begins with FILE */
bool mft_record_is_torn(const uint8_t *bytes);   /* it begins with BAAD: found half written */
bool mft_record_is_in_use(const uint8_t *bytes); /* it has the flag of records in use */

struct mft_record {
	const uint8_t *bytes;
	size_t end;    /* of the used part */
	uint64_t base; /* reference of the base record; 0: this is a base record */
	uint64_t next; /* where mft_record_next() reads */
};

struct mft_attribute {
	uint32_t type;
	const uint8_t *bytes;
	uint32_t length;
	const uint8_t *name; /* UTF-16 */
	uint8_t name_length; /* characters */
	bool is_resident;
	bool is_thin; /* compressed or sparse: its allocated size says nothing of its clusters */
	/* If resident: */
	const uint8_t *value;
	uint32_t value_length;
	/* If not resident; the sizes are valid if first_cluster is 0: */
	uint64_t first_cluster, last_cluster; /* virtual; the last may be one less than the first */
	uint64_t allocated, size, initialized; /* bytes */
	const uint8_t *pairs;                  /* the run list, to the end of the attribute */
	size_t pairs_length;
};

/*
 * Removes the fix-ups of a record that begins with FILE, and checks its header and that all
 * attributes lie within it and begin with sizes that make sense.  Returns what is wrong, or NULL.
 */
const char *mft_record_open(struct mft_record *record, uint8_t *bytes, size_t size);

/* Reads the next attribute; false behind the last. */
bool mft_record_next(struct mft_record *record, struct mft_attribute *attribute);

/* Whether an attribute has this type and this name (ASCII; "": no name). */
bool mft_attribute_is(const struct mft_attribute *attribute, uint32_t type, const char *name);

/* A run list: a compressed list of the ranges of clusters that an attribute occupies. */
struct mft_runs {
	const uint8_t *next, *end;
	int64_t cluster; /* the first one of the run before */
};

enum mft_run_kind { MFT_RUN, MFT_RUN_HOLE, MFT_RUN_END, MFT_RUN_DAMAGED };

/* Begins at the first run of an attribute that is not resident. */
void mft_runs_open(struct mft_runs *runs, const struct mft_attribute *attribute);

/* Reads the next run, in clusters, never empty.  A hole has only a length. */
enum mft_run_kind mft_runs_next(struct mft_runs *runs, struct range *clusters);

/*
 * Reads an entry of an attribute list of `length` bytes: the record in which a part of an attribute
 * is.  Moves *offset on.  False at the end and at an entry that does not fit; for the latter
 * *offset is less than `length`.
 */
bool mft_list_next(const uint8_t *list, size_t length, size_t *offset, uint64_t *reference);

#endif
