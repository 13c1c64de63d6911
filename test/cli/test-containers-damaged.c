/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers with wrong tables: the driver would write over other content of the container.  A
 * rehearsal and a fix refuse these containers before they write anything.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/containers.h"
#include "support/report.h"
#include "util/bytes.h"

static const struct container_kind qcow2 = {"qcow2", "qcow2", "", true, NULL};
static const struct container_kind vdi = {"vdi", "vdi", "", true, NULL};

static const char *make(const struct container_kind *kind)
{
	return container_make(kind, image_recipe("small", SAMPLE_SMALL));
}

static void assert_refused(const char *command, const char *container, const char *part)
{
	json_t *result = report_run(command, container, 3, "refused", "container-corrupt");

	ASSERT_HAS(report_text(result, "message"), part);
}

/* ---- free clusters -------------------------------------------------------------------------- */

/* qcow2.txt: the offset of the header field with the offset of the refcount table. */
#define REFCOUNT_TABLE 48
#define CLUSTER        65536

static uint64_t read_be64(const char *path, uint64_t offset)
{
	uint8_t bytes[8];

	file_read(path, offset, bytes, sizeof(bytes));
	return load_be64(bytes);
}

/*
 * Sets the 16-bit counts of `number` clusters, from `first` on.  Both bytes of a count become
 * `value`.
 */
static void set_counts(const char *path, uint64_t first, unsigned number, uint8_t value)
{
	uint64_t block = read_be64(path, read_be64(path, REFCOUNT_TABLE));
	const uint8_t count[2] = {0, value};

	for (uint64_t i = first; i < first + number; i++)
		file_write(path, block + i * sizeof(count), count, sizeof(count));
}

static void assert_never_touched(const char *container, const char *part)
{
	struct image_state before = state_take(container);

	assert_refused("inspect", container, part);
	assert_refused("plan", container, part);
	assert_refused("fix", container, part);
	state_assert_untouched(container, &before);
	image_remove(container);
}

TEST_CASE(containers_damaged, "containers-damaged");

TEST(containers_damaged, a_qcow2_that_counts_clusters_in_use_as_free_is_refused)
{
	const char *container = make(&qcow2);
	struct image_state state = state_take(container);
	uint64_t clusters = (uint64_t)state.status.st_size / CLUSTER;

	set_counts(container, clusters - 20, 20, 0);
	assert_never_touched(container, "qemu-img finds 40 errors");
}

TEST(containers_damaged, a_vdi_that_counts_blocks_in_use_as_free_is_refused)
{
	const char *container = make(&vdi);
	uint8_t allocated[4];

	file_read(container, 388, allocated, sizeof(allocated)); /* the header's count of them */
	store_le32(allocated, load_le32(allocated) - 1);
	file_write(container, 388, allocated, sizeof(allocated));
	assert_never_touched(container, "qemu-img finds 1 error ");
}

/* Killed programs leave such a container: space is lost, but nothing else. */
TEST(containers_damaged, a_qcow2_that_counts_free_clusters_as_in_use_is_fixed)
{
	const char *container = make(&qcow2);
	struct image_state before;
	uint64_t clusters;

	before = state_take(container);
	clusters = (uint64_t)before.status.st_size / CLUSTER;
	set_counts(container, clusters, 3, 1);
	before = state_take(container);
	report_run("fix", container, 0, "fixed", NULL);
	report_run("undo", container, 0, "undone", NULL);
	state_assert_restored(container, &before);
	image_remove(container);
}

/* ---- containers that were cut short ---------------------------------------------------------- */

static const struct container_kind cut_kinds[] = {
	{"vhdx", "vhdx", "-o subformat=dynamic", false, NULL},
	{"vhd", "vpc", "-o subformat=dynamic", false, NULL},
	{"vhd", "vpc", "-o subformat=fixed,force_size=on", false, NULL},
	{"vmdk", "vmdk", "", true, NULL},
	{"vdi", "vdi", "", true, NULL},
};

TEST_CASE(cut_containers, "containers cut short");

/* A copy that stopped just before its end is whole but for the end of its last block. */
TEST_EACH(cut_containers, a_container_without_its_last_bytes_is_not_touched, cut_kinds)
{
	const char *container = make(&cut_kinds[_i]);
	struct image_state before;
	struct stat status;

	ck_assert_int_eq(stat(container, &status), 0);
	ck_assert_int_eq(truncate(container, status.st_size - 512), 0);
	before = state_take(container);
	ASSERT_STATUS(BOOTSHIFT("plan", container), 3);
	ASSERT_HAS(BOOTSHIFT("fix", container).errors, "-corrupt); copy it again");
	state_assert_untouched(container, &before);
	image_remove(container);
}
