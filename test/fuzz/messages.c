/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the worker may send to its parent, and what the worker gets from there. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk/guard.h"
#include "fuzz/fuzz.h"
#include "fuzz/patches.h"
#include "report/json-report.h"
#include "report/plan-file.h"
#include "util/bytes.h"
#include "windows/plan.h"
#include "worker/message.h"
#include "worker/remote-wire.h"

#define DISK_SIZE   (200ull << 20) /* bytes; of the disk that the messages are about */
#define PATIENCE    1000           /* milliseconds */
#define LENGTH_MORE 4096u          /* bytes by which a message may be too long */

#define TERMINATED(text) (strnlen((text), sizeof(text)) < sizeof(text))

/* ---- messages ------------------------------------------------------------------------------ */

static void plan_check(const uint8_t *bytes, size_t length, struct bs_error *err)
{
	struct plan_origin origin = {.image = "image"};
	char words[PLAN_DIFFERENCE_MAX];
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

	if (message_unpack_zones(bytes, length, DISK_SIZE, &zones, err) == 0)
		for (size_t i = 0; i < zones.count; i++)
			FUZZ_CHECK(range_within(zones.items[i].offset, zones.items[i].length,
						DISK_SIZE));
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
		FUZZ_CHECK(found.count <= BS_DIFFERENCES_MAX);
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
		.findings = {{BS_HIBERNATED, "the volume is hibernated"}},
	};
	static struct range zones[] = {{0, 512}, {1 << 20, 4096}};
	static struct bs_difference differences[] = {{"\\bootmgr", "content", false},
						     {"", "the signature", true}};
	static struct bs_error error = {BS_NTFS_DAMAGED, "a damaged volume"};
	static struct sample samples[] = {
		{plan_check, NULL, 0},
		{map_check, NULL, 0},
		{inspection_check, (uint8_t *)&inspection, sizeof(inspection)},
		{zones_check, (uint8_t *)zones, sizeof(zones)},
		{differences_check, (uint8_t *)differences, sizeof(differences)},
		{error_check, (uint8_t *)&error, sizeof(error)},
		{NULL, NULL, 0},
	};
	struct places places = {.has_active = true};
	struct bs_error err;
	struct bs_plan *plan;

	if (samples[0].bytes)
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
	FUZZ_CHECK(message_pack_plan(plan, &samples[0].bytes, &samples[0].length, &err) == 0 &&
		   message_pack_map(&places, &samples[1].bytes, &samples[1].length, &err) == 0);
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
	sample += bytes[0] % 6;
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

/* ---- the channel --------------------------------------------------------------------------- */

#define MEMORY_SIZE (64u << 10) /* bytes; of the disk that the parent serves */
#define FLAG        0x1BEu      /* where it may write 0x00 or 0x80 */
#define ZONE        (32u << 10) /* where it may write anything */
#define ZONE_SIZE   (16u << 10)

static uint8_t memory[MEMORY_SIZE], original[MEMORY_SIZE];

static int memory_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	(void)disk;
	(void)err;
	FUZZ_CHECK(range_within(offset, length, MEMORY_SIZE));
	memcpy(buffer, memory + offset, length);
	return 0;
}

static int memory_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			struct bs_error *err)
{
	(void)disk;
	(void)err;
	FUZZ_CHECK(range_within(offset, length, MEMORY_SIZE));
	memcpy(memory + offset, buffer, length);
	return 0;
}

static void memory_close(struct disk *disk)
{
	(void)disk;
}

static struct disk *memory_open(void)
{
	static const struct disk_operations operations = {
		.read = memory_read, .write = memory_write, .close = memory_close};
	static struct disk disk = {&operations, MEMORY_SIZE};

	for (size_t i = 0; i < MEMORY_SIZE && original[1] == 0; i++)
		original[i] = (uint8_t)(i * 7 + i / 512);
	memcpy(memory, original, MEMORY_SIZE);
	return &disk;
}

/*
 * Makes a channel on which the other side has sent `size` bytes, and then closed its socket for
 * writing.  Returns false if the system has no room for it.
 */
static bool channel_open(struct remote_end *own, struct remote_end *other, bool parent_is_own,
			 const uint8_t *bytes, size_t size)
{
	struct bs_error err;

	if (remote_make_channel(parent_is_own ? own : other, parent_is_own ? other : own, &err) < 0)
		return false;
	FUZZ_CHECK(send(other->socket, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
	FUZZ_CHECK(shutdown(other->socket, SHUT_WR) == 0);
	return true;
}

/* Both ends share one window, which goes with the first end. */
static void channel_close(struct remote_end *own, struct remote_end *other)
{
	remote_close_end(own);
	close(other->socket);
}

/*
 * A hostile worker.  The input is the length of the list of writes (u16), the list, and what the worker
 * sends.  Whatever it sends, the guard keeps all bytes outside of its zone.
 */
void fuzz_to_parent(const uint8_t *bytes, size_t size)
{
	const struct guard_range allowed[] = {{FLAG, 1, GUARD_ACTIVE_FLAG},
					      {ZONE, ZONE_SIZE, GUARD_ANY_BYTES}};
	struct remote_end parent, worker;
	struct remote_message message;
	struct bs_error err = {.code = BS_OK};
	struct guard *guard;
	size_t list;

	if (size < 2)
		return;
	list = min_u64(load_le16(bytes), size - 2);
	if (!channel_open(&parent, &worker, true, bytes + 2 + list, size - 2 - list))
		return;
	memcpy(worker.window + REMOTE_READ_MAX, bytes + 2, list);
	guard = guard_open(memory_open(), &err);
	FUZZ_CHECK(guard && guard_allow(guard, allowed, 2, &err) == 0);
	while (remote_serve(parent, guard_disk(guard), MEMORY_SIZE, PATIENCE, NULL, &message,
			    &err) == 0) {
		FUZZ_CHECK(message.payload && message.length <= MEMORY_SIZE &&
			   message.payload[message.length] == 0);
		free(message.payload);
	}
	FUZZ_CHECK(err.code == BS_WORKER || err.code == BS_NO_MEMORY);
	FUZZ_CHECK(memory[FLAG] == original[FLAG] || memory[FLAG] == 0 || memory[FLAG] == 0x80);
	memory[FLAG] = original[FLAG];
	memcpy(memory + ZONE, original + ZONE, ZONE_SIZE);
	FUZZ_CHECK(memcmp(memory, original, MEMORY_SIZE) == 0);
	disk_close(guard_disk(guard));
	channel_close(&parent, &worker);
}

/* A wrong answer of the parent ends the worker's work with an error. */
void fuzz_to_worker(const uint8_t *bytes, size_t size)
{
	static const uint8_t written[600] = {1, 2, 3};
	struct remote_end parent, worker;
	struct remote_message message;
	struct bs_error err = {.code = BS_OK};
	uint8_t buffer[1000];
	struct disk *disk;

	if (size == 0 || !channel_open(&worker, &parent, false, bytes + 1, size - 1))
		return;
	disk = remote_open(worker, MEMORY_SIZE, &err);
	FUZZ_CHECK(disk != NULL);
	for (unsigned i = 0; i < 4; i++) {
		int result;

		if (bytes[0] >> i & 1)
			result = disk_write(disk, 512 * i, written, sizeof(written), &err);
		else
			result = disk_read(disk, 300 * i, buffer, sizeof(buffer), &err);
		if (result == 0 && bytes[0] >> 4 >> i & 1)
			result = disk_flush(disk, &err);
		if (result < 0)
			FUZZ_CHECK(err.code != BS_OK && (unsigned)err.code < BS_CODE_COUNT &&
				   TERMINATED(err.message));
	}
	(void)!remote_send_writes(disk, &err);
	if (remote_receive_message(worker.socket, 64, PATIENCE, &message, &err) == 0) {
		FUZZ_CHECK(message.length <= 64 && message.payload[message.length] == 0);
		free(message.payload);
	}
	disk_close(disk);
	channel_close(&worker, &parent);
}
