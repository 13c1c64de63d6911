/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files of a folder are images, their order, and which files are left out and why. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "batch/find.h"

#include "support/program.h"

static char folder[64], told[4096];
static struct find_result found;
static struct find_request request;
static struct bs_relations relations;

static void tell(void *context, const char *path, enum find_reason reason,
		 const struct bs_error *error)
{
	(void)context;
	(void)error;
	sprintf(told + strlen(told), "%d %s\n", (int)reason, path + strlen(folder) + 1);
}

/* The path below the folder of the test, and the number of excluded names. */
static void tell_barren(void *context, const char *path, const uint64_t left_out[FIND_REASON_COUNT])
{
	(void)context;
	sprintf(told + strlen(told), "none in %s, %d excluded\n",
		strcmp(path, folder) == 0 ? "." : path + strlen(folder) + 1,
		(int)left_out[FIND_EXCLUDED]);
}

static void setup(void)
{
	strcpy(folder, "/tmp/test-find-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	request = (struct find_request){
		.relations = &relations, .shard = 1, .shards = 1, .unexpected = tell};
	told[0] = '\0';
}

static void teardown(void)
{
	char command[256];

	find_free(&found);
	bs_relations_free(&relations);
	snprintf(command, sizeof(command), "chmod -R u+rwx '%s' && rm -rf '%s'", folder, folder);
	ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *name)
{
	static char paths[8][4400];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const void *bytes, size_t length)
{
	int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(write(file, bytes, length), (ssize_t)length);
	close(file);
}

/* A raw disk of 2 MiB with one partition. */
static void make_disk(const char *name)
{
	unsigned char sector[512] = {0};
	const unsigned char entry[] = {0x80, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0, 0};

	memcpy(sector + 0x1BE, entry, sizeof(entry));
	sector[510] = 0x55;
	sector[511] = 0xAA;
	write_file(name, sector, sizeof(sector));
	ck_assert_int_eq(truncate(path_of(name), 2 << 20), 0);
}

static void make_folder(const char *name)
{
	ck_assert_int_eq(mkdir(path_of(name), 0755), 0);
}

/*
 * Searches the folder, or a file in it.  Returns the paths of the images, below the folder, one a
 * line.
 */
static const char *find_in(const char *name)
{
	const char *paths = "";
	char *arguments[] = {(char *)(*name ? path_of(name) : folder)};
	struct bs_error err = {0};

	find_free(&found);
	bs_relations_free(&relations);
	request.arguments = arguments;
	request.count = 1;
	ck_assert_msg(find_images(&request, &found, &err) == 0, "%s", err.message);
	for (size_t i = 0; i < found.count; i++)
		paths = text("%s%s\n", paths, found.images[i].path + strlen(folder) + 1);
	return paths;
}

TEST_CASE(find, "find", .setup = setup, .teardown = teardown);

TEST(find, images_come_in_the_order_of_their_paths)
{
	make_folder("a");
	make_folder("b");
	make_disk("b/1");
	make_disk("a/z");
	make_disk("a/a");
	make_disk("a.img"); /* before the folder: '.' comes before '/' */
	make_disk("a0");    /* after the folder */
	make_disk("B");
	ck_assert_str_eq(find_in(""), "B\na.img\na/a\na/z\na0\nb/1\n");
}

TEST(find, content_decides_and_not_the_name)
{
	make_disk("holiday.jpg");
	write_file("qcow", "QFI\xfb and so on", 14);
	write_file("footer-cut.vhd", "conectix", 8);
	write_file("empty.img", "", 0);
	write_file("text.vhd", "just some words", 15);
	write_file("packed.img", "\x1f\x8b\x08 packed", 10);
	write_file("notes.txt", "just some words", 15);
	ck_assert_str_eq(find_in(""), "footer-cut.vhd\nholiday.jpg\nqcow\n");
	ck_assert_uint_eq(found.left_out[FIND_NOT_AN_IMAGE], 3);
	ck_assert_str_eq(told, "0 empty.img\n1 packed.img\n0 text.vhd\n");
}

TEST(find, packed_files_are_named_with_their_reason)
{
	write_file("a.img.gz", "\x1f\x8b\x08 packed", 10);
	write_file("b.7z", "7z\xbc\xaf\x27\x1c packed", 13);
	write_file("c.zip", "no archive", 10);
	write_file("d.docx", "PK\x03\x04 packed", 11);
	ck_assert_str_eq(find_in(""), "");
	ck_assert_str_eq(told, "1 a.img.gz\n1 b.7z\n1 d.docx\n"); /* the last one is cut short */
	ck_assert_uint_eq(found.left_out[FIND_PACKED], 3);
}

TEST(find, a_folder_without_an_image_is_told)
{
	make_folder("empty");
	make_folder("full");
	make_disk("full/a.img");
	request.barren = tell_barren;
	ck_assert_str_eq(find_in("empty"), "");
	ck_assert_uint_eq(found.candidates, 0);
	ck_assert_str_eq(told, "none in empty, 0 excluded\n");
	find_in("full");
	ck_assert_uint_eq(found.candidates, 1);
	ck_assert_str_eq(told, "none in empty, 0 excluded\n");
	told[0] = '\0';
	request.exclude = (struct find_patterns){{"full"}, 1};
	find_in("");
	ck_assert_str_eq(told, "none in ., 1 excluded\n");
	/* An image of another shard is an image. */
	told[0] = '\0';
	request.exclude.count = 0;
	request.shards = 1000;
	ck_assert_str_eq(find_in("full"), "");
	ck_assert_uint_eq(found.candidates, 1);
	ck_assert_str_eq(told, "");
}

TEST(find, journals_locks_and_half_copied_files_are_not_images)
{
	static const char *const names[] = {"d.img.bootshift-undo",
					    "d.img.bootshift-lock",
					    "d.img.bootshift-undo.tmp",
					    "e.vhd.part",
					    "e.vhd.partial",
					    "e.vhd.filepart",
					    "e.vhd.crdownload",
					    "e.vhd.tmp",
					    ".e.vhd.Ab12Cd"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make_disk(names[i]);
	make_disk(".hidden.img");
	ck_assert_str_eq(find_in(""), ".hidden.img\n");
	ck_assert_uint_eq(found.left_out[FIND_OURS], 3);
	ck_assert_uint_eq(found.left_out[FIND_HALF_COPIED], 6);
	/* A file that the user names is always an image. */
	ck_assert_str_eq(find_in("e.vhd.part"), "e.vhd.part\n");
}

TEST(find, a_file_with_two_names_is_one_image_under_the_first)
{
	make_disk("z.img");
	make_folder("b");
	ck_assert_int_eq(link(path_of("z.img"), path_of("b/y.img")), 0);
	ck_assert_int_eq(link(path_of("z.img"), path_of("c.img")), 0);
	ck_assert_str_eq(find_in(""), "b/y.img\n");
	ck_assert_uint_eq(found.left_out[FIND_OTHER_NAME], 2);
}

TEST(find, symbolic_links_are_followed_only_when_asked_and_make_no_loop)
{
	make_folder("b");
	make_disk("b/1.img");
	make_folder("outside");
	ck_assert_int_eq(rename(path_of("outside"), path_of("b/outside")), 0);
	make_disk("b/outside/2.img");
	ck_assert_int_eq(symlink("..", path_of("b/loop")), 0);
	ck_assert_int_eq(symlink("outside", path_of("b/again")), 0);
	ck_assert_int_eq(symlink("nowhere", path_of("b/dangling")), 0);
	ck_assert_str_eq(find_in(""), "b/1.img\nb/outside/2.img\n");
	ck_assert_uint_eq(found.left_out[FIND_LINK], 3);
	request.follow = true;
	ck_assert_str_eq(find_in(""), "b/1.img\nb/again/2.img\n");
	ck_assert_uint_eq(found.left_out[FIND_LINK], 1);
	ck_assert_uint_eq(found.left_out[FIND_OTHER_NAME], 2);
}

TEST(find, pipes_sockets_and_devices_are_not_even_opened)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int socket_descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	bool root = test_needs_root();

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket.img", folder);
	ck_assert_int_eq(bind(socket_descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(mkfifo(path_of("pipe.img"), 0600), 0);
	if (root)
		ck_assert_int_eq(mknod(path_of("null.img"), S_IFCHR | 0600, 0x0103), 0);
	ck_assert_str_eq(find_in(""), "");
	ck_assert_uint_eq(found.left_out[FIND_NOT_A_FILE], root ? 3 : 2);
	close(socket_descriptor);
}

static const char descriptor[] = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\n"
				 "parentCID=ffffffff\ncreateType=\"monolithicFlat\"\n"
				 "RW 4096 FLAT \"disk-flat.vmdk\" 0\n";

TEST(find, the_data_of_a_described_disk_is_no_image_of_its_own)
{
	make_disk("disk-flat.vmdk");
	write_file("disk.vmdk", descriptor, sizeof(descriptor) - 1);
	ck_assert_str_eq(find_in(""), "disk.vmdk\n");
	ck_assert_uint_eq(found.left_out[FIND_DATA_FILE], 1);
	ck_assert_str_eq(found.images[0].file, path_of("disk-flat.vmdk"));
	ck_assert_uint_eq(found.images[0].size, 2 << 20);
	ck_assert_str_eq(find_in("disk-flat.vmdk"), "disk-flat.vmdk\n");
}

static const char split[] =
	"# Disk DescriptorFile\nversion=1\nCID=fffffffe\n"
	"parentCID=ffffffff\ncreateType=\"twoGbMaxExtentFlat\"\n"
	"RW 4096 FLAT \"disk-f001.vmdk\" 0\nRW 4096 FLAT \"disk-f002.vmdk\" 0\n";

/* Even if the description itself is refused or left out. */
TEST(find, the_parts_of_a_split_disk_are_no_images_of_their_own)
{
	make_disk("disk-f001.vmdk");
	write_file("disk-f002.vmdk", "zeros", 5); /* most parts are like this: without a table */
	make_disk("disk-f003.vmdk");
	write_file("disk.vmdk", split, sizeof(split) - 1);
	ck_assert_str_eq(find_in(""), "disk-f003.vmdk\ndisk.vmdk\n");
	ck_assert_uint_eq(found.left_out[FIND_DATA_FILE], 2);
	ck_assert_str_eq(told, "");
	request.exclude = (struct find_patterns){{"disk.vmdk"}, 1};
	ck_assert_str_eq(find_in(""), "disk-f003.vmdk\n");
	/* A part that the user names gets a row, which says why it is refused. */
	ck_assert_str_eq(find_in("disk-f001.vmdk"), "disk-f001.vmdk\n");
}

/* A shell does so for *.vmdk.  The parts would be refused, and would be in use meanwhile. */
TEST(find, parts_that_are_named_together_with_their_description_are_no_images)
{
	static const char *const names[] = {"disk-f001.vmdk", "disk-f002.vmdk", "disk.vmdk"};
	char *arguments[3];
	struct bs_error err;

	make_disk("disk-f001.vmdk");
	make_disk("disk-f002.vmdk");
	write_file("disk.vmdk", split, sizeof(split) - 1);
	for (int i = 0; i < 3; i++)
		arguments[i] = (char *)path_of(names[i]);
	request.arguments = arguments;
	request.count = 3;
	ck_assert_int_eq(find_images(&request, &found, &err), 0);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_str_eq(found.images[0].path, path_of("disk.vmdk"));
	ck_assert_uint_eq(found.left_out[FIND_DATA_FILE], 2);
}

TEST(find, patterns_choose_and_to_exclude_wins)
{
	make_folder("old");
	make_folder("new");
	make_disk("old/a.vhd");
	make_disk("new/a.vhd");
	make_disk("new/b.img");
	request.include = (struct find_patterns){{"*.vhd", "nothing"}, 2};
	ck_assert_str_eq(find_in(""), "new/a.vhd\nold/a.vhd\n");
	ck_assert(found.include_used[0] && !found.include_used[1]);
	request.exclude = (struct find_patterns){{"old"}, 1};
	ck_assert_str_eq(find_in(""), "new/a.vhd\n");
	ck_assert_uint_eq(found.left_out[FIND_EXCLUDED], 2);
	ck_assert(found.exclude_used[0]);
	ck_assert_str_eq(find_in("old/a.vhd"), "old/a.vhd\n");
	ck_assert(!found.exclude_used[0]);
	request.exclude = (struct find_patterns){{"*/a.vhd"}, 1};
	ck_assert_str_eq(find_in(""), "");
}

TEST(find, each_image_belongs_to_one_shard)
{
	size_t sum = 0;

	for (int i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		make_disk(name);
	}
	request.shards = 3;
	for (request.shard = 1; request.shard <= 3; request.shard++) {
		find_in("");
		sum += found.count;
		ck_assert_uint_lt(found.count, 40);
		ck_assert_uint_eq(found.left_out[FIND_OTHER_SHARD], 40 - found.count);
	}
	ck_assert_uint_eq(sum, 40);
}

TEST_CASE(slow, "slow", .setup = setup, .teardown = teardown, .tags = "slow");

TEST(slow, ten_thousand_files_are_looked_through)
{
	for (int i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%05d", i);
		if (i % 100 == 0)
			make_disk(name);
		else
			write_file(name, name, 5);
	}
	find_in("");
	ck_assert_uint_eq(found.count, 100);
	ck_assert_uint_eq(found.left_out[FIND_NOT_AN_IMAGE], 9900);
	ck_assert_str_eq(found.images[99].path, path_of("09900"));
}

/* The folder is deeper than a path can be long, and than there may be open descriptors. */
TEST(slow, a_folder_too_deep_is_told_and_the_rest_is_found)
{
	char command[256];

	make_disk("a.img");
	snprintf(command, sizeof(command),
		 "cd '%s' && i=0 && while [ $i -lt 1100 ]; do mkdir d && cd d && i=$((i+1)); done",
		 folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_str_eq(find_in(""), "a.img\n");
	ck_assert_uint_le(found.left_out[FIND_UNREADABLE], 1);
}

TEST(find, what_is_named_counts_once_whatever_it_is)
{
	char *arguments[] = {(char *)path_of("text"), (char *)"nbd://host/export",
			     (char *)path_of("text"), (char *)"nbd://host/export"};
	struct bs_error err;

	write_file("text", "words", 5);
	request.arguments = arguments;
	request.count = 4;
	ck_assert_int_eq(find_images(&request, &found, &err), 0);
	ck_assert_uint_eq(found.count, 2);
	ck_assert(found.images[0].was_there);
	ck_assert_str_eq(found.images[1].location, "nbd://host/export");
	ck_assert_ptr_null(found.images[1].file);
	ck_assert_uint_eq(found.left_out[FIND_OTHER_NAME], 2);
}

TEST(find, a_name_that_leads_to_nothing_is_no_image)
{
	ck_assert_str_eq(find_in("none"), "");
	ck_assert_uint_eq(found.left_out[FIND_MISSING], 1);
	ck_assert_str_eq(told, text("%d none\n", FIND_MISSING));
}

/* Nobody who excludes an image wants it to be fixed because a shell has named it. */
TEST(find, patterns_are_for_named_images_too)
{
	static const struct {
		const char *pattern;
		bool matches;
	} patterns[] = {{"c[2-9]*", true}, {"*/c2.img", true}, {"c2", false}, {".*", false}};

	make_disk("c2.img");
	for (size_t i = 0; i < 4; i++) {
		bool matches = patterns[i].matches;

		request.include = (struct find_patterns){.count = 0};
		request.exclude = (struct find_patterns){{patterns[i].pattern}, 1};
		ck_assert_str_eq(find_in("c2.img"), matches ? "" : "c2.img\n");
		ck_assert(found.exclude_used[0] == matches);
		ck_assert_uint_eq(found.left_out[FIND_EXCLUDED], matches);
		request.include = request.exclude;
		request.exclude.count = 0;
		ck_assert_str_eq(find_in("c2.img"), matches ? "c2.img\n" : "");
		ck_assert_uint_eq(found.left_out[FIND_EXCLUDED], !matches);
	}
}
