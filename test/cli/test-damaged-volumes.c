/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Volumes whose metadata is wrong although they are not marked as dirty.  A fix would write over
 * files in clusters that the volume calls free, or the NTFS library would compute for minutes or
 * crash.  These volumes are refused as damaged, and stay unchanged.
 */
#include <stdlib.h>

#include "cli/samples.h"
#include "ntfs/ntfs-check.h"
#include "support/containers.h"
#include "support/report.h"
#include "util/bytes.h"

#define PRECIOUS_SIZE (8u << 20) /* more than a fix copies */
#define ADVICE        "run chkdsk X: /f on the volume in Windows"

static const struct container_kind raw = {"raw", "raw", "", false, NULL};
static const struct container_kind qcow2 = {"qcow2", "qcow2", "", true, NULL};
static const struct container_kind *const kinds[] = {&raw, &qcow2};

/* The recipe has a file of 8 MiB on the boot volume. */
static const char *make_raw(void)
{
	char *recipe;
	const char *image;

	ck_assert_int_gt(asprintf(&recipe, "%son windows\nfile \\precious size=%u\n", SAMPLE_SMALL,
				  PRECIOUS_SIZE),
			 0);
	image = image_copy(image_recipe("precious", recipe));
	free(recipe);
	return image;
}

/* The offset of a file's content in the image.  The content is in one piece. */
static uint64_t locate(const char *image, const char *path, uint64_t *length)
{
	struct range_vector runs = {0};
	struct sample_volume boot;
	struct volume_file *file;
	struct bs_error err = {0};
	struct sample sample;
	uint64_t offset;

	sample_open(&sample, image);
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &boot);
	file = sample_open_file(&boot, path);
	ASSERT_OK(volume_locate(file, UINT64_MAX, &runs, &err));
	ck_assert_uint_eq(runs.count, 1);
	offset = runs.items[0].offset;
	*length = runs.items[0].length;
	range_vector_free(&runs);
	sample_close_file(file);
	sample_unmount(&boot);
	sample_close(&sample);
	return offset;
}

static void assert_refused(const char *image, const char *words)
{
	struct image_state before = state_take(image);
	json_t *result = report_run("fix", image, 3, "refused", "ntfs-damaged");
	json_t *inspection = report_object(result, "inspection");
	struct outcome outcome = BOOTSHIFT("plan", image);

	ASSERT_HAS(report_text(result, "message"), words);
	ck_assert_str_eq(report_text(inspection, "verdict"), "unsuitable");
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, words);
	ASSERT_HAS(outcome.errors, ADVICE);
	state_assert_restored(image, &before);
}

/* ---- clusters ------------------------------------------------------------------------------ */

TEST_CASE(damaged_volumes, "damaged-volumes");

/* All clusters are full, except those of one file, which the bitmap calls free. */
TEST_EACH(damaged_volumes, a_file_that_the_volume_calls_free_is_not_written_over, kinds)
{
	const char *image = make_raw();
	uint64_t bitmap_size, size, bitmap = locate(image, "\\$Bitmap", &bitmap_size);
	uint64_t first = locate(image, "\\precious", &size) / 4096;
	uint8_t *bits = malloc(bitmap_size);

	ck_assert_ptr_nonnull(bits);
	memset(bits, 0xFF, bitmap_size);
	for (uint64_t i = first; i < first + size / 4096; i++)
		bits[i / 8] &= (uint8_t) ~(1u << i % 8);
	file_write(image, SAMPLE_BOOT_START + bitmap, bits, bitmap_size);
	free(bits);
	if (kinds[_i] != &raw)
		image = container_make(kinds[_i], image);
	assert_refused(image, text("the Windows volume (partition 2): precious (file record "));
	assert_refused(image, text("has cluster %llu, which the volume's bitmap calls free",
				   (unsigned long long)first));
	image_remove(image);
}

/* ---- sizes --------------------------------------------------------------------------------- */

/* The offset of the unnamed DATA attribute of a record, in bytes of the image. */
static uint64_t data_of(const char *image, unsigned number)
{
	struct ntfs_geometry geometry;
	uint8_t bytes[1024];
	uint64_t record;
	size_t offset;

	file_read(image, SAMPLE_BOOT_START, bytes, 512);
	ck_assert(ntfs_geometry_read(bytes, &geometry));
	record = SAMPLE_BOOT_START + geometry.mft + number * sizeof(bytes);
	file_read(image, record, bytes, sizeof(bytes));
	for (offset = load_le16(bytes + 20); load_le32(bytes + offset) != MFT_DATA;
	     offset += load_le32(bytes + offset + 4))
		ck_assert_uint_lt(load_le32(bytes + offset), MFT_DATA);
	return record + offset;
}

/* The size fields of $DATA: allocated, size, initialised. */
static const struct {
	unsigned record;
	const char *name;
	uint64_t sizes[3];
	const char *words;
} lies[] = {
	{6, "$Bitmap", {1ull << 50, 1ull << 50, 1ull << 50}, "larger than the volume"},
	{6, "$Bitmap", {1ull << 62, 1ull << 61, 4800}, "larger than the volume"},
	{6, "$Bitmap", {8192, 8193, 4800}, "contradict each other"},
	{6, "$Bitmap", {8192, 4792, 4792}, "does not fit the number of clusters"},
	{0, "$MFT", {1ull << 40, 1ull << 40, 1ull << 40}, "larger than the volume"},
	{2, "$LogFile", {1ull << 40, 1ull << 40, 1ull << 40}, "larger than the volume"},
	{10, "$UpCase", {131072, 131072, 1ull << 33}, "contradict each other"},
};

TEST_EACH(damaged_volumes, sizes_that_do_not_fit_the_volume_are_noticed, lies)
{
	const char *image = make_raw();
	uint64_t data = data_of(image, lies[_i].record);
	uint8_t sizes[24];

	for (size_t i = 0; i < 3; i++)
		store_le64(sizes + 8 * i, lies[_i].sizes[i]);
	file_write(image, data + 40, sizes, sizeof(sizes));
	assert_refused(image, text("%s is damaged: its ", lies[_i].name));
	assert_refused(image, lies[_i].words);
	image_remove(image);
}

TEST(damaged_volumes, run_lists_that_lead_out_of_the_volume_are_noticed)
{
	static const uint8_t far[] = {0x31, 2, 0xFF, 0xFF, 0x7F};
	const char *image = make_raw();

	file_write(image, data_of(image, 6) + 64, far, sizeof(far));
	assert_refused(image, "$Bitmap is damaged: one of its run lists leads out of the volume");
	image_remove(image);
}

/* ---- index blocks -------------------------------------------------------------------------- */

/* True for a block of $Secure's index by numbers, whose keys have four bytes. */
static bool is_of_numbers(const uint8_t *block)
{
	return memcmp(block, "INDX", 4) == 0 && load_le16(block + 64) == 20 &&
	       load_le16(block + 72) == 40;
}

/* The library would crash after it has read such a block. */
TEST(damaged_volumes, a_half_written_index_block_of_descriptors_is_noticed)
{
	const char *image = image_copy(image_built("windows-7", false));
	struct sample sample;
	struct bs_error err = {0};
	unsigned found = 0;
	uint8_t block[4096];

	sample_open(&sample, image);
	for (uint64_t at = 0; at < disk_size(sample.disk) && at < (400ull << 20); at += 4096) {
		ASSERT_OK(disk_read(sample.disk, at, block, sizeof(block), &err));
		if (!is_of_numbers(block))
			continue;
		file_flip(image, at + 510);
		found++;
	}
	sample_close(&sample);
	ck_assert_uint_ne(found, 0);
	assert_refused(image, "the index $SII of $Secure is damaged");
	image_remove(image);
}
