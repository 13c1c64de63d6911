/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each object always has all of its fields: null if a value is unknown or does not apply. */
#include "report/json-report.h"

#include "report/json-fields.h"
#include "report/moment.h"
#include "report/need.h"
#include "report/outcome.h"
#include "report/plan-file.h"
#include "report/timeline.h"

static const char *const filesystem_names[BS_FS_COUNT] = {
	[BS_FS_UNKNOWN] = "unknown", [BS_FS_NTFS] = "ntfs",         [BS_FS_BITLOCKER] = "bitlocker",
	[BS_FS_FAT] = "fat",         [BS_FS_EXTENDED] = "extended",
};

static const char *const link_names[BS_LINK_KIND_COUNT] = {
	[BS_LINK_MBR_CODE] = "mbr-code",
	[BS_LINK_ACTIVE] = "active-partition",
	[BS_LINK_BOOT_RECORD] = "boot-record",
	[BS_LINK_BOOTMGR] = "bootmgr",
	[BS_LINK_BCD] = "bcd",
	[BS_LINK_DEFAULT_ENTRY] = "default-entry",
	[BS_LINK_BOOT_VOLUME] = "boot-volume",
	[BS_LINK_WINLOAD] = "winload",
};

static const char *const state_names[BS_LINK_STATE_COUNT] = {
	[BS_LINK_GOOD] = "good",
	[BS_LINK_BROKEN] = "broken",
	[BS_LINK_REPAIRED] = "repaired",
	[BS_LINK_UNKNOWN] = "unknown",
};

static const char *const verdict_names[BS_VERDICT_COUNT] = {
	[BS_VERDICT_FIXABLE] = "fixable",
	[BS_VERDICT_NOTHING] = "nothing-to-do",
	[BS_VERDICT_UNSUITABLE] = "unsuitable",
};

static const struct field partition_fields[] = {
	FIELD(struct bs_partition, number, FIELD_NUMBER),
	FIELD(struct bs_partition, type, FIELD_NUMBER),
	FIELD(struct bs_partition, active, FIELD_BOOLEAN),
	FIELD(struct bs_partition, is_system, FIELD_BOOLEAN),
	FIELD(struct bs_partition, is_boot, FIELD_BOOLEAN),
	FIELD(struct bs_partition, start, FIELD_NUMBER),
	FIELD(struct bs_partition, size, FIELD_NUMBER),
	FIELD_ENUM(struct bs_partition, filesystem, filesystem_names),
	FIELD(struct bs_partition, label, FIELD_TEXT),
	FIELD_IF(struct bs_partition, usage_known, free, FIELD_NUMBER),
	FIELD_IF(struct bs_partition, usage_known, cluster_size, FIELD_NUMBER),
	FIELD(struct bs_partition, has_boot_files, FIELD_BOOLEAN),
	FIELD_END,
};

static const struct field link_fields[] = {
	FIELD_ENUM(struct bs_link, kind, link_names),
	FIELD_ENUM(struct bs_link, state, state_names),
	FIELD(struct bs_link, detail, FIELD_TEXT),
	FIELD(struct bs_link, code, FIELD_CODE),
	FIELD_END,
};

static const struct field inspection_fields[] = {
	FIELD(struct bs_inspection, format, FIELD_TEXT),
	FIELD(struct bs_inspection, container_size, FIELD_NUMBER),
	FIELD(struct bs_inspection, disk_size, FIELD_NUMBER),
	FIELD(struct bs_inspection, disk_signature, FIELD_HEX),
	FIELD(struct bs_inspection, windows_name, FIELD_TEXT),
	FIELD(struct bs_inspection, windows_build, FIELD_TEXT),
	FIELD(struct bs_inspection, loader_path, FIELD_TEXT),
	FIELD(struct bs_inspection, boot_file_count, FIELD_NUMBER),
	FIELD(struct bs_inspection, boot_file_bytes, FIELD_NUMBER),
	FIELD(struct bs_inspection, needed_room, FIELD_NUMBER),
	FIELD_ENUM(struct bs_inspection, verdict, verdict_names),
	FIELD_IF(struct bs_inspection, starts_known, starts, FIELD_BOOLEAN),
	FIELD_IF(struct bs_inspection, starts_after_known, starts_after, FIELD_BOOLEAN),
	FIELD_IF(struct bs_inspection, room_before_known, room_before, FIELD_NUMBER),
	FIELD_IF(struct bs_inspection, room_after_known, room_after, FIELD_NUMBER),
	FIELD_END,
};

static const struct field parent_fields[] = {
	FIELD(struct bs_parent, format, FIELD_TEXT),
	FIELD(struct bs_parent, size, FIELD_NUMBER),
	FIELD_END,
};

static const struct field difference_fields[] = {
	FIELD(struct bs_difference, path, FIELD_TEXT),
	FIELD(struct bs_difference, what, FIELD_TEXT),
	FIELD(struct bs_difference, expected, FIELD_BOOLEAN),
	FIELD_END,
};

static const struct field result_fields[] = {
	FIELD(struct bs_result, recovered, FIELD_BOOLEAN),
	FIELD(struct bs_result, exact, FIELD_BOOLEAN),
	FIELD(struct bs_result, container_bytes, FIELD_NUMBER),
	FIELD(struct bs_result, container_extents, FIELD_NUMBER),
	FIELD(struct bs_result, freed, FIELD_NUMBER),
	FIELD(struct bs_result, milliseconds, FIELD_NUMBER),
	FIELD_END,
};

static json_t *json_advice(enum bs_code code, const struct advice_subject *subject)
{
	char *advice = advice_make(code, subject);
	json_t *value = advice ? json_text(advice) : NULL;

	free(advice);
	return value;
}

static json_t *json_findings(const struct bs_inspection *inspection,
			     const struct advice_subject *subject)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < inspection->finding_count; i++) {
		const struct bs_finding *finding = &inspection->findings[i];
		const struct json_member members[] = {
			{"code", json_text(bs_code_name(finding->code))},
			{"blocks", json_boolean(bs_code_exit(finding->code) != BS_EXIT_DONE)},
			{"message", json_text(finding->message)},
			{"advice", json_advice(finding->code, subject)},
		};

		json_append(&array, json_members(members, COUNT_OF(members)));
	}
	return array;
}

/* The number of the partition at an index, or null. */
static json_t *json_partition_number(const struct bs_inspection *inspection, int32_t index)
{
	return index < 0 ? json_null() : json_number(inspection->partitions[index].number);
}

static json_t *json_need(const struct bs_inspection *inspection)
{
	enum conversion_need need = conversion_need(inspection);

	return need == NEED_UNKNOWN ? json_null() : json_boolean(need == NEED_FIX);
}

static json_t *json_inspection(const struct bs_inspection *inspection,
			       const struct advice_subject *subject)
{
	const struct json_member members[] = {
		{"system_partition", json_partition_number(inspection, inspection->system_index)},
		{"boot_partition", json_partition_number(inspection, inspection->boot_index)},
		{"partitions", fields_write_array(partition_fields, inspection->partitions,
						  inspection->partition_count,
						  sizeof(inspection->partitions[0]))},
		{"boot_chain",
		 fields_write_array(link_fields, inspection->links, inspection->link_count,
				    sizeof(inspection->links[0]))},
		{"findings", json_findings(inspection, subject)},
		{"conversion_needs_fix", json_need(inspection)},
	};
	json_t *object = json_object(), *more = json_members(members, COUNT_OF(members));

	if (!more || fields_write(inspection_fields, inspection, object) < 0 ||
	    json_object_update(object, more) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}

static json_t *json_plan(const struct bs_plan *plan)
{
	json_t *object = json_object();

	if (plan_to_json(plan, object) < 0) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* ---- a start ------------------------------------------------------------------------------- */

/* When a place was read: [[from, to], ...] in milliseconds. */
static json_t *json_activity(const struct bs_start *start, enum bs_place place)
{
	struct timeline_stretch stretches[TIMELINE_STRETCHES_MAX];
	size_t count = timeline_stretches(start, place, stretches);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_append(&array, json_pack("[I, I]", (json_int_t)stretches[i].from,
					      (json_int_t)stretches[i].to));
	return array;
}

static json_t *json_reading(const struct bs_start *start, enum bs_place place)
{
	const struct bs_reading *reading = &start->readings[place];
	const struct json_member members[] = {
		{"place", json_text(timeline_ids[place])},
		{"partition",
		 reading->partition != 0 ? json_number(reading->partition) : json_null()},
		{"path", json_text(reading->path[0] != '\0' ? reading->path : NULL)},
		{"size", place == BS_PLACE_OTHER ? json_null() : json_number(reading->size)},
		{"read", json_number(reading->read)},
		{"activity", json_activity(start, place)},
	};

	return json_members(members, COUNT_OF(members));
}

static json_t *json_readings(const struct bs_start *start)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < BS_PLACE_COUNT; i++)
		json_append(&array, json_reading(start, (enum bs_place)i));
	return array;
}

static const struct field start_fields[] = {
	FIELD(struct bs_start, proven, FIELD_BOOLEAN),
	FIELD(struct bs_start, evidence, FIELD_TEXT),
	FIELD(struct bs_start, milliseconds, FIELD_NUMBER),
	FIELD(struct bs_start, keys, FIELD_NUMBER),
	FIELD(struct bs_start, kvm, FIELD_BOOLEAN),
	FIELD(struct bs_start, limit_reached, FIELD_BOOLEAN),
	FIELD(struct bs_start, restarted, FIELD_BOOLEAN),
	FIELD_END,
};

static json_t *json_start(const struct bs_start *start)
{
	const char *stop = !start->proven && start->stopped_at < BS_LINK_KIND_COUNT
				   ? link_names[start->stopped_at]
				   : NULL;
	const struct json_member members[] = {
		{"stopped_at", json_text(stop)},
		{"starts_without_fix",
		 start->before_known ? json_boolean(start->before) : json_null()},
		{"picture", json_text(start->picture_path)},
		{"places", json_readings(start)},
	};
	json_t *object = json_object(), *more = json_members(members, COUNT_OF(members));

	if (!more || fields_write(start_fields, start, object) < 0 ||
	    json_object_update(object, more) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}

/* ---- what a fix changed -------------------------------------------------------------------- */

static const struct field written_fields[] = {
	FIELD(struct bs_written, offset, FIELD_NUMBER),
	FIELD(struct bs_written, length, FIELD_NUMBER),
	FIELD_END,
};

static const struct field changed_element_fields[] = {
	FIELD(struct bs_plan_element, object, FIELD_TEXT),
	FIELD(struct bs_plan_element, element, FIELD_HEX),
	FIELD_END,
};

/*
 * The elements of the BCD that the fix changed: where their partition began before and after.  The
 * elements of a new BCD are in the plan only: they named no partition before.
 */
static json_t *json_changed_elements(const struct bs_plan *plan)
{
	bool retargets = plan && plan->element_count > 0 && plan->elements[0].object_type == 0;
	json_t *array = retargets
				? fields_write_array(changed_element_fields, plan->elements,
						     plan->element_count, sizeof(plan->elements[0]))
				: json_array();
	size_t i;
	json_t *element;

	json_array_foreach (array, i, element)
		if (json_put(element, "before", json_number(plan->system_start)) < 0 ||
		    json_put(element, "after", json_number(plan->boot_start)) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *json_changes(const struct bs_result *result)
{
	bool known = result->unknown.code == BS_OK;
	const struct json_member members[] = {
		{"known", json_boolean(known)},
		{"code", json_text(known ? NULL : bs_code_name(result->unknown.code))},
		{"message", json_text(known ? NULL : result->unknown.message)},
		{"elements", json_changed_elements(result->plan)},
		{"ranges", fields_write_array(written_fields, result->written,
					      result->written_count, sizeof(result->written[0]))},
	};

	return json_members(members, COUNT_OF(members));
}

static json_t *json_parents(const struct bs_result *result)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < result->parent_count; i++) {
		const struct bs_parent *parent = &result->parents[i];
		json_t *object = json_object();

		if (json_put(object, "path", json_text(parent->path)) < 0 ||
		    fields_write(parent_fields, parent, object) < 0) {
			json_decref(object);
			object = NULL;
		}
		json_append(&array, object);
	}
	return array;
}

/* ---- documents ----------------------------------------------------------------------------- */

json_t *report_json_open(const char *command)
{
	const struct json_member members[] = {
		{"schema", json_number(REPORT_SCHEMA)},
		{"tool", json_text("bootshift")},
		{"version", json_text(bs_version())},
		{"command", json_text(command)},
		{"images", json_array()},
	};

	return json_members(members, COUNT_OF(members));
}

int report_json_put_error(json_t *object, const struct bs_error *error,
			  const struct advice_subject *subject)
{
	bool failed = error->code != BS_OK;

	if (json_put(object, "code", json_text(failed ? bs_code_name(error->code) : NULL)) < 0 ||
	    json_put(object, "message", json_text(failed ? error->message : NULL)) < 0)
		return -1;
	return json_put(object, "advice", failed ? json_advice(error->code, subject) : json_null());
}

static json_t *json_fixed_at(const struct bs_result *result)
{
	struct moment_text moment = moment_rfc3339(result->fixed_at);

	return result->fixed_at != 0 && *moment.text ? json_text(moment.text) : json_null();
}

/* The command that undoes the fix that the image has, or null. */
static json_t *json_undo_command(const struct advice_subject *subject,
				 const struct bs_result *result)
{
	bool fixed = result->inspection && (result->undo_file || result->undo_file_named);
	char *command = fixed ? advice_undo_command(subject, result) : NULL;
	json_t *value = json_text(command);

	free(command);
	return value;
}

json_t *report_json_image(const struct advice_subject *subject, const struct bs_result *result)
{
	json_t *inspection =
		result->inspection ? json_inspection(result->inspection, subject) : json_null();
	json_t *plan = result->plan ? json_plan(result->plan) : json_null();
	json_t *start = result->start ? json_start(result->start) : json_null();
	json_t *object = json_object();
	int failed = 0;

	failed |= json_put(object, "path", json_text(subject->image));
	failed |= json_put(object, "status", json_text(outcome_of(result->status)->name));
	failed |= report_json_put_error(object, &result->error, subject);
	failed |= fields_write(result_fields, result, object);
	failed |= json_put(object, "undo_file", json_text(result->undo_file));
	failed |= json_put(object, "fixed_at", json_fixed_at(result));
	failed |= json_put(object, "fixed_by",
			   json_text(result->fixed_by[0] != '\0' ? result->fixed_by : NULL));
	failed |= json_put(object, "undo_file_size",
			   result->undo_file_size > 0 ? json_number(result->undo_file_size)
						      : json_null());
	failed |= json_put(object, "undo_command", json_undo_command(subject, result));
	failed |= json_put(object, "undo_file_named", json_text(result->undo_file_named));
	failed |= json_put(object, "parents", json_parents(result));
	failed |= json_put(object, "inspection", inspection);
	failed |= json_put(object, "plan", plan);
	failed |= json_put(object, "start", start);
	failed |= json_put(object, "differences",
			   fields_write_array(difference_fields, result->differences,
					      result->difference_count,
					      sizeof(result->differences[0])));
	failed |= json_put(object, "changes", result->written ? json_changes(result) : json_null());
	if (failed) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

int report_json_add(json_t *document, const struct advice_subject *subject,
		    const struct bs_result *result)
{
	return json_array_append_new(json_object_get(document, "images"),
				     report_json_image(subject, result));
}

int report_json_write(const json_t *document, FILE *stream)
{
	/* ASCII only, so that no control character of Unicode reaches a terminal. */
	if (json_dumpf(document, stream, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0 ||
	    fputc('\n', stream) == EOF)
		return -1;
	return fflush(stream) == 0 ? 0 : -1;
}
