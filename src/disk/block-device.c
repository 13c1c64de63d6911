/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Block devices in /sys and /proc; see block-device.h.  The kernel's files
 * Documentation/ABI/testing/sysfs-block and sysfs-block-loop describe the attributes, proc(5)
 * describes mountinfo.
 */
#include "disk/block-device.h"

#include <fcntl.h>
#include <glob.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk/file.h"
#include "util/path.h"
#include "util/shell.h"

#define PATH_SIZE 4200 /* enough for a path of the kernel (4096) behind a folder of /sys */

/*
 * Finds the paths in a folder that match a pattern of glob(3).  A folder that cannot be read has
 * none.  The caller calls globfree(), also on error: BS_NO_MEMORY.
 */
static int block_device_find(const char *folder, const char *pattern, glob_t *paths,
			     struct bs_error *err)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", folder, pattern);
	memset(paths, 0, sizeof(*paths));
	return glob(path, GLOB_NOSORT, NULL, paths) == GLOB_NOSPACE ? fail_memory(err) : 0;
}

/* Reads the first line of folder/name.  False when there is none or it is too long. */
static bool block_device_attribute(const char *folder, const char *name, char value[PATH_SIZE])
{
	char path[PATH_SIZE];
	FILE *file = NULL;
	bool read = false;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path))
		file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(value, PATH_SIZE, file)) {
		size_t length = strcspn(value, "\n");

		read = value[length] == '\n';
		value[length] = '\0';
	}
	fclose(file);
	return read;
}

static void block_device_folder(dev_t number, char folder[64])
{
	snprintf(folder, 64, "/sys/dev/block/%u:%u", major(number), minor(number));
}

/* ---- a name that stays ---------------------------------------------------------------------- */

/* Copies the first of the device's names in /dev/disk/by-id.  False when it has none. */
static bool block_device_id(dev_t number, char id[PATH_SIZE])
{
	glob_t paths;
	struct stat stat_of_path;
	struct bs_error ignored;

	id[0] = '\0';
	(void)!block_device_find("/dev/disk/by-id", "*", &paths, &ignored);
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		const char *name = path_name(paths.gl_pathv[i]);

		if (stat(paths.gl_pathv[i], &stat_of_path) == 0 && S_ISBLK(stat_of_path.st_mode) &&
		    stat_of_path.st_rdev == number && (id[0] == '\0' || strcmp(name, id) < 0))
			snprintf(id, PATH_SIZE, "%s", name);
	}
	globfree(&paths);
	return id[0] != '\0';
}

char *block_device_name(dev_t number)
{
	char folder[64], value[PATH_SIZE], offset[PATH_SIZE];
	char *name = NULL;
	int made;

	block_device_folder(number, folder);
	if (block_device_id(number, value))
		made = asprintf(&name, "%s", value);
	else if (block_device_attribute(folder, "loop/backing_file", value) &&
		 block_device_attribute(folder, "loop/offset", offset))
		made = asprintf(&name, "%s %s", value, offset);
	else
		made = asprintf(&name, "%u:%u", major(number), minor(number));
	return made < 0 ? NULL : name;
}

/* ---- loop devices --------------------------------------------------------------------------- */

/* Whether `image` is the file of a loop device.  Without access to the device, the path decides. */
static bool block_device_has_file(const char *loop, const char *backing_file,
				  const struct stat *image)
{
	char path[PATH_SIZE];
	struct loop_info64 info;
	struct stat stat_of_path;
	int descriptor, told = -1;

	snprintf(path, sizeof(path), "/dev/%.64s", loop);
	descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (descriptor >= 0) {
		told = ioctl(descriptor, LOOP_GET_STATUS64, &info);
		close(descriptor);
	}
	if (told == 0)
		return info.lo_device == image->st_dev && info.lo_inode == image->st_ino;
	return stat(backing_file, &stat_of_path) == 0 && file_is_same(&stat_of_path, image);
}

static int block_device_check_whole(dev_t number, const char *folder, bool for_changing,
				    struct bs_error *err);

/* The loop device can be detached, unless it is in use itself. */
static int block_device_fail_loop(const char *folder, struct bs_error *err)
{
	const char *loop = path_name(folder);
	unsigned device_major, device_minor;
	char value[PATH_SIZE];

	if (block_device_attribute(folder, "dev", value) &&
	    sscanf(value, "%u:%u", &device_major, &device_minor) == 2 &&
	    block_device_check_whole(makedev(device_major, device_minor), folder, true, err) < 0)
		return fail_prefix(err, "the image is attached to /dev/%.64s", loop);
	return fail(err, BS_IN_USE,
		    "the image is attached to /dev/%.64s (to detach it: losetup -d /dev/%.64s)",
		    loop, loop);
}

static int block_device_check_loops(const struct stat *image, bool for_changing,
				    struct bs_error *err)
{
	glob_t loops;
	int result = block_device_find("/sys/block", "loop*", &loops, err);

	for (size_t i = 0; i < loops.gl_pathc && result == 0; i++) {
		const char *folder = loops.gl_pathv[i], *loop = path_name(folder);
		char value[PATH_SIZE];

		if (!block_device_attribute(folder, "loop/backing_file", value) ||
		    !block_device_has_file(loop, value, image))
			continue;
		if (for_changing || !block_device_attribute(folder, "ro", value) ||
		    strcmp(value, "1") != 0)
			result = block_device_fail_loop(folder, err);
	}
	globfree(&loops);
	return result;
}

/* ---- devices -------------------------------------------------------------------------------- */

/* Blanks, line ends and backslashes are written in mountinfo as \040 and the like. */
static void block_device_decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		unsigned byte;

		if (sscanf(text, "\\%3o", &byte) == 1) {
			*to++ = (char)byte;
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/*
 * Checks a line of mountinfo:
 * "36 35 98:0 /root /mount/point options - type source super-options", with optional fields before
 * the dash.  Blanks in a path are written \040, so every blank separates fields.
 */
static int block_device_check_mount(char *line, dev_t number, bool for_changing,
				    struct bs_error *err)
{
	unsigned device_major, device_minor;
	char *point, *word, *rest = strstr(line, " - ");
	int at = 0;

	if (!rest || sscanf(line, "%*u %*u %u:%u %*s %n", &device_major, &device_minor, &at) < 2 ||
	    at == 0 || makedev(device_major, device_minor) != number)
		return 0;
	point = line + at;
	point[strcspn(point, " ")] = '\0';
	block_device_decode(point);
	rest = strrchr(rest, ' '); /* super-options: the options of the file system itself */
	if (!for_changing && (strncmp(rest, " ro,", 4) == 0 || strcmp(rest, " ro") == 0))
		return 0;
	word = shell_word(point);
	fail(err, BS_IN_USE, "the device is mounted at %.180s (to unmount it: umount %.200s)",
	     point, word ? word : point);
	free(word);
	return -1;
}

static int block_device_check_mounts(dev_t number, bool for_changing, struct bs_error *err)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int result = 0;

	if (!mounts)
		return 0;
	while (result == 0 && getline(&line, &size, mounts) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		result = block_device_check_mount(line, number, for_changing, err);
	}
	free(line);
	fclose(mounts);
	return result;
}

/* `holder` is the folder in /sys of the device that is made of this one. */
static int block_device_fail_holder(const char *holder, struct bs_error *err)
{
	char name[PATH_SIZE], kind[PATH_SIZE];

	if (strncmp(path_name(holder), "md", 2) == 0)
		return fail(err, BS_IN_USE,
			    "the device is a part of /dev/%.64s (to end that: mdadm --stop "
			    "/dev/%.64s)",
			    path_name(holder), path_name(holder));
	if (!block_device_attribute(holder, "dm/name", name) ||
	    !block_device_attribute(holder, "dm/uuid", kind))
		return fail(err, BS_IN_USE, "the device is a part of /dev/%.64s",
			    path_name(holder));
	return fail(err, BS_IN_USE,
		    "the device is a part of /dev/mapper/%.120s (to end that: %s %.120s)", name,
		    strncmp(kind, "CRYPT-", 6) == 0 ? "cryptsetup close" : "dmsetup remove", name);
}

/* Checks a device or a partition.  `folder` is its folder in /sys. */
static int block_device_check(dev_t number, const char *folder, bool for_changing,
			      struct bs_error *err)
{
	int result = block_device_check_mounts(number, for_changing, err);
	glob_t holders;

	if (result < 0)
		return -1;
	result = block_device_find(folder, "holders/*", &holders, err);
	if (result == 0 && holders.gl_pathc > 0)
		result = block_device_fail_holder(holders.gl_pathv[0], err);
	globfree(&holders);
	return result;
}

/* In /sys, a partition is a subfolder of its device, with an attribute `partition`. */
static int block_device_check_partitions(const char *folder, bool for_changing,
					 struct bs_error *err)
{
	glob_t partitions;
	int result = block_device_find(folder, "*/partition", &partitions, err);

	for (size_t i = 0; i < partitions.gl_pathc && result == 0; i++) {
		char *partition = partitions.gl_pathv[i], value[PATH_SIZE];
		unsigned device_major, device_minor;

		path_cut_name(partition);
		if (!block_device_attribute(partition, "dev", value) ||
		    sscanf(value, "%u:%u", &device_major, &device_minor) != 2)
			continue;
		if (block_device_check(makedev(device_major, device_minor), partition, for_changing,
				       err) < 0)
			result = fail_prefix(err, "partition %.64s", path_name(partition));
	}
	globfree(&partitions);
	return result;
}

static int block_device_check_whole(dev_t number, const char *folder, bool for_changing,
				    struct bs_error *err)
{
	if (block_device_check(number, folder, for_changing, err) < 0)
		return -1;
	return block_device_check_partitions(folder, for_changing, err);
}

int block_device_check_free(const char *path, bool for_changing, struct bs_error *err)
{
	char folder[64];
	struct stat image;

	if (stat(path, &image) < 0)
		return fail_system(err, "cannot find the image");
	if (block_device_check_loops(&image, for_changing, err) < 0)
		return -1;
	if (!S_ISBLK(image.st_mode))
		return 0;
	block_device_folder(image.st_rdev, folder);
	return block_device_check_whole(image.st_rdev, folder, for_changing, err);
}
