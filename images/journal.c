/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The restart pages at the start of a volume's journal ($LogFile), which say how it was left.
 *
 * Offsets are those of ntfs-3g's logfile.h; the values are what Windows writes.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/volume.h>

#include "volume.h"

#define PAGE_SIZE           4096u
#define PAGES               2u    /* the second is a copy of the first */
#define FIXUPS              0x1Eu /* a mark, then what it stands for at the end of each sector */
#define FIXUP_MARK          1u
#define RESTART_AREA        0x30u
#define CLIENT_ARRAY        0x40u /* from the restart area on */
#define CLIENT_SIZE         0xA0u
#define NO_CLIENT           0xFFFFu
#define VOLUME_IS_CLEAN     2u
#define LOG_RECORD_HEADER   0x30u
#define LOG_PAGE_DATA       0x40u
#define SEQUENCE_BITS_START 67u /* less the bits that the journal's size takes */

static unsigned bits_of(uint64_t size)
{
	unsigned bits = 0;

	for (; size > 0; size >>= 1)
		bits++;
	return bits;
}

static const uint8_t client_name[] = {'N', 0, 'T', 0, 'F', 0, 'S', 0};

static void put_restart_area(uint8_t *area, enum journal journal, uint64_t size)
{
	uint8_t *client = area + CLIENT_ARRAY;

	store_le16(area + 8, 1); /* clients */
	store_le16(area + 10, NO_CLIENT);
	store_le16(area + 14, journal == JOURNAL_OPEN ? 0 : VOLUME_IS_CLEAN);
	store_le32(area + 16, SEQUENCE_BITS_START - bits_of(size));
	store_le16(area + 20, CLIENT_ARRAY + CLIENT_SIZE);
	store_le16(area + 22, CLIENT_ARRAY);
	store_le64(area + 24, size);
	store_le16(area + 36, LOG_RECORD_HEADER);
	store_le16(area + 38, LOG_PAGE_DATA);
	store_le16(client + 16, NO_CLIENT);
	store_le16(client + 18, NO_CLIENT);
	store_le32(client + 28, sizeof(client_name));
	memcpy(client + 32, client_name, sizeof(client_name));
}

static void put_fixups(uint8_t *page)
{
	store_le16(page + FIXUPS, FIXUP_MARK);
	for (unsigned i = 1; i <= PAGE_SIZE / SECTOR_SIZE; i++) {
		uint8_t *end = page + i * SECTOR_SIZE - 2;

		memcpy(page + FIXUPS + 2 * i, end, 2);
		store_le16(end, FIXUP_MARK);
	}
}

static void make_page(uint8_t *page, enum journal journal, uint64_t size)
{
	memset(page, 0, PAGE_SIZE);
	memcpy(page, "RSTR", 4);
	store_le16(page + 4, FIXUPS);
	store_le16(page + 6, PAGE_SIZE / SECTOR_SIZE + 1);
	store_le32(page + 16, PAGE_SIZE); /* of the system, and of the journal */
	store_le32(page + 20, PAGE_SIZE);
	store_le16(page + 24, RESTART_AREA);
	store_le16(page + 26, journal == JOURNAL_FAST_STARTUP ? 0 : 1); /* version 2.0 or 1.1 */
	store_le16(page + 28, journal == JOURNAL_FAST_STARTUP ? 2 : 1);
	put_restart_area(page + RESTART_AREA, journal, size);
	put_fixups(page);
}

void journal_write(struct _ntfs_volume *volume, const struct partition *partition)
{
	ntfs_inode *inode = ntfs_inode_open(volume, FILE_LogFile);
	ntfs_attr *data = inode ? ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0) : NULL;
	uint8_t page[PAGE_SIZE];

	if (!data)
		die_at(partition->where, "cannot open the journal: %s", strerror(errno));
	make_page(page, partition->journal, (uint64_t)data->data_size);
	for (unsigned i = 0; i < PAGES; i++) {
		if (ntfs_attr_pwrite(data, i * PAGE_SIZE, PAGE_SIZE, page) != PAGE_SIZE)
			die_at(partition->where, "cannot write the journal: %s", strerror(errno));
	}
	ntfs_attr_close(data);
	if (ntfs_inode_close(inode))
		die_at(partition->where, "cannot close the journal: %s", strerror(errno));
}
