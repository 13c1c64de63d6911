/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file has paths to its parent, or to the parts of the disk that it describes.  A path is
 * relative to the folder of the file that contains it.  But users copy chains of files to other
 * places and other systems, where the path leads nowhere.  Then only the last part of the path
 * counts.  It names a file in the same folder; upper and lower case are equal, as on Windows.
 *
 * So a file is identified by its inode, by its name in its folder, or, in VirtualBox, by a UUID.
 */
#include "engine/relations.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/image.h"
#include "format/format.h"
#include "util/path.h"

/* VirtualBox keeps the children of the disks of a folder in this folder below it. */
#define FOLDER_OF_CHILDREN "Snapshots"

#define PATH_SIZE 8192u /* of a path in a container, with the final zero */

enum relation_kind {
	RELATION_SEEN, /* a folder that was looked through */
	RELATION_CHILD,
	RELATION_PART,
};

/*
 * Identifies a file: by its device and inode; or by the device and inode of its folder, and its
 * name; or by its UUID as the name.  Unused fields are zero.
 */
struct mark {
	dev_t device;
	ino_t inode;
	char name[NAME_MAX + 1];
};

struct relation {
	enum relation_kind kind;
	struct mark mark;
	char *teller;          /* path of the file that names the other; NULL for RELATION_SEEN */
	struct relation *next; /* RELATION_PART: another file says the same; NULL: none does */
};

static int relations_compare(const void *one, const void *other)
{
	const struct relation *a = one, *b = other;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->mark.device != b->mark.device)
		return a->mark.device < b->mark.device ? -1 : 1;
	if (a->mark.inode != b->mark.inode)
		return a->mark.inode < b->mark.inode ? -1 : 1;
	return strcasecmp(a->mark.name, b->mark.name);
}

static void relations_free_one(void *node)
{
	struct relation *relation = node, *next;

	for (; relation; relation = next) {
		next = relation->next;
		free(relation->teller);
		free(relation);
	}
}

void bs_relations_free(struct bs_relations *relations)
{
	tdestroy(relations->tree, relations_free_one);
	relations->tree = NULL;
}

static const struct relation *relations_find(const struct bs_relations *relations,
					     enum relation_kind kind, const struct mark *mark)
{
	const struct relation wanted = {.kind = kind, .mark = *mark};
	struct relation *const *node = tfind(&wanted, &relations->tree, relations_compare);

	return node ? *node : NULL;
}

/*
 * Keeps another file that names a part, beside the first file that did.  A file may name a part several
 * times in a row, and is kept once.  Returns false if the relation is not kept.
 */
static bool relations_link(struct relation *first, struct relation *relation)
{
	if (relation->kind != RELATION_PART || strcmp(first->teller, relation->teller) == 0 ||
	    (first->next && strcmp(first->next->teller, relation->teller) == 0))
		return false;
	relation->next = first->next;
	first->next = relation;
	return true;
}

/*
 * Adds a relation.  If several files state the same relation, the first one is kept; of a part, all are
 * kept.
 */
static int relations_add(struct bs_relations *relations, enum relation_kind kind,
			 const struct mark *mark, const char *teller, struct bs_error *err)
{
	struct relation *relation = calloc(1, sizeof(*relation));
	struct relation **node = NULL;

	if (relation) {
		relation->kind = kind;
		relation->mark = *mark;
		relation->teller = teller ? strdup(teller) : NULL;
		if (!teller || relation->teller)
			node = tsearch(relation, &relations->tree, relations_compare);
		if (!node || (*node != relation && !relations_link(*node, relation)))
			relations_free_one(relation);
	}
	return node ? 0 : fail_memory(err);
}

static struct mark relations_mark(const struct stat *status, const char *name)
{
	struct mark mark = {.device = status->st_dev, .inode = status->st_ino};

	memcpy(mark.name, name, strnlen(name, sizeof(mark.name) - 1));
	return mark;
}

/* ---- what a file says ---------------------------------------------------------------------- */

/* The reading of one file in a folder. */
struct look {
	struct bs_relations *relations;
	int folder;
	struct stat folder_status;
	const char *path; /* of the file */
	int result;
	struct bs_error *err;
};

static void relations_note(struct look *look, enum relation_kind kind, const struct mark *mark)
{
	if (look->result == 0)
		look->result = relations_add(look->relations, kind, mark, look->path, look->err);
}

static void relations_replace(char *text, char from, char to)
{
	for (; *text != '\0'; text++)
		if (*text == from)
			*text = to;
}

static void relations_note_path(struct look *look, enum relation_kind kind, const char *written)
{
	char path[PATH_SIZE];
	struct stat status;
	struct mark mark;
	bool leads;

	snprintf(path, sizeof(path), "%s", written);
	leads = fstatat(look->folder, path, &status, 0) == 0;
	if (!leads) {
		relations_replace(path, '\\', '/');
		leads = fstatat(look->folder, path, &status, 0) == 0;
	}
	mark = leads ? relations_mark(&status, "")
		     : relations_mark(&look->folder_status, path_name(path));
	relations_note(look, kind, &mark);
}

/*
 * QEMU writes a file name as a path, as "file:PATH", or as "json:" and a JSON object.  Removes
 * "file:".  In JSON, tries each quoted string as a path: one that is no path matches no file.
 */
static void relations_note_qemu(struct look *look, enum relation_kind kind, const char *written)
{
	char text[PATH_SIZE], *rest = text, *part;

	if (strncmp(written, "json:", 5) != 0) {
		relations_note_path(look, kind,
				    strncmp(written, "file:", 5) == 0 ? written + 5 : written);
		return;
	}
	snprintf(text, sizeof(text), "%s", written);
	while ((part = strsep(&rest, "\"")) != NULL)
		if (*part != '\0')
			relations_note_path(look, kind, part);
}

static struct mark relations_mark_uuid(const char *uuid)
{
	return relations_mark(&(struct stat){.st_ino = 0}, uuid);
}

static void relations_take(void *context, enum reference_kind kind, const char *text)
{
	const struct mark uuid = relations_mark_uuid(text);
	struct look *look = context;

	if (kind == REFERENCE_PARENT)
		relations_note_qemu(look, RELATION_CHILD, text);
	else if (kind == REFERENCE_PART)
		relations_note_qemu(look, RELATION_PART, text);
	else if (kind == REFERENCE_PARENT_UUID)
		relations_note(look, RELATION_CHILD, &uuid);
}

/*
 * Passes the references in a file to `taker`.  A file that cannot be read has none.  Error:
 * BS_NO_MEMORY.
 */
static int relations_refer(const char *path, const struct reference_taker *taker,
			   struct bs_error *err)
{
	struct bs_error why;
	struct stat status;
	struct disk *container;
	int descriptor, result = 0;

	if (image_open(path, &descriptor, &status, &why) != 0)
		return why.code == BS_NO_MEMORY ? fail_memory(err) : 0;
	container = file_open(descriptor, &why);
	if (container)
		result = format_refer(container, taker, err);
	else if (why.code == BS_NO_MEMORY)
		result = fail_memory(err);
	disk_close(container);
	close(descriptor);
	return result;
}

/* ---- looking through a folder -------------------------------------------------------------- */

/*
 * Reads a file, or a file that a link leads to.  A device is not even opened: that could start it,
 * or wait for it.
 */
static int relations_look_at(struct look *look, const char *folder, const char *name)
{
	const struct reference_taker taker = {relations_take, look};
	struct stat status;
	char *path;

	if (fstatat(look->folder, name, &status, 0) < 0 || !S_ISREG(status.st_mode))
		return 0;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return fail_memory(look->err);
	look->path = path;
	if (relations_refer(path, &taker, look->err) < 0)
		look->result = -1;
	free(path);
	return look->result;
}

/* Looks through a folder that was not looked through before, but not through the folders in it. */
static int relations_look_in(struct bs_relations *relations, const char *folder,
			     struct bs_error *err)
{
	struct look look = {.relations = relations, .err = err};
	const struct dirent *entry;
	struct mark mark;
	DIR *stream;
	int result;

	if (stat(folder, &look.folder_status) < 0)
		return 0;
	mark = relations_mark(&look.folder_status, "");
	if (relations_find(relations, RELATION_SEEN, &mark))
		return 0;
	stream = opendir(folder);
	if (!stream)
		return 0;
	look.folder = dirfd(stream);
	result = relations_add(relations, RELATION_SEEN, &mark, NULL, err);
	while (result == 0 && (entry = readdir(stream)))
		result = relations_look_at(&look, folder, entry->d_name);
	closedir(stream);
	return result;
}

int bs_relations_look(struct bs_relations *relations, const char *image, struct bs_error *err)
{
	char *folder = path_folder(image), *below = NULL;
	int result;

	if (!folder || asprintf(&below, "%s/%s", folder, FOLDER_OF_CHILDREN) < 0)
		result = fail_memory(err);
	else
		result = relations_look_in(relations, folder, err);
	if (result == 0)
		result = relations_look_in(relations, below, err);
	free(below);
	free(folder);
	return result;
}

/* ---- asking -------------------------------------------------------------------------------- */

struct question {
	const struct bs_relations *relations;
	const char *image;
	const struct relation *answer; /* NULL: none yet */
	int result;                    /* of what a taker does */
	struct bs_error *err;
};

static void relations_ask_uuid(void *context, enum reference_kind kind, const char *text)
{
	const struct mark uuid = relations_mark_uuid(text);
	struct question *question = context;

	if (kind == REFERENCE_UUID && !question->answer)
		question->answer = relations_find(question->relations, RELATION_CHILD, &uuid);
}

/* Sets *answer to what is known of the file, or to NULL.  Error: BS_NO_MEMORY. */
static int relations_ask(const struct bs_relations *relations, enum relation_kind kind,
			 const char *image, const struct relation **answer, struct bs_error *err)
{
	struct question question = {.relations = relations};
	const struct reference_taker taker = {relations_ask_uuid, &question};
	char *folder = path_folder(image);
	struct stat status;
	struct mark mark;
	int result = 0;

	*answer = NULL;
	if (!folder)
		return fail_memory(err);
	if (stat(image, &status) == 0) {
		mark = relations_mark(&status, "");
		question.answer = relations_find(relations, kind, &mark);
	}
	if (!question.answer && stat(folder, &status) == 0) {
		mark = relations_mark(&status, path_name(image));
		question.answer = relations_find(relations, kind, &mark);
	}
	if (!question.answer && kind == RELATION_CHILD)
		result = relations_refer(image, &taker, err);
	free(folder);
	*answer = question.answer;
	return result;
}

/* Two descriptor files may name one part, and the child names the other one. */
static void relations_ask_part(void *context, enum reference_kind kind, const char *text)
{
	struct question *question = context;
	const struct relation *whole;
	char *part;

	if (kind != REFERENCE_PART || question->answer || question->result < 0)
		return;
	part = path_beside(question->image, text);
	question->result = part ? relations_ask(question->relations, RELATION_PART, part, &whole,
						question->err)
				: fail_memory(question->err);
	free(part);
	if (question->result < 0)
		return;
	for (; whole && !question->answer && question->result == 0; whole = whole->next)
		question->result = relations_ask(question->relations, RELATION_CHILD, whole->teller,
						 &question->answer, question->err);
}

int relations_child(const struct bs_relations *relations, const char *image, const char **child,
		    struct bs_error *err)
{
	struct question question = {.relations = relations, .image = image, .err = err};
	const struct reference_taker taker = {relations_ask_part, &question};

	*child = NULL;
	if (relations_ask(relations, RELATION_CHILD, image, &question.answer, err) < 0 ||
	    (!question.answer && relations_refer(image, &taker, err) < 0) || question.result < 0)
		return -1;
	if (question.answer)
		*child = question.answer->teller;
	return 0;
}

const char *bs_relations_whole(const struct bs_relations *relations, const char *image)
{
	const struct relation *whole;
	struct bs_error ignored; /* for a fix, relations_check() asks again */

	return relations_ask(relations, RELATION_PART, image, &whole, &ignored) == 0 && whole
		       ? whole->teller
		       : NULL;
}

/* Whether Hyper-V made the file, or can at least merge it. */
static bool relations_is_of_hyper_v(const char *child)
{
	static const char *const endings[] = {".avhdx", ".avhd", ".vhdx", ".vhd"};
	const char *ending = strrchr(path_name(child), '.');

	for (size_t i = 0; ending && i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcasecmp(ending, endings[i]) == 0)
			return true;
	return false;
}

int relations_fail_child(const char *child, struct bs_error *err)
{
	fail(err, BS_CONTAINER_HAS_CHILDREN,
	     "the image is the parent of %.200s, which holds only the changes to it", child);
	if (relations_is_of_hyper_v(child))
		fail(err, BS_CONTAINER_HAS_CHILDREN,
		     "the image is the parent of %.200s, which holds only the changes to it (to "
		     "merge them, in PowerShell: Merge-VHD -Path '%.120s')",
		     child, path_name(child));
	return -1;
}

/*
 * If the user names a file that describes a disk, the fix changes the disk that it describes.  If
 * the user names a part of a disk, the fix is refused.
 */
int relations_check(const struct bs_relations *relations, const char *image, const char *target,
		    struct bs_error *err)
{
	struct bs_relations found = {NULL};
	const struct relation *whole;
	const char *child;
	int result = -1;

	if (!relations) {
		relations = &found;
		if (bs_relations_look(&found, image, err) < 0 ||
		    bs_relations_look(&found, target, err) < 0)
			goto out;
	}
	if (relations_ask(relations, RELATION_PART, image, &whole, err) < 0 ||
	    relations_child(relations, image, &child, err) < 0 ||
	    (!child && relations_child(relations, target, &child, err) < 0))
		goto out;
	if (whole)
		fail(err, BS_CONTAINER_PART, "the file is a part of the disk that %s describes",
		     whole->teller);
	else if (child)
		relations_fail_child(child, err);
	else
		result = 0;
out:
	bs_relations_free(&found);
	return result;
}
