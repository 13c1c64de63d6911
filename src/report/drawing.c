/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk's partitions as a row of boxes.
 *
 * The numbers come from the image's partition table: nothing here relies on partitions that lie
 * within the disk or apart from each other.
 */
#include "report/drawing.h"

#include <stdlib.h>

#include "report/amount.h"

#define INDENT         2
#define WIDTH_SMALLEST 4            /* fewer columns show nothing */
#define WIDTH_OF_SIZE  9            /* room for " 100 MiB" */
#define WIDTH_OF_LABEL 17           /* room for " System Reserved " */
#define SMALLEST_GAP   (4ull << 20) /* what alignment leaves free is no unallocated space */

/* A box, and the columns that it takes. */
struct box {
	const struct bs_partition *partition; /* NULL: unallocated */
	uint64_t size;
	unsigned width;
};

/* A box of nothing has a weight, too, so that the sum is never zero. */
static double weight(uint64_t size)
{
	return (double)size + 1;
}

bool drawing_share(const uint64_t *sizes, size_t count, unsigned columns, unsigned minimum,
		   unsigned *widths)
{
	unsigned left = columns;
	bool to_scale = true, changed = true;
	size_t largest = 0;
	double total = 0;

	for (size_t i = 0; i < count; i++) {
		widths[i] = 0;
		total += weight(sizes[i]);
		if (sizes[i] > sizes[largest])
			largest = i;
	}
	/* Each round but the last gives at least one more box the minimum, so it ends. */
	while (changed) {
		changed = false;
		for (size_t i = 0; i < count; i++) {
			if (widths[i] != 0 || weight(sizes[i]) * left >= minimum * total)
				continue;
			widths[i] = minimum;
			left -= minimum;
			total -= weight(sizes[i]);
			to_scale = false;
			changed = true;
		}
	}
	columns = left;
	for (size_t i = 0; i < count; i++) {
		if (widths[i] != 0)
			continue;
		widths[i] = (unsigned)(weight(sizes[i]) * columns / total);
		left -= widths[i];
	}
	widths[largest] += left; /* what rounding down has left over */
	return to_scale;
}

static int by_start(const void *one, const void *other)
{
	const struct bs_partition *a = *(const struct bs_partition *const *)one;
	const struct bs_partition *b = *(const struct bs_partition *const *)other;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static size_t add_gap(struct drawing_box *boxes, size_t count, uint64_t start, uint64_t end)
{
	if (end > start && end - start >= SMALLEST_GAP)
		boxes[count++] = (struct drawing_box){.size = end - start};
	return count;
}

size_t drawing_boxes(const struct bs_partition *partitions, size_t count, uint64_t disk_size,
		     struct drawing_box boxes[DRAWING_BOXES_MAX])
{
	const struct bs_partition *sorted[BS_PARTITIONS_MAX] = {NULL};
	size_t sorted_count = 0, box_count = 0;
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++)
		if (partitions[i].filesystem != BS_FS_EXTENDED)
			sorted[sorted_count++] = &partitions[i];
	qsort(sorted, sorted_count, sizeof(sorted[0]), by_start);
	for (size_t i = 0; i < sorted_count; i++) {
		box_count = add_gap(boxes, box_count, end, sorted[i]->start);
		boxes[box_count++] =
			(struct drawing_box){.partition = sorted[i], .size = sorted[i]->size};
		if (sorted[i]->start + sorted[i]->size > end)
			end = sorted[i]->start + sorted[i]->size;
	}
	return add_gap(boxes, box_count, end, disk_size);
}

static enum output_style box_style(const struct box *box)
{
	if (!box->partition)
		return STYLE_FAINT;
	if (box->partition->is_boot)
		return STYLE_BOOT;
	return box->partition->is_system ? STYLE_SYSTEM : STYLE_PLAIN;
}

static void print_line_between(struct output *output, const struct box *boxes, size_t count,
			       const char *const corners[3])
{
	print_to(output, INDENT);
	for (size_t i = 0; i < count; i++) {
		print_symbol(output, corners[i == 0 ? 0 : 1], "+");
		for (unsigned column = 0; column < boxes[i].width; column++)
			print_symbol(output, "─", "-");
	}
	print_symbol(output, corners[2], "+");
	print_end(output);
}

/* What stands in a box, line by line. */
static void print_number(struct output *output, const struct box *box)
{
	const struct bs_partition *partition = box->partition;

	if (!partition)
		print_cut(output, box->width, " unallocated");
	else
		print_cut(output, box->width, " %u%s", partition->number,
			  partition->active ? "*" : "");
}

static void print_label(struct output *output, const struct box *box)
{
	print_cut(output, box->width, " %s", box->partition ? box->partition->label : "");
}

static void print_size(struct output *output, const struct box *box)
{
	print_cut(output, box->width, " %s", size_format(box->size).text);
}

/* How full the volume is; what is used of it never rounds down to nothing. */
static void print_usage(struct output *output, const struct box *box)
{
	const struct bs_partition *partition = box->partition;
	unsigned columns = box->width - 2, used;

	if (!partition || !partition->usage_known || partition->free > partition->size)
		return;
	used = (unsigned)((double)(partition->size - partition->free) * columns /
			  weight(partition->size));
	print(output, " ");
	for (unsigned column = 0; column < columns; column++)
		print_symbol(output, column <= used ? "█" : "░", column <= used ? "#" : ".");
}

static void print_row(struct output *output, const struct box *boxes, size_t count,
		      void (*print_box)(struct output *, const struct box *))
{
	unsigned end = INDENT;

	print_to(output, INDENT);
	for (size_t i = 0; i < count; i++) {
		end += 1 + boxes[i].width;
		print_symbol(output, "│", "|");
		print_style(output, box_style(&boxes[i]));
		print_box(output, &boxes[i]);
		print_style(output, STYLE_PLAIN);
		print_to(output, end);
	}
	print_symbol(output, "│", "|");
	print_end(output);
}

/* Small partitions get room for their label as long as they leave half of the columns. */
static unsigned minimum_width(unsigned columns, unsigned count)
{
	unsigned half = columns / 2 / count, all = columns / count;

	if (half < WIDTH_OF_SIZE)
		return all < WIDTH_OF_SIZE ? all : WIDTH_OF_SIZE;
	return half < WIDTH_OF_LABEL ? half : WIDTH_OF_LABEL;
}

void drawing_print(struct output *output, const struct bs_inspection *inspection)
{
	static const char *const above[] = {"┌", "┬", "┐"}, *const below[] = {"└", "┴", "┘"};
	struct drawing_box found[DRAWING_BOXES_MAX];
	struct box boxes[DRAWING_BOXES_MAX];
	uint64_t sizes[DRAWING_BOXES_MAX];
	unsigned widths[DRAWING_BOXES_MAX];
	unsigned count = (unsigned)drawing_boxes(
		inspection->partitions, inspection->partition_count, inspection->disk_size, found);
	unsigned frame = 2 * INDENT + count + 1, columns;
	bool to_scale;

	if (count == 0 || output->width < frame + WIDTH_SMALLEST * count)
		return;
	columns = output->width - frame;
	for (unsigned i = 0; i < count; i++)
		sizes[i] = found[i].size;
	to_scale = drawing_share(sizes, count, columns, minimum_width(columns, count), widths);
	for (unsigned i = 0; i < count; i++)
		boxes[i] = (struct box){found[i].partition, found[i].size, widths[i]};

	print_line_between(output, boxes, count, above);
	print_row(output, boxes, count, print_number);
	print_row(output, boxes, count, print_label);
	print_row(output, boxes, count, print_size);
	print_row(output, boxes, count, print_usage);
	print_line_between(output, boxes, count, below);
	print_to(output, INDENT);
	print(output, "* active%s",
	      to_scale ? "" : "; small partitions are drawn wider than they are");
	print_end(output);
}
