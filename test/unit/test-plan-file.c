/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan file: a plan that was written is read back the same, and any other content is refused.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/json-fields.h"
#include "report/plan-file.h"

#include "support/test.h"

static struct bs_plan_file files[] = {
	{.path = "\\bootmgr", .size = 383786, .attributes = 0x27, .sha256 = {0xa5, 0, 0xff}},
	{.path = "\\Boot", .is_folder = true, .attributes = UINT32_MAX},
	{.path = "\\Boot\\\xc3\xa4\"\\BCD", .size = JSON_NUMBER_MAX, .sha256 = {[31] = 1}},
};

static struct bs_plan_element elements[] = {
	{.object = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}",
	 .element = 0x11000001,
	 .offset = UINT32_MAX,
	 .path = "\\bootmgr"},
};

static const struct bs_plan sample = {
	.disk_signature = 0xa33b6c03,
	.disk_size = 40ull << 30,
	.system_start = 1 << 20,
	.system_size = 100 << 20,
	.boot_start = 101 << 20,
	.boot_size = (40ull << 30) - (102 << 20),
	.system_number = 1,
	.boot_number = 2,
	.operation_count = 2,
	.operations = {{.kind = BS_OPERATION_COPY,
			.path = "\\Boot",
			.files = 35,
			.folders = 26,
			.replaces = 3,
			.bytes = 15539670,
			.sectors = 30456},
		       {.kind = BS_OPERATION_ACTIVATE, .bytes = 512, .sectors = 1}},
	.file_count = 3,
	.files = files,
	.element_count = 1,
	.elements = elements,
};

static const struct plan_origin origin = {
	.image = "win7.vhd",
	.location = "/srv/win7.vhd",
	.version = "0.1.0",
	.made = "2026-11-29T14:12:03Z",
};

static json_t *sample_document(void)
{
	json_t *document = plan_document(&sample, &origin);

	ck_assert_ptr_nonnull(document);
	return document;
}

TEST_CASE(json, "json");

TEST(json, a_plan_is_read_back_as_written)
{
	struct bs_error err = {0};
	struct plan_origin read;
	json_t *document = sample_document(), *again;
	struct bs_plan *plan = plan_from_document(document, &read, &err);

	ck_assert_msg(plan != NULL, "%s", err.message);
	ck_assert_uint_eq(plan->disk_signature, sample.disk_signature);
	ck_assert_uint_eq(plan->operations[1].kind, BS_OPERATION_ACTIVATE);
	ck_assert_uint_eq(plan->file_count, 3);
	ck_assert_mem_eq(plan->files, files, sizeof(files));
	ck_assert_mem_eq(plan->elements, elements, sizeof(elements));
	again = plan_document(plan, &read);
	ck_assert(json_equal(document, again));
	json_decref(document);
	json_decref(again);
	bs_plan_free(plan);
}

/* A plan that leaves the signature as it is has no such field. */
TEST(json, a_restored_signature_is_read_back_as_written)
{
	struct bs_error err = {0};
	struct plan_origin read;
	struct bs_plan changed = sample, *plan;
	json_t *document = sample_document();

	ck_assert_ptr_null(json_object_get(document, "restored_signature"));
	json_decref(document);
	changed.restored_signature = 0x0a0b0c0d;
	changed.operations[0] = (struct bs_operation){.kind = BS_OPERATION_SIGNATURE, .bytes = 4};
	document = plan_document(&changed, &origin);
	ck_assert_str_eq(json_string_value(json_object_get(document, "restored_signature")),
			 "0a0b0c0d");
	plan = plan_from_document(document, &read, &err);
	ck_assert_msg(plan != NULL, "%s", err.message);
	ck_assert_uint_eq(plan->restored_signature, 0x0a0b0c0d);
	ck_assert_uint_eq(plan->operations[0].kind, BS_OPERATION_SIGNATURE);
	json_decref(document);
	bs_plan_free(plan);
}

TEST(json, a_plan_of_schema_1_is_read_without_time_version_and_absolute_path)
{
	struct bs_error err = {0};
	struct plan_origin read = origin;
	json_t *document = sample_document();
	struct bs_plan *plan;

	json_object_set_new(document, "schema", json_integer(1));
	json_object_del(document, "location");
	json_object_del(document, "version");
	json_object_del(document, "made");
	plan = plan_from_document(document, &read, &err);
	ck_assert_msg(plan != NULL, "%s", err.message);
	ck_assert_uint_eq(plan->file_count, 3);
	ck_assert_str_eq(read.image, "win7.vhd");
	ck_assert_str_eq(read.location, "");
	ck_assert_str_eq(read.version, "");
	ck_assert_str_eq(read.made, "");
	json_decref(document);
	bs_plan_free(plan);
}

/* Each entry puts one value into a good plan.  The value NULL removes the field. */
static const struct {
	const char *array; /* changes its first entry; NULL: the plan itself */
	const char *field, *value;
} changes[] = {
	{NULL, "schema", NULL},
	{NULL, "schema", "0"},
	{NULL, "schema", "1"}, /* has no field "location" */
	{NULL, "schema", "3"},
	{NULL, "schema", "\"1\""},
	{NULL, "kind", "\"other\""},
	{NULL, "kind", NULL},
	{NULL, "image", "1"},
	{NULL, "image", NULL},
	{NULL, "location", NULL},
	{NULL, "made", "1"},
	{NULL, "version", "null"},
	{NULL, "unknown", "1"},
	{NULL, "disk_size", NULL},
	{NULL, "disk_size", "-1"},
	{NULL, "disk_size", "1.0"},
	{NULL, "disk_size", "\"1\""},
	{NULL, "disk_signature", "\"A33B6C03\""},
	{NULL, "disk_signature", "\"a33b6c0\""},
	{NULL, "disk_signature", "2738580483"},
	{NULL, "restored_signature", "1"},
	{NULL, "restored_signature", "\"a33b6c0g\""},
	{NULL, "boot_number", "4294967296"},
	{NULL, "files", NULL},
	{NULL, "files", "{}"},
	{NULL, "elements", "null"},
	{"operations", "kind", "\"format\""},
	{"operations", "kind", "0"},
	{"operations", "path", "null"},
	{"operations", "more", "0"},
	{"operations", "bytes", NULL},
	{"files", "sha256", "\"a5\""},
	{"files", "is_folder", "0"},
	{"files", "attributes", "4294967296"},
	{"elements", "element", "\"1100000g\""},
	{"elements", "object", "\"{9dea862c-5cdd-4e70-acc1-f32b344d4795}xx\""}, /* too long */
};

TEST_EACH(json, a_plan_with_one_wrong_field_is_refused, changes)
{
	struct bs_error err = {0};
	struct plan_origin read;
	json_t *document = sample_document(), *object = document;

	if (changes[_i].array)
		object = json_array_get(json_object_get(document, changes[_i].array), 0);
	if (changes[_i].value)
		json_object_set_new(object, changes[_i].field,
				    json_loads(changes[_i].value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(object, changes[_i].field);
	ck_assert_ptr_null(plan_from_document(document, &read, &err));
	ck_assert_int_eq(err.code, BS_PLAN_INVALID);
	ck_assert_str_ne(err.message, "");
	json_decref(document);
}

TEST(json, a_plan_with_too_many_operations_is_refused)
{
	struct bs_error err = {0};
	struct plan_origin read;
	json_t *document = sample_document();
	json_t *operations = json_object_get(document, "operations");

	while (json_array_size(operations) <= BS_OPERATIONS_MAX)
		json_array_append(operations, json_array_get(operations, 0));
	ck_assert_ptr_null(plan_from_document(document, &read, &err));
	ck_assert_int_eq(err.code, BS_PLAN_INVALID);
	json_decref(document);
}

/* ---- files: in a folder of their own -------------------------------------------------------- */

static char folder[] = "/tmp/bootshift-plan-XXXXXX";
static char path[sizeof(folder) + 16];

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/plan.json", folder);
}

static void remove_folder(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* fails if another file was left there */
}

static void write_text(const char *text)
{
	FILE *stream = fopen(path, "w");

	ck_assert_ptr_nonnull(stream);
	fputs(text, stream);
	ck_assert_int_eq(fclose(stream), 0);
}

TEST_CASE(file, "file", .setup = make_folder, .teardown = remove_folder);

TEST(file, a_plan_file_replaces_an_older_one)
{
	struct bs_error err = {0};
	json_t *document = sample_document(), *again;
	struct plan_origin bad = origin, read;
	struct bs_plan *plan;

	strcpy(bad.image, "bad \xff name");
	write_text("older");
	ck_assert_int_eq(plan_file_write(path, &bad, &sample, &err), 0);
	plan = plan_file_read(path, &read, &err);
	ck_assert_msg(plan != NULL, "%s", err.message);
	again = plan_document(plan, &origin);
	ck_assert(json_equal(document, again));
	json_decref(document);
	json_decref(again);
	bs_plan_free(plan);
}

TEST(file, a_plan_file_that_cannot_be_written_leaves_nothing)
{
	struct bs_error err = {0};
	struct rlimit before, small;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 100;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(plan_file_write(path, &origin, &sample, &err), -1);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_int_eq(err.code, BS_NO_SPACE);
	ck_assert_int_eq(access(path, F_OK), -1);
}

TEST(file, a_plan_file_in_a_missing_folder_is_not_found)
{
	struct bs_error err = {0};
	char name[sizeof(path) + 2];

	snprintf(name, sizeof(name), "%s/x", path);
	ck_assert_int_eq(plan_file_write(name, &origin, &sample, &err), -1);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}

TEST(file, a_device_is_written_to_and_not_replaced)
{
	struct bs_error err = {0};
	struct stat status;

	ck_assert_int_eq(plan_file_write("/dev/full", &origin, &sample, &err), -1);
	ck_assert_int_eq(err.code, BS_OUTPUT);
	ck_assert_int_eq(stat("/dev/full", &status), 0);
	ck_assert(S_ISCHR(status.st_mode));
}

static const char *const no_plans[] = {"",
				       "{",
				       "[]",
				       "null",
				       "{\"schema\":1,\"schema\":1}",
				       "{} {}",
				       "{\"kind\":\"bootshift-plan\\u0000\"}",
				       "{\"kind\":\"\xff\"}"};

TEST_EACH(file, a_file_that_is_no_plan_is_refused, no_plans)
{
	struct bs_error err = {0};
	struct plan_origin read;

	write_text(no_plans[_i]);
	ck_assert_ptr_null(plan_file_read(path, &read, &err));
	ck_assert_int_eq(err.code, BS_PLAN_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, path));
}

TEST(file, a_missing_plan_file_is_not_found)
{
	struct bs_error err = {0};
	struct plan_origin read;

	ck_assert_ptr_null(plan_file_read(path, &read, &err));
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}
