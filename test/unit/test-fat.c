/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FAT system volumes as libguestfs' appliance reads them, sound ones and hostile ones.  One
 * appliance looks at one disk after another.
 */
#include <stdlib.h>
#include <string.h>

#include "unit/appliance-fixture.h"
#include "util/bytes.h"
#include "windows/plan.h"
#include "windows/stage.h"
#include "windows/verify.h"

static struct sample sample;
static struct survey *survey;

/* ---- the sound volume ---------------------------------------------------------------------- */

#define FAT                                                                                        \
	"partition system fat=16 label=OEM\n"                                                      \
	"on system\n"                                                                              \
	"file \"\\Boot\\A long name.html\" size=9000 attributes=a\n"                               \
	"file \\Boot\\other.txt size=700 attributes=ra\n"

/* Finds the entry of a file by its 8.3 name of 11 bytes.  Returns its offset on the disk. */
static uint64_t entry_of(const char *name)
{
	uint8_t *volume = malloc(SAMPLE_SYSTEM_SIZE);
	struct bs_error err = {0};
	uint64_t entry;
	uint8_t *found;

	ck_assert_ptr_nonnull(volume);
	ASSERT_OK(disk_read(sample.disk, SAMPLE_SYSTEM_START, volume, SAMPLE_SYSTEM_SIZE, &err));
	found = memmem(volume, SAMPLE_SYSTEM_SIZE, name, 11);
	ck_assert_ptr_nonnull(found);
	entry = SAMPLE_SYSTEM_START + (uint64_t)(found - volume);
	free(volume);
	return entry;
}

/* The offset on the disk of the first file allocation table. */
static uint64_t table_start(void)
{
	uint8_t record[512];
	struct bs_error err = {0};

	ASSERT_OK(disk_read(sample.disk, SAMPLE_SYSTEM_START, record, sizeof(record), &err));
	return SAMPLE_SYSTEM_START + load_le16(record + 0x0E) * 512u;
}

static uint16_t first_cluster(const char *name)
{
	uint8_t bytes[2];
	struct bs_error err = {0};

	ASSERT_OK(disk_read(sample.disk, entry_of(name) + 26, bytes, sizeof(bytes), &err));
	return load_le16(bytes);
}

static void set_next_cluster(uint16_t cluster, uint16_t next)
{
	uint8_t bytes[2];

	store_le16(bytes, next);
	sample_write(&sample, table_start() + 2u * cluster, bytes, sizeof(bytes));
}

/* ---- what is wrong ------------------------------------------------------------------------- */

static void do_nothing(void)
{
}

static void remove_bootmgr(void)
{
	sample_write(&sample, entry_of("BOOTMGR    "), "\xE5", 1);
}

static void name_with_dot(void)
{
	/* The part of the long name before the entry has "other.txt" in UTF-16.  Without a long
	 * name, the entry tells the case, and has no room for a dot at the end. */
	static const uint8_t part[] = {0x41, 'o',  0,    't',  0, '.', 0,    0,
				       0,    0xFF, 0xFF, 0x0F, 0, 0,   0xFF, 0xFF};
	uint64_t entry = entry_of("OTHER   TXT");
	uint8_t name[11], sum = 0;
	struct bs_error err = {0};
	uint8_t bytes[64];

	/* Move the entry one further, to make room for a part of a long name. */
	ASSERT_OK(disk_read(sample.disk, entry, bytes + 32, 32, &err));
	memcpy(name, bytes + 32, 11);
	for (size_t i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + name[i]);
	memset(bytes, 0xFF, 32);
	memcpy(bytes, part, sizeof(part));
	bytes[13] = sum;
	bytes[26] = bytes[27] = 0;
	sample_write(&sample, entry, bytes, sizeof(bytes));
}

static void chain_that_ends_early(void)
{
	set_next_cluster(first_cluster("BOOTMGR    "), 0xFFFF);
}

static void mark_as_in_use(void)
{
	sample_write(&sample, SAMPLE_SYSTEM_START + 0x25, "\1", 1);
}

static void boot_record_of_mkntfs(void)
{
	sample_write(&sample, SAMPLE_BOOT_START + 0x54, "\xFA\xF4", 2);
	sample_write(&sample, SAMPLE_BOOT_START + 0x56, (const uint8_t[424]){0}, 424);
}

static const struct {
	const char *name;
	void (*act)(void);
	enum bs_code code; /* BS_OK: it can be fixed */
} volumes[] = {
	{"as it should be", do_nothing, BS_OK},
	{"no bootmgr", remove_bootmgr, BS_BOOTMGR_MISSING},
	{"a name with a dot at its end", name_with_dot, BS_BOOT_FILE_UNSUPPORTED},
	{"a chain that ends early", chain_that_ends_early, BS_NTFS_DAMAGED},
	{"marked as in use", mark_as_in_use, BS_UNCLEAN},
	{"no boot code for NTFS", boot_record_of_mkntfs, BS_BOOT_CODE_MISSING},
};

/* ---- a fix --------------------------------------------------------------------------------- */

/* The appliance reads the system volume and libntfs-3g the other one, as in a fix. */
static const struct volume_engine *others;

static int open_mixed(const struct volume_engine *engine, uint64_t start, uint64_t size,
		      enum volume_mode mode, struct volume **volume, struct bs_error *err)
{
	const struct volume_engine ntfs = volume_ntfs_engine(engine->disk);

	return volume_open(start == SAMPLE_SYSTEM_START ? others : &ntfs, start, size, mode, volume,
			   err);
}

static void assert_described(const char *path, uint32_t attributes, const char *short_name)
{
	struct sample_volume boot;
	struct volume_metadata metadata;
	struct bs_error err = {0};
	struct volume_file *file;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &boot);
	file = sample_open_file(&boot, path);
	ASSERT_OK(volume_stat(file, &metadata, &err));
	ck_assert_uint_eq(metadata.attributes, attributes);
	ck_assert_str_eq(metadata.short_name, short_name);
	/* The time at which the clock of the samples' builder stands. */
	ck_assert_uint_eq(metadata.modified, 129347621460000000ull);
	volume_done_file(file);
	sample_unmount(&boot);
}

static void fix_and_verify(struct appliance_engine *engine)
{
	const struct bs_options options = {0};
	struct bs_error err = {0};
	struct bs_plan *plan;
	uint64_t clusters;

	others = &engine->base;
	sample.engine.reads_fat = true;
	sample.engine.open = open_mixed;
	ASSERT_OK(plan_make(&survey->facts, &plan, &err));
	clusters = sample_stage(&sample, plan);
	ASSERT_OK(verify_run(&sample.engine, plan, &options, clusters, &err));
	sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	assert_described("\\bootmgr", 0x27, "");
	assert_described("\\Boot\\A long name.html", 0x20, "ALONGN~1.HTM");
	assert_described("\\Boot\\other.txt", 0x21, "");
	bs_plan_free(plan);
}

TEST_CASE(fat, "FAT", .once_setup = open_appliance, .once_teardown = close_appliance,
	  .tags = "slow");

TEST(fat, a_sound_volume_is_fixed_and_each_fault_is_refused_with_its_code)
{
	const struct bs_options options = {0};
	struct bs_error err = {0};

	for (size_t i = 0; i < sizeof(volumes) / sizeof(volumes[0]); i++) {
		struct appliance_engine engine;
		const struct bs_inspection *report;

		sample_open_small(&sample, "fat", FAT);
		volumes[i].act();
		borrow(sample.disk, &engine);
		survey = calloc(1, sizeof(*survey));
		ASSERT_OK(survey_take(&engine.base, &options, survey, &err));
		report = &survey->report;
		ck_assert_uint_gt(report->finding_count, 0);
		if (volumes[i].code == BS_OK) {
			ck_assert_msg(report->verdict == BS_VERDICT_FIXABLE, "%s: %s",
				      volumes[i].name, report->findings[0].message);
			ck_assert_int_eq(report->findings[0].code, BS_NOTE_FAT);
			ck_assert_str_eq(report->partitions[0].label, "OEM");
			fix_and_verify(&engine);
		} else {
			ck_assert_msg(report->findings[0].code == volumes[i].code, "%s: %s: %s",
				      volumes[i].name, bs_code_name(report->findings[0].code),
				      report->findings[0].message);
		}
		survey_free(survey);
		free(survey);
		give_back();
		sample_close(&sample);
	}
}
