/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes sample images and has the library fix them; see real.h. */
#include "crash/real.h"

#include <bootshift.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/containers.h"
#include "support/images.h"
#include "support/loop.h"
#include "support/program.h"
#include "support/sample.h"

static const struct container_kind real_kinds[] = {
	[REAL_RAW] = {"raw", "raw", "", false, NULL},
	[REAL_FIXED_VHD] = {"vhd", "vpc", "-o subformat=fixed,force_size=on", false, NULL},
	[REAL_DYNAMIC_VHD] = {"vhd", "vpc", "-o subformat=dynamic,force_size=on", false, NULL},
	[REAL_VHDX] = {"vhdx", "vhdx", "", true, NULL},
	[REAL_QCOW2] = {"qcow2", "qcow2", "", true, NULL},
	[REAL_VMDK] = {"vmdk", "vmdk", "", true, NULL},
	[REAL_VDI] = {"vdi", "vdi", "", true, NULL},
	[REAL_DEVICE] = {"raw", "raw", "", false, NULL},
	[REAL_SET] = {"raw", "raw", "", false, NULL},
	[REAL_SPARSE_SET] = {"raw", "raw", "", false, NULL},
};

struct real_context {
	int device; /* the descriptor of the loop device, or -1 */
};

static int real_fix(const struct subject *subject, struct bs_error *err)
{
	struct bs_options options = {.size = sizeof(options),
				     .undo_directory = subject->undo_directory};
	struct bs_result result;
	int status = bs_fix(subject->image, &options, NULL, &result) == BS_EXIT_DONE ? 0 : -1;

	*err = result.error;
	bs_result_free(&result);
	return status;
}

#define SET_PARTS 3u
#define SET_PART  (14ull << 20) /* bytes of the disk in each part */

/* All bytes of a set are compared each time, so its disk is as small as one can be. */
static const char *real_recipe(enum real_kind kind)
{
	return kind == REAL_SET || kind == REAL_SPARSE_SET
		       ? image_recipe("smaller",
				      SAMPLE_SMALL "disk size=42M\n"
						   "partition system start=1M size=12M\n"
						   "partition windows start=13M size=28M\n")
		       : image_recipe("small", SAMPLE_SMALL);
}

/* The parts have the disk of `old`, which takes their bytes then. */
static void real_make_sparse_parts(struct subject *subject)
{
	for (unsigned i = 0; i < SET_PARTS; i++) {
		const char *name = text(STORAGE_PART "%u", i);
		const char *part =
			container_make_sparse_part(subject->old, name, i * SET_PART, SET_PART);

		MUST(rename(part, text("%s/%s", subject->folder, name)) == 0);
	}
	subject_take_growing_parts(subject, SET_PARTS, SET_PART + (1 << 20), SET_PART);
}

bool real_open(struct subject *subject, enum real_kind kind)
{
	const struct container_kind *container = &real_kinds[kind];
	const char *image = container_make(container, real_recipe(kind));
	const char *folder = test_folder();
	struct real_context *context = calloc(1, sizeof(*context));

	MUST(context);
	context->device = -1;
	*subject = (struct subject){.fix = real_fix, .context = context};
	snprintf(subject->name, sizeof(subject->name), "%s, %s", container->format,
		 kind == REAL_DEVICE       ? "device"
		 : kind == REAL_SET        ? "set"
		 : kind == REAL_SPARSE_SET ? "sparse set"
					   : container->options);
	snprintf(subject->old, sizeof(subject->old), "%s/old", folder);
	snprintf(subject->new, sizeof(subject->new), "%s/new", folder);
	snprintf(subject->image, sizeof(subject->image), "%s", image);
	snprintf(subject->folder, sizeof(subject->folder), "%.*s",
		 (int)(strrchr(image, '/') - image), image);
	subject_copy(image, subject->old);
	if (kind == REAL_DEVICE) {
		snprintf(subject->folder, sizeof(subject->folder), "%s/undo", folder);
		MUST(mkdir(subject->folder, 0700) == 0);
		subject->undo_directory = subject->folder;
		context->device = loop_attach(image, false, subject->image);
		if (context->device < 0)
			return false;
	}
	if (kind == REAL_SET) /* ends of files lie in the volume of Windows */
		subject_make_parts(subject, SET_PARTS, SET_PART);
	if (kind == REAL_SPARSE_SET)
		real_make_sparse_parts(subject);
	return true;
}

void real_close(struct subject *subject)
{
	struct real_context *context = subject->context;

	if (context->device >= 0)
		close(context->device);
	free(context);
}
