/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk's partitions as a row of boxes. */
#ifndef BOOTSHIFT_REPORT_DRAWING_H
#define BOOTSHIFT_REPORT_DRAWING_H

#include <stddef.h>

#include "report/output.h"

/* A partition, or a gap between two. */
struct drawing_box {
	const struct bs_partition *partition; /* borrowed; NULL: unallocated */
	uint64_t size;                        /* bytes */
	unsigned width;                       /* columns; see drawing_share() */
};

#define DRAWING_BOXES_MAX (2 * BS_PARTITIONS_MAX + 1)

/*
 * Sets the widths in proportion to the sizes, but no width below `minimum`; count * minimum is at
 * most `columns`.  The sum of the widths is `columns`.  Returns whether all widths are to scale.
 */
bool drawing_share(struct drawing_box *boxes, size_t count, unsigned columns, unsigned minimum);

/*
 * Makes a box of each partition and gap, in the order of the disk.  `count` is at most
 * BS_PARTITIONS_MAX.  An extended partition has no box of its own.  Returns the number of boxes.
 */
size_t drawing_boxes(const struct bs_partition *partitions, size_t count, uint64_t disk_size,
		     struct drawing_box boxes[DRAWING_BOXES_MAX]);

/* Draws the boxes of a disk.  Draws nothing if the output is too narrow for them. */
void drawing_print(struct output *output, const struct bs_inspection *inspection);

#endif
