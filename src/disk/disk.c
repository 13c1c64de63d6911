/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks the range of every request, for all disks.  A layer gets only ranges that lie within the
 * disk and are not empty, so layers do not check ranges again.
 */
#include "disk/disk.h"

#include <inttypes.h>

#include "util/bytes.h"

static int disk_check_range(const struct disk *disk, const char *verb, uint64_t offset,
			    size_t length, struct bs_error *err)
{
	if (range_within(offset, length, disk->size))
		return 0;
	return fail(err, BS_OUT_OF_RANGE,
		    "cannot %s %zu bytes at %" PRIu64 ": the disk has %" PRIu64 " bytes", verb,
		    length, offset, disk->size);
}

int disk_read(struct disk *disk, uint64_t offset, void *buffer, size_t length, struct bs_error *err)
{
	if (length == 0)
		return 0;
	if (disk_check_range(disk, "read", offset, length, err) < 0)
		return -1;
	return disk->operations->read(disk, offset, buffer, length, err);
}

int disk_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
	       struct bs_error *err)
{
	if (length == 0)
		return 0;
	if (!disk->operations->write)
		return fail(err, BS_READ_ONLY, "the disk is open for reading only");
	if (disk_check_range(disk, "write", offset, length, err) < 0)
		return -1;
	return disk->operations->write(disk, offset, buffer, length, err);
}

int disk_flush(struct disk *disk, struct bs_error *err)
{
	return disk->operations->flush ? disk->operations->flush(disk, err) : 0;
}

int disk_descriptor(const struct disk *disk)
{
	return disk->operations->descriptor ? disk->operations->descriptor(disk) : -1;
}

bool disk_is_hole(const struct disk *disk, uint64_t offset, uint64_t length)
{
	return disk->operations->is_hole && disk->operations->is_hole(disk, offset, length);
}

void disk_close(struct disk *disk)
{
	if (disk)
		disk->operations->close(disk);
}
