/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SDDL to a self-relative security descriptor.  Formats and letters are those of Microsoft's
 * MS-DTYP: 2.4.2 (SID), 2.4.4 (ACE), 2.4.5 (ACL), 2.4.6 (descriptor), 2.5.1 (SDDL).
 */
#include "security.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE 20u

#define SELF_RELATIVE       0x8000u
#define DACL_PRESENT        0x0004u
#define DACL_AUTO_INHERITED 0x0400u
#define DACL_PROTECTED      0x1000u

struct letters {
	const char *text;
	uint32_t value;
};

/* What is left of the text, and where it came from. */
struct sddl {
	const char *text;
	struct location where;
};

static bool take(struct sddl *sddl, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(sddl->text, text, length) != 0)
		return false;
	sddl->text += length;
	return true;
}

static void expect(struct sddl *sddl, const char *text)
{
	if (!take(sddl, text))
		die_at(sddl->where, "SDDL: \"%s\" expected before \"%s\"", text, sddl->text);
}

/* The value of the letters that come next, if they are in the table. */
static bool take_letters(struct sddl *sddl, const struct letters *table, uint32_t *value)
{
	for (; table->text; table++) {
		if (take(sddl, table->text)) {
			*value |= table->value;
			return true;
		}
	}
	return false;
}

static uint64_t take_number(struct sddl *sddl)
{
	char *end;
	uint64_t value = strtoull(sddl->text, &end, 0);

	if (end == sddl->text)
		die_at(sddl->where, "SDDL: a number expected before \"%s\"", sddl->text);
	sddl->text = end;
	return value;
}

static void append_sid(struct sddl *sddl, struct bytes *bytes)
{
	static const struct {
		const char *name, *sid;
	} well_known[] = {
		{"BA", "S-1-5-32-544"}, /* administrators */
		{"BU", "S-1-5-32-545"}, /* users */
		{"SY", "S-1-5-18"},     /* the system */
		{"AU", "S-1-5-11"},     /* authenticated users */
		{"CO", "S-1-3-0"},      /* creator owner */
		{"WD", "S-1-1-0"},      /* everyone */
		{"TI", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"},
	};
	struct sddl own = *sddl;
	bool named = false;
	size_t start = bytes->length;

	for (size_t i = 0; i < sizeof well_known / sizeof *well_known && !named; i++) {
		named = take(sddl, well_known[i].name);
		if (named)
			own.text = well_known[i].sid;
	}
	expect(&own, "S-1-");
	append(bytes, (const uint8_t[8]){1}, 8);
	bytes->data[start + 7] = (uint8_t)take_number(&own); /* authority: 48 bit, big-endian */
	while (own.text[0] == '-') {
		own.text++;
		append_le32(bytes, (uint32_t)take_number(&own));
		bytes->data[start + 1]++;
	}
	if (!named)
		sddl->text = own.text;
}

static void append_ace(struct sddl *sddl, struct bytes *bytes)
{
	static const struct letters types[] = {{"A", 0}, {"D", 1}, {0}};
	static const struct letters inheritances[] = {{"OI", 0x01}, {"CI", 0x02}, {"NP", 0x04},
						      {"IO", 0x08}, {"ID", 0x10}, {0}};
	static const struct letters rights[] = {
		{"FA", 0x1F01FF},   {"FR", 0x120089},   {"FW", 0x120116}, {"FX", 0x1200A0},
		{"GA", 0x10000000}, {"GR", 0x80000000}, {"SD", 0x10000},  {0}};
	uint32_t type = 0, inheritance = 0, right = 0;
	size_t start = bytes->length;

	if (!take_letters(sddl, types, &type))
		die_at(sddl->where, "SDDL: A or D expected before \"%s\"", sddl->text);
	expect(sddl, ";");
	while (take_letters(sddl, inheritances, &inheritance))
		;
	expect(sddl, ";");
	if (strncmp(sddl->text, "0x", 2) == 0)
		right = (uint32_t)take_number(sddl);
	while (take_letters(sddl, rights, &right))
		;
	expect(sddl, ";;;");
	append(bytes, (const uint8_t[]){(uint8_t)type, (uint8_t)inheritance}, 2);
	append_le16(bytes, 0);
	append_le32(bytes, right);
	append_sid(sddl, bytes);
	store_le16(bytes->data + start + 2, (uint16_t)(bytes->length - start));
	expect(sddl, ")");
}

static uint32_t append_acl(struct sddl *sddl, struct bytes *bytes)
{
	static const struct letters controls[] = {
		{"P", DACL_PROTECTED}, {"AI", DACL_AUTO_INHERITED}, {0}};
	uint32_t control = DACL_PRESENT;
	size_t start = bytes->length;
	uint16_t count = 0;

	while (take_letters(sddl, controls, &control))
		;
	append_le32(bytes, 2); /* revision */
	append_zeros(bytes, 4);
	for (; take(sddl, "("); count++)
		append_ace(sddl, bytes);
	store_le16(bytes->data + start + 2, (uint16_t)(bytes->length - start));
	store_le16(bytes->data + start + 4, count);
	return control;
}

void security_descriptor_from_sddl(const char *text, struct bytes *bytes, struct location where)
{
	struct sddl sddl = {text, where};
	uint32_t control;

	append_zeros(bytes, HEADER_SIZE);
	bytes->data[0] = 1; /* revision */
	expect(&sddl, "O:");
	store_le32(bytes->data + 4, (uint32_t)bytes->length);
	append_sid(&sddl, bytes);
	expect(&sddl, "G:");
	store_le32(bytes->data + 8, (uint32_t)bytes->length);
	append_sid(&sddl, bytes);
	expect(&sddl, "D:");
	store_le32(bytes->data + 16, (uint32_t)bytes->length);
	control = append_acl(&sddl, bytes);
	store_le16(bytes->data + 2, (uint16_t)(control | SELF_RELATIVE));
	if (*sddl.text)
		die_at(where, "SDDL: \"%s\" is left over", sddl.text);
}
