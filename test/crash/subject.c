/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs the commands on an image, and judges what they leave; see subject.h. */
#include "crash/subject.h"

#include <bootshift.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "crash/recorder.h"
#include "engine/container.h"
#include "support/test.h"
#include "transaction/commit.h"
#include "util/bytes.h"
#include "util/path.h"

#define PART              (1u << 16) /* bytes compared at once */
#define SUBJECT_PARTS_MAX 4
#define WHOLE_MAX         (1u << 20) /* bytes; an image up to this size is always compared wholly */

/* ---- images ---------------------------------------------------------------------------------- */

static uint64_t subject_size(int descriptor)
{
	return (uint64_t)lseek(descriptor, 0, SEEK_END);
}

/* Copies the data of a range to offset `at`, and leaves the holes out. */
static void subject_copy_range(int source, uint64_t start, uint64_t end, int target, uint64_t at)
{
	uint8_t *bytes = malloc(PART);
	off_t data = 0, hole = (off_t)start, last = (off_t)end;

	MUST(bytes);
	while (hole < last &&
	       ((data = lseek(source, hole, SEEK_DATA)) >= 0 ||
		(errno == EINVAL && (data = hole) >= 0))) { /* a device has no holes */
		hole = lseek(source, data, SEEK_HOLE);
		hole = hole < 0 || hole > last ? last : hole;
		while (data < hole) {
			ssize_t count =
				pread(source, bytes, min_u64(PART, (uint64_t)(hole - data)), data);

			MUST(count > 0);
			MUST(pwrite(target, bytes, (size_t)count,
				    data - (off_t)start + (off_t)at) == count);
			data += count;
		}
	}
	free(bytes);
}

void subject_copy(const char *from, const char *to)
{
	int source = open(from, O_RDONLY | O_CLOEXEC);
	int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t size = subject_size(source);

	MUST(source >= 0 && target >= 0);
	MUST(ftruncate(target, (off_t)size) == 0);
	subject_copy_range(source, 0, size, target, 0);
	close(source);
	close(target);
}

static bool subject_is_device(const struct subject *subject)
{
	struct stat status;

	MUST(stat(subject->image, &status) == 0);
	return S_ISBLK(status.st_mode);
}

/* Whether the name in the folder is the image's, or that of one of its parts. */
static bool subject_is_image(const struct subject *subject, const char *name)
{
	return strcmp(path_name(subject->image), name) == 0 ||
	       (subject->part_count > 0 && strncmp(name, STORAGE_PART, strlen(STORAGE_PART)) == 0);
}

/* The path of a file of the image: of a part, or of the image itself if it has none. */
static const char *subject_file(const struct subject *subject, unsigned number)
{
	static char path[STORAGE_PATH_MAX + 16];

	if (subject->part_count == 0)
		return subject->image;
	snprintf(path, sizeof(path), "%s/" STORAGE_PART "%u", subject->folder, number);
	return path;
}

static unsigned subject_file_count(const struct subject *subject)
{
	return subject->part_count > 0 ? subject->part_count : 1;
}

/* Opens the image for reading; if it has parts, a copy in memory of all of them. */
static int subject_open(const struct subject *subject)
{
	uint64_t end = 0, lengths[SUBJECT_PARTS_MAX];
	int joined;

	if (subject->part_count == 0)
		return open(subject->image, O_RDONLY | O_CLOEXEC);
	joined = memfd_create("image", MFD_CLOEXEC);
	MUST(joined >= 0);
	for (unsigned i = 0; i < subject->part_count; i++) {
		int part = open(subject_file(subject, i), O_RDONLY | O_CLOEXEC);

		lengths[i] = subject_size(part);
		MUST(part >= 0 && ftruncate(joined, (off_t)(end + lengths[i])) == 0);
		subject_copy_range(part, 0, lengths[i], joined, end);
		end += subject->parts_grow ? subject->part_size : lengths[i];
		close(part);
	}
	if (subject->parts_grow) {
		size_t size = subject->part_count * sizeof(lengths[0]);

		MUST(pwrite(joined, lengths, size, (off_t)end) == (ssize_t)size);
	}
	return joined;
}

/* The length of a part of `old`, which has `size` bytes. */
static uint64_t subject_part_length(const struct subject *subject, int old, uint64_t size,
				    unsigned number)
{
	uint64_t length = min_u64(subject->part_size, size - number * subject->part_size);

	if (subject->parts_grow)
		MUST(pread(old, &length, sizeof(length),
			   (off_t)(subject->part_count * subject->part_size +
				   number * sizeof(length))) == sizeof(length));
	return length;
}

/* Makes each part what `old` has of it. */
static void subject_reset_parts(const struct subject *subject)
{
	int source = open(subject->old, O_RDONLY | O_CLOEXEC);
	uint64_t size = subject_size(source);

	MUST(source >= 0);
	for (unsigned i = 0; i < subject->part_count; i++) {
		uint64_t start = i * subject->part_size;
		uint64_t length = subject_part_length(subject, source, size, i);
		int part = open(subject_file(subject, i), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
				0600);

		MUST(part >= 0 && ftruncate(part, (off_t)length) == 0);
		subject_copy_range(source, start, start + length, part, 0);
		close(part);
	}
	close(source);
}

static FILE *subject_begin_descriptor(const struct subject *subject, const char *type)
{
	FILE *text = fopen(subject->image, "we");

	MUST(text);
	fprintf(text,
		"# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
		"createType=\"%s\"\n",
		type);
	return text;
}

void subject_make_parts(struct subject *subject, unsigned count, uint64_t part_size)
{
	FILE *text = subject_begin_descriptor(subject, "twoGbMaxExtentFlat");
	struct stat old;

	MUST(stat(subject->old, &old) == 0);
	for (unsigned i = 0; i < count; i++)
		fprintf(text, "RW %" PRIu64 " FLAT \"" STORAGE_PART "%u\" 0\n",
			min_u64(part_size, (uint64_t)old.st_size - i * part_size) / 512, i);
	MUST(fclose(text) == 0);
	subject->part_count = count;
	subject->part_size = part_size;
	subject_reset_parts(subject);
}

/* Copies the present image to a file. */
static void subject_keep(const struct subject *subject, const char *path)
{
	char link[64];
	int image = subject_open(subject);

	MUST(image >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", image);
	subject_copy(link, path);
	close(image);
}

void subject_take_growing_parts(struct subject *subject, unsigned count, uint64_t part_size,
				uint64_t capacity)
{
	FILE *text = subject_begin_descriptor(subject, "twoGbMaxExtentSparse");

	for (unsigned i = 0; i < count; i++)
		fprintf(text, "RW %" PRIu64 " SPARSE \"" STORAGE_PART "%u\"\n", capacity / 512, i);
	MUST(fclose(text) == 0 && count <= SUBJECT_PARTS_MAX);
	subject->part_count = count;
	subject->part_size = part_size;
	subject->parts_grow = true;
	subject_keep(subject, subject->old);
}

/* How many files of the image have the attribute. */
static unsigned subject_count_attribute(const struct subject *subject, int attribute)
{
	unsigned count = 0;

	for (unsigned i = 0; i < subject_file_count(subject); i++)
		count += getxattr(subject_file(subject, i), storage_attributes[attribute], NULL,
				  0) >= 0;
	return count;
}

/* Makes the image old again, with no file beside it. */
static void subject_reset(const struct subject *subject)
{
	DIR *names = opendir(subject->folder);
	struct dirent *entry;

	MUST(names);
	while ((entry = readdir(names)))
		if (entry->d_type == DT_REG && !subject_is_image(subject, entry->d_name))
			MUST(unlinkat(dirfd(names), entry->d_name, 0) == 0);
	closedir(names);
	if (subject_is_device(subject)) {
		uint8_t *bytes = malloc(PART);
		int source = open(subject->old, O_RDONLY | O_CLOEXEC);
		int target = open(subject->image, O_WRONLY | O_CLOEXEC);
		ssize_t count;

		MUST(bytes && source >= 0 && target >= 0);
		while ((count = read(source, bytes, PART)) > 0)
			MUST(write(target, bytes, (size_t)count) == count);
		close(source);
		close(target);
		free(bytes);
		return;
	}
	if (subject->part_count == 0)
		subject_copy(subject->old, subject->image);
	subject_reset_parts(subject);
	for (unsigned part = 0; part < subject_file_count(subject); part++)
		for (int i = 0; i < STORAGE_ATTRIBUTES; i++)
			(void)!removexattr(subject_file(subject, part), storage_attributes[i]);
}

/* Compares a part of two files: the bytes and, if asked for, the holes.  NULL: no difference. */
static const char *subject_differs(int one, int other, uint64_t start, uint64_t length, bool holes)
{
	static uint8_t a[PART], b[PART];
	static char text[64];

	MUST(pread(one, a, length, (off_t)start) == (ssize_t)length);
	MUST(pread(other, b, length, (off_t)start) == (ssize_t)length);
	for (uint64_t i = 0; memcmp(a, b, length) != 0; i++) /* ends: at the first difference */
		if (a[i] != b[i]) {
			snprintf(text, sizeof(text), "the byte at %" PRIu64 " differs", start + i);
			return text;
		}
	for (uint64_t at = start; holes && at < start + length; at += STORAGE_BLOCK) {
		off_t position = (off_t)at;

		if ((lseek(one, position, SEEK_DATA) == position) ==
		    (lseek(other, position, SEEK_DATA) == position))
			continue;
		snprintf(text, sizeof(text), "the block at %" PRIu64 " is a hole in one only", at);
		return text;
	}
	return NULL;
}

/* Compares the image with a file: all of it if it is small, else what was touched. */
static const char *subject_compare(const struct subject *subject, const char *expected, bool holes,
				   const struct recording *recording)
{
	int one = subject_open(subject);
	int other = open(expected, O_RDONLY | O_CLOEXEC);
	uint64_t size = subject_size(one);
	const char *difference = NULL;

	MUST(one >= 0 && other >= 0);
	holes &= !subject_is_device(subject) && subject->part_count == 0;
	if (size != subject_size(other)) {
		difference = "the length differs";
	} else if (size <= WHOLE_MAX || !recording || subject->part_count > 0) {
		for (uint64_t at = 0; at < size && !difference; at += PART)
			difference =
				subject_differs(one, other, at, min_u64(PART, size - at), holes);
	} else {
		const struct stored_file *file = &recording->files[0];

		for (size_t i = 0; i < file->touched_count && !difference; i += 8) {
			uint64_t at = (uint64_t)file->touched[i] * STORAGE_SECTOR;

			if (at < size)
				difference = subject_differs(
					one, other, at, min_u64(STORAGE_BLOCK, size - at), holes);
		}
	}
	close(one);
	close(other);
	return difference;
}

static const char *subject_compare_new(const struct subject *subject,
				       const struct recording *recording)
{
	if (access(subject->new, F_OK) != 0)
		return NULL;
	return subject_compare(subject, subject->new, false, recording);
}

/* ---- commands -------------------------------------------------------------------------------- */

const char *action_title(enum action action)
{
	static const char *const titles[] = {"fix", "undo", "recovery", "accept"};

	return titles[action];
}

/* A command of the library without a plan. */
typedef enum bs_exit subject_command(const char *image, const struct bs_options *options,
				     struct bs_result *result);

static int subject_call(const struct subject *subject, subject_command *command, bool rehearse_undo,
			struct bs_error *err)
{
	const struct bs_options options = {.size = sizeof(options),
					   .undo_directory = subject->undo_directory,
					   .rehearse_undo = rehearse_undo};
	struct bs_result result;
	int status = command(subject->image, &options, &result) == BS_EXIT_DONE ? 0 : -1;

	*err = result.error;
	bs_result_free(&result);
	return status;
}

int subject_run(const struct subject *subject, enum action action, struct bs_error *err)
{
	static subject_command *const commands[] = {[ACTION_UNDO] = bs_undo,
						    [ACTION_RECOVER] = bs_recover,
						    [ACTION_ACCEPT] = bs_accept};

	if (action == ACTION_FIX)
		return subject->fix(subject, err);
	return subject_call(subject, commands[action], false, err);
}

static int subject_state(const struct subject *subject, enum transaction_state *state,
			 struct bs_error *err)
{
	const struct bs_options options = {0};
	struct container container;
	struct place place = {0};
	int result = -1;

	if (container_open_target(&container, subject->image, &options, err) == 0 &&
	    place_find(container.target, subject->undo_directory, &place, err) == 0)
		result = transaction_state(&place, state, err);
	place_free(&place);
	container_close(&container);
	return result;
}

int subject_make_old(const struct subject *subject, struct bs_error *err)
{
	enum transaction_state state;

	if (subject_call(subject, bs_recover, false, err) < 0 ||
	    subject_state(subject, &state, err) < 0)
		return -1;
	return state == TRANSACTION_APPLIED ? subject_call(subject, bs_undo, false, err) : 0;
}

/* ---- judging --------------------------------------------------------------------------------- */

static const char *subject_find_left_over(const struct subject *subject)
{
	static char text[320];
	DIR *names = opendir(subject->folder);
	struct dirent *entry;
	bool found = false;

	MUST(names);
	while (!found && (entry = readdir(names)))
		if (entry->d_name[0] != '.' && !subject_is_image(subject, entry->d_name)) {
			snprintf(text, sizeof(text), "%s is left", entry->d_name);
			found = true;
		}
	closedir(names);
	for (int i = 0; i < STORAGE_ATTRIBUTES - subject->hint_may_stay && !found; i++)
		if (subject_count_attribute(subject, i) > 0) {
			snprintf(text, sizeof(text), "the attribute %s is left",
				 storage_attributes[i]);
			found = true;
		}
	return found ? text : NULL;
}

static const char *subject_judge_fail(const char *what, const char *why)
{
	static char text[1024];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	return text;
}

/* What the signpost says must be true as well. */
static const char *subject_judge_signpost(const struct subject *subject,
					  enum transaction_state state,
					  const struct recording *recording)
{
	unsigned up = subject_count_attribute(subject, 0);
	bool may_be_up = state == TRANSACTION_INTERRUPTED;

	if (subject_is_device(subject))
		return NULL;
	if (up > 0 && !may_be_up)
		return "its signpost says that it is half written";
	/* Any of its files may be named alone. */
	if (up < subject_file_count(subject) &&
	    subject_compare(subject, subject->old, false, recording) &&
	    subject_compare_new(subject, recording))
		return "it is half written, and no signpost says so";
	return NULL;
}

/*
 * An accept leaves a fix that can be undone, or none, and another accept ends what is left.  None of
 * that changes the image's bytes: the state that is built next relies on them.
 */
static const char *subject_judge_accept(const struct subject *subject, bool succeeded,
					const struct recording *recording)
{
	enum transaction_state state;
	struct bs_error err;
	const char *difference;

	if (subject_state(subject, &state, &err) < 0)
		return subject_judge_fail("no command knows what to do", err.message);
	if (state != TRANSACTION_NONE && (succeeded || state != TRANSACTION_APPLIED))
		return "it is neither fixed nor accepted";
	if (state == TRANSACTION_APPLIED && subject_call(subject, bs_undo, true, &err) < 0)
		return subject_judge_fail("its fix cannot be undone", err.message);
	if (state == TRANSACTION_APPLIED && subject_call(subject, bs_accept, false, &err) < 0)
		return subject_judge_fail("it cannot be accepted", err.message);
	/* Any command removes the lock file that a crash leaves. */
	if (subject_call(subject, bs_recover, false, &err) < 0)
		return subject_judge_fail("no command can lock it", err.message);
	difference = subject_compare_new(subject, recording);
	return difference ? subject_judge_fail("the accept has changed it", difference)
			  : subject_find_left_over(subject);
}

/* What the program says of the state must be true, and must fit what it reported before the cut. */
static const char *subject_judge_found(const struct subject *subject, enum action action,
				       bool succeeded, const struct recording *recording)
{
	enum transaction_state state;
	struct bs_error err;
	const char *difference = NULL;

	if (subject_state(subject, &state, &err) < 0)
		return subject_judge_fail("no command knows what to do", err.message);
	if (state == TRANSACTION_APPLIED)
		difference = subject_compare_new(subject, recording);
	else if (state == TRANSACTION_NONE || state == TRANSACTION_DONE)
		difference = subject_compare(subject, subject->old, false, recording);
	if (difference)
		return subject_judge_fail(state == TRANSACTION_APPLIED ? "it is said to be fixed"
								       : "it is said to be old",
					  difference);
	if (succeeded && (state == TRANSACTION_APPLIED) != (action == ACTION_FIX))
		return "the success that was reported is lost";
	if (succeeded && state == TRANSACTION_INTERRUPTED)
		return "it was reported done, and is said to be interrupted";
	return subject_judge_signpost(subject, state, recording);
}

static const char *subject_judge_old(const struct subject *subject,
				     const struct recording *recording)
{
	const char *difference = subject_compare(subject, subject->old, true, recording);

	if (difference)
		return subject_judge_fail("it is not as before the fix", difference);
	return subject_find_left_over(subject);
}

const char *subject_judge(const struct subject *subject, enum action action, bool succeeded,
			  const struct recording *recording)
{
	const char *problem;
	struct bs_error err;

	if (action == ACTION_ACCEPT)
		return subject_judge_accept(subject, succeeded, recording);
	problem = subject_judge_found(subject, action, succeeded, recording);
	if (problem)
		return problem;
	if (subject_make_old(subject, &err) < 0)
		return subject_judge_fail("it cannot be made old", err.message);
	return subject_judge_old(subject, recording);
}

const char *subject_find_changed(const struct subject *subject, enum action action,
				 const struct recording *recording)
{
	enum transaction_state state;
	struct bs_error err;

	if (subject_state(subject, &state, &err) < 0)
		return subject_judge_fail("no command knows what to do", err.message);
	if (action == ACTION_FIX)
		return state == TRANSACTION_APPLIED || state == TRANSACTION_INTERRUPTED
			       ? "it is not as before the fix"
			       : subject_compare(subject, subject->old, true, recording);
	/* The removal of the undo file may have succeeded, and its sync failed. */
	if (action == ACTION_ACCEPT && state != TRANSACTION_APPLIED && state != TRANSACTION_NONE)
		return "it is neither fixed nor accepted";
	if (action == ACTION_UNDO && state != TRANSACTION_APPLIED)
		return "it is not fixed any more";
	if (action == ACTION_RECOVER && (state == TRANSACTION_NONE || state == TRANSACTION_DONE))
		return NULL; /* the recovery succeeded, and what came after it failed */
	return subject_compare_new(subject, recording);
}

void subject_note_new(const struct subject *subject, enum action action)
{
	if (action == ACTION_FIX)
		subject_keep(subject, subject->new);
}

/* ---- preparing ------------------------------------------------------------------------------- */

/* Interrupts an undo before it changes the image.  All that it did before is durable. */
static void subject_interrupt_undo(const struct subject *subject)
{
	struct recording *recording;
	struct bs_error err;
	struct cut cut;
	int event = 0;

	recorder_start(subject->folder, subject->image, NULL);
	MUST(subject_call(subject, bs_undo, false, &err) == 0);
	recording = recorder_stop();
	while (!strstr(recording->events[event].text,
		       subject->part_count > 0 ? " " STORAGE_PART : "the image"))
		event++;
	cut_open(recording, event, &cut);
	for (size_t i = 0; i < cut.loose_count; i++)
		cut.loose[i].pick = cut.loose[i].count - 1;
	cut_build(&cut);
	cut_close(&cut);
	storage_free(recording);
}

void subject_prepare(const struct subject *subject, enum action action)
{
	struct bs_error err;

	subject_reset(subject);
	if (action == ACTION_FIX)
		return;
	ck_assert_msg(subject->fix(subject, &err) == 0, "%s", err.message);
	subject_note_new(subject, ACTION_FIX);
	if (action == ACTION_RECOVER)
		subject_interrupt_undo(subject);
}
