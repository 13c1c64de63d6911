/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a new file inherits from the security descriptor of its folder. */
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "util/bytes.h"
#include "windows/inherit.h"

#define OI 1
#define CI 2
#define NP 4
#define IO 8
#define ID 16

#define ALL      0x1F01FFu
#define MODIFY   0x1301BFu
#define READ_RUN 0x1200A9u
#define GA       0x10000000u
#define GW       0x40000000u
#define GR       0x80000000u

#define PROTECTED 0x9004u /* with "self-relative" and "has a DACL" */
#define AUTO      0x8404u

enum who { SY, BA, TI, BU, AU, CO, CG };
static const struct {
	uint8_t bytes[32];
	size_t size;
} sids[] = {
	[SY] = {{1, 1, 0, 0, 0, 0, 0, 5, 18}, 12},
	[BA] = {{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2}, 16},
	[TI] = {{1,    6,    0,    0,    0,    0,    0,    5,    0x50, 0,    0,
		 0,    0xB5, 0x89, 0xFB, 0x38, 0x19, 0x84, 0xC2, 0xCB, 0x5C, 0x6C,
		 0x23, 0x6D, 0x57, 0x00, 0x77, 0x6E, 0xC0, 0x02, 0x64, 0x87},
		32},
	[BU] = {{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2}, 16},
	[AU] = {{1, 1, 0, 0, 0, 0, 0, 5, 11}, 12},
	[CO] = {{1, 1, 0, 0, 0, 0, 0, 3, 0}, 12},
	[CG] = {{1, 1, 0, 0, 0, 0, 0, 3, 1}, 12},
};

struct entry {
	uint8_t type, flags;
	uint32_t mask;
	enum who who;
};

#define MAX (48 + 0xFFFF) /* the longest list */
struct made {
	uint8_t bytes[MAX];
	size_t size;
};

/* A descriptor that is owned by the administrators, with the group SYSTEM. */
static struct made make(uint32_t control, const struct entry *entries, size_t count)
{
	struct made made = {.bytes = {1, 0, (uint8_t)control, (uint8_t)(control >> 8), 20, 0, 0, 0,
				      36, 0, 0, 0, 0, 0, 0, 0, 48}};
	uint8_t *acl = made.bytes + 48;
	size_t length = 8;

	memcpy(made.bytes + 20, sids[BA].bytes, 16);
	memcpy(made.bytes + 36, sids[SY].bytes, 12);
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &entries[i];
		size_t size = sids[entry->who].size;

		acl[length] = entry->type;
		acl[length + 1] = entry->flags;
		store_le16(acl + length + 2, (uint16_t)(8 + size));
		store_le32(acl + length + 4, entry->mask);
		memcpy(acl + length + 8, sids[entry->who].bytes, size);
		length += 8 + size;
	}
	acl[0] = 2;
	store_le16(acl + 2, (uint16_t)length);
	store_le16(acl + 4, (uint16_t)count);
	made.size = 48 + length;
	return made;
}

static void assert_inherits(const struct made *folder, bool is_folder, const struct made *expected)
{
	struct bs_error err = {0};
	uint8_t *found;
	size_t size;

	ck_assert_msg(inherit_descriptor(folder->bytes, folder->size, is_folder, &found, &size,
					 &err) == 0,
		      "%s", err.message);
	ck_assert_uint_eq(size, expected->size);
	ck_assert_mem_eq(found, expected->bytes, size);
	free(found);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NO_ENTRIES   NULL, 0

/* The folder has `parent`; a file and a folder in it get the other two. */
#define ASSERT_INHERIT(parent, control, file, folder)                                              \
	do {                                                                                       \
		struct made from = make(AUTO, parent, COUNT(parent));                              \
		struct made of_file = make(control, file, COUNT(file));                            \
		struct made of_folder = make(control, folder, COUNT(folder));                      \
		assert_inherits(&from, false, &of_file);                                           \
		assert_inherits(&from, true, &of_folder);                                          \
	} while (0)

TEST_CASE(inherit, "inheriting a security descriptor");

TEST(inherit, flags_tell_who_inherits_what_and_how_far)
{
	static const struct entry parent[] = {
		{0, 0, ALL, SY},
		{0, OI | CI, ALL, SY},
		{0, OI, ALL, BA},
		{0, CI, READ_RUN, BU},
		{0, OI | CI | NP, ALL, TI},
		{1, OI | IO, MODIFY, AU},
		{0, CI | IO, READ_RUN, AU},
		{0, OI | NP, READ_RUN, BU},
	};
	static const struct entry file[] = {
		{0, ID, ALL, SY},    {0, ID, ALL, BA},      {0, ID, ALL, TI},
		{1, ID, MODIFY, AU}, {0, ID, READ_RUN, BU},
	};
	static const struct entry folder[] = {
		{0, OI | CI | ID, ALL, SY},    {0, OI | IO | ID, ALL, BA},
		{0, CI | ID, READ_RUN, BU},    {0, ID, ALL, TI},
		{1, OI | IO | ID, MODIFY, AU}, {0, CI | ID, READ_RUN, AU},
	};

	ASSERT_INHERIT(parent, AUTO, file, folder);
}

TEST(inherit, generic_rights_and_the_creator_are_replaced_where_they_count)
{
	static const struct entry parent[] = {
		{0, OI | CI | IO, GA, CO}, {0, OI | CI, GR, CG}, {0, OI | CI, GR, BU}};
	static const struct entry file[] = {
		{0, ID, ALL, BA}, {0, ID, 0x120089, SY}, {0, ID, 0x120089, BU}};
	static const struct entry folder[] = {
		{0, ID, ALL, BA},      {0, OI | CI | IO | ID, GA, CO},
		{0, ID, 0x120089, SY}, {0, OI | CI | IO | ID, GR, CG},
		{0, ID, 0x120089, BU}, {0, OI | CI | IO | ID, GR, BU}};

	ASSERT_INHERIT(parent, AUTO, file, folder);
}

/* C:\ of Windows 7.  As Windows does it, each authenticated user could replace bootmgr. */
TEST(inherit, only_windows_and_the_administrators_inherit_rights_to_change)
{
	static const struct entry parent[] = {{0, OI | CI, ALL, BA},
					      {0, OI | CI, ALL, SY},
					      {0, OI | CI, READ_RUN, BU},
					      {0, 0, 4, AU},
					      {0, OI | CI | IO, MODIFY, AU}};
	static const struct entry file[] = {
		{0, 0, ALL, BA}, {0, 0, ALL, SY}, {0, 0, READ_RUN, BU}, {0, 0, READ_RUN, AU}};
	static const struct entry folder[] = {{0, OI | CI, ALL, BA},
					      {0, OI | CI, ALL, SY},
					      {0, OI | CI, READ_RUN, BU},
					      {0, OI | CI, READ_RUN, AU}};

	ASSERT_INHERIT(parent, PROTECTED, file, folder);
}

TEST(inherit, generic_rights_to_change_are_left_out_also_for_later_files)
{
	static const struct entry parent[] = {
		{0, OI | CI, ALL, SY}, {0, OI | CI, GA, BU}, {0, OI | CI, GW, AU}};
	static const struct entry file[] = {{0, 0, ALL, SY}, {0, 0, READ_RUN, BU}};
	static const struct entry folder[] = {{0, OI | CI, ALL, SY},
					      {0, 0, READ_RUN, BU},
					      {0, OI | CI | IO, GR | 0x20000000u, BU}};

	ASSERT_INHERIT(parent, PROTECTED, file, folder);
}

static const struct entry closed_file[] = {{0, 0, ALL, SY}, {0, 0, ALL, BA}};
static const struct entry closed_folder[] = {{0, OI | CI, ALL, SY}, {0, OI | CI, ALL, BA}};

TEST(inherit, without_anything_to_inherit_only_the_system_and_administrators_have_access)
{
	static const struct entry parent[] = {{0, 0, ALL, SY}, {0, 0, ALL, AU}};
	struct made everybody = make(0x8000, NO_ENTRIES), nobody = make(AUTO, NO_ENTRIES);
	struct made file = make(PROTECTED, closed_file, 2);

	ASSERT_INHERIT(parent, PROTECTED, closed_file, closed_folder);
	assert_inherits(&everybody, false, &file);
	assert_inherits(&nobody, false, &file);
}

/* For example an entry for the audit (type 2), or a conditional one (type 9). */
TEST(inherit, an_entry_of_an_unknown_type_closes_the_file_for_others)
{
	static const struct entry parent[] = {{0, OI | CI, ALL, SY}, {9, OI | CI, ALL, BU}};
	static const struct entry audit[] = {{0, OI | CI, ALL, SY}, {2, OI | CI, ALL, BU}};
	static const struct entry harmless[] = {{0, OI | CI, ALL, SY}, {9, 0, ALL, BU}};
	static const struct entry file[] = {{0, ID, ALL, SY}};
	static const struct entry folder[] = {{0, OI | CI | ID, ALL, SY}};

	ASSERT_INHERIT(parent, PROTECTED, closed_file, closed_folder);
	ASSERT_INHERIT(audit, PROTECTED, closed_file, closed_folder);
	ASSERT_INHERIT(harmless, AUTO, file, folder);
}

TEST(inherit, a_descriptor_that_makes_no_sense_is_an_error_and_never_read_past_its_end)
{
	static const struct entry parent[] = {{0, OI | CI, ALL, SY}, {0, OI | CI, ALL, BA}};
	struct made good = make(AUTO, parent, COUNT(parent));
	struct bs_error err = {0};
	uint8_t *found;
	size_t size;

	for (size_t length = 0; length < good.size; length++) {
		uint8_t *exact = malloc(length + 1); /* for the address sanitizer */

		memcpy(exact, good.bytes, length);
		ck_assert_int_eq(inherit_descriptor(exact, length, false, &found, &size, &err), -1);
		ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
		ck_assert_ptr_null(found);
		free(exact);
	}
	good.bytes[48 + 8 + 9] = 200; /* parts of a SID */
	ck_assert_int_eq(inherit_descriptor(good.bytes, good.size, false, &found, &size, &err), -1);
	good.bytes[48 + 8] = 9;
	good.bytes[48 + 8 + 2] = 4; /* an entry without room for its own header */
	ck_assert_int_eq(inherit_descriptor(good.bytes, good.size, false, &found, &size, &err), -1);
}

/* In a folder, an entry with generic rights becomes two. */
TEST(inherit, a_list_that_would_become_too_long_closes_the_folder_for_others)
{
	static struct entry many[3200], of_file[3200]; /* of 20 bytes */
	static struct made parent, file, folder;

	for (size_t i = 0; i < COUNT(many); i++) {
		many[i] = (struct entry){0, OI | CI, GA, SY};
		of_file[i] = (struct entry){0, ID, ALL, SY};
	}
	parent = make(AUTO, many, COUNT(many));
	file = make(AUTO, of_file, COUNT(of_file));
	folder = make(PROTECTED, closed_folder, COUNT(closed_folder));
	assert_inherits(&parent, false, &file);
	assert_inherits(&parent, true, &folder);
}
