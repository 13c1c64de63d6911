/* SPDX-License-Identifier: GPL-3.0-or-later */
/* [MS-DTYP]: 2.4.2.2 SID, 2.4.3 ACCESS_MASK, 2.4.4.1 ACE_HEADER, 2.4.5 ACL, 2.4.6 descriptor. */
#include "windows/inherit.h"

#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"

#define DESCRIPTOR_HEADER 20u
#define ACL_HEADER        8u
#define ACE_HEADER        8u /* with the mask; the SID follows */
#define SID_HEADER        8u
#define ACL_SIZE_MAX      0xFFFCu
#define SID_SUBS_MAX      15u /* parts of a SID behind its authority */

/* Control bits of a descriptor. */
#define DACL_PRESENT        0x0004u
#define DACL_AUTO_INHERITED 0x0400u
#define DACL_PROTECTED      0x1000u
#define SELF_RELATIVE       0x8000u

enum ace_type { ACE_ALLOWED = 0, ACE_DENIED = 1 };

/* Flags of an ACE. */
#define FOR_FILES    0x01u
#define FOR_FOLDERS  0x02u
#define NOT_FURTHER  0x04u
#define INHERIT_ONLY 0x08u
#define INHERITED    0x10u

/* Rights. */
#define GENERIC_READ     0x80000000u
#define GENERIC_WRITE    0x40000000u
#define GENERIC_EXECUTE  0x20000000u
#define GENERIC_ALL      0x10000000u
#define GENERIC          0xF0000000u
#define FILE_READ_ALL    0x00120089u
#define FILE_WRITE_ALL   0x00120116u
#define FILE_EXECUTE_ALL 0x001200A0u
#define FILE_ALL         0x001F01FFu
#define READ_AND_EXECUTE (GENERIC_READ | GENERIC_EXECUTE | FILE_READ_ALL | FILE_EXECUTE_ALL)

static const uint8_t sid_system[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
static const uint8_t sid_administrators[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0};
static const uint8_t sid_creator_owner[] = {1, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0};
static const uint8_t sid_creator_group[] = {1, 1, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0};
static const uint8_t sid_owner_rights[] = {1, 1, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0};
/* S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464: TrustedInstaller */
static const uint8_t sid_installer[] = {1,    6,    0,    0,    0,    0,    0,    5,
					0x50, 0,    0,    0,    0xB5, 0x89, 0xFB, 0x38,
					0x19, 0x84, 0xC2, 0xCB, 0x5C, 0x6C, 0x23, 0x6D,
					0x57, 0x00, 0x77, 0x6E, 0xC0, 0x02, 0x64, 0x87};

struct ace {
	uint8_t type, flags;
	uint32_t mask;
	const uint8_t *sid;
	size_t sid_size;
};

struct inheriting {
	bool is_folder;
	bool is_stricter; /* a right was left out that Windows would let inherit */
	bool is_strange;  /* there is an ACE of a type that this module does not know */
	uint8_t *acl;     /* ACL_SIZE_MAX bytes */
	size_t length;    /* bytes of the ACL so far */
	uint16_t count;
};

/* ---- the folder's list --------------------------------------------------------------------- */

static bool sid_is(const struct ace *ace, const uint8_t *sid, size_t size)
{
	return ace->sid_size == size && memcmp(ace->sid, sid, size) == 0;
}

#define SID_IS(ace, sid) sid_is(ace, sid, sizeof(sid))

/* Whether who has the ACE rules the machine anyway, or stands for the owner or the group. */
static bool ace_is_trusted(const struct ace *ace)
{
	return SID_IS(ace, sid_system) || SID_IS(ace, sid_administrators) ||
	       SID_IS(ace, sid_installer) || SID_IS(ace, sid_creator_owner) ||
	       SID_IS(ace, sid_creator_group) || SID_IS(ace, sid_owner_rights);
}

/* Finds the DACL.  *acl is NULL if there is none: everybody has access.  Returns false if the
 * descriptor makes no sense. */
static bool inherit_find_list(const uint8_t *folder, size_t size, const uint8_t **acl,
			      size_t *acl_size)
{
	uint32_t offset;

	*acl = NULL;
	if (size < DESCRIPTOR_HEADER || folder[0] != 1 || !(load_le16(folder + 2) & SELF_RELATIVE))
		return false;
	offset = load_le32(folder + 16);
	if (!(load_le16(folder + 2) & DACL_PRESENT) || offset == 0)
		return true;
	if (!range_within(offset, ACL_HEADER, size))
		return false;
	*acl_size = load_le16(folder + offset + 2);
	if (*acl_size < ACL_HEADER || !range_within(offset, *acl_size, size))
		return false;
	*acl = folder + offset;
	return true;
}

/* Reads an ACE at *offset, and moves *offset behind it.  Returns false if it makes no sense. */
static bool inherit_read_ace(const uint8_t *acl, size_t acl_size, size_t *offset, struct ace *ace)
{
	const uint8_t *bytes = acl + *offset;
	size_t size;

	if (!range_within(*offset, ACE_HEADER, acl_size))
		return false;
	size = load_le16(bytes + 2);
	if (size < ACE_HEADER || !range_within(*offset, size, acl_size))
		return false;
	*offset += size;
	*ace = (struct ace){.type = bytes[0],
			    .flags = bytes[1],
			    .mask = load_le32(bytes + 4),
			    .sid = bytes + ACE_HEADER};
	if (ace->type > ACE_DENIED)
		return true;
	if (size < ACE_HEADER + SID_HEADER || bytes[ACE_HEADER + 1] > SID_SUBS_MAX)
		return false;
	ace->sid_size = SID_HEADER + 4u * ace->sid[1];
	return ACE_HEADER + ace->sid_size <= size;
}

/* ---- the new list -------------------------------------------------------------------------- */

/* Returns false if the list is full. */
static bool inherit_add(struct inheriting *own, const struct ace *ace)
{
	size_t size = ACE_HEADER + ace->sid_size;
	uint8_t *to = own->acl + own->length;

	if (size > ACL_SIZE_MAX - own->length)
		return false;
	to[0] = ace->type;
	to[1] = ace->flags;
	store_le16(to + 2, (uint16_t)size);
	store_le32(to + 4, ace->mask);
	memcpy(to + ACE_HEADER, ace->sid, ace->sid_size);
	own->length += size;
	own->count++;
	return true;
}

/* Replaces generic rights by those of a file, and the creator by the owner or the group. */
static void ace_make_effective(struct ace *ace)
{
	static const struct {
		uint32_t generic, rights;
	} meanings[] = {{GENERIC_READ, FILE_READ_ALL},
			{GENERIC_WRITE, FILE_WRITE_ALL},
			{GENERIC_EXECUTE, FILE_EXECUTE_ALL},
			{GENERIC_ALL, FILE_ALL}};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (ace->mask & meanings[i].generic)
			ace->mask |= meanings[i].rights;
	ace->mask &= ~GENERIC;
	if (SID_IS(ace, sid_creator_owner)) {
		ace->sid = sid_administrators;
		ace->sid_size = sizeof(sid_administrators);
	} else if (SID_IS(ace, sid_creator_group)) {
		ace->sid = sid_system;
		ace->sid_size = sizeof(sid_system);
	}
}

/* Whether ace_make_effective() changes the ACE. */
static bool ace_is_generic(const struct ace *ace)
{
	return ace->mask & GENERIC || SID_IS(ace, sid_creator_owner) ||
	       SID_IS(ace, sid_creator_group);
}

/* Leaves out the rights to change a file.  Returns whether there were any. */
static bool ace_make_strict(struct ace *ace)
{
	uint32_t before = ace->mask;

	if (ace->type != ACE_ALLOWED || ace_is_trusted(ace))
		return false;
	if (ace->mask & GENERIC_ALL)
		ace->mask |= GENERIC_READ | GENERIC_EXECUTE;
	ace->mask &= READ_AND_EXECUTE;
	return ace->mask != before;
}

/* Adds what the new file inherits from one ACE of its folder: none, one or two ACEs. */
static bool inherit_ace(struct inheriting *own, struct ace ace)
{
	uint8_t further = ace.flags & (FOR_FILES | FOR_FOLDERS);
	bool effective = ace.flags & (own->is_folder ? FOR_FOLDERS : FOR_FILES);
	struct ace here;

	if (!own->is_folder || ace.flags & NOT_FURTHER)
		further = 0;
	if (!effective && !further)
		return true;
	if (ace.type > ACE_DENIED) {
		own->is_strange = true;
		return true;
	}
	own->is_stricter |= ace_make_strict(&ace);
	if (ace.mask == 0)
		return true;
	here = ace;
	if (effective) {
		ace_make_effective(&here);
		here.flags = ace_is_generic(&ace) ? INHERITED : further | INHERITED;
		if (!inherit_add(own, &here))
			return false;
		if (!ace_is_generic(&ace))
			return true;
	}
	ace.flags = further | INHERIT_ONLY | INHERITED;
	return !further || inherit_add(own, &ace);
}

/* Replaces the list by one that gives access to SYSTEM and the administrators only. */
static void inherit_default(struct inheriting *own)
{
	uint8_t flags = own->is_folder ? FOR_FILES | FOR_FOLDERS : 0;
	const struct ace aces[] = {
		{ACE_ALLOWED, flags, FILE_ALL, sid_system, sizeof(sid_system)},
		{ACE_ALLOWED, flags, FILE_ALL, sid_administrators, sizeof(sid_administrators)},
	};

	own->length = ACL_HEADER;
	own->count = 0;
	own->is_stricter = true;
	for (size_t i = 0; i < sizeof(aces) / sizeof(aces[0]); i++)
		(void)inherit_add(own, &aces[i]); /* there is room for two */
}

/* Returns false if the folder's list makes no sense. */
static bool inherit_list(struct inheriting *own, const uint8_t *acl, size_t acl_size)
{
	uint16_t count = acl ? load_le16(acl + 4) : 0;
	size_t offset = ACL_HEADER;
	bool fits = true;

	own->length = ACL_HEADER;
	for (uint16_t i = 0; i < count; i++) {
		struct ace ace;

		if (!inherit_read_ace(acl, acl_size, &offset, &ace))
			return false;
		fits = fits && inherit_ace(own, ace);
	}
	if (!fits || own->is_strange || own->count == 0)
		inherit_default(own);
	return true;
}

/* An ACE of a protected list is not marked as inherited. */
static void inherit_unmark(struct inheriting *own)
{
	for (size_t offset = ACL_HEADER; offset < own->length;
	     offset += load_le16(own->acl + offset + 2))
		own->acl[offset + 1] &= (uint8_t)~INHERITED;
}

/* ---- the descriptor ------------------------------------------------------------------------ */

/* Puts the parts of the descriptor together.  `to` has room for all. */
static size_t inherit_assemble(struct inheriting *own, uint8_t *to)
{
	size_t group = DESCRIPTOR_HEADER + sizeof(sid_administrators);
	size_t acl = group + sizeof(sid_system);
	uint32_t control = SELF_RELATIVE | DACL_PRESENT |
			   (own->is_stricter ? DACL_PROTECTED : DACL_AUTO_INHERITED);

	if (own->is_stricter)
		inherit_unmark(own);
	store_le16(own->acl + 2, (uint16_t)own->length);
	store_le16(own->acl + 4, own->count);
	own->acl[0] = 2; /* revision */
	to[0] = 1;       /* revision */
	store_le16(to + 2, (uint16_t)control);
	store_le32(to + 4, DESCRIPTOR_HEADER);
	store_le32(to + 8, (uint32_t)group);
	store_le32(to + 16, (uint32_t)acl);
	memcpy(to + DESCRIPTOR_HEADER, sid_administrators, sizeof(sid_administrators));
	memcpy(to + group, sid_system, sizeof(sid_system));
	memcpy(to + acl, own->acl, own->length);
	return acl + own->length;
}

int inherit_descriptor(const uint8_t *folder, size_t folder_size, bool is_folder,
		       uint8_t **descriptor, size_t *size, struct bs_error *err)
{
	struct inheriting own = {.is_folder = is_folder, .acl = calloc(1, ACL_SIZE_MAX)};
	const uint8_t *acl;
	size_t acl_size = 0;
	int result = -1;

	*descriptor = calloc(1, DESCRIPTOR_HEADER + sizeof(sid_administrators) +
					sizeof(sid_system) + ACL_SIZE_MAX);
	*size = 0;
	if (!own.acl || !*descriptor) {
		fail_memory(err);
	} else if (!inherit_find_list(folder, folder_size, &acl, &acl_size) ||
		   !inherit_list(&own, acl, acl_size)) {
		fail(err, BS_NTFS_DAMAGED, "the folder's security descriptor makes no sense");
	} else {
		*size = inherit_assemble(&own, *descriptor);
		result = 0;
	}
	free(own.acl);
	if (result < 0) {
		free(*descriptor);
		*descriptor = NULL;
	}
	return result;
}
