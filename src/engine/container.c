/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/container.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "disk/window.h"
#include "engine/options.h"
#include "engine/parts.h"
#include "format/vmdk.h"
#include "transaction/commit.h"
#include "transaction/undo-search.h"
#include "util/bytes.h"
#include "util/path.h"

/* The overlay keeps this many changed bytes in memory, and more in a temporary file. */
#define OVERLAY_MEMORY (32u << 20)

/* All formats keep their headers, or copies of them, at the start or the end of the container. */
#define HEAD_SIZE (1u << 20) /* bytes, at the start of the container */
#define TAIL_SIZE 4096u      /* bytes, at its end */

#define CHUNK (1u << 20) /* bytes read at a time */

/* ---- a disk in other files ------------------------------------------------------------------ */

/* Opens all files of a disk that is in several files, or in sparse ones. */
static int container_open_set(struct container *container, struct bs_error *err)
{
	struct vmdk_extents extents;
	int result = vmdk_read_extents(container->target->disk, &extents, err);

	if (result == 0)
		result = parts_open(container->target, &extents, S_IWOTH, err);
	if (result == 0 && container->format.access == FORMAT_DRIVER_ELSEWHERE)
		container->split.extents = extents;
	else
		vmdk_extents_free(&extents);
	return result;
}

/*
 * If the image is a VMDK descriptor, opens the files that it describes: bootshift locks, journals
 * and changes these.  One file takes the place of the image.  Errors of a container are reported
 * later, when its disk is opened, or when its undo file needs the files.
 */
static int container_follow_descriptor(struct container *container, struct bs_error *err)
{
	struct target *extent;
	struct format format = {0};
	struct bs_error later = {.code = BS_OK};

	if (container->target->kind != TARGET_FILE)
		return 0;
	(void)!format_detect(container->target->disk, container->options->format, &format, &later);
	if (!format_access_is_elsewhere(format.access))
		return 0;
	container->refused_descriptor = later;
	if (later.code != BS_OK)
		return 0;
	container->format = format;
	if (format.extent_count > 1 || format.access == FORMAT_DRIVER_ELSEWHERE)
		return container_open_set(container, err);
	extent = parts_open_named(container->target, format.extent, S_IWOTH, err);
	if (!extent)
		return -1;
	target_close(container->target);
	container->target = extent;
	return 0;
}

int container_open_target(struct container *container, const char *image,
			  const struct bs_options *options, struct bs_error *err)
{
	*container = (struct container){.options = options, .target = target_open(image, err)};
	return container->target ? container_follow_descriptor(container, err) : -1;
}

static int container_name_place(struct container *container, struct bs_error *err)
{
	const struct bs_options *options = container->options;
	struct place *place = &container->place;

	if (container->undoes && options->undo_file)
		return place_find_file(container->target, options->undo_file, place, err);
	if (place_find(container->target, options->undo_directory, place, err) < 0)
		return -1;
	return container->undoes ? place_use_plain_name(place, err) : 0;
}

static int container_find_place(struct container *container, struct bs_error *err)
{
	char *signpost = NULL;
	struct bs_error ignored;

	if (container_name_place(container, err) == 0)
		return 0;
	/* A half-written image without a usable undo file needs a recovery, so this is not a
	 * refusal. */
	if (target_read_signpost(container->target, &signpost, &ignored) == 0 && signpost) {
		fail_prefix(err, "the image is marked as half written");
		err->code = BS_RECOVERY_REQUIRED;
	}
	free(signpost);
	return -1;
}

/* Opens the image again: a recovery changes the image's times, and maybe its length. */
static int container_open_again(struct container *container, struct bs_error *err)
{
	struct target *again = target_reopen(container->target, TARGET_READ, err);

	if (!again)
		return -1;
	place_free(&container->place);
	target_close(container->target);
	container->target = again;
	return container_find_place(container, err);
}

/*
 * Fails if the undo file has to be compared with the files of a disk, and these are not known.  Each
 * comparison with the descriptor itself would only say that the image has another length.
 */
static int container_check_files_known(const struct container *container,
				       enum transaction_state state, struct bs_error *err)
{
	bool interrupted = state == TRANSACTION_INTERRUPTED;

	if (container->refused_descriptor.code == BS_OK ||
	    !(interrupted || (state == TRANSACTION_APPLIED && container->undoes)))
		return 0;
	*err = container->refused_descriptor;
	fail_prefix(err, "the files of the disk are not known");
	if (!interrupted)
		return -1;
	err->code = BS_RECOVERY_REQUIRED;
	return fail_prefix(err, "an earlier command was interrupted while it changed the image");
}

static int container_recover(struct container *container, enum lock_purpose purpose,
			     bool *recovered, struct bs_error *err)
{
	enum transaction_state state;

	if (transaction_state(&container->place, &state, err) < 0 ||
	    container_check_files_known(container, state, err) < 0)
		return -1;
	if (purpose == LOCK_FOR_READING || !recovered)
		return state != TRANSACTION_INTERRUPTED
			       ? 0
			       : fail(err, BS_RECOVERY_REQUIRED,
				      "an earlier command was interrupted while it changed the "
				      "image");
	if (state == TRANSACTION_INTERRUPTED)
		options_tell(container->options, BS_PHASE_UNDOING);
	if (transaction_recover(&container->place, recovered, err) < 0)
		return -1;
	return container_open_again(container, err);
}

/*
 * Completes the error for an image that cannot be changed, for the reason in *err.  If the image is
 * also half written, the error says both.  Returns -1.
 */
static int container_fail_unchangeable(struct container *container, struct bs_error *err)
{
	struct bs_error why = *err, state;
	struct image_lock *lock = lock_image(&container->place, LOCK_FOR_READING, &state);
	bool half_written = lock &&
			    container_recover(container, LOCK_FOR_READING, NULL, &state) < 0 &&
			    bs_code_exit(state.code) == BS_EXIT_RECOVERY;

	lock_release(lock);
	if (half_written)
		fail(err, state.code, "%.240s; it cannot be taken back now: %.180s", state.message,
		     why.message);
	return -1;
}

/* Refuses an image that cannot be written, before any work is done. */
static int container_check_changeable(struct container *container, struct bs_error *err)
{
	if (target_check_writable(container->target, err) == 0 &&
	    place_check_folder(&container->place, err) == 0)
		return 0;
	return container_fail_unchangeable(container, err);
}

int container_lock(struct container *container, const char *image, const struct bs_options *options,
		   enum lock_purpose purpose, bool undoes, bool *recovered, struct bs_error *err)
{
	if (recovered)
		*recovered = false;
	if (container_open_target(container, image, options, err) < 0)
		return -1;
	container->undoes = undoes;
	if (container_find_place(container, err) < 0)
		return -1;
	if (purpose == LOCK_FOR_CHANGING && container_check_changeable(container, err) < 0)
		return -1;
	container->lock = lock_image(&container->place, purpose, err);
	if (!container->lock)
		return -1;
	return container_recover(container, purpose, recovered, err);
}

/* Checks that QEMU's disk has the size that the container's header states. */
static int container_check_size(const struct container *container, struct bs_error *err)
{
	uint64_t stated = container->format.disk_size, shown = disk_size(container->disk);

	if (stated != 0 && stated / 512 != shown / 512)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "its header states %llu bytes, QEMU's driver finds %llu",
			    (unsigned long long)stated, (unsigned long long)shown);
	return 0;
}

/*
 * A fixed VHD is a raw disk with a footer behind it.  If the file was cut short, nothing but its
 * name tells that it was a VHD.
 */
static int container_check_name(const struct container *container, struct bs_error *err)
{
	const struct target *target = container->target;
	const char *extension = strrchr(path_name(target->name), '.');

	if (container->options->format || strcmp(container->format.name, "raw") != 0 ||
	    target->kind != TARGET_FILE || !extension || strcasecmp(extension, ".vhd") != 0)
		return 0;
	return fail(err, BS_VHD_CORRUPT,
		    "its name ends with .vhd, but it does not end with the footer of a VHD (if it "
		    "is a raw disk, say --format raw)");
}

static int container_read_format(struct container *container, struct bs_error *err)
{
	struct disk *view = overlay_disk(container->overlay);
	struct format *format = &container->format;

	if (format->access == FORMAT_DRIVER_ELSEWHERE)
		return split_check_tables(&container->split, err);
	if (format->access != FORMAT_ELSEWHERE &&
	    (format_detect(view, container->options->format, format, err) < 0 ||
	     container_check_name(container, err) < 0))
		return -1;
	return format_check_tables(view, format, err);
}

/* The container as QEMU's programs open it. */
static struct qemu_image container_image(const struct container *container)
{
	const struct split *split = &container->split;

	return (struct qemu_image){
		.overlay = split->descriptor ? split->descriptor : container->overlay,
		.parts = split->parts,
		.part_count = split->extents.count,
		.driver = container->format.driver,
		.options = container->format.driver_options,
		.parents = container->chain.files,
		.parent_count = container->chain.count,
	};
}

/* Whether the image is in several files and holds only the changes to a parent. */
static bool container_is_split_child(const struct container *container)
{
	return container->split.extents.count > 0 && container->chain.count > 0;
}

static int container_open_parents(struct container *container, struct bs_error *err)
{
	if (chain_open(&container->chain, container->target, &container->format,
		       container->options->format != NULL, err) < 0)
		return -1;
	return container_is_split_child(container) ? split_check_grains(&container->split, err) : 0;
}

/* Opens the parents once.  Later, the staged container must still have the same. */
static int container_open_chain(struct container *container, bool first, struct bs_error *err)
{
	const struct format_parent *before = &container->chain.claimed;
	const struct format_parent *now = &container->format.parent;

	if (first)
		return container_open_parents(container, err);
	return strcmp(before->path, now->path) == 0 && strcmp(before->driver, now->driver) == 0 &&
			       before->identifier == now->identifier
		       ? 0
		       : fail(err, BS_CONTAINER_CORRUPT, "it has another parent");
}

/*
 * The driver replays the log of a VHDX, on the overlay.  The tables can be checked only after that.
 */
static int container_finish_writes(struct container *container, struct bs_error *err)
{
	const struct format *format = &container->format;
	const struct qemu_image image = container_image(container);
	struct qemu_driver *driver = qemu_driver_open(&image, true, err);
	int result = driver ? qemu_driver_finish(driver, err) : -1;

	qemu_driver_close(driver);
	if (result < 0 || container_read_format(container, err) < 0)
		return -1;
	if (format->unfinished)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "an earlier program was interrupted while it wrote to the image, and "
			    "QEMU's driver cannot finish that");
	return 0;
}

/* A driver that gets each write alone takes longer than all other work on the image. */
static int container_collect(struct container *container, struct bs_error *err)
{
	container->staged = overlay_open(container->disk, OVERLAY_MEMORY,
					 container->options->undo_directory, err);
	if (!container->staged)
		return -1;
	container->disk = overlay_disk(container->staged);
	return 0;
}

/* Opens the guest's disk on the overlay.  Only the first stack can be written. */
static int container_lay_stack(struct container *container, bool writable, struct bs_error *err)
{
	struct disk *view = overlay_disk(container->overlay);
	struct format *format = &container->format;
	struct qemu_image image;

	if (container_read_format(container, err) < 0 ||
	    container_open_chain(container, writable, err) < 0)
		return -1;
	if (format->unfinished && container_finish_writes(container, err) < 0)
		return -1;
	if (!format_access_needs_driver(format->access)) {
		container->window = window_open(view, format->offset, format->length, err);
		container->disk = container->window;
		return container->disk ? 0 : -1;
	}
	image = container_image(container);
	if (format->needs_check && qemu_check(&image, err) < 0)
		return -1;
	container->driver = qemu_driver_open(&image, writable, err);
	if (!container->driver)
		return -1;
	container->disk = qemu_driver_disk(container->driver);
	if (container_check_size(container, err) < 0)
		return -1;
	return writable ? container_collect(container, err) : 0;
}

void container_close_disk(struct container *container)
{
	disk_close(container->window);
	if (container->staged)
		disk_close(overlay_disk(container->staged));
	qemu_driver_close(container->driver);
	container->window = container->disk = NULL;
	container->driver = NULL;
	container->staged = NULL;
}

static int container_show_before(struct container *container, struct bs_error *err)
{
	struct range_vector growths;
	int result = transaction_show_before(&container->place, container->overlay, &growths, err);

	if (result == 0)
		split_take_away(&container->split, &growths);
	range_vector_free(&growths);
	return result;
}

int container_open_disk(struct container *container, struct bs_error *err)
{
	container->overlay = overlay_open(container->target->disk, OVERLAY_MEMORY,
					  container->options->undo_directory, err);
	if (!container->overlay ||
	    (container->split.extents.count > 0 &&
	     split_open(&container->split, container->target, &container->format,
			container->overlay, "part", err) < 0) ||
	    (container->shows_before && container_show_before(container, err) < 0))
		return -1;
	return container_lay_stack(container, true, err);
}

/* Gives the driver what the staging wrote, sorted and in few requests. */
static int container_finish_driver(struct container *container, struct bs_error *err)
{
	bool whole_grains = container_is_split_child(container);

	return overlay_copy_written(container->staged,
				    whole_grains ? container->split.grain_size : SECTOR_SIZE,
				    qemu_driver_disk(container->driver), err) < 0
		       ? -1
		       : qemu_driver_finish(container->driver, err);
}

struct overlay *container_counter(const struct container *container)
{
	return container->staged ? container->staged : container->overlay;
}

int container_settle(struct container *container, struct bs_error *err)
{
	uint64_t size = disk_size(container->disk);

	if (container->driver && container_finish_driver(container, err) < 0)
		return -1;
	container_close_disk(container);
	if (split_list_growths(&container->split, container->target, err) < 0)
		return -1;
	if (container_lay_stack(container, false, err) < 0)
		return fail_prefix(err, "what the fix would write cannot be opened");
	if (disk_size(container->disk) != size)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "what the fix would write is a disk of another size");
	return 0;
}

/* Reads all zones, so that the overlay notes where they lie. */
static int container_read_zones(const struct container *container, const struct range_vector *zones,
				struct bs_error *err)
{
	uint8_t *chunk = malloc(CHUNK);
	int result = 0;

	if (!chunk)
		return fail_memory(err);
	for (size_t i = 0; i < zones->count; i++) {
		const struct range *zone = &zones->items[i];

		for (uint64_t done = 0; done < zone->length && result == 0; done += CHUNK)
			result = disk_read(container->disk, zone->offset + done, chunk,
					   min_u64(CHUNK, zone->length - done), err);
	}
	free(chunk);
	return result;
}

/* A disk that lies in the container in one piece is not read: its bytes are only shifted. */
static int container_shift_zones(const struct container *container,
				 const struct range_vector *zones, struct range_vector *found,
				 struct bs_error *err)
{
	for (size_t i = 0; i < zones->count; i++) {
		struct range zone = zones->items[i];

		zone.offset += container->format.offset;
		if (range_vector_append(found, zone, err) < 0)
			return -1;
	}
	return 0;
}

int container_locate(struct container *container, const struct range_vector *zones,
		     struct range_vector *found, struct bs_error *err)
{
	uint64_t size = container->target->status.length, tail = min_u64(TAIL_SIZE, size);
	int result;

	if (container->window) {
		result = container_shift_zones(container, zones, found, err);
	} else {
		overlay_watch(container->overlay, true);
		result = container_read_zones(container, zones, err);
		overlay_take_watched(container->overlay, found);
		overlay_watch(container->overlay, false);
	}
	if (result < 0)
		return -1;
	if (container->split.extents.count > 0)
		return split_add_heads(&container->split, found, err);
	if (range_vector_append(found, (struct range){0, min_u64(HEAD_SIZE, size)}, err) < 0)
		return -1;
	return range_vector_append(found, (struct range){size - tail, tail}, err);
}

void container_close(struct container *container)
{
	container_close_disk(container);
	if (container->overlay)
		disk_close(overlay_disk(container->overlay));
	split_free(&container->split);
	chain_close(&container->chain);
	lock_release(container->lock);
	place_free(&container->place);
	target_close(container->target);
	*container = (struct container){0};
}

/* ---- where the undo file is ---------------------------------------------------------------- */

/* Returns whether an undo with this undo folder would find the undo file `journal`. */
static bool container_finds_undo_file(const struct target *target, const char *folder,
				      const char *journal)
{
	struct bs_error ignored;
	struct place place;
	bool same = place_find(target, folder, &place, &ignored) == 0 &&
		    place_use_plain_name(&place, &ignored) == 0 &&
		    strcmp(place.journal, journal) == 0;

	place_free(&place);
	return same;
}

/* The path in the signpost or, for an image that is not half written, of a likely undo file. */
static char *container_likely_undo_file(const struct target *target, const char *folder)
{
	struct undo_search search;
	struct bs_error ignored;
	char *likely;

	if (target_read_signpost(target, &likely, &ignored) < 0 || likely)
		return likely;
	undo_search(target, folder, &search);
	likely = search.found ? strdup(search.found) : NULL;
	undo_search_free(&search);
	return likely;
}

/* Sets *folder or *file, or neither, to what an undo needs to find the undo file `journal`. */
static bool container_tell_undo_file(const struct target *target, const char *journal,
				     char **folder, char **file)
{
	if (container_finds_undo_file(target, NULL, journal))
		return true;
	if (!place_is_undo_file(journal))
		return false;
	*folder = path_folder(journal);
	if (*folder && container_finds_undo_file(target, *folder, journal))
		return true;
	free(*folder);
	*folder = NULL;
	if (undo_search_is_own(target, journal))
		*file = strdup(journal);
	return *file != NULL;
}

bool bs_find_undo_file(const char *image, const struct bs_options *options, char **folder,
		       char **file)
{
	const struct bs_options none = {0};
	struct container container = {0};
	struct bs_options taken;
	struct teller teller;
	struct bs_error ignored;
	char *own = NULL, *journal = NULL;
	bool found = false;

	*folder = *file = NULL;
	if (options_take(options, &teller, &taken, &ignored) < 0 || target_is_uri(image) ||
	    container_open_target(&container, image, &none, &ignored) < 0)
		goto out;
	own = taken.undo_directory ? realpath(taken.undo_directory, NULL)
				   : path_folder(container.target->name);
	if (own)
		journal = container_likely_undo_file(container.target, own);
	if (journal)
		found = container_tell_undo_file(container.target, journal, folder, file);
out:
	free(own);
	free(journal);
	container_close(&container);
	return found;
}
