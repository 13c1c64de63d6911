/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/patches.h"

#include <string.h>

#include "util/bytes.h"

#define GAP 8u /* so many zeros and fewer do not end a patch */

static int patches_read_disk(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			     struct bs_error *err)
{
	(void)err;
	patches_read((const struct patches *)disk, offset, buffer, length);
	return 0;
}

bool patches_open(struct patches *patches, const uint8_t *bytes, size_t size, uint64_t most,
		  const uint8_t *base, size_t base_size)
{
	static const struct disk_operations operations = {.read = patches_read_disk};
	size_t at = PATCHES_HEAD;

	if (size < PATCHES_HEAD)
		return false;
	patches->disk.operations = &operations;
	patches->disk.size = min_u64(load_le32(bytes), most);
	patches->base = base;
	patches->base_size = base_size;
	patches->added = patches->count = 0;
	while (size - at > PATCH_HEAD && patches->count < PATCHES_MAX - PATCHES_ADDED) {
		struct patch *patch = &patches->items[patches->count++];

		patch->offset = load_le32(bytes + at);
		patch->length = min_u64(load_le16(bytes + at + 4), size - at - PATCH_HEAD);
		patch->bytes = bytes + at + PATCH_HEAD;
		at += PATCH_HEAD + patch->length;
	}
	return true;
}

void patches_read(const struct patches *patches, uint64_t offset, void *buffer, size_t length)
{
	size_t from_base = 0;

	if (patches->base && offset < patches->base_size)
		from_base = min_u64(length, patches->base_size - offset);
	if (from_base > 0)
		memcpy(buffer, patches->base + offset, from_base);
	memset((uint8_t *)buffer + from_base, 0, length - from_base);
	for (size_t i = 0; i < patches->count; i++) {
		const struct patch *patch = &patches->items[i];
		uint64_t start = max_u64(offset, patch->offset);
		uint64_t end = min_u64(offset + length, patch->offset + patch->length);

		if (start < end)
			memcpy((uint8_t *)buffer + (start - offset),
			       patch->bytes + (start - patch->offset), end - start);
	}
}

void patches_add(struct patches *patches, uint64_t offset, const void *bytes, size_t length)
{
	uint8_t *own = patches->own[patches->added];

	if (patches->added == PATCHES_ADDED)
		return;
	memcpy(own, bytes, length);
	patches->items[patches->count++] = (struct patch){offset, length, own};
	patches->added++;
}

/* The end of the patch that begins at `at`: a patch ends before a gap. */
static size_t patch_end(const uint8_t *bytes, size_t size, size_t at)
{
	size_t end = at, zeros = 0;

	for (size_t i = at; i < size && zeros <= GAP && i - at < UINT16_MAX; i++) {
		zeros = bytes[i] == 0 ? zeros + 1 : 0;
		if (zeros == 0)
			end = i + 1;
	}
	return end;
}

void patches_write(FILE *stream, const uint8_t *bytes, size_t size)
{
	uint8_t head[PATCH_HEAD];
	size_t end;

	store_le32(head, (uint32_t)size);
	fwrite(head, 1, PATCHES_HEAD, stream);
	for (size_t at = 0; at < size; at = end) {
		if (bytes[at] == 0) {
			end = at + 1;
			continue;
		}
		end = patch_end(bytes, size, at);
		store_le32(head, (uint32_t)at);
		store_le16(head + 4, (uint16_t)(end - at));
		fwrite(head, 1, sizeof(head), stream);
		fwrite(bytes + at, 1, end - at, stream);
	}
}
