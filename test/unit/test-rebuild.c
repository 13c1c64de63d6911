/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boot files that are made anew: the plan, and the verification, which notices each difference. */
#include "support/store.h"
#include "survey/survey.h"
#include "unit/verify-fixture.h"
#include "windows/accounting.h"
#include "windows/rebuild.h"

/* What Windows keeps.  The system volume has no bootmgr. */
#define LOST                                                                                       \
	"on system\nremove \\bootmgr\non windows\n"                                                \
	"file \\Windows\\Boot\\PCAT\\bootmgr size=300000 attributes=a descriptor=windows\n"        \
	"file \\Windows\\Boot\\PCAT\\memtest.exe pe=x86 size=40000 attributes=a\n"                 \
	"file \\Windows\\Boot\\Fonts\\wgl4_boot.ttf size=20000\nfolder \\Users "                   \
	"descriptor=everyone\n"                                                                    \
	"file \\Windows\\System32\\config\\BCD-Template hive=template attributes=a "               \
	"descriptor=system\n"                                                                      \
	"hive template root=NewStoreRoot file=BCD-Template\ninclude images/bcd-settings.part\n"

static const struct bs_options rebuild = {.rebuild = true};

static void make_plan(void)
{
	struct survey *survey = sample_survey(&sample, &rebuild);
	struct bs_error err = {0};

	ck_assert_int_eq(survey->report.verdict, BS_VERDICT_FIXABLE);
	ck_assert(survey->report.rebuilds);
	ASSERT_OK(plan_make(&survey->facts, &plan, &err));
	survey_free(survey);
	free(survey);
}

static void setup(void)
{
	sample_open_small(&sample, "rebuild", LOST);
	make_plan();
	clusters = sample_stage(&sample, plan);
}

TEST_CASE(rebuilt, "rebuilt", .setup = setup, .teardown = teardown);

TEST(rebuilt, new_boot_files_are_proved_right_and_the_volume_is_sound)
{
	assert_verified();
	sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
}

/* The element of the plan with this number that is not the object itself. */
static struct bs_plan_element *planned(uint32_t element)
{
	for (uint32_t i = 0; i < plan->element_count; i++)
		if (plan->elements[i].element == element)
			return &plan->elements[i];
	ck_abort_msg("no element %08x", element);
}

TEST(rebuilt, an_element_that_is_not_as_planned_is_noticed)
{
	planned(BCD_OSDEVICE)->value[0x20]++;
	assert_noticed("element 21000001 of "
		       "{2f5b0a97-cce8-11e5-9d3a-0800279c5f11} is not as");
	planned(BCD_OSDEVICE)->value[0x20]--;
	planned(BCD_TIMEOUT)->object_type++;
	assert_noticed("element 25000004");
	planned(BCD_TIMEOUT)->object_type--;
	plan->element_count--;
	assert_noticed("other entries than planned");
}

/* Reads the new store.  The caller frees it. */
static uint8_t *read_store(size_t *size)
{
	struct bs_error err = {0};
	uint8_t *bytes;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &target);
	ASSERT_OK(tree_read(target.volume, "\\Boot\\BCD", 1 << 20, &bytes, size, &err));
	sample_unmount(&target);
	return bytes;
}

static void assert_differs(const uint8_t *bytes, size_t size, const char *text)
{
	struct bs_error err = {0};

	ck_assert_int_eq(rebuild_compare(plan, bytes, size, &err), -1);
	ck_assert_int_eq(err.code, BS_VERIFY);
	ck_assert_msg(strstr(err.message, text) != NULL, "%s", err.message);
}

TEST(rebuilt, a_store_has_no_objects_but_those_of_the_plan_and_is_not_dirty)
{
	struct bs_error err = {0};
	size_t size;
	uint8_t *bytes = read_store(&size);
	struct bs_plan_element *object = planned(0);

	ASSERT_OK(rebuild_compare(plan, bytes, size, &err));
	object->object_type++;
	assert_differs(bytes, size, object->object);
	object->object_type--;
	store_le32(bytes + 4, load_le32(bytes + 4) + 1); /* a sequence number */
	store_fix_checksum(bytes);
	assert_differs(bytes, size, "other entries than planned");
	store_le32(bytes + 4, load_le32(bytes + 4) - 1);
	store_fix_checksum(bytes);
	*object = plan->elements[--plan->element_count];
	assert_differs(bytes, size, "other entries than planned");
	free(bytes);
}

TEST(rebuilt, a_changed_byte_of_the_store_is_noticed)
{
	write_into("\\Boot\\BCD", "", 100, "x", 1);
	assert_noticed("\\Boot\\BCD: the copy's SHA-256 differs");
}

TEST(rebuilt, a_changed_copy_is_noticed)
{
	write_into("\\Boot\\memtest.exe", "", 30000, "not this", 8);
	assert_noticed("\\Boot\\memtest.exe: the copy's content differs");
}

TEST(rebuilt, a_store_that_is_not_hidden_is_noticed)
{
	struct volume_metadata before;
	struct volume_file *file = edit("\\Boot\\BCD", &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_attributes(file, FILE_IS_ARCHIVE, &err));
	end_edit(file, &before);
	assert_noticed("\\Boot\\BCD: the copy's set of attributes differs");
}

TEST(rebuilt, a_store_that_anybody_may_change_is_noticed)
{
	struct volume_metadata before;
	struct volume_file *folder = edit("\\Users", &before);
	struct volume_file *file;
	uint8_t *descriptor;
	struct bs_error err = {0};
	size_t size;

	ASSERT_OK(volume_security(folder, &descriptor, &size, &err));
	end_edit(folder, &before);
	file = edit("\\Boot\\BCD", &before);
	ASSERT_OK(volume_set_security(file, descriptor, size, &err));
	end_edit(file, &before);
	free(descriptor);
	assert_noticed("\\Boot\\BCD: the copy's security descriptor differs");
}

TEST(rebuilt, a_file_that_was_not_planned_is_noticed)
{
	struct bs_error err = {0};

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &target);
	ASSERT_OK(volume_create(target.volume, "\\Boot", "new", false, &err));
	sample_unmount(&target);
	assert_noticed("files were planned");
}

/* A plan that is made again is the same: the names of new entries are no random numbers. */
TEST(rebuilt, a_plan_that_is_made_again_is_the_same)
{
	struct bs_plan *first;
	char words[BS_DIFFERENCE_MAX];

	sample_close(&sample);
	bs_plan_free(plan);
	sample_open_small(&sample, "rebuild", LOST);
	make_plan();
	first = plan;
	make_plan();
	ck_assert_msg(!plan_difference(first, plan, words), "%s", words);
	planned(BCD_TIMEOUT)->value[0]++;
	ck_assert(plan_difference(first, plan, words));
	bs_plan_free(first);
}
