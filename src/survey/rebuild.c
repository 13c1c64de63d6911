/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads what new boot files are made of, if the old ones are lost or damaged: what Windows keeps in
 * \Windows\Boot, the template of the BCD, and what is left of the old BCD.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "survey/reader.h"
#include "util/bytes.h"
#include "util/path.h"
#include "volume/scoped.h"

#define LANGUAGES_MAX 128 /* folders of languages that are looked at; Windows has some forty */

/* So many elements are left for the new entries. */
#define ELEMENTS_KEPT_MAX (BS_ELEMENTS_MAX - 96)

/* Offsets in a program.  (Microsoft, "PE Format".) */
#define PE_HEADER_PLACE   0x3Cu
#define PE_MACHINE_OFFSET 4u

/* ---- elements of a store ------------------------------------------------------------------- */

/* Adds an object, with the element 0 that stands for it. */
static int rebuild_add_object(struct fact_store *store, const char *object, uint32_t type,
			      struct bs_error *err)
{
	struct bs_plan_element *added = fact_store_add(store, err);

	if (!added)
		return -1;
	snprintf(added->object, sizeof(added->object), "%s", object);
	added->object_type = type;
	return 0;
}

/* Adds an object with all its elements that are not too long. */
static int rebuild_copy_object(const struct bcd *bcd, const struct bcd_object *object,
			       bool with_devices, struct fact_store *store, struct bs_error *err)
{
	if (rebuild_add_object(store, object->object, object->type, err) < 0)
		return -1;
	for (size_t i = 0; i < bcd->count; i++) {
		const struct bcd_element *element = &bcd->elements[i];
		struct bs_plan_element *added;

		if (strcasecmp(element->object, object->object) != 0 || element->id == 0 ||
		    element->size > BS_VALUE_MAX || (!with_devices && bcd_is_device(element->id)))
			continue;
		added = fact_store_add(store, err);
		if (!added)
			return -1;
		memcpy(added->object, object->object, sizeof(added->object));
		added->object_type = object->type;
		added->element = element->id;
		added->value_size = element->size;
		memcpy(added->value, bcd->bytes + element->offset, element->size);
	}
	return 0;
}

static const struct bcd_object *rebuild_find_object(const struct bcd *bcd, const char *name)
{
	for (size_t i = 0; i < bcd->object_count; i++)
		if (strcasecmp(bcd->objects[i].object, name) == 0)
			return &bcd->objects[i];
	return NULL;
}

/* ---- the template -------------------------------------------------------------------------- */

#define OBJECT_CLASS(type) ((type) >> 28)
#define SETTINGS_CLASS     2u

/* Whether an object is an entry for Windows that a BIOS starts.  Those of UEFI name winload.efi. */
static bool template_is_loader(const struct bcd *bcd, const struct bcd_object *object)
{
	const struct bcd_element *element = bcd_find(bcd, object->object, BCD_PATH);
	char path[BS_PATH_MAX];

	bcd_text(bcd, element, path, sizeof(path));
	return element && bcd_application(element) == BCD_APPLICATION_WINDOWS &&
	       strcasecmp(guest_path_name(path), guest_path_name(USUAL_LOADER)) == 0;
}

static bool template_is_used(const struct bcd *bcd, const struct bcd_object *object)
{
	return OBJECT_CLASS(object->type) == SETTINGS_CLASS ||
	       strcasecmp(object->object, BCD_BOOTMGR) == 0 ||
	       strcasecmp(object->object, BCD_MEMDIAG) == 0 || template_is_loader(bcd, object);
}

static int template_fail(struct fact_rebuild *rebuild, const char *why)
{
	rebuild->template_kind = TEMPLATE_BAD;
	snprintf(rebuild->template_error, sizeof(rebuild->template_error), "%.230s", why);
	return 0;
}

static int template_copy(struct fact_rebuild *rebuild, const struct bcd *bcd, struct bs_error *err)
{
	rebuild->template_kind = TEMPLATE_GOOD;
	for (size_t i = 0; i < bcd->object_count; i++) {
		if (template_is_used(bcd, &bcd->objects[i]) &&
		    rebuild_copy_object(bcd, &bcd->objects[i], false, &rebuild->template, err) < 0)
			return -1;
		if (rebuild->template.count > ELEMENTS_KEPT_MAX)
			return template_fail(rebuild, "it has too many objects and elements");
	}
	if (!rebuild_find_object(bcd, BCD_GLOBAL_SETTINGS) ||
	    !rebuild_find_object(bcd, BCD_LOADER_SETTINGS))
		return template_fail(rebuild, "it has no settings for Windows' loader");
	return 0;
}

static int template_read(struct fact_rebuild *rebuild, struct volume *volume, struct bs_error *err)
{
	SCOPED uint8_t *bytes = NULL;
	struct bcd bcd = {0};
	size_t size;
	int result;

	if (tree_read(volume, KEPT_TEMPLATE, BCD_SIZE_MAX, &bytes, &size, err) < 0)
		return err->code == BS_BOOT_FILE_UNSUPPORTED
			       ? template_fail(rebuild, "it is too large")
			       : -1;
	if (!bytes) {
		rebuild->template_kind = TEMPLATE_MISSING;
		return 0;
	}
	result = bcd_parse(bytes, size, &bcd, err);
	if (result == 0)
		result = template_copy(rebuild, &bcd, err);
	else if (err->code == BS_BCD_DAMAGED)
		result = template_fail(rebuild, err->message);
	bcd_free(&bcd);
	return result;
}

/* ---- the loader ---------------------------------------------------------------------------- */

/* The machine in the header of Windows' loader; 0 if it is no program. */
static int loader_read_machine(struct fact_rebuild *rebuild, struct volume *volume,
			       struct bs_error *err)
{
	SCOPED_FILE *file = NULL;
	struct volume_metadata metadata;
	uint8_t field[4];
	uint32_t header;

	if (volume_open_file(volume, USUAL_LOADER, &file, err) < 0 ||
	    (file && volume_stat(file, &metadata, err) < 0))
		return -1;
	if (!file || metadata.is_folder)
		return 0;
	if (metadata.attributes & FILE_IS_REPARSE_POINT) { /* compressed, and not to be read here */
		rebuild->machine = PE_MACHINE_AMD64;
		return 0;
	}
	if (!range_within(PE_HEADER_PLACE, sizeof(field), metadata.size))
		return 0;
	if (volume_read(file, "", PE_HEADER_PLACE, field, sizeof(field), err) < 0)
		return -1;
	header = load_le32(field);
	if (!range_within((uint64_t)header + PE_MACHINE_OFFSET, 2, metadata.size))
		return 0;
	if (volume_read(file, "", (uint64_t)header + PE_MACHINE_OFFSET, field, 2, err) < 0)
		return -1;
	rebuild->machine = load_le16(field);
	return 0;
}

/* ---- the new boot files -------------------------------------------------------------------- */

struct kept_walk {
	struct facts *facts;
	const struct fact_kept *kept;
};

/* Whether a file is the source of another item: bootmgr lies among the files of \Boot. */
static bool kept_is_of_another(const struct kept_walk *walk, const char *source)
{
	for (const struct fact_kept *other = fact_kept; other < walk->kept; other++)
		if (strcasecmp(other->source, source) == 0)
			return true;
	return false;
}

static int kept_visited(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	const struct kept_walk *walk = context;
	char path[2 * BS_PATH_MAX];

	if (kept_is_of_another(walk, visit->path))
		return 0;
	snprintf(path, sizeof(path), "%s%s", walk->kept->path,
		 visit->path + strlen(walk->kept->source));
	return boot_files_add_copy(walk->facts, path, visit, err);
}

/* Adds an item for each of the places that are not in another one. */
static void kept_add_item(struct facts *facts, const char *path)
{
	struct boot_item *item;

	if (facts_item(facts, path))
		return;
	item = &facts->items[facts->item_count++];
	*item = (struct boot_item){.reason = BOOT_ITEM_OF_BOOTMGR};
	snprintf(item->path, sizeof(item->path), "%s", path);
}

static int kept_read_files(struct facts *facts, struct volume *volume, struct bs_error *err)
{
	for (size_t i = 0; i < FACT_KEPT; i++) {
		struct kept_walk walk = {.facts = facts, .kept = &fact_kept[i]};
		bool found;

		if (tree_walk(volume, fact_kept[i].source, kept_visited, &walk, &found, err) < 0)
			return -1;
		if (found)
			kept_add_item(facts, fact_kept[i].path);
	}
	return 0;
}

/* ---- what the new entries need ------------------------------------------------------------- */

static int rebuild_has(struct volume *volume, const char *path, bool *there, struct bs_error *err)
{
	struct fact_found found;

	if (reader_find(volume, path, &found, err) < 0)
		return -1;
	*there = found.kind == FOUND_FILE && found.size != 0;
	return 0;
}

/*
 * Finds the language of Windows: the loader has texts in it.  English is often there beside another
 * language.
 */
static int rebuild_read_locale(struct fact_rebuild *rebuild, struct volume *volume,
			       struct bs_error *err)
{
	SCOPED struct volume_entry *entries = NULL;
	SCOPED_FILE *folder = NULL;
	size_t count = 0;

	if (volume_open_file(volume, "\\Windows\\Boot\\PCAT", &folder, err) < 0 ||
	    (folder && volume_list(folder, &entries, &count, err) < 0))
		return -1;
	for (size_t i = 0; i < min_u64(count, LANGUAGES_MAX); i++) {
		const char *name = entries[i].name;
		char path[BS_PATH_MAX];
		bool there;

		if (strlen(name) >= sizeof(rebuild->locale) || !strchr(name, '-'))
			continue;
		snprintf(path, sizeof(path), "\\Windows\\System32\\%.23s\\winload.exe.mui", name);
		if (rebuild_has(volume, path, &there, err) < 0)
			return -1;
		if (there &&
		    (rebuild->locale[0] == '\0' || strcasecmp(rebuild->locale, "en-US") == 0))
			snprintf(rebuild->locale, sizeof(rebuild->locale), "%.23s", name);
	}
	return 0;
}

/* Looks for the recovery environment: on the partition of Windows, then on the others. */
static int rebuild_find_recovery(struct reader *reader, struct bs_error *err)
{
	struct fact_rebuild *rebuild = &reader->facts->rebuild;
	int32_t count = (int32_t)reader->facts->partition_count;

	for (int32_t i = -1; i < count && rebuild->recovery_index < 0; i++) {
		int32_t index = i < 0 ? rebuild->index : i;
		bool image, sdi;

		if (reader_has_file(reader, index, RECOVERY_IMAGE, &image, err) < 0 ||
		    reader_has_file(reader, index, RECOVERY_SDI, &sdi, err) < 0)
			return -1;
		if (image && sdi)
			rebuild->recovery_index = index;
	}
	return 0;
}

/* ---- the old store ------------------------------------------------------------------------- */

/* Whether an entry starts the Windows that gets the boot files; whatever the signature is. */
static bool old_is_windows(const struct facts *facts, const struct bcd *bcd, const char *object)
{
	const struct bcd_element *element = bcd_find(bcd, object, BCD_DEVICE);
	struct bcd_device device;

	if (!element || bcd_application(element) != BCD_APPLICATION_WINDOWS)
		return false;
	bcd_device(bcd, element, &device);
	return device.file == BCD_NO_FILE && device.kind == BCD_DEVICE_PARTITION &&
	       device.partition_offset == facts->partitions[facts->rebuild.index].is.start;
}

static void old_find_windows(struct facts *facts, const struct bcd *bcd)
{
	char object[40];

	if (bcd_default_object(bcd, object) && old_is_windows(facts, bcd, object)) {
		memcpy(facts->rebuild.windows_object, object, sizeof(object));
		return;
	}
	for (size_t i = 0; i < bcd->object_count; i++) {
		if (!old_is_windows(facts, bcd, bcd->objects[i].object))
			continue;
		memcpy(facts->rebuild.windows_object, bcd->objects[i].object, sizeof(object));
		return;
	}
}

/* *there = whether the program, or the RAM disk, of an entry is on this disk. */
static int old_has_file(struct reader *reader, const struct bcd *bcd,
			const struct bcd_element *element, bool *there, struct bs_error *err)
{
	struct bcd_device device, plain;
	char path[BS_PATH_MAX];
	int32_t index;

	bcd_device(bcd, element, &device);
	plain = device;
	plain.file = BCD_NO_FILE;
	index = device.kind == BCD_DEVICE_PARTITION ? facts_resolve(reader->facts, &plain) : -1;
	*there = false;
	if (index < 0 || device.file == BCD_VHD)
		return 0;
	bcd_text(bcd, bcd_find(bcd, element->object, BCD_PATH), path, sizeof(path));
	return reader_has_file(reader, index, device.file == BCD_RAMDISK ? device.path : path,
			       there, err);
}

/* Keeps an entry, and the options of its RAM disk. */
static int old_keep_entry(struct fact_store *kept, const struct bcd *bcd,
			  const struct bcd_element *element, struct bs_error *err)
{
	const struct bcd_object *object = rebuild_find_object(bcd, element->object);
	const struct bcd_object *options;
	struct bcd_device device;
	char name[40];

	if (object && rebuild_copy_object(bcd, object, true, kept, err) < 0)
		return -1;
	bcd_device(bcd, element, &device);
	if (device.file != BCD_RAMDISK)
		return 0;
	bcd_options_object(bcd, element, name);
	options = rebuild_find_object(bcd, name);
	return options ? rebuild_copy_object(bcd, options, true, kept, err) : 0;
}

static int old_keep(struct reader *reader, const struct bcd *bcd, struct bs_error *err)
{
	struct fact_rebuild *rebuild = &reader->facts->rebuild;
	const struct bcd_object *bootmgr = rebuild_find_object(bcd, BCD_BOOTMGR);

	old_find_windows(reader->facts, bcd);
	if (bootmgr && rebuild_copy_object(bcd, bootmgr, false, &rebuild->kept, err) < 0)
		return -1;
	for (size_t i = 0; i < bcd->count; i++) {
		const struct bcd_element *element = &bcd->elements[i];
		uint32_t application = bcd_application(element), before;
		bool there = strcasecmp(element->object, rebuild->windows_object) == 0;

		if (element->id != BCD_DEVICE || (application != BCD_APPLICATION_WINDOWS &&
						  application != BCD_APPLICATION_RESUME))
			continue;
		if (!there && old_has_file(reader, bcd, element, &there, err) < 0)
			return -1;
		before = (uint32_t)rebuild->kept.count;
		if (there && old_keep_entry(&rebuild->kept, bcd, element, err) < 0)
			return -1;
		if (rebuild->template.count + rebuild->kept.count > ELEMENTS_KEPT_MAX) {
			rebuild->kept.count = before;
			break;
		}
	}
	return 0;
}

/* Reads the old store again, if it makes sense.  A fault of its volume means that nothing is kept. */
static int old_read(struct reader *reader, struct bs_error *err)
{
	int32_t index = reader->facts->system_index;
	SCOPED uint8_t *bytes = NULL;
	struct bcd bcd = {0};
	struct volume *volume;
	size_t size;
	int result;

	if (reader->facts->bcd != BCD_GOOD)
		return 0;
	if (reader_mount(reader, index, &volume, err) < 0 ||
	    tree_read(volume, BOOT_BCD_PATH, BCD_SIZE_MAX, &bytes, &size, err) < 0) {
		reader_unmount(reader, index);
		return reader_is_content(err->code) || err->code == BS_BOOT_FILE_UNSUPPORTED ? 0
											     : -1;
	}
	if (!bytes)
		return 0;
	result = bcd_parse(bytes, size, &bcd, err);
	if (result == 0)
		result = old_keep(reader, &bcd, err);
	else if (err->code == BS_BCD_DAMAGED)
		result = 0;
	bcd_free(&bcd);
	return result;
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* The chosen partition, the one that the old menu starts, or the only one with Windows. */
static int rebuild_find_windows(struct reader *reader, struct bs_error *err)
{
	const struct facts *facts = reader->facts;
	struct fact_rebuild *rebuild = &reader->facts->rebuild;
	int32_t index = facts->wanted_boot != 0 ? facts_index(facts, facts->wanted_boot)
						: facts->starts.index;
	bool there;

	if (facts->wanted_boot == 0 && index < 0)
		return reader_locate(reader, USUAL_LOADER, &rebuild->index, &rebuild->windows_count,
				     err);
	if (index < 0)
		return 0;
	if (reader_has_file(reader, index, USUAL_LOADER, &there, err) < 0)
		return -1;
	rebuild->index = there ? index : -1;
	return 0;
}

static int rebuild_read_sources(struct reader *reader, struct volume **volume, struct bs_error *err)
{
	struct fact_rebuild *rebuild = &reader->facts->rebuild;

	if (reader_mount(reader, rebuild->index, volume, err) < 0 ||
	    bootmgr_read(*volume, KEPT_BOOTMGR, &rebuild->bootmgr, err) < 0 ||
	    loader_read_machine(rebuild, *volume, err) < 0)
		return -1;
	return template_read(rebuild, *volume, err);
}

/* Forgets the files that would move, and what starts: all of that will be new. */
static void rebuild_begin(struct facts *facts)
{
	facts->rebuilds = true;
	facts->boot_index = facts->rebuild.index;
	facts->disk_signature = facts->found_signature;
	facts->files.count = facts->elements.count = 0;
	facts->stream_bytes = 0;
	facts->item_count = 0;
	facts->items_left_out = facts->elements_left_out = false;
	facts->legacy = (struct fact_legacy){.was_read = false};
	facts->system_error = facts->elements_error = (struct bs_error){.code = BS_OK};
	facts->starts = (struct fact_entry){
		.path = USUAL_LOADER,
		.has_device = true,
		.is_windows = true,
		.index = facts->boot_index,
	};
	snprintf(facts->loader_path, sizeof(facts->loader_path), USUAL_LOADER);
}

static int rebuild_read_rest(struct reader *reader, struct volume *volume, struct bs_error *err)
{
	struct fact_rebuild *rebuild = &reader->facts->rebuild;

	if (kept_read_files(reader->facts, volume, err) < 0 ||
	    rebuild_read_locale(rebuild, volume, err) < 0)
		return -1;
	return rebuild_has(volume, "\\Windows\\System32\\winresume.exe", &rebuild->has_resume, err);
}

static int rebuild_read_others(struct reader *reader, struct bs_error *err)
{
	return rebuild_find_recovery(reader, err) < 0 ? -1 : old_read(reader, err);
}

int rebuild_read(struct reader *reader, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct fact_rebuild *rebuild = &facts->rebuild;
	struct volume *volume;

	if (!facts_lack_boot_files(facts))
		return 0;
	if (rebuild_find_windows(reader, err) < 0)
		return -1;
	if (rebuild->index < 0 || facts->partitions[rebuild->index].is.filesystem != BS_FS_NTFS)
		rebuild->index = -1;
	if (rebuild->index < 0)
		return 0;
	if (facts->may_rebuild)
		rebuild_begin(facts);
	if (rebuild_read_sources(reader, &volume, err) == 0 &&
	    (!facts->may_rebuild || rebuild_read_rest(reader, volume, err) == 0))
		return facts->may_rebuild ? rebuild_read_others(reader, err) : 0;
	reader_unmount(reader, rebuild->index);
	if (facts->may_rebuild)
		return reader_keep_error(err, &facts->boot_error);
	rebuild->index = -1;
	return reader_is_content(err->code) ? 0 : -1;
}
