/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/mbr.h"

#include "util/bytes.h"

bool mbr_parse(const uint8_t *sector, struct mbr *mbr)
{
	if (sector[0x1FE] != 0x55 || sector[0x1FF] != 0xAA)
		return false;
	mbr->has_code = !all_zero(sector, MBR_CODE_SIZE);
	mbr->disk_signature = load_le32(sector + 0x1B8);
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		const uint8_t *entry = sector + MBR_FLAG_OFFSET(i);

		mbr->entries[i] = (struct mbr_entry){
			.flag = entry[0],
			.type = entry[4],
			.first_lba = load_le32(entry + 8),
			.sectors = load_le32(entry + 12),
		};
	}
	return true;
}

bool mbr_is_extended(uint8_t type)
{
	return type == MBR_TYPE_EXTENDED_CHS || type == MBR_TYPE_EXTENDED_LBA ||
	       type == MBR_TYPE_EXTENDED_LINUX;
}
