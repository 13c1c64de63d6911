/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume, implemented with libntfs-3g: mounting, looking up, listing.
 *
 * Two properties of the library shape this code.  First, if an inode is opened twice, there are two
 * copies of its record, and the last written copy wins.  So this code holds no folder open while it
 * writes or closes a file in the folder.  Second, the library updates the sizes and times in the
 * folder's index when it closes an inode.  So the closing is part of the writing, and its result
 * counts.
 */
#include "ntfs/volume-ntfs.h"

#include <unistd.h>

#include "disk/window.h"
#include "util/bytes.h"
#include "util/memory.h"
#include "util/utf16.h"

#define FREE_BITS    8192u      /* bits of $Bitmap that are often all 0 */
#define BITMAP_PIECE (1u << 19) /* bytes of $Bitmap read at a time; a long read for the cache */

/*
 * Returns whether the disk has failed since the volume was opened.  If so, sets *err.  The library
 * may report a failed disk as anything, such as a missing file or an unclean journal.
 */
static bool volume_disk_failed(const struct volume_ntfs *volume, struct bs_error *err)
{
	if (volume->device.error.code == BS_OK)
		return false;
	*err = volume->device.error;
	return true;
}

int ntfs_fail(struct volume_ntfs *volume, struct bs_error *err, const char *what)
{
	if (volume_disk_failed(volume, err))
		return -1;
	switch (errno) {
	case ENOSPC:
		return fail(err, BS_VOLUME_FULL, "%s: the volume is full", what);
	case ENOMEM:
		return fail_memory(err);
	default:
		/* On a volume that is only read, a failure means that the volume is damaged. */
		return fail_errno(err, volume->mode == VOLUME_READ ? BS_NTFS_DAMAGED : BS_NTFS,
				  "%s on the NTFS volume", what);
	}
}

int ntfs_name_from_utf8(struct volume_ntfs *volume, const char *text, ntfschar **name,
			struct bs_error *err)
{
	int length;

	*name = NULL;
	length = ntfs_mbstoucs(text, name);
	if (length < 0)
		return ntfs_fail(volume, err, "converting a name");
	if (length > NTFS_MAX_NAME_LEN) {
		free(*name);
		return fail(err, BS_NTFS, "too long a name");
	}
	return length;
}

void ntfs_name_to_utf8(const void *name, size_t length, char *text, size_t size)
{
	utf16_to_utf8(name, length * sizeof(ntfschar), text, size);
}

/* ---- mounting ------------------------------------------------------------------------------ */

/*
 * What $LogFile says.  A mount for writing makes the same test, but its errno tells little.  A
 * mount for reading makes no such test.
 */
static enum obstacle mount_check_journal(struct volume_ntfs *volume)
{
	RESTART_PAGE_HEADER *restart = NULL;
	ntfs_inode *inode = ntfs_inode_open(volume->ntfs, FILE_LogFile);
	ntfs_attr *data = inode ? ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0) : NULL;
	enum obstacle obstacle = OBSTACLE_NONE;

	if (!data || !ntfs_check_logfile(data, &restart) || !ntfs_is_logfile_clean(data, restart))
		obstacle = OBSTACLE_JOURNAL;
	else if (restart && le16_to_cpu(restart->major_ver) == 2 &&
		 le16_to_cpu(restart->minor_ver) == 0)
		/* Log version 2.0 means that Windows keeps metadata in its hibernation file. */
		obstacle = OBSTACLE_FAST_STARTUP;
	free(restart);
	ntfs_attr_close(data);
	if (inode)
		ntfs_inode_close(inode); /* only read, so the result does not matter */
	return obstacle;
}

/* Whether Windows can be resumed although the library does not notice: it knows only "hibr". */
static bool mount_can_resume(struct volume_ntfs *volume)
{
	struct bs_error ignored; /* the device keeps an error of the disk */
	char mark[4] = "";
	ntfs_inode *inode;
	ntfs_attr *data;

	if (ntfs_open_path(volume, "\\hiberfil.sys", &inode, NULL, &ignored) < 0 || !inode)
		return false;
	data = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);
	if (data && ntfs_attr_pread(data, 0, sizeof(mark), mark) != sizeof(mark))
		mark[0] = '\0';
	ntfs_attr_close(data);
	ntfs_inode_close(inode); /* only read */
	return obstacle_can_resume(mark);
}

static enum obstacle mount_find_obstacle(struct volume_ntfs *volume)
{
	enum obstacle obstacle;

	if (ntfs_volume_check_hiberfile(volume->ntfs, 0) < 0 || mount_can_resume(volume))
		return OBSTACLE_HIBERNATED;
	obstacle = mount_check_journal(volume);
	if (obstacle == OBSTACLE_NONE && (volume->ntfs->flags & VOLUME_IS_DIRTY))
		return OBSTACLE_MARKED;
	return obstacle;
}

/* Turns the errno of a failed mount into an error. */
static int mount_fail(const struct volume_ntfs *volume, struct bs_error *err)
{
	if (volume_disk_failed(volume, err))
		return -1;
	switch (errno) {
	case EPERM:
		return fail(err, BS_HIBERNATED, "Windows is hibernated on the volume");
	case EOPNOTSUPP:
		return fail(err, BS_UNCLEAN, "the volume's journal is not clean");
	case ENOMEM:
		return fail_memory(err);
	default:
		return fail(err, BS_NTFS_DAMAGED, "the NTFS volume is damaged");
	}
}

/*
 * Reads the sizes that ntfs_check_read() needs.  If the boot record makes no sense, this function
 * returns no error, because the library refuses such a volume.
 */
static int mount_read_geometry(struct ntfs_disk *device, struct bs_error *err)
{
	uint8_t sector[512];

	if (disk_size(device->disk) < sizeof(sector))
		return 0;
	if (disk_read(device->disk, 0, sector, sizeof(sector), err) < 0)
		return -1;
	if (!ntfs_geometry_read(sector, &device->geometry))
		device->geometry.clusters = 0;
	return 0;
}

/*
 * Receives the library's log and prints nothing.  The log reports every failed allocation.  Some
 * functions of the library do not report it to their caller.
 */
static int mount_receive_log(const char *function, const char *file, int line, u32 level,
			     void *data, const char *format, va_list arguments)
{
	(void)function;
	(void)file;
	(void)line;
	(void)level;
	(void)data;
	(void)format;
	(void)arguments;
	if (errno == ENOMEM)
		_exit(VOLUME_EXIT_NO_MEMORY);
	return 0;
}

static int mount_device(struct volume_ntfs *volume, struct bs_error *err)
{
	ntfs_mount_flags flags = volume->mode == VOLUME_READ ? NTFS_MNT_RDONLY : NTFS_MNT_NONE;
	struct ntfs_device *device;

	if (mount_read_geometry(&volume->device, err) < 0)
		return -1;
	ntfs_log_set_handler(mount_receive_log);
	device = ntfs_device_alloc("bootshift", 0, &ntfs_disk_operations, &volume->device);
	if (!device)
		return fail_memory(err);
	errno = 0;
	volume->ntfs = ntfs_device_mount(device, flags);
	if (volume->ntfs)
		return 0;
	mount_fail(volume, err);
	ntfs_device_free(device);
	return -1;
}

static void mount_free(struct volume_ntfs *volume)
{
	disk_close(volume->device.disk);
	free(volume);
}

int volume_ntfs_open(const struct volume_engine *engine, uint64_t start, uint64_t size,
		     enum volume_mode mode, struct volume **out, struct bs_error *err)
{
	struct volume_ntfs *volume = calloc(1, sizeof(*volume));

	if (!volume)
		return fail_memory(err);
	volume->volume.operations = &volume_ntfs_operations;
	volume->mode = mode;
	volume->device.disk = window_open(engine->disk, start, size, err);
	if (!volume->device.disk || mount_device(volume, err) < 0) {
		mount_free(volume);
		return -1;
	}
	ntfs_set_shown_files(volume->ntfs, TRUE, TRUE, FALSE);
	/* Boot code has to read new files.  So they are not compressed, even in a compressed
	 * folder. */
	NVolClearCompression(volume->ntfs);
	volume->obstacle = mount_find_obstacle(volume);
	if (volume_disk_failed(volume, err))
		goto close;
	if (mode == VOLUME_WRITE && volume->obstacle != OBSTACLE_NONE) {
		fail(err, obstacle_code(volume->obstacle), "%s", obstacle_text(volume->obstacle));
		goto close;
	}
	*out = &volume->volume;
	return 0;
close:
	volume_done(&volume->volume);
	return -1;
}

int volume_ntfs_close(struct volume *base, struct bs_error *err)
{
	struct volume_ntfs *volume = volume_ntfs(base);
	int result = 0;

	if (ntfs_umount(volume->ntfs, FALSE) < 0 && volume->mode == VOLUME_WRITE)
		result = ntfs_fail(volume, err, "unmounting");
	mount_free(volume);
	return result;
}

/* Counts the zeros among the first `bits` bits. */
static uint64_t bitmap_count_clear(const uint8_t *bytes, uint64_t bits)
{
	uint64_t clear = 0;

	/* Most of a large volume is free, and most other words are all 1. */
	while (bits >= 64) {
		bool is_free = bits >= FREE_BITS && all_zero(bytes, FREE_BITS / 8);
		uint64_t step = is_free ? FREE_BITS : 64, word = is_free ? 0 : load_le64(bytes);

		if (is_free)
			clear += FREE_BITS;
		else if (word != UINT64_MAX)
			clear += (unsigned)__builtin_popcountll(~word);
		bits -= step;
		bytes += step / 8;
	}
	for (uint64_t bit = 0; bit < bits; bit++)
		clear += !bit_is_set(bytes, bit);
	return clear;
}

/* The library would count byte by byte, and read a cluster at a time. */
static int volume_ntfs_count_free(struct volume_ntfs *volume, uint64_t *clusters,
				  struct bs_error *err)
{
	uint64_t all = (uint64_t)volume->ntfs->nr_clusters, counted = 0;
	uint8_t *piece = memory_large(BITMAP_PIECE);

	if (!piece)
		return fail_memory(err);
	*clusters = 0;
	while (counted < all) {
		uint64_t bits = min_u64(all - counted, BITMAP_PIECE * 8ull);
		size_t length = (size_t)(bits + 7) / 8;

		if (ntfs_read_unchecked(volume, volume->ntfs->lcnbmp_na, counted / 8, piece,
					length) != (s64)length)
			break;
		*clusters += bitmap_count_clear(piece, bits);
		counted += bits;
	}
	free(piece);
	return counted == all ? 0 : ntfs_fail(volume, err, "counting the free clusters");
}

int volume_ntfs_state(struct volume *base, struct volume_state *state, struct bs_error *err)
{
	struct volume_ntfs *volume = volume_ntfs(base);

	*state = (struct volume_state){
		.cluster_size = volume->ntfs->cluster_size,
		.obstacle = obstacle_code(volume->obstacle),
	};
	snprintf(state->label, sizeof(state->label), "%s",
		 volume->ntfs->vol_name ? volume->ntfs->vol_name : "");
	snprintf(state->obstacle_text, sizeof(state->obstacle_text), "%s",
		 obstacle_text(volume->obstacle));
	if (volume_ntfs_count_free(volume, &state->free, err) < 0)
		return -1;
	state->free *= state->cluster_size;
	return 0;
}

/* ---- looking up ---------------------------------------------------------------------------- */

#define NO_REFERENCE ((u64)-1)

/* Sets *reference to a folder's entry `name` (case ignored), or to NO_REFERENCE if none fits. */
static int lookup_name(struct volume_ntfs *volume, ntfs_inode *folder, const char *name,
		       u64 *reference, struct bs_error *err)
{
	ntfschar *wide;
	int length;

	*reference = NO_REFERENCE;
	if (!(folder->mrec->flags & MFT_RECORD_IS_DIRECTORY))
		return 0;
	length = ntfs_name_from_utf8(volume, name, &wide, err);
	if (length < 0) /* an invalid name: no file can have it */
		return err->code == BS_NTFS ? 0 : -1;
	/* The index's order ignores case.  So this lookup is a search in the tree, not a scan. */
	NVolClearCaseSensitive(volume->ntfs);
	errno = 0;
	*reference = ntfs_inode_lookup_by_name(folder, wide, length);
	NVolSetCaseSensitive(volume->ntfs);
	free(wide);
	if (*reference == NO_REFERENCE && errno != ENOENT)
		return ntfs_fail(volume, err, "looking up a name");
	return volume_disk_failed(volume, err) ? -1 : 0;
}

int ntfs_open_path(struct volume_ntfs *volume, const char *path, ntfs_inode **inode, u64 *folder,
		   struct bs_error *err)
{
	char part[VOLUME_NAME_MAX];
	u64 reference = FILE_root;

	if (folder)
		*folder = FILE_root;
	*inode = ntfs_inode_open(volume->ntfs, FILE_root);
	while (*inode && *path != '\0') {
		size_t length;
		int result = 0;

		path += *path == '\\';
		length = strcspn(path, "\\");
		if (length == 0)
			continue;
		if (folder)
			*folder = reference;
		if (length < sizeof(part)) {
			snprintf(part, sizeof(part), "%.*s", (int)length, path);
			result = lookup_name(volume, *inode, part, &reference, err);
		} else {
			reference = NO_REFERENCE; /* longer than any name */
		}
		path += length;
		ntfs_inode_close(*inode); /* only read */
		*inode = NULL;
		if (result < 0 || reference == NO_REFERENCE)
			return result;
		*inode = ntfs_inode_open(volume->ntfs, reference);
	}
	return *inode ? 0 : ntfs_fail(volume, err, "opening a file");
}

int volume_ntfs_open_file(struct volume *base, const char *path, struct volume_file **out,
			  struct bs_error *err)
{
	struct volume_ntfs *volume = volume_ntfs(base);
	const char *name = strrchr(path, '\\');
	struct volume_ntfs_file *file;
	ntfs_inode *inode;
	u64 folder;

	if (ntfs_open_path(volume, path, &inode, &folder, err) < 0)
		return -1;
	if (!inode)
		return 0;
	file = calloc(1, sizeof(*file));
	if (!file) {
		ntfs_inode_close(inode);
		return fail_memory(err);
	}
	file->file.operations = base->operations;
	file->volume = volume;
	file->inode = inode;
	file->folder = folder;
	snprintf(file->name, sizeof(file->name), "%s", name ? name + 1 : path);
	*out = &file->file;
	return 0;
}

DEFINE_VECTOR(entry_vector, struct volume_entry);

/* ntfs_readdir() calls this for each entry of a folder. */
static int list_add_entry(void *context, const ntfschar *name, const int length, const int type,
			  const s64 position, const MFT_REF reference, const unsigned dt_type)
{
	struct entry_vector *entries = context;
	struct volume_entry *entry;
	struct bs_error ignored;

	(void)position;
	(void)dt_type;
	if (type == FILE_NAME_DOS || MREF(reference) < FILE_first_user)
		return 0;
	entry = entry_vector_add(entries, &ignored);
	if (!entry) {
		errno = ENOMEM;
		return -1;
	}
	ntfs_name_to_utf8(name, (size_t)length, entry->name, sizeof(entry->name));
	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		entries->count--;
	return 0;
}

int volume_ntfs_list(struct volume_file *base, struct volume_entry **entries, size_t *count,
		     struct bs_error *err)
{
	struct volume_ntfs_file *folder = volume_ntfs_file(base);
	struct entry_vector list = {0};
	s64 position = 0;
	int result = 0;

	if (ntfs_readdir(folder->inode, &position, &list, list_add_entry) < 0) {
		result = ntfs_fail(folder->volume, err, "reading a folder");
		entry_vector_free(&list);
	}
	*entries = list.items;
	*count = list.count;
	return result;
}
