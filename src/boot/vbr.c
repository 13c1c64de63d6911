/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot/vbr.h"

#include "util/bytes.h"

#define BPB_START 0x0Bu /* after the jump and the OEM name */
#define BPB_END   0x54u
#define SIGNATURE 0x1FEu
#define SERIAL    0x48u /* eight bytes */

/* Code that starts bootmgr fills 8 sectors: 0x1028 bytes in Windows Vista and 7, 0x130A in 10. */
#define FULL_SECTORS 8u

#define CLUSTER_SIZE_MAX 65536u /* bytes; Windows 10 makes larger clusters, for data volumes */

/*
 * Returns whether the boot code contains a loader's name: the length, then the name in UTF-16.  The
 * parameters of the volume are no code: vbr_transplant() does not take them from the donor.
 */
static bool vbr_names_loader(const uint8_t *record, const char *name)
{
	size_t length = strlen(name);
	uint8_t needle[2 + 2 * 16] = {0};

	needle[0] = (uint8_t)length;
	for (size_t i = 0; i < length; i++)
		needle[2 + 2 * i] = (uint8_t)name[i];
	return memmem(record + BPB_END, VBR_SIZE - BPB_END, needle, 2 + 2 * length);
}

/* The MBR loads only the first sector.  This sector has to jump to its code and load the rest. */
static bool vbr_loads_rest(const uint8_t *record)
{
	static const uint8_t jump[] = {0xEB, BPB_END - 2, 0x90};

	return memcmp(record, jump, sizeof(jump)) == 0 &&
	       mbr_code_reads(record + BPB_END, SIGNATURE - BPB_END);
}

static bool vbr_has_empty_sector(const uint8_t *record)
{
	for (size_t i = 1; i < FULL_SECTORS; i++)
		if (all_zero(record + i * SECTOR_SIZE, SECTOR_SIZE))
			return true;
	return false;
}

/*
 * The loader's name is no sufficient proof of good code: another program may have overwritten the
 * first sector, or later sectors may be lost.  Code that starts bootmgr contains both names,
 * because it can also start ntldr.
 */
static enum vbr_kind vbr_ntfs_kind(const uint8_t *record)
{
	if (!vbr_loads_rest(record))
		return VBR_OTHER;
	if (vbr_names_loader(record, "BOOTMGR"))
		return vbr_has_empty_sector(record) ? VBR_OTHER : VBR_BOOTMGR;
	return vbr_names_loader(record, "NTLDR") ? VBR_NTLDR : VBR_OTHER;
}

/* The sectors in a cluster.  A byte above 0x80 is a negative exponent of two (Windows 10). */
static uint64_t vbr_cluster_sectors(uint8_t byte)
{
	if (byte <= 0x80)
		return byte;
	return byte >= 0xF0 ? 1ull << (0x100 - byte) : 0;
}

static bool vbr_is_ntfs(const uint8_t *sector)
{
	return memcmp(sector + 3, "NTFS    ", 8) == 0 && sector[SIGNATURE] == 0x55 &&
	       sector[SIGNATURE + 1] == 0xAA;
}

/* ---- FAT ----------------------------------------------------------------------------------- */

static bool vbr_is_fat32(const uint8_t *record)
{
	return memcmp(record + 0x52, "FAT32", 5) == 0;
}

bool vbr_is_fat(enum vbr_kind kind)
{
	return kind == VBR_FAT_BOOTMGR || kind == VBR_FAT_OTHER;
}

/*
 * Windows and Linux set bit 0 of the byte behind the drive number while they use the volume.
 * (ReactOS, drivers/filesystems/fastfat, FAT_BOOT_SECTOR_DIRTY; Linux, FAT_STATE_DIRTY.)
 */
static bool vbr_fat_is_dirty(const uint8_t *record)
{
	return record[vbr_is_fat32(record) ? 0x41 : 0x25] & 1;
}

static void vbr_parse_fat(const uint8_t *record, struct vbr *vbr)
{
	bool starts_bootmgr = record[SIGNATURE] == 0x55 && record[SIGNATURE + 1] == 0xAA &&
			      memmem(record, SECTOR_SIZE, "BOOTMGR    ", 11);
	uint64_t reserved = load_le16(record + 0x0E);
	uint64_t table = load_le16(record + 0x16); /* sectors of one file allocation table */

	if (table == 0)
		table = load_le32(record + 0x24);
	vbr->kind = starts_bootmgr ? VBR_FAT_BOOTMGR : VBR_FAT_OTHER;
	vbr->bytes_per_sector = load_le16(record + 0x0B);
	vbr->cluster_size = (uint64_t)record[0x0D] * vbr->bytes_per_sector;
	vbr->hidden_sectors = load_le32(record + VBR_HIDDEN_SECTORS_OFFSET);
	vbr->sectors = load_le16(record + 0x13);
	if (vbr->sectors == 0)
		vbr->sectors = load_le32(record + 0x20);
	vbr->is_dirty = vbr_fat_is_dirty(record);
	vbr->fat_end = (reserved + table) * vbr->bytes_per_sector;
}

/* ---- all kinds ----------------------------------------------------------------------------- */

void vbr_parse(const uint8_t *record, struct vbr *vbr)
{
	*vbr = (struct vbr){.kind = VBR_NOT_NTFS};
	if (memcmp(record + 3, "-FVE-FS-", 8) == 0) {
		vbr->kind = VBR_BITLOCKER;
		return;
	}
	if (!vbr_is_ntfs(record)) {
		if (vbr_is_fat32(record) || memcmp(record + 0x36, "FAT", 3) == 0)
			vbr_parse_fat(record, vbr);
		return;
	}
	vbr->kind = vbr_ntfs_kind(record);
	vbr->bytes_per_sector = load_le16(record + 0x0B);
	vbr->cluster_size = vbr_cluster_sectors(record[0x0D]) * vbr->bytes_per_sector;
	vbr->hidden_sectors = load_le32(record + VBR_HIDDEN_SECTORS_OFFSET);
	vbr->sectors = load_le64(record + 0x28);
}

void vbr_transplant(uint8_t *record, const uint8_t *donor, uint32_t hidden_sectors)
{
	uint8_t own[BPB_END - BPB_START];

	memcpy(own, record + BPB_START, sizeof(own));
	memmove(record, donor, VBR_SIZE); /* `donor` may be `record` */
	memcpy(record + BPB_START, own, sizeof(own));
	store_le32(record + VBR_HIDDEN_SECTORS_OFFSET, hidden_sectors);
}

size_t vbr_copy_offsets(const struct vbr *vbr, uint64_t size, uint64_t offsets[VBR_COPIES_MAX])
{
	uint64_t last = size - SECTOR_SIZE;
	size_t count = 0;

	if (vbr->sectors != 0 && vbr->sectors < last / SECTOR_SIZE)
		offsets[count++] = vbr->sectors * SECTOR_SIZE;
	offsets[count++] = last;
	return count;
}

bool vbr_is_copy(const uint8_t *sector, const uint8_t *first)
{
	return vbr_is_ntfs(sector) && memcmp(sector + SERIAL, first + SERIAL, 8) == 0;
}

const char *vbr_kind_text(enum vbr_kind kind)
{
	static const char *const texts[] = {
		[VBR_NOT_NTFS] = "not NTFS",
		[VBR_BITLOCKER] = "BitLocker",
		[VBR_BOOTMGR] = "NTFS, starts bootmgr",
		[VBR_NTLDR] = "NTFS, starts ntldr (Windows XP)",
		[VBR_OTHER] = "NTFS, without complete boot code of Windows",
		[VBR_FAT_BOOTMGR] = "FAT, starts bootmgr",
		[VBR_FAT_OTHER] = "FAT, without boot code that starts bootmgr",
	};

	return texts[kind];
}

const char *vbr_sector_misfit(const struct vbr *vbr)
{
	return vbr->bytes_per_sector != SECTOR_SIZE
		       ? "sectors of another size than the disk's 512 bytes"
		       : NULL;
}

const char *vbr_misfit(const struct vbr *vbr)
{
	const char *misfit = vbr_sector_misfit(vbr);

	if (!misfit && (vbr->cluster_size == 0 || vbr->cluster_size > CLUSTER_SIZE_MAX))
		misfit = "clusters that boot code cannot read";
	return misfit;
}
