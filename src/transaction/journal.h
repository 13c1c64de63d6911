/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encodes and decodes the journal's file format in memory.  bootshift-journal(5) describes the same
 * format field by field.  Whoever changes one of the two changes the other one.
 *
 *	block 0        header
 *	blocks 1 to 3  state marks: APPLIED, UNDOING, DONE; all zero until marked
 *	block 4 on     records, each beginning on a block boundary
 *	last block     trailer
 *
 * What always holds:
 * - A CRC32C covers every byte of a header, record or trailer.  A block of a mark holds eight
 *   copies of the mark, each with a CRC32C.  A decoder accepts only bytes that an encoder wrote,
 *   and only parts of the same journal.
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
#define JOURNAL_VERSION_SET  3u /* of an image in several files that can grow */
#define JOURNAL_BLOCK_SIZE   4096u
#define JOURNAL_SECTOR_SIZE  512u       /* the unit in which most storage writes */
#define JOURNAL_PIECE_SIZE   64u        /* bytes after the fix with one checksum */
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
	JOURNAL_DATA = 1, /* the record has the bytes before the fix */
	JOURNAL_HOLE = 2, /* the range was a hole and read as zeros */
	/* The range lay past the old end of its file.  In a journal of version 3, such records have
	 * all bytes between the old and the new end of each file that grew. */
	JOURNAL_BEYOND = 3,
	JOURNAL_GUARD = 4, /* the undo does not write it; it must be as the fix left it */
};

struct journal_header {
	uint64_t old_length, new_length; /* of the image, bytes; new >= old */
	/*
	 * Of an image in several files that can grow: the bytes for which they have room together.
	 * The offsets of the records count all of this room, so a record may lie beyond the new
	 * length.  Such a journal is of version 3.  Otherwise it is the new length.
	 */
	uint64_t room;
	uint64_t record_count;        /* guard records included */
	uint64_t journal_size;        /* bytes, multiple of the block size */
	uint32_t piece_size;          /* JOURNAL_PIECE_SIZE; in version 1 a whole sector */
	uint64_t device, inode;       /* the image's, when it was fixed; see state.h */
	int64_t created;              /* seconds since 1970-01-01 UTC, for information */
	char tool_version[32];        /* for information */
	char image_name[256];         /* without its folder, for information */
	uint8_t maker[BS_MAKER_SIZE]; /* from bs_options, for information */
	uint32_t identity;            /* set by the codec; ties marks and records to this header */
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
	const uint8_t *hash_before; /* SHA-256 of `before`; zeros unless a data record */
	const uint8_t *hash_after;
	uint32_t piece_size;
	const uint8_t *pieces; /* CRC32C of each piece after the fix, little-endian */
	const uint8_t *before; /* range.length bytes before the fix; NULL unless a data record */
};

struct journal_trailer {
	uint64_t record_count;
	uint64_t data_bytes; /* sum of the lengths of the data records */
	uint64_t journal_size;
	uint32_t records_checksum; /* CRC32C of the checksums of all records in order */
};

/* Writes one block and sets header->identity.  The piece size and the room determine the version. */
void journal_encode_header(struct journal_header *header, uint8_t block[JOURNAL_BLOCK_SIZE]);

/* Whether the image was in several files that can grow. */
static inline bool journal_has_room(const struct journal_header *header)
{
	return header->room > header->new_length;
}

/* Reads one block of version 1, 2 or 3.  Error: BS_JOURNAL_DAMAGED, also for another version. */
MUST_CHECK int journal_decode_header(const uint8_t block[JOURNAL_BLOCK_SIZE],
				     struct journal_header *header, struct bs_error *err);

/*
 * Each of the eight sectors of a block holds a copy of the mark.  The mark is set if at least one
 * copy is intact.  A crash may leave any of the sectors written.  The decoder may then read the
 * mark as set or as not set.  Both are safe, because a mark is written only after its meaning is
 * durable, and nothing relies on a mark before it is synced:
 * - APPLIED half written: the image is wholly new.  If the mark counts as not set, recovery makes
 *   the image wholly old, and no success had been reported.
 * - UNDOING half written: no byte has been restored.  If it counts as not set, the fix stands.
 * - DONE half written: the image is wholly old.  If it counts as not set, recovery restores the
 *   same bytes again.
 * The copies protect the mark from later damage on the storage: without APPLIED, recovery would
 * take back a fix that the user relies on.
 *
 * `image_modified` belongs to APPLIED: the image's time of change, in nanoseconds since 1970.  An
 * image that still has this time was not written to since.  0: unknown time, or another mark.
 */
void journal_encode_mark(enum journal_mark mark, uint32_t identity, uint64_t image_modified,
			 uint8_t block[JOURNAL_BLOCK_SIZE]);

/* Returns whether the mark is set.  If so, sets *image_modified to the time in the mark. */
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
 * Finds the size of the record that begins with this block, so that the caller can read the rest.
 * The size is within bounds, but the function does not verify the record.  Error:
 * BS_JOURNAL_DAMAGED.
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

/* Returns true if `bytes`, a whole piece, are the bytes that the fix leaves in this piece. */
bool journal_piece_is_after(const struct journal_record *record, size_t number,
			    const uint8_t *bytes);

/* Returns `offset`, rounded up to a multiple of the block size. */
static inline uint64_t journal_block_end(uint64_t offset)
{
	return (offset + JOURNAL_BLOCK_SIZE - 1) / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
}

void journal_hash(const uint8_t *bytes, size_t length, uint8_t hash[JOURNAL_HASH_SIZE]);

#endif
