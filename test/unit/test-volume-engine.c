/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Code above volume.h works with every engine: with one whose volumes are two files in memory, and
 * with one that opens real volumes but cannot answer questions about clusters.
 */
#include <strings.h>

#include "survey/reader.h"
#include "unit/verify-fixture.h"
#include "util/path.h"
#include "volume/tree.h"

/* ---- two files in memory ------------------------------------------------------------------- */

struct item {
	const char *path;
	const char *content; /* NULL: a folder */
};

static const struct item items[] = {
	{"\\", NULL},
	{"\\Boot", NULL},
	{"\\Boot\\BCD", "the store"},
	{"\\bootmgr", "the boot manager"},
};
#define ITEMS (sizeof(items) / sizeof(items[0]))

struct memory_file {
	struct volume_file file;
	const struct item *item;
};

static unsigned volumes_open, files_open, opened; /* `opened` counts volumes */

static const struct item *memory_item(struct volume_file *file)
{
	return ((struct memory_file *)file)->item;
}

static int memory_close(struct volume *volume, struct bs_error *err)
{
	(void)err;
	volumes_open--;
	free(volume);
	return 0;
}

static int memory_open_file(struct volume *volume, const char *path, struct volume_file **file,
			    struct bs_error *err)
{
	(void)err;
	for (size_t i = 0; i < ITEMS; i++) {
		struct memory_file *own;

		if (strcasecmp(items[i].path, path) != 0)
			continue;
		own = calloc(1, sizeof(*own));
		own->file.operations = volume->operations;
		own->item = &items[i];
		files_open++;
		*file = &own->file;
	}
	return 0;
}

static int memory_close_file(struct volume_file *file, struct bs_error *err)
{
	(void)err;
	files_open--;
	free(file);
	return 0;
}

static int memory_stat(struct volume_file *file, struct volume_metadata *metadata,
		       struct bs_error *err)
{
	const struct item *item = memory_item(file);

	(void)err;
	*metadata = (struct volume_metadata){.is_folder = !item->content, .links = 1};
	if (item->content)
		metadata->size = strlen(item->content);
	snprintf(metadata->name, sizeof(metadata->name), "%s", guest_path_name(item->path));
	return 0;
}

static int memory_read(struct volume_file *file, const char *stream, uint64_t offset, void *buffer,
		       size_t length, struct bs_error *err)
{
	(void)stream;
	(void)err;
	memcpy(buffer, memory_item(file)->content + offset, length);
	return 0;
}

static int memory_list(struct volume_file *folder, struct volume_entry **entries, size_t *count,
		       struct bs_error *err)
{
	(void)err;
	*entries = calloc(ITEMS, sizeof(**entries));
	*count = 0;
	for (size_t i = 1; i < ITEMS; i++) {
		char parent[BS_PATH_MAX];

		guest_path_folder(items[i].path, parent);
		if (strcmp(parent, memory_item(folder)->path) == 0)
			snprintf((*entries)[(*count)++].name, VOLUME_NAME_MAX, "%s",
				 guest_path_name(items[i].path));
	}
	return 0;
}

static const struct volume_operations memory_operations = {
	.close = memory_close,
	.open_file = memory_open_file,
	.close_file = memory_close_file,
	.stat = memory_stat,
	.read = memory_read,
	.list = memory_list,
};

#define START 1000
#define SIZE  2000

static int memory_open(const struct volume_engine *engine, uint64_t start, uint64_t size,
		       enum volume_mode mode, struct volume **volume, struct bs_error *err)
{
	(void)engine;
	if (start != START || size != SIZE || mode != VOLUME_READ)
		return fail(err, BS_NTFS, "no such volume");
	*volume = calloc(1, sizeof(**volume));
	(*volume)->operations = &memory_operations;
	volumes_open++;
	opened++;
	return 0;
}

static const struct volume_engine memory_engine = {.open = memory_open};
static struct volume *memory;

static void setup_memory(void)
{
	struct bs_error err = {0};

	ASSERT_OK(volume_open(&memory_engine, START, SIZE, VOLUME_READ, &memory, &err));
}

static void teardown_memory(void)
{
	ck_assert_uint_eq(files_open, 0);
	volume_done(memory);
	ck_assert_uint_eq(volumes_open, 0);
}

TEST_CASE(any_engine, "any engine", .setup = setup_memory, .teardown = teardown_memory);

static int add_path(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	char *paths = context;

	(void)err;
	strcat(strcat(paths, visit->path), visit->metadata->is_folder ? "/ " : " ");
	return 0;
}

TEST(any_engine, a_walk_visits_every_file)
{
	char paths[200] = "";
	struct bs_error err = {0};
	uint32_t count;
	bool found;

	ASSERT_OK(tree_walk(memory, "\\", add_path, paths, &found, &err));
	ck_assert(found);
	ck_assert_str_eq(paths, "\\/ \\Boot/ \\Boot\\BCD \\bootmgr ");
	ASSERT_OK(tree_count(memory, "\\boot", &count, &err));
	ck_assert_uint_eq(count, 2);
}

TEST(any_engine, a_file_is_described_and_read)
{
	struct volume_metadata metadata;
	struct bs_error err = {0};
	uint8_t *content;
	size_t size;
	bool found;

	ASSERT_OK(tree_stat(memory, "\\BOOT\\bcd", &found, &metadata, &err));
	ck_assert(found && !metadata.is_folder);
	ck_assert_str_eq(metadata.name, "BCD");
	ASSERT_OK(tree_read(memory, "\\bootmgr", 100, &content, &size, &err));
	ck_assert_uint_eq(size, strlen("the boot manager"));
	ck_assert_mem_eq(content, "the boot manager", size);
	free(content);
	ASSERT_OK(tree_stat(memory, "\\nothing", &found, &metadata, &err));
	ck_assert(!found);
}

TEST(any_engine, the_survey_s_reader_finds_files_and_mounts_each_volume_once)
{
	struct facts *facts = calloc(1, sizeof(*facts));
	struct reader reader = {.engine = &memory_engine, .facts = facts};
	struct fact_found found;
	struct bs_error err = {0};
	uint32_t count;
	int32_t index;

	facts->partition_count = 2; /* the second has a place where the engine finds no volume */
	for (unsigned i = 0; i < 2; i++)
		facts->partitions[i].is = (struct bs_partition){.filesystem = BS_FS_NTFS,
								.usage_known = true,
								.start = START + i,
								.size = SIZE};
	ASSERT_OK(reader_find(memory, "\\boot\\bcd", &found, &err));
	ck_assert_int_eq(found.kind, FOUND_FILE);
	ck_assert_str_eq(found.path, "\\Boot\\BCD");
	opened = 0;
	for (unsigned i = 0; i < 2; i++)
		ASSERT_OK(reader_locate(&reader, "\\BOOTMGR", &index, &count, &err));
	ck_assert_int_eq(index, 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(opened, 1);
	reader_close(&reader);
	ck_assert_uint_eq(volumes_open, 1); /* the test's own */
	free(facts);
}

TEST(any_engine, a_volume_says_that_it_has_no_internals)
{
	ck_assert(!volume_has_internals(memory));
}

/* ---- real volumes that cannot answer questions about clusters ------------------------------ */

static int blind_open(const struct volume_engine *engine, uint64_t start, uint64_t size,
		      enum volume_mode mode, struct volume **volume, struct bs_error *err)
{
	static struct volume_operations operations;
	const struct volume_engine ntfs = volume_ntfs_engine(engine->disk);

	if (volume_open(&ntfs, start, size, mode, volume, err) < 0)
		return -1;
	operations = *(*volume)->operations;
	operations.internals = NULL;
	(*volume)->operations = &operations;
	return 0;
}

static void setup_blind(void)
{
	sample_open_small(&sample, "stage-engine", "");
	plan = sample_plan(&sample);
	sample.engine.open = blind_open;
	clusters = sample_stage(&sample, plan);
}

TEST_CASE(without_internals, "without internals", .setup = setup_blind, .teardown = teardown);

TEST(without_internals, a_disk_is_surveyed_staged_and_verified)
{
	assert_verified();
}

TEST(without_internals, only_the_clusters_are_not_verified)
{
	clusters++;
	assert_verified();
	sample.engine = volume_ntfs_engine(sample.disk);
	assert_noticed("clusters do not add up");
}

TEST(without_internals, a_changed_file_is_noticed)
{
	struct volume_metadata before;
	struct volume_file *file = edit("\\Boot\\memtest.exe", &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_write(file, "", 39999, "\xA5", 1, &err));
	end_edit(file, &before);
	assert_noticed("content differs");
}

TEST(without_internals, a_disk_that_would_not_start_is_noticed)
{
	sample_write(&sample, 0x1BE, "\x80", 1);
	sample_write(&sample, 0x1CE, "\0", 1);
	assert_noticed("would not start");
}
