/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/volume-ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "volume/scoped.h"

struct appliance_answer *volume_ask(const struct volume_appliance *volume,
				    enum appliance_operation operation, const char *path,
				    const char *name, uint64_t offset, uint32_t length,
				    struct bs_error *err)
{
	struct appliance_request request = {
		.operation = operation,
		.partition = volume->partition,
		.offset = offset,
		.length = length,
	};

	snprintf(request.path, sizeof(request.path), "%s", path);
	snprintf(request.name, sizeof(request.name), "%s", name);
	return appliance_ask(volume->channel, &request, err);
}

int volume_ask_fail(const struct appliance_answer *answer, struct bs_error *err)
{
	return fail(err, BS_NTFS_DAMAGED, "libguestfs: %s", (const char *)answer->data);
}

struct appliance_answer *volume_ask_surely(const struct volume_appliance *volume,
					   enum appliance_operation operation, const char *path,
					   uint64_t offset, uint32_t length, size_t least,
					   struct bs_error *err)
{
	struct appliance_answer *answer =
		volume_ask(volume, operation, path, "", offset, length, err);

	if (!answer)
		return NULL;
	if (answer->error == 0 && answer->length >= least)
		return answer;
	if (answer->error != 0)
		volume_ask_fail(answer, err);
	else
		fail(err, BS_NTFS_DAMAGED, "libguestfs reads only %u bytes of %s", answer->length,
		     path);
	free(answer);
	return NULL;
}

int volume_ask_attribute(const struct volume_appliance_file *file, const char *name, size_t least,
			 uint8_t **value, size_t *size, struct bs_error *err)
{
	SCOPED struct appliance_answer *answer =
		volume_ask(file->volume, APPLIANCE_ATTRIBUTE, file->path, name, 0, 0, err);

	*value = NULL;
	*size = 0;
	if (!answer)
		return -1;
	if (answer->error == ENODATA)
		return 0;
	if (answer->error != 0)
		return volume_ask_fail(answer, err);
	if (answer->length < least)
		return fail(err, BS_NTFS_DAMAGED, "libguestfs: %s has %u bytes", name,
			    answer->length);
	*size = answer->length;
	*value = malloc(*size + 1);
	if (!*value)
		return fail_memory(err);
	memcpy(*value, answer->data, *size);
	(*value)[*size] = '\0';
	return 0;
}

int volume_ask_record(const struct volume_appliance *volume, uint64_t number, uint8_t **bytes,
		      struct mft_record *record, struct bs_error *err)
{
	uint32_t size = volume->record_size;
	SCOPED struct appliance_answer *answer =
		volume_ask_surely(volume, APPLIANCE_READ, "/$MFT", number * size, size, size, err);
	const char *defect;

	*bytes = NULL;
	if (!answer)
		return -1;
	*bytes = malloc(size);
	if (!*bytes)
		return fail_memory(err);
	memcpy(*bytes, answer->data, size);
	defect = mft_record_is_file(*bytes) ? mft_record_open(record, *bytes, size)
					    : "it is no record";
	return defect ? fail(err, BS_NTFS_DAMAGED, "file record %llu: %s",
			     (unsigned long long)number, defect)
		      : 0;
}
