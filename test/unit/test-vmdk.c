/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VMDK headers and descriptors: exact bytes, and files that qemu-img makes. */
#include "format/vmdk.h"
#include "support/sample.h"
#include "unit/container-file.h"
#include "util/bytes.h"

#define FILE_SIZE 65536u

/* The header of a disk of 100 MiB; the field names of "Virtual Disk Format 5.0". */
static const uint8_t good[512] = {
	[0] = 'K',  'D',  'M', 'V',                 /* magicNumber */
	[4] = 1,    0,    0,   0,                   /* version */
	[8] = 3,    0,    0,   0,                   /* flags: line ends, redundant table */
	[12] = 0,   0x20, 3,   0,    0,    0, 0, 0, /* capacity, sectors */
	[20] = 128, 0,    0,   0,    0,    0, 0, 0, /* grainSize */
	[28] = 1,   0,    0,   0,    0,    0, 0, 0, /* descriptorOffset */
	[36] = 20,  0,    0,   0,    0,    0, 0, 0, /* descriptorSize */
	[44] = 0,   2,    0,   0,                   /* numGTEsPerGT */
	[48] = 21,  0,    0,   0,    0,    0, 0, 0, /* rgdOffset */
	[56] = 38,  0,    0,   0,    0,    0, 0, 0, /* gdOffset */
	[64] = 128, 0,    0,   0,    0,    0, 0, 0, /* overHead */
	[72] = 0,   '\n', ' ', '\r', '\n',          /* uncleanShutdown, line ends */
	[77] = 0,   0,                              /* compressAlgorithm */
};

#define START_OF_TEXT "# Disk DescriptorFile\nversion=1\nCID=5a89970f\nparentCID=ffffffff\n"
#define SPARSE_TEXT   "createType=\"monolithicSparse\"\nRW 204800 SPARSE \"a.vmdk\"\n"

static uint8_t bytes[VMDK_HEAD_SIZE];

static void put_text(const char *text)
{
	memset(bytes + 512, 0, sizeof(bytes) - 512);
	memcpy(bytes + 512, text, strlen(text));
}

static void setup(void)
{
	memcpy(bytes, good, sizeof(good));
	put_text(START_OF_TEXT SPARSE_TEXT);
}

static void assert_sparse(void)
{
	struct bs_error err = {0};
	struct format format = {0};

	ck_assert_msg(vmdk_decode_sparse(bytes, sizeof(bytes), FILE_SIZE, &format, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(format.disk_size, 100 << 20);
	ck_assert_uint_eq(format.identifier, 0x5a89970f);
	ck_assert_str_eq(format.parent.path, "");
}

static void assert_sparse_refused(enum bs_code code, const char *part)
{
	struct bs_error err = {0};
	struct format format = {0};

	ck_assert_int_eq(vmdk_decode_sparse(bytes, sizeof(bytes), FILE_SIZE, &format, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

static void assert_sparse_child(const char *parent, uint32_t identifier)
{
	struct bs_error err = {0};
	struct format format = {0};

	ck_assert_msg(vmdk_decode_sparse(bytes, sizeof(bytes), FILE_SIZE, &format, &err) == 0, "%s",
		      err.message);
	ck_assert_str_eq(format.parent.path, parent);
	ck_assert_str_eq(format.parent.driver, "vmdk");
	ck_assert(format.parent.has_identifier);
	ck_assert_uint_eq(format.parent.identifier, identifier);
}

static void assert_change(size_t at, uint8_t value, enum bs_code code, const char *part)
{
	setup();
	bytes[at] = value;
	assert_sparse_refused(code, part);
}

/* ---- sparse files ------------------------------------------------------------------------- */

TEST_CASE(vmdk_tests, "vmdk", .setup = setup);

TEST(vmdk_tests, a_header_gives_the_size_of_the_disk)
{
	assert_sparse();
	bytes[4] = 2; /* with zeroed grains */
	assert_sparse();
}

TEST(vmdk_tests, a_compressed_file_is_refused)
{
	assert_change(10, 1, BS_CONTAINER_COMPRESSED, "streamOptimized");
	assert_change(10, 2, BS_CONTAINER_COMPRESSED, "streamOptimized");
	assert_change(77, 1, BS_CONTAINER_COMPRESSED, "streamOptimized");
	setup();
	memset(bytes + 56, 0xff, 8);
	assert_sparse_refused(BS_CONTAINER_COMPRESSED, "streamOptimized");
}

TEST(vmdk_tests, what_qemu_does_not_write_is_not_supported)
{
	assert_change(4, 3, BS_FORMAT_UNSUPPORTED, "version 3");
	assert_change(4, 4, BS_FORMAT_UNREADABLE, "version 4");
	assert_change(28, 2, BS_FORMAT_UNSUPPORTED, "behind its header");
	memcpy(bytes, "COWD", 4);
	assert_sparse_refused(BS_CONTAINER_PART, "COWD");
}

TEST(vmdk_tests, an_extent_without_a_descriptor_is_one_of_several_files)
{
	assert_change(28, 0, BS_CONTAINER_PART, "one of the files");
	assert_change(512, 0, BS_CONTAINER_PART, "one of the files");
}

TEST(vmdk_tests, numbers_that_cannot_be_are_corruption)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *part;
	} changes[] = {
		{0, 'k', "no VMDK header"}, {73, '\r', "as text"}, {19, 0x40, "impossible"},
		{17, 0xff, "tables"},       {20, 0, "impossible"}, {20, 3, "impossible"},
		{23, 1, "impossible"},      {45, 3, "impossible"}, {45, 0, "impossible"},
		{56, 128, "tables"},        {56, 0, "tables"},     {63, 0xff, "tables"},
		{48, 128, "tables"},        {64, 129, "tables"},   {36, 0, "no end"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		assert_change(changes[i].at, changes[i].value, BS_CONTAINER_CORRUPT,
			      changes[i].part);
	setup();
	memset(bytes + 12, 0, 8); /* an empty disk, which QEMU would take for a descriptor */
	assert_sparse_refused(BS_CONTAINER_CORRUPT, "impossible");
	setup();
	memset(bytes + 512, '#', sizeof(bytes) - 512);
	assert_sparse_refused(BS_CONTAINER_CORRUPT, "no end");
}

TEST(vmdk_tests, the_embedded_descriptor_is_judged_too)
{
	put_text("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=12345678\n"
		 "parentFileNameHint=\"base.vmdk\"\n" SPARSE_TEXT);
	assert_sparse_child("base.vmdk", 0x12345678);
	/* QEMU also finds the word in a comment, and then opens the file. */
	put_text("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=2\n" SPARSE_TEXT
		 "# parentFileNameHint=\"/etc/shadow\"\n");
	assert_sparse_child("/etc/shadow", 2);
	/* Only one of the two lines that a child has. */
	put_text(START_OF_TEXT SPARSE_TEXT "parentFileNameHint=\"base.vmdk\"\n");
	assert_sparse_refused(BS_CONTAINER_DIFFERENCING, "leads nowhere");
	put_text("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=2\n" SPARSE_TEXT);
	assert_sparse_refused(BS_CONTAINER_DIFFERENCING, "leads nowhere");
	put_text(START_OF_TEXT "createType=\"twoGbMaxExtentSparse\"\nRW 204800 SPARSE \"a\"\n");
	assert_sparse_refused(BS_FORMAT_UNSUPPORTED, "twoGbMaxExtentSparse");
	put_text(START_OF_TEXT "createType=\"monolithicSparse\"\nRW 204800 FLAT \"a\" 0\n");
	assert_sparse_refused(BS_FORMAT_UNSUPPORTED, "monolithicSparse");
}

TEST(vmdk_tests, a_file_that_is_cut_short_is_corruption)
{
	struct bs_error err;
	struct format format = {0};

	FOR_EACH_LENGTH(bytes, 512u + 200u, exact, length, {
		int result = vmdk_decode_sparse(exact, length, FILE_SIZE, &format, &err);
		size_t whole = 512 + strlen((const char *)bytes + 512) + 1;

		ck_assert_int_eq(result, length < whole ? -1 : 0);
		if (result != 0)
			ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	})
}

/* ---- descriptor files --------------------------------------------------------------------- */

static void assert_flat(const char *text, const char *name, uint64_t offset, uint64_t length)
{
	struct bs_error err = {0};
	struct vmdk_extents extents;
	int result = vmdk_decode_descriptor((const uint8_t *)text, strlen(text), &extents, &err);

	ck_assert_msg(result == 0, "%s", err.message);
	ck_assert_uint_eq(extents.count, 1);
	ck_assert_str_eq(extents.items[0].name, name);
	ck_assert_uint_eq(extents.items[0].offset, offset);
	ck_assert_uint_eq(extents.items[0].length, length);
	vmdk_extents_free(&extents);
}

static void assert_text_refused(const char *text, enum bs_code code, const char *part)
{
	struct bs_error err = {0};
	struct vmdk_extents extents;

	ck_assert_int_eq(
		vmdk_decode_descriptor((const uint8_t *)text, strlen(text), &extents, &err), -1);
	vmdk_extents_free(&extents);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

TEST(vmdk_tests, a_flat_disk_is_a_window_of_another_file)
{
	assert_flat(START_OF_TEXT "createType=\"monolithicFlat\"\n"
				  "RW 204800 FLAT \"my disk-flat.vmdk\" 8\n",
		    "my disk-flat.vmdk", 4096, 100 << 20);
	assert_flat("# Disk DescriptorFile\r\nversion=1\r\nCID = 123\r\nparentCID=FFFFFFFF\r\n"
		    " createType = \"vmfs\"\r\n\r\nRW 2048 VMFS \"d-flat.vmdk\"\r\n",
		    "d-flat.vmdk", 0, 1 << 20);
}

TEST(vmdk_tests, a_disk_in_several_flat_files_has_them_in_their_order)
{
	static const char *const texts[] = {
		START_OF_TEXT "createType=\"twoGbMaxExtentFlat\"\n"
			      "RW 4192256 FLAT \"a-f001.vmdk\" 0\n"
			      "RW\t2048\tFLAT\t\"a-f002.vmdk\" 0\n" /* as QEMU reads it */,
		START_OF_TEXT "createType=\"vmfs\"\nRW 4192256 VMFS \"a-f001.vmdk\"\n"
			      "RW 2048 VMFS \"a-f002.vmdk\"\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct memory_disk *memory = memory_disk_open(strlen(texts[i]));
		struct bs_error err = {0};
		struct vmdk_extents extents;
		struct format format;

		memcpy(memory->bytes, texts[i], strlen(texts[i]));
		ck_assert_int_eq(vmdk_read_extents(&memory->disk, &extents, &err), 0);
		ck_assert_uint_eq(extents.count, 2);
		ck_assert_str_eq(extents.items[0].name, "a-f001.vmdk");
		ck_assert_str_eq(extents.items[1].name, "a-f002.vmdk");
		ck_assert_uint_eq(extents.items[0].length, 4192256 * 512ull);
		ck_assert_uint_eq(extents.items[1].length, 1 << 20);
		vmdk_extents_free(&extents);
		ck_assert_int_eq(format_detect(&memory->disk, NULL, &format, &err), 0);
		ck_assert_uint_eq(format.extent_count, 2);
		ck_assert_str_eq(format.extent, "a-f001.vmdk");
		ck_assert_uint_eq(format.disk_size, (4192256 + 2048) * 512ull);
		disk_close(&memory->disk);
	}
}

#define SPARSE START_OF_TEXT "createType=\"twoGbMaxExtentSparse\"\nRW 8 SPARSE \"a\"\n"

TEST(vmdk_tests, a_disk_in_sparse_files_needs_the_driver_and_its_files_have_room)
{
	static const char text[] = SPARSE "RW 4192256 SPARSE \"b\"\n";
	struct memory_disk *memory = memory_disk_open(strlen(text));
	struct bs_error err = {0};
	struct vmdk_extents extents;
	struct format format;

	memcpy(memory->bytes, text, strlen(text));
	ck_assert_int_eq(format_detect(&memory->disk, NULL, &format, &err), 0);
	ck_assert_int_eq(format.access, FORMAT_DRIVER_ELSEWHERE);
	ck_assert_uint_eq(format.extent_count, 2);
	ck_assert_uint_eq(format.disk_size, (8 + 4192256) * 512ull);
	ck_assert_int_eq(vmdk_read_extents(&memory->disk, &extents, &err), 0);
	/* As bootshift-journal(5) states it: earlier undo files depend on these numbers. */
	ck_assert_uint_eq(vmdk_extent_room(&extents.items[0]), 17ull << 20);
	ck_assert_uint_eq(vmdk_extent_room(&extents.items[1]), 2191ull << 20);
	vmdk_extents_free(&extents);
	disk_close(&memory->disk);
}

TEST(vmdk_tests, qemu_opens_the_composed_descriptor_of_the_largest_number_of_files)
{
	static char text[VMDK_COMPOSED_SIZE];
	const struct format format = {.identifier = 1};
	struct vmdk_extents extents = {0};
	struct bs_error err = {0};
	char path[256];
	FILE *file;

	IN_FOLDER("mkdir composed && cd composed && "
		  "qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse s.vmdk 64K && "
		  "for i in $(seq %u); do cp s-s001.vmdk parent32-part$i; done",
		  VMDK_FILES_MAX);
	for (unsigned i = 0; i < VMDK_FILES_MAX; i++)
		ck_assert_int_eq(vmdk_extents_append(&extents,
						     (struct vmdk_extent){.name = "\"other",
									  .type = "SPARSE",
									  .length = 65536},
						     &err),
				 0);
	vmdk_compose(&extents, &format, "parent32-part", text);
	vmdk_extents_free(&extents);
	snprintf(path, sizeof(path), "%s/composed/image", images_folder());
	file = fopen(path, "we");
	ck_assert_uint_eq(fwrite(text, 1, sizeof(text), file), sizeof(text));
	ck_assert_int_eq(fclose(file), 0);
	IN_FOLDER("cd composed && qemu-img info image | grep -q '%u bytes' && "
		  "qemu-io -f vmdk -c 'write -P 7 %u 64K' image && ! cmp -s parent32-part%u "
		  "s-s001.vmdk && "
		  "cmp parent32-part1 s-s001.vmdk",
		  VMDK_FILES_MAX * 65536, (VMDK_FILES_MAX - 1) * 65536, VMDK_FILES_MAX);
}

TEST(vmdk_tests, the_header_of_a_sparse_file_has_to_fit_its_descriptor)
{
	struct memory_disk *memory;
	struct bs_error err = {0};
	uint64_t grain;

	IN_FOLDER("qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse s.vmdk 1M");
	memory = container_load("s-s001.vmdk");
	ck_assert_int_eq(vmdk_check_part(&memory->disk, 1 << 20, &grain, &err), 0);
	ck_assert_uint_eq(grain, 65536);
	ck_assert_int_eq(vmdk_check_part(&memory->disk, 2 << 20, &grain, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	memory->bytes[0] ^= 1;
	ck_assert_int_eq(vmdk_check_part(&memory->disk, 1 << 20, &grain, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	memory->bytes[0] ^= 1;
	memory->bytes[10] |= 1; /* the flag of compressed grains */
	ck_assert_int_eq(vmdk_check_part(&memory->disk, 1 << 20, &grain, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_COMPRESSED);
	memory->disk.size = 511;
	ck_assert_int_eq(vmdk_check_part(&memory->disk, 1 << 20, &grain, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	disk_close(&memory->disk);
}

TEST(vmdk_tests, a_header_that_cannot_be_read_is_no_damage_of_the_file)
{
	struct memory_disk *memory = memory_disk_open(FILE_SIZE);
	struct bs_error err = {0};
	uint64_t grain;

	memory->bad = 100;
	ck_assert_int_eq(vmdk_check_part(&memory->disk, 1 << 20, &grain, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	disk_close(&memory->disk);
}

#define SPLIT START_OF_TEXT "createType=\"twoGbMaxExtentFlat\"\nRW 8 FLAT \"a\" 0\n"

TEST(vmdk_tests, several_files_that_are_no_disk_are_refused)
{
	static const struct {
		const char *text;
		enum bs_code code;
		const char *part;
	} cases[] = {
		{SPLIT "RW 8 FLAT \"a\" 0\n", BS_CONTAINER_CORRUPT, "names a twice"},
		{SPLIT "RW 8 FLAT \"b\" 8\n", BS_FORMAT_UNSUPPORTED, "at the start of b"},
		{SPLIT "RW 8 FLAT \"b\"\n", BS_FORMAT_UNSUPPORTED, "type FLAT"},
		{SPLIT "RW 8 FLAT \"../b\" 0\n", BS_FORMAT_UNSUPPORTED, "another folder"},
		{SPLIT "RW 8 FLAT \"c:\\b\" 0\n", BS_FORMAT_UNREADABLE, "another folder"},
		{SPLIT "RW 8 SPARSE \"b\"\n", BS_FORMAT_UNSUPPORTED, "type SPARSE"},
		{SPLIT "RW 8 VMFS \"b\"\n", BS_FORMAT_UNSUPPORTED, "type VMFS"},
		{SPLIT "RDONLY 8 FLAT \"b\" 0\n", BS_READ_ONLY, "read-only"},
		{SPLIT "NOACCESS 8 ZERO\n", BS_FORMAT_UNREADABLE, "in no file"},
		{SPLIT "RW 8 ZERO\n", BS_FORMAT_UNREADABLE, "in no file"},
		{SPLIT "RW 0 FLAT \"b\" 0\n", BS_CONTAINER_CORRUPT, "empty"},
		{SPLIT "RW 18014398509481983 FLAT \"b\" 0\n", BS_CONTAINER_CORRUPT, "malformed"},
		{START_OF_TEXT "createType=\"partitionedDevice\"\nRW 8 FLAT \"/dev/sda\" 0\n"
			       "RW 8 FLAT \"b\" 0\n",
		 BS_FORMAT_UNREADABLE, "partitionedDevice"},
		{SPARSE "RW 8 FLAT \"b\" 0\n", BS_FORMAT_UNSUPPORTED, "type FLAT"},
		{SPARSE "RW 8 SPARSE \"b\" 8\n", BS_FORMAT_UNSUPPORTED, "type SPARSE"},
		{SPARSE "RW 8 SPARSE \"a\"\n", BS_CONTAINER_CORRUPT, "names a twice"},
		{SPARSE "RW 9007199254740992 SPARSE \"b\"\n", BS_CONTAINER_CORRUPT, "malformed"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_text_refused(cases[i].text, cases[i].code, cases[i].part);
}

TEST(vmdk_tests, too_many_files_are_refused)
{
	char text[16384] = START_OF_TEXT "createType=\"twoGbMaxExtentFlat\"\n";
	struct bs_error err = {0};
	struct vmdk_extents extents;

	for (unsigned i = 0; i <= VMDK_FILES_MAX; i++) {
		if (i == VMDK_FILES_MAX) {
			ck_assert_int_eq(vmdk_decode_descriptor((const uint8_t *)text, strlen(text),
								&extents, &err),
					 0);
			ck_assert_uint_eq(extents.count, VMDK_FILES_MAX);
			vmdk_extents_free(&extents);
		}
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "RW 8 FLAT \"f%03u\" 0\n", i);
	}
	assert_text_refused(text, BS_CONTAINER_SPLIT, "129 files");
}

TEST(vmdk_tests, a_snapshot_in_sparse_files_is_described_with_its_parent)
{
	static const char text[] = "# Disk DescriptorFile\nCID=fffffffe\nparentCID=ab12\n"
				   "createType=\"twoGbMaxExtentSparse\"\n"
				   "parentFileNameHint=\"win7.vmdk\"\n"
				   "RW 2048 SPARSE \"win7-000001-s001.vmdk\"\n";
	struct memory_disk *memory = memory_disk_open(sizeof(text) - 1);
	struct bs_error err = {0};
	struct format format;

	memcpy(memory->bytes, text, sizeof(text) - 1);
	ASSERT_OK(format_detect(&memory->disk, NULL, &format, &err));
	ck_assert_int_eq(format.access, FORMAT_DRIVER_ELSEWHERE);
	ck_assert_uint_eq(format.identifier, 0xfffffffe);
	ck_assert_str_eq(format.parent.path, "win7.vmdk");
	ck_assert_str_eq(format.parent.driver, "vmdk");
	ck_assert_uint_eq(format.parent.identifier, 0xab12);
	ck_assert(format.parent.has_identifier);
	disk_close(&memory->disk);
}

TEST(vmdk_tests, a_snapshot_is_refused_with_the_name_of_its_parent)
{
	assert_text_refused("# Disk DescriptorFile\nCID=1\nparentCID=00000000\n"
			    "createType=\"vmfsSparse\"\nparentFileNameHint=\"win7.vmdk\"\n"
			    "RW 2048 VMFSSPARSE \"win7-000001-delta.vmdk\"\n",
			    BS_CONTAINER_DIFFERENCING, "win7.vmdk");
	assert_text_refused("# Disk DescriptorFile\nCID=1\nparentCID=0\n"
			    "createType=\"monolithicFlat\"\nRW 2048 FLAT \"a\" 0\n",
			    BS_CONTAINER_DIFFERENCING, "leads nowhere");
}

TEST(vmdk_tests, a_file_of_another_folder_is_refused)
{
	static const char *const names[] = {"/etc/passwd", "../a", "sub/a", "..\\a",
					    ".",           "..",   "",      "a\tb"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[300];

		snprintf(text, sizeof(text),
			 START_OF_TEXT "createType=\"monolithicFlat\"\nRW 2048 FLAT \"%s\" 0\n",
			 names[i]);
		/* QEMU takes a Windows path for a file name. */
		assert_text_refused(text,
				    strchr(names[i], '\\') == NULL ? BS_FORMAT_UNSUPPORTED
								   : BS_FORMAT_UNREADABLE,
				    "another folder");
	}
}

TEST(vmdk_tests, other_kinds_are_not_supported)
{
	assert_text_refused(START_OF_TEXT "createType=\"fullDevice\"\nRW 2048 FLAT \"sda\" 0\n",
			    BS_FORMAT_UNREADABLE, "fullDevice");
	assert_text_refused(START_OF_TEXT "createType=\"vmfsSparse\"\nRW 2048 VMFSSPARSE \"a\"\n",
			    BS_FORMAT_UNSUPPORTED, "VMFSSPARSE");
	assert_text_refused(START_OF_TEXT "createType=\"streamOptimized\"\nRW 8 SPARSE \"a\"\n",
			    BS_CONTAINER_COMPRESSED, "streamOptimized");
	assert_text_refused(START_OF_TEXT "createType=\"monolithicFlat\"\nRDONLY 8 FLAT \"a\" 0\n",
			    BS_READ_ONLY, "read-only");
	assert_text_refused(START_OF_TEXT "encryptionKeys=\"x\"\ncreateType=\"monolithicFlat\"\n"
					  "RW 8 FLAT \"a\" 0\n",
			    BS_VMDK_ENCRYPTED, "encrypted");
	assert_text_refused(START_OF_TEXT "changeTrackPath=\"a-ctk.vmdk\"\n"
					  "createType=\"vmfs\"\nRW 8 VMFS \"a\"\n",
			    BS_FORMAT_UNSUPPORTED, "tracked");
}

TEST(vmdk_tests, a_malformed_descriptor_is_corruption)
{
	static const char *const ends[] = {
		"createType=\"monolithicFlat\"\n",
		"createType=\"monolithicFlat\"\nRW x FLAT \"a\" 0\n",
		"createType=\"monolithicFlat\"\nRW 0 FLAT \"a\" 0\n",
		"createType=\"monolithicFlat\"\nRW -1 FLAT \"a\" 0\n",
		"createType=\"monolithicFlat\"\nRW 8 FLAT \"a\" 1x\n",
		"createType=\"monolithicFlat\"\nRW 8 FLATFLATFLATFLATFLAT \"a\" 0\n",
		"createType=\"monolithicFlat\"\nRW 99999999999999999999 FLAT \"a\" 0\n",
		"createType=\"monolithicFlat\"\nRW 36028797018963968 FLAT \"a\" 0\n",
		"createType=\"monolithicFlat\"\nRW 18014398509481984 FLAT \"a\" "
		"18014398509481983\n",
		"createType=\"a type with a name that is longer than any\"\nRW 8 FLAT \"a\" 0\n",
		"RW 8 FLAT \"a\" 0\n",
		"parentCID=x\ncreateType=\"monolithicFlat\"\nRW 8 FLAT \"a\" 0\n",
		"CID=\ncreateType=\"monolithicFlat\"\nRW 8 FLAT \"a\" 0\n",
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char text[300];

		snprintf(text, sizeof(text), START_OF_TEXT "%s", ends[i]);
		assert_text_refused(text, BS_CONTAINER_CORRUPT, "VMDK");
	}
}

TEST(vmdk_tests, what_is_long_or_no_text_is_no_descriptor)
{
	static const char text[] =
		START_OF_TEXT "createType=\"monolithicFlat\"\nRW 2048 FLAT \"a\" 0\n";
	struct memory_disk *memory = memory_disk_open(VMDK_DESCRIPTOR_MAX + 1);
	struct bs_error err = {0};
	struct format format;

	memset(memory->bytes, '\n', VMDK_DESCRIPTOR_MAX + 1);
	memcpy(memory->bytes, text, strlen(text));
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, "64 KiB");
	memory->disk.size--;
	ck_assert_msg(format_detect(&memory->disk, NULL, &format, &err) == 0, "%s", err.message);
	ck_assert_int_eq(format.access, FORMAT_ELSEWHERE);
	memory->bytes[5000] = 0;
	memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, "not a text");
	disk_close(&memory->disk);
}

/* As qemu-img leaves it if the identifier got two digits less. */
TEST(vmdk_tests, the_end_of_an_earlier_text_behind_the_text_does_not_count)
{
	static const char text[] =
		START_OF_TEXT "createType=\"monolithicFlat\"\nRW 2048 FLAT \"a\" 0\n\0\n\0\0";
	static const char longer[] =
		START_OF_TEXT "createType=\"monolithicFlat\"\nRW 2048 FLAT \"a\" 0\n\0RW 2048 ";
	struct bs_error err = {0};
	struct vmdk_extents extents;

	ck_assert_msg(vmdk_decode_descriptor((const uint8_t *)text, sizeof(text), &extents, &err) ==
			      0,
		      "%s", err.message);
	ck_assert_uint_eq(extents.count, 1);
	vmdk_extents_free(&extents);
	ck_assert_int_lt(
		vmdk_decode_descriptor((const uint8_t *)longer, sizeof(longer), &extents, &err), 0);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	vmdk_extents_free(&extents);
}

TEST(vmdk_tests, a_descriptor_that_is_cut_short_or_damaged_is_survived)
{
	static const char text[] =
		START_OF_TEXT "createType=\"monolithicFlat\"\nRW 2048 FLAT \"a\" 0";
	struct memory_disk *memory = memory_disk_open(strlen(text));
	struct vmdk_extents extents;
	struct bs_error err;

	FOR_EACH_LENGTH(text, strlen(text), exact, length, {
		if (vmdk_decode_descriptor(exact, length, &extents, &err) != 0)
			ck_assert_int_eq(bs_code_exit(err.code), BS_EXIT_REFUSED);
		else
			ck_assert_uint_eq(length, strlen(text));
		vmdk_extents_free(&extents);
	})
	memcpy(memory->bytes, text, strlen(text));
	memory_damage(memory, "vmdk", 0, strlen(text));
	disk_close(&memory->disk);
}

/* ---- files of qemu-img -------------------------------------------------------------------- */

TEST(vmdk_tests, what_qemu_makes_is_described)
{
	struct bs_error err = {0};
	struct format format;

	IN_FOLDER("qemu-img create -q -f vmdk a.vmdk 100M");
	container_assert("a.vmdk", "vmdk", FORMAT_DRIVER, 100 << 20);
	IN_FOLDER("qemu-img create -q -f vmdk -o zeroed_grain=on,adapter_type=lsilogic a.vmdk 3G");
	container_assert("a.vmdk", "vmdk", FORMAT_DRIVER, 3ull << 30);
	IN_FOLDER("qemu-img create -q -f vmdk a.vmdk 2T");
	container_assert("a.vmdk", "vmdk", FORMAT_DRIVER, 2ull << 40);
	IN_FOLDER("qemu-img create -q -f vmdk -o subformat=monolithicFlat b.vmdk 100M");
	ck_assert_int_eq(container_detect("b.vmdk", &format, &err), 0);
	ck_assert_int_eq(format.access, FORMAT_ELSEWHERE);
	ck_assert_str_eq(format.extent, "b-flat.vmdk");
	ck_assert_uint_eq(format.extent_count, 1);
	ck_assert_uint_eq(format.offset, 0);
	ck_assert_uint_eq(format.length, 100 << 20);
	IN_FOLDER("qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentFlat f.vmdk 3G");
	ck_assert_int_eq(container_detect("f.vmdk", &format, &err), 0);
	ck_assert_int_eq(format.access, FORMAT_ELSEWHERE);
	ck_assert_uint_eq(format.extent_count, 2);
	ck_assert_uint_eq(format.length, 3ull << 30);
}

TEST(vmdk_tests, other_files_that_qemu_makes_are_refused)
{
	IN_FOLDER("qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse s.vmdk 3G");
	container_assert_refused("s-s001.vmdk", BS_CONTAINER_PART, "one of the files");
	IN_FOLDER("qemu-img create -q -f vmdk base.vmdk 1M");
	IN_FOLDER("qemu-img create -q -f vmdk -b base.vmdk -F vmdk top.vmdk");
	container_assert_child("top.vmdk", "base.vmdk", "vmdk");
	IN_FOLDER("qemu-img convert -f vmdk -O vmdk -o subformat=streamOptimized base.vmdk o.vmdk");
	container_assert_refused("o.vmdk", BS_CONTAINER_COMPRESSED, "streamOptimized");
}

TEST(vmdk_tests, whatever_is_cut_off_is_missed)
{
	static const char *const options[] = {"adapter_type=ide", "zeroed_grain=on"};
	struct memory_disk *memory;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		IN_FOLDER("head -c 300K /dev/urandom >a.img && truncate -s 40M a.img && "
			  "head -c 300K /dev/urandom >>a.img && "
			  "qemu-img convert -f raw -O vmdk -o %s a.img a.vmdk && "
			  "qemu-io -f vmdk -c 'write -z 10M 1M' a.vmdk",
			  options[i]);
		memory = container_load("a.vmdk");
		memory_assert_cuts_refused(memory, 65536, 512 * 11);
		disk_close(&memory->disk);
	}
}

/* Each table has 2 KiB. */
TEST(vmdk_tests, small_tables_are_read_in_larger_pieces)
{
	struct memory_disk *memory;

	IN_FOLDER("qemu-img create -q -f vmdk a.vmdk 16G");
	memory = container_load("a.vmdk");
	memory->reads = 0;
	memory_assert_good(memory);
	ck_assert_uint_lt(memory->reads, 100);
	disk_close(&memory->disk);
}

/* QEMU's driver would write what belongs to the grains of this table to other grains. */
TEST(vmdk_tests, a_directory_without_one_of_the_tables_is_not_supported)
{
	struct format format = {.name = "vmdk", .access = FORMAT_DRIVER};
	struct memory_disk *memory;
	struct bs_error err = {0};
	uint64_t directory;

	IN_FOLDER("qemu-img create -q -f vmdk a.vmdk 64M");
	memory = container_load("a.vmdk");
	memory_assert_good(memory);
	directory = load_le64(memory->bytes + 56) * 512;
	store_le32(memory->bytes + directory + 4, 0);
	ck_assert_int_eq(format_check_tables(&memory->disk, &format, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), "format-unsupported");
	ck_assert_msg(strstr(err.message, "grain table 1") != NULL, "%s", err.message);
	disk_close(&memory->disk);
}

TEST(vmdk_tests, a_flat_disk_needs_all_of_its_file)
{
	struct memory_disk *memory = memory_disk_open(3 * 512);
	struct format format = {.name = "vmdk", .access = FORMAT_ELSEWHERE};
	struct bs_error err = {0};

	format.offset = 512;
	format.length = 2 * 512;
	ck_assert_int_eq(format_check_tables(&memory->disk, &format, &err), 0);
	memory->disk.size--;
	ck_assert_int_eq(format_check_tables(&memory->disk, &format, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	ck_assert_msg(strstr(err.message, "ends at byte 1535, the disk in it at 1536") != NULL,
		      "%s", err.message);
	disk_close(&memory->disk);
}

TEST(vmdk_tests, damage_anywhere_in_the_tables_is_survived)
{
	struct memory_disk *memory;
	uint64_t directory;

	IN_FOLDER("qemu-img create -q -f vmdk a.vmdk 1M");
	IN_FOLDER("qemu-io -f vmdk -c 'write 0 64K' a.vmdk");
	memory = container_load("a.vmdk");
	directory = load_le64(memory->bytes + 56) * 512;
	memory_damage(memory, "vmdk", directory, directory + 1024);
	disk_close(&memory->disk);
}

TEST(vmdk_tests, damage_anywhere_in_the_head_is_survived)
{
	struct memory_disk *memory;

	IN_FOLDER("qemu-img create -q -f vmdk base.vmdk 1M");
	IN_FOLDER("qemu-img create -q -f vmdk -b base.vmdk -F vmdk top.vmdk");
	memory = container_load("top.vmdk");
	memory_damage(memory, "vmdk", 0, 80);
	memory_damage(memory, "vmdk", 512, 1000);
	memory_damage(memory, NULL, 0, 80);
	disk_close(&memory->disk);
}
