/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume, implemented with libntfs-3g: the proof that no file uses clusters that the volume's
 * bitmap calls free.
 *
 * The proof reads all records of $MFT once, in order and in large pieces, and parses them with our
 * own codec.  The memory holds: one piece; the parts of $Bitmap that were needed, up to 64 MiB,
 * which is all of $Bitmap for 2 TiB with the usual cluster size; and two bits for each record.
 */
#include "ntfs/volume-ntfs.h"

#include "util/bytes.h"
#include "util/utf16.h"

#define PIECE    (1u << 20) /* bytes of $MFT read at a time */
#define PART     65536u     /* bytes of $Bitmap read at a time */
#define PARTS    1024u      /* maximum of parts in memory */
#define LIST_MAX (1u << 18) /* bytes of an attribute list; the limit of ntfs_check_record() */

#define STANDARD_SECURITY_ID 52u /* offset in STANDARD_INFORMATION (libntfs-3g, layout.h) */

struct bitmap_part {
	uint64_t number;
	uint8_t *bytes; /* NULL if this part was never used */
};

/* $Bitmap has a bit for each cluster.  The bit is set if the cluster is in use. */
struct bitmap {
	struct volume_ntfs *volume;
	struct bitmap_part parts[PARTS];
};

struct proof {
	struct volume_ntfs *volume;
	const struct volume_changed *changed;
	uint64_t record_count;
	uint32_t highest_security_id;
	/* A bit for each record.  In `listed`: an attribute list leads to the record.  In
	 * `extensions`: the record is an extension record. */
	uint8_t *listed, *extensions;
	struct bitmap bitmap;
};

/* The record that is being checked. */
struct subject {
	uint64_t number;
	uint64_t file; /* number of the file's base record */
	struct mft_record record;
};

static int proof_read(struct volume_ntfs *volume, ntfs_attr *attribute, uint64_t offset,
		      void *bytes, size_t length, const char *what, struct bs_error *err)
{
	return ntfs_read_unchecked(volume, attribute, offset, bytes, length) == (s64)length
		       ? 0
		       : ntfs_fail(volume, err, what);
}

/* ---- the bitmap of clusters ----------------------------------------------------------------- */

/* Returns part `number` of $Bitmap, or NULL on error.  Behind the bitmap's end all bits are 0. */
static const uint8_t *bitmap_part(struct bitmap *bitmap, uint64_t number, struct bs_error *err)
{
	struct bitmap_part *part = &bitmap->parts[number % PARTS];
	ntfs_attr *attribute = bitmap->volume->ntfs->lcnbmp_na;
	uint64_t offset = number * PART, size = (uint64_t)attribute->data_size;
	size_t length = offset < size ? min_u64(PART, size - offset) : 0;

	if (part->bytes && part->number == number)
		return part->bytes;
	if (!part->bytes)
		part->bytes = malloc(PART);
	if (!part->bytes) {
		fail_memory(err);
		return NULL;
	}
	part->number = UINT64_MAX;
	memset(part->bytes + length, 0, PART - length);
	if (length > 0 && proof_read(bitmap->volume, attribute, offset, part->bytes, length,
				     "reading the cluster bitmap", err) < 0)
		return NULL;
	part->number = number;
	return part->bytes;
}

/* Returns the first bit from `bit` on that is 0, or `end_bit` if there is none. */
static uint64_t bitmap_first_clear(const uint8_t *bits, uint64_t bit, uint64_t end_bit)
{
	while (bit < end_bit) {
		if (bit % 64 == 0 && end_bit - bit >= 64 && load_le64(bits + bit / 8) == UINT64_MAX)
			bit += 64;
		else if (bit_is_set(bits, bit))
			bit++;
		else
			break;
	}
	return bit;
}

/* Sets *free_cluster to the first free cluster of the range, or to range_end() if there is none. */
static int bitmap_find_free(struct bitmap *bitmap, struct range clusters, uint64_t *free_cluster,
			    struct bs_error *err)
{
	const uint64_t bits = PART * 8ull, end = range_end(clusters);
	uint64_t at = clusters.offset;

	while (at < end) { /* each turn goes to the next part or leaves the loop */
		uint64_t base = at / bits * bits, part_end = min_u64(end, base + bits);
		const uint8_t *bytes = bitmap_part(bitmap, at / bits, err);

		if (!bytes)
			return -1;
		at = base + bitmap_first_clear(bytes, at - base, part_end - base);
		if (at < part_end)
			break;
	}
	*free_cluster = at;
	return 0;
}

static void bitmap_free(struct bitmap *bitmap)
{
	for (size_t i = 0; i < PARTS; i++)
		free(bitmap->parts[i].bytes);
}

int volume_ntfs_check_clusters(struct volume *base, const struct range_vector *clusters,
			       struct bs_error *err)
{
	struct volume_ntfs *volume = volume_ntfs(base);
	struct bitmap *bitmap = calloc(1, sizeof(*bitmap));
	uint64_t found;
	int result = 0;

	if (!bitmap)
		return fail_memory(err);
	bitmap->volume = volume;
	for (size_t i = 0; i < clusters->count && result == 0; i++) {
		result = bitmap_find_free(bitmap, clusters->items[i], &found, err);
		if (result == 0 && found != range_end(clusters->items[i]))
			result = fail(err, BS_NTFS_DAMAGED, "a file's cluster is marked as free");
	}
	bitmap_free(bitmap);
	free(bitmap);
	return result;
}

/* ---- a record ------------------------------------------------------------------------------- */

/* Writes "ntoskrnl.exe (file record 64)", or only "file record 64" if the record has no name. */
static void subject_text(const struct subject *subject, char text[160])
{
	struct mft_record record = subject->record;
	struct mft_attribute attribute;
	char name[100] = "";

	while (name[0] == '\0' && mft_record_next(&record, &attribute))
		if (attribute.type == MFT_FILE_NAME && attribute.is_resident)
			utf16_to_utf8(attribute.value + FILE_NAME_TEXT,
				      2u * attribute.value[FILE_NAME_LENGTH], name, sizeof(name));
	snprintf(text, 160, name[0] != '\0' ? "%s (file record %llu)" : "%sfile record %llu", name,
		 (unsigned long long)subject->number);
}

static int subject_fail(const struct subject *subject, uint64_t cluster, const char *what,
			struct bs_error *err)
{
	char text[160];

	subject_text(subject, text);
	return fail(err, BS_NTFS_DAMAGED, "%s has cluster %llu, %s", text,
		    (unsigned long long)cluster, what);
}

static int proof_compare_numbers(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static bool proof_is_changed(const struct proof *proof, uint64_t file)
{
	const struct volume_records *records = &proof->changed->records;

	return records->count > 0 && bsearch(&file, records->items, records->count, sizeof(file),
					     proof_compare_numbers) != NULL;
}

static int proof_check_clusters(struct proof *proof, const struct subject *subject,
				struct range clusters, bool changed, struct bs_error *err)
{
	const struct range *taken = range_vector_find(&proof->changed->clusters, clusters.offset);
	uint64_t found;

	if (bitmap_find_free(&proof->bitmap, clusters, &found, err) < 0)
		return -1;
	if (found != range_end(clusters))
		return subject_fail(subject, found, "which the volume's bitmap calls free", err);
	if (changed || !taken || taken->offset >= range_end(clusters))
		return 0;
	return subject_fail(subject, max_u64(taken->offset, clusters.offset),
			    "which also belongs to a file that a fix replaces or changes", err);
}

static int proof_check_runs(struct proof *proof, const struct subject *subject,
			    const struct mft_attribute *attribute, bool changed,
			    struct bs_error *err)
{
	struct range clusters;
	enum mft_run_kind kind;
	struct mft_runs runs;

	mft_runs_open(&runs, attribute);
	while ((kind = mft_runs_next(&runs, &clusters)) != MFT_RUN_END)
		if (kind != MFT_RUN_HOLE &&
		    proof_check_clusters(proof, subject, clusters, changed, err) < 0)
			return -1;
	return 0;
}

/* ---- attribute lists ------------------------------------------------------------------------ */

/* Sets the `listed` bit of each record to which an attribute list leads, except the subject's. */
static int proof_note_list(struct proof *proof, const struct subject *subject, const uint8_t *list,
			   size_t length, struct bs_error *err)
{
	size_t offset = 0;
	uint64_t reference;
	char text[160];

	while (mft_list_next(list, length, &offset, &reference)) {
		uint64_t number = MFT_NUMBER(reference);

		if (number >= proof->record_count)
			break;
		if (number != subject->number)
			bit_set(proof->listed, number);
	}
	if (offset == length)
		return 0;
	subject_text(subject, text);
	return fail(err, BS_NTFS_DAMAGED, "%s has an attribute list that makes no sense", text);
}

/* Reads a list that is not resident.  Only files in very many pieces have such a list. */
static int proof_read_list(struct proof *proof, const struct subject *subject,
			   const struct mft_attribute *attribute, struct bs_error *err)
{
	const struct ntfs_geometry *geometry = &proof->volume->device.geometry;
	size_t size = min_u64(attribute->size, LIST_MAX), done = 0;
	uint8_t *list = calloc(1, size + 1);
	struct mft_runs runs;
	struct range run;
	int result = 0;

	if (!list)
		return fail_memory(err);
	mft_runs_open(&runs, attribute);
	while (result == 0 && done < size && mft_runs_next(&runs, &run) == MFT_RUN) {
		size_t part = min_u64(size - done, run.length * geometry->cluster_size);

		result = disk_read(proof->volume->device.disk, run.offset * geometry->cluster_size,
				   list + done, part, err);
		done += part;
	}
	if (result == 0)
		result = proof_note_list(proof, subject, list, size, err);
	free(list);
	return result;
}

/* Checks that each listed record is an extension record in use: its clusters belong to a file. */
static int proof_check_listed(const struct proof *proof, struct bs_error *err)
{
	for (uint64_t i = 0; i < proof->record_count; i++)
		if (bit_is_set(proof->listed, i) && !bit_is_set(proof->extensions, i))
			return fail(err, BS_NTFS_DAMAGED,
				    "file record %llu is not in use, but a file has a part of "
				    "itself there",
				    (unsigned long long)i);
	return 0;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static int proof_check_subject(struct proof *proof, const struct subject *subject,
			       struct bs_error *err)
{
	bool changed = proof_is_changed(proof, subject->file);
	struct mft_record record = subject->record;
	struct mft_attribute attribute;
	int result = 0;

	while (result == 0 && mft_record_next(&record, &attribute)) {
		if (!attribute.is_resident)
			result = proof_check_runs(proof, subject, &attribute, changed, err);
		if (result == 0 && attribute.type == MFT_ATTRIBUTE_LIST)
			result = attribute.is_resident
					 ? proof_note_list(proof, subject, attribute.value,
							   attribute.value_length, err)
					 : proof_read_list(proof, subject, &attribute, err);
		if (attribute.type == MFT_STANDARD_INFORMATION && attribute.is_resident &&
		    attribute.value_length >= STANDARD_SECURITY_ID + 4)
			proof->highest_security_id =
				max_u64(proof->highest_security_id,
					load_le32(attribute.value + STANDARD_SECURITY_ID));
	}
	return result;
}

/* Checks one record.  `marked` says whether $MFT's own bitmap marks the record as used. */
static int proof_check_record(struct proof *proof, uint64_t number, uint8_t *bytes, bool marked,
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
	if (ntfs_check_record(&proof->volume->device.geometry, bytes, number, &subject.record,
			      err) < 0)
		return -1;
	subject.file = subject.record.base != 0 ? MFT_NUMBER(subject.record.base) : number;
	if (subject.record.base != 0)
		bit_set(proof->extensions, number);
	return proof_check_subject(proof, &subject, err);
}

/* Checks `count` records from record `number` on.  `number` is a multiple of 8. */
static int proof_check_piece(struct proof *proof, uint64_t number, uint64_t count, uint8_t *bytes,
			     struct bs_error *err)
{
	ntfs_volume *ntfs = proof->volume->ntfs;
	uint64_t size = (uint64_t)ntfs->mftbmp_na->data_size, start = number / 8;
	uint8_t marked[PIECE / NTFS_BLOCK_SIZE / 8 + 1] = {0};
	size_t length = start < size ? min_u64(count / 8 + 1, size - start) : 0;

	if (proof_read(proof->volume, ntfs->mft_na, number * ntfs->mft_record_size, bytes,
		       count * ntfs->mft_record_size, "reading $MFT", err) < 0 ||
	    (length > 0 && proof_read(proof->volume, ntfs->mftbmp_na, start, marked, length,
				      "reading the bitmap of $MFT", err) < 0))
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (proof_check_record(proof, number + i, bytes + i * ntfs->mft_record_size,
				       bit_is_set(marked, i), err) < 0)
			return -1;
	return 0;
}

static int proof_check_records(struct proof *proof, struct bs_error *err)
{
	uint64_t in_piece = PIECE / proof->volume->ntfs->mft_record_size;
	uint8_t *bytes = malloc(PIECE);
	int result = 0;

	if (!bytes)
		return fail_memory(err);
	for (uint64_t number = 0; number < proof->record_count && result == 0; number += in_piece)
		result = proof_check_piece(
			proof, number, min_u64(in_piece, proof->record_count - number), bytes, err);
	free(bytes);
	return result;
}

/* A new descriptor gets the number after $Secure's last.  No file may use this number already. */
static int proof_check_security_ids(const struct proof *proof, struct bs_error *err)
{
	if (!proof->volume->security_checked ||
	    proof->highest_security_id <= proof->volume->last_security_id)
		return 0;
	return fail(err, BS_NTFS_DAMAGED,
		    "a file has security descriptor %u, which $Secure does not know",
		    proof->highest_security_id);
}

int volume_ntfs_prove_free(struct volume *base, struct volume_changed *changed,
			   struct bs_error *err)
{
	struct volume_ntfs *volume = volume_ntfs(base);
	struct proof *proof = calloc(1, sizeof(*proof));
	/* volume_open() has checked that $MFT's size is possible, so the count is not too large. */
	uint64_t count = (uint64_t)volume->ntfs->mft_na->data_size / volume->ntfs->mft_record_size;
	int result = -1;

	if (!proof)
		return fail_memory(err);
	proof->volume = proof->bitmap.volume = volume;
	proof->changed = changed;
	proof->record_count = count;
	proof->listed = calloc(count / 8 + 1, 1);
	proof->extensions = calloc(count / 8 + 1, 1);
	if (changed->records.count > 0)
		qsort(changed->records.items, changed->records.count, sizeof(uint64_t),
		      proof_compare_numbers);
	if (!proof->listed || !proof->extensions)
		fail_memory(err);
	else if (ntfs_check_security(volume, err) == 0 && proof_check_records(proof, err) == 0 &&
		 proof_check_listed(proof, err) == 0)
		result = proof_check_security_ids(proof, err);
	bitmap_free(&proof->bitmap);
	free(proof->listed);
	free(proof->extensions);
	free(proof);
	return result;
}
