/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Block devices in /sys and /proc; see block-device.h.  The attributes are described in the
 * kernel's Documentation/ABI/testing/sysfs-block and sysfs-block-loop, mountinfo in proc(5).
 */
#include "transaction/block-device.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk/file.h"
#include "transaction/io.h"

#define BY_ID     "/dev/disk/by-id"
#define PATH_SIZE 4200 /* a path that the kernel gives, and a folder of /sys before it */

/* Reads the first line of folder/name into `value`; false when there is none or it is too long. */
static bool read_attribute(const char *folder, const char *name, char value[PATH_SIZE])
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

static void device_folder(dev_t number, char folder[64])
{
	snprintf(folder, 64, "/sys/dev/block/%u:%u", major(number), minor(number));
}

/* ---- a name that stays ---------------------------------------------------------------------- */

/* Puts the first of the device's names there into `name`; false when it has none. */
static bool find_by_id(dev_t number, char name[PATH_SIZE])
{
	DIR *folder = opendir(BY_ID);
	struct dirent *entry;
	struct stat stat;

	name[0] = '\0';
	if (!folder)
		return false;
	while ((entry = readdir(folder))) {
		if (fstatat(dirfd(folder), entry->d_name, &stat, 0) < 0 || !S_ISBLK(stat.st_mode) ||
		    stat.st_rdev != number)
			continue;
		if (name[0] == '\0' || strcmp(entry->d_name, name) < 0)
			snprintf(name, PATH_SIZE, "%s", entry->d_name);
	}
	closedir(folder);
	return name[0] != '\0';
}

char *block_device_name(dev_t number)
{
	char folder[64], value[PATH_SIZE], offset[PATH_SIZE];
	char *name = NULL;
	int made;

	device_folder(number, folder);
	if (find_by_id(number, value))
		made = asprintf(&name, "%s", value);
	else if (read_attribute(folder, "loop/backing_file", value) &&
		 read_attribute(folder, "loop/offset", offset))
		made = asprintf(&name, "%s %s", value, offset);
	else
		made = asprintf(&name, "%u:%u", major(number), minor(number));
	return made < 0 ? NULL : name;
}

/* ---- loop devices --------------------------------------------------------------------------- */

/* The kernel knows the file itself; who may not ask it goes by the file's path. */
static bool loop_has_file(const char *loop, const char *backing_file, const struct stat *image)
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

static int check_loop(const char *loop, const struct stat *image, bool for_changing,
		      struct bs_error *err)
{
	char folder[PATH_SIZE], value[PATH_SIZE];

	snprintf(folder, sizeof(folder), "/sys/block/%s", loop);
	if (!read_attribute(folder, "loop/backing_file", value) ||
	    !loop_has_file(loop, value, image))
		return 0;
	if (!for_changing && read_attribute(folder, "ro", value) && strcmp(value, "1") == 0)
		return 0;
	return fail(err, BS_IN_USE, "the image is attached to /dev/%.64s", loop);
}

static int check_loops(const struct stat *image, bool for_changing, struct bs_error *err)
{
	DIR *folder = opendir("/sys/block");
	struct dirent *entry;
	int result = 0;

	if (!folder)
		return 0;
	while (result == 0 && (entry = readdir(folder)))
		if (strncmp(entry->d_name, "loop", 4) == 0)
			result = check_loop(entry->d_name, image, for_changing, err);
	closedir(folder);
	return result;
}

/* ---- devices -------------------------------------------------------------------------------- */

/*
 * "36 35 98:0 /root /mount/point options - type source super-options", with optional fields before
 * the dash.  Blanks in a path are written \040, so that fields are what blanks part.
 */
static int check_mount(char *line, dev_t number, bool for_changing, struct bs_error *err)
{
	unsigned device_major, device_minor;
	char *point, *rest = strstr(line, " - ");
	int at = 0;

	if (!rest || sscanf(line, "%*u %*u %u:%u %*s %n", &device_major, &device_minor, &at) < 2 ||
	    at == 0 || makedev(device_major, device_minor) != number)
		return 0;
	point = line + at;
	point[strcspn(point, " ")] = '\0';
	rest = strrchr(rest, ' '); /* the super-options: those of the file system itself */
	if (!for_changing && (strncmp(rest, " ro,", 4) == 0 || strcmp(rest, " ro") == 0))
		return 0;
	return fail(err, BS_IN_USE, "the device is mounted at %.300s", point);
}

static int check_mounts(dev_t number, bool for_changing, struct bs_error *err)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int result = 0;

	if (!mounts)
		return 0;
	while (result == 0 && getline(&line, &size, mounts) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		result = check_mount(line, number, for_changing, err);
	}
	free(line);
	fclose(mounts);
	return result;
}

static int check_holders(const char *folder, struct bs_error *err)
{
	char path[PATH_SIZE];
	DIR *holders = NULL;
	struct dirent *entry;
	int result = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/holders", folder) < sizeof(path))
		holders = opendir(path);
	if (!holders)
		return 0;
	while (result == 0 && (entry = readdir(holders)))
		if (entry->d_name[0] != '.')
			result = fail(err, BS_IN_USE, "the device is a part of /dev/%.64s",
				      entry->d_name);
	closedir(holders);
	return result;
}

static int check_device(dev_t number, const char *folder, bool for_changing, struct bs_error *err)
{
	if (check_mounts(number, for_changing, err) < 0)
		return -1;
	return check_holders(folder, err);
}

/* A partition is a folder with an attribute `partition` in that of its device. */
static int check_partitions(const char *folder, bool for_changing, struct bs_error *err)
{
	DIR *device = opendir(folder);
	struct dirent *entry;
	int result = 0;

	if (!device)
		return 0;
	while (result == 0 && (entry = readdir(device))) {
		char path[PATH_SIZE], value[PATH_SIZE];
		unsigned device_major, device_minor;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || !read_attribute(path, "partition", value) ||
		    !read_attribute(path, "dev", value) ||
		    sscanf(value, "%u:%u", &device_major, &device_minor) != 2)
			continue;
		if (check_device(makedev(device_major, device_minor), path, for_changing, err) < 0)
			result = fail_prefix(err, "partition %.64s", entry->d_name);
	}
	closedir(device);
	return result;
}

int block_device_check_free(const char *path, bool for_changing, struct bs_error *err)
{
	char folder[64];
	struct stat image;

	if (stat(path, &image) < 0)
		return fail_system(err, "cannot find the image");
	if (check_loops(&image, for_changing, err) < 0)
		return -1;
	if (!S_ISBLK(image.st_mode))
		return 0;
	device_folder(image.st_rdev, folder);
	if (check_device(image.st_rdev, folder, for_changing, err) < 0)
		return -1;
	return check_partitions(folder, for_changing, err);
}
