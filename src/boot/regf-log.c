/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transaction logs of registry hives.
 *
 * Since Windows 8.1, Windows writes changes to the log first, and to the hive up to an hour later.
 * A log starts with one sector: a base block like the hive's, with file type 6.  The entries start
 * in the second sector.  Each has a sequence number, pages of the hive, and two Marvin32 hashes.
 * Windows does not clear logs, so most entries are old.  (github.com/msuhanov/regf, "Format of
 * transaction log files"; the hash: Microsoft, SymCrypt, marvin32.c.)
 */
#include "boot/regf.h"

#include "util/bytes.h"

#define SECTOR 512u /* on disks of any sector size */

enum {
	BASE_SEQUENCE = 4, /* number of the first entry that belongs to this base block */
	BASE_FILE_TYPE = 28,
	FILE_TYPE_LOG = 6, /* a log with entries; 1 and 2 are the older formats */

	ENTRY_SIZE = 4, /* bytes, a multiple of a sector */
	ENTRY_SEQUENCE = 12,
	ENTRY_BINS_SIZE = 16, /* size of the hive's data; a multiple of PAGE */
	ENTRY_HASH_1 = 24,    /* of the bytes behind the header */
	ENTRY_HASH_2 = 32,    /* of the header's bytes before this field */
	ENTRY_HEADER = 40,
	PAGE = 4096,
};

/* Marvin32: two words of state. */
struct marvin {
	uint32_t low, high;
};

static uint32_t marvin_rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

static void marvin_mix(struct marvin *state, uint32_t word)
{
	state->low += word;
	state->high ^= state->low;
	state->low = marvin_rotate(state->low, 20) + state->high;
	state->high = marvin_rotate(state->high, 9) ^ state->low;
	state->low = marvin_rotate(state->low, 27) + state->high;
	state->high = marvin_rotate(state->high, 19);
}

uint64_t regf_log_hash(const uint8_t *bytes, size_t length)
{
	/* The kernel's seed is 0x82EF4D887A4E55C5.  The specification lists the bytes of this
	 * number from the highest to the lowest. */
	struct marvin state = {.low = 0x7A4E55C5, .high = 0x82EF4D88};
	uint32_t last = 0x80; /* the end mark, which follows the last bytes */
	size_t whole = length / 4 * 4;

	for (size_t i = 0; i < whole; i += 4)
		marvin_mix(&state, load_le32(bytes + i));
	for (size_t i = length; i > whole; i--)
		last = last << 8 | bytes[i - 1];
	marvin_mix(&state, last);
	marvin_mix(&state, 0);
	return (uint64_t)state.high << 32 | state.low;
}

/* Returns the size of the entry at `offset` if it is valid and has this number, otherwise 0. */
static size_t log_entry_size(const uint8_t *log, size_t size, size_t offset, uint32_t sequence)
{
	const uint8_t *entry = log + offset;
	uint32_t length, bins;

	if (!range_within(offset, ENTRY_HEADER, size) || memcmp(entry, "HvLE", 4) != 0)
		return 0;
	length = load_le32(entry + ENTRY_SIZE);
	bins = load_le32(entry + ENTRY_BINS_SIZE);
	if (length < ENTRY_HEADER || length % SECTOR != 0 || !range_within(offset, length, size) ||
	    bins == 0 || bins % PAGE != 0 || load_le32(entry + ENTRY_SEQUENCE) != sequence)
		return 0;
	if (load_le64(entry + ENTRY_HASH_2) != regf_log_hash(entry, ENTRY_HASH_2) ||
	    load_le64(entry + ENTRY_HASH_1) !=
		    regf_log_hash(entry + ENTRY_HEADER, length - ENTRY_HEADER))
		return 0;
	return length;
}

bool regf_log_is_newer(const uint8_t *log, size_t size, uint32_t sequence)
{
	size_t offset = SECTOR, length;
	uint32_t next;

	if (size < SECTOR || !regf_is_base_block(log) ||
	    load_le32(log + BASE_FILE_TYPE) != FILE_TYPE_LOG)
		return false;
	next = load_le32(log + BASE_SEQUENCE);
	if (next != sequence && next != sequence + 1)
		return false;
	/* The numbers rise by 1 from entry to entry.  The loop ends at the latest with the log. */
	for (; (length = log_entry_size(log, size, offset, next)) != 0; offset += length)
		if (next++ != sequence)
			return true;
	return false;
}
