/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk's partitions as a row of boxes. */
#ifndef BOOTSHIFT_REPORT_DRAWING_H
#define BOOTSHIFT_REPORT_DRAWING_H

#include <stddef.h>

#include "report/output.h"

/*
 * Shares `columns` out among `count` boxes in proportion to their sizes, none smaller than
 * `minimum`; count * minimum is at most `columns`.  The widths add up to `columns`.  Returns true
 * when the widths are to scale, false when boxes had to be drawn wider than their share.
 */
bool drawing_share(const uint64_t *sizes, size_t count, unsigned columns, unsigned minimum,
		   unsigned *widths);

/* A partition, or a gap between two. */
struct drawing_box {
	const struct bs_partition *partition; /* borrowed; NULL: unallocated */
	uint64_t size;                        /* bytes */
};

#define DRAWING_BOXES_MAX (2 * BS_PARTITIONS_MAX + 1)

/*
 * The partitions, of which there are at most BS_PARTITIONS_MAX, and the gaps as they lie on the
 * disk; an extended partition shows as its parts.  Returns the number of boxes.
 */
size_t drawing_boxes(const struct bs_partition *partitions, size_t count, uint64_t disk_size,
		     struct drawing_box boxes[DRAWING_BOXES_MAX]);

/*
 * Draws the partitions in the order in which they lie on the disk, with the gaps between them; a
 * disk with too many for the width is not drawn.
 */
void drawing_print(struct output *output, const struct bs_inspection *inspection);

#endif
