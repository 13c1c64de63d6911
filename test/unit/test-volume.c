/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying between volumes: a copy equals its source in everything except how it is stored, and
 * other programs find no fault in the volume and the copies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ntfs/volume-ntfs.h"
#include "support/sample.h"
#include "util/bytes.h"
#include "volume/tree.h"

#define MANY 600u /* files in one folder: its index gets blocks of its own, and $MFT grows */

static struct sample sample;

static void teardown(void)
{
	sample_close(&sample);
}

/* Mounts the system volume, so that a test can make files that recipes cannot describe. */
static void mount_system(struct sample_volume *system)
{
	sample_mount(&sample, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE, VOLUME_WRITE, system);
}

/* Stages a fix of the sample in its present state. */
static void stage(void)
{
	struct bs_plan *plan = sample_plan(&sample);

	sample_stage(&sample, plan);
	bs_plan_free(plan);
}

static struct sample_volume source, target;

static void mount_both(void)
{
	sample_mount(&sample, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE, VOLUME_READ, &source);
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &target);
}

static void unmount_both(void)
{
	sample_unmount(&source);
	sample_unmount(&target);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void compare_streams(struct volume_file *file, struct volume_file *copy)
{
	struct volume_stream *streams, *copied;
	size_t count, copied_count;
	struct bs_error err = {0};

	ASSERT_OK(volume_streams(file, &streams, &count, &err));
	ASSERT_OK(volume_streams(copy, &copied, &copied_count, &err));
	ck_assert_uint_eq(count, copied_count);
	for (size_t i = 0; i < count; i++) {
		uint8_t *left = malloc(streams[i].size + 1), *right = malloc(streams[i].size + 1);

		ck_assert_str_eq(streams[i].name, copied[i].name);
		ck_assert_uint_eq(streams[i].size, copied[i].size);
		ASSERT_OK(volume_read(file, streams[i].name, 0, left, streams[i].size, &err));
		ASSERT_OK(volume_read(copy, streams[i].name, 0, right, streams[i].size, &err));
		ck_assert(memcmp(left, right, streams[i].size) == 0);
		free(left);
		free(right);
	}
	free(streams);
	free(copied);
}

static void compare_blobs(struct volume_file *file, struct volume_file *copy)
{
	uint8_t *left, *right;
	size_t left_size, right_size;
	struct bs_error err = {0};

	ASSERT_OK(volume_security(file, &left, &left_size, &err));
	ASSERT_OK(volume_security(copy, &right, &right_size, &err));
	ck_assert_uint_gt(left_size, 20);
	ck_assert_uint_eq(left_size, right_size);
	ck_assert_mem_eq(left, right, left_size);
	free(left);
	free(right);
	ASSERT_OK(volume_extended_attributes(file, &left, &left_size, &err));
	ASSERT_OK(volume_extended_attributes(copy, &right, &right_size, &err));
	ck_assert_uint_eq(left_size, right_size);
	ck_assert(left_size == 0 || memcmp(left, right, left_size) == 0);
	free(left);
	free(right);
}

/* The index of the folder must agree with the file's own name attribute, and both must be true. */
static void check_index(struct sample_volume *mounted, struct volume_file *base)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	ntfs_inode *folder = ntfs_inode_open(volume_ntfs(mounted->volume)->ntfs, file->folder);
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(file->inode, NULL);
	int names = 0;

	ck_assert(folder != NULL && search != NULL);
	while (ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, search) ==
	       0) {
		FILE_NAME_ATTR *name = (FILE_NAME_ATTR *)((u8 *)search->attr +
							  le16_to_cpu(search->attr->value_offset));
		ntfs_index_context *index = ntfs_index_ctx_get(folder, NTFS_INDEX_I30, 4);
		FILE_NAME_ATTR *entry;

		ck_assert_int_eq(ntfs_index_lookup(name, sizeof(*name), index), 0);
		entry = index->data;
		ck_assert_int_eq(entry->file_name_type, name->file_name_type);
		ck_assert_mem_eq(&entry->creation_time, &name->creation_time, 32);
		ck_assert_int_eq(sle64_to_cpu(entry->creation_time),
				 sle64_to_cpu(file->inode->creation_time));
		ck_assert_int_eq(sle64_to_cpu(entry->last_mft_change_time),
				 sle64_to_cpu(file->inode->last_mft_change_time));
		ck_assert_int_eq(sle64_to_cpu(entry->data_size), sle64_to_cpu(name->data_size));
		ck_assert_int_eq(sle64_to_cpu(entry->allocated_size),
				 sle64_to_cpu(name->allocated_size));
		if (!(file->inode->mrec->flags & MFT_RECORD_IS_DIRECTORY)) {
			ck_assert_int_eq(sle64_to_cpu(entry->data_size), file->inode->data_size);
			ck_assert_int_eq(sle64_to_cpu(entry->allocated_size),
					 file->inode->allocated_size);
		}
		ck_assert_uint_eq(le32_to_cpu(entry->file_attributes) & 0xFFFF,
				  le32_to_cpu(file->inode->flags) & 0xFFFF);
		ntfs_index_ctx_put(index);
		names++;
	}
	ck_assert_int_ge(names, 1);
	ntfs_attr_put_search_ctx(search);
	ck_assert_int_eq(ntfs_inode_close(folder), 0);
}

static int compare_one(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	const char *path = visit->path;
	struct volume_file *file = visit->file;
	const struct volume_metadata *metadata = visit->metadata;
	struct volume_file *copy = sample_open_file(&target, path);
	struct volume_metadata copied;
	uint32_t *count = context;
	const uint32_t added = strcmp(path, "\\Boot") == 0 ? 7 : 0; /* read-only, hidden, system */

	ck_assert_int_eq(volume_stat(copy, &copied, err), 0);
	ck_assert_str_eq(metadata->name, copied.name);
	ck_assert_str_eq(metadata->short_name, copied.short_name);
	ck_assert_int_eq(metadata->name_space, copied.name_space);
	ck_assert_int_eq(metadata->is_folder, copied.is_folder);
	ck_assert_uint_eq(metadata->size, copied.size);
	ck_assert_uint_eq((metadata->attributes & FILE_ATTRIBUTES_COPIED) | added,
			  copied.attributes & FILE_ATTRIBUTES_COPIED);
	ck_assert_uint_eq(copied.attributes & (FILE_IS_COMPRESSED | FILE_IS_SPARSE), 0);
	ck_assert_uint_eq(metadata->created, copied.created);
	ck_assert_uint_eq(metadata->modified, copied.modified);
	ck_assert_uint_eq(metadata->changed, copied.changed);
	ck_assert_uint_eq(metadata->accessed, copied.accessed);
	if (strcasecmp(path, BOOT_BCD_PATH) != 0) /* a fix changes only this file */
		compare_streams(file, copy);
	compare_blobs(file, copy);
	check_index(&target, copy);
	volume_done_file(copy);
	++*count;
	return 0;
}

/* Compares all items that had to be copied, and checks the volume with other programs. */
static void assert_copied_faithfully(uint32_t expected_count)
{
	struct bs_error err = {0};
	uint32_t count = 0, there;
	bool found;

	mount_both();
	ASSERT_OK(tree_walk(source.volume, "\\bootmgr", compare_one, &count, &found, &err));
	ASSERT_OK(tree_walk(source.volume, "\\Boot", compare_one, &count, &found, &err));
	ASSERT_OK(tree_count(target.volume, "\\Boot", &there, &err));
	ck_assert_uint_eq(count, there + 1);
	ck_assert_uint_eq(count, expected_count);
	unmount_both();
	sample_check_volume(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
}

/* ---- files that recipes can describe ------------------------------------------------------- */

TEST_CASE(copies, "copies", .teardown = teardown);

TEST(copies, files_of_every_size_are_copied)
{
	sample_open_small(&sample, "sizes",
			  "on system\n"
			  "file \\Boot\\empty size=0 attributes=a\n"
			  "file \\Boot\\one size=1 attributes=a\n"
			  "file \\Boot\\resident size=500 attributes=a\n"
			  "file \\Boot\\barely size=700 attributes=a\n"
			  "file \\Boot\\cluster size=4096 attributes=a\n"
			  "file \\Boot\\more size=4097 attributes=a\n"
			  "file \\Boot\\chunk size=1M attributes=a\n"
			  "file \\Boot\\large size=5000001 attributes=a\n");
	stage();
	assert_copied_faithfully(12);
}

TEST(copies, attributes_times_and_descriptors_are_copied)
{
	sample_open_small(&sample, "described",
			  "on system\n"
			  "file \\Boot\\ordinary size=10 attributes=none descriptor=everyone\n"
			  "file \\Boot\\all size=10 attributes=rhsai descriptor=system-only "
			  "times=2001-02-03T04:05:06.1234567Z,2002-03-04T05:06:07.2345678Z,"
			  "2003-04-05T06:07:08.3456789Z,2004-05-06T07:08:09.4567891Z\n"
			  "folder \\Boot\\folder attributes=rhi descriptor=users-read "
			  "times=2001-02-03T04:05:06.1234567Z,2002-03-04T05:06:07.2345678Z,"
			  "2003-04-05T06:07:08.3456789Z,2004-05-06T07:08:09.4567891Z\n"
			  "file \\Boot\\folder\\inside size=10 attributes=a\n");
	stage();
	assert_copied_faithfully(8);
}

TEST(copies, names_are_copied_in_their_namespaces)
{
	static const char *const win32_only[] = {"WIN32 only.text", "caf\xC3\xA9"};
	struct bs_error err = {0};
	struct sample_volume system;

	sample_open_small(&sample, "names",
			  "on system\n"
			  "file \\Boot\\SHORT.TXT size=10 attributes=a\n"
			  "file \\Boot\\mixed.txt size=10 attributes=a\n"
			  "file \"\\Boot\\A long name.html\" size=10 attributes=a\n"
			  "file \"\\Boot\\Another.name.html\" short=OTHER~77.HTM size=10\n"
			  "file \\Boot\\without size=10 attributes=a short=none\n"
			  "folder \"\\Boot\\A long folder\"\n");
	mount_system(&system);
	for (size_t i = 0; i < 2; i++) {
		struct volume_metadata names = {.name_space = NAMESPACE_WIN32};

		snprintf(names.name, sizeof(names.name), "%s", win32_only[i]);
		ASSERT_OK(volume_create(system.volume, "\\Boot", names.name, false, &err));
		ASSERT_OK(volume_set_names(system.volume, "\\Boot", &names, &err));
	}
	sample_unmount(&system);
	stage();
	assert_copied_faithfully(12);
}

TEST(copies, characters_beyond_the_basic_plane_are_copied)
{
	struct bs_error err = {0};
	struct sample_volume system;

	sample_open_small(&sample, "emoji", "");
	mount_system(&system);
	ASSERT_OK(volume_create(system.volume, "\\Boot", "\xF0\x9F\x92\xBE disk", false, &err));
	ASSERT_OK(volume_create(system.volume, "\\Boot", "\xF0\x90\x80\x80", true, &err));
	sample_unmount(&system);
	stage();
	assert_copied_faithfully(6);
}

TEST(copies, streams_of_files_and_folders_are_copied)
{
	struct bs_error err = {0};
	struct sample_volume system;
	struct volume_file *folder;

	sample_open_small(&sample, "streams",
			  "on system\n"
			  "stream \\Boot\\memtest.exe:Zone.Identifier line=[ZoneTransfer]\n"
			  "stream \\Boot\\memtest.exe:large size=300000\n"
			  "stream \\Boot\\memtest.exe:empty size=0\n"
			  "file \\Boot\\nothing size=0\n"
			  "stream \\Boot\\nothing:something size=4097\n");
	mount_system(&system);
	folder = sample_open_file(&system, "\\Boot");
	ASSERT_OK(volume_write(folder, "of a folder", 0, "content", 7, &err));
	sample_close_file(folder);
	sample_unmount(&system);
	stage();
	assert_copied_faithfully(5);
	mount_both();
	folder = sample_open_file(&target, "\\Boot");
	{
		char content[7];

		ASSERT_OK(volume_read(folder, "of a folder", 0, content, 7, &err));
		ck_assert_mem_eq(content, "content", 7);
	}
	volume_done_file(folder);
	unmount_both();
}

TEST(copies, a_file_has_a_limited_number_of_streams)
{
	struct bs_error err = {0};
	struct volume_stream *streams;
	struct volume_file *file;
	char name[16];
	size_t count;

	sample_open_small(&sample, "many-streams", "");
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &target);
	ASSERT_OK(volume_create(target.volume, "\\", "many", false, &err));
	file = sample_open_file(&target, "\\many");
	for (unsigned i = 1; i < 1024; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ASSERT_OK(volume_write(file, name, 0, "", 0, &err));
	}
	ASSERT_OK(volume_streams(file, &streams, &count, &err));
	ck_assert_uint_eq(count, 1024);
	free(streams);
	ASSERT_OK(volume_write(file, "one more", 0, "", 0, &err));
	ck_assert_int_eq(volume_streams(file, &streams, &count, &err), -1);
	ck_assert_int_eq(err.code, BS_BOOT_FILE_UNSUPPORTED);
	sample_close_file(file);
	sample_unmount(&target);
}

TEST(copies, extended_attributes_are_copied)
{
	/* One of WSL's: no next, no flags, 6 characters, 4 bytes. */
	static const uint8_t attributes[] = {20,  0,   0,   0,   0,    6,    4, 0, '$', 'L',
					     'X', 'U', 'I', 'D', '\0', 0xE8, 3, 0, 0,   0};
	struct bs_error err = {0};
	struct sample_volume system;
	struct volume_file *file;
	uint8_t *copied;
	size_t size;

	sample_open_small(&sample, "ea", "");
	mount_system(&system);
	file = sample_open_file(&system, "\\Boot\\memtest.exe");
	ASSERT_OK(volume_set_extended_attributes(file, attributes, sizeof(attributes), &err));
	sample_close_file(file);
	sample_unmount(&system);
	stage();
	assert_copied_faithfully(4);
	mount_both();
	file = sample_open_file(&target, "\\Boot\\memtest.exe");
	ASSERT_OK(volume_extended_attributes(file, &copied, &size, &err));
	ck_assert_uint_eq(size, sizeof(attributes));
	ck_assert_mem_eq(copied, attributes, size);
	free(copied);
	volume_done_file(file);
	unmount_both();
}

TEST(copies, a_compressed_source_is_copied_uncompressed)
{
	struct sample_volume system;
	struct volume_file *file;

	sample_open_small(&sample, "compressed-source",
			  "on system\n"
			  "folder \\Boot\\packed attributes=c\n"
			  "file \\Boot\\packed\\zeros size=300000 seed=0 attributes=ca\n"
			  "file \\Boot\\packed\\text size=300000 text=abc seed=0 attributes=ca\n"
			  "file \\Boot\\packed\\noise size=300000 attributes=ca\n");
	mount_system(&system);
	file = sample_open_file(&system, "\\Boot\\packed\\zeros");
	ck_assert(volume_ntfs_file(file)->inode->flags &
		  FILE_ATTR_COMPRESSED); /* else the test proves nothing */
	volume_done_file(file);
	sample_unmount(&system);
	stage();
	assert_copied_faithfully(8);
}

TEST(copies, a_compressed_folder_at_the_target_compresses_no_copies)
{
	sample_open_small(&sample, "compressed-target",
			  "on windows\n"
			  "folder \\ attributes=chs\n"
			  "folder \\Boot attributes=c\n"
			  "file \\Boot\\notes size=200000 seed=0 attributes=ca\n"
			  "on system\n"
			  "file \\Boot\\zeros size=200000 seed=0\n");
	stage();
	assert_copied_faithfully(5);
}

TEST(copies, what_stood_at_the_target_is_gone)
{
	struct bs_error err = {0};
	struct volume_file *file;

	sample_open_small(&sample, "replaced",
			  "on windows\n"
			  "file \\BOOTMGR size=77 attributes=rhs descriptor=everyone\n"
			  "folder \\boot attributes=r short=none\n" /* as made on Unix */
			  "folder \\boot\\a attributes=rh\n"
			  "folder \\boot\\a\\b\n"
			  "file \\boot\\a\\b\\<1-300>.txt size=5000 attributes=rhs\n"
			  "file \\boot\\bcd size=100000\n"
			  "stream \\boot\\bcd:old size=5000\n"
			  "stream \\boot:old size=5000\n");
	stage();
	assert_copied_faithfully(4);
	mount_both();
	ASSERT_OK(volume_open_file(target.volume, "\\Boot\\a", &file, &err));
	ck_assert_ptr_null(file);
	unmount_both();
}

TEST(copies, deep_folders_and_long_names_are_copied)
{
	static const char length_200[] =
		"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
		"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
		"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghij";
	char more[4096] = "on system\nfolder \\Boot", *end = more + strlen(more);

	for (int i = 0; i < 25; i++)
		end += sprintf(end, "\\level%02d", i);
	sprintf(end, "\nfile \\Boot\\%s size=10\n", length_200);
	sample_open_small(&sample, "deep", more);
	stage();
	assert_copied_faithfully(30);
}

TEST(copies, a_folder_of_many_files_is_copied)
{
	char more[128];

	snprintf(more, sizeof(more),
		 "on system\n"
		 "file \"\\Boot\\many\\a file with a name <1-%u>.mui\" size=10-5000 attributes=a\n",
		 MANY);
	sample_open_small(&sample, "many", more);
	stage();
	assert_copied_faithfully(5 + MANY);
}

/* ---- files that only some tools make ------------------------------------------------------- */

/* Gives a file a second name, of the POSIX namespace, in another folder. */
static void add_link(const char *path, const char *folder, const char *name)
{
	struct sample_volume system;
	ntfs_inode *file, *parent;
	ntfschar wide[32];
	u8 length = 0;

	for (; name[length] != '\0'; length++)
		wide[length] = cpu_to_le16((u8)name[length]);
	mount_system(&system);
	file = ntfs_pathname_to_inode(volume_ntfs(system.volume)->ntfs, NULL, path);
	parent = ntfs_pathname_to_inode(volume_ntfs(system.volume)->ntfs, NULL, folder);
	ck_assert_int_eq(ntfs_link(file, parent, wide, length), 0);
	ck_assert_int_eq(ntfs_inode_close(file), 0);
	ck_assert_int_eq(ntfs_inode_close(parent), 0);
	sample_unmount(&system);
}

static const struct {
	const char *path, *folder, *name; /* the link, in the form that the library needs */
	const char *copied;
	enum volume_namespace name_space;
	const char *short_name;
} links[] = {
	{"/elsewhere long name", "/Boot", "link", "\\Boot\\link", NAMESPACE_POSIX, ""},
	{"/elsewhere long name", "/Boot", "elsewhere long name", "\\Boot\\elsewhere long name",
	 NAMESPACE_POSIX, ""},
	{"/Boot/A long name", "/later", "A long name", "\\Boot\\A long name", NAMESPACE_WIN32,
	 "ALONGN~1"},
};

TEST_LOOP(copies, a_hard_link_is_copied_under_the_name_that_it_has_in_its_folder, 0, 3)
{
	struct volume_metadata metadata;
	struct bs_error err = {0};
	struct volume_file *copy;

	sample_open_small(&sample, "hard-link",
			  "on system\n"
			  "file \"\\elsewhere long name\" size=20000 attributes=a\n"
			  "file \"\\Boot\\A long name\" size=20000 attributes=a\n"
			  "folder \\later\n");
	add_link(links[_i].path, links[_i].folder, links[_i].name);
	stage();
	assert_copied_faithfully(_i < 2 ? 6 : 5);
	mount_both();
	copy = sample_open_file(&target, links[_i].copied);
	ASSERT_OK(volume_stat(copy, &metadata, &err));
	ck_assert_str_eq(metadata.name, strrchr(links[_i].copied, '\\') + 1);
	ck_assert_int_eq(metadata.name_space, links[_i].name_space);
	ck_assert_str_eq(metadata.short_name, links[_i].short_name);
	volume_done_file(copy);
	unmount_both();
}

TEST(copies, a_name_that_is_no_text_is_refused_and_not_copied_wrongly)
{
	static const ntfschar unpaired[] = {const_cpu_to_le16(0xD800), const_cpu_to_le16('a')};
	const struct bs_options options = {0};
	struct sample_volume system;
	struct survey *survey;
	ntfs_inode *folder, *file;

	sample_open_small(&sample, "unpaired", "");
	mount_system(&system);
	folder = ntfs_pathname_to_inode(volume_ntfs(system.volume)->ntfs, NULL, "/Boot");
	file = ntfs_create(folder, folder->security_id, unpaired, 2, S_IFREG);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(ntfs_inode_close_in_dir(file, folder), 0);
	ck_assert_int_eq(ntfs_inode_close(folder), 0);
	sample_unmount(&system);
	survey = sample_survey(&sample, &options);
	ck_assert_int_eq(survey->report.verdict, BS_VERDICT_UNSUITABLE);
	survey_free(survey);
	free(survey);
}

TEST(copies, copies_have_no_descriptor_of_their_own_even_below_a_root_that_has)
{
	const char *volume, *boot;
	char *text;

	sample_open_small(&sample, "own-descriptor", "");
	/* A volume directly after mkntfs: its root folder has a security descriptor of its own. */
	boot = image_extract(sample.disk, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	free(image_run(0, "mkntfs -FQTq -p %llu -H 255 -S 63 -s 512 '%s'", SAMPLE_BOOT_START / 512,
		       boot));
	free(image_run(0, "printf x >'%s.file'; ntfscp -f '%s' '%s.file' /winload.exe", boot, boot,
		       boot));
	{
		struct sample plain;
		uint8_t *bytes = malloc(1 << 20);
		struct bs_error err = {0};

		sample_open(&plain, boot);
		for (uint64_t at = 0; at < SAMPLE_BOOT_SIZE; at += 1 << 20) {
			ASSERT_OK(disk_read(plain.disk, at, bytes, 1 << 20, &err));
			sample_write(&sample, SAMPLE_BOOT_START + at, bytes, 1 << 20);
		}
		sample_close(&plain);
		free(bytes);
	}
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &target);
	{
		struct bs_error err = {0};
		struct volume_file *file;

		ASSERT_OK(volume_create(target.volume, "\\", "Windows", true, &err));
		ASSERT_OK(volume_create(target.volume, "\\Windows", "system32", true, &err));
		ASSERT_OK(volume_create(target.volume, "\\Windows\\system32", "winload.exe", false,
					&err));
		file = sample_open_file(&target, "\\Windows\\system32\\winload.exe");
		ASSERT_OK(volume_write(file, "", 0, "MZ", 2, &err));
		sample_close_file(file);
	}
	sample_unmount(&target);
	stage();
	assert_copied_faithfully(4);
	volume = image_extract(sample.disk, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	text = image_run(0,
			 "for i in $(fls -rp '%s' | sed -n 's/^[rd].[rd] \\([0-9]*\\)-[-0-9]*:\t"
			 "\\([Bb]oot.*\\)/\\1/p' | sort -u); do istat '%s' $i; done",
			 volume, volume);
	ck_assert_ptr_nonnull(strstr(text, "STANDARD_INFORMATION (16-0)   Name: N/A   Resident   "
					   "size: 72"));
	ck_assert_msg(strstr(text, "size: 48") == NULL, "%s", text);
	ck_assert_msg(strstr(text, "SECURITY_DESCRIPTOR") == NULL, "%s", text);
	free(text);
}

/* ---- volumes ------------------------------------------------------------------------------- */

TEST_CASE(volumes, "volumes", .teardown = teardown);

TEST(volumes, names_are_looked_up_in_any_case_also_beyond_ascii)
{
	struct bs_error err = {0};
	struct volume_metadata metadata;
	struct volume_file *file;

	sample_open_small(&sample, "case",
			  "on windows\nfile \"\\Größe und Maß\\ÄÖÜ.txt\" size=10\n");
	mount_both();
	file = sample_open_file(&target, "\\grÖßE UND maß\\äöü.TXT");
	ASSERT_OK(volume_stat(file, &metadata, &err));
	ck_assert_str_eq(metadata.name, "ÄÖÜ.txt");
	volume_done_file(file);
	ASSERT_OK(volume_open_file(target.volume, "\\Windows\\nothing\\at all", &file, &err));
	ck_assert_ptr_null(file);
	ASSERT_OK(volume_open_file(target.volume, "\\Windows\\System32\\winload.exe\\in a file",
				   &file, &err));
	ck_assert_ptr_null(file);
	unmount_both();
}

static void assert_write_refused(enum bs_code code)
{
	struct sample_volume mounted;
	struct bs_error err = {0};
	struct volume_state state;
	struct volume *volume;

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_READ, &mounted);
	ASSERT_OK(volume_state(mounted.volume, &state, &err));
	ck_assert_int_eq(state.obstacle, code);
	ck_assert_str_ne(state.obstacle_text, "");
	volume_done(mounted.volume);
	ck_assert_int_eq(volume_open(&sample.engine, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE,
				     VOLUME_WRITE, &volume, &err),
			 -1);
	ck_assert_int_eq(err.code, code);
	ck_assert_ptr_null(volume);
}

TEST(volumes, a_hibernated_volume_is_not_opened_for_writing)
{
	sample_open_small(&sample, "hibernated-small",
			  "on windows\nfile \\hiberfil.sys text=hibr size=1M seed=0\n");
	assert_write_refused(BS_HIBERNATED);
}

TEST(volumes, an_unclean_volume_is_not_opened_for_writing)
{
	sample_open_small(&sample, "unclean-small", "partition windows unclean\n");
	assert_write_refused(BS_UNCLEAN);
}

static const struct {
	enum bs_code code;
	int status; /* with which the process ends */
} no_damage[] = {
	{BS_NO_MEMORY, VOLUME_EXIT_NO_MEMORY},
	{BS_WORKER, EXIT_FAILURE},
	{BS_SYSTEM_LIMIT, EXIT_FAILURE},
};

static enum bs_code read_failure;

static int read_badly(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		      struct bs_error *err)
{
	(void)disk;
	(void)offset;
	(void)buffer;
	(void)length;
	return fail(err, read_failure, "told to fail");
}

/* libntfs-3g may crash after a read that failed, and that would look like damage. */
TEST_EACH(volumes, a_failed_read_that_is_no_damage_ends_the_process_before_the_library_can_crash,
	  no_damage)
{
	static const struct disk_operations bad_reads = {.read = read_badly};
	struct volume_file *file;
	struct bs_error err;
	pid_t child;
	int status;

	sample_open_small(&sample, "bad-reads", "");
	mount_both();
	read_failure = no_damage[_i].code;
	child = fork();
	if (child == 0) {
		volume_ntfs(target.volume)->device.disk->operations = &bad_reads;
		_exit(volume_open_file(target.volume, "\\Windows\\System32", &file, &err));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), no_damage[_i].status);
	unmount_both();
}

static int write_badly(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		       struct bs_error *err)
{
	(void)disk;
	(void)offset;
	(void)buffer;
	(void)length;
	return fail(err, BS_IO, "told to fail");
}

/*
 * The library keeps what was changed until the file is closed.  A child process closes the file,
 * because the library leaks memory when that fails.
 */
TEST(volumes, a_file_whose_changes_cannot_be_written_is_an_error_when_it_is_closed)
{
	struct disk_operations bad;
	struct bs_error err = {0};
	struct volume_file *file;
	struct disk *disk;
	pid_t child;
	int status;

	sample_open_small(&sample, "bad-writes", "");
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &target);
	file = sample_open_file(&target, "\\Windows\\System32\\winload.exe");
	ASSERT_OK(volume_set_attributes(file, FILE_IS_ARCHIVE, &err));
	child = fork();
	if (child == 0) {
		disk = volume_ntfs(target.volume)->device.disk;
		bad = *disk->operations;
		bad.write = write_badly;
		disk->operations = &bad;
		_exit(volume_close_file(file, &err) == -1 && err.code == BS_IO ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	sample_close_file(file);
	sample_unmount(&target);
}

TEST(volumes, a_volume_of_noise_is_damage)
{
	const struct bs_options options = {0};
	struct survey *survey;
	uint64_t state = 1;

	sample_open_small(&sample, "noise", "");
	/* The boot record stays, so it still leads to $MFT, but $MFT is noise. */
	for (uint64_t at = SAMPLE_BOOT_START + 8192; at < SAMPLE_BOOT_START + (20 << 20);
	     at += 4096) {
		uint8_t block[4096];

		for (size_t i = 0; i < sizeof(block); i += 8) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			store_le64(block + i, state);
		}
		sample_write(&sample, at, block, sizeof(block));
	}
	survey = sample_survey(&sample, &options);
	ck_assert_int_eq(survey->report.verdict, BS_VERDICT_UNSUITABLE);
	ck_assert_int_eq(survey->report.findings[0].code, BS_NTFS_DAMAGED);
	survey_free(survey);
	free(survey);
}
