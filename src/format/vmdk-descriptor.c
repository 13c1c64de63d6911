/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A descriptor has lines of three kinds: `KEY=VALUE`, `ACCESS SECTORS TYPE "FILE" OFFSET` for each
 * extent, and comments.  Lines and words are slices of the text, which has no final zero.
 */
#include "format/vmdk-descriptor.h"

#include <ctype.h>

#include "util/bytes.h"

#define PATH_SIZE 4096u

struct slice {
	const char *at;
	size_t length;
};

/* Settings that the decoder collects first.  descriptor_judge() checks them at the end. */
struct facts {
	uint64_t identifier, parent_identifier;
	bool has_identifier, has_parent_identifier, encrypted, tracked;
};

static bool slice_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct slice slice_trim(struct slice slice)
{
	while (slice.length > 0 && slice_blank(slice.at[0])) {
		slice.at++;
		slice.length--;
	}
	while (slice.length > 0 && slice_blank(slice.at[slice.length - 1]))
		slice.length--;
	return slice;
}

/* Removes and returns the text before the first `end`, or all text; also removes the `end`. */
static struct slice slice_cut(struct slice *rest, char end)
{
	const char *found = memchr(rest->at, end, rest->length);
	struct slice front = *rest;

	if (found)
		front.length = (size_t)(found - rest->at);
	rest->at += front.length + (found ? 1 : 0);
	rest->length -= front.length + (found ? 1 : 0);
	return front;
}

static struct slice slice_cut_word(struct slice *rest)
{
	struct slice word;

	*rest = slice_trim(*rest);
	word = (struct slice){rest->at, 0};
	while (word.length < rest->length && !slice_blank(rest->at[word.length]))
		word.length++;
	rest->at += word.length;
	rest->length -= word.length;
	return word;
}

static bool slice_equals(struct slice slice, const char *text)
{
	return slice.length == strlen(text) && memcmp(slice.at, text, slice.length) == 0;
}

static bool slice_begins(struct slice slice, const char *text)
{
	return slice.length >= strlen(text) && memcmp(slice.at, text, strlen(text)) == 0;
}

static bool slice_copy(struct slice slice, char *text, size_t size)
{
	if (slice.length >= size)
		return false;
	memcpy(text, slice.at, slice.length);
	text[slice.length] = '\0';
	return true;
}

/* Removes blanks around the text, then a pair of quotes. */
static struct slice slice_unquote(struct slice slice)
{
	slice = slice_trim(slice);
	if (slice.length >= 2 && slice.at[0] == '"' && slice.at[slice.length - 1] == '"') {
		slice.at++;
		slice.length -= 2;
	}
	return slice;
}

static bool slice_number(struct slice slice, unsigned base, uint64_t *number)
{
	static const char digits[] = "0123456789abcdef";

	*number = 0;
	for (size_t i = 0; i < slice.length; i++) {
		const char *digit = memchr(digits, tolower((unsigned char)slice.at[i]), base);

		if (!digit || !mul_u64(*number, base, number) ||
		    !add_u64(*number, (uint64_t)(digit - digits), number))
			return false;
	}
	return slice.length > 0;
}

static bool descriptor_is_extent(struct slice line)
{
	struct slice access = slice_cut_word(&line);

	return line.length > 0 && (slice_equals(access, "RW") || slice_equals(access, "RDONLY") ||
				   slice_equals(access, "NOACCESS"));
}

/* Removes and returns the file name of an extent; also removes the text before the name. */
static struct slice slice_cut_name(struct slice *line)
{
	slice_cut(line, '"');
	return slice_cut(line, '"');
}

static int descriptor_decode_extent(struct slice line, struct vmdk_descriptor *descriptor,
				    struct bs_error *err)
{
	struct vmdk_extent *extent = vmdk_extents_add(&descriptor->extents, err);
	struct slice access = slice_cut_word(&line), sectors = slice_cut_word(&line),
		     type = slice_cut_word(&line);
	uint64_t count, offset = 0;
	struct slice name = slice_cut_name(&line);

	if (!extent)
		return -1;
	line = slice_trim(line);
	extent->writable = slice_equals(access, "RW");
	extent->has_offset = line.length > 0;
	if (!slice_number(sectors, 10, &count) || !mul_u64(count, SECTOR_SIZE, &extent->length) ||
	    (extent->has_offset && !slice_number(line, 10, &offset)) ||
	    !mul_u64(offset, SECTOR_SIZE, &extent->offset) ||
	    !slice_copy(type, extent->type, sizeof(extent->type)) ||
	    !slice_copy(name, extent->name, sizeof(extent->name)))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VMDK descriptor has a malformed extent");
	return 0;
}

static int descriptor_decode_setting(struct slice line, struct vmdk_descriptor *descriptor,
				     struct facts *facts, struct bs_error *err)
{
	struct slice key = slice_trim(slice_cut(&line, '='));
	struct slice value = slice_unquote(line);

	if (slice_equals(key, "CID"))
		facts->has_identifier = slice_number(value, 16, &facts->identifier);
	if (slice_equals(key, "parentCID"))
		facts->has_parent_identifier = slice_number(value, 16, &facts->parent_identifier);
	if (slice_equals(key, "changeTrackPath"))
		facts->tracked = true;
	if (slice_begins(key, "encrypt"))
		facts->encrypted = true;
	if (slice_equals(key, "createType") &&
	    !slice_copy(value, descriptor->create_type, sizeof(descriptor->create_type)))
		return fail(err, BS_CONTAINER_CORRUPT, "the VMDK descriptor has no known type");
	return 0;
}

static int descriptor_decode_line(struct slice line, struct vmdk_descriptor *descriptor,
				  struct facts *facts, struct bs_error *err)
{
	line = slice_trim(line);
	if (line.length == 0 || line.at[0] == '#')
		return 0;
	if (descriptor_is_extent(line))
		return descriptor_decode_extent(line, descriptor, err);
	return descriptor_decode_setting(line, descriptor, facts, err);
}

/* Finds the parent's name.  As in QEMU, parentFileNameHint may be anywhere in the text. */
static bool descriptor_find_parent(struct slice text, struct slice *name)
{
	static const char word[] = "parentFileNameHint";
	const char *found = memmem(text.at, text.length, word, strlen(word));
	struct slice rest;

	*name = (struct slice){text.at, 0};
	if (!found)
		return false;
	rest = (struct slice){found, text.length - (size_t)(found - text.at)};
	rest = slice_cut(&rest, '\n');
	slice_cut(&rest, '=');
	*name = slice_unquote(rest);
	return true;
}

/* The parent is named, and there is the identifier that shows whether it was changed since. */
static int descriptor_find_chain(struct slice text, const struct facts *facts,
				 struct vmdk_descriptor *descriptor, struct bs_error *err)
{
	struct format_parent *parent = &descriptor->parent;
	struct slice hint;
	bool named = descriptor_find_parent(text, &hint);

	descriptor->identifier = (uint32_t)facts->identifier;
	if (!named && facts->parent_identifier == VMDK_NO_PARENT)
		return 0;
	if (!slice_copy(hint, parent->path, sizeof(parent->path)) || parent->path[0] == '\0' ||
	    facts->parent_identifier >= VMDK_NO_PARENT)
		return fail(err, BS_CONTAINER_DIFFERENCING,
			    "the VMDK holds only the changes to its parent, and names it in a way "
			    "that leads nowhere");
	memcpy(parent->driver, "vmdk", sizeof("vmdk"));
	parent->has_identifier = true;
	parent->identifier = (uint32_t)facts->parent_identifier;
	return 0;
}

static int descriptor_judge_extent(const struct vmdk_extent *extent, struct bs_error *err)
{
	/* QEMU leaves such an extent out, and finds all that follows at a wrong place. */
	if (strcmp(extent->type, "ZERO") == 0)
		return fail(err, BS_FORMAT_UNREADABLE,
			    "a part of the disk of the VMDK is in no file (ZERO)");
	if (!extent->writable)
		return fail(err, BS_READ_ONLY, "the VMDK is described as read-only (RDONLY)");
	if (extent->length == 0)
		return fail(err, BS_CONTAINER_CORRUPT, "the disk of the VMDK is empty");
	return 0;
}

static int descriptor_judge(struct slice text, struct vmdk_descriptor *descriptor,
			    const struct facts *facts, struct bs_error *err)
{
	if (!facts->has_identifier || !facts->has_parent_identifier ||
	    descriptor->create_type[0] == '\0' || descriptor->extents.count == 0)
		return fail(err, BS_CONTAINER_CORRUPT, "the VMDK descriptor is not complete");
	if (facts->encrypted)
		return fail(err, BS_VMDK_ENCRYPTED, "the VMDK is encrypted");
	if (descriptor_find_chain(text, facts, descriptor, err) < 0)
		return -1;
	/* The backup software of this disk would miss the changes that bootshift makes. */
	if (facts->tracked)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the VMDK has its changed blocks tracked in another file");
	for (size_t i = 0; i < descriptor->extents.count; i++)
		if (descriptor_judge_extent(&descriptor->extents.items[i], err) < 0)
			return -1;
	return 0;
}

static struct slice descriptor_text(const uint8_t *bytes, size_t length)
{
	return (struct slice){(const char *)bytes, strnlen((const char *)bytes, length)};
}

int vmdk_descriptor_decode(const uint8_t *bytes, size_t length, struct vmdk_descriptor *descriptor,
			   struct bs_error *err)
{
	struct slice text = descriptor_text(bytes, length);
	struct slice rest = text;
	struct facts facts = {0};

	*descriptor = (struct vmdk_descriptor){0};
	while (rest.length > 0)
		if (descriptor_decode_line(slice_cut(&rest, '\n'), descriptor, &facts, err) < 0)
			return -1;
	return descriptor_judge(text, descriptor, &facts, err);
}

static void descriptor_refer(struct slice slice, enum reference_kind kind,
			     const struct reference_taker *taker)
{
	char text[PATH_SIZE];

	if (slice.length > 0 && slice_copy(slice, text, sizeof(text)))
		taker->take(taker->context, kind, text);
}

static void descriptor_refer_uuid(struct slice line, const struct reference_taker *taker)
{
	/* The UUID of the parent in an image without a parent. */
	static const char none[] = "00000000-0000-0000-0000-000000000000";
	struct slice key = slice_trim(slice_cut(&line, '=')), uuid = slice_unquote(line);

	if (slice_equals(key, "ddb.uuid.image"))
		descriptor_refer(uuid, REFERENCE_UUID, taker);
	if (slice_equals(key, "ddb.uuid.parent") && !slice_equals(uuid, none))
		descriptor_refer(uuid, REFERENCE_PARENT_UUID, taker);
}

void vmdk_descriptor_refer(const uint8_t *bytes, size_t length, bool parts,
			   const struct reference_taker *taker)
{
	struct slice rest = descriptor_text(bytes, length), hint;

	if (descriptor_find_parent(rest, &hint))
		descriptor_refer(hint, REFERENCE_PARENT, taker);
	while (rest.length > 0) {
		struct slice line = slice_trim(slice_cut(&rest, '\n'));

		if (!descriptor_is_extent(line))
			descriptor_refer_uuid(line, taker);
		else if (parts)
			descriptor_refer(slice_cut_name(&line), REFERENCE_PART, taker);
	}
}
