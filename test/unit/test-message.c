/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message from a worker is accepted if it makes sense; otherwise it is an error. */
#include "unit/memory-disk.h"
#include "windows/plan.h"
#include "worker/message.h"

static struct bs_plan *plan;
static struct bs_inspection *inspection;

static void setup(void)
{
	plan = plan_new(3, 2);
	ck_assert_ptr_nonnull(plan);
	plan->operation_count = 2;
	strcpy(plan->operations[0].path, "\\bootmgr");
	plan->operations[1].kind = BS_OPERATION_ACTIVATE;
	plan->files[2].is_folder = true;
	strcpy(plan->files[2].path, "\\Boot");
	strcpy(plan->elements[1].object, "{9dea862c-5cdd-4e70-acc1-f32b344d4795}");
	inspection = calloc(1, sizeof(*inspection));
	ck_assert_ptr_nonnull(inspection);
	inspection->partition_count = 2;
	inspection->boot_index = 1;
	inspection->link_count = BS_LINK_KIND_COUNT;
	inspection->finding_count = 1;
	inspection->findings[0].code = BS_NOTE_ROOM;
}

static void teardown(void)
{
	bs_plan_free(plan);
	free(inspection);
}

/* ---- plans --------------------------------------------------------------------------------- */

static int unpack(const uint8_t *bytes, size_t length, struct bs_plan **unpacked)
{
	struct bs_error err = {0};
	/* A block of exactly that length, so that the sanitizer sees a read beyond it. */
	uint8_t *exact = malloc(length);
	int result;

	memcpy(exact, bytes, length);
	result = message_unpack_plan(exact, length, unpacked, &err);
	free(exact);
	if (result < 0) {
		ck_assert_ptr_null(*unpacked);
		ck_assert_int_eq(err.code, BS_WORKER);
	}
	return result;
}

TEST_CASE(plans, "plans", .setup = setup, .teardown = teardown);

TEST(plans, a_plan_arrives_as_it_was_sent)
{
	char difference[BS_DIFFERENCE_MAX];
	struct bs_error err;
	struct bs_plan *unpacked;
	uint8_t *bytes;
	size_t length;

	ck_assert_int_eq(message_pack_plan(plan, &bytes, &length, &err), 0);
	ck_assert_int_eq(unpack(bytes, length, &unpacked), 0);
	ck_assert(!plan_difference(plan, unpacked, difference));
	bs_plan_free(unpacked);
	free(bytes);
}

TEST(plans, a_plan_carries_no_address_out_of_the_process)
{
	struct bs_error err;
	struct bs_plan header;
	uint8_t *bytes;
	size_t length;

	ck_assert_int_eq(message_pack_plan(plan, &bytes, &length, &err), 0);
	memcpy(&header, bytes, sizeof(header));
	ck_assert_ptr_null(header.files);
	ck_assert_ptr_null(header.elements);
	free(bytes);
}

TEST(plans, a_plan_of_any_other_length_is_an_error)
{
	struct bs_error err;
	struct bs_plan *unpacked;
	uint8_t *bytes;
	size_t length;

	ck_assert_int_eq(message_pack_plan(plan, &bytes, &length, &err), 0);
	for (size_t i = 0; i < length; i += 101)
		ck_assert_int_eq(unpack(bytes, i, &unpacked), -1);
	ck_assert_int_eq(unpack(bytes, sizeof(struct bs_plan) - 1, &unpacked), -1);
	ck_assert_int_eq(unpack(bytes, sizeof(struct bs_plan), &unpacked), -1);
	ck_assert_int_eq(unpack(bytes, length - 1, &unpacked), -1);
	bytes = realloc(bytes, length + 1);
	bytes[length] = 0;
	ck_assert_int_eq(unpack(bytes, length + 1, &unpacked), -1);
	free(bytes);
}

/* Changes that make a plan invalid: `value` at `offset` of its packed bytes. */
#define OF_PLAN(member)      offsetof(struct bs_plan, member)
#define OF_OPERATION(member) (OF_PLAN(operations[1]) + offsetof(struct bs_operation, member))
#define OF_FILE(member)                                                                            \
	(sizeof(struct bs_plan) + sizeof(struct bs_plan_file) +                                    \
	 offsetof(struct bs_plan_file, member))
#define OF_ELEMENT(member)                                                                         \
	(sizeof(struct bs_plan) + 3 * sizeof(struct bs_plan_file) +                                \
	 sizeof(struct bs_plan_element) + offsetof(struct bs_plan_element, member))

static const struct {
	size_t offset, length;
	int byte;
} bad_plans[] = {
	{OF_PLAN(operation_count), 4, 0xFF},
	{OF_PLAN(operation_count), 1, BS_OPERATIONS_MAX + 1},
	{OF_PLAN(file_count), 4, 0xFF},
	{OF_PLAN(file_count), 1, 4},
	{OF_PLAN(element_count), 4, 0xFF},
	{OF_PLAN(element_count), 1, 1},
	{OF_OPERATION(kind), 1, BS_OPERATION_KIND_COUNT},
	{OF_OPERATION(kind), 4, 0xFF},
	{OF_OPERATION(path), BS_PATH_MAX, 'x'},
	{OF_OPERATION(reserved), 1, 1},
	{OF_FILE(reserved), 1, 1},
	{OF_FILE(path), BS_PATH_MAX, 'x'},
	{OF_FILE(is_folder), 1, 2},
	{OF_ELEMENT(object), 40, 'x'},
	{OF_ELEMENT(path), BS_PATH_MAX, 'x'},
	{OF_ELEMENT(value_size), 4, 0xFF},
};

TEST_EACH(plans, a_plan_that_makes_no_sense_is_an_error, bad_plans)
{
	struct bs_error err;
	struct bs_plan *unpacked;
	uint8_t *bytes;
	size_t length;

	ck_assert_int_eq(message_pack_plan(plan, &bytes, &length, &err), 0);
	memset(bytes + bad_plans[_i].offset, bad_plans[_i].byte, bad_plans[_i].length);
	ck_assert_int_eq(unpack(bytes, length, &unpacked), -1);
	free(bytes);
}

/* The signature that a plan gives to a disk that has 7, and how many operations do that. */
static const struct {
	uint32_t restored;
	unsigned operations;
	int result;
} signatures[] = {{0, 0, 0}, {9, 1, 0}, {0, 1, -1}, {9, 0, -1}, {9, 2, -1}, {7, 1, -1}};

TEST_EACH(plans, a_signature_has_exactly_one_operation_and_is_another_one, signatures)
{
	struct bs_error err;
	struct bs_plan *unpacked;
	uint8_t *bytes;
	size_t length;

	plan->disk_signature = 7;
	plan->restored_signature = signatures[_i].restored;
	for (unsigned i = 0; i < signatures[_i].operations; i++)
		plan->operations[i].kind = BS_OPERATION_SIGNATURE;
	ck_assert_int_eq(message_pack_plan(plan, &bytes, &length, &err), 0);
	ck_assert_int_eq(unpack(bytes, length, &unpacked), signatures[_i].result);
	bs_plan_free(unpacked);
	free(bytes);
}

/* ---- inspections --------------------------------------------------------------------------- */

static int unpack_inspection(size_t length)
{
	struct bs_inspection *unpacked;
	struct bs_error err = {0};
	int result =
		message_unpack_inspection((const uint8_t *)inspection, length, &unpacked, &err);

	if (result < 0)
		ck_assert_int_eq(err.code, BS_WORKER);
	else
		ck_assert_mem_eq(unpacked, inspection, sizeof(*unpacked));
	free(unpacked);
	return result;
}

TEST_CASE(inspections, "inspections", .setup = setup, .teardown = teardown);

TEST(inspections, an_inspection_arrives_as_it_was_sent)
{
	ck_assert_int_eq(unpack_inspection(sizeof(*inspection)), 0);
	ck_assert_int_eq(unpack_inspection(sizeof(*inspection) - 1), -1);
	ck_assert_int_eq(unpack_inspection(0), -1);
}

#define OF(member)      offsetof(struct bs_inspection, member)
#define SIZE_OF(member) sizeof(((struct bs_inspection *)NULL)->member)

static const struct {
	size_t offset, length;
	int byte;
} bad_inspections[] = {
	{OF(format), SIZE_OF(format), 'x'},
	{OF(windows_name), SIZE_OF(windows_name), 'x'},
	{OF(windows_build), SIZE_OF(windows_build), 'x'},
	{OF(loader_path), SIZE_OF(loader_path), 'x'},
	{OF(partition_count), 1, BS_PARTITIONS_MAX + 1},
	{OF(partition_count), 4, 0xFF},
	{OF(link_count), 1, BS_LINKS_MAX + 1},
	{OF(finding_count), 1, BS_FINDINGS_MAX + 1},
	{OF(system_index), 1, 2},    /* equal to the count */
	{OF(system_index), 4, 0xFF}, /* no system partition, although a fix applies */
	{OF(boot_index), 4, 0xFF},
	{OF(boot_index), 4, 0xFE}, /* less than -1 */
	{OF(verdict), 1, BS_VERDICT_COUNT},
	{OF(verdict), 4, 0xFF},
	{OF(starts), 1, 2},
	{OF(starts_known), 1, 2},
	{OF(starts_after), 1, 2},
	{OF(starts_after_known), 1, 2},
	{OF(room_before_known), 1, 2},
	{OF(room_after_known), 1, 0xFF},
	{OF(partitions[1].active), 1, 2},
	{OF(partitions[1].is_system), 1, 2},
	{OF(partitions[1].is_boot), 1, 2},
	{OF(partitions[1].usage_known), 1, 2},
	{OF(partitions[1].has_boot_files), 1, 2},
	{OF(no_windows), 1, 2},
	{OF(partitions[1].filesystem), 1, BS_FS_COUNT},
	{OF(partitions[1].label), SIZE_OF(partitions[1].label), 'x'},
	{OF(links[1].kind), 1, BS_LINK_KIND_COUNT},
	{OF(links[1].state), 1, BS_LINK_STATE_COUNT},
	{OF(links[1].code), 4, 0xFF},
	{OF(links[1].code), 1, BS_CODE_COUNT},
	{OF(links[1].detail), SIZE_OF(links[1].detail), 'x'},
	{OF(findings[0].code), 4, 0xFF},
	{OF(findings[0].code), 1, BS_CODE_COUNT},
	{OF(findings[0].code), 1, BS_OK},
	{OF(findings[0].code), 1, BS_RECOVERY_REQUIRED},
	{OF(findings[0].code), 1, BS_IO},
	{OF(findings[0].message), SIZE_OF(findings[0].message), 'x'},
};

TEST_EACH(inspections, an_inspection_that_makes_no_sense_is_an_error, bad_inspections)
{
	memset((uint8_t *)inspection + bad_inspections[_i].offset, bad_inspections[_i].byte,
	       bad_inspections[_i].length);
	ck_assert_int_eq(unpack_inspection(sizeof(*inspection)), -1);
}

TEST(inspections, an_unsuitable_disk_may_have_neither_volume)
{
	inspection->verdict = BS_VERDICT_UNSUITABLE;
	inspection->system_index = inspection->boot_index = -1;
	ck_assert_int_eq(unpack_inspection(sizeof(*inspection)), 0);
}

/* Only a fix that makes the boot files anew needs no system partition. */
TEST(inspections, a_disk_without_a_system_partition_is_fixable_or_unsuitable)
{
	inspection->system_index = -1;
	inspection->rebuilds = true;
	for (int verdict = 0; verdict < BS_VERDICT_COUNT; verdict++) {
		bool good = verdict == BS_VERDICT_FIXABLE || verdict == BS_VERDICT_UNSUITABLE;

		inspection->verdict = (enum bs_verdict)verdict;
		ck_assert_int_eq(unpack_inspection(sizeof(*inspection)), good ? 0 : -1);
	}
}

/* ---- errors -------------------------------------------------------------------------------- */

static enum bs_code code_received(const struct bs_error *sent, size_t length)
{
	struct bs_error err = {0};

	ck_assert_int_eq(message_unpack_error((const uint8_t *)sent, length, &err), -1);
	ck_assert_ptr_nonnull(memchr(err.message, '\0', sizeof(err.message)));
	return err.code;
}

/* ---- differences ----------------------------------------------------------------------------- */

static int unpack_differences(const struct bs_difference *items, size_t length)
{
	struct differences unpacked = {0};
	struct bs_error err = {0};
	int result = message_unpack_differences((const uint8_t *)items, length, &unpacked, &err);

	ck_assert_int_eq(err.code, result < 0 ? BS_WORKER : BS_OK);
	ck_assert_uint_eq(unpacked.count, result < 0 ? 0 : length / sizeof(*items));
	differences_free(&unpacked);
	return result;
}

TEST_CASE(differences_messages, "differences");

TEST(differences_messages, differences_that_make_no_sense_are_an_error)
{
	struct bs_difference *items = calloc(BS_DIFFERENCES_MAX + 1, sizeof(*items));

	ck_assert_ptr_nonnull(items);
	ck_assert_int_eq(unpack_differences(items, 0), 0);
	ck_assert_int_eq(unpack_differences(items, BS_DIFFERENCES_MAX * sizeof(*items)), 0);
	ck_assert_int_lt(unpack_differences(items, (BS_DIFFERENCES_MAX + 1) * sizeof(*items)), 0);
	ck_assert_int_lt(unpack_differences(items, sizeof(*items) - 1), 0);
	memset(items[1].path, 'x', sizeof(items[1].path));
	ck_assert_int_lt(unpack_differences(items, 2 * sizeof(*items)), 0);
	ck_assert_int_eq(unpack_differences(items, sizeof(*items)), 0);
	items[1].path[0] = '\0';
	items[1].path[sizeof(items[1].path) - 1] = '\0';
	memset(items[0].what, 'x', sizeof(items[0].what));
	ck_assert_int_lt(unpack_differences(items, sizeof(*items)), 0);
	items[0].what[0] = '\0';
	items[0].what[sizeof(items[0].what) - 1] = '\0';
	memset(&items[0].expected, 2, 1);
	ck_assert_int_lt(unpack_differences(items, sizeof(*items)), 0);
	free(items);
}

TEST_CASE(errors, "errors");

TEST(errors, an_error_arrives_with_its_code_and_text)
{
	const struct bs_error sent = {.code = BS_NTFS, .message = "broken"};
	struct bs_error err = {0};

	ck_assert_int_eq(message_unpack_error((const uint8_t *)&sent, sizeof(sent), &err), -1);
	ck_assert_int_eq(err.code, BS_NTFS);
	ck_assert_str_eq(err.message, "broken");
}

TEST(errors, an_error_that_makes_no_sense_is_one_of_the_worker)
{
	struct bs_error sent = {.code = BS_NTFS};

	ck_assert_int_eq(code_received(&sent, sizeof(sent) - 1), BS_WORKER);
	memset(sent.message, 'x', sizeof(sent.message));
	ck_assert_int_eq(code_received(&sent, sizeof(sent)), BS_WORKER);
	memset(&sent, 0xFF, sizeof(sent.code));
	sent.message[0] = '\0';
	ck_assert_int_eq(code_received(&sent, sizeof(sent)), BS_WORKER);
}

TEST(errors, a_worker_cannot_pass_success_or_an_interrupted_commit_off_as_an_error)
{
	for (unsigned code = 0; code < BS_CODE_COUNT; code++) {
		struct bs_error sent = {.code = (enum bs_code)code};
		enum bs_exit exit = bs_code_exit(sent.code);

		ck_assert_int_eq(code_received(&sent, sizeof(sent)),
				 exit == BS_EXIT_FAILED || exit == BS_EXIT_REFUSED ? sent.code
										   : BS_WORKER);
	}
}

/* ---- maps ---------------------------------------------------------------------------------- */

#define DISK_SIZE (64u << 20)

static struct places map;

static void map_setup(void)
{
	struct bs_error err;

	map = (struct places){.has_active = true, .loader_volume = 1 << 20};
	strcpy(map.subjects[BS_PLACE_LOADER].path, "\\Windows\\System32\\winload.exe");
	ck_assert_int_eq(places_add(&map, BS_PLACE_LOADER, (struct range){4 << 20, 700}, &err), 0);
	ck_assert_int_eq(places_add(&map, BS_PLACE_TABLE, (struct range){0, 512}, &err), 0);
}

static void map_teardown(void)
{
	places_free(&map);
}

/* Sends `map` with one byte changed; `offset` -1: unchanged. */
static enum bs_code send_map(int offset, uint8_t byte, size_t missing, struct places *received)
{
	struct bs_error err = {0};
	uint8_t *bytes, *exact;
	size_t length;

	ck_assert_int_eq(message_pack_map(&map, &bytes, &length, &err), 0);
	if (offset >= 0)
		bytes[offset] = byte;
	length -= missing;
	exact = malloc(length); /* so that the sanitizer sees a read beyond it */
	memcpy(exact, bytes, length);
	if (message_unpack_map(exact, length, DISK_SIZE, received, &err) == 0)
		err.code = BS_OK;
	free(exact);
	free(bytes);
	return err.code;
}

TEST_CASE(maps, "maps", .setup = map_setup, .teardown = map_teardown);

TEST(maps, a_map_arrives_sealed_and_without_addresses)
{
	struct places received = {0};
	uint32_t number;

	ck_assert_int_eq(send_map(-1, 0, 0, &received), BS_OK);
	ck_assert_str_eq(received.subjects[BS_PLACE_LOADER].path,
			 "\\Windows\\System32\\winload.exe");
	ck_assert_int_eq(places_find(&received, (4 << 20) + 512, &number), BS_PLACE_LOADER);
	ck_assert_ptr_ne(received.ranges.items, map.ranges.items);
	places_free(&received);
}

TEST(maps, the_longest_map_arrives)
{
	struct places received = {0};
	struct bs_error err;

	while (map.ranges.count < PLACE_RANGES_MAX)
		ck_assert_int_eq(places_add(&map, BS_PLACE_FONTS,
					    (struct range){(8 << 20) + map.ranges.count * 512, 512},
					    &err),
				 0);
	ck_assert_int_eq(send_map(-1, 0, 0, &received), BS_OK);
	ck_assert_uint_eq(received.ranges.count, PLACE_RANGES_MAX);
	places_free(&received);
}

#define OF_MAP(member) (int)offsetof(struct places, member)
#define OF_RANGE(member)                                                                           \
	(int)(sizeof(struct places) + offsetof(struct place_range, member)) /* the first range */

static const struct {
	int offset;
	uint8_t byte;
	size_t missing;
} bad_maps[] = {
	{OF_MAP(has_active), 2, 0},
	{OF_MAP(has_default), 2, 0},
	{OF_MAP(is_tool), 2, 0},
	{OF_MAP(has_windows), 2, 0},
	{OF_MAP(loader_resident), 2, 0},
	{OF_MAP(windows_resident), 0xFF, 0},
	{OF_MAP(ranges.count), 3, 0},
	{OF_MAP(ranges.count) + 6, 1, 0},
	{OF_MAP(ranges.count) + 7, 0x20, 0}, /* 2^61 more: their bytes overflow to those sent */
	{OF_RANGE(place), BS_PLACE_OTHER, 0},
	{OF_RANGE(place) + 3, 0x80, 0},
	{OF_RANGE(range.offset), 1, 0},     /* not at a sector */
	{OF_RANGE(range.offset) + 7, 1, 0}, /* beyond the disk */
	{OF_RANGE(range.length) + 7, 0xFF, 0},
	{-1, 0, 1},
	{-1, 0, sizeof(struct place_range)},
};

TEST_EACH(maps, a_map_that_makes_no_sense_is_an_error, bad_maps)
{
	struct places received = {0};

	ck_assert_int_eq(
		send_map(bad_maps[_i].offset, bad_maps[_i].byte, bad_maps[_i].missing, &received),
		BS_WORKER);
	places_free(&received);
}

TEST(maps, a_path_without_an_end_and_an_empty_message_are_errors)
{
	struct places received = {0};
	struct bs_error err;

	memset(map.subjects[BS_PLACE_BCD].path, 'x', BS_PATH_MAX);
	ck_assert_int_eq(send_map(-1, 0, 0, &received), BS_WORKER);
	places_free(&received);
	received = (struct places){0};
	ck_assert_int_eq(message_unpack_map((const uint8_t *)"", 0, DISK_SIZE, &received, &err),
			 -1);
	places_free(&received);
}

TEST(maps, a_map_with_more_bytes_than_any_sound_disk_is_damage)
{
	struct places received = {0};
	struct bs_error err;
	uint8_t *bytes;
	size_t length;

	ck_assert_int_eq(
		places_add(&map, BS_PLACE_LOADER, (struct range){0, PLACE_BYTES_MAX + 512}, &err),
		0);
	ck_assert_int_eq(message_pack_map(&map, &bytes, &length, &err), 0);
	ck_assert_int_eq(message_unpack_map(bytes, length, UINT64_MAX, &received, &err), -1);
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
	places_free(&received);
	free(bytes);
}
