/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images that were fixed earlier: whether the fix is still whole, after nothing, after what a start
 * of Windows does, and after damage.  Each change is made with libntfs-3g in this process.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "boot/mbr.h"
#include "cli/samples.h"
#include "support/containers.h"
#include "support/report.h"
#include "util/bytes.h"

#define BCD      "\\Boot\\BCD"
#define BOOTSTAT "\\Boot\\BOOTSTAT.DAT"
#define MEMTEST  "\\Boot\\memtest.exe"

static const char *fresh_image(void)
{
	return image_copy(image_recipe("small-verify", SAMPLE_SMALL
				       "on system\n"
				       "file \\Boot\\BOOTSTAT.DAT size=65536 attributes=a\n"
				       "file \\Boot\\gone.txt size=9\n"
				       "file \\Boot\\long.txt size=9\n"));
}

/* An image, and the plan by which it was fixed. */
struct fixed {
	const char *image, *plan;
};

static struct fixed fix(const char *image)
{
	struct fixed fixed = {image, text("%s.plan", image)};

	ASSERT_STATUS(BOOTSHIFT("plan", "-q", "-o", fixed.plan, image), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", "-q", image), 0);
	return fixed;
}

static struct outcome verify_by(const struct fixed *fixed, bool by_plan)
{
	return by_plan ? BOOTSHIFT("verify", "--json", "--plan", fixed->plan, fixed->image)
		       : BOOTSHIFT("verify", "--json", fixed->image);
}

/* Verifies by the undo file and by the plan, which have to find the same.  Returns the former. */
static json_t *verify(const struct fixed *fixed, int exit_status, const char *code)
{
	json_t *results[2];

	for (int by_plan = 0; by_plan < 2; by_plan++) {
		struct outcome outcome = verify_by(fixed, by_plan);

		ASSERT_STATUS(outcome, exit_status);
		results[by_plan] = report_only(&outcome, "verify");
		ck_assert_pstr_eq(report_text(results[by_plan], "code"), code);
	}
	ck_assert(json_equal(report_object(results[0], "differences"),
			     report_object(results[1], "differences")));
	return results[0];
}

static void assert_whole(const struct fixed *fixed, bool exact)
{
	json_t *result = verify(fixed, 0, NULL);

	ck_assert_str_eq(report_text(result, "status"), "whole");
	ck_assert_int_eq(json_is_true(json_object_get(result, "exact")), exact);
}

/*
 * Checks that the differences are exactly these: "PATH: WHAT" or "WHAT", each with a newline.  In
 * front of an expected one is a "+".
 */
static void assert_differences(const json_t *result, const char *list)
{
	const json_t *difference;
	const char *found = "";
	size_t i;

	json_array_foreach (report_object(result, "differences"), i, difference) {
		const char *path = report_text(difference, "path");

		found = text("%s%s%s%s%s\n", found,
			     json_is_true(json_object_get(difference, "expected")) ? "+" : "", path,
			     *path ? ": " : "", report_text(difference, "what"));
	}
	ck_assert_str_eq(found, list);
}

static void assert_refused(struct outcome outcome, const char *message)
{
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, message);
}

/* ---- nothing has changed -------------------------------------------------------------------- */

static const struct container_kind kinds[] = {
	{"qcow2", "qcow2", "", true, NULL},
	{"vhd", "vpc", "", false, NULL},
	{"vhd", "vpc", "-o subformat=fixed,force_size=on", false, NULL},
	{"vhdx", "vhdx", "", true, NULL},
	{"vmdk", "vmdk", "", true, NULL},
	{"vdi", "vdi", "", true, NULL},
};

TEST_CASE(verification, "verification");
TEST_CASE(verification_of_formats, "verification of formats", .tags = "slow");

TEST(verification, a_fix_is_whole_when_nothing_has_changed)
{
	struct fixed fixed = fix(fresh_image());
	struct image_state before = state_take(fixed.image);

	assert_whole(&fixed, true);
	state_assert_untouched(fixed.image, &before);
	ASSERT_HAS(BOOTSHIFT("verify", fixed.image).output,
		   " left it; nothing was written to the image since\n");
	ASSERT_STATUS(BOOTSHIFT("undo", fixed.image), 0);
	image_remove(fixed.image);
}

TEST_LOOP(verification, a_fix_of_a_container_is_whole_when_nothing_has_changed, 0, 1)
{
	struct fixed fixed = fix(container_make(&kinds[_i], fresh_image()));

	assert_whole(&fixed, true);
	image_remove(fixed.image);
}

TEST_ALSO(verification_of_formats, a_fix_of_a_container_is_whole_when_nothing_has_changed, 1,
	  (int)(sizeof(kinds) / sizeof(kinds[0])));

/* ---- something has changed ------------------------------------------------------------------ */

static struct sample sample;
static struct sample_volume windows;

static void begin_changes(const struct fixed *fixed)
{
	sample_open(&sample, fixed->image);
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &windows);
}

/* Changes are then made where the boot files came from. */
static void begin_changes_of_originals(const struct fixed *fixed)
{
	sample_open(&sample, fixed->image);
	sample_mount(&sample, SAMPLE_SYSTEM_START, SAMPLE_SYSTEM_SIZE, VOLUME_WRITE, &windows);
}

static void end_changes(const struct fixed *fixed)
{
	sample_unmount(&windows);
	sample_keep(&sample, fixed->image);
	sample_close(&sample);
}

/* The times of the file stay as they are. */
static void write_into(const char *path, uint64_t offset, const void *bytes, size_t length)
{
	struct volume_file *file = sample_open_file(&windows, path);
	struct bs_error err = {0};

	ASSERT_OK(volume_write(file, "", offset, bytes, length, &err));
	sample_close_file(file);
}

/* Adds 100 ns to one of the times of a file. */
static void touch(const char *path)
{
	struct volume_file *file = sample_open_file(&windows, path);
	struct volume_metadata times;
	struct bs_error err = {0};

	ASSERT_OK(volume_stat(file, &times, &err));
	times.accessed++;
	ASSERT_OK(volume_set_times(file, &times, &err));
	sample_close_file(file);
}

static void remove_file(const char *path)
{
	struct bs_error err = {0};
	uint32_t removed;

	ASSERT_OK(volume_remove(windows.volume, path, &removed, &err));
	ck_assert_uint_eq(removed, 1);
}

static void set_attributes(const char *path, uint32_t attributes)
{
	struct volume_file *file = sample_open_file(&windows, path);
	struct bs_error err = {0};

	ASSERT_OK(volume_set_attributes(file, attributes, &err));
	sample_close_file(file);
}

/*
 * Writes to the store.  The place is counted from the first place that has the start of the boot
 * partition.
 */
static void change_bcd(int from_start, const void *bytes, size_t length)
{
	struct volume_file *file = sample_open_file(&windows, BCD);
	const uint64_t boot = SAMPLE_BOOT_START;
	uint8_t store[1 << 17];
	struct volume_metadata metadata;
	struct bs_error err = {0};
	const uint8_t *place;

	ASSERT_OK(volume_stat(file, &metadata, &err));
	ck_assert_uint_le(metadata.size, sizeof(store));
	ASSERT_OK(volume_read(file, "", 0, store, metadata.size, &err));
	place = memmem(store, metadata.size, &boot, sizeof(boot));
	ck_assert_ptr_nonnull(place);
	ASSERT_OK(volume_write(file, "", (uint64_t)(place - store + from_start), bytes, length,
			       &err));
	sample_close_file(file);
}

static void point_bcd_back(void)
{
	const uint64_t system = SAMPLE_SYSTEM_START;

	change_bcd(0, &system, sizeof(system));
}

TEST(verification, damage_is_named_and_the_fix_is_not_whole)
{
	struct fixed fixed = fix(fresh_image());
	struct outcome outcome;

	begin_changes(&fixed);
	set_attributes("\\bootmgr", FILE_IS_ARCHIVE);
	point_bcd_back();
	write_into(MEMTEST, 39999, "\xA5", 1);
	write_into("\\Boot\\long.txt", 9, "longer", 6);
	remove_file("\\Boot\\gone.txt");
	end_changes(&fixed);
	assert_differences(verify(&fixed, 3, "fix-not-whole"),
			   "\\bootmgr: attributes\n"
			   "+\\Boot: times\n"
			   "\\Boot\\BCD: content, element 11000001 of "
			   "{9dea862c-5cdd-4e70-acc1-f32b344d4795} names "
			   "another partition\n"
			   "\\Boot\\gone.txt: missing\n"
			   "\\Boot\\long.txt: size, content\n"
			   "\\Boot\\memtest.exe: content\n");
	outcome = BOOTSHIFT("verify", fixed.image);
	ASSERT_HAS(outcome.output, ": not whole\n"
				   "  Not as the fix left it:\n"
				   "    ✗ \\bootmgr: attributes\n");
	ASSERT_HAS(outcome.output, "  Changed since the fix, which does no harm:\n"
				   "    • \\Boot: times\n");
	ASSERT_HAS(outcome.errors,
		   ": not as the fix left it: \\bootmgr (attributes), and 4 more (fix-not-whole); "
		   "restore a copy of the image, or undo the fix; ");
	image_remove(fixed.image);
}

static const struct {
	uint32_t type; /* of the device, see bcd.c */
	const char *differences;
} devices[] = {
	{5, "+\\Boot\\BCD: content, element 11000001 of {9dea862c-5cdd-4e70-acc1-f32b344d4795} "
	    "names the partition of bootmgr\n"},
	{8, "+\\Boot\\BCD: content, element 11000001 of {9dea862c-5cdd-4e70-acc1-f32b344d4795} "
	    "leaves bootmgr to search for the partition\n"},
	{9, "\\Boot\\BCD: content, element 11000001 of {9dea862c-5cdd-4e70-acc1-f32b344d4795} "
	    "names no partition\n"},
};

TEST_EACH(verification, an_element_that_names_no_partition_is_told, devices)
{
	struct fixed fixed = fix(fresh_image());
	bool is_harmless = devices[_i].differences[0] == '+';

	/* Of type 8: by the path in an element, on any disk. */
	static const uint32_t located[] = {0, 0x12000002, 0};

	begin_changes(&fixed);
	change_bcd(-16, &devices[_i].type, sizeof(devices[_i].type));
	if (devices[_i].type == 8)
		change_bcd(0, located, sizeof(located));
	end_changes(&fixed);
	assert_differences(is_harmless ? verify(&fixed, 0, NULL)
				       : verify(&fixed, 3, "fix-not-whole"),
			   devices[_i].differences);
	image_remove(fixed.image);
}

TEST(verification, an_element_that_is_gone_is_told)
{
	struct fixed fixed = fix(fresh_image());
	uint8_t *name;
	uint8_t store[1 << 17];
	struct volume_metadata metadata;
	struct volume_file *file;
	struct bs_error err = {0};
	json_t *result;
	char *text;

	begin_changes(&fixed);
	file = sample_open_file(&windows, BCD);
	ASSERT_OK(volume_stat(file, &metadata, &err));
	ck_assert_uint_le(metadata.size, sizeof(store));
	ASSERT_OK(volume_read(file, "", 0, store, metadata.size, &err));
	for (size_t from = 0;; from = (size_t)(name - store)) { /* each of them gets another name */
		name = memmem(store + from, metadata.size - from, "11000001", 8);
		if (!name)
			break;
		memcpy(name, "11000009", 8);
	}
	ASSERT_OK(volume_write(file, "", 0, store, metadata.size, &err));
	sample_close_file(file);
	end_changes(&fixed);
	result = verify(&fixed, 3, "fix-not-whole");
	text = json_dumps(result, 0);
	ASSERT_HAS(text, "element 11000001 of {9dea862c-5cdd-4e70-acc1-f32b344d4795} is gone");
	free(text);
	image_remove(fixed.image);
}

/* ---- a disk that does not start -------------------------------------------------------------- */

TEST(verification, a_link_is_broken_that_a_fix_leaves_as_it_was)
{
	static const uint8_t no_code[440];
	struct fixed fixed = fix(fresh_image());

	file_write(fixed.image, 0, no_code, sizeof(no_code));
	ASSERT_HAS(report_text(verify(&fixed, 3, "fix-not-whole"), "message"),
		   "the disk would not start: MBR code: ");
	image_remove(fixed.image);
}

TEST(verification, a_loader_that_is_gone_is_told)
{
	struct fixed fixed = fix(fresh_image());

	begin_changes(&fixed);
	remove_file("\\Windows\\System32\\winload.exe");
	end_changes(&fixed);
	assert_refused(BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image),
		       "the disk would not start: Windows loader: ");
	/* No plan can be made without the loader. */
	assert_refused(BOOTSHIFT("verify", fixed.image), "winload.exe");
	image_remove(fixed.image);
}

TEST(verification, foreign_code_that_starts_the_disk_is_no_difference)
{
	struct fixed fixed = fix(fresh_image());

	file_write(fixed.image, 0, "foreign", 7);
	verify(&fixed, 0, NULL);
	image_remove(fixed.image);
}

/* What prevents a plan, and with a plan the comparison, is what the survey finds. */
TEST(verification, an_encrypted_partition_is_named_as_the_reason)
{
	struct fixed fixed = fix(fresh_image());

	file_write(fixed.image, SAMPLE_BOOT_START + 3, "-FVE-FS-", 8);
	assert_refused(BOOTSHIFT("verify", fixed.image),
		       "the copies cannot be compared with the files that they were made from: ");
	assert_refused(BOOTSHIFT("verify", fixed.image), "is encrypted (no-record); ");
	assert_refused(BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image), "(bitlocker); ");
	image_remove(fixed.image);
}

/* The plan has the hash of what was copied, so the copy is not blamed. */
TEST(verification, by_the_plan_a_change_of_an_original_is_no_difference)
{
	struct fixed fixed = fix(fresh_image());
	struct outcome outcome;

	begin_changes_of_originals(&fixed);
	write_into(MEMTEST, 39999, "\xA5", 1);
	set_attributes("\\bootmgr", FILE_IS_ARCHIVE);
	end_changes(&fixed);
	outcome = BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": whole, as far as the plan tells: ");
	ASSERT_HAS(outcome.output, "  Not compared: security descriptors, names, ");
	ASSERT_HAS_NOT(outcome.output, "Windows changes by itself");
	image_remove(fixed.image);
}

/* A start gives the store another time, which its checksum covers, too. */
static void start_windows(void)
{
	struct volume_file *file = sample_open_file(&windows, BCD);
	struct bs_error err = {0};
	uint8_t header[512];
	uint32_t checksum = 0;

	ASSERT_OK(volume_read(file, "", 0, header, sizeof(header), &err));
	header[12]++;
	for (size_t i = 0; i < 508; i += 4)
		checksum ^= load_le32(header + i);
	store_le32(header + 508, checksum);
	ASSERT_OK(volume_write(file, "", 0, header, sizeof(header), &err));
	sample_close_file(file);
	touch(BCD);
	write_into(BOOTSTAT, 65536, "longer", 6);
	set_attributes(BOOTSTAT, 0);
}

TEST(verification, what_windows_changes_by_itself_is_told_and_the_fix_is_whole)
{
	struct fixed fixed = fix(fresh_image());
	struct bs_error err = {0};

	begin_changes(&fixed);
	start_windows();
	touch("\\bootmgr");
	ASSERT_OK(volume_create(windows.volume, "\\Boot", "xx-XX", true, &err));
	end_changes(&fixed);
	assert_differences(verify(&fixed, 0, NULL),
			   "+\\bootmgr: times\n"
			   "+\\Boot\\BCD: times, content\n"
			   "+\\Boot\\BOOTSTAT.DAT: attributes, size, content\n"
			   "+\\Boot\\xx-XX: new\n");
	ASSERT_HAS(BOOTSHIFT("verify", fixed.image).output,
		   " left it, but for what Windows changes by itself\n"
		   "  Changed since the fix, which does no harm:\n"
		   "    • \\bootmgr: times\n");
	image_remove(fixed.image);
}

TEST(verification, a_change_elsewhere_is_no_difference)
{
	struct fixed fixed = fix(fresh_image());

	begin_changes(&fixed);
	write_into("\\Windows\\System32\\winload.exe", 1000, "an update", 9);
	end_changes(&fixed);
	assert_whole(&fixed, false);
	image_remove(fixed.image);
}

/* ---- which partition starts ------------------------------------------------------------------ */

static void set_flags(const struct fixed *fixed, uint8_t first, uint8_t second)
{
	file_write(fixed->image, MBR_FLAG_OFFSET(0), &first, 1);
	file_write(fixed->image, MBR_FLAG_OFFSET(1), &second, 1);
}

TEST(verification, a_second_active_partition_is_told)
{
	struct fixed fixed = fix(fresh_image());
	json_t *result;

	set_flags(&fixed, MBR_ACTIVE, MBR_ACTIVE);
	result = verify(&fixed, 3, "fix-not-whole");
	ASSERT_HAS(report_text(result, "message"), "partition 1 is active");
	image_remove(fixed.image);
}

TEST(verification, another_active_partition_is_told)
{
	struct fixed fixed = fix(fresh_image());

	set_flags(&fixed, MBR_ACTIVE, 0);
	assert_differences(verify(&fixed, 3, "fix-not-whole"),
			   "partition 1 is active\npartition 2 is not active\n");
	image_remove(fixed.image);
}

/* ---- no fix, or no record of it -------------------------------------------------------------- */

TEST(verification, an_image_that_is_not_fixed_is_told_so)
{
	const char *image = fresh_image(), *saved = text("%s.saved", image);
	struct fixed fixed = {image, text("%s.plan", image)};

	ASSERT_STATUS(BOOTSHIFT("plan", "-q", "-o", fixed.plan, image), 0);
	assert_refused(BOOTSHIFT("verify", image),
		       text("the boot files are on partition 1, not with Windows (not-fixed); fix "
			    "it first: bootshift fix %s\n",
			    image));
	verify(&fixed, 3, "not-fixed");
	ASSERT_STATUS(RUN("cp", "--sparse=always", image, saved), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", "-q", image), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "-q", image), 0);
	verify(&fixed, 3, "not-fixed");
	/* A backup is put back, and the undo file stays. */
	ASSERT_STATUS(BOOTSHIFT("fix", "-q", image), 0);
	ASSERT_STATUS(RUN("cp", "--sparse=always", saved, image), 0);
	verify(&fixed, 3, "not-fixed");
	assert_refused(BOOTSHIFT("verify", image), "the image is as it was before its fix");
	image_remove(image);
}

TEST(verification, without_the_undo_file_it_is_said_what_is_known)
{
	struct fixed fixed = fix(fresh_image());
	const char *undo_file = text("%s.bootshift-undo", fixed.image);
	const char *other = text("%s/other.bootshift-undo", test_folder());

	ASSERT_STATUS(RUN("mv", undo_file, other), 0);
	assert_refused(BOOTSHIFT("verify", fixed.image),
		       text("the boot chain is complete, but what a fix did is not known: there is "
			    "no undo file %s",
			    undo_file));
	assert_refused(BOOTSHIFT("verify", fixed.image),
		       text(": bootshift verify --plan FILE %s\n", fixed.image));
	ASSERT_STATUS(BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image), 0);
	ASSERT_STATUS(BOOTSHIFT("verify", "--undo-file", other, fixed.image), 0);
	ASSERT_STATUS(BOOTSHIFT("verify", "--system-partition", "1", fixed.image), 0);
	begin_changes(&fixed);
	write_into(MEMTEST, 39999, "\xA5", 1);
	end_changes(&fixed);
	assert_refused(BOOTSHIFT("verify", "--system-partition", "1", fixed.image),
		       "memtest.exe (content) (fix-not-whole)");
	image_remove(fixed.image);
}

/* A disk with another signature, on which the Windows volume is elsewhere. */
static const char *other_image(void)
{
	char recipe[] = SAMPLE_SMALL;

	memcpy(strstr(recipe, "0x11223344"), "0x55667788", 10);
	memcpy(strstr(recipe, "start=41M"), "start=47M", 9);
	return image_copy(image_recipe("small-other", recipe));
}

TEST(verification, the_undo_file_and_the_plan_of_another_disk_are_refused)
{
	struct fixed fixed = fix(fresh_image()), other = fix(other_image());

	ASSERT_STATUS(RUN("cp", text("%s.bootshift-undo", other.image),
			  text("%s.bootshift-undo", fixed.image)),
		      0);
	assert_refused(BOOTSHIFT("verify", fixed.image), " is of another image (no-record); ");
	assert_refused(BOOTSHIFT("verify", "--plan", other.plan, fixed.image),
		       text("the plan was made for %s at ", real_path(other.image)));
	assert_refused(BOOTSHIFT("verify", "--plan", other.plan, fixed.image),
		       "(plan-unrelated); ");
	file_write(fixed.image, 0x1B8, "other", 4); /* the signature of the disk */
	assert_refused(BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image),
		       "the plan is for a disk with the signature 11223344, and this disk has ");
	image_remove(fixed.image);
	image_remove(other.image);
}

/* After the conversion, somebody has deleted the partition that the boot files came from. */
TEST(verification, without_the_old_partition_the_plan_is_enough)
{
	struct fixed fixed = fix(fresh_image());
	uint8_t nothing[16] = {0};

	file_write(fixed.image, MBR_FLAG_OFFSET(0), nothing, sizeof(nothing));
	assert_refused(
		BOOTSHIFT("verify", fixed.image),
		"the boot files that the fix copied are not on the disk any more, or the fix "
		"copied none (no-record)");
	ASSERT_HAS(BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image).output,
		   ": whole, as far as the plan tells: ");
	begin_changes(&fixed);
	write_into(MEMTEST, 39999, "\xA5", 1);
	end_changes(&fixed);
	assert_refused(BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image),
		       "memtest.exe (content) (fix-not-whole)");
	image_remove(fixed.image);
}

/* The partition that the boot files came from has the boot record of a FAT volume. */
TEST(verification, a_fat_partition_needs_libguestfs_or_the_plan)
{
	struct fixed fixed = fix(fresh_image());
	const char *folder = test_folder();

	file_write(fixed.image, SAMPLE_SYSTEM_START + 3, "MSDOS5.0", 8);
	file_write(fixed.image, SAMPLE_SYSTEM_START + 0x36, "FAT16   ", 8);
	assert_refused(BOOTSHIFT("verify", fixed.image),
		       "partition 1 is FAT: use --engine libguestfs, or name the plan (no-record)");
	ASSERT_STATUS(BOOTSHIFT("verify", "--plan", fixed.plan, fixed.image), 0);
	ASSERT_STATUS(RUN("sh", "-c", text("echo >'%s/libguestfs.so.0'", folder)), 0);
	setenv("LD_LIBRARY_PATH", folder, 1);
	ASSERT_HAS(BOOTSHIFT("verify", "--engine", "libguestfs", fixed.image).errors,
		   "libguestfs cannot be loaded: ");
	unsetenv("LD_LIBRARY_PATH");
	image_remove(fixed.image);
}

TEST(verification, an_interrupted_fix_has_to_be_taken_back_first)
{
	static const char no_mark[4096];
	struct fixed fixed = fix(fresh_image());

	/* The block of the mark APPLIED, see bootshift-journal(5). */
	file_write(text("%s.bootshift-undo", fixed.image), 4096, no_mark, sizeof(no_mark));
	verify(&fixed, 4, "recovery-required");
	image_remove(fixed.image);
}

/* ---- several images ------------------------------------------------------------------------- */

TEST(verification, several_images_are_verified_and_the_worst_result_counts)
{
	struct fixed fixed = fix(fresh_image());
	const char *unfixed = fresh_image();
	struct outcome outcome = BOOTSHIFT("verify", unfixed, fixed.image);

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.output, text("%s: whole: ", fixed.image));
	ASSERT_HAS(outcome.errors, text("%s: the boot files are on partition 1", unfixed));
	image_remove(fixed.image);
	image_remove(unfixed);
}
