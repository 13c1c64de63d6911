/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The footer of a fixed VHD: 512 bytes, big-endian, behind the disk.  Offsets and the geometry are
 * those of Microsoft's "Virtual Hard Disk Image Format Specification" 1.0.
 */
#include <string.h>

#include "table.h"

#define FOOTER_SIZE 512u
#define CHECKSUM    64u
/* Seconds since 2000-01-01 of 2016-02-05 16:30:26 UTC. */
#define CREATED 508005026u

/* Cylinders, heads and sectors as one number, by the algorithm of the specification's appendix. */
static uint32_t geometry(uint64_t sectors)
{
	uint64_t limit = 65535ull * 16 * 255;
	uint64_t total = sectors < limit ? sectors : limit;
	uint64_t cylinder_heads, heads, per_track;

	if (total >= 65535ull * 16 * 63) {
		per_track = 255;
		heads = 16;
		cylinder_heads = total / per_track;
	} else {
		per_track = 17;
		cylinder_heads = total / per_track;
		heads = (cylinder_heads + 1023) / 1024;
		if (heads < 4)
			heads = 4;
		if (cylinder_heads >= heads * 1024 || heads > 16) {
			per_track = 31;
			heads = 16;
			cylinder_heads = total / per_track;
		}
		if (cylinder_heads >= heads * 1024) {
			per_track = 63;
			heads = 16;
			cylinder_heads = total / per_track;
		}
	}
	return (uint32_t)((cylinder_heads / heads) << 16 | heads << 8 | per_track);
}

void vhd_footer_write(const struct recipe *recipe, int fd)
{
	uint8_t footer[FOOTER_SIZE] = "conectix";
	uint32_t sum = 0;

	store_be32(footer + 8, 2);        /* features: the bit that is always set */
	store_be32(footer + 12, 0x10000); /* version 1.0 */
	store_be64(footer + 16, UINT64_MAX);
	store_be32(footer + 24, CREATED);
	memcpy(footer + 28, "win ", 4);
	store_be32(footer + 32, 0x60001);
	memcpy(footer + 36, "Wi2k", 4);
	store_be64(footer + 40, recipe->size);
	store_be64(footer + 48, recipe->size);
	store_be32(footer + 56, geometry(recipe->size / SECTOR_SIZE));
	store_be32(footer + 60, 2); /* fixed */
	store_be64(footer + 68, hash_text("bootshift sample disk"));
	store_be64(footer + 76, recipe->signature);
	for (unsigned i = 0; i < FOOTER_SIZE; i++)
		sum += footer[i];
	store_be32(footer + CHECKSUM, ~sum);
	write_at(fd, footer, sizeof footer, recipe->size);
}
