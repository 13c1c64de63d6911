/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * build-image: makes a sample disk image from a recipe (see README.md).
 *
 * The image appears under its name only when it is whole, and the same recipe always gives the
 * same bytes.  Needs no root: volumes are made in memory and never mounted by the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recipe.h"
#include "table.h"
#include "volume.h"

static void write_partitions(const struct recipe *recipe, int fd)
{
	const struct partition *partition;

	STAILQ_FOREACH(partition, &recipe->partitions, next)
	{
		if (partition->ntfs || partition->fat) {
			int volume = partition->fat ? fat_volume_make(recipe, partition)
						    : volume_make(recipe, partition);

			copy_sparsely(volume, fd, partition->start);
			close(volume);
		}
	}
}

static void write_patches(const struct recipe *recipe, int fd)
{
	const struct patch *patch;

	STAILQ_FOREACH(patch, &recipe->patches, next)
	{
		uint64_t base = patch->partition ? patch->partition->start : 0;
		uint64_t size = patch->partition ? patch->partition->size : recipe->size;

		if (patch->path)
			continue;
		if (patch->offset > size || patch->bytes.length > size - patch->offset)
			die_at(patch->where, "the patch lies outside");
		write_at(fd, patch->bytes.data, patch->bytes.length, base + patch->offset);
	}
}

static void write_image(const struct recipe *recipe, int fd, const char *path, bool vhd)
{
	if (ftruncate(fd, (off_t)recipe->size) < 0)
		die("%s: %s", path, strerror(errno));
	table_write(recipe, fd, path);
	write_partitions(recipe, fd);
	write_patches(recipe, fd);
	if (vhd)
		vhd_footer_write(recipe, fd);
	if (close(fd) < 0)
		die("%s: %s", path, strerror(errno));
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* What an error leaves of an unfinished image; after the rename there is nothing to remove. */
static void remove_partial(int status, void *partial)
{
	(void)status;
	unlink(partial);
}

int main(int argc, char *argv[])
{
	bool vhd = argc > 1 && strcmp(argv[1], "--vhd") == 0;
	char **names = argv + (vhd ? 2 : 1);
	struct recipe recipe;
	char *partial;
	int fd;

	if (argc - (names - argv) != 2 || names[0][0] == '-') {
		fputs("usage: build-image [--vhd] RECIPE OUTPUT\n", stderr);
		return 2;
	}
	recipe_read(names[0], &recipe);
	partial = format_text("%s.partial", names[1]);
	on_exit(remove_partial, partial);
	fd = open(partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		die("%s: %s", partial, strerror(errno));
	write_image(&recipe, fd, partial, vhd || ends_with(names[1], ".vhd"));
	if (rename(partial, names[1]) < 0)
		die("%s: %s", names[1], strerror(errno));
	return 0;
}
