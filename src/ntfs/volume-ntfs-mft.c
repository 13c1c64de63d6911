/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume over libntfs-3g: one walk through all records of $MFT, which proves that what the
 * volume calls free belongs to nobody.
 *
 * The records are read in large pieces, each once and in their order, and taken apart by our own
 * codec.  In memory are: one piece; the parts of $Bitmap that runs lead to, up to 64 MiB, which is
 * all of it for 2 TiB of the usual clusters; and two bits for each record.
 */
#include "ntfs/volume-ntfs.h"

#include "util/bytes.h"
#include "util/utf16.h"

#define PIECE       (1u << 20) /* bytes of $MFT read at a time */
#define PART        65536u     /* bytes of $Bitmap read at a time */
#define PARTS       1024u      /* of them in memory */
#define LIST_MAX    (1u << 18) /* bytes of an attribute list; ntfs_check_record() has seen to that */
#define NAME_OFFSET 66u        /* in a FILE_NAME attribute */

struct part {
	uint64_t number;
	uint8_t *bytes; /* NULL: none yet */
};

struct walk {
	struct volume *volume;
	const struct volume_changed *changed;
	uint64_t record_count;
	uint32_t highest_security_id;
	/* A bit for each record: one to which an attribute list leads, and an extension record. */
	uint8_t *listed, *extensions;
	struct part parts[PARTS];
};

/* A record that is looked at. */
struct subject {
	uint64_t number;
	uint64_t file; /* the record of the file that it belongs to */
	struct mft_record record;
};

static int read_attribute(struct volume *volume, ntfs_attr *attribute, uint64_t offset, void *bytes,
			  size_t length, const char *what, struct bs_error *err)
{
	s64 done;

	volume->device.reads_content = true;
	done = ntfs_attr_pread(attribute, (s64)offset, (s64)length, bytes);
	volume->device.reads_content = false;
	return done == (s64)length ? 0 : ntfs_fail(volume, err, what);
}

/* ---- what the volume says of its clusters -------------------------------------------------- */

/* Returns part `number` of $Bitmap.  Behind the bitmap's end all bits are 0, which means free. */
static const uint8_t *bitmap_part(struct walk *walk, uint64_t number, struct bs_error *err)
{
	struct part *part = &walk->parts[number % PARTS];
	ntfs_attr *bitmap = walk->volume->ntfs->lcnbmp_na;
	uint64_t offset = number * PART, size = (uint64_t)bitmap->data_size;
	size_t length = offset < size ? min_u64(PART, size - offset) : 0;

	if (part->bytes != NULL && part->number == number)
		return part->bytes;
	if (part->bytes == NULL)
		part->bytes = malloc(PART);
	if (part->bytes == NULL) {
		fail_memory(err);
		return NULL;
	}
	part->number = UINT64_MAX;
	memset(part->bytes + length, 0, PART - length);
	if (length != 0 && read_attribute(walk->volume, bitmap, offset, part->bytes, length,
					  "reading the cluster bitmap", err) < 0)
		return NULL;
	part->number = number;
	return part->bytes;
}

/* Returns the first bit from `bit` on that is not set, or `end_bit` if all are set. */
static uint64_t first_clear(const uint8_t *bits, uint64_t bit, uint64_t end_bit)
{
	while (bit < end_bit) {
		if (bit % 64 == 0 && end_bit - bit >= 64 && load_le64(bits + bit / 8) == UINT64_MAX)
			bit += 64;
		else if ((bits[bit / 8] >> bit % 8 & 1) != 0)
			bit++;
		else
			break;
	}
	return bit;
}

/* ---- a record ------------------------------------------------------------------------------ */

/* "ntoskrnl.exe (file record 64)": with the name, if the record has it. */
static void name_subject(const struct subject *subject, char text[160])
{
	struct mft_record record = subject->record;
	struct mft_attribute attribute;
	char number[40], name[100] = "";

	while (name[0] == '\0' && mft_record_next(&record, &attribute))
		if (attribute.type == MFT_FILE_NAME && attribute.is_resident)
			utf16_to_utf8(attribute.value + NAME_OFFSET, 2u * attribute.value[64], name,
				      sizeof(name));
	snprintf(number, sizeof(number), "file record %llu", (unsigned long long)subject->number);
	if (name[0] != '\0')
		snprintf(text, 160, "%s (%s)", name, number);
	else
		snprintf(text, 160, "%s", number);
}

static int blame(const struct subject *subject, uint64_t cluster, const char *what,
		 struct bs_error *err)
{
	char text[160];

	name_subject(subject, text);
	return fail(err, BS_NTFS_DAMAGED, "%s has cluster %llu, %s", text,
		    (unsigned long long)cluster, what);
}

static int check_marked(struct walk *walk, const struct subject *subject, uint64_t first,
			uint64_t length, struct bs_error *err)
{
	const uint64_t bits = PART * 8ull;

	while (length != 0) {
		uint64_t start = first % bits, part = min_u64(length, bits - start), found;
		const uint8_t *bytes = bitmap_part(walk, first / bits, err);

		if (bytes == NULL)
			return -1;
		found = first_clear(bytes, start, start + part);
		if (found != start + part)
			return blame(subject, first - start + found,
				     "which the volume's bitmap calls free", err);
		first += part;
		length -= part;
	}
	return 0;
}

static int by_number(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static bool is_changed(const struct walk *walk, uint64_t file)
{
	const struct volume_records *records = &walk->changed->records;

	return records->count > 0 &&
	       bsearch(&file, records->items, records->count, sizeof(file), by_number) != NULL;
}

/* A file that stays as it is may have no cluster of a file that is changed. */
static int check_alone(const struct walk *walk, const struct subject *subject, uint64_t first,
		       uint64_t length, struct bs_error *err)
{
	const struct range *taken = range_vector_find(&walk->changed->clusters, first);

	if (!taken || taken->offset >= first + length)
		return 0;
	return blame(subject, max_u64(taken->offset, first),
		     "which also belongs to a file that a fix replaces or changes", err);
}

static int check_runs(struct walk *walk, const struct subject *subject,
		      const struct mft_attribute *attribute, bool changed, struct bs_error *err)
{
	uint64_t first, length;
	enum mft_run_kind kind;
	struct mft_runs runs;

	mft_runs_open(&runs, attribute);
	while ((kind = mft_runs_next(&runs, &first, &length)) != MFT_RUN_END) {
		if (kind == MFT_RUN_HOLE)
			continue;
		if (check_marked(walk, subject, first, length, err) < 0 ||
		    (!changed && check_alone(walk, subject, first, length, err) < 0))
			return -1;
	}
	return 0;
}

/* ---- attribute lists ----------------------------------------------------------------------- */

static int note_list(struct walk *walk, const struct subject *subject, const uint8_t *list,
		     size_t length, struct bs_error *err)
{
	size_t offset = 0;
	uint64_t reference;
	char text[160];

	while (mft_list_next(list, length, &offset, &reference)) {
		uint64_t number = MFT_NUMBER(reference);

		if (number >= walk->record_count)
			break;
		if (number != subject->number)
			walk->listed[number / 8] |= (uint8_t)(1u << number % 8);
	}
	if (offset == length)
		return 0;
	name_subject(subject, text);
	return fail(err, BS_NTFS_DAMAGED, "%s has an attribute list that makes no sense", text);
}

/* Reads a list that is not in the record itself; those are few, of files in very many pieces. */
static int read_list(struct walk *walk, const struct subject *subject,
		     const struct mft_attribute *attribute, struct bs_error *err)
{
	const struct ntfs_geometry *geometry = &walk->volume->device.geometry;
	size_t size = min_u64(attribute->size, LIST_MAX), done = 0;
	uint8_t *list = calloc(1, size + 1);
	uint64_t first, length;
	struct mft_runs runs;
	int result = 0;

	if (list == NULL)
		return fail_memory(err);
	mft_runs_open(&runs, attribute);
	while (result == 0 && done < size && mft_runs_next(&runs, &first, &length) == MFT_RUN) {
		size_t part = min_u64(size - done, length * geometry->cluster_size);

		result = disk_read(walk->volume->device.disk, first * geometry->cluster_size,
				   list + done, part, err);
		done += part;
	}
	if (result == 0)
		result = note_list(walk, subject, list, size, err);
	free(list);
	return result;
}

/* Each record to which an attribute list leads must be there: its clusters are the file's. */
static int check_listed(const struct walk *walk, struct bs_error *err)
{
	for (uint64_t i = 0; i < walk->record_count / 8 + 1; i++) {
		unsigned lost = walk->listed[i] & ~walk->extensions[i];

		if (lost != 0)
			return fail(err, BS_NTFS_DAMAGED,
				    "file record %llu is not in use, but a file has a part of "
				    "itself there",
				    (unsigned long long)i * 8 + (unsigned)ffs((int)lost) - 1);
	}
	return 0;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static int check_subject(struct walk *walk, const struct subject *subject, struct bs_error *err)
{
	bool changed = is_changed(walk, subject->file);
	struct mft_record record = subject->record;
	struct mft_attribute attribute;
	int result = 0;

	while (result == 0 && mft_record_next(&record, &attribute)) {
		if (!attribute.is_resident)
			result = check_runs(walk, subject, &attribute, changed, err);
		if (result == 0 && attribute.type == MFT_ATTRIBUTE_LIST)
			result = attribute.is_resident ? note_list(walk, subject, attribute.value,
								   attribute.value_length, err)
						       : read_list(walk, subject, &attribute, err);
		if (attribute.type == MFT_STANDARD_INFORMATION && attribute.is_resident &&
		    attribute.value_length >= 56 &&
		    load_le32(attribute.value + 52) > walk->highest_security_id)
			walk->highest_security_id = load_le32(attribute.value + 52);
	}
	return result;
}

/* `marked`: $MFT's own bitmap calls the record used. */
static int check_one(struct walk *walk, uint64_t number, uint8_t *bytes, bool marked,
		     struct bs_error *err)
{
	bool is_file = mft_record_is_file(bytes);
	struct subject subject = {.number = number};

	if (!mft_record_is_in_use(bytes) || (!is_file && !mft_record_is_torn(bytes))) {
		if (!is_file && marked && number >= MFT_RECORD_FIRST_FREE)
			return fail(err, BS_NTFS_DAMAGED,
				    "file record %llu is marked as used and cannot be read",
				    (unsigned long long)number);
		return 0;
	}
	if (!is_file)
		return fail(err, BS_NTFS_DAMAGED,
			    "file record %llu is damaged: only a part of it was written",
			    (unsigned long long)number);
	if (ntfs_check_record(&walk->volume->device.geometry, bytes, number, &subject.record, err) <
	    0)
		return -1;
	subject.file = subject.record.base != 0 ? MFT_NUMBER(subject.record.base) : number;
	if (subject.record.base != 0)
		walk->extensions[number / 8] |= (uint8_t)(1u << number % 8);
	return check_subject(walk, &subject, err);
}

/* One piece of $MFT from record `number` on, a multiple of 8. */
static int check_piece(struct walk *walk, uint64_t number, uint64_t count, uint8_t *bytes,
		       struct bs_error *err)
{
	ntfs_volume *ntfs = walk->volume->ntfs;
	uint64_t size = (uint64_t)ntfs->mftbmp_na->data_size, start = number / 8;
	uint8_t marked[PIECE / NTFS_BLOCK_SIZE / 8 + 1] = {0};
	size_t length = start < size ? min_u64(count / 8 + 1, size - start) : 0;

	if (read_attribute(walk->volume, ntfs->mft_na, number * ntfs->mft_record_size, bytes,
			   count * ntfs->mft_record_size, "reading $MFT", err) < 0 ||
	    (length != 0 && read_attribute(walk->volume, ntfs->mftbmp_na, start, marked, length,
					   "reading the bitmap of $MFT", err) < 0))
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (check_one(walk, number + i, bytes + i * ntfs->mft_record_size,
			      (marked[i / 8] >> i % 8 & 1) != 0, err) < 0)
			return -1;
	return 0;
}

static int check_all(struct walk *walk, struct bs_error *err)
{
	uint64_t in_piece = PIECE / walk->volume->ntfs->mft_record_size;
	uint8_t *bytes = malloc(PIECE);
	int result = 0;

	if (bytes == NULL)
		return fail_memory(err);
	for (uint64_t number = 0; number < walk->record_count && result == 0; number += in_piece)
		result = check_piece(walk, number, min_u64(in_piece, walk->record_count - number),
				     bytes, err);
	free(bytes);
	return result;
}

/* A new descriptor gets the next number behind $Secure's last: no file may have that already. */
static int check_security_ids(const struct walk *walk, struct bs_error *err)
{
	if (!walk->volume->security_checked ||
	    walk->highest_security_id <= walk->volume->last_security_id)
		return 0;
	return fail(err, BS_NTFS_DAMAGED,
		    "a file has security descriptor %u, which $Secure does not know",
		    walk->highest_security_id);
}

int volume_prove_free(struct volume *volume, struct volume_changed *changed, struct bs_error *err)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	int result = -1;

	if (walk == NULL)
		return fail_memory(err);
	if (ntfs_check_security(volume, err) < 0)
		goto out;
	walk->volume = volume;
	walk->changed = changed;
	if (changed->records.count > 0)
		qsort(changed->records.items, changed->records.count, sizeof(uint64_t), by_number);
	/* Not more than the volume has room for: the size was checked when it was opened. */
	walk->record_count =
		(uint64_t)volume->ntfs->mft_na->data_size / volume->ntfs->mft_record_size;
	walk->listed = calloc(walk->record_count / 8 + 1, 1);
	walk->extensions = calloc(walk->record_count / 8 + 1, 1);
	if (walk->listed == NULL || walk->extensions == NULL) {
		fail_memory(err);
		goto out;
	}
	result = check_all(walk, err);
	if (result == 0)
		result = check_listed(walk, err);
	if (result == 0)
		result = check_security_ids(walk, err);
out:
	for (size_t i = 0; i < PARTS; i++)
		free(walk->parts[i].bytes);
	free(walk->listed);
	free(walk->extensions);
	free(walk);
	return result;
}
