/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The functions that make up the engine over libntfs-3g. */
#include "ntfs/ntfs-engine.h"

#include "ntfs/volume-ntfs.h"

static const struct volume_writing ntfs_writing = {
	.set_attributes = volume_ntfs_set_attributes,
	.set_times = volume_ntfs_set_times,
	.set_security = volume_ntfs_set_security,
	.set_extended_attributes = volume_ntfs_set_extended_attributes,
	.write = volume_ntfs_write,
	.create = volume_ntfs_create,
	.set_names = volume_ntfs_set_names,
	.remove = volume_ntfs_remove,
};

static const struct volume_internals ntfs_internals = {
	.add_clusters = volume_ntfs_add_clusters,
	.check_clusters = volume_ntfs_check_clusters,
	.record_number = volume_ntfs_record_number,
	.check_indexes = volume_ntfs_check_indexes,
	.prove_free = volume_ntfs_prove_free,
	.locate = volume_ntfs_locate,
	.locate_record = volume_ntfs_locate_record,
};

const struct volume_operations volume_ntfs_operations = {
	.close = volume_ntfs_close,
	.state = volume_ntfs_state,
	.open_file = volume_ntfs_open_file,
	.close_file = volume_ntfs_close_file,
	.stat = volume_ntfs_stat,
	.security = volume_ntfs_security,
	.extended_attributes = volume_ntfs_extended_attributes,
	.streams = volume_ntfs_streams,
	.read = volume_ntfs_read,
	.list = volume_ntfs_list,
	.writing = &ntfs_writing,
	.internals = &ntfs_internals,
};

struct volume_engine volume_ntfs_engine(struct disk *disk)
{
	return (struct volume_engine){.disk = disk, .open = volume_ntfs_open};
}
