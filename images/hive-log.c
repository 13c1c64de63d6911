/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of a hive, in the format of Windows 8.1 and later: a base block of one sector, then
 * entries with a sequence number, two hashes, and pages of the hive as they came to be.
 *
 * Offsets, hashes and their seed are those of the "Windows registry file format specification"
 * (Maxim Suhanov); the hash itself is that of Microsoft's SymCrypt (marvin32.c).
 */
#include <stdlib.h>
#include <string.h>

#include "hive.h"

#define BASE_BLOCK_SIZE 0x1000u
#define PAGE_SIZE       0x1000u
#define FILE_TYPE       28u
#define SEQUENCE        4u  /* the first of two */
#define BINS_SIZE       40u /* bytes of the hive behind its base block */
#define CHECKSUM        508u
#define TYPE_LOG        6u
#define TIMESTAMP       20u /* of a bin: when it was last written */
#define TICKS           10000000u
#define HASH_SEED_LOW   0x7A4E55C5u /* the specification has it from the highest byte on */
#define HASH_SEED_HIGH  0x82EF4D88u
#define ENTRY_COUNT     2u

static uint32_t rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

/* The two halves of Marvin32's state. */
struct marvin {
	uint32_t low, high;
};

static void mix(struct marvin *state, uint32_t word)
{
	state->low += word;
	state->high ^= state->low;
	state->low = rotate(state->low, 20) + state->high;
	state->high = rotate(state->high, 9) ^ state->low;
	state->low = rotate(state->low, 27) + state->high;
	state->high = rotate(state->high, 19);
}

/* Of whole words, which is all that a log needs. */
static uint64_t marvin32(const uint8_t *data, size_t length)
{
	struct marvin state = {HASH_SEED_LOW, HASH_SEED_HIGH};

	for (size_t at = 0; at < length; at += 4)
		mix(&state, load_le32(data + at));
	mix(&state, 0x80); /* what marks the end */
	mix(&state, 0);
	return (uint64_t)state.high << 32 | state.low;
}

/* An entry with one page: the hive's first bin, said to be written some seconds later. */
static void append_entry(struct bytes *log, const struct bytes *hive, uint32_t sequence)
{
	size_t start = log->length, unpadded = 40 + 8 + PAGE_SIZE;
	size_t size = (unpadded + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE;
	uint8_t *entry, *time;

	append(log, "HvLE", 4);
	append_le32(log, (uint32_t)size);
	append_le32(log, 0); /* flags */
	append_le32(log, sequence);
	append(log, hive->data + BINS_SIZE, 4);
	append_le32(log, 1); /* pages */
	append_zeros(log, 16);
	append_le32(log, 0); /* where the page goes, counted from the first bin */
	append_le32(log, PAGE_SIZE);
	append(log, hive->data + BASE_BLOCK_SIZE, PAGE_SIZE);
	append_zeros(log, size - unpadded);
	entry = log->data + start;
	time = entry + 48 + TIMESTAMP;
	store_le32(time, load_le32(time) + sequence % 8 * TICKS);
	store_le64(entry + 24, marvin32(entry + 40, size - 40));
	store_le64(entry + 32, marvin32(entry, 32));
}

void hive_log_make(bool newer, struct bytes *hive)
{
	uint32_t sequence = load_le32(hive->data + SEQUENCE);
	uint32_t first = newer ? sequence : sequence - ENTRY_COUNT;
	struct bytes log = {0};

	append(&log, hive->data, SECTOR_SIZE);
	store_le32(log.data + FILE_TYPE, TYPE_LOG);
	store_le32(log.data + SEQUENCE, first);
	store_le32(log.data + SEQUENCE + 4, first);
	store_le32(log.data + CHECKSUM, base_block_checksum(log.data));
	for (uint32_t i = 0; i < ENTRY_COUNT; i++)
		append_entry(&log, hive, first + i);
	free(hive->data);
	*hive = log;
}
