/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole image through all that a worker does with it: survey, plan, proof of the clusters, staging,
 * verification, recheck and map.  No process is started.
 *
 * The input is a list of patches to a sample image: the number of a sector (u16), the offset in the
 * sector (u16), the length (u8) and the bytes.  Only sectors that a fix of the sample reads are
 * numbered, because other sectors change nothing.  The patched disk is the lowest of the same stack of
 * disks as in a fix, and nothing of it is ever written.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/cache.h"
#include "disk/overlay.h"
#include "engine/permit.h"
#include "fuzz/fuzz.h"
#include "ntfs/ntfs-engine.h"
#include "survey/survey.h"
#include "util/bytes.h"
#include "windows/accounting.h"
#include "windows/map.h"
#include "windows/plan.h"
#include "windows/recheck.h"
#include "windows/stage.h"
#include "windows/verify.h"
#include "windows/zones.h"
#include "worker/message.h"

#define PATCHES_MAX 32u
#define PATCH_HEAD  5u
#define MEMORY      (64u << 20) /* bytes of changes; a fix of the sample makes some MiB */

static const uint8_t *template;
static uint64_t template_size; /* bytes */
static uint8_t *was_read;      /* a bit for each sector; not NULL while the sample is explored */
static uint32_t *sectors;      /* those that were read */
static size_t sector_count;

static const struct bs_options no_options;

/* ---- the patched disk ---------------------------------------------------------------------- */

struct patched {
	struct disk disk;
	size_t count;
	struct {
		uint64_t offset;
		size_t length;
		const uint8_t *bytes;
	} patches[PATCHES_MAX];
};

static int patched_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			struct bs_error *err)
{
	const struct patched *patched = (const struct patched *)disk;

	(void)err;
	memcpy(buffer, template + offset, length);
	for (size_t i = 0; i < patched->count; i++) {
		uint64_t at = patched->patches[i].offset;
		uint64_t start = max_u64(at, offset);
		uint64_t end = min_u64(at + patched->patches[i].length, offset + length);

		if (start < end)
			memcpy((uint8_t *)buffer + (start - offset),
			       patched->patches[i].bytes + (start - at), end - start);
	}
	return 0;
}

static void patched_open(struct patched *patched, const uint8_t *bytes, size_t size)
{
	static const struct disk_operations operations = {.read = patched_read};

	patched->disk = (struct disk){&operations, template_size};
	patched->count = 0;
	while (sector_count > 0 && size > PATCH_HEAD && patched->count < PATCHES_MAX) {
		size_t within = load_le16(bytes + 2) % SECTOR_SIZE, i = patched->count++;
		size_t length = min_u64(bytes[4], size - PATCH_HEAD);

		patched->patches[i].offset =
			(uint64_t)sectors[load_le16(bytes) % sector_count] * SECTOR_SIZE + within;
		patched->patches[i].length = min_u64(length, SECTOR_SIZE - within);
		patched->patches[i].bytes = bytes + PATCH_HEAD;
		bytes += PATCH_HEAD + length;
		size -= PATCH_HEAD + length;
	}
}

/* The disk at the top: notes what is read while the sample is explored. */
struct top {
	struct disk disk;
	struct disk *below;
};

static int top_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		    struct bs_error *err)
{
	for (uint64_t i = offset / SECTOR_SIZE;
	     was_read && i <= (offset + length - 1) / SECTOR_SIZE; i++)
		bit_set(was_read, i);
	return disk_read(((struct top *)disk)->below, offset, buffer, length, err);
}

static int top_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		     struct bs_error *err)
{
	return disk_write(((struct top *)disk)->below, offset, buffer, length, err);
}

static int top_flush(struct disk *disk, struct bs_error *err)
{
	return disk_flush(((struct top *)disk)->below, err);
}

static const struct disk_operations top_operations = {
	.read = top_read, .write = top_write, .flush = top_flush};

/* ---- what a fix does ----------------------------------------------------------------------- */

/* The stack of disks in a fix. */
struct stack {
	struct patched patched;
	struct overlay *overlay;
	struct guard *guard;
	struct disk *cache;
	struct top top;
	struct volume_engine engine;
};

static void stack_open_cache(struct stack *stack)
{
	struct bs_error err;

	stack->cache = cache_open(guard_disk(stack->guard), &err);
	FUZZ_CHECK(stack->cache != NULL);
	stack->top.disk = (struct disk){&top_operations, disk_size(stack->cache)};
	stack->top.below = stack->cache;
	stack->engine = volume_ntfs_engine(&stack->top.disk);
}

static void stack_open(struct stack *stack, const uint8_t *bytes, size_t size)
{
	struct bs_error err;

	patched_open(&stack->patched, bytes, size);
	stack->overlay = overlay_open(&stack->patched.disk, MEMORY, NULL, &err);
	FUZZ_CHECK(stack->overlay != NULL);
	stack->guard = guard_open(overlay_disk(stack->overlay), &err);
	FUZZ_CHECK(stack->guard != NULL);
	stack_open_cache(stack);
}

static void stack_close(struct stack *stack)
{
	disk_close(stack->cache);
	disk_close(guard_disk(stack->guard));
	disk_close(overlay_disk(stack->overlay));
}

/* Whatever happened: only the boot partition and the active flags have changed. */
static void stack_check(struct stack *stack, uint64_t boot_start, uint64_t boot_size)
{
	struct range_vector extents = {0};
	uint8_t before[SECTOR_SIZE], after[SECTOR_SIZE];
	struct bs_error err;

	FUZZ_CHECK(overlay_extents(stack->overlay, OVERLAY_BLOCK_SIZE, &extents, &err) == 0);
	for (size_t i = 0; i < extents.count; i++) {
		struct range extent = extents.items[i];

		if (extent.offset == 0) {
			FUZZ_CHECK(extent.length == SECTOR_SIZE);
			continue;
		}
		FUZZ_CHECK(extent.offset >= boot_start &&
			   range_end(extent) <= boot_start + boot_size);
	}
	range_vector_free(&extents);
	FUZZ_CHECK(disk_read(&stack->patched.disk, 0, before, sizeof(before), &err) == 0 &&
		   disk_read(overlay_disk(stack->overlay), 0, after, sizeof(after), &err) == 0);
	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		after[MBR_FLAG_OFFSET(i)] = before[MBR_FLAG_OFFSET(i)];
	FUZZ_CHECK(memcmp(before, after, sizeof(before)) == 0);
}

static int image_note_progress(void *context, uint32_t index, struct bs_error *err)
{
	uint32_t *next = context;

	(void)err;
	FUZZ_CHECK(index == (*next)++);
	return 0;
}

/* What an honest worker sends must be accepted. */
static void image_check_report(const struct survey *survey)
{
	struct bs_inspection *inspection = NULL;
	struct bs_error err;

	FUZZ_CHECK(message_unpack_inspection((const uint8_t *)&survey->report,
					     sizeof(survey->report), &inspection, &err) == 0 ||
		   err.code == BS_NO_MEMORY);
	free(inspection);
}

static void image_check_zones(struct stack *stack, const struct bs_plan *plan)
{
	struct range_vector zones = {0};
	struct bs_error err;

	if (zones_collect(&stack->top.disk, plan, &zones, &err) == 0)
		for (size_t i = 0; i < zones.count; i++)
			FUZZ_CHECK(range_within(zones.items[i].offset, zones.items[i].length,
						template_size));
	range_vector_free(&zones);
}

/* The second worker: verifies the staged disk, lists differences, makes the map. */
static int image_verify(struct stack *stack, const struct bs_plan *plan, uint64_t clusters)
{
	struct survey *survey = calloc(1, sizeof(*survey));
	struct places *places = calloc(1, sizeof(*places));
	struct differences found = {0};
	struct bs_error err;
	int result;

	FUZZ_CHECK(survey && places);
	disk_close(stack->cache);
	stack_open_cache(stack);
	FUZZ_CHECK(guard_allow(stack->guard, NULL, 0, &err) == 0);
	result = verify_run(&stack->engine, plan, &no_options, clusters, &err);
	if (survey_take(&stack->engine, &no_options, survey, &err) == 0) {
		image_check_report(survey);
		(void)!recheck_run(&stack->engine, plan, survey, &no_options, &found, &err);
		/* What was just proven has no difference that breaks it. */
		if (result == 0)
			FUZZ_CHECK(differences_count_broken(&found) == 0);
		(void)!map_make(&stack->engine, &survey->facts, plan, places, &err);
	}
	differences_free(&found);
	places_free(places);
	survey_free(survey);
	free(places);
	free(survey);
	return result;
}

/* Returns 0 if the disk was fixed, and the result proven. */
static int image_fix(struct stack *stack, struct bs_plan *plan)
{
	uint8_t sector[SECTOR_SIZE];
	uint64_t clusters;
	uint32_t next = 0;
	struct bs_error err;
	int result = -1;

	if (accounting_prove(&stack->top.disk, plan, &clusters, &err) == 0 &&
	    permit_open(stack->guard, plan, &no_options, sector, &err) == 0 &&
	    stage_run(&stack->engine, plan, image_note_progress, &next, &err) == 0) {
		FUZZ_CHECK(next == plan->operation_count);
		image_check_zones(stack, plan);
		result = image_verify(stack, plan, clusters);
	}
	stack_check(stack, plan->boot_start, plan->boot_size);
	return result;
}

static int image_run(const uint8_t *bytes, size_t size)
{
	struct stack *stack = calloc(1, sizeof(*stack));
	struct survey *survey = calloc(1, sizeof(*survey));
	struct bs_plan *plan = NULL;
	struct bs_error err = {.code = BS_OK};
	int result = -1;

	FUZZ_CHECK(stack && survey);
	stack_open(stack, bytes, size);
	/* Nothing in an image makes a survey fail. */
	FUZZ_CHECK(survey_take(&stack->engine, &no_options, survey, &err) == 0 ||
		   err.code == BS_NO_MEMORY);
	image_check_report(survey);
	if (survey->report.verdict == BS_VERDICT_FIXABLE) {
		FUZZ_CHECK(plan_make(&survey->facts, &plan, &err) == 0);
		result = image_fix(stack, plan);
	} else {
		stack_check(stack, 0, 0);
	}
	bs_plan_free(plan);
	survey_free(survey);
	free(survey);
	stack_close(stack);
	free(stack);
	return result;
}

void fuzz_image_use(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes;

	FUZZ_CHECK(descriptor >= 0 && fstat(descriptor, &status) == 0);
	template_size = (uint64_t)status.st_size;
	bytes = mmap(NULL, template_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	FUZZ_CHECK(bytes != MAP_FAILED);
	close(descriptor);
	template = bytes;
	was_read = calloc(1, template_size / SECTOR_SIZE / 8 + 1);
	sectors = calloc(template_size / SECTOR_SIZE, sizeof(*sectors));
	FUZZ_CHECK(was_read && sectors);
	/* The sample itself can be fixed, so patches reach all of it. */
	FUZZ_CHECK(image_run(NULL, 0) == 0);
	for (uint64_t i = 0; i < template_size / SECTOR_SIZE; i++)
		if (bit_is_set(was_read, i))
			sectors[sector_count++] = (uint32_t)i;
	free(was_read);
	was_read = NULL;
}

void fuzz_image(const uint8_t *bytes, size_t size)
{
	FUZZ_CHECK(template != NULL);
	(void)image_run(bytes, size);
}
