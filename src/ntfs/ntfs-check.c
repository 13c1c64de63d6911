/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs/ntfs-check.h"

#include <stdio.h>
#include <stdlib.h>

#include "ntfs/ntfs-block.h"
#include "util/bytes.h"

#define BITMAP_SIZE_MAX (1ull << 29) /* bytes: one bit for each of 2^32 clusters */
#define LIST_SIZE_MAX   (1ull << 18) /* bytes of an attribute list; Windows' limit */
#define INDEX_BLOCK_MAX (1u << 21)   /* bytes: the largest cluster */
#define SYSTEM_FILES    16u          /* records of the volume's own files */
#define NUMBERED_FROM   48u /* a record stores its number if its fix-ups lie here or later */
#define ROOT_HEADER     16u /* bytes of an index root before its index header */

/* ---- geometry ------------------------------------------------------------------------------ */

static bool geometry_is_power(uint64_t number)
{
	return number != 0 && (number & (number - 1)) == 0;
}

/* Converts a size in the boot record: a number of units or, if negative, -log2 of the bytes. */
static uint64_t geometry_size(uint8_t byte, uint64_t unit)
{
	if (byte < 0x80)
		return byte * unit;
	return byte > 0xE0 ? 1ull << (0x100 - byte) : 0;
}

bool ntfs_geometry_read(const uint8_t *sector, struct ntfs_geometry *geometry)
{
	uint64_t sector_size = load_le16(sector + 0x0B), sectors = load_le64(sector + 0x28);
	uint8_t per_cluster = sector[0x0D];
	uint64_t cluster_sectors = per_cluster <= 0x80   ? per_cluster
				   : per_cluster >= 0xF0 ? 1ull << (0x100 - per_cluster)
							 : 0;
	uint64_t record_size;

	*geometry = (struct ntfs_geometry){.cluster_size = cluster_sectors * sector_size};
	if (!geometry_is_power(sector_size) || !geometry_is_power(cluster_sectors))
		return false;
	record_size = geometry_size(sector[0x40], geometry->cluster_size);
	if (!geometry_is_power(record_size) || record_size < NTFS_STRIDE ||
	    record_size > NTFS_RECORD_SIZE_MAX)
		return false;
	geometry->record_size = (uint32_t)record_size;
	geometry->clusters = sectors / cluster_sectors;
	if (!mul_u64(load_le64(sector + 0x30), geometry->cluster_size, &geometry->mft))
		return false;
	return geometry->clusters != 0 &&
	       geometry->clusters <= INT64_MAX / geometry->cluster_size &&
	       geometry->mft / geometry->cluster_size < geometry->clusters;
}

/* ---- records ------------------------------------------------------------------------------- */

const char *ntfs_record_text(uint64_t number, char text[40])
{
	static const char *const names[] = {"$MFT",     "$MFTMirr",        "$LogFile", "$Volume",
					    "$AttrDef", "the root folder", "$Bitmap",  "$Boot",
					    "$BadClus", "$Secure",         "$UpCase",  "$Extend"};

	if (number < sizeof(names) / sizeof(names[0]))
		snprintf(text, 40, "%s", names[number]);
	else if (number == UINT64_MAX)
		snprintf(text, 40, "a file record");
	else
		snprintf(text, 40, "file record %llu", (unsigned long long)number);
	return text;
}

static const char *check_list(const struct mft_attribute *attribute)
{
	size_t offset = 0;
	uint64_t reference;

	while (mft_list_next(attribute->value, attribute->value_length, &offset, &reference))
		;
	return offset == attribute->value_length ? NULL : "its attribute list does not fit";
}

static const char *check_root(const struct mft_attribute *attribute)
{
	uint32_t block_size = load_le32(attribute->value + 8);
	struct ntfs_index_node node;

	if (!geometry_is_power(block_size) || block_size < NTFS_STRIDE ||
	    block_size > INDEX_BLOCK_MAX)
		return "its index has blocks of a size that makes no sense";
	if (ntfs_index_node_open(&node, attribute->value + ROOT_HEADER,
				 attribute->value_length - ROOT_HEADER))
		return "its index root does not fit";
	return NULL;
}

/* The minimum length of an attribute's value, in bytes. */
static const struct {
	uint32_t type, length;
	const char *wrong;
} shortest[] = {
	{MFT_STANDARD_INFORMATION, 48, "its times are cut off"},
	{MFT_FILE_NAME, FILE_NAME_TEXT, "one of its names is cut off"},
	{MFT_VOLUME_INFORMATION, 12, "its version is cut off"},
	{MFT_INDEX_ROOT, ROOT_HEADER, "its index root is cut off"},
};

static const char *check_value(const struct mft_attribute *attribute)
{
	const uint8_t *value = attribute->value;
	uint32_t length = attribute->value_length;

	for (size_t i = 0; i < sizeof(shortest) / sizeof(shortest[0]); i++)
		if (attribute->type == shortest[i].type && length < shortest[i].length)
			return shortest[i].wrong;
	switch (attribute->type) {
	case MFT_FILE_NAME:
		return FILE_NAME_TEXT + 2u * value[FILE_NAME_LENGTH] <= length
			       ? NULL
			       : "one of its names is cut off";
	case MFT_ATTRIBUTE_LIST:
		return check_list(attribute);
	case MFT_INDEX_ROOT:
		return check_root(attribute);
	default:
		return NULL;
	}
}

static const char *check_runs(const struct ntfs_geometry *geometry,
			      const struct mft_attribute *attribute)
{
	uint64_t clusters = 0;
	enum mft_run_kind kind;
	struct mft_runs runs;
	struct range run;

	mft_runs_open(&runs, attribute);
	while ((kind = mft_runs_next(&runs, &run)) != MFT_RUN_END) {
		if (kind == MFT_RUN_DAMAGED || !add_u64(clusters, run.length, &clusters) ||
		    (kind == MFT_RUN && !range_within(run.offset, run.length, geometry->clusters)))
			return "one of its run lists leads out of the volume";
	}
	/* last_cluster may be 0 if the attribute has only this run list. */
	if (attribute->last_cluster != 0 &&
	    clusters > attribute->last_cluster + 1 - attribute->first_cluster)
		return "one of its run lists is longer than the record says";
	return NULL;
}

/*
 * Only content can be sparse or compressed, except the content of the volume's own files.  Each
 * other attribute occupies as many bytes as its size says.  The stream of bad clusters is as long
 * as the volume, and nearly all of this stream is a hole, but it is not marked as sparse.
 */
static const char *check_sizes(const struct ntfs_geometry *geometry, uint64_t file,
			       const struct mft_attribute *attribute)
{
	uint64_t volume = geometry->clusters * geometry->cluster_size;
	bool thin = file == MFT_RECORD_BAD_CLUSTERS || (attribute->is_thin && file >= SYSTEM_FILES);

	if (attribute->initialized > attribute->size || attribute->size > attribute->allocated ||
	    attribute->allocated > INT64_MAX - geometry->cluster_size)
		return "its sizes contradict each other";
	if (!(thin && attribute->type == MFT_DATA) && attribute->allocated > volume)
		return "its size is larger than the volume";
	if (attribute->type == MFT_ATTRIBUTE_LIST && attribute->size > LIST_SIZE_MAX)
		return "its attribute list is too long";
	return NULL;
}

/* Checks that $Bitmap has a bit for each cluster. */
static const char *check_bitmap(const struct ntfs_geometry *geometry,
				const struct mft_attribute *attribute)
{
	uint64_t size = attribute->is_resident ? attribute->value_length : attribute->size;

	if (!attribute->is_resident && attribute->first_cluster != 0)
		return NULL;
	if (attribute->is_thin || size < geometry->clusters / 8 + (geometry->clusters % 8 != 0) ||
	    size > BITMAP_SIZE_MAX)
		return "its size does not fit the number of clusters";
	return NULL;
}

static const char *check_attribute(const struct ntfs_geometry *geometry, uint64_t file,
				   const struct mft_attribute *attribute)
{
	const char *wrong;

	if (attribute->is_resident)
		wrong = check_value(attribute);
	else
		wrong = check_runs(geometry, attribute);
	if (!wrong && !attribute->is_resident && attribute->first_cluster == 0)
		wrong = check_sizes(geometry, file, attribute);
	if (!wrong && file == MFT_RECORD_BITMAP && mft_attribute_is(attribute, MFT_DATA, ""))
		wrong = check_bitmap(geometry, attribute);
	return wrong;
}

/* Returns the number that a record stores since Windows XP, or UINT64_MAX if it stores none. */
static uint64_t check_stored_number(const uint8_t *bytes)
{
	return load_le16(bytes + 4) >= NUMBERED_FROM ? load_le32(bytes + 44) : UINT64_MAX;
}

int ntfs_check_record(const struct ntfs_geometry *geometry, uint8_t *bytes, uint64_t number,
		      struct mft_record *record, struct bs_error *err)
{
	struct mft_attribute attribute;
	struct mft_record walked;
	const char *wrong;
	char text[40];
	uint64_t file;

	if (number == UINT64_MAX)
		number = check_stored_number(bytes);
	wrong = mft_record_open(record, bytes, geometry->record_size);
	file = record->base != 0 ? MFT_NUMBER(record->base) : number;
	walked = *record;
	while (!wrong && mft_record_next(&walked, &attribute))
		wrong = check_attribute(geometry, file, &attribute);
	if (!wrong)
		return 0;
	return fail(err, BS_NTFS_DAMAGED, "%s is damaged: %s", ntfs_record_text(number, text),
		    wrong);
}

/* ---- reads --------------------------------------------------------------------------------- */

/* Returns the number of one of the first records of $MFT from its place, otherwise UINT64_MAX. */
static uint64_t check_place_number(const struct ntfs_geometry *geometry, uint64_t offset)
{
	uint64_t number;

	if (offset < geometry->mft || (offset - geometry->mft) % geometry->record_size != 0)
		return UINT64_MAX;
	number = (offset - geometry->mft) / geometry->record_size;
	return number < SYSTEM_FILES ? number : UINT64_MAX;
}

static int check_records(const struct ntfs_geometry *geometry, uint64_t offset, uint8_t *bytes,
			 size_t length, struct bs_error *err)
{
	struct mft_record record;

	for (size_t at = 0; length - at >= geometry->record_size; at += geometry->record_size)
		if (mft_record_is_file(bytes + at) && mft_record_is_in_use(bytes + at) &&
		    ntfs_check_record(geometry, bytes + at,
				      check_place_number(geometry, offset + at), &record, err) < 0)
			return -1;
	return 0;
}

/* Returns whether the bytes are the first part of a block.  The library may read a block in several
 * parts if the block is longer than a cluster.  Then the part is shorter than the block says. */
static bool check_is_part(const struct ntfs_geometry *geometry, const uint8_t *bytes, size_t length)
{
	uint64_t whole = (load_le16(bytes + 6) - 1ull) * NTFS_STRIDE;

	return length < whole && geometry->cluster_size < whole && whole <= INDEX_BLOCK_MAX;
}

static int check_index_block(const struct ntfs_geometry *geometry, uint8_t *bytes, size_t length,
			     struct bs_error *err)
{
	struct ntfs_index_node node;
	const char *wrong;

	if (check_is_part(geometry, bytes, length))
		return 0;
	wrong = ntfs_index_block_open(&node, bytes, length);
	if (wrong)
		return fail(err, BS_NTFS_DAMAGED, "a folder or another index is damaged: %s",
			    wrong);
	return 0;
}

int ntfs_check_read(const struct ntfs_geometry *geometry, uint64_t offset, const uint8_t *bytes,
		    size_t length, struct bs_error *err)
{
	bool is_index = length >= NTFS_STRIDE && memcmp(bytes, "INDX", 4) == 0;
	bool is_record = length >= geometry->record_size && mft_record_is_file(bytes);
	uint8_t *copy;
	int result;

	if (!is_index && !is_record)
		return 0;
	copy = malloc(length);
	if (!copy)
		return fail_memory(err);
	memcpy(copy, bytes, length);
	result = is_index ? check_index_block(geometry, copy, length, err)
			  : check_records(geometry, offset, copy, length, err);
	free(copy);
	return result;
}
