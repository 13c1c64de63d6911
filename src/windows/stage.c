/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/stage.h"

#include "boot/mbr.h"
#include "boot/vbr.h"
#include "disk/window.h"
#include "ntfs/ntfs-engine.h"
#include "util/bytes.h"
#include "volume/scoped.h"
#include "volume/tree.h"
#include "windows/copy.h"
#include "windows/plan.h"

struct stage {
	const struct volume_engine *engine;
	struct disk *disk; /* the engine's */
	struct volume *system,
		*boot; /* mounted while files are copied; new files need no system volume */
	struct bs_plan *plan;
	uint32_t cursor; /* index of the next of the plan's files */
};

typedef int editor(const struct stage *stage, const struct tree_visit *copy, struct bs_error *err);

/* Changes a copied file, and keeps its times. */
static int stage_edit(const struct stage *stage, const char *path, editor *change,
		      struct bs_error *err)
{
	struct volume_metadata metadata;
	struct volume_file *file;
	struct tree_visit copy = {.path = path, .metadata = &metadata};

	if (volume_open_file(stage->boot, path, &file, err) < 0)
		return -1;
	if (!file)
		return fail(err, BS_NTFS, "%s is missing", path);
	copy.file = file;
	if (volume_stat(file, &metadata, err) < 0 || change(stage, &copy, err) < 0 ||
	    volume_set_times(file, &metadata, err) < 0) {
		volume_done_file(file);
		return -1;
	}
	return volume_close_file(file, err);
}

static int stage_add_attributes(const struct stage *stage, const struct tree_visit *folder,
				struct bs_error *err)
{
	uint32_t attributes =
		folder->metadata->attributes | plan_added_attributes(stage->plan, folder->path);

	return volume_set_attributes(folder->file, attributes, err);
}

/* Retargets the planned elements to the boot partition: eight bytes of the store for each. */
static int stage_retarget(const struct stage *stage, const struct tree_visit *store,
			  struct bs_error *err)
{
	const struct bs_plan *plan = stage->plan;
	uint8_t from[8], to[8];

	store_le64(to, plan->boot_start);
	for (uint32_t i = 0; i < plan->element_count; i++) {
		uint32_t offset = plan->elements[i].offset;

		if (volume_read(store->file, "", offset, from, sizeof(from), err) < 0)
			return -1;
		if (load_le64(from) != plan->system_start)
			return fail(err, BS_CHANGED_MEANWHILE, "the BCD is not as it was planned");
		if (volume_write(store->file, "", offset, to, sizeof(to), err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Writes the first sector of a boot record to the places of its copy.  The first place is the file
 * system's own.  If the partition's last sector is a different place, it belongs to no file system:
 * the function writes to it only if it already holds a copy.
 */
static int stage_boot_record_copies(struct disk *window, const uint8_t *record,
				    struct bs_error *err)
{
	uint64_t offsets[VBR_COPIES_MAX];
	uint8_t there[SECTOR_SIZE];
	struct vbr parsed;
	size_t count;

	vbr_parse(record, &parsed);
	count = vbr_copy_offsets(&parsed, disk_size(window), offsets);
	for (size_t i = 0; i < count; i++) {
		if (disk_read(window, offsets[i], there, sizeof(there), err) < 0)
			return -1;
		if ((i == 0 || vbr_is_copy(there, record)) &&
		    disk_write(window, offsets[i], record, SECTOR_SIZE, err) < 0)
			return -1;
	}
	return 0;
}

/* Writes boot code that starts bootmgr to the boot volume and to the copies of its first sector. */
static int stage_boot_code(const struct stage *stage, struct bs_error *err)
{
	const struct bs_plan *plan = stage->plan;
	SCOPED_DISK *window = window_open(stage->disk, plan->boot_start, plan->boot_size, err);
	uint32_t hidden_sectors = (uint32_t)(plan->boot_start / SECTOR_SIZE);
	uint8_t record[VBR_SIZE], donor[VBR_SIZE];
	struct vbr parsed;

	if (!window || disk_read(window, 0, record, sizeof(record), err) < 0 ||
	    disk_read(stage->disk, plan->system_start, donor, sizeof(donor), err) < 0)
		return -1;
	vbr_parse(record, &parsed);
	/* A record whose code already starts bootmgr keeps that code; only its position is
	 * wrong. */
	vbr_transplant(record, parsed.kind == VBR_BOOTMGR ? record : donor, hidden_sectors);
	if (disk_write(window, 0, record, sizeof(record), err) < 0)
		return -1;
	return stage_boot_record_copies(window, record, err);
}

/* Sets one flag byte to 0x80 and the others to 0: older boot code rejects all other values. */
static int stage_activate(const struct stage *stage, struct bs_error *err)
{
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		uint8_t flag = i + 1 == stage->plan->boot_number ? MBR_ACTIVE : 0;

		if (disk_write(stage->disk, MBR_FLAG_OFFSET(i), &flag, sizeof(flag), err) < 0)
			return -1;
	}
	return 0;
}

/* Gives the disk the planned signature. */
static int stage_sign(const struct stage *stage, struct bs_error *err)
{
	uint8_t signature[MBR_SIGNATURE_SIZE];

	store_le32(signature, stage->plan->restored_signature);
	return disk_write(stage->disk, MBR_SIGNATURE_OFFSET, signature, sizeof(signature), err);
}

static int stage_mount(struct stage *stage, struct bs_error *err)
{
	const struct volume_engine writer = volume_ntfs_engine(stage->disk);
	const struct bs_plan *plan = stage->plan;

	if (!plan_rebuilds(plan) &&
	    volume_open(stage->engine, plan->system_start, plan->system_size, VOLUME_READ,
			&stage->system, err) < 0)
		return -1;
	return volume_open(&writer, plan->boot_start, plan->boot_size, VOLUME_WRITE, &stage->boot,
			   err);
}

/* Unmounts the volumes, which writes all cached changes. */
static int stage_unmount(struct stage *stage, struct bs_error *err)
{
	struct volume *boot = stage->boot;

	volume_done(stage->system);
	stage->system = stage->boot = NULL;
	return volume_close(boot, err);
}

static bool stage_works_on_files(enum bs_operation_kind kind)
{
	return kind != BS_OPERATION_BOOT_CODE && kind != BS_OPERATION_ACTIVATE &&
	       kind != BS_OPERATION_SIGNATURE;
}

static int stage_carry_out(struct stage *stage, const struct bs_operation *operation,
			   struct bs_error *err)
{
	switch (operation->kind) {
	case BS_OPERATION_COPY:
		if (plan_rebuilds(stage->plan))
			return copy_new_item(stage->boot, operation->path, stage->plan,
					     &stage->cursor, err);
		return copy_item(stage->system, stage->boot, operation->path, stage->plan,
				 &stage->cursor, err);
	case BS_OPERATION_ATTRIBUTES:
		return stage_edit(stage, operation->path, stage_add_attributes, err);
	case BS_OPERATION_RETARGET_BCD:
		return stage_edit(stage, operation->path, stage_retarget, err);
	case BS_OPERATION_BOOT_CODE:
		return stage_boot_code(stage, err);
	case BS_OPERATION_ACTIVATE:
		return stage_activate(stage, err);
	case BS_OPERATION_SIGNATURE:
		return stage_sign(stage, err);
	case BS_OPERATION_STORE:
		return copy_new_store(stage->boot, stage->plan, &stage->cursor, err);
	case BS_OPERATION_KIND_COUNT:
		break;
	}
	return fail(err, BS_WORKER, "an unknown operation");
}

int stage_run(const struct volume_engine *engine, struct bs_plan *plan, stage_progress *progress,
	      void *context, struct bs_error *err)
{
	struct stage stage = {.engine = engine, .disk = engine->disk, .plan = plan};
	int result = plan_moves_files(plan) ? stage_mount(&stage, err) : 0;

	for (uint32_t i = 0; i < plan->operation_count && result == 0; i++) {
		bool last_on_files = stage_works_on_files(plan->operations[i].kind) &&
				     (i + 1 == plan->operation_count ||
				      !stage_works_on_files(plan->operations[i + 1].kind));

		result = stage_carry_out(&stage, &plan->operations[i], err);
		if (result == 0 && last_on_files)
			result = stage_unmount(&stage, err);
		if (result == 0)
			result = progress(context, i, err);
	}
	if (result == 0)
		result = disk_flush(stage.disk, err);
	volume_done(stage.boot);
	volume_done(stage.system);
	return result;
}
