/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the first inputs of each target: seeds FOLDER IMAGE LOGGED [CONTAINER...]
 *
 * IMAGE is the sample image (sample.recipe), and LOGGED the same with a log of its BCD.  A container
 * has its format as the extension of its name.  Each seed becomes a file FOLDER/TARGET/NAME.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/bcd.h"
#include "boot/vbr.h"
#include "disk/file.h"
#include "fuzz/fuzz.h"
#include "fuzz/patches.h"
#include "ntfs/ntfs-engine.h"
#include "report/plan-file.h"
#include "rows/row.h"
#include "survey/survey.h"
#include "transaction/journal.h"
#include "util/bytes.h"
#include "windows/plan.h"

static const char *folder;
static struct bs_error err;

static FILE *seed_open(const char *target, const char *name)
{
	char path[512];
	FILE *stream;

	FUZZ_CHECK(fuzz_find(target) != NULL);
	snprintf(path, sizeof(path), "%s/%s", folder, target);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
	stream = fopen(path, "w");
	FUZZ_CHECK(stream != NULL);
	return stream;
}

static void seed_close(FILE *stream)
{
	FUZZ_CHECK(fclose(stream) == 0);
}

static void seed_write(const char *target, const char *name, const void *bytes, size_t size)
{
	FILE *stream = seed_open(target, name);

	fwrite(bytes, 1, size, stream);
	seed_close(stream);
}

static void seed_write_patches(const char *target, const char *name, const uint8_t *bytes,
			       size_t size)
{
	FILE *stream = seed_open(target, name);

	patches_write(stream, bytes, size);
	seed_close(stream);
}

static struct disk *seed_open_file(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	struct disk *disk;

	FUZZ_CHECK(descriptor >= 0);
	disk = file_open(descriptor, &err);
	FUZZ_CHECK(disk != NULL);
	return disk;
}

/* ---- the disk ------------------------------------------------------------------------------ */

/* Returns the content of a file of the first partition. */
static uint8_t *seed_read(struct disk *disk, const char *path, size_t *size)
{
	struct volume_engine engine = volume_ntfs_engine(disk);
	uint8_t sector[SECTOR_SIZE], *bytes;
	struct volume_metadata metadata;
	struct volume_file *file;
	struct volume *volume;
	struct mbr table;

	FUZZ_CHECK(disk_read(disk, 0, sector, sizeof(sector), &err) == 0 &&
		   mbr_parse(sector, &table));
	FUZZ_CHECK(volume_open(&engine, (uint64_t)table.entries[0].first_lba * SECTOR_SIZE,
			       (uint64_t)table.entries[0].sectors * SECTOR_SIZE, VOLUME_READ,
			       &volume, &err) == 0);
	FUZZ_CHECK(volume_open_file(volume, path, &file, &err) == 0 && file &&
		   volume_stat(file, &metadata, &err) == 0);
	*size = metadata.size;
	bytes = malloc(*size + 4);
	FUZZ_CHECK(bytes && volume_read(file, "", 0, bytes + 4, *size, &err) == 0);
	FUZZ_CHECK(volume_close_file(file, &err) == 0 && volume_close(volume, &err) == 0);
	return bytes;
}

static void seed_store(struct disk *disk)
{
	struct bcd bcd;
	uint8_t *store;
	size_t size;

	store = seed_read(disk, "\\Boot\\BCD", &size);
	seed_write("bcd", "sample", store + 4, size);
	FUZZ_CHECK(bcd_parse(store + 4, size, &bcd, &err) == 0);
	for (size_t i = 0; i < bcd.count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%zu", i);
		seed_write("element", name, bcd.bytes + bcd.elements[i].offset,
			   bcd.elements[i].size);
	}
	bcd_free(&bcd);
	free(store);
}

static void seed_log(const char *path)
{
	struct disk *disk = seed_open_file(path);
	uint8_t *store, *log;
	struct bcd bcd;
	size_t size, length;

	store = seed_read(disk, "\\Boot\\BCD", &size);
	log = seed_read(disk, "\\Boot\\BCD.LOG1", &length);
	FUZZ_CHECK(bcd_parse(store + 4, size, &bcd, &err) == 0);
	store_le32(log, bcd.sequence);
	seed_write("log", "sample", log, min_u64(length, 4096) + 4);
	bcd_free(&bcd);
	free(store);
	free(log);
	disk_close(disk);
}

static void seed_records(struct disk *disk)
{
	uint8_t sector[SECTOR_SIZE], record[VBR_SIZE];
	struct mbr table;

	FUZZ_CHECK(disk_read(disk, 0, sector, sizeof(sector), &err) == 0 &&
		   mbr_parse(sector, &table));
	seed_write("mbr", "sample", sector, sizeof(sector));
	FUZZ_CHECK(disk_read(disk, (uint64_t)table.entries[0].first_lba * SECTOR_SIZE, record,
			     sizeof(record), &err) == 0);
	seed_write("vbr", "one", record, 4096);
	memcpy(record + 4096, record, 4096);
	memset(record + SECTOR_SIZE, 0, 4096 - SECTOR_SIZE);
	seed_write("vbr", "two", record, sizeof(record));
}

static void seed_plan(struct disk *disk)
{
	static const struct plan_origin origin = {"disk.raw", "/images/disk.raw", "0.1.0",
						  "2026-01-01T00:00:00Z"};
	struct volume_engine engine = volume_ntfs_engine(disk);
	const struct bs_options options = {0};
	struct survey *survey = calloc(1, sizeof(*survey));
	struct bs_plan *plan;
	json_t *document;
	char *text;

	FUZZ_CHECK(survey && survey_take(&engine, &options, survey, &err) == 0 &&
		   survey->report.verdict == BS_VERDICT_FIXABLE &&
		   plan_make(&survey->facts, &plan, &err) == 0);
	document = plan_document(plan, &origin);
	text = json_dumps(document, JSON_COMPACT);
	seed_write("plan", "sample", text, strlen(text));
	free(text);
	json_decref(document);
	bs_plan_free(plan);
	survey_free(survey);
	free(survey);
}

/* ---- what our own writers make ------------------------------------------------------------- */

static void seed_journal(uint32_t piece_size, const char *name)
{
	static const struct journal_range ranges[] = {
		{JOURNAL_DATA, 446, 100},
		{JOURNAL_HOLE, 4096, 512},
		{JOURNAL_BEYOND, 65536, 1000},
		{JOURNAL_GUARD, 0, 512},
	};
	static uint8_t bytes[16 * JOURNAL_BLOCK_SIZE], content[4096];
	struct journal_trailer trailer = {0};
	struct journal_header header = {.old_length = 65536,
					.new_length = 131072,
					.record_count = 4,
					.piece_size = piece_size,
					.tool_version = "0.1.0",
					.image_name = "disk.raw"};
	size_t at = JOURNAL_FIRST_RECORD;

	memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < 4; i++)
		at += journal_record_size(&ranges[i], piece_size);
	header.journal_size = at + JOURNAL_BLOCK_SIZE;
	journal_encode_header(&header, bytes);
	journal_encode_mark(JOURNAL_APPLIED, header.identity, 1, bytes + JOURNAL_BLOCK_SIZE);
	memset(bytes + JOURNAL_BLOCK_SIZE + 512, 0, JOURNAL_BLOCK_SIZE - 512);
	at = JOURNAL_FIRST_RECORD;
	for (size_t i = 0; i < 4; i++) {
		uint32_t sum =
			journal_encode_record(&header, &ranges[i], i, content, content, bytes + at);

		journal_trailer_add(&trailer, &ranges[i], sum);
		at += journal_record_size(&ranges[i], piece_size);
	}
	trailer.journal_size = header.journal_size;
	journal_encode_trailer(&trailer, header.identity, bytes + at);
	seed_write_patches("journal", name, bytes, header.journal_size);
}

static void seed_rows(void)
{
	static struct bs_inspection inspection = {.format = "raw", .partition_count = 1};
	struct bs_result results[] = {
		{.status = BS_STATUS_FIXED,
		 .undo_file = (char *)"/folder/undo",
		 .container_bytes = 381952,
		 .inspection = &inspection},
		{.status = BS_STATUS_REFUSED, .error = {BS_HIBERNATED, "is hibernated"}},
	};
	const struct row_subject subject = {.command = "batch",
					    .path = "folder/disk \xff",
					    .location = "/folder/disk \xff%",
					    .begun = 1795355524979656436};

	for (size_t i = 0; i < 2; i++) {
		char name[8] = {(char)('0' + i)};
		struct row row;
		char *line;

		FUZZ_CHECK(row_make(&subject, &results[i], &row, &err) == 0);
		line = row_line(&row);
		seed_write("row", name, line, strlen(line));
		free(line);
		row_free(&row);
	}
}

static void seed_boot_ini(void)
{
	static const char menu[] =
		"[boot loader]\r\ntimeout=30\r\n"
		"default=multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS\r\n[operating systems]\r\n"
		"multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS=\"Windows XP\" /fastdetect\r\n"
		"C:\\BOOTSECT.DOS=\"DOS\"\r\nscsi(0)disk(1)rdisk(0)partition(2)\\WINNT=\"NT\"\r\n";

	seed_write("boot-ini", "sample", menu, sizeof(menu) - 1);
}

/* The server's side of a dialogue (the NBD project, doc/proto.md): an old-style handshake, which needs
 * no options, then simple replies. */
static void seed_nbd(void)
{
	uint8_t bytes[2048] = {3};
	size_t at = 1;

	memcpy(bytes + at, "NBDMAGIC", 8);
	store_be64(bytes + at + 8, 0x00420281861253ULL);
	store_be64(bytes + at + 16, 65536);
	store_be32(bytes + at + 24, 0x5); /* has flags, can flush */
	at += 152;
	for (uint64_t cookie = 1; cookie <= 3; cookie++) {
		store_be32(bytes + at, 0x67446698);
		store_be64(bytes + at + 8, cookie);
		at += 16 + (cookie == 1 ? 1024 : 0);
	}
	seed_write("nbd", "old-style", bytes, at);
	/* A new-style handshake: the answer to the first option (7, GO) is an error. */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 1;
	memcpy(bytes + 1, "NBDMAGICIHAVEOPT", 16);
	store_be16(bytes + 17, 3);
	at = 19;
	store_be64(bytes + at, 0x3e889045565a9ULL);
	store_be32(bytes + at + 8, 7);
	store_be32(bytes + at + 12, 0x80000001);
	at += 20;
	store_be64(bytes + at, 65536);
	store_be16(bytes + at + 8, 0x5);
	seed_write("nbd", "new-style", bytes, at + 10);
}

static void seed_container(const char *path)
{
	struct disk *disk = seed_open_file(path);
	const char *name = strrchr(path, '/') + 1;
	uint8_t *bytes = malloc(disk_size(disk));

	FUZZ_CHECK(bytes && disk_read(disk, 0, bytes, disk_size(disk), &err) == 0);
	seed_write_patches(strrchr(name, '.') + 1, name, bytes, disk_size(disk));
	free(bytes);
	disk_close(disk);
}

/* A patch of each of some sectors, so that inputs of the right form are there from the start. */
static void seed_image(void)
{
	for (uint32_t i = 0; i < 32; i++) {
		uint8_t patch[] = {0, 0, 16, 0, 1, 0xFF};
		char name[8];

		store_le16(patch, (uint16_t)(i * 37));
		snprintf(name, sizeof(name), "%u", (unsigned)i);
		seed_write("image", name, patch, sizeof(patch));
	}
}

int main(int count, char **arguments)
{
	struct disk *disk;

	if (count < 4) {
		fputs("usage: seeds FOLDER IMAGE LOGGED [CONTAINER...]\n", stderr);
		return EXIT_FAILURE;
	}
	folder = arguments[1];
	disk = seed_open_file(arguments[2]);
	seed_records(disk);
	seed_store(disk);
	seed_plan(disk);
	disk_close(disk);
	seed_log(arguments[3]);
	seed_journal(JOURNAL_PIECE_SIZE, "version-2");
	seed_journal(JOURNAL_SECTOR_SIZE, "version-1");
	seed_rows();
	seed_boot_ini();
	fuzz_make_messages(seed_write);
	fuzz_make_channel_inputs(seed_write);
	seed_nbd();
	seed_image();
	for (int i = 4; i < count; i++)
		seed_container(arguments[i]);
	return EXIT_SUCCESS;
}
