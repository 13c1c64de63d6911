/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of a hive: the hash gives known results; and the check finds the logs that are newer than
 * the hive, among old logs, damaged logs and logs of other formats.
 */
#include "boot/regf.h"
#include "support/store.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define SECTOR     512u
#define ENTRY      4608u /* a page and the header, in whole sectors */
#define SEQUENCE   1797u /* both sequence numbers of the hive */
#define NEWER      1798u
#define ENTRIES    3u
#define LOG_LENGTH (SECTOR + ENTRIES * ENTRY)

static uint8_t bytes[LOG_LENGTH];

static void seal(uint8_t *entry, uint32_t size)
{
	store_le64(entry + 24, regf_log_hash(entry + 40, size - 40));
	store_le64(entry + 32, regf_log_hash(entry, 32));
}

/* Makes a log of the newer format whose entries begin with number `first`. */
static void make(uint32_t first)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "regf", 4);
	store_le32(bytes + 4, first);
	store_le32(bytes + 8, first);
	store_le32(bytes + 28, 6); /* the file's type */
	store_fix_checksum(bytes);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		uint8_t *entry = bytes + SECTOR + i * ENTRY;

		memcpy(entry, "HvLE", 4);
		store_le32(entry + 4, ENTRY);
		store_le32(entry + 12, first + i);
		store_le32(entry + 16, 24576); /* size of the hive's bins */
		store_le32(entry + 20, 1);     /* pages */
		store_le32(entry + 44, 4096);  /* size of the first page */
		memset(entry + 48, 0xA5, 4096);
		seal(entry, ENTRY);
	}
}

/* The content after that many entries is left from an older log. */
static void end_after(uint32_t entries)
{
	for (uint32_t i = entries; i < ENTRIES; i++) {
		uint8_t *entry = bytes + SECTOR + i * ENTRY;

		store_le32(entry + 12, 7 + i);
		seal(entry, ENTRY);
	}
}

static bool newer(void)
{
	return regf_log_is_newer(bytes, sizeof(bytes), SEQUENCE);
}

/* ---- the hash ------------------------------------------------------------------------------ */

/* Results of other implementations for this seed; the two halves of the hash are combined. */
static const struct {
	const char *text;
	uint32_t folded;
} answers[] = {
	{"", 0xB00892AC},    {"h", 0xF41A608E},    {"he", 0x11107C6B},
	{"hel", 0x24056A46}, {"hell", 0x7F91E021}, {"hello, world!", 0x00C18515},
};

TEST_CASE(regf_log, "log");

TEST_EACH(regf_log, the_hash_gives_the_known_answers, answers)
{
	const char *text = answers[_i].text;
	uint64_t hash = regf_log_hash((const uint8_t *)text, strlen(text));

	ck_assert_uint_eq((uint32_t)hash ^ (uint32_t)(hash >> 32), answers[_i].folded);
}

/* ---- which logs are newer ------------------------------------------------------------------ */

static const struct {
	uint32_t first, entries;
	bool newer;
} chains[] = {
	{SEQUENCE, ENTRIES, true}, /* perhaps the hive has the first entry; not the others */
	{SEQUENCE, 2, true},
	{SEQUENCE, 1, false},
	{NEWER, 1, true},
	{NEWER, ENTRIES, true},
	{SEQUENCE - 1, ENTRIES, false}, /* Windows compares only the number of the first entry */
	{SEQUENCE - ENTRIES, ENTRIES, false},
	{NEWER + 1, ENTRIES, false}, /* a gap in the numbers: the log of another hive */
	{1, ENTRIES, false},
	{NEWER, 0, false},
};

TEST_EACH(regf_log, entries_right_behind_the_hive_are_newer_and_no_others, chains)
{
	make(chains[_i].first);
	end_after(chains[_i].entries);
	ck_assert_int_eq(newer(), chains[_i].newer);
}

TEST(regf_log, numbers_go_on_after_the_largest)
{
	make(UINT32_MAX);
	ck_assert(regf_log_is_newer(bytes, sizeof(bytes), UINT32_MAX));
	ck_assert(regf_log_is_newer(bytes, sizeof(bytes), UINT32_MAX - 1));
	make(0);
	ck_assert(regf_log_is_newer(bytes, sizeof(bytes), UINT32_MAX));
}

/* Each element changes one number of a log whose first entry alone is newer than the hive. */
static const struct {
	uint32_t at, value;
	bool sealed; /* with corrected hashes */
} changes[] = {
	{0, 0, false},                    /* no base block */
	{12, 1, false},                   /* the base block's checksum */
	{SECTOR, 0, true},                /* the signature */
	{SECTOR + 4, 0, false},           /* the size: none, */
	{SECTOR + 4, 39, false},          /* less than the header, */
	{SECTOR + 4, ENTRY + 8, false},   /* no whole sectors, */
	{SECTOR + 4, LOG_LENGTH, false},  /* beyond the log, */
	{SECTOR + 4, 0xFFFFFE00, false},  /* far beyond it */
	{SECTOR + 12, NEWER + 1, true},   /* the number */
	{SECTOR + 12, NEWER + 1, false},  /* and the second hash */
	{SECTOR + 16, 24577, true},       /* bins of no whole pages */
	{SECTOR + 16, 0, true},           /* and of none */
	{SECTOR + ENTRY - 4, 1, false},   /* the content, and the first hash */
	{SECTOR + 24, 0x12345678, false}, /* the first hash */
	{SECTOR + 32, 0x12345678, false}, /* the second */
};

TEST_EACH(regf_log, an_entry_that_is_not_whole_counts_for_nothing, changes)
{
	make(NEWER);
	end_after(1);
	ck_assert(newer());
	store_le32(bytes + changes[_i].at, changes[_i].value);
	if (changes[_i].sealed)
		seal(bytes + SECTOR, ENTRY);
	ck_assert(!newer());
}

TEST_LOOP(regf_log, a_log_of_the_older_format_is_never_newer, 0, 3)
{
	static const uint32_t types[] = {0, 1, 2};

	make(NEWER);
	store_le32(bytes + 28, types[_i]);
	store_fix_checksum(bytes);
	ck_assert(!newer());
}

TEST(regf_log, a_log_of_any_length_is_read_to_its_end_and_not_behind_it)
{
	make(NEWER);
	end_after(1);
	for (size_t length = 0; length < sizeof(bytes); length += 8) {
		uint8_t *exact = malloc(length + (length == 0)); /* the sanitizer sees more */

		memcpy(exact, bytes, length);
		ck_assert_int_eq(regf_log_is_newer(exact, length, SEQUENCE),
				 length >= SECTOR + ENTRY);
		free(exact);
	}
}

TEST(regf_log, a_log_of_zeros_is_empty)
{
	memset(bytes, 0, sizeof(bytes));
	ck_assert(!newer());
	ck_assert(!regf_log_is_newer(bytes, 0, SEQUENCE));
}
