/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The NTFS boot record ($Boot): 8 KiB at the start of a volume.
 *
 * Bytes 0x0B to 0x53 of the first sector, the BPB, belong to the volume and stay as mkntfs wrote
 * them.  The code around them is that of boot/vbr.asm, or a part of it: mkntfs's own begins in the
 * first sector and is followed by zeros.
 */
#include <string.h>

#include "boot-code.h"
#include "volume.h"

#define RECORD_SIZE    8192u
#define BPB            0x0Bu
#define BPB_END        0x54u
#define HIDDEN_SECTORS 0x1Cu
#define SERIAL         0x48u

/* Puts in what lies between two places of the code, as far as the recipe wants it to be there. */
static void put_part(uint8_t *record, const struct partition *partition, const uint8_t *code,
		     size_t start, size_t end)
{
	if (start < partition->code_from)
		start = partition->code_from;
	if (end > partition->code_to)
		end = partition->code_to;
	if (start < end)
		memcpy(record + start, code + start, end - start);
}

static void put_code(uint8_t *record, const struct partition *partition)
{
	size_t length;
	const uint8_t *code =
		boot_code(partition->boot_record == BOOT_RECORD_NTLDR ? BOOT_CODE_VBR_NTLDR
								      : BOOT_CODE_VBR_BOOTMGR,
			  &length);

	put_part(record, partition, code, 0, BPB);
	put_part(record, partition, code, BPB_END, length);
}

void boot_record_write(const struct partition *partition, int fd)
{
	uint8_t record[RECORD_SIZE];

	read_at(fd, record, sizeof record, 0);
	if (partition->boot_record != BOOT_RECORD_MKNTFS)
		put_code(record, partition);
	store_le64(record + SERIAL, partition->serial);
	if (partition->hidden_sectors != UINT64_MAX)
		store_le32(record + HIDDEN_SECTORS, (uint32_t)partition->hidden_sectors);
	write_at(fd, record, sizeof record, 0);
	write_at(fd, record, partition->sector_size,
		 volume_size(partition) - partition->sector_size);
}
