/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of archives and compressed files, made by the programs that everybody uses. */
#include "format/packed.h"
#include "unit/container-file.h"
#include "util/bytes.h"

TEST_CASE(packed, "packed", .setup = images_prepare);

static const struct {
	const char *command; /* makes the file "made" */
	enum bs_code code;
	const char *text;
} archives[] = {
	{"zip -q made.zip a.vhd && mv made.zip made", BS_PACKED_ZIP,
	 "is a zip archive; in it: a.vhd (2 bytes)"},
	{"zip -q -r made.zip folder a.vhd a.txt c.VHDX.gz && mv made.zip made", BS_PACKED_ZIP,
	 "in it: folder/b.img (2 bytes), a.vhd (2 bytes), c.VHDX.gz (2 bytes) and 1 more file"},
	{"zip -q made.zip empty.vhd a.txt && mv made.zip made", BS_HOLDS_NO_DISK,
	 "none of the files in it (2) can be the image of a disk"},
	{"zip -q made.zip a.vhd && echo 'a comment' | zip -q -z made.zip && mv made.zip made",
	 BS_PACKED_ZIP, "in it: a.vhd (2 bytes)"},
	/* made for a file of unknown size: in the 64-bit form */
	{"zip -q -fz made.zip a.vhd && mv made.zip made", BS_PACKED_ZIP, "a.vhd (2 bytes)"},
	{"zip -q made.zip a.vhd && head -c 80 made.zip >made", BS_CONTAINER_CORRUPT,
	 "is a zip archive, but has no list of its files"},
	{"tar -cf made a.txt disk1.vmdk", BS_PACKED_TAR,
	 "such as an OVA; in it: disk1.vmdk (2 bytes) and 1 more file"},
	{"tar -Scf made --format=gnu large", BS_PACKED_TAR, "in it: large (9 GiB)"},
	{"tar -cf made a.txt folder", BS_PACKED_TAR, "in it: folder/b.img (2 bytes)"},
	{"tar -cf made --format=ustar a.txt", BS_HOLDS_NO_DISK, "is a tar archive"},
	{"tar -cf all a.vhd a.txt && head -c 1500 all >made", BS_CONTAINER_CORRUPT,
	 "it ends within a header"},
	{"tar -cf all a.txt a.vhd && head -c 1537 all >made", BS_CONTAINER_CORRUPT,
	 "a file in it does not end"},
	{"tar -cf made a.vhd && printf x | dd of=made bs=1 seek=30 conv=notrunc status=none",
	 BS_CONTAINER_CORRUPT, "one of its headers is wrong"},
	{"gzip -c a.vhd >made", BS_PACKED_GZIP, "is a file compressed with gzip; in it: a.vhd"},
	{"gzip -nc a.vhd >made", BS_PACKED_GZIP, "is a file compressed with gzip"},
};

TEST_EACH(packed, what_is_in_an_archive_is_told_by_name, archives)
{
	IN_FOLDER(
		"rm -rf made p && mkdir p && cd p && mkdir folder && echo 1 >a.txt && "
		"tee a.vhd c.VHDX.gz disk1.vmdk folder/b.img <a.txt >/dev/null && : >empty.vhd && "
		"truncate -s 9G large && printf x | dd of=large bs=1M seek=9K conv=notrunc "
		"status=none && truncate -s 9G large && %s && mv made ..",
		archives[_i].command);
	container_assert_refused("made", archives[_i].code, archives[_i].text);
}

TEST(packed, a_compressed_file_that_cannot_be_read_is_told_as_that)
{
	struct memory_disk *made = memory_disk_open(1000);
	struct bs_error err = {0};

	made->bad = 500;
	ck_assert_int_eq(packed_refuse(&made->disk, BS_PACKED_GZIP, "a file", &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	disk_close(&made->disk);
}

/* A guest can write any of these bytes to a raw disk: no length and no number leads astray. */
TEST_LOOP(packed, a_damaged_archive_is_refused, 0, 3)
{
	static const char *const commands[] = {"zip -q made.zip x.vhd && mv made.zip made",
					       "tar -cf made x.vhd", "gzip -c x.vhd >made"};
	struct memory_disk *made;

	IN_FOLDER("rm -f made* && echo 1 >x.vhd && %s", commands[_i]);
	made = container_load("made");
	memory_damage(made, NULL, 0, min_u64(made->disk.size, 600));
	disk_close(&made->disk);
}
