/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/disk-signature.h"

/* Whether a device of the store names this disk by the signature that it has. */
static bool signature_is_in_store(const struct facts *facts, const struct bcd *bcd)
{
	for (size_t i = 0; i < bcd->count; i++) {
		struct bcd_device device;

		if (!bcd_is_device(bcd->elements[i].id))
			continue;
		bcd_device(bcd, &bcd->elements[i], &device);
		if (device.kind == BCD_DEVICE_PARTITION &&
		    device.disk_signature == facts->disk_signature)
			return true;
	}
	return false;
}

/*
 * The Windows at the place that the boot menu names says by which signature it knows its drive C:.
 * If it says nothing, the rest of the store decides.
 */
static int signature_ask_windows(struct reader *reader, const struct bcd *bcd, int32_t index,
				 uint32_t named, bool *changed, struct bs_error *err)
{
	struct volume *volume;
	uint32_t signature = 0;
	bool known = false;

	if (reader_mount(reader, index, &volume, err) < 0 ||
	    hives_read_signature(volume, &signature, &known, err) < 0) {
		reader_unmount(reader, index);
		if (!reader_is_content(err->code))
			return -1;
	}
	*changed = known ? signature == named : !signature_is_in_store(reader->facts, bcd);
	return 0;
}

int disk_signature_changed(struct reader *reader, const struct bcd *bcd,
			   const struct bcd_device *device, const char *path, bool *changed,
			   struct bs_error *err)
{
	const struct facts *facts = reader->facts;
	bool there = false;

	*changed = false;
	if (device->file != BCD_NO_FILE || device->kind != BCD_DEVICE_PARTITION ||
	    device->disk_signature == facts->disk_signature)
		return 0;
	for (uint32_t i = 0; i < facts->partition_count; i++) {
		if (facts->partitions[i].is.start != device->partition_offset)
			continue;
		if (reader_has_file(reader, (int32_t)i, path, &there, err) < 0)
			return -1;
		return there ? signature_ask_windows(reader, bcd, (int32_t)i,
						     device->disk_signature, changed, err)
			     : 0;
	}
	return 0;
}
