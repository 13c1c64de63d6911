/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Independent programs check a fixed image: sfdisk the table, ntfsresize and ntfsfix the volume,
 * The Sleuth Kit and ntfssecaudit each file that was moved, hivexregedit the boot configuration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"
#include "util/bytes.h"

#define SECTOR_SIZE 512u

/* A fixed image, what was done, and its two volumes as files of their own. */
struct fixed {
	const char *image;
	json_t *plan;
	uint64_t system_start, system_size, boot_start, boot_size; /* bytes */
	struct image_digest system_before;
	const char *table_before;
	const char *system, *boot;
};

static const char *run_text(const struct outcome outcome)
{
	ASSERT_STATUS(outcome, 0);
	return outcome.output;
}

static struct fixed fix_image(const char *image)
{
	struct fixed fixed = {.image = image};
	json_t *result = report_run("plan", image, 0, "would-fix", NULL);

	fixed.plan = report_object(result, "plan");
	fixed.system_start = (uint64_t)report_number(fixed.plan, "system_start");
	fixed.system_size = (uint64_t)report_number(fixed.plan, "system_size");
	fixed.boot_start = (uint64_t)report_number(fixed.plan, "boot_start");
	fixed.boot_size = (uint64_t)report_number(fixed.plan, "boot_size");
	fixed.system_before =
		image_digest(file_extract(image, "system", fixed.system_start, fixed.system_size));
	fixed.table_before = run_text(RUN("sfdisk", "--dump", image));

	report_run("fix", image, 0, "fixed", NULL);
	fixed.system = file_extract(image, "system", fixed.system_start, fixed.system_size);
	fixed.boot = file_extract(image, "boot", fixed.boot_start, fixed.boot_size);
	return fixed;
}

/* ---- the table and the volumes ------------------------------------------------------------- */

static unsigned count(const char *whole, const char *part)
{
	unsigned number = 0;

	for (; (whole = strstr(whole, part)) != NULL; whole += strlen(part))
		number++;
	return number;
}

/* The dump without its marks of the active partition. */
static const char *without_marks(const char *dump)
{
	static const char mark[] = ", bootable";
	const char *rest = "", *found = strstr(dump, mark);

	if (found == NULL)
		return dump;
	rest = without_marks(found + strlen(mark));
	return text("%.*s%s", (int)(found - dump), dump, rest);
}

static void check_table(const struct fixed *fixed)
{
	const char *dump = run_text(RUN("sfdisk", "--dump", fixed->image));

	ck_assert_uint_eq(count(dump, "bootable"), 1);
	ASSERT_HAS(dump, text("%s2 : ", fixed->image));
	ASSERT_HAS(strstr(dump, text("%s2 : ", fixed->image)), "bootable");
	ck_assert_str_eq(without_marks(dump), without_marks(fixed->table_before));
}

static void check_volumes(const struct fixed *fixed)
{
	uint8_t first[SECTOR_SIZE], copy[SECTOR_SIZE];

	run_text(RUN("ntfsresize", "-i", "-f", "-P", fixed->boot));
	run_text(RUN("ntfsfix", "-n", fixed->boot));
	ASSERT_HAS(RUN("ntfssecaudit", "-a", fixed->boot).errors, "No errors were found");
	file_read(fixed->boot, 0, first, sizeof(first));
	file_read(fixed->boot, load_le64(first + 0x28) * SECTOR_SIZE, copy, sizeof(copy));
	ck_assert_mem_eq(first, copy, SECTOR_SIZE);
	image_assert_same(fixed->system, &fixed->system_before);
}

/* ---- the files ----------------------------------------------------------------------------- */

/* All files of a volume, recovered into a folder of the host. */
static const char *recover(const char *volume)
{
	const char *folder = text("%s-files", volume);

	run_text(RUN("tsk_recover", "-a", volume, folder));
	return folder;
}

/* The new store is the old one but for the eight bytes of each element in the plan. */
static void check_store(const struct fixed *fixed, const char *old, const char *new)
{
	json_t *elements = report_object(fixed->plan, "elements"), *element;
	uint8_t before[1 << 17], after[1 << 17], target[8];
	struct stat status;
	size_t i;

	for (i = 0; i < sizeof(target); i++)
		target[i] = (uint8_t)(fixed->boot_start >> 8 * i);
	ck_assert_int_eq(stat(old, &status), 0);
	ck_assert_int_le(status.st_size, (off_t)sizeof(before));
	file_read(old, 0, before, (size_t)status.st_size);
	file_read(new, 0, after, (size_t)status.st_size);
	ck_assert_uint_eq(json_array_size(elements), 2);
	json_array_foreach (elements, i, element)
		memcpy(before + report_number(element, "offset"), target, sizeof(target));
	ck_assert_mem_eq(after, before, (size_t)status.st_size);
}

/* The lines of the exports differ in the devices of bootmgr and of the memory diagnostic. */
static void check_export(const struct fixed *fixed, const char *old, const char *new)
{
	const char *before = text("%s.reg", fixed->system), *after = text("%s.reg", fixed->boot);
	struct outcome difference;

	run_text(RUN("sh", "-c", text("hivexregedit --export '%s' '\\' >'%s'", old, before)));
	run_text(RUN("sh", "-c", text("hivexregedit --export '%s' '\\' >'%s'", new, after)));
	difference = RUN("diff", before, after);
	ck_assert_int_eq(difference.status, 1);
	ck_assert_uint_eq(count(difference.output, "\n< \"Element\"=hex(3):"), 2);
	ck_assert_uint_eq(count(difference.output, "\n> \"Element\"=hex(3):"), 2);
	ck_assert_uint_eq(count(difference.output, "\n< "), 2);
	difference = RUN("diff", "--unchanged-line-format=%L", "--old-line-format=- %L",
			 "--new-line-format=", before, after);
	ASSERT_HAS(difference.output,
		   "\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\11000001]"
		   "\n- \"Element\"");
	ASSERT_HAS(difference.output,
		   "\\{b2721d73-1db4-4c62-bf78-c548a880142d}\\Elements\\11000001]"
		   "\n- \"Element\"");
}

static void check_content(const struct fixed *fixed)
{
	const char *old = recover(fixed->system), *new = recover(fixed->boot);
	const char *old_store = text("%s/Boot/BCD", old), *new_store = text("%s/Boot/BCD", new);

	run_text(RUN("cmp", text("%s/bootmgr", old), text("%s/bootmgr", new)));
	if (access(text("%s/BOOTNXT", old), F_OK) == 0)
		run_text(RUN("cmp", text("%s/BOOTNXT", old), text("%s/BOOTNXT", new)));
	check_store(fixed, old_store, new_store);
	check_export(fixed, old_store, new_store);
	run_text(RUN("diff", "-r", "-x", "BCD", text("%s/Boot", old), text("%s/Boot", new)));
}

TEST_CASE(judges, "judges");
TEST_CASE(each_file, "each file", .tags = "slow");

TEST_LOOP(judges, other_programs_find_a_fixed_image_in_order, 2, 3)
{
	struct fixed fixed = fix_image(sample_copy(_i));

	check_table(&fixed);
	check_volumes(&fixed);
	check_content(&fixed);
	image_remove(fixed.image);
}

/* ---- a file system that is smaller than its partition -------------------------------------- */

TEST(each_file, the_copy_of_the_boot_record_is_where_the_file_system_ends)
{
	static const uint8_t zeros[SECTOR_SIZE];
	struct fixed fixed = fix_image(image_copy(image_built("volume-smaller", false)));
	uint8_t last[SECTOR_SIZE];

	file_read(fixed.boot, fixed.boot_size - SECTOR_SIZE, last, sizeof(last));
	ck_assert_mem_eq(last, zeros, SECTOR_SIZE); /* no file system has it */
	/* ntfsfix looks for the copy where what it is given ends. */
	fixed.boot_size = 6000ull << 20; /* see the recipe */
	ck_assert_int_eq(truncate(fixed.boot, (off_t)fixed.boot_size), 0);
	check_volumes(&fixed);
	image_remove(fixed.image);
}

TEST(each_file, a_change_of_that_copy_since_the_fix_is_seen)
{
	struct fixed fixed = fix_image(image_copy(image_built("volume-smaller", false)));
	uint8_t first[SECTOR_SIZE];

	file_read(fixed.boot, 0, first, sizeof(first));
	file_flip(fixed.image, (off_t)(fixed.boot_start + load_le64(first + 0x28) * SECTOR_SIZE));
	report_run("undo", fixed.image, 3, "refused", "changed-since-fix");
	image_remove(fixed.image);
}

/* ---- what is known about each file --------------------------------------------------------- */

/*
 * What istat tells about each file that was moved, in the order of their paths; streams are told
 * with their file.  What says where a file lies is left out, and of the names, which repeat the
 * times and attributes and need not be up to date, all but the names themselves.
 */
static const char *describe_moved(const char *volume)
{
	static const char list[] = "s/^[rd].[rd] \\([0-9]*\\)-[0-9-]*:\t/\\1 /p";
	static const char moved[] = " \\(bootmgr\\|bootnxt\\|boot\\|boot/.*\\)$";
	static const char filter[] =
		"/^\\$FILE_NAME/,/^Attributes/ { /^Name/ ! d }; "
		"/^MFT Entry Header\\|^Entry:\\|^\\$LogFile\\|^Security ID:\\|^Parent/ d; "
		"/^[0-9]\\|^Type: \\$\\(INDEX\\|BITMAP\\)/ d; "
		"s/ ([0-9]*-[0-9]*) / /; /^ *$/ d";

	return run_text(RUN("sh", "-c",
			    text("fls -r -p '%s' | sed -n '%s' | grep -i '%s' | sort -u -k 2 | "
				 "while read -r inode path; do echo \"== $path\"; "
				 "istat '%s' \"$inode\" | sed '%s' | sort; done",
				 volume, list, moved, volume, filter)));
}

/* `whole` with the first `part` behind `start` replaced. */
static const char *replace(const char *whole, const char *start, const char *part,
			   const char *other)
{
	const char *found = strstr(whole, start);

	found = found != NULL ? strstr(found, part) : NULL;
	ck_assert_ptr_nonnull(found);
	return text("%.*s%s%s", (int)(found - whole), whole, other, found + strlen(part));
}

/* Both are long: only the first line that differs is told. */
static void assert_same_lines(const char *now, const char *before)
{
	size_t at = 0, line = 0;

	for (; now[at] != '\0' && now[at] == before[at]; at++)
		if (now[at] == '\n')
			line = at + 1;
	ck_assert_msg(now[at] == before[at], "\"%.*s\" instead of \"%.*s\"",
		      (int)strcspn(now + line, "\n"), now + line, (int)strcspn(before + line, "\n"),
		      before + line);
}

TEST_LOOP(each_file, each_moved_file_keeps_its_attributes_times_and_names, 3, 4)
{
	struct fixed fixed = fix_image(sample_copy(_i));
	const char *before = describe_moved(fixed.system);

	ASSERT_HAS(before, "\n== bootmgr\n");
	ASSERT_HAS(before, "\nFlags: Read Only, Hidden, System, Archive\n");
	ck_assert_uint_ge(count(before, "== "), 60);
	/* A fix makes the folder itself read-only, too. */
	assert_same_lines(describe_moved(fixed.boot),
			  replace(before, "== Boot\n", "Flags: ", "Flags: Read Only, "));
}

/*
 * The descriptor of each path below a folder, as ntfssecaudit prints it: the first file with a key
 * gives the descriptor in full, later ones refer to it.  The keys are each volume's own.
 */
static const char *list_descriptors(const char *volume, const char *folder)
{
	static const char program[] =
		"/^(File|Directory) / { sub(/^[^ ]* /, \"\"); path = $0; paths[n++] = path; next } "
		"/^Security key/ { key = $4; keys[path] = key; next } "
		"/^ / { descriptors[key] = descriptors[key] $0 } "
		"END { for (i = 0; i < n; i++) "
		"print paths[i], descriptors[keys[paths[i]]] | \"sort\" }";

	return run_text(RUN("sh", "-c",
			    text("ntfssecaudit -b '%s' '%s' | awk '%s'", volume, folder, program)));
}

TEST_LOOP(each_file, each_moved_file_keeps_its_security_descriptor, 2, 4)
{
	struct fixed fixed = fix_image(sample_copy(_i));
	const char *before = list_descriptors(fixed.system, "/Boot");

	ASSERT_HAS(before, "/Boot/BCD ");
	ck_assert_uint_ge(count(before, "\n"), 60);
	ASSERT_HAS_NOT(before, " \n"); /* each has one */
	assert_same_lines(list_descriptors(fixed.boot, "/Boot"), before);
	before = list_descriptors(fixed.system, "/bootmgr");
	ASSERT_HAS(before, "000000");
	assert_same_lines(list_descriptors(fixed.boot, "/bootmgr"), before);
}

/* ---- all kinds of metadata ----------------------------------------------------------------- */

/* A stream, or with its number another kind of attribute, as ntfscat reads it. */
static struct outcome read_attribute(const char *volume, const char *type, const char *name,
				     const char *path)
{
	return RUN("ntfscat", "-a", type, "-n", name, volume, path);
}

#define STREAM "0x80"
#define EA     "0xE0"

TEST(each_file, boot_files_with_all_that_ntfs_can_keep_about_a_file_keep_it)
{
	static const struct {
		const char *type, *name, *path;
	} extras[] = {
		{STREAM, "Zone.Identifier", "/bootmgr"},
		{STREAM, "large", "/bootmgr"},
		{STREAM, "remark", "/Boot"},
		{EA, "", "/Boot/memtest.exe"},
		{EA, "", "/Boot/de-DE"},
		{STREAM, "", "/Boot/GROESSE.TXT"},
		{STREAM, "", "/Boot/LONG~7/001.dat"},
	};
	struct fixed fixed = fix_image(image_copy(image_built("rich-boot-files", false)));
	const char *before = describe_moved(fixed.system), *expected;

	check_volumes(&fixed);
	ASSERT_HAS(before, "\nType: $EA ");
	ASSERT_HAS(before, "== Boot/Größe und Maß.txt\n");
	/* The folder is told twice, for its stream. */
	expected = replace(before, "== Boot\n", "Flags: ", "Flags: Read Only, ");
	expected = replace(expected, "== Boot/.:remark\n", "Flags: ", "Flags: Read Only, ");
	assert_same_lines(describe_moved(fixed.boot), expected);
	assert_same_lines(list_descriptors(fixed.boot, "/Boot"),
			  list_descriptors(fixed.system, "/Boot"));
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		struct outcome old = read_attribute(fixed.system, extras[i].type, extras[i].name,
						    extras[i].path);
		struct outcome new =
			read_attribute(fixed.boot, extras[i].type, extras[i].name, extras[i].path);

		ASSERT_STATUS(old, 0);
		ASSERT_STATUS(new, 0);
		ck_assert_uint_ne(old.output_length, 0);
		ck_assert_uint_eq(new.output_length, old.output_length);
		ck_assert_mem_eq(new.output, old.output, old.output_length);
	}
	image_remove(fixed.image);
}

TEST_CASE(other_samples, "other samples", .tags = "slow");
TEST_ALSO(other_samples, other_programs_find_a_fixed_image_in_order, 3, SAMPLE_COUNT - 1);
