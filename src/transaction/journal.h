/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's file format: a codec from buffers to buffers.  bootshift-journal(5) describes the
 * same format field by field, and changes with this file.
 *
 *	block 0        header
 *	blocks 1 to 3  state marks: APPLIED, UNDOING, DONE; all zero until marked
 *	block 4 on     records, each beginning on a block boundary
 *	last block     trailer
 *
 * What always holds:
 * - A CRC32C covers every byte, except in the blocks of marks: these hold eight copies, each with a
 *   CRC32C.  A decoder accepts only what an encoder wrote, and only parts of the same journal.
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
#define JOURNAL_SECTOR_SIZE  512u       /* what most storage writes at once */
#define JOURNAL_PIECE_SIZE   64u        /* bytes after under one checksum */
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

/* A range of the image, from 1 to JOURNAL_RANGE_MAX bytes. */
struct journal_range {
	enum journal_kind kind;
	uint64_t offset, length; /* bytes */
};

/* A decoded record.  The pointers point into the decoded buffer. */
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
	uint32_t records_checksum; /* CRC32C of the checksums of all records in order */
};

/* Writes one block and sets header->identity; the piece size tells the version. */
void journal_encode_header(struct journal_header *header, uint8_t block[JOURNAL_BLOCK_SIZE]);

/* Reads one block of version 1 or 2.  Error: BS_JOURNAL_DAMAGED, also for another version. */
MUST_CHECK int journal_decode_header(const uint8_t block[JOURNAL_BLOCK_SIZE],
				     struct journal_header *header, struct bs_error *err);

/*
 * A mark is written eight times, once in each sector of its block.  One intact copy sets the mark;
 * otherwise it is not set.  A crash may leave any of the sectors written.  Then either reading is
 * right, because a mark is written only after its meaning is durable, and nothing relies on a mark
 * before it is synced:
 * - APPLIED half written: the image is wholly new.  If the mark counts as not set, recovery makes
 *   the image wholly old, and no success had been reported.
 * - UNDOING half written: no byte has been restored.  If it counts as not set, the fix stands.
 * - DONE half written: the image is wholly old.  If it counts as not set, recovery restores the
 *   same bytes again.
 * The copies help against a bit that rots later: without APPLIED, recovery would take back a fix
 * that the user relies on.
 *
 * `image_modified` goes with APPLIED: the image's time of change, in nanoseconds since 1970.  An
 * image that still has this time was not written to since.  0: not known, and with other marks.
 */
void journal_encode_mark(enum journal_mark mark, uint32_t identity, uint64_t image_modified,
			 uint8_t block[JOURNAL_BLOCK_SIZE]);

/* Whether the mark is set; if so, *image_modified is set to the time that was written with it. */
bool journal_decode_mark(enum journal_mark mark, uint32_t identity,
			 const uint8_t block[JOURNAL_BLOCK_SIZE], uint64_t *image_modified);

/*
 * Returns the size of a record in the journal: a multiple of the block size, at most
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
 * Finds the size of the record that begins with this block, so that the rest can be read.  The size
 * is within bounds, but the record is not proved yet.  Error: BS_JOURNAL_DAMAGED.
 */
MUST_CHECK int journal_peek_record(const struct journal_header *header,
				   const uint8_t block[JOURNAL_BLOCK_SIZE], size_t *size,
				   struct bs_error *err);

/*
 * Decodes a whole record of the size that journal_peek_record() found.  Checks the checksum, the
 * identity and, for data, the hash of the bytes before.  Error: BS_JOURNAL_DAMAGED.
 */
MUST_CHECK int journal_decode_record(const struct journal_header *header, const uint8_t *buffer,
				     size_t size, struct journal_record *record,
				     struct bs_error *err);

/* Adds a record to the trailer.  `record_checksum` is what the encoding of the record returned. */
void journal_trailer_add(struct journal_trailer *trailer, const struct journal_range *range,
			 uint32_t record_checksum);
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

/* `offset` rounded up to a block. */
static inline uint64_t journal_block_end(uint64_t offset)
{
	return (offset + JOURNAL_BLOCK_SIZE - 1) / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
}

void journal_hash(const uint8_t *bytes, size_t length, uint8_t hash[JOURNAL_HASH_SIZE]);

#endif
