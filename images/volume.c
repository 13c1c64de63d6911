/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes NTFS volumes that look as if Windows had written them: mkntfs formats, libntfs-3g writes.
 *
 * Three things that libntfs-3g does differently from Windows unless told otherwise:
 * - a new file gets a descriptor of its own that lets everyone in, unless it is created with the
 *   number of one in $Secure.  So every entry is created with its folder's number, and then given
 *   its own.
 * - a new name is in the POSIX namespace until it has a DOS name.
 * - sizes and times reach the folder's index when the file is closed, and giving a DOS name makes
 *   new names, so times are set in a pass of their own when all else is done.
 */
#include "volume.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/ea.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/lcnalloc.h>
#include <ntfs-3g/reparse.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/types.h>
#include <ntfs-3g/volume.h>

#include "content.h"
#include "short-name.h"

struct writer {
	const struct recipe *recipe;
	const struct partition *partition;
	ntfs_volume *volume;
	struct SECURITY_CONTEXT security;
};

/* 2009-07-14 04:53:55 UTC, a Windows 7 installation's first minutes. */
#define CLOCK_STANDS_AT 1247547235

/*
 * Takes the place of the C library's function for libntfs-3g as well, which puts the time of
 * writing into names and system files: the same recipe has to give the same bytes.
 */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	*now = (struct timespec){.tv_sec = CLOCK_STANDS_AT};
	return 0;
}

uint64_t volume_size(const struct partition *partition)
{
	return partition->volume_size != UINT64_MAX ? partition->volume_size : partition->size;
}

static void format(const struct partition *partition, const char *path)
{
	uint64_t first = partition->start / partition->sector_size;
	char *start = format_text("%llu", (unsigned long long)first);
	char *sector = format_text("%llu", (unsigned long long)partition->sector_size);
	char *cluster = format_text("%llu", (unsigned long long)partition->cluster_size);
	char *count = format_text(
		"%llu", (unsigned long long)(volume_size(partition) / partition->sector_size));
	char *const arguments[] = {(char[]){"mkntfs"},
				   (char[]){"-FQTq"},
				   (char[]){"-p"},
				   start,
				   (char[]){"-H"},
				   (char[]){"255"},
				   (char[]){"-S"},
				   (char[]){"63"},
				   (char[]){"-s"},
				   sector,
				   (char[]){"-c"},
				   cluster,
				   (char[]){"-L"},
				   partition->label,
				   (char *)path,
				   count,
				   NULL};

	run(arguments, "");
	free(start);
	free(sector);
	free(cluster);
	free(count);
}

static _Noreturn void die_entry(const struct entry *entry, const char *what)
{
	die_at(entry->where, "%s: %s: cannot %s: %s", entry->partition->name, entry->path, what,
	       strerror(errno));
}

static ntfs_inode *open_path(struct writer *writer, const struct entry *entry, size_t length)
{
	char *path = copy_text(entry->path, length);
	ntfs_inode *inode;

	for (char *c = path; *c; c++) {
		if (*c == '\\')
			*c = '/';
	}
	inode = ntfs_pathname_to_inode(writer->volume, NULL, length > 0 ? path : "/");
	if (!inode)
		die_entry(entry, "open");
	free(path);
	return inode;
}

static ntfs_inode *open_entry(struct writer *writer, const struct entry *entry)
{
	return open_path(writer, entry, strlen(entry->path));
}

static ntfs_inode *open_folder_of(struct writer *writer, const struct entry *entry)
{
	return open_path(writer, entry, (size_t)(path_name(entry->path) - entry->path) - 1);
}

static bool is_root(const struct entry *entry)
{
	return strcmp(entry->path, "\\") == 0;
}

static ntfs_inode *create_entry(struct writer *writer, const struct entry *entry)
{
	ntfs_inode *folder = open_folder_of(writer, entry), *inode;
	struct bytes name = {0};

	append_utf16(&name, path_name(entry->path));
	inode = ntfs_create(folder, folder->security_id, (const ntfschar *)(void *)name.data,
			    (u8)(name.length / 2), entry->kind == ENTRY_FOLDER ? S_IFDIR : S_IFREG);
	if (!inode)
		die_entry(entry, "create");
	if (ntfs_inode_close(folder))
		die_entry(entry, "close the folder");
	free(name.data);
	return inode;
}

static void set_security(struct writer *writer, const struct entry *entry, ntfs_inode *inode)
{
	const struct bytes *descriptor = &entry->descriptor->bytes;

	if (ntfs_set_ntfs_acl(&writer->security, inode, (const char *)descriptor->data,
			      descriptor->length, 0))
		die_entry(entry, "set the descriptor");
}

/*
 * Before there is content, because "compressed" says how it is written.  libntfs-3g changes that
 * attribute of folders only, and lets files inherit it.
 */
static void set_attributes(const struct entry *entry, ntfs_inode *inode)
{
	FILE_ATTR_FLAGS attributes = cpu_to_le32(entry->attributes);

	if (ntfs_set_ntfs_attrib(inode, (const char *)&entry->attributes, sizeof entry->attributes,
				 0))
		die_entry(entry, "set the attributes");
	if (entry->kind == ENTRY_FILE)
		inode->flags = (inode->flags & ~FILE_ATTR_COMPRESSED) |
			       (attributes & FILE_ATTR_COMPRESSED);
	inode->flags |= attributes & FILE_ATTR_ENCRYPTED;
}

/* Behind the content, because a reparse point hides it. */
static void set_extras(const struct entry *entry, ntfs_inode *inode)
{
	const struct bytes *attributes = &entry->extended_attributes;
	const struct bytes *reparse_point = &entry->reparse_point;

	if (attributes->length > 0 &&
	    ntfs_set_ntfs_ea(inode, (const char *)attributes->data, attributes->length, 0))
		die_entry(entry, "set the extended attribute");
	if (reparse_point->length > 0 &&
	    ntfs_set_ntfs_reparse_data(inode, (const char *)reparse_point->data,
				       reparse_point->length, 0))
		die_entry(entry, "set the reparse point");
}

/* Takes clusters behind the last one of the attribute, which goes on elsewhere then. */
static runlist_element *take_next_clusters(const struct entry *entry, ntfs_attr *data, s64 count)
{
	s64 last = (data->allocated_size >> data->ni->vol->cluster_size_bits) - 1;
	LCN lcn = ntfs_attr_vcn_to_lcn(data, last);
	runlist_element *taken = NULL;

	if (lcn >= 0)
		taken = ntfs_cluster_alloc(data->ni->vol, 0, count, lcn + 1, DATA_ZONE);
	if (!taken)
		die_entry(entry, "break the content into pieces");
	return taken;
}

static void free_taken(const struct entry *entry, ntfs_volume *volume, runlist_element **taken,
		       uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (ntfs_cluster_free_from_rl(volume, taken[i]))
			die_entry(entry, "free what was between the pieces");
		free(taken[i]);
	}
	free(taken);
}

static void write_pieces(const struct entry *entry, ntfs_attr *data, const struct bytes *bytes)
{
	uint64_t count = entry->content.fragments > 1 ? entry->content.fragments : 1;
	uint64_t piece = bytes->length / count;
	runlist_element **taken = allocate(count * sizeof *taken);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = i * piece, length = i + 1 < count ? piece : bytes->length - at;

		if (length > 0 &&
		    ntfs_attr_pwrite(data, (s64)at, (s64)length, bytes->data + at) != (s64)length)
			die_entry(entry, "write");
		if (i + 1 < count)
			taken[i] = take_next_clusters(entry, data, 1);
	}
	free_taken(entry, data->ni->vol, taken, count - 1);
}

/* The head is written, and what comes behind it is a hole. */
static void write_sparsely(const struct entry *entry, ntfs_attr *data, const struct bytes *bytes)
{
	size_t head = entry->content.head.length;

	if (ntfs_attr_pwrite(data, 0, (s64)head, bytes->data) != (s64)head ||
	    ntfs_attr_truncate(data, (s64)bytes->length))
		die_entry(entry, "write");
}

static void write_data(struct writer *writer, const struct entry *entry, ntfs_inode *inode,
		       ntfs_attr *data)
{
	struct bytes bytes;

	content_make(writer->recipe, entry, &bytes);
	if (entry->attributes & le32_to_cpu(FILE_ATTR_SPARSE_FILE))
		write_sparsely(entry, data, &bytes);
	else
		write_pieces(entry, data, &bytes);
	if (NAttrCompressed(data) && ntfs_attr_pclose(data))
		die_entry(entry, "finish the compression");
	NInoFileNameSetDirty(inode);
	free(bytes.data);
}

/*
 * Makes the file longer until only so many clusters are free; they are not written.  The allocator
 * gives up on a zone in which it has not found enough at once, so it is asked for less and less,
 * and made to look everywhere again.
 */
static void take_until(struct writer *writer, const struct entry *entry, ntfs_attr *data, s64 leave)
{
	ntfs_volume *volume = writer->volume;
	s64 chunk = volume->free_clusters - leave;

	while (volume->free_clusters > leave) {
		if (chunk > volume->free_clusters - leave)
			chunk = volume->free_clusters - leave;
		volume->full_zones = 0;
		if (ntfs_attr_truncate_solid(data, data->allocated_size +
							   chunk * (s64)volume->cluster_size)) {
			chunk /= 2;
			if (chunk == 0)
				die_entry(entry, "take the room");
		}
	}
}

/*
 * Takes all room of the volume but what is to be left free.  That is in as many pieces as the file,
 * and about evenly between them.
 */
static void take_room(struct writer *writer, const struct entry *entry, ntfs_attr *data)
{
	ntfs_volume *volume = writer->volume;
	s64 leave = (s64)(entry->content.free / volume->cluster_size);
	s64 pieces = entry->content.fragments > 1 ? (s64)entry->content.fragments : 1;
	runlist_element **taken = allocate((size_t)pieces * sizeof *taken);
	s64 gap = leave / pieces, step;

	if (ntfs_volume_get_free_space(volume))
		die_entry(entry, "count the free clusters");
	if (volume->free_clusters < leave)
		die_at(entry->where, "only %lld clusters are free",
		       (long long)volume->free_clusters);
	step = (volume->free_clusters - leave) / pieces;
	for (s64 i = 0; i + 1 < pieces; i++) {
		take_until(writer, entry, data, volume->free_clusters - step);
		taken[i] = take_next_clusters(entry, data, gap);
	}
	take_until(writer, entry, data, leave - (pieces - 1) * gap);
	free_taken(entry, volume, taken, (uint64_t)pieces - 1);
}

static void write_content(struct writer *writer, const struct entry *entry, ntfs_inode *inode)
{
	ntfs_attr *data = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);

	if (!data)
		die_entry(entry, "open the content");
	if (entry->content.free != UINT64_MAX)
		take_room(writer, entry, data);
	else
		write_data(writer, entry, inode, data);
	ntfs_attr_close(data);
}

static void add_stream(struct writer *writer, const struct entry *entry)
{
	ntfs_inode *inode = open_entry(writer, entry);
	struct bytes name = {0};
	ntfs_attr *data;
	ntfschar *stream;
	u32 length;

	append_utf16(&name, entry->stream);
	stream = (ntfschar *)(void *)name.data;
	length = (u32)(name.length / 2);
	if (ntfs_attr_add(inode, AT_DATA, stream, (u8)length, NULL, 0))
		die_entry(entry, "add the stream");
	data = ntfs_attr_open(inode, AT_DATA, stream, length);
	if (!data)
		die_entry(entry, "open the stream");
	write_data(writer, entry, inode, data);
	ntfs_attr_close(data);
	if (ntfs_inode_close(inode))
		die_entry(entry, "close");
	free(name.data);
}

/*
 * The file has to be opened before its folder: on the way to the file the folder is opened, too,
 * and when two are open, libntfs-3g keeps the one that is closed first, without the new name.
 */
static void set_short_name(struct writer *writer, const struct entry *entry)
{
	char *name = short_name(writer->recipe, entry);
	ntfs_inode *inode, *folder;

	if (!name)
		return;
	inode = open_entry(writer, entry);
	folder = open_folder_of(writer, entry);
	/* This closes both, whatever happens. */
	if (ntfs_set_ntfs_dos_name(inode, folder, name, strlen(name), 0))
		die_entry(entry, "set the short name");
	free(name);
}

static void write_entry(struct writer *writer, const struct entry *entry)
{
	ntfs_inode *inode;

	if (entry->kind == ENTRY_STREAM) {
		add_stream(writer, entry);
		return;
	}
	inode = is_root(entry) ? open_entry(writer, entry) : create_entry(writer, entry);
	set_security(writer, entry, inode);
	set_attributes(entry, inode);
	if (entry->kind == ENTRY_FILE)
		write_content(writer, entry, inode);
	set_extras(entry, inode);
	if (ntfs_inode_close(inode))
		die_entry(entry, "close");
	if (!is_root(entry))
		set_short_name(writer, entry);
}

static void set_times(struct writer *writer, const struct entry *entry)
{
	ntfs_inode *inode = open_entry(writer, entry);

	inode->creation_time = cpu_to_le64(entry->times[0]);
	inode->last_data_change_time = cpu_to_le64(entry->times[1]);
	inode->last_mft_change_time = cpu_to_le64(entry->times[2]);
	inode->last_access_time = cpu_to_le64(entry->times[3]);
	NInoFileNameSetDirty(inode);
	ntfs_inode_mark_dirty(inode);
	if (ntfs_inode_close(inode))
		die_entry(entry, "set the times");
}

static void write_entries(struct writer *writer)
{
	const struct entries *entries = &writer->recipe->entries;
	const struct entry *entry;

	/* What takes the rest of the room comes last. */
	for (int fills = 0; fills <= 1; fills++) {
		TAILQ_FOREACH(entry, entries, next)
		{
			if (entry->partition == writer->partition &&
			    (entry->content.free != UINT64_MAX) == fills)
				write_entry(writer, entry);
		}
	}
	TAILQ_FOREACH(entry, entries, next)
	{
		if (entry->partition == writer->partition && entry->kind != ENTRY_STREAM)
			set_times(writer, entry);
	}
}

static void write_volume(const struct recipe *recipe, const struct partition *partition,
			 const char *path)
{
	struct writer writer = {.recipe = recipe, .partition = partition};

	writer.volume = ntfs_mount(path, NTFS_MNT_NONE);
	if (!writer.volume)
		die_at(partition->where, "cannot mount the volume: %s", strerror(errno));
	NVolSetCompression(writer.volume); /* or "compressed" would be ignored */
	writer.security.vol = writer.volume;
	write_entries(&writer);
	if (partition->unclean &&
	    ntfs_volume_write_flags(writer.volume, writer.volume->flags | VOLUME_IS_DIRTY))
		die_at(partition->where, "cannot set the dirty flag: %s", strerror(errno));
	if (partition->journal != JOURNAL_EMPTY)
		journal_write(writer.volume, partition);
	if (ntfs_umount(writer.volume, FALSE))
		die_at(partition->where, "cannot unmount the volume: %s", strerror(errno));
}

int volume_make(const struct recipe *recipe, const struct partition *partition)
{
	int fd = memory_file(partition->name, partition->size);
	char *path = descriptor_path(fd);

	format(partition, path);
	write_volume(recipe, partition, path);
	boot_record_write(partition, fd);
	free(path);
	return fd;
}
