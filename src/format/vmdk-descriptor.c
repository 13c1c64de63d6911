/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A descriptor is lines of `KEY=VALUE`, of `ACCESS SECTORS TYPE "FILE" OFFSET` for each extent,
 * and of comments.  Lines and words are slices of the text, which has no final zero.
 */
#include "format/vmdk-descriptor.h"

#include <ctype.h>

#include "util/bytes.h"

#define NO_PARENT 0xffffffffu
#define PATH_SIZE 4096u

struct slice {
	const char *at;
	size_t length;
};

/* What is found on the way, and judged at the end. */
struct facts {
	uint64_t parent_identifier;
	bool has_identifier, has_parent_identifier, encrypted, tracked;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim(struct slice slice)
{
	while (slice.length > 0 && is_blank(slice.at[0])) {
		slice.at++;
		slice.length--;
	}
	while (slice.length > 0 && is_blank(slice.at[slice.length - 1]))
		slice.length--;
	return slice;
}

/* Cuts off what comes before the first `end`, and that; all of it when there is none. */
static struct slice cut(struct slice *rest, char end)
{
	const char *found = memchr(rest->at, end, rest->length);
	struct slice front = *rest;

	if (found != NULL)
		front.length = (size_t)(found - rest->at);
	rest->at += front.length + (found != NULL);
	rest->length -= front.length + (found != NULL);
	return front;
}

static struct slice cut_word(struct slice *rest)
{
	*rest = trim(*rest);
	return cut(rest, ' ');
}

static bool equals(struct slice slice, const char *text)
{
	return slice.length == strlen(text) && memcmp(slice.at, text, slice.length) == 0;
}

static bool begins(struct slice slice, const char *text)
{
	return slice.length >= strlen(text) && memcmp(slice.at, text, strlen(text)) == 0;
}

static bool copy(struct slice slice, char *text, size_t size)
{
	if (slice.length >= size)
		return false;
	memcpy(text, slice.at, slice.length);
	text[slice.length] = '\0';
	return true;
}

/* Without the quotes around it, if it has some. */
static struct slice unquote(struct slice slice)
{
	slice = trim(slice);
	if (slice.length >= 2 && slice.at[0] == '"' && slice.at[slice.length - 1] == '"') {
		slice.at++;
		slice.length -= 2;
	}
	return slice;
}

static bool parse_number(struct slice slice, unsigned base, uint64_t *number)
{
	static const char digits[] = "0123456789abcdef";

	*number = 0;
	for (size_t i = 0; i < slice.length; i++) {
		const char *digit = memchr(digits, tolower((unsigned char)slice.at[i]), base);

		if (digit == NULL || !mul_u64(*number, base, number) ||
		    !add_u64(*number, (uint64_t)(digit - digits), number))
			return false;
	}
	return slice.length > 0;
}

static bool is_extent(struct slice line)
{
	return begins(line, "RW ") || begins(line, "RDONLY ") || begins(line, "NOACCESS ");
}

/* Cuts off the name of an extent's file, and what is before it. */
static struct slice cut_name(struct slice *line)
{
	cut(line, '"');
	return cut(line, '"');
}

static int decode_extent(struct slice line, struct vmdk_descriptor *descriptor,
			 struct bs_error *err)
{
	struct vmdk_extent *extent = &descriptor->extent;
	struct slice access = cut_word(&line), sectors = cut_word(&line), type = cut_word(&line);
	uint64_t count, offset = 0;
	struct slice name = cut_name(&line);

	line = trim(line);
	descriptor->extent_count++;
	descriptor->writable = equals(access, "RW");
	descriptor->has_offset = line.length > 0;
	if (!parse_number(sectors, 10, &count) || !mul_u64(count, SECTOR_SIZE, &extent->length) ||
	    (descriptor->has_offset && !parse_number(line, 10, &offset)) ||
	    !mul_u64(offset, SECTOR_SIZE, &extent->offset) ||
	    !copy(type, descriptor->extent_type, sizeof(descriptor->extent_type)) ||
	    !copy(name, extent->name, sizeof(extent->name)))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK descriptor has a malformed extent");
	return 0;
}

static int decode_setting(struct slice line, struct vmdk_descriptor *descriptor,
			  struct facts *facts, struct bs_error *err)
{
	struct slice key = trim(cut(&line, '='));
	struct slice value = unquote(line);
	uint64_t number;

	if (equals(key, "CID"))
		facts->has_identifier = parse_number(value, 16, &number);
	if (equals(key, "parentCID"))
		facts->has_parent_identifier = parse_number(value, 16, &facts->parent_identifier);
	if (equals(key, "changeTrackPath"))
		facts->tracked = true;
	if (begins(key, "encrypt"))
		facts->encrypted = true;
	if (equals(key, "createType") &&
	    !copy(value, descriptor->create_type, sizeof(descriptor->create_type)))
		return fail(err, BS_CONTAINER_CORRUPT, "the VMDK descriptor has no known type");
	return 0;
}

static int decode_line(struct slice line, struct vmdk_descriptor *descriptor, struct facts *facts,
		       struct bs_error *err)
{
	line = trim(line);
	if (line.length == 0 || line.at[0] == '#')
		return 0;
	if (is_extent(line))
		return decode_extent(line, descriptor, err);
	return decode_setting(line, descriptor, facts, err);
}

/* QEMU takes the word for a parent's name wherever in the text it is; so it is a parent here. */
static bool find_parent(struct slice text, struct slice *name)
{
	static const char word[] = "parentFileNameHint";
	const char *found = memmem(text.at, text.length, word, strlen(word));
	struct slice rest;

	*name = (struct slice){text.at, 0};
	if (found == NULL)
		return false;
	rest = (struct slice){found, text.length - (size_t)(found - text.at)};
	rest = cut(&rest, '\n');
	cut(&rest, '=');
	*name = unquote(rest);
	return true;
}

static int check_parent(struct slice text, const struct facts *facts, struct bs_error *err)
{
	char name[FORMAT_EXTENT_NAME_MAX + 1];
	struct slice hint;

	if (!find_parent(text, &hint) && facts->parent_identifier == NO_PARENT)
		return 0;
	if (!copy(hint, name, sizeof(name)))
		*name = '\0';
	return fail(err, BS_CONTAINER_DIFFERENCING,
		    "the VMDK holds only the changes to its parent, %s",
		    *name ? name : "another file");
}

static int judge(struct slice text, const struct vmdk_descriptor *descriptor,
		 const struct facts *facts, struct bs_error *err)
{
	if (!facts->has_identifier || !facts->has_parent_identifier ||
	    descriptor->create_type[0] == '\0' || descriptor->extent_count == 0)
		return fail(err, BS_CONTAINER_CORRUPT, "the VMDK descriptor is not complete");
	if (facts->encrypted)
		return fail(err, BS_VMDK_ENCRYPTED, "the VMDK is encrypted");
	if (check_parent(text, facts, err) != 0)
		return -1;
	if (descriptor->extent_count > 1)
		return fail(err, BS_CONTAINER_SPLIT, "the disk of the VMDK is in %u files",
			    (unsigned)descriptor->extent_count);
	/* Its backup software would miss the changes made here. */
	if (facts->tracked)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the VMDK has its changed blocks tracked in another file");
	if (!descriptor->writable)
		return fail(err, BS_READ_ONLY, "the VMDK is described as read-only (RDONLY)");
	if (descriptor->extent.length == 0)
		return fail(err, BS_CONTAINER_CORRUPT, "the disk of the VMDK is empty");
	return 0;
}

static struct slice text_of(const uint8_t *bytes, size_t length)
{
	return (struct slice){(const char *)bytes, strnlen((const char *)bytes, length)};
}

int vmdk_descriptor_decode(const uint8_t *bytes, size_t length, struct vmdk_descriptor *descriptor,
			   struct bs_error *err)
{
	struct slice text = text_of(bytes, length);
	struct slice rest = text;
	struct facts facts = {0};

	*descriptor = (struct vmdk_descriptor){0};
	while (rest.length > 0)
		if (decode_line(cut(&rest, '\n'), descriptor, &facts, err) != 0)
			return -1;
	return judge(text, descriptor, &facts, err);
}

static void tell(struct slice slice, enum reference_kind kind, const struct reference_taker *taker)
{
	char text[PATH_SIZE];

	if (slice.length > 0 && copy(slice, text, sizeof(text)))
		taker->take(taker->context, kind, text);
}

static void tell_uuid(struct slice line, const struct reference_taker *taker)
{
	/* What a base has for its parent's. */
	static const char none[] = "00000000-0000-0000-0000-000000000000";
	struct slice key = trim(cut(&line, '=')), uuid = unquote(line);

	if (equals(key, "ddb.uuid.image"))
		tell(uuid, REFERENCE_UUID, taker);
	if (equals(key, "ddb.uuid.parent") && !equals(uuid, none))
		tell(uuid, REFERENCE_PARENT_UUID, taker);
}

void vmdk_descriptor_refer(const uint8_t *bytes, size_t length, bool parts,
			   const struct reference_taker *taker)
{
	struct slice rest = text_of(bytes, length), hint;

	if (find_parent(rest, &hint))
		tell(hint, REFERENCE_PARENT, taker);
	while (rest.length > 0) {
		struct slice line = trim(cut(&rest, '\n'));

		if (!is_extent(line))
			tell_uuid(line, taker);
		else if (parts)
			tell(cut_name(&line), REFERENCE_PART, taker);
	}
}
