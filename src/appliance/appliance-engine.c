/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/appliance-engine.h"

#include <errno.h>
#include <string.h>

#include "appliance/volume-appliance.h"
#include "util/bytes.h"
#include "volume/scoped.h"

static int engine_open_volume(const struct volume_engine *base, uint64_t start, uint64_t size,
			      enum volume_mode mode, struct volume **volume, struct bs_error *err)
{
	const struct appliance_engine *engine = (const struct appliance_engine *)base;

	if (mode != VOLUME_READ)
		return fail(err, BS_READ_ONLY, "libguestfs only reads");
	for (uint32_t i = 0; i < engine->partition_count; i++)
		if (engine->partitions[i].start == start && engine->partitions[i].size == size)
			return volume_appliance_open(engine->channel, base->disk,
						     &engine->partitions[i], volume, err);
	return fail(err, BS_NTFS_DAMAGED, "libguestfs finds no such partition");
}

int appliance_engine_open(struct appliance_engine *engine, struct disk *disk, int channel,
			  struct bs_error *err)
{
	const struct appliance_request request = {.operation = APPLIANCE_PARTITIONS};
	SCOPED struct appliance_answer *answer = appliance_ask(channel, &request, err);

	*engine = (struct appliance_engine){
		.base = {.disk = disk, .reads_fat = true, .open = engine_open_volume},
		.channel = channel,
	};
	if (!answer)
		return -1;
	if (answer->error != 0) /* parted does not accept the partition table */
		return 0;
	engine->partition_count = (uint32_t)min_u64(answer->length / sizeof(engine->partitions[0]),
						    BS_PARTITIONS_MAX);
	memcpy(engine->partitions, answer->data,
	       engine->partition_count * sizeof(engine->partitions[0]));
	return 0;
}
