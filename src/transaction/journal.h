/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's file format: a pure codec, buffers in and buffers out.  bootshift-journal(5)
 * describes the same format field by field; the two are kept in step.
 *
 *	block 0        header
 *	blocks 1 to 3  state marks: APPLIED, UNDOING, DONE; all zero until marked
 *	block 4 on     records, each beginning on a block boundary
 *	last block     trailer
 *
 * What always holds:
 * - Every byte is under a CRC32C, except those of the marks: those repeat instead.  A decoder
 *   accepts nothing that an encoder did not write, and nothing that belongs to another journal.
 * - Records of the image come first, sorted by offset and not overlapping; guard records follow.
 * - All numbers are little-endian.
 */
#ifndef BOOTSHIFT_JOURNAL_H
#define BOOTSHIFT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define JOURNAL_VERSION      2u
#define JOURNAL_BLOCK_SIZE   4096u
#define JOURNAL_SECTOR_SIZE  512u       /* what storage writes in one go, as a rule */
#define JOURNAL_PIECE_SIZE   64u        /* what a checksum of the bytes after covers */
#define JOURNAL_RANGE_MAX    (1u << 20) /* bytes of the image in one record */
#define JOURNAL_FIRST_RECORD (4u * JOURNAL_BLOCK_SIZE)
#define JOURNAL_HASH_SIZE    32u                                            /* SHA-256 */
#define JOURNAL_RECORD_MAX   (JOURNAL_RANGE_MAX + 18u * JOURNAL_BLOCK_SIZE) /* encoded, bytes */

/* The value of a mark is also the number of its block. */
enum journal_mark {
	JOURNAL_APPLIED = 1, /* the image is wholly new, durable and verified */
	JOURNAL_UNDOING = 2, /* an undo or a roll-back has begun */
	JOURNAL_DONE = 3,    /* the image is wholly old, durable and verified */
};

enum journal_kind {
	JOURNAL_DATA = 1,   /* the bytes before are in the record */
	JOURNAL_HOLE = 2,   /* the range was a hole and read as zeros */
	JOURNAL_BEYOND = 3, /* the range lay past the old end */
	JOURNAL_GUARD = 4,  /* not changed by the undo; must be as the fix left it */
};

struct journal_header {
	uint64_t old_length, new_length; /* of the image, bytes; new >= old */
	uint64_t record_count;           /* guard records included */
	uint64_t journal_size;           /* bytes, multiple of the block size */
	uint32_t piece_size;             /* JOURNAL_PIECE_SIZE; in version 1 a whole sector */
	uint64_t device, inode;          /* of the image when fixed, for information */
	int64_t created;                 /* seconds since 1970-01-01 UTC, for information */
	char tool_version[32];           /* for information */
	char image_name[256];            /* without its folder, for information */
	uint8_t maker[BS_MAKER_SIZE];    /* as of bs_options, for information */
	uint32_t identity; /* set by the codec; ties marks and records to this header */
};

/* A range of the image, at most JOURNAL_RANGE_MAX bytes. */
struct journal_range {
	enum journal_kind kind;
	uint64_t offset, length; /* bytes */
};

/* A decoded record; the pointers lead into the decoded buffer. */
struct journal_record {
	struct journal_range range;
	uint64_t index;             /* position among the records, from 0 */
	uint32_t checksum;          /* of the whole record */
	const uint8_t *hash_before; /* of data records; zeros in others */
	const uint8_t *hash_after;
	uint32_t piece_size;
	const uint8_t *pieces; /* CRC32C of each piece after, little-endian */
	const uint8_t *before; /* range.length bytes; NULL unless a data record */
};

struct journal_trailer {
	uint64_t record_count;
	uint64_t data_bytes; /* sum of the lengths of the data records */
	uint64_t journal_size;
	uint32_t records_checksum; /* CRC32C over the checksums of all records in order */
};

/* Writes one block and sets header->identity; the piece size tells the version. */
void journal_encode_header(struct journal_header *header, uint8_t block[JOURNAL_BLOCK_SIZE]);

/* Reads one block of version 1 or 2.  Error: BS_JOURNAL_DAMAGED, also for another version. */
MUST_CHECK int journal_decode_header(const uint8_t block[JOURNAL_BLOCK_SIZE],
				     struct journal_header *header, struct bs_error *err);

/*
 * A mark is written eight times, once in each sector of its block, and one intact copy is enough;
 * a block without one counts as not marked.  A crash may leave any of the sectors written, and
 * either reading of such a block is right, because a mark says what was durable before it was
 * written and nothing relies on it before it was synced:
 * - APPLIED half written: the image is wholly new.  Not marked, recovery makes it wholly old.  No
 *   success had been reported.
 * - UNDOING half written: no byte has been restored.  Not marked, the fix still stands.
 * - DONE half written: the image is wholly old.  Not marked, recovery restores the same again.
 * Against a bit that rotted later the copies help: a lost APPLIED would let recovery take back a
 * fix that somebody relies on.
 *
 * With APPLIED goes the image's time of change, in nanoseconds since 1970: an image that still has
 * it was not written to since.  It is 0 where there is no such time, and with the other marks.
 */
void journal_encode_mark(enum journal_mark mark, uint32_t identity, uint64_t image_modified,
			 uint8_t block[JOURNAL_BLOCK_SIZE]);

/* Whether the mark is set; *image_modified is what was set with it, else it is left alone. */
bool journal_decode_mark(enum journal_mark mark, uint32_t identity,
			 const uint8_t block[JOURNAL_BLOCK_SIZE], uint64_t *image_modified);

/*
 * The size of a record in the journal, a multiple of the block size and at most
 * JOURNAL_RECORD_MAX.  range->length is from 1 to JOURNAL_RANGE_MAX.
 */
size_t journal_record_size(const struct journal_range *range, uint32_t piece_size);

/*
 * Writes journal_record_size() bytes to `buffer` and returns the record's checksum.  `before` is
 * used for data records only; `after` are the bytes that the fix leaves in the range.
 */
uint32_t journal_encode_record(const struct journal_header *header,
			       const struct journal_range *range, uint64_t index,
			       const uint8_t *before, const uint8_t *after, uint8_t *buffer);

/*
 * Finds the size of the record that begins with this block, so that the rest can be read.  What it
 * finds is within bounds, not yet proved.  Error: BS_JOURNAL_DAMAGED.
 */
MUST_CHECK int journal_peek_record(const struct journal_header *header,
				   const uint8_t block[JOURNAL_BLOCK_SIZE], size_t *size,
				   struct bs_error *err);

/*
 * Decodes a whole record of the size that journal_peek_record() gave.  Proves the checksum, the
 * identity and, for data, that the bytes before match their hash.  Error: BS_JOURNAL_DAMAGED.
 */
MUST_CHECK int journal_decode_record(const struct journal_header *header, const uint8_t *buffer,
				     size_t size, struct journal_record *record,
				     struct bs_error *err);

void journal_encode_trailer(const struct journal_trailer *trailer, uint32_t identity,
			    uint8_t block[JOURNAL_BLOCK_SIZE]);
MUST_CHECK int journal_decode_trailer(const uint8_t block[JOURNAL_BLOCK_SIZE], uint32_t identity,
				      struct journal_trailer *trailer, struct bs_error *err);

/*
 * A range is cut into pieces at the multiples of the piece size, counted from the start of the
 * image: the first and the last piece may be shorter.  Pieces are numbered from 0.
 */
size_t journal_piece_count(const struct journal_range *range, uint32_t piece_size);
struct journal_range journal_piece(const struct journal_range *range, uint32_t piece_size,
				   size_t number);

/* True when `bytes`, the whole piece, are what the fix leaves there. */
bool journal_piece_is_after(const struct journal_record *record, size_t number,
			    const uint8_t *bytes);

void journal_hash(const uint8_t *bytes, size_t length, uint8_t hash[JOURNAL_HASH_SIZE]);

#endif
