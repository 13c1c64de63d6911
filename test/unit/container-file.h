/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers made by other programs, and the results of format_detect() and format_check_tables().
 * The containers are in the folder of this run of the tests.  A suite calls images_prepare().
 */
#ifndef BOOTSHIFT_TEST_CONTAINER_FILE_H
#define BOOTSHIFT_TEST_CONTAINER_FILE_H

#include "unit/memory-disk.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/image.h"
#include "format/format.h"
#include "support/images.h"

/* Runs a shell command in the folder.  The command must succeed. */
#define IN_FOLDER(format, ...)                                                                     \
	free(image_run(0, "cd '%s' && " format, images_folder(), ##__VA_ARGS__))

/* Reads a file of the folder into memory, so that a test can change it and cut it off. */
static inline struct memory_disk *container_load(const char *name)
{
	struct memory_disk *memory;
	struct bs_error err = {0};
	struct stat status;
	struct disk *file;
	char path[256];
	int descriptor;

	snprintf(path, sizeof(path), "%s/%s", images_folder(), name);
	ck_assert_msg(image_open(path, &descriptor, &status, &err) == 0, "%s", err.message);
	file = file_open(descriptor, &err);
	ck_assert_ptr_nonnull(file);
	memory = memory_disk_open(disk_size(file));
	ck_assert_int_eq(disk_read(file, 0, memory->bytes, disk_size(file), &err), 0);
	disk_close(file);
	close(descriptor);
	return memory;
}

/* Calls both functions; the second one only if the container has the disk. */
static inline int container_judge(struct disk *container, const char *forced, struct format *format,
				  struct bs_error *err)
{
	int result = format_detect(container, forced, format, err);

	if (result == 0 && !format_access_is_elsewhere(format->access))
		result = format_check_tables(container, format, err);
	return result;
}

static inline int container_detect(const char *name, struct format *format, struct bs_error *err)
{
	struct stat status;
	struct disk *file;
	char path[256];
	int descriptor, result;

	snprintf(path, sizeof(path), "%s/%s", images_folder(), name);
	ck_assert_msg(image_open(path, &descriptor, &status, err) == 0, "%s", err->message);
	file = file_open(descriptor, err);
	ck_assert_ptr_nonnull(file);
	result = container_judge(file, NULL, format, err);
	disk_close(file);
	close(descriptor);
	return result;
}

static inline void container_assert(const char *name, const char *format_name,
				    enum format_access access, uint64_t size)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_msg(container_detect(name, &format, &err) == 0, "%s", err.message);
	ck_assert_str_eq(format.name, format_name);
	ck_assert_int_eq(format.access, access);
	ck_assert_uint_eq(format.disk_size, size);
}

static inline void container_assert_child(const char *name, const char *parent, const char *driver)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_msg(container_detect(name, &format, &err) == 0, "%s", err.message);
	ck_assert_str_eq(format.parent.path, parent);
	ck_assert_str_eq(format.parent.driver, driver);
}

static inline void container_assert_refused(const char *name, enum bs_code code, const char *part)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_int_eq(container_detect(name, &format, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

static inline void memory_assert_refused(struct memory_disk *memory, const char *forced,
					 enum bs_code code, const char *part)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_int_eq(container_judge(&memory->disk, forced, &format, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

static inline void memory_assert_good(struct memory_disk *memory)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_msg(container_judge(&memory->disk, NULL, &format, &err) == 0, "%s", err.message);
}

/*
 * Cuts a container in memory off at each multiple of `step`, down to half its length.  The
 * container must be refused if `unit` bytes or more are missing.  If fewer bytes are missing, it
 * need not be refused.
 */
static inline void memory_assert_cuts_refused(struct memory_disk *memory, uint64_t unit,
					      uint64_t step)
{
	uint64_t size = memory->disk.size;

	memory_assert_good(memory);
	for (uint64_t length = size / 2 / step * step; length <= size - unit; length += step) {
		memory->disk.size = length;
		memory_assert_refused(memory, NULL, BS_CONTAINER_CORRUPT, "");
	}
	memory->disk.size = size;
}

/*
 * Under a sanitizer, which takes ten times as long, only each third byte is damaged.  The fuzzer
 * damages all of them.
 */
#ifdef __SANITIZE_ADDRESS__
#define DAMAGE_STEP 3
#else
#define DAMAGE_STEP 1
#endif

/*
 * Damages each of the bytes [start, end) of a container in memory, and cuts it off at each length
 * in this range.  The container must be described, or refused with a code of the refused class.
 */
static inline void memory_damage(struct memory_disk *memory, const char *forced, size_t start,
				 size_t end)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	uint64_t size = memory->disk.size;
	struct bs_error err;
	struct format format;

	for (size_t at = start; at < end; at += DAMAGE_STEP) {
		for (size_t i = 0; i < sizeof(masks); i++) {
			memory->bytes[at] ^= masks[i];
			if (container_judge(&memory->disk, forced, &format, &err) != 0)
				ck_assert_int_eq(bs_code_exit(err.code), BS_EXIT_REFUSED);
			memory->bytes[at] ^= masks[i];
		}
	}
	for (size_t length = start; length < end; length += DAMAGE_STEP) {
		memory->disk.size = length;
		if (container_judge(&memory->disk, forced, &format, &err) != 0)
			ck_assert_int_eq(bs_code_exit(err.code), BS_EXIT_REFUSED);
	}
	memory->disk.size = size;
}

/*
 * Calls EXPRESSION for each LENGTH up to `size`.  `exact` is a buffer of exactly that many bytes,
 * so that a sanitizer finds a read beyond them.
 */
#define FOR_EACH_LENGTH(bytes, size, exact, length, expression)                                    \
	for (size_t length = 0; length <= (size); length++) {                                      \
		uint8_t *exact = malloc(length + (length == 0));                                   \
		ck_assert_ptr_nonnull(exact);                                                      \
		memcpy(exact, bytes, length);                                                      \
		expression;                                                                        \
		free(exact);                                                                       \
	}

#endif
