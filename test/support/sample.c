/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk/file.h"
#include "windows/accounting.h"
#include "windows/plan.h"
#include "windows/stage.h"

#define MEMORY (256u << 20) /* bytes of changes kept in memory */

void sample_open(struct sample *sample, const char *image)
{
	struct bs_error err = {0};

	sample->descriptor = open(image, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(sample->descriptor, 0);
	sample->file = file_open(sample->descriptor, &err);
	ck_assert_msg(sample->file != NULL, "%s", err.message);
	sample->overlay = overlay_open(sample->file, MEMORY, NULL, &err);
	ck_assert_msg(sample->overlay != NULL, "%s", err.message);
	sample->disk = overlay_disk(sample->overlay);
	sample->engine = volume_ntfs_engine(sample->disk);
}

void sample_close(struct sample *sample)
{
	disk_close(sample->disk);
	disk_close(sample->file);
	close(sample->descriptor);
}

void sample_keep(struct sample *sample, const char *image)
{
	int descriptor = open(image, O_WRONLY | O_CLOEXEC);
	struct range_vector extents = {0};
	uint8_t *piece = malloc(OVERLAY_BLOCK_SIZE);
	struct bs_error err = {0};

	ck_assert(descriptor >= 0 && piece != NULL);
	ASSERT_OK(overlay_extents(sample->overlay, OVERLAY_BLOCK_SIZE, &extents, &err));
	for (size_t i = 0; i < extents.count; i++) {
		const struct range *extent = &extents.items[i];

		ASSERT_OK(disk_read(sample->disk, extent->offset, piece, extent->length, &err));
		ck_assert_int_eq(pwrite(descriptor, piece, extent->length, (off_t)extent->offset),
				 (ssize_t)extent->length);
	}
	range_vector_free(&extents);
	free(piece);
	ck_assert_int_eq(close(descriptor), 0);
}

void sample_open_small(struct sample *sample, const char *name, const char *more)
{
	char *text;

	ck_assert_int_gt(asprintf(&text, "%s%s", SAMPLE_SMALL, more), 0);
	sample_open(sample, image_recipe(name, text));
	free(text);
}

void sample_write(struct sample *sample, uint64_t offset, const void *bytes, size_t length)
{
	struct bs_error err = {0};

	ASSERT_OK(disk_write(sample->disk, offset, bytes, length, &err));
}

struct survey *sample_survey(struct sample *sample, const struct bs_options *options)
{
	struct survey *survey = calloc(1, sizeof(*survey));
	struct bs_error err = {0};

	ck_assert_ptr_nonnull(survey);
	ASSERT_OK(survey_take(&sample->engine, options, survey, &err));
	return survey;
}

struct bs_plan *sample_plan(struct sample *sample)
{
	const struct bs_options options = {0};
	struct survey *survey = sample_survey(sample, &options);
	struct bs_error err = {0};
	struct bs_plan *plan;

	ck_assert_msg(survey->report.verdict == BS_VERDICT_FIXABLE, "%s",
		      survey->report.finding_count ? survey->report.findings[0].message : "");
	ASSERT_OK(plan_make(&survey->facts, &plan, &err));
	survey_free(survey);
	free(survey);
	return plan;
}

static int no_progress(void *context, uint32_t index, struct bs_error *err)
{
	(void)context;
	(void)index;
	(void)err;
	return 0;
}

uint64_t sample_stage(struct sample *sample, struct bs_plan *plan)
{
	struct bs_error err = {0};
	uint64_t clusters = 0;

	ASSERT_OK(accounting_prove(sample->disk, plan, &clusters, &err));
	ASSERT_OK(stage_run(&sample->engine, plan, no_progress, NULL, &err));
	return clusters;
}

void sample_mount(struct sample *sample, uint64_t start, uint64_t size, enum volume_mode mode,
		  struct sample_volume *mounted)
{
	struct bs_error err = {0};

	ASSERT_OK(volume_open(&sample->engine, start, size, mode, &mounted->volume, &err));
}

void sample_unmount(struct sample_volume *mounted)
{
	struct bs_error err = {0};

	ASSERT_OK(volume_close(mounted->volume, &err));
}

struct volume_file *sample_open_file(struct sample_volume *mounted, const char *path)
{
	struct bs_error err = {0};
	struct volume_file *file;

	ASSERT_OK(volume_open_file(mounted->volume, path, &file, &err));
	ck_assert_msg(file != NULL, "%s is missing", path);
	return file;
}

void sample_close_file(struct volume_file *file)
{
	struct bs_error err = {0};

	ASSERT_OK(volume_close_file(file, &err));
}

const char *sample_check_volume(struct sample *sample, uint64_t start, uint64_t size)
{
	const char *volume = image_extract(sample->disk, start, size);

	free(image_run(0, "ntfsresize -i -f -P '%s'", volume));
	free(image_run(0, "ntfsfix -n '%s'", volume));
	return volume;
}
