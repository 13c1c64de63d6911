/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a script sees.  Every object always has all of its fields; what does not apply or is not
 * known is null.
 */
#include "report/json-report.h"

#include "report/json-fields.h"
#include "report/outcome.h"
#include "report/plan-file.h"

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
};

static const struct field link_fields[] = {
	FIELD_ENUM(struct bs_link, kind, link_names),
	FIELD_ENUM(struct bs_link, state, state_names),
	FIELD(struct bs_link, detail, FIELD_TEXT),
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
};

static const struct field result_fields[] = {
	FIELD(struct bs_result, recovered, FIELD_BOOLEAN),
	FIELD(struct bs_result, exact, FIELD_BOOLEAN),
	FIELD(struct bs_result, container_bytes, FIELD_NUMBER),
	FIELD(struct bs_result, container_extents, FIELD_NUMBER),
	FIELD(struct bs_result, milliseconds, FIELD_NUMBER),
};

static json_t *number_if(bool known, uint64_t number)
{
	return known ? json_number(number) : json_null();
}

static json_t *boolean_if(bool known, bool value)
{
	return known ? json_boolean(value) : json_null();
}

static int write_partition(const struct bs_partition *partition, json_t *object)
{
	if (fields_write(partition_fields, FIELD_COUNT(partition_fields), partition, object) != 0 ||
	    json_put(object, "free", number_if(partition->usage_known, partition->free)) != 0)
		return -1;
	return json_put(object, "cluster_size",
			number_if(partition->usage_known, partition->cluster_size));
}

static int write_link(const struct bs_link *link, json_t *object)
{
	if (fields_write(link_fields, FIELD_COUNT(link_fields), link, object) != 0)
		return -1;
	return json_put(object, "code",
			json_text(link->code != BS_OK ? bs_code_name(link->code) : NULL));
}

static json_t *json_advice(enum bs_code code, const struct advice_subject *subject)
{
	char *advice = advice_make(code, subject);
	json_t *value = advice ? json_text(advice) : NULL;

	free(advice);
	return value;
}

static int write_finding(const struct bs_finding *finding, const struct advice_subject *subject,
			 json_t *object)
{
	bool blocks = bs_code_exit(finding->code) != BS_EXIT_DONE;

	if (json_put(object, "code", json_text(bs_code_name(finding->code))) != 0 ||
	    json_put(object, "blocks", json_boolean(blocks)) != 0 ||
	    json_put(object, "message", json_text(finding->message)) != 0)
		return -1;
	return json_put(object, "advice", json_advice(finding->code, subject));
}

/* Puts an empty array under a name; it belongs to the object.  NULL when out of memory. */
static json_t *put_array(json_t *object, const char *name)
{
	json_t *array = json_array();

	return json_put(object, name, array) == 0 ? array : NULL;
}

/* Appends an empty object, which belongs to the array.  NULL when out of memory. */
static json_t *append_object(json_t *array)
{
	json_t *object = json_object();

	return json_array_append_new(array, object) == 0 ? object : NULL;
}

static int write_partitions(const struct bs_inspection *inspection, json_t *object)
{
	json_t *array = put_array(object, "partitions");

	for (uint32_t i = 0; array && i < inspection->partition_count; i++)
		if (write_partition(&inspection->partitions[i], append_object(array)) != 0)
			return -1;
	return array ? 0 : -1;
}

static int write_findings(const struct bs_inspection *inspection,
			  const struct advice_subject *subject, json_t *object)
{
	json_t *array = put_array(object, "findings");

	for (uint32_t i = 0; array && i < inspection->finding_count; i++)
		if (write_finding(&inspection->findings[i], subject, append_object(array)) != 0)
			return -1;
	return array ? 0 : -1;
}

static int write_links(const struct bs_inspection *inspection, json_t *object)
{
	json_t *array = put_array(object, "boot_chain");

	for (uint32_t i = 0; array && i < inspection->link_count; i++)
		if (write_link(&inspection->links[i], append_object(array)) != 0)
			return -1;
	return array ? 0 : -1;
}

/* The number of the partition at an index, or null. */
static json_t *partition_number(const struct bs_inspection *inspection, int32_t index)
{
	return index < 0 ? json_null() : json_number(inspection->partitions[index].number);
}

static int write_inspection(const struct bs_inspection *inspection,
			    const struct advice_subject *subject, json_t *object)
{
	json_t *room_before = number_if(inspection->room_before_known, inspection->room_before);
	json_t *room_after = number_if(inspection->room_after_known, inspection->room_after);
	int failed = 0;

	failed |=
		fields_write(inspection_fields, FIELD_COUNT(inspection_fields), inspection, object);
	failed |= json_put(object, "starts",
			   boolean_if(inspection->starts_known, inspection->starts));
	failed |= json_put(object, "starts_after",
			   boolean_if(inspection->starts_after_known, inspection->starts_after));
	failed |= json_put(object, "room_before", room_before);
	failed |= json_put(object, "room_after", room_after);
	failed |= json_put(object, "system_partition",
			   partition_number(inspection, inspection->system_index));
	failed |= json_put(object, "boot_partition",
			   partition_number(inspection, inspection->boot_index));
	failed |= write_partitions(inspection, object);
	failed |= write_links(inspection, object);
	failed |= write_findings(inspection, subject, object);
	return failed;
}

/* Puts an empty object under a name, or null; NULL when out of memory. */
static json_t *put_object(json_t *object, const char *name, bool present)
{
	json_t *value = present ? json_object() : json_null();

	return json_put(object, name, value) == 0 ? value : NULL;
}

json_t *report_json_open(const char *command)
{
	json_t *document = json_object();

	if (json_put(document, "schema", json_number(REPORT_SCHEMA)) != 0 ||
	    json_put(document, "tool", json_text("bootshift")) != 0 ||
	    json_put(document, "version", json_text(bs_version())) != 0 ||
	    json_put(document, "command", json_text(command)) != 0 ||
	    json_put(document, "images", json_array()) != 0) {
		json_decref(document);
		return NULL;
	}
	return document;
}

int report_json_put_error(json_t *object, const struct bs_error *error,
			  const struct advice_subject *subject)
{
	bool failed = error->code != BS_OK;

	if (json_put(object, "code", json_text(failed ? bs_code_name(error->code) : NULL)) != 0 ||
	    json_put(object, "message", json_text(failed ? error->message : NULL)) != 0)
		return -1;
	return json_put(object, "advice", failed ? json_advice(error->code, subject) : json_null());
}

static int write_image(const struct advice_subject *subject, const struct bs_result *result,
		       json_t *object)
{
	json_t *inspection, *plan;

	if (json_put(object, "path", json_text(subject->image)) != 0 ||
	    json_put(object, "status", json_text(outcome_of(result->status)->name)) != 0 ||
	    report_json_put_error(object, &result->error, subject) != 0 ||
	    fields_write(result_fields, FIELD_COUNT(result_fields), result, object) != 0 ||
	    json_put(object, "undo_file", json_text(result->undo_file)) != 0)
		return -1;
	inspection = put_object(object, "inspection", result->inspection);
	plan = put_object(object, "plan", result->plan);
	if (!inspection || !plan)
		return -1;
	if (result->inspection && write_inspection(result->inspection, subject, inspection) != 0)
		return -1;
	return result->plan ? plan_to_json(result->plan, plan) : 0;
}

json_t *report_json_image(const struct advice_subject *subject, const struct bs_result *result)
{
	json_t *object = json_object();

	if (object && write_image(subject, result, object) != 0) {
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
	/* ASCII only, so that what a terminal would act on never gets there as it is. */
	if (json_dumpf(document, stream, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0 ||
	    fputc('\n', stream) == EOF)
		return -1;
	return fflush(stream) == 0 ? 0 : -1;
}
