/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second opinion.  One appliance looks at one disk after another: the disk below its view is
 * exchanged while it has nothing mounted.  bootshift's own verification does not run here.
 */
#include "appliance/appliance.h"
#include "unit/verify-fixture.h"
#include "util/bytes.h"
#include "windows/opinion.h"

#define MEMTEST "\\Boot\\memtest.exe"

/* What libguestfs' inspection needs to recognise Windows, and a stream. */
static const char more[] =
	"on system\n"
	"file \"\\Boot\\A long name.html\" size=9000 attributes=a\n"
	"stream \\Boot\\memtest.exe:stream size=5000\n"
	"on windows\n"
	"file \\Windows\\explorer.exe pe=amd64 size=2616 attributes=a descriptor=windows\n"
	"file \\Windows\\System32\\cmd.exe pe=amd64 size=2616 descriptor=windows\n"
	"folder \\Windows\\System32\\config descriptor=system\n"
	"file \\Windows\\System32\\config\\SOFTWARE hive=software attributes=a descriptor=system\n"
	"file \\Windows\\System32\\config\\SYSTEM hive=system attributes=a descriptor=system\n"
	"hive software root=CMI-CreateHive file=\\SystemRoot\\System32\\Config\\SOFTWARE\n"
	"key \"\\Microsoft\\Windows NT\\CurrentVersion\"\n"
	"value ProductName string \"Windows 7 Enterprise\"\n"
	"value CurrentVersion string 6.1\n"
	"value SystemRoot string C:\\Windows\n"
	"hive system root=CMI-CreateHive file=\\SystemRoot\\System32\\Config\\SYSTEM\n"
	"key \\Select\n"
	"value Current dword 1\n"
	"key \\MountedDevices\n";

/* ---- a disk that the test exchanges -------------------------------------------------------- */

static struct exchanged {
	struct disk disk;
	struct disk *below;
} view;

static int view_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	return disk_read(((struct exchanged *)disk)->below, offset, buffer, length, err);
}

static const struct disk_operations view_operations = {.read = view_read};

static void stage(void)
{
	sample_open_small(&sample, "opinion", more);
	plan = sample_plan(&sample);
	clusters = sample_stage(&sample, plan);
	view = (struct exchanged){
		.disk = {.operations = &view_operations, .size = disk_size(sample.disk)},
		.below = sample.disk,
	};
}

/* ---- wrong stagings ------------------------------------------------------------------------- */

static void do_nothing(void)
{
}

static void change_descriptor(void)
{
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	struct volume_file *other = sample_open_file(&target, "\\Boot\\BCD");
	struct bs_error err = {0};
	uint8_t *descriptor;
	size_t size;

	ASSERT_OK(volume_security(other, &descriptor, &size, &err));
	ASSERT_OK(volume_set_security(file, descriptor, size, &err));
	free(descriptor);
	volume_done_file(other);
	end_edit(file, &before);
}

static void write_into(const char *path, const char *stream, uint64_t offset, const void *bytes,
		       size_t length)
{
	struct volume_metadata before;
	struct volume_file *file = edit(path, &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_write(file, stream, offset, bytes, length, &err));
	end_edit(file, &before);
}

static void change_content(void)
{
	write_into("\\bootmgr", "", 1234, "x", 1);
}

static void change_stream(void)
{
	write_into(MEMTEST, "stream", 4999, "\1\2", 1);
}

static void add_stream(void)
{
	write_into(MEMTEST, "another", 0, "x", 1);
}

static void change_attributes(void)
{
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_attributes(file, before.attributes ^ FILE_IS_SYSTEM, &err));
	end_edit(file, &before);
}

static void change_time(void)
{
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);

	before.accessed++; /* by 100 ns */
	end_edit(file, &before);
}

static void add_extended_attributes(void)
{
	static const uint8_t attributes[] = {16,  0,   0,   0,   0, 4, 2, 0,
					     'N', 'A', 'M', 'E', 0, 1, 2, 0};
	struct volume_metadata before;
	struct volume_file *file = edit(MEMTEST, &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_extended_attributes(file, attributes, sizeof(attributes), &err));
	end_edit(file, &before);
}

static void drop_short_name(void)
{
	struct volume_metadata before, folder;
	struct bs_error err = {0};
	struct volume_file *file;
	uint32_t count;

	volume_done_file(edit("\\Boot\\A long name.html", &before));
	sample_unmount(&target);
	volume_done_file(edit("\\Boot", &folder));
	ASSERT_OK(volume_remove(target.volume, "\\Boot\\A long name.html", &count, &err));
	ASSERT_OK(volume_create(target.volume, "\\Boot", "A long name.html", false, &err));
	file = sample_open_file(&target, "\\Boot\\A long name.html");
	ASSERT_OK(volume_set_attributes(file, before.attributes, &err));
	sample_close_file(file);
	end_edit(sample_open_file(&target, "\\Boot"), &folder);
}

static void undo_retargeting(void)
{
	uint8_t bytes[8];

	store_le64(bytes, plan->system_start);
	write_into("\\Boot\\BCD", "", plan->elements[0].offset, bytes, sizeof(bytes));
}

static void retarget_too_much(void)
{
	plan->element_count--;
}

static void activate_two(void)
{
	sample_write(&sample, 0x1BE, "\x80", 1);
}

static void activate_none(void)
{
	sample_write(&sample, 0x1BE + 16, "\0", 1);
}

/* Marks the clusters of the copy of bootmgr as free. */
static void free_clusters(void)
{
	struct range_vector bitmap = {0};
	struct bs_error err = {0};
	struct volume_file *file;
	uint8_t zeros[64] = {0};

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &target);
	file = sample_open_file(&target, "\\$Bitmap");
	ASSERT_OK(volume_locate(file, 64, &bitmap, &err));
	volume_done_file(file);
	sample_unmount(&target);
	ck_assert_uint_ge(bitmap.items[0].length, sizeof(zeros));
	sample_write(&sample, SAMPLE_BOOT_START + bitmap.items[0].offset, zeros, sizeof(zeros));
	range_vector_free(&bitmap);
}

static const struct {
	const char *name;
	void (*act)(void);
	const char *said; /* a part of the message; NULL: the appliance agrees */
} stagings[] = {
	{"as it should be", do_nothing, NULL},
	{"another descriptor", change_descriptor, "security descriptor differs"},
	{"other content", change_content, "content differs"},
	{"other content of a stream", change_stream, "content differs"},
	{"one more stream", add_stream, "set of streams differs"},
	{"other attributes", change_attributes, "set of attributes differs"},
	{"another time", change_time, "set of times differs"},
	{"extended attributes", add_extended_attributes, "set of extended attributes differs"},
	{"another short name", drop_short_name, "differs"},
	{"an element that was not retargeted", undo_retargeting, "is not retargeted"},
	{"one retargeted element too many", retarget_too_much, "is not as it was"},
	{"two active partitions", activate_two, "partition 1 is active"},
	{"no active partition", activate_none, "partition 2 is not active"},
	{"used clusters marked as free", free_clusters, "ntfsresize is not content"},
};

TEST_CASE(opinion, "opinion", .tags = "slow");

TEST(opinion, the_appliance_alone_notices_each_wrong_staging)
{
	const struct bs_options options = {0};
	struct appliance *appliance;
	struct bs_error err = {0};

	setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 0);
	stage();
	appliance = appliance_start(&view.disk, &err);
	ck_assert_msg(appliance != NULL, "%s", err.message);
	for (size_t i = 0; i < sizeof(stagings) / sizeof(stagings[0]); i++) {
		struct appliance_engine engine;
		int result;

		if (i > 0)
			stage();
		stagings[i].act();
		ASSERT_OK(appliance_engine_open(&engine, sample.disk, appliance_channel(appliance),
						&err));
		result = opinion_run(&engine, plan, &options, &err);
		if (stagings[i].said == NULL) {
			ck_assert_msg(result == 0, "%s: %s", stagings[i].name, err.message);
		} else {
			ck_assert_msg(result < 0, "%s: not noticed", stagings[i].name);
			ck_assert_msg(err.code == BS_SECOND_OPINION &&
					      strstr(err.message, stagings[i].said),
				      "%s: %s: %s", stagings[i].name, bs_code_name(err.code),
				      err.message);
		}
		teardown();
	}
	ASSERT_OK(appliance_end(appliance, &err));
}
