/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each partition is mounted at "/N", N being its number.  Strings from libguestfs are freed with
 * free(3), as its manual says.
 */
#include "appliance/answers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"
#include "util/debug.h"

#define DISK "/dev/sda"

/* ntfs-3g's options: read-only, and the named streams of a file are at FILE:NAME. */
#define NTFS_OPTIONS "ro,streams_interface=windows"

/*
 * The kernel's options for FAT: names in UTF-8, shown as Windows shows them.  With nostale_ro, the
 * number of an inode is the place of the file's entry (Linux, Documentation/filesystems/vfat.rst).
 */
#define FAT_OPTIONS "ro,utf8,shortname=winnt,nfs=nostale_ro"

struct answering {
	struct guestfs *guestfs;
	const struct appliance_request *request;
	struct appliance_answer *answer;
	char device[32];
	char path[APPLIANCE_PATH_MAX + 16]; /* of the request, with the mount point before it */
};

typedef int answer_function(struct answering *answering);

/* ---- answers: 0, or -1 with the answer's error --------------------------------------------- */

static int answer_fail(struct answering *answering, int error, const char *text)
{
	struct appliance_answer *answer = answering->answer;

	answer->error = error > 0 ? (uint32_t)error : EIO;
	answer->length = (uint32_t)snprintf((char *)answer->data, 500, "%.480s", text) + 1;
	return -1;
}

static int answer_fail_library(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	const char *reason = guestfs->last_error(guestfs->handle);

	return answer_fail(answering, guestfs->last_errno(guestfs->handle),
			   reason ? reason : "libguestfs does not say why");
}

/* Adds bytes to the answer.  Returns false if there is no room. */
static bool answer_add(struct answering *answering, const void *bytes, size_t length)
{
	struct appliance_answer *answer = answering->answer;

	if (length > sizeof(answer->data) - answer->length)
		return false;
	memcpy(answer->data + answer->length, bytes, length);
	answer->length += (uint32_t)length;
	return true;
}

static bool answer_add_text(struct answering *answering, const char *text)
{
	return answer_add(answering, text, strlen(text) + 1);
}

static int answer_full(struct answering *answering)
{
	return answer_fail(answering, EFBIG, "the answer would be too long");
}

/* Answers with bytes from the library, which are freed.  NULL: the library has failed. */
static int answer_bytes(struct answering *answering, char *bytes, size_t length)
{
	bool fits;

	if (!bytes)
		return answer_fail_library(answering);
	fits = answer_add(answering, bytes, length);
	free(bytes);
	return fits ? 0 : answer_full(answering);
}

/* ---- the disk ------------------------------------------------------------------------------ */

static int answer_partitions(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	struct guestfs_partition_list *list = guestfs->part_list(guestfs->handle, DISK);
	int result = list ? 0 : answer_fail_library(answering);

	for (uint32_t i = 0; list && i < list->len && result == 0; i++) {
		const struct guestfs_partition *found = &list->val[i];
		int active = found->part_num > 4 ? 0
						 : guestfs->part_get_bootable(guestfs->handle, DISK,
									      found->part_num);
		const struct appliance_partition partition = {
			.number = (uint32_t)found->part_num,
			.active = active > 0,
			.start = found->part_start,
			.size = found->part_size,
		};

		if (active < 0)
			result = answer_fail_library(answering);
		else if (!answer_add(answering, &partition, sizeof(partition)))
			result = answer_full(answering);
	}
	if (list)
		guestfs->free_partition_list(list);
	return result;
}

static int answer_systems(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	char **systems = guestfs->inspect_os(guestfs->handle);
	int result = systems ? 0 : answer_fail_library(answering);

	for (char **system = systems; system && *system; system++) {
		char *name = guestfs->inspect_get_product_name(guestfs->handle, *system);

		if (result == 0 && (!answer_add_text(answering, *system) ||
				    !answer_add_text(answering, name ? name : "unknown")))
			result = answer_full(answering);
		free(name);
		free(*system);
	}
	free(systems);
	return result;
}

/* Runs a program of the appliance that only reads the partition; the answer is its output. */
static int answer_program(struct answering *answering, const char *command)
{
	struct guestfs *guestfs = answering->guestfs;
	char line[160], *arguments[] = {line, NULL}, *output;

	snprintf(line, sizeof(line), "%s %s%u 2>&1; echo \"status $?\"", command, guestfs->disk,
		 answering->request->partition);
	output = guestfs->debug(guestfs->handle, "sh", arguments);
	return answer_bytes(answering, output, output ? strlen(output) : 0);
}

static int answer_resize_info(struct answering *answering)
{
	return answer_program(answering, "ntfsresize --info --force --no-progress-bar");
}

static int answer_fix_info(struct answering *answering)
{
	return answer_program(answering, "ntfsfix --no-action");
}

/* ---- volumes ------------------------------------------------------------------------------- */

/* Sets the kind of file system, and mounts it. */
static int answer_mount_volume(struct answering *answering, struct appliance_volume *volume)
{
	struct guestfs *guestfs = answering->guestfs;
	guestfs_h *handle = guestfs->handle;
	char *type = guestfs->vfs_type(handle, answering->device), *label;
	bool is_ntfs = type && strcmp(type, "ntfs") == 0;
	int result;

	volume->is_fat = type && strcmp(type, "vfat") == 0;
	free(type);
	if (!is_ntfs && !volume->is_fat)
		return answer_fail(answering, EINVAL, "libguestfs finds no NTFS or FAT volume");
	/* It is there already after an earlier request to mount. */
	(void)guestfs->mkmountpoint(handle, answering->path);
	if (is_ntfs) {
		volume->probe = guestfs->ntfs_3g_probe(handle, 1, answering->device);
		result = guestfs->mount_vfs(handle, NTFS_OPTIONS, "ntfs-3g", answering->device,
					    answering->path);
	} else {
		label = guestfs->vfs_label(handle, answering->device);
		snprintf(volume->label, sizeof(volume->label), "%s", label ? label : "");
		free(label);
		result = guestfs->mount_vfs(handle, FAT_OPTIONS, "vfat", answering->device,
					    answering->path);
	}
	return result == 0 ? 0 : answer_fail_library(answering);
}

static int answer_mount(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	struct appliance_volume volume = {.probe = -1};
	struct guestfs_statvfs *usage;

	if (answer_mount_volume(answering, &volume) < 0)
		return -1;
	usage = guestfs->statvfs(guestfs->handle, answering->path);
	if (!usage)
		return answer_fail_library(answering);
	volume.cluster_size = (uint32_t)usage->bsize;
	volume.free = (uint64_t)usage->bfree * (uint64_t)usage->frsize;
	guestfs->free_statvfs(usage);
	return answer_add(answering, &volume, sizeof(volume)) ? 0 : answer_full(answering);
}

static int answer_unmount(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;

	return guestfs->umount(guestfs->handle, answering->path) == 0
		       ? 0
		       : answer_fail_library(answering);
}

/* ---- files --------------------------------------------------------------------------------- */

/*
 * The answer has no mount point, as the request.  libguestfs tells no errno when a folder of the
 * path is missing, and one for every other error.
 */
static int answer_spelling(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	char *found = guestfs->case_sensitive_path(guestfs->handle, answering->path);
	const char *inside = found ? strchr(found + 1, '/') : NULL;
	int result;

	if (!found)
		return guestfs->last_errno(guestfs->handle) == 0
			       ? answer_fail(answering, ENOENT, "no such file")
			       : answer_fail_library(answering);
	result = answer_add_text(answering, inside ? inside : "/") ? 0 : answer_full(answering);
	free(found);
	return result;
}

static int answer_stat(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	struct guestfs_statns *found = guestfs->lstatns(guestfs->handle, answering->path);
	struct appliance_stat stat;

	if (!found)
		return answer_fail_library(answering);
	stat = (struct appliance_stat){
		.inode = (uint64_t)found->st_ino,
		.mode = (uint64_t)found->st_mode,
		.size = (uint64_t)found->st_size,
	};
	guestfs->free_statns(found);
	return answer_add(answering, &stat, sizeof(stat)) ? 0 : answer_full(answering);
}

/* In the order of the file system. */
static int answer_list(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	struct guestfs_dirent_list *list = guestfs->readdir(guestfs->handle, answering->path);
	uint64_t passed = 0;

	if (!list)
		return answer_fail_library(answering);
	for (uint32_t i = 0; i < list->len; i++) {
		const char *name = list->val[i].name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (passed++ >= answering->request->offset && !answer_add_text(answering, name))
			break;
	}
	guestfs->free_dirent_list(list);
	return 0;
}

static int answer_attribute(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	size_t length = 0;
	char *value = guestfs->lgetxattr(guestfs->handle, answering->path, answering->request->name,
					 &length);

	return answer_bytes(answering, value, length);
}

static int answer_read(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	const struct appliance_request *request = answering->request;
	size_t length = 0;
	char *bytes;

	if (request->length > APPLIANCE_DATA_MAX || request->offset > INT64_MAX)
		return answer_fail(answering, EINVAL, "too much to read");
	bytes = guestfs->pread(guestfs->handle, answering->path, (int)request->length,
			       (int64_t)request->offset, &length);
	return answer_bytes(answering, bytes, length);
}

/* ---- the boot configuration ---------------------------------------------------------------- */

/* Adds an element: its type, which is the name of `node`, and the value "Element". */
static int answer_add_element(struct answering *answering, int64_t node)
{
	struct guestfs *guestfs = answering->guestfs;
	char *name = guestfs->hivex_node_name(guestfs->handle, node);
	int64_t place = guestfs->hivex_node_get_value(guestfs->handle, node, "Element");
	struct appliance_element element = {.type = name ? (uint32_t)strtoul(name, NULL, 16) : 0};
	size_t length = 0;
	char *value = NULL;
	bool fits;

	free(name);
	if (place > 0)
		value = guestfs->hivex_value_value(guestfs->handle, place, &length);
	if (!value)
		return place == 0 ? 0 : answer_fail_library(answering);
	element.length = (uint32_t)length;
	fits = answer_add(answering, &element, sizeof(element)) &&
	       answer_add(answering, value, length);
	free(value);
	return fits ? 0 : answer_full(answering);
}

static int answer_add_object(struct answering *answering, int64_t object)
{
	struct guestfs *guestfs = answering->guestfs;
	char *name = guestfs->hivex_node_name(guestfs->handle, object);
	int64_t elements = guestfs->hivex_node_get_child(guestfs->handle, object, "Elements");
	struct guestfs_hivex_node_list *list = NULL;
	int result = name && elements >= 0 ? 0 : answer_fail_library(answering);

	if (result == 0 && !answer_add_text(answering, name))
		result = answer_full(answering);
	free(name);
	if (result == 0 && elements > 0) {
		list = guestfs->hivex_node_children(guestfs->handle, elements);
		if (!list)
			result = answer_fail_library(answering);
	}
	for (uint32_t i = 0; list && i < list->len && result == 0; i++)
		result = answer_add_element(answering, list->val[i].hivex_node_h);
	if (list)
		guestfs->free_hivex_node_list(list);
	return result;
}

/* The hive is opened for each object, so no handle stays open between two requests. */
static int answer_bcd_object(struct answering *answering)
{
	struct guestfs *guestfs = answering->guestfs;
	guestfs_h *handle = guestfs->handle;
	struct guestfs_hivex_node_list *list = NULL;
	uint64_t number = answering->request->offset;
	int64_t objects;
	int result = 0;

	if (guestfs->hivex_open(handle, answering->path, -1) < 0)
		return answer_fail_library(answering);
	objects = guestfs->hivex_node_get_child(handle, guestfs->hivex_root(handle), "Objects");
	if (objects > 0)
		list = guestfs->hivex_node_children(handle, objects);
	if (objects == 0)
		result = answer_fail(answering, ENOENT, "the store has no key \\Objects");
	else if (!list)
		result = answer_fail_library(answering);
	else if (number < list->len)
		result = answer_add_object(answering, list->val[number].hivex_node_h);
	if (list)
		guestfs->free_hivex_node_list(list);
	(void)guestfs->hivex_close(handle);
	return result;
}

/* ---- the table ----------------------------------------------------------------------------- */

static answer_function *const answers[] = {
	[APPLIANCE_PARTITIONS] = answer_partitions,
	[APPLIANCE_SYSTEMS] = answer_systems,
	[APPLIANCE_MOUNT] = answer_mount,
	[APPLIANCE_UNMOUNT] = answer_unmount,
	[APPLIANCE_SPELLING] = answer_spelling,
	[APPLIANCE_STAT] = answer_stat,
	[APPLIANCE_LIST] = answer_list,
	[APPLIANCE_ATTRIBUTE] = answer_attribute,
	[APPLIANCE_READ] = answer_read,
	[APPLIANCE_RESIZE_INFO] = answer_resize_info,
	[APPLIANCE_FIX_INFO] = answer_fix_info,
	[APPLIANCE_BCD_OBJECT] = answer_bcd_object,
};

void answers_make(struct guestfs *guestfs, const struct appliance_request *request,
		  struct appliance_answer *answer)
{
	struct answering answering = {.guestfs = guestfs, .request = request, .answer = answer};
	uint32_t operation = request->operation;

	answer->error = answer->length = 0;
	snprintf(answering.device, sizeof(answering.device), DISK "%u", request->partition);
	snprintf(answering.path, sizeof(answering.path), "/%u%s", request->partition,
		 request->path);
	if (operation >= sizeof(answers) / sizeof(answers[0]) || !answers[operation] ||
	    request->partition > 128)
		answer_fail(&answering, EINVAL, "no such request");
	else
		(void)!answers[operation](&answering);
	debug_print(DEBUG_MESSAGES,
		    "appliance: request %u, partition %u, %s %s: error %u, %u bytes", operation,
		    request->partition, request->path, request->name, answer->error,
		    answer->length);
}
