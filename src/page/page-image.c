/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The template looks for a name in the objects around an object, too.  So each object has all of
 * its names, except fields of a row: null stands for a value that is missing.
 */
#include "page/page-image.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "page/page-advice.h"
#include "page/page-start.h"
#include "report/amount.h"
#include "report/drawing.h"
#include "report/json-fields.h"
#include "report/plan-file.h"
#include "rows/location.h"

/* ---- fields of a row ----------------------------------------------------------------------- */

/* A field of an object; an empty string, 0 or false if there is no such field. */
static const char *image_string(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static uint64_t image_number(const json_t *object, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(object, name));

	return number < 0 ? 0 : (uint64_t)number;
}

static bool image_flag(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

/* Whether an object has a field that is not null. */
static bool image_has(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return value && !json_is_null(value);
}

/* A field with a size, in a unit for people; null if there is no such field. */
static json_t *image_size(const json_t *object, const char *name)
{
	if (!image_has(object, name))
		return json_null();
	return json_string(size_format(image_number(object, name)).text);
}

json_t *page_time(uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	struct tm parts;
	char text[64] = "";

	if (nanoseconds == 0)
		return json_null();
	if (gmtime_r(&seconds, &parts))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
	return json_string(text);
}

json_t *page_word(const struct outcome *outcome)
{
	return json_sprintf("%c%s", outcome->word[0] - 'a' + 'A', outcome->word + 1);
}

/* ---- the disk ------------------------------------------------------------------------------ */

struct disk {
	struct bs_partition partitions[BS_PARTITIONS_MAX];
	size_t count;
	uint64_t size;
	/*
	 * The partition has a role before the fix, so its box is wide enough for a role in both
	 * drawings.
	 */
	bool wide[BS_PARTITIONS_MAX];
};

static void image_disk_read(const struct row *row, struct disk *disk)
{
	const json_t *array = json_object_get(row->object, "partitions");

	*disk = (struct disk){.size = image_number(row->object, "disk_size")};
	for (; disk->count < json_array_size(array) && disk->count < BS_PARTITIONS_MAX;
	     disk->count++) {
		const json_t *object = json_array_get(array, disk->count);
		struct bs_partition *partition = &disk->partitions[disk->count];

		partition->number = (uint32_t)image_number(object, "number");
		partition->active = image_flag(object, "active");
		partition->is_system = image_flag(object, "is_system");
		partition->is_boot = image_flag(object, "is_boot");
		partition->start = image_number(object, "start");
		partition->size = image_number(object, "size");
		if (strcmp(image_string(object, "filesystem"), "extended") == 0)
			partition->filesystem = BS_FS_EXTENDED;
		disk->wide[disk->count] = partition->is_system || partition->is_boot;
	}
}

/* With the fix, the partition with Windows is the only active one and has the boot files. */
static void image_disk_apply_fix(struct disk *disk, uint64_t active)
{
	for (size_t i = 0; i < disk->count; i++) {
		struct bs_partition *partition = &disk->partitions[i];

		partition->active = partition->is_system = partition->number == active;
	}
}

/* Returns NULL if the partition has neither role. */
static const char *image_partition_role(bool is_system, bool is_boot)
{
	if (is_system && is_boot)
		return "System + Windows";
	if (is_boot)
		return "Windows";
	return is_system ? "System" : NULL;
}

static json_t *image_disk_box(const struct disk *disk, const struct drawing_box *box, bool first)
{
	static const struct bs_partition none;
	const struct bs_partition *partition = box->partition ? box->partition : &none;
	const char *class = !box->partition        ? "gap"
			    : partition->is_boot   ? "boot"
			    : partition->is_system ? "system"
						   : "other";
	bool wide = box->partition && disk->wide[partition - disk->partitions];
	const struct json_member members[] = {
		{"first", json_boolean(first)},
		{"gap", json_boolean(!box->partition)},
		{"class", json_text(class)},
		{"wide", json_boolean(wide)},
		/* At least 1: boxes whose flex-grow is less than 1 in all do not fill the bar. */
		{"share", json_number((box->size >> 20) + 1)},
		{"number", json_number(partition->number)},
		{"active", json_boolean(partition->active)},
		{"role", json_text(image_partition_role(partition->is_system, partition->is_boot))},
		{"size", json_text(size_format(box->size).text)},
	};

	return json_members(members, COUNT_OF(members));
}

static json_t *image_disk_bar(const struct disk *disk, const char *when)
{
	struct drawing_box boxes[DRAWING_BOXES_MAX];
	size_t count = drawing_boxes(disk->partitions, disk->count, disk->size, boxes);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_append(&array, image_disk_box(disk, &boxes[i], i == 0));
	return json_pack("{s:s, s:o}", "when", when, "boxes", array);
}

/* One drawing.  Two drawings, before and after the fix, if the image was or would be fixed. */
static json_t *image_disk_bars(const struct row *row)
{
	bool fixed = row->status == BS_STATUS_FIXED;
	json_t *bars = json_array();
	struct disk disk;

	image_disk_read(row, &disk);
	json_append(&bars, image_disk_bar(&disk, fixed ? "before" : "now"));
	if (image_has(row->object, "active_after")) {
		image_disk_apply_fix(&disk, image_number(row->object, "active_after"));
		json_append(&bars, image_disk_bar(&disk, fixed ? "now" : "then"));
	}
	return bars;
}

static json_t *image_partition(const json_t *object)
{
	const char *file_system = image_string(object, "filesystem");
	bool known = *file_system && strcmp(file_system, "unknown") != 0;
	const char *role = image_partition_role(image_flag(object, "is_system"),
						image_flag(object, "is_boot"));
	const struct json_member members[] = {
		{"number", json_number(image_number(object, "number"))},
		{"label", json_text(image_string(object, "label"))},
		{"kind", json_text(known ? file_system : "unknown file system")},
		{"role", json_text(role)},
		{"active", json_boolean(image_flag(object, "active"))},
		{"size", json_text(size_format(image_number(object, "size")).text)},
		{"free", image_size(object, "free")},
	};

	return json_members(members, COUNT_OF(members));
}

/* ---- the image ----------------------------------------------------------------------------- */

/* Returns NULL if this version does not know the kind. */
static const char *image_operation_kind(const json_t *operation)
{
	for (size_t i = 0; i < BS_OPERATION_KIND_COUNT; i++)
		if (strcmp(image_string(operation, "kind"), plan_operation_names[i]) == 0)
			return plan_operation_names[i];
	return NULL;
}

static json_t *image_operation(const json_t *operation)
{
	uint64_t files = image_number(operation, "files");
	const struct json_member members[] = {
		{image_operation_kind(operation), json_true()},
		{"path", json_text(image_string(operation, "path"))},
		{"files", files > 0 ? json_text(count_format(files, "file").text) : json_null()},
		{"size", image_size(operation, "bytes")},
	};

	return json_members(members, COUNT_OF(members));
}

static json_t *image_operations(const struct row *row)
{
	const json_t *array = json_object_get(row->object, "operations"), *operation;
	json_t *operations = json_array();
	size_t i;

	json_array_foreach (array, i, operation)
		if (image_operation_kind(operation))
			json_append(&operations, image_operation(operation));
	return operations;
}

/* The parents of an image that holds only the changes to another file. */
static json_t *image_parents(const struct row *row)
{
	const json_t *array = json_object_get(row->object, "parents"), *parent;
	json_t *parents = json_array();
	size_t i;

	json_array_foreach (array, i, parent) {
		const struct json_member members[] = {
			{"path", json_text(image_string(parent, "path"))},
			{"format", json_text(image_string(parent, "format"))},
			{"size", image_size(parent, "size")},
		};

		json_append(&parents, json_members(members, COUNT_OF(members)));
	}
	return parents;
}

static json_t *image_partitions(const struct row *row)
{
	const json_t *array = json_object_get(row->object, "partitions"), *partition;
	json_t *partitions = json_array();
	size_t i;

	json_array_foreach (array, i, partition)
		json_append(&partitions, image_partition(partition));
	return partitions;
}

/* "raw, 8 GiB"; if the file has another size, "vhdx, 8 GiB disk, 15.1 MiB file" */
static json_t *image_about(const struct row *row)
{
	const char *format = image_string(row->object, "format"), *gap = *format ? ", " : "";
	struct amount_text disk = size_format(image_number(row->object, "disk_size"));
	struct amount_text file = size_format(row->size);

	if (!image_has(row->object, "disk_size"))
		return row->size == 0 ? json_string(format)
				      : json_sprintf("%s%s%s", format, gap, file.text);
	if (row->size == 0 || strcmp(disk.text, file.text) == 0)
		return json_sprintf("%s%s%s", format, gap, disk.text);
	return json_sprintf("%s%s%s disk, %s file", format, gap, disk.text, file.text);
}

/* A disk that starts by UEFI needs no code in its master boot record. */
static bool image_finding_is_told(const struct row *row, const json_t *finding)
{
	return row->code != BS_GPT ||
	       strcmp(image_string(finding, "code"), bs_code_name(BS_NOTE_MBR_CODE)) != 0;
}

/* The findings, or only the notes about an image that is or would be fixed. */
static json_t *image_findings(const struct row *row, bool notes_only)
{
	const json_t *findings = json_object_get(row->object, "findings"), *finding;
	bool fixed = row->status == BS_STATUS_FIXED || row->status == BS_STATUS_WOULD_FIX;
	json_t *array = json_array();
	size_t i;

	json_array_foreach (findings, i, finding) {
		bool note = strncmp(image_string(finding, "code"), "note-", strlen("note-")) == 0;

		if (image_finding_is_told(row, finding) && (!notes_only || (note && fixed)))
			json_append(&array, json_pack("{s:s, s:s}", "message",
						      image_string(finding, "message"), "code",
						      image_string(finding, "code")));
	}
	return array;
}

/* Whether the disk starts; if it was or would be fixed, also whether it started before. */
static const char *image_start(const struct row *row)
{
	bool before = image_flag(row->object, "starts");
	bool planned = image_has(row->object, "active_after");
	const char *field = planned ? "starts_after" : "starts";

	if (row->code == BS_GPT)
		return NULL;                /* the advice says how it starts */
	if (!image_has(row->object, field)) /* without a format the image was not inspected */
		return image_has(row->object, "format") ? "unknown whether it starts" : NULL;
	if (!image_flag(row->object, field))
		return "broken: the disk would not start";
	if (image_flag(json_object_get(row->object, "start"), "proven"))
		return "starts, proven by a start";
	if (!planned)
		return "starts";
	if (row->status == BS_STATUS_FIXED)
		return before ? "starts, as before" : "starts, did not before";
	return before ? "starts, as now" : "would start, does not now";
}

/* Whether the conversion, or the upgrade, needs the fix; NULL: unknown. */
static const char *image_need(const struct row *row)
{
	bool fixed = row->status == BS_STATUS_FIXED;
	bool nothing = row->status == BS_STATUS_NOTHING_TO_DO;

	switch (row->need) {
	case NEED_FIX:
		return fixed     ? "needed the fix: there was too little room"
		       : nothing ? "has too little room"
				 : "needs a fix: there is too little room";
	case NEED_NOTHING:
		if (image_has(row->object, "starts") && !image_flag(row->object, "starts"))
			return fixed ? "had room enough, but the disk did not start"
				     : "has room enough, but the disk does not start";
		return fixed ? "did not need the fix: there was room enough" : "has room enough";
	default:
		return NULL;
	}
}

/* The folder of an image; null for none and for the working folder, which says nothing. */
static json_t *image_folder(const char *path, const char *name)
{
	size_t length = (size_t)(name - path);

	if (length == 0 || (length == 2 && strncmp(path, "./", 2) == 0))
		return json_null();
	return json_stringn_nocheck(path, length);
}

/* The values that page.html needs besides the fields of the row. */
static json_t *image_values(const struct row *row, const char *path, size_t index)
{
	const struct outcome *outcome = outcome_of(row->status);
	const json_t *object = row->object;
	const char *name = location_name(path);
	bool is_export = strstr(path, "://") != NULL; /* its last word alone says too little */
	const char *advice = image_string(object, "advice");
	uint64_t places = image_number(object, "extents");
	const struct json_member members[] = {
		{outcome->class, json_true()},
		{"id", json_number(index + 1)},
		{"class", json_text(outcome->class)},
		{"symbol", json_text(outcome->symbol)},
		{"word", page_word(outcome)},
		{"start", json_text(image_start(row))},
		{"name", page_bytes(is_export ? path : name)},
		{"folder", image_folder(path, is_export ? path : name)},
		{"about", image_about(row)},
		{"windows_name", json_text(image_string(object, "windows_name"))},
		{"windows_build", json_text(image_string(object, "windows_build"))},
		{"location", page_bytes(row->location)},
		{"host", json_text(row->host)},
		{"bars", image_disk_bars(row)},
		{"parents", image_parents(row)},
		{"partitions", image_partitions(row)},
		{"duration", json_text(duration_format(row->milliseconds).text)},
		{"advice", page_advice(advice, false)},
		{"need", json_text(image_need(row))},
		{"purpose", json_text(row_needed_room(row) == BS_UPGRADE_ROOM ? "Feature upgrade"
									      : "Conversion")},
		{"operations", image_operations(row)},
		{"findings", image_findings(row, false)},
		{"notes", image_findings(row, true)},
		{"modified", page_time(row->modified)},
		{"changed", row->bytes > 0 ? json_text(size_format(row->bytes).text) : json_null()},
		{"places", json_text(count_format(places, "place").text)},
		{"undo_file", row->undo_file ? page_bytes(row->undo_location) : json_null()},
		{"room_before", image_size(object, "room_before")},
		{"room_after", image_size(object, "room_after")},
		{"needed_room", image_size(object, "needed_room")},
		{"machine", page_start(json_object_get(object, "start"))},
	};

	return json_members(members, COUNT_OF(members));
}

json_t *page_image(const struct row *row, size_t index)
{
	char *path = location_as_found(row->location, row->path);
	json_t *values = path ? image_values(row, path, index) : NULL;

	if (values && json_object_update_missing(values, row->object) < 0) {
		json_decref(values);
		values = NULL;
	}
	free(path);
	return values;
}
