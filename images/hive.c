/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes hives: an empty one by hand, what goes into it through hivex.
 *
 * The offsets are those of the "Windows registry file format specification" (Maxim Suhanov).
 */
#include "hive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "security.h"

#define BASE_BLOCK_SIZE 0x1000u
#define BIN_SIZE        0x1000u
#define BIN_HEADER_SIZE 0x20u
#define NO_CELL         0xFFFFFFFFu
#define SEQUENCE        0xB2u
/* 2016-02-05 16:30:26 UTC, when the samples' stores were last written. */
#define LAST_WRITTEN 0x01D1603B2D1F4B00u

uint32_t base_block_checksum(const uint8_t *block)
{
	uint32_t sum = 0;

	for (unsigned at = 0; at < 508; at += 4)
		sum ^= load_le32(block + at);
	return sum == UINT32_MAX ? UINT32_MAX - 1 : sum == 0 ? 1 : sum;
}

static void write_base_block(const struct hive *hive, uint8_t *block, uint32_t bins_size)
{
	struct bytes file = {0};
	size_t file_at;

	memcpy(block, "regf", 4);
	store_le32(block + 4, SEQUENCE + (hive->dirty ? 1 : 0));
	store_le32(block + 8, SEQUENCE);
	store_le64(block + 12, LAST_WRITTEN);
	store_le32(block + 20, 1); /* version 1.3 */
	store_le32(block + 24, 3);
	store_le32(block + 32, 1);               /* in memory, as all hives say */
	store_le32(block + 36, BIN_HEADER_SIZE); /* the root key's cell */
	store_le32(block + 40, bins_size);
	store_le32(block + 44, 1);
	append_utf16(&file, hive->file);
	file_at = file.length > 62 ? file.length - 62 : 0; /* the last 31 characters, and a zero */
	memset(block + 48, 0, 64);
	memcpy(block + 48, file.data + file_at, file.length - file_at);
	store_le32(block + 508, base_block_checksum(block));
}

/* Puts a cell, whose size is negative because it is in use, and returns where the next begins. */
static uint32_t put_cell(uint8_t *bin, uint32_t offset, const struct bytes *data)
{
	uint32_t size = ((uint32_t)data->length + 4 + 7) & ~7u;

	store_le32(bin + offset, 0u - size);
	memcpy(bin + offset + 4, data->data, data->length);
	return offset + size;
}

static void root_key_cell(const struct hive *hive, uint32_t security, struct bytes *cell)
{
	append(cell, "nk", 2);
	append_le16(cell, 0x2C); /* root of a hive, cannot be deleted, name in Latin-1 */
	append_le64(cell, LAST_WRITTEN);
	append_zeros(cell, 16); /* spare, no parent, no subkeys */
	append_le32(cell, NO_CELL);
	append_le32(cell, NO_CELL);
	append_le32(cell, 0); /* no values */
	append_le32(cell, NO_CELL);
	append_le32(cell, security);
	append_le32(cell, NO_CELL);
	append_zeros(cell, 20); /* longest names and data, kept by hivex */
	append_le16(cell, (uint16_t)strlen(hive->root));
	append_le16(cell, 0);
	append(cell, hive->root, strlen(hive->root));
}

static void security_cell(uint32_t offset, struct bytes *cell)
{
	static const char sddl[] = "O:BAG:SYD:P(A;CI;0xF003F;;;BA)(A;CI;0xF003F;;;SY)";
	struct bytes descriptor = {0};

	security_descriptor_from_sddl(sddl, &descriptor, (struct location){__FILE__, __LINE__});
	append(cell, "sk", 2);
	append_le16(cell, 0);
	append_le32(cell, offset); /* a ring of one */
	append_le32(cell, offset);
	append_le32(cell, 1);
	append_le32(cell, (uint32_t)descriptor.length);
	append(cell, descriptor.data, descriptor.length);
}

/* A base block and one bin with the root key, its security and free space. */
static void make_empty(const struct hive *hive, uint8_t block[BASE_BLOCK_SIZE + BIN_SIZE])
{
	uint8_t *bin = block + BASE_BLOCK_SIZE;
	struct bytes root = {0}, security = {0};
	uint32_t security_offset, free_offset;

	memset(block, 0, BASE_BLOCK_SIZE + BIN_SIZE);
	write_base_block(hive, block, BIN_SIZE);
	memcpy(bin, "hbin", 4);
	store_le32(bin + 8, BIN_SIZE);
	store_le64(bin + 20, LAST_WRITTEN);
	security_offset = BIN_HEADER_SIZE + (((uint32_t)strlen(hive->root) + 80 + 7) & ~7u);
	root_key_cell(hive, security_offset, &root);
	if (put_cell(bin, BIN_HEADER_SIZE, &root) != security_offset)
		die("hive %s: the root key's cell has the wrong size", hive->name);
	security_cell(security_offset, &security);
	free_offset = put_cell(bin, security_offset, &security);
	store_le32(bin + free_offset, BIN_SIZE - free_offset);
}

/* Walks down a path, adding what is missing. */
static hive_node_h add_key(hive_h *handle, const struct hive_line *line)
{
	hive_node_h node = hivex_root(handle);
	char *path = copy_text(line->key, strlen(line->key)), *rest = path;

	while (node && rest) {
		const char *name = strsep(&rest, "\\");
		hive_node_h child;

		if (!*name)
			continue;
		child = hivex_node_get_child(handle, node, name);
		node = child ? child : hivex_node_add_child(handle, node, name);
	}
	if (!node)
		die_at(line->where, "cannot add the key %s: %s", line->key, strerror(errno));
	free(path);
	return node;
}

static void add_line(const struct recipe *recipe, hive_h *handle, const struct hive_line *line)
{
	hive_node_h node = add_key(handle, line);
	struct hive_set_value value = {.key = line->name};
	struct bytes data = {0};

	if (!line->kind)
		return;
	value.t = hive_value(recipe, line, &data);
	value.value = (char *)data.data;
	value.len = data.length;
	if (hivex_node_set_value(handle, node, &value, 0) < 0)
		die_at(line->where, "cannot set the value %s: %s", line->name, strerror(errno));
	free(data.data);
}

void hive_make(const struct recipe *recipe, const struct hive *hive, struct bytes *bytes)
{
	uint8_t empty[BASE_BLOCK_SIZE + BIN_SIZE];
	int fd = memory_file("hive", 0);
	char *path = descriptor_path(fd);
	const struct hive_line *line;
	size_t start = bytes->length;
	hive_h *handle;
	off_t size;

	make_empty(hive, empty);
	write_at(fd, empty, sizeof empty, 0);
	handle = hivex_open(path, HIVEX_OPEN_WRITE);
	if (!handle)
		die("hive %s: cannot open: %s", hive->name, strerror(errno));
	TAILQ_FOREACH(line, &hive->lines, next)
	add_line(recipe, handle, line);
	if (hivex_commit(handle, path, 0) < 0 || hivex_close(handle) < 0)
		die("hive %s: cannot commit: %s", hive->name, strerror(errno));
	size = lseek(fd, 0, SEEK_END);
	append_zeros(bytes, (size_t)size);
	read_at(fd, bytes->data + start, (size_t)size, 0);
	/* hivex counted the sequence numbers up; the header is what the recipe says. */
	write_base_block(hive, bytes->data + start, (uint32_t)size - BASE_BLOCK_SIZE);
	close(fd);
	free(path);
}
