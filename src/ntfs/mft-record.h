/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record of $MFT: a file, or a part of a file (an extension record).  A codec on buffers, which
 * does no I/O, uses nothing of libntfs-3g, and checks all arithmetic.
 *
 * A record has a header, then its attributes one after another, then an end mark.  The value of an
 * attribute is in the record ("resident"), or in the clusters that the attribute's run list names.
 * An attribute with a long run list continues in extension records.  Then an attribute list in the
 * base record names the extension records.  (Layout: Linux, fs/ntfs3/ntfs.h; libntfs-3g, layout.h.)
 */
#ifndef BOOTSHIFT_MFT_RECORD_H
#define BOOTSHIFT_MFT_RECORD_H

#include "util/range.h"

enum mft_attribute_type {
	MFT_STANDARD_INFORMATION = 0x10,
	MFT_ATTRIBUTE_LIST = 0x20,
	MFT_FILE_NAME = 0x30,
	MFT_VOLUME_NAME = 0x60,
	MFT_VOLUME_INFORMATION = 0x70,
	MFT_DATA = 0x80,
	MFT_INDEX_ROOT = 0x90,
	MFT_INDEX_ALLOCATION = 0xA0,
	MFT_BITMAP = 0xB0,
};

/* Offsets in the value of a FILE_NAME attribute: the name's number of characters, and the name. */
#define FILE_NAME_LENGTH 64u
#define FILE_NAME_TEXT   66u

/* The low 48 bits of a reference are a record's number; the high 16 count the record's uses. */
#define MFT_NUMBER(reference) ((reference)&0xFFFFFFFFFFFFull)

/* Records of the volume's own files. */
enum mft_record_number {
	MFT_RECORD_VOLUME = 3,
	MFT_RECORD_BITMAP = 6,
	MFT_RECORD_BAD_CLUSTERS = 8,
	MFT_RECORD_FIRST_FREE = 24, /* all earlier records are the volume's own */
};

/* These functions need only the start of a record.  The fix-ups may still be in place. */
bool mft_record_is_file(const uint8_t *bytes);   /* it begins with FILE */
bool mft_record_is_torn(const uint8_t *bytes);   /* it begins with BAAD: half written */
bool mft_record_is_in_use(const uint8_t *bytes); /* its flag says that it is in use */
bool mft_record_is_folder(const uint8_t *bytes); /* its flag says that it is a folder */

struct mft_record {
	const uint8_t *bytes;
	size_t end;    /* where the used part ends */
	uint64_t base; /* reference of the base record; 0 if this is the base record */
	uint64_t next; /* where mft_record_next() reads */
};

struct mft_attribute {
	uint32_t type;
	const uint8_t *bytes;
	uint32_t length;
	const uint8_t *name; /* UTF-16 */
	uint8_t name_length; /* characters */
	bool is_resident;
	bool is_thin; /* compressed or sparse: may occupy fewer clusters than `allocated` */
	/* If resident: */
	const uint8_t *value;
	uint32_t value_length;
	/* If not resident; the sizes are valid if first_cluster is 0: */
	uint64_t first_cluster, last_cluster; /* virtual; the last may be one less than the first */
	uint64_t allocated, size, initialized; /* bytes */
	const uint8_t *pairs;                  /* the run list and the rest of the attribute */
	size_t pairs_length;
};

/*
 * Removes the fix-ups of a record that begins with FILE.  Checks the header, that all attributes
 * lie within the record, and that their sizes make sense.  Returns the defect, or NULL.
 */
const char *mft_record_open(struct mft_record *record, uint8_t *bytes, size_t size);

/* Reads the next attribute.  Returns false after the last attribute. */
bool mft_record_next(struct mft_record *record, struct mft_attribute *attribute);

/* Returns whether an attribute has this type and this name (ASCII; "" means no name). */
bool mft_attribute_is(const struct mft_attribute *attribute, uint32_t type, const char *name);

/* A run list: a compressed list of the ranges of clusters that an attribute occupies. */
struct mft_runs {
	const uint8_t *next, *end;
	int64_t cluster; /* the first cluster of the previous run */
};

enum mft_run_kind { MFT_RUN, MFT_RUN_HOLE, MFT_RUN_END, MFT_RUN_DAMAGED };

/* Starts at the first run of an attribute that is not resident. */
void mft_runs_open(struct mft_runs *runs, const struct mft_attribute *attribute);

/* Reads the next run, which has at least one cluster.  For a hole, sets only the length. */
enum mft_run_kind mft_runs_next(struct mft_runs *runs, struct range *clusters);

/*
 * Reads an entry of an attribute list of `length` bytes and moves *offset behind the entry.  Sets
 * *reference to the record that holds the entry's attribute.  Returns false at the end, and at an
 * entry that does not fit; in the latter case *offset is less than `length`.
 */
bool mft_list_next(const uint8_t *list, size_t length, size_t *offset, uint64_t *reference);

#endif
