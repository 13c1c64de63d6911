/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers in which one place serves two purposes.  A write of the driver to one part of the
 * guest's disk would also change another part, or the tables of the container.  A rehearsal and a
 * fix refuse these containers before they write anything.
 */
#include <stdlib.h>

#include "cli/samples.h"
#include "support/containers.h"
#include "support/report.h"
#include "util/bytes.h"
#include "util/crc32c.h"

#define MIB 1048576ull

/* Places on the guest's disk. */
#define FREE_IN_SYSTEM (20 * MIB)
#define IN_BOOT        (41 * MIB)
#define LAST           (199 * MIB)

/* ---- the tables of each format -------------------------------------------------------------- */

static uint64_t read_number(const char *path, uint64_t offset, unsigned length, bool big_endian)
{
	uint8_t bytes[8];
	uint64_t number = 0;

	file_read(path, offset, bytes, length);
	for (unsigned i = 0; i < length; i++)
		number = number << 8 | bytes[big_endian ? i : length - 1 - i];
	return number;
}

static void write_number(const char *path, uint64_t offset, unsigned length, bool big_endian,
			 uint64_t number)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < length; i++)
		bytes[big_endian ? length - 1 - i : i] = (uint8_t)(number >> 8 * i);
	file_write(path, offset, bytes, length);
}

/* Each function returns the offset of the table entry for a place on the guest's disk. */
static uint64_t find_vhd_entry(const char *path, uint64_t guest)
{
	return read_number(path, 512 + 16, 8, true) +
	       guest / read_number(path, 512 + 32, 4, true) * 4;
}

#define VHDX_LOG        (1 * MIB) /* QEMU's choice */
#define VHDX_TABLE      (2 * MIB)
#define VHDX_METADATA   (3 * MIB)
#define VHDX_BLOCK_SIZE (VHDX_METADATA + 65536)

static uint64_t find_vhdx_entry(const char *path, uint64_t guest)
{
	return VHDX_TABLE + guest / read_number(path, VHDX_BLOCK_SIZE, 4, false) * 8;
}

/* `directory`: the offset of the header field with the place of the directory. */
static uint64_t find_vmdk_table(const char *path, unsigned directory, uint64_t guest)
{
	uint64_t entry = read_number(path, directory, 8, false) * 512 + guest / (32 * MIB) * 4;

	return read_number(path, entry, 4, false) * 512;
}

static uint64_t find_vmdk_entry(const char *path, uint64_t guest)
{
	return find_vmdk_table(path, 56, guest) + guest % (32 * MIB) / 65536 * 4;
}

static uint64_t find_vdi_entry(const char *path, uint64_t guest)
{
	return read_number(path, 340, 4, false) + guest / MIB * 4;
}

/* An entry is a number: the place, in a unit, and a mark in the lowest bits. */
static const struct layout {
	struct container_kind kind;
	uint64_t (*find_entry)(const char *path, uint64_t guest);
	unsigned entry_length;
	bool big_endian;
	uint64_t unit, mark;
} layouts[] = {
	{{"vhd", "vpc", "-o force_size=on", false, NULL}, find_vhd_entry, 4, true, 512, 0},
	{{"vhdx", "vhdx", "-o block_size=2M", true, NULL}, find_vhdx_entry, 8, false, 1, 6},
	{{"vmdk", "vmdk", "", true, NULL}, find_vmdk_entry, 4, false, 512, 0},
	{{"vdi", "vdi", "", true, NULL}, find_vdi_entry, 4, false, 1, 0},
};

enum { VHD, VHDX, VMDK, VDI };

/* Makes a container with layout i, in a folder of its own. */
static const char *make(int i)
{
	return container_make(&layouts[i].kind, image_recipe("small", SAMPLE_SMALL));
}

static uint64_t get(int i, const char *path, uint64_t guest)
{
	const struct layout *layout = &layouts[i];
	uint64_t entry = read_number(path, layout->find_entry(path, guest), layout->entry_length,
				     layout->big_endian);

	return (entry - layout->mark) * layout->unit;
}

static void set(int i, const char *path, uint64_t guest, uint64_t place)
{
	const struct layout *layout = &layouts[i];

	write_number(path, layout->find_entry(path, guest), layout->entry_length,
		     layout->big_endian, place / layout->unit + layout->mark);
}

static void assert_never_touched(const char *container, const char *part)
{
	static const char *const commands[] = {"inspect", "plan", "fix"};
	struct image_state before = state_take(container);

	for (size_t i = 0; i < 3; i++) {
		json_t *result =
			report_run(commands[i], container, 3, "refused", "container-corrupt");

		ASSERT_HAS(report_text(result, "message"), part);
	}
	state_assert_untouched(container, &before);
	image_remove(container);
}

/* ---- every format with one kind of block ---------------------------------------------------- */

TEST_CASE(containers_shared, "containers-shared");

TEST_EACH(containers_shared, a_block_of_both_partitions_is_refused, layouts)
{
	const char *container = make(_i);

	set(_i, container, FREE_IN_SYSTEM, get(_i, container, IN_BOOT));
	assert_never_touched(container, " overlaps another one at byte ");
}

TEST_EACH(containers_shared, a_block_that_is_the_first_and_the_last_is_refused, layouts)
{
	const char *container = make(_i);

	set(_i, container, LAST, get(_i, container, 0));
	assert_never_touched(container, " overlaps another one at byte ");
}

/* ---- more cases of single formats ----------------------------------------------------------- */

static const struct {
	int layout;
	uint64_t place;
	const char *part;
} on_others[] = {
	{VHD, 0, "overlaps the footer's copy at byte 0"},
	{VHD, 512, "overlaps the header at byte 512"},
	{VHD, 1536, "overlaps the table of blocks at byte 1536"},
	{VHDX, 0, "overlaps the headers at byte 0"},
	{VHDX, VHDX_LOG, "overlaps the log at byte 1048576"},
	{VHDX, VHDX_TABLE, "overlaps the table of blocks at byte 2097152"},
	{VHDX, VHDX_METADATA, "overlaps the metadata at byte 3145728"},
	{VMDK, 512, "overlaps the header at byte 0"}, /* the descriptor */
	{VMDK, 21 * 512, "overlaps the second grain directory at byte 10752"},
};

TEST_EACH(containers_shared, a_block_on_a_header_or_a_table_is_refused, on_others)
{
	const char *container = make(on_others[_i].layout);

	set(on_others[_i].layout, container, FREE_IN_SYSTEM, on_others[_i].place);
	assert_never_touched(container, on_others[_i].part);
}

TEST(containers_shared, a_vhd_block_on_the_footer_is_refused)
{
	const char *container = make(VHD);
	struct image_state state = state_take(container);

	set(VHD, container, FREE_IN_SYSTEM, (uint64_t)state.status.st_size - 512 - 2 * MIB);
	assert_never_touched(container, " overlaps the footer at byte ");
}

TEST(containers_shared, vhd_blocks_that_share_one_sector_are_refused)
{
	const char *container = make(VHD);

	/* A block also has the bitmap of its sectors. */
	set(VHD, container, FREE_IN_SYSTEM, get(VHD, container, IN_BOOT) + 2 * MIB);
	assert_never_touched(container, " overlaps another one at byte ");
}

TEST(containers_shared, vhdx_blocks_that_share_a_half_are_refused)
{
	const char *container = make(VHDX);

	set(VHDX, container, FREE_IN_SYSTEM, get(VHDX, container, IN_BOOT) + MIB);
	assert_never_touched(container, " overlaps another one at byte ");
}

TEST(containers_shared, vmdk_grains_that_share_one_sector_are_refused)
{
	const char *container = make(VMDK);

	set(VMDK, container, FREE_IN_SYSTEM, get(VMDK, container, IN_BOOT) + 65536 - 512);
	assert_never_touched(container, " overlaps another one at byte ");
}

TEST(containers_shared, a_vmdk_grain_on_a_grain_table_or_its_copy_is_refused)
{
	static const unsigned directories[] = {56, 48};
	static const char *const parts[] = {" overlaps grain table 0 at byte ",
					    " overlaps copy of grain table 0 at byte "};

	for (int i = 0; i < 2; i++) {
		const char *container = make(VMDK);

		/* The end of the place overlaps, so that only this table is affected. */
		set(VMDK, container, FREE_IN_SYSTEM, find_vmdk_table(container, directories[i], 0));
		assert_never_touched(container, parts[i]);
	}
}

/* Each grain table stands for 32 MiB of the guest's disk. */
TEST(containers_shared, a_vmdk_grain_table_of_both_partitions_is_refused)
{
	const char *container = make(VMDK);
	uint64_t directory = read_number(container, 56, 8, false) * 512;

	write_number(container, directory, 4, false,
		     read_number(container, directory + 8, 4, false));
	assert_never_touched(container, "grain table ");
}

/* The driver writes to the tables of the second directory without reading them. */
TEST(containers_shared, a_vmdk_without_copies_of_its_grain_tables_is_refused)
{
	const char *container = make(VMDK);
	uint64_t directory = read_number(container, 48, 8, false) * 512;

	write_number(container, directory + 4, 4, false, 0);
	assert_never_touched(container, "copy of grain table 1 at byte 0");
}

/* ---- VHDX: what only the log knows ---------------------------------------------------------- */

/* The page of the block table in the only entry of the log; [MS-VHDX] 2.3.1. */
#define LOG_DATA     (VHDX_LOG + 4096)
#define LOG_CHECKSUM 4
#define LOG_LENGTH   8
#define LOGGED       (195 * MIB)

/*
 * The descriptor of the log entry has the first eight and the last four bytes of a page.  So the
 * table entries in the middle of the page are unchanged in the log.
 */
static void change_logged_entry(const char *path, uint64_t guest, uint64_t donor)
{
	uint64_t place = read_number(path, find_vhdx_entry(path, donor), 8, false);
	uint32_t length = (uint32_t)read_number(path, VHDX_LOG + LOG_LENGTH, 4, false);
	uint8_t *entry = malloc(length);

	ck_assert_ptr_nonnull(entry);
	write_number(path, LOG_DATA + find_vhdx_entry(path, guest) - VHDX_TABLE, 8, false, place);
	write_number(path, VHDX_LOG + LOG_CHECKSUM, 4, false, 0);
	file_read(path, VHDX_LOG, entry, length);
	write_number(path, VHDX_LOG + LOG_CHECKSUM, 4, false, crc32c(0, entry, length));
	free(entry);
}

TEST(containers_shared, a_vhdx_block_that_the_log_gives_to_both_partitions_is_refused)
{
	const char *container =
		container_make_vhdx_with_log(image_recipe("small", SAMPLE_SMALL), LOGGED);

	change_logged_entry(container, FREE_IN_SYSTEM, IN_BOOT);
	assert_never_touched(container, " overlaps another one at byte ");
}

/* ---- qcow2 ---------------------------------------------------------------------------------- */

/* docs/interop/qcow2.txt */
#define CLUSTER        65536
#define L1_TABLE       40 /* fields of the header */
#define REFCOUNT_TABLE 48
#define COPIED         (1ull << 63)

static uint64_t find_qcow2_entry(const char *path, uint64_t guest)
{
	uint64_t l1_table = read_number(path, L1_TABLE, 8, true);

	return (read_number(path, l1_table, 8, true) & ~COPIED) + guest / CLUSTER * 8;
}

/*
 * Sets the count of a cluster.  The image is so small that one block has all counts, 16 bits each.
 */
static void set_count(const char *path, uint64_t place, uint64_t count)
{
	uint64_t block = read_number(path, read_number(path, REFCOUNT_TABLE, 8, true), 8, true);

	write_number(path, block + place / CLUSTER * 2, 2, true, count);
}

static const char *make_qcow2(void)
{
	const struct container_kind kind = {"qcow2", "qcow2", "", true, NULL};

	return container_make(&kind, image_recipe("small", SAMPLE_SMALL));
}

/* The driver writes to a table in place, even if the table is counted twice. */
static const struct {
	uint64_t field; /* offset of the header field with the place of the table */
	const char *part;
} qcow2_tables[] = {
	{L1_TABLE, "the L1 table of the qcow2 image is counted 2 times"},
	{REFCOUNT_TABLE, "the refcount table of the qcow2 image is counted 2 times"},
};

TEST_EACH(containers_shared, a_qcow2_cluster_on_a_table_is_refused_though_it_is_counted,
	  qcow2_tables)
{
	const char *container = make_qcow2();
	uint64_t table = read_number(container, qcow2_tables[_i].field, 8, true);

	write_number(container, find_qcow2_entry(container, FREE_IN_SYSTEM), 8, true, table);
	set_count(container, table, 2);
	free(image_run(0, "qemu-img check %s", container));
	assert_never_touched(container, qcow2_tables[_i].part);
}

TEST(containers_shared, a_qcow2_cluster_of_both_partitions_that_is_counted_once_is_refused)
{
	const char *container = make_qcow2();
	uint64_t entry = read_number(container, find_qcow2_entry(container, IN_BOOT), 8, true);

	write_number(container, find_qcow2_entry(container, FREE_IN_SYSTEM), 8, true, entry);
	assert_never_touched(container, "qemu-img finds ");
}

/* The driver copies the cluster before it writes to it, so nothing is lost. */
TEST(containers_shared, a_qcow2_cluster_that_is_counted_twice_is_no_reason_to_refuse)
{
	const char *container = make_qcow2();
	uint64_t entry = find_qcow2_entry(container, IN_BOOT);
	uint64_t place = read_number(container, entry, 8, true) & ~COPIED;

	write_number(container, entry, 8, true, place);
	write_number(container, find_qcow2_entry(container, FREE_IN_SYSTEM), 8, true, place);
	set_count(container, place, 2);
	free(image_run(0, "qemu-img check %s", container));
	report_run("inspect", container, 0, "would-fix", NULL);
	image_remove(container);
}

/* ---- faults that only writing shows --------------------------------------------------------- */

/* QEMU puts a new block behind the last one, where this VHD has its header. */
TEST(containers_shared, a_vhd_whose_driver_writes_over_its_header_is_refused_unwritten)
{
	const char *container = make(VHD);
	struct image_state before = state_take(container);
	uint64_t end = (uint64_t)before.status.st_size - 512;
	uint8_t footer[512], header[1024];

	file_read(container, end, footer, sizeof(footer));
	file_read(container, 512, header, sizeof(header));
	file_write(container, end, header, sizeof(header));
	file_write(container, end + sizeof(header), footer, sizeof(footer));
	for (unsigned i = 0; i < 8; i++)
		container_change_vhd_footer(container, 16 + i, (uint8_t)(end >> (56 - 8 * i)));
	before = state_take(container);
	report_run("inspect", container, 0, "would-fix", NULL);
	for (int i = 0; i < 2; i++) {
		json_t *result =
			report_run(i == 0 ? "plan" : "fix", container, 3, "refused", "vhd-corrupt");

		ASSERT_HAS(report_text(result, "message"), "what the fix would write ");
	}
	state_assert_untouched(container, &before);
	image_remove(container);
}
