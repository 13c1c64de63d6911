/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/volume-appliance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "appliance/volume-ask.h"
#include "ntfs/ntfs-check.h"
#include "util/bytes.h"
#include "util/utf16.h"
#include "volume/scoped.h"

/* Exit statuses of ntfs-3g.probe(8). */
#define PROBE_HIBERNATED 14
#define PROBE_UNCLEAN    15

DEFINE_VECTOR(appliance_streams, struct volume_stream);
DEFINE_VECTOR(appliance_entries, struct volume_entry);

/* ---- file records -------------------------------------------------------------------------- */

/* Takes what a FILE_NAME attribute says about the file, if it is the name in the file's folder. */
static void record_take_name(const struct volume_appliance_file *file,
			     const struct mft_attribute *name, struct volume_metadata *metadata)
{
	const char *own = strrchr(file->path, '/') + 1;
	uint8_t name_space, length;
	char text[VOLUME_NAME_MAX];

	if (!name->is_resident || name->value_length < FILE_NAME_TEXT)
		return;
	length = name->value[FILE_NAME_LENGTH];
	name_space = name->value[FILE_NAME_LENGTH + 1];
	metadata->links += name_space != 2; /* 2: an 8.3 name */
	if (name->value_length < FILE_NAME_TEXT + 2u * length ||
	    MFT_NUMBER(load_le64(name->value)) != file->folder || name_space == 2)
		return;
	utf16_to_utf8(name->value + FILE_NAME_TEXT, 2u * length, text, sizeof(text));
	if (strcmp(text, own) == 0 || (*own == '\0' && metadata->name[0] == '\0')) {
		memcpy(metadata->name, text, sizeof(metadata->name));
		metadata->name_space = (enum volume_namespace)name_space;
	}
}

static int record_take_names(const struct volume_appliance_file *file, struct mft_record *record,
			     struct volume_metadata *metadata, struct bs_error *err);

/* Reads the names in the extension records that an attribute list names. */
static int record_take_extensions(const struct volume_appliance_file *file,
				  const struct mft_attribute *list,
				  struct volume_metadata *metadata, struct bs_error *err)
{
	uint64_t reference, last = file->record;
	size_t offset = 0;

	while (mft_list_next(list->value, list->value_length, &offset, &reference)) {
		SCOPED uint8_t *bytes = NULL;
		struct mft_record record;

		if (MFT_NUMBER(reference) == last || MFT_NUMBER(reference) == file->record)
			continue;
		last = MFT_NUMBER(reference);
		if (volume_ask_record(file->volume, last, &bytes, &record, err) < 0 ||
		    record_take_names(file, &record, metadata, err) < 0)
			return -1;
	}
	return 0;
}

/* Only a base record has an attribute list, so this ends. */
static int record_take_names(const struct volume_appliance_file *file, struct mft_record *record,
			     struct volume_metadata *metadata, struct bs_error *err)
{
	struct mft_attribute attribute;

	while (mft_record_next(record, &attribute)) {
		if (attribute.type == MFT_FILE_NAME)
			record_take_name(file, &attribute, metadata);
		if (attribute.type == MFT_ATTRIBUTE_LIST && attribute.is_resident &&
		    record->base == 0 &&
		    record_take_extensions(file, &attribute, metadata, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- mounting ------------------------------------------------------------------------------ */

/*
 * Reads the volume's own file: the label, and whether chkdsk has to run.  The tool that libguestfs
 * asks for the label refuses unclean volumes.
 */
static int appliance_read_volume(struct volume_appliance *volume, bool *marked,
				 struct bs_error *err)
{
	SCOPED uint8_t *bytes = NULL;
	struct mft_attribute attribute;
	struct mft_record record;

	*marked = false;
	if (volume_ask_record(volume, MFT_RECORD_VOLUME, &bytes, &record, err) < 0)
		return -1;
	while (mft_record_next(&record, &attribute)) {
		if (attribute.type == MFT_VOLUME_INFORMATION && attribute.is_resident &&
		    attribute.value_length >= 12)
			*marked = load_le16(attribute.value + 10) & 1;
		if (attribute.type == MFT_VOLUME_NAME && attribute.is_resident)
			utf16_to_utf8(attribute.value, attribute.value_length, volume->label,
				      sizeof(volume->label));
	}
	return 0;
}

/* The version of $LogFile, as in 2.0, which tells of Fast Startup. */
static int appliance_read_log(const struct volume_appliance *volume, bool *fast_startup,
			      struct bs_error *err)
{
	SCOPED struct appliance_answer *page =
		volume_ask_surely(volume, APPLIANCE_READ, "/$LogFile", 0, 512, 30, err);

	if (!page)
		return -1;
	/* RESTART_PAGE_HEADER of libntfs-3g's logfile.h: minor version at 26, major at 28. */
	*fast_startup = memcmp(page->data, "RSTR", 4) == 0 && load_le16(page->data + 26) == 0 &&
			load_le16(page->data + 28) == 2;
	return 0;
}

static int appliance_find_obstacle(struct volume_appliance *volume, struct bs_error *err)
{
	SCOPED struct appliance_answer *mark =
		volume_ask(volume, APPLIANCE_READ, "/hiberfil.sys", "", 0, 4, err);
	bool fast_startup, marked;

	if (!mark || appliance_read_log(volume, &fast_startup, err) < 0 ||
	    appliance_read_volume(volume, &marked, err) < 0)
		return -1;
	if (mark->error == 0 && mark->length == 4 && obstacle_can_resume((char *)mark->data))
		volume->obstacle = OBSTACLE_HIBERNATED;
	else if (fast_startup)
		volume->obstacle = OBSTACLE_FAST_STARTUP;
	else if (volume->found.probe == PROBE_HIBERNATED)
		volume->obstacle = OBSTACLE_HIBERNATED;
	else if (volume->found.probe == PROBE_UNCLEAN)
		volume->obstacle = OBSTACLE_JOURNAL;
	else if (marked)
		volume->obstacle = OBSTACLE_MARKED;
	return 0;
}

/* The boot record tells the size of a file record. */
static int appliance_read_geometry(struct volume_appliance *volume, struct bs_error *err)
{
	struct ntfs_geometry geometry;
	SCOPED struct appliance_answer *sector =
		volume_ask_surely(volume, APPLIANCE_READ, "/$Boot", 0, 512, 512, err);

	if (!sector)
		return -1;
	if (!ntfs_geometry_read(sector->data, &geometry))
		return fail(err, BS_NTFS_DAMAGED, "the boot record makes no sense");
	volume->record_size = geometry.record_size;
	return 0;
}

static int appliance_mount(struct volume_appliance *volume, struct bs_error *err)
{
	SCOPED struct appliance_answer *answer =
		volume_ask(volume, APPLIANCE_MOUNT, "", "", 0, 0, err);

	if (!answer)
		return -1;
	if (answer->error != 0)
		return volume_ask_fail(answer, err);
	if (answer->length != sizeof(volume->found))
		return fail(err, BS_WORKER, "the appliance's process answers nonsense");
	memcpy(&volume->found, answer->data, sizeof(volume->found));
	return 0;
}

int volume_appliance_close(struct volume *base, struct bs_error *err)
{
	struct volume_appliance *volume = (struct volume_appliance *)base;
	struct appliance_answer *answer = volume_ask(volume, APPLIANCE_UNMOUNT, "", "", 0, 0, err);
	int result = answer ? 0 : -1;

	free(answer);
	free(volume);
	return result;
}

int volume_appliance_state(struct volume *base, struct volume_state *state, struct bs_error *err)
{
	const struct volume_appliance *volume = (const struct volume_appliance *)base;

	(void)err;
	*state = (struct volume_state){
		.cluster_size = volume->found.cluster_size,
		.free = volume->found.free,
		.obstacle = obstacle_code(volume->obstacle),
	};
	memcpy(state->label, volume->label, sizeof(state->label));
	snprintf(state->obstacle_text, sizeof(state->obstacle_text), "%s",
		 obstacle_text(volume->obstacle));
	return 0;
}

/* ---- files --------------------------------------------------------------------------------- */

/* Sets *there to whether the path exists that the answer is about.  NULL: the asking has failed. */
static int file_check_there(const struct appliance_answer *answer, bool *there,
			    struct bs_error *err)
{
	*there = answer && answer->error == 0;
	if (!answer)
		return -1;
	if (*there || answer->error == ENOENT || answer->error == ENOTDIR)
		return 0;
	return volume_ask_fail(answer, err);
}

/* Sets *stat, or *there to false if the path does not exist. */
static int file_stat_path(const struct volume_appliance *volume, const char *path, bool *there,
			  struct appliance_stat *stat, struct bs_error *err)
{
	SCOPED struct appliance_answer *answer =
		volume_ask(volume, APPLIANCE_STAT, path, "", 0, 0, err);

	if (file_check_there(answer, there, err) < 0)
		return -1;
	if (!*there)
		return 0;
	if (answer->length != sizeof(*stat))
		return fail(err, BS_WORKER, "the appliance's process answers nonsense");
	memcpy(stat, answer->data, sizeof(*stat));
	return 0;
}

/* Sets file->path to the path with slashes.  Returns false if it is too long. */
static bool file_set_path(struct volume_appliance_file *file, const char *path)
{
	int length =
		snprintf(file->path, sizeof(file->path), "%s%s", path[0] == '\\' ? "" : "\\", path);

	for (char *c = file->path; *c; c++)
		if (*c == '\\')
			*c = '/';
	return length < (int)sizeof(file->path);
}

/* Spells file->path as the volume does.  *there: false if a folder of it is missing. */
static int file_spell(struct volume_appliance_file *file, bool *there, struct bs_error *err)
{
	SCOPED struct appliance_answer *answer =
		volume_ask(file->volume, APPLIANCE_SPELLING, file->path, "", 0, 0, err);

	if (file_check_there(answer, there, err) < 0)
		return -1;
	if (!*there)
		return 0;
	if (answer->length == 0 || answer->length > sizeof(file->path) || answer->data[0] != '/' ||
	    answer->data[answer->length - 1] != '\0')
		return fail(err, BS_WORKER, "the appliance's process answers nonsense");
	memcpy(file->path, answer->data, answer->length);
	return 0;
}

/*
 * ntfs-3g minds the case, so a path that it finds as it is has the spelling of the volume.  The
 * kernel's FAT does not mind it.
 */
static int file_find(struct volume_appliance_file *file, bool *there, struct appliance_stat *stat,
		     struct bs_error *err)
{
	if (file_stat_path(file->volume, file->path, there, stat, err) < 0)
		return -1;
	if (*there != file->volume->found.is_fat)
		return 0;
	if (file_spell(file, there, err) < 0)
		return -1;
	return *there ? file_stat_path(file->volume, file->path, there, stat, err) : 0;
}

/* Finds the number of the record of the folder above the file. */
static int file_find_folder(struct volume_appliance_file *file, struct bs_error *err)
{
	struct volume_appliance *volume = file->volume;
	char folder[APPLIANCE_PATH_MAX];
	struct appliance_stat stat;
	bool there;

	memcpy(folder, file->path, sizeof(folder));
	*strrchr(folder, '/') = '\0';
	if (folder[0] == '\0')
		strcpy(folder, "/");
	if (strcmp(folder, volume->folder) != 0) {
		if (file_stat_path(volume, folder, &there, &stat, err) < 0)
			return -1;
		volume->folder_record = there ? stat.inode : 0;
		memcpy(volume->folder, folder, sizeof(volume->folder));
	}
	file->folder = volume->folder_record;
	return 0;
}

int volume_appliance_open_file(struct volume *base, const char *path, struct volume_file **out,
			       struct bs_error *err)
{
	struct volume_appliance_file *file = calloc(1, sizeof(*file));
	struct appliance_stat stat = {0};
	bool there = false;
	int result = 0;

	*out = NULL;
	if (!file)
		return fail_memory(err);
	file->file.operations = base->operations;
	file->volume = (struct volume_appliance *)base;
	if (file_set_path(file, path))
		result = file_find(file, &there, &stat, err);
	if (result == 0 && there)
		result = file_find_folder(file, err);
	if (result < 0 || !there) {
		free(file);
		return result;
	}
	file->record = stat.inode;
	file->size = stat.size;
	file->is_folder = S_ISDIR(stat.mode);
	*out = &file->file;
	return 0;
}

int volume_appliance_close_file(struct volume_file *base, struct bs_error *err)
{
	(void)err;
	free(base);
	return 0;
}

/* ---- what describes a file ----------------------------------------------------------------- */

/* The times, the attributes and the short name, which ntfs-3g tells as extended attributes. */
static int file_stat_attributes(const struct volume_appliance_file *file,
				struct volume_metadata *metadata, struct bs_error *err)
{
	SCOPED uint8_t *attributes = NULL;
	SCOPED uint8_t *times = NULL;
	SCOPED uint8_t *short_name = NULL;
	SCOPED uint8_t *reparse = NULL;
	size_t size;

	if (volume_ask_attribute(file, "system.ntfs_attrib_be", 4, &attributes, &size, err) < 0 ||
	    volume_ask_attribute(file, "system.ntfs_times_be", 32, &times, &size, err) < 0)
		return -1;
	/* The root folder and other metadata files have none, and ntfs-3g refuses to look. */
	if (!metadata->is_metadata &&
	    volume_ask_attribute(file, "system.ntfs_dos_name", 0, &short_name, &size, err) < 0)
		return -1;
	if (!attributes || !times)
		return fail(err, BS_NTFS_DAMAGED, "libguestfs: %s has no times or attributes",
			    file->path);
	/* Directory and normal are no flags on a volume. */
	metadata->attributes = load_be32(attributes) & ~0x90u;
	metadata->created = load_be64(times);
	metadata->modified = load_be64(times + 8);
	metadata->accessed = load_be64(times + 16);
	metadata->changed = load_be64(times + 24);
	if (short_name && metadata->name_space == NAMESPACE_WIN32)
		snprintf(metadata->short_name, sizeof(metadata->short_name), "%s",
			 (const char *)short_name);
	if (!(metadata->attributes & FILE_IS_REPARSE_POINT))
		return 0;
	if (volume_ask_attribute(file, "system.ntfs_reparse_data", 4, &reparse, &size, err) < 0)
		return -1;
	metadata->reparse_tag = reparse ? load_le32(reparse) : 0;
	return 0;
}

static int volume_appliance_stat(struct volume_file *base, struct volume_metadata *metadata,
				 struct bs_error *err)
{
	const struct volume_appliance_file *file = (const struct volume_appliance_file *)base;
	SCOPED uint8_t *bytes = NULL;
	struct mft_record record;

	*metadata = (struct volume_metadata){
		.is_metadata = file->record < MFT_RECORD_FIRST_FREE,
	};
	if (volume_ask_record(file->volume, file->record, &bytes, &record, err) < 0)
		return -1;
	metadata->is_folder = mft_record_is_folder(bytes);
	if (!metadata->is_folder)
		metadata->size = file->size;
	if (record_take_names(file, &record, metadata, err) < 0)
		return -1;
	return file_stat_attributes(file, metadata, err);
}

static int volume_appliance_security(struct volume_file *base, uint8_t **descriptor, size_t *size,
				     struct bs_error *err)
{
	return volume_ask_attribute((const struct volume_appliance_file *)base, "system.ntfs_acl",
				    0, descriptor, size, err);
}

static int volume_appliance_extended_attributes(struct volume_file *base, uint8_t **attributes,
						size_t *size, struct bs_error *err)
{
	return volume_ask_attribute((const struct volume_appliance_file *)base, "system.ntfs_ea", 0,
				    attributes, size, err);
}

/* ---- content ------------------------------------------------------------------------------- */

/* "PATH" or "PATH:STREAM" */
static int file_stream_path(const struct volume_appliance_file *file, const char *stream,
			    char path[APPLIANCE_PATH_MAX], struct bs_error *err)
{
	if (snprintf(path, APPLIANCE_PATH_MAX, "%s%s%s", file->path, *stream ? ":" : "", stream) <
	    (int)APPLIANCE_PATH_MAX)
		return 0;
	return fail(err, BS_BOOT_FILE_UNSUPPORTED, "too long a path");
}

static int file_add_stream(struct appliance_streams *streams, const char *name, uint64_t size,
			   struct bs_error *err)
{
	struct volume_stream *stream = appliance_streams_add(streams, err);

	if (!stream)
		return -1;
	snprintf(stream->name, sizeof(stream->name), "%s", name);
	stream->size = size;
	return 0;
}

static int file_add_named_stream(const struct volume_appliance_file *file, const char *name,
				 struct appliance_streams *streams, struct bs_error *err)
{
	char path[APPLIANCE_PATH_MAX];
	struct appliance_stat stat;
	bool there;

	if (file_stream_path(file, name, path, err) < 0 ||
	    file_stat_path(file->volume, path, &there, &stat, err) < 0)
		return -1;
	if (!there)
		return fail(err, BS_NTFS_DAMAGED, "libguestfs does not find %s", path);
	return file_add_stream(streams, name, stat.size, err);
}

static int volume_appliance_streams(struct volume_file *base, struct volume_stream **streams,
				    size_t *count, struct bs_error *err)
{
	const struct volume_appliance_file *file = (const struct volume_appliance_file *)base;
	struct appliance_streams list = {0};
	SCOPED uint8_t *names = NULL;
	size_t size;
	int result = volume_ask_attribute(file, "ntfs.streams.list", 0, &names, &size, err);

	if (result == 0 && !file->is_folder)
		result = file_add_stream(&list, "", file->size, err);
	for (size_t i = 0; result == 0 && names && i < size;
	     i += strlen((const char *)names + i) + 1)
		result = file_add_named_stream(file, (const char *)names + i, &list, err);
	if (result < 0)
		appliance_streams_free(&list);
	*streams = list.items;
	*count = list.count;
	return result;
}

int volume_appliance_read(struct volume_file *base, const char *stream, uint64_t offset,
			  void *buffer, size_t length, struct bs_error *err)
{
	const struct volume_appliance_file *file = (const struct volume_appliance_file *)base;
	char path[APPLIANCE_PATH_MAX];

	if (file_stream_path(file, stream, path, err) < 0)
		return -1;
	for (size_t done = 0; done < length;) {
		uint32_t wanted = (uint32_t)min_u64(length - done, APPLIANCE_DATA_MAX);
		SCOPED struct appliance_answer *answer = volume_ask_surely(
			file->volume, APPLIANCE_READ, path, offset + done, wanted, wanted, err);

		if (!answer)
			return -1;
		memcpy((uint8_t *)buffer + done, answer->data, wanted);
		done += wanted;
	}
	return 0;
}

/* Adds the names of one answer.  Returns how many there were. */
static int file_add_entries(const struct appliance_answer *answer, struct appliance_entries *list,
			    size_t *added, struct bs_error *err)
{
	*added = 0;
	for (uint32_t i = 0; i < answer->length;) {
		const char *name = (const char *)answer->data + i;
		size_t length = strnlen(name, answer->length - i);
		struct volume_entry *entry = appliance_entries_add(list, err);

		if (!entry)
			return -1;
		snprintf(entry->name, sizeof(entry->name), "%.*s", (int)length, name);
		i += (uint32_t)length + 1;
		++*added;
	}
	return 0;
}

int volume_appliance_list(struct volume_file *base, struct volume_entry **entries, size_t *count,
			  struct bs_error *err)
{
	const struct volume_appliance_file *folder = (const struct volume_appliance_file *)base;
	struct appliance_entries list = {0};
	size_t added = 0;
	int result;

	do { /* ends: an answer without names is the last one */
		SCOPED struct appliance_answer *answer = volume_ask_surely(
			folder->volume, APPLIANCE_LIST, folder->path, list.count, 0, 0, err);

		result = answer ? file_add_entries(answer, &list, &added, err) : -1;
	} while (result == 0 && added > 0);
	if (result < 0)
		appliance_entries_free(&list);
	*entries = list.items;
	*count = list.count;
	return result;
}

/* ---- opening ------------------------------------------------------------------------------- */

static const struct volume_operations volume_appliance_operations = {
	.close = volume_appliance_close,
	.state = volume_appliance_state,
	.open_file = volume_appliance_open_file,
	.close_file = volume_appliance_close_file,
	.stat = volume_appliance_stat,
	.security = volume_appliance_security,
	.extended_attributes = volume_appliance_extended_attributes,
	.streams = volume_appliance_streams,
	.read = volume_appliance_read,
	.list = volume_appliance_list,
};

/* Reads what an NTFS volume tells when it is mounted. */
static int appliance_begin_ntfs(struct volume_appliance *volume, struct bs_error *err)
{
	if (appliance_read_geometry(volume, err) < 0)
		return -1;
	return appliance_find_obstacle(volume, err);
}

int volume_appliance_open(int channel, struct disk *disk,
			  const struct appliance_partition *partition, struct volume **out,
			  struct bs_error *err)
{
	struct volume_appliance *volume = calloc(1, sizeof(*volume));

	if (!volume)
		return fail_memory(err);
	volume->channel = channel;
	volume->disk = disk;
	volume->start = partition->start;
	volume->size = partition->size;
	volume->partition = partition->number;
	if (appliance_mount(volume, err) < 0) {
		free(volume);
		return -1;
	}
	volume->volume.operations = volume->found.is_fat ? &volume_appliance_fat_operations
							 : &volume_appliance_operations;
	memcpy(volume->label, volume->found.label, sizeof(volume->label));
	volume->label[sizeof(volume->label) - 1] = '\0';
	if (!volume->found.is_fat && appliance_begin_ntfs(volume, err) < 0) {
		volume_done(&volume->volume);
		return -1;
	}
	*out = &volume->volume;
	return 0;
}
