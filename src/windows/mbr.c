/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/mbr.h"

#include "util/bytes.h"

/* The names are in the messages of the two: GRUB's "GRUB " and LILO's head, from byte 6 on. */
static enum mbr_code find_code(const uint8_t *sector)
{
	if (all_zero(sector, MBR_CODE_SIZE))
		return MBR_CODE_NONE;
	if (memmem(sector, MBR_CODE_SIZE, "GRUB", 4) != NULL)
		return MBR_CODE_GRUB;
	return memcmp(sector + 6, "LILO", 4) == 0 || memcmp(sector + 2, "LILO", 4) == 0
		       ? MBR_CODE_LILO
		       : MBR_CODE_STANDARD;
}

bool mbr_parse(const uint8_t *sector, struct mbr *mbr)
{
	if (sector[0x1FE] != 0x55 || sector[0x1FF] != 0xAA)
		return false;
	mbr->code = find_code(sector);
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

const char *mbr_code_text(enum mbr_code code)
{
	switch (code) {
	case MBR_CODE_STANDARD:
		return "starts the active partition";
	case MBR_CODE_GRUB:
		return "GRUB's, which may start something else than the active partition";
	case MBR_CODE_LILO:
		return "LILO's, which may start something else than the active partition";
	case MBR_CODE_NONE:
		break;
	}
	return "none";
}
