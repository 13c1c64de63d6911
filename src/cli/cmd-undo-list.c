/* SPDX-License-Identifier: GPL-3.0-or-later */
/* undo --list: the undo files in folders. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "report/amount.h"
#include "report/json-fields.h"
#include "report/json-report.h"
#include "report/moment.h"
#include "report/phrases.h"

#define INDENT 2

static const char *const image_states[BS_IMAGE_STATE_COUNT] = {
	[BS_IMAGE_UNKNOWN] = "unknown",
	[BS_IMAGE_AS_LEFT] = "as-left",
	[BS_IMAGE_WRITTEN_TO] = "written-to",
	[BS_IMAGE_NOT_BESIDE] = "not-beside",
};

static const char *const image_words[BS_IMAGE_STATE_COUNT] = {
	[BS_IMAGE_UNKNOWN] = "not known to be as the fix left it",
	[BS_IMAGE_AS_LEFT] = "as the fix left it",
	[BS_IMAGE_WRITTEN_TO] = "written to since the fix, or copied",
	[BS_IMAGE_NOT_BESIDE] = "not beside its undo file",
};

static const struct field undo_file_fields[] = {
	FIELD(struct bs_undo_file, fixed_by, FIELD_TEXT),
	FIELD(struct bs_undo_file, image_name, FIELD_TEXT),
	FIELD(struct bs_undo_file, size, FIELD_NUMBER),
	FIELD(struct bs_undo_file, interrupted, FIELD_BOOLEAN),
	FIELD(struct bs_undo_file, obsolete, FIELD_BOOLEAN),
	FIELD_ENUM(struct bs_undo_file, image, image_states),
	FIELD_END,
};

struct listing {
	const struct settings *settings;
	struct output output, errors;
	json_t *files; /* NULL: text */
	uint64_t count, bytes;
	enum bs_exit worst;
};

static void list_add_json(struct listing *listing, const char *path,
			  const struct bs_undo_file *file)
{
	struct moment_text moment = moment_rfc3339(file->fixed_at);
	json_t *object = json_object();

	if (json_put(object, "undo_file", json_text(path)) < 0 ||
	    json_put(object, "fixed_at", json_text(*moment.text ? moment.text : NULL)) < 0 ||
	    fields_write(undo_file_fields, file, object) < 0 ||
	    json_array_append(listing->files, object) < 0)
		listing->output.error = ENOMEM;
	json_decref(object);
}

static void list_print(struct listing *listing, const char *path, const struct bs_undo_file *file)
{
	struct moment_text moment = moment_format(file->fixed_at);
	struct output *output = &listing->output;

	print_styled(output, STYLE_STRONG, "%s", path);
	print_end(output);
	print_item(output, INDENT, "%s of %s, made %s by bootshift %s, %s",
		   file->interrupted ? "interrupted change" : "fix", file->image_name, moment.text,
		   file->fixed_by, size_format(file->size).text);
	print_item(output, INDENT, "the image is %s",
		   file->obsolete      ? "as before the fix; the undo file can be removed"
		   : file->interrupted ? "perhaps half written; first undo the interrupted change"
				       : image_words[file->image]);
}

static void list_add(struct listing *listing, const char *path)
{
	struct bs_undo_file file;
	struct bs_error err;

	if (bs_look_at_undo_file(path, &file, &err) != BS_EXIT_DONE) {
		report_error(&listing->errors, path, &err);
		listing->worst = worse_exit(listing->worst, bs_code_exit(err.code));
		return;
	}
	listing->count++;
	listing->bytes += file.size;
	if (listing->files)
		list_add_json(listing, path, &file);
	else
		list_print(listing, path, &file);
}

static int list_is_undo_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = strlen(BS_UNDO_SUFFIX);

	return length > suffix && strcmp(entry->d_name + length - suffix, BS_UNDO_SUFFIX) == 0;
}

static void list_folder(struct listing *listing, const char *folder)
{
	const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
	struct dirent **names;
	int count = scandir(folder, &names, list_is_undo_file, alphasort);

	if (count < 0) {
		struct bs_error err;

		fail_system(&err, "the folder cannot be read");
		report_error(&listing->errors, folder, &err);
		listing->worst = worse_exit(listing->worst, bs_code_exit(err.code));
		return;
	}
	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s%s%s", folder, slash, names[i]->d_name) < 0) {
			listing->output.error = ENOMEM;
			path = NULL;
		} else {
			list_add(listing, path);
		}
		free(path);
		free(names[i]);
	}
	free(names);
}

static void list_print_sum(struct listing *listing)
{
	struct output *output = &listing->output;

	if (listing->count == 0 && listing->worst == BS_EXIT_DONE)
		print_line(output, "no undo files");
	else if (listing->count > 0)
		print_item(
			output, 0,
			"%s, %s.  Of the images, only lengths and times were compared with the "
			"undo files, no bytes; undo --dry-run and accept --dry-run compare them.",
			count_format(listing->count, "undo file").text,
			size_format(listing->bytes).text);
}

enum bs_exit run_undo_list(const struct settings *settings, char *const *folders, int count)
{
	struct listing listing = {.settings = settings};
	json_t *document = settings->json ? report_json_open("undo") : NULL;

	output_open(&listing.output, stdout, settings->colour);
	output_open(&listing.errors, stderr, settings->colour);
	listing.output.quiet = settings->quiet;
	if (document) {
		listing.files = json_array();
		json_object_del(document, "images");
		if (json_put(document, "undo_files", json_incref(listing.files)) < 0)
			listing.output.error = ENOMEM;
	} else if (settings->json) {
		listing.output.error = ENOMEM;
	}
	for (int i = 0; i < count && listing.output.error == 0; i++)
		list_folder(&listing, folders[i]);
	if (!settings->json)
		list_print_sum(&listing);
	else if (listing.output.error == 0 && report_json_write(document, stdout) < 0)
		listing.output.error = errno;
	json_decref(listing.files);
	json_decref(document);
	return finish_report(listing.worst, &listing.output, 0);
}
