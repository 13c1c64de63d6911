/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A container made by qemu-img, the overlay over it, the driver on the overlay, and an array with
 * the expected content of the guest's disk.
 */
#ifndef BOOTSHIFT_TEST_QEMU_FIXTURE_H
#define BOOTSHIFT_TEST_QEMU_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "qemu/qemu-driver.h"
#include "support/images.h"
#include "support/program.h"

#define GUEST_SIZE (16u << 20)

struct qemu_fixture {
	const char *path;
	int descriptor;
	struct disk *file;
	struct overlay *overlay;
	struct qemu_driver *driver;
	uint8_t *model; /* GUEST_SIZE bytes */
};

static inline void fill_random(uint8_t *bytes, size_t length, unsigned seed)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)rand_r(&seed);
}

/* The first content of the disks: some random bytes here and there, zeros in between. */
static inline uint8_t *new_model(void)
{
	uint8_t *model = calloc(1, GUEST_SIZE);

	ck_assert_ptr_nonnull(model);
	for (unsigned i = 0; i < 5; i++)
		fill_random(model + i * (3u << 20) + i * 777, 100000 * i, i + 1);
	return model;
}

static inline void save(const char *path, const void *bytes, size_t length)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(write(descriptor, bytes, length), length);
	close(descriptor);
}

/* The only container of an image without parents. */
#define IMAGE_OF(view, name, ...)                                                                  \
	(&(struct qemu_image){.overlay = (view), .driver = (name), ##__VA_ARGS__})

/* Makes a container with the content of new_model().  `options` are options of qemu-img convert. */
static inline const char *make_container(const char *driver, const char *options)
{
	static int number;
	const char *raw = text("%s/model.raw", images_folder());
	const char *path = text("%s/%d-%d.%s", images_folder(), getpid(), number++, driver);
	uint8_t *model = new_model();

	save(raw, model, GUEST_SIZE);
	free(model);
	/*
	 * qemu-img reserves space that it does not write.  Some file systems show such space as
	 * data after it has been read, otherwise as a hole.  The copy has real holes.
	 */
	free(image_run(0,
		       "qemu-img convert -f raw -O %s %s %s %s.new && cp --sparse=always %s.new %s",
		       driver, options, raw, path, path, path));
	unlink(text("%s.new", path));
	return path;
}

/* Opens everything below the driver. */
static inline void stage(struct qemu_fixture *fixture, const char *path)
{
	struct bs_error err;

	*fixture = (struct qemu_fixture){.path = path};
	fixture->descriptor = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fixture->descriptor, 0);
	fixture->file = file_open(fixture->descriptor, &err);
	ck_assert_ptr_nonnull(fixture->file);
	fixture->overlay = overlay_open(fixture->file, 1 << 20, images_folder(), &err);
	ck_assert_ptr_nonnull(fixture->overlay);
	fixture->model = new_model();
}

static inline void open_driver(struct qemu_fixture *fixture, const char *driver,
			       const char *driver_options)
{
	struct bs_error err;

	fixture->driver = qemu_driver_open(
		IMAGE_OF(fixture->overlay, driver, .options = driver_options), true, &err);
	ck_assert_msg(fixture->driver != NULL, "%s", err.message);
}

static inline void finish(struct qemu_fixture *fixture)
{
	struct bs_error err = {0};

	ck_assert_msg(qemu_driver_finish(fixture->driver, &err) == 0, "%s", err.message);
}

static inline void leave(struct qemu_fixture *fixture)
{
	qemu_driver_close(fixture->driver);
	disk_close(overlay_disk(fixture->overlay));
	disk_close(fixture->file);
	close(fixture->descriptor);
	free(fixture->model);
}

/* Writes and reads at random places, on the disk and in the model. */
static inline void use_disk(struct qemu_fixture *fixture, unsigned seed, int steps)
{
	static uint8_t found[300000];
	struct disk *disk = qemu_driver_disk(fixture->driver);
	struct bs_error err = {0};

	for (int i = 0; i < steps; i++) {
		size_t length = (size_t)rand_r(&seed) % (i % 3 ? 9000 : sizeof(found)) + 1;
		size_t offset = (size_t)rand_r(&seed) % (GUEST_SIZE - length);

		if (i % 5 == 0)
			memset(fixture->model + offset, 0, length);
		else
			fill_random(fixture->model + offset, length, seed);
		ck_assert_msg(disk_write(disk, offset, fixture->model + offset, length, &err) == 0,
			      "%s", err.message);
		length = (size_t)rand_r(&seed) % sizeof(found) + 1;
		offset = (size_t)rand_r(&seed) % (GUEST_SIZE - length);
		ck_assert_int_eq(disk_read(disk, offset, found, length, &err), 0);
		ck_assert(memcmp(found, fixture->model + offset, length) == 0);
	}
}

/* Commits the staged container to a copy, as a fix would.  Returns the path of the copy. */
static inline const char *commit_to_copy(struct qemu_fixture *fixture)
{
	const char *copy = text("%s.committed", fixture->path);
	struct range_vector extents;
	struct bs_error err;
	int descriptor;

	free(image_run(0, "cp --sparse=always %s %s", fixture->path, copy));
	descriptor = open(copy, O_WRONLY);
	ck_assert_int_eq(overlay_extents(fixture->overlay, 1 << 20, &extents, &err), 0);
	ck_assert_int_eq(ftruncate(descriptor, (off_t)disk_size(overlay_disk(fixture->overlay))),
			 0);
	for (size_t i = 0; i < extents.count; i++) {
		uint8_t *bytes = malloc(extents.items[i].length);

		ck_assert_int_eq(disk_read(overlay_disk(fixture->overlay), extents.items[i].offset,
					   bytes, extents.items[i].length, &err),
				 0);
		ck_assert_int_eq(file_write_at(descriptor, extents.items[i].offset, bytes,
					       extents.items[i].length, &err),
				 0);
		free(bytes);
	}
	range_vector_free(&extents);
	close(descriptor);
	return copy;
}

/* Checks with qemu-img that the container has the content of the model, followed only by zeros. */
static inline void assert_holds_model(const struct qemu_fixture *fixture, const char *driver,
				      const char *path)
{
	const char *raw = text("%s.model", fixture->path);

	save(raw, fixture->model, GUEST_SIZE);
	free(image_run(0, "qemu-img compare -f raw -F %s %s %s", driver, raw, path));
	unlink(raw);
}

#endif
