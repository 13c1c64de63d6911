/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images that hold only the changes to other files: overlays of qcow2 and snapshots of VMDK.  Only the
 * image itself changes, and its parents stay as they are.  Each of them may be in several files.
 */
#include <fcntl.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/containers.h"
#include "support/report.h"

/* Runs a shell command in a folder. */
#define IN_FOLDER(folder, format, ...)                                                             \
	free(image_run(0, "cd '%s' && " format, folder, ##__VA_ARGS__))

static const char *folder_of(const char *image)
{
	return text("%.*s", (int)(strrchr(image, '/') - image), image);
}

static const char *raw_disk(void)
{
	return image_recipe("small", SAMPLE_SMALL);
}

/* ---- chains that are fixed ------------------------------------------------------------------- */

/* The shell function `over` makes the image $2 of the format $1 over the image $4 of the format $3. */
#define SHELL_OVER                                                                                 \
	"over() { format=$1 name=$2 below=$3 parent=$4; shift 4; "                                 \
	"qemu-img create -q \"$@\" -f $format -F $below -b \"$parent\" $name; }; "

/*
 * The shell function `split` makes $1.vmdk, a VMDK of the kind $2 (Flat or Sparse) with the identifiers
 * $3 and $4, in files of $6 MiB each: of the raw disk $5 or, if that is empty, with nothing but the
 * changes to the parent $7.
 */
#define SHELL_SPLIT                                                                                \
	"extents() { i=0; for size in $3; do i=$((i + 1)); case $2 in "                            \
	"Flat) printf 'RW %d FLAT \"%s-%d.vmdk\" 0\n' $((size * 2048)) $1 $i;; "                   \
	"*) printf 'RW %d SPARSE \"%s-%d.vmdk\"\n' $((size * 2048)) $1 $i;; esac; done; }; "       \
	"split() { { printf '# Disk DescriptorFile\nversion=1\nCID=%s\nparentCID=%s\n' $3 $4; "    \
	"printf 'createType=\"twoGbMaxExtent%s\"\n' $2; "                                          \
	"[ -z \"$7\" ] || printf 'parentFileNameHint=\"%s\"\n' $7; extents $1 $2 \"$6\"; } "       \
	">$1.vmdk; i=0 at=0; for size in $6; do i=$((i + 1)); truncate -s ${size}M slice; "        \
	"[ -z \"$5\" ] || "                                                                        \
	"dd if=\"$5\" of=slice bs=1M skip=$at count=$size conv=sparse,notrunc status=none; "       \
	"at=$((at + size)); case $2 in Flat) mv slice $1-$i.vmdk;; *) "                            \
	"qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse slice x.vmdk; "         \
	"mv x-s001.vmdk $1-$i.vmdk; rm x.vmdk slice;; esac; done; }; "

/*
 * The sizes of the files of a split disk, MiB.  The volume of Windows is in three of them.  QEMU's driver
 * alone would write wrong bytes beside a change in any but the first of them.
 */
#define CUTS "'64 64 32 40'"

/* How a chain is made of the raw disk $DISK, and its parents, the nearest one first. */
static const struct chain {
	struct container_kind kind;
	const char *top, *make;
	const char *parents[4], *formats[4];
	const char *parts[5]; /* the files that the image describes */
} chains[] = {
	{{"qcow2", "qcow2", "", true, NULL},
	 "3.qcow2",
	 "qemu-img convert -O vhdx $DISK base.vhdx && over qcow2 1.qcow2 vhdx base.vhdx && "
	 "over qcow2 2.qcow2 qcow2 file:$PWD/1.qcow2 && "
	 "qemu-io -f qcow2 -c 'write -P 0 195M 2M' 2.qcow2 && "
	 "over qcow2 3.qcow2 qcow2 $PWD/2.qcow2 -o cluster_size=4K",
	 {"2.qcow2", "1.qcow2", "base.vhdx"},
	 {"qcow2", "qcow2", "vhdx"},
	 {NULL}},
	{{"vmdk", "vmdk", "", true, NULL},
	 "win-000002.vmdk",
	 "qemu-img convert -O vmdk $DISK win.vmdk && over vmdk win-000001.vmdk vmdk win.vmdk && "
	 "qemu-io -f vmdk -c 'write -P 0 195M 2M' win-000001.vmdk && "
	 "over vmdk win-000002.vmdk vmdk win-000001.vmdk",
	 {"win-000001.vmdk", "win.vmdk"},
	 {"vmdk", "vmdk"},
	 {NULL}},
	{{"vmdk", "vmdk", "", false, NULL},
	 "top.vmdk",
	 "split base Sparse 1 ffffffff $DISK " CUTS " && "
	 "split middle Sparse 2 1 '' " CUTS " base.vmdk && "
	 "qemu-io -f vmdk -c 'write -P 0 195M 2M' middle.vmdk && "
	 "sed -i 's/^CID=.*/CID=fffffffe/' middle.vmdk && "
	 "split top Sparse 3 fffffffe '' " CUTS " middle.vmdk",
	 {"middle.vmdk", "base.vmdk"},
	 {"vmdk", "vmdk"},
	 {"top-1.vmdk", "top-2.vmdk", "top-3.vmdk", "top-4.vmdk"}},
	{{"qcow2", "qcow2", "", true, NULL},
	 "top.qcow2",
	 "cp --sparse=always $DISK base.img && over qcow2 top.qcow2 raw base.img",
	 {"base.img"},
	 {"raw"},
	 {NULL}},
	{{"vmdk", "vmdk", "", true, NULL},
	 "top.vmdk",
	 "split base Flat 1 ffffffff $DISK " CUTS " && over vmdk top.vmdk vmdk base.vmdk",
	 {"base.vmdk"},
	 {"vmdk"},
	 {NULL}},
	{{"qcow2", "qcow2", "", true, NULL},
	 "top.qcow2",
	 "split base Sparse 1 ffffffff $DISK " CUTS " && over qcow2 top.qcow2 vmdk base.vmdk",
	 {"base.vmdk"},
	 {"vmdk"},
	 {NULL}},
	/* The disk begins within the flat file, which is longer than the disk. */
	{{"vmdk", "vmdk", "", true, NULL},
	 "top.vmdk",
	 "split base Flat 1 ffffffff $DISK 200 && truncate -s 1M flat && "
	 "cat base-1.vmdk base.vmdk >>flat && mv flat base-1.vmdk && "
	 "sed -i 's/MaxExtent//; s/twoGb/monolithic/; s/\" 0/\" 2048/' base.vmdk && "
	 "over vmdk top.vmdk vmdk base.vmdk",
	 {"base.vmdk"},
	 {"vmdk"},
	 {NULL}},
};

enum { MIXED, VMDK, SPLIT, SHORT, OVER_FLAT, OVER_SPARSE, OVER_OFFSET, CHAIN_COUNT };
_Static_assert(sizeof(chains) / sizeof(chains[0]) == CHAIN_COUNT, "each chain has its name");

/* Makes the chain in a new folder.  Returns the path of the image. */
static const char *make_chain(const struct chain *chain)
{
	const char *folder = batch_folder();

	IN_FOLDER(folder, "%sDISK='%s'; { %s; } >/dev/null", SHELL_OVER SHELL_SPLIT, raw_disk(),
		  chain->make);
	return text("%s/%s", folder, chain->top);
}

static void assert_parents_shown(const char *image, const struct chain *chain)
{
	const json_t *parents =
		report_object(report_run("inspect", image, 0, "would-fix", NULL), "parents");
	const char *folder = folder_of(image);
	size_t count = 0;

	for (; chain->parents[count]; count++) {
		const json_t *parent = json_array_get(parents, count);

		ck_assert_str_eq(report_text(parent, "path"),
				 text("%s/%s", folder, chain->parents[count]));
		ck_assert_str_eq(report_text(parent, "format"), chain->formats[count]);
		ck_assert_int_gt(report_number(parent, "size"), 0);
	}
	ck_assert_uint_eq(json_array_size(parents), count);
}

/* The raw disk after a fix. */
static const char *fixed_raw_disk(void)
{
	const char *fixed = image_copy(raw_disk());

	report_run("fix", fixed, 0, "fixed", NULL);
	return fixed;
}

TEST_CASE(chains_case, "chains");

TEST(chains_case, a_batch_tells_the_parents_in_its_rows_and_on_its_page)
{
	const char *image = make_chain(&chains[SHORT]), *folder = folder_of(image);
	const char *rows = text("%s/rows", folder), *page = text("%s/page", folder);

	ASSERT_STATUS(BOOTSHIFT("batch", "--dry-run", "--jsonl", rows, "--report", page, image), 0);
	ASSERT_HAS(RUN("cat", rows).output,
		   text("\"parents\":[{\"path\":\"%s/base.img\",\"format\":\"raw\",\"size\":",
			folder));
	ASSERT_HAS(RUN("cat", page).output,
		   text("<dt>Parents, only read<dd><div><bdi>%s/base.img</bdi> (raw, ", folder));
}

TEST(chains_case, a_missing_parent_is_named_in_a_sentence)
{
	const char *image = make_chain(&chains[SHORT]), *folder = folder_of(image);

	IN_FOLDER(folder, "rm base.img");
	ASSERT_HAS(BOOTSHIFT("inspect", image).errors, "base.img is missing");
}

TEST(chains_case, a_parent_below_a_file_is_missing_too)
{
	const char *image = make_chain(&chains[SHORT]), *folder = folder_of(image);

	IN_FOLDER(folder, "mkdir below && : >file && qemu-img rebase -u -F raw -b file/base.img %s",
		  strrchr(image, '/') + 1);
	ASSERT_HAS(BOOTSHIFT("inspect", image).errors, "base.img is missing");
}

#define OTHERS_MAX 10

/*
 * Takes the files of the folder that are not the image's: the names of the image's begin like its name.
 * Returns their number.
 */
static size_t take_others(const char *image, const char *paths[OTHERS_MAX],
			  struct image_digest digests[OTHERS_MAX])
{
	const char *folder = folder_of(image), *own = strrchr(image, '/') + 1;
	char *names = image_run(0, "cd '%s' && ls | grep -v '^%.*s'", folder,
				(int)strcspn(own, "."), own);
	char *rest = names, *name;
	size_t count = 0;

	while ((name = strsep(&rest, "\n")) && *name) {
		ck_assert_uint_lt(count, OTHERS_MAX);
		paths[count] = text("%s/%s", folder, name);
		digests[count] = image_digest(paths[count]);
		count++;
	}
	free(names);
	return count;
}

TEST_LOOP(chains_case, only_the_top_of_a_chain_is_fixed_and_undone, 0, SHORT)
{
	const struct chain *chain = &chains[_i];
	const char *image = make_chain(chain), *folder = folder_of(image);
	const char *others[OTHERS_MAX];
	struct image_digest digests[OTHERS_MAX];
	size_t count = take_others(image, others, digests);
	struct image_state before = state_take(image), parts[4];

	for (size_t i = 0; chain->parts[i]; i++)
		parts[i] = state_take(text("%s/%s", folder, chain->parts[i]));
	assert_parents_shown(image, chain);
	report_run("fix", image, 0, "fixed", NULL);
	container_assert_holds(image, &chain->kind, fixed_raw_disk(), 0);
	container_check(image, &chain->kind);
	report_run("verify", image, 0, "whole", NULL);
	report_run("fix", image, 0, "nothing-to-do", NULL);
	for (size_t i = 0; i < count; i++)
		image_assert_same(others[i], &digests[i]);
	/* An undo needs no parent. */
	IN_FOLDER(folder, "mkdir away && mv '%s' away", chain->parents[0]);
	report_run("undo", image, 0, "undone", NULL);
	IN_FOLDER(folder, "mv away/* . && rmdir away");
	state_assert_restored(image, &before);
	for (size_t i = 0; chain->parts[i]; i++)
		state_assert_restored(text("%s/%s", folder, chain->parts[i]), &parts[i]);
}

TEST_CASE(more_chains, "more chains", .tags = "slow");
TEST_ALSO(more_chains, only_the_top_of_a_chain_is_fixed_and_undone, SHORT, CHAIN_COUNT);

TEST(chains_case, a_person_is_told_which_files_are_only_read)
{
	const char *image = make_chain(&chains[MIXED]);
	struct outcome inspected = BOOTSHIFT("inspect", image), planned = BOOTSHIFT("plan", image);

	ASSERT_STATUS(inspected, 0);
	ASSERT_STATUS(planned, 0);
	ASSERT_HAS(inspected.output, "Parents, only read: 2.qcow2 (qcow2, ");
	ASSERT_HAS(planned.output, "1.qcow2 (qcow2, ");
	ASSERT_HAS(planned.output, "base.vhdx (vhdx, ");
}

TEST(chains_case, a_batch_over_a_chain_fixes_its_top_and_refuses_the_others)
{
	const char *folder = folder_of(make_chain(&chains[VMDK])), *rows = text("%s.jsonl", folder);
	struct image_digest base = image_digest(text("%s/win.vmdk", folder));
	json_t *found;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 3);
	found = batch_rows(rows);
	ck_assert_uint_eq(json_array_size(found), 3);
	batch_assert(found, text("%s/win-000002.vmdk", folder), "fixed", NULL);
	batch_assert(found, text("%s/win-000001.vmdk", folder), "refused",
		     "container-has-children");
	batch_assert(found, text("%s/win.vmdk", folder), "refused", "container-has-children");
	image_assert_same(text("%s/win.vmdk", folder), &base);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
}

TEST(chains_case, an_undo_does_not_change_a_parent_under_its_child)
{
	const char *folder = batch_folder(), *base = text("%s/base.img", folder);
	struct image_state before;
	struct image_digest fixed;

	IN_FOLDER(folder, "cp --sparse=always '%s' base.img", raw_disk());
	before = state_take(base);
	report_run("fix", base, 0, "fixed", NULL);
	fixed = image_digest(base);
	IN_FOLDER(folder, "qemu-img create -q -f qcow2 -F raw -b base.img child.qcow2");
	report_run("undo", base, 3, "refused", "container-has-children");
	image_assert_same(base, &fixed);
	IN_FOLDER(folder, "rm child.qcow2");
	report_run("undo", base, 0, "undone", NULL);
	state_assert_restored(base, &before);
}

/* ---- chains that are refused ------------------------------------------------------------------ */

/* Makes base.vmdk and mid.vmdk anew, both in several files. */
#define SPLIT_BASE                                                                                 \
	"rm *.vmdk && qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse base.vmdk 1M "  \
	"&& qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse -F vmdk -b base.vmdk "    \
	"mid.vmdk && "

/*
 * What is done to a chain of base.qcow2, mid.qcow2 and top.qcow2, or of the same with .vmdk, before
 * an image of the chain is fixed.
 */
static const struct bad {
	const char *make, *image, *code, *message;
} bad[] = {
	{"rm base.qcow2", "top.qcow2", "parent-missing", "/base.qcow2"},
	{"truncate -s 100K base.qcow2", "top.qcow2", "parent-damaged", "/base.qcow2"},
	{"printf QED >base.qcow2", "top.qcow2", "parent-damaged", "/base.qcow2"},
	{": >base.qcow2", "top.qcow2", "parent-damaged", "/base.qcow2"},
	{"truncate -s 100K base.vmdk", "top.vmdk", "parent-damaged", "/base.vmdk"},
	{"qemu-io -f vmdk -c 'write 0 64K' base.vmdk", "top.vmdk", "parent-damaged",
	 "/base.vmdk: was changed after the image was made"},
	{"qemu-img rebase -u -F qcow2 -b top.qcow2 base.qcow2", "top.qcow2", "parent-damaged",
	 "circle"},
	{"qemu-img rebase -u -F qcow2 -b top.qcow2 top.qcow2", "top.qcow2", "parent-damaged",
	 "circle"},
	{"ln base.qcow2 again.qcow2 && qemu-img rebase -u -F qcow2 -b again.qcow2 base.qcow2",
	 "top.qcow2", "parent-damaged", "circle"},
	{"setfattr -n user.bootshift.undo -v /undo base.qcow2", "top.qcow2", "parent-damaged",
	 "half written"},
	/* Each of these would open a file that the image chooses. */
	{"mkdir far && mv base.qcow2 far && qemu-img rebase -u -F qcow2 -b far/base.qcow2 "
	 "mid.qcow2",
	 "top.qcow2", "parent-refused", "/far/base.qcow2: lies in another folder"},
	{"mkdir far && mv base.qcow2 far && ln -s far/base.qcow2 base.qcow2", "top.qcow2",
	 "parent-refused", "lies in another folder"},
	{"qemu-img rebase -u -F raw -b /dev/zero mid.qcow2", "top.qcow2", "parent-refused",
	 "/dev/zero is not a regular file"},
	{"rm base.qcow2 && mkfifo base.qcow2", "top.qcow2", "parent-refused", "not a regular file"},
	{"rm base.qcow2 && mkdir base.qcow2", "top.qcow2", "parent-refused", "not a regular file"},
	{"qemu-img rebase -u -F qcow2 -b file:base.qcow2 mid.qcow2", "top.qcow2", "parent-refused",
	 "not named by the path"}, /* in QEMU's working directory */
	{"qemu-img rebase -u -F raw -b nbd://127.0.0.1:1/x mid.qcow2", "top.qcow2",
	 "parent-refused", "not named by the path"},
	{"qemu-img rebase -u -F qcow2 -b 'json:{\"file.filename\":\"base.qcow2\"}' mid.qcow2",
	 "top.qcow2", "parent-refused", "not named by the path"},
	/* The guest of a raw disk may have written the header. */
	{"mv top.qcow2 top.img", "top.img", "format-ambiguous", "--format qcow2"},
	{"qemu-img rebase -u -F host_device -b base.qcow2 mid.qcow2", "top.qcow2",
	 "container-differencing", "host_device"},
	{"qemu-img rebase -u -F raw -b base.qcow2 mid.qcow2", "top.qcow2", "parent-damaged",
	 "the format is qcow2, not raw"},
	/* The parent is in several files.  An ESX server makes the last kind of snapshots. */
	{SPLIT_BASE "rm base-s001.vmdk", "mid.vmdk", "parent-missing",
	 "/base.vmdk: the disk base-s001.vmdk that it describes: cannot be found"},
	{SPLIT_BASE "truncate -s 60K base-s001.vmdk", "mid.vmdk", "parent-damaged",
	 "base-s001.vmdk"},
	{SPLIT_BASE "mv base-s001.vmdk x && ln -s x base-s001.vmdk", "mid.vmdk",
	 "container-differencing", "base-s001.vmdk that it describes: is a link"},
	{SPLIT_BASE "setfattr -n user.bootshift.undo -v /undo base-s001.vmdk", "mid.vmdk",
	 "parent-damaged", "half written"},
	{SPLIT_BASE "sed -i s/base-s001/mid/ base.vmdk", "mid.vmdk", "parent-damaged",
	 "mid.vmdk: is also above itself"},
	{SPLIT_BASE "sed -i s/base-s001/mid-s001/ base.vmdk", "mid.vmdk", "parent-damaged",
	 "mid-s001.vmdk: also belongs to a disk above it, /"},
	{SPLIT_BASE "sed -i s/^CID=.*/CID=1/ base.vmdk", "mid.vmdk", "parent-damaged",
	 "was changed after the image was made"},
	{SPLIT_BASE
	 "sed -i 's/\\(createType=\\).*/\\1\"vmfsSparse\"/; s/SPARSE/VMFSSPARSE/' mid.vmdk",
	 "mid.vmdk", "container-differencing", "vmfsSparse"},
};

TEST_CASE(bad_chains, "bad chains");

TEST_LOOP(bad_chains, a_chain_that_is_broken_or_leads_elsewhere_is_refused_and_left_alone, 0,
	  (int)(sizeof(bad) / sizeof(bad[0])))
{
	const char *folder = batch_folder(), *image = text("%s/%s", folder, bad[_i].image);
	struct image_state before;
	json_t *result;

	IN_FOLDER(folder,
		  "f=%s; { qemu-img create -q -f $f base.$f 1M && "
		  "qemu-io -f $f -c 'write 0 1M' base.$f && "
		  "qemu-img create -q -f $f -F $f -b base.$f mid.$f && "
		  "qemu-img create -q -f $f -F $f -b mid.$f top.$f && "
		  "%s; } >/dev/null",
		  strstr(image, ".vmdk") ? "vmdk" : "qcow2", bad[_i].make);
	before = state_take(image);
	result = report_run("fix", image, 3, "refused", bad[_i].code);
	ASSERT_HAS(report_text(result, "message"), bad[_i].message);
	state_assert_untouched(image, &before);
}

TEST(bad_chains, a_parent_that_is_open_for_writing_is_refused)
{
	const char *image = make_chain(&chains[SHORT]);
	struct flock writes = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
	int base = open(text("%s/base.img", folder_of(image)), O_RDWR | O_CLOEXEC);
	json_t *result;

	/* The byte by which QEMU says that it may write; see src/transaction/lock.c. */
	ck_assert_int_eq(fcntl(base, F_OFD_SETLK, &writes), 0);
	result = report_run("fix", image, 3, "refused", "in-use");
	ASSERT_HAS(report_text(result, "message"), "/base.img: ");
	close(base);
	report_run("fix", image, 0, "fixed", NULL);
}

TEST(bad_chains, who_says_which_format_it_is_decides)
{
	const char *image = make_chain(&chains[SHORT]), *other = text("%s.snapshot", image);
	struct outcome named;

	ck_assert_int_eq(rename(image, other), 0);
	report_run("inspect", other, 3, "refused", "format-ambiguous");
	named = BOOTSHIFT("inspect", "--format", "qcow2", other);
	ASSERT_STATUS(named, 0);
	ASSERT_HAS(named.output, "Parent, only read: base.img (raw, 200 MiB)");
}
