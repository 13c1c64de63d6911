/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data of registry values, those of a boot configuration store included.
 *
 * The layout of a device element is that of ReactOS, boot/environ/include/bl.h, compared with
 * stores written by Windows 7 and Windows 10.  Virtual disks and `locate`: the store of ntloader
 * (utils/bcd), which bcdedit has written.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hive.h"

/* All device types below are those of BCD; sizes count from the type, 16 bytes behind the start. */
#define DEVICE_LOCAL     0u
#define DEVICE_BOOT      5u
#define DEVICE_PARTITION 6u
#define DEVICE_LOCATE    8u
#define DEVICE_SIZE      0x48u
#define LOCAL_DISK       0u
#define LOCAL_RAMDISK    3u
#define LOCAL_FILE       5u
#define LOCAL_VIRTUAL    6u
#define PATH_ON_DEVICE   5u
#define LOCATE_ELEMENT   0u
#define LOCATE_PATH      1u
#define STYLE_GPT        0u
#define STYLE_MBR        1u

const char *well_known_object(const char *name)
{
	/* The names are those of bcdedit. */
	static const struct {
		const char *name, *guid;
	} objects[] = {
		{"{bootmgr}", "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"},
		{"{memdiag}", "{b2721d73-1db4-4c62-bf78-c548a880142d}"},
		{"{ntldr}", "{466f5a88-0af2-4f76-9038-095b170dc21c}"},
		{"{emssettings}", "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"},
		{"{resumeloadersettings}", "{1afa9c49-16ab-4a5c-901b-212802da9460}"},
		{"{dbgsettings}", "{4636856e-540f-4170-a130-a84776f4c654}"},
		{"{badmemory}", "{5189b25c-5558-4bf2-bca4-289b11bd29e2}"},
		{"{bootloadersettings}", "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}"},
		{"{globalsettings}", "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}"},
		{"{hypervisorsettings}", "{7ff607e0-4395-11db-b0de-0800200c9a66}"},
	};

	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
		if (strcasecmp(objects[i].name, name) == 0)
			return objects[i].guid;
	}
	return name;
}

/* The first three fields of a GUID are numbers, so their bytes are stored the other way round. */
static void append_guid(struct bytes *bytes, const char *name, struct location where)
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	const char *text = well_known_object(name);
	char digits[33] = "";
	struct bytes plain = {0};
	size_t count = 0;

	for (; *text && count < 32; text++) {
		if (!strchr("{}-", *text))
			digits[count++] = *text;
	}
	append_hex(&plain, digits, where);
	if (plain.length != sizeof order)
		die_at(where, "\"%s\" is not a GUID", name);
	for (size_t i = 0; i < sizeof order; i++)
		append(bytes, plain.data + order[i], 1);
	free(plain.data);
}

static void append_string(struct bytes *bytes, const char *text)
{
	append_utf16(bytes, text);
	append_le16(bytes, 0);
}

/* A device without its leading 16 bytes of a further options' GUID. */
static void append_partition_device(struct bytes *bytes, uint64_t offset, uint32_t signature)
{
	append_le32(bytes, DEVICE_PARTITION);
	append_le32(bytes, 0);
	append_le64(bytes, DEVICE_SIZE);
	append_le64(bytes, offset);
	append_le64(bytes, 0);
	append_le32(bytes, LOCAL_DISK);
	append_le32(bytes, STYLE_MBR);
	append_le32(bytes, signature);
	append_zeros(bytes, 28);
}

/* The same: where bootmgr came from. */
static void append_boot_device(struct bytes *bytes)
{
	append_le32(bytes, DEVICE_BOOT);
	append_le32(bytes, 0);
	append_le64(bytes, DEVICE_SIZE);
	append_zeros(bytes, DEVICE_SIZE - 16);
}

/* A path on another device, which is given in the same form, too. */
static void append_path(struct bytes *bytes, const struct bytes *parent, const char *path)
{
	struct bytes text = {0};

	append_string(&text, path);
	append_le32(bytes, 1);
	append_le32(bytes, 12 + (uint32_t)(parent->length + text.length));
	append_le32(bytes, PATH_ON_DEVICE);
	append(bytes, parent->data, parent->length);
	append(bytes, text.data, text.length);
	free(text.data);
}

/* A device of this machine: its kind, and what belongs to the kind. */
static void append_local_device(struct bytes *bytes, uint32_t flags, uint32_t kind,
				const struct bytes *rest)
{
	append_le32(bytes, DEVICE_LOCAL);
	append_le32(bytes, flags);
	append_le64(bytes, 20 + rest->length);
	append_le32(bytes, kind);
	append(bytes, rest->data, rest->length);
}

/*
 * The volume with the path that another element of the object has, or with a path; `parent` is the
 * disk, or empty for all disks.
 */
static void append_locate_device(struct bytes *bytes, uint32_t element, const char *path,
				 const struct bytes *parent)
{
	struct bytes text = {0};

	append_string(&text, path);
	append_le32(bytes, DEVICE_LOCATE);
	append_le32(bytes, 0);
	append_le64(bytes, 28 + text.length + parent->length);
	append_le32(bytes, element != 0 ? LOCATE_ELEMENT : LOCATE_PATH);
	append_le32(bytes, element);
	append_le32(bytes, parent->length != 0 ? 28 + (uint32_t)text.length : 0);
	append(bytes, text.data, text.length);
	append(bytes, parent->data, parent->length);
	free(text.data);
}

static const char *argument(const struct hive_line *line, unsigned index)
{
	if (!line->arguments[index])
		die_at(line->where, "\"%s\" needs more behind it", line->kind);
	return line->arguments[index];
}

static const struct partition *partition_argument(const struct recipe *recipe,
						  const struct hive_line *line)
{
	return recipe_partition(recipe, argument(line, 0), line->where);
}

typedef void encoder(const struct recipe *recipe, const struct hive_line *line, struct bytes *data);

/* string TEXT [HEX]: HEX is what lies behind the final zero; Windows leaves such bytes. */
static void encode_string(const struct recipe *recipe, const struct hive_line *line,
			  struct bytes *data)
{
	(void)recipe;
	append_string(data, argument(line, 0));
	if (line->arguments[1])
		append_hex(data, line->arguments[1], line->where);
}

static void encode_strings(const struct recipe *recipe, const struct hive_line *line,
			   struct bytes *data)
{
	(void)recipe;
	for (size_t i = 0; i < HIVE_ARGUMENTS_MAX && line->arguments[i]; i++)
		append_string(data, well_known_object(line->arguments[i]));
	append_le16(data, 0);
}

static void encode_object(const struct recipe *recipe, const struct hive_line *line,
			  struct bytes *data)
{
	(void)recipe;
	append_string(data, well_known_object(argument(line, 0)));
}

static void encode_dword(const struct recipe *recipe, const struct hive_line *line,
			 struct bytes *data)
{
	(void)recipe;
	append_le32(data, (uint32_t)parse_number(argument(line, 0), line->where));
}

static void encode_integer(const struct recipe *recipe, const struct hive_line *line,
			   struct bytes *data)
{
	(void)recipe;
	append_le64(data, parse_number(argument(line, 0), line->where));
}

static void encode_boolean(const struct recipe *recipe, const struct hive_line *line,
			   struct bytes *data)
{
	uint8_t byte = strcmp(argument(line, 0), "yes") == 0;

	(void)recipe;
	if (!byte && strcmp(line->arguments[0], "no") != 0)
		die_at(line->where, "yes or no");
	append(data, &byte, 1);
}

static void encode_binary(const struct recipe *recipe, const struct hive_line *line,
			  struct bytes *data)
{
	(void)recipe;
	append_hex(data, argument(line, 0), line->where);
}

/* What MountedDevices says of a partition on a disk with an MBR. */
static void encode_mounted(const struct recipe *recipe, const struct hive_line *line,
			   struct bytes *data)
{
	append_le32(data, (uint32_t)recipe->signature);
	append_le64(data, partition_argument(recipe, line)->start);
}

static void encode_partition(const struct recipe *recipe, const struct hive_line *line,
			     struct bytes *data)
{
	append_zeros(data, 16);
	append_partition_device(data, partition_argument(recipe, line)->start,
				(uint32_t)recipe->signature);
}

/* foreign SIGNATURE OFFSET: a partition of another disk. */
static void encode_foreign(const struct recipe *recipe, const struct hive_line *line,
			   struct bytes *data)
{
	(void)recipe;
	append_zeros(data, 16);
	append_partition_device(data, parse_number(argument(line, 1), line->where),
				(uint32_t)parse_number(argument(line, 0), line->where));
}

static void encode_boot(const struct recipe *recipe, const struct hive_line *line,
			struct bytes *data)
{
	(void)recipe;
	(void)line;
	append_zeros(data, 16);
	append_boot_device(data);
}

/* locate NUMBER|PATH: the volume with the path in that element of the object, or with PATH. */
static void encode_locate(const struct recipe *recipe, const struct hive_line *line,
			  struct bytes *data)
{
	const char *what = argument(line, 0);
	bool is_path = what[0] == '\\';

	(void)recipe;
	append_zeros(data, 16);
	append_locate_device(data, is_path ? 0 : (uint32_t)strtoul(what, NULL, 16),
			     is_path ? what : "", &(struct bytes){0});
}

/* The partition of that name, or with "boot" where bootmgr came from. */
static void append_named_device(const struct recipe *recipe, const struct hive_line *line,
				struct bytes *bytes)
{
	if (strcmp(argument(line, 0), "boot") == 0)
		append_boot_device(bytes);
	else
		append_partition_device(bytes, partition_argument(recipe, line)->start,
					(uint32_t)recipe->signature);
}

/* ramdisk PARTITION|boot PATH OBJECT: a file of that, with OBJECT's further options. */
static void encode_ramdisk(const struct recipe *recipe, const struct hive_line *line,
			   struct bytes *data)
{
	struct bytes parent = {0}, rest = {0};

	append_guid(data, argument(line, 2), line->where);
	append_named_device(recipe, line, &parent);
	append_zeros(&rest, 20); /* where in memory: not yet known */
	append_path(&rest, &parent, argument(line, 1));
	append_local_device(data, 1, LOCAL_RAMDISK, &rest); /* 1: has further options */
	free(parent.data);
	free(rest.data);
}

/*
 * vhd PARTITION|boot PATH: the volume in a virtual disk, which is a file of that.  The volume is the
 * one with the loader, or for an element osdevice with Windows' folder.
 */
static void encode_vhd(const struct recipe *recipe, const struct hive_line *line,
		       struct bytes *data)
{
	uint32_t path_element = strstr(line->key, "\\21000001") ? 0x22000002 : 0x12000002;
	struct bytes parent = {0}, file = {0}, rest = {0}, disk = {0};

	append_named_device(recipe, line, &parent);
	append_path(&file, &parent, argument(line, 1));
	append_zeros(&rest, 20); /* which disk: not yet known */
	append_local_device(&rest, 0, LOCAL_FILE, &file);
	append_local_device(&disk, 0, LOCAL_VIRTUAL, &rest);
	append_zeros(data, 16);
	append_locate_device(data, path_element, "", &disk);
	free(parent.data);
	free(file.data);
	free(rest.data);
	free(disk.data);
}

/* gpt PARTITION-GUID DISK-GUID: a partition of another disk, which has a GPT. */
static void encode_gpt(const struct recipe *recipe, const struct hive_line *line,
		       struct bytes *data)
{
	(void)recipe;
	append_zeros(data, 16);
	append_le32(data, DEVICE_PARTITION);
	append_le32(data, 0);
	append_le64(data, DEVICE_SIZE);
	append_guid(data, argument(line, 0), line->where);
	append_le32(data, LOCAL_DISK);
	append_le32(data, STYLE_GPT);
	append_guid(data, argument(line, 1), line->where);
	append_zeros(data, 16);
}

hive_type hive_value(const struct recipe *recipe, const struct hive_line *line, struct bytes *data)
{
	static const struct {
		const char *kind;
		hive_type type;
		encoder *encode;
	} kinds[] = {
		{"string", hive_t_REG_SZ, encode_string},
		{"expand", hive_t_REG_EXPAND_SZ, encode_string},
		{"strings", hive_t_REG_MULTI_SZ, encode_strings},
		{"dword", hive_t_REG_DWORD, encode_dword},
		{"binary", hive_t_REG_BINARY, encode_binary},
		{"mounted", hive_t_REG_BINARY, encode_mounted},
		{"object", hive_t_REG_SZ, encode_object},
		{"objects", hive_t_REG_MULTI_SZ, encode_strings},
		{"integer", hive_t_REG_BINARY, encode_integer},
		{"boolean", hive_t_REG_BINARY, encode_boolean},
		{"partition", hive_t_REG_BINARY, encode_partition},
		{"foreign", hive_t_REG_BINARY, encode_foreign},
		{"boot", hive_t_REG_BINARY, encode_boot},
		{"ramdisk", hive_t_REG_BINARY, encode_ramdisk},
		{"locate", hive_t_REG_BINARY, encode_locate},
		{"vhd", hive_t_REG_BINARY, encode_vhd},
		{"gpt", hive_t_REG_BINARY, encode_gpt},
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].kind, line->kind) == 0) {
			kinds[i].encode(recipe, line, data);
			return kinds[i].type;
		}
	}
	die_at(line->where, "there is no kind of value \"%s\"", line->kind);
}
