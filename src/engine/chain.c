/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "engine/parts.h"
#include "qemu/qemu-driver.h"
#include "transaction/lock.h"
#include "util/path.h"
#include "util/trust.h"

/* ---- errors --------------------------------------------------------------------------------- */

/*
 * Makes of an error of a parent one of its child, so that the advice is right for the child.  Returns
 * -1.
 */
static int chain_fail(const char *parent, struct bs_error *err)
{
	char message[sizeof(err->message)];

	switch (err->code) {
	case BS_CONTAINER_CORRUPT:
	case BS_CONTAINER_UNCLEAN:
	case BS_VHD_CORRUPT:
	case BS_NOT_AN_IMAGE:
	case BS_DISK_CUT_SHORT:
	case BS_FORMAT_DIFFERS:
		err->code = BS_PARENT_DAMAGED;
		break;
	case BS_NOT_FOUND:
		err->code = BS_PARENT_MISSING;
		break;
	case BS_NOT_TRUSTED:
		err->code = BS_PARENT_REFUSED;
		break;
	case BS_PARENT_MISSING:
	case BS_PARENT_DAMAGED:
	case BS_PARENT_REFUSED:
	case BS_NO_PERMISSION:
	case BS_IN_USE:
	case BS_DRIVER_UNUSABLE:
	case BS_FORMAT_UNREADABLE: /* QEMU cannot make one image of the chain either */
		break;
	default:
		if (bs_code_exit(err->code) == BS_EXIT_REFUSED)
			err->code = BS_CONTAINER_DIFFERENCING;
	}
	if (strncmp(err->message, "is ", 3) != 0)
		return fail_prefix(err, "its parent %.240s", parent);
	memcpy(message, err->message, sizeof(message));
	return fail(err, err->code, "its parent %.240s %s", parent, message);
}

/* ---- the place of a parent ------------------------------------------------------------------ */

/*
 * Returns the path of the parent that a container in the file `child` names, as QEMU would find it.
 * The caller frees the path.  NULL: BS_PARENT_REFUSED, BS_NO_MEMORY.
 */
static char *chain_path(const char *child, const char *written, struct bs_error *err)
{
	const char *name = strncmp(written, "file:/", 6) == 0 ? written + 5 : written;
	char *path;

	/* To QEMU, a colon before the first slash means "json:{", "nbd://host" and the like. */
	if (strcspn(name, ":") < strcspn(name, "/")) {
		fail(err, BS_PARENT_REFUSED, "is not named by the path of a file");
		return NULL;
	}
	path = name[0] == '/' ? strdup(name) : path_beside(child, name);
	if (!path)
		fail_memory(err);
	return path;
}

/* Both paths are real ones, without links. */
static bool chain_is_beside(const char *child, const char *parent)
{
	size_t folder = (size_t)(path_name(child) - child);

	return strncmp(child, parent, folder) == 0 && !strchr(parent + folder, '/');
}

/* The file with this number in the chain: 0 is the image, 1 is its parent, and so on. */
static const struct target *chain_above(const struct chain *chain, const struct target *image,
					size_t number)
{
	return number == 0 ? image : chain->parents[number - 1]->target;
}

static int chain_check_owner(const struct target *above, const struct target *file,
			     struct bs_error *err)
{
	struct stat above_status, status;

	if (fstat(file->descriptor, &status) < 0 || fstat(above->descriptor, &above_status) < 0)
		return fail_errno(err, BS_IO, "cannot be looked at");
	if (!trust_owner_may(&above_status, &status, S_IROTH))
		return fail(err, BS_PARENT_REFUSED,
			    "belongs to another user, and the owner of %.240s may not read it",
			    above->name);
	return 0;
}

/*
 * The bytes of this file can end in the boot files of the image.  So the owners of all files above it,
 * and of all files that are written, must be allowed to read it.
 */
static int chain_check_owners(const struct chain *chain, const struct target *image,
			      const struct target *file, struct bs_error *err)
{
	for (size_t i = 0; i <= chain->count; i++)
		if (chain_check_owner(chain_above(chain, image, i), file, err) < 0)
			return -1;
	for (size_t i = 0; i < image->parts.count; i++)
		if (chain_check_owner(image->parts.items[i], file, err) < 0)
			return -1;
	return 0;
}

/* Checks the open parent.  Its name may have led elsewhere when it was opened. */
static int chain_check_place(const struct target *child, const struct target *parent,
			     struct bs_error *err)
{
	if (!chain_is_beside(child->name, parent->name))
		return fail(err, BS_PARENT_REFUSED, "lies in another folder");
	if (parent->kind != TARGET_FILE || !file_has_name(parent->descriptor, parent->name))
		return fail(err, BS_PARENT_REFUSED, "is not a regular file any more");
	return 0;
}

/* A device is not even opened: that could start it, or wait for it. */
static struct target *chain_open_file(const struct target *child, const char *path,
				      struct bs_error *err)
{
	struct target *parent;
	struct stat status;

	if (stat(path, &status) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			fail(err, BS_PARENT_MISSING, "is missing");
		else
			fail_system(err, "cannot be found");
		return NULL;
	}
	if (!S_ISREG(status.st_mode)) {
		fail(err, BS_PARENT_REFUSED, "is not a regular file");
		return NULL;
	}
	parent = target_open(path, err);
	if (parent && chain_check_place(child, parent, err) < 0) {
		target_close(parent);
		return NULL;
	}
	return parent;
}

/* ---- what a parent is ----------------------------------------------------------------------- */

/* Whether the file is one of those that the target describes. */
static bool chain_has(const struct target *target, const struct target *file)
{
	bool found = false;

	for (size_t i = 0; i < target->parts.count && !found; i++)
		found = target_is_same(target->parts.items[i], file);
	return found;
}

/*
 * A file must not have two places in the chain.  Without this check, a circle would only end at the
 * limit of the number of parents.
 */
static int chain_check_once(const struct chain *chain, const struct target *image,
			    const struct target *file, struct bs_error *err)
{
	for (size_t i = 0; i <= chain->count; i++) {
		const struct target *above = chain_above(chain, image, i);

		if (target_is_same(above, file))
			return fail(err, BS_PARENT_DAMAGED,
				    "is also above itself: the chain of parents is a circle");
		if (chain_has(above, file))
			return fail(err, BS_PARENT_DAMAGED,
				    "also belongs to a disk above it, %.240s", above->name);
	}
	return 0;
}

static int chain_check_whole(const struct target *parent, struct bs_error *err)
{
	char *signpost;

	if (target_read_signpost(parent, &signpost, err) < 0)
		return -1;
	free(signpost);
	return signpost ? fail(err, BS_PARENT_DAMAGED,
			       "is half written: an earlier bootshift was interrupted there")
			: 0;
}

/* Checks what the child knows of its parent. */
static int chain_check_claim(const struct format *format, const struct format_parent *claim,
			     struct bs_error *err)
{
	if (format->unfinished)
		return fail(err, BS_PARENT_DAMAGED,
			    "was not closed by the program that wrote to it last");
	if (claim->has_identifier &&
	    (strcmp(format->name, "vmdk") != 0 || format->identifier != claim->identifier))
		return fail(err, BS_PARENT_DAMAGED, "was changed after the image was made from it");
	return 0;
}

/* Finds the format of the parent, and checks that the child was made from this parent. */
static int chain_detect(struct chain_parent *parent, const struct format_parent *claim,
			struct bs_error *err)
{
	const char *name = claim->driver[0] != '\0' ? format_of_driver(claim->driver) : NULL;

	if (claim->driver[0] != '\0' && !name)
		return fail(err, BS_CONTAINER_DIFFERENCING, "has the unknown format %s",
			    claim->driver);
	return format_detect(parent->target->disk, name, &parent->format, err) < 0
		       ? -1
		       : chain_check_claim(&parent->format, claim, err);
}

/* Checks and locks each file that the parent describes, like the parent itself. */
static int chain_lock_parts(const struct chain *chain, const struct target *image,
			    const struct target *parent, struct bs_error *err)
{
	size_t count = parent->parts.count;

	for (size_t i = 0; i < chain->count; i++)
		count += chain->files[i].part_count;
	if (count > CHAIN_PARTS_MAX)
		return fail(err, BS_CONTAINER_DIFFERENCING,
			    "the parents are in more than %u files together", CHAIN_PARTS_MAX);
	for (size_t i = 0; i < parent->parts.count; i++) {
		const struct target *part = parent->parts.items[i];

		if (chain_check_once(chain, image, part, err) < 0 ||
		    chain_check_owners(chain, image, part, err) < 0 || lock_parent(part, err) < 0)
			return fail_prefix(err, "%s", path_name(part->name));
	}
	return 0;
}

/* Opens the files that the parent describes. */
static int chain_open_parts(struct chain *chain, const struct target *image,
			    struct chain_parent *parent, struct bs_error *err)
{
	struct split *split = &parent->split;
	struct target *target = parent->target;
	char prefix[QEMU_NAME_SIZE];

	snprintf(prefix, sizeof(prefix), "parent%zu-part", chain->count + 1);
	if (vmdk_read_extents(target->disk, &split->extents, err) < 0 ||
	    parts_open(target, &split->extents, S_IROTH, err) < 0 ||
	    chain_lock_parts(chain, image, target, err) < 0)
		return -1;
	return split_open(split, target, &parent->format, NULL, prefix, err);
}

/* The parent as QEMU's driver opens it. */
static struct qemu_parent chain_present(struct chain_parent *parent, size_t number)
{
	const struct format *format = &parent->format;
	struct split *split = &parent->split;
	struct qemu_parent file = {.disk = parent->target->disk,
				   .driver = "raw",
				   .options = parent->window,
				   .parts = split->parts,
				   .part_count = split->extents.count};

	snprintf(file.name, sizeof(file.name), "parent%zu", number);
	snprintf(parent->window, sizeof(parent->window), "offset=%" PRIu64 ",size=%" PRIu64,
		 format->offset, format->length);
	if (format->access != FORMAT_DIRECT) {
		file.driver = format->driver;
		file.options = format->driver_options;
	}
	if (split->descriptor)
		file.disk = overlay_disk(split->descriptor);
	return file;
}

static void chain_free_parent(struct chain_parent *parent)
{
	split_free(&parent->split);
	target_close(parent->target);
	free(parent);
}

static int chain_open_parent(struct chain *chain, const struct target *image,
			     const struct target *child, const char *path,
			     const struct format_parent *claim, struct bs_error *err)
{
	struct chain_parent *parent = calloc(1, sizeof(*parent));
	bool elsewhere;

	if (!parent)
		return fail_memory(err);
	parent->target = chain_open_file(child, path, err);
	if (!parent->target || chain_check_once(chain, image, parent->target, err) < 0 ||
	    chain_check_owners(chain, image, parent->target, err) < 0 ||
	    lock_parent(parent->target, err) < 0 || chain_detect(parent, claim, err) < 0)
		goto failed;
	elsewhere = format_access_is_elsewhere(parent->format.access);
	if ((elsewhere && chain_open_parts(chain, image, parent, err) < 0) ||
	    chain_check_whole(parent->target, err) < 0 ||
	    (elsewhere ? split_check_tables(&parent->split, err)
		       : format_check_tables(parent->target->disk, &parent->format, err)) < 0)
		goto failed;
	chain->files[chain->count] = chain_present(parent, chain->count + 1);
	chain->parents[chain->count++] = parent;
	return 0;
failed:
	chain_free_parent(parent);
	return -1;
}

/* ---- the image ------------------------------------------------------------------------------ */

/* Whether the name of a file ends as files of this format usually do. */
static bool chain_is_named(const char *file, const char *format)
{
#define ENDINGS(id, driver, title, ...) {#id, {__VA_ARGS__}},
	static const struct {
		const char *format, *endings[3];
	} formats[] = {BS_FORMATS(ENDINGS)};
#undef ENDINGS
	const char *ending = strrchr(path_name(file), '.');

	for (size_t i = 0; ending && i < sizeof(formats) / sizeof(formats[0]); i++)
		for (size_t j = 0; j < 3 && formats[i].endings[j]; j++)
			if (strcmp(formats[i].format, format) == 0 &&
			    strcasecmp(formats[i].endings[j], ending) == 0)
				return true;
	return false;
}

static int chain_check_child(const struct target *child, const struct format *format, bool stated,
			     struct bs_error *err)
{
	if (child->kind != TARGET_FILE)
		return fail(err, BS_PARENT_REFUSED,
			    "it has a parent, but is not a file that could have one beside it");
	if (stated || chain_is_named(child->name, format->name))
		return 0;
	return fail(err, BS_FORMAT_AMBIGUOUS,
		    "%s begins like a %s image with a parent, but the guest of a raw disk could "
		    "have written that (if it is a %s image, say --format %s)",
		    path_name(child->name), format->name, format->name, format->name);
}

static int chain_add(struct chain *chain, const struct target *image, const struct target *child,
		     const struct format_parent *claim, struct bs_error *err)
{
	char *path = chain_path(child->name, claim->path, err);
	int result;

	if (!path)
		return err->code == BS_NO_MEMORY ? -1 : chain_fail(claim->path, err);
	result = chain_open_parent(chain, image, child, path, claim, err);
	if (result < 0)
		chain_fail(path, err);
	free(path);
	return result;
}

/* Has qemu-img check the records of free space, which tell a whole qcow2 from one cut short. */
static int chain_check_counts(const struct chain *chain, size_t number, struct bs_error *err)
{
	const struct chain_parent *parent = chain->parents[number];
	struct qemu_image image = {
		.driver = chain->files[number].driver,
		.options = chain->files[number].options,
		.parents = chain->files + number + 1,
		.parent_count = chain->count - number - 1,
	};
	int result;

	if (!parent->format.needs_check)
		return 0;
	image.overlay = overlay_open(parent->target->disk, 0, NULL, err);
	if (!image.overlay)
		return -1;
	result = qemu_check(&image, err);
	disk_close(overlay_disk(image.overlay));
	return result < 0 ? chain_fail(parent->target->name, err) : 0;
}

int chain_open(struct chain *chain, const struct target *image, const struct format *format,
	       bool stated, struct bs_error *err)
{
	const struct format_parent *claim = &format->parent;
	const struct target *child = image;

	chain->claimed = format->parent;
	while (claim->path[0] != '\0') {
		if (chain_check_child(child, format, stated, err) < 0)
			return -1;
		if (chain->count == QEMU_PARENTS_MAX)
			return fail(err, BS_CONTAINER_DIFFERENCING, "it has more than %u parents",
				    QEMU_PARENTS_MAX);
		if (chain_add(chain, image, child, claim, err) < 0)
			return -1;
		stated = claim->driver[0] != '\0';
		child = chain->parents[chain->count - 1]->target;
		format = &chain->parents[chain->count - 1]->format;
		claim = &format->parent;
	}
	for (size_t i = chain->count; i > 0; i--)
		if (chain_check_counts(chain, i - 1, err) < 0)
			return -1;
	return 0;
}

/* The parts are looked at with their set; their names are not. */
static bool chain_has_names(const struct target *parent)
{
	bool good = file_has_name(parent->descriptor, parent->name);

	for (size_t i = 0; i < parent->parts.count && good; i++)
		good = file_has_name(parent->parts.items[i]->descriptor,
				     parent->parts.items[i]->name);
	return good;
}

int chain_check_unchanged(const struct chain *chain, struct bs_error *err)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct target *parent = chain->parents[i]->target;
		struct target_status now;

		if (target_look(parent, &now, err) < 0)
			return -1;
		if (now.length != parent->status.length ||
		    now.modified.tv_sec != parent->status.modified.tv_sec ||
		    now.modified.tv_nsec != parent->status.modified.tv_nsec ||
		    !chain_has_names(parent))
			return fail(err, BS_CHANGED_MEANWHILE, "its parent %.240s was changed",
				    parent->name);
	}
	return 0;
}

void chain_close(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		chain_free_parent(chain->parents[i]);
	*chain = (struct chain){.count = 0};
}
