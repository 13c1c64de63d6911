/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the boot volume: the loader, the name of Windows, and the places of the boot files. */
#include <string.h>

#include "survey/reader.h"
#include "volume/scoped.h"

/*
 * Fills in the size of a loader, and whether it begins like a program.  A loader that Windows
 * stores compressed (WOF) has no readable bytes here, so it counts as a program.
 */
static int loader_read_start(struct volume_file *file, const struct volume_metadata *metadata,
			     struct fact_loader *loader, struct bs_error *err)
{
	uint8_t magic[2];

	loader->kind = LOADER_GOOD;
	loader->size = metadata->size;
	if (metadata->attributes & FILE_IS_REPARSE_POINT)
		return 0;
	if (metadata->size < sizeof(magic)) {
		loader->kind = LOADER_NO_PROGRAM;
		return 0;
	}
	if (volume_read(file, "", 0, magic, sizeof(magic), err) < 0)
		return -1;
	if (memcmp(magic, "MZ", sizeof(magic)) != 0)
		loader->kind = LOADER_NO_PROGRAM;
	return 0;
}

static int loader_read(struct volume *volume, const char *path, struct fact_loader *loader,
		       struct bs_error *err)
{
	struct fact_loader found = {.kind = LOADER_MISSING};
	SCOPED_FILE *file = NULL;
	struct volume_metadata metadata;

	if (volume_open_file(volume, path, &file, err) < 0 ||
	    (file && volume_stat(file, &metadata, err) < 0))
		return -1;
	if (file && !metadata.is_folder && metadata.size != 0 &&
	    loader_read_start(file, &metadata, &found, err) < 0)
		return -1;
	*loader = found;
	return 0;
}

/* Reads the loader of the Windows that starts by default, if the user chose another Windows. */
static int loader_read_default(struct reader *reader, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	int32_t index = facts->starts.index;
	struct volume *volume;

	if (index < 0 || index == facts->boot_index || !facts_is_readable(facts, index))
		return 0;
	if (reader_mount(reader, index, &volume, err) == 0 &&
	    loader_read(volume, facts->starts.path, &facts->default_loader, err) == 0)
		return 0;
	reader_unmount(reader, index);
	return reader_is_content(err->code) ? 0 : -1;
}

static int boot_volume_read_all(struct reader *reader, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct volume *boot;

	if (reader_mount(reader, facts->boot_index, &boot, err) < 0 ||
	    loader_read(boot, facts->loader_path, &facts->loader, err) < 0)
		return -1;
	if (facts->starts.index == facts->boot_index)
		facts->default_loader = facts->loader;
	/* A fix does not need the SOFTWARE hive, so damage in the hive is not an error. */
	if (hives_read_name(reader, boot, err) < 0 && !reader_is_content(err->code))
		return -1;
	return facts_give_files(facts) ? boot_target_read(reader, boot, err) : 0;
}

int boot_volume_read(struct reader *reader, struct bs_error *err)
{
	struct facts *facts = reader->facts;

	if (loader_read_default(reader, err) < 0)
		return -1;
	if (!facts_is_readable(facts, facts->boot_index) || boot_volume_read_all(reader, err) == 0)
		return 0;
	return reader_keep_error(err, &facts->boot_error);
}
