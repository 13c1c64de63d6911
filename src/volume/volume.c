/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passes each call to the volume's engine.  What does not depend on the engine is done here. */
#include "volume/volume.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int volume_open(const struct volume_engine *engine, uint64_t start, uint64_t size,
		enum volume_mode mode, struct volume **volume, struct bs_error *err)
{
	*volume = NULL;
	if (engine->open(engine, start, size, mode, volume, err) < 0)
		return -1;
	assert(mode == VOLUME_READ || (*volume)->operations->writing);
	return 0;
}

int volume_close(struct volume *volume, struct bs_error *err)
{
	return volume ? volume->operations->close(volume, err) : 0;
}

void volume_done(struct volume *volume)
{
	struct bs_error ignored;

	(void)!volume_close(volume, &ignored);
}

int volume_state(struct volume *volume, struct volume_state *state, struct bs_error *err)
{
	return volume->operations->state(volume, state, err);
}

int volume_open_file(struct volume *volume, const char *path, struct volume_file **file,
		     struct bs_error *err)
{
	*file = NULL;
	return volume->operations->open_file(volume, path, file, err);
}

int volume_close_file(struct volume_file *file, struct bs_error *err)
{
	return file ? file->operations->close_file(file, err) : 0;
}

void volume_done_file(struct volume_file *file)
{
	struct bs_error ignored;

	(void)!volume_close_file(file, &ignored);
}

int volume_stat(struct volume_file *file, struct volume_metadata *metadata, struct bs_error *err)
{
	return file->operations->stat(file, metadata, err);
}

bool volume_has_security(const struct volume_file *file)
{
	return file->operations->security != NULL;
}

int volume_security(struct volume_file *file, uint8_t **descriptor, size_t *size,
		    struct bs_error *err)
{
	assert(volume_has_security(file));
	return file->operations->security(file, descriptor, size, err);
}

int volume_extended_attributes(struct volume_file *file, uint8_t **attributes, size_t *size,
			       struct bs_error *err)
{
	return file->operations->extended_attributes(file, attributes, size, err);
}

int volume_streams(struct volume_file *file, struct volume_stream **streams, size_t *count,
		   struct bs_error *err)
{
	return file->operations->streams(file, streams, count, err);
}

int volume_read(struct volume_file *file, const char *stream, uint64_t offset, void *buffer,
		size_t length, struct bs_error *err)
{
	return length == 0 ? 0 : file->operations->read(file, stream, offset, buffer, length, err);
}

int volume_list(struct volume_file *folder, struct volume_entry **entries, size_t *count,
		struct bs_error *err)
{
	return folder->operations->list(folder, entries, count, err);
}

bool volume_join(char path[BS_PATH_MAX], const char *folder, const char *name)
{
	const char *separator = strcmp(folder, "\\") == 0 ? "" : "\\";

	return snprintf(path, BS_PATH_MAX, "%s%s%s", folder, separator, name) < (int)BS_PATH_MAX;
}

/* ---- writing ------------------------------------------------------------------------------- */

static const struct volume_writing *volume_writing(const struct volume_operations *operations)
{
	assert(operations->writing);
	return operations->writing;
}

int volume_set_attributes(struct volume_file *file, uint32_t attributes, struct bs_error *err)
{
	return volume_writing(file->operations)->set_attributes(file, attributes, err);
}

int volume_set_times(struct volume_file *file, const struct volume_metadata *times,
		     struct bs_error *err)
{
	return volume_writing(file->operations)->set_times(file, times, err);
}

int volume_set_security(struct volume_file *file, const uint8_t *descriptor, size_t size,
			struct bs_error *err)
{
	return volume_writing(file->operations)->set_security(file, descriptor, size, err);
}

int volume_set_extended_attributes(struct volume_file *file, const uint8_t *attributes, size_t size,
				   struct bs_error *err)
{
	return volume_writing(file->operations)
		->set_extended_attributes(file, attributes, size, err);
}

int volume_write(struct volume_file *file, const char *stream, uint64_t offset, const void *buffer,
		 size_t length, struct bs_error *err)
{
	return volume_writing(file->operations)->write(file, stream, offset, buffer, length, err);
}

int volume_create(struct volume *volume, const char *folder, const char *name, bool is_folder,
		  struct bs_error *err)
{
	return volume_writing(volume->operations)->create(volume, folder, name, is_folder, err);
}

int volume_set_names(struct volume *volume, const char *folder, const struct volume_metadata *names,
		     struct bs_error *err)
{
	return volume_writing(volume->operations)->set_names(volume, folder, names, err);
}

int volume_remove(struct volume *volume, const char *path, uint32_t *removed, struct bs_error *err)
{
	return volume_writing(volume->operations)->remove(volume, path, removed, err);
}

/* ---- internals ----------------------------------------------------------------------------- */

bool volume_has_internals(const struct volume *volume)
{
	return volume->operations->internals != NULL;
}

static const struct volume_internals *volume_internals(const struct volume_operations *operations)
{
	assert(operations->internals);
	return operations->internals;
}

int volume_add_clusters(struct volume_file *file, struct range_vector *clusters,
			struct bs_error *err)
{
	return volume_internals(file->operations)->add_clusters(file, clusters, err);
}

int volume_check_clusters(struct volume *volume, const struct range_vector *clusters,
			  struct bs_error *err)
{
	return volume_internals(volume->operations)->check_clusters(volume, clusters, err);
}

uint64_t volume_record_number(const struct volume_file *file)
{
	return volume_internals(file->operations)->record_number(file);
}

int volume_check_indexes(struct volume_file *file, struct bs_error *err)
{
	return volume_internals(file->operations)->check_indexes(file, err);
}

int volume_prove_free(struct volume *volume, struct volume_changed *changed, struct bs_error *err)
{
	return volume_internals(volume->operations)->prove_free(volume, changed, err);
}

int volume_locate(struct volume_file *file, uint64_t length, struct range_vector *ranges,
		  struct bs_error *err)
{
	return volume_internals(file->operations)->locate(file, length, ranges, err);
}

int volume_locate_record(struct volume_file *file, struct range_vector *ranges,
			 struct bs_error *err)
{
	return volume_internals(file->operations)->locate_record(file, ranges, err);
}
