/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps the histories, and builds the states that they allow; see storage.h. */
#include "crash/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "support/test.h"
#include "util/bytes.h"

#define STORAGE_RUN (1u << 20) /* bytes written at once */

const char *const storage_attributes[STORAGE_ATTRIBUTES] = {"user.bootshift.undo",
							    "user.bootshift.undo-file"};

/* Makes room for one more item at the end of an array. */
static void *storage_grow(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) == 0)
		array = realloc(array, (count ? 2 * count : 1) * size);
	MUST(array);
	return array;
}

/* ---- histories ------------------------------------------------------------------------------- */

static void history_add(struct history *history, int event, uint64_t number, const void *bytes,
			size_t size)
{
	struct version version = {.event = event, .number = number};

	if (bytes) {
		version.bytes = malloc(size);
		MUST(version.bytes);
		memcpy(version.bytes, bytes, size);
	}
	history->versions =
		storage_grow(history->versions, (size_t)history->count, sizeof(version));
	history->versions[history->count++] = version;
}

static void history_free(struct history *history)
{
	for (int i = 0; i < history->count; i++)
		free(history->versions[i].bytes);
	free(history->versions);
}

static const struct version *history_last(const struct history *history)
{
	return &history->versions[history->count - 1];
}

/* ---- recording ------------------------------------------------------------------------------- */

static struct stored_file *storage_add_file(struct recording *recording, int descriptor)
{
	struct stored_file *file;
	struct stat status;

	MUST(fstat(descriptor, &status) == 0);
	recording->files =
		storage_grow(recording->files, recording->file_count, sizeof(*recording->files));
	file = &recording->files[recording->file_count++];
	*file = (struct stored_file){
		.is_image = recording->file_count == 1,
		.is_device = S_ISBLK(status.st_mode),
		.device = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev,
		.inode = S_ISBLK(status.st_mode) ? 0 : status.st_ino,
	};
	history_add(&file->length, -1, (uint64_t)lseek(descriptor, 0, SEEK_END), NULL, 0);
	for (int i = 0; i < STORAGE_ATTRIBUTES; i++) {
		char value[4096];
		ssize_t size = file->is_device ? -1
					       : fgetxattr(descriptor, storage_attributes[i], value,
							   sizeof(value) - 1);

		value[size < 0 ? 0 : size] = '\0';
		history_add(&file->attributes[i], -1, size >= 0, size < 0 ? NULL : value,
			    (size_t)size + 1);
	}
	return file;
}

static void storage_add_name(struct recording *recording, const char *name)
{
	struct stored_name *stored;
	struct stored_file *file;
	char path[STORAGE_PATH_MAX + STORAGE_NAME_MAX];
	int descriptor;

	snprintf(path, sizeof(path), "%s/%s", recording->folder, name);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	MUST(descriptor >= 0);
	file = storage_add_file(recording, descriptor);
	file->is_part = strncmp(name, STORAGE_PART, strlen(STORAGE_PART)) == 0;
	file->base_length = storage_length(file);
	file->base = calloc(1, file->base_length + 1);
	MUST(file->base);
	MUST(pread(descriptor, file->base, file->base_length, 0) == (ssize_t)file->base_length);
	close(descriptor);
	recording->names =
		storage_grow(recording->names, recording->name_count, sizeof(*recording->names));
	stored = &recording->names[recording->name_count++];
	snprintf(stored->name, sizeof(stored->name), "%s", name);
	stored->file = (int)recording->file_count - 1;
}

static bool storage_is_image_name(const struct recording *recording, const char *name)
{
	size_t length = strlen(recording->folder);

	return strncmp(recording->image, recording->folder, length) == 0 &&
	       strcmp(recording->image + length + 1, name) == 0;
}

struct recording *storage_begin(const char *folder, const char *image)
{
	struct recording *recording = calloc(1, sizeof(*recording));
	int descriptor = open(image, O_RDONLY | O_CLOEXEC);
	struct dirent *entry;
	struct stat status;
	DIR *names;

	MUST(recording && descriptor >= 0 && stat(folder, &status) == 0);
	snprintf(recording->folder, sizeof(recording->folder), "%s", folder);
	snprintf(recording->image, sizeof(recording->image), "%s", image);
	recording->folder_device = status.st_dev;
	recording->folder_inode = status.st_ino;
	storage_add_file(recording, descriptor);
	close(descriptor);
	names = opendir(folder);
	MUST(names);
	while ((entry = readdir(names)))
		if (entry->d_type == DT_REG && !storage_is_image_name(recording, entry->d_name))
			storage_add_name(recording, entry->d_name);
	closedir(names);
	return recording;
}

static void storage_free_file(struct stored_file *file)
{
	for (size_t i = 0; i < file->touched_count; i++) {
		uint32_t number = file->touched[i];

		history_free(&file->sectors[number]);
		history_free(&file->blocks[number / (STORAGE_BLOCK / STORAGE_SECTOR)]);
		file->blocks[number / (STORAGE_BLOCK / STORAGE_SECTOR)] = (struct history){0};
	}
	for (int i = 0; i < STORAGE_ATTRIBUTES; i++)
		history_free(&file->attributes[i]);
	history_free(&file->length);
	free(file->base);
	free(file->sectors);
	free(file->blocks);
	free(file->touched);
	free(file->syncs);
}

void storage_free(struct recording *recording)
{
	for (size_t i = 0; i < recording->file_count; i++)
		storage_free_file(&recording->files[i]);
	for (size_t i = 0; i < recording->naming_count; i++)
		history_free(&recording->namings[i].history);
	free(recording->files);
	free(recording->names);
	free(recording->namings);
	free(recording->folder_syncs);
	free(recording->events);
	free(recording);
}

struct stored_file *storage_find(struct recording *recording, int descriptor)
{
	struct stat status;
	bool is_device;

	if (fstat(descriptor, &status) < 0)
		return NULL;
	is_device = S_ISBLK(status.st_mode);
	/* The newest first: a file system may give the number of a removed file to a new one. */
	for (size_t i = recording->file_count; i-- > 0;) {
		struct stored_file *file = &recording->files[i];

		if (is_device ? file->is_device && file->device == status.st_rdev
			      : file->device == status.st_dev && file->inode == status.st_ino)
			return file;
	}
	return NULL;
}

bool storage_is_folder(const struct recording *recording, int descriptor)
{
	struct stat status;

	return fstat(descriptor, &status) == 0 && status.st_dev == recording->folder_device &&
	       status.st_ino == recording->folder_inode;
}

int storage_event(struct recording *recording, bool is_sync, const char *format, ...)
{
	struct event *event;
	va_list arguments;

	recording->events = storage_grow(recording->events, (size_t)recording->event_count,
					 sizeof(*recording->events));
	event = &recording->events[recording->event_count];
	event->is_sync = is_sync;
	va_start(arguments, format);
	vsnprintf(event->text, sizeof(event->text), format, arguments);
	va_end(arguments);
	return recording->event_count++;
}

uint64_t storage_length(const struct stored_file *file)
{
	return history_last(&file->length)->number;
}

/* Makes the tables long enough for this sector. */
static void storage_reach(struct stored_file *file, uint64_t sector)
{
	size_t limit = file->sector_limit ? file->sector_limit : 1024;

	while (limit <= sector)
		limit *= 2;
	if (limit == file->sector_limit)
		return;
	file->sectors = realloc(file->sectors, limit * sizeof(*file->sectors));
	file->blocks = realloc(file->blocks, limit / 8 * sizeof(*file->blocks));
	MUST(file->sectors && file->blocks);
	memset(file->sectors + file->sector_limit, 0,
	       (limit - file->sector_limit) * sizeof(*file->sectors));
	memset(file->blocks + file->sector_limit / 8, 0,
	       (limit - file->sector_limit) / 8 * sizeof(*file->blocks));
	file->sector_limit = limit;
}

/* Notes the sectors of a block, and whether the file system has allocated the block. */
static void storage_keep_block(struct stored_file *file, int descriptor, uint64_t number)
{
	off_t start = (off_t)(number * STORAGE_BLOCK);
	uint8_t bytes[STORAGE_BLOCK] = {0};

	MUST(pread(descriptor, bytes, sizeof(bytes), start) >= 0);
	history_add(&file->blocks[number], -1, lseek(descriptor, start, SEEK_DATA) == start, NULL,
		    0);
	for (uint64_t i = 0; i < STORAGE_BLOCK / STORAGE_SECTOR; i++) {
		uint64_t sector = number * (STORAGE_BLOCK / STORAGE_SECTOR) + i;
		const uint8_t *content = bytes + i * STORAGE_SECTOR;

		history_add(&file->sectors[sector], -1, 0,
			    all_zero(content, STORAGE_SECTOR) ? NULL : content, STORAGE_SECTOR);
		file->touched =
			storage_grow(file->touched, file->touched_count, sizeof(*file->touched));
		file->touched[file->touched_count++] = (uint32_t)sector;
	}
}

void storage_keep(struct stored_file *file, int descriptor, uint64_t offset, uint64_t length)
{
	/* Whole blocks, because a hole comes and goes in blocks. */
	uint64_t first = offset / STORAGE_BLOCK;
	uint64_t end = (offset + length + STORAGE_BLOCK - 1) / STORAGE_BLOCK;
	char path[64];
	int reading;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	reading = open(path, O_RDONLY | O_CLOEXEC);
	MUST(reading >= 0);
	storage_reach(file, end * (STORAGE_BLOCK / STORAGE_SECTOR));
	for (; first < end; first++)
		if (file->blocks[first].count == 0)
			storage_keep_block(file, reading, first);
	close(reading);
}

/* Changes the bytes of a part of one sector.  NULL: to zeros. */
static void storage_change(struct stored_file *file, int event, uint64_t offset,
			   const uint8_t *bytes, size_t length)
{
	struct history *history = &file->sectors[offset / STORAGE_SECTOR];
	const uint8_t *before = history_last(history)->bytes;
	uint8_t after[STORAGE_SECTOR] = {0};

	if (before)
		memcpy(after, before, sizeof(after));
	if (bytes)
		memcpy(after + offset % STORAGE_SECTOR, bytes, length);
	else
		memset(after + offset % STORAGE_SECTOR, 0, length);
	history_add(history, event, 0, all_zero(after, sizeof(after)) ? NULL : after,
		    sizeof(after));
}

static void storage_change_all(struct stored_file *file, int event, uint64_t offset,
			       const uint8_t *bytes, uint64_t length)
{
	while (length > 0) {
		size_t part = (size_t)min_u64(length, STORAGE_SECTOR - offset % STORAGE_SECTOR);

		storage_change(file, event, offset, bytes, part);
		bytes = bytes ? bytes + part : NULL;
		offset += part;
		length -= part;
	}
}

void storage_wrote(struct stored_file *file, int event, uint64_t offset, const void *bytes,
		   uint64_t length)
{
	storage_change_all(file, event, offset, bytes, length);
	storage_allocated(file, event, offset, length, true);
	if (offset + length > storage_length(file))
		storage_lengthened(file, event, offset + length);
}

void storage_zeroed(struct stored_file *file, int event, uint64_t offset, uint64_t length)
{
	storage_change_all(file, event, offset, NULL, length);
}

void storage_allocated(struct stored_file *file, int event, uint64_t offset, uint64_t length,
		       bool allocated)
{
	uint64_t first = offset / STORAGE_BLOCK, end = (offset + length) / STORAGE_BLOCK;

	if (allocated) /* also the blocks that are touched in part */
		end = (offset + length + STORAGE_BLOCK - 1) / STORAGE_BLOCK;
	else
		first = (offset + STORAGE_BLOCK - 1) / STORAGE_BLOCK;
	for (; first < end; first++)
		history_add(&file->blocks[first], event, allocated, NULL, 0);
}

void storage_lengthened(struct stored_file *file, int event, uint64_t length)
{
	history_add(&file->length, event, length, NULL, 0);
}

void storage_set(struct stored_file *file, int event, const char *attribute, const void *value,
		 size_t size)
{
	char text[4096] = "";

	for (int i = 0; i < STORAGE_ATTRIBUTES; i++) {
		if (strcmp(attribute, storage_attributes[i]) != 0)
			continue;
		if (value)
			memcpy(text, value, size);
		history_add(&file->attributes[i], event, value != NULL, value ? text : NULL,
			    size + 1);
		return;
	}
	ck_abort_msg("the attribute %s is unknown here", attribute);
}

static void storage_add_sync(int **syncs, size_t *count, int event)
{
	*syncs = storage_grow(*syncs, *count, sizeof(**syncs));
	(*syncs)[(*count)++] = event;
}

/* NULL: the folder. */
void storage_synced(struct recording *recording, struct stored_file *file, int event)
{
	if (file)
		storage_add_sync(&file->syncs, &file->sync_count, event);
	else
		storage_add_sync(&recording->folder_syncs, &recording->folder_sync_count, event);
}

void storage_named(struct recording *recording, int event, enum naming_kind kind, const char *from,
		   const char *to, int descriptor)
{
	struct naming *naming;

	if (kind == NAMING_MAKE)
		storage_add_file(recording, descriptor);
	recording->namings = storage_grow(recording->namings, recording->naming_count,
					  sizeof(*recording->namings));
	naming = &recording->namings[recording->naming_count++];
	*naming = (struct naming){.kind = kind, .file = (int)recording->file_count - 1};
	snprintf(naming->from, sizeof(naming->from), "%s", from);
	snprintf(naming->to, sizeof(naming->to), "%s", to);
	history_add(&naming->history, -1, 0, NULL, 0);
	history_add(&naming->history, event, 1, NULL, 0);
}

/* ---- what is loose --------------------------------------------------------------------------- */

/* The number of the last sync before the cut, or -1. */
static int cut_last_sync(const struct cut *cut, const int *syncs, size_t count)
{
	while (count > 0 && syncs[count - 1] >= cut->event)
		count--;
	return count > 0 ? syncs[count - 1] : -1;
}

/* The last version up to and with this call. */
static int cut_version(const struct history *history, int event)
{
	int number = history->count - 1;

	while (number > 0 && history->versions[number].event > event)
		number--;
	return number;
}

static bool cut_is_same(const struct version *a, const struct version *b, bool is_sector)
{
	if (a->number != b->number || !a->bytes != !b->bytes)
		return false;
	if (!a->bytes)
		return true;
	return is_sector ? memcmp(a->bytes, b->bytes, STORAGE_SECTOR) == 0
			 : strcmp((char *)a->bytes, (char *)b->bytes) == 0;
}

static void cut_add(struct cut *cut, const struct history *history, int synced, bool is_sector)
{
	int first = cut_version(history, synced), last = cut_version(history, cut->event - 1);

	/* What was written again as it was is not loose. */
	while (first < last &&
	       cut_is_same(&history->versions[first], &history->versions[first + 1], is_sector))
		first++;
	while (first < last &&
	       cut_is_same(&history->versions[last], &history->versions[last - 1], is_sector))
		last--;
	if (first == last)
		return;
	cut->loose = storage_grow(cut->loose, cut->loose_count, sizeof(*cut->loose));
	cut->loose[cut->loose_count++] = (struct loose){.history = history,
							.first = first,
							.count = last - first + 1,
							.is_sector = is_sector};
}

static void cut_add_file(struct cut *cut, const struct stored_file *file)
{
	int synced = cut_last_sync(cut, file->syncs, file->sync_count);

	cut_add(cut, &file->length, synced, false);
	for (int i = 0; (file->is_image || file->is_part) && i < STORAGE_ATTRIBUTES; i++)
		cut_add(cut, &file->attributes[i], synced, false);
	for (size_t i = 0; i < file->touched_count; i++) {
		uint32_t sector = file->touched[i];

		cut_add(cut, &file->sectors[sector], synced, true);
		if (sector % 8 == 0 && file->is_image && !file->is_device)
			cut_add(cut, &file->blocks[sector / 8], synced, false);
	}
}

void cut_open(const struct recording *recording, int event, struct cut *cut)
{
	int synced;

	*cut = (struct cut){.recording = recording, .event = event};
	synced = cut_last_sync(cut, recording->folder_syncs, recording->folder_sync_count);
	for (size_t i = 0; i < recording->naming_count; i++)
		if (recording->namings[i].history.versions[1].event < event)
			cut_add(cut, &recording->namings[i].history, synced, false);
	for (size_t i = 0; i < recording->file_count; i++)
		cut_add_file(cut, &recording->files[i]);
}

void cut_close(struct cut *cut)
{
	free(cut->loose);
}

/* ---- building a state ------------------------------------------------------------------------ */

/*
 * The version that the state has.  `next`: the loose things are listed in the order in which they
 * are asked for here.
 */
static const struct version *cut_chosen(const struct cut *cut, const struct history *history,
					size_t *next)
{
	const struct loose *loose = *next < cut->loose_count ? &cut->loose[*next] : NULL;

	if (!loose || loose->history != history)
		return &history->versions[cut_version(history, cut->event - 1)];
	++*next;
	return &history->versions[loose->first + loose->pick];
}

/* The chosen bytes of a sector. */
static void cut_sector(const struct cut *cut, const struct history *history, size_t *next,
		       uint8_t bytes[STORAGE_SECTOR])
{
	const struct version *chosen = cut_chosen(cut, history, next);

	if (chosen->bytes)
		memcpy(bytes, chosen->bytes, STORAGE_SECTOR);
	else
		memset(bytes, 0, STORAGE_SECTOR);
	if (cut->torn != history)
		return;
	if (chosen[1].bytes)
		memcpy(bytes, chosen[1].bytes, cut->torn_at);
	else
		memset(bytes, 0, cut->torn_at);
}

static void cut_write(int descriptor, const uint8_t *bytes, uint64_t offset, uint64_t length,
		      uint64_t end)
{
	if (offset >= end)
		return;
	length = min_u64(length, end - offset);
	MUST(pwrite(descriptor, bytes, length, (off_t)offset) == (ssize_t)length);
}

/* Writes the sectors of a file that follow one another by one call. */
static void cut_write_sectors(const struct cut *cut, const struct stored_file *file, size_t *next,
			      int descriptor, uint64_t length, bool *allocated)
{
	uint8_t *run = malloc(STORAGE_RUN);
	uint64_t start = 0, end = 0;

	MUST(run);
	for (size_t i = 0; i < file->touched_count; i++) {
		uint64_t sector = file->touched[i], offset = sector * STORAGE_SECTOR;

		if (offset != end || end - start == STORAGE_RUN) {
			cut_write(descriptor, run, start, end - start, length);
			start = end = offset;
		}
		cut_sector(cut, &file->sectors[sector], next, run + (end - start));
		end += STORAGE_SECTOR;
		if (sector % 8 == 0 && allocated)
			allocated[sector / 8] =
				cut_chosen(cut, &file->blocks[sector / 8], next)->number;
	}
	cut_write(descriptor, run, start, end - start, length);
	free(run);
}

/* Makes holes of the blocks that are zeros and, by choice, not allocated. */
static void cut_punch(const struct stored_file *file, int descriptor, uint64_t length,
		      const bool *allocated)
{
	uint8_t bytes[STORAGE_BLOCK];

	for (size_t i = 0; i < file->touched_count; i++) {
		uint64_t offset = (uint64_t)file->touched[i] * STORAGE_SECTOR;
		ssize_t count;

		if (offset % STORAGE_BLOCK != 0 || offset >= length ||
		    allocated[offset / STORAGE_BLOCK])
			continue;
		count = pread(descriptor, bytes, sizeof(bytes), (off_t)offset);
		MUST(count > 0);
		if (all_zero(bytes, (size_t)count))
			MUST(fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       (off_t)offset, STORAGE_BLOCK) == 0);
	}
}

static void cut_set_attributes(const struct cut *cut, const struct stored_file *file, size_t *next,
			       int descriptor)
{
	for (int i = 0; i < STORAGE_ATTRIBUTES; i++) {
		const struct version *chosen = cut_chosen(cut, &file->attributes[i], next);

		if (chosen->number)
			MUST(fsetxattr(descriptor, storage_attributes[i], chosen->bytes,
				       strlen((char *)chosen->bytes), 0) == 0);
		else if (!file->is_device)
			(void)!fremovexattr(descriptor, storage_attributes[i]);
	}
}

static void cut_build_image(const struct cut *cut, size_t *next)
{
	const struct stored_file *file = &cut->recording->files[0];
	bool *allocated = file->is_device ? NULL : calloc(1, file->sector_limit / 8 + 1);
	int descriptor = open(cut->recording->image, O_RDWR | O_CLOEXEC);
	uint64_t length;

	MUST(descriptor >= 0);
	length = cut_chosen(cut, &file->length, next)->number;
	if (!file->is_device)
		MUST(ftruncate(descriptor, (off_t)length) == 0);
	cut_set_attributes(cut, file, next, descriptor);
	cut_write_sectors(cut, file, next, descriptor, length, allocated);
	if (allocated)
		cut_punch(file, descriptor, length, allocated);
	free(allocated);
	close(descriptor);
}

/* Makes a file.  Returns its descriptor. */
static void cut_build_file(const struct cut *cut, const struct stored_file *file, const char *name,
			   size_t next)
{
	char path[STORAGE_PATH_MAX + STORAGE_NAME_MAX];
	uint64_t length = cut_chosen(cut, &file->length, &next)->number;
	int descriptor;

	snprintf(path, sizeof(path), "%s/%s", cut->recording->folder, name);
	descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	MUST(descriptor >= 0);
	for (uint64_t at = 0; file->base && at < file->base_length; at += STORAGE_RUN) {
		uint64_t size = min_u64(STORAGE_RUN, file->base_length - at);

		if (!all_zero(file->base + at, size))
			cut_write(descriptor, file->base + at, at, size, length);
	}
	MUST(ftruncate(descriptor, (off_t)length) == 0);
	if (file->is_part)
		cut_set_attributes(cut, file, &next, descriptor);
	cut_write_sectors(cut, file, &next, descriptor, length, NULL);
	close(descriptor);
}

/* Removes all files of the folder, except the image. */
static void cut_empty_folder(const struct recording *recording)
{
	DIR *names = opendir(recording->folder);
	struct dirent *entry;

	MUST(names);
	while ((entry = readdir(names)))
		if (entry->d_type == DT_REG && !storage_is_image_name(recording, entry->d_name))
			MUST(unlinkat(dirfd(names), entry->d_name, 0) == 0);
	closedir(names);
}

/* The names of the state: room for those before and one more for each change. */
static int name_find(const struct stored_name *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].file >= 0 && strcmp(names[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void name_apply(struct stored_name *names, size_t *count, const struct naming *naming)
{
	int from = name_find(names, *count, naming->from);
	int to = name_find(names, *count, naming->to);
	int file = naming->file;

	if (naming->kind != NAMING_MAKE) {
		if (from < 0)
			return; /* that file's name was lost */
		file = names[from].file;
		names[from].file = -1;
		if (naming->kind == NAMING_REMOVE)
			return;
	}
	if (to >= 0)
		names[to].file = -1;
	snprintf(names[*count].name, sizeof(names->name), "%s", naming->to);
	names[(*count)++].file = file;
}

/* Applies the chosen changes of names, and makes the files that have a name then. */
void cut_build(const struct cut *cut)
{
	const struct recording *recording = cut->recording;
	size_t count = recording->name_count, next = 0, *nexts;
	struct stored_name *names = calloc(count + recording->naming_count + 1, sizeof(*names));

	MUST(names);
	if (count > 0)
		memcpy(names, recording->names, count * sizeof(*names));
	for (size_t i = 0; i < recording->naming_count; i++) {
		const struct naming *naming = &recording->namings[i];

		if (naming->history.versions[1].event < cut->event &&
		    cut_chosen(cut, &naming->history, &next)->number)
			name_apply(names, &count, naming);
	}
	cut_empty_folder(recording);
	cut_build_image(cut, &next);
	/* Where the loose things of each file begin. */
	nexts = calloc(recording->file_count + 1, sizeof(*nexts));
	MUST(nexts);
	for (size_t i = 1; i < recording->file_count; i++) {
		const struct stored_file *file = &recording->files[i];

		nexts[i] = next;
		(void)cut_chosen(cut, &file->length, &next);
		for (int k = 0; file->is_part && k < STORAGE_ATTRIBUTES; k++)
			(void)cut_chosen(cut, &file->attributes[k], &next);
		for (size_t k = 0; k < file->touched_count; k++)
			(void)cut_chosen(cut, &file->sectors[file->touched[k]], &next);
	}
	MUST(next == cut->loose_count);
	for (size_t i = 0; i < count; i++)
		if (names[i].file >= 0)
			cut_build_file(cut, &recording->files[names[i].file], names[i].name,
				       nexts[names[i].file]);
	free(nexts);
	free(names);
}
