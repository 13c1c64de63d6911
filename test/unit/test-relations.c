/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which file is the parent or a part of another file, according to the references in each format.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/relations.h"
#include "support/containers.h"
#include "support/program.h"
#include "support/sample.h"
#include "transaction/lock.h"
#include "unit/container-file.h"
#include "unit/fixed-footer.h"
#include "util/bytes.h"

static struct bs_relations relations;
static const char *folder;

static void setup(void)
{
	folder = test_folder();
}

static void teardown(void)
{
	bs_relations_free(&relations);
	free(image_run(0, "rm -rf '%s'", folder));
}

/* Runs a shell command in the folder. */
#define RUN_THERE(format, ...) free(image_run(0, "cd '%s' && " format, folder, ##__VA_ARGS__))

static const char *path_of(const char *name)
{
	return text("%s/%s", folder, name);
}

static void put(const char *name, uint64_t offset, const void *bytes, size_t length)
{
	int file = open(path_of(name), O_WRONLY | O_CREAT, 0644);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(pwrite(file, bytes, length, (off_t)offset), (ssize_t)length);
	close(file);
}

static void look_around(const char *name)
{
	struct bs_error err = {0};

	bs_relations_free(&relations);
	ck_assert_msg(bs_relations_look(&relations, path_of(name), &err) == 0, "%s", err.message);
}

static void assert_path(const char *found, const char *expected)
{
	if (expected == NULL)
		ck_assert_msg(found == NULL, "%s", found);
	else
		ck_assert_msg(found != NULL && strcmp(found, path_of(expected)) == 0, "%s",
			      found != NULL ? found : "none");
}

static void assert_child_known(const char *parent, const char *child)
{
	struct bs_error err = {0};
	const char *found;

	ck_assert_int_eq(relations_child(&relations, path_of(parent), &found, &err), 0);
	assert_path(found, child);
}

/* `child` is NULL if there is no child. */
static void assert_child(const char *parent, const char *child)
{
	look_around(parent);
	assert_child_known(parent, child);
}

static void assert_whole(const char *part, const char *whole)
{
	look_around(part);
	assert_path(bs_relations_whole(&relations, path_of(part)), whole);
}

/* ---- QEMU's names -------------------------------------------------------------------------- */

static void back(const char *child, const char *name)
{
	RUN_THERE("qemu-img create -q -u -f qcow2 -F qcow2 -b '%s' '%s' 8M", name, child);
}

TEST_CASE(relations_tests, "relations", .setup = setup, .teardown = teardown);
TEST_CASE(damaged, "damaged", .setup = setup, .teardown = teardown, .tags = "slow damage");

TEST(relations_tests, a_backing_file_is_a_parent_whatever_way_it_is_named)
{
	const char *const names[] = {
		"base.img",
		"./base.img",
		"../base/base.img",
		"file:base.img",
		path_of("base/base.img"),
		"again",
		"json:{\"driver\": \"qcow2\", \"file\": {\"filename\": \"base.img\"}}",
		/* a path of another machine */
		"/nowhere/on/this/machine/base.img",
		"E:\\machines\\Base.img",
	};

	RUN_THERE("mkdir base && qemu-img create -q -f qcow2 base/base.img 8M && "
		  "ln base/base.img base/again && : >base/base.txt");
	assert_child("base/base.img", NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		back("base/child", names[i]);
		assert_child("base/base.img", "base/child");
		assert_child("base/base.txt", NULL);
		assert_child("base/child", NULL);
	}
	back("base/child", "base.image");
	assert_child("base/base.img", NULL);
}

/* A guest can write such a header, but then the disk also has a boot signature; see format.c. */
TEST(relations_tests, a_raw_disk_that_begins_like_a_child_is_none)
{
	RUN_THERE(": >base.img");
	back("child", "base.img");
	assert_child("base.img", "child");
	put("child", 510, "\x55\xaa", 2);
	assert_child("base.img", NULL);
}

TEST(relations_tests, a_data_file_is_a_part)
{
	RUN_THERE("qemu-img create -q -f qcow2 -o data_file=data disk.qcow2 8M");
	assert_whole("data", "disk.qcow2");
	assert_whole("disk.qcow2", NULL);
	assert_child("data", NULL);
}

/* Somebody has copied the descriptor file.  The fix of one disk would change the other. */
TEST(relations_tests, the_child_of_another_disk_with_the_same_files_is_a_child)
{
	static const char *const types[] = {"monolithicFlat", "twoGbMaxExtentSparse"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		RUN_THERE("mkdir %zu && qemu-img create -q -f vmdk -o subformat=%s %zu/base.vmdk "
			  "3G && cp %zu/base.vmdk %zu/copy.vmdk && "
			  "cp %zu/base.vmdk %zu/another.vmdk",
			  i, types[i], i, i, i, i, i);
		assert_child(text("%zu/copy.vmdk", i), NULL);
		RUN_THERE("cd %zu && qemu-img create -q -f vmdk -F vmdk -b base.vmdk child.vmdk",
			  i);
		assert_child(text("%zu/base.vmdk", i), text("%zu/child.vmdk", i));
		assert_child(text("%zu/copy.vmdk", i), text("%zu/child.vmdk", i));
		assert_child(text("%zu/another.vmdk", i), text("%zu/child.vmdk", i));
		assert_child(text("%zu/child.vmdk", i), NULL);
	}
}

/* ---- VMDK ---------------------------------------------------------------------------------- */

TEST(relations_tests, the_hint_of_a_vmdk_leads_to_its_parent)
{
	RUN_THERE("qemu-img create -q -f vmdk vm.vmdk 8M && "
		  "qemu-img create -q -f vmdk -F vmdk -b vm.vmdk vm-000001.vmdk");
	assert_child("vm.vmdk", "vm-000001.vmdk");
	assert_child("vm-000001.vmdk", NULL);
}

TEST(relations_tests, all_files_of_a_described_disk_are_parts)
{
	RUN_THERE("qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentFlat flat.vmdk 3G");
	RUN_THERE("qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse sparse.vmdk 3G");
	RUN_THERE("qemu-img create -q -f vmdk -o subformat=monolithicFlat one.vmdk 8M");
	assert_whole("flat-f001.vmdk", "flat.vmdk");
	assert_whole("flat-f002.vmdk", "flat.vmdk");
	assert_whole("sparse-s001.vmdk", "sparse.vmdk");
	assert_whole("sparse-s002.vmdk", "sparse.vmdk");
	assert_whole("one-flat.vmdk", "one.vmdk");
	assert_whole("one.vmdk", NULL);
	assert_child("one-flat.vmdk", NULL);
}

/* The descriptor in the copy still has the name of the original file. */
TEST(relations_tests, a_copy_of_a_vmdk_of_one_file_does_not_claim_the_first)
{
	RUN_THERE("qemu-img create -q -f vmdk disk.vmdk 8M && cp disk.vmdk copy.vmdk");
	assert_whole("disk.vmdk", NULL);
	assert_child("disk.vmdk", NULL);
}

/* ---- VHD and VHDX -------------------------------------------------------------------------- */

static size_t encode_utf16(const char *ascii, uint8_t *utf16)
{
	size_t length = strlen(ascii);

	for (size_t i = 0; i < length; i++)
		store_le16(utf16 + 2 * i, (uint8_t)ascii[i]);
	return 2 * length;
}

/* Makes the first 4096 bytes of a differencing VHD with a parent locator of this kind. */
static void make_vhd(const char *child, const char *platform, const char *path)
{
	uint8_t bytes[4096] = {0}, *header = bytes + 512, *locator = header + 576;

	memcpy(bytes, fixed_footer, 512);
	store_be32(bytes + 16, 0); /* data offset: after the footer */
	store_be32(bytes + 20, 512);
	store_be32(bytes + 60, 4); /* differencing */
	container_seal_vhd(bytes, 512, 64);
	memcpy(header, "cxsparse", 8);
	store_be32(header + 24, 0x10000);
	store_be32(header + 32, 2 << 20); /* block size */
	memcpy(locator, platform, 4);
	store_be32(locator + 8, (uint32_t)encode_utf16(path, bytes + 2048));
	store_be32(locator + 20, 2048);
	container_seal_vhd(header, 1024, 36);
	put(child, 0, bytes, sizeof(bytes));
}

TEST(relations_tests, the_locators_of_a_vhd_lead_to_its_parent)
{
	RUN_THERE("mkdir snapshots && : >base.vhd && : >other.vhd");
	make_vhd("child.avhd", "W2ru", ".\\base.vhd");
	assert_child("base.vhd", "child.avhd");
	assert_child("other.vhd", NULL);
	make_vhd("child.avhd", "W2ku", "C:\\Virtual Machines\\BASE.vhd");
	assert_child("base.vhd", "child.avhd");
	make_vhd("child.avhd", "Mac ", ".\\base.vhd");
	assert_child("base.vhd", NULL);
	make_vhd("snapshots/child.avhd", "W2ru", "..\\base.vhd");
	look_around("snapshots/child.avhd");
	assert_child_known("base.vhd", "snapshots/child.avhd");
}

/* QEMU's place for the metadata.  Its items take 40 bytes. */
#define METADATA 0x300000u
#define ITEMS    (METADATA + 0x10000u)

static void make_vhdx(const char *child, const char *key, const char *path)
{
	/*
	 * PARENT_LOCATOR, its offset in the region, and its length; then the type of the locator.
	 */
	uint8_t entry[32] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
			     0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};
	uint8_t locator[512] = {[18] = 1}; /* one pair */

	RUN_THERE("qemu-img create -q -f vhdx '%s' 8M", child);
	store_le32(entry + 16, ITEMS - METADATA + 40);
	store_le32(entry + 20, sizeof(locator));
	store_le32(locator + 20, 64);
	store_le32(locator + 24, 256);
	store_le16(locator + 28, (uint16_t)encode_utf16(key, locator + 64));
	store_le16(locator + 30, (uint16_t)encode_utf16(path, locator + 256));
	put(child, METADATA + 10, "\6", 1); /* entries */
	put(child, METADATA + 32 + 5 * 32, entry, sizeof(entry));
	put(child, ITEMS + 4, "\2", 1); /* has a parent */
	put(child, ITEMS + 40, locator, sizeof(locator));
}

TEST(relations_tests, the_locator_of_a_vhdx_leads_to_its_parent)
{
	RUN_THERE(": >base.vhdx");
	make_vhdx("child.avhdx", "relative_path", ".\\base.vhdx");
	assert_child("base.vhdx", "child.avhdx");
	make_vhdx("child.avhdx", "absolute_win32_path", "D:\\a b\\base.vhdx");
	assert_child("base.vhdx", "child.avhdx");
	make_vhdx("child.avhdx", "volume_path", "\\\\?\\Volume{26A21BDA}\\base.vhdx");
	assert_child("base.vhdx", "child.avhdx");
	make_vhdx("child.avhdx", "parent_linkage", "base.vhdx");
	assert_child("base.vhdx", NULL);
}

/* ---- VirtualBox ---------------------------------------------------------------------------- */

TEST(relations_tests, virtualbox_s_snapshots_lead_to_their_parent_by_its_uuid)
{
	RUN_THERE("mkdir vm vm/Snapshots && qemu-img create -q -f vdi vm/vm.vdi 8M && "
		  "cp vm/vm.vdi vm/other.vdi && qemu-img create -q -f vdi vm/Snapshots/1.vdi 8M");
	put("vm/vm.vdi", 392, "0123456789abcdef", 16);
	put("vm/other.vdi", 392, "0123456789abcdeg", 16);
	put("vm/Snapshots/1.vdi", 392, "0123456789abcdeh", 16);
	assert_child("vm/vm.vdi", NULL);
	put("vm/Snapshots/1.vdi", 424, "0123456789abcdef", 16);
	assert_child("vm/vm.vdi", "vm/Snapshots/1.vdi");
	assert_child("vm/other.vdi", NULL);
}

static void put_vmdk(const char *name, const char *uuid, const char *parent)
{
	const char *descriptor = text("# Disk DescriptorFile\nCID=1\nparentCID=1\n"
				      "createType=\"monolithicFlat\"\nRW 1 FLAT \"%s-flat\" 0\n"
				      "ddb.uuid.image=\"%s\"\nddb.uuid.parent=\"%s\"\n",
				      name, uuid, parent);

	put(name, 0, descriptor, strlen(descriptor));
}

TEST(relations_tests, a_vmdk_of_virtualbox_has_the_uuid_of_its_parent)
{
	static const char none[] = "00000000-0000-0000-0000-000000000000";
	static const char one[] = "11111111-2222-3333-4444-555555555555";
	static const char two[] = "11111111-2222-3333-4444-666666666666";

	put_vmdk("base.vmdk", one, none);
	put_vmdk("child.vmdk", two, one);
	put_vmdk("without.vmdk", none, none);
	assert_child("base.vmdk", "child.vmdk");
	assert_child("child.vmdk", NULL);
	assert_child("without.vmdk", NULL);
}

/* ---- damage -------------------------------------------------------------------------------- */

static void check_text(void *context, enum reference_kind kind, const char *found)
{
	unsigned *count = context;

	ck_assert_int_le(kind, REFERENCE_PART);
	ck_assert_uint_gt(strlen(found), 0);
	(*count)++;
}

/*
 * Changes each byte of the part of a child's header that names the parent, and cuts the child off
 * after each of these bytes.
 */
static void damage(const char *child, size_t start, size_t end)
{
	struct memory_disk *memory = container_load(text("%s/%s", strrchr(folder, '/'), child));
	uint64_t size = memory->disk.size;
	unsigned count = 0;
	const struct reference_taker taker = {check_text, &count};
	struct bs_error err = {0};

	ck_assert_int_eq(format_refer(&memory->disk, &taker, &err), 0);
	ck_assert_uint_ge(count, 1);
	for (size_t at = start; at < end; at++) {
		memory->bytes[at] ^= 0xff;
		ck_assert_int_eq(format_refer(&memory->disk, &taker, &err), 0);
		memory->bytes[at] ^= 0xfe;
		ck_assert_int_eq(format_refer(&memory->disk, &taker, &err), 0);
		memory->bytes[at] ^= 0x01;
	}
	for (memory->disk.size = start; memory->disk.size < end; memory->disk.size++)
		ck_assert_int_eq(format_refer(&memory->disk, &taker, &err), 0);
	memory->disk.size = size;
	disk_close(&memory->disk);
}

TEST(damaged, damage_anywhere_is_survived)
{
	RUN_THERE("qemu-img create -q -f vmdk base 8M && qemu-img create -q -f vdi child.vdi 8M");
	RUN_THERE("qemu-img create -q -f vmdk -F vmdk -b base child.vmdk");
	back("child.qcow2", "base");
	make_vhd("child.vhd", "W2ru", ".\\base");
	make_vhdx("child.vhdx", "relative_path", ".\\base");
	damage("child.vdi", 0, 512);
	damage("child.qcow2", 0, 1024);
	damage("child.vmdk", 0, 1024);
	damage("child.vhd", 0, 4096);
	damage("child.vhdx", METADATA, METADATA + 256);
	damage("child.vhdx", ITEMS, ITEMS + 600);
}

/* ---- the commands --------------------------------------------------------------------------- */

static void make_base(const char *name)
{
	RUN_THERE("qemu-img convert -O qcow2 '%s' %s", image_recipe("small", SAMPLE_SMALL), name);
}

static void assert_refused(enum bs_exit exit, struct bs_result *result, enum bs_code code,
			   const char *by)
{
	ck_assert_int_eq(exit, BS_EXIT_REFUSED);
	ck_assert_int_eq(result->status, BS_STATUS_REFUSED);
	ck_assert_msg(result->error.code == code, "%s", result->error.message);
	ASSERT_HAS(result->error.message, by);
	bs_result_free(result);
}

TEST(relations_tests, a_parent_is_not_fixed_and_its_child_stays_as_it_is)
{
	const struct bs_options options = {.size = sizeof(options)};
	const char *base = path_of("base.qcow2");
	struct bs_result result;
	struct image_digest before;
	enum bs_exit exit;

	make_base("base.qcow2");
	back("child.qcow2", "base.qcow2");
	before = image_digest(base);
	exit = bs_inspect(base, &options, &result);
	ck_assert_int_eq(result.inspection->verdict, BS_VERDICT_UNSUITABLE);
	ck_assert(!result.inspection->starts_after || result.inspection->starts);
	assert_refused(exit, &result, BS_CONTAINER_HAS_CHILDREN, "/child.qcow2");
	assert_refused(bs_plan(base, &options, NULL, &result), &result, BS_CONTAINER_HAS_CHILDREN,
		       "/child.qcow2");
	/* The same under another name of the image. */
	RUN_THERE("mkdir links && ln -s ../base.qcow2 links/disk");
	assert_refused(bs_fix(path_of("links/disk"), &options, NULL, &result), &result,
		       BS_CONTAINER_HAS_CHILDREN, "/child.qcow2");
	image_assert_same(base, &before);
}

/* The message names what has to be merged first, by the command for that. */
TEST(relations_tests, the_snapshots_of_hyper_v_are_refused_with_the_way_out)
{
	const struct bs_options options = {.size = sizeof(options)};
	struct bs_result result;

	RUN_THERE("qemu-img convert -O vpc '%s' base.vhd", image_recipe("small", SAMPLE_SMALL));
	make_vhd("snap.avhd", "W2ru", ".\\base.vhd");
	RUN_THERE("head -c 512 snap.avhd >footer && cat footer >>snap.avhd");
	assert_refused(bs_fix(path_of("base.vhd"), &options, NULL, &result), &result,
		       BS_CONTAINER_HAS_CHILDREN, "Merge-VHD -Path 'snap.avhd'");
	assert_refused(bs_fix(path_of("snap.avhd"), &options, NULL, &result), &result,
		       BS_VHD_DIFFERENCING, "its parent, another file");
	make_vhd("top.avhd", "W2ru", ".\\snap.avhd");
	RUN_THERE("cat footer >>top.avhd");
	assert_refused(bs_fix(path_of("snap.avhd"), &options, NULL, &result), &result,
		       BS_CONTAINER_HAS_CHILDREN, "Merge-VHD -Path 'top.avhd'");
	assert_refused(bs_inspect(path_of("top.avhd"), &options, &result), &result,
		       BS_VHD_DIFFERENCING, "its parent");
}

/* As in a batch over a folder with the parent and its child. */
TEST(relations_tests, a_parent_is_refused_for_its_child_while_the_child_is_fixed)
{
	const char *base = path_of("base.qcow2");
	struct bs_options options = {.size = sizeof(options)};
	struct bs_result result;
	struct target *read;
	struct bs_error err;

	make_base("base.qcow2");
	back("child.qcow2", "base.qcow2");
	read = target_open(base, &err);
	ck_assert_int_eq(lock_parent(read, &err), 0);
	assert_refused(bs_fix(base, &options, NULL, &result), &result, BS_IN_USE, "");
	options.relations = &relations;
	ck_assert_int_eq(bs_relations_look(&relations, base, &err), 0);
	assert_refused(bs_fix(base, &options, NULL, &result), &result, BS_CONTAINER_HAS_CHILDREN,
		       "/child.qcow2");
	target_close(read);
}

TEST(relations_tests, an_image_that_has_got_a_child_since_has_nothing_to_do_and_is_not_undone)
{
	const struct bs_options options = {.size = sizeof(options)};
	const char *base = path_of("base.qcow2");
	struct bs_result result;
	struct image_digest before;

	make_base("base.qcow2");
	before = image_digest(base);
	ck_assert_int_eq(bs_fix(base, &options, NULL, &result), BS_EXIT_DONE);
	bs_result_free(&result);
	back("child.qcow2", "base.qcow2");
	ck_assert_int_eq(bs_fix(base, &options, NULL, &result), BS_EXIT_DONE);
	ck_assert_int_eq(result.status, BS_STATUS_NOTHING_TO_DO);
	bs_result_free(&result);
	/* The child holds the changes to the fixed image, so an undo would spoil it. */
	assert_refused(bs_undo(base, &options, &result), &result, BS_CONTAINER_HAS_CHILDREN,
		       "/child.qcow2");
	RUN_THERE("rm child.qcow2");
	ck_assert_int_eq(bs_undo(base, &options, &result), BS_EXIT_DONE);
	bs_result_free(&result);
	image_assert_same(base, &before);
}

TEST(relations_tests, a_described_disk_is_fixed_only_by_its_description)
{
	const struct bs_options options = {.size = sizeof(options)};
	struct bs_result result;

	RUN_THERE("qemu-img convert -O vmdk -o subformat=monolithicFlat '%s' disk.vmdk",
		  image_recipe("small", SAMPLE_SMALL));
	assert_refused(bs_fix(path_of("disk-flat.vmdk"), &options, NULL, &result), &result,
		       BS_CONTAINER_PART, "/disk.vmdk");
	RUN_THERE("qemu-img create -q -f vmdk -F vmdk -b disk.vmdk disk-1.vmdk");
	assert_refused(bs_fix(path_of("disk.vmdk"), &options, NULL, &result), &result,
		       BS_CONTAINER_HAS_CHILDREN, "/disk-1.vmdk");
	RUN_THERE("rm disk-1.vmdk && qemu-img create -q -u -f qcow2 -F raw "
		  "-b disk-flat.vmdk over.qcow2 8M");
	assert_refused(bs_fix(path_of("disk.vmdk"), &options, NULL, &result), &result,
		       BS_CONTAINER_HAS_CHILDREN, "/over.qcow2");
	RUN_THERE("rm over.qcow2");
	ck_assert_int_eq(bs_fix(path_of("disk.vmdk"), &options, NULL, &result), BS_EXIT_DONE);
	ck_assert_int_eq(result.status, BS_STATUS_FIXED);
	bs_result_free(&result);
}
