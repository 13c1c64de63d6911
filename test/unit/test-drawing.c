/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The drawing: widths are to scale, and odd partitions do not break its frame. */
#include <stdlib.h>
#include <string.h>

#include "report/drawing.h"

#include "support/test.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

TEST_CASE(drawing, "drawing");

TEST(drawing, widths_are_in_proportion)
{
	struct drawing_box boxes[] = {{.size = 10 * GIB}, {.size = 30 * GIB}};

	ck_assert(drawing_share(boxes, 2, 80, 9));
	ck_assert_uint_eq(boxes[0].width, 20);
	ck_assert_uint_eq(boxes[1].width, 60);
}

TEST(drawing, small_partitions_stay_visible)
{
	struct drawing_box boxes[] = {
		{.size = 100 * MIB}, {.size = 40 * GIB}, {.size = 0}, {.size = 500 * MIB}};

	ck_assert(!drawing_share(boxes, 4, 72, 9));
	ck_assert_uint_eq(boxes[0].width, 9);
	ck_assert_uint_eq(boxes[1].width, 45);
	ck_assert_uint_eq(boxes[2].width, 9);
	ck_assert_uint_eq(boxes[3].width, 9);
}

TEST(drawing, widths_always_add_up)
{
	struct drawing_box boxes[] = {{.size = 0},          {.size = UINT64_MAX}, {.size = 1},
				      {.size = UINT64_MAX}, {.size = 3 * GIB},    {.size = 0},
				      {.size = 7}};

	for (size_t count = 1; count <= 7; count++) {
		for (unsigned columns = 28; columns < 120; columns++) {
			unsigned sum = 0;

			drawing_share(boxes, count, columns, 4);
			for (size_t i = 0; i < count; i++) {
				ck_assert_uint_ge(boxes[i].width, 4);
				sum += boxes[i].width;
			}
			ck_assert_uint_eq(sum, columns);
		}
	}
}

static struct bs_partition *add(struct bs_inspection *inspection, uint64_t start, uint64_t size)
{
	struct bs_partition *partition = &inspection->partitions[inspection->partition_count++];

	partition->number = inspection->partition_count;
	partition->start = start;
	partition->size = size;
	return partition;
}

/* Draws on a terminal of 60 ASCII columns.  The caller frees the text. */
static char *draw(const struct bs_inspection *inspection)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	struct output output = {.stream = stream, .width = 60};

	drawing_print(&output, inspection);
	ck_assert_int_eq(output.error, 0);
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

TEST(drawing, partitions_and_gaps_are_drawn_in_disk_order)
{
	struct bs_inspection inspection = {.disk_size = 4 * GIB};
	struct bs_partition *boot = add(&inspection, 3 * GIB, GIB);
	struct bs_partition *system = add(&inspection, MIB, GIB - MIB);
	char *text;

	strcpy(boot->label, "Windows");
	strcpy(system->label, "\033]0;x");
	system->active = true;
	system->usage_known = true;
	system->free = (GIB - MIB) / 2;
	text = draw(&inspection);
	ck_assert_str_eq(text, "  +------------+---------------------------+-------------+\n"
			       "  | 2*         | unallocated               | 1           |\n"
			       "  | \\x1b]0;x   |                           | Windows     |\n"
			       "  | 1023 MiB   | 2 GiB                     | 1 GiB       |\n"
			       "  | #####..... |                           |             |\n"
			       "  +------------+---------------------------+-------------+\n"
			       "  * active\n");
	free(text);
}

TEST(drawing, overlapping_and_endless_partitions_are_drawn)
{
	struct bs_inspection inspection = {.disk_size = GIB};
	char *text;

	add(&inspection, 0, UINT64_MAX);
	add(&inspection, UINT64_MAX, UINT64_MAX);
	add(&inspection, MIB, 0)->filesystem = BS_FS_EXTENDED;
	text = draw(&inspection);
	ck_assert_ptr_nonnull(strstr(text, "16 EiB"));
	free(text);
}

TEST(drawing, too_many_partitions_are_not_drawn)
{
	struct bs_inspection inspection = {.disk_size = GIB};
	char *text;

	for (unsigned i = 0; i < BS_PARTITIONS_MAX; i++)
		add(&inspection, i * MIB, MIB);
	text = draw(&inspection);
	ck_assert_str_eq(text, "");
	free(text);
}
