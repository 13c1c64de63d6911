/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The NTFS boot record ($Boot): 8 KiB at the start of a volume.
 *
 * Bytes 0x0B to 0x53 of the first sector, the BPB, belong to the volume and stay as mkntfs wrote
 * them.  The code around them is a placeholder of our own that stops the processor; what it has in
 * common with Windows' is where the loader's name stands, and that all of the record is used.
 */
#include <string.h>

#include "volume.h"

#define RECORD_SIZE    8192u
#define HIDDEN_SECTORS 0x1Cu
#define SERIAL         0x48u
#define CODE           0x54u
#define LOADER_NAME    0x200u
#define CODE_END       0x1028u /* where Windows 7's code ends */

/* The loader's name and the index's, as UTF-16 behind their lengths. */
static void put_name(uint8_t *record, const char *loader)
{
	struct bytes names = {0};

	append_le16(&names, (uint16_t)strlen(loader));
	append_utf16(&names, loader);
	append_le16(&names, 4);
	append_utf16(&names, "$I30");
	memcpy(record + LOADER_NAME, names.data, names.length);
}

static void put_code(uint8_t *record, const char *loader)
{
	static const uint8_t jump[] = {0xEB, 0x52, 0x90};       /* to CODE, over the BPB */
	static const uint8_t stop[] = {0xFA, 0xF4, 0xEB, 0xFD}; /* cli; hlt; back to hlt */
	uint64_t filler = hash_text(loader);

	/* Different in every sector and for every loader, so that a mixture shows. */
	for (unsigned at = CODE; at < CODE_END; at++) {
		filler = filler * 6364136223846793005u + 1442695040888963407u;
		record[at] = (uint8_t)(filler >> 56);
	}
	memset(record + CODE_END, 0, RECORD_SIZE - CODE_END);
	memcpy(record, jump, sizeof jump);
	memcpy(record + CODE, stop, sizeof stop);
	record[510] = 0x55;
	record[511] = 0xAA;
	put_name(record, loader);
}

void boot_record_write(const struct partition *partition, int fd)
{
	uint8_t record[RECORD_SIZE];

	read_at(fd, record, sizeof record, 0);
	if (partition->boot_record == BOOT_RECORD_BOOTMGR)
		put_code(record, "BOOTMGR");
	else if (partition->boot_record == BOOT_RECORD_NTLDR)
		put_code(record, "NTLDR");
	store_le64(record + SERIAL, partition->serial);
	if (partition->hidden_sectors != UINT64_MAX)
		store_le32(record + HIDDEN_SECTORS, (uint32_t)partition->hidden_sectors);
	write_at(fd, record, sizeof record, 0);
	write_at(fd, record, SECTOR_SIZE, partition->size - SECTOR_SIZE);
}
