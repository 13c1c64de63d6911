/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/operand.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page/page.h"
#include "report/plan-file.h"
#include "rows/rows.h"
#include "util/path.h"
#include "util/shell.h"

/* ---- recognising ---------------------------------------------------------------------------- */

/* Reads the first bytes of a regular file as a string.  False if that is not possible. */
static bool operand_read_head(const char *path, char head[FILE_KIND_HEAD + 1])
{
	int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t length;

	if (descriptor < 0)
		return false;
	length = read(descriptor, head, FILE_KIND_HEAD);
	close(descriptor);
	head[length > 0 ? length : 0] = '\0';
	return length > 0;
}

static bool operand_is_regular_image(const char *path)
{
	struct bs_recognition recognition;
	struct bs_error ignored;
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       bs_recognise(path, &recognition, &ignored) == BS_EXIT_DONE;
}

static const struct file_kind document_kind = {"document", "{", "\"tool\": \"bootshift\""};

/*
 * Whether nothing in a file is like the kind that is needed.  A damaged file of that kind is not: what
 * reads it says what is wrong with it.
 */
static bool operand_is_foreign(enum operand_kind needed, const char *path)
{
	const char *sign = needed == OPERAND_PLAN ? "bootshift-plan" : "\"tool\"";
	char head[FILE_KIND_HEAD + 1];
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       operand_read_head(path, head) && head[0] != '\0' && !strstr(head, sign);
}

/* All kinds but images, which take longer to recognise. */
static enum operand_kind operand_own_kind(const char *path)
{
	char head[FILE_KIND_HEAD + 1];
	struct stat status;

	if (strcmp(path, "-") == 0)
		return OPERAND_STDIN;
	if (stat(path, &status) < 0)
		return OPERAND_UNKNOWN;
	if (S_ISDIR(status.st_mode))
		return OPERAND_FOLDER;
	if (!S_ISREG(status.st_mode) || !operand_read_head(path, head))
		return OPERAND_UNKNOWN;
	if (strncmp(head, BS_UNDO_MAGIC, strlen(BS_UNDO_MAGIC)) == 0)
		return OPERAND_UNDO_FILE;
	if (file_kind_is(&rows_file_kind, head))
		return OPERAND_ROWS;
	if (file_kind_is(&plan_file_kind, head))
		return OPERAND_PLAN;
	if (file_kind_is(&document_kind, head))
		return OPERAND_DOCUMENT;
	return file_kind_is(&page_file_kind, head) ? OPERAND_PAGE : OPERAND_UNKNOWN;
}

enum operand_kind operand_kind(const char *path)
{
	enum operand_kind kind = operand_own_kind(path);

	return kind == OPERAND_UNKNOWN && operand_is_regular_image(path) ? OPERAND_IMAGE : kind;
}

static const char *const kind_names[OPERAND_KIND_COUNT] = {
	[OPERAND_STDIN] = "standard input",
	[OPERAND_FOLDER] = "a folder",
	[OPERAND_UNDO_FILE] = "the undo file of an image",
	[OPERAND_ROWS] = "a file of batch results",
	[OPERAND_PLAN] = "a plan file",
	[OPERAND_PAGE] = "a page (HTML) of batch results",
	[OPERAND_DOCUMENT] = "what a command printed with --json",
	[OPERAND_IMAGE] = "an image of a disk",
};

/* ---- what to type instead ------------------------------------------------------------------- */

/* Writes a path so that a shell and bootshift take it as a path. */
static void operand_put_path(FILE *stream, const char *path)
{
	char *word = shell_word(path);

	if (word)
		fprintf(stream, "%s%s", path[0] == '-' ? "./" : "", word);
	free(word);
}

/* An undo file lies beside its image, under the image's name with a suffix. */
static void advise_undo_file(FILE *stream, enum command_bit command, const char *path)
{
	size_t length = strlen(path), suffix = strlen(BS_UNDO_SUFFIX);
	char *image = strdup(path);
	bool named =
		image && length > suffix && strcmp(image + length - suffix, BS_UNDO_SUFFIX) == 0;

	if (named)
		image[length - suffix] = '\0';
	fprintf(stream, "name the image itself: bootshift %s ", command_name(command));
	if (named && access(image, F_OK) == 0) {
		operand_put_path(stream, image);
	} else {
		if (command & (COMMAND_UNDO | COMMAND_VERIFY | COMMAND_ACCEPT)) {
			fputs("--undo-file ", stream);
			operand_put_path(stream, path);
			fputc(' ', stream);
		}
		fputs("IMAGE", stream);
	}
	free(image);
}

/* A plan names its image. */
static void advise_plan(FILE *stream, enum command_bit command, const char *path)
{
	struct plan_origin origin;
	struct bs_error ignored;
	struct bs_plan *plan = plan_file_read(path, &origin, &ignored);

	fputs(command == COMMAND_FIX      ? "to carry it out: bootshift fix --plan "
	      : command == COMMAND_VERIFY ? "to verify what it did: bootshift verify --plan "
					  : "to rehearse it: bootshift fix --dry-run --plan ",
	      stream);
	operand_put_path(stream, path);
	fputc(' ', stream);
	if (plan && access(origin.location, F_OK) == 0)
		operand_put_path(stream, origin.location);
	else
		fputs("IMAGE", stream);
	bs_plan_free(plan);
}

/* A file of batch results in a folder, by its usual ending.  The caller frees it; NULL: none. */
static char *folder_find_rows(const char *folder)
{
	const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
	DIR *stream = opendir(folder);
	const struct dirent *entry;
	char *found = NULL;

	while (stream && !found && (entry = readdir(stream))) { /* ends with the entries */
		const char *ending = strrchr(entry->d_name, '.');

		if (!ending || strcmp(ending, ".jsonl") != 0)
			continue;
		if (asprintf(&found, "%s%s%s", folder, slash, entry->d_name) < 0) {
			found = NULL;
			continue;
		}
		if (operand_own_kind(found) != OPERAND_ROWS) {
			free(found);
			found = NULL;
		}
	}
	if (stream)
		closedir(stream);
	return found;
}

/* A folder where a file of batch results, or an image that was fixed, should be named. */
static void advise_rows_folder(FILE *stream, enum command_bit command, const char *folder)
{
	char *rows = folder_find_rows(folder);

	fputs(command == COMMAND_UNDO ? "to undo a batch, name the file that it wrote with "
					"--jsonl: bootshift undo --from "
	      : command == COMMAND_ACCEPT
		      ? "to accept the fixes of a batch, name the file that "
			"it wrote with --jsonl: bootshift accept --from "
		      : "name the files that batches wrote with --jsonl: bootshift "
			"report ",
	      stream);
	if (rows)
		operand_put_path(stream, rows);
	else
		fputs("FILE", stream);
	free(rows);
}

/* `undo_directory`: what the user has given, or NULL. */
static void advise_folder(FILE *stream, enum command_bit command, const char *undo_directory,
			  const char *path)
{
	if (command & (COMMAND_UNDO | COMMAND_REPORT | COMMAND_ACCEPT)) {
		advise_rows_folder(stream, command, path);
		return;
	}
	fprintf(stream, "for all images in it: bootshift batch %s",
		command == COMMAND_FIX ? "" : "--dry-run ");
	if (undo_directory) {
		fputs("--undo-dir ", stream);
		operand_put_path(stream, undo_directory);
		fputc(' ', stream);
	}
	operand_put_path(stream, path);
}

static void advise_rows(FILE *stream, enum command_bit command, const char *path)
{
	if (command == COMMAND_UNDO)
		fputs("to undo that batch: bootshift undo --from ", stream);
	else if (command == COMMAND_ACCEPT)
		fputs("to accept the fixes of that batch: bootshift accept --from ", stream);
	else if (command == COMMAND_BATCH)
		fputs("to continue that batch, type it again with --resume --jsonl ", stream);
	else
		fputs("to see what became of the images: bootshift report ", stream);
	operand_put_path(stream, path);
}

/* The image stands where a file of another kind is needed. */
static void advise_image(FILE *stream, enum command_bit command, const char *path)
{
	if (command == COMMAND_FIX)
		fputs("to make a plan for it: bootshift plan -o FILE ", stream);
	else if (command == COMMAND_UNDO)
		fputs("to undo its fix: bootshift undo ", stream);
	else if (command == COMMAND_ACCEPT)
		fputs("to accept its fix: bootshift accept ", stream);
	else
		fputs("to look at it: bootshift inspect ", stream);
	operand_put_path(stream, path);
}

/* NULL when memory runs out. */
static char *operand_advise(enum command_bit command, enum operand_kind kind,
			    const char *undo_directory, const char *path)
{
	char *advice = NULL;
	size_t length;
	FILE *stream = open_memstream(&advice, &length);

	if (!stream)
		return NULL;
	if (kind == OPERAND_STDIN)
		fputs("write it to a file and name the file", stream);
	else if (kind == OPERAND_FOLDER)
		advise_folder(stream, command, undo_directory, path);
	else if (kind == OPERAND_UNDO_FILE)
		advise_undo_file(stream,
				 command & (COMMAND_UNDO | COMMAND_VERIFY | COMMAND_ACCEPT)
					 ? command
					 : COMMAND_INSPECT,
				 path);
	else if (kind == OPERAND_ROWS)
		advise_rows(stream, command, path);
	else if (kind == OPERAND_PLAN)
		advise_plan(stream, command, path);
	else if (kind == OPERAND_PAGE &&
		 (command & (COMMAND_UNDO | COMMAND_REPORT | COMMAND_ACCEPT)))
		fputs("name the file that the batch wrote with --jsonl; a page is for a browser",
		      stream);
	else if (kind == OPERAND_PAGE)
		fputs("open it in a browser", stream);
	else if (kind == OPERAND_DOCUMENT)
		fputs("name an image of a disk", stream);
	else
		advise_image(stream, command, path);
	fclose(stream);
	return advice;
}

char *operand_advise_plan(enum command_bit command, const char *path)
{
	return operand_own_kind(path) == OPERAND_PLAN
		       ? operand_advise(command, OPERAND_PLAN, NULL, path)
		       : NULL;
}

/* ---- checks --------------------------------------------------------------------------------- */

static int operand_fail(enum operand_kind kind, const char *needed, struct bs_error *err)
{
	return fail(err, BS_WRONG_KIND, "this is %s and not %s", kind_names[kind], needed);
}

int operand_check_image(enum command_bit command, const struct settings *settings, const char *path,
			char **advice, struct bs_error *err)
{
	enum operand_kind kind = operand_own_kind(path);
	bool rehearses = command == COMMAND_FIX && settings->dry_run;

	*advice = NULL;
	if (kind == OPERAND_UNKNOWN)
		return 0;
	*advice = operand_advise(rehearses ? COMMAND_PLAN : command, kind,
				 settings->options.undo_directory, path);
	return operand_fail(kind, kind_names[OPERAND_IMAGE], err);
}

/*
 * What to type instead of a file of another kind; NULL when memory runs out.  Where a plan is needed,
 * a folder or a file of rows must not lead to a batch, which writes to every image.
 */
static char *operand_advise_file(enum command_bit command, enum operand_kind needed,
				 enum operand_kind kind, const char *path)
{
	if (needed == OPERAND_PLAN && kind != OPERAND_IMAGE)
		return strdup("name the file that bootshift plan -o wrote");
	if (kind == OPERAND_UNKNOWN || kind == OPERAND_DOCUMENT)
		return strdup("name a file that bootshift batch wrote with --jsonl");
	return operand_advise(command, kind, NULL, path);
}

/* `needed` is the only kind that the command takes there, beside standard input. */
static int operand_check_file(enum command_bit command, enum operand_kind needed, const char *path,
			      struct operand_problem *problem)
{
	enum operand_kind kind = path ? operand_kind(path) : OPERAND_STDIN;

	if (kind == OPERAND_STDIN || kind == needed)
		return 0;
	/* The batch itself refuses to write its rows to any other file. */
	if (kind == OPERAND_UNKNOWN &&
	    (command == COMMAND_BATCH || !operand_is_foreign(needed, path)))
		return 0;
	problem->path = path;
	problem->advice = operand_advise_file(command, needed, kind, path);
	return kind == OPERAND_UNKNOWN
		       ? fail(&problem->error, BS_WRONG_KIND, "this is not %s", kind_names[needed])
		       : operand_fail(kind, kind_names[needed], &problem->error);
}

static int operands_check_rows(char *const *operands, int count, struct operand_problem *problem)
{
	for (int i = 0; i < count; i++)
		if (operand_check_file(COMMAND_REPORT, OPERAND_ROWS, operands[i], problem) < 0)
			return -1;
	return 0;
}

/* The file of --jsonl is written, so nothing that is there already may be of another kind. */
static int operands_check_results(const char *path, struct operand_problem *problem)
{
	if (operand_check_file(COMMAND_BATCH, OPERAND_ROWS, path, problem) == 0)
		return 0;
	free(problem->advice);
	problem->advice = strdup("name another file with --jsonl");
	return -1;
}

/* NULL when memory runs out. */
static char *operand_advise_batch(enum operand_kind kind, const char *path, bool is_alone)
{
	if (kind == OPERAND_STDIN)
		return strdup("to work on names from a pipe: find ... -print0 | xargs -0 bootshift "
			      "batch");
	if (is_alone)
		return operand_advise(COMMAND_BATCH, kind, NULL, path);
	return strdup("do not name it, or name the folder: a batch leaves such files out of it");
}

static int operands_check_batch(char *const *operands, int count, struct operand_problem *problem)
{
	static const bool fits[OPERAND_KIND_COUNT] = {
		[OPERAND_UNKNOWN] = true,
		[OPERAND_FOLDER] = true,
		[OPERAND_IMAGE] = true,
	};

	for (int i = 0; i < count; i++) {
		enum operand_kind kind = operand_own_kind(operands[i]);

		if (fits[kind])
			continue;
		problem->path = operands[i];
		problem->advice = operand_advise_batch(kind, operands[i], count == 1);
		return operand_fail(kind, "a folder or an image", &problem->error);
	}
	return 0;
}

int operands_check(enum command_bit command, const struct settings *settings, char *const *operands,
		   int count, struct operand_problem *problem)
{
	switch (command) {
	case COMMAND_FIX:
	case COMMAND_VERIFY:
		return operand_check_file(command, OPERAND_PLAN, settings->plan_file, problem);
	case COMMAND_UNDO:
	case COMMAND_ACCEPT:
		return operand_check_file(command, OPERAND_ROWS, settings->from, problem);
	case COMMAND_BATCH:
		return operands_check_results(settings->rows, problem) < 0
			       ? -1
			       : operands_check_batch(operands, count, problem);
	case COMMAND_REPORT:
		return operands_check_rows(operands, count, problem);
	default:
		return 0;
	}
}
