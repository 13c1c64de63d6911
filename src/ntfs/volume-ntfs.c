/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume over libntfs-3g: mounting, looking up, listing.
 *
 * Two things of the library shape this code.  Opening one inode twice gives two copies of its
 * record, of which the one written last wins: so no folder is held open while something in it is
 * written or closed.  And the sizes and the times in a folder's index are brought up to date when
 * an inode is closed, so closing is part of writing and its result counts.
 */
#include "ntfs/volume-ntfs.h"

#include <unistd.h>

#include "util/bytes.h"
#include "util/utf16.h"

/*
 * True, and says why, when the disk below has failed since the volume was opened.  The library may
 * make anything of that: a file that is not there, or a journal that is not clean.
 */
static bool disk_failed(const struct volume *volume, struct bs_error *err)
{
	if (volume->device.error.code == BS_OK)
		return false;
	*err = volume->device.error;
	return true;
}

int ntfs_fail(struct volume *volume, struct bs_error *err, const char *what)
{
	if (disk_failed(volume, err))
		return -1;
	switch (errno) {
	case ENOSPC:
		return fail(err, BS_VOLUME_FULL, "%s: the volume is full", what);
	case ENOMEM:
		return fail(err, BS_NO_MEMORY, "%s: out of memory", what);
	default:
		/* What can fail where nothing is written is the volume. */
		return fail_errno(err, volume->mode == VOLUME_READ ? BS_NTFS_DAMAGED : BS_NTFS,
				  "%s on the NTFS volume", what);
	}
}

int ntfs_name_from_utf8(struct volume *volume, const char *text, ntfschar **name,
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

bool volume_join(char path[BS_PATH_MAX], const char *folder, const char *name)
{
	const char *separator = strcmp(folder, "\\") == 0 ? "" : "\\";

	return snprintf(path, BS_PATH_MAX, "%s%s%s", folder, separator, name) < (int)BS_PATH_MAX;
}

/* ---- mounting ------------------------------------------------------------------------------ */

/* Whether $LogFile says that the volume was left clean.  The same test that a writable mount
 * makes, which ends in an errno that tells little; made here also for volumes only read. */
static void check_log_file(struct volume *volume)
{
	RESTART_PAGE_HEADER *restart = NULL;
	ntfs_inode *inode = ntfs_inode_open(volume->ntfs, FILE_LogFile);
	ntfs_attr *data = inode != NULL ? ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0) : NULL;

	if (data == NULL || !ntfs_check_logfile(data, &restart) ||
	    !ntfs_is_logfile_clean(data, restart)) {
		volume->obstacle = BS_UNCLEAN;
		volume->obstacle_text = "its journal holds changes that are not on the volume yet";
	} else if (restart != NULL && le16_to_cpu(restart->major_ver) == 2 &&
		   le16_to_cpu(restart->minor_ver) == 0) {
		/*
		 * Log version 2.0 while unmounted: Windows keeps metadata in its hibernation file.
		 */
		volume->obstacle = BS_HIBERNATED;
		volume->obstacle_text = "Windows was shut down with Fast Startup";
	}
	free(restart);
	if (data != NULL)
		ntfs_attr_close(data);
	if (inode != NULL)
		ntfs_inode_close(inode); /* only read: nothing can be lost */
}

/*
 * Whether a hiberfil.sys that the library takes for an ended one holds a Windows that goes on all
 * the same.  What it begins with, after Comae's Hibr2Bin and libhibr's specification: "hibr", which
 * the library knows; "rstr", a resume that did not come to its end; "brkp", one stopped by a
 * debugger; "horm", resumed from again and again; "link", the file lies elsewhere.  An ended one
 * has "wake", a new one zeros.
 */
static bool goes_on(struct volume *volume)
{
	static const char *const marks[] = {"rstr", "brkp", "horm", "link"};
	struct bs_error ignored; /* one of the disk stays in the device */
	char mark[5] = "";
	ntfs_inode *inode;
	ntfs_attr *data;

	if (ntfs_open_path(volume, "\\hiberfil.sys", &inode, NULL, &ignored) < 0 || inode == NULL)
		return false;
	data = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);
	if (data != NULL) {
		if (ntfs_attr_pread(data, 0, sizeof(mark) - 1, mark) != sizeof(mark) - 1)
			mark[0] = '\0';
		ntfs_attr_close(data);
	}
	ntfs_inode_close(inode); /* only read */
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcasecmp(mark, marks[i]) == 0)
			return true;
	return false;
}

static void look_for_obstacles(struct volume *volume)
{
	volume->obstacle = BS_OK;
	volume->obstacle_text = "";
	if (ntfs_volume_check_hiberfile(volume->ntfs, 0) < 0 || goes_on(volume)) {
		volume->obstacle = BS_HIBERNATED;
		volume->obstacle_text = "Windows is hibernated on it";
		return;
	}
	check_log_file(volume);
	if (volume->obstacle == BS_OK && (volume->ntfs->flags & VOLUME_IS_DIRTY)) {
		volume->obstacle = BS_UNCLEAN;
		volume->obstacle_text = "it is marked to be checked by chkdsk";
	}
}

static int mount_failed(const struct volume *volume, struct bs_error *err)
{
	if (disk_failed(volume, err))
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

/* Reads what the metadata is checked against.  A boot record that makes no sense is left to the
 * library, which refuses it. */
static int read_geometry(struct ntfs_disk *device, struct bs_error *err)
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
 * The library's log, which only cli/ may print.  It tells there of every failed allocation, though
 * not always to its caller.
 */
static int hear_log(const char *function, const char *file, int line, u32 level, void *data,
		    const char *format, va_list arguments)
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

int volume_open(struct disk *partition, enum volume_mode mode, struct volume **out,
		struct bs_error *err)
{
	struct volume *volume = calloc(1, sizeof(*volume));
	struct ntfs_device *device;
	ntfs_mount_flags flags = mode == VOLUME_READ ? NTFS_MNT_RDONLY : NTFS_MNT_NONE;

	*out = NULL;
	if (volume == NULL)
		return fail_memory(err);
	ntfs_log_set_handler(hear_log);
	volume->device.disk = partition;
	volume->mode = mode;
	if (read_geometry(&volume->device, err) < 0) {
		free(volume);
		return -1;
	}
	device = ntfs_device_alloc("bootshift", 0, &ntfs_disk_operations, &volume->device);
	if (device == NULL) {
		free(volume);
		return fail_memory(err);
	}
	errno = 0;
	volume->ntfs = ntfs_device_mount(device, flags);
	if (volume->ntfs == NULL) {
		mount_failed(volume, err);
		ntfs_device_free(device);
		free(volume);
		return -1;
	}
	ntfs_set_shown_files(volume->ntfs, TRUE, TRUE, FALSE);
	/* What is made here has to boot: never compressed, even in a compressed folder. */
	NVolClearCompression(volume->ntfs);
	look_for_obstacles(volume);
	if (disk_failed(volume, err))
		goto close;
	if (mode == VOLUME_WRITE && volume->obstacle != BS_OK) {
		fail(err, volume->obstacle, "%s", volume->obstacle_text);
		goto close;
	}
	*out = volume;
	return 0;
close:
	volume_done(volume);
	return -1;
}

int volume_close(struct volume *volume, struct bs_error *err)
{
	int result = 0;

	if (volume == NULL)
		return 0;
	if (ntfs_umount(volume->ntfs, FALSE) < 0 && volume->mode == VOLUME_WRITE)
		result = ntfs_fail(volume, err, "unmounting");
	free(volume);
	return result;
}

void volume_done(struct volume *volume)
{
	struct bs_error ignored;

	(void)!volume_close(volume, &ignored);
}

int volume_state(struct volume *volume, struct volume_state *state, struct bs_error *err)
{
	*state = (struct volume_state){
		.cluster_size = volume->ntfs->cluster_size,
		.obstacle = volume->obstacle,
	};
	snprintf(state->label, sizeof(state->label), "%s",
		 volume->ntfs->vol_name != NULL ? volume->ntfs->vol_name : "");
	snprintf(state->obstacle_text, sizeof(state->obstacle_text), "%s", volume->obstacle_text);
	if (ntfs_volume_get_free_space(volume->ntfs) < 0)
		return ntfs_fail(volume, err, "counting the free clusters");
	state->free = (uint64_t)volume->ntfs->free_clusters * volume->ntfs->cluster_size;
	return 0;
}

/* ---- looking up ---------------------------------------------------------------------------- */

/* *reference = the entry of `folder` called `name` in any case, or -1 when there is none. */
static int look_up(struct volume *volume, ntfs_inode *folder, const char *name, u64 *reference,
		   struct bs_error *err)
{
	ntfschar *wide;
	int length;

	if (!(folder->mrec->flags & MFT_RECORD_IS_DIRECTORY)) {
		*reference = (u64)-1;
		return 0;
	}
	length = ntfs_name_from_utf8(volume, name, &wide, err);
	if (length < 0) {
		*reference = (u64)-1; /* what cannot be a name is none */
		return err->code == BS_NTFS ? 0 : -1;
	}
	/* The index is sorted without regard to case, so this is a search in it, not a scan. */
	NVolClearCaseSensitive(volume->ntfs);
	errno = 0;
	*reference = ntfs_inode_lookup_by_name(folder, wide, length);
	NVolSetCaseSensitive(volume->ntfs);
	free(wide);
	if (*reference == (u64)-1 && errno != ENOENT)
		return ntfs_fail(volume, err, "looking up a name");
	return disk_failed(volume, err) ? -1 : 0;
}

int ntfs_open_path(struct volume *volume, const char *path, ntfs_inode **inode, u64 *folder,
		   struct bs_error *err)
{
	char part[VOLUME_NAME_MAX];
	u64 reference = FILE_root;

	if (folder != NULL)
		*folder = FILE_root;
	*inode = ntfs_inode_open(volume->ntfs, FILE_root);
	while (*inode != NULL && *path != '\0') {
		size_t length;

		path += *path == '\\';
		length = strcspn(path, "\\");
		if (length == 0)
			continue;
		if (length >= sizeof(part)) { /* longer than any name */
			ntfs_inode_close(*inode);
			*inode = NULL;
			return 0;
		}
		memcpy(part, path, length);
		part[length] = '\0';
		path += length;
		if (folder != NULL)
			*folder = reference;
		if (look_up(volume, *inode, part, &reference, err) < 0) {
			ntfs_inode_close(*inode);
			return -1;
		}
		ntfs_inode_close(*inode); /* only read */
		*inode = NULL;
		if (reference == (u64)-1)
			return 0;
		*inode = ntfs_inode_open(volume->ntfs, reference);
	}
	return *inode != NULL ? 0 : ntfs_fail(volume, err, "opening a file");
}

int volume_open_file(struct volume *volume, const char *path, struct volume_file **file,
		     struct bs_error *err)
{
	const char *name = strrchr(path, '\\');
	ntfs_inode *inode;
	u64 folder;

	*file = NULL;
	if (ntfs_open_path(volume, path, &inode, &folder, err) < 0)
		return -1;
	if (inode == NULL)
		return 0;
	*file = calloc(1, sizeof(**file));
	if (*file == NULL) {
		ntfs_inode_close(inode);
		return fail_memory(err);
	}
	**file = (struct volume_file){.volume = volume, .inode = inode, .folder = folder};
	snprintf((*file)->name, sizeof((*file)->name), "%s", name != NULL ? name + 1 : path);
	return 0;
}

struct listing {
	struct volume_entry *entries;
	size_t count, capacity;
};

static int add_entry(void *context, const ntfschar *name, const int length, const int type,
		     const s64 position, const MFT_REF reference, const unsigned dt_type)
{
	struct listing *listing = context;
	struct volume_entry *grown;
	char *text;

	(void)position;
	(void)dt_type;
	if (type == FILE_NAME_DOS || MREF(reference) < FILE_first_user)
		return 0;
	if (listing->count == listing->capacity) {
		listing->capacity = listing->capacity * 2 + 16;
		grown = reallocarray(listing->entries, listing->capacity, sizeof(*grown));
		if (grown == NULL) {
			errno = ENOMEM;
			return -1;
		}
		listing->entries = grown;
	}
	text = listing->entries[listing->count].name;
	ntfs_name_to_utf8(name, (size_t)length, text, VOLUME_NAME_MAX);
	if (strcmp(text, ".") != 0 && strcmp(text, "..") != 0)
		listing->count++;
	return 0;
}

int volume_list(struct volume_file *folder, struct volume_entry **entries, size_t *count,
		struct bs_error *err)
{
	struct listing listing = {0};
	s64 position = 0;

	*entries = NULL;
	*count = 0;
	if (ntfs_readdir(folder->inode, &position, &listing, add_entry) < 0) {
		free(listing.entries);
		return ntfs_fail(folder->volume, err, "reading a folder");
	}
	*entries = listing.entries;
	*count = listing.count;
	return 0;
}
