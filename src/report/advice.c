/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/advice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/phrases.h"

/* A text that grows; `text` is NULL and `stream` too when memory ran out. */
struct advice {
	FILE *stream;
	char *text;
	size_t length;
};

static bool begin(struct advice *advice)
{
	*advice = (struct advice){.text = NULL};
	advice->stream = open_memstream(&advice->text, &advice->length);
	return advice->stream != NULL;
}

static char *finish(struct advice *advice)
{
	bool failed = ferror(advice->stream) != 0;

	if (fclose(advice->stream) == 0 && !failed)
		return advice->text;
	free(advice->text);
	return NULL;
}

static void put_word(struct advice *advice, const char *word)
{
	char *quoted = shell_word(word);

	if (quoted)
		fputs(quoted, advice->stream);
	free(quoted);
}

/*
 * Whether a name that is a path would be taken for an option, or by QEMU for a protocol; with its
 * folder in front it is neither.
 */
static bool is_misleading(const char *image)
{
	return image[0] == '-' || (image[strcspn(image, ":/")] == ':' && !strstr(image, "://"));
}

static void put_image(struct advice *advice, const struct advice_subject *subject)
{
	char *path = NULL;

	if (!is_misleading(subject->image))
		put_word(advice, subject->image);
	else if (asprintf(&path, "./%s", subject->image) >= 0)
		put_word(advice, path);
	free(path);
}

/* ---- commands of ours ---------------------------------------------------------------------- */

static const struct {
	const char *text;
	bool looks; /* takes the options that say how to look at the image */
} verbs[] = {
	{"bootshift inspect ", true},
	{"bootshift plan ", true},
	{"bootshift fix ", true},
	{"bootshift undo ", false},
};

/* The end of a command: of the advice, or where the sentence goes on. */
static size_t command_length(const char *command)
{
	size_t length = strcspn(command, ";)");
	const char *comma = strstr(command, ", ");

	return comma && (size_t)(comma - command) < length ? (size_t)(comma - command) : length;
}

static void put_option(struct advice *advice, const char *command, const char *name,
		       const char *value)
{
	const char *found = strstr(command, name);

	if (!value || (found && (size_t)(found - command) < command_length(command)))
		return;
	fprintf(advice->stream, "%s ", name);
	put_word(advice, value);
	fputc(' ', advice->stream);
}

static void put_number(struct advice *advice, const char *command, const char *name,
		       uint32_t number)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", number);
	put_option(advice, command, name, number != 0 ? value : NULL);
}

/* The options that the user gave go on to count, unless the advice has another value for one. */
static void put_options(struct advice *advice, const char *command, bool looks,
			const struct bs_options *options)
{
	if (looks) {
		put_option(advice, command, "--format", options->format);
		put_number(advice, command, "--system-partition", options->system_partition);
		put_number(advice, command, "--boot-partition", options->boot_partition);
	}
	put_option(advice, command, "--undo-dir", options->undo_directory);
}

/* ---- the text ------------------------------------------------------------------------------ */

static bool begins_with_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncmp(text, word, length) == 0 &&
	       (text[length] == '\0' || strchr(" ,;:)", text[length]));
}

/* Puts out a piece of the code's advice; returns how long that piece is in it. */
static size_t put_piece(struct advice *advice, const char *text, bool at_word,
			const struct advice_subject *subject)
{
	const struct bs_inspection *inspection = subject->inspection;

	if (at_word && begins_with_word(text, "IMAGE")) {
		put_image(advice, subject);
		return strlen("IMAGE");
	}
	if (at_word && begins_with_word(text, "N") && inspection &&
	    inspection->advised_partition != 0) {
		fprintf(advice->stream, "%u", inspection->advised_partition);
		return strlen("N");
	}
	for (size_t i = 0; at_word && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		size_t length = strlen(verbs[i].text);

		if (strncmp(text, verbs[i].text, length) != 0)
			continue;
		fputs(verbs[i].text, advice->stream);
		if (subject->options)
			put_options(advice, text, verbs[i].looks, subject->options);
		return length;
	}
	fputc(*text, advice->stream);
	return 1;
}

static void put_text(struct advice *advice, const char *text, const struct advice_subject *subject)
{
	for (size_t i = 0; text[i] != '\0';)
		i += put_piece(advice, text + i, i == 0 || strchr(" <=", text[i - 1]), subject);
}

/* ---- advice with more in it than a code's text ---------------------------------------------- */

/* QEMU's name of a format. */
static const char *driver(const struct bs_inspection *inspection)
{
#define DRIVER(id, driver, title, ...) {#id, driver},
	static const char *const drivers[][2] = {BS_FORMATS(DRIVER)};
#undef DRIVER

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(inspection->format, drivers[i][0]) == 0)
			return drivers[i][1];
	return inspection->format;
}

/* The four bytes at the place of the signature in the master boot record. */
static void put_signature_back(struct advice *advice, const struct advice_subject *subject)
{
	uint32_t signature = subject->inspection->earlier_signature;

	fprintf(advice->stream, "give the disk its signature back: qemu-io -f %s",
		driver(subject->inspection));
	for (unsigned i = 0; i < sizeof(signature); i++)
		fprintf(advice->stream, " -c \"write -P 0x%02x %u 1\"", signature >> 8 * i & 0xFF,
			0x1B8 + i);
	fputc(' ', advice->stream);
	put_image(advice, subject);
}

/* cryptsetup opens files and devices with a bare disk in them. */
static void put_decryption(struct advice *advice, const struct advice_subject *subject)
{
	fprintf(advice->stream, "decrypt a raw copy of it: qemu-img convert -f %s -O raw ",
		driver(subject->inspection));
	put_image(advice, subject);
	fputs(" NEW && cryptsetup open NEW decrypted && bootshift fix /dev/mapper/decrypted",
	      advice->stream);
}

/* A half-written image knows better than the user in which folder its undo file belongs. */
static void put_recovery(struct advice *advice, const char *text,
			 const struct advice_subject *subject)
{
	struct bs_options options = subject->options ? *subject->options : (struct bs_options){0};
	struct advice_subject known = *subject;
	char *folder;

	if (bs_undo_folder(subject->image, &folder))
		options.undo_directory = folder;
	known.options = &options;
	put_text(advice, text, &known);
	free(folder);
}

static bool is_bare_disk(const struct advice_subject *subject)
{
	return strcmp(subject->inspection->format, "raw") == 0 && !strstr(subject->image, "://");
}

char *advice_make(enum bs_code code, const struct advice_subject *subject)
{
	const struct bs_inspection *inspection = subject->inspection;
	struct advice advice;

	if (!begin(&advice))
		return NULL;
	if (!subject->image)
		fputs(bs_code_advice(code), advice.stream);
	else if (code == BS_SIGNATURE_CHANGED && inspection && inspection->earlier_signature != 0)
		put_signature_back(&advice, subject);
	else if (code == BS_DISK_ENCRYPTED && inspection && !is_bare_disk(subject))
		put_decryption(&advice, subject);
	else if (code == BS_BOOT_VOLUME_MISSING && inspection && inspection->no_windows)
		fputs("name an image of the disk that has Windows", advice.stream);
	else if (code == BS_RECOVERY_REQUIRED)
		put_recovery(&advice, bs_code_advice(code), subject);
	else
		put_text(&advice, bs_code_advice(code), subject);
	return finish(&advice);
}

const char *advice_command(const char *advice)
{
	static const char *const programs[] = {
		"bootshift ", "qemu-img ", "qemu-io ", "cryptsetup ", "bcdboot ", "bcdedit ",
		"bootsect ",  "convert ",  "del ",     "manage-bde ", "sfc "};
	const char *start = advice;

	while ((start = strstr(start, ": "))) {
		start += 2;
		for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
			if (strncmp(start, programs[i], strlen(programs[i])) == 0)
				return start;
	}
	return NULL;
}

void advice_print_error(struct output *output, const struct advice_subject *subject,
			const struct bs_error *error)
{
	char *advice = advice_make(error->code, subject);

	if (!advice)
		output->error = ENOMEM;
	else
		print_problem(output, subject->image, error, advice);
	free(advice);
}
