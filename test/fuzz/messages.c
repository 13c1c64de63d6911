/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages that a worker may send to its parent. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/patches.h"
#include "report/json-report.h"
#include "report/plan-file.h"
#include "util/bytes.h"
#include "windows/plan.h"
#include "worker/message.h"

#define DISK_SIZE   (200ull << 20) /* bytes; of the disk that the messages are about */
#define LENGTH_MORE 4096u          /* bytes by which a message may be too long */

/* ---- messages ------------------------------------------------------------------------------ */

static void plan_check(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	struct plan_origin origin = {.image = "image"};
	char words[BS_DIFFERENCE_MAX];
	struct bs_plan *plan, *again;
	uint8_t *packed, *repacked;
	size_t size, other;

	if (message_unpack_plan(bytes, length, &plan, err) < 0)
		return;
	FUZZ_CHECK(plan->operation_count <= BS_OPERATIONS_MAX &&
		   plan->file_count <= BS_PLAN_FILES_MAX && plan->element_count <= BS_ELEMENTS_MAX);
	for (uint32_t i = 0; i < plan->operation_count; i++)
		FUZZ_CHECK((unsigned)plan->operations[i].kind < BS_OPERATION_KIND_COUNT &&
			   TERMINATED(plan->operations[i].path));
	for (uint32_t i = 0; i < plan->file_count; i++)
		FUZZ_CHECK(TERMINATED(plan->files[i].path));
	for (uint32_t i = 0; i < plan->element_count; i++)
		FUZZ_CHECK(TERMINATED(plan->elements[i].object) &&
			   TERMINATED(plan->elements[i].path));
	FUZZ_CHECK(message_pack_plan(plan, &packed, &size, err) == 0 && size == length);
	FUZZ_CHECK(message_unpack_plan(packed, size, &again, err) == 0);
	FUZZ_CHECK(!plan_difference(plan, again, words));
	FUZZ_CHECK(message_pack_plan(again, &repacked, &other, err) == 0);
	FUZZ_CHECK(size == other && memcmp(packed, repacked, size) == 0);
	json_decref(plan_document(plan, &origin));
	free(packed);
	free(repacked);
	bs_plan_free(again);
	bs_plan_free(plan);
}

static void inspection_check(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	struct bs_result result = {.status = BS_STATUS_WOULD_FIX};
	struct advice_subject subject = {.image = "image"};
	struct bs_inspection *inspection;

	if (message_unpack_inspection(bytes, length, &inspection, err) < 0)
		return;
	FUZZ_CHECK(inspection->partition_count <= BS_PARTITIONS_MAX &&
		   inspection->link_count <= BS_LINKS_MAX &&
		   inspection->finding_count <= BS_FINDINGS_MAX);
	FUZZ_CHECK(inspection->system_index < (int32_t)inspection->partition_count &&
		   inspection->boot_index < (int32_t)inspection->partition_count);
	FUZZ_CHECK(TERMINATED(inspection->format) && TERMINATED(inspection->windows_name) &&
		   TERMINATED(inspection->windows_build) && TERMINATED(inspection->loader_path));
	for (uint32_t i = 0; i < inspection->finding_count; i++)
		FUZZ_CHECK((unsigned)inspection->findings[i].code < BS_CODE_COUNT &&
			   TERMINATED(inspection->findings[i].message));
	/* The report uses each field. */
	result.inspection = inspection;
	subject.inspection = inspection;
	json_decref(report_json_image(&subject, &result));
	free(inspection);
}

static void zones_check(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	struct range_vector zones = {0};

	if (message_unpack_zones(bytes, length, DISK_SIZE, &zones, err) == 0) {
		FUZZ_CHECK(zones.count * sizeof(*zones.items) == length);
		for (size_t i = 0; i < zones.count; i++)
			FUZZ_CHECK(range_within(zones.items[i].offset, zones.items[i].length,
						DISK_SIZE));
	}
	range_vector_free(&zones);
}

static void map_check(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	struct places *places = calloc(1, sizeof(*places));
	uint32_t number;

	if (!places)
		return;
	if (message_unpack_map(bytes, length, DISK_SIZE, places, err) == 0) {
		for (size_t i = 0; i < places->ranges.count; i++) {
			const struct place_range *range = &places->ranges.items[i];

			FUZZ_CHECK(range->place < BS_PLACE_OTHER && range->range.length > 0);
			FUZZ_CHECK(
				range_within(range->range.offset, range->range.length, DISK_SIZE));
			FUZZ_CHECK(places_find(places, range->range.offset, &number) <
				   BS_PLACE_OTHER);
		}
		for (unsigned i = 0; i < BS_PLACE_OTHER; i++) {
			FUZZ_CHECK(places_bytes(places, i) <= DISK_SIZE);
			FUZZ_CHECK(places_sectors(places, i) <= DISK_SIZE / SECTOR_SIZE);
		}
	}
	places_free(places);
	free(places);
}

static void differences_check(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	struct differences found = {0};

	if (message_unpack_differences(bytes, length, &found, err) == 0) {
		FUZZ_CHECK(found.count <= BS_DIFFERENCES_MAX &&
			   found.count * sizeof(*found.items) == length);
		for (size_t i = 0; i < found.count; i++)
			FUZZ_CHECK(TERMINATED(found.items[i].path) &&
				   TERMINATED(found.items[i].what));
		FUZZ_CHECK(differences_count_broken(&found) <= found.count);
		FUZZ_CHECK(differences_compare(&found, &found) == found.count);
		for (size_t i = 0; i <= found.count; i++)
			(void)differences_describe_at(&found, i);
	}
	differences_free(&found);
}

static void error_check(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	FUZZ_CHECK(message_unpack_error(bytes, length, err) == -1);
	FUZZ_CHECK((unsigned)err->code < BS_CODE_COUNT && TERMINATED(err->message));
	FUZZ_CHECK(bs_code_exit(err->code) == BS_EXIT_FAILED ||
		   bs_code_exit(err->code) == BS_EXIT_REFUSED);
	err->code = BS_WORKER;
}

/* A good message of each type; the input is patches over it. */
enum { PLAN, MAP, INSPECTION, ZONES, DIFFERENCES, ERROR, SAMPLES };

static const struct sample {
	void (*check)(const uint8_t *bytes, size_t length, struct bs_error *err);
	uint8_t *bytes;
	size_t length;
} * message_samples(void)
{
	static struct bs_inspection inspection = {
		.format = "raw",
		.disk_size = DISK_SIZE,
		.partition_count = 2,
		.partitions = {{.number = 1, .active = true, .start = 1 << 20, .size = 40 << 20},
			       {.number = 2, .start = 41 << 20, .size = 150 << 20}},
		.boot_index = 1,
		.link_count = 1,
		.finding_count = 1,
		.findings = {{.code = BS_HIBERNATED, .message = "the volume is hibernated"}},
	};
	static struct range zones[] = {{0, 512}, {1 << 20, 4096}};
	static struct bs_difference differences[] = {{.path = "\\bootmgr", .what = "content"},
						     {.what = "the signature", .expected = true}};
	static struct bs_error error = {BS_NTFS_DAMAGED, "a damaged volume"};
	static struct sample samples[] = {
		[PLAN] = {plan_check, NULL, 0},
		[MAP] = {map_check, NULL, 0},
		[INSPECTION] = {inspection_check, (uint8_t *)&inspection, sizeof(inspection)},
		[ZONES] = {zones_check, (uint8_t *)zones, sizeof(zones)},
		[DIFFERENCES] = {differences_check, (uint8_t *)differences, sizeof(differences)},
		[ERROR] = {error_check, (uint8_t *)&error, sizeof(error)},
	};
	struct places places = {.has_active = true};
	struct bs_error err;
	struct bs_plan *plan;

	if (samples[PLAN].bytes)
		return samples;
	plan = plan_new(2, 1);
	FUZZ_CHECK(plan != NULL);
	plan->operation_count = 2;
	plan->operations[1].kind = BS_OPERATION_ACTIVATE;
	strcpy(plan->operations[0].path, "\\Boot");
	strcpy(plan->files[0].path, "\\Boot");
	plan->files[0].is_folder = true;
	strcpy(plan->files[1].path, "\\Boot\\BCD");
	strcpy(plan->elements[0].object, "{9dea862c-5cdd-4e70-acc1-f32b344d4795}");
	FUZZ_CHECK(places_add(&places, BS_PLACE_TABLE, (struct range){0, 512}, &err) == 0 &&
		   places_add(&places, BS_PLACE_BCD, (struct range){1 << 20, 5000}, &err) == 0);
	FUZZ_CHECK(message_pack_plan(plan, &samples[PLAN].bytes, &samples[PLAN].length, &err) ==
			   0 &&
		   message_pack_map(&places, &samples[MAP].bytes, &samples[MAP].length, &err) == 0);
	places_free(&places);
	bs_plan_free(plan);
	return samples;
}

/* The input is the number of a sample, then a change of the sample's length, then patches. */
void fuzz_message(const uint8_t *bytes, size_t size)
{
	static struct patches patches;
	const struct sample *sample = message_samples();
	struct bs_error err = {.code = BS_OK};
	uint8_t head[PATCHES_HEAD], *message;
	size_t length;

	if (size < 1 + PATCHES_HEAD)
		return;
	sample += bytes[0] % SAMPLES;
	if (!patches_open(&patches, bytes + 1, size - 1, UINT32_MAX, sample->bytes, sample->length))
		return;
	memcpy(head, bytes + 1, sizeof(head));
	length = (size_t)min_u64(sample->length + (uint64_t)load_le16(head),
				 sample->length + LENGTH_MORE);
	length -= min_u64(length, load_le16(head + 2));
	message = malloc(length + 1); /* as in struct remote_message: a zero byte follows */
	if (!message)
		return;
	patches_read(&patches, 0, message, length);
	message[length] = 0;
	sample->check(message, length, &err);
	if (err.code != BS_OK)
		FUZZ_CHECK(err.code == BS_WORKER || err.code == BS_NTFS_DAMAGED);
	(void)message_name(bytes[0]);
	free(message);
}

/* ---- first inputs -------------------------------------------------------------------------- */

#define OF_PLAN(member) offsetof(struct bs_plan, member)
#define OF_FILE(member) (sizeof(struct bs_plan) + offsetof(struct bs_plan_file, member))
#define OF_ELEMENT(member)                                                                         \
	(sizeof(struct bs_plan) + 2 * sizeof(struct bs_plan_file) +                                \
	 offsetof(struct bs_plan_element, member))
#define OF_MAP_RANGE(member)  (sizeof(struct places) + offsetof(struct place_range, member))
#define OF_INSPECTION(member) offsetof(struct bs_inspection, member)
#define OF_ZONE(member)       offsetof(struct range, member)
#define OF_DIFFERENCE(member) offsetof(struct bs_difference, member)
#define OF_ERROR(member)      offsetof(struct bs_error, member)

/* A sample without its last `less` bytes, and with `length` bytes of the same value at `offset`. */
static const struct {
	const char *name;
	uint8_t sample, less;
	size_t offset, length;
	uint8_t value;
} message_inputs[] = {
	{"plan", PLAN, 0, 0, 0, 0},
	{"plan-with-an-unknown-operation", PLAN, 0, OF_PLAN(operations[1].kind), 4, 0xFF},
	{"plan-with-a-path-without-end", PLAN, 0, OF_PLAN(operations[0].path), BS_PATH_MAX, 'x'},
	{"plan-cut", PLAN, 5, 0, 0, 0},
	{"plan-with-a-file-without-end", PLAN, 0, OF_FILE(path), BS_PATH_MAX, 'x'},
	{"plan-with-an-element-without-end", PLAN, 0, OF_ELEMENT(path), BS_PATH_MAX, 'x'},
	{"map", MAP, 0, 0, 0, 0},
	{"map-cut", MAP, 5, 0, 0, 0},
	{"map-of-an-unknown-place", MAP, 0, OF_MAP_RANGE(place), 1, BS_PLACE_OTHER},
	{"map-outside-of-the-disk", MAP, 0, OF_MAP_RANGE(range.offset) + 4, 1, 1},
	{"inspection", INSPECTION, 0, 0, 0, 0},
	{"inspection-with-too-many-links", INSPECTION, 0, OF_INSPECTION(link_count), 1,
	 BS_LINKS_MAX + 1},
	{"inspection-with-an-index-too-high", INSPECTION, 0, OF_INSPECTION(boot_index), 1, 2},
	{"inspection-with-text-without-end", INSPECTION, 0, OF_INSPECTION(format),
	 sizeof(((struct bs_inspection *)NULL)->format), 'x'},
	{"zones", ZONES, 0, 0, 0, 0},
	{"zones-cut", ZONES, 5, 0, 0, 0},
	{"zone-outside-of-the-disk", ZONES, 0, OF_ZONE(offset) + 4, 1, 1},
	{"differences", DIFFERENCES, 0, 0, 0, 0},
	{"differences-cut", DIFFERENCES, 5, 0, 0, 0},
	{"difference-with-text-without-end", DIFFERENCES, 0, OF_DIFFERENCE(what),
	 sizeof(((struct bs_difference *)NULL)->what), 'x'},
	{"error", ERROR, 0, 0, 0, 0},
	{"error-with-an-unknown-code", ERROR, 0, OF_ERROR(code), 4, 0x7F},
	{"error-without-an-error", ERROR, 0, OF_ERROR(code), 4, 0},
	{"error-with-text-without-end", ERROR, 0, OF_ERROR(message),
	 sizeof(((struct bs_error *)NULL)->message), 'x'},
};

void fuzz_make_messages(fuzz_taker *take)
{
	for (size_t i = 0; i < sizeof(message_inputs) / sizeof(message_inputs[0]); i++) {
		uint8_t bytes[1 + PATCHES_HEAD + PATCH_HEAD + BS_PATH_MAX] = {0};

		bytes[0] = message_inputs[i].sample;
		store_le16(bytes + 3, message_inputs[i].less);
		store_le32(bytes + 5, (uint32_t)message_inputs[i].offset);
		store_le16(bytes + 9, (uint16_t)message_inputs[i].length);
		memset(bytes + 11, message_inputs[i].value, message_inputs[i].length);
		take("message", message_inputs[i].name, bytes, 11 + message_inputs[i].length);
	}
}
