/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only a caller of the library can see of a chain; all else is in test/cli/test-chains.c. */
#include "unit/container-file.h"

#include "engine/chain.h"
#include "engine/parts.h"
#include "support/program.h"
#include "support/sample.h"

/* A chain of `base.img` and `top.qcow2` in a folder of its own. */
static const char *folder;

static void setup(void)
{
	folder = test_folder();
	free(image_run(0,
		       "cd '%s' && truncate -s 1M base.img && "
		       "qemu-img create -q -f qcow2 -F raw -b base.img top.qcow2",
		       folder));
}

static const char *path_of(const char *name)
{
	return text("%s/%s", folder, name);
}

/* Opens the chain, and sets *image to the file at its top. */
static int open_chain(struct chain *chain, struct target **image, struct bs_error *err)
{
	struct format format;

	*chain = (struct chain){.count = 0};
	*image = target_open(path_of("top.qcow2"), err);
	ck_assert_ptr_nonnull(*image);
	ck_assert_int_eq(format_detect((*image)->disk, NULL, &format, err), 0);
	return chain_open(chain, *image, &format, false, err);
}

static void assert_refused(enum bs_code code, const char *message)
{
	struct target *image;
	struct bs_error err = {0};
	struct chain chain;

	ck_assert_int_eq(open_chain(&chain, &image, &err), -1);
	ck_assert_int_eq(err.code, code);
	ASSERT_HAS(err.message, message);
	chain_close(&chain);
	target_close(image);
}

static void assert_accepted(void)
{
	struct target *image;
	struct bs_error err = {0};
	struct chain chain;

	ASSERT_OK(open_chain(&chain, &image, &err));
	chain_close(&chain);
	target_close(image);
}

TEST_CASE(chain_tests, "chain", .setup = setup);

static void assert_change_noticed(const char *change)
{
	struct target *image;
	struct bs_error err = {0};
	struct chain chain;

	ck_assert_msg(open_chain(&chain, &image, &err) == 0, "%s", err.message);
	ck_assert_int_eq(chain_check_unchanged(&chain, &err), 0);
	free(image_run(0, "cd '%s' && %s", folder, change));
	ck_assert_int_eq(chain_check_unchanged(&chain, &err), -1);
	ck_assert_int_eq(err.code, BS_CHANGED_MEANWHILE);
	ASSERT_HAS(err.message, "/base.img");
	chain_close(&chain);
	target_close(image);
}

TEST(chain_tests, a_parent_that_is_changed_while_it_is_open_is_noticed)
{
	assert_change_noticed("printf x | dd of=base.img conv=notrunc status=none");
	assert_change_noticed("truncate -s 2M base.img");
	assert_change_noticed("cp base.img new && mv new base.img");
}

/* What an image gets from its parent could end in its boot files, which its owner may read. */
TEST(chain_tests, what_the_owner_of_the_image_may_not_read_is_no_parent)
{
	static const struct {
		const char *owner, *mode;
		bool allowed;
	} cases[] = {
		{"4:4", "600", false}, {"4:3", "640", true}, {"4:4", "640", false},
		{"3:3", "600", true},  {"4:4", "604", true},
	};
	struct target *image;
	struct bs_error err;
	struct chain chain;

	if (geteuid() != 0)
		return;
	free(image_run(0, "chown 3:3 '%s'", path_of("top.qcow2")));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		free(image_run(0, "chown %s '%s' && chmod %s '%s'", cases[i].owner,
			       path_of("base.img"), cases[i].mode, path_of("base.img")));
		err.code = BS_OK;
		ck_assert_int_eq(open_chain(&chain, &image, &err), cases[i].allowed ? 0 : -1);
		ck_assert_int_eq(err.code, cases[i].allowed ? BS_OK : BS_PARENT_REFUSED);
		chain_close(&chain);
		target_close(image);
	}
}

/* Whoever may read the parent has not the right to read the file below it. */
TEST(chain_tests, what_the_owner_of_the_image_may_not_read_is_no_parent_of_its_parent)
{
	if (geteuid() != 0)
		return;
	free(image_run(0,
		       "cd '%s' && qemu-img create -q -f qcow2 -F raw -b base.img middle.qcow2 && "
		       "qemu-img create -q -f qcow2 -F qcow2 -b middle.qcow2 top.qcow2 && "
		       "chown 4:4 base.img middle.qcow2 && chmod 600 base.img && "
		       "chmod 644 middle.qcow2 && chown 3:3 top.qcow2",
		       folder));
	assert_refused(BS_PARENT_REFUSED, "/base.img");
	free(image_run(0, "chmod 644 '%s'", path_of("base.img")));
	assert_accepted();
}

/* ---- a parent in several files ------------------------------------------------------------- */

static void setup_split(void)
{
	setup();
	free(image_run(0,
		       "cd '%s' && qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse "
		       "base.vmdk 3G && qemu-img create -q -f qcow2 -F vmdk -b base.vmdk top.qcow2",
		       folder));
}

TEST_CASE(split_parents, "split parents", .setup = setup_split);

TEST(split_parents, a_file_of_a_parent_that_is_changed_while_it_is_open_is_noticed)
{
	static const char *const changes[] = {
		"printf x | dd of=base-s002.vmdk conv=notrunc status=none",
		"truncate -s +1M base-s001.vmdk", "cp base-s002.vmdk new && mv new base-s002.vmdk",
		"cp base.vmdk new && mv new base.vmdk"};
	struct target *image;
	struct bs_error err = {0};
	struct chain chain;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		ASSERT_OK(open_chain(&chain, &image, &err));
		ASSERT_OK(chain_check_unchanged(&chain, &err));
		free(image_run(0, "cd '%s' && %s", folder, changes[i]));
		ck_assert_int_eq(chain_check_unchanged(&chain, &err), -1);
		ck_assert_int_eq(err.code, BS_CHANGED_MEANWHILE);
		chain_close(&chain);
		target_close(image);
		setup_split();
	}
}

TEST(split_parents, what_the_owner_of_the_image_may_not_read_is_no_file_of_a_parent)
{
	if (geteuid() != 0)
		return;
	free(image_run(0,
		       "cd '%s' && chown 4:4 base*.vmdk && chmod 644 base*.vmdk && "
		       "chown 3:3 top.qcow2 && chmod 600 base-s002.vmdk",
		       folder));
	assert_refused(BS_PARENT_REFUSED, "base-s002.vmdk");
	free(image_run(0, "chmod 644 '%s'", path_of("base-s002.vmdk")));
	assert_accepted();
	/* The owner of the parent may name only what that owner may read, too. */
	free(image_run(0,
		       "cd '%s' && chmod 640 base-s002.vmdk && chown 5:3 base-s002.vmdk && "
		       "chown 3:3 top.qcow2",
		       folder));
	assert_refused(BS_PARENT_REFUSED, "base-s002.vmdk");
}

/* The bytes of a parent end in these files, whoever has described them. */
TEST(split_parents, what_the_owner_of_parts_of_the_image_may_not_read_is_no_parent)
{
	struct vmdk_extents extents;
	struct bs_error err = {0};
	struct target *image;
	struct format format;
	struct chain chain = {.count = 0};

	if (geteuid() != 0)
		return;
	free(image_run(0,
		       "cd '%s' && qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse "
		       "-F vmdk -b base.vmdk top.vmdk && chown 3:3 top-s002.vmdk && "
		       "chmod 600 base-s001.vmdk",
		       folder));
	image = target_open(path_of("top.vmdk"), &err);
	ASSERT_OK(format_detect(image->disk, NULL, &format, &err));
	ASSERT_OK(vmdk_read_extents(image->disk, &extents, &err));
	ASSERT_OK(parts_open(image, &extents, S_IWOTH, &err));
	ck_assert_int_eq(chain_open(&chain, image, &format, false, &err), -1);
	ck_assert_int_eq(err.code, BS_PARENT_REFUSED);
	ASSERT_HAS(err.message, "top-s002.vmdk may not read it");
	chain_close(&chain);
	target_close(image);
	vmdk_extents_free(&extents);
}

/* One of the descriptors that parents in too many files would take is not there for QEMU's driver. */
TEST(split_parents, parents_in_too_many_files_are_refused)
{
	free(image_run(0,
		       "cd '%s' && rm base* && "
		       "qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse s.vmdk 64K && "
		       "below=ffffffff && for level in 1 2 3; do { "
		       "printf '# Disk DescriptorFile\nversion=1\nCID=%%s\nparentCID=%%s\n' "
		       "$level $below; echo 'createType=\"twoGbMaxExtentSparse\"'; "
		       "[ $level = 1 ] || echo \"parentFileNameHint=\\\"$below.vmdk\\\"\"; "
		       "for i in $(seq 86); do cp s-s001.vmdk $level-$i; "
		       "echo \"RW 128 SPARSE \\\"$level-$i\\\"\"; done; } >$level.vmdk; "
		       "below=$level; done && "
		       "qemu-img create -q -u -f qcow2 -F vmdk -b 3.vmdk top.qcow2 1M",
		       folder));
	assert_refused(BS_CONTAINER_DIFFERENCING, "more than 256 files");
}

/* ---- long chains --------------------------------------------------------------------------- */

TEST_CASE(long_chains, "long chains", .setup = setup, .tags = "slow");

TEST(long_chains, a_chain_of_too_many_parents_is_refused)
{
	struct target *image;
	struct bs_error err;
	struct chain chain;

	free(image_run(0,
		       "cd '%s' && last=base.img format=raw && for i in $(seq %u); do "
		       "qemu-img create -q -u -f qcow2 -F $format -b $last $i.qcow2 1M && "
		       "last=$i.qcow2 format=qcow2 || exit 1; done && "
		       "qemu-img create -q -u -f qcow2 -F qcow2 -b $last top.qcow2 1M",
		       folder, QEMU_PARENTS_MAX));
	ck_assert_int_eq(open_chain(&chain, &image, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_DIFFERENCING);
	ASSERT_HAS(err.message, "more than 32 parents");
	ck_assert_uint_eq(chain.count, QEMU_PARENTS_MAX);
	chain_close(&chain);
	target_close(image);
}
