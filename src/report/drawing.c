/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The numbers come from the partition table of the image.  So partitions may overlap or lie beyond
 * the end of the disk.
 */
#include "report/drawing.h"

#include <stdlib.h>

#include "report/amount.h"

#define INDENT         2
#define WIDTH_SMALLEST 4            /* fewer columns show nothing */
#define WIDTH_OF_SIZE  9            /* room for " 100 MiB" */
#define WIDTH_OF_LABEL 17           /* room for " System Reserved " */
#define SMALLEST_GAP   (4ull << 20) /* smaller gaps come from alignment, and are not drawn */

/* The weight is never 0, so a sum of weights is never 0. */
static double box_weight(uint64_t size)
{
	return (double)size + 1;
}

bool drawing_share(struct drawing_box *boxes, size_t count, unsigned columns, unsigned minimum)
{
	struct drawing_box *largest = boxes;
	unsigned left = columns;
	bool to_scale = true, changed = true;
	double total = 0;

	for (size_t i = 0; i < count; i++) {
		boxes[i].width = 0;
		total += box_weight(boxes[i].size);
		if (boxes[i].size > largest->size)
			largest = &boxes[i];
	}
	/* The loop ends, because each round except the last sets the width of at least one more box. */
	while (changed) {
		changed = false;
		for (size_t i = 0; i < count; i++) {
			if (boxes[i].width != 0 ||
			    box_weight(boxes[i].size) * left >= minimum * total)
				continue;
			boxes[i].width = minimum;
			left -= minimum;
			total -= box_weight(boxes[i].size);
			to_scale = false;
			changed = true;
		}
	}
	columns = left;
	for (size_t i = 0; i < count; i++) {
		if (boxes[i].width != 0)
			continue;
		boxes[i].width = (unsigned)(box_weight(boxes[i].size) * columns / total);
		left -= boxes[i].width;
	}
	largest->width += left; /* the columns that are left over from rounding down */
	return to_scale;
}

static int drawing_order(const void *one, const void *other)
{
	const struct bs_partition *a = *(const struct bs_partition *const *)one;
	const struct bs_partition *b = *(const struct bs_partition *const *)other;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static size_t drawing_add_gap(struct drawing_box *boxes, size_t count, uint64_t start, uint64_t end)
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
	qsort(sorted, sorted_count, sizeof(sorted[0]), drawing_order);
	for (size_t i = 0; i < sorted_count; i++) {
		box_count = drawing_add_gap(boxes, box_count, end, sorted[i]->start);
		boxes[box_count++] =
			(struct drawing_box){.partition = sorted[i], .size = sorted[i]->size};
		if (sorted[i]->start + sorted[i]->size > end)
			end = sorted[i]->start + sorted[i]->size;
	}
	return drawing_add_gap(boxes, box_count, end, disk_size);
}

static enum output_style drawing_style(const struct drawing_box *box)
{
	if (!box->partition)
		return STYLE_FAINT;
	if (box->partition->is_boot)
		return STYLE_BOOT;
	return box->partition->is_system ? STYLE_SYSTEM : STYLE_PLAIN;
}

static void drawing_print_edge(struct output *output, const struct drawing_box *boxes, size_t count,
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

/* ---- the lines of a box -------------------------------------------------------------------- */

static void box_print_number(struct output *output, const struct drawing_box *box)
{
	const struct bs_partition *partition = box->partition;

	if (!partition)
		print_cut(output, box->width, " unallocated");
	else
		print_cut(output, box->width, " %u%s", partition->number,
			  partition->active ? "*" : "");
}

static void box_print_label(struct output *output, const struct drawing_box *box)
{
	print_cut(output, box->width, " %s", box->partition ? box->partition->label : "");
}

static void box_print_size(struct output *output, const struct drawing_box *box)
{
	print_cut(output, box->width, " %s", size_format(box->size).text);
}

/* A bar that shows how full the volume is.  At least one column is shown as used. */
static void box_print_usage(struct output *output, const struct drawing_box *box)
{
	const struct bs_partition *partition = box->partition;
	unsigned columns = box->width - 2, used;

	if (!partition || !partition->usage_known || partition->free > partition->size)
		return;
	used = (unsigned)((double)(partition->size - partition->free) * columns /
			  box_weight(partition->size));
	print(output, " ");
	for (unsigned column = 0; column < columns; column++)
		print_symbol(output, column <= used ? "█" : "░", column <= used ? "#" : ".");
}

static void drawing_print_row(struct output *output, const struct drawing_box *boxes, size_t count,
			      void (*print_box)(struct output *, const struct drawing_box *))
{
	unsigned end = INDENT;

	print_to(output, INDENT);
	for (size_t i = 0; i < count; i++) {
		end += 1 + boxes[i].width;
		print_symbol(output, "│", "|");
		print_style(output, drawing_style(&boxes[i]));
		print_box(output, &boxes[i]);
		print_style(output, STYLE_PLAIN);
		print_to(output, end);
	}
	print_symbol(output, "│", "|");
	print_end(output);
}

/* Small partitions get room for their label, but at most half of all columns. */
static unsigned drawing_minimum(unsigned columns, unsigned count)
{
	unsigned half = columns / 2 / count, all = columns / count;

	if (half < WIDTH_OF_SIZE)
		return all < WIDTH_OF_SIZE ? all : WIDTH_OF_SIZE;
	return half < WIDTH_OF_LABEL ? half : WIDTH_OF_LABEL;
}

void drawing_print(struct output *output, const struct bs_inspection *inspection)
{
	static const char *const above[] = {"┌", "┬", "┐"}, *const below[] = {"└", "┴", "┘"};
	struct drawing_box boxes[DRAWING_BOXES_MAX];
	unsigned count = (unsigned)drawing_boxes(
		inspection->partitions, inspection->partition_count, inspection->disk_size, boxes);
	unsigned frame = 2 * INDENT + count + 1, columns;
	bool to_scale;

	if (count == 0 || output->width < frame + WIDTH_SMALLEST * count)
		return;
	columns = output->width - frame;
	to_scale = drawing_share(boxes, count, columns, drawing_minimum(columns, count));

	drawing_print_edge(output, boxes, count, above);
	drawing_print_row(output, boxes, count, box_print_number);
	drawing_print_row(output, boxes, count, box_print_label);
	drawing_print_row(output, boxes, count, box_print_size);
	drawing_print_row(output, boxes, count, box_print_usage);
	drawing_print_edge(output, boxes, count, below);
	print_to(output, INDENT);
	print_line(output, "* active%s",
		   to_scale ? "" : "; small partitions are drawn wider than they are");
}
