/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/mbr.h"

#include "util/bytes.h"

/*
 * The first bytes of code that starts the active partition.  The code sets up a stack and moves
 * itself, because the partition's first sector will be loaded to the code's place.  In Microsoft's
 * code, messages in the language of Windows follow.  A message of syslinux distinguishes its
 * mbr.bin from other code with the same start.  (mbr_*.h of ms-sys; mbr.S of syslinux; dos.c of
 * libparted, whose code is complete here.)
 */
static const struct {
	uint8_t length, start[75];
	const char *message;
} mbr_known[] = {
	/* Windows 95 OSR 2 to Server 2003 */
	{27,
	 {0x33, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x7C, 0xFB, 0x50, 0x07, 0x50, 0x1F, 0xFC, 0xBE,
	  0x1B, 0x7C, 0xBF, 0x1B, 0x06, 0x50, 0x57, 0xB9, 0xE5, 0x01, 0xF3, 0xA4, 0xCB},
	 ""},
	/* Windows Vista and later */
	{28,
	 {0x33, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x7C, 0x8E, 0xC0, 0x8E, 0xD8, 0xBE, 0x00, 0x7C,
	  0xBF, 0x00, 0x06, 0xB9, 0x00, 0x02, 0xFC, 0xF3, 0xA4, 0x50, 0x68, 0x1C, 0x06, 0xCB},
	 ""},
	/* syslinux 6 */
	{31,
	 {0x33, 0xC0, 0xFA, 0x8E, 0xD8, 0x8E, 0xD0, 0xBC, 0x00, 0x7C, 0x89,
	  0xE6, 0x06, 0x57, 0x8E, 0xC0, 0xFB, 0xFC, 0xBF, 0x00, 0x06, 0xB9,
	  0x00, 0x01, 0xF3, 0xA5, 0xEA, 0x1F, 0x06, 0x00, 0x00},
	 "Multiple active partitions"},
	/* parted, GParted */
	{75,
	 {0xFA, 0xB8, 0x00, 0x10, 0x8E, 0xD0, 0xBC, 0x00, 0xB0, 0xB8, 0x00, 0x00, 0x8E, 0xD8, 0x8E,
	  0xC0, 0xFB, 0xBE, 0x00, 0x7C, 0xBF, 0x00, 0x06, 0xB9, 0x00, 0x02, 0xF3, 0xA4, 0xEA, 0x21,
	  0x06, 0x00, 0x00, 0xBE, 0xBE, 0x07, 0x38, 0x04, 0x75, 0x0B, 0x83, 0xC6, 0x10, 0x81, 0xFE,
	  0xFE, 0x07, 0x75, 0xF3, 0xEB, 0x16, 0xB4, 0x02, 0xB0, 0x01, 0xBB, 0x00, 0x7C, 0xB2, 0x80,
	  0x8A, 0x74, 0x01, 0x8B, 0x4C, 0x02, 0xCD, 0x13, 0xEA, 0x00, 0x7C, 0x00, 0x00, 0xEB, 0xFE},
	 ""},
};

static bool mbr_is_known(const uint8_t *sector)
{
	if (!mbr_code_reads(sector, MBR_CODE_SIZE))
		return false;
	for (size_t i = 0; i < sizeof(mbr_known) / sizeof(mbr_known[0]); i++)
		if (memcmp(sector, mbr_known[i].start, mbr_known[i].length) == 0 &&
		    memmem(sector, MBR_CODE_SIZE, mbr_known[i].message,
			   strlen(mbr_known[i].message)))
			return true;
	return false;
}

/* GRUB's code has its name in a message.  LILO's code has its name at byte 6 or 2. */
static enum mbr_code mbr_find_code(const uint8_t *sector)
{
	if (all_zero(sector, MBR_CODE_SIZE))
		return MBR_CODE_NONE;
	if (memmem(sector, MBR_CODE_SIZE, "GRUB", 4))
		return MBR_CODE_GRUB;
	if (memcmp(sector + 6, "LILO", 4) == 0 || memcmp(sector + 2, "LILO", 4) == 0)
		return MBR_CODE_LILO;
	return mbr_is_known(sector) ? MBR_CODE_STANDARD : MBR_CODE_OTHER;
}

bool mbr_parse(const uint8_t *sector, struct mbr *mbr)
{
	if (sector[0x1FE] != 0x55 || sector[0x1FF] != 0xAA)
		return false;
	mbr->code = mbr_find_code(sector);
	mbr->disk_signature = load_le32(sector + MBR_SIGNATURE_OFFSET);
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
	static const char *const texts[] = {
		[MBR_CODE_NONE] = "none",
		[MBR_CODE_STANDARD] = "starts the active partition",
		[MBR_CODE_GRUB] =
			"GRUB's, which may start something else than the active partition",
		[MBR_CODE_LILO] =
			"LILO's, which may start something else than the active partition",
		[MBR_CODE_OTHER] = "unknown, so it may start something else",
	};

	return texts[code];
}

bool mbr_code_reads(const uint8_t *code, size_t length)
{
	static const uint8_t int_13h[] = {0xCD, 0x13};

	return memmem(code, length, int_13h, sizeof(int_13h)) != NULL;
}
