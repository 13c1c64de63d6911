/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/advice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/phrases.h"

static void advice_put_word(FILE *stream, const char *word)
{
	char *quoted = shell_word(word);

	if (quoted)
		fputs(quoted, stream);
	free(quoted);
}

/*
 * Whether a program would read a path as an option, or QEMU would read it as a protocol.  With "./"
 * in front, neither happens.
 */
static bool advice_is_misleading(const char *image)
{
	return image[0] == '-' || (image[strcspn(image, ":/")] == ':' && !strstr(image, "://"));
}

static void advice_put_image(FILE *stream, const struct advice_subject *subject)
{
	char *path = NULL;

	if (!advice_is_misleading(subject->image))
		advice_put_word(stream, subject->image);
	else if (asprintf(&path, "./%s", subject->image) >= 0)
		advice_put_word(stream, path);
	free(path);
}

/* ---- commands of bootshift ----------------------------------------------------------------- */

static const struct {
	const char *text;
	bool reads; /* accepts the options that say how the image is read */
} verbs[] = {
	/* clang-format off */
	{"bootshift inspect ", true},
	{"bootshift plan ", true},
	{"bootshift fix ", true},
	{"bootshift verify ", true},
	{"bootshift undo ", false},
	/* clang-format on */
};

/* The length of a command in an advice, which may continue after the command. */
static size_t advice_command_length(const char *command)
{
	size_t length = strcspn(command, ";)");
	const char *comma = strstr(command, ", ");

	return comma && (size_t)(comma - command) < length ? (size_t)(comma - command) : length;
}

static bool advice_has_option(const char *command, const char *name)
{
	const char *found = strstr(command, name);

	return found && (size_t)(found - command) < advice_command_length(command);
}

static void advice_put_option(FILE *stream, const char *command, const char *name,
			      const char *value)
{
	if (!value || advice_has_option(command, name))
		return;
	fprintf(stream, "%s ", name);
	advice_put_word(stream, value);
	fputc(' ', stream);
}

static void advice_put_number(FILE *stream, const char *command, const char *name, uint32_t number)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", number);
	advice_put_option(stream, command, name, number != 0 ? value : NULL);
}

/* Repeats the options that the user gave, except those for which the command has a value. */
static void advice_put_options(FILE *stream, const char *command, bool reads,
			       const struct bs_options *options)
{
	if (!reads)
		advice_put_option(stream, command, "--undo-file", options->undo_file);
	if (reads) {
		advice_put_option(stream, command, "--format", options->format);
		if (!advice_has_option(command, "--plan")) /* which says it, too */
			advice_put_number(stream, command, "--system-partition",
					  options->system_partition);
		advice_put_number(stream, command, "--boot-partition", options->boot_partition);
	}
	if (!advice_has_option(command, "--undo-file")) /* which contradicts the folder */
		advice_put_option(stream, command, "--undo-dir", options->undo_directory);
}

/* ---- the text ------------------------------------------------------------------------------ */

static bool advice_begins_with(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncmp(text, word, length) == 0 &&
	       (text[length] == '\0' || strchr(" ,;:)", text[length]));
}

/* Writes a piece of the code's advice, with words replaced.  Returns the length of the piece. */
static size_t advice_put_piece(FILE *stream, const char *text, bool at_word,
			       const struct advice_subject *subject)
{
	const struct bs_inspection *inspection = subject->inspection;

	if (at_word && advice_begins_with(text, "IMAGE")) {
		advice_put_image(stream, subject);
		return strlen("IMAGE");
	}
	if (at_word && advice_begins_with(text, "N") && inspection &&
	    inspection->advised_partition != 0) {
		fprintf(stream, "%u", inspection->advised_partition);
		return strlen("N");
	}
	for (size_t i = 0; at_word && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		size_t length = strlen(verbs[i].text);

		if (strncmp(text, verbs[i].text, length) != 0)
			continue;
		fputs(verbs[i].text, stream);
		if (subject->options)
			advice_put_options(stream, text, verbs[i].reads, subject->options);
		return length;
	}
	fputc(*text, stream);
	return 1;
}

static void advice_put_text(FILE *stream, const char *text, const struct advice_subject *subject)
{
	for (size_t i = 0; text[i] != '\0';)
		i += advice_put_piece(stream, text + i, i == 0 || strchr(" <=", text[i - 1]),
				      subject);
}

/* ---- advice that depends on the image ------------------------------------------------------ */

/* QEMU's name of a format. */
static const char *advice_driver(const struct bs_inspection *inspection)
{
#define DRIVER(id, driver, title, ...) {#id, driver},
	static const char *const drivers[][2] = {BS_FORMATS(DRIVER)};
#undef DRIVER

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(inspection->format, drivers[i][0]) == 0)
			return drivers[i][1];
	return inspection->format;
}

/* The advice is to decrypt a raw copy, because cryptsetup opens only raw files and devices. */
static void advice_put_decryption(FILE *stream, const struct advice_subject *subject)
{
	fprintf(stream, "decrypt a raw copy of it: qemu-img convert -f %s -O raw ",
		advice_driver(subject->inspection));
	advice_put_image(stream, subject);
	fputs(" NEW && cryptsetup open NEW decrypted && bootshift fix /dev/mapper/decrypted",
	      stream);
}

/*
 * Writes `text` with the option that leads to the undo file, if that file can be found, or else
 * `other`.
 */
static void advice_put_undo(FILE *stream, const char *text, const char *other,
			    const struct advice_subject *subject)
{
	struct bs_options options = subject->options ? *subject->options : (struct bs_options){0};
	struct advice_subject known = *subject;
	char *folder, *file;
	bool found = bs_find_undo_file(subject->image, subject->options, &folder, &file);

	if (found) {
		options.undo_directory = folder;
		options.undo_file = file;
	}
	known.options = &options;
	advice_put_text(stream, found ? text : other, &known);
	free(folder);
	free(file);
}

/* One file of a disk in several files may be named: only the disk as a whole can be taken back. */
static void advice_put_recovery(FILE *stream, const struct advice_subject *subject)
{
	const char *text = bs_code_advice(BS_RECOVERY_REQUIRED);
	struct bs_relations found = {NULL};
	struct advice_subject whole = *subject;
	struct bs_error ignored;

	if (bs_relations_look(&found, subject->image, &ignored) == 0 &&
	    bs_relations_whole(&found, subject->image))
		whole.image = bs_relations_whole(&found, subject->image);
	advice_put_undo(stream, text, text, &whole);
	bs_relations_free(&found);
}

/* The user has named the undo file of another image.  The image may have one of its own. */
static void advice_put_own_undo(FILE *stream, const struct advice_subject *subject)
{
	struct advice_subject alone = {.image = subject->image};

	advice_put_undo(stream, "undo with the undo file of this image: bootshift undo IMAGE",
			bs_code_advice(BS_UNDO_FILE_UNRELATED), &alone);
}

/* ---- advice about partitions that the user chose ------------------------------------------- */

static bool advice_is_of_system(enum bs_code code)
{
	return code == BS_BOOTMGR_MISSING || code == BS_BOOTMGR_DAMAGED || code == BS_BCD_MISSING ||
	       code == BS_BCD_DAMAGED || code == BS_BOOT_CODE_MISSING ||
	       code == BS_NO_DEFAULT_ENTRY || code == BS_NOT_NTFS || code == BS_SYSTEM_PARTITION;
}

static bool advice_is_of_boot(enum bs_code code)
{
	return code == BS_WINLOAD_MISSING || code == BS_BOOT_VOLUME_MISSING || code == BS_NOT_NTFS;
}

/* The number of the partition that would be used without the option; 0: not known. */
static uint32_t advice_active_partition(const struct bs_inspection *inspection)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < inspection->partition_count; i++) {
		if (!inspection->partitions[i].active)
			continue;
		if (number != 0)
			return 0;
		number = inspection->partitions[i].number;
	}
	return number;
}

/* Whether the code says that a chosen partition is the wrong one; then sets the option and the
 * partition that would be used without it. */
static bool advice_finds_wrong_choice(enum bs_code code, const struct advice_subject *subject,
				      const char **option, uint32_t *usual)
{
	const struct bs_options *options = subject->options;
	uint32_t active;

	if (!options || !subject->inspection)
		return false;
	active = advice_active_partition(subject->inspection);
	if (options->system_partition != 0 && options->system_partition != active &&
	    advice_is_of_system(code)) {
		*option = "--system-partition";
		*usual = active;
		return true;
	}
	*option = "--boot-partition";
	*usual = subject->inspection->advised_partition;
	return options->boot_partition != 0 && options->boot_partition != *usual &&
	       advice_is_of_boot(code);
}

static void advice_put_choice(FILE *stream, const struct advice_subject *subject,
			      const char *option, uint32_t usual)
{
	struct bs_options options = *subject->options;
	struct advice_subject unchosen = *subject;

	options.system_partition = options.boot_partition = 0;
	unchosen.options = &options;
	fprintf(stream, "leave out %s", option);
	if (usual != 0)
		fprintf(stream, " (partition %u is then used)", usual);
	advice_put_text(stream,
			", or choose another partition; to see them: bootshift inspect IMAGE",
			&unchosen);
}

/*
 * Whether boot files that are made anew remove the reason.  If that can be done, Windows' own volume is
 * sound, so the other codes are about the system volume.  A BCD with newer data in its logs is sound
 * for Windows.
 */
static bool advice_is_of_lost_files(enum bs_code code)
{
	return (bs_code_is_cured(code) && code != BS_BCD_DIRTY) || code == BS_NOT_NTFS ||
	       code == BS_NTFS_DAMAGED;
}

static bool advice_is_raw_file(const struct advice_subject *subject)
{
	return strcmp(subject->inspection->format, "raw") == 0 && !strstr(subject->image, "://");
}

char *advice_make(enum bs_code code, const struct advice_subject *subject)
{
	const struct bs_inspection *inspection = subject->inspection;
	const char *option;
	uint32_t usual;
	char *advice = NULL;
	size_t length;
	FILE *stream = open_memstream(&advice, &length);
	bool failed;

	if (!stream)
		return NULL;
	if (subject->advice)
		fputs(subject->advice, stream);
	else if (!subject->image)
		fputs(bs_code_advice(code), stream);
	else if (advice_finds_wrong_choice(code, subject, &option, &usual))
		advice_put_choice(stream, subject, option, usual);
	else if (inspection && inspection->can_rebuild && advice_is_of_lost_files(code))
		advice_put_text(stream,
				"make the boot files anew from what Windows keeps: bootshift fix "
				"--rebuild IMAGE",
				subject);
	else if (code == BS_DISK_ENCRYPTED && inspection && !advice_is_raw_file(subject))
		advice_put_decryption(stream, subject);
	else if (code == BS_BOOT_VOLUME_MISSING && inspection && inspection->no_windows)
		fputs("name an image of the disk that has Windows", stream);
	else if (code == BS_RECOVERY_REQUIRED)
		advice_put_recovery(stream, subject);
	else if (code == BS_UNDO_FILE_UNRELATED)
		advice_put_own_undo(stream, subject);
	else if (code == BS_NO_UNDO_FILE)
		advice_put_undo(stream, "undo with that file: bootshift undo IMAGE",
				bs_code_advice(code), subject);
	else
		advice_put_text(stream, bs_code_advice(code), subject);
	failed = ferror(stream) != 0;
	if (fclose(stream) == 0 && !failed)
		return advice;
	free(advice);
	return NULL;
}

char *advice_undo_command(const struct advice_subject *subject, const struct bs_result *result)
{
	static const char *const command = "bootshift undo IMAGE";
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	bool failed;

	if (!stream)
		return NULL;
	if (result->undo_file) /* which is where the options of the user say */
		advice_put_text(stream, command, subject);
	else
		advice_put_undo(stream, command, "", subject);
	failed = ferror(stream) != 0;
	if (fclose(stream) == 0 && !failed && length > 0)
		return text;
	free(text);
	return NULL;
}

const char *advice_command(const char *advice)
{
	static const char *const programs[] = {
		"bootshift ", "qemu-img ",   "cryptsetup ", "bcdboot ",  "bcdedit ", "bootsect ",
		"convert ",   "del ",        "manage-bde ", "sfc ",      "gunzip ",  "bunzip2 ",
		"xz ",        "zstd ",       "unzip ",      "7z ",       "tar ",     "affcat ",
		"ewfexport ", "VBoxManage ", "Merge-VHD ",  "qemu-nbd ", "losetup "};
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
		print_problem_and_command(output, subject->image, error, advice,
					  advice_command(advice));
	free(advice);
}
