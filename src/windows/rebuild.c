/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/rebuild.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <nettle/sha2.h>

#include "boot/bcd-store.h"
#include "util/bytes.h"
#include "util/path.h"
#include "util/utf16.h"
#include "volume/scoped.h"

#define MENU_MAX       12u /* entries in the menu: as many as a value has room for */
#define MENU_TIMEOUT   30u /* seconds, as bcdboot has it */
#define NO_EXECUTE     0u  /* OptIn, the default of Windows */
#define USUAL_LANGUAGE "en-US"

/* The types of objects. */
#define TYPE_BOOTMGR 0x10100002u
#define TYPE_WINDOWS 0x10200003u
#define TYPE_RESUME  0x10200004u
#define TYPE_MEMORY  0x10200005u
#define TYPE_OPTIONS 0x30000000u

/* A new store that is being made. */
struct rebuild {
	const struct facts *facts;
	struct bs_plan *plan;
	bool is_full;
	char windows[40], resume[40], recovery[40], options[40]; /* names of objects; empty: none */
};

/* ---- rows ---------------------------------------------------------------------------------- */

static struct bs_plan_element *rebuild_find(const struct rebuild *own, const char *object,
					    uint32_t element)
{
	for (uint32_t i = 0; i < own->plan->element_count; i++)
		if (own->plan->elements[i].element == element &&
		    strcasecmp(own->plan->elements[i].object, object) == 0)
			return &own->plan->elements[i];
	return NULL;
}

/* Sets an element, which may be there already. */
static void rebuild_put(struct rebuild *own, const char *object, uint32_t type, uint32_t element,
			const uint8_t *value, uint32_t size)
{
	struct bs_plan_element *row = rebuild_find(own, object, element);

	own->is_full |= !row && own->plan->element_count == BS_ELEMENTS_MAX;
	if (own->is_full)
		return;
	if (!row)
		row = &own->plan->elements[own->plan->element_count++];
	*row = (struct bs_plan_element){
		.element = element, .object_type = type, .value_size = size};
	snprintf(row->object, sizeof(row->object), "%s", object);
	if (size != 0)
		memcpy(row->value, value, size);
}

static void rebuild_remove(struct rebuild *own, struct bs_plan_element *row)
{
	*row = own->plan->elements[--own->plan->element_count];
}

static void rebuild_put_object(struct rebuild *own, const char *object, uint32_t type)
{
	rebuild_put(own, object, type, 0, NULL, 0);
}

/* Appends ASCII text in UTF-16, with its zero character. */
static uint32_t rebuild_append_text(uint8_t value[BS_VALUE_MAX], uint32_t at, const char *ascii)
{
	do {
		store_le16(value + at, (uint8_t)*ascii);
		at += 2;
	} while (*ascii++ != '\0' && at + 2 <= BS_VALUE_MAX);
	return at;
}

static void rebuild_put_text(struct rebuild *own, const char *object, uint32_t type,
			     uint32_t element, const char *ascii)
{
	uint8_t value[BS_VALUE_MAX];

	rebuild_put(own, object, type, element, value, rebuild_append_text(value, 0, ascii));
}

/* Puts a text, unless the element is there already. */
static void rebuild_put_default(struct rebuild *own, const char *object, uint32_t type,
				uint32_t element, const char *ascii)
{
	if (!rebuild_find(own, object, element))
		rebuild_put_text(own, object, type, element, ascii);
}

static void rebuild_put_list(struct rebuild *own, const char *object, uint32_t type,
			     uint32_t element, char (*names)[40], uint32_t count)
{
	uint8_t value[BS_VALUE_MAX];
	uint32_t size = 0;

	for (uint32_t i = 0; i < count; i++)
		size = rebuild_append_text(value, size, names[i]);
	rebuild_put(own, object, type, element, value, rebuild_append_text(value, size, ""));
}

static void rebuild_put_one(struct rebuild *own, const char *object, uint32_t type,
			    uint32_t element, const char *name)
{
	char names[1][40];

	snprintf(names[0], sizeof(names[0]), "%s", name);
	rebuild_put_list(own, object, type, element, names, 1);
}

static void rebuild_put_number(struct rebuild *own, const char *object, uint32_t type,
			       uint32_t element, uint64_t number)
{
	uint8_t value[8];

	store_le64(value, number);
	rebuild_put(own, object, type, element, value, sizeof(value));
}

static void rebuild_put_yes(struct rebuild *own, const char *object, uint32_t type,
			    uint32_t element)
{
	static const uint8_t yes = 1;

	rebuild_put(own, object, type, element, &yes, sizeof(yes));
}

/* The device of a partition. */
static void rebuild_put_partition(struct rebuild *own, const char *object, uint32_t type,
				  uint32_t element, int32_t index)
{
	uint8_t value[BCD_PARTITION_SIZE];

	bcd_put_partition(value, own->facts->partitions[index].is.start,
			  own->facts->found_signature);
	rebuild_put(own, object, type, element, value, sizeof(value));
}

/* String `index` of a row; "" if there is none. */
static void rebuild_text(const struct bs_plan_element *row, size_t index, char *text, size_t size)
{
	const struct bcd bcd = {.bytes = row->value, .size = row->value_size};
	const struct bcd_element element = {.size = row->value_size};

	(void)bcd_list_text(&bcd, &element, index, text, size);
}

/* ---- names of objects ---------------------------------------------------------------------- */

/* Makes the name of a new object: a GUID of the vendor's own kind (RFC 9562, version 8). */
static void rebuild_name(const struct rebuild *own, const char *purpose, char object[40])
{
	uint8_t seed[12], digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx hash;
	size_t at;

	store_le32(seed, own->facts->found_signature);
	store_le64(seed + 4, own->facts->partitions[own->facts->boot_index].is.start);
	sha256_init(&hash);
	sha256_update(&hash, sizeof(seed), seed);
	sha256_update(&hash, strlen(purpose), (const uint8_t *)purpose);
	sha256_digest(&hash, sizeof(digest), digest);
	digest[6] = (uint8_t)((digest[6] & 0x0F) | 0x80);
	digest[8] = (uint8_t)((digest[8] & 0x3F) | 0x80);
	at = (size_t)snprintf(object, 40, "{");
	for (size_t i = 0; i < 16; i++)
		at += (size_t)snprintf(object + at, 40 - at, "%s%02x",
				       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", digest[i]);
	snprintf(object + at, 40 - at, "}");
}

/* ---- rows of the template and of the old store --------------------------------------------- */

typedef bool rebuild_filter(uint32_t element);

static bool rebuild_is_any(uint32_t element)
{
	(void)element;
	return true;
}

static uint32_t rebuild_format(uint32_t element)
{
	return element >> 24 & 0x0F;
}

/* Whether an element can be kept: it names no device, no program, and no entry. */
static bool rebuild_is_setting(uint32_t element)
{
	return element == BCD_DESCRIPTION || element == BCD_LOCALE || element == BCD_INHERIT ||
	       rebuild_format(element) >= 5; /* numbers and flags */
}

/* Copies the rows of object `from` that the filter lets through, as rows of `object`. */
static void rebuild_copy(struct rebuild *own, const struct fact_store *store, const char *from,
			 const char *object, rebuild_filter *filter)
{
	for (size_t i = 0; i < store->count; i++) {
		const struct bs_plan_element *row = &store->items[i];

		if (strcasecmp(row->object, from) == 0 &&
		    (row->element == 0 || filter(row->element)))
			rebuild_put(own, object, row->object_type, row->element, row->value,
				    row->value_size);
	}
}

static void rebuild_copy_settings(struct rebuild *own)
{
	const struct fact_store *template = &own->facts->rebuild.template;

	for (size_t i = 0; i < template->count; i++)
		if (template->items[i].object_type >> 28 == 2 && template->items[i].element == 0)
			rebuild_copy(own, template, template->items[i].object,
				     template->items[i].object, rebuild_is_any);
}

/* The name of the template's entry for Windows; NULL: it has none. */
static const char *rebuild_template_windows(const struct rebuild *own)
{
	const struct fact_store *template = &own->facts->rebuild.template;

	for (size_t i = 0; i < template->count; i++)
		if (template->items[i].object_type == TYPE_WINDOWS)
			return template->items[i].object;
	return NULL;
}

/* Entries of the old store besides those that are made, as they are. */
static void rebuild_copy_others(struct rebuild *own)
{
	const struct fact_store *kept = &own->facts->rebuild.kept;

	for (size_t i = 0; i < kept->count; i++) {
		const char *object = kept->items[i].object;

		if (kept->items[i].element == 0 && strcasecmp(object, BCD_BOOTMGR) != 0 &&
		    strcasecmp(object, BCD_MEMDIAG) != 0 && strcasecmp(object, own->windows) != 0 &&
		    !rebuild_find(own, object, 0))
			rebuild_copy(own, kept, object, object, rebuild_is_any);
	}
}

/* An element of the old store; NULL: it has none. */
static const struct bs_plan_element *rebuild_old(const struct rebuild *own, const char *object,
						 uint32_t element)
{
	const struct fact_store *kept = &own->facts->rebuild.kept;

	for (size_t i = 0; i < kept->count; i++)
		if (kept->items[i].element == element &&
		    strcasecmp(kept->items[i].object, object) == 0)
			return &kept->items[i];
	return NULL;
}

/* Sets `object` to the entry that an element of the old Windows names, if that entry is kept. */
static bool rebuild_follow(const struct rebuild *own, uint32_t element, char object[40])
{
	const struct bs_plan_element *row = rebuild_old(own, own->windows, element);

	object[0] = '\0';
	if (row)
		rebuild_text(row, 0, object, 40);
	if (rebuild_find(own, object, 0))
		return true;
	object[0] = '\0';
	return false;
}

/* ---- the entries --------------------------------------------------------------------------- */

/* The language of the old entry, or of Windows. */
static void rebuild_put_language(struct rebuild *own, const char *object, uint32_t type)
{
	const struct bs_plan_element *old = rebuild_old(own, own->windows, BCD_LOCALE);
	const char *locale = own->facts->rebuild.locale;

	if (old)
		rebuild_put(own, object, type, BCD_LOCALE, old->value, old->value_size);
	else
		rebuild_put_text(own, object, type, BCD_LOCALE,
				 locale[0] != '\0' ? locale : USUAL_LANGUAGE);
}

/* The name of Windows in its registry, if it is ASCII. */
static const char *rebuild_title(const struct facts *facts)
{
	for (const char *c = facts->windows_name; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			return "Windows";
	return facts->windows_name[0] != '\0' ? facts->windows_name : "Windows";
}

static void rebuild_add_resume(struct rebuild *own)
{
	const int32_t boot = own->facts->boot_index;

	if (!own->facts->rebuild.has_resume)
		return;
	if (!rebuild_follow(own, BCD_RESUME_OBJECT, own->resume))
		rebuild_name(own, "resume", own->resume);
	rebuild_put_object(own, own->resume, TYPE_RESUME);
	rebuild_put_partition(own, own->resume, TYPE_RESUME, BCD_DEVICE, boot);
	rebuild_put_text(own, own->resume, TYPE_RESUME, BCD_PATH,
			 "\\Windows\\system32\\winresume.exe");
	rebuild_put_default(own, own->resume, TYPE_RESUME, BCD_DESCRIPTION,
			    "Windows Resume Application");
	rebuild_put_language(own, own->resume, TYPE_RESUME);
	rebuild_put_one(own, own->resume, TYPE_RESUME, BCD_INHERIT, BCD_RESUME_SETTINGS);
	/* The hibernation file: the same numbers mean its device and its path here. */
	rebuild_put_partition(own, own->resume, TYPE_RESUME, BCD_OSDEVICE, boot);
	rebuild_put_text(own, own->resume, TYPE_RESUME, BCD_SYSTEMROOT, "\\hiberfil.sys");
}

static void rebuild_add_recovery_image(struct rebuild *own)
{
	const struct facts *facts = own->facts;
	int32_t index = facts->rebuild.recovery_index;
	uint8_t device[BS_VALUE_MAX];
	uint32_t size;

	rebuild_name(own, "options", own->options);
	size = bcd_put_ramdisk(device, sizeof(device), facts->partitions[index].is.start,
			       facts->found_signature, RECOVERY_IMAGE, own->options);
	rebuild_put_object(own, own->options, TYPE_OPTIONS);
	rebuild_put_text(own, own->options, TYPE_OPTIONS, BCD_DESCRIPTION, "Windows Recovery");
	rebuild_put_partition(own, own->options, TYPE_OPTIONS, BCD_SDI_DEVICE, index);
	rebuild_put_text(own, own->options, TYPE_OPTIONS, BCD_SDI_PATH, RECOVERY_SDI);
	rebuild_put(own, own->recovery, TYPE_WINDOWS, BCD_DEVICE, device, size);
	rebuild_put(own, own->recovery, TYPE_WINDOWS, BCD_OSDEVICE, device, size);
}

/* The recovery environment of the old store, or else the usual one. */
static void rebuild_add_recovery(struct rebuild *own)
{
	if (rebuild_follow(own, BCD_RECOVERY_SEQUENCE, own->recovery) ||
	    own->facts->rebuild.recovery_index < 0)
		return;
	rebuild_name(own, "recovery", own->recovery);
	rebuild_put_object(own, own->recovery, TYPE_WINDOWS);
	rebuild_add_recovery_image(own);
	rebuild_put_text(own, own->recovery, TYPE_WINDOWS, BCD_PATH,
			 "\\windows\\system32\\winload.exe");
	rebuild_put_text(own, own->recovery, TYPE_WINDOWS, BCD_DESCRIPTION,
			 "Windows Recovery Environment");
	rebuild_put_language(own, own->recovery, TYPE_WINDOWS);
	rebuild_put_one(own, own->recovery, TYPE_WINDOWS, BCD_INHERIT, BCD_LOADER_SETTINGS);
	rebuild_put_text(own, own->recovery, TYPE_WINDOWS, BCD_SYSTEMROOT, "\\windows");
	rebuild_put_number(own, own->recovery, TYPE_WINDOWS, BCD_NO_EXECUTE, NO_EXECUTE);
	rebuild_put_yes(own, own->recovery, TYPE_WINDOWS, BCD_IS_WINPE);
}

static void rebuild_add_windows(struct rebuild *own)
{
	const int32_t boot = own->facts->boot_index;
	const char *template = rebuild_template_windows(own);
	const char *object = own->windows;

	rebuild_put_object(own, object, TYPE_WINDOWS);
	if (own->facts->rebuild.windows_object[0] != '\0')
		rebuild_copy(own, &own->facts->rebuild.kept, object, object, rebuild_is_setting);
	else if (template)
		rebuild_copy(own, &own->facts->rebuild.template, template, object,
			     rebuild_is_setting);
	if (!rebuild_old(own, object, BCD_DESCRIPTION))
		rebuild_put_text(own, object, TYPE_WINDOWS, BCD_DESCRIPTION,
				 rebuild_title(own->facts));
	rebuild_put_partition(own, object, TYPE_WINDOWS, BCD_DEVICE, boot);
	rebuild_put_text(own, object, TYPE_WINDOWS, BCD_PATH, "\\Windows\\system32\\winload.exe");
	rebuild_put_language(own, object, TYPE_WINDOWS);
	rebuild_put_one(own, object, TYPE_WINDOWS, BCD_INHERIT, BCD_LOADER_SETTINGS);
	rebuild_put_partition(own, object, TYPE_WINDOWS, BCD_OSDEVICE, boot);
	rebuild_put_text(own, object, TYPE_WINDOWS, BCD_SYSTEMROOT, "\\Windows");
	if (!rebuild_find(own, object, BCD_NO_EXECUTE))
		rebuild_put_number(own, object, TYPE_WINDOWS, BCD_NO_EXECUTE, NO_EXECUTE);
	if (own->resume[0] != '\0')
		rebuild_put_text(own, object, TYPE_WINDOWS, BCD_RESUME_OBJECT, own->resume);
	if (own->recovery[0] == '\0')
		return;
	rebuild_put_one(own, object, TYPE_WINDOWS, BCD_RECOVERY_SEQUENCE, own->recovery);
	rebuild_put_yes(own, object, TYPE_WINDOWS, BCD_RECOVERY_ENABLED);
}

static void rebuild_add_memory_diagnostic(struct rebuild *own)
{
	if (!facts_find_file(own->facts, BOOT_FOLDER "\\memtest.exe"))
		return;
	rebuild_put_object(own, BCD_MEMDIAG, TYPE_MEMORY);
	rebuild_copy(own, &own->facts->rebuild.template, BCD_MEMDIAG, BCD_MEMDIAG,
		     rebuild_is_setting);
	rebuild_put_partition(own, BCD_MEMDIAG, TYPE_MEMORY, BCD_DEVICE, own->facts->boot_index);
	rebuild_put_text(own, BCD_MEMDIAG, TYPE_MEMORY, BCD_PATH, "\\boot\\memtest.exe");
	rebuild_put_default(own, BCD_MEMDIAG, TYPE_MEMORY, BCD_DESCRIPTION,
			    "Windows Memory Diagnostic");
	rebuild_put_language(own, BCD_MEMDIAG, TYPE_MEMORY);
	rebuild_put_one(own, BCD_MEMDIAG, TYPE_MEMORY, BCD_INHERIT, BCD_GLOBAL_SETTINGS);
	rebuild_put_yes(own, BCD_MEMDIAG, TYPE_MEMORY, BCD_BAD_MEMORY_ACCESS);
}

/* The menu: Windows, then the entries of the old menu that are kept. */
static void rebuild_put_menu(struct rebuild *own)
{
	const struct bs_plan_element *old = rebuild_old(own, BCD_BOOTMGR, BCD_DISPLAY_ORDER);
	char names[MENU_MAX][40], name[40];
	uint32_t count = 1;

	memcpy(names[0], own->windows, sizeof(names[0]));
	for (size_t i = 0; old && i < 2 * MENU_MAX && count < MENU_MAX; i++) {
		rebuild_text(old, i, name, sizeof(name));
		if (name[0] != '\0' && strcasecmp(name, own->windows) != 0 &&
		    rebuild_find(own, name, 0))
			memcpy(names[count++], name, sizeof(name));
	}
	rebuild_put_list(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_DISPLAY_ORDER, names, count);
}

static void rebuild_add_bootmgr(struct rebuild *own)
{
	rebuild_put_object(own, BCD_BOOTMGR, TYPE_BOOTMGR);
	rebuild_copy(own, &own->facts->rebuild.template, BCD_BOOTMGR, BCD_BOOTMGR,
		     rebuild_is_setting);
	rebuild_copy(own, &own->facts->rebuild.kept, BCD_BOOTMGR, BCD_BOOTMGR, rebuild_is_setting);
	rebuild_put_partition(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_DEVICE, own->facts->boot_index);
	rebuild_put_default(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_DESCRIPTION,
			    "Windows Boot Manager");
	rebuild_put_language(own, BCD_BOOTMGR, TYPE_BOOTMGR);
	rebuild_put_one(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_INHERIT, BCD_GLOBAL_SETTINGS);
	rebuild_put_text(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_DEFAULT, own->windows);
	if (own->resume[0] != '\0')
		rebuild_put_text(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_BOOTMGR_RESUME, own->resume);
	rebuild_put_menu(own);
	if (rebuild_find(own, BCD_MEMDIAG, 0))
		rebuild_put_one(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_TOOLS_ORDER, BCD_MEMDIAG);
	if (!rebuild_find(own, BCD_BOOTMGR, BCD_TIMEOUT))
		rebuild_put_number(own, BCD_BOOTMGR, TYPE_BOOTMGR, BCD_TIMEOUT, MENU_TIMEOUT);
}

/* Kept entries name other entries.  Removes what names an entry that is not there. */
static void rebuild_remove_dangling(struct rebuild *own)
{
	char name[40];

	for (uint32_t i = own->plan->element_count; i > 0; i--) {
		struct bs_plan_element *row = &own->plan->elements[i - 1];

		if (row->element != BCD_RESUME_OBJECT && row->element != BCD_RECOVERY_SEQUENCE)
			continue;
		rebuild_text(row, 0, name, sizeof(name));
		if (!rebuild_find(own, name, 0))
			rebuild_remove(own, row);
	}
}

/* An old store may name an object like one that is made.  Then the type of the new one counts. */
static void rebuild_set_types(struct rebuild *own)
{
	for (uint32_t i = 0; i < own->plan->element_count; i++) {
		struct bs_plan_element *row = &own->plan->elements[i];
		const struct bs_plan_element *object = rebuild_find(own, row->object, 0);

		if (object)
			row->object_type = object->object_type;
	}
}

int rebuild_make_elements(const struct facts *facts, struct bs_plan *plan, uint64_t *size,
			  struct bs_error *err)
{
	struct rebuild own = {.facts = facts, .plan = plan};
	SCOPED uint8_t *bytes = NULL;
	size_t length;

	plan->element_count = 0;
	snprintf(own.windows, sizeof(own.windows), "%s", facts->rebuild.windows_object);
	if (own.windows[0] == '\0')
		rebuild_name(&own, "windows", own.windows);
	rebuild_copy_settings(&own);
	rebuild_copy_others(&own);
	rebuild_add_resume(&own);
	rebuild_add_recovery(&own);
	rebuild_add_windows(&own);
	rebuild_add_memory_diagnostic(&own);
	rebuild_add_bootmgr(&own);
	rebuild_remove_dangling(&own);
	rebuild_set_types(&own);
	if (own.is_full)
		return fail(err, BS_BCD_DAMAGED, "a new BCD would have too many entries");
	bcd_store_sort(plan->elements, plan->element_count);
	if (bcd_store_write(plan->elements, plan->element_count, &bytes, &length, err) < 0)
		return -1;
	*size = length;
	return 0;
}

/* ---- originals ----------------------------------------------------------------------------- */

/*
 * Gives the new file its own name.  What Windows keeps has another name in two cases, which need no
 * separate 8.3 name.
 */
static void rebuild_rename(const char *path, struct volume_metadata *metadata)
{
	const char *name = guest_path_name(path);

	if (strcasecmp(metadata->name, name) != 0) {
		metadata->short_name[0] = '\0';
		metadata->name_space = NAMESPACE_WIN32_AND_DOS;
	}
	snprintf(metadata->name, sizeof(metadata->name), "%s", name);
}

int rebuild_visit(struct volume *volume, const char *path, tree_visitor *visit, void *context,
		  struct bs_error *err)
{
	struct volume_metadata metadata;
	struct tree_visit original = {.path = path, .metadata = &metadata};
	SCOPED_FILE *file = NULL;
	char source[BS_PATH_MAX];

	facts_source(path, source);
	if (volume_open_file(volume, source, &file, err) < 0)
		return -1;
	if (!file)
		return fail(err, BS_CHANGED_MEANWHILE, "%s is missing", source);
	if (volume_stat(file, &metadata, err) < 0)
		return -1;
	rebuild_rename(path, &metadata);
	original.file = file;
	return visit(context, &original, err);
}

/* ---- the store, read back ------------------------------------------------------------------ */

static int rebuild_compare_row(const struct bs_plan_element *row, const struct bcd *bcd,
			       struct bs_error *err)
{
	const struct bcd_element *found = bcd_find(bcd, row->object, row->element);

	if (!found || found->object_type != row->object_type || found->size != row->value_size ||
	    (found->size != 0 && memcmp(bcd->bytes + found->offset, row->value, found->size) != 0))
		return fail(err, BS_VERIFY, BOOT_BCD_PATH ": element %08x of %s is not as planned",
			    row->element, row->object);
	return 0;
}

static bool rebuild_has_object(const struct bcd *bcd, const struct bs_plan_element *row)
{
	for (size_t i = 0; i < bcd->object_count; i++)
		if (strcasecmp(bcd->objects[i].object, row->object) == 0)
			return bcd->objects[i].type == row->object_type;
	return false;
}

static int rebuild_compare_rows(const struct bs_plan *plan, const struct bcd *bcd,
				struct bs_error *err)
{
	uint32_t objects = 0;

	for (uint32_t i = 0; i < plan->element_count; i++) {
		const struct bs_plan_element *row = &plan->elements[i];

		objects += row->element == 0;
		if (row->element == 0 && !rebuild_has_object(bcd, row))
			return fail(err, BS_VERIFY, BOOT_BCD_PATH ": %s is not as planned",
				    row->object);
		if (row->element != 0 && rebuild_compare_row(row, bcd, err) < 0)
			return -1;
	}
	if (bcd->dirty || bcd->object_count != objects ||
	    bcd->count != plan->element_count - objects)
		return fail(err, BS_VERIFY, BOOT_BCD_PATH " has other entries than planned");
	return 0;
}

int rebuild_compare(const struct bs_plan *plan, const uint8_t *bytes, size_t size,
		    struct bs_error *err)
{
	struct bcd bcd = {0};
	int result = bcd_parse(bytes, size, &bcd, err);

	if (result == 0)
		result = rebuild_compare_rows(plan, &bcd, err);
	else if (err->code == BS_BCD_DAMAGED)
		err->code = BS_VERIFY;
	bcd_free(&bcd);
	return result;
}
